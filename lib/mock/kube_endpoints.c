/* kube_endpoints.c - the endpoints controller: a service with a selector has an EndpointSlice and
 * an Endpoints object with the addresses of its pods, ready or not. */
#include "mock/kube.h"

#include <stdlib.h>

bool mk_pod_ready(const ir_json *pod)
{
    const ir_json *list = ir_json_path(pod, "status.conditions");
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "type"), "Ready"))
            return ir_streq(ir_json_str(ir_json_at(list, i), "status"), "True");
    return false;
}

/* targetPort of a service's port as this pod has it; 0: it has none of that name. */
static int64_t target_of(const ir_json *port, const ir_json *pod)
{
    const ir_json *target = ir_json_get(port, "targetPort");
    const ir_json *containers = ir_json_path(pod, "spec.containers");
    const char *name = ir_json_text(target);
    if (!name)
        return ir_json_number(target, ir_json_int(port, "port", 0));
    for (size_t i = 0; i < ir_json_len(containers); i++) {
        const ir_json *ports = ir_json_get(ir_json_at(containers, i), "ports");
        for (size_t p = 0; p < ir_json_len(ports); p++)
            if (ir_streq(ir_json_str(ir_json_at(ports, p), "name"), name))
                return ir_json_int(ir_json_at(ports, p), "containerPort", 0);
    }
    return 0;
}

static ir_json *pod_reference(const ir_json *pod)
{
    return ir_json_pack("{s:s, s:s, s:s, s:s}", "kind", "Pod", "namespace", mk_namespace(pod),
                        "name", mk_name(pod), "uid", mk_uid(pod));
}

static ir_json *port_list(const ir_json *service, const ir_json *pod)
{
    const ir_json *ports = ir_json_path(service, "spec.ports");
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(ports); i++) {
        const ir_json *port = ir_json_at(ports, i);
        const char *name = ir_json_str(port, "name"), *protocol = ir_json_str(port, "protocol");
        int64_t target = pod ? target_of(port, pod) : ir_json_int(port, "port", 0);
        ir_json *p = ir_json_pack("{s:s, s:s}", "name", name ? name : "", "protocol",
                                  protocol ? protocol : "TCP");
        ir_json_put(p, "port", ir_json_new_int(target));
        ir_json_append(out, p);
    }
    return out;
}

typedef struct gathered {
    ir_json *endpoints, *ready, *waiting; /* of the slice; addresses of Endpoints */
    const ir_json *first;
} gathered;

static void gather(struct mk_kube *k, const ir_json *service, gathered *g)
{
    const mk_kind *kind = mk_kind_named("Pod");
    for (size_t i = 0; i < k->n_objects; i++) {
        const ir_json *pod = k->objects[i].json;
        const char *ip = ir_json_str(ir_json_get(pod, "status"), "podIP");
        if (k->objects[i].kind != kind || !ip || strcmp(mk_namespace(pod), mk_namespace(service)) ||
            !mk_labels_match(ir_json_path(service, "spec.selector"), pod))
            continue;
        bool ready = mk_pod_ready(pod),
             ends = ir_json_path(pod, "metadata.deletionTimestamp") != NULL;
        g->first = g->first ? g->first : pod;
        ir_json *e = ir_json_pack("{s:[s], s:{s:b, s:b, s:b}, s:s}", "addresses", ip, "conditions",
                                  "ready", (int)(ready && !ends), "serving", (int)ready,
                                  "terminating", (int)ends, "nodeName", MK_NODE_NAME);
        ir_json_put(e, "targetRef", pod_reference(pod));
        ir_json_append(g->endpoints, e);
        ir_json *a = ir_json_pack("{s:s, s:s}", "ip", ip, "nodeName", MK_NODE_NAME);
        ir_json_put(a, "targetRef", pod_reference(pod));
        ir_json_append(ready ? g->ready : g->waiting, a);
    }
}

