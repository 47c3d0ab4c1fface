/* check_pages.c - lists page by page: to their end, never to another origin, never in a circle. */
#include "oci/reg.h"

#include "base/str.h"

#include <stdlib.h>

#define REFERRER(type, digit) \
    "{\"mediaType\":\"m\",\"digest\":\"sha256:" digit "\",\"size\":1,\"artifactType\":\"" type "\"}"

/* All items joined by commas, or the code. */
static int collect(int rc, ir_pages *p, ir_buf *out)
{
    const char *item = NULL;
    while (!rc && (rc = ir_pages_next(p, &reg_net.call, &item, &reg_net.err)) == 1) {
        ir_buf_addf(out, "%s%s", out->len ? "," : "", item);
        rc = 0;
        if (out->len > 100000)
            break;
    }
    ir_pages_free(p);
    return rc;
}

static int tags(ir_store *s, ir_buf *out)
{
    ir_pages *p = NULL;
    ir_buf_clear(out);
    ir_error_clear(&reg_net.err);
    int rc = ir_store_tags(s, &reg_net.call, &p, &reg_net.err);
    return collect(rc, p, out);
}

START_TEST(pages_are_followed)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    reg_on("GET", reg_path("/tags/list?n=1000"),
           (dbl_rule){.body = "{\"tags\":[\"a\",\"b\"]}",
                      .headers = "Link: </v2/team/app/tags/list?last=b>; rel=\"next\"\r\n"});
    reg_on("GET", reg_path("/tags/list?last=b"),
           (dbl_rule){.body = "{\"tags\":[]}", .headers = "Link: <list?last=c>; rel=next\r\n"});
    reg_on("GET", reg_path("/tags/list?last=c"), (dbl_rule){.body = "{\"tags\":[\"c\"]}"});
    unit_ok(tags(s, &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), "a,b,c");
    reg_end(s);
}
END_TEST

START_TEST(an_empty_list_is_one)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    reg_on("GET", NULL, (dbl_rule){.body = "{\"name\":\"x\",\"tags\":null}"});
    unit_ok(tags(s, &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), "");
    reg_end(s);
}
END_TEST

START_TEST(circles_and_other_origins_are_refused)
{
    static const struct {
        const char *link, *word;
    } t[] = {{"/v2/team/app/tags/list?n=1000", "circle"},
             {"/v2/team/app/tags/list?last=x", "circle"},
             {"http://127.0.0.2:1/tags", "another origin"},
             {"https://evil.example/tags", "another origin"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_store *s = reg_begin(IR_STORE_READ);
        IR_AUTO(ir_buf) got = IR_BUF(200000);
        char *headers = ir_format("Link: <%s>; rel=\"next\"\r\n", t[i].link);
        reg_on("GET", NULL, (dbl_rule){.body = "{\"tags\":[\"a\"]}", .headers = headers});
        ck_assert_int_eq(tags(s, &got), IMGREL_EPROTO);
        unit_error(&reg_net.err, IMGREL_EPROTO, t[i].word);
        ck_assert_uint_le(dbl_count(reg_double, NULL, NULL), 8);
        free(headers);
        reg_end(s);
    }
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    reg_on("GET", NULL, (dbl_rule){.body = "{\"tags\":3}", .times = 1});
    reg_on("GET", NULL,
           (dbl_rule){.status = 404, .body = "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}"});
    ck_assert_int_eq(tags(s, &got), IMGREL_EPROTO);
    ck_assert_int_eq(tags(s, &got), IMGREL_ENOTFOUND);
    unit_error(&reg_net.err, IMGREL_ENOTFOUND, "registry.test/team/app");
    reg_end(s);
}
END_TEST

/* {"tags":["t00000",...]} of n names from `from` on, malloc'ed. */
static char *many(size_t from, size_t n)
{
    ir_buf b = IR_BUF(100000);
    for (size_t i = 0; i < n; i++)
        ir_buf_addf(&b, "%s\"t%05zu\"", i ? "," : "{\"tags\":[", from + i);
    ir_buf_adds(&b, n ? "]}" : "{\"tags\":[]}");
    return ir_buf_take(&b);
}

static size_t count(ir_store *s)
{
    ir_pages *p = NULL;
    const char *item = NULL;
    size_t n = 0;
    ir_error_clear(&reg_net.err);
    int rc = ir_store_tags(s, &reg_net.call, &p, &reg_net.err);
    while (!rc && (rc = ir_pages_next(p, &reg_net.call, &item, &reg_net.err)) == 1) {
        char want[16];
        snprintf(want, sizeof want, "t%05zu", n++);
        ck_assert_str_eq(item, want);
        rc = 0;
    }
    ir_pages_free(p);
    unit_ok(rc, &reg_net.err);
    return n;
}

START_TEST(ten_thousand_tags_are_ten_pages)
{
    for (int links = 0; links < 2; links++) { /* by Link; by n and last */
        char *bodies[11], *headers[11];
        ir_store *s = reg_begin(IR_STORE_READ);
        for (size_t i = 0; i <= 10; i++) {
            bodies[i] = many(i * 1000, i < 10 ? 1000 : 0);
            headers[i] = links && i < 9
                             ? ir_format("Link: </v2/team/app/tags/list?n=1000&last=t%05zu>"
                                         "; rel=\"next\"\r\n",
                                         i * 1000 + 999)
                             : NULL;
            const char *path = i ? reg_path("/tags/list?n=1000&last=t%05zu", i * 1000 - 1)
                                 : reg_path("/tags/list?n=1000");
            char *own = strdup(path);
            reg_on("GET", own, (dbl_rule){.body = bodies[i], .headers = headers[i]});
            free(own);
        }
        ck_assert_uint_eq(count(s), 10000);
        ck_assert_uint_eq(dbl_count(reg_double, "GET", NULL), 11); /* the last one was full */
        for (size_t i = 0; i <= 10; i++) {
            free(bodies[i]);
            free(headers[i]);
        }
        reg_end(s);
    }
}
END_TEST

/* A registry that does not know `last` answers with all of it again, or refuses. */
START_TEST(a_full_page_may_be_all)
{
    for (int refuses = 0; refuses < 2; refuses++) {
        ir_store *s = reg_begin(IR_STORE_READ);
        char *body = many(0, 1000);
        reg_on("GET", reg_path("/tags/list?n=1000"), (dbl_rule){.body = body});
        reg_on("GET", reg_path("/tags/list?n=1000&last=t00999"),
               (dbl_rule){.status = refuses ? 400 : 200, .body = body});
        ck_assert_uint_eq(count(s), 1000);
        ck_assert_uint_eq(dbl_count(reg_double, "GET", NULL), 2);
        free(body);
        reg_end(s);
    }
}
END_TEST

/* Without an end, and never the same page: there is a cap. */
START_TEST(pages_without_end_are_too_many)
{
    enum { PAGES = 2000 };
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(100000);
    for (int i = 0; i < PAGES; i++) {
        char link[100];
        snprintf(link, sizeof link, "Link: </v2/team/app/tags/list?p=%d>; rel=\"next\"\r\n", i);
        reg_on("GET", NULL, (dbl_rule){.body = "{\"tags\":[]}", .headers = link, .times = 1});
    }
    ck_assert_int_eq(tags(s, &got), IMGREL_ELIMIT);
    unit_error(&reg_net.err, IMGREL_ELIMIT, "2000 pages");
    reg_end(s);
}
END_TEST

static int referrers(ir_store *s, const char *type, ir_buf *out)
{
    ir_pages *p = NULL;
    ir_buf_clear(out);
    ir_error_clear(&reg_net.err);
    int rc = ir_store_referrers(s, &reg_net.call, reg_digest, type, &p, &reg_net.err);
    return collect(rc, p, out);
}

START_TEST(referrers_are_filtered_by_us_as_well)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    char *with = strdup(reg_path("/referrers/%s?artifactType=a%%2Fb", reg_digest));
    const char *body = "{\"manifests\":[" REFERRER("a/b", "1") "," REFERRER("c/d", "2") "]}";
    reg_on("GET", with, (dbl_rule){.body = body});
    reg_on("GET", reg_path("/referrers/%s", reg_digest), (dbl_rule){.body = body});
    unit_ok(referrers(s, "a/b", &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), REFERRER("a/b", "1"));
    unit_ok(referrers(s, NULL, &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), REFERRER("a/b", "1") "," REFERRER("c/d", "2"));
    free(with);
    reg_end(s);
}
END_TEST

