/* manifest.c - manifests as people write them: JSON or YAML, one document or many, lists unpacked,
 * put into the order in which a cluster wants them: what others stand on first. */
#include "base/limits.h"
#include "fmt/yaml.h"
#include "kube/inside.h"

#include <stdlib.h>

/* Kinds that are not here come after Pod and before the webhooks, which may refuse what follows. */
static const char *const order[] = {"Namespace",
                                    "PriorityClass",
                                    "NetworkPolicy",
                                    "ResourceQuota",
                                    "LimitRange",
                                    "PodDisruptionBudget",
                                    "ServiceAccount",
                                    "Secret",
                                    "ConfigMap",
                                    "StorageClass",
                                    "PersistentVolume",
                                    "PersistentVolumeClaim",
                                    "CustomResourceDefinition",
                                    "ClusterRole",
                                    "ClusterRoleBinding",
                                    "Role",
                                    "RoleBinding",
                                    "Service",
                                    "DaemonSet",
                                    "Pod",
                                    "ReplicaSet",
                                    "Deployment",
                                    "HorizontalPodAutoscaler",
                                    "StatefulSet",
                                    "Job",
                                    "CronJob",
                                    "IngressClass",
                                    "Ingress",
                                    "APIService"};
#define N_ORDER (sizeof order / sizeof *order)

static size_t rank(const ir_json *object)
{
    const char *kind = ir_json_str(object, "kind");
    for (size_t i = 0; i < N_ORDER; i++)
        if (ir_streq(kind, order[i]))
            return i;
    return ir_streq(kind, "MutatingWebhookConfiguration") ||
                   ir_streq(kind, "ValidatingWebhookConfiguration")
               ? N_ORDER + 1
               : N_ORDER;
}

ir_json *ir_kube_manifest_sort(const ir_json *objects, bool backwards)
{
    ir_json *sorted = ir_json_new_array();
    int bad = !sorted;
    size_t n = ir_json_len(objects);
    for (size_t r = 0; r <= N_ORDER + 1; r++)
        for (size_t i = 0; i < n && !bad; i++) {
            ir_json *object = ir_json_at(objects, backwards ? n - 1 - i : i);
            if (rank(object) == (backwards ? N_ORDER + 1 - r : r))
                bad = ir_json_append(sorted, ir_json_ref(object));
        }
    if (!bad)
        return sorted;
    ir_json_free(sorted);
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int add_object(ir_json *all, const ir_json *j, int depth, imgrel_error *err)
{
    const ir_json *items = ir_json_is_array(j) ? j : ir_json_get(j, "items");
    const char *kind = ir_json_str(j, "kind");
    int rc = 0;
    if (ir_json_is_null(j))
        return 0; /* an empty document */
    if (!ir_json_is_array(j) && (!ir_json_is_object(j) || !kind))
        return ir_fail(err, IMGREL_EINVAL, "document %zu of the manifest is no object with a kind",
                       ir_json_len(all) + 1);
    if (!ir_json_is_array(items) || (kind && !ir_ends(kind, "List")))
        return ir_json_append(all, ir_json_copy(j)) ? ir_nomem(err) : 0;
    if (depth > 3)
        return ir_fail(err, IMGREL_EINVAL, "the manifest has lists in lists in lists");
    for (size_t i = 0; i < ir_json_len(items) && !rc; i++)
        rc = add_object(all, ir_json_at(items, i), depth + 1, err);
    return rc;
}

static int read_yaml(const char *text, size_t len, ir_json *all, imgrel_error *err)
{
    ir_yaml **docs = NULL;
    size_t n = 0;
    int rc = ir_yaml_parse_all(text, len, "manifest", &docs, &n, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_object(all, ir_yaml_root(docs[i]), 0, err);
    for (size_t i = 0; docs && i < n; i++)
        ir_yaml_free(docs[i]);
    free(docs);
    return rc;
}

static int read_json(const char *text, size_t len, ir_json *all, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *j = NULL;
    int rc = ir_json_parse(text, len, "manifest", &j, &why);
    /* YAML in braces is no JSON yet; what is neither is told as what it looks like. */
    if (rc == IMGREL_EPROTO && read_yaml(text, len, all, NULL))
        rc = ir_fail(err, IMGREL_EINVAL, "%s", why.message);
    else if (rc == IMGREL_EPROTO)
        rc = 0;
    else
        rc = rc ? ir_kube_pass(err, &why) : add_object(all, j, 0, err);
    ir_json_free(j);
    return rc;
}

int ir_kube_manifest_read(const char *text, size_t len, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) all = ir_json_new_array();
    size_t blanks = 0;
    *ret = NULL;
    if (!text)
        return ir_fail(err, IMGREL_EINVAL, "the manifest is NULL");
    while (blanks < len && strchr(" \t\r\n", text[blanks]))
        blanks++;
    /* JSON is read as JSON (numbers stay numbers), all else, and JSON after JSON, as YAML. */
    bool json = blanks < len && strchr("{[", text[blanks]) && !memmem(text, len, "\n---", 4);
    int rc = !all   ? ir_nomem(err)
             : json ? read_json(text, len, all, err)
                    : read_yaml(text, len, all, err);
    if (!rc && !ir_json_len(all))
        rc = ir_fail(err, IMGREL_EINVAL, "the manifest is empty");
    if (!rc && !(*ret = ir_kube_manifest_sort(all, false)))
        rc = ir_nomem(err);
    return rc;
}
