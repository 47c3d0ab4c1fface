/* harbor_job.c - what takes Harbor a while: jobs that move on by the mock's clock (no thread works
 * on them), garbage collection, scan-all and purge with their schedules and their runs. */
#include "mock/harbor.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t mk_now_ms(const imgrel_mock *m)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((int64_t)now.tv_sec + m->clock_skew_s) * 1000 + now.tv_nsec / 1000000;
}

void mk_time_of(int64_t ms, char ret[40])
{
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    size_t n = gmtime_r(&s, &tm) ? strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    snprintf(ret + n, 40 - n, ".%03dZ", (int)(ms % 1000));
}

enum mk_phase mk_job_phase(const imgrel_mock *m, const ir_json *job)
{
    int64_t age = mk_now_ms(m) - ir_json_int(job, "started_ms", 0), all = m->harbor->job_ms;
    if (ir_json_bool(job, "stopped", false))
        return MK_STOPPED;
    if (age < all / 3)
        return MK_PENDING;
    if (age < all)
        return MK_RUNNING;
    return ir_json_bool(job, "failed", false) ? MK_FAILED : MK_DONE;
}

const char *mk_job_word(enum mk_phase phase)
{
    static const char *const words[] = {"Pending", "Running", "Success", "Stopped", "Error"};
    return words[phase];
}

bool mk_cron_fits(const char *cron)
{
    size_t n = 0;
    for (const char *p = cron; *p; p += strspn(p, " "), n++)
        p += strcspn(p, " ");
    return n == 6;
}

/* ---- schedules ------------------------------------------------------------------------------- */

/* "system/gc/schedule" and its two like: where each is kept and what it is called. */
typedef struct task {
    const char *segment, *name, *right, *words;
} task;
static const task tasks[] = {
    {"gc", "GARBAGE_COLLECTION", "garbage-collection", "gc"},
    {"scanAll", "SCAN_ALL", "scan-all", "scan all"},
    {"purgeaudit", "PURGE_AUDIT_LOG", "purge-audit", "log rotation purge"}};

static bool is_scan(const task *t)
{
    return ir_streq(t->segment, "scanAll");
}

/* The schedule of scans is there only where there is a scanner. */
static bool allowed(mk_call *c, const task *t, const char *action)
{
    if (!mk_need_system(c, t->right, action))
        return false;
    if (!is_scan(t) || mk_scan_available(c->h))
        return true;
    mk_error(c->p, 412, "PRECONDITION", "no scanner is configured, it's not possible to scan");
    return false;
}

static const task *task_of(const mk_call *c)
{
    const char *path = c->r->path + strlen("/api/v2.0/system/");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (ir_starts(path, tasks[i].segment))
            return &tasks[i];
    return &tasks[0];
}

static ir_json *schedule_of(const mk_call *c, const task *t)
{
    return ir_json_get(mk_part(c->h, "schedules"), t->segment);
}

static ir_json *render(mk_call *c, const ir_json *job)
{
    char at[40], until[40];
    enum mk_phase phase = mk_job_phase(c->mock, job);
    int64_t start = ir_json_int(job, "started_ms", 0);
    mk_time_of(start, at);
    mk_time_of(start + (phase == MK_DONE ? c->h->job_ms : 0), until);
    const ir_json *parameters = ir_json_get(job, "parameters");
    char *inside = parameters ? ir_json_string(parameters, IR_JSON_COMPACT) : ir_strdup("{}");
    ir_json *j = ir_json_pack(
        "{s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:b, s:s, s:s}", "id",
        (long long)ir_json_int(job, "id", 0), "job_name", ir_json_str(job, "job_name"), "job_kind",
        "MANUAL", "job_parameters", inside ? inside : "{}", "schedule", "cron", "",
        "next_scheduled_time", "0001-01-01T00:00:00.000Z", "type", "Manual", "job_status",
        mk_job_word(phase), "deleted", 0, "creation_time", at, "update_time", until);
    free(inside);
    return j;
}

/* 200, JSON by its type, and not one byte of it: Harbor has no schedule to tell of. */
static void get_schedule(mk_call *c)
{
    const task *t = task_of(c);
    if (!allowed(c, t, "read"))
        return;
    const ir_json *s = schedule_of(c, t);
    if (s) {
        mk_reply_json(c->p, 200, ir_json_copy(s));
        return;
    }
    c->p->status = 200;
    mk_reply_header(c->p, "Content-Type", "application/json");
}

/* The newest run of all scans, NULL if there was none. */
static ir_json *last_scan_all(const mk_call *c)
{
    ir_json *last = NULL;
    const ir_json *all = mk_part(c->h, "jobs");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        ir_json *job = ir_json_value(it);
        if (ir_streq(ir_json_str(job, "job_name"), "SCAN_ALL") &&
            ir_json_int(job, "id", 0) > ir_json_int(last, "id", -1))
            last = job;
    }
    return last;
}

