/* files.c - one file of a node after the other: read, compared, written whole or not at all, and
 * told with what changes in it. */
#include "node/node.h"

#include "base/fd.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int ir_node_file_read(const char *path, ir_buf *ret, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_file_read_regular(path, ret, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc ? rc : 1;
}

/* ---- what changes ---------------------------------------------------------------------------- */

static size_t line_len(const char *s)
{
    size_t len = strcspn(s, "\n");
    return len + (s[len] == '\n');
}

static void put_lines(const char *from, const char *to, char mark, ir_buf *out)
{
    while (from < to) {
        size_t len = line_len(from);
        ir_buf_addf(out, "%c%.*s%s", mark, (int)len, from, from[len - 1] == '\n' ? "" : "\n");
        from += len;
    }
}

/* Where the common lines at the end begin, not before from in either. */
static void common_end(const char *old, const char *new, const char **old_end, const char **new_end)
{
    const char *a = old + strlen(old), *b = new + strlen(new);
    const char *line_a = a, *line_b = b;
    while (a > old && b > new &&a[-1] == b[-1]) {
        a--;
        b--;
        if (a == old || a[-1] == '\n')
            line_a = a;
        if (b == new || b[-1] == '\n')
            line_b = b;
    }
    /* both must stand at the start of a line, at the same distance from the end */
    size_t keep_a = strlen(line_a), keep_b = strlen(line_b);
    size_t keep = keep_a < keep_b ? keep_a : keep_b;
    *old_end = old + strlen(old) - keep;
    *new_end = new + strlen(new) - keep;
}

void ir_node_diff(const char *old, const char *new, ir_buf *out)
{
    const char *a = old, *b = new, *a_end = NULL, *b_end = NULL;
    while (*a && *b && line_len(a) == line_len(b) && !strncmp(a, b, line_len(a))) {
        size_t len = line_len(a);
        a += len;
        b += len;
    }
    common_end(a, b, &a_end, &b_end);
    put_lines(old, a, ' ', out);
    put_lines(a, a_end, '-', out);
    put_lines(b, b_end, '+', out);
    put_lines(a_end, a_end + strlen(a_end), ' ', out);
}

/* ---- one file -------------------------------------------------------------------------------- */

static int add_row(ir_node_files *f, const char *path, const char *state, const ir_buf *diff,
                   imgrel_error *err)
{
    ir_json *row = ir_json_pack("{s:s, s:s, s:s}", "path", path, "state", state, "diff",
                                diff ? ir_buf_str(diff) : "");
    return ir_json_append(f->files, row) ? ir_nomem(err) : 0;
}

/* A file that is a mount of its own cannot be replaced. */
static int write_over(const char *path, const ir_buf *text, imgrel_error *err)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    int rc = ir_fd_write(fd, path, ir_buf_str(text), text->len, err);
    if (!rc && fsync(fd))
        rc = ir_fail_errno(err, errno, "%s", path);
    close(fd);
    return rc;
}

static int write_file(const char *path, const ir_buf *text, unsigned flags, imgrel_error *err)
{
    imgrel_error why = {0};
    char *dir = ir_strdup(path);
    char *slash = dir ? strrchr(dir, '/') : NULL;
    int rc = dir ? 0 : ir_nomem(err);
    if (slash && slash != dir) {
        *slash = '\0';
        rc = ir_mkdirs(dir, 0755, err);
    }
    free(dir);
    if (rc)
        return rc;
    rc = ir_file_write(path, flags & IR_NODE_SECRET ? 0600 : 0644, ir_buf_str(text), text->len,
                       &why);
    if (rc == IMGREL_EIO && (flags & IR_NODE_IN_PLACE) && access(path, W_OK) == 0)
        return write_over(path, text, err);
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

static int change(const char *path, const ir_buf *text, unsigned flags, imgrel_error *err)
{
    if (text)
        return write_file(path, text, flags, err);
    if (unlink(path) && errno != ENOENT)
        return ir_fail_errno(err, errno, "cannot remove %s", path);
    return 0;
}

int ir_node_file_put(ir_node_files *f, const char *path, const ir_buf *text, unsigned flags,
                     imgrel_error *err)
{
    IR_AUTO(ir_buf) old = IR_BUF_SECRET(IR_TOML_MAX);
    IR_AUTO(ir_buf) diff = IR_BUF(3 * IR_TOML_MAX);
    int rc = ir_node_file_read(path, &old, err);
    if (rc < 0)
        return rc;
    bool there = rc == 1;
    if (text ? there && old.len == text->len && !memcmp(ir_buf_str(&old), ir_buf_str(text), old.len)
             : !there)
        return text ? add_row(f, path, "unchanged", NULL, err) : 0;
    if (flags & IR_NODE_SECRET)
        ir_buf_adds(&diff, "(it holds a login: not shown)\n");
    else
        ir_node_diff(ir_buf_str(&old), text ? ir_buf_str(text) : "", &diff);
    rc = f->dry ? 0 : change(path, text, flags, err);
    f->changed = true;
    if (rc)
        return rc;
    return add_row(f, path, !text ? "removed" : there ? "changed" : "created", &diff, err);
}

int ir_node_note(ir_node_files *f, const char *cure, imgrel_error *err, const char *fmt, ...)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    ir_json *row = ir_json_pack("{s:s, s:s}", "message", ir_buf_str(&text), "cure", cure);
    return ir_json_append(f->notes, row) ? ir_nomem(err) : 0;
}
