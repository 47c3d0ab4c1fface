/* check_flow.c - variables, runners, files, tags and pipelines against the mock: what is asked for
 * is so afterwards, a second time changes nothing, and refusals tell cause and cure. */
#include "lab.h"

START_TEST(variables)
{
    lab l;
    lab_up(&l);
    const char *want = "{\"value\": \"robot$library+ci\", \"description\": \"by a test\"}";
    const ir_json *j = lab_put(&l, "variable", "HARBOR_USERNAME", want, "created");
    ck_assert(ir_json_bool(j, "raw", false) && ir_json_bool(j, "masked", false));
    ck_assert_ptr_null(ir_json_get(j, "value"));
    lab_put(&l, "variable", "HARBOR_USERNAME", want, "unchanged");
    lab_put(&l, "variable", "HARBOR_USERNAME", "{\"value\": \"robot$other+ci\"}", "changed");
    ck_assert_str_eq(string_at(lab_get(&l, "variable", "HARBOR_USERNAME"), "value"),
                     "robot$other+ci");
    j = lab_do(&l, "variable", "HARBOR_USERNAME", "expand", NULL);
    ck_assert(ir_json_bool(j, "intact", false));
    j = lab_do(&l, "variable", "X", "expand", "{\"value\": \"robot$library+ci\"}");
    ck_assert(!ir_json_bool(j, "intact", true));
    ck_assert_str_eq(string_at(j, "becomes"), "robot+ci");
    ck_assert_str_eq(string_at(j, "names.0"), "library");
    /* What cannot be masked is not, unless that was asked for. */
    j = lab_put(&l, "variable", "SHORT", "{\"value\": \"abc\"}", "created");
    ck_assert(!ir_json_bool(j, "masked", true));
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "variable", "SHORT",
                                  "{\"value\": \"abc\", \"masked\": true}", NULL, NULL, &l.err),
                IMGREL_EINVAL, "masked");
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "variable", "A-B", "{\"value\": \"x\"}", NULL, NULL, &l.err),
                IMGREL_EINVAL, "letters, digits");
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "variable", "A", "{\"valu\": \"x\"}", NULL, NULL, &l.err),
                IMGREL_EINVAL, "valu");
    lab_down(&l);
}
END_TEST

START_TEST(scopes)
{
    lab l;
    lab_up(&l);
    lab_put(&l, "variable", "K", "{\"value\": \"everywhere\"}", "created");
    lab_put(&l, "variable", "K@production", "{\"value\": \"production\"}", "created");
    lab_put(&l, "variable", "K@production", "{\"value\": \"production\"}", "unchanged");
    ck_assert_int_eq(lab_count(&l, "variable", NULL), 2);
    ck_assert_str_eq(string_at(lab_get(&l, "variable", "K@*"), "value"), "everywhere");
    char *t = NULL;
    lab_refused(&l, imgrel_gitlab_get(l.g, "variable", "K", NULL, &t, &l.err), IMGREL_ECONFLICT,
                "KEY@SCOPE");
    unit_ok(imgrel_gitlab_delete(l.g, "variable", "K@production", NULL, &l.err), &l.err);
    ck_assert_int_eq(lab_count(&l, "variable", NULL), 1);
    lab_refused(&l, imgrel_gitlab_delete(l.g, "variable", "K@production", NULL, &l.err),
                IMGREL_ENOTFOUND, "may not see");
    /* Hidden: nobody reads it again, so it is written each time. */
    lab_put(&l, "variable", "H", "{\"value\": \"secret-value\", \"hidden\": true}", "created");
    lab_put(&l, "variable", "H", "{\"value\": \"secret-value\", \"hidden\": true}", "changed");
    lab_refused(&l, imgrel_gitlab_do(l.g, "variable", "H", "expand", NULL, NULL, NULL, &l.err),
                IMGREL_EDENIED, "hidden");
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "variable", "K",
                                  "{\"value\": \"everywhere\", \"hidden\": true}", NULL, NULL,
                                  &l.err),
                IMGREL_ECONFLICT, "delete it first");
    /* A GitLab that ignores raw would break the value. */
    mock_control("{\"gitlab\": {\"no_raw\": true}}");
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "variable", "OLD",
                                  "{\"value\": \"robot$a\", \"masked\": false}", NULL, NULL,
                                  &l.err),
                IMGREL_EUNSUPPORTED, "15.7");
    lab_down(&l);
}
END_TEST

