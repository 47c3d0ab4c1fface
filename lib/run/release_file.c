/* release_file.c - the release file: tables of its keys, read from YAML. A key that no table has, a
 * value of another type and a name that breaks its rule are refused with line and column. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

enum type { STRING, PORT, BOOL, MAP, LIST };
#define REQUIRED 1u

/* One key of a mapping; check returns what is wrong with a string, or NULL. */
typedef struct key {
    const char *name;
    enum type type;
    size_t offset;
    unsigned flags;
    const char *(*check)(const char *s);
} key;

/* ---- what strings may be ----------------------------------------------------------------------
 */

bool ir_rel_version_ok(const char *s)
{
    s += *s == 'v';
    for (int part = 0; part < 3; part++) {
        size_t n = strspn(s, "0123456789");
        if (!n || n > 18 || (n > 1 && *s == '0'))
            return false;
        s += n;
        if (part < 2 && *s++ != '.')
            return false;
    }
    if (*s == '-' && s[1] && s[1] != '.' && !ir_ends(s, ".") && !strstr(s, ".."))
        return !s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-")] &&
               strlen(s) < 100;
    return !*s;
}

static const char *version_rule(const char *s)
{
    return ir_rel_version_ok(s) ? NULL : "not a semantic version like 1.0.0 or 1.0.0-rc.1";
}

static bool is_label(const char *s, size_t max)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n && !s[n] && n <= max && *s != '-' && s[n - 1] != '-';
}

static const char *label_rule(const char *s)
{
    return is_label(s, 63) ? NULL : "only a-z, 0-9 and - (not at the ends), at most 63";
}

static const char *name_rule(const char *s)
{
    imgrel_error err = {0};
    return !strchr(s, '/') && !ir_repository_check(s, &err)
               ? NULL
               : "only a-z, 0-9 and single . _ - between them";
}

static const char *host_rule(const char *s)
{
    return ir_host_check(s, NULL) ? "not a host[:port]; write what image names begin with" : NULL;
}

/* Out of memory breaks no rule: who uses the text will tell. */
static const char *url_rule(const char *s)
{
    IR_AUTO(ir_url) u = {0};
    if (ir_url_parse(s, &u, NULL) == IMGREL_EINVAL)
        return "not a URL like https://harbor.example.org";
    return u.user ? "a URL must hold no login" : NULL;
}

static const char *ref_rule(const char *s)
{
    IR_AUTO(ir_ref) ref = {0};
    return ir_ref_parse(s, &ref, NULL) == IMGREL_EINVAL
               ? "not a reference like harbor.lan/library/nginx:1.22"
               : NULL;
}

static const char *api_rule(const char *s)
{
    return strcmp(s, "imgrel/v1") ? "only imgrel/v1 is known" : NULL;
}

static const char *absolute_rule(const char *s)
{
    return *s == '/' ? NULL : "a place in the image must begin with /";
}

static const char *platform_rule(const char *s)
{
    ir_platform p;
    return ir_platform_parse(s, &p, NULL) ? "not a platform like linux/amd64" : NULL;
}

/* ---- reading a mapping by its table ------------------------------------------------------------
 */

static const key *find_key(const key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (!strcmp(keys->name, name))
            return keys;
    return NULL;
}

static int unknown(const ir_yaml *y, const ir_json *map, const key *keys, const char *name,
                   const char *what, imgrel_error *err)
{
    IR_AUTO(ir_buf) known = IR_BUF(1000);
    for (; keys->name; keys++)
        ir_buf_addf(&known, "%s%s", known.len ? ", " : "", keys->name);
    ir_yaml_fail(y, map, name, err, "%s has no key \"%.60s\"", what, name);
    return ir_cure(err, "known are: %s", ir_buf_str(&known)), IMGREL_EINVAL;
}

static int wrong_type(const ir_yaml *y, const ir_json *map, const key *k, imgrel_error *err)
{
    static const char *const words[] = {"a string", "a number", "true or false", "a mapping",
                                        "a list"};
    const ir_json *v = ir_json_get(map, k->name);
    int rc = ir_yaml_fail(y, map, k->name, err, "\"%s\" must be %s", k->name, words[k->type]);
    if (k->type == STRING && !ir_json_is_null(v) && !ir_json_len(v))
        ir_cure(err, "put it in quotes");
    return rc;
}

static int read_port(const ir_yaml *y, const ir_json *map, const key *k, int64_t *ret,
                     imgrel_error *err)
{
    *ret = ir_json_int(map, k->name, -1);
    if (*ret >= 1 && *ret <= 65535)
        return 0;
    return ir_yaml_fail(y, map, k->name, err, "\"%s\" must be a port, 1 to 65535", k->name);
}

