/* registry_range.c - a large blob in several closed ranges at once, straight into a file, while one
 * thread hashes from the beginning what has arrived without a gap. The file itself says what is
 * there: steps are whole pages, so that its holes are what a killed process did not get to write.
 * None of it is believed: all is hashed, and what is not the blob is fetched again as a whole. */
#include "oci/registry.h"
#include "base/cancel.h"
#include "base/limits.h"
#include "net/work.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP (128 * (int64_t)IR_KIB)
#define SPAN_MIN (8 * (int64_t)IR_MIB)
#define SPAN_MAX (64 * (int64_t)IR_MIB)
#define SPANS_IN_BLOB 16 /* each is a request: a few for each connection, whatever the size */
#define SPANS_MAX 512
#define RANGES_MAX 16
#define LOOK_MS 200

typedef struct span {
    int64_t at, end; /* what is still to come */
} span;

typedef struct fetch {
    ir_store *s;
    const ir_desc *d;
    ir_fetch *how;
    ir_hash *hash;
    int64_t missing;
    ir_reader *probe;     /* the first span's, open already; the one who takes that span has it */
    pthread_mutex_t lock; /* the rest */
    pthread_cond_t moved;
    span *spans; /* in their order */
    size_t n_spans, next;
    int64_t got;
    bool failed;
} fetch;

typedef struct range_job {
    fetch *f;
    bool hashes;
} range_job;

/* ---- what is missing ------------------------------------------------------------------------ */

static int add_span(fetch *f, int64_t at, int64_t end, imgrel_error *err)
{
    if (f->n_spans % 64 == 0) {
        span *more = realloc(f->spans, (f->n_spans + 64) * sizeof *more);
        if (!more)
            return ir_nomem(err);
        f->spans = more;
    }
    f->spans[f->n_spans++] = (span){at, end};
    f->missing += end - at;
    return 0;
}

static int add_hole(fetch *f, int64_t at, int64_t end, imgrel_error *err)
{
    int64_t most = f->d->size / SPANS_IN_BLOB / STEP * STEP;
    int rc = 0;
    most = most < SPAN_MIN ? SPAN_MIN : most > SPAN_MAX ? SPAN_MAX : most;
    for (; !rc && at < end && f->n_spans < SPANS_MAX; at += most)
        rc = add_span(f, at, end - at > most ? at + most : end, err);
    return rc;
}

/* Holes, widened to whole steps: what lies at their edges may be half written. */
static int find_holes(fetch *f, imgrel_error *err)
{
    struct stat st;
    const int64_t size = f->d->size;
    int rc = 0;
    if (fstat(f->how->fd, &st) || (st.st_size > size && ftruncate(f->how->fd, (off_t)size)))
        return ir_fail_errno(err, errno, "%s", f->d->digest);
    const int64_t have = st.st_size < size ? st.st_size : size;
    for (int64_t at = 0; !rc && at < size;) {
        int64_t hole = at < have ? lseek(f->how->fd, (off_t)at, SEEK_HOLE) : at;
        int64_t data = hole >= 0 && hole < have ? lseek(f->how->fd, (off_t)hole, SEEK_DATA) : -1;
        if (hole < 0 || hole > have)
            hole = have; /* a file system that knows no holes: the digest tells */
        hole = hole / STEP * STEP;
        data = data < 0 ? size : (data + STEP - 1) / STEP * STEP;
        if (hole < size)
            rc = add_hole(f, hole > at ? hole : at, data < size ? data : size, err);
        at = data > at ? data : size;
    }
    return rc;
}

/* ---- fetching ------------------------------------------------------------------------------- */

static int write_at(const fetch *f, const char *p, int64_t len, int64_t at, imgrel_error *err)
{
    while (len > 0) {
        ssize_t n = pwrite(f->how->fd, p, (size_t)len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int rc = ir_fail_errno(err, n ? errno : EIO, "writing %s", f->d->digest);
            ir_cure(err, "make room where it is written");
            return rc;
        }
        p += n;
        at += n;
        len -= n;
    }
    return 0;
}

