/* blob.c - the public blob: a handle that is read or written like a file, and whole blobs from and
 * to file descriptors. */
#include <imgrel/registry.h>

#include "api/place.h"
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
    int rc = ir_place_open(c, ref, o, IR_PULL, &b->place, err);
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

int imgrel_blob_get(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                    imgrel_error *err)
{
    ir_place p;
    ir_desc d = {0};
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
    if (!rc)
        rc = need_digest(&p, &d, err);
    if (!rc)
        rc = ir_store_blob_to_fd(p.store, &p.call, &d, fd, err);
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
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
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

int imgrel_blob_delete(imgrel_client *c, const char *ref, const imgrel_opts *o, imgrel_error *err)
{
    ir_place p;
    ir_desc d = {0};
    int rc = ir_place_open(c, ref, o, IR_STORE_READ | IR_STORE_DELETE, &p, err);
    if (!rc)
        rc = need_digest(&p, &d, err);
    if (!rc && !IR_DRY_RUN(&p.call))
        rc = ir_store_blob_delete(p.store, &p.call, &d, err);
    ir_desc_free(&d);
    ir_place_close(&p);
    return rc;
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

static int put_file(ir_place *p, int fd, char **ret_digest, imgrel_error *err)
{
    ir_desc d = {0};
    int rc = ir_store_blob_from_fd(p->store, &p->call, fd, &d, err);
    if (!rc)
        rc = ir_store_finish(p->store, &p->call, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(d.digest)))
        rc = ir_nomem(err);
    ir_desc_free(&d);
    return rc;
}

/* A pipe's next bytes, when there are some. */
static int64_t next_bytes(const ir_place *p, int fd, void *buf, uint64_t *done, imgrel_error *err)
{
    int rc = ir_wait_fd(fd, POLLIN, p->call.cancel, -1, p->call.deadline_ms, err);
    if (rc < 0)
        return rc;
    ssize_t n = 0;
    do
        n = read(fd, buf, STEP);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ir_fail_errno(err, errno, "input");
    *done += (uint64_t)n;
    rc = ir_progress(&p->call, IMGREL_EVENT_BYTES, "blob", "pushing", *done, 0, 1, err);
    return rc ? rc : n;
}

static int put_stream(ir_place *p, int fd, char **ret_digest, imgrel_error *err)
{
    ir_writer *w = NULL;
    char *buf = malloc(STEP);
    int64_t n = 1;
    uint64_t done = 0;
    int rc = buf ? ir_store_blob_create(p->store, &p->call, &w, err) : ir_nomem(err);
    while (!rc && n > 0) {
        n = next_bytes(p, fd, buf, &done, err);
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
    if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) >= 0)
        rc = put_file(&p, fd, ret_digest, err);
    else
        rc = put_stream(&p, fd, ret_digest, err);
    ir_place_close(&p);
    return rc;
}
