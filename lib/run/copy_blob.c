/* copy_blob.c - one blob from its store into every destination that wants it. To one it is poured;
 * to several it is read once, each taking it at its own pace (copy_tee.h). Of destinations in one
 * registry the first is sent the blob, the others mount it from there. Who has to begin again, or
 * comes too late, reads by itself. */
#include "net/work.h"
#include "run/copy_item.h"
#include "run/copy_seen.h"
#include "run/copy_tee.h"

#include <stdlib.h>

/* The blob where it comes from; opened when its first byte is asked for, for often none is. */
typedef struct origin {
    ir_store *store;
    const ir_desc *d;
    unsigned attempt;
    bool trust; /* who takes it verifies it */
    ir_reader *reader;
    uint64_t done;
} origin;

/* A blob on its way into one destination. */
typedef struct sending {
    const ir_call *call;
    ir_copy_item *it;
    ir_copy_dst *dst;
    const ir_desc *d;
    const struct sending *sibling; /* in the same registry, and before us; NULL: none */
    ir_tee *tee;                   /* NULL: we read by ourselves */
    unsigned member;
    origin own;
    bool corrupt;      /* what the source gave does not match its digest */
    bool kept;         /* some of it was found, not fetched now */
    const char *state; /* "pushed", "exists", "mounted", "foreign" */
    int rc;
    imgrel_error err;
} sending;

/* ---- the source ----------------------------------------------------------------------------- */

/* A registry verifies what it is sent, and hashing costs more than sending: the bytes are hashed
 * here only from the second try on, so that it is known on which side of us they were spoilt. */
static int origin_open(origin *o, const ir_call *call, imgrel_error *err)
{
    int rc = ir_store_blob_open(o->store, call, o->d, &o->reader, err);
    if (!rc && o->trust)
        ir_reader_trust(o->reader);
    o->trust = false;
    return rc;
}

static int64_t origin_read(void *user, const ir_call *call, void *buf, size_t len,
                           imgrel_error *err)
{
    origin *o = user;
    int rc = o->reader ? 0 : origin_open(o, call, err);
    int64_t n = rc ? rc : ir_reader_read(o->reader, buf, len, err);
    if (n < 0)
        return n;
    o->done += (uint64_t)n;
    rc = ir_progress(call, IMGREL_EVENT_BYTES, o->d->digest, "copying", o->done,
                     (uint64_t)o->d->size, o->attempt, err);
    return rc ? rc : n;
}

static void origin_close(void *user)
{
    origin *o = user;
    ir_reader_close(o->reader);
    o->reader = NULL;
    o->done = 0;
}

/* ---- one destination ------------------------------------------------------------------------ */

static void leave(sending *s)
{
    if (s->tee)
        ir_tee_leave(s->tee, s->member);
    s->tee = NULL;
}

static int64_t source_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    sending *s = user;
    int64_t n = s->tee ? ir_tee_read(s->tee, s->member, s->call, buf, len, err)
                       : origin_read(&s->own, s->call, buf, len, err);
    s->corrupt = s->corrupt || n == IMGREL_EDIGEST;
    return n;
}

static int source_rewind(void *user, imgrel_error *err)
{
    sending *s = user;
    (void)err;
    leave(s); /* the others go on: from here we read by ourselves */
    origin_close(&s->own);
    s->own.trust = false;
    return 0;
}

static int source_resume(void *user, int fd, int64_t from, imgrel_error *err)
{
    sending *s = user;
    if (s->tee)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "a blob for several is read from its beginning");
    origin_close(&s->own);
    int rc = ir_store_blob_resume(s->it->src, s->call, s->d, fd, from, &s->own.reader, err);
    s->own.done = rc ? 0 : (uint64_t)from;
    s->kept |= !rc && fd >= 0;
    return rc;
}

static int source_fetch(void *user, int fd, imgrel_error *err)
{
    sending *s = user;
    ir_fetch how = {.fd = fd, .attempt = s->own.attempt};
    if (s->tee)
        return 0;
    int rc = ir_store_blob_fetch(s->it->src, s->call, s->d, &how, err);
    s->own.reader = how.reader;
    s->corrupt = rc == IMGREL_EDIGEST;
    s->kept |= how.kept;
    return rc;
}

/* Where the blob may be mounted from: the source, a sibling that has it by now, or another
 * repository that has been seen to have it. */
static const char *mount_from(const sending *s)
{
    const char *from = ir_copy_near(ir_store_ref(s->it->src), s->dst->ref);
    if (!from && s->sibling && !s->sibling->rc)
        from = s->sibling->dst->ref->repository;
    return from ? from : ir_copy_seen_near(s->it->seen, s->dst->ref, s->d->digest);
}

static int send_one(const ir_call *call, void *user, imgrel_error *err)
{
    sending *s = user;
    const ir_body body = {.read = source_read,
                          .rewind = source_rewind,
                          .resume = source_resume,
                          .fetch = source_fetch,
                          .user = s,
                          .size = s->d->size,
                          .verified = true};
    (void)err;
    s->call = call;
    if (s->tee && !ir_tee_join(s->tee, s->member))
        s->tee = NULL;
    s->rc = ir_store_blob_put(s->dst->store, call, s->d, &body, mount_from(s), &s->state, &s->err);
    leave(s);
    origin_close(&s->own);
    return 0;
}

/* ---- several destinations ------------------------------------------------------------------- */

