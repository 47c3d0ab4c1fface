/* files.c - files that commands read and write; secrets only come from a file or a pipe, and only
 * go to a file of mode 0600 or a pipe. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64u << 20)

static int read_all(int fd, const char *name, char **ret, size_t *ret_len, imgrel_error *err)
{
    size_t len = 0, cap = 65536;
    char *p = malloc(cap), *bigger = NULL;
    ssize_t n = 0;

    while (p && (n = read(fd, p + len, cap - len - 1)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || len + (size_t)n > FILE_MAX)
            break;
        len += (size_t)n;
        if (len + 1 < cap)
            continue;
        bigger = malloc(cap * 2); /* not realloc: what is left behind must be wiped */
        if (bigger)
            memcpy(bigger, p, len);
        explicit_bzero(p, cap);
        free(p);
        p = bigger;
        cap *= 2;
    }
    if (!p)
        return cli_nomem(err);
    if (n) {
        int rc = n < 0 ? cli_fail_errno(err, name)
                       : cli_fail(err, IMGREL_ELIMIT, NULL, "%s: longer than 64 MiB", name);
        explicit_bzero(p, cap);
        free(p);
        return rc;
    }
    p[len] = '\0';
    *ret = p;
    *ret_len = len;
    return 0;
}

int cli_read_file(const char *path, char **ret, size_t *ret_len, imgrel_error *err)
{
    bool in = !strcmp(path, "-");
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    *ret = NULL;
    if (fd < 0)
        return cli_fail_errno(err, path);
    rc = read_all(fd, in ? "standard input" : path, ret, ret_len, err);
    if (!in)
        close(fd);
    return rc;
}

int cli_read_secret(const cli *c, const char *path, char **ret, imgrel_error *err)
{
    struct stat st;
    size_t len = 0;
    int rc = 0;

    if (!strcmp(path, "-") && isatty(STDIN_FILENO))
        return cli_fail(err, IMGREL_EINVAL, "pipe it in, or name a file",
                        "a secret is not read from a terminal");
    rc = cli_read_file(path, ret, &len, err);
    if (rc)
        return rc;
    if (strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 077))
        cli_note(c, "%s can be read by others: chmod 600 it", path);
    while (len && ((*ret)[len - 1] == '\n' || (*ret)[len - 1] == '\r'))
        (*ret)[--len] = '\0';
    if (len && strlen(*ret) == len && !strchr(*ret, '\n'))
        return 0;
    cli_free_secret(*ret);
    *ret = NULL;
    return cli_fail(err, IMGREL_EINVAL, NULL,
                    "%s: it must hold one line, the secret, and nothing "
                    "else",
                    strcmp(path, "-") ? path : "standard input");
}

void cli_free_secret(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

int cli_secret_open(cli_secret_file *f, const char *path, imgrel_error *err)
{
    struct stat st;
    size_t len = strlen(path) + 8;

    *f = (cli_secret_file){ .fd = -1, .path = path };
    if (!strcmp(path, "-")) {
        if (isatty(STDOUT_FILENO))
            return cli_fail(err, IMGREL_EINVAL, "name a file, or pipe it on",
                            "a secret is not written to a terminal");
        f->fd = STDOUT_FILENO;
        return 0;
    }
    f->was_there = !stat(path, &st) && S_ISREG(st.st_mode) && st.st_size > 0;
    f->temp = malloc(len);
    if (!f->temp)
        return cli_nomem(err);
    snprintf(f->temp, len, "%s.XXXXXX", path);
    f->fd = mkostemp(f->temp, O_CLOEXEC); /* 0600 */
    if (f->fd >= 0)
        return 0;
    cli_fail(err, IMGREL_EIO, NULL, "%s: %s", path, strerror(errno));
    free(f->temp);
    f->temp = NULL;
    return IMGREL_EIO;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

int cli_secret_keep(cli_secret_file *f, const char *secret, imgrel_error *err)
{
    struct {
        const char *p;
        size_t len;
    } parts[] = { { secret, strlen(secret) }, { "\n", 1 } };
    const char *name = f->temp ? f->path : "standard output";

    for (size_t i = 0; i < 2; i++) {
        while (parts[i].len) {
            ssize_t n = write(f->fd, parts[i].p, parts[i].len);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return cli_fail(err, IMGREL_EIO, NULL, "%s: %s", name, strerror(errno));
            parts[i].p += n;
            parts[i].len -= (size_t)n;
        }
    }
    if (!f->temp)
        return 0;
    if (fsync(f->fd) || rename(f->temp, f->path) || sync_folder(f->path))
        return cli_fail(err, IMGREL_EIO, NULL, "%s: %s", name, strerror(errno));
    close(f->fd);
    free(f->temp);
    f->temp = NULL;
    f->fd = -1;
    return 0;
}

void cli_secret_drop(cli_secret_file *f)
{
    if (!f->temp)
        return;
    close(f->fd);
    unlink(f->temp);
    free(f->temp);
    f->temp = NULL;
}

int cli_read_spec(const char *path, json_t **ret, imgrel_error *err)
{
    json_error_t e;
    char *text = NULL;
    size_t len = 0;
    int rc = 0;

    *ret = NULL;
    if (!path) {
        *ret = json_object();
        return 0;
    }
    if ((rc = cli_read_file(path, &text, &len, err)))
        return rc;
    *ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(*ret))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "%s:%d:%d: %s", path, e.line, e.column,
                      *ret ? "not an object" : e.text);
    cli_free_secret(text);
    return rc;
}
