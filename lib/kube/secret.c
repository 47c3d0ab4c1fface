/* secret.c - the docker-registry secret that a pod pulls with. Its keys are matched to images as
 * the kubelet does it: scheme and a leading /v1/ or /v2/ fall away, what is left is host and path
 * prefix, and the port counts. One entry that cannot be decoded spoils every pull of the pod. */
#include "base/base64.h"
#include "base/limits.h"
#include "kube/inside.h"
#include "kube/rules.h"
#include "net/creds.h"

#include <stdlib.h>

#define TYPE "kubernetes.io/dockerconfigjson"
#define DATA ".dockerconfigjson"
#define HUB "https://index.docker.io/v1/"
#define TRIES_MAX 5

/* The key under which a registry's login is written. */
static const char *key_for(const char *registry)
{
    return ir_streq(registry, "docker.io") || ir_streq(registry, "index.docker.io") ? HUB
                                                                                    : registry;
}

/* A key's host, as the kubelet reads it, if it names the whole host; NULL when it has a path. */
static char *key_host(const char *key)
{
    const char *host = strstr(key, "://");
    host = host ? host + 3 : key;
    const char *path = strchr(host, '/');
    size_t len = path ? (size_t)(path - host) : strlen(host);
    if (path && (ir_starts(path, "/v2/") || ir_starts(path, "/v1/")))
        path += 3;
    /* "https://host/v2" without the last slash is a path to the kubelet. */
    return !path || !strcmp(path, "/") ? ir_strndup(host, len) : NULL;
}

static bool key_is_for(const char *key, const char *registry)
{
    char *have = key_host(key), *want = key_host(key_for(registry));
    bool same = have && ir_streq(have, want);
    free(have);
    free(want);
    return same;
}

/* Splits "user:secret" at the first colon. */
static int split_auth(const char *auth, char **ret_user, char **ret_secret, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_SECRET_MAX);
    bool fine = ir_base64_decode(auth, strlen(auth), &text);
    const char *colon = fine ? strchr(ir_buf_str(&text), ':') : NULL;
    int rc = 0;
    if (!colon) {
        rc = ir_fail(err, IMGREL_EPROTO, "an `auth` of it cannot be decoded");
    } else {
        *ret_user = ir_strndup(text.p, (size_t)(colon - text.p));
        *ret_secret = ir_strdup(colon + 1);
        rc = *ret_user && *ret_secret ? 0 : ir_nomem(err);
    }
    ir_buf_free(&text);
    return rc;
}

int ir_secret_entry(const ir_json *entry, char **ret_user, char **ret_secret, imgrel_error *err)
{
    const char *auth = ir_json_str(entry, "auth");
    const char *user = ir_json_str(entry, "username"), *secret = ir_json_str(entry, "password");
    if (auth && *auth)
        return split_auth(auth, ret_user, ret_secret, err);
    *ret_user = ir_strdup(user ? user : "");
    *ret_secret = ir_strdup(secret ? secret : "");
    return *ret_user && *ret_secret ? 0 : ir_nomem(err);
}

/* ---- the document ---------------------------------------------------------------------------- */

/* Decodes data[".dockerconfigjson"]; "" when it is not there. */
static int read_data(const ir_json *secret, const char *what, ir_buf *out, imgrel_error *err)
{
    const char *text = ir_json_str(ir_json_get(secret, "data"), DATA);
    if (text && !ir_base64_decode(text, strlen(text), out))
        return ir_fail(err, IMGREL_EPROTO, "secret %s: %s is not base64", what, DATA);
    return ir_buf_check(out, err, what);
}

/* Other spellings of the same registry: their old login would be tried too. */
static int drop_other_keys(ir_json *auths, const char *registry)
{
    IR_AUTO(ir_strv) drop = {0};
    for (void *it = ir_json_first(auths); it; it = ir_json_next(auths, it))
        if (key_is_for(ir_json_key(it), registry) &&
            strcmp(ir_json_key(it), key_for(registry)) != 0 && ir_strv_add(&drop, ir_json_key(it)))
            return IMGREL_ENOMEM;
    for (size_t i = 0; i < drop.n; i++)
        ir_json_remove(auths, drop.v[i]);
    return 0;
}

