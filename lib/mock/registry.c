/* registry.c - /v2/ as Harbor stands before its registry: what a path names, who may (401 for all
 * that is not allowed, with the challenges that Harbor gives), and which part answers. */
#include "mock/registry.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- paths ----------------------------------------------------------------------------------- */

static void v2_free(mk_v2 *v)
{
    free(v->name);
    free(v->ref);
    free(v->who);
    *v = (mk_v2){0};
}

static bool set_parts(mk_v2 *v, enum mk_v2_kind kind, const char *from, const char *to,
                      const char *ref)
{
    v->kind = kind;
    v->name = ir_strndup(from, (size_t)(to - from));
    v->ref = ir_strdup(ref);
    return v->name && v->ref && *v->name;
}

/* Names hold slashes: the fixed words are looked for from the end. */
static bool parse_path(const char *path, mk_v2 *v)
{
    const char *rest = path + strlen("/v2/"), *last = strrchr(rest, '/');
    *v = (mk_v2){0};
    if (!*rest)
        v->kind = MK_V2_BASE;
    else if (ir_streq(rest, "_catalog"))
        v->kind = MK_V2_CATALOG;
    if (v->kind || !last)
        return v->kind != MK_V2_NONE;
    size_t head = (size_t)(last - rest);
    static const struct {
        const char *word;
        enum mk_v2_kind kind;
    } words[] = {{"/manifests", MK_V2_MANIFEST},
                 {"/blobs/uploads", MK_V2_UPLOAD},
                 {"/blobs", MK_V2_BLOB},
                 {"/referrers", MK_V2_REFERRERS},
                 {"/tags", MK_V2_TAGS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i].word);
        if (head <= len || memcmp(last - len, words[i].word, len) != 0)
            continue;
        enum mk_v2_kind kind = words[i].kind;
        if (kind == MK_V2_UPLOAD && !last[1])
            kind = MK_V2_UPLOADS;
        else if (!last[1] || (kind == MK_V2_TAGS && !ir_streq(last + 1, "list")))
            return false;
        return set_parts(v, kind, rest, last - len, last + 1);
    }
    return false;
}

/* ---- errors and places ----------------------------------------------------------------------- */

void mk_v2_error(mk_reply *p, int status, const char *code, const char *message)
{
    mk_error(p, status, code, "%s", message);
}

/* The host is the request's own; the scheme is that of the configured address. */
char *mk_v2_origin(const mk_request *r)
{
    const char *host = mk_header(r, "Host"), *url = r->mock->url;
    size_t scheme = (size_t)(strstr(url, "://") - url);
    return ir_format("%.*s://%s", (int)scheme, url, host ? host : r->mock->host);
}

void mk_v2_location(const mk_request *r, mk_reply *p, const char *fmt, ...)
{
    va_list ap;
    char *origin = mk_v2_origin(r);
    ir_buf b = IR_BUF(IR_URL_MAX);
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    mk_reply_header(p, "Location", "%s%s", origin ? origin : "", ir_buf_str(&b));
    ir_buf_free(&b);
    free(origin);
}

/* ---- rights ---------------------------------------------------------------------------------- */

typedef struct need {
    const char *repository, *action;
} need;

static const char *action_of(const char *method)
{
    if (ir_streq(method, "GET") || ir_streq(method, "HEAD"))
        return "pull";
    return ir_streq(method, "DELETE") ? "delete" : "push";
}

static void refuse(mk_request *r, mk_reply *p, const mk_caller *who, const need *needs, size_t n,
                   const char *message)
{
    char *origin = mk_v2_origin(r);
    mk_reply_header(p, "Docker-Distribution-Api-Version", "registry/2.0");
    if (who->tried)
        mk_reply_header(p, "Www-Authenticate", "Basic realm=\"harbor\"");
    else {
        ir_buf scope = IR_BUF(IR_URL_MAX);
        for (size_t i = 0; i < n; i++)
            ir_buf_addf(&scope, "%s%s:%s:%s", i ? " " : ",scope=\"", "repository",
                        needs[i].repository,
                        ir_streq(needs[i].action, "push") ? "pull,push" : needs[i].action);
        mk_reply_header(p, "Www-Authenticate",
                        "Bearer realm=\"%s/service/token\",service=\"harbor-registry\"%s%s",
                        origin ? origin : "", ir_buf_str(&scope), n ? "\"" : "");
        ir_buf_free(&scope);
    }
    mk_v2_error(p, 401, "UNAUTHORIZED", message);
    free(origin);
}

