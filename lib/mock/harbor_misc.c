/* harbor_misc.c - the small ones: ping, health, system information, the current user, what rights
 * there are, search, statistics, quotas, labels, and schedules that nobody has set. */
#include "mock/harbor.h"

#include <stdlib.h>

static void ping(mk_call *c)
{
    mk_reply_text(c->p, 200, "text/plain; charset=utf-8", "Pong");
}

static void health(mk_call *c)
{
    static const char *const parts[] = {"core",  "database", "jobservice",  "portal",
                                        "redis", "registry", "registryctl", NULL};
    ir_json *all = ir_json_new_array();
    for (const char *const *p = parts; *p; p++)
        ir_json_append(all, ir_json_pack("{s:s, s:s}", "name", *p, "status", "healthy"));
    mk_reply_json(c->p, 200, ir_json_pack("{s:o, s:s}", "components", all, "status", "healthy"));
}

/* Who is not logged in gets five keys; up to 2.12 the version is one more. */
static void systeminfo(mk_call *c)
{
    static const struct {
        int minor;
        const char *text;
    } versions[] = {{10, "v2.10.3-c8c11b46"}, {12, "v2.12.4-6b4981d4"}, {15, "v2.15.2-080b0220"}};
    char now[40];
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:b, s:b, s:s}", "auth_mode",
                     mk_setting(c->h, "auth_mode", "db_auth"), "banner_message", "",
                     "self_registration", 0, "primary_auth_mode", 0, "oidc_provider_name", "");
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (versions[i].minor == c->h->minor && (c->who->kind != MK_ANONYMOUS || c->h->minor < 13))
            ir_json_puts(j, "harbor_version", versions[i].text);
    if (c->who->kind != MK_ANONYMOUS) {
        mk_time(c->mock, now);
        ir_json_puts(j, "current_time", now);
        ir_json_puts(j, "external_url", c->mock->url);
        ir_json_puts(j, "registry_url", c->mock->host);
        ir_json_puts(j, "project_creation_restriction", "everyone");
        ir_json_put(j, "has_ca_root", ir_json_new_bool(false));
        ir_json_put(j, "read_only", ir_json_new_bool(false));
        ir_json_put(j, "notification_enable", ir_json_new_bool(true));
        ir_json_puts(j, "registry_storage_provider_name", "filesystem");
    }
    mk_reply_json(c->p, 200, j);
}

static bool administers_some(mk_call *c)
{
    const ir_json *all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (c->who->kind == MK_USER &&
            mk_can(c->mock, c->who, ir_json_value(it), "robot", "create"))
            return true;
    return false;
}

static void permissions(mk_call *c)
{
    if (c->who->kind == MK_ANONYMOUS)
        mk_error(c->p, 401, "UNAUTHORIZED", "%s", "");
    else if (c->who->kind == MK_ROBOT && c->h->minor < 11) /* looked for among the users */
        mk_error_missing(c, "user %s not found", c->who->name);
    else if (!administers_some(c) && !c->who->admin)
        mk_error(c->p, 403, "FORBIDDEN", "%s", "");
    else
        mk_reply_json(c->p, 200,
                      ir_json_pack("{s:o, s:o}", "system",
                                   c->who->admin ? mk_rights(c->h, true) : ir_json_pack("n"),
                                   "project", mk_rights(c->h, false)));
}

static bool name_has(const ir_json *item, const char *q)
{
    return !q || strcasestr(ir_json_str(item, "name"), q);
}

static void search(mk_call *c)
{
    char *q = mk_query(c->r, "q");
    if (!q) {
        mk_error_binding(c, "q in query is required");
        return;
    }
    ir_json *projects = ir_json_new_array(), *repositories = ir_json_new_array();
    const ir_json *all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *p = ir_json_value(it);
        if (name_has(p, q) && mk_can(c->mock, c->who, p, "project", "read"))
            ir_json_append(projects, ir_json_pack("{s:I, s:s, s:I}", "project_id",
                                                  (long long)ir_json_int(p, "project_id", 0),
                                                  "name", ir_json_str(p, "name"), "repo_count",
                                                  (long long)ir_json_int(p, "repo_count", 0)));
    }
    all = mk_part(c->h, "repositories");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *r = ir_json_value(it),
                      *p = mk_project_by_id(c->h, ir_json_int(r, "project_id", 0));
        if (name_has(r, q) && mk_can(c->mock, c->who, p, "repository", "list"))
            ir_json_append(
                repositories,
                ir_json_pack("{s:s, s:s, s:I, s:b, s:I, s:I}", "repository_name",
                             ir_json_str(r, "name"), "project_name", ir_json_str(p, "name"),
                             "project_id", (long long)ir_json_int(p, "project_id", 0),
                             "project_public", mk_public(p), "pull_count",
                             (long long)ir_json_int(r, "pull_count", 0), "artifact_count",
                             (long long)ir_json_len(ir_json_get(r, "artifacts"))));
    }
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:o, s:o}", "project", projects, "repository", repositories));
    free(q);
}

