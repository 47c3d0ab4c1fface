/* faults_mirrors.c - mirrors by registries.conf and hosts.toml: which place is asked for what, in
 * which order, as whom, and what happens when one is away, has nothing, breaks off or lies. */
#include "faults.h"

#include "double.h"

#include <pthread.h>
#include <unistd.h>

#define REPO "/v2/lib/app"
#define LAYER_SIZE 600000

static dbl *origin, *one, *two;
static imgrel_client *client;
static imgrel_error err;
static char *layer, *bad_layer;
static const char *layer_digest, *manifest, *manifest_digest;
static char said[65536];

static void on_log(void *user, const imgrel_log_record *r)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)user;
    pthread_mutex_lock(&lock);
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "%s %s\n", r->message, r->fields);
    pthread_mutex_unlock(&lock);
}

static const char *digest_of(const char *bytes, size_t len)
{
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(bytes, len, digest, &err), &err);
    return text("%s", digest);
}

static void make_content(void)
{
    layer = support_bytes('r', LAYER_SIZE);
    bad_layer = support_bytes('r', LAYER_SIZE);
    bad_layer[LAYER_SIZE / 2] ^= 1;
    layer_digest = digest_of(layer, LAYER_SIZE);
    manifest =
        text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"config\":{"
             "\"mediaType\":\"" IR_MT_OCI_CONFIG "\",\"digest\":\"%s\",\"size\":2},"
             "\"layers\":[{\"mediaType\":\"" IR_MT_OCI_LAYER "\",\"digest\":\"%s\",\"size\":%d}]}",
             digest_of("{}", 2), layer_digest, LAYER_SIZE);
    manifest_digest = digest_of(manifest, strlen(manifest));
}

static void set(const char *key, const char *value)
{
    unit_ok(imgrel_client_set(client, key, value, &err), &err);
}

static void begin(void)
{
    support_begin();
    origin = dbl_start(NULL);
    one = dbl_start(NULL);
    two = dbl_start(NULL);
    make_content();
    said[0] = '\0';
    err = (imgrel_error){0};
    unit_ok(imgrel_client_new(&client, &err), &err);
    imgrel_client_log(client, on_log, NULL);
    set("plain_http", "origin.example,one.example,two.example,dead.example");
    set("resolve", text("origin.example=%s,one.example=%s,two.example=%s,"
                        "dead.example=127.0.0.1:1",
                        dbl_host(origin), dbl_host(one), dbl_host(two)));
    set("retry_delay", "5ms");
    set("retries", "1");
    set("log_level", "debug");
    set("certs_dirs", "");
}

static void end(void)
{
    imgrel_client_free(client);
    dbl_stop(origin);
    dbl_stop(one);
    dbl_stop(two);
    free(layer);
    free(bad_layer);
    mock_down(); /* what text() gave */
    support_end();
}

/* The image at a place, under the repository's path there. */
static void serve(dbl *d, const char *repo)
{
    const char *head = "Content-Type: " IR_MT_OCI_MANIFEST "\r\n";
    dbl_on(d, &(dbl_rule){.path = text("%s/manifests/*", repo), .headers = head, .body = manifest});
    dbl_on(d, &(dbl_rule){.path = text("%s/blobs/%s*", repo, layer_digest),
                          .body = layer,
                          .body_len = LAYER_SIZE});
    dbl_on(d, &(dbl_rule){.path = text("%s/blobs/*", repo), .body = "{}"});
}

static void registries(const char *conf)
{
    support_file("registries.conf", conf, 0600);
    set("registries_conf", support_path("registries.conf"));
}

static int pull(const char *ref)
{
    err = (imgrel_error){0};
    return imgrel_copy(client, ref, text("oci:%s:v1", support_path("dst")), NULL, NULL, &err);
}

static void pulled(const char *ref)
{
    IR_AUTO(ir_buf) got = IR_BUF(LAYER_SIZE);
    unit_ok(pull(ref), &err);
    const char *path = text("%s/blobs/sha256/%s", support_path("dst"), layer_digest + 7);
    unit_ok(ir_file_read(path, &got, &err), &err);
    ck_assert(got.len == LAYER_SIZE && !memcmp(got.p, layer, LAYER_SIZE));
}

#define TWO_MIRRORS                                     \
    "[[registry]]\nlocation = \"origin.example\"\n"     \
    "[[registry.mirror]]\nlocation = \"one.example\"\n" \
    "[[registry.mirror]]\nlocation = \"two.example\"\n"

