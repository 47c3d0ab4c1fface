/* check_cancel.c - tokens stay fired; sleeps and waits end by token, deadline or event. */
#include "base/cancel.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

START_TEST(token_is_sticky)
{
    imgrel_cancel *t = NULL;
    imgrel_error err = {0};
    unit_ok(imgrel_cancel_new(&t, &err), &err);
    ck_assert_int_eq(imgrel_cancel_fired(t), 0);
    ck_assert_int_eq(ir_check_time(t, 0, &err), 0);
    for (int i = 0; i < 100000; i++) /* more than a pipe holds */
        imgrel_cancel_fire(t);
    ck_assert_int_eq(imgrel_cancel_fired(t), 1);
    ck_assert_int_eq(imgrel_cancel_fired(t), 1);
    ck_assert_int_eq(ir_check_time(t, 0, &err), IMGREL_ECANCELED);
    unit_error(&err, IMGREL_ECANCELED, "cancelled");
    ck_assert(fcntl(imgrel_cancel_fd(t), F_GETFD) & FD_CLOEXEC);
    imgrel_cancel_free(t);
}
END_TEST

START_TEST(null_is_fine)
{
    imgrel_error err = {0};
    imgrel_cancel_fire(NULL);
    imgrel_cancel_free(NULL);
    ck_assert_int_eq(imgrel_cancel_fired(NULL), 0);
    ck_assert_int_eq(imgrel_cancel_fd(NULL), -1);
    ck_assert_int_eq(imgrel_cancel_new(NULL, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "out is NULL");
}
END_TEST

START_TEST(byte_to_the_fd_fires)
{
    imgrel_cancel *t = NULL;
    unit_ok(imgrel_cancel_new(&t, NULL), &(imgrel_error){0});
    ck_assert_int_eq(write(imgrel_cancel_fd(t), "x", 1), 1);
    ck_assert_int_eq(imgrel_cancel_fired(t), 1);
    imgrel_cancel_free(t);
}
END_TEST

static imgrel_cancel *signal_token;

static void on_signal(int s)
{
    (void)s;
    imgrel_cancel_fire(signal_token);
}

START_TEST(signal_handler_ends_a_sleep)
{
    imgrel_error err = {0};
    unit_ok(imgrel_cancel_new(&signal_token, &err), &err);
    signal(SIGALRM, on_signal);
    alarm(1);
    ck_assert_int_eq(ir_sleep(signal_token, 60000, 0, &err), IMGREL_ECANCELED);
    signal(SIGALRM, SIG_DFL);
    imgrel_cancel_free(signal_token);
}
END_TEST

static void *fire(void *t)
{
    imgrel_cancel_fire(t);
    return NULL;
}

START_TEST(thread_ends_a_wait)
{
    imgrel_cancel *t = NULL;
    imgrel_error err = {0};
    pthread_t thread;
    unit_ok(imgrel_cancel_new(&t, &err), &err);
    ck_assert_int_eq(pthread_create(&thread, NULL, fire, t), 0);
    ck_assert_int_eq(ir_wait_fd(-1, 0, t, -1, 0, &err), IMGREL_ECANCELED);
    pthread_join(thread, NULL);
    imgrel_cancel_free(t);
}
END_TEST

START_TEST(deadlines)
{
    imgrel_error err = {0};
    int64_t start = ir_now_ms();
    ck_assert_int_eq(ir_sleep(NULL, 30, 0, &err), 0);
    ck_assert_int_ge(ir_now_ms() - start, 30);
    ck_assert_int_eq(ir_sleep(NULL, -5, 0, &err), 0);
    ck_assert_int_eq(ir_sleep(NULL, 60000, ir_now_ms() + 20, &err), IMGREL_ETIMEOUT);
    unit_error(&err, IMGREL_ETIMEOUT, "timed out");
    ck_assert_int_eq(ir_check_time(NULL, start, NULL), IMGREL_ETIMEOUT);
    ck_assert_int_eq(ir_check_time(NULL, ir_now_ms() + 9999, NULL), 0);
}
END_TEST

START_TEST(wait_for_a_descriptor)
{
    int p[2];
    imgrel_error err = {0};
    ck_assert_int_eq(pipe(p), 0);
    ck_assert_int_eq(ir_wait_fd(p[0], POLLIN, NULL, 10, 0, &err), 0);
    ck_assert_int_eq(write(p[1], "x", 1), 1);
    ck_assert_int_eq(ir_wait_fd(p[0], POLLIN, NULL, -1, 0, &err), 1);
    ck_assert_int_eq(ir_wait_fd(p[0], POLLIN, NULL, INT64_MAX, 0, &err), 1);
    close(p[0]);
    close(p[1]);
}
END_TEST

UNIT_SUITE(cancel, token_is_sticky, null_is_fine, byte_to_the_fd_fires, signal_handler_ends_a_sleep,
           thread_ends_a_wait, deadlines, wait_for_a_descriptor)
