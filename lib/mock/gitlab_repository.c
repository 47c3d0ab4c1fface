/* gitlab_repository.c - the mock's repository: commits that hold all their files, branches, tags.
 */
#include "mock/gitlab.h"

#include "base/base64.h"
#include "mock/tls.h"

#include <stdlib.h>

static const char *sha_of(const struct mk_gitlab *g, const char *ref)
{
    const char *sha = ir_json_str(gl_part(g, "branches"), ir_streq(ref, "HEAD") ? "main" : ref);
    const ir_json *tag = ir_json_get(gl_part(g, "tags"), ref);
    return sha ? sha : tag ? ir_json_str(tag, "sha") : ref;
}

ir_json *gl_commit(const struct mk_gitlab *g, const char *ref)
{
    return ir_json_get(gl_part(g, "commits"), sha_of(g, ref));
}

static ir_json *commit_row(const ir_json *commit)
{
    return ir_json_pack("{s:O, s:O, s:O}", "id", ir_json_get(commit, "id"), "message",
                        ir_json_get(commit, "message"), "title", ir_json_get(commit, "message"));
}

/* ---- files and commits ---- */

static void get_file(gl_call *c)
{
    IR_AUTO(ir_buf) text = IR_BUF(MK_BODY_MAX);
    const char *ref = gl_param(c, "ref");
    const ir_json *commit = gl_commit(c->g, ref);
    const char *file = commit ? ir_json_str(ir_json_get(commit, "files"), c->arg[0]) : NULL;
    if (!*ref) {
        mk_reply_json(c->p, 400, ir_json_pack("{s:s}", "error", "ref is missing, ref is empty"));
        return;
    }
    if (!file) {
        gl_missing(c, commit ? "File" : "Commit");
        return;
    }
    ir_base64_add(&text, file, strlen(file));
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:s, s:s, s:s, s:s, s:O}", "file_path", c->arg[0], "encoding",
                               "base64", "content", ir_buf_str(&text), "ref", ref, "last_commit_id",
                               ir_json_get(commit, "id")));
}

/* False: answered. */
static bool act(gl_call *c, ir_json *files, const ir_json *action)
{
    const char *what = ir_json_str(action, "action"), *path = ir_json_str(action, "file_path");
    const char *content = ir_json_str(action, "content");
    bool there = path && ir_json_get(files, path);
    if (!what || !path) {
        mk_reply_json(c->p, 400, ir_json_pack("{s:s}", "error", "actions[0][action] is missing"));
    } else if (ir_streq(what, "create") && there) {
        gl_error(c, 400, "A file with this name already exists");
    } else if (!ir_streq(what, "create") && !there) {
        gl_error(c, 400, "A file with this name doesn't exist");
    } else {
        if (ir_streq(what, "delete"))
            ir_json_remove(files, path);
        else
            ir_json_puts(files, path, content ? content : "");
        return true;
    }
    return false;
}

static void post_commit(gl_call *c)
{
    const char *branch = gl_param(c, "branch"), *start = gl_param(c, "start_branch");
    const ir_json *was = gl_commit(c->g, *start ? start : branch);
    const ir_json *actions = ir_json_get(c->body, "actions");
    char sha[41];
    if (ir_json_bool(gl_part(c->g, "project"), "main_protected", false) &&
        ir_streq(branch, "main")) {
        gl_error(c, 400, "You are not allowed to push into this branch");
        return;
    }
    if (!was || (!*start && !ir_json_get(gl_part(c->g, "branches"), branch))) {
        gl_error(c, 400, "You can only create or edit files when you are on a branch");
        return;
    }
    ir_json *files = ir_json_copy(ir_json_get(was, "files"));
    for (size_t i = 0; i < ir_json_len(actions); i++)
        if (!act(c, files, ir_json_at(actions, i))) {
            ir_json_free(files);
            return;
        }
    mk_random_hex(sha, 20);
    ir_json *commit = ir_json_pack("{s:s, s:s, s:o}", "id", sha, "message",
                                   gl_param(c, "commit_message"), "files", files);
    ir_json_put(gl_part(c->g, "commits"), sha, commit);
    ir_json_puts(gl_part(c->g, "branches"), branch, sha);
    mk_reply_json(c->p, 201, commit_row(commit));
}

