/* kube_fields.c - who owns which field: sets of fields as FieldsV1 trees ("f:name" members,
 * "k:{...}" items of keyed lists, "v:..." items of sets, "." the item itself; {} is a leaf), made
 * from objects by the schema, and the few operations that server-side apply needs of them. */
#include "mock/kube.h"

#include <stdlib.h>

/* A value and how it is to be read. */
typedef struct node {
    const ir_json *v;
    mk_field f;
} node;

static node top(const ir_json *object, const char *type)
{
    node n = {object, {.is = MK_OBJECT}};
    memcpy(n.f.type, type, strlen(type) + 1);
    return n;
}

static node member(const node *n, const char *name)
{
    node c = {ir_json_get(n->v, name), {.is = MK_FREE}};
    if (n->f.is == MK_OBJECT && !mk_schema_field(n->f.type, name, &c.f))
        c.f.is = MK_FREE;
    if (n->f.is == MK_MAP)
        c.f.is = MK_STRING;
    return c;
}

static node item(const node *n, size_t i)
{
    node c = top(ir_json_at(n->v, i), n->f.type);
    if (n->f.is == MK_SET)
        c.f.is = MK_STRING;
    return c;
}

static bool by_members(const node *n)
{
    return ir_json_is_object(n->v) &&
           (n->f.is == MK_OBJECT || n->f.is == MK_MAP || n->f.is == MK_FREE || n->f.is == MK_ANY);
}

static bool by_items(const node *n)
{
    return ir_json_is_array(n->v) && (n->f.is == MK_KEYED || n->f.is == MK_SET);
}

static char *item_key(const node *n, size_t i)
{
    const ir_json *it = ir_json_at(n->v, i);
    ir_strv names = {0};
    char *text = NULL, *out = NULL;
    if (n->f.is == MK_SET) {
        text = ir_json_string(it, IR_JSON_COMPACT);
    } else if (!ir_strv_split(&names, n->f.keys, ',')) {
        ir_json *keys = ir_json_new_object();
        for (size_t k = 0; k < names.n; k++) {
            ir_json *v = ir_json_get(it, names.v[k]);
            ir_json_put(keys, names.v[k], v ? ir_json_ref(v) : ir_json_new_string("TCP"));
        }
        text = ir_json_string(keys, IR_JSON_COMPACT | IR_JSON_SORTED);
        ir_json_free(keys);
    }
    if (text)
        out = ir_format("%c:%s", n->f.is == MK_SET ? 'v' : 'k', text);
    ir_strv_free(&names);
    free(text);
    return out;
}

/* The child that a key of a set names; v NULL: it is not there. */
static node child(const node *n, const char *key)
{
    node none = {0};
    if (ir_starts(key, "f:"))
        return by_members(n) ? member(n, key + 2) : none;
    for (size_t i = 0; by_items(n) && i < ir_json_len(n->v); i++) {
        char *have = item_key(n, i);
        bool same = have && !strcmp(have, key);
        free(have);
        if (same)
            return item(n, i);
    }
    return none;
}

static void put_empty(ir_json *set, const char *key)
{
    ir_json_put(set, key, ir_json_new_object());
}

bool mk_fields_empty(const ir_json *a)
{
    return !ir_json_len(a);
}

/* ---- from objects --------------------------------------------------------------------------- */

static ir_json *set_of(const node *n)
{
    ir_json *set = ir_json_new_object();
    for (void *it = by_members(n) ? ir_json_first(n->v) : NULL; it; it = ir_json_next(n->v, it)) {
        node c = member(n, ir_json_key(it));
        char *key = ir_format("f:%s", ir_json_key(it));
        if (key && !ir_json_is_null(c.v))
            ir_json_put(set, key, set_of(&c));
        free(key);
    }
    for (size_t i = 0; by_items(n) && i < ir_json_len(n->v); i++) {
        node c = item(n, i);
        char *key = item_key(n, i);
        ir_json *sub = set_of(&c);
        if (n->f.is == MK_KEYED)
            put_empty(sub, ".");
        if (key)
            ir_json_put(set, key, sub);
        else
            ir_json_free(sub);
        free(key);
    }
    return set;
}

