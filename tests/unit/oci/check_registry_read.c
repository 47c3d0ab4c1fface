/* check_registry_read.c - blobs from a registry that breaks off, answers ranges in its own ways,
 * corrupts, or points elsewhere. */
#include "oci/reg.h"

#include "base/str.h"
#include "run/copy.h"

static int read_blob(ir_store *s, const ir_desc *d, ir_buf *out)
{
    ir_error_clear(&reg_net.err);
    return ir_store_blob_read(s, &reg_net.call, d, out, &reg_net.err);
}

static const char *blob_path(void)
{
    return reg_path("/blobs/%s", reg_digest);
}

/* A first answer that breaks off after 2000 bytes, and what the next one is. */
static int resume(enum dbl_fault fault, dbl_rule next, ir_buf *out)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = reg_desc();
    reg_on("GET", blob_path(),
           (dbl_rule){.body = reg_text, .fault = fault, .after = 2000, .pause_ms = 40, .times = 1});
    reg_on("GET", blob_path(), next);
    int rc = read_blob(s, &d, out);
    reg_header("GET", blob_path(), 0, "Range", NULL);
    ir_desc_free(&d);
    ir_store_free(s);
    return rc;
}

static void resumed(dbl_rule next, const char *range)
{
    static const enum dbl_fault faults[] = {DBL_RESET, DBL_CLOSE, DBL_STALL};
    for (size_t i = 0; i < 3; i++) {
        IR_AUTO(ir_buf) got = IR_BUF(10000);
        unit_ok(resume(faults[i], next, &got), &reg_net.err);
        ck_assert_str_eq(ir_buf_str(&got), reg_text);
        reg_header("GET", blob_path(), 1, "Range", range);
        ck_assert_uint_eq(dbl_count(reg_double, "GET", NULL), 2);
        reg_end(NULL);
    }
}

START_TEST(a_break_is_resumed_by_a_closed_range)
{
    resumed((dbl_rule){.status = 206,
                       .headers = "Content-Range: bytes 2000-2999/3000\r\n",
                       .body = &reg_text[2000]},
            "bytes=2000-2999");
}
END_TEST

START_TEST(a_range_may_be_ignored)
{
    resumed((dbl_rule){.body = reg_text}, "bytes=2000-2999");
}
END_TEST

START_TEST(a_range_may_begin_before)
{
    resumed((dbl_rule){.status = 206,
                       .headers = "Content-Range: bytes 1990-2999/3000\r\n",
                       .body = &reg_text[1990]},
            "bytes=2000-2999");
}
END_TEST

START_TEST(a_range_that_does_not_fit_is_refused)
{
    static const struct {
        dbl_rule rule;
        int code;
        const char *word;
    } t[] = {
        {{.status = 206,
          .headers = "Content-Range: bytes 2012-2999/3000\r\n",
          .body = &reg_text[2012]},
         IMGREL_EPROTO,
         "from byte 2000"},
        {{.status = 206,
          .headers = "Content-Range: bytes 2000-2999/3001\r\n",
          .body = &reg_text[2000]},
         IMGREL_EPROTO,
         "from byte 2000"},
        {{.status = 206, .body = &reg_text[2000]}, IMGREL_EPROTO, "no range"},
        {{.status = 404}, IMGREL_ENOTFOUND, "team/app"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        IR_AUTO(ir_buf) got = IR_BUF(10000);
        ck_assert_int_eq(resume(DBL_CLOSE, t[i].rule, &got), t[i].code);
        unit_error(&reg_net.err, t[i].code, t[i].word);
        reg_end(NULL);
    }
}
END_TEST

START_TEST(breaks_without_end_end)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = reg_desc();
    IR_AUTO(ir_buf) got = IR_BUF(10000);
    reg_on("GET", blob_path(),
           (dbl_rule){.body = reg_text, .fault = DBL_CLOSE, .after = 2000, .pause_ms = 40});
    ck_assert_int_eq(read_blob(s, &d, &got), IMGREL_ENET);
    ck_assert_uint_le(dbl_count(reg_double, "GET", NULL), 5);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(what_is_corrupt_is_fetched_once_more)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = reg_desc();
    IR_AUTO(ir_buf) got = IR_BUF(10000);
    char *bad = strdup(reg_text);
    bad[3] ^= 1;
    reg_on("GET", blob_path(), (dbl_rule){.body = bad, .times = 1});
    reg_on("GET", blob_path(), (dbl_rule){.body = reg_text, .times = 1});
    reg_on("GET", blob_path(), (dbl_rule){.body = bad});
    unit_ok(read_blob(s, &d, &got), &reg_net.err);
    ck_assert_str_eq(ir_buf_str(&got), reg_text);
    ck_assert_int_eq(read_blob(s, &d, &got), IMGREL_EDIGEST);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", NULL), 4);
    free(bad);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

/* The copy engine cannot take bytes back that it gave away: it begins the blob again. */
START_TEST(a_copy_fetches_what_is_corrupt_once_more)
{
    char digest[IR_DIGEST_MAX], bad[REG_SIZE + 1];
    ir_store *s = reg_begin(IR_STORE_READ);
    IR_AUTO(ir_ref) to = {0};
    ir_copied done;
    char *text = ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                           "\",\"config\":{\"mediaType\":\"a/b\",\"digest\":\"%s\","
                           "\"size\":%d},\"layers\":[]}",
                           reg_digest, REG_SIZE);
    unit_ok(ir_hash_bytes(text, strlen(text), digest, &reg_net.err), &reg_net.err);
    memcpy(bad, reg_text, sizeof bad);
    bad[REG_SIZE - 1] ^= 1;
    reg_on("GET", reg_path("/manifests/1"), (dbl_rule){.body = text});
    reg_on("GET", blob_path(), (dbl_rule){.body = bad, .times = 1});
    reg_on("GET", blob_path(), (dbl_rule){.body = reg_text});
    char *place = ir_format("oci:%s/dst:1", net_dir());
    unit_ok(ir_ref_parse(place, &to, &reg_net.err), &reg_net.err);
    unit_ok(ir_copy(&reg_net.call, ir_store_ref(s), &to, NULL, &done, &reg_net.err), &reg_net.err);
    ck_assert_str_eq(done.digest, digest);
    ck_assert_uint_eq(dbl_count(reg_double, "GET", blob_path()), 2);
    free(place);
    free(text);
    reg_end(s);
}
END_TEST

