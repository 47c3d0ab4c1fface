/* kube_control.c - the controllers that a release meets, on one thread: the default service account
 * of a namespace (some time after it), the end of namespaces, finalizers of the garbage collector,
 * the scheduler, the endpoints of services (kube_endpoints.c), deployments (kube_deploy.c). */
#include "mock/kube.h"

#include "base/cancel.h"

#include <stdlib.h>
#include <time.h>

/* When the controller first saw a namespace that has no account yet. */
typedef struct sighting {
    char uid[40];
    int64_t at_ms;
} sighting;
typedef struct sightings {
    sighting *v;
    size_t n;
} sightings;

static int64_t first_seen(sightings *s, const char *uid, int64_t now)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->v[i].uid, uid))
            return s->v[i].at_ms;
    sighting *grown = realloc(s->v, (s->n + 1) * sizeof *grown);
    if (!grown)
        return now;
    s->v = grown;
    s->v[s->n] = (sighting){.at_ms = now};
    memcpy(s->v[s->n].uid, uid, strnlen(uid, 39));
    s->n++;
    return now;
}

/* ---- objects made by controllers ------------------------------------------------------------ */

void mk_make(struct mk_kube *k, const char *kind_name, const char *ns, const char *name,
             ir_json *rest)
{
    const mk_kind *kind = mk_kind_named(kind_name);
    char uid[40], now[32];
    if (mk_store_get(k, kind, ns, name)) {
        ir_json_free(rest);
        return;
    }
    mk_new_uid(k, uid);
    ir_json *object = rest ? rest : ir_json_new_object(), *meta = mk_ensure(object, "metadata");
    ir_json_puts(meta, "name", name);
    if (*ns)
        ir_json_puts(meta, "namespace", ns);
    ir_json_puts(meta, "uid", uid);
    ir_json_puts(meta, "creationTimestamp", mk_when(k->mock, now));
    mk_default(k, kind, object);
    mk_store_put(k, kind, object);
}

static void make_accounts(struct mk_kube *k, const char *ns)
{
    mk_make(k, "ServiceAccount", ns, "default", NULL);
    mk_make(k, "ConfigMap", ns, "kube-root-ca.crt",
            ir_json_pack("{s:{s:s}}", "data", "ca.crt", ""));
}

static void make_first(struct mk_kube *k)
{
    static const char *const names[] = {"default", "kube-node-lease", "kube-public", "kube-system"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mk_make(k, "Namespace", "", names[i], NULL);
        make_accounts(k, names[i]);
    }
    mk_make(k, "Service", "default", "kubernetes",
            ir_json_pack("{s:{s:s, s:[{s:s, s:i, s:i}]}}", "spec", "clusterIP", "10.96.0.1",
                         "ports", "name", "https", "port", 443, "targetPort", 6443));
}

/* ---- namespaces ----------------------------------------------------------------------------- */

static bool ends(const ir_json *object)
{
    return ir_json_path(object, "metadata.deletionTimestamp") != NULL;
}

static void empty_namespace(struct mk_kube *k, const ir_json *ns)
{
    const char *name = mk_name(ns);
    bool left = false;
    for (const mk_kind *kind = mk_kinds; kind->plural; kind++) {
        mk_objects all;
        if (!kind->namespaced || !mk_store_list(k, kind, name, 0, &all))
            continue;
        for (size_t i = 0; i < all.n; i++) {
            bool pod = !strcmp(kind->kind, "Pod");
            if (pod && !ends(all.v[i]))
                ir_json_free(mk_pod_mark_deleted(k, all.v[i], -1));
            else if (!pod)
                mk_store_drop(k, kind, name, mk_name(all.v[i]));
            left = left || (pod && mk_store_get(k, kind, name, mk_name(all.v[i])));
        }
        mk_objects_free(&all);
    }
    if (left)
        return;
    char *held = ir_strdup(name);
    if (held)
        mk_store_drop(k, mk_kind_named("Namespace"), "", held);
    free(held);
}

static void look_at_namespaces(struct mk_kube *k, sightings *seen)
{
    mk_objects all;
    int64_t now = ir_now_ms();
    if (!mk_store_list(k, mk_kind_named("Namespace"), "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        if (ends(all.v[i]))
            empty_namespace(k, all.v[i]);
        else if (k->sa_delay_ms >= 0 &&
                 now >= first_seen(seen, mk_uid(all.v[i]), now) + k->sa_delay_ms)
            make_accounts(k, mk_name(all.v[i]));
    }
    mk_objects_free(&all);
}

/* ---- garbage collection --------------------------------------------------------------------- */

static ir_json *without_gc(const ir_json *list)
{
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *s = ir_json_text(ir_json_at(list, i));
        if (s && strcmp(s, "foregroundDeletion") && strcmp(s, "orphan"))
            ir_json_append(out, ir_json_new_string(s));
    }
    return out;
}

