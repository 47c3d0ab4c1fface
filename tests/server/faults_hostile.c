/* faults_hostile.c - a registry that is after our login, our memory or our files. What counts is
 * what the other side received. */
#include "faults.h"

#include "double.h"

#include <sys/stat.h>
#include <unistd.h>

#define SECRET "hunter2-secret"
#define TOKEN "a-bearer-token"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static dbl *home, *other;
static imgrel_client *client;
static imgrel_error err;
static const char *elsewhere; /* the other one by another name */

static void begin(void)
{
    support_begin();
    home = dbl_start(NULL);
    other = dbl_start(NULL);
    elsewhere = "elsewhere.example";
    const char *names =
        text("registry.example=%s,%s=%s", dbl_host(home), elsewhere, dbl_host(other));
    const char *const keys[][2] = {{"plain_http", text("%s,registry.example,%s,%s", dbl_host(home),
                                                       dbl_host(other), elsewhere)},
                                   {"resolve", names},
                                   {"registry_hosts", text("%s,registry.example", dbl_host(home))},
                                   {"registry_user", "alice"},
                                   {"registry_password", SECRET},
                                   {"retry_delay", "5ms"},
                                   {"retries", "1"}};
    err = (imgrel_error){0};
    unit_ok(imgrel_client_new(&client, &err), &err);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        unit_ok(imgrel_client_set(client, keys[i][0], keys[i][1], &err), &err);
}

static void end(void)
{
    imgrel_client_free(client);
    dbl_stop(home);
    dbl_stop(other);
    mock_down(); /* what text() gave */
    support_end();
}

/* home wants a token from that realm. */
static void guard(const char *realm)
{
    dbl_on(home, &(dbl_rule){.path = "/token*", .body = "{\"token\":\"" TOKEN "\"}"});
    dbl_on(home,
           &(dbl_rule){.without_header = "Bearer " TOKEN,
                       .status = 401,
                       .headers =
                           text("WWW-Authenticate: Bearer realm=\"%s\",service=\"s\"\r\n", realm)});
}

static void guard_home(void)
{
    guard(text("%s/token", dbl_url(home)));
}

static void other_got_nothing(void)
{
    ck_assert(!dbl_saw(other, "uthorization"));
    ck_assert(!dbl_saw(other, SECRET));
    ck_assert(!dbl_saw(other, TOKEN));
}

static const char *digest_of(const char *bytes, size_t len)
{
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(bytes, len, digest, &err), &err);
    return text("%s", digest);
}

static const char *read_blob(const char *digest)
{
    static char buf[64];
    imgrel_blob *b = NULL;
    int64_t n = imgrel_blob_open(client, text("%s/p/a@%s", dbl_host(home), digest), NULL, &b, &err);
    if (n >= 0)
        n = imgrel_blob_read(b, buf, sizeof buf - 1, &err);
    imgrel_blob_free(b);
    buf[n > 0 ? n : 0] = '\0';
    return n < 0 ? NULL : buf;
}

/* ---- redirects, uploads, realms -------------------------------------------------------------- */

