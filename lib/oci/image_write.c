/* image_write.c - an image's parts into the destination: base blobs mounted or copied and layers
 * made, several at once; then configs and manifests, then the index, then the tags. */
#include "oci/image_plan.h"

#include "base/limits.h"
#include "net/work.h"

#include <stdlib.h>

/* ---- blobs ---------------------------------------------------------------------------------- */

/* A blob of the base that is to be in the destination, or a layer that is to be made. */
typedef struct blob_job {
    ir_image *im;
    const ir_desc *blob; /* NULL: a layer */
    const ir_layer_from *from;
    ir_layer *ret;
} blob_job;

typedef struct blob_jobs {
    blob_job *v;
    size_t n, cap;
} blob_jobs;

static int blob_work(const ir_call *call, void *job, imgrel_error *err)
{
    blob_job *j = job;
    if (j->blob)
        return ir_image_blob_copy(call, j->im->parts.base, j->im->dst, j->blob, err);
    const ir_layer_how how = {.media_type = j->im->media_type};
    int rc = ir_layer_make(call, j->im->dst, j->from, 1, j->im->spec.created_s, &how, j->ret, err);
    if (rc < 0)
        return rc;
    return ir_progress(call, IMGREL_EVENT_STEP, j->ret->desc.digest, "layer",
                       (uint64_t)j->ret->desc.size, (uint64_t)j->ret->desc.size, 1, err);
}

static int job_add(blob_jobs *l, const blob_job *job, imgrel_error *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        blob_job *v = realloc(l->v, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = *job;
    return 0;
}

static bool has_layer(const ir_manifest *m, const char *digest)
{
    for (size_t i = 0; m->bytes && i < m->n_layers; i++)
        if (ir_streq(m->layers[i].digest, digest))
            return true;
    return false;
}

static bool is_planned(const ir_image *im, const blob_jobs *l, const char *digest)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].blob && ir_streq(l->v[i].blob->digest, digest))
            return true;
    for (size_t i = 0; i < im->parts.n; i++)
        if (has_layer(&im->parts.v[i].old, digest))
            return true; /* what is there already names it */
    return false;
}

static int plan_base(ir_image *im, blob_jobs *l, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < im->parts.n; i++) {
        const ir_manifest *m = &im->parts.v[i].base;
        for (size_t k = 0; rc == 0 && m->bytes && k < m->n_layers; k++) {
            blob_job job = {.im = im, .blob = &m->layers[k]};
            if (!ir_media_is_foreign(job.blob->media_type) && !is_planned(im, l, job.blob->digest))
                rc = job_add(l, &job, err);
        }
    }
    return rc;
}

/* The layer with this diffID in what the destination has: copied into ret. */
static bool reused(const ir_image *im, const char *diff_id, ir_layer *ret)
{
    for (size_t i = 0; i < im->parts.n; i++) {
        const ir_image_part *p = &im->parts.v[i];
        for (size_t k = 0; p->old_config && k < p->old.n_layers; k++) {
            if (!ir_streq(ir_image_diff_id(p->old_config, k), diff_id))
                continue;
            ir_desc_free(&ret->desc);
            memcpy(ret->diff_id, diff_id, strlen(diff_id) + 1);
            return ir_desc_copy(&p->old.layers[k], &ret->desc) == 0;
        }
    }
    return false;
}

static int plan_layer(ir_image *im, blob_jobs *l, const ir_layer_from *from, const char *diff_id,
                      ir_layer *ret, imgrel_error *err)
{
    const blob_job job = {.im = im, .from = from, .ret = ret};
    if (diff_id && reused(im, diff_id, ret))
        return 0;
    return job_add(l, &job, err);
}

static int plan_layers(ir_image *im, blob_jobs *l, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < im->parts.n; i++)
        if (im->parts.v[i].rootfs)
            rc = plan_layer(im, l, &im->parts.v[i].rootfs_from,
                            im->rootfs_ids ? im->rootfs_ids[i] : NULL, &im->parts.v[i].rootfs_layer,
                            err);
    for (size_t i = 0; rc == 0 && i < im->spec.n_layers; i++)
        rc = plan_layer(im, l, &im->spec.layers[i].from, im->diff_ids ? im->diff_ids[i] : NULL,
                        &im->layers[i], err);
    return rc;
}

