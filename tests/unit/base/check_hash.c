/* check_hash.c - known answers (FIPS 180-4), reuse, copies. */
#include "base/hash.h"
#include "unit.h"

#define ABC256 "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512                                                                \
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
#define EMPTY256 "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

START_TEST(known_answers)
{
    static const char *const t[][2] = {{"sha256", ABC256}, {"sha512", ABC512}};
    for (int i = 0; i < 2; i++) {
        ir_hash *h = NULL;
        char d[IR_DIGEST_MAX];
        unit_ok(ir_hash_new(t[i][0], &h, NULL), &(imgrel_error){0});
        for (int again = 0; again < 2; again++) { /* end resets */
            ir_hash_add(h, "a", 1);
            ir_hash_add(h, "", 0);
            ir_hash_add(h, "bc", 2);
            ir_hash_end(h, d);
            ck_assert_str_eq(d, t[i][1]);
        }
        ir_hash_free(h);
    }
    ir_hash_free(NULL);
}
END_TEST

START_TEST(one_call)
{
    char d[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes("", 0, d, NULL), &(imgrel_error){0});
    ck_assert_str_eq(d, EMPTY256);
}
END_TEST

START_TEST(copy_goes_on)
{
    ir_hash *h = NULL;
    char d[IR_DIGEST_MAX];
    unit_ok(ir_hash_new("sha256", &h, NULL), &(imgrel_error){0});
    ir_hash_add(h, "ab", 2);
    ir_hash *copy = ir_hash_copy(h);
    ck_assert_ptr_nonnull(copy);
    ir_hash_end(h, d);
    ir_hash_add(copy, "c", 1);
    ir_hash_end(copy, d);
    ck_assert_str_eq(d, ABC256);
    ir_hash_free(h);
    ir_hash_free(copy);
}
END_TEST

START_TEST(unknown_algorithm)
{
    ir_hash *h = NULL;
    imgrel_error err = {0};
    ck_assert_int_eq(ir_hash_new("md5", &h, &err), IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "md5");
    ck_assert_ptr_null(h);
    ck_assert_int_eq(ir_hash_new(NULL, &h, NULL), IMGREL_EUNSUPPORTED);
}
END_TEST

START_TEST(random_bytes)
{
    unsigned char a[32] = {0}, b[32] = {0};
    unit_ok(ir_random(a, sizeof a, NULL), &(imgrel_error){0});
    unit_ok(ir_random(b, sizeof b, NULL), &(imgrel_error){0});
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

UNIT_SUITE(hash, known_answers, one_call, copy_goes_on, unknown_algorithm, random_bytes)
