/* image_edit_write.c - the documents of an edited image: configs, manifests, the index, tags. They
 * are changed as the JSON that they are, and a document that stays the same keeps its bytes. */
#include "oci/image_edit.h"

#include "base/limits.h"
#include "fmt/header.h"
#include "oci/index_edit.h"

#include <stdlib.h>

/* ---- configs -------------------------------------------------------------------------------- */

static int diff_ids_put(ir_edit_part *p)
{
    ir_json *ids = ir_json_new_array(), *rootfs = ir_image_object(p->config, "rootfs");
    int bad = 0;
    for (size_t i = 0; i < p->n_layers; i++)
        bad |= ir_json_append(ids, ir_json_new_string(ir_edit_layer_diff_id(&p->layers[i])));
    bad |= ir_json_puts(rootfs, "type", "layers");
    return ir_json_put(rootfs, "diff_ids", ids) | bad;
}

static ir_json *flat_history(const ir_edit *e, const ir_edit_part *p)
{
    const char *created = e->spec.created_given ? e->spec.created : ir_json_str(p->was, "created");
    ir_json *entry = ir_json_pack("{s:s}", "created_by", "imgrel: flatten");
    ir_json *list = ir_json_new_array();
    if (entry && created)
        ir_json_puts(entry, "created", created);
    ir_json_append(list, entry);
    return list;
}

/* What the kept layers' history is; NULL: nothing that fits them. */
static ir_json *old_history(const ir_edit *e, const ir_edit_part *p)
{
    if (e->spec.flatten && p->n_layers > e->spec.n_layers)
        return flat_history(e, p);
    if (e->spec.rebase)
        return ir_edit_rebase_history(p);
    return ir_image_history_fits(p->was) ? ir_json_copy(ir_json_get(p->was, "history")) : NULL;
}

static int clamp_history(const ir_edit *e, ir_json *history)
{
    int bad = 0;
    for (size_t i = 0; e->spec.created_given && i < ir_json_len(history); i++) {
        ir_json *entry = ir_json_at(history, i);
        const char *text = ir_json_str(entry, "created");
        int64_t s = 0;
        if (text && (!ir_rfc3339(text, &s) || s > e->spec.created_s))
            bad |= ir_json_puts(entry, "created", e->spec.created);
    }
    return bad;
}

static int history_put(const ir_edit *e, ir_edit_part *p)
{
    ir_json *history = old_history(e, p);
    int bad = 0;
    if (!history && p->n_layers == e->spec.n_layers)
        history = ir_json_new_array();
    if (!history) {
        if (e->spec.rebase)
            ir_json_remove(p->config, "history");
        return 0;
    }
    for (size_t i = 0; i < e->spec.n_layers; i++)
        bad |= ir_json_append(history, ir_json_pack("{s:s, s:s}", "created", e->spec.created,
                                                    "created_by", e->spec.layers[i].created_by));
    bad |= clamp_history(e, history);
    if (!ir_json_len(history)) {
        ir_json_free(history);
        return bad;
    }
    return ir_json_put(p->config, "history", history) | bad;
}

static int config_edit(const ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    int bad = diff_ids_put(p);
    bad |= history_put(e, p);
    if (e->spec.created_given)
        bad |= ir_json_puts(p->config, "created", e->spec.created);
    if (bad)
        return ir_nomem(err);
    return ir_json_is_null(e->spec.config) ? 0 : ir_image_config_merge(p->config, &e->spec, err);
}

/* Into the destination; what the manifest says of it goes to desc. */
static int config_write(ir_edit *e, ir_edit_part *p, ir_json *desc, imgrel_error *err)
{
    IR_AUTO(ir_desc) d = {0};
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    char digest[IR_DIGEST_MAX];
    if (ir_json_equal(p->config, p->was))
        return ir_edit_copy(e, &p->old.config, err);
    int rc = ir_json_dump(p->config, IR_JSON_COMPACT, &b, err);
    if (rc == 0)
        rc = ir_hash_bytes(b.p, b.len, digest, err);
    if (rc == 0 && ir_desc_set(&d, p->doc.config.media_type, digest, (int64_t)b.len) < 0)
        rc = ir_nomem(err);
    if (rc < 0)
        return rc;
    const ir_body body = {.p = b.p, .len = b.len};
    ir_json_remove(desc, "data");
    if (ir_json_puts(desc, "digest", digest) ||
        ir_json_put(desc, "size", ir_json_new_int((int64_t)b.len)))
        return ir_nomem(err);
    return ir_store_blob_put(e->dst, e->call, &d, &body, NULL, NULL, err);
}

