/* runner.c - runners of a project. One is known by its description here, as tags may be shared.
 * GitLab shows a runner's token once: one that is there gets a new token only when that is asked
 * for, and one whose answer was lost is found again and given one that is known. */
#include "gitlab/inside.h"

#include <stdlib.h>

typedef struct wish {
    const ir_json *tags;
    const char *note;
    bool run_untagged, locked, is_protected, paused, new_token;
    int64_t maximum_timeout;
} wish;
static const ir_json_row wish_rows[] = {
    {"tags", IR_J_ARRAY, offsetof(wish, tags), 0},
    {"note", IR_J_STRING, offsetof(wish, note), 0},
    {"run_untagged", IR_J_BOOL, offsetof(wish, run_untagged), 0},
    {"locked", IR_J_BOOL, offsetof(wish, locked), 0},
    {"protected", IR_J_BOOL, offsetof(wish, is_protected), 0},
    {"paused", IR_J_BOOL, offsetof(wish, paused), 0},
    {"new_token", IR_J_BOOL, offsetof(wish, new_token), 0},
    {"maximum_timeout", IR_J_INT, offsetof(wish, maximum_timeout), 0},
    {NULL, IR_J_STRING, 0, 0},
};

static const char *access_of(const wish *w)
{
    return w->is_protected ? "ref_protected" : "not_protected";
}

static int read_wish(const ir_json *want, wish *w, imgrel_error *err)
{
    *w = (wish){.locked = true};
    int rc = ir_json_decode(want, wish_rows, true, "a runner", w, err);
    if (!rc && !ir_json_len(w->tags) && !w->run_untagged) {
        ir_fail(err, IMGREL_EINVAL,
                "a runner without tags that takes no job without tags runs "
                "nothing");
        rc = ir_cure(err, "give it tags, or \"run_untagged\": true");
    }
    for (size_t i = 0; !rc && i < ir_json_len(w->tags); i++)
        if (!ir_json_is_string(ir_json_at(w->tags, i)))
            rc = ir_fail(err, IMGREL_EINVAL, "a runner's tags are words");
    return rc;
}

static ir_json *body_of(const wish *w, const char *description)
{
    ir_json *j = ir_json_pack("{s:s, s:o, s:b, s:b, s:s, s:b, s:s*}", "description", description,
                              "tag_list", w->tags ? ir_json_copy(w->tags) : ir_json_new_array(),
                              "run_untagged", w->run_untagged, "locked", w->locked, "access_level",
                              access_of(w), "paused", w->paused, "maintenance_note", w->note);
    if (j && w->maximum_timeout)
        (void)ir_json_put(j, "maximum_timeout", ir_json_new_int(w->maximum_timeout));
    return j;
}

/* As sets: GitLab gives tags in its own order. */
static bool same_tags(const ir_json *a, const ir_json *b)
{
    size_t found = 0;
    for (size_t i = 0; i < ir_json_len(a); i++)
        for (size_t k = 0; k < ir_json_len(b); k++)
            if (ir_streq(ir_json_text(ir_json_at(a, i)), ir_json_text(ir_json_at(b, k)))) {
                found++;
                break;
            }
    return found == ir_json_len(a) && ir_json_len(a) == ir_json_len(b);
}

static bool is_so(const ir_json *j, const wish *w)
{
    return same_tags(ir_json_get(j, "tag_list"), w->tags) &&
           ir_json_bool(j, "run_untagged", true) == w->run_untagged &&
           ir_json_bool(j, "locked", false) == w->locked &&
           ir_streq(ir_json_str(j, "access_level"), access_of(w)) &&
           ir_json_bool(j, "paused", false) == w->paused &&
           (!w->maximum_timeout || ir_json_int(j, "maximum_timeout", 0) == w->maximum_timeout);
}

/* ---- finding one ---- */