/* Totals are the administrator's; others see 0 there. */
static void statistics(mk_call *c)
{
    long long public_projects = 0, private_projects = 0, public_repos = 0, private_repos = 0,
              used = 0;
    if (!mk_need_user(c))
        return;
    const ir_json *all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *p = ir_json_value(it);
        long long repos = ir_json_int(p, "repo_count", 0);
        bool open = mk_public(p);
        if (!open && !mk_can(c->mock, c->who, p, "project", "read"))
            continue;
        *(open ? &public_projects : &private_projects) += 1;
        *(open ? &public_repos : &private_repos) += repos;
        if (c->who->admin && repos)
            used += mk_project_used(c->h, p);
    }
    bool admin = c->who->admin;
    mk_reply_json(
        c->p, 200,
        ir_json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "private_project_count",
                     private_projects, "public_project_count", public_projects,
                     "total_project_count", admin ? public_projects + private_projects : 0LL,
                     "private_repo_count", private_repos, "public_repo_count", public_repos,
                     "total_repo_count", admin ? public_repos + private_repos : 0LL,
                     "total_storage_consumption", used));
}

/* ---- quotas ---------------------------------------------------------------------------------- */

static ir_json *render_quota(mk_call *c, const ir_json *project)
{
    return ir_json_pack(
        "{s:I, s:{s:I, s:s, s:s}, s:{s:I}, s:{s:I}, s:s, s:s}", "id",
        (long long)ir_json_int(project, "quota_id", 0), "ref", "id",
        (long long)ir_json_int(project, "project_id", 0), "name", ir_json_str(project, "name"),
        "owner_name", ir_json_str(project, "owner_name"), "hard", "storage",
        (long long)ir_json_int(project, "storage_limit", -1), "used", "storage",
        (long long)mk_project_used(c->h, project), "creation_time",
        ir_json_str(project, "creation_time"), "update_time", ir_json_str(project, "update_time"));
}

static const mk_column quota_columns[] = {{"id,ID", "quota_id"}, {NULL, NULL}};

static void quotas(mk_call *c)
{
    mk_filter f = {0};
    unsigned long long id = 0;
    if (!mk_need_system(c, "quota", "list"))
        return;
    char *text = mk_query(c->r, "reference_id");
    bool one = text && ir_parse_u64(text, INT64_MAX, &id);
    free(text);
    if (mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "projects");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
            ir_json *p = ir_json_value(it);
            if (!one || ir_json_int(p, "project_id", 0) == (int64_t)id)
                ir_json_append(found, ir_json_ref(p));
        }
        mk_filter_answer(c, &f, quota_columns, "-quota_id", found, render_quota);
    }
    mk_filter_free(&f);
}

static ir_json *need_quota(mk_call *c, const char *action)
{
    int64_t id = 0;
    if (!mk_param_id(c, 0, "id in path", &id) || !mk_need_system(c, "quota", action))
        return NULL;
    const ir_json *all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_int(ir_json_value(it), "quota_id", 0) == id)
            return ir_json_value(it);
    mk_error_missing(c, "quota %lld not found", (long long)id);
    return NULL;
}

static void quota(mk_call *c)
{
    const ir_json *project = need_quota(c, "read");
    if (project)
        mk_reply_json(c->p, 200, render_quota(c, project));
}

/* A limit below what is used already is taken; the next push feels it. */
static void update_quota(mk_call *c)
{
    ir_json *project = need_quota(c, "update");
    int64_t limit = ir_json_int(ir_json_get(c->body, "hard"), "storage", 0);
    if (!project)
        return;
    if (!limit || limit < -1)
        mk_error_bad(c, "invalid hard limit value %lld for resource storage", (long long)limit);
    else {
        ir_json_put(project, "storage_limit", ir_json_new_int(limit));
        mk_state_changed(c->mock);
    }
}

static const mk_shape quota_shape[] = {{"hard", 'o'}, {NULL, 0}};

/* ---- labels ---------------------------------------------------------------------------------- */

static const mk_column label_columns[] = {
    {"name,Name", "name"}, {"id,ID", "id"}, {"color,Color", "color"}, {NULL, NULL}};

/* scope=g, or scope=p with a project: without, 400 even for a list. */
static void labels(mk_call *c)
{
    mk_filter f = {0};
    unsigned long long project = 0;
    if (!mk_need_user(c))
        return;
    char *scope = mk_query(c->r, "scope"), *id = mk_query(c->r, "project_id"),
         *name = mk_query(c->r, "name");
    bool has_id = id && ir_parse_u64(id, INT64_MAX, &project) && project;
    if (!ir_streq(scope, "g") && !ir_streq(scope, "p"))
        mk_error_bad(c, "invalid scope: %s", scope ? scope : "");
    else if (ir_streq(scope, "p") && !has_id)
        mk_error_bad(c, "when the scope is 'p', the project_id is required");
    else if (mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "labels");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
            ir_json *l = ir_json_value(it);
            if (ir_streq(ir_json_str(l, "scope"), scope) && name_has(l, name) &&
                (*scope == 'g' || ir_json_int(l, "project_id", 0) == (int64_t)project))
                ir_json_append(found, ir_json_ref(l));
        }
        mk_filter_answer(c, &f, label_columns, "id", found, mk_render_copy);
    }
    mk_filter_free(&f);
    free(scope);
    free(id);
    free(name);
}