static int send_shared(const ir_call *call, sending **v, size_t n, imgrel_error *err)
{
    origin shared = v[0]->own;
    ir_tee *tee = NULL;
    for (size_t i = 1; i < n; i++)
        shared.trust = shared.trust && v[i]->own.trust;
    int rc = ir_tee_new((unsigned)n, origin_read, origin_close, &shared, &tee, err);
    for (size_t i = 0; !rc && i < n; i++) {
        v[i]->tee = tee;
        v[i]->member = (unsigned)i;
    }
    if (!rc)
        rc = ir_work_run(call, (unsigned)n, send_one, (void **)v, n, err);
    for (size_t i = 0; tee && i < n; i++)
        ir_tee_leave(tee, (unsigned)i); /* those that never began */
    ir_tee_free(tee);
    return rc;
}

static bool same_registry(const ir_ref *a, const ir_ref *b)
{
    return a->transport == IR_REGISTRY && b->transport == IR_REGISTRY && ir_streq(a->host, b->host);
}

/* The one before it that it can mount from; NULL: it has to be sent the bytes. */
static const sending *find_sibling(const sending *all, const sending *s)
{
    if (s->dst->no_mount || ir_copy_near(ir_store_ref(s->it->src), s->dst->ref))
        return NULL;
    for (const sending *a = all; a < s; a++)
        if (same_registry(a->dst->ref, s->dst->ref) && !a->sibling)
            return a;
    return NULL;
}

static void note_mount(sending *s)
{
    if (!s->sibling || s->rc || !ir_streq(s->state, "pushed"))
        return;
    pthread_mutex_lock(&s->it->lock);
    s->dst->no_mount = true;
    pthread_mutex_unlock(&s->it->lock);
}

/* One attempt for all that are left: first those that need the bytes, then those that mount. */
static int send_all(const ir_call *call, sending *all, size_t n, imgrel_error *err)
{
    sending **v = calloc(n + 1, sizeof *v);
    size_t n_v = 0;
    int rc = v ? 0 : ir_nomem(err);
    for (size_t i = 0; v && i < n; i++) {
        all[i].sibling = find_sibling(all, &all[i]);
        if (!all[i].state && !all[i].sibling && !all[i].rc)
            v[n_v++] = &all[i];
    }
    if (!rc && n_v > 1)
        rc = send_shared(call, v, n_v, err);
    else if (!rc && n_v)
        rc = send_one(call, v[0], err);
    for (size_t i = 0; !rc && i < n; i++) {
        if (all[i].state || !all[i].sibling || all[i].rc)
            continue;
        rc = send_one(call, &all[i], err);
        note_mount(&all[i]);
    }
    free(v);
    return rc;
}

/* A cache on the way may have been at fault: once more for those who got it. What was found here is
 * not even that. */
static bool once_more(sending *all, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        sending *s = &all[i];
        if (!s->rc || !s->corrupt || (!s->kept && s->own.attempt > 1) ||
            ir_store_ref(s->own.store)->transport != IR_REGISTRY)
            continue;
        ir_error_clear(&s->err);
        s->rc = 0;
        s->own.attempt += !s->kept;
        s->own.trust = false;
        s->corrupt = s->kept = false;
        s->state = NULL;
        any = true;
    }
    return any;
}

/* ---- the blob ------------------------------------------------------------------------------- */

static void count(ir_copied *ret, const ir_desc *d, const char *state)
{
    ret->blobs_copied += ir_streq(state, "pushed");
    ret->blobs_exist += ir_streq(state, "exists");
    ret->blobs_mounted += ir_streq(state, "mounted");
    if (ir_streq(state, "pushed"))
        ret->bytes += (uint64_t)d->size;
}

static int ended(const ir_call *call, sending *s, imgrel_error *err)
{
    ir_copy_item *it = s->it;
    uint64_t size = (uint64_t)s->d->size;
    if (s->rc)
        return ir_copy_failed(call, it, s->dst, s->rc, &s->err, err);
    if (!ir_streq(s->state, "foreign"))
        ir_copy_seen_add(it->seen, s->dst->ref, s->d->digest);
    pthread_mutex_lock(&it->lock);
    count(&s->dst->done, s->d, s->state);
    pthread_mutex_unlock(&it->lock);
    return ir_progress(call, IMGREL_EVENT_BYTES, s->d->digest, s->state, size, size, s->own.attempt,
                       err);
}

/* What is known without asking. */
static const char *state_before(ir_copy_item *it, const ir_copy_dst *dst, const ir_desc *d)
{
    if (ir_media_is_foreign(d->media_type) && d->urls.n)
        return "foreign"; /* lives at its own address: the manifest says where */
    return ir_copy_seen_has(it->seen, dst->ref, d->digest) ? "exists" : NULL;
}

static size_t list_wanting(ir_copy_item *it, const ir_desc *d, sending *all)
{
    size_t n = 0;
    pthread_mutex_lock(&it->lock);
    for (size_t i = 0; i < it->n_dst; i++) {
        ir_copy_dst *dst = &it->dst[i];
        if (dst->over || dst->there)
            continue;
        all[n++] = (sending){.it = it,
                             .dst = dst,
                             .d = d,
                             .own = {.store = it->src,
                                     .d = d,
                                     .attempt = 1,
                                     .trust = dst->ref->transport == IR_REGISTRY},
                             .state = state_before(it, dst, d)};
    }
    pthread_mutex_unlock(&it->lock);
    return n;
}

int ir_copy_blob(const ir_call *call, ir_copy_item *it, const ir_desc *d, imgrel_error *err)
{
    sending *all = calloc(it->n_dst + 1, sizeof *all);
    if (!all)
        return ir_nomem(err);
    size_t n = list_wanting(it, d, all);
    int rc = send_all(call, all, n, err);
    for (int i = 0; !rc && i < 2 && once_more(all, n); i++)
        rc = send_all(call, all, n, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = ended(call, &all[i], err);
    free(all);
    return rc;
}
