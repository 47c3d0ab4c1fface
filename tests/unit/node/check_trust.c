/* check_trust.c - a node's files written, merged, taken back, for each runtime. */
#include "support.h"

#include "base/str.h"

#include <stdlib.h>
#include <sys/stat.h>

#define PLAIN "{\"host\": \"h.lan:5000\", \"url\": \"http://h.lan:5000\", \"containerd\": \"2.0\""
#define CA "\"ca\": \"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\""
#define TLS "{\"host\": \"h.lan\", " CA
#define CERTS "etc/containerd/certs.d/"

static void result_is(ir_json *report, const char *result)
{
    ck_assert_str_eq(ir_json_str(report, "result"), result);
    ir_json_free(report);
}

START_TEST(test_written)
{
    node_root r;
    root_begin(&r);
    ir_json *dry = root_trust(&r, PLAIN "}", IMGREL_FLAG_DRY_RUN);
    holds(ir_json_str(ir_json_at(ir_json_get(dry, "files"), 0), "diff"), "+server = ");
    result_is(dry, "would");
    ck_assert_ptr_null(root_read(&r, CERTS "h.lan:5000/hosts.toml"));
    result_is(root_trust(&r, PLAIN "}", 0), "changed");
    ck_assert_int_eq(root_mode(&r, CERTS "h.lan:5000/hosts.toml"), 0644);
    result_is(root_trust(&r, PLAIN "}", 0), "unchanged");
    result_is(root_trust(&r, PLAIN ", \"remove\": true}", IMGREL_FLAG_DRY_RUN), "would");
    result_is(root_trust(&r, PLAIN ", \"remove\": true}", 0), "changed");
    ck_assert_ptr_null(root_read(&r, CERTS "h.lan:5000/hosts.toml"));
    result_is(root_trust(&r, PLAIN ", \"remove\": true}", 0), "unchanged");
    root_end(&r);
}
END_TEST

