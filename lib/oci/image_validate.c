/* image_validate.c - is an image what its documents say? Manifests, indexes and configs are read
 * and held against each other here; their blobs in image_validate_layer.c. What is wrong is a
 * finding: only what keeps us from looking at all ends it. */
#include "oci/image_validate.h"

#include "base/limits.h"
#include "fmt/header.h"
#include "oci/image_plan.h"
#include "oci/index_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int ir_check_say(ir_check *c, bool error, int code, const char *what, const char *message,
                 imgrel_error *err)
{
    if (error && !c->errors++) {
        ir_fail(&c->first, code, "%s: %s", what, message);
        ir_cure(&c->first, "make it again, or take it from where it was right");
    }
    ir_json *j = ir_json_pack("{s:s, s:s, s:s, s:s}", "level", error ? "error" : "warning", "code",
                              imgrel_code_name(code), "what", what, "message", message);
    return ir_json_append(c->findings, j) ? ir_nomem(err) : 0;
}

/* A finding about a document. */
static int IR_PRINTF(5, 6)
    wrong(ir_check *c, bool error, const char *what, imgrel_error *err, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return ir_check_say(c, error, IMGREL_EINVAL, what, text, err);
}

/* ---- annotations ---------------------------------------------------------------------------- */

static int annotation_check(ir_check *c, const char *what, const char *key, const ir_json *value,
                            imgrel_error *err)
{
    int64_t s = 0;
    const char *text = ir_json_text(value);
    if (!text || !*key)
        return wrong(c, true, what, err, "annotation \"%.100s\" is not a text", key);
    if (ir_streq(key, "org.opencontainers.image.created") && !ir_rfc3339(text, &s))
        return wrong(c, false, what, err, "annotation %s: \"%.60s\" is no date", key, text);
    if (ir_streq(key, "org.opencontainers.image.base.digest") && !ir_digest_valid(text))
        return wrong(c, false, what, err, "annotation %s: \"%.80s\" is no digest", key, text);
    return 0;
}

static int annotations_check(ir_check *c, const char *what, const ir_json *object,
                             imgrel_error *err)
{
    int rc = 0;
    const ir_json *notes = ir_json_get(object, "annotations");
    if (!ir_json_is_null(notes) && !ir_json_is_object(notes))
        return wrong(c, true, what, err, "its annotations are no object");
    for (void *it = ir_json_first(notes); rc == 0 && it; it = ir_json_next(notes, it))
        rc = annotation_check(c, what, ir_json_key(it), ir_json_value(it), err);
    return rc;
}

/* ---- configs -------------------------------------------------------------------------------- */

static int history_check(ir_check *c, const char *what, const ir_json *config, imgrel_error *err)
{
    if (!ir_json_len(ir_json_get(config, "history")) || ir_image_history_fits(config))
        return 0;
    return wrong(c, true, what, err, "its history is not of as many layers as it has");
}

static int platform_check(ir_check *c, const char *what, const ir_json *config,
                          const ir_desc *entry, imgrel_error *err)
{
    ir_platform is;
    char said[128], text[128];
    const char *os = ir_json_str(config, "os"), *arch = ir_json_str(config, "architecture");
    if (!os || !*os || !arch || !*arch)
        return wrong(c, true, what, err, "it has no os or no architecture");
    ir_platform_set(&is, os, arch, ir_json_str(config, "variant"),
                    ir_json_str(config, "os.version"));
    if (!entry || !entry->has_platform || ir_platform_match(&entry->platform, &is))
        return 0;
    return wrong(c, true, what, err, "it is for %s, its index says %s", ir_platform_str(&is, text),
                 ir_platform_str(&entry->platform, said));
}

