/* kube_reply.c - how the API server answers: objects compact or pretty, Status objects, the few
 * replies that are plain text, warnings; and what a user may do. */
#include "mock/kube.h"

#include <stdio.h>
#include <stdlib.h>

char *mk_arg(const mk_kcall *c, const char *name)
{
    char *v = mk_query(c->r, name);
    return v ? v : ir_strdup("");
}

bool mk_flag(const mk_kcall *c, const char *name)
{
    char *v = mk_query(c->r, name);
    bool on = v && (!strcmp(v, "true") || !strcmp(v, "1"));
    free(v);
    return on;
}

static bool wants_pretty(const mk_kcall *c)
{
    char *asked = mk_query(c->r, "pretty");
    const char *ua = mk_header(c->r, "User-Agent");
    bool people =
        ua && (ir_starts(ua, "curl") || ir_starts(ua, "Wget") || ir_starts(ua, "Mozilla"));
    bool pretty = asked ? !strcmp(asked, "true") || !strcmp(asked, "1") : people;
    free(asked);
    return pretty;
}

void mk_dump(const mk_kcall *c, const ir_json *j, ir_buf *out)
{
    if (!ir_json_dump(j, wants_pretty(c) ? IR_JSON_PRETTY : IR_JSON_COMPACT, out, NULL))
        ir_buf_addc(out, '\n');
}

void mk_no_memory(mk_kcall *c)
{
    mk_text(c, 500, "out of memory\n");
}

void mk_give(mk_kcall *c, int status, ir_json *j)
{
    c->done = true;
    c->p->status = status;
    ir_buf_clear(&c->p->body);
    mk_dump(c, j, &c->p->body);
    mk_reply_header(c->p, "Content-Type", "application/json");
    mk_reply_header(c->p, "Cache-Control", "no-cache, private");
    if (!c->p->body.len)
        c->p->status = 500;
    ir_json_free(j);
}

void mk_text(mk_kcall *c, int status, const char *text)
{
    c->done = true;
    mk_reply_text(c->p, status, "text/plain; charset=utf-8", text);
    mk_reply_header(c->p, "X-Content-Type-Options", "nosniff");
}

void mk_absent(mk_kcall *c, const char *what)
{
    char *text = ir_format("libimgrel-mock does not model %s\n", what);
    mk_text(c, 501, text ? text : "");
    free(text);
}

