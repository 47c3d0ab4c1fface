/* blob.c - the public blob: a handle that is read or written like a file, and whole blobs from and
 * to file descriptors. */
#include <imgrel/registry.h>

#include "api/place.h"
#include "base/fd.h"
#include "base/limits.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP (256 * IR_KIB)

struct imgrel_blob {
    ir_place place;
    ir_reader *reader;
    ir_writer *writer;
};

static int need_digest(const ir_place *p, ir_desc *ret, imgrel_error *err)
{
    if (!p->ref.digest)
        return ir_fail(err, IMGREL_EINVAL, "%s: a blob is named by its digest (@sha256:...)",
                       p->ref.name);
    return ir_desc_set(ret, NULL, p->ref.digest, -1) ? ir_nomem(err) : 0;
}

/* ---- reading ---- */

int imgrel_blob_open(imgrel_client *c, const char *ref, const imgrel_opts *o, imgrel_blob **out,
                     imgrel_error *err)
{
    ir_desc d = {0};
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_blob_open: out is NULL");
    *out = NULL;
    imgrel_blob *b = calloc(1, sizeof *b);
    if (!b)
        return ir_nomem(err);
    int rc = ir_place_open(c, ref, o, IR_STORE_READ, &b->place, err);
    if (!rc)
        rc = need_digest(&b->place, &d, err);
    if (!rc)
        rc = ir_store_blob_open(b->place.store, &b->place.call, &d, &b->reader, err);
    ir_desc_free(&d);
    if (rc < 0)
        imgrel_blob_free(b);
    else
        *out = b;
    return rc;
}

int64_t imgrel_blob_size(const imgrel_blob *b)
{
    return b && b->reader ? ir_reader_size(b->reader) : -1;
}

int64_t imgrel_blob_read(imgrel_blob *b, void *buf, size_t len, imgrel_error *err)
{
    if (!b || !b->reader)
        return ir_fail(err, b ? IMGREL_ESTATE : IMGREL_EINVAL, "the blob is not open for reading");
    if (!buf)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_blob_read: buf is NULL");
    return ir_reader_read(b->reader, buf, len, err);
}

/* All of a reader into a descriptor. */
static int pour(const ir_place *p, ir_reader *r, const char *digest, int fd, imgrel_error *err)
{
    char *buf = malloc(STEP);
    int64_t n = 1, size = ir_reader_size(r);
    uint64_t done = 0;
    int rc = buf ? 0 : ir_nomem(err);
    while (!rc && n > 0) {
        n = ir_reader_read(r, buf, STEP, err);
        if (n < 0)
            rc = (int)n;
        else if (n > 0)
            rc = ir_fd_write(fd, "output", buf, (size_t)n, err);
        done += n > 0 ? (uint64_t)n : 0;
        if (!rc)
            rc = ir_progress(&p->call, IMGREL_EVENT_BYTES, digest, "reading", done,
                             size > 0 ? (uint64_t)size : 0, 1, err);
    }
    free(buf);
    return rc;
}

static int get_once(const ir_place *p, const ir_desc *d, int fd, imgrel_error *err)
{
    ir_reader *r = NULL;
    int rc = ir_store_blob_open(p->store, &p->call, d, &r, err);
    if (!rc)
        rc = pour(p, r, d->digest, fd, err);
    ir_reader_close(r);
    return rc;
}

/* A file can be wound back, so that a blob that came in wrong is fetched once more. */
static int get(const ir_place *p, const ir_desc *d, int fd, imgrel_error *err)
{
    imgrel_error e = {0};
    off_t start = lseek(fd, 0, SEEK_CUR);
    int rc = get_once(p, d, fd, &e);
    if (rc == IMGREL_EDIGEST && p->ref.transport == IR_REGISTRY && start >= 0 &&
        lseek(fd, start, SEEK_SET) == start && !ftruncate(fd, start)) {
        ir_error_clear(&e);
        rc = get_once(p, d, fd, &e);
    }
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

int imgrel_blob_get(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                    imgrel_error *err)
{
    ir_place p;
    ir_desc d = {0};
    int rc = ir_place_open(c, ref, o, IR_STORE_READ, &p, err);
    if (!rc)
        rc = need_digest(&p, &d, err);
    if (!rc)
        rc = get(&p, &d, fd, err);
    ir_desc_free(&d);
    ir_place_close(&p);
    return rc;
}

int imgrel_blob_exists(imgrel_client *c, const char *ref, const imgrel_opts *o, int64_t *ret_size,
                       imgrel_error *err)
{
    ir_place p;
    ir_desc d = {0};
    if (ret_size)
        *ret_size = -1;
    int rc = ir_place_open(c, ref, o, IR_STORE_READ, &p, err);
    if (!rc)
        rc = need_digest(&p, &d, err);
    if (!rc)
        rc = ir_store_blob_exists(p.store, &p.call, &d, ret_size, err);
    if (rc == 0)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: no such blob", p.ref.name);
    ir_desc_free(&d);
    ir_place_close(&p);
    return rc < 0 ? rc : 0;
}

/* ---- writing ---- */

int imgrel_blob_create(imgrel_client *c, const char *repository, const imgrel_opts *o,
                       imgrel_blob **out, imgrel_error *err)
{
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_blob_create: out is NULL");
    *out = NULL;
    imgrel_blob *b = calloc(1, sizeof *b);
    if (!b)
        return ir_nomem(err);
    int rc = ir_place_open_repository(c, repository, o, IR_STORE_WRITE, &b->place, err);
    if (!rc)
        rc = ir_store_blob_create(b->place.store, &b->place.call, &b->writer, err);
    if (rc < 0)
        imgrel_blob_free(b);
    else
        *out = b;
    return rc;
}

int64_t imgrel_blob_write(imgrel_blob *b, const void *buf, size_t len, imgrel_error *err)
{
    if (!b || !b->writer)
        return ir_fail(err, b ? IMGREL_ESTATE : IMGREL_EINVAL, "the blob is not open for writing");
    int rc = ir_call_check(&b->place.call, err);
    if (!rc)
        rc = ir_writer_write(b->writer, buf, len, err);
    return rc ? rc : (int64_t)len;
}

static int commit(const ir_place *p, ir_writer *w, char **ret_digest, imgrel_error *err)
{
    ir_desc d = {0};
    int rc = ir_writer_commit(w, NULL, &d, err);
    if (!rc)
        rc = ir_store_finish(p->store, &p->call, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(d.digest)))
        rc = ir_nomem(err);
    ir_desc_free(&d);
    return rc;
}