/* ---- manifests ------------------------------------------------------------------------------ */

static int layers_put(const ir_edit_part *p, ir_json *doc)
{
    ir_json *list = ir_json_new_array();
    int bad = 0;
    for (size_t i = 0; i < p->n_layers; i++) {
        const ir_edit_layer *l = &p->layers[i];
        const ir_desc *d = ir_edit_layer_desc(l);
        bad |= ir_json_append(list, d == l->at.desc ? ir_json_copy(l->entry) : ir_desc_to_json(d));
    }
    return ir_json_put(doc, "layers", list) | bad;
}

/* The document's bytes: as they were if it says what it said. */
static int document_end(const ir_json *doc, const ir_manifest *was, ir_manifest *ret,
                        imgrel_error *err)
{
    if (ir_json_equal(doc, was->json))
        return ir_manifest_parse(was->bytes, was->len, was->media_type, was->digest, ret, err);
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    int rc = ir_json_dump(doc, IR_JSON_COMPACT, &b, err);
    return rc < 0 ? rc : ir_manifest_parse(ir_buf_str(&b), b.len, was->media_type, NULL, ret, err);
}

static int annotate(const ir_edit *e, ir_json *doc, char format, const char *base_digest,
                    imgrel_error *err)
{
    int rc = 0;
    if (e->spec.rebase && base_digest && format == 'o')
        rc = ir_edit_rebase_tell(e, doc, base_digest, err);
    return rc == 0 ? ir_index_annotate(doc, e->spec.annotations, err) : rc;
}

static int image_write(ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    IR_AUTO(ir_json_p) doc = ir_json_copy(p->doc.json);
    int rc = doc ? config_edit(e, p, err) : ir_nomem(err);
    if (rc == 0)
        rc = config_write(e, p, ir_json_get(doc, "config"), err);
    if (rc == 0 && layers_put(p, doc))
        rc = ir_nomem(err);
    if (rc == 0)
        rc = annotate(e, doc, p->layer_format, p->base.digest, err);
    return rc == 0 ? document_end(doc, &p->doc, &p->made, err) : rc;
}

/* ---- what is no image ----------------------------------------------------------------------- */

static const ir_edit_part *attested(const ir_edit *e, const ir_edit_part *p)
{
    const char *digest = ir_index_attests(p->entry);
    for (size_t i = 0; i < e->n_parts; i++)
        if (e->parts[i].kind == IR_EDIT_IMAGE && ir_streq(e->parts[i].old.digest, digest))
            return &e->parts[i];
    return NULL;
}

static int other_write(ir_edit *e, ir_edit_part *p, imgrel_error *err)
{
    const ir_edit_part *image = p->kind == IR_EDIT_ATTESTATION ? attested(e, p) : NULL;
    const ir_manifest *m = &p->old;
    if (p->kind == IR_EDIT_ATTESTATION &&
        (!image || !ir_streq(image->made.digest, image->old.digest))) {
        ir_log_say(ir_call_log(e->call), IMGREL_LOG_WARN, "oci",
                   "attestation left out: what it attests has changed", "digest", m->digest, NULL);
        return ir_progress(e->call, IMGREL_EVENT_STEP, m->digest, "attestation left out", 0, 0, 1,
                           err);
    }
    if (e->spec.format == 'd')
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Docker's format has no artifacts", m->digest);
    int rc = m->config.digest ? ir_edit_copy(e, &m->config, err) : 0;
    for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
        rc = ir_edit_copy(e, &m->layers[i], err);
    return rc == 0 ? ir_manifest_parse(m->bytes, m->len, m->media_type, m->digest, &p->made, err)
                   : rc;
}

/* ---- the index ------------------------------------------------------------------------------ */

