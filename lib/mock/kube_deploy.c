/* kube_deploy.c - the deployment controller, as far as a release meets it: a deployment has a
 * replica set for each template it ever had, and the newest one has the pods. New pods come all at
 * once, beside the old ones (strategy Recreate: after them), which end when the new are available.
 */
#include "mock/kube.h"

#include <stdio.h>
#include <stdlib.h>

#define REVISION "deployment.kubernetes.io/revision"
#define HASH "pod-template-hash"

typedef struct counts {
    int64_t all, ready;
} counts;

static bool ends(const ir_json *object)
{
    return ir_json_path(object, "metadata.deletionTimestamp") != NULL;
}

static bool owned(const ir_json *object, const ir_json *owner)
{
    const ir_json *first = ir_json_path(object, "metadata.ownerReferences.0");
    return ir_streq(ir_json_str(first, "uid"), mk_uid(owner));
}

static ir_json *owner_of(const ir_json *object, const char *api, const char *kind)
{
    return ir_json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion", api, "kind", kind, "name",
                        mk_name(object), "uid", mk_uid(object), "controller", 1,
                        "blockOwnerDeletion", 1);
}

static int64_t revision_of(const ir_json *object)
{
    unsigned long long n = 0;
    const char *text = ir_json_str(ir_json_path(object, "metadata.annotations"), REVISION);
    return text && ir_parse_u64(text, INT32_MAX, &n) ? (int64_t)n : 0;
}

static void set_revision(ir_json *object, int64_t revision)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)revision);
    ir_json_puts(mk_ensure(object, "metadata.annotations"), REVISION, text);
}

/* Names a template: FNV-1a of it in letters that make no words. */
static void hash_of(const ir_json *template, char ret[11])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char *text = ir_json_string(template, IR_JSON_SORTED);
    uint64_t h = 14695981039346656037u;
    for (const char *p = text ? text : ""; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    for (size_t i = 0; i < 10; i++, h /= sizeof letters - 1)
        ret[i] = letters[h % (sizeof letters - 1)];
    ret[10] = '\0';
    free(text);
}

/* Stores object (taken) if it says something new. */
static void renew(struct mk_kube *k, const char *kind, const ir_json *old, ir_json *object)
{
    if (ir_json_equal(old, object))
        ir_json_free(object);
    else
        mk_store_put(k, mk_kind_named(kind), object);
}

/* ---- pods of a replica set ------------------------------------------------------------------- */

static counts count_pods(struct mk_kube *k, const ir_json *set)
{
    counts n = {0};
    for (size_t i = 0; i < k->n_objects; i++) {
        const ir_json *pod = k->objects[i].json;
        if (strcmp(k->objects[i].kind->kind, "Pod") || !owned(pod, set) || ends(pod))
            continue;
        n.all++;
        n.ready += mk_pod_ready(pod);
    }
    return n;
}

static void add_pod(struct mk_kube *k, const ir_json *set)
{
    char suffix[6];
    ir_json *pod = ir_json_copy(ir_json_path(set, "spec.template"));
    ir_json_put(mk_ensure(pod, "metadata"), "ownerReferences",
                owner_of(set, "apps/v1", "ReplicaSet"));
    ir_json_put(mk_ensure(pod, "metadata"), "generation", ir_json_new_int(1));
    mk_new_suffix(k, suffix);
    char *name = ir_format("%s-%s", mk_name(set), suffix);
    if (name && mk_pod_account(k, mk_namespace(set), pod))
        mk_make(k, "Pod", mk_namespace(set), name, pod);
    else
        ir_json_free(pod);
    free(name);
}

static void end_pods(struct mk_kube *k, const ir_json *set, int64_t n)
{
    mk_objects all;
    if (!mk_store_list(k, mk_kind_named("Pod"), mk_namespace(set), 0, &all))
        return;
    for (size_t i = 0; i < all.n && n > 0; i++)
        if (owned(all.v[i], set) && !ends(all.v[i])) {
            ir_json_free(mk_pod_mark_deleted(k, all.v[i], -1));
            n--;
        }
    mk_objects_free(&all);
}

