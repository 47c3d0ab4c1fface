/* why.c - why a tag has no pipeline, and why a job waits: the two things that look the same in
 * GitLab whatever the reason is, and never end by themselves. */
#include "gitlab/inside.h"

#include <stdlib.h>

#define CI_FILE ".gitlab-ci.yml"

/* ---- no pipeline ---- */

static int because(const ir_gitlab *g, const char *tag, imgrel_error *err, const char *why,
                   const char *more, const char *cure)
{
    ir_fail(err, IMGREL_EFAILED, "%s: project %s: tag %s has no pipeline: %s%s%.250s", g->host,
            g->project, tag, why, *more ? ": " : "", more);
    return ir_cure(err, "%s", cure), IMGREL_EFAILED;
}

static bool skips_ci(const ir_json *tag)
{
    const char *message = ir_json_str(ir_json_get(tag, "commit"), "message");
    return message && (strstr(message, "[ci skip]") || strstr(message, "[skip ci]"));
}

/* A dry run says that a pipeline would be empty, in the words of GitLab's version. */
static bool by_rules(const char *text)
{
    return text && (strstr(text, "would have been empty") || strstr(text, "did not run") ||
                    strstr(text, "filtered out") || strstr(text, "No stages / jobs"));
}

static int judge(const ir_gitlab *g, const char *tag, const ir_json *lint, imgrel_error *err)
{
    const char *text = ir_json_text(ir_json_at(ir_json_get(lint, "errors"), 0));
    const ir_json *jobs = ir_json_get(lint, "jobs");
    bool valid = ir_json_bool(lint, "valid", false);
    if (by_rules(text) || (valid && jobs && !ir_json_len(jobs)))
        return because(g, tag, err, "no job's rules let it run for this tag", "",
                       "compare the rules in " CI_FILE " with the tag's name; a tag v1.0.0 or "
                       "1.0.0-rc.1 does not fit ^\\d+\\.\\d+\\.\\d+$");
    if (!valid)
        return because(g, tag, err, CI_FILE " is not valid", text ? text : "",
                       "mend it (imgrel gitlab ci lint), commit it, and make a new tag");
    ir_fail(err, IMGREL_ETIMEOUT,
            "%s: project %s: tag %s has no pipeline yet, and nothing seems to "
            "keep one from it",
            g->host, g->project, tag);
    return ir_cure(err,
                   "GitLab may be busy: wait longer; else see Build, Pipelines in the project"),
           IMGREL_ETIMEOUT;
}

static bool is_off(const ir_json *project)
{
    return ir_streq(ir_json_str(project, "builds_access_level"), "disabled") ||
           !ir_json_bool(project, "jobs_enabled", true);
}

int ir_gitlab_why_none(const ir_call *call, ir_gitlab *g, const char *tag, imgrel_error *err)
{
    IR_AUTO(ir_json_p) project = NULL;
    IR_AUTO(ir_json_p) at = NULL;
    IR_AUTO(ir_json_p) lint = NULL;
    imgrel_error e = {0};
    int rc = ir_gitlab_read(call, g, ir_strdup(""), "project", &project, err);
    if (!rc)
        rc = ir_gitlab_read(call, g, ir_gitlab_path("/repository/tags/", tag, ""), "a tag", &at,
                            err);
    if (rc)
        return rc;
    if (is_off(project))
        return because(g, tag, err, "CI/CD is off in this project", "",
                       "turn it on: Settings, General, Visibility");
    if (skips_ci(at))
        return because(g, tag, err, "the commit's message says [skip ci]", "",
                       "tag a commit whose message does not");
    rc = ir_gitlab_lint(call, g, NULL, tag, true, &lint, &e);
    if (rc == IMGREL_ENOTFOUND)
        return because(g, tag, err, "there is no " CI_FILE " in it", "",
                       "commit one (imgrel gitlab ci write) and make a new tag");
    return rc ? ir_gitlab_give(err, &e) : judge(g, tag, lint, err);
}

/* ---- a job that nobody takes ---- */

static void add_tags(ir_buf *out, const ir_json *tags, const char *between)
{
    for (size_t i = 0; i < ir_json_len(tags); i++)
        ir_buf_addf(out, "%s%s", i ? between : "", ir_json_text(ir_json_at(tags, i)));
}

static const char *state_of(const ir_json *runner)
{
    const char *status = ir_json_str(runner, "status");
    return ir_json_bool(runner, "paused", false)   ? "is paused"
           : ir_streq(status, "never_contacted")   ? "has never contacted GitLab"
           : status && !ir_streq(status, "online") ? "is offline"
                                                   : NULL;
}

