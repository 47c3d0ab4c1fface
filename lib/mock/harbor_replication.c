/* harbor_replication.c - registries, replication policies and their executions. A registry is asked
 * for /v2/ before it is taken; an execution copies really: inside the mock where the registry is
 * the mock itself, else by pushes to it (harbor_push.c); its state then moves by the mock's clock.
 */
#include "mock/registry.h"

#include <stdlib.h>

/* Its own address inside, as its installer writes it: such a registry is logged in to otherwise. */
#define MK_CORE_URL "http://core:8080"

static const mk_column columns[] = {{"id,ID", "id"},
                                    {"name,Name", "name"},
                                    {"type,Type", "type"},
                                    {"enabled,Enabled", "enabled"},
                                    {NULL, NULL}};

/* ---- registries ------------------------------------------------------------------------------ */

static const char *const adapters[] = {
    "ali-acr",    "artifact-hub",      "aws-ecr", "azure-acr",   "docker-hub",    "docker-registry",
    "dtr",        "github-ghcr",       "gitlab",  "google-gcr",  "harbor",        "helm-hub",
    "huawei-SWR", "jfrog-artifactory", "quay",    "tencent-tcr", "volcengine-cr", NULL};

static bool adapter_known(const char *type)
{
    for (const char *const *a = adapters; *a; a++)
        if (ir_streq(*a, type))
            return true;
    return false;
}

static void list_adapters(mk_call *c)
{
    ir_json *all = ir_json_new_array();
    for (const char *const *a = adapters; *a; a++)
        ir_json_append(all, ir_json_new_string(*a));
    if (mk_need_system(c, "replication-adapter", "list"))
        mk_reply_json(c->p, 200, ir_json_ref(all));
    ir_json_free(all);
}

/* With a login 200, without one also the challenge. The lock is open meanwhile. */
static bool healthy(mk_call *c, const ir_json *registry, bool *ret_reached)
{
    ir_reply reply = {0};
    ir_auth auth;
    ir_call call;
    const char *url = ir_json_str(registry, "url");
    char *at = ir_format("%.*s/v2/", (int)strlen(url) - (ir_ends(url, "/") ? 1 : 0), url);
    bool login = mk_push_auth(registry, &auth), ok = false;
    ir_json *keep = ir_json_ref((ir_json *)(uintptr_t)registry);
    pthread_mutex_unlock(&c->mock->lock);
    if (at && !mk_push_call(c->mock, &call)) {
        ir_request req = {.url = at,
                          .auth = login ? &auth : NULL,
                          .flags = IR_HTTP_ONE_TRY | IR_HTTP_H1 | IR_HTTP_NO_REDIRECT};
        ok = !ir_http_do(&call, &req, &reply, NULL) &&
             (reply.status == 200 || (!login && reply.status == 401));
        *ret_reached = reply.status > 0;
        ir_reply_free(&reply);
    }
    pthread_mutex_lock(&c->mock->lock);
    ir_json_free(keep);
    free(at);
    return ok;
}

/* Of a Harbor the version is asked before the login is tried: one that is not reached is an error
 * of the server's own. */
static void ask_registry(mk_call *c, const ir_json *registry)
{
    bool reached = true;
    if (healthy(c, registry, &reached))
        return;
    if (!reached && ir_streq(ir_json_str(registry, "type"), "harbor"))
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else
        mk_error_bad(c, "the registry is unhealthy");
}

static bool check_registry(mk_call *c, ir_json *item, const ir_json *old)
{
    const char *name = ir_json_str(item, "name"), *url = ir_json_str(item, "url"),
               *type = ir_json_str(item, "type");
    if (!name || !*name)
        mk_error_bad(c, "name cannot be empty");
    else if (!url || !*url)
        mk_error_bad(c, "empty string");
    else if (!type || !adapter_known(type))
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else if (!strstr(url, "://"))
        mk_error_bad(c, "invalid registry URL: %s", url);
    else if (!old && !ir_json_get(item, "credential") && ir_streq(url, MK_CORE_URL))
        mk_error_panic(c);
    else
        ask_registry(c, item);
    ir_json_puts(item, "status", "healthy");
    return !c->p->status;
}

