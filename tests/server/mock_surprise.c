/* mock_surprise.c - what Harbor does and nobody expects, one test each: the mock must do it too. */
#include "mock_http.h"

#include <pthread.h>

START_TEST(wrong_password_is_not_refused)
{
    mock_up(NULL);
    make_project("secret", false);
    const char *bad = "admin:wrong";
    answer a = GET(API "/projects", bad);
    want(a, 200);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    ck_assert_str_eq(string_at(a.json, "0.name"), "library");
    a = GET(API "/systeminfo", bad);
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(a.json), 5);
    want(GET(API "/health", bad), 200);
    want(GET(API "/ping", bad), 200);
    want(GET(API "/search?q=l", bad), 200);
    want_error(GET(API "/users/current", bad), 401, "UNAUTHORIZED");
    mock_down();
}
END_TEST

START_TEST(robot_has_no_current_user)
{
    mock_up(NULL);
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull");
    want_error(GET(API "/users/current", robot), 412, "PRECONDITION");
    want(GET("/service/token?service=harbor-registry", robot), 200);
    want_error(GET(API "/users/current", "robot$p+r:Wrong12345"), 401, "UNAUTHORIZED");
    answer a = GET("/service/token?service=harbor-registry", "robot$p+r:Wrong12345");
    want(a, 401);
    ck_assert_int_eq((int)a.len, 0);
    want(GET(API "/users/current", text("p+r:%s", strchr(robot, ':') + 1)), 401);
    mock_down();
}
END_TEST

START_TEST(failed_login_sleeps_and_freezes)
{
    mock_up("{\"login_freeze_ms\": 700}");
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull");
    answer a = GET(API "/users/current", "admin:wrong");
    want(a, 401);
    ck_assert_msg(a.seconds > 0.6, "it took %f s", a.seconds);
    mock_control("{\"log\": \"clear\"}");
    a = GET(API "/users/current", "robot$p+r:Wrong12345"); /* costs as much */
    ck_assert_msg(a.seconds > 0.6, "it took %f s", a.seconds);
    want(GET(API "/users/current", robot), 412); /* but freezes no good secret */
    mock_down();
}
END_TEST

static void *fail_login(void *url)
{
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(c, CURLOPT_USERPWD, "admin:wrong");
    curl_easy_perform(c);
    curl_easy_cleanup(c);
    return NULL;
}

START_TEST(frozen_name_refuses_the_right_password)
{
    pthread_t t;
    mock_up("{\"login_freeze_ms\": 1500}");
    const char *url = text("%s" API "/projects", imgrel_mock_get(mock, "url"));
    pthread_create(&t, NULL, fail_login, (void *)(uintptr_t)url);
    answer a = GET(API "/users/current", ADMIN);
    for (int i = 0; i < 200 && a.status == 200; i++)
        a = GET(API "/users/current", ADMIN);
    want(a, 401); /* at once, though the password is right */
    ck_assert_msg(a.seconds < 1, "it took %f s", a.seconds);
    pthread_join(t, NULL);
    for (int i = 0; i < 2000 && a.status != 200; i++)
        a = GET(API "/users/current", ADMIN);
    want(a, 200);
    mock_down();
}
END_TEST

START_TEST(cookies_need_a_csrf_token)
{
    mock_up(NULL);
    answer a = GET(API "/ping", ANYBODY);
    ck_assert_ptr_nonnull(strstr(header(&a, "Set-Cookie", 0), "sid="));
    ck_assert_ptr_null(header(&a, "X-Harbor-Csrf-Token", 0));
    const char *body = "{\"project_name\":\"p\"}";
    a = ask("POST", API "/projects", ADMIN, body, "Cookie: sid=made-up", NULL);
    want_error(a, 403, "FORBIDDEN");
    ck_assert_str_eq(message_of(a), "CSRF token not found in request");
    a = ask("GET", API "/projects", ADMIN, NULL, "Cookie: sid=made-up", NULL);
    want(a, 200);
    const char *token = header(&a, "X-Harbor-Csrf-Token", 0), *cookie = header(&a, "Set-Cookie", 0);
    ck_assert_ptr_nonnull(token);
    ck_assert_ptr_nonnull(strstr(cookie, "_gorilla_csrf="));
    const char *both = text("Cookie: sid=made-up; %.*s", (int)strcspn(cookie, ";"), cookie);
    a = ask("POST", API "/projects", ADMIN, body, both, "X-Harbor-CSRF-Token: lie", NULL);
    want(a, 403);
    a = ask("POST", API "/projects", ADMIN, body, both, text("X-Harbor-CSRF-Token: %s", token),
            NULL);
    want(a, 201);
    mock_down();
}
END_TEST

