/* check_conf.c - the configuration table: rows can be set, read, reset, and say no well. */
#include "unit.h"

#include "api/client.h"

#include <ctype.h>
#include <stdlib.h>

START_TEST(rows_are_complete)
{
    imgrel_config_key row = { .size = sizeof row };
    imgrel_error err = { 0 };
    size_t n = 0;
    for (; !imgrel_config_row(n, &row, &err); n++) {
        char env[64] = "IMGREL_";
        for (size_t i = 0; row.name[i]; i++)
            env[7 + i] = (char)toupper((unsigned char)row.name[i]);
        ck_assert_str_eq(row.env, env);
        ck_assert_msg(strlen(row.doc) > 10 && row.doc[strlen(row.doc) - 1] == '.', "%s", row.name);
    }
    ck_assert_uint_gt(n, 20);
    unit_error(&err, IMGREL_ENOTFOUND, "rows");
    row.size = 0;
    err = (imgrel_error){ 0 };
    ck_assert_int_eq(imgrel_config_row(0, &row, &err), IMGREL_EINVAL);
}
END_TEST

START_TEST(defaults_can_be_set)
{
    imgrel_config_key row = { .size = sizeof row };
    imgrel_client *c = NULL;
    imgrel_error err = { 0 };
    unit_ok(imgrel_client_new(&c, &err), &err);
    for (size_t i = 0; !imgrel_config_row(i, &row, NULL); i++) {
        unit_ok(imgrel_client_set(c, row.name, NULL, &err), &err);
        if (*row.dflt)
            unit_ok(imgrel_client_set(c, row.name, row.dflt, &err), &err);
    }
    ck_assert_str_eq(imgrel_client_get(c, "jobs"), "8");
    ck_assert_str_eq(imgrel_client_get(c, "stall_timeout"), "15000ms");
    ck_assert_str_eq(imgrel_client_get(c, "log_level"), "warn");
    ck_assert_str_eq(imgrel_client_get(c, "expect_100"), "false");
    ck_assert_ptr_null(imgrel_client_get(c, "ca_file"));
    imgrel_client_free(c);
}
END_TEST

static const struct { const char *key, *value, *word; } bad_values[] = {
    { "no_such_key", "1", "no configuration key" }, { "jobs", "0", "number from 1 to 64" },
    { "jobs", "65", "number" },   { "jobs", "-1", "number" },  { "jobs", "8x", "number" },
    { "stall_timeout", "soon", "15s" },   { "http2", "perhaps", "true or false" },
    { "compression", "lzma", "gzip|zstd|none" }, { "log_level", "loud", "debug" },
};

START_TEST(bad_values_say_what_is_allowed)
{
    imgrel_client *c = NULL;
    imgrel_error err = { 0 };
    unit_ok(imgrel_client_new(&c, &err), &err);
    ck_assert_int_eq(imgrel_client_set(c, bad_values[_i].key, bad_values[_i].value, &err),
                     IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, bad_values[_i].word);
    imgrel_client_free(c);
}
END_TEST

START_TEST(lists_and_secrets)
{
    imgrel_client *c = NULL;
    imgrel_error err = { 0 };
    unit_ok(imgrel_client_new(&c, &err), &err);
    unit_ok(imgrel_client_set(c, "plain_http", "a:80, b ,,c", &err), &err);
    ck_assert_str_eq(imgrel_client_get(c, "plain_http"), "a:80,b,c");
    unit_ok(imgrel_client_set(c, "registry_password", "s3cr3t", &err), &err);
    ck_assert_ptr_null(imgrel_client_get(c, "registry_password"));
    unit_ok(imgrel_client_set(c, "compression", "zstd", &err), &err);
    ck_assert_str_eq(imgrel_client_get(c, "compression"), "zstd");
    imgrel_client_free(c);
}
END_TEST

START_TEST(environment_is_read)
{
    imgrel_client *c = NULL;
    imgrel_error err = { 0 };
    setenv("IMGREL_JOBS", "3", 1);
    unit_ok(imgrel_client_new(&c, &err), &err);
    ck_assert_str_eq(imgrel_client_get(c, "jobs"), "3");
    imgrel_client_free(c);
    setenv("IMGREL_JOBS", "many", 1);
    ck_assert_int_eq(imgrel_client_new(&c, &err), IMGREL_EINVAL);
    ck_assert_ptr_null(c);
    unit_error(&err, IMGREL_EINVAL, "IMGREL_JOBS");
    unsetenv("IMGREL_JOBS");
}
END_TEST

Suite *suite_conf(void);
Suite *suite_conf(void)
{
    Suite *s = suite_create("conf");
    TCase *t = tcase_create("conf");
    tcase_add_test(t, rows_are_complete);
    tcase_add_test(t, defaults_can_be_set);
    tcase_add_loop_test(t, bad_values_say_what_is_allowed, 0,
                        sizeof bad_values / sizeof *bad_values);
    tcase_add_test(t, lists_and_secrets);
    tcase_add_test(t, environment_is_read);
    suite_add_tcase(s, t);
    return s;
}
