/* check_changes.c - a kind over time: bookmarks, ends, "too old" inside a 200, lists anew, silence,
 * lines without an end. Nothing is lost, nothing told twice. */
#include "support.h"
#include "api/kube.h"

#include <stdlib.h>

#define NS "/api/v1/namespaces/ns/"
#define LIST NS "configmaps?limit=500"
#define WATCH NS "configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=240"
#define AT(rv) WATCH "&resourceVersion=" rv
#define ITEM(n, rv) \
    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" n "\",\"resourceVersion\":\"" rv "\"}}"
#define PAGE(rv, items) "{\"metadata\":{\"resourceVersion\":\"" rv "\"},\"items\":[" items "]}"
#define EVENT(type, n, rv) "{\"type\":\"" type "\",\"object\":" ITEM(n, rv) "}\n"
#define TOO_OLD                                                                                \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410," \
    "\"message\":\"too old resource version\"}}\n"

static imgrel_iter *begin(kt *k, const char *what, const char *spec)
{
    imgrel_iter *it = NULL;
    unit_ok(imgrel_kube_watch(k->kube, NULL, what, spec, NULL, &it, kt_err(k)), &k->err);
    return it;
}

/* The next event is of this type and name. */
static void next(kt *k, imgrel_iter *it, const char *type, const char *name)
{
    const char *item = NULL;
    char *head = ir_format("{\"type\":\"%s\"", type), *tail = ir_format("\"name\":\"%s\"", name);
    int rc = imgrel_iter_next(it, &item, &k->err);
    ck_assert_msg(rc == 1, "%s %s: %d %s", type, name, rc, k->err.message);
    ck_assert_msg(ir_starts(item, head) && strstr(item, tail), "wanted %s %s: %s", type, name,
                  item);
    free(head);
    free(tail);
}

START_TEST(nothing_lost_nothing_twice)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", LIST, 200, PAGE("10", ITEM("a", "1") "," ITEM("b", "2")));
    kt_on(&k, "GET", AT("10"), 200,
          EVENT("MODIFIED", "a", "11") "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
                                       "\"resourceVersion\":\"20\"}}}\n");
    kt_on(&k, "GET", AT("20"), 200, EVENT("ADDED", "c", "21") TOO_OLD);
    kt_on(&k, "GET", LIST, 200,
          PAGE("30", ITEM("a", "11") "," ITEM("c", "29") "," ITEM("d", "30")));
    kt_on(&k, "GET", AT("30"), 200, EVENT("MODIFIED", "d", "30") EVENT("DELETED", "a", "31"));
    imgrel_iter *it = begin(&k, "cm", NULL);
    next(&k, it, "ADDED", "a");
    next(&k, it, "ADDED", "b");
    next(&k, it, "MODIFIED", "a");
    next(&k, it, "ADDED", "c");
    next(&k, it, "MODIFIED", "c"); /* from the list: changed unseen */
    next(&k, it, "ADDED", "d");
    next(&k, it, "DELETED", "b"); /* gone unseen */
    next(&k, it, "DELETED", "a"); /* d of version 30 was told already */
    imgrel_iter_free(it);
    kt_stop(&k);
}
END_TEST

START_TEST(breaks_are_overcome)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", LIST, 200, PAGE("10", ""));
    dbl_on(k.server, &(dbl_rule){.path = AT("10"),
                                 .times = 1,
                                 .headers = "Content-Type: application/json\r\n",
                                 .body = EVENT("ADDED", "a", "11") "{\"type\":\"MODI",
                                 .fault = DBL_RESET,
                                 .after = sizeof EVENT("ADDED", "a", "11") + 5});
    kt_on(&k, "GET", AT("11"), 500, "{\"kind\":\"Status\",\"message\":\"etcd\"}");
    kt_on(&k, "GET", AT("11"), 410, "{\"kind\":\"Status\",\"code\":410,\"message\":\"old\"}");
    kt_on(&k, "GET", LIST, 503, "{\"kind\":\"Status\",\"message\":\"starting\"}");
    kt_on(&k, "GET", LIST, 200, PAGE("15", ITEM("a", "12")));
    imgrel_iter *it = begin(&k, "cm", NULL);
    next(&k, it, "ADDED", "a");
    next(&k, it, "MODIFIED", "a");
    imgrel_iter_free(it);
    kt_stop(&k);
}
END_TEST

