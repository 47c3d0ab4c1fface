/* check_tls.c - authorities, client certificates, wrong ports, certs.d, a server name of one's own;
 * and that a certificate goes to its own host only. */
#include "support.h"

#include <signal.h>

static net n;
static dbl_pki *pki;
static dbl *d;

static void setup(void)
{
    pki = dbl_pki_new("registry.example");
    d = dbl_start(&(dbl_conf){.pki = pki});
    dbl_on(d, &(dbl_rule){.method = "GET", .body = "safe"});
}

static void teardown(void)
{
    net_stop(&n);
    dbl_stop(d);
    dbl_pki_free(pki);
}

static void own_ca(ir_conf *conf)
{
    conf->ca_file = ir_strdup(dbl_pki_path(pki, DBL_CA));
}

static void own_ca_and_cert(ir_conf *conf)
{
    own_ca(conf);
    conf->client_cert = ir_strdup(dbl_pki_path(pki, DBL_CLIENT_CERT));
    conf->client_key = ir_strdup(dbl_pki_path(pki, DBL_CLIENT_KEY));
}

static void no_check(ir_conf *conf)
{
    ck_assert_int_eq(ir_strv_add(&conf->insecure, dbl_host(d)), 0);
}

static char *slurp(const char *path)
{
    ir_buf b = IR_BUF(1 << 20);
    imgrel_error e = {0};
    unit_ok(ir_file_read(path, &b, &e), &e);
    return ir_buf_take(&b);
}

START_TEST(unknown_authority)
{
    net_start(&n, NULL);
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "certificate is not accepted");
    unit_error(&n.err, IMGREL_ENET, "ca_file");
    ck_assert_uint_eq(n.reply.tries, 1); /* it would not help */
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 0);
}
END_TEST

START_TEST(own_authority)
{
    net_start(&n, own_ca);
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "safe");
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_uint_eq(dbl_connections(d), 1);
}
END_TEST

START_TEST(wrong_name)
{
    net_start(&n, own_ca);
    ir_host_rule rule = {.host = "other.example", .address = dbl_host(d)};
    n.call.rules = &rule;
    n.call.n_rules = 1;
    ck_assert_int_eq(net_do(&n, "https://other.example", "/", NULL), IMGREL_ENET);
    unit_error(&n.err, IMGREL_ENET, "name that the certificate");
    rule.host = "registry.example";
    unit_ok(net_do(&n, "https://registry.example", "/", NULL), &n.err);
}
END_TEST

START_TEST(unchecked)
{
    net_start(&n, no_check);
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "safe");
}
END_TEST

START_TEST(bad_ca_file)
{
    net_start(&n, NULL);
    ir_host_rule rule = {.host = "127.0.0.1", .ca_file = "/nowhere/ca.pem"};
    n.call.rules = &rule;
    n.call.n_rules = 1;
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/", NULL), IMGREL_EINVAL);
    unit_error(&n.err, IMGREL_EINVAL, "/nowhere/ca.pem");
}
END_TEST

START_TEST(client_certificate)
{
    dbl *strict = dbl_start(&(dbl_conf){.pki = pki, .want_client_cert = true});
    dbl_on(strict, &(dbl_rule){.body = "in"});
    net_start(&n, own_ca);
    ck_assert_int_eq(net_do(&n, dbl_url(strict), "/", NULL), IMGREL_ENET);
    net_stop(&n);
    net_start(&n, own_ca_and_cert);
    unit_ok(net_do(&n, dbl_url(strict), "/", NULL), &n.err);
    ck_assert_str_eq(dbl_get(strict, NULL, NULL, 0)->client, "test-client");
    dbl_stop(strict);
}
END_TEST

START_TEST(client_certificate_stays_home)
{
    dbl *there = dbl_start(&(dbl_conf){.pki = pki});
    char *h = ir_format("Location: %s/cdn\r\n", dbl_url(there));
    dbl *home = dbl_start(&(dbl_conf){.pki = pki});
    dbl_on(home, &(dbl_rule){.status = 307, .headers = h});
    dbl_on(there, &(dbl_rule){.body = "cdn"});
    net_start(&n, own_ca_and_cert);
    unit_ok(net_do(&n, dbl_url(home), "/", NULL), &n.err);
    ck_assert_str_eq(dbl_get(home, NULL, NULL, 0)->client, "test-client");
    ck_assert_ptr_null(dbl_get(there, NULL, NULL, 0)->client);
    free(h);
    dbl_stop(there);
    dbl_stop(home);
}
END_TEST

/* docker's and containerd's layout: a folder a host. */
static void certs_dir(ir_conf *conf)
{
    ck_assert_int_eq(ir_strv_add(&conf->certs_dirs, "/nowhere"), 0);
    ck_assert_int_eq(ir_strv_add(&conf->certs_dirs, net_dir()), 0);
}

