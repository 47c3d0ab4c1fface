/* mock_rest.c - the rest of the mock's Harbor: copies, scans, quotas, policies, registries and
 * replication, collections, the audit log, users, the configuration, the robots' first API. */
#include "mock_http.h"

#include <stdio.h>

#define ARTIFACTS API "/projects/library/repositories/r/artifacts"

START_TEST(copies_inside)
{
    mock_up(NULL);
    make_project("p", false);
    const char *index = push_index("library/r", "1", ADMIN);
    const char *at = API "/projects/p/repositories/a%252Fb/artifacts";
    answer a = POST(text("%s?from=library/r:1", at), ADMIN, "");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), text("%s/%s", at, index));
    want(POST(text("%s?from=library/r:1", at), ADMIN, ""), 201); /* again */
    a = GET(text("%s/1", at), ADMIN);
    ck_assert_str_eq(string_at(a.json, "digest"), index);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "references")), 2);
    a = ask("GET", "/v2/p/a/b/manifests/1", ADMIN, NULL,
            "Accept: application/vnd.oci.image.index.v1+json", NULL);
    want(a, 200);
    /* A tag that is there moves. */
    const char *other = push_image("library/r", "2", ADMIN, "amd64");
    want(POST(text("%s/1/tags", at), ADMIN, "{\"name\":\"2\"}"), 201);
    want(POST(text("%s?from=library/r:2", at), ADMIN, ""), 201);
    a = GET(text("%s/2", at), ADMIN);
    ck_assert_str_eq(string_at(a.json, "digest"), other);
    want(POST(text("%s?from=library/r@%s", at, other), ADMIN, ""), 201);
    a = POST(text("%s?from=library/bad:1", at), ADMIN, "");
    want_error(a, 400, "BAD_REQUEST");
    ck_assert_ptr_nonnull(strstr(message_of(a), "artifact library/bad:1 not found"));
    want_error(POST(API "/projects/nope/repositories/r/artifacts?from=library/r:1", ADMIN, ""), 404,
               "NOT_FOUND");
    want(POST(at, ADMIN, ""), 422);
    want(POST(text("%s?from=p/x:1", at), make_robot("p", "r", "pull"), ""), 403);
    mock_down();
}
END_TEST

START_TEST(quota_is_set)
{
    mock_up(NULL);
    int64_t id = make_project("p", false);
    answer a = GET(text(API "/quotas?reference=project&reference_id=%lld", (long long)id), ADMIN);
    const char *at = text(API "/quotas/%lld", (long long)int_at(a.json, "0.id"));
    push_image("p/r", "1", ADMIN, "amd64");
    want_error(PUT(at, ADMIN, "{\"hard\":{\"storage\":0}}"), 400, "BAD_REQUEST");
    want(PUT(at, ADMIN, "{\"hard\":{\"storage\":10}}"), 200); /* below what is used */
    a = GET(at, ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "hard.storage"), 10);
    const char *m = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1"
                    "+json\",\"layers\":[]}";
    want_error(send_bytes("PUT", "/v2/p/r/manifests/2", ADMIN,
                          "application/vnd.oci.image.manifest.v1+json", m, strlen(m)),
               403, "DENIED");
    want(PUT(at, ADMIN, "{\"hard\":{\"storage\":-1}}"), 200);
    want(PUT(API "/quotas/999", ADMIN, "{\"hard\":{\"storage\":1}}"), 404);
    want(PUT(at, make_robot("p", "r", "quota:read"), "{\"hard\":{\"storage\":1}}"), 403);
    mock_down();
}
END_TEST

#define REPORT "application/vnd.security.vulnerability.report; version=1.1"

static const ir_json *overview(const char *ref)
{
    answer a = GET(text(ARTIFACTS "/%s?with_scan_overview=true", ref), ADMIN);
    want(a, 200);
    return ir_json_get(ir_json_get(a.json, "scan_overview"), REPORT);
}

