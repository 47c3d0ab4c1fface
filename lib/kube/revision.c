/* revision.c - what a deployment, stateful set or daemon set was before, and back to it; as the
 * controllers keep it: a deployment's templates in its replica sets, the others' as patches in
 * controller revisions. */
#include "base/limits.h"
#include "fmt/header.h"
#include "kube/inside.h"

#include <stdlib.h>
#include <time.h>

#define REVISION_KEY "deployment.kubernetes.io/revision"
#define CAUSE_KEY "kubernetes.io/change-cause"
#define RESTART_KEY "kubectl.kubernetes.io/restartedAt"
#define HASH_LABEL "pod-template-hash"

struct revisions {
    const ir_json *owner;
    ir_json *all; /* the objects that hold them */
    bool sets;    /* replica sets, not controller revisions */
};

static int64_t number_of(const struct revisions *r, const ir_json *item)
{
    return r->sets ? ir_kube_revision(item) : ir_json_int(item, "revision", 0);
}

static int keep_owned(void *user, const ir_json *item, imgrel_error *err)
{
    struct revisions *r = user;
    if (!ir_kube_owned_by(item, r->owner) || !number_of(r, item))
        return 0;
    return ir_json_append(r->all, ir_json_copy(item)) ? ir_nomem(err) : 0;
}

/* Reads the object and what is kept of its past; both the caller's. */
static int read_past(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                     ir_json **ret_now, struct revisions *ret, imgrel_error *err)
{
    ir_buf selector = IR_BUF(4096);
    int rc = ir_kube_get(call, k, ns, object, ret_now, err);
    if (rc)
        return rc;
    const char *kind = ir_json_str(*ret_now, "kind");
    ret->owner = *ret_now;
    ret->sets = ir_streq(kind, "Deployment");
    ret->all = ir_json_new_array();
    if (!ret->sets && !ir_streq(kind, "StatefulSet") && !ir_streq(kind, "DaemonSet"))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a %s has no revisions", object,
                       kind ? kind : "");
    rc = ret->all ? ir_kube_selector_text(ir_json_path(*ret_now, "spec.selector.matchLabels"),
                                          &selector, err)
                  : ir_nomem(err);
    if (!rc)
        rc = ir_kube_list(call, k, ns, ret->sets ? "replicaset" : "controllerrevision",
                          ir_buf_str(&selector), NULL, keep_owned, ret, err);
    ir_buf_free(&selector);
    return rc;
}

/* The one with this number; 0: the one before the newest. NULL: there is none. */
static const ir_json *find(const struct revisions *r, int64_t revision)
{
    const ir_json *best = NULL, *second = NULL;
    for (size_t i = 0; i < ir_json_len(r->all); i++) {
        const ir_json *item = ir_json_at(r->all, i);
        int64_t n = number_of(r, item);
        if (revision && n == revision)
            return item;
        if (!best || n > number_of(r, best)) {
            second = best;
            best = item;
        } else if (!second || n > number_of(r, second)) {
            second = item;
        }
    }
    return revision ? NULL : second;
}

/* ---- history --------------------------------------------------------------------------------- */

static int add_row(const struct revisions *r, const ir_json *item, int64_t newest, ir_json *to)
{
    const ir_json *pods = ir_json_path(item, r->sets ? "spec.template.spec.containers"
                                                     : "data.spec.template.spec.containers");
    ir_json *images = ir_json_new_array(), *row = NULL;
    int bad = 0;
    for (size_t i = 0; i < ir_json_len(pods); i++) {
        const char *image = ir_json_str(ir_json_at(pods, i), "image");
        bad |= ir_json_append(images, ir_json_new_string(image ? image : ""));
    }
    row = ir_json_pack("{s:I, s:b, s:s, s:o}", "revision", (long long)number_of(r, item), "current",
                       number_of(r, item) == newest, "name", ir_kube_meta(item, "name"), "images",
                       images);
    bad |= ir_json_puts(row, "cause",
                        ir_json_str(ir_json_path(item, "metadata.annotations"), CAUSE_KEY));
    return bad | ir_json_append(to, row);
}

/* Oldest first. */
static ir_json *history(const struct revisions *r)
{
    ir_json *rows = ir_json_new_array();
    int64_t last = 0, newest = 0;
    int bad = !rows;
    for (size_t i = 0; i < ir_json_len(r->all); i++)
        if (number_of(r, ir_json_at(r->all, i)) > newest)
            newest = number_of(r, ir_json_at(r->all, i));
    while (last < newest && !bad) {
        const ir_json *next = NULL;
        for (size_t i = 0; i < ir_json_len(r->all); i++) {
            const ir_json *item = ir_json_at(r->all, i);
            if (number_of(r, item) > last && (!next || number_of(r, item) < number_of(r, next)))
                next = item;
        }
        bad = add_row(r, next, newest, rows);
        last = number_of(r, next);
    }
    if (!bad)
        return rows;
    ir_json_free(rows);
    return NULL;
}

int ir_kube_rollout_history(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                            ir_json **ret, imgrel_error *err)
{
    struct revisions past = {0};
    ir_json *now = NULL;
    *ret = NULL;
    int rc = read_past(call, k, ns, object, &now, &past, err);
    if (!rc && !(*ret = history(&past)))
        rc = ir_nomem(err);
    ir_json_free(past.all);
    ir_json_free(now);
    return rc;
}

/* ---- undo ------------------------------------------------------------------------------------ */

static ir_json *template_of(const ir_json *set)
{
    ir_json *t = ir_json_copy(ir_json_path(set, "spec.template"));
    ir_json_remove(ir_json_path(t, "metadata.labels"), HASH_LABEL);
    return t;
}

