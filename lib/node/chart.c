/* chart.c - values of the charts that the road needs: Harbor's and the GitLab runner's. Secrets are
 * named, not held; a runner is known by its token, since registration tokens are no more. */
#include "node/node.h"

#include "base/limits.h"
#include "fmt/toml.h"
#include "fmt/yaml.h"

#include <stdlib.h>

/* ---- Harbor ---------------------------------------------------------------------------------- */

static ir_json *harbor_expose(const ir_node *n, const char *name)
{
    bool tls = !ir_node_plain(n->url);
    ir_json *cert = !tls ? ir_json_pack("{s:b}", "enabled", 0)
                    : n->tls_secret
                        ? ir_json_pack("{s:b, s:s, s:{s:s}}", "enabled", 1, "certSource", "secret",
                                       "secret", "secretName", n->tls_secret)
                        : ir_json_pack("{s:b, s:s}", "enabled", 1, "certSource", "auto");
    ir_json *j = ir_json_pack("{s:s, s:O, s:{s:{s:s}, s:{s:s, s:s}}}", "type", "ingress", "tls",
                              cert, "ingress", "hosts", "core", name, "annotations",
                              "nginx.ingress.kubernetes.io/ssl-redirect", tls ? "true" : "false",
                              "nginx.ingress.kubernetes.io/proxy-body-size", "0");
    ir_json_free(cert);
    return j;
}

int ir_node_harbor_values(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL, expose = NULL;
    char *name = ir_strndup(n->host, strcspn(n->host, ":"));
    char *external = ir_format("%s://%s", ir_node_plain(n->url) ? "http" : "https", n->host);
    if (name && external && (expose = harbor_expose(n, name)))
        j = ir_json_pack("{s:O, s:s, s:s, s:s}", "expose", expose, "externalURL", external,
                         "existingSecretAdminPassword",
                         n->admin_secret ? n->admin_secret : "harbor-admin",
                         "existingSecretAdminPasswordKey", "HARBOR_ADMIN_PASSWORD");
    free(name);
    free(external);
    return j ? ir_yaml_write(j, out, err) : ir_nomem(err);
}

/* ---- the runner ------------------------------------------------------------------------------ */

/* Jobs meet the realm of Harbor's tokens under its own name, whatever name they push to. */
static int add_alias(const ir_node *n, ir_json *kubernetes)
{
    char *name = ir_strndup(n->host, strcspn(n->host, ":"));
    int bad = name ? 0 : IMGREL_ENOMEM;
    if (!bad && n->address)
        bad = ir_json_put(kubernetes, "host_aliases",
                          ir_json_pack("[{s:s, s:[s]}]", "ip", n->address, "hostnames", name));
    free(name);
    return bad;
}

static int runner_config(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) doc = NULL, kubernetes = NULL;
    kubernetes =
        ir_json_pack("{s:s, s:s, s:b}", "namespace", n->ns ? n->ns : "gitlab-runner", "image",
                     n->image ? n->image : "moby/buildkit:rootless", "privileged", 0);
    if (!kubernetes || add_alias(n, kubernetes))
        return ir_nomem(err);
    doc = ir_json_pack("{s:[{s:s, s:O}]}", "runners", "executor", "kubernetes", "kubernetes",
                       kubernetes);
    return doc ? ir_toml_write(doc, out, err) : ir_nomem(err);
}

static int check_token(const char *token, imgrel_error *err)
{
    if (!token || ir_starts(token, "glrt-"))
        return 0;
    ir_fail(err, IMGREL_EINVAL, "gitlab-runner: runner_token is %s",
            ir_starts(token, "GR1348941") ? "a registration token, which GitLab retired"
                                          : "not a runner's token (glrt-...)");
    ir_cure(err, "make a project runner and take its token: imgrel gitlab runner ensure");
    return IMGREL_EINVAL;
}

int ir_node_runner_values(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) config = IR_BUF(IR_MIB);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = check_token(n->runner_token, err);
    if (!rc && !n->gitlab_url)
        rc = ir_fail(err, IMGREL_EINVAL, "gitlab-runner: the spec has no \"gitlab_url\"");
    if (!rc)
        rc = runner_config(n, &config, err);
    if (rc)
        return rc;
    j = ir_json_pack("{s:s, s:{s:b}, s:{s:b, s:s}, s:{s:s}}", "gitlabUrl", n->gitlab_url, "rbac",
                     "create", 1, "serviceAccount", "create", 1, "name",
                     n->name ? n->name : "gitlab-runner", "runners", "config", ir_buf_str(&config));
    if (!j)
        return ir_nomem(err);
    int bad = n->runner_token ? ir_json_puts(j, "runnerToken", n->runner_token)
                              : ir_json_puts(ir_json_get(j, "runners"), "secret",
                                             n->runner_secret ? n->runner_secret : "gitlab-runner");
    return bad ? ir_nomem(err) : ir_yaml_write(j, out, err);
}
