/* workload.c - a deployment as it is wanted, by server-side apply, and the pull secrets of a
 * service account, whose list every writer replaces as a whole: it is read, added to, and written
 * only if nobody else did meanwhile. */
#include "kube/inside.h"

#include <stdlib.h>

#define TRIES_MAX 5

/* ---- deployments ----------------------------------------------------------------------------- */

ir_json *ir_kube_deployment_object(const ir_pod_spec *spec)
{
    ir_json *template = ir_kube_pod_template(spec);
    const ir_json *labels = ir_json_path(template, "metadata.labels");
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:{s:s, s:o}, s:{s:{s:{s:s}}}}", "apiVersion", "apps/v1", "kind",
                     "Deployment", "metadata", "name", spec->name, "labels", ir_json_copy(labels),
                     "spec", "selector", "matchLabels", "app.kubernetes.io/name", spec->name);
    ir_json *inner = ir_json_get(j, "spec");
    int bad = ir_json_put(inner, "template", template);
    if (spec->replicas > 0)
        bad |= ir_json_put(inner, "replicas", ir_json_new_int(spec->replicas));
    if (!bad)
        return j;
    ir_json_free(j);
    return NULL;
}

static int check_owner(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                       imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *have = NULL;
    int rc = ir_kube_get(call, k, ns, object, &have, &why);
    bool ours = rc || ir_kube_ours(have) || IR_FORCE(call);
    ir_json_free(have);
    if (rc && rc != IMGREL_ENOTFOUND)
        return ir_kube_pass(err, &why);
    if (ours)
        return 0;
    ir_fail(err, IMGREL_ECONFLICT, "%s: %s in %s is not ours: it lacks the label %s=%s", k->host,
            object, ir_kube_ns(k, ns), IR_KUBE_OURS_KEY, IR_KUBE_OURS_VALUE);
    return ir_cure(err, "use another name, or take it over by force"), IMGREL_ECONFLICT;
}

int ir_kube_deployment_run(const ir_call *call, ir_kube *k, const char *ns, const ir_pod_spec *spec,
                           const char **ret_change, ir_json **ret, imgrel_error *err)
{
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    int rc = ir_kube_pod_check(spec, "deployment", err);
    if (!rc && spec->manifest)
        rc = ir_fail(err, IMGREL_EINVAL, "deployment/%s: a manifest is for apply", spec->name);
    if (rc)
        return rc;
    ir_json *want = ir_kube_deployment_object(spec);
    char *object = ir_format("deployment/%s", spec->name);
    rc = want && object ? check_owner(call, k, ns, object, err) : ir_nomem(err);
    if (!rc)
        rc = ir_kube_apply(call, k, ns, want, ret, ret_change, err);
    ir_json_free(want);
    free(object);
    return rc;
}

/* ---- service accounts ------------------------------------------------------------------------ */

static bool named(const ir_json *list, const char *name)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *item = ir_json_at(list, i);
        const char *text = ir_json_is_string(item) ? ir_json_text(item) : ir_json_str(item, "name");
        if (ir_streq(text, name))
            return true;
    }
    return false;
}

/* The wanted list; *ret_same: it is as it was. */
static ir_json *wanted_list(const ir_json *have, const ir_json *add, const ir_json *remove,
                            bool *ret_same)
{
    ir_json *list = ir_json_new_array();
    int bad = !list;
    *ret_same = true;
    for (size_t i = 0; i < ir_json_len(have) && !bad; i++) {
        ir_json *item = ir_json_at(have, i);
        const char *name = ir_json_str(item, "name");
        if (name && named(remove, name))
            *ret_same = false;
        else
            bad = ir_json_append(list, ir_json_ref(item));
    }
    for (size_t i = 0; i < ir_json_len(add) && !bad; i++) {
        const char *name = ir_json_text(ir_json_at(add, i));
        if (!name || named(list, name))
            continue;
        *ret_same = false;
        bad = ir_json_append(list, ir_json_pack("{s:s}", "name", name));
    }
    if (!bad)
        return list;
    ir_json_free(list);
    return NULL;
}

static int account_once(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                        const ir_json *add, const ir_json *remove, const char **ret_change,
                        ir_json **ret, imgrel_error *err)
{
    ir_json *have = NULL, *list = NULL, *patch = NULL;
    bool same = false;
    int rc = ir_kube_get(call, k, ns, object, &have, err);
    if (rc)
        return rc;
    const char *version = ir_kube_meta(have, "resourceVersion");
    list = wanted_list(ir_json_get(have, "imagePullSecrets"), add, remove, &same);
    *ret_change = same ? "unchanged" : "changed";
    if (same) {
        *ret = ir_json_ref(have);
    } else {
        patch = ir_json_pack("{s:{s:s}, s:O}", "metadata", "resourceVersion",
                             version ? version : "", "imagePullSecrets", list);
        rc = patch ? ir_kube_patch(call, k, ns, object, "application/merge-patch+json", patch, ret,
                                   err)
                   : ir_nomem(err);
    }
    ir_json_free(patch);
    ir_json_free(list);
    ir_json_free(have);
    return rc;
}

int ir_kube_account_secrets(const ir_call *call, ir_kube *k, const char *ns, const char *account,
                            const ir_json *add, const ir_json *remove, const char **ret_change,
                            ir_json **ret, imgrel_error *err)
{
    char *object = ir_format("serviceaccount/%s", account);
    imgrel_error why = {0};
    ir_json *now = NULL;
    int rc = object ? IMGREL_ECONFLICT : ir_nomem(&why);
    *ret_change = "unchanged";
    for (int tries = 0; object && tries < TRIES_MAX && rc == IMGREL_ECONFLICT; tries++) {
        ir_error_clear(&why);
        rc = account_once(call, k, ns, object, add, remove, ret_change, &now, &why);
    }
    free(object);
    if (!rc && ret) {
        *ret = now;
        now = NULL;
    }
    ir_json_free(now);
    return rc ? ir_kube_pass(err, &why) : 0;
}
