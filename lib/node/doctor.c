/* doctor.c - why a node would not pull from a registry, asked of its files in the order in which
 * its runtime reads them, and then of the registry itself. It changes nothing. */
#include "node/doctor.h"

#include "base/limits.h"
#include "fmt/registries.h"
#include "net/http.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static int add_row(ir_node_doctor *d, const char *check, const char *state, const char *cure,
                   const ir_buf *text, imgrel_error *err)
{
    ir_json *row =
        ir_json_pack("{s:s, s:s, s:s}", "check", check, "state", state, "detail", ir_buf_str(text));
    int bad = row && cure && *cure ? ir_json_puts(row, "cure", cure) : 0;
    d->failed = d->failed || !strcmp(state, "fail");
    return ir_json_append(d->rows, row) | bad ? ir_nomem(err) : 0;
}

int ir_node_say(ir_node_doctor *d, const char *check, const char *state, const char *cure,
                imgrel_error *err, const char *fmt, ...)
{
    IR_AUTO(ir_buf) text = IR_BUF(4 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    return add_row(d, check, state, cure, &text, err);
}

int ir_node_say_trust(ir_node_doctor *d, const char *check, const char *url, imgrel_error *err,
                      const char *fmt, ...)
{
    IR_AUTO(ir_buf) text = IR_BUF(4 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    char *own = url ? ir_strdup(url) : ir_format("https://%s", d->node->host);
    char *cure = own ? ir_format("imgrel node hosts --host %s --url %s", d->node->host, own) : NULL;
    int rc = cure ? add_row(d, check, "fail", cure, &text, err) : ir_nomem(err);
    free(own);
    free(cure);
    return rc;
}

/* ---- containerd ------------------------------------------------------------------------------ */

static int judge_config(ir_node_doctor *d, const char *config, const ir_containerd_conf *c,
                        const char *dir, imgrel_error *err)
{
    if (c->disabled)
        return ir_node_say(
            d, "config", "fail", "take \"cri\" out of disabled_plugins and restart containerd", err,
            "%s disables the CRI plugin: the kubelet can use no such containerd", config);
    if (c->clash)
        return ir_node_say(
            d, "config", "fail", "take registry.mirrors out of it: hosts.toml says the same", err,
            "%s has config_path and registry.mirrors: the CRI plugin does not start", config);
    if (ir_containerd_reads(c, dir))
        return ir_node_say(d, "config", "ok", NULL, err, "containerd %d reads %s", c->generation,
                           dir);
    char *cure = ir_format("imgrel node hosts --host %s --url %s --set-config-path, then restart "
                           "containerd",
                           d->node->host, d->node->url);
    int rc = ir_node_say(d, "config", "fail", cure, err,
                         "%s: config_path is %s: containerd does not read %s", config,
                         c->config_path ? c->config_path : "not set", dir);
    free(cure);
    return rc;
}

static int look_config(ir_node_doctor *d, const char *certs, imgrel_error *err)
{
    const ir_node *n = d->node;
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    ir_containerd_conf c = {0};
    imgrel_error why = {0};
    size_t root = strlen(n->root);
    const char *dir = root && !strncmp(certs, n->root, root) ? certs + root : certs;
    char *config = ir_node_path(n, n->config, "/etc/containerd/config.toml");
    int rc = config ? ir_node_file_read(config, &text, &why) : ir_nomem(&why);
    if (rc >= 0)
        rc = ir_containerd_read(rc ? ir_buf_str(&text) : NULL, text.len, config, d->generation, &c,
                                &why);
    if (rc == IMGREL_ENOMEM)
        rc = ir_nomem(err);
    else if (rc)
        rc = ir_node_say(d, "config", "fail", "mend it: containerd does not start with it", err,
                         "%s", why.message);
    else
        rc = judge_config(d, config, &c, dir, err);
    if (!d->generation)
        d->generation = c.generation;
    ir_containerd_conf_free(&c);
    free(config);
    return rc;
}

static bool has_url(const ir_hosts_file *f, const char *url)
{
    bool found = ir_streq(f->server.url, url);
    for (size_t i = 0; i < f->n; i++)
        found = found || ir_streq(f->v[i].url, url);
    return found;
}

/* Every place that containerd would ask, in its order. */
static int look_places(ir_node_doctor *d, const char *dir, const ir_hosts_file *f,
                       imgrel_error *err)
{
    const ir_node *n = d->node;
    int rc = 0;
    if (!f->n && !f->server.url) {
        char *usual = ir_format("https://%s", n->host);
        rc = usual ? ir_node_look_reach(d, usual, NULL, false, err) : ir_nomem(err);
        free(usual);
        return rc;
    }
    if (d->asked_url && !has_url(f, n->url))
        rc = ir_node_say_trust(d, "hosts.toml", n->url, err, "%s/hosts.toml does not name %s", dir,
                               n->url);
    for (size_t i = 0; !rc && i < f->n; i++)
        rc = ir_node_look_entry(d, dir, &f->v[i], err);
    if (!rc && f->server.url) {
        bool seen = false;
        for (size_t i = 0; i < f->n; i++)
            seen = seen || ir_streq(f->v[i].url, f->server.url);
        rc = seen ? 0 : ir_node_look_entry(d, dir, &f->server, err);
    }
    return rc;
}

static int look_containerd(ir_node_doctor *d, const char *certs, bool config, imgrel_error *err)
{
    ir_hosts_file f = {0};
    char *dir = NULL;
    int rc = config ? look_config(d, certs, err) : 0;
    if (!rc)
        rc = ir_node_look_dir(d, certs, &dir, &f, err);
    if (!rc)
        rc = look_places(d, dir, &f, err);
    ir_hosts_file_free(&f);
    free(dir);
    return rc;
}

static int look_at_containerd(ir_node_doctor *d, imgrel_error *err)
{
    const ir_node *n = d->node;
    char *certs = ir_node_path(n, n->dir, "/etc/containerd/certs.d");
    for (size_t len = certs ? strlen(certs) : 0; len > 1 && certs[len - 1] == '/'; len--)
        certs[len - 1] = '\0';
    int rc = certs ? ir_node_generation(d->call, n, &d->generation, err) : ir_nomem(err);
    if (!rc)
        rc = look_containerd(d, certs, true, err);
    free(certs);
    return rc;
}

/* ---- the others ------------------------------------------------------------------------------ */

#define K3S_CERTS "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"

/* What k3s made of registries.yaml when it last started is what counts. */
static int look_at_k3s(ir_node_doctor *d, imgrel_error *err)
{
    const ir_node *n = d->node;
    char *certs = ir_node_path(n, n->dir, K3S_CERTS);
    int rc = certs ? 0 : ir_nomem(err);
    if (!rc && access(certs, F_OK))
        rc = ir_node_say(d, "folder", "warn", "restart k3s: it writes them from registries.yaml",
                         err, "%s is not there", certs);
    d->generation = 2;
    if (!rc)
        rc = look_containerd(d, certs, false, err);
    free(certs);
    return rc;
}

/* Asked as it would be: without TLS, or with any certificate, where that is allowed. */
static int look_loosely(ir_node_doctor *d, const char *host, bool insecure, const char *file,
                        imgrel_error *err)
{
    const ir_node *n = d->node;
    char *url = NULL;
    int rc = 0;
    if (insecure)
        rc = ir_host_url_insecure(d->call, host, &url, err);
    else if (!(url = ir_format("https://%s", host)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_node_say(d, "file", "ok", NULL, err, "%s %s %s", file,
                         insecure ? "allows plain HTTP and any certificate for"
                                  : "says nothing special of",
                         host);
    if (!rc)
        rc = ir_node_look_reach(d, url, n->ca, insecure, err);
    free(url);
    return rc;
}

static int look_at_containers(ir_node_doctor *d, imgrel_error *err)
{
    const ir_node *n = d->node;
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    ir_registries all = {0};
    imgrel_error why = {0};
    size_t covered = 0;
    char *dir = ir_node_path(n, n->dir, "/etc/containers");
    char *path = dir ? ir_format("%s/registries.conf.d/50-imgrel-%s.conf", dir, n->host) : NULL;
    int rc = path ? ir_node_file_read(path, &text, &why) : ir_nomem(&why);
    if (rc == 1)
        rc = ir_registries_parse(ir_buf_str(&text), text.len, path, &all, &why);
    if (rc == IMGREL_ENOMEM) {
        rc = ir_nomem(err);
    } else if (rc < 0) {
        rc = ir_node_say(d, "file", "fail", "mend it: nothing is pulled with it", err, "%s",
                         why.message);
    } else {
        const ir_registry_conf *c = ir_registries_find(&all, n->host, &covered);
        rc = look_loosely(d, c && c->location ? c->location : n->host, c && c->insecure, path, err);
    }
    ir_registries_free(&all);
    free(dir);
    free(path);
    return rc;
}

static int look_at_docker(ir_node_doctor *d, imgrel_error *err)
{
    const ir_node *n = d->node;
    IR_AUTO(ir_buf) text = IR_BUF(IR_MIB);
    IR_AUTO(ir_json_p) j = NULL;
    imgrel_error why = {0};
    bool insecure = false;
    char *path = ir_node_path(n, n->config, "/etc/docker/daemon.json");
    int rc = path ? ir_node_file_read(path, &text, &why) : ir_nomem(&why);
    if (rc == 1)
        rc = ir_json_parse(ir_buf_str(&text), text.len, path, &j, &why);
    const ir_json *list = ir_json_get(j, "insecure-registries");
    for (size_t i = 0; i < ir_json_len(list); i++)
        insecure = insecure || ir_streq(ir_json_text(ir_json_at(list, i)), n->host);
    if (rc == IMGREL_ENOMEM)
        rc = ir_nomem(err);
    else if (rc < 0)
        rc = ir_node_say(d, "file", "fail", "mend it: dockerd does not start with it", err, "%s",
                         why.message);
    else
        rc = look_loosely(d, n->host, insecure, path, err);
    free(path);
    return rc;
}

int ir_node_doctor_run(const ir_call *call, const ir_node *n, ir_json **ret, imgrel_error *err)
{
    ir_node_doctor d = {.call = call, .node = n, .asked_url = ir_json_get(n->doc, "url") != NULL};
    int rc = 0;
    d.rows = ir_json_new_array();
    if (!strcmp(n->runtime, "containerd"))
        rc = look_at_containerd(&d, err);
    else if (!strcmp(n->runtime, "k3s"))
        rc = look_at_k3s(&d, err);
    else if (!strcmp(n->runtime, "containers"))
        rc = look_at_containers(&d, err);
    else
        rc = look_at_docker(&d, err);
    *ret = rc ? NULL
              : ir_json_pack("{s:s, s:b, s:O}", "host", n->host, "healthy", !d.failed, "checks",
                             d.rows);
    ir_json_free(d.rows);
    return !rc && !*ret ? ir_nomem(err) : rc;
}
