/* pullsecret.c - what a pod's pull secrets hold for an image, read as the kubelet reads them: the
 * type must be right, and a key must stand for the image's registry: scheme and a leading /v1/ or
 * /v2/ fall away, the host may have * in a label, the port counts, a path is a prefix. */
#include "base/base64.h"
#include "base/limits.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <fnmatch.h>
#include <stdlib.h>

#define HUB "index.docker.io"

/* ---- keys ------------------------------------------------------------------------------------ */

/* Takes "host" and "/path" apart. */
static char *take_host(const char *text, const char **ret_path)
{
    size_t n = strcspn(text, "/");
    *ret_path = text + n;
    return ir_strndup(text, n);
}

/* Label by label, so that * stands for no dot. */
static bool host_matches(const char *pattern, const char *host)
{
    if (!strcmp(pattern, host)) /* of IPv6 too, whose brackets are no pattern */
        return true;
    for (;;) {
        size_t p = strcspn(pattern, "."), h = strcspn(host, ".");
        char *a = ir_strndup(pattern, p), *b = ir_strndup(host, h);
        bool same = a && b && !fnmatch(a, b, 0);
        free(a);
        free(b);
        if (!same || pattern[p] != host[h])
            return false;
        if (!pattern[p])
            return true;
        pattern += p + 1;
        host += h + 1;
    }
}

size_t ir_pull_key_len(const char *key)
{
    const char *scheme = strstr(key, "://"), *host = scheme ? scheme + 3 : key;
    const char *path = host + strcspn(host, "/");
    bool version = ir_starts(path, "/v2/") || ir_starts(path, "/v1/");
    return strlen(host) - (version ? 3 : 0);
}

bool ir_pull_key_matches(const char *key, const char *image)
{
    const char *path = NULL, *image_path = NULL, *scheme = strstr(key, "://");
    char *host = take_host(scheme ? scheme + 3 : key, &path);
    char *image_host = take_host(image, &image_path);
    bool named = image_host && *image_path &&
                 (strpbrk(image_host, ".:") || !strcmp(image_host, "localhost"));
    if (ir_starts(path, "/v2/") || ir_starts(path, "/v1/"))
        path += 3;
    if (!strcmp(path, "/"))
        path++;
    bool hub = !named || (image_host && !strcmp(image_host, "docker.io"));
    bool fits =
        host && image_host &&
        (hub ? !strcmp(host, HUB) || !strcmp(host, "docker.io") : host_matches(host, image_host)) &&
        (hub || ir_starts(image_path, path));
    free(host);
    free(image_host);
    return fits;
}

/* ---- one secret ------------------------------------------------------------------------------ */

/* The member of its data that its type says; *ret_whole: it is the map itself. NULL: a type that
 * the kubelet passes over. */
static const char *data_of(const ir_json *secret, bool *ret_whole)
{
    const char *type = ir_json_str(secret, "type");
    *ret_whole = ir_streq(type, "kubernetes.io/dockercfg");
    if (*ret_whole)
        return ir_json_str(ir_json_get(secret, "data"), ".dockercfg");
    if (!ir_streq(type, "kubernetes.io/dockerconfigjson"))
        return NULL;
    return ir_json_str(ir_json_get(secret, "data"), ".dockerconfigjson");
}

static int keep_login(const ir_json *entry, ir_pull_look *ret, imgrel_error *err)
{
    char *user = NULL, *secret = NULL;
    int rc = ir_secret_entry(entry, &user, &secret, NULL);
    if (rc == IMGREL_EPROTO) /* the kubelet itself tells of those */
        rc = 0;
    if (!rc && user) {
        free(ret->user);
        ir_free_secret(ret->secret);
        ret->user = user;
        ret->secret = secret;
        ret->state = IR_PULL_HAS;
        return 0;
    }
    free(user);
    ir_free_secret(secret);
    return rc ? ir_nomem(err) : 0;
}

