/* copy_many.c - whole repositories: the items that copy_list.c finds go through the copy engine on
 * one set of threads. Whoever is free sends a blob of an item that has begun, the oldest item
 * first, or looks for the next item; so there are never more items at once than keep the threads
 * busy, however many tags there are. A blob that several of them want is sent by one, while the
 * others do something else. */
#include "run/copy_many.h"
#include "net/work.h"
#include "run/copy_item.h"
#include "run/copy_report.h"
#include "run/copy_seen.h"

#include <stdlib.h>

#define THREADS_MAX 64

/* An image on its way. */
typedef struct item {
    struct item *next;
    ir_copy_repo *repo;
    char *tag;
    ir_copy_item it;
    bool *taken; /* blobs of the plan that somebody has or had */
    size_t n_taken;
    unsigned running;
} item;

typedef struct queue {
    const ir_copy_many *m;
    ir_copy_list *list;
    ir_copy_seen *seen;
    ir_copy_report report;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    item *first; /* those that have blobs to send, the oldest first */
    size_t n_items, max_items;
    const char *busy[THREADS_MAX]; /* digests of the blobs on their way */
    bool listing, ended, stop;
} queue;

/* ---- items ---------------------------------------------------------------------------------- */

static void item_free(item *i)
{
    if (!i)
        return;
    ir_copy_item_end(&i->it);
    free(i->it.dst);
    free(i->taken);
    free(i->tag);
    free(i);
}

/* Takes tag. */
static int item_new(queue *q, ir_copy_repo *r, char *tag, item **ret, imgrel_error *err)
{
    item *i = calloc(1, sizeof *i);
    *ret = i;
    if (!i) {
        free(tag);
        return ir_nomem(err);
    }
    i->repo = r;
    i->tag = tag;
    i->it = (ir_copy_item){.how = &q->m->how, .src = r->src, .seen = q->seen};
    ir_copy_item_begin(&i->it);
    i->it.dst = calloc(r->n, sizeof *i->it.dst);
    if (!i->it.dst)
        return ir_nomem(err);
    i->it.n_dst = r->n;
    for (size_t k = 0; k < r->n; k++) {
        ir_copy_dst *d = &i->it.dst[k];
        char *name = ir_copy_repo_tag(r, k, tag);
        int bad = name ? ir_strv_add(&d->tags, name) : -1;
        free(name);
        if (bad)
            return ir_nomem(err);
        d->ref = &r->to[k];
        d->store = r->dst[k];
    }
    return 0;
}

/* What the destinations have: *ret_all if each has something. */
static int look(const ir_call *call, item *i, bool *ret_all, imgrel_error *err)
{
    int rc = 0;
    *ret_all = true;
    for (size_t k = 0; !rc && k < i->it.n_dst; k++) {
        ir_copy_dst *d = &i->it.dst[k];
        imgrel_error e = {0};
        int failed = ir_copy_look(call, d, &e);
        if (failed < 0)
            rc = ir_copy_failed(call, &i->it, d, failed, &e, err);
        *ret_all = *ret_all && (failed || d->have[0]);
    }
    return rc;
}

/* Marks those that have the source's image already. True: all of them. */
static bool same(item *i, const char *digest)
{
    bool all = true;
    for (size_t k = 0; k < i->it.n_dst; k++) {
        ir_copy_dst *d = &i->it.dst[k];
        if (d->over || !ir_streq(d->have, digest)) {
            all = all && d->over;
            continue;
        }
        d->over = d->done.unchanged = true;
        memcpy(d->done.digest, digest, strlen(digest) + 1);
    }
    return all;
}

/* Where every destination has the tag, two HEADs tell whether it is the same. Only what has to go
 * is read, under the digest that was found then. */
static int prepare(const ir_call *call, item *i, imgrel_error *err)
{
    const ir_copy_how *how = i->it.how;
    bool plain = !how->platforms && !call->platform && !how->format && !how->referrers;
    bool all = false;
    ir_desc d = {0};
    int rc = look(call, i, &all, err);
    if (!rc && all && plain)
        rc = ir_store_manifest_head(i->it.src, call, i->tag, &d, err);
    if (!rc && d.digest && same(i, d.digest))
        goto out;
    if (!rc)
        rc = ir_copy_read(call, &i->it, d.digest ? d.digest : i->tag, err);
    if (!rc)
        rc = ir_copy_compare(call, &i->it, err);
    if (!rc && IR_DRY_RUN(call))
        rc = ir_copy_measure(call, &i->it, err);
    i->taken = rc ? NULL : calloc(i->it.plan.n_blobs + 1, sizeof *i->taken);
    if (!rc && !i->taken)
        rc = ir_nomem(err);
out:
    ir_desc_free(&d);
    return rc;
}

/* The whole item failed: every destination says so. */
static void all_failed(item *i, int rc, const imgrel_error *e)
{
    for (size_t k = 0; k < i->it.n_dst; k++) {
        ir_copy_dst *d = &i->it.dst[k];
        if (d->rc || d->done.unchanged)
            continue;
        d->rc = rc;
        d->err = *e;
        d->over = true;
    }
}

