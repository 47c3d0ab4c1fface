/* layout_partial.c - what is there of a large blob when a process ends while it writes it. The
 * temporary file is named after the blob and locked by the one who writes; whoever finds it free
 * goes on where it ends. Nothing is believed of it: all of it is hashed again with the rest, and if
 * the whole is not the blob, the file is thrown away and the blob fetched from its beginning. */
#include "oci/layout.h"
#include "base/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORTH (1 * IR_MIB) /* smaller blobs are fetched anew */
#define EDGE (128 * (int64_t)IR_KIB)

/* "DIR/HEX" -> "DIR/upload.HEX.tmp" */
static char *partial_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? ir_format("%.*s/upload.%s.tmp", (int)(slash - path), path, slash + 1) : NULL;
}

/* Locked, and still under its name: the one who had it before may have finished or dropped it. */
static bool take(int fd, const char *temp, struct stat *ret)
{
    struct stat named;
    return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, ret) && S_ISREG(ret->st_mode) &&
           !lstat(temp, &named) && named.st_dev == ret->st_dev && named.st_ino == ret->st_ino;
}

int ir_partial_open(ir_newfile *f, const char *path, const ir_desc *d, imgrel_error *err)
{
    struct stat st;
    if (d->size < (int64_t)WORTH)
        return 0;
    char *temp = partial_path(path);
    if (!temp)
        return ir_nomem(err);
    int fd = open(temp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
    if (fd < 0 || !take(fd, temp, &st) || futimens(fd, NULL)) {
        if (fd >= 0)
            close(fd);
        free(temp);
        return 0; /* a file of another name does as well, and tells what is wrong with the folder */
    }
    *f = (ir_newfile){.fd = fd, .temp = temp, .path = ir_strdup(path)};
    return f->path ? 1 : ir_nomem(err);
}

int64_t ir_partial_have(const ir_newfile *f, const ir_desc *d)
{
    struct stat st;
    int64_t size = fstat(f->fd, &st) ? 0 : st.st_size;
    int64_t hole = size ? lseek(f->fd, 0, SEEK_HOLE) : 0;
    int64_t have = hole < 0 || hole >= size ? size : hole / EDGE * EDGE;
    /* One byte at least is asked for, so that the source has a say. */
    return have < d->size ? have : d->size - 1;
}

void ir_partial_leave(ir_newfile *f, int why)
{
    struct stat st;
    if (!ir_worth_resuming(why) || f->fd < 0 || fstat(f->fd, &st) || !st.st_size) {
        ir_newfile_abort(f);
        return;
    }
    close(f->fd);
    free(f->path);
    free(f->temp);
    *f = (ir_newfile)IR_NEWFILE;
}
