/* copy_plan.c - an image's manifests read and its blobs listed. An index that is cut down to some
 * platforms keeps every member that it had but the entries that go, and what attests those that
 * stay; indexes in indexes are followed to a limit, and one that is met twice is taken once, so
 * that a circle ends. */
#include "run/copy_plan.h"
#include "base/limits.h"

#include <stdlib.h>

#define ATTESTS "vnd.docker.reference.digest" /* the annotation by which BuildKit says of what */
#define MANIFESTS_BYTES_MAX (64 * IR_MIB)     /* of one copy, all together */

void ir_copy_plan_free(ir_copy_plan *p)
{
    ir_manifest_free(&p->top);
    for (size_t i = 0; i < p->n_children; i++)
        ir_manifest_free(&p->children[i]);
    free(p->children);
    free(p->blobs);
    *p = (ir_copy_plan){0};
}

/* ---- platforms ---- */

static int missing_platform(ir_store *src, const ir_manifest *index, const ir_platform *want,
                            imgrel_error *err)
{
    char text[128];
    ir_buf have = IR_BUF(16 * IR_KIB);
    ir_manifest_platforms(index, &have);
    int rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image for %s", ir_store_ref(src)->name,
                     ir_platform_str(want, text));
    ir_cure(err, "it has: %.250s", have.len ? ir_buf_str(&have) : "no platform at all");
    ir_buf_free(&have);
    return rc;
}

/* keep[i]: entry i serves one of the platforms. */
static int choose(ir_store *src, const ir_manifest *index, const ir_platform *want, size_t n,
                  bool *keep, imgrel_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const ir_desc *d = ir_manifest_find(index, &want[i]);
        if (!d)
            return missing_platform(src, index, &want[i], err);
        keep[d - index->layers] = true;
    }
    return 0;
}

static bool is_kept(const ir_manifest *index, const bool *keep, const char *digest)
{
    for (size_t i = 0; digest && i < index->n_layers; i++)
        if (keep[i] && ir_streq(index->layers[i].digest, digest))
            return true;
    return false;
}

/* What attests an image stays with it. */
static void keep_attestations(const ir_manifest *index, bool *keep)
{
    for (size_t i = 0; i < index->n_layers; i++) {
        const ir_desc *d = &index->layers[i];
        if (d->has_platform && ir_platform_unknown(&d->platform))
            keep[i] = is_kept(index, keep, ir_json_str(d->annotations, ATTESTS));
    }
}

/* The document without the entries that are not kept. */
static int rewrite(const ir_manifest *index, const bool *keep, ir_manifest *ret, imgrel_error *err)
{
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    ir_json *j = ir_json_copy(index->json), *list = ir_json_new_array();
    const ir_json *old = ir_json_get(j, "manifests");
    int bad = j && list ? 0 : -1;
    for (size_t i = 0; !bad && i < index->n_layers; i++)
        if (keep[i])
            bad |= ir_json_append(list, ir_json_ref(ir_json_at(old, i)));
    bad |= ir_json_put(j, "manifests", list);
    int rc = bad ? ir_nomem(err) : ir_json_dump(j, IR_JSON_COMPACT, &b, err);
    if (!rc)
        rc = ir_manifest_parse(ir_buf_str(&b), b.len, index->media_type, NULL, ret, err);
    ir_json_free(j);
    ir_buf_free(&b);
    return rc;
}

static int cut_index(ir_store *src, ir_manifest *top, const ir_platform *want, size_t n,
                     bool attested, imgrel_error *err)
{
    ir_manifest cut = {0};
    size_t kept = 0;
    bool *keep = calloc(top->n_layers + 1, sizeof *keep);
    if (!keep)
        return ir_nomem(err);
    int rc = choose(src, top, want, n, keep, err);
    if (attested)
        keep_attestations(top, keep);
    for (size_t i = 0; i < top->n_layers; i++)
        kept += keep[i];
    if (!rc && kept < top->n_layers) {
        rc = rewrite(top, keep, &cut, err);
        if (!rc) {
            ir_manifest_free(top);
            *top = cut;
        }
    }
    free(keep);
    return rc;
}

int ir_copy_plan_top(const ir_call *call, ir_store *src, const char *selector,
                     const char *platforms, bool attested, ir_copy_plan *ret, imgrel_error *err)
{
    ir_platform *want = NULL;
    size_t n = 0;
    *ret = (ir_copy_plan){0};
    int rc = platforms && *platforms ? ir_platform_list(platforms, &want, &n, err) : 0;
    if (!rc)
        rc = ir_store_image_get(src, call, selector, n == 1 ? &want[0] : NULL, &ret->top, err);
    if (!rc && n > 1 && ret->top.is_index)
        rc = cut_index(src, &ret->top, want, n, attested, err);
    else if (!rc && n > 1)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s is one image, not an index of %zu platforms",
                     ir_store_ref(src)->name, n);
    free(want);
    return rc;
}

/* ---- what is below ---- */

static bool is_manifest(const ir_desc *d)
{
    return ir_media_is_index(d->media_type) || ir_media_is_manifest(d->media_type);
}

static bool seen(const ir_copy_plan *p, const char *digest)
{
    if (ir_streq(p->top.digest, digest))
        return true;
    for (size_t i = 0; i < p->n_children; i++)
        if (ir_streq(p->children[i].digest, digest))
            return true;
    return false;
}

