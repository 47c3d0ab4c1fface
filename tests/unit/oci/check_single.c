/* check_single.c - small blobs in a single POST: used where it is taken, found out once, and never
 * at the price of a second upload. */
#include "oci/reg.h"

#include "base/str.h"

#define SINGLE reg_path("/blobs/uploads/?digest=%s", reg_digest)
#define MOUNT reg_path("/blobs/uploads/?mount=%s&from=team%%2Fapp", reg_digest)
#define UPLOAD "Location: /v2/team/app/blobs/uploads/u1\r\n"

static int push(ir_store *s, const char *media_type, const char **ret_state)
{
    ir_desc d = {0};
    const ir_body body = {.p = reg_text, .len = REG_SIZE, .size = REG_SIZE};
    ck_assert_int_eq(ir_desc_set(&d, media_type, reg_digest, REG_SIZE), 0);
    ir_error_clear(&reg_net.err);
    int rc = ir_store_blob_put(s, &reg_net.call, &d, &body, NULL, ret_state, &reg_net.err);
    ir_desc_free(&d);
    return rc;
}

/* A layer that is not there makes it likely that the config is not either. */
static void miss(ir_store *s)
{
    const char *state = NULL;
    reg_on("POST", MOUNT, (dbl_rule){.status = 202, .headers = UPLOAD, .times = 1});
    reg_on("PUT", NULL, (dbl_rule){.status = 201, .times = 1});
    unit_ok(push(s, IR_MT_OCI_LAYER, &state), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
}

START_TEST(what_is_taken_in_one_request_goes_so)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    const char *state = NULL;
    miss(s);
    reg_on("POST", SINGLE, (dbl_rule){.status = 201});
    unit_ok(push(s, IR_MT_OCI_CONFIG, &state), &reg_net.err);
    ck_assert_str_eq(state, "pushed");
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 3);
    ck_assert_str_eq(dbl_get(reg_double, "POST", SINGLE, 0)->body, reg_text);
    reg_header("POST", SINGLE, 0, "Content-Type", "application/octet-stream");
    unit_ok(push(s, IR_MT_OCI_LAYER, &state), &reg_net.err); /* known by now: layers too */
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 4);
    reg_end(s);
}
END_TEST

START_TEST(an_upload_that_is_begun_instead_is_used)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    const char *state = NULL;
    miss(s);
    reg_on("POST", SINGLE, (dbl_rule){.status = 202, .headers = UPLOAD});
    reg_on("POST", MOUNT, (dbl_rule){.status = 201});
    reg_on("PUT", NULL, (dbl_rule){.status = 201});
    unit_ok(push(s, IR_MT_OCI_CONFIG, &state), &reg_net.err);
    ck_assert_str_eq(state, "pushed");
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 4);
    ck_assert_str_eq(dbl_get(reg_double, "PUT", NULL, 1)->body, reg_text);
    unit_ok(push(s, IR_MT_OCI_CONFIG, &state), &reg_net.err); /* not asked again */
    ck_assert_str_eq(state, "exists");
    ck_assert_uint_eq(dbl_count(reg_double, "POST", SINGLE), 1);
    reg_end(s);
}
END_TEST

START_TEST(a_refusal_is_no_failure)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    const char *state = NULL;
    miss(s);
    reg_on("POST", SINGLE, (dbl_rule){.status = 400});
    reg_on("POST", MOUNT, (dbl_rule){.status = 202, .headers = UPLOAD});
    reg_on("PUT", NULL, (dbl_rule){.status = 201});
    unit_ok(push(s, IR_MT_OCI_CONFIG, &state), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 5);
    reg_end(s);
}
END_TEST

START_TEST(where_blobs_are_found_none_is_sent_unasked)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    const char *state = NULL;
    reg_on("POST", MOUNT, (dbl_rule){.status = 201});
    unit_ok(push(s, IR_MT_OCI_LAYER, &state), &reg_net.err);
    ck_assert_str_eq(state, "exists");
    unit_ok(push(s, IR_MT_OCI_CONFIG, &state), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "POST", SINGLE), 0);
    reg_end(s);
}
END_TEST

static int64_t broken_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    (void)user, (void)buf, (void)len;
    return ir_fail(err, IMGREL_EIO, "the source broke");
}

START_TEST(a_source_that_fails_is_told)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    ir_desc d = {0};
    miss(s);
    const ir_body body = {.read = broken_read, .size = REG_SIZE};
    ck_assert_int_eq(ir_desc_set(&d, IR_MT_OCI_CONFIG, reg_digest, REG_SIZE), 0);
    ck_assert_int_eq(ir_store_blob_put(s, &reg_net.call, &d, &body, NULL, NULL, &reg_net.err),
                     IMGREL_EIO);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

UNIT_SUITE(single, what_is_taken_in_one_request_goes_so, an_upload_that_is_begun_instead_is_used,
           a_refusal_is_no_failure, where_blobs_are_found_none_is_sent_unasked,
           a_source_that_fails_is_told)
