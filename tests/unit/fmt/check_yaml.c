/* check_yaml.c - YAML as JSON with places; what is refused says line and column. */
#include "fmt/yaml.h"
#include "base/limits.h"
#include "unit.h"

#include <stdlib.h>

static ir_yaml *parsed(const char *text)
{
    ir_yaml *y = NULL;
    imgrel_error err = {0};
    unit_ok(ir_yaml_parse(text, strlen(text), "f.yaml", &y, &err), &err);
    return y;
}

START_TEST(scalars)
{
    ir_yaml *y = parsed("v: 1.0.0\nf: 1.22\ny: yes\nt: true\ni: -12\nh: 0x1F\no: 0o17\nq: '1'\n"
                        "n: ~\ne:\ns: !!str 1\nbig: 9223372036854775808\nl: [a, 'b, c', {x: 1}]\n"
                        "m: |\n  a\n  b\n1: one\n");
    char *s = ir_json_string(ir_yaml_root(y), IR_JSON_COMPACT);
    ck_assert_str_eq(s, "{\"v\":\"1.0.0\",\"f\":\"1.22\",\"y\":\"yes\",\"t\":true,\"i\":-12,"
                        "\"h\":31,\"o\":15,\"q\":\"1\",\"n\":null,\"e\":null,\"s\":\"1\","
                        "\"big\":\"9223372036854775808\",\"l\":[\"a\",\"b, c\",{\"x\":1}],"
                        "\"m\":\"a\\nb\\n\",\"1\":\"one\"}");
    free(s);
    ir_yaml_free(y);
    ir_yaml_free(NULL);
}
END_TEST

START_TEST(places)
{
    ir_yaml *y = parsed("a: 1\nb:\n  - x\n  - c: {d: true}\n");
    const ir_json *root = ir_yaml_root(y), *item = ir_json_path(root, "b.1");
    int line = 0, column = 0;
    ck_assert(ir_yaml_place(y, item, &line, &column) && line == 4 && column == 5);
    ck_assert(ir_yaml_key_place(y, root, "b", &line, &column) && line == 2 && column == 1);
    ck_assert(ir_yaml_key_place(y, ir_json_get(item, "c"), "d", &line, &column));
    ck_assert(line == 4 && column == 9);
    ck_assert(!ir_yaml_key_place(y, root, "none", &line, &column));
    imgrel_error err = {0};
    ck_assert_int_eq(ir_yaml_fail(y, root, "b", &err, "%s is bad", "b"), IMGREL_EINVAL);
    ck_assert_str_eq(err.message, "f.yaml:2:1: b is bad");
    ck_assert_int_eq(ir_yaml_fail(y, item, NULL, &err, "later"), IMGREL_EINVAL);
    ir_error_clear(&err);
    ck_assert_int_eq(ir_yaml_fail(y, NULL, NULL, &err, "no place"), IMGREL_EINVAL);
    ck_assert_str_eq(err.message, "f.yaml: no place");
    ir_yaml_free(y);
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {
        {"", "f.yaml: the file is empty"},
        {"a: 1\na: 2\n", "f.yaml:2:1: key \"a\" is there twice"},
        {"a: &x 1\n", "f.yaml:1:4: anchors"},
        {"a: *x\n", "f.yaml:1:4: aliases"},
        {"*x : 1\n", "aliases"},
        {"a: 1\n---\nb: 1\n", "more than one document"},
        {"a: [1\n", "f.yaml:2:1: did not find expected"},
        {"? [a]\n: b\n", "f.yaml:1:3: a key must be a plain word"},
        {"a: !foo x", "f.yaml:1:4: tags"},
        {"a: !!binary eA==", "tags"},
        {"a: \"x\\0y\"", "NUL"},
        {"\"x\\0y\": 1", "NUL"},
        {"a: \xff", "UTF-8"},
        {"a: 1\n\tb: 2\n", "f.yaml:2:1"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_yaml *y = NULL;
        imgrel_error err = {0};
        ck_assert_msg(ir_yaml_parse(t[i][0], strlen(t[i][0]), "f.yaml", &y, &err) == IMGREL_EINVAL,
                      "%s", t[i][0]);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
        ck_assert_ptr_null(y);
    }
}
END_TEST

START_TEST(limits)
{
    char deep[2 * IR_JSON_DEPTH_MAX + 4];
    ir_yaml *y = NULL;
    imgrel_error err = {0};
    memset(deep, '[', IR_JSON_DEPTH_MAX + 1);
    memset(deep + IR_JSON_DEPTH_MAX + 1, ']', IR_JSON_DEPTH_MAX + 1);
    ck_assert_int_eq(ir_yaml_parse(deep, 2 * IR_JSON_DEPTH_MAX + 2, "f.yaml", &y, &err),
                     IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "f.yaml:1:65: nested too deep");
    size_t len = 2 * IR_YAML_NODES_MAX + 4;
    char *wide = malloc(len);
    for (size_t i = 0; i < len; i += 2)
        memcpy(wide + i, ",1", 2);
    wide[0] = '[';
    wide[len - 1] = ']';
    ir_error_clear(&err);
    ck_assert_int_eq(ir_yaml_parse(wide, len, "f.yaml", &y, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "more than 100000 nodes");
    ck_assert_int_eq(ir_yaml_parse(wide, IR_YAML_MAX + 1, "f.yaml", &y, NULL), IMGREL_ELIMIT);
    free(wide);
}
END_TEST

START_TEST(stream)
{
    static const char text[] = "a: 1\n---\nb: 2\n...\n";
    ir_yaml **v = NULL;
    size_t n = 0;
    imgrel_error err = {0};
    unit_ok(ir_yaml_parse_all(text, sizeof text - 1, "f", &v, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(ir_json_int(ir_yaml_root(v[1]), "b", 0), 2);
    for (size_t i = 0; i < n; i++)
        ir_yaml_free(v[i]);
    free(v);
    ck_assert_int_eq(ir_yaml_parse_all("a: 1\n---\n[", 10, "f", &v, &n, &err), IMGREL_EINVAL);
    ck_assert_ptr_null(v);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(written)
{
    ir_json *j = ir_json_pack("{s:s,s:s,s:s,s:i,s:b,s:n,s:{s:[s,{s:s}]},s:[],s:{},s:s,s:s}", "kind",
                              "Pod", "v", "1.22", "yes", "no", "port", 80, "ok", 1, "nul", "spec",
                              "args", "-a", "image", "h/r@sha256:ab", "none", "empty", "text",
                              "a\nb\n", "s", " x: \"y\" ");
    ir_buf b = IR_BUF(10000);
    imgrel_error err = {0};
    unit_ok(ir_yaml_write(j, &b, &err), &err);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), "kind: Pod\nv: \"1.22\"\n\"yes\": \"no\"\n"));
    ir_yaml *y = parsed(ir_buf_str(&b));
    ck_assert(ir_json_equal(ir_yaml_root(y), j));
    ir_yaml_free(y);
    ir_buf small = IR_BUF(10);
    ck_assert_int_eq(ir_yaml_write(j, &small, &err), IMGREL_ELIMIT);
    ir_buf_free(&small);
    ir_buf_free(&b);
    ir_json_free(j);
    ck_assert_int_eq(ir_yaml_write(NULL, &b, NULL), IMGREL_ENOMEM);
}
END_TEST

UNIT_SUITE(yaml, scalars, places, refused, limits, stream, written)
