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

/* Gives the report as text, on failure too. */
static int end(ir_json *report, int rc, char **ret_json, imgrel_error *err)
{
    *ret_json = report ? ir_json_string(report, IR_JSON_COMPACT) : NULL;
    ir_json_free(report);
    return !rc && !*ret_json ? ir_nomem(err) : rc;
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
    return end(report, rc, ret_json, err);
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

void imgrel_release_on_secret(imgrel_release *r, imgrel_secret_fn *fn, void *user)
{
    if (r)
        ir_release_on_secret(r->release, fn, user);
}

/* how borrows from j. */
static int read_rotation(const ir_json *j, ir_rotation *how, imgrel_error *err)
{
    static const char *const keys[] = {"role", "grace", "retire", NULL};
    for (void *it = ir_json_first(j); it; it = ir_json_next(j, it)) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], ir_json_key(it)))
            i++;
        if (!keys[i])
            return ir_fail(err, IMGREL_EINVAL,
                           "a rotation has no key \"%.60s\": role, grace, retire", ir_json_key(it));
    }
    how->role = ir_json_str(j, "role");
    how->grace_s = ir_json_int(j, "grace", -1);
    how->retire_only = ir_json_bool(j, "retire", false);
    if (how->role && strcmp(how->role, "push") && strcmp(how->role, "pull"))
        return ir_fail(err, IMGREL_EINVAL, "role \"%.60s\" is neither push nor pull", how->role);
    return 0;
}

int imgrel_release_rotate(imgrel_release *r, const char *spec, const imgrel_opts *o,
                          char **ret_json, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    ir_json *report = NULL;
    ir_rotation how = {.grace_s = -1};
    ir_call call;
    int rc = begin(r, o, ret_json, &call, err);
    if (!rc && spec)
        rc = ir_json_parse(spec, strlen(spec), "spec", &j, err);
    if (!rc && j)
        rc = read_rotation(j, &how, err);
    if (rc)
        return rc;
    rc = ir_release_rotate(&call, r->release, &how, &report, err);
    return end(report, rc, ret_json, err);
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

int imgrel_release_document(imgrel_release *r, const char *what, const char *spec, char **ret_text,
                            imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(IR_YAML_MAX);
    IR_AUTO(ir_json_p) more = NULL;
    if (ret_text)
        *ret_text = NULL;
    if (!r || !what || !ret_text)
        return ir_fail(err, IMGREL_EINVAL, "the release, the document or its place is NULL");
    int rc = ir_api_alive(r->client, err);
    if (!rc && spec)
        rc = ir_spec_parse(spec, "registry spec", &more, err);
    if (!rc)
        rc = ir_release_document(r->release, what, more, &out, err);
    if (!rc && !(*ret_text = ir_buf_take(&out)))
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

int imgrel_release_gitlab(imgrel_release *r, char **ret_json, imgrel_error *err)
{
    ir_json *j = NULL;
    if (ret_json)
        *ret_json = NULL;
    if (!r || !ret_json)
        return ir_fail(err, IMGREL_EINVAL, "the release or the place of its report is NULL");
    int rc = ir_api_alive(r->client, err);
    if (!rc)
        rc = ir_release_gitlab(r->release, &j, err);
    return rc ? rc : end(j, rc, ret_json, err);
}