static int read_string(const ir_yaml *y, const ir_json *map, const key *k, const char **ret,
                       imgrel_error *err)
{
    *ret = ir_json_str(map, k->name);
    const char *wrong = !*ret ? NULL : !**ret ? "it is empty" : k->check ? k->check(*ret) : NULL;
    if (!*ret)
        return wrong_type(y, map, k, err);
    return wrong
               ? ir_yaml_fail(y, map, k->name, err, "\"%s\": \"%.100s\": %s", k->name, *ret, wrong)
               : 0;
}

static int read_value(const ir_yaml *y, const ir_json *map, const key *k, void *to,
                      imgrel_error *err)
{
    const ir_json *v = ir_json_get(map, k->name);
    bool fits = true;
    if (k->type == STRING)
        return read_string(y, map, k, to, err);
    if (k->type == PORT)
        return read_port(y, map, k, to, err);
    if (k->type == BOOL) {
        bool b = ir_json_bool(map, k->name, false);
        fits = b == ir_json_bool(map, k->name, true);
        *(bool *)to = b;
    } else {
        fits = k->type == MAP ? ir_json_is_object(v) : ir_json_is_array(v);
        *(const ir_json **)to = v;
    }
    return fits ? 0 : wrong_type(y, map, k, err);
}

/* what: of the mapping, for errors ("harbor.robots"). */
static int read_map(const ir_yaml *y, const ir_json *map, const key *keys, const char *what,
                    void *ret, imgrel_error *err)
{
    if (!ir_json_is_object(map))
        return ir_yaml_fail(y, map, NULL, err, "%s must be a mapping", what);
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        const key *k = find_key(keys, ir_json_key(it));
        if (!k)
            return unknown(y, map, keys, ir_json_key(it), what, err);
        int rc = read_value(y, map, k, (char *)ret + k->offset, err);
        if (rc)
            return rc;
    }
    for (; keys->name; keys++)
        if ((keys->flags & REQUIRED) && !ir_json_get(map, keys->name))
            return ir_yaml_fail(y, map, NULL, err, "%s lacks the key \"%s\"", what, keys->name);
    return 0;
}

/* ---- the tables ---------------------------------------------------------------------------------
 */

