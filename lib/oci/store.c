/* store.c - the calls that every kind of store answers, handed to the kind that it is. Arguments
 * are checked here once; so is what holds for all: digests are valid before they become a path or
 * a URL, inline data needs no request, and an image is found by its platform. */
#include "oci/store_ops.h"
#include "base/limits.h"

#include <stdlib.h>

#define BLOB_STEP (64 * IR_KIB)

void ir_store_clear(ir_store *s)
{
    ir_ref_free(&s->ref);
}

const char *ir_store_where(const ir_store *s)
{
    return s->ref.path ? s->ref.path : s->ref.name;
}

int ir_store_open(const ir_call *call, const ir_ref *ref, unsigned flags, ir_store **ret,
                  imgrel_error *err)
{
    *ret = NULL;
    switch (ref->transport) {
    case IR_REGISTRY:
        return ir_registry_open(call, ref, flags, ret, err);
    case IR_OCI_LAYOUT:
        return ir_layout_open(call, ref, flags, ret, err);
    case IR_OCI_ARCHIVE:
        return ir_oci_archive_open(call, ref, flags, ret, err);
    case IR_DOCKER_ARCHIVE:
        return ir_docker_archive_open(call, ref, flags, ret, err);
    }
    return ir_fail(err, IMGREL_EINVAL, "%s: unknown transport", ref->name);
}

int ir_store_finish(ir_store *s, const ir_call *call, imgrel_error *err)
{
    return s->ops->finish(s, call, err);
}

void ir_store_free(ir_store *s)
{
    if (s)
        s->ops->free(s);
}

const ir_ref *ir_store_ref(const ir_store *s)
{
    return &s->ref;
}

int ir_store_mounts_from(ir_store *s, const char *repository)
{
    return s->ops->mounts_from ? s->ops->mounts_from(s, repository) : 0;
}

/* NULL becomes the reference's own; what it is must be a digest or a tag that can be one. */
static int pick(const ir_store *s, const char **selector, imgrel_error *err)
{
    if (!*selector)
        *selector = ir_ref_selector(&s->ref);
    if (!*selector || s->ref.transport != IR_REGISTRY)
        return 0;
    return strchr(*selector, ':') ? ir_digest_check(*selector, err) : ir_tag_check(*selector, err);
}

int ir_store_manifest_get(ir_store *s, const ir_call *call, const char *selector, ir_manifest *ret,
                          imgrel_error *err)
{
    *ret = (ir_manifest){0};
    int rc = pick(s, &selector, err);
    return rc < 0 ? rc : s->ops->manifest_get(s, call, selector, ret, err);
}

int ir_store_manifest_head(ir_store *s, const ir_call *call, const char *selector, ir_desc *ret,
                           imgrel_error *err)
{
    *ret = (ir_desc){0};
    int rc = pick(s, &selector, err);
    return rc < 0 ? rc : s->ops->manifest_head(s, call, selector, ret, err);
}

int ir_store_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m, const char *tag,
                          imgrel_error *err)
{
    int rc = tag && s->ref.transport == IR_REGISTRY ? ir_tag_check(tag, err) : 0;
    return rc < 0 ? rc : s->ops->manifest_put(s, call, m, tag, err);
}

int ir_store_manifest_put_tags(ir_store *s, const ir_call *call, const ir_manifest *m,
                               const ir_strv *tags, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && s->ref.transport == IR_REGISTRY && i < tags->n; i++)
        rc = ir_tag_check(tags->v[i], err);
    if (!rc && s->ops->manifest_put_tags)
        return s->ops->manifest_put_tags(s, call, m, tags, err);
    for (size_t i = 0; !rc && i < tags->n; i++)
        rc = s->ops->manifest_put(s, call, m, tags->v[i], err);
    return rc;
}

int ir_store_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                             imgrel_error *err)
{
    int rc = pick(s, &selector, err);
    return rc < 0 ? rc : s->ops->manifest_delete(s, call, selector, err);
}

int ir_store_blob_exists(ir_store *s, const ir_call *call, const ir_desc *d, int64_t *ret_size,
                         imgrel_error *err)
{
    int64_t size = -1;
    int rc = ir_digest_check(d->digest, err);
    if (!rc)
        rc = s->ops->blob_exists(s, call, d, &size, err);
    if (ret_size)
        *ret_size = size;
    return rc;
}

