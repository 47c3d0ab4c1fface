/* blob.c - blobs on their way: readers that verify what they give, writers that hash what they
 * take, and bodies poured from one into the other. Whatever kind of store a blob comes from, it is
 * verified here and nowhere else. */
#include "oci/store_ops.h"
#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP (128 * IR_KIB)

/* ---- what a file holds already -------------------------------------------------------------- */

static int hash_file(ir_hash *h, int fd, int64_t len, imgrel_error *err)
{
    char *buf = malloc(STEP);
    int rc = buf ? 0 : ir_nomem(err);
    for (int64_t at = 0; !rc && at < len;) {
        size_t step = len - at < (int64_t)STEP ? (size_t)(len - at) : STEP;
        ssize_t n = pread(fd, buf, step, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            rc = ir_fail_errno(err, n ? errno : EIO, "a blob that was begun");
        else
            ir_hash_add(h, buf, (size_t)n);
        at += n;
    }
    free(buf);
    return rc;
}

int ir_reader_adopt(ir_reader *r, int fd, int64_t len, imgrel_error *err)
{
    r->done = len;
    if (fd >= 0)
        return hash_file(r->hash, fd, len, err);
    ir_reader_trust(r);
    return 0;
}

int ir_writer_adopt(ir_writer *w, int fd, int64_t len, imgrel_error *err)
{
    w->size = len;
    return hash_file(w->hash, fd, len, err);
}

/* ---- readers -------------------------------------------------------------------------------- */

int ir_reader_init(ir_reader *r, const ir_reader_ops *ops, const char *where, const ir_desc *d,
                   imgrel_error *err)
{
    r->ops = ops;
    r->size = d->size;
    r->where = ir_strdup(where);
    if (!r->where)
        return ir_nomem(err);
    size_t len = strlen(d->digest);
    memcpy(r->digest, d->digest, len < IR_DIGEST_MAX ? len + 1 : IR_DIGEST_MAX);
    return ir_hash_new(ir_digest_algorithm(d->digest), &r->hash, err);
}

void ir_reader_clear(ir_reader *r)
{
    ir_hash_free(r->hash);
    free(r->where);
}

static int verify(ir_reader *r, imgrel_error *err)
{
    char got[IR_DIGEST_MAX];
    if (r->size >= 0 && r->done != r->size)
        return ir_fail(err, IMGREL_EDIGEST, "%s: %s has %lld bytes, expected %lld", r->where,
                       r->digest, (long long)r->done, (long long)r->size);
    if (r->trusted)
        return 0;
    ir_hash_end(r->hash, got);
    if (!ir_streq(got, r->digest))
        return ir_fail(err, IMGREL_EDIGEST, "%s: the content of %s has the digest %s", r->where,
                       r->digest, got);
    return 0;
}

static int64_t take(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    int64_t n = r->ops->read(r, buf, len, err);
    if (n < 0)
        return n;
    r->done += n;
    if (!r->trusted)
        ir_hash_add(r->hash, buf, (size_t)n);
    bool ended = n == 0 || (r->size >= 0 && r->done >= r->size);
    int rc = ended ? verify(r, err) : 0;
    if (rc < 0)
        return rc;
    r->code = ended ? 1 : 0;
    return n;
}

int64_t ir_reader_read(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    if (r->code == 1 || !len)
        return 0;
    if (r->code < 0)
        return ir_fail(err, r->code, "%s: reading %s ended with an error before", r->where,
                       r->digest);
    if (r->size == 0) {
        int rc = verify(r, err);
        r->code = rc ? rc : 1;
        return rc;
    }
    int64_t n = take(r, buf, len, err);
    if (n < 0)
        r->code = (int)n;
    return n;
}

int64_t ir_reader_size(const ir_reader *r)
{
    return r->size;
}

void ir_reader_trust(ir_reader *r)
{
    r->trusted = true;
}

void ir_reader_close(ir_reader *r)
{
    if (r)
        r->ops->close(r);
}

typedef struct memory_reader {
    ir_reader base;
    size_t at, len;
    char bytes[];
} memory_reader;

static int64_t memory_read(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    memory_reader *m = (memory_reader *)r;
    (void)err;
    if (len > m->len - m->at)
        len = m->len - m->at;
    memcpy(buf, m->bytes + m->at, len);
    m->at += len;
    return (int64_t)len;
}

static void memory_close(ir_reader *r)
{
    ir_reader_clear(r);
    free(r);
}

int ir_reader_memory(const void *p, size_t len, const ir_desc *d, ir_reader **ret,
                     imgrel_error *err)
{
    static const ir_reader_ops ops = {memory_read, memory_close};
    memory_reader *m = calloc(1, sizeof *m + len);
    if (!m)
        return ir_nomem(err);
    m->len = len;
    memcpy(m->bytes, p, len);
    int rc = ir_reader_init(&m->base, &ops, "inline data", d, err);
    if (rc < 0)
        memory_close(&m->base);
    else
        *ret = &m->base;
    return rc;
}

/* ---- writers -------------------------------------------------------------------------------- */

int ir_writer_init(ir_writer *w, const ir_writer_ops *ops, const char *algorithm, imgrel_error *err)
{
    w->ops = ops;
    w->algorithm = algorithm;
    return ir_hash_new(algorithm, &w->hash, err);
}

void ir_writer_clear(ir_writer *w)
{
    ir_hash_free(w->hash);
}

int ir_writer_write(ir_writer *w, const void *p, size_t len, imgrel_error *err)
{
    if (w->committed)
        return ir_fail(err, IMGREL_ESTATE, "a blob that was committed can't be written to");
    int rc = len ? w->ops->write(w, p, len, err) : 0;
    if (rc < 0)
        return rc;
    if (!w->verified)
        ir_hash_add(w->hash, p, len);
    w->size += (int64_t)len;
    return 0;
}

int ir_writer_commit(ir_writer *w, const char *digest, ir_desc *ret, imgrel_error *err)
{
    char got[IR_DIGEST_MAX];
    if (w->committed)
        return ir_fail(err, IMGREL_ESTATE, "the blob was committed already");
    if (digest && !ir_streq(ir_digest_algorithm(digest), w->algorithm))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "a stream is hashed by %s, not for %s",
                       w->algorithm, digest);
    if (w->verified && digest)
        memcpy(got, digest, strlen(digest) + 1); /* valid, so that it fits */
    else
        ir_hash_end(w->hash, got);
    w->committed = true;
    if (digest && !ir_streq(digest, got)) {
        w->committed = false;
        return ir_fail(err, IMGREL_EDIGEST, "%lld bytes were written with the digest %s, not %s",
                       (long long)w->size, got, digest);
    }
    int rc = w->ops->commit(w, got, err);
    w->committed = rc == 0;
    if (!rc && ret && ir_desc_set(ret, NULL, got, w->size) < 0)
        rc = ir_nomem(err);
    return rc;
}

