/* gitlab_pipeline.c - the mock's pipelines: made a moment after a tag, or never; jobs that wait for
 * a runner with their tags, run for as long as the configuration says, and end as the script says;
 * logs, whole each time; and the lint. */
#include "mock/gitlab.h"

#include <stdlib.h>

#define CI_FILE ".gitlab-ci.yml"

/* ---- what time brings ---- */

static const ir_json *script_of(const struct mk_gitlab *g, const ir_json *job)
{
    return ir_json_get(gl_part(g, "scripts"), ir_json_str(job, "name"));
}

static void set_status(ir_json *row, const char *status)
{
    ir_json_puts(row, "status", status);
}

static void advance_job(const imgrel_mock *m, ir_json *job)
{
    struct mk_gitlab *g = m->gitlab;
    const ir_json *script = script_of(g, job);
    const char *status = ir_json_str(job, "status"), *result = ir_json_str(script, "result");
    int64_t now = gl_now_ms(m), began = ir_json_int(job, "began_ms", 0);
    if (ir_streq(status, "pending") && gl_can_run(g, ir_json_get(job, "tag_list"))) {
        ir_json_put(job, "began_ms", ir_json_new_int(now));
        set_status(job, "running");
    } else if (ir_streq(status, "running") && now - began >= g->job_ms) {
        set_status(job, result ? result : "success");
        ir_json_put(job, "duration", ir_json_new_int((now - began) / 1000));
        ir_json_puts(job, "failure_reason", ir_json_str(script, "failure_reason"));
    }
}

static bool is_one_of(const char *status, const char *a, const char *b)
{
    return ir_streq(status, a) || ir_streq(status, b);
}

static void advance(imgrel_mock *m)
{
    struct mk_gitlab *g = m->gitlab;
    const ir_json *all = gl_part(g, "pipelines"), *jobs = gl_part(g, "jobs");
    for (size_t i = 0; i < ir_json_len(jobs); i++)
        advance_job(m, ir_json_at(jobs, i));
    for (size_t i = 0; i < ir_json_len(all); i++) {
        ir_json *p = ir_json_at(all, i);
        const char *status = NULL;
        for (size_t k = 0; k < ir_json_len(jobs); k++) {
            const ir_json *j = ir_json_at(jobs, k);
            const char *own = ir_json_str(j, "status");
            if (ir_json_int(j, "pipeline_id", 0) != ir_json_int(p, "id", 0))
                continue;
            /* What goes on counts first, then what failed. */
            if (!status || is_one_of(own, "pending", "running") ||
                (!is_one_of(own, "success", "skipped") && !is_one_of(status, "pending", "running")))
                status = own;
        }
        if (status)
            set_status(p, status);
    }
}

void gl_tag_made(imgrel_mock *m, const char *tag, const ir_json *commit)
{
    struct mk_gitlab *g = m->gitlab;
    const char *text = ir_json_str(ir_json_get(commit, "files"), CI_FILE);
    const char *message = ir_json_str(commit, "message");
    IR_AUTO(ir_json_p) errors = ir_json_new_array();
    IR_AUTO(ir_json_p) jobs = text ? gl_ci_jobs(text, tag, errors) : NULL;
    bool off = ir_streq(ir_json_str(gl_part(g, "project"), "builds_access_level"), "disabled");
    if (!text || off || (jobs && !ir_json_len(jobs)) || (message && strstr(message, "[skip ci]")))
        return;
    long long id = gl_next_id(g);
    IR_AUTO(ir_buf) url = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&url, "%s/group/app/-/pipelines/%lld", m->url, id);
    ir_json *p = ir_json_pack("{s:I, s:I, s:s, s:O, s:b, s:s, s:s, s:I, s:O?}", "id", id,
                              "project_id", 7LL, "ref", tag, "sha", ir_json_get(commit, "id"),
                              "tag", 1, "status", jobs ? "pending" : "failed", "web_url",
                              ir_buf_str(&url), "at_ms", (long long)(gl_now_ms(m) + g->pipeline_ms),
                              "yaml_errors", ir_json_at(errors, 0));
    ir_json_append(gl_part(g, "pipelines"), p);
    for (size_t i = 0; i < ir_json_len(jobs); i++) {
        ir_json *j = ir_json_copy(ir_json_at(jobs, i));
        ir_json_put(j, "id", ir_json_new_int(gl_next_id(g)));
        ir_json_put(j, "pipeline_id", ir_json_new_int(id));
        ir_json_puts(j, "ref", tag);
        set_status(j, "pending");
        ir_json_append(gl_part(g, "jobs"), j);
    }
}

/* ---- pipelines ---- */

static void list_pipelines(gl_call *c)
{
    const ir_json *all = gl_part(c->g, "pipelines");
    const char *ref = gl_param(c, "ref"), *sort = gl_param(c, "sort");
    ir_json *items = ir_json_new_array();
    size_t n = ir_json_len(all);
    advance(c->mock);
    for (size_t i = 0; i < n; i++) {
        ir_json *p = ir_json_at(all, ir_streq(sort, "asc") ? i : n - 1 - i);
        if ((!*ref || ir_streq(ir_json_str(p, "ref"), ref)) &&
            ir_json_int(p, "at_ms", 0) <= gl_now_ms(c->mock)) {
            ir_json *row = ir_json_copy(p);
            ir_json_remove(row, "yaml_errors"); /* lists do not have them */
            ir_json_append(items, row);
        }
    }
    gl_page(c, items);
}

