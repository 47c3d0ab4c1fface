/* image_rebase.c - an image from its old base onto a new one: the old base's layers have to be
 * those at the image's bottom, and give way to the new base's. What an image stands on is told by
 * its annotations (image-spec annotations.md, base.name and base.digest) unless the caller knows.
 */
#include "oci/image_edit.h"
#include "oci/index_edit.h"

#include <stdlib.h>

static const char *annotation(const ir_manifest *m, const char *key)
{
    return ir_json_str(ir_json_get(m->json, "annotations"), key);
}

/* The part's own annotation, else the index's. */
static const char *said(const ir_edit *e, const ir_edit_part *p, const char *key)
{
    const char *own = annotation(&p->old, key);
    return own ? own : annotation(&e->top, key);
}

static const char *base_name(const ir_edit *e)
{
    const char *name = NULL;
    for (size_t i = 0; !name && i < e->n_parts; i++)
        if (e->parts[i].kind == IR_EDIT_IMAGE)
            name = said(e, &e->parts[i], IR_BASE_NAME);
    return name;
}

static int base_open(ir_edit *e, const char *text, const char *which, ir_store **ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    const char *name = text ? text : base_name(e);
    if (!name) {
        ir_fail(err, IMGREL_EINVAL, "%s does not say on what it was built",
                ir_store_ref(e->src)->name);
        return ir_cure(err, "name its %s base", which);
    }
    int rc = ir_ref_parse(name, &ref, err);
    if (rc == 0)
        rc = ir_store_open(e->call, &ref, IR_STORE_READ, ret, err);
    if (rc < 0)
        ir_error_prefix(err, "%s base", which);
    return rc;
}

static int not_below(const ir_edit *e, const ir_edit_part *p, size_t i, imgrel_error *err)
{
    char text[128];
    ir_fail(err, IMGREL_ECONFLICT, "%s (%s) does not stand on %s: layer %zu is another",
            ir_store_ref(e->src)->name, ir_platform_str(&p->platform, text),
            ir_store_ref(e->old_base)->name, i + 1);
    return ir_cure(err, "name as old base the very image that it was built on, by its digest");
}

static int old_check(ir_edit *e, ir_edit_part *p, const ir_platform *want, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_json_p) config = NULL;
    const char *digest = e->spec.old_base ? NULL : said(e, p, IR_BASE_DIGEST);
    if (!e->spec.old_base && !digest) {
        ir_fail(err, IMGREL_EINVAL, "%s has no annotation " IR_BASE_DIGEST,
                ir_store_ref(e->src)->name);
        return ir_cure(err, "name its old base");
    }
    int rc = ir_store_image_get(e->old_base, e->call, digest, want, &m, err);
    if (rc == 0)
        rc = ir_image_config_read(e->call, e->old_base, &m, &config, err);
    if (rc < 0) {
        ir_error_prefix(err, "old base");
        return rc;
    }
    p->n_below = ir_image_diff_ids(config);
    p->n_below_history =
        ir_image_history_fits(config) ? ir_json_len(ir_json_get(config, "history")) : 0;
    for (size_t i = 0; i < p->n_below; i++)
        if (!ir_streq(ir_image_diff_id(config, i), ir_image_diff_id(p->was, i)))
            return not_below(e, p, i, err);
    return 0;
}

static int part_rebase(ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    ir_platform want = p->platform;
    want.os_version[0] = '\0'; /* a new base may well be for a newer one */
    int rc = old_check(e, p, &want, err);
    if (rc < 0)
        return rc;
    rc = ir_store_image_get(e->new_base, e->call, NULL, &want, &p->base, err);
    if (rc == 0)
        rc = ir_image_config_read(e->call, e->new_base, &p->base, &p->base_config, err);
    if (rc == 0)
        rc = ir_manifest_convert(&p->base, p->layer_format, NULL, NULL, 0, &p->base_doc, err);
    if (rc < 0)
        ir_error_prefix(err, "new base");
    return rc;
}

int ir_edit_rebase(ir_edit *e, imgrel_error *err)
{
    int rc = base_open(e, e->spec.new_base, "new", &e->new_base, err);
    if (rc == 0)
        rc = base_open(e, e->spec.old_base, "old", &e->old_base, err);
    for (size_t i = 0; rc == 0 && i < e->n_parts; i++)
        if (e->parts[i].kind == IR_EDIT_IMAGE)
            rc = part_rebase(e, &e->parts[i], err);
    return rc;
}

ir_json *ir_edit_rebase_history(const ir_edit_part *p)
{
    const ir_json *own = ir_json_get(p->was, "history");
    if (!p->n_below_history || !ir_image_history_fits(p->was) ||
        !ir_image_history_fits(p->base_config))
        return NULL;
    ir_json *list = ir_json_copy(ir_json_get(p->base_config, "history"));
    for (size_t i = p->n_below_history; i < ir_json_len(own); i++)
        if (ir_json_append(list, ir_json_copy(ir_json_at(own, i))) < 0) {
            ir_json_free(list);
            return NULL;
        }
    return list;
}

int ir_edit_rebase_tell(const ir_edit *e, ir_json *doc, const char *digest, imgrel_error *err)
{
    const ir_ref *ref = ir_store_ref(e->new_base);
    bool shared = ref->transport == IR_REGISTRY; /* nobody else has our files */
    char *name = shared ? ir_format("%s/%s%s%s", ref->host, ref->repository, ref->tag ? ":" : "",
                                    ref->tag ? ref->tag : "")
                        : NULL;
    IR_AUTO(ir_json_p)
    notes = shared ? ir_json_pack("{s:s, s:s}", IR_BASE_NAME, name, IR_BASE_DIGEST, digest)
                   : ir_json_pack("{s:n, s:n}", IR_BASE_NAME, IR_BASE_DIGEST);
    free(name);
    return notes ? ir_index_annotate(doc, notes, err) : ir_nomem(err);
}
