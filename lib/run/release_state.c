/* release_state.c - what apply remembers beside the release file: which of the things that it found
 * it made itself, written before they are made, so that a run that was killed is taken up; and the
 * push robot's secret, which is kept nowhere else. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_MAX (1024 * 1024)
#define STATE_VERSION 1

static char *in_dir(const ir_rel_state *s, const char *app, const char *tail)
{
    char *name = ir_format("%s%s", app, tail);
    char *path = name ? ir_path_join(s->dir, name) : NULL;
    free(name);
    return path;
}

static int damaged(const ir_rel_state *s, imgrel_error *err)
{
    ir_error_clear(err);
    ir_fail(err, IMGREL_EPROTO, "%s: not a state that this version knows", s->path);
    return ir_cure(err, "remove it: what apply finds then counts as there before"), IMGREL_EPROTO;
}

static int read_state(ir_rel_state *s, imgrel_error *err)
{
    imgrel_error why = {0};
    IR_AUTO(ir_buf) b = IR_BUF(STATE_MAX);
    int rc = ir_file_read(s->path, &b, &why);
    ir_json_free(s->json);
    s->json = NULL;
    if (rc == IMGREL_ENOTFOUND) {
        s->json = ir_json_pack("{s:i}", "version", STATE_VERSION);
        return s->json ? 0 : ir_nomem(err);
    }
    if (rc && rc != IMGREL_ELIMIT)
        return ir_fail(err, rc, "%s", why.message);
    if (rc || ir_json_parse(ir_buf_str(&b), b.len, s->path, &s->json, NULL) ||
        ir_json_int(s->json, "version", 0) != STATE_VERSION)
        return damaged(s, err);
    return 0;
}

int ir_rel_state_open(const ir_release *r, ir_rel_state *ret, imgrel_error *err)
{
    *ret = (ir_rel_state){.lock = -1};
    ret->dir = r->state_dir ? ir_strdup(r->state_dir) : ir_path_join(r->dir, ".imgrel");
    ret->app = ir_strdup(r->file.app);
    ret->path = ret->dir && ret->app ? in_dir(ret, ret->app, ".json") : NULL;
    return ret->path ? read_state(ret, err) : ir_nomem(err);
}

/* Is the file that was locked still the one that has the name? A delete takes it away. */
static bool is_named(int fd, const char *path)
{
    struct stat a, b;
    return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* What a run that was killed was writing; it may be the push robot's secret. */
static int remove_stale(const ir_rel_state *s, imgrel_error *err)
{
    char *prefix = ir_format("%s.", s->app);
    DIR *d = opendir(s->dir);
    int rc = !prefix ? ir_nomem(err) : !d ? ir_fail_errno(err, errno, "%s", s->dir) : 0;
    for (struct dirent *e; !rc && (e = readdir(d));)
        if (ir_starts(e->d_name, prefix) && ir_ends(e->d_name, ".tmp") &&
            unlinkat(dirfd(d), e->d_name, 0) && errno != ENOENT)
            rc = ir_fail_errno(err, errno, "%s/%s", s->dir, e->d_name);
    if (d)
        closedir(d);
    free(prefix);
    return rc;
}

int ir_rel_state_lock(const ir_call *call, ir_rel_state *s, imgrel_error *err)
{
    char *path = in_dir(s, s->app, ".lock");
    int rc = path ? 0 : ir_nomem(err);
    while (!rc && s->lock < 0) {
        rc = ir_mkdirs(s->dir, 0700, err);
        if (!rc && (s->lock = ir_lock(path, call->cancel, call->deadline_ms, err)) < 0)
            rc = s->lock;
        if (!rc && !is_named(s->lock, path)) {
            close(s->lock);
            s->lock = -1;
        }
    }
    free(path);
    if (rc)
        s->lock = -1;
    else
        rc = remove_stale(s, err);
    return rc ? rc : read_state(s, err); /* another run may have ended in between */
}

void ir_rel_state_close(ir_rel_state *s)
{
    if (s->lock >= 0)
        close(s->lock);
    free(s->dir);
    free(s->path);
    free(s->app);
    ir_json_free(s->json);
    *s = (ir_rel_state){.lock = -1};
}

const char *ir_rel_state_get(const ir_rel_state *s, const char *section, const char *key)
{
    return ir_json_str(ir_json_get(s->json, section), key);
}

static int write_state(const ir_rel_state *s, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(STATE_MAX);
    int rc = ir_json_dump(s->json, IR_JSON_PRETTY, &b, err);
    ir_buf_addc(&b, '\n');
    if (!rc)
        rc = ir_buf_check(&b, err, s->path);
    if (!rc && (rc = ir_file_write(s->path, 0600, b.p, b.len, err)))
        ir_cure(err, "nothing was changed: see that %s can be written", s->dir);
    return rc;
}

int ir_rel_state_put(ir_rel_state *s, const char *section, const char *key, const char *value,
                     imgrel_error *err)
{
    if (ir_streq(ir_rel_state_get(s, section, key), value))
        return 0;
    ir_json *j = ir_json_get(s->json, section);
    if (!j && (ir_json_put(s->json, section, ir_json_new_object()) ||
               !(j = ir_json_get(s->json, section))))
        return ir_nomem(err);
    if (!value)
        ir_json_remove(j, key);
    else if (ir_json_puts(j, key, value))
        return ir_nomem(err);
    return write_state(s, err);
}

/* ---- the push robot's secret
 * --------------------------------------------------------------------- */

static char *secret_path(const ir_rel_state *s, const char *registry)
{
    char *tail = ir_format(".%s.push-robot", registry);
    char *path = tail ? in_dir(s, s->app, tail) : NULL;
    free(tail);
    return path;
}

int ir_rel_secret_read(const ir_rel_state *s, const char *registry, char **ret, imgrel_error *err)
{
    ir_buf b = IR_BUF_SECRET(IR_SECRET_MAX);
    char *path = secret_path(s, registry);
    int rc = path ? ir_file_read(path, &b, err) : ir_nomem(err);
    free(path);
    if (!rc)
        ir_buf_truncate(&b, strcspn(ir_buf_str(&b), "\r\n"));
    *ret = rc ? NULL : ir_buf_take(&b);
    ir_buf_free(&b);
    return !rc && !*ret ? ir_nomem(err) : rc;
}

int ir_rel_secret_write(const ir_rel_state *s, const char *registry, const char *secret,
                        imgrel_error *err)
{
    char *path = secret_path(s, registry);
    int rc = path ? ir_file_write(path, 0600, secret, strlen(secret), err) : ir_nomem(err);
    free(path);
    return rc;
}

static int unlink_file(char *path, imgrel_error *err)
{
    int rc = !path                             ? ir_nomem(err)
             : unlink(path) && errno != ENOENT ? ir_fail_errno(err, errno, "%s", path)
                                               : 0;
    free(path);
    return rc;
}

int ir_rel_secret_forget(const ir_rel_state *s, const char *registry, imgrel_error *err)
{
    return unlink_file(secret_path(s, registry), err);
}

int ir_rel_state_remove(ir_rel_state *s, imgrel_error *err)
{
    int rc = unlink_file(ir_strdup(s->path), err);
    if (!rc)
        rc = unlink_file(in_dir(s, s->app, ".lock"), err);
    if (!rc)
        (void)!rmdir(s->dir); /* other releases may live in it */
    return rc;
}
