/* faults_lie.c - what a process finds of one that ended too early may lie: that costs a restart,
 * never a failure, and nothing outside is touched. */
#include "faults.h"

#include "oci/journal.h"
#include "oci/registry.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define SMALL (4 * MIB)

static imgrel_error err;

/* ---- what was fetched ------------------------------------------------------------------------ */

/* A file as a killed process leaves it: the layer's first len bytes, with one of them flipped. */
static void leave(const char *layout, int64_t len, int64_t flip)
{
    char *p = calloc(1, SMALL + MIB);
    imgrel_error e = {0};
    int fd = open(faults_blob_path("src"), O_RDONLY);
    ck_assert_int_eq(read(fd, p, SMALL), SMALL);
    close(fd);
    if (flip >= 0)
        p[flip] ^= 1;
    unit_ok(ir_mkdirs(support_path(text("%s/blobs/sha256", layout)), 0755, &e), &e);
    unit_ok(ir_file_write(faults_partial_path(layout), 0644, p, (size_t)len, &e), &e);
    free(p);
}

START_TEST(partial_files)
{
    /* length, flipped byte, bytes that may be fetched */
    static const int64_t cases[][3] = {
        {SMALL / 2, -1, SMALL / 2},    {SMALL, -1, 1},
        {SMALL + MIB, -1, 1},          {0, -1, SMALL},
        {SMALL / 2, 0, 2 * SMALL},     {SMALL / 2, SMALL / 2 - 1, 2 * SMALL},
        {SMALL, SMALL / 3, 2 * SMALL},
    };
    faults_begin();
    char *digest = faults_image_in_registry(SMALL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *layout = text("dst%zu", i);
        leave(layout, cases[i][0], cases[i][1]);
        weir_clear(faults_weir);
        unit_ok(faults_copy(faults_ref("src"), faults_local(layout), digest, &err), &err);
        ck_assert_int_le(weir_count(faults_weir, "GET", faults_layer).out, cases[i][2]);
        ck_assert_int_eq(faults_litter(layout), 0);
        ck_assert_int_eq(faults_blobs(layout), 3);
        unit_ok(faults_copy(faults_local(layout), faults_ref(layout), digest, &err), &err);
    }
    free(digest);
    faults_end();
}
END_TEST

/* What is no file of ours under that name is neither followed nor waited for. */
START_TEST(partial_traps)
{
    faults_begin();
    char *digest = faults_image_in_registry(SMALL);
    support_file("outside", "precious", 0644);
    for (int i = 0; i < 3; i++) {
        const char *layout = text("trap%d", i), *name = faults_partial_path(layout);
        imgrel_error e = {0};
        unit_ok(ir_mkdirs(support_path(text("%s/blobs/sha256", layout)), 0755, &e), &e);
        int rc = i == 0   ? symlink(support_path("outside"), name)
                 : i == 1 ? mkfifo(name, 0644)
                          : mkdir(name, 0755);
        ck_assert_int_eq(rc, 0);
        unit_ok(faults_copy(faults_ref("src"), faults_local(layout), digest, &err), &err);
        ck_assert_int_eq(faults_blobs(layout), 3);
    }
    IR_AUTO(ir_buf) b = IR_BUF(100);
    unit_ok(ir_file_read(support_path("outside"), &b, &err), &err);
    ck_assert_str_eq(ir_buf_str(&b), "precious");
    free(digest);
    faults_end();
}
END_TEST

/* One byte of it is wrong, wherever: a restart, once. */
START_TEST(partial_bytes)
{
    faults_begin();
    char *digest = faults_image_in_registry(SMALL);
    for (int i = 0; i < 24; i++) {
        const char *layout = text("dst%d", i);
        int64_t len = SMALL / 24 * (i + 1), flip = i % 3 == 0 ? 0 : i % 3 == 1 ? len - 1 : len / 2;
        leave(layout, len, flip);
        weir_clear(faults_weir);
        unit_ok(faults_copy(faults_ref("src"), faults_local(layout), digest, &err), &err);
        ck_assert_int_le(weir_count(faults_weir, "GET", faults_layer).requests, 2);
        ck_assert_int_eq(faults_litter(layout), 0);
    }
    free(digest);
    faults_end();
}
END_TEST

/* ---- journals of uploads --------------------------------------------------------------------- */

static const char *url_of(const char *name)
{
    return text("http://%s/v2/p/%s", faults_host, name);
}

/* Begins an upload in a repository and sends it some bytes; its address. */
static const char *begin_upload(const char *name, const char *bytes)
{
    imgrel_client *c = faults_client();
    ir_call call = {.session = faults_session(c)};
    ir_store *s = NULL;
    ir_ref ref = {0};
    ir_request req;
    ir_reply reply = {0};
    char *location = NULL;
    unit_ok(ir_ref_parse(faults_ref(name), &ref, &err), &err);
    unit_ok(ir_store_open(&call, &ref, IR_STORE_WRITE, &s, &err), &err);
    unit_ok(ir_upload_begin(ir_registry_of(s), &call, &location, NULL, &err), &err);
    unit_ok(ir_upload_request(ir_registry_of(s), "PATCH", location, &req, &err), &err);
    req.body = (ir_body){.p = bytes, .len = strlen(bytes)};
    unit_ok(ir_http_do(&call, &req, &reply, &err), &err);
    ck_assert_int_eq(reply.status, 202);
    unit_ok(ir_upload_follow(&reply, &location, &err), &err);
    const char *kept = text("%s", location);
    free(location);
    ir_reply_free(&reply);
    ir_store_free(s);
    ir_ref_free(&ref);
    imgrel_client_free(c);
    return kept;
}

/* A journal as one was written, whatever it says. */
static void leave_journal(const char *name, const char *location)
{
    char *old = NULL;
    imgrel_client *c = faults_client();
    const ir_call call = {.session = faults_session(c)};
    const ir_desc d = {.digest = faults_layer, .size = 2 * SMALL};
    ir_journal j = IR_JOURNAL;
    ir_journal_open(&j, &call, url_of(name), &d, &old);
    ck_assert_int_ge(j.fd, 0);
    ir_journal_write(&j, url_of(name), &d, location);
    ir_journal_leave(&j);
    imgrel_client_free(c);
}

START_TEST(journals)
{
    faults_begin();
    faults_set("cache_dir", text("%s", support_path("cache")));
    char *digest = faults_image(2 * SMALL);
    for (int i = 0; i < 6; i++) {
        const char *name = text("lie%d", i);
        const char *lies[] = {text("%s/blobs/uploads/0?_state=none", url_of(name)),
                              begin_upload("elsewhere", "of another repository"),
                              begin_upload(name, "not the layer's first bytes"),
                              "https://192.0.2.1/v2/p/x/blobs/uploads/1",
                              "not a URL",
                              ""};
        leave_journal(name, lies[i]);
        ck_assert_int_eq(faults_journals(), 1);
        weir_clear(faults_weir);
        int rc = faults_copy(faults_local("src"), faults_ref(name), digest, &err);
        unit_ok(rc, &err);
        ck_assert_int_eq(faults_journals(), 0);
        ck_assert_int_le(weir_count(faults_weir, "PUT", "/blobs/").in, 4 * SMALL + MIB);
        unit_ok(faults_copy(faults_ref(name), faults_local(text("back%d", i)), digest, &err), &err);
    }
    free(digest);
    faults_end();
}
END_TEST

UNIT_SUITE(faults_lie, partial_files, partial_bytes, partial_traps, journals)
