/* flow_fault.c - each request of a flow fails in turn: with 500, by a connection that breaks before
 * or after the request was carried out, by silence. The flow ends right or says why, and may be run
 * again, after which all is as it was asked for. */
#include "flow.h"

static const char *const faults[] = {
    "\"status\": 500, \"body\": \"\"",
    "\"reset\": true",
    "\"after\": 0",
    "\"delay_ms\": 1000",
};
#define STALL 3
/* Each stall is waited for: in one version. */
#define N_FAULTS (_i == N_VERSIONS - 1 ? 4 : 3)

typedef int step(flow *f, const imgrel_opts *o, imgrel_error *err);

/* Whether the fault struck: otherwise the flow has no n-th request. */
static bool strike(flow *f, step *fn, int fault, int n, int *ret_rc)
{
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = fault == STALL ? 150 : 0};
    imgrel_error err = {0};
    int requests = 0;

    mock_control("{\"log\": \"clear\"}");
    mock_control("{\"fault\": {\"route\": \"/\", \"skip\": %d, \"count\": 1, %s}}", n,
                 faults[fault]);
    *ret_rc = fn(f, &o, &err);
    mock_control("{\"faults\": \"clear\"}");
    if (*ret_rc)
        ck_assert_msg(*err.message, "fault %d at request %d: no message", fault, n);
    requests = (int)ir_json_len(flow_json(mock_control("{\"log\": true}")));
    return requests > n;
}

/* ---- a robot ---- */

static char secret[129];

static int ensure(flow *f, const imgrel_opts *o, imgrel_error *err)
{
    imgrel_robot *r = NULL;
    imgrel_harbor *h = flow_login(f, "admin", "Harbor12345");
    int rc = imgrel_harbor_robot_ensure(
        h, "p", "r", "{\"role\":\"push\",\"expires\":\"90d\",\"new_secret\":true}", o, &r, err);

    snprintf(secret, sizeof secret, "%s",
             r && imgrel_robot_secret(r) ? imgrel_robot_secret(r) : "");
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    return rc;
}

static void check_robot(flow *f, const char *when)
{
    ck_assert_msg(flow_count(f, "robot", "p", NULL) == 1, "%s: %d robots", when,
                  flow_count(f, "robot", "p", NULL));
    ck_assert_msg(flow_works(f, "robot$p+r", secret), "%s: its secret does not work", when);
}

START_TEST(a_robot_made)
{
    flow f;
    int rc = 0;

    flow_up(&f, versions[_i]);
    for (int fault = 0; fault < N_FAULTS; fault++)
        for (int n = 0; n < 40; n++) {
            bool struck = strike(&f, ensure, fault, n, &rc);
            const char *when = text("fault %d at request %d", fault, n);
            if (!rc)
                check_robot(&f, when);
            imgrel_error err = {0};
            ck_assert_msg(!ensure(&f, NULL, &err), "%s: again: %s", when, err.message);
            check_robot(&f, when);
            unit_ok(imgrel_harbor_robot_delete(f.harbor, "p", "r", NULL, &f.err), &f.err);
            ck_assert_int_lt(n, 39);
            if (!struck)
                break;
        }
    flow_down(&f);
}
END_TEST

/* One that is there, is changed, and gets another secret. */
START_TEST(a_robot_changed)
{
    flow f;
    int rc = 0;

    flow_up(&f, versions[_i]);
    for (int fault = 0; fault < N_FAULTS; fault++)
        for (int n = 0; n < 40; n++) {
            make_robot("p", "r", "pull");
            bool struck = strike(&f, ensure, fault, n, &rc);
            const char *when = text("fault %d at request %d", fault, n);
            if (!rc)
                check_robot(&f, when);
            imgrel_error err = {0};
            ck_assert_msg(!ensure(&f, NULL, &err), "%s: again: %s", when, err.message);
            check_robot(&f, when);
            unit_ok(imgrel_harbor_robot_delete(f.harbor, "p", "r", NULL, &f.err), &f.err);
            ck_assert_int_lt(n, 39);
            if (!struck)
                break;
        }
    flow_down(&f);
}
END_TEST

/* ---- a project, and something in it ---- */

