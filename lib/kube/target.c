/* target.c - which pod stands behind an object. There is no port-forward to a service: one of the
 * pods that it selects is taken, a ready one before others, and its port is mapped as the service
 * maps it, names looked up in the pod's containers. */
#include "kube/inside.h"

#include <stdlib.h>

/* "a=b,c=d" of a map of labels. */
int ir_kube_selector_text(const ir_json *labels, ir_buf *out, imgrel_error *err)
{
    for (void *it = ir_json_first(labels); it; it = ir_json_next(labels, it))
        ir_buf_addf(out, "%s%s=%s", out->len ? "," : "", ir_json_key(it),
                    ir_json_text(ir_json_value(it)) ? ir_json_text(ir_json_value(it)) : "");
    return ir_buf_check(out, err, "selector");
}

/* The newest ready pod, or any that is not over; ready ones count more than age. */
struct choice {
    ir_json *pod;
    bool ready;
};

static int consider(void *user, const ir_json *pod, imgrel_error *err)
{
    struct choice *c = user;
    const char *phase = ir_json_str(ir_json_get(pod, "status"), "phase");
    const char *born = ir_kube_meta(pod, "creationTimestamp");
    const char *other = ir_kube_meta(c->pod, "creationTimestamp");
    bool ready = ir_kube_condition(pod, "Ready");
    (void)err;
    if (ir_streq(phase, "Failed") || ir_streq(phase, "Succeeded") ||
        ir_kube_meta(pod, "deletionTimestamp"))
        return 0;
    /* RFC 3339 in UTC sorts as text. */
    bool newer = born && other && strcmp(born, other) > 0;
    if (c->pod && (c->ready > ready || (c->ready == ready && !newer)))
        return 0;
    ir_json_free(c->pod);
    c->pod = ir_json_ref((ir_json *)(uintptr_t)pod);
    c->ready = ready;
    return 0;
}

static int choose_pod(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                      const ir_json *selector, ir_json **ret, imgrel_error *err)
{
    ir_buf text = IR_BUF(4096);
    struct choice c = {0};
    int rc = 0;
    *ret = NULL;
    if (!ir_json_len(selector)) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: %s selects no pods", k->host, object);
        return ir_cure(err, "name a pod instead"), IMGREL_EUNSUPPORTED;
    }
    rc = ir_kube_selector_text(selector, &text, err);
    if (!rc)
        rc = ir_kube_list(call, k, ns, "pod", ir_buf_str(&text), NULL, consider, &c, err);
    if (!rc && !c.pod) {
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: no pod in %s has the labels that %s selects (%s)",
                     k->host, ir_kube_ns(k, ns), object, ir_buf_str(&text));
        ir_cure(err, "run a pod with these labels");
    }
    ir_buf_free(&text);
    *ret = c.pod;
    return rc;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int port_by_name(const ir_json *pod, const char *name)
{
    const ir_json *containers = ir_json_path(pod, "spec.containers");
    for (size_t i = 0; i < ir_json_len(containers); i++) {
        const ir_json *ports = ir_json_get(ir_json_at(containers, i), "ports");
        for (size_t j = 0; j < ir_json_len(ports); j++)
            if (ir_streq(ir_json_str(ir_json_at(ports, j), "name"), name))
                return (int)ir_json_int(ir_json_at(ports, j), "containerPort", 0);
    }
    return 0;
}

static int map_port(const ir_json *service, const ir_json *pod, const char *object, int port,
                    int *ret_port, imgrel_error *err)
{
    const ir_json *ports = ir_json_path(service, "spec.ports");
    for (size_t i = 0; i < ir_json_len(ports); i++) {
        const ir_json *p = ir_json_at(ports, i), *target = ir_json_get(p, "targetPort");
        if (ir_json_int(p, "port", 0) != port)
            continue;
        *ret_port = ir_json_is_string(target) ? port_by_name(pod, ir_json_text(target))
                                              : (int)ir_json_number(target, port);
        return *ret_port ? 0
                         : ir_fail(err, IMGREL_ENOTFOUND,
                                   "%s: its targetPort \"%s\" is no port of the pod", object,
                                   ir_json_text(target));
    }
    ir_fail(err, IMGREL_ENOTFOUND, "%s has no port %d", object, port);
    return ir_cure(err, "name one of the service's ports"), IMGREL_ENOTFOUND;
}

void ir_target_clear(ir_target *t)
{
    free(t->pod);
    free(t->uid);
    *t = (ir_target){0};
}

static int fill(const ir_json *pod, ir_target *ret, imgrel_error *err)
{
    ret->pod = ir_strdup(ir_kube_meta(pod, "name"));
    ret->uid = ir_strdup(ir_kube_meta(pod, "uid"));
    ret->ready = ir_kube_condition(pod, "Ready");
    return ret->pod ? 0 : ir_nomem(err);
}

int ir_kube_target_find(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                        int port, ir_target *ret, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    ir_json *outer = NULL, *pod = NULL;
    int rc = ir_kube_object_parse(call, k, object, &kind, &name, err);
    *ret = (ir_target){.port = port, .ready = true};
    if (rc)
        return rc;
    if (!strcmp(kind->singular, "pod")) {
        ret->pod = ir_strdup(name);
        return ret->pod ? 0 : ir_nomem(err);
    }
    bool service = !strcmp(kind->singular, "service");
    if ((rc = ir_kube_get(call, k, ns, object, &outer, err)))
        return rc;
    rc = choose_pod(call, k, ns, object,
                    ir_json_path(outer, service ? "spec.selector" : "spec.selector.matchLabels"),
                    &pod, err);
    if (!rc && service && port)
        rc = map_port(outer, pod, object, port, &ret->port, err);
    if (!rc)
        rc = fill(pod, ret, err);
    if (rc)
        ir_target_clear(ret);
    ir_json_free(outer);
    ir_json_free(pod);
    return rc;
}

int ir_kube_target(const ir_call *call, ir_kube *k, const char *ns, const char *object, int port,
                   char **ret_pod, int *ret_port, imgrel_error *err)
{
    ir_target t;
    int rc = ir_kube_target_find(call, k, ns, object, port, &t, err);
    *ret_pod = t.pod;
    *ret_port = t.port;
    free(t.uid);
    return rc;
}
