/* check_copy_match.c - names by patterns, and what is known of blobs. */
#include "unit.h"

#include "base/str.h"
#include "run/copy_match.h"
#include "run/copy_seen.h"

#include <stdlib.h>

START_TEST(names_are_matched)
{
    imgrel_error err = {0};
    ir_match m = {0};
    ck_assert(ir_match_name(&m, "anything"));
    unit_ok(ir_match_include(&m, "v1.*", &err), &err);
    unit_ok(ir_match_include(&m, "team/*", &err), &err);
    unit_ok(ir_match_include(&m, "/^[0-9]+(\\.[0-9]+)?$/", &err), &err);
    unit_ok(ir_match_exclude(&m, "*-rc*", &err), &err);
    unit_ok(ir_match_exclude(&m, "/secret/", &err), &err);
    static const char *const good[] = {"v1.2", "v1.", "team/a/b", "12", "1.2"};
    static const char *const bad[] = {"v2", "1.2.3", "v1.2-rc1", "team/secret", "Team/a", ""};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(ir_match_name(&m, good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_match_name(&m, bad[i]), "%s", bad[i]);
    unit_ok(ir_match_range(&m, "<1.2 || >=10", &err), &err);
    ck_assert(ir_match_name(&m, "12") && !ir_match_name(&m, "1.2"));
    ck_assert(!ir_match_name(&m, "team/a"));
    ir_match_free(&m);
}
END_TEST

START_TEST(patterns_that_are_none_are_told)
{
    static const char *const bad[] = {"", "/", "//", "/x", "/(/", "/[/"};
    ir_match m = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        ck_assert_int_eq(ir_match_include(&m, bad[i], &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, NULL);
    }
    ck_assert_int_eq(m.n_include, 0);
    ir_match_free(&m);
}
END_TEST

static const char *digest_of(unsigned i)
{
    static char digest[80];
    snprintf(digest, sizeof digest, "sha256:%08x%056u", i * 2654435761U, i);
    return digest;
}

START_TEST(blobs_are_known_where_they_are)
{
    imgrel_error err = {0};
    ir_copy_seen *s = NULL;
    IR_AUTO(ir_ref) a = {0};
    IR_AUTO(ir_ref) b = {0};
    IR_AUTO(ir_ref) local = {0};
    unit_ok(ir_ref_parse("host.lan/team/a:1", &a, &err), &err);
    unit_ok(ir_ref_parse("host.lan/team/b:1", &b, &err), &err);
    unit_ok(ir_ref_parse("oci:dir:1", &local, &err), &err);
    unit_ok(ir_copy_seen_new(&s, &err), &err);
    ck_assert(!ir_copy_seen_has(NULL, &a, digest_of(1)) && !ir_copy_seen_has(s, &a, digest_of(1)));
    ck_assert_ptr_null(ir_copy_seen_near(s, &b, digest_of(1)));
    ck_assert(ir_copy_seen_first(s, &a, digest_of(1)) && ir_copy_seen_first(NULL, &a, "x"));
    ck_assert(!ir_copy_seen_first(s, &a, digest_of(1)));
    ck_assert(ir_copy_seen_has(s, &a, digest_of(1)) && !ir_copy_seen_has(s, &b, digest_of(1)));
    ck_assert_str_eq(ir_copy_seen_near(s, &b, digest_of(1)), "team/a");
    ck_assert_ptr_null(ir_copy_seen_near(s, &a, digest_of(1)));
    ck_assert_ptr_null(ir_copy_seen_near(s, &local, digest_of(1)));
    ir_copy_seen_add(s, &local, digest_of(1));
    ck_assert_ptr_null(ir_copy_seen_near(s, &b, digest_of(1))); /* a folder is in no registry */
    /* More than there is room for: what is said is still true. */
    for (unsigned i = 0; i < 100000; i++)
        ir_copy_seen_add(s, &a, digest_of(i));
    unsigned known = 0;
    for (unsigned i = 0; i < 200000; i++) {
        bool has = ir_copy_seen_has(s, &a, digest_of(i));
        ck_assert(!has || i < 100000);
        known += has;
    }
    ck_assert_int_gt(known, 1000);
    ir_copy_seen_free(s);
}
END_TEST

UNIT_SUITE(copy_match, names_are_matched, patterns_that_are_none_are_told,
           blobs_are_known_where_they_are)
