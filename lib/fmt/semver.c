/* semver.c - versions and ranges of versions, read as the tools of npm and Go's registries do: what
 * is left out of a bound is everything that could stand there. */
#include "fmt/semver.h"
#include "base/str.h"

#include <string.h>

#define NUMBER_MAX 999999999999999ULL

/* ---- versions ------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool is_any(char c)
{
    return c == 'x' || c == 'X' || c == '*';
}

static bool take_number(const char **at, uint64_t *ret)
{
    const char *p = *at;
    *ret = 0;
    for (; is_digit(*p); p++) {
        *ret = *ret * 10 + (uint64_t)(*p - '0');
        if (*ret > NUMBER_MAX)
            return false;
    }
    bool some = p != *at;
    *at = p;
    return some;
}

/* "rc.1" after a hyphen, "build" after a plus: words with dots between them. */
static bool take_words(const char **at, char *ret, size_t len)
{
    const char *p = *at;
    size_t n = 0;
    for (bool word = false; is_word(*p) || (*p == '.' && word); p++) {
        word = *p != '.';
        if (ret && n + 1 >= len)
            return false;
        if (ret)
            ret[n++] = *p;
    }
    if (ret)
        ret[n] = '\0';
    bool some = p != *at && p[-1] != '.';
    *at = p;
    return some;
}

/* The version that text begins with; *at is moved behind it. wild: x and * stand for numbers. */
static bool take_version(const char **at, bool wild, ir_version *ret)
{
    const char *p = *at;
    *ret = (ir_version){.given = 0};
    p += *p == 'v' || *p == 'V';
    for (;;) {
        if (wild && is_any(*p)) {
            p++;
            while (*p == '.' && is_any(p[1]))
                p += 2;
            *at = p;
            return !is_word(*p) && *p != '.';
        }
        if (!take_number(&p, &ret->n[ret->given]))
            return false;
        if (++ret->given == 3 || *p != '.')
            break;
        p++;
    }
    if (*p == '-' && (p++, !take_words(&p, ret->pre, sizeof ret->pre)))
        return false;
    if (*p == '+' && (p++, !take_words(&p, NULL, 0)))
        return false;
    *at = p;
    return !is_word(*p) && *p != '.';
}

bool ir_version_parse(const char *text, ir_version *ret)
{
    const char *at = text;
    return take_version(&at, false, ret) && !*at;
}

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* One identifier of a pre-release each, of those lengths. Numbers come before words. */
static int compare_words(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = strspn(a, "0123456789"), k = strspn(b, "0123456789");
    bool number_a = i >= n, number_b = k >= m;
    if (number_a != number_b)
        return number_a ? -1 : 1;
    if (number_a) {
        for (; n > 1 && *a == '0'; n--)
            a++;
        for (; m > 1 && *b == '0'; m--)
            b++;
        if (n != m)
            return n < m ? -1 : 1;
    }
    int c = strncmp(a, b, n < m ? n : m);
    return c ? (c < 0 ? -1 : 1) : order(n, m);
}

static int compare_pre(const char *a, const char *b)
{
    if (!*a || !*b) /* a release comes after all that led to it */
        return order(*b != '\0', *a != '\0');
    while (*a && *b) {
        size_t n = strcspn(a, "."), m = strcspn(b, ".");
        int c = compare_words(a, n, b, m);
        if (c)
            return c;
        a += n + (a[n] == '.');
        b += m + (b[m] == '.');
    }
    return order(*a != '\0', *b != '\0');
}

int ir_version_compare(const ir_version *a, const ir_version *b)
{
    for (int i = 0; i < 3; i++)
        if (a->n[i] != b->n[i])
            return order(a->n[i], b->n[i]);
    return compare_pre(a->pre, b->pre);
}

/* ---- ranges --------------------------------------------------------------------------------- */

static bool add(ir_range *r, enum ir_range_op op, const ir_version *v)
{
    if (r->n == IR_RANGE_MAX)
        return false;
    r->bound[r->n].op = op;
    r->bound[r->n++].v = *v;
    return true;
}

/* The first version after all that agree with v in its first `same` numbers. */
static ir_version after(const ir_version *v, int same)
{
    ir_version next = {.given = 0};
    for (int i = 0; i < same; i++)
        next.n[i] = v->n[i];
    if (same > 0)
        next.n[same - 1]++;
    return next;
}

/* From v to the last that agrees with it in its first `same` numbers; none: everything. */
static bool add_span(ir_range *r, const ir_version *v, int same)
{
    ir_version end = after(v, same);
    return add(r, IR_GE, v) && (same == 0 || add(r, IR_LT, &end));
}

