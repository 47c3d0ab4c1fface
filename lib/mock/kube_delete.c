/* kube_delete.c - DELETE: options from query or body, preconditions, grace, finalizers, and what is
 * answered: the object for pods, namespaces and deployments, a Status for secrets and configmaps.
 */
#include "mock/kube.h"

#include <stdlib.h>

typedef struct removal {
    char *policy;   /* "" if none */
    int64_t grace;  /* -1: not said */
    char *uid, *rv; /* preconditions; NULL: none */
    bool dry_run;
} removal;

static void removal_free(removal *r)
{
    free(r->policy);
    free(r->uid);
    free(r->rv);
}

static bool policy_known(mk_kcall *c, const char *policy)
{
    if (!*policy || !strcmp(policy, "Background") || !strcmp(policy, "Foreground") ||
        !strcmp(policy, "Orphan"))
        return true;
    mk_errors e = {0};
    mk_fielderr(&e, "FieldValueNotSupported", "propagationPolicy",
                "\"%s\": supported values: \"Background\", \"Foreground\", \"Orphan\"", policy);
    const mk_kind *kind = c->kind;
    c->kind = NULL;
    mk_errors_give(c, &e, "DeleteOptions", "");
    c->kind = kind;
    return false;
}

static bool read_removal(mk_kcall *c, removal *r)
{
    char *grace = mk_query(c->r, "gracePeriodSeconds");
    unsigned long long v;
    ir_json *j = NULL;
    r->policy = mk_arg(c, "propagationPolicy");
    r->grace = grace && ir_parse_u64(grace, 1000000, &v) ? (int64_t)v : -1;
    r->dry_run = c->dry_run;
    free(grace);
    if (c->r->body_len && !(j = mk_read_object(c, c->r->body, c->r->body_len, false)))
        return false;
    const char *policy = ir_json_str(j, "propagationPolicy");
    const ir_json *pre = ir_json_get(j, "preconditions");
    if (policy) {
        free(r->policy);
        r->policy = ir_strdup(policy);
    }
    r->grace = ir_json_int(j, "gracePeriodSeconds", r->grace);
    r->uid = ir_strdup(ir_json_str(pre, "uid"));
    r->rv = ir_strdup(ir_json_str(pre, "resourceVersion"));
    r->dry_run = r->dry_run || ir_json_len(ir_json_get(j, "dryRun"));
    ir_json_free(j);
    return r->policy && policy_known(c, r->policy);
}

static bool preconditions_hold(mk_kcall *c, const removal *r, const ir_json *object)
{
    const char *rv = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
    char *why = NULL;
    if (r->uid && strcmp(r->uid, mk_uid(object)))
        why = ir_format("Precondition failed: UID in precondition: %s, UID in object meta: %s",
                        r->uid, mk_uid(object));
    else if (r->rv && !ir_streq(r->rv, rv))
        why = ir_format("Precondition failed: ResourceVersion in precondition: %s, "
                        "ResourceVersion in object meta: %s",
                        r->rv, rv ? rv : "");
    if (why)
        mk_conflict(c, why);
    bool ok = !why;
    free(why);
    return ok;
}

static void add_finalizer(ir_json *object, const char *policy)
{
    const char *name = !strcmp(policy, "Foreground") ? "foregroundDeletion"
                       : !strcmp(policy, "Orphan")   ? "orphan"
                                                     : NULL;
    ir_json *meta = ir_json_get(object, "metadata");
    if (!name)
        return;
    if (!ir_json_is_array(ir_json_get(meta, "finalizers")))
        ir_json_put(meta, "finalizers", ir_json_new_array());
    ir_json_append(ir_json_get(meta, "finalizers"), ir_json_new_string(name));
}

static void set_deleted(mk_kcall *c, ir_json *object)
{
    char now[32];
    ir_json *meta = ir_json_get(object, "metadata");
    if (!ir_json_get(meta, "deletionTimestamp"))
        ir_json_puts(meta, "deletionTimestamp", mk_when(c->m, now));
    if (!ir_json_get(meta, "deletionGracePeriodSeconds"))
        ir_json_put(meta, "deletionGracePeriodSeconds", ir_json_new_int(0));
}

