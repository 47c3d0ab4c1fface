/* release_kube.c - the cluster's side: namespace, pull secret, pod by digest, service, and the wait
 * until the pod runs that very image. What apply creates carries its label; the rest is left as it
 * was found. */
#include "run/release_impl.h"

#include "base/str.h"
#include "run/explain.h"

#include <stdlib.h>

#define READY_MS 300000

static ir_json *labels(const ir_rel_run *run)
{
    return ir_json_pack("{s:s, s:s}", "app.kubernetes.io/managed-by", "imgrel", IR_REL_LABEL,
                        run->r->file.app);
}

/* In a dry run, of a namespace that is not there, nothing can be asked. */
static bool only_would(const ir_rel_run *run, const ir_rel_place *p, ir_rel_row *row,
                       const char *what)
{
    if (!IR_DRY_RUN(&run->call) || p->ns_is)
        return false;
    ir_rel_say(row, "would", "%s created", what);
    return true;
}

int ir_rel_namespace(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const char *ns = run->r->file.ns, *change = NULL;
    IR_AUTO(ir_json_p) mark = labels(run);
    char *what = ir_format("namespace %s", ns);
    int rc = what && mark ? 0 : ir_nomem(err);
    if (!rc && !only_would(run, p, row, what)) {
        rc = ir_kube_namespace_ensure(&run->call, p->kube, ns, mark, &change, NULL, err);
        if (!rc)
            ir_rel_say_change(row, IR_DRY_RUN(&run->call), change, what);
    }
    free(what);
    return rc;
}

int ir_rel_secret(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const ir_rel_file *f = &run->r->file;
    const char *change = NULL;
    IR_AUTO(ir_json_p) mark = labels(run);
    bool dry = IR_DRY_RUN(&run->call);
    char *what = ir_format("secret %s", f->secret);
    int rc = what && mark ? 0 : ir_nomem(err);
    if (!rc && dry && !p->site->pull_secret)
        ir_rel_say(row, "would", "%s written with the pull robot's login", what);
    else if (!rc && !only_would(run, p, row, what)) {
        rc = ir_kube_secret_ensure(&run->call, p->kube, f->ns, f->secret, p->site->conf->host,
                                   p->site->pull_user, p->site->pull_secret, mark, &change, err);
        if (!rc)
            ir_rel_say_change(row, dry, change, what);
    }
    free(what);
    return rc;
}

/* ---- the pod
 * ---------------------------------------------------------------------------------------- */

static ir_pod_spec pod_spec(const ir_rel_file *f, const char *image, const ir_json *mark)
{
    return (ir_pod_spec){.name = f->app,
                         .image = image,
                         .pull_secret = f->secret,
                         .port = f->pod_port,
                         .env = ir_json_get(f->pod, "env"),
                         .command = ir_json_get(f->pod, "command"),
                         .args = ir_json_get(f->pod, "args"),
                         .resources = ir_json_get(f->pod, "resources"),
                         .labels = mark};
}

ir_json *ir_rel_namespace_object(const ir_rel_run *run)
{
    return ir_json_pack("{s:s, s:s, s:{s:s, s:o}}", "apiVersion", "v1", "kind", "Namespace",
                        "metadata", "name", run->r->file.ns, "labels", labels(run));
}

ir_json *ir_rel_pod_object(const ir_rel_run *run, const ir_rel_place *p)
{
    IR_AUTO(ir_json_p) mark = labels(run);
    char *image = ir_rel_image_name(p->site, NULL, p->site->digest);
    ir_pod_spec spec = pod_spec(&run->r->file, image, mark);
    ir_json *pod = image && mark ? ir_kube_pod_object(&spec) : NULL;
    free(image);
    return pod;
}

ir_json *ir_rel_service_object(const ir_rel_run *run)
{
    const ir_rel_file *f = &run->r->file;
    IR_AUTO(ir_json_p) mark = labels(run), select = NULL;
    select = ir_json_pack("{s:s}", IR_REL_LABEL, f->app);
    return mark && select
               ? ir_kube_service_object(f->app, select, f->service_port, f->pod_port, mark)
               : NULL;
}

