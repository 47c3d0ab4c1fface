/* mock_conform.c - the table that any Harbor can be asked, asked of the mock in each version: what
 * it says of itself and what it does cannot drift apart. */
#include "mock_http.h"

#include "base/cancel.h"

#include <pthread.h>

/* The report of a run against the mock that is up. */
static const ir_json *conform(const char *user, const char *password, const char *only)
{
    imgrel_error err = {0};
    char *json = NULL;
    ir_json *j = NULL;
    const char *spec = text("{\"url\": \"%s/\", \"user\": \"%s\", \"password\": \"%s\", %s%s%s"
                            "\"login_freeze_ms\": 100}",
                            imgrel_mock_get(mock, "url"), user, password,
                            only ? "\"only\": \"" : "", only ? only : "", only ? "\", " : "");
    int rc = imgrel_mock_conformance(spec, NULL, &json, &err);
    unit_ok(rc, &err);
    ck_assert_int_eq(ir_json_parse(json, strlen(json), "report", &j, NULL), 0);
    imgrel_mock_free_string(json);
    return j;
}

static void all_pass(const ir_json *report, const char *version, bool skips)
{
    const ir_json *checks = ir_json_get(report, "checks");
    const char *bad = "";
    for (size_t i = 0; i < ir_json_len(checks); i++) {
        const ir_json *c = ir_json_at(checks, i);
        bool pass = !strcmp(string_at(c, "result"), "pass");
        if (!pass && (!skips || strcmp(string_at(c, "result"), "skip") != 0))
            bad = text("%s\n%s: %s: %s", bad, string_at(c, "check"), string_at(c, "result"),
                       string_at(c, "detail"));
    }
    ck_assert_msg(!*bad, "%s:%s", version, bad);
}

