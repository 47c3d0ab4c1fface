/* harbor_project.c - projects: what Harbor checks when one is made, how little it checks when one
 * is changed, metadata, and what stands in the way of deleting one. */
#include "mock/harbor.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 255

/* What a project's metadata may hold; all else is dropped without a word. */
static const char *const metadata_keys[] = {"public",
                                            "enable_content_trust",
                                            "enable_content_trust_cosign",
                                            "prevent_vul",
                                            "severity",
                                            "auto_scan",
                                            "auto_sbom_generation",
                                            "reuse_sys_cve_allowlist",
                                            "proxy_speed_kb",
                                            "max_upstream_conn",
                                            "proxy_cache_local_on_not_found",
                                            "retention_id",
                                            NULL};

static bool is_metadata(const char *key)
{
    for (const char *const *k = metadata_keys; *k; k++)
        if (ir_streq(*k, key))
            return true;
    return false;
}

/* [a-z0-9]+ with single . _ - between. */
bool mk_name_fits(const char *name)
{
    bool word = false;
    for (const char *p = name; *p; p++) {
        bool alnum = ir_is_lower_alnum(*p);
        if (!alnum && (!word || !strchr("._-", *p)))
            return false;
        word = alnum;
    }
    return word;
}

ir_json *mk_project_find(const struct mk_harbor *h, const char *name)
{
    return ir_json_get(mk_part(h, "projects"), name);
}

ir_json *mk_project_by_id(const struct mk_harbor *h, int64_t id)
{
    return mk_by_id(h->project_ids, id);
}

static int64_t n_repositories(const ir_json *project)
{
    return ir_json_int(project, "repo_count", 0);
}

ir_json *mk_project_new(imgrel_mock *m, const char *name, const ir_json *owner,
                        const ir_json *metadata, int64_t storage_limit)
{
    struct mk_harbor *h = m->harbor;
    char now[40];
    mk_time(m, now);
    int64_t id = mk_next_id(h, "project");
    const char *owner_name = ir_json_str(owner, "name");
    long long owner_id = ir_json_int(owner, "user_id", 1);
    ir_json *p =
        ir_json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:{}, s:[o]}",
                     "project_id", (long long)id, "name", name, "owner_id", owner_id, "owner_name",
                     owner_name, "creation_time", now, "update_time", now, "created_s",
                     (long long)mk_now(m), "storage_limit", (long long)storage_limit, "quota_id",
                     (long long)mk_next_id(h, "quota"), "repo_count", 0, "metadata", "members",
                     ir_json_pack("{s:I, s:I, s:s, s:i}", "id", (long long)mk_next_id(h, "member"),
                                  "entity_id", owner_id, "entity_name", owner_name, "role_id", 1));
    for (void *it = ir_json_first(metadata); it; it = ir_json_next(metadata, it))
        if (is_metadata(ir_json_key(it)) && ir_json_is_string(ir_json_value(it)))
            ir_json_puts(ir_json_get(p, "metadata"), ir_json_key(it),
                         ir_json_text(ir_json_value(it)));
    ir_json_put(mk_part(h, "projects"), name, p);
    mk_put_id(h->project_ids, id, ir_json_ref(p));
    return p;
}

static int role_id(const mk_call *c, const ir_json *project)
{
    const ir_json *members = ir_json_get(project, "members");
    if (c->who->kind != MK_USER)
        return 0;
    for (size_t i = 0; i < ir_json_len(members); i++)
        if (ir_streq(ir_json_str(ir_json_at(members, i), "entity_name"), c->who->name))
            return (int)ir_json_int(ir_json_at(members, i), "role_id", 0);
    return c->who->admin ? 1 : 0;
}

