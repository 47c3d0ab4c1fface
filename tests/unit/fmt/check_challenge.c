/* check_challenge.c - WWW-Authenticate as registries and Harbor send it. */
#include "fmt/challenge.h"
#include "base/str.h"
#include "unit.h"

START_TEST(bearer)
{
    ir_challenges c = {0};
    imgrel_error err = {0};
    unit_ok(
        ir_challenge_parse("Bearer realm=\"https://h/service/token\",service=\"harbor-registry\","
                           "scope=\"repository:a/b:pull,push\"",
                           &c, &err),
        &err);
    const ir_challenge *b = ir_challenge_find(&c, "BEARER");
    ck_assert_ptr_nonnull(b);
    ck_assert_str_eq(ir_challenge_param(b, "realm"), "https://h/service/token");
    ck_assert_str_eq(ir_challenge_param(b, "scope"), "repository:a/b:pull,push");
    ck_assert_ptr_null(ir_challenge_param(b, "error"));
    ck_assert_ptr_null(ir_challenge_param(NULL, "error"));
    ck_assert_ptr_null(ir_challenge_find(&c, "basic"));
    ir_challenges_free(&c);
}
END_TEST

START_TEST(several)
{
    ir_challenges c = {0};
    imgrel_error err = {0};
    unit_ok(ir_challenge_parse(
                ", Negotiate abc==, NTLM ,, Basic realm=\"a, \\\"b\\\"\" , Bearer Realm = x/y", &c,
                &err),
            &err);
    unit_ok(ir_challenge_parse("", &c, &err), &err); /* Harbor sends an empty one */
    unit_ok(ir_challenge_parse("Digest", &c, &err), &err);
    ck_assert_uint_eq(c.n, 5);
    ck_assert_str_eq(c.v[0].scheme, "negotiate");
    ck_assert_uint_eq(c.v[0].n_params, 0);
    ck_assert_str_eq(ir_challenge_param(&c.v[2], "realm"), "a, \"b\"");
    ck_assert_str_eq(ir_challenge_param(&c.v[3], "realm"), "x/y");
    ir_challenges_free(&c);
    ck_assert_uint_eq(c.n, 0);
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {{"Basic realm=\"x", "quote is not closed"},
                                       {"=", "no scheme"},
                                       {"\"x\"", "no scheme"},
                                       {"Basic a=\"x\" b=c", "no comma"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_challenges c = {0};
        imgrel_error err = {0};
        ck_assert_int_eq(ir_challenge_parse(t[i][0], &c, &err), IMGREL_EPROTO);
        unit_error(&err, IMGREL_EPROTO, t[i][1]);
        ir_challenges_free(&c);
    }
}
END_TEST

START_TEST(limits)
{
    ir_challenges c = {0};
    imgrel_error err = {0};
    ck_assert_int_eq(ir_challenge_parse("a,b,c,d,e,f,g,h,i", &c, &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "more than 8");
    ck_assert_uint_eq(c.n, 8); /* what was read stays valid */
    ir_challenges_free(&c);
    ir_error_clear(&err);
    ck_assert_int_eq(ir_challenge_parse("x a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,"
                                        "a=1,a=1,a=1",
                                        &c, &err),
                     IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "more than 16");
    ck_assert_uint_eq(c.v[0].n_params, 16);
    ir_challenges_free(&c);
}
END_TEST

UNIT_SUITE(challenge, bearer, several, refused, limits)
