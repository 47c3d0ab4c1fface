/* check_blob.c - nothing unverified comes to an end: readers keep the last bytes back until all of
 * a blob was verified, writers give the digest of what was written. */
#include "oci/make.h"

#include "oci/store_ops.h"

#include <stdlib.h>

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Reads by `step` bytes to the end; the code, and what came. */
static int read_by(ir_reader *r, size_t step, ir_buf *out, imgrel_error *err)
{
    char buf[64];
    for (;;) {
        int64_t n = ir_reader_read(r, buf, step, err);
        if (n <= 0)
            return (int)n;
        ir_buf_add(out, buf, (size_t)n);
    }
}

static ir_reader *memory(const char *text, const char *digest, int64_t size)
{
    imgrel_error err = {0};
    ir_desc d = {0};
    ir_reader *r = NULL;
    ck_assert_int_eq(ir_desc_set(&d, "m", digest, size), 0);
    unit_ok(ir_reader_memory(text, strlen(text), &d, &r, &err), &err);
    ir_desc_free(&d);
    return r;
}

START_TEST(good_bytes_come_whole)
{
    static const struct {
        const char *text, *digest;
        int64_t size;
    } cases[] = {{"abc", ABC, 3}, {"abc", ABC, -1}, {"", EMPTY, 0}, {"", EMPTY, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 5; step++) {
            imgrel_error err = {0};
            IR_AUTO(ir_buf) got = IR_BUF(100);
            ir_reader *r = memory(cases[i].text, cases[i].digest, cases[i].size);
            unit_ok(read_by(r, step, &got, &err), &err);
            ck_assert_str_eq(ir_buf_str(&got), cases[i].text);
            ck_assert_int_eq(ir_reader_read(r, &step, 1, &err), 0);
            ir_reader_close(r);
        }
}
END_TEST

START_TEST(bad_bytes_never_come_to_an_end)
{
    static const struct {
        const char *text;
        int64_t size;
        const char *word;
    } cases[] = {{"abd", 3, "has the digest"},
                 {"ab", 3, "has 2 bytes, expected 3"},
                 {"abcd", 3, "expected 3"},
                 {"abd", -1, "has the digest"},
                 {"", 0, "has the digest"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgrel_error err = {0};
        IR_AUTO(ir_buf) got = IR_BUF(100);
        char c;
        ir_reader *r = memory(cases[i].text, ABC, cases[i].size);
        ck_assert_int_eq(read_by(r, 2, &got, &err), IMGREL_EDIGEST);
        unit_error(&err, IMGREL_EDIGEST, cases[i].word);
        ck_assert_msg(cases[i].size < 0 || (int64_t)got.len < 3, "the last byte was given away");
        ir_error_clear(&err);
        ck_assert_int_eq(ir_reader_read(r, &c, 1, &err), IMGREL_EDIGEST);
        ir_reader_close(r);
    }
}
END_TEST

START_TEST(inline_data_needs_no_blob)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) got = IR_BUF(100);
    ir_desc d = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ck_assert_int_eq(ir_desc_set(&d, "m", ABC, 3), 0);
    d.data = strdup("abc");
    d.data_len = 3;
    unit_ok(ir_store_blob_read(s, &support_call, &d, &got, &err), &err);
    ck_assert_str_eq(ir_buf_str(&got), "abc");
    ir_desc_free(&d);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(a_writer_tells_the_digest)
{
    support_begin();
    imgrel_error err = {0};
    ir_writer *w = NULL;
    ir_desc d = {0};
    IR_AUTO(ir_buf) got = IR_BUF(100);
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    unit_ok(ir_store_blob_create(s, &support_call, &w, &err), &err);
    unit_ok(ir_writer_write(w, "a", 1, &err), &err);
    unit_ok(ir_writer_write(w, "", 0, &err), &err);
    unit_ok(ir_writer_write(w, "bc", 2, &err), &err);
    unit_ok(ir_writer_commit(w, ABC, &d, &err), &err);
    ck_assert_str_eq(d.digest, ABC);
    ck_assert_int_eq(d.size, 3);
    ck_assert_int_eq(ir_writer_write(w, "d", 1, &err), IMGREL_ESTATE);
    ir_error_clear(&err);
    ck_assert_int_eq(ir_writer_commit(w, NULL, NULL, &err), IMGREL_ESTATE);
    ir_error_clear(&err);
    ir_writer_free(w);
    unit_ok(ir_store_blob_read(s, &support_call, &d, &got, &err), &err);
    ck_assert_str_eq(ir_buf_str(&got), "abc");
    ir_desc_free(&d);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(a_writer_that_is_not_committed_leaves_nothing)
{
    support_begin();
    imgrel_error err = {0};
    ir_writer *w = NULL;
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    unit_ok(ir_store_blob_create(s, &support_call, &w, &err), &err);
    unit_ok(ir_writer_write(w, "abd", 3, &err), &err);
    ck_assert_int_eq(ir_writer_commit(w, ABC, NULL, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, ABC);
    ir_writer_free(w);
    ck_assert_int_eq(make_count("l/blobs/sha256", ""), 0);
    make_close(s);
    support_end();
}
END_TEST

static int64_t short_source(void *user, void *buf, size_t len, imgrel_error *err)
{
    (void)len;
    (void)err;
    int *given = user;
    if ((*given)++)
        return 0;
    memcpy(buf, "ab", 2);
    return 2;
}

START_TEST(a_source_that_ends_early_is_no_blob)
{
    support_begin();
    imgrel_error err = {0};
    int given = 0;
    ir_desc d = {0};
    const ir_body body = {.read = short_source, .user = &given, .size = 3};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ck_assert_int_eq(ir_desc_set(&d, "m", ABC, 3), 0);
    ck_assert_int_eq(ir_store_blob_put(s, &support_call, &d, &body, NULL, NULL, &err),
                     IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, "2 bytes");
    ck_assert_int_eq(make_count("l/blobs/sha256", ""), 0);
    ir_desc_free(&d);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(a_cap_holds)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) small = IR_BUF(2);
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ir_desc d = make_blob(s, "m", "abc", 3);
    ck_assert_int_eq(ir_store_blob_read(s, &support_call, &d, &small, &err), IMGREL_ELIMIT);
    ir_desc_free(&d);
    make_close(s);
    support_end();
}
END_TEST

UNIT_SUITE(blob, good_bytes_come_whole, bad_bytes_never_come_to_an_end, inline_data_needs_no_blob,
           a_writer_tells_the_digest, a_writer_that_is_not_committed_leaves_nothing,
           a_source_that_ends_early_is_no_blob, a_cap_holds)
