/* check_follow.c - what a port-forward outlives: many connections at once, clients that do not
 * read, dials that hang, ports that nobody listens on, pods that are replaced, API servers that
 * restart or fall silent. */
#include "fw.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 100
#define PART 20000
#define FLOOD (8 << 20)

/* ---- many ------------------------------------------------------------------------------------ */

struct talk {
    fw *f;
    int i;
    bool half_close, good;
    pthread_t thread;
};

/* Says its own bytes and hears the same. */
static void *talk(void *user)
{
    struct talk *t = user;
    char out[PART], in[PART + 1];
    for (size_t i = 0; i < PART; i++)
        out[i] = (char)(i * 13 + (size_t)t->i * 101 + i / 251);
    int fd = fw_connect(t->f, 0);
    t->good = send(fd, out, PART, MSG_NOSIGNAL) == PART;
    if (t->half_close)
        shutdown(fd, SHUT_WR);
    size_t n = fw_read(fd, in, t->half_close ? PART + 1 : PART);
    t->good = t->good && n == PART && !memcmp(in, out, PART);
    close(fd);
    return NULL;
}

START_TEST(many_at_once)
{
    fw f;
    struct talk talks[MANY];
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:7");
    for (int i = 0; i < MANY; i++) {
        talks[i] = (struct talk){.f = &f, .i = i, .half_close = !_i};
        pthread_create(&talks[i].thread, NULL, talk, &talks[i]);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(talks[i].thread, NULL);
        ck_assert_msg(talks[i].good, "connection %d", i);
    }
    ck_assert_int_eq(apiserver_streams(f.server), MANY);
    if (_i)
        ck_assert_int_eq(apiserver_channels(f.server), MANY);
    else
        ck_assert_int_le(apiserver_tunnels(f.server), 64);
    ck_assert_int_eq(fw_cancel(&f), 0);
    ck_assert_int_eq(f.n_warnings, 0);
    fw_stop(&f);
}
END_TEST

START_TEST(one_tunnel_for_one_after_another)
{
    fw f;
    fw_start(&f, false, false);
    fw_listen(&f, "deployment/d", "0:7");
    for (int i = 0; i < 20; i++) {
        struct talk t = {.f = &f, .i = i, .half_close = true};
        talk(&t);
        ck_assert(t.good);
    }
    ck_assert_int_eq(apiserver_streams(f.server), 20);
    ck_assert_int_le(apiserver_tunnels(f.server), 2); /* an end may be told after the next began */
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
}
END_TEST

/* ---- one that is slow, or hangs -------------------------------------------------------------- */

static void echo_works(fw *f, int port)
{
    char in[8];
    int fd = fw_connect(f, port);
    fw_send(fd, "hello", 5);
    ck_assert_uint_eq(fw_read(fd, in, 5), 5);
    ck_assert(!memcmp(in, "hello", 5));
    close(fd);
}

START_TEST(a_client_that_does_not_read)
{
    fw f;
    char *in = malloc(FLOOD + 1);
    int fds[3];
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:6,0:7");
    for (int i = 0; i < 3; i++) {
        fds[i] = fw_connect(&f, 0);
        fw_send(fds[i], "go", 2);
    }
    for (int i = 0; i < 20; i++)
        echo_works(&f, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(fw_read(fds[i], in, FLOOD + 1), FLOOD);
        ck_assert(in[0] == 'z' && in[FLOOD - 32768] == 'z' && !in[FLOOD - 1]);
        close(fds[i]);
    }
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
    free(in);
}
END_TEST

START_TEST(a_dial_that_hangs)
{
    fw f;
    fw_start(&f, false, false);
    fw_listen(&f, "pod/x", "0:7");
    apiserver_hang(f.server, 3);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = fw_connect(&f, 0);
    while (apiserver_tunnels(f.server) < 3)
        usleep(1000);
    echo_works(&f, 0);
    ck_assert_int_eq(fw_cancel(&f), 0); /* with three under way */
    for (int i = 0; i < 3; i++) {
        ck_assert(fw_reset(fds[i]));
        close(fds[i]);
    }
    fw_stop(&f);
}
END_TEST

/* ---- ends ------------------------------------------------------------------------------------ */

