/* release_delete.c - takes away what apply created, and only that: objects of a cluster by their
 * label, robots by their description, tags, repository and project by the state beside the file. A
 * project or a namespace in which others live by now is left to them. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

/* ---- in a cluster
 * ----------------------------------------------------------------------------------- */

static int delete_object(ir_rel_run *run, ir_rel_place *p, const char *kind, const char *name,
                         ir_rel_row *row, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *have = NULL;
    const char *ns = run->r->file.ns;
    bool dry = IR_DRY_RUN(&run->call);
    char *object = ir_format("%s/%s", kind, name);
    int rc = object ? ir_kube_get(&run->call, p->kube, ns, object, &have, &why) : ir_nomem(&why);
    if (rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, "unchanged", "%s %s is not there", kind, name);
        rc = 0;
    } else if (!rc && !ir_rel_object_ours(run, have)) {
        ir_rel_say(row, "unchanged", "%s %s is kept: this release did not create it", kind, name);
    } else if (!rc) {
        const char *uid = ir_json_str(ir_json_get(have, "metadata"), "uid");
        rc = dry ? 0 : ir_kube_delete(&run->call, p->kube, ns, object, uid, &why);
        rc = rc == IMGREL_ENOTFOUND ? 0 : rc;
        ir_rel_say(row, dry ? "would" : "done", "%s %s deleted", kind, name);
    }
    if (rc && err && !err->code)
        *err = why;
    ir_json_free(have);
    free(object);
    return rc;
}

static int delete_pod(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    return delete_object(run, target, ir_rel_kind(f), f->app, row, err);
}

static int delete_service(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return delete_object(run, target, "service", run->r->file.app, row, err);
}

static int delete_secret(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return delete_object(run, target, "secret", run->r->file.secret, row, err);
}

typedef struct others {
    const ir_rel_run *run;
    bool any;
} others;

/* What every namespace has of the cluster itself is nobody's. */
static bool is_furniture(const ir_json *object)
{
    const char *name = ir_json_str(ir_json_get(object, "metadata"), "name");
    return ir_streq(ir_json_str(object, "type"), "kubernetes.io/service-account-token") ||
           ir_streq(name, "kube-root-ca.crt") || ir_streq(name, "openshift-service-ca.crt");
}

static int look_for_others(void *user, const ir_json *item, imgrel_error *err)
{
    others *o = user;
    (void)err;
    o->any = o->any || (!is_furniture(item) && !ir_rel_object_ours(o->run, item));
    return 0;
}

/* Those that hold somebody's work or data. A cluster may not have the later ones. */
static int any_others(ir_rel_run *run, const ir_rel_place *p, bool *ret_any, imgrel_error *err)
{
    static const char *const kinds[] = {"pod",         "service",    "secret",
                                        "configmap",   "deployment", "persistentvolumeclaim",
                                        "statefulset", "job"};
    others o = {.run = run};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !o.any; i++) {
        imgrel_error why = {0};
        int rc = ir_kube_list(&run->call, p->kube, run->r->file.ns, kinds[i], NULL, NULL,
                              look_for_others, &o, &why);
        if (rc && (i < 3 || (why.http_status != 404 && why.http_status != 501))) {
            *err = why;
            return rc;
        }
    }
    *ret_any = o.any;
    return 0;
}

static int delete_namespace(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const char *ns = run->r->file.ns;
    imgrel_error why = {0};
    bool any = false;
    if (!p->ns_is) {
        ir_rel_say(row, "unchanged", "namespace %s is not there", ns);
        return 0;
    }
    int rc = any_others(run, p, &any, &why);
    if (!rc && !any)
        return delete_object(run, p, "namespace", ns, row, err);
    if (!rc)
        ir_rel_say(row, "unchanged", "namespace %s is kept: others live in it", ns);
    else if (rc == IMGREL_EDENIED)
        ir_rel_say(row, "unchanged", "namespace %s is kept: not all in it may be listed", ns);
    else if (err && !err->code)
        *err = why;
    return rc == IMGREL_EDENIED ? 0 : rc;
}

/* ---- in Harbor
 * -------------------------------------------------------------------------------------- */

static const char *remembered(const ir_rel_run *run, const ir_rel_site *s, const char *what,
                              const char *key)
{
    char *section = ir_format("%s %s", what, s->key);
    const char *value = section ? ir_rel_state_get(&run->state, section, key) : NULL;
    free(section);
    return value;
}

/* Is a tag of an artifact one that this release put there? */
static bool tag_is_ours(const ir_rel_run *run, const ir_rel_site *s, const ir_json *artifact,
                        const ir_json *tag)
{
    const char *name = ir_json_str(tag, "name");
    return name && ir_streq(remembered(run, s, "tags", name), ir_json_str(artifact, "digest"));
}

