/* compress.c - the pipeline: a source thread fills blocks, other threads compress them, the
 * calling thread takes them out in order. A ring of blocks under one lock bounds the memory. */
#include "oci/compress_block.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 8
#define CHECK_MS 100 /* how often the calling thread looks at cancel and deadline */

typedef struct slot {
    ir_block b;
    bool done;
} slot;

struct ir_pack {
    const ir_block_codec *codec;
    int level;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    slot *ring;
    unsigned n;
    uint64_t filled, taken, written; /* blocks: given by the source, begun, gone out */
    bool closed, stop;
    ir_block *now; /* that the source fills */
    ir_pack_source_fn *source;
    void *source_user;
    imgrel_error failure; /* of the source or a compressing thread */
};

static unsigned processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static int choose_gzip(const ir_conf *conf, ir_codec *ret, imgrel_error *err)
{
    const char *name = conf->compression_codec ? conf->compression_codec : "auto";
    int64_t level = conf->compression_level ? conf->compression_level : 1;
    if (level < 1 || level > 9)
        return ir_fail(err, IMGREL_EINVAL, "compression_level %lld: gzip has 1 to 9",
                       (long long)level);
    ret->level = (int)level;
#ifdef IR_HAVE_ISAL
    if (strcmp(name, "isal") == 0 && level > 2)
        return ir_fail(err, IMGREL_EINVAL, "compression_level %lld: ISA-L has 1 and 2",
                       (long long)level);
    ret->isal = strcmp(name, "zlib") != 0 && level <= 2;
#else
    if (strcmp(name, "isal") == 0)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "compression_codec isal: built without ISA-L");
#endif
    return 0;
}

int ir_codec_choose(const ir_conf *conf, char format, ir_codec *ret, imgrel_error *err)
{
    *ret = (ir_codec){.format = format};
    if (format == 'g')
        return choose_gzip(conf, ret, err);
    if (format == 0)
        return 0;
#ifdef IR_HAVE_ZSTD
    if (conf->compression_level < 0 || conf->compression_level > 19)
        return ir_fail(err, IMGREL_EINVAL, "compression_level %lld: zstd has 1 to 19",
                       (long long)conf->compression_level);
    ret->level = conf->compression_level ? (int)conf->compression_level : 3;
    return 0;
#else
    return ir_fail(err, IMGREL_EUNSUPPORTED, "compression zstd: built without zstd");
#endif
}

static int codec_of(const ir_codec *codec, const ir_block_codec **ret, imgrel_error *err)
{
    *ret = codec->format == 0 ? &ir_block_none : &ir_block_zlib;
#ifdef IR_HAVE_ISAL
    if (codec->format == 'g' && codec->isal)
        *ret = &ir_block_isal;
#endif
#ifdef IR_HAVE_ZSTD
    if (codec->format == 'z')
        *ret = &ir_block_zstd;
#endif
    if (codec->format == 'z' && *ret == &ir_block_zlib)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "compression zstd: built without zstd");
    return 0;
}

/* ---- the source's side ---------------------------------------------------------------------- */

/* A free block, primed with the end of the one before it. */
static int block_begin(ir_pack *p, imgrel_error *err)
{
    pthread_mutex_lock(&p->lock);
    while (!p->stop && p->filled - p->written >= p->n)
        pthread_cond_wait(&p->moved, &p->lock);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    if (stop)
        return ir_fail(err, IMGREL_ECANCELED, "compression was stopped");
    ir_block *b = &p->ring[p->filled % p->n].b;
    b->before = b->len = 0;
    if (p->filled) {
        const ir_block *last = &p->ring[(p->filled - 1) % p->n].b;
        size_t have = last->before + last->len;
        b->before = have < p->codec->history ? have : p->codec->history;
        memcpy(b->in, last->in + have - b->before, b->before);
    }
    p->now = b;
    return 0;
}

static void block_publish(ir_pack *p)
{
    pthread_mutex_lock(&p->lock);
    p->ring[p->filled % p->n].done = false;
    p->filled++;
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
    p->now = NULL;
}

int ir_pack_write(ir_pack *p, const void *data, size_t len, imgrel_error *err)
{
    const uint8_t *at = data;
    while (len) {
        int rc = p->now ? 0 : block_begin(p, err);
        if (rc < 0)
            return rc;
        ir_block *b = p->now;
        size_t room = p->codec->block - b->len, n = len < room ? len : room;
        memcpy(b->in + b->before + b->len, at, n);
        b->len += n;
        at += n;
        len -= n;
        if (b->len == p->codec->block)
            block_publish(p);
    }
    return 0;
}

/* Ends one of our threads: its failure stops the others. */
static void thread_end(ir_pack *p, const imgrel_error *failure)
{
    pthread_mutex_lock(&p->lock);
    if (failure->code) {
        if (!p->stop)
            p->failure = *failure;
        p->stop = true;
    }
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
}

static void *source_main(void *arg)
{
    ir_pack *p = arg;
    imgrel_error err = {0};
    int rc = p->source(p->source_user, p, &err);
    if (rc < 0 && !err.code)
        ir_fail(&err, rc, "a layer's source ended early");
    if (rc == 0 && p->now)
        block_publish(p);
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    pthread_mutex_unlock(&p->lock);
    thread_end(p, &err);
    return NULL;
}

