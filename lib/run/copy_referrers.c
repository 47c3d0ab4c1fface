/* copy_referrers.c - what is attached to an image and goes along with it: the manifests that refer
 * to it or to its parts (distribution-spec "Listing referrers"), those that refer to these, and the
 * tags by which cosign names a digest's signatures, attestations and bills of materials. */
#include "run/copy_plan.h"
#include "base/limits.h"
#include "run/copy.h"

#include <stdlib.h>

#define ATTACHED_MAX IR_LAYERS_MAX
#define DEPTH_MAX 8

typedef struct attaching {
    const ir_call *call;
    ir_store *src, *dst;
    ir_strv seen; /* digests: a circle of referrers ends */
    ir_copied *ret;
} attaching;

/* 1: the destination has it under that name. */
static int holds(const attaching *a, const char *selector, const char *digest, imgrel_error *err)
{
    ir_desc d = {0};
    imgrel_error e = {0};
    int rc = ir_store_manifest_head(a->dst, a->call, selector, &d, &e);
    bool same = !rc && ir_streq(d.digest, digest);
    ir_desc_free(&d);
    if (!rc || rc == IMGREL_ENOTFOUND || rc == IMGREL_EDENIED)
        return same;
    if (err && !err->code)
        *err = e;
    return rc;
}

/* Copies a manifest under its digest (tag NULL) or a tag, unless it is there. */
static int copy_one(attaching *a, const char *digest, const char *tag, imgrel_error *err)
{
    int there = IR_FORCE(a->call) ? 0 : holds(a, tag ? tag : digest, digest, err);
    if (there)
        return there < 0 ? there : 0;
    int rc = ir_copy_manifest(a->call, a->src, digest, a->dst, tag, a->ret, err);
    if (rc < 0)
        return rc;
    a->ret->attached++;
    return ir_progress(a->call, IMGREL_EVENT_STEP, tag ? tag : digest, "attached", 0, 0, 1, err);
}

/* ---- referrers ---- */

static int list_referrers(const attaching *a, const char *digest, ir_strv *ret, imgrel_error *err)
{
    ir_pages *pages = NULL;
    const char *item = NULL;
    int rc = ir_store_referrers(a->src, a->call, digest, NULL, &pages, err);
    while (!rc && (rc = ir_pages_next(pages, a->call, &item, err)) == 1) {
        IR_AUTO(ir_json_p) j = NULL;
        rc = ir_json_parse(item, strlen(item), "referrers", &j, err);
        const char *of = ir_json_str(j, "digest");
        if (!rc && of)
            rc = ir_digest_check(of, err);
        if (!rc && of && ir_strv_add(ret, of) < 0)
            rc = ir_nomem(err);
    }
    ir_pages_free(pages);
    return rc;
}

static int copy_referrers(attaching *a, const char *digest, int depth, imgrel_error *err)
{
    IR_AUTO(ir_strv) list = {0};
    if (ir_strv_has(&a->seen, digest))
        return 0;
    if (depth > DEPTH_MAX || a->seen.n >= ATTACHED_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: referrers of referrers, more than %d deep or %d",
                       ir_store_ref(a->src)->name, DEPTH_MAX, ATTACHED_MAX);
    if (ir_strv_add(&a->seen, digest) < 0)
        return ir_nomem(err);
    int rc = list_referrers(a, digest, &list, err);
    for (size_t i = 0; !rc && i < list.n; i++) {
        if (ir_strv_has(&a->seen, list.v[i]))
            continue;
        rc = copy_one(a, list.v[i], NULL, err);
        if (!rc)
            rc = copy_referrers(a, list.v[i], depth + 1, err);
    }
    return rc;
}

/* ---- digest tags ---- */

/* "sha256-<hex>.sig" and the like of one of the plan's manifests. */
static bool is_digest_tag(const ir_copy_plan *p, const char *tag)
{
    for (size_t i = 0; i <= p->n_children; i++) {
        const char *digest = i ? p->children[i - 1].digest : p->top.digest;
        const char *hex = ir_digest_hex(digest);
        size_t n = (size_t)(hex - digest), len = strlen(hex);
        if (!strncmp(tag, digest, n - 1) && tag[n - 1] == '-' && !strncmp(tag + n, hex, len) &&
            tag[n + len] == '.')
            return true;
    }
    return false;
}

static int copy_tag(attaching *a, const char *tag, imgrel_error *err)
{
    ir_desc d = {0};
    int rc = ir_store_manifest_head(a->src, a->call, tag, &d, err);
    if (!rc)
        rc = copy_one(a, d.digest, tag, err);
    ir_desc_free(&d);
    return rc;
}

static int copy_digest_tags(attaching *a, const ir_copy_plan *p, imgrel_error *err)
{
    ir_pages *pages = NULL;
    const char *tag = NULL;
    int rc = ir_store_tags(a->src, a->call, &pages, err);
    while (!rc && (rc = ir_pages_next(pages, a->call, &tag, err)) == 1)
        rc = is_digest_tag(p, tag) ? copy_tag(a, tag, err) : 0;
    ir_pages_free(pages);
    return rc;
}

int ir_copy_attached(const ir_call *call, ir_store *src, ir_store *dst, const ir_copy_plan *p,
                     const ir_copy_how *how, ir_copied *ret, imgrel_error *err)
{
    attaching a = {.call = call, .src = src, .dst = dst, .ret = ret};
    int rc = 0;
    for (size_t i = 0; !rc && how->referrers && i <= p->n_children; i++)
        rc = copy_referrers(&a, i ? p->children[i - 1].digest : p->top.digest, 1, err);
    if (!rc && how->digest_tags)
        rc = copy_digest_tags(&a, p, err);
    ir_strv_free(&a.seen);
    return rc;
}
