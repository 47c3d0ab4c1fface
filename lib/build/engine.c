/* engine.c - builds by the Engine's API over its socket: the context goes as a tar, progress and
 * failures come as JSON in an answer that says 200 whatever happened, and the image is taken as an
 * archive, so that every registry gets the same bytes (a push by the Engine compresses anew for
 * each). */
#include "build/engine.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/url.h"
#include "net/creds.h"
#include "net/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES IR_MIB
#define USUAL_SOCKET "/var/run/docker.sock"

typedef struct engine {
    ir_job *job;
    char *socket, *name, *archive;
    ir_buf line; /* of an answer */
    int fd;      /* of the context, or of the archive */
    const char *path;
} engine;

/* ---- requests ---------------------------------------------------------------------------------
 */

static int socket_of(const char *builder, char **ret, imgrel_error *err)
{
    const char *env = getenv("DOCKER_HOST"), *at = builder ? builder : env && *env ? env : NULL;
    if (at && !ir_starts(at, "unix://")) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%.200s: the Engine's API is spoken over its socket only",
                at);
        return ir_cure(err, "name it as unix:///var/run/docker.sock, or use --driver buildkit");
    }
    *ret = ir_strdup(at ? at + 7 : USUAL_SOCKET);
    return *ret ? 0 : ir_nomem(err);
}

static int ask(const ir_call *call, const char *socket, ir_request *req, ir_reply *reply,
               imgrel_error *err)
{
    static const ir_tls no_proxy = {.proxy = ""};
    req->socket = socket;
    req->tls = &no_proxy;
    req->flags |= IR_HTTP_ONE_TRY | IR_HTTP_NO_STALL | IR_HTTP_H1 | IR_HTTP_NO_REDIRECT;
    req->what = socket;
    if (access(socket, F_OK)) {
        ir_fail(err, IMGREL_ENET, "%s: there is no such socket", socket);
        return ir_cure(err, "is Docker running? its socket: --builder unix://PATH");
    }
    if (access(socket, W_OK)) {
        ir_fail(err, IMGREL_EDENIED, "%s: this user may not use it", socket);
        return ir_cure(err, "be in the group docker, or build rootless with BuildKit");
    }
    return ir_http_do(call, req, reply, err);
}

/* The message of an answer that is no success. */
static int refused(const engine *g, const ir_reply *reply, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    imgrel_error ignored = {0};
    const char *text = NULL;
    if (!ir_json_parse(ir_buf_str(&reply->body), reply->body.len, "answer", &j, &ignored))
        text = ir_json_str(j, "message");
    return ir_build_explain(g->job, "docker", reply->status, text ? text : ir_buf_str(&reply->body),
                            err);
}

/* ---- what a build says ------------------------------------------------------------------------
 */

static int tell(engine *g, uint32_t kind, const char *what, const char *detail, uint64_t done,
                uint64_t total, imgrel_error *err)
{
    return ir_job_tell(g->job, &(ir_build_event){kind, what, detail, done, total}, err);
}

static int begin_step(engine *g, const char *line, imgrel_error *err)
{
    ir_rawjson *p = &g->job->progress;
    int rc = p->failed[0] ? tell(g, IMGREL_EVENT_STEP, p->failed, "done", 0, 0, err) : 0;
    p->n_done++;
    snprintf(p->failed, sizeof p->failed, "%s", line);
    p->last_log[0] = '\0';
    return rc ? rc : tell(g, IMGREL_EVENT_STEP, p->failed, "began", 0, 0, err);
}

static int on_text(engine *g, const char *text, imgrel_error *err)
{
    ir_rawjson *p = &g->job->progress;
    int rc = 0;
    while (!rc && *text) {
        size_t n = strcspn(text, "\n");
        char *line = ir_strndup(text, n);
        if (!line)
            return ir_nomem(err);
        ir_one_line(line);
        bool step = ir_starts(line, "Step ") || ir_starts(line, "STEP ");
        p->n_cached += strstr(line, "Using cache") != NULL;
        if (!step && *line && !ir_starts(line, "Removing intermediate") &&
            !ir_starts(line, " ---> "))
            snprintf(p->last_log, sizeof p->last_log, "%s", line);
        rc = step ? begin_step(g, line, err)
             : *line
                 ? tell(g, IMGREL_EVENT_LOG, p->failed[0] ? p->failed : "builder", line, 0, 0, err)
                 : 0;
        free(line);
        text += n + (text[n] == '\n');
    }
    return rc;
}

