/* harbor_filter.c - the grammar of q: k=v, k=~v, k=[a~b], k={a b}, k=(a b), joined by commas;
 * decoded here once more than HTTP did. */
#include "mock/harbor.h"

#include <stdio.h>
#include <stdlib.h>

void mk_filter_free(mk_filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->term[i].key);
        ir_strv_free(&f->term[i].values);
    }
    ir_strv_free(&f->sort);
    *f = (mk_filter){0};
}

const mk_term *mk_filter_term(const mk_filter *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (ir_streq(f->term[i].key, key))
            return &f->term[i];
    return NULL;
}

/* ---- q --------------------------------------------------------------------------------------- */

static bool add_value(mk_term *t, const char *p, size_t len)
{
    char *v = ir_strndup(p, len);
    bool ok = v && !ir_strv_add(&t->values, v);
    free(v);
    return ok;
}

static bool parse_range(mk_term *t, const char *v, size_t len)
{
    const char *tilde = strchr(v, '~');
    if (v[len - 1] != ']' || !tilde || strchr(tilde + 1, '~') || len == 3)
        return false;
    return add_value(t, v + 1, (size_t)(tilde - v - 1)) &&
           add_value(t, tilde + 1, len - (size_t)(tilde - v) - 2);
}

static bool parse_list(mk_term *t, const char *v, size_t len, char end)
{
    if (v[len - 1] != end)
        return false;
    char *inside = ir_strndup(v + 1, len < 2 ? 0 : len - 2);
    bool ok = inside && !ir_strv_split(&t->values, inside, ' ');
    free(inside);
    return ok;
}

static bool parse_value(mk_term *t, const char *v)
{
    size_t len = strlen(v);
    switch (*v) {
    case '~':
        t->op = MK_LIKE;
        return len > 1 && add_value(t, v + 1, len - 1);
    case '[':
        t->op = MK_RANGE;
        return parse_range(t, v, len);
    case '{':
        t->op = MK_ANY;
        return parse_list(t, v, len, '}');
    case '(':
        t->op = MK_ALL;
        return parse_list(t, v, len, ')');
    default:
        v += *v == '\\';
        return add_value(t, v, strlen(v));
    }
}

static bool parse_term(mk_filter *f, char *text, char why[256])
{
    char *value = strchr(text, '=');
    if (!value || value == text || !value[1]) {
        snprintf(why, 256, "the query string must contain \"=\" and the key/value cannot be empty");
        return false;
    }
    if (f->n == MK_TERMS_MAX) {
        snprintf(why, 256, "more than %d keys", MK_TERMS_MAX);
        return false;
    }
    *value++ = '\0';
    mk_term *t = &f->term[f->n++];
    t->key = ir_strdup(text);
    if (t->key && parse_value(t, value))
        return true;
    snprintf(why, 256, "invalid query string value: %.200s", value);
    return false;
}

bool mk_filter_parse(mk_filter *f, const char *q, char why[256])
{
    bool ok = true;
    /* Once more than HTTP did; what cannot be decoded is taken as it is. */
    char *text = mk_unescape(q, true);
    if (!text)
        text = ir_strdup(q);
    for (char *end, *p = text; ok && p; p = end) {
        end = strchr(p, ',');
        if (end)
            *end++ = '\0';
        ok = parse_term(f, p, why);
    }
    free(text);
    return ok;
}
