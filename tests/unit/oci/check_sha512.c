/* check_sha512.c - sha512 from end to end: what is named by it is verified by it, on its way in and
 * on its way out. */
#include "oci/reg.h"

#include "base/limits.h"
#include "base/str.h"

#include <stdlib.h>

static char digest[IR_DIGEST_MAX];

static void hash(const char *p, size_t len)
{
    ir_hash *h = NULL;
    unit_ok(ir_hash_new("sha512", &h, &reg_net.err), &reg_net.err);
    ir_hash_add(h, p, len);
    ir_hash_end(h, digest);
    ir_hash_free(h);
}

static ir_desc desc(void)
{
    ir_desc d = {0};
    hash(reg_text, REG_SIZE);
    ck_assert_int_eq(ir_desc_set(&d, IR_MT_OCI_LAYER, digest, REG_SIZE), 0);
    return d;
}

START_TEST(a_blob_is_verified)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = desc();
    IR_AUTO(ir_buf) got = IR_BUF(IR_MIB);
    const char *path = reg_path("/blobs/%s", digest);
    char *bad = strdup(reg_text);
    bad[7] ^= 1;
    reg_on("GET", path, (dbl_rule){.body = reg_text, .times = 1});
    reg_on("GET", path, (dbl_rule){.body = bad});
    unit_ok(ir_store_blob_read(s, &reg_net.call, &d, &got, &reg_net.err), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), reg_text);
    ir_buf_clear(&got);
    ck_assert_int_eq(ir_store_blob_read(s, &reg_net.call, &d, &got, &reg_net.err), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, "sha512:");
    free(bad);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(a_blob_is_sent_under_it)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = desc();
    const char *state = NULL;
    const ir_body body = {.p = reg_text, .len = REG_SIZE, .size = REG_SIZE};
    reg_on("POST", reg_path("/blobs/uploads/?mount=%s&from=team%%2Fapp", digest),
           (dbl_rule){.status = 202, .headers = "Location: /v2/team/app/blobs/uploads/u\r\n"});
    char *close = ir_format("%s", reg_path("/blobs/uploads/u?digest=sha512%%3A%s", digest + 7));
    reg_on("PUT", close, (dbl_rule){.status = 201});
    unit_ok(ir_store_blob_put(s, &reg_net.call, &d, &body, NULL, &state, &reg_net.err),
            &reg_net.err);
    ck_assert_str_eq(state, "pushed");
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", close), 1);
    free(close);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(a_manifest_is_got_and_put_under_it)
{
    char other[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = {0};
    const char *text = reg_manifest(other);
    hash(text, strlen(text));
    char *path = strdup(reg_path("/manifests/%s", digest));
    reg_on("GET", path, (dbl_rule){.body = text, .times = 1});
    reg_on("PUT", path, (dbl_rule){.status = 201});
    unit_ok(ir_store_manifest_get(s, &reg_net.call, digest, &m, &reg_net.err), &reg_net.err);
    ck_assert_str_eq(m.digest, digest);
    unit_ok(ir_store_manifest_put(s, &reg_net.call, &m, NULL, &reg_net.err), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", path), 1);
    ir_manifest_free(&m);
    reg_on("GET", path, (dbl_rule){.body = "{\"schemaVersion\":2}"});
    ck_assert_int_eq(ir_store_manifest_get(s, &reg_net.call, digest, &m, &reg_net.err),
                     IMGREL_EDIGEST);
    free(path);
    reg_end(s);
}
END_TEST

/* The tag schema's tag is cut at the longest that a tag can be. */
START_TEST(its_referrers_have_a_tag)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = desc();
    ir_pages *p = NULL;
    char *tag = ir_format("%s", reg_path("/manifests/sha512-%.64s", digest + 7));
    reg_on("GET", tag,
           (dbl_rule){.body = "{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                              "\",\"manifests\":[]}"});
    unit_ok(ir_store_referrers(s, &reg_net.call, digest, NULL, &p, &reg_net.err), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", tag), 1);
    ir_pages_free(p);
    free(tag);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

UNIT_SUITE(sha512, a_blob_is_verified, a_blob_is_sent_under_it, a_manifest_is_got_and_put_under_it,
           its_referrers_have_a_tag)
