/* rollout.c - is a deployment, stateful set or daemon set rolled out? As `kubectl rollout status`
 * reads it, but with eyes for the pods: one of the new ones that cannot run ends the wait with its
 * cause and cure, long before the deployment's own deadline. */
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 2000
#define FAILURE_S 30 /* how long a deployment may be unable to make pods */

/* ---- how it stands: pure --------------------------------------------------------------------- */

static const ir_json *condition(const ir_json *object, const char *type)
{
    const ir_json *all = ir_json_path(object, "status.conditions");
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (ir_streq(ir_json_str(ir_json_at(all, i), "type"), type))
            return ir_json_at(all, i);
    return NULL;
}

static int deployment_state(const ir_json *object, const ir_json *status, int64_t want,
                            char say[200], imgrel_error *err)
{
    const ir_json *progress = condition(object, "Progressing");
    int64_t all = ir_json_int(status, "replicas", 0);
    int64_t updated = ir_json_int(status, "updatedReplicas", 0);
    int64_t available = ir_json_int(status, "availableReplicas", 0);
    if (ir_streq(ir_json_str(progress, "reason"), "ProgressDeadlineExceeded")) {
        const char *text = ir_json_str(progress, "message");
        return ir_fail(err, IMGREL_EFAILED, "it exceeded its progress deadline: %s",
                       text ? text : "");
    }
    if (updated < want)
        snprintf(say, 200, "%lld of %lld new replicas are there", (long long)updated,
                 (long long)want);
    else if (all > updated)
        snprintf(say, 200, "%lld old replicas are still to end", (long long)(all - updated));
    else if (available < updated)
        snprintf(say, 200, "%lld of %lld new replicas are available", (long long)available,
                 (long long)updated);
    else
        return 1;
    return 0;
}

static int daemon_state(const ir_json *status, char say[200])
{
    int64_t want = ir_json_int(status, "desiredNumberScheduled", 0);
    int64_t updated = ir_json_int(status, "updatedNumberScheduled", 0);
    int64_t available = ir_json_int(status, "numberAvailable", 0);
    if (updated < want)
        snprintf(say, 200, "%lld of %lld nodes have the new pod", (long long)updated,
                 (long long)want);
    else if (available < want)
        snprintf(say, 200, "%lld of %lld new pods are available", (long long)available,
                 (long long)want);
    else
        return 1;
    return 0;
}

static int stateful_state(const ir_json *object, const ir_json *status, int64_t want, char say[200])
{
    int64_t updated = ir_json_int(status, "updatedReplicas", 0);
    int64_t ready = ir_json_int(status, "readyReplicas", 0);
    int64_t first =
        ir_json_int(ir_json_path(object, "spec.updateStrategy.rollingUpdate"), "partition", 0);
    int64_t new = want > first ? want - first : 0;
    bool same =
        ir_streq(ir_json_str(status, "updateRevision"), ir_json_str(status, "currentRevision"));
    if (ready < want)
        snprintf(say, 200, "%lld of %lld pods are ready", (long long)ready, (long long)want);
    else if (first ? updated < new : !same)
        snprintf(say, 200, "%lld of %lld pods are new", (long long)updated, (long long)new);
    else
        return 1;
    return 0;
}

int ir_rollout_state(const ir_json *object, char ret_say[200], imgrel_error *err)
{
    const char *kind = ir_json_str(object, "kind");
    const ir_json *status = ir_json_get(object, "status");
    int64_t want = ir_json_int(ir_json_get(object, "spec"), "replicas", 1);
    int64_t written = ir_json_int(ir_json_get(object, "metadata"), "generation", 0);
    const char *strategy = ir_json_str(ir_json_path(object, "spec.updateStrategy"), "type");
    ret_say[0] = '\0';
    if (ir_streq(strategy, "OnDelete"))
        return ir_fail(err, IMGREL_EUNSUPPORTED,
                       "its strategy is OnDelete: it is rolled out by deleting its pods");
    if (written > ir_json_int(status, "observedGeneration", 0)) {
        snprintf(ret_say, 200, "its controller has not seen the change yet");
        return 0;
    }
    if (ir_streq(kind, "Deployment"))
        return deployment_state(object, status, want, ret_say, err);
    if (ir_streq(kind, "DaemonSet"))
        return daemon_state(status, ret_say);
    if (ir_streq(kind, "StatefulSet"))
        return stateful_state(object, status, want, ret_say);
    return ir_fail(err, IMGREL_EUNSUPPORTED,
                   "a %s is not rolled out; deployment, statefulset and daemonset are",
                   kind ? kind : "nothing");
}

