/* gitlab.c - the mock's GitLab as a whole: its document, who may, and a request's way to its
 * handler. */
#include "mock/gitlab.h"

#include "base/cancel.h"
#include "fmt/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BASE "/api/v4"
#define TOKEN "glpat-mock"
#define SEGMENTS 12

/* ---- the document ---- */

ir_json *gl_part(const struct mk_gitlab *g, const char *name)
{
    return ir_json_get(g->doc, name);
}

int64_t gl_next_id(struct mk_gitlab *g)
{
    int64_t id = ir_json_int(g->doc, "next", 1);
    ir_json_put(g->doc, "next", ir_json_new_int(id + 1));
    return id;
}

int64_t gl_now_ms(const imgrel_mock *m)
{
    return ir_now_ms() + m->clock_skew_s * 1000;
}

void gl_time(const imgrel_mock *m, char ret[40])
{
    struct tm tm;
    time_t s = (time_t)mk_now(m);
    if (!gmtime_r(&s, &tm) || !strftime(ret, 40, "%Y-%m-%dT%H:%M:%S.000Z", &tm))
        ret[0] = '\0';
}

ir_json *gl_find(const ir_json *rows, const char *member, const char *value, size_t *ret_at)
{
    for (size_t i = 0; i < ir_json_len(rows); i++)
        if (ir_streq(ir_json_str(ir_json_at(rows, i), member), value)) {
            if (ret_at)
                *ret_at = i;
            return ir_json_at(rows, i);
        }
    return NULL;
}

ir_json *gl_find_id(const ir_json *rows, int64_t id, size_t *ret_at)
{
    for (size_t i = 0; i < ir_json_len(rows); i++)
        if (ir_json_int(ir_json_at(rows, i), "id", 0) == id) {
            if (ret_at)
                *ret_at = i;
            return ir_json_at(rows, i);
        }
    return NULL;
}

static ir_json *new_document(const char *path)
{
    static const char sha[] = "1111111111111111111111111111111111111111";
    return ir_json_pack(
        "{s:i, s:{s:i, s:s, s:s, s:b, s:b, s:s}, s:[], s:[], s:[], s:{s:{s:s, s:s, s:{s:s}}}, "
        "s:{s:s}, s:{}, s:[], s:[], s:{}}",
        "next", 100, "project", "id", 7, "path_with_namespace", path, "default_branch", "main",
        "shared_runners_enabled", 1, "jobs_enabled", 1, "builds_access_level", "enabled",
        "variables", "protected_tags", "runners", "commits", sha, "id", sha, "message",
        "First commit", "files", "Dockerfile", "FROM scratch\n", "branches", "main", sha, "tags",
        "pipelines", "jobs", "scripts");
}

int mk_gitlab_start(imgrel_mock *m, imgrel_error *err)
{
    const ir_json *conf = ir_json_get(m->config, "gitlab");
    const char *token = ir_json_str(conf, "token"), *path = ir_json_str(conf, "project");
    struct mk_gitlab *g = calloc(1, sizeof *g);
    if (!g)
        return ir_nomem(err);
    m->gitlab = g;
    g->token = token ? token : TOKEN;
    g->job_ms = ir_json_int(conf, "job_ms", 300);
    g->pipeline_ms = ir_json_int(conf, "pipeline_ms", 50);
    g->doc = new_document(path ? path : "group/app");
    return g->doc ? 0 : ir_nomem(err);
}

void mk_gitlab_stop(imgrel_mock *m)
{
    struct mk_gitlab *g = m->gitlab;
    if (!g)
        return;
    m->gitlab = NULL;
    ir_json_free(g->doc);
    free(g->scope);
    free(g->moved_to);
    free(g);
}

/* ---- steering ---- */

static void replace(char **to, const ir_json *command, const char *name)
{
    if (!ir_json_get(command, name))
        return;
    free(*to);
    *to = ir_strdup(ir_json_str(command, name));
}

static void merge(ir_json *into, const ir_json *from)
{
    for (void *it = ir_json_first(from); it; it = ir_json_next(from, it))
        ir_json_put(into, ir_json_key(it), ir_json_ref(ir_json_value(it)));
}

void mk_gitlab_steer(imgrel_mock *m, const ir_json *command)
{
    struct mk_gitlab *g = m->gitlab;
    const ir_json *runner = ir_json_get(command, "runner"), *job = ir_json_get(command, "job");
    merge(gl_part(g, "project"), ir_json_get(command, "project"));
    if (runner)
        merge(
            gl_find(gl_part(g, "runners"), "description", ir_json_str(runner, "description"), NULL),
            runner);
    if (job && ir_json_str(job, "name"))
        ir_json_put(gl_part(g, "scripts"), ir_json_str(job, "name"), ir_json_copy(job));
    replace(&g->scope, command, "scope");
    replace(&g->moved_to, command, "moved_to");
    g->no_raw = ir_json_bool(command, "no_raw", g->no_raw);
    g->forbidden = ir_json_bool(command, "forbidden", g->forbidden);
    g->page_max = (int)ir_json_int(command, "page_max", g->page_max);
    g->pipeline_ms = ir_json_int(command, "pipeline_ms", g->pipeline_ms);
    mk_wake(m);
}

