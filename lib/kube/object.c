/* object.c - objects of the API by kind and name: a table from kinds to paths; get, create, apply,
 * patch, and delete until gone. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdlib.h>
#include <strings.h>

#define MANAGER "fieldManager=imgrel"

static const ir_kube_kind kinds[] = {
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
#define N_KINDS (sizeof kinds / sizeof *kinds)

int ir_kube_kind_find(const char *word, const ir_kube_kind **ret, imgrel_error *err)
{
    *ret = NULL;
    for (size_t i = 0; i < N_KINDS && !*ret; i++) {
        const ir_kube_kind *k = &kinds[i];
        if (!strcasecmp(word, k->singular) || !strcasecmp(word, k->plural) ||
            (*k->brief && !strcasecmp(word, k->brief)))
            *ret = k;
    }
    if (*ret)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "unknown kind \"%s\"", word);
    return ir_cure(err, "known are pod, service, secret, namespace, serviceaccount, deployment, "
                        "configmap, event, node, job, ingress and more"),
           IMGREL_EINVAL;
}

/* Of a manifest: apiVersion and kind as written. */
static int kind_of(const ir_json *object, const ir_kube_kind **ret, imgrel_error *err)
{
    const char *version = ir_json_str(object, "apiVersion"), *kind = ir_json_str(object, "kind");
    *ret = NULL;
    if (!version || !kind)
        return ir_fail(err, IMGREL_EINVAL, "a manifest needs apiVersion and kind");
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kind, kinds[i].kind) && !strcmp(version, kinds[i].version)) {
            *ret = &kinds[i];
            return 0;
        }
    return ir_fail(err, IMGREL_EUNSUPPORTED, "%s of %s is no kind that this library knows", kind,
                   version);
}

/* What may stand in a path: no slash, no dots alone, nothing that needs encoding but ':'. */
static bool name_is_safe(const char *name)
{
    if (!name || !*name || !strcmp(name, ".") || !strcmp(name, "..") || strlen(name) > 253)
        return false;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("/%?#\\", *c))
            return false;
    return true;
}

int ir_kube_object_parse(const char *object, const ir_kube_kind **ret_kind, const char **ret_name,
                         imgrel_error *err)
{
    char word[64] = "";
    const char *slash = object ? strchr(object, '/') : NULL;
    *ret_kind = NULL;
    *ret_name = slash ? slash + 1 : NULL;
    if (!slash || slash == object || (size_t)(slash - object) >= sizeof word ||
        !name_is_safe(slash + 1))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is not kind/name", object ? object : "");
    memcpy(word, object, (size_t)(slash - object));
    return ir_kube_kind_find(word, ret_kind, err);
}

const char *ir_kube_ns(const ir_kube *k, const char *ns)
{
    return ns && *ns ? ns : k->ns;
}

int ir_kube_path(const ir_kube *k, const ir_kube_kind *kind, const char *ns, const char *name,
                 ir_buf *out, imgrel_error *err)
{
    if ((!kind->cluster_wide && !name_is_safe(ir_kube_ns(k, ns))) || (name && !name_is_safe(name)))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is no name of a %s",
                       name && name_is_safe(ir_kube_ns(k, ns)) ? name : ir_kube_ns(k, ns),
                       name ? kind->singular : "namespace");
    ir_buf_addf(out, strchr(kind->version, '/') ? "/apis/%s/" : "/api/%s/", kind->version);
    if (!kind->cluster_wide) {
        ir_buf_adds(out, "namespaces/");
        ir_url_encode(out, ir_kube_ns(k, ns));
        ir_buf_addc(out, '/');
    }
    ir_buf_adds(out, kind->plural);
    if (name) {
        ir_buf_addc(out, '/');
        ir_url_encode(out, name);
    }
    return ir_buf_check(out, err, "path");
}

const char *ir_kube_meta(const ir_json *object, const char *key)
{
    return ir_json_str(ir_json_get(object, "metadata"), key);
}

