/* check_stream.c - bodies read bit by bit: whole, slow, broken, dropped early; and upgraded
 * connections. */
#include "net/ws.h"
#include "support.h"

#include <poll.h>

static net n;
static dbl *d;

static void setup(void)
{
    net_start(&n, NULL);
    d = dbl_start(NULL);
}

static void teardown(void)
{
    net_stop(&n);
    dbl_stop(d);
}

static int open_path(const char *path, unsigned flags, ir_stream **ret)
{
    char *url = ir_format("%s%s", dbl_url(d), path);
    ir_request req = {.url = url, .flags = flags};
    ir_reply_free(&n.reply);
    ir_error_clear(&n.err);
    int rc = ir_http_open(&n.call, &req, ret, &n.reply, &n.err);
    free(url);
    return rc;
}

static char *pattern(size_t len)
{
    char *p = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        p[i] = (char)('a' + i * 7 % 26);
    p[len] = '\0';
    return p;
}

START_TEST(whole_body)
{
    static const size_t steps[] = {1000, 100000, 1000000};
    size_t len = 3000000;
    char *body = pattern(len), *got = malloc(len + 1);
    dbl_on(d, &(dbl_rule){.body = body, .headers = "X-A: b\r\n"});
    ir_stream *s = NULL;
    unit_ok(open_path("/", 0, &s), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_str_eq(ir_reply_header(&n.reply, "x-a", 0), "b");
    ir_reply_free(&n.reply); /* the stream does not need it */
    size_t at = 0;
    int64_t k;
    while ((k = ir_stream_read(s, got + at, steps[_i] < len + 1 - at ? steps[_i] : len + 1 - at,
                               &n.err)) > 0)
        at += (size_t)k;
    ck_assert_msg(k == 0, "%s", n.err.message);
    ck_assert_uint_eq(at, len);
    ck_assert(memcmp(got, body, len) == 0);
    ck_assert_int_eq(ir_stream_read(s, got, 10, &n.err), 0);
    ir_stream_close(s);
    unit_ok(open_path("/", 0, &s), &n.err); /* by the same connection */
    ck_assert_uint_eq(dbl_connections(d), 1);
    ir_stream_close(s);
    free(body);
    free(got);
}
END_TEST

START_TEST(errors_have_their_body)
{
    ir_stream *s = NULL;
    char buf[10];
    dbl_on(d, &(dbl_rule){.status = 404, .body = "no such blob"});
    unit_ok(open_path("/", 0, &s), &n.err);
    ck_assert_int_eq(n.reply.status, 404);
    ck_assert_str_eq(n.reply.body.p, "no such blob");
    ck_assert_int_eq(ir_stream_read(s, buf, sizeof buf, &n.err), 0);
    ir_stream_close(s);
}
END_TEST

START_TEST(broken_in_the_middle)
{
    ir_stream *s = NULL;
    char buf[64];
    int64_t k;
    size_t at = 0;
    char *body = pattern(100000);
    dbl_on(d, &(dbl_rule){.path = "/cut", .body = body, .fault = DBL_CLOSE, .after = 50000});
    dbl_on(d, &(dbl_rule){.path = "/stall", .body = body, .fault = DBL_STALL, .after = 100});
    unit_ok(open_path("/cut", 0, &s), &n.err);
    while ((k = ir_stream_read(s, buf, sizeof buf, &n.err)) > 0)
        at += (size_t)k;
    ck_assert_uint_eq(at, 50000);
    ck_assert_int_eq(k, IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "before the end of the body");
    ck_assert_uint_eq(n.err.retryable, 1);
    ir_stream_close(s);
    unit_ok(open_path("/stall", 0, &s), &n.err);
    at = 0;
    while ((k = ir_stream_read(s, buf, sizeof buf, &n.err)) > 0)
        at += (size_t)k;
    ck_assert_uint_eq(at, 100);
    ck_assert_int_eq(k, IMGREL_ETIMEOUT);
    unit_error(&n.err, IMGREL_ETIMEOUT, "not a byte for 0.4 s while receiving");
    ir_stream_close(s);
    free(body);
}
END_TEST

START_TEST(dropped_early)
{
    ir_stream *s = NULL;
    char buf[1000];
    char *body = pattern(20 << 20);
    dbl_on(d, &(dbl_rule){.body = body, .pause_ms = 5});
    unit_ok(open_path("/", 0, &s), &n.err);
    ck_assert_int_gt(ir_stream_read(s, buf, sizeof buf, &n.err), 0);
    int64_t start = ir_now_ms();
    ir_stream_close(s);
    ck_assert_int_lt(ir_now_ms() - start, 200);
    ir_stream_close(NULL);
    free(body);
}
END_TEST

/* A reader that takes its time is not a server that stalls. */
START_TEST(slow_reader)
{
    ir_stream *s = NULL;
    size_t len = 2000000, at = 0;
    char *body = pattern(len), *buf = malloc(500000);
    int64_t k;
    dbl_on(d, &(dbl_rule){.body = body});
    unit_ok(open_path("/", 0, &s), &n.err);
    while ((k = ir_stream_read(s, buf, 500000, &n.err)) > 0) {
        ck_assert(memcmp(buf, body + at, (size_t)k) == 0);
        if (at < 100000)
            unit_ok(ir_sleep(NULL, 600, 0, &n.err), &n.err);
        at += (size_t)k;
    }
    ck_assert_msg(k == 0, "%s", n.err.message);
    ck_assert_uint_eq(at, len);
    ir_stream_close(s);
    free(body);
    free(buf);
}
END_TEST

/* Whoever waits between small reads has room again for what he has read. */
START_TEST(waits_between_reads)
{
    ir_stream *s = NULL;
    size_t len = 3000000, at = 0;
    char *body = pattern(len), *buf = malloc(60000);
    int64_t k = 1;
    dbl_on(d, &(dbl_rule){.body = body});
    unit_ok(open_path("/", 0, &s), &n.err);
    while (k > 0) {
        int rc = ir_stream_wait(s, 1000, &n.err);
        k = rc < 0 ? rc : ir_stream_read(s, buf, 20000 + at % 40000, &n.err);
        if (k > 0)
            ck_assert(memcmp(buf, body + at, (size_t)k) == 0);
        at += k > 0 ? (size_t)k : 0;
    }
    ck_assert_msg(k == 0, "%s", n.err.message);
    ck_assert_uint_eq(at, len);
    ir_stream_close(s);
    free(body);
    free(buf);
}
END_TEST

START_TEST(silence_that_is_normal)
{
    ir_stream *s = NULL;
    char buf[64];
    dbl_on(d, &(dbl_rule){.body = "one more", .fault = DBL_STALL, .after = 3});
    unit_ok(open_path("/", IR_HTTP_NO_STALL, &s), &n.err);
    ck_assert_int_eq(ir_stream_wait(s, 1000, &n.err), 1);
    ck_assert_int_eq(ir_stream_read(s, buf, sizeof buf, &n.err), 3);
    int64_t start = ir_now_ms();
    ck_assert_int_eq(ir_stream_wait(s, 700, &n.err), 0);
    ck_assert_int_ge(ir_now_ms() - start, 690);
    n.call.deadline_ms = 0;
    ir_stream_close(s);
}
END_TEST

START_TEST(head_is_tried_again)
{
    ir_stream *s = NULL;
    char buf[10];
    dbl_on(d, &(dbl_rule){.times = 1, .status = 503});
    dbl_on(d, &(dbl_rule){.times = 1, .fault = DBL_RESET, .before_head = true});
    dbl_on(d, &(dbl_rule){.body = "yes"});
    unit_ok(open_path("/", 0, &s), &n.err);
    ck_assert_int_eq(ir_stream_read(s, buf, sizeof buf, &n.err), 3);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 3); /* the reset may be curl's to repeat */
    ir_stream_close(s);
}
END_TEST

