/* robot_wire.c - the requests about one robot. It is found by its stored name (project+name); its
 * prefix is read from it and never assumed. */
#include "harbor/inside.h"

#include <stdlib.h>

void ir_robot_free(ir_robot *r)
{
    if (!r)
        return;
    free(r->name);
    ir_free_secret(r->secret);
    ir_json_free(r->json);
    *r = (ir_robot){0};
}

static char *stored_name(const ir_robot_job *job)
{
    return job->project ? ir_format("%s+%s", job->project, job->name) : ir_strdup(job->name);
}

/* Whether a robot's full name is prefix + stored name, and it is of this project alone. */
static bool is_robot(const ir_robot_job *job, const ir_json *j, const char *stored)
{
    const char *name = ir_json_str(j, "name");
    const ir_json *permissions = ir_json_get(j, "permissions");
    const char *ns = ir_json_str(ir_json_at(permissions, 0), "namespace");

    return name && ir_ends(name, stored) && (!job->project || !ns || ir_streq(ns, job->project)) &&
           (job->project || !strchr(name, '+'));
}

/* The one whose name has the shortest prefix: every other is a longer name with the same end. */
static bool is_better(const ir_json *j, const ir_json *best)
{
    return !best || strlen(ir_json_str(j, "name")) < strlen(ir_json_str(best, "name"));
}

/* *ret NULL: there is none. */
int ir_robot_locate(const ir_robot_job *job, ir_json **ret, imgrel_error *err)
{
    char *stored = stored_name(job), *query = stored ? ir_format("name=%s", stored) : NULL;
    ir_harbor_pages *pages = NULL;
    ir_json *item = NULL;
    int rc = query ? 0 : ir_nomem(err);

    *ret = NULL;
    if (!rc)
        rc = ir_harbor_list(job->call, job->h, "robot", job->project, query, &pages, err);
    while (!rc && (rc = ir_harbor_pages_next(job->call, pages, &item, err)) == 1) {
        if (is_robot(job, item, stored) && is_better(item, *ret)) {
            ir_json_free(*ret);
            *ret = ir_json_ref(item);
        }
        ir_json_free(item);
        rc = 0;
    }
    if (rc) {
        ir_json_free(*ret);
        *ret = NULL;
    }
    ir_harbor_pages_free(pages);
    free(stored);
    free(query);
    return job->project ? ir_harbor_project_truth(job->call, job->h, job->project, rc, err) : rc;
}

/* Sends to /robots/ID, or to /robots when id is 0. */
int ir_robot_send(const ir_robot_job *job, const char *method, int64_t id, const ir_json *body,
                  ir_json **ret, imgrel_error *err)
{
    char *path = id ? ir_format("/robots/%lld", (long long)id) : ir_strdup("/robots");
    char *object = ir_format("robot %s", job->name);
    const ir_harbor_ask ask = {.method = method,
                               .path = path,
                               .body = body,
                               .object = object,
                               .repeatable = ir_streq(method, "PATCH")};
    int rc = 0;

    if (!path || !object)
        rc = ir_nomem(err);
    else if (ir_streq(method, "DELETE"))
        rc = ir_harbor_send_delete(job->call, job->h, &ask, err);
    else
        rc = ir_harbor_send_json(job->call, job->h, &ask, ret, err);
    free(path);
    free(object);
    return rc;
}

/* Fills ret from Harbor's object, which is taken. */
int ir_robot_fill(const ir_robot_job *job, ir_json *robot, enum ir_change change, ir_robot *ret,
                  imgrel_error *err)
{
    const char *name = ir_json_str(robot, "name");
    int64_t id = ir_json_int(robot, "id", 0);

    if (!name || (!id && change != IR_CREATED)) {
        ir_json_free(robot);
        return ir_fail(err, IMGREL_EPROTO, "%s: a robot comes without name or id", job->h->host);
    }
    free(ret->name);
    ret->name = ir_strdup(name);
    ret->id = id;
    ret->change = change;
    ir_json_free(ret->json);
    ret->json = robot;
    return ret->name ? 0 : ir_nomem(err);
}
