/* check_auth.c - the token dance: challenges, scopes, what is remembered, expiry, refresh tokens,
 * Basic; and that nothing secret goes where it should not. */
#include "net/work.h"
#include "support.h"

static net n;
static dbl *d, *realm;
static ir_login login;
static ir_auth auth;
static const char *scopes[4];

static void setup(void)
{
    net_start(&n, NULL);
    d = dbl_start(NULL);
    realm = dbl_start(NULL);
    auth = (ir_auth){.kind = IR_AUTH_REGISTRY, .host = dbl_host(d), .scopes = scopes};
    login = (ir_login){dbl_host(d), "me", "canary-secret"};
    n.call.logins = &login;
    n.call.n_logins = 1;
}

static void teardown(void)
{
    /* Whatever a test does, a login and a token are never in the log. */
    ck_assert(!net_logged("canary"));
    ck_assert(!net_logged("bWU6Y2FuYXJ5LXNlY3JldA=="));
    net_stop(&n);
    dbl_stop(d);
    dbl_stop(realm);
}
#define BASIC "Authorization: Basic bWU6Y2FuYXJ5LXNlY3JldA=="

static void scope(const char *s)
{
    scopes[auth.n_scopes++] = s;
}

/* 401 with this challenge unless the request has the header; then the body. */
static void guard(const char *path, const char *challenge, const char *header, const char *body)
{
    char *h = ir_format("WWW-Authenticate: %s\r\n", challenge);
    dbl_on(d, &(dbl_rule){.path = path, .with_header = header, .body = body});
    dbl_on(d, &(dbl_rule){.path = path, .status = 401, .headers = h});
    free(h);
}

static void guard_by_realm(const char *path, const char *token)
{
    char *c = ir_format("Bearer realm=\"%s/token\",service=\"reg\",scope=\"repository:a/b:pull\"",
                        dbl_url(realm));
    char *h = ir_format("Authorization: Bearer %s\r\n", token);
    guard(path, c, h, "in");
    free(c);
    free(h);
}

static void tokens(const char *json, unsigned times)
{
    dbl_on(realm, &(dbl_rule){.path = "/token*", .body = json, .times = times});
}

static int get(const char *path)
{
    ir_request req = {.auth = &auth};
    return net_do(&n, dbl_url(d), path, &req);
}

static void want_in(const char *path)
{
    unit_ok(get(path), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_str_eq(n.reply.body.p, "in");
}

START_TEST(token_dance)
{
    guard_by_realm("/v2/*", "canary-t1");
    tokens("{\"token\": \"canary-t1\", \"access_token\": \"\", \"expires_in\": 1800}", 0);
    scope("repository:a/b:pull,push");
    scope("repository:c/d:pull");
    want_in("/v2/a/b/manifests/1");
    /* Nothing secret before the challenge; the login to the realm only; scopes of the whole job. */
    ck_assert(!dbl_saw(d, BASIC));
    ck_assert_ptr_null(strstr(dbl_get(d, NULL, NULL, 0)->head, "Authorization"));
    const dbl_request *r = dbl_get(realm, "GET", "/token*", 0);
    ck_assert_str_eq(r->target, "/token?service=reg&scope=repository%3Aa%2Fb%3Apull%2Cpush"
                                "&scope=repository%3Ac%2Fd%3Apull");
    ck_assert_ptr_nonnull(strstr(r->head, BASIC));
    /* The next request needs neither a 401 nor a token. */
    want_in("/v2/a/b/blobs/x");
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 3);
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 1);
    /* Nor do other scopes need a 401, but a token of their own. */
    auth.n_scopes = 1;
    want_in("/v2/a/b/blobs/y");
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 4);
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 2);
}
END_TEST

START_TEST(scope_of_the_challenge)
{
    guard_by_realm("/v2/*", "t");
    tokens("{\"access_token\": \"t\"}", 0);
    want_in("/v2/x");
    ck_assert_str_eq(dbl_get(realm, NULL, NULL, 0)->target,
                     "/token?service=reg&scope=repository%3Aa%2Fb%3Apull");
}
END_TEST

START_TEST(anonymous)
{
    guard_by_realm("/v2/*", "t");
    tokens("{\"token\": \"t\"}", 0);
    n.call.n_logins = 0;
    scope("repository:a/b:pull");
    want_in("/v2/x");
    ck_assert_ptr_null(strstr(dbl_get(realm, NULL, NULL, 0)->head, "Authorization"));
}
END_TEST

