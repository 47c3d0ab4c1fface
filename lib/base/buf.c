/* buf.c - the growing buffer: every append checks the cap, the first failure sticks, and secrets
 * leave no copy behind when the bytes move. */
#include "base/buf.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

static int regrow(ir_buf *b, size_t cap)
{
    char *p = NULL;
    if (!b->secret) {
        p = realloc(b->p, cap);
    } else if ((p = malloc(cap)) && b->p) {
        memcpy(p, b->p, b->len + 1);
        ir_wipe(b->p, b->cap);
        free(b->p);
    }
    if (!p)
        return b->bad = IMGREL_ENOMEM;
    b->p = p;
    b->cap = cap;
    b->p[b->len] = '\0';
    return 0;
}

char *ir_buf_room(ir_buf *b, size_t len)
{
    if (b->bad)
        return NULL;
    if (len > b->max - b->len) {
        b->bad = IMGREL_ELIMIT;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap || !b->p) {
        size_t cap = b->cap + b->cap / 2;
        cap = cap < need ? need : cap;
        cap = cap < 64 ? 64 : cap;
        if (regrow(b, cap))
            return NULL;
    }
    return b->p + b->len;
}

void ir_buf_added(ir_buf *b, size_t len)
{
    if (b->bad || !b->p)
        return;
    b->len += len;
    b->p[b->len] = '\0';
}

void ir_buf_add(ir_buf *b, const void *p, size_t len)
{
    char *at = ir_buf_room(b, len);
    if (!at)
        return;
    if (len)
        memcpy(at, p, len);
    ir_buf_added(b, len);
}

void ir_buf_adds(ir_buf *b, const char *s)
{
    ir_buf_add(b, s, strlen(s));
}

void ir_buf_addc(ir_buf *b, char c)
{
    ir_buf_add(b, &c, 1);
}

void ir_buf_addv(ir_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char none[1];
    int n = vsnprintf(none, 0, fmt, ap);
    char *at = n < 0 ? NULL : ir_buf_room(b, (size_t)n);
    if (n < 0 && !b->bad)
        b->bad = IMGREL_ENOMEM;
    if (at) {
        vsnprintf(at, (size_t)n + 1, fmt, again);
        ir_buf_added(b, (size_t)n);
    }
    va_end(again);
}

void ir_buf_addf(ir_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(b, fmt, ap);
    va_end(ap);
}

void ir_buf_truncate(ir_buf *b, size_t len)
{
    if (len >= b->len)
        return;
    if (b->secret)
        ir_wipe(b->p + len, b->len - len);
    b->len = len;
    b->p[len] = '\0';
}

void ir_buf_drop(ir_buf *b, size_t len)
{
    if (!len || !b->p)
        return;
    len = len < b->len ? len : b->len;
    memmove(b->p, b->p + len, b->len - len);
    ir_buf_truncate(b, b->len - len);
}

void ir_buf_clear(ir_buf *b)
{
    ir_buf_truncate(b, 0);
    b->bad = 0;
}

int ir_buf_check(const ir_buf *b, imgrel_error *err, const char *what)
{
    if (b->bad == IMGREL_ELIMIT)
        return ir_fail(err, IMGREL_ELIMIT, "%s: too long (over %zu bytes)", what, b->max);
    return b->bad ? ir_nomem(err) : 0;
}

const char *ir_buf_str(const ir_buf *b)
{
    return b->p ? b->p : "";
}

char *ir_buf_take(ir_buf *b)
{
    char *p = NULL;
    if (ir_buf_room(b, 0)) {
        p = b->p;
        b->p = NULL;
        b->len = b->cap = 0;
    }
    ir_buf_free(b);
    return p;
}

void ir_buf_free(ir_buf *b)
{
    if (b->secret)
        ir_wipe(b->p, b->cap);
    free(b->p);
    b->p = NULL;
    b->len = b->cap = 0;
    b->bad = 0;
}
