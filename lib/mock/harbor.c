/* harbor.c - Harbor's API v2.0 as a whole: its document, and a request's way through it in Harbor's
 * own order: cookies, who calls, route, what the binding refuses (422), then the noun's handler. */
#include "mock/harbor.h"
#include "mock/tls.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BASE "/api/v2.0"

/* ---- the document ---------------------------------------------------------------------------- */

static char *id_text(int64_t id, char ret[24])
{
    snprintf(ret, 24, "%lld", (long long)id);
    return ret;
}

ir_json *mk_part(const struct mk_harbor *h, const char *noun)
{
    return ir_json_get(h->doc, noun);
}

int64_t mk_next_id(struct mk_harbor *h, const char *noun)
{
    ir_json *next = mk_part(h, "next");
    int64_t id = ir_json_int(next, noun, 1);
    ir_json_put(next, noun, ir_json_new_int(id + 1));
    return id;
}

ir_json *mk_by_id(const ir_json *index, int64_t id)
{
    char key[24];
    return ir_json_get(index, id_text(id, key));
}

void mk_put_id(ir_json *index, int64_t id, ir_json *value)
{
    char key[24];
    ir_json_put(index, id_text(id, key), value);
}

void mk_remove_id(ir_json *index, int64_t id)
{
    char key[24];
    ir_json_remove(index, id_text(id, key));
}

const char *mk_setting(const struct mk_harbor *h, const char *name, const char *dflt)
{
    const char *value = ir_json_str(mk_part(h, "settings"), name);
    return value ? value : dflt;
}

void mk_time(const imgrel_mock *m, char ret[40])
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t s = (time_t)(now.tv_sec + m->clock_skew_s);
    size_t n = gmtime_r(&s, &tm) ? strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    snprintf(ret + n, 40 - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* The configuration's word is the last on passwords, also over a state that was loaded. */
static ir_json *put_user(struct mk_harbor *h, const char *name, const char *password, bool admin)
{
    ir_json *users = mk_part(h, "users"), *u = ir_json_get(users, name);
    if (!u) {
        u = ir_json_pack("{s:I, s:s}", "user_id", (long long)mk_next_id(h, "user"), "name", name);
        ir_json_put(users, name, u);
    }
    mk_secret_set(u, password);
    ir_json_put(u, "admin", ir_json_new_bool(admin));
    return u;
}

static ir_json *new_document(void)
{
    static const char *const parts[] = {"next",
                                        "settings",
                                        "users",
                                        "projects",
                                        "robots",
                                        "repositories",
                                        "labels",
                                        "audit",
                                        "jobs",
                                        "schedules",
                                        "immutable_rules",
                                        "webhooks",
                                        "retentions",
                                        "retention_runs",
                                        "registries",
                                        "replication_policies",
                                        "replications",
                                        "preheat_policies",
                                        "scanners",
                                        "preheat_instances",
                                        "scan_scripts",
                                        "usergroups",
                                        NULL};
    ir_json *doc = ir_json_new_object();
    for (const char *const *p = parts; *p; p++)
        ir_json_put(doc, *p, ir_json_new_object());
    return doc;
}

static void index_children(struct mk_harbor *h, const ir_json *repository)
{
    const ir_json *all = ir_json_get(repository, "artifacts");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *refs = ir_json_get(ir_json_value(it), "references");
        for (size_t i = 0; i < ir_json_len(refs); i++) {
            char *key = ir_format("%s@%s", ir_json_str(repository, "name"),
                                  ir_json_str(ir_json_at(refs, i), "child_digest"));
            if (key)
                ir_json_put(h->children, key,
                            ir_json_new_int(ir_json_int(h->children, key, 0) + 1));
            free(key);
        }
    }
}

/* The indexes beside the document, made anew. */
static void index_document(struct mk_harbor *h)
{
    ir_json **fresh[] = {&h->project_ids, &h->robot_names, &h->project_robots, &h->children};
    for (size_t i = 0; i < sizeof fresh / sizeof *fresh; i++) {
        ir_json_free(*fresh[i]);
        *fresh[i] = ir_json_new_object();
    }
    const ir_json *all = mk_part(h, "projects");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        mk_put_id(h->project_ids, ir_json_int(ir_json_value(it), "project_id", 0),
                  ir_json_ref(ir_json_value(it)));
    all = mk_part(h, "robots");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        mk_robot_index(h, ir_json_value(it));
    all = mk_part(h, "repositories");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        index_children(h, ir_json_value(it));
}