START_TEST(runners)
{
    lab l;
    lab_up(&l);
    const char *want = "{\"tags\": [\"self-hosted\", \"arm\"]}";
    const char *token =
        text("%s", string_at(lab_put(&l, "runner", "ci", want, "created"), "token"));
    ck_assert(!strncmp(token, "glrt-", 5));
    ck_assert_ptr_null(ir_json_get(lab_put(&l, "runner", "ci", want, "unchanged"), "token"));
    lab_do(&l, "runner", NULL, "verify", text("{\"token\": \"%s\"}", token));
    const ir_json *j = lab_get(&l, "runner", "ci");
    ck_assert(!ir_json_bool(j, "run_untagged", true) && ir_json_bool(j, "locked", false));
    lab_put(&l, "runner", "ci", "{\"tags\": [\"arm\", \"self-hosted\"]}", "unchanged");
    j = lab_put(&l, "runner", "ci", "{\"tags\": [\"arm\"], \"new_token\": true}", "changed");
    ck_assert_str_ne(string_at(j, "token"), token);
    lab_refused(&l,
                imgrel_gitlab_do(l.g, "runner", NULL, "verify", text("{\"token\": \"%s\"}", token),
                                 NULL, NULL, &l.err),
                IMGREL_EAUTH, "does not take");
    lab_refused(&l, imgrel_gitlab_put(l.g, "runner", "none", "{}", NULL, NULL, &l.err),
                IMGREL_EINVAL, "run_untagged");
    ck_assert_int_eq(lab_count(&l, "runner", NULL), 1);
    unit_ok(imgrel_gitlab_delete(l.g, "runner", "ci", NULL, &l.err), &l.err);
    ck_assert_int_eq(lab_count(&l, "runner", NULL), 0);
    lab_put(&l, "project", NULL, "{\"shared_runners_enabled\": false}", "changed");
    lab_put(&l, "project", NULL, "{\"shared_runners_enabled\": false}", "unchanged");
    lab_down(&l);
}
END_TEST

START_TEST(files_and_tags)
{
    lab l;
    lab_up(&l);
    const char *file = "{\"content\": \"" CI_TEXT "\", \"message\": \"CI\"}";
    lab_put(&l, "file", ".gitlab-ci.yml", file, "created");
    lab_put(&l, "file", ".gitlab-ci.yml", file, "unchanged");
    lab_put(&l, "file", ".gitlab-ci.yml", "{\"content\": \"x: {script: [y]}\\n\"}", "changed");
    lab_put(&l, "file", "a/b c.txt@other", "{\"content\": \"x\", \"start_branch\": \"main\"}",
            "created");
    ck_assert_str_eq(string_at(lab_get(&l, "file", "a/b c.txt@other"), "content"), "x");
    lab_put(&l, "tag", "v/1", "{\"ref\": \"main\"}", "created");
    lab_put(&l, "tag", "v/1", "{\"ref\": \"main\"}", "unchanged");
    lab_refused(&l,
                imgrel_gitlab_put(l.g, "tag", "v/1", "{\"ref\": \"other\"}", NULL, NULL, &l.err),
                IMGREL_ECONFLICT, "does not move");
    lab_refused(&l, imgrel_gitlab_put(l.g, "tag", "v2", "{\"ref\": \"none\"}", NULL, NULL, &l.err),
                IMGREL_ENOTFOUND, "no such branch");
    lab_put(&l, "protected-tag", "*", "{\"create_access_level\": 40}", "created");
    lab_put(&l, "protected-tag", "*", "{}", "unchanged");
    mock_control("{\"gitlab\": {\"project\": {\"main_protected\": true}}}");
    lab_refused(&l, imgrel_gitlab_put(l.g, "file", "z", "{\"content\": \"z\"}", NULL, NULL, &l.err),
                IMGREL_EDENIED, "merge");
    lab_down(&l);
}
END_TEST

START_TEST(pages)
{
    lab l;
    lab_up(&l);
    for (int i = 0; i < 25; i++)
        lab_put(&l, "variable", text("K%d", i), "{\"value\": \"v\"}", "created");
    for (int i = 0; i < 25; i++)
        lab_put(&l, "tag", text("t%d", i), "{\"ref\": \"main\"}", "created");
    mock_control("{\"gitlab\": {\"page_max\": 4}}");
    ck_assert_int_eq(lab_count(&l, "variable", NULL), 25); /* offset */
    ck_assert_int_eq(lab_count(&l, "tag", NULL), 25);      /* keyset, its Link names another host */
    ck_assert_int_eq(lab_count(&l, "/projects/group%2Fapp/variables", "per_page=3"), 25);
    /* A server that repeats a page for ever. */
    mock_control("{\"fault\": {\"route\": \"GET /api/v4/projects/group/app/variables\", "
                 "\"header\": {\"X-Next-Page\": \"1\", \"Content-Type\": \"application/json\"}, "
                 "\"status\": 200, \"body\": \"[{}]\"}}");
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int more = 1, n = 0;
    unit_ok(imgrel_gitlab_list(l.g, "variable", NULL, NULL, NULL, &it, &l.err), &l.err);
    while ((more = imgrel_iter_next(it, &item, &l.err)) == 1 && n < 10000)
        n++;
    imgrel_iter_free(it);
    lab_refused(&l, more, IMGREL_EPROTO, "next page");
    lab_down(&l);
}
END_TEST