static ir_json *render(mk_call *c, const ir_json *project)
{
    static const char unset[] = "0001-01-01T00:00:00.000Z";
    static const char *const same[] = {"project_id",    "name",        "owner_id",   "owner_name",
                                       "creation_time", "update_time", "repo_count", NULL};
    ir_json *j = ir_json_new_object();
    long long id = ir_json_int(project, "project_id", 0);
    int role = role_id(c, project);
    for (const char *const *k = same; *k; k++)
        ir_json_put(j, *k, ir_json_ref(ir_json_get(project, *k)));
    if (ir_json_get(project, "registry_id"))
        ir_json_put(j, "registry_id", ir_json_ref(ir_json_get(project, "registry_id")));
    ir_json_put(j, "metadata", ir_json_copy(ir_json_get(project, "metadata")));
    if (role)
        ir_json_put(j, "current_user_role_id", ir_json_new_int(role));
    ir_json_put(j, "current_user_role_ids", role ? ir_json_pack("[i]", role) : ir_json_pack("n"));
    ir_json_put(j, "cve_allowlist",
                ir_json_pack("{s:I, s:I, s:[], s:s, s:s}", "id", id, "project_id", id, "items",
                             "creation_time", unset, "update_time", unset));
    return j;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool robot_sees(const ir_json *robot, const ir_json *project)
{
    const ir_json *all = ir_json_get(robot, "permissions");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *p = ir_json_at(all, i);
        if (ir_streq(ir_json_str(p, "kind"), "project") &&
            (ir_streq(ir_json_str(p, "namespace"), "*") ||
             ir_json_int(p, "project_id", 0) == ir_json_int(project, "project_id", -1)))
            return true;
    }
    return false;
}

static bool sees(mk_call *c, const ir_json *project)
{
    if (c->who->admin || mk_public(project))
        return true;
    if (c->who->kind == MK_ROBOT)
        return mk_can(c->mock, c->who, NULL, "project", "list") || robot_sees(c->who->who, project);
    return c->who->kind == MK_USER && role_id(c, project);
}

/* The parameters that stand beside q: name (contains), owner, public. */
static bool wanted(const ir_json *project, const char *name, const char *owner, const char *public)
{
    if (name && *name && !strcasestr(ir_json_str(project, "name"), name))
        return false;
    if (owner && *owner && !ir_streq(ir_json_str(project, "owner_name"), owner))
        return false;
    return !public || !*public || ir_streq(public, "true") == mk_public(project);
}

static const mk_column columns[] = {
    {"name,Name", "name"},
    {"project_id,ProjectID", "project_id"},
    {"owner_id,OwnerID", "owner_id"},
    {"creation_time,CreationTime", "creation_time"},
    {"update_time,UpdateTime", "update_time"},
    {NULL, NULL},
};

static void list(mk_call *c)
{
    mk_filter f;
    if (!mk_filter_read(c, &f)) {
        mk_filter_free(&f);
        return;
    }
    const mk_term *owner_term = mk_filter_term(&f, "owner"),
                  *public_term = mk_filter_term(&f, "public");
    char *name = mk_query(c->r, "name"), *owner = mk_query(c->r, "owner"),
         *public = mk_query(c->r, "public");
    if (!owner && owner_term && owner_term->op == MK_EQUAL)
        owner = ir_strdup(owner_term->values.v[0]);
    if (!public && public_term && public_term->op == MK_EQUAL)
    public = ir_strdup(public_term->values.v[0]);
    ir_json *found = ir_json_new_array();
    const ir_json *all = mk_part(c->h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        ir_json *p = ir_json_value(it);
        if (wanted(p, name, owner, public) && sees(c, p))
            ir_json_append(found, ir_json_ref(p));
    }
    mk_filter_answer(c, &f, columns, "name", found, render);
    mk_filter_free(&f);
    free(name);
    free(owner);
    free(public);
}

/* HEAD tells anybody with a login, whatever rights they have. */
static void head(mk_call *c)
{
    char *name = mk_query(c->r, "project_name");
    if (!name)
        mk_error_binding(c, "project_name in query is required");
    else if (mk_need_user(c) && !mk_project_find(c->h, name))
        mk_error_missing(c, "project %s not found", name);
    free(name);
}

/* ---- making one ------------------------------------------------------------------------------ */

static bool may_create(mk_call *c)
{
    if (!mk_need_user(c))
        return false;
    if (c->who->kind != MK_ROBOT) {
        if (c->who->admin ||
            ir_streq(mk_setting(c->h, "project_creation_restriction", "everyone"), "everyone"))
            return true;
        mk_error(c->p, 403, "FORBIDDEN", "Only system admin can create project");
        return false;
    }
    if (ir_json_int(c->who->who, "project_id", 0))
        mk_error(c->p, 403, "FORBIDDEN", "Only system level robot can create project");
    else if (!mk_can(c->mock, c->who, NULL, "project", "create"))
        mk_error(c->p, 403, "FORBIDDEN", "Only system admin can create project");
    return !c->p->status;
}

