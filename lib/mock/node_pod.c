/* node_pod.c - a pod on the node: its sandbox (a network), its volumes, its init containers one
 * after the other, then all the others, until it is deleted or the node stops. One thread a pod. */
#include "mock/node.h"

#include "base/cancel.h"
#include "base/fd.h"
#include "base/hash.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- making --------------------------------------------------------------------------------- */

/* A container that ran before under a node that is gone is started once more. */
static int64_t restarts_of(const ir_json *pod, const char *name)
{
    const ir_json *list = ir_json_path(pod, "status.containerStatuses");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *s = ir_json_at(list, i);
        if (ir_streq(ir_json_str(s, "name"), name))
            return ir_json_int(s, "restartCount", 0) + (ir_json_str(s, "containerID") ? 1 : 0);
    }
    return 0;
}

static void add_containers(mk_pod *p, const char *member, bool init)
{
    const ir_json *list = ir_json_get(ir_json_get(p->object, "spec"), member);
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *spec = ir_json_at(list, i);
        const char *name = ir_json_str(spec, "name");
        p->containers[p->n_containers++] = (mk_container){.node = p->node,
                                                          .spec = spec,
                                                          .name = name,
                                                          .init = init,
                                                          .net = -1,
                                                          .restarts = restarts_of(p->object, name),
                                                          .stage = MK_PULL};
        p->n_init += init;
    }
}

mk_pod *mk_pod_new(struct mk_node *n, const ir_json *object)
{
    mk_pod *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->node = n;
    p->net = -1;
    p->object = ir_json_copy(object);
    /* Events are told of the pod's kind, which stored objects need not have. */
    ir_json_puts(p->object, "kind", "Pod");
    p->ns = ir_strdup(mk_namespace(object));
    p->name = ir_strdup(mk_name(object));
    p->uid = ir_strdup(mk_uid(object));
    p->dir = ir_format("%s/pods/%s", n->dir, p->uid);
    size_t total = ir_json_len(ir_json_path(object, "spec.containers")) +
                   ir_json_len(ir_json_path(object, "spec.initContainers"));
    p->containers = calloc(total ? total : 1, sizeof *p->containers);
    if (!p->object || !p->ns || !p->name || !p->uid || !p->dir || !p->containers) {
        mk_pod_free(p);
        return NULL;
    }
    add_containers(p, "initContainers", true);
    add_containers(p, "containers", false);
    return p;
}

void mk_pod_free(mk_pod *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_containers; i++) {
        mk_container_finish(&p->containers[i]);
        free(p->containers[i].why);
        free(p->containers[i].pull_why);
    }
    if (p->net >= 0)
        close(p->net);
    free(p->containers);
    ir_json_free(p->object);
    free(p->ns);
    free(p->name);
    free(p->uid);
    free(p->dir);
    free(p);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Until something changes in the store or a container, at most ms. */
static void wait_change(mk_pod *p, int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_mutex_lock(&p->node->mock->lock);
    if (!p->node->stopping)
        pthread_cond_timedwait(&p->node->kube->changed, &p->node->mock->lock, &t);
    pthread_mutex_unlock(&p->node->mock->lock);
}

static bool node_stops(mk_pod *p)
{
    pthread_mutex_lock(&p->node->mock->lock);
    bool yes = p->node->stopping;
    pthread_mutex_unlock(&p->node->mock->lock);
    return yes;
}

/* Is it being deleted? ret_grace: how long its containers may take; a pod that is gone has a
 * moment. */
