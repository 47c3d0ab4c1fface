/* str.c - strings: copies, strict numbers and durations, lists, and secrets that are wiped. */
#include "base/str.h"
#include "base/buf.h"

#include <limits.h>
#include <stdlib.h>

char *ir_strdup(const char *s)
{
    return s ? strdup(s) : NULL;
}

char *ir_strndup(const char *s, size_t len)
{
    return s ? strndup(s, len) : NULL;
}

char *ir_format(const char *fmt, ...)
{
    ir_buf b = IR_BUF(INT_MAX);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    return ir_buf_take(&b);
}

bool ir_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ir_ends(const char *s, const char *suffix)
{
    size_t a = strlen(s), b = strlen(suffix);
    return a >= b && memcmp(s + a - b, suffix, b) == 0;
}

bool ir_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool ir_is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

size_t ir_utf8_len(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    unsigned char least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (n > 1 && (s[1] < least || s[1] > most))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool ir_parse_u64(const char *s, unsigned long long max, unsigned long long *ret)
{
    unsigned long long v = 0;
    if (!s || !*s)
        return false;
    for (; *s; s++) {
        unsigned d = (unsigned)(*s - '0');
        if (d > 9 || v > (ULLONG_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (v > max)
        return false;
    *ret = v;
    return true;
}

bool ir_parse_duration(const char *s, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1000}};
    if (!s)
        return false;
    size_t digits = strspn(s, "0123456789");
    char number[24];
    unsigned long long v = 0;
    if (!digits || digits >= sizeof number)
        return false;
    memcpy(number, s, digits);
    number[digits] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(s + digits, units[i].unit))
            continue;
        if (!ir_parse_u64(number, (unsigned long long)(INT64_MAX / units[i].ms), &v))
            return false;
        *ret_ms = (int64_t)v * units[i].ms;
        return true;
    }
    return false;
}

void ir_one_line(char *s)
{
    for (; *s; s++) {
        bool c1 = (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
                  (unsigned char)s[1] < 0xa0; /* U+0080 to U+009F */
        if (c1)
            *s++ = ' ';
        if (c1 || (unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
    }
}

void ir_wipe(void *p, size_t len)
{
    if (p && len)
        explicit_bzero(p, len);
}

void ir_free_secret(char *s)
{
    if (s)
        ir_wipe(s, strlen(s));
    free(s);
}

bool ir_equal_secret(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    size_t la = strlen(a), lb = strlen(b);
    volatile unsigned char diff = la != lb;
    for (size_t i = 0; i < lb; i++)
        diff |= (unsigned char)((la ? a[i % la] : 0) ^ b[i]);
    return !diff;
}

int ir_strv_add(ir_strv *l, const char *s)
{
    char *copy = ir_strdup(s);
    char **v = copy ? reallocarray(l->v, l->n + 1, sizeof *v) : NULL;
    if (!v) {
        free(copy);
        return IMGREL_ENOMEM;
    }
    l->v = v;
    l->v[l->n++] = copy;
    return 0;
}

static int add_trimmed(ir_strv *l, const char *from, const char *to)
{
    while (from < to && strchr(" \t\r\n", *from))
        from++;
    while (to > from && strchr(" \t\r\n", to[-1]))
        to--;
    if (from == to)
        return 0;
    char *item = ir_strndup(from, (size_t)(to - from));
    int rc = item ? ir_strv_add(l, item) : IMGREL_ENOMEM;
    free(item);
    return rc;
}

int ir_strv_split(ir_strv *l, const char *s, char sep)
{
    int rc = 0;
    for (const char *end; !rc && s; s = end) {
        const char *at = strchr(s, sep);
        rc = add_trimmed(l, s, at ? at : s + strlen(s));
        end = at ? at + 1 : NULL;
    }
    return rc;
}

bool ir_strv_has(const ir_strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->v[i], s))
            return true;
    return false;
}

static int bytewise(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ir_strv_sort(ir_strv *l)
{
    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, bytewise);
}

void ir_strv_free(ir_strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    l->v = NULL;
    l->n = 0;
}
