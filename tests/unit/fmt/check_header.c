/* check_header.c - Link, ranges, Retry-After and dates as servers really send them. */
#include "fmt/header.h"
#include "base/str.h"
#include "unit.h"

#include <stdlib.h>

START_TEST(link)
{
    static const char *const t[][2] = {
        {"</v2/_catalog?last=b&n=1>; rel=\"next\"", "/v2/_catalog?last=b&n=1"},
        {"<a>; rel=next", "a"},
        {"<a>;REL=\"NEXT\"", "a"},
        {"<p>; rel=\"prev\" , <n>; rel=\"next\"", "n"},
        {"<p,q>; title=\"x, <y>; rel=next\"; rel=prev, <n>; rel=\"first next\"", "n"},
        {"<a> ; x ; rel = next", "a"},
        {"<a>; rel=nextish", NULL},
        {"<a>; rev=next", NULL},
        {"<a>", NULL},
        {"", NULL},
        {"<a; rel=next", NULL},
        {"<>; rel=next", NULL},
        {"<a>; rel=\"next", NULL},
        {"<a> junk <b>; rel=next", NULL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *s = ir_link_next(t[i][0]);
        ck_assert_msg(ir_streq(s, t[i][1]), "%s -> %s", t[i][0], s ? s : "NULL");
        free(s);
    }
}
END_TEST

START_TEST(ranges)
{
    int64_t a = 0, b = 0, n = 0;
    ck_assert(ir_content_range("bytes 0-99/1000", &a, &b, &n) && a == 0 && b == 99 && n == 1000);
    ck_assert(ir_content_range("bytes 5-5/*", &a, &b, &n) && a == 5 && b == 5 && n == -1);
    static const char *const bad[] = {"",
                                      "bytes */100",
                                      "bytes 5-4/10",
                                      "bytes 0-10/10",
                                      "bytes 0-9",
                                      "items 0-9/10",
                                      "bytes -1-9/10",
                                      "bytes 0-9/10x",
                                      "bytes 0-99999999999999999999/*"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_content_range(bad[i], &a, &b, &n), "%s", bad[i]);
    ck_assert(ir_upload_offset("0-99", &n) && n == 100);
    ck_assert(ir_upload_offset("bytes=0-99", &n) && n == 100);
    ck_assert(ir_upload_offset("0-0", &n) && n == 0);
    ck_assert(!ir_upload_offset("", &n) && !ir_upload_offset("1-2", &n));
    ck_assert(!ir_upload_offset("0-9223372036854775807", &n) && !ir_upload_offset("0-x", &n));
}
END_TEST

START_TEST(dates)
{
    static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    int64_t s = 0;
    for (size_t i = 0; i < 3; i++) {
        ck_assert(ir_http_date(good[i], &s));
        ck_assert_int_eq(s, 784111777);
    }
    ck_assert(ir_http_date("Sunday, 06-Nov-26 08:49:37 GMT", &s) && s > 1700000000);
    static const char *const bad[] = {"",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "06 Nov 1994 08:49:37 GMT",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:00:00 GMT",
                                      "Sun, 06 Xxx 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT+1",
                                      "Sun, 00 Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_http_date(bad[i], &s), "%s", bad[i]);
}
END_TEST

START_TEST(retry_after)
{
    int64_t ms = -1;
    ck_assert(ir_retry_after("120", 0, &ms) && ms == 120000);
    ck_assert(ir_retry_after(" 0 ", 0, &ms) && ms == 0);
    ck_assert(ir_retry_after("9223372036854775807", 0, &ms) && ms == INT64_MAX);
    ck_assert(ir_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111770, &ms) && ms == 7000);
    ck_assert(ir_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111999, &ms) && ms == 0);
    ck_assert(!ir_retry_after("-1", 0, &ms) && !ir_retry_after("1.5", 0, &ms));
    ck_assert(!ir_retry_after("soon", 0, &ms) && !ir_retry_after("", 0, &ms));
}
END_TEST

START_TEST(rfc3339)
{
    static const struct {
        const char *text;
        int64_t s;
    } t[] = {{"1970-01-01T00:00:00Z", 0},
             {"1994-11-06T08:49:37Z", 784111777},
             {"1994-11-06T10:49:37.123456789+02:00", 784111777},
             {"1994-11-06t03:19:37-05:30", 784111777},
             {"2000-02-29T00:00:00Z", 951782400},
             {"0001-01-01T00:00:00Z", -62135596800},
             {"9999-12-31T23:59:59Z", 253402300799}};
    int64_t s = 0;
    char text[32];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ck_assert(ir_rfc3339(t[i].text, &s));
        ck_assert_int_eq(s, t[i].s);
        int64_t again = 0;
        ir_rfc3339_format(s, text);
        ck_assert_uint_eq(strlen(text), 20);
        ck_assert(ir_rfc3339(text, &again) && again == s);
    }
    static const char *const bad[] = {"",
                                      "2026-11-22",
                                      "2026-11-22T10:00:00",
                                      "2026-13-01T00:00:00Z",
                                      "2025-02-29T00:00:00Z",
                                      "2026-11-22 10:00:00Z",
                                      "2026-11-22T10:00:00.Z",
                                      "2026-11-22T10:00:00+0100",
                                      "2026-11-22T10:00:00Zx",
                                      "2026-11-22T10:00:00+25:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_rfc3339(bad[i], &s), "%s", bad[i]);
}
END_TEST

static void rate(const char *limit, const char *remaining, const char *reset, const char *both,
                 ir_rate want)
{
    ir_rate r;
    ck_assert(ir_rate_limit(limit, remaining, reset, both, 1700000000, &r) ==
              (want.remaining >= 0));
    ck_assert_int_eq(r.limit, want.limit);
    ck_assert_int_eq(r.remaining, want.remaining);
    ck_assert_int_eq(r.reset_s, want.reset_s);
    ck_assert_int_eq(r.window_s, want.window_s);
}

START_TEST(rate_limits)
{
    rate("100;w=21600", "76;w=21600", NULL, NULL, (ir_rate){100, 76, -1, 21600}); /* docker.io */
    rate("100, 100;w=60", "0", "30", NULL, (ir_rate){100, 0, 30, 60});
    rate("60", "59", "1700000045", NULL, (ir_rate){60, 59, 45, -1}); /* GitLab */
    rate("60", "59", "1600000000", NULL, (ir_rate){60, 59, 0, -1});
    rate(NULL, "5", NULL, NULL, (ir_rate){-1, 5, -1, -1});
    rate(NULL, NULL, NULL, "limit=100, remaining=50, reset=5", (ir_rate){100, 50, 5, -1});
    rate(NULL, NULL, NULL, "\"default\";r=50;t=30", (ir_rate){-1, 50, 30, -1});
    rate("10", NULL, NULL, NULL, (ir_rate){10, -1, -1, -1});
    rate("x", "-1", "y", "=;,=,", (ir_rate){-1, -1, -1, -1});
    rate("9", "99999999999999999999", "9999999999999999999", "", (ir_rate){9, -1, -1, -1});
    rate("9;w=999999999999", "8", "999999999999", NULL, (ir_rate){9, 8, -1, -1});
}
END_TEST

UNIT_SUITE(header, link, ranges, dates, retry_after, rfc3339, rate_limits)
