/* copy.c - the copy engine: the source's manifests are read, the blobs poured from store to stores
 * on several threads, the biggest first, and then the manifests written: what an index names before
 * it, the tags last, so that whoever stops it leaves nothing half-done under a name. A tag of the
 * source is resolved once; all that follows is asked for by digest. */
#include "run/copy.h"
#include "net/work.h"
#include "run/copy_item.h"
#include "run/copy_seen.h"

#include <stdlib.h>

#define LIGHT_MAX (256 * 1024) /* blobs that cost round trips rather than bytes */

/* ---- an item -------------------------------------------------------------------------------- */

void ir_copy_item_begin(ir_copy_item *it)
{
    pthread_mutex_init(&it->lock, NULL);
}

void ir_copy_item_end(ir_copy_item *it)
{
    for (size_t i = 0; i < it->n_dst; i++) {
        ir_strv_free(&it->dst[i].tags);
        ir_strv_free(&it->dst[i].stale);
    }
    ir_copy_plan_free(&it->plan);
    pthread_mutex_destroy(&it->lock);
}

const char *ir_copy_near(const ir_ref *from, const ir_ref *to)
{
    bool same = from->transport == IR_REGISTRY && to->transport == IR_REGISTRY &&
                ir_streq(from->host, to->host) && !ir_streq(from->repository, to->repository);
    return same ? from->repository : NULL;
}

int ir_copy_failed(const ir_call *call, ir_copy_item *it, ir_copy_dst *d, int rc,
                   const imgrel_error *e, imgrel_error *err)
{
    pthread_mutex_lock(&it->lock);
    if (!d->rc) {
        d->rc = rc;
        d->err = *e;
        d->over = true;
    }
    pthread_mutex_unlock(&it->lock);
    int stop = ir_call_check(call, err);
    bool ours = rc == IMGREL_ENOMEM || rc == IMGREL_ECANCELED;
    if (stop < 0 || (it->how->keep_going && !ours))
        return stop;
    if (err && !err->code)
        *err = *e;
    return rc;
}

/* ---- what has to go ------------------------------------------------------------------------- */

/* The index's only platform, for a place that holds images of one; NULL: it has not just one. */
static const ir_platform *only_platform(const ir_manifest *index)
{
    const ir_platform *only = NULL;
    for (size_t i = 0; i < index->n_layers; i++) {
        const ir_desc *d = &index->layers[i];
        if (!d->has_platform || ir_platform_unknown(&d->platform))
            continue;
        if (only)
            return NULL;
        only = &d->platform;
    }
    return only;
}

static bool all_of_one_platform(const ir_copy_item *it)
{
    for (size_t i = 0; i < it->n_dst; i++)
        if (it->dst[i].ref->transport != IR_DOCKER_ARCHIVE)
            return false;
    return it->n_dst > 0;
}

static int narrow(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    char text[128];
    const ir_platform *only = only_platform(&it->plan.top);
    if (!only)
        return 0;
    ir_platform_str(only, text);
    ir_copy_plan index = it->plan;
    int rc = ir_copy_plan_top(call, it->src, index.top.digest, text, true, &it->plan, err);
    ir_copy_plan_free(&index);
    return rc;
}

int ir_copy_read(const ir_call *call, ir_copy_item *it, const char *selector, imgrel_error *err)
{
    const char *wanted = it->how->platforms ? it->how->platforms : call->platform;
    int rc =
        ir_copy_plan_top(call, it->src, selector, wanted, it->how->format != 'd', &it->plan, err);
    if (!rc && it->plan.top.is_index && all_of_one_platform(it))
        rc = narrow(call, it, err);
    if (!rc && it->how->format)
        rc = ir_copy_plan_convert(call, it->src, &it->plan, it->how->format, err);
    return rc;
}

/* What can be known to fail before anything moves. */
static int check_target(const ir_copy_item *it, const ir_copy_dst *d, imgrel_error *err)
{
    const ir_manifest *top = &it->plan.top;
    if (it->how->format && ir_copy_attaches(it->how))
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: what refers to an image refers to its digest, which another format"
                       " changes",
                       ir_store_ref(it->src)->name);
    if (d->ref->digest && !ir_streq(d->ref->digest, top->digest))
        return ir_fail(err, IMGREL_EDIGEST, "%s: the image to be copied there is %s", d->ref->name,
                       top->digest);
    if (d->ref->transport != IR_DOCKER_ARCHIVE || !top->is_index)
        return 0;
    ir_buf have = IR_BUF(64 * 1024);
    ir_manifest_platforms(top, &have);
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a Docker archive holds images of one platform only",
            d->ref->name);
    ir_cure(err, "name one platform of: %.200s", ir_buf_str(&have));
    ir_buf_free(&have);
    return IMGREL_EUNSUPPORTED;
}

