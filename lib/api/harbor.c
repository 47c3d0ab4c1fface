/* harbor.c - include/imgrel/harbor.h on lib/harbor: a handle is a client and one Harbor. */
#include <imgrel/harbor.h>

#include "api/api.h"
#include "api/harbor.h"
#include "base/limits.h"

#include <stdlib.h>

struct imgrel_robot {
    ir_robot robot;
    char *json;
};

int imgrel_harbor_new(imgrel_client *c, const char *url, const char *user, const char *password,
                      imgrel_harbor **out, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    int rc =
        out ? ir_api_alive(c, err) : ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_new: out is NULL");

    if (out)
        *out = NULL;
    if (rc)
        return rc;
    h = calloc(1, sizeof *h);
    if (!h)
        return ir_nomem(err);
    h->client = c;
    rc = ir_harbor_new(url, user, password, &h->harbor, err);
    if (rc)
        free(h);
    else
        *out = h;
    return rc;
}

void imgrel_harbor_free(imgrel_harbor *h)
{
    if (!h)
        return;
    ir_harbor_free(h->harbor);
    free(h);
}

int ir_api_harbor(imgrel_harbor *h, const imgrel_opts *o, ir_call *ret, imgrel_error *err)
{
    return h ? ir_api_call(h->client, o, ret, err)
             : ir_fail(err, IMGREL_EINVAL, "the Harbor handle is NULL");
}

/* A finished call's document as the caller's text, with "imgrel" if there was a change to tell;
 * j is taken, and ret may be NULL. */
static int give(int rc, ir_json *j, const char *change, char **ret, imgrel_error *err)
{
    if (!rc && ret) {
        if (change && ir_json_puts(j, "imgrel", change))
            rc = ir_nomem(err);
        else if (!(*ret = ir_json_string(j, IR_JSON_COMPACT)))
            rc = ir_nomem(err);
    }
    ir_json_free(j);
    return rc;
}

int imgrel_harbor_check(imgrel_harbor *h, const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_json *j = NULL;
    ir_call call;
    int rc = 0;

    if (ret_json)
        *ret_json = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)))
        return rc;
    rc = ir_harbor_check(&call, h->harbor, ret_json ? &j : NULL, err);
    return give(rc, j, NULL, ret_json, err);
}

int imgrel_harbor_project_ensure(imgrel_harbor *h, const char *name, int is_private,
                                 const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    enum ir_change change = IR_UNCHANGED;
    ir_json *j = NULL;
    ir_call call;
    int rc = 0;

    if (ret_json)
        *ret_json = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)))
        return rc;
    rc = ir_harbor_project_ensure(&call, h->harbor, name, is_private, &change, &j, err);
    return give(rc, j, ir_change_str(change), ret_json, err);
}

int imgrel_harbor_project_get(imgrel_harbor *h, const char *name, const imgrel_opts *o,
                              char **ret_json, imgrel_error *err)
{
    ir_json *j = NULL;
    ir_call call;
    int rc = 0;

    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_project_get: ret_json is NULL");
    *ret_json = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)))
        return rc;
    rc = ir_harbor_project_get(&call, h->harbor, name, &j, err);
    return give(rc, j, NULL, ret_json, err);
}

int imgrel_harbor_project_delete(imgrel_harbor *h, const char *name, int with_repositories,
                                 const imgrel_opts *o, imgrel_error *err)
{
    ir_call call;
    int rc = ir_api_harbor(h, o, &call, err);

    return rc ? rc : ir_harbor_project_delete(&call, h->harbor, name, with_repositories != 0, err);
}

/* ---- robots ---- */

static int read_spec(const char *text, ir_json **ret_doc, ir_robot_spec *ret, imgrel_error *err)
{
    int rc = text ? ir_json_parse(text, strlen(text), "robot spec", ret_doc, err)
                  : ir_fail(err, IMGREL_EINVAL, "a robot's spec is NULL");

    if (rc)
        return rc == IMGREL_EPROTO ? (err ? err->code = IMGREL_EINVAL : IMGREL_EINVAL) : rc;
    return ir_robot_spec_read(*ret_doc, ret, err);
}

/* Takes what is in r. */
static int give_robot(int rc, ir_robot *r, imgrel_robot **out, imgrel_error *err)
{
    imgrel_robot *robot = NULL;

    if (!rc && !(robot = calloc(1, sizeof *robot)))
        rc = ir_nomem(err);
    if (rc) {
        ir_robot_free(r);
        return rc;
    }
    robot->robot = *r;
    rc = give(0, ir_json_copy(r->json), ir_change_str(r->change), &robot->json, err);
    if (rc)
        imgrel_robot_free(robot);
    else
        *out = robot;
    return rc;
}

static int begin_robot(imgrel_harbor *h, const imgrel_opts *o, ir_call *call, imgrel_robot **out,
                       imgrel_error *err)
{
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_robot: out is NULL");
    *out = NULL;
    return ir_api_harbor(h, o, call, err);
}

