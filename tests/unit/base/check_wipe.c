/* check_wipe.c - the allocator that overwrites keeps what it must and counts what it gives. */
#include "base/wipe.h"
#include "unit.h"

START_TEST(grows_and_shrinks)
{
    uint64_t before = ir_wipe_count();
    char *p = ir_wipe_realloc(NULL, 8);
    memcpy(p, "1234567", 8);
    for (size_t size = 16; size <= 1 << 20; size *= 2) {
        p = ir_wipe_realloc(p, size);
        ck_assert_str_eq(p, "1234567");
        memset(p + 8, 'x', size - 8);
    }
    p = ir_wipe_realloc(p, 8);
    ck_assert_str_eq(p, "1234567");
    ck_assert_uint_gt(ir_wipe_count(), before + 10);
    ir_wipe_free(p);
    ir_wipe_free(NULL);
}
END_TEST

START_TEST(takes_what_malloc_gave)
{
    char *p = strdup("secret"), *copy = ir_wipe_strdup("secret");
    int *zeros = ir_wipe_calloc(100, sizeof *zeros);
    ck_assert_str_eq(copy, p);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(zeros[i], 0);
    ir_wipe_free(p);
    ir_wipe_free(copy);
    ir_wipe_free(zeros);
}
END_TEST

UNIT_SUITE(wipe, grows_and_shrinks, takes_what_malloc_gave)
