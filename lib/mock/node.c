/* node.c - the node: registers itself, gives each pod that is bound to it a thread, and ends all of
 * it at stop. "node" of the configuration: "run" (default where the mock is root and has runc),
 * "pull" (pods end Pulled, not Running) or "off". "node_dir" is where it keeps images and
 * containers; without it they are beside the state file, or in the mock's temporary folder. */
#include "mock/node.h"

#include "base/fd.h"
#include "base/hash.h"
#include "fmt/platform.h"
#include "fmt/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the Node object ------------------------------------------------------------------------ */

static ir_json *condition(const char *type, const char *status, const char *reason, const char *now)
{
    return ir_json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", type, "status", status, "reason",
                        reason, "lastHeartbeatTime", now, "lastTransitionTime", now);
}

static void register_node(struct mk_node *n)
{
    struct mk_kube *k = n->kube;
    ir_platform host;
    char uid[40], now[32], *version = ir_format("v1.%d.0-mock", k->minor);
    ir_platform_host(&host);
    pthread_mutex_lock(&k->mock->lock);
    mk_new_uid(k, uid);
    mk_when(k->mock, now);
    ir_json *node = ir_json_pack(
        "{s:{s:s, s:s, s:s, s:{s:s, s:s, s:s}}, s:{}, s:{s:[{s:s, s:s}, {s:s, s:s}], "
        "s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}",
        "metadata", "name", MK_NODE_NAME, "uid", uid, "creationTimestamp", now, "labels",
        "kubernetes.io/hostname", MK_NODE_NAME, "kubernetes.io/os", host.os, "kubernetes.io/arch",
        host.arch, "spec", "status", "addresses", "type", "InternalIP", "address", "127.0.0.1",
        "type", "Hostname", "address", MK_NODE_NAME, "nodeInfo", "kubeletVersion",
        version ? version : "", "operatingSystem", host.os, "architecture", host.arch,
        "containerRuntimeVersion", n->mode == MK_NODE_RUN ? "runc" : "none", "capacity", "pods",
        "110", "cpu", "2", "memory", "4Gi");
    ir_json *list = ir_json_new_array();
    ir_json_append(list, condition("Ready", "True", "KubeletReady", now));
    ir_json_put(ir_json_get(node, "status"), "conditions", list);
    mk_store_put(k, mk_kind_named("Node"), node);
    pthread_mutex_unlock(&k->mock->lock);
    free(version);
}

/* ---- pods ----------------------------------------------------------------------------------- */

static mk_pod *pod_of(struct mk_node *n, const char *uid)
{
    for (mk_pod *p = n->pods; p; p = p->next)
        if (!strcmp(p->uid, uid))
            return p;
    return NULL;
}

static bool is_mine(const ir_json *pod)
{
    const char *node = ir_json_str(ir_json_get(pod, "spec"), "nodeName");
    const char *phase = ir_json_str(ir_json_get(pod, "status"), "phase");
    bool over = phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
    return node && !strcmp(node, MK_NODE_NAME) &&
           (!over || ir_json_path(pod, "metadata.deletionTimestamp"));
}

/* (lock) */
static void take_pods(struct mk_node *n)
{
    const mk_kind *kind = mk_kind_named("Pod");
    for (size_t i = 0; i < n->kube->n_objects; i++) {
        const ir_json *pod = n->kube->objects[i].json;
        if (n->kube->objects[i].kind != kind || !is_mine(pod) || pod_of(n, mk_uid(pod)))
            continue;
        mk_pod *p = mk_pod_new(n, pod);
        if (!p)
            continue;
        p->next = n->pods;
        n->pods = p;
        p->has_thread = !pthread_create(&p->thread, NULL, mk_pod_run, p);
        p->done = !p->has_thread;
    }
}

/* Takes one that is over out of the list; NULL: none. (lock) */
static mk_pod *take_done(struct mk_node *n)
{
    for (mk_pod **at = &n->pods; *at; at = &(*at)->next)
        if ((*at)->done) {
            mk_pod *p = *at;
            *at = p->next;
            return p;
        }
    return NULL;
}

