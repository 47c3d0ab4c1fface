/* kube_kind.c - what kinds there are, as one table, and discovery (/api, /apis), which is that
 * table said aloud. A kind that is known but not modelled has `absent`: it answers 501 instead of a
 * pretended success. */
#include "mock/kube.h"

#include <stdlib.h>

#define POD_SELECTORS                                                              \
    "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName " \
    "spec.hostNetwork status.phase status.podIP status.nominatedNodeName"
#define EVENT_SELECTORS(object)                                                \
    object ".kind " object ".namespace " object ".name " object ".uid " object \
           ".apiVersion " object ".resourceVersion " object ".fieldPath reason type "

const mk_kind mk_kinds[] = {
    {"", "v1", "namespaces", "Namespace", "ns", false, .gives_object = true, .dns_label = true,
     .selectors = "status.phase"},
    {"", "v1", "nodes", "Node", "no", false, .selectors = "spec.unschedulable"},
    {"", "v1", "pods", "Pod", "po", true, .gives_object = true, .selectors = POD_SELECTORS},
    {"", "v1", "services", "Service", "svc", true, .gives_object = true, .dns_label = true,
     .selectors = "spec.clusterIP spec.type"},
    {"", "v1", "secrets", "Secret", "", true, .selectors = "type"},
    {"", "v1", "serviceaccounts", "ServiceAccount", "sa", true, .gives_object = true},
    {"", "v1", "configmaps", "ConfigMap", "cm", true, .selectors = NULL},
    {"", "v1", "endpoints", "Endpoints", "ep", true, .selectors = NULL},
    {"", "v1", "events", "Event", "ev", true,
     .selectors = EVENT_SELECTORS("involvedObject") "source reportingComponent"},
    {"apps", "v1", "deployments", "Deployment", "deploy", true, .gives_object = true},
    {"apps", "v1", "replicasets", "ReplicaSet", "rs", true, .gives_object = true},
    {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "", true, .selectors = NULL},
    {"events.k8s.io", "v1", "events", "Event", "ev", true,
     .selectors = EVENT_SELECTORS("regarding") "reportingController"},
    {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", true, .absent = true},
    {"", "v1", "persistentvolumes", "PersistentVolume", "pv", false, .absent = true},
    {"", "v1", "replicationcontrollers", "ReplicationController", "rc", true, .absent = true},
    {"", "v1", "limitranges", "LimitRange", "limits", true, .absent = true},
    {"", "v1", "resourcequotas", "ResourceQuota", "quota", true, .absent = true},
    {"apps", "v1", "statefulsets", "StatefulSet", "sts", true, .absent = true},
    {"apps", "v1", "daemonsets", "DaemonSet", "ds", true, .absent = true},
    {"batch", "v1", "jobs", "Job", "", true, .absent = true},
    {"batch", "v1", "cronjobs", "CronJob", "cj", true, .absent = true},
    {"networking.k8s.io", "v1", "ingresses", "Ingress", "ing", true, .absent = true},
    {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol", true, .absent = true},
    {NULL}};

const mk_kind *mk_kind_find(const char *group, const char *version, const char *plural)
{
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (!strcmp(k->group, group) && !strcmp(k->version, version) && !strcmp(k->plural, plural))
            return k;
    return NULL;
}

const mk_kind *mk_kind_named(const char *kind)
{
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (!strcmp(k->kind, kind))
            return k;
    return NULL;
}

bool mk_group_known(const char *group, const char *version)
{
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (!strcmp(k->group, group) && (!version || !strcmp(k->version, version)))
            return true;
    return false;
}

const char *mk_kind_api(const mk_kind *k, char ret[64])
{
    size_t n = strlen(k->group);
    memcpy(ret, k->group, n);
    if (n)
        ret[n++] = '/';
    memcpy(ret + n, k->version, strlen(k->version) + 1);
    return ret;
}

/* ---- events.k8s.io -------------------------------------------------------------------------- */

static const struct {
    const char *core, *view;
} event_names[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
    {"reportingComponent", "reportingController"},
};

bool mk_kind_is_event_view(const mk_kind *k)
{
    return !strcmp(k->group, "events.k8s.io");
}

static ir_json *rename_members(const ir_json *event, bool to_view)
{
    ir_json *out = ir_json_new_object();
    for (void *it = ir_json_first(event); it; it = ir_json_next(event, it)) {
        const char *key = ir_json_key(it);
        for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++) {
            const char *from = to_view ? event_names[i].core : event_names[i].view;
            if (!strcmp(from, key)) {
                key = to_view ? event_names[i].view : event_names[i].core;
                break;
            }
        }
        ir_json_put(out, key, ir_json_ref(ir_json_value(it)));
    }
    return out;
}

ir_json *mk_event_view(const ir_json *core)
{
    return rename_members(core, true);
}

ir_json *mk_event_unview(const ir_json *view)
{
    return rename_members(view, false);
}

/* ---- discovery ------------------------------------------------------------------------------ */

static ir_json *resource_json(const mk_kind *k)
{
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:b, s:s, s:[s,s,s,s,s,s,s,s]}", "name", k->plural, "singularName",
                     "", "namespaced", (int)k->namespaced, "kind", k->kind, "verbs", "create",
                     "delete", "deletecollection", "get", "list", "patch", "update", "watch");
    ir_json *shorts = ir_json_new_array();
    if (*k->shorts)
        ir_json_append(shorts, ir_json_new_string(k->shorts));
    ir_json_put(j, "shortNames", shorts);
    return j;
}