START_TEST(several_challenges)
{
    char *c = ir_format("Negotiate, Basic realm=\"a, b\", Bearer realm=\"%s/token\","
                        "service=\"x, \\\"y\\\"\",scope=\"repository:a/b:pull,push\"",
                        dbl_url(realm));
    guard("/v2/*", c, "Authorization: Bearer t\r\n", "in");
    tokens("{\"token\": \"t\"}", 0);
    want_in("/v2/x");
    ck_assert_str_eq(dbl_get(realm, NULL, NULL, 0)->target,
                     "/token?service=x%2C%20%22y%22&scope=repository%3Aa%2Fb%3Apull%2Cpush");
    free(c);
}
END_TEST

START_TEST(basic)
{
    guard("/v2/*", "Basic realm=\"r\"", BASIC, "in");
    want_in("/v2/x");
    ck_assert_ptr_null(strstr(dbl_get(d, NULL, NULL, 0)->head, "Authorization"));
    want_in("/v2/y"); /* at once now */
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 3);
}
END_TEST

START_TEST(basic_refused)
{
    guard("/v2/*", "Basic realm=\"r\"", "Authorization: Basic bm90aGluZw==", "in");
    unit_ok(get("/v2/x"), &n.err);
    ck_assert_int_eq(n.reply.status, 401);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 2);
    ir_request req = {.url = dbl_url(d), .auth = &auth};
    ck_assert_int_eq(ir_reply_fail(&req, &n.reply, "UNAUTHORIZED", &n.err, "manifest of a/b"),
                     IMGREL_EAUTH);
    unit_error(&n.err, IMGREL_EAUTH, "imgrel login 127.0.0.1");
}
END_TEST

START_TEST(login_refused_by_the_realm)
{
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.status = 401});
    ck_assert_int_eq(get("/v2/x"), IMGREL_EAUTH);
    unit_error(&n.err, IMGREL_EAUTH, "the login of me (given by the caller) is refused");
    unit_error(&n.err, IMGREL_EAUTH, "check the user name and the password");
    ck_assert_int_eq(n.err.http_status, 401);
    ck_assert_uint_eq(n.reply.tries, 1);
}
END_TEST

START_TEST(bad_answers_of_the_realm)
{
    static const char *const bad[] = {"{}",
                                      "{\"token\": \"\", \"access_token\": \"\"}",
                                      "{\"token\": \"a b\"}",
                                      "{\"token\": \"a\\r\\nX: y\"}",
                                      "[1]",
                                      "garbage",
                                      ""};
    guard_by_realm("/v2/*", "t");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tokens(bad[i], 1);
        int rc = get("/v2/x");
        ck_assert_msg(rc == IMGREL_EAUTH || rc == IMGREL_EPROTO, "%s: %d", bad[i], rc);
    }
    size_t len = IR_TOKEN_MAX + 10;
    char *big = malloc(len + 1);
    memset(big, ' ', len);
    big[len] = '\0';
    tokens(big, 1);
    ck_assert_int_eq(get("/v2/x"), IMGREL_ELIMIT);
    free(big);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), sizeof bad / sizeof *bad + 1);
}
END_TEST

START_TEST(realm_fails_once)
{
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.status = 503, .times = 1});
    dbl_on(realm, &(dbl_rule){.fault = DBL_RESET, .before_head = true, .times = 1});
    tokens("{\"token\": \"t\"}", 0);
    want_in("/v2/x");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 3);
}
END_TEST

START_TEST(expires_before_its_end)
{
    guard_by_realm("/v2/*", "t");
    tokens("{\"token\": \"t\", \"expires_in\": 2}", 0);
    scope("repository:a/b:pull");
    want_in("/v2/1");
    want_in("/v2/2");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 1);
    unit_ok(ir_sleep(NULL, 1600, 0, &n.err), &n.err); /* a quarter is left: renewed unasked */
    want_in("/v2/3");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 2);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 4);
}
END_TEST

/* The server forgot it before its time: a new one is fetched, once. */
START_TEST(revoked_in_the_middle)
{
    guard_by_realm("/v2/old", "t1");
    guard_by_realm("/v2/new", "t2");
    tokens("{\"token\": \"t1\"}", 1);
    tokens("{\"token\": \"t2\"}", 0);
    scope("repository:a/b:pull");
    want_in("/v2/old");
    want_in("/v2/new");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 2);
    ck_assert_uint_eq(dbl_count(d, NULL, "/v2/new"), 2);
}
END_TEST