START_TEST(scans_take_a_while)
{
    mock_up("{\"job_ms\": 60000, \"login_freeze_ms\": 50}");
    push_image("library/r", "1", ADMIN, "amd64");
    mock_control("{\"scan\": {\"repository\": \"library/**\", \"severity\": \"High\"}}");
    ck_assert_ptr_null(overview("1"));
    answer a = GET(ARTIFACTS "/1/additions/vulnerabilities", ADMIN);
    ck_assert_str_eq(a.body, "{}\n");
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 202);
    a = POST(ARTIFACTS "/1/scan", ADMIN, "{\"scan_type\":\"vulnerability\"}");
    want_error(a, 409, "CONFLICT");
    ck_assert_str_eq(message_of(a), "a previous scan process is Pending");
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Pending");
    ck_assert_ptr_null(ir_json_get(overview("1"), "summary"));
    mock_control("{\"clock\": 30}");
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Running");
    mock_control("{\"clock\": 31}");
    const ir_json *o = overview("1");
    ck_assert_str_eq(string_at(o, "scan_status"), "Success");
    ck_assert_str_eq(string_at(o, "severity"), "High");
    ck_assert_int_eq((int)int_at(o, "summary.summary.High"), 1);
    ck_assert_int_eq((int)int_at(o, "summary.fixable"), 1);
    a = GET(ARTIFACTS "/1/additions/vulnerabilities", ADMIN);
    ck_assert_str_eq(string_at(ir_json_get(a.json, REPORT), "vulnerabilities.0.id"),
                     "CVE-2026-0001");
    want(POST(ARTIFACTS "/1/scan", ADMIN, "{\"scan_type\":\"bogus\"}"), 422);
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 202);
    a = POST(ARTIFACTS "/1/scan/stop", ADMIN, "{}");
    want(a, 500);
    ck_assert_int_eq((int)a.len, 0);
    want(POST(ARTIFACTS "/1/scan/stop", ADMIN, "{\"scan_type\":\"vulnerability\"}"), 202);
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Stopped");
    want(POST(ARTIFACTS "/1/scan/stop", ADMIN, "{\"scan_type\":\"vulnerability\"}"), 202);
    mock_control("{\"scan\": {\"status\": \"Error\"}}");
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 202);
    mock_control("{\"clock\": 61}");
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Error");
    mock_down();
}
END_TEST

START_TEST(scanner_is_needed)
{
    mock_up("{\"scanner\": false, \"login_freeze_ms\": 50}");
    push_image("library/r", "1", ADMIN, "amd64");
    want_error(POST(ARTIFACTS "/1/scan", ADMIN, ""), 412, "PRECONDITION");
    want_error(GET(ARTIFACTS "/1/additions/vulnerabilities", ADMIN), 404, "NOT_FOUND");
    answer a = POST(API "/scanners", ADMIN, "{\"name\":\"mine\",\"url\":\"http://127.0.0.1:1\"}");
    want(a, 201);
    const char *at = header(&a, "Location", 0);
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 412); /* not the default yet */
    want(PATCH(at, ADMIN, "{\"is_default\":true}"), 200);
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 202);
    want(POST(API "/scanners", ADMIN, "{\"name\":\"mine\",\"url\":\"http://x\"}"), 409);
    want(DELETE(at, ADMIN), 200);
    mock_down();
}
END_TEST

#define EVERY API "/system/scanAll/schedule"

