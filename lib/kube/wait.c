/* wait.c - waits for a pod, and knows when not to: every change and every few seconds the pod and
 * its events are diagnosed, and a cause that stands longer than its patience ends the wait with
 * what is wrong and what to do. One look proves nothing: pulls are tried again by the kubelet. */
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 2000

struct wait {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *pod;
    bool seen;
    const char *cause; /* of the last look; static */
    int64_t since_ms;  /* the same cause since then */
    char message[560], cure[312];
    ir_json *now;
};

/* ---- events ---------------------------------------------------------------------------------- */

static int add_item(void *user, const ir_json *item, imgrel_error *err)
{
    return ir_json_append(user, ir_json_copy(item)) ? ir_nomem(err) : 0;
}

int ir_kube_events(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                   const char *uid, ir_json **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    char selector[600];
    snprintf(selector, sizeof selector, "involvedObject.kind=Pod,involvedObject.name=%s%s%s", pod,
             uid ? ",involvedObject.uid=" : "", uid ? uid : "");
    *ret = ir_json_new_array();
    if (!*ret)
        return ir_nomem(err);
    int rc = ir_kube_list(call, k, ns, "event", NULL, selector, add_item, *ret, &why);
    /* A diagnosis without events is better than none. */
    if (!rc || rc == IMGREL_EDENIED)
        return 0;
    ir_json_free(*ret);
    *ret = NULL;
    return ir_kube_pass(err, &why);
}

static int diagnose_pod(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                        ir_diagnosis *ret, imgrel_error *err)
{
    const char *name = ir_kube_meta(pod, "name");
    ir_json *events = NULL;
    int rc = ir_kube_events(call, k, ns, name ? name : "", ir_kube_meta(pod, "uid"), &events, err);
    if (!rc)
        rc = ir_diagnose(pod, events, ret, err);
    ir_json_free(events);
    return rc;
}

int ir_kube_diagnose(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                     ir_diagnosis *ret, imgrel_error *err)
{
    char *object = ir_format("pod/%s", pod);
    ir_json *now = NULL;
    memset(ret, 0, sizeof *ret);
    int rc = object ? ir_kube_get(call, k, ns, object, &now, err) : ir_nomem(err);
    if (!rc)
        rc = diagnose_pod(call, k, ns, now, ret, err);
    ir_json_free(now);
    free(object);
    return rc;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int not_there(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: pod/%s %s in %s", w->k->host, w->pod,
            w->seen ? "was deleted while it was waited for" : "does not exist",
            ir_kube_ns(w->k, w->ns));
    return ir_cure(err, w->seen ? "see who deleted it, and run it again" : "create it first"),
           IMGREL_ENOTFOUND;
}

static int give_up(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "pod/%s: %s", w->pod, w->message);
    if (err && err->code == IMGREL_EFAILED && !err->reason[0])
        snprintf(err->reason, sizeof err->reason, "%s", w->cause);
    return ir_cure(err, "%s", w->cure), IMGREL_EFAILED;
}

static int note(struct wait *w, const ir_diagnosis *d, imgrel_error *err)
{
    char what[300];
    bool news = !w->cause || strcmp(w->cause, d->cause) != 0;
    snprintf(w->message, sizeof w->message, "%s", d->message);
    snprintf(w->cure, sizeof w->cure, "%s", d->cure);
    if (!news)
        return 0;
    w->cause = d->cause;
    w->since_ms = ir_now_ms();
    snprintf(what, sizeof what, "pod/%s", w->pod);
    return ir_progress(w->call, IMGREL_EVENT_STEP, what, d->message, 0, 0, 1, err);
}

static int look(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    struct wait *w = user;
    ir_diagnosis d;
    (void)changed;
    if (!object)
        return not_there(w, err);
    w->seen = true;
    ir_json_free(w->now);
    w->now = ir_json_ref((ir_json *)(uintptr_t)object);
    if (ir_kube_condition(object, "Ready") && !ir_kube_meta(object, "deletionTimestamp"))
        return 1;
    int rc = diagnose_pod(w->call, w->k, w->ns, object, &d, err);
    if (rc)
        return rc;
    rc = note(w, &d, err);
    if (!rc && d.patience_s >= 0 && ir_now_ms() - w->since_ms >= (int64_t)d.patience_s * 1000)
        rc = give_up(w, err);
    ir_diagnosis_free(&d);
    return rc;
}

/* The deadline is worth most with the reason why it was not enough. */
static int timed_out(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ETIMEOUT, "pod/%s is not ready in time: %s", w->pod,
            w->cause ? w->message : "it was not seen");
    if (w->cause && *w->cure)
        ir_cure(err, "%s", w->cure);
    else
        ir_cure(err, "wait longer, or ask for a diagnosis");
    return IMGREL_ETIMEOUT;
}

int ir_kube_wait_ready(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                       ir_json **ret, imgrel_error *err)
{
    struct wait w = {.call = call, .k = k, .ns = ns, .pod = pod};
    imgrel_error why = {0};
    char *object = ir_format("pod/%s", pod);
    if (ret)
        *ret = NULL;
    int rc = object ? ir_kube_follow(call, k, ns, object, TICK_MS, look, &w, &why) : ir_nomem(&why);
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
    free(object);
    return rc;
}
