/* layer_extract.c - a layer's tar over a root file system, as image-spec layer.md says: whiteouts,
 * opaque folders, links. Every folder is opened inside the root (layer_root.h), and every file is
 * made new by its name there, so that nothing outside is touched. */
#include "oci/archive.h"
#include "oci/layer_marks.h"
#include "oci/layer_root.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * IR_KIB)

typedef struct extract {
    const ir_call *call;
    ir_untar *tar;
    ir_root root;
    bool owner;    /* we may give files away */
    ir_marks seen; /* what this layer has put down: whiteouts act on the layers below only */
    char *buf;
} extract;

/* ---- what this layer brought ---------------------------------------------------------------- */

/* A path and the folders above it. */
static int seen_add(ir_marks *seen, const char *path, imgrel_error *err)
{
    int rc = 0;
    ir_mark *mark = NULL;
    for (size_t i = 1; rc == 0 && path[0] && path[i - 1]; i++)
        if (path[i] == '/' || !path[i])
            rc = ir_marks_at(seen, path, i, &mark, err);
    return rc;
}

/* ---- whiteouts ------------------------------------------------------------------------------ */

static int hide_below(extract *x, int dir, ir_buf *path, imgrel_error *err);

/* Removes one name of the layers below; of a folder that this layer has touched, what is older. */
static int hide(extract *x, int dir, const char *name, ir_buf *path, imgrel_error *err)
{
    if (!ir_marks_find(&x->seen, ir_buf_str(path), path->len))
        return ir_rmtree_at(dir, name, err);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? 0 : hide_below(x, fd, path, err);
}

/* Takes dir. */
static int hide_below(extract *x, int dir, ir_buf *path, imgrel_error *err)
{
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return ir_fail_errno(err, errno, "%s", ir_buf_str(path));
    }
    int rc = 0;
    size_t len = path->len;
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        ir_buf_addf(path, "%s%s", len ? "/" : "", e->d_name);
        rc = ir_buf_check(path, err, "path");
        if (rc == 0)
            rc = hide(x, dirfd(d), e->d_name, path, err);
        ir_buf_truncate(path, len);
    }
    closedir(d);
    return rc;
}

static int whiteout(extract *x, int dir, const char *path, const char *name, imgrel_error *err)
{
    IR_AUTO(ir_buf) full = IR_BUF(PATH_MAX);
    size_t above = (size_t)(name - path);
    if (strcmp(name, IR_OPAQUE) == 0) {
        ir_buf_add(&full, path, above ? above - 1 : 0);
        int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? ir_fail_errno(err, errno, "%s", path) : hide_below(x, fd, &full, err);
    }
    name += strlen(IR_WHITEOUT);
    if (ir_starts(name, IR_WHITEOUT))
        return 0; /* aufs's own notes */
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return ir_fail(err, IMGREL_EPROTO, "layer: %s: not a whiteout", path);
    ir_buf_add(&full, path, above);
    ir_buf_adds(&full, name);
    return hide(x, dir, name, &full, err);
}

/* ---- entries -------------------------------------------------------------------------------- */

static int dress(extract *x, int fd, const ir_tar_entry *e, imgrel_error *err)
{
    const struct timespec times[2] = {{.tv_sec = e->mtime_s}, {.tv_sec = e->mtime_s}};
    /* Giving a file away clears its setuid bit, so that the mode comes after. */
    if (x->owner && fchown(fd, (uid_t)e->uid, (gid_t)e->gid) < 0)
        return ir_fail_errno(err, errno, "layer: %s: owner", e->path);
    int mode = e->type == 'd' && !x->owner ? e->mode | 0700 : e->mode;
    if (fchmod(fd, (mode_t)mode) < 0)
        return ir_fail_errno(err, errno, "layer: %s: mode", e->path);
    if (futimens(fd, times) < 0)
        return ir_fail_errno(err, errno, "layer: %s: time", e->path);
    return 0;
}

static int put_file(extract *x, int dir, const char *name, const ir_tar_entry *e, imgrel_error *err)
{
    int rc = ir_rmtree_at(dir, name, err);
    if (rc < 0)
        return rc;
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ir_fail_errno(err, errno, "layer: %s", e->path);
    for (int64_t n = 1; rc == 0 && n > 0;) {
        rc = ir_call_check(x->call, err);
        n = rc < 0 ? rc : ir_untar_read(x->tar, x->buf, BUFFER, err);
        rc = n < 0 ? (int)n : n ? ir_fd_write(fd, e->path, x->buf, (size_t)n, err) : 0;
    }
    if (rc == 0)
        rc = dress(x, fd, e, err);
    close(fd);
    return rc;
}

