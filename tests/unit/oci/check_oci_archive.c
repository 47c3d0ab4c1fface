/* check_oci_archive.c - a layout in one tar: the same bytes for the same content, whatever its
 * compression when it is read, and nothing taken in that a layout does not have. */
#include "oci/make.h"

#include "base/str.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_archive(const char *name)
{
    ir_store *s = make_store("oci-archive", name, IR_STORE_WRITE);
    make_index(s, "multi", NULL);
    make_close(s);
}

START_TEST(what_was_written_is_read)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_platform arm;
    write_archive("a.tar");
    ir_store *s = make_store("oci-archive", "a.tar:multi", IR_STORE_READ);
    unit_ok(ir_platform_parse("linux/arm64", &arm, &err), &err);
    unit_ok(ir_store_image_get(s, &support_call, NULL, &arm, &m, &err), &err);
    ck_assert_int_eq(m.n_layers, 2);
    IR_AUTO(ir_buf) b = IR_BUF(100);
    unit_ok(ir_store_blob_read(s, &support_call, &m.layers[1], &b, &err), &err);
    ck_assert_str_eq(ir_buf_str(&b), "the files for arm64");
    ck_assert_int_eq(ir_store_manifest_delete(s, &support_call, "multi", &err),
                     IMGREL_EUNSUPPORTED);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(equal_content_is_equal_bytes)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) a = IR_BUF(1000000);
    IR_AUTO(ir_buf) b = IR_BUF(1000000);
    write_archive("a.tar");
    write_archive("b.tar");
    unit_ok(ir_file_read(support_path("a.tar"), &a, &err), &err);
    unit_ok(ir_file_read(support_path("b.tar"), &b, &err), &err);
    ck_assert_int_gt(a.len, 1000);
    ck_assert_int_eq(a.len, b.len);
    ck_assert_mem_eq(a.p, b.p, a.len);
    support_end();
}
END_TEST

START_TEST(a_compressed_archive_is_read)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) out = IR_BUF(1000000);
    IR_AUTO(ir_manifest) m = {0};
    write_archive("a.tar");
    const char *const argv[] = {"gzip", "-c", support_path("a.tar"), NULL};
    ck_assert_msg(support_run(argv, NULL, 0, &out), "gzip is not there");
    unit_ok(ir_file_write(support_path("a.tgz"), 0644, out.p, out.len, &err), &err);
    ir_store *s = make_store("oci-archive", "a.tgz", IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
    ck_assert(m.is_index);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(what_is_no_archive_is_refused)
{
    support_begin();
    imgrel_error err = {0};
    ir_store *s = NULL;
    ck_assert_int_eq(make_try("oci-archive", "none.tar", IR_STORE_READ, &s, &err),
                     IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "none.tar");
    ir_error_clear(&err);
    support_file("x/index.json", "{}", 0644);
    const char *const argv[] = {"tar",        "-cf", support_path("x.tar"), "-C", support_path("x"),
                                "index.json", NULL};
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    ck_assert_msg(support_run(argv, NULL, 0, &out), "tar is not there");
    ck_assert_int_eq(make_try("oci-archive", "x.tar", IR_STORE_READ, &s, &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "no OCI archive");
    unit_error(&err, IMGREL_EPROTO, "docker-archive:");
    support_end();
}
END_TEST

START_TEST(paths_out_of_the_layout_are_left_alone)
{
    support_begin();
    support_file("x/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 0644);
    support_file("x/index.json", "{\"schemaVersion\":2,\"manifests\":[]}", 0644);
    support_file("x/evil", "out", 0644);
    const char *const argv[] = {"tar",
                                "-cPf",
                                support_path("x.tar"),
                                "-C",
                                support_path("x"),
                                "--transform",
                                "s,^evil,../../../../../tmp/imgrel-evil,",
                                "oci-layout",
                                "index.json",
                                "evil",
                                NULL};
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    ck_assert_msg(support_run(argv, NULL, 0, &out), "tar is not there");
    ir_store_free(make_store("oci-archive", "x.tar", IR_STORE_READ));
    ck_assert_int_ne(access("/tmp/imgrel-evil", F_OK), 0);
    support_end();
}
END_TEST

START_TEST(a_failure_leaves_no_file)
{
    support_begin();
    ir_store *s = make_store("oci-archive", "a.tar", IR_STORE_WRITE);
    make_image(s, "amd64", "x", NULL);
    ir_store_free(s); /* without finish: as after a failure */
    ck_assert_int_ne(access(support_path("a.tar"), F_OK), 0);
    ck_assert_int_eq(make_count("", ".tmp"), 0);
    support_end();
}
END_TEST

START_TEST(staging_is_removed)
{
    support_begin();
    ck_assert_int_eq(setenv("TMPDIR", support_dir, 1), 0);
    write_archive("a.tar");
    ir_store *s = make_store("oci-archive", "a.tar", IR_STORE_READ);
    ck_assert_int_eq(make_count("", ""), 2);
    ir_store_free(s);
    ck_assert_int_eq(make_count("", ""), 1);
    unsetenv("TMPDIR");
    support_end();
}
END_TEST

UNIT_SUITE(oci_archive, what_was_written_is_read, equal_content_is_equal_bytes,
           a_compressed_archive_is_read, what_is_no_archive_is_refused,
           paths_out_of_the_layout_are_left_alone, a_failure_leaves_no_file, staging_is_removed)
