/* check_words.c - what needs no GitLab: how values are expanded and masked, logs cleaned, errors
 * read, and the pipeline's file written. */
#include "unit.h"

#include "fmt/yaml.h"
#include "gitlab/inside.h"

#include <stdlib.h>

static void expands(const char *value, const char *want)
{
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    ir_gitlab_expand(value, &out, NULL);
    ck_assert_str_eq(ir_buf_str(&out), want);
}

START_TEST(expand)
{
    expands("robot$library+gitlab-runner", "robot+gitlab-runner");
    expands("robot$k8s", "robot");
    expands("S3cret$1", "S3cret");
    expands("pa$$word", "pa$word");
    expands("a$-b", "ab");
    expands("plain", "plain");
    expands("ends with $", "ends with $");
    expands("${X}y${}z${", "yz");
    expands("${-}a$ b", "a$ b");
    expands("$\xc3\xa4", "$\xc3\xa4");
    IR_AUTO(ir_json_p) names = ir_json_new_array();
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    ir_gitlab_expand("$A${BC}$1", &out, names);
    ck_assert_int_eq((int)ir_json_len(names), 3);
    ck_assert_str_eq(ir_json_text(ir_json_at(names, 1)), "BC");
}
END_TEST

START_TEST(mask)
{
    ck_assert_ptr_null(ir_gitlab_mask_rule("robot$library+x", true));
    ck_assert_ptr_nonnull(strstr(ir_gitlab_mask_rule("robot$library+x", false), "raw"));
    ck_assert_ptr_nonnull(strstr(ir_gitlab_mask_rule("short", true), "shorter"));
    ck_assert_ptr_nonnull(strstr(ir_gitlab_mask_rule("with a blank", true), "blank"));
    ck_assert_ptr_null(ir_gitlab_mask_rule("abcDEF123_+=/@:.~-", false));
}
END_TEST

static void cleans(const char *line, const char *want)
{
    char *s = ir_strdup(line);
    ir_gitlab_log_clean(s);
    ck_assert_str_eq(s, want);
    free(s);
}

START_TEST(clean)
{
    cleans("section_start:1700000000:step[collapsed=true]\r\033[0K\033[0;m$ make", "$ make");
    cleans("section_end:1700000000:step\r\033[0K", "");
    cleans("10%\r100%\r", "100%");
    cleans("\033[32;1mok\033[0;m", "ok");
    cleans("a\tb\001c\033[", "a b c");
    cleans("\033[", "");
}
END_TEST

static void reads(const char *body, const char *want, const char *reason)
{
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    char why[64];
    ir_gitlab_words(body, strlen(body), why, &out);
    ck_assert_str_eq(ir_buf_str(&out), want);
    ck_assert_str_eq(why, reason);
}

START_TEST(words)
{
    reads("{\"message\":\"404 Project Not Found\"}", "404 Project Not Found", "");
    reads("{\"message\":{\"value\":[\"is invalid\",\"is long\"],\"key\":[\"bad\"]}}",
          "value: is invalid, is long; key: bad", "");
    reads("{\"message\":[\"a\",\"b\"]}", "a, b", "");
    reads("{\"error\":\"content is missing\"}", "content is missing", "");
    reads("{\"error\":\"insufficient_scope\",\"error_description\":\"more\"}",
          "insufficient_scope: more", "insufficient_scope");
    reads("Retry later\n", "Retry later", "");
    reads("", "", "");
    reads("{\"message\":{\"base\":{\"x\":1}}}", "base: ", "");
    reads("line\033[1m", "line [1m", "");
}
END_TEST

static ir_json *list_of(const char *a, const char *b)
{
    return ir_json_pack("[s, s]", a, b);
}

