/* kube_do.c - imgrel_kube_do: one table of actions, each a few lines on lib/kube, with its JSON
 * read strictly by a table of its own. */
#include "api/kube.h"
#include "base/str.h"
#include "run/explain.h"

#include <stddef.h>
#include <stdlib.h>

/* One deed under way. */
struct deed {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *object, *json;
    ir_json *doc;       /* json, read */
    const char *change; /* NULL: nothing to tell */
    ir_json *ret;
};
typedef int deed_fn(struct deed *d, imgrel_error *err);

static int read_spec(struct deed *d, const char *what, const ir_json_row *rows, void *ret,
                     imgrel_error *err)
{
    return ir_api_kube_spec(d->json, what, rows, &d->doc, ret, err);
}

/* ---- manifests ------------------------------------------------------------------------------- */

struct removal {
    const char *propagation;
    int64_t grace_s;
    bool wait;
};
static const ir_json_row removal_rows[] = {
    {"propagation", IR_J_STRING, offsetof(struct removal, propagation), 0},
    {"grace_seconds", IR_J_INT, offsetof(struct removal, grace_s), 0},
    {"wait", IR_J_BOOL, offsetof(struct removal, wait), 0},
    {NULL, IR_J_STRING, 0, 0}};

/* Takes "manifest" out of the document: text, an object or an array of them. NULL: there is none.
 */
static int take_manifest(struct deed *d, ir_json **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    *ret = NULL;
    int rc = d->json ? ir_json_parse(d->json, strlen(d->json), "json", &d->doc, &why) : 0;
    if (rc)
        return ir_fail(err, rc == IMGREL_ENOMEM ? rc : IMGREL_EINVAL, "%s", why.message);
    const ir_json *m = ir_json_get(d->doc, "manifest");
    char *text = !m                     ? NULL
                 : ir_json_is_string(m) ? ir_strdup(ir_json_text(m))
                                        : ir_json_string(m, IR_JSON_COMPACT);
    if (m)
        rc = text ? ir_kube_manifest_read(text, strlen(text), ret, err) : ir_nomem(err);
    ir_free_secret(text);
    ir_json_remove(d->doc, "manifest");
    return rc;
}

static int need_manifest(struct deed *d, ir_json **ret, imgrel_error *err)
{
    int rc = take_manifest(d, ret, err);
    if (!rc && !*ret)
        rc = ir_fail(err, IMGREL_EINVAL, "a manifest must be given");
    if (!rc && (d->object || ir_json_len(d->doc)))
        rc = ir_fail(err, IMGREL_EINVAL, "only a manifest may be given");
    return rc;
}

static int do_apply(struct deed *d, imgrel_error *err)
{
    IR_AUTO(ir_json_p) objects = NULL;
    int rc = need_manifest(d, &objects, err);
    return rc ? rc : ir_kube_apply_all(d->call, d->k, d->ns, objects, &d->ret, err);
}

static int do_create(struct deed *d, imgrel_error *err)
{
    IR_AUTO(ir_json_p) objects = NULL;
    int rc = need_manifest(d, &objects, err);
    if (!rc && !(d->ret = ir_json_new_array()))
        rc = ir_nomem(err);
    for (size_t i = 0; i < ir_json_len(objects) && !rc; i++) {
        ir_json *now = NULL;
        rc = ir_kube_create(d->call, d->k, d->ns, ir_json_at(objects, i), &now, err);
        if (!rc &&
            (ir_json_puts(now, "imgrel", "created") || ir_json_append(d->ret, ir_json_ref(now))))
            rc = ir_nomem(err);
        ir_json_free(now);
    }
    return rc;
}

static const char *propagation_word(const char *s)
{
    return ir_streq(s, "background")   ? "Background"
           : ir_streq(s, "foreground") ? "Foreground"
           : ir_streq(s, "orphan")     ? "Orphan"
                                       : s;
}

