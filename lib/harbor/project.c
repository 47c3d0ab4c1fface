/* project.c - projects: whether one is there, making it so, and taking it away. Who is no system
 * administrator gets 403 for a project that does not exist; HEAD tells everybody the truth. */
#include "harbor/inside.h"

#include <stdlib.h>

static bool name_rule(const char *s)
{
    bool sep = true; /* a separator may not come first, last or twice */

    for (; *s; s++) {
        if (ir_is_lower_alnum(*s))
            sep = false;
        else if ((*s == '.' || *s == '_' || *s == '-') && !sep)
            sep = true;
        else
            return false;
    }
    return !sep;
}

int ir_harbor_name_check(const char *what, const char *name, imgrel_error *err)
{
    if (name && name_rule(name) && strlen(name) <= IR_HARBOR_NAME_MAX)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "%s name \"%.80s\" is not allowed", what, name ? name : "");
    ir_cure(err, "use 1 to 255 lower-case letters and digits, with single dots, hyphens or "
                 "underscores between them");
    return IMGREL_EINVAL;
}

char *ir_harbor_path(const char *project, const char *repository, const char *reference)
{
    ir_buf path = IR_BUF(IR_URL_MAX), once = IR_BUF(IR_URL_MAX);

    ir_buf_adds(&path, "/projects/");
    ir_url_encode(&path, project);
    if (repository) {
        ir_buf_adds(&path, "/repositories");
        if (*repository) {
            ir_url_encode(&once, repository);
            ir_buf_addc(&path, '/');
            ir_url_encode(&path, ir_buf_str(&once));
        }
    }
    if (reference) {
        ir_buf_adds(&path, "/artifacts/");
        ir_url_encode(&path, reference);
    }
    ir_buf_free(&once);
    return ir_buf_take(&path);
}

int ir_harbor_project_exists(const ir_call *call, ir_harbor *h, const char *name, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    const ir_harbor_ask ask = {.method = "HEAD", .object = "projects"};
    ir_harbor_ask copy = ask;
    imgrel_error e = {0};
    ir_reply reply = {0};
    int rc = ir_harbor_name_check("project", name, err);

    if (rc)
        return rc;
    ir_buf_adds(&path, "/projects");
    ir_url_add_query(&path, "project_name", name);
    copy.path = ir_buf_str(&path);
    rc = ir_harbor_send(call, h, &copy, &reply, &e);
    if (rc == IMGREL_ENOTFOUND)
        rc = 0;
    else if (!rc)
        rc = 1;
    else if (err && !err->code)
        *err = e;
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc;
}

/* Says it in our words; Harbor's are not the same everywhere. */
static int missing(const ir_harbor *h, const char *name, imgrel_error *err)
{
    ir_error_clear(err);
    ir_fail(err, IMGREL_ENOTFOUND, "%s: project %s does not exist", h->host, name);
    ir_cure(err, "check its name, or create it: imgrel harbor project ensure %s", name);
    return IMGREL_ENOTFOUND;
}

int ir_harbor_project_truth(const ir_call *call, ir_harbor *h, const char *name, int rc,
                            imgrel_error *err)
{
    int there = rc == IMGREL_EDENIED ? ir_harbor_project_exists(call, h, name, NULL) : -1;

    if (there == 0)
        return missing(h, name, err);
    if (there == 1) {
        ir_error_clear(err);
        ir_fail(err, IMGREL_EDENIED, "%s: project %s belongs to others: %s has no right to this",
                h->host, name, h->user ? h->user : "nobody");
        ir_cure(err,
                "ask its administrator to make %s a project administrator, or take another "
                "name",
                h->user ? h->user : "you");
    }
    return rc;
}

static int read_project(const ir_call *call, ir_harbor *h, const char *name, ir_json **ret,
                        imgrel_error *err)
{
    char *path = ir_harbor_path(name, NULL, NULL), *object = ir_format("project %s", name);
    const ir_harbor_ask ask = {.path = path, .object = object, .by_name = true};
    int rc = path && object ? ir_harbor_send_json(call, h, &ask, ret, err) : ir_nomem(err);

    if (!rc && !ir_json_is_object(*ret)) {
        rc = ir_fail(err, IMGREL_EPROTO, "%s: project %s: the answer is no project", h->host, name);
        ir_json_free(*ret);
        *ret = NULL;
    }
    free(path);
    free(object);
    return rc == IMGREL_ENOTFOUND ? missing(h, name, err) : rc;
}

