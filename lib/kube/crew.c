/* crew.c - why what makes pods (a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job) does
 * not have those that it should: the API server refuses them, they fail (then the worst of them
 * tells), it is paused, or it is only on its way. */
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOKED_AT_MAX 5 /* pods of one workload: they mostly suffer from the same */

/* ---- pods ------------------------------------------------------------------------------------ */

static int add_pod(void *user, const ir_json *pod, imgrel_error *err)
{
    ir_crew *c = user;
    if (ir_kube_meta(pod, "deletionTimestamp"))
        return 0;
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 16;
        ir_json **more = realloc(c->pods, room * sizeof *more);
        if (!more)
            return ir_nomem(err);
        c->pods = more;
        c->room = room;
    }
    c->n_ready += ir_kube_condition(pod, "Ready");
    c->pods[c->n++] = ir_json_ref((ir_json *)(uintptr_t)pod);
    return 0;
}

/* RFC 3339 in UTC sorts as text. */
static int newer_first(const void *a, const void *b)
{
    const char *x = ir_kube_meta(*(ir_json *const *)a, "creationTimestamp");
    const char *y = ir_kube_meta(*(ir_json *const *)b, "creationTimestamp");
    return strcmp(y ? y : "", x ? x : "");
}

int ir_crew_get(const ir_call *call, ir_kube *k, const char *ns, const ir_json *selector,
                ir_crew *ret, imgrel_error *err)
{
    ir_buf text = IR_BUF(16 * 1024);
    memset(ret, 0, sizeof *ret);
    int rc = ir_kube_selector_text(selector, &text, err);
    if (!rc && text.len)
        rc = ir_kube_list(call, k, ns, "pod", ir_buf_str(&text), NULL, add_pod, ret, err);
    if (ret->n)
        qsort(ret->pods, ret->n, sizeof(ir_json *), newer_first);
    ir_buf_free(&text);
    if (rc)
        ir_crew_free(ret);
    return rc;
}

void ir_crew_free(ir_crew *c)
{
    for (size_t i = 0; i < c->n; i++)
        ir_json_free(c->pods[i]);
    free(c->pods);
    memset(c, 0, sizeof *c);
}

int ir_crew_worst(const ir_call *call, ir_kube *k, const char *ns, const ir_crew *c, bool deep,
                  ir_diagnosis *ret, imgrel_error *err)
{
    size_t looked_at = 0;
    int rc = 0;
    for (size_t i = 0; i < c->n && looked_at < LOOKED_AT_MAX && !rc; i++) {
        const ir_json *pod = c->pods[i];
        ir_diagnosis d = {0};
        if (ir_kube_condition(pod, "Ready"))
            continue;
        looked_at++;
        rc = ir_examine_pod(call, k, ns, pod, deep, &d, err);
        bool failed = !rc && !strcmp(d.state, "failed");
        if (!rc && (!ret->object || failed)) {
            ir_diagnosis_free(ret);
            *ret = d;
        } else {
            ir_diagnosis_free(&d);
        }
        if (failed)
            break;
    }
    return rc;
}

/* ---- how far it is --------------------------------------------------------------------------- */

struct count {
    int64_t want, is;
    bool whole; /* all is as it was last told */
};

static void count_of(const char *kind, const ir_json *object, struct count *ret)
{
    const ir_json *spec = ir_json_get(object, "spec"), *status = ir_json_get(object, "status");
    char say[200];
    ret->want = ir_json_int(spec, "replicas", 1);
    ret->is = ir_json_int(status, "readyReplicas", 0);
    if (!strcmp(kind, "DaemonSet")) {
        ret->want = ir_json_int(status, "desiredNumberScheduled", 0);
        ret->is = ir_json_int(status, "numberReady", 0);
    } else if (!strcmp(kind, "Job")) {
        ret->want = ir_json_int(spec, "completions", 1);
        ret->is = ir_json_int(status, "succeeded", 0);
    }
    ret->whole = ir_kube_one_of("Deployment|StatefulSet|DaemonSet", kind, true)
                     ? ir_rollout_state(object, say, NULL) == 1
                     : ret->is >= ret->want;
}

