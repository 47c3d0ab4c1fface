/* check_journal.c - journals of uploads: what was written is read, and nothing else is believed. */
#include "../layer/support.h"
#include "net/session.h"
#include "oci/journal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "https://r.example/v2/a/b"
#define AT "https://r.example/v2/a/b/blobs/uploads/1?_state=s3cr3t"

static ir_call call;
static ir_desc desc = {
    .digest = (char *)"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    .size = 200 * 1024 * 1024};
static char file[1024];

static void begin(void)
{
    imgrel_error err = {0};
    support_begin();
    ir_conf conf = {.cache_dir = ir_strdup(support_path("cache"))};
    unit_ok(ir_session_new(&conf, NULL, &call.session, &err), &err);
}

static void end(void)
{
    ir_session_free(call.session);
    support_end();
}

static char *open_it(ir_journal *j)
{
    char *location = NULL;
    ir_journal_open(j, &call, URL, &desc, &location);
    if (j->path)
        snprintf(file, sizeof file, "%s", j->path);
    return location;
}

/* A journal as a killed process leaves it. */
static void leave_one(void)
{
    ir_journal j = IR_JOURNAL;
    ck_assert_ptr_null(open_it(&j));
    ck_assert_int_ge(j.fd, 0);
    ir_journal_write(&j, URL, &desc, AT);
    ir_journal_leave(&j);
}

/* What is found there; the journal is ended when it was one. */
static bool finds(const char *location)
{
    ir_journal j = IR_JOURNAL;
    char *got = open_it(&j);
    bool same = ir_streq(got, location);
    free(got);
    ir_journal_end(&j);
    return same;
}

START_TEST(what_was_written_is_read)
{
    struct stat st;
    begin();
    leave_one();
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(support_path("cache/uploads"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert(finds(AT));
    ck_assert_int_ne(access(file, F_OK), 0);
    ck_assert(finds(NULL));
    end();
}
END_TEST

START_TEST(a_shorter_address_replaces_a_longer)
{
    begin();
    ir_journal j = IR_JOURNAL;
    ck_assert_ptr_null(open_it(&j));
    ir_journal_write(&j, URL, &desc, AT AT);
    ir_journal_write(&j, URL, &desc, AT);
    ir_journal_leave(&j);
    ck_assert(finds(AT));
    end();
}
END_TEST

START_TEST(one_process_has_it)
{
    begin();
    leave_one();
    ir_journal a = IR_JOURNAL, b = IR_JOURNAL;
    char *location = open_it(&a);
    ck_assert_str_eq(location, AT);
    free(location);
    ck_assert_ptr_null(open_it(&b));
    ck_assert_int_lt(b.fd, 0);
    ir_journal_write(&b, URL, &desc, "https://other/");
    ir_journal_end(&b); /* takes nothing away */
    ir_journal_leave(&a);
    ck_assert(finds(AT));
    end();
}
END_TEST

/* Every byte in turn, each bit of it: a restart, and then all is as ever. */
START_TEST(a_journal_that_lies)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) good = IR_BUF(10000);
    begin();
    leave_one();
    unit_ok(ir_file_read(file, &good, &err), &err);
    ck_assert_uint_gt(good.len, 200);
    for (size_t i = 0; i < good.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            good.p[i] ^= (char)(1 << bit);
            char *got = ir_journal_read(good.p, good.len, URL, &desc);
            ck_assert_msg(!got, "byte %zu, bit %d: %s", i, bit, got);
            good.p[i] ^= (char)(1 << bit);
        }
    for (size_t i = 0; i < good.len; i++) {
        char *shorter = ir_journal_read(good.p, i, URL, &desc);
        ck_assert_msg(!shorter, "%zu bytes: %s", i, shorter);
        good.p[i] ^= 1;
        unit_ok(ir_file_write(file, 0600, good.p, good.len, &err), &err);
        good.p[i] ^= 1;
        ir_journal j = IR_JOURNAL;
        ck_assert_ptr_null(open_it(&j));
        ck_assert_int_ge(j.fd, 0);
        ir_journal_write(&j, URL, &desc, AT);
        ir_journal_leave(&j);
        ck_assert(finds(AT));
    }
    end();
}
END_TEST

START_TEST(another_blob_or_repository)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(10000);
    ir_desc other = desc;
    begin();
    leave_one();
    unit_ok(ir_file_read(file, &b, &err), &err);
    ck_assert_ptr_null(ir_journal_read(b.p, b.len, "https://r.example/v2/a/c", &desc));
    other.size++;
    ck_assert_ptr_null(ir_journal_read(b.p, b.len, URL, &other));
    other = desc;
    other.digest =
        (char *)"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    ck_assert_ptr_null(ir_journal_read(b.p, b.len, URL, &other));
    char *same = ir_journal_read(b.p, b.len, URL, &desc);
    ck_assert_str_eq(same, AT);
    free(same);
    end();
}
END_TEST

/* What others could have written, or could read, is not ours. */
START_TEST(files_of_others)
{
    begin();
    leave_one();
    ck_assert_int_eq(chmod(file, 0644), 0);
    ck_assert(finds(NULL));
    ck_assert_int_eq(access(file, F_OK), 0); /* nor is it removed */
    ck_assert_int_eq(rename(file, support_path("aside")), 0);
    ck_assert_int_eq(chmod(support_path("aside"), 0600), 0);
    ck_assert_int_eq(symlink(support_path("aside"), file), 0);
    ck_assert(finds(NULL));
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(mkfifo(file, 0600), 0);
    ck_assert(finds(NULL));
    end();
}
END_TEST

START_TEST(no_place_for_it)
{
    imgrel_error err = {0};
    begin();
    desc.size = 1000; /* too small to be worth it */
    ck_assert(finds(NULL));
    desc.size = 200 * 1024 * 1024;
    ck_assert_int_ne(access(support_path("cache"), F_OK), 0);
    unit_ok(ir_file_write(support_path("cache"), 0600, "", 0, &err), &err);
    ir_journal j = IR_JOURNAL;
    ck_assert_ptr_null(open_it(&j));
    ck_assert_int_lt(j.fd, 0);
    ir_journal_write(&j, URL, &desc, AT);
    ir_journal_leave(&j);
    end();
}
END_TEST

START_TEST(old_ones_are_removed)
{
    static const char name[] =
        "cache/uploads/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    begin();
    support_file(name, "of long ago", 0600);
    support_file("cache/uploads/mine", "of long ago, but not ours", 0600);
    leave_one();
    ck_assert_int_ne(access(support_path(name), F_OK), 0);
    ck_assert_int_eq(access(support_path("cache/uploads/mine"), F_OK), 0);
    ck_assert(finds(AT));
    end();
}
END_TEST

UNIT_SUITE(journal, what_was_written_is_read, a_shorter_address_replaces_a_longer,
           one_process_has_it, a_journal_that_lies, another_blob_or_repository, files_of_others,
           no_place_for_it, old_ones_are_removed)
