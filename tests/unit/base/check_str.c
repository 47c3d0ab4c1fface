/* check_str.c - strict numbers, durations, lists, secrets. */
#include "base/str.h"
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

START_TEST(copies_and_tests)
{
    char *s = ir_format("%s/%d", "a", 1);
    ck_assert_str_eq(s, "a/1");
    free(s);
    s = ir_strndup("abc", 2);
    ck_assert_str_eq(s, "ab");
    free(s);
    ck_assert_ptr_null(ir_strdup(NULL));
    ck_assert_ptr_null(ir_strndup(NULL, 3));
    ck_assert(ir_starts("abc", "ab") && !ir_starts("a", "ab") && ir_starts("", ""));
    ck_assert(ir_ends("abc", "bc") && !ir_ends("c", "bc"));
    ck_assert(ir_streq(NULL, NULL) && !ir_streq("", NULL) && ir_streq("a", "a"));
    ck_assert(ir_is_lower_alnum('a') && ir_is_lower_alnum('9') && !ir_is_lower_alnum('A'));
    ck_assert(!ir_is_lower_alnum((char)0xe4));
}
END_TEST

START_TEST(numbers)
{
    unsigned long long v = 1;
    ck_assert(ir_parse_u64("0", 10, &v) && v == 0);
    ck_assert(ir_parse_u64("18446744073709551615", ULLONG_MAX, &v) && v == ULLONG_MAX);
    static const char *const bad[] = {
        "", " 1", "1 ", "-1", "+1", "0x1", "11", "18446744073709551616", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_parse_u64(bad[i], 10, &v), "%s", bad[i]);
    ck_assert(!ir_parse_u64(NULL, 10, &v));
}
END_TEST

START_TEST(durations)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500}, {"15s", 15000},      {"10m", 600000}, {"1h", 3600000},
                {"7", 7000},    {"30d", 2592000000}, {"0", 0}};
    int64_t ms = -1;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(ir_parse_duration(good[i].text, &ms) && ms == good[i].ms, "%s", good[i].text);
    static const char *const bad[] = {"",
                                      "s",
                                      "1x",
                                      "-1s",
                                      "1 s",
                                      "1.5s",
                                      "1sm",
                                      "999999999999999999d",
                                      "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_parse_duration(bad[i], &ms), "%s", bad[i]);
    ck_assert(!ir_parse_duration(NULL, &ms));
}
END_TEST

START_TEST(secrets)
{
    char s[] = "abc";
    ir_wipe(s, 3);
    ck_assert_mem_eq(s, "\0\0\0", 3);
    ir_wipe(NULL, 3);
    ir_free_secret(NULL);
    ir_free_secret(ir_strdup("x"));
    ck_assert(ir_equal_secret("ab", "ab") && !ir_equal_secret("ab", "abab"));
    ck_assert(!ir_equal_secret("", "a") && !ir_equal_secret("a", "") && ir_equal_secret("", ""));
    ck_assert(ir_equal_secret(NULL, NULL) && !ir_equal_secret("", NULL));
}
END_TEST

START_TEST(lists)
{
    ir_strv l = {0};
    ck_assert_int_eq(ir_strv_split(&l, " b, ,a ,,\tc d\n", ','), 0);
    ck_assert_uint_eq(l.n, 3);
    ck_assert_str_eq(l.v[2], "c d");
    ir_strv_sort(&l);
    ck_assert_str_eq(l.v[0], "a");
    ck_assert(ir_strv_has(&l, "b") && !ir_strv_has(&l, "c"));
    ck_assert_int_eq(ir_strv_add(&l, "B"), 0);
    ir_strv_sort(&l);
    ck_assert_str_eq(l.v[0], "B");
    ir_strv_free(&l);
    ck_assert_uint_eq(l.n, 0);
    ir_strv_sort(&l);
    ck_assert_int_eq(ir_strv_split(&l, "", ','), 0);
    ck_assert_uint_eq(l.n, 0);
}
END_TEST

UNIT_SUITE(str, copies_and_tests, numbers, durations, secrets, lists)
