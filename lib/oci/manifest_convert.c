/* manifest_convert.c - manifests and indexes from OCI's media types to Docker's schema 2 and back.
 * Configs and layers are the same bytes in both, so that only the documents that name them change.
 */
#include "oci/descriptor.h"
#include "base/limits.h"

int ir_manifest_format(const char *name, char *ret, imgrel_error *err)
{
    *ret = ir_streq(name, "oci") ? 'o' : ir_streq(name, "docker") ? 'd' : 0;
    if (*ret || !name)
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "format \"%.40s\": it is oci or docker", name);
}

static int inexpressible(const ir_manifest *m, const char *what, const char *cure,
                         imgrel_error *err)
{
    int rc =
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Docker's format has no %.120s", m->digest, what);
    if (cure)
        ir_cure(err, "%s", cure);
    return rc;
}

/* What Docker's schema 2 has no place for. */
static int check_docker(const ir_manifest *m, imgrel_error *err)
{
    if (m->artifact_type)
        return inexpressible(m, "artifacts", "copy it without a format", err);
    if (m->subject.digest)
        return inexpressible(m, "subject", "copy it without a format", err);
    if (!m->is_index && !ir_media_is_config(m->config.media_type))
        return inexpressible(m, m->config.media_type, "copy it without a format", err);
    for (size_t i = 0; i < m->n_layers; i++) {
        const ir_desc *d = &m->layers[i];
        if (m->is_index && d->has_platform && ir_platform_unknown(&d->platform))
            return inexpressible(m, "attestations", "name the platforms: those alone are taken",
                                 err);
        if (!ir_media_convert(d->media_type, 'd'))
            return inexpressible(
                m, d->media_type,
                ir_media_compression(d->media_type) == 'z' ? "compress its layers by gzip" : NULL,
                err);
    }
    return 0;
}

static const ir_manifest *find(const char *digest, const char (*from)[IR_DIGEST_MAX],
                               const ir_manifest *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ir_streq(from[i], digest))
            return &to[i];
    return NULL;
}

/* Leaves the members that Docker's descriptors and documents have. */
static void strip(ir_json *desc)
{
    static const char *const others[] = {"annotations", "data", "artifactType"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ir_json_remove(desc, others[i]);
}

/* One descriptor; neu: the manifest that takes its place, NULL: only its type changes. */
static int change(ir_json *desc, char format, const ir_manifest *neu)
{
    const char *mt = ir_media_convert(ir_json_str(desc, "mediaType"), format);
    int bad = 0;
    if (format == 'd')
        strip(desc);
    if (neu) {
        bad |= ir_json_puts(desc, "digest", neu->digest);
        bad |= ir_json_put(desc, "size", ir_json_new_int((int64_t)neu->len));
        mt = neu->media_type;
    }
    /* mt may be the string that is replaced */
    return bad | ir_json_put(desc, "mediaType", ir_json_new_string(mt));
}

static int change_all(const ir_manifest *m, ir_json *j, char format,
                      const char (*from)[IR_DIGEST_MAX], const ir_manifest *to, size_t n)
{
    const char *mt = ir_media_convert(m->media_type, format);
    int bad = ir_media_same(mt, m->media_type) ? 0 : ir_json_puts(j, "mediaType", mt);
    const ir_json *list = ir_json_get(j, m->is_index ? "manifests" : "layers");
    if (!m->is_index)
        bad |= change(ir_json_get(j, "config"), format, NULL);
    for (size_t i = 0; i < m->n_layers; i++) {
        const ir_manifest *neu = m->is_index ? find(m->layers[i].digest, from, to, n) : NULL;
        bad |= change(ir_json_at(list, i), format, neu);
    }
    if (format == 'd')
        strip(j);
    return bad;
}

int ir_manifest_convert(const ir_manifest *m, char format, const char (*from)[IR_DIGEST_MAX],
                        const ir_manifest *to, size_t n, ir_manifest *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    *ret = (ir_manifest){0};
    int rc = format == 'd' ? check_docker(m, err) : 0;
    if (rc < 0)
        return rc;
    j = ir_json_copy(m->json);
    if (!j || change_all(m, j, format, from, to, n))
        return ir_nomem(err);
    if (ir_json_equal(j, m->json))
        return ir_manifest_parse(m->bytes, m->len, m->media_type, m->digest, ret, err);
    rc = ir_json_dump(j, IR_JSON_COMPACT, &b, err);
    return rc ? rc : ir_manifest_parse(ir_buf_str(&b), b.len, NULL, NULL, ret, err);
}
