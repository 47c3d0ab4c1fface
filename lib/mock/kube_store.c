/* kube_store.c - the objects and what happened to them. Every write takes the next resourceVersion
 * and leaves an entry in a ring of changes, from which watches are fed and lists of the past are
 * rebuilt; what fell out of the ring is "too old" (410). */
#include "mock/kube.h"

#include <stdlib.h>

const char *mk_name(const ir_json *object)
{
    const char *s = ir_json_str(ir_json_get(object, "metadata"), "name");
    return s ? s : "";
}

const char *mk_namespace(const ir_json *object)
{
    const char *s = ir_json_str(ir_json_get(object, "metadata"), "namespace");
    return s ? s : "";
}

const char *mk_uid(const ir_json *object)
{
    const char *s = ir_json_str(ir_json_get(object, "metadata"), "uid");
    return s ? s : "";
}

int64_t mk_rv(const ir_json *object)
{
    const char *s = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
    unsigned long long v = 0;
    return s && ir_parse_u64(s, INT64_MAX, &v) ? (int64_t)v : 0;
}

ir_json *mk_ensure(ir_json *object, const char *path)
{
    ir_strv parts = {0};
    if (ir_strv_split(&parts, path, '.'))
        object = NULL;
    for (size_t i = 0; object && i < parts.n; i++) {
        ir_json *next = ir_json_get(object, parts.v[i]);
        if (!ir_json_is_object(next)) {
            ir_json_put(object, parts.v[i], ir_json_new_object());
            next = ir_json_get(object, parts.v[i]);
        }
        object = next;
    }
    ir_strv_free(&parts);
    return object;
}

void mk_new_uid(struct mk_kube *k, char ret[40])
{
    long long n = (long long)++k->serial;
    ir_buf b = IR_BUF(40);
    ir_buf_addf(&b, "%.8s-%.4s-4%.3s-8%.3s-%012llx", k->uid_stem, k->uid_stem + 8, k->uid_stem + 12,
                k->uid_stem + 4, n);
    memcpy(ret, ir_buf_str(&b), b.len + 1);
    ir_buf_free(&b);
}

void mk_new_suffix(struct mk_kube *k, char ret[6])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    uint64_t v = (uint64_t)++k->serial * 2654435761u + (unsigned char)k->uid_stem[0];
    for (int i = 0; i < 5; i++, v /= 27)
        ret[i] = letters[v % 27];
    ret[5] = 0;
}

const char *mk_when(const imgrel_mock *m, char ret[32])
{
    ir_rfc3339_format(mk_now(m), ret);
    return ret;
}

/* ---- places --------------------------------------------------------------------------------- */

static int place_cmp(const mk_object *o, const mk_kind *kind, const char *ns, const char *name)
{
    if (o->kind != kind)
        return o->kind < kind ? -1 : 1;
    int rc = strcmp(mk_namespace(o->json), ns);
    return rc ? rc : strcmp(mk_name(o->json), name);
}

