/* faults_rules.c - the rest of the rules that keep logins, secrets and files ours: realms inside
 * the network, headers and certificates, logs, documents of two kinds, names that lead elsewhere.
 */
#include "hostile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *config_json = "{\"architecture\":\"amd64\",\"os\":\"linux\"}";

/* A manifest with one more layer (as JSON, may be ""). */
static const char *manifest_of(const char *layer)
{
    const char *config = digest_of(config_json, strlen(config_json));
    dbl_on(home, &(dbl_rule){.path = text("/v2/p/a/blobs/%s", config), .body = config_json});
    return text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"config\":{"
                "\"mediaType\":\"" IR_MT_OCI_CONFIG "\",\"digest\":\"%s\",\"size\":%zu},"
                "\"layers\":[%s]}",
                config, strlen(config_json), layer);
}

/* ---- S1: foreign layers ---- */

START_TEST(foreign_layer)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const char *digest = digest_of("hello", 5);
    guard_home();
    dbl_on(other,
           &(dbl_rule){.status = 401,
                       .headers = text("WWW-Authenticate: Bearer realm=\"http://%s/token\"\r\n"
                                       "WWW-Authenticate: Basic realm=x\r\n",
                                       elsewhere)});
    serve("v1", IR_MT_OCI_MANIFEST,
          manifest_of(text("{\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar."
                           "gzip\",\"digest\":\"%s\",\"size\":5,\"urls\":[\"http://%s/layer\"]}",
                           digest, elsewhere)));
    imgrel_opts o = {IMGREL_OPTS, .platform = "linux/amd64"};
    ck_assert_int_lt(imgrel_image_export(client, text("%s/p/a:v1", dbl_host(home)), fd, &o, &err),
                     0);
    ck_assert_uint_eq(dbl_count(other, NULL, "/token*"), 0);
    other_got_nothing();
    close(fd);
}
END_TEST

/* ---- S2, S3: where a registry may send us ---- */

START_TEST(from_tls_to_none)
{
    dbl_pki *pki = dbl_pki_new("safe.example");
    dbl *tls = dbl_start(&(dbl_conf){.pki = pki});
    imgrel_client_free(client);
    unit_ok(imgrel_client_new(&client, &err), &err);
    const char *const keys[][2] = {
        {"resolve", text("safe.example=%s,%s=%s", dbl_host(tls), elsewhere, dbl_host(other))},
        {"ca_file", dbl_pki_path(pki, DBL_CA)},
        {"retries", "0"}};
    for (size_t i = 0; i < 3; i++)
        unit_ok(imgrel_client_set(client, keys[i][0], keys[i][1], &err), &err);
    dbl_on(tls, &(dbl_rule){.method = "HEAD",
                            .status = 307,
                            .headers = text("Location: http://%s/x\r\n", elsewhere)});
    dbl_on(tls, &(dbl_rule){.method = "POST",
                            .status = 202,
                            .headers = text("Location: http://%s/up\r\n", elsewhere)});
    char *digest = NULL;
    ck_assert_int_eq(imgrel_digest(client, "safe.example/p/a:v1", NULL, &digest, &err),
                     IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "from https to http");
    imgrel_blob *b = NULL;
    err = (imgrel_error){0};
    int rc = imgrel_blob_create(client, "safe.example/p/a", NULL, &b, &err);
    if (!rc && imgrel_blob_write(b, "hello", 5, &err) == 5)
        rc = imgrel_blob_commit(b, &digest, &err);
    imgrel_blob_free(b);
    unit_error(&err, IMGREL_EPROTO, "uploads sent to http://");
    ck_assert_uint_eq(dbl_connections(other), 0);
    dbl_stop(tls);
    dbl_pki_free(pki);
}
END_TEST

START_TEST(upload_into_our_network)
{
    imgrel_blob *b = NULL;
    char *digest = NULL;
    guard("http://registry.example/token");
    dbl_on(home, &(dbl_rule){.method = "POST",
                             .status = 202,
                             .headers = text("Location: %s/up\r\n", dbl_url(other))});
    int rc = imgrel_blob_create(client, "registry.example/p/a", NULL, &b, &err);
    if (!rc && imgrel_blob_write(b, "hello", 5, &err) == 5)
        rc = imgrel_blob_commit(b, &digest, &err);
    imgrel_blob_free(b);
    ck_assert_int_lt(rc, 0);
    unit_error(&err, IMGREL_EPROTO, "wants uploads sent to http://127.0.0.1");
    ck_assert_uint_eq(dbl_connections(other), 0);
}
END_TEST