/* Layers first, for nobody knows how long they take; then the biggest blobs. */
static int by_size(const void *a, const void *b)
{
    const blob_job *x = a, *y = b;
    int64_t i = x->blob ? x->blob->size : INT64_MAX, j = y->blob ? y->blob->size : INT64_MAX;
    return i > j ? -1 : i < j;
}

int ir_image_blobs_write(const ir_call *call, ir_image *im, imgrel_error *err)
{
    blob_jobs l = {0};
    int rc = plan_base(im, &l, err);
    if (rc == 0)
        rc = plan_layers(im, &l, err);
    void **jobs = rc == 0 ? calloc(l.n + 1, sizeof *jobs) : NULL;
    if (jobs && l.n) {
        qsort(l.v, l.n, sizeof *l.v, by_size);
        for (size_t i = 0; i < l.n; i++)
            jobs[i] = &l.v[i];
        rc = ir_work_run(call, ir_image_jobs(call), blob_work, jobs, l.n, err);
    } else if (rc == 0 && !jobs) {
        rc = ir_nomem(err);
    }
    free(jobs);
    free(l.v);
    return rc;
}

/* ---- configs and manifests ------------------------------------------------------------------ */

typedef struct part_job {
    ir_image *im;
    ir_image_part *part;
} part_job;

/* A base's layers have to carry the types that an OCI manifest may name. */
static const char *oci_type(const char *mt)
{
    if (ir_streq(mt, IR_MT_DOCKER_LAYER_GZIP))
        return IR_MT_OCI_LAYER_GZIP;
    return ir_streq(mt, IR_MT_DOCKER_FOREIGN)
               ? "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
               : mt;
}

/* The part's diffIDs, root file system first; malloc'ed. */
static char (*part_diff_ids(const ir_image *im, const ir_image_part *part))[IR_DIGEST_MAX]
{
    char(*ids)[IR_DIGEST_MAX] = calloc(im->spec.n_layers + 1, sizeof *ids);
    size_t n = 0;
    if (ids && part->rootfs)
        memcpy(ids[n++], part->rootfs_layer.diff_id, sizeof *ids);
    for (size_t i = 0; ids && i < im->spec.n_layers; i++)
        memcpy(ids[n++], im->layers[i].diff_id, sizeof *ids);
    return ids;
}

static int config_write(const ir_call *call, const part_job *j, ir_desc *ret, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    char(*ids)[IR_DIGEST_MAX] = part_diff_ids(j->im, j->part);
    int rc = ids ? ir_image_config_make(&j->im->spec, j->part, (const char(*)[IR_DIGEST_MAX])ids,
                                        &j->part->config, err)
                 : ir_nomem(err);
    free(ids);
    if (rc == 0)
        rc = ir_json_dump(j->part->config, IR_JSON_COMPACT | IR_JSON_SORTED, &b, err);
    if (rc == 0)
        rc = ir_hash_bytes(b.p, b.len, digest, err);
    if (rc == 0 && ir_desc_set(ret, IR_MT_OCI_CONFIG, digest, (int64_t)b.len) < 0)
        rc = ir_nomem(err);
    const ir_body body = {.p = b.p, .len = b.len};
    return rc == 0 ? ir_store_blob_put(j->im->dst, call, ret, &body, NULL, NULL, err) : rc;
}

/* All layers, bottom first; borrowed members, malloc'ed list. */
static ir_desc *all_layers(const part_job *j, size_t *ret_n)
{
    const ir_manifest *base = &j->part->base;
    size_t n = base->bytes ? base->n_layers : 0;
    ir_desc *v = calloc(n + j->im->spec.n_layers + 1, sizeof *v);
    for (size_t i = 0; v && i < n; i++) {
        v[i] = base->layers[i];
        v[i].media_type = (char *)(uintptr_t)oci_type(v[i].media_type);
    }
    if (v && j->part->rootfs)
        v[n++] = j->part->rootfs_layer.desc;
    for (size_t i = 0; v && i < j->im->spec.n_layers; i++)
        v[n++] = j->im->layers[i].desc;
    *ret_n = n;
    return v;
}

