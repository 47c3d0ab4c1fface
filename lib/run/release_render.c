/* release_render.c - the Kubernetes objects as YAML, the image by digest. The pull secret is not
 * among them: what it holds is in no file. */
#include "run/release_impl.h"

static int add_document(const ir_json *object, ir_buf *out, imgrel_error *err)
{
    if (!object)
        return ir_nomem(err);
    if (out->len)
        ir_buf_adds(out, "---\n");
    return ir_yaml_write(object, out, err);
}

int ir_rel_render(ir_rel_run *run, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) ns = NULL, pod = NULL, service = NULL;
    if (!run->r->file.kubernetes)
        return ir_fail(err, IMGREL_EINVAL, "the release file says nothing of kubernetes");
    ns = ir_rel_namespace_object(run);
    pod = ir_rel_pod_object(run, &run->places[0]);
    if (run->r->file.service_port)
        service = ir_rel_service_object(run);
    int rc = add_document(ns, out, err);
    if (!rc)
        rc = add_document(pod, out, err);
    if (!rc && run->r->file.service_port)
        rc = add_document(service, out, err);
    return rc;
}
