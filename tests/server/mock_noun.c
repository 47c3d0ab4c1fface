/* mock_noun.c - projects, robots, repositories, artifacts and tags: their rules, and what differs
 * from version to version. */
#include "mock_http.h"

#include <stdio.h>

/* ---- projects -------------------------------------------------------------------------------- */

START_TEST(project_create_rules)
{
    mock_up(NULL);
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"project_name\":\"\"}", 400},
        {"{\"project_name\":\"a--b\"}", 400},
        {"{\"project_name\":\"Upper\"}", 400},
        {"{\"project_name\":\"a-\"}", 400},
        {"{\"project_name\":\"a.b_c-d\"}", 201},
        {"{\"project_name\":\"m\",\"metadata\":{\"public\":true}}", 422},
        {"{\"project_name\":\"m\",\"metadata\":{\"public\":\"yes\"}}", 400},
        {"{\"project_name\":\"m\",\"metadata\":{\"nonsense\":\"x\"}}", 201},
        {"{\"project_name\":\"l\",\"storage_limit\":-2}", 400},
        {"{\"project_name\":\"l\",\"storage_limit\":0}", 201},
        {"{\"project_name\":\"x\",\"registry_id\":7}", 500},
        {"{\"project_name\":\"old\",\"public\":true}", 201},
        {"{\"project_name\":7}", 422},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        want(POST(API "/projects", ADMIN, cases[i].body), cases[i].status);
    char name[258];
    memset(name, 'a', 256);
    name[256] = '\0';
    want(POST(API "/projects", ADMIN, text("{\"project_name\":\"%s\"}", name)), 422);
    name[255] = '\0';
    want(POST(API "/projects", ADMIN, text("{\"project_name\":\"%s\"}", name)), 201);
    answer a = GET(API "/projects/old", ADMIN);
    ck_assert_str_eq(string_at(a.json, "metadata.public"), "true");
    a = GET(API "/projects/m", ADMIN);
    ck_assert_str_eq(string_at(a.json, "metadata.public"), "false");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "metadata")), 1);
    mock_down();
}
END_TEST

START_TEST(project_conflict_burns_an_id)
{
    mock_up(NULL);
    answer a = POST(API "/projects", ADMIN, "{\"project_name\":\"library\"}");
    want_error(a, 409, "CONFLICT");
    ck_assert_str_eq(message_of(a), "The project named library already exists");
    ck_assert_int_eq((int)make_project("next", false), 3);
    mock_down();
}
END_TEST

START_TEST(project_by_digits_is_an_id)
{
    mock_up(NULL);
    make_project("1", false);
    answer a = GET(API "/projects/1", ADMIN);
    ck_assert_str_eq(string_at(a.json, "name"), "library");
    a = ask("GET", API "/projects/1", ADMIN, NULL, "X-Is-Resource-Name: true", NULL);
    ck_assert_str_eq(string_at(a.json, "name"), "1");
    want(GET(API "/projects/2/repositories", ADMIN), 404); /* that path takes names only */
    mock_down();
}
END_TEST

START_TEST(project_update_checks_nothing)
{
    mock_up(NULL);
    make_project("p", true);
    want(PUT(API "/projects/p", ADMIN,
             "{\"project_name\":\"q\",\"public\":true,\"storage_limit\":1,\"metadata\":{\"public\":"
             "\"maybe\",\"auto_scan\":\"\",\"severity\":\"bogus\"}}"),
         200);
    answer a = GET(API "/projects/p", ADMIN);
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "metadata.public"), "maybe");
    ck_assert_str_eq(string_at(a.json, "metadata.severity"), "unknown");
    want(GET(API "/projects/p", ANYBODY), 401); /* private now */
    want_error(PUT(API "/projects/p", ADMIN, "{\"metadata\":{\"retention_id\":\"5\"}}"), 400,
               "BAD_REQUEST");
    want(POST(API "/projects/p/metadatas/", ADMIN, "{\"prevent_vul\":\"T\"}"), 200);
    want_error(POST(API "/projects/p/metadatas", ADMIN, "{\"prevent_vul\":\"T\"}"), 409,
               "CONFLICT");
    want(POST(API "/projects/p/metadatas/", ADMIN, "{\"a\":\"1\",\"b\":\"2\"}"), 400);
    want(PUT(API "/projects/p/metadatas/prevent_vul", ADMIN, "{\"public\":\"true\"}"), 400);
    want(PUT(API "/projects/p/metadatas/prevent_vul", ADMIN, "{\"prevent_vul\":\"perhaps\"}"), 400);
    a = GET(API "/projects/p/metadatas/prevent_vul", ADMIN);
    ck_assert_str_eq(string_at(a.json, "prevent_vul"), "true");
    a = GET(API "/projects/p/metadatas/unknown", ADMIN);
    want(a, 200);
    ck_assert_str_eq(a.body, "{}\n");
    want(DELETE(API "/projects/p/metadatas/unknown", ADMIN), 200);
    mock_down();
}
END_TEST