/* Whole steps, so that the file has holes only between pages. */
static int64_t read_step(ir_reader *r, char *buf, int64_t len, imgrel_error *err)
{
    int64_t n = 0;
    while (n < len) {
        int64_t got = ir_registry_part_read(r, buf + n, (size_t)(len - n), err);
        if (got <= 0)
            return got < 0 ? got
                           : ir_fail(err, IMGREL_ENET, "%s: %s ended early", r->where, r->digest);
        n += got;
    }
    return n;
}

static int account(fetch *f, const ir_call *call, span *s, int64_t n, imgrel_error *err)
{
    pthread_mutex_lock(&f->lock);
    s->at += n;
    f->got += n;
    int64_t done = f->d->size - f->missing + f->got;
    bool failed = f->failed;
    pthread_cond_broadcast(&f->moved);
    pthread_mutex_unlock(&f->lock);
    if (failed)
        return ir_fail(err, IMGREL_ECANCELED, "another range of %s failed", f->d->digest);
    return ir_progress(call, IMGREL_EVENT_BYTES, f->d->digest, "copying", (uint64_t)done,
                       (uint64_t)f->d->size, f->how->attempt, err);
}

static int fetch_span(fetch *f, const ir_call *call, span *s, ir_reader *r, char *buf,
                      imgrel_error *err)
{
    int rc = 0;
    while (!rc && s->at < s->end) {
        int64_t len = s->end - s->at < STEP ? s->end - s->at : STEP;
        int64_t n = read_step(r, buf, len, err);
        rc = n < 0 ? (int)n : write_at(f, buf, n, s->at, err);
        if (!rc)
            rc = account(f, call, s, n, err);
    }
    return rc;
}

/* ret_reader: the one that is open for it, or NULL. */
static span *next_span(fetch *f, ir_reader **ret_reader)
{
    pthread_mutex_lock(&f->lock);
    span *s = !f->failed && f->next < f->n_spans ? &f->spans[f->next++] : NULL;
    *ret_reader = s ? f->probe : NULL;
    if (s)
        f->probe = NULL;
    pthread_mutex_unlock(&f->lock);
    return s;
}

static int fetch_spans(fetch *f, const ir_call *call, imgrel_error *err)
{
    ir_reader *r = NULL;
    char *buf = malloc(STEP);
    int rc = buf ? 0 : ir_nomem(err);
    for (span *s; !rc && (s = next_span(f, &r));) {
        if (r)
            ir_registry_part_adopt(r, call);
        else
            rc = ir_registry_part_open(f->s, call, f->d, s->at, s->end, &r, err);
        if (rc == 0)
            rc = fetch_span(f, call, s, r, buf, err);
        ir_reader_close(r);
    }
    free(buf);
    if (rc) {
        pthread_mutex_lock(&f->lock);
        f->failed = true;
        pthread_cond_broadcast(&f->moved);
        pthread_mutex_unlock(&f->lock);
    }
    return rc;
}

/* ---- hashing in order ----------------------------------------------------------------------- */