/* What the controllers wrote about one template is not carried to another. */
static bool stays(const char *key)
{
    static const char *const keys[] = {"kubectl.kubernetes.io/last-applied-configuration",
                                       REVISION_KEY,
                                       "deployment.kubernetes.io/revision-history",
                                       "deployment.kubernetes.io/desired-replicas",
                                       "deployment.kubernetes.io/max-replicas",
                                       "deprecated.deployment.rollback.to"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

/* The old template with the annotations that it had, the deployment's own bookkeeping kept. */
static ir_json *deployment_patch(const ir_json *now, const ir_json *set)
{
    const ir_json *from[] = {ir_json_path(now, "metadata.annotations"),
                             ir_json_path(set, "metadata.annotations")};
    ir_json *notes = ir_json_new_object();
    const char *version = ir_kube_meta(now, "resourceVersion");
    int bad = !notes;
    for (int own = 0; own < 2; own++)
        for (void *it = ir_json_first(from[own]); it; it = ir_json_next(from[own], it))
            if (stays(ir_json_key(it)) == !own)
                bad |= ir_json_put(notes, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    if (bad) {
        ir_json_free(notes);
        return NULL;
    }
    return ir_json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:o}, {s:s, s:s, s:o}]", "op", "test", "path",
                        "/metadata/resourceVersion", "value", version ? version : "", "op", "add",
                        "path", "/metadata/annotations", "value", notes, "op", "replace", "path",
                        "/spec/template", "value", template_of(set));
}

static int no_revision(const char *object, int64_t revision, imgrel_error *err)
{
    if (revision)
        ir_fail(err, IMGREL_ENOTFOUND, "%s has no revision %lld", object, (long long)revision);
    else
        ir_fail(err, IMGREL_ENOTFOUND, "%s has no revision before its current one", object);
    return ir_cure(err, "choose one that its history lists"), IMGREL_ENOTFOUND;
}

static int undo_deployment(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                           const ir_json *now, const ir_json *old, const char **ret_change,
                           ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) before = template_of(old), patch = NULL;
    if (ir_json_bool(ir_json_get(now, "spec"), "paused", false)) {
        ir_fail(err, IMGREL_ESTATE, "%s is paused: it cannot be rolled back", object);
        return ir_cure(err, "resume it first (spec.paused: false)"), IMGREL_ESTATE;
    }
    if (before && ir_json_equal(before, ir_json_path(now, "spec.template"))) {
        *ret = ir_json_copy(now);
        return *ret ? 0 : ir_nomem(err);
    }
    *ret_change = "changed";
    patch = deployment_patch(now, old);
    return patch
               ? ir_kube_patch(call, k, ns, object, "application/json-patch+json", patch, ret, err)
               : ir_nomem(err);
}

/* A controller revision holds the patch that leads to it. */
static int undo_set(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                    const ir_json *now, const ir_json *old, const char **ret_change, ir_json **ret,
                    imgrel_error *err)
{
    IR_AUTO(ir_json_p) patch = ir_json_copy(ir_json_get(old, "data"));
    ir_json *template = ir_json_path(patch, "spec.template");
    if (!template)
        return ir_fail(err, IMGREL_EPROTO, "%s: revision %s holds no template", object,
                       ir_kube_meta(old, "name"));
    ir_json_remove(template, "$patch");
    bool same = ir_json_equal(template, ir_json_path(now, "spec.template"));
    if (same) {
        *ret = ir_json_copy(now);
        return *ret ? 0 : ir_nomem(err);
    }
    *ret_change = "changed";
    if (ir_json_puts(template, "$patch", "replace"))
        return ir_nomem(err);
    return ir_kube_patch(call, k, ns, object, "application/strategic-merge-patch+json", patch, ret,
                         err);
}

int ir_kube_rollout_undo(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                         int64_t revision, const char **ret_change, ir_json **ret,
                         imgrel_error *err)
{
    struct revisions past = {0};
    ir_json *now = NULL, *result = NULL;
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    int rc = read_past(call, k, ns, object, &now, &past, err);
    const ir_json *old = rc ? NULL : find(&past, revision);
    if (!rc && !old)
        rc = no_revision(object, revision, err);
    else if (!rc && past.sets)
        rc = undo_deployment(call, k, ns, object, now, old, ret_change, &result, err);
    else if (!rc)
        rc = undo_set(call, k, ns, object, now, old, ret_change, &result, err);
    if (!rc && ret) {
        *ret = result;
        result = NULL;
    }
    ir_json_free(result);
    ir_json_free(past.all);
    ir_json_free(now);
    return rc;
}

/* ---- restart --------------------------------------------------------------------------------- */

int ir_kube_rollout_restart(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                            ir_json **ret, imgrel_error *err)
{
    ir_json *now = NULL, *patch = NULL;
    char when[32];
    int rc = ir_kube_get(call, k, ns, object, &now, err);
    if (rc)
        return rc;
    bool paused = ir_json_bool(ir_json_get(now, "spec"), "paused", false);
    bool has = ir_json_path(now, "spec.template") != NULL;
    ir_json_free(now);
    if (!has)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s has no pods of a template to restart", object);
    if (paused) {
        ir_fail(err, IMGREL_ESTATE, "%s is paused: it cannot be restarted", object);
        return ir_cure(err, "resume it first (spec.paused: false)"), IMGREL_ESTATE;
    }
    ir_rfc3339_format((int64_t)time(NULL), when);
    patch = ir_json_pack("{s:{s:{s:{s:{s:s}}}}}", "spec", "template", "metadata", "annotations",
                         RESTART_KEY, when);
    rc = patch ? ir_kube_patch(call, k, ns, object, "application/merge-patch+json", patch, ret, err)
               : ir_nomem(err);
    ir_json_free(patch);
    return rc;
}
