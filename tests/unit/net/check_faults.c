/* check_faults.c - what breaks on the way, and what is tried again. */
#include "net/work.h"
#include "support.h"

#include <time.h>

static net n;
static dbl *d, *other;

static void setup(void)
{
    net_start(&n, NULL);
    d = dbl_start(NULL);
    other = dbl_start(NULL);
}

static void teardown(void)
{
    net_stop(&n);
    dbl_stop(d);
    dbl_stop(other);
}

/* ---- faults --------------------------------------------------------------------------------- */

START_TEST(faults_are_tried_again)
{
    static const dbl_rule faults[] = {
        {.fault = DBL_RESET, .before_head = true},
        {.fault = DBL_CLOSE, .before_head = true},
        {.fault = DBL_RESET, .after = 2},
        {.fault = DBL_CLOSE, .after = 2},
        {.fault = DBL_STALL, .before_head = true},
        {.fault = DBL_STALL, .after = 2},
        {.status = 500},
        {.status = 502},
        {.status = 503},
        {.status = 504},
        {.status = 408},
        {.status = 429, .headers = "Retry-After: 0\r\n"},
    };
    dbl_rule bad = faults[_i];
    bad.times = 2;
    bad.body = "hello";
    dbl_on(d, &bad);
    dbl_on(d, &(dbl_rule){.body = "hello"});
    unit_ok(net_do(&n, dbl_url(d), "/x", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_str_eq(n.reply.body.p, "hello");
    ck_assert_uint_eq(n.reply.tries, 3);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 3);
}
END_TEST
#define N_FAULTS 12

START_TEST(upload_faults_are_tried_again)
{
    static const dbl_rule faults[] = {
        {.fault = DBL_RESET, .after_read = 500000}, {.fault = DBL_CLOSE, .after_read = 500000},
        {.fault = DBL_STALL, .after_read = 500000}, {.status = 503},
        {.status = 500, .after_read = -1},
    };
    net_source s = {.size = 5000000};
    dbl_rule bad = faults[_i];
    bad.times = 1;
    dbl_on(d, &bad);
    dbl_on(d, &(dbl_rule){.status = 201});
    ir_request req = net_upload(&s, true);
    unit_ok(net_do(&n, dbl_url(d), "/up", &req), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
    ck_assert_uint_eq(dbl_get(d, "PUT", NULL, 1)->body_len, 5000000);
    ck_assert(s.rewinds >= 1 || _i >= 3); /* a quick answer may have spared the body */
}
END_TEST
#define N_UPLOAD_FAULTS 5

START_TEST(posts_are_not_repeated)
{
    ir_request post = {.method = "POST", .body = {"abc", 3}};
    dbl_on(d, &(dbl_rule){.path = "/cut", .fault = DBL_CLOSE, .before_head = true, .times = 1});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/cut", &post), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "closed without a reply");
    ck_assert_uint_eq(n.err.retryable, 1);
    ck_assert_uint_eq(dbl_count(d, NULL, "/cut"), 1);
    dbl_on(d, &(dbl_rule){.path = "/503", .status = 503, .times = 1});
    unit_ok(net_do(&n, dbl_url(d), "/503", &post), &n.err);
    ck_assert_int_eq(n.reply.status, 503);
    dbl_on(d, &(dbl_rule){.path = "/429", .status = 429, .times = 1});
    dbl_on(d, &(dbl_rule){.path = "/429", .status = 201});
    unit_ok(net_do(&n, dbl_url(d), "/429", &post), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
    post.flags = IR_HTTP_REPEATABLE;
    dbl_on(d, &(dbl_rule){.path = "/rep", .fault = DBL_RESET, .before_head = true, .times = 1});
    dbl_on(d, &(dbl_rule){.path = "/rep", .status = 201});
    unit_ok(net_do(&n, dbl_url(d), "/rep", &post), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
    ir_request once = {.flags = IR_HTTP_ONE_TRY};
    dbl_on(d, &(dbl_rule){.path = "/once", .status = 503});
    unit_ok(net_do(&n, dbl_url(d), "/once", &once), &n.err);
    ck_assert_uint_eq(dbl_count(d, NULL, "/once"), 1);
}
END_TEST

START_TEST(sink_with_bytes_is_not_tried_again)
{
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    ir_sink sink = {net_to_buf, &got};
    ir_request req = {.sink = &sink, .what = "sha256:beef"};
    dbl_on(d, &(dbl_rule){.body = "0123456789", .fault = DBL_CLOSE, .after = 4});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/blob", &req), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "sha256:beef");
    ck_assert_uint_eq(n.err.retryable, 1);
    ck_assert_str_eq(got.p, "0123");
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 1);
}
END_TEST

START_TEST(gives_up_and_says_so)
{
    dbl_on(d, &(dbl_rule){.path = "/503", .status = 503, .headers = "Retry-After: 0\r\n"});
    dbl_on(d, &(dbl_rule){.path = "/cut", .fault = DBL_RESET, .before_head = true});
    unit_ok(net_do(&n, dbl_url(d), "/503", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 503);
    ck_assert_uint_eq(n.reply.tries, 4);
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/cut", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "tried 4 times");
    unit_error(&n.err, IMGREL_ENET, dbl_host(d));
}
END_TEST

START_TEST(retry_after_is_kept)
{
    char date[64], headers[96];
    time_t then = time(NULL) + 2;
    struct tm tm;
    gmtime_r(&then, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    snprintf(headers, sizeof headers, "Retry-After: %s\r\n", date);
    dbl_on(d,
           &(dbl_rule){.path = "/s", .status = 429, .headers = "Retry-After: 1\r\n", .times = 1});
    dbl_on(d, &(dbl_rule){.path = "/d", .status = 503, .headers = headers, .times = 1});
    dbl_on(d, &(dbl_rule){.status = 200});
    int64_t start = ir_now_ms();
    unit_ok(net_do(&n, dbl_url(d), "/s", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_int_ge(ir_now_ms() - start, 1000);
    unit_ok(net_do(&n, dbl_url(d), "/d", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_int_ge((int64_t)time(NULL), (int64_t)then);
    /* One that lies beyond the deadline is not waited for. */
    dbl_on(other, &(dbl_rule){.status = 429, .headers = "Retry-After: 30\r\nX-Request-Id: r9\r\n"});
    n.call.deadline_ms = ir_now_ms() + 5000;
    start = ir_now_ms();
    unit_ok(net_do(&n, dbl_url(other), "/", NULL), &n.err);
    ck_assert_int_lt(ir_now_ms() - start, 1000);
    ir_request req = {.url = dbl_url(other)};
    ck_assert_int_eq(ir_reply_fail(&req, &n.reply, "TOOMANYREQUESTS", &n.err, "tags of a/b"),
                     IMGREL_ELIMIT);
    ck_assert_int_eq(n.err.retry_after_ms, 30000);
    ck_assert_int_eq(n.err.http_status, 429);
    ck_assert_str_eq(n.err.request_id, "r9");
    ck_assert_str_eq(n.err.reason, "TOOMANYREQUESTS");
    unit_error(&n.err, IMGREL_ELIMIT, "127.0.0.1: tags of a/b");
}
END_TEST

START_TEST(refused_for_a_while)
{
    dbl *late = dbl_start(&(dbl_conf){.listen_after_ms = 300});
    net slow;
    net_stop(&n);
    net_start(&slow, NULL);
    ck_assert_int_eq(net_do(&slow, "http://127.0.0.1:1", "/", NULL), IMGREL_ENET);
    unit_error(&slow.err, IMGREL_ENET, "connection refused while connecting");
    unit_error(&slow.err, IMGREL_ENET, "firewall");
    net_stop(&slow);
    net_start(&n, NULL);
    ir_conf *conf = (ir_conf *)ir_session_conf(n.session);
    conf->retries = 100;
    dbl_on(late, &(dbl_rule){.status = 201});
    /* Nothing was sent, so even a POST may go again. */
    ir_request post = {.method = "POST", .body = {"abc", 3}};
    unit_ok(net_do(&n, dbl_url(late), "/", &post), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
    ck_assert_uint_gt(n.reply.tries, 1);
    dbl_stop(late);
}
END_TEST

START_TEST(stale_connection_is_replaced)
{
    net_source s = {.size = 1000};
    dbl_on(d, &(dbl_rule){.path = "/first", .fault = DBL_CLOSE, .after = 100, .body = "all of it"});
    dbl_on(d, &(dbl_rule){.status = 201});
    unit_ok(net_do(&n, dbl_url(d), "/first", NULL), &n.err); /* closes after its reply */
    ir_request req = net_upload(&s, false);
    unit_ok(net_do(&n, dbl_url(d), "/up", &req), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
}
END_TEST

static int counts[4];
static int count_events(void *user, const imgrel_event *ev)
{
    (void)user;
    if (ev->kind < 4)
        counts[ev->kind]++;
    return 0;
}

/* A server that never ends its head, or what follows a body, is cut off and named. */
START_TEST(endless_lines)
{
    static const struct {
        const char *head, *error;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n", "the reply's head is over 131072 bytes"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
         "the reply's trailers do not end"},
    };
    ir_request req = {.what = "/x"};
    ir_buf raw = IR_BUF(IR_MIB);
    char want[100];
    ir_buf_adds(&raw, rows[_i].head);
    while (raw.len < 200000)
        ir_buf_adds(&raw, "X-Line: some more of it\r\n");
    dbl_on(d, &(dbl_rule){.raw = raw.p});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/x", &req), IMGREL_ELIMIT);
    snprintf(want, sizeof want, "127.0.0.1:%d: /x: %s", dbl_port(d), rows[_i].error);
    unit_error(&n.err, IMGREL_ELIMIT, want);
    ir_buf_free(&raw);
}
END_TEST

/* Nobody is told to log in where he was asked, when it was another that refused. */
START_TEST(refused_elsewhere)
{
    const char *scopes[] = {"repository:a:pull"};
    ir_auth auth = {.kind = IR_AUTH_REGISTRY, .host = "a.example", .scopes = scopes, .n_scopes = 1};
    ir_request req = {.auth = &auth};
    char *to = ir_format("Location: %s/there\r\n", dbl_url(other));
    dbl_on(d, &(dbl_rule){.status = 307, .headers = to});
    dbl_on(other, &(dbl_rule){.status = 401, .headers = "WWW-Authenticate: Basic realm=x\r\n"});
    unit_ok(net_do(&n, dbl_url(d), "/x", &req), &n.err);
    req.url = dbl_url(d);
    ck_assert_int_eq(ir_reply_fail(&req, &n.reply, NULL, &n.err, "x"), IMGREL_EAUTH);
    ck_assert_ptr_nonnull(strstr(n.err.cure, "sent us on to 127.0.0.1:"));
    free(to);
}
END_TEST

START_TEST(retries_are_reported)
{
    n.call.progress = count_events;
    dbl_on(d, &(dbl_rule){.status = 503, .times = 2});
    dbl_on(d, &(dbl_rule){.status = 200});
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_int_eq(counts[IMGREL_EVENT_RETRY], 2);
}
END_TEST

/* ---- slow servers, and those that want us to be ---------------------------------------------- */

static ir_conf *conf_of(const net *who)
{
    return (ir_conf *)ir_session_conf(who->session);
}

START_TEST(drips_are_broken_off)
{
    static char body[8192];
    memset(body, 'x', sizeof body);
    conf_of(&n)->low_speed = 100000;
    conf_of(&n)->low_speed_time_ms = 200;
    dbl_on(d, &(dbl_rule){.body = body, .body_len = sizeof body, .pause_ms = 100, .times = 2});
    dbl_on(d, &(dbl_rule){.body = body, .body_len = sizeof body});
    ir_request req = {.body_max = sizeof body};
    unit_ok(net_do(&n, dbl_url(d), "/x", &req), &n.err);
    ck_assert_uint_eq(n.reply.tries, 3);
    ck_assert(net_logged("only "));
    dbl_on(other, &(dbl_rule){.body = body, .body_len = sizeof body, .pause_ms = 100});
    req.flags = IR_HTTP_ONE_TRY;
    ck_assert_int_eq(net_do(&n, dbl_url(other), "/x", &req), IMGREL_ETIMEOUT);
    unit_error(&n.err, IMGREL_ETIMEOUT, "while receiving");
    unit_error(&n.err, IMGREL_ETIMEOUT, "lower low_speed");
    conf_of(&n)->low_speed = 100;
    unit_ok(net_do(&n, dbl_url(other), "/x", &req), &n.err);
}
END_TEST

static int ask(const ir_call *call, void *job, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    ir_request req = {.url = job};
    return ir_http_do(call, &req, &reply, err);
}

START_TEST(few_left_slow_us_down)
{
    conf_of(&n)->rate_wait_ms = 80;
    dbl_on(d, &(dbl_rule){.path = "/many",
                          .headers = "RateLimit-Limit: 100;w=60\r\nRateLimit-Remaining: 50\r\n"});
    dbl_on(d, &(dbl_rule){.headers = "RateLimit-Limit: 100;w=60\r\nRateLimit-Remaining: 4\r\n"});
    for (int i = 0; i < 3; i++)
        unit_ok(net_do(&n, dbl_url(d), "/many", NULL), &n.err);
    ck_assert(!net_logged("slowing down"));
    unit_ok(net_do(&n, dbl_url(d), "/few", NULL), &n.err);
    ck_assert(net_logged("slowing down: few requests are left"));
    ck_assert(net_logged("\"left\":\"4\",\"pause_ms\":\"80\""));
    /* Six workers keep to the row: each a pause after the one before. */
    char *url = ir_format("%s/few", dbl_url(d));
    void *jobs[6] = {url, url, url, url, url, url};
    int64_t start = ir_now_ms();
    unit_ok(ir_work_run(&n.call, 6, ask, jobs, 6, &n.err), &n.err);
    ck_assert_int_ge(ir_now_ms() - start, 6 * 80 - 1);
    ck_assert_uint_eq(dbl_count(d, NULL, "/few"), 7);
    unit_ok(net_do(&n, dbl_url(other), "/", NULL), &n.err); /* another origin has its own row */
    conf_of(&n)->rate_wait_ms = 60000;
    unit_ok(net_do(&n, dbl_url(d), "/few", NULL), &n.err); /* 12 s to the next */
    n.call.deadline_ms = ir_now_ms() + 8000;               /* too short to wait: it goes at once */
    unit_ok(net_do(&n, dbl_url(d), "/many", NULL), &n.err);
    free(url);
}
END_TEST

Suite *suite_faults(void);
Suite *suite_faults(void)
{
    const TTest *const tests[] = {posts_are_not_repeated, sink_with_bytes_is_not_tried_again,
                                  gives_up_and_says_so,   retry_after_is_kept,
                                  refused_for_a_while,    stale_connection_is_replaced,
                                  retries_are_reported,   refused_elsewhere,
                                  drips_are_broken_off,   few_left_slow_us_down};
    Suite *s = suite_create("faults");
    TCase *c = tcase_create("faults");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, faults_are_tried_again, 0, N_FAULTS);
    tcase_add_loop_test(c, endless_lines, 0, 2);
    tcase_add_loop_test(c, upload_faults_are_tried_again, 0, N_UPLOAD_FAULTS);
    suite_add_tcase(s, c);
    return s;
}
