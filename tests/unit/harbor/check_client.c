/* check_client.c - addresses, logins, and what goes out with a request. */
#include "script.h"

#include "base/cancel.h"

#define CURRENT "GET /api/v2.0/users/current"

static int make(const char *url, const char *user, const char *password, imgrel_error *err)
{
    imgrel_client *c = NULL;
    imgrel_harbor *h = NULL;
    int rc = 0;

    unit_ok(imgrel_client_new(&c, err), err);
    rc = imgrel_harbor_new(c, url, user, password, &h, err);
    ck_assert(!rc == !!h);
    imgrel_harbor_free(h);
    imgrel_client_free(c);
    return rc;
}

START_TEST(addresses)
{
    static const char *const good[] = {"https://harbor.lan", "https://harbor.lan/",
                                       "http://harbor.lan:8080/api/v2.0", "https://h/api/v2.0/"};
    static const char *const bad[] = {"harbor.lan",         "",
                                      "ftp://harbor.lan",   "https://h/harbor/projects",
                                      "https://h/?q",       "https://a:b@h",
                                      "https://h/api/v2.00"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        imgrel_error err = {0};
        unit_ok(make(good[i], NULL, NULL, &err), &err);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        ck_assert_msg(make(bad[i], NULL, NULL, &err) == IMGREL_EINVAL, "%s", bad[i]);
        ck_assert(*err.message && !strstr(err.message, "a:b"));
    }
}
END_TEST

START_TEST(logins)
{
    imgrel_error err = {0};

    ck_assert_int_eq(make("https://h", "admin", NULL, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "admin");
    ck_assert_int_eq(make("https://h", "a:b", "c", NULL), IMGREL_EINVAL);
    ck_assert_int_eq(make("https://h", "", "c", NULL), IMGREL_EINVAL);
    ck_assert_int_eq(make("https://h", "robot$p+n", "c", NULL), 0);
}
END_TEST

/* Basic at once, a request id, JSON asked for; no cookie though one was set (script_close looks).
 */
START_TEST(what_goes_out)
{
    script s;
    char *json = NULL;

    SCRIPT(
        &s,
        {CURRENT, 200, JSON_TYPE "Set-Cookie: sid=abc; Path=/; HttpOnly\r\n",
         "{\"username\":\"admin\",\"sysadmin_flag\":true}"},
        {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"harbor_version\":\"v2.15.2-080b0220\"}"});
    unit_ok(imgrel_harbor_check(s.harbor, NULL, &json, &s.err), &s.err);
    ck_assert_str_eq(json,
                     "{\"version\":\"2.15.2\",\"user\":\"admin\",\"robot\":false,\"admin\":true}");
    for (size_t i = 0; i < 2; i++) {
        const char *r = script_request(&s, i);
        ck_assert_msg(strstr(r, "Authorization: Basic YWRtaW46UGFzc3cwcmQh\r\n") != NULL, "%s", r);
        ck_assert_msg(strstr(r, "X-Request-Id: ") != NULL, "%s", r);
        ck_assert_msg(strstr(r, "Accept: application/json\r\n") != NULL, "%s", r);
    }
    imgrel_free(json);
    script_close(&s);
}
END_TEST

/* 412 PRECONDITION is a robot's yes, whatever its prefix. */
START_TEST(a_robot_is_told_by_412)
{
    script s;
    char *json = NULL;

    SCRIPT(&s,
           {CURRENT, 412, JSON_TYPE,
            "{\"errors\":[{\"code\":\"PRECONDITION\",\"message\":\"get current user not available "
            "for "
            "security context: robot\"}]}"},
           {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"harbor_version\":\"v2.10.3-1\"}"});
    unit_ok(imgrel_harbor_check(s.harbor, NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"robot\":true"));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

START_TEST(too_old)
{
    script s;

    SCRIPT(&s, ME,
           {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"harbor_version\":\"v2.1.6-1\"}"});
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, NULL, NULL, &s.err), IMGREL_EUNSUPPORTED);
    unit_error(&s.err, IMGREL_EUNSUPPORTED, "2.2");
    script_close(&s);
}
END_TEST

#define NO                                                                                     \
    {                                                                                          \
        CURRENT, 401, JSON_TYPE, "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"\"}]}" \
    }

