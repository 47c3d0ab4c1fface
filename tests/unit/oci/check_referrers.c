/* check_referrers.c - what refers to an image, in registries that list it and in those that do not:
 * there the clients keep the list, and do not undo each other's entries. */
#include "oci/reg.h"

#include "base/str.h"
#include "run/copy.h"

#include <stdlib.h>

static char subject[IR_DIGEST_MAX], own[IR_DIGEST_MAX];
static char *text;

/* A manifest that refers to reg_digest. */
static ir_manifest referring(void)
{
    ir_manifest m = {0};
    memcpy(subject, reg_digest, sizeof subject);
    text = ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                     "\",\"artifactType\":\"a/b\",\"config\":{\"mediaType\":\"" IR_MT_OCI_EMPTY
                     "\",\"digest\":\"%s\",\"size\":2},\"layers\":[],\"subject\":{\"mediaType\":"
                     "\"" IR_MT_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":7},\"annotations\":{"
                     "\"k\":\"v\"}}",
                     reg_digest, subject);
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &reg_net.err), &reg_net.err);
    memcpy(own, m.digest, sizeof own);
    return m;
}

/* The list with one entry of another, and ours if told. */
static char *list(bool ours)
{
    char *mine = ir_format(",{\"mediaType\":\"m\",\"digest\":\"%s\",\"size\":1}", own);
    char *all =
        ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                  "\",\"manifests\":[{\"mediaType\":\"m\",\"digest\":\"%s\",\"size\":1}%s]}",
                  reg_digest, ours ? mine : "");
    free(mine);
    return all;
}

static const char *list_path(void)
{
    return reg_path("/manifests/sha256-%s", strchr(subject, ':') + 1);
}

static int put(ir_store *s, const ir_manifest *m)
{
    ir_error_clear(&reg_net.err);
    return ir_store_manifest_put(s, &reg_net.call, m, NULL, &reg_net.err);
}

START_TEST(a_registry_that_lists_is_left_alone)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = referring();
    char *says = ir_format("OCI-Subject: %s\r\n", subject);
    reg_on("PUT", reg_path("/manifests/%s", own), (dbl_rule){.status = 201, .headers = says});
    unit_ok(put(s, &m), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, "/v2/*"), 1);
    free(says);
    free(text);
    reg_end(s);
}
END_TEST

START_TEST(else_the_list_is_kept_under_a_tag)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = referring();
    char *after = list(true);
    reg_on("PUT", NULL, (dbl_rule){.status = 201});
    reg_on("GET", list_path(), (dbl_rule){.status = 404, .times = 1});
    reg_on("GET", list_path(), (dbl_rule){.body = after});
    unit_ok(put(s, &m), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", list_path()), 1);
    const char *sent = dbl_get(reg_double, "PUT", list_path(), 0)->body;
    ck_assert_ptr_nonnull(strstr(sent, own));
    ck_assert_ptr_nonnull(strstr(sent, "\"annotations\":{\"k\":\"v\"}"));
    ck_assert_ptr_nonnull(strstr(sent, "\"artifactType\":\"a/b\""));
    unit_ok(put(s, &m), &reg_net.err); /* it is in it */
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", list_path()), 1);
    free(after);
    free(text);
    reg_end(s);
}
END_TEST

/* Another client wrote the list as it had been before ours. */
START_TEST(an_entry_that_was_lost_is_put_again)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = referring();
    char *before = list(false), *after = list(true);
    reg_on("PUT", NULL, (dbl_rule){.status = 201});
    reg_on("GET", list_path(), (dbl_rule){.body = before, .times = 2});
    reg_on("GET", list_path(), (dbl_rule){.body = after});
    unit_ok(put(s, &m), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", list_path()), 2);
    ck_assert_ptr_nonnull(strstr(dbl_get(reg_double, "PUT", list_path(), 1)->body, reg_digest));
    free(before);
    free(after);
    free(text);
    reg_end(s);
}
END_TEST