/* Up to where all has arrived; waits until that is beyond `at`. */
static int wait_beyond(fetch *f, const ir_call *call, int64_t at, size_t *i, int64_t *ret,
                       imgrel_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        while (*i < f->n_spans && f->spans[*i].at == f->spans[*i].end)
            ++*i;
        *ret = *i < f->n_spans ? f->spans[*i].at : f->d->size;
        if (*ret > at || rc)
            break;
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&f->moved, &f->lock, &until);
        if (f->failed)
            rc = ir_fail(err, IMGREL_ECANCELED, "another range of %s failed", f->d->digest);
        else
            rc = ir_call_check(call, err);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static int hash_arrived(fetch *f, const ir_call *call, char *buf, imgrel_error *err)
{
    size_t i = 0;
    int64_t ready = 0;
    for (int64_t at = 0; at < f->d->size;) {
        int rc = at < ready ? 0 : wait_beyond(f, call, at, &i, &ready, err);
        if (rc)
            return rc;
        int64_t len = ready - at < STEP ? ready - at : STEP;
        ssize_t n = pread(f->how->fd, buf, (size_t)len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ir_fail_errno(err, n ? errno : EIO, "reading %s back", f->d->digest);
        ir_hash_add(f->hash, buf, (size_t)n);
        at += n;
    }
    return 0;
}

static int verify(fetch *f, const ir_call *call, imgrel_error *err)
{
    char got[IR_DIGEST_MAX], *buf = malloc(STEP);
    int rc = buf ? hash_arrived(f, call, buf, err) : ir_nomem(err);
    free(buf);
    if (rc)
        return rc;
    ir_hash_end(f->hash, got);
    if (ir_streq(got, f->d->digest))
        return 0;
    ir_registry_distrust(ir_registry_of(f->s), call);
    return ir_fail(err, IMGREL_EDIGEST, "%s: the content of %s has the digest %s",
                   ir_store_where(f->s), f->d->digest, got);
}

static int run_job(const ir_call *call, void *user, imgrel_error *err)
{
    range_job *job = user;
    return job->hashes ? verify(job->f, call, err) : fetch_spans(job->f, call, err);
}

/* The one that hashes comes last: it starts only when all others have. */
static int run_all(fetch *f, const ir_call *call, unsigned n, imgrel_error *err)
{
    range_job jobs[RANGES_MAX + 1];
    void *list[RANGES_MAX + 1];
    for (unsigned i = 0; i <= n; i++) {
        jobs[i] = (range_job){f, i == n};
        list[i] = &jobs[i];
    }
    return ir_work_run(call, n + 1, run_job, list, n + 1, err);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* 1: ranges are honoured here. 0: not; what was given is then all of the blob. */
static int probe(fetch *f, const ir_call *call, imgrel_error *err)
{
    imgrel_error e = {0};
    ir_reader *r = NULL;
    int rc = ir_registry_part_open(f->s, call, f->d, f->spans[0].at, f->spans[0].end, &r, &e);
    if (rc == IMGREL_EUNSUPPORTED)
        return 0;
    if (rc < 0 && err && !err->code)
        *err = e;
    if (rc == 1)
        f->how->reader = r;
    else if (rc == 0)
        f->probe = r;
    return rc < 0 ? rc : !rc;
}

static int fetch_all(fetch *f, const ir_call *call, imgrel_error *err)
{
    imgrel_error e = {0};
    int64_t n = ir_call_conf(call)->ranges;
    int rc = find_holes(f, err);
    /* A small rest is read in one piece, unless something lies behind it that would be lost. */
    bool rest = f->n_spans && f->spans[0].at + f->missing == f->d->size;
    if (rc || !f->n_spans || f->n_spans == SPANS_MAX || (rest && f->missing < 2 * SPAN_MIN))
        return rc;
    f->how->kept = f->missing < f->d->size;
    rc = probe(f, call, err);
    if (rc != 1)
        return rc;
    n = n < (int64_t)f->n_spans ? n : (int64_t)f->n_spans;
    rc = run_all(f, call, (unsigned)(n < RANGES_MAX ? n : RANGES_MAX), &e);
    if (rc == IMGREL_EUNSUPPORTED)
        return 0; /* one of several servers behind a name; what has arrived is of use */
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc ? rc : 1;
}

int ir_registry_blob_fetch(ir_store *s, const ir_call *call, const ir_desc *d, ir_fetch *how,
                           imgrel_error *err)
{
    const ir_conf *conf = ir_call_conf(call);
    fetch f = {.s = s, .d = d, .how = how};
    if (conf->ranges < 2 || d->size < conf->ranges_from * (int64_t)IR_MIB)
        return 0;
    int rc = ir_hash_new(ir_digest_algorithm(d->digest), &f.hash, err);
    if (rc)
        return rc;
    pthread_mutex_init(&f.lock, NULL);
    pthread_cond_init(&f.moved, NULL);
    rc = fetch_all(&f, call, err);
    ir_reader_close(f.probe);
    free(f.spans);
    pthread_cond_destroy(&f.moved);
    pthread_mutex_destroy(&f.lock);
    ir_hash_free(f.hash);
    return rc;
}