static int put_folder(extract *x, int dir, const char *name, const ir_tar_entry *e,
                      imgrel_error *err)
{
    struct stat st;
    bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    int rc = there ? 0 : ir_rmtree_at(dir, name, err);
    if (rc < 0)
        return rc;
    if (!there && mkdirat(dir, name, 0755) < 0)
        return ir_fail_errno(err, errno, "layer: %s", e->path);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ir_fail_errno(err, errno, "layer: %s", e->path);
    rc = dress(x, fd, e, err);
    close(fd);
    return rc;
}

static int put_symlink(extract *x, int dir, const char *name, const ir_tar_entry *e,
                       imgrel_error *err)
{
    const struct timespec times[2] = {{.tv_sec = e->mtime_s}, {.tv_sec = e->mtime_s}};
    int rc = ir_rmtree_at(dir, name, err);
    if (rc < 0)
        return rc;
    if (symlinkat(e->target, dir, name) < 0 ||
        (x->owner && fchownat(dir, name, (uid_t)e->uid, (gid_t)e->gid, AT_SYMLINK_NOFOLLOW) < 0) ||
        utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return ir_fail_errno(err, errno, "layer: %s", e->path);
    return 0;
}

/* A second name for a file that is there; a link's own name is linked, not what it leads to. */
static int put_hardlink(extract *x, int dir, const char *name, const ir_tar_entry *e,
                        imgrel_error *err)
{
    const char *last = NULL;
    const char *from = e->target + (ir_starts(e->target, "./") ? 2 : 0);
    int rc = ir_layer_path_check(from, "link target", err);
    char *target = rc < 0 ? NULL : ir_strdup(from);
    if (!target)
        return rc < 0 ? rc : ir_nomem(err);
    int at = ir_root_parent(&x->root, target, false, &last);
    struct stat a, b;
    bool same = at >= 0 && fstatat(at, last, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
                fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    if (at < 0)
        rc = ir_fail_errno(err, errno, "layer: %s: link to %s", e->path, e->target);
    if (rc == 0 && !same)
        rc = ir_rmtree_at(dir, name, err);
    if (rc == 0 && !same && linkat(at, last, dir, name, 0) < 0)
        rc = ir_fail_errno(err, errno, "layer: %s: link to %s", e->path, e->target);
    if (at >= 0)
        close(at);
    free(target);
    return rc;
}

static int put(extract *x, int dir, const char *name, const ir_tar_entry *e, imgrel_error *err)
{
    switch (e->type) {
    case 'f':
        return put_file(x, dir, name, e, err);
    case 'd':
        return put_folder(x, dir, name, e, err);
    case 'l':
        return put_symlink(x, dir, name, e, err);
    case 'h':
        return put_hardlink(x, dir, name, e, err);
    default: /* devices and pipes: a container gets its own /dev */
        ir_log_say(ir_call_log(x->call), IMGREL_LOG_WARN, "oci", "special file left out", "path",
                   e->path, NULL);
        return 0;
    }
}

static int entry_apply(extract *x, const ir_tar_entry *e, imgrel_error *err)
{
    const char *name = NULL;
    int rc = ir_layer_path_check(e->path, "name", err);
    if (rc < 0 || !*e->path) /* the root itself stays as it is */
        return rc;
    char *path = ir_strdup(e->path);
    if (!path)
        return ir_nomem(err);
    int dir = ir_root_parent(&x->root, path, true, &name);
    if (dir < 0)
        rc = ir_fail_errno(err, errno, "layer: %s: its folder", e->path);
    else if (!*name || strcmp(name, ".") == 0)
        rc = ir_fail(err, IMGREL_EPROTO, "layer: %s: not a name", e->path);
    else if (ir_starts(name, IR_WHITEOUT))
        rc = whiteout(x, dir, path, name, err);
    else
        rc = put(x, dir, name, e, err);
    if (rc == 0 && !ir_starts(name, IR_WHITEOUT))
        rc = seen_add(&x->seen, path, err);
    if (dir >= 0)
        close(dir);
    free(path);
    return rc;
}

int ir_layer_extract(const ir_call *call, ir_tar_in_fn *in, void *user, const char *root,
                     imgrel_error *err)
{
    extract x = {.call = call, .owner = geteuid() == 0};
    if (ir_root_open(&x.root, root) < 0)
        return ir_fail_errno(err, errno, "%s", root);
    x.buf = malloc(BUFFER);
    int rc = x.buf ? ir_untar_new(in, user, &x.tar, err) : ir_nomem(err);
    for (ir_tar_entry e; rc == 0;) {
        rc = ir_call_check(call, err);
        if (rc == 0)
            rc = ir_untar_next(x.tar, &e, err);
        if (rc <= 0)
            break;
        rc = entry_apply(&x, &e, err);
    }
    ir_untar_free(x.tar);
    ir_marks_free(&x.seen);
    free(x.buf);
    ir_root_close(&x.root);
    return rc;
}