static int on_status(engine *g, const ir_json *j, imgrel_error *err)
{
    const ir_json *d = ir_json_get(j, "progressDetail");
    int64_t done = ir_json_int(d, "current", 0), total = ir_json_int(d, "total", 0);
    const char *id = ir_json_str(j, "id"), *status = ir_json_str(j, "status");
    if (!id || !status || done <= 0 || total < 0 || strchr(id, '\n') || strchr(status, '\n'))
        return 0;
    return tell(g, IMGREL_EVENT_BYTES, id, status, (uint64_t)done, (uint64_t)total, err);
}

static int on_line(engine *g, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    imgrel_error ignored = {0};
    ir_rawjson *p = &g->job->progress;
    int rc = 0;
    if (ir_json_parse(ir_buf_str(&g->line), g->line.len, "progress", &j, &ignored))
        return 0;
    const char *failed = ir_json_path(j, "errorDetail.message")
                             ? ir_json_str(ir_json_get(j, "errorDetail"), "message")
                             : ir_json_str(j, "error");
    if (failed) {
        snprintf(p->error, sizeof p->error, "%s", failed);
        ir_one_line(p->error);
    } else if (ir_json_str(j, "stream")) {
        rc = on_text(g, ir_json_str(j, "stream"), err);
    } else if (ir_json_str(j, "status")) {
        rc = on_status(g, j, err);
    }
    return rc;
}

static int on_bytes(void *user, const void *data, size_t len, imgrel_error *err)
{
    engine *g = user;
    const char *p = data;
    int rc = 0;
    for (size_t i = 0; !rc && i < len; i++) {
        if (p[i] != '\n' && g->line.len < LINE_MAX_BYTES - 1) {
            ir_buf_addc(&g->line, p[i]);
        } else if (p[i] == '\n') {
            rc = on_line(g, err);
            ir_buf_clear(&g->line);
        }
    }
    return rc ? rc : g->line.bad == IMGREL_ENOMEM ? ir_nomem(err) : 0;
}

/* ---- the build ----------------------------------------------------------------------------------
 */

static int64_t read_context(void *user, void *buf, size_t len, imgrel_error *err)
{
    const engine *g = user;
    ssize_t n = read(g->fd, buf, len);
    return n < 0 ? ir_fail_errno(err, errno, "%s", g->path) : n;
}

/* {HOST: {"username", "password"}}, base64: who logs in for the bases. */
static int auth_header(const ir_job *job, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) all = ir_json_new_object();
    IR_AUTO(ir_buf) text = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(2 * IR_AUTH_FILE_MAX);
    int rc = all ? 0 : ir_nomem(err);
    for (size_t i = 0; !rc && i < job->n_places; i++) {
        IR_AUTO(ir_creds) c = {0};
        const ir_ref *r = &job->places[i].ref;
        rc = ir_creds_find(job->call, r->host, r->repository, &c, err);
        if (!rc && c.user && c.secret &&
            ir_json_put(all, r->host,
                        ir_json_pack("{s:s, s:s}", "username", c.user, "password", c.secret)))
            rc = ir_nomem(err);
    }
    if (!rc)
        rc = ir_json_dump(all, IR_JSON_COMPACT, &text, err);
    ir_buf_adds(&out, "X-Registry-Config: ");
    ir_base64url_add(&out, ir_buf_str(&text), text.len);
    while (!rc && (out.len - strlen("X-Registry-Config: ")) % 4)
        ir_buf_addc(&out, '='); /* Go's decoder wants it padded */
    if (!rc && !(*ret = ir_buf_take(&out)))
        rc = ir_nomem(err);
    return rc;
}