/* 412 to all of it without a scanner, even to a look. */
START_TEST(everything_is_scanned)
{
    mock_up("{\"scanner\": false, \"job_ms\": 60000, \"login_freeze_ms\": 50}");
    push_image("library/r", "1", ADMIN, "amd64");
    answer a = GET(EVERY, ADMIN);
    want_error(a, 412, "PRECONDITION");
    ck_assert_str_eq(message_of(a), "no scanner is configured, it's not possible to scan");
    want(POST(EVERY, ADMIN, "{\"schedule\":{\"type\":\"Manual\"}}"), 412);
    want(PUT(EVERY, ADMIN, "{\"schedule\":{\"type\":\"None\"}}"), 412);
    want(GET(API "/scans/all/metrics", ADMIN), 412);
    want(POST(API "/system/scanAll/stop", ADMIN, ""), 412);
    want(GET(EVERY, ANYBODY), 401);
    a = POST(API "/scanners", ADMIN, "{\"name\":\"mine\",\"url\":\"http://127.0.0.1:1\"}");
    want(PATCH(header(&a, "Location", 0), ADMIN, "{\"is_default\":true}"), 200);
    want_error(POST(API "/system/scanAll/stop", ADMIN, ""), 400, "BAD_REQUEST");
    a = GET(API "/scans/all/metrics", ADMIN);
    ck_assert_str_eq(a.body, "{\"total\":0,\"completed\":0,\"ongoing\":false}\n");
    want(PUT(EVERY, ADMIN, "{\"schedule\":{\"type\":\"Manual\"}}"), 400);
    a = POST(EVERY, ADMIN, "{\"schedule\":{\"type\":\"Manual\"}}");
    want(a, 201);
    ck_assert_ptr_null(header(&a, "Location", 0)); /* nothing tells which run it is */
    want(POST(EVERY, ADMIN, "{\"schedule\":{\"type\":\"Manual\"}}"), 409);
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Pending");
    mock_control("{\"clock\": 61}");
    ck_assert_str_eq(string_at(overview("1"), "scan_status"), "Success");
    a = GET(API "/scans/all/metrics", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "metrics.Success"), 1);
    ck_assert_str_eq(string_at(a.json, "trigger"), "Manual");
    want(POST(EVERY, ADMIN, "{\"schedule\":{\"type\":\"Manual\"}}"), 201);
    want(POST(API "/system/scanAll/stop", ADMIN, ""), 202);
    a = GET(API "/scans/all/metrics", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "metrics.Stopped"), 1);
    const char *daily = "{\"schedule\":{\"type\":\"Daily\",\"cron\":\"0 0 0 * * *\"}}";
    want(POST(EVERY, ADMIN, daily), 201);
    want_error(POST(EVERY, ADMIN, daily), 412, "PRECONDITION");
    want(POST(EVERY, ADMIN, "{\"schedule\":{\"type\":\"None\"}}"), 201); /* takes nothing away */
    a = GET(EVERY, ADMIN);
    ck_assert_str_eq(string_at(a.json, "schedule.type"), "Daily");
    want(PUT(EVERY, ADMIN, "{\"schedule\":{\"type\":\"None\"}}"), 200);
    a = GET(EVERY, ADMIN);
    ck_assert_int_eq((int)a.len, 0);
    mock_down();
}
END_TEST

START_TEST(vulnerable_images_stay)
{
    mock_up("{\"job_ms\": 0, \"login_freeze_ms\": 50}");
    push_image("library/r", "1", ADMIN, "amd64");
    const char *m = "/v2/library/r/manifests/1";
    const char *accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    want(PUT(API "/projects/library", ADMIN,
             "{\"metadata\":{\"prevent_vul\":\"true\",\"severity\":\"high\",\"auto_scan\":"
             "\"true\"}}"),
         200);
    want_error(ask("GET", m, ADMIN, NULL, accept, NULL), 412, "PROJECTPOLICYVIOLATION");
    want(POST(ARTIFACTS "/1/scan", ADMIN, ""), 202);
    want(ask("GET", m, ADMIN, NULL, accept, NULL), 200);
    mock_control("{\"scan\": {\"severity\": \"Medium\"}}");
    push_image("library/r", "1", ADMIN, "arm64"); /* scanned as it comes */
    want(ask("GET", m, ADMIN, NULL, accept, NULL), 200);
    mock_control("{\"scan\": {\"severity\": \"Critical\"}}");
    push_image("library/r", "1", ADMIN, "s390x");
    want_error(ask("GET", m, ADMIN, NULL, accept, NULL), 412, "PROJECTPOLICYVIOLATION");
    mock_down();
}
END_TEST

#define RULE                                                                                 \
    "{\"tag_selectors\":[{\"kind\":\"doublestar\",\"decoration\":\"matches\",\"pattern\":"   \
    "\"v*\"}],\"scope_selectors\":{\"repository\":[{\"kind\":\"doublestar\",\"decoration\":" \
    "\"repoMatches\",\"pattern\":\"**\"}]}}"

