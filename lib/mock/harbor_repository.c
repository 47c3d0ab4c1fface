/* harbor_repository.c - the API's calls on repositories, artifacts, their tags, labels and
 * additions. Repository names come double-encoded in paths, whole in what is answered. */
#include "mock/harbor.h"
#include "fmt/ref.h"

#include <stdlib.h>

/* ---- repositories ---------------------------------------------------------------------------- */

static ir_json *render(mk_call *c, const ir_json *repository)
{
    static const char *const same[] = {
        "id", "project_id", "name", "pull_count", "creation_time", "update_time", NULL};
    ir_json *j = ir_json_new_object();
    const char *description = ir_json_str(repository, "description");
    const ir_json *all = ir_json_get(repository, "artifacts");
    int64_t n = 0;
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        n += !mk_artifact_hidden(c->h, repository, ir_json_value(it));
    for (const char *const *k = same; *k; k++)
        ir_json_put(j, *k, ir_json_ref(ir_json_get(repository, *k)));
    ir_json_put(j, "artifact_count", ir_json_new_int(n));
    ir_json_puts(j, "description", description && *description ? description : NULL);
    return j;
}

static const mk_column columns[] = {
    {"name,Name", "name"},
    {"repository_id,RepositoryID", "id"},
    {"project_id,ProjectID", "project_id"},
    {"description,Description", "description"},
    {"pull_count,PullCount", "pull_count"},
    {"creation_time,CreationTime", "creation_time"},
    {"update_time,UpdateTime", "update_time"},
    {NULL, NULL},
};

static void answer_list(mk_call *c, const ir_json *project)
{
    mk_filter f;
    if (mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "repositories");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
            ir_json *r = ir_json_value(it);
            int64_t id = ir_json_int(r, "project_id", 0);
            const ir_json *of = mk_project_by_id(c->h, id);
            if (project ? of == project : mk_can(c->mock, c->who, of, "repository", "list"))
                ir_json_append(found, ir_json_ref(r));
        }
        mk_filter_answer(c, &f, columns, "-id", found, render);
    }
    mk_filter_free(&f);
}

static void list(mk_call *c)
{
    ir_json *project;
    if (mk_need_project(c, true, "repository", "list", &project))
        answer_list(c, project);
}

static void list_all(mk_call *c)
{
    answer_list(c, NULL);
}

/* The repository of params 0 and 1; NULL: answered. */
static ir_json *need_repository(mk_call *c, const char *resource, const char *action)
{
    ir_json *project;
    if (!mk_need_project(c, true, resource, action, &project))
        return NULL;
    char *name = ir_format("%s/%s", c->param[0], c->param[1] ? c->param[1] : "");
    ir_json *r = name ? mk_repository_find(c->h, name) : NULL;
    if (!r)
        mk_error_missing(c, "repository %s not found", name ? name : "");
    free(name);
    return r;
}

static void get(mk_call *c)
{
    const ir_json *r = need_repository(c, "repository", "read");
    if (r)
        mk_reply_json(c->p, 200, render(c, r));
}

static void update(mk_call *c)
{
    ir_json *r = need_repository(c, "repository", "update");
    if (!r)
        return;
    ir_json_puts(r, "description", ir_json_str(c->body, "description"));
    mk_state_changed(c->mock);
}

static void delete (mk_call *c)
{
    ir_json *r = need_repository(c, "repository", "delete");
    if (!r)
        return;
    if (!mk_immutable_check(c->mock, r, NULL, NULL, c->p))
        return;
    ir_json *project = mk_project_by_id(c->h, ir_json_int(r, "project_id", 0));
    mk_audit(c->mock, c->who->name, project, "delete", "repository", ir_json_str(r, "name"));
    ir_json_put(project, "repo_count", ir_json_new_int(ir_json_int(project, "repo_count", 1) - 1));
    char *name = ir_strdup(ir_json_str(r, "name"));
    /* Children counts of a repository that is gone must not outlive it. */
    const ir_json *all = ir_json_get(r, "artifacts");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        char *key = ir_format("%s@%s", name, ir_json_key(it));
        if (key)
            ir_json_remove(c->h->children, key);
        free(key);
    }
    ir_json_remove(mk_part(c->h, "repositories"), name ? name : "");
    free(name);
    mk_state_changed(c->mock);
}

/* ---- artifacts ------------------------------------------------------------------------------- */

