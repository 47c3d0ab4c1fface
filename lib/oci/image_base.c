/* image_base.c - what each platform of an image stands on: a base image by reference, a folder that
 * is its root file system, or nothing. */
#include "oci/image_plan.h"
#include "oci/layer_scan.h"

#include "base/fd.h"
#include "base/limits.h"

#include <stdlib.h>

static void part_free(ir_image_part *p)
{
    ir_manifest_free(&p->base);
    ir_manifest_free(&p->old);
    ir_manifest_free(&p->made);
    ir_json_free(p->base_config);
    ir_json_free(p->old_config);
    ir_json_free(p->config);
    ir_desc_free(&p->rootfs_layer.desc);
    free(p->rootfs);
}

void ir_image_parts_free(ir_image_parts *p)
{
    for (size_t i = 0; p->v && i < p->n; i++)
        part_free(&p->v[i]);
    free(p->v);
    ir_store_free(p->base);
    *p = (ir_image_parts){0};
}

int ir_image_config_read(const ir_call *call, ir_store *store, const ir_manifest *m, ir_json **ret,
                         imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    const char *name = ir_store_ref(store)->name;
    *ret = NULL;
    if (!ir_media_is_config(m->config.media_type))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: not a container image but %s", name,
                       m->artifact_type ? m->artifact_type : m->config.media_type);
    int rc = ir_store_blob_read(store, call, &m->config, &b, err);
    if (rc == 0)
        rc = ir_json_parse(ir_buf_str(&b), b.len, name, ret, err);
    if (rc < 0)
        return rc;
    size_t n = ir_image_diff_ids(*ret);
    if (n == m->n_layers && ir_json_is_object(*ret))
        return 0;
    ir_json_free(*ret);
    *ret = NULL;
    return ir_fail(err, IMGREL_EPROTO, "%s: its config names %zu layers, its manifest %zu", name, n,
                   m->n_layers);
}

static int parts_alloc(ir_image_parts *p, const ir_platform *platforms, size_t n, imgrel_error *err)
{
    p->v = calloc(n, sizeof *p->v);
    if (!p->v)
        return ir_nomem(err);
    for (p->n = 0; p->n < n; p->n++)
        p->v[p->n].platform = platforms[p->n];
    return 0;
}

/* ---- a reference ---------------------------------------------------------------------------- */

static int lacks(const ir_image_parts *p, const ir_platform *want, const char *has,
                 imgrel_error *err)
{
    char text[128];
    ir_fail(err, IMGREL_ENOTFOUND, "base %s has no %s; it has %s", ir_store_ref(p->base)->name,
            ir_platform_str(want, text), has);
    return ir_cure(err, "leave %s out of platforms, or use a base that has it", text);
}

static int part_config(const ir_call *call, ir_image_parts *p, ir_image_part *part,
                       imgrel_error *err)
{
    ir_platform is;
    char want[128], has[128];
    int rc = ir_image_config_read(call, p->base, &part->base, &part->base_config, err);
    if (rc < 0)
        return rc;
    ir_platform_set(&is, ir_json_str(part->base_config, "os"),
                    ir_json_str(part->base_config, "architecture"),
                    ir_json_str(part->base_config, "variant"), NULL);
    if (ir_platform_match(&part->platform, &is))
        return 0;
    return ir_fail(err, IMGREL_EPROTO, "base %s: what it says is %s is %s",
                   ir_store_ref(p->base)->name, ir_platform_str(&part->platform, want),
                   ir_platform_str(&is, has));
}

static bool names_index(const ir_manifest *index)
{
    for (size_t i = 0; i < index->n_layers; i++)
        if (ir_media_is_index(index->layers[i].media_type))
            return true;
    return false;
}

/* The part's image in the indexes of an index. */
static int part_deeper(const ir_call *call, ir_image_parts *p, const char *index,
                       ir_image_part *part, imgrel_error *err)
{
    int rc = ir_store_image_get(p->base, call, index, &part->platform, &part->base, err);
    return rc == 0 ? part_config(call, p, part, err) : rc;
}

static int part_from_index(const ir_call *call, ir_image_parts *p, const ir_manifest *index,
                           ir_image_part *part, imgrel_error *err)
{
    const ir_desc *d = ir_manifest_find(index, &part->platform);
    if (!d && names_index(index))
        return part_deeper(call, p, index->digest, part, err);
    if (!d) {
        IR_AUTO(ir_buf) has = IR_BUF(64 * IR_KIB);
        ir_manifest_platforms(index, &has);
        return lacks(p, &part->platform, ir_buf_str(&has), err);
    }
    part->platform = d->platform;
    int rc = ir_store_manifest_get(p->base, call, d->digest, &part->base, err);
    if (rc == 0 && part->base.is_index) {
        ir_manifest_free(&part->base);
        return part_deeper(call, p, d->digest, part, err);
    }
    return rc == 0 ? part_config(call, p, part, err) : rc;
}

