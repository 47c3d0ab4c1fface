/* layout.c - an OCI image layout folder (image-spec image-layout.md): its marker file and its
 * blobs. A blob appears under its digest only when all of it was written, verified and synced, so
 * two processes that write the same one do each other no harm. The index is layout_index.c. */
#include "oci/layout.h"
#include "base/fd.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EARLY (4 * (int64_t)IR_MIB)

char *ir_layout_blob_path(const ir_layout *l, const char *digest)
{
    return ir_format("%s/blobs/%s/%s", l->dir, ir_digest_algorithm(digest), ir_digest_hex(digest));
}

/* ---- blobs out ------------------------------------------------------------------------------ */

typedef struct file_reader {
    ir_reader base;
    int fd;
} file_reader;

static int64_t file_read(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    ssize_t n = 0;
    do
        n = read(((file_reader *)r)->fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? ir_fail_errno(err, errno, "%s: %s", r->where, r->digest) : n;
}

static void file_close(ir_reader *r)
{
    file_reader *f = (file_reader *)r;
    if (f->fd >= 0)
        close(f->fd);
    ir_reader_clear(r);
    free(f);
}

/* The blob's file, regular and of the size that is expected. */
static int open_blob(const ir_layout *l, const ir_desc *d, imgrel_error *err)
{
    struct stat st;
    char *path = ir_layout_blob_path(l, d->digest);
    if (!path)
        return ir_nomem(err);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int errnum = errno;
    free(path);
    if (fd < 0 && errnum == ENOENT)
        return ir_fail(err, IMGREL_ENOTFOUND, "%s has no blob %s", ir_store_where(&l->base),
                       d->digest);
    if (fd < 0)
        return ir_fail_errno(err, errnum, "%s: blob %s", ir_store_where(&l->base), d->digest);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (d->size >= 0 && st.st_size != d->size)) {
        close(fd);
        return ir_fail(err, IMGREL_EDIGEST, "%s: the blob %s has not the %lld bytes expected",
                       ir_store_where(&l->base), d->digest, (long long)d->size);
    }
    return fd;
}

static int blob_open(ir_store *s, const ir_call *call, const ir_desc *d, ir_reader **ret,
                     imgrel_error *err)
{
    static const ir_reader_ops ops = {file_read, file_close};
    struct stat st;
    (void)call;
    int fd = open_blob((ir_layout *)s, d, err);
    if (fd < 0)
        return fd;
    file_reader *f = calloc(1, sizeof *f);
    if (!f) {
        close(fd);
        return ir_nomem(err);
    }
    f->fd = fd;
    int rc = ir_reader_init(&f->base, &ops, ir_store_where(s), d, err);
    if (rc < 0) {
        file_close(&f->base);
        return rc;
    }
    if (d->size < 0 && !fstat(fd, &st))
        f->base.size = st.st_size;
    *ret = &f->base;
    return 0;
}

/* ---- blobs in ------------------------------------------------------------------------------- */

typedef struct file_writer {
    ir_writer base;
    ir_layout *l;
    ir_newfile file;
    int64_t len, begun; /* written; of that, given to the disk */
    bool partial;       /* the file has the name by which it is found again */
    int failed;         /* why it came to no end */
} file_writer;

static int file_write(ir_writer *w, const void *p, size_t len, imgrel_error *err)
{
    file_writer *f = (file_writer *)w;
    int rc = ir_fd_write(f->file.fd, ir_store_where(&f->l->base), p, len, err);
    if (rc == IMGREL_EIO)
        ir_cure(err, "make room where %.200s is", f->l->dir);
    if (rc < 0)
        return rc;
    f->len += (int64_t)len;
    if (!f->l->staged && f->len - f->begun >= EARLY) {
        /* The disk begins while the rest arrives. Where it can't, the sync at the end does it. */
        (void)sync_file_range(f->file.fd, f->begun, f->len - f->begun, SYNC_FILE_RANGE_WRITE);
        f->begun = f->len;
    }
    return 0;
}

