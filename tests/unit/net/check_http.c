/* check_http.c - requests against the double: methods and bodies, redirects, caps, proxies, what is
 * logged. */
#include "support.h"

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

static void want_header(const dbl_request *r, const char *name, const char *value)
{
    ck_assert_ptr_nonnull(r);
    char *got = dbl_header(r, name);
    if (value)
        ck_assert_msg(got && !strcmp(got, value), "%s: %s, wanted %s", name, got ? got : "-",
                      value);
    else
        ck_assert_msg(!got, "%s: %s arrived", name, got);
    free(got);
}

/* ---- plain exchanges ------------------------------------------------------------------------ */

START_TEST(get_and_headers)
{
    dbl_on(d, &(dbl_rule){.path = "/a?b=c",
                          .body = "hello",
                          .headers = "X-Two: 1\r\nx-two:  2 \r\nX-Request-Id: id-7\r\n"});
    unit_ok(net_do(&n, dbl_url(d), "/a?b=c", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_str_eq(n.reply.body.p, "hello");
    ck_assert_str_eq(ir_reply_header(&n.reply, "x-two", 0), "1");
    ck_assert_str_eq(ir_reply_header(&n.reply, "x-two", 1), "2");
    ck_assert_ptr_null(ir_reply_header(&n.reply, "x-two", 2));
    ck_assert_ptr_null(ir_reply_header(&n.reply, "x-tw", 0));
    ck_assert_uint_eq(n.reply.tries, 1);
    const dbl_request *r = dbl_get(d, "GET", NULL, 0);
    want_header(r, "user-agent", "libimgrel/" PACKAGE_VERSION);
    want_header(r, "accept-encoding", NULL);
    want_header(r, "cookie", NULL);
    want_header(r, "content-type", NULL);
    want_header(r, "expect", NULL);
    want_header(r, "authorization", NULL);
    ck_assert(net_logged("\"status\":\"200\""));
}
END_TEST

START_TEST(bodies_by_method)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    dbl_on(d, &(dbl_rule){.status = 201});
    for (size_t i = 0; i < 4; i++) {
        ir_request with = {.method = methods[i], .content_type = "text/x", .body = {"abc", 3}};
        unit_ok(net_do(&n, dbl_url(d), "/with", &with), &n.err);
        const dbl_request *r = dbl_get(d, methods[i], "/with", 0);
        want_header(r, "content-length", "3");
        want_header(r, "content-type", "text/x");
        want_header(r, "expect", NULL);
        ck_assert_str_eq(r->body, "abc");
        ir_request without = {.method = methods[i]};
        unit_ok(net_do(&n, dbl_url(d), "/without", &without), &n.err);
        r = dbl_get(d, methods[i], "/without", 0);
        want_header(r, "content-length", strcmp(methods[i], "DELETE") ? "0" : NULL);
        want_header(r, "content-type", NULL);
    }
    ck_assert_uint_eq(dbl_connections(d), 1); /* one warm connection for all of it */
}
END_TEST

START_TEST(head_and_empty_replies)
{
    dbl_on(d, &(dbl_rule){.path = "/h", .headers = "Content-Length: 1234\r\n"});
    dbl_on(d, &(dbl_rule){.path = "/none", .status = 204});
    ir_request head = {.method = "HEAD"};
    unit_ok(net_do(&n, dbl_url(d), "/h", &head), &n.err);
    ck_assert_str_eq(ir_reply_header(&n.reply, "content-length", 0), "1234");
    ck_assert_uint_eq(n.reply.body.len, 0);
    unit_ok(net_do(&n, dbl_url(d), "/none", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 204);
    ck_assert_uint_eq(dbl_connections(d), 1);
}
END_TEST

START_TEST(uploads)
{
    net_source s = {.size = 3000000};
    dbl_on(d, &(dbl_rule){.status = 201});
    ir_request req = net_upload(&s, true);
    unit_ok(net_do(&n, dbl_url(d), "/up", &req), &n.err);
    const dbl_request *r = dbl_get(d, "PUT", "/up", 0);
    want_header(r, "content-length", "3000000");
    want_header(r, "expect", NULL);
    ck_assert_uint_eq(r->body_len, 3000000);
    s = (net_source){.size = 200000};
    req = net_upload(&s, true);
    req.body.size = -1;
    unit_ok(net_do(&n, dbl_url(d), "/chunked", &req), &n.err);
    r = dbl_get(d, "PUT", "/chunked", 0);
    want_header(r, "transfer-encoding", "chunked");
    ck_assert_uint_eq(r->body_len, 200000);
}
END_TEST

START_TEST(expect_when_told)
{
    net_source s = {.size = 3000000};
    ((ir_conf *)ir_session_conf(n.session))->expect_100 = true;
    dbl_on(d, &(dbl_rule){.status = 201});
    ir_request req = net_upload(&s, true);
    unit_ok(net_do(&n, dbl_url(d), "/big", &req), &n.err);
    want_header(dbl_get(d, "PUT", "/big", 0), "expect", "100-continue");
    ck_assert_uint_eq(dbl_get(d, "PUT", "/big", 0)->body_len, 3000000);
    s = (net_source){.size = 1000};
    req = net_upload(&s, true);
    unit_ok(net_do(&n, dbl_url(d), "/small", &req), &n.err);
    want_header(dbl_get(d, "PUT", "/small", 0), "expect", NULL);
}
END_TEST

START_TEST(sources_that_fail)
{
    net_source s = {.size = 3000000, .fail_at = 1000000};
    ir_request req = net_upload(&s, true);
    dbl_on(d, &(dbl_rule){.status = 201});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/up", &req), IMGREL_EIO);
    unit_error(&n.err, IMGREL_EIO, "on fire");
    s = (net_source){.size = 1000};
    req = net_upload(&s, true);
    req.body.size = 2000;
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/up", &req), IMGREL_EIO);
    unit_error(&n.err, IMGREL_EIO, "ended after 1000 of 2000");
}
END_TEST

START_TEST(sinks_get_2xx_only)
{
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    ir_sink sink = {net_to_buf, &got};
    ir_request req = {.sink = &sink};
    dbl_on(d, &(dbl_rule){.path = "/ok", .body = "payload"});
    dbl_on(d, &(dbl_rule){.path = "/bad", .status = 404, .body = "sorry"});
    unit_ok(net_do(&n, dbl_url(d), "/ok", &req), &n.err);
    ck_assert_str_eq(got.p, "payload");
    ck_assert_uint_eq(n.reply.body.len, 0);
    unit_ok(net_do(&n, dbl_url(d), "/bad", &req), &n.err);
    ck_assert_str_eq(got.p, "payload");
    ck_assert_str_eq(n.reply.body.p, "sorry");
    req.flags = IR_HTTP_ANY_BODY;
    unit_ok(net_do(&n, dbl_url(d), "/bad", &req), &n.err);
    ck_assert_str_eq(got.p, "payloadsorry");
    IR_AUTO(ir_buf) small = IR_BUF(3);
    sink.user = &small;
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/ok", &req), IMGREL_ELIMIT);
}
END_TEST

START_TEST(ranges)
{
    dbl_on(d, &(dbl_rule){.status = 206, .body = "0123456789"});
    ir_request req = {.range = "10-19"};
    unit_ok(net_do(&n, dbl_url(d), "/blob", &req), &n.err);
    want_header(dbl_get(d, NULL, NULL, 0), "range", "bytes=10-19");
    ck_assert_int_eq(n.reply.status, 206);
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    const char *const evil[] = {"X-A: b\r\nX-C: d", NULL};
    ir_request req = {.headers = evil};
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/", &req), IMGREL_EINVAL);
    ck_assert_int_eq(net_do(&n, "ftp://127.0.0.1/", "", NULL), IMGREL_EINVAL);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 0);
}
END_TEST

/* ---- redirects ------------------------------------------------------------------------------ */

static void redirect(dbl *from, const char *path, int status, const char *base, const char *to)
{
    char *h = ir_format("Location: %s%s\r\n", base, to);
    dbl_on(from, &(dbl_rule){.path = path, .status = status, .headers = h});
    free(h);
}

START_TEST(redirect_keeps_method_and_body)
{
    static const int statuses[] = {301, 302, 307, 308};
    for (size_t i = 0; i < 4; i++) {
        net_source s = {.size = 100000};
        char path[8];
        snprintf(path, sizeof path, "/%d", statuses[i]);
        redirect(d, path, statuses[i], dbl_url(other), "/there");
        dbl_on(other, &(dbl_rule){.path = "/there", .status = 201});
        ir_request req = net_upload(&s, true);
        unit_ok(net_do(&n, dbl_url(d), path, &req), &n.err);
        ck_assert_int_eq(n.reply.status, 201);
        ck_assert(ir_ends(n.reply.url, "/there"));
        ck_assert_uint_eq(dbl_get(other, "PUT", "/there", i)->body_len, 100000);
    }
    redirect(d, "/303", 303, "", "/after");
    dbl_on(d, &(dbl_rule){.path = "/after", .body = "got"});
    ir_request post = {.method = "POST", .body = {"abc", 3}};
    unit_ok(net_do(&n, dbl_url(d), "/303", &post), &n.err);
    ck_assert_str_eq(n.reply.body.p, "got");
    want_header(dbl_get(d, "GET", "/after", 0), "content-length", NULL);
}
END_TEST

START_TEST(redirect_of_a_stream_body_fails)
{
    net_source s = {.size = 100000};
    redirect(d, "/up", 307, dbl_url(other), "/there");
    ir_request req = net_upload(&s, false);
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/up", &req), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "can't be sent twice");
    ck_assert_uint_eq(dbl_count(other, NULL, NULL), 0);
}
END_TEST

START_TEST(redirect_leaks_nothing)
{
    const char *const own[] = {"X-Secret: canary-header", NULL};
    ir_auth auth = {.kind = IR_AUTH_BASIC, .user = "me", .secret = "canary"};
    ir_request req = {.auth = &auth, .headers = own};
    redirect(d, "/blob", 307, dbl_url(other), "/cdn?sig=1");
    dbl_on(other, &(dbl_rule){.path = "/cdn?sig=1", .body = "bytes"});
    unit_ok(net_do(&n, dbl_url(d), "/blob", &req), &n.err);
    ck_assert_str_eq(n.reply.body.p, "bytes");
    want_header(dbl_get(d, NULL, "/blob", 0), "authorization", "Basic bWU6Y2FuYXJ5");
    want_header(dbl_get(d, NULL, "/blob", 0), "x-secret", "canary-header");
    want_header(dbl_get(other, NULL, NULL, 0), "authorization", NULL);
    want_header(dbl_get(other, NULL, NULL, 0), "x-secret", NULL);
    ck_assert(!dbl_saw(other, "bWU6Y2FuYXJ5"));
    ck_assert(!net_logged("bWU6Y2FuYXJ5") && !net_logged("canary"));
}
END_TEST

START_TEST(redirect_and_back_stays_anonymous)
{
    ir_auth auth = {.kind = IR_AUTH_BASIC, .user = "me", .secret = "canary"};
    ir_request req = {.auth = &auth};
    redirect(d, "/a", 307, dbl_url(other), "/b");
    redirect(other, "/b", 307, dbl_url(d), "/c");
    dbl_on(d, &(dbl_rule){.path = "/c", .status = 200});
    unit_ok(net_do(&n, dbl_url(d), "/a", &req), &n.err);
    want_header(dbl_get(d, NULL, "/c", 0), "authorization", NULL);
}
END_TEST

START_TEST(redirects_are_counted)
{
    redirect(d, "/loop", 302, "", "/loop");
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/loop", NULL), IMGREL_ELIMIT);
    unit_error(&n.err, IMGREL_ELIMIT, "redirects");
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), IR_REDIRECTS_MAX + 1);
    ir_request req = {.flags = IR_HTTP_NO_REDIRECT};
    unit_ok(net_do(&n, dbl_url(d), "/loop", &req), &n.err);
    ck_assert_int_eq(n.reply.status, 302);
    redirect(d, "/file", 302, "", "file:///etc/passwd");
    ck_assert_int_lt(net_do(&n, dbl_url(d), "/file", NULL), 0);
    redirect(d, "/gone", 302, "", "");
    unit_ok(net_do(&n, dbl_url(d), "/nothing", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 404);
}
END_TEST

