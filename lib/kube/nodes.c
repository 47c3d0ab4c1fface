/* nodes.c - which nodes a pod may be on: those that its nodeSelector picks, without a taint that it
 * does not tolerate. The scheduler's own message counts nodes and names nothing. */
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>

struct nodes {
    const ir_json *tolerations;
    size_t n, n_tainted, n_asleep; /* asleep: the only taints say that it is not ready */
    char taint[300];               /* of the first: "node1 has a=b:NoSchedule" */
};

static bool tolerates(const ir_json *toleration, const ir_json *taint)
{
    const char *key = ir_json_str(toleration, "key"), *effect = ir_json_str(toleration, "effect");
    const char *value = ir_json_str(toleration, "value"), *is = ir_json_str(taint, "value");
    if (effect && *effect && !ir_streq(effect, ir_json_str(taint, "effect")))
        return false;
    if (key && *key && !ir_streq(key, ir_json_str(taint, "key")))
        return false;
    return ir_streq(ir_json_str(toleration, "operator"), "Exists") ||
           (key && *key && ir_streq(value ? value : "", is ? is : ""));
}

static bool is_tolerated(const ir_json *tolerations, const ir_json *taint)
{
    for (size_t i = 0; i < ir_json_len(tolerations); i++)
        if (tolerates(ir_json_at(tolerations, i), taint))
            return true;
    return ir_streq(ir_json_str(taint, "effect"), "PreferNoSchedule");
}

static int see_node(void *user, const ir_json *node, imgrel_error *err)
{
    struct nodes *n = user;
    const ir_json *taints = ir_json_path(node, "spec.taints");
    const char *name = ir_kube_meta(node, "name");
    bool tainted = false, asleep = true;
    (void)err;
    n->n++;
    for (size_t i = 0; i < ir_json_len(taints); i++) {
        const ir_json *t = ir_json_at(taints, i);
        const char *key = ir_json_str(t, "key"), *effect = ir_json_str(t, "effect");
        if (is_tolerated(n->tolerations, t))
            continue;
        tainted = true;
        if (ir_kube_one_of("node.kubernetes.io/not-ready|node.kubernetes.io/unreachable", key,
                           true))
            continue;
        asleep = false;
        if (!*n->taint)
            snprintf(n->taint, sizeof n->taint, "node %s has the taint %s:%s", name ? name : "",
                     key ? key : "", effect ? effect : "");
    }
    n->n_tainted += tainted;
    n->n_asleep += tainted && asleep;
    return 0;
}

static int say(const struct nodes *n, const char *selector, ir_diagnosis *d, imgrel_error *err)
{
    char text[400];
    const char *cause = NULL;
    if (!n->n) {
        cause = "no-matching-node";
        snprintf(text, sizeof text, "no node has the labels of its nodeSelector, %s", selector);
    } else if (n->n_tainted == n->n && n->n_asleep == n->n) {
        cause = "node-not-ready";
        snprintf(text, sizeof text, "%zu of %zu nodes that it may be on are not ready", n->n_asleep,
                 n->n);
    } else if (n->n_tainted == n->n) {
        cause = "untolerated-taint";
        snprintf(text, sizeof text, "%s", n->taint);
    }
    int rc = cause ? ir_diagnosis_by(d, ir_kube_rule_named(cause), text, err) : 0;
    return rc || !cause ? rc : ir_diagnosis_see(d, "nodes", text, err);
}

int ir_examine_nodes(const ir_call *call, ir_kube *k, const ir_json *pod, ir_diagnosis *d,
                     imgrel_error *err)
{
    struct nodes n = {.tolerations = ir_json_path(pod, "spec.tolerations")};
    imgrel_error why = {0};
    ir_buf selector = IR_BUF(16 * 1024);
    int rc = ir_kube_selector_text(ir_json_path(pod, "spec.nodeSelector"), &selector, &why);
    if (!rc)
        rc = ir_kube_list(call, k, NULL, "node", selector.len ? ir_buf_str(&selector) : NULL, NULL,
                          see_node, &n, &why);
    if (rc == IMGREL_EDENIED)
        rc = 0;
    else
        rc = rc ? ir_kube_pass(err, &why) : say(&n, ir_buf_str(&selector), d, err);
    ir_buf_free(&selector);
    return rc;
}
