/* copy.c - the copy engine: the source's manifests are read, the blobs poured from store to store
 * on several threads, the biggest first, and then the manifests written: what an index names before
 * it, the tags last, so that whoever stops it leaves nothing half-done under a name. */
#include "run/copy.h"
#include "net/work.h"
#include "run/copy_plan.h"

#include <stdlib.h>

/* ---- one blob ---- */

typedef struct blob_job {
    ir_store *src, *dst;
    const ir_desc *d;
    const char *from;  /* repository to mount from; NULL: none */
    const char *state; /* "pushed", "exists", "mounted", "foreign" */
    unsigned attempt;
} blob_job;

/* A blob of the source as a body: opened when its first byte is asked for, for often none is. */
typedef struct blob_source {
    const ir_call *call;
    const blob_job *job;
    ir_reader *reader;
    uint64_t done;
    bool again;   /* it was asked for before */
    bool corrupt; /* what the source gave does not match its digest */
    bool kept;    /* some of it was found, not fetched now */
} blob_source;

/* A registry verifies what it is sent, and hashing costs more than sending: the bytes are hashed
 * here only from the second try on, so that it is known on which side of us they were spoilt. */
static int source_open(blob_source *s, imgrel_error *err)
{
    int rc = ir_store_blob_open(s->job->src, s->call, s->job->d, &s->reader, err);
    bool checked = ir_store_ref(s->job->dst)->transport == IR_REGISTRY;
    if (!rc && checked && !s->again && s->job->attempt == 1)
        ir_reader_trust(s->reader);
    s->again = true;
    return rc;
}

static int64_t source_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    blob_source *s = user;
    const ir_desc *d = s->job->d;
    int rc = s->reader ? 0 : source_open(s, err);
    int64_t n = rc ? rc : ir_reader_read(s->reader, buf, len, err);
    if (n < 0) {
        s->corrupt = n == IMGREL_EDIGEST;
        return n;
    }
    s->done += (uint64_t)n;
    rc = ir_progress(s->call, IMGREL_EVENT_BYTES, d->digest, "copying", s->done, (uint64_t)d->size,
                     s->job->attempt, err);
    return rc ? rc : n;
}

static int source_rewind(void *user, imgrel_error *err)
{
    blob_source *s = user;
    (void)err;
    ir_reader_close(s->reader);
    s->reader = NULL;
    s->done = 0;
    return 0;
}

static int source_resume(void *user, int fd, int64_t from, imgrel_error *err)
{
    blob_source *s = user;
    ir_reader_close(s->reader);
    int rc = ir_store_blob_resume(s->job->src, s->call, s->job->d, fd, from, &s->reader, err);
    s->done = rc ? 0 : (uint64_t)from;
    s->kept |= !rc;
    return rc;
}

static int source_fetch(void *user, int fd, imgrel_error *err)
{
    blob_source *s = user;
    ir_fetch how = {.fd = fd, .attempt = s->job->attempt};
    int rc = ir_store_blob_fetch(s->job->src, s->call, s->job->d, &how, err);
    s->reader = how.reader;
    s->corrupt = rc == IMGREL_EDIGEST;
    s->kept |= how.kept;
    return rc;
}

/* ret_again: what came was not the blob, and another try may help. */
static int copy_once(const ir_call *call, blob_job *job, bool *ret_again, imgrel_error *err)
{
    blob_source s = {.call = call, .job = job};
    const ir_body body = {.read = source_read,
                          .rewind = source_rewind,
                          .resume = source_resume,
                          .fetch = source_fetch,
                          .user = &s,
                          .size = job->d->size,
                          .verified = true};
    int rc = ir_store_blob_put(job->dst, call, job->d, &body, job->from, &job->state, err);
    ir_reader_close(s.reader);
    /* A cache on the way may have been at fault: once more. What was found is not even that. */
    *ret_again = rc < 0 && s.corrupt && (s.kept || job->attempt == 1) &&
                 ir_store_ref(job->src)->transport == IR_REGISTRY;
    job->attempt += *ret_again && !s.kept;
    return rc;
}

