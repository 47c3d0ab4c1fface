/* context.c - a context as a tar, for a builder that cannot read the folder itself. Files are
 * root's, as Docker's own client sends them. */
#include "build/engine.h"
#include "build/ignore.h"

#include "base/fd.h"
#include "base/limits.h"
#include "oci/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 128
#define OUTSIDE ".dockerfile.imgrel" /* where a Dockerfile from outside goes */

typedef struct packer {
    const ir_job *job;
    ir_ignore ignore;
    const char *always; /* the Dockerfile's path: never left out */
    ir_tar *tar;
    int fd;
    const char *name;
    size_t n;
} packer;

static int out(void *user, const void *p, size_t len, imgrel_error *err)
{
    const packer *k = user;
    return ir_fd_write(k->fd, k->name, p, len, err);
}

static int add_bytes(packer *k, int fd, const char *path, int64_t left, imgrel_error *err)
{
    char chunk[65536];
    int rc = 0;
    while (!rc && left > 0) {
        ssize_t n = read(fd, chunk, left < (int64_t)sizeof chunk ? (size_t)left : sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ir_fail(err, IMGREL_EIO, "%s: changed while it was read", path);
        left -= n;
        rc = ir_tar_data(k->tar, chunk, (size_t)n, err);
    }
    return rc;
}

static int add_file(packer *k, ir_tar_entry *e, const char *path, imgrel_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = ir_tar_entry_add(k->tar, e, err);
    if (!rc)
        rc = add_bytes(k, fd, path, e->size, err);
    close(fd);
    return rc;
}

static int add_entry(packer *k, const char *path, const char *name, const struct stat *st,
                     imgrel_error *err)
{
    char target[4096] = "";
    ir_tar_entry e = {.path = name,
                      .mtime_s = st->st_mtime > 0 ? st->st_mtime : 0,
                      .mode = (int)(st->st_mode & 07777)};
    int rc = ir_call_check(k->job->call, err);
    if (!rc && ++k->n > IR_ENTRIES_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: more than %d files", k->job->spec->dir,
                     IR_ENTRIES_MAX);
    if (rc)
        return rc;
    if (S_ISREG(st->st_mode)) {
        e.type = 'f';
        e.size = st->st_size;
        return add_file(k, &e, path, err);
    }
    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0)
            return ir_fail_errno(err, errno, "%s", path);
        target[n] = '\0';
        e.type = 'l';
        e.target = target;
        return ir_tar_entry_add(k->tar, &e, err);
    }
    e.type = 'd';
    return S_ISDIR(st->st_mode) ? ir_tar_entry_add(k->tar, &e, err) : 0; /* sockets and the like */
}

static int walk(packer *k, const char *dir, int depth, imgrel_error *err);

static int visit(packer *k, const char *name, int depth, imgrel_error *err)
{
    struct stat st;
    bool ignored = ir_ignore_has(&k->ignore, name) && !ir_streq(name, k->always);
    char *path = ir_path_join(k->job->spec->dir, name);
    int rc = !path ? ir_nomem(err) : lstat(path, &st) ? ir_fail_errno(err, errno, "%s", path) : 0;
    if (!rc && !ignored)
        rc = add_entry(k, path, name, &st, err);
    bool look = !ignored || ir_ignore_has_exceptions(&k->ignore) ||
                (k->always && ir_starts(k->always, name));
    if (!rc && look && S_ISDIR(st.st_mode))
        rc = walk(k, name, depth + 1, err);
    free(path);
    return rc;
}

static int walk(packer *k, const char *dir, int depth, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    const struct dirent *e = NULL;
    int rc = 0;
    char *path = *dir ? ir_path_join(k->job->spec->dir, dir) : ir_strdup(k->job->spec->dir);
    DIR *d = path ? opendir(path) : NULL;
    if (!d)
        rc = path ? ir_fail_errno(err, errno, "%s", path) : ir_nomem(err);
    else if (depth > DEPTH_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: more than %d folders deep", path, DEPTH_MAX);
    while (!rc && (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && ir_strv_add(&names, e->d_name))
            rc = ir_nomem(err);
    if (d)
        closedir(d);
    free(path);
    ir_strv_sort(&names);
    for (size_t i = 0; !rc && i < names.n; i++) {
        char *name = *dir ? ir_path_join(dir, names.v[i]) : ir_strdup(names.v[i]);
        rc = name ? visit(k, name, depth, err) : ir_nomem(err);
        free(name);
    }
    return rc;
}

/* ---- the Dockerfile ----------------------------------------------------------------------------
 */

/* Its path in the context; NULL: it is not in it. */
static char *path_inside(const ir_job *job)
{
    char *dir = realpath(job->spec->dir, NULL), *file = realpath(job->spec->dockerfile, NULL);
    size_t len = dir ? strlen(dir) : 0;
    char *name = dir && file && !strncmp(file, dir, len) && file[len] == '/'
                     ? ir_strdup(file + len + 1)
                     : NULL;
    free(dir);
    free(file);
    return name;
}

/* From outside, under a name that .dockerignore leaves out of COPY: the daemon reads both first. */
static int add_outside(packer *k, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_DOCKERFILE_MAX);
    IR_AUTO(ir_buf) list = IR_BUF(2 * IR_MIB);
    ir_tar_entry e = {.path = OUTSIDE, .type = 'f', .mode = 0644};
    int rc = ir_file_read(k->job->spec->dockerfile, &text, err);
    for (size_t i = 0; i < k->ignore.patterns.n; i++)
        ir_buf_addf(&list, "%s\n", k->ignore.patterns.v[i]);
    ir_buf_adds(&list, OUTSIDE "\n.dockerignore\n");
    if (!rc)
        rc = ir_buf_check(&list, err, ".dockerignore");
    e.size = (int64_t)text.len;
    if (!rc)
        rc = ir_tar_entry_add(k->tar, &e, err);
    if (!rc)
        rc = ir_tar_data(k->tar, ir_buf_str(&text), text.len, err);
    e.path = ".dockerignore";
    e.size = (int64_t)list.len;
    if (!rc)
        rc = ir_tar_entry_add(k->tar, &e, err);
    return rc ? rc : ir_tar_data(k->tar, ir_buf_str(&list), list.len, err);
}

static int pack(packer *k, imgrel_error *err)
{
    int rc = ir_tar_new(out, k, &k->tar, err);
    if (!rc)
        rc = walk(k, "", 0, err);
    if (!rc && !k->always)
        rc = add_outside(k, err);
    return rc ? rc : ir_tar_end(k->tar, err);
}

int ir_context_pack(const ir_job *job, const char *path, char **ret_dockerfile, imgrel_error *err)
{
    packer k = {.job = job, .name = path, .fd = -1};
    char *inside = path_inside(job);
    k.always = inside;
    *ret_dockerfile = NULL;
    int rc = ir_ignore_read(job->spec->dir, job->spec->dockerfile, &k.ignore, err);
    if (!rc && (k.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        rc = ir_fail_errno(err, errno, "%s", path);
    if (!rc)
        rc = pack(&k, err);
    if (!rc && !(*ret_dockerfile = inside ? ir_strdup(inside) : ir_strdup(OUTSIDE)))
        rc = ir_nomem(err);
    ir_tar_free(k.tar);
    ir_ignore_free(&k.ignore);
    if (k.fd >= 0)
        close(k.fd);
    free(inside);
    return rc;
}
