/* check_wait.c - waiting through everything a watch does, giving up with a reason, and logs whose
 * connection breaks. */
#include "support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NS "/api/v1/namespaces/ns/"
#define META(rv) "\"metadata\":{\"name\":\"p\",\"uid\":\"1\",\"resourceVersion\":\"" rv "\"}"
#define PENDING(rv) \
    "{" META(rv) ",\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":\"Pending\"}}"
#define READY(rv)                                                                          \
    "{" META(rv) ",\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\"," \
                 "\"status\":\"True\"}]}}"
#define NOT_FOUND "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no\",\"code\":404}"
#define EVENTS "/api/v1/namespaces/ns/events*"
#define WATCH(rv)                                                                \
    NS "pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=240&fieldSelector=" \
       "metadata.name%3Dp&resourceVersion=" rv

static void on_events(kt *k, const char *items)
{
    char *body = ir_format("{\"metadata\":{},\"items\":[%s]}", items);
    dbl_on(
        k->server,
        &(dbl_rule){.path = EVENTS, .headers = "Content-Type: application/json\r\n", .body = body});
    free(body);
}

static int wait_pod(kt *k, int64_t timeout_ms)
{
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = timeout_ms};
    return imgrel_kube_wait(k->kube, NULL, "pod/p", &o, kt_json(k), kt_err(k));
}

START_TEST(through_ends_and_expiry)
{
    kt k;
    kt_start(&k, NULL);
    on_events(&k, "");
    kt_on(&k, "GET", NS "pods/p", 200, PENDING("1"));
    /* A clean end after a bookmark: go on from there. */
    kt_on(&k, "GET", WATCH("1"), 200,
          "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}}\n");
    /* Too old, inside a 200: read it anew. */
    kt_on(
        &k, "GET", WATCH("5"), 200,
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}}"
        "\n");
    kt_on(&k, "GET", NS "pods/p", 200, PENDING("7"));
    /* Broken within a line. */
    dbl_on(k.server, &(dbl_rule){.path = WATCH("7"),
                                 .times = 1,
                                 .fault = DBL_RESET,
                                 .after = 20,
                                 .body = "{\"type\":\"MODIFIED\",\"object\":" READY("8") "}\n"});
    kt_on(&k, "GET", NS "pods/p", 200, PENDING("9"));
    kt_on(&k, "GET", WATCH("9"), 200, "{\"type\":\"MODIFIED\",\"object\":" READY("10") "}\n");
    unit_ok(wait_pod(&k, 20000), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"resourceVersion\":\"10\""));
    kt_stop(&k);
}
END_TEST

START_TEST(not_there_and_deleted)
{
    kt k;
    kt_start(&k, NULL);
    on_events(&k, "");
    kt_on(&k, "GET", NS "pods/p", 404, NOT_FOUND);
    ck_assert_int_eq(wait_pod(&k, 5000), IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "does not exist");
    kt_on(&k, "GET", NS "pods/p", 200, PENDING("1"));
    kt_on(&k, "GET", WATCH("1"), 200, "{\"type\":\"DELETED\",\"object\":" PENDING("2") "}\n");
    ck_assert_int_eq(wait_pod(&k, 5000), IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "was deleted");
    kt_stop(&k);
}
END_TEST

START_TEST(gives_up_with_the_cause)
{
    kt k;
    kt_start(&k, NULL);
    on_events(&k, "");
    kt_on(&k, "GET", NS "pods/p", 200,
          "{" META("1") ",\"spec\":{\"nodeName\":\"n\"},\"status\":{\"containerStatuses\":[{"
                        "\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"InvalidImageName\","
                        "\"message\":\"must be lowercase\"}}}]}}");
    ck_assert_int_eq(wait_pod(&k, 5000), IMGREL_EFAILED);
    unit_error(&k.err, IMGREL_EFAILED, "must be lowercase");
    ck_assert_str_eq(k.err.reason, "invalid-image-name");
    ck_assert_ptr_nonnull(strstr(k.err.cure, "lower case"));
    kt_stop(&k);
}
END_TEST

