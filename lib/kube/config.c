/* config.c - from kubeconfig files to a handle: which files, how they are merged (the first file
 * that has an entry gives the whole of it), which context, and its cluster. Users are user.c's.
 * Every complaint names file, line and entry. */
#include "base/base64.h"
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/url.h"
#include "fmt/yaml.h"
#include "kube/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 64
#define SETTINGS "settings" /* the kind of the entry that a program's own settings are */

/* One file that was read. */
struct source {
    ir_yaml *yaml;
    char *dir;
};
struct sources {
    struct source v[FILES_MAX];
    size_t n;
    ir_strv names;
};

static void sources_free(struct sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        ir_yaml_free(s->v[i].yaml);
        free(s->v[i].dir);
    }
    ir_strv_free(&s->names);
}

void ir_kube_env_read(ir_kube_env *ret)
{
    ret->kubeconfig = getenv("KUBECONFIG");
    ret->home = getenv("HOME");
    ret->service_host = getenv("KUBERNETES_SERVICE_HOST");
    ret->service_port = getenv("KUBERNETES_SERVICE_PORT");
    ret->account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
}

/* ---- entries --------------------------------------------------------------------------------- */

int ir_kube_entry_fail(const ir_kube_entry *e, const char *key, imgrel_error *err, const char *fmt,
                       ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return ir_yaml_fail(e->yaml, e->value, key, err, "%s \"%s\": %s", e->kind, e->name, text);
}

int ir_kube_entry_text(const ir_kube_entry *e, const char *key, const char **ret, imgrel_error *err)
{
    const ir_json *v = ir_json_get(e->value, key);
    *ret = NULL;
    if (ir_json_is_null(v))
        return 0;
    if (!ir_json_is_string(v)) {
        ir_kube_entry_fail(e, key, err, "%s must be a string", key);
        return ir_cure(err, "put it in quotes"), IMGREL_EINVAL;
    }
    *ret = *ir_json_text(v) ? ir_json_text(v) : NULL;
    return 0;
}

int ir_kube_entry_bool(const ir_kube_entry *e, const char *key, bool *ret, imgrel_error *err)
{
    const ir_json *v = ir_json_get(e->value, key);
    *ret = ir_json_bool(e->value, key, false);
    if (!ir_json_is_null(v) && ir_json_bool(e->value, key, true) != *ret)
        return ir_kube_entry_fail(e, key, err, "%s must be true or false", key);
    return 0;
}

static int pem_from_data(const ir_kube_entry *e, const char *key, const char *text, ir_buf *out,
                         imgrel_error *err)
{
    /* Settings that a program gives may hold the text as it is. */
    if (!strcmp(e->kind, SETTINGS) && strstr(text, "-----BEGIN "))
        return ir_buf_adds(out, text), ir_buf_check(out, err, key);
    if (!ir_base64_decode(text, strlen(text), out))
        return ir_kube_entry_fail(e, key, err, "%s is not base64", key);
    return 0;
}

static int pem_from_file(const ir_kube_entry *e, const char *key, const char *path, ir_buf *out,
                         imgrel_error *err)
{
    imgrel_error why = {0};
    char *full = ir_path_join(e->dir, path);
    if (!full)
        return ir_nomem(err);
    int rc = ir_file_read(full, out, &why);
    free(full);
    return rc ? ir_kube_entry_fail(e, key, err, "%s: %s", key, why.message) : 0;
}

int ir_kube_entry_pem(const ir_kube_entry *e, const char *key, char **ret, imgrel_error *err)
{
    ir_buf out = IR_BUF_SECRET(IR_MIB);
    const char *data = NULL, *path = NULL;
    char data_key[64];
    int rc = 0;

    *ret = NULL;
    snprintf(data_key, sizeof data_key, "%s-data", key);
    if ((rc = ir_kube_entry_text(e, data_key, &data, err)) ||
        (rc = ir_kube_entry_text(e, key, &path, err)) || (!data && !path))
        return rc;
    rc =
        data ? pem_from_data(e, data_key, data, &out, err) : pem_from_file(e, key, path, &out, err);
    if (rc)
        goto out;
    if (strlen(ir_buf_str(&out)) != out.len || !strstr(ir_buf_str(&out), "-----BEGIN ")) {
        rc = ir_kube_entry_fail(e, data ? data_key : key, err, "%s holds no PEM",
                                data ? data_key : path);
        goto out;
    }
    if (!(*ret = ir_buf_take(&out)))
        rc = ir_nomem(err);
out:
    ir_buf_free(&out);
    return rc;
}

/* ---- reading and merging --------------------------------------------------------------------- */

