/* harbor_member.c - who belongs to a project, as far as rights need it: users with one of the five
 * roles. Groups are not modelled. */
#include "mock/harbor.h"

#include <stdlib.h>

static const char *const role_names[] = {NULL,    "projectAdmin", "developer",
                                         "guest", "maintainer",   "limitedGuest"};
#define ROLE_MAX 5

static ir_json *render(mk_call *c, const ir_json *member)
{
    (void)c;
    ir_json *j = ir_json_copy(member);
    ir_json_puts(j, "entity_type", "u");
    ir_json_puts(j, "role_name", role_names[ir_json_int(member, "role_id", 1)]);
    return j;
}

static const mk_column columns[] = {{"id", "id"}, {NULL, NULL}};

/* The total ignores the filter by name: Harbor counts them all. */
static void list(mk_call *c)
{
    ir_json *project;
    mk_filter f = {0};
    if (!mk_need_project(c, false, "member", "list", &project) || !mk_filter_read(c, &f)) {
        mk_filter_free(&f);
        return;
    }
    const ir_json *members = ir_json_get(project, "members");
    char *name = mk_query(c->r, "entityname");
    if (!name || !*name)
        mk_filter_answer(c, &f, columns, "id", ir_json_copy(members), render);
    else {
        ir_json *found = ir_json_new_array();
        for (size_t i = 0; i < ir_json_len(members); i++)
            if (ir_streq(ir_json_str(ir_json_at(members, i), "entity_name"), name))
                ir_json_append(found, render(c, ir_json_at(members, i)));
        mk_list_reply(c, (int64_t)ir_json_len(members), found);
    }
    mk_filter_free(&f);
    free(name);
}

static const ir_json *find_user(mk_call *c, const ir_json *wanted)
{
    const char *name = ir_json_str(wanted, "username");
    const ir_json *users = mk_part(c->h, "users");
    if (name)
        return ir_json_get(users, name);
    for (void *it = ir_json_first(users); it; it = ir_json_next(users, it))
        if (ir_json_int(ir_json_value(it), "user_id", 0) == ir_json_int(wanted, "user_id", -1))
            return ir_json_value(it);
    return NULL;
}

static size_t find_member(const ir_json *project, const char *name, int64_t id)
{
    const ir_json *members = ir_json_get(project, "members");
    size_t i = 0;
    while (i < ir_json_len(members) &&
           !(name ? ir_streq(ir_json_str(ir_json_at(members, i), "entity_name"), name)
                  : ir_json_int(ir_json_at(members, i), "id", 0) == id))
        i++;
    return i;
}

static void create(mk_call *c)
{
    ir_json *project;
    int64_t role = ir_json_int(c->body, "role_id", 0);
    if (!mk_need_project(c, false, "member", "create", &project))
        return;
    const ir_json *members = ir_json_get(project, "members"),
                  *user = find_user(c, ir_json_get(c->body, "member_user"));
    const char *name = ir_json_str(user, "name");
    if (role < 1 || role > ROLE_MAX)
        mk_error_bad(c, "role id %lld is not in the valid range", (long long)role);
    else if (!user)
        mk_error_missing(c, "user not found");
    else if (find_member(project, name, 0) < ir_json_len(members))
        mk_error(c->p, 409, "CONFLICT", "The project member already exists");
    else {
        int64_t id = mk_next_id(c->h, "member");
        ir_json_append(ir_json_get(project, "members"),
                       ir_json_pack("{s:I, s:I, s:s, s:I}", "id", (long long)id, "entity_id",
                                    (long long)ir_json_int(user, "user_id", 0), "entity_name", name,
                                    "role_id", (long long)role));
        mk_state_changed(c->mock);
        mk_created(c, id);
    }
}

static ir_json *need_member(mk_call *c, const char *action)
{
    ir_json *project;
    int64_t id;
    if (!mk_param_id(c, 1, "mid in path", &id) ||
        !mk_need_project(c, false, "member", action, &project))
        return NULL;
    ir_json *m = ir_json_at(ir_json_get(project, "members"), find_member(project, NULL, id));
    if (!m)
        mk_error_missing(c, "project member %lld not found", (long long)id);
    return m;
}

static void get(mk_call *c)
{
    const ir_json *m = need_member(c, "read");
    if (m)
        mk_reply_json(c->p, 200, render(c, m));
}

static void update(mk_call *c)
{
    int64_t role = ir_json_int(c->body, "role_id", 0);
    ir_json *m = need_member(c, "update");
    if (!m)
        return;
    if (role < 1 || role > ROLE_MAX) {
        mk_error_bad(c, "role id %lld is not in the valid range", (long long)role);
        return;
    }
    ir_json_put(m, "role_id", ir_json_new_int(role));
    mk_state_changed(c->mock);
}

/* Who is not there is removed all the same: 200. */
static void delete (mk_call *c)
{
    ir_json *project;
    int64_t id;
    if (!mk_param_id(c, 1, "mid in path", &id) ||
        !mk_need_project(c, false, "member", "delete", &project))
        return;
    const ir_json *members = ir_json_get(project, "members");
    size_t gone = find_member(project, NULL, id);
    ir_json *left = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(members); i++)
        if (i != gone)
            ir_json_append(left, ir_json_ref(ir_json_at(members, i)));
    ir_json_put(project, "members", left);
    mk_state_changed(c->mock);
}

static const mk_shape shape[] = {{"role_id", 'i'}, {"member_user", 'o'}, {NULL, 0}};

const mk_route mk_member_routes[] = {
    {"GET", "projects/{}/members", list, NULL, NULL, NULL},
    {"POST", "projects/{}/members", create, "projectMember", shape, NULL},
    {"DELETE", "projects/{}/members/{}", delete, NULL, NULL, NULL},
    {"GET", "projects/{}/members/{}", get, NULL, NULL, NULL},
    {"PUT", "projects/{}/members/{}", update, "role", shape, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