static int copy_blob(const ir_call *call, void *user, imgrel_error *err)
{
    blob_job *job = user;
    bool again = false;
    imgrel_error first = {0};
    if (ir_media_is_foreign(job->d->media_type) && job->d->urls.n) {
        job->state = "foreign"; /* lives at its own address: the manifest says where */
        return 0;
    }
    job->attempt = 1;
    int rc = copy_once(call, job, &again, &first);
    for (int i = 0; again && i < 2; i++) {
        ir_error_clear(&first);
        rc = copy_once(call, job, &again, &first);
    }
    if (rc < 0) {
        if (err && !err->code)
            *err = first;
        return rc;
    }
    uint64_t size = (uint64_t)job->d->size;
    return ir_progress(call, IMGREL_EVENT_BYTES, job->d->digest, job->state, size, size,
                       job->attempt, err);
}

/* ---- all blobs ---- */

static void count(const blob_job *jobs, size_t n, ir_copied *ret)
{
    for (size_t i = 0; i < n; i++) {
        const char *state = jobs[i].state;
        ret->blobs_copied += ir_streq(state, "pushed");
        ret->blobs_exist += ir_streq(state, "exists");
        ret->blobs_mounted += ir_streq(state, "mounted");
        if (ir_streq(state, "pushed"))
            ret->bytes += (uint64_t)jobs[i].d->size;
    }
}

static unsigned threads(const ir_call *call)
{
    int64_t n = call->jobs ? call->jobs : ir_call_conf(call)->jobs;
    return n > 0 ? (unsigned)n : 1;
}

static int copy_blobs(const ir_call *call, ir_store *src, ir_store *dst, const ir_copy_plan *p,
                      const char *from, ir_copied *ret, imgrel_error *err)
{
    blob_job *jobs = calloc(p->n_blobs + 1, sizeof *jobs);
    void **list = calloc(p->n_blobs + 1, sizeof *list);
    int rc = jobs && list ? 0 : ir_nomem(err);
    for (size_t i = 0; !rc && i < p->n_blobs; i++) {
        jobs[i] = (blob_job){.src = src, .dst = dst, .d = p->blobs[i], .from = from};
        list[i] = &jobs[i];
    }
    if (!rc && p->n_blobs)
        rc = ir_work_run(call, threads(call), copy_blob, list, p->n_blobs, err);
    if (!rc)
        count(jobs, p->n_blobs, ret);
    free(jobs);
    free(list);
    return rc;
}

/* ---- manifests and tags ---- */

static int put_manifests(const ir_call *call, ir_store *dst, const ir_copy_plan *p,
                         imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < p->n_children; i++)
        rc = ir_store_manifest_put(dst, call, &p->children[i], NULL, err);
    return rc;
}

/* The tags that the image is to have, the destination's own first; none: by digest alone. */
static int put_tags(const ir_call *call, ir_store *dst, const ir_copy_plan *p, const ir_strv *stale,
                    bool named, imgrel_error *err)
{
    int rc = named ? 0 : ir_store_manifest_put(dst, call, &p->top, NULL, err);
    for (size_t i = 0; !rc && i < stale->n; i++) {
        rc = ir_store_manifest_put(dst, call, &p->top, stale->v[i], err);
        if (!rc)
            rc = ir_progress(call, IMGREL_EVENT_STEP, stale->v[i], "tagged", 0, 0, 1, err);
    }
    return rc;
}

/* 1: the tag (or digest) is this image already. */
static int holds(const ir_call *call, ir_store *dst, const char *selector, const char *digest,
                 imgrel_error *err)
{
    ir_desc d = {0};
    imgrel_error e = {0};
    int rc = ir_store_manifest_head(dst, call, selector, &d, &e);
    int same = !rc && ir_streq(d.digest, digest);
    ir_desc_free(&d);
    /* Who may push but not look is not stopped here: the push tells. */
    if (rc == 0 || rc == IMGREL_ENOTFOUND || rc == IMGREL_EDENIED ||
        (rc == IMGREL_EINVAL && !selector))
        return same;
    if (err && !err->code)
        *err = e;
    return rc;
}