/* ---- S4: realms ---- */

START_TEST(realms_inside)
{
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "2130706433",
                                        "0x7f000001",
                                        "017700000001",
                                        "localhost",
                                        "a.localhost",
                                        "localhost.",
                                        "169.254.169.254",
                                        "10.1.2.3",
                                        "172.16.0.1",
                                        "192.168.1.1",
                                        "0.0.0.0",
                                        "[::1]",
                                        "[fe80::1]",
                                        "[fd00::1]",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:169.254.169.254]"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        hostile_end();
        hostile_begin();
        char *digest = NULL;
        guard(text("http://%s:%d/token", hosts[i], dbl_port(other)));
        int rc = imgrel_digest(client, "registry.example/p/a:v1", NULL, &digest, &err);
        ck_assert_msg(rc == IMGREL_EPROTO, "%s: %d: %s", hosts[i], rc, err.message);
        unit_error(&err, IMGREL_EPROTO, "local address");
        ck_assert_uint_eq(dbl_connections(other), 0);
        ck_assert(!dbl_saw(home, SECRET) && !dbl_saw(home, "Basic "));
    }
}
END_TEST

START_TEST(realm_that_sends_on)
{
    char *digest = NULL;
    dbl_on(home, &(dbl_rule){.path = "/token*",
                             .status = 307,
                             .headers = text("Location: %s/token\r\n", dbl_url(other))});
    guard("http://registry.example/token");
    ck_assert_int_lt(imgrel_digest(client, "registry.example/p/a:v1", NULL, &digest, &err), 0);
    unit_error(&err, IMGREL_EPROTO, "local address");
    ck_assert_uint_eq(dbl_connections(other), 0);
}
END_TEST

/* ---- S6: headers and certificates ---- */

START_TEST(headers_stay_home)
{
    const char *digest = digest_of("hello", 5);
    support_file("hosts/registry.example/hosts.toml",
                 "server = \"http://registry.example\"\n[header]\nx-key = \"" SECRET "\"\n", 0600);
    imgrel_error e = {0};
    unit_ok(imgrel_client_set(client, "hosts_dirs", support_path("hosts"), &e), &e);
    dbl_on(home, &(dbl_rule){.method = "GET",
                             .status = 307,
                             .headers = text("Location: http://%s/blob\r\n", elsewhere)});
    dbl_on(home, &(dbl_rule){.method = "POST",
                             .status = 202,
                             .headers = text("Location: http://%s/up\r\n", elsewhere)});
    dbl_on(other, &(dbl_rule){.method = "GET", .body = "hello"});
    dbl_on(other, &(dbl_rule){.method = "PUT", .status = 201});
    imgrel_blob *b = NULL;
    char buf[8] = "", *got = NULL;
    unit_ok(imgrel_blob_open(client, text("registry.example/p/a@%s", digest), NULL, &b, &e), &e);
    ck_assert_int_eq(imgrel_blob_read(b, buf, 5, &e), 5);
    imgrel_blob_free(b);
    unit_ok(imgrel_blob_create(client, "registry.example/p/a", NULL, &b, &e), &e);
    ck_assert_int_eq(imgrel_blob_write(b, "hello", 5, &e), 5);
    unit_ok(imgrel_blob_commit(b, &got, &e), &e);
    imgrel_blob_free(b);
    imgrel_free(got);
    ck_assert(dbl_saw(home, "x-key: " SECRET));
    ck_assert_uint_eq(dbl_count(other, NULL, NULL), 2);
    other_got_nothing();
}
END_TEST