static ir_json *metadata(struct mk_kube *k, const ir_json *service, const char *name)
{
    char uid[40], now[32];
    mk_new_uid(k, uid);
    ir_json *meta =
        ir_json_pack("{s:s, s:s, s:s, s:s, s:{s:s}}", "name", name, "namespace",
                     mk_namespace(service), "uid", uid, "creationTimestamp", mk_when(k->mock, now),
                     "labels", "kubernetes.io/service-name", mk_name(service));
    ir_json_put(meta, "ownerReferences",
                ir_json_pack("[{s:s, s:s, s:s, s:s}]", "apiVersion", "v1", "kind", "Service",
                             "name", mk_name(service), "uid", mk_uid(service)));
    return meta;
}

/* Stores body (taken) if it says something new. */
static void renew(struct mk_kube *k, const mk_kind *kind, const ir_json *service, const char *name,
                  ir_json *body)
{
    const ir_json *old = mk_store_get(k, kind, mk_namespace(service), name);
    ir_json *meta = old ? ir_json_copy(ir_json_get(old, "metadata")) : metadata(k, service, name);
    bool same = old != NULL;
    for (void *it = ir_json_first(body); same && it; it = ir_json_next(body, it))
        same = ir_json_equal(ir_json_get(old, ir_json_key(it)), ir_json_value(it));
    ir_json_put(body, "metadata", meta);
    if (same)
        ir_json_free(body);
    else
        mk_store_put(k, kind, body);
}

static void endpoints_of(struct mk_kube *k, const ir_json *service)
{
    gathered g = {ir_json_new_array(), ir_json_new_array(), ir_json_new_array(), NULL};
    ir_json *subset = ir_json_new_object(), *body = ir_json_new_object();
    char *slice = ir_format("%s-mock", mk_name(service));
    gather(k, service, &g);
    if (ir_json_len(g.ready))
        ir_json_put(subset, "addresses", ir_json_ref(g.ready));
    if (ir_json_len(g.waiting))
        ir_json_put(subset, "notReadyAddresses", ir_json_ref(g.waiting));
    ir_json *subsets = ir_json_new_array();
    if (ir_json_len(subset)) {
        ir_json_put(subset, "ports", port_list(service, g.first));
        ir_json_append(subsets, ir_json_ref(subset));
    }
    ir_json_put(body, "subsets", subsets);
    renew(k, mk_kind_named("Endpoints"), service, mk_name(service), body);
    body = ir_json_pack("{s:s}", "addressType", "IPv4");
    ir_json_put(body, "endpoints", g.endpoints);
    ir_json_put(body, "ports", port_list(service, g.first));
    if (slice)
        renew(k, mk_kind_named("EndpointSlice"), service, slice, body);
    else
        ir_json_free(body);
    ir_json_free(g.ready);
    ir_json_free(g.waiting);
    ir_json_free(subset);
    free(slice);
}

/* What a service left behind goes. */
static void drop_orphans(struct mk_kube *k, const mk_kind *kind)
{
    mk_objects all;
    if (!mk_store_list(k, kind, "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        const char *owner =
            ir_json_str(ir_json_path(all.v[i], "metadata.ownerReferences.0"), "name");
        if (owner && !mk_store_get(k, mk_kind_named("Service"), mk_namespace(all.v[i]), owner))
            mk_store_drop(k, kind, mk_namespace(all.v[i]), mk_name(all.v[i]));
    }
    mk_objects_free(&all);
}

void mk_endpoints(struct mk_kube *k)
{
    mk_objects all;
    drop_orphans(k, mk_kind_named("Endpoints"));
    drop_orphans(k, mk_kind_named("EndpointSlice"));
    if (!mk_store_list(k, mk_kind_named("Service"), "", 0, &all))
        return;
    for (size_t i = 0; i < all.n; i++) {
        const char *ns = mk_namespace(all.v[i]);
        const ir_json *home = mk_store_get(k, mk_kind_named("Namespace"), "", ns);
        if (ir_json_len(ir_json_path(all.v[i], "spec.selector")) && home &&
            !ir_json_path(home, "metadata.deletionTimestamp"))
            endpoints_of(k, all.v[i]);
    }
    mk_objects_free(&all);
}
