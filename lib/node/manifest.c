/* manifest.c - clusters told of a registry: a kind configuration, a DaemonSet that sees to every
 * node, an indexed Job whose pods each do a share of a copy. */
#include "node/node.h"

#include "base/limits.h"
#include "fmt/yaml.h"

#include <stdlib.h>

/* ---- kind ------------------------------------------------------------------------------------ */

/* "8080:80" or "127.0.0.1:8080:80": from the host to the node. */
static int add_port(const char *text, ir_json *list, imgrel_error *err)
{
    const char *last = strrchr(text, ':');
    char *left = last ? ir_strndup(text, (size_t)(last - text)) : NULL;
    char *colon = left ? strrchr(left, ':') : NULL;
    unsigned long long host = 0, inside = 0;
    bool good = left && ir_parse_u64(colon ? colon + 1 : left, 65535, &host) && host &&
                ir_parse_u64(last + 1, 65535, &inside) && inside;
    if (colon)
        *colon = '\0';
    ir_json *j = !good ? NULL
                       : ir_json_pack("{s:I, s:I}", "containerPort", (long long)inside, "hostPort",
                                      (long long)host);
    int bad = good && colon ? ir_json_puts(j, "listenAddress", left) : 0;
    free(left);
    if (!good) {
        ir_json_free(j);
        return ir_fail(err, IMGREL_EINVAL, "kind: port \"%.60s\" is not HOST:NODE like 8080:80",
                       text);
    }
    return ir_json_append(list, j) | bad ? ir_nomem(err) : 0;
}

/* Every node sees the same certs.d. */
static ir_json *kind_node(const ir_node *n, const char *role)
{
    return ir_json_pack("{s:s, s:[{s:s, s:s, s:b}]}", "role", role, "extraMounts", "hostPath",
                        n->dir ? n->dir : "/etc/containerd/certs.d", "containerPath",
                        "/etc/containerd/certs.d", "readOnly", 1);
}

/* Images of kind before 0.27 have no config_path of their own. */
#define KIND_PATCH                                       \
    "[plugins.\"io.containerd.grpc.v1.cri\".registry]\n" \
    "  config_path = \"/etc/containerd/certs.d\"\n"

int ir_node_kind_config(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) nodes = ir_json_new_array(), ports = ir_json_new_array(), j = NULL;
    int rc = 0;
    if (n->workers < 0 || n->workers > 100)
        return ir_fail(err, IMGREL_EINVAL, "kind: \"workers\" is 0 to 100");
    for (size_t i = 0; !rc && i < ir_json_len(n->ports); i++)
        rc = add_port(ir_json_text(ir_json_at(n->ports, i)), ports, err);
    if (rc)
        return rc;
    int bad = ir_json_append(nodes, kind_node(n, "control-plane"));
    if (!bad && ir_json_len(ports))
        bad = ir_json_put(ir_json_at(nodes, 0), "extraPortMappings", ir_json_ref(ports));
    for (int64_t i = 0; !bad && i < n->workers; i++)
        bad = ir_json_append(nodes, kind_node(n, "worker"));
    j = bad ? NULL
            : ir_json_pack("{s:s, s:s, s:s, s:[s], s:O}", "kind", "Cluster", "apiVersion",
                           "kind.x-k8s.io/v1alpha4", "name", n->name ? n->name : "imgrel",
                           "containerdConfigPatches", KIND_PATCH, "nodes", nodes);
    return j ? ir_yaml_write(j, out, err) : ir_nomem(err);
}

/* ---- what both workloads have -----------------------------------------------------------------
 */

static ir_json *metadata(const ir_node *n, const char *name)
{
    ir_json *j =
        ir_json_pack("{s:s, s:{s:s, s:s}}", "name", name, "labels", "app.kubernetes.io/name", name,
                     "app.kubernetes.io/managed-by", "imgrel");
    if (j && n->ns && ir_json_puts(j, "namespace", n->ns)) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

static int write_documents(ir_json *const *docs, size_t n, ir_buf *out, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        if (i)
            ir_buf_adds(out, "---\n");
        rc = docs[i] ? ir_yaml_write(docs[i], out, err) : ir_nomem(err);
    }
    return rc;
}

static int need_image(const ir_node *n, const char *what, imgrel_error *err)
{
    if (n->image)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "%s: the spec has no \"image\"", what);
    return ir_cure(err, "name an image that has imgrel in it, from a registry that every node "
                        "trusts already"),
           IMGREL_EINVAL;
}

/* ---- DaemonSet ------------------------------------------------------------------------------- */

