/* kind.c - words for kinds: the usual ones from a table, at the price of no request; all others are
 * asked of the cluster (discover.c) when they are first met, and kept by the handle. A word is a
 * singular, plural, short name or Kind, alone or with its group ("certificates.cert-manager.io") or
 * version and group ("deployments.v1.apps"). */
#include "kube/inside.h"

#include <string.h>
#include <strings.h>

static const ir_kube_kind known[] = {
    {"pod", "pods", "po", "Pod", "v1", false},
    {"service", "services", "svc", "Service", "v1", false},
    {"secret", "secrets", "", "Secret", "v1", false},
    {"namespace", "namespaces", "ns", "Namespace", "v1", true},
    {"serviceaccount", "serviceaccounts", "sa", "ServiceAccount", "v1", false},
    {"deployment", "deployments", "deploy", "Deployment", "apps/v1", false},
    {"event", "events", "ev", "Event", "v1", false},
    {"configmap", "configmaps", "cm", "ConfigMap", "v1", false},
    {"node", "nodes", "no", "Node", "v1", true},
    {"replicaset", "replicasets", "rs", "ReplicaSet", "apps/v1", false},
    {"controllerrevision", "controllerrevisions", "", "ControllerRevision", "apps/v1", false},
    {"customresourcedefinition", "customresourcedefinitions", "crd,crds",
     "CustomResourceDefinition", "apiextensions.k8s.io/v1", true},
    {"statefulset", "statefulsets", "sts", "StatefulSet", "apps/v1", false},
    {"daemonset", "daemonsets", "ds", "DaemonSet", "apps/v1", false},
    {"job", "jobs", "", "Job", "batch/v1", false},
    {"cronjob", "cronjobs", "cj", "CronJob", "batch/v1", false},
    {"ingress", "ingresses", "ing", "Ingress", "networking.k8s.io/v1", false},
    {"networkpolicy", "networkpolicies", "netpol", "NetworkPolicy", "networking.k8s.io/v1", false},
    {"endpointslice", "endpointslices", "", "EndpointSlice", "discovery.k8s.io/v1", false},
    {"role", "roles", "", "Role", "rbac.authorization.k8s.io/v1", false},
    {"rolebinding", "rolebindings", "", "RoleBinding", "rbac.authorization.k8s.io/v1", false},
    {"clusterrole", "clusterroles", "", "ClusterRole", "rbac.authorization.k8s.io/v1", true},
    {"clusterrolebinding", "clusterrolebindings", "", "ClusterRoleBinding",
     "rbac.authorization.k8s.io/v1", true},
    {"persistentvolumeclaim", "persistentvolumeclaims", "pvc", "PersistentVolumeClaim", "v1",
     false},
    {"resourcequota", "resourcequotas", "quota", "ResourceQuota", "v1", false},
    {"limitrange", "limitranges", "limits", "LimitRange", "v1", false},
};
#define N_KNOWN (sizeof known / sizeof *known)

const ir_kube_kind *ir_kube_pods(void)
{
    return &known[0];
}

static bool among(const char *list, const char *word, size_t len)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && !strncasecmp(list, word, n))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* "apps" of "apps/v1", "" of "v1". */
static size_t group_len(const char *version)
{
    const char *slash = strchr(version, '/');
    return slash ? (size_t)(slash - version) : 0;
}

/* What follows a word's first dot: GROUP, VERSION.GROUP, or VERSION of the core's. */
static bool group_fits(const ir_kube_kind *kind, const char *rest)
{
    size_t n = group_len(kind->version);
    const char *version = kind->version + n + (n > 0);
    size_t v = strlen(version);
    if (strlen(rest) == n && !strncasecmp(rest, kind->version, n))
        return true;
    if (strncmp(rest, version, v) != 0)
        return false;
    rest += v;
    return *rest == '.' ? strlen(rest + 1) == n && !strncasecmp(rest + 1, kind->version, n)
                        : !*rest && !n;
}

static bool fits(const ir_kube_kind *kind, const char *word)
{
    size_t len = strcspn(word, ".");
    if (word[len] && !group_fits(kind, word + len + 1))
        return false;
    return among(kind->singular, word, len) || among(kind->plural, word, len) ||
           among(kind->brief, word, len) || among(kind->kind, word, len);
}

static bool is_of(const ir_kube_kind *kind, const char *version, const char *name)
{
    return !strcmp(kind->kind, name) && !strcmp(kind->version, version);
}

/* By word, or (word NULL) by apiVersion and kind as a manifest writes them. */
static const ir_kube_kind *look(const ir_kube_kind *v, size_t n, const char *word,
                                const char *version, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (word ? fits(&v[i], word) : is_of(&v[i], version, name))
            return &v[i];
    return NULL;
}

/* 0 with *ret NULL: the cluster does not have it. */
static int find(const ir_call *call, ir_kube *k, const char *word, const char *version,
                const char *name, const ir_kube_kind **ret, imgrel_error *err)
{
    *ret = look(known, N_KNOWN, word, version, name);
    if (*ret)
        return 0;
    for (int fresh = 0; fresh < 2; fresh++) {
        const ir_kube_kinds *all = NULL;
        int rc = ir_kube_discover(call, k, fresh, &all, err);
        if (rc)
            return rc;
        *ret = look(all->v, all->n, word, version, name);
        if (*ret || all->new)
            return 0;
    }
    return 0;
}

int ir_kube_kind_find(const ir_call *call, ir_kube *k, const char *word, const ir_kube_kind **ret,
                      imgrel_error *err)
{
    *ret = NULL;
    if (!word || !*word || strpbrk(word, "/ "))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is no kind", word ? word : "");
    int rc = find(call, k, word, NULL, NULL, ret, err);
    if (rc || *ret)
        return rc;
    ir_fail(err, IMGREL_EINVAL, "%s: unknown kind \"%s\"", k->host, word);
    return ir_cure(err, "known are pod, service, deployment, secret and all that `imgrel kube "
                        "kinds` lists"),
           IMGREL_EINVAL;
}

int ir_kube_kind_of(const ir_call *call, ir_kube *k, const ir_json *object,
                    const ir_kube_kind **ret, imgrel_error *err)
{
    const char *version = ir_json_str(object, "apiVersion"), *kind = ir_json_str(object, "kind");
    *ret = NULL;
    if (!version || !kind || !*version || !*kind)
        return ir_fail(err, IMGREL_EINVAL, "a manifest needs apiVersion and kind");
    int rc = find(call, k, NULL, version, kind, ret, err);
    if (rc || *ret)
        return rc;
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: the cluster has no kind %s of %s", k->host, kind,
            version);
    return ir_cure(err, "apply its CustomResourceDefinition first, or correct apiVersion"),
           IMGREL_EUNSUPPORTED;
}
