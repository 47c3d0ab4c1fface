/* service.c - a service in front of a pod or of what selects pods, as `kubectl expose` makes it: a
 * pod's labels are its labels and its selector. One that is there is left alone if it does the
 * same, changed if it is ours, and somebody else's otherwise. */
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>

static ir_json *port_object(int64_t port, int64_t target, const char *protocol)
{
    return ir_json_pack("{s:s, s:I, s:I}", "protocol", protocol, "port", (long long)port,
                        "targetPort", (long long)target);
}

static ir_json *service_with(const char *name, const ir_json *selector, ir_json *ports,
                             const ir_json *labels)
{
    ir_json *service = ir_json_pack("{s:s, s:s, s:{s:s}, s:{s:o, s:o}}", "apiVersion", "v1", "kind",
                                    "Service", "metadata", "name", name, "spec", "selector",
                                    ir_json_copy(selector), "ports", ports);
    if (service && !ir_kube_add_labels(service, labels))
        return service;
    ir_json_free(service);
    return NULL;
}

ir_json *ir_kube_service_object(const char *name, const ir_json *selector, int64_t port,
                                int64_t target_port, const ir_json *labels)
{
    ir_json *one = port_object(port, target_port ? target_port : port, "TCP");
    return service_with(name, selector, ir_json_pack("[o]", one), labels);
}

/* ---- ensure ---------------------------------------------------------------------------------- */

/* "8080" for 8080, the name for a name: targetPort may be either; absent it is the port. */
static void target_text(const ir_json *port, char ret[32])
{
    const ir_json *target = ir_json_get(port, "targetPort");
    if (ir_json_is_string(target))
        snprintf(ret, 32, "%s", ir_json_text(target));
    else
        snprintf(ret, 32, "%lld", (long long)ir_json_number(target, ir_json_int(port, "port", 0)));
}

static const char *protocol_of(const ir_json *port)
{
    const char *p = ir_json_str(port, "protocol");
    return p ? p : "TCP";
}

static bool same_ports(const ir_json *a, const ir_json *b)
{
    if (ir_json_len(a) != ir_json_len(b))
        return false;
    for (size_t i = 0; i < ir_json_len(a); i++) {
        const ir_json *x = ir_json_at(a, i), *y = ir_json_at(b, i);
        char tx[32], ty[32];
        target_text(x, tx);
        target_text(y, ty);
        if (ir_json_int(x, "port", 0) != ir_json_int(y, "port", 0) || strcmp(tx, ty) != 0 ||
            strcmp(protocol_of(x), protocol_of(y)) != 0)
            return false;
    }
    return true;
}

/* The type, where one is wished. */
static bool same_type(const ir_json *have, const ir_json *want)
{
    const char *type = ir_json_str(ir_json_get(want, "spec"), "type");
    const char *is = ir_json_str(ir_json_get(have, "spec"), "type");
    return !type || ir_streq(is ? is : "ClusterIP", type);
}

static bool does_the_same(const ir_json *have, const ir_json *want)
{
    return same_type(have, want) &&
           ir_json_equal(ir_json_path(have, "spec.selector"),
                         ir_json_path(want, "spec.selector")) &&
           same_ports(ir_json_path(have, "spec.ports"), ir_json_path(want, "spec.ports"));
}

/* A merge patch replaces lists but merges maps: what must go from the selector is set to null. */
static ir_json *make_patch(const ir_json *have, const ir_json *want)
{
    const ir_json *old = ir_json_path(have, "spec.selector");
    ir_json *selector = ir_json_copy(ir_json_path(want, "spec.selector"));
    const char *version = ir_kube_meta(have, "resourceVersion");
    int bad = !selector;
    for (void *it = ir_json_first(old); it && !bad; it = ir_json_next(old, it))
        if (!ir_json_get(selector, ir_json_key(it)))
            bad = ir_json_put(selector, ir_json_key(it), ir_json_pack("n"));
    if (bad) {
        ir_json_free(selector);
        return NULL;
    }
    ir_json *patch = ir_json_pack("{s:{s:s}, s:{s:o, s:O}}", "metadata", "resourceVersion",
                                  version ? version : "", "spec", "selector", selector, "ports",
                                  ir_json_path(want, "spec.ports"));
    const char *type = ir_json_str(ir_json_get(want, "spec"), "type");
    if (!patch || !ir_json_puts(ir_json_get(patch, "spec"), "type", type))
        return patch;
    ir_json_free(patch);
    return NULL;
}

