/* work.c - jobs on worker threads under the caller's eye. The workers carry a token of their own,
 * fired by the calling thread when the caller's token fires, when the progress callback says stop,
 * or by the first job that fails; an eventfd wakes the calling thread for reports and endings. */
#include "net/work.h"
#include "net/board.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BOARD_MAX 64
#define THREADS_MAX 64
#define LIGHT_FACTOR 2

/* curl and OpenSSL need some tens of KiB; sanitizers multiply that. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (2048 * 1024)
#else
#define STACK_SIZE (256 * 1024)
#endif

typedef struct report {
    imgrel_event ev;
    char *what, *detail;
} report;

struct ir_board {
    pthread_mutex_t lock;
    pthread_cond_t room;
    int wake; /* eventfd */
    report reports[BOARD_MAX];
    size_t first, n;
    imgrel_cancel *stop; /* the workers' token */

    /* the jobs */
    ir_call call; /* as the workers get it */
    ir_work_fn *fn;
    void **jobs;
    size_t next, end; /* those that nobody took */
    size_t first_light;
    unsigned running, n_full; /* threads that take every job */
    int rc; /* the first failure, with its words */
    imgrel_error error;
};

static void wake(struct ir_board *b)
{
    uint64_t one = 1;
    while (write(b->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void report_free(report *r)
{
    free(r->what);
    free(r->detail);
    *r = (report){.what = NULL};
}

/* The last report of the same bytes that nobody has read yet is brought up to date instead. */
static bool merge(struct ir_board *b, const imgrel_event *ev)
{
    if (ev->kind != IMGREL_EVENT_BYTES)
        return false;
    for (size_t i = 0; i < b->n; i++) {
        report *r = &b->reports[(b->first + i) % BOARD_MAX];
        if (r->ev.kind != ev->kind || strcmp(r->what, ev->what) != 0 ||
            strcmp(r->detail, ev->detail) != 0)
            continue;
        r->ev.done = ev->done;
        r->ev.total = ev->total;
        r->ev.rate = ev->rate;
        r->ev.attempt = ev->attempt;
        return true;
    }
    return false;
}

static int add_report(struct ir_board *b, const imgrel_event *ev, imgrel_error *err)
{
    report r = {*ev, ir_strdup(ev->what), ir_strdup(ev->detail)};
    if (!r.what || !r.detail) {
        report_free(&r);
        return ir_nomem(err);
    }
    r.ev.what = r.what;
    r.ev.detail = r.detail;
    b->reports[(b->first + b->n++) % BOARD_MAX] = r;
    return 0;
}

int ir_board_post(struct ir_board *b, const ir_call *call, const imgrel_event *ev,
                  imgrel_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&b->lock);
    if (!merge(b, ev)) {
        while (b->n == BOARD_MAX)
            pthread_cond_wait(&b->room, &b->lock);
        rc = add_report(b, ev, err);
        wake(b);
    }
    pthread_mutex_unlock(&b->lock);
    return rc ? rc : ir_call_check(call, err);
}

static bool take_report(struct ir_board *b, report *ret)
{
    pthread_mutex_lock(&b->lock);
    bool there = b->n > 0;
    if (there) {
        *ret = b->reports[b->first];
        b->first = (b->first + 1) % BOARD_MAX;
        b->n--;
        pthread_cond_signal(&b->room);
    }
    pthread_mutex_unlock(&b->lock);
    return there;
}

/* Passes on what the workers left; the call is the caller's own, which may be a worker's again. */
static int drain(struct ir_board *b, const ir_call *call, imgrel_error *err)
{
    report r;
    int rc = 0;
    while (take_report(b, &r)) {
        const imgrel_event *ev = &r.ev;
        /* Bytes were throttled where they were posted; as "done" they pass here. */
        if (!rc && call->board)
            rc = ir_board_post(call->board, call, ev, err);
        else if (!rc && call->progress(call->user, ev))
            rc = ir_fail(err, IMGREL_ECANCELED, "stopped by the progress callback");
        report_free(&r);
    }
    return rc;
}

static void set_failure(struct ir_board *b, int rc, const imgrel_error *e)
{
    pthread_mutex_lock(&b->lock);
    if (!b->rc) {
        b->rc = rc;
        b->error = *e;
        if (!b->error.code)
            ir_fail(&b->error, rc, "%s", imgrel_strerror(rc));
    }
    pthread_mutex_unlock(&b->lock);
    imgrel_cancel_fire(b->stop);
}

static bool next_job(struct ir_board *b, bool light, void **ret)
{
    pthread_mutex_lock(&b->lock);
    bool there = b->next < b->end && !b->rc && (!light || b->end > b->first_light);
    if (there)
        *ret = b->jobs[light ? --b->end : b->next++];
    pthread_mutex_unlock(&b->lock);
    return there;
}

static void *worker(void *arg)
{
    struct ir_board *b = arg;
    void *job;
    pthread_mutex_lock(&b->lock);
    bool light = b->n_full == 0;
    b->n_full -= !light;
    pthread_mutex_unlock(&b->lock);
    while (next_job(b, light, &job)) {
        imgrel_error e = {0};
        int rc = ir_call_check(&b->call, &e);
        if (!rc)
            rc = b->fn(&b->call, job, &e);
        if (rc < 0)
            set_failure(b, rc, &e);
    }
    pthread_mutex_lock(&b->lock);
    b->running--;
    pthread_mutex_unlock(&b->lock);
    wake(b);
    return NULL;
}

static unsigned count_running(struct ir_board *b)
{
    pthread_mutex_lock(&b->lock);
    unsigned n = b->running;
    pthread_mutex_unlock(&b->lock);
    return n;
}

/* Until every worker is done: reports, the caller's token, the deadline. The first reason to stop
 * is the call's failure unless a job failed before. */
static void watch(struct ir_board *b, const ir_call *call)
{
    struct pollfd fds[2] = {{.fd = b->wake, .events = POLLIN},
                            {.fd = ir_cancel_poll_fd(call->cancel), .events = POLLIN}};
    bool stopping = false;
    while (count_running(b)) {
        poll(fds, 2, stopping ? -1 : 500);
        uint64_t n;
        if (read(b->wake, &n, sizeof n) < 0 && errno != EAGAIN && errno != EINTR)
            fds[0].fd = -1;
        imgrel_error e = {0};
        int rc = drain(b, call, &e);
        if (!rc && !stopping)
            rc = ir_call_check(call, &e);
        if (rc < 0) {
            set_failure(b, rc, &e);
            stopping = true;
            fds[1].fd = -1;
        }
    }
}

static unsigned start(struct ir_board *b, pthread_t *threads, unsigned n)
{
    sigset_t all, old;
    pthread_attr_t attr;
    unsigned started = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    for (; started < n; started++) {
        pthread_mutex_lock(&b->lock);
        b->running++;
        pthread_mutex_unlock(&b->lock);
        if (pthread_create(&threads[started], &attr, worker, b) == 0)
            continue;
        pthread_mutex_lock(&b->lock);
        b->running--;
        pthread_mutex_unlock(&b->lock);
        break;
    }
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static int run_here(const ir_call *call, ir_work_fn *fn, void **jobs, size_t n, imgrel_error *err)
{
    for (size_t i = 0; i < n; i++) {
        int rc = ir_call_check(call, err);
        if (!rc)
            rc = fn(call, jobs[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int board_init(struct ir_board *b, const ir_call *call, imgrel_error *err)
{
    b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->wake < 0)
        return ir_fail_errno(err, errno, "eventfd");
    int rc = imgrel_cancel_new(&b->stop, err);
    if (rc < 0)
        return rc;
    b->call = *call;
    b->call.cancel = b->stop;
    b->call.board = b;
    return 0;
}

static void board_end(struct ir_board *b)
{
    imgrel_cancel_free(b->stop);
    if (b->wake >= 0)
        close(b->wake);
    pthread_cond_destroy(&b->room);
    pthread_mutex_destroy(&b->lock);
}

int ir_work_run_light(const ir_call *call, unsigned n_threads, ir_work_fn *fn, void **jobs,
                      size_t n, size_t n_light, imgrel_error *err)
{
    pthread_t threads[THREADS_MAX];
    size_t all = n_threads < 2 ? n_threads
                               : n_threads + least(n_light, (size_t)n_threads * LIGHT_FACTOR);
    unsigned want = (unsigned)least(least(all, n), THREADS_MAX);
    if (want <= 1)
        return run_here(call, fn, jobs, n, err);
    struct ir_board b = {.lock = PTHREAD_MUTEX_INITIALIZER,
                         .room = PTHREAD_COND_INITIALIZER,
                         .wake = -1,
                         .fn = fn,
                         .jobs = jobs,
                         .end = n,
                         .first_light = n - n_light,
                         .n_full = n_threads};
    int rc = board_init(&b, call, err);
    unsigned started = rc ? 0 : start(&b, threads, want);
    if (!rc && !started)
        rc = run_here(call, fn, jobs, n, err);
    watch(&b, call);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (!rc) {
        rc = drain(&b, call, err);
        if (b.rc) {
            ir_error_clear(err);
            rc = b.rc;
            if (err)
                *err = b.error;
        }
    }
    board_end(&b);
    return rc;
}

int ir_work_run(const ir_call *call, unsigned n_threads, ir_work_fn *fn, void **jobs, size_t n,
                imgrel_error *err)
{
    return ir_work_run_light(call, n_threads, fn, jobs, n, 0, err);
}
