/* kube_default.c - what the API server fills in, kind by kind. */
#include "mock/kube.h"

#include "base/base64.h"

#include <stdlib.h>

static void dflt_str(ir_json *o, const char *name, const char *value)
{
    if (!ir_json_get(o, name))
        ir_json_puts(o, name, value);
}

static void dflt_int(ir_json *o, const char *name, int64_t value)
{
    if (!ir_json_get(o, name))
        ir_json_put(o, name, ir_json_new_int(value));
}

static void dflt_object(ir_json *o, const char *name)
{
    if (!ir_json_get(o, name))
        ir_json_put(o, name, ir_json_new_object());
}

/* ---- pods ----------------------------------------------------------------------------------- */

/* No tag or :latest is pulled always, all else if it is not there. */
static const char *pull_policy(const char *image)
{
    const char *slash = strrchr(image, '/'), *colon = strrchr(slash ? slash : image, ':');
    if (strchr(image, '@'))
        return "IfNotPresent";
    return !colon || !strcmp(colon, ":latest") ? "Always" : "IfNotPresent";
}

static void dflt_container(ir_json *c)
{
    const char *image = ir_json_str(c, "image");
    const ir_json *ports = ir_json_get(c, "ports");
    dflt_object(c, "resources");
    dflt_str(c, "terminationMessagePath", "/dev/termination-log");
    dflt_str(c, "terminationMessagePolicy", "File");
    dflt_str(c, "imagePullPolicy", pull_policy(image ? image : ""));
    for (size_t i = 0; i < ir_json_len(ports); i++)
        dflt_str(ir_json_at(ports, i), "protocol", "TCP");
}

static void dflt_pod_spec(ir_json *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    for (size_t l = 0; l < 2; l++) {
        const ir_json *list = ir_json_get(spec, lists[l]);
        for (size_t i = 0; i < ir_json_len(list); i++)
            dflt_container(ir_json_at(list, i));
    }
    dflt_str(spec, "restartPolicy", "Always");
    dflt_int(spec, "terminationGracePeriodSeconds", 30);
    dflt_str(spec, "dnsPolicy", "ClusterFirst");
    dflt_object(spec, "securityContext");
    dflt_str(spec, "schedulerName", "default-scheduler");
}

static ir_json *toleration(const char *key)
{
    return ir_json_pack("{s:s, s:s, s:s, s:i}", "key", key, "operator", "Exists", "effect",
                        "NoExecute", "tolerationSeconds", 300);
}

static void dflt_pod(ir_json *pod)
{
    ir_json *spec = mk_ensure(pod, "spec");
    dflt_pod_spec(spec);
    dflt_int(spec, "priority", 0);
    dflt_str(spec, "preemptionPolicy", "PreemptLowerPriority");
    if (!ir_json_get(spec, "enableServiceLinks"))
        ir_json_put(spec, "enableServiceLinks", ir_json_new_bool(true));
    if (!ir_json_get(spec, "tolerations")) {
        ir_json *list = ir_json_new_array();
        ir_json_append(list, toleration("node.kubernetes.io/not-ready"));
        ir_json_append(list, toleration("node.kubernetes.io/unreachable"));
        ir_json_put(spec, "tolerations", list);
    }
    if (!ir_json_get(pod, "status"))
        ir_json_put(pod, "status",
                    ir_json_pack("{s:s, s:s}", "phase", "Pending", "qosClass", "BestEffort"));
}

/* ---- services ------------------------------------------------------------------------------- */

static void dflt_service_ports(ir_json *spec)
{
    const ir_json *ports = ir_json_get(spec, "ports");
    for (size_t i = 0; i < ir_json_len(ports); i++) {
        ir_json *port = ir_json_at(ports, i), *number = ir_json_get(port, "port");
        dflt_str(port, "protocol", "TCP");
        const ir_json *target = ir_json_get(port, "targetPort");
        if ((!target || (!ir_json_text(target) && !ir_json_number(target, 0))) && number)
            ir_json_put(port, "targetPort", ir_json_ref(number));
    }
}