START_TEST(late_with_the_cause_so_far)
{
    kt k;
    kt_start(&k, NULL);
    on_events(&k, "{\"involvedObject\":{\"uid\":\"1\"},\"type\":\"Warning\",\"reason\":"
                  "\"FailedMount\",\"message\":\"secret \\\"s\\\" not found\","
                  "\"lastTimestamp\":\"2026-01-01T00:00:00Z\"}");
    kt_on(&k, "GET", NS "pods/p", 200, PENDING("1"));
    dbl_on(k.server, &(dbl_rule){.path = WATCH("1"), .fault = DBL_STALL, .body = "x"});
    ck_assert_int_eq(wait_pod(&k, 700), IMGREL_ETIMEOUT);
    unit_error(&k.err, IMGREL_ETIMEOUT, "not ready in time");
    unit_error(&k.err, IMGREL_ETIMEOUT, "secret \"s\" not found");
    kt_stop(&k);
}
END_TEST

/* ---- logs ------------------------------------------------------------------------------------ */

static int logs(kt *k, const char *spec, char *ret, size_t len)
{
    const char *path = kt_file("out", "");
    int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
    int rc = imgrel_kube_logs(k->kube, NULL, "pod/p", spec, fd, NULL, kt_err(k));
    ssize_t n = pread(fd, ret, len - 1, 0);
    ret[n > 0 ? n : 0] = '\0';
    close(fd);
    return rc;
}

#define T(n) "2026-11-22T10:00:0" #n ".5Z "
#define LOG NS "pods/p/log?timestamps=true"

START_TEST(a_log_in_two_tries)
{
    kt k;
    char text[256];
    kt_start(&k, NULL);
    dbl_on(k.server, &(dbl_rule){.path = LOG "&tailLines=9",
                                 .times = 1,
                                 .fault = DBL_RESET,
                                 .after = 60,
                                 .headers = "Content-Type: text/plain\r\n",
                                 .body = T(1) "one\n" T(2) "two and more\n" T(3) "three\n"});
    dbl_on(k.server, &(dbl_rule){.path = LOG "&sinceTime=2026-11-22T10%3A00%3A02Z",
                                 .times = 1,
                                 .headers = "Content-Type: text/plain\r\n",
                                 .body = T(2) "two and more\n" T(3) "three\n"});
    unit_ok(logs(&k, "{\"tail\":9}", text, sizeof text), &k.err);
    ck_assert_str_eq(text, "one\ntwo and more\nthree\n");
    ck_assert(!dbl_saw(k.server, "Accept: text/plain"));
    kt_stop(&k);
}
END_TEST

START_TEST(follows_to_the_end)
{
    kt k;
    char text[256];
    static const char running[] = "{\"status\":{\"containerStatuses\":[{\"name\":\"c\","
                                  "\"containerID\":\"1\",\"state\":{\"running\":{}}}]}}";
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 200, running);
    dbl_on(k.server, &(dbl_rule){.path = LOG "&follow=true", .times = 1, .body = T(1) "one\n"});
    kt_on(&k, "GET", NS "pods/p", 200, running);
    dbl_on(k.server, &(dbl_rule){.path = LOG "&follow=true&sinceTime=*",
                                 .times = 1,
                                 .body = T(1) "one\n" T(1) "two\n"});
    kt_on(&k, "GET", NS "pods/p", 200,
          "{\"status\":{\"containerStatuses\":[{\"name\":\"c\","
          "\"containerID\":\"1\",\"state\":{\"terminated\":{}}}]}}");
    dbl_on(k.server, &(dbl_rule){.path = LOG "&follow=true&sinceTime=*",
                                 .times = 1,
                                 .body = T(1) "one\n" T(1) "two\n" T(2) "three\n"});
    unit_ok(logs(&k, "{\"follow\":true}", text, sizeof text), &k.err);
    ck_assert_str_eq(text, "one\ntwo\nthree\n");
    kt_stop(&k);
}
END_TEST

