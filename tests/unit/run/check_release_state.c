/* check_release_state.c - the state beside the file: kept at once, private, locked, taken away. */
#include "base/fd.h"
#include "base/str.h"
#include "run/release_impl.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TEXT                                                                \
    "apiVersion: imgrel/v1\napp: web\nversion: 1.0.0\nregistry: {host: h.lan}\n" \
    "harbor: {project: p}\nimage: {base: a}\n"

static char dir[64];
static ir_release *r;

static void begin(void)
{
    memcpy(dir, "/tmp/check_state.XXXXXX", 24);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(ir_release_parse(FILE_TEXT, strlen(FILE_TEXT), "r.yaml", dir, &r, NULL), 0);
}

static void end(void)
{
    ir_release_free(r);
    ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
}

static int mode_of(const char *name)
{
    struct stat st;
    char *path = ir_path_join(dir, name);
    int rc = stat(path, &st);
    free(path);
    return rc ? -1 : (int)(st.st_mode & 0777);
}

START_TEST(kept_at_once)
{
    begin();
    ir_rel_state a, b;
    ir_call call = {0};
    imgrel_error err = {0};
    unit_ok(ir_rel_state_open(r, &a, &err), &err);
    ck_assert_int_eq(mode_of(".imgrel"), -1); /* looking makes nothing */
    unit_ok(ir_rel_state_lock(&call, &a, &err), &err);
    unit_ok(ir_rel_state_put(&a, "registry x", "project", "made", &err), &err);
    ck_assert_int_eq(mode_of(".imgrel"), 0700);
    ck_assert_int_eq(mode_of(".imgrel/web.json"), 0600);
    unit_ok(ir_rel_state_open(r, &b, &err), &err);
    ck_assert_str_eq(ir_rel_state_get(&b, "registry x", "project"), "made");
    ck_assert_ptr_null(ir_rel_state_get(&b, "registry y", "project"));
    unit_ok(ir_rel_state_put(&a, "registry x", "project", NULL, &err), &err);
    ir_rel_state_close(&b);
    unit_ok(ir_rel_state_open(r, &b, &err), &err);
    ck_assert_ptr_null(ir_rel_state_get(&b, "registry x", "project"));
    ir_rel_state_close(&b);
    unit_ok(ir_rel_state_remove(&a, &err), &err);
    ck_assert_int_eq(mode_of(".imgrel"), -1);
    ir_rel_state_close(&a);
    end();
}
END_TEST

START_TEST(secret)
{
    begin();
    ir_rel_state s;
    ir_call call = {0};
    imgrel_error err = {0};
    char *text = NULL;
    unit_ok(ir_rel_state_open(r, &s, &err), &err);
    unit_ok(ir_rel_state_lock(&call, &s, &err), &err);
    ck_assert_int_eq(ir_rel_secret_read(&s, "x", &text, &err), IMGREL_ENOTFOUND);
    ck_assert_ptr_null(text);
    ir_error_clear(&err);
    unit_ok(ir_rel_secret_write(&s, "x", "S3cret", &err), &err);
    ck_assert_int_eq(mode_of(".imgrel/web.x.push-robot"), 0600);
    unit_ok(ir_rel_secret_read(&s, "x", &text, &err), &err);
    ck_assert_str_eq(text, "S3cret");
    ir_free_secret(text);
    unit_ok(ir_rel_secret_forget(&s, "x", &err), &err);
    unit_ok(ir_rel_secret_forget(&s, "x", &err), &err);
    ck_assert_int_eq(mode_of(".imgrel/web.x.push-robot"), -1);
    ir_rel_state_close(&s);
    end();
}
END_TEST

START_TEST(one_at_a_time)
{
    begin();
    ir_rel_state a, b;
    ir_call call = {.deadline_ms = ir_now_ms() + 150}, patient = {0};
    imgrel_error err = {0};
    unit_ok(ir_rel_state_open(r, &a, &err), &err);
    unit_ok(ir_rel_state_open(r, &b, &err), &err);
    unit_ok(ir_rel_state_lock(&patient, &a, &err), &err);
    ck_assert_int_eq(ir_rel_state_lock(&call, &b, &err), IMGREL_ETIMEOUT);
    unit_error(&err, IMGREL_ETIMEOUT, "waiting for lock");
    unit_ok(ir_rel_state_put(&a, "x", "y", "z", &err), &err);
    ir_rel_state_close(&a);
    unit_ok(ir_rel_state_lock(&patient, &b, &err), &err);
    ck_assert_str_eq(ir_rel_state_get(&b, "x", "y"), "z"); /* what the other one left */
    ir_rel_state_close(&b);
    end();
}
END_TEST

START_TEST(what_a_killed_run_left)
{
    begin();
    ir_rel_state s;
    ir_call call = {0};
    imgrel_error err = {0};
    static const char *const names[] = {"web.json.0a.tmp", "web.x.push-robot.0b.tmp"};
    char *folder = ir_path_join(dir, ".imgrel");
    unit_ok(ir_mkdirs(folder, 0700, &err), &err);
    for (int i = 0; i < 3; i++) {
        char *path = ir_path_join(folder, i < 2 ? names[i] : "website.json.0c.tmp");
        unit_ok(ir_file_write(path, 0600, "x", 1, &err), &err);
        free(path);
    }
    unit_ok(ir_rel_state_open(r, &s, &err), &err);
    unit_ok(ir_rel_state_lock(&call, &s, &err), &err);
    ck_assert_int_eq(mode_of(".imgrel/web.json.0a.tmp"), -1);
    ck_assert_int_eq(mode_of(".imgrel/web.x.push-robot.0b.tmp"), -1);
    ck_assert_int_eq(mode_of(".imgrel/website.json.0c.tmp"), 0600); /* of another release */
    ir_rel_state_close(&s);
    free(folder);
    end();
}
END_TEST

START_TEST(damaged)
{
    begin();
    ir_rel_state s;
    imgrel_error err = {0};
    static const char *const texts[] = {"", "{", "[]", "{\"version\":2}"};
    char *path = ir_format("%s/.imgrel/web.json", dir);
    unit_ok(ir_mkdirs(dir, 0700, &err), &err);
    char *folder = ir_path_join(dir, ".imgrel");
    unit_ok(ir_mkdirs(folder, 0700, &err), &err);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        unit_ok(ir_file_write(path, 0600, texts[i], strlen(texts[i]), NULL), &err);
        ir_error_clear(&err);
        ck_assert_int_eq(ir_rel_state_open(r, &s, &err), IMGREL_EPROTO);
        unit_error(&err, IMGREL_EPROTO, "remove it");
        ir_rel_state_close(&s);
    }
    free(path);
    free(folder);
    end();
}
END_TEST

START_TEST(full_disk)
{
    begin();
    ir_rel_state s;
    ir_call call = {0};
    imgrel_error err = {0};
    unit_ok(ir_release_set(r, "state_dir", "/proc/imgrel", &err), &err);
    unit_ok(ir_rel_state_open(r, &s, &err), &err);
    ck_assert_int_lt(ir_rel_state_lock(&call, &s, &err), 0);
    unit_error(&err, err.code, "/proc/imgrel");
    ir_rel_state_close(&s);
    end();
}
END_TEST

UNIT_SUITE(release_state, kept_at_once, secret, one_at_a_time, what_a_killed_run_left, damaged,
           full_disk)
