/* mirrors_hosts.c - the places of a repository as containerd's hosts.toml has them: read for each
 * image, as containerd does, so that a change counts at once. */
#include "net/mirrors.h"
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/hosts_toml.h"
#include "fmt/url.h"
#include "net/hosts.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- the file ------------------------------------------------------------------------------- */

/* "h_5000_" or "h:5000", "h"; then "_default". */
static int folder_names(const char *host, ir_strv *ret)
{
    const char *colon = strrchr(host, ':');
    bool port = colon && !strchr(colon, ']');
    char *flat = port ? ir_format("%.*s_%s_", (int)(colon - host), host, colon + 1) : NULL;
    int rc = (port && (!flat || ir_strv_add(ret, flat))) || ir_strv_add(ret, host) ||
             ir_strv_add(ret, "_default");
    free(flat);
    return rc;
}

/* The first folder that is there counts, whether it has a hosts.toml or not. */
static int find_folder(const ir_strv *dirs, const char *host, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    int rc = folder_names(host, &names) ? ir_nomem(err) : 0;
    *ret = NULL;
    for (size_t i = 0; !rc && !*ret && i < dirs->n * names.n; i++) {
        *ret = ir_path_join(dirs->v[i / names.n], names.v[i % names.n]);
        if (!*ret)
            return ir_nomem(err);
        if (access(*ret, F_OK) == 0)
            break;
        free(*ret);
        *ret = NULL;
    }
    return rc;
}