static ir_json *put_users(imgrel_mock *m, struct mk_harbor *h)
{
    const ir_json *users = ir_json_get(m->config, "users");
    ir_json *admin = put_user(h, "admin", m->admin_password, true);
    for (size_t i = 0; i < ir_json_len(users); i++) {
        const ir_json *u = ir_json_at(users, i);
        const char *name = ir_json_str(u, "name"), *password = ir_json_str(u, "password");
        if (name && password)
            put_user(h, name, password, ir_json_bool(u, "admin", false));
    }
    return admin;
}

static int read_version(imgrel_mock *m, struct mk_harbor *h, imgrel_error *err)
{
    static const int known[] = {10, 12, 15};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char text[8];
        snprintf(text, sizeof text, "2.%d", known[i]);
        if (ir_streq(m->version, text))
            h->minor = known[i];
    }
    return h->minor ? 0
                    : ir_fail(err, IMGREL_EINVAL, "mock: Harbor \"version\" %s: 2.10, 2.12 or 2.15",
                              m->version);
}

int mk_harbor_start(imgrel_mock *m, imgrel_error *err)
{
    struct mk_harbor *h = calloc(1, sizeof *h);
    if (!h)
        return ir_nomem(err);
    m->harbor = h;
    h->doc = new_document();
    h->frozen = ir_json_new_object();
    h->proved = ir_json_new_object();
    h->freeze_ms = ir_json_int(m->config, "login_freeze_ms", 1500);
    h->job_ms = ir_json_int(m->config, "job_ms", 300);
    mk_random_hex(h->key, 32);
    index_document(h);
    int rc = read_version(m, h, err);
    if (rc)
        return rc;
    const char *prefix = ir_json_str(m->config, "robot_name_prefix");
    ir_json_puts(mk_part(h, "settings"), "robot_name_prefix", prefix ? prefix : "robot$");
    ir_json_puts(mk_part(h, "settings"), "auth_mode", ir_json_str(m->config, "auth_mode"));
    ir_json *admin = put_users(m, h);
    ir_json *metadata = ir_json_pack("{s:s}", "public", "true");
    mk_project_new(m, "library", admin, metadata, -1);
    ir_json_free(metadata);
    mk_scan_start(m);
    return 0;
}

void mk_harbor_stop(imgrel_mock *m)
{
    struct mk_harbor *h = m->harbor;
    if (!h)
        return;
    m->harbor = NULL;
    ir_json_free(h->project_ids);
    ir_json_free(h->robot_names);
    ir_json_free(h->project_robots);
    ir_json_free(h->children);
    ir_json_free(h->doc);
    ir_json_free(h->frozen);
    ir_json_free(h->proved);
    ir_wipe(h->key, sizeof h->key);
    free(h);
}

ir_json *mk_harbor_state(imgrel_mock *m)
{
    return ir_json_copy(m->harbor->doc);
}

