/* layer.c - files, or a tar that is there, as the bytes of a layer: what layer_pour.c hashes,
 * compresses and sends. */
#include "oci/layer_scan.h"

#include "base/fd.h"
#include "base/limits.h"
#include "oci/archive.h"
#include "oci/compress.h"
#include "oci/store_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * IR_KIB)
#define POLL_MS 50

/* What is being written, and where to. */
typedef struct job {
    const ir_call *call;
    const ir_layer_from *from;
    size_t n;
    int64_t created_s;
    ir_items items;
    ir_tar_out_fn *out;
    void *out_user;
    ir_tar *tar;
    int fd; /* of a tar that is there */
    char *buf;
} job;

/* ---- files into the tar --------------------------------------------------------------------- */

static int changed(const char *path, imgrel_error *err)
{
    ir_fail(err, IMGREL_EIO, "%s: changed while it was read", path);
    return ir_cure(err, "make the image when nothing writes to its files any more");
}

static int file_data(job *j, int fd, const char *path, int64_t size, imgrel_error *err)
{
    int rc = 0;
    while (rc == 0 && size > 0) {
        size_t want = size < (int64_t)BUFFER ? (size_t)size : BUFFER;
        ssize_t n = read(fd, j->buf, want);
        if (n < 0)
            return ir_fail_errno(err, errno, "%s", path);
        if (n == 0)
            return changed(path, err);
        size -= n;
        rc = ir_tar_data(j->tar, j->buf, (size_t)n, err);
    }
    return rc == 0 && read(fd, j->buf, 1) > 0 ? changed(path, err) : rc;
}

static int file_write(job *j, const ir_item *item, ir_tar_entry *e, const char *path,
                      imgrel_error *err)
{
    struct stat st;
    /* What was listed is no link; one that is the source itself may be. */
    int follow = path[0] && item->path[item->skip] ? O_NOFOLLOW : 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = ir_fail_errno(err, errno, "%s", path);
    else if (!S_ISREG(st.st_mode) || st.st_size != item->size)
        rc = changed(path, err);
    if (rc == 0)
        rc = ir_tar_entry_add(j->tar, e, err);
    if (rc == 0)
        rc = file_data(j, fd, path, item->size, err);
    close(fd);
    return rc;
}

static int link_write(job *j, ir_tar_entry *e, const char *path, imgrel_error *err)
{
    ssize_t n = readlink(path, j->buf, PATH_MAX);
    if (n < 0)
        return ir_fail_errno(err, errno, "%s", path);
    j->buf[n] = '\0';
    e->target = j->buf;
    return ir_tar_entry_add(j->tar, e, err);
}

static int64_t clamp_time(int64_t t, int64_t most)
{
    most = most < 0 ? 0 : most;
    return t > most ? most : t < 0 ? 0 : t;
}

static int item_write(job *j, const ir_item *item, imgrel_error *err)
{
    bool parent = item->from == IR_ITEM_PARENT;
    ir_tar_entry e = {.path = item->path,
                      .type = item->type,
                      .size = item->size,
                      .mtime_s = clamp_time(parent ? INT64_MAX : item->mtime_s, j->created_s),
                      .uid = item->uid,
                      .gid = item->gid,
                      .mode = item->mode};
    if (item->type == 'd')
        return ir_tar_entry_add(j->tar, &e, err);
    if (item->link_to) {
        e.type = 'h';
        e.target = item->link_to;
        return ir_tar_entry_add(j->tar, &e, err);
    }
    char *path = ir_item_source(&j->from[item->from], item);
    if (!path)
        return ir_nomem(err);
    int rc = item->type == 'l' ? link_write(j, &e, path, err) : file_write(j, item, &e, path, err);
    free(path);
    return rc;
}

static int files_write(job *j, imgrel_error *err)
{
    int rc = ir_items_scan(j->call, j->from, j->n, &j->items, err);
    if (rc == 0)
        rc = ir_tar_new(j->out, j->out_user, &j->tar, err);
    for (size_t i = 0; rc == 0 && i < j->items.n; i++)
        rc = item_write(j, &j->items.v[i], err);
    return rc == 0 ? ir_tar_end(j->tar, err) : rc;
}