static bool tags_fit(const mk_term *t, const ir_json *tags)
{
    bool none = t->op == MK_EQUAL && ir_streq(t->values.v[0], "nil"),
         any = t->op == MK_EQUAL && ir_streq(t->values.v[0], "*");
    if (none || any)
        return none == !ir_json_len(tags);
    for (size_t i = 0; i < ir_json_len(tags); i++) {
        const char *name = ir_json_str(ir_json_at(tags, i), "name");
        if (t->op == MK_LIKE ? strcasestr(name, t->values.v[0]) != NULL
                             : ir_strv_has(&t->values, name))
            return true;
    }
    return false;
}

static bool labels_fit(const mk_term *t, const ir_json *labels)
{
    for (size_t i = 0; i < t->values.n; i++) {
        bool has = false;
        for (size_t k = 0; k < ir_json_len(labels); k++) {
            char *id = ir_format("%lld", (long long)ir_json_number(ir_json_at(labels, k), 0));
            has |= ir_streq(id, t->values.v[i]);
            free(id);
        }
        if (!has)
            return false;
    }
    return true;
}

static bool wanted(mk_call *c, const mk_filter *f, const ir_json *repository,
                   const ir_json *artifact)
{
    const mk_term *tags = mk_filter_term(f, "tags"), *labels = mk_filter_term(f, "labels");
    if (!mk_filter_term(f, "base") && mk_artifact_hidden(c->h, repository, artifact))
        return false;
    if (labels && !labels_fit(labels, ir_json_get(artifact, "labels")))
        return false;
    if (!tags)
        return true;
    ir_json *have = mk_tags_of(c->h, repository, artifact);
    bool fit = tags_fit(tags, have);
    ir_json_free(have);
    return fit;
}

static ir_json *render_artifact(mk_call *c, const ir_json *artifact)
{
    char *name = ir_format("%s/%s", c->param[0], c->param[1] ? c->param[1] : "");
    ir_json *j = mk_artifact_render(c, name ? mk_repository_find(c->h, name) : NULL, artifact);
    free(name);
    return j;
}

static const mk_column artifact_columns[] = {
    {"id,ID", "id"},
    {"type,Type", "type"},
    {"digest,Digest", "digest"},
    {"media_type,MediaType", "media_type"},
    {"manifest_media_type,ManifestMediaType", "manifest_media_type"},
    {"artifact_type,ArtifactType", "artifact_type"},
    {"size,Size", "size"},
    {"push_time,PushTime", "push_time"},
    {"pull_time,PullTime", "pull_time"},
    {NULL, NULL},
};

static void list_artifacts(mk_call *c)
{
    ir_json *project;
    mk_filter f = {0};
    if (!mk_need_project(c, true, "artifact", "list", &project) || !mk_filter_read(c, &f)) {
        mk_filter_free(&f);
        return;
    }
    char *name = ir_format("%s/%s", c->param[0], c->param[1] ? c->param[1] : "");
    const ir_json *r = name ? mk_repository_find(c->h, name) : NULL;
    const ir_json *all = ir_json_get(r, "artifacts");
    ir_json *found = ir_json_new_array();
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (wanted(c, &f, r, ir_json_value(it)))
            ir_json_append(found, ir_json_ref(ir_json_value(it)));
    mk_filter_answer(c, &f, artifact_columns, "-id", found, render_artifact);
    mk_filter_free(&f);
    free(name);
}

ir_json *mk_artifact_need(mk_call *c, const char *resource, const char *action,
                          ir_json **ret_repository)
{
    ir_json *project;
    if (!mk_need_project(c, true, resource, action, &project))
        return NULL;
    char *name = ir_format("%s/%s", c->param[0], c->param[1] ? c->param[1] : "");
    *ret_repository = name ? mk_repository_find(c->h, name) : NULL;
    ir_json *a = name ? mk_artifact_find(c->h, name, c->param[2]) : NULL;
    if (!a)
        mk_error_missing(c, "artifact %s%s%s not found", name ? name : "",
                         strchr(c->param[2], ':') ? "@" : ":", c->param[2]);
    free(name);
    return a;
}

static void get_artifact(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "artifact", "read", &r);
    if (a)
        mk_reply_json(c->p, 200, mk_artifact_render(c, r, a));
}