static int delete_one(struct deed *d, const char *ns, const char *object,
                      const ir_kube_removal *how, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_kube_remove(d->call, d->k, ns, object, how, &why);
    bool gone = rc == IMGREL_ENOTFOUND && !d->object; /* of a manifest: it is as it was wished */
    if (rc && !gone) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    ir_json *row =
        ir_json_pack("{s:s, s:s}", "object", object, "imgrel", gone ? "unchanged" : "deleted");
    return ir_json_append(d->ret, row) ? ir_nomem(err) : 0;
}

/* Kind.GROUP/name, so that kinds of the same name are told apart. */
static char *name_of(const ir_json *object)
{
    const char *kind = ir_json_str(object, "kind"), *version = ir_json_str(object, "apiVersion");
    const char *name = ir_json_str(ir_json_get(object, "metadata"), "name");
    const char *slash = version ? strchr(version, '/') : NULL;
    return ir_format("%s%s%.*s/%s", kind ? kind : "", slash ? "." : "",
                     slash ? (int)(slash - version) : 0, version ? version : "", name ? name : "");
}

static int do_delete(struct deed *d, imgrel_error *err)
{
    IR_AUTO(ir_json_p) objects = NULL, back = NULL, rest = NULL;
    struct removal r = {.propagation = "background", .grace_s = -1, .wait = true};
    int rc = take_manifest(d, &objects, err);
    if (!rc && d->doc)
        rc = ir_json_decode(d->doc, removal_rows, true, "delete", &r, err);
    if (!rc && !objects == !d->object)
        rc = ir_fail(err, IMGREL_EINVAL, "an object or a manifest must be given, and not both");
    if (!rc && !(d->ret = ir_json_new_array()))
        rc = ir_nomem(err);
    const ir_kube_removal how = {
        .propagation = propagation_word(r.propagation), .grace_s = r.grace_s, .no_wait = !r.wait};
    if (!rc && d->object)
        return delete_one(d, d->ns, d->object, &how, err);
    if (!rc && !(back = ir_kube_manifest_sort(objects, true)))
        rc = ir_nomem(err);
    for (size_t i = 0; i < ir_json_len(back) && !rc; i++) {
        const ir_json *one = ir_json_at(back, i);
        const char *ns = ir_json_str(ir_json_get(one, "metadata"), "namespace");
        char *object = name_of(one);
        rc = object ? delete_one(d, ns ? ns : d->ns, object, &how, err) : ir_nomem(err);
        free(object);
    }
    return rc;
}

/* ---- one object ------------------------------------------------------------------------------ */

static const char *content_type(const char *word)
{
    return ir_streq(word, "merge")       ? "application/merge-patch+json"
           : ir_streq(word, "strategic") ? "application/strategic-merge-patch+json"
           : ir_streq(word, "json")      ? "application/json-patch+json"
                                         : NULL;
}

static int do_patch(struct deed *d, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = d->json ? ir_json_parse(d->json, strlen(d->json), "json", &d->doc, &why)
                     : ir_fail(&why, IMGREL_EINVAL, "a patch must be given");
    if (rc)
        return ir_fail(err, rc == IMGREL_ENOMEM ? rc : IMGREL_EINVAL, "%s", why.message);
    const ir_json *patch = ir_json_get(d->doc, "patch");
    const char *word = ir_json_str(d->doc, "type");
    const char *type = content_type(word ? word : ir_json_is_array(patch) ? "json" : "merge");
    if (!type)
        return ir_fail(err, IMGREL_EINVAL, "patch type \"%s\": merge, strategic and json are known",
                       word);
    if (!patch || ir_json_len(d->doc) > (word ? 2 : 1))
        return ir_fail(err, IMGREL_EINVAL, "{\"patch\": ..., \"type\": ...} must be given");
    return ir_kube_patch(d->call, d->k, d->ns, d->object, type, patch, &d->ret, err);
}