int ir_rel_pod(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const ir_rel_file *f = &run->r->file;
    const char *change = NULL;
    IR_AUTO(ir_json_p) mark = labels(run);
    bool dry = IR_DRY_RUN(&run->call), known = p->site->digest[0] && p->site->image_is;
    char *image = ir_rel_image_name(p->site, NULL, p->site->digest);
    char *what = ir_format("pod %s", f->app);
    int rc = image && what && mark ? 0 : ir_nomem(err);
    if (!rc && dry && !known)
        ir_rel_say(row, "would", "%s with the new image", what);
    else if (!rc && !only_would(run, p, row, what)) {
        ir_pod_spec spec = pod_spec(f, image, mark);
        rc = ir_kube_pod_run(&run->call, p->kube, f->ns, &spec, &change, &p->pod, err);
        if (!rc)
            ir_rel_say_change(row, dry, change, what);
        memcpy(row->digest, p->site->digest, sizeof row->digest);
    }
    free(image);
    free(what);
    return rc;
}

int ir_rel_service(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const ir_rel_file *f = &run->r->file;
    const char *change = NULL;
    char *what = ir_format("service %s", f->app);
    int rc = what ? 0 : ir_nomem(err);
    if (!rc && !f->service_port)
        ir_rel_say(row, "skipped", "the file asks for none");
    else if (!rc && !only_would(run, p, row, what)) {
        IR_AUTO(ir_json_p) service = ir_rel_service_object(run);
        rc = service
                 ? ir_kube_service_ensure(&run->call, p->kube, f->ns, service, &change, NULL, err)
                 : ir_nomem(err);
        if (!rc)
            ir_rel_say_change(row, IR_DRY_RUN(&run->call), change, what);
    }
    free(what);
    return rc;
}

/* ---- does it run?
 * ----------------------------------------------------------------------------------- */

static const ir_json *status_of(const ir_json *pod)
{
    return ir_json_path(pod, "status.containerStatuses.0");
}

/* The node names what it pulled by a digest: the image's, or that of its part for the platform. */
static int check_image_id(const ir_rel_place *p, imgrel_error *err)
{
    const char *id = ir_json_str(status_of(p->pod), "imageID");
    const char *at = id ? strrchr(id, '@') : NULL;
    bool same = !at || !strcmp(at + 1, p->site->digest);
    for (size_t i = 0; !same && p->site->top.is_index && i < p->site->top.n_layers; i++)
        same = !strcmp(at + 1, p->site->top.layers[i].digest);
    return same ? 0
                : ir_fail(err, IMGREL_EDIGEST, "the pod runs %s, not %s", at + 1, p->site->digest);
}

static int check_pod(const ir_rel_run *run, const ir_rel_place *p, imgrel_error *err)
{
    const char *runs = ir_json_str(ir_json_path(p->pod, "spec.containers.0"), "image");
    char *want = ir_rel_image_name(p->site, NULL, p->site->digest);
    int rc = !want                  ? ir_nomem(err)
             : ir_streq(runs, want) ? check_image_id(p, err)
                                    : ir_fail(err, IMGREL_EDIGEST, "pod %s is of %s, not of %s",
                                              run->r->file.app, runs ? runs : "no image", want);
    free(want);
    return rc;
}

/* A node that pulled the image but cannot run it says so; that is told apart from a pull that
 * failed. */
static void tell_pulled(ir_rel_run *run, ir_rel_place *p, imgrel_error *err)
{
    char *object = ir_format("pod/%s", run->r->file.app);
    ir_json_free(p->pod);
    p->pod = NULL;
    if (object && !ir_kube_get(&run->call, p->kube, run->r->file.ns, object, &p->pod, NULL)) {
        const char *id = ir_json_str(status_of(p->pod), "imageID");
        if (id && *id)
            ir_error_prefix(err, "the image was pulled");
    }
    free(object);
}

/* A proof does not wait for a pod that nobody made. */
static int pod_is_there(const ir_rel_run *run, const ir_rel_place *p, imgrel_error *err)
{
    IR_AUTO(ir_json_p) have = NULL;
    char *object = ir_format("pod/%s", run->r->file.app);
    int rc = object ? ir_kube_get(&run->call, p->kube, run->r->file.ns, object, &have, err)
                    : ir_nomem(err);
    free(object);
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
    char *object = ir_format("pod/%s", f->app);
    int rc = !object ? ir_nomem(&why) : run->proving ? pod_is_there(run, p, &why) : 0;
    ir_json_free(p->pod);
    p->pod = NULL;
    if (!rc)
        rc = ir_kube_wait_ready(&call, p->kube, f->ns, object, ir_explain, &p->pod, &why);
    free(object);
    if (rc == IMGREL_EFAILED)
        tell_pulled(run, p, &why);
    if (!rc)
        rc = check_pod(run, p, &why);
    if (rc) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    ir_rel_say(row, NULL, "pod %s runs the index of %s", f->app, p->site->image.name);
    memcpy(row->digest, p->site->digest, sizeof row->digest);
    return 0;
}