START_TEST(a_port_where_nobody_listens)
{
    fw f;
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:9,0:7");
    int other = fw_connect(&f, 1), fd = fw_connect(&f, 0);
    ck_assert(fw_reset(fd));
    close(fd);
    fw_warned(&f, 1, "nothing listens on this port");
    fw_warned(&f, 1, "service/s:9: pod/x:9");
    fw_warned(&f, 1, "see that the program is up");
    char in[4];
    fw_send(other, "abcd", 4);
    ck_assert_uint_eq(fw_read(other, in, 4), 4);
    close(other);
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
}
END_TEST

/* The pod says all it has and hears on: its end is passed on, ours too, and its last words. */
START_TEST(the_pod_ends_first)
{
    fw f;
    char in[8];
    fw_start(&f, false, false);
    fw_listen(&f, "service/s", "0:3");
    int fd = fw_connect(&f, 0);
    ck_assert_uint_eq(fw_read(fd, in, sizeof in), 3);
    ck_assert(!memcmp(in, "bye", 3));
    fw_send(fd, "still here", 10);
    shutdown(fd, SHUT_WR);
    fw_warned(&f, 1, "heard 10");
    close(fd);
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
}
END_TEST

START_TEST(a_client_that_goes_away)
{
    fw f;
    struct linger hard = {.l_onoff = 1};
    fw_start(&f, _i, false);
    fw_listen(&f, "pod/x", "0:6,0:7");
    for (int i = 0; i < 5; i++) {
        int fd = fw_connect(&f, 0);
        fw_send(fd, "go", 2);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        echo_works(&f, 1);
    }
    ck_assert_int_eq(fw_cancel(&f), 0);
    ck_assert_int_eq(f.n_warnings, 0);
    fw_stop(&f);
}
END_TEST

/* ---- another pod, another API server --------------------------------------------------------- */

START_TEST(a_pod_that_is_replaced)
{
    fw f;
    char in[8];
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:4,0:7");
    echo_works(&f, 1); /* leaves a tunnel to x behind */
    int fd = fw_connect(&f, 0), quiet = fw_connect(&f, 1);
    ck_assert_uint_eq(fw_read(fd, in, 1), 1);
    ck_assert_int_eq(in[0], 'x');
    apiserver_replace(f.server);
    ck_assert_uint_eq(fw_read(fd, in, 1), 0); /* its end, and no reset */
    close(fd);
    close(quiet);
    fd = fw_connect(&f, 0);
    ck_assert_uint_eq(fw_read(fd, in, 1), 1);
    ck_assert_int_eq(in[0], 'y');
    close(fd);
    echo_works(&f, 1);
    ck_assert_int_eq(fw_cancel(&f), 0);
    ck_assert_int_eq(f.n_warnings, 0);
    fw_stop(&f);
}
END_TEST

START_TEST(a_pod_by_name_that_is_gone)
{
    fw f;
    fw_start(&f, _i, false);
    fw_listen(&f, "pod/x", "0:4");
    char c;
    int fd = fw_connect(&f, 0);
    ck_assert_uint_eq(fw_read(fd, &c, 1), 1);
    apiserver_replace(f.server);
    ck_assert_int_eq(recv(fd, &c, 1, 0), 0);
    close(fd);
    fd = fw_connect(&f, 0);
    ck_assert(fw_reset(fd));
    close(fd);
    ck_assert_int_eq(fw_wait(&f), IMGREL_ENOTFOUND);
    unit_error(&f.err, IMGREL_ENOTFOUND, "service or deployment");
    fw_stop(&f);
}
END_TEST

START_TEST(an_api_server_that_restarts)
{
    fw f;
    char in[8];
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:7");
    int fd = fw_connect(&f, 0);
    fw_send(fd, "1", 1);
    ck_assert_uint_eq(fw_read(fd, in, 1), 1);
    apiserver_down(f.server);
    ck_assert(fw_reset(fd));
    close(fd);
    fw_warned(&f, 1, "pod/x");
    fd = fw_connect(&f, 0); /* waits */
    fw_send(fd, "early", 5);
    apiserver_up(f.server);
    ck_assert_uint_eq(fw_read(fd, in, 5), 5);
    ck_assert(!memcmp(in, "early", 5));
    close(fd);
    ck_assert_int_eq(fw_cancel(&f), 0);
    ck_assert_int_eq(f.n_warnings, 1);
    fw_stop(&f);
}
END_TEST

START_TEST(an_api_server_that_falls_silent)
{
    fw f;
    char in[8];
    fw_start_with(&f, _i, "stall_timeout", "300ms");
    fw_listen(&f, "pod/x", "0:7");
    int fd = fw_connect(&f, 0);
    fw_send(fd, "1", 1);
    ck_assert_uint_eq(fw_read(fd, in, 1), 1);
    apiserver_mute(f.server);
    ck_assert(fw_reset(fd));
    fw_warned(&f, 1, "has not answered");
    close(fd);
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
}
END_TEST