/* A list of named entries must be one, and names must not repeat within a file. */
static int check_list(const ir_yaml *y, const char *list, const char *member, imgrel_error *err)
{
    const ir_json *all = ir_json_get(ir_yaml_root(y), list);
    if (ir_json_is_null(all))
        return 0;
    if (!ir_json_is_array(all))
        return ir_yaml_fail(y, ir_yaml_root(y), list, err, "%s must be a list", list);
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *item = ir_json_at(all, i);
        const char *name = ir_json_str(item, "name");
        const ir_json *value = ir_json_get(item, member);
        if (!ir_json_is_object(item) || !name)
            return ir_yaml_fail(y, item, NULL, err, "%s[%zu] has no name that is a string", list,
                                i);
        if (!ir_json_is_null(value) && !ir_json_is_object(value))
            return ir_yaml_fail(y, item, member, err, "%s \"%s\": must be a mapping", member, name);
        for (size_t j = 0; j < i; j++)
            if (ir_streq(ir_json_str(ir_json_at(all, j), "name"), name))
                return ir_yaml_fail(y, item, "name", err, "%s \"%s\" is there twice", member, name);
    }
    return 0;
}

static int check_file(const ir_yaml *y, imgrel_error *err)
{
    static const char *const lists[][2] = {
        {"clusters", "cluster"}, {"users", "user"}, {"contexts", "context"}};
    const ir_json *root = ir_yaml_root(y), *current = ir_json_get(root, "current-context");
    const char *kind = ir_json_str(root, "kind");
    if (ir_json_is_null(root))
        return 0; /* an empty file: no entries */
    if (!ir_json_is_object(root))
        return ir_yaml_fail(y, root, NULL, err, "a kubeconfig is a mapping");
    if (kind && *kind && strcmp(kind, "Config") != 0)
        return ir_yaml_fail(y, root, "kind", err, "kind is \"%s\", not Config", kind);
    if (!ir_json_is_null(current) && !ir_json_is_string(current))
        return ir_yaml_fail(y, root, "current-context", err, "current-context must be a string");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        int rc = check_list(y, lists[i][0], lists[i][1], err);
        if (rc)
            return rc;
    }
    return 0;
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? ir_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : ir_strdup(".");
}

static int add_source(struct sources *s, const char *p, size_t len, const char *name,
                      const char *dir, imgrel_error *err)
{
    if (s->n == FILES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "KUBECONFIG names more than %d files", FILES_MAX);
    struct source *at = &s->v[s->n];
    int rc = ir_yaml_parse(p, len, name, &at->yaml, err);
    if (rc)
        return rc;
    s->n++;
    at->dir = ir_strdup(dir);
    if (!at->dir || ir_strv_add(&s->names, name))
        return ir_nomem(err);
    return check_file(at->yaml, err);
}

/* optional: a file that is not there is passed over. */
static int add_file(struct sources *s, const char *path, bool optional, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_YAML_MAX);
    imgrel_error why = {0};
    char *dir = NULL;
    int rc = ir_file_read(path, &text, &why);
    if (rc) {
        rc = optional && rc == IMGREL_ENOTFOUND ? 0 : ir_kube_pass(err, &why);
    } else {
        dir = dir_of(path);
        rc = dir ? add_source(s, ir_buf_str(&text), text.len, path, dir, err) : ir_nomem(err);
    }
    free(dir);
    ir_buf_free(&text);
    return rc;
}

/* $KUBECONFIG's files, or the one in the home folder. */
static int add_default_files(struct sources *s, const ir_kube_env *env, imgrel_error *err)
{
    IR_AUTO(ir_strv) paths = {0};
    int rc = 0;
    if (env->kubeconfig && *env->kubeconfig) {
        if (ir_strv_split(&paths, env->kubeconfig, ':'))
            return ir_nomem(err);
    } else if (env->home && *env->home) {
        char *path = ir_path_join(env->home, ".kube/config");
        rc = path ? ir_strv_add(&paths, path) : IMGREL_ENOMEM;
        free(path);
        if (rc)
            return ir_nomem(err);
    }
    for (size_t i = 0; i < paths.n && !rc; i++)
        rc = add_file(s, paths.v[i], true, err);
    return rc;
}