START_TEST(test_merged)
{
    node_root r;
    root_begin(&r);
    root_write(&r, CERTS "h.lan:5000/hosts.toml",
               "# ours\nserver = \"https://h.lan:5000\"\n[host.\"https://mirror.lan\"]\n"
               "capabilities = [\"pull\"]\ndial_timeout = \"1s\"\n"
               "[host.\"http://h.lan:5000\"]\ncapabilities = [\"pull\", \"push\"]\n"
               "skip_verify = true\n");
    result_is(root_trust(&r, PLAIN "}", 0), "changed");
    char *text = root_read(&r, CERTS "h.lan:5000/hosts.toml");
    holds(text, "server = \"http://h.lan:5000\"");
    holds(text, "dial_timeout = \"1s\""); /* what others wrote stays */
    holds(text, "capabilities = [\"pull\", \"push\", \"resolve\"]");
    lacks(text, "skip_verify");
    free(text);
    /* what is right already keeps its comments */
    root_write(&r, CERTS "h.lan:5000/hosts.toml",
               "# kept\nserver = \"http://h.lan:5000\"\n[host.\"http://h.lan:5000\"]\n"
               "  capabilities = [\"pull\", \"resolve\"]\n");
    result_is(root_trust(&r, PLAIN "}", 0), "unchanged");
    text = root_read(&r, CERTS "h.lan:5000/hosts.toml");
    holds(text, "# kept");
    free(text);
    root_write(&r, CERTS "h.lan:5000/hosts.toml", "server = \n");
    char *spec = root_spec(&r, PLAIN "}"), *out = NULL;
    imgrel_error err = {0};
    ck_assert_int_lt(imgrel_node_trust(r.client, spec, NULL, &out, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "hosts.toml:1");
    free(spec);
    root_end(&r);
}
END_TEST

START_TEST(test_config_path)
{
    node_root r;
    root_begin(&r);
    root_write(&r, "etc/containerd/config.toml", "# Debian's\nversion = 2\n");
    ir_json *report =
        root_trust(&r,
                   TLS ", \"containerd\": \"containerd github.com/containerd/containerd "
                       "1.6.20~ds1 1.6.20~ds1-1\"}",
                   0);
    const ir_json *note = ir_json_at(ir_json_get(report, "notes"), 0);
    holds(ir_json_str(note, "message"), "does not read");
    holds(ir_json_str(note, "cure"), "--set-config-path");
    result_is(report, "changed");
    char *ca = root_read(&r, CERTS "h.lan/ca.crt");
    holds(ca, "AAAA");
    free(ca);
    report = root_trust(&r, TLS ", \"containerd\": \"1.6\", \"set_config_path\": true}", 0);
    ck_assert_str_eq(file_state(report, "config.toml"), "changed");
    holds(ir_json_str(ir_json_at(ir_json_get(report, "notes"), 0), "cure"), "restart containerd");
    result_is(report, "changed");
    char *text = root_read(&r, "etc/containerd/config.toml");
    holds(text, "# Debian's");
    holds(text, "config_path = \"/etc/containerd/certs.d\""); /* as the node sees it */
    free(text);
    result_is(root_trust(&r, TLS ", \"containerd\": \"1.6\", \"set_config_path\": true}", 0),
              "unchanged");
    root_end(&r);
}
END_TEST

START_TEST(test_hosts_file)
{
    node_root r;
    root_begin(&r);
    root_write(&r, "etc/hosts", "127.0.0.1 localhost\n10.0.0.1\th.lan # old\n# h.lan\n");
    result_is(root_trust(&r, PLAIN ", \"address\": \"10.0.0.2\"}", 0), "changed");
    char *text = root_read(&r, "etc/hosts");
    ck_assert_str_eq(text, "127.0.0.1 localhost\n# h.lan\n10.0.0.2 h.lan\n");
    free(text);
    result_is(root_trust(&r, PLAIN ", \"address\": \"10.0.0.2\"}", 0), "unchanged");
    result_is(root_trust(&r, PLAIN ", \"address\": \"10.0.0.2\", \"remove\": true}", 0), "changed");
    text = root_read(&r, "etc/hosts");
    ck_assert_str_eq(text, "127.0.0.1 localhost\n# h.lan\n");
    free(text);
    root_end(&r);
}
END_TEST

static void other(const char *spec, const char *path, const char *old, const char *new,
                  const char *back)
{
    node_root r;
    root_begin(&r);
    if (old)
        root_write(&r, path, old);
    result_is(root_trust(&r, spec, 0), "changed");
    char *text = root_read(&r, path);
    ck_assert_ptr_nonnull(text);
    holds(text, new);
    free(text);
    result_is(root_trust(&r, spec, 0), "unchanged");
    char *remove = ir_format("{\"remove\": true, %s", spec + 1);
    result_is(root_trust(&r, remove, 0), "changed");
    text = root_read(&r, path);
    ck_assert_msg(!text == !back, "%s", text ? text : "it is gone");
    if (back)
        holds(text, back);
    free(text);
    free(remove);
    root_end(&r);
}

START_TEST(test_others)
{
    other("{\"runtime\": \"containers\", \"host\": \"h.lan\", \"url\": \"http://h.lan\"}",
          "etc/containers/registries.conf.d/50-imgrel-h.lan.conf", NULL, "insecure = true", NULL);
    other("{\"runtime\": \"docker\", \"host\": \"h.lan\", \"url\": \"http://h.lan\"}",
          "etc/docker/daemon.json",
          "{\"log-driver\": \"journald\", \"insecure-registries\": [\"a.lan\"]}", "\"h.lan\"",
          "a.lan");
    other("{\"runtime\": \"k3s\", \"host\": \"h.lan\", \"url\": \"http://h.lan\"}",
          "etc/rancher/k3s/registries.yaml", "# k3s\nmirrors:\n  a.lan:\n    endpoint: [x]\n",
          "http://h.lan", "a.lan");
}
END_TEST

START_TEST(test_k3s_login)
{
    node_root r;
    root_begin(&r);
    ir_json *report = root_trust(&r,
                                 "{\"runtime\": \"k3s\", \"host\": \"h.lan\", " CA
                                 ", \"user\": \"u\", \"password\": \"geheim\"}",
                                 0);
    char *text = ir_json_string(report, IR_JSON_COMPACT);
    lacks(text, "geheim"); /* not in the report */
    free(text);
    result_is(report, "changed");
    ck_assert_int_eq(root_mode(&r, "etc/rancher/k3s/registries.yaml"), 0600);
    ck_assert_int_eq(root_mode(&r, "etc/rancher/k3s/h.lan.crt"), 0644);
    root_end(&r);
}
END_TEST

UNIT_SUITE(trust, test_written, test_merged, test_config_path, test_hosts_file, test_others,
           test_k3s_login)
