/* harbor_rights.c - who may do what: the rights that a robot can be given (of each version), the
 * rights of a project's roles and of everybody on a public project, and the gates that handlers
 * begin with. */
#include "mock/harbor.h"

#include <stdlib.h>

/* "resource:action action ..."; from and until are minor versions, until 0: still there. */
typedef struct right {
    const char *text;
    int from, until;
} right;

static const right project_rights[] = {
    {"accessory:list", 0, 0},
    {"artifact:create delete list read", 0, 0},
    {"artifact-addition:read", 0, 0},
    {"artifact-label:create delete", 0, 0},
    {"export-cve:create read", 13, 0},
    {"immutable-tag:create delete list update", 0, 0},
    {"label:create delete list read update", 0, 0},
    {"log:list", 0, 0},
    {"member:create delete list read update", 12, 0},
    {"metadata:create delete list read update", 0, 0},
    {"notification-policy:create delete list read update", 0, 0},
    {"preheat-policy:create delete list read update", 0, 0},
    {"project:delete read update", 0, 0},
    {"quota:read", 0, 0},
    {"repository:delete list pull push read update", 0, 0},
    {"robot:create delete list read", 12, 0},
    {"sbom:create read stop", 11, 0},
    {"scan:create read stop", 0, 0},
    {"scanner:create read", 0, 0},
    {"tag:create delete list", 0, 0},
    {"tag-retention:create delete list read update", 0, 0},
    {NULL, 0, 0},
};

static const right system_rights[] = {
    {"audit-log:list", 0, 0},
    {"catalog:read", 0, 0},
    {"export-cve:create read", 0, 12},
    {"garbage-collection:create list read stop update", 0, 0},
    {"jobservice-monitor:list stop", 0, 0},
    {"label:create delete read update", 0, 0},
    {"ldap-user:create list", 12, 0},
    {"preheat-instance:create delete list read update", 0, 0},
    {"project:create list", 0, 0},
    {"purge-audit:create list read stop update", 0, 0},
    {"quota:list read update", 12, 0},
    {"registry:create delete list read update", 0, 0},
    {"replication:create list read", 0, 0},
    {"replication-adapter:list", 0, 0},
    {"replication-policy:create delete list read update", 0, 0},
    {"robot:create delete list read", 12, 0},
    {"scan-all:create read stop update", 0, 0},
    {"scanner:create delete list read update", 0, 0},
    {"security-hub:list read", 0, 0},
    {"system-volumes:read", 0, 0},
    {"user:create delete list read update", 12, 0},
    {"user-group:create delete list read update", 12, 0},
    {NULL, 0, 0},
};

static const right public_rights[] = {
    {"project:read", 0, 0},
    {"label:list read", 0, 0},
    {"repository:list pull read", 0, 0},
    {"tag:list", 0, 0},
    {"accessory:list", 0, 0},
    {"artifact:list read", 0, 0},
    {"artifact-addition:read", 0, 0},
    {"scan:read", 0, 0},
    {"scanner:read", 0, 0},
    {NULL, 0, 0},
};

/* Roles 2 to 5; role 1 has every right in its project. */
static const right developer_rights[] = {
    {"member:list read", 0, 0},
    {"log:list", 0, 0},
    {"quota:read", 0, 0},
    {"repository:create push update", 0, 0},
    {"artifact:create", 0, 0},
    {"tag:create", 0, 0},
    {"artifact-label:create delete", 0, 0},
    {NULL, 0, 0},
};
static const right maintainer_rights[] = {
    {"label:create delete update", 0, 0},
    {"metadata:create delete list read update", 0, 0},
    {"repository:delete", 0, 0},
    {"artifact:delete", 0, 0},
    {"tag:delete", 0, 0},
    {"robot:list read", 0, 0},
    {NULL, 0, 0},
};
static const right guest_rights[] = {
    {"member:list read", 0, 0}, {"log:list", 0, 0}, {"quota:read", 0, 0}, {NULL, 0, 0}};

static bool word_in(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (n == len && !memcmp(p, word, n))
            return true;
        p += n;
    }
    return false;
}

static bool right_is(const right *r, int minor)
{
    return minor >= r->from && (!r->until || minor <= r->until);
}

static bool in_rights(const right *rights, int minor, const char *resource, const char *action)
{
    size_t len = strlen(resource);
    for (const right *r = rights; r->text; r++)
        if (!strncmp(r->text, resource, len) && r->text[len] == ':' && right_is(r, minor) &&
            word_in(r->text + len + 1, action))
            return true;
    return false;
}

bool mk_right_known(const struct mk_harbor *h, bool system, const char *resource,
                    const char *action)
{
    return in_rights(system ? system_rights : project_rights, h->minor, resource, action);
}

ir_json *mk_rights(const struct mk_harbor *h, bool system)
{
    ir_json *all = ir_json_new_array();
    for (const right *r = system ? system_rights : project_rights; r->text; r++) {
        size_t len = strcspn(r->text, ":");
        ir_strv actions = {0};
        char *resource = right_is(r, h->minor) ? ir_strndup(r->text, len) : NULL;
        if (resource && !ir_strv_split(&actions, r->text + len + 1, ' '))
            for (size_t i = 0; i < actions.n; i++)
                ir_json_append(
                    all, ir_json_pack("{s:s, s:s}", "resource", resource, "action", actions.v[i]));
        ir_strv_free(&actions);
        free(resource);
    }
    return all;
}

bool mk_public(const ir_json *project)
{
    return ir_streq(ir_json_str(ir_json_get(project, "metadata"), "public"), "true");
}

