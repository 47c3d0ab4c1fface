/* node_status.c - what kubelet tells of a pod: container states, the phase and the conditions that
 * follow from them. */
#include "mock/node.h"

#include <stdlib.h>

ir_json *mk_pod_edit(const mk_pod *p)
{
    const ir_json *pod = mk_store_get(p->node->kube, mk_kind_named("Pod"), p->ns, p->name);
    return pod && !strcmp(mk_uid(pod), p->uid) ? ir_json_copy(pod) : NULL;
}

void mk_pod_save(const mk_pod *p, ir_json *pod)
{
    struct mk_kube *k = p->node->kube;
    const ir_json *now = mk_store_get(k, mk_kind_named("Pod"), p->ns, p->name);
    ir_json *status = ir_json_get(pod, "status");
    int64_t generation = ir_json_int(ir_json_get(pod, "metadata"), "generation", 0);
    if (generation)
        ir_json_put(status, "observedGeneration", ir_json_new_int(generation));
    if (!pod || ir_json_equal(now, pod))
        ir_json_free(pod);
    else
        mk_store_put(k, mk_kind_named("Pod"), pod);
}

void mk_pod_condition(const imgrel_mock *m, ir_json *pod, const char *type, bool on,
                      const char *reason, const char *message)
{
    ir_json *status = mk_ensure(pod, "status"), *list = ir_json_get(status, "conditions"),
            *c = NULL;
    char now[32];
    if (!ir_json_is_array(list)) {
        ir_json_put(status, "conditions", ir_json_new_array());
        list = ir_json_get(status, "conditions");
    }
    for (size_t i = 0; !c && i < ir_json_len(list); i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "type"), type))
            c = ir_json_at(list, i);
    if (!c) {
        ir_json_append(list, ir_json_pack("{s:s, s:n}", "type", type, "lastProbeTime"));
        c = ir_json_at(list, ir_json_len(list) - 1);
    }
    const char *value = on ? "True" : "False";
    if (!ir_streq(ir_json_str(c, "status"), value))
        ir_json_puts(c, "lastTransitionTime", mk_when(m, now));
    ir_json_puts(c, "status", value);
    ir_json_remove(c, "reason");
    ir_json_remove(c, "message");
    ir_json_puts(c, "reason", reason);
    ir_json_puts(c, "message", message);
}

/* ---- the sum -------------------------------------------------------------------------------- */

typedef struct tally {
    size_t n, ready, running, waiting_new, over, over_well;
    ir_buf unready; /* names */
} tally;

static void count(const ir_json *list, tally *t)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *s = ir_json_at(list, i), *state = ir_json_get(s, "state");
        const ir_json *over = ir_json_get(state, "terminated");
        t->n++;
        t->running += ir_json_get(state, "running") != NULL;
        t->over += over != NULL;
        t->over_well += over && !ir_json_int(over, "exitCode", 1);
        t->waiting_new += ir_json_get(state, "waiting") && !ir_json_path(s, "lastState.terminated");
        if (ir_json_bool(s, "ready", false))
            t->ready++;
        else
            ir_buf_addf(&t->unready, "%s%s", t->unready.len ? " " : "", ir_json_str(s, "name"));
    }
}

static const char *phase_of(const mk_pod *p, const tally *t)
{
    const char *policy = ir_json_str(ir_json_get(p->object, "spec"), "restartPolicy");
    bool always = policy && !strcmp(policy, "Always");
    bool on_failure = policy && !strcmp(policy, "OnFailure");
    bool final = p->dead || (!always && !(on_failure && t->over_well < t->n));
    if (t->n && t->over == t->n && final)
        return t->over_well == t->n ? "Succeeded" : "Failed";
    return t->waiting_new ? "Pending" : "Running";
}

static void conditions(const mk_pod *p, ir_json *pod, const tally *t, const char *phase)
{
    const imgrel_mock *m = p->node->mock;
    char *message = ir_format("containers with unready status: [%s]", ir_buf_str(&t->unready));
    const char *reason = "ContainersNotReady";
    bool ready = t->n && t->ready == t->n;
    if (!strcmp(phase, "Succeeded"))
        reason = "PodCompleted";
    else if (!strcmp(phase, "Failed"))
        reason = "PodFailed";
    bool said = !strcmp(reason, "ContainersNotReady");
    mk_pod_condition(m, pod, "Ready", ready, ready ? NULL : reason,
                     ready || !said ? NULL : message);
    mk_pod_condition(m, pod, "ContainersReady", ready, ready ? NULL : reason,
                     ready || !said ? NULL : message);
    free(message);
}

