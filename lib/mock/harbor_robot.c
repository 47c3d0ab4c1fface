/* harbor_robot.c - robots: names that carry a prefix and a project, lives counted from creation,
 * rights that come back in random order, secrets that are shown once. */
#include "mock/harbor.h"
#include "mock/tls.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_SECONDS 86400
#define DURATION_MAX 2147483647LL
#define STORED_NAME_MAX 255
#define SECRET_MAX 128
#define DEFAULT_DAYS 30

char *mk_robot_full_name(const struct mk_harbor *h, const ir_json *robot)
{
    return ir_format("%s%s", mk_setting(h, "robot_name_prefix", ""), ir_json_str(robot, "name"));
}

static int64_t project_of(const ir_json *robot)
{
    return ir_json_int(robot, "project_id", 0);
}

void mk_robot_index(struct mk_harbor *h, ir_json *robot)
{
    int64_t project = project_of(robot);
    ir_json *of = mk_by_id(h->project_robots, project);
    if (!of) {
        of = ir_json_new_object();
        mk_put_id(h->project_robots, project, of);
    }
    mk_put_id(of, ir_json_int(robot, "id", 0), ir_json_ref(robot));
    ir_json_put(h->robot_names, ir_json_str(robot, "name"), ir_json_ref(robot));
}

static void forget(struct mk_harbor *h, const ir_json *robot)
{
    int64_t id = ir_json_int(robot, "id", 0);
    ir_json_remove(h->robot_names, ir_json_str(robot, "name"));
    mk_remove_id(mk_by_id(h->project_robots, project_of(robot)), id);
    mk_remove_id(mk_part(h, "robots"), id);
}

/* Robots of the project die with it; in others' rights it is missing from then on. */
void mk_robots_of_project_gone(struct mk_harbor *h, const ir_json *project)
{
    int64_t id = ir_json_int(project, "project_id", -1);
    ir_json *robots = ir_json_ref(mk_by_id(h->project_robots, id));
    mk_remove_id(h->project_robots, id);
    for (void *it = ir_json_first(robots); it; it = ir_json_next(robots, it))
        forget(h, ir_json_value(it));
    ir_json_free(robots);
}

/* ---- how it is shown ------------------------------------------------------------------------- */

static ir_json *shuffled(ir_json *array)
{
    size_t n = ir_json_len(array);
    ir_json *out = ir_json_new_array();
    unsigned char seed = 0;
    (void)!ir_random(&seed, 1, NULL);
    for (size_t i = 0; i < n; i++)
        ir_json_append(out, ir_json_ref(ir_json_at(array, seed % 2 ? (i + seed) % n
                                                                   : (n - 1 - i + seed) % n)));
    ir_json_free(array);
    return out;
}

static ir_json *render_permissions(mk_call *c, const ir_json *robot)
{
    ir_json *out = ir_json_new_array();
    const ir_json *all = ir_json_get(robot, "permissions");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *p = ir_json_at(all, i);
        const char *namespace = ir_json_str(p, "namespace");
        if (!namespace)
        namespace = ir_json_str(mk_project_by_id(c->h, ir_json_int(p, "project_id", 0)), "name");
        if (namespace) /* else its project is gone */
            ir_json_append(out, ir_json_pack("{s:s, s:s, s:o}", "kind", ir_json_str(p, "kind"),
                                             "namespace", namespace, "access",
                                             shuffled(ir_json_copy(ir_json_get(p, "access")))));
    }
    return shuffled(out);
}