START_TEST(project_delete_waits_for_repositories)
{
    mock_up(NULL);
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull,push");
    answer a = GET(API "/projects/p/_deletable", ADMIN);
    ck_assert_str_eq(a.body, "{\"deletable\":true}\n");
    push_image("p/r", "1", robot, "amd64");
    want(DELETE(API "/projects/p/repositories/r/artifacts/1", ADMIN), 200);
    want_error(DELETE(API "/projects/p", ADMIN), 412, "PRECONDITION"); /* an empty one blocks too */
    a = GET(API "/projects/p/_deletable", ADMIN);
    ck_assert_ptr_null(ir_json_get(a.json, "deletable"));
    want(DELETE(API "/projects/p/repositories/r", ADMIN), 200);
    want(DELETE(API "/projects/p/repositories/r", ADMIN), 404);
    want(DELETE(API "/projects/p", ADMIN), 200);
    int64_t again = make_project("p", false);
    ck_assert_int_gt((int)again, 2);
    want(GET(API "/users/current", robot), 401); /* the old secret stays dead */
    mock_down();
}
END_TEST

START_TEST(project_lists_are_filtered)
{
    mock_up("{\"users\": [{\"name\": \"ann\", \"password\": \"Ann12345\"}]}");
    make_project("closed-one", false);
    make_project("open-one", true);
    answer a = GET(API "/projects?name=ONE", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    a = GET(API "/projects?public=false", ANYBODY);
    ck_assert_str_eq(a.body, "[]\n");
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    a = GET(API "/projects?owner=admin", "ann:Ann12345");
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    want(POST(API "/projects", "ann:Ann12345", "{\"project_name\":\"anns\"}"), 201);
    a = GET(API "/projects/anns", "ann:Ann12345");
    ck_assert_int_eq((int)int_at(a.json, "current_user_role_id"), 1);
    a = GET(API "/projects", make_robot("closed-one", "r", "pull,push"));
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "3"); /* its own and the public two */
    want_error(GET(API "/projects/closed-one", make_robot("closed-one", "r2", "pull,push")), 403,
               "FORBIDDEN");
    a = GET(API "/projects", make_robot("*", "all", "pull"));
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "4");
    ck_assert(ir_json_is_null(ir_json_path(a.json, "0.current_user_role_ids")));
    mock_down();
}
END_TEST

START_TEST(quota_stops_a_push)
{
    mock_up(NULL);
    want(POST(API "/projects", ADMIN, "{\"project_name\":\"p\",\"storage_limit\":600}"), 201);
    push_image("p/a", "1", ADMIN, "amd64");
    answer a = GET(API "/projects/p/summary", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "quota.hard.storage"), 600);
    ck_assert_int_gt((int)int_at(a.json, "quota.used.storage"), 300);
    ck_assert_int_eq((int)int_at(a.json, "project_admin_count"), 1);
    char big[300];
    memset(big, 'x', sizeof big);
    const char *manifest = text("{\"schemaVersion\":2,\"mediaType\":"
                                "\"application/vnd.oci.image.manifest.v1+json\",\"annotations\":{"
                                "\"a\":\"%.300s\"},\"layers\":[]}",
                                big);
    a = send_bytes("PUT", "/v2/p/b/manifests/1", ADMIN,
                   "application/vnd.oci.image.manifest.v1+json", manifest, strlen(manifest));
    want_error(a, 403, "DENIED");
    want(GET(API "/projects/p/repositories/b", ADMIN), 404);
    a = GET(API "/quotas?reference=project&reference_id=2", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    ck_assert_str_eq(string_at(a.json, "0.ref.name"), "p");
    mock_down();
}
END_TEST

/* ---- robots ---------------------------------------------------------------------------------- */