START_TEST(certificate_stays_home)
{
    dbl_pki *pki = dbl_pki_new("safe.example,else.example");
    dbl *one = dbl_start(&(dbl_conf){.pki = pki}), *two = dbl_start(&(dbl_conf){.pki = pki});
    imgrel_client_free(client);
    unit_ok(imgrel_client_new(&client, &err), &err);
    const char *const keys[][2] = {
        {"resolve", text("safe.example=%s,else.example=%s", dbl_host(one), dbl_host(two))},
        {"ca_file", dbl_pki_path(pki, DBL_CA)},
        {"client_cert", dbl_pki_path(pki, DBL_CLIENT_CERT)},
        {"client_key", dbl_pki_path(pki, DBL_CLIENT_KEY)}};
    for (size_t i = 0; i < 4; i++)
        unit_ok(imgrel_client_set(client, keys[i][0], keys[i][1], &err), &err);
    dbl_on(one, &(dbl_rule){.method = "POST",
                            .status = 202,
                            .headers = "Location: https://else.example/up\r\n"});
    dbl_on(two, &(dbl_rule){.method = "PUT", .status = 201});
    imgrel_blob *b = NULL;
    char *got = NULL;
    unit_ok(imgrel_blob_create(client, "safe.example/p/a", NULL, &b, &err), &err);
    ck_assert_int_eq(imgrel_blob_write(b, "hello", 5, &err), 5);
    unit_ok(imgrel_blob_commit(b, &got, &err), &err);
    imgrel_blob_free(b);
    imgrel_free(got);
    ck_assert_ptr_nonnull(dbl_get(one, "POST", NULL, 0)->client);
    ck_assert_ptr_null(dbl_get(two, "PUT", NULL, 0)->client);
    dbl_stop(one);
    dbl_stop(two);
    dbl_pki_free(pki);
}
END_TEST

/* ---- S7: what is said of it ---- */

START_TEST(nothing_secret_is_said)
{
    static const char *const secrets[] = {SECRET, TOKEN, "canary", "YWxpY2U6"};
    guard_home();
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/blobs/*",
                             .status = 307,
                             .headers = text("Location: http://cu:canary1@%s/b?X-Sig=canary2\r\n",
                                             elsewhere)});
    dbl_on(other,
           &(dbl_rule){.status = 403, .body = "<a href=\"http://u:canary3@x/?t=canary4\">no</a>"});
    ck_assert_ptr_null(read_blob(digest_of("hello", 5)));
    ck_assert_uint_eq(dbl_count(other, NULL, NULL), 1);
    ck_assert(hostile_said("X-Sig=***"));
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(!hostile_said(secrets[i]) && !strstr(err.message, secrets[i]) &&
                          !strstr(err.cure, secrets[i]),
                      "%s: %s [%s]", secrets[i], err.message, err.cure);
}
END_TEST

/* ---- S8: what refers to what ---- */

START_TEST(referrers_in_a_circle)
{
    guard_home();
    const char *m = manifest_of("");
    const char *digest = digest_of(m, strlen(m));
    serve("v1", IR_MT_OCI_MANIFEST, m);
    serve(digest, IR_MT_OCI_MANIFEST, m);
    /* Whatever is asked for, it is referred to by the image itself. */
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/referrers/*",
                             .headers = "Content-Type: " IR_MT_OCI_INDEX "\r\n",
                             .body = text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                                          "\",\"manifests\":[{\"mediaType\":\"" IR_MT_OCI_MANIFEST
                                          "\",\"digest\":\"%s\",\"size\":%zu}]}",
                                          digest, strlen(m))});
    imgrel_copy_spec(client,
                     text("{\"from\":\"%s/p/a:v1\",\"to\":[\"oci:%s:v1\"],\"referrers\":true}",
                          dbl_host(home), support_path("dst")),
                     NULL, NULL, &err);
    ck_assert_uint_le(dbl_count(home, "GET", "/v2/p/a/referrers/*"), 3);
}
END_TEST

/* ---- S10, S11: documents ---- */

START_TEST(documents_of_two_kinds)
{
    static const char desc[] =
        "{\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"digest\":\"sha256:" ZEROS "\",\"size\":2}";
    const struct {
        const char *type, *body;
    } rows[] = {
        {IR_MT_OCI_MANIFEST, text("{\"schemaVersion\":2,\"config\":%s,\"layers\":[],"
                                  "\"manifests\":[%s]}",
                                  desc, desc)},
        {IR_MT_OCI_INDEX, text("{\"schemaVersion\":2,\"manifests\":[%s],\"layers\":[]}", desc)},
        {IR_MT_OCI_INDEX, text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                               "\",\"config\":%s,\"layers\":[]}",
                               desc)},
        {IR_MT_OCI_MANIFEST,
         text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX "\",\"manifests\":[%s]}",
              desc)},
    };
    guard_home();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        serve(text("t%zu", i), rows[i].type, rows[i].body);
        ck_assert_int_lt(copy_it(text("t%zu", i)), 0);
        unit_error(&err, IMGREL_EPROTO, NULL);
    }
    ck_assert_uint_eq(dbl_count(home, "GET", "/v2/p/a/manifests/sha256:*"), 0);
}
END_TEST