/* A 401 may be the lock that somebody's wrong password has left for 1.5 s. */
START_TEST(a_users_401_is_tried_once_more)
{
    script s;
    int64_t start = ir_now_ms();

    SCRIPT(&s, NO, ME, {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{}"});
    unit_ok(imgrel_harbor_check(s.harbor, NULL, NULL, &s.err), &s.err);
    ck_assert_int_ge(ir_now_ms() - start, 1600);
    script_close(&s);
}
END_TEST

/* Whether it is a CLI secret is asked before a password is called wrong. */
#define ANYBODYS                                                                    \
    {                                                                               \
        "GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"auth_mode\":\"oidc_auth\"}" \
    }

START_TEST(a_wrong_password)
{
    script s;
    int64_t start = 0;

    SCRIPT(&s, NO, NO, ANYBODYS, NO, ANYBODYS);
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, NULL, NULL, &s.err), IMGREL_EAUTH);
    unit_error(&s.err, IMGREL_EAUTH, "CLI secret");
    ck_assert_ptr_nonnull(strstr(s.err.message, "admin"));
    ck_assert_ptr_null(strstr(s.err.message, "Passw0rd"));
    ck_assert_int_eq(s.err.http_status, 401);
    ck_assert_str_eq(s.err.reason, "UNAUTHORIZED");
    start = ir_now_ms(); /* known by now: no second wait */
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, NULL, NULL, NULL), IMGREL_EAUTH);
    ck_assert_int_lt(ir_now_ms() - start, 1000);
    script_close(&s);
}
END_TEST

/* Robots do not stand behind the login lock. */
START_TEST(a_robots_401_is_final)
{
    static const act acts[] = {NO};
    script s;

    script_open(&s, "robot$library+k8s", acts, 1);
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, NULL, NULL, &s.err), IMGREL_EAUTH);
    unit_error(&s.err, IMGREL_EAUTH, "rotated");
    script_close(&s);
}
END_TEST

START_TEST(anonymous)
{
    static const act acts[] = {NO};
    script s;

    script_open(&s, NULL, acts, 1);
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, NULL, NULL, &s.err), IMGREL_EAUTH);
    unit_error(&s.err, IMGREL_EAUTH, "HARBOR_USER");
    ck_assert_ptr_null(strstr(script_request(&s, 0), "Authorization"));
    script_close(&s);
}
END_TEST

START_TEST(waiting_for_the_lock_can_be_cancelled)
{
    script s;
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = 300};
    int64_t start = ir_now_ms();

    SCRIPT(&s, NO);
    ck_assert_int_eq(imgrel_harbor_check(s.harbor, &o, NULL, &s.err), IMGREL_ETIMEOUT);
    ck_assert_int_lt(ir_now_ms() - start, 1200);
    script_close(&s);
}
END_TEST

START_TEST(any_request)
{
    script s;
    char *json = NULL;
    int status = 0;

    SCRIPT(&s, {"GET /api/v2.0/system/gc/schedule", 200, JSON_TYPE, NULL},
           {"POST /api/v2.0/labels", 201, NULL, NULL});
    /* 200 and application/json with nothing in it: an unset schedule. */
    unit_ok(imgrel_harbor_request(s.harbor, "GET", "/system/gc/schedule", NULL, NULL, &json,
                                  &status, &s.err),
            &s.err);
    ck_assert_str_eq(json, "");
    ck_assert_int_eq(status, 200);
    imgrel_free(json);
    unit_ok(imgrel_harbor_request(s.harbor, "POST", "/labels", "{\"name\":\"x\"}", NULL, NULL,
                                  &status, &s.err),
            &s.err);
    ck_assert_int_eq(status, 201);
    ck_assert_ptr_nonnull(strstr(script_request(&s, 1), "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(script_request(&s, 1), "\r\n\r\n{\"name\":\"x\"}"));
    ck_assert_int_eq(imgrel_harbor_request(s.harbor, "GET", "labels", NULL, NULL, NULL, NULL, NULL),
                     IMGREL_EINVAL);
    ck_assert_int_eq(imgrel_harbor_request(s.harbor, "GET", "/a b", NULL, NULL, NULL, NULL, NULL),
                     IMGREL_EINVAL);
    script_close(&s);
}
END_TEST

UNIT_SUITE(client, addresses, logins, what_goes_out, a_robot_is_told_by_412, too_old,
           a_users_401_is_tried_once_more, a_wrong_password, a_robots_401_is_final, anonymous,
           waiting_for_the_lock_can_be_cancelled, any_request)