static void collect_one(struct mk_kube *k, const mk_kind *kind, const ir_json *object)
{
    const ir_json *list = ir_json_path(object, "metadata.finalizers");
    ir_json *left = without_gc(list), *copy = NULL;
    if (ir_json_len(left) != ir_json_len(list) && (copy = ir_json_copy(object))) {
        ir_json_put(ir_json_get(copy, "metadata"), "finalizers", ir_json_ref(left));
        const ir_json *stored = ir_json_ref(mk_store_put(k, kind, copy));
        if (stored && !ir_json_len(left)) {
            if (!strcmp(kind->kind, "Pod"))
                ir_json_free(mk_pod_mark_deleted(k, stored, -1));
            else if (strcmp(kind->kind, "Namespace"))
                mk_store_drop(k, kind, mk_namespace(stored), mk_name(stored));
        }
        ir_json_free((ir_json *)(uintptr_t)stored);
    }
    ir_json_free(left);
}

static void collect(struct mk_kube *k)
{
    for (const mk_kind *kind = mk_kinds; kind->plural; kind++) {
        mk_objects all;
        if (kind->absent || mk_kind_is_event_view(kind) || !mk_store_list(k, kind, "", 0, &all))
            continue;
        for (size_t i = 0; i < all.n; i++)
            if (ends(all.v[i]) && ir_json_len(ir_json_path(all.v[i], "metadata.finalizers")))
                collect_one(k, kind, all.v[i]);
        mk_objects_free(&all);
    }
}

ir_json *mk_pod_mark_deleted(struct mk_kube *k, const ir_json *pod, int64_t grace)
{
    const mk_kind *kind = mk_kind_named("Pod");
    const char *phase = ir_json_str(ir_json_get(pod, "status"), "phase");
    const char *node = ir_json_str(ir_json_get(pod, "spec"), "nodeName");
    bool over = phase && (!strcmp(phase, "Failed") || !strcmp(phase, "Succeeded"));
    char when[32];
    ir_json *copy = ir_json_copy(pod), *meta = ir_json_get(copy, "metadata");
    if (grace < 0)
        grace = ir_json_int(ir_json_get(pod, "spec"), "terminationGracePeriodSeconds", 30);
    if (over || !node || !*node)
        grace = 0;
    if (ends(pod) && ir_json_int(meta, "deletionGracePeriodSeconds", 0) <= grace && grace)
        return copy;
    ir_rfc3339_format(mk_now(k->mock) + grace, when);
    ir_json_puts(meta, "deletionTimestamp", when);
    ir_json_put(meta, "deletionGracePeriodSeconds", ir_json_new_int(grace));
    ir_json_put(meta, "generation", ir_json_new_int(ir_json_int(meta, "generation", 1) + 1));
    if (grace || ir_json_len(ir_json_get(meta, "finalizers")))
        return ir_json_ref(mk_store_put(k, kind, copy));
    mk_store_drop(k, kind, mk_namespace(copy), mk_name(copy));
    return copy;
}

/* ---- the scheduler -------------------------------------------------------------------------- */

static const ir_json *fitting_node(struct mk_kube *k, const ir_json *pod, size_t *ret_n)
{
    const ir_json *wanted = ir_json_path(pod, "spec.nodeSelector"), *found = NULL;
    const mk_kind *kind = mk_kind_named("Node");
    *ret_n = 0;
    for (size_t i = 0; i < k->n_objects; i++) {
        if (k->objects[i].kind != kind)
            continue;
        ++*ret_n;
        if (!ir_json_len(wanted) || mk_labels_match(wanted, k->objects[i].json))
            found = k->objects[i].json;
    }
    return found;
}

static void set_scheduled(struct mk_kube *k, ir_json *pod, bool on, const char *message)
{
    char now[32];
    ir_json *c = ir_json_pack("{s:s, s:s, s:n, s:s}", "type", "PodScheduled", "status",
                              on ? "True" : "False", "lastProbeTime", "lastTransitionTime",
                              mk_when(k->mock, now));
    if (!on) {
        ir_json_puts(c, "reason", "Unschedulable");
        ir_json_puts(c, "message", message);
    }
    ir_json *list = ir_json_new_array();
    ir_json_append(list, c);
    ir_json_put(mk_ensure(pod, "status"), "conditions", list);
}

