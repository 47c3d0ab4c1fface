/* render.c - everything that must agree about a registry, each document by its word. */
#include "node/node.h"

#include "base/base64.h"
#include "base/limits.h"
#include "fmt/toml.h"
#include "fmt/yaml.h"
#include "net/creds.h"

#include <stdlib.h>

static const char *authority(const char *url)
{
    return strstr(url, "://") + 3;
}

/* ---- logins ---------------------------------------------------------------------------------- */

static int need_login(const char *user, const char *what, imgrel_error *err)
{
    return user ? 0
                : ir_fail(err, IMGREL_EINVAL, "%s: the registry spec has no user and password",
                          what);
}

/* Builders push to one name and may take their base from the other. */
static int write_docker_config(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) first = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    bool two = strcmp(n->host, n->push_host) != 0 && n->user;
    int rc = need_login(n->push_user, "docker-config", err);
    if (!rc)
        rc = ir_creds_merge(NULL, 0, n->push_host, n->push_user, n->push_password,
                            two ? &first : out, err);
    if (!rc && two)
        rc = ir_creds_merge(first.p, first.len, n->host, n->user, n->password, out, err);
    ir_buf_addc(out, '\n');
    return rc;
}

static int write_secret(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) config = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    IR_AUTO(ir_buf) data = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = need_login(n->user, "secret", err);
    if (!rc)
        rc = ir_creds_merge(NULL, 0, n->host, n->user, n->password, &config, err);
    if (rc)
        return rc;
    ir_base64_add(&data, config.p, config.len);
    j = ir_json_pack("{s:s, s:s, s:{s:s}, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Secret",
                     "metadata", "name", n->name ? n->name : "registry", "type",
                     "kubernetes.io/dockerconfigjson", "data", ".dockerconfigjson",
                     ir_buf_str(&data));
    if (j && n->ns && ir_json_puts(ir_json_get(j, "metadata"), "namespace", n->ns))
        return ir_nomem(err);
    return j && !data.bad ? ir_yaml_write(j, out, err) : ir_nomem(err);
}

/* Masked is what GitLab can mask in a raw variable: 8 bytes or more without blanks. */
static ir_json *variable(const char *key, const char *value, bool secret)
{
    bool mask = secret && strlen(value) >= 8 && !strpbrk(value, " \t");
    return ir_json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "key", key, "value", value,
                        "variable_type", "env_var", "raw", 1, "masked", mask, "protected", 0);
}

static int write_variables(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) list = ir_json_new_array();
    int rc = need_login(n->push_user, "gitlab-variables", err);
    if (rc)
        return rc;
    if (ir_json_append(list, variable("REGISTRY", n->push_host, false)) |
        ir_json_append(list, variable("HARBOR_USERNAME", n->push_user, true)) |
        ir_json_append(list, variable("HARBOR_PASSWORD", n->push_password, true)))
        return ir_nomem(err);
    rc = ir_json_dump(list, IR_JSON_PRETTY, out, err);
    ir_buf_addc(out, '\n');
    return rc;
}

/* ---- builders -------------------------------------------------------------------------------- */

static ir_json *buildkit_host(const ir_node *n, const char *url)
{
    ir_json *j = ir_json_new_object();
    int bad = 0;
    char *ca = ir_format("/etc/buildkit/certs/%s/ca.crt", authority(url));
    if (ir_node_plain(url))
        bad = ir_json_put(j, "http", ir_json_new_bool(true));
    else if (n->insecure)
        bad = ir_json_put(j, "insecure", ir_json_new_bool(true));
    if (n->ca && !ir_node_plain(url))
        bad |= ca ? ir_json_put(j, "ca", ir_json_pack("[s]", ca)) : IMGREL_ENOMEM;
    free(ca);
    if (!bad)
        return j;
    ir_json_free(j);
    return NULL;
}

/* A name that is served elsewhere has that place as its mirror; both speak as the place does. */
static int add_buildkit(const ir_node *n, ir_json *all, const char *host, const char *url)
{
    const char *at = authority(url);
    int bad = ir_json_put(all, host, buildkit_host(n, url));
    if (!bad && strcmp(at, host) != 0)
        bad = ir_json_put(ir_json_get(all, host), "mirrors", ir_json_pack("[s]", at)) |
              ir_json_put(all, at, buildkit_host(n, url));
    return bad;
}