START_TEST(robot_create_rules)
{
    mock_up(NULL);
    make_project("p", false);
    static const struct {
        const char *body;
        int status;
        const char *message;
    } cases[] = {
        {"{\"name\":\"a+b\",\"level\":\"project\",\"duration\":-1}", 400, "robot name"},
        {"{\"name\":\"a\",\"level\":\"project\"}", 400, "duration"},
        {"{\"name\":\"a\",\"level\":\"project\",\"duration\":-2}", 400, "duration"},
        {"{\"name\":\"a\",\"level\":\"project\",\"duration\":2147483647}", 400, "duration"},
        {"{\"name\":\"a\",\"level\":\"project\",\"duration\":1.5}", 422, "duration"},
        {"{\"name\":\"a\",\"level\":\"project\",\"duration\":\"1\"}", 422, "duration"},
        {"{\"name\":\"a\",\"level\":\"both\",\"duration\":1}", 400, "level"},
        {"{\"name\":\"a\",\"level\":\"system\",\"duration\":1,\"permissions\":[]}", 400,
         "empty permission"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer a = POST(API "/robots", ADMIN, cases[i].body);
        want(a, cases[i].status);
        ck_assert_msg(strstr(message_of(a), cases[i].message) != NULL, "%s", a.body);
    }
    answer a = POST(API "/robots", ADMIN, robot_body("p", "a", "nuke", 1));
    want(a, 400);
    ck_assert_str_eq(message_of(a), "bad request permission: repository:nuke");
    want(POST(API "/robots", ADMIN, robot_body("p", "a", "*", 1)), 400);
    want(POST(API "/robots", ADMIN, robot_body("p", "a", "", 1)), 400);
    want(POST(API "/robots", ADMIN, robot_body("2", "a", "pull", 1)), 404); /* names, not ids */
    want(POST(API "/robots", ADMIN, robot_body("nope", "a", "pull", 1)), 404);
    a = POST(API "/robots", ADMIN,
             "{\"name\":\"a\",\"level\":\"system\",\"duration\":1,\"permissions\":[{\"kind\":"
             "\"system\",\"namespace\":\"x\",\"access\":[{\"resource\":\"project\",\"action\":"
             "\"list\"}]}]}");
    want(a, 400);
    ck_assert_str_eq(message_of(a), "unknown namespace");
    char name[300];
    memset(name, 'a', 254);
    name[254] = '\0';
    want(POST(API "/robots", ADMIN, robot_body("p", name, "pull", 1)), 500);
    mock_down();
}
END_TEST

START_TEST(robot_create_ignores_disable_and_secret)
{
    mock_up(NULL);
    make_project("p", false);
    answer a = POST(API "/robots", ADMIN,
                    "{\"name\":\"r\",\"level\":\"project\",\"duration\":-1,\"disable\":true,"
                    "\"secret\":\"Mine12345\",\"permissions\":[{\"kind\":\"project\",\"namespace\":"
                    "\"p\",\"access\":[{\"resource\":\"repository\",\"action\":\"pull\"},"
                    "{\"resource\":\"repository\",\"action\":\"pull\"}]}]}");
    want(a, 201);
    ck_assert_str_eq(string_at(a.json, "name"), "robot$p+r");
    ck_assert_str_ne(string_at(a.json, "secret"), "Mine12345");
    ck_assert_int_eq((int)int_at(a.json, "expires_at"), -1);
    a = GET(API "/robots/1", ADMIN);
    ck_assert(!ir_json_bool(a.json, "disable", true)); /* present, and false */
    ck_assert_ptr_null(ir_json_get(a.json, "description"));
    ck_assert_int_eq((int)ir_json_len(ir_json_path(a.json, "permissions.0.access")), 1);
    ck_assert_ptr_null(ir_json_path(a.json, "permissions.0.access.0.effect"));
    a = POST(API "/robots", ADMIN, robot_body("p", "r", "pull", -1));
    want_error(a, 409, "CONFLICT");
    ck_assert_str_eq(message_of(a), "robot account 2:p+r already exists");
    a = POST(API "/robots", ADMIN, robot_body("p", "s", "pull", -1));
    ck_assert_int_eq((int)int_at(a.json, "id"), 3); /* the conflict burned one */
    mock_down();
}
END_TEST

START_TEST(robot_secret_rules)
{
    mock_up(NULL);
    make_project("p", false);
    const char *old = make_robot("p", "r", "pull");
    answer a = PATCH(API "/robots/1", ADMIN, "{\"secret\":\"Mine12345\"}");
    want(a, 200);
    ck_assert_str_eq(a.body, "{}\n");
    want(GET(API "/users/current", "robot$p+r:Mine12345"), 412);
    want(GET(API "/users/current", old), 401);
    a = PATCH(API "/robots/1", ADMIN, "{\"secret\":\"\"}");
    ck_assert_int_eq((int)strlen(string_at(a.json, "secret")), 32);
    want(GET(API "/users/current", text("robot$p+r:%s", string_at(a.json, "secret"))), 412);
    want(PATCH(API "/robots/1", ADMIN, "{}"), 200);
    const char *const bad[] = {"short1A", "nouppercase1", "NOLOWERCASE1", "NoDigitsHere"};
    for (size_t i = 0; i < 4; i++)
        want_error(PATCH(API "/robots/1", ADMIN, text("{\"secret\":\"%s\"}", bad[i])), 400,
                   "BAD_REQUEST");
    char longest[130];
    memset(longest, 'a', 129);
    memcpy(longest, "A1", 2);
    longest[129] = '\0';
    want(PATCH(API "/robots/1", ADMIN, text("{\"secret\":\"%s\"}", longest)), 400);
    longest[128] = '\0';
    want(PATCH(API "/robots/1", ADMIN, text("{\"secret\":\"%s\"}", longest)), 200);
    mock_down();
}
END_TEST

START_TEST(robot_update_replaces)
{
    mock_up(NULL);
    make_project("p", false);
    make_robot("p", "r", "pull");
    const char *access = "\"permissions\":[{\"kind\":\"project\",\"namespace\":\"p\",\"access\":[{"
                         "\"resource\":\"repository\",\"action\":\"push\"}]}]";
    const char *const head = "{\"name\":\"robot$p+r\",\"level\":\"project\"";
    want(PUT(API "/robots/1", ADMIN,
             text("%s,\"disable\":true,\"description\":\"d\",\"duration\":30,%s}", head, access)),
         200);
    answer a = GET(API "/robots/1", ADMIN);
    ck_assert(ir_json_bool(a.json, "disable", false));
    ck_assert_str_eq(string_at(a.json, "description"), "d");
    int64_t until = int_at(a.json, "expires_at");
    mock_control("{\"clock\": 864000}"); /* ten days later, 30 days are still from creation */
    want(PUT(API "/robots/1", ADMIN, text("%s,\"duration\":30,%s}", head, access)), 200);
    a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq(int_at(a.json, "expires_at"), until);
    ck_assert(!ir_json_bool(a.json, "disable", true)); /* left out: enabled again */
    ck_assert_ptr_null(ir_json_get(a.json, "description"));
    want(PUT(API "/robots/1", ADMIN, text("%s,\"duration\":40,%s}", head, access)), 200);
    a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq(int_at(a.json, "expires_at"), until + 10 * 86400);
    want(PUT(API "/robots/1", ADMIN, text("%s,%s}", head, access)), 200); /* no days: kept */
    a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "duration"), 40);
    want(PUT(API "/robots/1", ADMIN, text("{\"name\":\"r\",\"level\":\"project\",%s}", access)),
         400);
    want(PUT(API "/robots/1", ADMIN,
             text("{\"name\":\"robot$p+r\",\"level\":\"system\",%s}", access)),
         400);
    want(PUT(API "/robots/1", ADMIN, text("%s,\"permissions\":[]}", head)), 400);
    mock_down();
}
END_TEST