int ir_store_blob_open(ir_store *s, const ir_call *call, const ir_desc *d, ir_reader **ret,
                       imgrel_error *err)
{
    *ret = NULL;
    int rc = ir_digest_check(d->digest, err);
    if (rc < 0)
        return rc;
    if (d->data)
        return ir_reader_memory(d->data, d->data_len, d, ret, err);
    return s->ops->blob_open(s, call, d, ret, err);
}

int ir_store_blob_resume(ir_store *s, const ir_call *call, const ir_desc *d, int fd, int64_t from,
                         ir_reader **ret, imgrel_error *err)
{
    *ret = NULL;
    int rc = ir_digest_check(d->digest, err);
    if (rc < 0)
        return rc;
    if (d->data || !s->ops->blob_resume)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: blobs are read from their beginning",
                       ir_store_where(s));
    return s->ops->blob_resume(s, call, d, fd, from, ret, err);
}

int ir_store_blob_fetch(ir_store *s, const ir_call *call, const ir_desc *d, ir_fetch *how,
                        imgrel_error *err)
{
    int rc = ir_digest_check(d->digest, err);
    if (rc < 0 || d->data || !s->ops->blob_fetch)
        return rc;
    return s->ops->blob_fetch(s, call, d, how, err);
}

static int read_all(ir_store *s, const ir_call *call, const ir_desc *d, ir_buf *out,
                    imgrel_error *err)
{
    char *step = malloc(BLOB_STEP);
    ir_reader *r = NULL;
    int64_t n = step ? ir_store_blob_open(s, call, d, &r, err) : ir_nomem(err);
    while (n >= 0) {
        n = ir_reader_read(r, step, BLOB_STEP, err);
        if (n <= 0)
            break;
        ir_buf_add(out, step, (size_t)n);
        n = ir_buf_check(out, err, d->digest);
    }
    ir_reader_close(r);
    free(step);
    return (int)n;
}

int ir_store_blob_read(ir_store *s, const ir_call *call, const ir_desc *d, ir_buf *out,
                       imgrel_error *err)
{
    size_t before = out->len;
    imgrel_error first = {0};
    int rc = read_all(s, call, d, out, &first);
    if (rc == IMGREL_EDIGEST && s->ref.transport == IR_REGISTRY) {
        /* A mirror or a cache on the way often heals: once more. */
        ir_buf_truncate(out, before);
        ir_error_clear(&first);
        rc = read_all(s, call, d, out, &first);
    }
    if (rc < 0 && err && !err->code)
        *err = first;
    return rc;
}

int ir_store_blob_have(ir_store *s, const ir_call *call, const ir_desc *d,
                       const char *from_repository, imgrel_error *err)
{
    int rc = ir_digest_check(d->digest, err);
    return rc < 0 ? rc : s->ops->blob_have(s, call, d, from_repository, err);
}

int ir_store_blob_put(ir_store *s, const ir_call *call, const ir_desc *d, const ir_body *body,
                      const char *from_repository, const char **ret_state, imgrel_error *err)
{
    const char *state = NULL;
    int rc = ir_digest_check(d->digest, err);
    if (!rc)
        rc = s->ops->blob_put(s, call, d, body, from_repository, &state, err);
    if (ret_state)
        *ret_state = rc ? NULL : state;
    return rc;
}

int ir_store_blob_create(ir_store *s, const ir_call *call, ir_writer **ret, imgrel_error *err)
{
    *ret = NULL;
    return s->ops->blob_create(s, call, ret, err);
}

int ir_store_blob_delete(ir_store *s, const ir_call *call, const ir_desc *d, imgrel_error *err)
{
    int rc = ir_digest_check(d->digest, err);
    if (rc < 0)
        return rc;
    if (s->ops->blob_delete)
        return s->ops->blob_delete(s, call, d, err);
    return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: blobs are deleted from registries only",
                   ir_store_where(s));
}

int ir_store_tags(ir_store *s, const ir_call *call, ir_pages **ret, imgrel_error *err)
{
    *ret = NULL;
    return s->ops->tags(s, call, ret, err);
}

