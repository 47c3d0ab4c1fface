/* descriptor.c - descriptors (image-spec descriptor.md): read from JSON with every rule checked,
 * copied, and written back in the specification's order of keys. */
#include "oci/descriptor.h"
#include "base/base64.h"
#include "base/limits.h"

#include <stdlib.h>

void ir_desc_free(ir_desc *d)
{
    if (!d)
        return;
    free(d->media_type);
    free(d->digest);
    free(d->artifact_type);
    ir_json_free(d->annotations);
    ir_strv_free(&d->urls);
    free(d->data);
    *d = (ir_desc){0};
}

int ir_desc_set(ir_desc *d, const char *media_type, const char *digest, int64_t size)
{
    ir_desc fresh = {.media_type = ir_strdup(media_type), .digest = ir_strdup(digest)};
    fresh.size = size;
    if ((media_type && !fresh.media_type) || (digest && !fresh.digest)) {
        ir_desc_free(&fresh);
        return IMGREL_ENOMEM;
    }
    ir_desc_free(d);
    *d = fresh;
    return 0;
}

static int copy_data(const ir_desc *from, ir_desc *ret)
{
    if (!from->data)
        return 0;
    ret->data = malloc(from->data_len + 1);
    if (!ret->data)
        return IMGREL_ENOMEM;
    memcpy(ret->data, from->data, from->data_len + 1);
    ret->data_len = from->data_len;
    return 0;
}

int ir_desc_copy(const ir_desc *from, ir_desc *ret)
{
    int rc = ir_desc_set(ret, from->media_type, from->digest, from->size);
    if (rc < 0)
        return rc;
    ret->has_platform = from->has_platform;
    ret->platform = from->platform;
    ret->artifact_type = ir_strdup(from->artifact_type);
    if (from->artifact_type && !ret->artifact_type)
        rc = IMGREL_ENOMEM;
    if (from->annotations)
        ret->annotations = ir_json_ref(from->annotations);
    for (size_t i = 0; !rc && i < from->urls.n; i++)
        rc = ir_strv_add(&ret->urls, from->urls.v[i]);
    if (!rc)
        rc = copy_data(from, ret);
    if (rc < 0)
        ir_desc_free(ret);
    return rc;
}

static void read_platform(const ir_json *j, ir_desc *ret)
{
    const ir_json *p = ir_json_get(j, "platform");
    if (!ir_json_is_object(p))
        return;
    ret->has_platform = true;
    ir_platform_set(&ret->platform, ir_json_str(p, "os"), ir_json_str(p, "architecture"),
                    ir_json_str(p, "variant"), ir_json_str(p, "os.version"));
}

static int read_data(const ir_json *j, const char *what, ir_desc *ret, imgrel_error *err)
{
    const char *text = ir_json_str(j, "data");
    if (!text)
        return 0;
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    if (!ir_base64_decode(text, strlen(text), &b) || (int64_t)b.len != ret->size) {
        ir_buf_free(&b);
        return ir_fail(err, IMGREL_EPROTO, "%s: inline data of %s is not %lld bytes of base64",
                       what, ret->digest, (long long)ret->size);
    }
    ret->data_len = b.len;
    ret->data = ir_buf_take(&b);
    return ret->data ? 0 : ir_nomem(err);
}

static int read_rest(const ir_json *j, const char *what, ir_desc *ret, imgrel_error *err)
{
    read_platform(j, ret);
    ret->artifact_type = ir_strdup(ir_json_str(j, "artifactType"));
    const ir_json *notes = ir_json_get(j, "annotations");
    if (ir_json_is_object(notes)) {
        ret->annotations = ir_json_copy(notes);
        if (!ret->annotations)
            return ir_nomem(err);
    }
    const ir_json *urls = ir_json_get(j, "urls");
    for (size_t i = 0; i < ir_json_len(urls); i++) {
        const char *url = ir_json_text(ir_json_at(urls, i));
        if (url && ir_strv_add(&ret->urls, url) < 0)
            return ir_nomem(err);
    }
    return read_data(j, what, ret, err);
}

int ir_desc_from_json(const ir_json *j, const char *what, ir_desc *ret, imgrel_error *err)
{
    *ret = (ir_desc){0};
    if (!ir_json_is_object(j))
        return ir_fail(err, IMGREL_EPROTO, "%s: a descriptor is missing or not an object", what);
    const char *digest = ir_json_str(j, "digest"), *mt = ir_json_str(j, "mediaType");
    int64_t size = ir_json_int(j, "size", -1);
    if (!mt || !*mt)
        return ir_fail(err, IMGREL_EPROTO, "%s: a descriptor has no mediaType", what);
    if (!digest || !ir_digest_valid(digest))
        return ir_fail(err, IMGREL_EPROTO, "%s: a descriptor's digest is not valid: %.80s", what,
                       digest ? digest : "(none)");
    if (size < 0)
        return ir_fail(err, IMGREL_EPROTO, "%s: the descriptor of %s has no valid size", what,
                       digest);
    if (ir_desc_set(ret, mt, digest, size) < 0)
        return ir_nomem(err);
    int rc = read_rest(j, what, ret, err);
    if (rc < 0)
        ir_desc_free(ret);
    return rc;
}

static ir_json *platform_json(const ir_platform *p)
{
    ir_json *j = ir_json_new_object();
    int bad = ir_json_puts(j, "architecture", p->arch) | ir_json_puts(j, "os", p->os);
    if (p->os_version[0])
        bad |= ir_json_puts(j, "os.version", p->os_version);
    if (p->variant[0])
        bad |= ir_json_puts(j, "variant", p->variant);
    if (bad) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

static int put_data(ir_json *j, const ir_desc *d)
{
    if (!d->data)
        return 0;
    ir_buf b = IR_BUF(2 * IR_MANIFEST_MAX);
    ir_base64_add(&b, d->data, d->data_len);
    int rc = b.bad ? b.bad : ir_json_puts(j, "data", ir_buf_str(&b));
    ir_buf_free(&b);
    return rc;
}

static int put_urls(ir_json *j, const ir_desc *d)
{
    if (!d->urls.n)
        return 0;
    ir_json *urls = ir_json_new_array();
    int bad = 0;
    for (size_t i = 0; i < d->urls.n; i++)
        bad |= ir_json_append(urls, ir_json_new_string(d->urls.v[i]));
    return ir_json_put(j, "urls", urls) | bad;
}

ir_json *ir_desc_to_json(const ir_desc *d)
{
    ir_json *j = ir_json_new_object();
    int bad = ir_json_puts(j, "mediaType", d->media_type);
    bad |= ir_json_puts(j, "digest", d->digest);
    bad |= ir_json_put(j, "size", ir_json_new_int(d->size));
    bad |= put_urls(j, d);
    if (d->annotations)
        bad |= ir_json_put(j, "annotations", ir_json_copy(d->annotations));
    bad |= put_data(j, d);
    if (d->has_platform)
        bad |= ir_json_put(j, "platform", platform_json(&d->platform));
    bad |= ir_json_puts(j, "artifactType", d->artifact_type);
    if (bad) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}
