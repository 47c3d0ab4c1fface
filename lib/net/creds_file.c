/* creds_file.c - docker's config.json and containers' auth.json as documents: read for one host,
 * and merged with a login, keeping whatever else is in them. */
#include "net/creds_impl.h"
#include "base/base64.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/json.h"

#include <stdlib.h>

static const char hub_key[] = "https://index.docker.io/v1/";

static bool is_hub(const char *host, size_t len)
{
    static const char *const names[] = {"docker.io", "index.docker.io", "registry-1.docker.io"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && strncmp(names[i], host, len) == 0)
            return true;
    return false;
}

const char *ir_creds_key(const char *host)
{
    return is_hub(host, strlen(host)) ? hub_key : host;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* How much of host/repository a key of auths covers, 0: not this one. A key with a scheme is a
 * host's whatever path follows; without one its path is a prefix of repositories. */
static size_t key_covers(const char *key, const char *host, const char *repository)
{
    const char *scheme = strstr(key, "://");
    const char *at = scheme ? scheme + 3 : key;
    size_t host_len = strcspn(at, "/");
    bool same = (strlen(host) == host_len && strncasecmp(at, host, host_len) == 0) ||
                (is_hub(at, host_len) && is_hub(host, strlen(host)));
    if (!same || !host_len)
        return 0;
    const char *path = at + host_len;
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    if (scheme || len <= 1)
        return 1;
    path++;
    len--;
    if (!repository || strncmp(path, repository, len) != 0)
        return 0;
    return repository[len] == '/' || !repository[len] ? 1 + len : 0;
}

static const ir_json *best_entry(const ir_json *auths, const char *host, const char *repository)
{
    const ir_json *best = NULL;
    size_t most = 0;
    for (void *it = ir_json_first(auths); it; it = ir_json_next(auths, it)) {
        size_t n = key_covers(ir_json_key(it), host, repository);
        if (n <= most || !ir_json_len(ir_json_value(it)))
            continue;
        most = n;
        best = ir_json_value(it);
    }
    return best;
}

/* ---- entries -------------------------------------------------------------------------------- */

static int set(char **where, const char *value)
{
    if (!value || !value[0])
        return 0;
    *where = ir_strdup(value);
    return *where ? 0 : IMGREL_ENOMEM;
}

/* "auth": base64 of user:secret; docker pads some with NULs. */
static int set_pair(const char *auth, const char *what, ir_creds *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) pair = IR_BUF_SECRET(IR_SECRET_MAX);
    if (!auth || !auth[0])
        return 0;
    bool good = ir_base64_decode(auth, strlen(auth), &pair);
    char *colon = good && pair.len ? memchr(pair.p, ':', pair.len) : NULL;
    if (!colon)
        return ir_fail(err, IMGREL_EINVAL, "%s: an auth is not base64 of user:password", what);
    *colon = '\0';
    if (set(&ret->user, pair.p) || set(&ret->secret, colon + 1))
        return ir_nomem(err);
    return 0;
}

static int read_entry(const ir_json *entry, const char *what, ir_creds *ret, imgrel_error *err)
{
    int rc = set_pair(ir_json_str(entry, "auth"), what, ret, err);
    if (rc)
        return rc;
    if (!ret->user && set(&ret->user, ir_json_str(entry, "username")))
        return ir_nomem(err);
    if (!ret->secret && set(&ret->secret, ir_json_str(entry, "password")))
        return ir_nomem(err);
    if (set(&ret->identity_token, ir_json_str(entry, "identitytoken")) ||
        set(&ret->registry_token, ir_json_str(entry, "registrytoken")))
        return ir_nomem(err);
    return 0;
}

/* A helper of this host's own, else the one for all. */
static const char *helper_for(const ir_json *doc, const char *host)
{
    const ir_json *helpers = ir_json_get(doc, "credHelpers");
    for (void *it = ir_json_first(helpers); it; it = ir_json_next(helpers, it))
        if (key_covers(ir_json_key(it), host, NULL))
            return ir_json_text(ir_json_value(it));
    return ir_json_str(doc, "credsStore");
}

void ir_creds_free(ir_creds *c)
{
    free(c->user);
    ir_free_secret(c->secret);
    ir_free_secret(c->identity_token);
    ir_free_secret(c->registry_token);
    free(c->source);
    *c = (ir_creds){NULL};
}