static int keep_child(ir_copy_plan *p, ir_manifest *m, imgrel_error *err)
{
    p->bytes += m->len;
    if (p->n_children >= IR_PLATFORMS_MAX || p->bytes > MANIFESTS_BYTES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "the image has more than %d manifests, or %lu bytes",
                       IR_PLATFORMS_MAX, MANIFESTS_BYTES_MAX);
    ir_manifest *v = realloc(p->children, (p->n_children + 1) * sizeof *v);
    if (!v)
        return ir_nomem(err);
    p->children = v;
    v[p->n_children++] = *m;
    *m = (ir_manifest){0};
    return 0;
}

static int gather(const ir_call *call, ir_store *src, const ir_manifest *index, int depth,
                  ir_copy_plan *p, imgrel_error *err)
{
    int rc = 0;
    if (depth > IR_INDEX_DEPTH_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: indexes in indexes, more than %d deep",
                       ir_store_ref(src)->name, IR_INDEX_DEPTH_MAX);
    for (size_t i = 0; !rc && i < index->n_layers; i++) {
        const ir_desc *d = &index->layers[i];
        ir_manifest m = {0};
        if (!is_manifest(d) || seen(p, d->digest))
            continue;
        rc = ir_store_manifest_get(src, call, d->digest, &m, err);
        if (!rc && m.is_index)
            rc = gather(call, src, &m, depth + 1, p, err);
        if (!rc && !seen(p, m.digest))
            rc = keep_child(p, &m, err);
        ir_manifest_free(&m);
    }
    return rc;
}

/* ---- blobs ---- */

static size_t count_blobs(const ir_copy_plan *p)
{
    size_t n = p->top.n_layers + 1;
    for (size_t i = 0; i < p->n_children; i++)
        n += p->children[i].n_layers + 1;
    return n;
}

static void list_blobs(ir_copy_plan *p, const ir_manifest *m)
{
    if (!m->is_index)
        p->blobs[p->n_blobs++] = &m->config;
    for (size_t i = 0; i < m->n_layers; i++)
        if (!m->is_index || !is_manifest(&m->layers[i]))
            p->blobs[p->n_blobs++] = &m->layers[i];
}

static int by_digest(const void *a, const void *b)
{
    return strcmp((*(const ir_desc *const *)a)->digest, (*(const ir_desc *const *)b)->digest);
}

static int by_size(const void *a, const void *b)
{
    const ir_desc *x = *(const ir_desc *const *)a, *y = *(const ir_desc *const *)b;
    return x->size != y->size ? (x->size < y->size ? 1 : -1) : strcmp(x->digest, y->digest);
}

int ir_copy_plan_children(const ir_call *call, ir_store *src, ir_copy_plan *p, imgrel_error *err)
{
    int rc = p->top.is_index && !p->complete ? gather(call, src, &p->top, 1, p, err) : 0;
    p->complete = rc == 0;
    return rc;
}

/* ---- another format ---- */

/* Every manifest after those that it names. */
static int convert_all(ir_copy_plan *p, char format, char (*from)[IR_DIGEST_MAX], imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i <= p->n_children; i++) {
        ir_manifest *m = i < p->n_children ? &p->children[i] : &p->top, neu = {0};
        rc = ir_manifest_convert(m, format, (const char(*)[IR_DIGEST_MAX])from, p->children, i,
                                 &neu, err);
        if (rc < 0)
            break;
        memcpy(from[i], m->digest, IR_DIGEST_MAX);
        ir_manifest_free(m);
        *m = neu;
    }
    return rc;
}

int ir_copy_plan_convert(const ir_call *call, ir_store *src, ir_copy_plan *p, char format,
                         imgrel_error *err)
{
    IR_AUTO(ir_manifest) probe = {0};
    /* The index first: it tells best what can't be. */
    int rc = ir_manifest_convert(&p->top, format, NULL, NULL, 0, &probe, err);
    if (!rc)
        rc = ir_copy_plan_children(call, src, p, err);
    char(*from)[IR_DIGEST_MAX] = rc ? NULL : calloc(p->n_children + 1, sizeof *from);
    if (!rc)
        rc = from ? convert_all(p, format, from, err) : ir_nomem(err);
    free(from);
    return rc ? ir_error_prefix(err, "%s", ir_store_ref(src)->name) : 0;
}

/* ---- all of it ---- */

int ir_copy_plan_rest(const ir_call *call, ir_store *src, ir_copy_plan *p, imgrel_error *err)
{
    size_t n = 0;
    int rc = ir_copy_plan_children(call, src, p, err);
    if (rc < 0)
        return rc;
    p->blobs = calloc(count_blobs(p), sizeof *p->blobs);
    if (!p->blobs)
        return ir_nomem(err);
    list_blobs(p, &p->top);
    for (size_t i = 0; i < p->n_children; i++)
        list_blobs(p, &p->children[i]);
    if (!p->n_blobs)
        return 0;
    qsort(p->blobs, p->n_blobs, sizeof *p->blobs, by_digest);
    for (size_t i = 0; i < p->n_blobs; i++)
        if (!n || by_digest(&p->blobs[i], &p->blobs[n - 1]))
            p->blobs[n++] = p->blobs[i];
    p->n_blobs = n;
    qsort(p->blobs, n, sizeof *p->blobs, by_size);
    return 0;
}