/* Why a runner that is online does not take it; NULL: it may. */
static int look_closer(const ir_call *call, ir_gitlab *g, const ir_json *row, const ir_json *job,
                       const char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) runner = NULL;
    IR_AUTO(ir_json_p) tag = NULL;
    char *path = ir_format("/runners/%lld", (long long)ir_json_int(row, "id", 0));
    const ir_gitlab_ask ask = {.path = path, .object = "a runner", .all = true};
    const char *ref = ir_json_str(job, "ref");
    *ret = NULL;
    int there = 0, rc = path ? ir_gitlab_send_json(call, g, &ask, &runner, err) : ir_nomem(err);
    free(path);
    if (rc)
        return rc;
    if (!ir_json_len(ir_json_get(job, "tag_list")) && !ir_json_bool(runner, "run_untagged", true))
        *ret = "takes no job without tags";
    else if (ir_streq(ir_json_str(runner, "access_level"), "ref_protected") && ref &&
             (there = ir_gitlab_find(call, g, ir_gitlab_path("/repository/tags/", ref, ""), "a tag",
                                     &tag, err)) == 1 &&
             !ir_json_bool(tag, "protected", false))
        *ret = "takes jobs of protected refs only, and this tag is not protected";
    return there < 0 ? there : 0;
}

static int open_runners(ir_gitlab *g, const ir_json *tags, ir_gitlab_pages **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) list = IR_BUF(IR_URL_MAX);
    IR_AUTO(ir_buf) path = IR_BUF(IR_URL_MAX);
    add_tags(&list, tags, ",");
    ir_buf_adds(&path, "/runners");
    if (list.len)
        ir_url_add_query(&path, "tag_list", ir_buf_str(&list));
    int rc = ir_buf_check(&path, err, "URL");
    return rc ? rc
              : ir_gitlab_pages_open(g, ir_buf_str(&path), false, NULL, "list of runners", ret,
                                     err);
}

int ir_gitlab_why_pending(const ir_call *call, ir_gitlab *g, const ir_json *job, ir_buf *out,
                          imgrel_error *err)
{
    const ir_json *tags = ir_json_get(job, "tag_list");
    ir_gitlab_pages *p = NULL;
    int n = 0, more = 0, rc = open_runners(g, tags, &p, err);
    bool taken = false;
    while (!rc && !taken) {
        IR_AUTO(ir_json_p) row = NULL;
        if ((more = ir_gitlab_pages_next(call, p, &row, err)) != 1)
            break;
        const char *why = state_of(row), *name = ir_json_str(row, "description");
        if (!why)
            rc = look_closer(call, g, row, job, &why, err);
        taken = !rc && !why;
        if (!rc && why)
            ir_buf_addf(out, "%srunner %.60s %s", n++ ? "; " : "", name ? name : "?", why);
    }
    ir_gitlab_pages_free(p);
    if (taken)
        ir_buf_clear(out);
    else if (!rc && !more && !n) {
        ir_buf_adds(out, ir_json_len(tags) ? "no runner of the project has the tags "
                                           : "the project has no runner");
        add_tags(out, tags, ", ");
    }
    return rc ? rc : more < 0 ? more : 0;
}

const char *ir_gitlab_job_cure(const char *reason)
{
    static const struct {
        const char *reason, *cure;
    } known[] = {
        {"script_failure", "its script failed: the end of its log says how"},
        {"runner_system_failure",
         "the runner failed, not the job: see its log, then retry the job"},
        {"stuck_or_timeout_failure", "no runner took it, or it was silent for too long: check that "
                                     "a runner with its tags is online"},
        {"stuck_pending", "no runner took it: check that one with its tags is online"},
        {"job_execution_timeout",
         "it took longer than the job or the runner may: raise the timeout"},
        {"runner_unsupported", "the runner is too old for what the job asks"},
        {"no_matching_runner", "no runner has its tags: imgrel gitlab runner ensure"},
        {"image_pull_failure",
         "the builder's image could not be pulled: is it reachable from there?"},
        {"missing_dependency_failure", "artifacts of an earlier job are gone: retry that one"},
        {"ci_quota_exceeded", "the compute minutes of shared runners are used up: use a runner of "
                              "your own"},
        {"unmet_prerequisites", "what the job needs could not be set up: see its log"},
        {"protected_environment_failure", "this user may not deploy to that environment"},
        {"user_blocked", "the user who made the tag is blocked"},
    };
    for (size_t i = 0; reason && i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].reason, reason))
            return known[i].cure;
    return NULL;
}
