/* flow_robot.c - robots from creation to deletion. */
#include "flow.h"

#include <pthread.h>
#include <time.h>

typedef int robot_call(imgrel_harbor *h, const char *project, const char *name, const char *spec,
                       const imgrel_opts *o, imgrel_robot **out, imgrel_error *err);

/* A call that must succeed with this outcome; the secret, "" for none, lives until mock_down. */
static const char *robot(flow *f, robot_call *fn, const char *project, const char *spec,
                         const char *outcome)
{
    imgrel_robot *r = NULL;
    const char *secret = NULL;
    int rc = fn(f->harbor, project, "r", spec, NULL, &r, &f->err);

    ck_assert_msg(!rc, "%s: %s [%s]", spec, f->err.message, f->err.cure);
    ck_assert_msg(strstr(imgrel_robot_json(r), text("\"imgrel\":\"%s\"", outcome)) != NULL,
                  "%s: wanted %s: %s", spec, outcome, imgrel_robot_json(r));
    ck_assert_ptr_null(strstr(imgrel_robot_json(r), "secret"));
    secret = text("%s", imgrel_robot_secret(r) ? imgrel_robot_secret(r) : "");
    imgrel_robot_free(r);
    return secret;
}

static const ir_json *robot_now(flow *f, const char *key)
{
    return flow_get(f, "robot", key);
}

START_TEST(a_life)
{
    flow f;
    const char *secret = NULL, *other = NULL;

    flow_up(&f, versions[_i]);
    secret = robot(&f, imgrel_harbor_robot_create, "p", "{\"role\":\"ci\",\"expires\":\"30d\"}",
                   "created");
    ck_assert(flow_works(&f, "robot$p+r", secret));
    flow_refused(&f,
                 imgrel_harbor_robot_create(f.harbor, "p", "r", "{\"role\":\"pull\"}", NULL,
                                            &(imgrel_robot *){NULL}, &f.err),
                 IMGREL_ECONFLICT, "exists already");
    /* Nothing is changed by asking for the same. */
    robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"ci\",\"expires\":\"30d\"}",
          "unchanged");
    robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"pull\",\"description\":\"d\"}",
          "changed");
    ck_assert_str_eq(string_at(robot_now(&f, "p/r"), "description"), "d");
    /* An update changes what it says: rights, description and life stay. */
    robot(&f, imgrel_harbor_robot_update, "p", "{\"enabled\":false}", "changed");
    ck_assert(!flow_works(&f, "robot$p+r", secret));
    ck_assert_str_eq(string_at(robot_now(&f, "p/r"), "description"), "d");
    ck_assert_int_eq(int_at(robot_now(&f, "p/r"), "duration"), 30);
    flow_refused(&f,
                 imgrel_harbor_robot_ensure(f.harbor, "p", "r", "{\"role\":\"pull\"}", NULL,
                                            &(imgrel_robot *){NULL}, &f.err),
                 IMGREL_ECONFLICT, "is disabled");
    robot(&f, imgrel_harbor_robot_update, "p", "{\"description\":\"\"}", "changed");
    ck_assert(!flow_works(&f, "robot$p+r", secret));
    robot(&f, imgrel_harbor_robot_update, "p", "{\"enabled\":true}", "changed");
    ck_assert(flow_works(&f, "robot$p+r", secret));
    robot(&f, imgrel_harbor_robot_update, "p", "{\"expires\":\"never\"}", "changed");
    ck_assert_int_eq(int_at(robot_now(&f, "p/r"), "expires_at"), -1);
    robot(&f, imgrel_harbor_robot_update, "p", "{}", "unchanged");
    other = robot(&f, imgrel_harbor_robot_update, "p", "{\"new_secret\":true}", "rotated");
    ck_assert(flow_works(&f, "robot$p+r", other) && !flow_works(&f, "robot$p+r", secret));
    unit_ok(imgrel_harbor_robot_delete(f.harbor, "p", "r", NULL, &f.err), &f.err);
    flow_refused(&f, imgrel_harbor_robot_delete(f.harbor, "p", "r", NULL, &f.err), IMGREL_ENOTFOUND,
                 "no robot r");
    flow_refused(
        &f,
        imgrel_harbor_robot_update(f.harbor, "p", "r", "{}", NULL, &(imgrel_robot *){NULL}, &f.err),
        IMGREL_ENOTFOUND, "no robot r");
    flow_down(&f);
}
END_TEST

