/* kube.c - the mock's Kubernetes API server: start and stop, who is asking, and which handler a
 * path belongs to.
 *
 * Configuration beside what include/imgrel/mock.h lists: "kube_version" ("1.34"), "kube_users":
 * [{"name", "token", "rules": [{"verbs", "resources", "namespaces"}]}] (no rules: everything),
 * "kube_history" (changes that are remembered; 1000), "sa_delay_ms" (until a namespace has its
 * default service account; 200), "backoff_ms" (first pause after a pull or a container failed;
 * 1000). */
#include "mock/node.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who ------------------------------------------------------------------------------------ */

static const mk_user *user_of_token(const struct mk_kube *k, const char *token)
{
    for (size_t i = 0; i < k->n_users; i++)
        if (ir_equal_secret(k->users[i].token, token))
            return &k->users[i];
    return NULL;
}

/* A browser can't set Authorization: the token is one of the offered sub-protocols. */
static char *token_of_protocol(const mk_request *r)
{
    static const char prefix[] = "base64url.bearer.authorization.k8s.io.";
    const char *offered = mk_header(r, "Sec-WebSocket-Protocol");
    const char *at = offered ? strstr(offered, prefix) : NULL;
    if (!at)
        return NULL;
    at += sizeof prefix - 1;
    char *text = ir_strndup(at, strcspn(at, ", "));
    ir_buf token = IR_BUF(IR_TOKEN_MAX);
    for (char *p = text; p && *p; p++)
        *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    if (text && !ir_base64_decode(text, strlen(text), &token))
        ir_buf_clear(&token);
    free(text);
    return ir_buf_take(&token);
}

/* False: 401 was answered. Clients send no token over plain http: there everybody is the admin. */
static bool authenticate(mk_kcall *c)
{
    const char *auth = mk_header(c->r, "Authorization");
    char *token = auth && ir_starts(auth, "Bearer ") ? ir_strdup(auth + 7) : NULL;
    if (!token)
        token = token_of_protocol(c->r);
    bool ok = true;
    if (token)
        ok = (c->user = user_of_token(c->k, token)) != NULL;
    else if (auth)
        ok = false;
    else if (!c->r->tls)
        c->user = &c->k->users[0];
    ir_free_secret(token);
    if (!ok)
        mk_status(c, 401, "Unauthorized", NULL, "Unauthorized");
    return ok;
}

/* ---- where ---------------------------------------------------------------------------------- */

static int take(char **part, const ir_strv *v, size_t i)
{
    free(*part);
    *part = ir_strdup(i < v->n ? v->v[i] : "");
    return *part ? 0 : IMGREL_ENOMEM;
}

/* parts: what follows the version: [namespaces NS] PLURAL [NAME [SUB...]]. */
static bool locate(mk_kcall *c, const char *group, const char *version, const ir_strv *parts)
{
    size_t at = 0;
    int rc = 0;
    bool in_ns = parts->n >= 3 && !strcmp(parts->v[0], "namespaces") &&
                 strcmp(parts->v[2], "status") && strcmp(parts->v[2], "finalize");
    if (in_ns) {
        rc = take(&c->ns, parts, 1);
        at = 2;
    }
    c->kind = mk_kind_find(group, version, parts->v[at]);
    rc = rc ? rc : take(&c->name, parts, at + 1);
    rc = rc ? rc : take(&c->sub, parts, at + 2);
    if (rc || !c->kind || parts->n > at + 3 || (in_ns && !c->kind->namespaced))
        return false;
    if (c->kind->namespaced && !in_ns && *c->name)
        return false;
    if (!strcmp(c->kind->plural, "namespaces") && *c->name)
        return !take(&c->ns, parts, 1);
    return true;
}

static void no_such_resource(mk_kcall *c)
{
    c->kind = NULL;
    mk_status(c, 404, "NotFound", ir_json_new_object(),
              "the server could not find the requested resource");
}

static void wrong_method(mk_kcall *c)
{
    mk_status(c, 405, "MethodNotAllowed", ir_json_new_object(),
              "the server does not allow this method on the requested resource");
}

/* ---- what ----------------------------------------------------------------------------------- */

bool mk_acceptable(mk_kcall *c)
{
    const char *a = mk_header(c->r, "Accept");
    if (!a || !*a || strstr(a, "application/json") || strstr(a, "*/*") ||
        strstr(a, "application/*"))
        return true;
    if (!strcmp(c->sub, "log"))
        mk_status(c, 406, "NotAcceptable", NULL,
                  "only the following media types are accepted: application/json, "
                  "application/yaml, application/vnd.kubernetes.protobuf");
    else
        mk_status(
            c, 406, "NotAcceptable", ir_json_new_object(),
            "406: Not Acceptable\n\nAvailable representations: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf, "
            "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch");
    return false;
}

