/* kind.c - the kinds of things in a project, one table: where each is listed and read, and what can
 * be done with it. {K} in a path is the key, encoded. */
#include "gitlab/inside.h"

#include <stdlib.h>

typedef struct action {
    const char *name;
    ir_gitlab_do_fn *fn;
    const char *post; /* no function: a POST to this path */
} action;

typedef struct kind {
    const char *name;
    const char *list; /* NULL: there is no list; {K}: the parent */
    const char *one;  /* NULL: not by a path of its own */
    ir_gitlab_put_fn *put;
    bool can_delete;
    action actions[4];
} kind;

static const kind kinds[] = {
    {"project", NULL, "", ir_gitlab_put_project, false, {{NULL, NULL, NULL}}},
    {"variable",
     "/variables",
     "/variables/{K}",
     ir_gitlab_put_variable,
     true,
     {{"expand", ir_gitlab_do_expand, NULL}}},
    {"runner",
     "/runners?type=project_type",
     NULL,
     ir_gitlab_put_runner,
     true,
     {{"verify", ir_gitlab_do_verify, NULL}, {"reset", ir_gitlab_do_reset, NULL}}},
    {"branch",
     "/repository/branches",
     "/repository/branches/{K}",
     NULL,
     true,
     {{NULL, NULL, NULL}}},
    {"tag",
     "/repository/tags?order_by=name&sort=asc&pagination=keyset",
     "/repository/tags/{K}",
     ir_gitlab_put_tag,
     true,
     {{NULL, NULL, NULL}}},
    {"protected-tag",
     "/protected_tags",
     "/protected_tags/{K}",
     ir_gitlab_put_protected,
     true,
     {{NULL, NULL, NULL}}},
    {"file", NULL, NULL, ir_gitlab_put_file, false, {{NULL, NULL, NULL}}},
    {"ci", NULL, NULL, NULL, false, {{"lint", ir_gitlab_do_lint, NULL}}},
    {"pipeline",
     "/pipelines?order_by=id&sort=asc",
     "/pipelines/{K}",
     NULL,
     true,
     {{"find", ir_gitlab_do_find, NULL},
      {"wait", ir_gitlab_do_wait, NULL},
      {"cancel", NULL, "/pipelines/{K}/cancel"},
      {"retry", NULL, "/pipelines/{K}/retry"}}},
    {"job",
     "/pipelines/{K}/jobs",
     "/jobs/{K}",
     NULL,
     false,
     {{"log", ir_gitlab_do_log, NULL},
      {"cancel", NULL, "/jobs/{K}/cancel"},
      {"retry", NULL, "/jobs/{K}/retry"},
      {"play", NULL, "/jobs/{K}/play"}}},
};

static int find_kind(const char *name, const kind **ret, imgrel_error *err)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (ir_streq(kinds[i].name, name)) {
            *ret = &kinds[i];
            return 0;
        }
    ir_fail(err, IMGREL_EINVAL, "GitLab has no kind \"%.60s\" here", name ? name : "");
    return ir_cure(err, "imgrel_gitlab_request() reaches what has none"), IMGREL_EINVAL;
}

static int cannot(const kind *k, const char *verb, imgrel_error *err)
{
    return ir_fail(err, IMGREL_EINVAL, "a %s of GitLab cannot be %s", k->name, verb);
}

static int need_key(const kind *k, const char *key, imgrel_error *err)
{
    if (key && *key)
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "which %s of GitLab?", k->name);
}

/* A template with its key; of a variable "KEY@SCOPE". NULL: no memory. */
static char *path_of(const kind *k, const char *template, const char *key)
{
    const char *mark = strstr(template, "{K}");
    IR_AUTO(ir_buf) b = IR_BUF(IR_URL_MAX);
    if (!mark)
        return ir_strdup(template);
    const char *scope = ir_streq(k->name, "variable") ? strchr(key, '@') : NULL;
    char *name = scope ? ir_strndup(key, (size_t)(scope - key)) : ir_strdup(key);
    if (!name)
        return NULL;
    ir_buf_add(&b, template, (size_t)(mark - template));
    ir_url_encode(&b, name);
    ir_buf_adds(&b, mark + 3);
    if (scope)
        ir_url_add_query(&b, "filter[environment_scope]", scope + 1);
    free(name);
    return ir_buf_take(&b);
}

/* What a key names, for people. */
static char *object_of(const kind *k, const char *key)
{
    return key ? ir_format("%s %s", k->name, key) : ir_strdup(k->name);
}

static int get_runner(const ir_call *call, ir_gitlab *g, const char *key, ir_json **ret,
                      imgrel_error *err)
{
    int there = ir_gitlab_runner_find(call, g, key, ret, err);
    return there < 0 ? there
           : there   ? 0
                   : ir_fail(err, IMGREL_ENOTFOUND, "%s: project %s has no runner \"%s\"", g->host,
                             g->project, key);
}