static void warn_malformed(const ir_call *call, const ir_json *auths, const char *name)
{
    for (void *it = ir_json_first(auths); it; it = ir_json_next(auths, it)) {
        char *user = NULL, *secret = NULL;
        if (ir_secret_entry(ir_json_value(it), &user, &secret, NULL) == IMGREL_EPROTO)
            ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "kube",
                       "an `auth` that cannot be decoded stops every container that uses the "
                       "secret",
                       "name", name, "host", ir_json_key(it), NULL);
        free(user);
        ir_free_secret(secret);
    }
}

/* The wanted document from the old one ("": none); *ret_same: nothing is to be done. */
static int merge(const ir_call *call, const char *name, const char *registry, const char *user,
                 const char *password, const ir_buf *old, ir_buf *out, bool *ret_same,
                 imgrel_error *err)
{
    ir_json *before = NULL, *after = NULL;
    ir_buf merged = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    /* What is there and is no JSON object serves nobody and is replaced. */
    bool usable = old->len && !ir_json_parse(old->p, old->len, name, &before, NULL) &&
                  ir_json_is_object(before);
    int rc = ir_creds_merge(usable ? old->p : NULL, usable ? old->len : 0, key_for(registry), user,
                            password, &merged, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&merged), merged.len, name, &after, err);
    if (!rc && drop_other_keys(ir_json_get(after, "auths"), registry))
        rc = ir_nomem(err);
    if (!rc) {
        warn_malformed(call, ir_json_get(after, "auths"), name);
        *ret_same = usable && ir_json_equal(before, after);
        rc = ir_json_dump(after, IR_JSON_COMPACT, out, err);
    }
    ir_json_free(before);
    ir_json_free(after);
    ir_buf_free(&merged);
    return rc;
}

/* ---- the object ------------------------------------------------------------------------------ */

static ir_json *secret_object(const char *name, const char *data)
{
    return ir_json_pack("{s:s, s:s, s:s, s:{s:s}, s:{s:s}}", "apiVersion", "v1", "kind", "Secret",
                        "type", TYPE, "metadata", "name", name, "data", DATA, data);
}

static int create(const ir_call *call, ir_kube *k, const char *ns, const char *name,
                  const char *data, const ir_json *labels, imgrel_error *err)
{
    ir_json *secret = secret_object(name, data);
    int rc = !secret || ir_kube_add_labels(secret, labels)
                 ? ir_nomem(err)
                 : ir_kube_create(call, k, ns, secret, NULL, err);
    ir_json_free(secret);
    return rc;
}

/* Only if it is still what was read: another's change in between is ECONFLICT, and read again. */
static int update(const ir_call *call, ir_kube *k, const char *ns, const ir_json *old,
                  const char *data, imgrel_error *err)
{
    const char *version = ir_kube_meta(old, "resourceVersion");
    char *object = ir_format("secret/%s", ir_kube_meta(old, "name"));
    ir_json *patch = ir_json_pack("{s:{s:s}, s:{s:s}}", "metadata", "resourceVersion",
                                  version ? version : "", "data", DATA, data);
    int rc = object && patch ? ir_kube_patch(call, k, ns, object, "application/merge-patch+json",
                                             patch, NULL, err)
                             : ir_nomem(err);
    ir_json_free(patch);
    free(object);
    return rc;
}

static int wrong_type(const ir_kube *k, const char *ns, const char *name, const char *type,
                      imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT, "%s: secret %s in %s is of type %s, not %s", k->host, name,
            ir_kube_ns(k, ns), type ? type : "(none)", TYPE);
    return ir_cure(err, "use another name, or delete that secret: its type cannot be changed"),
           IMGREL_ECONFLICT;
}