/* The longest key that fits counts most. */
static int look_at_logins(const ir_json *auths, const char *image, ir_buf *hosts, ir_pull_look *ret,
                          imgrel_error *err)
{
    const ir_json *best = NULL;
    size_t longest = 0;
    for (void *it = ir_json_first(auths); it; it = ir_json_next(auths, it)) {
        const char *key = ir_json_key(it);
        ir_buf_addf(hosts, "%s%s", hosts->len ? ", " : "", key);
        if (ir_pull_key_matches(key, image) && ir_pull_key_len(key) >= longest) {
            best = ir_json_value(it);
            longest = ir_pull_key_len(key);
        }
    }
    ret->state = IR_PULL_OTHER;
    return best ? keep_login(best, ret, err) : 0;
}

static int read_logins(const ir_json *secret, const char *image, ir_buf *hosts, ir_pull_look *ret,
                       imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    ir_json *doc = NULL;
    bool whole = false;
    const char *data = data_of(secret, &whole);
    int rc = 0;
    if (!data) {
        ret->state = IR_PULL_TYPE;
    } else if (!ir_base64_decode(data, strlen(data), &text) ||
               ir_json_parse(ir_buf_str(&text), text.len, "secret", &doc, NULL)) {
        ret->state = IR_PULL_OTHER;
    } else {
        rc = look_at_logins(whole ? doc : ir_json_get(doc, "auths"), image, hosts, ret, err);
    }
    ir_json_free(doc);
    ir_buf_free(&text);
    return rc;
}

/* Says in a line of evidence what it is, and never what it holds. */
static int tell(ir_diagnosis *d, const char *name, const ir_json *secret, ir_pull_look *l,
                const char *hosts, imgrel_error *err)
{
    const char *type = ir_json_str(secret, "type");
    char *source = ir_format("secret %s", name);
    char *text = l->state == IR_PULL_MISSING ? ir_strdup("it does not exist")
                 : l->state == IR_PULL_UNKNOWN
                     ? ir_strdup("it may not be read with this kubeconfig")
                 : l->state == IR_PULL_TYPE
                     ? ir_format("it is of type %s", type ? type : "(none)")
                     : ir_format("it holds %s%s%s%s", *hosts ? "a login for " : "no login", hosts,
                                 l->state == IR_PULL_HAS ? "; the image's user is " : "",
                                 l->state == IR_PULL_HAS ? l->user : "");
    int rc = source && text ? ir_diagnosis_see(d, source, text, err) : ir_nomem(err);
    if (!rc) {
        free(l->detail);
        l->detail = ir_format("%s: %s", source, text);
    }
    free(source);
    free(text);
    return rc;
}

static int look_at(const ir_call *call, ir_kube *k, const char *ns, const char *name,
                   const char *image, ir_diagnosis *d, ir_pull_look *ret, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *secret = NULL;
    ir_buf hosts = IR_BUF(4096);
    char *object = ir_format("secret/%s", name);
    int rc = object ? ir_kube_get(call, k, ns, object, &secret, &why) : ir_nomem(&why);
    if (rc == IMGREL_ENOTFOUND || rc == IMGREL_EDENIED) {
        ret->state = rc == IMGREL_ENOTFOUND ? IR_PULL_MISSING : IR_PULL_UNKNOWN;
        rc = 0;
    } else if (rc) {
        ir_kube_pass(err, &why);
    } else {
        rc = read_logins(secret, image, &hosts, ret, err);
    }
    if (!rc)
        rc = tell(d, name, secret, ret, ir_buf_str(&hosts), err);
    ir_json_free(secret);
    ir_buf_free(&hosts);
    free(object);
    return rc;
}

/* ---- all of a pod's -------------------------------------------------------------------------- */

void ir_pull_look_free(ir_pull_look *l)
{
    free(l->detail);
    free(l->user);
    ir_free_secret(l->secret);
    memset(l, 0, sizeof *l);
}

int ir_pull_look_at(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                    const char *image, ir_diagnosis *d, ir_pull_look *ret, imgrel_error *err)
{
    const ir_json *all = ir_json_path(pod, "spec.imagePullSecrets");
    int rc = 0;
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < ir_json_len(all) && !rc; i++) {
        ir_pull_look one = {0};
        const char *name = ir_json_str(ir_json_at(all, i), "name");
        if (name && *name)
            rc = look_at(call, k, ns, name, image, d, &one, err);
        if (!rc && one.state > ret->state) {
            ir_pull_look_free(ret);
            *ret = one;
        } else {
            ir_pull_look_free(&one);
        }
    }
    if (rc)
        ir_pull_look_free(ret);
    return rc;
}
