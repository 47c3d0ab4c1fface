/* check_pages.c - lists: pages counted, rows told apart, filters checked and encoded. */
#include "script.h"

#include <stdlib.h>

/* A page of n projects whose ids begin at first. */
static char *page(int first, int n)
{
    char *text = malloc((size_t)n * 64 + 3), *p = text;

    *p++ = '[';
    for (int i = 0; i < n; i++)
        p += snprintf(p, 64, "%s{\"project_id\":%d,\"name\":\"p%d\"}", i ? "," : "", first + i,
                      first + i);
    snprintf(p, 2, "]");
    return text;
}

static int count(script *s, const char *kind, const char *parent, const char *query)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int n = 0, rc = imgrel_harbor_list(s->harbor, kind, parent, query, NULL, &it, &s->err);

    while (!rc && (rc = imgrel_iter_next(it, &item, &s->err)) == 1) {
        ck_assert(*item == '{');
        n++;
        rc = 0;
    }
    imgrel_iter_free(it);
    return rc < 0 ? rc : n;
}

#define PAGE(size, n) "GET /api/v2.0/projects?page_size=" #size "&page=" #n " "
#define TOTAL(n) JSON_TYPE "X-Total-Count: " #n "\r\n"

/* Pages overlap by a row, so that it shows when rows move. Link is not followed: its query is
 * decoded once too often. */
START_TEST(every_page_and_no_row_twice)
{
    char *one = page(1, 100), *two = page(100, 99), *three = page(197, 4);
    const act acts[] = {
        ME,
        {PAGE(100, 1), 200,
         TOTAL(200) "Link: </api/v2.0/nowhere?page=2&q=name=(a b)>; rel=\"next\"\r\n", one},
        {PAGE(99, 2), 200, TOTAL(200), two},
        {PAGE(98, 3), 200, TOTAL(200), three},
    };
    script s;

    script_open(&s, "admin", acts, 4);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), 200);
    script_close(&s);
    free(one);
    free(two);
    free(three);
}
END_TEST

/* A row of the first page is deleted while we read: the rest moves up by one, and row 101 would be
 * missed. It shows, and reading starts anew; nothing comes twice. */
START_TEST(rows_that_are_deleted_meanwhile)
{
    char *one = page(1, 100), *two = page(101, 50), *again = page(2, 100), *rest = page(101, 50);
    const act acts[] = {
        ME,
        {PAGE(100, 1), 200, TOTAL(150), one},
        {PAGE(99, 2), 200, TOTAL(149), two},
        {PAGE(100, 1), 200, TOTAL(149), again},
        {PAGE(99, 2), 200, TOTAL(149), rest},
    };
    script s;

    script_open(&s, "admin", acts, 5);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), 150);
    script_close(&s);
    free(one);
    free(two);
    free(again);
    free(rest);
}
END_TEST

/* One is created before what was read: the last row comes again further down, and all is well. */
START_TEST(rows_that_are_created_meanwhile)
{
    char *one = page(1, 100), *two = page(99, 52);
    const act acts[] = {
        ME,
        {PAGE(100, 1), 200, TOTAL(150), one},
        {PAGE(99, 2), 200, TOTAL(151), two},
    };
    script s;

    script_open(&s, "admin", acts, 3);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), 150);
    script_close(&s);
    free(one);
    free(two);
}
END_TEST

START_TEST(a_server_that_repeats_itself)
{
    char *one = page(1, 100);
    const act acts[] = {
        ME,
        {PAGE(100, 1), 200, TOTAL(900), one},
        {PAGE(99, 2), 200, TOTAL(900), one},
    };
    script s;

    script_open(&s, "admin", acts, 3);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), IMGREL_EPROTO);
    unit_error(&s.err, IMGREL_EPROTO, "came before");
    script_close(&s);
    free(one);
}
END_TEST

START_TEST(without_a_count)
{
    char *one = page(1, 100), *two = page(100, 4);
    const act acts[] = {
        ME, {PAGE(100, 1), 200, JSON_TYPE, one}, {PAGE(99, 2), 200, JSON_TYPE, two}};
    script s;

    script_open(&s, "admin", acts, 3);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), 103);
    script_close(&s);
    free(one);
    free(two);
}
END_TEST