/* ---- a tar as it is ------------------------------------------------------------------------- */

/* A pipe may have nothing to give for long: cancel and deadline are looked at meanwhile. */
static int64_t fd_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    job *j = user;
    struct pollfd p = {.fd = j->fd, .events = POLLIN};
    ssize_t n = -1;
    do {
        int rc = ir_call_check(j->call, err);
        if (rc < 0)
            return rc;
        errno = EINTR;
        n = poll(&p, 1, POLL_MS) > 0 ? read(j->fd, buf, len) : -1;
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    return n < 0 ? ir_fail_errno(err, errno, "%s", j->from->path) : n;
}

static int64_t read_whole(ir_unpack *u, char *buf, size_t len, imgrel_error *err)
{
    size_t have = 0;
    for (int64_t n = 1; n > 0 && have < len; have += (size_t)n)
        if ((n = ir_unpack_read(u, buf + have, len - have, err)) < 0)
            return n;
    return (int64_t)have;
}

/* ustar's magic, or the zeros of an empty one. */
static bool begins_a_tar(const char *p, int64_t n)
{
    static const char zeros[512];
    return n >= 512 && (memcmp(p + 257, "ustar", 5) == 0 || memcmp(p, zeros, sizeof zeros) == 0);
}

static int tar_write(job *j, imgrel_error *err)
{
    const char *path = j->from->path;
    ir_unpack *u = NULL;
    j->fd = j->from->input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (j->fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = ir_unpack_new('a', path, fd_in, j, &u, err);
    bool first = true;
    for (int64_t n = 1; rc == 0 && n > 0; first = false) {
        n = read_whole(u, j->buf, BUFFER, err);
        rc = n < 0 ? (int)n : 0;
        if (rc == 0 && first && !begins_a_tar(j->buf, n))
            rc = ir_fail(err, IMGREL_EINVAL, "%s: not a tar", path);
        if (rc == 0 && n > 0)
            rc = j->out(j->out_user, j->buf, (size_t)n, err);
    }
    ir_unpack_free(u);
    if (!j->from->input)
        close(j->fd);
    return rc;
}

/* ---- both ----------------------------------------------------------------------------------- */

static int job_write(void *user, ir_tar_out_fn *out, void *out_user, imgrel_error *err)
{
    job *j = user;
    j->out = out;
    j->out_user = out_user;
    j->buf = malloc(BUFFER);
    int rc = j->buf ? 0 : ir_nomem(err);
    if (rc == 0)
        rc = j->n == 1 && ir_layer_is_tar(j->from) ? tar_write(j, err) : files_write(j, err);
    ir_tar_free(j->tar);
    ir_items_free(&j->items);
    free(j->buf);
    return rc;
}

int ir_layer_diff_id(const ir_call *call, const ir_layer_from *from, size_t n, int64_t created_s,
                     char ret[IR_DIGEST_MAX], imgrel_error *err)
{
    job j = {.call = call, .from = from, .n = n, .created_s = created_s};
    return ir_layer_hash(call, job_write, &j, ret, err);
}

int ir_layer_make(const ir_call *call, ir_store *dst, const ir_layer_from *from, size_t n,
                  int64_t created_s, const ir_layer_how *how, ir_layer *ret, imgrel_error *err)
{
    imgrel_error e = {0};
    bool twice = true;
    for (size_t i = 0; i < n; i++)
        twice = twice && !from[i].input;
    for (;; twice = false) {
        job j = {.call = call, .from = from, .n = n, .created_s = created_s};
        int rc = ir_layer_pour(call, dst, job_write, &j, how, ret, &e);
        /* Nothing is kept of a layer that goes out while it is made: it is made once more. */
        if (rc < 0 && twice && ir_worth_sending_again(&e)) {
            ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "oci", "making a layer again", "why",
                       e.message, NULL);
            ir_error_clear(&e);
            continue;
        }
        if (rc < 0 && err && !err->code)
            *err = e;
        return rc;
    }
}
