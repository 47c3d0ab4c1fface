/* action.c - what can be done with a thing beyond reading and writing it: scans, replications,
 * retention and garbage collection run and waited for, artifacts copied and tagged. One table; the
 * few that need more than a request have a function. */
#include "harbor/kind.h"

#include "harbor/action.h"

#include <stdlib.h>

#define ITEM "/projects/{P}/repositories/{R}/artifacts/{A}"

/* What is sent. */
enum body { B_NONE, B_SPEC, B_ID, B_POLICY, B_MANUAL, B_VULNERABILITY };

typedef struct action {
    const char *kind, *name, *method, *path;
    enum body body;
    ir_action_fn *run;   /* instead of a request */
    const ir_wait *wait; /* how one that was started ends; NULL: at once */
} action;

static const ir_wait replication = {"/replication/executions/%s", "status", "Succeed", NULL};
static const ir_wait retention = {"/retentions/{K}/executions", "status", "Success Succeed", "id"};
static const ir_wait gc = {"/system/gc/%s", "job_status", "Success Finished", NULL};
static const ir_wait purge = {"/system/purgeaudit/%s", "job_status", "Success Finished", NULL};
static const ir_wait preheat = {"/projects/{P}/preheat/policies/{K}/executions/%s", "status",
                                "Success", NULL};

static const action actions[] = {
    {"artifact", "scan", NULL, NULL, B_NONE, ir_action_scan, NULL},
    {"artifact", "scan-stop", "POST", ITEM "/scan/stop", B_VULNERABILITY, NULL, NULL},
    {"artifact", "report", "GET", ITEM "/additions/vulnerabilities", B_NONE, NULL, NULL},
    {"artifact", "history", "GET", ITEM "/additions/build_history", B_NONE, NULL, NULL},
    {"artifact", "copy", NULL, NULL, B_NONE, ir_action_copy, NULL},
    {"artifact", "tag", NULL, NULL, B_NONE, ir_action_tag, NULL},
    {"artifact", "label", NULL, NULL, B_NONE, ir_action_label, NULL},
    {"artifact", "unlabel", NULL, NULL, B_NONE, ir_action_unlabel, NULL},
    {"project", "summary", "GET", "/projects/{K}/summary", B_NONE, NULL, NULL},
    {"project", "deletable", "GET", "/projects/{K}/_deletable", B_NONE, NULL, NULL},
    {"project", "create", NULL, NULL, B_NONE, ir_action_create_project, NULL},
    {"project", "exists", NULL, NULL, B_NONE, ir_action_exists, NULL},
    {"registry", "ping", "POST", "/registries/ping", B_ID, NULL, NULL},
    {"registry", "info", "GET", "/registries/{K}/info", B_NONE, NULL, NULL},
    {"replication", "run", "POST", "/replication/executions", B_POLICY, NULL, &replication},
    {"replication-execution", "stop", "PUT", "/replication/executions/{K}", B_NONE, NULL, NULL},
    {"retention", "run", "POST", "/retentions/{K}/executions", B_SPEC, NULL, &retention},
    {"preheat-instance", "ping", NULL, NULL, B_NONE, ir_action_ping_instance, NULL},
    {"preheat-policy", "run", NULL, NULL, B_NONE, ir_action_preheat, &preheat},
    {"gc-schedule", "run", "POST", "/system/gc/schedule", B_MANUAL, NULL, &gc},
    {"gc", "stop", "PUT", "/system/gc/{K}", B_NONE, NULL, NULL},
    {"purge-schedule", "run", "POST", "/system/purgeaudit/schedule", B_MANUAL, NULL, &purge},
    {"purge", "stop", "PUT", "/system/purgeaudit/{K}", B_NONE, NULL, NULL},
    {"scan-schedule", "run", "POST", "/system/scanAll/schedule", B_MANUAL, NULL, NULL},
    {"scan-schedule", "stop", "POST", "/system/scanAll/stop", B_NONE, NULL, NULL},
    {"scanner", "default", NULL, NULL, B_NONE, ir_action_default_scanner, NULL},
    {"user", "cli-secret", NULL, NULL, B_NONE, ir_action_cli_secret, NULL},
};
#define N_ACTIONS (sizeof actions / sizeof *actions)

static int find_action(const char *kind, const char *name, const action **ret, imgrel_error *err)
{
    ir_buf all = IR_BUF(512);

    for (size_t i = 0; i < N_ACTIONS; i++) {
        *ret = &actions[i];
        if (ir_streq(kind, (*ret)->kind) && ir_streq(name, (*ret)->name)) {
            ir_buf_free(&all);
            return 0;
        }
        if (ir_streq(kind, (*ret)->kind))
            ir_buf_addf(&all, "%s%s", all.len ? ", " : "", (*ret)->name);
    }
    ir_fail(err, IMGREL_EINVAL, "nothing like \"%.40s\" can be done with a %.40s", name, kind);
    if (all.len)
        ir_cure(err, "it can %s", ir_buf_str(&all));
    ir_buf_free(&all);
    return IMGREL_EINVAL;
}

/* ---- the request ---- */