/* ---- answers ---- */

void gl_error(gl_call *c, int status, const char *fmt, ...)
{
    va_list ap;
    ir_buf b = IR_BUF(IR_ERROR_BODY_MAX);
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    mk_reply_json(c->p, status, ir_json_pack("{s:s}", "message", ir_buf_str(&b)));
    ir_buf_free(&b);
}

void gl_invalid(gl_call *c, const char *field, const char *text)
{
    mk_reply_json(c->p, 400, ir_json_pack("{s:{s:[s]}}", "message", field, text));
}

void gl_missing(gl_call *c, const char *noun)
{
    gl_error(c, 404, "404 %s Not Found", noun);
}

const char *gl_param(gl_call *c, const char *name)
{
    const char *have = ir_json_str(c->body, name);
    char *value = have ? NULL : mk_query(c->r, name);
    if (value)
        ir_json_puts(c->body, name, value);
    free(value);
    have = ir_json_str(c->body, name);
    return have ? have : "";
}

static int64_t number(gl_call *c, const char *name, int64_t dflt)
{
    unsigned long long v = 0;
    return ir_parse_u64(gl_param(c, name), 1000000, &v) && v ? (int64_t)v : dflt;
}

void gl_page(gl_call *c, ir_json *items)
{
    int64_t page = number(c, "page", 1), size = number(c, "per_page", 20), max = c->g->page_max;
    int64_t n = (int64_t)ir_json_len(items);
    size = size > (max ? max : 100) ? (max ? max : 100) : size;
    ir_json *some = ir_json_new_array();
    for (int64_t i = (page - 1) * size; i < page * size && i < n; i++)
        ir_json_append(some, ir_json_ref(ir_json_at(items, (size_t)i)));
    bool more = page * size < n, keyset = ir_streq(gl_param(c, "pagination"), "keyset");
    if (more) /* the address that GitLab believes it has */
        mk_reply_header(
            c->p, "Link", "<https://gitlab.example.org%s?page=%lld&per_page=%lld%s>; rel=\"next\"",
            c->r->path, (long long)page + 1, (long long)size, keyset ? "&pagination=keyset" : "");
    if (!keyset) {
        mk_reply_header(c->p, "X-Next-Page", more ? "%lld" : "", (long long)page + 1);
        mk_reply_header(c->p, "X-Page", "%lld", (long long)page);
    }
    mk_reply_json(c->p, 200, some);
    ir_json_free(items);
}

/* ---- routes ---- */

typedef struct segments {
    char *v[SEGMENTS];
    size_t n;
} segments;

/* Of the path as it was sent: a name may hold an encoded slash. */
static bool split(segments *s, const char *path)
{
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len && s->n == SEGMENTS)
            return false;
        char *one = len ? ir_strndup(path, len) : NULL;
        if (one && !(s->v[s->n++] = mk_unescape(one, false)))
            s->n--;
        free(one);
        path += len + (path[len] == '/');
    }
    return true;
}

static bool match(const char *pattern, const segments *s, size_t from, const char **arg)
{
    size_t n = 0;
    for (; *pattern; from++) {
        size_t len = strcspn(pattern, "/");
        if (from >= s->n)
            return false;
        if (*pattern == '*')
            arg[n++] = s->v[from];
        else if (strlen(s->v[from]) != len || memcmp(s->v[from], pattern, len) != 0)
            return false;
        pattern += len + (pattern[len] == '/');
    }
    return from >= s->n;
}

static void get_project(gl_call *c)
{
    mk_reply_json(c->p, 200, ir_json_copy(gl_part(c->g, "project")));
}

static void put_project(gl_call *c)
{
    merge(gl_part(c->g, "project"), c->body);
    get_project(c);
}

static void get_version(gl_call *c)
{
    mk_reply_json(
        c->p, 200,
        ir_json_pack("{s:s, s:s}", "version", "19.0.0-imgrel-mock", "revision", "a stand-in"));
}

static const gl_route own_routes[] = {
    {"GET", "", get_project},
    {"PUT", "", put_project},
    {"GET", "/version", get_version},
    {NULL, NULL, NULL},
};
static const gl_route *const all_routes[] = {own_routes, gl_variable_routes, gl_runner_routes,
                                             gl_repository_routes, gl_pipeline_routes};