static bool find_entry(const struct sources *s, const char *list, const char *member,
                       const char *name, ir_kube_entry *ret)
{
    for (size_t i = 0; i < s->n; i++) {
        const ir_json *all = ir_json_get(ir_yaml_root(s->v[i].yaml), list);
        for (size_t j = 0; j < ir_json_len(all); j++) {
            const ir_json *item = ir_json_at(all, j);
            if (!ir_streq(ir_json_str(item, "name"), name))
                continue;
            ret->yaml = s->v[i].yaml;
            ret->dir = s->v[i].dir;
            ret->kind = member;
            ret->name = ir_json_str(item, "name");
            ret->value = ir_json_get(item, member);
            /* `user:` without a value: an entry that holds nothing, told by its own place. */
            if (!ir_json_is_object(ret->value))
                ret->value = item;
            return true;
        }
    }
    return false;
}

static void list_contexts(const struct sources *s, ir_buf *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const ir_json *all = ir_json_get(ir_yaml_root(s->v[i].yaml), "contexts");
        for (size_t j = 0; j < ir_json_len(all); j++)
            ir_buf_addf(out, "%s%s", out->len ? ", " : "", ir_json_str(ir_json_at(all, j), "name"));
    }
}

static int no_context(const struct sources *s, const char *wanted, imgrel_error *err)
{
    ir_buf names = IR_BUF(200);
    list_contexts(s, &names);
    if (wanted)
        ir_fail(err, IMGREL_EINVAL, "%s: there is no context \"%s\"", s->names.v[0], wanted);
    else
        ir_fail(err, IMGREL_EINVAL, "%s: no current-context, and none was asked for",
                s->names.v[0]);
    ir_cure(err, "choose one of these contexts: %s", names.len ? ir_buf_str(&names) : "(none)");
    ir_buf_free(&names);
    return IMGREL_EINVAL;
}

static const char *current_context(const struct sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const char *name = ir_json_str(ir_yaml_root(s->v[i].yaml), "current-context");
        if (name && *name)
            return name;
    }
    return NULL;
}

/* ---- the cluster ----------------------------------------------------------------------------- */

int ir_kube_set_server(ir_kube *k, const char *server, bool tls, imgrel_error *err)
{
    IR_AUTO(ir_url) url = {0};
    char *full = strstr(server, "://") ? ir_strdup(server)
                                       : ir_format("%s://%s", tls ? "https" : "http", server);
    if (!full)
        return ir_nomem(err);
    int rc = ir_url_parse(full, &url, err);
    free(full);
    if (rc)
        return rc;
    if (url.user || url.query)
        return ir_fail(err, IMGREL_EINVAL, "server must hold no login and no query");
    char *origin = ir_url_origin(&url);
    size_t n = strlen(url.path);
    while (n && url.path[n - 1] == '/')
        n--;
    k->server = origin ? ir_format("%s%.*s", origin, (int)n, url.path) : NULL;
    k->host = ir_format("%s:%d", url.host, url.port);
    k->https = !strcmp(url.scheme, "https");
    free(origin);
    return k->server && k->host ? 0 : ir_nomem(err);
}

/* Takes text over; NULL stays NULL. */
static int keep(char **to, const char *text, imgrel_error *err)
{
    *to = ir_strdup(text);
    return text && !*to ? ir_nomem(err) : 0;
}

static int check_proxy(const ir_kube_entry *e, const char *proxy, imgrel_error *err)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://"};
    for (size_t i = 0; proxy && i < sizeof schemes / sizeof *schemes; i++)
        if (ir_starts(proxy, schemes[i]) && proxy[strlen(schemes[i])])
            return 0;
    return !proxy ? 0
                  : ir_kube_entry_fail(e, "proxy-url", err,
                                       "proxy-url must begin with http://, https:// or socks5://");
}

static int read_cluster(ir_kube *k, const ir_kube_entry *e, imgrel_error *err)
{
    const char *server = NULL, *tls_name = NULL, *proxy = NULL;
    imgrel_error why = {0};
    int rc = 0;
    if ((rc = ir_kube_entry_text(e, "server", &server, err)) ||
        (rc = ir_kube_entry_text(e, "tls-server-name", &tls_name, err)) ||
        (rc = ir_kube_entry_text(e, "proxy-url", &proxy, err)) ||
        (rc = ir_kube_entry_bool(e, "insecure-skip-tls-verify", &k->insecure, err)) ||
        (rc = ir_kube_entry_pem(e, "certificate-authority", &k->ca_pem, err)) ||
        (rc = check_proxy(e, proxy, err)) || (rc = keep(&k->tls_name, tls_name, err)) ||
        (rc = keep(&k->proxy, proxy, err)))
        return rc;
    if (!server)
        return ir_kube_entry_fail(e, NULL, err, "it names no server");
    if (k->insecure && k->ca_pem)
        return ir_kube_entry_fail(e, "insecure-skip-tls-verify", err,
                                  "a certificate authority and insecure-skip-tls-verify exclude "
                                  "each other");
    rc = ir_kube_set_server(k, server, k->ca_pem || k->insecure, &why);
    return rc == IMGREL_EINVAL ? ir_kube_entry_fail(e, "server", err, "%s", why.message)
           : rc                ? ir_kube_pass(err, &why)
                               : 0;
}