static bool metadata_types(mk_call *c)
{
    const ir_json *m = ir_json_get(c->body, "metadata");
    for (void *it = ir_json_first(m); it; it = ir_json_next(m, it))
        if (is_metadata(ir_json_key(it)) && !ir_json_is_string(ir_json_value(it)) &&
            !ir_json_is_null(ir_json_value(it))) {
            mk_error_binding(c,
                             "parsing project body from \"\" failed, because json: cannot "
                             "unmarshal value into Go struct field ProjectMetadata.metadata.%s of "
                             "type string",
                             ir_json_key(it));
            return false;
        }
    return true;
}

static bool check_new(mk_call *c, const char *name, const char *public)
{
    const ir_json *registry = ir_json_get(c->body, "registry_id");
    if (registry && !ir_json_is_null(registry) &&
        !mk_by_id(mk_part(c->h, "registries"), ir_json_number(registry, 0)))
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else if (public && *public && !ir_streq(public, "true") && !ir_streq(public, "false"))
        mk_error_bad(c, "metadata.public should only be 'true' or 'false', but got: '%s'", public);
    else if (ir_json_int(c->body, "storage_limit", 0) < -1)
        mk_error_bad(c, "invalid value for storage: must be -1 or greater than 0");
    else if (!*name)
        mk_error_bad(c, "project name is empty");
    else if (!mk_name_fits(name))
        mk_error_bad(c, "project name is not in lower case or contains illegal characters!");
    return !c->p->status;
}

static ir_json *new_metadata(mk_call *c)
{
    ir_json *m = ir_json_get(c->body, "metadata");
    m = ir_json_is_object(m) ? ir_json_copy(m) : ir_json_new_object();
    const char *public = ir_json_str(m, "public");
    if (!public || !*public) /* the old way of saying it */
        ir_json_puts(m, "public", ir_json_bool(c->body, "public", false) ? "true" : "false");
    ir_json_remove(m, "retention_id");
    return m;
}

static const ir_json *owner_of(mk_call *c)
{
    return c->who->kind == MK_USER ? c->who->who : ir_json_get(mk_part(c->h, "users"), "admin");
}

static void create(mk_call *c)
{
    const char *given = ir_json_str(c->body, "project_name"), *name = given ? given : "";
    if (!metadata_types(c))
        return;
    if (strlen(name) > NAME_MAX_BYTES) {
        mk_error_binding(c, "project_name in body should be at most 255 chars long");
        return;
    }
    const char *public = ir_json_str(ir_json_get(c->body, "metadata"), "public");
    if (!may_create(c) || !check_new(c, name, public))
        return;
    if (mk_project_find(c->h, name)) {
        mk_next_id(c->h, "project"); /* the database has drawn one already */
        mk_state_changed(c->mock);
        mk_error(c->p, 409, "CONFLICT", "The project named %s already exists", name);
        return;
    }
    int64_t limit = ir_json_int(c->body, "storage_limit", 0);
    ir_json *metadata = new_metadata(c);
    ir_json *p = mk_project_new(
        c->mock, name, owner_of(c), metadata,
        limit && c->who->admin ? limit : mk_setting_int(c->h, "storage_per_project", -1));
    ir_json_free(metadata);
    if (ir_json_int(c->body, "registry_id", 0))
        ir_json_put(p, "registry_id", ir_json_ref(ir_json_get(c->body, "registry_id")));
    mk_audit(c->mock, c->who->name, p, "create", "project", name);
    mk_state_changed(c->mock);
    if (!ir_streq(mk_header(c->r, "X-Resource-Name-In-Location"), "true")) {
        mk_created(c, ir_json_int(p, "project_id", 0));
        return;
    }
    c->p->status = 201;
    mk_reply_header(c->p, "Location", "/api/v2.0/projects/%s", name);
}

/* ---- one project ----------------------------------------------------------------------------- */

static void get(mk_call *c)
{
    ir_json *project;
    if (mk_need_project(c, false, "project", "read", &project))
        mk_reply_json(c->p, 200, render(c, project));
}