START_TEST(another_size_is_refused_at_once)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = reg_desc();
    ir_reader *r = NULL;
    d.size = 2999;
    reg_on("GET", blob_path(), (dbl_rule){.body = reg_text});
    ck_assert_int_eq(ir_store_blob_open(s, &reg_net.call, &d, &r, &reg_net.err), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, "3000 bytes");
    ir_error_clear(&reg_net.err);
    d.size = -1;
    unit_ok(ir_store_blob_open(s, &reg_net.call, &d, &r, &reg_net.err), &reg_net.err);
    ck_assert_int_eq(ir_reader_size(r), REG_SIZE);
    ir_reader_close(r);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

/* A foreign layer's address gets no login, and must not be a way inside. */
START_TEST(foreign_layers_are_anonymous)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    dbl *other = dbl_start(NULL);
    ir_desc d = reg_desc();
    IR_AUTO(ir_buf) got = IR_BUF(10000);
    ir_login login = {"registry.test", "user", "secret"};
    reg_net.call.logins = &login;
    reg_net.call.n_logins = 1;
    char *url = ir_format("%s/layer", dbl_url(other));
    dbl_on(other, &(dbl_rule){.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"});
    free(d.media_type);
    d.media_type = strdup(IR_MT_DOCKER_FOREIGN);
    ck_assert_int_eq(ir_strv_add(&d.urls, url), 0);
    ck_assert_int_eq(read_blob(s, &d, &got), IMGREL_EAUTH);
    ck_assert_uint_eq(dbl_count(other, NULL, NULL), 1);
    ck_assert(!dbl_saw(other, "Authorization"));
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 0);
    free(url);
    ir_desc_free(&d);
    dbl_stop(other);
    reg_end(s);
}
END_TEST

START_TEST(a_blob_is_there_or_not)
{
    ir_store *s = reg_begin(IR_STORE_READ);
    ir_desc d = reg_desc();
    int64_t size = 0;
    reg_on("HEAD", blob_path(), (dbl_rule){.body = reg_text, .times = 1});
    reg_on("HEAD", blob_path(), (dbl_rule){.status = 404, .times = 1});
    reg_on("HEAD", blob_path(), (dbl_rule){.status = 403});
    ck_assert_int_eq(ir_store_blob_exists(s, &reg_net.call, &d, &size, &reg_net.err), 1);
    ck_assert_int_eq(size, REG_SIZE);
    ck_assert_int_eq(ir_store_blob_exists(s, &reg_net.call, &d, &size, &reg_net.err), 0);
    ck_assert_int_eq(ir_store_blob_exists(s, &reg_net.call, &d, &size, &reg_net.err),
                     IMGREL_EDENIED);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

UNIT_SUITE(registry_read, a_break_is_resumed_by_a_closed_range, a_range_may_be_ignored,
           a_range_may_begin_before, a_range_that_does_not_fit_is_refused, breaks_without_end_end,
           what_is_corrupt_is_fetched_once_more, a_copy_fetches_what_is_corrupt_once_more,
           another_size_is_refused_at_once, foreign_layers_are_anonymous, a_blob_is_there_or_not)
