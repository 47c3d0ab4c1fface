/* check_robot.c - robots: found by their stored name, created, rotated, deleted. */
#include "script.h"

#define LIST                                                                                     \
    "GET /api/v2.0/robots?q=Level%253Dproject%252CProjectID%253D2%252Cname%253Dlibrary%252Bk8s&" \
    "page_size=100&page=1 "
#define NONE                                              \
    {                                                     \
        LIST, 200, JSON_TYPE "X-Total-Count: 0\r\n", "[]" \
    }
#define ONE(robot)                                                 \
    {                                                              \
        LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n", "[" robot "]" \
    }
#define ROBOT                                                                                      \
    "{\"id\":7,\"name\":\"ci:library+k8s\",\"level\":\"project\",\"duration\":-1,\"expires_at\":-" \
    "1,"                                                                                           \
    "\"disable\":false,\"permissions\":" PULL "}"
#define CREATED                                                                                    \
    {                                                                                              \
        "POST /api/v2.0/robots ", 201, JSON_TYPE "Location: /api/v2.0/robots/7\r\n",               \
            "{\"id\":7,\"name\":\"ci:library+k8s\",\"secret\":\"S3cretS3cret\",\"expires_at\":-1}" \
    }
#define ROLE "{\"role\":\"pull\"}"

/* The prefix is the server's setting: it is read, not assumed. */
START_TEST(created)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, PROJECT, NONE, CREATED, {"GET /api/v2.0/robots/7 ", 200, JSON_TYPE, ROBOT});
    unit_ok(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", ROLE, NULL, &r, &s.err), &s.err);
    ck_assert_str_eq(imgrel_robot_name(r), "ci:library+k8s");
    ck_assert_str_eq(imgrel_robot_secret(r), "S3cretS3cret");
    ck_assert_ptr_nonnull(strstr(imgrel_robot_json(r), "\"imgrel\":\"created\""));
    ck_assert_ptr_null(strstr(imgrel_robot_json(r), "S3cret"));
    const char *sent = strstr(script_request(&s, 3), "\r\n\r\n") + 4;
    ck_assert_str_eq(sent,
                     "{\"name\":\"k8s\",\"description\":\"\",\"level\":\"project\",\"duration\":-1,"
                     "\"permissions\":" PULL "}");
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

/* Who may create robots but not read them still gets the secret. */
START_TEST(created_but_not_readable)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, PROJECT, NONE, CREATED, {"GET /api/v2.0/robots/7 ", 403, JSON_TYPE, "{}"});
    unit_ok(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", ROLE, NULL, &r, &s.err), &s.err);
    ck_assert_str_eq(imgrel_robot_name(r), "ci:library+k8s");
    ck_assert_str_eq(imgrel_robot_secret(r), "S3cretS3cret");
    ck_assert_ptr_null(strstr(imgrel_robot_json(r), "S3cret"));
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

START_TEST(created_by_somebody_else_meanwhile)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, PROJECT, NONE,
           {"POST /api/v2.0/robots ", 409, JSON_TYPE,
            "{\"errors\":[{\"code\":\"CONFLICT\",\"message\":\"robot account 2:library+k8s already "
            "exists\"}]}"},
           PROJECT, ONE(ROBOT));
    unit_ok(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", ROLE, NULL, &r, &s.err), &s.err);
    ck_assert_ptr_null(imgrel_robot_secret(r));
    ck_assert_ptr_nonnull(strstr(imgrel_robot_json(r), "\"imgrel\":\"unchanged\""));
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

START_TEST(of_a_project_that_is_missing)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, {"GET /api/v2.0/projects/library ", 403, JSON_TYPE, "{}"},
           {"GET /api/v2.0/projects?q=name%253Dlibrary&page_size=100&page=1 ", 200,
            JSON_TYPE "X-Total-Count: 0\r\n", "[]"},
           {"HEAD /api/v2.0/projects?project_name=library ", 404, NULL, NULL});
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", ROLE, NULL, &r, &s.err),
                     IMGREL_ENOTFOUND);
    unit_error(&s.err, IMGREL_ENOTFOUND, "project library does not exist");
    script_close(&s);
}
END_TEST

/* What may not read a project still sees it in the list, with its id. */
START_TEST(the_projects_id_from_the_list)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, {"GET /api/v2.0/projects/library ", 403, JSON_TYPE, "{}"},
           {"GET /api/v2.0/projects?q=name%253Dlibrary&", 200, JSON_TYPE "X-Total-Count: 1\r\n",
            "[{\"project_id\":2,\"name\":\"library\"}]"},
           ONE(ROBOT));
    unit_ok(imgrel_harbor_robot_get(s.harbor, "library", "k8s", NULL, &r, &s.err), &s.err);
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

