/* check_work.c - jobs on workers: order, the first failure, cancel, reports, signals. */
#include "net/work.h"
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static net n;
static atomic_int started, ended;
static pthread_t caller;

static void setup(void)
{
    net_start(&n, NULL);
    caller = pthread_self();
}

static void teardown(void)
{
    net_stop(&n);
}

typedef struct job {
    int id, fails;
    int64_t ms;
} job;

static int run_job(const ir_call *call, void *arg, imgrel_error *err)
{
    job *j = arg;
    started++;
    if (j->ms) {
        int rc = ir_sleep(call->cancel, j->ms, call->deadline_ms, err);
        if (rc)
            return rc;
    }
    ended++;
    return j->fails ? ir_fail(err, IMGREL_EDIGEST, "job %d", j->id) : 0;
}

static void make(job *jobs, void **list, size_t k, int64_t ms)
{
    for (size_t i = 0; i < k; i++) {
        jobs[i] = (job){.id = (int)i, .ms = ms};
        list[i] = &jobs[i];
    }
}

START_TEST(all_run)
{
    job jobs[40];
    void *list[40];
    static const unsigned threads[] = {0, 1, 3, 8, 100};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        started = ended = 0;
        make(jobs, list, 40, 1);
        unit_ok(ir_work_run(&n.call, threads[i], run_job, list, 40, &n.err), &n.err);
        ck_assert_int_eq(started, 40);
        ck_assert_int_eq(ended, 40);
    }
    unit_ok(ir_work_run(&n.call, 4, run_job, NULL, 0, &n.err), &n.err);
}
END_TEST

START_TEST(they_run_at_once)
{
    job jobs[4];
    void *list[4];
    make(jobs, list, 4, 300);
    int64_t start = ir_now_ms();
    unit_ok(ir_work_run(&n.call, 4, run_job, list, 4, &n.err), &n.err);
    ck_assert_int_lt(ir_now_ms() - start, 900);
}
END_TEST

/* The light ones wait for one another, which 8 at once can only if they have threads of their own
 * beside the two heavy ones; never more than two heavy ones run at once. */
static atomic_int light, heavy, most_heavy;

static int wait_for_others(const ir_call *call, void *arg, imgrel_error *err)
{
    const job *j = arg;
    if (j->id < 4) {
        int at_once = ++heavy;
        if (at_once > most_heavy)
            most_heavy = at_once;
        int rc = ir_sleep(call->cancel, 20, call->deadline_ms, err);
        heavy--;
        return rc;
    }
    light++;
    for (int i = 0; light < 4 && i < 20000; i++) {
        int rc = ir_sleep(call->cancel, 1, call->deadline_ms, err);
        if (rc)
            return rc;
    }
    return light < 4 ? ir_fail(err, IMGREL_ETIMEOUT, "%d at once", light) : 0;
}

START_TEST(light_ones_have_more_threads)
{
    job jobs[8];
    void *list[8];
    make(jobs, list, 8, 0);
    unit_ok(ir_work_run_light(&n.call, 2, wait_for_others, list, 8, 4, &n.err), &n.err);
    ck_assert_int_eq(light, 4);
    ck_assert_int_le(most_heavy, 2);
    started = ended = 0;
    make(jobs, list, 8, 0);
    unit_ok(ir_work_run_light(&n.call, 1, run_job, list, 8, 8, &n.err), &n.err);
    ck_assert_int_eq(ended, 8);
}
END_TEST

START_TEST(first_failure_ends_the_others)
{
    static const unsigned threads[] = {1, 4};
    job jobs[20];
    void *list[20];
    make(jobs, list, 20, 10000);
    jobs[0].ms = 0;
    jobs[0].fails = 1;
    int64_t start = ir_now_ms();
    ck_assert_int_eq(ir_work_run(&n.call, threads[_i], run_job, list, 20, &n.err), IMGREL_EDIGEST);
    unit_error(&n.err, IMGREL_EDIGEST, "job 0");
    ck_assert_int_lt(ir_now_ms() - start, 2000);
    ck_assert_int_lt(started, 6);
}
END_TEST

static void *fire_later(void *token)
{
    ck_assert_int_eq(ir_sleep(NULL, 100, 0, NULL), 0);
    imgrel_cancel_fire(token);
    return NULL;
}

START_TEST(cancel_reaches_every_worker)
{
    imgrel_cancel *t = NULL;
    pthread_t thread;
    job jobs[20];
    void *list[20];
    make(jobs, list, 20, 10000);
    unit_ok(imgrel_cancel_new(&t, &n.err), &n.err);
    n.call.cancel = t;
    int64_t start = ir_now_ms();
    ck_assert_int_eq(pthread_create(&thread, NULL, fire_later, t), 0);
    ck_assert_int_eq(ir_work_run(&n.call, 4, run_job, list, 20, &n.err), IMGREL_ECANCELED);
    ck_assert_int_lt(ir_now_ms() - start, 1000);
    ck_assert_int_eq(started, 4);
    ck_assert_int_eq(ended, 0);
    pthread_join(thread, NULL);
    imgrel_cancel_free(t);
}
END_TEST

START_TEST(deadline_reaches_every_worker)
{
    job jobs[4];
    void *list[4];
    make(jobs, list, 4, 10000);
    n.call.deadline_ms = ir_now_ms() + 200;
    int64_t start = ir_now_ms();
    ck_assert_int_eq(ir_work_run(&n.call, 4, run_job, list, 4, &n.err), IMGREL_ETIMEOUT);
    ck_assert_int_lt(ir_now_ms() - start, 2000);
}
END_TEST

