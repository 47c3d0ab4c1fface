/* lab.c - the mock is brought up, a handle on its project opened. */
#include "lab.h"

void lab_up(lab *l)
{
    *l = (lab){0};
    mock_up("{\"gitlab\": {\"job_ms\": 60, \"pipeline_ms\": 20}, \"login_freeze_ms\": 10, "
            "\"node\": \"off\"}");
    unit_ok(imgrel_client_new(&l->client, &l->err), &l->err);
    unit_ok(imgrel_client_set(l->client, "retry_delay", "1ms", &l->err), &l->err);
    unit_ok(imgrel_gitlab_new(l->client, imgrel_mock_get(mock, "url"), "group/app", "glpat-mock",
                              &l->g, &l->err),
            &l->err);
}

void lab_down(lab *l)
{
    imgrel_gitlab_free(l->g);
    imgrel_client_free(l->client);
    mock_down();
}

const ir_json *lab_json(const char *t)
{
    static ir_json *kept[256];
    static size_t n;
    imgrel_error err = {0};
    size_t at = n++ % (sizeof kept / sizeof *kept);
    ir_json_free(kept[at]);
    kept[at] = NULL;
    ck_assert_msg(!ir_json_parse(t, strlen(t), "answer", &kept[at], &err), "%s: %s", err.message,
                  t);
    return kept[at];
}

static const ir_json *taken(char *t)
{
    const ir_json *j = lab_json(t && *t ? t : "{}");
    imgrel_free(t);
    return j;
}

const ir_json *lab_put(lab *l, const char *kind, const char *key, const char *json,
                       const char *outcome)
{
    char *t = NULL;
    unit_ok(imgrel_gitlab_put(l->g, kind, key, json, NULL, &t, &l->err), &l->err);
    const ir_json *j = taken(t);
    ck_assert_str_eq(string_at(j, "imgrel"), outcome);
    return j;
}

const ir_json *lab_do(lab *l, const char *kind, const char *key, const char *action,
                      const char *json)
{
    char *t = NULL;
    unit_ok(imgrel_gitlab_do(l->g, kind, key, action, json, NULL, &t, &l->err), &l->err);
    return taken(t);
}

const ir_json *lab_get(lab *l, const char *kind, const char *key)
{
    char *t = NULL;
    unit_ok(imgrel_gitlab_get(l->g, kind, key, NULL, &t, &l->err), &l->err);
    return taken(t);
}

int lab_count(lab *l, const char *kind, const char *query)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int n = 0, more = 0;
    unit_ok(imgrel_gitlab_list(l->g, kind, NULL, query, NULL, &it, &l->err), &l->err);
    while ((more = imgrel_iter_next(it, &item, &l->err)) == 1)
        n++;
    ck_assert_msg(!more, "%s", l->err.message);
    imgrel_iter_free(it);
    return n;
}

void lab_refused(lab *l, int rc, int code, const char *word)
{
    ck_assert_int_eq(rc, code);
    unit_error(&l->err, code, word);
    l->err = (imgrel_error){0};
}