static ir_json *render_registry(mk_call *c, const ir_json *item)
{
    ir_json *j = mk_render_copy(c, item), *credential = ir_json_get(j, "credential");
    const char *secret = ir_json_str(credential, "access_secret");
    if (secret && *secret)
        ir_json_puts(credential, "access_secret", "*****");
    return j;
}

static bool registry_of(const ir_json *policy, int64_t id)
{
    return ir_json_int(ir_json_get(policy, "src_registry"), "id", 0) == id ||
           ir_json_int(ir_json_get(policy, "dest_registry"), "id", 0) == id;
}

static bool registry_free(mk_call *c, const ir_json *item)
{
    int64_t id = ir_json_int(item, "id", 0);
    bool used = false;
    const ir_json *all = mk_part(c->h, "replication_policies");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        used |= registry_of(ir_json_value(it), id);
    all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        used |= ir_json_int(ir_json_value(it), "registry_id", 0) == id;
    if (used)
        mk_error(c->p, 412, "PRECONDITION", "the registry %lld is referenced, cannot delete it",
                 (long long)id);
    return !used;
}

static const mk_resource registries = {
    .part = "registries",
    .noun = "registry",
    .right = "registry",
    .keys = "name,description,url,type,credential,insecure",
    .columns = columns,
    .order = "-id",
    .check = check_registry,
    .removable = registry_free,
    .render = render_registry,
};

/* A PUT is flat; what it leaves out of the credential is kept, stars are taken for a secret. */
static void update_registry(mk_call *c)
{
    static const char *const keys[] = {"access_key", "access_secret", NULL};
    const ir_json *old = mk_resource_need(c, "update");
    if (!old)
        return;
    ir_json *credential = ir_json_copy(ir_json_get(old, "credential"));
    if (!credential)
        credential = ir_json_new_object();
    for (const char *const *k = keys; *k; k++)
        ir_json_puts(credential, *k, ir_json_str(c->body, *k));
    ir_json_puts(credential, "type", ir_json_str(c->body, "credential_type"));
    ir_json_put(c->body, "credential", credential);
    mk_resource_update(c);
}

static void ping(mk_call *c)
{
    int64_t id = ir_json_int(c->body, "id", 0);
    const ir_json *kept = mk_by_id(mk_part(c->h, "registries"), id);
    if (!mk_need_system(c, "registry", "read"))
        return;
    if (id && !kept)
        mk_error_missing(c, "registry %lld not found", (long long)id);
    else if (!kept && (!ir_json_str(c->body, "url") || !ir_json_str(c->body, "type")))
        mk_error_bad(c, "type or url cannot be empty");
    else
        ask_registry(c, kept ? kept : c->body);
}

/* ---- policies -------------------------------------------------------------------------------- */

static bool check_policy(mk_call *c, ir_json *item, const ir_json *old)
{
    static const char *const sides[] = {"src_registry", "dest_registry"};
    int n = 0;
    const char *name = ir_json_str(item, "name");
    (void)old;
    for (size_t i = 0; i < 2; i++) {
        int64_t id = ir_json_int(ir_json_get(item, sides[i]), "id", 0);
        if (!id)
            continue;
        n++;
        if (!mk_by_id(mk_part(c->h, "registries"), id)) {
            mk_error_missing(c, "registry %lld not found", (long long)id);
            return false;
        }
    }
    if (!name || !*name)
        mk_error_bad(c, "empty name");
    else if (n != 1)
        mk_error_bad(c, "either src_registry or dest_registry should be empty, not both or none");
    if (!ir_json_get(item, "trigger"))
        ir_json_put(item, "trigger", ir_json_pack("{s:s}", "type", "manual"));
    if (!ir_json_get(item, "enabled"))
        ir_json_put(item, "enabled", ir_json_new_bool(false));
    return !c->p->status;
}

static const char *status_of(const mk_call *c, const ir_json *run)
{
    int64_t age = mk_now_ms(c->mock) - ir_json_int(run, "started_ms", 0);
    if (ir_json_bool(run, "stopped", false))
        return "Stopped";
    if (age < c->h->job_ms * 3 / 2) /* it lags behind its tasks */
        return "InProgress";
    return ir_json_bool(run, "failed", false) ? "Failed" : "Succeed";
}

