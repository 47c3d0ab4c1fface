/* image.c - images made and exported, as the public API has it. */
#include <imgrel/image.h>

#include "api/place.h"
#include "base/fd.h"
#include "oci/image.h"
#include "oci/image_validate.h"

#include <stdlib.h>

/* A spec is the caller's: what is wrong with it is EINVAL, not a server's fault. */
static int spec_parse(const char *spec, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = ir_json_parse(spec, strlen(spec), "image", ret, &e);
    if (rc == IMGREL_EPROTO)
        rc = e.code = IMGREL_EINVAL;
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

static int assemble(const ir_call *call, const char *spec, const char *dst, ir_assembled *ret,
                    imgrel_error *err)
{
    IR_AUTO(ir_json_p) json = NULL;
    IR_AUTO(ir_ref) ref = {0};
    int rc = spec_parse(spec, &json, err);
    if (rc == 0)
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

/* ---- edit ----------------------------------------------------------------------------------- */

static int edit(const ir_call *call, const char *src, const char *spec, const char *dst,
                ir_manifest *ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) json = NULL;
    IR_AUTO(ir_ref) from = {0};
    IR_AUTO(ir_ref) to = {0};
    int rc = spec_parse(spec, &json, err);
    if (rc == 0)
        rc = ir_ref_parse(src, &from, err);
    if (rc == 0)
        rc = ir_ref_parse(dst ? dst : src, &to, err);
    return rc == 0 ? ir_image_edit(call, json, &from, &to, ret, err) : rc;
}

int imgrel_image_edit(imgrel_client *c, const char *src, const char *spec, const char *dst,
                      const imgrel_opts *o, char **ret_digest, imgrel_error *err)
{
    ir_call call;
    IR_AUTO(ir_manifest) m = {0};
    if (ret_digest)
        *ret_digest = NULL;
    if (!src || !spec)
        return ir_fail(err, IMGREL_EINVAL, "image: no %s", src ? "spec" : "source");
    int rc = ir_api_call(c, o, &call, err);
    if (rc == 0)
        rc = edit(&call, src, spec, dst, &m, err);
    if (rc == 0 && ret_digest) {
        *ret_digest = ir_strdup(m.digest);
        rc = *ret_digest ? 0 : ir_nomem(err);
    }
    return rc;
}

/* ---- export --------------------------------------------------------------------------------- */

/* The manifest of one platform: the one asked for, else this machine's. */
static int one_manifest(ir_place *p, ir_manifest *ret, imgrel_error *err)
{
    ir_platform want;
    bool any = true;
    int rc = ir_place_platform(p, &want, &any, err);
    if (rc < 0)
        return rc;
    rc = ir_store_image_get(p->store, &p->call, NULL, any ? NULL : &want, ret, err);
    if (rc < 0 || !any || !ret->is_index)
        return rc;
    ir_manifest_free(ret);
    ir_platform_host(&want);
    return ir_store_image_get(p->store, &p->call, NULL, &want, ret, err);
}

typedef struct out_fd {
    int fd;
    uint64_t done;
    const ir_place *place;
} out_fd;

static int to_fd(void *user, const void *p, size_t len, imgrel_error *err)
{
    out_fd *o = user;
    int rc = ir_fd_write(o->fd, "export", p, len, err);
    o->done += len;
    return rc < 0 ? rc
                  : ir_progress(&o->place->call, IMGREL_EVENT_BYTES, o->place->ref.name,
                                "exporting", o->done, 0, 1, err);
}

static int export(ir_place *p, const ir_manifest *m, out_fd *out, imgrel_error *err)
{
    ir_layer_at *v = calloc(m->n_layers + 1, sizeof *v);
    if (!v)
        return ir_nomem(err);
    for (size_t i = 0; i < m->n_layers; i++)
        v[i] = (ir_layer_at){p->store, &m->layers[i]};
    int rc = ir_layers_merge(&p->call, v, m->n_layers, -1, to_fd, out, err);
    free(v);
    return rc;
}

int imgrel_image_export(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                        imgrel_error *err)
{
    ir_place p;
    IR_AUTO(ir_manifest) m = {0};
    out_fd out = {.fd = fd, .place = &p};
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
    if (rc == 0)
        rc = one_manifest(&p, &m, err);
    if (rc == 0 && !ir_media_is_config(m.config.media_type))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: not a container image but %s", p.ref.name,
                     m.artifact_type ? m.artifact_type : m.config.media_type);
    if (rc == 0)
        rc = export(&p, &m, &out, err);
    ir_place_close(&p);
    return rc;
}

/* ---- validate ------------------------------------------------------------------------------- */

int imgrel_image_validate(imgrel_client *c, const char *ref, const imgrel_opts *o, char **ret_json,
                          imgrel_error *err)
{
    ir_place p;
    IR_AUTO(ir_json_p) report = NULL;
    if (ret_json)
        *ret_json = NULL;
    int rc = ir_place_open(c, ref, o, IR_STORE_READ, &p, err);
    if (rc == 0)
        rc = ir_image_validate(&p.call, p.store, IR_FAST(&p.call), &report, err);
    if (report && ret_json && !(*ret_json = ir_json_string(report, IR_JSON_COMPACT)))
        rc = rc < 0 ? rc : ir_nomem(err);
    ir_place_close(&p);
    return rc;
}
