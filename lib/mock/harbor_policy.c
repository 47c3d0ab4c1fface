/* harbor_policy.c - what a project's policies are: immutable tags (enforced at every push, move and
 * delete) and webhooks (kept, never called). */
#include "mock/harbor.h"

#include <stdlib.h>

/* Each selector must agree: "matches" and "repoMatches" take what fits, "excludes" the rest. */
static bool selected(const ir_json *selectors, const char *name)
{
    for (size_t i = 0; i < ir_json_len(selectors); i++) {
        const ir_json *s = ir_json_at(selectors, i);
        const char *pattern = ir_json_str(s, "pattern"), *how = ir_json_str(s, "decoration");
        bool fits = pattern && mk_glob(pattern, name);
        if (fits == (how && (ir_streq(how, "excludes") || ir_streq(how, "repoExcludes"))))
            return false;
    }
    return ir_json_len(selectors) > 0;
}

/* ---- immutable tags -------------------------------------------------------------------------- */

bool mk_immutable(const struct mk_harbor *h, const ir_json *repository, const char *tag)
{
    const ir_json *all = mk_part(h, "immutable_rules");
    const char *name = ir_json_str(repository, "name"), *slash = name ? strchr(name, '/') : NULL;
    for (void *it = ir_json_first(all); slash && tag && it; it = ir_json_next(all, it)) {
        const ir_json *rule = ir_json_value(it);
        if (ir_json_int(rule, "project_id", 0) == ir_json_int(repository, "project_id", -1) &&
            !ir_json_bool(rule, "disabled", false) &&
            selected(ir_json_path(rule, "scope_selectors.repository"), slash + 1) &&
            selected(ir_json_get(rule, "tag_selectors"), tag))
            return true;
    }
    return false;
}

static void refuse(const ir_json *repository, const char *tag, mk_reply *p)
{
    mk_error(p, 412, "PRECONDITION",
             "Failed to process request due to '%s:%s' configured as immutable.",
             ir_json_str(repository, "name"), tag);
}

bool mk_immutable_check(imgrel_mock *m, const ir_json *repository, const ir_json *artifact,
                        const char *tag, mk_reply *p)
{
    const ir_json *tags = ir_json_get(repository, "tags");
    const char *digest = ir_json_str(artifact, "digest");
    for (void *it = ir_json_first(tags); it; it = ir_json_next(tags, it)) {
        const char *name = ir_json_key(it), *of = ir_json_str(ir_json_value(it), "digest");
        if ((tag ? ir_streq(name, tag) : !artifact || ir_streq(of, digest)) &&
            mk_immutable(m->harbor, repository, name)) {
            refuse(repository, name, p);
            return false;
        }
    }
    return true;
}

static bool rule_is_new(mk_call *c, const ir_json *item)
{
    static const char *const parts[] = {"tag_selectors", "scope_selectors", NULL};
    const ir_json *all = mk_part(c->h, "immutable_rules");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *other = ir_json_value(it);
        bool same = ir_json_int(other, "project_id", 0) == ir_json_int(item, "project_id", -1) &&
                    ir_json_int(other, "id", 0) != ir_json_int(item, "id", -1);
        for (const char *const *k = parts; same && *k; k++) {
            const ir_json *a = ir_json_get(other, *k), *b = ir_json_get(item, *k);
            same = (!a && !b) || (a && b && ir_json_equal(a, b));
        }
        if (!same)
            continue;
        mk_error(c->p, 409, "CONFLICT", "immutable tag rule already exists");
        return false;
    }
    return true;
}

/* An empty rule is taken as it is. */
static bool check_rule(mk_call *c, ir_json *item, const ir_json *old)
{
    (void)old;
    if (!ir_json_get(item, "priority"))
        ir_json_put(item, "priority", ir_json_new_int(0));
    return rule_is_new(c, item);
}

/* A disabled that is false is left out. */
static ir_json *render_rule(mk_call *c, const ir_json *item)
{
    ir_json *j = mk_render_copy(c, item);
    if (!ir_json_bool(j, "disabled", false))
        ir_json_remove(j, "disabled");
    ir_json_remove(j, "project_id");
    ir_json_remove(j, "creation_time");
    ir_json_remove(j, "update_time");
    return j;
}

static const mk_column id_columns[] = {{"id,ID", "id"}, {NULL, NULL}};
static const mk_resource immutable_rules = {
    .part = "immutable_rules",
    .noun = "immutable rule",
    .right = "immutable-tag",
    .keys = "disabled,priority,action,template,tag_selectors,scope_selectors,params",
    .project = true,
    .columns = id_columns,
    .order = "-id",
    .check = check_rule,
    .render = render_rule,
};

/* ---- webhooks -------------------------------------------------------------------------------- */

