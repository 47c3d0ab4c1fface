/* check_registry.c - manifests in a registry: exact bytes, digests checked, errors told in the
 * registry's own words, deletes that do no more than they were asked to. */
#include "oci/reg.h"

#include "base/str.h"

#define HEADERS(digest) \
    "Content-Type: " IR_MT_OCI_MANIFEST "\r\nDocker-Content-Digest: " digest "\r\n"

static int get(ir_store *s, const char *selector, ir_manifest *ret)
{
    ir_error_clear(&reg_net.err);
    return ir_store_manifest_get(s, &reg_net.call, selector, ret, &reg_net.err);
}

START_TEST(a_manifest_is_got)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_READ);
    const char *text = reg_manifest(digest);
    IR_AUTO(ir_manifest) m = {0};
    char *headers = ir_format(HEADERS("%s"), digest);
    reg_on("GET", reg_path("/manifests/1"), (dbl_rule){.body = text, .headers = headers});
    unit_ok(get(s, NULL, &m), &reg_net.err);
    ck_assert_str_eq(m.bytes, text);
    ck_assert_str_eq(m.digest, digest);
    reg_header("GET", NULL, 0, "Accept", ir_media_accept_manifests);
    reg_header("GET", NULL, 0, "Authorization", NULL);
    free(headers);
    reg_end(s);
}
END_TEST

/* What a cache broke is asked for once more; what stays broken is refused. */
START_TEST(a_wrong_digest_is_asked_for_once_more)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_READ);
    const char *text = reg_manifest(digest), *path = reg_path("/manifests/%s", digest);
    IR_AUTO(ir_manifest) m = {0};
    reg_on("GET", path, (dbl_rule){.body = "{}", .times = 1});
    reg_on("GET", path, (dbl_rule){.body = text, .times = 1});
    reg_on("GET", path, (dbl_rule){.body = "{}"});
    unit_ok(get(s, digest, &m), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", path), 2);
    ir_manifest_free(&m);
    ck_assert_int_eq(get(s, digest, &m), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, digest);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", path), 4);
    reg_end(s);
}
END_TEST

START_TEST(errors_are_told)
{
    static const struct {
        int status;
        const char *body;
        int code;
        const char *word, *reason;
    } t[] = {
        {404, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
         IMGREL_ENOTFOUND, "manifest unknown", "MANIFEST_UNKNOWN"},
        {404, "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no repo\"}]}",
         IMGREL_ENOTFOUND, "may not see it", "NAME_UNKNOWN"},
        {401, "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}",
         IMGREL_EAUTH, "imgrel login registry.test", "UNAUTHORIZED"},
        {403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}", IMGREL_EDENIED,
         "lacks the right", "DENIED"},
        {400, "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"bad\"}]}", IMGREL_EDIGEST,
         "bad", "DIGEST_INVALID"},
        {404, "<html>nothing</html>", IMGREL_ENOTFOUND, "registry.test/team/app:1", ""},
        {418, "", IMGREL_EPROTO, "418", ""},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_store *s = reg_begin(IR_STORE_READ);
        ir_manifest m = {0};
        reg_on("GET", NULL, (dbl_rule){.status = t[i].status, .body = t[i].body});
        ck_assert_int_eq(get(s, NULL, &m), t[i].code);
        unit_error(&reg_net.err, t[i].code, t[i].word);
        ck_assert_ptr_nonnull(strstr(reg_net.err.message, "team/app:1"));
        ck_assert_str_eq(reg_net.err.reason, t[i].reason);
        ck_assert_int_eq(reg_net.err.http_status, t[i].status);
        reg_end(s);
    }
}
END_TEST

/* HEAD has no words, and who is logged in is not told to log in. */
START_TEST(refusal_names_who_was_refused)
{
    static const ir_login login = {"registry.test", "me", "s3cret"};
    for (int logged_in = 0; logged_in < 2; logged_in++) {
        ir_store *s = reg_begin(IR_STORE_READ);
        ir_desc d = {0};
        reg_net.call.logins = &login;
        reg_net.call.n_logins = (size_t)logged_in;
        reg_on("HEAD", NULL, (dbl_rule){.status = 403});
        ck_assert_int_eq(ir_store_manifest_head(s, &reg_net.call, NULL, &d, &reg_net.err),
                         IMGREL_EDENIED);
        unit_error(&reg_net.err, IMGREL_EDENIED,
                   logged_in ? "not allowed, asked as me" : "not allowed, asked without a login");
        unit_error(&reg_net.err, IMGREL_EDENIED,
                   logged_in ? "me lacks the right to pull" : "log in: imgrel login registry.test");
        ck_assert_ptr_null(strstr(reg_net.err.message, "s3cret"));
        reg_end(s);
    }
}
END_TEST

