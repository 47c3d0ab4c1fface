/* harbor_resource.c - the nouns that are alike: a list, a creation that answers with a Location,
 * one item by its id or name, an update, a delete. A table says what each may hold; its checks are
 * in the file of the noun. */
#include "mock/harbor.h"

#include <stdlib.h>

bool mk_param_id(mk_call *c, size_t i, const char *name, int64_t *ret)
{
    unsigned long long id = 0;
    const char *text = c->param[i] ? c->param[i] : "";
    *ret = 0;
    if (ir_parse_u64(text, INT64_MAX, &id)) {
        *ret = (int64_t)id;
        return true;
    }
    mk_error_binding(c, "%s must be of type int64: \"%s\"", name, text);
    return false;
}

ir_json *mk_render_copy(mk_call *c, const ir_json *item)
{
    (void)c;
    return ir_json_copy(item);
}

/* Times that the mock counts with are not shown. */
static ir_json *render(mk_call *c, const ir_json *item)
{
    const mk_resource *of = c->route->of;
    return of->render ? of->render(c, item) : ir_json_copy(item);
}

static bool need(mk_call *c, const mk_resource *of, const char *action, ir_json **ret_project)
{
    *ret_project = NULL;
    return of->project ? mk_need_project(c, false, of->right, action, ret_project)
                       : mk_need_system(c, of->right, action);
}

static bool in_scope(const ir_json *item, const ir_json *project)
{
    return !project || ir_json_int(item, "project_id", 0) == ir_json_int(project, "project_id", -1);
}

static ir_json *find_name(const ir_json *all, const ir_json *project, const char *name)
{
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (in_scope(ir_json_value(it), project) &&
            ir_streq(ir_json_str(ir_json_value(it), "name"), name))
            return ir_json_value(it);
    return NULL;
}

static bool has_key(const mk_resource *of, const char *key)
{
    size_t len = strlen(key);
    for (const char *p = of->keys; *p; p += strspn(p, ",")) {
        size_t n = strcspn(p, ",");
        if (n == len && !memcmp(p, key, n))
            return true;
        p += n;
    }
    return false;
}

static void take_keys(const mk_resource *of, ir_json *item, const ir_json *body)
{
    for (void *it = ir_json_first(body); it; it = ir_json_next(body, it))
        if (has_key(of, ir_json_key(it)) && !ir_json_is_null(ir_json_value(it)))
            ir_json_put(item, ir_json_key(it), ir_json_copy(ir_json_value(it)));
}

ir_json *mk_resource_need(mk_call *c, const char *action)
{
    const mk_resource *of = c->route->of;
    size_t at = of->project ? 1 : 0;
    ir_json *project, *item;
    int64_t id = 0;
    if (!of->named && !mk_param_id(c, at, "id in path", &id))
        return NULL;
    if (!need(c, of, action, &project))
        return NULL;
    const ir_json *all = mk_part(c->h, of->part);
    item = of->named ? find_name(all, project, c->param[at]) : mk_by_id(all, id);
    if (item && in_scope(item, project))
        return item;
    mk_error_missing(c, "%s %s not found", of->noun, c->param[at]);
    return NULL;
}

void mk_resource_list(mk_call *c)
{
    const mk_resource *of = c->route->of;
    mk_filter f = {0};
    ir_json *project;
    if (!need(c, of, "list", &project) || !mk_filter_read(c, &f)) {
        mk_filter_free(&f);
        return;
    }
    char *name = mk_query(c->r, "name");
    ir_json *found = ir_json_new_array();
    const ir_json *all = mk_part(c->h, of->part);
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const char *have = ir_json_str(ir_json_value(it), "name");
        if (in_scope(ir_json_value(it), project) &&
            (!name || !*name || (have && strcasestr(have, name))))
            ir_json_append(found, ir_json_ref(ir_json_value(it)));
    }
    mk_filter_answer(c, &f, of->columns, of->order, found, render);
    mk_filter_free(&f);
    free(name);
}

int64_t mk_resource_keep(mk_call *c, const mk_resource *of, ir_json *item)
{
    char now[40];
    int64_t id = mk_next_id(c->h, of->part);
    mk_time(c->mock, now);
    ir_json_put(item, "id", ir_json_new_int(id));
    ir_json_puts(item, "creation_time", now);
    ir_json_puts(item, "update_time", now);
    mk_put_id(mk_part(c->h, of->part), id, item);
    mk_state_changed(c->mock);
    return id;
}

/* A name that is taken is a conflict, and has drawn an id. */
static bool is_free(mk_call *c, const ir_json *project, const ir_json *item)
{
    const mk_resource *of = c->route->of;
    const char *name = ir_json_str(item, "name");
    const ir_json *other = name ? find_name(mk_part(c->h, of->part), project, name) : NULL;
    if (!other || ir_json_int(other, "id", 0) == ir_json_int(item, "id", -1))
        return true;
    mk_next_id(c->h, of->part);
    mk_error(c->p, 409, "CONFLICT", "%s %s already exists", of->noun, name);
    return false;
}

void mk_resource_create(mk_call *c)
{
    const mk_resource *of = c->route->of;
    ir_json *project, *item = NULL;
    if (!need(c, of, "create", &project))
        return;
    item = ir_json_new_object();
    take_keys(of, item, c->body);
    if (project)
        ir_json_put(item, "project_id", ir_json_ref(ir_json_get(project, "project_id")));
    if ((of->check && !of->check(c, item, NULL)) || !is_free(c, project, item)) {
        ir_json_free(item);
        return;
    }
    int64_t id = mk_resource_keep(c, of, item);
    mk_audit(c->mock, c->who->name, project, "create", of->noun, ir_json_str(item, "name"));
    if (!of->named) {
        mk_created(c, id);
        return;
    }
    c->p->status = 201;
    mk_reply_header(c->p, "Location", "%s/%s", c->r->path, ir_json_str(item, "name"));
}

void mk_resource_get(mk_call *c)
{
    const ir_json *item = mk_resource_need(c, "read");
    if (item)
        mk_reply_json(c->p, 200, render(c, item));
}

/* What the body leaves out stays as it is, in a copy that is checked before it counts. */
void mk_resource_update(mk_call *c)
{
    const mk_resource *of = c->route->of;
    char now[40];
    ir_json *old = mk_resource_need(c, "update");
    if (!old)
        return;
    ir_json *item = ir_json_copy(old);
    const ir_json *project = mk_project_by_id(c->h, ir_json_int(item, "project_id", 0));
    take_keys(of, item, c->body);
    if ((of->check && !of->check(c, item, old)) || !is_free(c, project, item)) {
        ir_json_free(item);
        return;
    }
    mk_time(c->mock, now);
    ir_json_puts(item, "update_time", now);
    mk_put_id(mk_part(c->h, of->part), ir_json_int(item, "id", 0), item);
    mk_audit(c->mock, c->who->name, project, "update", of->noun, ir_json_str(item, "name"));
    mk_state_changed(c->mock);
}

void mk_resource_delete(mk_call *c)
{
    const mk_resource *of = c->route->of;
    ir_json *item = mk_resource_need(c, "delete");
    if (!item || (of->removable && !of->removable(c, item)))
        return;
    mk_audit(c->mock, c->who->name, mk_project_by_id(c->h, ir_json_int(item, "project_id", 0)),
             "delete", of->noun, ir_json_str(item, "name"));
    mk_remove_id(mk_part(c->h, of->part), ir_json_int(item, "id", 0));
    mk_state_changed(c->mock);
}
