/* gitlab.c - include/imgrel/gitlab.h on lib/gitlab: a handle is a client and one project. */
#include "api/gitlab.h"

#include "api/api.h"
#include "base/str.h"

#include <stdlib.h>

int imgrel_gitlab_new(imgrel_client *c, const char *url, const char *project, const char *token,
                      imgrel_gitlab **out, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_gitlab_new: out is NULL");
    *out = NULL;
    int rc = ir_api_alive(c, err);
    if (rc)
        return rc;
    if (!(g = calloc(1, sizeof *g)))
        return ir_nomem(err);
    g->client = c;
    rc = ir_gitlab_new(url, project, token, &g->gitlab, err);
    if (rc)
        free(g);
    else
        *out = g;
    return rc;
}

void imgrel_gitlab_free(imgrel_gitlab *g)
{
    if (!g)
        return;
    ir_gitlab_free(g->gitlab);
    free(g);
}

/* json NULL: none. */
static int begin(imgrel_gitlab *g, const char *json, const imgrel_opts *o, ir_call *call,
                 ir_json **ret_doc, imgrel_error *err)
{
    *ret_doc = NULL;
    int rc = g ? ir_api_call(g->client, o, call, err)
               : ir_fail(err, IMGREL_EINVAL, "the GitLab handle is NULL");
    return rc || !json ? rc : ir_spec_parse(json, "json", ret_doc, err);
}

/* A document as text, none is "", also where the call failed and still has something to tell; j is
 * taken. */
static int give(int rc, ir_json *j, char **ret, imgrel_error *err)
{
    if (ret && (j || !rc) && !(*ret = j ? ir_json_string(j, IR_JSON_COMPACT) : ir_strdup("")))
        rc = rc ? rc : ir_nomem(err);
    ir_json_free(j);
    return rc;
}

/* ---- lists ---- */

typedef struct list {
    ir_gitlab_pages *pages;
    char *item;
} list;

static int next_item(const ir_call *call, void *state, const char **ret, imgrel_error *err)
{
    list *l = state;
    ir_json *j = NULL;
    int more = ir_gitlab_pages_next(call, l->pages, &j, err);
    ir_free_secret(l->item);
    l->item = more == 1 ? ir_json_string(j, IR_JSON_COMPACT) : NULL;
    ir_json_free(j);
    if (more == 1 && !l->item)
        return ir_nomem(err);
    *ret = l->item;
    return more;
}

static void free_list(void *state)
{
    list *l = state;
    ir_gitlab_pages_free(l->pages);
    ir_free_secret(l->item);
    free(l);
}

int imgrel_gitlab_list(imgrel_gitlab *g, const char *kind, const char *parent, const char *query,
                       const imgrel_opts *o, imgrel_iter **out, imgrel_error *err)
{
    static const ir_iter_ops ops = {next_item, free_list};
    ir_json *none = NULL;
    ir_call call;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_gitlab_list: out is NULL");
    *out = NULL;
    int rc = begin(g, NULL, o, &call, &none, err);
    list *l = rc ? NULL : calloc(1, sizeof *l);
    if (!rc && !l)
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_gitlab_list(&call, g->gitlab, kind, parent, query, &l->pages, err);
    if (!rc)
        return ir_iter_new(g->client, o, &ops, l, out, err);
    free(l);
    return rc;
}

/* ---- by kind and key ---- */

int imgrel_gitlab_get(imgrel_gitlab *g, const char *kind, const char *key, const imgrel_opts *o,
                      char **ret_json, imgrel_error *err)
{
    ir_json *none = NULL, *j = NULL;
    ir_call call;
    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_gitlab_get: ret_json is NULL");
    *ret_json = NULL;
    int rc = begin(g, NULL, o, &call, &none, err);
    if (!rc)
        rc = ir_gitlab_get(&call, g->gitlab, kind, key, &j, err);
    return rc ? rc : give(rc, j, ret_json, err);
}

int imgrel_gitlab_put(imgrel_gitlab *g, const char *kind, const char *key, const char *json,
                      const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_json *want = NULL, *j = NULL;
    const char *change = NULL;
    ir_call call;
    if (ret_json)
        *ret_json = NULL;
    int rc = json ? begin(g, json, o, &call, &want, err)
                  : ir_fail(err, IMGREL_EINVAL, "imgrel_gitlab_put: json is NULL");
    if (!rc)
        rc = ir_gitlab_put(&call, g->gitlab, kind, key, want, &change, &j, err);
    ir_json_free(want);
    if (!rc && !j && !(j = ir_json_new_object()))
        rc = ir_nomem(err);
    if (!rc && ir_json_puts(j, "imgrel", change))
        rc = ir_nomem(err);
    if (!rc)
        return give(rc, j, ret_json, err);
    ir_json_free(j);
    return rc;
}

int imgrel_gitlab_delete(imgrel_gitlab *g, const char *kind, const char *key, const imgrel_opts *o,
                         imgrel_error *err)
{
    ir_json *none = NULL;
    ir_call call;
    int rc = begin(g, NULL, o, &call, &none, err);
    return rc ? rc : ir_gitlab_delete(&call, g->gitlab, kind, key, err);
}

int imgrel_gitlab_do(imgrel_gitlab *g, const char *kind, const char *key, const char *action,
                     const char *json, const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_json *spec = NULL, *j = NULL;
    ir_call call;
    if (ret_json)
        *ret_json = NULL;
    int rc = action ? begin(g, json, o, &call, &spec, err)
                    : ir_fail(err, IMGREL_EINVAL, "imgrel_gitlab_do: action is NULL");
    if (!rc)
        rc = ir_gitlab_do(&call, g->gitlab, kind, key, action, spec, &j, err);
    ir_json_free(spec);
    return give(rc, j, ret_json, err);
}

int imgrel_gitlab_request(imgrel_gitlab *g, const char *method, const char *path, const char *json,
                          const imgrel_opts *o, char **ret_json, int *ret_status, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    ir_json *body = NULL;
    ir_call call;
    if (ret_json)
        *ret_json = NULL;
    if (ret_status)
        *ret_status = 0;
    int rc = begin(g, json, o, &call, &body, err);
    if (!rc)
        rc = ir_gitlab_request(&call, g->gitlab, method, path, body, &reply, err);
    if (ret_status)
        *ret_status = reply.status;
    if (!rc && ret_json && !(*ret_json = ir_strndup(ir_buf_str(&reply.body), reply.body.len)))
        rc = ir_nomem(err);
    ir_json_free(body);
    return rc;
}