/* Every platform of an index that is one. */
static int all_of_index(const ir_manifest *index, ir_image_parts *p, imgrel_error *err)
{
    ir_platform *v = calloc(index->n_layers + 1, sizeof *v);
    size_t n = 0;
    if (!v)
        return ir_nomem(err);
    for (size_t i = 0; i < index->n_layers; i++)
        if (index->layers[i].has_platform && !ir_platform_unknown(&index->layers[i].platform))
            v[n++] = index->layers[i].platform;
    int rc = n ? parts_alloc(p, v, n, err)
               : ir_fail(err, IMGREL_ENOTFOUND, "base %s has no platform at all",
                         ir_store_ref(p->base)->name);
    free(v);
    return rc;
}

/* A base for one platform, which its config tells. Takes what m holds. */
static int from_single(const ir_call *call, const ir_image_spec *s, ir_image_parts *p,
                       ir_manifest *m, imgrel_error *err)
{
    char has[128];
    ir_json *config = NULL;
    ir_platform is;
    int rc = ir_image_config_read(call, p->base, m, &config, err);
    if (rc < 0)
        return rc;
    ir_platform_set(&is, ir_json_str(config, "os"), ir_json_str(config, "architecture"),
                    ir_json_str(config, "variant"), NULL);
    for (size_t i = 0; rc == 0 && i < s->n_platforms; i++)
        if (!ir_platform_match(&s->platforms[i], &is))
            rc = lacks(p, &s->platforms[i], ir_platform_str(&is, has), err);
    if (rc == 0)
        rc = parts_alloc(p, &is, 1, err);
    if (rc < 0) {
        ir_json_free(config);
        return rc;
    }
    p->v[0].base_config = config;
    p->v[0].base = *m;
    *m = (ir_manifest){0};
    return 0;
}

static int from_reference(const ir_call *call, const ir_image_spec *s, ir_image_parts *p,
                          imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    IR_AUTO(ir_manifest) top = {0};
    int rc = ir_ref_parse(s->base_ref, &ref, err);
    if (rc == 0 && ref.path && ref.path[0] != '/') {
        char *path = ir_path_join(s->base_dir, ref.path);
        free(ref.path);
        ref.path = path;
        rc = path ? 0 : ir_nomem(err);
    }
    if (rc == 0)
        rc = ir_store_open(call, &ref, IR_PULL, &p->base, err);
    if (rc == 0)
        rc = ir_store_manifest_get(p->base, call, NULL, &top, err);
    if (rc < 0)
        return ir_error_prefix(err, "base");
    if (!top.is_index)
        return from_single(call, s, p, &top, err);
    rc = s->n_platforms ? parts_alloc(p, s->platforms, s->n_platforms, err)
                        : all_of_index(&top, p, err);
    for (size_t i = 0; rc == 0 && i < p->n; i++)
        rc = part_from_index(call, p, &top, &p->v[i], err);
    return rc;
}

/* ---- folders, and nothing ------------------------------------------------------------------- */

static const char *folder_of(const ir_json *dirs, const ir_platform *want)
{
    for (void *it = ir_json_first(dirs); it; it = ir_json_next(dirs, it)) {
        ir_platform has;
        if (ir_platform_parse(ir_json_key(it), &has, NULL) == 0 && ir_platform_match(want, &has))
            return ir_json_text(ir_json_value(it));
    }
    return NULL;
}

static int from_folders(const ir_image_spec *s, ir_image_parts *p, imgrel_error *err)
{
    char text[128];
    int rc = parts_alloc(p, s->platforms, s->n_platforms, err);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        ir_image_part *part = &p->v[i];
        const char *dir = folder_of(s->base_dirs, &part->platform);
        if (!dir)
            return ir_fail(err, IMGREL_ENOTFOUND, "image: base has no folder for %s",
                           ir_platform_str(&part->platform, text));
        part->rootfs = ir_path_join(s->base_dir, dir);
        if (!part->rootfs)
            return ir_nomem(err);
        part->rootfs_from = (ir_layer_from){
            .path = part->rootfs, .to = "/", .uid = -1, .gid = -1, .mode = -1, .exact = true};
        rc = ir_layer_from_check(&part->rootfs_from, err);
    }
    return rc;
}

int ir_image_parts_read(const ir_call *call, const ir_image_spec *s, ir_image_parts *ret,
                        imgrel_error *err)
{
    ir_platform host;
    *ret = (ir_image_parts){0};
    if (s->base_ref)
        return from_reference(call, s, ret, err);
    if (s->base_dirs)
        return from_folders(s, ret, err);
    if (s->n_platforms)
        return parts_alloc(ret, s->platforms, s->n_platforms, err);
    ir_platform_host(&host);
    return parts_alloc(ret, &host, 1, err);
}