START_TEST(head_is_enough_where_it_says_all)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_READ);
    const char *text = reg_manifest(digest), *path = reg_path("/manifests/1");
    ir_desc d = {0};
    char *headers = ir_format(HEADERS("%s"), digest);
    reg_on("HEAD", path, (dbl_rule){.body = text, .headers = headers, .times = 1});
    reg_on("HEAD", path, (dbl_rule){.body = text});
    reg_on("GET", path, (dbl_rule){.body = text});
    for (int i = 0; i < 2; i++) {
        unit_ok(ir_store_manifest_head(s, &reg_net.call, NULL, &d, &reg_net.err), &reg_net.err);
        ck_assert_str_eq(d.digest, digest);
        ck_assert_int_eq(d.size, (int64_t)strlen(text));
        ck_assert_str_eq(d.media_type, IR_MT_OCI_MANIFEST);
        ck_assert_uint_eq(dbl_count(reg_double, "GET", NULL), (size_t)i);
        ir_desc_free(&d);
    }
    ir_desc_free(&d);
    free(headers);
    reg_end(s);
}
END_TEST

static int put(ir_store *s, const char *tag)
{
    char digest[IR_DIGEST_MAX];
    IR_AUTO(ir_manifest) m = {0};
    const char *text = reg_manifest(digest);
    ir_error_clear(&reg_net.err);
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &reg_net.err), &reg_net.err);
    return ir_store_manifest_put(s, &reg_net.call, &m, tag, &reg_net.err);
}

START_TEST(what_is_put_is_what_is_kept)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_WRITE);
    const char *text = reg_manifest(digest);
    char *other = ir_format("Docker-Content-Digest: %s\r\n", reg_digest);
    reg_on("PUT", reg_path("/manifests/2"), (dbl_rule){.status = 201});
    reg_on("PUT", reg_path("/manifests/%s", digest), (dbl_rule){.status = 201});
    reg_on("PUT", reg_path("/manifests/3"), (dbl_rule){.status = 201, .headers = other});
    unit_ok(put(s, "2"), &reg_net.err);
    unit_ok(put(s, NULL), &reg_net.err);
    reg_header("PUT", NULL, 0, "Content-Type", IR_MT_OCI_MANIFEST);
    ck_assert_str_eq(dbl_get(reg_double, "PUT", NULL, 0)->body, text);
    ck_assert_int_eq(put(s, "3"), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, "was stored as");
    ck_assert_int_eq(put(s, "no tag"), IMGREL_EINVAL);
    free(other);
    reg_end(s);
}
END_TEST

START_TEST(a_missing_blob_is_not_found)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    reg_on("PUT", NULL,
           (dbl_rule){.status = 400,
                      .body = "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":"
                              "\"blob unknown to registry\"}]}"});
    ck_assert_int_eq(put(s, "2"), IMGREL_ENOTFOUND);
    unit_error(&reg_net.err, IMGREL_ENOTFOUND, "blob unknown");
    reg_end(s);
}
END_TEST

/* While another client writes the same manifest, docker-registry may not know its digest. */
START_TEST(a_digest_that_is_refused_is_tried_again)
{
    static const char no[] = "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"x\"}]}";
    ir_store *s = reg_begin(IR_STORE_WRITE);
    reg_on("PUT", reg_path("/manifests/2"), (dbl_rule){.status = 400, .body = no, .times = 2});
    reg_on("PUT", reg_path("/manifests/2"), (dbl_rule){.status = 201});
    reg_on("PUT", reg_path("/manifests/3"), (dbl_rule){.status = 400, .body = no});
    unit_ok(put(s, "2"), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 3);
    ck_assert_int_eq(put(s, "3"), IMGREL_EDIGEST);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", reg_path("/manifests/3")), 4);
    reg_end(s);
}
END_TEST

static int del(ir_store *s, const char *selector)
{
    ir_error_clear(&reg_net.err);
    return ir_store_manifest_delete(s, &reg_net.call, selector, &reg_net.err);
}

