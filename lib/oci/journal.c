/* journal.c - see journal.h. A file holds the digest of what follows it, and a JSON object. It is
 * named after the repository and the blob, locked by the one who uploads, and removed at the end or
 * by anybody once it is a week old, when registries have thrown the upload away themselves. */
#include "oci/journal.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fmt/digest.h"
#include "fmt/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WORTH (4 * (int64_t)IR_MIB) /* smaller blobs are sent anew */
#define FILE_MAX (2 * IR_URL_MAX)
#define STALE_S (7 * 24 * 3600)

typedef struct record {
    const char *repository, *digest, *location;
    int64_t size;
} record;

static const ir_json_row rows[] = {
    {"repository", IR_J_STRING, offsetof(record, repository), IR_J_REQUIRED},
    {"digest", IR_J_STRING, offsetof(record, digest), IR_J_REQUIRED},
    {"location", IR_J_STRING, offsetof(record, location), IR_J_REQUIRED},
    {"size", IR_J_INT, offsetof(record, size), IR_J_REQUIRED},
    {NULL, IR_J_STRING, 0, 0},
};

char *ir_journal_read(const char *p, size_t len, const char *repository_url, const ir_desc *d)
{
    char digest[IR_DIGEST_MAX], *location = NULL;
    ir_json *j = NULL;
    record r = {0};
    const char *line = memchr(p, '\n', len);
    size_t n = line ? (size_t)(line - p) : 0, rest = line ? len - n - 1 : 0;
    if (!line || ir_hash_bytes(line + 1, rest, digest, NULL) < 0 || n != strlen(digest) ||
        memcmp(p, digest, n) != 0 || ir_json_parse(line + 1, rest, "journal", &j, NULL) < 0)
        return NULL;
    if (!ir_json_decode(j, rows, true, "journal", &r, NULL) && r.size == d->size &&
        ir_streq(r.repository, repository_url) && ir_streq(r.digest, d->digest))
        location = ir_strdup(r.location);
    ir_json_free(j);
    return location;
}

static char *compose(const char *repository_url, const ir_desc *d, const char *location)
{
    char digest[IR_DIGEST_MAX], *text = NULL;
    ir_json *j = ir_json_pack("{s:s, s:s, s:s, s:I}", "repository", repository_url, "digest",
                              d->digest, "location", location, "size", (long long)d->size);
    char *json = ir_json_string(j, IR_JSON_COMPACT);
    if (json && !ir_hash_bytes(json, strlen(json), digest, NULL))
        text = ir_format("%s\n%s", digest, json);
    ir_json_free(j);
    ir_free_secret(json);
    return text;
}

/* ---- files ---------------------------------------------------------------------------------- */

static void sweep(const char *dir)
{
    DIR *d = opendir(dir);
    time_t now = time(NULL);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        if (strlen(e->d_name) == 64 && !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(st.st_mode) && now - st.st_mtime > STALE_S)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

/* Ours alone, locked, and still under its name: the one who had it before may have removed it. */
static bool take(int fd, const char *path)
{
    struct stat st, named;
    return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
           st.st_uid == geteuid() && !(st.st_mode & 077) && !lstat(path, &named) &&
           named.st_dev == st.st_dev && named.st_ino == st.st_ino;
}

/* "CACHE/uploads/HEX" */
static char *path_of(const char *cache_dir, const char *repository_url, const ir_desc *d)
{
    char key[IR_DIGEST_MAX], *path = NULL;
    char *name = ir_format("%s\n%s", repository_url, d->digest);
    char *dir = ir_path_join(cache_dir, "uploads");
    if (name && dir && !ir_mkdirs(dir, 0700, NULL) &&
        !ir_hash_bytes(name, strlen(name), key, NULL)) {
        sweep(dir);
        path = ir_path_join(dir, ir_digest_hex(key));
    }
    free(name);
    free(dir);
    return path;
}

static char *read_location(int fd, const char *repository_url, const ir_desc *d)
{
    ir_buf b = IR_BUF_SECRET(FILE_MAX);
    char *location = NULL;
    if (!ir_fd_read_all(fd, "journal", &b, NULL) && b.len)
        location = ir_journal_read(b.p, b.len, repository_url, d);
    ir_buf_free(&b);
    return location;
}

void ir_journal_open(ir_journal *j, const ir_call *call, const char *repository_url,
                     const ir_desc *d, char **ret_location)
{
    const char *cache_dir = ir_call_conf(call)->cache_dir;
    *ret_location = NULL;
    if (!cache_dir || d->size < WORTH)
        return;
    char *path = path_of(cache_dir, repository_url, d);
    int fd =
        path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600)
             : -1;
    if (fd < 0 || !take(fd, path)) {
        ir_log_say(ir_call_log(call), IMGREL_LOG_DEBUG, "oci", "an upload without a journal", "in",
                   cache_dir, NULL);
        if (fd >= 0)
            close(fd);
        free(path);
        return;
    }
    *j = (ir_journal){fd, path};
    *ret_location = read_location(fd, repository_url, d);
}

void ir_journal_write(ir_journal *j, const char *repository_url, const ir_desc *d,
                      const char *location)
{
    if (j->fd < 0)
        return;
    char *text = compose(repository_url, d, location);
    size_t len = text ? strlen(text) : 0;
    /* Half of it fails its digest: nothing has to be synced, or written in one go. */
    if (!text || pwrite(j->fd, text, len, 0) != (ssize_t)len || ftruncate(j->fd, (off_t)len))
        ir_journal_end(j);
    ir_free_secret(text);
}

void ir_journal_leave(ir_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    free(j->path);
    *j = (ir_journal)IR_JOURNAL;
}

void ir_journal_end(ir_journal *j)
{
    if (j->path)
        unlink(j->path);
    ir_journal_leave(j);
}
