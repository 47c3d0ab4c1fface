/* artifact.c - the public calls on artifacts. */
#include <imgrel/index.h>

#include "api/api.h"
#include "oci/artifact.h"

/* With a subject, a repository alone: what refers to an image rarely has a tag of its own. */
static int parse_target(const char *dst, const ir_json *spec, ir_ref *ret, bool *ret_by_digest,
                        imgrel_error *err)
{
    imgrel_error ignored = {0};
    *ret_by_digest =
        ir_json_str(spec, "subject") && ir_ref_parse_repository(dst, ret, &ignored) == 0;
    return *ret_by_digest ? 0 : ir_ref_parse(dst, ret, err);
}

int imgrel_artifact_put(imgrel_client *c, const char *spec, const char *dst, const imgrel_opts *o,
                        char **ret_digest, imgrel_error *err)
{
    ir_call call;
    bool by_digest = false;
    char digest[IR_DIGEST_MAX];
    IR_AUTO(ir_json_p) j = NULL;
    IR_AUTO(ir_ref) to = {0};
    if (ret_digest)
        *ret_digest = NULL;
    if (!dst)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_artifact_put: dst is NULL");
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_spec_parse(spec, "artifact spec", &j, err);
    if (!rc)
        rc = parse_target(dst, j, &to, &by_digest, err);
    if (!rc)
        rc = ir_artifact_put(&call, j, &to, by_digest, digest, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(digest)))
        rc = ir_nomem(err);
    return rc;
}

int imgrel_artifact_get(imgrel_client *c, const char *ref, const char *dir, const imgrel_opts *o,
                        char **ret_json, imgrel_error *err)
{
    ir_call call;
    IR_AUTO(ir_json_p) j = NULL;
    IR_AUTO(ir_ref) from = {0};
    if (ret_json)
        *ret_json = NULL;
    if (!ref || !dir || !*dir)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_artifact_get: no %s", ref ? "folder" : "ref");
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_ref_parse(ref, &from, err);
    if (!rc)
        rc = ir_artifact_get(&call, &from, dir, &j, err);
    if (!rc && ret_json && !(*ret_json = ir_json_string(j, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    return rc;
}