static int read_context(ir_kube *k, const struct sources *s, const char *context, imgrel_error *err)
{
    ir_kube_entry ctx = {0}, cluster = {0}, user = {0};
    const char *cluster_name = NULL, *user_name = NULL, *ns = NULL;
    const char *name = context && *context ? context : current_context(s);
    int rc = 0;
    if (!name || !find_entry(s, "contexts", "context", name, &ctx))
        return no_context(s, name, err);
    if ((rc = ir_kube_entry_text(&ctx, "cluster", &cluster_name, err)) ||
        (rc = ir_kube_entry_text(&ctx, "user", &user_name, err)) ||
        (rc = ir_kube_entry_text(&ctx, "namespace", &ns, err)) ||
        (rc = keep(&k->ns, ns ? ns : "default", err)))
        return rc;
    if (!cluster_name)
        return ir_kube_entry_fail(&ctx, NULL, err, "it names no cluster");
    if (!find_entry(s, "clusters", "cluster", cluster_name, &cluster))
        return ir_kube_entry_fail(&ctx, "cluster", err, "there is no cluster \"%s\"", cluster_name);
    if (user_name && !find_entry(s, "users", "user", user_name, &user))
        return ir_kube_entry_fail(&ctx, "user", err, "there is no user \"%s\"", user_name);
    if ((rc = read_cluster(k, &cluster, err)))
        return rc;
    return user_name ? ir_kube_user_read(k, &user, &cluster, err) : 0;
}

/* ---- settings without a file ----------------------------------------------------------------- */

/* One mapping with what a cluster, a user and a context have. */
static const char *const setting_keys[] = {"server",
                                           "namespace",
                                           "certificate-authority",
                                           "certificate-authority-data",
                                           "insecure-skip-tls-verify",
                                           "tls-server-name",
                                           "proxy-url",
                                           "token",
                                           "tokenFile",
                                           "username",
                                           "password",
                                           "client-certificate",
                                           "client-certificate-data",
                                           "client-key",
                                           "client-key-data",
                                           "as",
                                           "as-uid",
                                           "as-groups",
                                           "as-user-extra",
                                           "exec"};

static int check_setting(const ir_kube_entry *e, const char *key, imgrel_error *err)
{
    for (size_t i = 0; i < sizeof setting_keys / sizeof *setting_keys; i++)
        if (!strcmp(key, setting_keys[i]))
            return 0;
    return ir_kube_entry_fail(e, key, err, "there is no setting of this name: %s", key);
}

static int read_settings(ir_kube *k, const struct sources *s, imgrel_error *err)
{
    const ir_yaml *yaml = s->v[0].yaml;
    const ir_kube_entry e = {.yaml = yaml,
                             .dir = s->v[0].dir,
                             .kind = SETTINGS,
                             .name = "given",
                             .value = ir_yaml_root(yaml)};
    const char *ns = NULL;
    int rc = 0;
    for (void *it = ir_json_first(e.value); it && !rc; it = ir_json_next(e.value, it))
        rc = check_setting(&e, ir_json_key(it), err);
    if (rc || (rc = ir_kube_entry_text(&e, "namespace", &ns, err)) ||
        (rc = keep(&k->ns, ns ? ns : "default", err)) || (rc = read_cluster(k, &e, err)))
        return rc;
    return ir_kube_user_read(k, &e, &e, err);
}

/* A whole kubeconfig as text, or settings. */
static int read_text(ir_kube *k, struct sources *s, const char *text, const char *context,
                     imgrel_error *err)
{
    int rc = add_source(s, text, strlen(text), "the given settings", ".", err);
    if (rc)
        return rc;
    const ir_json *root = ir_yaml_root(s->v[0].yaml);
    if (ir_json_get(root, "clusters") || ir_json_get(root, "contexts"))
        return read_context(k, s, context, err);
    if (context && *context)
        return ir_fail(err, IMGREL_EINVAL, "context \"%s\": settings have no contexts", context);
    return read_settings(k, s, err);
}

/* ---- in a pod -------------------------------------------------------------------------------- */

static int account_file(const ir_kube_env *env, const char *name, char **ret, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_MIB);
    char *path = ir_path_join(env->account_dir, name);
    int rc = path ? ir_file_read(path, &text, err) : ir_nomem(err);
    free(path);
    if (!rc && !(*ret = ir_buf_take(&text)))
        rc = ir_nomem(err);
    ir_buf_free(&text);
    return rc;
}

