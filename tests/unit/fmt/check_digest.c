/* check_digest.c - exactly the two algorithms, lower-case, whole. */
#include "fmt/digest.h"
#include "unit.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

START_TEST(good)
{
    ck_assert(ir_digest_valid("sha256:" HEX64));
    ck_assert(ir_digest_valid("sha512:" HEX64 HEX64));
    ck_assert_str_eq(ir_digest_hex("sha256:" HEX64), HEX64);
    ck_assert_str_eq(ir_digest_algorithm("sha512:" HEX64 HEX64), "sha512");
    ck_assert_ptr_null(ir_digest_algorithm("md5:x"));
    ck_assert_ptr_null(ir_digest_algorithm("sha256"));
    ck_assert_ptr_null(ir_digest_algorithm(NULL));
}
END_TEST

START_TEST(bad)
{
    static const char *const t[][2] = {
        {"", "algorithm:hex"},
        {HEX64, "algorithm:hex"},
        {"sha1:" HEX64, "not sha256 or sha512"},
        {"SHA256:" HEX64, "not sha256 or sha512"},
        {"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "character 8"},
        {"sha256:" HEX64 "\n", "character 72"},
        {"sha256:abc", "3 hex digits, sha256 has 64"},
        {"sha512:" HEX64, "sha512 has 128"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        imgrel_error err = {0};
        ck_assert_int_eq(ir_digest_check(t[i][0], &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
    }
    ck_assert(!ir_digest_valid(NULL));
}
END_TEST

UNIT_SUITE(digest, good, bad)