static int put_robot(imgrel_harbor *h, enum ir_robot_verb verb, const char *project,
                     const char *name, const char *spec, const imgrel_opts *o, imgrel_robot **out,
                     imgrel_error *err)
{
    ir_robot_spec want = {0};
    ir_robot robot = {0};
    ir_json *doc = NULL;
    ir_call call;
    int rc = begin_robot(h, o, &call, out, err);

    if (rc)
        return rc;
    rc = read_spec(spec, &doc, &want, err);
    if (!rc)
        rc = ir_harbor_robot_put(&call, h->harbor, verb, project, name, &want, &robot, err);
    if (want.secret)
        ir_wipe((void *)(uintptr_t)want.secret, strlen(want.secret)); /* doc is ours alone */
    ir_json_free(doc);
    return give_robot(rc, &robot, out, err);
}

int imgrel_harbor_robot_ensure(imgrel_harbor *h, const char *project, const char *name,
                               const char *spec, const imgrel_opts *o, imgrel_robot **out,
                               imgrel_error *err)
{
    return put_robot(h, IR_ROBOT_ENSURE, project, name, spec, o, out, err);
}

int imgrel_harbor_robot_create(imgrel_harbor *h, const char *project, const char *name,
                               const char *spec, const imgrel_opts *o, imgrel_robot **out,
                               imgrel_error *err)
{
    return put_robot(h, IR_ROBOT_CREATE, project, name, spec, o, out, err);
}

int imgrel_harbor_robot_update(imgrel_harbor *h, const char *project, const char *name,
                               const char *spec, const imgrel_opts *o, imgrel_robot **out,
                               imgrel_error *err)
{
    return put_robot(h, IR_ROBOT_UPDATE, project, name, spec, o, out, err);
}

typedef int robot_fn(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                     ir_robot *ret, imgrel_error *err);

static int robot_by_name(robot_fn *fn, imgrel_harbor *h, const char *project, const char *name,
                         const imgrel_opts *o, imgrel_robot **out, imgrel_error *err)
{
    ir_robot robot = {0};
    ir_call call;
    int rc = begin_robot(h, o, &call, out, err);

    if (rc)
        return rc;
    rc = fn(&call, h->harbor, project, name, &robot, err);
    return give_robot(rc, &robot, out, err);
}

int imgrel_harbor_robot_rotate(imgrel_harbor *h, const char *project, const char *name,
                               const imgrel_opts *o, imgrel_robot **out, imgrel_error *err)
{
    return robot_by_name(ir_harbor_robot_rotate, h, project, name, o, out, err);
}

int imgrel_harbor_robot_get(imgrel_harbor *h, const char *project, const char *name,
                            const imgrel_opts *o, imgrel_robot **out, imgrel_error *err)
{
    return robot_by_name(ir_harbor_robot_find, h, project, name, o, out, err);
}

int imgrel_harbor_robot_delete(imgrel_harbor *h, const char *project, const char *name,
                               const imgrel_opts *o, imgrel_error *err)
{
    ir_call call;
    int rc = ir_api_harbor(h, o, &call, err);

    return rc ? rc : ir_harbor_robot_delete(&call, h->harbor, project, name, err);
}

const char *imgrel_robot_name(const imgrel_robot *r)
{
    return r ? r->robot.name : NULL;
}

const char *imgrel_robot_secret(const imgrel_robot *r)
{
    return r ? r->robot.secret : NULL;
}

const char *imgrel_robot_json(const imgrel_robot *r)
{
    return r ? r->json : NULL;
}

void imgrel_robot_free(imgrel_robot *r)
{
    if (!r)
        return;
    ir_robot_free(&r->robot);
    free(r->json);
    free(r);
}

/* ---- lists ---- */

typedef struct list {
    ir_harbor_pages *pages;
    char *item;
} list;

static int list_next(const ir_call *call, void *state, const char **ret, imgrel_error *err)
{
    list *l = state;
    ir_json *j = NULL;
    int rc = ir_harbor_pages_next(call, l->pages, &j, err);

    free(l->item);
    l->item = NULL;
    if (rc == 1) {
        l->item = ir_json_string(j, IR_JSON_COMPACT);
        rc = l->item ? 1 : ir_nomem(err);
        *ret = l->item;
    }
    ir_json_free(j);
    return rc;
}

static void list_free(void *state)
{
    list *l = state;

    ir_harbor_pages_free(l->pages);
    free(l->item);
    free(l);
}

int imgrel_harbor_list(imgrel_harbor *h, const char *kind, const char *parent, const char *query,
                       const imgrel_opts *o, imgrel_iter **out, imgrel_error *err)
{
    static const ir_iter_ops ops = {list_next, list_free};
    list *l = NULL;
    ir_call call;
    int rc = 0;

    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_list: out is NULL");
    *out = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)))
        return rc;
    l = calloc(1, sizeof *l);
    if (!l)
        return ir_nomem(err);
    rc = ir_harbor_list(&call, h->harbor, kind, parent, query, &l->pages, err);
    if (rc) {
        list_free(l);
        return rc;
    }
    return ir_iter_new(h->client, o, &ops, l, out, err);
}