/* One robot for two projects, and for the system. */
START_TEST(of_the_system)
{
    flow f;
    const char *secret = NULL;

    flow_up(&f, versions[_i]);
    unit_ok(imgrel_harbor_project_ensure(f.harbor, "q", 1, NULL, NULL, &f.err), &f.err);
    robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"pull\"}", "created");
    secret = robot(&f, imgrel_harbor_robot_ensure, NULL,
                   "{\"role\":\"push\",\"projects\":[\"p\",\"q\"],\"enabled\":false}", "created");
    ck_assert(!flow_works(&f, "robot$r", secret));
    robot(&f, imgrel_harbor_robot_ensure, NULL,
          "{\"role\":\"push\",\"projects\":[\"q\",\"p\"],\"enabled\":true}", "changed");
    ck_assert(flow_works(&f, "robot$r", secret));
    robot(&f, imgrel_harbor_robot_ensure, NULL, "{\"role\":\"push\",\"projects\":[\"q\",\"p\"]}",
          "unchanged");
    robot(&f, imgrel_harbor_robot_ensure, NULL,
          "{\"permissions\":[{\"kind\":\"system\",\"namespace\":\"/\",\"access\":[{\"resource\":"
          "\"catalog\",\"action\":\"read\"}]},{\"kind\":\"project\",\"namespace\":\"*\",\"access\":"
          "[{\"resource\":\"repository\",\"action\":\"pull\"}]}]}",
          "changed");
    flow_refused(&f,
                 imgrel_harbor_robot_ensure(
                     f.harbor, NULL, "r",
                     "{\"permissions\":[{\"kind\":\"system\",\"namespace\":\"/\",\"access\":[{"
                     "\"resource\":\"catalog\",\"action\":\"write\"}]}]}",
                     NULL, &(imgrel_robot *){NULL}, &f.err),
                 IMGREL_EINVAL, "catalog:write");
    flow_refused(&f,
                 imgrel_harbor_robot_ensure(f.harbor, NULL, "r", "{\"role\":\"pull\"}", NULL,
                                            &(imgrel_robot *){NULL}, &f.err),
                 IMGREL_EINVAL, "which projects");
    ck_assert_int_eq(flow_count(&f, "robot", NULL, NULL), 1);
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 1);
    unit_ok(imgrel_harbor_robot_delete(f.harbor, NULL, "r", NULL, &f.err), &f.err);
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 1);
    flow_down(&f);
}
END_TEST

/* What POST ignores; and it is not set again when it is set. */
START_TEST(a_secret_of_its_own)
{
    static const char *const bad[] = {"Short1a", "alllower1", "ALLUPPER1", "NoDigits!"};
    flow f;
    const char *secret = NULL;

    flow_up(&f, versions[_i]);
    secret = robot(&f, imgrel_harbor_robot_ensure, "p",
                   "{\"role\":\"pull\",\"secret\":\"MyOwnSecret1\"}", "created");
    ck_assert_str_eq(secret, "MyOwnSecret1");
    ck_assert(flow_works(&f, "robot$p+r", "MyOwnSecret1"));
    secret = robot(&f, imgrel_harbor_robot_ensure, "p",
                   "{\"role\":\"pull\",\"secret\":\"MyOwnSecret1\"}", "unchanged");
    ck_assert_str_eq(secret, "MyOwnSecret1");
    robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"pull\",\"secret\":\"MyOwnSecret2\"}",
          "rotated");
    ck_assert(flow_works(&f, "robot$p+r", "MyOwnSecret2"));
    for (size_t i = 0; i < 4; i++)
        flow_refused(&f,
                     imgrel_harbor_robot_update(f.harbor, "p", "r",
                                                text("{\"secret\":\"%s\"}", bad[i]), NULL,
                                                &(imgrel_robot *){NULL}, &f.err),
                     IMGREL_EINVAL, "8 to 128");
    flow_down(&f);
}
END_TEST

