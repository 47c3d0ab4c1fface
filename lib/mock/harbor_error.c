/* harbor_error.c - the one shape of Harbor's errors, and of its answers to creations and lists. */
#include "mock/harbor.h"

#include <stdlib.h>

static void error_text(mk_reply *p, int status, const char *code, const char *message)
{
    p->status = status;
    ir_buf_clear(&p->body);
    mk_reply_header(p, "Content-Type", "application/json; charset=utf-8");
    ir_json *j = ir_json_pack("{s:[{s:s, s:s}]}", "errors", "code", code, "message", message);
    if (ir_json_dump(j, IR_JSON_COMPACT, &p->body, NULL))
        p->status = 500;
    ir_buf_addc(&p->body, '\n');
    ir_json_free(j);
}

static void error_va(mk_reply *p, int status, const char *code, const char *fmt, va_list ap)
{
    ir_buf b = IR_BUF(IR_ERROR_BODY_MAX);
    ir_buf_addv(&b, fmt, ap);
    error_text(p, status, code, ir_buf_str(&b));
    ir_buf_free(&b);
}

void mk_error(mk_reply *p, int status, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_va(p, status, code, fmt, ap);
    va_end(ap);
}

void mk_error_bad(mk_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_va(c->p, 400, "BAD_REQUEST", fmt, ap);
    va_end(ap);
}

void mk_error_missing(mk_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_va(c->p, 404, "NOT_FOUND", fmt, ap);
    va_end(ap);
}

/* Only here does Harbor's API challenge, and only those who did not log in. */
void mk_error_binding(mk_call *c, const char *fmt, ...)
{
    va_list ap;
    ir_buf b = IR_BUF(IR_ERROR_BODY_MAX);
    ir_buf_adds(&b, "validation failure list:\n");
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    if (c->who->kind == MK_ANONYMOUS)
        mk_reply_header(c->p, "Www-Authenticate", "Basic realm=\"API\"");
    error_text(c->p, 422, "UNPROCESSABLE_ENTITY", ir_buf_str(&b));
    ir_buf_free(&b);
}

void mk_error_panic(mk_call *c)
{
    c->p->status = 500;
}

void mk_created(mk_call *c, int64_t id)
{
    size_t len = strlen(c->r->path);
    len -= len && c->r->path[len - 1] == '/';
    c->p->status = 201;
    mk_reply_header(c->p, "Location", "%.*s/%lld", (int)len, c->r->path, (long long)id);
}

void mk_list_reply(mk_call *c, int64_t total, ir_json *items)
{
    mk_reply_header(c->p, "X-Total-Count", "%lld", (long long)total);
    mk_reply_json(c->p, 200, items);
}