typedef struct top {
    const char *api, *app, *version;
    const ir_json *registry, *registries, *harbor, *image, *kubernetes, *clusters;
} top;
static const key top_keys[] = {
    {"apiVersion", STRING, offsetof(top, api), REQUIRED, api_rule},
    {"app", STRING, offsetof(top, app), REQUIRED, label_rule},
    {"version", STRING, offsetof(top, version), 0, version_rule},
    {"registry", MAP, offsetof(top, registry), 0, NULL},
    {"registries", LIST, offsetof(top, registries), 0, NULL},
    {"harbor", MAP, offsetof(top, harbor), REQUIRED, NULL},
    {"image", MAP, offsetof(top, image), REQUIRED, NULL},
    {"kubernetes", MAP, offsetof(top, kubernetes), 0, NULL},
    {"clusters", LIST, offsetof(top, clusters), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define REGISTRY(key, field, flags, rule)                          \
    {                                                              \
        key, STRING, offsetof(ir_rel_registry, field), flags, rule \
    }
static const key registry_keys[] = {
    REGISTRY("name", name, 0, label_rule),
    REGISTRY("host", host, REQUIRED, host_rule),
    REGISTRY("url", url, 0, url_rule),
    REGISTRY("ca_file", ca_file, 0, NULL),
    REGISTRY("harbor_url", harbor_url, 0, url_rule),
    REGISTRY("harbor_user", harbor_user, 0, NULL),
    REGISTRY("harbor_password_file", harbor_password_file, 0, NULL),
    {NULL, 0, 0, 0, NULL},
};

typedef struct harbor {
    const char *project;
    bool is_private;
    const ir_json *robots;
} harbor;
static const key harbor_keys[] = {
    {"project", STRING, offsetof(harbor, project), REQUIRED, name_rule},
    {"private", BOOL, offsetof(harbor, is_private), 0, NULL},
    {"robots", MAP, offsetof(harbor, robots), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const key robot_keys[] = {
    {"push", STRING, offsetof(ir_rel_file, push), 0, name_rule},
    {"pull", STRING, offsetof(ir_rel_file, pull), 0, name_rule},
    {NULL, 0, 0, 0, NULL},
};

typedef struct image {
    const char *base, *from;
    const ir_json *platforms, *layers, *config, *annotations;
} image;
static const key image_keys[] = {
    {"base", STRING, offsetof(image, base), 0, ref_rule},
    {"from", STRING, offsetof(image, from), 0, ref_rule},
    {"platforms", LIST, offsetof(image, platforms), 0, NULL},
    {"layers", LIST, offsetof(image, layers), 0, NULL},
    {"config", MAP, offsetof(image, config), 0, NULL},
    {"annotations", MAP, offsetof(image, annotations), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
typedef struct layer {
    const char *from, *to, *owner, *mode;
} layer;
static const key layer_keys[] = {
    {"from", STRING, offsetof(layer, from), REQUIRED, NULL},
    {"to", STRING, offsetof(layer, to), REQUIRED, absolute_rule},
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
} kubernetes;
static const key kubernetes_keys[] = {
    {"namespace", STRING, offsetof(kubernetes, ns), REQUIRED, label_rule},
    {"secret", STRING, offsetof(kubernetes, secret), REQUIRED, label_rule},
    {"context", STRING, offsetof(kubernetes, context), 0, NULL},
    {"kubeconfig", STRING, offsetof(kubernetes, kubeconfig), 0, NULL},
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
    {"name", STRING, offsetof(ir_rel_cluster, name), REQUIRED, label_rule},
    {"context", STRING, offsetof(ir_rel_cluster, context), 0, NULL},
    {"kubeconfig", STRING, offsetof(ir_rel_cluster, kubeconfig), 0, NULL},
    {"registry", STRING, offsetof(ir_rel_cluster, registry), 0, NULL},
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
        rc = read_map(y, j, registry_keys, "a registry", at, err);
        if (!rc && t->registries && !at->name)
            rc = ir_yaml_fail(y, j, NULL, err, "a registry of a list needs a \"name\"");
        for (size_t k = 0; !rc && k < i; k++)
            if (!strcmp(f->registries[k].name, at->name))
                rc = ir_yaml_fail(y, j, "name", err, "registry \"%s\" is there twice", at->name);
        f->n_registries = i + 1;
    }
    return rc;
}

static int read_harbor(ir_rel_file *f, const top *t, imgrel_error *err)
{
    harbor h = {.is_private = true};
    int rc = read_map(f->yaml, t->harbor, harbor_keys, "harbor", &h, err);
    if (!rc && h.robots)
        rc = read_map(f->yaml, h.robots, robot_keys, "harbor.robots", f, err);
    if (!rc && f->push && ir_streq(f->push, f->pull))
        rc = ir_yaml_fail(f->yaml, h.robots, "pull", err,
                          "one robot cannot be for push and for pull");
    f->project = h.project;
    f->is_private = h.is_private;
    return rc;
}

static int check_platforms(const ir_yaml *y, const ir_json *list, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *s = ir_json_text(ir_json_at(list, i));
        const char *wrong = s ? platform_rule(s) : "not a string";
        if (wrong)
            return ir_yaml_fail(y, ir_json_at(list, i), NULL, err, "platforms: \"%.60s\": %s",
                                s ? s : "", wrong);
    }
    return 0;
}

static int read_image(ir_rel_file *f, const top *t, imgrel_error *err)
{
    image im = {0};
    layer l;
    config c = {0};
    const ir_yaml *y = f->yaml;
    int rc = read_map(y, t->image, image_keys, "image", &im, err);
    if (!rc && im.from && (im.base || im.layers || im.config || im.annotations))
        rc = ir_yaml_fail(y, t->image, "from", err,
                          "an image taken \"from\" another place is taken as it is: no \"base\", "
                          "\"layers\", \"config\" or \"annotations\"");
    if (!rc && !im.from && !im.base && !ir_json_len(im.layers))
        rc = ir_yaml_fail(y, t->image, NULL, err,
                          "image: one of \"base\", \"layers\" and \"from\" must be there");
    if (!rc && !im.from && !im.base && !ir_json_len(im.platforms))
        rc = ir_yaml_fail(y, t->image, NULL, err, "image: without \"base\", \"platforms\" must be");
    if (!rc)
        rc = check_platforms(y, im.platforms, err);
    for (size_t i = 0; !rc && i < ir_json_len(im.layers); i++)
        rc = read_map(y, ir_json_at(im.layers, i), layer_keys, "a layer", &l, err);
    if (!rc && im.config)
        rc = read_map(y, im.config, config_keys, "image.config", &c, err);
    f->base = im.base;
    f->from = im.from;
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
            rc = read_map(y, j, cluster_keys, "a cluster", at, err);
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
    int rc = read_map(y, t->kubernetes, kubernetes_keys, "kubernetes", &k, err);
    if (!rc && k.pod)
        rc = read_map(y, k.pod, pod_keys, "kubernetes.pod", &p, err);
    if (!rc && k.service)
        rc = read_map(y, k.service, service_keys, "kubernetes.service", &f->service_port, err);
    if (!rc && k.service && !p.port)
        rc = ir_yaml_fail(y, t->kubernetes, "service", err,
                          "a service needs kubernetes.pod.port, the port to send to");
    f->kubernetes = true;
    f->ns = k.ns;
    f->secret = k.secret;
    f->pod = k.pod;
    f->pod_port = p.port;
    return rc ? rc : read_clusters(f, t, &k, err);
}

int ir_rel_file_read(const char *p, size_t len, const char *name, ir_rel_file *ret,
                     imgrel_error *err)
{
    top t = {0};
    memset(ret, 0, sizeof *ret);
    int rc = ir_yaml_parse(p, len, name, &ret->yaml, err);
    if (rc)
        return rc;
    rc = read_map(ret->yaml, ir_yaml_root(ret->yaml), top_keys, "a release", &t, err);
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