bool ir_creds_some(const ir_creds *c)
{
    return c->secret || c->identity_token || c->registry_token;
}

static int parse(const char *text, size_t len, const char *what, ir_json **ret, imgrel_error *err)
{
    int rc = ir_json_parse(text, len, what, ret, err);
    if (rc == IMGREL_EPROTO && err)
        err->code = IMGREL_EINVAL;
    if (rc)
        return rc == IMGREL_EPROTO ? IMGREL_EINVAL : rc;
    if (ir_json_is_object(*ret))
        return 0;
    ir_json_free(*ret);
    *ret = NULL;
    return ir_fail(err, IMGREL_EINVAL, "%s: not a JSON object", what);
}

int ir_creds_read(const char *text, size_t len, const char *what, const char *host,
                  const char *repository, ir_creds *ret, char **ret_helper, imgrel_error *err)
{
    ir_json *doc = NULL;
    *ret_helper = NULL;
    int rc = parse(text, len, what, &doc, err);
    if (rc)
        return rc;
    const ir_json *entry = best_entry(ir_json_get(doc, "auths"), host, repository);
    const char *helper = helper_for(doc, host);
    if (entry)
        rc = read_entry(entry, what, ret, err);
    if (!rc && !ir_creds_some(ret) && helper && !(*ret_helper = ir_strdup(helper)))
        rc = ir_nomem(err);
    ir_json_free(doc);
    return rc;
}

int ir_creds_helper_for(const char *text, size_t len, const char *what, const char *host,
                        char **ret, imgrel_error *err)
{
    ir_json *doc = NULL;
    *ret = NULL;
    int rc = len ? parse(text, len, what, &doc, err) : 0;
    const char *helper = helper_for(doc, host);
    if (!rc && helper && *helper && !(*ret = ir_strdup(helper)))
        rc = ir_nomem(err);
    ir_json_free(doc);
    return rc;
}

/* ---- merging -------------------------------------------------------------------------------- */

/* Removes every spelling of the host's own key; how many there were. */
static size_t forget_host(ir_json *auths, const char *host)
{
    size_t n = 0;
    for (void *it = ir_json_first(auths); it;) {
        const char *key = ir_json_key(it);
        if (key_covers(key, host, NULL) != 1) {
            it = ir_json_next(auths, it);
            continue;
        }
        ir_json_remove(auths, key);
        n++;
        it = ir_json_first(auths);
    }
    return n;
}

static ir_json *make_entry(const char *user, const char *secret)
{
    IR_AUTO(ir_buf) pair = IR_BUF_SECRET(IR_SECRET_MAX);
    IR_AUTO(ir_buf) auth = IR_BUF_SECRET(IR_SECRET_MAX * 2);
    ir_buf_addf(&pair, "%s:%s", user, secret);
    ir_base64_add(&auth, pair.p, pair.len);
    if (pair.bad || auth.bad)
        return NULL;
    return ir_json_pack("{s:s, s:s, s:s}", "username", user, "password", secret, "auth", auth.p);
}

int ir_creds_merge(const char *old, size_t old_len, const char *host, const char *user,
                   const char *secret, ir_buf *out, imgrel_error *err)
{
    ir_json *doc = NULL;
    if (user && strchr(user, ':'))
        return ir_fail(err, IMGREL_EINVAL, "%s: a user name can't hold a colon", host);
    int rc = old && old_len ? parse(old, old_len, "the stored logins", &doc, err) : 0;
    if (rc)
        return rc;
    if (!doc)
        doc = ir_json_new_object();
    ir_json *auths = ir_json_get(doc, "auths");
    if (doc && !auths) {
        ir_json_put(doc, "auths", ir_json_new_object());
        auths = ir_json_get(doc, "auths");
    }
    if (auths && !ir_json_is_object(auths))
        rc = ir_fail(err, IMGREL_EINVAL, "the stored logins: auths is not an object");
    if (!rc && !forget_host(auths, host) && !user)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no login to forget", host);
    if (!rc && user && ir_json_put(auths, ir_creds_key(host), make_entry(user, secret)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_json_dump(doc, IR_JSON_PRETTY, out, err);
    ir_json_free(doc);
    return rc;
}