/* The total of a filtered list of members may be that of all: a page that is not full is the last.
 */
START_TEST(a_total_that_is_too_large)
{
    script s;

    SCRIPT(&s, ME,
           {"GET /api/v2.0/projects/p/members?page_size=100&page=1 ", 200, TOTAL(300),
            "[{\"id\":1,\"entity_name\":\"a\"}]"});
    ck_assert_int_eq(count(&s, "member", "p", NULL), 1);
    script_close(&s);
}
END_TEST

/* Of a repository that is missing Harbor lists no artifacts, and 200. */
START_TEST(artifacts_of_nothing)
{
    script s;

    SCRIPT(&s, ME,
           {"GET /api/v2.0/projects/p/repositories/r/artifacts?page_size=100&page=1 ", 200,
            TOTAL(0), "[]"},
           {"GET /api/v2.0/projects/p/repositories/r ", 404, JSON_TYPE,
            "{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"repository p/r not found\"}]}"},
           {"GET /api/v2.0/projects/p/repositories/r/artifacts?page_size=100&page=1 ", 200,
            TOTAL(0), "[]"},
           {"GET /api/v2.0/projects/p/repositories/r ", 200, JSON_TYPE, "{\"id\":1}"});
    ck_assert_int_eq(count(&s, "artifact", "p/r", NULL), IMGREL_ENOTFOUND);
    unit_error(&s.err, IMGREL_ENOTFOUND, "p/r");
    memset(&s.err, 0, sizeof s.err);
    ck_assert_int_eq(count(&s, "artifact", "p/r", NULL), 0);
    script_close(&s);
}
END_TEST

/* With a wrong password GET /projects answers 200 with what is public. */
START_TEST(the_login_is_proved_first)
{
    static const act acts[] = {
        {"GET /api/v2.0/users/current", 401, JSON_TYPE, "{}"},
    };
    script s;

    script_open(&s, "robot$x", acts, 1);
    ck_assert_int_eq(count(&s, "project", NULL, NULL), IMGREL_EAUTH);
    script_close(&s);
}
END_TEST

/* Harbor ignores a key that it does not know and gives everything. */
START_TEST(filters_are_checked)
{
    static const struct {
        const char *kind, *parent, *query;
    } bad[] = {
        {"project", NULL, "nmae=x"},    {"robot", "p", "disable=true"},
        {"robot", "p", "level=system"}, {"robot", "p", "Level=project"},
        {"project", NULL, "name"},      {"project", NULL, "name="},
        {"project", NULL, "name=~"},    {"project", NULL, "=x"},
        {"project", NULL, "name=a,b"},  {"project", "p", NULL},
        {"repository", NULL, NULL},     {"artifact", "p", NULL},
        {"tag", "p/r", NULL},           {"repository", "p/r", NULL},
        {"planet", NULL, NULL},         {"artifact", "p/", NULL},
    };
    script s;

    script_open(&s, "admin", NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&s.err, 0, sizeof s.err);
        ck_assert_msg(count(&s, bad[i].kind, bad[i].parent, bad[i].query) == IMGREL_EINVAL, "%zu",
                      i);
        ck_assert(*s.err.message);
    }
    memset(&s.err, 0, sizeof s.err);
    ck_assert_int_eq(count(&s, "project", NULL, "nmae=x"), IMGREL_EINVAL);
    unit_error(&s.err, IMGREL_EINVAL, "keys are name");
    script_close(&s);
}
END_TEST

/* Harbor decodes q twice: a plus sign goes out as %252B, a percent sign as %2525. */
START_TEST(filters_are_encoded_twice)
{
    script s;

    SCRIPT(&s, ME,
           {"GET /api/v2.0/projects?q=name%253D~a%252Bb%2525&page_size=100&page=1 ", 200,
            JSON_TYPE "X-Total-Count: 0\r\n", "[]"});
    ck_assert_int_eq(count(&s, "project", NULL, "name=~a+b%"), 0);
    script_close(&s);
}
END_TEST

