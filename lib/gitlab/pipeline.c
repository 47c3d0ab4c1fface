/* pipeline.c - the pipeline of a tag: found (it comes by itself, a moment after the tag, or never),
 * followed with its jobs and their logs, and its result told. Nothing is waited for without a
 * bound, and what will not come by itself is told with its reason. */
#include "gitlab/inside.h"

#include "base/cancel.h"

#include <stdlib.h>

#define APPEAR_S 60
#define PENDING_S 300
#define BOUND_MS (60 * 60 * 1000)
#define FIRST_MS 500
#define MOST_MS 5000

typedef struct wish {
    int64_t appear_s, pending_s, poll_ms;
    bool log;
} wish;
static const ir_json_row wish_rows[] = {
    {"appear", IR_J_INT, offsetof(wish, appear_s), 0},
    {"pending", IR_J_INT, offsetof(wish, pending_s), 0},
    {"poll_ms", IR_J_INT, offsetof(wish, poll_ms), 0},
    {"log", IR_J_BOOL, offsetof(wish, log), 0},
    {NULL, IR_J_STRING, 0, 0},
};

static int read_wish(const ir_json *spec, wish *w, imgrel_error *err)
{
    *w = (wish){.appear_s = APPEAR_S, .pending_s = PENDING_S, .log = true};
    return spec ? ir_json_decode(spec, wish_rows, true, "waiting for a pipeline", w, err) : 0;
}

static int pause_for(const ir_call *call, const wish *w, int n, int64_t end, imgrel_error *err)
{
    int64_t ms = w->poll_ms > 0 ? w->poll_ms : FIRST_MS;
    for (int i = 1; w->poll_ms <= 0 && i < n && ms < MOST_MS; i++)
        ms = ms * 3 / 2;
    return ir_sleep(call->cancel, ms < MOST_MS ? ms : MOST_MS, end, err);
}

/* ---- finding it ---- */

/* The newest of that tag and commit; *ret NULL: there is none. A branch may have the same name. */
static int look(const ir_call *call, ir_gitlab *g, const char *tag, const char *sha, ir_json **ret,
                imgrel_error *err)
{
    IR_AUTO(ir_json_p) list = NULL;
    char *path =
        ir_gitlab_path("/pipelines?scope=tags&order_by=id&sort=desc&per_page=20&ref=", tag, "");
    *ret = NULL;
    int rc = ir_gitlab_read(call, g, path, "list of pipelines", &list, err);
    for (size_t i = 0; !rc && !*ret && i < ir_json_len(list); i++) {
        const ir_json *row = ir_json_at(list, i);
        if (ir_streq(ir_json_str(row, "ref"), tag) && ir_streq(ir_json_str(row, "sha"), sha))
            *ret = ir_json_ref(ir_json_at(list, i));
    }
    return rc;
}

static int find(const ir_call *call, ir_gitlab *g, const char *tag, const wish *w, ir_json **ret,
                imgrel_error *err)
{
    IR_AUTO(ir_json_p) at = NULL;
    char *object = ir_format("tag %s", tag);
    int64_t end = ir_now_ms() + w->appear_s * 1000;
    int rc = object ? ir_gitlab_read(call, g, ir_gitlab_path("/repository/tags/", tag, ""), object,
                                     &at, err)
                    : ir_nomem(err);
    const char *sha = ir_json_str(ir_json_get(at, "commit"), "id");
    for (int n = 1; !rc; n++) {
        rc = look(call, g, tag, sha, ret, err);
        if (rc || *ret)
            break;
        if (ir_now_ms() >= end) {
            rc = ir_gitlab_why_none(call, g, tag, err);
            break;
        }
        rc = ir_progress(call, IMGREL_EVENT_STEP, object, "waiting for its pipeline", 0, 0, 1, err);
        if (!rc)
            rc = pause_for(call, w, n, call->deadline_ms, err);
    }
    free(object);
    return rc;
}

int ir_gitlab_do_find(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                      ir_json **ret, imgrel_error *err)
{
    wish w;
    int rc = read_wish(spec, &w, err);
    if (!rc && !key)
        rc = ir_fail(err, IMGREL_EINVAL, "the pipeline of which tag?");
    return rc ? rc : find(call, g, key, &w, ret, err);
}

/* ---- following it ---- */

typedef struct job {
    int64_t id;
    char *name, *status;
    ir_gitlab_log log;
    int64_t pending_ms; /* since when nobody takes it; 0: that is not so */
    bool ended, told;
    ir_json *json;
} job;

typedef struct watch {
    const ir_call *call;
    ir_gitlab *g;
    const wish *wish;
    int64_t id;
    const char *name; /* "pipeline 12 of tag 1.0.0" */
    job *jobs;
    size_t n_jobs;
    ir_json *pipeline;
} watch;

