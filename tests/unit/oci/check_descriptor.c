/* check_descriptor.c - descriptors are read whole, written back the same, and refused when one of
 * their rules is broken. */
#include "unit.h"

#include "oci/descriptor.h"

#include <stdlib.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WHOLE                                                                                     \
    "{\"mediaType\":\"a/b\",\"digest\":\"sha256:" HEX "\",\"size\":3,\"urls\":[\"https://x/y\"]," \
    "\"annotations\":{\"k\":\"v\"},\"data\":\"YWJj\",\"platform\":{\"architecture\":\"arm\","     \
    "\"os\":\"linux\",\"os.version\":\"1\",\"variant\":\"v7\"},\"artifactType\":\"t/u\"}"

static int read_desc(const char *text, ir_desc *ret, imgrel_error *err)
{
    ir_json *j = NULL;
    unit_ok(ir_json_parse(text, strlen(text), "test", &j, err), err);
    int rc = ir_desc_from_json(j, "layers", ret, err);
    ir_json_free(j);
    return rc;
}

START_TEST(everything_is_read_and_written)
{
    imgrel_error err = {0};
    ir_desc d = {0}, copy = {0};
    unit_ok(read_desc(WHOLE, &d, &err), &err);
    ck_assert_str_eq(d.media_type, "a/b");
    ck_assert_str_eq(d.digest, "sha256:" HEX);
    ck_assert_int_eq(d.size, 3);
    ck_assert_str_eq(d.urls.v[0], "https://x/y");
    ck_assert_str_eq(ir_json_str(d.annotations, "k"), "v");
    ck_assert_int_eq(d.data_len, 3);
    ck_assert_str_eq(d.data, "abc");
    ck_assert(d.has_platform);
    ck_assert_str_eq(d.platform.variant, "v7");
    ck_assert_str_eq(d.artifact_type, "t/u");
    ck_assert_int_eq(ir_desc_copy(&d, &copy), 0);
    ir_desc_free(&d);
    ir_json *j = ir_desc_to_json(&copy);
    char *text = ir_json_string(j, IR_JSON_COMPACT);
    ck_assert_str_eq(text, WHOLE);
    free(text);
    ir_json_free(j);
    ir_desc_free(&copy);
}
END_TEST

START_TEST(what_breaks_a_rule_is_refused)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"[]", "not an object"},
        {"{\"digest\":\"sha256:" HEX "\",\"size\":1}", "no mediaType"},
        {"{\"mediaType\":\"\",\"digest\":\"sha256:" HEX "\",\"size\":1}", "no mediaType"},
        {"{\"mediaType\":\"a\",\"size\":1}", "digest is not valid: (none)"},
        {"{\"mediaType\":\"a\",\"digest\":\"sha256:../../etc/passwd\",\"size\":1}", "not valid"},
        {"{\"mediaType\":\"a\",\"digest\":\"md5:00\",\"size\":1}", "not valid"},
        {"{\"mediaType\":\"a\",\"digest\":\"sha256:" HEX "\",\"size\":-1}", "no valid size"},
        {"{\"mediaType\":\"a\",\"digest\":\"sha256:" HEX "\",\"size\":\"1\"}", "no valid size"},
        {"{\"mediaType\":\"a\",\"digest\":\"sha256:" HEX "\",\"size\":4,\"data\":\"YWJj\"}",
         "inline data"},
        {"{\"mediaType\":\"a\",\"digest\":\"sha256:" HEX "\",\"size\":3,\"data\":\"?\"}",
         "inline data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgrel_error err = {0};
        ir_desc d = {0};
        ck_assert_int_eq(read_desc(cases[i].text, &d, &err), IMGREL_EPROTO);
        unit_error(&err, IMGREL_EPROTO, cases[i].word);
        ck_assert_msg(strstr(err.message, "layers"), "what was read is not named: %s", err.message);
        ck_assert_ptr_null(d.digest);
    }
}
END_TEST

START_TEST(free_takes_half_built_things)
{
    ir_desc d = {0};
    ir_desc_free(NULL);
    ir_desc_free(&d);
    ck_assert_int_eq(ir_desc_set(&d, NULL, "x", 1), 0);
    ck_assert_int_eq(ir_desc_set(&d, "m", NULL, 2), 0);
    ck_assert_ptr_null(d.digest);
    ck_assert_int_eq(d.size, 2);
    ir_desc_free(&d);
}
END_TEST

UNIT_SUITE(descriptor, everything_is_read_and_written, what_breaks_a_rule_is_refused,
           free_takes_half_built_things)
