/* project.c - a project's own settings, its protected tags, its tags, and what is in its
 * repository: each ensured by reading first. */
#include "gitlab/inside.h"

#include "base/base64.h"

#include <stdlib.h>

/* ---- settings ---- */

/* Members as GitLab has them: {"shared_runners_enabled": false}. */
int ir_gitlab_put_project(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *want,
                          const char **ret_change, ir_json **ret, imgrel_error *err)
{
    const ir_gitlab_ask ask = {.method = "PUT", .path = "", .body = want, .object = "project"};
    bool same = true;
    (void)key;
    int rc = ir_gitlab_read(call, g, ir_strdup(""), "project", ret, err);
    if (rc)
        return rc;
    for (void *it = ir_json_first(want); it; it = ir_json_next(want, it))
        same = same && ir_json_equal(ir_json_get(*ret, ir_json_key(it)), ir_json_value(it));
    *ret_change = same ? IR_GITLAB_UNCHANGED : IR_GITLAB_CHANGED;
    if (same || IR_DRY_RUN(call))
        return 0;
    ir_json_free(*ret);
    return ir_gitlab_send_json(call, g, &ask, ret, err);
}

int ir_gitlab_default_branch(const ir_call *call, ir_gitlab *g, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    *ret = NULL;
    int rc = ir_gitlab_read(call, g, ir_strdup(""), "project", &j, err);
    const char *name = rc ? NULL : ir_json_str(j, "default_branch");
    if (!rc && !(*ret = ir_strdup(name ? name : "main"))) /* an empty repository has none yet */
        rc = ir_nomem(err);
    return rc;
}

/* ---- protected tags ---- */

/* {"create_access_level": 40}: who may create tags of that pattern. */
int ir_gitlab_put_protected(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *want,
                            const char **ret_change, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) body = ir_json_copy(want);
    const ir_gitlab_ask ask = {
        .method = "POST", .path = "/protected_tags", .body = body, .object = "a protected tag"};
    int there = ir_gitlab_find(call, g, ir_gitlab_path("/protected_tags/", key, ""),
                               "a protected tag", ret, err);
    if (there)
        return there < 0 ? there : 0;
    *ret_change = IR_GITLAB_CREATED;
    if (IR_DRY_RUN(call))
        return 0;
    if (!body || ir_json_puts(body, "name", key))
        return ir_nomem(err);
    return ir_gitlab_send_json(call, g, &ask, ret, err);
}

/* ---- tags ---- */

int ir_gitlab_commit_of(const ir_call *call, ir_gitlab *g, const char *ref, char **ret,
                        imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    char *object = ir_format("commit of %s", ref);
    *ret = NULL;
    int rc = object ? ir_gitlab_read(call, g, ir_gitlab_path("/repository/commits/", ref, ""),
                                     object, &j, err)
                    : ir_nomem(err);
    if (!rc && !(*ret = ir_strdup(ir_json_str(j, "id"))))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: GitLab's answer has no id of the commit %s", g->host,
                     ref);
    free(object);
    return rc;
}

/* A tag that is there must be of the commit that was asked for. */
static int compare_tag(const ir_call *call, ir_gitlab *g, const char *name, const char *ref,
                       const ir_json *tag, imgrel_error *err)
{
    const char *is = ir_json_str(ir_json_get(tag, "commit"), "id");
    char *sha = NULL;
    int rc = ir_gitlab_commit_of(call, g, ref, &sha, err);
    if (!rc && !ir_streq(sha, is)) {
        ir_fail(err, IMGREL_ECONFLICT,
                "%s: project %s: tag %s exists, of the commit %.12s and not "
                "of %s (%.12s)",
                g->host, g->project, name, is ? is : "?", ref, sha);
        rc = ir_cure(err, "a released tag does not move: take another version, or delete the tag");
        rc = IMGREL_ECONFLICT;
    }
    free(sha);
    return rc;
}

static int make_tag(const ir_call *call, ir_gitlab *g, const char *name, const char *ref,
                    const char *message, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p)
    body = ir_json_pack("{s:s, s:s, s:s*}", "tag_name", name, "ref", ref, "message", message);
    char *object = ir_format("tag %s", name);
    const ir_gitlab_ask ask = {
        .method = "POST", .path = "/repository/tags", .body = body, .object = object};
    int rc = body && object ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(object);
    return rc;
}

/* {"ref", "message"}; the tag's pipeline comes by itself. */
int ir_gitlab_put_tag(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *want,
                      const char **ret_change, ir_json **ret, imgrel_error *err)
{
    const char *ref = ir_json_str(want, "ref"), *message = ir_json_str(want, "message");
    imgrel_error e = {0};
    if (!ref || !*ref)
        return ir_fail(err, IMGREL_EINVAL, "tag %s: of which ref?", key);
    int there =
        ir_gitlab_find(call, g, ir_gitlab_path("/repository/tags/", key, ""), "a tag", ret, err);
    if (there < 0)
        return there;
    if (there)
        return compare_tag(call, g, key, ref, *ret, err);
    *ret_change = IR_GITLAB_CREATED;
    if (IR_DRY_RUN(call))
        return 0;
    int rc = make_tag(call, g, key, ref, message, ret, &e);
    /* A lost answer, or somebody else's tag of the same commit, is as good. */
    if ((rc == IMGREL_ENET || rc == IMGREL_ECONFLICT) && !ir_call_check(call, NULL) &&
        ir_gitlab_find(call, g, ir_gitlab_path("/repository/tags/", key, ""), "a tag", ret, NULL) ==
            1)
        return compare_tag(call, g, key, ref, *ret, err);
    return rc ? ir_gitlab_give(err, &e) : 0;
}

