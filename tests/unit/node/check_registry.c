/* check_registry.c - the one registry object: what it takes and what it refuses. */
#include "node/node.h"
#include "support.h"

#include <stdlib.h>

#define CERT "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"

START_TEST(test_defaults)
{
    imgrel_error err = {0};
    IR_AUTO(ir_json_p) j = ir_json_pack("{s:s}", "host", "harbor.lan:8443");
    IR_AUTO(ir_node) n = {0};
    unit_ok(ir_node_read(j, &n, &err), &err);
    ck_assert_str_eq(n.url, "https://harbor.lan:8443");
    ck_assert_str_eq(n.push_host, "harbor.lan:8443");
    ck_assert_str_eq(n.push_url, "https://harbor.lan:8443");
    ck_assert_str_eq(n.runtime, "containerd");
}
END_TEST

START_TEST(test_two_names)
{
    imgrel_error err = {0};
    IR_AUTO(ir_json_p)
    j = ir_json_pack("{s:s, s:s, s:s, s:s, s:s}", "host", "core.harbor.domain", "url",
                     "http://core.harbor.domain", "push_host", "harbor-core.harbor", "user", "u",
                     "password", "p");
    IR_AUTO(ir_node) n = {0};
    unit_ok(ir_node_read(j, &n, &err), &err);
    ck_assert_str_eq(n.push_url, "http://harbor-core.harbor"); /* spoken to in the same scheme */
    ck_assert_str_eq(n.push_user, "u");
    ck_assert(ir_node_plain(n.push_url));
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *spec, *word;
    } cases[] = {
        {"{}", "host"},
        {"[]", "registry spec"},
        {"{\"host\": \"http://h.lan\"}", "without a scheme"},
        {"{\"host\": \"h.lan\", \"url\": \"ftp://h.lan\"}", "not an address"},
        {"{\"host\": \"h.lan\", \"url\": \"http://h.lan/path\"}", "not an address"},
        {"{\"host\": \"h.lan\", \"url\": \"http://u:p@h.lan\"}", "not an address"},
        {"{\"host\": \"h.lan\", \"push_host\": \"a b\"}", "push_host"},
        {"{\"host\": \"h.lan\", \"ca\": \"nothing\"}", "no certificate"},
        {"{\"host\": \"h.lan\", \"ca\": \"" CERT "-----BEGIN PRIVATE KEY-----\"}", "private key"},
        {"{\"host\": \"h.lan\", \"ca\": \"" CERT "\", \"ca_file\": \"x\"}", "both"},
        {"{\"host\": \"h.lan\", \"runtime\": \"rkt\"}", "none of containerd"},
        {"{\"host\": \"h.lan\", \"address\": \"1.2.3.4\\nevil\"}", "more than one line"},
        {"{\"host\": \"h.lan\", \"mirrors\": [1]}", "no text"},
        {"{\"host\": \"h.lan\", \"user\": \"u\"}", "password"},
        {"{\"host\": \"h.lan\", \"colour\": \"red\"}", "colour"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgrel_error err = {0};
        char *text = NULL;
        ck_assert_int_lt(imgrel_node_render("hosts.toml", cases[i].spec, &text, &err), 0);
        ck_assert_ptr_null(text);
        unit_error(&err, IMGREL_EINVAL, cases[i].word);
    }
}
END_TEST

START_TEST(test_ca_file)
{
    imgrel_error err = {0};
    char *text = NULL;
    ck_assert_int_lt(
        imgrel_node_render("ca", "{\"host\": \"h.lan\", \"ca_file\": \"/none/x\"}", &text, &err),
        0);
    unit_error(&err, IMGREL_ENOTFOUND, "/none/x");
    err = (imgrel_error){0};
    ck_assert_int_lt(imgrel_node_render("no such", "{\"host\": \"h.lan\"}", &text, &err), 0);
    unit_error(&err, IMGREL_EINVAL, "registries.conf");
    ck_assert_int_eq(imgrel_node_render(NULL, "{}", &text, NULL), IMGREL_EINVAL);
    ck_assert_int_eq(imgrel_node_trust(NULL, "{}", NULL, NULL, NULL), IMGREL_EINVAL);
}
END_TEST

UNIT_SUITE(registry, test_defaults, test_two_names, test_refused, test_ca_file)
