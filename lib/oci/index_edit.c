/* index_edit.c - indexes changed: entries added, replaced and removed, annotations set. An
 * attestation belongs to the image that it names: it comes and goes with it, and is no platform. */
#include "oci/index_edit.h"
#include "base/limits.h"

#define ATTESTS "vnd.docker.reference.digest"

int ir_index_begin(const ir_manifest *from, char format, ir_json **ret, imgrel_error *err)
{
    *ret = from ? ir_json_copy(from->json)
                : ir_json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
                               format == 'd' ? IR_MT_DOCKER_LIST : IR_MT_OCI_INDEX, "manifests");
    return *ret ? 0 : ir_nomem(err);
}

const char *ir_index_attests(const ir_json *entry)
{
    return ir_json_str(ir_json_get(entry, "annotations"), ATTESTS);
}

bool ir_index_platform(const ir_json *entry, ir_platform *ret)
{
    const ir_json *p = ir_json_get(entry, "platform");
    ir_platform_set(ret, ir_json_str(p, "os"), ir_json_str(p, "architecture"),
                    ir_json_str(p, "variant"), ir_json_str(p, "os.version"));
    return p && !ir_platform_unknown(ret);
}

int ir_index_is(const ir_json *entry, const char *which, bool *ret, imgrel_error *err)
{
    ir_platform want, have;
    *ret = false;
    if (which && strchr(which, ':')) {
        int rc = ir_digest_check(which, err);
        *ret = !rc && ir_streq(ir_json_str(entry, "digest"), which);
        return rc;
    }
    int rc = ir_platform_parse(which, &want, err);
    if (!rc)
        *ret = ir_index_platform(entry, &have) && ir_platform_match(&want, &have);
    return rc;
}

/* The list without entry i and what attests it; neu (may be NULL) is put in its place. */
static int cut(ir_json *doc, size_t i, ir_json *neu)
{
    const ir_json *old = ir_json_get(doc, "manifests");
    const char *gone = ir_json_str(ir_json_at(old, i), "digest");
    bool same = neu && ir_streq(gone, ir_json_str(neu, "digest"));
    ir_json *list = ir_json_new_array();
    int bad = list ? 0 : -1;
    for (size_t k = 0; k < ir_json_len(old); k++) {
        ir_json *e = ir_json_at(old, k);
        if (k == i && neu)
            bad |= ir_json_append(list, ir_json_ref(neu));
        else if (k != i && (same || !ir_streq(ir_index_attests(e), gone)))
            bad |= ir_json_append(list, ir_json_ref(e));
    }
    return bad | ir_json_put(doc, "manifests", list);
}

int ir_index_remove(ir_json *doc, const char *which, imgrel_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < ir_json_len(ir_json_get(doc, "manifests"));) {
        bool it = false;
        int rc = ir_index_is(ir_json_at(ir_json_get(doc, "manifests"), i), which, &it, err);
        if (rc < 0)
            return rc;
        if (it && cut(doc, i, NULL))
            return ir_nomem(err);
        n += it;
        i = it ? 0 : i + 1; /* what attested it may have stood before it */
    }
    return n ? 0 : ir_fail(err, IMGREL_ENOTFOUND, "the index has no entry %.140s", which);
}

/* Where the entry that a new one takes the place of stands; the number of entries: nowhere. */
static size_t place_of(const ir_json *list, const ir_json *entry)
{
    ir_platform want, have;
    bool real = ir_index_platform(entry, &want);
    const char *digest = ir_json_str(entry, "digest");
    size_t n = ir_json_len(list);
    for (size_t i = 0; i < n; i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "digest"), digest))
            return i;
    for (size_t i = 0; real && i < n; i++)
        if (ir_index_platform(ir_json_at(list, i), &have) && ir_platform_equal(&want, &have))
            return i;
    return n;
}

int ir_index_put(ir_json *doc, ir_json *entry, imgrel_error *err)
{
    ir_json *list = ir_json_get(doc, "manifests");
    if (!entry)
        return ir_nomem(err);
    size_t i = place_of(list, entry), n = ir_json_len(list);
    if (i < n) {
        int bad = cut(doc, i, entry);
        ir_json_free(entry);
        return bad ? ir_nomem(err) : 0;
    }
    if (ir_json_append(list, entry))
        return ir_nomem(err);
    if (n < IR_PLATFORMS_MAX)
        return 0;
    return ir_fail(err, IMGREL_ELIMIT, "an index of more than %d entries", IR_PLATFORMS_MAX);
}

/* The object's annotations, made if there are none. */
static ir_json *annotations_of(ir_json *object)
{
    ir_json *have = ir_json_get(object, "annotations");
    if (ir_json_is_object(have))
        return have;
    return ir_json_put(object, "annotations", ir_json_new_object())
               ? NULL
               : ir_json_get(object, "annotations");
}

int ir_index_annotate(ir_json *object, const ir_json *annotations, imgrel_error *err)
{
    if (!ir_json_len(annotations))
        return 0;
    ir_json *have = annotations_of(object);
    int bad = have ? 0 : -1;
    for (void *it = ir_json_first(annotations); it && !bad; it = ir_json_next(annotations, it)) {
        const ir_json *v = ir_json_value(it);
        const char *key = ir_json_key(it);
        if (ir_json_is_null(v))
            ir_json_remove(have, key);
        else if (!ir_json_is_string(v))
            return ir_fail(err, IMGREL_EINVAL, "annotation %.100s: not a text", key);
        else
            bad = ir_json_puts(have, key, ir_json_text(v));
    }
    if (!bad && !ir_json_len(have))
        ir_json_remove(object, "annotations");
    return bad ? ir_nomem(err) : 0;
}

int ir_index_end(const ir_json *doc, ir_manifest *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    *ret = (ir_manifest){0};
    int rc = ir_json_dump(doc, IR_JSON_COMPACT, &b, err);
    return rc ? rc : ir_manifest_parse(ir_buf_str(&b), b.len, NULL, NULL, ret, err);
}
