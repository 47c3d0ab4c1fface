/* copy_tee.c - one source of bytes read by several at their own pace. There is no thread for the
 * source: whoever finds nothing left to take reads on for all, into a ring that holds what the
 * slowest has not taken yet. Who does not begin to read is not waited for. */
#include "run/copy_tee.h"
#include "base/cancel.h"
#include "base/limits.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING (1024 * IR_KIB)
#define STEP (128 * IR_KIB)
#define GRACE_MS 2000 /* for a thread to begin */

typedef struct reader {
    int wake; /* eventfd */
    uint64_t at;
    bool waiting, joined, left;
} reader;

struct ir_tee {
    pthread_mutex_t lock;
    ir_tee_source_fn *source;
    void (*ended)(void *user);
    void *user;
    char *ring;
    uint64_t head; /* read from the source so far */
    bool reading, at_end;
    int rc; /* of the source */
    imgrel_error error;
    unsigned n;
    reader readers[];
};

int ir_tee_new(unsigned n_readers, ir_tee_source_fn *source, void (*ended)(void *user), void *user,
               ir_tee **ret, imgrel_error *err)
{
    ir_tee *t = calloc(1, sizeof *t + n_readers * sizeof t->readers[0]);
    *ret = NULL;
    if (!t)
        return ir_nomem(err);
    pthread_mutex_init(&t->lock, NULL);
    t->source = source;
    t->ended = ended;
    t->user = user;
    t->ring = malloc(RING);
    int rc = t->ring ? 0 : ir_nomem(err);
    for (; !rc && t->n < n_readers; t->n++) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
            rc = ir_fail_errno(err, errno, "eventfd");
        t->readers[t->n].wake = fd;
    }
    if (rc < 0)
        ir_tee_free(t);
    else
        *ret = t;
    return rc;
}

void ir_tee_free(ir_tee *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->n; i++)
        if (t->readers[i].wake >= 0)
            close(t->readers[i].wake);
    pthread_mutex_destroy(&t->lock);
    free(t->ring);
    free(t);
}

/* ---- with the lock held --------------------------------------------------------------------- */

static void wake_all(ir_tee *t)
{
    const uint64_t one = 1;
    for (unsigned i = 0; i < t->n; i++) {
        reader *r = &t->readers[i];
        if (!r->waiting)
            continue;
        r->waiting = false;
        while (write(r->wake, &one, sizeof one) < 0 && errno == EINTR)
            ;
    }
}

static size_t room(const ir_tee *t)
{
    uint64_t slowest = t->head;
    for (unsigned i = 0; i < t->n; i++)
        if (!t->readers[i].left && t->readers[i].at < slowest)
            slowest = t->readers[i].at;
    return RING - (size_t)(t->head - slowest);
}

static void leave_behind(ir_tee *t)
{
    for (unsigned i = 0; i < t->n; i++)
        if (!t->readers[i].joined)
            t->readers[i].left = true;
}

/* Reads on for all; the lock is let go while the source is asked. */
static void read_on(ir_tee *t, const ir_call *call, size_t space)
{
    size_t at = (size_t)(t->head % RING), len = space < STEP ? space : STEP;
    imgrel_error e = {0};
    if (len > RING - at)
        len = RING - at;
    t->reading = true;
    pthread_mutex_unlock(&t->lock);
    int64_t n = t->source(t->user, call, t->ring + at, len, &e);
    pthread_mutex_lock(&t->lock);
    t->reading = false;
    if (n < 0) {
        t->rc = (int)n;
        t->error = e;
    } else {
        t->at_end = n == 0;
        t->head += (uint64_t)n;
    }
    wake_all(t);
}

static int wait_for_others(ir_tee *t, reader *r, const ir_call *call, imgrel_error *err)
{
    uint64_t n = 0;
    r->waiting = true;
    pthread_mutex_unlock(&t->lock);
    int rc = ir_wait_fd(r->wake, POLLIN, call->cancel, GRACE_MS, call->deadline_ms, err);
    if (read(r->wake, &n, sizeof n) < 0 && rc == 1)
        rc = 0;
    pthread_mutex_lock(&t->lock);
    r->waiting = false;
    if (rc == 0)
        leave_behind(t);
    return rc < 0 ? rc : 0;
}

/* Until reader r has something to take: 1; 0 at the end; or a code. */
static int await(ir_tee *t, reader *r, const ir_call *call, imgrel_error *err)
{
    for (;;) {
        if (r->at < t->head)
            return 1;
        if (t->rc < 0) {
            if (err && !err->code)
                *err = t->error;
            return t->rc;
        }
        if (t->at_end)
            return 0;
        size_t space = room(t);
        if (!t->reading && space) {
            read_on(t, call, space);
            continue;
        }
        int rc = wait_for_others(t, r, call, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- the readers' side ---------------------------------------------------------------------- */

bool ir_tee_join(ir_tee *t, unsigned i)
{
    pthread_mutex_lock(&t->lock);
    t->readers[i].joined = true;
    bool in = !t->readers[i].left;
    pthread_mutex_unlock(&t->lock);
    return in;
}

int64_t ir_tee_read(ir_tee *t, unsigned i, const ir_call *call, void *buf, size_t len,
                    imgrel_error *err)
{
    reader *r = &t->readers[i];
    pthread_mutex_lock(&t->lock);
    int rc = await(t, r, call, err);
    size_t at = (size_t)(r->at % RING), n = rc == 1 ? (size_t)(t->head - r->at) : 0;
    pthread_mutex_unlock(&t->lock);
    if (rc != 1)
        return rc;
    n = n < len ? n : len;
    n = n < RING - at ? n : RING - at;
    memcpy(buf, t->ring + at, n); /* nobody writes there until we have moved on */
    pthread_mutex_lock(&t->lock);
    r->at += n;
    wake_all(t);
    pthread_mutex_unlock(&t->lock);
    return (int64_t)n;
}

void ir_tee_leave(ir_tee *t, unsigned i)
{
    unsigned left = 0;
    pthread_mutex_lock(&t->lock);
    t->readers[i].left = true;
    for (unsigned k = 0; k < t->n; k++)
        left += t->readers[k].left;
    void (*ended)(void *user) = left == t->n ? t->ended : NULL;
    if (ended)
        t->ended = NULL;
    wake_all(t);
    pthread_mutex_unlock(&t->lock);
    if (ended)
        ended(t->user);
}
