/* flow_artifact.c - artifacts: listed, tagged, labelled, copied, scanned, deleted; slashes. */
#include "flow.h"

START_TEST(tags_and_labels)
{
    imgrel_opts force = {IMGREL_OPTS, .flags = IMGREL_FLAG_FORCE};
    const ir_json *j = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    push_index("p/a/b", "1", ADMIN);
    push_image("p/a/b", "2", ADMIN, "s390x");
    ck_assert_int_eq(flow_count(&f, "repository", "p", "name=~a/b"), 1);
    ck_assert_int_eq(flow_count(&f, "artifact", "p/a/b", NULL), 2);
    ck_assert_int_eq(flow_count(&f, "artifact", "p/a/b", "tags=nil"), 0);
    j = flow_get(&f, "artifact", "p/a/b:1");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(j, "references")), 2);
    ck_assert_str_ne(string_at(j, "references.0.platform.architecture"), "");
    flow_do(&f, "artifact", "p/a/b:1", "tag", "{\"name\":\"latest\"}");
    flow_do(&f, "artifact", "p/a/b:1", "tag", "{\"name\":\"latest\"}");
    ck_assert_int_eq(flow_count(&f, "tag", "p/a/b:1", NULL), 2);
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "artifact", "p/a/b:2", "tag", "{\"name\":\"latest\"}",
                                  NULL, NULL, &f.err),
                 IMGREL_ECONFLICT, "--force");
    unit_ok(imgrel_harbor_do(f.harbor, "artifact", "p/a/b:2", "tag", "{\"name\":\"latest\"}",
                             &force, NULL, &f.err),
            &f.err);
    ck_assert_int_eq(flow_count(&f, "tag", "p/a/b:2", NULL), 2);
    /* A tag goes without its artifact. */
    unit_ok(imgrel_harbor_delete(f.harbor, "tag", "p/a/b:latest", NULL, &f.err), &f.err);
    ck_assert_int_eq(flow_count(&f, "tag", "p/a/b:2", NULL), 1);
    flow_put(&f, "label", "p/tested", "{}", "created");
    flow_do(&f, "artifact", "p/a/b:2", "label", "{\"name\":\"tested\"}");
    flow_do(&f, "artifact", "p/a/b:2", "label", "{\"name\":\"tested\"}");
    j = flow_get(&f, "artifact", "p/a/b:2");
    ck_assert_str_eq(string_at(j, "labels.0.name"), "tested");
    flow_do(&f, "artifact", "p/a/b:2", "unlabel", "{\"name\":\"tested\"}");
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "artifact", "p/a/b:2", "label", "{\"name\":\"no\"}",
                                  NULL, NULL, &f.err),
                 IMGREL_ENOTFOUND, "label no");
    /* Copied inside Harbor, by tag, which it has there too. */
    unit_ok(imgrel_harbor_project_ensure(f.harbor, "q", 1, NULL, NULL, &f.err), &f.err);
    flow_do(&f, "artifact", "p/a/b:1", "copy", "{\"to\":\"q/c/d\"}");
    flow_do(&f, "artifact", "p/a/b:1", "copy", "{\"to\":\"q/c/d\"}");
    ck_assert_str_eq(string_at(flow_get(&f, "artifact", "q/c/d:1"), "digest"),
                     string_at(flow_get(&f, "artifact", "p/a/b:1"), "digest"));
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "artifact", "p/a/b:9", "copy", "{\"to\":\"q/c/d\"}",
                                  NULL, NULL, &f.err),
                 IMGREL_ENOTFOUND, "p/a/b:9");
    unit_ok(imgrel_harbor_delete(f.harbor, "artifact", "p/a/b:2", NULL, &f.err), &f.err);
    unit_ok(imgrel_harbor_delete(f.harbor, "repository", "p/a/b", NULL, &f.err), &f.err);
    imgrel_iter *it = NULL;
    const char *item = NULL;
    unit_ok(imgrel_harbor_list(f.harbor, "artifact", "p/a/b", NULL, NULL, &it, &f.err), &f.err);
    flow_refused(&f, imgrel_iter_next(it, &item, &f.err), IMGREL_ENOTFOUND, "p/a/b");
    imgrel_iter_free(it);
    flow_down(&f);
}
END_TEST

START_TEST(scans)
{
    static const struct {
        const char *spec;
        int rc;
    } rows[] = {
        {"{}", 0},
        {"{\"wait\":true}", 0},
        {"{\"fail_above\":\"high\"}", 0},
        {"{\"fail_above\":\"medium\"}", IMGREL_EFAILED},
        {"{\"fail_at\":\"high\"}", IMGREL_EFAILED},
        {"{\"fail_at\":\"critical\"}", 0},
        {"{\"fail_above\":\"awful\"}", IMGREL_EINVAL},
    };
    imgrel_opts brief = {IMGREL_OPTS, .timeout_ms = 300};
    flow f;

    flow_up(&f, versions[_i]);
    push_image("p/app", "1", ADMIN, "amd64");
    flow_refused(
        &f,
        imgrel_harbor_do(f.harbor, "artifact", "p/app:1", "report", NULL, NULL, NULL, &f.err),
        IMGREL_ENOTFOUND, "no report");
    mock_control("{\"scan\": {\"severity\": \"High\"}}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int rc = imgrel_harbor_do(f.harbor, "artifact", "p/app:1", "scan", rows[i].spec, NULL, NULL,
                                  &f.err);
        ck_assert_msg(rc == rows[i].rc, "%s: %d %s", rows[i].spec, rc, f.err.message);
        if (rc)
            flow_refused(&f, rc, rows[i].rc, rc == IMGREL_EFAILED ? "High" : "critical");
    }
    flow_do(&f, "artifact", "p/app:1", "report", NULL);
    mock_control("{\"scan\": {\"status\": \"Error\"}}");
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "artifact", "p/app:1", "scan", "{\"wait\":true}", NULL,
                                  NULL, &f.err),
                 IMGREL_EFAILED, "ended as Error");
    flow_down(&f);
    /* A scan that never ends is waited for as long as the caller says. */
    flow_up(&f, versions[_i]);
    mock_down();
    mock_up(text("{\"version\":\"%s\",\"job_ms\":100000000}", versions[_i]));
    imgrel_harbor_free(f.harbor);
    f.harbor = flow_login(&f, "admin", "Harbor12345");
    make_project("p", false);
    push_image("p/app", "1", ADMIN, "amd64");
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "artifact", "p/app:1", "scan", "{\"wait\":true}",
                                  &brief, NULL, &f.err),
                 IMGREL_ETIMEOUT, NULL);
    flow_down(&f);
}
END_TEST

/* More than a page. */
START_TEST(many_rows)
{
    flow f;

    flow_up(&f, versions[_i]);
    for (int i = 0; i < 230; i++)
        make_robot("p", text("r%d", i), "pull");
    ck_assert_int_eq(flow_count(&f, "robot", "p", NULL), 230);
    ck_assert_int_eq(flow_count(&f, "robot", "p", "name=~r22"), 11);
    flow_down(&f);
}
END_TEST

FLOW_SUITE(flow_artifact, tags_and_labels, scans, many_rows)