static void get_commit(gl_call *c)
{
    const ir_json *commit = gl_commit(c->g, c->arg[0]);
    commit ? mk_reply_json(c->p, 200, commit_row(commit)) : gl_missing(c, "Commit");
}

/* ---- branches ---- */

static void list_branches(gl_call *c)
{
    ir_json *items = ir_json_new_array();
    const ir_json *all = gl_part(c->g, "branches");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        ir_json_append(items, ir_json_pack("{s:s}", "name", ir_json_key(it)));
    gl_page(c, items);
}

static void get_branch(gl_call *c)
{
    if (!ir_json_get(gl_part(c->g, "branches"), c->arg[0])) {
        gl_missing(c, "Branch");
        return;
    }
    mk_reply_json(c->p, 200,
                  ir_json_pack("{s:s, s:o}", "name", c->arg[0], "commit",
                               commit_row(gl_commit(c->g, c->arg[0]))));
}

static void delete_branch(gl_call *c)
{
    if (!ir_json_get(gl_part(c->g, "branches"), c->arg[0])) {
        gl_missing(c, "Branch");
        return;
    }
    ir_json_remove(gl_part(c->g, "branches"), c->arg[0]);
    c->p->status = 204;
}

/* ---- tags ---- */

static ir_json *tag_row(const struct mk_gitlab *g, const char *name)
{
    const ir_json *tag = ir_json_get(gl_part(g, "tags"), name);
    bool is_protected = false;
    const ir_json *rules = gl_part(g, "protected_tags");
    for (size_t i = 0; i < ir_json_len(rules); i++) {
        const char *rule = ir_json_str(ir_json_at(rules, i), "name");
        is_protected = is_protected || ir_streq(rule, name) || ir_streq(rule, "*");
    }
    return ir_json_pack("{s:s, s:O, s:b, s:o}", "name", name, "message",
                        ir_json_get(tag, "message"), "protected", is_protected, "commit",
                        commit_row(gl_commit(g, ir_json_str(tag, "sha"))));
}

static void list_tags(gl_call *c)
{
    ir_json *items = ir_json_new_array();
    const ir_json *all = gl_part(c->g, "tags");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        ir_json_append(items, tag_row(c->g, ir_json_key(it)));
    gl_page(c, items);
}

static void get_tag(gl_call *c)
{
    if (ir_json_get(gl_part(c->g, "tags"), c->arg[0]))
        mk_reply_json(c->p, 200, tag_row(c->g, c->arg[0]));
    else
        gl_missing(c, "Tag");
}

static void post_tag(gl_call *c)
{
    const char *name = gl_param(c, "tag_name"), *ref = gl_param(c, "ref");
    const ir_json *commit = gl_commit(c->g, ref);
    if (!*name || !*ref) {
        mk_reply_json(
            c->p, 400,
            ir_json_pack("{s:s}", "error", *name ? "ref is missing" : "tag_name is missing"));
    } else if (ir_json_get(gl_part(c->g, "tags"), name)) {
        gl_error(c, 400, "Tag %s already exists", name);
    } else if (!commit) {
        gl_error(c, 400, "Target %s is invalid", ref);
    } else {
        ir_json_put(gl_part(c->g, "tags"), name,
                    ir_json_pack("{s:O, s:s}", "sha", ir_json_get(commit, "id"), "message",
                                 gl_param(c, "message")));
        gl_tag_made(c->mock, name, commit);
        mk_reply_json(c->p, 201, tag_row(c->g, name));
    }
}

static void delete_tag(gl_call *c)
{
    if (!ir_json_get(gl_part(c->g, "tags"), c->arg[0])) {
        gl_missing(c, "Tag");
        return;
    }
    ir_json_remove(gl_part(c->g, "tags"), c->arg[0]);
    c->p->status = 204;
}

const gl_route gl_repository_routes[] = {
    {"GET", "repository/files/*", get_file},
    {"POST", "repository/commits", post_commit},
    {"GET", "repository/commits/*", get_commit},
    {"GET", "repository/branches", list_branches},
    {"GET", "repository/branches/*", get_branch},
    {"DELETE", "repository/branches/*", delete_branch},
    {"GET", "repository/tags", list_tags},
    {"POST", "repository/tags", post_tag},
    {"GET", "repository/tags/*", get_tag},
    {"DELETE", "repository/tags/*", delete_tag},
    {NULL, NULL, NULL},
};