int ir_harbor_project_get(const ir_call *call, ir_harbor *h, const char *name, ir_json **ret,
                          imgrel_error *err)
{
    int rc = 0;

    *ret = NULL;
    rc = ir_harbor_name_check("project", name, err);
    if (!rc)
        rc = ir_harbor_project_truth(call, h, name, read_project(call, h, name, ret, err), err);
    return rc;
}

/* What may not read a project (a robot that only pulls) still sees it in the list. */
static int id_from_list(const ir_call *call, ir_harbor *h, const char *name, int64_t *ret,
                        imgrel_error *err)
{
    char *query = ir_format("name=%s", name);
    ir_harbor_pages *pages = NULL;
    ir_json *item = NULL;
    int rc = query ? ir_harbor_list(call, h, "project", NULL, query, &pages, err) : ir_nomem(err);

    while (!rc && !*ret && (rc = ir_harbor_pages_next(call, pages, &item, err)) == 1) {
        if (ir_streq(ir_json_str(item, "name"), name))
            *ret = ir_json_int(item, "project_id", 0);
        ir_json_free(item);
        rc = 0;
    }
    ir_harbor_pages_free(pages);
    free(query);
    return rc;
}

int ir_harbor_project_id(const ir_call *call, ir_harbor *h, const char *name, int64_t *ret,
                         imgrel_error *err)
{
    imgrel_error e = {0};
    ir_json *j = NULL;
    int rc = 0;

    *ret = 0;
    if ((rc = ir_harbor_name_check("project", name, err)))
        return rc;
    rc = read_project(call, h, name, &j, &e);
    if (!rc)
        *ret = ir_json_int(j, "project_id", 0);
    else if (rc == IMGREL_EDENIED && !id_from_list(call, h, name, ret, NULL) && *ret)
        rc = 0;
    else
        rc = ir_harbor_project_truth(call, h, name, rc, &e);
    if (rc && err && !err->code)
        *err = e;
    ir_json_free(j);
    if (!rc && *ret <= 0)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: project %s comes without an id", h->host, name);
    return rc;
}

/* Values of metadata are strings; a JSON bool is 422. */
static int create(const ir_call *call, ir_harbor *h, const char *name, bool is_private,
                  imgrel_error *err)
{
    ir_json *body = ir_json_pack("{s:s, s:{s:s}}", "project_name", name, "metadata", "public",
                                 is_private ? "false" : "true");
    char *object = ir_format("project %s", name);
    const ir_harbor_ask ask = {
        .method = "POST", .path = "/projects", .body = body, .object = object};
    int rc = body && object ? ir_harbor_send_json(call, h, &ask, NULL, err) : ir_nomem(err);

    ir_json_free(body);
    free(object);
    return rc;
}

/* Metadata that is not sent is kept. */
static int set_public(const ir_call *call, ir_harbor *h, const char *name, const char *value,
                      imgrel_error *err)
{
    ir_json *body = ir_json_pack("{s:{s:s}}", "metadata", "public", value);
    char *path = ir_harbor_path(name, NULL, NULL), *object = ir_format("project %s", name);
    const ir_harbor_ask ask = {
        .method = "PUT", .path = path, .body = body, .object = object, .by_name = true};
    int rc = body && path && object ? ir_harbor_send_json(call, h, &ask, NULL, err) : ir_nomem(err);

    ir_json_free(body);
    free(path);
    free(object);
    return rc;
}

/* Creates it; a creation lost to somebody else at the same moment is no failure. ret is the
 * project as it now is; what may create but not read gets the little that is known. */