static void audit(mk_call *c, const char *operation, const char *type, const char *reference)
{
    char *what = ir_format("%s/%s%s%s", c->param[0], c->param[1] ? c->param[1] : "",
                           strchr(reference, ':') ? "@" : ":", reference);
    mk_audit(c->mock, c->who->name, mk_project_find(c->h, c->param[0]), operation, type, what);
    free(what);
}

static void delete_artifact(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "artifact", "delete", &r);
    if (a) {
        audit(c, "delete", "artifact", c->param[2]);
        (void)mk_artifact_delete(c->mock, r, a, c->p);
    }
}

/* What has it for its subject. */
static void list_accessories(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "accessory", "list", &r);
    if (!a)
        return;
    const ir_json *all = ir_json_get(r, "artifacts");
    ir_json *found = ir_json_new_array();
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *x = ir_json_value(it);
        if (ir_streq(ir_json_str(x, "subject"), ir_json_str(a, "digest")))
            ir_json_append(found,
                           ir_json_pack("{s:O, s:O, s:O, s:s, s:s, s:O, s:s}", "id",
                                        ir_json_get(x, "id"), "artifact_id", ir_json_get(x, "id"),
                                        "subject_artifact_id", ir_json_get(a, "id"), "digest",
                                        ir_json_str(x, "digest"), "type", "subject.accessory",
                                        "size", ir_json_get(x, "size"), "creation_time",
                                        ir_json_str(x, "push_time")));
    }
    mk_list_reply(c, (int64_t)ir_json_len(found), found);
}

/* All artifacts of a project at once, since 2.12. */
static void list_of_project(mk_call *c)
{
    ir_json *project;
    mk_filter f = {0};
    if (c->h->minor < 12)
        mk_error_missing(c, "path %s was not found", c->r->path);
    else if (mk_need_project(c, false, "artifact", "list", &project) && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "repositories");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
            const ir_json *r = ir_json_value(it), *in = ir_json_get(r, "artifacts");
            if (ir_json_int(r, "project_id", 0) != ir_json_int(project, "project_id", -1))
                continue;
            for (void *a = ir_json_first(in); a; a = ir_json_next(in, a))
                if (!mk_artifact_hidden(c->h, r, ir_json_value(a)))
                    ir_json_append(found, mk_artifact_render(c, r, ir_json_value(a)));
        }
        mk_filter_answer(c, &f, artifact_columns, "-id", found, mk_render_copy);
    }
    mk_filter_free(&f);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static const mk_column tag_columns[] = {
    {"name,Name", "name"},
    {"id,ID", "id"},
    {"push_time,PushTime", "push_time"},
    {"pull_time,PullTime", "pull_time"},
    {NULL, NULL},
};

static void list_tags(mk_call *c)
{
    mk_filter f = {0};
    ir_json *r, *a = mk_artifact_need(c, "tag", "list", &r);
    if (a && mk_filter_read(c, &f))
        mk_filter_answer(c, &f, tag_columns, "-id", mk_tags_of(c->h, r, a), mk_render_copy);
    mk_filter_free(&f);
}

static void create_tag(mk_call *c)
{
    const char *name = ir_json_str(c->body, "name");
    if (!name || !*name) {
        mk_error_binding(c, "name in body is required");
        return;
    }
    ir_json *r, *a = mk_artifact_need(c, "tag", "create", &r);
    if (!a)
        return;
    if (ir_tag_check(name, NULL))
        mk_error_bad(c, "invalid tag name: %s", name);
    else if (ir_json_get(ir_json_get(r, "tags"), name))
        mk_error(c->p, 409, "CONFLICT", "tag %s already exists", name);
    else {
        mk_tag_set(c->mock, r, name, ir_json_str(a, "digest"));
        audit(c, "create", "tag", name);
        mk_state_changed(c->mock);
        c->p->status = 201; /* without a Location: there is no call for one tag */
    }
}

static void delete_tag(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "tag", "delete", &r);
    if (!a)
        return;
    ir_json *tags = ir_json_get(r, "tags");
    if (!ir_streq(ir_json_str(ir_json_get(tags, c->param[3]), "digest"),
                  ir_json_str(a, "digest"))) {
        mk_error_missing(c, "tag %s attached to artifact %lld not found", c->param[3],
                         (long long)ir_json_int(a, "id", 0));
        return;
    }
    if (!mk_immutable_check(c->mock, r, a, c->param[3], c->p))
        return;
    ir_json_remove(tags, c->param[3]);
    audit(c, "delete", "tag", c->param[3]);
    mk_state_changed(c->mock);
}