START_TEST(redirect_to_another_port)
{
    const char *digest = digest_of("hello", 5);
    guard_home();
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/blobs/*",
                             .status = 307,
                             .headers = text("Location: %s/blob\r\n", dbl_url(other))});
    dbl_on(other, &(dbl_rule){.path = "/blob", .body = "hello"});
    ck_assert_str_eq(read_blob(digest), "hello");
    ck_assert_uint_eq(dbl_count(other, "GET", "/blob"), 1);
    ck_assert(dbl_saw(home, TOKEN));
    other_got_nothing();
}
END_TEST

START_TEST(redirect_to_a_realm_of_its_own)
{
    guard_home();
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/blobs/*",
                             .status = 307,
                             .headers = text("Location: http://%s/blob\r\n", elsewhere)});
    dbl_on(other,
           &(dbl_rule){.path = "/blob",
                       .status = 401,
                       .headers = text("WWW-Authenticate: Bearer realm=\"http://%s/token\","
                                       "service=\"s\"\r\nWWW-Authenticate: Basic realm=x\r\n",
                                       elsewhere)});
    ck_assert_ptr_null(read_blob(digest_of("hello", 5)));
    unit_error(&err, IMGREL_EAUTH, "401");
    ck_assert_uint_eq(dbl_count(other, NULL, "/blob"), 1);
    ck_assert_uint_eq(dbl_count(other, NULL, "/token*"), 0);
    other_got_nothing();
}
END_TEST

START_TEST(upload_elsewhere)
{
    imgrel_blob *b = NULL;
    char *digest = NULL;
    guard_home();
    dbl_on(home, &(dbl_rule){.method = "POST",
                             .path = "/v2/p/a/blobs/uploads/*",
                             .status = 202,
                             .headers = text("Location: http://%s/up\r\n", elsewhere)});
    dbl_on(other, &(dbl_rule){.method = "PUT", .path = "/up*", .status = 201});
    int rc = imgrel_blob_create(client, text("%s/p/a", dbl_host(home)), NULL, &b, &err);
    unit_ok(rc, &err);
    ck_assert_int_eq(imgrel_blob_write(b, "hello", 5, &err), 5);
    unit_ok(imgrel_blob_commit(b, &digest, &err), &err);
    imgrel_blob_free(b);
    imgrel_free(digest);
    ck_assert_uint_eq(dbl_count(other, "PUT", "/up*"), 1);
    other_got_nothing();
}
END_TEST

START_TEST(realm_elsewhere)
{
    char *digest = NULL;
    guard(text("http://%s/token", elsewhere));
    dbl_on(other, &(dbl_rule){.path = "/token*", .body = "{\"token\":\"nothing\"}"});
    int rc = imgrel_digest(client, "registry.example/p/a:v1", NULL, &digest, &err);
    ck_assert_int_lt(rc, 0);
    unit_error(&err, IMGREL_EAUTH, NULL);
    ck_assert_int_ne(err.cure[0], 0);
    other_got_nothing();
}
END_TEST

/* ---- lists ----------------------------------------------------------------------------------- */

/* The names until the first failure or the end. */
static int list_all(int *ret_n)
{
    imgrel_iter *it = NULL;
    const char *item;
    int rc = imgrel_tags(client, text("%s/p/a", dbl_host(home)), NULL, &it, &err);
    for (*ret_n = 0; !rc && (rc = imgrel_iter_next(it, &item, &err)) == 1; rc = 0)
        ++*ret_n;
    imgrel_iter_free(it);
    return rc;
}

START_TEST(link_to_another_origin)
{
    int n;
    guard_home();
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/tags/list*",
                             .headers = text("Link: <%s/v2/p/a/tags/list?last=b>; rel=\"next\"\r\n",
                                             dbl_url(other)),
                             .body = "{\"name\":\"p/a\",\"tags\":[\"a\",\"b\"]}"});
    ck_assert_int_lt(list_all(&n), 0);
    unit_error(&err, IMGREL_EPROTO, NULL);
    ck_assert_uint_eq(dbl_connections(other), 0);
}
END_TEST

START_TEST(link_to_itself)
{
    int n;
    guard_home();
    dbl_on(home, &(dbl_rule){.path = "/v2/p/a/tags/list*",
                             .headers = "Link: </v2/p/a/tags/list?n=2&last=b>; rel=\"next\"\r\n",
                             .body = "{\"name\":\"p/a\",\"tags\":[\"a\",\"b\"]}"});
    ck_assert_int_lt(list_all(&n), 0);
    unit_error(&err, IMGREL_EPROTO, NULL);
    ck_assert_uint_le(dbl_count(home, "GET", "/v2/p/a/tags/list*"), 4);
}
END_TEST

/* ---- documents ------------------------------------------------------------------------------- */

static int copy_it(const char *tag)
{
    err = (imgrel_error){0};
    return imgrel_copy(client, text("%s/p/a:%s", dbl_host(home), tag),
                       text("oci:%s:v1", support_path("dst")), NULL, NULL, &err);
}

static void serve(const char *selector, const char *type, const char *body)
{
    dbl_on(home, &(dbl_rule){.path = text("/v2/p/a/manifests/%s", selector),
                             .headers = text("Content-Type: %s\r\n", type),
                             .body = body});
}