static int read_hosts(const char *folder, ir_hosts_file *ret, bool *ret_there, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    imgrel_error why = {0};
    char *path = ir_path_join(folder, "hosts.toml");
    int rc = path ? ir_file_read(path, &text, &why) : ir_nomem(&why);
    *ret_there = rc == 0;
    if (!rc)
        rc = ir_hosts_toml_parse(ir_buf_str(&text), text.len, path, ret, &why);
    else if (rc == IMGREL_ENOTFOUND)
        rc = 0;
    free(path);
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

/* ---- an entry ------------------------------------------------------------------------------- */

static int read_pem(const char *folder, const char *name, ir_buf *pem, imgrel_error *err)
{
    char *path = ir_path_join(folder, name);
    int rc = path ? ir_file_read(path, pem, err) : ir_nomem(err);
    ir_buf_addc(pem, '\n');
    free(path);
    return rc ? rc : ir_buf_check(pem, err, name);
}

static int take_pem(ir_buf *pem, const char **ret, imgrel_error *err)
{
    return (*ret = ir_buf_take(pem)) ? 0 : ir_nomem(err);
}

static int set_tls(const ir_hosts_entry *from, const char *folder, ir_endpoint *e,
                   imgrel_error *err)
{
    IR_AUTO(ir_buf) ca = IR_BUF(IR_MIB);
    IR_AUTO(ir_buf) cert = IR_BUF_SECRET(IR_MIB);
    IR_AUTO(ir_buf) key = IR_BUF_SECRET(IR_MIB);
    int rc = 0;
    e->has_tls = from->skip_verify || from->ca.n || from->cert;
    e->tls = (ir_tls){.insecure = from->skip_verify, .beside = true};
    for (size_t i = 0; !rc && i < from->ca.n; i++)
        rc = read_pem(folder, from->ca.v[i], &ca, err);
    if (!rc && from->ca.n)
        rc = take_pem(&ca, &e->tls.ca_pem, err);
    if (!rc && from->cert)
        rc = read_pem(folder, from->cert, &cert, err);
    if (!rc && from->cert)
        rc = read_pem(folder, from->key ? from->key : from->cert, &key, err);
    if (!rc && from->cert && !(rc = take_pem(&cert, &e->tls.cert_pem, err)))
        rc = take_pem(&key, &e->tls.key_pem, err);
    return rc;
}

static int set_headers(const ir_hosts_entry *from, ir_endpoint *e, imgrel_error *err)
{
    if (!from->headers.n)
        return 0;
    e->headers = calloc(from->headers.n + 1, sizeof *e->headers);
    for (size_t i = 0; e->headers && i < from->headers.n; i++)
        if (!(e->headers[i] = ir_strdup(from->headers.v[i])))
            return ir_nomem(err);
    return e->headers ? 0 : ir_nomem(err);
}

/* The host as a login names it: a port that the scheme implies is left out. */
static char *login_host(const ir_url *url)
{
    bool usual = url->port == (ir_streq(url->scheme, "https") ? 443 : 80);
    return usual ? ir_strdup(url->host) : ir_format("%s:%d", url->host, url->port);
}

/* The repository behind a path: "/v2/project" + "library/nginx"; NULL if /v2 is not in it. */
static int set_address(const ir_hosts_entry *from, const ir_ref *ref, ir_endpoint *e,
                       imgrel_error *err)
{
    IR_AUTO(ir_url) url = {0};
    int rc = ir_url_parse(from->url, &url, err);
    if (rc)
        return rc;
    const char *path = url.path[1] ? url.path : "";
    const char *mid = from->override_path ? "" : "/v2";
    bool v2 = !from->override_path || !strcmp(path, "/v2");
    char *host = login_host(&url);
    bool hub = ir_streq(ref->host, "docker.io") && ir_streq(host, "registry-1.docker.io");
    bool other = host && !ir_streq(host, ref->host) && !hub;
    e->url = ir_format("%s%s/%s", from->url, mid, ref->repository);
    e->host = hub ? ir_strdup(ref->host) : host ? ir_strdup(host) : NULL;
    e->query = other ? ir_format("ns=%s", ref->host) : NULL;
    if (v2)
        e->repository = ir_strdup(ref->repository);
    else if (ir_starts(path, "/v2/"))
        e->repository = ir_format("%s/%s", path + 4, ref->repository);
    bool whole = host && e->url && e->host && (e->query || !other) &&
                 (e->repository || !(v2 || ir_starts(path, "/v2/")));
    free(host);
    return whole ? 0 : ir_nomem(err);
}

static int add_entry(const ir_hosts_entry *from, const char *folder, const ir_ref *ref,
                     ir_endpoints *ret, imgrel_error *err)
{
    ir_endpoint e = {0};
    int rc = set_address(from, ref, &e, err);
    if (!rc)
        rc = set_tls(from, folder, &e, err);
    if (!rc)
        rc = set_headers(from, &e, err);
    if (!rc)
        return ir_endpoints_add(ret, &e, err);
    ir_endpoint_free(&e);
    return rc;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* By digest a place must be able to pull; by tag it is asked what the tag is, too. */
static bool serves(const ir_hosts_entry *e, const ir_ref *ref)
{
    unsigned wanted = ref->digest ? IR_HOSTS_PULL : IR_HOSTS_PULL | IR_HOSTS_RESOLVE;
    return (e->can & wanted) == wanted;
}

/* The host itself, with what the file says at its top. */
static int add_server(const ir_call *call, ir_hosts_file *f, const char *folder, const ir_ref *ref,
                      ir_endpoints *ret, imgrel_error *err)
{
    int rc = f->server.url ? 0 : ir_host_url(call, ref->host, &f->server.url, err);
    return rc ? rc : add_entry(&f->server, folder, ref, ret, err);
}

int ir_endpoints_from_hosts(const ir_call *call, const ir_ref *ref, bool mirrors, ir_endpoints *ret,
                            imgrel_error *err)
{
    ir_hosts_file f = {0};
    char *folder = NULL;
    bool there = false;
    int rc = find_folder(&ir_call_conf(call)->hosts_dirs, ref->host, &folder, err);
    if (!rc && folder)
        rc = read_hosts(folder, &f, &there, err);
    for (size_t i = 0; !rc && there && mirrors && i < f.n; i++)
        if (serves(&f.v[i], ref))
            rc = add_entry(&f.v[i], folder, ref, ret, err);
    if (!rc && there)
        rc = add_server(call, &f, folder, ref, ret, err);
    ir_hosts_file_free(&f);
    free(folder);
    return rc;
}