/* What a tag (or digest) is by now; "": nothing. */
static int look(const ir_call *call, ir_store *dst, const char *selector, char ret[IR_DIGEST_MAX],
                imgrel_error *err)
{
    ir_desc d = {0};
    imgrel_error e = {0};
    int rc = ir_store_manifest_head(dst, call, selector, &d, &e);
    ret[0] = '\0';
    if (!rc)
        memcpy(ret, d.digest, strlen(d.digest) + 1); /* valid, so that it fits */
    ir_desc_free(&d);
    /* Who may push but not look is not stopped here: the push tells. */
    if (rc == 0 || rc == IMGREL_ENOTFOUND || rc == IMGREL_EDENIED ||
        (rc == IMGREL_EINVAL && !selector))
        return 0;
    if (err && !err->code)
        *err = e;
    return rc;
}

int ir_copy_look(const ir_call *call, ir_copy_dst *d, imgrel_error *err)
{
    bool ask = d->store && d->tags.n == 1 && !IR_FORCE(call);
    int rc = ask ? look(call, d->store, d->tags.v[0], d->have, err) : 0;
    d->looked = rc == 0;
    return rc;
}

/* 1: the tag (or digest) is this image already. */
static int holds(const ir_call *call, const ir_copy_dst *d, const char *selector,
                 const char *digest, imgrel_error *err)
{
    char have[IR_DIGEST_MAX];
    if (!d->store || IR_FORCE(call))
        return 0;
    if (d->looked)
        return ir_streq(d->have, digest);
    int rc = look(call, d->store, selector, have, err);
    return rc ? rc : ir_streq(have, digest);
}

/* Which tags have to be written. */
static int find_stale(const ir_call *call, ir_copy_dst *d, const char *digest, imgrel_error *err)
{
    for (size_t i = 0; i < d->tags.n; i++) {
        int same = holds(call, d, d->tags.v[i], digest, err);
        if (same < 0)
            return same;
        if (!same && ir_strv_add(&d->stale, d->tags.v[i]) < 0)
            return ir_nomem(err);
    }
    return 0;
}

/* How the destination stands: which tags are stale, and whether the image is there at all. */
static int compare(const ir_call *call, const ir_copy_item *it, ir_copy_dst *d, imgrel_error *err)
{
    const char *top = it->plan.top.digest;
    int there = 0;
    int rc = check_target(it, d, err);
    if (!rc)
        rc = find_stale(call, d, top, err);
    /* Without a tag: by digest in a registry, as the only image in a local place. */
    if (!rc && !d->tags.n)
        there = holds(call, d, d->ref->transport == IR_REGISTRY ? top : NULL, top, err);
    if (rc < 0 || there < 0)
        return rc ? rc : there;
    d->there = d->tags.n ? d->stale.n < d->tags.n : there;
    d->done.unchanged = d->store && d->there && !d->stale.n;
    d->over = d->done.unchanged && !ir_copy_attaches(it->how);
    memcpy(d->done.digest, top, IR_DIGEST_MAX);
    return 0;
}

bool ir_copy_wants_blobs(ir_copy_item *it)
{
    bool any = false;
    pthread_mutex_lock(&it->lock);
    for (size_t i = 0; !any && i < it->n_dst; i++)
        any = !it->dst[i].over && !it->dst[i].there;
    pthread_mutex_unlock(&it->lock);
    return any;
}

int ir_copy_compare(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < it->n_dst; i++) {
        ir_copy_dst *d = &it->dst[i];
        imgrel_error e = {0};
        int failed = d->over ? 0 : compare(call, it, d, &e);
        if (failed < 0)
            rc = ir_copy_failed(call, it, d, failed, &e, err);
    }
    if (!rc && ir_copy_wants_blobs(it))
        rc = ir_copy_plan_rest(call, it->src, &it->plan, err);
    return rc;
}

/* ---- blobs ---------------------------------------------------------------------------------- */

typedef struct blob_job {
    ir_copy_item *it;
    const ir_desc *d;
} blob_job;

static int run_blob(const ir_call *call, void *user, imgrel_error *err)
{
    const blob_job *job = user;
    return ir_copy_blob(call, job->it, job->d, err);
}

unsigned ir_copy_threads(const ir_call *call)
{
    int64_t n = call->jobs ? call->jobs : ir_call_conf(call)->jobs;
    return n > 0 ? (unsigned)n : 1;
}

