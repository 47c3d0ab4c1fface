/* discover.c - what kinds a cluster has. Servers from 1.26 on tell all in two documents; older ones
 * (and those that do not know the offer) are asked group by group, where one that fails, because
 * the program behind it is down, is left out with a warning. */
#include "base/limits.h"
#include "kube/inside.h"

#include <stdlib.h>
#include <strings.h>

#define ACCEPT                                                                   \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"      \
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList," \
    "application/json"

void ir_kube_kinds_free(ir_kube_kinds *all)
{
    while (all) {
        ir_kube_kinds *older = all->older;
        for (size_t i = 0; i < all->n; i++) {
            const char *texts[] = {all->v[i].singular, all->v[i].plural, all->v[i].brief,
                                   all->v[i].kind, all->v[i].version};
            for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
                free((char *)(uintptr_t)texts[j]);
        }
        free(all->v);
        free(all);
        all = older;
    }
}

/* "a,b" of a list of texts. */
static char *join(const ir_json *list)
{
    ir_buf out = IR_BUF(4096);
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *word = ir_json_text(ir_json_at(list, i));
        if (word && *word)
            ir_buf_addf(&out, "%s%s", out.len ? "," : "", word);
    }
    return out.len ? ir_buf_take(&out) : ir_strdup("");
}

/* Members of the one shape or the other: "resource" or "name", and so on. */
static const char *either(const ir_json *j, const char *a, const char *b)
{
    const char *s = ir_json_str(j, a);
    return s ? s : ir_json_str(j, b);
}

static int add_kind(ir_kube_kinds *all, const ir_json *r, const char *version, imgrel_error *err)
{
    const char *plural = either(r, "resource", "name");
    const char *singular = either(r, "singularResource", "singularName");
    const char *kind = ir_json_str(ir_json_get(r, "responseKind"), "kind");
    kind = kind ? kind : ir_json_str(r, "kind");
    if (!plural || !*plural || strchr(plural, '/') || !kind)
        return 0; /* a part of another, or nothing that we could name */
    if (all->n >= IR_KUBE_KINDS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "the cluster has over %d kinds", IR_KUBE_KINDS_MAX);
    ir_kube_kind *grown = realloc(all->v, (all->n + 1) * sizeof *grown);
    if (!grown)
        return ir_nomem(err);
    all->v = grown;
    all->v[all->n] = (ir_kube_kind){
        .singular = ir_strdup(singular ? singular : ""),
        .plural = ir_strdup(plural),
        .brief = join(ir_json_get(r, "shortNames")),
        .kind = ir_strdup(kind),
        .version = ir_strdup(version),
        .cluster_wide = !ir_streq(ir_json_str(r, "scope"), "Namespaced") &&
                        !ir_json_bool(r, "namespaced", false),
    };
    const ir_kube_kind *k = &all->v[all->n++];
    return k->singular && k->plural && k->brief && k->kind && k->version ? 0 : ir_nomem(err);
}

static int add_resources(ir_kube_kinds *all, const ir_json *list, const char *version,
                         imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < ir_json_len(list) && !rc; i++)
        rc = add_kind(all, ir_json_at(list, i), version, err);
    return rc;
}

static int ask(const ir_call *call, ir_kube *k, const char *path, ir_json **ret, imgrel_error *err)
{
    ir_request req = {.accept = ACCEPT};
    ir_reply reply = {0};
    *ret = NULL;
    int rc = ir_kube_do(call, k, &req, path, &reply, err);
    if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(k, &req, path, &reply, err);
    if (!rc)
        rc = ir_kube_body(k, &reply, ret, err);
    ir_reply_free(&reply);
    return rc;
}

/* ---- all in one document --------------------------------------------------------------------- */

static int add_groups(ir_kube_kinds *all, const ir_json *doc, imgrel_error *err)
{
    const ir_json *items = ir_json_get(doc, "items");
    int rc = 0;
    for (size_t i = 0; i < ir_json_len(items) && !rc; i++) {
        const ir_json *item = ir_json_at(items, i), *versions = ir_json_get(item, "versions");
        const char *group = ir_kube_meta(item, "name");
        for (size_t j = 0; j < ir_json_len(versions) && !rc; j++) {
            const ir_json *v = ir_json_at(versions, j);
            const char *version = ir_json_str(v, "version");
            char *full = group && *group ? ir_format("%s/%s", group, version ? version : "")
                                         : ir_strdup(version ? version : "");
            rc = full ? add_resources(all, ir_json_get(v, "resources"), full, err) : ir_nomem(err);
            free(full);
        }
    }
    return rc;
}

