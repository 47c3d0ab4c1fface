/* index.c - the public calls that make and change an index. */
#include <imgrel/index.h>

#include "api/api.h"
#include "base/str.h"
#include "run/index.h"

int imgrel_index_edit(imgrel_client *c, const char *spec, const char *dst, const imgrel_opts *o,
                      char **ret_digest, imgrel_error *err)
{
    ir_call call;
    char digest[IR_DIGEST_MAX];
    IR_AUTO(ir_json_p) j = NULL;
    IR_AUTO(ir_ref) to = {0};
    if (ret_digest)
        *ret_digest = NULL;
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_ref_parse(dst, &to, err);
    if (!rc)
        rc = ir_spec_parse(spec, "index spec", &j, err);
    if (!rc)
        rc = ir_index_edit(&call, j, &to, digest, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(digest)))
        rc = ir_nomem(err);
    return rc;
}