/* ---- its pods -------------------------------------------------------------------------------- */

struct wait {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *object;
    ir_explain_fn *explain;
    bool seen;
    char say[200];
    const char *surface; /* the cause that a look at the cluster shows; static */
    int64_t since_ms;    /* the same since then */
    const char *cause;   /* what is behind it; static */
    int patience_s;      /* with that; -1: until the deadline */
    char message[560], cure[312];
    ir_json *now;
};

/* The hash that the newest template's pods carry; "" unknown. */
struct newest {
    const char *uid;
    int64_t revision;
    char hash[64];
};

static bool owned_by(const ir_json *object, const char *uid)
{
    const ir_json *owners = ir_json_path(object, "metadata.ownerReferences");
    for (size_t i = 0; i < ir_json_len(owners); i++)
        if (ir_streq(ir_json_str(ir_json_at(owners, i), "uid"), uid))
            return true;
    return false;
}

bool ir_kube_owned_by(const ir_json *object, const ir_json *owner)
{
    const char *uid = ir_kube_meta(owner, "uid");
    return uid && owned_by(object, uid);
}

int64_t ir_kube_revision(const ir_json *object)
{
    unsigned long long n = 0;
    const char *text = ir_json_str(ir_json_path(object, "metadata.annotations"),
                                   "deployment.kubernetes.io/revision");
    return text && ir_parse_u64(text, INT64_MAX, &n) ? (int64_t)n : 0;
}

static int see_replica_set(void *user, const ir_json *set, imgrel_error *err)
{
    struct newest *n = user;
    const char *hash = ir_json_str(ir_json_path(set, "metadata.labels"), "pod-template-hash");
    int64_t revision = ir_kube_revision(set);
    (void)err;
    if (hash && owned_by(set, n->uid) && revision >= n->revision) {
        n->revision = revision;
        snprintf(n->hash, sizeof n->hash, "%s", hash);
    }
    return 0;
}

/* A selector for the pods that a rollout waits for; empty: none is known. */
static int new_pods(struct wait *w, ir_buf *out, imgrel_error *err)
{
    const ir_json *selector = ir_json_path(w->now, "spec.selector");
    struct newest n = {.uid = ir_kube_meta(w->now, "uid")};
    if (!ir_json_len(ir_json_get(selector, "matchLabels")) ||
        ir_json_len(ir_json_get(selector, "matchExpressions")))
        return 0;
    int rc = ir_kube_selector_text(ir_json_get(selector, "matchLabels"), out, err);
    if (rc || !ir_streq(ir_json_str(w->now, "kind"), "Deployment") || !n.uid)
        return rc;
    rc = ir_kube_list(w->call, w->k, w->ns, "replicaset", ir_buf_str(out), NULL, see_replica_set,
                      &n, err);
    if (!rc && n.hash[0])
        ir_buf_addf(out, ",pod-template-hash=%s", n.hash);
    return rc ? rc : ir_buf_check(out, err, "selector");
}

/* The first new pod that is not ready and not on its way out. */
static int see_pod(void *user, const ir_json *pod, imgrel_error *err)
{
    char **name = user;
    if (*name || ir_kube_condition(pod, "Ready") || ir_kube_meta(pod, "deletionTimestamp"))
        return 0;
    *name = ir_strdup(ir_kube_meta(pod, "name"));
    return *name ? 0 : ir_nomem(err);
}

/* Whether a look shows another cause than the one before. */
static bool is_new(struct wait *w, const char *surface)
{
    bool news = !w->surface || strcmp(w->surface, surface) != 0;
    if (news)
        w->since_ms = ir_now_ms();
    w->surface = surface;
    return news;
}

static bool is_over(const struct wait *w)
{
    return w->patience_s >= 0 && ir_now_ms() - w->since_ms >= (int64_t)w->patience_s * 1000;
}

static void blame(struct wait *w, const char *cause, int patience_s, const char *message,
                  const char *cure)
{
    w->cause = cause;
    w->patience_s = patience_s;
    snprintf(w->message, sizeof w->message, "%s", message);
    snprintf(w->cure, sizeof w->cure, "%s", cure ? cure : "");
}

static int fail_for(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "%s: %s", w->object, w->message);
    if (err && err->code == IMGREL_EFAILED && !err->reason[0])
        snprintf(err->reason, sizeof err->reason, "%s", w->cause);
    return ir_cure(err, "%s", w->cure), IMGREL_EFAILED;
}

