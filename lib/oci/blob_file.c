/* blob_file.c - blobs from and to files: a file is hashed first, so that what is there already is
 * not sent; what comes in wrong is fetched once more, for a file can be wound back. */
#include "base/fd.h"
#include "base/limits.h"
#include "oci/store_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP (256 * IR_KIB)

/* ---- to a file ---- */

/* All of a reader into a descriptor. */
static int pour(const ir_call *call, ir_reader *r, const char *digest, int fd, imgrel_error *err)
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
            rc = ir_progress(call, IMGREL_EVENT_BYTES, digest, "reading", done,
                             size > 0 ? (uint64_t)size : 0, 1, err);
    }
    free(buf);
    return rc;
}

static int get_once(ir_store *s, const ir_call *call, const ir_desc *d, int fd, imgrel_error *err)
{
    ir_reader *r = NULL;
    int rc = ir_store_blob_open(s, call, d, &r, err);
    if (!rc)
        rc = pour(call, r, d->digest, fd, err);
    ir_reader_close(r);
    return rc;
}

int ir_store_blob_to_fd(ir_store *s, const ir_call *call, const ir_desc *d, int fd,
                        imgrel_error *err)
{
    imgrel_error e = {0};
    off_t start = lseek(fd, 0, SEEK_CUR);
    int rc = get_once(s, call, d, fd, &e);
    if (rc == IMGREL_EDIGEST && s->ref.transport == IR_REGISTRY && start >= 0 &&
        lseek(fd, start, SEEK_SET) == start && !ftruncate(fd, start)) {
        ir_error_clear(&e);
        rc = get_once(s, call, d, fd, &e);
    }
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

/* ---- from a file ---- */

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

int ir_store_blob_from_fd(ir_store *s, const ir_call *call, int fd, ir_desc *ret, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    fd_source src = {.call = call, .what = digest, .fd = fd, .start = lseek(fd, 0, SEEK_CUR)};
    int rc = hash_file(&src, digest, err);
    if (!rc)
        rc = ir_desc_set(ret, NULL, digest, src.size) ? ir_nomem(err) : 0;
    const ir_body body = {.read = fd_read, .rewind = fd_rewind, .user = &src, .size = src.size};
    if (rc < 0 || IR_DRY_RUN(call))
        return rc;
    return ir_store_blob_put(s, call, ret, &body, NULL, NULL, err);
}