static void scale(struct mk_kube *k, const ir_json *set, int64_t want)
{
    ir_json *copy = ir_json_copy(set), *status = mk_ensure(copy, "status");
    counts n = count_pods(k, set);
    for (int64_t i = n.all; i < want; i++)
        add_pod(k, set);
    if (n.all > want)
        end_pods(k, set, n.all - want);
    ir_json_put(ir_json_get(copy, "spec"), "replicas", ir_json_new_int(want));
    ir_json_put(status, "replicas", ir_json_new_int(want));
    ir_json_put(status, "readyReplicas", ir_json_new_int(n.ready));
    ir_json_put(status, "availableReplicas", ir_json_new_int(n.ready));
    renew(k, "ReplicaSet", set, copy);
}

/* ---- replica sets of a deployment ------------------------------------------------------------ */

static ir_json *make_set(struct mk_kube *k, const ir_json *d, const char *name, const char *hash,
                         int64_t revision)
{
    ir_json *template = ir_json_copy(ir_json_path(d, "spec.template"));
    ir_json *select = ir_json_copy(ir_json_path(d, "spec.selector"));
    ir_json_puts(mk_ensure(template, "metadata.labels"), HASH, hash);
    ir_json_puts(mk_ensure(select, "matchLabels"), HASH, hash);
    ir_json *set = ir_json_pack("{s:{s:O, s:o}, s:{s:i, s:o, s:o}}", "metadata", "labels",
                                ir_json_path(template, "metadata.labels"), "ownerReferences",
                                owner_of(d, "apps/v1", "Deployment"), "spec", "replicas", 0,
                                "selector", select, "template", template);
    set_revision(set, revision);
    mk_make(k, "ReplicaSet", mk_namespace(d), name, set);
    return ir_json_ref(mk_store_get(k, mk_kind_named("ReplicaSet"), mk_namespace(d), name));
}

/* The set of the template as it is now, with the highest revision; the caller's. */
static ir_json *newest_set(struct mk_kube *k, const ir_json *d, const mk_objects *all)
{
    char hash[11];
    int64_t last = 0;
    ir_json *found = NULL;
    hash_of(ir_json_path(d, "spec.template"), hash);
    char *name = ir_format("%s-%s", mk_name(d), hash);
    for (size_t i = 0; name && i < all->n; i++) {
        if (!owned(all->v[i], d))
            continue;
        if (!strcmp(mk_name(all->v[i]), name))
            found = all->v[i];
        last = revision_of(all->v[i]) > last ? revision_of(all->v[i]) : last;
    }
    if (name && !found) {
        found = make_set(k, d, name, hash, last + 1);
    } else if (found && revision_of(found) < last) { /* back to an older one */
        ir_json *copy = ir_json_copy(found);
        set_revision(copy, last + 1);
        found = ir_json_ref(mk_store_put(k, mk_kind_named("ReplicaSet"), copy));
    } else if (found) {
        found = ir_json_ref(found);
    }
    free(name);
    return found;
}

/* ---- the deployment's own status ------------------------------------------------------------- */

static void set_condition(struct mk_kube *k, ir_json *status, const char *type, bool on,
                          const char *reason)
{
    const ir_json *list = ir_json_get(status, "conditions");
    const char *is = on ? "True" : "False";
    char now[32];
    ir_json *out = ir_json_new_array();
    bool same = false;
    for (size_t i = 0; i < ir_json_len(list); i++) {
        ir_json *c = ir_json_at(list, i);
        bool this = ir_streq(ir_json_str(c, "type"), type);
        same = same || (this && ir_streq(ir_json_str(c, "status"), is) &&
                        ir_streq(ir_json_str(c, "reason"), reason));
        if (!this || same)
            ir_json_append(out, ir_json_ref(c));
    }
    mk_when(k->mock, now);
    if (!same)
        ir_json_append(out, ir_json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", type, "status", is,
                                         "reason", reason, "lastUpdateTime", now,
                                         "lastTransitionTime", now));
    ir_json_put(status, "conditions", out);
}