static void schedule_one(struct mk_kube *k, const ir_json *pod)
{
    size_t n = 0;
    const ir_json *node = fitting_node(k, pod, &n);
    const ir_json *first = ir_json_path(pod, "status.conditions.0");
    ir_json *copy = ir_json_copy(pod);
    mk_happening h = {"Normal", "Scheduled", "default-scheduler", NULL};
    if (node) {
        ir_json_puts(ir_json_get(copy, "spec"), "nodeName", mk_name(node));
        set_scheduled(k, copy, true, "");
        char *name = ir_strdup(mk_name(node));
        if (mk_store_put(k, mk_kind_named("Pod"), copy))
            mk_event(k, pod, &h, "Successfully assigned %s/%s to %s", mk_namespace(pod),
                     mk_name(pod), name ? name : "");
        free(name);
        return;
    }
    char *why = n ? ir_format("0/%zu nodes are available: %zu node(s) didn't match Pod's node "
                              "affinity/selector. preemption: 0/%zu nodes are available: %zu "
                              "Preemption is not helpful for scheduling.",
                              n, n, n, n)
                  : ir_strdup("no nodes available to schedule pods");
    if (why && !ir_streq(ir_json_str(first, "message"), why)) {
        set_scheduled(k, copy, false, why);
        h = (mk_happening){"Warning", "FailedScheduling", "default-scheduler", NULL};
        mk_store_put(k, mk_kind_named("Pod"), copy);
        mk_event(k, pod, &h, "%s", why);
    } else {
        ir_json_free(copy);
    }
    free(why);
}

static void schedule(struct mk_kube *k)
{
    mk_objects all;
    if (!mk_store_list(k, mk_kind_named("Pod"), "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        const ir_json *spec = ir_json_get(all.v[i], "spec");
        const char *node = ir_json_str(spec, "nodeName"), *by = ir_json_str(spec, "schedulerName");
        if ((!node || !*node) && ir_streq(by, "default-scheduler") && !ends(all.v[i]))
            schedule_one(k, all.v[i]);
    }
    mk_objects_free(&all);
}

void mk_pod_binding(mk_kcall *c)
{
    ir_json *body = mk_read_object(c, c->r->body, c->r->body_len, false);
    const char *node = ir_json_str(ir_json_get(body, "target"), "name");
    if (!body)
        return;
    pthread_mutex_lock(&c->m->lock);
    const ir_json *pod = mk_store_get(c->k, c->kind, c->ns, c->name);
    ir_json *copy = pod ? ir_json_copy(pod) : NULL;
    if (!pod) {
        mk_not_found(c, c->kind, c->name);
    } else if (ir_json_str(ir_json_get(pod, "spec"), "nodeName")) {
        mk_conflict(c, "pod is already assigned to a node");
    } else {
        ir_json_puts(ir_json_get(copy, "spec"), "nodeName", node ? node : "");
        set_scheduled(c->k, copy, true, "");
        mk_store_put(c->k, c->kind, ir_json_ref(copy));
        mk_give(c, 201,
                ir_json_pack("{s:s, s:s, s:{}, s:s, s:i}", "kind", "Status", "apiVersion", "v1",
                             "metadata", "status", "Success", "code", 201));
    }
    ir_json_free(copy);
    pthread_mutex_unlock(&c->m->lock);
    ir_json_free(body);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void wait_a_bit(struct mk_kube *k, int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&k->changed, &k->mock->lock, &t);
}

static void *run(void *arg)
{
    struct mk_kube *k = arg;
    sightings seen = {0};
    int64_t rv = 0;
    pthread_mutex_lock(&k->mock->lock);
    while (!k->stopping) {
        look_at_namespaces(k, &seen);
        if (rv != k->rv) {
            rv = k->rv;
            collect(k);
            mk_deployments(k);
            schedule(k);
            mk_endpoints(k);
        }
        if (rv == k->rv)
            wait_a_bit(k, 50);
    }
    pthread_mutex_unlock(&k->mock->lock);
    free(seen.v);
    return NULL;
}

int mk_control_start(struct mk_kube *k, imgrel_error *err)
{
    pthread_mutex_lock(&k->mock->lock);
    make_first(k);
    pthread_mutex_unlock(&k->mock->lock);
    int rc = pthread_create(&k->control, NULL, run, k);
    if (rc)
        return ir_fail_errno(err, rc, "mock: cannot start a thread");
    k->has_control = true;
    return 0;
}

void mk_control_stop(struct mk_kube *k)
{
    if (k->has_control)
        pthread_join(k->control, NULL);
    k->has_control = false;
}