static const char *const events[] = {"DELETE_ARTIFACT",
                                     "PULL_ARTIFACT",
                                     "PUSH_ARTIFACT",
                                     "QUOTA_EXCEED",
                                     "QUOTA_WARNING",
                                     "REPLICATION",
                                     "SCANNING_FAILED",
                                     "SCANNING_COMPLETED",
                                     "SCANNING_STOPPED",
                                     "TAG_RETENTION",
                                     NULL};

static bool event_known(const char *name)
{
    for (const char *const *e = events; *e; e++)
        if (ir_streq(*e, name))
            return true;
    return false;
}

static bool check_targets(mk_call *c, const ir_json *targets)
{
    for (size_t i = 0; i < ir_json_len(targets); i++) {
        const ir_json *t = ir_json_at(targets, i);
        const char *type = ir_json_str(t, "type"), *address = ir_json_str(t, "address");
        if (!ir_streq(type, "http") && !ir_streq(type, "slack")) {
            mk_error_bad(c, "unsupported notification type %s with type", type ? type : "");
            return false;
        }
        if (!address || !*address) {
            mk_error_bad(c, "target address is empty");
            return false;
        }
    }
    return true;
}

static bool check_webhook(mk_call *c, ir_json *item, const ir_json *old)
{
    const ir_json *targets = ir_json_get(item, "targets"),
                  *types = ir_json_get(item, "event_types");
    if (!ir_json_len(targets))
        mk_error_bad(c, "empty notification target with policy %s",
                     ir_json_str(item, "name") ? ir_json_str(item, "name") : "");
    else if (!ir_json_len(types))
        mk_error_bad(c, "empty event type");
    for (size_t i = 0; !c->p->status && i < ir_json_len(types); i++) {
        const char *type = ir_json_text(ir_json_at(types, i));
        if (!type || !event_known(type))
            mk_error_bad(c, "unsupported event type %s", type ? type : "");
    }
    if (c->p->status || !check_targets(c, targets))
        return false;
    if (!old)
        ir_json_puts(item, "creator", c->who->name);
    if (!ir_json_get(item, "enabled"))
        ir_json_put(item, "enabled", ir_json_new_bool(false));
    return true;
}

static void webhook_events(mk_call *c)
{
    ir_json *project, *types = ir_json_new_array();
    for (const char *const *e = events; *e; e++)
        ir_json_append(types, ir_json_new_string(*e));
    if (mk_need_project(c, false, "notification-policy", "read", &project))
        mk_reply_json(c->p, 200,
                      ir_json_pack("{s:o, s:[s, s]}", "event_type", ir_json_ref(types),
                                   "notify_type", "http", "slack"));
    ir_json_free(types);
}

static const mk_column webhook_columns[] = {
    {"id,ID", "id"}, {"name,Name", "name"}, {"enabled,Enabled", "enabled"}, {NULL, NULL}};
static const mk_resource webhooks = {
    .part = "webhooks",
    .noun = "webhook policy",
    .right = "notification-policy",
    .keys = "name,description,targets,event_types,enabled",
    .project = true,
    .columns = webhook_columns,
    .order = "-id",
    .check = check_webhook,
};

static const mk_shape rule_shape[] = {{"disabled", 'b'},        {"action", 's'},
                                      {"template", 's'},        {"tag_selectors", 'a'},
                                      {"scope_selectors", 'o'}, {NULL, 0}};
static const mk_shape webhook_shape[] = {
    {"name", 's'}, {"targets", 'a'}, {"event_types", 'a'}, {"enabled", 'b'}, {NULL, 0}};
#define RULES "projects/{}/immutabletagrules"
#define HOOKS "projects/{}/webhook/policies"

const mk_route mk_policy_routes[] = {
    {"GET", RULES, mk_resource_list, NULL, NULL, &immutable_rules},
    {"POST", RULES, mk_resource_create, "ImmutableRule", rule_shape, &immutable_rules},
    {"PUT", RULES "/{}", mk_resource_update, "ImmutableRule", rule_shape, &immutable_rules},
    {"DELETE", RULES "/{}", mk_resource_delete, NULL, NULL, &immutable_rules},
    {"GET", "projects/{}/webhook/events", webhook_events, NULL, NULL, NULL},
    {"GET", HOOKS, mk_resource_list, NULL, NULL, &webhooks},
    {"POST", HOOKS, mk_resource_create, "policy", webhook_shape, &webhooks},
    {"GET", HOOKS "/{}", mk_resource_get, NULL, NULL, &webhooks},
    {"PUT", HOOKS "/{}", mk_resource_update, "policy", webhook_shape, &webhooks},
    {"DELETE", HOOKS "/{}", mk_resource_delete, NULL, NULL, &webhooks},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