static void *run(void *arg)
{
    struct mk_node *n = arg;
    pthread_mutex_t *lock = &n->mock->lock;
    pthread_mutex_lock(lock);
    while (!n->stopping || n->pods) {
        mk_pod *over = take_done(n);
        if (over) {
            pthread_mutex_unlock(lock);
            if (over->has_thread)
                pthread_join(over->thread, NULL);
            mk_pod_free(over);
            pthread_mutex_lock(lock);
            continue;
        }
        if (!n->stopping)
            take_pods(n);
        if (!n->stopping || n->pods)
            pthread_cond_wait(&n->kube->changed, lock);
    }
    pthread_mutex_unlock(lock);
    return NULL;
}

/* ---- what others ask ------------------------------------------------------------------------ */

char *mk_node_log(imgrel_mock *m, const char *uid, const char *container, int64_t run_no)
{
    mk_pod *p = m->node ? pod_of(m->node, uid) : NULL;
    return p ? mk_container_log_path(p->dir, container, run_no) : NULL;
}

static char *dial_words(const char *sandbox, const char *uid, int port, const char *why)
{
    return ir_format("error forwarding port %d to pod %s, uid : failed to execute portforward in "
                     "network namespace \"/var/run/netns/%s\": failed to connect to localhost:%d "
                     "inside namespace \"%s\", IPv4: dial tcp4 127.0.0.1:%d: connect: %s",
                     port, sandbox, uid, port, sandbox, port, why);
}

int mk_node_dial(imgrel_mock *m, const char *uid, int port, char **ret_why)
{
    char sandbox[65] = "";
    int net = -1, error = 0;
    pthread_mutex_lock(&m->lock);
    mk_pod *p = m->node ? pod_of(m->node, uid) : NULL;
    if (p && p->net >= 0)
        net = dup(p->net);
    if (p)
        memcpy(sandbox, p->sandbox, sizeof sandbox);
    pthread_mutex_unlock(&m->lock);
    int fd = net < 0 ? -1 : mk_net_dial(net, port, &error);
    if (fd < 0)
        *ret_why = dial_words(sandbox, uid, port,
                              net < 0                 ? "this pod has no sandbox"
                              : error == ECONNREFUSED ? "connection refused"
                                                      : "no route to host");
    if (net >= 0)
        close(net);
    return fd;
}

/* ---- start and stop ------------------------------------------------------------------------- */

static int choose_mode(struct mk_node *n, const ir_json *config, imgrel_error *err)
{
    const char *mode = ir_json_str(config, "node");
    if (!mode)
        n->mode = mk_node_can_run() ? MK_NODE_RUN : MK_NODE_PULL;
    else if (!strcmp(mode, "run"))
        n->mode = MK_NODE_RUN;
    else if (!strcmp(mode, "pull"))
        n->mode = MK_NODE_PULL;
    else if (!strcmp(mode, "off"))
        n->mode = MK_NODE_OFF;
    else
        return ir_fail(err, IMGREL_EINVAL, "mock: node \"%s\" is not run, pull or off", mode);
    if (n->mode == MK_NODE_RUN && !mk_node_can_run()) {
        ir_fail(
            err, IMGREL_EINVAL,
            "mock: node \"run\" needs root, runc, namespaces, overlayfs and a cgroup to write to");
        return ir_cure(err, "leave \"node\" out, or say \"pull\"");
    }
    return 0;
}

static int choose_dir(struct mk_node *n, const ir_json *config, imgrel_error *err)
{
    const char *dir = ir_json_str(config, "node_dir"), *state = ir_json_str(config, "state");
    char digest[IR_DIGEST_MAX], *real;
    n->dir = dir     ? ir_strdup(dir)
             : state ? ir_format("%s.node", state)
                     : ir_path_join(n->mock->dir, "node");
    if (!n->dir)
        return ir_nomem(err);
    int rc = ir_mkdirs(n->dir, 0700, err);
    /* Absolute: runc is told of it, and the cgroup is named after it. */
    if (!rc && (real = realpath(n->dir, NULL))) {
        free(n->dir);
        n->dir = real;
    }
    if (!rc)
        rc = ir_hash_bytes(n->dir, strlen(n->dir), digest, err);
    if (!rc && !(n->cgroup = ir_format("imgrel-mock-%d-%.16s", (int)getpid(), digest + 7)))
        rc = ir_nomem(err);
    return rc;
}

