/* check_toml.c - TOML as JSON and back: what toml-test calls valid and invalid, as far as files of
 * registries have it, and errors with line and column. */
#include "base/limits.h"
#include "base/str.h"
#include "fmt/toml.h"
#include "unit.h"

#include <stdlib.h>

static void is(const char *text, const char *want)
{
    ir_json *j = NULL;
    imgrel_error err = {0};
    unit_ok(ir_toml_parse(text, strlen(text), "f.toml", &j, &err), &err);
    char *s = ir_json_string(j, IR_JSON_COMPACT);
    ck_assert_msg(!strcmp(s, want), "%s\nis %s\nnot %s", text, s, want);
    free(s);
    ir_json_free(j);
}

START_TEST(values)
{
    is("", "{}");
    is("# only\n\n  \t# comments\r\n", "{}");
    is("\xef\xbb\xbf"
       "a = 1",
       "{\"a\":1}");
    is("a=1\nb = -17\nc = +99\nd = 0\ne = 1_000\nf = 0xDead_Beef\ng = 0o755\nh = 0b1101\ni = -0\n",
       "{\"a\":1,\"b\":-17,\"c\":99,\"d\":0,\"e\":1000,\"f\":3735928559,\"g\":493,\"h\":13,"
       "\"i\":0}");
    is("a = 9223372036854775807\nb = -9223372036854775808",
       "{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
    is("a = 0.5\nb = -2.25\nc = 1e3\nd = 1_0.2_5E-1", "{\"a\":0.5,\"b\":-2.25,\"c\":1000.0,"
                                                      "\"d\":1.0249999999999999}");
    is("t = true # yes\nf = false", "{\"t\":true,\"f\":false}");
    is("a = []\nb = [1,2,]\nc = [ [\"x\"], # one\n 2,\n\n {k=1} ]",
       "{\"a\":[],\"b\":[1,2],\"c\":[[\"x\"],2,{\"k\":1}]}");
    is("a = {}\nb = { c = 1, d.e = \"x\", \"f g\" = [2] }",
       "{\"a\":{},\"b\":{\"c\":1,\"d\":{\"e\":\"x\"},\"f g\":[2]}}");
}
END_TEST

START_TEST(strings)
{
    is("a = \"q\\\"b\\\\ \\t\\u00e9\\U0001F600\"",
       "{\"a\":\"q\\\"b\\\\ \\t\xc3\xa9\xf0\x9f\x98\x80\"}");
    is("a = 'C:\\n'\nb = ''\nc = \"\"", "{\"a\":\"C:\\\\n\",\"b\":\"\",\"c\":\"\"}");
    is("a = \"\"\"\none\ntwo\"\"\"", "{\"a\":\"one\\ntwo\"}");
    is("a = \"\"\"one \\\n   \n  two\\  \n\"\"\"", "{\"a\":\"one two\"}");
    is("a = \"\"\"\"q\" \"\"x\"\"\"\"\"", "{\"a\":\"\\\"q\\\" \\\"\\\"x\\\"\\\"\"}");
    is("a = '''\n\\n 'x' '''\nb = \"\"\"\"\"\"", "{\"a\":\"\\\\n 'x' \",\"b\":\"\"}");
    is("a = '''''two'''''", "{\"a\":\"''two''\"}");
}
END_TEST

START_TEST(tables)
{
    is("a.b = 1\na.c.d = 2\n\"x.y\" = 3\n'' = 4\n1.2 = 5",
       "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"x.y\":3,\"\":4,\"1\":{\"2\":5}}");
    is("[a]\nb = 1\n[a.c]\nd = 2\n[ e . \"f g\" ]\n", "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"e\":"
                                                      "{\"f g\":{}}}");
    is("[a.b.c]\nx = 1\n[a]\ny = 2", "{\"a\":{\"b\":{\"c\":{\"x\":1}},\"y\":2}}");
    is("[fruit]\napple.color = 1\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = true",
       "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true},\"texture\":"
       "{\"smooth\":true}}}}");
    is("[[r]]\nl = 1\n[[r.m]]\nx = 1\n[[r.m]]\nx = 2\n[[r]]\nl = 2\n[r.t]\ny = 3",
       "{\"r\":[{\"l\":1,\"m\":[{\"x\":1},{\"x\":2}]},{\"l\":2,\"t\":{\"y\":3}}]}");
    is("server = \"https://docker.io\"\r\n[host.\"https://m.lan:5000/v2/p\"]\r\n"
       "  capabilities = [\"pull\", \"resolve\"]\r\n  [host.\"https://m.lan:5000/v2/p\".header]\r\n"
       "    x-a = [\"1\"]\r\n",
       "{\"server\":\"https://docker.io\",\"host\":{\"https://m.lan:5000/v2/p\":{\"capabilities\":"
       "[\"pull\",\"resolve\"],\"header\":{\"x-a\":[\"1\"]}}}}");
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {
        {"a", "f.toml:1:2: = was expected"},
        {"a =", "f.toml:1:4: a value was expected"},
        {"a = 1 b = 2", "f.toml:1:7: the line should end here"},
        {"\n a = 1\na = 2", "f.toml:3:6: \"a\" is there twice"},
        {"= 1", "f.toml:1:1: a key was expected"},
        {"a. = 1", "a key was expected"},
        {"\"\"\"a\"\"\" = 1", "= was expected"},
        {"a = 'x", "the string is not ended"},
        {"a = \"x\ny\"", "f.toml:1:7: the string is not ended"},
        {"a = \"\"\"x\"\"", "the string is not ended"},
        {"a = \"\\x\"", "an unknown escape"},
        {"a = \"\\", "an unknown escape"},
        {"a = \"\\u12\"", "\\u wants 4 hexadecimal digits"},
        {"a = \"\\ud800\"", "is no character"},
        {"a = \"\\u0000\"", "is no character"},
        {"a = 01", "\"01\" is no value"},
        {"a = 1__0", "is no value"},
        {"a = _1", "is no value"},
        {"a = 1_", "is no value"},
        {"a = +0x1", "is no value"},
        {"a = 0x", "is no value"},
        {"a = 1.", "is no value"},
        {"a = .5", "is no value"},
        {"a = 1.e2", "is no value"},
        {"a = 1e999", "out of range"},
        {"a = inf", "is no value"},
        {"a = True", "is no value"},
        {"a = 9223372036854775808", "does not fit"},
        {"a = -9223372036854775809", "does not fit"},
        {"a = 1979-05-27", "dates must be quoted"},
        {"a = 07:32:00", "dates must be quoted"},
        {"a = [1", ", or ] was expected"},
        {"a = [1 2]", ", or ] was expected"},
        {"a = [,]", "a value was expected"},
        {"a = {b = 1,}", "a key was expected"},
        {"a = {b = 1\n}", ", or } was expected"},
        {"a = {b = 1, b = 2}", "\"b\" is there twice"},
        {"a = {b = {c = 1}, b.d = 2}", "\"b\" can't be added to here"},
        {"[a", "] was expected"},
        {"[a]]", "the line should end here"},
        {"[[a]", "]] was expected"},
        {"[]", "a key was expected"},
        {"[a]\n[a]", "f.toml:2:3: \"a\" is there twice"},
        {"a = 1\n[a]", "\"a\" is there twice"},
        {"a = 1\n[a.b]", "\"a\" is no table that can be added to"},
        {"a = {}\n[a.b]", "\"a\" is no table that can be added to"},
        {"a = []\n[[a]]", "\"a\" is no array of tables"},
        {"[a]\n[[a]]", "\"a\" is no array of tables"},
        {"[[a]]\n[a]", "\"a\" is there twice"},
        {"a = [{b = 1}]\n[a.c]", "\"a\" is no table that can be added to"},
        {"[a.b]\nx = 1\n[a]\nb.y = 2", "\"b\" can't be added to here"},
        {"[a.b.c]\nx = 1\n[a]\nb.y = 2", "\"b\" can't be added to here"},
        {"a.b = 1\n[a]", "\"a\" is there twice"},
        {"[f]\na.c = 1\n[f.a]", "\"a\" is there twice"},
        {"a = 1\na.b = 2", "\"a\" can't be added to here"},
        {"a = \"\xff\"", "f.toml:1:6: not UTF-8"},
        {"a = \"\xed\xa0\x80\"", "not UTF-8"},
        {"a = \"\xc0\x80\"", "not UTF-8"},
        {"# \x01", "a control character"},
        {"a = 1\rb = 2", "a control character"},
        {"a = \"\x7f\"", "a control character"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_json *j = NULL;
        imgrel_error err = {0};
        ck_assert_msg(ir_toml_parse(t[i][0], strlen(t[i][0]), "f.toml", &j, &err), "%s", t[i][0]);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
        ck_assert_msg(!strncmp(err.message, "f.toml:", 7), "%s", err.message);
        ck_assert_ptr_null(j);
    }
    ir_json *j = NULL;
    imgrel_error err = {0};
    ck_assert_int_eq(ir_toml_parse("a = \"x\0y\"", 9, "f.toml", &j, &err), IMGREL_EINVAL);
}
END_TEST

static void over(const char *text, const char *word)
{
    ir_json *j = NULL;
    imgrel_error err = {0};
    ck_assert_int_eq(ir_toml_parse(text, strlen(text), "f.toml", &j, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, word);
}

START_TEST(limits)
{
    size_t len = IR_TOML_MAX + 1;
    char *text = calloc(1, len + 1);
    memset(text, '\n', len);
    over(text, "longer than");
    memset(text, '[', 1000);
    memcpy(text, "a = ", 4);
    text[1000] = '\0';
    over(text, "nested more than");
    for (size_t i = 0; i < 500; i++)
        memcpy(text + 2 * i, "a.", 3);
    over(text, "more than 32 parts");
    strcpy(text, "a = [");
    for (size_t i = 0; i < IR_TOML_NODES_MAX; i++)
        memcpy(text + 5 + 2 * i, "1,", 3);
    over(text, "more than 100000 values");
    free(text);
}
END_TEST

START_TEST(writing)
{
    static const char want[] = "server = \"https://a\"\n"
                               "list = [1, \"two\", [true], { x = 1 }]\n"
                               "none = []\n"
                               "\n[host.\"https://m:5000\"]\n"
                               "capabilities = [\"pull\"]\n"
                               "\n[host.\"https://m:5000\".header]\n"
                               "x-a = \"q\\\"\\\\\\u0009\"\n"
                               "\n[empty]\n"
                               "\n[[registry]]\nprefix = \"*.a\"\n"
                               "\n[[registry.mirror]]\nlocation = \"m\"\n"
                               "\n[[registry]]\n";
    ir_json *j = NULL, *again = NULL;
    IR_AUTO(ir_buf) b = IR_BUF(4096);
    imgrel_error err = {0};
    unit_ok(ir_toml_parse(want, strlen(want), "f.toml", &j, &err), &err);
    unit_ok(ir_toml_write(j, &b, &err), &err);
    ck_assert_str_eq(b.p, want);
    unit_ok(ir_toml_parse(b.p, b.len, "f.toml", &again, &err), &err);
    ck_assert(ir_json_equal(j, again));
    ir_json_free(again);
    ir_json_put(j, "nil", ir_json_pack("n"));
    ck_assert_int_eq(ir_toml_write(j, &b, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "no null");
    ir_error_clear(&err);
    ck_assert_int_eq(ir_toml_write(ir_json_get(j, "list"), &b, &err), IMGREL_EINVAL);
    ir_json_free(j);
}
END_TEST

UNIT_SUITE(toml, values, strings, tables, refused, limits, writing)