START_TEST(without_the_api_the_tag_schema_is_read)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    const char *hex = strchr(reg_digest, ':') + 1;
    unit_ok(referrers(s, NULL, &got), &reg_net.err); /* neither is there: nothing refers */
    ck_assert_str_eq(ir_buf_str(&got), "");
    char *body = ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                           "\",\"manifests\":[{\"mediaType\":\"m\",\"digest\":\"%s\",\"size\":1,"
                           "\"artifactType\":\"a/b\"}]}",
                           reg_digest);
    reg_on("GET", reg_path("/manifests/sha256-%s", hex), (dbl_rule){.body = body});
    unit_ok(referrers(s, "a/b", &got), &reg_net.err);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&got), reg_digest));
    unit_ok(referrers(s, "other", &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), "");
    free(body);
    reg_end(s);
}
END_TEST

START_TEST(the_catalog_asks_with_its_scope)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_buf) got = IR_BUF(1000);
    ir_pages *p = NULL;
    char *challenge = ir_format("WWW-Authenticate: Bearer realm=\"%s/token\",service=\"r\"\r\n",
                                dbl_url(reg_double));
    dbl_on(reg_double, &(dbl_rule){.path = "/token*", .body = "{\"token\":\"t\"}"});
    dbl_on(reg_double, &(dbl_rule){.path = "/v2/_catalog*",
                                   .without_header = "Bearer t",
                                   .status = 401,
                                   .headers = challenge});
    dbl_on(reg_double, &(dbl_rule){.path = "/v2/_catalog*", .body = "{\"repositories\":[\"r\"]}"});
    int rc = ir_catalog(&reg_net.call, "registry.test", &p, &reg_net.err);
    unit_ok(collect(rc, p, &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), "r");
    const char *asked = dbl_get(reg_double, NULL, "/token*", 0)->target;
    ck_assert_msg(strstr(asked, "registry%3Acatalog%3A%2A") || strstr(asked, "registry:catalog:*"),
                  "%s", asked);
    free(challenge);
    reg_end(s);
}
END_TEST

UNIT_SUITE(pages, pages_are_followed, an_empty_list_is_one, circles_and_other_origins_are_refused,
           what_is_no_list_is_refused, referrers_are_filtered_by_us_as_well,
           without_the_api_the_tag_schema_is_read, the_catalog_asks_with_its_scope,
           ten_thousand_tags_are_ten_pages, a_full_page_may_be_all, pages_without_end_are_too_many)
