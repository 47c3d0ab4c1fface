/* harbor_group.c - user groups of HTTP or OIDC (one of LDAP is never found, as there is no LDAP),
 * and the list of CVEs that are allowed everywhere. */
#include "mock/harbor.h"

#include <stdlib.h>

#define LDAP 1

static const mk_column columns[] = {
    {"id,ID", "id"}, {"group_name,name", "name"}, {"group_type", "group_type"}, {NULL, NULL}};

/* One alone does not say its number. */
static ir_json *render(mk_call *c, const ir_json *item)
{
    ir_json *j = ir_json_pack("{s:s}", "group_name", ir_json_str(item, "name"));
    int64_t type = ir_json_int(item, "group_type", 0);
    if (type)
        ir_json_put(j, "group_type", ir_json_new_int(type));
    if (!c->param[0])
        ir_json_put(j, "id", ir_json_ref(ir_json_get(item, "id")));
    return j;
}

static bool check(mk_call *c, ir_json *item, const ir_json *old)
{
    const char *dn = ir_json_str(c->body, "ldap_group_dn");
    (void)old;
    if (ir_json_int(item, "group_type", 0) == LDAP)
        mk_error_bad(c, "LDAP Group DN is not found: DN:%s", dn ? dn : "");
    return !c->p->status;
}

static const mk_resource groups = {
    .part = "usergroups",
    .noun = "the user group with id",
    .right = "user-group",
    .keys = "name,group_type",
    .columns = columns,
    .order = "id",
    .check = check,
    .render = render,
};

/* Its name is called otherwise; one without is refused without a word. */
static bool take_name(mk_call *c)
{
    const char *name = ir_json_str(c->body, "group_name");
    if (!name || !*name) {
        c->p->status = 400;
        return false;
    }
    ir_json_puts(c->body, "name", name);
    return true;
}

static void create(mk_call *c)
{
    if (mk_need_system(c, "user-group", "create") && take_name(c))
        mk_resource_create(c);
}

static void update(mk_call *c)
{
    if (mk_need_system(c, "user-group", "update") && take_name(c))
        mk_resource_update(c);
}

/* One that is not there is deleted as well. */
static void delete (mk_call *c)
{
    int64_t id;
    if (!mk_need_system(c, "user-group", "delete") || !mk_param_id(c, 0, "group_id in path", &id))
        return;
    if (mk_by_id(mk_part(c->h, groups.part), id))
        mk_resource_delete(c);
}

/* For everybody who is logged in. */
static void search(mk_call *c)
{
    mk_filter f = {0};
    char *name = mk_query(c->r, "groupname");
    ir_json *found = ir_json_new_array();
    const ir_json *all = mk_part(c->h, groups.part);
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (name && strcasestr(ir_json_str(ir_json_value(it), "name"), name))
            ir_json_append(found, ir_json_ref(ir_json_value(it)));
    if (!name || !*name)
        mk_error_binding(c, "groupname in query is required");
    else if (mk_need_user(c) && mk_filter_read(c, &f))
        mk_filter_answer(c, &f, columns, "id", ir_json_ref(found), render);
    ir_json_free(found);
    mk_filter_free(&f);
    free(name);
}

/* ---- CVEs that are allowed everywhere ---- */

static void get_allowed(mk_call *c)
{
    static const char never[] = "0001-01-01T00:00:00.000Z";
    const ir_json *kept = ir_json_get(mk_part(c->h, "settings"), "cve_allowlist");
    if (mk_need_user(c))
        mk_reply_json(c->p, 200,
                      kept ? ir_json_copy(kept)
                           : ir_json_pack("{s:s, s:[], s:s}", "creation_time", never, "items",
                                          "update_time", never));
}

static void put_allowed(mk_call *c)
{
    char now[40];
    const ir_json *items = ir_json_get(c->body, "items"),
                  *until = ir_json_get(c->body, "expires_at");
    if (!mk_need_system(c, "configuration", "update"))
        return;
    mk_time(c->mock, now);
    ir_json *kept =
        ir_json_pack("{s:s, s:i, s:o, s:s}", "creation_time", now, "id", 1, "items",
                     items ? ir_json_copy(items) : ir_json_new_array(), "update_time", now);
    if (until && !ir_json_is_null(until))
        ir_json_put(kept, "expires_at", ir_json_copy(until));
    ir_json_put(mk_part(c->h, "settings"), "cve_allowlist", kept);
    mk_state_changed(c->mock);
}

static const mk_shape group_shape[] = {
    {"group_name", 's'}, {"group_type", 'i'}, {"ldap_group_dn", 's'}, {NULL, 0}};
static const mk_shape allowed_shape[] = {{"items", 'a'}, {"expires_at", 'n'}, {NULL, 0}};

const mk_route mk_group_routes[] = {
    {"GET", "usergroups/search", search, NULL, NULL, NULL},
    {"GET", "usergroups", mk_resource_list, NULL, NULL, &groups},
    {"POST", "usergroups", create, "usergroup", group_shape, &groups},
    {"GET", "usergroups/{}", mk_resource_get, NULL, NULL, &groups},
    {"PUT", "usergroups/{}", update, "usergroup", group_shape, &groups},
    {"DELETE", "usergroups/{}", delete, NULL, NULL, &groups},
    {"GET", "system/CVEAllowlist", get_allowed, NULL, NULL, NULL},
    {"PUT", "system/CVEAllowlist", put_allowed, "allowlist", allowed_shape, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
