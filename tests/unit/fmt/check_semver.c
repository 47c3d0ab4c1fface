/* check_semver.c - versions as tags have them, their order, and ranges. */
#include "unit.h"

#include "fmt/semver.h"

START_TEST(tags_are_versions_or_not)
{
    static const struct {
        const char *text;
        uint64_t n[3];
        const char *pre;
    } good[] = {{"1.2.3", {1, 2, 3}, ""},
                {"v1.2.3", {1, 2, 3}, ""},
                {"1", {1, 0, 0}, ""},
                {"v10.20", {10, 20, 0}, ""},
                {"1.2.3-rc.1", {1, 2, 3}, "rc.1"},
                {"1.25-alpine", {1, 25, 0}, "alpine"},
                {"1.2.3-a-b.0+b.1", {1, 2, 3}, "a-b.0"},
                {"20240131", {20240131, 0, 0}, ""},
                {"0.0.0", {0, 0, 0}, ""}};
    static const char *const bad[] = {"",      "v",        "latest", "1.",      "1.2.3.4", "1..2",
                                      "1.2.x", "1.2.3-",   "1.2_3",  "-1",      "1.2.3-a..b",
                                      "1.2 ",  "1.2.3+",   "*",      "x",       "1.2.3-a.",
                                      "vv1",   "1.2.3-a_b", "99999999999999999999", "a1.2.3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ir_version v;
        ck_assert_msg(ir_version_parse(good[i].text, &v), "%s", good[i].text);
        for (int k = 0; k < 3; k++)
            ck_assert_int_eq(v.n[k], good[i].n[k]);
        ck_assert_str_eq(v.pre, good[i].pre);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ir_version v;
        ck_assert_msg(!ir_version_parse(bad[i], &v), "%s", bad[i]);
    }
}
END_TEST

START_TEST(versions_have_an_order)
{
    /* semver.org's own example, and around it */
    static const char *const up[] = {"0.9.9",        "1.0.0-alpha",  "1.0.0-alpha.1",
                                     "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
                                     "1.0.0-beta.11", "1.0.0-rc.1",  "1.0.0",
                                     "1.0.1",        "1.2",          "1.10",
                                     "2"};
    size_t n = sizeof up / sizeof *up;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            ir_version a, b;
            ck_assert(ir_version_parse(up[i], &a) && ir_version_parse(up[k], &b));
            int want = i < k ? -1 : i > k;
            ck_assert_msg(ir_version_compare(&a, &b) == want, "%s ? %s", up[i], up[k]);
        }
    ir_version a, b;
    ck_assert(ir_version_parse("1.2+x", &a) && ir_version_parse("v1.2.0+y", &b));
    ck_assert_int_eq(ir_version_compare(&a, &b), 0);
}
END_TEST

/* Which of the versions are in a range, one letter each. */
START_TEST(ranges_hold_what_they_say)
{
    static const char *const versions[] = {"0.0.3", "0.2.3", "0.2.9", "0.3.0", "1.0.0",
                                           "1.2.0", "1.2.3", "1.2.9", "1.4.5", "2.0.0-rc.1",
                                           "2.0.0", "2.1.0"};
    static const struct {
        const char *range, *in;
    } table[] = {
        {">=1.2 <2", "-----1111---"},   {">=1.2, <2", "-----1111---"},
        {"^1.2.3", "------111---"},     {"^1.4", "--------1---"},
        {"^0.2.3", "-11---------"},     {"^0.0.3", "1-----------"},
        {"^0", "1111--------"},         {"^1", "----11111---"},
        {"~1.2.3", "------11----"},     {"~1.2", "-----111----"},
        {"~1", "----11111---"},         {"~>1.2.0", "-----111----"},
        {"1.2", "-----111----"},        {"1.2.x", "-----111----"},
        {"1.x", "----11111---"},        {"1.*.*", "----11111---"},
        {"*", "111111111-11"},          {"=1.2.3", "------1-----"},
        {"1.2.3", "------1-----"},      {"v1.2.3", "------1-----"},
        {">1.2", "--------1-11"},       {"<=1.2", "11111111----"},
        {">1.2.3", "-------11-11"},     {"<=1.2.3", "1111111-----"},
        {"1.2 - 1.4", "-----1111---"},  {"1.2.3 - 1.4.0", "------11----"},
        {"!=1.2.3", "111111-11-11"},    {">=1 !=1.2.0 <1.3", "----1-11----"},
        {"1.2.3 || 2", "------1---11"}, {"<0.1||>=2.1", "1----------1"},
        {">=2.0.0-rc.1", "---------111"}, {">=2.0.0-0 <2.0.0", "---------1--"},
        {"<2.0.0", "111111111---"},     {"> 2", "------------"},
        {">= 2", "----------11"},       {">=2.0.0-0 <2", "------------"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        imgrel_error err = {0};
        ir_range r;
        unit_ok(ir_range_parse(table[i].range, &r, &err), &err);
        for (size_t k = 0; k < sizeof versions / sizeof *versions; k++) {
            ir_version v;
            ck_assert(ir_version_parse(versions[k], &v));
            ck_assert_msg(ir_range_has(&r, &v) == (table[i].in[k] == '1'), "%s: %s",
                          table[i].range, versions[k]);
        }
    }
}
END_TEST

START_TEST(what_is_no_range_is_told)
{
    static const char *const bad[] = {"",      " ",   "latest", ">=",      "1.2.3.4", ">=1.2 <",
                                      "1 || ", "||",  "^^1",    "1.2 - b", "=> 1",    "1;2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        ir_range r;
        ck_assert_msg(ir_range_parse(bad[i], &r, &err) == IMGREL_EINVAL, "%s", bad[i]);
        unit_error(&err, IMGREL_EINVAL, "range");
    }
    imgrel_error err = {0};
    ir_range r;
    char many[400] = "";
    for (int i = 0; i < 40; i++)
        strcat(many, ">1.2.3 ");
    ck_assert_int_eq(ir_range_parse(many, &r, &err), IMGREL_EINVAL);
}
END_TEST

UNIT_SUITE(semver, tags_are_versions_or_not, versions_have_an_order, ranges_hold_what_they_say,
           what_is_no_range_is_told)