START_TEST(robot_expires_by_the_clock)
{
    mock_up(NULL);
    make_project("p", false);
    answer a = POST(API "/robots", ADMIN, robot_body("p", "r", "pull", 1));
    const char *login = text("robot$p+r:%s", string_at(a.json, "secret"));
    want(GET(API "/users/current", login), 412);
    mock_control("{\"clock\": 86401}");
    want(GET(API "/users/current", login), 401);
    a = GET(API "/robots/1", ADMIN); /* it still looks enabled */
    ck_assert(!ir_json_bool(a.json, "disable", true));
    mock_down();
}
END_TEST

START_TEST(robot_order_is_random)
{
    mock_up(NULL);
    make_project("p", false);
    make_robot("p", "r", "pull,push,delete,read,list");
    const char *first = NULL;
    bool differs = false;
    for (int i = 0; i < 200 && !differs; i++) {
        answer a = GET(API "/robots/1", ADMIN);
        const char *action = string_at(a.json, "permissions.0.access.0.action");
        differs = first && strcmp(first, action);
        first = action;
    }
    ck_assert(differs);
    mock_down();
}
END_TEST

START_TEST(robot_outlives_its_projects)
{
    mock_up(NULL);
    make_project("p", false);
    answer a =
        POST(API "/robots", ADMIN,
             "{\"name\":\"s\",\"level\":\"system\",\"duration\":-1,\"permissions\":[{\"kind\":"
             "\"project\",\"namespace\":\"p\",\"access\":[{\"resource\":\"repository\","
             "\"action\":\"pull\"}]}]}");
    want(a, 201);
    want(DELETE(API "/projects/p", ADMIN), 200);
    a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "permissions")), 0);
    a = PUT(API "/robots/1", ADMIN,
            "{\"name\":\"robot$s\",\"level\":\"system\",\"duration\":-1,\"permissions\":[]}");
    want(a, 400);
    ck_assert_str_eq(message_of(a), "bad request empty permission");
    make_project("p", false); /* another p is not the old one */
    a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "permissions")), 0);
    mock_down();
}
END_TEST

