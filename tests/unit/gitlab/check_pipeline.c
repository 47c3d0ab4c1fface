/* check_pipeline.c - the pipeline of a tag, followed to its end; and the reason when none comes, or
 * when a job waits for a runner that is not there. */
#include "lab.h"

#define QUICK "\"poll_ms\": 10"

static void release_ready(lab *l, const char *ci)
{
    lab_up(l);
    lab_put(l, "file", ".gitlab-ci.yml", text("{\"content\": \"%s\"}", ci), "created");
    lab_put(l, "runner", "ci", "{\"tags\": [\"self-hosted\"]}", "created");
    mock_control("{\"gitlab\": {\"runner\": {\"description\": \"ci\", \"status\": \"online\"}}}");
}

static void tag(lab *l, const char *name)
{
    lab_put(l, "tag", name, "{\"ref\": \"main\"}", "created");
}

typedef struct heard {
    char log[4096], steps[4096];
} heard;

static int hear(void *user, const imgrel_event *e)
{
    heard *h = user;
    char *to = e->kind == IMGREL_EVENT_LOG ? h->log : h->steps;
    size_t n = strlen(to);
    snprintf(to + n, sizeof h->log - n, "%s|", e->detail);
    return 0;
}

START_TEST(followed)
{
    lab l;
    heard h = {{0}, {0}};
    const imgrel_opts o = {IMGREL_OPTS, .progress = hear, .user = &h};
    char *t = NULL;
    release_ready(&l, CI_TEXT);
    tag(&l, "1.0.0");
    unit_ok(imgrel_gitlab_do(l.g, "pipeline", "1.0.0", "wait", "{" QUICK "}", &o, &t, &l.err),
            &l.err);
    const ir_json *j = lab_json(t);
    imgrel_free(t);
    ck_assert_str_eq(string_at(j, "status"), "success");
    ck_assert_str_eq(string_at(j, "jobs.0.name"), "build-image");
    /* The log came in two halves, each line once, clean. */
    ck_assert_str_eq(h.log, "$ buildctl-daemonless.sh build|building 100%|Job succeeded|");
    ck_assert_ptr_nonnull(strstr(h.steps, "success|"));
    /* By its number, and without logs. */
    h = (heard){{0}, {0}};
    t = NULL;
    unit_ok(imgrel_gitlab_do(l.g, "pipeline", text("#%lld", (long long)int_at(j, "id")), "wait",
                             "{\"log\": false}", &o, &t, &l.err),
            &l.err);
    ck_assert_str_eq(h.log, "");
    imgrel_free(t);
    ck_assert_int_eq(lab_count(&l, "pipeline", NULL), 1);
    lab_down(&l);
}
END_TEST

START_TEST(failed)
{
    lab l;
    char *t = NULL;
    release_ready(&l, CI_TEXT);
    mock_control(
        "{\"gitlab\": {\"job\": {\"name\": \"build-image\", \"result\": \"failed\", "
        "\"failure_reason\": \"script_failure\", \"log\": \"one\\ntwo without an end\"}}}");
    tag(&l, "1.0.0");
    int rc = imgrel_gitlab_do(l.g, "pipeline", "1.0.0", "wait", "{" QUICK "}", NULL, &t, &l.err);
    ck_assert_ptr_nonnull(strstr(l.err.message, "job build-image: script_failure"));
    lab_refused(&l, rc, IMGREL_EFAILED, "end of its log");
    ck_assert_str_eq(string_at(lab_json(t), "jobs.0.log_tail"), "one\ntwo without an end\n");
    imgrel_free(t);
    lab_down(&l);
}
END_TEST

static void none(lab *l, const char *name, const char *word)
{
    char *t = NULL;
    lab_refused(l,
                imgrel_gitlab_do(l->g, "pipeline", name, "wait", "{\"appear\": 0, " QUICK "}", NULL,
                                 &t, &l->err),
                IMGREL_EFAILED, word);
    imgrel_free(t);
}