START_TEST(replies_without_end)
{
    size_t len = 2 * 1024 * 1024;
    char *big = malloc(len + 1);
    char *digest = NULL;
    memset(big, ' ', len);
    memcpy(big, "{\"token\":\"" TOKEN "\"", 25);
    big[len - 1] = '}';
    big[len] = '\0';
    dbl_on(home, &(dbl_rule){.path = "/token*", .body = big});
    guard(text("%s/token", dbl_url(home)));
    ck_assert_int_eq(imgrel_digest(client, text("%s/p/a:v1", dbl_host(home)), NULL, &digest, &err),
                     IMGREL_ELIMIT);
    hostile_end();
    hostile_begin();
    dbl_on(home, &(dbl_rule){.status = 400, .body = big}); /* an error is read as far as need be */
    ck_assert_int_eq(imgrel_digest(client, text("%s/p/a:v1", dbl_host(home)), NULL, &digest, &err),
                     IMGREL_EINVAL);
    ck_assert_int_eq(err.http_status, 400);
    free(big);
}
END_TEST

/* ---- S12, S14: files ---- */

START_TEST(titles_that_lead_elsewhere)
{
    static const char *const titles[] = {
        "../escaped", "/tmp/imgrel-escaped", "a/../../escaped", "..", ".", "link"};
    const char *digest = digest_of("hello", 5);
    guard_home();
    dbl_on(home, &(dbl_rule){.path = text("/v2/p/a/blobs/%s", digest), .body = "hello"});
    unit_ok(ir_mkdirs(support_path("out"), 0755, &err), &err);
    support_file("precious", "mine", 0644);
    ck_assert_int_eq(symlink("../precious", support_path("out/link")), 0);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        serve(text("t%zu", i), IR_MT_OCI_MANIFEST,
              manifest_of(text("{\"mediaType\":\"text/plain\",\"digest\":\"%s\",\"size\":5,"
                               "\"annotations\":{\"org.opencontainers.image.title\":\"%s\"}}",
                               digest, titles[i])));
        imgrel_error e = {0}; /* refused, or under its last part: inside in any case */
        imgrel_artifact_get(client, text("%s/p/a:t%zu", dbl_host(home), i), support_path("out"),
                            NULL, NULL, &e);
        ck_assert_int_ne(access(support_path("escaped"), F_OK), 0);
        ck_assert_int_ne(access("/tmp/imgrel-escaped", F_OK), 0);
    }
    IR_AUTO(ir_buf) b = IR_BUF(100);
    unit_ok(ir_file_read(support_path("precious"), &b, &err), &err);
    ck_assert_str_eq(b.p, "mine");
}
END_TEST

START_TEST(wrong_bytes_are_not_kept)
{
    const char *digest = digest_of("hello", 5);
    guard_home();
    dbl_on(home, &(dbl_rule){.path = text("/v2/p/a/blobs/%s", digest), .body = "hellO"});
    serve("v1", IR_MT_OCI_MANIFEST,
          manifest_of(text("{\"mediaType\":\"" IR_MT_OCI_LAYER "\",\"digest\":\"%s\",\"size\":5}",
                           digest)));
    ck_assert_int_eq(copy_it("v1"), IMGREL_EDIGEST);
    ck_assert_int_ne(access(text("%s/blobs/sha256/%s", support_path("dst"), digest + 7), F_OK), 0);
    ck_assert_int_eq(faults_litter("dst"), 0);
    ck_assert_uint_eq(dbl_count(home, "GET", text("/v2/p/a/blobs/%s", digest)), 2);
}
END_TEST

/* ---- S15, S16, S17: who and what is meant ---- */

START_TEST(a_tag_is_resolved_once)
{
    guard_home();
    const char *m = manifest_of("");
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/manifests/v1",
                             .with_header = "Bearer " TOKEN,
                             .headers = "Content-Type: " IR_MT_OCI_MANIFEST "\r\n",
                             .body = m,
                             .times = 1});
    serve("v1", IR_MT_OCI_MANIFEST, manifest_of("{}"));
    char *digest = NULL;
    unit_ok(imgrel_copy(client, text("%s/p/a:v1", dbl_host(home)),
                        text("oci:%s:v1", support_path("dst")), NULL, &digest, &err),
            &err);
    ck_assert_str_eq(digest, digest_of(m, strlen(m)));
    imgrel_free(digest);
}
END_TEST