/* ---- group by group -------------------------------------------------------------------------- */

static int add_version(const ir_call *call, ir_kube *k, ir_kube_kinds *all, const char *prefix,
                       const char *version, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *doc = NULL;
    char *path = version ? ir_format("%s/%s", prefix, version) : NULL;
    int rc = path ? ask(call, k, path, &doc, &why) : 0;
    if (!rc)
        rc = add_resources(all, ir_json_get(doc, "resources"), version, &why);
    else if (rc == IMGREL_ENOTFOUND || rc == IMGREL_EDENIED || rc == IMGREL_EFAILED) {
        ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "kube", "a group of kinds is left out",
                   "group", version, "why", why.message, NULL);
        rc = 0;
    }
    free(path);
    ir_json_free(doc);
    return rc ? ir_kube_pass(err, &why) : 0;
}

/* The version that the group prefers comes first. */
static int add_group(const ir_call *call, ir_kube *k, ir_kube_kinds *all, const ir_json *group,
                     imgrel_error *err)
{
    const ir_json *versions = ir_json_get(group, "versions");
    const char *best = ir_json_str(ir_json_get(group, "preferredVersion"), "groupVersion");
    int rc = add_version(call, k, all, "/apis", best, err);
    for (size_t i = 0; i < ir_json_len(versions) && !rc; i++) {
        const char *version = ir_json_str(ir_json_at(versions, i), "groupVersion");
        if (!ir_streq(version, best))
            rc = add_version(call, k, all, "/apis", version, err);
    }
    return rc;
}

static int add_document(const ir_call *call, ir_kube *k, ir_kube_kinds *all, const char *path,
                        imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *doc = NULL;
    int rc = ask(call, k, path, &doc, &why);
    if (rc)
        return rc == IMGREL_ENOTFOUND ? 0 : ir_kube_pass(err, &why); /* it has none to tell of */
    const ir_json *versions = ir_json_get(doc, "versions"), *groups = ir_json_get(doc, "groups");
    if (!rc && ir_streq(ir_json_str(doc, "kind"), "APIGroupDiscoveryList"))
        rc = add_groups(all, doc, err);
    for (size_t i = 0; i < ir_json_len(versions) && !rc; i++)
        rc = add_version(call, k, all, "/api", ir_json_text(ir_json_at(versions, i)), err);
    for (size_t i = 0; i < ir_json_len(groups) && !rc; i++)
        rc = add_group(call, k, all, ir_json_at(groups, i), err);
    ir_json_free(doc);
    return rc;
}

static bool same(const ir_kube_kinds *a, const ir_kube_kinds *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = !strcmp(a->v[i].plural, b->v[i].plural) &&
               !strcmp(a->v[i].version, b->v[i].version) && !strcmp(a->v[i].brief, b->v[i].brief);
    return same;
}

int ir_kube_discover(const ir_call *call, ir_kube *k, bool fresh, const ir_kube_kinds **ret,
                     imgrel_error *err)
{
    imgrel_error why = {0};
    *ret = k->kinds;
    if (k->kinds && !fresh) {
        k->kinds->new = false;
        return 0;
    }
    ir_kube_kinds *all = calloc(1, sizeof *all);
    if (!all)
        return ir_nomem(err);
    int rc = add_document(call, k, all, "/api", &why);
    if (!rc)
        rc = add_document(call, k, all, "/apis", &why);
    if (rc) {
        ir_kube_kinds_free(all);
        ir_error_prefix(&why, "which kinds there are");
        return ir_kube_pass(err, &why);
    }
    if (k->kinds && same(all, k->kinds)) {
        ir_kube_kinds_free(all);
        k->kinds->new = true;
        return 0;
    }
    all->new = true;
    all->older = k->kinds; /* what points into it may be in use */
    *ret = k->kinds = all;
    return 0;
}
