/* scan.c - one artifact scanned: started, waited for, judged by its severity. */
#include "harbor/action.h"

#include "base/cancel.h"

#include <stdlib.h>

static const char *const levels[] = {"None",   "Unknown", "Negligible", "Low",
                                     "Medium", "High",    "Critical"};

/* -1: no such severity. The case of the first letter does not matter. */
static int level_of(const char *text)
{
    for (int i = 0; text && i < (int)(sizeof levels / sizeof *levels); i++)
        if ((text[0] | 32) == (levels[i][0] | 32) && ir_streq(text + 1, levels[i] + 1))
            return i;
    return -1;
}

typedef struct limit {
    int bad; /* this severity or a worse one fails; 0: none does */
    bool wait;
} limit;

static int read_limit(const ir_json *spec, limit *ret, imgrel_error *err)
{
    const char *above = ir_json_str(spec, "fail_above"), *at = ir_json_str(spec, "fail_at");
    const char *text = above ? above : at;

    *ret = (limit){.wait = ir_json_bool(spec, "wait", false) || text};
    if (!text)
        return 0;
    ret->bad = level_of(text);
    if (ret->bad < 0 || (above && at))
        return ir_fail(err, IMGREL_EINVAL,
                       "a scan fails above or at one severity: none, low, "
                       "medium, high or critical, not %.40s",
                       text);
    ret->bad += above ? 1 : ret->bad == 0;
    return 0;
}

/* The overview, whatever version of the report it is; NULL: it was never scanned. */
static const ir_json *overview_of(const ir_json *artifact)
{
    void *it = ir_json_first(ir_json_get(artifact, "scan_overview"));

    return it ? ir_json_value(it) : NULL;
}

static int read_overview(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_json *j = NULL;
    int rc = ir_action_send(
        job, "GET",
        "/projects/{P}/repositories/{R}/artifacts/{A}?with_scan_overview=true&with_tag=false", NULL,
        &reply, err);

    *ret = NULL;
    if (!rc && !(rc = ir_json_parse(reply.body.p, reply.body.len, job->h->host, &j, err)))
        *ret = ir_json_ref((ir_json *)(uintptr_t)overview_of(j));
    ir_json_free(j);
    ir_reply_free(&reply);
    return rc;
}

/* One that runs already is as good as ours. */
static int start(const ir_action_job *job, imgrel_error *err)
{
    ir_reply reply = {0};
    imgrel_error e = {0};
    /* No body: scan_type is known since 2.11 only, and vulnerabilities are what it looks for. */
    int rc = ir_action_send(job, "POST", "/projects/{P}/repositories/{R}/artifacts/{A}/scan", NULL,
                            &reply, &e);

    if (rc == IMGREL_ECONFLICT && reply.status == 409)
        rc = 0;
    else if (rc == IMGREL_ECONFLICT && reply.status == 412)
        ir_cure(&e, "the project has no scanner, or it is down: see imgrel harbor scanner list");
    if (rc && err && !err->code)
        *err = e;
    ir_reply_free(&reply);
    return rc;
}

static int judge(const ir_action_job *job, const ir_json *overview, const limit *l,
                 imgrel_error *err)
{
    const char *status = ir_json_str(overview, "scan_status");
    const char *severity = ir_json_str(overview, "severity");
    const ir_json *summary = ir_json_get(overview, "summary");
    int level = level_of(severity);

    if (!ir_streq(status, "Success")) {
        ir_fail(err, IMGREL_EFAILED, "%s: %s: its scan ended as %s", job->h->host,
                job->place->object, status ? status : "?");
        ir_cure(err, "look at the scan's log in Harbor, and at the health of its scanner");
        return IMGREL_EFAILED;
    }
    if (!l->bad || (level >= 0 && level < l->bad) || (!severity && !summary))
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%s: %s: has findings of severity %s (%lld in all, %lld fixable)",
            job->h->host, job->place->object, severity ? severity : "?",
            (long long)ir_json_int(summary, "total", 0),
            (long long)ir_json_int(summary, "fixable", 0));
    ir_cure(err, "imgrel harbor artifact report lists them; allow up to a severity with "
                 "--fail-above");
    return IMGREL_EFAILED;
}

static bool runs(const ir_json *overview)
{
    const char *status = ir_json_str(overview, "scan_status");

    return !status || ir_streq(status, "Pending") || ir_streq(status, "Running") ||
           ir_streq(status, "Scheduled");
}

int ir_action_scan(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    int64_t end = ir_action_end(job->call);
    limit l = {0};
    int rc = read_limit(job->spec, &l, err);

    *ret = NULL;
    if (rc || IR_DRY_RUN(job->call) || (rc = start(job, err)))
        return rc;
    for (int n = 1; !rc; n++) {
        ir_json_free(*ret);
        if ((rc = read_overview(job, ret, err)) || !l.wait)
            break;
        if (!runs(*ret)) {
            rc = judge(job, *ret, &l, err);
            break;
        }
        rc =
            ir_progress(job->call, IMGREL_EVENT_STEP, job->place->object, "scanning", 0, 0, 1, err);
        if (!rc)
            rc = ir_action_pause(job, n, end, err);
    }
    if (rc) {
        ir_json_free(*ret);
        *ret = NULL;
    } else if (!*ret)
        *ret = ir_json_pack("{s:s}", "scan_status", "Pending");
    return rc;
}