START_TEST(challenges_only_on_422)
{
    mock_up(NULL);
    answer a = GET(API "/users/current", ANYBODY);
    want(a, 401);
    ck_assert_ptr_null(header(&a, "Www-Authenticate", 0));
    a = POST(API "/robots", ANYBODY, "{");
    want_error(a, 422, "UNPROCESSABLE_ENTITY");
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "Basic realm=\"API\"");
    a = POST(API "/robots", ADMIN, "{");
    want(a, 422);
    ck_assert_ptr_null(header(&a, "Www-Authenticate", 0));
    a = GET(API "/permissions", ANYBODY);
    want(a, 401);
    ck_assert_str_eq(message_of(a), "");
    mock_down();
}
END_TEST

START_TEST(location_of_what_was_made)
{
    mock_up(NULL);
    answer a = POST(API "/projects", ADMIN, "{\"project_name\":\"p\"}");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/projects/2");
    ck_assert_int_eq((int)a.len, 0);
    ck_assert_ptr_null(header(&a, "Content-Type", 0));
    a = ask("POST", API "/projects", ADMIN, "{\"project_name\":\"q\"}",
            "X-Resource-Name-In-Location: true", NULL);
    ck_assert_str_eq(header(&a, "Location", 0), API "/projects/q");
    a = POST(API "/robots", ADMIN, robot_body("p", "r", "pull", -1));
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/robots/1");
    ck_assert_int_eq((int)strlen(string_at(a.json, "secret")), 32);
    a = POST(API "/labels", ADMIN, "{\"name\":\"l\",\"scope\":\"g\"}");
    want(a, 201);
    ck_assert_str_eq(header(&a, "Location", 0), API "/labels/1");
    ck_assert_int_eq((int)a.len, 0);
    a = POST("/v2/p/r/blobs/uploads/", ADMIN, "");
    want(a, 202);
    ck_assert_msg(!strncmp(header(&a, "Location", 0), imgrel_mock_get(mock, "url"),
                           strlen(imgrel_mock_get(mock, "url"))),
                  "%s", header(&a, "Location", 0));
    push_image("p/r", "1", ADMIN, "amd64");
    a = POST(API "/projects/p/repositories/r/artifacts/1/tags", ADMIN, "{\"name\":\"2\"}");
    want(a, 201);
    ck_assert_ptr_null(header(&a, "Location", 0));
    ck_assert_int_eq((int)a.len, 0);
    mock_down();
}
END_TEST

START_TEST(link_is_decoded)
{
    mock_up(NULL);
    for (int i = 0; i < 5; i++)
        make_project(text("pg%d", i), false);
    answer a = GET(API "/projects?page=2&page_size=1&q=name%3D%7Bpg1%20pg2%20pg3%7D", ADMIN);
    want(a, 200);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "3");
    ck_assert_str_eq(header(&a, "Link", 0),
                     "</api/v2.0/projects?page=1&page_size=1&q=name={pg1 pg2 pg3}>; rel=\"prev\" , "
                     "</api/v2.0/projects?page=3&page_size=1&q=name={pg1 pg2 pg3}>; rel=\"next\"");
    a = GET(API "/projects?page_size=1&q=name%3D~p%2526x", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    mock_down();
}
END_TEST