static int read_runner(const ir_call *call, ir_gitlab *g, int64_t id, ir_json **ret,
                       imgrel_error *err)
{
    char *path = ir_format("/runners/%lld", (long long)id),
         *object = ir_format("runner %lld", (long long)id);
    const ir_gitlab_ask ask = {.path = path, .object = object, .all = true};
    int rc = path && object ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(object);
    free(path);
    return rc;
}

int ir_gitlab_runner_find(const ir_call *call, ir_gitlab *g, const char *name, ir_json **ret,
                          imgrel_error *err)
{
    ir_gitlab_pages *p = NULL;
    unsigned long long id = 0;
    int64_t found = 0;
    *ret = NULL;
    int rc = ir_gitlab_list(call, g, "runner", NULL, NULL, &p, err), more = 0;
    bool number = ir_parse_u64(name, INT64_MAX, &id);
    while (!rc && !found) {
        IR_AUTO(ir_json_p) row = NULL;
        more = ir_gitlab_pages_next(call, p, &row, err);
        if (more != 1)
            break;
        int64_t at = ir_json_int(row, "id", 0);
        if (ir_streq(ir_json_str(row, "description"), name) || (number && at == (int64_t)id))
            found = at;
    }
    ir_gitlab_pages_free(p);
    if (rc || more < 0 || !found)
        return rc ? rc : more < 0 ? more : 0;
    rc = read_runner(call, g, found, ret, err);
    return rc ? rc : 1;
}

/* ---- making one ---- */

static int64_t id_of(const ir_json *j)
{
    return ir_json_int(j, "id", 0);
}

/* POST /user/runners takes the project by its number only. */
static int create(const ir_call *call, ir_gitlab *g, const wish *w, const char *name, ir_json **ret,
                  imgrel_error *err)
{
    IR_AUTO(ir_json_p) project = NULL;
    IR_AUTO(ir_json_p) body = body_of(w, name);
    const ir_gitlab_ask ask = {
        .method = "POST", .path = "/user/runners", .body = body, .object = "a runner", .all = true};
    int rc = ir_gitlab_read(call, g, ir_strdup(""), "project", &project, err);
    if (rc)
        return rc;
    if (!body || ir_json_puts(body, "runner_type", "project_type") ||
        ir_json_put(body, "project_id", ir_json_new_int(id_of(project))))
        return ir_nomem(err);
    return ir_gitlab_send_json(call, g, &ask, ret, err);
}

static int reset(const ir_call *call, ir_gitlab *g, int64_t id, ir_json **ret, imgrel_error *err)
{
    char *path = ir_format("/runners/%lld/reset_authentication_token", (long long)id);
    const ir_gitlab_ask ask = {.method = "POST",
                               .path = path,
                               .object = "a runner's token",
                               .all = true,
                               .repeatable = true};
    int rc = path ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(path);
    return rc;
}

static int change(const ir_call *call, ir_gitlab *g, const wish *w, const char *name, int64_t id,
                  ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) body = body_of(w, name);
    char *path = ir_format("/runners/%lld", (long long)id);
    const ir_gitlab_ask ask = {
        .method = "PUT", .path = path, .body = body, .object = "a runner", .all = true};
    int rc = path && body ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(path);
    return rc;
}

/* The token of an answer, put into *ret. */
static int take_token(const ir_gitlab *g, const ir_json *answer, ir_json *ret, imgrel_error *err)
{
    const char *token = ir_json_str(answer, "token"),
               *end = ir_json_str(answer, "token_expires_at");
    if (!token || !*token)
        return ir_fail(err, IMGREL_EPROTO, "%s: GitLab's answer has no token of the runner",
                       g->host);
    return ir_json_puts(ret, "token", token) || ir_json_puts(ret, "token_expires_at", end)
               ? ir_nomem(err)
               : 0;
}

