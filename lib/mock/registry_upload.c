/* registry_upload.c - uploads into the mock's own store: started, mounted, sent in one piece or in
 * many, asked for their offset, ended with a digest that must be true. What came before a
 * connection broke is kept, as distribution does. */
#include "mock/registry.h"
#include "base/fd.h"
#include "mock/tls.h"
#include "fmt/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct mk_upload {
    struct mk_upload *next;
    char id[33];
    char *name, *path;
    int fd;
    int64_t offset;
    ir_hash *hash; /* sha256 of what came so far */
    bool busy;     /* one request at a time */
} mk_upload;

/* A request that brings bytes. */
typedef struct incoming {
    mk_upload *u;
    char *digest; /* PUT, POST: to end with */
    bool post, failed;
} incoming;

#define BUSY_WAIT_MS 10
#define BUSY_WAITS 50

static void upload_free(mk_upload *u)
{
    if (!u)
        return;
    if (u->fd >= 0)
        close(u->fd);
    if (u->path)
        unlink(u->path);
    ir_hash_free(u->hash);
    free(u->name);
    free(u->path);
    free(u);
}

void mk_store_uploads_free(struct mk_registry *reg)
{
    while (reg->uploads) {
        mk_upload *u = reg->uploads;
        reg->uploads = u->next;
        upload_free(u);
    }
}