int ir_copy_blobs(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    const ir_copy_plan *p = &it->plan;
    blob_job *jobs = calloc(p->n_blobs + 1, sizeof *jobs);
    void **list = calloc(p->n_blobs + 1, sizeof *list);
    size_t light = 0;
    int rc = jobs && list ? 0 : ir_nomem(err);
    for (size_t i = 0; !rc && i < p->n_blobs; i++) {
        jobs[i] = (blob_job){it, p->blobs[i]};
        list[i] = &jobs[i];
        light += p->blobs[i]->size >= 0 && p->blobs[i]->size <= LIGHT_MAX; /* they come last */
    }
    if (!rc && p->n_blobs)
        rc = ir_work_run_light(call, ir_copy_threads(call), run_blob, list, p->n_blobs, light, err);
    free(jobs);
    free(list);
    return rc;
}

static int measure_blob(const ir_call *call, ir_copy_item *it, ir_copy_dst *to, const ir_desc *d,
                        imgrel_error *err)
{
    bool foreign = ir_media_is_foreign(d->media_type) && d->urls.n;
    if (foreign || !ir_copy_seen_first(it->seen, to->ref, d->digest))
        return 0;
    int there = to->store ? ir_store_blob_exists(to->store, call, d, NULL, err) : 0;
    if (there < 0)
        return there;
    bool near = ir_copy_near(ir_store_ref(it->src), to->ref) != NULL;
    to->done.blobs_exist += there == 1;
    to->done.blobs_mounted += !there && near;
    to->done.blobs_copied += !there && !near;
    to->done.bytes += there || near || d->size < 0 ? 0 : (uint64_t)d->size;
    return 0;
}

int ir_copy_measure(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < it->n_dst; i++) {
        ir_copy_dst *d = &it->dst[i];
        for (size_t k = 0; !rc && !d->over && !d->there && k < it->plan.n_blobs; k++)
            rc = measure_blob(call, it, d, it->plan.blobs[k], err);
    }
    return rc;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int put_manifests(const ir_call *call, ir_store *dst, const ir_copy_plan *p,
                         imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < p->n_children; i++)
        rc = ir_store_manifest_put(dst, call, &p->children[i], NULL, err);
    return rc;
}

/* The tags that the image is to have, the destination's own first; none: by digest alone. */
static int put_tags(const ir_call *call, const ir_copy_plan *p, ir_copy_dst *d, imgrel_error *err)
{
    bool named = d->tags.n || d->there;
    int rc = named ? 0 : ir_store_manifest_put(d->store, call, &p->top, NULL, err);
    if (!rc)
        rc = ir_store_manifest_put_tags(d->store, call, &p->top, &d->stale, err);
    for (size_t i = 0; !rc && i < d->stale.n; i++)
        rc = ir_progress(call, IMGREL_EVENT_STEP, d->stale.v[i], "tagged", 0, 0, 1, err);
    return rc;
}

/* What goes along with the image, also with one that was there already. */
static int attach(const ir_call *call, ir_copy_item *it, ir_copy_dst *d, imgrel_error *err)
{
    int rc = ir_copy_plan_children(call, it->src, &it->plan, err);
    if (!rc)
        rc = ir_copy_attached(call, it->src, d->store, &it->plan, it->how, &d->done, err);
    d->done.unchanged = d->done.unchanged && !d->done.attached;
    memcpy(d->done.digest, it->plan.top.digest, IR_DIGEST_MAX);
    return rc;
}

int ir_copy_name(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < it->n_dst; i++) {
        ir_copy_dst *d = &it->dst[i];
        imgrel_error e = {0};
        if (d->over)
            continue;
        int failed = d->there ? 0 : put_manifests(call, d->store, &it->plan, &e);
        if (!failed)
            failed = put_tags(call, &it->plan, d, &e);
        if (!failed && ir_copy_attaches(it->how))
            failed = attach(call, it, d, &e);
        if (failed < 0)
            rc = ir_copy_failed(call, it, d, failed, &e, err);
    }
    return rc;
}

/* ---- one image ------------------------------------------------------------------------------ */

void ir_copy_to_free(ir_copy_to *to, size_t n)
{
    for (size_t i = 0; to && i < n; i++)
        ir_ref_free(&to[i].ref);
    free(to);
}

static int all_tags(const ir_ref *to, const ir_strv *more, ir_strv *ret, imgrel_error *err)
{
    int rc = to->tag ? ir_strv_add(ret, to->tag) : 0;
    for (size_t i = 0; !rc && more && i < more->n; i++)
        if (!ir_strv_has(ret, more->v[i]))
            rc = ir_strv_add(ret, more->v[i]);
    return rc ? ir_nomem(err) : 0;
}

