/* check_forward.c - connections into a pod by either protocol: echo, half-close, refusals, breaks,
 * a page, and local listeners; services stand for their pods. */
#include "fw.h"
#include "support.h"
#include "api/kube.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG 400000

static imgrel_conn *dial(fw *f, const char *object, int port)
{
    imgrel_conn *n = NULL;
    memset(&f->err, 0, sizeof f->err);
    unit_ok(imgrel_kube_dial(f->kube, NULL, object, port, NULL, &n, &f->err), &f->err);
    return n;
}

/* All that comes until the end; the code that ended it. */
static int64_t read_all(fw *f, imgrel_conn *n, char *buf, size_t len, size_t *ret_n)
{
    int64_t got = 0;
    *ret_n = 0;
    while (*ret_n < len && (got = imgrel_conn_read(n, buf + *ret_n, len - *ret_n, &f->err)) > 0)
        *ret_n += (size_t)got;
    return got;
}

static void echo(bool old)
{
    fw f;
    size_t n = 0;
    char *out = malloc(BIG), *in = malloc(BIG);
    fw_start(&f, old, false);
    for (size_t i = 0; i < BIG; i++)
        out[i] = (char)(i * 7 + i / 1000);
    imgrel_conn *c = dial(&f, "pod/x", 7);
    ck_assert_int_eq(imgrel_conn_write(c, out, BIG, &f.err), BIG);
    ck_assert_int_ge(read_all(&f, c, in, BIG, &n), 0);
    ck_assert_uint_eq(n, BIG);
    ck_assert(!memcmp(in, out, BIG));
    int rc = imgrel_conn_shutdown(c, &f.err);
    if (old) {
        ck_assert_int_eq(rc, IMGREL_EUNSUPPORTED);
        unit_error(&f.err, IMGREL_EUNSUPPORTED, "half-close");
    } else {
        unit_ok(rc, &f.err);
        ck_assert_int_eq(imgrel_conn_read(c, in, BIG, &f.err), 0);
        ck_assert_int_eq(imgrel_conn_write(c, "x", 1, &f.err), IMGREL_ENET);
    }
    imgrel_conn_free(c);
    imgrel_conn_free(dial(&f, "pod/x", 7));
    ck_assert_int_eq(apiserver_tunnels(f.server), old ? 1 : 2);
    ck_assert_int_eq(apiserver_channels(f.server), old ? 2 : 0);
    fw_stop(&f);
    free(out);
    free(in);
}

START_TEST(echo_by_tunnel)
{
    echo(false);
}
END_TEST

START_TEST(echo_by_channels)
{
    echo(true);
}
END_TEST

START_TEST(refused_and_broken)
{
    fw f;
    char text[64];
    size_t n = 0;
    fw_start(&f, _i, false);
    imgrel_conn *c = dial(&f, "pod/x", 9);
    ck_assert_int_eq(read_all(&f, c, text, sizeof text, &n), IMGREL_ENET);
    unit_error(&f.err, IMGREL_ENET, "nothing listens on this port");
    ck_assert_uint_eq(f.err.retryable, 1);
    imgrel_conn_free(c);
    c = dial(&f, "pod/x", 5);
    ck_assert_int_eq(imgrel_conn_write(c, "0123456789abcdef", 16, &f.err), 16);
    ck_assert_int_le(read_all(&f, c, text, sizeof text, &n), 0);
    ck_assert(n == 4 && !memcmp(text, "half", 4)); /* what came is not lost */
    imgrel_conn_free(c);
    ck_assert_int_eq(imgrel_kube_dial(f.kube, NULL, "pod/x", 0, NULL, &c, &f.err), IMGREL_EINVAL);
    fw_stop(&f);
}
END_TEST

START_TEST(rights_are_told_at_once)
{
    fw f;
    imgrel_conn *c = NULL;
    fw_start(&f, false, true);
    ck_assert_int_eq(imgrel_kube_dial(f.kube, NULL, "pod/x", 7, NULL, &c, &f.err), IMGREL_EDENIED);
    unit_error(&f.err, IMGREL_EDENIED, "verbs get and create");
    ck_assert_ptr_null(c);
    ck_assert_int_eq(apiserver_channels(f.server), 0);
    fw_stop(&f);
}
END_TEST