static ir_json *find(gl_call *c, const char *part, const char *noun, size_t *ret_at)
{
    unsigned long long id = 0;
    ir_json *row = ir_parse_u64(c->arg[0], INT64_MAX, &id)
                       ? gl_find_id(gl_part(c->g, part), (int64_t)id, ret_at)
                       : NULL;
    advance(c->mock);
    if (!row)
        gl_missing(c, noun);
    return row;
}

static void get_pipeline(gl_call *c)
{
    const ir_json *p = NULL;
    if (ir_streq(c->arg[0], "latest") && !ir_json_len(gl_part(c->g, "pipelines")))
        gl_error(c, 403, "403 Forbidden"); /* as GitLab says it when there is none */
    else if ((p = find(c, "pipelines", "Pipeline", NULL)))
        mk_reply_json(c->p, 200, ir_json_copy(p));
}

static void delete_pipeline(gl_call *c)
{
    size_t at = 0;
    if (!find(c, "pipelines", "Pipeline", &at))
        return;
    ir_json_remove_at(gl_part(c->g, "pipelines"), at);
    c->p->status = 204;
}

static void cancel_pipeline(gl_call *c)
{
    ir_json *p = find(c, "pipelines", "Pipeline", NULL);
    const ir_json *jobs = gl_part(c->g, "jobs");
    for (size_t i = 0; p && i < ir_json_len(jobs); i++)
        if (ir_json_int(ir_json_at(jobs, i), "pipeline_id", 0) == ir_json_int(p, "id", 0) &&
            is_one_of(ir_json_str(ir_json_at(jobs, i), "status"), "pending", "running"))
            set_status(ir_json_at(jobs, i), "canceled");
    if (!p)
        return;
    set_status(p, "canceled");
    mk_reply_json(c->p, 200, ir_json_copy(p));
}

/* ---- jobs ---- */

static ir_json *job_row(const ir_json *job)
{
    ir_json *row = ir_json_copy(job);
    ir_json_remove(row, "began_ms");
    return row;
}

static void list_jobs(gl_call *c)
{
    const ir_json *p = find(c, "pipelines", "Pipeline", NULL), *jobs = gl_part(c->g, "jobs");
    ir_json *items = p ? ir_json_new_array() : NULL;
    for (size_t i = 0; p && i < ir_json_len(jobs); i++)
        if (ir_json_int(ir_json_at(jobs, i), "pipeline_id", 0) == ir_json_int(p, "id", 0))
            ir_json_append(items, job_row(ir_json_at(jobs, i)));
    if (p)
        gl_page(c, items);
}

static void get_job(gl_call *c)
{
    const ir_json *job = find(c, "jobs", "Job", NULL);
    if (job)
        mk_reply_json(c->p, 200, job_row(job));
}

/* All of it each time; half of it while the job runs; colours and section marks as runners write.
 */
static void get_trace(gl_call *c)
{
    static const char mine[] = "section_start:1700000000:step_script\r\033[0K\033[0;m"
                               "$ buildctl-daemonless.sh build\nbuilding 10%\rbuilding 100%\r\n"
                               "\033[32;1mJob succeeded\033[0;m\n";
    const ir_json *job = find(c, "jobs", "Job", NULL);
    IR_AUTO(ir_buf) some = IR_BUF(MK_BODY_MAX);
    if (!job)
        return;
    const char *text = ir_json_str(script_of(c->g, job), "log");
    const char *status = ir_json_str(job, "status");
    text = text ? text : mine;
    if (!ir_streq(status, "pending"))
        ir_buf_add(&some, text, ir_streq(status, "running") ? strlen(text) / 2 : strlen(text));
    mk_reply_text(c->p, 200, "text/plain", ir_buf_str(&some));
}

static void retry_job(gl_call *c)
{
    ir_json *job = find(c, "jobs", "Job", NULL);
    if (!job)
        return;
    set_status(job, "pending");
    ir_json_remove(job, "failure_reason");
    mk_reply_json(c->p, 201, job_row(job));
}

/* ---- the lint ---- */

static void lint(gl_call *c)
{
    const char *text = ir_json_str(c->body, "content"), *ref = gl_param(c, "ref");
    bool dry = ir_json_bool(c->body, "dry_run", false);
    bool tag = ir_json_get(gl_part(c->g, "tags"), ref) != NULL;
    ir_json *errors = ir_json_new_array();
    if (!text) {
        ir_json_free(errors);
        mk_reply_json(c->p, 400, ir_json_pack("{s:s}", "error", "content is missing"));
        return;
    }
    ir_json *jobs = gl_ci_jobs(text, dry && tag ? ref : "", errors);
    if (dry && jobs && !ir_json_len(jobs))
        ir_json_append(errors, ir_json_new_string("The resulting pipeline would have been empty. "
                                                  "Review the rules configuration for the relevant "
                                                  "jobs."));
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:b, s:[], s:s, s:o, s:o}", "valid", !ir_json_len(errors),
                               "warnings", "merged_yaml", text, "jobs",
                               jobs ? jobs : ir_json_new_array(), "errors", errors));
}

const gl_route gl_pipeline_routes[] = {
    {"GET", "pipelines", list_pipelines},
    {"GET", "pipelines/*", get_pipeline},
    {"DELETE", "pipelines/*", delete_pipeline},
    {"POST", "pipelines/*/cancel", cancel_pipeline},
    {"GET", "pipelines/*/jobs", list_jobs},
    {"GET", "jobs/*", get_job},
    {"GET", "jobs/*/trace", get_trace},
    {"POST", "jobs/*/retry", retry_job},
    {"POST", "ci/lint", lint},
    {NULL, NULL, NULL},
};
