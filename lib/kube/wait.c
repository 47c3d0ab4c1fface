/* wait.c - waits until an object is ready, and knows when not to: every change and every few
 * seconds it is examined, and a cause that stands longer than its patience ends the wait with what
 * is wrong and what to do. A cause that is new is looked into deeper, which may make it certain:
 * then nobody waits for it. One look alone proves nothing: pulls are tried again by the kubelet. */
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 2000

struct wait {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *object;
    const ir_kube_kind *kind;
    ir_explain_fn *explain;
    bool seen;
    const char *surface; /* the cause that a look shows; static, NULL: none yet */
    int64_t since_ms;    /* the same since then */
    ir_diagnosis deep;   /* what is behind it */
    ir_json *now;
};

static int not_there(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: %s %s in %s", w->k->host, w->object,
            w->seen ? "was deleted while it was waited for" : "does not exist",
            ir_kube_ns(w->k, w->ns));
    return ir_cure(err, w->seen ? "see who deleted it, and run it again" : "create it first"),
           IMGREL_ENOTFOUND;
}

static int give_up(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "%s: %s", w->object, w->deep.message);
    if (err && err->code == IMGREL_EFAILED && !err->reason[0])
        snprintf(err->reason, sizeof err->reason, "%s", w->deep.cause);
    return ir_cure(err, "%s", w->deep.cure), IMGREL_EFAILED;
}

/* Looks behind what a look shows. */
static int look_deeper(struct wait *w, imgrel_error *err)
{
    ir_diagnosis d;
    int rc = ir_examine(w->call, w->k, w->ns, w->kind, w->now, true, &d, err);
    if (!rc && w->explain)
        rc = w->explain(w->call, &d, err);
    if (rc) {
        ir_diagnosis_free(&d);
        return rc;
    }
    bool news = !w->deep.cause || strcmp(w->deep.cause, d.cause) != 0;
    ir_diagnosis_free(&w->deep);
    w->deep = d;
    return news ? ir_progress(w->call, IMGREL_EVENT_STEP, w->object, d.message, 0, 0, 1, err) : 0;
}

static bool is_over(const struct wait *w)
{
    return w->deep.patience_s >= 0 &&
           ir_now_ms() - w->since_ms >= (int64_t)w->deep.patience_s * 1000;
}

/* The same cause at another pod of the same object is the same cause. */
static int note(struct wait *w, const ir_diagnosis *d, imgrel_error *err)
{
    bool news = !w->surface || strcmp(w->surface, d->cause) != 0;
    int rc = 0;
    if (news) {
        w->surface = d->cause;
        w->since_ms = ir_now_ms();
    }
    if (news || is_over(w))
        rc = look_deeper(w, err);
    return rc;
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
    int rc = ir_examine(w->call, w->k, w->ns, w->kind, object, false, &d, err);
    if (rc)
        return rc;
    bool ready = !strcmp(d.state, "ready");
    rc = ready ? 1 : note(w, &d, err);
    ir_diagnosis_free(&d);
    return rc || !is_over(w) ? rc : give_up(w, err);
}

/* The deadline is worth most with the reason why it was not enough. */
static int timed_out(const struct wait *w, imgrel_error *err)
{
    ir_fail(err, IMGREL_ETIMEOUT, "%s is not ready in time: %s", w->object,
            w->deep.message ? w->deep.message : "it was not seen");
    if (w->deep.cure && *w->deep.cure)
        ir_cure(err, "%s", w->deep.cure);
    else
        ir_cure(err, "wait longer, or ask for a diagnosis");
    return IMGREL_ETIMEOUT;
}

int ir_kube_wait_ready(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                       ir_explain_fn *explain, ir_json **ret, imgrel_error *err)
{
    struct wait w = {.call = call, .k = k, .ns = ns, .object = object, .explain = explain};
    imgrel_error why = {0};
    const char *name = NULL;
    if (ret)
        *ret = NULL;
    int rc = ir_kube_object_parse(call, k, object, &w.kind, &name, &why);
    if (!rc)
        rc = ir_kube_follow(call, k, ns, object, TICK_MS, look, &w, &why);
    bool late = call->deadline_ms && ir_now_ms() >= call->deadline_ms;
    if (rc == IMGREL_ETIMEOUT && late)
        rc = timed_out(&w, err);
    else if (rc)
        ir_kube_pass(err, &why);
    if (!rc && ret) {
        *ret = w.now;
        w.now = NULL;
    }
    ir_diagnosis_free(&w.deep);
    ir_json_free(w.now);
    return rc;
}
