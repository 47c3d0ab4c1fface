/* creds.c - asks for a login where people keep them, in the order that creds.h gives. What files
 * and helpers said is remembered for a minute, so that a job of many requests asks once. */
#include "net/creds_impl.h"
#include "net/memo.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define KEEP_MS (60 * 1000)
#define LOCK_STEP_MS 20

/* ---- what was found lately ------------------------------------------------------------------ */

static char **field(ir_creds *c, size_t i)
{
    char **const all[] = {&c->user, &c->secret, &c->identity_token, &c->registry_token, &c->source};
    return all[i];
}
#define N_FIELDS 5

int ir_creds_recall(const ir_call *call, const char *key, ir_creds *ret, imgrel_error *err)
{
    ir_strv v = {0};
    int rc = ir_memo_get(call->session, key, &v, err);
    for (size_t i = 0; rc == 1 && i < N_FIELDS && i < v.n; i++)
        if (v.v[i][0] && !(*field(ret, i) = ir_strdup(v.v[i])))
            rc = ir_nomem(err);
    ir_secrets_free(&v);
    return rc;
}

int ir_creds_keep(const ir_call *call, const char *key, const ir_creds *c, imgrel_error *err)
{
    ir_strv v = {0};
    int rc = 0;
    for (size_t i = 0; !rc && i < N_FIELDS; i++) {
        const char *s = *field((ir_creds *)c, i);
        rc = ir_strv_add(&v, s ? s : "");
    }
    rc = rc ? ir_nomem(err) : ir_memo_put(call->session, key, &v, KEEP_MS, err);
    ir_secrets_free(&v);
    return rc;
}

/* ---- the call's and the configuration's ----------------------------------------------------- */

static int set_login(const char *user, const char *secret, const char *source, ir_creds *ret,
                     imgrel_error *err)
{
    ret->source = ir_strdup(source);
    if (!ret->source)
        return ir_nomem(err);
    if (!user || !user[0])
        return 1;
    ret->user = ir_strdup(user);
    ret->secret = ir_strdup(secret ? secret : "");
    return ret->user && ret->secret ? 1 : ir_nomem(err);
}

/* Is a call's login for the host, or for a path on it under which the repository is? */
static bool login_is_for(const ir_login *l, const char *host, const char *repository)
{
    const char *slash = strchr(l->host, '/');
    if (!slash)
        return ir_streq(ir_creds_key(l->host), ir_creds_key(host));
    size_t len = strlen(slash + 1);
    return repository && strlen(host) == (size_t)(slash - l->host) && ir_starts(l->host, host) &&
           ir_starts(repository, slash + 1) && repository[len] == '/';
}

