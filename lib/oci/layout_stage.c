/* layout_stage.c - what both kinds of archive need: a layout in a temporary folder (TMPDIR, else
 * /var/tmp), and tar files that are read into it and written from it. Archives are staged so that
 * blobs can be had in any order and by several threads, whatever their place in the tar and its
 * compression. */
#include "oci/layout.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP (256 * IR_KIB)

/* ---- the folder ----------------------------------------------------------------------------- */

static int make_folder(char **ret_dir, imgrel_error *err)
{
    const char *base = getenv("TMPDIR");
    *ret_dir = ir_format("%s/imgrel.XXXXXX", base && *base ? base : "/var/tmp");
    if (!*ret_dir)
        return ir_nomem(err);
    if (mkdtemp(*ret_dir))
        return 0;
    int rc = ir_fail_errno(err, errno, "%s", *ret_dir);
    ir_cure(err, "let TMPDIR name a folder with room for an archive's content");
    free(*ret_dir);
    *ret_dir = NULL;
    return rc;
}

static int stage(const ir_ref *ref, const ir_call *call, ir_layout **ret, imgrel_error *err)
{
    char *dir = NULL;
    int rc = make_folder(&dir, err);
    if (!rc)
        rc = ir_layout_new(ref, IR_STORE_WRITE, dir, ret, err);
    if (rc < 0)
        return rc;
    (*ret)->staged = true;
    rc = ir_layout_prepare(*ret, call, err);
    if (rc < 0) {
        ir_store_free(&(*ret)->base);
        *ret = NULL;
    }
    return rc;
}

static int ready(ir_layout *l, const ir_call *call, unsigned flags, imgrel_error *err)
{
    int rc = ir_layout_finish(&l->base, call, err);
    l->base.flags = flags;
    return rc;
}

int ir_layout_staged_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                          const ir_layout_archive *archive, ir_store **ret, imgrel_error *err)
{
    ir_layout *l = NULL;
    int rc = stage(ref, call, &l, err);
    if (rc < 0)
        return rc;
    if (!(flags & IR_STORE_WRITE))
        rc = archive->take_in(l, call, ref->path, err);
    if (!rc && !(flags & IR_STORE_WRITE))
        rc = ready(l, call, flags, err);
    if (rc < 0) {
        ir_store_free(&l->base);
        return rc;
    }
    if (flags & IR_STORE_WRITE)
        l->pack = archive->pack;
    *ret = &l->base;
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int64_t file_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    ir_tar_file *f = user;
    ssize_t n = 0;
    do
        n = read(f->fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? ir_fail_errno(err, errno, "%s", f->path) : n;
}

int ir_tar_file_open(ir_tar_file *f, const char *path, imgrel_error *err)
{
    *f = (ir_tar_file){.path = path};
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (f->fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    return ir_untar_new(file_in, f, &f->tar, err);
}

int ir_tar_file_next(ir_tar_file *f, const ir_call *call, ir_tar_entry *ret, imgrel_error *err)
{
    int rc = 0;
    do {
        rc = ir_call_check(call, err);
        if (!rc)
            rc = ir_untar_next(f->tar, ret, err);
    } while (rc == 1 && ret->type == 'd');
    if (rc == 1 && ir_starts(ret->path, "./"))
        ret->path += 2;
    if (rc < 0)
        ir_error_prefix(err, "%s", f->path);
    return rc;
}

int ir_tar_file_read(ir_tar_file *f, const ir_call *call, ir_tar_out_fn *out, void *user,
                     imgrel_error *err)
{
    char *buf = malloc(STEP);
    if (!buf)
        return ir_nomem(err);
    int rc = 0;
    int64_t n = 1;
    while (!rc && n > 0) {
        rc = ir_call_check(call, err);
        n = rc ? 0 : ir_untar_read(f->tar, buf, STEP, err);
        if (n < 0)
            rc = (int)n;
        else if (n > 0)
            rc = out(user, buf, (size_t)n, err);
    }
    free(buf);
    return rc;
}

void ir_tar_file_close(ir_tar_file *f)
{
    ir_untar_free(f->tar);
    if (f->fd >= 0)
        close(f->fd);
    *f = (ir_tar_file){.fd = -1};
}

/* ---- writing -------------------------------------------------------------------------------- */

static int file_out(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_newfile *file = user;
    int rc = ir_fd_write(file->fd, file->path, p, len, err);
    if (rc == IMGREL_EIO)
        ir_cure(err, "make room where %.200s is", file->path);
    return rc;
}

int ir_tar_new_file_open(ir_tar_new_file *f, const char *path, imgrel_error *err)
{
    *f = (ir_tar_new_file){.file = IR_NEWFILE};
    int rc = ir_newfile_open(&f->file, path, 0644, err);
    return rc ? rc : ir_tar_new(file_out, &f->file, &f->tar, err);
}

int ir_tar_new_file_head(ir_tar_new_file *f, const char *name, int64_t size, imgrel_error *err)
{
    const ir_tar_entry e = {.path = name, .type = 'f', .size = size, .mode = 0644};
    return ir_tar_entry_add(f->tar, &e, err);
}

int ir_tar_new_file_add(ir_tar_new_file *f, const char *name, const void *p, size_t len,
                        imgrel_error *err)
{
    int rc = ir_tar_new_file_head(f, name, (int64_t)len, err);
    return rc ? rc : ir_tar_data(f->tar, p, len, err);
}

static int add_fd(ir_tar_new_file *f, const ir_call *call, int fd, const char *path,
                  const char *name, imgrel_error *err)
{
    struct stat st;
    ir_tar_file in = {.fd = fd, .path = path};
    char *buf = malloc(STEP);
    int64_t n = 1;
    if (!buf)
        return ir_nomem(err);
    int rc = fstat(fd, &st) ? ir_fail_errno(err, errno, "%s", path) : 0;
    if (!rc)
        rc = ir_tar_new_file_head(f, name, st.st_size, err);
    while (!rc && n > 0) {
        rc = ir_call_check(call, err);
        n = rc ? 0 : file_in(&in, buf, STEP, err);
        if (n < 0)
            rc = (int)n;
        else if (n > 0)
            rc = ir_tar_data(f->tar, buf, (size_t)n, err);
    }
    free(buf);
    return rc;
}

int ir_tar_new_file_blob(ir_tar_new_file *f, const ir_call *call, const ir_layout *l,
                         const char *digest, const char *name, imgrel_error *err)
{
    char *path = ir_layout_blob_path(l, digest);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    int rc = 0;
    if (!path)
        rc = ir_nomem(err);
    else if (fd < 0)
        rc = ir_fail_errno(err, errno, "%s", path);
    else
        rc = add_fd(f, call, fd, path, name, err);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int ir_tar_new_file_end(ir_tar_new_file *f, imgrel_error *err)
{
    int rc = ir_tar_end(f->tar, err);
    return rc ? rc : ir_newfile_commit(&f->file, err);
}

void ir_tar_new_file_abort(ir_tar_new_file *f)
{
    ir_tar_free(f->tar);
    ir_newfile_abort(&f->file);
    f->tar = NULL;
}