/* ---- upgraded ------------------------------------------------------------------------------- */

static const char *const upgrade_headers[] = {"Connection: Upgrade", "Upgrade: echo", NULL};

static int upgrade(const char *base, const ir_tls *tls, ir_raw **ret)
{
    ir_auth auth = {.kind = IR_AUTH_BEARER, .secret = "canary"};
    char *url = ir_format("%s/exec?a=b", base);
    ir_request req = {.url = url, .headers = upgrade_headers, .auth = &auth, .tls = tls};
    ir_reply_free(&n.reply);
    ir_error_clear(&n.err);
    int rc = ir_upgrade(&n.call, &req, ret, &n.reply, &n.err);
    free(url);
    return rc;
}

static void expect_bytes(ir_raw *raw, const char *want)
{
    char got[64] = "";
    size_t at = 0, len = strlen(want);
    while (at < len) {
        int64_t k = ir_raw_recv(raw, got + at, sizeof got - 1 - at, &n.err);
        if (k == IMGREL_ESTATE) {
            struct pollfd p = {.fd = ir_raw_fd(raw), .events = POLLIN};
            ck_assert_int_eq(poll(&p, 1, 5000), 1);
            continue;
        }
        ck_assert_msg(k > 0, "%s", n.err.message);
        at += (size_t)k;
    }
    ck_assert_str_eq(got, want);
}

