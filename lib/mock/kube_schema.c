/* kube_schema.c - the members of the kinds that the mock knows, as text. One table says what is an
 * unknown field (dropped with a warning), what has a wrong type (400), which lists are merged item
 * by item and by what keys, and which are replaced as a whole. A member is NAME and a mark:
 *   x string   x# integer   x? boolean   x* anything, whole   x{} map of strings   x[] strings
 *   x[=] set of strings   x:T object   x:T[] list, whole   x:T[a,b] list keyed by a and b
 *   x~ objects without a schema */
#include "mock/kube.h"

#include <stdlib.h>

static const struct {
    const char *type, *members;
} schemas[] = {
    {"Meta", "name generateName namespace selfLink uid resourceVersion generation# "
             "creationTimestamp deletionTimestamp deletionGracePeriodSeconds# labels{} "
             "annotations{} ownerReferences:Owner[uid] finalizers[=] managedFields*"},
    {"Owner", "apiVersion kind name uid controller? blockOwnerDeletion?"},
    {"Namespace", "apiVersion kind metadata:Meta spec:NamespaceSpec status~"},
    {"NamespaceSpec", "finalizers[]"},
    {"Node", "apiVersion kind metadata:Meta spec~ status~"},
    {"Secret", "apiVersion kind metadata:Meta type immutable? data{} stringData{}"},
    {"ConfigMap", "apiVersion kind metadata:Meta immutable? data{} binaryData{}"},
    {"ServiceAccount", "apiVersion kind metadata:Meta automountServiceAccountToken? "
                       "imagePullSecrets:Name[] secrets:Reference[]"},
    {"Name", "name"},
    {"Reference", "apiVersion kind name namespace uid resourceVersion fieldPath"},
    {"Pod", "apiVersion kind metadata:Meta spec:PodSpec status~"},
    {"PodSpec",
     "containers:Container[name] initContainers:Container[name] ephemeralContainers* "
     "volumes:Volume[name] imagePullSecrets:Name[name] nodeName nodeSelector{} restartPolicy "
     "serviceAccountName serviceAccount hostname subdomain dnsPolicy dnsConfig* hostNetwork? "
     "hostPID? hostIPC? hostUsers? shareProcessNamespace? securityContext* affinity* "
     "tolerations* topologySpreadConstraints* schedulerName priority# priorityClassName "
     "preemptionPolicy terminationGracePeriodSeconds# activeDeadlineSeconds# "
     "automountServiceAccountToken? enableServiceLinks? hostAliases:Alias[ip] overhead* "
     "readinessGates* runtimeClassName setHostnameAsFQDN? os* schedulingGates* resourceClaims* "
     "resources*"},
    {"Alias", "ip hostnames[]"},
    {"Container",
     "name image command[] args[] workingDir ports:ContainerPort[containerPort,protocol] "
     "env:Env[name] envFrom* resources* resizePolicy* restartPolicy volumeMounts:Mount[mountPath] "
     "volumeDevices* livenessProbe* readinessProbe* startupProbe* lifecycle* imagePullPolicy "
     "securityContext* stdin? stdinOnce? tty? terminationMessagePath terminationMessagePolicy"},
    {"ContainerPort", "name containerPort# hostPort# hostIP protocol"},
    {"Env", "name value valueFrom*"},
    {"Mount", "name mountPath readOnly? subPath subPathExpr mountPropagation recursiveReadOnly"},
    {"Volume", "name emptyDir* configMap* secret* projected* hostPath* downwardAPI* nfs* csi* "
               "persistentVolumeClaim* ephemeral* image*"},
    {"Service", "apiVersion kind metadata:Meta spec:ServiceSpec status~"},
    {"ServiceSpec",
     "ports:ServicePort[port,protocol] selector{} type clusterIP clusterIPs[] sessionAffinity "
     "sessionAffinityConfig* externalIPs[] externalName externalTrafficPolicy "
     "internalTrafficPolicy ipFamilies[] ipFamilyPolicy publishNotReadyAddresses? "
     "loadBalancerIP loadBalancerClass loadBalancerSourceRanges[] healthCheckNodePort# "
     "allocateLoadBalancerNodePorts? trafficDistribution"},
    {"ServicePort", "name protocol appProtocol port# targetPort* nodePort#"},
    {"Endpoints", "apiVersion kind metadata:Meta subsets*"},
    {"EndpointSlice", "apiVersion kind metadata:Meta addressType endpoints* ports*"},
    {"Deployment", "apiVersion kind metadata:Meta spec:DeploymentSpec status~"},
    {"DeploymentSpec", "replicas# selector* template:PodTemplate strategy* minReadySeconds# "
                       "revisionHistoryLimit# paused? progressDeadlineSeconds#"},
    {"ReplicaSet", "apiVersion kind metadata:Meta spec:ReplicaSetSpec status~"},
    {"ReplicaSetSpec", "replicas# selector* template:PodTemplate minReadySeconds#"},
    {"PodTemplate", "metadata:Meta spec:PodSpec"},
    {"Event",
     "apiVersion kind metadata:Meta involvedObject:Reference reason message source* "
     "firstTimestamp* lastTimestamp* count# type eventTime* series* action related* "
     "reportingComponent reportingInstance regarding:Reference note reportingController "
     "deprecatedSource* deprecatedFirstTimestamp* deprecatedLastTimestamp* deprecatedCount#"},
};

static const char *members_of(const char *type)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (!strcmp(schemas[i].type, type))
            return schemas[i].members;
    return NULL;
}

