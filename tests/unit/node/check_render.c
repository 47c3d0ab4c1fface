/* check_render.c - the documents: each says what the seeds' hand-written files had to say, and all
 * agree. */
#include "fmt/hosts_toml.h"
#include "fmt/registries.h"
#include "fmt/toml.h"
#include "fmt/yaml.h"
#include "support.h"

#include <stdlib.h>

#define PLAIN "{\"host\": \"core.harbor.domain\", \"url\": \"http://core.harbor.domain\""
#define CA "\"ca\": \"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\""
#define TLS "{\"host\": \"h.lan:5000\", " CA

static void renders(const char *what, const char *spec, const char *const *words)
{
    char *text = render(what, spec);
    for (; *words; words++)
        holds(text, *words);
    imgrel_free(text);
}
#define RENDERS(what, spec, ...) renders(what, spec, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(test_hosts_toml)
{
    char *text = render("hosts.toml", PLAIN "}");
    ir_hosts_file f = {0};
    imgrel_error err = {0};
    unit_ok(ir_hosts_toml_parse(text, strlen(text), "t", &f, &err), &err);
    ck_assert_uint_eq(f.n, 1);
    ck_assert_str_eq(f.server.url, "http://core.harbor.domain");
    ck_assert_str_eq(f.v[0].url, "http://core.harbor.domain");
    ck_assert_uint_eq(f.v[0].can, IR_HOSTS_PULL | IR_HOSTS_RESOLVE);
    ir_hosts_file_free(&f);
    lacks(text, "skip_verify"); /* on plain HTTP it makes containerd 2 try TLS first */
    imgrel_free(text);
    text = render("hosts.toml", TLS ", \"mirrors\": [\"https://m.lan\"]}");
    unit_ok(ir_hosts_toml_parse(text, strlen(text), "t", &f, &err), &err);
    ck_assert_uint_eq(f.n, 2);
    ck_assert_str_eq(f.v[0].url, "https://m.lan"); /* asked first */
    ck_assert_str_eq(f.v[1].ca.v[0], "ca.crt");
    ir_hosts_file_free(&f);
    imgrel_free(text);
    RENDERS("hosts.toml", "{\"host\": \"h.lan\", \"insecure\": true}", "skip_verify = true");
}
END_TEST

START_TEST(test_registries_conf)
{
    ir_registries all = {0};
    imgrel_error err = {0};
    size_t len = 0;
    char *text = render("registries.conf",
                        "{\"host\": \"h.lan\", \"url\": \"http://10.0.0.5:8080\", \"mirrors\": "
                        "[\"http://m.lan\"]}");
    unit_ok(ir_registries_parse(text, strlen(text), "t", &all, &err), &err);
    const ir_registry_conf *c = ir_registries_find(&all, "h.lan/a/b:1", &len);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->location, "10.0.0.5:8080");
    ck_assert(c->insecure && c->n_mirrors == 1 && c->mirrors[0].insecure);
    ir_registries_free(&all);
    imgrel_free(text);
}
END_TEST

