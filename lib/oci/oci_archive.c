/* oci_archive.c - an image layout in one tar file (skopeo's oci-archive:). Of a tar that is read
 * only what a layout has is taken in: its two files, and blobs under valid digests. */
#include "oci/layout.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- reading -------------------------------------------------------------------------------- */

/* "blobs/sha256/<hex>" -> true: a name that may become a path of ours. */
static bool blob_name(const char *name)
{
    char digest[IR_DIGEST_MAX];
    if (!ir_starts(name, "blobs/") || strlen(name) >= IR_DIGEST_MAX)
        return false;
    memcpy(digest, name + 6, strlen(name + 6) + 1);
    char *slash = strchr(digest, '/');
    if (!slash)
        return false;
    *slash = ':';
    return ir_digest_valid(digest);
}

typedef struct out_file {
    int fd;
    const char *path;
} out_file;

static int to_file(void *user, const void *p, size_t len, imgrel_error *err)
{
    out_file *out = user;
    return ir_fd_write(out->fd, out->path, p, len, err);
}

static int take_file(ir_layout *l, const ir_call *call, ir_tar_file *f, const char *name,
                     imgrel_error *err)
{
    char *path = ir_path_join(l->dir, name);
    char *folder = path ? ir_strndup(path, (size_t)(strrchr(path, '/') - path)) : NULL;
    int rc = folder ? ir_mkdirs(folder, 0755, err) : ir_nomem(err);
    out_file out = {.fd = -1, .path = path};
    if (!rc) {
        out.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        rc = out.fd < 0 ? ir_fail_errno(err, errno, "%s", path) : 0;
    }
    if (!rc)
        rc = ir_tar_file_read(f, call, to_file, &out, err);
    if (out.fd >= 0)
        close(out.fd);
    free(folder);
    free(path);
    return rc;
}

static int take_in(ir_layout *l, const ir_call *call, const char *path, imgrel_error *err)
{
    ir_tar_file f;
    ir_tar_entry e;
    bool marked = false;
    int rc = ir_tar_file_open(&f, path, err);
    while (!rc && (rc = ir_tar_file_next(&f, call, &e, err)) == 1) {
        bool ours = !strcmp(e.path, "oci-layout") || !strcmp(e.path, "index.json");
        marked = marked || !strcmp(e.path, "oci-layout");
        rc = 0;
        if (e.type == 'f' && (ours || blob_name(e.path)))
            rc = take_file(l, call, &f, e.path, err);
    }
    ir_tar_file_close(&f);
    if (!rc && !marked) {
        rc = ir_fail(err, IMGREL_EPROTO, "%s is no OCI archive: it has no file oci-layout", path);
        ir_cure(err, "an archive of docker save is docker-archive:%.200s", path);
    }
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The blobs of one algorithm in the order of their names, so that equal content is equal bytes. */
static int add_blobs(ir_tar_new_file *f, const ir_call *call, const ir_layout *l,
                     const char *algorithm, imgrel_error *err)
{
    ir_strv names = {0};
    int rc = 0;
    char *folder = ir_format("%s/blobs/%s", l->dir, algorithm);
    DIR *d = folder ? opendir(folder) : NULL;
    free(folder);
    if (!d)
        return errno == ENOENT ? 0 : ir_fail_errno(err, errno, "%s", l->dir);
    for (struct dirent *e; !rc && (e = readdir(d));) {
        char *name = ir_format("blobs/%s/%s", algorithm, e->d_name);
        rc = !name || (blob_name(name) && ir_strv_add(&names, name)) ? ir_nomem(err) : 0;
        free(name);
    }
    closedir(d);
    if (names.n)
        qsort(names.v, names.n, sizeof *names.v, by_name);
    for (size_t i = 0; !rc && i < names.n; i++) {
        char digest[IR_DIGEST_MAX];
        size_t len = strlen(names.v[i] + 6);
        memcpy(digest, names.v[i] + 6, len + 1);
        *strchr(digest, '/') = ':';
        rc = ir_tar_new_file_blob(f, call, l, digest, names.v[i], err);
    }
    ir_strv_free(&names);
    return rc;
}

static int pack(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    static const char *const files[] = {"oci-layout", "index.json"};
    ir_tar_new_file f;
    int rc = ir_tar_new_file_open(&f, l->base.ref.path, err);
    for (size_t i = 0; !rc && i < sizeof files / sizeof *files; i++) {
        ir_buf b = IR_BUF(IR_LIST_PAGE_MAX);
        char *path = ir_path_join(l->dir, files[i]);
        rc = path ? ir_file_read(path, &b, err) : ir_nomem(err);
        if (!rc)
            rc = ir_tar_new_file_add(&f, files[i], ir_buf_str(&b), b.len, err);
        free(path);
        ir_buf_free(&b);
    }
    if (!rc)
        rc = add_blobs(&f, call, l, "sha256", err);
    if (!rc)
        rc = add_blobs(&f, call, l, "sha512", err);
    if (!rc)
        rc = ir_tar_new_file_end(&f, err);
    ir_tar_new_file_abort(&f);
    return rc;
}

/* ---- open ----------------------------------------------------------------------------------- */

int ir_oci_archive_open(const ir_call *call, const ir_ref *ref, unsigned flags, ir_store **ret,
                        imgrel_error *err)
{
    static const ir_layout_archive archive = {take_in, pack};
    return ir_layout_staged_open(call, ref, flags, &archive, ret, err);
}
