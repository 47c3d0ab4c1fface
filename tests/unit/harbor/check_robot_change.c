/* check_robot_change.c - a robot that is there: left alone, or changed as a whole. */
#include "script.h"

#include <stdlib.h>

#define LIST \
    "GET /api/v2.0/robots?q=Level%253Dproject%252CProjectID%253D2%252Cname%253Dlibrary%252Bk8s&"
#define NEVER "\"duration\":-1,\"expires_at\":-1,\"disable\":false,"

typedef struct change_case {
    const char *extra; /* members of the robot as it is */
    int created_days;
    const char *permissions;
    const char *spec;
    const char *put; /* what the PUT must hold; NULL: there is none */
    uint32_t flags;
    const char *word; /* what it did */
} change_case;

static const change_case cases[] = {
    {NEVER, 10, PULL, "{\"role\":\"pull\"}", NULL, 0, "unchanged"},
    {NEVER, 10, PULL, "{\"role\":\"pull\",\"expires\":\"never\"}", NULL, 0, "unchanged"},
    /* Rights come in another order each time, and twice. */
    {NEVER, 10,
     "[{\"kind\":\"project\",\"namespace\":\"library\",\"access\":[{\"action\":\"push\","
     "\"resource\":"
     "\"repository\"},{\"action\":\"pull\",\"resource\":\"repository\"},{\"action\":\"push\","
     "\"resource\":\"repository\"}]}]",
     "{\"role\":\"push\"}", NULL, 0, "unchanged"},
    {NEVER "\"description\":\"mine\",", 10, PULL, "{\"role\":\"push\"}", "\"action\":\"push\"", 0,
     "changed"},
    /* A description that is not given is kept; so is everything else that we do not manage. */
    {NEVER "\"description\":\"mine\",", 10, PULL, "{\"role\":\"push\"}", "\"description\":\"mine\"",
     0, "changed"},
    {NEVER "\"creator_type\":\"local\",", 10, PULL, "{\"role\":\"push\"}",
     "\"creator_type\":\"local\"", 0, "changed"},
    {NEVER, 10, PULL, "{\"role\":\"push\"}", "\"disable\":false", 0, "changed"},
    /* The duration is always sent: Harbor up to 2.10 would make it 30 days. */
    {NEVER, 10, PULL, "{\"role\":\"push\"}", "\"duration\":-1", 0, "changed"},
    {NEVER, 10, PULL, "{\"role\":\"push\"}", "\"name\":\"robot$library+k8s\"", 0, "changed"},
    {NEVER, 10, PULL, "{\"role\":\"pull\",\"description\":\"x\"}", "\"description\":\"x\"", 0,
     "changed"},
    /* A life is counted from the creation, in whole days, and lasts at least as long as said: 30
     * days from now, 10 days and a minute after it, are 41. */
    {NEVER, 10, PULL, "{\"role\":\"pull\",\"expires\":\"30d\"}", "\"duration\":41", 0, "changed"},
    {"\"duration\":41,\"expires_at\":99999999999,\"disable\":false,", 10, PULL,
     "{\"role\":\"pull\",\"expires\":\"30d\"}", NULL, 0, "unchanged"},
    /* One that has expired looks enabled; it gets as long again as it had. */
    {"\"duration\":5,\"expires_at\":1000,\"disable\":false,", 10, PULL, "{\"role\":\"pull\"}",
     "\"duration\":16", 0, "changed"},
    /* Its project was deleted and made again: no rights are left, and a PUT of that would be 400.
     */
    {NEVER, 10, "[]", "{\"role\":\"pull\"}", "\"permissions\":" PULL, 0, "changed"},
    /* An effect that means nothing denies. */
    {NEVER, 10,
     "[{\"kind\":\"project\",\"namespace\":\"library\",\"access\":[{\"resource\":\"repository\","
     "\"action\":\"pull\",\"effect\":\"bogus\"}]}]",
     "{\"role\":\"pull\"}", "\"permissions\":" PULL, 0, "changed"},
    {"\"duration\":-1,\"expires_at\":-1,\"disable\":true,", 10, PULL, "{\"role\":\"pull\"}",
     "\"disable\":false", IMGREL_FLAG_FORCE, "changed"},
    {NEVER, 10, PULL, "{\"role\":\"push\"}", NULL, IMGREL_FLAG_DRY_RUN, "changed"},
    {NEVER, 10, PULL, "{\"role\":\"pull\",\"new_secret\":true}", NULL, IMGREL_FLAG_DRY_RUN,
     "rotated"},
};

