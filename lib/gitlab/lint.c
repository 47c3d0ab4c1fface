/* lint.c - GitLab's own word on a .gitlab-ci.yml. It answers 200 whether the text is valid or not.
 */
#include "gitlab/inside.h"

#include <stdlib.h>

#define CI_FILE ".gitlab-ci.yml"

int ir_gitlab_lint(const ir_call *call, ir_gitlab *g, const char *content, const char *ref,
                   bool dry_run, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) file = NULL;
    IR_AUTO(ir_json_p) body = NULL;
    const ir_gitlab_ask none = {
        .method = "POST", .path = "/ci/lint", .object = "lint of " CI_FILE, .repeatable = true};
    ir_gitlab_ask ask = none;
    char *key = content ? NULL : ir_format(CI_FILE "@%s", ref ? ref : "HEAD");
    int rc = content ? 0 : key ? ir_gitlab_file_get(call, g, key, &file, err) : ir_nomem(err);
    free(key);
    if (rc)
        return rc;
    body = ir_json_pack("{s:s, s:b, s:b, s:s*}", "content",
                        content ? content : ir_json_str(file, "content"), "dry_run", dry_run,
                        "include_jobs", 1, "ref", ref);
    ask.body = body;
    rc = body ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    if (!rc && !ir_json_get(*ret, "valid"))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: GitLab's answer to a lint says nothing", g->host);
    return rc;
}

/* {"content" (absent: what is at ref), "ref", "dry_run"}; EINVAL when it is not valid. */
int ir_gitlab_do_lint(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                      ir_json **ret, imgrel_error *err)
{
    const ir_json *errors = NULL;
    (void)key;
    int rc = ir_gitlab_lint(call, g, ir_json_str(spec, "content"), ir_json_str(spec, "ref"),
                            ir_json_bool(spec, "dry_run", false), ret, err);
    if (rc || ir_json_bool(*ret, "valid", false))
        return rc;
    errors = ir_json_get(*ret, "errors");
    const char *first = ir_json_text(ir_json_at(errors, 0));
    size_t n = ir_json_len(errors);
    ir_fail(err, IMGREL_EINVAL, "%s: project %s: " CI_FILE " is not valid: %.300s%s", g->host,
            g->project, first ? first : "GitLab does not say why", n > 1 ? " (and more)" : "");
    return ir_cure(err, "CI Lint in GitLab's pipeline editor shows the place"), IMGREL_EINVAL;
}
