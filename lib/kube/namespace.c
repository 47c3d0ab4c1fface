/* namespace.c - a namespace that can be used: it exists, is not on its way out, and has its default
 * service account, which the controller makes a moment later and without which every pod is
 * refused. */
#include "kube/inside.h"

#include <stdlib.h>

#define ACCOUNT_MS 30000

static bool terminating(const ir_json *ns)
{
    return ir_json_str(ir_json_get(ns, "metadata"), "deletionTimestamp") != NULL;
}

static int is_gone(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    const char *uid = user;
    (void)changed;
    (void)err;
    return !object || !ir_streq(ir_kube_meta(object, "uid"), uid);
}

static int is_there(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    (void)user;
    (void)changed;
    (void)err;
    return object != NULL;
}

static int wait_account(const ir_call *call, ir_kube *k, const char *name, imgrel_error *err)
{
    ir_call until = *call;
    imgrel_error why = {0};
    int64_t end = ir_now_ms() + ACCOUNT_MS;
    bool ours = !call->deadline_ms || end < call->deadline_ms;
    until.deadline_ms = ours ? end : call->deadline_ms;
    int rc = ir_kube_follow(&until, k, name, "serviceaccount/default", 1000, is_there, NULL, &why);
    /* Who may not look at it may still be right: a pod's creation will tell. */
    if (rc == IMGREL_EDENIED)
        return 0;
    if (rc == IMGREL_ETIMEOUT && ours) {
        ir_fail(err, IMGREL_EFAILED,
                "%s: namespace %s has no service account \"default\" after %d s", k->host, name,
                ACCOUNT_MS / 1000);
        return ir_cure(err, "see that kube-controller-manager runs: it makes the account"),
               IMGREL_EFAILED;
    }
    return rc ? ir_kube_pass(err, &why) : 0;
}

/* Without the right to read namespaces, what is inside tells that it exists. */
static int peek_inside(const ir_call *call, ir_kube *k, const char *name)
{
    ir_json *account = NULL;
    int rc = ir_kube_get(call, k, name, "serviceaccount/default", &account, NULL);
    ir_json_free(account);
    return rc;
}

static int read_namespace(const ir_call *call, ir_kube *k, const char *name, ir_json **ret,
                          imgrel_error *err)
{
    imgrel_error why = {0};
    char *object = ir_format("namespace/%s", name);
    int rc = object ? ir_kube_get(call, k, NULL, object, ret, &why) : ir_nomem(&why);
    if (!rc && terminating(*ret)) {
        char *uid = ir_strdup(ir_kube_meta(*ret, "uid"));
        ir_json_free(*ret);
        *ret = NULL;
        rc = ir_kube_follow(call, k, NULL, object, 1000, is_gone, uid, &why);
        free(uid);
        rc = rc ? rc : ir_kube_get(call, k, NULL, object, ret, &why);
    } else if (rc == IMGREL_EDENIED && !peek_inside(call, k, name)) {
        *ret = ir_json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                            "metadata", "name", name);
        rc = *ret ? 0 : ir_nomem(&why);
    }
    free(object);
    return rc && rc != IMGREL_ENOTFOUND ? ir_kube_pass(err, &why) : rc;
}

static int create_namespace(const ir_call *call, ir_kube *k, const char *name,
                            const ir_json *labels, ir_json **ret, imgrel_error *err)
{
    ir_json *ns = ir_json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                               "metadata", "name", name);
    int rc = !ns || ir_kube_add_labels(ns, labels) ? ir_nomem(err)
                                                   : ir_kube_create(call, k, NULL, ns, ret, err);
    ir_json_free(ns);
    return rc;
}

int ir_kube_namespace_ensure(const ir_call *call, ir_kube *k, const char *name,
                             const ir_json *labels, const char **ret_change, ir_json **ret,
                             imgrel_error *err)
{
    ir_json *ns = NULL;
    imgrel_error why = {0};
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    int rc = read_namespace(call, k, name, &ns, err);
    if (rc == IMGREL_ENOTFOUND) {
        *ret_change = "created";
        rc = create_namespace(call, k, name, labels, &ns, &why);
        /* Somebody was faster: as good. */
        if (rc == IMGREL_ECONFLICT) {
            *ret_change = "unchanged";
            rc = read_namespace(call, k, name, &ns, err);
        } else if (rc) {
            ir_kube_pass(err, &why);
        }
    }
    if (!rc && !IR_DRY_RUN(call))
        rc = wait_account(call, k, name, err);
    if (!rc && ret) {
        *ret = ns;
        ns = NULL;
    }
    ir_json_free(ns);
    return rc;
}