static void add_subresource(ir_json *list, const char *name, const char *kind, const char *verb)
{
    ir_json_append(list, ir_json_pack("{s:s, s:s, s:b, s:s, s:[s]}", "name", name, "singularName",
                                      "", "namespaced", 1, "kind", kind, "verbs", verb));
}

static ir_json *resource_list(const char *group, const char *version)
{
    ir_json *list = ir_json_new_array();
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (!strcmp(k->group, group) && !k->absent)
            ir_json_append(list, resource_json(k));
    if (!*group) {
        add_subresource(list, "pods/log", "Pod", "get");
        add_subresource(list, "pods/portforward", "PodPortForwardOptions", "create");
        add_subresource(list, "pods/status", "Pod", "patch");
        add_subresource(list, "pods/binding", "Binding", "create");
    }
    char *gv = *group ? ir_format("%s/%s", group, version) : ir_strdup(version);
    ir_json *j = ir_json_pack("{s:s, s:s, s:s}", "kind", "APIResourceList", "apiVersion", "v1",
                              "groupVersion", gv ? gv : "");
    ir_json_put(j, "resources", list);
    free(gv);
    return j;
}

static ir_json *group_json(const mk_kind *k)
{
    char gv[64];
    mk_kind_api(k, gv);
    return ir_json_pack("{s:s, s:[{s:s, s:s}], s:{s:s, s:s}}", "name", k->group, "versions",
                        "groupVersion", gv, "version", k->version, "preferredVersion",
                        "groupVersion", gv, "version", k->version);
}

/* A group is listed where its first modelled kind is. */
static bool first_of_group(const mk_kind *k)
{
    if (!*k->group || k->absent)
        return false;
    for (const mk_kind *i = mk_kinds; i < k; i++)
        if (!i->absent && !strcmp(i->group, k->group))
            return false;
    return true;
}

static ir_json *group_list(void)
{
    ir_json *groups = ir_json_new_array();
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (first_of_group(k))
            ir_json_append(groups, group_json(k));
    ir_json *j = ir_json_pack("{s:s, s:s}", "kind", "APIGroupList", "apiVersion", "v1");
    ir_json_put(j, "groups", groups);
    return j;
}

static void give_group(mk_kcall *c, const char *group)
{
    for (const mk_kind *k = mk_kinds; k->plural; k++)
        if (*group && !strcmp(k->group, group)) {
            ir_json *j = group_json(k);
            ir_json_puts(j, "kind", "APIGroup");
            ir_json_puts(j, "apiVersion", "v1");
            mk_give(c, 200, j);
            return;
        }
    mk_text(c, 404, "404 page not found\n");
}

/* path is "/api", "/api/v1", "/apis", "/apis/GROUP" or "/apis/GROUP/VERSION". */
void mk_kube_discovery(mk_kcall *c, const char *path)
{
    if (!strcmp(path, "/api")) {
        mk_give(c, 200,
                ir_json_pack("{s:s, s:[s], s:[{s:s, s:s}]}", "kind", "APIVersions", "versions",
                             "v1", "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0",
                             "serverAddress", c->m->kube_url ? c->m->kube_url : ""));
        return;
    }
    if (!strcmp(path, "/api/v1")) {
        mk_give(c, 200, resource_list("", "v1"));
        return;
    }
    if (!strcmp(path, "/apis")) {
        mk_give(c, 200, group_list());
        return;
    }
    ir_strv parts = {0};
    if (!ir_starts(path, "/apis/") || ir_strv_split(&parts, path + 6, '/') || !parts.n)
        mk_text(c, 404, "404 page not found\n");
    else if (parts.n == 1)
        give_group(c, parts.v[0]);
    else if (mk_group_known(parts.v[0], parts.v[1]))
        mk_give(c, 200, resource_list(parts.v[0], parts.v[1]));
    else
        mk_text(c, 404, "404 page not found\n");
    ir_strv_free(&parts);
}
