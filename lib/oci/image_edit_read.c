/* image_edit_read.c - what an edit begins with: the source's manifests and configs, cut down to the
 * platforms that the call asks for. */
#include "oci/image_edit.h"

#include "base/limits.h"
#include "oci/index_edit.h"

#include <stdlib.h>

static bool is_docker(const ir_manifest *m)
{
    const char *mt = ir_media_convert(m->media_type, 'd');
    return mt && ir_media_same(mt, m->media_type);
}

static int wanted_format(ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    char own = is_docker(&p->old) ? 'd' : 'o';
    p->layer_format = e->spec.format ? e->spec.format : own;
    if (p->layer_format == 'd' && ir_json_len(e->spec.annotations)) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Docker's manifests have no annotations",
                ir_store_ref(e->src)->name);
        return ir_cure(err, "edit it with format oci");
    }
    return ir_manifest_convert(&p->old, p->layer_format, NULL, NULL, 0, &p->doc, err);
}

static int image_read(ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    int rc = ir_image_config_read(e->call, e->src, &p->old, &p->was, err);
    if (rc == 0 && !(p->config = ir_json_copy(p->was)))
        rc = ir_nomem(err);
    if (rc < 0)
        return rc;
    ir_platform_set(&p->platform, ir_json_str(p->was, "os"), ir_json_str(p->was, "architecture"),
                    ir_json_str(p->was, "variant"), ir_json_str(p->was, "os.version"));
    return wanted_format(e, p, err);
}

static int part_read(ir_edit *e, ir_edit_part *p, const ir_desc *d, imgrel_error *err)
{
    int rc = ir_store_manifest_get(e->src, e->call, d->digest, &p->old, err);
    if (rc < 0)
        return rc;
    if (p->old.is_index)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: an index inside an index",
                       ir_store_ref(e->src)->name);
    bool attests = ir_index_attests(p->entry) != NULL;
    p->kind = attests                                        ? IR_EDIT_ATTESTATION
              : ir_media_is_config(p->old.config.media_type) ? IR_EDIT_IMAGE
                                                             : IR_EDIT_OTHER;
    return p->kind == IR_EDIT_IMAGE ? image_read(e, p, err) : 0;
}

static bool chosen(const ir_desc *d, const ir_platform *want, size_t n)
{
    bool real = d->has_platform && !ir_platform_unknown(&d->platform);
    for (size_t i = 0; i < n; i++)
        if (real && ir_platform_match(&want[i], &d->platform))
            return true;
    return n == 0 || !real;
}

static int index_read(ir_edit *e, const ir_platform *want, size_t n, imgrel_error *err)
{
    int rc = 0;
    const ir_json *list = ir_json_get(e->top.json, "manifests");
    e->parts = calloc(e->top.n_layers + 1, sizeof *e->parts);
    if (!e->parts)
        return ir_nomem(err);
    for (size_t i = 0; rc == 0 && i < e->top.n_layers; i++) {
        if (!chosen(&e->top.layers[i], want, n))
            continue;
        ir_edit_part *p = &e->parts[e->n_parts++];
        p->entry = ir_json_at(list, i);
        rc = part_read(e, p, &e->top.layers[i], err);
    }
    return rc;
}

static int single_read(ir_edit *e, imgrel_error *err)
{
    e->parts = calloc(1, sizeof *e->parts);
    if (!e->parts)
        return ir_nomem(err);
    e->n_parts = 1;
    int rc = ir_manifest_parse(e->top.bytes, e->top.len, e->top.media_type, e->top.digest,
                               &e->parts[0].old, err);
    return rc < 0 ? rc : image_read(e, &e->parts[0], err);
}

static bool has_image(const ir_edit *e)
{
    for (size_t i = 0; i < e->n_parts; i++)
        if (e->parts[i].kind == IR_EDIT_IMAGE)
            return true;
    return false;
}

int ir_edit_read(ir_edit *e, imgrel_error *err)
{
    ir_platform *want = NULL;
    size_t n = 0;
    const char *text = e->call->platform;
    int rc = text && *text ? ir_platform_list(text, &want, &n, err) : 0;
    if (rc == 0)
        rc = ir_store_image_get(e->src, e->call, NULL, n == 1 ? want : NULL, &e->top, err);
    if (rc == 0)
        rc = e->top.is_index ? index_read(e, want, n, err) : single_read(e, err);
    if (rc == 0 && !has_image(e))
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s holds no image for %s", ir_store_ref(e->src)->name,
                     text ? text : "any platform");
    free(want);
    return rc;
}
