/* layout_marker.c - the folder of an image layout, and its marker file, which is also the lock
 * under which processes change what the folder holds. A layout is made when the first thing is
 * written, and goes again when that comes to nothing: a copy that fails leaves no empty one behind.
 */
#include "oci/layout.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARKER "oci-layout"
#define MARKER_MAX (4 * IR_KIB)
#define STALE_S (24 * 3600)
#define TRIES 16

static int check_marker(const ir_layout *l, const char *path, imgrel_error *err)
{
    ir_buf b = IR_BUF(MARKER_MAX);
    ir_json *j = NULL;
    const char *version = NULL;
    int rc = ir_file_read_regular(path, &b, err);
    if (rc == IMGREL_ENOTFOUND) {
        ir_error_clear(err);
        rc = ir_fail(err, rc, "%s is no OCI image layout: it has no file oci-layout", l->dir);
    }
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, path, &j, err);
    if (rc < 0)
        goto out;
    version = ir_json_str(j, "imageLayoutVersion");
    if (!version || !ir_starts(version, "1."))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: image layout version %.40s", l->dir,
                     version ? version : "(none)");
out:
    ir_json_free(j);
    ir_buf_free(&b);
    return rc;
}

/* Holding the marker's lock: the first to come writes it. 1: it was removed before we had it. */
static int write_marker(ir_layout *l, int fd, imgrel_error *err)
{
    static const char text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    struct stat st;
    if (fstat(fd, &st))
        return ir_fail_errno(err, errno, "%s", l->dir);
    if (!S_ISREG(st.st_mode))
        return ir_fail(err, IMGREL_EPROTO, "%s/" MARKER " is no regular file", l->dir);
    if (!st.st_nlink)
        return 1;
    if (st.st_size > 0)
        return 0;
    pthread_mutex_lock(&l->lock);
    l->made = true;
    pthread_mutex_unlock(&l->lock);
    if (fchmod(fd, 0644))
        return ir_fail_errno(err, errno, "%s", l->dir);
    return ir_fd_write(fd, l->dir, text, sizeof text - 1, err);
}

/* A process that was killed left its temporary file behind: after a day nobody writes to it. */
static void sweep(const char *blobs)
{
    DIR *d = opendir(blobs);
    time_t now = time(NULL);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        if (!ir_starts(e->d_name, "upload.") || !ir_ends(e->d_name, ".tmp"))
            continue;
        if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
            now - st.st_mtime > STALE_S)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

/* 1: what we had taken was on its way out. */
static int try_lock(ir_layout *l, const ir_call *call, const char *path, int *ret_fd,
                    imgrel_error *err)
{
    char *blobs = ir_path_join(l->dir, "blobs/sha256");
    int rc = blobs ? ir_mkdirs(blobs, 0755, err) : ir_nomem(err);
    free(blobs);
    int fd = rc ? rc : ir_lock(path, call->cancel, call->deadline_ms, err);
    if (fd < 0)
        return fd == IMGREL_ENOTFOUND ? 1 : fd;
    rc = write_marker(l, fd, err);
    if (rc)
        close(fd);
    else
        *ret_fd = fd;
    return rc;
}

int ir_layout_lock(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    imgrel_error e = {0};
    int fd = -1, rc = 1;
    char *path = ir_path_join(l->dir, MARKER);
    if (!path)
        return ir_nomem(err);
    for (int tries = 0; rc == 1 && tries < TRIES; tries++) {
        ir_error_clear(&e);
        rc = try_lock(l, call, path, &fd, &e);
    }
    free(path);
    if (rc == 1)
        rc = ir_fail(&e, IMGREL_EIO, "%s is removed again and again", l->dir);
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc < 0 ? rc : fd;
}

int ir_layout_prepare(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    int rc = 0;
    char *path = ir_path_join(l->dir, MARKER), *blobs = ir_path_join(l->dir, "blobs/sha256");
    if (!path || !blobs) {
        rc = ir_nomem(err);
    } else if (l->base.flags & IR_STORE_WRITE) {
        int fd = ir_layout_lock(l, call, err);
        rc = fd < 0 ? fd : 0;
        if (fd >= 0)
            close(fd);
        sweep(blobs);
    }
    if (!rc)
        rc = check_marker(l, path, err);
    free(path);
    free(blobs);
    return rc;
}

int ir_layout_begin(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    struct stat st;
    char *path = ir_path_join(l->dir, MARKER);
    if (!path)
        return ir_nomem(err);
    bool marked = !lstat(path, &st);
    bool folder = stat(l->dir, &st) ? errno == ENOENT : S_ISDIR(st.st_mode);
    free(path);
    l->lazy = (l->base.flags & IR_STORE_WRITE) && !marked && folder;
    return l->lazy ? 0 : ir_layout_prepare(l, call, err);
}

int ir_layout_ensure(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    pthread_mutex_lock(&l->lock);
    bool now = l->lazy;
    l->lazy = false;
    pthread_mutex_unlock(&l->lock);
    return now ? ir_layout_prepare(l, call, err) : 0;
}

void ir_layout_keep(ir_layout *l)
{
    pthread_mutex_lock(&l->lock);
    l->kept = true;
    pthread_mutex_unlock(&l->lock);
}

/* In the layout's folder. True: it is not there any more. */
static bool gone(int dir, const char *name)
{
    return !unlinkat(dir, name, AT_REMOVEDIR) || errno == ENOENT;
}

void ir_layout_unmake(ir_layout *l)
{
    if (!l->made || l->kept || l->staged)
        return;
    int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : openat(dir, MARKER, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    /* Who holds the lock, or has begun a file, has use for it. */
    if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && faccessat(dir, "index.json", F_OK, 0) &&
        gone(dir, "blobs/sha512") && gone(dir, "blobs/sha256") && gone(dir, "blobs") &&
        !unlinkat(dir, MARKER, 0))
        rmdir(l->dir);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
}