START_TEST(silence_is_not_trusted)
{
    kt k;
    kt_start(&k, NULL);
    dbl_on(k.server, &(dbl_rule){.path = AT("99"),
                                 .times = 1,
                                 .body = EVENT("ADDED", "z", "100"),
                                 .fault = DBL_STALL,
                                 .after = 9});
    kt_on(&k, "GET", LIST, 200, PAGE("10", ITEM("a", "1")));
    imgrel_iter *it = begin(&k, "cm", "{\"resource_version\":\"99\",\"stall_seconds\":1}");
    next(&k, it, "ADDED", "a");
    imgrel_iter_free(it);
    kt_stop(&k);
}
END_TEST

/* A server that takes the request and says nothing at all. */
START_TEST(a_head_that_never_comes)
{
    const char *item = NULL;
    kt k;
    setenv("IMGREL_STALL_TIMEOUT", "1s", 1);
    kt_start(&k, NULL);
    dbl_on(k.server,
           &(dbl_rule){.path = AT("99"), .times = 1, .before_head = true, .fault = DBL_STALL});
    imgrel_iter *it = begin(&k, "cm", "{\"resource_version\":\"99\"}");
    ck_assert_int_eq(imgrel_iter_next(it, &item, kt_err(&k)), IMGREL_ETIMEOUT);
    imgrel_iter_free(it);
    kt_stop(&k);
}
END_TEST

START_TEST(one_object_and_what_is_refused)
{
    const char *item = NULL;
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", LIST "&labelSelector=l&fieldSelector=metadata.name%3Dx", 200,
          PAGE("5", ITEM("x", "4")));
    imgrel_iter *it = begin(&k, "cm/x", "{\"selector\":\"l\"}");
    next(&k, it, "ADDED", "x");
    imgrel_iter_free(it);
    kt_on(&k, "GET", LIST, 403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}");
    it = begin(&k, "cm", NULL);
    ck_assert_int_eq(imgrel_iter_next(it, &item, kt_err(&k)), IMGREL_EDENIED);
    imgrel_iter_free(it);
    it = NULL;
    ck_assert_int_eq(imgrel_kube_watch(k.kube, NULL, "cm", "{\"x\":1}", NULL, &it, kt_err(&k)),
                     IMGREL_EINVAL);
    kt_stop(&k);
}
END_TEST

START_TEST(lines_that_are_none)
{
    const char *item = NULL;
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", LIST, 200, PAGE("1", ""));
    kt_on(&k, "GET", AT("1"), 200, "not JSON\n");
    imgrel_iter *it = begin(&k, "cm", NULL);
    ck_assert_int_eq(imgrel_iter_next(it, &item, kt_err(&k)), IMGREL_EPROTO);
    imgrel_iter_free(it);
    kt_on(&k, "GET", LIST, 200, PAGE("1", ""));
    kt_on(&k, "GET", AT("1"), 200, "[]\n");
    it = begin(&k, "cm", NULL);
    ck_assert_int_eq(imgrel_iter_next(it, &item, kt_err(&k)), IMGREL_EPROTO);
    imgrel_iter_free(it);
    kt_stop(&k);
}
END_TEST

/* A line that never ends is given up at its limit, not at the end of memory. */
START_TEST(a_line_without_an_end)
{
    size_t len = (16 << 20) + (1 << 16);
    char *endless = malloc(len + 1);
    const char *item = NULL;
    kt k;
    kt_start(&k, NULL);
    memset(endless, 'x', len);
    endless[len] = '\0';
    kt_on(&k, "GET", LIST, 200, PAGE("1", ""));
    dbl_on(k.server, &(dbl_rule){.path = AT("1"), .body = endless, .body_len = len});
    imgrel_iter *it = begin(&k, "cm", NULL);
    ck_assert_int_eq(imgrel_iter_next(it, &item, kt_err(&k)), IMGREL_ELIMIT);
    unit_error(&k.err, IMGREL_ELIMIT, "a line of a watch");
    imgrel_iter_free(it);
    kt_stop(&k);
    free(endless);
}
END_TEST

UNIT_SUITE(changes, nothing_lost_nothing_twice, breaks_are_overcome, silence_is_not_trusted,
           a_head_that_never_comes, one_object_and_what_is_refused, lines_that_are_none,
           a_line_without_an_end)