static void init_condition(const mk_pod *p, ir_json *pod)
{
    tally t = {.unready = IR_BUF(4 * IR_KIB)};
    count(ir_json_path(pod, "status.initContainerStatuses"), &t);
    bool done = t.over_well == t.n;
    char *message = ir_format("containers with incomplete status: [%s]", ir_buf_str(&t.unready));
    mk_pod_condition(p->node->mock, pod, "Initialized", done,
                     done ? NULL : "ContainersNotInitialized", done ? NULL : message);
    free(message);
    ir_buf_free(&t.unready);
}

static void sum_up(const mk_pod *p, ir_json *pod)
{
    tally t = {.unready = IR_BUF(4 * IR_KIB)};
    count(ir_json_path(pod, "status.containerStatuses"), &t);
    const char *phase = phase_of(p, &t);
    ir_json_puts(mk_ensure(pod, "status"), "phase", phase);
    init_condition(p, pod);
    conditions(p, pod, &t, phase);
    ir_buf_free(&t.unready);
}

/* ---- containers ----------------------------------------------------------------------------- */

static ir_json *status_of(ir_json *pod, const mk_container *c)
{
    const char *member = c->init ? "initContainerStatuses" : "containerStatuses";
    ir_json *status = mk_ensure(pod, "status"), *list = ir_json_get(status, member);
    if (!ir_json_is_array(list)) {
        ir_json_put(status, member, ir_json_new_array());
        list = ir_json_get(status, member);
    }
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "name"), c->name))
            return ir_json_at(list, i);
    ir_json_append(list, ir_json_pack("{s:s, s:{}, s:{}, s:b, s:i, s:s, s:s, s:b}", "name", c->name,
                                      "state", "lastState", "ready", 0, "restartCount", 0, "image",
                                      ir_json_str(c->spec, "image"), "imageID", "", "started", 0));
    return ir_json_at(list, ir_json_len(list) - 1);
}

/* "host/repository@digest" of what the reference resolved to. */
static void set_image(ir_json *s, const mk_container *c)
{
    const char *at = c->image ? strrchr(c->image->name, '/') : NULL;
    if (!at)
        return;
    size_t len = (size_t)(at - c->image->name) + strcspn(at, ":@");
    char *id = ir_format("%.*s@%s", (int)len, c->image->name, c->image->digest);
    ir_json_puts(s, "imageID", id);
    ir_json_puts(s, "image", c->image->name);
    free(id);
}

static void set_state(ir_json *s, const char *name, ir_json *value, bool ready)
{
    ir_json *was = ir_json_path(s, "state.terminated");
    if (was && strcmp(name, "terminated")) {
        ir_json *last = ir_json_new_object();
        ir_json_put(last, "terminated", ir_json_ref(was));
        ir_json_put(s, "lastState", last);
    }
    ir_json *state = ir_json_new_object();
    ir_json_put(state, name, value);
    ir_json_put(s, "state", state);
    ir_json_put(s, "ready", ir_json_new_bool(ready));
}

typedef void change_fn(mk_pod *p, mk_container *c, ir_json *status, const void *what);

static void change(mk_pod *p, mk_container *c, change_fn *fn, const void *what)
{
    imgrel_mock *m = p->node->mock;
    pthread_mutex_lock(&m->lock);
    ir_json *pod = mk_pod_edit(p);
    if (pod) {
        fn(p, c, status_of(pod, c), what);
        sum_up(p, pod);
        mk_pod_save(p, pod);
    }
    pthread_mutex_unlock(&m->lock);
}

static void to_waiting(mk_pod *p, mk_container *c, ir_json *s, const void *what)
{
    const char *const *text = what;
    (void)p;
    ir_json *value = ir_json_pack("{s:s}", "reason", text[0]);
    ir_json_puts(value, "message", text[1]);
    set_state(s, "waiting", value, false);
    ir_json_put(s, "started", ir_json_new_bool(false));
    set_image(s, c);
}

void mk_tell_waiting(mk_pod *p, mk_container *c, const char *reason, const char *message)
{
    const char *const what[] = {reason, message};
    change(p, c, to_waiting, what);
}

static void put_id(ir_json *o, const mk_container *c)
{
    char *id = ir_format("containerd://%s", c->id);
    ir_json_puts(o, "containerID", id);
    free(id);
}