/* ---- files ---- */

static int decode(const ir_gitlab *g, const char *path, const ir_json *file, ir_json **ret,
                  imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_API_BODY_MAX);
    const char *content = ir_json_str(file, "content");
    bool good = content && ir_streq(ir_json_str(file, "encoding"), "base64") &&
                ir_base64_decode(content, strlen(content), &text);
    int rc =
        good ? 0 : ir_fail(err, IMGREL_EPROTO, "%s: file %s: no content in base64", g->host, path);
    if (!rc && memchr(ir_buf_str(&text), 0, text.len))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: file %s is no text", g->host, path);
    if (!rc && !(*ret = ir_json_pack("{s:s, s:s?, s:s, s:s?}", "path", path, "ref",
                                     ir_json_str(file, "ref"), "content", ir_buf_str(&text),
                                     "last_commit_id", ir_json_str(file, "last_commit_id"))))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: file %s is no UTF-8 text", g->host, path);
    return rc;
}

/* 1, 0 it is not there, or a code. */
static int find_file(const ir_call *call, ir_gitlab *g, const char *path, const char *ref,
                     ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) file = NULL;
    IR_AUTO(ir_buf) query = IR_BUF(IR_URL_MAX);
    char *object = ir_format("file %s", path);
    *ret = NULL;
    ir_url_add_query(&query, "ref", ref);
    int there = object
                    ? ir_gitlab_find(call, g,
                                     ir_gitlab_path("/repository/files/", path, ir_buf_str(&query)),
                                     object, &file, err)
                    : ir_nomem(err);
    free(object);
    if (there != 1)
        return there;
    int rc = decode(g, path, file, ret, err);
    return rc ? rc : 1;
}

int ir_gitlab_file_get(const ir_call *call, ir_gitlab *g, const char *key, ir_json **ret,
                       imgrel_error *err)
{
    char *path = NULL, *ref = NULL;
    int there = 0, rc = ir_gitlab_halves(key, &path, &ref, err);
    if (!rc && !ref)
        rc = ir_gitlab_default_branch(call, g, &ref, err);
    if (!rc && (there = find_file(call, g, path, ref, ret, err)) < 0)
        rc = there;
    if (!rc && !there) {
        ir_fail(err, IMGREL_ENOTFOUND, "%s: project %s: no file %s at %s", g->host, g->project,
                path, ref);
        rc = ir_cure(err, "check the branch, and whether the token may read the repository");
        rc = IMGREL_ENOTFOUND;
    }
    free(path);
    free(ref);
    return rc;
}

static int commit(const ir_call *call, ir_gitlab *g, const char *path, const char *branch,
                  const ir_json *want, const ir_json *was, ir_json **ret, imgrel_error *err)
{
    const char *message = ir_json_str(want, "message");
    IR_AUTO(ir_json_p)
    body = ir_json_pack("{s:s, s:s, s:s*, s:[{s:s, s:s, s:s, s:s*}]}", "branch", branch,
                        "commit_message", message ? message : "Write what imgrel makes",
                        "start_branch", ir_json_str(want, "start_branch"), "actions", "action",
                        was ? "update" : "create", "file_path", path, "content",
                        ir_json_str(want, "content"), "last_commit_id",
                        ir_json_str(was, "last_commit_id"));
    char *object = ir_format("commit of %s to %s", path, branch);
    const ir_gitlab_ask ask = {
        .method = "POST", .path = "/repository/commits", .body = body, .object = object};
    int rc = body && object ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(object);
    return rc;
}

static int put_file(const ir_call *call, ir_gitlab *g, const char *path, const char *branch,
                    const ir_json *want, const char **ret_change, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) was = NULL;
    imgrel_error e = {0};
    const char *content = ir_json_str(want, "content");
    int there = find_file(call, g, path, branch, &was, err);
    if (there < 0)
        return there;
    if (there && ir_streq(ir_json_str(was, "content"), content))
        return (*ret = ir_json_ref(was)) ? 0 : ir_nomem(err);
    *ret_change = there ? IR_GITLAB_CHANGED : IR_GITLAB_CREATED;
    if (IR_DRY_RUN(call))
        return 0;
    int rc = commit(call, g, path, branch, want, was, ret, &e);
    if (rc != IMGREL_ENET)
        return rc ? ir_gitlab_give(err, &e) : 0;
    there = ir_call_check(call, NULL) ? 0 : find_file(call, g, path, branch, ret, NULL);
    return there == 1 && ir_streq(ir_json_str(*ret, "content"), content) ? 0
                                                                         : ir_gitlab_give(err, &e);
}

/* {"content", "branch", "message", "start_branch"}; "PATH@BRANCH" is fine too. */
int ir_gitlab_put_file(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *want,
                       const char **ret_change, ir_json **ret, imgrel_error *err)
{
    char *path = NULL, *at = NULL, *own = NULL;
    const char *branch = ir_json_str(want, "branch");
    if (!ir_json_str(want, "content"))
        return ir_fail(err, IMGREL_EINVAL, "file %s: no content", key);
    int rc = ir_gitlab_halves(key, &path, &at, err);
    branch = branch ? branch : at;
    if (!rc && !branch && !(rc = ir_gitlab_default_branch(call, g, &own, err)))
        branch = own;
    if (!rc)
        rc = put_file(call, g, path, branch, want, ret_change, ret, err);
    free(path);
    free(at);
    free(own);
    return rc;
}