START_TEST(wider_scope_is_asked_for)
{
    guard_by_realm("/v2/*", "wide");
    dbl_on(realm, &(dbl_rule){.path = "/token?service=reg&scope=x%3Ay%3Az",
                              .body = "{\"token\": \"narrow\"}"});
    tokens("{\"token\": \"wide\"}", 0);
    scope("x:y:z");
    want_in("/v2/x");
    ck_assert_str_eq(dbl_get(realm, NULL, NULL, 1)->target,
                     "/token?service=reg&scope=x%3Ay%3Az&scope=repository%3Aa%2Fb%3Apull");
}
END_TEST

static void use_file(const char *entry)
{
    char *text = ir_format("{\"auths\": {\"%s\": %s}}", dbl_host(d), entry);
    setenv("REGISTRY_AUTH_FILE", net_file("auth.json", text, 0600), 1);
    n.call.n_logins = 0;
    free(text);
}

START_TEST(refresh_token)
{
    use_file("{\"identitytoken\": \"canary-refresh/+\"}");
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.method = "POST", .body = "{\"access_token\": \"t\"}"});
    scope("repository:a/b:pull");
    scope("repository:c:push");
    want_in("/v2/x");
    const dbl_request *r = dbl_get(realm, "POST", "/token", 0);
    ck_assert_str_eq(r->body, "grant_type=refresh_token&client_id=imgrel&service=reg&scope="
                              "repository%3Aa%2Fb%3Apull%20repository%3Ac%3Apush"
                              "&refresh_token=canary-refresh%2F%2B");
    ck_assert_ptr_nonnull(strstr(r->head, "application/x-www-form-urlencoded"));
}
END_TEST

START_TEST(refresh_token_falls_back)
{
    static const int statuses[] = {404, 405};
    use_file("{\"identitytoken\": \"canary-refresh\"}");
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.method = "POST", .status = statuses[_i]});
    tokens("{\"token\": \"t\"}", 0);
    want_in("/v2/x");
    ck_assert_uint_eq(dbl_count(realm, "POST", NULL), 1);
    ck_assert_ptr_nonnull(
        strstr(dbl_get(realm, "GET", NULL, 0)->head, "Authorization: Basic PHRva2V"));
}
END_TEST

START_TEST(registry_token)
{
    use_file("{\"registrytoken\": \"canary-reg\"}");
    guard_by_realm("/v2/*", "canary-reg");
    want_in("/v2/x");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 0);
}
END_TEST

/* ---- where it may not go -------------------------------------------------------------------- */

START_TEST(realm_elsewhere_without_tls_gets_no_login)
{
    ir_host_rule rules[] = {{.host = "registry.example", .address = dbl_host(d)},
                            {.host = "tokens.example", .address = dbl_host(realm)}};
    n.call.rules = rules;
    n.call.n_rules = 2;
    login.host = auth.host = "registry.example";
    guard("/v2/*", "Bearer realm=\"http://tokens.example/token\",service=\"s\"",
          "Authorization: Bearer t\r\n", "in");
    tokens("{\"token\": \"t\"}", 0);
    ir_request req = {.auth = &auth};
    unit_ok(net_do(&n, "http://registry.example", "/v2/x", &req), &n.err);
    ck_assert_int_eq(n.reply.status, 200);
    ck_assert_ptr_null(strstr(dbl_get(realm, NULL, NULL, 0)->head, "Authorization"));
    ck_assert(net_logged("the login is not sent to a realm elsewhere"));
}
END_TEST

START_TEST(realm_inside_is_refused)
{
    ir_host_rule rule = {.host = "registry.example", .address = dbl_host(d)};
    n.call.rules = &rule;
    n.call.n_rules = 1;
    char *c = ir_format("Bearer realm=\"%s/token\",service=\"s\"", dbl_url(realm));
    guard("/v2/*", c, "never", "in");
    ir_request req = {.auth = &auth};
    ck_assert_int_eq(net_do(&n, "http://registry.example", "/v2/x", &req), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "local address");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 0);
    free(c);
}
END_TEST

