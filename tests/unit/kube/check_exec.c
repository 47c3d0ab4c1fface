/* check_exec.c - exec plugins: what they are told, what they may answer, and when they are run. */
#include "support.h"

#include <stdlib.h>
#include <sys/stat.h>

#define V1 "client.authentication.k8s.io/v1"

static ir_kube *make(const char *more)
{
    imgrel_error err = {0};
    ir_kube *k = NULL;
    char *text = ir_format(
        "current-context: c\n"
        "clusters: [{name: k, cluster: {server: 'https://h', certificate-authority-data: "
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==, extensions: [{name: "
        "client.authentication.k8s.io/exec, extension: {audience: x}}]}}]\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "users: [{name: u, user: {exec: {apiVersion: " V1 ", interactiveMode: Never, %s}}}]\n",
        more);
    unit_ok(ir_kube_parse(text, strlen(text), "k", kt_dir(), NULL, &k, &err), &err);
    free(text);
    return k;
}

START_TEST(info)
{
    imgrel_error err = {0};
    ir_buf out = IR_BUF(4096);
    ir_kube *k = make("command: p, provideClusterInfo: true");
    unit_ok(ir_kube_exec_info(k->exec, &out, &err), &err);
    ck_assert_str_eq(ir_buf_str(&out),
                     "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                     "\",\"spec\":{\"cluster\":{\"server\":\"https://h\","
                     "\"certificate-authority-data\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\","
                     "\"config\":{\"audience\":\"x\"}},\"interactive\":false}}\n");
    ir_kube_free(k);
    ir_buf_clear(&out);
    k = make("command: p");
    unit_ok(ir_kube_exec_info(k->exec, &out, &err), &err);
    ck_assert_str_eq(ir_buf_str(&out), "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\","
                                       "\"apiVersion\":\"" V1 "\",\"spec\":{\"interactive\":"
                                       "false}}\n");
    ir_kube_free(k);
    ir_buf_free(&out);
    kt_clean();
}
END_TEST

static void answer(ir_kube *k, const char *text, const char *word)
{
    imgrel_error err = {0};
    int rc = ir_kube_exec_answer(k, text, strlen(text), &err);
    if (!word) {
        unit_ok(rc, &err);
        return;
    }
    ck_assert_int_eq(rc, IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, word);
    ck_assert_ptr_null(strstr(err.message, "s3cret"));
    ck_assert_ptr_null(k->exec_token);
}

#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":"

START_TEST(answers)
{
    ir_kube *k = make("command: p");
    answer(k, HEAD "{\"token\":\"s3cret\",\"expirationTimestamp\":\"2030-01-01T00:00:00Z\"}}",
           NULL);
    ck_assert_str_eq(k->exec_token, "s3cret");
    ck_assert_int_eq(k->exec_expires, 1893456000);
    answer(k, HEAD "{\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\"}}", NULL);
    ck_assert_str_eq(k->exec_cert, "C");
    ck_assert_ptr_null(k->exec_token);
    answer(k, "s3cret", "not JSON");
    answer(k, "{\"kind\":\"Pod\"}", "not ExecCredential");
    answer(k, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"v9\"}", "plugin returned version v9");
    answer(k, HEAD "{}}", "neither a token nor a certificate");
    answer(k, HEAD "{\"token\":\"s3cret\",\"clientKeyData\":\"K\"}}", "half");
    answer(k, HEAD "{\"token\":\"s3cret\",\"expirationTimestamp\":\"soon\"}}", "no time");
    ir_kube_free(k);
    kt_clean();
}
END_TEST

static void plugin(const char *body)
{
    char *text = ir_format("#!/bin/sh\ncd %s\necho \"$#:$1:$2:$FOO\" >>runs\n%s\n", kt_dir(), body);
    ck_assert_int_eq(chmod(kt_file("plug", text), 0700), 0);
    free(text);
}

static size_t runs(void)
{
    ir_buf text = IR_BUF(4096);
    char *path = ir_format("%s/runs", kt_dir());
    size_t n = 0;
    FILE *f = fopen(path, "r");
    for (int ch = 0; f && (ch = fgetc(f)) != EOF;)
        n += ch == '\n';
    if (f)
        fclose(f);
    free(path);
    ir_buf_free(&text);
    return n;
}

#define PLUGIN                                                                                   \
    "{exec: {apiVersion: " V1 ", interactiveMode: Never, command: ./plug, args: [a, b c], env: " \
    "[{name: FOO, value: bar}]}}"

START_TEST(run_again_after_401)
{
    kt k;
    plugin("echo '" HEAD "{\"token\":\"tok'$(wc -l <runs)'\"}}'");
    kt_start(&k, PLUGIN);
    dbl_on(k.server, &(dbl_rule){.with_header = "Bearer tok1", .status = 401, .times = 1});
    kt_on(&k, "GET", "/version", 200, "{}");
    kt_on(&k, "GET", "/version", 200, "{}");
    unit_ok(imgrel_kube_request(k.kube, "GET", "/version", NULL, NULL, 0, NULL, kt_json(&k), NULL,
                                kt_err(&k)),
            &k.err);
    unit_ok(imgrel_kube_request(k.kube, "GET", "/version", NULL, NULL, 0, NULL, kt_json(&k), NULL,
                                kt_err(&k)),
            &k.err);
    ck_assert_uint_eq(runs(), 2);
    ck_assert(dbl_saw(k.server, "Bearer tok2"));
    /* Only once more: then the 401 is the answer. */
    dbl_on(k.server, &(dbl_rule){.status = 401});
    ck_assert_int_eq(
        imgrel_kube_request(k.kube, "GET", "/version", NULL, NULL, 0, NULL, NULL, NULL, kt_err(&k)),
        IMGREL_EAUTH);
    unit_error(&k.err, IMGREL_EAUTH, "renew");
    ck_assert_uint_eq(runs(), 3);
    kt_stop(&k);
}
END_TEST

START_TEST(a_plugin_that_fails)
{
    kt k;
    plugin("echo 'log in first' >&2; exit 4");
    kt_start(&k, PLUGIN);
    ck_assert_int_eq(imgrel_kube_get(k.kube, NULL, "pod/x", NULL, NULL, kt_err(&k)), IMGREL_EAUTH);
    unit_error(&k.err, IMGREL_EAUTH, "failed with exit code 4: log in first");
    ck_assert_ptr_nonnull(strstr(k.err.message, "user \"u\""));
    kt_stop(&k);
}
END_TEST

UNIT_SUITE(exec, info, answers, run_again_after_401, a_plugin_that_fails)
