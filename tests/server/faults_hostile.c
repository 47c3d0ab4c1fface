/* faults_hostile.c - a registry that is after our login, our memory or our files. What counts is
 * what the other side received. */
#include "hostile.h"

#include <unistd.h>

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

void hostile_probes(Suite *s)
{
    const hostile_row rows[] = {
        {"S2, 5.2", "blob redirected to another port", redirect_to_another_port},
        {"S2, 5.2", "... to a host with a realm of its own", redirect_to_a_realm_of_its_own},
        {"S3, 5.2", "upload sent to another host", upload_elsewhere},
        {"S4, 5.2", "realm on another host, without TLS", realm_elsewhere},
        {"S5, 5.2", "list that goes on at another origin", link_to_another_origin},
        {"S5, 5.2", "list that goes around in a circle", link_to_itself},
        {"S11", "manifest of 5 MiB", manifest_too_large},
        {"S8", "index in index without end", index_in_index_without_end},
        {"S8", "index of itself", index_of_itself},
        {"S9", "digests that are none", digests_that_are_none},
    };
    hostile_add(s, rows, sizeof rows / sizeof *rows);
}
