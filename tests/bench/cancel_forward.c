/* cancel_forward.c - how long after its token fires a port-forward has returned, its listener
 * closed and its threads ended: the median, the 99th percentile and the worst of 100 runs, with no
 * connection and with one that carries bytes, by SPDY in WebSocket and by channels. Prints a
 * table and judges nothing. */
#include "fw.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RUNS 100

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double run_once(fw *f, bool connected)
{
    char echo[4];
    int fd = -1;
    f->n_ports = 0;
    fw_listen(f, "pod/x", "0:7");
    if (connected) {
        fd = fw_connect(f, 0);
        fw_send(fd, "ping", 4);
        ck_assert_uint_eq(fw_read(fd, echo, sizeof echo), sizeof echo);
    }
    double from = now_ms();
    ck_assert_int_eq(fw_cancel(f), 0);
    double end = now_ms();
    if (fd >= 0)
        close(fd);
    imgrel_cancel_free(f->cancel);
    f->cancel = NULL;
    return end - from;
}

START_TEST(measure)
{
    fw f;
    double ms[RUNS];
    bool old = _i & 1, connected = _i & 2;
    fw_start(&f, old, false);
    for (int i = 0; i < RUNS; i++)
        ms[i] = run_once(&f, connected);
    fw_stop(&f);
    qsort(ms, RUNS, sizeof *ms, by_value);
    printf("%-24s %-16s %8.2f %8.2f %8.2f\n", old ? "v4.channel.k8s.io" : "SPDY in WebSocket",
           connected ? "one connection" : "none", ms[RUNS / 2], ms[(RUNS * 99 - 1) / 100],
           ms[RUNS - 1]);
    fflush(stdout);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cancel of a port-forward");
    TCase *c = tcase_create("cancel");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, measure, 0, 4);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    printf("%d runs, milliseconds     connections        median      p99    worst\n", RUNS);
    fflush(stdout);
    srunner_run_all(r, CK_MINIMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