/* ---- reports -------------------------------------------------------------------------------- */

static int reports, finals, stop_at;

static int on_event(void *user, const imgrel_event *ev)
{
    (void)user;
    ck_assert(pthread_equal(pthread_self(), caller));
    ck_assert_uint_eq(ev->size, sizeof *ev);
    reports++;
    finals += ev->kind == IMGREL_EVENT_BYTES && ev->done == ev->total;
    return stop_at && reports >= stop_at;
}

static int report_job(const ir_call *call, void *arg, imgrel_error *err)
{
    job *j = arg;
    char name[16];
    snprintf(name, sizeof name, "job-%d", j->id);
    for (uint64_t i = 1; i <= 1000; i++) {
        int rc = ir_progress(call, IMGREL_EVENT_BYTES, name, "pushing", i, 1000, 1, err);
        if (rc)
            return rc;
    }
    return ir_progress(call, IMGREL_EVENT_STEP, name, "done", 0, 0, 0, err);
}

START_TEST(reports_come_on_the_calling_thread)
{
    static const unsigned threads[] = {1, 4};
    job jobs[20];
    void *list[20];
    make(jobs, list, 20, 0);
    n.call.progress = on_event;
    unit_ok(ir_work_run(&n.call, threads[_i], report_job, list, 20, &n.err), &n.err);
    ck_assert_int_eq(finals, 20); /* the last bytes are always told */
    ck_assert_int_ge(reports, 40);
    ck_assert_int_lt(reports, 400); /* the rest is thinned out */
}
END_TEST

START_TEST(callback_says_stop)
{
    static const unsigned threads[] = {1, 4};
    job jobs[20];
    void *list[20];
    make(jobs, list, 20, 0);
    n.call.progress = on_event;
    stop_at = 3;
    ck_assert_int_eq(ir_work_run(&n.call, threads[_i], report_job, list, 20, &n.err),
                     IMGREL_ECANCELED);
    unit_error(&n.err, IMGREL_ECANCELED, "progress callback");
}
END_TEST

static int nested_job(const ir_call *call, void *arg, imgrel_error *err)
{
    job jobs[6];
    void *list[6];
    (void)arg;
    make(jobs, list, 6, 0);
    return ir_work_run(call, 3, report_job, list, 6, err);
}

START_TEST(work_within_work)
{
    job jobs[3];
    void *list[3];
    make(jobs, list, 3, 0);
    n.call.progress = on_event;
    unit_ok(ir_work_run(&n.call, 3, nested_job, list, 3, &n.err), &n.err);
    ck_assert_int_ge(reports, 18);
}
END_TEST

static int signal_job(const ir_call *call, void *arg, imgrel_error *err)
{
    sigset_t set;
    (void)call;
    (void)arg;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    bool blocked =
        sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD);
    return blocked ? 0 : ir_fail(err, IMGREL_EFAILED, "a worker takes signals");
}

START_TEST(workers_block_signals)
{
    void *list[4] = {NULL};
    sigset_t set;
    unit_ok(ir_work_run(&n.call, 4, signal_job, list, 4, &n.err), &n.err);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    ck_assert(!sigismember(&set, SIGINT)); /* ours is as it was */
}
END_TEST

/* ---- with the network ----------------------------------------------------------------------- */

static int fetch_job(const ir_call *call, void *arg, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    ir_request req = {.url = arg};
    int rc = ir_http_do(call, &req, &reply, err);
    return rc || reply.status == 200 ? rc : ir_fail(err, IMGREL_EPROTO, "status %d", reply.status);
}

static dbl_pki *pki;
static void own_ca(ir_conf *conf)
{
    conf->ca_file = ir_strdup(dbl_pki_path(pki, DBL_CA));
}

/* Connections outlive the workers that made them; TLS fits on a worker's small stack. */
START_TEST(lanes_are_reused)
{
    pki = dbl_pki_new(NULL);
    dbl *d = dbl_start(&(dbl_conf){.pki = _i ? pki : NULL});
    void *list[64];
    char *url = ir_format("%s/x", dbl_url(d));
    net_stop(&n);
    net_start(&n, own_ca);
    for (size_t i = 0; i < 64; i++)
        list[i] = url;
    dbl_on(d, &(dbl_rule){.body = "x"});
    for (int i = 0; i < 4; i++)
        unit_ok(ir_work_run(&n.call, 4, fetch_job, list, 64, &n.err), &n.err);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 256);
    ck_assert_uint_le(dbl_connections(d), 4);
    free(url);
    dbl_stop(d);
    dbl_pki_free(pki);
}
END_TEST

Suite *suite_work(void);
Suite *suite_work(void)
{
    const TTest *const tests[] = {
        all_run,
        they_run_at_once,
        light_ones_have_more_threads,
        cancel_reaches_every_worker,
        deadline_reaches_every_worker,
        work_within_work,
        workers_block_signals,
    };
    const TTest *const by_threads[] = {lanes_are_reused, first_failure_ends_the_others,
                                       reports_come_on_the_calling_thread, callback_says_stop};
    Suite *s = suite_create("work");
    TCase *c = tcase_create("work");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    for (size_t i = 0; i < sizeof by_threads / sizeof *by_threads; i++)
        tcase_add_loop_test(c, by_threads[i], 0, 2);
    suite_add_tcase(s, c);
    return s;
}