static int do_pull_secrets(struct deed *d, imgrel_error *err)
{
    struct names {
        const ir_json *add, *remove;
    } n = {NULL, NULL};
    static const ir_json_row rows[] = {{"add", IR_J_ARRAY, offsetof(struct names, add), 0},
                                       {"remove", IR_J_ARRAY, offsetof(struct names, remove), 0},
                                       {NULL, IR_J_STRING, 0, 0}};
    int rc = read_spec(d, "pull secrets", rows, &n, err);
    const char *slash = strchr(d->object, '/');
    bool account = ir_starts(d->object, "serviceaccount/") || ir_starts(d->object, "sa/") ||
                   ir_starts(d->object, "serviceaccounts/");
    if (!rc && (!account || !slash[1]))
        rc = ir_fail(err, IMGREL_EINVAL, "\"%s\" is no serviceaccount/NAME", d->object);
    return rc ? rc
              : ir_kube_account_secrets(d->call, d->k, d->ns, slash + 1, n.add, n.remove,
                                        &d->change, &d->ret, err);
}

static int do_run(struct deed *d, imgrel_error *err)
{
    ir_pod_spec s = {.name = strchr(d->object, '/')};
    bool pod = ir_starts(d->object, "pod/"), deployment = ir_starts(d->object, "deployment/");
    int rc = ir_api_kube_pod_spec(d->json, &d->doc, &s, err);
    if (rc)
        return rc;
    if (!pod && !deployment)
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is neither pod/NAME nor deployment/NAME",
                       d->object);
    s.name++;
    return pod ? ir_kube_pod_run(d->call, d->k, d->ns, &s, &d->change, &d->ret, err)
               : ir_kube_deployment_run(d->call, d->k, d->ns, &s, &d->change, &d->ret, err);
}

static int do_expose(struct deed *d, imgrel_error *err)
{
    static const ir_json_row rows[] = {{"name", IR_J_STRING, offsetof(ir_expose_spec, name), 0},
                                       {"type", IR_J_STRING, offsetof(ir_expose_spec, type), 0},
                                       {"ports", IR_J_ARRAY, offsetof(ir_expose_spec, ports), 0},
                                       {"labels", IR_J_OBJECT, offsetof(ir_expose_spec, labels), 0},
                                       {NULL, IR_J_STRING, 0, 0}};
    ir_expose_spec s = {.name = NULL};
    int rc = read_spec(d, "expose", rows, &s, err);
    return rc ? rc
              : ir_kube_service_expose(d->call, d->k, d->ns, d->object, &s, &d->change, &d->ret,
                                       err);
}

/* ---- rollouts -------------------------------------------------------------------------------- */

static int do_wait(struct deed *d, imgrel_error *err)
{
    return ir_kube_rollout_wait(d->call, d->k, d->ns, d->object, ir_explain, &d->ret, err);
}

static int do_history(struct deed *d, imgrel_error *err)
{
    return ir_kube_rollout_history(d->call, d->k, d->ns, d->object, &d->ret, err);
}

static int do_undo(struct deed *d, imgrel_error *err)
{
    static const ir_json_row rows[] = {{"revision", IR_J_INT, 0, 0}, {NULL, IR_J_STRING, 0, 0}};
    int64_t revision = 0;
    int rc = read_spec(d, "undo", rows, &revision, err);
    if (!rc && revision < 0)
        rc = ir_fail(err, IMGREL_EINVAL, "revision %lld is none", (long long)revision);
    return rc ? rc
              : ir_kube_rollout_undo(d->call, d->k, d->ns, d->object, revision, &d->change, &d->ret,
                                     err);
}

static int do_restart(struct deed *d, imgrel_error *err)
{
    d->change = "changed";
    return ir_kube_rollout_restart(d->call, d->k, d->ns, d->object, &d->ret, err);
}

