/* release.c - include/imgrel/release.h on lib/run: a handle is a client and one release file. */
#include <imgrel/release.h>

#include "api/api.h"
#include "base/limits.h"
#include "run/release.h"

#include <stdlib.h>

struct imgrel_release {
    imgrel_client *client; /* borrowed */
    ir_release *release;
};

int imgrel_release_load(imgrel_client *c, const char *path, imgrel_release **out, imgrel_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !path)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_release_load: path or out is NULL");
    int rc = ir_api_alive(c, err);
    if (rc)
        return rc;
    imgrel_release *r = calloc(1, sizeof *r);
    if (!r)
        return ir_nomem(err);
    r->client = c;
    rc = ir_release_load(path, &r->release, err);
    if (rc)
        free(r);
    else
        *out = r;
    return rc;
}

int imgrel_release_set(imgrel_release *r, const char *key, const char *value, imgrel_error *err)
{
    return r ? ir_release_set(r->release, key, value, err)
             : ir_fail(err, IMGREL_EINVAL, "the release is NULL");
}

static int begin(imgrel_release *r, const imgrel_opts *o, char **ret, ir_call *call,
                 imgrel_error *err)
{
    if (ret)
        *ret = NULL;
    if (!r || !ret)
        return ir_fail(err, IMGREL_EINVAL, "the release or the place of its report is NULL");
    return ir_api_call(r->client, o, call, err);
}

typedef int verb_fn(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err);

static int do_verb(verb_fn *verb, imgrel_release *r, const imgrel_opts *o, char **ret_json,
                   imgrel_error *err)
{
    ir_json *report = NULL;
    ir_call call;
    int rc = begin(r, o, ret_json, &call, err);
    if (rc)
        return rc;
    rc = verb(&call, r->release, &report, err);
    *ret_json = report ? ir_json_string(report, IR_JSON_COMPACT) : NULL;
    ir_json_free(report);
    return !rc && !*ret_json ? ir_nomem(err) : rc;
}

int imgrel_release_plan(imgrel_release *r, const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    return do_verb(ir_release_plan, r, o, ret_json, err);
}

int imgrel_release_apply(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                         imgrel_error *err)
{
    return do_verb(ir_release_apply, r, o, ret_json, err);
}

int imgrel_release_verify(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                          imgrel_error *err)
{
    return do_verb(ir_release_verify, r, o, ret_json, err);
}

int imgrel_release_delete(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                          imgrel_error *err)
{
    return do_verb(ir_release_delete, r, o, ret_json, err);
}

int imgrel_release_doctor(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                          imgrel_error *err)
{
    return do_verb(ir_release_doctor, r, o, ret_json, err);
}

int imgrel_release_render(imgrel_release *r, const imgrel_opts *o, char **ret_yaml,
                          imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF(IR_YAML_MAX);
    ir_call call;
    int rc = begin(r, o, ret_yaml, &call, err);
    if (!rc)
        rc = ir_release_render(&call, r->release, &out, err);
    if (!rc && !(*ret_yaml = ir_buf_take(&out)))
        rc = ir_nomem(err);
    return rc;
}

void imgrel_release_free(imgrel_release *r)
{
    if (!r)
        return;
    ir_release_free(r->release);
    free(r);
}
