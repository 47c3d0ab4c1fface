/* registry.c - the one registry object: a spec, read and checked. */
#include "node/node.h"

#include "base/fd.h"
#include "base/limits.h"
#include "fmt/ref.h"

#include <stdlib.h>

#define WHAT "registry spec"

typedef struct words {
    ir_node n;
    const char *url, *push_url, *ca, *ca_file;
} words;

#define ROW(name, type, field)                       \
    {                                                \
        name, IR_J_##type, offsetof(words, field), 0 \
    }
static const ir_json_row rows[] = {
    {"host", IR_J_STRING, offsetof(words, n.host), IR_J_REQUIRED},
    ROW("url", STRING, url),
    ROW("push_host", STRING, n.push_host),
    ROW("push_url", STRING, push_url),
    ROW("ca", STRING, ca),
    ROW("ca_file", STRING, ca_file),
    ROW("insecure", BOOL, n.insecure),
    ROW("address", STRING, n.address),
    ROW("user", STRING, n.user),
    ROW("password", STRING, n.password),
    ROW("push_user", STRING, n.push_user),
    ROW("push_password", STRING, n.push_password),
    ROW("mirrors", ARRAY, n.mirrors),
    ROW("name", STRING, n.name),
    ROW("namespace", STRING, n.ns),
    ROW("runtime", STRING, n.runtime),
    ROW("root", STRING, n.root),
    ROW("dir", STRING, n.dir),
    ROW("config", STRING, n.config),
    ROW("hosts_file", STRING, n.hosts_file),
    ROW("containerd", STRING, n.containerd),
    ROW("set_config_path", BOOL, n.set_config_path),
    ROW("remove", BOOL, n.remove),
    ROW("image", STRING, n.image),
    ROW("admin_secret", STRING, n.admin_secret),
    ROW("tls_secret", STRING, n.tls_secret),
    ROW("gitlab_url", STRING, n.gitlab_url),
    ROW("runner_token", STRING, n.runner_token),
    ROW("runner_secret", STRING, n.runner_secret),
    ROW("registry_secret", STRING, n.registry_secret),
    ROW("every", STRING, n.every),
    ROW("names", ARRAY, n.names),
    ROW("ports", ARRAY, n.ports),
    ROW("args", ARRAY, n.args),
    ROW("workers", INT, n.workers),
    ROW("completions", INT, n.completions),
    ROW("parallelism", INT, n.parallelism),
    {NULL, IR_J_STRING, 0, 0},
};

bool ir_node_plain(const char *url)
{
    return ir_starts(url, "http://");
}

/* An address of a registry, without a path: every file here wants it so. */
static int read_url(const char *text, const char *host, const char *key, char **ret,
                    imgrel_error *err)
{
    IR_AUTO(ir_url) u = {0};
    imgrel_error why = {0};
    char *whole = text ? ir_strdup(text) : ir_format("https://%s", host);
    int rc = whole ? ir_url_parse(whole, &u, &why) : ir_nomem(err);
    free(whole);
    if (rc == IMGREL_ENOMEM)
        return ir_nomem(err);
    if (rc || u.user || u.query || strcmp(u.path, "/"))
        return ir_fail(err, IMGREL_EINVAL,
                       WHAT ": \"%s\": \"%.200s\" is not an address like https://%s", key,
                       text ? text : "", host);
    *ret = ir_url_origin(&u);
    return *ret ? 0 : ir_nomem(err);
}

static int read_host(const char *host, const char *key, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_host_check(host, &why);
    if (rc == IMGREL_ENOMEM)
        return ir_nomem(err);
    if (rc < 0)
        return ir_fail(err, IMGREL_EINVAL,
                       WHAT ": \"%s\": \"%.200s\" is not a host[:port] without a scheme", key,
                       host);
    return 0;
}