/* ---- repositories --------------------------------------------------------------------------- */

/* Tags of a destination that the patterns mean and that were not chosen. */
static int prune(const ir_call *call, queue *q, ir_copy_repo *r, size_t k, imgrel_error *err)
{
    ir_pages *pages = NULL;
    IR_AUTO(ir_strv) extra = {0};
    const char *tag = NULL;
    int rc = r->dst[k] ? ir_store_tags(r->dst[k], call, &pages, err) : 0;
    while (!rc && pages && (rc = ir_pages_next(pages, call, &tag, err)) == 1) {
        bool goes = ir_match_name(&q->m->tags, tag) && !ir_copy_repo_chose(r, tag) &&
                    ir_copy_shares_tag(q->m, tag);
        rc = goes && ir_strv_add(&extra, tag) ? ir_nomem(err) : 0;
    }
    ir_pages_free(pages);
    for (size_t i = 0; !rc && i < extra.n; i++) {
        imgrel_error e = {0};
        int failed =
            IR_DRY_RUN(call) ? 0 : ir_store_manifest_delete(r->dst[k], call, extra.v[i], &e);
        rc = ir_report_deleted(call, &q->report, &r->to[k], extra.v[i], failed, &e, err);
    }
    return rc;
}

/* The last one has let go of it. */
static int repo_end(const ir_call *call, queue *q, ir_copy_repo *r, imgrel_error *err)
{
    int rc = 0;
    for (size_t k = 0; !rc && k < r->n; k++) {
        imgrel_error e = {0};
        int failed = 0;
        if (q->m->prune && !r->failed && r->n_names)
            failed = prune(call, q, r, k, &e);
        if (!failed && r->dst[k] && !IR_DRY_RUN(call))
            failed = ir_store_finish(r->dst[k], call, &e);
        if (failed < 0)
            rc = ir_report_failed(call, &q->report, r->from.name, r->to[k].name, failed, &e, err);
    }
    ir_copy_repo_free(r);
    return rc;
}

/* The same, where all ends early. */
static void repo_drop(queue *q, ir_copy_repo *r)
{
    pthread_mutex_lock(&q->lock);
    bool last = --r->users == 0;
    pthread_mutex_unlock(&q->lock);
    if (last)
        ir_copy_repo_free(r);
}

static int repo_release(const ir_call *call, queue *q, ir_copy_repo *r, bool failed,
                        imgrel_error *err)
{
    pthread_mutex_lock(&q->lock);
    r->failed += failed;
    bool last = --r->users == 0;
    pthread_mutex_unlock(&q->lock);
    return last ? repo_end(call, q, r, err) : 0;
}

/* ---- what a thread does --------------------------------------------------------------------- */

/* The item's names are written where all blobs have come, it is reported, and gone. */
static int item_end(const ir_call *call, queue *q, item *i, imgrel_error *err)
{
    bool failed = false;
    int rc = IR_DRY_RUN(call) ? 0 : ir_copy_name(call, &i->it, err);
    for (size_t k = 0; !rc && k < i->it.n_dst; k++) {
        failed = failed || i->it.dst[k].rc < 0;
        rc = ir_report_item(call, &q->report, &i->repo->from, i->tag, &i->it.dst[k], err);
    }
    ir_copy_repo *r = i->repo;
    item_free(i);
    if (rc < 0)
        repo_drop(q, r);
    else
        rc = repo_release(call, q, r, failed, err);
    pthread_mutex_lock(&q->lock);
    q->n_items--;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return rc;
}

static int begin_item(const ir_call *call, queue *q, ir_copy_repo *r, char *tag, imgrel_error *err)
{
    item *i = NULL;
    imgrel_error e = {0};
    int rc = item_new(q, r, tag, &i, err);
    if (rc < 0) {
        item_free(i);
        repo_drop(q, r);
        return rc;
    }
    rc = prepare(call, i, &e);
    int stop = rc ? ir_call_check(call, err) : 0;
    if (rc < 0)
        all_failed(i, rc, &e);
    if (!stop && (rc || IR_DRY_RUN(call) || !ir_copy_wants_blobs(&i->it) || !i->it.plan.n_blobs))
        return item_end(call, q, i, err);
    pthread_mutex_lock(&q->lock);
    item **at = &q->first;
    while (*at)
        at = &(*at)->next;
    *at = i; /* on a stop it is freed with the others */
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return stop;
}

static int do_list(const ir_call *call, queue *q, imgrel_error *err)
{
    ir_copy_repo *r = NULL;
    char *tag = NULL;
    imgrel_error e = {0};
    int rc = ir_copy_list_next(call, q->list, &r, &tag, &e);
    pthread_mutex_lock(&q->lock);
    q->listing = false;
    q->ended = rc == 0 || (rc < 0 && !r);
    q->n_items += rc == IR_LIST_TAG;
    if (rc == IR_LIST_TAG)
        r->users++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (rc == IR_LIST_TAG)
        return begin_item(call, q, r, tag, err);
    if (rc == IR_LIST_DONE)
        return repo_release(call, q, r, false, err);
    if (rc == 0)
        return 0;
    rc = ir_report_failed(call, &q->report, r ? r->from.name : q->m->from.name, NULL, rc, &e, err);
    if (r && rc < 0)
        repo_drop(q, r);
    else if (r)
        rc = repo_release(call, q, r, true, err);
    return rc;
}