void mk_warn(mk_kcall *c, const char *fmt, ...)
{
    ir_buf text = IR_BUF(4 * IR_KIB), out = IR_BUF(8 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    for (const char *p = ir_buf_str(&text); *p; p++) {
        if (*p == '"' || *p == '\\')
            ir_buf_addc(&out, '\\');
        ir_buf_addc(&out, *p);
    }
    mk_reply_header(c->p, "Warning", "299 - \"%s\"", ir_buf_str(&out));
    ir_buf_free(&text);
    ir_buf_free(&out);
}

/* ---- Status --------------------------------------------------------------------------------- */

ir_json *mk_details(const mk_kcall *c, const char *name)
{
    ir_json *d = ir_json_new_object();
    if (name && *name)
        ir_json_puts(d, "name", name);
    if (c->kind && *c->kind->group)
        ir_json_puts(d, "group", c->kind->group);
    if (c->kind)
        ir_json_puts(d, "kind", c->kind->plural);
    return d;
}

static ir_json *status_json(int code, const char *reason, ir_json *details, const char *message)
{
    ir_json *s = ir_json_pack("{s:s, s:s, s:{}, s:s, s:s}", "kind", "Status", "apiVersion", "v1",
                              "metadata", "status", "Failure", "message", message);
    if (reason)
        ir_json_puts(s, "reason", reason);
    if (details)
        ir_json_put(s, "details", details);
    ir_json_put(s, "code", ir_json_new_int(code));
    return s;
}

void mk_status(mk_kcall *c, int code, const char *reason, ir_json *details, const char *fmt, ...)
{
    ir_buf text = IR_BUF(64 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    mk_give(c, code, status_json(code, reason, details, ir_buf_str(&text)));
    ir_buf_free(&text);
}

static void qualified(const mk_kind *kind, char ret[96])
{
    snprintf(ret, 96, *kind->group ? "%s.%s" : "%s", kind->plural, kind->group);
}

void mk_not_found(mk_kcall *c, const mk_kind *kind, const char *name)
{
    char what[96];
    qualified(kind, what);
    const mk_kind *mine = c->kind;
    c->kind = kind;
    mk_status(c, 404, "NotFound", mk_details(c, name), "%s \"%s\" not found", what, name);
    c->kind = mine;
}

void mk_conflict(mk_kcall *c, const char *why)
{
    char what[96];
    qualified(c->kind, what);
    mk_status(c, 409, "Conflict", mk_details(c, c->name),
              "Operation cannot be fulfilled on %s \"%s\": %s", what, c->name, why);
}

void mk_forbidden(mk_kcall *c, const char *name, ir_json *causes, const char *fmt, ...)
{
    char what[96] = "";
    ir_buf text = IR_BUF(8 * IR_KIB);
    va_list ap;
    qualified(c->kind, what);
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    ir_json *details = mk_details(c, name);
    if (causes)
        ir_json_put(details, "causes", causes);
    if (*name)
        mk_status(c, 403, "Forbidden", details, "%s \"%s\" is forbidden: %s", what, name,
                  ir_buf_str(&text));
    else
        mk_status(c, 403, "Forbidden", details, "%s is forbidden: %s", what, ir_buf_str(&text));
    ir_buf_free(&text);
}

void mk_bad_request(mk_kcall *c, const char *fmt, ...)
{
    ir_buf text = IR_BUF(8 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    mk_status(c, 400, "BadRequest", NULL, "%s", ir_buf_str(&text));
    ir_buf_free(&text);
}

ir_json *mk_typed(const mk_kind *kind, const ir_json *object)
{
    char api[64];
    ir_json *out =
        ir_json_pack("{s:s, s:s}", "kind", kind->kind, "apiVersion", mk_kind_api(kind, api));
    ir_json *view = mk_kind_is_event_view(kind) ? mk_event_view(object) : NULL;
    const ir_json *from = view ? view : object;
    for (void *it = ir_json_first(from); it; it = ir_json_next(from, it))
        if (strcmp(ir_json_key(it), "kind") && strcmp(ir_json_key(it), "apiVersion"))
            ir_json_put(out, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    ir_json_free(view);
    return out;
}

/* ---- field errors --------------------------------------------------------------------------- */

static const char *reason_text(const char *reason)
{
    static const char *const texts[][2] = {
        {"FieldValueRequired", "Required value"},
        {"FieldValueInvalid", "Invalid value"},
        {"FieldValueNotSupported", "Unsupported value"},
        {"FieldValueDuplicate", "Duplicate value"},
        {"FieldValueForbidden", "Forbidden"},
        {"FieldValueTooLong", "Too long"},
        {"FieldValueNotFound", "Not found"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(texts[i][0], reason))
            return texts[i][1];
    return reason;
}

void mk_fielderr(mk_errors *e, const char *reason, const char *field, const char *fmt, ...)
{
    ir_buf text = IR_BUF(8 * IR_KIB);
    va_list ap;
    ir_buf_addf(&text, "%s%s", reason_text(reason), *fmt ? ": " : "");
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    if (!e->causes)
        e->causes = ir_json_new_array();
    ir_json_append(e->causes, ir_json_pack("{s:s, s:s, s:s}", "reason", reason, "message",
                                           ir_buf_str(&text), "field", field));
    ir_buf_free(&text);
}

static void one_cause(ir_buf *out, const ir_json *cause)
{
    ir_buf_addf(out, "%s: %s", ir_json_str(cause, "field"), ir_json_str(cause, "message"));
}

bool mk_errors_give(mk_kcall *c, mk_errors *e, const char *kind, const char *name)
{
    size_t n = ir_json_len(e->causes);
    if (!n)
        return false;
    ir_buf text = IR_BUF(64 * IR_KIB);
    ir_buf_addf(&text, "%s \"%s\" is invalid: ", kind, name);
    ir_buf_adds(&text, n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        ir_buf_adds(&text, i ? ", " : "");
        one_cause(&text, ir_json_at(e->causes, i));
    }
    ir_buf_adds(&text, n > 1 ? "]" : "");
    ir_json *details = ir_json_pack("{s:s, s:s}", "name", name, "kind", kind);
    if (c->kind && *c->kind->group)
        ir_json_puts(details, "group", c->kind->group);
    ir_json_put(details, "causes", e->causes);
    e->causes = NULL;
    mk_status(c, 422, "Invalid", details, "%s", ir_buf_str(&text));
    ir_buf_free(&text);
    return true;
}

/* ---- rights --------------------------------------------------------------------------------- */

static bool list_has(const ir_json *list, const char *what)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *s = ir_json_text(ir_json_at(list, i));
        if (s && (!strcmp(s, what) || !strcmp(s, "*")))
            return true;
    }
    return false;
}

bool mk_user_may(const mk_user *u, const char *verb, const mk_kind *kind, const char *sub,
                 const char *ns)
{
    if (!u)
        return false;
    char *what = *sub ? ir_format("%s/%s", kind->plural, sub) : ir_strdup(kind->plural);
    bool ok = !u->rules;
    for (size_t i = 0; what && !ok && i < ir_json_len(u->rules); i++) {
        const ir_json *rule = ir_json_at(u->rules, i), *where = ir_json_get(rule, "namespaces");
        ok = list_has(ir_json_get(rule, "verbs"), verb) &&
             list_has(ir_json_get(rule, "resources"), what) && (!where || list_has(where, ns));
    }
    free(what);
    return ok;
}

bool mk_authorize(mk_kcall *c, const char *verb, const char *sub)
{
    if (mk_user_may(c->user, verb, c->kind, sub, c->ns))
        return true;
    const char *who = c->user ? c->user->name : "system:anonymous";
    const char *where = *c->ns ? " in the namespace \"" : " at the cluster scope";
    mk_forbidden(c, c->name, NULL,
                 "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\"%s%s%s", who, verb,
                 c->kind->plural, *sub ? "/" : "", sub, c->kind->group, where, c->ns,
                 *c->ns ? "\"" : "");
    return false;
}