/* 1: found (maybe that it is to be anonymous). */
static int from_call(const ir_call *call, const char *host, const char *repository, ir_creds *ret,
                     imgrel_error *err)
{
    for (size_t i = 0; i < call->n_logins; i++) {
        const ir_login *l = &call->logins[i];
        if (login_is_for(l, host, repository))
            return set_login(l->user, l->secret, IR_CREDS_GIVEN, ret, err);
    }
    const ir_conf *conf = ir_call_conf(call);
    if (conf->registry_user && ir_strv_has(&conf->registry_hosts, host))
        return set_login(conf->registry_user, conf->registry_password, "registry_user", ret, err);
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------- */

static int add_path(ir_strv *paths, const char *dir, const char *name)
{
    if (!dir || !dir[0])
        return 0;
    char *path = ir_path_join(dir, name);
    int rc = path ? ir_strv_add(paths, path) : IMGREL_ENOMEM;
    free(path);
    return rc;
}

/* Every file that may hold logins, in order; a file that was named is the only one. */
static int list_files(const ir_conf *conf, ir_strv *ret, bool *ret_named)
{
    const char *named = conf->auth_file ? conf->auth_file : getenv("REGISTRY_AUTH_FILE");
    const char *home = getenv("HOME"), *docker = getenv("DOCKER_CONFIG");
    *ret_named = named && named[0];
    if (*ret_named)
        return ir_strv_add(ret, named);
    int rc = add_path(ret, getenv("XDG_RUNTIME_DIR"), "containers/auth.json");
    if (!rc)
        rc = add_path(ret, home, ".config/containers/auth.json");
    if (!rc)
        rc = docker && docker[0] ? add_path(ret, docker, "config.json")
                                 : add_path(ret, home, ".docker/config.json");
    return rc;
}

static int read_text(const ir_call *call, const char *text, size_t len, const char *what,
                     const char *host, const char *repository, ir_creds *ret, imgrel_error *err)
{
    char *helper = NULL;
    int rc = ir_creds_read(text, len, what, host, repository, ret, &helper, err);
    if (!rc && helper)
        rc = ir_creds_helper(call, helper, host, ret, err);
    if (!rc && ir_creds_some(ret) && !ret->source) {
        ret->source = helper ? ir_format("helper %s", helper) : ir_strdup(what);
        rc = ret->source ? 0 : ir_nomem(err);
    }
    free(helper);
    return rc;
}

/* A broken file that nobody named must not break a public pull; it is logged. */
static int read_file(const ir_call *call, const char *path, bool named, const char *host,
                     const char *repository, ir_creds *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    imgrel_error why = {0};
    int rc = ir_file_read(path, &text, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (!rc && !text.len)
        return 0;
    if (!rc)
        rc = read_text(call, text.p, text.len, path, host, repository, ret, &why);
    if (!rc)
        return 0;
    if (named || rc == IMGREL_ECANCELED || rc == IMGREL_ETIMEOUT || rc == IMGREL_ENOMEM) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "auth", "logins can't be read", "file", path,
               "why", why.message, NULL);
    ir_creds_free(ret);
    return 0;
}

static int from_files(const ir_call *call, const char *host, const char *repository, ir_creds *ret,
                      imgrel_error *err)
{
    IR_AUTO(ir_strv) paths = {0};
    const char *inlined = getenv("DOCKER_AUTH_CONFIG");
    bool named;
    int rc = list_files(ir_call_conf(call), &paths, &named) ? ir_nomem(err) : 0;
    if (!rc && inlined && inlined[0])
        rc = read_text(call, inlined, strlen(inlined), "DOCKER_AUTH_CONFIG", host, repository, ret,
                       err);
    for (size_t i = 0; !rc && i < paths.n && !ir_creds_some(ret); i++) {
        ir_creds_free(ret);
        rc = read_file(call, paths.v[i], named, host, repository, ret, err);
    }
    return rc;
}

int ir_creds_find(const ir_call *call, const char *host, const char *repository, ir_creds *ret,
                  imgrel_error *err)
{
    *ret = (ir_creds){NULL};
    int rc = from_call(call, host, repository, ret, err);
    if (rc) {
        if (rc < 0)
            ir_creds_free(ret);
        return rc < 0 ? rc : 0;
    }
    char *key = ir_format("login %s/%s", host, repository ? repository : "");
    rc = key ? ir_creds_recall(call, key, ret, err) : ir_nomem(err);
    if (rc == 0 && !(rc = from_files(call, host, repository, ret, err)))
        rc = ir_creds_keep(call, key, ret, err);
    free(key);
    if (rc < 0)
        ir_creds_free(ret);
    return rc < 0 ? rc : 0;
}

/* ---- keeping one ---------------------------------------------------------------------------- */

/* The file that is named, else the first that is there, else docker's. Links are followed, so that
 * the file is replaced and not the link. */
static int store_path(const ir_conf *conf, const char *host, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) paths = {0};
    bool named;
    *ret = NULL;
    if (list_files(conf, &paths, &named))
        return ir_nomem(err);
    if (!paths.n)
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: no place to keep its login: neither auth_file nor HOME is set", host);
    for (size_t i = 0; i < paths.n && !*ret; i++)
        if (!(*ret = realpath(paths.v[i], NULL)) && errno == ENOMEM)
            return ir_nomem(err);
    if (!*ret)
        *ret = ir_strdup(paths.v[paths.n - 1]);
    return *ret ? 0 : ir_nomem(err);
}

