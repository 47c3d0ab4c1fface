/* check_project.c - projects: ensured, told apart from other people's, deleted. */
#include "script.h"

#define GET "GET /api/v2.0/projects/library "
#define HEAD "HEAD /api/v2.0/projects?project_name=library "
#define IS(public) \
    "{\"project_id\":2,\"name\":\"library\",\"metadata\":{\"public\":\"" public "\"}}"
#define FORBIDDEN "{\"errors\":[{\"code\":\"FORBIDDEN\",\"message\":\"dev\"}]}"
#define MISSING "{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"project library not found\"}]}"

START_TEST(names)
{
    static const char *const bad[] = {"",   "A",  "a--b", "a__b", "a..b",
                                      "-a", "a-", "a/b",  "a b",  NULL};
    imgrel_error err = {0};
    script s;
    char *json = NULL;

    script_open(&s, "admin", NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(imgrel_harbor_project_get(s.harbor, bad[i], NULL, &json, NULL),
                         IMGREL_EINVAL);
    ck_assert_int_eq(imgrel_harbor_project_ensure(s.harbor, "My_App", 1, NULL, NULL, &err),
                     IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "lower-case");
    script_close(&s);
}
END_TEST

/* An all-digit name would be taken for an id. */
START_TEST(a_number_is_a_name)
{
    script s;
    char *json = NULL;

    SCRIPT(&s,
           {"GET /api/v2.0/projects/123 ", 200, JSON_TYPE, "{\"project_id\":2,\"name\":\"123\"}"});
    unit_ok(imgrel_harbor_project_get(s.harbor, "123", NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(script_request(&s, 0), "X-Is-Resource-Name: true\r\n"));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

START_TEST(created)
{
    script s;
    char *json = NULL;

    SCRIPT(&s, {GET, 404, JSON_TYPE, MISSING},
           {"POST /api/v2.0/projects ", 201, "Location: /api/v2.0/projects/2\r\n", NULL},
           {GET, 200, JSON_TYPE, IS("false")});
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", -1, NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"created\""));
    /* Values of metadata are strings. */
    ck_assert_ptr_nonnull(
        strstr(script_request(&s, 1),
               "{\"project_name\":\"library\",\"metadata\":{\"public\":\"false\"}}"));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

START_TEST(created_by_somebody_else_meanwhile)
{
    script s;
    char *json = NULL;

    SCRIPT(&s, {GET, 404, JSON_TYPE, MISSING},
           {"POST /api/v2.0/projects ", 409, JSON_TYPE,
            "{\"errors\":[{\"code\":\"CONFLICT\",\"message\":\"The project named library already "
            "exists\"}]}"},
           {GET, 200, JSON_TYPE, IS("false")});
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", 1, NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"unchanged\""));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

START_TEST(a_public_one_is_made_private)
{
    script s;
    char *json = NULL;

    SCRIPT(&s, {GET, 200, JSON_TYPE, IS("true")},
           {"PUT /api/v2.0/projects/library ", 200, NULL, NULL}, {GET, 200, JSON_TYPE, IS("false")},
           {GET, 200, JSON_TYPE, IS("false")});
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", 1, NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"changed\""));
    /* Only what we manage: the other keys are kept by not sending them. */
    ck_assert_ptr_nonnull(
        strstr(script_request(&s, 1), "\r\n\r\n{\"metadata\":{\"public\":\"false\"}}"));
    imgrel_free(json);
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", 1, NULL, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"unchanged\""));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

