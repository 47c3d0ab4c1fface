/* support.h - a folder for a test, files in it, and programs that stand for builders. */
#ifndef IR_TESTS_BUILD_SUPPORT_H
#define IR_TESTS_BUILD_SUPPORT_H

#include "base/fd.h"
#include "base/str.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

static inline char *test_dir(void)
{
    char *dir = ir_strdup("/tmp/imgrel-unit-build-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    return dir;
}

static inline void test_file(const char *dir, const char *name, int mode, const char *text)
{
    imgrel_error err = {0};
    char *path = ir_path_join(dir, name), *slash = strrchr(path, '/');
    *slash = '\0';
    unit_ok(ir_mkdirs(path, 0755, &err), &err);
    *slash = '/';
    unit_ok(ir_file_write(path, (mode_t)mode, text, strlen(text), &err), &err);
    free(path);
}

static inline char *test_read(const char *dir, const char *name)
{
    imgrel_error err = {0};
    ir_buf b = IR_BUF(1 << 20);
    char *path = ir_path_join(dir, name);
    unit_ok(ir_file_read(path, &b, &err), &err);
    free(path);
    return ir_buf_take(&b);
}

static inline void test_remove(char *dir)
{
    imgrel_error err = {0};
    unit_ok(ir_rmtree(dir, &err), &err);
    free(dir);
}

#endif