static int entry_put(const ir_edit_part *p, ir_json *list)
{
    if (!p->made.bytes)
        return 0;
    ir_json *entry = ir_json_copy(p->entry);
    int bad = !entry;
    if (!ir_streq(p->made.digest, p->old.digest)) {
        ir_json_remove(entry, "data");
        if (p->layer_format == 'd')
            ir_json_remove(entry, "annotations");
        bad |= ir_json_puts(entry, "mediaType", p->made.media_type);
        bad |= ir_json_puts(entry, "digest", p->made.digest);
        bad |= ir_json_put(entry, "size", ir_json_new_int((int64_t)p->made.len));
    }
    return ir_json_append(list, entry) | bad;
}

static bool has_notes(const ir_json *doc)
{
    return ir_json_str(ir_json_get(doc, "annotations"), IR_BASE_NAME) != NULL;
}

static int index_write(ir_edit *e, ir_manifest *ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) doc = ir_json_copy(e->top.json);
    IR_AUTO(ir_desc) base = {0};
    ir_json *list = ir_json_new_array();
    char format = e->spec.format ? e->spec.format : 'o';
    int bad = !doc, rc = 0;
    for (size_t i = 0; i < e->n_parts; i++)
        bad |= entry_put(&e->parts[i], list);
    bad |= ir_json_put(doc, "manifests", list);
    if (e->spec.format) {
        bad |= ir_json_puts(doc, "mediaType", ir_media_convert(e->top.media_type, format));
        if (format == 'd')
            ir_json_remove(doc, "annotations");
    }
    if (bad)
        return ir_nomem(err);
    if (e->spec.rebase && has_notes(doc))
        rc = ir_store_manifest_head(e->new_base, e->call, NULL, &base, err);
    if (rc == 0)
        rc = annotate(e, doc, format, base.digest, err);
    if (rc < 0)
        return rc;
    if (ir_json_equal(doc, e->top.json))
        return document_end(doc, &e->top, ret, err);
    return ir_index_end(doc, ret, err);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int parts_write(ir_edit *e, enum ir_edit_part_kind kind, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < e->n_parts; i++) {
        ir_edit_part *p = &e->parts[i];
        if ((p->kind == IR_EDIT_IMAGE) != (kind == IR_EDIT_IMAGE))
            continue;
        rc = p->kind == IR_EDIT_IMAGE ? image_write(e, p, err) : other_write(e, p, err);
        if (rc == 0 && e->top.is_index && p->made.bytes)
            rc = ir_store_manifest_put(e->dst, e->call, &p->made, NULL, err);
    }
    return rc;
}

static int tag_write(ir_edit *e, const ir_manifest *m, const char *tag, imgrel_error *err)
{
    int rc = ir_store_manifest_put(e->dst, e->call, m, tag, err);
    return rc < 0 ? rc
                  : ir_progress(e->call, IMGREL_EVENT_STEP, tag ? tag : m->digest, "tagged", 0, 0,
                                1, err);
}

static int tags_write(ir_edit *e, const ir_manifest *m, imgrel_error *err)
{
    const ir_ref *to = ir_store_ref(e->dst);
    const ir_strv *tags = &e->spec.tags;
    if (to->digest && !e->here && !ir_streq(to->digest, m->digest))
        return ir_fail(err, IMGREL_EDIGEST, "%s: what the edit made is %s", to->name, m->digest);
    int rc = to->tag || !tags->n ? tag_write(e, m, to->tag, err) : 0;
    for (size_t i = 0; rc == 0 && i < tags->n; i++)
        if (!ir_streq(tags->v[i], to->tag))
            rc = tag_write(e, m, tags->v[i], err);
    return rc;
}

int ir_edit_write(ir_edit *e, ir_manifest *ret, imgrel_error *err)
{
    int rc = parts_write(e, IR_EDIT_IMAGE, err);
    if (rc == 0)
        rc = parts_write(e, IR_EDIT_OTHER, err);
    if (rc < 0)
        return rc;
    if (e->top.is_index) {
        rc = index_write(e, ret, err);
    } else {
        *ret = e->parts[0].made;
        e->parts[0].made = (ir_manifest){0};
    }
    return rc == 0 ? tags_write(e, ret, err) : rc;
}