START_TEST(page_rules)
{
    mock_up(NULL);
    for (int i = 0; i < 14; i++)
        make_project(text("p%d", i), false);
    answer a = GET(API "/projects", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 10);
    a = GET(API "/projects?page_size=0", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 15);
    ck_assert_ptr_null(header(&a, "Link", 0));
    a = GET(API "/projects?page_size=-1", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 15);
    ck_assert_str_eq(header(&a, "Link", 0),
                     "</api/v2.0/projects?page=2&page_size=-1>; rel=\"next\"");
    want(GET(API "/projects?page_size=101", ADMIN), 422);
    want(GET(API "/projects?page=x", ADMIN), 422);
    for (int page = -1; page < 1; page++) {
        a = GET(text(API "/projects?page=%d", page), ADMIN);
        want(a, 200);
        ck_assert_int_eq((int)ir_json_len(a.json), 10);
        ck_assert_ptr_nonnull(strstr(header(&a, "Link", 0), text("page=%d&", page + 1)));
    }
    a = GET(API "/projects?page=9", ADMIN);
    want(a, 200);
    ck_assert_str_eq(a.body, "[]\n");
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "15");
    mock_down();
}
END_TEST

START_TEST(members_total_ignores_the_name)
{
    mock_up("{\"users\": [{\"name\": \"ann\", \"password\": \"Ann12345\"},"
            "{\"name\": \"bob\", \"password\": \"Bob12345\"}]}");
    make_project("p", false);
    want(POST(API "/projects/p/members", ADMIN,
              "{\"role_id\":2,\"member_user\":{\"username\":\"ann\"}}"),
         201);
    want(POST(API "/projects/p/members", ADMIN,
              "{\"role_id\":3,\"member_user\":{\"username\":\"bob\"}}"),
         201);
    answer a = GET(API "/projects/p/members?entityname=ann", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "3");
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    want(DELETE(API "/projects/p/members/99", ADMIN), 200); /* odd, but so it is */
    want_error(POST(API "/projects/p/members", ADMIN,
                    "{\"role_id\":9,\"member_user\":{\"username\":\"ann\"}}"),
               400, "BAD_REQUEST");
    want(GET(API "/projects/p", "ann:Ann12345"), 200);
    want(POST(API "/projects/p/metadatas/", "ann:Ann12345", "{\"auto_scan\":\"true\"}"), 403);
    mock_down();
}
END_TEST