static void put_certs(const char *folder, enum dbl_pki_file which, const char *name)
{
    char *text = slurp(dbl_pki_path(pki, which)), *path = ir_format("%s/%s", folder, name);
    net_file(path, text, 0600);
    free(text);
    free(path);
}

START_TEST(certs_d)
{
    dbl *strict = dbl_start(&(dbl_conf){.pki = pki, .want_client_cert = true});
    dbl_on(strict, &(dbl_rule){.body = "in"});
    put_certs(dbl_host(strict), DBL_CA, "ca.crt");
    put_certs(dbl_host(strict), DBL_CLIENT_CERT, "client.cert");
    put_certs(dbl_host(strict), DBL_CLIENT_KEY, "client.key");
    char *flat = ir_format("127.0.0.1_%d_", dbl_port(d));
    put_certs(flat, DBL_CA, "any.crt");
    net_start(&n, certs_dir);
    unit_ok(net_do(&n, dbl_url(strict), "/", NULL), &n.err);
    ck_assert_str_eq(dbl_get(strict, NULL, NULL, 0)->client, "test-client");
    unit_ok(net_do(&n, dbl_url(d), "/", NULL), &n.err);
    ck_assert_ptr_null(dbl_get(d, NULL, NULL, 0)->client);
    free(flat);
    dbl_stop(strict);
}
END_TEST

START_TEST(certs_d_without_key)
{
    put_certs(dbl_host(d), DBL_CLIENT_CERT, "client.cert");
    net_start(&n, certs_dir);
    ck_assert_int_eq(net_do(&n, dbl_url(d), "/", NULL), IMGREL_EINVAL);
    unit_error(&n.err, IMGREL_EINVAL, "client.key");
}
END_TEST

START_TEST(plain_port_spoken_to_in_tls)
{
    dbl *plain = dbl_start(&(dbl_conf){.greeting = "HTTP/1.1 400 Bad Request\r\n\r\n"});
    char *https = ir_format("https://%s", dbl_host(plain));
    net_start(&n, NULL);
    ck_assert_int_eq(net_do(&n, https, "/", NULL), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "speaks plain HTTP");
    unit_error(&n.err, IMGREL_EPROTO, "--plain-http 127.0.0.1");
    ck_assert_uint_eq(n.reply.tries, 1);
    free(https);
    dbl_stop(plain);
}
END_TEST

START_TEST(tls_port_spoken_to_in_plain)
{
    char *http = ir_format("http://%s", dbl_host(d));
    net_start(&n, NULL);
    ck_assert_int_eq(net_do(&n, http, "/", NULL), IMGREL_ENET); /* OpenSSL hangs up */
    unit_error(&n.err, IMGREL_ENET, "leave out --plain-http");
    free(http);
    dbl *alert = dbl_start(&(dbl_conf){.greeting = "\x15\x03\x03"}); /* others say why */
    ck_assert_int_eq(net_do(&n, dbl_url(alert), "/", NULL), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "may speak TLS");
    unit_error(&n.err, IMGREL_EPROTO, "--plain-http");
    dbl_stop(alert);
    /* Go's and nginx' words for it. */
    dbl *go = dbl_start(NULL);
    dbl_on(go,
           &(dbl_rule){.status = 400, .body = "Client sent an HTTP request to an HTTPS server.\n"});
    ck_assert_int_eq(net_do(&n, dbl_url(go), "/", NULL), IMGREL_EPROTO);
    unit_error(&n.err, IMGREL_EPROTO, "speaks TLS");
    dbl_stop(go);
}
END_TEST

START_TEST(brought_along)
{
    char *ca = slurp(dbl_pki_path(pki, DBL_CA)), *cert = slurp(dbl_pki_path(pki, DBL_CLIENT_CERT)),
         *key = slurp(dbl_pki_path(pki, DBL_CLIENT_KEY));
    dbl *strict = dbl_start(&(dbl_conf){.pki = pki, .want_client_cert = true});
    dbl_on(strict, &(dbl_rule){.body = "in"});
    ir_tls tls = {
        .ca_pem = ca, .cert_pem = cert, .key_pem = key, .server_name = "registry.example"};
    ir_request req = {.tls = &tls};
    net_start(&n, NULL);
    unit_ok(net_do(&n, dbl_url(strict), "/x", &req), &n.err);
    const dbl_request *r = dbl_get(strict, NULL, NULL, 0);
    ck_assert_str_eq(r->client, "test-client");
    char *host = dbl_header(r, "host");
    ck_assert_str_eq(host, dbl_host(strict));
    free(host);
    tls.server_name = "wrong.example";
    ck_assert_int_eq(net_do(&n, dbl_url(strict), "/x", &req), IMGREL_ENET);
    tls.insecure = true;
    unit_ok(net_do(&n, dbl_url(strict), "/x", &req), &n.err);
    free(ca);
    free(cert);
    free(key);
    dbl_stop(strict);
}
END_TEST

