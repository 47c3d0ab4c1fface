/* manifest_write.c - manifests and indexes written: keys in the specification's order, compact, so
 * that the same input gives the same bytes and so the same digest. */
#include "oci/descriptor.h"
#include "base/limits.h"

/* Takes j; what it says becomes ret. bad: a value could not be put into it. */
static int finish(ir_json *j, int bad, const char *media_type, ir_manifest *ret, imgrel_error *err)
{
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    int rc = bad || !j ? ir_nomem(err) : ir_json_dump(j, IR_JSON_COMPACT, &b, err);
    if (!rc)
        rc = ir_manifest_parse(ir_buf_str(&b), b.len, media_type, NULL, ret, err);
    ir_buf_free(&b);
    ir_json_free(j);
    return rc;
}

static ir_json *start(const char *media_type)
{
    return ir_json_pack("{s:i, s:s}", "schemaVersion", 2, "mediaType", media_type);
}

static int put_list(ir_json *j, const char *key, const ir_desc *v, size_t n)
{
    ir_json *list = ir_json_new_array();
    int bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= ir_json_append(list, ir_desc_to_json(&v[i]));
    return ir_json_put(j, key, list) | bad;
}

static int put_annotations(ir_json *j, const ir_json *annotations)
{
    return annotations ? ir_json_put(j, "annotations", ir_json_copy(annotations)) : 0;
}

int ir_manifest_write(const char *media_type, const ir_desc *config, const ir_desc *layers,
                      size_t n, const ir_json *annotations, ir_manifest *ret, imgrel_error *err)
{
    *ret = (ir_manifest){0};
    ir_json *j = start(media_type);
    int bad = ir_json_put(j, "config", ir_desc_to_json(config));
    bad |= put_list(j, "layers", layers, n);
    bad |= put_annotations(j, annotations);
    return finish(j, bad, media_type, ret, err);
}

int ir_index_write(const char *media_type, const ir_desc *manifests, size_t n,
                   const ir_json *annotations, ir_manifest *ret, imgrel_error *err)
{
    *ret = (ir_manifest){0};
    ir_json *j = start(media_type);
    int bad = put_list(j, "manifests", manifests, n);
    bad |= put_annotations(j, annotations);
    return finish(j, bad, media_type, ret, err);
}

ir_json *ir_manifest_referrer(const ir_manifest *m)
{
    const char *type = m->artifact_type ? m->artifact_type : m->config.media_type;
    const ir_json *notes = ir_json_get(m->json, "annotations");
    ir_json *j = ir_json_pack("{s:s, s:s, s:I}", "mediaType", m->media_type, "digest", m->digest,
                              "size", (long long)m->len);
    int bad = ir_json_puts(j, "artifactType", type);
    if (ir_json_is_object(notes))
        bad |= ir_json_put(j, "annotations", ir_json_copy(notes));
    if (bad) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}
