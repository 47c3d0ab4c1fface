/* release_kube.c - the cluster's side: namespace, pull secret, a pod or a deployment by digest, and
 * service. What apply creates carries its label; the rest is left as it was found. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

static ir_json *labels(const ir_rel_run *run)
{
    return ir_json_pack("{s:s, s:s}", "app.kubernetes.io/managed-by", "imgrel", IR_REL_LABEL,
                        run->r->file.app);
}

const char *ir_rel_kind(const ir_rel_file *f)
{
    return f->replicas ? "deployment" : "pod";
}

bool ir_rel_object_ours(const ir_rel_run *run, const ir_json *object)
{
    const char *of = ir_json_str(ir_json_path(object, "metadata.labels"), IR_REL_LABEL);
    return ir_streq(of, run->r->file.app);
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
                         .replicas = f->replicas,
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
    ir_json *pod = !image || !mark         ? NULL
                   : run->r->file.replicas ? ir_kube_deployment_object(&spec)
                                           : ir_kube_pod_object(&spec);
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
    char *what = ir_format("%s %s", ir_rel_kind(f), f->app);
    int rc = image && what && mark ? 0 : ir_nomem(err);
    if (!rc && dry && !known)
        ir_rel_say(row, "would", "%s with the new image", what);
    else if (!rc && !only_would(run, p, row, what)) {
        ir_pod_spec spec = pod_spec(f, image, mark);
        rc = (f->replicas ? ir_kube_deployment_run : ir_kube_pod_run)(&run->call, p->kube, f->ns,
                                                                      &spec, &change, NULL, err);
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