ir_json *mk_fields_of(const ir_json *object, const char *type)
{
    node n = top(object, type);
    return set_of(&n);
}

static ir_json *changed(const node *before, const node *now);

static void add_changed(ir_json *set, char *key, const node *before, const node *c)
{
    node b = key ? child(before, key) : (node){0};
    bool branch = by_members(c) || by_items(c);
    ir_json *sub = !key || (b.v && ir_json_equal(b.v, c->v)) ? NULL
                   : b.v && branch                           ? changed(&b, c)
                                                             : set_of(c);
    if (sub && !b.v && *key == 'k')
        put_empty(sub, ".");
    if (sub && (!branch || !b.v || ir_json_len(sub)))
        ir_json_put(set, key, sub);
    else
        ir_json_free(sub);
    free(key);
}

static ir_json *changed(const node *before, const node *now)
{
    ir_json *set = ir_json_new_object();
    for (void *it = by_members(now) ? ir_json_first(now->v) : NULL; it;
         it = ir_json_next(now->v, it)) {
        node c = member(now, ir_json_key(it));
        if (!ir_json_is_null(c.v))
            add_changed(set, ir_format("f:%s", ir_json_key(it)), before, &c);
    }
    for (size_t i = 0; by_items(now) && i < ir_json_len(now->v); i++) {
        node c = item(now, i);
        add_changed(set, item_key(now, i), before, &c);
    }
    return set;
}

ir_json *mk_fields_changed(const ir_json *before, const ir_json *now, const char *type)
{
    node b = top(before, type), n = top(now, type);
    return changed(&b, &n);
}

static ir_json *present(const ir_json *set, const node *n)
{
    ir_json *out = ir_json_new_object();
    for (void *it = ir_json_first(set); it; it = ir_json_next(set, it)) {
        const char *key = ir_json_key(it);
        if (!strcmp(key, ".")) {
            put_empty(out, ".");
            continue;
        }
        node c = child(n, key);
        if (!c.v)
            continue;
        ir_json *sub = present(ir_json_value(it), &c);
        if (ir_json_len(sub) || !ir_json_len(ir_json_value(it)))
            ir_json_put(out, key, sub);
        else
            ir_json_free(sub);
    }
    return out;
}

ir_json *mk_fields_present(const ir_json *set, const ir_json *object, const char *type)
{
    node n = top(object, type);
    return present(set, &n);
}

/* ---- of sets -------------------------------------------------------------------------------- */

/* a without b, or (keep) only what is in b too. */
static ir_json *sift(const ir_json *a, const ir_json *b, bool keep)
{
    ir_json *out = ir_json_new_object();
    for (void *it = ir_json_first(a); it; it = ir_json_next(a, it)) {
        const ir_json *sub = ir_json_value(it), *other = ir_json_get(b, ir_json_key(it));
        bool leaf = !ir_json_len(sub), other_leaf = other && !ir_json_len(other);
        if (!other) {
            if (!keep)
                ir_json_put(out, ir_json_key(it), ir_json_copy(sub));
        } else if (leaf || other_leaf) {
            /* What is owned as a whole on one side meets all of it on the other. */
            if (keep)
                ir_json_put(out, ir_json_key(it), ir_json_copy(sub));
        } else {
            ir_json *rest = sift(sub, other, keep);
            if (ir_json_len(rest))
                ir_json_put(out, ir_json_key(it), rest);
            else
                ir_json_free(rest);
        }
    }
    return out;
}

ir_json *mk_fields_minus(const ir_json *a, const ir_json *b)
{
    return sift(a, b, false);
}

ir_json *mk_fields_and(const ir_json *a, const ir_json *b)
{
    return sift(a, b, true);
}

ir_json *mk_fields_or(const ir_json *a, const ir_json *b)
{
    ir_json *out = ir_json_copy(a);
    for (void *it = ir_json_first(b); it; it = ir_json_next(b, it)) {
        const char *key = ir_json_key(it);
        const ir_json *mine = ir_json_get(out, key);
        ir_json_put(out, key,
                    mine ? mk_fields_or(mine, ir_json_value(it)) : ir_json_copy(ir_json_value(it)));
    }
    return out;
}