static void to_running(mk_pod *p, mk_container *c, ir_json *s, const void *what)
{
    char since[32];
    (void)p, (void)what;
    ir_rfc3339_format(c->started_s, since);
    set_state(s, "running", ir_json_pack("{s:s}", "startedAt", since), !c->init);
    ir_json_put(s, "started", ir_json_new_bool(true));
    ir_json_put(s, "restartCount", ir_json_new_int(c->restarts));
    put_id(s, c);
    set_image(s, c);
}

void mk_tell_running(mk_pod *p, mk_container *c)
{
    change(p, c, to_running, NULL);
}

static void to_terminated(mk_pod *p, mk_container *c, ir_json *s, const void *what)
{
    char from[32], to[32];
    (void)p, (void)what;
    int code = c->why ? 128 : c->exit_code;
    ir_rfc3339_format(c->why ? 0 : c->started_s, from);
    ir_rfc3339_format(c->ended_s, to);
    ir_json *v = ir_json_pack("{s:i, s:s, s:s, s:s}", "exitCode", code, "reason",
                              c->why ? "StartError"
                              : code ? "Error"
                                     : "Completed",
                              "startedAt", from, "finishedAt", to);
    ir_json_puts(v, "message", c->why);
    put_id(v, c);
    set_state(s, "terminated", v, c->init && !code);
    ir_json_put(s, "started", ir_json_new_bool(false));
    ir_json_put(s, "restartCount", ir_json_new_int(c->restarts));
    put_id(s, c);
    set_image(s, c);
}

void mk_tell_terminated(mk_pod *p, mk_container *c)
{
    change(p, c, to_terminated, NULL);
}

/* ---- the pod's begin and end ---------------------------------------------------------------- */

static void set_addresses(mk_pod *p, ir_json *pod)
{
    ir_json *status = mk_ensure(pod, "status");
    char now[32], *ip = ir_format("10.244.0.%lld", (long long)(p->node->next_ip++ % 250 + 2));
    ir_json_puts(status, "hostIP", "127.0.0.1");
    ir_json_put(status, "hostIPs", ir_json_pack("[{s:s}]", "ip", "127.0.0.1"));
    if (!ir_json_get(status, "startTime"))
        ir_json_puts(status, "startTime", mk_when(p->node->mock, now));
    if (p->net >= 0) {
        ir_json_puts(status, "podIP", ip);
        ir_json_put(status, "podIPs", ir_json_pack("[{s:s}]", "ip", ip ? ip : ""));
    }
    free(ip);
}

void mk_tell_begun(mk_pod *p)
{
    imgrel_mock *m = p->node->mock;
    pthread_mutex_lock(&m->lock);
    ir_json *pod = mk_pod_edit(p);
    if (pod) {
        ir_json *status = mk_ensure(pod, "status");
        ir_json_remove(status, "containerStatuses");
        ir_json_remove(status, "initContainerStatuses");
        set_addresses(p, pod);
        mk_pod_condition(m, pod, "PodReadyToStartContainers", p->net >= 0, NULL, NULL);
        for (size_t i = 0; i < p->n_containers; i++) {
            mk_container *c = &p->containers[i];
            const char *what[] = {p->n_init && !c->init ? "PodInitializing" : "ContainerCreating",
                                  NULL};
            ir_json *s = status_of(pod, c);
            to_waiting(p, c, s, what);
            ir_json_put(s, "restartCount", ir_json_new_int(c->restarts));
        }
        sum_up(p, pod);
        mk_pod_save(p, pod);
    }
    pthread_mutex_unlock(&m->lock);
}

void mk_tell_over(mk_pod *p)
{
    imgrel_mock *m = p->node->mock;
    struct mk_kube *k = p->node->kube;
    pthread_mutex_lock(&m->lock);
    ir_json *pod = mk_pod_edit(p);
    if (pod) {
        ir_json *meta = ir_json_get(pod, "metadata");
        sum_up(p, pod);
        mk_pod_save(p, ir_json_copy(pod));
        ir_json_free(pod);
        pod = mk_pod_edit(p);
        meta = ir_json_get(pod, "metadata");
        bool held = ir_json_len(ir_json_get(meta, "finalizers")) > 0;
        ir_json_put(meta, "deletionGracePeriodSeconds", ir_json_new_int(0));
        mk_pod_save(p, pod);
        if (!held)
            mk_store_drop(k, mk_kind_named("Pod"), p->ns, p->name);
    }
    pthread_mutex_unlock(&m->lock);
}