START_TEST(manifest_too_large)
{
    size_t len = 5 * 1024 * 1024;
    char *big = malloc(len + 1);
    memset(big, ' ', len);
    memcpy(big, "{\"schemaVersion\":2,", 19);
    big[len - 1] = '}';
    big[len] = '\0';
    guard_home();
    serve("big", IR_MT_OCI_MANIFEST, big);
    ck_assert_int_lt(copy_it("big"), 0);
    unit_error(&err, IMGREL_ELIMIT, NULL);
    free(big);
}
END_TEST

static const char *index_of(const char *type, const char *digest, size_t size)
{
    return text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX "\",\"manifests\":[{"
                "\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}]}",
                type, digest, size);
}

START_TEST(index_in_index_without_end)
{
    const char *inner = index_of(IR_MT_OCI_MANIFEST, "sha256:" ZEROS, 10);
    guard_home();
    for (int i = 0; i < 20; i++) {
        const char *digest = digest_of(inner, strlen(inner));
        serve(digest, IR_MT_OCI_INDEX, inner);
        inner = index_of(IR_MT_OCI_INDEX, digest, strlen(inner));
    }
    serve("deep", IR_MT_OCI_INDEX, inner);
    ck_assert_int_lt(copy_it("deep"), 0);
    unit_error(&err, IMGREL_ELIMIT, NULL);
    ck_assert_uint_lt(dbl_count(home, "GET", "/v2/p/a/manifests/*"), 12);
}
END_TEST

START_TEST(index_of_itself)
{
    const char *index = index_of(IR_MT_OCI_INDEX, "sha256:" ZEROS, 200);
    guard_home();
    serve("self", IR_MT_OCI_INDEX, index);
    serve("sha256:" ZEROS, IR_MT_OCI_INDEX, index);
    ck_assert_int_lt(copy_it("self"), 0);
    unit_error(&err, IMGREL_EDIGEST, NULL);
    ck_assert_uint_lt(dbl_count(home, "GET", "/v2/p/a/manifests/*"), 6);
}
END_TEST

START_TEST(digests_that_are_none)
{
    static const char *const bad[] = {
        "sha256:../../../../../../tmp/imgrel-escaped",
        "../../escaped",
        "sha256:",
        "sha256:abc",
        "sha256:" ZEROS "/../../x",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:000000000000000000000000000000000000000000000000000000000000000G"};
    guard_home();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *tag = text("bad%zu", i);
        serve(tag, IR_MT_OCI_MANIFEST,
              text("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"config\":{"
                   "\"mediaType\":\"" IR_MT_OCI_CONFIG "\",\"digest\":\"sha256:" ZEROS
                   "\",\"size\":2},\"layers\":[{\"mediaType\":\"" IR_MT_OCI_LAYER
                   "\",\"digest\":\"%s\",\"size\":5}]}",
                   bad[i]));
        ck_assert_int_lt(copy_it(tag), 0);
        ck_assert_msg(err.code == IMGREL_EPROTO || err.code == IMGREL_EINVAL ||
                          err.code == IMGREL_EUNSUPPORTED,
                      "%s: %d: %s", bad[i], err.code, err.message);
        ck_assert_uint_eq(dbl_count(home, "GET", "/v2/p/a/blobs/*"), 0);
    }
    ck_assert_int_ne(access("/tmp/imgrel-escaped", F_OK), 0);
    ck_assert_int_ne(access(support_path("escaped"), F_OK), 0);
    ck_assert_int_ne(access(support_path("dst/escaped"), F_OK), 0);
}
END_TEST

Suite *suite_faults_hostile(void);
Suite *suite_faults_hostile(void)
{
    const TTest *const tests[] = {redirect_to_another_port, redirect_to_a_realm_of_its_own,
                                  upload_elsewhere,         realm_elsewhere,
                                  link_to_another_origin,   link_to_itself,
                                  manifest_too_large,       index_in_index_without_end,
                                  index_of_itself,          digests_that_are_none};
    Suite *s = suite_create("faults_hostile");
    TCase *c = tcase_create("faults_hostile");
    tcase_add_checked_fixture(c, begin, end);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