START_TEST(unknown_filter_keys_are_ignored)
{
    mock_up(NULL);
    make_project("p", false);
    answer a = GET(API "/projects?q=nam%3Dp", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    a = GET(API "/projects?sort=nothing", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    a = GET(API "/projects?q=name%3D(a%20b)", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "2");
    a = GET(API "/projects?q=name%3Dp", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    a = GET(API "/projects?sort=-name", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.name"), "p");
    const char *const bad[] = {"name", "name%3D", "%3Dx", "name%3D~", "project_id%3D%5Ba~b~c%5D"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        want_error(GET(text(API "/projects?q=%s", bad[i]), ADMIN), 400, "BAD_REQUEST");
    mock_down();
}
END_TEST

START_TEST(filter_is_decoded_twice)
{
    mock_up(NULL);
    int64_t id = make_project("p", false);
    make_robot("p", "r", "pull");
    const char *of = text(API "/robots?q=Level%%3Dproject,ProjectID%%3D%lld,", (long long)id);
    answer a = GET(text("%sname%%3Dp%%2Br", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    a = GET(text("%sname%%3Dp%%252Br", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    mock_down();
}
END_TEST

START_TEST(robot_filters_are_exact)
{
    mock_up(NULL);
    int64_t id = make_project("p", false);
    make_robot("p", "r", "pull");
    make_robot("*", "sys", "pull");
    answer a = GET(API "/robots?q=level%3Dproject", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    ck_assert_str_eq(string_at(a.json, "0.name"), "robot$sys");
    want_error(GET(API "/robots?q=Level%3Dproject", ADMIN), 400, "BAD_REQUEST");
    a = GET(API "/robots?q=Level%3D~project", ADMIN);
    want(a, 500);
    ck_assert_int_eq((int)a.len, 0);
    ck_assert_ptr_null(header(&a, "Content-Type", 0));
    want(GET(API "/robots?q=Level%3Dproject,ProjectID%3D%5B1~9%5D", ADMIN), 500);
    /* By the stored name: without prefix, with the project. */
    const char *of = text(API "/robots?q=Level%%3Dproject,ProjectID%%3D%lld,", (long long)id);
    a = GET(text("%sname%%3Dr", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    a = GET(text("%sname%%3Drobot%%24p%%252Br", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    a = GET(text("%sname%%3D~R", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    a = GET(text("%sdisable%%3Dtrue", of), ADMIN); /* the column is "disabled" */
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "1");
    a = GET(text("%sdisabled%%3Dtrue", of), ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), "0");
    mock_down();
}
END_TEST

START_TEST(nothing_has_three_shapes)
{
    mock_up(NULL);
    push_image("library/r", "1", ADMIN, "amd64");
    answer a = GET(API "/projects/library/repositories/r/artifacts/1", ADMIN);
    static const char *const lists[] = {"labels", "references", "accessories"};
    for (size_t i = 0; i < 3; i++)
        ck_assert(ir_json_is_null(ir_json_get(a.json, lists[i])));
    ck_assert_str_eq(string_at(a.json, "pull_time"), "0001-01-01T00:00:00.000Z");
    a = GET(API "/projects/library/repositories/r/artifacts/1?with_tag=false", ADMIN);
    ck_assert(ir_json_is_null(ir_json_get(a.json, "tags")));
    a = GET(API "/projects/library", make_robot("library", "x", "project:read"));
    ck_assert(ir_json_is_null(ir_json_get(a.json, "current_user_role_ids")));
    a = GET(API "/labels?scope=g", ADMIN); /* a list by itself is one */
    ck_assert_str_eq(a.body, "[]\n");
    mock_down();
}
END_TEST

/* 500, no body, no type: where the handler brings itself down. */
START_TEST(handlers_break)
{
    mock_up(NULL);
    push_image("library/r", "1", ADMIN, "amd64");
    const struct {
        const char *method, *path, *body;
    } rows[] = {{"GET", API "/robots?q=Level%3D~x", NULL},
                {"POST", API "/projects/library/repositories/r/artifacts/1/scan/stop", "{}"},
                {"POST", API "/registries",
                 "{\"name\":\"x\",\"type\":\"harbor\",\"url\":\"http://core:8080\"}"},
                {"POST", API "/system/gc/schedule", "{}"},
                {"POST", API "/system/scanAll/schedule", "{}"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        answer a = ask(rows[i].method, rows[i].path, ADMIN, rows[i].body, NULL);
        want(a, 500);
        ck_assert_int_eq((int)a.len, 0);
        ck_assert_ptr_null(header(&a, "Content-Type", 0));
    }
    mock_down();
}
END_TEST

/* Never 403: what may not be pushed to, and what is not there, are both 401. */
START_TEST(registry_says_401)
{
    mock_up(NULL);
    make_project("p", false);
    answer a = POST("/v2/p/r/blobs/uploads/", make_robot("p", "pull", "pull"), "");
    want_error(a, 401, "UNAUTHORIZED");
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "Basic realm=\"harbor\"");
    a = POST("/v2/nope/r/blobs/uploads/", ADMIN, "");
    want_error(a, 401, "UNAUTHORIZED");
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "");
    mock_down();
}
END_TEST

/* A token that opens nothing for a login that is wrong; one that outlives its robot. */
START_TEST(tokens_say_little)
{
    const char *scoped = "/service/token?service=harbor-registry&scope=repository:p/r:pull";
    mock_up(NULL);
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull,push");
    push_image("p/r", "1", robot, "amd64");
    answer a = GET(scoped, "admin:wrong");
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "access_token"), "");
    ck_assert_int_eq((int)int_at(a.json, "expires_in"), 1800);
    want(GET("/v2/p/r/tags/list", text("Bearer %s", string_at(a.json, "token"))), 401);
    want(POST("/service/token", ADMIN, ""), 405);
    a = GET(scoped, robot);
    const char *token = text("Bearer %s", string_at(a.json, "token"));
    want(DELETE(text(API "/robots/%lld", (long long)robot_id("p", "r")), ADMIN), 200);
    want(GET("/v2/p/r/tags/list", robot), 401);
    want(GET("/v2/p/r/tags/list", token), 200);
    mock_control("{\"clock\": 1801}");
    want(GET("/v2/p/r/tags/list", token), 401);
    mock_down();
}
END_TEST

START_TEST(unset_schedule_is_empty_json)
{
    mock_up(NULL);
    const char *const of[] = {"gc", "scanAll", "purgeaudit"};
    for (size_t i = 0; i < 3; i++) {
        answer a = GET(text(API "/system/%s/schedule", of[i]), ADMIN);
        want(a, 200);
        ck_assert_str_eq(header(&a, "Content-Type", 0), "application/json");
        ck_assert_str_eq(header(&a, "Content-Length", 0), "0");
    }
    mock_down();
}
END_TEST

START_TEST(slashes_are_encoded_twice)
{
    mock_up(NULL);
    push_image("library/a/b", "1", ADMIN, "amd64");
    answer a = GET(API "/projects/library/repositories/a%2Fb/artifacts", ADMIN);
    want_error(a, 404, "NOT_FOUND");
    ck_assert_str_eq(message_of(a),
                     "path /api/v2.0/projects/library/repositories/a/b/artifacts was not found");
    a = GET(API "/projects/library/repositories/a%252Fb/artifacts", ADMIN);
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    a = GET(API "/projects/library/repositories", ADMIN);
    ck_assert_str_eq(string_at(a.json, "0.name"), "library/a/b");
    mock_down();
}
END_TEST

START_TEST(missing_project_is_403_but_head_tells)
{
    mock_up("{\"users\": [{\"name\": \"ann\", \"password\": \"Ann12345\"}]}");
    make_project("p", false);
    const char *robot = make_robot("*", "all", "project:read,repository:pull"),
               *ann = "ann:Ann12345";
    want_error(GET(API "/projects/nope", robot), 403, "FORBIDDEN");
    want_error(GET(API "/projects/nope", ann), 403, "FORBIDDEN");
    want_error(GET(API "/projects/nope", ADMIN), 404, "NOT_FOUND");
    want_error(GET(API "/projects/nope", ANYBODY), 401, "UNAUTHORIZED");
    want(ask("HEAD", API "/projects?project_name=p", ann, NULL, NULL), 200);
    want(ask("HEAD", API "/projects?project_name=nope", ann, NULL, NULL), 404);
    want(ask("HEAD", API "/projects?project_name=p", robot, NULL, NULL), 200);
    want(ask("HEAD", API "/projects?project_name=p", ANYBODY, NULL, NULL), 401);
    want_error(GET(API "/projects/p", ann), 403, "FORBIDDEN");
    mock_down();
}
END_TEST

START_TEST(bodies_come_before_rights)
{
    mock_up(NULL);
    want_error(POST(API "/robots", ANYBODY, robot_body("library", "BAD", "pull", -1)), 400,
               "BAD_REQUEST");
    want_error(POST(API "/robots", ANYBODY, robot_body("library", "good", "pull", -1)), 401,
               "UNAUTHORIZED");
    want(POST(API "/robots", ANYBODY, "{\"name\": 7}"), 422);
    want_error(GET(API "/robots/99", ADMIN), 404, "NOT_FOUND");
    want(GET(API "/robots/x", ADMIN), 422);
    mock_down();
}
END_TEST

START_TEST(media_types_are_422)
{
    mock_up(NULL);
    const char *body = "{\"project_name\":\"p\"}";
    want(ask("POST", API "/projects", ADMIN, body, "Content-Type: text/plain", NULL), 422);
    want(ask("POST", API "/projects", ADMIN, body, "Content-Type:", NULL), 422);
    want(ask("GET", API "/projects", ADMIN, NULL, "Accept: text/html", NULL), 422);
    want(ask("GET", API "/projects", ADMIN, NULL, "Accept: */*", NULL), 200);
    want(ask("GET", API "/projects", ADMIN, NULL, "Accept:", NULL), 200);
    want(ask("PATCH", API "/robots/1", ADMIN, NULL, NULL), 422);
    mock_down();
}
END_TEST

START_TEST(requests_have_ids)
{
    mock_up(NULL);
    answer a = ask("GET", API "/projects/nope", ADMIN, NULL, "X-Request-Id: mine", NULL);
    ck_assert_str_eq(header(&a, "X-Request-Id", 0), "mine");
    a = GET(API "/ping", ANYBODY);
    ck_assert_int_eq((int)strlen(header(&a, "X-Request-Id", 0)), 36);
    mock_down();
}
END_TEST

START_TEST(outside_of_the_api)
{
    mock_up(NULL);
    answer a = GET("/api/projects", ADMIN);
    want(a, 404);
    ck_assert_ptr_nonnull(strstr(header(&a, "Content-Type", 0), "text/html"));
    a = GET(API "/nothing", ADMIN);
    want_error(a, 404, "NOT_FOUND");
    ck_assert_str_eq(message_of(a), "path /api/v2.0/nothing was not found");
    a = ask("PATCH", API "/projects/library", ADMIN, "{}", NULL);
    want_error(a, 405, "METHOD_NOT_ALLOWED");
    ck_assert_str_eq(message_of(a), "method PATCH is not allowed, but [GET,PUT,DELETE] are");
    a = GET(API "/projects/%zz", ADMIN);
    want(a, 400);
    ck_assert_ptr_nonnull(strstr(header(&a, "Content-Type", 0), "text/plain"));
    a = GET("/api/version", ANYBODY);
    want(a, 200);
    ck_assert_ptr_nonnull(strstr(a.body, "{\"version\":\"v2.0\"}"));
    a = GET(API "/schedules", ADMIN);
    want_error(a, 501, "NOT_IMPLEMENTED");
    ck_assert_ptr_nonnull(strstr(message_of(a), "does not model GET /api/v2.0/schedules"));
    mock_down();
}
END_TEST

/* What older servers say otherwise; as seen on 2.10.3 and 2.15.2. */
START_TEST(older_servers_say_it_otherwise)
{
    static const struct {
        const char *version, *csrf;
        int keys;
    } rows[] = {{"2.10", "CSRF token invalid", 6},
                {"2.12", "CSRF token not found in request", 6},
                {"2.15", "CSRF token not found in request", 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mock_up(text("{\"version\": \"%s\"}", rows[i].version));
        answer a = GET(API "/systeminfo", ANYBODY);
        ck_assert_int_eq((int)ir_json_len(a.json), rows[i].keys);
        ck_assert_int_eq(ir_json_get(a.json, "harbor_version") != NULL, rows[i].keys == 6);
        a = ask("POST", API "/projects", ADMIN, "{\"project_name\":\"p\"}", "Cookie: sid=made-up",
                NULL);
        want_error(a, 403, "FORBIDDEN");
        ck_assert_str_eq(message_of(a), rows[i].csrf);
        mock_down();
    }
}
END_TEST

UNIT_SUITE(surprise, wrong_password_is_not_refused, robot_has_no_current_user,
           failed_login_sleeps_and_freezes, frozen_name_refuses_the_right_password,
           cookies_need_a_csrf_token, challenges_only_on_422, location_of_what_was_made,
           link_is_decoded, page_rules, members_total_ignores_the_name,
           unknown_filter_keys_are_ignored, filter_is_decoded_twice, robot_filters_are_exact,
           nothing_has_three_shapes, handlers_break, registry_says_401, tokens_say_little,
           unset_schedule_is_empty_json, slashes_are_encoded_twice,
           missing_project_is_403_but_head_tells, bodies_come_before_rights, media_types_are_422,
           requests_have_ids, outside_of_the_api, older_servers_say_it_otherwise)