static void touch(mk_call *c, ir_json *project)
{
    char now[40];
    mk_time(c->mock, now);
    ir_json_puts(project, "update_time", now);
    mk_state_changed(c->mock);
}

/* Nearly nothing is checked here: that is how Harbor is. */
static void update(mk_call *c)
{
    ir_json *project;
    if (!metadata_types(c) || !mk_need_project(c, false, "project", "update", &project))
        return;
    ir_json *have = ir_json_get(project, "metadata");
    const ir_json *want = ir_json_get(c->body, "metadata");
    const char *retention = ir_json_str(want, "retention_id");
    if (retention && !ir_streq(retention, ir_json_str(have, "retention_id"))) {
        mk_error_bad(c,
                     "the retention_id in the request's payload when updating a project should "
                     "be omitted, alternatively passing the one that has already been associated "
                     "to this project");
        return;
    }
    for (void *it = ir_json_first(want); it; it = ir_json_next(want, it)) {
        const char *key = ir_json_key(it), *value = ir_json_text(ir_json_value(it));
        if (ir_streq(key, "severity") && value && !strstr("none low medium high critical", value))
            value = "unknown";
        if (is_metadata(key) && value)
            ir_json_puts(have, key, value);
    }
    touch(c, project);
}

static const char in_use[] = "the project contains repositories, can not be deleted";

static void deletable(mk_call *c)
{
    ir_json *project;
    if (!mk_need_project(c, false, "project", "delete", &project))
        return;
    /* A boolean that is false is left out. */
    mk_reply_json(c->p, 200,
                  n_repositories(project) ? ir_json_pack("{s:s}", "message", in_use)
                                          : ir_json_pack("{s:b}", "deletable", 1));
}

static void delete (mk_call *c)
{
    ir_json *project;
    if (!mk_need_project(c, false, "project", "delete", &project))
        return;
    if (n_repositories(project)) {
        mk_error(c->p, 412, "PRECONDITION", "%s", in_use);
        return;
    }
    char *name = ir_strdup(ir_json_str(project, "name"));
    mk_audit(c->mock, c->who->name, project, "delete", "project", name);
    mk_robots_of_project_gone(c->h, project);
    mk_remove_id(c->h->project_ids, ir_json_int(project, "project_id", 0));
    ir_json_remove(mk_part(c->h, "projects"), name ? name : "");
    free(name);
    mk_state_changed(c->mock);
}

static void summary(mk_call *c)
{
    static const char *const counts[] = {
        NULL,          "project_admin_count", "developer_count",
        "guest_count", "maintainer_count",    "limited_guest_count"};
    ir_json *project;
    if (!mk_need_project(c, false, "project", "read", &project))
        return;
    ir_json *j = ir_json_pack("{s:I}", "repo_count", (long long)n_repositories(project));
    const ir_json *members = ir_json_get(project, "members");
    bool show = mk_can(c->mock, c->who, project, "member", "list");
    for (size_t i = 0; show && i < ir_json_len(members); i++) {
        int64_t role = ir_json_int(ir_json_at(members, i), "role_id", 0);
        if (role > 0 && role < 6)
            ir_json_put(j, counts[role], ir_json_new_int(ir_json_int(j, counts[role], 0) + 1));
    }
    if (mk_can(c->mock, c->who, project, "quota", "read"))
        ir_json_put(j, "quota",
                    ir_json_pack("{s:{s:I}, s:{s:I}}", "hard", "storage",
                                 (long long)ir_json_int(project, "storage_limit", -1), "used",
                                 "storage", (long long)mk_project_used(c->h, project)));
    mk_reply_json(c->p, 200, j);
}

/* ---- metadata -------------------------------------------------------------------------------- */

static bool one_of(const char *value, const char *const *list)
{
    for (; *list; list++)
        if (!strcasecmp(*list, value))
            return true;
    return false;
}