/* Arguments as the API takes them: null is looked up here. */
static int add_map(ir_buf *url, const char *key, const ir_json *map, imgrel_error *err)
{
    IR_AUTO(ir_json_p) all = ir_json_new_object();
    IR_AUTO(ir_buf) text = IR_BUF(IR_MIB);
    int rc = all ? 0 : ir_nomem(err);
    for (void *it = ir_json_first(map); !rc && it; it = ir_json_next(map, it)) {
        const char *value = ir_json_text(ir_json_value(it));
        if (ir_json_puts(all, ir_json_key(it), value ? value : getenv(ir_json_key(it))))
            rc = ir_nomem(err);
    }
    if (!rc)
        rc = ir_json_dump(all, IR_JSON_COMPACT, &text, err);
    if (!rc && ir_json_len(all))
        ir_url_add_query(url, key, ir_buf_str(&text));
    return rc;
}

static int build_url(const engine *g, const char *dockerfile, ir_buf *url, imgrel_error *err)
{
    const ir_build_spec *s = g->job->spec;
    ir_buf_adds(url, "http://docker/build");
    ir_url_add_query(url, "t", g->name);
    ir_url_add_query(url, "dockerfile", dockerfile);
    ir_url_add_query(url, "rm", "1");
    ir_url_add_query(url, "forcerm", "1");
    if (s->no_cache)
        ir_url_add_query(url, "nocache", "1");
    if (s->pull)
        ir_url_add_query(url, "pull", "1");
    if (s->target)
        ir_url_add_query(url, "target", s->target);
    if (s->platform_list)
        ir_url_add_query(url, "platform", s->platform_list);
    int rc = add_map(url, "buildargs", s->args, err);
    if (!rc)
        rc = add_map(url, "labels", s->labels, err);
    return rc ? rc : ir_buf_check(url, err, "the build's address");
}

static int send_build(engine *g, const char *dockerfile, int64_t size, imgrel_error *err)
{
    IR_AUTO(ir_buf) url = IR_BUF(4 * IR_MIB);
    IR_AUTO(ir_reply) reply = {0};
    char *auth = NULL;
    const ir_sink sink = {on_bytes, g};
    int rc = build_url(g, dockerfile, &url, err);
    if (!rc)
        rc = auth_header(g->job, &auth, err);
    ir_request req = {.method = "POST",
                      .url = ir_buf_str(&url),
                      .content_type = "application/x-tar",
                      .headers = (const char *const[]){auth, NULL},
                      .body = {.read = read_context, .user = g, .size = size},
                      .sink = &sink};
    if (!rc)
        rc = ask(g->job->call, g->socket, &req, &reply, err);
    if (!rc && reply.status / 100 != 2)
        rc = refused(g, &reply, err);
    if (!rc && g->line.len)
        rc = on_line(g, err);
    if (!rc && g->job->progress.error[0])
        rc = ir_build_explain(g->job, "docker", 0, g->job->progress.error, err);
    ir_free_secret(auth);
    return rc;
}