/* ---- one connection, as a handle ------------------------------------------------------------- */

START_TEST(large_both_ways)
{
    fw f;
    imgrel_conn *c = NULL;
    char *buf = calloc(1, FLOOD), word[32];
    size_t got = 0;
    int64_t n = 0;
    fw_start(&f, false, false);
    unit_ok(imgrel_kube_dial(f.kube, NULL, "service/s", 6, NULL, &c, &f.err), &f.err);
    ck_assert_int_eq(imgrel_conn_write(c, "go", 2, &f.err), 2);
    while ((n = imgrel_conn_read(c, buf, FLOOD, &f.err)) > 0)
        got += (size_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(got, FLOOD);
    imgrel_conn_free(c);
    unit_ok(imgrel_kube_dial(f.kube, NULL, "service/s", 3, NULL, &c, &f.err), &f.err);
    ck_assert_int_eq(imgrel_conn_write(c, buf, FLOOD, &f.err), FLOOD);
    unit_ok(imgrel_conn_shutdown(c, &f.err), &f.err);
    ck_assert_int_eq(imgrel_conn_read(c, buf, FLOOD, &f.err), 3);
    ck_assert_int_eq(imgrel_conn_read(c, buf, FLOOD, &f.err), IMGREL_EFAILED);
    snprintf(word, sizeof word, "heard %d", FLOOD);
    unit_error(&f.err, IMGREL_EFAILED, word);
    imgrel_conn_free(c);
    fw_stop(&f);
    free(buf);
}
END_TEST

/* What was written is on its way when the handle is freed, half-close or not. */
START_TEST(written_and_freed)
{
    fw f;
    imgrel_conn *c = NULL;
    char *buf = calloc(1, 300000), in[8];
    fw_start(&f, true, false);
    unit_ok(imgrel_kube_dial(f.kube, NULL, "pod/x", 7, NULL, &c, &f.err), &f.err);
    ck_assert_int_eq(imgrel_conn_write(c, buf, 300000, &f.err), 300000);
    ck_assert_int_gt(imgrel_conn_read(c, in, sizeof in, &f.err), 0);
    imgrel_conn_free(c);
    fw_stop(&f);
    free(buf);
}
END_TEST

static void *fire(void *user)
{
    imgrel_cancel_fire(user);
    return NULL;
}

START_TEST(cancelled_while_it_waits)
{
    fw f;
    imgrel_conn *c = NULL;
    imgrel_cancel *cancel = NULL;
    char in[8];
    pthread_t t;
    fw_start(&f, _i, false);
    unit_ok(imgrel_cancel_new(&cancel, &f.err), &f.err);
    imgrel_opts o = {IMGREL_OPTS, .cancel = cancel};
    unit_ok(imgrel_kube_dial(f.kube, NULL, "pod/x", 7, &o, &c, &f.err), &f.err);
    pthread_create(&t, NULL, fire, cancel);
    ck_assert_int_eq(imgrel_conn_read(c, in, sizeof in, &f.err), IMGREL_ECANCELED);
    f.err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_conn_write(c, in, sizeof in, &f.err), IMGREL_ECANCELED);
    pthread_join(t, NULL);
    imgrel_conn_free(c);
    imgrel_cancel_free(cancel);
    fw_stop(&f);
}
END_TEST

Suite *suite_follow(void);
Suite *suite_follow(void)
{
    Suite *s = suite_create("follow");
    TCase *c = tcase_create("follow");
    const TTest *const both[] = {many_at_once,
                                 a_client_that_does_not_read,
                                 a_port_where_nobody_listens,
                                 a_client_that_goes_away,
                                 a_pod_that_is_replaced,
                                 a_pod_by_name_that_is_gone,
                                 an_api_server_that_restarts,
                                 an_api_server_that_falls_silent,
                                 cancelled_while_it_waits};
    tcase_set_timeout(c, 120);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        tcase_add_loop_test(c, both[i], 0, 2);
    tcase_add_test(c, one_tunnel_for_one_after_another);
    tcase_add_test(c, a_dial_that_hangs);
    tcase_add_test(c, the_pod_ends_first);
    tcase_add_test(c, large_both_ways);
    tcase_add_test(c, written_and_freed);
    suite_add_tcase(s, c);
    return s;
}