static int64_t start(mk_call *c, const task *t)
{
    int64_t id = mk_next_id(c->h, "jobs");
    ir_json *job = ir_json_pack("{s:I, s:s, s:I}", "id", (long long)id, "job_name", t->name,
                                "started_ms", (long long)mk_now_ms(c->mock));
    ir_json *parameters = ir_json_get(c->body, "parameters");
    if (parameters)
        ir_json_put(job, "parameters", ir_json_copy(parameters));
    if (is_scan(t))
        ir_json_put(job, "total", ir_json_new_int(mk_scan_all(c->mock)));
    mk_put_id(mk_part(c->h, "jobs"), id, job);
    mk_state_changed(c->mock);
    return id;
}

static void keep_schedule(mk_call *c, const task *t, const ir_json *wanted)
{
    char now[40];
    int64_t id = mk_next_id(c->h, "schedule");
    mk_time(c->mock, now);
    const char *type = ir_json_str(wanted, "type"), *cron = ir_json_str(wanted, "cron");
    const ir_json *parameters = ir_json_get(c->body, "parameters");
    char *inside = parameters ? ir_json_string(parameters, IR_JSON_COMPACT) : NULL;
    ir_json *kept = ir_json_pack(
        "{s:I, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:b}", "id", (long long)id, "job_name", t->name,
        "schedule", "type", type, "cron", cron ? cron : "", "next_scheduled_time",
        "0001-01-01T00:00:00.000Z", "creation_time", now, "update_time", now, "deleted", 0);
    if (!is_scan(t))
        ir_json_puts(kept, "job_parameters", inside ? inside : "{}");
    ir_json_put(mk_part(c->h, "schedules"), t->segment, kept);
    free(inside);
    mk_state_changed(c->mock);
}

/* A purge is told how old and what; since 2.13 that goes by another name. */
static bool purge_is_told(mk_call *c)
{
    const ir_json *told = ir_json_get(c->body, "parameters");
    const char *what = c->h->minor >= 13 ? "include_event_types" : "include_operations";
    if (!ir_json_get(c->body, "schedule"))
        mk_error_bad(c, "bad request: schedule cann't be empty");
    else if (!ir_json_len(told))
        mk_error_bad(c, "bad request: schedule parameter cann't be empty");
    else if (!ir_json_get(told, "audit_retention_hour"))
        mk_error_bad(c, "bad request: audit_retention_hour should provide");
    else if (ir_json_int(told, "audit_retention_hour", 0) > 240000)
        mk_error_bad(c, "bad request: audit_retention_hour should be less than 240000");
    else if (!ir_json_get(told, what))
        mk_error_bad(c, "bad request: %s should provide", what);
    return !c->p->status;
}

/* The run's place is beside the schedule's; 0 where none was started. Of scans none is told. */
static void schedule_done(mk_call *c, const task *t, int64_t run)
{
    c->p->status = ir_streq(c->r->method, "POST") ? 201 : 200;
    if (c->p->status == 201 && !is_scan(t))
        mk_reply_header(c->p, "Location", "/api/v2.0/system/%s/%lld", t->segment, (long long)run);
}

static void run_now(mk_call *c, const task *t)
{
    const ir_json *last = last_scan_all(c);
    if (is_scan(t) && ir_streq(c->r->method, "PUT"))
        mk_error_bad(c, "fail to update scan all schedule as wrong schedule type: Manual");
    else if (is_scan(t) && last && mk_job_phase(c->mock, last) < MK_DONE)
        mk_error(c->p, 409, "CONFLICT", "a previous scan all job aleady exits, its status is %s",
                 mk_job_word(mk_job_phase(c->mock, last)));
    else
        schedule_done(c, t, start(c, t));
}

/* Of scans there is one until it is taken away; the others are replaced. */
static void stand(mk_call *c, const task *t, const ir_json *wanted)
{
    const char *cron = ir_json_str(wanted, "cron");
    if (is_scan(t) && ir_streq(c->r->method, "POST") && schedule_of(c, t))
        mk_error(c->p, 412, "PRECONDITION",
                 "fail to set schedule for scan all as always had one, please delete it firstly "
                 "then to re-schedule");
    else if (!cron || !mk_cron_fits(cron))
        mk_error_bad(c, "invalid cron string for scheduled %s: %s", t->words, cron ? cron : "");
    else {
        keep_schedule(c, t, wanted);
        schedule_done(c, t, 0);
    }
}

/* Type Manual runs it at once; None takes the schedule away; others stand until then. */
static void set_schedule(mk_call *c)
{
    static const char *const words[] = {"Hourly", "Daily",    "Weekly", "Custom", "Manual",
                                        "None",   "Schedule", "",       NULL};
    const task *t = task_of(c);
    bool fresh = ir_streq(c->r->method, "POST"), known = false;
    const ir_json *wanted = ir_json_get(c->body, "schedule");
    const char *type = ir_json_str(wanted, "type");
    type = type ? type : "";
    for (const char *const *w = words; *w; w++)
        known |= ir_streq(*w, type);
    if (!known)
        mk_error_binding(c, "validation failure list:\nschedule.type in body should be one of "
                            "[Hourly Daily Weekly Custom Manual None Schedule]");
    else if (!allowed(c, t, fresh ? "create" : "update") ||
             (ir_streq(t->segment, "purgeaudit") && !purge_is_told(c)))
        return;
    else if (!wanted)
        mk_error_panic(c);
    else if (ir_streq(type, "Manual"))
        run_now(c, t);
    else if (ir_streq(type, "None")) {
        if (!is_scan(t) || !fresh)
            ir_json_remove(mk_part(c->h, "schedules"), t->segment);
        mk_state_changed(c->mock);
        schedule_done(c, t, 0);
    } else if (!is_scan(t) && (!*type || ir_streq(type, "Schedule")))
        schedule_done(c, t, 0); /* taken, and nothing comes of it */
    else
        stand(c, t, wanted);
}

