/* mock_kube_list.c - the mock's lists and watches: pages, selectors, versions of the past and of
 * the future, bookmarks. */
#include "mock_kube.h"
#include "base/str.h"
#include "fmt/url.h"

static const char config_map[] = "{\"metadata\": {\"name\": \"m\"}, \"data\": {\"k\": \"v\"}}";

/* ---- lists ---------------------------------------------------------------------------------- */

static void make_ten(void)
{
    for (int i = 0; i < 10; i++)
        want(KPOST(IN("configmaps"),
                   text("{\"metadata\": {\"name\": \"m%d\", \"labels\": {\"odd\": \"%d\"}}}", i,
                        i % 2)),
             201);
}

START_TEST(pages_of_a_list)
{
    kube_up(NULL);
    make_namespace();
    make_ten();
    answer a = KGET(IN("configmaps?limit=4"));
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "items")), 4);
    ck_assert_int_eq(int_at(a.json, "metadata.remainingItemCount"), 7);
    ck_assert_ptr_null(ir_json_get(ir_json_path(a.json, "items.0"), "kind"));
    ck_text(a.json, "kind", "ConfigMapList");
    const char *rv = rv_of(a);
    want(KDELETE(IN("configmaps/m9"), NULL), 200); /* a page shows the list as it was */
    size_t n = 4;
    for (const char *next; *(next = string_at(a.json, "metadata.continue"));) {
        ir_buf b = IR_BUF(1 << 16);
        for (const char *p = next; *p; p++)
            ir_buf_addf(&b, *p == '+' || *p == '/' || *p == '=' ? "%%%02X" : "%c", *p);
        a = KGET(text(IN("configmaps") "?limit=4&continue=%s", ir_buf_str(&b)));
        ir_buf_free(&b);
        want(a, 200);
        ck_assert_str_eq(rv_of(a), rv);
        n += ir_json_len(ir_json_get(a.json, "items"));
    }
    ck_assert_int_eq((int)n, 11);
    a = KGET(IN("configmaps?limit=2&labelSelector=odd%3D1"));
    ck_assert_ptr_null(ir_json_path(a.json, "metadata.remainingItemCount"));
    a = KGET(IN("configmaps?limit=2&resourceVersion=0"));
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "items")), 10);
    want_k(KGET(IN("configmaps?continue=bad")), 400, "BadRequest", "continue key is not valid");
    kube_down();
}
END_TEST

START_TEST(an_expired_page_says_how_to_go_on)
{
    kube_up("\"kube_history\": 5");
    make_namespace();
    make_ten();
    answer a = KGET(IN("configmaps?limit=4"));
    const char *next = text("%s", string_at(a.json, "metadata.continue"));
    for (int i = 0; i < 6; i++)
        want(KPATCH(IN("configmaps/m0"), MERGE, text("{\"data\": {\"n\": \"%d\"}}", i)), 200);
    a = ask("GET", kube_path(IN("configmaps")), NULL, NULL, UA, NULL);
    ir_buf b = IR_BUF(1 << 16);
    ir_url_add_query(&b, "continue", next);
    a = KGET(text(IN("configmaps%s"), ir_buf_str(&b)));
    want_k(a, 410, "Expired", "too old");
    next = string_at(a.json, "metadata.continue");
    ck_assert_str_ne(next, "");
    ir_buf_clear(&b);
    ir_url_add_query(&b, "continue", next);
    a = KGET(text(IN("configmaps%s"), ir_buf_str(&b)));
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "items")), 7);
    ir_buf_free(&b);
    want_k(KGET(IN("configmaps?resourceVersion=1000&resourceVersionMatch=Exact")), 410, "Expired",
           "too old");
    kube_down();
}
END_TEST

START_TEST(selectors)
{
    static const struct {
        const char *selector;
        int n;
    } cases[] = {
        {"odd=1", 5}, {"odd==0", 5},        {"odd!=1", 6},        {"odd", 10},
        {"!odd", 1},  {"odd in (0,1)", 10}, {"odd notin (1)", 6}, {"odd=1,nosuch", 0},
    };
    kube_up(NULL);
    make_namespace();
    make_ten();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ir_buf b = IR_BUF(1 << 16);
        ir_url_add_query(&b, "labelSelector", cases[i].selector);
        answer a = KGET(text(IN("configmaps%s"), ir_buf_str(&b)));
        ir_buf_free(&b);
        ck_assert_msg((int)ir_json_len(ir_json_get(a.json, "items")) == cases[i].n, "%s: %s",
                      cases[i].selector, a.body);
    }
    answer a = KGET(IN("configmaps?fieldSelector=metadata.name%3Dm3"));
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "items")), 1);
    want_k(KGET(IN("configmaps?fieldSelector=data.k%3Dv")), 400, "BadRequest",
           "only \"metadata.name\", \"metadata.namespace\"");
    want_k(KGET(IN("events?fieldSelector=message%3Dx")), 400, "BadRequest",
           "field label not supported: message");
    want_k(KGET("/apis/events.k8s.io/v1/namespaces/t/events?fieldSelector=involvedObject.name%3Dx"),
           400, "BadRequest", "field label not supported: involvedObject.name");
    want(KGET("/apis/events.k8s.io/v1/namespaces/t/events?fieldSelector=regarding.name%3Dx"), 200);
    want(KGET(IN("pods?fieldSelector=status.phase%3DRunning,spec.nodeName%21%3Dx")), 200);
    kube_down();
}
END_TEST

