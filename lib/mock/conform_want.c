/* conform_want.c - the terms of a row's want, read against the reply: what is otherwise is said in
 * one line, without any secret. */
#include "mock/conform.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* One term: "!" verb argument... */
typedef struct term {
    bool not ;
    char *verb, *rest;
} term;

static char *word(char **rest)
{
    char *w = *rest, *end = w + strcspn(w, " ");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return w;
}

static bool fail(mk_conform *c, const char *fmt, ...) IR_PRINTF(2, 3);
static bool fail(mk_conform *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&c->detail, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* By path; "*" is the first member or item, "." the whole. */
static const ir_json *at_path(const ir_json *j, const char *path)
{
    char *text = ir_strdup(path);
    for (char *p = text, *end; j && p && *p; p = end) {
        unsigned long long i;
        end = strchr(p, '.');
        if (end)
            *end++ = '\0';
        else
            end = p + strlen(p);
        if (!*p)
            continue;
        if (ir_json_is_array(j))
            j = ir_json_at(j, ir_parse_u64(p, INT32_MAX, &i) ? (size_t)i : 0);
        else if (ir_streq(p, "*"))
            j = ir_json_first(j) ? ir_json_value(ir_json_first((ir_json *)(uintptr_t)j)) : NULL;
        else
            j = ir_json_get(j, p);
    }
    free(text);
    return j;
}

/* A scalar as its text, else its JSON; malloc'ed. */
static char *text_of(const ir_json *j)
{
    return ir_json_is_string(j) ? ir_strdup(ir_json_text(j)) : ir_json_string(j, IR_JSON_COMPACT);
}

static const char *any_header(const mk_conform *c, const char *name, char how, const char *want)
{
    const char *v, *first = NULL;
    char lower[64];
    snprintf(lower, sizeof lower, "%s", name);
    for (char *p = lower; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    for (size_t i = 0; (v = ir_reply_header(&c->reply, lower, i)); i++) {
        first = first ? first : v;
        if (!how || (how == '=' && ir_streq(v, want)) || (how == '~' && strstr(v, want)))
            return v;
    }
    return how == 'x' ? first : NULL;
}

/* "= text" or "~ text" against a value; secrets are not said. */
static bool fits(mk_conform *c, const term *t, const char *what, const char *have, char *rest)
{
    const char *how = word(&rest);
    bool like = *how == '~';
    bool ok = have && (like ? strstr(have, rest) != NULL : ir_streq(have, rest));
    if (ok != t->not )
        return true;
    bool hidden = ir_ends(what, "secret") || ir_ends(what, "token");
    return fail(c, "%s is %.200s, wanted %s%s%s", what,
                !have    ? "absent"
                : hidden ? "something else"
                         : have,
                t->not ? "not " : "", like ? "~ " : "", rest);
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static bool want_status(mk_conform *c, const char *list)
{
    char have[16];
    ir_strv any = {0};
    snprintf(have, sizeof have, "%d", c->reply.status);
    bool ok = !ir_strv_split(&any, list, ',') && ir_strv_has(&any, have);
    ir_strv_free(&any);
    if (ok)
        return true;
    char *code = text_of(at_path(c->json, "errors.0.code")),
         *message = text_of(at_path(c->json, "errors.0.message"));
    (void)fail(c, "status %d, wanted %s", c->reply.status, list);
    if (code)
        (void)fail(c, " (%s: %.200s)", code, message ? message : "");
    free(code);
    free(message);
    return false;
}

static bool want_header(mk_conform *c, const term *t, char *rest)
{
    const char *name = word(&rest);
    char how = *rest;
    const char *want = how ? rest + 1 + strspn(rest + 1, " ") : "",
               *v = any_header(c, name, how, want);
    if ((v != NULL) != t->not )
        return true;
    v = any_header(c, name, 'x', "");
    return fail(c, "header %s is %.200s, wanted %s%.200s", name, v ? v : "absent",
                t->not ? "none of " : "", how ? rest : "one");
}

static bool want_json(mk_conform *c, const term *t, char *rest)
{
    const char *path = word(&rest);
    const ir_json *j = at_path(c->json, path);
    if (!*rest)
        return (j != NULL) != t->not ? true : fail(c, "%s is %s", path, j ? "there" : "not there");
    if (ir_streq(rest, "null"))
        return j && ir_json_is_null(j) ? true : fail(c, "%s is not null", path);
    char *have = j ? text_of(j) : NULL;
    bool ok = fits(c, t, path, have, rest);
    ir_free_secret(have);
    return ok;
}

static bool want_len(mk_conform *c, char *rest)
{
    const char *path = word(&rest), *how = word(&rest);
    unsigned long long n = 0;
    size_t len = ir_json_len(at_path(c->json, path));
    (void)ir_parse_u64(rest, INT32_MAX, &n);
    if (*how == '>' ? len > n : len == n)
        return true;
    return fail(c, "%s has %zu, wanted %s %s", ir_streq(path, ".") ? "the list" : path, len, how,
                rest);
}

static void set(mk_conform *c, const char *name, const char *value)
{
    ir_json_puts(c->vars, name, value);
}

static bool keep_json(mk_conform *c, const char *name, char *rest)
{
    const char *path = word(&rest);
    unsigned long long have, more;
    char *value = at_path(c->json, path) ? text_of(at_path(c->json, path)) : NULL;
    if (value && *rest == '+' && ir_parse_u64(value, INT64_MAX, &have) &&
        ir_parse_u64(rest + 2, INT64_MAX, &more)) {
        free(value);
        value = ir_format("%llu", have + more);
    }
    set(c, name, value);
    bool ok = value != NULL;
    ir_free_secret(value);
    return ok ? true : fail(c, "%s is not there", path);
}

/* The value of a Set-Cookie, or a header whole or its last path segment. */
static bool keep_header(mk_conform *c, const char *name, const char *how, const char *what)
{
    const char *v = ir_streq(how, "cookie") ? any_header(c, "Set-Cookie", '~', what)
                                            : any_header(c, what, 0, "");
    if (!v)
        return fail(c, "header %s is absent", what);
    if (ir_streq(how, "last") && strrchr(v, '/'))
        v = strrchr(v, '/') + 1;
    char *value = ir_strndup(v, ir_streq(how, "cookie") ? strcspn(v, ";") : strlen(v));
    set(c, name, value);
    free(value);
    return true;
}

static bool do_keep(mk_conform *c, char *rest)
{
    const char *name = word(&rest), *how = word(&rest);
    return ir_streq(how, "json") ? keep_json(c, name, rest) : keep_header(c, name, how, rest);
}

static bool do_login(mk_conform *c, const char *name)
{
    const char *login = ir_json_str(c->json, "name"), *secret = ir_json_str(c->json, "secret");
    if (!login || !secret)
        return fail(c, "no name and secret came back");
    char *both = ir_format("%s:%s", login, secret);
    set(c, name, both);
    ir_free_secret(both);
    return true;
}

static bool want_empty(mk_conform *c, const term *t)
{
    if ((c->reply.body.len == 0) != t->not )
        return true;
    return fail(c, "the body has %zu bytes", c->reply.body.len);
}

static bool want_slow(mk_conform *c)
{
    if (c->took_ms >= c->freeze_ms * 9 / 10)
        return true;
    return fail(c, "it took %lld ms, wanted %lld", (long long)c->took_ms, (long long)c->freeze_ms);
}

static bool want_error(mk_conform *c, const term *t, const char *path, char *rest)
{
    char *have = text_of(at_path(c->json, path));
    bool ok = fits(c, t, path, have, rest);
    free(have);
    return ok;
}

static bool one(mk_conform *c, char *text)
{
    term t = {.not = *text == '!'};
    char *rest = text + t.not ;
    t.verb = word(&rest);
    if (ir_streq(t.verb, "header"))
        return want_header(c, &t, rest);
    if (ir_streq(t.verb, "json"))
        return want_json(c, &t, rest);
    if (ir_streq(t.verb, "len"))
        return want_len(c, rest);
    if (ir_streq(t.verb, "empty"))
        return want_empty(c, &t);
    if (ir_streq(t.verb, "body"))
        return fits(c, &t, "body", ir_buf_str(&c->reply.body), rest);
    if (ir_streq(t.verb, "message"))
        return want_error(c, &t, "errors.0.message", rest);
    if (ir_streq(t.verb, "slow"))
        return want_slow(c);
    if (ir_streq(t.verb, "keep"))
        return do_keep(c, rest);
    if (ir_streq(t.verb, "login"))
        return do_login(c, rest);
    char code[80];
    snprintf(code, sizeof code, "= %s", rest);
    return ir_streq(t.verb, "code") ? want_error(c, &t, "errors.0.code", code)
                                    : fail(c, "no such term: %s", t.verb);
}

bool mk_conform_want(mk_conform *c, const char *want)
{
    char *all = mk_conform_fill(c, want), *end, *p = all;
    bool ok = p && !c->missing.len;
    for (bool first = true; ok && p; p = end, first = false) {
        end = strstr(p, " | ");
        if (end) {
            *end = '\0';
            end += 3;
        }
        ok = first ? want_status(c, p) : one(c, p);
    }
    free(all);
    return ok;
}