/* Two logins at once: one after the other, by a lock on the folder. */
static int lock_folder(const ir_call *call, const char *path, int *ret_fd, imgrel_error *err)
{
    char *dir = ir_strdup(path);
    char *slash = dir ? strrchr(dir, '/') : NULL;
    int rc = 0;
    if (!dir)
        return ir_nomem(err);
    if (slash)
        slash[slash == dir] = '\0';
    const char *name = slash ? dir : ".";
    *ret_fd = -1;
    rc = ir_mkdirs(name, 0700, err);
    if (!rc && (*ret_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = ir_fail_errno(err, errno, "%s", name);
    while (!rc && flock(*ret_fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            rc = ir_fail_errno(err, errno, "%s: lock", name);
        else
            rc = ir_sleep(call->cancel, LOCK_STEP_MS, call->deadline_ms, err);
    }
    free(dir);
    return rc;
}

/* old may be empty: there is no such file yet. */
static int read_old(const char *path, ir_buf *old, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_file_read(path, old, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

static int rewrite(const char *path, const ir_buf *old, const char *host, const char *user,
                   const char *secret, imgrel_error *err)
{
    IR_AUTO(ir_buf) new = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    int rc = ir_creds_merge(old->p, old->len, host, user, secret, &new, err);
    if (rc)
        return rc == IMGREL_EINVAL ? ir_error_prefix(err, "%s", path) : rc;
    ir_buf_addc(&new, '\n');
    rc = ir_buf_check(&new, err, path);
    return rc ? rc : ir_file_write(path, 0600, new.p, new.len, err);
}

/* With the helper that the file names for the host; what the file itself had of it goes. */
static int keep_by_helper(const ir_call *call, const char *helper, const char *path,
                          const ir_buf *old, const char *host, const char *user, const char *secret,
                          imgrel_error *err)
{
    imgrel_error none = {0}, unknown = {0};
    int rc = ir_creds_helper_keep(call, helper, host, user, secret, &unknown);
    bool absent = rc == IMGREL_ENOTFOUND && !user;
    if (!rc || absent) {
        int cleaned = rewrite(path, old, host, NULL, NULL, &none);
        if (cleaned && cleaned != IMGREL_ENOTFOUND) {
            if (err && !err->code)
                *err = none;
            return cleaned;
        }
        if (absent && !cleaned)
            return 0;
    }
    if (rc && err && !err->code)
        *err = unknown;
    return rc;
}

static int keep(const ir_call *call, const char *path, const char *host, const char *user,
                const char *secret, imgrel_error *err)
{
    IR_AUTO(ir_buf) old = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    char *helper = NULL;
    int rc = read_old(path, &old, err);
    if (!rc && ir_call_conf(call)->helpers)
        rc = ir_creds_helper_for(ir_buf_str(&old), old.len, path, host, &helper, err);
    if (!rc)
        rc = helper ? keep_by_helper(call, helper, path, &old, host, user, secret, err)
                    : rewrite(path, &old, host, user, secret, err);
    free(helper);
    return rc;
}

int ir_creds_store(const ir_call *call, const char *host, const char *user, const char *secret,
                   imgrel_error *err)
{
    char *path = NULL;
    int lock = -1, rc = store_path(ir_call_conf(call), host, &path, err);
    if (!rc)
        rc = lock_folder(call, path, &lock, err);
    if (!rc)
        rc = keep(call, path, host, user, secret ? secret : "", err);
    if (lock >= 0)
        close(lock);
    ir_memo_forget(call->session, "login ");
    ir_memo_forget(call->session, "helper ");
    free(path);
    return rc;
}
