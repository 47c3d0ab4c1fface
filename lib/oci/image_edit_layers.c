/* image_edit_layers.c - the layers of an edited image: which stay, which are made, and the jobs
 * that bring them into the destination, each blob once. */
#include "oci/image_edit.h"

#include "net/work.h"

#include <stdlib.h>

/* ---- jobs ----------------------------------------------------------------------------------- */

void ir_edit_jobs_free(ir_edit *e)
{
    for (size_t i = 0; i < e->n_jobs; i++) {
        ir_desc_free(&e->jobs[i]->made.desc);
        free(e->jobs[i]->stack);
        free(e->jobs[i]);
    }
    free(e->jobs);
    e->jobs = NULL;
    e->n_jobs = 0;
}

static int job_add(ir_edit *e, const ir_edit_job *like, ir_edit_job **ret, imgrel_error *err)
{
    if (e->n_jobs == e->cap_jobs) {
        size_t cap = e->cap_jobs ? e->cap_jobs * 2 : 16;
        ir_edit_job **v = realloc(e->jobs, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        e->jobs = v;
        e->cap_jobs = cap;
    }
    *ret = malloc(sizeof **ret);
    if (!*ret)
        return ir_nomem(err);
    **ret = *like;
    (*ret)->e = e;
    e->jobs[e->n_jobs++] = *ret;
    return 0;
}

/* The job for a blob, made if there is none yet. */
static int blob_job(ir_edit *e, const ir_edit_job *like, ir_edit_job **ret, imgrel_error *err)
{
    for (size_t i = 0; i < e->n_jobs; i++) {
        ir_edit_job *j = e->jobs[i];
        if (j->kind == like->kind && j->kind <= IR_EDIT_PACK &&
            ir_streq(j->at.desc->digest, like->at.desc->digest) &&
            ir_streq(j->how.media_type, like->how.media_type)) {
            *ret = j;
            return 0;
        }
    }
    return job_add(e, like, ret, err);
}

/* ---- which ---------------------------------------------------------------------------------- */

/* The type of what is made; level by the spec. */
static int how_of(const ir_edit *e, const ir_edit_part *p, ir_layer_how *ret, imgrel_error *err)
{
    const char *c = e->spec.compression ? e->spec.compression : ir_call_conf(e->call)->compression;
    const char *mt = ir_streq(c, "zstd")   ? IR_MT_OCI_LAYER_ZSTD
                     : ir_streq(c, "none") ? IR_MT_OCI_LAYER
                                           : IR_MT_OCI_LAYER_GZIP;
    *ret = (ir_layer_how){ir_media_convert(mt, p->layer_format), e->spec.level};
    if (ret->media_type)
        return 0;
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Docker's format has no layers compressed by %s",
            ir_store_ref(e->src)->name, c);
    return ir_cure(err, "edit it with format oci");
}

static bool is_foreign(const ir_desc *d)
{
    return ir_media_is_foreign(d->media_type) && d->urls.n;
}

static bool to_be_packed(const ir_edit *e, const ir_desc *d, const ir_layer_how *how)
{
    if (!e->spec.compression || is_foreign(d))
        return false;
    return e->spec.level ||
           ir_media_compression(d->media_type) != ir_media_compression(how->media_type);
}

static int kept(ir_edit *e, ir_edit_layer *l, const ir_layer_how *how, imgrel_error *err)
{
    ir_edit_job j = {.kind = IR_EDIT_COPY, .at = l->at};
    if (to_be_packed(e, l->at.desc, how)) {
        j.kind = IR_EDIT_PACK;
        j.how = *how;
        memcpy(j.diff_id, l->diff_id, strnlen(l->diff_id, IR_DIGEST_MAX - 1));
    } else if (is_foreign(l->at.desc) || (e->here && l->at.store == e->src)) {
        return 0;
    }
    return blob_job(e, &j, &l->job, err);
}

static void put_layers(ir_edit_part *p, ir_store *store, const ir_manifest *m,
                       const ir_json *config, size_t first)
{
    const ir_json *list = ir_json_get(m->json, "layers");
    for (size_t i = first; i < m->n_layers; i++)
        p->layers[p->n_layers++] = (ir_edit_layer){.at = {store, &m->layers[i]},
                                                   .entry = ir_json_at(list, i),
                                                   .diff_id = ir_image_diff_id(config, i)};
}

/* All layers that the part has by now, in one. */
static int merged(ir_edit *e, ir_edit_part *p, const ir_layer_how *how, imgrel_error *err)
{
    ir_edit_job *j = NULL;
    ir_layer_at *stack = calloc(p->n_layers + 1, sizeof *stack);
    if (!stack)
        return ir_nomem(err);
    const ir_edit_job like = {
        .kind = IR_EDIT_MERGE, .stack = stack, .n_stack = p->n_layers, .how = *how};
    int rc = 0;
    for (size_t i = 0; i < p->n_layers; i++) {
        stack[i] = p->layers[i].at;
        if (rc == 0 && is_foreign(stack[i].desc))
            rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a foreign layer can't be flattened",
                         stack[i].desc->digest);
    }
    if (rc == 0)
        rc = job_add(e, &like, &j, err);
    if (rc < 0) {
        free(stack);
        return rc;
    }
    p->layers[0] = (ir_edit_layer){.job = j};
    p->n_layers = 1;
    return 0;
}

