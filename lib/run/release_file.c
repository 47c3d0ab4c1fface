/* release_file.c - the release file: tables of its keys, read from YAML. A key that no table has, a
 * value of another type and a name that breaks its rule are refused with line and column. */
#include "run/release_impl.h"
#include "run/release_map.h"
#include "run/release_rules.h"

#include "base/str.h"

#include <stdlib.h>

typedef ir_rel_key key;

/* ---- the tables ---------------------------------------------------------------------------------
 */

typedef struct top {
    const char *api, *app, *version;
    const ir_json *registry, *registries, *harbor, *image, *kubernetes, *clusters, *rotate,
        *gitlab;
} top;
static const key top_keys[] = {
    {"apiVersion", STRING, offsetof(top, api), REQUIRED, ir_rel_api_rule},
    {"app", STRING, offsetof(top, app), REQUIRED, ir_rel_label_rule},
    {"version", STRING, offsetof(top, version), 0, ir_rel_version_rule},
    {"registry", MAP, offsetof(top, registry), 0, NULL},
    {"registries", LIST, offsetof(top, registries), 0, NULL},
    {"harbor", MAP, offsetof(top, harbor), REQUIRED, NULL},
    {"image", MAP, offsetof(top, image), REQUIRED, NULL},
    {"kubernetes", MAP, offsetof(top, kubernetes), 0, NULL},
    {"clusters", LIST, offsetof(top, clusters), 0, NULL},
    {"rotate", MAP, offsetof(top, rotate), 0, NULL},
    {"gitlab", MAP, offsetof(top, gitlab), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define REGISTRY(key, field, flags, rule)                          \
    {                                                              \
        key, STRING, offsetof(ir_rel_registry, field), flags, rule \
    }
static const key registry_keys[] = {
    REGISTRY("name", name, 0, ir_rel_label_rule),
    REGISTRY("host", host, REQUIRED, ir_rel_host_rule),
    REGISTRY("url", url, 0, ir_rel_url_rule),
    REGISTRY("ca_file", ca_file, 0, NULL),
    REGISTRY("harbor_url", harbor_url, 0, ir_rel_url_rule),
    REGISTRY("harbor_user", harbor_user, 0, NULL),
    REGISTRY("harbor_password_file", harbor_password_file, 0, NULL),
    {NULL, 0, 0, 0, NULL},
};

typedef struct harbor {
    const char *project;
    bool is_private;
    const ir_json *robots, *scan;
} harbor;
static const key harbor_keys[] = {
    {"project", STRING, offsetof(harbor, project), REQUIRED, ir_rel_name_rule},
    {"private", BOOL, offsetof(harbor, is_private), 0, NULL},
    {"robots", MAP, offsetof(harbor, robots), 0, NULL},
    {"scan", MAP, offsetof(harbor, scan), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct scan {
    const char *above, *at;
} scan;
static const key scan_keys[] = {
    {"fail_above", STRING, offsetof(scan, above), 0, ir_rel_severity_rule},
    {"fail_at", STRING, offsetof(scan, at), 0, ir_rel_severity_rule},
    {NULL, 0, 0, 0, NULL},
};
static const key robot_keys[] = {
    {"push", STRING, offsetof(ir_rel_file, push), 0, ir_rel_name_rule},
    {"pull", STRING, offsetof(ir_rel_file, pull), 0, ir_rel_name_rule},
    {NULL, 0, 0, 0, NULL},
};

typedef struct image {
    const char *base, *from;
    const ir_json *platforms, *layers, *config, *annotations, *build;
} image;
static const key image_keys[] = {
    {"base", STRING, offsetof(image, base), 0, ir_rel_ref_rule},
    {"from", STRING, offsetof(image, from), 0, ir_rel_ref_rule},
    {"platforms", LIST, offsetof(image, platforms), 0, NULL},
    {"layers", LIST, offsetof(image, layers), 0, NULL},
    {"config", MAP, offsetof(image, config), 0, NULL},
    {"annotations", MAP, offsetof(image, annotations), 0, NULL},
    {"build", MAP, offsetof(image, build), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct build {
    const char *text;
    bool yes;
    const ir_json *map, *list;
} build;
/* Only their names and types: lib/build says what they mean. */
static const key build_keys[] = {
    {"context", STRING, offsetof(build, text), REQUIRED, NULL},
    {"file", STRING, offsetof(build, text), 0, NULL},
    {"target", STRING, offsetof(build, text), 0, NULL},
    {"driver", STRING, offsetof(build, text), 0, NULL},
    {"builder", STRING, offsetof(build, text), 0, NULL},
    {"created", STRING, offsetof(build, text), 0, NULL},
    {"push", STRING, offsetof(build, text), 0, NULL},
    {"syntax", STRING, offsetof(build, text), 0, NULL},
    {"provenance", STRING, offsetof(build, text), 0, NULL},
    {"sbom", BOOL, offsetof(build, yes), 0, NULL},
    {"no_cache", BOOL, offsetof(build, yes), 0, NULL},
    {"pull", BOOL, offsetof(build, yes), 0, NULL},
    {"args", MAP, offsetof(build, map), 0, NULL},
    {"labels", MAP, offsetof(build, map), 0, NULL},
    {"contexts", MAP, offsetof(build, map), 0, NULL},
    {"tls", MAP, offsetof(build, map), 0, NULL},
    {"secrets", LIST, offsetof(build, list), 0, NULL},
    {"ssh", LIST, offsetof(build, list), 0, NULL},
    {"cache_from", LIST, offsetof(build, list), 0, NULL},
    {"cache_to", LIST, offsetof(build, list), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct layer {
    const char *from, *to, *owner, *mode;
} layer;
static const key layer_keys[] = {
    {"from", STRING, offsetof(layer, from), REQUIRED, NULL},
    {"to", STRING, offsetof(layer, to), REQUIRED, ir_rel_absolute_rule},
    {"owner", STRING, offsetof(layer, owner), 0, NULL},
    {"mode", STRING, offsetof(layer, mode), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct config {
    const ir_json *env, *cmd, *entrypoint, *labels, *exposed;
    const char *user, *workdir;
} config;
static const key config_keys[] = {
    {"env", MAP, offsetof(config, env), 0, NULL},
    {"cmd", LIST, offsetof(config, cmd), 0, NULL},
    {"entrypoint", LIST, offsetof(config, entrypoint), 0, NULL},
    {"labels", MAP, offsetof(config, labels), 0, NULL},
    {"exposed", LIST, offsetof(config, exposed), 0, NULL},
    {"user", STRING, offsetof(config, user), 0, NULL},
    {"workdir", STRING, offsetof(config, workdir), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

typedef struct kubernetes {
    const char *ns, *secret, *context, *kubeconfig;
    const ir_json *pod, *service;
    int64_t replicas;
} kubernetes;
static const key kubernetes_keys[] = {
    {"namespace", STRING, offsetof(kubernetes, ns), REQUIRED, ir_rel_label_rule},
    {"secret", STRING, offsetof(kubernetes, secret), REQUIRED, ir_rel_label_rule},
    {"context", STRING, offsetof(kubernetes, context), 0, NULL},
    {"kubeconfig", STRING, offsetof(kubernetes, kubeconfig), 0, NULL},
    {"replicas", COUNT, offsetof(kubernetes, replicas), 0, NULL},
    {"pod", MAP, offsetof(kubernetes, pod), 0, NULL},
    {"service", MAP, offsetof(kubernetes, service), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct pod {
    int64_t port;
    const ir_json *env, *command, *args, *resources;
} pod;
static const key pod_keys[] = {
    {"port", PORT, offsetof(pod, port), 0, NULL},
    {"env", MAP, offsetof(pod, env), 0, NULL},
    {"command", LIST, offsetof(pod, command), 0, NULL},
    {"args", LIST, offsetof(pod, args), 0, NULL},
    {"resources", MAP, offsetof(pod, resources), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const key service_keys[] = {
    {"port", PORT, 0, REQUIRED, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const key cluster_keys[] = {
    {"name", STRING, offsetof(ir_rel_cluster, name), REQUIRED, ir_rel_label_rule},
    {"context", STRING, offsetof(ir_rel_cluster, context), 0, NULL},
    {"kubeconfig", STRING, offsetof(ir_rel_cluster, kubeconfig), 0, NULL},
    {"registry", STRING, offsetof(ir_rel_cluster, registry), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

typedef struct rotate {
    const char *grace;
    const ir_json *places[2];
} rotate;
static const key rotate_keys[] = {
    {"grace", STRING, offsetof(rotate, grace), 0, ir_rel_duration_rule},
    {"push", LIST, offsetof(rotate, places[IR_REL_PUSH_ROLE]), 0, NULL},
    {"pull", LIST, offsetof(rotate, places[IR_REL_PULL_ROLE]), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const key delivery_keys[] = {
    {"registry", STRING, offsetof(ir_rel_delivery, registry), 0, NULL},
    {"file", STRING, offsetof(ir_rel_delivery, file), 0, NULL},
    {"user_file", STRING, offsetof(ir_rel_delivery, user_file), 0, NULL},
    {"docker_config", STRING, offsetof(ir_rel_delivery, docker_config), 0, NULL},
    {"command", LIST, offsetof(ir_rel_delivery, command), 0, NULL},
    {"secret", MAP, offsetof(ir_rel_delivery, secret), 0, NULL},
    {"gitlab", MAP, offsetof(ir_rel_delivery, gitlab), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const key delivery_secret_keys[] = {
    {"cluster", STRING, offsetof(ir_rel_delivery_secret, cluster), 0, ir_rel_label_rule},
    {"namespace", STRING, offsetof(ir_rel_delivery_secret, ns), REQUIRED, ir_rel_label_rule},
    {"name", STRING, offsetof(ir_rel_delivery_secret, name), REQUIRED, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* ---- the parts ----------------------------------------------------------------------------------
 */

static int check_count(const ir_yaml *y, const ir_json *list, const char *what, imgrel_error *err)
{
    size_t n = ir_json_len(list);
    if (n && n <= IR_REL_TARGETS_MAX)
        return 0;
    return ir_yaml_fail(y, list, NULL, err, "%s: 1 to %d are allowed, here are %zu", what,
                        IR_REL_TARGETS_MAX, n);
}

static int read_registries(ir_rel_file *f, const top *t, imgrel_error *err)
{
    const ir_yaml *y = f->yaml;
    if (!t->registry == !t->registries)
        return ir_yaml_fail(y, ir_yaml_root(y), t->registry ? "registries" : NULL, err,
                            "one of \"registry\" and \"registries\" must be there");
    int rc = t->registries ? check_count(y, t->registries, "registries", err) : 0;
    size_t n = t->registries ? ir_json_len(t->registries) : 1;
    if (rc)
        return rc;
    if (!(f->registries = calloc(n, sizeof *f->registries)))
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        ir_rel_registry *at = &f->registries[i];
        const ir_json *j = t->registries ? ir_json_at(t->registries, i) : t->registry;
        rc = ir_rel_map_read(y, j, registry_keys, "a registry", at, err);
        if (!rc && t->registries && !at->name)
            rc = ir_yaml_fail(y, j, NULL, err, "a registry of a list needs a \"name\"");
        for (size_t k = 0; !rc && k < i; k++)
            if (!strcmp(f->registries[k].name, at->name))
                rc = ir_yaml_fail(y, j, "name", err, "registry \"%s\" is there twice", at->name);
        f->n_registries = i + 1;
    }
    return rc;
}

static int read_scan(const ir_yaml *y, const ir_json *map, imgrel_error *err)
{
    scan s = {0};
    int rc = ir_rel_map_read(y, map, scan_keys, "harbor.scan", &s, err);
    if (!rc && !s.above == !s.at)
        rc = ir_yaml_fail(y, map, NULL, err, "harbor.scan is \"fail_above\" or \"fail_at\"");
    return rc;
}

static int read_harbor(ir_rel_file *f, const top *t, imgrel_error *err)
{
    harbor h = {.is_private = true};
    int rc = ir_rel_map_read(f->yaml, t->harbor, harbor_keys, "harbor", &h, err);
    if (!rc && h.robots)
        rc = ir_rel_map_read(f->yaml, h.robots, robot_keys, "harbor.robots", f, err);
    if (!rc && f->push && ir_streq(f->push, f->pull))
        rc = ir_yaml_fail(f->yaml, h.robots, "pull", err,
                          "one robot cannot be for push and for pull");
    if (!rc && h.scan)
        rc = read_scan(f->yaml, h.scan, err);
    f->project = h.project;
    f->scan = h.scan;
    f->is_private = h.is_private;
    return rc;
}

static int check_platforms(const ir_yaml *y, const ir_json *list, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *s = ir_json_text(ir_json_at(list, i));
        const char *wrong = s ? ir_rel_platform_rule(s) : "not a string";
        if (wrong)
            return ir_yaml_fail(y, ir_json_at(list, i), NULL, err, "platforms: \"%.60s\": %s",
                                s ? s : "", wrong);
    }
    return 0;
}

static int read_build(const ir_yaml *y, const ir_json *node, const image *im, imgrel_error *err)
{
    build ignored = {0};
    if (im->base || im->from || im->layers || im->config)
        return ir_yaml_fail(y, node, "build", err,
                            "an image is built, or made of \"base\", \"layers\" and \"config\", "
                            "or taken \"from\" another place");
    return ir_rel_map_read(y, im->build, build_keys, "image.build", &ignored, err);
}

static int read_image(ir_rel_file *f, const top *t, imgrel_error *err)
{
    image im = {0};
    layer l;
    config c = {0};
    const ir_yaml *y = f->yaml;
    int rc = ir_rel_map_read(y, t->image, image_keys, "image", &im, err);
    if (!rc && im.from && (im.base || im.layers || im.config || im.annotations))
        rc = ir_yaml_fail(y, t->image, "from", err,
                          "an image taken \"from\" another place is taken as it is: no \"base\", "
                          "\"layers\", \"config\" or \"annotations\"");
    if (!rc && im.build)
        rc = read_build(y, t->image, &im, err);
    if (!rc && !im.build && !im.from && !im.base && !ir_json_len(im.layers))
        rc = ir_yaml_fail(y, t->image, NULL, err,
                          "image: one of \"base\", \"layers\", \"from\" and \"build\" must be "
                          "there");
    if (!rc && !im.build && !im.from && !im.base && !ir_json_len(im.platforms))
        rc = ir_yaml_fail(y, t->image, NULL, err, "image: without \"base\", \"platforms\" must be");
    if (!rc)
        rc = check_platforms(y, im.platforms, err);
    for (size_t i = 0; !rc && i < ir_json_len(im.layers); i++)
        rc = ir_rel_map_read(y, ir_json_at(im.layers, i), layer_keys, "a layer", &l, err);
    if (!rc && im.config)
        rc = ir_rel_map_read(y, im.config, config_keys, "image.config", &c, err);
    f->base = im.base;
    f->from = im.from;
    f->build = im.build;
    f->platforms = im.platforms;
    f->image = t->image;
    return rc;
}

static int find_registry(ir_rel_file *f, const ir_json *j, ir_rel_cluster *c, imgrel_error *err)
{
    for (size_t i = 0; c->registry && i < f->n_registries; i++)
        if (ir_streq(f->registries[i].name, c->registry)) {
            c->registry_at = i;
            return 0;
        }
    return c->registry ? ir_yaml_fail(f->yaml, j, "registry", err, "no registry is called \"%s\"",
                                      c->registry)
                       : 0;
}

static int read_clusters(ir_rel_file *f, const top *t, const kubernetes *k, imgrel_error *err)
{
    const ir_yaml *y = f->yaml;
    int rc = t->clusters ? check_count(y, t->clusters, "clusters", err) : 0;
    size_t n = t->clusters ? ir_json_len(t->clusters) : 1;
    if (rc)
        return rc;
    if (!(f->clusters = calloc(n, sizeof *f->clusters)))
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        ir_rel_cluster *at = &f->clusters[i];
        const ir_json *j = ir_json_at(t->clusters, i);
        *at = (ir_rel_cluster){.context = k->context, .kubeconfig = k->kubeconfig};
        if (j)
            rc = ir_rel_map_read(y, j, cluster_keys, "a cluster", at, err);
        if (!rc)
            rc = find_registry(f, j, at, err);
        for (size_t m = 0; !rc && m < i; m++)
            if (!strcmp(f->clusters[m].name, at->name))
                rc = ir_yaml_fail(y, j, "name", err, "cluster \"%s\" is there twice", at->name);
        f->n_clusters = i + 1;
    }
    return rc;
}

static int read_kubernetes(ir_rel_file *f, const top *t, imgrel_error *err)
{
    kubernetes k = {0};
    pod p = {0};
    const ir_yaml *y = f->yaml;
    if (!t->kubernetes)
        return t->clusters ? ir_yaml_fail(y, ir_yaml_root(y), "clusters", err,
                                          "\"clusters\" need \"kubernetes\" too")
                           : 0;
    int rc = ir_rel_map_read(y, t->kubernetes, kubernetes_keys, "kubernetes", &k, err);
    if (!rc && k.pod)
        rc = ir_rel_map_read(y, k.pod, pod_keys, "kubernetes.pod", &p, err);
    if (!rc && k.service)
        rc = ir_rel_map_read(y, k.service, service_keys, "kubernetes.service", &f->service_port,
                             err);
    if (!rc && k.service && !p.port)
        rc = ir_yaml_fail(y, t->kubernetes, "service", err,
                          "a service needs kubernetes.pod.port, the port to send to");
    f->kubernetes = true;
    f->ns = k.ns;
    f->secret = k.secret;
    f->pod = k.pod;
    f->pod_port = p.port;
    f->replicas = k.replicas;
    return rc ? rc : read_clusters(f, t, &k, err);
}

/* ---- places for a new secret --------------------------------------------------------------------
 */

static int read_delivery(const ir_rel_file *f, const ir_json *item, ir_rel_delivery *ret,
                         ir_rel_delivery_secret *secret, ir_rel_delivery_gitlab *gitlab,
                         imgrel_error *err)
{
    const ir_yaml *y = f->yaml;
    *ret = (ir_rel_delivery){0};
    int rc = ir_rel_map_read(y, item, delivery_keys, "a place for a secret", ret, err);
    int n = !!ret->file + !!ret->docker_config + !!ret->command + !!ret->secret + !!ret->gitlab;
    if (!rc && (n != 1 || (ret->user_file && !ret->file)))
        rc = ir_yaml_fail(y, item, NULL, err,
                          "a place for a secret is one of \"file\" (with \"user_file\"), "
                          "\"docker_config\", \"command\", \"secret\" and \"gitlab\"");
    if (!rc && f->n_registries > 1 && !ret->registry && (ret->file || ret->gitlab))
        rc =
            ir_yaml_fail(y, item, NULL, err,
                         "there are several registries: say whose login goes there (\"registry\")");
    if (!rc && ret->secret)
        rc = ir_rel_map_read(y, ret->secret, delivery_secret_keys, "a secret", secret, err);
    if (!rc && ret->gitlab)
        rc = ir_rel_delivery_gitlab_read(f, ret->gitlab, gitlab, err);
    if (!rc && ret->command && !ir_json_text(ir_json_at(ret->command, 0)))
        rc = ir_yaml_fail(y, item, "command", err, "\"command\" is a list of words");
    return rc;
}

void ir_rel_delivery_read(const ir_rel_file *f, const ir_json *item, ir_rel_delivery *ret,
                          ir_rel_delivery_secret *secret, ir_rel_delivery_gitlab *gitlab)
{
    if (read_delivery(f, item, ret, secret, gitlab, NULL))
        *ret = (ir_rel_delivery){0}; /* it was read before */
}

static int read_rotate(ir_rel_file *f, const top *t, imgrel_error *err)
{
    rotate r = {0};
    ir_rel_delivery d;
    ir_rel_delivery_secret secret;
    ir_rel_delivery_gitlab gitlab;
    int rc = t->rotate ? ir_rel_map_read(f->yaml, t->rotate, rotate_keys, "rotate", &r, err) : 0;
    f->grace_s = r.grace ? ir_rel_seconds(r.grace) : IR_REL_GRACE_S;
    for (size_t i = 0; !rc && i < 2; i++) {
        f->deliver[i] = r.places[i];
        for (size_t k = 0; !rc && k < ir_json_len(r.places[i]); k++)
            rc = read_delivery(f, ir_json_at(r.places[i], k), &d, &secret, &gitlab, err);
    }
    return rc;
}

int ir_rel_file_read(const char *p, size_t len, const char *name, ir_rel_file *ret,
                     imgrel_error *err)
{
    top t = {0};
    memset(ret, 0, sizeof *ret);
    int rc = ir_yaml_parse(p, len, name, &ret->yaml, err);
    if (rc)
        return rc;
    rc = ir_rel_map_read(ret->yaml, ir_yaml_root(ret->yaml), top_keys, "a release", &t, err);
    ret->app = t.app;
    ret->version = t.version;
    if (!rc)
        rc = read_registries(ret, &t, err);
    if (!rc)
        rc = read_harbor(ret, &t, err);
    if (!rc)
        rc = read_image(ret, &t, err);
    if (!rc)
        rc = read_kubernetes(ret, &t, err);
    if (!rc && t.gitlab)
        rc = ir_rel_gitlab_read(ret, t.gitlab, err);
    if (!rc)
        rc = read_rotate(ret, &t, err);
    if (rc)
        ir_rel_file_free(ret);
    return rc;
}

void ir_rel_file_free(ir_rel_file *f)
{
    free(f->registries);
    free(f->clusters);
    ir_yaml_free(f->yaml);
    memset(f, 0, sizeof *f);
}
