/* tool.c - a builder's program: its words, its run as a family, its output as steps and logs. */
#include "build/inside.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/proc.h"

#include <stdlib.h>
#include <unistd.h>

#define GRACE_MS 10000 /* what a builder has to stop its containers */
#define PROBE_MS 10000

/* ---- words ---------------------------------------------------------------------------------- */

void ir_word(ir_words *w, const char *word)
{
    if (!word || ir_strv_add(&w->argv, word))
        w->bad = true;
}

void ir_wordf(ir_words *w, const char *fmt, ...)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_MIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    ir_word(w, b.bad ? NULL : ir_buf_str(&b));
}

void ir_word_env(ir_words *w, const char *name, const char *value)
{
    char *text = value ? ir_format("%s=%s", name, value) : NULL;
    if (!text || ir_strv_add(&w->env, text))
        w->bad = true;
    free(text);
}

void ir_words_free(ir_words *w)
{
    ir_strv_free(&w->argv);
    ir_strv_free(&w->env);
    *w = (ir_words){0};
}

void ir_csv_add(ir_buf *record, const char *key, const char *value)
{
    bool quote = strpbrk(value, ",\"\n\r") || strpbrk(key, ",\"\n\r");
    if (record->len)
        ir_buf_addc(record, ',');
    if (!quote) {
        ir_buf_addf(record, "%s=%s", key, value);
        return;
    }
    ir_buf_addf(record, "\"%s=", key);
    for (const char *p = value; *p; p++) {
        if (*p == '"')
            ir_buf_addc(record, '"');
        ir_buf_addc(record, *p);
    }
    ir_buf_addc(record, '"');
}

/* argv and env as execve wants them; an array of pointers into w, NULL at its end. */
static const char **array_of(const ir_strv *l)
{
    const char **v = calloc(l->n + 1, sizeof *v);
    for (size_t i = 0; v && i < l->n; i++)
        v[i] = l->v[i];
    return v;
}

/* ---- a run ---------------------------------------------------------------------------------- */

typedef struct run {
    ir_job *job;
    ir_tool_line_fn *line; /* NULL: standard error is rawjson */
    ir_buf pending[2];     /* a line of each output that has not ended */
} run;

int ir_job_tell(void *user, const ir_build_event *e, imgrel_error *err)
{
    const ir_job *job = user;
    return ir_progress(job->call, e->kind, e->what, e->detail, e->done, e->total, 1, err);
}

static int end_line(run *r, bool is_err, imgrel_error *err)
{
    ir_buf *b = &r->pending[is_err];
    int rc = 0;
    if (b->p)
        ir_one_line(b->p);
    if (r->line)
        rc = r->line(r->job, is_err, b->p ? b->p : (char[]){""}, err);
    else if (b->len)
        rc = ir_job_tell(r->job,
                         &(ir_build_event){IMGREL_EVENT_LOG, "builder", ir_buf_str(b), 0, 0}, err);
    ir_buf_clear(b);
    return rc;
}

static int lines(run *r, bool is_err, const char *p, size_t len, imgrel_error *err)
{
    ir_buf *b = &r->pending[is_err];
    int rc = 0;
    for (size_t i = 0; !rc && i < len; i++) {
        if (p[i] == '\n')
            rc = end_line(r, is_err, err);
        else if (b->len < IR_LOG_LINE_MAX - 1) /* the rest of a longer one is lost */
            ir_buf_addc(b, p[i] ? p[i] : ' ');
    }
    return rc ? rc : b->bad == IMGREL_ENOMEM ? ir_nomem(err) : 0;
}

static int sink(void *user, bool is_err, const char *p, size_t len, imgrel_error *err)
{
    run *r = user;
    if (is_err && !r->line)
        return ir_rawjson_feed(&r->job->progress, p, len, err);
    return lines(r, is_err, p, len, err);
}

static int finish(run *r, imgrel_error *err)
{
    int rc = r->line ? 0 : ir_rawjson_end(&r->job->progress, err);
    for (int i = 0; i < 2; i++)
        if (!rc && r->pending[i].len)
            rc = end_line(r, i, err);
    return rc;
}

int ir_tool_run(ir_job *job, const ir_words *w, ir_tool_line_fn *line, int *ret_status,
                imgrel_error *err)
{
    run r = {.job = job,
             .line = line,
             .pending = {IR_BUF(IR_LOG_LINE_MAX), IR_BUF(IR_LOG_LINE_MAX)}};
    const char **argv = array_of(&w->argv), **env = array_of(&w->env);
    const ir_proc p = {
        .argv = argv, .env_add = env, .sink = sink, .user = &r, .grace_ms = GRACE_MS};
    int rc = argv && env && !w->bad ? 0 : ir_nomem(err);
    if (!rc)
        rc = ir_proc_run(&p, job->call->cancel, job->call->deadline_ms, ret_status, err);
    if (!rc)
        rc = finish(&r, err);
    ir_buf_free(&r.pending[0]);
    ir_buf_free(&r.pending[1]);
    free(argv);
    free(env);
    return rc;
}

/* ---- questions ------------------------------------------------------------------------------- */

bool ir_tool_is_here(const char *name)
{
    const char *path = getenv("PATH");
    IR_AUTO(ir_strv) dirs = {0};
    bool found = strchr(name, '/') && !access(name, X_OK);
    if (strchr(name, '/') || !path || ir_strv_split(&dirs, path, ':'))
        return found;
    for (size_t i = 0; i < dirs.n && !found; i++) {
        char *file = ir_path_join(dirs.v[i], name);
        found = file && !access(file, X_OK);
        free(file);
    }
    return found;
}

int ir_tool_ask(const ir_call *call, const ir_words *w, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF(64 * IR_KIB);
    IR_AUTO(ir_buf) said = IR_BUF(64 * IR_KIB);
    const char **argv = array_of(&w->argv), **env = array_of(&w->env);
    const ir_proc p = {.argv = argv,
                       .env_add = env,
                       .out = &out,
                       .err_out = &said,
                       .timeout_ms = PROBE_MS,
                       .grace_ms = 500};
    int status = 0;
    imgrel_error why = {0};
    *ret = NULL;
    int rc = argv && env && !w->bad
                 ? ir_proc_run(&p, call->cancel, call->deadline_ms, &status, &why)
                 : ir_nomem(&why);
    free(argv);
    free(env);
    if (rc == IMGREL_ENOMEM || rc == IMGREL_ECANCELED)
        return ir_fail(err, rc, "%s", why.message);
    if (rc || status)
        return 0;
    char *line = ir_strndup(ir_buf_str(&out), strcspn(ir_buf_str(&out), "\r\n"));
    if (line)
        ir_one_line(line);
    *ret = line;
    return line ? 0 : ir_nomem(err);
}

int ir_tool_read_line(const char *path, char *ret, size_t len, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(4096);
    int rc = ir_file_read(path, &text, err);
    size_t n = strcspn(ir_buf_str(&text), " \r\n");
    if (!rc && n >= len)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: what the builder wrote there is too long", path);
    if (!rc) {
        memcpy(ret, ir_buf_str(&text), n);
        ret[n] = '\0';
    }
    return rc;
}