static int ensure_created(const ir_call *call, ir_harbor *h, const char *name, bool is_private,
                          enum ir_change *change, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = 0;

    *change = IR_CREATED;
    if (!IR_DRY_RUN(call)) {
        rc = create(call, h, name, is_private, &e);
        if (rc == IMGREL_ECONFLICT)
            *change = IR_UNCHANGED;
        else if (rc) {
            if (err && !err->code)
                *err = e;
            return rc;
        }
        rc = ir_harbor_project_get(call, h, name, ret, err);
        if (rc != IMGREL_EDENIED || *change == IR_UNCHANGED)
            return rc;
        ir_error_clear(err);
    }
    *ret = ir_json_pack("{s:s, s:{s:s}}", "name", name, "metadata", "public",
                        is_private ? "false" : "true");
    return *ret ? 0 : ir_nomem(err);
}

static int ensure_privacy(const ir_call *call, ir_harbor *h, const char *name, int is_private,
                          enum ir_change *change, ir_json **ret, imgrel_error *err)
{
    const char *want = is_private ? "false" : "true";
    const char *have = ir_json_str(ir_json_get(*ret, "metadata"), "public");
    int rc = 0;

    if (is_private < 0 || ir_streq(have, want))
        return 0;
    if (*change == IR_UNCHANGED)
        *change = IR_CHANGED;
    if (IR_DRY_RUN(call))
        return 0;
    rc = set_public(call, h, name, want, err);
    if (rc)
        return rc == IMGREL_EDENIED ? ir_harbor_project_truth(call, h, name, rc, err) : rc;
    ir_json_free(*ret);
    rc = ir_harbor_project_get(call, h, name, ret, err);
    have = ir_json_str(ir_json_get(*ret, "metadata"), "public");
    if (!rc && !ir_streq(have, want))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: project %s stays %s", h->host, name,
                     is_private ? "public" : "private");
    return rc;
}

int ir_harbor_project_ensure(const ir_call *call, ir_harbor *h, const char *name, int is_private,
                             enum ir_change *ret_change, ir_json **ret, imgrel_error *err)
{
    enum ir_change change = IR_UNCHANGED;
    imgrel_error e = {0};
    ir_json *j = NULL;
    int rc = ir_harbor_project_get(call, h, name, &j, &e);

    if (rc == IMGREL_ENOTFOUND) {
        rc = ensure_created(call, h, name, is_private != 0, &change, &j, err);
    } else if (rc && err && !err->code) {
        *err = e;
    }
    if (!rc)
        rc = ensure_privacy(call, h, name, is_private, &change, &j, err);
    if (ret_change)
        *ret_change = change;
    if (ret)
        *ret = rc ? NULL : ir_json_ref(j);
    ir_json_free(j);
    return rc;
}

/* Page 1 again and again: what is deleted moves the rest up. */
static int delete_repositories(const ir_call *call, ir_harbor *h, const char *name,
                               imgrel_error *err)
{
    size_t skip = strlen(name) + 1;
    int rc = 0, left = 1;

    for (int round = 0; !rc && left && round < IR_PAGES_MAX; round++) {
        ir_harbor_pages *pages = NULL;
        ir_json *item = NULL;

        rc = ir_harbor_list(call, h, "repository", name, NULL, &pages, err);
        if (!rc)
            rc = left = ir_harbor_pages_next(call, pages, &item, err);
        if (rc == 1) {
            const char *full = ir_json_str(item, "name");
            rc = full && strlen(full) > skip
                     ? ir_harbor_repository_delete(call, h, name, full + skip, err)
                     : ir_fail(err, IMGREL_EPROTO, "%s: a repository has no name", h->host);
        }
        ir_json_free(item);
        ir_harbor_pages_free(pages);
    }
    return rc;
}

int ir_harbor_project_delete(const ir_call *call, ir_harbor *h, const char *name,
                             bool with_repositories, imgrel_error *err)
{
    char *path = NULL, *object = NULL;
    ir_harbor_ask ask = {.method = "DELETE", .by_name = true};
    int rc = ir_harbor_name_check("project", name, err);

    if (rc || (with_repositories && (rc = delete_repositories(call, h, name, err))))
        return ir_harbor_project_truth(call, h, name, rc, err);
    ask.path = path = ir_harbor_path(name, NULL, NULL);
    ask.object = object = ir_format("project %s", name);
    rc = path && object ? ir_harbor_send_delete(call, h, &ask, err) : ir_nomem(err);
    free(path);
    free(object);
    return ir_harbor_project_truth(call, h, name, rc, err);
}