/* ---- the compressing threads ---------------------------------------------------------------- */

/* The next block that nobody has begun; NULL: there will be none. */
static slot *slot_take(ir_pack *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->stop && p->taken == p->filled && !p->closed)
        pthread_cond_wait(&p->moved, &p->lock);
    slot *s = p->stop || p->taken == p->filled ? NULL : &p->ring[p->taken++ % p->n];
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void slot_done(ir_pack *p, slot *s)
{
    pthread_mutex_lock(&p->lock);
    s->done = true;
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
}

static void *packer_main(void *arg)
{
    ir_pack *p = arg;
    imgrel_error err = {0};
    void *state = p->codec->open(p->level);
    if (!state)
        ir_nomem(&err);
    for (slot *s; state && (s = slot_take(p));) {
        if (p->codec->pack(state, &s->b, &err) < 0)
            break;
        slot_done(p, s);
    }
    if (state)
        p->codec->close(state);
    thread_end(p, &err);
    return NULL;
}

/* ---- the calling thread --------------------------------------------------------------------- */

static void wait_a_moment(ir_pack *p)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += CHECK_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&p->moved, &p->lock, &t);
}

/* 1 with the next finished block, 0 after the last, or a code. */
static int next_done(ir_pack *p, const ir_call *call, ir_block **ret, imgrel_error *err)
{
    slot *s = &p->ring[p->written % p->n];
    int rc = 1;
    pthread_mutex_lock(&p->lock);
    while (rc == 1 && !p->stop && !(p->written < p->filled && s->done)) {
        if (p->closed && p->written == p->filled) {
            rc = 0;
            break;
        }
        wait_a_moment(p);
        pthread_mutex_unlock(&p->lock);
        int checked = ir_call_check(call, err);
        pthread_mutex_lock(&p->lock);
        if (checked < 0)
            rc = checked;
    }
    if (rc == 1 && p->stop)
        rc = ir_fail(err, p->failure.code, "%s", p->failure.message);
    pthread_mutex_unlock(&p->lock);
    *ret = &s->b;
    return rc;
}

static int drain(ir_pack *p, const ir_call *call, ir_pack_out_fn *out, void *user,
                 imgrel_error *err)
{
    ir_sum sum = {0};
    uint8_t frame[32];
    size_t n = p->codec->head ? p->codec->head(frame) : 0;
    int rc = n ? out(user, frame, n, err) : 0;
    for (ir_block *b = NULL; rc == 0;) {
        rc = ir_call_check(call, err);
        if (rc == 0)
            rc = next_done(p, call, &b, err);
        if (rc <= 0)
            break;
        if (p->codec->sum)
            p->codec->sum(&sum, b);
        rc = out(user, b->out, b->out_len, err);
        pthread_mutex_lock(&p->lock);
        p->written++;
        pthread_cond_broadcast(&p->moved);
        pthread_mutex_unlock(&p->lock);
    }
    n = rc == 0 && p->codec->tail ? p->codec->tail(&sum, frame) : 0;
    return n ? out(user, frame, n, err) : rc;
}

static void ring_free(ir_pack *p)
{
    for (unsigned i = 0; p->ring && i < p->n; i++) {
        free(p->ring[i].b.in);
        free(p->ring[i].b.out);
    }
    free(p->ring);
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
}

static int ring_new(ir_pack *p, unsigned threads, imgrel_error *err)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->moved, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&p->lock, NULL);
    p->n = threads + 2; /* one being filled, one going out */
    p->ring = calloc(p->n, sizeof *p->ring);
    for (unsigned i = 0; p->ring && i < p->n; i++) {
        ir_block *b = &p->ring[i].b;
        b->in = malloc(p->codec->history + p->codec->block);
        b->out = malloc(p->codec->room);
        b->out_cap = p->codec->room;
        if (!b->in || !b->out)
            return ir_nomem(err);
    }
    return p->ring ? 0 : ir_nomem(err);
}

/* Starts a thread with every signal blocked; the host's handlers are not for it. */
static int thread_start(pthread_t *ret, void *(*fn)(void *), ir_pack *p, imgrel_error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(ret, NULL, fn, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc ? ir_fail_errno(err, rc, "cannot start a thread to compress") : 0;
}

int ir_pack_run(const ir_call *call, const ir_codec *codec, ir_pack_source_fn *source,
                void *source_user, ir_pack_out_fn *out, void *out_user, imgrel_error *err)
{
    ir_pack p = {.level = codec->level, .source = source, .source_user = source_user};
    unsigned threads = codec->threads ? codec->threads : processors(), started = 0;
    pthread_t ids[THREADS_MAX + 1];
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    int rc = codec_of(codec, &p.codec, err);
    if (rc < 0)
        return rc;
    rc = ring_new(&p, threads, err);
    while (rc == 0 && started <= threads) {
        rc = thread_start(&ids[started], started ? packer_main : source_main, &p, err);
        started += rc == 0;
    }
    if (rc == 0)
        rc = drain(&p, call, out, out_user, err);
    pthread_mutex_lock(&p.lock);
    p.stop = p.stop || rc < 0;
    pthread_cond_broadcast(&p.moved);
    pthread_mutex_unlock(&p.lock);
    while (started)
        pthread_join(ids[--started], NULL);
    ring_free(&p);
    return rc;
}