static int part_layers(ir_edit *e, ir_edit_part *p, ir_edit_job **fresh, imgrel_error *err)
{
    ir_layer_how how;
    size_t n = ir_image_diff_ids(p->was) + ir_image_diff_ids(p->base_config), skip = 0;
    p->layers = calloc(n + e->spec.n_layers + 1, sizeof *p->layers);
    int rc = p->layers ? how_of(e, p, &how, err) : ir_nomem(err);
    if (rc < 0)
        return rc;
    if (p->base.bytes) {
        put_layers(p, e->new_base, &p->base_doc, p->base_config, 0);
        skip = p->n_below;
    }
    put_layers(p, e->src, &p->doc, p->was, skip);
    if (e->spec.flatten && p->n_layers)
        rc = merged(e, p, &how, err);
    for (size_t i = 0; rc == 0 && !e->spec.flatten && i < p->n_layers; i++)
        rc = kept(e, &p->layers[i], &how, err);
    for (size_t i = 0; rc == 0 && i < e->spec.n_layers; i++) {
        const ir_edit_job like = {
            .kind = IR_EDIT_FRESH, .from = &e->spec.layers[i].from, .how = how};
        if (!fresh[i])
            rc = job_add(e, &like, &fresh[i], err);
        p->layers[p->n_layers++] = (ir_edit_layer){.job = fresh[i]};
    }
    return rc;
}

int ir_edit_layers(ir_edit *e, imgrel_error *err)
{
    ir_edit_job **fresh = calloc(e->spec.n_layers + 1, sizeof *fresh);
    int rc = fresh ? 0 : ir_nomem(err);
    for (size_t i = 0; rc == 0 && i < e->n_parts; i++)
        if (e->parts[i].kind == IR_EDIT_IMAGE)
            rc = part_layers(e, &e->parts[i], fresh, err);
    free(fresh);
    return rc;
}

const ir_desc *ir_edit_layer_desc(const ir_edit_layer *l)
{
    return l->job && l->job->kind != IR_EDIT_COPY ? &l->job->made.desc : l->at.desc;
}

const char *ir_edit_layer_diff_id(const ir_edit_layer *l)
{
    return l->job && l->job->kind != IR_EDIT_COPY ? l->job->made.diff_id : l->diff_id;
}

/* ---- doing them ----------------------------------------------------------------------------- */

/* What runs on the thread that makes a tar: it reads stores, and reports nothing. */
typedef struct making {
    ir_call call;
    const ir_edit_job *job;
} making;

static int pack_source(void *user, ir_tar_out_fn *out, void *out_user, imgrel_error *err)
{
    making *m = user;
    return ir_layer_unpack(&m->call, &m->job->at, out, out_user, err);
}

static int merge_source(void *user, ir_tar_out_fn *out, void *out_user, imgrel_error *err)
{
    making *m = user;
    const ir_image_spec *s = &m->job->e->spec;
    return ir_layers_merge(&m->call, m->job->stack, m->job->n_stack,
                           s->created_given ? s->created_s : -1, out, out_user, err);
}

static int make(const ir_call *call, ir_edit_job *j, imgrel_error *err)
{
    making m = {.call = *call, .job = j};
    m.call.progress = NULL;
    m.call.board = NULL;
    ir_store *dst = j->e->dst;
    if (j->kind == IR_EDIT_FRESH)
        return ir_layer_make(call, dst, j->from, 1, j->e->spec.created_s, &j->how, &j->made, err);
    int rc = ir_layer_pour(call, dst, j->kind == IR_EDIT_PACK ? pack_source : merge_source, &m,
                           &j->how, &j->made, err);
    if (rc == 0 && j->kind == IR_EDIT_PACK && !ir_streq(j->diff_id, j->made.diff_id))
        rc = ir_fail(err, IMGREL_EDIGEST, "%s: unpacked it is %s, the config says %s",
                     j->at.desc->digest, j->made.diff_id, j->diff_id);
    return rc;
}

static int job_run(const ir_call *call, void *job, imgrel_error *err)
{
    ir_edit_job *j = job;
    if (j->kind == IR_EDIT_COPY)
        return ir_image_blob_copy(call, j->at.store, j->e->dst, j->at.desc, err);
    int rc = make(call, j, err);
    const ir_desc *d = &j->made.desc;
    return rc < 0 ? rc
                  : ir_progress(call, IMGREL_EVENT_STEP, d->digest, "layer", (uint64_t)d->size,
                                (uint64_t)d->size, 1, err);
}

/* What is made first, for nobody knows how long it takes; then the biggest blobs. */
static int by_work(const void *a, const void *b)
{
    const ir_edit_job *x = *(ir_edit_job *const *)a, *y = *(ir_edit_job *const *)b;
    int64_t i = x->kind == IR_EDIT_COPY ? x->at.desc->size : INT64_MAX,
            j = y->kind == IR_EDIT_COPY ? y->at.desc->size : INT64_MAX;
    return i > j ? -1 : i < j;
}

int ir_edit_jobs_run(ir_edit *e, imgrel_error *err)
{
    if (!e->n_jobs)
        return 0;
    qsort(e->jobs, e->n_jobs, sizeof *e->jobs, by_work);
    return ir_work_run(e->call, ir_image_jobs(e->call), job_run, (void **)e->jobs, e->n_jobs, err);
}

int ir_edit_copy(ir_edit *e, const ir_desc *d, imgrel_error *err)
{
    return e->here || is_foreign(d) ? 0 : ir_image_blob_copy(e->call, e->src, e->dst, d, err);
}
