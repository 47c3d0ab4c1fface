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

static void all_pass(const ir_json *report, const char *version)
{
    const ir_json *checks = ir_json_get(report, "checks");
    const char *bad = "";
    for (size_t i = 0; i < ir_json_len(checks); i++) {
        const ir_json *c = ir_json_at(checks, i);
        if (strcmp(string_at(c, "result"), "pass") != 0)
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
    a = GET(API "/users", ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
    a = GET(API "/labels?scope=g", ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
}

static void conform_version(const char *version)
{
    mock_up(text("{\"version\": \"%s\", \"login_freeze_ms\": 100}", version));
    const ir_json *report = conform("admin", "Harbor12345", NULL);
    all_pass(report, version);
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

UNIT_SUITE(conform, conforms_as_2_10, conforms_as_2_12, conforms_as_2_15)