bool ir_kube_ours(const ir_json *object)
{
    const ir_json *labels = ir_json_path(object, "metadata.labels");
    return ir_streq(ir_json_str(labels, IR_KUBE_OURS_KEY), IR_KUBE_OURS_VALUE);
}

int ir_kube_add_labels(ir_json *object, const ir_json *labels)
{
    ir_json *meta = ir_json_get(object, "metadata"), *to = ir_json_get(meta, "labels");
    int bad = 0;
    if (!ir_json_len(labels))
        return 0;
    if (!to) {
        bad = ir_json_put(meta, "labels", ir_json_new_object());
        to = ir_json_get(meta, "labels");
    }
    for (void *it = ir_json_first(labels); it && !bad; it = ir_json_next(labels, it))
        if (!ir_json_get(to, ir_json_key(it)))
            bad = ir_json_put(to, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    return bad;
}

/* ---- get, create, patch ---------------------------------------------------------------------- */

static int object_path(const ir_kube *k, const char *ns, const char *object, ir_buf *out,
                       imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    int rc = ir_kube_object_parse(object, &kind, &name, err);
    return rc ? rc : ir_kube_path(k, kind, ns, name, out, err);
}

int ir_kube_get(const ir_call *call, ir_kube *k, const char *ns, const char *object, ir_json **ret,
                imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        if (ret)
        *ret = NULL;
    int rc = object_path(k, ns, object, &path, err);
    if (!rc)
        rc = ir_kube_request(call, k, "GET", ir_buf_str(&path), NULL, NULL, 0, ret, NULL, err);
    ir_buf_free(&path);
    return rc;
}

/* Where a manifest goes: its own namespace must not contradict the caller's. */
static int manifest_path(const ir_kube *k, const char *ns, const ir_json *object, bool named,
                         ir_buf *out, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *own = ir_kube_meta(object, "namespace"), *name = ir_kube_meta(object, "name");
    int rc = kind_of(object, &kind, err);
    if (rc)
        return rc;
    if (named && !name)
        return ir_fail(err, IMGREL_EINVAL, "a manifest of kind %s needs metadata.name", kind->kind);
    if (own && ns && *ns && strcmp(own, ns) != 0)
        return ir_fail(err, IMGREL_EINVAL, "%s/%s is of namespace %s, not %s", kind->singular,
                       name ? name : "", own, ns);
    return ir_kube_path(k, kind, own ? own : ns, named ? name : NULL, out, err);
}

static void add_options(const ir_call *call, ir_buf *path, bool may_force)
{
    ir_buf_adds(path, "?" MANAGER);
    if (may_force && IR_FORCE(call))
        ir_buf_adds(path, "&force=true");
    if (IR_DRY_RUN(call))
        ir_buf_adds(path, "&dryRun=All");
}

static int send_json(const ir_call *call, ir_kube *k, const char *method, const char *path,
                     const char *content_type, const ir_json *body, unsigned flags, ir_json **ret,
                     int *ret_status, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_API_BODY_MAX); /* it may be a Secret */
    ir_reply reply = {0};
    int rc = ir_json_dump(body, IR_JSON_COMPACT, &text, err);
    ir_request req = {.method = method,
                      .content_type = content_type,
                      .flags = flags,
                      .body = {.p = text.p, .len = text.len, .size = (int64_t)text.len}};
    if (!rc)
        rc = ir_kube_do(call, k, &req, path, &reply, err);
    if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(k, &req, path, &reply, err);
    if (!rc && ret)
        rc = ir_kube_body(k, &reply, ret, err);
    if (ret_status)
        *ret_status = reply.status;
    ir_reply_free(&reply);
    ir_buf_free(&text);
    return rc;
}