/* A project that is not there is refused like one that is closed, with a header that says nothing,
 * to the administrator too. */
static bool allow_one(mk_request *r, mk_reply *p, const mk_caller *who, const need *needs, size_t n,
                      size_t i)
{
    imgrel_mock *m = r->mock;
    char message[512];
    char *name = ir_strndup(needs[i].repository, strcspn(needs[i].repository, "/"));
    const ir_json *project = name ? mk_project_find(m->harbor, name) : NULL;
    bool ok = project && mk_can(m, who, project, "repository", needs[i].action);
    if (!project) {
        mk_reply_header(p, "Docker-Distribution-Api-Version", "registry/2.0");
        mk_reply_header(p, "Www-Authenticate", "%s", "");
        snprintf(message, sizeof message, "project %s not found", name ? name : "");
        mk_v2_error(p, 401, "UNAUTHORIZED", message);
    } else if (!ok) {
        snprintf(message, sizeof message, "unauthorized to access repository: %s, action: %s",
                 needs[i].repository, needs[i].action);
        refuse(r, p, who, needs, n, message);
    }
    free(name);
    return ok;
}

/* A project that caches another registry takes nothing from outside. */
static bool is_cache(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    const ir_json *project = mk_project_of(r->mock->harbor, v->name);
    if (!ir_json_get(project, "registry_id") || !ir_streq(action_of(r->method), "push"))
        return false;
    mk_error(p, 403, "DENIED", "can not push artifact to a proxy project: %s",
             ir_json_str(project, "name"));
    return true;
}

static bool allow_repository(mk_request *r, const mk_v2 *v, mk_reply *p, const mk_caller *who)
{
    need needs[2] = {{v->name, action_of(r->method)}, {NULL, "pull"}};
    size_t n = 1;
    /* Docker's command line wants a challenge to its HEAD, public project or not. */
    if (ir_streq(r->method, "HEAD") && !who->tried) {
        refuse(r, p, who, needs, n, "authorize header needed to send HEAD to repository");
        return false;
    }
    char *from = NULL, *mount = NULL;
    if (v->kind == MK_V2_UPLOADS && ir_streq(r->method, "POST")) {
        from = mk_query(r, "from");
        mount = mk_query(r, "mount");
    }
    if (from && mount && *from && *mount)
        needs[n++].repository = from;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = allow_one(r, p, who, needs, n, i);
    free(from);
    free(mount);
    return ok && !is_cache(r, v, p) && !mk_read_only(r->mock, r, p);
}

static bool allow(mk_request *r, mk_v2 *v, mk_reply *p)
{
    mk_caller who = {0};
    bool ok = false;
    imgrel_mock *m = r->mock;
    pthread_mutex_lock(&m->lock);
    (void)mk_auth_cookies(m, r, p, false);
    if (v->name && !strchr(v->name, '/'))
        mk_v2_error(p, 400, "BAD_REQUEST", "invalid repository name: no project in it");
    else {
        mk_auth(m, r, true, &who);
        if (v->kind == MK_V2_BASE) {
            ok = who.kind != MK_ANONYMOUS;
            if (!ok)
                refuse(r, p, &who, NULL, 0, "unauthorized");
        } else if (v->kind == MK_V2_CATALOG) {
            ok = mk_can(m, &who, NULL, "catalog", "read");
            who.tried = true; /* the catalog asks for Basic in any case */
            if (!ok)
                refuse(r, p, &who, NULL, 0, "unauthorized to list catalog");
        } else
            ok = allow_repository(r, v, p, &who);
    }
    v->who = ir_strdup(who.name);
    mk_caller_free(&who);
    pthread_mutex_unlock(&m->lock);
    if (ok)
        mk_reply_header(p, "Docker-Distribution-Api-Version", "registry/2.0");
    return ok;
}

/* ---- the API --------------------------------------------------------------------------------- */