START_TEST(helper_names)
{
    static const char *const names[] = {"../../evil", "a b", "x;touch evil", "$(touch evil)", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hostile_end();
        hostile_begin();
        support_file("evil", "#!/bin/sh\ntouch ran\n", 0755);
        support_file("auth.json", text("{\"credsStore\":\"%s\"}", names[i]), 0600);
        unit_ok(imgrel_client_set(client, "auth_file", support_path("auth.json"), &err), &err);
        unit_ok(imgrel_client_set(client, "registry_user", NULL, &err), &err);
        guard_home();
        serve("v1", IR_MT_OCI_MANIFEST, manifest_of(""));
        unit_ok(copy_it("v1"), &err); /* anonymous: a public pull does not break */
        ck_assert_int_ne(access(support_path("ran"), F_OK), 0);
        ck_assert_int_ne(access("evil", F_OK), 0);
    }
}
END_TEST

static void guard_with(dbl *d, const char *user, const char *token)
{
    dbl_on(d, &(dbl_rule){.path = "/token*", .body = text("{\"token\":\"%s\"}", token)});
    dbl_on(d, &(dbl_rule){.without_header = text("Bearer %s", token),
                          .status = 401,
                          .headers = text("WWW-Authenticate: Bearer realm=\"%s/token\","
                                          "service=\"s-%s\"\r\n",
                                          dbl_url(d), user)});
}

START_TEST(each_side_its_own_login)
{
    support_file("auth.json",
                 text("{\"auths\":{\"%s\":{\"username\":\"u1\",\"password\":\"pw-one\"},"
                      "\"%s\":{\"username\":\"u2\",\"password\":\"pw-two\"}}}",
                      dbl_host(home), dbl_host(other)),
                 0600);
    unit_ok(imgrel_client_set(client, "auth_file", support_path("auth.json"), &err), &err);
    unit_ok(imgrel_client_set(client, "registry_user", NULL, &err), &err);
    guard_with(home, "u1", "token-one");
    guard_with(other, "u2", "token-two");
    serve("v1", IR_MT_OCI_MANIFEST, manifest_of(""));
    dbl_on(other, &(dbl_rule){.method = "HEAD", .status = 404});
    dbl_on(other, &(dbl_rule){.method = "POST", .status = 201}); /* mounted */
    dbl_on(other, &(dbl_rule){.method = "PUT", .status = 201});
    unit_ok(imgrel_copy(client, text("%s/p/a:v1", dbl_host(home)),
                        text("%s/p/a:v1", dbl_host(other)), NULL, NULL, &err),
            &err);
    ck_assert(dbl_saw(home, "token-one") && dbl_saw(home, "dTE6cHctb25l"));
    ck_assert(dbl_saw(other, "token-two") && dbl_saw(other, "dTI6cHctdHdv"));
    ck_assert(!dbl_saw(home, "token-two") && !dbl_saw(home, "dTI6"));
    ck_assert(!dbl_saw(other, "token-one") && !dbl_saw(other, "dTE6"));
}
END_TEST

void hostile_rules(Suite *s)
{
    const hostile_row rows[] = {
        {"S1", "foreign layer whose host wants a login", foreign_layer},
        {"S2, S3", "from https to http, reading and writing", from_tls_to_none},
        {"S3", "upload sent into our own network", upload_into_our_network},
        {"S4", "realms at local addresses, 18 spellings", realms_inside},
        {"S4", "realm that sends on to one", realm_that_sends_on},
        {"S6", "headers of a host at another", headers_stay_home},
        {"S6", "client certificate at another host", certificate_stays_home},
        {"S7", "secrets in logs and errors", nothing_secret_is_said},
        {"S8", "referrers in a circle", referrers_in_a_circle},
        {"S10", "documents of two kinds", documents_of_two_kinds},
        {"S11", "tokens and errors without end", replies_without_end},
        {"S12", "titles that lead elsewhere", titles_that_lead_elsewhere},
        {"S14", "wrong bytes, always", wrong_bytes_are_not_kept},
        {"S15", "tag that changes while it is copied", a_tag_is_resolved_once},
        {"S16", "helper names that are none", helper_names},
        {"S17", "logins of source and destination", each_side_its_own_login},
    };
    hostile_add(s, rows, sizeof rows / sizeof *rows);
}