static void add_step(ir_buf *path, const char *key)
{
    ir_json *keys = NULL;
    if (ir_starts(key, "f:")) {
        ir_buf_addf(path, ".%s", key + 2);
    } else if (ir_starts(key, "v:")) {
        ir_buf_addf(path, "[=%s]", key + 2);
    } else if (!ir_json_parse(key + 2, strlen(key + 2), "key", &keys, NULL)) {
        const char *sep = "[";
        for (void *it = ir_json_first(keys); it; it = ir_json_next(keys, it), sep = ",") {
            char *value = ir_json_string(ir_json_value(it), IR_JSON_COMPACT);
            ir_buf_addf(path, "%s%s=%s", sep, ir_json_key(it), value ? value : "");
            free(value);
        }
        ir_buf_addc(path, ']');
    }
    ir_json_free(keys);
}

static int paths(const ir_json *set, const char *prefix, ir_strv *ret)
{
    int rc = 0;
    for (void *it = ir_json_first(set); it && !rc; it = ir_json_next(set, it)) {
        ir_buf path = IR_BUF(4 * IR_KIB);
        ir_buf_adds(&path, prefix);
        if (strcmp(ir_json_key(it), "."))
            add_step(&path, ir_json_key(it));
        if (ir_json_len(ir_json_value(it)))
            rc = paths(ir_json_value(it), ir_buf_str(&path), ret);
        else
            rc = ir_strv_add(ret, ir_buf_str(&path));
        ir_buf_free(&path);
    }
    return rc;
}

void mk_fields_paths(const ir_json *set, ir_strv *ret)
{
    if (!paths(set, "", ret))
        ir_strv_sort(ret);
}

/* ---- on objects ----------------------------------------------------------------------------- */

static void remove_fields(const node *n, ir_json *object, const ir_json *set)
{
    for (void *it = ir_json_first(set); it; it = ir_json_next(set, it)) {
        const char *key = ir_json_key(it);
        const ir_json *sub = ir_json_value(it);
        bool whole = !ir_json_len(sub) || ir_json_get(sub, ".");
        if (!strcmp(key, "."))
            continue;
        node c = child(n, key);
        if (c.v && !whole)
            remove_fields(
                &c,
                ir_json_is_object(c.v) || ir_json_is_array(c.v) ? (ir_json *)(uintptr_t)c.v : NULL,
                sub);
        else if (c.v && *key == 'f')
            ir_json_remove(object, key + 2);
        for (size_t i = ir_json_len(n->v); c.v && whole && *key != 'f' && i-- > 0;)
            if (ir_json_at(n->v, i) == c.v)
                ir_json_remove_at(object, i);
    }
}

void mk_fields_remove(ir_json *object, const ir_json *set, const char *type)
{
    node n = top(object, type);
    remove_fields(&n, object, set);
}

ir_json *mk_managed_part(const ir_json *object, bool with_status)
{
    static const char *const uncounted[] = {"name",
                                            "namespace",
                                            "uid",
                                            "resourceVersion",
                                            "creationTimestamp",
                                            "generation",
                                            "managedFields",
                                            "selfLink",
                                            "deletionTimestamp",
                                            "deletionGracePeriodSeconds",
                                            "generateName"};
    ir_json *out = ir_json_new_object();
    if (with_status) {
        ir_json *status = ir_json_get(object, "status");
        if (status)
            ir_json_put(out, "status", ir_json_copy(status));
        return out;
    }
    for (void *it = ir_json_first(object); it; it = ir_json_next(object, it))
        if (strcmp(ir_json_key(it), "status") && strcmp(ir_json_key(it), "apiVersion") &&
            strcmp(ir_json_key(it), "kind"))
            ir_json_put(out, ir_json_key(it), ir_json_copy(ir_json_value(it)));
    ir_json *meta = ir_json_get(out, "metadata");
    for (size_t i = 0; i < sizeof uncounted / sizeof *uncounted; i++)
        ir_json_remove(meta, uncounted[i]);
    if (!ir_json_len(meta))
        ir_json_remove(out, "metadata");
    return out;
}