/* ---- caps ----------------------------------------------------------------------------------- */

START_TEST(caps)
{
    size_t len = 200000;
    char *big = malloc(len + 1);
    memset(big, 'y', len);
    big[len] = '\0';
    dbl_on(d, &(dbl_rule){.path = "/ok", .body = big});
    dbl_on(d, &(dbl_rule){.path = "/error", .status = 400, .body = big});
    ir_request req = {.body_max = 1000, .what = "manifest of a/b"};
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/ok", &req), IMGREL_ELIMIT);
    ck_assert_uint_eq(dbl_count(d, NULL, "/ok"), 1);
    unit_ok(net_do(&n, dbl_url(d), "/error", &req),
            &n.err); /* an error's body is cut, not refused */
    ck_assert_int_eq(n.reply.status, 400);
    ck_assert_uint_eq(n.reply.body.len, 1000);
    char *head = ir_format("HTTP/1.1 200 OK\r\nX-Big: %s\r\n\r\n", big);
    dbl_on(d, &(dbl_rule){.path = "/head", .raw = head});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/head", NULL), IMGREL_ELIMIT);
    free(head);
    ir_buf many = IR_BUF(1 << 20);
    ir_buf_adds(&many, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20; i++)
        ir_buf_addf(&many, "X-%d: %.*s\r\n", i, 9000, big);
    ir_buf_adds(&many, "\r\n");
    dbl_on(d, &(dbl_rule){.path = "/heads", .raw = many.p});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/heads", NULL), IMGREL_ELIMIT);
    ir_buf_free(&many);
    free(big);
}
END_TEST