static void pod_subresource(mk_kcall *c)
{
    bool get = !strcmp(c->r->method, "GET"), post = !strcmp(c->r->method, "POST");
    if (!strcmp(c->sub, "log")) {
        if (!get)
            wrong_method(c);
        else if (mk_authorize(c, "get", "log"))
            mk_pod_log(c);
    } else if (!strcmp(c->sub, "portforward")) {
        /* WebSockets are a GET and needed only that right until 1.34. */
        if (!get && !post)
            wrong_method(c);
        else if (mk_authorize(c, get && c->k->minor < 35 ? "get" : "create", "portforward"))
            mk_pod_forward(c);
    } else if (!strcmp(c->sub, "binding") && post) {
        if (mk_authorize(c, "create", "binding"))
            mk_pod_binding(c);
    } else {
        mk_absent(c, c->sub);
    }
}

static const char *verb_of(const mk_kcall *c)
{
    const char *m = c->r->method;
    if (!strcmp(m, "GET"))
        return *c->name ? "get" : mk_flag(c, "watch") ? "watch" : "list";
    if (!strcmp(m, "POST"))
        return *c->name ? NULL : "create";
    if (!strcmp(m, "DELETE"))
        return *c->name ? "delete" : "deletecollection";
    if (!*c->name)
        return NULL;
    return !strcmp(m, "PUT") ? "update" : !strcmp(m, "PATCH") ? "patch" : NULL;
}

static void dispatch(mk_kcall *c)
{
    const char *verb = verb_of(c);
    if (c->kind->absent) {
        mk_absent(c, c->kind->plural);
        return;
    }
    if (*c->sub && strcmp(c->sub, "status")) {
        if (!strcmp(c->kind->plural, "pods"))
            pod_subresource(c);
        else
            no_such_resource(c);
        return;
    }
    if (!verb || (!strcmp(verb, "create") && c->kind->namespaced && !*c->ns)) {
        wrong_method(c);
        return;
    }
    if (!mk_authorize(c, verb, c->sub) || !mk_acceptable(c))
        return;
    if (c->k->minor >= 33 && !strcmp(c->kind->plural, "endpoints"))
        mk_warn(c, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    static const struct {
        const char *verb;
        void (*run)(mk_kcall *c);
    } verbs[] = {
        {"get", mk_kube_get},       {"list", mk_kube_list},
        {"watch", mk_kube_list},    {"create", mk_kube_post},
        {"update", mk_kube_put},    {"patch", mk_kube_patch},
        {"delete", mk_kube_delete}, {"deletecollection", mk_kube_delete_all},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verbs[i].verb, verb))
            verbs[i].run(c);
}

static void give_version(mk_kcall *c)
{
    char *minor = ir_format("%d", c->k->minor), *full = ir_format("v1.%d.0-mock", c->k->minor);
    mk_give(c, 200,
            ir_json_pack("{s:s, s:s, s:s, s:s}", "major", "1", "minor", minor ? minor : "",
                         "gitVersion", full ? full : "", "platform", "linux/amd64"));
    free(minor);
    free(full);
}

static void discover(mk_kcall *c)
{
    size_t len = strlen(c->r->path);
    char *path = ir_strndup(c->r->path, len - (c->r->path[len - 1] == '/'));
    if (!path)
        mk_no_memory(c);
    else if (!c->user)
        mk_status(c, 403, "Forbidden", ir_json_new_object(),
                  "forbidden: User \"system:anonymous\" cannot get path \"%s\"", path);
    else
        mk_kube_discovery(c, path);
    free(path);
}

/* /api/VERSION/..., /apis/GROUP/VERSION/... */
static void by_group(mk_kcall *c, const ir_strv *parts)
{
    bool core = !strcmp(parts->v[0], "api");
    size_t skip = core ? 2 : 3;
    if (parts->n <= skip) {
        discover(c);
        return;
    }
    const char *group = core ? "" : parts->v[1], *version = parts->v[skip - 1];
    ir_strv rest = {parts->v + skip, parts->n - skip};
    if (!mk_group_known(group, version))
        mk_text(c, 404, "404 page not found\n");
    else if (!locate(c, group, version, &rest))
        no_such_resource(c);
    else
        dispatch(c);
}

static void route(mk_kcall *c)
{
    const char *path = c->r->path;
    ir_strv parts = {0};
    if (strstr(path, "//") || ir_strv_split(&parts, path, '/'))
        mk_text(c, 404, "404 page not found\n");
    else if (!strcmp(path, "/version"))
        give_version(c);
    else if (parts.n && (!strcmp(parts.v[0], "healthz") || !strcmp(parts.v[0], "readyz") ||
                         !strcmp(parts.v[0], "livez")))
        mk_text(c, 200, "ok");
    else if (parts.n && (!strcmp(parts.v[0], "api") || !strcmp(parts.v[0], "apis")))
        by_group(c, &parts);
    else
        mk_text(c, 404, "404 page not found\n");
    ir_strv_free(&parts);
}

