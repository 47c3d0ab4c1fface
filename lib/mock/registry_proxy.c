/* registry_proxy.c - a real registry behind the mock: bytes stream both ways, an upload's through a
 * small ring to a thread that sends it on; places that it names are renamed to ours. */
#include "mock/registry.h"
#include "fmt/media.h"
#include "fmt/url.h"

#include <stdlib.h>

#define RING_SIZE (256 * IR_KIB)
#define HEADERS_PASSED 6 /* of a request, at most */

static ir_call make_call(imgrel_mock *m)
{
    return (ir_call){.session = m->registry->session, .cancel = m->cancel};
}

/* The same path and query, there. */
static char *url_of(const mk_request *r)
{
    return ir_format("%s%s%s%s", r->mock->registry->url, r->raw_path, *r->query ? "?" : "",
                     r->query);
}

typedef struct passed {
    char *line[HEADERS_PASSED + 1];
} passed;

static void pass_request_headers(const mk_request *r, passed *h)
{
    static const char *const names[] = {"Content-Range", "Range", "If-None-Match",
                                        "Docker-Content-Digest"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = mk_header(r, names[i]);
        if (v)
            h->line[n++] = ir_format("%s: %s", names[i], v);
    }
}

static void passed_free(passed *h)
{
    for (size_t i = 0; i < HEADERS_PASSED; i++)
        free(h->line[i]);
}

/* Whatever host the registry thinks it is, the client came to ours. */
static void pass_location(const mk_request *r, const char *location, mk_reply *p)
{
    const char *path = strstr(location, "://");
    path = path ? strchr(path + 3, '/') : location;
    mk_v2_location(r, p, "%s", path ? path : "/");
}