/* Tags of it that are not ours. */
static size_t foreign_tags(const ir_rel_run *run, const ir_rel_site *s, const ir_json *artifact)
{
    const ir_json *tags = ir_json_get(artifact, "tags");
    size_t n = 0;
    for (size_t i = 0; i < ir_json_len(tags); i++)
        n += !tag_is_ours(run, s, artifact, ir_json_at(tags, i));
    return n;
}

static bool artifact_is_ours(const ir_rel_run *run, const ir_rel_site *s, const ir_json *artifact)
{
    const char *digest = ir_json_str(artifact, "digest");
    return digest && remembered(run, s, "pushed", digest);
}

/* All artifacts of the repository, an array; *ret NULL: there is no repository. */
static int list_artifacts(const ir_rel_run *run, const ir_rel_site *s, ir_json **ret,
                          imgrel_error *err)
{
    char *parent = ir_format("%s/%s", run->r->file.project, run->r->file.app);
    ir_json *list = ir_json_new_array(), *item = NULL;
    ir_harbor_pages *pages = NULL;
    imgrel_error why = {0};
    *ret = NULL;
    int rc = parent && list
                 ? ir_harbor_list(&run->call, s->harbor, "artifact", parent, NULL, &pages, &why)
                 : ir_nomem(&why);
    while (!rc && (rc = ir_harbor_pages_next(&run->call, pages, &item, &why)) == 1)
        rc = ir_json_append(list, item) ? ir_nomem(&why) : 0;
    ir_harbor_pages_free(pages);
    free(parent);
    if (!rc) {
        *ret = list;
        return 0;
    }
    ir_json_free(list);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (err && !err->code)
        *err = why;
    return rc;
}

static int delete_digest(ir_rel_run *run, ir_rel_site *s, const char *digest, imgrel_error *err)
{
    imgrel_error why = {0};
    const ir_rel_file *f = &run->r->file;
    int rc = IR_DRY_RUN(&run->call) ? 0
                                    : ir_harbor_artifact_delete(&run->call, s->harbor, f->project,
                                                                f->app, digest, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

/* An index, then its parts: those that another index still holds are refused, and stay. */
static int delete_whole(ir_rel_run *run, ir_rel_site *s, const ir_json *artifact, imgrel_error *err)
{
    const ir_json *parts = ir_json_get(artifact, "references");
    int rc = delete_digest(run, s, ir_json_str(artifact, "digest"), err);
    for (size_t i = 0; !rc && i < ir_json_len(parts); i++) {
        const char *digest = ir_json_str(ir_json_at(parts, i), "child_digest");
        imgrel_error why = {0};
        if (digest && delete_digest(run, s, digest, &why) && why.code != IMGREL_ECONFLICT) {
            rc = why.code;
            if (err && !err->code)
                *err = why;
        }
    }
    return rc;
}

/* Our tags go, and the artifact with them when it has no other. */
static int delete_artifact(ir_rel_run *run, ir_rel_site *s, const ir_json *artifact, size_t *n,
                           imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    const ir_json *tags = ir_json_get(artifact, "tags");
    size_t foreign = foreign_tags(run, s, artifact);
    int rc = 0;
    if (!foreign && artifact_is_ours(run, s, artifact)) {
        (*n)++;
        return delete_whole(run, s, artifact, err);
    }
    for (size_t i = 0; !rc && i < ir_json_len(tags); i++) {
        if (!tag_is_ours(run, s, artifact, ir_json_at(tags, i)))
            continue;
        (*n)++;
        if (!IR_DRY_RUN(&run->call))
            rc = ir_harbor_tag_delete(&run->call, s->harbor, f->project, f->app,
                                      ir_json_str(ir_json_at(tags, i), "name"), err);
    }
    return rc;
}

/* The repository was not there before, and nobody else has put anything into it. */
static bool is_all_ours(const ir_rel_run *run, const ir_rel_site *s, const ir_json *list)
{
    bool whole = remembered(run, s, "registry", "repository") != NULL;
    for (size_t i = 0; whole && i < ir_json_len(list); i++) {
        const ir_json *a = ir_json_at(list, i);
        whole = !foreign_tags(run, s, a) && artifact_is_ours(run, s, a);
    }
    return whole;
}

static int delete_repository(ir_rel_run *run, ir_rel_site *s, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    imgrel_error why = {0};
    bool dry = IR_DRY_RUN(&run->call);
    int rc = dry ? 0 : ir_harbor_repository_delete(&run->call, s->harbor, f->project, f->app, &why);
    if (rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, "unchanged", "%s is not there", s->image.name);
        return 0;
    }
    if (rc && err && !err->code)
        *err = why;
    ir_rel_say(row, dry ? "would" : "done", "%s deleted", s->image.name);
    return rc;
}

static int delete_image(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    IR_AUTO(ir_json_p) list = NULL;
    size_t n = 0;
    int rc = s->project_is ? list_artifacts(run, s, &list, err) : 0;
    if (rc)
        return rc;
    if (list && is_all_ours(run, s, list))
        return delete_repository(run, s, row, err);
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = delete_artifact(run, s, ir_json_at(list, i), &n, err);
    if (n)
        ir_rel_say(row, IR_DRY_RUN(&run->call) ? "would" : "done",
                   "%s: %zu images and tags of ours deleted, the others kept", s->image.name, n);
    else
        ir_rel_say(row, "unchanged", "%s: nothing of ours is there", s->image.name);
    return rc;
}

static int delete_robot(ir_rel_run *run, ir_rel_site *s, const char *name, ir_rel_row *row,
                        imgrel_error *err)
{
    IR_AUTO(ir_robot) robot = {0};
    imgrel_error why = {0};
    const char *project = run->r->file.project;
    bool dry = IR_DRY_RUN(&run->call);
    int rc = s->project_is
                 ? ir_harbor_robot_find(&run->call, s->harbor, project, name, &robot, &why)
                 : IMGREL_ENOTFOUND;
    if (rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, "unchanged", "robot %s is not there", name);
        return 0;
    }
    if (rc) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    if (!ir_rel_robot_ours(run->r, &robot)) {
        ir_rel_say(row, "unchanged", "robot %s is kept: this release did not create it",
                   robot.name);
        return 0;
    }
    rc = dry ? 0 : ir_harbor_robot_delete(&run->call, s->harbor, project, name, err);
    ir_rel_say(row, dry ? "would" : "done", "robot %s deleted", robot.name);
    return rc;
}