static void read_mark(const char *mark, size_t len, mk_field *ret)
{
    *ret = (mk_field){.is = MK_STRING};
    if (!len)
        return;
    switch (*mark) {
    case '#':
        ret->is = MK_INT;
        return;
    case '?':
        ret->is = MK_BOOL;
        return;
    case '*':
        ret->is = MK_ANY;
        return;
    case '{':
        ret->is = MK_MAP;
        return;
    case '~':
        ret->is = MK_FREE;
        return;
    case '[':
        ret->is = mark[1] == '=' ? MK_SET : MK_STRINGS;
        return;
    }
    const char *open = memchr(mark, '[', len);
    size_t n_type = (open ? (size_t)(open - mark) : len) - 1;
    memcpy(ret->type, mark + 1, n_type);
    ret->is = !open ? MK_OBJECT : open[1] == ']' ? MK_LIST : MK_KEYED;
    if (ret->is == MK_KEYED)
        memcpy(ret->keys, open + 1, len - n_type - 3);
}

bool mk_schema_field(const char *type, const char *name, mk_field *ret)
{
    const char *p = members_of(type);
    size_t n = strlen(name);
    while (p && *p) {
        size_t word = strcspn(p, " ");
        if (word >= n && !memcmp(p, name, n) && (word == n || strchr("#?*{~[:", p[n]))) {
            read_mark(p + n, word - n, ret);
            return true;
        }
        p += word;
        p += strspn(p, " ");
    }
    return false;
}

/* ---- pruning -------------------------------------------------------------------------------- */

typedef struct pruning {
    ir_strv *unknown;
    char **bad;
    const char *kind;
} pruning;

static bool is_int(const ir_json *j)
{
    return j && ir_json_number(j, 0) == ir_json_number(j, 1);
}

static const char *json_word(const ir_json *j)
{
    if (ir_json_is_object(j))
        return "object";
    if (ir_json_is_array(j))
        return "array";
    return ir_json_is_string(j) ? "string" : is_int(j) ? "number" : "bool";
}

static bool wrong_type(pruning *g, const char *path, const ir_json *j, const char *wanted)
{
    *g->bad = ir_format("json: cannot unmarshal %s into Go struct field %s.%s of type %s",
                        json_word(j), g->kind, path, wanted);
    return false;
}

static bool prune(pruning *g, ir_json *object, const char *type, const char *path);

static bool all_strings(pruning *g, const ir_json *j, const char *path, bool map)
{
    const char *wanted = map ? "map[string]string" : "[]string";
    if (map ? !ir_json_is_object(j) : !ir_json_is_array(j))
        return wrong_type(g, path, j, wanted);
    for (size_t i = 0; !map && i < ir_json_len(j); i++)
        if (!ir_json_is_string(ir_json_at(j, i)))
            return wrong_type(g, path, ir_json_at(j, i), "string");
    for (void *it = map ? ir_json_first(j) : NULL; it; it = ir_json_next(j, it))
        if (!ir_json_is_string(ir_json_value(it)) && !ir_json_is_null(ir_json_value(it)))
            return wrong_type(g, path, ir_json_value(it), "string");
    return true;
}

static bool prune_items(pruning *g, ir_json *list, const mk_field *f, const char *path)
{
    if (!ir_json_is_array(list))
        return wrong_type(g, path, list, "[]object");
    bool ok = true;
    for (size_t i = 0; ok && i < ir_json_len(list); i++) {
        char *at = ir_format("%s[%zu]", path, i);
        ok = prune(g, ir_json_at(list, i), f->type, at ? at : path);
        free(at);
    }
    return ok;
}

static bool check_member(pruning *g, ir_json *value, const mk_field *f, const char *path)
{
    switch (f->is) {
    case MK_STRING:
        return ir_json_is_string(value) || wrong_type(g, path, value, "string");
    case MK_INT:
        return is_int(value) || wrong_type(g, path, value, "int32");
    case MK_BOOL:
        return !strcmp(json_word(value), "bool") || wrong_type(g, path, value, "bool");
    case MK_MAP:
        return all_strings(g, value, path, true);
    case MK_STRINGS:
    case MK_SET:
        return all_strings(g, value, path, false);
    case MK_OBJECT:
        return ir_json_is_object(value) ? prune(g, value, f->type, path)
                                        : wrong_type(g, path, value, "object");
    case MK_LIST:
    case MK_KEYED:
        return prune_items(g, value, f, path);
    case MK_ANY:
    case MK_FREE:
        break;
    }
    return true;
}

static int drop_all(ir_json *object, const ir_strv *names)
{
    for (size_t i = 0; i < names->n; i++)
        ir_json_remove(object, names->v[i]);
    return 0;
}

static bool prune(pruning *g, ir_json *object, const char *type, const char *path)
{
    ir_strv drop = {0};
    bool ok = ir_json_is_object(object) || wrong_type(g, path, object, "object");
    for (void *it = ok ? ir_json_first(object) : NULL; it && ok; it = ir_json_next(object, it)) {
        const char *key = ir_json_key(it);
        char *at = *path ? ir_format("%s.%s", path, key) : ir_strdup(key);
        mk_field f;
        bool known = mk_schema_field(type, key, &f);
        if (!known)
            ok = at && !ir_strv_add(g->unknown, at);
        if (!known || ir_json_is_null(ir_json_value(it)))
            ok = ok && !ir_strv_add(&drop, key);
        else
            ok = at && check_member(g, ir_json_value(it), &f, at);
        free(at);
    }
    drop_all(object, &drop);
    ir_strv_free(&drop);
    return ok;
}

bool mk_schema_prune(ir_json *object, const char *type, ir_strv *unknown, char **ret_bad)
{
    pruning g = {unknown, ret_bad, type};
    *ret_bad = NULL;
    return prune(&g, object, type, "");
}
