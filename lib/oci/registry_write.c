/* registry_write.c - a blob whose digest is known only at its end. Small ones are kept until then
 * and sent like any other, so that what the registry has is not sent at all; of large ones every
 * chunk goes out by PATCH. One that broke is continued where the registry says that it stands. */
#include "oci/registry.h"
#include "base/limits.h"

#include <stdlib.h>

#define CHUNK (8 * IR_MIB)
#define CHUNK_MAX (64 * IR_MIB)

typedef struct net_writer {
    ir_writer base;
    ir_registry *r;
    ir_call call;
    ir_buf chunk;
    size_t chunk_size;
    char *location; /* NULL: nothing was sent yet */
    int64_t sent;
} net_writer;

/* The rest of the chunk as a source: bytes at hand would be sent again by curl on its own when a
 * kept connection breaks, over those that arrived. */
typedef struct piece {
    const char *p;
    size_t len, at;
} piece;

static int64_t piece_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    piece *c = user;
    (void)err;
    if (len > c->len - c->at)
        len = c->len - c->at;
    memcpy(buf, c->p + c->at, len);
    c->at += len;
    return (int64_t)len;
}

static int piece_rewind(void *user, imgrel_error *err)
{
    piece *c = user;
    (void)err;
    c->at = 0;
    return 0;
}

static int patch_once(net_writer *w, size_t from, imgrel_error *err)
{
    ir_reply reply = {0};
    size_t len = w->chunk.len - from;
    piece c = {.p = w->chunk.p + from, .len = len};
    int64_t first = w->sent + (int64_t)from;
    char *range = ir_format("Content-Range: %lld-%lld", (long long)first,
                            (long long)(first + (int64_t)len - 1));
    const char *headers[] = {range, NULL};
    ir_request req = {0};
    int rc = range ? ir_upload_request(w->r, "PATCH", w->location, &req, err) : ir_nomem(err);
    if (rc < 0)
        goto out;
    req.headers = headers;
    req.content_type = "application/octet-stream";
    req.body =
        (ir_body){.read = piece_read, .rewind = piece_rewind, .user = &c, .size = (int64_t)len};
    req.flags |= IR_HTTP_ONE_TRY | IR_HTTP_H1;
    rc = ir_http_do(&w->call, &req, &reply, err);
    if (!rc && reply.status / 100 != 2)
        rc = ir_registry_fail(&req, &reply, w->r->base.ref.host, w->r->base.ref.name, err);
    if (!rc)
        rc = ir_upload_follow(&reply, &w->location, err);
out:
    free(range);
    ir_reply_free(&reply);
    return rc;
}

/* Nothing but this chunk was sent: it can begin anew. */
static int begin_again(net_writer *w, imgrel_error *err)
{
    ir_upload_cancel(w->r, &w->call, w->location);
    return ir_upload_begin(w->r, &w->call, &w->location, NULL, err);
}

static int lost(const net_writer *w, const imgrel_error *why, imgrel_error *err)
{
    int rc = ir_fail(err, why->code, "%s: lost the upload when it broke off: %s",
                     ir_store_where(&w->r->base), why->message);
    if (err)
        err->http_status = 404;
    return rc;
}

/* After a break: how much of the chunk the registry has. It is asked more than once, for it may not
 * have seen yet that the connection broke, and what went before is no longer at hand. */
static int resume_at(net_writer *w, ir_again *a, const imgrel_error *why, size_t *ret,
                     imgrel_error *err)
{
    for (;;) {
        int rc = ir_registry_again(&w->call, "upload", a, why, false, err);
        if (rc != 1 && err && !err->code)
            *err = *why;
        if (rc != 1)
            return rc < 0 ? rc : why->code;
        int64_t have = ir_upload_ask(w->r, &w->call, &w->location);
        *ret = 0;
        if (have >= w->sent && have <= w->sent + (int64_t)w->chunk.len) {
            *ret = (size_t)(have - w->sent);
            return 0;
        }
        if (!w->sent)
            return begin_again(w, err);
        if (have == -2)
            return lost(w, why, err);
    }
}