/* Which tags have to be written. */
static int find_stale(const ir_call *call, ir_store *dst, const char *digest, const ir_strv *tags,
                      ir_strv *ret, imgrel_error *err)
{
    for (size_t i = 0; i < tags->n; i++) {
        int same = IR_FORCE(call) ? 0 : holds(call, dst, tags->v[i], digest, err);
        if (same < 0)
            return same;
        if (!same && ir_strv_add(ret, tags->v[i]) < 0)
            return ir_nomem(err);
    }
    return 0;
}

static int all_tags(const ir_ref *to, const ir_strv *more, ir_strv *ret, imgrel_error *err)
{
    int rc = to->tag ? ir_strv_add(ret, to->tag) : 0;
    for (size_t i = 0; !rc && more && i < more->n; i++)
        if (!ir_strv_has(ret, more->v[i]))
            rc = ir_strv_add(ret, more->v[i]);
    return rc ? ir_nomem(err) : 0;
}

/* ---- the whole ---- */

typedef struct copying {
    const ir_call *call;
    const ir_ref *from, *to;
    ir_copy_how how;
    ir_store *src, *dst;
    ir_copy_plan plan;
    ir_strv tags, stale;
    ir_copied *ret;
} copying;

/* What can be known to fail before anything moves. */
static int check_target(const copying *c, imgrel_error *err)
{
    const ir_manifest *top = &c->plan.top;
    if (c->how.format && (c->how.referrers || c->how.digest_tags))
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: what refers to an image refers to its digest, which another format"
                       " changes",
                       c->from->name);
    if (c->to->digest && !ir_streq(c->to->digest, top->digest))
        return ir_fail(err, IMGREL_EDIGEST, "%s: the image to be copied there is %s", c->to->name,
                       top->digest);
    if (c->to->transport != IR_DOCKER_ARCHIVE || !top->is_index)
        return 0;
    ir_buf have = IR_BUF(64 * 1024);
    ir_manifest_platforms(top, &have);
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a Docker archive holds images of one platform only",
            c->to->name);
    ir_cure(err, "name one platform of: %.200s", ir_buf_str(&have));
    ir_buf_free(&have);
    return IMGREL_EUNSUPPORTED;
}

/* The repository of the same registry that blobs can be mounted from; NULL: none. */
static const char *near(const ir_ref *from, const ir_ref *to)
{
    bool same = from->transport == IR_REGISTRY && to->transport == IR_REGISTRY &&
                ir_streq(from->host, to->host) && !ir_streq(from->repository, to->repository);
    return same ? from->repository : NULL;
}

static int write_all(copying *c, imgrel_error *err)
{
    int rc = ir_copy_plan_rest(c->call, c->src, &c->plan, err);
    if (!rc)
        rc = copy_blobs(c->call, c->src, c->dst, &c->plan, near(c->from, c->to), c->ret, err);
    if (!rc)
        rc = put_manifests(c->call, c->dst, &c->plan, err);
    if (!rc)
        rc = put_tags(c->call, c->dst, &c->plan, &c->stale, c->tags.n > 0, err);
    return rc;
}

static int open_target(copying *c, imgrel_error *err)
{
    imgrel_error e = {0};
    unsigned flags = IR_DRY_RUN(c->call) ? IR_STORE_READ : IR_STORE_WRITE;
    int rc = ir_store_open(c->call, c->to, flags, &c->dst, &e);
    if (rc == IMGREL_ENOTFOUND && IR_DRY_RUN(c->call))
        return 0; /* it would be made */
    if (rc < 0 && err && !err->code)
        *err = e;
    if (!rc && c->from->transport == IR_REGISTRY && c->to->transport == IR_REGISTRY &&
        ir_streq(c->from->host, c->to->host) &&
        ir_store_mounts_from(c->dst, c->from->repository) < 0)
        rc = ir_nomem(err);
    return rc;
}