static int not_ours(const ir_kube *k, const char *object, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT, "%s: %s exists, serves something else and is not ours", k->host,
            object);
    return ir_cure(err, "use another name, or delete that service yourself"), IMGREL_ECONFLICT;
}

static int ensure_once(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                       const ir_json *service, const char **ret_change, ir_json **ret,
                       imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *have = NULL, *patch = NULL;
    int rc = ir_kube_get(call, k, ns, object, &have, &why);
    if (rc == IMGREL_ENOTFOUND) {
        *ret_change = "created";
        return ir_kube_create(call, k, ns, service, ret, err);
    }
    if (rc)
        return ir_kube_pass(err, &why);
    if (does_the_same(have, service)) {
        *ret_change = "unchanged";
        *ret = ir_json_ref(have);
    } else if (!ir_kube_ours(have) && !IR_FORCE(call)) {
        rc = not_ours(k, object, err);
    } else {
        *ret_change = "changed";
        patch = make_patch(have, service);
        rc = patch ? ir_kube_patch(call, k, ns, object, "application/merge-patch+json", patch, ret,
                                   err)
                   : ir_nomem(err);
    }
    ir_json_free(patch);
    ir_json_free(have);
    return rc;
}

int ir_kube_service_ensure(const ir_call *call, ir_kube *k, const char *ns, const ir_json *service,
                           const char **ret_change, ir_json **ret, imgrel_error *err)
{
    const char *name = ir_kube_meta(service, "name");
    char *object = ir_format("service/%s", name ? name : "");
    ir_json *now = NULL;
    imgrel_error why = {0};
    int rc = IMGREL_ECONFLICT;
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    if (!object)
        return ir_nomem(err);
    for (int tries = 0; tries < 5 && rc == IMGREL_ECONFLICT; tries++) {
        if (tries && why.http_status != 409)
            break;
        ir_error_clear(&why);
        rc = ensure_once(call, k, ns, object, service, ret_change, &now, &why);
    }
    if (!rc && ret) {
        *ret = now;
        now = NULL;
    }
    ir_json_free(now);
    free(object);
    return rc ? ir_kube_pass(err, &why) : 0;
}

/* ---- expose ---------------------------------------------------------------------------------- */

/* Several ports must have names: port-1, port-2... */
static int name_ports(ir_json *list)
{
    int bad = 0;
    for (size_t i = 0; ir_json_len(list) > 1 && i < ir_json_len(list) && !bad; i++) {
        char name[32];
        snprintf(name, sizeof name, "port-%zu", i + 1);
        if (!ir_json_str(ir_json_at(list, i), "name"))
            bad = ir_json_puts(ir_json_at(list, i), "name", name);
    }
    return bad;
}

/* Every containerPort; NULL: no memory. */
static ir_json *ports_of(const ir_json *pod_spec)
{
    const ir_json *containers = ir_json_get(pod_spec, "containers");
    ir_json *list = ir_json_new_array();
    int bad = !list;
    for (size_t i = 0; i < ir_json_len(containers) && !bad; i++) {
        const ir_json *ports = ir_json_get(ir_json_at(containers, i), "ports");
        for (size_t j = 0; j < ir_json_len(ports) && !bad; j++) {
            int64_t port = ir_json_int(ir_json_at(ports, j), "containerPort", 0);
            bad = ir_json_append(list, port_object(port, port, protocol_of(ir_json_at(ports, j))));
        }
    }
    if (!bad && !name_ports(list))
        return list;
    ir_json_free(list);
    return NULL;
}

static bool is_port(int64_t n)
{
    return n > 0 && n <= 65535;
}

