/* layout_partial.c - what is there of a large blob when a process is killed while it writes it. The
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

int ir_partial_open(ir_newfile *f, const char *path, const ir_desc *d, int64_t *ret_have,
                    imgrel_error *err)
{
    struct stat st;
    *ret_have = 0;
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
    if (!f->path)
        return ir_nomem(err);
    /* One byte at least is asked for, so that the source has a say. */
    *ret_have = st.st_size < d->size ? st.st_size : d->size - 1;
    return 1;
}
