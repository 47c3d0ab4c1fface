/* harbor_retention.c - retention policies: one a project, its id in the project's metadata, runs
 * that say what they would keep. The mock counts tags and deletes none. */
#include "mock/harbor.h"

#include <stdlib.h>

static ir_json *project_of(const mk_call *c, const ir_json *policy)
{
    return mk_project_by_id(c->h, ir_json_int(ir_json_get(policy, "scope"), "ref", 0));
}

static bool may(mk_call *c, const ir_json *project, const char *action)
{
    if (!mk_need_user(c))
        return false;
    if (project ? mk_can(c->mock, c->who, project, "tag-retention", action) : c->who->admin)
        return true;
    mk_error(c->p, 403, "FORBIDDEN", "forbidden");
    return false;
}

/* Whether a project still names it. */
static bool is_left(const mk_call *c, int64_t id)
{
    char *text = ir_format("%lld", (long long)id);
    const ir_json *all = mk_part(c->h, "projects");
    bool found = false;
    for (void *it = ir_json_first(all); it && !found; it = ir_json_next(all, it))
        found =
            ir_streq(ir_json_str(ir_json_get(ir_json_value(it), "metadata"), "retention_id"), text);
    free(text);
    return found;
}

/* One that is not there is told in three ways: read, an error of the server's own; written, 404 (up
 * to 2.13, where the project still names it, 500); all else 400. */
static void missing(mk_call *c, const char *action, int64_t id)
{
    if (ir_streq(action, "read"))
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else if (ir_streq(c->r->method, "PUT") && c->h->minor < 14 && is_left(c, id))
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else if (ir_streq(c->r->method, "PUT"))
        mk_error_missing(c, "the retention policy id %lld does not match", (long long)id);
    else
        mk_error_bad(c, "bad request: no such Retention policy with id %lld", (long long)id);
}

static ir_json *need(mk_call *c, const char *action)
{
    int64_t id;
    if (!mk_param_id(c, 0, "id in path", &id) || !mk_need_user(c))
        return NULL;
    ir_json *policy = mk_by_id(mk_part(c->h, "retentions"), id);
    if (!policy)
        missing(c, action, id);
    else if (may(c, project_of(c, policy), action))
        return policy;
    return NULL;
}

static bool check(mk_call *c)
{
    const char *level = ir_json_str(ir_json_get(c->body, "scope"), "level"),
               *cron = ir_json_str(ir_json_path(c->body, "trigger.settings"), "cron");
    if (!ir_streq(level, "project"))
        mk_error_bad(c, "scope level %s is not supported", level ? level : "");
    else if (cron && *cron && !mk_cron_fits(cron))
        mk_error_bad(c, "invalid cron %s: it has 6 fields", cron);
    return !c->p->status;
}

static ir_json *copy_keys(const ir_json *body, ir_json *item)
{
    static const char *const keys[] = {"algorithm", "rules", "scope", "trigger", NULL};
    for (const char *const *k = keys; *k; k++)
        if (ir_json_get(body, *k))
            ir_json_put(item, *k, ir_json_copy(ir_json_get(body, *k)));
    return item;
}

static void create(mk_call *c)
{
    ir_json *project = project_of(c, c->body);
    if (!check(c) || !may(c, project, "create"))
        return;
    ir_json *metadata = ir_json_get(project, "metadata");
    if (!project)
        mk_error_bad(c, "invalid Project id %lld",
                     (long long)ir_json_int(ir_json_get(c->body, "scope"), "ref", 0));
    else if (ir_json_get(metadata, "retention_id"))
        mk_error_bad(c, "bad request: project %lld already has retention policy %s",
                     (long long)ir_json_int(project, "project_id", 0),
                     ir_json_str(metadata, "retention_id"));
    if (c->p->status)
        return;
    int64_t id = mk_next_id(c->h, "retentions");
    ir_json *item = copy_keys(c->body, ir_json_new_object());
    ir_json_put(item, "id", ir_json_new_int(id));
    mk_put_id(mk_part(c->h, "retentions"), id, item);
    char *text = ir_format("%lld", (long long)id);
    ir_json_puts(metadata, "retention_id", text);
    free(text);
    mk_state_changed(c->mock);
    mk_created(c, id);
}

static void get(mk_call *c)
{
    const ir_json *policy = need(c, "read");
    if (policy)
        mk_reply_json(c->p, 200, ir_json_copy(policy));
}

static void update(mk_call *c)
{
    ir_json *policy = need(c, "update");
    if (!policy || !check(c))
        return;
    copy_keys(c->body, policy);
    mk_state_changed(c->mock);
}

static void delete (mk_call *c)
{
    ir_json *policy = need(c, "delete");
    if (!policy)
        return;
    if (c->h->minor >= 14) /* before, the project goes on naming it, and takes no other */
        ir_json_remove(ir_json_get(project_of(c, policy), "metadata"), "retention_id");
    mk_remove_id(mk_part(c->h, "retentions"), ir_json_int(policy, "id", 0));
    mk_state_changed(c->mock);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static const char *status_of(const mk_call *c, const ir_json *run)
{
    enum mk_phase phase = mk_job_phase(c->mock, run);
    return phase == MK_DONE ? "Succeed" : phase == MK_STOPPED ? "Stopped" : "InProgress";
}

static ir_json *render(mk_call *c, const ir_json *run)
{
    char start[40], end[40];
    int64_t ms = ir_json_int(run, "started_ms", 0);
    bool done = mk_job_phase(c->mock, run) >= MK_DONE;
    mk_time_of(ms, start);
    mk_time_of(ms + c->h->job_ms, end);
    ir_json *j = ir_json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:b}", "id", (long long)ir_json_int(run, "id", 0), "policy_id",
        (long long)ir_json_int(run, "policy_id", 0), "status", status_of(c, run), "trigger",
        "MANUAL", "start_time", start, "dry_run", ir_json_bool(run, "dry_run", false));
    if (done)
        ir_json_puts(j, "end_time", end);
    return j;
}

