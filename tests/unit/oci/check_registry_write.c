/* check_registry_write.c - blobs of unknown digest: small ones are sent like others, large ones in
 * chunks that are continued after a break. */
#include "oci/reg.h"

#include "base/str.h"

#define CHUNK (8UL * 1024 * 1024)

/* Writes len bytes of 'x' by odd steps and commits. */
static int write_x(ir_store *s, size_t len, ir_desc *ret)
{
    ir_writer *w = NULL;
    char step[10007];
    memset(step, 'x', sizeof step);
    ir_error_clear(&reg_net.err);
    int rc = ir_store_blob_create(s, &reg_net.call, &w, &reg_net.err);
    for (size_t at = 0; !rc && at < len;) {
        size_t n = len - at < sizeof step ? len - at : sizeof step;
        rc = ir_writer_write(w, step, n, &reg_net.err);
        at += n;
    }
    if (!rc)
        rc = ir_writer_commit(w, NULL, ret, &reg_net.err);
    ir_writer_free(w);
    return rc;
}

static void begin_upload(const char *more)
{
    char *headers = ir_format("Location: /up/1\r\n%s", more);
    reg_on("POST", reg_path("/blobs/uploads/*"), (dbl_rule){.status = 202, .headers = headers});
    free(headers);
}

START_TEST(a_small_one_is_known_before_it_is_sent)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    begin_upload("");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    unit_ok(write_x(s, 100000, &d), &reg_net.err);
    ck_assert_int_eq(d.size, 100000);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
    ck_assert_ptr_nonnull(strstr(dbl_get(reg_double, "POST", NULL, 0)->target, d.digest));
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(a_large_one_goes_in_chunks)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    begin_upload("");
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 202, .headers = "Location: /up/2\r\n"});
    reg_on("PATCH", "/up/2", (dbl_rule){.status = 202, .headers = "Location: /up/3\r\n"});
    reg_on("PUT", "/up/3*", (dbl_rule){.status = 201});
    unit_ok(write_x(s, CHUNK + 1000, &d), &reg_net.err);
    reg_header("PATCH", "/up/1", 0, "Content-Range", "0-8388607");
    reg_header("PATCH", "/up/2", 0, "Content-Range", "8388608-8389607");
    reg_header("PUT", NULL, 0, "Content-Length", "0");
    ck_assert_ptr_nonnull(strstr(dbl_get(reg_double, "PUT", NULL, 0)->target, "digest=sha256"));
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 4);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(the_registrys_least_chunk_is_kept)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    begin_upload("OCI-Chunk-Min-Length: 9000000\r\n");
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 202});
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    unit_ok(write_x(s, CHUNK + 1000000, &d), &reg_net.err);
    reg_header("PATCH", "/up/1", 0, "Content-Range", "0-8999999");
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(a_chunk_goes_on_where_the_registry_stands)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    begin_upload("");
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 502, .times = 1});
    reg_on("GET", "/up/1", (dbl_rule){.status = 204, .headers = "Range: 0-999999\r\n"});
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 202});
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    unit_ok(write_x(s, CHUNK, &d), &reg_net.err);
    reg_header("PATCH", "/up/1", 1, "Content-Range", "1000000-8388607");
    reg_header("PATCH", "/up/1", 1, "Content-Length", "7388608");
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(what_is_no_longer_at_hand_fails_and_is_cancelled)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    begin_upload("");
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 202, .times = 1});
    reg_on("PATCH", "/up/1", (dbl_rule){.status = 502});
    reg_on("GET", "/up/1", (dbl_rule){.status = 404});
    reg_on("DELETE", "/up/1", (dbl_rule){.status = 204});
    ck_assert_int_eq(write_x(s, 2 * CHUNK, &d), IMGREL_EFAILED);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", "/up/1"), 1);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 0);
    reg_end(s);
}
END_TEST

UNIT_SUITE(registry_write, a_small_one_is_known_before_it_is_sent, a_large_one_goes_in_chunks,
           the_registrys_least_chunk_is_kept, a_chunk_goes_on_where_the_registry_stands,
           what_is_no_longer_at_hand_fails_and_is_cancelled)
