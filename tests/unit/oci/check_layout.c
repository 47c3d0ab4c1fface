/* check_layout.c - the image layout: what it lists, what it refuses, and what two processes that
 * write to one do to each other (nothing). */
#include "oci/make.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ZERO "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void expect_get(ir_store *s, const char *selector, int code, const char *word)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ck_assert_int_eq(ir_store_manifest_get(s, &support_call, selector, &m, &err), code);
    if (code)
        unit_error(&err, code, word);
}

/* The place's names, joined by commas. */
static char *names(ir_store *s)
{
    imgrel_error err = {0};
    ir_pages *p = NULL;
    ir_buf b = IR_BUF(100000);
    const char *name = NULL;
    int rc = 0;
    unit_ok(ir_store_tags(s, &support_call, &p, &err), &err);
    while ((rc = ir_pages_next(p, &support_call, &name, &err)) == 1)
        ir_buf_addf(&b, "%s%s", b.len ? "," : "", name);
    unit_ok(rc, &err);
    ir_pages_free(p);
    return ir_buf_take(&b);
}

static void expect_names(ir_store *s, const char *want)
{
    char *have = names(s);
    ck_assert_str_eq(have, want);
    free(have);
}

START_TEST(what_is_no_layout_is_refused)
{
    support_begin();
    imgrel_error err = {0};
    ir_store *s = NULL;
    ck_assert_int_eq(make_try("oci", "none", IR_STORE_READ, &s, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "no OCI image layout");
    ir_error_clear(&err);
    support_file("old/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", 0644);
    ck_assert_int_eq(make_try("oci", "old", IR_STORE_READ, &s, &err), IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "2.0.0");
    ir_error_clear(&err);
    support_file("bad/oci-layout", "nonsense", 0644);
    ck_assert_int_eq(make_try("oci", "bad", IR_STORE_WRITE, &s, &err), IMGREL_EPROTO);
    support_end();
}
END_TEST

START_TEST(tags_come_go_and_move)
{
    support_begin();
    imgrel_error err = {0};
    ir_desc amd = {0}, arm = {0}, head = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE | IR_STORE_DELETE);
    expect_get(s, NULL, IMGREL_ENOTFOUND, "holds no image");
    make_image(s, "amd64", "one", &amd);
    expect_get(s, NULL, 0, NULL);
    make_image(s, "arm64", "two", &arm);
    expect_get(s, NULL, IMGREL_EINVAL, "it has: one, two");
    expect_get(s, "three", IMGREL_ENOTFOUND, "it has: one, two");
    expect_get(s, arm.digest, 0, NULL);
    expect_get(s, ZERO, IMGREL_ENOTFOUND, ZERO);
    make_image(s, "arm64", "one", NULL);
    unit_ok(ir_store_manifest_head(s, &support_call, "one", &head, &err), &err);
    ck_assert_str_eq(head.digest, arm.digest);
    expect_names(s, "two,one");
    unit_ok(ir_store_manifest_delete(s, &support_call, "two", &err), &err);
    expect_names(s, "one");
    unit_ok(ir_store_manifest_delete(s, &support_call, arm.digest, &err), &err);
    expect_names(s, "");
    ck_assert_int_eq(ir_store_manifest_delete(s, &support_call, "one", &err), IMGREL_ENOTFOUND);
    ir_desc_free(&amd);
    ir_desc_free(&arm);
    ir_desc_free(&head);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(the_index_lists_what_nothing_else_names)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(10000);
    ir_desc top = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    make_index(s, NULL, &top);
    make_close(s);
    unit_ok(ir_file_read(support_path("l/index.json"), &b, &err), &err);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), top.digest));
    ck_assert_msg(!strstr(ir_buf_str(&b), IR_MT_OCI_MANIFEST), "children are listed: %s", b.p);
    s = make_store("oci", "l", IR_STORE_READ);
    expect_get(s, NULL, 0, NULL);
    ir_store_free(s);
    ir_desc_free(&top);
    support_end();
}
END_TEST