static bool may_label(mk_call *c, const char *scope, int64_t project_id, const char *action)
{
    const ir_json *project = mk_project_by_id(c->h, project_id);
    if (!mk_need_user(c))
        return false;
    if (c->who->admin ||
        (ir_streq(scope, "p") && project && mk_can(c->mock, c->who, project, "label", action)))
        return true;
    mk_error(c->p, 403, "FORBIDDEN", "forbidden");
    return false;
}

static void create_label(mk_call *c)
{
    char now[40];
    const char *name = ir_json_str(c->body, "name"), *scope = ir_json_str(c->body, "scope"),
               *color = ir_json_str(c->body, "color"),
               *description = ir_json_str(c->body, "description");
    int64_t project = ir_json_int(c->body, "project_id", 0);
    if (!name || !*name || (!ir_streq(scope, "g") && !ir_streq(scope, "p"))) {
        mk_error_bad(c, "invalid label: name and scope g or p are needed");
        return;
    }
    if (!may_label(c, scope, project, "create"))
        return;
    ir_json *all = mk_part(c->h, "labels");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *l = ir_json_value(it);
        if (ir_streq(ir_json_str(l, "name"), name) && ir_streq(ir_json_str(l, "scope"), scope) &&
            ir_json_int(l, "project_id", 0) == project) {
            mk_error(c->p, 409, "CONFLICT", "label %s already exists", name);
            return;
        }
    }
    int64_t id = mk_next_id(c->h, "label");
    mk_time(c->mock, now);
    mk_put_id(all, id,
              ir_json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", (long long)id, "name",
                           name, "scope", scope, "color", color ? color : "", "description",
                           description ? description : "", "project_id", (long long)project,
                           "creation_time", now, "update_time", now));
    mk_state_changed(c->mock);
    mk_created(c, id);
}

static ir_json *need_label(mk_call *c, const char *action)
{
    int64_t id = 0;
    if (!mk_param_id(c, 0, "label_id in path", &id) || !mk_need_user(c))
        return NULL;
    ir_json *l = mk_by_id(mk_part(c->h, "labels"), id);
    if (!l)
        mk_error_missing(c, "label %lld not found", (long long)id);
    else if (!ir_streq(action, "read") &&
             !may_label(c, ir_json_str(l, "scope"), ir_json_int(l, "project_id", 0), action))
        return NULL;
    return l;
}

static void get_label(mk_call *c)
{
    const ir_json *l = need_label(c, "read");
    if (l)
        mk_reply_json(c->p, 200, ir_json_copy(l));
}

/* What is left out is cleared. */
static void update_label(mk_call *c)
{
    static const char *const keys[] = {"name", "color", "description", NULL};
    ir_json *l = need_label(c, "update");
    if (!l)
        return;
    for (const char *const *k = keys; *k; k++) {
        const char *v = ir_json_str(c->body, *k);
        if (v || !ir_streq(*k, "name"))
            ir_json_puts(l, *k, v ? v : "");
    }
    mk_state_changed(c->mock);
}

static void delete_label(mk_call *c)
{
    ir_json *l = need_label(c, "delete");
    if (!l)
        return;
    mk_remove_id(mk_part(c->h, "labels"), ir_json_int(l, "id", 0));
    mk_state_changed(c->mock);
}

static const mk_shape label_shape[] = {
    {"name", 's'},        {"scope", 's'},      {"color", 's'},
    {"description", 's'}, {"project_id", 'i'}, {NULL, 0},
};

const mk_route mk_misc_routes[] = {
    {"GET", "ping", ping, NULL, NULL, NULL},
    {"GET", "health", health, NULL, NULL, NULL},
    {"GET", "systeminfo", systeminfo, NULL, NULL, NULL},
    {"GET", "permissions", permissions, NULL, NULL, NULL},
    {"GET", "search", search, NULL, NULL, NULL},
    {"GET", "statistics", statistics, NULL, NULL, NULL},
    {"GET", "quotas", quotas, NULL, NULL, NULL},
    {"GET", "quotas/{}", quota, NULL, NULL, NULL},
    {"GET", "labels", labels, NULL, NULL, NULL},
    {"POST", "labels", create_label, "label", label_shape, NULL},
    {"GET", "labels/{}", get_label, NULL, NULL, NULL},
    {"PUT", "labels/{}", update_label, "label", label_shape, NULL},
    {"DELETE", "labels/{}", delete_label, NULL, NULL, NULL},
    {"PUT", "quotas/{}", update_quota, "hard", quota_shape, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