static const mk_column columns[] = {{"id,ID", "id"}, {NULL, NULL}};

static void list_runs(mk_call *c)
{
    mk_filter f = {0};
    const ir_json *policy = need(c, "list");
    if (policy && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "retention_runs");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            if (ir_json_int(ir_json_value(it), "policy_id", 0) == ir_json_int(policy, "id", -1))
                ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, columns, "-id", found, render);
    }
    mk_filter_free(&f);
}

static void run(mk_call *c)
{
    const ir_json *policy = need(c, "update");
    if (!policy)
        return;
    int64_t id = mk_next_id(c->h, "retention_runs");
    mk_put_id(mk_part(c->h, "retention_runs"), id,
              ir_json_pack("{s:I, s:O, s:b, s:I}", "id", (long long)id, "policy_id",
                           ir_json_get(policy, "id"), "dry_run",
                           ir_json_bool(c->body, "dry_run", false), "started_ms",
                           (long long)mk_now_ms(c->mock)));
    mk_state_changed(c->mock);
    mk_created(c, id);
}

/* A run that is not this policy's brings the handler down. */
static ir_json *need_run(mk_call *c, const char *action)
{
    int64_t id;
    const ir_json *policy = need(c, action);
    if (!policy || !mk_param_id(c, 1, "eid in path", &id))
        return NULL;
    ir_json *r = mk_by_id(mk_part(c->h, "retention_runs"), id);
    if (r && ir_json_int(r, "policy_id", 0) == ir_json_int(policy, "id", -1))
        return r;
    mk_error_panic(c);
    return NULL;
}

static void stop(mk_call *c)
{
    ir_json *r = need_run(c, "update");
    if (!r)
        return;
    if (!ir_streq(ir_json_str(c->body, "action"), "stop"))
        mk_error_bad(c, "action should be 'stop'");
    else if (mk_job_phase(c->mock, r) < MK_DONE)
        ir_json_put(r, "stopped", ir_json_new_bool(true));
    mk_state_changed(c->mock);
}

static ir_json *task_of(mk_call *c, const ir_json *r, const ir_json *repository, int64_t id)
{
    const char *name = ir_json_str(repository, "name"), *slash = strchr(name, '/');
    long long n = (long long)ir_json_len(ir_json_get(repository, "tags"));
    char start[40];
    mk_time_of(ir_json_int(r, "started_ms", 0), start);
    return ir_json_pack("{s:I, s:O, s:s, s:s, s:I, s:I, s:s}", "id", (long long)id, "execution_id",
                        ir_json_get(r, "id"), "repository", slash ? slash + 1 : name, "status",
                        mk_job_word(mk_job_phase(c->mock, r)), "total", n, "retained", n,
                        "start_time", start);
}

static void list_tasks(mk_call *c)
{
    const ir_json *r = need_run(c, "list");
    if (!r)
        return;
    const ir_json *policy = mk_by_id(mk_part(c->h, "retentions"), ir_json_int(r, "policy_id", 0)),
                  *project = project_of(c, policy), *all = mk_part(c->h, "repositories");
    ir_json *found = ir_json_new_array();
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_int(ir_json_value(it), "project_id", 0) ==
            ir_json_int(project, "project_id", -1))
            ir_json_append(found,
                           task_of(c, r, ir_json_value(it), (int64_t)ir_json_len(found) + 1));
    mk_list_reply(c, (int64_t)ir_json_len(found), found);
}

static void metadatas(mk_call *c)
{
    static const char *const templates[] = {
        "latestPushedK",      "latestPulledN", "nDaysSinceLastPush",
        "nDaysSinceLastPull", "always",        NULL};
    ir_json *all = ir_json_new_array();
    for (const char *const *t = templates; *t; t++)
        ir_json_append(all, ir_json_pack("{s:s, s:s, s:[]}", "rule_template", *t, "action",
                                         "retain", "params"));
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:o, s:[{s:s, s:s, s:[s, s]}], s:[{s:s, s:s, s:[s, s]}]}",
                               "templates", all, "scope_selectors", "display_text", "Repositories",
                               "kind", "doublestar", "decorations", "repoMatches", "repoExcludes",
                               "tag_selectors", "display_text", "Tags", "kind", "doublestar",
                               "decorations", "matches", "excludes"));
}

static const mk_shape shape[] = {
    {"algorithm", 's'}, {"rules", 'a'}, {"scope", 'o'}, {"trigger", 'o'}, {NULL, 0}};
static const mk_shape run_shape[] = {{"dry_run", 'b'}, {NULL, 0}};
static const mk_shape stop_shape[] = {{"action", 's'}, {NULL, 0}};

const mk_route mk_retention_routes[] = {
    {"GET", "retentions/metadatas", metadatas, NULL, NULL, NULL},
    {"POST", "retentions", create, "policy", shape, NULL},
    {"GET", "retentions/{}", get, NULL, NULL, NULL},
    {"PUT", "retentions/{}", update, "policy", shape, NULL},
    {"DELETE", "retentions/{}", delete, NULL, NULL, NULL},
    {"GET", "retentions/{}/executions", list_runs, NULL, NULL, NULL},
    {"POST", "retentions/{}/executions", run, "body", run_shape, NULL},
    {"PATCH", "retentions/{}/executions/{}", stop, "body", stop_shape, NULL},
    {"GET", "retentions/{}/executions/{}/tasks", list_tasks, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