static bool policy_idle(mk_call *c, const ir_json *policy)
{
    const ir_json *all = mk_part(c->h, "replications");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_int(ir_json_value(it), "policy_id", 0) == ir_json_int(policy, "id", -1) &&
            ir_streq(status_of(c, ir_json_value(it)), "InProgress")) {
            mk_error(c->p, 412, "PRECONDITION",
                     "the policy %lld has running executions, can not be deleted",
                     (long long)ir_json_int(policy, "id", 0));
            return false;
        }
    return true;
}

static ir_json *render_policy(mk_call *c, const ir_json *item)
{
    static const char *const sides[] = {"src_registry", "dest_registry"};
    ir_json *j = mk_render_copy(c, item);
    for (size_t i = 0; i < 2; i++) {
        const ir_json *full = mk_by_id(mk_part(c->h, "registries"),
                                       ir_json_int(ir_json_get(item, sides[i]), "id", 0));
        ir_json_put(j, sides[i],
                    full ? render_registry(c, full)
                         : ir_json_pack("{s:i, s:s, s:s, s:b}", "id", 0, "name", "Local", "type",
                                        "harbor", "insecure", 1));
    }
    return j;
}

static const mk_resource policies = {
    .part = "replication_policies",
    .noun = "replication policy",
    .right = "replication-policy",
    .keys = "name,description,src_registry,dest_registry,dest_namespace,"
            "dest_namespace_replace_count,trigger,filters,replicate_deletion,deletion,override,"
            "enabled,speed,copy_by_chunk,single_active_replication",
    .columns = columns,
    .order = "-id",
    .check = check_policy,
    .removable = policy_idle,
    .render = render_policy,
};

/* ---- executions ------------------------------------------------------------------------------ */

static ir_json *render_run(mk_call *c, const ir_json *run)
{
    char start[40], end[40];
    int64_t ms = ir_json_int(run, "started_ms", 0), total = ir_json_int(run, "total", 0);
    enum mk_phase phase = mk_job_phase(c->mock, run);
    const char *why = ir_json_str(run, "status_text");
    mk_time_of(ms, start);
    mk_time_of(ms + c->h->job_ms, end);
    ir_json *j = ir_json_pack("{s:O, s:O, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "id",
                              ir_json_get(run, "id"), "policy_id", ir_json_get(run, "policy_id"),
                              "status", status_of(c, run), "status_text", why ? why : "", "trigger",
                              "manual", "start_time", start, "total", (long long)total, "failed",
                              phase == MK_FAILED ? (long long)total : 0LL, "succeed",
                              phase == MK_DONE ? (long long)total : 0LL, "in_progress",
                              phase < MK_DONE ? (long long)total : 0LL, "stopped",
                              phase == MK_STOPPED ? (long long)total : 0LL);
    if (!ir_streq(status_of(c, run), "InProgress"))
        ir_json_puts(j, "end_time", end);
    return j;
}

static void list_runs(mk_call *c)
{
    mk_filter f = {0};
    if (mk_need_system(c, "replication", "list") && mk_filter_read(c, &f)) {
        char *policy = mk_query(c->r, "policy_id");
        unsigned long long id = 0;
        bool one = policy && ir_parse_u64(policy, INT64_MAX, &id);
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "replications");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            if (!one || ir_json_int(ir_json_value(it), "policy_id", 0) == (int64_t)id)
                ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, columns, "-id", found, render_run);
        free(policy);
    }
    mk_filter_free(&f);
}

static ir_json *need_run(mk_call *c, const char *action)
{
    int64_t id;
    if (!mk_param_id(c, 0, "id in path", &id) || !mk_need_system(c, "replication", action))
        return NULL;
    ir_json *run = mk_by_id(mk_part(c->h, "replications"), id);
    if (!run)
        mk_error_missing(c, "replication execution %lld not found", (long long)id);
    return run;
}

static void get_run(mk_call *c)
{
    const ir_json *run = need_run(c, "read");
    if (run)
        mk_reply_json(c->p, 200, render_run(c, run));
}

static void stop_run(mk_call *c)
{
    ir_json *run = need_run(c, "create");
    if (!run)
        return;
    if (mk_job_phase(c->mock, run) < MK_DONE)
        ir_json_put(run, "stopped", ir_json_new_bool(true));
    mk_state_changed(c->mock);
}