START_TEST(what_is_no_list_is_not_overwritten)
{
    char digest[IR_DIGEST_MAX];
    ir_store *s = reg_begin(IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = referring();
    reg_on("PUT", reg_path("/manifests/%s", own), (dbl_rule){.status = 201});
    reg_on("GET", list_path(), (dbl_rule){.body = reg_manifest(digest)});
    ck_assert_int_eq(put(s, &m), IMGREL_EPROTO);
    unit_error(&reg_net.err, IMGREL_EPROTO, "no list of referrers");
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 1);
    free(text);
    reg_end(s);
}
END_TEST

START_TEST(what_is_deleted_leaves_the_list)
{
    ir_store *s = reg_begin(IR_STORE_READ | IR_STORE_DELETE);
    IR_AUTO(ir_manifest) m = referring();
    char *before = list(true), *after = list(false);
    reg_on("GET", reg_path("/manifests/%s", own), (dbl_rule){.body = text});
    reg_on("DELETE", NULL, (dbl_rule){.status = 202});
    reg_on("GET", list_path(), (dbl_rule){.body = before, .times = 1});
    reg_on("GET", list_path(), (dbl_rule){.body = after});
    reg_on("PUT", list_path(), (dbl_rule){.status = 201});
    unit_ok(ir_store_manifest_delete(s, &reg_net.call, own, &reg_net.err), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", NULL), 1);
    const dbl_request *sent = dbl_get(reg_double, "PUT", list_path(), 0);
    ck_assert_ptr_nonnull(sent);
    ck_assert_ptr_null(strstr(sent->body, own));
    ck_assert_ptr_nonnull(strstr(sent->body, reg_digest));
    free(before);
    free(after);
    free(text);
    reg_end(s);
}
END_TEST

static char *entry(const char *digest, size_t size)
{
    return ir_format("{\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu}",
                     digest, size);
}

/* A registry that lies: what refers refers to itself, and the image to what refers to it. */
START_TEST(a_circle_of_referrers_ends)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_ref) to = {0};
    ir_copied done;
    const ir_copy_how how = {.referrers = true};
    char *image = ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                            "\",\"config\":{\"mediaType\":\"a/b\",\"digest\":\"%s\",\"size\":%d},"
                            "\"layers\":[]}",
                            reg_digest, REG_SIZE);
    char *note = ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                           "\",\"config\":{\"mediaType\":\"c/d\",\"digest\":\"%s\",\"size\":%d},"
                           "\"layers\":[]}",
                           reg_digest, REG_SIZE);
    unit_ok(ir_hash_bytes(image, strlen(image), subject, &reg_net.err), &reg_net.err);
    unit_ok(ir_hash_bytes(note, strlen(note), own, &reg_net.err), &reg_net.err);
    char *a = entry(subject, strlen(image)), *b = entry(own, strlen(note));
    char *both = ir_format("{\"schemaVersion\":2,\"manifests\":[%s,%s]}", a, b);
    reg_on("GET", reg_path("/manifests/1"), (dbl_rule){.body = image});
    reg_on("GET", reg_path("/manifests/%s", own), (dbl_rule){.body = note});
    reg_on("GET", reg_path("/blobs/*"), (dbl_rule){.body = reg_text});
    reg_on("GET", reg_path("/referrers/*"), (dbl_rule){.body = both});
    char *place = ir_format("oci:%s/dst:1", net_dir());
    unit_ok(ir_ref_parse(place, &to, &reg_net.err), &reg_net.err);
    unit_ok(ir_copy(&reg_net.call, ir_store_ref(s), &to, &how, &done, &reg_net.err), &reg_net.err);
    ck_assert_uint_eq(done.attached, 1);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", reg_path("/referrers/*")), 2);
    free(place);
    free(both);
    free(a);
    free(b);
    free(image);
    free(note);
    reg_end(s);
}
END_TEST

UNIT_SUITE(referrers, a_registry_that_lists_is_left_alone, else_the_list_is_kept_under_a_tag,
           an_entry_that_was_lost_is_put_again, what_is_no_list_is_not_overwritten,
           what_is_deleted_leaves_the_list, a_circle_of_referrers_ends)
