/* client.c - one project of one GitLab: its address, its token, and requests to it. The token goes
 * as a bearer's, which personal, group and project tokens and OAuth's all may. Only reads follow a
 * redirect: GitLab sends those of a project that has moved on to its new place. */
#include "gitlab/inside.h"

#include <stdlib.h>

static int bad_url(const char *text, imgrel_error *err)
{
    ir_fail(err, IMGREL_EINVAL, "%s: not the address of a GitLab", text);
    return ir_cure(err, "it is like https://gitlab.example.org"), IMGREL_EINVAL;
}

/* "scheme://host[:port][/root]/api/v4". */
static char *base_of(const ir_url *u)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_URL_MAX);
    char *origin = ir_url_origin(u);
    size_t n = strlen(u->path);
    while (n && u->path[n - 1] == '/')
        n--;
    if (n >= 7 && !strncmp(u->path + n - 7, "/api/v4", 7))
        n -= 7;
    ir_buf_adds(&b, origin ? origin : "");
    ir_buf_add(&b, u->path, n);
    ir_buf_adds(&b, "/api/v4");
    free(origin);
    return origin ? ir_buf_take(&b) : NULL;
}

static int check_project(const char *project, imgrel_error *err)
{
    if (!project || !*project)
        return ir_fail(err, IMGREL_EINVAL, "no project of GitLab");
    for (const char *p = project; *p; p++)
        if ((unsigned char)*p <= ' ' || strchr("?#%\\", *p) || *p == 127)
            break;
        else if (!p[1] && *project != '/' && *p != '/')
            return 0;
    ir_fail(err, IMGREL_EINVAL, "\"%.100s\" is not a project of GitLab", project);
    return ir_cure(err, "it is a path like group/app, or a number"), IMGREL_EINVAL;
}

int ir_gitlab_new(const char *url, const char *project, const char *token, ir_gitlab **ret,
                  imgrel_error *err)
{
    IR_AUTO(ir_url) u = {0};
    ir_gitlab *g = NULL;
    *ret = NULL;
    if (!url || !*url)
        return ir_fail(err, IMGREL_EINVAL, "no URL of a GitLab");
    int rc = ir_url_parse(url, &u, err);
    if (!rc && (u.user || u.query))
        rc = bad_url(url, err);
    if (!rc)
        rc = check_project(project, err);
    if (!rc && token && (!*token || token[strcspn(token, " \t\r\n")]))
        rc = ir_fail(err, IMGREL_EINVAL, "GitLab's token is %s",
                     *token ? "more than one word" : "empty");
    if (rc)
        return rc;
    if (!(g = calloc(1, sizeof *g)))
        return ir_nomem(err);
    g->base = base_of(&u);
    g->host = g->base
                  ? ir_strndup(strstr(g->base, "//") + 2, strcspn(strstr(g->base, "//") + 2, "/"))
                  : NULL;
    g->project = ir_strdup(project);
    g->token = ir_strdup(token);
    if (g->host && g->project && (g->token || !token)) {
        *ret = g;
        return 0;
    }
    ir_gitlab_free(g);
    return ir_nomem(err);
}

void ir_gitlab_free(ir_gitlab *g)
{
    if (!g)
        return;
    free(g->base);
    free(g->host);
    free(g->project);
    ir_free_secret(g->token);
    free(g);
}

const char *ir_gitlab_host(const ir_gitlab *g)
{
    return g->host;
}

const char *ir_gitlab_project(const ir_gitlab *g)
{
    return g->project;
}

int ir_gitlab_give(imgrel_error *err, const imgrel_error *e)
{
    if (err && !err->code)
        *err = *e;
    return e->code;
}

char *ir_gitlab_path(const char *first, const char *name, const char *rest)
{
    ir_buf b = IR_BUF(IR_URL_MAX);
    ir_buf_adds(&b, first);
    ir_url_encode(&b, name);
    ir_buf_adds(&b, rest);
    char *path = ir_buf_take(&b);
    ir_buf_free(&b);
    return path;
}

static int make_url(const ir_gitlab *g, const ir_gitlab_ask *ask, ir_buf *url, imgrel_error *err)
{
    ir_buf_adds(url, g->base);
    if (!ask->all) {
        ir_buf_adds(url, "/projects/");
        ir_url_encode(url, g->project);
    }
    ir_buf_adds(url, ask->path);
    return ir_buf_check(url, err, "URL");
}