static int patch_with(struct deed *d, const char *type, ir_json *patch, imgrel_error *err)
{
    int rc = patch ? ir_kube_patch(d->call, d->k, d->ns, d->object, content_type(type), patch,
                                   &d->ret, err)
                   : ir_nomem(err);
    ir_json_free(patch);
    d->change = "changed";
    return rc;
}

static int do_scale(struct deed *d, imgrel_error *err)
{
    static const ir_json_row rows[] = {{"replicas", IR_J_INT, 0, IR_J_REQUIRED},
                                       {NULL, IR_J_STRING, 0, 0}};
    int64_t n = 0;
    int rc = read_spec(d, "scale", rows, &n, err);
    if (!rc && (!d->doc || n < 0))
        rc = ir_fail(err, IMGREL_EINVAL, "how many replicas?");
    return rc ? rc
              : patch_with(d, "merge", ir_json_pack("{s:{s:I}}", "spec", "replicas", (long long)n),
                           err);
}

/* The name of the only container, for who does not say which. */
static int only_container(const ir_json *pods, const char *object, const char **ret,
                          imgrel_error *err)
{
    const ir_json *all = ir_json_get(pods, "containers");
    if (ir_json_len(all) != 1)
        return ir_fail(err, IMGREL_EINVAL, "%s has %zu containers: say which", object,
                       ir_json_len(all));
    *ret = ir_json_str(ir_json_at(all, 0), "name");
    return 0;
}

static int do_image(struct deed *d, imgrel_error *err)
{
    struct image {
        const char *image, *container;
    } s = {NULL, NULL};
    static const ir_json_row rows[] = {
        {"image", IR_J_STRING, offsetof(struct image, image), IR_J_REQUIRED},
        {"container", IR_J_STRING, offsetof(struct image, container), 0},
        {NULL, IR_J_STRING, 0, 0}};
    IR_AUTO(ir_json_p) have = NULL;
    int rc = read_spec(d, "image", rows, &s, err);
    if (!rc && !d->doc)
        rc = ir_fail(err, IMGREL_EINVAL, "which image?");
    if (!rc)
        rc = ir_kube_get(d->call, d->k, d->ns, d->object, &have, err);
    const ir_json *template = ir_json_path(have, "spec.template.spec");
    if (!rc && !s.container)
        rc = only_container(template ? template : ir_json_get(have, "spec"), d->object,
                            &s.container, err);
    if (rc)
        return rc;
    ir_json *inner = ir_json_pack("{s:{s:[{s:s, s:s}]}}", "spec", "containers", "name", s.container,
                                  "image", s.image);
    return patch_with(d, "strategic",
                      template ? ir_json_pack("{s:{s:o}}", "spec", "template", inner) : inner, err);
}

/* ---- what there is --------------------------------------------------------------------------- */

static int do_table(struct deed *d, imgrel_error *err)
{
    static const ir_json_row rows[] = {{"selector", IR_J_STRING, 0, 0}, {NULL, IR_J_STRING, 0, 0}};
    const char *selector = NULL;
    int rc = read_spec(d, "table", rows, &selector, err);
    return rc ? rc : ir_kube_table(d->call, d->k, d->ns, d->object, selector, &d->ret, err);
}

