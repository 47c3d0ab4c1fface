/* check_platform.c - what people write and what indexes hold compare. */
#include "fmt/platform.h"
#include "unit.h"

#include <stdlib.h>

START_TEST(normalised)
{
    static const char *const t[][2] = {
        {"linux/amd64", "linux/amd64"},       {"linux/x86_64", "linux/amd64"},
        {"Linux/AArch64", "linux/arm64"},     {"linux/arm64/v8", "linux/arm64"},
        {"linux/arm64/v9", "linux/arm64/v9"}, {"linux/arm", "linux/arm/v7"},
        {"linux/armhf", "linux/arm/v7"},      {"linux/armel", "linux/arm/v6"},
        {"linux/arm/6", "linux/arm/v6"},      {"linux/i386", "linux/386"},
        {"linux/amd64/v1", "linux/amd64"},    {"linux/amd64/v3", "linux/amd64/v3"},
        {"macos/arm64", "darwin/arm64"},      {"linux/riscv64", "linux/riscv64"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_platform p;
        char text[128];
        imgrel_error err = {0};
        unit_ok(ir_platform_parse(t[i][0], &p, &err), &err);
        ck_assert_str_eq(ir_platform_str(&p, text), t[i][1]);
    }
}
END_TEST

START_TEST(refused)
{
    static const char *const t[] = {"",
                                    "linux",
                                    "linux/",
                                    "/amd64",
                                    "a/b/c/d",
                                    "linux//v8",
                                    "li nux/amd64",
                                    "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_platform p;
        imgrel_error err = {0};
        ck_assert_int_eq(ir_platform_parse(t[i], &p, &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, "os/architecture");
    }
}
END_TEST

START_TEST(match)
{
    ir_platform want, have;
    imgrel_error err = {0};
    unit_ok(ir_platform_parse("linux/arm64", &want, &err), &err);
    ir_platform_set(&have, "linux", "arm64", "v8", NULL);
    ck_assert(ir_platform_match(&want, &have) && ir_platform_equal(&want, &have));
    ir_platform_set(&have, "linux", "amd64", NULL, NULL);
    ck_assert(!ir_platform_match(&want, &have));
    ir_platform_set(&have, "windows", "amd64", NULL, "10.0.1");
    ir_platform_set(&want, "windows", "amd64", NULL, NULL);
    ck_assert(ir_platform_match(&want, &have));
    ir_platform_set(&want, "windows", "amd64", NULL, "10.0.2");
    ck_assert(!ir_platform_match(&want, &have));
    ir_platform_set(&have, "unknown", "unknown", NULL, NULL);
    ck_assert(ir_platform_unknown(&have) && !ir_platform_unknown(&want));
    ir_platform_set(&have, NULL, "a-part-that-is-much-too-long-to-be-one", "v1", NULL);
    ck_assert_str_eq(have.os, "");
    ck_assert_str_eq(have.arch, "");
    ir_platform host;
    unit_ok(ir_platform_parse("local", &host, &err), &err);
    ck_assert_str_eq(host.os, "linux");
}
END_TEST

START_TEST(list)
{
    ir_platform *v = NULL;
    size_t n = 0;
    imgrel_error err = {0};
    unit_ok(ir_platform_list("linux/amd64, linux/arm64,", &v, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(v[1].arch, "arm64");
    free(v);
    ck_assert_int_eq(ir_platform_list("linux/amd64,x", &v, &n, &err), IMGREL_EINVAL);
    ck_assert_ptr_null(v);
    unit_error(&err, IMGREL_EINVAL, "platform \"x\"");
    ck_assert_int_eq(ir_platform_list(" , ", &v, &n, NULL), IMGREL_EINVAL);
}
END_TEST

UNIT_SUITE(platform, normalised, refused, match, list)