/* Here values are checked, unlike in PUT of a project; any spelling of a bool that Go reads. */
static bool check_metadata(mk_call *c, const char *key, const char **value)
{
    static const char *const yes[] = {"true", "t", "1", NULL},
                             *const no[] = {"false", "f", "0", NULL},
                             *const severities[] = {"none", "low",      "medium",
                                                    "high", "critical", NULL};
    if (!is_metadata(key) || ir_streq(key, "retention_id"))
        mk_error_bad(c, "invalid metadata: %s", key);
    else if (!*value)
        mk_error_binding(c, "%s in body must be of type string", key);
    else if (ir_streq(key, "severity") && !one_of(*value, severities))
        mk_error_bad(c, "invalid value: %s", *value);
    else if (!ir_streq(key, "severity") && !ir_ends(key, "_kb") && !ir_ends(key, "_conn")) {
        if (one_of(*value, yes))
            *value = "true";
        else if (one_of(*value, no))
            *value = "false";
        else
            mk_error_bad(c, "invalid value: %s", *value);
    }
    return !c->p->status;
}

static void metadata_list(mk_call *c)
{
    ir_json *project;
    if (mk_need_project(c, false, "metadata", "read", &project))
        mk_reply_json(c->p, 200, ir_json_copy(ir_json_get(project, "metadata")));
}

static void metadata_get(mk_call *c)
{
    ir_json *project;
    if (!mk_need_project(c, false, "metadata", "read", &project))
        return;
    ir_json *j = ir_json_new_object();
    ir_json_puts(j, c->param[1], ir_json_str(ir_json_get(project, "metadata"), c->param[1]));
    mk_reply_json(c->p, 200, j);
}

static void metadata_set(mk_call *c, bool fresh)
{
    ir_json *project;
    if (!mk_need_project(c, false, "metadata", fresh ? "create" : "update", &project))
        return;
    if (ir_json_len(c->body) != 1) {
        mk_error_bad(c, "only allow one key/value pair");
        return;
    }
    void *it = ir_json_first(c->body);
    const char *key = ir_json_key(it), *value = ir_json_text(ir_json_value(it));
    ir_json *have = ir_json_get(project, "metadata");
    if (!fresh && !ir_streq(key, c->param[1]))
        mk_error_bad(c, "must provide key/value pair with the key \"%s\"", c->param[1]);
    else if (fresh && ir_json_get(have, key))
        mk_error(c->p, 409, "CONFLICT", "metadata %s already exists", key);
    else if (!fresh && !ir_json_get(have, key))
        mk_error_missing(c, "metadata %s not found", key);
    else if (check_metadata(c, key, &value)) {
        ir_json_puts(have, key, value);
        touch(c, project);
    }
}

static void metadata_add(mk_call *c)
{
    metadata_set(c, true);
}

static void metadata_update(mk_call *c)
{
    metadata_set(c, false);
}

static void metadata_delete(mk_call *c)
{
    ir_json *project;
    if (!mk_need_project(c, false, "metadata", "delete", &project))
        return;
    ir_json_remove(ir_json_get(project, "metadata"), c->param[1]);
    touch(c, project);
}

static const mk_shape body_shape[] = {
    {"project_name", 's'},
    {"public", 'b'},
    {"storage_limit", 'i'},
    {"metadata", 'o'},
    {"registry_id", 'i'},
    {"cve_allowlist", 'o'},
    {NULL, 0},
};

const mk_route mk_project_routes[] = {
    {"GET", "projects", list, NULL, NULL, NULL},
    {"HEAD", "projects", head, NULL, NULL, NULL},
    {"POST", "projects", create, "project", body_shape, NULL},
    {"GET", "projects/{}", get, NULL, NULL, NULL},
    {"PUT", "projects/{}", update, "project", body_shape, NULL},
    {"DELETE", "projects/{}", delete, NULL, NULL, NULL},
    {"GET", "projects/{}/_deletable", deletable, NULL, NULL, NULL},
    {"GET", "projects/{}/summary", summary, NULL, NULL, NULL},
    {"GET", "projects/{}/metadatas", metadata_list, NULL, NULL, NULL},
    {"POST", "projects/{}/metadatas", metadata_add, "metadata", NULL, NULL},
    {"GET", "projects/{}/metadatas/{}", metadata_get, NULL, NULL, NULL},
    {"PUT", "projects/{}/metadatas/{}", metadata_update, "metadata", NULL, NULL},
    {"DELETE", "projects/{}/metadatas/{}", metadata_delete, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