/* What a node needs to know: no logins, nothing of builders. */
static ir_json *node_part(const ir_node *n)
{
    static const char *const keys[] = {"host",           "url", "insecure", "address", "mirrors",
                                       "runtime",        "dir", "config",   "remove",  "containerd",
                                       "set_config_path"};
    ir_json *j = ir_json_new_object();
    int bad = n->ca ? ir_json_puts(j, "ca", n->ca) : 0;
    for (size_t i = 0; !bad && i < sizeof keys / sizeof *keys; i++) {
        ir_json *v = ir_json_get(n->doc, keys[i]);
        bad = v ? ir_json_put(j, keys[i], ir_json_ref(v)) : 0;
    }
    if (!bad)
        return j;
    ir_json_free(j);
    return NULL;
}

static ir_json *daemon_map(const ir_node *n, const char *name, const ir_json *meta)
{
    ir_json *part = node_part(n);
    char *text = part ? ir_json_string(part, IR_JSON_PRETTY) : NULL;
    (void)name;
    ir_json *j = text ? ir_json_pack("{s:s, s:s, s:O, s:{s:s}}", "apiVersion", "v1", "kind",
                                     "ConfigMap", "metadata", meta, "data", "registry.json", text)
                      : NULL;
    ir_json_free(part);
    free(text);
    return j;
}

static ir_json *daemon_pod(const ir_node *n, const char *name)
{
    char *etc = ir_format("%s/etc", n->root);
    ir_json *pod =
        etc ? ir_json_pack("{s:b, s:[{s:s}], s:[{s:s, s:s, s:[s, s, s, s, s, s, s, s, s], s:{s:i}, "
                           "s:[{s:s, s:s}, "
                           "{s:s, s:s, s:b}]}], s:[{s:s, s:{s:s, s:s}}, {s:s, s:{s:s}}]}",
                           "automountServiceAccountToken", 0, "tolerations", "operator", "Exists",
                           "containers", "name", "trust", "image", n->image, "command", "imgrel",
                           "node", "hosts", "--spec", "/spec/registry.json", "--root", "/node",
                           "--every", n->every ? n->every : "10m", "securityContext", "runAsUser",
                           0, "volumeMounts", "name", "etc", "mountPath", "/node/etc", "name",
                           "spec", "mountPath", "/spec", "readOnly", 1, "volumes", "name", "etc",
                           "hostPath", "path", etc, "type", "Directory", "name", "spec",
                           "configMap", "name", name)
            : NULL;
    free(etc);
    return pod;
}

int ir_node_daemonset(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    const char *name = n->name ? n->name : "registry-trust";
    IR_AUTO(ir_json_p) meta = NULL, map = NULL, pod = NULL, set = NULL;
    int rc = need_image(n, "daemonset", err);
    if (rc)
        return rc;
    meta = metadata(n, name);
    map = meta ? daemon_map(n, name, meta) : NULL;
    pod = map ? daemon_pod(n, name) : NULL;
    if (pod)
        set = ir_json_pack("{s:s, s:s, s:O, s:{s:{s:{s:s}}, s:{s:{s:{s:s}}, s:O}}}", "apiVersion",
                           "apps/v1", "kind", "DaemonSet", "metadata", meta, "spec", "selector",
                           "matchLabels", "app.kubernetes.io/name", name, "template", "metadata",
                           "labels", "app.kubernetes.io/name", name, "spec", pod);
    return write_documents((ir_json *const[]){map, set}, 2, out, err);
}

/* ---- Job ------------------------------------------------------------------------------------- */

static int add_env(ir_json *env, const char *name, const char *value)
{
    return ir_json_append(env, ir_json_pack("{s:s, s:s}", "name", name, "value", value));
}

static int add_volume(ir_json *pod, const char *name, const char *path, ir_json *volume)
{
    ir_json *container = ir_json_at(ir_json_get(pod, "containers"), 0);
    int bad = ir_json_puts(volume, "name", name);
    bad |= ir_json_append(ir_json_get(pod, "volumes"), volume);
    return bad | ir_json_append(ir_json_get(container, "volumeMounts"),
                                ir_json_pack("{s:s, s:s, s:b}", "name", name, "mountPath", path,
                                             "readOnly", 1));
}