static void pass_reply_headers(const mk_request *r, const ir_reply *from, mk_reply *p)
{
    static const char *const names[][2] = {
        {"content-type", "Content-Type"},
        {"docker-content-digest", "Docker-Content-Digest"},
        {"etag", "Etag"},
        {"accept-ranges", "Accept-Ranges"},
        {"content-range", "Content-Range"},
        {"range", "Range"},
        {"docker-upload-uuid", "Docker-Upload-Uuid"},
        {"cache-control", "Cache-Control"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = ir_reply_header(from, names[i][0], 0);
        if (v)
            mk_reply_header(p, names[i][1], "%s", v);
    }
    const char *location = ir_reply_header(from, "location", 0);
    if (location)
        pass_location(r, location, p);
}

static void bad_gateway(mk_reply *p, const imgrel_error *why)
{
    mk_reply_text(p, 502, "text/plain; charset=utf-8", "502 Bad Gateway\n");
    ir_buf_addf(&p->body, "%s\n", why->message);
}

/* What came back, with its body as far as there is one; of a HEAD, its length. */
static int64_t no_body(void *user, void *buf, size_t len)
{
    (void)user, (void)buf, (void)len;
    return -1;
}

static void pass_reply(mk_request *r, ir_reply *from, mk_reply *p)
{
    unsigned long long len = 0;
    const char *length = ir_reply_header(from, "content-length", 0);
    p->status = from->status;
    pass_reply_headers(r, from, p);
    ir_buf_add(&p->body, ir_buf_str(&from->body), from->body.len);
    if (ir_streq(r->method, "HEAD") && length && ir_parse_u64(length, INT64_MAX, &len) && len) {
        p->stream = no_body;
        p->stream_len = (int64_t)len;
    }
}

/* A request without a streamed body. body NULL: none. */
static bool exchange(mk_request *r, const char *url, const ir_body *body, ir_reply *ret,
                     imgrel_error *err)
{
    passed headers = {0};
    ir_call call = make_call(r->mock);
    char *accept = mk_header_all(r, "Accept");
    pass_request_headers(r, &headers);
    ir_request req = {.method = r->method,
                      .url = url,
                      .accept = accept,
                      .content_type = mk_header(r, "Content-Type"),
                      .headers = (const char *const *)headers.line,
                      .body_max = MK_BODY_MAX,
                      .flags = IR_HTTP_ONE_TRY | IR_HTTP_NO_REDIRECT | IR_HTTP_H1};
    if (body)
        req.body = *body;
    int rc = url ? ir_http_do(&call, &req, ret, err) : ir_nomem(err);
    passed_free(&headers);
    free(accept);
    return !rc;
}

static void simple(mk_request *r, const char *url, mk_reply *p)
{
    ir_reply reply = {0};
    ir_body body = {.p = r->body, .len = r->body_len};
    imgrel_error why = {0};
    if (exchange(r, url, r->body_len ? &body : NULL, &reply, &why))
        pass_reply(r, &reply, p);
    else
        bad_gateway(p, &why);
    ir_reply_free(&reply);
}

/* ---- downloads ------------------------------------------------------------------------------- */

static int64_t read_stream(void *user, void *buf, size_t len)
{
    int64_t n = ir_stream_read(user, buf, len, NULL);
    return n > 0 ? n : n == 0 ? -1 : -2;
}

static void close_stream(void *user)
{
    ir_stream_close(user);
}

static void open_blob(mk_request *r, const char *url, mk_reply *p)
{
    unsigned long long len = 0;
    passed headers = {0};
    imgrel_error why = {0};
    ir_reply reply = {0};
    ir_stream *stream = NULL;
    ir_call call = make_call(r->mock);
    pass_request_headers(r, &headers);
    ir_request req = {.url = url,
                      .headers = (const char *const *)headers.line,
                      .flags = IR_HTTP_ONE_TRY | IR_HTTP_NO_REDIRECT | IR_HTTP_H1};
    /* docker-registry's 416 promises more of a body than it sends: its status is what counts. */
    if (ir_http_open(&call, &req, &stream, &reply, &why) && reply.status < 400)
        bad_gateway(p, &why);
    else {
        const char *length = ir_reply_header(&reply, "content-length", 0);
        bool known = length && ir_parse_u64(length, INT64_MAX, &len);
        pass_reply(r, &reply, p);
        if (reply.status / 100 == 2 && !(known && !len)) { /* else the body is in the reply */
            p->stream = read_stream;
            p->stream_free = close_stream;
            p->user = stream;
            p->stream_len = known ? (int64_t)len : 0;
            stream = NULL;
        }
    }
    ir_stream_close(stream);
    ir_reply_free(&reply);
    passed_free(&headers);
}

static void blob(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    (void)v;
    char *url = url_of(r);
    if (url && ir_streq(r->method, "GET"))
        open_blob(r, url, p);
    else
        simple(r, url, p);
    free(url);
}

static void upload(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    (void)v;
    char *url = url_of(r);
    simple(r, url, p);
    free(url);
}

static bool read_path(imgrel_mock *m, const char *path, ir_buf *out)
{
    ir_reply reply = {0};
    ir_call call = make_call(m);
    char *url = path ? ir_format("%s%s", m->registry->url, path) : NULL;
    ir_request req = {.url = url,
                      .accept = IR_MT_OCI_MANIFEST ", " IR_MT_OCI_INDEX ", " IR_MT_DOCKER_MANIFEST
                                                   ", " IR_MT_DOCKER_LIST ", */*",
                      .body_max = out->max,
                      .flags = IR_HTTP_ONE_TRY | IR_HTTP_H1};
    bool ok = url && !ir_http_do(&call, &req, &reply, NULL) && reply.status == 200;
    if (ok)
        ir_buf_add(out, ir_buf_str(&reply.body), reply.body.len);
    ir_reply_free(&reply);
    free(url);
    return ok;
}

static bool read_small(imgrel_mock *m, const char *repository, const char *digest, ir_buf *out)
{
    static const char *const kinds[] = {"blobs", "manifests"};
    bool ok = false;
    for (size_t i = 0; !ok && i < 2; i++) {
        char *path = ir_format("/v2/%s/%s/%s", repository, kinds[i], digest);
        ok = read_path(m, path, out);
        free(path);
    }
    return ok;
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int send_bytes(imgrel_mock *m, const char *method, char *url, const char *type,
                      const ir_buf *raw)
{
    ir_reply reply = {0};
    ir_call call = make_call(m);
    ir_request req = {.method = method,
                      .url = url,
                      .content_type = type,
                      .flags = IR_HTTP_ONE_TRY | IR_HTTP_H1 | IR_HTTP_NO_REDIRECT};
    req.body = (ir_body){.p = raw ? ir_buf_str(raw) : "", .len = raw ? raw->len : 0};
    int status = url && !ir_http_do(&call, &req, &reply, NULL) ? reply.status : 0;
    ir_reply_free(&reply);
    free(url);
    return status;
}

static bool mount(imgrel_mock *m, const char *from, const char *to, const ir_json *descriptor)
{
    const char *digest = ir_json_str(descriptor, "digest");
    return digest && send_bytes(m, "POST",
                                ir_format("%s/v2/%s/blobs/uploads/?mount=%s&from=%s",
                                          m->registry->url, to, digest, from),
                                NULL, NULL) == 201;
}

static bool copy(imgrel_mock *m, const char *from, const char *to, const char *digest,
                 const char *media_type, const ir_json *manifest, const ir_buf *raw)
{
    const ir_json *config = ir_json_get(manifest, "config"),
                  *layers = ir_json_get(manifest, "layers");
    bool ok = !config || mount(m, from, to, config);
    for (size_t i = 0; ok && i < ir_json_len(layers); i++)
        ok = mount(m, from, to, ir_json_at(layers, i));
    return ok &&
           send_bytes(m, "PUT", ir_format("%s/v2/%s/manifests/%s", m->registry->url, to, digest),
                      media_type, raw) == 201;
}

static void manifest_get(mk_request *r, const mk_v2 *v, const char *digest, const char *media_type,
                         mk_reply *p)
{
    (void)media_type;
    char *url = ir_format("%s/v2/%s/manifests/%s", r->mock->registry->url, v->name, digest);
    simple(r, url, p);
    free(url);
}

/* The backend's own words if it refuses; its success is told by the front. */
static bool manifest_put(mk_request *r, const mk_v2 *v, const char *digest, const ir_json *manifest,
                         mk_reply *p)
{
    (void)v, (void)digest, (void)manifest;
    ir_reply reply = {0};
    imgrel_error why = {0};
    ir_body body = {.p = r->body, .len = r->body_len};
    char *url = url_of(r);
    bool sent = exchange(r, url, &body, &reply, &why), ok = sent && reply.status == 201;
    if (!sent)
        bad_gateway(p, &why);
    else if (!ok)
        pass_reply(r, &reply, p);
    ir_reply_free(&reply);
    free(url);
    return ok;
}

/* ---- uploads --------------------------------------------------------------------------------- */

/* The client's bytes on their way: the connection's thread puts them in, the sender takes them. */
typedef struct pipe_state {
    imgrel_mock *mock;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    char *ring;
    size_t head, used;
    bool ended, broken, sender_done, joined, ok;
    char *method, *url, *type;
    passed headers;
    int64_t size;
    ir_reply reply;
    imgrel_error why;
} pipe_state;

static int64_t take_bytes(void *user, void *buf, size_t len, imgrel_error *err)
{
    pipe_state *s = user;
    pthread_mutex_lock(&s->lock);
    while (!s->used && !s->ended && !s->broken)
        pthread_cond_wait(&s->moved, &s->lock);
    if (s->broken && !s->used) {
        pthread_mutex_unlock(&s->lock);
        return ir_fail(err, IMGREL_ENET, "the client is gone");
    }
    size_t n = s->used < len ? s->used : len;
    if (n > RING_SIZE - s->head)
        n = RING_SIZE - s->head;
    memcpy(buf, s->ring + s->head, n);
    s->head = (s->head + n) % RING_SIZE;
    s->used -= n;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return (int64_t)n;
}

static void *run_sender(void *arg)
{
    pipe_state *s = arg;
    ir_call call = make_call(s->mock);
    ir_request req = {.method = s->method,
                      .url = s->url,
                      .content_type = s->type,
                      .headers = (const char *const *)s->headers.line,
                      .body = {.read = take_bytes, .user = s, .size = s->size},
                      .body_max = MK_BODY_MAX,
                      .flags =
                          IR_HTTP_ONE_TRY | IR_HTTP_NO_REDIRECT | IR_HTTP_H1 | IR_HTTP_NO_STALL};
    s->ok = !ir_http_do(&call, &req, &s->reply, &s->why);
    pthread_mutex_lock(&s->lock);
    s->sender_done = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void end_pipe(pipe_state *s, bool broken)
{
    pthread_mutex_lock(&s->lock);
    s->ended = !broken;
    s->broken = broken;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    if (!s->joined)
        pthread_join(s->thread, NULL);
    s->joined = true;
}

static void pipe_free(void *state)
{
    pipe_state *s = state;
    end_pipe(s, true);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
    ir_reply_free(&s->reply);
    passed_free(&s->headers);
    free(s->ring);
    free(s->method);
    free(s->url);
    free(s->type);
    free(s);
}

static void begin(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    unsigned long long size = 0;
    const char *length = mk_header(r, "Content-Length"), *type = mk_header(r, "Content-Type");
    (void)v;
    pipe_state *s = calloc(1, sizeof *s);
    if (!s) {
        p->status = 500;
        return;
    }
    s->mock = r->mock;
    s->ring = malloc(RING_SIZE);
    s->method = ir_strdup(r->method);
    s->url = url_of(r);
    s->type = ir_strdup(type ? type : "application/octet-stream");
    s->size = length && ir_parse_u64(length, INT64_MAX, &size) ? (int64_t)size : -1;
    pass_request_headers(r, &s->headers);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
    s->joined = !s->ring || !s->method || !s->url || !s->type ||
                pthread_create(&s->thread, NULL, run_sender, s);
    if (s->joined) {
        pipe_free(s);
        p->status = 500;
        return;
    }
    r->state = s;
    r->state_free = pipe_free;
}

static void piece(mk_request *r, const void *data, size_t len)
{
    pipe_state *s = r->state;
    const char *p = data;
    pthread_mutex_lock(&s->lock);
    while (len && !s->sender_done) {
        if (s->used == RING_SIZE) {
            pthread_cond_wait(&s->moved, &s->lock);
            continue;
        }
        size_t at = (s->head + s->used) % RING_SIZE, n = RING_SIZE - s->used;
        n = n < len ? n : len;
        n = n < RING_SIZE - at ? n : RING_SIZE - at;
        memcpy(s->ring + at, p, n);
        s->used += n;
        p += n;
        len -= n;
        pthread_cond_broadcast(&s->moved);
    }
    pthread_mutex_unlock(&s->lock);
}

static void finish(mk_request *r, mk_reply *p)
{
    pipe_state *s = r->state;
    end_pipe(s, false);
    if (s->ok)
        pass_reply(r, &s->reply, p);
    else
        bad_gateway(p, &s->why);
}

const mk_backend mk_proxy_backend = {
    .blob = blob,
    .upload = upload,
    .begin = begin,
    .piece = piece,
    .finish = finish,
    .manifest_get = manifest_get,
    .manifest_put = manifest_put,
    .read = read_small,
    .copy = copy,
};
