/* flow.c - a mock, a client and an administrator's handle for a flow. */
#include "flow.h"

const char *const versions[] = {"2.10", "2.12", "2.15"};

void flow_up(flow *f, const char *version)
{
    memset(f, 0, sizeof *f);
    mock_up(text("{\"version\":\"%s\",\"login_freeze_ms\":20,\"job_ms\":50,"
                 "\"users\":[{\"name\":\"ann\",\"password\":\"Passw0rd1\"}]}",
                 version));
    unit_ok(imgrel_client_new(&f->client, &f->err), &f->err);
    unit_ok(imgrel_client_set(f->client, "retries", "0", &f->err), &f->err);
    f->harbor = flow_login(f, "admin", "Harbor12345");
    unit_ok(imgrel_harbor_project_ensure(f->harbor, "p", 1, NULL, NULL, &f->err), &f->err);
}

void flow_down(flow *f)
{
    imgrel_harbor_free(f->harbor);
    imgrel_client_free(f->client);
    mock_down();
}

imgrel_harbor *flow_login(flow *f, const char *user, const char *secret)
{
    imgrel_harbor *h = NULL;

    unit_ok(imgrel_harbor_new(f->client, imgrel_mock_get(mock, "url"), user, secret, &h, &f->err),
            &f->err);
    return h;
}

bool flow_works(flow *f, const char *name, const char *secret)
{
    imgrel_harbor *h = NULL;
    imgrel_error err = {0};
    int rc = 0;

    if (!name || !secret)
        return false;
    h = flow_login(f, name, secret);
    rc = imgrel_harbor_check(h, NULL, NULL, &err);
    imgrel_harbor_free(h);
    ck_assert_msg(!rc || rc == IMGREL_EAUTH, "%s", err.message);
    return !rc;
}

int flow_count(flow *f, const char *kind, const char *parent, const char *query)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int n = 0, more = 0;

    unit_ok(imgrel_harbor_list(f->harbor, kind, parent, query, NULL, &it, &f->err), &f->err);
    while ((more = imgrel_iter_next(it, &item, &f->err)) == 1)
        n++;
    ck_assert_msg(!more, "%s", f->err.message);
    imgrel_iter_free(it);
    return n;
}

const ir_json *flow_json(const char *json)
{
    ir_json *j = NULL;
    static ir_json *kept[64];
    static size_t n;

    ck_assert_msg(!ir_json_parse(json, strlen(json), "test", &j, NULL), "%s", json);
    ir_json_free(kept[n % 64]);
    kept[n++ % 64] = j;
    return j;
}

/* Takes the text. */
static const ir_json *take(char *given)
{
    const ir_json *j = given && *given ? flow_json(given) : NULL;

    imgrel_free(given);
    return j;
}

const ir_json *flow_put(flow *f, const char *kind, const char *key, const char *json,
                        const char *outcome)
{
    char *given = NULL;
    const ir_json *j = NULL;
    int rc = imgrel_harbor_put(f->harbor, kind, key, json, NULL, &given, &f->err);

    ck_assert_msg(!rc, "%s %s %s: %s [%s]", kind, key, json, f->err.message, f->err.cure);
    j = take(given);
    ck_assert_msg(!strcmp(string_at(j, "imgrel"), outcome), "%s %s %s: %s, not %s", kind, key, json,
                  string_at(j, "imgrel"), outcome);
    return j;
}

const ir_json *flow_get(flow *f, const char *kind, const char *key)
{
    char *given = NULL;
    int rc = imgrel_harbor_get(f->harbor, kind, key, NULL, &given, &f->err);

    ck_assert_msg(!rc, "%s %s: %s", kind, key ? key : "", f->err.message);
    return take(given);
}

const ir_json *flow_do(flow *f, const char *kind, const char *key, const char *action,
                       const char *json)
{
    char *given = NULL;
    int rc = imgrel_harbor_do(f->harbor, kind, key, action, json, NULL, &given, &f->err);

    ck_assert_msg(!rc, "%s %s %s: %s [%s]", kind, key ? key : "", action, f->err.message,
                  f->err.cure);
    return take(given);
}

void flow_refused(flow *f, int rc, int code, const char *word)
{
    ck_assert_int_eq(rc, f->err.code);
    unit_error(&f->err, code, word);
    memset(&f->err, 0, sizeof f->err);
}