int imgrel_blob_commit(imgrel_blob *b, char **ret_digest, imgrel_error *err)
{
    if (ret_digest)
        *ret_digest = NULL;
    if (!b || !b->writer)
        return ir_fail(err, b ? IMGREL_ESTATE : IMGREL_EINVAL, "the blob is not open for writing");
    return commit(&b->place, b->writer, ret_digest, err);
}

void imgrel_blob_free(imgrel_blob *b)
{
    if (!b)
        return;
    ir_reader_close(b->reader);
    ir_writer_free(b->writer);
    ir_place_close(&b->place);
    free(b);
}

/* ---- whole blobs from a descriptor ---- */

typedef struct fd_source {
    const ir_call *call;
    const char *what;
    int fd;
    off_t start;
    int64_t size;
    uint64_t done;
} fd_source;

static int64_t fd_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    fd_source *s = user;
    ssize_t n = 0;
    do
        n = read(s->fd, buf, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ir_fail_errno(err, errno, "input");
    s->done += (uint64_t)n;
    int rc = ir_progress(s->call, IMGREL_EVENT_BYTES, s->what, "pushing", s->done,
                         s->size > 0 ? (uint64_t)s->size : 0, 1, err);
    return rc ? rc : n;
}

static int fd_rewind(void *user, imgrel_error *err)
{
    fd_source *s = user;
    s->done = 0;
    return lseek(s->fd, s->start, SEEK_SET) < 0 ? ir_fail_errno(err, errno, "input") : 0;
}

/* The digest of what follows in a regular file; the descriptor is wound back. */
static int hash_file(fd_source *s, char digest[IR_DIGEST_MAX], imgrel_error *err)
{
    ir_hash *h = NULL;
    char *buf = malloc(STEP);
    ssize_t n = 1;
    int rc = buf ? ir_hash_new("sha256", &h, err) : ir_nomem(err);
    while (!rc && n > 0) {
        n = read(s->fd, buf, STEP);
        if (n < 0 && errno != EINTR)
            rc = ir_fail_errno(err, errno, "input");
        if (n < 0 && !rc) {
            n = 1;
            continue;
        }
        if (n > 0) {
            ir_hash_add(h, buf, (size_t)n);
            s->size += n;
            rc = ir_call_check(s->call, err);
        }
    }
    if (!rc) {
        ir_hash_end(h, digest);
        rc = fd_rewind(s, err);
    }
    ir_hash_free(h);
    free(buf);
    return rc;
}

static int put_file(ir_place *p, fd_source *s, char **ret_digest, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    ir_desc d = {0};
    int rc = hash_file(s, digest, err);
    if (!rc)
        rc = ir_desc_set(&d, NULL, digest, s->size) ? ir_nomem(err) : 0;
    const ir_body body = {.read = fd_read, .rewind = fd_rewind, .user = s, .size = s->size};
    s->what = digest;
    if (!rc)
        rc = ir_store_blob_put(p->store, &p->call, &d, &body, NULL, NULL, err);
    if (!rc)
        rc = ir_store_finish(p->store, &p->call, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(digest)))
        rc = ir_nomem(err);
    ir_desc_free(&d);
    return rc;
}

static int put_stream(ir_place *p, fd_source *s, char **ret_digest, imgrel_error *err)
{
    ir_writer *w = NULL;
    char *buf = malloc(STEP);
    int64_t n = 1;
    int rc = buf ? ir_store_blob_create(p->store, &p->call, &w, err) : ir_nomem(err);
    while (!rc && n > 0) {
        rc = ir_wait_fd(s->fd, POLLIN, p->call.cancel, -1, p->call.deadline_ms, err);
        rc = rc < 0 ? rc : 0;
        n = rc ? 0 : fd_read(s, buf, STEP, err);
        if (n < 0)
            rc = (int)n;
        else if (n > 0)
            rc = ir_writer_write(w, buf, (size_t)n, err);
    }
    if (!rc)
        rc = commit(p, w, ret_digest, err);
    ir_writer_free(w);
    free(buf);
    return rc;
}

int imgrel_blob_put(imgrel_client *c, const char *repository, int fd, const imgrel_opts *o,
                    char **ret_digest, imgrel_error *err)
{
    ir_place p;
    struct stat st;
    if (ret_digest)
        *ret_digest = NULL;
    if (fstat(fd, &st))
        return ir_fail_errno(err, errno, "input");
    int rc = ir_place_open_repository(c, repository, o, IR_STORE_WRITE, &p, err);
    if (rc < 0)
        return rc;
    fd_source s = {.call = &p.call, .what = "blob", .fd = fd, .start = lseek(fd, 0, SEEK_CUR)};
    if (S_ISREG(st.st_mode) && s.start >= 0)
        rc = put_file(&p, &s, ret_digest, err);
    else
        rc = put_stream(&p, &s, ret_digest, err);
    ir_place_close(&p);
    return rc;
}
