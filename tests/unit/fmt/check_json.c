/* check_json.c - limits of parsing, look-ups that chain, tables, writing. */
#include "fmt/json.h"
#include "base/limits.h"
#include "unit.h"

#include <stdlib.h>

static ir_json *parsed(const char *text)
{
    ir_json *j = NULL;
    imgrel_error err = {0};
    unit_ok(ir_json_parse(text, strlen(text), "doc", &j, &err), &err);
    return j;
}

START_TEST(refused)
{
    static const struct {
        const char *text, *word;
    } t[] = {{"{\"a\":1,\"a\":2}", "duplicate"},
             {"{} x", "end of file"},
             {"", "line 1"},
             {"{\n\"a\" 1}", "line 2"},
             {"[\"\xff\"]", "0xff"},
             {"{\"a\":\"\\u0000\"}", "NUL"},
             {"[99999999999999999999]", "too big"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_json *j = NULL;
        imgrel_error err = {0};
        ck_assert_int_eq(ir_json_parse(t[i].text, strlen(t[i].text), "doc", &j, &err),
                         IMGREL_EPROTO);
        ck_assert_ptr_null(j);
        unit_error(&err, IMGREL_EPROTO, "doc: not JSON");
        ck_assert_msg(strcasestr(err.message, t[i].word), "%s", err.message);
    }
}
END_TEST

START_TEST(depth)
{
    char text[2 * IR_JSON_DEPTH_MAX + 3];
    ir_json *j = NULL;
    imgrel_error err = {0};
    for (size_t n = IR_JSON_DEPTH_MAX; n <= IR_JSON_DEPTH_MAX + 1; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        int rc = ir_json_parse(text, 2 * n, "doc", &j, &err);
        ck_assert_int_eq(rc, n > IR_JSON_DEPTH_MAX ? IMGREL_EPROTO : 0);
        ir_json_free(j);
    }
    unit_error(&err, IMGREL_EPROTO, "deeper than 64");
    j = parsed("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\\\\\"]");
    ir_json_free(j);
}
END_TEST

START_TEST(look_ups)
{
    ir_json *j = parsed("{\"s\":\"x\",\"i\":-5,\"b\":true,\"n\":null,\"a\":[{\"k\":\"v\"},2],"
                        "\"o\":{\"p\":{\"q\":1}}}");
    ck_assert_str_eq(ir_json_str(j, "s"), "x");
    ck_assert_ptr_null(ir_json_str(j, "i"));
    ck_assert_int_eq(ir_json_int(j, "i", 9), -5);
    ck_assert_int_eq(ir_json_int(j, "s", 9), 9);
    ck_assert(ir_json_bool(j, "b", false) && ir_json_bool(j, "none", true));
    ck_assert(ir_json_is_null(ir_json_get(j, "n")) && ir_json_is_null(NULL));
    ck_assert_str_eq(ir_json_str(ir_json_path(j, "a.0"), "k"), "v");
    ck_assert_int_eq(ir_json_number(ir_json_path(j, "a.1"), 0), 2);
    ck_assert_int_eq(ir_json_number(ir_json_path(j, "o.p.q"), 0), 1);
    ck_assert_ptr_null(ir_json_path(j, "a.x"));
    ck_assert_ptr_null(ir_json_path(j, "o.none.q"));
    ck_assert_ptr_null(ir_json_path(NULL, "a"));
    ck_assert_uint_eq(ir_json_len(j), 6);
    ck_assert_uint_eq(ir_json_len(ir_json_get(j, "a")), 2);
    ck_assert_uint_eq(ir_json_len(NULL), 0);
    ck_assert(ir_json_is_object(j) && ir_json_is_array(ir_json_get(j, "a")));
    ck_assert(ir_json_is_string(ir_json_get(j, "s")) && !ir_json_is_string(NULL));
    ck_assert_ptr_null(ir_json_at(j, 0));
    ck_assert_str_eq(ir_json_text(ir_json_get(j, "s")), "x");
    size_t n = 0;
    for (void *it = ir_json_first(j); it; it = ir_json_next(j, it), n++)
        if (n == 0) {
            ck_assert_str_eq(ir_json_key(it), "s");
            ck_assert_str_eq(ir_json_text(ir_json_value(it)), "x");
        }
    ck_assert_uint_eq(n, 6);
    ck_assert_ptr_null(ir_json_first(NULL));
    ir_json_free(j);
    ir_json_free(NULL);
}
END_TEST

typedef struct shape {
    const char *s;
    int64_t i;
    bool b;
    const ir_json *o, *a;
} shape;

static const ir_json_row rows[] = {{"s", IR_J_STRING, offsetof(shape, s), IR_J_REQUIRED},
                                   {"i", IR_J_INT, offsetof(shape, i), 0},
                                   {"b", IR_J_BOOL, offsetof(shape, b), 0},
                                   {"o", IR_J_OBJECT, offsetof(shape, o), 0},
                                   {"a", IR_J_ARRAY, offsetof(shape, a), 0},
                                   {NULL, 0, 0, 0}};

START_TEST(tables)
{
    ir_json *j = parsed("{\"s\":\"x\",\"i\":3,\"b\":true,\"o\":{},\"a\":[],\"more\":1}");
    shape v = {0};
    imgrel_error err = {0};
    unit_ok(ir_json_decode(j, rows, false, "doc", &v, &err), &err);
    ck_assert(!strcmp(v.s, "x") && v.i == 3 && v.b && v.o && v.a);
    ck_assert_int_eq(ir_json_decode(j, rows, true, "doc", &v, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "unknown member \"more\"");
    ir_json_free(j);
    static const struct {
        const char *text, *word;
    } t[] = {{"[]", "not a JSON object"},
             {"{\"i\":1}", "\"s\" is missing"},
             {"{\"s\":null}", "\"s\" is missing"},
             {"{\"s\":\"\",\"i\":\"1\"}", "\"i\" is not an integer"},
             {"{\"s\":\"\",\"a\":{}}", "\"a\" is not an array"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_error_clear(&err);
        j = parsed(t[i].text);
        ck_assert_int_eq(ir_json_decode(j, rows, false, "doc", &v, &err), IMGREL_EPROTO);
        unit_error(&err, IMGREL_EPROTO, t[i].word);
        ir_json_free(j);
    }
}
END_TEST

START_TEST(writing)
{
    ir_json *j = ir_json_pack("{s:s, s:i}", "z", "1", "a", 2);
    imgrel_error err = {0};
    ir_json *list = ir_json_new_array();
    ck_assert_int_eq(ir_json_append(list, ir_json_new_bool(true)), 0);
    ck_assert_int_eq(ir_json_append(list, ir_json_new_string("\xff!")), 0);
    ck_assert_int_eq(ir_json_append(list, NULL), IMGREL_ENOMEM);
    ck_assert_int_eq(ir_json_put(j, "l", list), 0);
    ck_assert_int_eq(ir_json_puts(j, "none", NULL), 0);
    ck_assert_int_eq(ir_json_put(NULL, "x", ir_json_new_int(1)), IMGREL_ENOMEM);
    char *s = ir_json_string(j, IR_JSON_COMPACT);
    ck_assert_str_eq(s, "{\"z\":\"1\",\"a\":2,\"l\":[true,\"?!\"]}");
    free(s);
    ir_json *copy = ir_json_copy(j);
    ck_assert(ir_json_equal(copy, j));
    ir_json_remove(copy, "l");
    ck_assert(!ir_json_equal(copy, j));
    s = ir_json_string(copy, IR_JSON_PRETTY | IR_JSON_SORTED);
    ck_assert_str_eq(s, "{\n  \"a\": 2,\n  \"z\": \"1\"\n}");
    free(s);
    ir_buf small = IR_BUF(3);
    ck_assert_int_eq(ir_json_dump(copy, 0, &small, &err), IMGREL_ELIMIT);
    ir_buf_free(&small);
    ck_assert_ptr_null(ir_json_string(NULL, 0));
    ir_json_free(ir_json_ref(copy));
    ir_json_free(copy);
    ir_json_free(j);
}
END_TEST

UNIT_SUITE(json, refused, depth, look_ups, tables, writing)