START_TEST(robots_that_manage_robots)
{
    mock_up(NULL);
    make_project("p", false);
    const char *boss =
        make_robot("p", "boss", "robot:create,robot:read,robot:list,robot:delete,pull");
    answer a = POST(API "/robots", boss, robot_body("p", "child", "pull", 5));
    want(a, 201);
    a = GET(text(API "/robots/%lld", (long long)int_at(a.json, "id")), boss);
    ck_assert_str_eq(string_at(a.json, "creator_type"), "robot");
    want_error(POST(API "/robots", boss, robot_body("p", "more", "push", 5)), 403, "DENIED");
    want_error(PATCH(API "/robots/1", boss, "{}"), 403, "FORBIDDEN"); /* not even itself */
    want(DELETE(API "/robots/2", boss), 200);
    want_error(
        POST(API "/robots", make_robot("p", "plain", "pull"), robot_body("p", "c", "pull", 5)), 403,
        "FORBIDDEN");
    mock_down();
}
END_TEST

START_TEST(any_other_effect_denies)
{
    static const char *const effects[] = {"allow", "", "deny", "bogus"};
    mock_up(NULL);
    make_project("p", false);
    for (int i = 0; i < 4; i++) {
        answer a =
            POST(API "/robots", ADMIN,
                 text("{\"name\":\"r%d\",\"level\":\"project\",\"duration\":-1,"
                      "\"permissions\":[{\"kind\":\"project\",\"namespace\":\"p\",\"access\":[{"
                      "\"resource\":\"project\",\"action\":\"read\",\"effect\":\"%s\"}]}]}",
                      i, effects[i]));
        want(a, 201);
        want(GET(API "/projects/p", text("robot$p+r%d:%s", i, string_at(a.json, "secret"))),
             i < 2 ? 200 : 403);
    }
    mock_down();
}
END_TEST

/* robots: what a robot is told that asks. */
static void count_rights(const char *version, int system, int project, int robots)
{
    mock_up(text("{\"version\": \"%s\"}", version));
    answer a = GET(API "/permissions", ADMIN);
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "system")), system);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "project")), project);
    a = GET(API "/systeminfo", ADMIN);
    ck_assert_ptr_nonnull(strstr(string_at(a.json, "harbor_version"), version));
    make_project("p", false);
    want(GET(API "/permissions", make_robot("p", "r", "pull")), robots);
    mock_down();
}

START_TEST(rights_of_each_version)
{
    count_rights("2.10", 53, 56, 404);
    count_rights("2.12", 72, 68, 403);
    count_rights("2.15", 70, 70, 403);
    imgrel_error err = {0};
    unit_error((imgrel_mock_start("{\"version\": \"1.9\"}", &mock, &err), &err), IMGREL_EINVAL,
               "1.9");
    ck_assert_ptr_null(mock);
    mock_down();
}
END_TEST