START_TEST(immutable_tags_stay)
{
    mock_up(NULL);
    const char *rules = API "/projects/library/immutabletagrules";
    push_image("library/r", "v1", ADMIN, "amd64");
    push_image("library/r", "dev", ADMIN, "s390x");
    answer a = POST(rules, ADMIN, RULE);
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), text("%s/1", rules));
    want_error(POST(rules, ADMIN, RULE), 409, "CONFLICT");
    a = GET(rules, ADMIN);
    ck_assert_ptr_null(ir_json_path(a.json, "0.disabled"));
    a = GET(ARTIFACTS "/v1", ADMIN);
    ck_assert(ir_json_bool(ir_json_path(a.json, "tags.0"), "immutable", false));
    want_error(DELETE(ARTIFACTS "/v1", ADMIN), 412, "PRECONDITION");
    want_error(DELETE(ARTIFACTS "/v1/tags/v1", ADMIN), 412, "PRECONDITION");
    want_error(DELETE(API "/projects/library/repositories/r", ADMIN), 412, "PRECONDITION");
    const char *m = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1"
                    "+json\",\"layers\":[]}";
    const char *type = "application/vnd.oci.image.manifest.v1+json";
    want_error(send_bytes("PUT", "/v2/library/r/manifests/v1", ADMIN, type, m, strlen(m)), 412,
               "PRECONDITION");
    want(send_bytes("PUT", "/v2/library/r/manifests/w1", ADMIN, type, m, strlen(m)), 201);
    want(DELETE(ARTIFACTS "/dev", ADMIN), 200);
    want(POST(rules, ADMIN, "{}"), 201); /* an empty rule is one */
    want(PUT(text("%s/1", rules), ADMIN, "{\"disabled\":true}"), 200);
    want(DELETE(ARTIFACTS "/v1/tags/v1", ADMIN), 200);
    want(DELETE(text("%s/1", rules), ADMIN), 200);
    want(DELETE(text("%s/1", rules), ADMIN), 404);
    mock_down();
}
END_TEST

START_TEST(webhooks_are_kept)
{
    mock_up(NULL);
    const char *at = API "/projects/library/webhook/policies";
    const char *body = "{\"name\":\"h\",\"targets\":[{\"type\":\"http\",\"address\":\"http://x\","
                       "\"auth_header\":\"Bearer t\"}],\"event_types\":[\"PUSH_ARTIFACT\"],"
                       "\"enabled\":true}";
    answer a = GET(API "/projects/library/webhook/events", ADMIN);
    ck_assert_int_gt((int)ir_json_len(ir_json_get(a.json, "event_type")), 5);
    want(POST(at, ADMIN, body), 201);
    want_error(POST(at, ADMIN, body), 409, "CONFLICT");
    want(POST(at, ADMIN, "{\"name\":\"i\",\"targets\":[],\"event_types\":[\"PUSH_ARTIFACT\"]}"),
         400);
    want(POST(at, ADMIN,
              "{\"name\":\"i\",\"targets\":[{\"type\":\"http\",\"address\":\"http://x\"}],"
              "\"event_types\":[]}"),
         400);
    a = GET(text("%s/1", at), ADMIN); /* the secret comes back in clear */
    ck_assert_str_eq(string_at(a.json, "targets.0.auth_header"), "Bearer t");
    want(GET(at, make_robot("library", "r", "pull")), 403);
    want(PUT(text("%s/1", at), ADMIN, body), 200);
    want(DELETE(text("%s/1", at), ADMIN), 200);
    a = GET(at, ADMIN);
    ck_assert_str_eq(a.body, "[]\n");
    mock_down();
}
END_TEST

static const char *registry_body(const char *name, const char *url, const char *password)
{
    return text("{\"name\":\"%s\",\"url\":\"%s\",\"type\":\"harbor\",\"credential\":{\"type\":"
                "\"basic\",\"access_key\":\"admin\",\"access_secret\":\"%s\"}}",
                name, url, password);
}