static bool among(const char *list, const char *word)
{
    size_t len = word ? strlen(word) : 0;
    for (const char *p = len ? strstr(list, word) : NULL; p; p = strstr(p + 1, word))
        if ((p == list || p[-1] == ' ') && (!p[len] || p[len] == ' '))
            return true;
    return false;
}

static bool has_ended(const char *status)
{
    return among("success failed canceled skipped manual", status);
}

static job *job_of(watch *w, const ir_json *row, imgrel_error *err)
{
    int64_t id = ir_json_int(row, "id", 0);
    for (size_t i = 0; i < w->n_jobs; i++)
        if (w->jobs[i].id == id)
            return &w->jobs[i];
    const char *name = ir_json_str(row, "name");
    job *more = w->n_jobs < IR_PAGES_MAX ? realloc(w->jobs, (w->n_jobs + 1) * sizeof *more) : NULL;
    if (!more) {
        ir_fail(err, IMGREL_ELIMIT, "%s: %s: too many jobs", w->g->host, w->name);
        return NULL;
    }
    w->jobs = more;
    job *j = &more[w->n_jobs++];
    *j = (job){.id = id, .name = ir_format("job %s", name ? name : "?")};
    j->log = (ir_gitlab_log)IR_GITLAB_LOG(j->name);
    if (j->name)
        return j;
    ir_nomem(err);
    return NULL;
}

/* Nobody will take it: told at once, and the end after a while, as a runner may still come. */
static int pending(watch *w, job *j, imgrel_error *err)
{
    IR_AUTO(ir_buf) why = IR_BUF(4096);
    int rc = ir_gitlab_why_pending(w->call, w->g, j->json, &why, err);
    int64_t now = ir_now_ms();
    if (rc || !why.len) {
        j->pending_ms = 0;
        return rc;
    }
    if (!j->pending_ms) {
        j->pending_ms = now;
        return ir_progress(w->call, IMGREL_EVENT_STEP, j->name, ir_buf_str(&why), 0, 0, 1, err);
    }
    if (now - j->pending_ms < w->wish->pending_s * 1000)
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%s: %s: %s waits and nobody takes it: %.300s", w->g->host,
            w->name, j->name, ir_buf_str(&why));
    return ir_cure(err,
                   "start a runner with these tags (imgrel gitlab runner ensure makes one), or "
                   "let jobs wait longer"),
           IMGREL_EFAILED;
}

/* A log that cannot be had now is had at the next look. */
static int read_log(watch *w, job *j, bool last, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = ir_gitlab_log_more(w->call, w->g, j->id, last, &j->log, &e);
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ETIMEOUT || rc == IMGREL_ENOMEM)
        return ir_gitlab_give(err, &e);
    j->told = last && !rc;
    return 0;
}

static int see_job(watch *w, ir_json *row, imgrel_error *err)
{
    const char *status = ir_json_str(row, "status");
    job *j = job_of(w, row, err);
    int rc = 0;
    if (!j)
        return err && err->code ? err->code : IMGREL_ENOMEM;
    ir_json_free(j->json);
    j->json = ir_json_ref(row);
    if (!status)
        return ir_fail(err, IMGREL_EPROTO, "%s: %s has no status", w->g->host, j->name);
    if (!ir_streq(status, j->status)) {
        free(j->status);
        j->status = ir_strdup(status);
        rc = j->status ? ir_progress(w->call, IMGREL_EVENT_STEP, j->name, status, 0, 0, 1, err)
                       : ir_nomem(err);
    }
    j->ended = has_ended(status);
    if (!rc && ir_streq(status, "pending"))
        rc = pending(w, j, err);
    bool speaks = ir_streq(status, "running") || (j->ended && !among("skipped manual", status));
    if (!rc && w->wish->log && speaks && !j->told)
        rc = read_log(w, j, j->ended, err);
    return rc;
}

static int see_jobs(watch *w, imgrel_error *err)
{
    ir_gitlab_pages *p = NULL;
    char *key = ir_format("%lld", (long long)w->id);
    int more = 0,
        rc = key ? ir_gitlab_list(w->call, w->g, "job", key, NULL, &p, err) : ir_nomem(err);
    while (!rc) {
        IR_AUTO(ir_json_p) row = NULL;
        if ((more = ir_gitlab_pages_next(w->call, p, &row, err)) != 1)
            break;
        rc = see_job(w, row, err);
    }
    ir_gitlab_pages_free(p);
    free(key);
    return rc ? rc : more < 0 ? more : 0;
}

static int follow(watch *w, imgrel_error *err)
{
    int64_t end = ir_now_ms() + BOUND_MS;
    int rc = 0;
    if (w->call->deadline_ms && w->call->deadline_ms < end)
        end = w->call->deadline_ms;
    for (int n = 1; !rc; n++) {
        ir_json_free(w->pipeline);
        rc = ir_gitlab_read(w->call, w->g, ir_format("/pipelines/%lld", (long long)w->id), w->name,
                            &w->pipeline, err);
        const char *status = ir_json_str(w->pipeline, "status");
        bool over = has_ended(status); /* asked before the jobs: then theirs are the last words */
        if (!rc)
            rc = see_jobs(w, err);
        if (rc || over)
            break;
        rc = pause_for(w->call, w->wish, n, end, err);
    }
    return rc;
}

