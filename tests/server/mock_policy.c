/* mock_policy.c - retention policies, which outlive themselves up to 2.13, user groups, and purges.
 */
#include "mock_http.h"

static const char *retention(const char *cron)
{
    return text(
        "{\"algorithm\":\"or\",\"scope\":{\"level\":\"project\",\"ref\":1},\"trigger\":{\"kind\":"
        "\"Schedule\",\"settings\":{\"cron\":\"%s\"}},\"rules\":[{\"action\":\"retain\","
        "\"template\":\"always\"}]}",
        cron);
}

START_TEST(retention_is_one_a_project)
{
    mock_up("{\"job_ms\": 0, \"login_freeze_ms\": 50}");
    push_image("library/r", "1", ADMIN, "amd64");
    want(POST(API "/retentions", ADMIN, retention("0 0 * * *")), 400); /* five fields */
    answer a = POST(API "/retentions", ADMIN, retention("0 0 0 * * *"));
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/retentions/1");
    want_error(POST(API "/retentions", ADMIN, retention("")), 400, "BAD_REQUEST");
    a = GET(API "/projects/library", ADMIN);
    ck_assert_str_eq(string_at(a.json, "metadata.retention_id"), "1");
    want_error(GET(API "/retentions/99", ADMIN), 500, "UNKNOWN");
    want(POST(API "/retentions/1/executions", ADMIN, "{\"dry_run\":true}"), 201);
    a = GET(API "/retentions/1/executions", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.status"), "Succeed");
    a = GET(API "/retentions/1/executions/1/tasks", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.repository"), "r");
    a = GET(API "/retentions/1/executions/9/tasks", ADMIN);
    want(a, 500);
    ck_assert_int_eq((int)a.len, 0);
    want(PUT(API "/retentions/1", ADMIN, retention("")), 200);
    want(DELETE(API "/retentions/1", ADMIN), 200);
    a = GET(API "/projects/library", ADMIN);
    ck_assert_ptr_null(ir_json_path(a.json, "metadata.retention_id"));
    want_error(GET(API "/retentions/1", ADMIN), 500, "UNKNOWN");
    want_error(PUT(API "/retentions/1", ADMIN, retention("")), 404, "NOT_FOUND");
    want_error(DELETE(API "/retentions/1", ADMIN), 400, "BAD_REQUEST");
    want_error(GET(API "/retentions/1/executions", ADMIN), 400, "BAD_REQUEST");
    mock_down();
}
END_TEST

/* Up to 2.13 a project goes on naming a policy that was deleted, and takes no other. */
START_TEST(retention_is_left_behind)
{
    mock_up("{\"version\": \"2.10\"}");
    want(POST(API "/retentions", ADMIN, retention("")), 201);
    want(DELETE(API "/retentions/1", ADMIN), 200);
    answer a = GET(API "/projects/library", ADMIN);
    ck_assert_str_eq(string_at(a.json, "metadata.retention_id"), "1");
    want_error(PUT(API "/retentions/1", ADMIN, retention("")), 500, "UNKNOWN");
    want_error(POST(API "/retentions", ADMIN, retention("")), 400, "BAD_REQUEST");
    want(DELETE(API "/projects/library/metadatas/retention_id", ADMIN), 200);
    want(POST(API "/retentions", ADMIN, retention("")), 201);
    mock_down();
}
END_TEST

START_TEST(groups_are_kept)
{
    mock_up(NULL);
    answer a = POST(API "/usergroups", ADMIN, "{\"group_name\":\"g\",\"group_type\":3}");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/usergroups/1");
    want(POST(API "/usergroups", ADMIN, "{\"group_name\":\"g\",\"group_type\":3}"), 409);
    a = POST(API "/usergroups", ADMIN, "{\"group_name\":\"\",\"group_type\":3}");
    want(a, 400);
    ck_assert_int_eq((int)a.len, 0);
    want(POST(API "/usergroups", ADMIN, "{\"group_name\":\"l\",\"group_type\":1}"), 400);
    a = GET(API "/usergroups/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "group_name"), "g");
    ck_assert_ptr_null(ir_json_get(a.json, "id"));
    want(GET(API "/usergroups/search", ADMIN), 422);
    a = GET(API "/usergroups/search?groupname=g", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.group_name"), "g");
    want(PUT(API "/usergroups/1", ADMIN, "{\"group_name\":\"h\",\"group_type\":3}"), 200);
    want(DELETE(API "/usergroups/1", ADMIN), 200);
    want(DELETE(API "/usergroups/1", ADMIN), 200);
    want(GET(API "/usergroups/1", ADMIN), 404);
    want(PUT(API "/system/CVEAllowlist", ADMIN, "{\"items\":[{\"cve_id\":\"CVE-1\"}]}"), 200);
    a = GET(API "/system/CVEAllowlist", ADMIN);
    ck_assert_str_eq(string_at(a.json, "items.0.cve_id"), "CVE-1");
    mock_down();
}
END_TEST

/* It must be told what to do even to be taken away. */
START_TEST(purges_are_told_what)
{
    static const struct {
        const char *version, *what;
    } rows[] = {{"2.12", "include_operations"}, {"2.15", "include_event_types"}};
    const char *at = API "/system/purgeaudit/schedule";
    for (size_t i = 0; i < 2; i++) {
        mock_up(text("{\"version\": \"%s\", \"login_freeze_ms\": 50}", rows[i].version));
        answer a = PUT(at, ADMIN, "{\"schedule\":{\"type\":\"None\"}}");
        want_error(a, 400, "BAD_REQUEST");
        ck_assert_str_eq(message_of(a), "bad request: schedule parameter cann't be empty");
        a = POST(at, ADMIN,
                 text("{\"schedule\":{\"type\":\"Manual\"},\"parameters\":{\"%s\":\"\"}}",
                      rows[i].what));
        ck_assert_str_eq(message_of(a), "bad request: audit_retention_hour should provide");
        a = POST(
            at, ADMIN,
            "{\"schedule\":{\"type\":\"Manual\"},\"parameters\":{\"audit_retention_hour\":1}}");
        ck_assert_str_eq(message_of(a), text("bad request: %s should provide", rows[i].what));
        a = POST(
            at, ADMIN,
            text("{\"schedule\":{\"type\":\"Manual\"},\"parameters\":{\"audit_retention_hour\":1,"
                 "\"%s\":\"\"}}",
                 rows[i].what));
        want(a, 201);
        ck_assert_str_eq(header(&a, "Location", 0), API "/system/purgeaudit/1");
        want(POST(at, ADMIN, "{}"), 400); /* of the others that is a panic */
        mock_down();
    }
}
END_TEST

UNIT_SUITE(policy, retention_is_one_a_project, retention_is_left_behind, groups_are_kept,
           purges_are_told_what)