static const ir_json *condition(const ir_json *object, const char *type, const char *status)
{
    const ir_json *all = ir_json_path(object, "status.conditions");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *c = ir_json_at(all, i);
        if (ir_streq(ir_json_str(c, "type"), type) && ir_streq(ir_json_str(c, "status"), status))
            return c;
    }
    return NULL;
}

/* ---- why not --------------------------------------------------------------------------------- */

/* The text with which the API server refused a pod; "" when it did not. */
static int refusal(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                   char *ret, size_t len, imgrel_error *err)
{
    const ir_json *c = condition(object, "ReplicaFailure", "True");
    ir_json *event = NULL;
    const char *text = ir_json_str(c, "message");
    int rc = c ? 0 : ir_examine_event(call, k, ns, object, "FailedCreate", &event, err);
    snprintf(ret, len, "%s", c ? (text ? text : "") : "");
    if (event && ir_json_str(event, "message"))
        snprintf(ret, len, "%s", ir_json_str(event, "message"));
    ir_json_free(event);
    return rc;
}

static int say_refused(ir_diagnosis *d, const char *text, imgrel_error *err)
{
    const ir_kube_rule *r = ir_kube_refusal(text);
    return ir_diagnosis_by(d, r ? r : ir_kube_rule_named("pods-refused"), text, err);
}

static int say_own(const ir_json *object, const char *name, ir_diagnosis *d, imgrel_error *err)
{
    const ir_json *late = condition(object, "Progressing", "False");
    const ir_json *failed = condition(object, "Failed", "True");
    int rc = ir_diagnosis_word_set(d, "object", name, err);
    if (rc)
        return rc;
    if (failed)
        return ir_diagnosis_say(d, "job-failed", ir_json_str(failed, "message"), err);
    if (late)
        return ir_diagnosis_say(d, "rollout-deadline", ir_json_str(late, "message"), err);
    if (ir_json_bool(ir_json_get(object, "spec"), "paused", false))
        return ir_diagnosis_say(d, "paused", NULL, err);
    return ir_diagnosis_fine(d, "progressing", "rolling-out", "its pods are being made", err);
}

struct job {
    const ir_call *call;
    ir_kube *k;
    const char *ns;
    const ir_json *object;
    bool deep;
    char name[320]; /* "deployment/web" */
};

/* Its pods, if one of them fails; else what it says of itself. */
static int why_not(const struct job *j, ir_diagnosis *d, imgrel_error *err)
{
    const ir_json *selector = ir_json_path(j->object, "spec.selector.matchLabels");
    char text[700];
    ir_crew crew = {0};
    int rc = ir_crew_get(j->call, j->k, j->ns, selector, &crew, err);
    if (!rc)
        rc = ir_crew_worst(j->call, j->k, j->ns, &crew, j->deep, d, err);
    ir_crew_free(&crew);
    if (rc || (d->object && !strcmp(d->state, "failed")))
        return rc;
    rc = refusal(j->call, j->k, j->ns, j->object, text, sizeof text, err);
    if (rc || (d->object && !*text && !condition(j->object, "Progressing", "False")))
        return rc;
    ir_diagnosis_free(d);
    rc = ir_diagnosis_word_set(d, "ns", ir_kube_meta(j->object, "namespace"), err);
    if (!rc)
        rc = *text ? say_refused(d, text, err) : say_own(j->object, j->name, d, err);
    return rc ? rc : ir_evidence_of_conditions(d, j->object, err);
}

int ir_examine_workload(const ir_call *call, ir_kube *k, const char *ns, const ir_kube_kind *kind,
                        const ir_json *object, bool deep, ir_diagnosis *ret, imgrel_error *err)
{
    struct job j = {.call = call, .k = k, .ns = ns, .object = object, .deep = deep};
    const char *name = ir_kube_meta(object, "name");
    struct count n;
    snprintf(j.name, sizeof j.name, "%s/%s", kind->singular, name ? name : "");
    count_of(kind->kind, object, &n);
    if (n.whole)
        return ir_diagnosis_fine(
            ret, "ready", "",
            n.want ? "all of its pods are ready" : "it is told to run no pods (replicas: 0)", err);
    int rc = why_not(&j, ret, err);
    return rc ? rc
              : ir_diagnosis_prefix(ret, err, "%lld of %lld ready: %s%s", (long long)n.is,
                                    (long long)n.want, ret->object ? ret->object : "",
                                    ret->object ? ": " : "");
}