static int wished_port(const char *object, const ir_json *wish, ir_json *list, imgrel_error *err)
{
    const ir_json *target = ir_json_get(wish, "target_port");
    int64_t port = ir_json_int(wish, "port", 0), number = ir_json_number(target, port);
    int64_t node = ir_json_int(wish, "node_port", 0);
    bool by_name = ir_json_is_string(target);
    if (!is_port(port) || (!by_name && !is_port(number)) || (node && !is_port(node)))
        return ir_fail(err, IMGREL_EINVAL, "%s: a port is from 1 to 65535", object);
    ir_json *one = port_object(port, number, protocol_of(wish));
    int bad = ir_json_puts(one, "name", ir_json_str(wish, "name"));
    if (by_name)
        bad |= ir_json_puts(one, "targetPort", ir_json_text(target));
    if (node)
        bad |= ir_json_put(one, "nodePort", ir_json_new_int(node));
    bad |= ir_json_append(list, one);
    return bad ? ir_nomem(err) : 0;
}

static int wished_ports(const char *object, const ir_json *wishes, ir_json **ret, imgrel_error *err)
{
    ir_json *list = ir_json_new_array();
    int rc = list ? 0 : ir_nomem(err);
    for (size_t i = 0; i < ir_json_len(wishes) && !rc; i++)
        rc = wished_port(object, ir_json_at(wishes, i), list, err);
    if (!rc && name_ports(list))
        rc = ir_nomem(err);
    if (rc)
        ir_json_free(list);
    else
        *ret = list;
    return rc;
}

/* What the service selects, and where containers stand, by the kind of what is exposed. */
static const ir_json *selector_of(const ir_json *have, const ir_json **ret_pod_spec)
{
    const ir_json *spec = ir_json_get(have, "spec"), *selector = ir_json_get(spec, "selector");
    *ret_pod_spec = ir_json_path(spec, "template.spec");
    if (ir_json_get(spec, "containers")) { /* a pod */
        *ret_pod_spec = spec;
        return ir_json_path(have, "metadata.labels");
    }
    if (ir_json_len(ir_json_get(selector, "matchExpressions")))
        return NULL; /* a service has no words for them */
    return ir_json_get(selector, "matchLabels") ? ir_json_get(selector, "matchLabels") : selector;
}

static int no_selector(const ir_kube *k, const char *object, imgrel_error *err)
{
    ir_fail(err, IMGREL_EINVAL, "%s: %s has no labels that a service could select", k->host,
            object);
    return ir_cure(err, "give its pods labels, and select by them"), IMGREL_EINVAL;
}

static int make_service(const ir_kube *k, const char *object, const ir_json *have,
                        const ir_expose_spec *spec, ir_json **ret, imgrel_error *err)
{
    const ir_json *inner = NULL, *selector = selector_of(have, &inner);
    const char *name = spec->name ? spec->name : ir_kube_meta(have, "name");
    ir_json *ports = NULL;
    if (!ir_json_len(selector))
        return no_selector(k, object, err);
    int rc = spec->ports ? wished_ports(object, spec->ports, &ports, err) : 0;
    if (rc)
        return rc;
    ports = ports ? ports : ports_of(inner);
    if (ports && !ir_json_len(ports)) {
        ir_json_free(ports);
        return ir_fail(err, IMGREL_EINVAL, "%s names no container port: say which port to expose",
                       object);
    }
    *ret = ports ? service_with(name ? name : "", selector, ports,
                                spec->labels ? spec->labels : ir_json_path(have, "metadata.labels"))
                 : NULL;
    if (!*ret || ir_json_puts(ir_json_get(*ret, "spec"), "type", spec->type))
        return ir_nomem(err);
    return 0;
}

int ir_kube_service_expose(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                           const ir_expose_spec *spec, const char **ret_change, ir_json **ret,
                           imgrel_error *err)
{
    ir_json *have = NULL, *service = NULL;
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    int rc = ir_kube_get(call, k, ns, object, &have, err);
    if (!rc)
        rc = make_service(k, object, have, spec, &service, err);
    if (!rc)
        rc = ir_kube_service_ensure(call, k, ns, service, ret_change, ret, err);
    ir_json_free(service);
    ir_json_free(have);
    return rc;
}