/* An expired robot looks enabled; a longer life revives it, counted from its creation. */
START_TEST(expiry)
{
    flow f;
    const char *secret = NULL;
    time_t in_50_days = time(NULL) + 50 * 86400;
    char date[16];
    struct tm tm;

    flow_up(&f, versions[_i]);
    secret = robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"pull\",\"expires\":\"1d\"}",
                   "created");
    mock_control("{\"clock\": %d}", 10 * 86400);
    ck_assert(!flow_works(&f, "robot$p+r", secret));
    robot(&f, imgrel_harbor_robot_update, "p", "{\"expires\":\"30 days from now\"}", "changed");
    ck_assert(flow_works(&f, "robot$p+r", secret));
    ck_assert_int_ge(int_at(robot_now(&f, "p/r"), "duration"), 40);
    ck_assert_int_le(int_at(robot_now(&f, "p/r"), "duration"), 41);
    robot(&f, imgrel_harbor_robot_update, "p", "{\"expires\":\"in 30 days\"}", "unchanged");
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&in_50_days, &tm));
    robot(&f, imgrel_harbor_robot_update, "p", text("{\"expires\":\"%s\"}", date), "changed");
    ck_assert_int_ge(int_at(robot_now(&f, "p/r"), "duration"), 50);
    ck_assert_int_le(int_at(robot_now(&f, "p/r"), "duration"), 51);
    flow_refused(&f,
                 imgrel_harbor_robot_update(f.harbor, "p", "r", "{\"expires\":\"2020-01-01\"}",
                                            NULL, &(imgrel_robot *){NULL}, &f.err),
                 IMGREL_EINVAL, "that is over");
    flow_down(&f);
}
END_TEST

typedef struct racer {
    pthread_t thread;
    flow *f;
    bool created;
    int rc;
    imgrel_error err;
} racer;

static void *race(void *user)
{
    racer *r = user;
    imgrel_client *c = NULL;
    imgrel_harbor *h = NULL;
    imgrel_robot *robot = NULL;

    r->rc = imgrel_client_new(&c, &r->err);
    if (!r->rc)
        r->rc =
            imgrel_harbor_new(c, imgrel_mock_get(mock, "url"), "admin", "Harbor12345", &h, &r->err);
    if (!r->rc)
        r->rc =
            imgrel_harbor_robot_ensure(h, "p", "r", "{\"role\":\"push\"}", NULL, &robot, &r->err);
    r->created = robot && imgrel_robot_secret(robot);
    imgrel_robot_free(robot);
    imgrel_harbor_free(h);
    imgrel_client_free(c);
    return NULL;
}

/* Those who ensure the same robot at once end with one, and one of them has its secret. */
START_TEST(at_once)
{
    racer racers[4] = {0};
    int n_created = 0;
    flow f;

    flow_up(&f, versions[_i]);
    mock_control("{\"fault\":{\"route\":\"POST /api/v2.0/robots\",\"delay_ms\":50}}");
    for (int i = 0; i < 4; i++) {
        racers[i].f = &f;
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(racers[i].thread, NULL);
        ck_assert_msg(!racers[i].rc, "%s", racers[i].err.message);
        n_created += racers[i].created;
    }
    ck_assert_int_eq(n_created, 1);
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 1);
    flow_down(&f);
}
END_TEST