START_TEST(a_list_of_the_future)
{
    kube_up(NULL);
    answer a = KGET("/api/v1/nodes?resourceVersion=999999");
    want_k(a, 504, "Timeout", "Too large resource version");
    ck_assert(a.seconds > 2.5);
    ck_assert_str_eq(header(&a, "Retry-After", 0), "1");
    ck_text(a.json, "details.causes.0.reason", "ResourceVersionTooLarge");
    ck_assert_int_eq(int_at(a.json, "details.retryAfterSeconds"), 1);
    kube_down();
}
END_TEST

/* ---- watches -------------------------------------------------------------------------------- */

START_TEST(a_watch_tells_what_happens)
{
    kube_up(NULL);
    make_namespace();
    const char *rv = rv_of(KGET(IN("configmaps")));
    want(KPOST(IN("configmaps"), config_map), 201);
    want(KPATCH(IN("configmaps/m"), MERGE, "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"), 200);
    want(KPATCH(IN("configmaps/m"), MERGE, "{\"metadata\": {\"labels\": {\"a\": null}}}"), 200);
    want(KDELETE(IN("configmaps/m"), NULL), 200);
    const ir_json *l = lines_of(KGET(text(IN("configmaps?watch=1&timeoutSeconds=1&"
                                             "resourceVersion=%s"),
                                          rv)));
    static const char *const types[] = {"ADDED", "MODIFIED", "MODIFIED", "DELETED"};
    ck_assert_int_eq((int)ir_json_len(l), 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(ir_json_str(ir_json_at(l, i), "type"), types[i]);
    ck_text(ir_json_at(l, 0), "object.kind", "ConfigMap");
    l = lines_of(KGET(text(IN("configmaps?watch=1&timeoutSeconds=1&labelSelector=a%%3Db&"
                              "resourceVersion=%s"),
                           rv)));
    ck_assert_int_eq((int)ir_json_len(l), 2);
    ck_text(ir_json_at(l, 0), "type", "ADDED");
    ck_text(ir_json_at(l, 1), "type", "DELETED");
    ck_text(ir_json_at(l, 1), "object.metadata.labels.a", "b");
    int64_t left =
        strtoll(string_at(ir_json_at(l, 1), "object.metadata.resourceVersion"), NULL, 10);
    ck_assert(left >
              strtoll(string_at(ir_json_at(l, 0), "object.metadata.resourceVersion"), NULL, 10));
    kube_down();
}
END_TEST

START_TEST(bookmarks)
{
    kube_up(NULL);
    const ir_json *l = lines_of(KGET(NS "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"));
    size_t n = ir_json_len(l);
    ck_assert(n >= 5);
    ck_text(ir_json_at(l, 0), "type", "ADDED");
    ck_text(ir_json_at(l, n - 1), "type", "BOOKMARK");
    const ir_json *o = ir_json_get(ir_json_at(l, n - 1), "object");
    ck_assert_int_eq((int)ir_json_len(o), 3);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(o, "metadata")), 1);
    l = lines_of(KGET(NS "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&"
                         "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
    bool marked = false;
    for (size_t i = 0; i < ir_json_len(l); i++) {
        const ir_json *notes = ir_json_path(ir_json_at(l, i), "object.metadata.annotations");
        marked |= ir_streq(ir_json_str(notes, "k8s.io/initial-events-end"), "true");
    }
    ck_assert(marked);
    kube_down();
}
END_TEST

START_TEST(watches_of_the_wrong_time)
{
    kube_up(NULL);
    answer a = KGET(NS "?watch=1&timeoutSeconds=1&resourceVersion=1");
    want(a, 200);
    const ir_json *l = lines_of(a);
    ck_assert_int_eq((int)ir_json_len(l), 1);
    ck_text(ir_json_at(l, 0), "type", "ERROR");
    ck_text(ir_json_at(l, 0), "object.reason", "Expired");
    ck_assert_int_eq(int_at(ir_json_at(l, 0), "object.code"), 410);
    ck_assert(
        strstr(string_at(ir_json_at(l, 0), "object.message"), "too old resource version: 1 ("));
    a = KGET(NS "?watch=1&timeoutSeconds=1&resourceVersion=999999");
    want(a, 200);
    ck_assert_int_eq((int)a.len, 0);
    ck_assert(a.seconds > 0.9);
    a = KGET(NS "?watch=1&resourceVersion=abc");
    want_k(a, 500, NULL, "invalid syntax");
    kube_down();
}
END_TEST

UNIT_SUITE(kube_list, pages_of_a_list, an_expired_page_says_how_to_go_on, selectors,
           a_list_of_the_future, a_watch_tells_what_happens, bookmarks, watches_of_the_wrong_time)
