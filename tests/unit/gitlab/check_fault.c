/* check_fault.c - each request of a flow fails in turn: with 500, by a connection that breaks
 * before the request was carried out or after it, by silence. The flow ends right or says why, and
 * may be run again, after which all is as it was asked for, and only once. */
#include "lab.h"

static const char *const faults[] = {
    "\"status\": 500, \"body\": \"\"",
    "\"reset\": true",
    "\"after\": 0",
    "\"delay_ms\": 1000",
};
#define N_FAULTS 4
#define STALL 3

static int flow(lab *l, const imgrel_opts *o, imgrel_error *err)
{
    char *t = NULL;
    int rc = imgrel_gitlab_put(l->g, "variable", "K", "{\"value\": \"robot$a+b\"}", o, NULL, err);
    if (!rc)
        rc = imgrel_gitlab_put(l->g, "runner", "ci", "{\"tags\": [\"t\"], \"new_token\": true}", o,
                               &t, err);
    if (!rc)
        ck_assert_ptr_nonnull(strstr(t, "glrt-"));
    imgrel_free(t);
    if (!rc)
        rc = imgrel_gitlab_put(l->g, "file", "f", "{\"content\": \"x\", \"branch\": \"main\"}", o,
                               NULL, err);
    if (!rc)
        rc = imgrel_gitlab_put(l->g, "tag", "1.0.0", "{\"ref\": \"main\"}", o, NULL, err);
    return rc;
}

static void check_all(lab *l, const char *when)
{
    ck_assert_msg(lab_count(l, "variable", NULL) == 1, "%s: variables", when);
    ck_assert_msg(lab_count(l, "runner", NULL) == 1, "%s: runners", when);
    ck_assert_msg(lab_count(l, "tag", NULL) == 1, "%s: tags", when);
    ck_assert_str_eq(string_at(lab_get(l, "variable", "K"), "value"), "robot$a+b");
    ck_assert_str_eq(string_at(lab_get(l, "file", "f@main"), "content"), "x");
}

/* Whether it struck. */
static bool strike(lab *l, int fault, int n)
{
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = fault == STALL ? 150 : 0};
    imgrel_error err = {0};
    const char *when = text("fault %d at request %d", fault, n);
    mock_control("{\"log\": \"clear\"}");
    mock_control("{\"fault\": {\"route\": \"/api/v4\", \"skip\": %d, \"count\": 1, %s}}", n,
                 faults[fault]);
    int rc = flow(l, &o, &err);
    mock_control("{\"faults\": \"clear\"}");
    bool struck = (int)ir_json_len(lab_json(mock_control("{\"log\": true}"))) > n;
    ck_assert_msg(!rc || *err.message, "%s: no message", when);
    ck_assert_msg(!strstr(err.message, "robot$a") && !strstr(err.message, "glpat"),
                  "%s: a secret: %s", when, err.message);
    err = (imgrel_error){0};
    ck_assert_msg(!flow(l, NULL, &err), "%s: again: %s", when, err.message);
    check_all(l, when);
    return struck;
}

START_TEST(each_request_fails)
{
    for (int n = 0; n < 40; n++) {
        lab l;
        lab_up(&l);
        unit_ok(imgrel_client_set(l.client, "retries", "0", &l.err), &l.err);
        bool struck = strike(&l, _i, n);
        lab_down(&l);
        ck_assert_int_lt(n, 39);
        if (!struck)
            break;
    }
}
END_TEST

Suite *suite_gitlab_fault(void);
Suite *suite_gitlab_fault(void)
{
    Suite *s = suite_create("gitlab_fault");
    TCase *c = tcase_create("gitlab_fault");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, each_request_fails, 0, N_FAULTS);
    suite_add_tcase(s, c);
    return s;
}