/* Marks it; true: somebody else (a finalizer, the namespace controller) takes it away later. */
static bool waits(mk_kcall *c, const removal *r, ir_json *object)
{
    add_finalizer(object, r->policy);
    bool later = ir_json_len(ir_json_path(object, "metadata.finalizers")) ||
                 ir_json_len(ir_json_path(object, "spec.finalizers"));
    if (later) {
        set_deleted(c, object);
        if (!strcmp(c->kind->kind, "Namespace"))
            ir_json_puts(mk_ensure(object, "status"), "phase", "Terminating");
    }
    return later;
}

static ir_json *success(const mk_kcall *c, const ir_json *object)
{
    ir_json *details = mk_details(c, mk_name(object));
    ir_json_puts(details, "uid", mk_uid(object));
    ir_json *s = ir_json_pack("{s:s, s:s, s:{}, s:s}", "kind", "Status", "apiVersion", "v1",
                              "metadata", "status", "Success");
    ir_json_put(s, "details", details);
    return s;
}

/* The object as it is after; NULL: no memory. */
static ir_json *remove_one(mk_kcall *c, const removal *r, const ir_json *old)
{
    const char *ns = mk_namespace(old), *name = mk_name(old);
    ir_json *copy = ir_json_copy(old);
    if (!copy || r->dry_run)
        return copy;
    if (!strcmp(c->kind->kind, "Pod") && !*r->policy) {
        ir_json_free(copy);
        return mk_pod_mark_deleted(c->k, old, r->grace);
    }
    if (waits(c, r, copy))
        return ir_json_ref(mk_store_put(c->k, c->kind, copy));
    if (!strcmp(c->kind->kind, "Pod")) {
        ir_json_free(copy);
        return mk_pod_mark_deleted(c->k, old, r->grace);
    }
    mk_store_drop(c->k, mk_kind_is_event_view(c->kind) ? mk_kind_named("Event") : c->kind, ns,
                  name);
    return copy;
}

static void run(mk_kcall *c, const removal *r)
{
    const mk_kind *kind = mk_kind_is_event_view(c->kind) ? mk_kind_named("Event") : c->kind;
    ir_json *old = ir_json_ref(mk_store_get(c->k, kind, kind->namespaced ? c->ns : "", c->name));
    if (!old) {
        mk_not_found(c, c->kind, c->name);
    } else if (preconditions_hold(c, r, old)) {
        ir_json *after = remove_one(c, r, old);
        if (!after)
            mk_no_memory(c);
        else
            mk_give(c, 200, c->kind->gives_object ? mk_typed(c->kind, after) : success(c, old));
        ir_json_free(after);
    }
    ir_json_free(old);
}

void mk_kube_delete(mk_kcall *c)
{
    removal r = {.grace = -1};
    if (read_removal(c, &r)) {
        pthread_mutex_lock(&c->m->lock);
        run(c, &r);
        pthread_mutex_unlock(&c->m->lock);
    }
    removal_free(&r);
}

static void run_all(mk_kcall *c, const removal *r, const mk_selector *sel)
{
    mk_objects all;
    ir_json *items = ir_json_new_array();
    if (mk_store_list(c->k, c->kind, c->ns, 0, &all))
        for (size_t i = 0; i < all.n; i++)
            if (mk_selector_match(sel, all.v[i]))
                ir_json_append(items, remove_one(c, r, all.v[i]));
    mk_objects_free(&all);
    char *kind = ir_format("%sList", c->kind->kind);
    ir_json *list =
        ir_json_pack("{s:s, s:s, s:{}}", "kind", kind ? kind : "", "apiVersion", "v1", "metadata");
    ir_json_put(list, "items", items);
    mk_give(c, 200, list);
    free(kind);
}

void mk_kube_delete_all(mk_kcall *c)
{
    removal r = {.grace = -1};
    mk_selector sel = {mk_arg(c, "labelSelector"), mk_arg(c, "fieldSelector"), c->kind};
    char *bad = NULL;
    if (!c->kind->namespaced || mk_kind_is_event_view(c->kind)) {
        mk_status(c, 405, "MethodNotAllowed", ir_json_new_object(),
                  "the server does not allow this method on the requested resource");
    } else if (!mk_selector_check(&sel, &bad)) {
        mk_bad_request(c, "%s", bad ? bad : "");
    } else if (read_removal(c, &r)) {
        pthread_mutex_lock(&c->m->lock);
        run_all(c, &r, &sel);
        pthread_mutex_unlock(&c->m->lock);
    }
    removal_free(&r);
    free(bad);
    free(sel.labels);
    free(sel.fields);
}