/* ---- each kind of caller --------------------------------------------------------------------- */

static bool permission_covers(const ir_json *permission, const ir_json *project)
{
    const char *namespace = ir_json_str(permission, "namespace");
    if (!project)
        return ir_streq(ir_json_str(permission, "kind"), "system");
    if (!ir_streq(ir_json_str(permission, "kind"), "project"))
        return false;
    return ir_streq(namespace, "*") ||
           ir_json_int(permission, "project_id", 0) == ir_json_int(project, "project_id", -1);
}

/* Any effect but none and "allow" denies, and one denial is enough. */
static bool robot_can(const ir_json *robot, const ir_json *project, const char *resource,
                      const char *action)
{
    bool can = false;
    const ir_json *all = ir_json_get(robot, "permissions");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *access = ir_json_get(ir_json_at(all, i), "access");
        if (!permission_covers(ir_json_at(all, i), project))
            continue;
        for (size_t k = 0; k < ir_json_len(access); k++) {
            const ir_json *a = ir_json_at(access, k);
            const char *effect = ir_json_str(a, "effect");
            if (!ir_streq(ir_json_str(a, "resource"), resource) ||
                !ir_streq(ir_json_str(a, "action"), action))
                continue;
            if (effect && *effect && !ir_streq(effect, "allow"))
                return false;
            can = true;
        }
    }
    return can;
}

static int role_of(const ir_json *user, const ir_json *project)
{
    const ir_json *members = ir_json_get(project, "members");
    for (size_t i = 0; i < ir_json_len(members); i++)
        if (ir_streq(ir_json_str(ir_json_at(members, i), "entity_name"), ir_json_str(user, "name")))
            return (int)ir_json_int(ir_json_at(members, i), "role_id", 0);
    return 0;
}

static bool user_can(const ir_json *user, const ir_json *project, const char *resource,
                     const char *action)
{
    int role = role_of(user, project);
    if (role == 1)
        return true;
    if (role && in_rights(public_rights, 0, resource, action))
        return true;
    if ((role == 2 || role == 4) && in_rights(developer_rights, 0, resource, action))
        return true;
    return (role == 4 && in_rights(maintainer_rights, 0, resource, action)) ||
           (role == 3 && in_rights(guest_rights, 0, resource, action));
}

/* A docker token speaks for repositories only, and for whole projects. Since 2.13 one that is older
 * than the project is refused: it was made for another of that name. */
static bool token_can(const imgrel_mock *m, const mk_caller *who, const ir_json *project,
                      const char *action)
{
    const char *name = ir_json_str(project, "name");
    size_t len = name ? strlen(name) : 0;
    if (m->harbor->minor >= 13 && who->issued_at < ir_json_int(project, "created_s", 0))
        return false;
    for (size_t i = 0; i < ir_json_len(who->access); i++) {
        const ir_json *a = ir_json_at(who->access, i), *actions = ir_json_get(a, "actions");
        const char *repository = ir_json_str(a, "name");
        if (!repository || strncmp(repository, name, len) != 0 || repository[len] != '/')
            continue;
        for (size_t k = 0; k < ir_json_len(actions); k++)
            if (ir_streq(ir_json_text(ir_json_at(actions, k)), action) ||
                ir_streq(ir_json_text(ir_json_at(actions, k)), "*"))
                return true;
    }
    return false;
}

bool mk_can(const imgrel_mock *m, const mk_caller *who, const ir_json *project,
            const char *resource, const char *action)
{
    if (who->kind == MK_TOKEN)
        return project && ir_streq(resource, "repository") && token_can(m, who, project, action);
    if (who->admin)
        return true;
    if (project && mk_public(project) && in_rights(public_rights, 0, resource, action))
        return true;
    if (who->kind == MK_ROBOT)
        return robot_can(who->who, project, resource, action);
    return who->kind == MK_USER && project && user_can(who->who, project, resource, action);
}

/* ---- gates ----------------------------------------------------------------------------------- */

bool mk_need_user(mk_call *c)
{
    if (c->who->kind != MK_ANONYMOUS)
        return true;
    mk_error(c->p, 401, "UNAUTHORIZED", "unauthorized");
    return false;
}

bool mk_need_system(mk_call *c, const char *resource, const char *action)
{
    if (!mk_need_user(c))
        return false;
    if (mk_can(c->mock, c->who, NULL, resource, action))
        return true;
    mk_error(c->p, 403, "FORBIDDEN", "%s", c->who->name);
    return false;
}

/* An all-digit name is taken for an id, unless a header says that it is a name. */
static ir_json *find_project(mk_call *c, bool name_only)
{
    unsigned long long id;
    const char *given = c->param[0], *is_name = mk_header(c->r, "X-Is-Resource-Name");
    if (name_only || ir_streq(is_name, "true") || !ir_parse_u64(given, INT64_MAX, &id))
        return mk_project_find(c->h, given);
    return mk_project_by_id(c->h, (int64_t)id);
}

/* Only an administrator learns that a project is not there. */
bool mk_need_project(mk_call *c, bool name_only, const char *resource, const char *action,
                     ir_json **ret_project)
{
    ir_json *project = find_project(c, name_only);
    *ret_project = project;
    if (project && mk_can(c->mock, c->who, project, resource, action))
        return true;
    if (!mk_need_user(c))
        return false;
    if (!project && c->who->admin)
        mk_error_missing(c, "project %s not found", c->param[0]);
    else
        mk_error(c->p, 403, "FORBIDDEN", "forbidden");
    return false;
}