static int open_target(const ir_call *call, const ir_copy_item *it, ir_copy_dst *d,
                       imgrel_error *err)
{
    imgrel_error e = {0};
    unsigned flags = IR_DRY_RUN(call) ? IR_STORE_READ : IR_STORE_WRITE;
    int rc = ir_store_open(call, d->ref, flags, &d->store, &e);
    if (rc == IMGREL_ENOTFOUND && IR_DRY_RUN(call))
        return 0; /* it would be made */
    if (rc < 0 && err && !err->code)
        *err = e;
    const char *near = ir_copy_near(ir_store_ref(it->src), d->ref);
    if (!rc && near && ir_store_mounts_from(d->store, near) < 0)
        rc = ir_nomem(err);
    return rc;
}

static int open_targets(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < it->n_dst; i++) {
        ir_copy_dst *d = &it->dst[i];
        imgrel_error e = {0};
        int failed = all_tags(d->ref, it->how->tags, &d->tags, &e);
        if (!failed)
            failed = open_target(call, it, d, &e);
        if (failed < 0)
            rc = ir_copy_failed(call, it, d, failed, &e, err);
    }
    return rc;
}

static int finish(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < it->n_dst; i++) {
        ir_copy_dst *d = &it->dst[i];
        imgrel_error e = {0};
        int failed = d->over || !d->store ? 0 : ir_store_finish(d->store, call, &e);
        if (failed < 0)
            rc = ir_copy_failed(call, it, d, failed, &e, err);
    }
    return rc;
}

static int run(const ir_call *call, ir_copy_item *it, imgrel_error *err)
{
    int rc = ir_copy_read(call, it, NULL, err);
    if (!rc)
        rc = open_targets(call, it, err);
    if (!rc)
        rc = ir_copy_compare(call, it, err);
    if (rc < 0 || IR_DRY_RUN(call))
        return rc ? rc : ir_copy_measure(call, it, err);
    if (ir_copy_wants_blobs(it))
        rc = ir_copy_blobs(call, it, err);
    if (!rc)
        rc = ir_copy_name(call, it, err);
    return rc ? rc : finish(call, it, err);
}

int ir_copy_each(const ir_call *call, const ir_ref *from, ir_copy_to *to, size_t n,
                 const ir_copy_how *how, imgrel_error *err)
{
    ir_copy_item it = {.how = how, .n_dst = n, .dst = calloc(n + 1, sizeof *it.dst)};
    if (!it.dst)
        return ir_nomem(err);
    ir_copy_item_begin(&it);
    for (size_t i = 0; i < n; i++)
        it.dst[i].ref = &to[i].ref;
    int rc = ir_store_open(call, from, IR_PULL, &it.src, err);
    if (!rc)
        rc = run(call, &it, err);
    for (size_t i = 0; i < n; i++) {
        to[i].done = it.dst[i].done;
        to[i].rc = it.dst[i].rc;
        to[i].err = it.dst[i].err;
        ir_store_free(it.dst[i].store);
    }
    ir_copy_item_end(&it);
    ir_store_free(it.src);
    free(it.dst);
    return rc;
}

int ir_copy(const ir_call *call, const ir_ref *from, const ir_ref *to, const ir_copy_how *how,
            ir_copied *ret, imgrel_error *err)
{
    const ir_copy_how plain = {0};
    ir_copy_to one = {.ref = *to};
    int rc = ir_copy_each(call, from, &one, 1, how ? how : &plain, err);
    *ret = one.done;
    return rc;
}

int ir_copy_manifest(const ir_call *call, ir_store *src, const char *selector, ir_store *dst,
                     const char *tag, ir_copied *ret, imgrel_error *err)
{
    const ir_copy_how how = {0};
    ir_copy_dst d = {.ref = ir_store_ref(dst), .store = dst, .done = *ret};
    ir_copy_item it = {.how = &how, .src = src, .dst = &d, .n_dst = 1};
    ir_copy_item_begin(&it);
    int rc = ir_store_manifest_get(src, call, selector, &it.plan.top, err);
    if (!rc)
        rc = ir_copy_plan_rest(call, src, &it.plan, err);
    if (!rc)
        rc = ir_copy_blobs(call, &it, err);
    if (!rc)
        rc = put_manifests(call, dst, &it.plan, err);
    if (!rc)
        rc = ir_store_manifest_put(dst, call, &it.plan.top, tag, err);
    *ret = d.done;
    if (!rc)
        memcpy(ret->digest, it.plan.top.digest, IR_DIGEST_MAX);
    ir_copy_item_end(&it);
    return rc;
}