START_TEST(names_are_checked)
{
    script s;
    imgrel_robot *r = NULL;
    char longest[256];

    script_open(&s, "admin", NULL, 0);
    ck_assert_int_eq(
        imgrel_harbor_robot_get(s.harbor, "library", "robot$library+k8s", NULL, &r, &s.err),
        IMGREL_EINVAL);
    ck_assert_ptr_nonnull(strstr(s.err.message, "robot$library+k8s"));
    memset(&s.err, 0, sizeof s.err);
    memset(longest, 'a', 255);
    longest[255] = '\0'; /* project+name must fit 255, or Harbor answers 500 */
    ck_assert_int_eq(imgrel_harbor_robot_get(s.harbor, "library", longest, NULL, &r, &s.err),
                     IMGREL_EINVAL);
    unit_error(&s.err, IMGREL_EINVAL, "255");
    script_close(&s);
}
END_TEST

/* The filter may let others through: only prefix + project+name of this project counts. */
START_TEST(another_robot_is_not_taken)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(
        &s, ME, PROJECT,
        ONE("{\"id\":9,\"name\":\"robot$library+k8s2\",\"level\":\"project\",\"permissions\":" PULL
            "},"
            "{\"id\":8,\"name\":\"robot$library+k8s\",\"level\":\"project\",\"permissions\":[{"
            "\"kind\":"
            "\"project\",\"namespace\":\"other\",\"access\":[]}]}"));
    ck_assert_int_eq(imgrel_harbor_robot_get(s.harbor, "library", "k8s", NULL, &r, &s.err),
                     IMGREL_ENOTFOUND);
    unit_error(&s.err, IMGREL_ENOTFOUND, "no robot k8s");
    script_close(&s);
}
END_TEST

START_TEST(rotated)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, ME, PROJECT, ONE(ROBOT),
           {"PATCH /api/v2.0/robots/7 ", 200, JSON_TYPE, "{\"secret\":\"N3wN3wN3w\"}"}, PROJECT,
           ONE(ROBOT), {"PATCH /api/v2.0/robots/7 ", 200, JSON_TYPE, "{}"});
    unit_ok(imgrel_harbor_robot_rotate(s.harbor, "library", "k8s", NULL, &r, &s.err), &s.err);
    ck_assert_str_eq(imgrel_robot_secret(r), "N3wN3wN3w");
    ck_assert_ptr_nonnull(strstr(imgrel_robot_json(r), "\"imgrel\":\"rotated\""));
    ck_assert_ptr_nonnull(strstr(script_request(&s, 3), "\r\n\r\n{\"secret\":\""));
    imgrel_robot_free(r);
    /* "{}" means "the one that you sent". */
    unit_ok(imgrel_harbor_robot_rotate(s.harbor, "library", "k8s", NULL, &r, &s.err), &s.err);
    ck_assert_uint_eq(strlen(imgrel_robot_secret(r)), 32);
    ck_assert_ptr_nonnull(strstr(script_request(&s, 6), imgrel_robot_secret(r)));
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

/* No robot may PATCH a robot: for one, rotation is delete and create. */
START_TEST(rotated_by_a_robot)
{
    static const act acts[] = {
        {"GET /api/v2.0/users/current", 412, JSON_TYPE, "{}"},
        PROJECT,
        ONE(ROBOT),
        {"PATCH /api/v2.0/robots/7 ", 403, JSON_TYPE, "{}"},
        {"DELETE /api/v2.0/robots/7 ", 200, NULL, NULL},
        CREATED,
        {"GET /api/v2.0/robots/7 ", 200, JSON_TYPE, ROBOT},
    };
    script s;
    imgrel_robot *r = NULL;

    script_open(&s, "robot$boss", acts, sizeof acts / sizeof *acts);
    unit_ok(imgrel_harbor_robot_rotate(s.harbor, "library", "k8s", NULL, &r, &s.err), &s.err);
    ck_assert_str_eq(imgrel_robot_secret(r), "S3cretS3cret");
    ck_assert_ptr_nonnull(strstr(script_request(&s, 5), PULL));
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

START_TEST(deleted)
{
    script s;

    SCRIPT(&s, ME, PROJECT, ONE(ROBOT), {"DELETE /api/v2.0/robots/7 ", 200, NULL, NULL}, PROJECT,
           NONE);
    unit_ok(imgrel_harbor_robot_delete(s.harbor, "library", "k8s", NULL, &s.err), &s.err);
    ck_assert_int_eq(imgrel_harbor_robot_delete(s.harbor, "library", "k8s", NULL, &s.err),
                     IMGREL_ENOTFOUND);
    script_close(&s);
}
END_TEST

UNIT_SUITE(robot, created, created_but_not_readable, created_by_somebody_else_meanwhile,
           of_a_project_that_is_missing, the_projects_id_from_the_list, names_are_checked,
           another_robot_is_not_taken, rotated, rotated_by_a_robot, deleted)
