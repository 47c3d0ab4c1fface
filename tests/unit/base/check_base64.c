/* check_base64.c - RFC 4648's vectors, and what is refused. */
#include "base/base64.h"
#include "unit.h"

START_TEST(vectors)
{
    static const char *const t[][2] = {{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"},
                                       {"\xfb\xff", "+/8="}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_buf e = IR_BUF(100), d = IR_BUF(100);
        ir_base64_add(&e, t[i][0], strlen(t[i][0]));
        ck_assert_str_eq(ir_buf_str(&e), t[i][1]);
        ck_assert(ir_base64_decode(t[i][1], strlen(t[i][1]), &d));
        ck_assert_str_eq(ir_buf_str(&d), t[i][0]);
        ir_buf_clear(&d);
        ck_assert(ir_base64_decode(t[i][1], strcspn(t[i][1], "="), &d)); /* unpadded */
        ck_assert_str_eq(ir_buf_str(&d), t[i][0]);
        ir_buf_free(&e);
        ir_buf_free(&d);
    }
}
END_TEST

START_TEST(url_alphabet)
{
    ir_buf e = IR_BUF(100);
    ir_base64url_add(&e, "\xfb\xff", 2);
    ck_assert_str_eq(ir_buf_str(&e), "-_8");
    ir_buf_free(&e);
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {"A",
                                      "AAAAA",
                                      "Zg=",
                                      "Zg===",
                                      "Z g=",
                                      "Zg==\n",
                                      "-_8=",
                                      "Zh==",
                                      "Zm9=",
                                      "====",
                                      "=",
                                      "Zg==Zg==",
                                      "\xc3\xa4"
                                      "AA"};
    ir_buf d = IR_BUF(100);
    ir_buf_adds(&d, "keep");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(!ir_base64_decode(bad[i], strlen(bad[i]), &d), "%s", bad[i]);
        ck_assert_str_eq(ir_buf_str(&d), "keep");
    }
    ir_buf_free(&d);
}
END_TEST

UNIT_SUITE(base64, vectors, url_alphabet, refused)
