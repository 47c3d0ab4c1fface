/* build.c - include/imgrel/build.h on lib/run and lib/build. */
#include <imgrel/build.h>

#include "api/api.h"
#include "run/build.h"

#include <stdlib.h>

int imgrel_build(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                 imgrel_error *err)
{
    ir_call call;
    IR_AUTO(ir_json_p) j = NULL;
    ir_json *report = NULL;
    if (ret_json)
        *ret_json = NULL;
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_spec_parse(spec, "build spec", &j, err);
    if (rc)
        return rc;
    rc = ir_build(&call, j, NULL, &report, err);
    if (report && ret_json && !(*ret_json = ir_json_string(report, IR_JSON_COMPACT)) && !rc)
        rc = ir_nomem(err);
    ir_json_free(report);
    return rc;
}

int imgrel_build_detect(imgrel_client *c, const char *builder, const imgrel_opts *o,
                        char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *found = NULL;
    if (ret_json)
        *ret_json = NULL;
    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_build_detect: ret_json is NULL");
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_build_detect(&call, builder, &found, err);
    if (!rc && !(*ret_json = ir_json_string(found, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(found);
    return rc;
}