/* Where it is, or belongs. */
static size_t place_of(const struct mk_kube *k, const mk_kind *kind, const char *ns,
                       const char *name, bool *ret_there)
{
    size_t lo = 0, hi = k->n_objects;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (place_cmp(&k->objects[mid], kind, ns, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *ret_there = lo < k->n_objects && !place_cmp(&k->objects[lo], kind, ns, name);
    return lo;
}

ir_json *mk_store_get(struct mk_kube *k, const mk_kind *kind, const char *ns, const char *name)
{
    bool there;
    size_t i = place_of(k, kind, ns, name, &there);
    return there ? k->objects[i].json : NULL;
}

static bool make_room(struct mk_kube *k)
{
    if (k->n_objects < k->cap_objects)
        return true;
    size_t cap = k->cap_objects ? k->cap_objects * 2 : 64;
    mk_object *grown = realloc(k->objects, cap * sizeof *grown);
    if (!grown)
        return false;
    k->objects = grown;
    k->cap_objects = cap;
    return true;
}

/* ---- changes -------------------------------------------------------------------------------- */

static mk_change *change_at(const struct mk_kube *k, size_t i)
{
    return &k->history[(k->at_history + i) % k->max_history];
}

static void change_clear(mk_change *c)
{
    ir_json_free(c->before);
    ir_json_free(c->now);
    *c = (mk_change){0};
}

static void remember(struct mk_kube *k, const mk_change *change)
{
    if (k->n_history == k->max_history) {
        k->horizon = change_at(k, 0)->rv;
        change_clear(change_at(k, 0));
        k->at_history = (k->at_history + 1) % k->max_history;
        k->n_history--;
    }
    *change_at(k, k->n_history++) = *change;
    pthread_cond_broadcast(&k->changed);
    mk_state_changed(k->mock);
}

const mk_change *mk_store_after(struct mk_kube *k, int64_t rv)
{
    size_t lo = 0, hi = k->n_history;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (change_at(k, mid)->rv <= rv)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->n_history ? change_at(k, lo) : NULL;
}

static int stamp(struct mk_kube *k, ir_json *object)
{
    char *rv = ir_format("%lld", (long long)++k->rv);
    int rc = ir_json_puts(mk_ensure(object, "metadata"), "resourceVersion", rv);
    if (!rv)
        rc = IMGREL_ENOMEM;
    free(rv);
    return rc;
}

ir_json *mk_store_put(struct mk_kube *k, const mk_kind *kind, ir_json *object)
{
    bool there;
    if (!object || stamp(k, object) || !make_room(k)) {
        ir_json_free(object);
        return NULL;
    }
    size_t i = place_of(k, kind, mk_namespace(object), mk_name(object), &there);
    mk_change change = {k->rv, there ? MK_MODIFIED : MK_ADDED, kind, NULL, ir_json_ref(object)};
    if (there) {
        change.before = k->objects[i].json;
    } else {
        memmove(k->objects + i + 1, k->objects + i, (k->n_objects - i) * sizeof *k->objects);
        k->n_objects++;
    }
    k->objects[i] = (mk_object){kind, object};
    remember(k, &change);
    return object;
}

void mk_store_drop(struct mk_kube *k, const mk_kind *kind, const char *ns, const char *name)
{
    bool there;
    size_t i = place_of(k, kind, ns, name, &there);
    if (!there)
        return;
    ir_json *last = ir_json_copy(k->objects[i].json);
    if (!last || stamp(k, last)) {
        ir_json_free(last);
        return;
    }
    mk_change change = {k->rv, MK_DELETED, kind, k->objects[i].json, last};
    memmove(k->objects + i, k->objects + i + 1, (--k->n_objects - i) * sizeof *k->objects);
    remember(k, &change);
}

/* ---- lists, also of the past ---------------------------------------------------------------- */

static bool add(mk_objects *l, size_t at, ir_json *object)
{
    ir_json **grown = realloc(l->v, (l->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    l->v = grown;
    memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof *l->v);
    l->v[at] = ir_json_ref(object);
    l->n++;
    return true;
}

static size_t find(const mk_objects *l, const ir_json *object, bool *ret_there)
{
    size_t i = 0;
    int rc = -1;
    for (; i < l->n; i++) {
        rc = strcmp(mk_namespace(l->v[i]), mk_namespace(object));
        if (!rc)
            rc = strcmp(mk_name(l->v[i]), mk_name(object));
        if (rc >= 0)
            break;
    }
    *ret_there = i < l->n && !rc;
    return i;
}

static bool undo(mk_objects *l, const mk_change *c)
{
    bool there;
    size_t i = find(l, c->now, &there);
    if (there) {
        ir_json_free(l->v[i]);
        memmove(l->v + i, l->v + i + 1, (--l->n - i) * sizeof *l->v);
    }
    return !c->before || add(l, i, c->before);
}

bool mk_store_list(struct mk_kube *k, const mk_kind *kind, const char *ns, int64_t rv,
                   mk_objects *ret)
{
    *ret = (mk_objects){0};
    if (rv && rv < k->horizon)
        return false;
    for (size_t i = 0; i < k->n_objects; i++)
        if (k->objects[i].kind == kind && (!*ns || !strcmp(mk_namespace(k->objects[i].json), ns)))
            add(ret, ret->n, k->objects[i].json);
    for (size_t i = k->n_history; rv && i-- && change_at(k, i)->rv > rv;) {
        const mk_change *c = change_at(k, i);
        if (c->kind == kind && (!*ns || !strcmp(mk_namespace(c->now), ns)))
            undo(ret, c);
    }
    return true;
}

void mk_objects_free(mk_objects *l)
{
    for (size_t i = 0; i < l->n; i++)
        ir_json_free(l->v[i]);
    free(l->v);
    *l = (mk_objects){0};
}

void mk_store_free(struct mk_kube *k)
{
    for (size_t i = 0; i < k->n_objects; i++)
        ir_json_free(k->objects[i].json);
    free(k->objects);
    for (size_t i = 0; i < k->n_history; i++)
        change_clear(change_at(k, i));
    free(k->history);
    k->objects = NULL;
    k->history = NULL;
    k->n_objects = k->n_history = 0;
}