ir_json *mk_robot_render(mk_call *c, const ir_json *robot)
{
    static const char *const same[] = {
        "id", "duration", "expires_at", "disable", "creation_time", "update_time", NULL};
    ir_json *j = ir_json_new_object();
    const char *description = ir_json_str(robot, "description");
    char *name = mk_robot_full_name(c->h, robot);
    ir_json_puts(j, "name", name);
    free(name);
    for (const char *const *k = same; *k; k++)
        ir_json_put(j, *k, ir_json_ref(ir_json_get(robot, *k)));
    ir_json_puts(j, "description", description && *description ? description : NULL);
    ir_json_puts(j, "level", project_of(robot) ? "project" : "system");
    ir_json_put(j, "editable", ir_json_new_bool(ir_json_bool(robot, "editable", true)));
    if (c->h->minor >= 12) {
        ir_json_puts(j, "creator_type", ir_json_str(robot, "creator_type"));
        ir_json_put(j, "creator_ref", ir_json_ref(ir_json_get(robot, "creator_ref")));
    }
    ir_json_put(j, "permissions", render_permissions(c, robot));
    return j;
}

/* ---- what a body must be --------------------------------------------------------------------- */

/* Since 2.11 a new robot needs days; before, none or 0 was the server's default. */
static bool check_duration(mk_call *c, bool fresh)
{
    const ir_json *given = ir_json_get(c->body, "duration");
    int64_t d = ir_json_number(given, 0);
    bool old = c->h->minor < 11;
    if (!given && !fresh)
        return true;
    if (d >= -1 && d < DURATION_MAX && (d || old))
        return true;
    mk_error_bad(c,
                 "bad request error duration input: %lld, duration must be either -1(Never) or "
                 "a positive integer",
                 (long long)d);
    return false;
}

static bool check_access(mk_call *c, const ir_json *permission)
{
    const ir_json *access = ir_json_get(permission, "access");
    bool system = ir_streq(ir_json_str(permission, "kind"), "system");
    if (!ir_json_len(access)) {
        mk_error_bad(c, "bad request empty access");
        return false;
    }
    for (size_t i = 0; i < ir_json_len(access); i++) {
        const char *resource = ir_json_str(ir_json_at(access, i), "resource"),
                   *action = ir_json_str(ir_json_at(access, i), "action");
        if (!resource || !action || !mk_right_known(c->h, system, resource, action)) {
            mk_error_bad(c, "bad request permission: %s:%s", resource ? resource : "",
                         action ? action : "");
            return false;
        }
    }
    return true;
}

static bool check_body(mk_call *c, bool fresh)
{
    const ir_json *permissions = ir_json_get(c->body, "permissions");
    const char *level = ir_json_str(c->body, "level");
    if (!check_duration(c, fresh))
        return false;
    if (!ir_streq(level, "system") && !ir_streq(level, "project"))
        mk_error_bad(c, "bad request error level input: %s", level ? level : "");
    else if (!ir_json_len(permissions))
        mk_error_bad(c, "bad request empty permission");
    else if (ir_streq(level, "project") && ir_json_len(permissions) > 1)
        mk_error_bad(c, "bad request permission");
    for (size_t i = 0; !c->p->status && i < ir_json_len(permissions); i++)
        check_access(c, ir_json_at(permissions, i));
    return !c->p->status;
}

/* Robots may only hand on what they have themselves; NULL permission namespaces are projects. */
static bool creator_covers(mk_call *c, const ir_json *permission, const ir_json *project)
{
    const ir_json *access = ir_json_get(permission, "access");
    bool all = ir_streq(ir_json_str(permission, "namespace"), "*");
    for (size_t i = 0; i < ir_json_len(access); i++) {
        const char *resource = ir_json_str(ir_json_at(access, i), "resource"),
                   *action = ir_json_str(ir_json_at(access, i), "action");
        ir_json *nowhere = all ? ir_json_pack("{s:i}", "project_id", -2) : NULL;
        bool can = mk_can(c->mock, c->who, all ? nowhere : project, resource, action);
        ir_json_free(nowhere);
        if (!can)
            return false;
    }
    return true;
}