START_TEST(test_builders)
{
    RENDERS("buildkitd.toml", PLAIN ", \"push_host\": \"hc.svc\"}", "[registry.\"hc.svc\"]",
            "[registry.\"core.harbor.domain\"]", "http = true");
    RENDERS("buildkitd.toml", "{\"host\": \"h.lan\", \"url\": \"http://10.0.0.5:8080\"}",
            "mirrors = [\"10.0.0.5:8080\"]", "[registry.\"10.0.0.5:8080\"]");
    RENDERS("buildkitd.toml", TLS "}", "/etc/buildkit/certs/h.lan:5000/ca.crt");
    RENDERS("buildkit-output",
            PLAIN ", \"push_host\": \"hc.svc\", \"names\": [\"a/b:1\", \"a/b:2\"]}",
            "type=image,\"name=hc.svc/a/b:1,hc.svc/a/b:2\",push=true,registry.insecure=true");
    RENDERS("buildkit-output", "{\"host\": \"h.lan\", \"names\": [\"a/b:1\"]}",
            "type=image,name=h.lan/a/b:1,push=true\n");
    imgrel_error err = {0};
    char *text = NULL;
    ck_assert_int_lt(imgrel_node_render("buildkit-output", PLAIN "}", &text, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "names");
    err = (imgrel_error){0};
    ck_assert_int_lt(
        imgrel_node_render("buildkit-output", PLAIN ", \"names\": [\"a,b\"]}", &text, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "a,b");
}
END_TEST

#define LOGIN ", \"user\": \"robot$library+x\", \"password\": \"p$1word9\""
START_TEST(test_logins)
{
    RENDERS("docker-config", PLAIN LOGIN ", \"push_host\": \"hc.svc\"}", "\"hc.svc\"",
            "\"core.harbor.domain\"", "robot$library+x", "p$1word9");
    RENDERS("secret", PLAIN LOGIN ", \"name\": \"harbor\", \"namespace\": \"app\"}",
            "kubernetes.io/dockerconfigjson", "name: harbor", "namespace: app");
    RENDERS("gitlab-variables", PLAIN LOGIN "}", "\"raw\": true", "\"masked\": true",
            "\"p$1word9\"");
    imgrel_error err = {0};
    char *text = NULL;
    static const char *const words[] = {"docker-config", "secret", "gitlab-variables"};
    for (size_t i = 0; i < 3; i++) {
        err = (imgrel_error){0};
        ck_assert_int_lt(imgrel_node_render(words[i], PLAIN "}", &text, &err), 0);
        unit_error(&err, IMGREL_EINVAL, "user");
    }
}
END_TEST

START_TEST(test_others)
{
    RENDERS("daemon.json", PLAIN "}", "insecure-registries", "core.harbor.domain");
    RENDERS("daemon.json", TLS "}", "{}");
    RENDERS("k3s", TLS LOGIN "}", "ca_file: \"/etc/rancher/k3s/h.lan:5000.crt\"", "username",
            "https://h.lan:5000");
    RENDERS("hosts", PLAIN ", \"address\": \"10.0.0.9\"}", "10.0.0.9 core.harbor.domain\n");
    RENDERS("ca", TLS "}", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    RENDERS("kind", PLAIN ", \"ports\": [\"8080:80\", \"127.0.0.1:443:443\"], \"workers\": 1}",
            "kind.x-k8s.io/v1alpha4", "hostPort: 8080", "listenAddress: \"127.0.0.1\"", "worker");
    imgrel_error err = {0};
    char *text = NULL;
    ck_assert_int_lt(imgrel_node_render("kind", PLAIN ", \"ports\": [\"80\"]}", &text, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "8080:80");
}
END_TEST

START_TEST(test_charts)
{
    RENDERS("harbor", PLAIN "}", "enabled: false", "externalURL: \"http://core.harbor.domain\"",
            "existingSecretAdminPassword: harbor-admin");
    RENDERS("harbor", TLS ", \"tls_secret\": \"harbor-tls\"}", "secretName: harbor-tls",
            "https://h.lan:5000");
    RENDERS("gitlab-runner",
            PLAIN ", \"gitlab_url\": \"https://gitlab.com\", \"runner_token\": "
                  "\"glrt-abc\", \"address\": \"10.0.0.9\"}",
            "runnerToken: glrt-abc", "executor = ", "privileged = false", "10.0.0.9");
    char *text = render("gitlab-runner", PLAIN ", \"gitlab_url\": \"https://gitlab.com\"}");
    holds(text, "secret: gitlab-runner");
    lacks(text, "egistrationToken");
    imgrel_free(text);
    imgrel_error err = {0};
    ck_assert_int_lt(imgrel_node_render("gitlab-runner",
                                        PLAIN ", \"gitlab_url\": \"https://gitlab.com\", "
                                              "\"runner_token\": \"GR1348941xyz\"}",
                                        &text, &err),
                     0);
    unit_error(&err, IMGREL_EINVAL, "retired");
    err = (imgrel_error){0};
    ck_assert_int_lt(imgrel_node_render("gitlab-runner", PLAIN "}", &text, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "gitlab_url");
}
END_TEST

#define JOB ", \"image\": \"h.lan/imgrel:1\", \"args\": [\"a.lan\", \"h.lan\", \"--all\"]"
START_TEST(test_workloads)
{
    RENDERS("daemonset", TLS ", \"image\": \"i\", \"user\": \"u\", \"password\": \"geheim\"}",
            "kind: DaemonSet", "operator: Exists", "/node/etc", "registry.json", "CERTIFICATE");
    char *text = render("daemonset", TLS ", \"image\": \"i\", \"user\": \"u\", \"password\": "
                                         "\"geheim\"}");
    lacks(text, "geheim"); /* nodes need no login */
    imgrel_free(text);
    RENDERS("job", TLS JOB ", \"completions\": 8, \"parallelism\": 2, \"registry_secret\": \"s\"}",
            "completionMode: Indexed", "completions: 8", "parallelism: 2", "--share",
            "IMGREL_CA_FILE", "secretName: s", "config.json", "ca.crt");
    static const struct {
        const char *what, *spec, *word;
    } bad[] = {
        {"daemonset", TLS "}", "image"},
        {"job", TLS ", \"completions\": 2, \"args\": [\"a\", \"b\"]}", "image"},
        {"job", TLS JOB "}", "completions"},
        {"job", TLS ", \"image\": \"i\", \"completions\": 2}", "SRC DST"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        ck_assert_int_lt(imgrel_node_render(bad[i].what, bad[i].spec, &text, &err), 0);
        unit_error(&err, IMGREL_EINVAL, bad[i].word);
    }
}
END_TEST

UNIT_SUITE(render, test_hosts_toml, test_registries_conf, test_builders, test_logins, test_others,
           test_charts, test_workloads)