/* ---- what came of it ---- */

static const job *first_failed(const watch *w)
{
    for (size_t i = 0; i < w->n_jobs; i++)
        if (ir_streq(w->jobs[i].status, "failed") &&
            !ir_json_bool(w->jobs[i].json, "allow_failure", false))
            return &w->jobs[i];
    return NULL;
}

static int judge(const watch *w, imgrel_error *err)
{
    const char *status = ir_json_str(w->pipeline, "status");
    const char *yaml = ir_json_str(w->pipeline, "yaml_errors");
    const job *j = first_failed(w);
    const char *reason = j ? ir_json_str(j->json, "failure_reason") : NULL;
    if (ir_streq(status, "success"))
        return 0;
    if (yaml && *yaml) {
        ir_fail(err, IMGREL_EFAILED, "%s: %s: .gitlab-ci.yml is not valid: %.300s", w->g->host,
                w->name, yaml);
        return ir_cure(err, "mend it (imgrel gitlab ci lint) and make a new tag"), IMGREL_EFAILED;
    }
    ir_fail(err, IMGREL_EFAILED, "%s: %s %s%s%s%s%s", w->g->host, w->name,
            ir_streq(status, "manual") ? "waits for somebody to start a job"
            : status                   ? status
                                       : "?",
            j ? ": " : "", j ? j->name : "", reason ? ": " : "", reason ? reason : "");
    const char *cure = ir_gitlab_job_cure(reason);
    if (cure)
        ir_cure(err, "%s", cure);
    return IMGREL_EFAILED;
}

static ir_json *report(const watch *w)
{
    static const char *const members[] = {"id",       "name",           "stage",
                                          "status",   "failure_reason", "web_url",
                                          "duration", "allow_failure",  "tag_list"};
    ir_json *all = ir_json_new_array(), *one = NULL;
    for (size_t i = 0; all && i < w->n_jobs; i++) {
        const job *j = &w->jobs[i];
        if (!(one = ir_json_new_object()))
            break;
        for (size_t k = 0; k < sizeof members / sizeof *members; k++)
            if (!ir_json_is_null(ir_json_get(j->json, members[k])))
                (void)ir_json_put(one, members[k], ir_json_ref(ir_json_get(j->json, members[k])));
        if (ir_streq(j->status, "failed") && j->log.tail.len)
            (void)ir_json_puts(one, "log_tail", ir_buf_str(&j->log.tail));
        (void)ir_json_append(all, one);
    }
    return ir_json_pack("{s:I, s:s?, s:s?, s:s?, s:s?, s:o}", "id", (long long)w->id, "status",
                        ir_json_str(w->pipeline, "status"), "ref", ir_json_str(w->pipeline, "ref"),
                        "sha", ir_json_str(w->pipeline, "sha"), "web_url",
                        ir_json_str(w->pipeline, "web_url"), "jobs", all);
}

static void end_watch(watch *w)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        free(w->jobs[i].name);
        free(w->jobs[i].status);
        ir_json_free(w->jobs[i].json);
        ir_gitlab_log_free(&w->jobs[i].log);
    }
    free(w->jobs);
    ir_json_free(w->pipeline);
}

static int run_watch(watch *w, ir_json **ret, imgrel_error *err)
{
    int rc = follow(w, err);
    if (!rc)
        rc = judge(w, err);
    if (w->pipeline)
        *ret = report(w); /* on failure too */
    if (!rc && !*ret)
        rc = ir_nomem(err);
    end_watch(w);
    return rc;
}

/* A tag, or a pipeline by "#NUMBER". */
int ir_gitlab_do_wait(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                      ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) found = NULL;
    unsigned long long id = 0;
    wish how;
    int rc = read_wish(spec, &how, err);
    if (!rc && (!key || !*key))
        rc = ir_fail(err, IMGREL_EINVAL, "the pipeline of which tag?");
    if (rc)
        return rc;
    bool number = *key == '#' && ir_parse_u64(key + 1, INT64_MAX, &id);
    if (!number && (rc = find(call, g, key, &how, &found, err)))
        return rc;
    watch w = {.call = call, .g = g, .wish = &how};
    w.id = number ? (int64_t)id : ir_json_int(found, "id", 0);
    char *name = number ? ir_format("pipeline %lld", (long long)w.id)
                        : ir_format("pipeline %lld of tag %s", (long long)w.id, key);
    w.name = name;
    rc = name ? run_watch(&w, ret, err) : ir_nomem(err);
    free(name);
    return rc;
}