START_TEST(logs_that_are_none)
{
    kt k;
    char text[256];
    kt_start(&k, NULL);
    kt_on(&k, "GET", LOG, 204, NULL);
    ck_assert_int_eq(logs(&k, NULL, text, sizeof text), IMGREL_ESTATE);
    unit_error(&k.err, IMGREL_ESTATE, "no node yet");
    kt_on(&k, "GET", LOG, 400,
          "{\"kind\":\"Status\",\"reason\":\"BadRequest\",\"message\":\"container \\\"c\\\" in pod "
          "\\\"p\\\" is waiting to start: trying and failing to pull image\"}");
    ck_assert_int_eq(logs(&k, NULL, text, sizeof text), IMGREL_ESTATE);
    unit_error(&k.err, IMGREL_ESTATE, "waiting to start");
    dbl_on(k.server, &(dbl_rule){.path = LOG,
                                 .times = 1,
                                 .body = "unable to retrieve container logs for containerd://1"});
    ck_assert_int_eq(logs(&k, NULL, text, sizeof text), IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "unable to retrieve");
    ck_assert_str_eq(text, "");
    kt_on(&k, "GET", LOG, 400,
          "{\"kind\":\"Status\",\"reason\":\"BadRequest\",\"message\":\"a container name must be "
          "specified for pod p, choose one of: [a b]\"}");
    ck_assert_int_eq(logs(&k, NULL, text, sizeof text), IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "[a b]");
    kt_stop(&k);
}
END_TEST

/* Each request of a follow fails in turn, by a status, a break, or silence: what came before the
 * failure is there once, and it ends right or says why. */
START_TEST(each_request_of_a_log_fails)
{
    static const char *const paths[] = {NS "pods/p", LOG "&follow=true"};
    static const char running[] = "{\"status\":{\"containerStatuses\":[{\"name\":\"c\","
                                  "\"containerID\":\"1\",\"state\":{\"running\":{}}}]}}";
    static const char ended[] = "{\"status\":{\"containerStatuses\":[{\"name\":\"c\","
                                "\"containerID\":\"1\",\"state\":{\"terminated\":{}}}]}}";
    static const enum dbl_fault faults[] = {DBL_FINE, DBL_RESET, DBL_STALL};
    const enum dbl_fault fault = faults[_i / 2];
    const bool silent = fault == DBL_STALL;
    kt k;
    char text[256];
    kt_start(&k, NULL);
    dbl_on(
        k.server,
        &(dbl_rule){
            .path = paths[_i % 2], .times = 1, .status = 500, .before_head = true, .fault = fault});
    kt_on(&k, "GET", NS "pods/p", 200, running);
    kt_on(&k, "GET", NS "pods/p", 200, ended);
    dbl_on(k.server, &(dbl_rule){.path = LOG "*", .body = T(1) "one\n" T(2) "two\n"});
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = silent ? 400 : 30000};
    int fd = open(kt_file("out", ""), O_RDWR | O_CLOEXEC);
    int rc = imgrel_kube_logs(k.kube, NULL, "pod/p", "{\"follow\":true}", fd, &o, kt_err(&k));
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    ck_assert_str_eq(text, rc ? "" : "one\ntwo\n");
    if (silent)
        ck_assert_int_eq(rc, IMGREL_ETIMEOUT);
    if (rc)
        ck_assert_msg(strstr(k.err.message, dbl_host(k.server)) != NULL, "%s", k.err.message);
    kt_stop(&k);
}
END_TEST

Suite *suite_wait(void);
Suite *suite_wait(void)
{
    const TTest *const tests[] = {through_ends_and_expiry, not_there_and_deleted,
                                  gives_up_with_the_cause, late_with_the_cause_so_far,
                                  a_log_in_two_tries,      follows_to_the_end,
                                  logs_that_are_none};
    Suite *s = suite_create("wait");
    TCase *c = tcase_create("wait");
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, each_request_of_a_log_fails, 0, 6);
    suite_add_tcase(s, c);
    return s;
}