static int config_check(ir_check *c, const ir_manifest *m, const ir_json *config,
                        const ir_desc *entry, imgrel_error *err)
{
    int64_t s = 0;
    const char *what = m->config.digest, *created = ir_json_str(config, "created");
    int rc = platform_check(c, what, config, entry, err);
    if (rc == 0)
        rc = history_check(c, what, config, err);
    if (rc == 0 && !ir_streq(ir_json_str(ir_json_get(config, "rootfs"), "type"), "layers"))
        rc = wrong(c, false, what, err, "its rootfs.type is not \"layers\"");
    if (rc == 0 && created && !ir_rfc3339(created, &s))
        rc = wrong(c, false, what, err, "created \"%.60s\" is no date", created);
    for (size_t i = 0; rc == 0 && i < ir_image_diff_ids(config); i++)
        if (!ir_digest_valid(ir_image_diff_id(config, i) ? ir_image_diff_id(config, i) : ""))
            rc = wrong(c, true, what, err, "its diffID %zu is no digest", i + 1);
    return rc;
}

/* ---- manifests ------------------------------------------------------------------------------ */

static int blobs_add(ir_check *c, const ir_manifest *m, const ir_json *config, imgrel_error *err)
{
    int rc = 0;
    bool image = config != NULL, counts = ir_image_diff_ids(config) == m->n_layers;
    for (size_t i = 0; rc == 0 && i < m->n_layers; i++) {
        const ir_desc *d = &m->layers[i];
        const char *id = image && counts ? ir_image_diff_id(config, i) : NULL;
        if (ir_media_is_foreign(d->media_type) && d->urls.n)
            continue; /* it lives elsewhere */
        if (image && !ir_media_is_layer(d->media_type))
            rc = wrong(c, false, d->digest, err, "\"%.100s\" is no known type of a layer",
                       d->media_type);
        if (rc == 0)
            rc = ir_check_layer_add(c, d, id ? id : "", err);
    }
    if (rc == 0 && image && !counts)
        rc = wrong(c, true, m->config.digest, err, "it names %zu layers, its manifest %zu",
                   ir_image_diff_ids(config), m->n_layers);
    return rc;
}

static int image_add(ir_check *c, const ir_manifest *m, const ir_json *config, imgrel_error *err)
{
    char text[128];
    ir_platform p;
    ir_platform_set(&p, ir_json_str(config, "os"), ir_json_str(config, "architecture"),
                    ir_json_str(config, "variant"), NULL);
    ir_json *j = ir_json_pack("{s:s, s:I}", "digest", m->digest, "layers", (long long)m->n_layers);
    int bad = config ? ir_json_puts(j, "platform", ir_platform_str(&p, text))
                     : ir_json_puts(j, "artifactType",
                                    m->artifact_type ? m->artifact_type : m->config.media_type);
    return ir_json_append(c->images, j) || bad ? ir_nomem(err) : 0;
}

static int manifest_check(ir_check *c, const ir_manifest *m, const ir_desc *entry,
                          imgrel_error *err)
{
    imgrel_error e = {0};
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    IR_AUTO(ir_json_p) config = NULL;
    int rc = ir_store_blob_read(c->store, c->call, &m->config, &b, &e);
    c->bytes += b.len;
    if (rc == 0 && ir_media_is_config(m->config.media_type)) {
        rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", &config, &e);
        if (rc == 0 && !ir_json_is_object(config))
            rc = ir_fail(&e, IMGREL_EPROTO, "the config is no object");
    }
    if (rc < 0)
        return ir_check_failed(c, &e, m->config.digest, err);
    rc = config ? config_check(c, m, config, entry, err) : 0;
    if (rc == 0)
        rc = blobs_add(c, m, config, err);
    return rc == 0 ? image_add(c, m, config, err) : rc;
}

static int document_check(ir_check *c, const ir_manifest *m, const ir_desc *entry, int depth,
                          imgrel_error *err);

