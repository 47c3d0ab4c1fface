/* check_dockerfile.c - instructions, images, variables; .dockerignore. */
#include "build/dockerfile.h"
#include "build/ignore.h"
#include "support.h"

static ir_dockerfile parse(const char *text)
{
    ir_dockerfile d;
    imgrel_error err = {0};
    unit_ok(ir_dockerfile_parse(text, strlen(text), "Dockerfile", &d, &err), &err);
    return d;
}

START_TEST(instructions)
{
    ir_dockerfile d = parse("\xef\xbb\xbf# syntax = docker/dockerfile:1 \r\n# a comment\n"
                            "from  a:1 \\\n  AS   b\n\n# more\nRUN one \\\n# in between\n\n  two\n"
                            "RUN <<EOF cat <<-'X'\nFROM no\nEOF\n  X\n\tX\nCMD [\"x\"]\n");
    static const struct {
        int line;
        const char *word, *rest;
    } want[] = {{3, "FROM", "a:1   AS   b"},
                {7, "RUN", "one   two"},
                {11, "RUN", "<<EOF cat <<-'X'"},
                {16, "CMD", "[\"x\"]"}};
    ck_assert_str_eq(d.syntax, "docker/dockerfile:1");
    ck_assert_uint_eq(d.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < d.n; i++) {
        ck_assert_int_eq(d.v[i].line, want[i].line);
        ck_assert_str_eq(d.v[i].word, want[i].word);
        ck_assert_str_eq(d.v[i].rest, want[i].rest);
    }
    ir_dockerfile_free(&d);
}
END_TEST

START_TEST(escape_and_errors)
{
    ir_dockerfile d = parse("# escape=`\nRUN a `\nb\nRUN c\\\nRUN d\n");
    ck_assert_uint_eq(d.n, 3);
    ck_assert_str_eq(d.v[0].rest, "a b");
    ck_assert_str_eq(d.v[1].rest, "c\\");
    ir_dockerfile_free(&d);
    imgrel_error err = {0};
    ck_assert_int_eq(ir_dockerfile_parse("RUN <<E\nx", 9, "D", &d, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "D:1: the here-document E has no end");
    ir_error_clear(&err);
    ck_assert_int_eq(ir_dockerfile_parse("RUN \0x", 6, "D", &d, &err), IMGREL_EINVAL);
    d = parse("# not a directive\n# syntax=x\nFROM scratch\n");
    ck_assert_ptr_null(d.syntax);
    ir_dockerfile_free(&d);
}
END_TEST

START_TEST(images)
{
    ir_dockerfile d = parse(
        "ARG REG=reg.test:5000\nARG TAG=\"1.0\"\nARG NONE\n"
        "FROM --platform=$BUILDPLATFORM ${REG}/node:$TAG AS Build\n"
        "COPY --from=tools.test/t:2 /a /b\nRUN --mount=type=bind,from=m.test/x,target=/x true\n"
        "FROM build AS two\nCOPY --from=0 /a /b\nFROM scratch\nFROM ${NONE:-dflt.test/d}\n"
        "FROM $UNKNOWN/x\nCOPY --from=two --chown=1 a b\n");
    ir_json *args = NULL;
    ir_strv all = {0};
    imgrel_error err = {0};
    unit_ok(ir_json_parse("{\"TAG\": \"2\"}", 12, "args", &args, &err), &err);
    unit_ok(ir_dockerfile_images(&d, args, &all, &err), &err);
    ck_assert_uint_eq(all.n, 4);
    ck_assert_str_eq(all.v[0], "reg.test:5000/node:2");
    ck_assert_str_eq(all.v[1], "tools.test/t:2");
    ck_assert_str_eq(all.v[2], "m.test/x");
    ck_assert_str_eq(all.v[3], "dflt.test/d");
    ir_strv_free(&all);
    ir_json_free(args);
    ir_dockerfile_free(&d);
}
END_TEST

START_TEST(variables)
{
    static const struct {
        const char *text, *want; /* NULL: not known */
    } t[] = {{"$A-${A}", "x-x"},     {"${A:-n}", "x"},  {"${E:-n}", "n"}, {"${B:-n}", "n"},
             {"${A:+y}", "y"},       {"${E:+y}", ""},   {"$B", NULL},     {"${A", NULL},
             {"\\$A", "$A"},         {"a$", NULL},      {"$E", ""},       {"plain", "plain"}};
    ir_json *vars = NULL;
    imgrel_error err = {0};
    static const char text[] = "{\"A\": \"x\", \"E\": \"\"}";
    unit_ok(ir_json_parse(text, sizeof text - 1, "vars", &vars, &err), &err);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *out = NULL;
        unit_ok(ir_df_expand(t[i].text, vars, &out, &err), &err);
        ck_assert_msg(ir_streq(out, t[i].want), "%s: %s", t[i].text, out ? out : "NULL");
        free(out);
    }
    ir_json_free(vars);
}
END_TEST

START_TEST(ignored)
{
    static const char text[] = "# c\n\n  node_modules/ \n/dist\n*.log\n!keep.log\n**/tmp\n"
                               "a?[b-d]/x\n./docs//*\n!docs/README\n.git\n*a*a*a*a*b\n";
    static const struct {
        const char *path;
        bool out;
    } t[] = {{"node_modules", true},   {"node_modules/x/y", true}, {"src/node_modules", false},
             {"dist/a", true},         {"distant", false},         {"x.log", true},
             {"sub/x.log", false},     {"keep.log", false},        {"tmp", true},
             {"a/b/tmp/c", true},      {"axc/x", true},            {"axe/x", false},
             {"docs/a", true},         {"docs/README", false},     {".gitignore", false},
             {".git/config", true},    {"# c", false}};
    ir_ignore g;
    imgrel_error err = {0};
    unit_ok(ir_ignore_parse(text, sizeof text - 1, &g, &err), &err);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        ck_assert_msg(ir_ignore_has(&g, t[i].path) == t[i].out, "%s", t[i].path);
    ck_assert(ir_ignore_has_exceptions(&g));
    static char deep[4000];
    memset(deep, 'a', sizeof deep - 1);
    ck_assert(!ir_ignore_has(&g, deep)); /* in time */
    ir_ignore_free(&g);
}
END_TEST

UNIT_SUITE(dockerfile, instructions, escape_and_errors, images, variables, ignored)
