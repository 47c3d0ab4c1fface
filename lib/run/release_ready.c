/* release_ready.c - does it run? The wait until the pod, or each pod of the deployment, is ready
 * and of that very image; and the end of what ran the app before, if the file asks for the other
 * kind by now. */
#include "run/release_impl.h"

#include "base/str.h"
#include "run/explain.h"

#include <stdlib.h>

#define READY_MS 300000

/* ---- of that image? -------------------------------------------------------------------------- */

static const ir_json *status_of(const ir_json *pod)
{
    return ir_json_path(pod, "status.containerStatuses.0");
}

/* The node names what it pulled by a digest: the image's, or that of its part for the platform. */
static int check_image_id(const ir_rel_place *p, const ir_json *pod, imgrel_error *err)
{
    const char *id = ir_json_str(status_of(pod), "imageID");
    const char *at = id ? strrchr(id, '@') : NULL;
    bool same = !at || !strcmp(at + 1, p->site->digest);
    for (size_t i = 0; !same && p->site->top.is_index && i < p->site->top.n_layers; i++)
        same = !strcmp(at + 1, p->site->top.layers[i].digest);
    return same ? 0
                : ir_fail(err, IMGREL_EDIGEST, "the pod runs %s, not %s", at + 1, p->site->digest);
}

static int check_pod(const ir_rel_place *p, const ir_json *pod, imgrel_error *err)
{
    const char *runs = ir_json_str(ir_json_path(pod, "spec.containers.0"), "image");
    const char *name = ir_json_str(ir_json_get(pod, "metadata"), "name");
    char *want = ir_rel_image_name(p->site, NULL, p->site->digest);
    int rc = !want                  ? ir_nomem(err)
             : ir_streq(runs, want) ? check_image_id(p, pod, err)
                                    : ir_fail(err, IMGREL_EDIGEST, "pod %s is of %s, not of %s",
                                              name ? name : "", runs ? runs : "no image", want);
    free(want);
    return rc;
}

typedef struct look {
    const ir_rel_place *place;
    int64_t n;
} look;

static int look_at_pod(void *user, const ir_json *pod, imgrel_error *err)
{
    look *l = user;
    if (ir_json_get(ir_json_get(pod, "metadata"), "deletionTimestamp"))
        return 0;
    l->n++;
    return check_pod(l->place, pod, err);
}

/* Each of a deployment, those aside that are about to end. */
static int check_pods(const ir_call *call, const ir_rel_run *run, const ir_rel_place *p,
                      imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    look l = {.place = p};
    char *selector = ir_format("%s=%s", IR_REL_LABEL, f->app);
    int rc = selector
                 ? ir_kube_list(call, p->kube, f->ns, "pod", selector, NULL, look_at_pod, &l, err)
                 : ir_nomem(err);
    free(selector);
    if (!rc && l.n < f->replicas)
        return ir_fail(err, IMGREL_EFAILED, "deployment %s has %lld of %lld pods", f->app,
                       (long long)l.n, (long long)f->replicas);
    return rc;
}

/* ---- what ran before ------------------------------------------------------------------------- */

/* A file with replicas had none before, or the other way round. */
static int end_other(const ir_call *call, const ir_rel_run *run, const ir_rel_place *p,
                     imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    imgrel_error why = {0};
    ir_json *have = NULL;
    char *object = ir_format("%s/%s", f->replicas ? "pod" : "deployment", f->app);
    int rc = object ? ir_kube_get(call, p->kube, f->ns, object, &have, &why) : ir_nomem(&why);
    if (!rc && ir_rel_object_ours(run, have)) {
        const char *uid = ir_json_str(ir_json_get(have, "metadata"), "uid");
        rc = ir_kube_delete(call, p->kube, f->ns, object, uid, &why);
    }
    ir_json_free(have);
    free(object);
    if (rc == IMGREL_ENOTFOUND || why.http_status == 501)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

/* ---- the wait -------------------------------------------------------------------------------- */

/* A node that pulled the image but cannot run it says so; that is told apart from a pull that
 * failed. */
static void tell_pulled(const ir_rel_run *run, const ir_rel_place *p, const char *object,
                        imgrel_error *err)
{
    ir_json *pod = NULL;
    if (!ir_kube_get(&run->call, p->kube, run->r->file.ns, object, &pod, NULL)) {
        const char *id = ir_json_str(status_of(pod), "imageID");
        if (id && *id)
            ir_error_prefix(err, "the image was pulled");
    }
    ir_json_free(pod);
}

/* A proof does not wait for what nobody made. */
static int is_there(const ir_rel_run *run, const ir_rel_place *p, const char *object,
                    imgrel_error *err)
{
    IR_AUTO(ir_json_p) have = NULL;
    return ir_kube_get(&run->call, p->kube, run->r->file.ns, object, &have, err);
}

static int wait_for(const ir_call *call, const ir_rel_run *run, const ir_rel_place *p,
                    const char *object, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    IR_AUTO(ir_json_p) now = NULL;
    int rc = f->replicas ? ir_kube_rollout_wait(call, p->kube, f->ns, object, ir_explain, &now, err)
                         : ir_kube_wait_ready(call, p->kube, f->ns, object, ir_explain, &now, err);
    if (rc == IMGREL_EFAILED && !f->replicas)
        tell_pulled(run, p, object, err);
    if (!rc && !run->proving)
        rc = end_other(call, run, p, err);
    if (!rc)
        rc = f->replicas ? check_pods(call, run, p, err) : check_pod(p, now, err);
    return rc;
}

int ir_rel_ready(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const ir_rel_file *f = &run->r->file;
    ir_login login[2];
    ir_call call = ir_rel_call(run, p->site, IR_REL_ADMIN, login);
    imgrel_error why = {0};
    int64_t end = ir_now_ms() + READY_MS;
    if (!call.deadline_ms || end < call.deadline_ms)
        call.deadline_ms = end;
    char *object = ir_format("%s/%s", ir_rel_kind(f), f->app);
    int rc = !object ? ir_nomem(&why) : run->proving ? is_there(run, p, object, &why) : 0;
    if (!rc)
        rc = wait_for(&call, run, p, object, &why);
    free(object);
    if (rc) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    ir_rel_say(row, NULL, "%s %s runs the index of %s", ir_rel_kind(f), f->app,
               p->site->image.name);
    memcpy(row->digest, p->site->digest, sizeof row->digest);
    return 0;
}