START_TEST(registries_are_asked_first)
{
    mock_up(NULL);
    const char *url = imgrel_mock_get(mock, "url");
    want(POST(API "/registries", ADMIN, registry_body("r", url, "Harbor12345")), 201);
    answer a = GET(API "/registries/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "credential.access_secret"), "*****");
    want(POST(API "/registries", ADMIN, registry_body("r", url, "Harbor12345")), 409);
    a = POST(API "/registries", ADMIN, registry_body("s", url, "wrong"));
    want_error(a, 400, "BAD_REQUEST");
    ck_assert_str_eq(message_of(a), "the registry is unhealthy");
    /* A Harbor is asked for its version first: what fails then fails the server. */
    a = POST(API "/registries", ADMIN, registry_body("s", "http://127.0.0.1:1", "x"));
    want_error(a, 500, "UNKNOWN");
    a = POST(API "/registries", ADMIN,
             "{\"name\":\"t\",\"url\":\"http://127.0.0.1:1\",\"type\":\"docker-registry\"}");
    want_error(a, 400, "BAD_REQUEST");
    /* Its own address, which takes another login. */
    a = POST(API "/registries", ADMIN,
             "{\"name\":\"t\",\"url\":\"http://core:8080\",\"type\":\"harbor\"}");
    want(a, 500);
    ck_assert_int_eq((int)a.len, 0);
    want(PUT(API "/registries/1", ADMIN, "{\"access_secret\":\"*****\"}"), 400);
    want(PUT(API "/registries/1", ADMIN, "{\"description\":\"d\"}"), 200);
    a = GET(API "/registries/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "description"), "d");
    /* A project that caches it takes no push. */
    want(POST(API "/projects", ADMIN, "{\"project_name\":\"cache\",\"registry_id\":1}"), 201);
    want_error(POST("/v2/cache/r/blobs/uploads/", ADMIN, ""), 403, "DENIED");
    want_error(DELETE(API "/registries/1", ADMIN), 412, "PRECONDITION");
    want(DELETE(API "/projects/cache", ADMIN), 200);
    want(DELETE(API "/registries/1", ADMIN), 200);
    mock_down();
}
END_TEST

static void replicate(const char *url, int job_ms)
{
    want(POST(API "/registries", ADMIN, registry_body("r", url, "Harbor12345")), 201);
    const char *body = "{\"name\":\"p\",\"dest_registry\":{\"id\":1},\"dest_namespace\":\"to\","
                       "\"filters\":[{\"type\":\"name\",\"value\":\"library/**\"},{\"type\":"
                       "\"tag\",\"value\":\"v*\"}],\"enabled\":true}";
    want(POST(API "/replication/policies", ADMIN, body), 201);
    want(POST(API "/replication/policies", ADMIN, body), 409);
    want(POST(API "/replication/executions", ADMIN, "{\"policy_id\":9}"), 404);
    answer a = POST(API "/replication/executions", ADMIN, "{\"policy_id\":1}");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/replication/executions/1");
    want_error(DELETE(API "/replication/policies/1", ADMIN), 412, "PRECONDITION");
    mock_control("{\"clock\": %d}", job_ms / 1000 + 1);
    a = GET(API "/replication/executions/1", ADMIN); /* its tasks are done, it is not */
    ck_assert_str_eq(string_at(a.json, "status"), "InProgress");
    ck_assert_int_eq((int)int_at(a.json, "succeed"), 2);
    mock_control("{\"clock\": %d}", job_ms / 1000);
    a = GET(API "/replication/executions/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "status"), "Succeed");
    a = GET(API "/replication/executions/1/tasks", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 2);
    want(DELETE(API "/replication/policies/1", ADMIN), 200);
}

START_TEST(replication_copies_here)
{
    mock_up("{\"job_ms\": 60000, \"login_freeze_ms\": 50}");
    const char *index = push_index("library/a/b", "v1", ADMIN);
    push_image("library/c", "v2", ADMIN, "amd64");
    push_image("library/c", "other", ADMIN, "s390x");
    replicate(imgrel_mock_get(mock, "url"), 60000);
    answer a = GET(API "/projects/to/repositories/b/artifacts/v1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "digest"), index);
    want(GET(API "/projects/to/repositories/c/artifacts/v2", ADMIN), 200);
    want(GET(API "/projects/to/repositories/c/artifacts/other", ADMIN), 404);
    mock_down();
}
END_TEST

START_TEST(replication_copies_away)
{
    imgrel_error err = {0};
    imgrel_mock *other = NULL;
    unit_ok(imgrel_mock_start("{\"node\": \"off\"}", &other, &err), &err);
    const char *url = imgrel_mock_get(other, "url");
    mock_up("{\"job_ms\": 60000, \"login_freeze_ms\": 50}");
    const char *index = push_index("library/a/b", "v1", ADMIN);
    push_image("library/c", "v2", ADMIN, "amd64");
    want(ask("POST", text("%s" API "/projects", url), ADMIN, "{\"project_name\":\"to\"}", NULL),
         201);
    replicate(url, 60000);
    answer a = GET(text("%s" API "/projects/to/repositories/b/artifacts/v1", url), ADMIN);
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "digest"), index);
    mock_down();
    imgrel_mock_stop(other);
}
END_TEST

START_TEST(collection_runs)
{
    mock_up("{\"job_ms\": 60000, \"login_freeze_ms\": 50}");
    const char *at = API "/system/gc/schedule";
    answer a =
        POST(at, ADMIN, "{\"schedule\":{\"type\":\"Manual\"},\"parameters\":{\"dry_run\":true}}");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/system/gc/1");
    a = GET(API "/system/gc/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "job_status"), "Pending");
    ck_assert_str_eq(string_at(a.json, "job_parameters"), "{\"dry_run\":true}");
    mock_control("{\"clock\": 61}");
    a = GET(API "/system/gc", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.job_status"), "Success");
    want(POST(at, ADMIN, "{\"schedule\":{\"type\":\"Custom\",\"cron\":\"0 0 9 * * *\"}}"), 201);
    a = POST(at, ADMIN, "{\"schedule\":{\"type\":\"Custom\",\"cron\":\"0 0 0 * * *\"}}");
    want(a, 201); /* instead of the one before */
    ck_assert_str_eq(header(&a, "Location", 0), API "/system/gc/0");
    a = GET(at, ADMIN);
    ck_assert_str_eq(string_at(a.json, "schedule.cron"), "0 0 0 * * *");
    want(PUT(at, ADMIN, "{\"schedule\":{\"type\":\"None\"}}"), 200);
    a = GET(at, ADMIN);
    ck_assert_int_eq((int)a.len, 0);
    want(POST(at, ADMIN, "{\"schedule\":{\"type\":\"Custom\",\"cron\":\"0 0 * * *\"}}"), 400);
    want(GET(API "/system/gc/9", ADMIN), 404);
    want_error(POST(at, ADMIN, "{\"schedule\":{\"type\":\"Bogus\"}}"), 422, "UNPROCESSABLE_ENTITY");
    mock_down();
}
END_TEST

static int audited(const char *path, const char *operation)
{
    answer a = GET(path, ADMIN);
    int n = 0;
    want(a, 200);
    for (size_t i = 0; i < ir_json_len(a.json); i++)
        n += !strcmp(string_at(ir_json_at(a.json, i), "operation"), operation);
    return n;
}

START_TEST(audit_log_of_each_version)
{
    static const char *const versions[] = {"2.10", "2.12", "2.15"};
    for (int i = 0; i < 3; i++) {
        mock_up(text("{\"version\": \"%s\"}", versions[i]));
        make_project("p", false);
        make_robot("p", "r", "pull");
        push_image("p/r", "1", ADMIN, "amd64");
        want(DELETE(API "/robots/1", ADMIN), 200);
        if (i < 2) {
            want(GET(API "/auditlog-exts", ADMIN), 404);
            ck_assert_int_eq(audited(API "/audit-logs", "create"), 3);
            ck_assert_int_eq(audited(API "/projects/p/logs", "delete"), 1);
        } else {
            answer a = GET(API "/audit-logs", ADMIN);
            ck_assert_str_eq(a.body, "[]\n");
            ck_assert_int_eq(audited(API "/auditlog-exts", "create"), 3);
            ck_assert_int_eq(audited(API "/auditlog-exts?q=operation%3Ddelete", "delete"), 1);
        }
        mock_down();
    }
}
END_TEST

static const char *user(const char *password)
{
    return text("{\"username\":\"ann\",\"email\":\"ann@x.y\",\"realname\":\"Ann\","
                "\"password\":\"%s\"}",
                password);
}

START_TEST(users_are_kept)
{
    mock_up(NULL);
    want(POST(API "/users", ADMIN, user("short")), 400);
    want(POST(API "/users", ADMIN, user("Ann12345")), 201);
    want(POST(API "/users", ADMIN, user("Ann12345")), 409);
    answer a = GET(API "/users", ADMIN); /* the administrator is not in it */
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    const char *at = text(API "/users/%lld", (long long)int_at(a.json, "0.user_id"));
    a = GET(API "/users/current", "ann:Ann12345");
    ck_assert_str_eq(string_at(a.json, "email"), "ann@x.y");
    want(GET(API "/users", "ann:Ann12345"), 403);
    want(GET(at, "ann:Ann12345"), 200);
    want_error(PUT(text("%s/cli_secret", at), ADMIN, "{\"secret\":\"Secret123\"}"), 412,
               "PRECONDITION");
    want(PUT(text("%s/password", at), "ann:Ann12345",
             "{\"old_password\":\"Ann12345\",\"new_password\":\"Bob12345\"}"),
         200);
    want(GET(at, "ann:Bob12345"), 200);
    want(PUT(text("%s/sysadmin", at), ADMIN, "{\"sysadmin_flag\":true}"), 200);
    want(GET(API "/users", "ann:Bob12345"), 200);
    want(POST(API "/projects/library/members", ADMIN,
              "{\"role_id\":2,\"member_user\":{\"username\":\"ann\"}}"),
         201);
    a = GET(API "/projects/library/members?entityname=ann", ADMIN);
    const char *member =
        text(API "/projects/library/members/%lld", (long long)int_at(a.json, "0.id"));
    want(PUT(member, ADMIN, "{\"role_id\":4}"), 200);
    a = GET(member, ADMIN);
    ck_assert_str_eq(string_at(a.json, "role_name"), "maintainer");
    want(PUT(member, ADMIN, "{\"role_id\":9}"), 400);
    want(DELETE(at, ADMIN), 200);
    want(POST(API "/users", ADMIN, user("Ann12345")), 201); /* the name is free */
    mock_down();

    mock_up("{\"auth_mode\": \"oidc_auth\", \"users\": [{\"name\": \"eve\", \"password\": "
            "\"Cli12345\"}]}");
    /* That opens the registry and lists, and does not say whose it is. */
    want(GET("/v2/", "eve:Cli12345"), 200);
    want(GET("/service/token?service=harbor-registry", "eve:Cli12345"), 200);
    want(GET(API "/projects/library/repositories", "eve:Cli12345"), 200);
    a = GET(API "/systeminfo", "eve:Cli12345");
    ck_assert_str_eq(string_at(a.json, "auth_mode"), "oidc_auth");
    ck_assert_str_ne(string_at(a.json, "external_url"), "");
    want(GET(API "/users/current", "eve:Cli12345"), 401);
    a = GET(API "/users?q=username%3Deve", ADMIN);
    at = text(API "/users/%lld", (long long)int_at(a.json, "0.user_id"));
    a = GET(at, ADMIN);
    ck_assert_ptr_nonnull(ir_json_get(a.json, "oidc_user_meta"));
    const char *secret = text("%s/cli_secret", at);
    want(PUT(secret, "eve:Cli12345", "{\"secret\":\"Other123\"}"), 401);
    want(PUT(secret, ADMIN, "{\"secret\":\"Other123\"}"), 200);
    want(GET("/v2/", "eve:Other123"), 200);
    mock_down();
}
END_TEST

START_TEST(configuration_acts_at_once)
{
    mock_up(NULL);
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull");
    answer a = GET(API "/configurations", ADMIN);
    ck_assert_str_eq(string_at(a.json, "robot_name_prefix.value"), "robot$");
    ck_assert(ir_json_bool(ir_json_get(a.json, "read_only"), "editable", false));
    want(GET(API "/configurations", robot), 403);
    want(PUT(API "/configurations", ADMIN, "{\"robot_name_prefix\":\"bot_\",\"nonsense\":1}"), 200);
    want(GET(API "/users/current", robot), 401);
    want(GET(API "/users/current", text("bot_%s", robot + strlen("robot$"))), 412);
    want(PUT(API "/configurations", ADMIN, "{\"read_only\":true}"), 200);
    a = POST(API "/projects", ADMIN, "{\"project_name\":\"q\"}");
    want_error(a, 403, "DENIED");
    ck_assert(!strncmp(message_of(a), "The system is in read only mode", 31));
    want_error(POST("/v2/p/r/blobs/uploads/", ADMIN, ""), 403, "DENIED");
    want(GET(API "/projects/p", ADMIN), 200);
    want(PUT(API "/configurations", ADMIN,
             "{\"read_only\":false,\"token_expiration\":10,\"project_creation_restriction\":"
             "\"adminonly\"}"),
         200);
    a = GET("/service/token?service=harbor-registry", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "expires_in"), 600);
    want(POST(API "/projects", ADMIN, "{\"project_name\":\"q\"}"), 201);
    mock_down();
}
END_TEST

START_TEST(preheat_is_kept)
{
    mock_up(NULL);
    const char *at = API "/p2p/preheat/instances";
    want(POST(at, ADMIN, "{\"name\":\"d\",\"vendor\":\"dragonfly\",\"endpoint\":\"http://d\"}"),
         201);
    want(POST(at, ADMIN, "{\"name\":\"d\",\"vendor\":\"dragonfly\",\"endpoint\":\"http://d\"}"),
         409);
    want(GET(text("%s/d", at), ADMIN), 200);
    const char *policies = API "/projects/library/preheat/policies";
    want(POST(policies, ADMIN, "{\"name\":\"p\",\"provider_id\":1,\"enabled\":true}"), 201);
    want(POST(policies, ADMIN, "{\"name\":\"q\",\"provider_id\":9}"), 404);
    answer a = GET(text("%s/p", policies), ADMIN);
    ck_assert_str_eq(string_at(a.json, "provider_name"), "d");
    want(DELETE(text("%s/p", policies), ADMIN), 200);
    want(DELETE(text("%s/d", at), ADMIN), 200);
    want(GET(text("%s/d", at), ADMIN), 404);
    mock_down();
}
END_TEST

START_TEST(first_robots_until_2_12)
{
    const char *at = API "/projects/2/robots";
    const char *body = "{\"name\":\"old\",\"expires_at\":1,\"access\":[{\"resource\":"
                       "\"/project/2/repository\",\"action\":\"pull\"}]}";
    for (int i = 10; i <= 12; i += 2) {
        mock_up(text("{\"version\": \"2.%d\", \"login_freeze_ms\": 50}", i));
        make_project("p", false);
        answer a = POST(at, ADMIN, body);
        want(a, 201);
        ck_assert_str_eq(string_at(a.json, "name"), "robot$p+old");
        ck_assert_int_eq((int)int_at(a.json, "expires_at"), -1); /* what was asked is ignored */
        want(GET(API "/users/current", text("robot$p+old:%s", string_at(a.json, "secret"))), 412);
        a = GET(at, ADMIN);
        ck_assert_int_eq((int)ir_json_len(a.json), 1);
        want(POST(at, ADMIN,
                  "{\"name\":\"x\",\"access\":[{\"resource\":\"/project/9/repository\","
                  "\"action\":\"pull\"}]}"),
             400);
        want(PUT(text("%s/1", at), ADMIN, "{\"disable\":true}"), 200);
        want(DELETE(text("%s/1", at), ADMIN), 200);
        mock_down();
    }
    mock_up(NULL);
    make_project("p", false);
    want_error(GET(at, ADMIN), 404, "NOT_FOUND");
    want_error(POST(at, ADMIN, body), 404, "NOT_FOUND");
    mock_down();
}
END_TEST

UNIT_SUITE(rest, copies_inside, quota_is_set, scans_take_a_while, scanner_is_needed,
           everything_is_scanned, vulnerable_images_stay, immutable_tags_stay, webhooks_are_kept,
           registries_are_asked_first, replication_copies_here, replication_copies_away,
           collection_runs, audit_log_of_each_version, users_are_kept, configuration_acts_at_once,
           preheat_is_kept, first_robots_until_2_12)