void ir_writer_free(ir_writer *w)
{
    if (w)
        w->ops->free(w);
}

/* ---- bodies --------------------------------------------------------------------------------- */

int64_t ir_body_take(const ir_body *body, int64_t *at, void *buf, size_t len, imgrel_error *err)
{
    int64_t n = 0;
    if (body->read) {
        n = body->read(body->user, buf, len, err);
    } else {
        size_t left = body->len - (size_t)*at;
        n = (int64_t)(len < left ? len : left);
        memcpy(buf, (const char *)body->p + *at, (size_t)n);
    }
    if (n > 0)
        *at += n;
    return n;
}

int ir_body_store(const ir_call *call, const ir_body *body, ir_writer *w, const ir_desc *d,
                  imgrel_error *err)
{
    char *buf = malloc(STEP);
    if (!buf)
        return ir_nomem(err);
    w->verified = body->verified;
    int64_t at = w->size, n = 1;
    size_t len = 0;
    int rc = 0;
    while (!rc && n > 0) {
        rc = ir_call_check(call, err);
        n = rc ? 0 : ir_body_take(body, &at, buf + len, STEP - len, err);
        if (n < 0)
            rc = (int)n;
        len += n > 0 ? (size_t)n : 0;
        if (len > STEP / 2 || (len && n <= 0)) { /* TLS gives 16 KiB: little for a disk */
            int written = ir_writer_write(w, buf, len, err);
            rc = rc ? rc : written;
            len = 0;
        }
    }
    free(buf);
    if (!rc && d->size >= 0 && at != d->size)
        rc = ir_fail(err, IMGREL_EDIGEST, "%s: the source gave %lld bytes, expected %lld",
                     d->digest, (long long)at, (long long)d->size);
    return rc ? rc : ir_writer_commit(w, d->digest, NULL, err);
}

bool ir_worth_resuming(int code)
{
    return code == IMGREL_ECANCELED || code == IMGREL_ETIMEOUT || code == IMGREL_ENET ||
           code == IMGREL_EAUTH || code == IMGREL_EFAILED;
}