START_TEST(realm_redirect_gets_no_login)
{
    char *h = ir_format("Location: %s/moved\r\n", dbl_url(d));
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.status = 307, .headers = h});
    dbl_on(d, &(dbl_rule){.path = "/moved", .body = "{\"token\": \"t\"}"});
    want_in("/v2/x");
    ck_assert(!dbl_saw(d, BASIC));
    ck_assert_ptr_nonnull(strstr(dbl_get(realm, NULL, NULL, 0)->head, BASIC));
    free(h);
}
END_TEST

/* A blob's new home that asks for a login gets none, whatever realm it names. */
START_TEST(other_origin_is_not_answered)
{
    char *h = ir_format("Location: %s/cdn\r\n", dbl_url(realm));
    char *c = ir_format("WWW-Authenticate: Bearer realm=\"%s/token\"\r\n", dbl_url(realm));
    dbl_on(d, &(dbl_rule){.status = 307, .headers = h});
    dbl_on(realm, &(dbl_rule){.path = "/cdn", .status = 401, .headers = c});
    unit_ok(get("/v2/a/b/blobs/x"), &n.err);
    ck_assert_int_eq(n.reply.status, 401);
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 1);
    ck_assert(!dbl_saw(realm, "Authorization"));
    free(h);
    free(c);
}
END_TEST

START_TEST(upload_location_elsewhere_gets_no_token)
{
    char *h = ir_format("Location: %s/upload\r\n", dbl_url(realm));
    guard_by_realm("/v2/*", "canary-t");
    tokens("{\"token\": \"canary-t\"}", 0);
    dbl_on(d, &(dbl_rule){.path = "/up", .status = 308, .headers = h});
    dbl_on(realm, &(dbl_rule){.path = "/upload", .status = 201});
    want_in("/v2/x");
    ir_request put = {.method = "PUT", .auth = &auth, .body = {"abc", 3}};
    unit_ok(net_do(&n, dbl_url(d), "/up", &put), &n.err);
    ck_assert_int_eq(n.reply.status, 201);
    ck_assert_ptr_null(strstr(dbl_get(realm, "PUT", NULL, 0)->head, "Authorization"));
    free(h);
}
END_TEST

START_TEST(token_of_one_login_is_not_anothers)
{
    guard_by_realm("/v2/*", "t");
    tokens("{\"token\": \"t\"}", 0);
    scope("repository:a/b:pull");
    want_in("/v2/1");
    login.secret = "canary-other";
    want_in("/v2/2");
    n.call.n_logins = 0;
    want_in("/v2/3");
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 3);
}
END_TEST

/* ---- many at once --------------------------------------------------------------------------- */

static int one_get(const ir_call *call, void *job, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    ir_request req = {.url = job, .auth = &auth};
    int rc = ir_http_do(call, &req, &reply, err);
    return rc || reply.status == 200 ? rc : ir_fail(err, IMGREL_EPROTO, "status %d", reply.status);
}

START_TEST(many_workers_ask_once)
{
    void *jobs[32];
    char *url = ir_format("%s/v2/x", dbl_url(d));
    for (size_t i = 0; i < 32; i++)
        jobs[i] = url;
    guard_by_realm("/v2/*", "t");
    dbl_on(realm, &(dbl_rule){.body = "{\"token\": \"t\"}", .delay_ms = 100});
    scope("repository:a/b:pull");
    unit_ok(ir_work_run(&n.call, 8, one_get, jobs, 32, &n.err), &n.err);
    ck_assert_uint_eq(dbl_count(realm, NULL, NULL), 1);
    free(url);
}
END_TEST

Suite *suite_auth(void);
Suite *suite_auth(void)
{
    const TTest *const tests[] = {
        token_dance,
        scope_of_the_challenge,
        anonymous,
        several_challenges,
        basic,
        basic_refused,
        login_refused_by_the_realm,
        bad_answers_of_the_realm,
        realm_fails_once,
        expires_before_its_end,
        revoked_in_the_middle,
        wider_scope_is_asked_for,
        refresh_token,
        registry_token,
        realm_elsewhere_without_tls_gets_no_login,
        realm_inside_is_refused,
        realm_redirect_gets_no_login,
        other_origin_is_not_answered,
        upload_location_elsewhere_gets_no_token,
        token_of_one_login_is_not_anothers,
        many_workers_ask_once,
    };
    Suite *s = suite_create("auth");
    TCase *c = tcase_create("auth");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, refresh_token_falls_back, 0, 2);
    suite_add_tcase(s, c);
    return s;
}