START_TEST(none_unless_configured)
{
    serve(origin, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_connections(one) + dbl_connections(two), 0);
}
END_TEST

START_TEST(first_that_has_it)
{
    registries(TWO_MIRRORS);
    serve(two, REPO); /* one says 404 */
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_count(one, "GET", REPO "/manifests/v1"), 1);
    ck_assert_uint_eq(dbl_count(two, "GET", REPO "/manifests/v1"), 1);
    ck_assert_uint_eq(dbl_count(two, "GET", REPO "/blobs/*"), 2);
    ck_assert_uint_eq(dbl_connections(origin), 0);
    ck_assert(
        strstr(said, "a mirror could not serve {\"mirror\":\"http://one.example/v2/lib/app\""));
    ck_assert(strstr(said, "a mirror serves {\"mirror\":\"http://two.example/v2/lib/app\"}"));
}
END_TEST

START_TEST(away_or_broken)
{
    registries("[[registry]]\nlocation = \"origin.example\"\n"
               "[[registry.mirror]]\nlocation = \"dead.example\"\n"
               "[[registry.mirror]]\nlocation = \"one.example\"\n");
    dbl_on(one, &(dbl_rule){.status = 503});
    serve(origin, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_count(one, NULL, NULL), 1); /* once, and then left alone */
    ck_assert_uint_eq(dbl_count(origin, "GET", REPO "/blobs/*"), 2);
    ck_assert(strstr(said, "dead.example: connection refused"));
    char *digest = NULL;
    unit_ok(imgrel_digest(client, "origin.example/lib/app:v1", NULL, &digest, &err), &err);
    ck_assert_str_eq(digest, manifest_digest);
    imgrel_free(digest);
}
END_TEST

START_TEST(nobody_has_it)
{
    registries(TWO_MIRRORS);
    ck_assert_int_eq(pull("origin.example/lib/app:v1"), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "origin.example/lib/app:v1"); /* not the mirror's words */
}
END_TEST

START_TEST(breaks_in_the_middle)
{
    registries(TWO_MIRRORS);
    dbl_on(one, &(dbl_rule){.path = text(REPO "/blobs/%s", layer_digest),
                            .body = layer,
                            .body_len = LAYER_SIZE,
                            .fault = DBL_RESET,
                            .after = 400000});
    serve(one, REPO);
    serve(two, REPO);
    pulled("origin.example/lib/app:v1");
    const dbl_request *r = dbl_get(two, "GET", text(REPO "/blobs/%s", layer_digest), 0);
    ck_assert_ptr_nonnull(r);
    char *range = dbl_header(r, "range");
    ck_assert_msg(range && strstr(range, text("-%d", LAYER_SIZE - 1)), "%s", range);
    ck_assert_str_ne(range, text("bytes=0-%d", LAYER_SIZE - 1));
    free(range);
    ck_assert_uint_eq(dbl_connections(origin), 0);
}
END_TEST

START_TEST(lies)
{
    registries(TWO_MIRRORS);
    dbl_on(one, &(dbl_rule){.path = text(REPO "/blobs/%s", layer_digest),
                            .body = bad_layer,
                            .body_len = LAYER_SIZE});
    serve(one, REPO);
    dbl_on(two, &(dbl_rule){.path = text(REPO "/blobs/%s", layer_digest),
                            .body = bad_layer,
                            .body_len = LAYER_SIZE});
    serve(origin, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_count(one, "GET", text(REPO "/blobs/%s", layer_digest)), 1);
    ck_assert_uint_eq(dbl_count(origin, "GET", text(REPO "/blobs/%s", layer_digest)), 1);
    ck_assert(strstr(said, "bytes that are not those of their digest"));
}
END_TEST

START_TEST(lies_about_a_manifest)
{
    registries(TWO_MIRRORS);
    dbl_on(one, &(dbl_rule){.headers = "Content-Type: " IR_MT_OCI_MANIFEST "\r\n",
                            .body = "{\"schemaVersion\":2}"});
    serve(two, REPO);
    pulled(text("origin.example/lib/app@%s", manifest_digest));
    ck_assert_uint_eq(dbl_count(one, NULL, NULL), 1);
    ck_assert_uint_eq(dbl_count(two, "GET", REPO "/manifests/*"), 1);
}
END_TEST