/* One round: ECONFLICT with a reason of the server's means another round. */
static int ensure_once(const ir_call *call, ir_kube *k, const char *ns, const char *name,
                       const char *registry, const char *user, const char *password,
                       const ir_json *labels, const char **ret_change, imgrel_error *err)
{
    ir_buf old = IR_BUF_SECRET(IR_AUTH_FILE_MAX), doc = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    ir_buf data = IR_BUF_SECRET(2 * IR_AUTH_FILE_MAX);
    char *object = ir_format("secret/%s", name);
    ir_json *have = NULL;
    bool same = false;
    imgrel_error why = {0};
    int rc = object ? ir_kube_get(call, k, ns, object, &have, &why) : ir_nomem(&why);
    if (rc && rc != IMGREL_ENOTFOUND) {
        ir_kube_pass(err, &why);
        goto out;
    }
    *ret_change = rc ? "created" : "changed";
    if (!rc && !ir_streq(ir_json_str(have, "type"), TYPE)) {
        rc = wrong_type(k, ns, name, ir_json_str(have, "type"), err);
        goto out;
    }
    if ((rc = read_data(have, name, &old, err)) ||
        (rc = merge(call, name, registry, user, password, &old, &doc, &same, err)))
        goto out;
    ir_base64_add(&data, doc.p, doc.len);
    if ((rc = ir_buf_check(&data, err, name)))
        goto out;
    if (same)
        *ret_change = "unchanged";
    else
        rc = have ? update(call, k, ns, have, ir_buf_str(&data), err)
                  : create(call, k, ns, name, ir_buf_str(&data), labels, err);
out:
    ir_json_free(have);
    ir_buf_free(&old);
    ir_buf_free(&doc);
    ir_buf_free(&data);
    free(object);
    return rc;
}

int ir_kube_secret_ensure(const ir_call *call, ir_kube *k, const char *ns, const char *name,
                          const char *registry, const char *user, const char *password,
                          const ir_json *labels, const char **ret_change, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = 0;
    *ret_change = "unchanged";
    if (!registry || !*registry || !user || !password)
        return ir_fail(err, IMGREL_EINVAL, "secret %s: registry, user and password must be there",
                       name ? name : "");
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        ir_error_clear(&why);
        rc = ensure_once(call, k, ns, name, registry, user, password, labels, ret_change, &why);
        if (rc != IMGREL_ECONFLICT || why.http_status != 409)
            break;
    }
    return rc ? ir_kube_pass(err, &why) : 0;
}

/* The whole host's first: ensure writes that one, and the kubelet tries all that fit. Then the
 * longest path that the image lies under. */
static int find_entry(const ir_json *auths, const char *image, const ir_json **ret,
                      imgrel_error *err)
{
    size_t n = strcspn(image, "/"), longest = 0;
    char *host = ir_strndup(image, n);
    *ret = NULL;
    for (void *it = host ? ir_json_first(auths) : NULL; it; it = ir_json_next(auths, it)) {
        const char *key = ir_json_key(it);
        if (key_is_for(key, host)) {
            *ret = ir_json_value(it);
            break;
        }
        if (image[n] && ir_pull_key_len(key) >= longest && ir_pull_key_matches(key, image)) {
            *ret = ir_json_value(it);
            longest = ir_pull_key_len(key);
        }
    }
    int rc = host ? 0 : ir_nomem(err);
    free(host);
    return rc;
}

int ir_kube_secret_login(const ir_call *call, ir_kube *k, const char *ns, const char *name,
                         const char *image, char **ret_user, char **ret_secret, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    ir_json *secret = NULL, *doc = NULL;
    const ir_json *entry = NULL;
    char *object = ir_format("secret/%s", name);
    int rc = 0;
    *ret_user = *ret_secret = NULL;
    if ((rc = object ? ir_kube_get(call, k, ns, object, &secret, err) : ir_nomem(err)) ||
        (rc = read_data(secret, name, &text, err)))
        goto out;
    /* A parser's own words could quote the secret. */
    if (ir_json_parse(ir_buf_str(&text), text.len, name, &doc, NULL)) {
        rc = ir_fail(err, IMGREL_EPROTO, "%s: secret %s holds no JSON", k->host, name);
        goto out;
    }
    if ((rc = find_entry(ir_json_get(doc, "auths"), image, &entry, err)))
        goto out;
    rc = entry ? ir_secret_entry(entry, ret_user, ret_secret, err)
               : ir_fail(err, IMGREL_ENOTFOUND, "%s: secret %s in %s has no login for %s", k->host,
                         name, ir_kube_ns(k, ns), image);
    if (rc) {
        free(*ret_user);
        ir_free_secret(*ret_secret);
        *ret_user = *ret_secret = NULL;
    }
out:
    ir_json_free(secret);
    ir_json_free(doc);
    ir_buf_free(&text);
    free(object);
    return rc;
}
