/* check_hosts.c - rules, plain_http, resolve, certs.d, and the base URL of a registry host. */
#include "net/hosts.h"
#include "support.h"

static net n;

static void base_url(const char *host, const char *want)
{
    char *url = NULL;
    unit_ok(ir_host_url(&n.call, host, &url, &n.err), &n.err);
    ck_assert_str_eq(url, want);
    free(url);
}

static void tune(ir_conf *conf)
{
    ck_assert_int_eq(ir_strv_add(&conf->plain_http, "plain.example:8080"), 0);
    ck_assert_int_eq(ir_strv_add(&conf->plain_http, "any.example"), 0);
    ck_assert_int_eq(ir_strv_add(&conf->plain_http, "[::1]:5000"), 0);
}

START_TEST(matching)
{
    ck_assert(ir_host_matches("a.example", "a.example", 443));
    ck_assert(ir_host_matches("A.example", "a.example", 5000));
    ck_assert(ir_host_matches("a.example:443", "a.example", 443));
    ck_assert(!ir_host_matches("a.example:443", "a.example", 444));
    ck_assert(!ir_host_matches("a.example", "b.a.example", 443));
    ck_assert(!ir_host_matches("a.example", "a.example.b", 443));
    ck_assert(ir_host_matches("[::1]", "[::1]", 443));
    ck_assert(ir_host_matches("[::1]:5000", "[::1]", 5000));
    ck_assert(!ir_host_matches("[::1]:5000", "[::1]", 5001));
    ck_assert(ir_host_is_loopback("localhost"));
    ck_assert(ir_host_is_loopback("localhost:5000"));
    ck_assert(ir_host_is_loopback("127.3.2.1:5000"));
    ck_assert(ir_host_is_loopback("[::1]:5000"));
    ck_assert(!ir_host_is_loopback("localhost.example"));
    ck_assert(!ir_host_is_loopback("10.0.0.1"));
    ck_assert(!ir_host_is_loopback("127.evil.example:5000")); /* would be asked in plain HTTP */
    ck_assert(!ir_host_is_loopback("127.0.0.1.example"));
}
END_TEST

START_TEST(base_urls)
{
    static const ir_host_rule rules[] = {
        {.host = "core.harbor.domain", .url = "http://core.harbor.domain:8080/"},
    };
    net_start(&n, tune);
    base_url("registry.example", "https://registry.example");
    base_url("registry.example:5000", "https://registry.example:5000");
    base_url("docker.io", "https://registry-1.docker.io");
    base_url("plain.example:8080", "http://plain.example:8080");
    base_url("plain.example", "https://plain.example");
    base_url("any.example", "http://any.example");
    base_url("any.example:81", "http://any.example:81");
    base_url("[::1]:5000", "http://[::1]:5000");
    n.call.rules = rules;
    n.call.n_rules = 1;
    base_url("core.harbor.domain", "http://core.harbor.domain:8080");
    net_stop(&n);
}
END_TEST

START_TEST(loopback_is_asked)
{
    dbl_pki *pki = dbl_pki_new(NULL);
    dbl *plain = dbl_start(NULL), *tls = dbl_start(&(dbl_conf){.pki = pki});
    dbl *onward = dbl_start(NULL);
    dbl_on(plain, &(dbl_rule){.path = "/v2/", .status = 401});
    dbl_on(onward, &(dbl_rule){.status = 308, .headers = "Location: https://127.0.0.1/v2/\r\n"});
    net_start(&n, NULL);
    base_url(dbl_host(plain), dbl_url(plain));
    base_url(dbl_host(plain), dbl_url(plain));
    ck_assert_uint_eq(dbl_count(plain, NULL, NULL), 1); /* remembered */
    base_url(dbl_host(tls), dbl_url(tls));
    char *https = ir_format("https://%s", dbl_host(onward));
    base_url(dbl_host(onward), https);
    base_url("127.0.0.1:1", "https://127.0.0.1:1");
    free(https);
    net_stop(&n);
    dbl_stop(plain);
    dbl_stop(tls);
    dbl_stop(onward);
    dbl_pki_free(pki);
}
END_TEST

static dbl *d;
static void resolve_names(ir_conf *conf)
{
    char *exact = ir_format("exact.example:8123=%s", dbl_host(d));
    char *any = ir_format("any.example=%s", dbl_host(d));
    ck_assert_int_eq(ir_strv_add(&conf->resolve, exact), 0);
    ck_assert_int_eq(ir_strv_add(&conf->resolve, any), 0);
    free(exact);
    free(any);
}

START_TEST(addresses)
{
    d = dbl_start(NULL);
    dbl_on(d, &(dbl_rule){.body = "here"});
    net_start(&n, resolve_names);
    unit_ok(net_do(&n, "http://any.example", "/a", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "here");
    char *host = dbl_header(dbl_get(d, NULL, "/a", 0), "host");
    ck_assert_str_eq(host, "any.example"); /* the name stays */
    free(host);
    unit_ok(net_do(&n, "http://exact.example:8123", "/b", NULL), &n.err);
    ck_assert_int_eq(net_do(&n, "http://exact.example:8124", "/c", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "unknown host");
    unit_error(&n.err, IMGREL_ENET, "resolve=exact.example:8124");
    ir_host_rule rule = {
        .host = "core.harbor.domain", .url = "http://core.harbor.domain", .address = dbl_host(d)};
    n.call.rules = &rule;
    n.call.n_rules = 1;
    unit_ok(net_do(&n, "http://core.harbor.domain", "/d", NULL), &n.err);
    ck_assert_uint_eq(dbl_count(d, NULL, "/d"), 1);
    net_stop(&n);
    dbl_stop(d);
}
END_TEST

START_TEST(kinds_of_addresses)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1:443"},
        {"10.0.0.1:8443", "10.0.0.1:8443"},
        {"::1", "[::1]:443"},
        {"[::1]", "[::1]:443"},
        {"[fe80::2]:99", "[fe80::2]:99"},
        {"other.example:1", "other.example:1"},
    };
    IR_AUTO(ir_url) url = {0};
    net_start(&n, NULL);
    unit_ok(ir_url_parse("https://r.example/", &url, &n.err), &n.err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ir_host_rule rule = {.host = "r.example", .address = rows[i].given};
        IR_AUTO(ir_host) h = {0};
        n.call.rules = &rule;
        n.call.n_rules = 1;
        unit_ok(ir_host_get(&n.call, &url, &h, &n.err), &n.err);
        ck_assert_str_eq(h.address, rows[i].want);
    }
    net_stop(&n);
}
END_TEST

UNIT_SUITE(hosts, matching, base_urls, loopback_is_asked, addresses, kinds_of_addresses)