static int file_commit(ir_writer *w, const char *digest, imgrel_error *err)
{
    file_writer *f = (file_writer *)w;
    char *path = ir_layout_blob_path(f->l, digest);
    if (!path)
        return ir_nomem(err);
    free(f->file.path);
    f->file.path = path; /* only now is it known */
    int rc = ir_newfile_rename(&f->file, !f->l->staged, err);
    if (!rc)
        ir_layout_keep(f->l);
    return rc;
}

static void file_free(ir_writer *w)
{
    file_writer *f = (file_writer *)w;
    if (f->partial)
        ir_partial_leave(&f->file, f->failed);
    else
        ir_newfile_abort(&f->file);
    ir_writer_clear(w);
    free(f);
}

static int open_temp(file_writer *f, const char *algorithm, imgrel_error *err)
{
    char *folder = ir_format("%s/blobs/%s", f->l->dir, algorithm);
    char *path = folder ? ir_path_join(folder, "upload") : NULL;
    imgrel_error e = {0};
    int rc = path ? IMGREL_ENOTFOUND : ir_nomem(&e);
    /* Another process may be about to remove a folder into which nothing came. */
    for (int tries = 0; rc == IMGREL_ENOTFOUND && tries < 4; tries++) {
        ir_error_clear(&e);
        rc = ir_mkdirs(folder, 0755, &e);
        if (!rc)
            rc = ir_newfile_open(&f->file, path, 0644, &e);
    }
    if (rc < 0 && err && !err->code)
        *err = e;
    free(folder);
    free(path);
    return rc;
}

/* What a killed process left of the blob, where the source can go on from there. */
static int open_partial(file_writer *f, const ir_desc *d, const ir_body *body, imgrel_error *err)
{
    imgrel_error ignored = {0};
    char *path = ir_layout_blob_path(f->l, d->digest);
    int rc = path ? ir_partial_open(&f->file, path, d, err) : ir_nomem(err);
    free(path);
    if (rc <= 0)
        return rc;
    f->partial = true;
    rc = body->fetch ? body->fetch(body->user, f->file.fd, err) : 0;
    if (rc) {
        f->base.verified = rc == 1;
        f->base.size = f->len = d->size;
        return rc;
    }
    int64_t have = ir_partial_have(&f->file, d);
    if (have && (!body->resume || body->resume(body->user, f->file.fd, have, &ignored) < 0))
        have = 0;
    if (ftruncate(f->file.fd, (off_t)have) || lseek(f->file.fd, 0, SEEK_END) < 0)
        return ir_fail_errno(err, errno, "%s", f->l->dir);
    f->len = f->begun = f->base.size = have;
    rc = body->verified ? 0 : ir_writer_adopt(&f->base, f->file.fd, have, err);
    return rc ? rc : 1;
}

/* d, body: of a blob that is known before; NULL. */
static int writer_new(ir_layout *l, const ir_call *call, const char *algorithm, const ir_desc *d,
                      const ir_body *body, ir_writer **ret, imgrel_error *err)
{
    static const ir_writer_ops ops = {file_write, file_commit, file_free};
    file_writer *f = calloc(1, sizeof *f);
    if (!f)
        return ir_nomem(err);
    f->l = l;
    f->file = (ir_newfile)IR_NEWFILE;
    int rc = ir_writer_init(&f->base, &ops, algorithm, err);
    if (!rc)
        rc = ir_layout_ensure(l, call, err);
    if (!rc && d)
        rc = open_partial(f, d, body, err);
    if (!rc)
        rc = open_temp(f, algorithm, err);
    f->failed = rc;
    if (rc < 0)
        file_free(&f->base);
    else
        *ret = &f->base;
    return rc < 0 ? rc : 0;
}