static mk_upload *upload_new(imgrel_mock *m, const char *name)
{
    struct mk_registry *reg = m->registry;
    mk_upload *u = calloc(1, sizeof *u);
    char *dir = ir_path_join(reg->dir, "uploads");
    if (!u || !dir || ir_mkdirs(dir, 0700, NULL)) {
        free(u);
        free(dir);
        return NULL;
    }
    u->fd = -1;
    mk_random_hex(u->id, 16);
    u->name = ir_strdup(name);
    u->path = ir_path_join(dir, u->id);
    if (u->path)
        u->fd = open(u->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    free(dir);
    if (!u->name || u->fd < 0 || ir_hash_new("sha256", &u->hash, NULL)) {
        upload_free(u);
        return NULL;
    }
    pthread_mutex_lock(&m->lock);
    u->next = reg->uploads;
    reg->uploads = u;
    pthread_mutex_unlock(&m->lock);
    return u;
}

static mk_upload *take_once(imgrel_mock *m, const mk_v2 *v, bool *ret_busy)
{
    pthread_mutex_lock(&m->lock);
    mk_upload *u = m->registry->uploads;
    while (u && !(ir_streq(u->id, v->ref) && ir_streq(u->name, v->name)))
        u = u->next;
    *ret_busy = u && u->busy;
    if (*ret_busy)
        u = NULL;
    if (u)
        u->busy = true;
    pthread_mutex_unlock(&m->lock);
    return u;
}

/* Takes it for one request; NULL: unknown here, or in use. A connection that broke holds it until
 * its thread has seen that: the one who asks again waits so long. */
static mk_upload *upload_take(imgrel_mock *m, const mk_v2 *v)
{
    bool busy;
    mk_upload *u = take_once(m, v, &busy);
    for (int i = 0; busy && i < BUSY_WAITS && !ir_sleep(m->cancel, BUSY_WAIT_MS, 0, NULL); i++)
        u = take_once(m, v, &busy);
    return u;
}

static void upload_give(imgrel_mock *m, mk_upload *u, bool over)
{
    pthread_mutex_lock(&m->lock);
    u->busy = false;
    if (over) {
        mk_upload **at = &m->registry->uploads;
        while (*at && *at != u)
            at = &(*at)->next;
        if (*at)
            *at = u->next;
    }
    pthread_mutex_unlock(&m->lock);
    if (over)
        upload_free(u);
}

static void tell(mk_request *r, const mk_upload *u, int status, mk_reply *p)
{
    p->status = status;
    mk_v2_location(r, p, "/v2/%s/blobs/uploads/%s?_state=%s", u->name, u->id, u->id);
    mk_reply_header(p, "Range", "0-%lld", (long long)(u->offset ? u->offset - 1 : 0));
    mk_reply_header(p, "Docker-Upload-Uuid", "%s", u->id);
}

/* The least that a piece should have, if the configuration asks for one. */
static void tell_new(mk_request *r, const mk_upload *u, mk_reply *p)
{
    int64_t least = ir_json_int(r->mock->config, "chunk_min", 0);
    tell(r, u, 202, p);
    if (least > 0)
        mk_reply_header(p, "OCI-Chunk-Min-Length", "%lld", (long long)least);
}

static void unknown(mk_reply *p)
{
    mk_v2_error(p, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
}

static void done(mk_request *r, const char *name, const char *digest, mk_reply *p)
{
    p->status = 201;
    mk_v2_location(r, p, "/v2/%s/blobs/%s", name, digest);
    mk_reply_header(p, "Docker-Content-Digest", "%s", digest);
}

/* ---- calls without bytes --------------------------------------------------------------------- */

static bool mounted(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    struct mk_registry *reg = r->mock->registry;
    char *mount = mk_query(r, "mount"), *from = mk_query(r, "from");
    bool ok = mount && from && ir_digest_valid(mount) && mk_store_linked(reg, from, mount) &&
              !mk_store_link(reg, v->name, mount);
    if (ok)
        done(r, v->name, mount, p);
    free(mount);
    free(from);
    return ok;
}

void mk_store_upload(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    mk_upload *u;
    if (v->kind == MK_V2_UPLOADS) {
        if (!ir_streq(r->method, "POST"))
            mk_v2_error(p, 405, "UNSUPPORTED", "The operation is unsupported.");
        else if (!mounted(r, v, p)) {
            u = upload_new(r->mock, v->name);
            if (u)
                tell_new(r, u, p);
            else
                mk_v2_error(p, 500, "UNKNOWN", "internal server error");
        }
        return;
    }
    u = upload_take(r->mock, v);
    bool drop = ir_streq(r->method, "DELETE");
    if (!u)
        unknown(p);
    else if (drop)
        p->status = 204;
    else if (ir_streq(r->method, "GET") || ir_streq(r->method, "HEAD"))
        tell(r, u, 204, p);
    else
        mk_v2_error(p, 405, "UNSUPPORTED", "The operation is unsupported.");
    if (u)
        upload_give(r->mock, u, drop);
}

/* ---- calls with bytes ------------------------------------------------------------------------ */

/* "Content-Range: 100-199" must begin where the last piece ended, and be as long as the body. */
static bool in_order(const mk_request *r, const mk_upload *u, bool *ret_length)
{
    unsigned long long first = 0, last = 0, len = 0;
    const char *range = mk_header(r, "Content-Range"), *dash = range ? strchr(range, '-') : NULL,
               *length = mk_header(r, "Content-Length");
    *ret_length = true;
    if (!range)
        return true;
    char *number = dash ? ir_strndup(range, (size_t)(dash - range)) : NULL;
    bool ok = number && ir_parse_u64(number, INT64_MAX, &first) && (int64_t)first == u->offset &&
              ir_parse_u64(dash + 1, INT64_MAX, &last) && last + 1 >= first;
    free(number);
    if (ok && length && ir_parse_u64(length, INT64_MAX, &len))
        *ret_length = last + 1 - first == len;
    return ok;
}

typedef struct owner {
    imgrel_mock *mock;
    incoming in;
} owner;

static void incoming_free(void *state)
{
    owner *o = state;
    if (o->in.u) /* the connection broke: what came is kept, but for a whole POST */
        upload_give(o->mock, o->in.u, o->in.post);
    free(o->in.digest);
    free(o);
}

void mk_store_begin(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    bool post = v->kind == MK_V2_UPLOADS;
    mk_upload *u = NULL;
    if (post)
        u = upload_new(r->mock, v->name);
    else
        u = upload_take(r->mock, v);
    if (!u) {
        unknown(p);
        return;
    }
    bool length = true;
    if (post)
        u->busy = true;
    else if (!in_order(r, u, &length)) {
        mk_v2_error(p, 416, "RANGE_INVALID", "invalid content range");
        tell(r, u, 416, p);
        upload_give(r->mock, u, false);
        return;
    }
    if (!length) {
        mk_v2_error(p, 400, "SIZE_INVALID", "provided length did not match content length");
        upload_give(r->mock, u, false);
        return;
    }
    owner *o = calloc(1, sizeof *o);
    if (!o) {
        upload_give(r->mock, u, post);
        mk_v2_error(p, 500, "UNKNOWN", "internal server error");
        return;
    }
    o->mock = r->mock;
    o->in = (incoming){.u = u,
                       .post = post,
                       .digest = ir_streq(r->method, "PATCH") ? NULL : mk_query(r, "digest")};
    r->state = o;
    r->state_free = incoming_free;
}

void mk_store_piece(mk_request *r, const void *data, size_t len)
{
    owner *o = r->state;
    mk_upload *u = o->in.u;
    const char *p = data;
    while (!o->in.failed && len) {
        ssize_t n = pwrite(u->fd, p, len, (off_t)u->offset);
        if (n < 0 && errno == EINTR)
            continue;
        o->in.failed = n <= 0;
        if (n <= 0)
            break;
        ir_hash_add(u->hash, p, (size_t)n);
        u->offset += n;
        p += n;
        len -= (size_t)n;
    }
}

/* sha256 was counted as it came; for another algorithm the file is read once more. */
static bool digest_is(mk_upload *u, const char *want)
{
    char have[IR_DIGEST_MAX], buf[64 * 1024];
    ir_hash *h = NULL;
    off_t at = 0;
    if (ir_streq(ir_digest_algorithm(want), "sha256")) {
        ir_hash_end(u->hash, have);
        return ir_streq(have, want);
    }
    if (ir_hash_new(ir_digest_algorithm(want), &h, NULL))
        return false;
    for (ssize_t n; (n = pread(u->fd, buf, sizeof buf, at)) > 0; at += n)
        ir_hash_add(h, buf, (size_t)n);
    ir_hash_end(h, have);
    ir_hash_free(h);
    return ir_streq(have, want);
}

static bool keep(const struct mk_registry *reg, mk_upload *u, const char *digest)
{
    char *path = mk_store_blob_path(reg, digest);
    char *dir = path ? ir_strndup(path, (size_t)(strrchr(path, '/') - path)) : NULL;
    bool ok = dir && !ir_mkdirs(dir, 0700, NULL) && !rename(u->path, path) &&
              !mk_store_link(reg, u->name, digest);
    free(dir);
    free(path);
    return ok;
}

void mk_store_finish(mk_request *r, mk_reply *p)
{
    owner *o = r->state;
    mk_upload *u = o->in.u;
    bool over = true;
    if (o->in.failed)
        mk_v2_error(p, 500, "UNKNOWN", "internal server error");
    else if (ir_streq(r->method, "PATCH")) {
        tell(r, u, 202, p);
        over = false;
    } else if (!o->in.digest || !ir_digest_valid(o->in.digest) || !digest_is(u, o->in.digest))
        mk_v2_error(p, 400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    else if (!mk_quota_blob(r->mock, u->name, o->in.digest, u->offset, p))
        ;
    else if (keep(r->mock->registry, u, o->in.digest))
        done(r, u->name, o->in.digest, p);
    else
        mk_v2_error(p, 500, "UNKNOWN", "internal server error");
    o->in.u = NULL;
    upload_give(r->mock, u, over);
}
