/* kube_merge.c - the three patches as pure functions: JSON merge patch (RFC 7386), strategic merge
 * (lists by the keys of the schema, with $patch, $deleteFromPrimitiveList and $setElementOrder),
 * and JSON patch (RFC 6902). */
#include "mock/kube.h"

#include <stdlib.h>

ir_json *mk_merge_patch(const ir_json *target, const ir_json *patch)
{
    if (!ir_json_is_object(patch))
        return ir_json_copy(patch);
    ir_json *out = ir_json_is_object(target) ? ir_json_copy(target) : ir_json_new_object();
    for (void *it = ir_json_first(patch); it; it = ir_json_next(patch, it)) {
        const char *key = ir_json_key(it);
        if (ir_json_is_null(ir_json_value(it)))
            ir_json_remove(out, key);
        else
            ir_json_put(out, key, mk_merge_patch(ir_json_get(out, key), ir_json_value(it)));
    }
    return out;
}

/* ---- strategic ------------------------------------------------------------------------------ */

static void copy_without(ir_json *to, const ir_json *list, size_t skip)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (i != skip)
            ir_json_append(to, ir_json_ref(ir_json_at(list, i)));
}

int mk_keyed_find(const ir_json *list, const ir_json *item, const char *keys)
{
    ir_strv names = {0};
    int found = -1;
    if (ir_strv_split(&names, keys, ','))
        return -1;
    for (size_t i = 0; found < 0 && i < ir_json_len(list); i++) {
        bool same = true;
        for (size_t k = 0; same && k < names.n; k++) {
            const ir_json *a = ir_json_get(ir_json_at(list, i), names.v[k]);
            const ir_json *b = ir_json_get(item, names.v[k]);
            /* A protocol that is not said is TCP. */
            same = (a && b) ? ir_json_equal(a, b) : !strcmp(names.v[k], "protocol") || a == b;
        }
        if (same)
            found = (int)i;
    }
    ir_strv_free(&names);
    return found;
}

static ir_json *merge_keyed(const ir_json *target, const ir_json *patch, const mk_field *f)
{
    ir_json *out = ir_json_new_array();
    copy_without(out, target, SIZE_MAX);
    for (size_t i = 0; i < ir_json_len(patch); i++) {
        const ir_json *item = ir_json_at(patch, i);
        const char *directive = ir_json_str(item, "$patch");
        int at = mk_keyed_find(out, item, f->keys);
        if (directive && !strcmp(directive, "replace")) {
            ir_json_free(out);
            out = ir_json_new_array();
            continue;
        }
        ir_json *merged = mk_strategic(at < 0 ? NULL : ir_json_at(out, (size_t)at), item, f->type);
        ir_json *next = ir_json_new_array();
        for (size_t k = 0; k < ir_json_len(out); k++)
            ir_json_append(next, ir_json_ref((int)k == at ? merged : ir_json_at(out, k)));
        if (at < 0)
            ir_json_append(next, ir_json_ref(merged));
        ir_json_free(out);
        out = next;
        if (directive && !strcmp(directive, "delete")) {
            next = ir_json_new_array();
            copy_without(next, out, at < 0 ? ir_json_len(out) - 1 : (size_t)at);
            ir_json_free(out);
            out = next;
        }
        ir_json_free(merged);
    }
    return out;
}

static bool text_in(const ir_json *list, const char *s)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_text(ir_json_at(list, i)), s))
            return true;
    return false;
}

static ir_json *merge_set(const ir_json *target, const ir_json *patch)
{
    ir_json *out = ir_json_new_array();
    copy_without(out, target, SIZE_MAX);
    for (size_t i = 0; i < ir_json_len(patch); i++)
        if (!text_in(out, ir_json_text(ir_json_at(patch, i))))
            ir_json_append(out, ir_json_ref(ir_json_at(patch, i)));
    return out;
}

static void drop_from_set(ir_json *object, const char *name, const ir_json *gone)
{
    const ir_json *list = ir_json_get(object, name);
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (!text_in(gone, ir_json_text(ir_json_at(list, i))))
            ir_json_append(out, ir_json_ref(ir_json_at(list, i)));
    ir_json_put(object, name, out);
}

static ir_json *merge_member(const ir_json *target, const ir_json *patch, const char *type,
                             const char *key)
{
    mk_field f = {.is = MK_FREE};
    if (!mk_schema_field(type, key, &f))
        f.is = MK_FREE;
    switch (f.is) {
    case MK_OBJECT:
        return mk_strategic(target, patch, f.type);
    case MK_KEYED:
        return merge_keyed(target, patch, &f);
    case MK_SET:
        return merge_set(target, patch);
    case MK_MAP:
    case MK_FREE:
    case MK_ANY:
        return mk_merge_patch(target, patch);
    default:
        return ir_json_copy(patch);
    }
}

