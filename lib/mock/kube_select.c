/* kube_select.c - label and field selectors: `a=b,c!=d,e in (f,g),h notin (i),j,!k`, and members by
 * path. */
#include "mock/kube.h"

#include <stdlib.h>

/* One requirement of a label selector. */
typedef struct need {
    char *key;
    bool not ;   /* !=, notin, !key */
    bool exists; /* key alone */
    ir_strv values;
} need;

static void need_clear(need *n)
{
    free(n->key);
    ir_strv_free(&n->values);
    *n = (need){0};
}

static char *trimmed(const char *p, size_t len)
{
    while (len && *p == ' ') {
        p++;
        len--;
    }
    while (len && p[len - 1] == ' ')
        len--;
    return ir_strndup(p, len);
}

/* The end of the requirement that starts at p: a comma outside parentheses. */
static size_t need_len(const char *p)
{
    size_t i = 0;
    bool in = false;
    for (; p[i] && (p[i] != ',' || in); i++)
        in = p[i] == '(' || (in && p[i] != ')');
    return i;
}

static bool read_set(const char *open, const char *end, need *n)
{
    const char *close = memchr(open, ')', (size_t)(end - open));
    if (!close)
        return false;
    char *list = ir_strndup(open + 1, (size_t)(close - open - 1));
    bool ok = list && !ir_strv_split(&n->values, list, ',');
    free(list);
    return ok;
}

static bool read_need(const char *p, size_t len, need *n)
{
    const char *end = p + len;
    const char *open = memchr(p, '(', len), *eq = memchr(p, '=', len);
    if (open) {
        char *head = trimmed(p, (size_t)(open - p));
        bool in = head && ir_ends(head, " in"), notin = head && ir_ends(head, " notin");
        n->not = notin;
        if (in || notin)
            n->key = trimmed(head, strlen(head) - (in ? 3 : 6));
        free(head);
        return (in || notin) && read_set(open, end, n);
    }
    if (!eq) {
        n->exists = true;
        n->not = len && *p == '!';
        n->key = trimmed(p + n->not, len - n->not );
        return n->key && *n->key;
    }
    n->not = eq > p && eq[-1] == '!';
    n->key = trimmed(p, (size_t)(eq - p) - n->not );
    const char *value = eq + (eq + 1 < end && eq[1] == '=' ? 2 : 1);
    char *v = trimmed(value, (size_t)(end - value));
    bool ok = v && !ir_strv_add(&n->values, v);
    free(v);
    return ok && n->key && *n->key;
}

static bool need_met(const need *n, const ir_json *labels)
{
    const char *v = ir_json_str(labels, n->key);
    if (n->exists)
        return n->not ? !v : v != NULL;
    if (!v)
        return n->not ;
    return ir_strv_has(&n->values, v) != n->not ;
}

/* Checks when labels is NULL and wants is false; matches otherwise. */
static bool labels_walk(const char *text, const ir_json *object, bool match)
{
    const ir_json *labels = ir_json_path(object, "metadata.labels");
    bool ok = true;
    for (const char *p = text; ok && *p;) {
        size_t len = need_len(p);
        need n = {0};
        ok = read_need(p, len, &n) && (!match || need_met(&n, labels));
        need_clear(&n);
        p += len;
        p += *p == ',';
    }
    return ok;
}

/* ---- fields --------------------------------------------------------------------------------- */

/* An event's source is its component; all else is a path. */
static char *field_value(const mk_kind *kind, const ir_json *object, const char *key)
{
    if (!strcmp(kind->kind, "Event") && !strcmp(key, "source")) {
        const char *s = ir_json_str(ir_json_get(object, "source"), "component");
        return ir_strdup(s && *s ? s : ir_json_str(object, "reportingComponent"));
    }
    const ir_json *v = ir_json_path(object, key);
    if (!v)
        return ir_strdup("");
    const char *s = ir_json_text(v);
    if (s)
        return ir_strdup(s);
    if (ir_json_number(v, 0) == ir_json_number(v, 1))
        return ir_format("%lld", (long long)ir_json_number(v, 0));
    return ir_strdup("true");
}

static bool field_known(const mk_kind *kind, const char *key)
{
    if (!strcmp(key, "metadata.name") || (!strcmp(key, "metadata.namespace") && kind->namespaced))
        return true;
    ir_strv known = {0};
    bool ok =
        kind->selectors && !ir_strv_split(&known, kind->selectors, ' ') && ir_strv_has(&known, key);
    ir_strv_free(&known);
    return ok;
}

static char *field_refused(const mk_selector *s, const char *key)
{
    if (!s->kind->selectors)
        return ir_format("%s.%s \"\" not found: field label not supported: %s; \"%s\" is not a "
                         "known field selector: only \"metadata.name\", \"metadata.namespace\"",
                         s->kind->plural, s->kind->group, key, key);
    return ir_format("Unable to find \"%s, Resource=%s\" that match label selector \"%s\", field "
                     "selector \"%s\": field label not supported: %s",
                     s->kind->version, s->kind->plural, s->labels ? s->labels : "", s->fields, key);
}

static bool field_met(const mk_kind *kind, const ir_json *object, const char *key, bool not,
                      const char *value)
{
    char *have = field_value(kind, object, key);
    bool ok = have && !strcmp(have, value) != not ;
    free(have);
    return ok;
}

/* object NULL: only checks. */
static bool fields_walk(const mk_selector *s, const ir_json *object, char **ret_bad)
{
    ir_strv parts = {0};
    bool ok = !ir_strv_split(&parts, s->fields, ',');
    for (size_t i = 0; ok && i < parts.n; i++) {
        char *p = parts.v[i], *eq = strchr(p, '=');
        if (!eq) {
            *ret_bad = ir_format("invalid selector: '%s'; can't understand '%s'", s->fields, p);
            ok = false;
            break;
        }
        bool not = eq > p && eq[-1] == '!';
        char *key = ir_strndup(p, (size_t)(eq - p) - not );
        const char *value = eq + (eq[1] == '=' ? 2 : 1);
        if (!object && key && !field_known(s->kind, key)) {
            *ret_bad = field_refused(s, key);
            ok = false;
        }
        if (object)
            ok = key && field_met(s->kind, object, key, not, value);
        free(key);
    }
    ir_strv_free(&parts);
    return ok;
}

bool mk_selector_check(const mk_selector *s, char **ret_bad)
{
    *ret_bad = NULL;
    if (s->labels && !labels_walk(s->labels, NULL, false)) {
        *ret_bad = ir_format("unable to parse requirement: found '%s'", s->labels);
        return false;
    }
    return !s->fields || fields_walk(s, NULL, ret_bad);
}

bool mk_selector_match(const mk_selector *s, const ir_json *object)
{
    char *bad = NULL;
    bool ok = (!s->labels || labels_walk(s->labels, object, true)) &&
              (!s->fields || fields_walk(s, object, &bad));
    free(bad);
    return ok;
}

bool mk_labels_match(const ir_json *selector, const ir_json *object)
{
    const ir_json *labels = ir_json_path(object, "metadata.labels");
    for (void *it = ir_json_first(selector); it; it = ir_json_next(selector, it)) {
        const char *have = ir_json_str(labels, ir_json_key(it));
        if (!have || !ir_streq(have, ir_json_text(ir_json_value(it))))
            return false;
    }
    return ir_json_len(selector) > 0;
}