START_TEST(not_http)
{
    dbl_on(d, &(dbl_rule){.path = "/ssh", .raw = "SSH-2.0-OpenSSH\r\n"});
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/ssh", NULL), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "does not answer in HTTP");
}
END_TEST

/* ---- proxies -------------------------------------------------------------------------------- */

static void through_proxy(ir_conf *conf)
{
    conf->proxy = ir_format("http://%s", dbl_host(other));
    conf->proxy_user = ir_strdup("pu");
    conf->proxy_password = ir_strdup("canary-proxy");
}

START_TEST(proxies)
{
    dbl_stop(other);
    other = dbl_start(&(dbl_conf){.proxy_auth = "Basic cHU6Y2FuYXJ5LXByb3h5"});
    dbl_on(other, &(dbl_rule){.path = "http://registry.example/v2/", .body = "by proxy"});
    net_stop(&n);
    net_start(&n, through_proxy);
    unit_ok(net_do(&n, "http://registry.example", "/v2/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "by proxy");
    want_header(dbl_get(other, "GET", NULL, 0), "proxy-authorization",
                "Basic cHU6Y2FuYXJ5LXByb3h5");
    ck_assert(!net_logged("canary-proxy"));
}
END_TEST

static void through_closed_proxy(ir_conf *conf)
{
    conf->proxy = ir_format("http://%s", dbl_host(other));
}

START_TEST(proxy_refuses)
{
    dbl_stop(other);
    other = dbl_start(&(dbl_conf){.proxy_auth = "Basic eDp5"});
    net_stop(&n);
    net_start(&n, through_closed_proxy);
    ck_assert_int_eq(net_do(&n, "https://registry.example", "/v2/", NULL), IMGREL_EAUTH);
    unit_error(&n.err, IMGREL_EAUTH, "407");
    unit_error(&n.err, IMGREL_EAUTH, "proxy_user");
}
END_TEST

/* A plain host's answer that is the proxy's own; the login is in the proxy's URL, and wrong. */
static void through_url_login(ir_conf *conf)
{
    conf->proxy = ir_format("http://pu:canary-proxy@%s", dbl_host(other));
}

START_TEST(proxy_login_in_its_url)
{
    dbl_stop(other);
    other = dbl_start(&(dbl_conf){.proxy_auth = "Basic cHU6Y2FuYXJ5LXByb3h5"});
    dbl_on(other, &(dbl_rule){.body = "by proxy"});
    net_stop(&n);
    net_start(&n, through_url_login);
    unit_ok(net_do(&n, "http://registry.example", "/v2/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "by proxy");
    dbl_stop(other);
    other = dbl_start(&(dbl_conf){.proxy_auth = "Basic another"});
    net_stop(&n);
    net_start(&n, through_url_login);
    ck_assert_int_eq(net_do(&n, "http://registry.example", "/v2/", NULL), IMGREL_EAUTH);
    unit_error(&n.err, IMGREL_EAUTH, "the proxy wants another login");
    unit_error(&n.err, IMGREL_EAUTH, "proxy_user");
    ck_assert_uint_eq(dbl_count(other, NULL, NULL), 1);
    ck_assert_int_eq(net_do(&n, "https://registry.example", "/v2/", NULL), IMGREL_EAUTH);
    ck_assert(!strstr(n.err.message, "canary") && !strstr(n.err.cure, "canary"));
    ck_assert(!net_logged("canary"));
    ir_conf *conf = (ir_conf *)ir_session_conf(n.session);
    free(conf->proxy); /* unknown: nor does that error tell */
    conf->proxy = ir_strdup("http://pu:canary-proxy@proxy.invalid:3128");
    ck_assert_int_eq(net_do(&n, "http://registry.example", "/v2/", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "unknown proxy host");
    ck_assert(!strstr(n.err.message, "canary") && !net_logged("canary"));
}
END_TEST

static const char *exceptions;
static void with_exceptions(ir_conf *conf)
{
    conf->proxy = ir_format("http://%s", dbl_host(other));
    conf->no_proxy = ir_strdup(exceptions);
    ck_assert_int_eq(ir_strv_add(&conf->resolve, "a.corp.example=127.0.0.1:1"), 0);
}

/* Names, domains and networks that are reached without the proxy. */
START_TEST(no_proxy)
{
    static const struct {
        const char *exceptions;
        bool direct;
    } rows[] = {{"127.0.0.0/8", true}, {"10.0.0.0/8", false}, {"127.0.0.1", true},
                {"x,127.0.0.1", true}, {"", false},           {"*", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        exceptions = rows[i].exceptions;
        net_stop(&n);
        net_start(&n, with_exceptions);
        size_t before = dbl_count(d, NULL, NULL);
        dbl_on(d, &(dbl_rule){.body = "direct"});
        unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
        ck_assert_msg(dbl_count(d, NULL, NULL) - before == rows[i].direct, "%s", exceptions);
    }
    exceptions = ".corp.example";
    net_stop(&n);
    net_start(&n, with_exceptions);
    ck_assert_int_eq(net_do(&n, "http://a.corp.example", "/", NULL), IMGREL_ENET); /* port 1 */
    unit_ok(net_do(&n, "http://a.corp.example.evil", "/", NULL), &n.err);
    ck_assert_int_eq(n.reply.status, 404); /* the proxy's */
}
END_TEST

START_TEST(environment_proxy_with_a_login)
{
    dbl_stop(other);
    other = dbl_start(&(dbl_conf){.proxy_auth = "Basic cHU6Y2FuYXJ5LXByb3h5"});
    dbl_on(other, &(dbl_rule){.body = "proxied"});
    char *url = ir_format("http://pu:canary-proxy@%s", dbl_host(other));
    setenv("http_proxy", url, 1);
    setenv("no_proxy", "direct.example,10.0.0.0/8", 1);
    unit_ok(net_do(&n, "http://registry.example", "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "proxied");
    ck_assert_int_eq(net_do(&n, "http://direct.example", "/", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "direct.example: unknown host");
    ck_assert(!net_logged("canary"));
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    free(url);
}
END_TEST

START_TEST(environment_proxy_is_not_for_loopback)
{
    char *url = ir_format("http://%s", dbl_host(other));
    setenv("http_proxy", url, 1);
    dbl_on(d, &(dbl_rule){.body = "direct"});
    dbl_on(other, &(dbl_rule){.path = "http://registry.example/", .body = "proxied"});
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "direct");
    unit_ok(net_do(&n, "http://registry.example", "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "proxied");
    unsetenv("http_proxy");
    free(url);
}
END_TEST

START_TEST(warnings_are_logged)
{
    dbl_on(d, &(dbl_rule){.headers = "Warning: 299 - \"the library is deprecated\"\r\n"});
    unit_ok(net_do(&n, dbl_url(d), "/?token=canary", NULL), &n.err);
    ck_assert(net_logged("the library is deprecated"));
    ck_assert(!net_logged("canary"));
}
END_TEST

Suite *suite_http(void);
Suite *suite_http(void)
{
    const TTest *const tests[] = {get_and_headers,
                                  bodies_by_method,
                                  head_and_empty_replies,
                                  uploads,
                                  expect_when_told,
                                  sources_that_fail,
                                  sinks_get_2xx_only,
                                  ranges,
                                  bad_requests_are_refused,
                                  redirect_keeps_method_and_body,
                                  redirect_of_a_stream_body_fails,
                                  redirect_leaks_nothing,
                                  redirect_and_back_stays_anonymous,
                                  redirects_are_counted,
                                  caps,
                                  not_http,
                                  proxies,
                                  proxy_refuses,
                                  proxy_login_in_its_url,
                                  no_proxy,
                                  environment_proxy_with_a_login,
                                  environment_proxy_is_not_for_loopback,
                                  warnings_are_logged};
    Suite *s = suite_create("http");
    TCase *c = tcase_create("http");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