static int build(engine *g, imgrel_error *err)
{
    char *path = ir_desk_path(g->job, "context.tar"), *dockerfile = NULL;
    struct stat st = {0};
    int rc = path ? ir_context_pack(g->job, path, &dockerfile, err) : ir_nomem(err);
    g->path = path;
    if (!rc && ((g->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(g->fd, &st)))
        rc = ir_fail_errno(err, errno, "%s", path);
    if (!rc)
        rc = send_build(g, dockerfile, st.st_size, err);
    if (!rc && g->job->progress.failed[0])
        rc = tell(g, IMGREL_EVENT_STEP, g->job->progress.failed, "done", 0, 0, err);
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
    free(path);
    free(dockerfile);
    return rc;
}

/* ---- taking it away -----------------------------------------------------------------------------
 */

static int write_archive(void *user, const void *p, size_t len, imgrel_error *err)
{
    const engine *g = user;
    return ir_fd_write(g->fd, g->path, p, len, err);
}

static int take(engine *g, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    const ir_sink sink = {write_archive, g};
    char *url = ir_format("http://docker/images/%s/get", g->name), *name = NULL;
    ir_request req = {.url = url, .sink = &sink};
    int rc = url ? 0 : ir_nomem(err);
    g->path = g->archive;
    if (!rc && (g->fd = open(g->archive, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        rc = ir_fail_errno(err, errno, "%s", g->archive);
    if (!rc)
        rc = ask(g->job->call, g->socket, &req, &reply, err);
    if (!rc && reply.status / 100 != 2)
        rc = refused(g, &reply, err);
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
    if (!rc && !(name = ir_format("docker-archive:%s", g->archive)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_ref_parse(name, &g->job->ret->image, err);
    free(url);
    free(name);
    return rc;
}

/* The name goes, however it ended; what is cached under it stays. */
static void remove_name(const engine *g)
{
    IR_AUTO(ir_reply) reply = {0};
    imgrel_error none = {0};
    ir_call call = *g->job->call;
    char *url = ir_format("http://docker/images/%s?noprune=1", g->name);
    ir_request req = {.method = "DELETE", .url = url};
    call.cancel = NULL;
    call.deadline_ms = ir_now_ms() + 10000;
    call.progress = NULL;
    if (url && ask(&call, g->socket, &req, &reply, &none))
        ir_error_clear(&none);
    free(url);
}

static int unsupported(const ir_job *job, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    bool many = s->platform_list && strchr(s->platform_list, ',');
    const char *what = many                                             ? "several platforms"
                       : ir_json_len(s->secrets) || ir_json_len(s->ssh) ? "secrets and ssh"
                       : ir_json_len(s->cache_to) || ir_json_len(s->cache_from) ? "caches elsewhere"
                       : ir_json_len(s->contexts)                               ? "named contexts"
                       : ir_json_len(s->annotations)                            ? "annotations"
                       : s->epoch ? "a time that is given"
                       : s->sbom || (s->provenance && strcmp(s->provenance, "off"))
                           ? "provenance and SBOM"
                       : s->push && !strcmp(s->push, "builder") ? "a push by the builder"
                                                                : NULL;
    if (!what)
        return 0;
    ir_fail(err, IMGREL_EUNSUPPORTED, "docker: its Engine does not do %s by its API", what);
    return ir_cure(err, "name a builder of docker buildx by --builder, or use --driver buildkit");
}

int ir_engine_build(ir_job *job, imgrel_error *err)
{
    engine g = {.job = job, .fd = -1, .line = IR_BUF(LINE_MAX_BYTES)};
    int rc = unsupported(job, err);
    if (!rc)
        rc = socket_of(job->spec->builder, &g.socket, err);
    if (!rc && (!(g.archive = ir_desk_path(job, "image.tar")) ||
                !(g.name = ir_format("localhost/imgrel-build:%ld-%s", (long)getpid(),
                                     strrchr(job->dir, '-') + 1)) ||
                !(job->ret->builder = ir_format("unix://%s", g.socket))))
        rc = ir_nomem(err);
    if (!rc) {
        rc = build(&g, err);
        if (!rc)
            rc = take(&g, err);
        remove_name(&g);
    }
    ir_buf_free(&g.line);
    free(g.socket);
    free(g.archive);
    free(g.name);
    return rc;
}

int ir_engine_probe(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    IR_AUTO(ir_json_p) j = NULL;
    imgrel_error why = {0};
    char *socket = NULL;
    ir_call brief = *call;
    ir_request req = {.url = "http://docker/version", .body_max = IR_MIB};
    brief.deadline_ms = ir_now_ms() + 5000;
    int rc = socket_of(builder, &socket, &why);
    if (!rc)
        rc = ask(&brief, socket, &req, &reply, &why);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&reply.body), reply.body.len, "version", &j, &why);
    char *address = socket ? ir_format("unix://%s", socket) : NULL;
    int bad = ir_json_put(row, "available", ir_json_new_bool(rc == 0)) |
              ir_json_puts(row, "builder", rc ? NULL : address) |
              ir_json_puts(row, "version", ir_json_str(j, "Version")) |
              ir_json_puts(row, "why", rc ? why.message : NULL) |
              ir_json_puts(row, "cure", rc ? why.cure : NULL);
    free(socket);
    free(address);
    return bad ? ir_nomem(err) : ir_call_check(call, err);
}
