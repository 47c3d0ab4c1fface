/* manifest.c - manifests and indexes read from their exact bytes (image-spec manifest.md and
 * image-index.md; Docker's schema 2 and list): every descriptor checked, documents that could be
 * read in two ways refused (CVE-2021-41190), and the platforms of an index looked up. */
#include "oci/descriptor.h"
#include "base/limits.h"

#include <stdlib.h>

void ir_manifest_free(ir_manifest *m)
{
    if (!m)
        return;
    free(m->bytes);
    free(m->media_type);
    ir_desc_free(&m->config);
    for (size_t i = 0; i < m->n_layers; i++)
        ir_desc_free(&m->layers[i]);
    free(m->layers);
    ir_desc_free(&m->subject);
    free(m->artifact_type);
    ir_json_free(m->json);
    *m = (ir_manifest){0};
}

static int check_digest(ir_manifest *m, const char *expected, imgrel_error *err)
{
    ir_hash *h = NULL;
    int rc = ir_hash_new(expected ? ir_digest_algorithm(expected) : "sha256", &h, err);
    if (rc < 0)
        return rc;
    ir_hash_add(h, m->bytes, m->len);
    ir_hash_end(h, m->digest);
    ir_hash_free(h);
    if (expected && !ir_streq(expected, m->digest))
        return ir_fail(err, IMGREL_EDIGEST, "the manifest's digest is %s, expected %s", m->digest,
                       expected);
    return 0;
}

/* What the document is by its members, where nothing names it. */
static const char *guess_type(const ir_json *j)
{
    if (ir_json_is_array(ir_json_get(j, "manifests")))
        return IR_MT_OCI_INDEX;
    if (ir_json_get(j, "config"))
        return IR_MT_OCI_MANIFEST;
    return NULL;
}

/* The one media type that the Content-Type, the document and its members agree on. */
static int decide_type(ir_manifest *m, const char *content_type, imgrel_error *err)
{
    const char *inside = ir_json_str(m->json, "mediaType");
    const char *mt = inside ? inside : content_type;
    if (inside && content_type && !ir_media_same(inside, content_type))
        return ir_fail(err, IMGREL_EPROTO, "the manifest calls itself %.80s, the server %.80s",
                       inside, content_type);
    if (ir_media_is_schema1(mt) || ir_json_int(m->json, "schemaVersion", 2) == 1)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "the manifest is of Docker's old schema 1");
    if (!mt)
        mt = guess_type(m->json);
    if (!ir_media_is_index(mt) && !ir_media_is_manifest(mt))
        return ir_fail(err, IMGREL_EPROTO, "the document is no image manifest or index: %.80s",
                       mt ? mt : "no mediaType");
    m->is_index = ir_media_is_index(mt);
    mt += strspn(mt, " \t");
    size_t len = strcspn(mt, "; \t");
    m->media_type = ir_strndup(mt, len);
    return m->media_type ? 0 : ir_nomem(err);
}

static int check_shape(const ir_manifest *m, imgrel_error *err)
{
    const ir_json *manifests = ir_json_get(m->json, "manifests");
    const ir_json *layers = ir_json_get(m->json, "layers");
    if (ir_json_int(m->json, "schemaVersion", 0) != 2)
        return ir_fail(err, IMGREL_EPROTO, "the manifest's schemaVersion is not 2");
    if (manifests && (layers || ir_json_get(m->json, "config") || ir_json_get(m->json, "fsLayers")))
        return ir_fail(err, IMGREL_EPROTO, "the document is a manifest and an index at once");
    if (m->is_index && !ir_json_is_array(manifests))
        return ir_fail(err, IMGREL_EPROTO, "the index has no manifests");
    if (!m->is_index && (!ir_json_get(m->json, "config") || (layers && !ir_json_is_array(layers))))
        return ir_fail(err, IMGREL_EPROTO, "the manifest has no config or no layers");
    return 0;
}

static int read_list(ir_manifest *m, const char *key, imgrel_error *err)
{
    const ir_json *list = ir_json_get(m->json, key);
    size_t n = ir_json_len(list);
    if (n > IR_LAYERS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "the manifest names %zu %s, the limit is %d", n, key,
                       IR_LAYERS_MAX);
    m->layers = calloc(n ? n : 1, sizeof *m->layers);
    if (!m->layers)
        return ir_nomem(err);
    for (size_t i = 0; i < n; i++) {
        int rc = ir_desc_from_json(ir_json_at(list, i), key, &m->layers[i], err);
        if (rc < 0)
            return rc;
        m->n_layers = i + 1;
    }
    return 0;
}

static int read_members(ir_manifest *m, imgrel_error *err)
{
    int rc = 0;
    const ir_json *subject = ir_json_get(m->json, "subject");
    if (!m->is_index)
        rc = ir_desc_from_json(ir_json_get(m->json, "config"), "config", &m->config, err);
    if (!rc)
        rc = read_list(m, m->is_index ? "manifests" : "layers", err);
    if (!rc && !ir_json_is_null(subject))
        rc = ir_desc_from_json(subject, "subject", &m->subject, err);
    const char *type = ir_json_str(m->json, "artifactType");
    m->artifact_type = ir_strdup(type);
    if (!rc && type && !m->artifact_type)
        rc = ir_nomem(err);
    return rc;
}

int ir_manifest_parse(const char *bytes, size_t len, const char *media_type, const char *expected,
                      ir_manifest *ret, imgrel_error *err)
{
    *ret = (ir_manifest){0};
    if (len > IR_MANIFEST_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "the manifest has %zu bytes, the limit is %lu", len,
                       IR_MANIFEST_MAX);
    int rc = 0;
    ret->bytes = malloc(len + 1);
    if (!ret->bytes)
        return ir_nomem(err);
    memcpy(ret->bytes, bytes, len);
    ret->bytes[len] = '\0';
    ret->len = len;
    rc = check_digest(ret, expected, err);
    if (!rc)
        rc = ir_json_parse(bytes, len, "manifest", &ret->json, err);
    if (!rc && !ir_json_is_object(ret->json))
        rc = ir_fail(err, IMGREL_EPROTO, "the manifest is not a JSON object");
    if (!rc)
        rc = decide_type(ret, media_type, err);
    if (!rc)
        rc = check_shape(ret, err);
    if (!rc)
        rc = read_members(ret, err);
    if (rc < 0)
        ir_manifest_free(ret);
    return rc;
}

static bool real_platform(const ir_desc *d)
{
    return d->has_platform && !ir_platform_unknown(&d->platform);
}

const ir_desc *ir_manifest_find(const ir_manifest *index, const ir_platform *want)
{
    const ir_desc *close = NULL;
    for (size_t i = 0; i < index->n_layers; i++) {
        const ir_desc *d = &index->layers[i];
        if (!real_platform(d))
            continue;
        if (ir_platform_equal(want, &d->platform))
            return d;
        if (!close && ir_platform_match(want, &d->platform))
            close = d;
    }
    return close;
}

void ir_manifest_platforms(const ir_manifest *index, ir_buf *out)
{
    char text[128];
    for (size_t i = 0; i < index->n_layers; i++) {
        const ir_desc *d = &index->layers[i];
        if (!real_platform(d))
            continue;
        ir_buf_adds(out, out->len ? ", " : "");
        ir_buf_adds(out, ir_platform_str(&d->platform, text));
    }
}