static int do_kinds(struct deed *d, imgrel_error *err)
{
    return ir_kube_kinds_list(d->call, d->k, &d->ret, err);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define OBJECT 1u /* it must be named */
#define NO_SPEC 2u
static const struct {
    const char *name;
    deed_fn *fn;
    unsigned flags;
} actions[] = {{"apply", do_apply, 0},
               {"create", do_create, 0},
               {"delete", do_delete, 0},
               {"patch", do_patch, OBJECT},
               {"pull_secrets", do_pull_secrets, OBJECT},
               {"run", do_run, OBJECT},
               {"expose", do_expose, OBJECT},
               {"wait", do_wait, OBJECT | NO_SPEC},
               {"history", do_history, OBJECT | NO_SPEC},
               {"undo", do_undo, OBJECT},
               {"restart", do_restart, OBJECT | NO_SPEC},
               {"scale", do_scale, OBJECT},
               {"image", do_image, OBJECT},
               {"table", do_table, OBJECT},
               {"kinds", do_kinds, NO_SPEC}};
#define N_ACTIONS (sizeof actions / sizeof *actions)

static int act(struct deed *d, const char *action, imgrel_error *err)
{
    for (size_t i = 0; i < N_ACTIONS; i++) {
        if (!ir_streq(actions[i].name, action))
            continue;
        if ((actions[i].flags & OBJECT) && (!d->object || !*d->object))
            return ir_fail(err, IMGREL_EINVAL, "%s: the object is not named", action);
        if ((actions[i].flags & NO_SPEC) && d->json)
            return ir_fail(err, IMGREL_EINVAL, "%s takes no JSON", action);
        return actions[i].fn(d, err);
    }
    ir_fail(err, IMGREL_EINVAL, "there is no action \"%s\"", action ? action : "");
    return ir_cure(err, "known are apply, create, delete, patch, pull_secrets, run, expose, wait, "
                        "history, undo, restart, scale, image, table and kinds"),
           IMGREL_EINVAL;
}

int imgrel_kube_do(imgrel_kube *k, const char *ns, const char *object, const char *action,
                   const char *json, const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_call call;
    struct deed d = {.call = &call, .ns = ns, .object = object, .json = json};
    if (ret_json)
        *ret_json = NULL;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (rc)
        return rc;
    d.k = k->kube;
    rc = act(&d, action, err);
    if (!rc && d.change && d.ret && ir_json_puts(d.ret, "imgrel", d.change))
        rc = ir_nomem(err);
    if (!rc && ret_json && !(*ret_json = ir_json_string(d.ret, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(d.ret);
    ir_json_free(d.doc);
    return rc;
}

/* ---- watch ----------------------------------------------------------------------------------- */

struct watch {
    ir_kube *kube;
    ir_kube_changes *changes;
    char *item;
};

static int watch_next(const ir_call *call, void *state, const char **ret, imgrel_error *err)
{
    struct watch *w = state;
    ir_json *j = NULL;
    int rc = ir_kube_changes_next(call, w->kube, w->changes, &j, err);
    free(w->item);
    w->item = NULL;
    if (rc == 1 && !(w->item = ir_json_string(j, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(j);
    *ret = w->item;
    return rc;
}

static void watch_free(void *state)
{
    struct watch *w = state;
    ir_kube_changes_free(w->changes);
    free(w->item);
    free(w);
}

int imgrel_kube_watch(imgrel_kube *k, const char *ns, const char *what, const char *spec,
                      const imgrel_opts *o, imgrel_iter **out, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"selector", IR_J_STRING, offsetof(ir_changes_spec, selector), 0},
        {"field_selector", IR_J_STRING, offsetof(ir_changes_spec, fields), 0},
        {"resource_version", IR_J_STRING, offsetof(ir_changes_spec, version), 0},
        {"stall_seconds", IR_J_INT, offsetof(ir_changes_spec, stall_s), 0},
        {NULL, IR_J_STRING, 0, 0}};
    static const ir_iter_ops ops = {watch_next, watch_free};
    ir_call call;
    ir_changes_spec s = {.selector = NULL};
    ir_json *doc = NULL;
    struct watch *w = NULL;
    if (!out || !what)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_kube_watch: NULL");
    *out = NULL;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_api_kube_spec(spec, "watch", rows, &doc, &s, err);
    if (!rc && !(w = calloc(1, sizeof *w)))
        rc = ir_nomem(err);
    if (!rc) {
        w->kube = k->kube;
        rc = ir_kube_changes_open(&call, k->kube, ns, what, &s, &w->changes, err);
    }
    ir_json_free(doc);
    if (!rc)
        return ir_iter_new(k->client, o, &ops, w, out, err);
    if (w)
        watch_free(w);
    return rc;
}