static bool creator_may(mk_call *c, const ir_json *permission, const ir_json *project)
{
    if (c->who->kind != MK_ROBOT)
        return true;
    bool nested = c->h->minor > 12 || project_of(c->who->who) ||
                  !ir_streq(ir_json_str(c->body, "level"), "project");
    if (nested && creator_covers(c, permission, project))
        return true;
    mk_error(c->p, 403, "DENIED",
             "permission scope is invalid. It must be equal to or more "
             "restrictive than the creator robot's permissions: %s",
             c->who->name);
    return false;
}

static ir_json *merged_access(const ir_json *access)
{
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(access); i++) {
        const ir_json *a = ir_json_at(access, i);
        const char *effect = ir_json_str(a, "effect");
        ir_json *one = ir_json_pack("{s:s, s:s}", "resource", ir_json_str(a, "resource"), "action",
                                    ir_json_str(a, "action"));
        ir_json_puts(one, "effect", effect && *effect ? effect : NULL);
        bool twice = false;
        for (size_t k = 0; k < ir_json_len(out); k++)
            twice |= ir_json_equal(ir_json_at(out, k), one);
        if (twice)
            ir_json_free(one);
        else
            ir_json_append(out, one);
    }
    return out;
}

/* The body's permissions as they are kept: projects by id, so that a name that comes back later is
 * another project. NULL: answered. */
static ir_json *read_permissions(mk_call *c)
{
    bool project_level = ir_streq(ir_json_str(c->body, "level"), "project");
    const ir_json *given = ir_json_get(c->body, "permissions");
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; !c->p->status && i < ir_json_len(given); i++) {
        const ir_json *p = ir_json_at(given, i), *project = NULL;
        const char *kind = ir_json_str(p, "kind"), *space = ir_json_str(p, "namespace");
        ir_json *one = ir_json_pack("{s:s, s:o}", "kind", kind ? kind : "", "access",
                                    merged_access(ir_json_get(p, "access")));
        if (ir_streq(kind, "system") && !project_level) {
            ir_json_puts(one, "namespace", "/");
            if (!ir_streq(space, "/"))
                mk_error_bad(c, "unknown namespace");
        } else if (!project_level && !ir_streq(kind, "project"))
            mk_error_bad(c, "unknown robot kind");
        else if (!project_level && ir_streq(space, "*"))
            ir_json_puts(one, "namespace", "*");
        else if ((project = space ? mk_project_find(c->h, space) : NULL))
            ir_json_put(one, "project_id", ir_json_new_int(ir_json_int(project, "project_id", 0)));
        else
            mk_error_missing(c, "project %s not found", space ? space : "");
        if (!c->p->status)
            creator_may(c, p, project);
        ir_json_append(out, one);
    }
    if (!c->p->status)
        return out;
    ir_json_free(out);
    return NULL;
}

/* ---- who may --------------------------------------------------------------------------------- */

static bool need_robot_right(mk_call *c, bool project_level, const ir_json *project,
                             const char *action)
{
    if (!project_level)
        return mk_need_system(c, "robot", action);
    if (!mk_need_user(c))
        return false;
    if (project ? mk_can(c->mock, c->who, project, "robot", action) : c->who->admin)
        return true;
    mk_error(c->p, 403, "FORBIDDEN", "forbidden");
    return false;
}

/* Before 2.12 no robot could have anything to do with robots; their rights say so. */
static const ir_json *body_project(mk_call *c)
{
    const ir_json *first = ir_json_at(ir_json_get(c->body, "permissions"), 0);
    const char *name = ir_json_str(first, "namespace");
    return name ? mk_project_find(c->h, name) : NULL;
}