int ir_store_referrers(ir_store *s, const ir_call *call, const char *digest,
                       const char *artifact_type, ir_pages **ret, imgrel_error *err)
{
    *ret = NULL;
    int rc = ir_digest_check(digest, err);
    return rc < 0 ? rc : s->ops->referrers(s, call, digest, artifact_type, ret, err);
}

static int platform_missing(const ir_store *s, const ir_manifest *index, const ir_platform *want,
                            imgrel_error *err)
{
    char text[128];
    ir_buf have = IR_BUF(16 * IR_KIB);
    ir_manifest_platforms(index, &have);
    int rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image for %s", s->ref.name,
                     ir_platform_str(want, text));
    ir_cure(err, "it has: %.250s", have.len ? ir_buf_str(&have) : "no platform at all");
    ir_buf_free(&have);
    return rc;
}

/* A single manifest does not say its platform: its config does. */
static int check_config(ir_store *s, const ir_call *call, const ir_manifest *m,
                        const ir_platform *want, imgrel_error *err)
{
    ir_buf b = IR_BUF(IR_CONFIG_MAX);
    ir_json *j = NULL;
    ir_platform have = {0};
    char wanted[128], found[128];
    int rc = ir_store_blob_read(s, call, &m->config, &b, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", &j, err);
    if (rc < 0)
        goto out;
    ir_platform_set(&have, ir_json_str(j, "os"), ir_json_str(j, "architecture"),
                    ir_json_str(j, "variant"), ir_json_str(j, "os.version"));
    if (!ir_platform_match(want, &have)) {
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image for %s", s->ref.name,
                     ir_platform_str(want, wanted));
        ir_cure(err, "it is a single image for %s", ir_platform_str(&have, found));
    }
out:
    ir_json_free(j);
    ir_buf_free(&b);
    return rc;
}

/* A look for a platform's image through indexes in indexes. */
typedef struct image_look {
    ir_store *s;
    const ir_call *call;
    const ir_platform *want;
    unsigned left; /* indexes that may still be read because they might have it */
    ir_manifest *ret;
} image_look;

static int look_in(image_look *l, const ir_manifest *index, int depth, imgrel_error *err);

/* 1: it, or what it names, is the image. */
static int look_at(image_look *l, const ir_desc *d, int depth, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    int rc = ir_store_manifest_get(l->s, l->call, d->digest, &m, err);
    if (rc < 0)
        return rc;
    if (m.is_index)
        return look_in(l, &m, depth + 1, err);
    *l->ret = m;
    m = (ir_manifest){0};
    return 1;
}

/* The entry for the platform; without one, what the indexes have that are named for none. */
static int look_in(image_look *l, const ir_manifest *index, int depth, imgrel_error *err)
{
    const ir_desc *d = ir_manifest_find(index, l->want);
    int rc = 0;
    if (depth >= IR_INDEX_DEPTH_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: indexes in indexes, more than %d deep",
                       l->s->ref.name, IR_INDEX_DEPTH_MAX);
    if (d)
        return look_at(l, d, depth, err);
    for (size_t i = 0; !rc && i < index->n_layers; i++) {
        d = &index->layers[i];
        if (d->has_platform || !ir_media_is_index(d->media_type))
            continue;
        rc = l->left-- ? look_at(l, d, depth, err)
                       : ir_fail(err, IMGREL_ELIMIT, "%s names more than %d indexes",
                                 l->s->ref.name, IR_PLATFORMS_MAX);
    }
    return rc;
}

int ir_store_image_get(ir_store *s, const ir_call *call, const char *selector,
                       const ir_platform *want, ir_manifest *ret, imgrel_error *err)
{
    int rc = ir_store_manifest_get(s, call, selector, ret, err);
    if (rc < 0 || !want)
        return rc;
    if (ret->is_index) {
        IR_AUTO(ir_manifest) index = *ret;
        image_look l = {.s = s, .call = call, .want = want, .left = IR_PLATFORMS_MAX, .ret = ret};
        *ret = (ir_manifest){0};
        rc = look_in(&l, &index, 0, err);
        if (rc == 0)
            rc = platform_missing(s, &index, want, err);
        return rc < 0 ? rc : 0;
    }
    if (ir_media_is_config(ret->config.media_type))
        rc = check_config(s, call, ret, want, err);
    if (rc < 0)
        ir_manifest_free(ret);
    return rc;
}