static int project(flow *f, const imgrel_opts *o, imgrel_error *err)
{
    imgrel_harbor *h = flow_login(f, "admin", "Harbor12345");
    int rc = imgrel_harbor_put(h, "project", "new",
                               "{\"auto_scan\":true,\"storage_limit\":\"1GiB\"}", o, NULL, err);

    if (!rc)
        rc = imgrel_harbor_put(h, "label", "new/tested", "{\"color\":\"#00ff00\"}", o, NULL, err);
    if (!rc)
        rc = imgrel_harbor_put(h, "member", "new/ann", "{\"role\":\"developer\"}", o, NULL, err);
    imgrel_harbor_free(h);
    return rc;
}

START_TEST(a_project)
{
    flow f;
    int rc = 0;

    flow_up(&f, versions[_i]);
    for (int fault = 0; fault < N_FAULTS; fault++)
        for (int n = 0; n < 60; n++) {
            bool struck = strike(&f, project, fault, n, &rc);
            imgrel_error err = {0};
            ck_assert_msg(!project(&f, NULL, &err), "fault %d at request %d, again: %s", fault, n,
                          err.message);
            ck_assert_str_eq(string_at(flow_get(&f, "project", "new"), "metadata.auto_scan"),
                             "true");
            ck_assert_int_eq(int_at(flow_get(&f, "quota", "new"), "hard.storage"), 1 << 30);
            ck_assert_int_eq(flow_count(&f, "label", "new", NULL), 1);
            unit_ok(imgrel_harbor_project_delete(f.harbor, "new", 0, NULL, &f.err), &f.err);
            ck_assert_int_lt(n, 59);
            if (!struck)
                break;
        }
    flow_down(&f);
}
END_TEST

/* ---- what is in it ---- */

static int content(flow *f, const imgrel_opts *o, imgrel_error *err)
{
    imgrel_harbor *h = flow_login(f, "admin", "Harbor12345");
    int rc = imgrel_harbor_do(h, "artifact", "p/app:1", "tag", "{\"name\":\"x\",\"move\":true}", o,
                              NULL, err);

    if (!rc)
        rc = imgrel_harbor_do(h, "artifact", "p/app:1", "copy", "{\"to\":\"p/other\"}", o, NULL,
                              err);
    if (!rc)
        rc = imgrel_harbor_delete(h, "tag", "p/app:x", o, err);
    imgrel_harbor_free(h);
    return rc;
}

START_TEST(an_artifact)
{
    flow f;
    int rc = 0;

    flow_up(&f, versions[_i]);
    push_image("p/app", "1", ADMIN, "amd64");
    for (int fault = 0; fault < N_FAULTS; fault++)
        for (int n = 0; n < 40; n++) {
            bool struck = strike(&f, content, fault, n, &rc);
            imgrel_error err = {0};
            ck_assert_msg(!content(&f, NULL, &err), "fault %d at request %d, again: %s", fault, n,
                          err.message);
            ck_assert_int_eq(flow_count(&f, "tag", "p/app:1", NULL), 1);
            ck_assert_int_eq(flow_count(&f, "artifact", "p/other", NULL), 1);
            ck_assert_int_lt(n, 39);
            if (!struck)
                break;
        }
    flow_down(&f);
}
END_TEST

static int scan(flow *f, const imgrel_opts *o, imgrel_error *err)
{
    return imgrel_harbor_do(f->harbor, "artifact", "p/app:1", "scan", "{\"wait\":true}", o, NULL,
                            err);
}

/* A scan is waited for: in one version, and without a stall. */
START_TEST(a_scan)
{
    flow f;
    int rc = 0;

    flow_up(&f, versions[_i]);
    push_image("p/app", "1", ADMIN, "amd64");
    for (int fault = 0; fault < (_i ? 0 : 3); fault++)
        for (int n = 0; n < 20 && strike(&f, scan, fault, n, &rc); n++) {
            imgrel_error err = {0};
            ck_assert_msg(!scan(&f, NULL, &err), "fault %d at request %d, again: %s", fault, n,
                          err.message);
        }
    flow_down(&f);
}
END_TEST

FLOW_SUITE(flow_fault, a_robot_made, a_robot_changed, a_project, an_artifact, a_scan)