START_TEST(services_and_pages)
{
    fw f;
    ir_call call;
    ir_buf body = IR_BUF(0);
    imgrel_conn *c = NULL;
    int status = 0;
    fw_start(&f, _i, false);
    unit_ok(ir_api_kube_call(f.kube, NULL, &call, &f.err), &f.err);
    unit_ok(ir_kube_page(&call, f.kube->kube, NULL, "service/s", 8080, "/", &status, &body, &f.err),
            &f.err);
    ck_assert_int_eq(status, 200);
    ck_assert_str_eq(ir_buf_str(&body), "hello there");
    ir_buf_free(&body);
    ck_assert_int_eq(imgrel_kube_dial(f.kube, NULL, "service/s", 1, NULL, &c, &f.err),
                     IMGREL_ENOTFOUND);
    unit_error(&f.err, IMGREL_ENOTFOUND, "has no port 1");
    memset(&f.err, 0, sizeof f.err);
    ck_assert_int_eq(imgrel_kube_dial(f.kube, NULL, "service/s", 81, NULL, &c, &f.err),
                     IMGREL_ENOTFOUND);
    unit_error(&f.err, IMGREL_ENOTFOUND, "targetPort \"none\"");
    memset(&f.err, 0, sizeof f.err);
    ck_assert_int_eq(imgrel_kube_dial(f.kube, NULL, "service/t", 80, NULL, &c, &f.err),
                     IMGREL_ENOTFOUND);
    fw_stop(&f);
}
END_TEST

/* ---- listeners ------------------------------------------------------------------------------- */

/* Sends all from a thread, so that both directions are full at once. */
struct sender {
    int fd;
    const char *p;
};

static void *send_big(void *user)
{
    struct sender *s = user;
    size_t at = 0;
    while (at < BIG) {
        ssize_t n = send(s->fd, s->p + at, BIG - at, MSG_NOSIGNAL);
        if (n <= 0)
            return NULL;
        at += (size_t)n;
    }
    shutdown(s->fd, SHUT_WR);
    return NULL;
}

static void through_listener(fw *f, int i, bool half_close)
{
    char *out = malloc(BIG), *in = malloc(BIG + 1);
    struct sender s = {fw_connect(f, i), out};
    pthread_t t;
    size_t got = 0;
    ssize_t n = 0;
    memset(out, 'e', BIG);
    pthread_create(&t, NULL, send_big, &s);
    while (got < BIG && (n = recv(s.fd, in + got, BIG + 1 - got, 0)) > 0)
        got += (size_t)n;
    ck_assert_uint_eq(got, BIG);
    if (half_close)
        ck_assert_int_eq(recv(s.fd, in, 1, 0), 0);
    pthread_join(t, NULL);
    close(s.fd);
    free(out);
    free(in);
}

START_TEST(local_listeners)
{
    fw f;
    char page[256] = "";
    fw_start(&f, _i, false);
    fw_listen(&f, "service/s", "0:8080,0:7");
    int fd = fw_connect(&f, 0);
    ck_assert_int_eq(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
    fw_read(fd, page, sizeof page - 1);
    ck_assert_ptr_nonnull(strstr(page, "hello there"));
    close(fd);
    through_listener(&f, 1, !_i);
    ck_assert_int_eq(fw_cancel(&f), 0);
    fw_stop(&f);
}
END_TEST

START_TEST(listeners_that_cannot_be)
{
    static const struct {
        const char *object, *ports, *address;
        int code;
        const char *word;
    } rows[] = {
        {"service/s", "80x", NULL, IMGREL_EINVAL, "LOCAL:REMOTE"},
        {"service/s", "", NULL, IMGREL_EINVAL, "no ports"},
        {"service/s", "0:99999", NULL, IMGREL_EINVAL, "LOCAL:REMOTE"},
        {"service/s", "0:1", NULL, IMGREL_ENOTFOUND, "has no port 1"},
        {"service/s", "0:7", "example.com", IMGREL_EINVAL, "numeric"},
        {"wagon/s", "0:7", NULL, IMGREL_EINVAL, "unknown kind"},
    };
    fw f;
    fw_start(&f, false, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&f.err, 0, sizeof f.err);
        ck_assert_int_eq(imgrel_kube_forward(f.kube, NULL, rows[i].object, rows[i].ports,
                                             rows[i].address, NULL, &f.err),
                         rows[i].code);
        unit_error(&f.err, rows[i].code, rows[i].word);
    }
    char *taken = ir_format("%d:7", apiserver_port(f.server));
    memset(&f.err, 0, sizeof f.err);
    ck_assert_int_eq(imgrel_kube_forward(f.kube, NULL, "service/s", taken, NULL, NULL, &f.err),
                     IMGREL_EIO);
    unit_error(&f.err, IMGREL_EIO, "the port is taken");
    free(taken);
    fw_stop(&f);
}
END_TEST

Suite *suite_forward(void);
Suite *suite_forward(void)
{
    Suite *s = suite_create("forward");
    TCase *c = tcase_create("forward");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, echo_by_tunnel);
    tcase_add_test(c, echo_by_channels);
    tcase_add_loop_test(c, refused_and_broken, 0, 2);
    tcase_add_test(c, rights_are_told_at_once);
    tcase_add_loop_test(c, services_and_pages, 0, 2);
    tcase_add_loop_test(c, local_listeners, 0, 2);
    tcase_add_test(c, listeners_that_cannot_be);
    suite_add_tcase(s, c);
    return s;
}