/* A robot that manages robots rotates one by making it anew, and cannot change any. */
START_TEST(by_a_robot)
{
    flow f;
    const char *boss = NULL, *secret = NULL;
    imgrel_robot *r = NULL;

    flow_up(&f, versions[_i]);
    if (_i == 0) { /* there are no such rights yet */
        flow_refused(&f,
                     imgrel_harbor_robot_ensure(
                         f.harbor, "p", "boss",
                         "{\"access\":[{\"resource\":\"robot\",\"action\":\"create\"}]}", NULL, &r,
                         &f.err),
                     IMGREL_EINVAL, "robot:create");
        flow_down(&f);
        return;
    }
    boss =
        make_robot("p", "boss", "robot:create,robot:read,robot:list,robot:delete,repository:pull");
    imgrel_harbor_free(f.harbor);
    f.harbor = flow_login(&f, text("%.*s", (int)strcspn(boss, ":"), boss), strchr(boss, ':') + 1);
    secret = robot(&f, imgrel_harbor_robot_ensure, "p", "{\"role\":\"pull\"}", "created");
    ck_assert(flow_works(&f, "robot$p+r", secret));
    secret = robot(&f, imgrel_harbor_robot_update, "p", "{\"new_secret\":true}", "rotated");
    ck_assert(flow_works(&f, "robot$p+r", secret));
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 2);
    flow_refused(
        &f, imgrel_harbor_robot_update(f.harbor, "p", "r", "{\"enabled\":false}", NULL, &r, &f.err),
        IMGREL_EDENIED, "no robot may change a robot");
    flow_refused(&f, imgrel_harbor_robot_rotate(f.harbor, "p", "boss", NULL, &r, &f.err),
                 IMGREL_EDENIED, "cannot rotate itself");
    /* More than it may itself it cannot give. */
    flow_refused(
        &f, imgrel_harbor_robot_create(f.harbor, "p", "x", "{\"role\":\"push\"}", NULL, &r, &f.err),
        IMGREL_EDENIED, "can only grant what it has itself");
    flow_down(&f);
}
END_TEST

/* Its only project is deleted: no rights are left, and Harbor takes it back only with some. */
START_TEST(without_rights)
{
    imgrel_robot *r = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    unit_ok(imgrel_harbor_project_ensure(f.harbor, "q", 1, NULL, NULL, &f.err), &f.err);
    robot(&f, imgrel_harbor_robot_ensure, NULL, "{\"role\":\"pull\",\"projects\":[\"q\"]}",
          "created");
    unit_ok(imgrel_harbor_project_delete(f.harbor, "q", 0, NULL, &f.err), &f.err);
    flow_refused(&f,
                 imgrel_harbor_robot_update(f.harbor, NULL, "r", "{\"description\":\"d\"}", NULL,
                                            &r, &f.err),
                 IMGREL_ECONFLICT, "no rights left");
    flow_refused(&f,
                 imgrel_harbor_robot_ensure(f.harbor, NULL, "r",
                                            "{\"role\":\"pull\",\"projects\":[\"q\"]}", NULL, &r,
                                            &f.err),
                 IMGREL_ENOTFOUND, "q");
    robot(&f, imgrel_harbor_robot_ensure, NULL, "{\"role\":\"pull\",\"projects\":[\"p\"]}",
          "changed");
    flow_down(&f);
}
END_TEST

/* What would be: nothing is written, and the prefix is the server's. */
START_TEST(said_only)
{
    imgrel_opts dry = {IMGREL_OPTS, .flags = IMGREL_FLAG_DRY_RUN};
    imgrel_robot *r = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    flow_put(&f, "config", NULL, "{\"robot_name_prefix\":\"bot_\"}", "changed");
    unit_ok(imgrel_harbor_robot_ensure(f.harbor, "p", "r", "{\"role\":\"pull\"}", &dry, &r, &f.err),
            &f.err);
    ck_assert_str_eq(imgrel_robot_name(r), "bot_p+r");
    ck_assert_ptr_null(imgrel_robot_secret(r));
    imgrel_robot_free(r);
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 0);
    flow_down(&f);
}
END_TEST

FLOW_SUITE(flow_robot, a_life, of_the_system, a_secret_of_its_own, expiry, at_once, by_a_robot,
           without_rights, said_only)