static int part_work(const ir_call *call, void *job, imgrel_error *err)
{
    part_job *j = job;
    size_t n = 0;
    IR_AUTO(ir_desc) config = {0};
    ir_desc *layers = all_layers(j, &n);
    int rc = layers ? config_write(call, j, &config, err) : ir_nomem(err);
    if (rc == 0)
        rc = ir_manifest_write(IR_MT_OCI_MANIFEST, &config, layers, n, j->im->spec.annotations,
                               &j->part->made, err);
    /* The only one is written under its tags, as the top. */
    if (rc == 0 && j->im->parts.n > 1)
        rc = ir_store_manifest_put(j->im->dst, call, &j->part->made, NULL, err);
    free(layers);
    return rc;
}

static int index_make(const ir_image *im, ir_manifest *ret, imgrel_error *err)
{
    size_t n = im->parts.n;
    ir_desc *v = calloc(n, sizeof *v);
    int rc = v ? 0 : ir_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const ir_image_part *p = &im->parts.v[i];
        if (ir_desc_set(&v[i], p->made.media_type, p->made.digest, (int64_t)p->made.len) < 0)
            rc = ir_nomem(err);
        v[i].has_platform = true;
        v[i].platform = p->platform;
    }
    if (rc == 0)
        rc = ir_index_write(IR_MT_OCI_INDEX, v, n, im->spec.annotations, ret, err);
    for (size_t i = 0; v && i < n; i++)
        ir_desc_free(&v[i]);
    free(v);
    return rc;
}

int ir_image_manifests_write(const ir_call *call, ir_image *im, ir_manifest *ret, imgrel_error *err)
{
    size_t n = im->parts.n;
    part_job *jobs = calloc(n, sizeof *jobs);
    void **list = calloc(n, sizeof *list);
    int rc = jobs && list ? 0 : ir_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        jobs[i] = (part_job){im, &im->parts.v[i]};
        list[i] = &jobs[i];
    }
    if (rc == 0)
        rc = ir_work_run(call, ir_image_jobs(call), part_work, list, n, err);
    free(jobs);
    free(list);
    if (rc < 0)
        return rc;
    if (n > 1)
        return index_make(im, ret, err);
    *ret = im->parts.v[0].made;
    im->parts.v[0].made = (ir_manifest){0};
    return 0;
}

/* ---- tags ----------------------------------------------------------------------------------- */

static int tag_write(const ir_call *call, ir_image *im, const ir_manifest *top, const char *tag,
                     bool look, imgrel_error *err)
{
    IR_AUTO(ir_desc) there = {0};
    if (look && ir_streq(tag, im->what->reuse))
        return 0; /* by that name it was found */
    int rc = look ? ir_store_manifest_head(im->dst, call, tag, &there, err) : IMGREL_ENOTFOUND;
    if (rc == 0 && ir_streq(there.digest, top->digest))
        return 0;
    if (rc < 0 && rc != IMGREL_ENOTFOUND)
        return rc;
    if (look)
        ir_error_clear(err);
    rc = ir_store_manifest_put(im->dst, call, top, tag, err);
    return rc < 0 ? rc
                  : ir_progress(call, IMGREL_EVENT_STEP, tag ? tag : top->digest, "tagged", 0, 0, 1,
                                err);
}

int ir_image_tags_write(const ir_call *call, ir_image *im, const ir_manifest *top,
                        imgrel_error *err)
{
    const ir_strv *tags = &im->spec.tags;
    const char *own = im->what->write_tags ? ir_store_ref(im->dst)->tag : NULL;
    bool look = im->old.bytes && ir_streq(im->old.digest, top->digest);
    bool named = own || (im->what->write_tags && tags->n);
    int rc = 0;
    if (own || (!named && !look))
        rc = tag_write(call, im, top, own, look, err);
    for (size_t i = 0; rc == 0 && im->what->write_tags && i < tags->n; i++)
        if (!ir_streq(tags->v[i], own))
            rc = tag_write(call, im, top, tags->v[i], look, err);
    return rc;
}