/* The answer was lost: what it made is found, and its token replaced by one that is known. */
static int after_loss(const ir_call *call, ir_gitlab *g, const char *name, ir_json **ret_answer,
                      ir_json **ret, imgrel_error *err)
{
    int there = ir_call_check(call, NULL) ? 0 : ir_gitlab_runner_find(call, g, name, ret, NULL);
    if (there != 1)
        return err ? err->code : IMGREL_ENET;
    ir_error_clear(err);
    return reset(call, g, id_of(*ret), ret_answer, err);
}

static int make(const ir_call *call, ir_gitlab *g, const char *name, const wish *w, ir_json **ret,
                imgrel_error *err)
{
    IR_AUTO(ir_json_p) answer = NULL;
    imgrel_error e = {0};
    int rc = create(call, g, w, name, &answer, &e);
    if (rc == IMGREL_ENET || rc == IMGREL_EPROTO)
        rc = after_loss(call, g, name, &answer, ret, &e);
    else if (!rc)
        rc = read_runner(call, g, id_of(answer), ret, &e);
    if (!rc)
        rc = take_token(g, answer, *ret, &e);
    return rc ? ir_gitlab_give(err, &e) : 0;
}

static int adapt(const ir_call *call, ir_gitlab *g, const char *name, const wish *w,
                 const char **ret_change, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) answer = NULL;
    int64_t id = id_of(*ret);
    int rc = 0;
    if (is_so(*ret, w) && !w->new_token)
        return 0;
    *ret_change = IR_GITLAB_CHANGED;
    if (IR_DRY_RUN(call))
        return 0;
    if (!is_so(*ret, w)) {
        ir_json_free(*ret);
        rc = change(call, g, w, name, id, ret, err);
    }
    if (!rc && w->new_token)
        rc = reset(call, g, id, &answer, err);
    return rc || !w->new_token ? rc : take_token(g, answer, *ret, err);
}

int ir_gitlab_put_runner(const ir_call *call, ir_gitlab *g, const char *name, const ir_json *want,
                         const char **ret_change, ir_json **ret, imgrel_error *err)
{
    wish w;
    int rc = read_wish(want, &w, err);
    if (rc)
        return rc;
    int there = ir_gitlab_runner_find(call, g, name, ret, err);
    if (there < 0)
        return there;
    if (there)
        return adapt(call, g, name, &w, ret_change, ret, err);
    *ret_change = IR_GITLAB_CREATED;
    if (IR_DRY_RUN(call))
        return (*ret = body_of(&w, name)) ? 0 : ir_nomem(err);
    return make(call, g, name, &w, ret, err);
}

/* ---- its token ---- */

/* {"token"}: whether GitLab takes it, asked as a runner asks. Sent in the body, without our own. */
int ir_gitlab_do_verify(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                        ir_json **ret, imgrel_error *err)
{
    ir_gitlab nobody = *g;
    const ir_gitlab_ask ask = {.method = "POST",
                               .path = "/runners/verify",
                               .body = spec,
                               .object = "a runner's token",
                               .all = true,
                               .repeatable = true};
    imgrel_error e = {0};
    (void)key;
    if (!ir_json_str(spec, "token"))
        return ir_fail(err, IMGREL_EINVAL, "which token of a runner?");
    nobody.token = NULL;
    int rc = ir_gitlab_send_json(call, &nobody, &ask, ret, &e);
    if (rc != IMGREL_EDENIED)
        return rc ? ir_gitlab_give(err, &e) : 0;
    ir_fail(err, IMGREL_EAUTH, "%s: GitLab does not take this token of a runner", g->host);
    return ir_cure(err, "the runner was deleted, or its token reset: ask for a new one"),
           IMGREL_EAUTH;
}

int ir_gitlab_do_reset(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                       ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) runner = NULL;
    (void)spec;
    int rc = key ? ir_gitlab_get(call, g, "runner", key, &runner, err)
                 : ir_fail(err, IMGREL_EINVAL, "which runner?");
    return rc ? rc : reset(call, g, id_of(runner), ret, err);
}
