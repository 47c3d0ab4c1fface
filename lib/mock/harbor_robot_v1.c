/* harbor_robot_v1.c - the robots' first API, of one project, that was there up to 2.12: rights are
 * paths (/project/3/repository), and the life that a caller asks for is ignored. What it makes are
 * robots like all others. */
#include "mock/harbor.h"

#include <stdlib.h>

static bool gone(mk_call *c)
{
    if (c->h->minor < 13)
        return false;
    mk_error_missing(c, "path %s was not found", c->r->path);
    return true;
}

static ir_json *need_project(mk_call *c, const char *action)
{
    ir_json *project;
    if (gone(c) || !mk_need_user(c) || !mk_need_project(c, false, "robot", action, &project))
        return NULL;
    return project;
}

static ir_json *need_robot(mk_call *c, const char *action)
{
    int64_t id;
    const ir_json *project;
    if (gone(c) || !mk_param_id(c, 1, "robot_id in path", &id) ||
        !(project = need_project(c, action)))
        return NULL;
    ir_json *robot = mk_by_id(mk_part(c->h, "robots"), id);
    if (robot && ir_json_int(robot, "project_id", 0) == ir_json_int(project, "project_id", -1))
        return robot;
    mk_error_missing(c, "robot %lld not found", (long long)id);
    return NULL;
}

static void list(mk_call *c)
{
    const ir_json *project = need_project(c, "list");
    mk_filter f = {0};
    if (project && mk_filter_read(c, &f))
        mk_robots_answer(c, &f, ir_json_int(project, "project_id", 0), false);
    mk_filter_free(&f);
}

/* "/project/3/repository" of this project: "repository"; NULL: it is none. */
static const char *resource_of(const ir_json *project, const char *text)
{
    char *prefix = ir_format("/project/%lld/", (long long)ir_json_int(project, "project_id", 0));
    const char *rest = text && prefix && ir_starts(text, prefix) ? text + strlen(prefix) : NULL;
    free(prefix);
    return rest && *rest ? rest : NULL;
}

/* The body of today's API that means the same; NULL: answered. */
static ir_json *translate(mk_call *c, const ir_json *project)
{
    const ir_json *given = ir_json_get(c->body, "access");
    ir_json *access = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(given); i++) {
        const ir_json *a = ir_json_at(given, i);
        const char *resource = resource_of(project, ir_json_str(a, "resource")),
                   *action = ir_json_str(a, "action");
        if (!resource || !action) {
            mk_error_bad(c, "not a valid project access: %s",
                         ir_json_str(a, "resource") ? ir_json_str(a, "resource") : "");
            ir_json_free(access);
            return NULL;
        }
        ir_json_append(access, ir_json_pack("{s:s, s:s}", "resource", resource, "action", action));
    }
    ir_json *body = ir_json_pack("{s:s, s:i, s:[{s:s, s:s, s:o}]}", "level", "project", "duration",
                                 -1, "permissions", "kind", "project", "namespace",
                                 ir_json_str(project, "name"), "access", access);
    ir_json_puts(body, "name", ir_json_str(c->body, "name"));
    ir_json_puts(body, "description", ir_json_str(c->body, "description"));
    return body;
}

static void create(mk_call *c)
{
    const ir_json *project = need_project(c, "create");
    ir_json *body = project ? translate(c, project) : NULL, *before = c->body;
    if (!body)
        return;
    c->body = body;
    mk_robot_create(c);
    c->body = before;
    ir_json_free(body);
}

static void get(mk_call *c)
{
    const ir_json *robot = need_robot(c, "read");
    if (robot)
        mk_reply_json(c->p, 200, mk_robot_render(c, robot));
}

/* Only whether it is enabled may change. */
static void update(mk_call *c)
{
    ir_json *robot = need_robot(c, "update");
    if (!robot)
        return;
    ir_json_put(robot, "disable", ir_json_new_bool(ir_json_bool(c->body, "disable", false)));
    mk_state_changed(c->mock);
}

static void delete (mk_call *c)
{
    ir_json *robot = need_robot(c, "delete");
    if (robot)
        mk_robot_delete(c, robot);
}

static const mk_shape shape[] = {
    {"name", 's'},   {"description", 's'}, {"expires_at", 'i'},
    {"access", 'a'}, {"disable", 'b'},     {NULL, 0},
};
#define ROBOTS "projects/{}/robots"

const mk_route mk_robot_v1_routes[] = {
    {"GET", ROBOTS, list, NULL, NULL, NULL},
    {"POST", ROBOTS, create, "robot", shape, NULL},
    {"GET", ROBOTS "/{}", get, NULL, NULL, NULL},
    {"PUT", ROBOTS "/{}", update, "robot", shape, NULL},
    {"DELETE", ROBOTS "/{}", delete, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
