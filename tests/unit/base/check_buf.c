/* check_buf.c - caps, sticky failures, secrets. */
#include "base/buf.h"
#include "unit.h"

#include <stdlib.h>

START_TEST(appends)
{
    ir_buf b = IR_BUF(1000);
    ck_assert_str_eq(ir_buf_str(&b), "");
    ir_buf_adds(&b, "ab");
    ir_buf_addc(&b, 'c');
    ir_buf_addf(&b, "%d-%s", 7, "x");
    ir_buf_add(&b, "\0z", 2);
    ck_assert_uint_eq(b.len, 8);
    ck_assert_mem_eq(b.p, "abc7-x\0z", 9);
    ir_buf_truncate(&b, 3);
    ck_assert_str_eq(ir_buf_str(&b), "abc");
    ir_buf_truncate(&b, 99);
    ck_assert_uint_eq(b.len, 3);
    ir_buf_clear(&b);
    ck_assert_str_eq(ir_buf_str(&b), "");
    for (int i = 0; i < 500; i++)
        ir_buf_adds(&b, "xy");
    ck_assert_uint_eq(b.len, 1000);
    ck_assert_int_eq(ir_buf_check(&b, NULL, "b"), 0);
    ir_buf_free(&b);
    ir_buf_free(&b);
}
END_TEST

START_TEST(cap_sticks)
{
    ir_buf b = IR_BUF(4);
    imgrel_error err = {0};
    ir_buf_adds(&b, "abc");
    ir_buf_adds(&b, "de");
    ir_buf_addc(&b, 'x');
    ck_assert_str_eq(ir_buf_str(&b), "abc");
    ck_assert_int_eq(ir_buf_check(&b, &err, "token"), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "token: too long (over 4 bytes)");
    ck_assert_ptr_null(ir_buf_room(&b, 0));
    ck_assert_ptr_null(ir_buf_take(&b));
    ck_assert_int_eq(b.bad, 0);
    ir_buf_addf(&b, "%s", "abcde");
    ck_assert_int_eq(b.bad, IMGREL_ELIMIT);
    ir_buf_clear(&b);
    ck_assert_int_eq(b.bad, 0);
    ck_assert_ptr_nonnull(ir_buf_room(&b, 4));
    ck_assert_ptr_null(ir_buf_room(&b, (size_t)-1));
    ir_buf_free(&b);
    b = (ir_buf){.max = 1, .bad = IMGREL_ENOMEM};
    ir_error_clear(&err);
    ck_assert_int_eq(ir_buf_check(&b, &err, "x"), IMGREL_ENOMEM);
}
END_TEST

START_TEST(take_gives_text)
{
    ir_buf b = IR_BUF(10);
    char *s = ir_buf_take(&b);
    ck_assert_str_eq(s, "");
    free(s);
    ir_buf_adds(&b, "hi");
    s = ir_buf_take(&b);
    ck_assert_str_eq(s, "hi");
    ck_assert_ptr_null(b.p);
    free(s);
}
END_TEST

START_TEST(secret_is_wiped)
{
    ir_buf b = IR_BUF_SECRET(1000);
    ir_buf_adds(&b, "hunter2");
    char *at = b.p;
    ir_buf_truncate(&b, 2);
    ck_assert_mem_eq(at, "hu\0\0\0\0\0", 7);
    for (int i = 0; i < 300; i++)
        ir_buf_addc(&b, 'x');
    ck_assert_uint_eq(b.len, 302);
    ck_assert_mem_eq(b.p, "huxx", 4);
    ir_buf_free(&b);
}
END_TEST

UNIT_SUITE(buf, appends, cap_sticks, take_gives_text, secret_is_wiped)
