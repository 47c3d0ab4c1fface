/* check_spec.c - what is refused before a builder is asked, and with which cure. */
#include "build/build.h"
#include "support.h"

static int read_with(const char *dir, const char *text, imgrel_error *err)
{
    ir_json *j = NULL;
    ir_build_spec s;
    char *whole = ir_format("{\"context\": \".\"%s%s}", *text ? ", " : "", text);
    *err = (imgrel_error){0};
    int rc = ir_json_parse(whole, strlen(whole), "spec", &j, err);
    unit_ok(rc, err);
    rc = ir_build_spec_read(j, dir, &s, err);
    if (!rc)
        ir_build_spec_free(&s);
    ir_json_free(j);
    free(whole);
    return rc;
}

#define TO "\"to\": [\"reg.test/a:1\"], "

START_TEST(refused)
{
    static const struct {
        const char *text;
        int code;
        const char *word;
    } t[] = {
        {"", IMGREL_EINVAL, "to"},
        {"\"to\": []", IMGREL_EINVAL, "pushes nothing and succeeds"},
        {"\"to\": [\"reg.test/Team/a:1\"]", IMGREL_EINVAL, "in lower case"},
        {"\"to\": [\"reg.test/a:1.0+b\"]", IMGREL_EINVAL, "write '_' instead"},
        {"\"to\": [\"reg.test/a:1,reg.test/b:1\"]", IMGREL_EINVAL, "one by one"},
        {"\"to\": [\"app\"]", IMGREL_EINVAL, "docker.io"},
        {"\"to\": [\"team/app:1\"]", IMGREL_EINVAL, "names no registry"},
        {"\"to\": [7]", IMGREL_EINVAL, "no text"},
        {"\"to\": [\"reg.test/a:1\", \"reg.test/a:1\"]", IMGREL_EINVAL, "twice"},
        {"\"to\": [\"reg.test/a@sha256:"
         "0123456789012345678901234567890123456789012345678901234567890123\"]",
         IMGREL_EINVAL, "digest"},
        {TO "\"nothing\": 1", IMGREL_EINVAL, "nothing"},
        {TO "\"driver\": \"kaniko\"", IMGREL_EINVAL, "not one of buildkit, buildah"},
        {TO "\"push\": \"me\"", IMGREL_EINVAL, "builder, library"},
        {TO "\"platforms\": [\"linux\"]", IMGREL_EINVAL, "linux"},
        {TO "\"args\": {\"a=b\": \"c\"}", IMGREL_EINVAL, "is no name"},
        {TO "\"args\": {\"a\": 1}", IMGREL_EINVAL, "is no text"},
        {TO "\"secrets\": [{\"id\": \"x\"}]", IMGREL_EINVAL, "secrets"},
        {TO "\"secrets\": [{\"id\": \"x\", \"file\": \"none\"}]", IMGREL_ENOTFOUND, "none"},
        {TO "\"secrets\": [{\"id\": \"x\", \"env\": \"IMGREL_NO_SUCH\"}]", IMGREL_ENOTFOUND,
         "is not set"},
        {TO "\"ssh\": [\"default\"]", IMGREL_ENOTFOUND, "SSH_AUTH_SOCK"},
        {TO "\"cache_to\": [{\"ref\": \"x\"}]", IMGREL_EINVAL, "type"},
        {TO "\"cache_to\": [{\"type\": \"registry\"}]", IMGREL_EINVAL, "\"ref\""},
        {TO "\"cache_from\": [{\"type\": \"local\", \"dest\": \"x\"}]", IMGREL_EINVAL, "\"src\""},
        {TO "\"cache_to\": [{\"type\": \"s3\", \"bucket\": \"b\"}]", IMGREL_EINVAL, "region"},
        {TO "\"cache_to\": [{\"type\": \"s3\", \"bucket\": \"b\", \"region\": \"r\", "
            "\"secret_access_key\": \"hush\"}]",
         IMGREL_EINVAL, "AWS_SECRET_ACCESS_KEY"},
        {TO "\"cache_to\": [{\"type\": \"gha\"}]", IMGREL_EINVAL, "ACTIONS_RESULTS_URL"},
        {TO "\"created\": \"yesterday\"", IMGREL_EINVAL, "RFC 3339"},
        {TO "\"file\": \"no/such\"", IMGREL_ENOTFOUND, "--file"},
    };
    char *dir = test_dir();
    imgrel_error err;
    unsetenv("SSH_AUTH_SOCK");
    unsetenv("ACTIONS_CACHE_URL");
    unsetenv("ACTIONS_RESULTS_URL");
    test_file(dir, "Dockerfile", 0644, "FROM scratch\n");
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        read_with(dir, t[i].text, &err);
        ck_assert_msg(err.code == t[i].code, "%s: %d %s", t[i].text, err.code, err.message);
        unit_error(&err, t[i].code, t[i].word);
        ck_assert_ptr_null(strstr(err.message, "hush"));
    }
    ck_assert_int_eq(read_with("/no/such", TO "\"pull\": true", &err), IMGREL_ENOTFOUND);
    unit_ok(read_with(dir, TO "\"created\": \"2023-11-14T22:13:20Z\"", &err), &err);
    test_remove(dir);
}
END_TEST

START_TEST(taken)
{
    char *dir = test_dir();
    ir_json *j = NULL;
    ir_build_spec s;
    imgrel_error err = {0};
    static const char text[] = "{\"context\": \"app\", \"file\": \"d/Dockerfile.x\", \"created\": "
                               "\"2023-11-14T22:13:20Z\", "
                               "\"to\": [\"localhost/a:1\", \"oci:out:1\"], \"platforms\": "
                               "[\"linux/x86_64\", \"linux/arm64\"]}";
    test_file(dir, "app/d/Dockerfile.x", 0644, "FROM scratch\n");
    unit_ok(ir_json_parse(text, sizeof text - 1, "spec", &j, &err), &err);
    unit_ok(ir_build_spec_read(j, dir, &s, &err), &err);
    ck_assert_str_eq(s.platform_list, "linux/amd64,linux/arm64");
    ck_assert_str_eq(s.epoch, "1700000000");
    ck_assert(ir_ends(s.dockerfile, "/app/d/Dockerfile.x"));
    ck_assert_uint_eq(s.n_names, 2);
    ck_assert_int_eq(s.names[1].transport, IR_OCI_LAYOUT);
    ir_build_spec_free(&s);
    ir_json_free(j);
    test_remove(dir);
}
END_TEST

UNIT_SUITE(spec, refused, taken)