/* The script is what a shell would be given. */
START_TEST(pipeline_file)
{
    IR_AUTO(ir_json_p) platforms = list_of("linux/amd64", "linux/arm64");
    IR_AUTO(ir_json_p) tags = list_of("self-hosted", "two: words");
    IR_AUTO(ir_json_p) args = ir_json_pack("{s:s}", "WHO", "it's $me");
    IR_AUTO(ir_buf) out = IR_BUF(100000);
    imgrel_error err = {0};
    ir_yaml *y = NULL;
    ir_gitlab_ci ci = {.host = "harbor.lan:5000",
                       .repository = "library/app",
                       .plain_http = true,
                       .platforms = platforms,
                       .runner_tags = tags,
                       .variable = "HARBOR_CONFIG",
                       .dockerfile = "docker/Dockerfile.prod",
                       .build_args = args,
                       .pattern = "^v/\\d+$",
                       .latest = true};
    unit_ok(ir_gitlab_ci_write(&ci, &out, &err), &err);
    unit_ok(ir_yaml_parse(out.p, out.len, ".gitlab-ci.yml", &y, &err), &err);
    const ir_json *job = ir_json_get(ir_yaml_root(y), "build-image");
    const char *script = ir_json_text(ir_json_at(ir_json_get(job, "script"), 0));
    ck_assert_str_eq(ir_json_str(ir_json_at(ir_json_get(job, "rules"), 0), "if"),
                     "$CI_COMMIT_TAG =~ /^v\\/\\d+$/");
    ck_assert_str_eq(ir_json_text(ir_json_at(ir_json_get(job, "tags"), 1)), "two: words");
    ck_assert_str_eq(ir_json_text(ir_json_at(ir_json_path(job, "image.entrypoint"), 0)), "");
    ck_assert_ptr_nonnull(strstr(script, "--opt 'build-arg:WHO=it'\"'\"'s $me'"));
    ck_assert_ptr_nonnull(strstr(script, "--opt 'filename=Dockerfile.prod'"));
    ck_assert_ptr_nonnull(strstr(script, "--local 'dockerfile=docker'"));
    ck_assert_ptr_nonnull(strstr(script, "--opt 'platform=linux/amd64,linux/arm64'"));
    ck_assert_ptr_nonnull(strstr(script, "[registry.\"harbor.lan:5000\"]\n  http = true\n"));
    ck_assert_ptr_nonnull(strstr(script, "\\\"name=$IMAGE:$CI_COMMIT_TAG,$IMAGE:latest\\\""));
    ir_yaml_free(y);
}
END_TEST

START_TEST(pipeline_file_refused)
{
    IR_AUTO(ir_buf) out = IR_BUF(100000);
    imgrel_error err = {0};
    ir_gitlab_ci ci = {.host = "h\"x", .repository = "a/b", .variable = "X"};
    ck_assert_int_eq(ir_gitlab_ci_write(&ci, &out, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "host");
    err = (imgrel_error){0};
    ci = (ir_gitlab_ci){.host = "h", .repository = "a/b", .variable = "X Y"};
    ck_assert_int_eq(ir_gitlab_ci_write(&ci, &out, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "name of a variable");
    err = (imgrel_error){0};
    ci = (ir_gitlab_ci){.host = "h", .repository = "a/b", .user_variable = "U"};
    ck_assert_int_eq(ir_gitlab_ci_write(&ci, &out, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "login");
    err = (imgrel_error){0};
    ci = (ir_gitlab_ci){.host = "h", .repository = "a/b", .variable = "X", .context = "a\nb"};
    ck_assert_int_eq(ir_gitlab_ci_write(&ci, &out, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "control character");
}
END_TEST

START_TEST(addresses)
{
    static const char *const bad[] = {"", "ftp://x", "https://u:p@x", "https://x/?a"};
    imgrel_error err = {0};
    ir_gitlab *g = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(ir_gitlab_new(bad[i], "a/b", "t", &g, &err), IMGREL_EINVAL);
        err = (imgrel_error){0};
    }
    ck_assert_int_eq(ir_gitlab_new("https://x", "/a/b", "t", &g, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "group/app");
    err = (imgrel_error){0};
    ck_assert_int_eq(ir_gitlab_new("https://x", "a/b", "two words", &g, &err), IMGREL_EINVAL);
    err = (imgrel_error){0};
    unit_ok(ir_gitlab_new("https://x:8443/root/api/v4/", "a/b", "t", &g, &err), &err);
    ck_assert_str_eq(g->base, "https://x:8443/root/api/v4");
    ck_assert_str_eq(ir_gitlab_host(g), "x:8443");
    ir_gitlab_free(g);
}
END_TEST

UNIT_SUITE(gitlab_words, expand, mask, clean, words, pipeline_file, pipeline_file_refused,
           addresses)
