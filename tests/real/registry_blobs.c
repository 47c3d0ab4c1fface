/* registry_blobs.c - blobs as files, from and to descriptors. */
#include "hub.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ZERO "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void start(void)
{
    hub_start(0);
}

#define BIG (20UL * 1024 * 1024)

static char *blob_ref(const char *repository, const char *digest)
{
    return ir_format("%s@%s", hub_ref(repository), digest);
}

START_TEST(a_blob_is_a_file)
{
    hub_begin();
    imgrel_blob *b = NULL;
    char *digest = NULL, *bytes = support_bytes('m', BIG), *back = malloc(BIG);
    char want[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(bytes, BIG, want, &hub_err), &hub_err);
    unit_ok(imgrel_blob_create(hub_client, hub_ref("blob/a"), NULL, &b, &hub_err), &hub_err);
    for (size_t at = 0; at < BIG;) {
        size_t n = BIG - at < 1000003 ? BIG - at : 1000003;
        ck_assert_int_eq(imgrel_blob_write(b, bytes + at, n, &hub_err), (int64_t)n);
        at += n;
    }
    ck_assert_int_eq(imgrel_blob_size(b), -1);
    ck_assert_int_eq(imgrel_blob_read(b, back, 1, &hub_err), IMGREL_ESTATE);
    hub_err = (imgrel_error){0};
    unit_ok(imgrel_blob_commit(b, &digest, &hub_err), &hub_err);
    ck_assert_str_eq(digest, want);
    imgrel_blob_free(b);
    char *ref = blob_ref("blob/a", want);
    unit_ok(imgrel_blob_open(hub_client, ref, NULL, &b, &hub_err), &hub_err);
    ck_assert_int_eq(imgrel_blob_size(b), (int64_t)BIG);
    size_t at = 0;
    for (int64_t n = 1; n > 0; at += (size_t)n) {
        n = imgrel_blob_read(b, back + at, BIG - at < 77777 ? BIG - at + 1 : 77777, &hub_err);
        ck_assert_msg(n >= 0, "%s", hub_err.message);
    }
    ck_assert_int_eq(at, BIG);
    ck_assert_mem_eq(bytes, back, BIG);
    imgrel_blob_free(b);
    free(ref);
    imgrel_free(digest);
    free(bytes);
    free(back);
    hub_end();
}
END_TEST

START_TEST(an_upload_that_is_dropped_leaves_nothing)
{
    hub_begin();
    imgrel_blob *b = NULL;
    char *bytes = support_bytes('r', BIG);
    unit_ok(imgrel_blob_create(hub_client, hub_ref("blob/dropped"), NULL, &b, &hub_err), &hub_err);
    ck_assert_int_eq(imgrel_blob_write(b, bytes, BIG, &hub_err), (int64_t)BIG);
    imgrel_blob_free(b);
    /* The registry keeps the upload's folder, but none of its bytes. */
    const char *const find[] = {"find", hub_now.dir, "-path", "*dropped*", "-name", "data", NULL};
    IR_AUTO(ir_buf) left = IR_BUF(10000);
    ck_assert_msg(support_run(find, NULL, 0, &left), "find is not there");
    ck_assert_str_eq(ir_buf_str(&left), "");
    free(bytes);
    hub_end();
}
END_TEST

/* A pipe that a child fills. */
static int filled_pipe(const char *bytes, size_t len)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    if (fork() == 0) {
        close(fds[0]);
        while (len) {
            ssize_t n = write(fds[1], bytes, len);
            if (n <= 0)
                _exit(1);
            bytes += n;
            len -= (size_t)n;
        }
        _exit(0);
    }
    close(fds[1]);
    return fds[0];
}

START_TEST(blobs_come_from_and_go_to_descriptors)
{
    hub_begin();
    char *bytes = support_bytes('m', 3000000), *a = NULL, *b = NULL;
    char want[IR_DIGEST_MAX];
    int64_t size = 0;
    unit_ok(ir_hash_bytes(bytes, 3000000, want, &hub_err), &hub_err);
    unit_ok(ir_file_write(support_path("in"), 0600, bytes, 3000000, &hub_err), &hub_err);
    int in = filled_pipe(bytes, 3000000), file = open(support_path("in"), O_RDONLY | O_CLOEXEC);
    unit_ok(imgrel_blob_put(hub_client, hub_ref("blob/fd"), in, NULL, &a, &hub_err), &hub_err);
    hub_requests();
    unit_ok(imgrel_blob_put(hub_client, hub_ref("blob/fd"), file, NULL, &b, &hub_err), &hub_err);
    ck_assert_int_eq(hub_requests(), 1); /* it is there */
    ck_assert_str_eq(a, want);
    ck_assert_str_eq(b, want);
    char *ref = blob_ref("blob/fd", want), *none = blob_ref("blob/fd", ZERO);
    unit_ok(imgrel_blob_exists(hub_client, ref, NULL, &size, &hub_err), &hub_err);
    ck_assert_int_eq(size, 3000000);
    int out = open(support_path("out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unit_ok(imgrel_blob_get(hub_client, ref, out, NULL, &hub_err), &hub_err);
    ck_assert_int_eq(lseek(out, 0, SEEK_CUR), 3000000);
    ck_assert_int_eq(imgrel_blob_exists(hub_client, none, NULL, NULL, &hub_err), IMGREL_ENOTFOUND);
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_blob_get(hub_client, none, out, NULL, &hub_err), IMGREL_ENOTFOUND);
    unit_error(&hub_err, IMGREL_ENOTFOUND, "blob/fd");
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_blob_get(hub_client, hub_ref("blob/fd"), out, NULL, &hub_err),
                     IMGREL_EINVAL);
    unit_error(&hub_err, IMGREL_EINVAL, "named by its digest");
    close(in);
    close(file);
    close(out);
    imgrel_free(a);
    imgrel_free(b);
    free(ref);
    free(none);
    free(bytes);
    hub_end();
}
END_TEST

Suite *suite_blobs(void);
Suite *suite_blobs(void)
{
    const TTest *const tests[] = {a_blob_is_a_file, an_upload_that_is_dropped_leaves_nothing,
                                  blobs_come_from_and_go_to_descriptors};
    return hub_suite("blobs", start, tests, sizeof tests / sizeof *tests);
}