/* The token is read again for every request: the kubelet swaps its file before it ends. */
static int read_account(ir_kube *k, const ir_kube_env *env, imgrel_error *err)
{
    bool v6 = strchr(env->service_host, ':') && env->service_host[0] != '[';
    char *server =
        ir_format(v6 ? "https://[%s]:%s" : "https://%s:%s", env->service_host, env->service_port);
    int rc = server ? ir_kube_set_server(k, server, true, err) : ir_nomem(err);
    free(server);
    if (rc || (rc = account_file(env, "ca.crt", &k->ca_pem, err)) ||
        (rc = account_file(env, "namespace", &k->ns, err)))
        return rc ? (ir_error_prefix(err, "service account of this pod"), rc) : 0;
    k->in_cluster = true;
    k->token_file = ir_path_join(env->account_dir, "token");
    k->user = ir_strdup("service account");
    return k->token_file && k->user ? 0 : ir_nomem(err);
}

static int no_config(const ir_kube_env *env, imgrel_error *err)
{
    bool set = env->kubeconfig && *env->kubeconfig;
    ir_fail(err, IMGREL_ENOTFOUND, "no Kubernetes configuration: %s%s, and this is no pod",
            set ? "no file of KUBECONFIG=" : "neither KUBECONFIG nor ~/.kube/config",
            set ? env->kubeconfig : "");
    ir_cure(err, "name a kubeconfig file, or set KUBECONFIG");
    return IMGREL_ENOTFOUND;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static int load_into(ir_kube *k, struct sources *s, const ir_kube_env *env, const char *kubeconfig,
                     const char *context, imgrel_error *err)
{
    if (kubeconfig && kubeconfig[0] == '{')
        return read_text(k, s, kubeconfig, context, err);
    int rc = kubeconfig ? add_file(s, kubeconfig, false, err) : add_default_files(s, env, err);
    if (rc || s->n)
        return rc ? rc : read_context(k, s, context, err);
    if (!env->service_host || !*env->service_host || !env->service_port || !*env->service_port)
        return no_config(env, err);
    if (context && *context)
        return ir_fail(err, IMGREL_EINVAL, "context \"%s\": in a pod there are no contexts",
                       context);
    return read_account(k, env, err);
}

int ir_kube_load(const ir_kube_env *env, const char *kubeconfig, const char *context, ir_kube **ret,
                 imgrel_error *err)
{
    struct sources s = {0};
    *ret = NULL;
    ir_kube *k = ir_kube_alloc();
    if (!k)
        return ir_nomem(err);
    int rc = load_into(k, &s, env, kubeconfig, context, err);
    sources_free(&s);
    if (rc)
        ir_kube_free(k);
    else
        *ret = k;
    return rc;
}

int ir_kube_parse(const char *p, size_t len, const char *name, const char *dir, const char *context,
                  ir_kube **ret, imgrel_error *err)
{
    struct sources s = {0};
    *ret = NULL;
    ir_kube *k = ir_kube_alloc();
    if (!k)
        return ir_nomem(err);
    int rc = add_source(&s, p, len, name, dir, err);
    if (!rc)
        rc = read_context(k, &s, context, err);
    sources_free(&s);
    if (rc)
        ir_kube_free(k);
    else
        *ret = k;
    return rc;
}

int ir_kube_new(const ir_call *call, const char *kubeconfig, const char *context, ir_kube **ret,
                imgrel_error *err)
{
    ir_kube_env env;
    (void)call;
    ir_kube_env_read(&env);
    return ir_kube_load(&env, kubeconfig, context, ret, err);
}

ir_kube *ir_kube_alloc(void)
{
    ir_kube *k = calloc(1, sizeof *k);
    if (k)
        pthread_mutex_init(&k->lock, NULL);
    return k;
}

void ir_kube_free(ir_kube *k)
{
    if (!k)
        return;
    pthread_mutex_destroy(&k->lock);
    ir_kube_exec_forget(k);
    ir_kube_exec_free(k->exec);
    ir_kube_kinds_free(k->kinds);
    char *texts[] = {k->server,   k->host,  k->ns,         k->user,       k->ca_pem,
                     k->tls_name, k->proxy, k->token_file, k->basic_user, k->cert_pem};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    ir_free_secret(k->key_pem);
    ir_free_secret(k->token);
    ir_free_secret(k->basic_password);
    ir_strv_free(&k->headers);
    free(k);
}

const char *ir_kube_namespace(const ir_kube *k)
{
    return k->ns;
}

const char *ir_kube_server(const ir_kube *k)
{
    return k->server;
}