/* A robot of the path; that it is there is told before the right is looked at. */
static ir_json *need_robot(mk_call *c, const char *action)
{
    int64_t id;
    if (!mk_param_id(c, 0, "robot_id in path", &id) || !mk_need_user(c))
        return NULL;
    ir_json *robot = mk_by_id(mk_part(c->h, "robots"), id);
    if (!robot) {
        mk_error_missing(c, "robot %s not found", c->param[0]);
        return NULL;
    }
    if (!action)
        return robot;
    const ir_json *project = mk_project_by_id(c->h, project_of(robot));
    return need_robot_right(c, project_of(robot) != 0, project, action) ? robot : NULL;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int64_t default_days(const struct mk_harbor *h)
{
    return mk_setting_int(h, "robot_token_duration", DEFAULT_DAYS);
}

static void set_life(const imgrel_mock *m, ir_json *robot, int64_t days)
{
    int64_t born = ir_json_int(robot, "created_s", mk_now(m));
    ir_json_put(robot, "duration", ir_json_new_int(days));
    ir_json_put(robot, "expires_at", ir_json_new_int(days < 0 ? -1 : born + days * DAY_SECONDS));
}

static ir_json *new_robot(mk_call *c, const char *stored, int64_t project_id, ir_json *permissions)
{
    char now[40];
    int64_t days = ir_json_int(c->body, "duration", 0);
    const char *description = ir_json_str(c->body, "description");
    bool by_robot = c->who->kind == MK_ROBOT;
    mk_time(c->mock, now);
    ir_json *r = ir_json_pack("{s:I, s:s, s:I, s:s, s:b, s:s, s:s, s:I, s:s, s:I, s:o}", "id",
                              (long long)mk_next_id(c->h, "robot"), "name", stored, "project_id",
                              (long long)project_id, "description", description ? description : "",
                              "disable", 0, "creation_time", now, "update_time", now, "created_s",
                              (long long)mk_now(c->mock), "creator_type",
                              by_robot ? "robot" : "local", "creator_ref",
                              (long long)ir_json_int(c->who->who, by_robot ? "id" : "user_id", 0),
                              "permissions", permissions);
    set_life(c->mock, r, days ? days : default_days(c->h));
    return r;
}

static void audit(mk_call *c, const char *operation, const ir_json *robot)
{
    char *name = mk_robot_full_name(c->h, robot);
    mk_audit(c->mock, c->who->name, mk_project_by_id(c->h, project_of(robot)), operation, "robot",
             name);
    free(name);
}

static void keep_new(mk_call *c, const char *stored, int64_t project_id, ir_json *permissions)
{
    char secret[33];
    if (mk_secret_make(secret, NULL)) {
        mk_error_panic(c);
        ir_json_free(permissions);
        return;
    }
    ir_json *r = new_robot(c, stored, project_id, permissions);
    long long id = ir_json_int(r, "id", 0);
    mk_secret_set(r, secret);
    mk_put_id(mk_part(c->h, "robots"), id, r);
    mk_robot_index(c->h, r);
    audit(c, "create", r);
    mk_state_changed(c->mock);
    char *name = mk_robot_full_name(c->h, r);
    mk_created(c, id);
    mk_reply_json(c->p, 201,
                  ir_json_pack("{s:I, s:s, s:s, s:s, s:I}", "id", id, "name", name ? name : "",
                               "secret", secret, "creation_time", ir_json_str(r, "creation_time"),
                               "expires_at", (long long)ir_json_int(r, "expires_at", -1)));
    ir_wipe(secret, sizeof secret);
    free(name);
}

void mk_robot_create(mk_call *c)
{
    const char *name = ir_json_str(c->body, "name");
    bool project_level = ir_streq(ir_json_str(c->body, "level"), "project");
    if (!name || !mk_name_fits(name)) {
        mk_error_bad(c, "robot name is not in lower case or contains illegal characters");
        return;
    }
    if (!check_body(c, true) || !need_robot_right(c, project_level, body_project(c), "create"))
        return;
    ir_json *permissions = read_permissions(c);
    if (!permissions)
        return;
    int64_t project_id =
        project_level ? ir_json_int(ir_json_at(permissions, 0), "project_id", 0) : 0;
    const ir_json *project = mk_project_by_id(c->h, project_id);
    char *stored =
        project ? ir_format("%s+%s", ir_json_str(project, "name"), name) : ir_strdup(name);
    if (!stored || strlen(stored) > STORED_NAME_MAX)
        mk_error(c->p, 500, "UNKNOWN", "internal server error");
    else if (ir_json_get(c->h->robot_names, stored)) {
        mk_next_id(c->h, "robot"); /* the database has drawn one already */
        mk_state_changed(c->mock);
        mk_error(c->p, 409, "CONFLICT", "robot account %lld:%s already exists",
                 (long long)project_id, stored);
    } else {
        keep_new(c, stored, project_id, permissions);
        permissions = NULL;
    }
    ir_json_free(permissions);
    free(stored);
}

static void get(mk_call *c)
{
    const ir_json *robot = need_robot(c, "read");
    if (robot)
        mk_reply_json(c->p, 200, mk_robot_render(c, robot));
}

void mk_robot_delete(mk_call *c, ir_json *robot)
{
    audit(c, "delete", robot);
    forget(c->h, robot);
    mk_state_changed(c->mock);
}

static void delete (mk_call *c)
{
    ir_json *robot = need_robot(c, "delete");
    if (robot)
        mk_robot_delete(c, robot);
}

static void renew(mk_call *c, ir_json *robot)
{
    char now[40];
    mk_time(c->mock, now);
    ir_json_puts(robot, "update_time", now);
    mk_state_changed(c->mock);
}

/* Up to 2.10 a PUT without days gives the default ones, even to a robot that never ended. */
static void update_life(mk_call *c, ir_json *robot)
{
    const ir_json *given = ir_json_get(c->body, "duration");
    int64_t days = ir_json_number(given, 0);
    if (!given && c->h->minor >= 11)
        return;
    if (!days)
        days = default_days(c->h);
    if (days != ir_json_int(robot, "duration", 0))
        set_life(c->mock, robot, days);
}

static void update(mk_call *c)
{
    ir_json *robot = need_robot(c, NULL), *permissions = NULL;
    if (!robot || !check_body(c, false))
        return;
    if (!ir_json_bool(robot, "editable", true)) {
        mk_error(c->p, 403, "DENIED", "editing of legacy robot is not allowed");
        return;
    }
    bool project_level = ir_streq(ir_json_str(c->body, "level"), "project");
    const char *description = ir_json_str(c->body, "description");
    if (!need_robot_right(c, project_level, body_project(c), "update"))
        return;
    char *name = mk_robot_full_name(c->h, robot);
    if (project_level != (project_of(robot) != 0) || !ir_streq(name, ir_json_str(c->body, "name")))
        mk_error_bad(c, "cannot update the level or name of robot");
    else
        permissions = read_permissions(c);
    free(name);
    if (!permissions)
        return;
    if (project_level &&
        ir_json_int(ir_json_at(permissions, 0), "project_id", 0) != project_of(robot)) {
        mk_error_bad(c, "cannot update the project id of robot");
        ir_json_free(permissions);
        return;
    }
    update_life(c, robot);
    ir_json_puts(robot, "description", description ? description : "");
    ir_json_put(robot, "disable", ir_json_new_bool(ir_json_bool(c->body, "disable", false)));
    ir_json_put(robot, "permissions", permissions);
    renew(c, robot);
}

static void refresh(mk_call *c)
{
    char fresh[33];
    const char *given = ir_json_str(c->body, "secret");
    ir_json *robot = need_robot(c, "update");
    if (!robot)
        return;
    if (given && *given) {
        if (!mk_secret_rules(given) || strlen(given) > SECRET_MAX) {
            mk_error_bad(c, "the secret must be 8-128, inclusively, characters long with at least "
                            "1 uppercase letter, 1 lowercase letter and 1 number");
            return;
        }
        mk_secret_set(robot, given);
        mk_reply_json(c->p, 200, ir_json_new_object()); /* "the one that you sent" */
    } else if (!mk_secret_make(fresh, NULL)) {
        mk_secret_set(robot, fresh);
        mk_reply_json(c->p, 200, ir_json_pack("{s:s}", "secret", fresh));
        ir_wipe(fresh, sizeof fresh);
    }
    renew(c, robot);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static const mk_column columns[] = {
    {"name,Name", "name"},
    {"id,ID", "id"},
    {"project_id,ProjectID", "project_id"},
    {"description,Description", "description"},
    {"disabled,Disabled", "disable"},
    {"duration,Duration", "duration"},
    {"expiresat,ExpiresAt", "expires_at"},
    {"creation_time,CreationTime", "creation_time"},
    {"update_time,UpdateTime", "update_time"},
    {NULL, NULL},
};

typedef struct scope {
    bool project_level, only;
    int64_t project_id;
} scope;

/* Harbor writes its own value over the caller's. */
static void drop_term(mk_filter *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (ir_streq(f->term[i].key, key))
            f->term[i].key[0] = '\0';
}

/* Level and ProjectID, in exactly that spelling. A level that is no plain word, or an id that is
 * none, panics in the real one: an empty 500. */
static bool read_scope(mk_call *c, mk_filter *f, scope *ret)
{
    unsigned long long id = 0;
    const mk_term *level = mk_filter_term(f, "Level"), *project = mk_filter_term(f, "ProjectID");
    *ret = (scope){.only = true};
    if (!level) {
        drop_term(f, "ProjectID");
        return true;
    }
    if (level->op != MK_EQUAL) {
        mk_error_panic(c);
        return false;
    }
    ret->project_level = ir_streq(level->values.v[0], "project");
    if (!ret->project_level) {
        ret->only = c->h->minor >= 13;
        if (!ir_streq(level->values.v[0], "system"))
            mk_error_bad(c, "bad request error level input");
        return !c->p->status;
    }
    if (!project)
        mk_error_bad(c, "must with project ID when to query project robots");
    else if (project->op != MK_EQUAL)
        mk_error_panic(c);
    else if (!ir_parse_u64(project->values.v[0], INT64_MAX, &id) || (!id && c->h->minor >= 13))
        mk_error_bad(c, "Project ID must be int type.");
    ret->project_id = (int64_t)id;
    return !c->p->status;
}

void mk_robots_answer(mk_call *c, const mk_filter *f, int64_t project_id, bool all)
{
    ir_json *found = ir_json_new_array();
    const ir_json *robots =
        all ? mk_part(c->h, "robots") : mk_by_id(c->h->project_robots, project_id);
    for (void *it = ir_json_first(robots); it; it = ir_json_next(robots, it))
        ir_json_append(found, ir_json_ref(ir_json_value(it)));
    mk_filter_answer(c, f, columns, "name", found, mk_robot_render);
}

static void list(mk_call *c)
{
    mk_filter f = {0};
    scope s;
    if (!mk_need_user(c) || !mk_filter_read(c, &f) || !read_scope(c, &f, &s) ||
        !need_robot_right(c, s.project_level, mk_project_by_id(c->h, s.project_id), "list")) {
        mk_filter_free(&f);
        return;
    }
    mk_robots_answer(c, &f, s.project_id, !s.only);
    mk_filter_free(&f);
}

static const mk_shape body_shape[] = {
    {"name", 's'},     {"description", 's'}, {"level", 's'},  {"disable", 'b'},
    {"duration", 'i'}, {"permissions", 'a'}, {"secret", 's'}, {NULL, 0},
};
static const mk_shape secret_shape[] = {{"secret", 's'}, {NULL, 0}};

const mk_route mk_robot_routes[] = {
    {"GET", "robots", list, NULL, NULL, NULL},
    {"POST", "robots", mk_robot_create, "robot", body_shape, NULL},
    {"GET", "robots/{}", get, NULL, NULL, NULL},
    {"PUT", "robots/{}", update, "robot", body_shape, NULL},
    {"PATCH", "robots/{}", refresh, "robotSec", secret_shape, NULL},
    {"DELETE", "robots/{}", delete, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