static void start_run(mk_call *c)
{
    int64_t id = ir_json_int(c->body, "policy_id", 0);
    if (!mk_need_system(c, "replication", "create"))
        return;
    ir_json *policy = mk_by_id(mk_part(c->h, "replication_policies"), id);
    if (!policy) {
        mk_error_missing(c, "replication policy %lld not found", (long long)id);
        return;
    }
    if (!ir_json_bool(policy, "enabled", false)) {
        mk_error(c->p, 412, "PRECONDITION", "the policy %lld is disabled", (long long)id);
        return;
    }
    ir_json *run = ir_json_pack("{s:I, s:I}", "policy_id", (long long)id, "started_ms",
                                (long long)mk_now_ms(c->mock));
    ir_json *tasks = mk_replicate(c, policy);
    bool failed = false;
    for (size_t i = 0; i < ir_json_len(tasks); i++)
        failed |= !ir_json_bool(ir_json_at(tasks, i), "ok", false);
    ir_json_put(run, "failed", ir_json_new_bool(failed));
    ir_json_put(run, "total", ir_json_new_int((int64_t)ir_json_len(tasks)));
    ir_json_put(run, "tasks", tasks);
    int64_t run_id = mk_next_id(c->h, "replications");
    ir_json_put(run, "id", ir_json_new_int(run_id));
    mk_put_id(mk_part(c->h, "replications"), run_id, run);
    mk_state_changed(c->mock);
    mk_created(c, run_id);
}

static void list_tasks(mk_call *c)
{
    char start[40];
    const ir_json *run = need_run(c, "list"), *all = ir_json_get(run, "tasks");
    if (!run)
        return;
    ir_json *out = ir_json_new_array();
    enum mk_phase phase = mk_job_phase(c->mock, run);
    mk_time_of(ir_json_int(run, "started_ms", 0), start);
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *t = ir_json_at(all, i);
        bool ok = ir_json_bool(t, "ok", false);
        ir_json_append(out, ir_json_pack("{s:I, s:O, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
                                         (long long)i + 1, "execution_id", ir_json_get(run, "id"),
                                         "resource_type", "image", "src_resource",
                                         ir_json_str(t, "from"), "dst_resource",
                                         ir_json_str(t, "to"), "operation", "copy", "status",
                                         phase < MK_DONE ? "InProgress"
                                         : ok            ? "Succeed"
                                                         : "Failed",
                                         "start_time", start));
    }
    mk_list_reply(c, (int64_t)ir_json_len(out), out);
}

static const mk_shape registry_shape[] = {{"name", 's'},       {"url", 's'},      {"type", 's'},
                                          {"credential", 'o'}, {"insecure", 'b'}, {NULL, 0}};
static const mk_shape policy_shape[] = {
    {"name", 's'}, {"filters", 'a'}, {"trigger", 'o'}, {"enabled", 'b'}, {NULL, 0}};
static const mk_shape run_shape[] = {{"policy_id", 'i'}, {NULL, 0}};
#define POLICIES "replication/policies"

const mk_route mk_replication_routes[] = {
    {"GET", "registries", mk_resource_list, NULL, NULL, &registries},
    {"POST", "registries", mk_resource_create, "registry", registry_shape, &registries},
    {"POST", "registries/ping", ping, "registry", registry_shape, NULL},
    {"GET", "registries/{}", mk_resource_get, NULL, NULL, &registries},
    {"PUT", "registries/{}", update_registry, "registry", registry_shape, &registries},
    {"DELETE", "registries/{}", mk_resource_delete, NULL, NULL, &registries},
    {"GET", "replication/adapters", list_adapters, NULL, NULL, NULL},
    {"GET", POLICIES, mk_resource_list, NULL, NULL, &policies},
    {"POST", POLICIES, mk_resource_create, "policy", policy_shape, &policies},
    {"GET", POLICIES "/{}", mk_resource_get, NULL, NULL, &policies},
    {"PUT", POLICIES "/{}", mk_resource_update, "policy", policy_shape, &policies},
    {"DELETE", POLICIES "/{}", mk_resource_delete, NULL, NULL, &policies},
    {"GET", "replication/executions", list_runs, NULL, NULL, NULL},
    {"POST", "replication/executions", start_run, "execution", run_shape, NULL},
    {"GET", "replication/executions/{}", get_run, NULL, NULL, NULL},
    {"PUT", "replication/executions/{}", stop_run, NULL, NULL, NULL},
    {"GET", "replication/executions/{}/tasks", list_tasks, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