/* Others than the cluster are asked when its cause is new, and again before it ends the wait. */
static int judge(struct wait *w, const char *pod, imgrel_error *err)
{
    ir_diagnosis d = {0};
    imgrel_error why = {0};
    char text[560];
    snprintf(text, sizeof text, "pod/%s", pod);
    int rc = ir_kube_diagnose(w->call, w->k, w->ns, text, NULL, &d, &why);
    if (rc) /* it may have gone in between */
        return rc == IMGREL_ENOTFOUND ? 0 : ir_kube_pass(err, &why);
    if (is_new(w, d.cause) || is_over(w)) {
        if (w->explain)
            rc = w->explain(w->call, &d, err);
        snprintf(text, sizeof text, "pod/%s: %s", pod, d.message);
        blame(w, d.cause, d.patience_s, text, d.cure);
        if (!rc && is_over(w))
            rc = fail_for(w, err);
    }
    ir_diagnosis_free(&d);
    return rc;
}

/* A quota or a policy keeps the controller from making pods: nothing can be asked about them. */
static int judge_controller(struct wait *w, imgrel_error *err)
{
    const ir_json *failure = condition(w->now, "ReplicaFailure");
    const char *text = ir_json_str(failure, "message");
    if (!ir_streq(ir_json_str(failure, "status"), "True"))
        return 0;
    const ir_kube_rule *r = ir_kube_refusal(text);
    const char *cause = r ? r->cause : "pods-refused";
    is_new(w, cause);
    blame(w, cause, FAILURE_S, text ? text : "it cannot make pods",
          r ? r->cure : "have the quota or policy that the message names let its pods in");
    return is_over(w) ? fail_for(w, err) : 0;
}

static int look_at_pods(struct wait *w, imgrel_error *err)
{
    ir_buf selector = IR_BUF(4096);
    imgrel_error why = {0};
    char *pod = NULL;
    int rc = new_pods(w, &selector, &why);
    if (!rc && selector.len)
        rc = ir_kube_list(w->call, w->k, w->ns, "pod", ir_buf_str(&selector), NULL, see_pod, &pod,
                          &why);
    ir_buf_free(&selector);
    /* Who may not look at pods waits without seeing why. */
    if (rc == IMGREL_EDENIED)
        rc = 0;
    else if (rc)
        ir_kube_pass(err, &why);
    if (!rc)
        rc = pod ? judge(w, pod, err) : judge_controller(w, err);
    free(pod);
    return rc;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int not_there(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: %s %s in %s", w->k->host, w->object,
            w->seen ? "was deleted while it was waited for" : "does not exist",
            ir_kube_ns(w->k, w->ns));
    return ir_cure(err, w->seen ? "see who deleted it" : "create it first"), IMGREL_ENOTFOUND;
}

static int look(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    struct wait *w = user;
    imgrel_error why = {0};
    char say[200];
    if (!object)
        return not_there(w, err);
    w->seen = true;
    ir_json_free(w->now);
    w->now = ir_json_ref((ir_json *)(uintptr_t)object);
    int rc = ir_rollout_state(object, say, &why);
    if (rc == 1)
        return 1;
    if (rc == IMGREL_EFAILED && w->cause)
        return fail_for(w, err);
    if (rc) {
        ir_error_prefix(&why, "%s", w->object);
        return ir_kube_pass(err, &why);
    }
    if (strcmp(say, w->say) != 0) {
        memcpy(w->say, say, sizeof say);
        rc = ir_progress(w->call, IMGREL_EVENT_STEP, w->object, say, 0, 0, 1, err);
    }
    return rc ? rc : changed && !w->cause ? 0 : look_at_pods(w, err);
}

static int timed_out(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ETIMEOUT, "%s is not rolled out in time: %s%s%s", w->object,
            w->seen ? w->say : "it was not seen", w->cause ? "; " : "", w->cause ? w->message : "");
    if (w->cause && *w->cure)
        ir_cure(err, "%s", w->cure);
    else
        ir_cure(err, "wait longer, or look at its pods");
    return IMGREL_ETIMEOUT;
}

int ir_kube_rollout_wait(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                         ir_explain_fn *explain, ir_json **ret, imgrel_error *err)
{
    struct wait w = {.call = call, .k = k, .ns = ns, .object = object, .explain = explain};
    imgrel_error why = {0};
    if (ret)
        *ret = NULL;
    int rc = ir_kube_follow(call, k, ns, object, TICK_MS, look, &w, &why);
    bool late = call->deadline_ms && ir_now_ms() >= call->deadline_ms;
    if (rc == IMGREL_ETIMEOUT && late)
        rc = timed_out(&w, err);
    else if (rc)
        ir_kube_pass(err, &why);
    if (!rc && ret) {
        *ret = w.now;
        w.now = NULL;
    }
    ir_json_free(w.now);
    return rc;
}