static int add_rule(struct mk_node *n, const char *host, const char *address, imgrel_error *err)
{
    const char *ca = n->mock->ca_file, *port = strrchr(address, ':');
    ir_host_rule *grown = realloc(n->rules, (n->n_rules + 1) * sizeof *grown);
    if (!grown)
        return ir_nomem(err);
    n->rules = grown;
    char *url = strchr(host, ':')
                    ? ir_format("%s://%s", ca ? "https" : "http", host)
                    : ir_format("%s://%s%s", ca ? "https" : "http", host, port ? port : "");
    n->rules[n->n_rules++] =
        (ir_host_rule){ir_strdup(host), url, ir_strdup(address), ca ? ir_strdup(ca) : NULL, false};
    return url ? 0 : ir_nomem(err);
}

/* "hosts" of the configuration, and our own two names. */
static int make_rules(struct mk_node *n, const ir_json *config, imgrel_error *err)
{
    const ir_json *hosts = ir_json_get(config, "hosts");
    const char *external = ir_json_str(config, "external_url");
    IR_AUTO(ir_url) url = {0};
    int rc = 0;
    for (void *it = ir_json_first(hosts); it && !rc; it = ir_json_next(hosts, it)) {
        const char *address = ir_json_text(ir_json_value(it));
        rc = address ? add_rule(n, ir_json_key(it), address, err)
                     : ir_fail(err, IMGREL_EINVAL, "mock: hosts.%s is no address", ir_json_key(it));
    }
    if (!rc && external && !ir_json_str(hosts, external) && !ir_url_parse(external, &url, NULL) &&
        !ir_json_get(hosts, url.host))
        rc = add_rule(n, url.host, n->mock->host, err);
    return rc ? rc : add_rule(n, n->mock->host, n->mock->host, err);
}

static int make_session(struct mk_node *n, imgrel_error *err)
{
    ir_conf conf = {.connect_timeout_ms = 10000,
                    .stall_timeout_ms = 15000,
                    .timeout_ms = 600000,
                    .retry_delay_ms = 200,
                    .retry_delay_max_ms = 1000,
                    .retry_budget_ms = 5000,
                    .retries = 1,
                    .jobs = 2,
                    .helper_timeout_ms = 1000};
    int rc = ir_session_new(&conf, NULL, &n->session, err);
    ir_conf_clear(&conf);
    return rc;
}

int mk_node_start(struct mk_kube *k, imgrel_error *err)
{
    struct mk_node *n = calloc(1, sizeof *n);
    if (!n)
        return ir_nomem(err);
    n->mock = k->mock;
    n->kube = k;
    n->backoff_ms = ir_json_int(k->mock->config, "backoff_ms", 1000);
    pthread_mutex_init(&n->pull_lock, NULL);
    k->mock->node = n;
    int rc = choose_mode(n, k->mock->config, err);
    if (rc || n->mode == MK_NODE_OFF)
        return rc;
    if (n->backoff_ms < 1 || n->backoff_ms > 600000)
        return ir_fail(err, IMGREL_EINVAL, "mock: backoff_ms must be 1 to 600000");
    rc = choose_dir(n, k->mock->config, err);
    if (!rc)
        rc = make_rules(n, k->mock->config, err);
    if (!rc)
        rc = make_session(n, err);
    if (rc)
        return rc;
    mk_node_clean(n->dir, n->cgroup);
    register_node(n);
    rc = pthread_create(&n->thread, NULL, run, n);
    n->has_thread = !rc;
    return rc ? ir_fail_errno(err, rc, "mock: cannot start a thread") : 0;
}

static void node_free(struct mk_node *n)
{
    mk_images_free(n);
    for (size_t i = 0; i < n->n_rules; i++) {
        free((char *)(uintptr_t)n->rules[i].host);
        free((char *)(uintptr_t)n->rules[i].url);
        free((char *)(uintptr_t)n->rules[i].address);
        free((char *)(uintptr_t)n->rules[i].ca_file);
    }
    free(n->rules);
    ir_session_free(n->session);
    pthread_mutex_destroy(&n->pull_lock);
    free(n->dir);
    free(n->cgroup);
    free(n);
}

void mk_node_stop(imgrel_mock *m)
{
    struct mk_node *n = m->node;
    if (!n)
        return;
    pthread_mutex_lock(&m->lock);
    n->stopping = true;
    pthread_cond_broadcast(&m->kube->changed);
    pthread_mutex_unlock(&m->lock);
    if (n->has_thread)
        pthread_join(n->thread, NULL);
    if (n->dir) {
        mk_node_clean(n->dir, n->cgroup ? n->cgroup : "imgrel-mock-none");
        rmdir(n->dir);
    }
    m->node = NULL;
    node_free(n);
}