/* ---- refusals ---- */

START_TEST(refusals)
{
    static const struct {
        const char *steer;
        int code;
        const char *word;
    } cases[] = {
        {"{\"gitlab\": {\"scope\": \"read_api\"}}", IMGREL_EDENIED, "scope api"},
        {"{\"gitlab\": {\"scope\": \"api\", \"forbidden\": true}}", IMGREL_EDENIED, "Maintainer"},
        {"{\"gitlab\": {\"forbidden\": false, \"moved_to\": \"new/place\"}}", IMGREL_EINVAL,
         "number"},
    };
    lab l;
    lab_up(&l);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mock_control("%s", cases[i].steer);
        lab_refused(
            &l, imgrel_gitlab_put(l.g, "variable", "K", "{\"value\": \"v\"}", NULL, NULL, &l.err),
            cases[i].code, cases[i].word);
    }
    ck_assert_int_eq(lab_count(&l, "variable", NULL), 0); /* reads are sent on */
    imgrel_gitlab *g = NULL;
    char *t = NULL;
    unit_ok(imgrel_gitlab_new(l.client, imgrel_mock_get(mock, "url"), "7", "wrong", &g, &l.err),
            &l.err);
    lab_refused(&l, imgrel_gitlab_get(g, "project", NULL, NULL, &t, &l.err), IMGREL_EAUTH,
                "make a new one");
    imgrel_gitlab_free(g);
    unit_ok(imgrel_gitlab_new(l.client, imgrel_mock_get(mock, "url"), "other/app", "glpat-mock", &g,
                              &l.err),
            &l.err);
    lab_refused(&l, imgrel_gitlab_get(g, "project", NULL, NULL, &t, &l.err), IMGREL_ENOTFOUND,
                "also to who has no right");
    imgrel_gitlab_free(g);
    int status = 0;
    unit_ok(imgrel_gitlab_request(l.g, "GET", "/version", NULL, NULL, &t, &status, &l.err), &l.err);
    ck_assert_int_eq(status, 200);
    imgrel_free(t);
    t = NULL;
    lab_refused(&l, imgrel_gitlab_request(l.g, "GET", "/groups", NULL, NULL, &t, &status, &l.err),
                IMGREL_EUNSUPPORTED, NULL);
    lab_refused(&l, imgrel_gitlab_get(l.g, "wiki", "x", NULL, &t, &l.err), IMGREL_EINVAL,
                "imgrel_gitlab_request");
    lab_down(&l);
}
END_TEST

static void page_of(lab *l, int status, const char *type, const char *body, int code,
                    const char *word)
{
    char *t = NULL;
    mock_control("{\"fault\": {\"route\": \"/api/v4\", \"status\": %d, \"header\": "
                 "{\"Content-Type\": \"%s\"}, \"body\": \"%s\"}}",
                 status, type, body);
    lab_refused(l, imgrel_gitlab_get(l->g, "project", NULL, NULL, &t, &l->err), code, word);
    mock_control("{\"faults\": \"clear\"}");
}

START_TEST(strangers)
{
    lab l;
    lab_up(&l);
    page_of(&l, 200, "text/html", "<html>Sign in</html>", IMGREL_EPROTO, "login page");
    page_of(&l, 502, "text/html", "<html>502</html>", IMGREL_EFAILED, "starting");
    page_of(&l, 200, "application/json", "[1", IMGREL_EPROTO, NULL);
    page_of(&l, 200, "application/json", "", IMGREL_EPROTO, "empty");
    page_of(&l, 500, "application/json", "{\\\"message\\\": \\\"500 Internal Server Error\\\"}",
            IMGREL_EFAILED, "logs");
    page_of(&l, 418, "application/json", "{\\\"message\\\": [\\\"tea\\\"]}", IMGREL_EPROTO, "tea");
    /* 429 with its plain text: waited for as it says, then done. */
    mock_control("{\"fault\": {\"route\": \"/api/v4\", \"status\": 429, \"count\": 1, \"header\": "
                 "{\"Retry-After\": \"0\", \"Content-Type\": \"text/plain\"}, \"body\": \"Retry "
                 "later\\n\"}}");
    lab_put(&l, "variable", "K", "{\"value\": \"v\"}", "created");
    page_of(&l, 429, "text/plain", "Retry later", IMGREL_ELIMIT, "limits how often");
    lab_down(&l);
}
END_TEST

UNIT_SUITE(gitlab_flow, variables, scopes, runners, files_and_tags, pages, refusals, strangers)