START_TEST(older_versions_differ)
{
    mock_up("{\"version\": \"2.10\"}");
    make_project("p", false);
    want(POST(API "/robots", ADMIN, robot_body("p", "r", "pull", 0)), 201); /* the default */
    answer a = GET(API "/robots/1", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "duration"), 30);
    ck_assert_ptr_null(ir_json_get(a.json, "creator_type"));
    make_robot("p", "never", "pull");
    a = GET(API "/robots?q=Level%3Dsystem", ADMIN); /* project robots too, up to 2.12 */
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    want(PUT(API "/robots/2", ADMIN,
             "{\"name\":\"robot$p+never\",\"level\":\"project\",\"permissions\":[{\"kind\":"
             "\"project\",\"namespace\":\"p\",\"access\":[{\"resource\":\"repository\",\"action\":"
             "\"pull\"}]}]}"),
         200);
    a = GET(API "/robots/2", ADMIN); /* never became 30 days */
    ck_assert_int_eq((int)int_at(a.json, "duration"), 30);
    want(POST(API "/robots", ADMIN, robot_body("p", "x", "robot:create", 1)), 400);
    mock_down();

    mock_up("{\"version\": \"2.12\"}");
    make_project("p", false);
    const char *boss = make_robot("*", "boss", "robot:create,pull");
    want_error(POST(API "/robots", boss, robot_body("p", "c", "pull", 1)), 403, "DENIED");
    mock_down();

    mock_up(NULL);
    make_project("p", false);
    make_robot("p", "r", "pull");
    answer b = GET(API "/robots?q=Level%3Dsystem", ADMIN);
    ck_assert_str_eq(header(&b, "X-Total-Count", 0), "0");
    boss = make_robot("*", "boss", "robot:create,pull");
    want(POST(API "/robots", boss, robot_body("p", "c", "pull", 1)), 201);
    mock_down();
}
END_TEST

/* ---- artifacts ------------------------------------------------------------------------------- */