static int read_ca(const words *w, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) pem = IR_BUF(IR_MIB);
    if (!w->ca && !w->ca_file)
        return 0;
    if (w->ca && w->ca_file)
        return ir_fail(err, IMGREL_EINVAL, WHAT ": \"ca\" and \"ca_file\" are both there");
    int rc = w->ca ? 0 : ir_file_read(w->ca_file, &pem, err);
    if (rc)
        return rc;
    if (w->ca)
        ir_buf_adds(&pem, w->ca);
    if (pem.len && pem.p[pem.len - 1] != '\n')
        ir_buf_addc(&pem, '\n');
    if ((rc = ir_buf_check(&pem, err, "ca")))
        return rc;
    if (!strstr(ir_buf_str(&pem), "-----BEGIN CERTIFICATE-----"))
        return ir_fail(err, IMGREL_EINVAL, WHAT ": %s holds no certificate (PEM)",
                       w->ca ? "\"ca\"" : w->ca_file);
    if (strstr(ir_buf_str(&pem), "PRIVATE KEY-----"))
        return ir_fail(err, IMGREL_EINVAL, WHAT ": %s holds a private key, which no node is given",
                       w->ca ? "\"ca\"" : w->ca_file);
    return (*ret = ir_buf_take(&pem)) ? 0 : ir_nomem(err);
}

static int check_texts(const ir_json *list, const char *key, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (!ir_json_text(ir_json_at(list, i)))
            return ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\" holds what is no text", key);
    return 0;
}

/* Paths and addresses go into files line by line. */
static int check_lines(const ir_json *doc, imgrel_error *err)
{
    for (void *it = ir_json_first(doc); it; it = ir_json_next(doc, it)) {
        const char *s = ir_json_text(ir_json_value(it));
        if (s && strcmp(ir_json_key(it), "ca") && strpbrk(s, "\r\n"))
            return ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\" has more than one line",
                           ir_json_key(it));
    }
    return 0;
}

static int check_runtime(const ir_node *n, imgrel_error *err)
{
    static const char *const known[] = {"containerd", "containers", "docker", "k3s"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(n->runtime, known[i]))
            return 0;
    return ir_fail(err, IMGREL_EINVAL,
                   WHAT ": runtime \"%.60s\" is none of containerd, containers, docker, k3s",
                   n->runtime);
}

static void set_defaults(ir_node *n)
{
    n->push_host = n->push_host ? n->push_host : n->host;
    n->runtime = n->runtime ? n->runtime : "containerd";
    n->root = n->root ? n->root : "";
    n->push_user = n->push_user ? n->push_user : n->user;
    n->push_password = n->push_password ? n->push_password : n->password;
}

static int read_parts(words *w, imgrel_error *err)
{
    ir_node *n = &w->n;
    const char *push_url = w->push_url ? w->push_url : n->push_host ? NULL : w->url;
    bool own = n->push_host && !w->push_url && w->url && ir_node_plain(w->url);
    set_defaults(n);
    int rc = read_host(n->host, "host", err);
    if (!rc)
        rc = read_host(n->push_host, "push_host", err);
    if (!rc)
        rc = read_url(w->url, n->host, "url", &n->url, err);
    if (!rc)
        rc = read_url(push_url, n->push_host, "push_url", &n->push_url, err);
    if (!rc && own) { /* inside the same cluster the same scheme is spoken */
        free(n->push_url);
        n->push_url = ir_format("http://%s", n->push_host);
        rc = n->push_url ? 0 : ir_nomem(err);
    }
    if (!rc)
        rc = read_ca(w, &n->ca, err);
    if (!rc)
        rc = check_runtime(n, err);
    return rc;
}

int ir_node_read(const ir_json *spec, ir_node *ret, imgrel_error *err)
{
    words w = {0};
    *ret = (ir_node){0};
    ir_json *doc = ir_json_copy(spec);
    int rc = doc ? ir_json_decode(doc, rows, true, WHAT, &w, err) : ir_nomem(err);
    w.n.doc = doc;
    if (!rc)
        rc = check_lines(doc, err);
    if (!rc)
        rc = read_parts(&w, err);
    if (!rc)
        rc = check_texts(w.n.mirrors, "mirrors", err);
    if (!rc)
        rc = check_texts(w.n.names, "names", err);
    if (!rc)
        rc = check_texts(w.n.ports, "ports", err);
    if (!rc)
        rc = check_texts(w.n.args, "args", err);
    if (!rc && (!w.n.user != !w.n.password || !w.n.push_user != !w.n.push_password))
        rc = ir_fail(err, IMGREL_EINVAL, WHAT ": a user needs a password, and a password a user");
    if (rc)
        ir_node_free(&w.n);
    else
        *ret = w.n;
    return rc;
}

void ir_node_free(ir_node *n)
{
    ir_json_free(n->doc);
    free(n->url);
    free(n->push_url);
    free(n->ca);
    *n = (ir_node){0};
}