START_TEST(none_comes)
{
    lab l;
    char *t = NULL;
    lab_up(&l);
    lab_refused(&l, imgrel_gitlab_do(l.g, "pipeline", "9.9.9", "wait", NULL, NULL, &t, &l.err),
                IMGREL_ENOTFOUND, "tag 9.9.9");
    tag(&l, "0.0.1");
    none(&l, "0.0.1", "no .gitlab-ci.yml");
    lab_put(&l, "file", ".gitlab-ci.yml", "{\"content\": \"" CI_TEXT "\"}", "created");
    tag(&l, "v1.0.0");
    none(&l, "v1.0.0", "rules");
    lab_put(&l, "file", "x", "{\"content\": \"x\", \"message\": \"No build [skip ci]\"}",
            "created");
    tag(&l, "1.0.1");
    none(&l, "1.0.1", "[skip ci]");
    mock_control("{\"gitlab\": {\"project\": {\"builds_access_level\": \"disabled\"}}}");
    none(&l, "1.0.1", "CI/CD is off");
    mock_control("{\"gitlab\": {\"project\": {\"builds_access_level\": \"enabled\"}, "
                 "\"pipeline_ms\": 60000}}");
    lab_put(&l, "file", "x", "{\"content\": \"y\"}", "changed");
    tag(&l, "1.0.2");
    lab_refused(
        &l, imgrel_gitlab_do(l.g, "pipeline", "1.0.2", "find", "{\"appear\": 0}", NULL, &t, &l.err),
        IMGREL_ETIMEOUT, "wait longer");
    lab_down(&l);
}
END_TEST

START_TEST(not_valid)
{
    lab l;
    char *t = NULL;
    release_ready(&l, "build: {stage: x}\\n");
    tag(&l, "1.0.0");
    lab_refused(&l,
                imgrel_gitlab_do(l.g, "pipeline", "1.0.0", "wait", "{" QUICK "}", NULL, &t, &l.err),
                IMGREL_EFAILED, "should implement");
    imgrel_free(t);
    t = NULL;
    lab_refused(
        &l, imgrel_gitlab_do(l.g, "ci", NULL, "lint", "{\"content\": \"a: [\"}", NULL, &t, &l.err),
        IMGREL_EINVAL, "not valid");
    ck_assert(!ir_json_bool(lab_json(t), "valid", true));
    imgrel_free(t);
    const ir_json *j = lab_do(&l, "ci", NULL, "lint", "{\"content\": \"" CI_TEXT "\"}");
    ck_assert_str_eq(string_at(j, "jobs.0.name"), "build-image");
    lab_down(&l);
}
END_TEST

static void waits(lab *l, const char *steer, const char *word)
{
    char *t = NULL;
    mock_control("%s", steer);
    lab_refused(l,
                imgrel_gitlab_do(l->g, "pipeline", "1.0.0", "wait", "{\"pending\": 0, " QUICK "}",
                                 NULL, &t, &l->err),
                IMGREL_EFAILED, word);
    imgrel_free(t);
}

#define RUNNER(members) "{\"gitlab\": {\"runner\": {\"description\": \"ci\", " members "}}}"

START_TEST(nobody_takes_it)
{
    lab l;
    release_ready(&l, CI_TEXT);
    mock_control(RUNNER("\"status\": \"never_contacted\""));
    tag(&l, "1.0.0");
    waits(&l, RUNNER("\"status\": \"never_contacted\""), "runner ci has never contacted");
    waits(&l, RUNNER("\"status\": \"offline\""), "is offline");
    waits(&l, RUNNER("\"status\": \"online\", \"paused\": true"), "is paused");
    waits(&l, RUNNER("\"paused\": false, \"access_level\": \"ref_protected\""), "not protected");
    waits(&l, RUNNER("\"tag_list\": [\"other\"]"), "tags self-hosted");
    mock_control(RUNNER("\"tag_list\": [\"self-hosted\"], \"access_level\": \"not_protected\""));
    ck_assert_str_eq(string_at(lab_do(&l, "pipeline", "1.0.0", "wait", "{" QUICK "}"), "status"),
                     "success");
    lab_down(&l);
}
END_TEST

static int stop(void *user, const imgrel_event *e)
{
    (void)user, (void)e;
    return 1;
}

START_TEST(ends_early)
{
    lab l;
    char *t = NULL;
    release_ready(&l, CI_TEXT);
    mock_control(RUNNER("\"status\": \"offline\""));
    tag(&l, "1.0.0");
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = 200};
    lab_refused(&l,
                imgrel_gitlab_do(l.g, "pipeline", "1.0.0", "wait", "{" QUICK "}", &o, &t, &l.err),
                IMGREL_ETIMEOUT, NULL);
    imgrel_free(t);
    t = NULL;
    o = (imgrel_opts){IMGREL_OPTS, .progress = stop};
    lab_refused(&l,
                imgrel_gitlab_do(l.g, "pipeline", "1.0.0", "wait", "{" QUICK "}", &o, &t, &l.err),
                IMGREL_ECANCELED, NULL);
    imgrel_free(t);
    lab_down(&l);
}
END_TEST

UNIT_SUITE(gitlab_pipeline, followed, failed, none_comes, not_valid, nobody_takes_it, ends_early)