/* The caller's words without those that are ours. */
static ir_json *plain(const ir_json *spec)
{
    ir_json *j = spec ? ir_json_copy(spec) : ir_json_new_object();

    if (j)
        ir_json_remove(j, "wait");
    return j;
}

static ir_json *manual(const ir_json *spec)
{
    ir_json *parameters = plain(spec);

    return ir_json_pack("{s:{s:s}, s:o}", "schedule", "type", "Manual", "parameters",
                        parameters ? parameters : ir_json_new_object());
}

static int make_body(const action *a, const ir_harbor_place *p, const ir_json *spec, ir_json **ret,
                     imgrel_error *err)
{
    unsigned long long id = 0;

    *ret = NULL;
    if (a->body == B_NONE)
        return 0;
    if ((a->body == B_ID || a->body == B_POLICY) && !ir_parse_u64(p->id, INT64_MAX, &id))
        return ir_fail(err, IMGREL_EPROTO, "%s: its id is no number", p->object);
    if (a->body == B_SPEC)
        *ret = plain(spec);
    else if (a->body == B_MANUAL)
        *ret = manual(spec);
    else if (a->body == B_VULNERABILITY)
        *ret = ir_json_pack("{s:s}", "scan_type", "vulnerability");
    else
        *ret = ir_json_pack("{s:I}", a->body == B_ID ? "id" : "policy_id", (long long)id);
    return *ret ? 0 : ir_nomem(err);
}

int ir_action_send(const ir_action_job *job, const char *method, const char *path,
                   const ir_json *body, ir_reply *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) full = IR_BUF(IR_URL_MAX);
    ir_harbor_ask ask = {
        .method = method, .body = body, .object = job->place->object, .by_name = true};
    imgrel_error e = {0};
    int rc = ir_harbor_place_path(job->call, job->h, job->place, path, &full, &e);

    ask.path = ir_buf_str(&full);
    if (!rc)
        rc = ir_harbor_send(job->call, job->h, &ask, ret, &e);
    if (rc && job->place->project)
        rc = ir_harbor_project_truth(job->call, job->h, job->place->project, rc, &e);
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

/* What came back: its document, or the id of what was started. */
int ir_action_result(const ir_action_job *job, const ir_reply *reply, ir_json **ret,
                     imgrel_error *err)
{
    char *id = NULL;
    int rc = 0;

    *ret = NULL;
    if (reply->body.len)
        return ir_json_parse(reply->body.p, reply->body.len, job->h->host, ret, err);
    id = ir_harbor_new_id(reply);
    if (id && !(*ret = ir_json_pack("{s:s}", "id", id)))
        rc = ir_nomem(err);
    free(id);
    return rc;
}

static int request(const action *a, const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_json *body = NULL;
    int rc = make_body(a, job->place, job->spec, &body, err);

    if (!rc && IR_DRY_RUN(job->call) && !ir_streq(a->method, "GET"))
        goto out;
    if (!rc)
        rc = ir_action_send(job, a->method, a->path, body, &reply, err);
    if (!rc)
        rc = ir_action_result(job, &reply, ret, err);
out:
    ir_reply_free(&reply);
    ir_json_free(body);
    return rc;
}

/* What was never scanned has a report of nothing, which must not pass for a clean one. */
static int check_report(const action *a, const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    if (!ir_streq(a->name, "report") || ir_json_len(*ret))
        return 0;
    ir_json_free(*ret);
    *ret = NULL;
    ir_fail(err, IMGREL_ENOTFOUND, "%s: %s: there is no report of a scan", job->h->host,
            job->place->object);
    ir_cure(err, "it was never scanned, or its scan has not ended: imgrel harbor scan --wait");
    return IMGREL_ENOTFOUND;
}

static int run(const action *a, const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    ir_json *started = NULL;
    int rc = a->run ? a->run(job, ret, err) : request(a, job, ret, err);

    if (!rc)
        rc = check_report(a, job, ret, err);
    if (rc || !a->wait || !ir_json_bool(job->spec, "wait", false) || IR_DRY_RUN(job->call))
        return rc;
    started = *ret;
    *ret = NULL;
    rc = ir_action_wait(job, a->wait, ir_json_str(started, "id"), ret, err);
    ir_json_free(started);
    return rc;
}

int ir_harbor_do(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                 const char *name, const ir_json *spec, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) place = {0};
    ir_action_job job = {.call = call, .h = h, .place = &place, .spec = spec};
    const ir_harbor_kind *k = NULL;
    const action *a = NULL;
    int rc = 0;

    *ret = NULL;
    if ((rc = ir_harbor_kind_find(call, h, kind, &k, err)) ||
        (rc = find_action(kind, name, &a, err)) || (rc = ir_harbor_place_item(k, key, &place, err)))
        return rc;
    if (spec && !ir_json_is_object(spec))
        return ir_fail(err, IMGREL_EINVAL, "%s %s: its words must be a JSON object", kind, name);
    rc = ir_harbor_prove(call, h, err);
    if (!rc && !ir_streq(name, "exists")) {
        int found = ir_harbor_place_resolve(call, h, &place, err);
        rc = found < 0 ? found : found ? 0 : ir_harbor_place_missing(h, &place, err);
    }
    return rc ? rc : run(a, &job, ret, err);
}