static int blob_create(ir_store *s, const ir_call *call, ir_writer **ret, imgrel_error *err)
{
    return writer_new((ir_layout *)s, call, "sha256", NULL, NULL, ret, err);
}

static int blob_exists(ir_store *s, const ir_call *call, const ir_desc *d, int64_t *ret_size,
                       imgrel_error *err)
{
    struct stat st;
    (void)call;
    char *path = ir_layout_blob_path((ir_layout *)s, d->digest);
    if (!path)
        return ir_nomem(err);
    int have = !stat(path, &st) && S_ISREG(st.st_mode) && (d->size < 0 || st.st_size == d->size);
    if (have)
        *ret_size = st.st_size;
    free(path);
    return have;
}

static int blob_have(ir_store *s, const ir_call *call, const ir_desc *d,
                     const char *from_repository, imgrel_error *err)
{
    int64_t size = 0;
    (void)from_repository;
    return blob_exists(s, call, d, &size, err);
}

static int blob_put(ir_store *s, const ir_call *call, const ir_desc *d, const ir_body *body,
                    const char *from_repository, const char **ret_state, imgrel_error *err)
{
    ir_writer *w = NULL;
    int rc = blob_have(s, call, d, from_repository, err);
    if (rc) {
        *ret_state = "exists";
        return rc < 0 ? rc : 0;
    }
    *ret_state = "pushed";
    rc = writer_new((ir_layout *)s, call, ir_digest_algorithm(d->digest), d, body, &w, err);
    if (rc < 0)
        return rc;
    rc = w->verified ? ir_writer_commit(w, d->digest, NULL, err)
                     : ir_body_store(call, body, w, d, err);
    ((file_writer *)w)->failed = rc;
    ir_writer_free(w);
    return rc;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static void layout_free(ir_store *s)
{
    ir_layout *l = (ir_layout *)s;
    imgrel_error ignored = {0};
    ir_layout_names_end(l);
    ir_layout_unmake(l);
    if (l->staged && l->dir && ir_rmtree(l->dir, &ignored) < 0)
        ir_error_clear(&ignored); /* a temporary folder that stays harms nobody */
    for (size_t i = 0; i < l->n_loose; i++)
        ir_desc_free(&l->loose[i]);
    free(l->loose);
    free(l->dir);
    pthread_mutex_destroy(&l->lock);
    ir_store_clear(s);
    free(l);
}

static const ir_store_ops layout_ops = {
    .finish = ir_layout_finish,
    .free = layout_free,
    .manifest_get = ir_layout_manifest_get,
    .manifest_head = ir_layout_manifest_head,
    .manifest_put = ir_layout_manifest_put,
    .manifest_delete = ir_layout_manifest_delete,
    .blob_exists = blob_exists,
    .blob_open = blob_open,
    .blob_have = blob_have,
    .blob_put = blob_put,
    .blob_create = blob_create,
    .tags = ir_layout_tags,
    .referrers = ir_layout_referrers,
};

int ir_layout_new(const ir_ref *ref, unsigned flags, char *dir, ir_layout **ret, imgrel_error *err)
{
    ir_layout *l = dir ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        free(dir);
        return ir_nomem(err);
    }
    l->base.ops = &layout_ops;
    l->base.flags = flags;
    l->dir = dir;
    pthread_mutex_init(&l->lock, NULL);
    if (ir_ref_copy(ref, &l->base.ref) < 0) {
        layout_free(&l->base);
        return ir_nomem(err);
    }
    *ret = l;
    return 0;
}

int ir_layout_open(const ir_call *call, const ir_ref *ref, unsigned flags, ir_store **ret,
                   imgrel_error *err)
{
    ir_layout *l = NULL;
    int rc = ir_layout_new(ref, flags, ir_strdup(ref->path), &l, err);
    if (rc < 0)
        return rc;
    rc = ir_layout_begin(l, call, err);
    if (rc < 0)
        layout_free(&l->base);
    else
        *ret = &l->base;
    return rc;
}
