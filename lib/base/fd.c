/* fd.c - whole files: reads with a cap; writes that appear whole under their name or not at all;
 * folders made and removed; locks that can be cancelled. */
#include "base/fd.h"
#include "base/cancel.h"
#include "base/hash.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define TREE_DEPTH_MAX 256

int ir_fd_read_all(int fd, const char *name, ir_buf *out, imgrel_error *err)
{
    for (;;) {
        size_t left = out->max - out->len;
        char extra, *at = left ? ir_buf_room(out, left < CHUNK ? left : CHUNK) : &extra;
        if (!at)
            return ir_buf_check(out, err, name);
        ssize_t n = read(fd, at, left ? (left < CHUNK ? left : CHUNK) : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ir_fail_errno(err, errno, "%s", name);
        if (n == 0)
            return 0;
        if (!left) {
            out->bad = IMGREL_ELIMIT;
            return ir_buf_check(out, err, name);
        }
        ir_buf_added(out, (size_t)n);
    }
}

int ir_file_read(const char *path, ir_buf *out, imgrel_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = ir_fd_read_all(fd, path, out, err);
    close(fd);
    return rc;
}

int ir_file_read_regular(const char *path, ir_buf *out, imgrel_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = fstat(fd, &st) || !S_ISREG(st.st_mode)
                 ? ir_fail(err, IMGREL_EPROTO, "%s is no regular file", path)
                 : ir_fd_read_all(fd, path, out, err);
    close(fd);
    return rc;
}

int ir_fd_write(int fd, const char *name, const void *p, size_t len, imgrel_error *err)
{
    const char *at = p;
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ir_fail_errno(err, errno, "%s", name);
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static void newfile_reset(ir_newfile *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->temp);
    *f = (ir_newfile)IR_NEWFILE;
}

int ir_newfile_open(ir_newfile *f, const char *path, mode_t mode, imgrel_error *err)
{
    *f = (ir_newfile)IR_NEWFILE;
    for (int tries = 0; tries < 16; tries++) {
        unsigned char r[6];
        int rc = ir_random(r, sizeof r, err);
        if (rc)
            return rc;
        f->path = ir_strdup(path);
        f->temp =
            ir_format("%s.%02x%02x%02x%02x%02x%02x.tmp", path, r[0], r[1], r[2], r[3], r[4], r[5]);
        if (!f->path || !f->temp) {
            newfile_reset(f);
            return ir_nomem(err);
        }
        f->fd = open(f->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (f->fd >= 0)
            return 0;
        int errnum = errno;
        newfile_reset(f);
        if (errnum != EEXIST)
            return ir_fail_errno(err, errnum, "%s", path);
    }
    return ir_fail_errno(err, EEXIST, "%s", path);
}

int ir_folder_sync(const char *dir, imgrel_error *err)
{
    int rc = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : ir_fail_errno(err, errno, "%s", dir);
    /* Some file systems cannot sync a folder; they say EINVAL. */
    if (fsync(fd) && errno != EINVAL)
        rc = ir_fail_errno(err, errno, "%s", dir);
    close(fd);
    return rc;
}

/* The rename is on the disk once the folder is. */
static int sync_parent(const char *path, imgrel_error *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    int rc = dir ? ir_folder_sync(dir, err) : ir_nomem(err);
    free(dir);
    return rc;
}

static int rename_temp(ir_newfile *f, bool sync, imgrel_error *err)
{
    if (f->fd < 0)
        return ir_fail(err, IMGREL_ESTATE, "no file is open to commit");
    if ((sync && fsync(f->fd)) || rename(f->temp, f->path))
        return ir_fail_errno(err, errno, "%s", f->path);
    return 0;
}

int ir_newfile_rename(ir_newfile *f, bool sync, imgrel_error *err)
{
    int rc = rename_temp(f, sync, err);
    if (rc)
        ir_newfile_abort(f);
    newfile_reset(f);
    return rc;
}

int ir_newfile_commit(ir_newfile *f, imgrel_error *err)
{
    int rc = rename_temp(f, true, err);
    if (!rc)
        rc = sync_parent(f->path, err);
    else
        ir_newfile_abort(f);
    newfile_reset(f);
    return rc;
}

void ir_newfile_abort(ir_newfile *f)
{
    if (f->temp)
        unlink(f->temp);
    newfile_reset(f);
}

int ir_file_write(const char *path, mode_t mode, const void *p, size_t len, imgrel_error *err)
{
    ir_newfile f = IR_NEWFILE;
    int rc = ir_newfile_open(&f, path, mode, err);
    if (!rc)
        rc = ir_fd_write(f.fd, path, p, len, err);
    if (!rc)
        rc = ir_newfile_commit(&f, err);
    ir_newfile_abort(&f);
    return rc;
}

int ir_mkdirs(const char *path, mode_t mode, imgrel_error *err)
{
    char *copy = ir_strdup(path);
    if (!copy)
        return ir_nomem(err);
    int rc = 0;
    for (char *at = copy + 1; !rc && at[-1]; at++) {
        if (*at != '/' && *at)
            continue;
        char was = *at;
        *at = '\0';
        struct stat st;
        if (mkdir(copy, mode) && !(errno == EEXIST && !stat(copy, &st) && S_ISDIR(st.st_mode)))
            rc = ir_fail_errno(err, errno, "%s", copy);
        *at = was;
        if (!was)
            break;
    }
    free(copy);
    return rc;
}

static int remove_at(int dir, const char *name, int depth);

/* Takes fd. */
static int empty_folder(int fd, int depth)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -1;
    }
    int rc = 0;
    for (struct dirent *e; !rc && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            rc = remove_at(dirfd(d), e->d_name, depth + 1);
    int saved = errno;
    closedir(d);
    errno = saved;
    return rc;
}

static int remove_at(int dir, const char *name, int depth)
{
    if (!unlinkat(dir, name, 0) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (depth > TREE_DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || empty_folder(fd, depth))
        return -1;
    return unlinkat(dir, name, AT_REMOVEDIR);
}

int ir_rmtree_at(int dir, const char *name, imgrel_error *err)
{
    return remove_at(dir, name, 0) ? ir_fail_errno(err, errno, "%s", name) : 0;
}

int ir_rmtree(const char *path, imgrel_error *err)
{
    return ir_rmtree_at(AT_FDCWD, path, err);
}

char *ir_path_join(const char *dir, const char *name)
{
    if (!dir || name[0] == '/')
        return ir_strdup(name);
    return ir_format("%s%s%s", dir, ir_ends(dir, "/") ? "" : "/", name);
}

int ir_lock(const char *path, const struct imgrel_cancel *cancel, int64_t deadline_ms,
            imgrel_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        int rc = errno == EWOULDBLOCK ? ir_sleep(cancel, 50, deadline_ms, err)
                 : errno == EINTR     ? 0
                                      : ir_fail_errno(err, errno, "%s", path);
        if (rc) {
            ir_error_prefix(err, "waiting for lock %s", path);
            close(fd);
            return rc;
        }
    }
    return fd;
}
