/* check_error.c - the first failure wins; texts are one line, cut at whole characters. */
#include "base/error.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

START_TEST(names_and_texts)
{
    ck_assert_str_eq(imgrel_code_name(IMGREL_ENET), "IMGREL_ENET");
    ck_assert_str_eq(imgrel_code_name(IMGREL_OK), "IMGREL_OK");
    ck_assert_str_eq(imgrel_code_name(-999), "IMGREL_EUNKNOWN");
    ck_assert_str_eq(imgrel_strerror(IMGREL_EDIGEST), "content does not match its digest");
    ck_assert_str_eq(imgrel_strerror(7), "unknown error");
    ck_assert_str_eq(imgrel_version(), PACKAGE_VERSION);
    imgrel_free(NULL);
    imgrel_free(malloc(1));
}
END_TEST

START_TEST(first_failure_wins)
{
    imgrel_error err = {0};
    ck_assert_int_eq(ir_fail(&err, IMGREL_ENET, "%s: refused", "lan"), IMGREL_ENET);
    ck_assert_int_eq(ir_fail(&err, IMGREL_EIO, "later"), IMGREL_EIO);
    unit_error(&err, IMGREL_ENET, "lan: refused");
    ck_assert_int_eq(ir_nomem(NULL), IMGREL_ENOMEM);
    ir_error_clear(&err);
    ck_assert_int_eq(err.code, 0);
    ck_assert_str_eq(err.message, "");
    ir_error_clear(NULL);
}
END_TEST

START_TEST(cure_and_prefix)
{
    imgrel_error err = {0};
    ck_assert_int_eq(ir_cure(&err, "nothing failed"), 0);
    ck_assert_str_eq(err.cure, "");
    ck_assert_int_eq(ir_error_prefix(&err, "x"), 0);
    ck_assert_int_eq(ir_fail(&err, IMGREL_EINVAL, "bad"), IMGREL_EINVAL);
    ck_assert_int_eq(ir_cure(&err, "do %d", 1), IMGREL_EINVAL);
    ck_assert_int_eq(ir_cure(&err, "do 2"), IMGREL_EINVAL);
    ck_assert_str_eq(err.cure, "do 1");
    ck_assert_int_eq(ir_error_prefix(&err, "file %s", "f"), IMGREL_EINVAL);
    ck_assert_str_eq(err.message, "file f: bad");
    ck_assert_int_eq(ir_cure(NULL, "x"), 0);
    ck_assert_int_eq(ir_error_prefix(NULL, "x"), 0);
}
END_TEST

START_TEST(errno_becomes_a_code)
{
    static const struct {
        int errnum, code;
    } t[] = {{ENOENT, IMGREL_ENOTFOUND},
             {EACCES, IMGREL_EDENIED},
             {ENOSPC, IMGREL_EIO},
             {ENOMEM, IMGREL_ENOMEM}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        imgrel_error err = {0};
        ck_assert_int_eq(ir_fail_errno(&err, t[i].errnum, "%s", "/x"), t[i].code);
        unit_error(&err, t[i].code, strerror(t[i].errnum));
        ck_assert_int_eq(ir_fail_errno(NULL, t[i].errnum, "x"), t[i].code);
    }
}
END_TEST

START_TEST(one_line_whole_characters)
{
    imgrel_error err = {0};
    char text[1000];
    for (int shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = (size_t)shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        text[sizeof text - 1] = '\0';
        ir_error_clear(&err);
        ck_assert_int_eq(ir_fail(&err, IMGREL_EIO, "%s", text), IMGREL_EIO);
        size_t len = strlen(err.message);
        ck_assert_uint_eq((len - (size_t)shift) % 4, 0);
        ck_assert_uint_gt(len, sizeof err.message - 5);
    }
    ir_error_clear(&err);
    ck_assert_int_eq(ir_fail(&err, IMGREL_EIO, "a\r\nb\x1b[0m \xc2\x9b\x32J\xc2\xa9"), IMGREL_EIO);
    ck_assert_str_eq(err.message, "a  b [0m   2J\xc2\xa9");
}
END_TEST

UNIT_SUITE(error, names_and_texts, first_failure_wins, cure_and_prefix, errno_becomes_a_code,
           one_line_whole_characters)
