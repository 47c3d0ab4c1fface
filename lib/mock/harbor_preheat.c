/* harbor_preheat.c - preheating: instances of a provider, and a project's policies. They are kept
 * and listed; the mock warms nothing. */
#include "mock/harbor.h"

static const mk_column columns[] = {{"id,ID", "id"}, {"name,Name", "name"}, {NULL, NULL}};

static void flag(ir_json *item, const char *key, bool dflt)
{
    if (!ir_json_get(item, key))
        ir_json_put(item, key, ir_json_new_bool(dflt));
}

static bool check_name(mk_call *c, const ir_json *item)
{
    const char *name = ir_json_str(item, "name");
    if (name && *name)
        return true;
    mk_error_bad(c, "the name is empty");
    return false;
}

static bool check_instance(mk_call *c, ir_json *item, const ir_json *old)
{
    const char *vendor = ir_json_str(item, "vendor"), *endpoint = ir_json_str(item, "endpoint");
    (void)old;
    if (!check_name(c, item))
        return false;
    if (!ir_streq(vendor, "dragonfly") && !ir_streq(vendor, "kraken"))
        mk_error_bad(c, "provider %s not supported", vendor ? vendor : "");
    else if (!endpoint || !strstr(endpoint, "://"))
        mk_error_bad(c, "invalid endpoint: %s", endpoint ? endpoint : "");
    flag(item, "enabled", true);
    flag(item, "default", false);
    flag(item, "insecure", false);
    if (!ir_json_get(item, "auth_mode"))
        ir_json_puts(item, "auth_mode", "NONE");
    ir_json_puts(item, "status", "Healthy");
    return !c->p->status;
}

static ir_json *render_instance(mk_call *c, const ir_json *item)
{
    ir_json *j = mk_render_copy(c, item);
    ir_json_remove(j, "auth_info");
    return j;
}

static bool check_policy(mk_call *c, ir_json *item, const ir_json *old)
{
    int64_t provider = ir_json_int(item, "provider_id", 0);
    const ir_json *instance = mk_by_id(mk_part(c->h, "preheat_instances"), provider);
    (void)old;
    if (!check_name(c, item))
        return false;
    if (!instance) {
        mk_error_missing(c, "instance %lld not found", (long long)provider);
        return false;
    }
    ir_json_puts(item, "provider_name", ir_json_str(instance, "name"));
    flag(item, "enabled", false);
    return true;
}

static const mk_resource instances = {
    .part = "preheat_instances",
    .noun = "instance",
    .right = "preheat-instance",
    .keys = "name,description,vendor,endpoint,auth_mode,auth_info,enabled,default,insecure",
    .named = true,
    .columns = columns,
    .order = "-id",
    .check = check_instance,
    .render = render_instance,
};
static const mk_resource policies = {
    .part = "preheat_policies",
    .noun = "preheat policy",
    .right = "preheat-policy",
    .keys = "name,description,provider_id,filters,trigger,enabled,scope,extra_attrs",
    .project = true,
    .named = true,
    .columns = columns,
    .order = "-id",
    .check = check_policy,
};

static void providers(mk_call *c)
{
    if (mk_need_system(c, "preheat-instance", "list"))
        mk_reply_json(c->p, 200,
                      ir_json_pack("[{s:s, s:s}, {s:s, s:s}]", "id", "dragonfly", "name",
                                   "Dragonfly", "id", "kraken", "name", "Kraken"));
}

static const mk_shape instance_shape[] = {
    {"name", 's'}, {"vendor", 's'}, {"endpoint", 's'}, {"enabled", 'b'}, {NULL, 0}};
static const mk_shape policy_shape[] = {
    {"name", 's'}, {"provider_id", 'i'}, {"filters", 's'}, {"trigger", 's'}, {NULL, 0}};
#define INSTANCES "p2p/preheat/instances"
#define POLICIES "projects/{}/preheat/policies"

const mk_route mk_preheat_routes[] = {
    {"GET", "p2p/preheat/providers", providers, NULL, NULL, NULL},
    {"GET", INSTANCES, mk_resource_list, NULL, NULL, &instances},
    {"POST", INSTANCES, mk_resource_create, "instance", instance_shape, &instances},
    {"GET", INSTANCES "/{}", mk_resource_get, NULL, NULL, &instances},
    {"PUT", INSTANCES "/{}", mk_resource_update, "instance", instance_shape, &instances},
    {"DELETE", INSTANCES "/{}", mk_resource_delete, NULL, NULL, &instances},
    {"GET", POLICIES, mk_resource_list, NULL, NULL, &policies},
    {"POST", POLICIES, mk_resource_create, "policy", policy_shape, &policies},
    {"GET", POLICIES "/{}", mk_resource_get, NULL, NULL, &policies},
    {"PUT", POLICIES "/{}", mk_resource_update, "policy", policy_shape, &policies},
    {"DELETE", POLICIES "/{}", mk_resource_delete, NULL, NULL, &policies},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