static int send_chunk(net_writer *w, imgrel_error *err)
{
    ir_again a = {0};
    size_t from = 0;
    while (from < w->chunk.len) {
        imgrel_error e = {0};
        int rc = patch_once(w, from, &e);
        if (!rc)
            break;
        rc = resume_at(w, &a, &e, &from, err);
        if (rc < 0)
            return rc;
    }
    w->sent += (int64_t)w->chunk.len;
    ir_buf_clear(&w->chunk);
    return 0;
}

/* A full chunk: sent, unless the registry wants larger ones. */
static int flush(net_writer *w, imgrel_error *err)
{
    int64_t min = 0;
    int rc = w->location ? 0 : ir_upload_begin(w->r, &w->call, &w->location, &min, err);
    if (rc < 0)
        return rc;
    if (min > (int64_t)w->chunk_size && min <= (int64_t)CHUNK_MAX) {
        w->chunk_size = (size_t)min;
        return 0;
    }
    return send_chunk(w, err);
}

static int net_write(ir_writer *base, const void *p, size_t len, imgrel_error *err)
{
    net_writer *w = (net_writer *)base;
    const char *at = p;
    while (len) {
        size_t room = w->chunk_size - w->chunk.len, n = len < room ? len : room;
        ir_buf_add(&w->chunk, at, n);
        int rc = ir_buf_check(&w->chunk, err, "upload");
        at += n;
        len -= n;
        if (!rc && w->chunk.len == w->chunk_size)
            rc = flush(w, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Nothing was sent: the blob is whole in memory and its digest is known. */
static int commit_whole(net_writer *w, const char *digest, imgrel_error *err)
{
    ir_desc d = {0};
    const char *state = NULL;
    const ir_body body = {
        .p = w->chunk.p ? w->chunk.p : "", .len = w->chunk.len, .size = (int64_t)w->chunk.len};
    if (ir_desc_set(&d, NULL, digest, body.size) < 0)
        return ir_nomem(err);
    int rc = ir_registry_blob_put(&w->r->base, &w->call, &d, &body, NULL, &state, err);
    ir_desc_free(&d);
    return rc;
}

static int close_upload(net_writer *w, const char *digest, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_request req = {0};
    char *url = ir_upload_closing(w->location, digest);
    int rc = url ? ir_upload_request(w->r, "PUT", url, &req, err) : ir_nomem(err);
    if (!rc) {
        req.content_type = "application/octet-stream";
        req.body = (ir_body){.p = "", .len = 0};
        req.flags = IR_HTTP_H1; /* where the chunks went */
        req.what = digest;
        rc = ir_http_do(&w->call, &req, &reply, err);
    }
    if (!rc && reply.status / 100 != 2)
        rc = ir_registry_fail_blob(w->r, &req, &reply, digest, err);
    if (rc == IMGREL_EDIGEST)
        ir_cure(err, "it was spoilt on its way, and is no longer at hand: write it again");
    free(url);
    ir_reply_free(&reply);
    return rc;
}

static int net_commit(ir_writer *base, const char *digest, imgrel_error *err)
{
    net_writer *w = (net_writer *)base;
    if (!w->sent)
        return commit_whole(w, digest, err);
    int rc = w->chunk.len ? send_chunk(w, err) : 0;
    if (!rc)
        rc = close_upload(w, digest, err);
    if (!rc) {
        free(w->location);
        w->location = NULL;
    }
    return rc;
}

static void net_free(ir_writer *base)
{
    net_writer *w = (net_writer *)base;
    if (w->location)
        ir_upload_cancel(w->r, &w->call, w->location);
    free(w->location);
    ir_buf_free(&w->chunk);
    ir_writer_clear(base);
    free(w);
}

int ir_registry_blob_create(ir_store *s, const ir_call *call, ir_writer **ret, imgrel_error *err)
{
    static const ir_writer_ops ops = {net_write, net_commit, net_free};
    net_writer *w = calloc(1, sizeof *w);
    if (!w)
        return ir_nomem(err);
    w->r = ir_registry_of(s);
    w->call = *call;
    w->chunk = (ir_buf)IR_BUF(CHUNK_MAX + IR_MIB);
    w->chunk_size = CHUNK;
    int rc = ir_writer_init(&w->base, &ops, "sha256", err);
    if (rc < 0)
        net_free(&w->base);
    else
        *ret = &w->base;
    return rc;
}