ir_json *mk_strategic(const ir_json *target, const ir_json *patch, const char *type)
{
    const char *directive = ir_json_str(patch, "$patch");
    bool replace = directive && !strcmp(directive, "replace");
    ir_json *out = target && !replace ? ir_json_copy(target) : ir_json_new_object();
    for (void *it = ir_json_first(patch); it; it = ir_json_next(patch, it)) {
        const char *key = ir_json_key(it);
        const ir_json *value = ir_json_value(it);
        if (ir_starts(key, "$deleteFromPrimitiveList/"))
            drop_from_set(out, strchr(key, '/') + 1, value);
        else if (*key == '$')
            continue;
        else if (ir_json_is_null(value))
            ir_json_remove(out, key);
        else
            ir_json_put(out, key, merge_member(ir_json_get(out, key), value, type, key));
    }
    return out;
}

/* ---- JSON patch ----------------------------------------------------------------------------- */

static char *unescaped(const char *p, size_t len)
{
    char *out = ir_strndup(p, len), *w = out;
    for (char *r = out; r && *r; r++) {
        if (*r == '~' && (r[1] == '0' || r[1] == '1'))
            *w++ = *++r == '1' ? '/' : '~';
        else
            *w++ = *r;
    }
    if (out)
        *w = 0;
    return out;
}

/* Walks to the container of a pointer's last token, which is given back (malloc'ed). */
static ir_json *walk(ir_json *doc, const char *pointer, char **ret_last)
{
    *ret_last = NULL;
    while (doc && *pointer == '/') {
        const char *end = strchr(++pointer, '/');
        size_t len = end ? (size_t)(end - pointer) : strlen(pointer);
        char *token = unescaped(pointer, len);
        if (!end) {
            *ret_last = token;
            return doc;
        }
        unsigned long long i;
        if (ir_json_is_array(doc))
            doc = token && ir_parse_u64(token, 100000, &i) ? ir_json_at(doc, i) : NULL;
        else
            doc = ir_json_get(doc, token ? token : "");
        free(token);
        pointer = end;
    }
    return NULL;
}

/* Puts value at (or, NULL, removes) an index of the array that owner[name] is... rebuilt in place,
 * as values have no insert: the items move through a copy. */
static bool edit_array(ir_json *array, size_t at, const ir_json *value, bool replace)
{
    size_t n = ir_json_len(array);
    if (at > n || ((!value || replace) && at == n))
        return false;
    ir_json *items = ir_json_copy(array);
    for (size_t i = n; i-- > 0;)
        ir_json_remove_at(array, i);
    for (size_t i = 0; i <= n; i++) {
        if (i == at && value)
            ir_json_append(array, ir_json_copy(value));
        if (i < n && (i != at || (value && !replace)))
            ir_json_append(array, ir_json_copy(ir_json_at(items, i)));
    }
    ir_json_free(items);
    return true;
}

static const ir_json *value_at(ir_json *doc, const char *pointer)
{
    char *last;
    ir_json *in = walk(doc, pointer, &last);
    unsigned long long i;
    const ir_json *v = NULL;
    if (in && ir_json_is_array(in))
        v = ir_parse_u64(last, 100000, &i) ? ir_json_at(in, i) : NULL;
    else if (in)
        v = ir_json_get(in, last);
    free(last);
    return v;
}

static bool set_at(ir_json *doc, const char *pointer, const ir_json *value, bool replace)
{
    char *last;
    ir_json *in = walk(doc, pointer, &last);
    unsigned long long i = 0;
    bool ok = in && last;
    if (ok && ir_json_is_array(in)) {
        if (!strcmp(last, "-"))
            i = ir_json_len(in);
        else
            ok = ir_parse_u64(last, 100000, &i);
        ok = ok && edit_array(in, i, value, replace);
    } else if (ok && ir_json_is_object(in)) {
        if ((!value || replace) && !ir_json_get(in, last))
            ok = false;
        else if (value)
            ir_json_put(in, last, ir_json_copy(value));
        else
            ir_json_remove(in, last);
    } else {
        ok = false;
    }
    free(last);
    return ok;
}

static bool one_op(ir_json *doc, const ir_json *op)
{
    const char *what = ir_json_str(op, "op"), *path = ir_json_str(op, "path");
    const char *from = ir_json_str(op, "from");
    const ir_json *value = ir_json_get(op, "value");
    if (!what || !path)
        return false;
    if (!strcmp(what, "add") || !strcmp(what, "replace"))
        return value && set_at(doc, path, value, *what == 'r');
    if (!strcmp(what, "remove"))
        return set_at(doc, path, NULL, false);
    if (!strcmp(what, "test"))
        return value && ir_json_equal(value_at(doc, path), value);
    if ((strcmp(what, "move") && strcmp(what, "copy")) || !from)
        return false;
    const ir_json *found = value_at(doc, from);
    ir_json *copy = found ? ir_json_copy(found) : NULL;
    bool ok =
        copy && (*what == 'c' || set_at(doc, from, NULL, false)) && set_at(doc, path, copy, false);
    ir_json_free(copy);
    return ok;
}

ir_json *mk_json_patch(const ir_json *target, const ir_json *patch)
{
    ir_json *out = ir_json_copy(target);
    bool ok = ir_json_is_array(patch);
    for (size_t i = 0; ok && i < ir_json_len(patch); i++)
        ok = one_op(out, ir_json_at(patch, i));
    if (!ok) {
        ir_json_free(out);
        out = NULL;
    }
    return out;
}
