/* image.c - assembly: read the spec, choose the base for each platform, see whether the
 * destination has this very image, and if it has not, make and send what is missing. */
#include "oci/image_plan.h"

#include "base/limits.h"

#include <stdlib.h>

static void image_free(ir_image *im)
{
    for (size_t i = 0; im->layers && i < im->spec.n_layers; i++)
        ir_desc_free(&im->layers[i].desc);
    free(im->layers);
    free(im->diff_ids);
    free(im->rootfs_ids);
    ir_manifest_free(&im->old);
    ir_store_free(im->dst);
    ir_image_parts_free(&im->parts);
    ir_image_spec_free(&im->spec);
}

static const char *layer_type(const ir_call *call)
{
    const char *c = ir_call_conf(call)->compression;
    if (ir_streq(c, "zstd"))
        return IR_MT_OCI_LAYER_ZSTD;
    return ir_streq(c, "none") ? IR_MT_OCI_LAYER : IR_MT_OCI_LAYER_GZIP;
}

/* ---- what the destination has --------------------------------------------------------------- */

/* Is a failure to read the image that may be reused no more than its absence? */
static bool no_use(int rc)
{
    return rc == IMGREL_ENOTFOUND || rc == IMGREL_EPROTO || rc == IMGREL_EUNSUPPORTED;
}

static int old_part_read(const ir_call *call, ir_image *im, ir_image_part *part, imgrel_error *err)
{
    int rc = 0;
    if (im->old.is_index) {
        const ir_desc *d = ir_manifest_find(&im->old, &part->platform);
        if (!d)
            return 0;
        rc = ir_store_manifest_get(im->dst, call, d->digest, &part->old, err);
    } else {
        rc = ir_manifest_parse(im->old.bytes, im->old.len, im->old.media_type, NULL, &part->old,
                               err);
    }
    if (rc == 0)
        rc = ir_image_config_read(call, im->dst, &part->old, &part->old_config, err);
    if (!no_use(rc))
        return rc;
    ir_error_clear(err);
    ir_manifest_free(&part->old);
    part->old = (ir_manifest){0};
    return 0;
}

static int old_read(const ir_call *call, ir_image *im, imgrel_error *err)
{
    if (!im->what->reuse || !im->dst)
        return 0;
    int rc = ir_store_manifest_get(im->dst, call, im->what->reuse, &im->old, err);
    if (no_use(rc)) {
        ir_error_clear(err);
        im->old = (ir_manifest){0};
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < im->parts.n; i++)
        rc = old_part_read(call, im, &im->parts.v[i], err);
    return rc;
}

/* ---- is it the same? ------------------------------------------------------------------------ */

static int diff_ids_read(const ir_call *call, ir_image *im, imgrel_error *err)
{
    int rc = 0;
    im->diff_ids = calloc(im->spec.n_layers + 1, sizeof *im->diff_ids);
    im->rootfs_ids = calloc(im->parts.n + 1, sizeof *im->rootfs_ids);
    if (!im->diff_ids || !im->rootfs_ids)
        return ir_nomem(err);
    for (size_t i = 0; rc == 0 && i < im->spec.n_layers; i++)
        rc = ir_layer_diff_id(call, &im->spec.layers[i].from, 1, im->spec.created_s,
                              im->diff_ids[i], err);
    for (size_t i = 0; rc == 0 && i < im->parts.n; i++)
        if (im->parts.v[i].rootfs)
            rc = ir_layer_diff_id(call, &im->parts.v[i].rootfs_from, 1, im->spec.created_s,
                                  im->rootfs_ids[i], err);
    return rc;
}

static bool same_annotations(const ir_manifest *m, const ir_image_spec *s)
{
    const ir_json *has = ir_json_get(m->json, "annotations");
    if (!ir_json_len(has) && !ir_json_len(s->annotations))
        return true;
    return has && s->annotations && ir_json_equal(has, s->annotations);
}