static void not_found(mk_reply *p)
{
    mk_reply_text(p, 404, "text/plain; charset=utf-8", "404 page not found\n");
}

static void answer(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    const mk_backend *backend = r->mock->registry->backend;
    bool read = ir_streq(r->method, "GET") || ir_streq(r->method, "HEAD");
    switch (v->kind) {
    case MK_V2_BASE:
        mk_reply_json(p, 200, ir_json_new_object());
        break;
    case MK_V2_CATALOG:
        mk_catalog(r, p);
        break;
    case MK_V2_TAGS:
        mk_tags_list(r, v, p);
        break;
    case MK_V2_REFERRERS:
        if (ir_json_bool(r->mock->config, "referrers", true))
            mk_referrers(r, v, p);
        else
            not_found(p);
        break;
    case MK_V2_MANIFEST:
        mk_manifest(r, v, p);
        break;
    case MK_V2_BLOB:
        if (read || ir_streq(r->method, "DELETE"))
            backend->blob(r, v, p);
        else
            mk_v2_error(p, 405, "UNSUPPORTED", "The operation is unsupported.");
        break;
    default:
        backend->upload(r, v, p);
    }
}

static void handle(mk_request *r, mk_reply *p)
{
    mk_v2 v;
    if (r->state) {
        r->mock->registry->backend->finish(r, p);
        return;
    }
    if (!parse_path(r->path, &v))
        not_found(p);
    else if (allow(r, &v, p))
        answer(r, &v, p);
    v2_free(&v);
}

static bool streams(const mk_request *r, const mk_v2 *v)
{
    if (v->kind == MK_V2_UPLOAD)
        return ir_streq(r->method, "PATCH") || ir_streq(r->method, "PUT");
    if (v->kind != MK_V2_UPLOADS || !ir_streq(r->method, "POST"))
        return false;
    char *digest = mk_query(r, "digest"), *mount = mk_query(r, "mount");
    bool whole = digest && !mount;
    free(digest);
    free(mount);
    return whole;
}

static void begin(mk_request *r, mk_reply *p)
{
    mk_v2 v;
    if (parse_path(r->path, &v) && streams(r, &v) && allow(r, &v, p))
        r->mock->registry->backend->begin(r, &v, p);
    v2_free(&v);
}

static void piece(mk_request *r, const void *data, size_t len)
{
    r->mock->registry->backend->piece(r, data, len);
}

const mk_api mk_registry_api = {.prefix = "/v2/", .handle = handle, .begin = begin, .piece = piece};

/* ---- start and stop -------------------------------------------------------------------------- */

int mk_registry_session(struct mk_registry *reg, imgrel_error *err)
{
    ir_conf conf = {
        .connect_timeout_ms = 10000, .stall_timeout_ms = 60000, .jobs = 1, .http2 = false};
    ir_log log = {0};
    conf.proxy = ir_strdup("");
    return ir_session_new(&conf, &log, &reg->session, err);
}

static int start_proxy(struct mk_registry *reg, const char *url, imgrel_error *err)
{
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    reg->backend = &mk_proxy_backend;
    reg->url = ir_strndup(url, len);
    return reg->url ? mk_registry_session(reg, err) : ir_nomem(err);
}

int mk_registry_start(imgrel_mock *m, imgrel_error *err)
{
    const char *url = ir_json_str(m->config, "registry"),
               *dir = ir_json_str(m->config, "registry_dir");
    struct mk_registry *reg = calloc(1, sizeof *reg);
    if (!reg)
        return ir_nomem(err);
    m->registry = reg;
    if (url)
        return start_proxy(reg, url, err);
    reg->backend = &mk_store_backend;
    reg->dir = dir ? ir_strdup(dir) : ir_path_join(m->dir, "registry");
    return reg->dir ? ir_mkdirs(reg->dir, 0700, err) : ir_nomem(err);
}

void mk_registry_stop(imgrel_mock *m)
{
    struct mk_registry *reg = m->registry;
    if (!reg)
        return;
    m->registry = NULL;
    mk_store_uploads_free(reg);
    ir_session_free(reg->session);
    free(reg->dir);
    free(reg->url);
    free(reg);
}
