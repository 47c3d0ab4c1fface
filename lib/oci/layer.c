/* layer.c - from files to a layer in one pass: a thread reads, tars and hashes (the diffID) while
 * others compress and the calling thread sends. A layer that stays small is kept in memory and
 * sent under its digest, so that it can be sent again or found to be there already. */
#include "oci/layer_scan.h"

#include "base/fd.h"
#include "base/limits.h"
#include "oci/archive.h"
#include "oci/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * IR_KIB)
#define SPOOL_MAX (4 * IR_MIB)

/* What is being written, and where to: always the hash, the compression if there is one. */
typedef struct job {
    const ir_call *call;
    const ir_layer_from *from;
    size_t n;
    int64_t created_s;
    ir_items items;
    ir_hash *hash;
    ir_tar *tar;
    ir_pack *pack; /* NULL: the hash is all that is wanted */
    char *buf;
} job;

static int job_out(void *user, const void *p, size_t len, imgrel_error *err)
{
    job *j = user;
    ir_hash_add(j->hash, p, len);
    return j->pack ? ir_pack_write(j->pack, p, len, err) : ir_call_check(j->call, err);
}

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
        rc = ir_tar_new(job_out, j, &j->tar, err);
    for (size_t i = 0; rc == 0 && i < j->items.n; i++)
        rc = item_write(j, &j->items.v[i], err);
    return rc == 0 ? ir_tar_end(j->tar, err) : rc;
}

/* ---- a tar as it is ------------------------------------------------------------------------- */

static int64_t fd_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    ssize_t n = read(*(const int *)user, buf, len);
    return n < 0 ? ir_fail_errno(err, errno, "tar") : n;
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
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = ir_unpack_new('a', path, fd_in, &fd, &u, err);
    bool first = true;
    for (int64_t n = 1; rc == 0 && n > 0; first = false) {
        n = read_whole(u, j->buf, BUFFER, err);
        rc = n < 0 ? (int)n : 0;
        if (rc == 0 && first && !begins_a_tar(j->buf, n))
            rc = ir_fail(err, IMGREL_EINVAL, "%s: not a tar", path);
        if (rc == 0 && n > 0)
            rc = job_out(j, j->buf, (size_t)n, err);
    }
    ir_unpack_free(u);
    close(fd);
    return rc;
}

/* ---- both ----------------------------------------------------------------------------------- */

static int job_write(job *j, char ret_diff_id[IR_DIGEST_MAX], imgrel_error *err)
{
    j->buf = malloc(BUFFER);
    int rc = j->buf ? ir_hash_new("sha256", &j->hash, err) : ir_nomem(err);
    if (rc == 0)
        rc = j->n == 1 && ir_layer_is_tar(j->from) ? tar_write(j, err) : files_write(j, err);
    if (rc == 0)
        ir_hash_end(j->hash, ret_diff_id);
    ir_tar_free(j->tar);
    ir_hash_free(j->hash);
    ir_items_free(&j->items);
    free(j->buf);
    return rc;
}

int ir_layer_diff_id(const ir_call *call, const ir_layer_from *from, size_t n, int64_t created_s,
                     char ret[IR_DIGEST_MAX], imgrel_error *err)
{
    job j = {.call = call, .from = from, .n = n, .created_s = created_s};
    return job_write(&j, ret, err);
}

/* ---- into the store ------------------------------------------------------------------------- */

typedef struct sink {
    const ir_call *call;
    ir_store *store;
    ir_buf spool;
    ir_writer *writer; /* once the spool is too small */
} sink;

static int sink_out(void *user, const void *p, size_t len, imgrel_error *err)
{
    sink *s = user;
    if (!s->writer && s->spool.len + len <= SPOOL_MAX) {
        ir_buf_add(&s->spool, p, len);
        return ir_buf_check(&s->spool, err, "layer");
    }
    if (!s->writer) {
        int rc = ir_store_blob_create(s->store, s->call, &s->writer, err);
        if (rc == 0)
            rc = ir_writer_write(s->writer, s->spool.p, s->spool.len, err);
        ir_buf_free(&s->spool);
        if (rc < 0)
            return rc;
    }
    return ir_writer_write(s->writer, p, len, err);
}

static int sink_end(sink *s, const char *media_type, ir_desc *ret, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    ir_desc_free(ret);
    if (s->writer) {
        int rc = ir_writer_commit(s->writer, NULL, ret, err);
        free(ret->media_type);
        ret->media_type = ir_strdup(media_type);
        return rc < 0 ? rc : ret->media_type ? 0 : ir_nomem(err);
    }
    int rc = ir_hash_bytes(s->spool.p, s->spool.len, digest, err);
    if (rc == 0 && ir_desc_set(ret, media_type, digest, (int64_t)s->spool.len) < 0)
        rc = ir_nomem(err);
    if (rc < 0)
        return rc;
    const ir_body body = {.p = s->spool.p, .len = s->spool.len};
    return ir_store_blob_put(s->store, s->call, ret, &body, NULL, NULL, err);
}

typedef struct make {
    job job;
    char *diff_id;
} make;

static int make_source(void *user, ir_pack *p, imgrel_error *err)
{
    make *m = user;
    m->job.pack = p;
    return job_write(&m->job, m->diff_id, err);
}

int ir_layer_make(const ir_call *call, ir_store *dst, const ir_layer_from *from, size_t n,
                  int64_t created_s, const char *media_type, ir_layer *ret, imgrel_error *err)
{
    make m = {{.call = call, .from = from, .n = n, .created_s = created_s}, ret->diff_id};
    sink s = {.call = call, .store = dst, .spool = IR_BUF(SPOOL_MAX)};
    ir_codec codec;
    *ret = (ir_layer){0};
    int rc = ir_codec_choose(ir_call_conf(call), ir_media_compression(media_type), &codec, err);
    if (rc == 0)
        rc = ir_pack_run(call, &codec, make_source, &m, sink_out, &s, err);
    if (rc == 0)
        rc = sink_end(&s, media_type, &ret->desc, err);
    if (rc < 0)
        ir_desc_free(&ret->desc);
    ir_writer_free(s.writer);
    ir_buf_free(&s.spool);
    return rc;
}