static int write_buildkitd(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) all = ir_json_new_object(), doc = NULL;
    if (add_buildkit(n, all, n->push_host, n->push_url) ||
        (strcmp(n->host, n->push_host) != 0 && add_buildkit(n, all, n->host, n->url)))
        return ir_nomem(err);
    doc = ir_json_pack("{s:O}", "registry", all);
    return doc ? ir_toml_write(doc, out, err) : ir_nomem(err);
}

/* One output with all names: two would be two pushes and one record. The list is one CSV field. */
static int write_output(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    size_t count = ir_json_len(n->names);
    if (!count)
        return ir_fail(err, IMGREL_EINVAL,
                       "buildkit-output: the spec has no \"names\" (repository:tag)");
    ir_buf_adds(out, count > 1 ? "type=image,\"name=" : "type=image,name=");
    for (size_t i = 0; i < count; i++) {
        const char *name = ir_json_text(ir_json_at(n->names, i));
        if (!*name || strpbrk(name, ",\" "))
            return ir_fail(err, IMGREL_EINVAL, "buildkit-output: \"%.200s\" is no repository:tag",
                           name);
        ir_buf_addf(out, "%s%s/%s", i ? "," : "", n->push_host, name);
    }
    ir_buf_addf(out, "%s,push=true%s\n", count > 1 ? "\"" : "",
                ir_node_plain(n->push_url) || n->insecure ? ",registry.insecure=true" : "");
    return 0;
}

/* ---- nodes: what a merge into nothing gives ---------------------------------------------------
 */

static int merged(const ir_node *n, ir_node_merger *merge, ir_json **ret, imgrel_error *err)
{
    *ret = ir_json_new_object();
    return *ret ? merge(n, *ret, err) : ir_nomem(err);
}

static int write_hosts_toml(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = merged(n, ir_node_merge_hosts, &j, err);
    return rc ? rc : ir_toml_write(j, out, err);
}

static int write_registries(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = merged(n, ir_node_merge_registries, &j, err);
    return rc ? rc : ir_toml_write(j, out, err);
}

static int write_k3s(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = merged(n, ir_node_merge_k3s, &j, err);
    return rc ? rc : ir_yaml_write(j, out, err);
}

static int write_daemon(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = merged(n, ir_node_merge_docker, &j, err);
    if (!rc)
        rc = ir_json_dump(j, IR_JSON_PRETTY, out, err);
    ir_buf_addc(out, '\n');
    return rc;
}

static int write_ca(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    if (!n->ca)
        return ir_fail(err, IMGREL_EINVAL, "ca: the registry spec has neither ca nor ca_file");
    ir_buf_adds(out, n->ca);
    return 0;
}

static int write_line(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    if (!n->address)
        return ir_fail(err, IMGREL_EINVAL, "hosts: the registry spec has no \"address\"");
    ir_buf_addf(out, "%s %.*s\n", n->address, (int)strcspn(n->host, ":"), n->host);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

const char *const ir_node_words[] = {
    "docker-config",
    "secret",
    "gitlab-variables",
    "buildkitd.toml",
    "buildkit-output",
    "hosts.toml",
    "ca",
    "hosts",
    "registries.conf",
    "k3s",
    "daemon.json",
    "harbor",
    "gitlab-runner",
    "kind",
    "daemonset",
    "job",
    NULL,
};
static ir_node_writer *const writers[] = {
    write_docker_config,   write_secret,        write_variables,   write_buildkitd,
    write_output,          write_hosts_toml,    write_ca,          write_line,
    write_registries,      write_k3s,           write_daemon,      ir_node_harbor_values,
    ir_node_runner_values, ir_node_kind_config, ir_node_daemonset, ir_node_job,
};

int ir_node_render(const ir_node *n, const char *what, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) known = IR_BUF(IR_KIB);
    size_t i = 0;
    while (ir_node_words[i] && strcmp(ir_node_words[i], what))
        ir_buf_addf(&known, "%s%s", i ? ", " : "", ir_node_words[i]), i++;
    if (!ir_node_words[i]) {
        ir_fail(err, IMGREL_EINVAL, "there is no document \"%.60s\"", what);
        return ir_cure(err, "known are: %s", ir_buf_str(&known)), IMGREL_EINVAL;
    }
    int rc = writers[i](n, out, err);
    return rc ? rc : ir_buf_check(out, err, what);
}