static volatile sig_atomic_t pipes;
static void on_pipe(int number)
{
    (void)number;
    pipes++;
}

/* The host's SIGPIPE is none of ours: a connection that is reset while we send raises none. */
START_TEST(no_sigpipe)
{
    dbl *plain = dbl_start(NULL);
    dbl *const both[] = {plain, d};
    signal(SIGPIPE, on_pipe);
    net_start(&n, own_ca);
    for (int i = 0; i < 4; i++) {
        net_source s = {.size = 20 << 20};
        ir_request req = net_upload(&s, true);
        dbl_on(both[i % 2], &(dbl_rule){.path = "/up",
                                        .times = 3,
                                        .after_read = 1 << 20,
                                        .fault = i < 2 ? DBL_RESET : DBL_CLOSE});
        dbl_on(both[i % 2], &(dbl_rule){.path = "/up", .times = 1, .status = 201});
        unit_ok(net_do(&n, dbl_url(both[i % 2]), "/up", &req), &n.err);
        ck_assert_int_eq(n.reply.status, 201);
    }
    ck_assert_int_eq(pipes, 0);
    dbl_stop(plain);
}
END_TEST

static dbl *proxy;
static void by_proxy(ir_conf *conf)
{
    own_ca_and_cert(conf);
    conf->proxy = ir_strdup(dbl_url(proxy));
}

START_TEST(tls_through_a_proxy)
{
    const char *const own[] = {"X-Secret: canary", NULL};
    ir_auth auth = {.kind = IR_AUTH_BASIC, .user = "me", .secret = "canary"};
    ir_request req = {.auth = &auth, .headers = own};
    proxy = dbl_start(NULL);
    net_start(&n, by_proxy);
    char *url = ir_format("https://registry.example:%d", dbl_port(d));
    unit_ok(net_do(&n, url, "/", &req), &n.err);
    ck_assert_str_eq(n.reply.body.p, "safe");
    const dbl_request *r = dbl_get(proxy, "CONNECT", NULL, 0);
    ck_assert_ptr_nonnull(r);
    ck_assert(!strstr(r->head, "canary") && !strstr(r->head, "Authorization"));
    free(url);
    dbl_stop(proxy);
}
END_TEST

/* A proxy that speaks TLS has its own authority, and asks for a certificate in vain. */
START_TEST(proxy_in_tls)
{
    dbl_pki *its = dbl_pki_new(NULL);
    proxy = dbl_start(&(dbl_conf){.pki = its, .proxy_auth = "Basic cHU6cHA="});
    net_start(&n, by_proxy);
    ir_conf *conf = (ir_conf *)ir_session_conf(n.session);
    char *url = ir_format("https://registry.example:%d", dbl_port(d));
    conf->proxy_user = ir_strdup("pu");
    conf->proxy_password = ir_strdup("pp");
    ck_assert_int_eq(net_do(&n, url, "/", NULL), IMGREL_ENET);
    ck_assert_uint_eq(dbl_count(proxy, NULL, NULL), 0);
    conf->proxy_ca_file = ir_strdup(dbl_pki_path(its, DBL_CA));
    unit_ok(net_do(&n, url, "/", NULL), &n.err);
    ck_assert_str_eq(n.reply.body.p, "safe");
    const dbl_request *asked = dbl_get(proxy, "CONNECT", NULL, 0);
    const dbl_request *got = dbl_get(d, "GET", NULL, 0);
    ck_assert(asked && !asked->client);
    ck_assert(got && got->client); /* the certificate is the host's */
    ck_assert(!strstr(got->head, "Proxy-Authorization"));
    free(url);
    dbl_stop(proxy);
    dbl_pki_free(its);
}
END_TEST

Suite *suite_tls(void);
Suite *suite_tls(void)
{
    const TTest *const tests[] = {
        unknown_authority,
        own_authority,
        wrong_name,
        unchecked,
        bad_ca_file,
        client_certificate,
        client_certificate_stays_home,
        certs_d,
        certs_d_without_key,
        plain_port_spoken_to_in_tls,
        tls_port_spoken_to_in_plain,
        brought_along,
        no_sigpipe,
        proxy_in_tls,
        tls_through_a_proxy,
    };
    Suite *s = suite_create("tls");
    TCase *c = tcase_create("tls");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