/* ---- scans of all ---------------------------------------------------------------------------- */

static void scan_metrics(mk_call *c)
{
    const ir_json *last = last_scan_all(c);
    bool over = last && mk_job_phase(c->mock, last) >= MK_DONE;
    long long n = (long long)ir_json_int(last, "total", 0);
    if (!allowed(c, &tasks[1], "read"))
        return;
    ir_json *j = ir_json_pack("{s:I, s:I, s:b}", "total", n, "completed", over ? n : 0LL, "ongoing",
                              last && !over);
    if (last) {
        ir_json *by = ir_json_pack("{s:i, s:i, s:i, s:i, s:i}", "Pending", 0, "Error", 0, "Running",
                                   0, "Success", 0, "Stopped", 0);
        ir_json_put(by, mk_job_word(mk_job_phase(c->mock, last)), ir_json_new_int(n));
        ir_json_put(j, "metrics", by);
        ir_json_puts(j, "trigger", "Manual");
    }
    mk_reply_json(c->p, 200, j);
}

static void stop_scan_all(mk_call *c)
{
    ir_json *last = last_scan_all(c);
    if (!allowed(c, &tasks[1], "stop"))
        return;
    if (!last) {
        mk_error_bad(c, "no scan all job is found currently");
        return;
    }
    if (mk_job_phase(c->mock, last) < MK_DONE)
        ir_json_put(last, "stopped", ir_json_new_bool(true));
    mk_state_changed(c->mock);
    c->p->status = 202;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static const mk_column columns[] = {{"id,ID", "id"}, {NULL, NULL}};

static void list(mk_call *c)
{
    const task *t = task_of(c);
    mk_filter f = {0};
    if (mk_need_system(c, t->right, "list") && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "jobs");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            if (ir_streq(ir_json_str(ir_json_value(it), "job_name"), t->name))
                ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, columns, "-id", found, render);
    }
    mk_filter_free(&f);
}

static ir_json *need_job(mk_call *c, const char *action)
{
    int64_t id;
    const task *t = task_of(c);
    if (!mk_param_id(c, 0, "id in path", &id) || !mk_need_system(c, t->right, action))
        return NULL;
    ir_json *job = mk_by_id(mk_part(c->h, "jobs"), id);
    if (job && ir_streq(ir_json_str(job, "job_name"), t->name))
        return job;
    mk_error_missing(c, "execution %lld not found", (long long)id);
    return NULL;
}

static void get(mk_call *c)
{
    const ir_json *job = need_job(c, "read");
    if (job)
        mk_reply_json(c->p, 200, render(c, job));
}

static void stop(mk_call *c)
{
    ir_json *job = need_job(c, "stop");
    if (!job)
        return;
    if (mk_job_phase(c->mock, job) < MK_DONE)
        ir_json_put(job, "stopped", ir_json_new_bool(true));
    mk_state_changed(c->mock);
}

static void log_of(mk_call *c)
{
    if (need_job(c, "read"))
        mk_reply_text(c->p, 200, "text/plain; charset=utf-8", "the mock has nothing to collect\n");
}

static const mk_shape shape[] = {{"schedule", 'o'}, {"parameters", 'o'}, {NULL, 0}};
#define SCHEDULES(of)                                                              \
    {"GET", "system/" of "/schedule", get_schedule, NULL, NULL, NULL},             \
        {"POST", "system/" of "/schedule", set_schedule, "schedule", shape, NULL}, \
    {                                                                              \
        "PUT", "system/" of "/schedule", set_schedule, "schedule", shape, NULL     \
    }
#define RUNS(of)                                                \
    {"GET", "system/" of, list, NULL, NULL, NULL},              \
        {"GET", "system/" of "/{}", get, NULL, NULL, NULL},     \
        {"PUT", "system/" of "/{}", stop, NULL, NULL, NULL},    \
    {                                                           \
        "GET", "system/" of "/{}/log", log_of, NULL, NULL, NULL \
    }

const mk_route mk_job_routes[] = {
    SCHEDULES("gc"),
    SCHEDULES("scanAll"),
    SCHEDULES("purgeaudit"),
    RUNS("gc"),
    RUNS("purgeaudit"),
    {"GET", "scans/all/metrics", scan_metrics, NULL, NULL, NULL},
    {"POST", "system/scanAll/stop", stop_scan_all, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