/* Both of the names that a role's robots have in turn; the row is that of the one that works. */
static int delete_robots(ir_rel_run *run, ir_rel_site *s, const char *name, enum ir_rel_role role,
                         ir_rel_row *row, imgrel_error *err)
{
    ir_rel_row other = {0};
    char *twin = ir_rel_twin(name, s->robot[role]);
    int rc = twin ? delete_robot(run, s, twin, &other, err) : ir_nomem(err);
    if (!rc)
        rc = delete_robot(run, s, s->robot[role], row, err);
    ir_rel_row_free(&other);
    free(twin);
    return rc;
}

static int delete_pull(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return delete_robots(run, target, run->r->pull, IR_REL_PULL_ROLE, row, err);
}

static int forget_secrets(const ir_rel_run *run, const ir_rel_site *s, imgrel_error *err)
{
    char *next = ir_rel_next_key(s);
    int rc = next ? ir_rel_secret_forget(&run->state, next, err) : ir_nomem(err);
    free(next);
    return rc ? rc : ir_rel_secret_forget(&run->state, s->key, err);
}

static int delete_push(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    int rc = delete_robots(run, s, run->r->push, IR_REL_PUSH_ROLE, row, err);
    return rc || IR_DRY_RUN(&run->call) ? rc : forget_secrets(run, s, err);
}

/* 1 somebody else has something in the project. */
static int project_in_use(const ir_rel_run *run, const ir_rel_site *s, const char *kind,
                          imgrel_error *err)
{
    ir_harbor_pages *pages = NULL;
    ir_json *item = NULL;
    int rc = ir_harbor_list(&run->call, s->harbor, kind, run->r->file.project, NULL, &pages, err);
    if (!rc)
        rc = ir_harbor_pages_next(&run->call, pages, &item, err);
    ir_json_free(item);
    ir_harbor_pages_free(pages);
    return rc;
}

static int delete_project(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    const char *project = run->r->file.project;
    bool dry = IR_DRY_RUN(&run->call);
    if (!s->project_is || !remembered(run, s, "registry", "project")) {
        ir_rel_say(row, "unchanged", "project %s is %s", project,
                   s->project_is ? "kept: it was there before" : "not there");
        return 0;
    }
    int rc = dry ? 0 : project_in_use(run, s, "repository", err);
    if (rc == 0 && !dry)
        rc = project_in_use(run, s, "robot", err);
    if (rc == 1) {
        ir_rel_say(row, "unchanged", "project %s is kept: others use it", project);
        return 0;
    }
    if (rc == 0 && !dry)
        rc = ir_harbor_project_delete(&run->call, s->harbor, project, false, err);
    ir_rel_say(row, dry ? "would" : "done", "project %s deleted", project);
    return rc;
}

const ir_rel_step ir_rel_delete_steps[] = {
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_ALONE},
    {"harbor", ir_rel_check_harbor, IR_REL_SITE | IR_REL_CHECK},
    {"pod", delete_pod, IR_REL_PLACE | IR_REL_ALONE},
    {"service", delete_service, IR_REL_PLACE | IR_REL_ALONE},
    {"pull secret", delete_secret, IR_REL_PLACE | IR_REL_ALONE},
    {"namespace", delete_namespace, IR_REL_PLACE | IR_REL_ALONE},
    {"image", delete_image, IR_REL_SITE},
    {"pull robot", delete_pull, IR_REL_SITE},
    {"push robot", delete_push, IR_REL_SITE},
    {"project", delete_project, IR_REL_SITE},
    {NULL, NULL, 0},
};
