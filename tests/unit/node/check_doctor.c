/* check_doctor.c - what the doctor says of a node's files; its questions to registries are asked in
 * tests/real/node.test. Nobody listens at port 1. */
#include "support.h"

#define SPEC "{\"host\": \"127.0.0.1:1\", \"url\": \"http://127.0.0.1:1\""
#define V1 SPEC ", \"containerd\": \"1.6\"}"
#define V2 SPEC ", \"containerd\": \"2.2\"}"
#define CERTS "etc/containerd/certs.d/"
#define GOOD                                                           \
    "server = \"http://127.0.0.1:1\"\n[host.\"http://127.0.0.1:1\"]\n" \
    "capabilities = [\"pull\", \"resolve\"]\n"

/* A node with these files; at most two, the first is hosts.toml's. */
static void says(const char *hosts_at, const char *hosts, const char *config, const char *spec,
                 const char *const want[4])
{
    node_root r;
    root_begin(&r);
    if (hosts_at)
        root_write(&r, hosts_at, hosts);
    if (config)
        root_write(&r, "etc/containerd/config.toml", config);
    ir_json *report = root_doctor(&r, spec);
    has_check(report, want[0], want[1], want[2], want[3]);
    ck_assert(!ir_json_bool(report, "healthy", true));
    ir_json_free(report);
    root_end(&r);
}
#define SAYS(at, hosts, config, spec, ...) \
    says(at, hosts, config, spec, (const char *const[4]){__VA_ARGS__})

START_TEST(test_config)
{
    SAYS(NULL, NULL, NULL, V1, "config", "fail", "config_path is not set", "--set-config-path");
    SAYS(NULL, NULL, NULL, V2, "config", "ok", "containerd 2 reads", NULL);
    SAYS(NULL, NULL, "version = 2\ndisabled_plugins = [\"cri\"]\n", V1, "config", "fail",
         "disables the CRI plugin", "disabled_plugins");
    SAYS(NULL, NULL,
         "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n"
         "config_path = \"/etc/containerd/certs.d\"\n"
         "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.a]\nendpoint = [\"x\"]\n",
         V1, "config", "fail", "registry.mirrors", "take registry.mirrors out");
    SAYS(NULL, NULL, "version = ", V1, "config", "fail", "config.toml:1", "mend it");
}
END_TEST

START_TEST(test_folder)
{
    SAYS(CERTS "127.0.0.1/hosts.toml", GOOD, NULL, V2, "folder", "fail", "is not read", "mv '");
    SAYS(CERTS "127.0.0.1:2/hosts.toml", GOOD, NULL, V2, "folder", "fail", "is not read", "mv '");
    SAYS(CERTS "http:__127.0.0.1_1/hosts.toml", GOOD, NULL, V2, "folder", "fail", "is not read",
         "mv '");
    SAYS(CERTS "127.0.0.1_1_/hosts.toml", GOOD, NULL, V2, "folder", "ok",
         "is what containerd reads", NULL);
    SAYS(CERTS "_default/hosts.toml", GOOD, NULL, V2, "folder", "ok", "_default", NULL);
    node_root r;
    root_begin(&r);
    root_write(&r, CERTS "127.0.0.1_1_/hosts.toml", GOOD);
    root_write(&r, CERTS "127.0.0.1:1/hosts.toml", GOOD);
    ir_json *report = root_doctor(&r, V2);
    has_check(report, "folder", "warn", "goes first", "keep one");
    ir_json_free(report);
    report = root_trust(&r, V2, 0);
    holds(ir_json_str(ir_json_at(ir_json_get(report, "notes"), 0), "message"), "reads it instead");
    ir_json_free(report);
    root_end(&r);
}
END_TEST

START_TEST(test_hosts_toml)
{
    static const char at[] = CERTS "127.0.0.1:1/hosts.toml";
    SAYS(at, GOOD, NULL, V2, "hosts.toml", "ok", "reads well", NULL);
    SAYS(at, GOOD, NULL, V2, "reach", "fail", "connection refused", "firewall");
    SAYS(at, "server = \n", NULL, V2, "hosts.toml", "fail", "hosts.toml:1", "only logs this");
    SAYS(at, "server = \"http://127.0.0.1:1\"\n", NULL, V1, "hosts.toml", "fail",
         "only server=", "imgrel node hosts");
    SAYS(at, "[host.\"http://127.0.0.1:1\"]\ncapabilities = [\"pull\", \"resolve\"]\n", NULL, V2,
         "hosts.toml", "fail", "no server=", "imgrel node hosts");
    SAYS(at, "server = \"http://127.0.0.1:1\"\n[host.\"http://127.0.0.1:1\"]\nskip_verify = true\n",
         NULL, V2, "hosts.toml", "warn", "TLS first", "skip_verify");
    SAYS(at,
         "server = \"https://127.0.0.1:1\"\n[host.\"https://127.0.0.1:1\"]\nca = \"none.crt\"\n",
         NULL, V2, "hosts.toml", "fail", "none.crt cannot be read", NULL);
    SAYS(at, "[host.\"http://127.0.0.1:1\"]\ncapabilities = [\"pull\"]\n", NULL, V2, "hosts.toml",
         "fail", "resolve tags", "add");
    SAYS(at, "server = \"http://127.0.0.1:3\"\n[host.\"http://127.0.0.1:3\"]\n", NULL, V2,
         "hosts.toml", "fail", "does not name http://127.0.0.1:1", "imgrel node hosts");
}
END_TEST

START_TEST(test_others)
{
    node_root r;
    root_begin(&r);
    root_write(&r, "etc/docker/daemon.json", "{");
    ir_json *report = root_doctor(&r, "{\"host\": \"127.0.0.1:1\", \"runtime\": \"docker\"}");
    has_check(report, "file", "fail", "daemon.json", "dockerd does not start");
    ir_json_free(report);
    root_write(&r, "etc/docker/daemon.json", "{\"insecure-registries\": [\"127.0.0.1:1\"]}");
    report = root_doctor(&r, "{\"host\": \"127.0.0.1:1\", \"runtime\": \"docker\"}");
    has_check(report, "file", "ok", "allows plain HTTP", NULL);
    ir_json_free(report);
    report = root_doctor(&r, "{\"host\": \"127.0.0.1:1\", \"runtime\": \"k3s\"}");
    has_check(report, "folder", "warn", "is not there", "restart k3s");
    ir_json_free(report);
    report = root_doctor(&r, "{\"host\": \"127.0.0.1:1\", \"runtime\": \"containers\"}");
    has_check(report, "file", "ok", "says nothing special", NULL);
    ir_json_free(report);
    root_end(&r);
}
END_TEST

UNIT_SUITE(doctor, test_config, test_folder, test_hosts_toml, test_others)