START_TEST(a_change_that_does_not_take)
{
    script s;

    SCRIPT(&s, {GET, 200, JSON_TYPE, IS("true")},
           {"PUT /api/v2.0/projects/library ", 200, NULL, NULL}, {GET, 200, JSON_TYPE, IS("true")});
    ck_assert_int_eq(imgrel_harbor_project_ensure(s.harbor, "library", 1, NULL, NULL, &s.err),
                     IMGREL_EPROTO);
    unit_error(&s.err, IMGREL_EPROTO, "stays public");
    script_close(&s);
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
    script s;
    char *json = NULL;
    imgrel_opts o = {IMGREL_OPTS, .flags = IMGREL_FLAG_DRY_RUN};

    SCRIPT(&s, {GET, 404, JSON_TYPE, MISSING}, {GET, 200, JSON_TYPE, IS("true")});
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", 1, &o, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"created\""));
    imgrel_free(json);
    unit_ok(imgrel_harbor_project_ensure(s.harbor, "library", 1, &o, &json, &s.err), &s.err);
    ck_assert_ptr_nonnull(strstr(json, "\"imgrel\":\"changed\""));
    imgrel_free(json);
    script_close(&s);
}
END_TEST

/* Who is no administrator gets 403 for a project that is not there: HEAD tells the truth. */
START_TEST(forbidden_but_missing)
{
    script s;
    char *json = NULL;

    SCRIPT(&s, {GET, 403, JSON_TYPE, FORBIDDEN}, {HEAD, 404, JSON_TYPE, NULL});
    ck_assert_int_eq(imgrel_harbor_project_get(s.harbor, "library", NULL, &json, &s.err),
                     IMGREL_ENOTFOUND);
    unit_error(&s.err, IMGREL_ENOTFOUND, "does not exist");
    ck_assert_ptr_null(json);
    script_close(&s);
}
END_TEST

START_TEST(forbidden_and_there)
{
    script s;

    SCRIPT(&s, {GET, 403, JSON_TYPE, FORBIDDEN}, {HEAD, 200, NULL, NULL});
    ck_assert_int_eq(imgrel_harbor_project_ensure(s.harbor, "library", 1, NULL, NULL, &s.err),
                     IMGREL_EDENIED);
    unit_error(&s.err, IMGREL_EDENIED, "belongs to others");
    ck_assert_ptr_nonnull(strstr(s.err.cure, "another name"));
    script_close(&s);
}
END_TEST

START_TEST(deleted_with_what_is_in_it)
{
    static const char list[] = "GET /api/v2.0/projects/library/repositories?page_size=100&page=1 ";
    static const act acts[] = {
        ME,
        {list, 200, JSON_TYPE "X-Total-Count: 2\r\n",
         "[{\"id\":1,\"name\":\"library/a/b\"},{\"id\":2,\"name\":\"library/c\"}]"},
        {"DELETE /api/v2.0/projects/library/repositories/a%252Fb ", 200, NULL, NULL},
        {list, 200, JSON_TYPE "X-Total-Count: 1\r\n", "[{\"id\":2,\"name\":\"library/c\"}]"},
        {"DELETE /api/v2.0/projects/library/repositories/c ", 200, NULL, NULL},
        {list, 200, JSON_TYPE "X-Total-Count: 0\r\n", "[]"},
        {"DELETE /api/v2.0/projects/library ", 200, NULL, NULL},
    };
    script s;

    script_open(&s, "admin", acts, sizeof acts / sizeof *acts);
    unit_ok(imgrel_harbor_project_delete(s.harbor, "library", 1, NULL, &s.err), &s.err);
    script_close(&s);
}
END_TEST

START_TEST(not_deleted_with_repositories)
{
    script s;

    SCRIPT(&s,
           {"DELETE /api/v2.0/projects/library ", 412, JSON_TYPE,
            "{\"errors\":[{\"code\":\"PRECONDITION\",\"message\":\"the project library contains "
            "repositories, can not be deleted\"}]}"});
    ck_assert_int_eq(imgrel_harbor_project_delete(s.harbor, "library", 0, NULL, &s.err),
                     IMGREL_ECONFLICT);
    unit_error(&s.err, IMGREL_ECONFLICT, "--with-repositories");
    script_close(&s);
}
END_TEST

UNIT_SUITE(project, names, a_number_is_a_name, created, created_by_somebody_else_meanwhile,
           a_public_one_is_made_private, a_change_that_does_not_take, a_dry_run_writes_nothing,
           forbidden_but_missing, forbidden_and_there, deleted_with_what_is_in_it,
           not_deleted_with_repositories)