static const gl_route *find_route(gl_call *c, const segments *s, bool *ret_path)
{
    bool project = s->n >= 2 && ir_streq(s->v[0], "projects");
    for (size_t i = 0; i < sizeof all_routes / sizeof *all_routes; i++)
        for (const gl_route *r = all_routes[i]; r->method; r++) {
            bool all = *r->pattern == '/';
            if (all ? !match(r->pattern + 1, s, 0, c->arg)
                    : !project || !match(r->pattern, s, 2, c->arg))
                continue;
            *ret_path = true;
            if (ir_streq(r->method, c->r->method))
                return r;
        }
    return NULL;
}

/* A runner speaks for itself. */
static bool is_known(const gl_call *c)
{
    const char *bearer = mk_header(c->r, "Authorization");
    const char *own = mk_header(c->r, "PRIVATE-TOKEN");
    own = bearer && ir_starts(bearer, "Bearer ") ? bearer + 7 : own;
    return ir_equal_secret(own ? own : "", c->g->token) || ir_ends(c->r->path, "/runners/verify");
}

static bool may(gl_call *c)
{
    bool read = ir_streq(c->r->method, "GET");
    if (!is_known(c)) {
        gl_error(c, 401, "401 Unauthorized");
    } else if (!read && c->g->scope && !ir_streq(c->g->scope, "api")) {
        mk_reply_json(c->p, 403,
                      ir_json_pack("{s:s, s:s, s:s}", "error", "insufficient_scope",
                                   "error_description",
                                   "The request requires higher privileges than provided by the "
                                   "access token.",
                                   "scope", "api"));
    } else if (!read && c->g->forbidden) {
        gl_error(c, 403, "403 Forbidden");
    } else {
        return true;
    }
    return false;
}

/* False: answered. Others' projects are as if they were not there. */
static bool right_project(gl_call *c, const segments *s)
{
    const ir_json *p = gl_part(c->g, "project");
    char id[24];
    if (!s->n || !ir_streq(s->v[0], "projects") || s->n < 2)
        return true;
    snprintf(id, sizeof id, "%lld", (long long)ir_json_int(p, "id", 0));
    if (ir_streq(s->v[1], id))
        return true;
    if (!ir_streq(s->v[1], ir_json_str(p, "path_with_namespace"))) {
        gl_missing(c, "Project");
    } else if (!c->g->moved_to) {
        return true;
    } else if (!ir_streq(c->r->method, "GET")) {
        gl_error(c, 405,
                 "405 Method Not Allowed - Non GET methods are not allowed for moved "
                 "projects");
    } else {
        const char *rest = c->r->raw_path + strlen(BASE "/projects/");
        rest += strcspn(rest, "/");
        mk_reply_header(c->p, "Location", "%s" BASE "/projects/%s%s%s%s", c->mock->url, id, rest,
                        *c->r->query ? "?" : "", c->r->query);
        c->p->status = 301;
    }
    return false;
}

static bool read_body(gl_call *c)
{
    c->body = NULL;
    if (c->r->body_len && (ir_json_parse(c->r->body, c->r->body_len, "body", &c->body, NULL) ||
                           !ir_json_is_object(c->body))) {
        mk_reply_json(c->p, 400, ir_json_pack("{s:s}", "error", "The request body is no JSON"));
        return false;
    }
    if (!c->body)
        c->body = ir_json_new_object();
    return c->body != NULL;
}

static void dispatch(gl_call *c)
{
    segments s = {{NULL}, 0};
    bool path = false;
    const gl_route *r = NULL;
    if (split(&s, c->r->raw_path + strlen(BASE)) && may(c) && right_project(c, &s)) {
        if (!(r = find_route(c, &s, &path)))
            path ? gl_error(c, 405, "405 Method Not Allowed")
                 : mk_reply_json(c->p, 501,
                                 ir_json_pack("{s:s}", "error",
                                              "libimgrel-mock does not model this of GitLab"));
        else if (read_body(c))
            r->handle(c);
    }
    ir_json_free(c->body);
    for (size_t i = 0; i < s.n; i++)
        free(s.v[i]);
}

static void handle(mk_request *r, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    pthread_mutex_lock(&m->lock);
    gl_call c = {.mock = m, .g = m->gitlab, .r = r, .p = p};
    mk_reply_header(p, "RateLimit-Limit", "2000");
    mk_reply_header(p, "RateLimit-Remaining", "1999");
    mk_reply_header(p, "RateLimit-Reset", "%lld", (long long)mk_now(m) + 60);
    dispatch(&c);
    pthread_mutex_unlock(&m->lock);
}

const mk_api mk_gitlab_api = {.prefix = BASE "/", .handle = handle};