static int entry_check(ir_check *c, const ir_manifest *index, size_t i, int depth,
                       imgrel_error *err)
{
    const ir_desc *d = &index->layers[i];
    imgrel_error e = {0};
    IR_AUTO(ir_manifest) m = {0};
    int rc =
        annotations_check(c, d->digest, ir_json_at(ir_json_get(index->json, "manifests"), i), err);
    for (size_t k = 0; rc == 0 && k < i; k++)
        if (d->has_platform && index->layers[k].has_platform &&
            !ir_platform_unknown(&d->platform) &&
            ir_platform_equal(&d->platform, &index->layers[k].platform))
            rc = wrong(c, false, d->digest, err, "the index names its platform twice");
    if (rc < 0)
        return rc;
    rc = ir_store_manifest_get(c->store, c->call, d->digest, &m, &e);
    if (rc < 0)
        return ir_check_failed(c, &e, d->digest, err);
    c->bytes += m.len;
    if ((int64_t)m.len != d->size)
        rc = wrong(c, true, d->digest, err, "it has %zu bytes, its index says %lld", m.len,
                   (long long)d->size);
    if (rc == 0 && !ir_media_same(m.media_type, d->media_type))
        rc = wrong(c, true, d->digest, err, "it is %.100s, its index says %.100s", m.media_type,
                   d->media_type);
    return rc == 0 ? document_check(c, &m, d, depth + 1, err) : rc;
}

/* Is it one that the call asks for? */
static bool asked_for(const ir_desc *d, const ir_platform *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (d->has_platform && ir_platform_match(&want[i], &d->platform))
            return true;
    return n == 0;
}

static int index_check(ir_check *c, const ir_manifest *m, int depth, imgrel_error *err)
{
    ir_platform *want = NULL;
    size_t n = 0;
    const char *text = c->call->platform;
    if (depth >= IR_INDEX_DEPTH_MAX)
        return wrong(c, true, m->digest, err, "indexes in indexes, more than %d deep",
                     IR_INDEX_DEPTH_MAX);
    int rc = text && *text ? ir_platform_list(text, &want, &n, err) : 0;
    for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
        if (asked_for(&m->layers[i], want, n))
            rc = entry_check(c, m, i, depth, err);
    free(want);
    return rc;
}

static int document_check(ir_check *c, const ir_manifest *m, const ir_desc *entry, int depth,
                          imgrel_error *err)
{
    int rc = annotations_check(c, m->digest, m->json, err);
    if (rc < 0)
        return rc;
    return m->is_index ? index_check(c, m, depth, err) : manifest_check(c, m, entry, err);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static ir_json *report(const ir_check *c, const ir_manifest *top)
{
    return ir_json_pack("{s:s, s:s, s:s, s:b, s:b, s:O, s:I, s:I, s:O}", "name",
                        ir_store_ref(c->store)->name, "digest", top->digest, "mediaType",
                        top->media_type, "ok", !c->errors, "fast", c->fast, "images", c->images,
                        "blobs", (long long)c->n_layers, "bytes", (long long)c->bytes, "findings",
                        c->findings);
}

int ir_image_validate(const ir_call *call, ir_store *store, bool fast, ir_json **ret_report,
                      imgrel_error *err)
{
    IR_AUTO(ir_manifest) top = {0};
    ir_check c = {.call = call, .store = store, .fast = fast};
    *ret_report = NULL;
    c.images = ir_json_new_array();
    c.findings = ir_json_new_array();
    int rc = c.images && c.findings ? ir_store_manifest_get(store, call, NULL, &top, err)
                                    : ir_nomem(err);
    if (rc == 0) {
        c.bytes += top.len;
        rc = document_check(&c, &top, NULL, 0, err);
    }
    if (rc == 0)
        rc = ir_check_layers(&c, err);
    if (rc == 0 && !(*ret_report = report(&c, &top)))
        rc = ir_nomem(err);
    if (rc == 0 && c.errors) {
        rc = c.first.code;
        if (err && !err->code)
            *err = c.first;
    }
    ir_check_layers_free(&c);
    ir_json_free(c.images);
    ir_json_free(c.findings);
    return rc;
}