/* A state replaces everything but what the configuration says of users. */
int mk_harbor_load(imgrel_mock *m, const ir_json *state, imgrel_error *err)
{
    struct mk_harbor *h = m->harbor;
    ir_json *doc = new_document();
    for (void *it = ir_json_first(state); it; it = ir_json_next(state, it))
        if (ir_json_is_object(ir_json_value(it)))
            ir_json_put(doc, ir_json_key(it), ir_json_copy(ir_json_value(it)));
    if (!ir_json_len(ir_json_get(doc, "users")) || !ir_json_len(ir_json_get(doc, "next"))) {
        ir_json_free(doc);
        return ir_fail(err, IMGREL_EINVAL, "mock: the state holds no Harbor that was saved");
    }
    ir_json_free(h->doc);
    h->doc = doc;
    index_document(h);
    put_users(m, h);
    return 0;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const mk_route *const all_routes[] = {
    mk_project_routes,  mk_member_routes, mk_robot_routes,       mk_repository_routes,
    mk_artifact_routes, mk_misc_routes,   mk_policy_routes,      mk_retention_routes,
    mk_preheat_routes,  mk_job_routes,    mk_replication_routes, mk_scan_routes,
    mk_audit_routes,    mk_user_routes,   mk_config_routes,      mk_copy_routes,
    mk_robot_v1_routes, mk_group_routes};
#define N_ROUTES (sizeof all_routes / sizeof *all_routes)

/* What Harbor has and the mock has not, with all below it. */
static const char *const not_modelled[] = {"ldap",
                                           "schedules",
                                           "jobservice",
                                           "security",
                                           "export",
                                           "internalconfig",
                                           "scans",
                                           "icons",
                                           "projects/*/scanner",
                                           "projects/*/preheat",
                                           "projects/*/webhook",
                                           "scanners",
                                           "replication",
                                           "projects/*/repositories/*/artifacts/*/scan",
                                           NULL};

void mk_not_modelled(mk_call *c)
{
    mk_error(c->p, 501, "NOT_IMPLEMENTED", "libimgrel-mock does not model %s %s", c->r->method,
             c->r->path);
}

typedef struct segments {
    char *text, *v[24];
    size_t n;
} segments;

static bool split(segments *s, const char *path)
{
    s->text = ir_strdup(path);
    for (char *p = s->text; p && *p;) {
        if (*p == '/') {
            *p++ = '\0';
            continue;
        }
        if (s->n == sizeof s->v / sizeof *s->v)
            return false;
        s->v[s->n++] = p;
        p += strcspn(p, "/");
    }
    return s->text != NULL;
}

/* "projects/{}/repositories/{r}": fills params; {r} is decoded once more. */
static bool match(const char *pattern, const segments *s, char **param)
{
    size_t i = 0, n_params = 0;
    for (const char *p = pattern; *p; i++) {
        size_t len = strcspn(p, "/");
        if (i == s->n)
            return false;
        if (*p == '{') {
            if (param)
                param[n_params++] = p[1] == 'r' ? mk_unescape(s->v[i], false) : ir_strdup(s->v[i]);
        } else if (strlen(s->v[i]) != len || memcmp(s->v[i], p, len) != 0)
            return false;
        p += len;
        p += *p == '/';
    }
    return i == s->n;
}

static const mk_route *find_route(const segments *s, const char *method, ir_buf *allowed)
{
    for (size_t i = 0; i < N_ROUTES; i++)
        for (const mk_route *r = all_routes[i]; r->method; r++) {
            if (!match(r->pattern, s, NULL))
                continue;
            if (ir_streq(r->method, method))
                return r;
            ir_buf_addf(allowed, "%s%s", allowed->len ? "," : "", r->method);
        }
    return NULL;
}

static void no_route(mk_call *c, const ir_buf *allowed)
{
    if (allowed->len) {
        mk_error(c->p, 405, "METHOD_NOT_ALLOWED", "method %s is not allowed, but [%s] are",
                 c->r->method, ir_buf_str(allowed));
        return;
    }
    const char *path = c->r->path + strlen(BASE "/");
    for (const char *const *n = not_modelled; *n; n++)
        if (!fnmatch(*n, path, FNM_PATHNAME | FNM_LEADING_DIR)) {
            mk_not_modelled(c);
            return;
        }
    mk_error_missing(c, "path %s was not found", c->r->path);
}

/* ---- binding --------------------------------------------------------------------------------- */

static bool type_fits(const ir_json *v, char type)
{
    switch (type) {
    case 's':
        return ir_json_is_string(v);
    case 'o':
        return ir_json_is_object(v);
    case 'a':
        return ir_json_is_array(v);
    case 'b':
        return ir_json_number(v, 0) == 0 && ir_json_number(v, 1) == 1 && !ir_json_is_string(v) &&
               !ir_json_is_object(v) && !ir_json_is_array(v);
    default: /* an integer answers with itself, whatever the default */
        return ir_json_number(v, 0) == ir_json_number(v, 1);
    }
}

static bool bind_shape(mk_call *c, const mk_route *route)
{
    for (const mk_shape *s = route->shape; s && s->name; s++) {
        const ir_json *v = ir_json_path(c->body, s->name);
        if (!v || ir_json_is_null(v) || type_fits(v, s->type))
            continue;
        mk_error_binding(c,
                         "parsing %s body from \"\" failed, because json: cannot unmarshal value "
                         "into Go struct field .%s",
                         route->body, s->name);
        return false;
    }
    return true;
}

static bool bind_body(mk_call *c, const mk_route *route)
{
    const char *type = mk_header(c->r, "Content-Type");
    if (!route->body || (*route->body == '?' && !c->r->body_len))
        return true;
    const char *name = route->body + (*route->body == '?');
    if (!c->r->body_len) {
        mk_error_binding(c, "%s in body is required", name);
        return false;
    }
    if (!type || !ir_starts(type, "application/json")) {
        mk_error_binding(c, "unsupported media type \"%s\", only [application/json] are allowed",
                         type ? type : "application/octet-stream");
        return false;
    }
    imgrel_error why = {0};
    if (ir_json_parse(c->r->body, c->r->body_len, "body", &c->body, &why) ||
        !ir_json_is_object(c->body)) {
        mk_error_binding(c, "parsing %s body from \"\" failed, because %s", name,
                         why.code ? why.message : "it is no object");
        return false;
    }
    return bind_shape(c, route);
}

static bool bind_accept(mk_call *c)
{
    const char *accept = mk_header(c->r, "Accept");
    if (!accept || strstr(accept, "json") || strstr(accept, "*/*") || ir_ends(c->r->path, "/ping"))
        return true;
    mk_error_binding(c, "unsupported media type requested, only [application/json] are available");
    return false;
}

/* Everything that is no question, but for the switch itself. */
bool mk_read_only(imgrel_mock *m, const mk_request *r, mk_reply *p)
{
    if (!mk_setting_bool(m->harbor, "read_only") || ir_streq(r->method, "GET") ||
        ir_streq(r->method, "HEAD") || ir_streq(r->path, BASE "/configurations"))
        return false;
    mk_error(p, 403, "DENIED", "The system is in read only mode. Any modification is prohibited.");
    return true;
}

static void dispatch(mk_call *c)
{
    segments s = {0};
    ir_buf allowed = IR_BUF(IR_KIB);
    const mk_route *route = NULL;
    if (split(&s, c->r->path + strlen(BASE)))
        route = find_route(&s, c->r->method, &allowed);
    if (!route)
        no_route(c, &allowed);
    else {
        (void)match(route->pattern, &s, c->param);
        c->route = route;
        if (bind_accept(c) && bind_body(c, route))
            route->handle(c);
    }
    for (size_t i = 0; i < MK_PARAMS_MAX; i++)
        free(c->param[i]);
    ir_json_free(c->body);
    ir_buf_free(&allowed);
    free(s.text);
}

static void not_found_page(mk_reply *p)
{
    mk_reply_text(p, 404, "text/html; charset=utf-8",
                  "<!DOCTYPE html>\n<html><head><title>Harbor</title></head>"
                  "<body><h1>404</h1></body></html>\n");
}

static void handle(mk_request *r, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    mk_caller who = {0};
    if (!*r->path) { /* an escape is broken */
        mk_reply_text(p, 400, "text/plain; charset=utf-8", "400 Bad Request");
        return;
    }
    bool api = ir_starts(r->path, BASE "/");
    pthread_mutex_lock(&m->lock);
    if (!mk_auth_cookies(m, r, p, api) || mk_read_only(m, r, p))
        ;
    else if (ir_streq(r->path, "/api/version"))
        mk_reply_text(p, 200, "text/plain; charset=utf-8", "{\"version\":\"v2.0\"}\n");
    else if (!api)
        not_found_page(p);
    else {
        mk_auth(m, r, false, &who);
        mk_call c = {.mock = m, .h = m->harbor, .r = r, .p = p, .who = &who};
        dispatch(&c);
    }
    mk_caller_free(&who);
    pthread_mutex_unlock(&m->lock);
}

const mk_api mk_harbor_api = {.prefix = "/", .handle = handle};