/* ---- labels and additions -------------------------------------------------------------------- */

static ir_json *without(const ir_json *ids, int64_t id)
{
    ir_json *out = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(ids); i++)
        if (ir_json_number(ir_json_at(ids, i), 0) != id)
            ir_json_append(out, ir_json_ref(ir_json_at(ids, i)));
    return out;
}

static void change_label(mk_call *c, int64_t id, bool attach)
{
    ir_json *r, *a = mk_artifact_need(c, "artifact-label", attach ? "create" : "delete", &r);
    if (!a)
        return;
    const ir_json *have = ir_json_get(a, "labels");
    ir_json *left = without(have, id);
    bool had = ir_json_len(left) < ir_json_len(have);
    if (attach ? !mk_by_id(mk_part(c->h, "labels"), id) : !had)
        mk_error_missing(c, "label %lld not found", (long long)id);
    else if (attach && had)
        mk_error(c->p, 409, "CONFLICT", "label %lld is already added to the artifact %lld",
                 (long long)id, (long long)ir_json_int(a, "id", 0));
    else {
        if (attach)
            ir_json_append(left, ir_json_new_int(id));
        ir_json_put(a, "labels", ir_json_ref(left));
        mk_state_changed(c->mock);
    }
    ir_json_free(left);
}

static void add_label(mk_call *c)
{
    change_label(c, ir_json_int(c->body, "id", 0), true);
}

static void remove_label(mk_call *c)
{
    int64_t id;
    if (mk_param_id(c, 3, "label_id in path", &id))
        change_label(c, id, false);
}

static void addition(mk_call *c)
{
    ir_json *r, *a;
    const char *what = c->param[3];
    bool history = ir_streq(what, "build_history");
    if (!history && !ir_streq(what, "vulnerabilities")) {
        mk_error_binding(c,
                         "addition in path should be one of [build_history values.yaml readme.md "
                         "dependencies sbom]");
        return;
    }
    if (!(a = mk_artifact_need(c, "artifact-addition", "read", &r)))
        return;
    if (!history)
        mk_scan_report(c, a);
    else if (ir_json_get(a, "references"))
        mk_error_bad(c, "addition BUILD_HISTORY isn't supported for IMAGE(manifest version list)");
    else
        mk_reply_json(c->p, 200,
                      ir_json_get(a, "history") ? ir_json_copy(ir_json_get(a, "history"))
                                                : ir_json_new_array());
}

static const mk_shape repository_shape[] = {{"description", 's'}, {NULL, 0}};
static const mk_shape tag_shape[] = {{"name", 's'}, {NULL, 0}};
static const mk_shape label_shape[] = {{"id", 'i'}, {NULL, 0}};
#define REPOSITORY "projects/{}/repositories/{r}"
#define ARTIFACT REPOSITORY "/artifacts/{}"

const mk_route mk_repository_routes[] = {
    {"GET", "repositories", list_all, NULL, NULL, NULL},
    {"GET", "projects/{}/repositories", list, NULL, NULL, NULL},
    {"GET", REPOSITORY, get, NULL, NULL, NULL},
    {"PUT", REPOSITORY, update, "repository", repository_shape, NULL},
    {"DELETE", REPOSITORY, delete, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const mk_route mk_artifact_routes[] = {
    {"GET", REPOSITORY "/artifacts", list_artifacts, NULL, NULL, NULL},
    {"GET", ARTIFACT, get_artifact, NULL, NULL, NULL},
    {"DELETE", ARTIFACT, delete_artifact, NULL, NULL, NULL},
    {"GET", ARTIFACT "/tags", list_tags, NULL, NULL, NULL},
    {"POST", ARTIFACT "/tags", create_tag, "tag", tag_shape, NULL},
    {"DELETE", ARTIFACT "/tags/{}", delete_tag, NULL, NULL, NULL},
    {"POST", ARTIFACT "/labels", add_label, "label", label_shape, NULL},
    {"DELETE", ARTIFACT "/labels/{}", remove_label, NULL, NULL, NULL},
    {"GET", ARTIFACT "/additions/{}", addition, NULL, NULL, NULL},
    {"GET", ARTIFACT "/accessories", list_accessories, NULL, NULL, NULL},
    {"GET", "projects/{}/artifacts", list_of_project, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