/* The field manager: what the query says, else the product of the user agent. */
static char *manager_of(const mk_request *r)
{
    char *asked = mk_query(r, "fieldManager");
    if (asked && *asked)
        return asked;
    free(asked);
    const char *ua = mk_header(r, "User-Agent");
    return ua && *ua ? ir_strndup(ua, strcspn(ua, "/")) : ir_strdup("unknown");
}

static void handle(mk_request *r, mk_reply *p)
{
    mk_kcall c = {.m = r->mock, .k = r->mock->kube, .r = r, .p = p};
    if (!c.k) {
        mk_reply_text(p, 503, "text/plain", "the mock's Kubernetes is not running\n");
        return;
    }
    c.ns = ir_strdup("");
    c.name = ir_strdup("");
    c.sub = ir_strdup("");
    c.manager = manager_of(r);
    char *dry = mk_query(r, "dryRun");
    c.dry_run = dry && !strcmp(dry, "All");
    free(dry);
    if (!c.ns || !c.name || !c.sub || !c.manager)
        mk_no_memory(&c);
    else if (r->body_len > MK_KUBE_BODY_MAX)
        mk_status(&c, 413, "RequestEntityTooLarge", ir_json_new_object(),
                  "Request entity too large: limit is %lu", MK_KUBE_BODY_MAX);
    else if (authenticate(&c))
        route(&c);
    free(c.ns);
    free(c.name);
    free(c.sub);
    free(c.manager);
}

const mk_api mk_kube_api_core = {.prefix = "/api/", .kube = true, .handle = handle};
const mk_api mk_kube_api_groups = {.prefix = "/apis/", .kube = true, .handle = handle};
const mk_api mk_kube_api_misc = {.prefix = "/", .kube = true, .handle = handle};

/* ---- start and stop ------------------------------------------------------------------------- */

static int add_user(struct mk_kube *k, const char *name, const char *token, const ir_json *rules)
{
    mk_user *grown = realloc(k->users, (k->n_users + 1) * sizeof *grown);
    if (!grown)
        return IMGREL_ENOMEM;
    k->users = grown;
    mk_user *u = &grown[k->n_users];
    *u = (mk_user){ir_strdup(name), ir_strdup(token), rules ? ir_json_copy(rules) : NULL};
    k->n_users++;
    return u->name && u->token ? 0 : IMGREL_ENOMEM;
}

static int add_users(struct mk_kube *k, const ir_json *config, imgrel_error *err)
{
    if (add_user(k, "admin", k->admin_token, NULL))
        return ir_nomem(err);
    const ir_json *list = ir_json_get(config, "kube_users");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *u = ir_json_at(list, i);
        const char *name = ir_json_str(u, "name"), *token = ir_json_str(u, "token");
        if (!name || !token)
            return ir_fail(err, IMGREL_EINVAL, "mock: kube_users[%zu] needs a name and a token", i);
        if (add_user(k, name, token, ir_json_get(u, "rules")))
            return ir_nomem(err);
    }
    return 0;
}