START_TEST(a_tag_never_takes_the_image_along)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_READ | IR_STORE_DELETE);
    const char *text = reg_manifest(digest);
    char *headers = ir_format(HEADERS("%s"), digest);
    reg_on("DELETE", reg_path("/manifests/good"), (dbl_rule){.status = 202});
    reg_on("DELETE", reg_path("/manifests/1"),
           (dbl_rule){.status = 405, .body = "{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"});
    reg_on("DELETE", reg_path("/manifests/%s", digest),
           (dbl_rule){.status = 405, .body = "{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"});
    reg_on("HEAD", NULL, (dbl_rule){.headers = headers, .body = text});
    unit_ok(del(s, "good"), &reg_net.err);
    ck_assert_int_eq(del(s, NULL), IMGREL_EUNSUPPORTED);
    unit_error(&reg_net.err, IMGREL_EUNSUPPORTED, digest);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", reg_path("/manifests/%s", digest)), 0);
    ck_assert_int_eq(del(s, digest), IMGREL_EUNSUPPORTED);
    unit_error(&reg_net.err, IMGREL_EUNSUPPORTED, "REGISTRY_STORAGE_DELETE_ENABLED");
    free(headers);
    reg_end(s);
}
END_TEST

static int put_tags(ir_store *s, const char *list)
{
    char digest[IR_DIGEST_MAX];
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_strv) tags = {0};
    const char *text = reg_manifest(digest);
    ir_error_clear(&reg_net.err);
    ck_assert_int_eq(ir_strv_split(&tags, list, ','), 0);
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &reg_net.err), &reg_net.err);
    return ir_store_manifest_put_tags(s, &reg_net.call, &m, &tags, &reg_net.err);
}

START_TEST(many_tags_are_put_at_once_where_that_is_known)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_WRITE);
    reg_manifest(digest);
    char *all = strdup(reg_path("/manifests/%s?tag=a&tag=b&tag=c&tag=d", digest));
    reg_on("PUT", all,
           (dbl_rule){.status = 201, .headers = "OCI-Tag: a, b\r\nOCI-Tag: c\r\n", .times = 1});
    reg_on("PUT", all, (dbl_rule){.status = 201, .times = 1});
    reg_on("PUT", all, (dbl_rule){.status = 400, .times = 1});
    reg_on("PUT", reg_path("/manifests/*"), (dbl_rule){.status = 201});
    unit_ok(put_tags(s, "a,b,c,d"), &reg_net.err); /* one was left out */
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 2);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", reg_path("/manifests/d")), 1);
    unit_ok(put_tags(s, "a,b,c,d"), &reg_net.err); /* it is not known */
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 2 + 5);
    unit_ok(put_tags(s, "a,b,c,d"), &reg_net.err); /* it is refused, and tried once more */
    ck_assert_uint_ge(dbl_count(reg_double, "PUT", reg_path("/manifests/a")), 2);
    unit_ok(put_tags(s, "x,y"), &reg_net.err); /* not worth it */
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", reg_path("/manifests/x")), 1);
    ck_assert_int_eq(put_tags(s, "a,b c,d"), IMGREL_EINVAL);
    free(all);
    reg_end(s);
}
END_TEST

/* One token for the whole job, the repository that is mounted from included. */
START_TEST(scopes_are_asked_for_once)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    char *challenge =
        ir_format("WWW-Authenticate: Bearer realm=\"%s/token\",service=\"r\",scope=\"x\"\r\n",
                  dbl_url(reg_double));
    dbl_on(reg_double, &(dbl_rule){.path = "/token*", .body = "{\"token\":\"t0ken\"}"});
    dbl_on(reg_double, &(dbl_rule){.path = "/v2/*",
                                   .without_header = "Bearer t0ken",
                                   .status = 401,
                                   .headers = challenge});
    reg_on("POST", NULL, (dbl_rule){.status = 201});
    reg_on("PUT", NULL, (dbl_rule){.status = 201});
    ir_desc d = reg_desc();
    ck_assert_int_eq(ir_store_mounts_from(s, "team/base"), 0);
    ck_assert_int_eq(ir_store_blob_have(s, &reg_net.call, &d, "team/base", &reg_net.err), 1);
    unit_ok(put(s, "2"), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, "/token*"), 1);
    const char *asked = dbl_get(reg_double, NULL, "/token*", 0)->target;
    ck_assert_msg(strstr(asked, "team%2Fapp%3Apull%2Cpush") || strstr(asked, "team/app:pull,push"),
                  "%s", asked);
    ck_assert_msg(strstr(asked, "team%2Fbase%3Apull") || strstr(asked, "team/base:pull"), "%s",
                  asked);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, "/v2/*"), 3);
    ir_desc_free(&d);
    free(challenge);
    reg_end(s);
}
END_TEST

UNIT_SUITE(registry, a_manifest_is_got, a_wrong_digest_is_asked_for_once_more, errors_are_told,
           refusal_names_who_was_refused, head_is_enough_where_it_says_all,
           what_is_put_is_what_is_kept, a_missing_blob_is_not_found,
           a_digest_that_is_refused_is_tried_again, a_tag_never_takes_the_image_along,
           scopes_are_asked_for_once, many_tags_are_put_at_once_where_that_is_known)
