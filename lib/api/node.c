/* node.c - include/imgrel/node.h on lib/node. */
#include <imgrel/node.h>

#include "api/api.h"
#include "base/limits.h"
#include "node/node.h"

static int read_spec(const char *spec, ir_node *ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_spec_parse(spec, "registry spec", &j, err);
    return rc ? rc : ir_node_read(j, ret, err);
}

int imgrel_node_render(const char *what, const char *spec, char **ret_text, imgrel_error *err)
{
    IR_AUTO(ir_node) n = {0};
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(IR_YAML_MAX);
    if (ret_text)
        *ret_text = NULL;
    if (!what || !ret_text)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_node_render: what or ret_text is NULL");
    int rc = read_spec(spec, &n, err);
    if (!rc)
        rc = ir_node_render(&n, what, &out, err);
    if (!rc && !(*ret_text = ir_buf_take(&out)))
        rc = ir_nomem(err);
    return rc;
}

typedef int node_fn(const ir_call *call, const ir_node *n, ir_json **ret, imgrel_error *err);

static int do_node(node_fn *fn, imgrel_client *c, const char *spec, const imgrel_opts *o,
                   char **ret_json, imgrel_error *err)
{
    IR_AUTO(ir_node) n = {0};
    IR_AUTO(ir_json_p) report = NULL;
    ir_call call;
    if (ret_json)
        *ret_json = NULL;
    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "the place of the report is NULL");
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = read_spec(spec, &n, err);
    if (!rc)
        rc = fn(&call, &n, &report, err);
    if (!rc && !(*ret_json = ir_json_string(report, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    return rc;
}

int imgrel_node_trust(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                      imgrel_error *err)
{
    return do_node(ir_node_trust, c, spec, o, ret_json, err);
}

int imgrel_node_doctor(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                       imgrel_error *err)
{
    return do_node(ir_node_doctor_run, c, spec, o, ret_json, err);
}
