/* service.c - a service in front of a pod, as `kubectl expose` makes it: the pod's labels are its
 * labels and its selector. One that is there is left alone if it does the same, changed if it is
 * ours, and somebody else's otherwise. */
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

static bool does_the_same(const ir_json *have, const ir_json *want)
{
    return ir_json_equal(ir_json_path(have, "spec.selector"),
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
    return ir_json_pack("{s:{s:s}, s:{s:o, s:O}}", "metadata", "resourceVersion",
                        version ? version : "", "spec", "selector", selector, "ports",
                        ir_json_path(want, "spec.ports"));
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

/* Every containerPort of the pod; with more than one they must have names: port-1, port-2... */
static ir_json *ports_of(const ir_json *pod)
{
    const ir_json *containers = ir_json_path(pod, "spec.containers");
    ir_json *list = ir_json_new_array();
    int bad = !list;
    for (size_t i = 0; i < ir_json_len(containers) && !bad; i++) {
        const ir_json *ports = ir_json_get(ir_json_at(containers, i), "ports");
        for (size_t j = 0; j < ir_json_len(ports) && !bad; j++) {
            int64_t port = ir_json_int(ir_json_at(ports, j), "containerPort", 0);
            bad = ir_json_append(list, port_object(port, port, protocol_of(ir_json_at(ports, j))));
        }
    }
    for (size_t i = 0; ir_json_len(list) > 1 && i < ir_json_len(list) && !bad; i++) {
        char name[32];
        snprintf(name, sizeof name, "port-%zu", i + 1);
        bad = ir_json_puts(ir_json_at(list, i), "name", name);
    }
    if (!bad)
        return list;
    ir_json_free(list);
    return NULL;
}

int ir_kube_service_expose(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                           int64_t port, int64_t target_port, const char **ret_change,
                           ir_json **ret, imgrel_error *err)
{
    char *object = ir_format("pod/%s", pod);
    ir_json *have = NULL, *ports = NULL, *service = NULL;
    int rc = 0;
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    if (port < 0 || port > 65535 || target_port < 0 || target_port > 65535)
        rc = ir_fail(err, IMGREL_EINVAL, "pod/%s: a port is from 1 to 65535", pod);
    else
        rc = object ? ir_kube_get(call, k, ns, object, &have, err) : ir_nomem(err);
    if (rc)
        goto out;
    const ir_json *labels = ir_json_path(have, "metadata.labels");
    if (!ir_json_len(labels)) {
        rc = ir_fail(err, IMGREL_EINVAL, "%s: pod/%s has no labels that a service could select",
                     k->host, pod);
        goto out;
    }
    ports = port ? NULL : ports_of(have);
    if (!port && !ir_json_len(ports)) {
        rc = ports ? ir_fail(err, IMGREL_EINVAL,
                             "pod/%s names no container port: say which port to expose", pod)
                   : ir_nomem(err);
        goto out;
    }
    service = port ? ir_kube_service_object(pod, labels, port, target_port, labels)
                   : service_with(pod, labels, ir_json_ref(ports), labels);
    rc = service ? ir_kube_service_ensure(call, k, ns, service, ret_change, ret, err)
                 : ir_nomem(err);
out:
    ir_json_free(service);
    ir_json_free(ports);
    ir_json_free(have);
    free(object);
    return rc;
}
