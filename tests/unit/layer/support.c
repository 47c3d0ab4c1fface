/* support.c - see support.h. */
#include "support.h"

#include "base/proc.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ir_call support_call;
char support_dir[256];

void support_begin(void)
{
    imgrel_error err = {0};
    ir_conf conf = {.jobs = 2};
    ir_session *s = NULL;
    unit_ok(ir_session_new(&conf, NULL, &s, &err), &err);
    support_call = (ir_call){.session = s};
    const char *tmp = getenv("TMPDIR");
    snprintf(support_dir, sizeof support_dir, "%s/imgrel-layer-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(support_dir));
}

void support_end(void)
{
    imgrel_error err = {0};
    unit_ok(ir_rmtree(support_dir, &err), &err);
    ir_session_free(support_call.session);
}

const char *support_path(const char *name)
{
    static char paths[8][512];
    static unsigned i;
    char *p = paths[i++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", support_dir, name);
    return p;
}

void support_file(const char *name, const char *text, int mode)
{
    imgrel_error err = {0};
    const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", support_dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    unit_ok(ir_mkdirs(path, 0755, &err), &err);
    *slash = '/';
    unit_ok(ir_file_write(path, (mode_t)mode, text, strlen(text), &err), &err);
    ck_assert_int_eq(chmod(path, (mode_t)mode), 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static char byte_at(char kind, size_t i, uint32_t *state)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog; ";
    if (kind == 'm')
        kind = "trzc"[i / 100000 % 4];
    if (kind == 'z')
        return 0;
    if (kind == 'c')
        return (char)i;
    *state = *state * 1664525u + 1013904223u;
    return kind == 'r' ? (char)(*state >> 24) : words[(i + (*state >> 28)) % (sizeof words - 1)];
}

char *support_bytes(char kind, size_t len)
{
    uint32_t state = 1;
    char *p = malloc(len + 1);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < len; i++)
        p[i] = byte_at(kind, i, &state);
    return p;
}

bool support_run(const char *const *argv, const void *in, size_t len, ir_buf *out)
{
    imgrel_error err = {0};
    int status = 0;
    const ir_proc p = {.argv = argv, .in = in, .in_len = len, .out = out};
    int rc = ir_proc_run(&p, NULL, 0, &status, &err);
    if (rc == IMGREL_ENOTFOUND)
        return false;
    unit_ok(rc, &err);
    ck_assert_msg(status == 0, "%s: status %d", argv[0], status);
    return true;
}

int64_t support_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    support_in *in = user;
    (void)err;
    size_t n = in->len - in->at < len ? in->len - in->at : len;
    n = n < in->step ? n : in->step;
    if (n)
        memcpy(buf, in->p + in->at, n);
    in->at += n;
    return (int64_t)n;
}

ir_json *support_json(const char *text)
{
    imgrel_error err = {0};
    ir_json *json = NULL;
    IR_AUTO(ir_buf) b = IR_BUF(1 << 20);
    for (const char *p = text; *p; p++) {
        if (p[0] == '$' && p[1] == 'D' && p++)
            ir_buf_adds(&b, support_dir);
        else
            ir_buf_addc(&b, *p == '\'' ? '"' : *p);
    }
    unit_ok(ir_json_parse(ir_buf_str(&b), b.len, "spec", &json, &err), &err);
    return json;
}

/* ---- tars ---------------------------------------------------------------------------------- */

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "tar");
}

void made_begin(made *m)
{
    imgrel_error err = {0};
    *m = (made){.b = IR_BUF(64 << 20)};
    unit_ok(ir_tar_new(to_buf, &m->b, &m->t, &err), &err);
}

void made_add(made *m, char type, const char *path, const char *more, int mode)
{
    imgrel_error err = {0};
    ir_tar_entry e = {.path = path, .type = type, .mode = mode, .mtime_s = 1700000000};
    if (type == 'f')
        e.size = (int64_t)strlen(more);
    else
        e.target = more;
    unit_ok(ir_tar_entry_add(m->t, &e, &err), &err);
    if (type == 'f' && e.size)
        unit_ok(ir_tar_data(m->t, more, (size_t)e.size, &err), &err);
}

void made_end(made *m)
{
    imgrel_error err = {0};
    unit_ok(ir_tar_end(m->t, &err), &err);
    ir_tar_free(m->t);
}
