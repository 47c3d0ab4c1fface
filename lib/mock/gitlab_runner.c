/* gitlab_runner.c - the mock's runners: a token that is shown once, lists without tags, and a state
 * that only contact changes. */
#include "mock/gitlab.h"

#include "mock/tls.h"

#include <stdio.h>
#include <stdlib.h>

static ir_json *row_of(const ir_json *runner, bool whole)
{
    ir_json *j = ir_json_copy(runner);
    ir_json_remove(j, "token");
    for (const char *const *k = (const char *const[]){"tag_list", "run_untagged", "locked",
                                                      "access_level", "maximum_timeout", NULL};
         !whole && *k; k++)
        ir_json_remove(j, *k);
    return j;
}

static bool has_tags(const ir_json *runner, const ir_json *want)
{
    const ir_json *have = ir_json_get(runner, "tag_list");
    for (size_t i = 0; i < ir_json_len(want); i++) {
        bool found = false;
        for (size_t k = 0; k < ir_json_len(have); k++)
            found = found || ir_json_equal(ir_json_at(have, k), ir_json_at(want, i));
        if (!found)
            return false;
    }
    return true;
}

bool gl_can_run(const struct mk_gitlab *g, const ir_json *tags)
{
    const ir_json *all = gl_part(g, "runners");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *r = ir_json_at(all, i);
        if (ir_streq(ir_json_str(r, "status"), "online") && !ir_json_bool(r, "paused", false) &&
            !ir_streq(ir_json_str(r, "access_level"), "ref_protected") && has_tags(r, tags) &&
            (ir_json_len(tags) || ir_json_bool(r, "run_untagged", true)))
            return true;
    }
    return false;
}

static ir_json *split_tags(const char *text)
{
    IR_AUTO(ir_strv) words = {0};
    ir_json *tags = ir_json_new_array();
    if (ir_strv_split(&words, text, ','))
        return tags;
    for (size_t i = 0; i < words.n; i++)
        ir_json_append(tags, ir_json_new_string(words.v[i]));
    return tags;
}

static void list_runners(gl_call *c)
{
    IR_AUTO(ir_json_p) tags = split_tags(gl_param(c, "tag_list"));
    const ir_json *all = gl_part(c->g, "runners");
    ir_json *items = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (has_tags(ir_json_at(all, i), tags))
            ir_json_append(items, row_of(ir_json_at(all, i), false));
    gl_page(c, items);
}

static ir_json *find(gl_call *c, size_t *ret_at)
{
    unsigned long long id = 0;
    ir_json *r = ir_parse_u64(c->arg[0], INT64_MAX, &id)
                     ? gl_find_id(gl_part(c->g, "runners"), (int64_t)id, ret_at)
                     : NULL;
    if (!r)
        gl_missing(c, "Runner");
    return r;
}

static void get_runner(gl_call *c)
{
    const ir_json *r = find(c, NULL);
    if (r)
        mk_reply_json(c->p, 200, row_of(r, true));
}

static void new_token(ir_json *runner)
{
    char random[41], token[48];
    mk_random_hex(random, 20);
    snprintf(token, sizeof token, "glrt-%.40s", random);
    ir_json_puts(runner, "token", token);
}

static void take(gl_call *c, ir_json *runner)
{
    static const char *const members[] = {"description",  "run_untagged", "locked",
                                          "access_level", "paused",       "maximum_timeout"};
    const ir_json *tags = ir_json_get(c->body, "tag_list");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (ir_json_get(c->body, members[i]))
            ir_json_put(runner, members[i], ir_json_ref(ir_json_get(c->body, members[i])));
    if (tags)
        ir_json_put(runner, "tag_list",
                    ir_json_is_string(tags) ? split_tags(ir_json_text(tags)) : ir_json_copy(tags));
}

static void post_runner(gl_call *c)
{
    if (!ir_streq(gl_param(c, "runner_type"), "project_type") ||
        ir_json_int(c->body, "project_id", 0) != 7) {
        gl_error(c, 400, "400 Bad request - Scope can't be blank");
        return;
    }
    ir_json *r =
        ir_json_pack("{s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:b, s:[], s:n}", "id",
                     (long long)gl_next_id(c->g), "description", "", "runner_type", "project_type",
                     "status", "never_contacted", "run_untagged", 1, "locked", 0, "access_level",
                     "not_protected", "paused", 0, "tag_list", "maximum_timeout");
    take(c, r);
    if (!ir_json_len(ir_json_get(r, "tag_list")) && !ir_json_bool(r, "run_untagged", true)) {
        ir_json_free(r);
        mk_reply_json(c->p, 400,
                      ir_json_pack("{s:s}", "message",
                                   "400 Bad request - Tags list can not be empty when runner is "
                                   "not allowed to pick untagged jobs"));
        return;
    }
    new_token(r);
    ir_json_append(gl_part(c->g, "runners"), r);
    mk_reply_json(c->p, 201,
                  ir_json_pack("{s:O, s:O, s:n}", "id", ir_json_get(r, "id"), "token",
                               ir_json_get(r, "token"), "token_expires_at"));
}

static void put_runner(gl_call *c)
{
    ir_json *r = find(c, NULL);
    if (!r)
        return;
    take(c, r);
    mk_reply_json(c->p, 200, row_of(r, true));
}

static void delete_runner(gl_call *c)
{
    size_t at = 0;
    if (!find(c, &at))
        return;
    ir_json_remove_at(gl_part(c->g, "runners"), at);
    c->p->status = 204;
}

static void reset_token(gl_call *c)
{
    ir_json *r = find(c, NULL);
    if (!r)
        return;
    new_token(r);
    mk_reply_json(c->p, 201,
                  ir_json_pack("{s:O, s:n}", "token", ir_json_get(r, "token"), "token_expires_at"));
}

static void verify(gl_call *c)
{
    const ir_json *r = gl_find(gl_part(c->g, "runners"), "token", gl_param(c, "token"), NULL);
    if (!*gl_param(c, "token") || !r) {
        gl_error(c, 403, "403 Forbidden");
        return;
    }
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:O, s:O, s:n}", "id", ir_json_get(r, "id"), "token",
                               ir_json_get(r, "token"), "token_expires_at"));
}

const gl_route gl_runner_routes[] = {
    {"GET", "runners", list_runners},
    {"POST", "/user/runners", post_runner},
    {"POST", "/runners/verify", verify},
    {"GET", "/runners/*", get_runner},
    {"PUT", "/runners/*", put_runner},
    {"DELETE", "/runners/*", delete_runner},
    {"POST", "/runners/*/reset_authentication_token", reset_token},
    {NULL, NULL, NULL},
};