/* Each place gets its own login, and nobody another's. */
START_TEST(logins)
{
    support_file("auth.json",
                 "{\"auths\":{\"one.example\":{\"username\":\"u1\",\"password\":\"p1\"},"
                 "\"origin.example\":{\"username\":\"u0\",\"password\":\"p0\"}}}",
                 0600);
    set("auth_file", support_path("auth.json"));
    registries("[[registry]]\nlocation = \"origin.example\"\n"
               "[[registry.mirror]]\nlocation = \"two.example\"\n"
               "[[registry.mirror]]\nlocation = \"one.example\"\n");
    dbl *const all[] = {one, two, origin};
    for (size_t i = 0; i < 3; i++)
        dbl_on(all[i], &(dbl_rule){.without_header = "Authorization: Basic dTE6cDE=",
                                   .status = 401,
                                   .headers = "WWW-Authenticate: Basic realm=\"r\"\r\n"});
    serve(one, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert(dbl_saw(one, "Basic dTE6cDE=") && !dbl_saw(one, "dTA6cDA="));
    ck_assert(!dbl_saw(two, "uthorization"));
    ck_assert_uint_eq(dbl_connections(origin), 0);
}
END_TEST

START_TEST(by_tag_and_by_digest)
{
    registries("[[registry]]\nlocation = \"origin.example\"\n"
               "[[registry.mirror]]\nlocation = \"one.example\"\n"
               "pull-from-mirror = \"digest-only\"\n"
               "[[registry.mirror]]\nlocation = \"two.example\"\n"
               "pull-from-mirror = \"tag-only\"\n");
    serve(one, REPO);
    serve(two, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_connections(one), 0);
    unsigned before = (unsigned)dbl_count(two, NULL, NULL);
    pulled(text("origin.example/lib/app@%s", manifest_digest));
    ck_assert_uint_gt(dbl_count(one, NULL, NULL), 0);
    ck_assert_uint_eq(dbl_count(two, NULL, NULL), before);
}
END_TEST

START_TEST(another_location)
{
    registries("[[registry]]\nprefix = \"*.example\"\nlocation = \"one.example/proxy\"\n"
               "[[registry]]\nprefix = \"origin.example/lib\"\nlocation = \"two.example/hub/l\"\n");
    serve(two, "/v2/hub/l/app");
    pulled("origin.example/lib/app:v1");
    serve(one, "/v2/proxy/other/app");
    pulled("origin.example/other/app:v1");
    ck_assert_uint_eq(dbl_connections(origin), 0);
}
END_TEST

START_TEST(blocked)
{
    registries("[[registry]]\nlocation = \"origin.example/lib\"\nblocked = true\n");
    ck_assert_int_eq(pull("origin.example/lib/app:v1"), IMGREL_EDENIED);
    unit_error(&err, IMGREL_EDENIED, "registries.conf");
    ck_assert_uint_eq(dbl_connections(origin), 0);
    err = (imgrel_error){0};
    ck_assert_int_lt(imgrel_copy(client, "oci:none", "origin.example/lib/app:v1", NULL, NULL, &err),
                     0);
    serve(origin, "/v2/other/app");
    pulled("origin.example/other/app:v1");
}
END_TEST

/* What is written goes to the registry that is named, whatever mirrors there are. */
START_TEST(pushes)
{
    registries(TWO_MIRRORS);
    imgrel_blob *b = NULL;
    char *digest = NULL;
    dbl_on(origin, &(dbl_rule){.method = "POST",
                               .path = REPO "/blobs/uploads/*",
                               .status = 202,
                               .headers = "Location: " REPO "/blobs/uploads/1\r\n"});
    dbl_on(origin, &(dbl_rule){.method = "PUT", .path = "*", .status = 201});
    unit_ok(imgrel_blob_create(client, "origin.example/lib/app", NULL, &b, &err), &err);
    ck_assert_int_eq(imgrel_blob_write(b, "hello", 5, &err), 5);
    unit_ok(imgrel_blob_commit(b, &digest, &err), &err);
    imgrel_blob_free(b);
    imgrel_free(digest);
    ck_assert_uint_eq(dbl_connections(one) + dbl_connections(two), 0);
    ck_assert_uint_eq(dbl_count(origin, "PUT", NULL), 1);
}
END_TEST

/* ---- where the files are ----------------------------------------------------------------------
 */

START_TEST(found_by_itself)
{
    support_file("my.conf", "unqualified-search-registries = [\"a.example\"]\n" TWO_MIRRORS, 0600);
    support_file("my.conf.d/10-a.conf",
                 "[[registry]]\nlocation = \"origin.example\"\n"
                 "[[registry.mirror]]\nlocation = \"one.example\"\n",
                 0600);
    support_file("my.conf.d/20-b.conf",
                 "[[registry]]\nlocation = \"origin.example\"\n"
                 "[[registry.mirror]]\nlocation = \"two.example\"\n",
                 0600);
    support_file("my.conf.d/30-c.conf.off", "[[registry]]\nlocation = \"https://\"\n", 0600);
    setenv("CONTAINERS_REGISTRIES_CONF", support_path("my.conf"), 1);
    set("registries_conf", "auto");
    serve(two, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_connections(one), 0); /* the later drop-in replaced both */
    ck_assert(strstr(said, "registries.conf was read {\"from\":\"auto\",\"registries\":\"1\"}"));
    ck_assert(strstr(said, "unqualified-search-registries are not followed"));
}
END_TEST

START_TEST(wrong_files)
{
    registries("[[registry]]\nlocation = 1\n");
    ck_assert_int_eq(pull("origin.example/lib/app:v1"), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "[[registry]] 1: location is not a string");
    imgrel_client_free(client);
    unit_ok(imgrel_client_new(&client, &err), &err);
    set("registries_conf", "/nonexistent/registries.conf");
    ck_assert_int_eq(pull("origin.example/lib/app:v1"), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "/nonexistent/registries.conf");
}
END_TEST

/* ---- trust ----------------------------------------------------------------------------------- */

START_TEST(insecure_mirror)
{
    dbl_pki *pki = dbl_pki_new(NULL);
    dbl *tls = dbl_start(&(dbl_conf){.pki = pki});
    imgrel_client_free(client);
    unit_ok(imgrel_client_new(&client, &err), &err);
    set("resolve", text("origin.example=%s,one.example=%s,two.example=%s", dbl_host(origin),
                        dbl_host(tls), dbl_host(one)));
    set("retries", "0");
    set("certs_dirs", "");
    set("plain_http", "origin.example");
    serve(tls, REPO);
    serve(one, REPO);
    serve(origin, REPO);
    registries("[[registry]]\nlocation = \"origin.example\"\n"
               "[[registry.mirror]]\nlocation = \"one.example\"\n"
               "[[registry]]\nprefix = \"origin.example/lib\"\nlocation = \"origin.example/lib\"\n"
               "[[registry.mirror]]\nlocation = \"one.example/lib\"\ninsecure = true\n"
               "[[registry]]\nprefix = \"origin.example/plain\"\nlocation = \"x.example\"\n"
               "[[registry.mirror]]\nlocation = \"two.example/lib\"\ninsecure = true\n");
    pulled("origin.example/lib/app:v1"); /* a certificate of nobody's will do */
    ck_assert_uint_eq(dbl_count(tls, "GET", REPO "/manifests/v1"), 1);
    ck_assert_uint_eq(dbl_connections(origin), 0);
    pulled("origin.example/plain/app:v1"); /* no TLS will do */
    ck_assert_uint_eq(dbl_count(one, "GET", REPO "/manifests/v1"), 1);
    size_t before = dbl_count(tls, NULL, NULL);
    serve(origin, "/v2/strict/app");
    pulled("origin.example/strict/app:v1"); /* here it must be good */
    ck_assert_uint_eq(dbl_count(tls, NULL, NULL), before);
    dbl_stop(tls);
    dbl_pki_free(pki);
}
END_TEST

/* ---- hosts.toml ------------------------------------------------------------------------------ */

static void hosts(const char *folder, const char *toml)
{
    support_file(text("hosts/%s/hosts.toml", folder), toml, 0600);
    set("hosts_dirs", support_path("hosts"));
}

START_TEST(hosts_toml)
{
    hosts("origin.example", "server = \"http://origin.example\"\n"
                            "[host.\"http://one.example/v2/proxy\"]\n"
                            "  override_path = true\n"
                            "  [host.\"http://one.example/v2/proxy\".header]\n"
                            "    x-key = \"k-of-one\"\n"
                            "[host.\"http://two.example\"]\n  capabilities = [\"pull\"]\n");
    serve(one, "/v2/proxy/lib/app");
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_count(one, "GET", "/v2/proxy/lib/app/manifests/v1?ns=origin.example"), 1);
    char *key = dbl_header(dbl_get(one, NULL, NULL, 0), "x-key");
    ck_assert_str_eq(key, "k-of-one");
    free(key);
    ck_assert_uint_eq(dbl_connections(two) + dbl_connections(origin), 0);
}
END_TEST