START_TEST(every_change)
{
    const change_case *t = &cases[_i];
    char robot[2048], list[2050], word[64];
    act acts[] = {ME,
                  PROJECT,
                  {LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n", list},
                  {"PUT /api/v2.0/robots/7 ", 200, NULL, NULL},
                  {"GET /api/v2.0/robots/7 ", 200, JSON_TYPE, robot}};
    imgrel_opts o = {IMGREL_OPTS, .flags = t->flags};
    imgrel_robot *r = NULL;
    script s;

    robot_json(robot, sizeof robot, t->extra, t->created_days, t->permissions);
    snprintf(list, sizeof list, "[%s]", robot);
    script_open(&s, "admin", acts, t->put ? 5 : 3);
    unit_ok(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", t->spec, &o, &r, &s.err),
            &s.err);
    snprintf(word, sizeof word, "\"imgrel\":\"%s\"", t->word);
    ck_assert_msg(strstr(imgrel_robot_json(r), word) != NULL, "%s", imgrel_robot_json(r));
    ck_assert_ptr_null(imgrel_robot_secret(r));
    if (t->put)
        ck_assert_msg(strstr(script_request(&s, 3), t->put) != NULL, "%s: %s", t->put,
                      script_request(&s, 3));
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

START_TEST(changed_and_rotated)
{
    char robot[2048], list[2050];
    act acts[] = {ME,
                  PROJECT,
                  {LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n", list},
                  {"PUT /api/v2.0/robots/7 ", 200, NULL, NULL},
                  {"GET /api/v2.0/robots/7 ", 200, JSON_TYPE, robot},
                  {"PATCH /api/v2.0/robots/7 ", 200, JSON_TYPE, "{\"secret\":\"N3wN3wN3w\"}"}};
    imgrel_robot *r = NULL;
    script s;

    robot_json(robot, sizeof robot, NEVER, 1, PULL);
    snprintf(list, sizeof list, "[%s]", robot);
    script_open(&s, "admin", acts, 6);
    unit_ok(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s",
                                       "{\"role\":\"push\",\"new_secret\":true}", NULL, &r, &s.err),
            &s.err);
    ck_assert_str_eq(imgrel_robot_secret(r), "N3wN3wN3w");
    imgrel_robot_free(r);
    script_close(&s);
}
END_TEST

/* Somebody switched it off: that is not undone behind their back. */
START_TEST(a_disabled_one_stays_so)
{
    char robot[2048], list[2050];
    act acts[] = {ME, PROJECT, {LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n", list}};
    imgrel_robot *r = NULL;
    script s;

    robot_json(robot, sizeof robot, "\"duration\":-1,\"disable\":true,", 1, PULL);
    snprintf(list, sizeof list, "[%s]", robot);
    script_open(&s, "admin", acts, 3);
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", "{\"role\":\"pull\"}",
                                                NULL, &r, &s.err),
                     IMGREL_ECONFLICT);
    unit_error(&s.err, IMGREL_ECONFLICT, "disabled");
    ck_assert_ptr_nonnull(strstr(s.err.cure, "--force"));
    script_close(&s);
}
END_TEST

/* Kept over an upgrade from the first kind of robots: Harbor would answer 403 to a PUT. */
START_TEST(an_old_one_cannot_be_changed)
{
    act acts[] = {ME,
                  PROJECT,
                  {LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n",
                   "[{\"id\":7,\"name\":\"robot$library+k8s\",\"level\":\"project\",\"editable\":"
                   "false,\"duration\":-1}]"}};
    imgrel_robot *r = NULL;
    script s;

    script_open(&s, "admin", acts, 3);
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", "{\"role\":\"pull\"}",
                                                NULL, &r, &s.err),
                     IMGREL_EDENIED);
    unit_error(&s.err, IMGREL_EDENIED, "create it again");
    script_close(&s);
}
END_TEST

START_TEST(a_robot_cannot_change_a_robot)
{
    char robot[2048], list[2050];
    act acts[] = {{"GET /api/v2.0/users/current", 412, JSON_TYPE, "{}"},
                  PROJECT,
                  {LIST, 200, JSON_TYPE "X-Total-Count: 1\r\n", list},
                  {"PUT /api/v2.0/robots/7 ", 403, JSON_TYPE, "{}"}};
    imgrel_robot *r = NULL;
    script s;

    robot_json(robot, sizeof robot, NEVER, 1, PULL);
    snprintf(list, sizeof list, "[%s]", robot);
    script_open(&s, "robot$boss", acts, 4);
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", "{\"role\":\"push\"}",
                                                NULL, &r, &s.err),
                     IMGREL_EDENIED);
    unit_error(&s.err, IMGREL_EDENIED, "no robot may change a robot");
    script_close(&s);
}
END_TEST

Suite *suite_robot_change(void);
Suite *suite_robot_change(void)
{
    Suite *s = suite_create("robot_change");
    TCase *c = tcase_create("robot_change");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, every_change, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(c, changed_and_rotated);
    tcase_add_test(c, a_disabled_one_stays_so);
    tcase_add_test(c, an_old_one_cannot_be_changed);
    tcase_add_test(c, a_robot_cannot_change_a_robot);
    suite_add_tcase(s, c);
    return s;
}
