/* support.c - a node's root folder for a test, and reports taken apart. */
#include "support.h"

#include "base/fd.h"
#include "base/str.h"

#include <stdlib.h>
#include <sys/stat.h>

void root_begin(node_root *r)
{
    imgrel_error err = {0};
    snprintf(r->dir, sizeof r->dir, "/tmp/imgrel-node-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(r->dir));
    unit_ok(imgrel_client_new(&r->client, &err), &err);
}

void root_end(node_root *r)
{
    imgrel_client_free(r->client);
    ck_assert_int_eq(ir_rmtree(r->dir, NULL), 0);
}

static char *path_of(const node_root *r, const char *path)
{
    char *whole = ir_format("%s/%s", r->dir, path);
    ck_assert_ptr_nonnull(whole);
    return whole;
}

void root_write(const node_root *r, const char *path, const char *text)
{
    imgrel_error err = {0};
    char *whole = path_of(r, path), *dir = ir_strdup(whole);
    *strrchr(dir, '/') = '\0';
    unit_ok(ir_mkdirs(dir, 0755, &err), &err);
    unit_ok(ir_file_write(whole, 0644, text, strlen(text), &err), &err);
    free(dir);
    free(whole);
}

char *root_read(const node_root *r, const char *path)
{
    ir_buf b = IR_BUF(1 << 20);
    char *whole = path_of(r, path);
    int rc = ir_file_read(whole, &b, NULL);
    free(whole);
    if (!rc)
        return ir_buf_take(&b);
    ir_buf_free(&b);
    return NULL;
}

int root_mode(const node_root *r, const char *path)
{
    struct stat st;
    char *whole = path_of(r, path);
    ck_assert_int_eq(stat(whole, &st), 0);
    free(whole);
    return (int)(st.st_mode & 0777);
}

char *root_spec(const node_root *r, const char *spec)
{
    char *text = ir_format("{\"root\": \"%s\", %s", r->dir, spec + 1);
    ck_assert_ptr_nonnull(text);
    return text;
}

typedef int call_fn(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                    imgrel_error *err);

static ir_json *report_of(call_fn *fn, const node_root *r, const char *spec, uint32_t flags)
{
    imgrel_error err = {0};
    const imgrel_opts o = {IMGREL_OPTS, .flags = flags};
    char *text = root_spec(r, spec), *out = NULL;
    ir_json *j = NULL;
    unit_ok(fn(r->client, text, &o, &out, &err), &err);
    unit_ok(ir_json_parse(out, strlen(out), "report", &j, &err), &err);
    imgrel_free(out);
    free(text);
    return j;
}

ir_json *root_trust(const node_root *r, const char *spec, uint32_t flags)
{
    return report_of(imgrel_node_trust, r, spec, flags);
}

ir_json *root_doctor(const node_root *r, const char *spec)
{
    return report_of(imgrel_node_doctor, r, spec, 0);
}

void has_check(const ir_json *report, const char *check, const char *state, const char *detail,
               const char *cure)
{
    const ir_json *rows = ir_json_get(report, "checks");
    for (size_t i = 0; i < ir_json_len(rows); i++) {
        const ir_json *row = ir_json_at(rows, i);
        const char *text = ir_json_str(row, "cure");
        if (strcmp(ir_json_str(row, "check"), check) || strcmp(ir_json_str(row, "state"), state) ||
            !strstr(ir_json_str(row, "detail"), detail))
            continue;
        ck_assert_msg(!cure || (text && strstr(text, cure)), "cure: %s", text ? text : "");
        return;
    }
    char *all = ir_json_string(report, IR_JSON_PRETTY);
    ck_abort_msg("no %s %s with \"%s\" in %s", check, state, detail, all);
}

const char *file_state(const ir_json *report, const char *end)
{
    const ir_json *files = ir_json_get(report, "files");
    for (size_t i = 0; i < ir_json_len(files); i++)
        if (ir_ends(ir_json_str(ir_json_at(files, i), "path"), end))
            return ir_json_str(ir_json_at(files, i), "state");
    return "none";
}

char *render(const char *what, const char *spec)
{
    imgrel_error err = {0};
    char *text = NULL;
    unit_ok(imgrel_node_render(what, spec, &text, &err), &err);
    return text;
}