START_TEST(artifact_dies_with_all_its_tags)
{
    mock_up(NULL);
    push_image("library/r", "a", ADMIN, "amd64");
    push_image("library/r", "b", ADMIN, "amd64"); /* the same bytes */
    answer a = GET(API "/projects/library/repositories/r/artifacts", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    ck_assert_int_eq((int)ir_json_len(ir_json_path(a.json, "0.tags")), 2);
    ck_assert(ir_json_is_null(ir_json_path(a.json, "0.labels")));
    ck_assert(ir_json_is_null(ir_json_path(a.json, "0.references")));
    ck_assert_str_eq(string_at(a.json, "0.pull_time"), "0001-01-01T00:00:00.000Z");
    ck_assert_str_eq(string_at(a.json, "0.extra_attrs.architecture"), "amd64");
    ck_assert_ptr_nonnull(strstr(string_at(a.json, "0.addition_links.sboms.href"), "/artifacts//"));
    want(DELETE(API "/projects/library/repositories/r/artifacts/a/tags/b", ADMIN), 200);
    want(DELETE(API "/projects/library/repositories/r/artifacts/a/tags/b", ADMIN), 404);
    want(POST(API "/projects/library/repositories/r/artifacts/a/tags", ADMIN, "{\"name\":\"c\"}"),
         201);
    want(POST(API "/projects/library/repositories/r/artifacts/a/tags", ADMIN, "{\"name\":\"c\"}"),
         409);
    want(POST(API "/projects/library/repositories/r/artifacts/a/tags", ADMIN, "{\"name\":\"!\"}"),
         400);
    want(POST(API "/projects/library/repositories/r/artifacts/a/tags", ADMIN, "{}"), 422);
    want(DELETE(API "/projects/library/repositories/r/artifacts/a", ADMIN), 200);
    want(GET(API "/projects/library/repositories/r/artifacts/c", ADMIN), 404);
    a = GET(API "/projects/library/repositories/r", ADMIN);
    want(a, 200);
    ck_assert_int_eq((int)int_at(a.json, "artifact_count"), 0);
    mock_down();
}
END_TEST

START_TEST(index_hides_its_children)
{
    mock_up(NULL);
    const char *index = push_index("library/r", "1", ADMIN);
    answer a = GET(API "/projects/library/repositories/r/artifacts", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    ck_assert_str_eq(string_at(a.json, "0.digest"), index);
    ck_assert_str_eq(string_at(a.json, "0.type"), "IMAGE");
    ck_assert_ptr_null(ir_json_path(a.json, "0.extra_attrs"));
    ck_assert_int_eq((int)ir_json_len(ir_json_path(a.json, "0.references")), 2);
    ck_assert(ir_json_is_null(ir_json_path(a.json, "0.references.0.urls")));
    ck_assert(ir_json_is_null(ir_json_path(a.json, "0.references.0.platform.OsFeatures")));
    const char *child = string_at(a.json, "0.references.1.child_digest");
    ck_assert_str_eq(string_at(a.json, "0.references.1.platform.architecture"), "arm64");
    a = GET(API "/projects/library/repositories/r/artifacts?q=base%3D*", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 3);
    a = GET(API "/projects/library/repositories/r/artifacts?q=tags%3Dnil", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 0);
    want_error(DELETE(text(API "/projects/library/repositories/r/artifacts/%s", child), ADMIN), 412,
               "VIOLATE_FOREIGN_KEY_CONSTRAINT");
    want(DELETE(text("/v2/library/r/manifests/%s", child), ADMIN), 412);
    want_error(
        GET(API "/projects/library/repositories/r/artifacts/1/additions/build_history", ADMIN), 400,
        "BAD_REQUEST");
    want(GET(API "/projects/library/repositories/r/artifacts/1/additions/bogus", ADMIN), 422);
    want(DELETE(API "/projects/library/repositories/r/artifacts/1", ADMIN), 200);
    want(DELETE(text(API "/projects/library/repositories/r/artifacts/%s", child), ADMIN), 200);
    mock_down();
}
END_TEST

START_TEST(labels_on_artifacts)
{
    mock_up(NULL);
    push_image("library/r", "1", ADMIN, "amd64");
    want_error(GET(API "/labels", ADMIN), 400, "BAD_REQUEST");
    want(POST(API "/labels", ADMIN, "{\"name\":\"l\",\"scope\":\"g\",\"color\":\"#fff\"}"), 201);
    want(POST(API "/labels", ADMIN, "{\"name\":\"l\",\"scope\":\"g\"}"), 409);
    const char *at = API "/projects/library/repositories/r/artifacts/1/labels";
    want(POST(at, ADMIN, "{\"id\":1}"), 200);
    want_error(POST(at, ADMIN, "{\"id\":1}"), 409, "CONFLICT");
    want_error(POST(at, ADMIN, "{\"id\":9}"), 404, "NOT_FOUND");
    answer a =
        GET(API "/projects/library/repositories/r/artifacts?q=labels%3D(1)&with_label=true", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.labels.0.name"), "l");
    a = GET(API "/projects/library/repositories/r/artifacts?q=labels%3D(2)", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 0);
    want(PUT(API "/labels/1", ADMIN, "{\"name\":\"l\"}"), 200);
    a = GET(API "/labels/1", ADMIN); /* what was left out is cleared */
    ck_assert_str_eq(string_at(a.json, "color"), "");
    want(DELETE(text("%s/1", at), ADMIN), 200);
    want(DELETE(API "/labels/1", ADMIN), 200);
    mock_down();
}
END_TEST

START_TEST(statistics_and_search)
{
    mock_up("{\"users\": [{\"name\": \"ann\", \"password\": \"Ann12345\"}]}");
    make_project("closed", false);
    push_image("closed/r", "1", ADMIN, "amd64");
    answer a = GET(API "/statistics", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "total_project_count"), 2);
    ck_assert_int_eq((int)int_at(a.json, "private_repo_count"), 1);
    a = GET(API "/statistics", "ann:Ann12345");
    ck_assert_int_eq((int)int_at(a.json, "total_project_count"), 0);
    a = GET(API "/search?q=clo", ADMIN);
    ck_assert_str_eq(string_at(a.json, "repository.0.repository_name"), "closed/r");
    a = GET(API "/search?q=clo", "ann:Ann12345");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "project")), 0);
    mock_down();
}
END_TEST

UNIT_SUITE(noun, project_create_rules, project_conflict_burns_an_id, project_by_digits_is_an_id,
           project_update_checks_nothing, project_delete_waits_for_repositories,
           project_lists_are_filtered, quota_stops_a_push, robot_create_rules,
           robot_create_ignores_disable_and_secret, robot_secret_rules, robot_update_replaces,
           robot_expires_by_the_clock, robot_order_is_random, robot_outlives_its_projects,
           robots_that_manage_robots, any_other_effect_denies, rights_of_each_version,
           older_versions_differ, artifact_dies_with_all_its_tags, index_hides_its_children,
           labels_on_artifacts, statistics_and_search)