START_TEST(upgraded)
{
    dbl_pki *pki = dbl_pki_new(NULL);
    dbl *tls_double = dbl_start(&(dbl_conf){.pki = pki});
    ir_tls tls = {.insecure = true};
    dbl *const both[] = {d, tls_double};
    for (size_t i = 0; i < 2; i++) {
        ir_raw *raw = NULL;
        dbl_on(both[i], &(dbl_rule){.status = 101, .headers = "Upgrade: echo\r\n", .echo = "hi "});
        unit_ok(upgrade(dbl_url(both[i]), i ? &tls : NULL, &raw), &n.err);
        ck_assert_ptr_nonnull(raw);
        ck_assert_str_eq(ir_reply_header(&n.reply, "upgrade", 0), "echo");
        expect_bytes(raw, "hi ");
        ck_assert_int_eq(ir_raw_send(raw, "there", 5, &n.err), 5);
        expect_bytes(raw, "there");
        ir_raw_close(raw);
        const dbl_request *r = dbl_get(both[i], "GET", "/exec?a=b", 0);
        ck_assert_ptr_nonnull(strstr(r->head, "Authorization: Bearer canary\r\n"));
        ck_assert_ptr_nonnull(strstr(r->head, "Upgrade: echo\r\n"));
        ck_assert_ptr_nonnull(strstr(r->head, "Host: 127.0.0.1:"));
    }
    ck_assert(!net_logged("canary"));
    dbl_stop(tls_double);
    dbl_pki_free(pki);
}
END_TEST

/* Control frames without end bring no message and no chance to look at a token. */
START_TEST(only_control_frames)
{
    ir_buf bytes = IR_BUF(IR_MIB);
    ir_raw *raw = NULL;
    const char *p = NULL;
    size_t len = 0;
    ir_buf_adds(&bytes, "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\n\r\n");
    for (int i = 0; i < 20000; i++)
        ir_buf_adds(&bytes, "\x8a\x01x");
    dbl_on(d, &(dbl_rule){.raw = bytes.p});
    unit_ok(upgrade(dbl_url(d), NULL, &raw), &n.err);
    ir_ws *ws = ir_ws_new(raw);
    ck_assert_ptr_nonnull(ws);
    int rc = 0;
    while (!rc && !ir_ws_ended(ws)) {
        struct pollfd at = {.fd = ir_ws_fd(ws), .events = POLLIN};
        poll(&at, 1, 1000);
        rc = ir_ws_recv(ws, &p, &len, &n.err);
    }
    ck_assert_int_eq(rc, IMGREL_ELIMIT);
    unit_error(&n.err, IMGREL_ELIMIT, "nothing but control frames");
    ir_ws_close(ws);
    ir_buf_free(&bytes);
}
END_TEST

START_TEST(not_upgraded)
{
    ir_raw *raw = NULL;
    dbl_on(d, &(dbl_rule){.times = 1, .status = 403, .body = "{\"kind\":\"Status\"}"});
    unit_ok(upgrade(dbl_url(d), NULL, &raw), &n.err);
    ck_assert_ptr_null(raw);
    ck_assert_int_eq(n.reply.status, 403);
    ck_assert_str_eq(n.reply.body.p, "{\"kind\":\"Status\"}");
    dbl_on(d, &(dbl_rule){.times = 1,
                          .raw = "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"});
    unit_ok(upgrade(dbl_url(d), NULL, &raw), &n.err);
    ck_assert_str_eq(n.reply.body.p, "abcde");
    dbl_on(d, &(dbl_rule){.times = 1, .raw = "SSH-2.0-x\r\n"});
    ck_assert_int_eq(upgrade(dbl_url(d), NULL, &raw), IMGREL_EPROTO);
    dbl_on(d, &(dbl_rule){.times = 1, .fault = DBL_CLOSE, .before_head = true});
    ck_assert_int_eq(upgrade(dbl_url(d), NULL, &raw), IMGREL_ENET);
    dbl_on(d, &(dbl_rule){.fault = DBL_STALL, .before_head = true});
    ck_assert_int_eq(upgrade(dbl_url(d), NULL, &raw), IMGREL_ETIMEOUT);
    ck_assert_int_eq(upgrade("http://127.0.0.1:1", NULL, &raw), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "refused");
}
END_TEST

Suite *suite_stream(void);
Suite *suite_stream(void)
{
    const TTest *const tests[] = {
        errors_have_their_body, broken_in_the_middle, dropped_early, slow_reader,
        waits_between_reads,
        silence_that_is_normal, head_is_tried_again,  upgraded,      not_upgraded,
        only_control_frames,
    };
    Suite *s = suite_create("stream");
    TCase *c = tcase_create("stream");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, whole_body, 0, 3);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
