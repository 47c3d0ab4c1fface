/* layer_root.c - opens folders inside a root: by openat2 with RESOLVE_IN_ROOT; where the kernel or
 * its filter has no openat2, by resolving every link here. */
#include "oci/layer_root.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RACES_MAX 64
#define LINKS_MAX 40
#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

int ir_root_open(ir_root *r, const char *path)
{
    r->fd = open(path, FOLDER);
    r->scoped = true;
    return r->fd < 0 ? -1 : 0;
}

void ir_root_close(ir_root *r)
{
    close(r->fd);
}

static int close_keep(int fd)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* ---- without openat2 ------------------------------------------------------------------------ */

/* Takes the first name of left into name; false: it is too long. */
static bool next_name(ir_buf *left, char name[NAME_MAX + 1])
{
    size_t len = strcspn(left->p, "/"), skip = len + (left->p[len] == '/');
    if (len > NAME_MAX)
        return false;
    memcpy(name, left->p, len);
    name[len] = '\0';
    memmove(left->p, left->p + skip, left->len - skip);
    ir_buf_truncate(left, left->len - skip);
    return true;
}

static void up(ir_buf *done)
{
    while (done->len && done->p[done->len - 1] != '/')
        ir_buf_truncate(done, done->len - 1);
    if (done->len)
        ir_buf_truncate(done, done->len - 1);
}

/* What is left, with a link's target before it. */
static int put_before(ir_buf *left, const char *target)
{
    IR_AUTO(ir_buf) more = IR_BUF(4 * PATH_MAX);
    ir_buf_addf(&more, "%s/%s", target, ir_buf_str(left));
    ir_buf_clear(left);
    ir_buf_adds(left, ir_buf_str(&more));
    return more.bad || left->bad ? -1 : 0;
}

/* One name more of the path that is resolved; 0, or -1 and errno. */
static int step(int root, ir_buf *done, ir_buf *left, unsigned *links)
{
    char name[NAME_MAX + 1], target[PATH_MAX];
    errno = ENAMETOOLONG;
    if (!next_name(left, name))
        return -1;
    if (!*name || strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        up(done);
        return 0;
    }
    ir_buf_addf(done, "%s%s", done->len ? "/" : "", name);
    if (done->bad)
        return -1;
    ssize_t n = readlinkat(root, ir_buf_str(done), target, sizeof target - 1);
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -1; /* no link, or nothing yet */
    target[n] = '\0';
    up(done);
    if (target[0] == '/')
        ir_buf_truncate(done, 0);
    errno = ELOOP;
    return ++*links > LINKS_MAX ? -1 : put_before(left, target);
}

/* Name by name, following no link at all. */
static int open_steps(int root, char *path)
{
    int fd = openat(root, ".", FOLDER);
    for (char *name = path, *end; fd >= 0 && *name; name = end) {
        end = name + strcspn(name, "/");
        char was = *end;
        *end = '\0';
        int next = openat(fd, name, FOLDER | O_NOFOLLOW);
        close_keep(fd);
        *end = was;
        end += was == '/';
        fd = next;
    }
    return fd;
}

static int open_resolved(int root, const char *path)
{
    unsigned links = 0;
    IR_AUTO(ir_buf) done = IR_BUF(PATH_MAX);
    IR_AUTO(ir_buf) left = IR_BUF(4 * PATH_MAX);
    ir_buf_adds(&left, path);
    while (left.len)
        if (step(root, &done, &left, &links) < 0)
            return -1;
    char nothing[1] = "";
    return open_steps(root, done.len ? done.p : nothing);
}

/* ---- folders -------------------------------------------------------------------------------- */

int ir_root_folder(ir_root *r, const char *path)
{
    struct open_how how = {.flags = FOLDER, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    for (int i = 0; r->scoped && i < RACES_MAX; i++) {
        long fd = syscall(SYS_openat2, r->fd, *path ? path : ".", &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != ENOSYS && errno != EPERM))
            return (int)fd;
        r->scoped = errno == EAGAIN;
    }
    return open_resolved(r->fd, path);
}

/* The folder, with the missing ones above it made. */
static int folder_made(ir_root *r, char *path)
{
    int fd = ir_root_folder(r, path);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    int above = ir_root_folder(r, "");
    for (char *name = path, *end; above >= 0; name = end + 1) {
        end = name + strcspn(name, "/");
        char was = *end;
        *end = '\0';
        fd = ir_root_folder(r, path);
        if (fd < 0 && errno == ENOENT && (mkdirat(above, name, 0755) == 0 || errno == EEXIST))
            fd = openat(above, name, FOLDER | O_NOFOLLOW);
        close_keep(above);
        *end = was;
        above = fd;
        if (!was)
            break;
    }
    return above;
}

int ir_root_parent(ir_root *r, char *path, bool make, const char **ret_name)
{
    char *slash = strrchr(path, '/'), nothing[1] = "";
    *ret_name = slash ? slash + 1 : path;
    if (slash)
        *slash = '\0';
    char *above = slash ? path : nothing;
    int fd = make ? folder_made(r, above) : ir_root_folder(r, above);
    if (slash)
        *slash = '/';
    return fd;
}