/* How the destination stands: which tags are stale, and whether the image is there at all. */
static int compare(copying *c, bool *ret_there, imgrel_error *err)
{
    int there = 0;
    int rc = c->dst ? find_stale(c->call, c->dst, c->plan.top.digest, &c->tags, &c->stale, err) : 0;
    /* Without a tag: by digest in a registry, as the only image in a local place. */
    const char *top = c->plan.top.digest;
    if (!rc && c->dst && !c->tags.n && !IR_FORCE(c->call))
        there = holds(c->call, c->dst, c->to->transport == IR_REGISTRY ? top : NULL, top, err);
    if (there < 0)
        return there;
    *ret_there = c->tags.n ? c->stale.n < c->tags.n : there;
    c->ret->unchanged = c->dst && *ret_there && !c->stale.n;
    return rc;
}

/* What goes along with the image, also with one that was there already. */
static int attach(copying *c, imgrel_error *err)
{
    int rc = ir_copy_plan_children(c->call, c->src, &c->plan, err);
    if (!rc)
        rc = ir_copy_attached(c->call, c->src, c->dst, &c->plan, &c->how, c->ret, err);
    c->ret->unchanged = c->ret->unchanged && !c->ret->attached;
    memcpy(c->ret->digest, c->plan.top.digest, IR_DIGEST_MAX);
    return rc;
}

static int run(copying *c, imgrel_error *err)
{
    bool there = false;
    int rc = ir_store_open(c->call, c->from, IR_STORE_READ, &c->src, err);
    if (!rc)
        rc = ir_copy_plan_top(c->call, c->src, c->call->platform, &c->plan, err);
    if (!rc && c->how.format)
        rc = ir_copy_plan_convert(c->call, c->src, &c->plan, c->how.format, err);
    if (!rc)
        rc = check_target(c, err);
    if (!rc)
        rc = open_target(c, err);
    if (!rc)
        rc = compare(c, &there, err);
    if (rc < 0)
        return rc;
    memcpy(c->ret->digest, c->plan.top.digest, IR_DIGEST_MAX);
    bool more = c->how.referrers || c->how.digest_tags;
    if (IR_DRY_RUN(c->call) || (c->ret->unchanged && !more))
        return 0;
    if (there)
        rc = put_tags(c->call, c->dst, &c->plan, &c->stale, true, err);
    else
        rc = write_all(c, err);
    if (!rc && more)
        rc = attach(c, err);
    return rc ? rc : ir_store_finish(c->dst, c->call, err);
}

int ir_copy(const ir_call *call, const ir_ref *from, const ir_ref *to, const ir_copy_how *how,
            ir_copied *ret, imgrel_error *err)
{
    copying c = {.call = call, .from = from, .to = to, .ret = ret};
    if (how)
        c.how = *how;
    *ret = (ir_copied){0};
    int rc = all_tags(to, c.how.tags, &c.tags, err);
    if (!rc)
        rc = run(&c, err);
    ir_strv_free(&c.tags);
    ir_strv_free(&c.stale);
    ir_copy_plan_free(&c.plan);
    ir_store_free(c.src);
    ir_store_free(c.dst);
    return rc;
}

int ir_copy_manifest(const ir_call *call, ir_store *src, const char *selector, ir_store *dst,
                     const char *tag, ir_copied *ret, imgrel_error *err)
{
    ir_copy_plan p = {0};
    const char *from = near(ir_store_ref(src), ir_store_ref(dst));
    int rc = ir_store_manifest_get(src, call, selector, &p.top, err);
    if (!rc)
        rc = ir_copy_plan_rest(call, src, &p, err);
    if (!rc)
        rc = copy_blobs(call, src, dst, &p, from, ret, err);
    if (!rc)
        rc = put_manifests(call, dst, &p, err);
    if (!rc)
        rc = ir_store_manifest_put(dst, call, &p.top, tag, err);
    if (!rc)
        memcpy(ret->digest, p.top.digest, IR_DIGEST_MAX);
    ir_copy_plan_free(&p);
    return rc;
}
