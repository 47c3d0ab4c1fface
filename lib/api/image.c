/* image.c - imgrel_image_assemble: the public way to make an image. */
#include <imgrel/registry.h>

#include "api/api.h"
#include "oci/image.h"

static int assemble(const ir_call *call, const char *spec, const char *dst, ir_assembled *ret,
                    imgrel_error *err)
{
    IR_AUTO(ir_json_p) json = NULL;
    IR_AUTO(ir_ref) ref = {0};
    int rc = ir_json_parse(spec, strlen(spec), "image", &json, err);
    if (rc < 0) {
        if (err && err->code == IMGREL_EPROTO)
            err->code = IMGREL_EINVAL; /* it is the caller's, not a server's */
        return rc == IMGREL_EPROTO ? IMGREL_EINVAL : rc;
    }
    rc = ir_ref_parse(dst, &ref, err);
    if (rc < 0)
        return rc;
    const ir_assemble a = {
        .spec = json, .dst = &ref, .reuse = ir_ref_selector(&ref), .write_tags = true};
    return ir_image_assemble(call, &a, ret, err);
}

int imgrel_image_assemble(imgrel_client *c, const char *spec, const char *dst, const imgrel_opts *o,
                          char **ret_digest, imgrel_error *err)
{
    ir_call call;
    ir_assembled made = {0};
    if (ret_digest)
        *ret_digest = NULL;
    if (!spec || !dst)
        return ir_fail(err, IMGREL_EINVAL, "image: no %s", spec ? "destination" : "spec");
    int rc = ir_api_call(c, o, &call, err);
    if (rc == 0)
        rc = assemble(&call, spec, dst, &made, err);
    if (rc == 0 && ret_digest) {
        *ret_digest = ir_strdup(made.digest);
        rc = *ret_digest ? 0 : ir_nomem(err);
    }
    ir_assembled_free(&made);
    return rc;
}