static void hex(const unsigned char *p, size_t n, char *ret)
{
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = "0123456789abcdef"[p[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    ret[2 * n] = 0;
}

static int read_config(struct mk_kube *k, const ir_json *config, imgrel_error *err)
{
    unsigned char seed[24];
    char token[33];
    unsigned long long minor = 34;
    const char *version = ir_json_str(config, "kube_version");
    int rc = ir_random(seed, sizeof seed, err);
    if (rc)
        return rc;
    hex(seed, 8, k->uid_stem);
    hex(seed + 8, 16, token);
    if (version && (!ir_starts(version, "1.") || !ir_parse_u64(version + 2, 999, &minor)))
        return ir_fail(err, IMGREL_EINVAL, "mock: kube_version \"%s\" is not like \"1.34\"",
                       version);
    k->minor = (int)minor;
    k->max_history = (size_t)ir_json_int(config, "kube_history", 1000);
    k->sa_delay_ms = ir_json_int(config, "sa_delay_ms", 200);
    k->rv = k->horizon = MK_RV_FIRST;
    if (!k->max_history || k->max_history > 100000)
        return ir_fail(err, IMGREL_EINVAL, "mock: kube_history must be 1 to 100000");
    k->history = calloc(k->max_history, sizeof *k->history);
    k->admin_token = ir_strdup(token);
    if (!k->history || !k->admin_token)
        return ir_nomem(err);
    return add_users(k, config, err);
}

/* A kubeconfig of the admin, readable by us only. */
static int write_kubeconfig(imgrel_mock *m, imgrel_error *err)
{
    ir_buf ca = IR_BUF(IR_MIB), out = IR_BUF(4 * IR_MIB);
    int rc = m->ca_file ? ir_file_read(m->ca_file, &ca, err) : 0;
    ir_buf_addf(&out,
                "apiVersion: v1\nkind: Config\ncurrent-context: mock\nclusters:\n- name: mock\n"
                "  cluster:\n    server: %s\n",
                m->kube_url);
    if (ca.len) {
        ir_buf_adds(&out, "    certificate-authority-data: ");
        ir_base64_add(&out, ca.p, ca.len);
        ir_buf_adds(&out, "\n");
    }
    ir_buf_addf(&out,
                "users:\n- name: admin\n  user:\n    token: %s\ncontexts:\n- name: mock\n"
                "  context: {cluster: mock, user: admin, namespace: default}\n",
                m->kube->admin_token);
    m->kubeconfig = ir_path_join(m->dir, "kubeconfig");
    if (!rc)
        rc = m->kubeconfig ? ir_buf_check(&out, err, "kubeconfig") : ir_nomem(err);
    if (!rc)
        rc = ir_file_write(m->kubeconfig, 0600, out.p, out.len, err);
    ir_buf_free(&ca);
    ir_buf_free(&out);
    return rc;
}

static void kube_free(struct mk_kube *k)
{
    if (!k)
        return;
    mk_store_free(k);
    for (size_t i = 0; i < k->n_users; i++) {
        free(k->users[i].name);
        ir_free_secret(k->users[i].token);
        ir_json_free(k->users[i].rules);
    }
    free(k->users);
    ir_free_secret(k->admin_token);
    pthread_cond_destroy(&k->changed);
    free(k);
}

int mk_kube_start(imgrel_mock *m, imgrel_error *err)
{
    struct mk_kube *k = calloc(1, sizeof *k);
    if (!k)
        return ir_nomem(err);
    k->mock = m;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->changed, &attr);
    pthread_condattr_destroy(&attr);
    int rc = read_config(k, m->config, err);
    if (rc) {
        kube_free(k);
        return rc;
    }
    m->kube = k;
    rc = write_kubeconfig(m, err);
    if (!rc)
        rc = mk_control_start(k, err);
    if (!rc)
        rc = mk_node_start(k, err);
    if (rc)
        mk_kube_stop(m);
    return rc;
}

void mk_kube_stop(imgrel_mock *m)
{
    struct mk_kube *k = m->kube;
    if (!k)
        return;
    pthread_mutex_lock(&m->lock);
    k->stopping = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&m->lock);
    mk_node_stop(m);
    mk_control_stop(k);
    if (m->kubeconfig)
        unlink(m->kubeconfig);
    m->kube = NULL;
    kube_free(k);
}

/* ---- state ---------------------------------------------------------------------------------- */

/* A copy: references to what is stored are counted under the lock only. */
static ir_json *state_of(const mk_object *o)
{
    ir_json *typed = mk_typed(o->kind, o->json), *copy = ir_json_copy(typed);
    ir_json_free(typed);
    return copy;
}

ir_json *mk_kube_state(imgrel_mock *m)
{
    struct mk_kube *k = m->kube;
    ir_json *list = ir_json_new_array();
    for (size_t i = 0; k && i < k->n_objects; i++)
        if (strcmp(k->objects[i].kind->plural, "nodes"))
            ir_json_append(list, state_of(&k->objects[i]));
    ir_json *state = ir_json_new_object();
    ir_json_put(state, "rv", ir_json_new_int(k ? k->rv : 0));
    ir_json_put(state, "serial", ir_json_new_int(k ? k->serial : 0));
    ir_json_put(state, "objects", list);
    return state;
}

static int load_object(struct mk_kube *k, const ir_json *object, imgrel_error *err)
{
    const char *kind_name = ir_json_str(object, "kind");
    const mk_kind *kind = kind_name ? mk_kind_named(kind_name) : NULL;
    if (!kind || !*mk_name(object))
        return ir_fail(err, IMGREL_EINVAL, "mock: the state has an object of kind \"%s\"",
                       kind_name ? kind_name : "");
    ir_json *copy = ir_json_copy(object);
    return mk_store_put(k, kind, copy) ? 0 : ir_nomem(err);
}

int mk_kube_load(imgrel_mock *m, const ir_json *state, imgrel_error *err)
{
    struct mk_kube *k = m->kube;
    const ir_json *list = ir_json_get(state, "objects");
    int64_t rv = ir_json_int(state, "rv", 0), serial = ir_json_int(state, "serial", 0);
    int rc = 0;
    if (!k)
        return 0;
    k->rv = rv > k->rv ? rv : k->rv;
    k->serial = serial > k->serial ? serial : k->serial;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = load_object(k, ir_json_at(list, i), err);
    return rc;
}