/* ^1.2.3 keeps the first number that is not 0. */
static int caret(const ir_version *v)
{
    for (int i = 0; i < 3; i++)
        if (v->n[i])
            return i + 1;
    return v->given;
}

static bool add_bound(ir_range *r, const char *op, const ir_version *v)
{
    bool whole = v->given == 3 || v->pre[0];
    ir_version end = after(v, v->given);
    if (!strcmp(op, "^"))
        return add_span(r, v, caret(v));
    if (!strcmp(op, "~") || !strcmp(op, "~>"))
        return add_span(r, v, v->given > 2 ? 2 : v->given);
    if (!strcmp(op, ">="))
        return add(r, IR_GE, v);
    if (!strcmp(op, "<"))
        return add(r, IR_LT, v);
    if (!strcmp(op, ">")) /* >1.2 is after every 1.2.x */
        return whole || !v->given ? add(r, IR_GT, v) : add(r, IR_GE, &end);
    if (!strcmp(op, "<="))
        return whole || !v->given ? add(r, IR_LE, v) : add(r, IR_LT, &end);
    if (!strcmp(op, "!="))
        return add(r, IR_NE, v);
    return whole ? add(r, IR_EQ, v) : add_span(r, v, v->given);
}

static const char *skip(const char *p)
{
    return p + strspn(p, " \t,");
}

/* "1.2 - 1.4": until all of 1.4.x. */
static bool take_span(const char **at, const ir_version *from, ir_range *r, bool *ret_is)
{
    const char *p = *at + strspn(*at, " \t");
    ir_version to;
    *ret_is = p != *at && p[0] == '-' && (p[1] == ' ' || p[1] == '\t');
    if (!*ret_is)
        return true;
    p += 1 + strspn(p + 1, " \t");
    if (!take_version(&p, true, &to))
        return false;
    *at = p;
    return add(r, IR_GE, from) && add_bound(r, "<=", &to);
}

static bool take_part(const char **at, ir_range *r)
{
    static const char *const ops[] = {">=", "<=", "!=", "~>", "=", ">", "<", "^", "~"};
    const ir_version none = {.given = 0};
    const char *p = *at, *op = "";
    ir_version v;
    bool is_span = false;
    if (ir_starts(p, "||")) {
        *at = p + 2;
        return add(r, IR_OR, &none);
    }
    for (size_t i = 0; !*op && i < sizeof ops / sizeof *ops; i++)
        if (ir_starts(p, ops[i]))
            op = ops[i];
    p += strlen(op);
    p += strspn(p, " \t");
    if (!take_version(&p, true, &v))
        return false;
    if (!*op && !take_span(&p, &v, r, &is_span))
        return false;
    *at = p;
    return is_span || add_bound(r, op, &v);
}

int ir_range_parse(const char *text, ir_range *ret, imgrel_error *err)
{
    *ret = (ir_range){.n = 0};
    const char *p = skip(text);
    bool any = false;
    for (; *p; p = skip(p)) {
        const char *part = p;
        any = !ir_starts(p, "||");
        if (!take_part(&p, ret)) {
            ir_fail(err, IMGREL_EINVAL, "\"%.80s\": no range of versions from \"%.40s\" on", text,
                    part);
            return ir_cure(err, "as in: >=1.2 <2, ^1.4, ~1.2.3, 1.x, 1.2 - 1.4, a || b");
        }
    }
    if (any)
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "\"%.80s\": a range of versions is missing", text);
}

static bool meets(const struct ir_bound *b, const ir_version *v)
{
    int c = ir_version_compare(v, &b->v);
    switch (b->op) {
    case IR_LT:
        /* 2.0.0-rc is before 2.0.0, but <2 does not mean it. */
        return c < 0 && (b->v.given == 3 || memcmp(v->n, b->v.n, sizeof v->n) != 0);
    case IR_LE:
        return c <= 0;
    case IR_GT:
        return c > 0;
    case IR_GE:
        return c >= 0;
    case IR_EQ:
        return c == 0;
    default:
        return c != 0;
    }
}

bool ir_range_has(const ir_range *r, const ir_version *v)
{
    bool all = true, some = false, pre = false;
    for (size_t i = 0; i <= r->n; i++) {
        const struct ir_bound *b = &r->bound[i];
        if (i == r->n || b->op == IR_OR) {
            if (some && all && (pre || !v->pre[0]))
                return true;
            all = true;
            some = pre = false;
            continue;
        }
        some = true;
        pre = pre || b->v.pre[0];
        all = all && meets(b, v);
    }
    return false;
}