static bool is_deleted(mk_pod *p, int64_t *ret_grace)
{
    pthread_mutex_lock(&p->node->mock->lock);
    ir_json *pod = mk_pod_edit(p);
    const ir_json *meta = ir_json_get(pod, "metadata");
    bool yes = !pod || ir_json_get(meta, "deletionTimestamp");
    *ret_grace = pod ? ir_json_int(meta, "deletionGracePeriodSeconds", 0) * 1000 : 2000;
    ir_json_free(pod);
    pthread_mutex_unlock(&p->node->mock->lock);
    return yes;
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool any_runs(const mk_pod *p)
{
    for (size_t i = 0; i < p->n_containers; i++)
        if (p->containers[i].stage == MK_RUNNING)
            return true;
    return false;
}

static void signal_all(mk_pod *p, int sig)
{
    for (size_t i = 0; i < p->n_containers; i++)
        if (p->containers[i].stage == MK_RUNNING)
            mk_container_signal(&p->containers[i], sig);
}

/* SIGTERM, and SIGKILL when the grace is over. */
static void stop_containers(mk_pod *p, int64_t grace_ms)
{
    int64_t kill_ms = ir_now_ms() + grace_ms;
    p->dead = true;
    for (size_t i = 0; i < p->n_containers; i++)
        if (p->containers[i].stage == MK_RUNNING)
            mk_pod_event(p, &p->containers[i], "Normal", "Killing", "Stopping container %s",
                         p->containers[i].name);
    signal_all(p, SIGTERM);
    while (any_runs(p)) {
        for (size_t i = 0; i < p->n_containers; i++)
            if (p->containers[i].stage == MK_RUNNING)
                mk_container_step(p, &p->containers[i]);
        if (ir_now_ms() >= kill_ms || node_stops(p))
            signal_all(p, SIGKILL);
        if (any_runs(p))
            wait_change(p, 20);
    }
}

/* At the mock's stop the store is left as it is: another mock may go on from it. */
static void stop_for_node(mk_pod *p)
{
    int64_t kill_ms = ir_now_ms() + 500;
    p->dead = true;
    signal_all(p, SIGTERM);
    for (size_t i = 0; i < p->n_containers; i++) {
        mk_container *c = &p->containers[i];
        bool over = c->stage != MK_RUNNING;
        while (!over) {
            pthread_mutex_lock(&p->node->mock->lock);
            over = c->ended;
            pthread_mutex_unlock(&p->node->mock->lock);
            if (!over && ir_now_ms() >= kill_ms)
                mk_container_signal(c, SIGKILL);
            if (!over)
                usleep(5000);
        }
    }
}

/* ---- the way -------------------------------------------------------------------------------- */

static bool make_sandbox(mk_pod *p, imgrel_error *err)
{
    if (ir_mkdirs(p->dir, 0700, err))
        return false;
    if (p->node->mode != MK_NODE_RUN)
        return true;
    int fd = mk_net_new(err);
    pthread_mutex_lock(&p->node->mock->lock);
    p->net = fd < 0 ? -1 : fd;
    pthread_mutex_unlock(&p->node->mock->lock);
    return fd >= 0;
}

/* Sandbox and volumes; false while one is missing. */
static bool prepare(mk_pod *p, int64_t *next_ms)
{
    imgrel_error err = {0};
    if (ir_now_ms() < *next_ms)
        return false;
    if (p->net < 0 && !make_sandbox(p, &err)) {
        mk_pod_event(p, NULL, "Warning", "FailedCreatePodSandBox",
                     "Failed to create pod sandbox: %s", err.message);
    } else {
        mk_tell_begun(p);
        if (!mk_volumes_make(p->node->kube, p->object, p->dir, &err))
            return true;
        mk_pod_event(p, NULL, "Warning", "FailedMount", "%s", err.message);
    }
    *next_ms = ir_now_ms() + p->node->backoff_ms;
    return false;
}

static void step_all(mk_pod *p)
{
    for (size_t i = 0; i < p->n_init; i++)
        if (!mk_container_succeeded(&p->containers[i])) {
            mk_container_step(p, &p->containers[i]);
            return;
        }
    for (size_t i = p->n_init; i < p->n_containers; i++)
        mk_container_step(p, &p->containers[i]);
}

static void live(mk_pod *p)
{
    int64_t grace = 0, next_ms = 0;
    bool ready = false, deleted = false;
    while (!node_stops(p) && !(deleted = is_deleted(p, &grace))) {
        ready = ready || prepare(p, &next_ms);
        if (ready)
            step_all(p);
        wait_change(p, 50);
    }
    if (deleted) {
        pthread_mutex_lock(&p->node->mock->lock);
        mk_pod_save(p, mk_pod_edit(p)); /* seen */
        pthread_mutex_unlock(&p->node->mock->lock);
        stop_containers(p, grace);
    } else {
        stop_for_node(p);
    }
    for (size_t i = 0; i < p->n_containers; i++)
        mk_container_finish(&p->containers[i]);
    if (deleted)
        mk_tell_over(p);
}

void *mk_pod_run(void *arg)
{
    mk_pod *p = arg;
    unsigned char raw[32];
    if (ir_random(raw, sizeof raw, NULL))
        memset(raw, 0, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++) {
        p->sandbox[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        p->sandbox[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    live(p);
    (void)!ir_rmtree(p->dir, NULL);
    pthread_mutex_lock(&p->node->mock->lock);
    p->done = true;
    pthread_cond_broadcast(&p->node->kube->changed);
    pthread_mutex_unlock(&p->node->mock->lock);
    return NULL;
}