static bool is_busy(const queue *q, const char *digest)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (q->busy[i] && !strcmp(q->busy[i], digest))
            return true;
    return false;
}

/* A blob that nobody has, and that nobody is sending for another item. Lock held. */
static bool take_blob(queue *q, item **ret, const ir_desc **ret_d, size_t *ret_slot)
{
    size_t slot = 0;
    while (slot < THREADS_MAX && q->busy[slot])
        slot++;
    for (item *i = q->first; slot < THREADS_MAX && i; i = i->next) {
        const ir_copy_plan *p = &i->it.plan;
        for (size_t k = 0; i->n_taken < p->n_blobs && k < p->n_blobs; k++) {
            if (i->taken[k] || is_busy(q, p->blobs[k]->digest))
                continue;
            i->taken[k] = true;
            i->n_taken++;
            i->running++;
            q->busy[slot] = p->blobs[k]->digest;
            *ret = i;
            *ret_d = p->blobs[k];
            *ret_slot = slot;
            return true;
        }
    }
    return false;
}

/* Nobody needs the rest of an item whose destinations have all failed. Lock held. */
static bool is_last(queue *q, item *i)
{
    if (i->n_taken < i->it.plan.n_blobs && !ir_copy_wants_blobs(&i->it))
        i->n_taken = i->it.plan.n_blobs;
    if (i->n_taken < i->it.plan.n_blobs || i->running)
        return false;
    item **at = &q->first;
    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    return true;
}

static int do_blob(const ir_call *call, queue *q, item *i, const ir_desc *d, size_t slot,
                   imgrel_error *err)
{
    int rc = ir_copy_blob(call, &i->it, d, err);
    pthread_mutex_lock(&q->lock);
    q->busy[slot] = NULL;
    i->running--;
    bool last = !rc && is_last(q, i);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return last ? item_end(call, q, i, err) : rc;
}

enum step { END, BLOB, LIST };

/* Waits until there is something to do. Whoever is at work wakes us when it ends, and a call that
 * is cancelled ends everybody's work. */
static enum step next_step(queue *q, item **ret, const ir_desc **ret_d, size_t *ret_slot)
{
    enum step what = END;
    pthread_mutex_lock(&q->lock);
    while (!q->stop) {
        if (take_blob(q, ret, ret_d, ret_slot)) {
            what = BLOB;
            break;
        }
        if (!q->ended && !q->listing && q->n_items < q->max_items) {
            q->listing = true;
            what = LIST;
            break;
        }
        if (q->ended && !q->n_items)
            break;
        pthread_cond_wait(&q->changed, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return what;
}

static int work(const ir_call *call, void *user, imgrel_error *err)
{
    queue *q = user;
    int rc = 0;
    while (!rc) {
        item *i = NULL;
        const ir_desc *d = NULL;
        size_t slot = 0;
        enum step what = next_step(q, &i, &d, &slot);
        if (what == END)
            break;
        rc = what == LIST ? do_list(call, q, err) : do_blob(call, q, i, d, slot, err);
        if (!rc)
            rc = ir_call_check(call, err);
    }
    pthread_mutex_lock(&q->lock);
    q->stop = q->stop || rc;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void queue_end(queue *q)
{
    while (q->first) {
        item *i = q->first;
        q->first = i->next;
        ir_copy_repo *r = i->repo;
        item_free(i);
        repo_drop(q, r);
    }
    ir_copy_list_free(q->list);
    ir_copy_seen_free(q->seen);
    ir_report_end(&q->report);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

int ir_copy_many_run(const ir_call *call, const ir_copy_many *m, ir_copy_sum *ret,
                     imgrel_error *err)
{
    unsigned n = ir_copy_threads(call);
    void *workers[THREADS_MAX];
    n = n < THREADS_MAX ? n : THREADS_MAX;
    queue q = {.m = m, .max_items = 2 * n};
    pthread_mutex_init(&q.lock, NULL);
    pthread_cond_init(&q.changed, NULL);
    for (unsigned i = 0; i < n; i++)
        workers[i] = &q;
    *ret = (ir_copy_sum){0};
    int rc = ir_report_begin(&q.report, ret, m->how.keep_going, err);
    if (!rc)
        rc = ir_copy_seen_new(&q.seen, err);
    if (!rc)
        rc = ir_copy_list_new(m, &q.list, err);
    if (!rc)
        rc = ir_work_run(call, n, work, workers, n, err);
    queue_end(&q);
    return rc;
}

void ir_copy_many_free(ir_copy_many *m)
{
    for (size_t i = 0; m->to && i < m->n_to; i++)
        ir_ref_free(&m->to[i]);
    free(m->to);
    ir_ref_free(&m->from);
    ir_match_free(&m->repositories);
    ir_match_free(&m->tags);
}