/* 1 when the part that is there says what we would say. */
static int part_same(const ir_image *im, size_t i, imgrel_error *err)
{
    const ir_image_part *part = &im->parts.v[i];
    IR_AUTO(ir_json_p) config = NULL;
    if (!part->old_config || !same_annotations(&part->old, &im->spec))
        return 0;
    char(*ids)[IR_DIGEST_MAX] = calloc(im->spec.n_layers + 1, sizeof *ids);
    if (!ids)
        return ir_nomem(err);
    size_t skip = part->rootfs != NULL;
    if (skip)
        memcpy(ids[0], im->rootfs_ids[i], sizeof *ids);
    memcpy(ids + skip, im->diff_ids, im->spec.n_layers * sizeof *ids);
    int rc = ir_image_config_make(&im->spec, part, (const char(*)[IR_DIGEST_MAX])ids, &config, err);
    free(ids);
    return rc < 0 ? rc : ir_json_equal(config, part->old_config);
}

static int image_same(const ir_image *im, imgrel_error *err)
{
    bool index = im->parts.n > 1;
    if (!im->old.bytes || im->old.is_index != index || (index && im->old.n_layers != im->parts.n) ||
        !same_annotations(&im->old, &im->spec))
        return 0;
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < im->parts.n; i++)
        rc = part_same(im, i, err);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int dst_open(const ir_call *call, ir_image *im, imgrel_error *err)
{
    unsigned flags = IR_DRY_RUN(call) ? IR_STORE_READ : IR_STORE_READ | IR_STORE_WRITE;
    int rc = ir_store_open(call, im->what->dst, flags, &im->dst, err);
    if (rc == IMGREL_ENOTFOUND && IR_DRY_RUN(call)) {
        ir_error_clear(err);
        return 0;
    }
    const char *from =
        rc == 0 && im->parts.base ? ir_image_mounts_from(im->parts.base, im->dst) : NULL;
    return from && ir_store_mounts_from(im->dst, from) < 0 ? ir_nomem(err) : rc;
}

static int prepare(const ir_call *call, ir_image *im, imgrel_error *err)
{
    const ir_assemble *a = im->what;
    int rc = ir_image_spec_read(call, a->spec, a->base_dir, false, &im->spec, err);
    if (rc == 0)
        rc = ir_image_parts_read(call, &im->spec, &im->parts, err);
    if (rc == 0)
        rc = dst_open(call, im, err);
    if (rc == 0)
        rc = old_read(call, im, err);
    if (rc < 0)
        return rc;
    im->media_type = layer_type(call);
    im->layers = calloc(im->spec.n_layers + 1, sizeof *im->layers);
    if (!im->layers)
        return ir_nomem(err);
    return im->old.bytes ? diff_ids_read(call, im, err) : 0;
}

static int keep(const ir_call *call, ir_image *im, ir_assembled *ret, imgrel_error *err)
{
    ret->unchanged = true;
    int rc = IR_DRY_RUN(call) ? 0 : ir_image_tags_write(call, im, &im->old, err);
    if (rc < 0)
        return rc;
    ret->top = im->old;
    im->old = (ir_manifest){0};
    return 0;
}

static int make(const ir_call *call, ir_image *im, ir_assembled *ret, imgrel_error *err)
{
    if (IR_DRY_RUN(call))
        return 0;
    int rc = ir_image_blobs_write(call, im, err);
    if (rc == 0)
        rc = ir_image_manifests_write(call, im, &ret->top, err);
    if (rc == 0)
        rc = ir_image_tags_write(call, im, &ret->top, err);
    return rc;
}

int ir_image_assemble(const ir_call *call, const ir_assemble *a, ir_assembled *ret,
                      imgrel_error *err)
{
    ir_image im = {.what = a};
    *ret = (ir_assembled){0};
    int rc = prepare(call, &im, err);
    if (rc == 0)
        rc = image_same(&im, err);
    if (rc >= 0)
        rc = rc == 1 ? keep(call, &im, ret, err) : make(call, &im, ret, err);
    if (rc == 0 && im.dst && !IR_DRY_RUN(call))
        rc = ir_store_finish(im.dst, call, err);
    if (rc == 0 && ret->top.bytes)
        memcpy(ret->digest, ret->top.digest, sizeof ret->digest);
    if (rc < 0)
        ir_assembled_free(ret);
    image_free(&im);
    return rc;
}

void ir_assembled_free(ir_assembled *a)
{
    if (!a)
        return;
    ir_manifest_free(&a->top);
    *a = (ir_assembled){0};
}