static void tell(struct mk_kube *k, const ir_json *d, const ir_json *newest, counts all, counts new)
{
    ir_json *copy = ir_json_copy(d);
    ir_json *status = ir_json_copy(ir_json_get(d, "status"));
    int64_t want = ir_json_int(ir_json_get(d, "spec"), "replicas", 1);
    bool done = new.ready >= want &&all.all == new.all;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"observedGeneration", ir_json_int(ir_json_get(d, "metadata"), "generation", 1)},
        {"replicas", all.all},
        {"updatedReplicas", new.all},
        {"readyReplicas", all.ready},
        {"availableReplicas", all.ready},
        {"unavailableReplicas", want > all.ready ? want - all.ready : 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ir_json_remove(status, numbers[i].name);
        if (numbers[i].value)
            ir_json_put(status, numbers[i].name, ir_json_new_int(numbers[i].value));
    }
    set_condition(k, status, "Available", all.ready >= want,
                  all.ready >= want ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable");
    set_condition(k, status, "Progressing", true,
                  done ? "NewReplicaSetAvailable" : "ReplicaSetUpdated");
    ir_json_put(copy, "status", status);
    set_revision(copy, revision_of(newest));
    renew(k, "Deployment", d, copy);
}

static void look_at(struct mk_kube *k, const ir_json *d)
{
    mk_objects sets;
    if (ends(d) || ir_json_bool(ir_json_get(d, "spec"), "paused", false) ||
        !mk_store_list(k, mk_kind_named("ReplicaSet"), mk_namespace(d), 0, &sets))
        return;
    ir_json *newest = newest_set(k, d, &sets);
    if (!newest)
        goto out;
    int64_t want = ir_json_int(ir_json_get(d, "spec"), "replicas", 1);
    counts new = count_pods(k, newest), all = new;
    bool recreate = ir_streq(ir_json_str(ir_json_path(d, "spec.strategy"), "type"), "Recreate");
    for (size_t i = 0; i < sets.n; i++) {
        if (!owned(sets.v[i], d) || !strcmp(mk_uid(sets.v[i]), mk_uid(newest)))
            continue;
        counts old = count_pods(k, sets.v[i]);
        bool stay = !recreate && new.ready < want;
        scale(k, sets.v[i], stay ? old.all : 0);
        all.all += old.all;
        all.ready += old.ready;
    }
    if (!recreate || all.all == new.all)
        scale(k, newest, want);
    tell(k, d, newest, all, new);
out:
    ir_json_free(newest);
    mk_objects_free(&sets);
}

/* ---- what is left ---------------------------------------------------------------------------- */

/* Pods and replica sets whose owner is gone end; those that were orphaned name none. */
static void end_orphans(struct mk_kube *k, const char *kind, const char *owner_kind)
{
    mk_objects all;
    bool pod = !strcmp(kind, "Pod");
    if (!mk_store_list(k, mk_kind_named(kind), "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        const ir_json *by = ir_json_path(all.v[i], "metadata.ownerReferences.0"), *owner;
        const char *ns = mk_namespace(all.v[i]), *name = ir_json_str(by, "name");
        if (!name || !ir_streq(ir_json_str(by, "kind"), owner_kind) || ends(all.v[i]))
            continue;
        owner = mk_store_get(k, mk_kind_named(owner_kind), ns, name);
        if (owner && !strcmp(mk_uid(owner), ir_json_str(by, "uid") ? ir_json_str(by, "uid") : ""))
            continue;
        if (pod)
            ir_json_free(mk_pod_mark_deleted(k, all.v[i], -1));
        else
            mk_store_drop(k, mk_kind_named(kind), ns, mk_name(all.v[i]));
    }
    mk_objects_free(&all);
}

void mk_deployments(struct mk_kube *k)
{
    mk_objects all;
    end_orphans(k, "ReplicaSet", "Deployment");
    end_orphans(k, "Pod", "ReplicaSet");
    if (!mk_store_list(k, mk_kind_named("Deployment"), "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        const ir_json *home =
            mk_store_get(k, mk_kind_named("Namespace"), "", mk_namespace(all.v[i]));
        if (home && !ends(home))
            look_at(k, all.v[i]);
    }
    mk_objects_free(&all);
}