/* Nothing of a run is left: projects, robots, labels, users. */
static void nothing_left(void)
{
    answer a = GET(API "/projects", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    a = GET(API "/robots", ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
    a = GET(API "/users?q=username%3D~ir", ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
    a = GET(API "/labels?scope=g", ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
}

static void conform_version(const char *version)
{
    mock_up(text("{\"version\": \"%s\", \"login_freeze_ms\": 100}", version));
    const ir_json *report = conform("admin", "Harbor12345", NULL);
    all_pass(report, version, false);
    ck_assert_int_gt((int)int_at(report, "passed"), 90);
    ir_json_free((ir_json *)(uintptr_t)report);
    nothing_left();
    mock_down();
}

START_TEST(conforms_as_2_10)
{
    conform_version("2.10");
}
END_TEST

START_TEST(conforms_as_2_12)
{
    conform_version("2.12");
}
END_TEST

START_TEST(conforms_as_2_15)
{
    conform_version("2.15");
}
END_TEST

static const ir_json *find(const ir_json *report, const char *check)
{
    const ir_json *checks = ir_json_get(report, "checks");
    for (size_t i = 0; i < ir_json_len(checks); i++)
        if (!strcmp(string_at(ir_json_at(checks, i), "check"), check))
            return ir_json_at(checks, i);
    ck_abort_msg("no check %s", check);
    return NULL;
}

/* What a server does otherwise is found, named with the request, and what follows from it skipped;
 * where it was never seen, it is a difference. */
START_TEST(finds_what_is_otherwise)
{
    static const char *const results[][2] = {{"2.15", "fail"}, {"2.12", "differs"}};
    for (int i = 0; i < 2; i++) {
        mock_up(text("{\"version\": \"%s\", \"login_freeze_ms\": 100}", results[i][0]));
        mock_control("{\"fault\": {\"route\": \"GET " API "/ping\", \"status\": 503}}");
        mock_control("{\"fault\": {\"route\": \"PUT /v2/*/manifests/1\", \"status\": 500}}");
        ir_json *report = (ir_json *)(uintptr_t)conform("admin", "Harbor12345", NULL);
        const ir_json *c = find(report, "anonymous-places");
        ck_assert_str_eq(string_at(c, "result"), results[i][1]);
        ck_assert_str_eq(string_at(c, "detail"), "GET ping: status 503, wanted 200");
        ck_assert_str_eq(string_at(find(report, "push"), "result"), results[i][1]);
        c = find(report, "slashes-twice");
        ck_assert_str_eq(string_at(c, "result"), i ? "differs" : "fail");
        ck_assert_str_eq(string_at(find(report, "artifact"), "result"), "skip");
        ir_json_free(report);
        mock_control("{\"faults\": \"clear\"}");
        nothing_left();
        mock_down();
    }
}
END_TEST

START_TEST(plain_users_can_ask)
{
    mock_up("{\"login_freeze_ms\": 100, \"users\": [{\"name\": \"ann\", \"password\": "
            "\"Ann12345\"}]}");
    ir_json *report = (ir_json *)(uintptr_t)conform("ann", "Ann12345", NULL);
    all_pass(report, "as a user", true);
    ck_assert_str_eq(string_at(find(report, "quota"), "detail"), "it takes an administrator");
    ir_json_free(report);
    report = (ir_json *)(uintptr_t)conform("ann", "Ann12345", "page");
    ck_assert_int_eq((int)int_at(report, "passed"), 4 + 4); /* the setup besides */
    ir_json_free(report);
    nothing_left();
    mock_down();
}
END_TEST

typedef struct stopper {
    imgrel_cancel *cancel;
    size_t after; /* requests */
} stopper;

static void *stop_later(void *arg)
{
    stopper *s = arg;
    char *log = NULL;
    for (size_t n = 0; n < s->after;) {
        ir_json *j = NULL;
        ck_assert_int_eq(imgrel_mock_control(mock, "{\"log\": true}", &log, NULL), 0);
        ck_assert_int_eq(ir_json_parse(log, strlen(log), "log", &j, NULL), 0);
        n = ir_json_len(j);
        ir_json_free(j);
        imgrel_mock_free_string(log);
        (void)!ir_sleep(NULL, 5, 0, NULL);
    }
    imgrel_cancel_fire(s->cancel);
    return NULL;
}

START_TEST(interrupted_it_leaves_nothing)
{
    for (size_t after = 20; after <= 160; after += 70) {
        pthread_t t;
        stopper s = {.after = after};
        imgrel_error err = {0};
        char *json = NULL;
        mock_up("{\"login_freeze_ms\": 20}");
        unit_ok(imgrel_cancel_new(&s.cancel, &err), &err);
        pthread_create(&t, NULL, stop_later, &s);
        int rc = imgrel_mock_conformance(
            text("{\"url\": \"%s\", \"user\": \"admin\", \"password\": \"Harbor12345\"}",
                 imgrel_mock_get(mock, "url")),
            s.cancel, &json, &err);
        ck_assert_int_eq(rc, IMGREL_ECANCELED);
        ck_assert_ptr_null(json);
        pthread_join(t, NULL);
        imgrel_cancel_free(s.cancel);
        nothing_left();
        mock_down();
    }
}
END_TEST

START_TEST(says_why_it_cannot)
{
    imgrel_error err = {0};
    char *json = NULL;
    mock_up(NULL);
    const char *url = imgrel_mock_get(mock, "url");
    (void)!imgrel_mock_conformance("{\"url\": \"x\"}", NULL, &json, &err);
    unit_error(&err, IMGREL_EINVAL, "password");
    (void)!imgrel_mock_conformance("{\"url\": \"x\", \"user\": \"a\", \"password\": \"b\"}", NULL,
                                   &json, &err);
    unit_error(&err, IMGREL_EINVAL, "no URL");
    (void)!imgrel_mock_conformance(
        text("{\"url\": \"%s\", \"user\": \"admin\", \"password\": \"wrong\"}", url), NULL, &json,
        &err);
    unit_error(&err, IMGREL_EAUTH, "users/current");
    const char *robot = make_robot("library", "r", "pull"), *colon = strchr(robot, ':');
    (void)!imgrel_mock_conformance(text("{\"url\": \"%s\", \"user\": \"%.*s\", \"password\": "
                                        "\"%s\"}",
                                        url, (int)(colon - robot), robot, colon + 1),
                                   NULL, &json, &err);
    unit_error(&err, IMGREL_EPROTO, "robot");
    mock_down();
}
END_TEST

UNIT_SUITE(conform, conforms_as_2_10, conforms_as_2_12, conforms_as_2_15, finds_what_is_otherwise,
           plain_users_can_ask, interrupted_it_leaves_nothing, says_why_it_cannot)