int ir_kube_create(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                   ir_json **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        *ret = NULL;
    int rc = manifest_path(k, ns, object, false, &path, err);
    add_options(call, &path, false);
    if (!rc)
        rc = send_json(call, k, "POST", ir_buf_str(&path), "application/json", object, 0, ret, NULL,
                       err);
    ir_buf_free(&path);
    return rc;
}

int ir_kube_patch(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                  const char *content_type, const ir_json *patch, ir_json **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        *ret = NULL;
    int rc = object_path(k, ns, object, &path, err);
    add_options(call, &path, false);
    if (!rc)
        rc = send_json(call, k, "PATCH", ir_buf_str(&path), content_type, patch, 0, ret, NULL, err);
    ir_buf_free(&path);
    return rc;
}

/* The resourceVersion before an apply; "" when there is no such object yet. */
static int version_before(const ir_call *call, ir_kube *k, const char *path, char ret[64],
                          imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *old = NULL;
    ret[0] = '\0';
    int rc = ir_kube_request(call, k, "GET", path, NULL, NULL, 0, &old, NULL, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    const char *version = ir_kube_meta(old, "resourceVersion");
    if (version && strlen(version) < 64)
        memcpy(ret, version, strlen(version) + 1);
    ir_json_free(old);
    return rc ? ir_kube_pass(err, &why) : 0;
}

int ir_kube_apply(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                  ir_json **ret, bool *ret_changed, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_json *now = NULL;
    char before[64] = "";
    int status = 0, rc = manifest_path(k, ns, object, true, &path, err);
    if (ret)
        *ret = NULL;
    if (!rc && ret_changed)
        rc = version_before(call, k, ir_buf_str(&path), before, err);
    add_options(call, &path, true);
    /* The same apply twice is one: it may be repeated. */
    if (!rc)
        rc = send_json(call, k, "PATCH", ir_buf_str(&path), "application/apply-patch+yaml", object,
                       IR_HTTP_REPEATABLE, &now, &status, err);
    if (!rc && ret_changed)
        *ret_changed = status == 201 || !ir_streq(before, ir_kube_meta(now, "resourceVersion"));
    if (!rc && ret) {
        *ret = now;
        now = NULL;
    }
    ir_json_free(now);
    ir_buf_free(&path);
    return rc;
}

/* ---- delete ---------------------------------------------------------------------------------- */

struct gone {
    const char *uid;
};

/* Gone is: no object, or another one of the same name. */
static int is_gone(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    const struct gone *g = user;
    (void)changed;
    (void)err;
    return !object || (g->uid && !ir_streq(ir_kube_meta(object, "uid"), g->uid));
}

int ir_kube_delete(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                   const char *uid, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_json *old = NULL, *options = NULL;
    int rc = ir_kube_get(call, k, ns, object, &old, err);
    if (rc)
        return rc;
    /* What is waited for is the object that was there; by name alone a new one would be deleted
     * when the request is repeated. */
    struct gone g = {uid ? uid : ir_kube_meta(old, "uid")};
    if (g.uid)
        options =
            ir_json_pack("{s:s, s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
                         "propagationPolicy", "Background", "preconditions", "uid", g.uid);
    else
        options = ir_json_pack("{s:s, s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions",
                               "propagationPolicy", "Background");
    rc = options ? object_path(k, ns, object, &path, err) : ir_nomem(err);
    if (IR_DRY_RUN(call))
        ir_buf_adds(&path, "?dryRun=All");
    if (!rc) {
        imgrel_error why = {0};
        rc = send_json(call, k, "DELETE", ir_buf_str(&path), "application/json", options, 0, NULL,
                       NULL, &why);
        rc = rc == IMGREL_ENOTFOUND ? 0 : rc ? ir_kube_pass(err, &why) : 0;
    }
    if (!rc && !IR_DRY_RUN(call))
        rc = ir_kube_follow(call, k, ns, object, 1000, is_gone, &g, err);
    ir_json_free(options);
    ir_json_free(old);
    ir_buf_free(&path);
    return rc;
}