static void dflt_service(struct mk_kube *k, ir_json *service)
{
    ir_json *spec = mk_ensure(service, "spec");
    dflt_service_ports(spec);
    dflt_str(spec, "type", "ClusterIP");
    dflt_str(spec, "sessionAffinity", "None");
    if (!ir_json_get(service, "status"))
        ir_json_put(service, "status", ir_json_pack("{s:{}}", "loadBalancer"));
    if (!strcmp(ir_json_str(spec, "type") ? ir_json_str(spec, "type") : "", "ExternalName"))
        return;
    dflt_str(spec, "internalTrafficPolicy", "Cluster");
    dflt_str(spec, "ipFamilyPolicy", "SingleStack");
    if (!ir_json_get(spec, "ipFamilies"))
        ir_json_put(spec, "ipFamilies", ir_json_pack("[s]", "IPv4"));
    const char *ip = ir_json_str(spec, "clusterIP");
    if (!ip || !*ip) {
        int64_t n = ++k->serial;
        char *text = ir_format("10.96.%d.%d", (int)(n / 250 % 250), (int)(n % 250) + 2);
        ir_json_puts(spec, "clusterIP", text);
        free(text);
    }
    if (!ir_json_get(spec, "clusterIPs"))
        ir_json_put(spec, "clusterIPs", ir_json_pack("[s]", ir_json_str(spec, "clusterIP")));
}

/* ---- the others ----------------------------------------------------------------------------- */

static void dflt_secret(ir_json *secret)
{
    const ir_json *texts = ir_json_get(secret, "stringData");
    for (void *it = ir_json_first(texts); it; it = ir_json_next(texts, it)) {
        const char *text = ir_json_text(ir_json_value(it));
        ir_buf out = IR_BUF_SECRET(MK_KUBE_BODY_MAX * 2);
        ir_base64_add(&out, text ? text : "", text ? strlen(text) : 0);
        ir_json_puts(mk_ensure(secret, "data"), ir_json_key(it), ir_buf_str(&out));
        ir_buf_free(&out);
    }
    ir_json_remove(secret, "stringData");
    dflt_str(secret, "type", "Opaque");
}

static void dflt_namespace(ir_json *ns)
{
    ir_json_puts(mk_ensure(ns, "metadata.labels"), "kubernetes.io/metadata.name", mk_name(ns));
    if (!ir_json_path(ns, "metadata.deletionTimestamp"))
        ir_json_put(mk_ensure(ns, "spec"), "finalizers", ir_json_pack("[s]", "kubernetes"));
    if (!ir_json_get(ns, "status"))
        ir_json_put(ns, "status", ir_json_pack("{s:s}", "phase", "Active"));
}

static void dflt_deployment(ir_json *d)
{
    ir_json *spec = mk_ensure(d, "spec");
    dflt_int(spec, "replicas", 1);
    dflt_int(spec, "revisionHistoryLimit", 10);
    dflt_int(spec, "progressDeadlineSeconds", 600);
    if (!ir_json_get(spec, "strategy"))
        ir_json_put(spec, "strategy",
                    ir_json_pack("{s:s, s:{s:s, s:s}}", "type", "RollingUpdate", "rollingUpdate",
                                 "maxUnavailable", "25%", "maxSurge", "25%"));
    dflt_pod_spec(mk_ensure(spec, "template.spec"));
    dflt_object(d, "status");
}

void mk_default(struct mk_kube *k, const mk_kind *kind, ir_json *object)
{
    if (!strcmp(kind->kind, "Pod"))
        dflt_pod(object);
    else if (!strcmp(kind->kind, "Service"))
        dflt_service(k, object);
    else if (!strcmp(kind->kind, "Secret"))
        dflt_secret(object);
    else if (!strcmp(kind->kind, "Namespace"))
        dflt_namespace(object);
    else if (!strcmp(kind->kind, "Deployment"))
        dflt_deployment(object);
}