/* Harbor's nginx decodes the path once; only a double-encoded slash reaches core. */
START_TEST(repository_names_are_encoded_twice)
{
    script s;

    SCRIPT(
        &s, ME,
        {"GET /api/v2.0/projects/p/repositories/a%252Fb/artifacts?page_size=100&page=1 ", 200,
         JSON_TYPE "X-Total-Count: 1\r\n", "[{\"id\":1,\"tags\":null,\"labels\":null}]"},
        {"GET /api/v2.0/projects/p/repositories/a%252Fb/artifacts/sha256%3Aabc/tags?page_size=100",
         200, JSON_TYPE "X-Total-Count: 0\r\n", "[]"},
        {"GET /api/v2.0/projects/p/repositories/a%252Fb/artifacts/1.0/tags?page_size=100", 404,
         JSON_TYPE,
         "{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"artifact p/a/b:1.0 not "
         "found\"}]}"});
    ck_assert_int_eq(count(&s, "artifact", "p/a/b", NULL), 1);
    ck_assert_int_eq(count(&s, "tag", "p/a/b@sha256:abc", NULL), 0);
    ck_assert_int_eq(count(&s, "tag", "p/a/b:1.0", NULL), IMGREL_ENOTFOUND);
    script_close(&s);
}
END_TEST

/* Keys as they must be spelt; what another version lets through is dropped. */
START_TEST(robots_of_a_project)
{
    script s;

    SCRIPT(&s, ME, PROJECT,
           {"GET /api/v2.0/robots?q=Level%253Dproject%252CProjectID%253D2&page_size=100&page=1 ",
            200, JSON_TYPE "X-Total-Count: 2\r\n",
            "[{\"id\":1,\"name\":\"robot$a\",\"level\":\"system\"},"
            "{\"id\":2,\"name\":\"robot$library+a\",\"level\":\"project\"}]"},
           {"GET /api/v2.0/robots?page_size=100&page=1 ", 200, JSON_TYPE "X-Total-Count: 1\r\n",
            "[{\"id\":1,\"name\":\"robot$a\",\"level\":\"system\"}]"});
    ck_assert_int_eq(count(&s, "robot", "library", NULL), 1);
    ck_assert_int_eq(count(&s, "robot", NULL, NULL), 1);
    script_close(&s);
}
END_TEST

/* Of any path, in which a number is an id. */
START_TEST(any_path)
{
    static const char *const bad[] = {"/a b", "/a?page=2", "/a?page_size=5", "/a#b"};
    script s;

    SCRIPT(&s, ME,
           {"GET /api/v2.0/projects/2/webhook/jobs?policy_id=3&page_size=100&page=1 ", 200,
            TOTAL(1), "[{\"id\":1}]"});
    ck_assert_int_eq(count(&s, "/projects/2/webhook/jobs?policy_id=3", NULL, NULL), 1);
    ck_assert_ptr_null(strstr(script_request(&s, 1), "X-Is-Resource-Name"));
    for (size_t i = 0; i < 4; i++) {
        memset(&s.err, 0, sizeof s.err);
        ck_assert_int_eq(count(&s, bad[i], NULL, NULL), IMGREL_EINVAL);
    }
    memset(&s.err, 0, sizeof s.err);
    ck_assert_int_eq(count(&s, "/labels", "p", NULL), IMGREL_EINVAL);
    script_close(&s);
}
END_TEST

START_TEST(not_a_list)
{
    script s;

    SCRIPT(&s, ME, {PAGE(100, 1), 200, JSON_TYPE, "{\"a\":1}"},
           {PAGE(100, 1), 200, JSON_TYPE, "{oops"});
    ck_assert_int_eq(count(&s, "project", NULL, NULL), IMGREL_EPROTO);
    unit_error(&s.err, IMGREL_EPROTO, "no list");
    ck_assert_int_eq(count(&s, "project", NULL, NULL), IMGREL_EPROTO);
    script_close(&s);
}
END_TEST

UNIT_SUITE(pages, every_page_and_no_row_twice, rows_that_are_deleted_meanwhile,
           rows_that_are_created_meanwhile, a_total_that_is_too_large, artifacts_of_nothing,
           a_server_that_repeats_itself, without_a_count, the_login_is_proved_first,
           filters_are_checked, filters_are_encoded_twice, repository_names_are_encoded_twice,
           robots_of_a_project, not_a_list, any_path)