/* How the registry is spoken to, and with which login. */
static int job_trust(const ir_node *n, const char *name, ir_json *pod)
{
    ir_json *env = ir_json_get(ir_json_at(ir_json_get(pod, "containers"), 0), "env");
    int bad = 0;
    if (ir_node_plain(n->url))
        bad |= add_env(env, "IMGREL_PLAIN_HTTP", n->host);
    else if (n->insecure)
        bad |= add_env(env, "IMGREL_INSECURE", n->host);
    if (n->ca)
        bad |= add_env(env, "IMGREL_CA_FILE", "/ca/ca.crt") |
               add_volume(pod, "ca", "/ca", ir_json_pack("{s:{s:s}}", "configMap", "name", name));
    if (n->registry_secret)
        bad |= add_env(env, "DOCKER_CONFIG", "/login") |
               add_volume(pod, "login", "/login",
                          ir_json_pack("{s:{s:s, s:[{s:s, s:s}]}}", "secret", "secretName",
                                       n->registry_secret, "items", "key", ".dockerconfigjson",
                                       "path", "config.json"));
    if (n->address) {
        char *host = ir_strndup(n->host, strcspn(n->host, ":"));
        bad |=
            host ? ir_json_put(pod, "hostAliases",
                               ir_json_pack("[{s:s, s:[s]}]", "ip", n->address, "hostnames", host))
                 : IMGREL_ENOMEM;
        free(host);
    }
    return bad;
}

static ir_json *job_pod(const ir_node *n, const char *name)
{
    char *share = ir_format("%lld", (long long)n->completions);
    ir_json *pod = NULL;
    if (share)
        pod = ir_json_pack("{s:s, s:b, s:[{s:i, s:s, s:s, s:{s:{s:s}}}], s:[{s:s, s:s, s:[s, s, s, "
                           "s, s], s:[], s:[]}], s:[]}",
                           "restartPolicy", "OnFailure", "automountServiceAccountToken", 0,
                           "topologySpreadConstraints", "maxSkew", 1, "topologyKey",
                           "kubernetes.io/hostname", "whenUnsatisfiable", "ScheduleAnyway",
                           "labelSelector", "matchLabels", "app.kubernetes.io/name", name,
                           "containers", "name", "sync", "image", n->image, "command", "imgrel",
                           "sync", "--share", share, "--json", "env", "volumeMounts", "volumes");
    free(share);
    ir_json *command = ir_json_get(ir_json_at(ir_json_get(pod, "containers"), 0), "command");
    int bad = pod ? job_trust(n, name, pod) : IMGREL_ENOMEM;
    for (size_t i = 0; !bad && i < ir_json_len(n->args); i++)
        bad = ir_json_append(command, ir_json_ref(ir_json_at(n->args, i)));
    if (!bad)
        return pod;
    ir_json_free(pod);
    return NULL;
}

static ir_json *job_map(const ir_node *n, const ir_json *meta)
{
    return ir_json_pack("{s:s, s:s, s:O, s:{s:s}}", "apiVersion", "v1", "kind", "ConfigMap",
                        "metadata", meta, "data", "ca.crt", n->ca);
}

static int check_job(const ir_node *n, imgrel_error *err)
{
    int rc = need_image(n, "job", err);
    if (!rc && (n->completions < 1 || n->completions > 10000))
        rc = ir_fail(err, IMGREL_EINVAL, "job: \"completions\" is 1 to 10000, the shares");
    if (!rc && (n->parallelism < 0 || n->parallelism > 10000))
        rc = ir_fail(err, IMGREL_EINVAL, "job: \"parallelism\" is 1 to 10000");
    if (!rc && ir_json_len(n->args) < 2)
        rc = ir_fail(err, IMGREL_EINVAL, "job: \"args\" are those of imgrel sync: SRC DST...");
    return rc;
}

int ir_node_job(const ir_node *n, ir_buf *out, imgrel_error *err)
{
    const char *name = n->name ? n->name : "imgrel-sync";
    int64_t parallel = n->parallelism ? n->parallelism : n->completions;
    IR_AUTO(ir_json_p) meta = NULL, pod = NULL, map = NULL, job = NULL;
    int rc = check_job(n, err);
    if (rc)
        return rc;
    meta = metadata(n, name);
    pod = meta ? job_pod(n, name) : NULL;
    map = n->ca && pod ? job_map(n, meta) : NULL;
    if (pod)
        job = ir_json_pack("{s:s, s:s, s:O, s:{s:s, s:I, s:I, s:i, s:{s:{s:{s:s}}, s:O}}}",
                           "apiVersion", "batch/v1", "kind", "Job", "metadata", meta, "spec",
                           "completionMode", "Indexed", "completions", (long long)n->completions,
                           "parallelism", (long long)parallel, "backoffLimit", 6, "template",
                           "metadata", "labels", "app.kubernetes.io/name", name, "spec", pod);
    return n->ca ? write_documents((ir_json *const[]){map, job}, 2, out, err)
                 : write_documents(&job, 1, out, err);
}
