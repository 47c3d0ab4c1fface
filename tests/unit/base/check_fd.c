/* check_fd.c - files appear whole or not at all; trees, locks, caps. */
#include "base/cancel.h"
#include "base/fd.h"
#include "base/str.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void setup_dir(void)
{
    memcpy(dir, "/tmp/check_fd.XXXXXX", 21);
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static char *in_dir(const char *name)
{
    static char path[8][160];
    static int at;
    char *p = path[at++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void remove_dir(void)
{
    ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
    ck_assert_int_ne(access(dir, F_OK), 0);
}

START_TEST(write_and_read)
{
    setup_dir();
    imgrel_error err = {0};
    struct stat st;
    unit_ok(ir_file_write(in_dir("f"), 0600, "hello", 5, &err), &err);
    unit_ok(ir_file_write(in_dir("f"), 0600, "again", 5, &err), &err);
    ck_assert_int_eq(stat(in_dir("f"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ir_buf b = IR_BUF(5);
    unit_ok(ir_file_read(in_dir("f"), &b, &err), &err);
    ck_assert_str_eq(ir_buf_str(&b), "again");
    ir_buf_free(&b);
    ck_assert_int_eq(entries(), 1);
    ir_buf small = IR_BUF(4);
    ck_assert_int_eq(ir_file_read(in_dir("f"), &small, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "/f: too long");
    ir_buf_free(&small);
    ir_error_clear(&err);
    ck_assert_int_eq(ir_file_read(in_dir("none"), &b, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "/none");
    ir_error_clear(&err);
    ck_assert_int_eq(ir_file_read(dir, &b, &err), IMGREL_EIO);
    ir_buf_free(&b);
    remove_dir();
}
END_TEST

START_TEST(abort_leaves_nothing)
{
    setup_dir();
    ir_newfile f = IR_NEWFILE;
    imgrel_error err = {0};
    unit_ok(ir_newfile_open(&f, in_dir("f"), 0644, &err), &err);
    unit_ok(ir_fd_write(f.fd, "f", "x", 1, &err), &err);
    ck_assert_int_eq(entries(), 1);
    ir_newfile_abort(&f);
    ir_newfile_abort(&f);
    ck_assert_int_eq(entries(), 0);
    ck_assert_int_eq(ir_newfile_commit(&f, &err), IMGREL_ESTATE);
    ir_error_clear(&err);
    ck_assert_int_eq(ir_newfile_open(&f, in_dir("no/f"), 0644, &err), IMGREL_ENOTFOUND);
    ck_assert_int_eq(f.fd, -1);
    remove_dir();
}
END_TEST

START_TEST(target_that_is_a_folder)
{
    setup_dir();
    imgrel_error err = {0};
    unit_ok(ir_mkdirs(in_dir("d/e"), 0755, &err), &err);
    ck_assert_int_eq(ir_file_write(in_dir("d"), 0600, "x", 1, &err), IMGREL_EIO);
    ck_assert_int_eq(entries(), 1);
    remove_dir();
}
END_TEST

START_TEST(full_disk)
{
    imgrel_error err = {0};
    int fd = open("/dev/full", O_WRONLY);
    ck_assert_int_eq(ir_fd_write(fd, "layer", "x", 1, &err), IMGREL_EIO);
    unit_error(&err, IMGREL_EIO, "layer: No space left on device");
    close(fd);
}
END_TEST

START_TEST(folders)
{
    setup_dir();
    imgrel_error err = {0};
    unit_ok(ir_mkdirs(in_dir("a//b/c/"), 0700, &err), &err);
    unit_ok(ir_mkdirs(in_dir("a/b/c"), 0700, &err), &err);
    unit_ok(ir_mkdirs("/", 0700, &err), &err);
    unit_ok(ir_file_write(in_dir("a/f"), 0600, "x", 1, &err), &err);
    ck_assert_int_lt(ir_mkdirs(in_dir("a/f/g"), 0700, &err), 0);
    unit_error(&err, err.code, "/a/f");
    remove_dir();
}
END_TEST

START_TEST(rmtree_stays_inside)
{
    setup_dir();
    imgrel_error err = {0};
    unit_ok(ir_mkdirs(in_dir("keep"), 0755, &err), &err);
    unit_ok(ir_file_write(in_dir("keep/f"), 0600, "x", 1, &err), &err);
    unit_ok(ir_mkdirs(in_dir("tree/sub"), 0755, &err), &err);
    ck_assert_int_eq(symlink(in_dir("keep"), in_dir("tree/link")), 0);
    ck_assert_int_eq(symlink("/nowhere", in_dir("tree/sub/dangling")), 0);
    unit_ok(ir_rmtree(in_dir("tree"), &err), &err);
    ck_assert_int_eq(access(in_dir("keep/f"), F_OK), 0);
    ck_assert_int_ne(access(in_dir("tree"), F_OK), 0);
    unit_ok(ir_rmtree(in_dir("tree"), &err), &err);
    remove_dir();
}
END_TEST

START_TEST(paths)
{
    static const char *const t[][3] = {{"a", "b", "a/b"},
                                       {"a/", "b", "a/b"},
                                       {"a", "/b", "/b"},
                                       {NULL, "b", "b"},
                                       {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *p = ir_path_join(t[i][0], t[i][1]);
        ck_assert_str_eq(p, t[i][2]);
        free(p);
    }
}
END_TEST

START_TEST(locks)
{
    setup_dir();
    imgrel_error err = {0};
    int fd = ir_lock(in_dir("lock"), NULL, 0, &err);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ir_lock(in_dir("lock"), NULL, ir_now_ms() + 120, &err), IMGREL_ETIMEOUT);
    unit_error(&err, IMGREL_ETIMEOUT, "waiting for lock");
    close(fd);
    ir_error_clear(&err);
    fd = ir_lock(in_dir("lock"), NULL, ir_now_ms() + 5000, &err);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(symlink("/etc/passwd", in_dir("trap")), 0);
    ck_assert_int_lt(ir_lock(in_dir("trap"), NULL, 0, &err), 0);
    remove_dir();
}
END_TEST

UNIT_SUITE(fd, write_and_read, abort_leaves_nothing, target_that_is_a_folder, full_disk, folders,
           rmtree_stays_inside, paths, locks)