START_TEST(a_damaged_blob_is_refused)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(100);
    ir_desc image = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ir_desc d = make_blob(s, "m", "some bytes", 10);
    make_image(s, "amd64", "one", &image);
    make_damage("l", d.digest);
    make_damage("l", image.digest);
    ck_assert_int_eq(ir_store_blob_read(s, &support_call, &d, &b, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, d.digest);
    expect_get(s, "one", IMGREL_EDIGEST, image.digest);
    d.size = 9;
    ir_error_clear(&err);
    ck_assert_int_eq(ir_store_blob_read(s, &support_call, &d, &b, &err), IMGREL_EDIGEST);
    ck_assert_int_eq(ir_store_blob_exists(s, &support_call, &d, NULL, &err), 0);
    ir_desc_free(&d);
    ir_desc_free(&image);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(a_manifest_needs_its_blobs)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_desc layer = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ir_desc config = make_blob(s, IR_MT_OCI_CONFIG, "{}", 2);
    ck_assert_int_eq(ir_desc_set(&layer, IR_MT_OCI_LAYER, ZERO, 5), 0);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &layer, 1, NULL, &m, &err), &err);
    ck_assert_int_eq(ir_store_manifest_put(s, &support_call, &m, "x", &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, ZERO);
    expect_names(s, "");
    ir_desc_free(&config);
    ir_desc_free(&layer);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(digests_are_checked_before_they_are_paths)
{
    support_begin();
    imgrel_error err = {0};
    ir_reader *r = NULL;
    ir_desc d = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ck_assert_int_eq(ir_desc_set(&d, "m", "sha256:../../../../etc/passwd", 1), 0);
    ck_assert_int_eq(ir_store_blob_open(s, &support_call, &d, &r, &err), IMGREL_EINVAL);
    ir_desc_free(&d);
    make_close(s);
    support_end();
}
END_TEST

/* Puts `n` tags of its own into the layout that another process writes to as well. */
static void write_tags(char who, int n)
{
    for (int i = 0; i < n; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "%c%d", who, i);
        ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
        make_image(s, i % 2 ? "amd64" : "arm64", tag, NULL);
        make_close(s);
    }
}

START_TEST(two_processes_do_no_harm)
{
    support_begin();
    pid_t pid[2];
    for (int i = 0; i < 2; i++) {
        pid[i] = fork();
        ck_assert_int_ge(pid[i], 0);
        if (pid[i] == 0) {
            write_tags((char)('a' + i), 20);
            _exit(0);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    ir_store *s = make_store("oci", "l", IR_STORE_READ);
    for (int i = 0; i < 40; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "%c%d", i % 2 ? 'a' : 'b', i / 2);
        expect_get(s, tag, 0, NULL);
    }
    ir_store_free(s);
    ck_assert_int_eq(make_count("l", ".tmp"), 0);
    ck_assert_int_eq(make_count("l/blobs/sha256", ".tmp"), 0);
    support_end();
}
END_TEST

START_TEST(what_a_killed_process_left_is_swept)
{
    support_begin();
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    make_close(make_store("oci", "l", IR_STORE_WRITE));
    support_file("l/blobs/sha256/upload.0123.tmp", "old", 0644);
    ck_assert_int_eq(utimensat(AT_FDCWD, support_path("l/blobs/sha256/upload.0123.tmp"), old, 0),
                     0);
    int fd = open(support_path("l/blobs/sha256/upload.4567.tmp"), O_CREAT | O_WRONLY, 0644);
    close(fd);
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    ck_assert_int_eq(make_count("l/blobs/sha256", ".tmp"), 1);
    make_close(s);
    support_end();
}
END_TEST

START_TEST(referrers_are_found)
{
    support_begin();
    imgrel_error err = {0};
    ir_desc image = {0};
    ir_pages *p = NULL;
    const char *item = NULL;
    ir_manifest m = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    make_image(s, "amd64", "one", &image);
    ir_desc config = make_blob(s, IR_MT_OCI_EMPTY, "{}", 2);
    char *text = ir_format("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"a/sbom\","
                           "\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":2},"
                           "\"layers\":[],\"subject\":{\"mediaType\":\"%s\",\"digest\":\"%s\","
                           "\"size\":%lld},\"annotations\":{\"k\":\"v\"}}",
                           IR_MT_OCI_MANIFEST, IR_MT_OCI_EMPTY, config.digest, IR_MT_OCI_MANIFEST,
                           image.digest, (long long)image.size);
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, NULL, &err), &err);
    make_close(s);
    s = make_store("oci", "l", IR_STORE_READ);
    unit_ok(ir_store_referrers(s, &support_call, image.digest, "a/sbom", &p, &err), &err);
    ck_assert_int_eq(ir_pages_next(p, &support_call, &item, &err), 1);
    ck_assert_ptr_nonnull(strstr(item, m.digest));
    ck_assert_ptr_nonnull(strstr(item, "\"annotations\":{\"k\":\"v\"}"));
    ck_assert_int_eq(ir_pages_next(p, &support_call, &item, &err), 0);
    ir_pages_free(p);
    unit_ok(ir_store_referrers(s, &support_call, image.digest, "a/other", &p, &err), &err);
    ck_assert_int_eq(ir_pages_next(p, &support_call, &item, &err), 0);
    ir_pages_free(p);
    ir_store_free(s);
    ir_manifest_free(&m);
    ir_desc_free(&image);
    ir_desc_free(&config);
    free(text);
    support_end();
}
END_TEST

UNIT_SUITE(layout, what_is_no_layout_is_refused, tags_come_go_and_move,
           the_index_lists_what_nothing_else_names, a_damaged_blob_is_refused,
           a_manifest_needs_its_blobs, digests_are_checked_before_they_are_paths,
           two_processes_do_no_harm, what_a_killed_process_left_is_swept, referrers_are_found)