/* Who can't resolve is not asked by tag; the server is the last, without ns. */
START_TEST(hosts_toml_capabilities)
{
    hosts("_default", "[host.\"http://two.example\"]\n  capabilities = [\"pull\"]\n"
                      "[host.\"http://one.example\"]\n  capabilities = [\"push\"]\n"
                      "  [host.\"http://one.example\".header]\n    x-key = \"k-of-one\"\n");
    serve(two, REPO);
    serve(origin, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_uint_eq(dbl_connections(two), 0);
    ck_assert_uint_eq(dbl_count(origin, "GET", REPO "/manifests/v1"), 1);
    pulled(text("origin.example/lib/app@%s", manifest_digest));
    ck_assert_uint_eq(
        dbl_count(two, "GET", text(REPO "/manifests/%s?ns=origin.example", manifest_digest)), 1);
    ck_assert_uint_eq(dbl_connections(one), 0);
    ck_assert(!dbl_saw(origin, "k-of-one") && !dbl_saw(two, "k-of-one"));
}
END_TEST

/* Its authority and its client certificate; the file's paths are relative to it. */
START_TEST(hosts_toml_tls)
{
    static const enum dbl_pki_file which[] = {DBL_CA, DBL_CLIENT_CERT, DBL_CLIENT_KEY};
    static const char *const names[] = {"ca.pem", "c.cert", "c.key"};
    dbl_pki *pki = dbl_pki_new("one.example");
    dbl *tls = dbl_start(&(dbl_conf){.pki = pki, .want_client_cert = true});
    imgrel_client_free(client);
    unit_ok(imgrel_client_new(&client, &err), &err);
    set("resolve", text("one.example=%s", dbl_host(tls)));
    set("certs_dirs", "");
    for (size_t i = 0; i < 3; i++) {
        IR_AUTO(ir_buf) pem = IR_BUF(65536);
        unit_ok(ir_file_read(dbl_pki_path(pki, which[i]), &pem, &err), &err);
        support_file(text("hosts/origin.example/%s", names[i]), pem.p, 0600);
    }
    hosts("origin.example", "[host.\"https://one.example\"]\n  ca = \"ca.pem\"\n"
                            "  client = [[\"c.cert\", \"c.key\"]]\n");
    serve(tls, REPO);
    pulled("origin.example/lib/app:v1");
    ck_assert_ptr_nonnull(dbl_get(tls, NULL, NULL, 0)->client);
    dbl_stop(tls);
    dbl_pki_free(pki);
}
END_TEST

/* What is written goes to "server", and what it says. */
START_TEST(hosts_toml_server)
{
    imgrel_blob *b = NULL;
    char *digest = NULL;
    hosts("origin.example", "server = \"http://two.example\"\n[host.\"http://one.example\"]\n");
    dbl_on(two, &(dbl_rule){.method = "POST",
                            .status = 202,
                            .headers = "Location: " REPO "/blobs/uploads/1\r\n"});
    dbl_on(two, &(dbl_rule){.method = "PUT", .status = 201});
    unit_ok(imgrel_blob_create(client, "origin.example/lib/app", NULL, &b, &err), &err);
    ck_assert_int_eq(imgrel_blob_write(b, "hello", 5, &err), 5);
    unit_ok(imgrel_blob_commit(b, &digest, &err), &err);
    imgrel_blob_free(b);
    imgrel_free(digest);
    ck_assert_uint_eq(dbl_count(two, "PUT", NULL), 1);
    ck_assert_uint_eq(dbl_connections(one) + dbl_connections(origin), 0);
}
END_TEST

Suite *suite_faults_mirrors(void);
Suite *suite_faults_mirrors(void)
{
    const TTest *const tests[] = {none_unless_configured,
                                  first_that_has_it,
                                  away_or_broken,
                                  nobody_has_it,
                                  breaks_in_the_middle,
                                  lies,
                                  lies_about_a_manifest,
                                  logins,
                                  by_tag_and_by_digest,
                                  another_location,
                                  blocked,
                                  pushes,
                                  found_by_itself,
                                  wrong_files,
                                  insecure_mirror,
                                  hosts_toml,
                                  hosts_toml_capabilities,
                                  hosts_toml_tls,
                                  hosts_toml_server};
    Suite *s = suite_create("faults_mirrors");
    TCase *c = tcase_create("faults_mirrors");
    tcase_add_checked_fixture(c, begin, end);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