int ir_gitlab_get(const ir_call *call, ir_gitlab *g, const char *name, const char *key,
                  ir_json **ret, imgrel_error *err)
{
    const kind *k = NULL;
    *ret = NULL;
    int rc = find_kind(name, &k, err);
    if (!rc && !(k->one && !*k->one))
        rc = need_key(k, key, err);
    if (rc)
        return rc;
    if (ir_streq(k->name, "runner"))
        return get_runner(call, g, key, ret, err);
    if (ir_streq(k->name, "file"))
        return ir_gitlab_file_get(call, g, key, ret, err);
    if (!k->one)
        return cannot(k, "read", err);
    char *object = object_of(k, key);
    rc =
        object ? ir_gitlab_read(call, g, path_of(k, k->one, key), object, ret, err) : ir_nomem(err);
    free(object);
    return rc;
}

int ir_gitlab_put(const ir_call *call, ir_gitlab *g, const char *name, const char *key,
                  const ir_json *want, const char **ret_change, ir_json **ret, imgrel_error *err)
{
    const kind *k = NULL;
    *ret = NULL;
    *ret_change = IR_GITLAB_UNCHANGED;
    int rc = find_kind(name, &k, err);
    if (!rc && !k->put)
        rc = cannot(k, "made", err);
    if (!rc && !(k->one && !*k->one))
        rc = need_key(k, key, err);
    if (!rc && !ir_json_is_object(want))
        rc = ir_fail(err, IMGREL_EINVAL, "what a %s of GitLab shall be is no JSON object", k->name);
    return rc ? rc : k->put(call, g, key, want, ret_change, ret, err);
}

static int delete_path(const ir_call *call, ir_gitlab *g, const kind *k, const char *key,
                       char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    *ret = NULL;
    if (!ir_streq(k->name, "runner")) {
        *ret = path_of(k, k->one, key);
        return *ret ? 0 : ir_nomem(err);
    }
    int rc = get_runner(call, g, key, &j, err);
    if (!rc && !(*ret = ir_format("/runners/%lld", (long long)ir_json_int(j, "id", 0))))
        rc = ir_nomem(err);
    return rc;
}

int ir_gitlab_delete(const ir_call *call, ir_gitlab *g, const char *name, const char *key,
                     imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    const kind *k = NULL;
    imgrel_error e = {0};
    char *path = NULL, *object = NULL;
    int rc = find_kind(name, &k, err);
    if (!rc && !k->can_delete)
        rc = cannot(k, "deleted", err);
    if (!rc)
        rc = need_key(k, key, err);
    if (!rc)
        rc = delete_path(call, g, k, key, &path, err);
    if (!rc && !(object = object_of(k, key)))
        rc = ir_nomem(err);
    if (!rc) {
        const ir_gitlab_ask ask = {
            .method = "DELETE", .path = path, .object = object, .all = ir_streq(k->name, "runner")};
        rc = ir_gitlab_send(call, g, &ask, &reply, &e);
        /* After a repeated try: the first one did it. */
        rc = rc == IMGREL_ENOTFOUND && reply.tries > 1 ? 0 : rc ? ir_gitlab_give(err, &e) : 0;
    }
    free(object);
    free(path);
    return rc;
}

static int post(const ir_call *call, ir_gitlab *g, const kind *k, const action *a, const char *key,
                ir_json **ret, imgrel_error *err)
{
    char *path = path_of(k, a->post, key), *object = object_of(k, key);
    const ir_gitlab_ask ask = {.method = "POST", .path = path, .object = object};
    int rc = path && object ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(object);
    free(path);
    return rc;
}

int ir_gitlab_do(const ir_call *call, ir_gitlab *g, const char *name, const char *key,
                 const char *what, const ir_json *spec, ir_json **ret, imgrel_error *err)
{
    const kind *k = NULL;
    *ret = NULL;
    int rc = find_kind(name, &k, err);
    if (!rc && spec && !ir_json_is_object(spec))
        rc = ir_fail(err, IMGREL_EINVAL, "what is to be done is no JSON object");
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof k->actions / sizeof *k->actions; i++) {
        const action *a = &k->actions[i];
        if (!a->name || !ir_streq(a->name, what))
            continue;
        if (a->post && (rc = need_key(k, key, err)))
            return rc;
        return a->fn ? a->fn(call, g, key, spec, ret, err) : post(call, g, k, a, key, ret, err);
    }
    return ir_fail(err, IMGREL_EINVAL, "a %s of GitLab has no action \"%.60s\"", k->name, what);
}

int ir_gitlab_list(const ir_call *call, ir_gitlab *g, const char *name, const char *parent,
                   const char *query, ir_gitlab_pages **ret, imgrel_error *err)
{
    const kind *k = NULL;
    (void)call;
    *ret = NULL;
    if (query && query[strcspn(query, " #\r\n?")])
        return ir_fail(err, IMGREL_EINVAL, "a query must be percent-encoded: name=value&...");
    if (name && *name == '/')
        return ir_gitlab_pages_open(g, name, true, query, name, ret, err);
    int rc = find_kind(name, &k, err);
    if (!rc && !k->list)
        rc = cannot(k, "listed", err);
    if (!rc && strstr(k->list, "{K}"))
        rc = need_key(k, parent, err);
    if (rc)
        return rc;
    char *path = path_of(k, k->list, parent), *object = ir_format("list of %ss", k->name);
    rc = path && object ? ir_gitlab_pages_open(g, path, false, query, object, ret, err)
                        : ir_nomem(err);
    free(object);
    free(path);
    return rc;
}