static bool is_read(const ir_gitlab_ask *ask)
{
    return !ask->method || ir_streq(ask->method, "GET");
}

/* What is made by it is made twice if it is sent twice. */
static bool makes(const ir_gitlab_ask *ask)
{
    return ir_streq(ask->method, "POST") && !ask->repeatable;
}

int ir_gitlab_send(const ir_call *call, ir_gitlab *g, const ir_gitlab_ask *ask, ir_reply *ret,
                   imgrel_error *err)
{
    IR_AUTO(ir_buf) url = IR_BUF(IR_URL_MAX);
    IR_AUTO(ir_buf) body = IR_BUF_SECRET(IR_API_BODY_MAX);
    const ir_auth auth = {.kind = g->token ? IR_AUTH_BEARER : IR_AUTH_NONE, .secret = g->token};
    int rc = make_url(g, ask, &url, err);
    if (!rc && ask->body)
        rc = ir_json_dump(ask->body, IR_JSON_COMPACT, &body, err);
    if (rc)
        return rc;
    const ir_request req = {.method = ask->method,
                            .url = ir_buf_str(&url),
                            .accept = ask->sink ? NULL : "application/json",
                            .content_type = ask->body ? "application/json" : NULL,
                            .body = {.p = body.p, .len = body.len, .size = (int64_t)body.len},
                            .body_max = IR_API_BODY_MAX,
                            .sink = ask->sink,
                            .auth = &auth,
                            .what = ask->object,
                            .flags = (is_read(ask) ? 0 : IR_HTTP_NO_REDIRECT) |
                                     (ask->repeatable ? IR_HTTP_REPEATABLE : 0) |
                                     (makes(ask) ? IR_HTTP_ONCE : 0)};
    rc = ir_http_do(call, &req, ret, err);
    ret->body.secret = true; /* of a variable, or of a new runner */
    if (!rc && (ret->status >= 300 || ir_gitlab_is_html(ret)))
        rc = ir_gitlab_explain(g, &req, ask, ret, err);
    return rc;
}

int ir_gitlab_send_json(const ir_call *call, ir_gitlab *g, const ir_gitlab_ask *ask, ir_json **ret,
                        imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    if (ret)
        *ret = NULL;
    int rc = ir_gitlab_send(call, g, ask, &reply, err);
    if (!rc && ret && reply.body.len)
        rc = ir_json_parse(reply.body.p, reply.body.len, g->host, ret, err);
    return rc;
}

int ir_gitlab_read(const ir_call *call, ir_gitlab *g, char *path, const char *object, ir_json **ret,
                   imgrel_error *err)
{
    const ir_gitlab_ask ask = {.path = path, .object = object};
    *ret = NULL;
    int rc = path ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(path);
    if (!rc && !*ret)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: %s: the answer is empty", g->host, object);
    return rc;
}

int ir_gitlab_find(const ir_call *call, ir_gitlab *g, char *path, const char *object, ir_json **ret,
                   imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = ir_gitlab_read(call, g, path, object, ret, &e);
    if (rc == IMGREL_ENOTFOUND && e.http_status == 404)
        return 0;
    return rc ? ir_gitlab_give(err, &e) : 1;
}

int ir_gitlab_request(const ir_call *call, ir_gitlab *g, const char *method, const char *path,
                      const ir_json *body, ir_reply *ret, imgrel_error *err)
{
    const ir_gitlab_ask ask = {
        .method = method, .path = path, .body = body, .object = path, .all = true};
    if (!path || *path != '/')
        return ir_fail(err, IMGREL_EINVAL, "a path of GitLab's API begins with a slash");
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 127 || *p == '#')
            return ir_fail(err, IMGREL_EINVAL, "a path of GitLab's API must be percent-encoded");
    return ir_gitlab_send(call, g, &ask, ret, err);
}

int ir_gitlab_halves(const char *key, char **ret_first, char **ret_second, imgrel_error *err)
{
    const char *at = strrchr(key, '@');
    *ret_second = at ? ir_strdup(at + 1) : NULL;
    *ret_first = at ? ir_strndup(key, (size_t)(at - key)) : ir_strdup(key);
    if (*ret_first && (*ret_second || !at))
        return 0;
    free(*ret_first);
    free(*ret_second);
    *ret_first = *ret_second = NULL;
    return ir_nomem(err);
}
