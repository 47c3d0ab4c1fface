/* gitlab_variable.c - the mock's CI/CD variables and protected tags: what GitLab can mask, several
 * of one key in different scopes, and hidden ones. */
#include "mock/gitlab.h"

#include <ctype.h>
#include <stdlib.h>

static const char *scope_of(gl_call *c)
{
    const char *scope = gl_param(c, "filter[environment_scope]");
    return *scope ? scope : NULL;
}

/* The one that is meant; NULL: answered. */
static ir_json *find(gl_call *c, size_t *ret_at)
{
    const ir_json *all = gl_part(c->g, "variables");
    const char *scope = scope_of(c);
    ir_json *found = NULL;
    int n = 0;
    for (size_t i = 0; i < ir_json_len(all); i++) {
        ir_json *v = ir_json_at(all, i);
        if (!ir_streq(ir_json_str(v, "key"), c->arg[0]) ||
            (scope && !ir_streq(ir_json_str(v, "environment_scope"), scope)))
            continue;
        *ret_at = i;
        found = v;
        n++;
    }
    if (!n)
        gl_missing(c, "Variable");
    else if (n > 1)
        gl_error(c, 409,
                 "There are multiple variables with provided parameters. Please use "
                 "'filter[environment_scope]'");
    return n == 1 ? found : NULL;
}

static ir_json *shown(const ir_json *v)
{
    ir_json *j = ir_json_copy(v);
    if (ir_json_bool(v, "hidden", false))
        ir_json_put(j, "value", ir_json_pack("n"));
    return j;
}

static bool can_mask(const char *value, bool raw)
{
    size_t n = strlen(value);
    for (size_t i = 0; i < n; i++)
        if (isspace((unsigned char)value[i]) ||
            (!raw && !isalnum((unsigned char)value[i]) && !strchr("_+=/@:.~-", value[i])))
            return false;
    return n >= 8;
}

/* What the body says over what is there; false: answered. */
static bool change(gl_call *c, ir_json *v)
{
    static const char *const members[] = {"value", "variable_type",     "protected",  "masked",
                                          "raw",   "environment_scope", "description"};
    ir_json *next = ir_json_copy(v);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (ir_json_get(c->body, members[i]) && !(c->g->no_raw && ir_streq(members[i], "raw")))
            ir_json_put(next, members[i], ir_json_ref(ir_json_get(c->body, members[i])));
    const char *value = ir_json_str(next, "value");
    if (!value || (ir_json_bool(next, "masked", false) &&
                   !can_mask(value, ir_json_bool(next, "raw", false)))) {
        ir_json_free(next);
        gl_invalid(c, "value", "is invalid");
        return false;
    }
    for (void *it = ir_json_first(next); it; it = ir_json_next(next, it))
        ir_json_put(v, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    ir_json_free(next);
    return true;
}

static void list_variables(gl_call *c)
{
    const ir_json *all = gl_part(c->g, "variables");
    ir_json *items = ir_json_new_array();
    for (size_t i = 0; i < ir_json_len(all); i++)
        ir_json_append(items, shown(ir_json_at(all, i)));
    gl_page(c, items);
}

static void get_variable(gl_call *c)
{
    size_t at = 0;
    const ir_json *v = find(c, &at);
    if (v)
        mk_reply_json(c->p, 200, shown(v));
}

static bool is_taken(gl_call *c, const char *key, const char *scope)
{
    const ir_json *all = gl_part(c->g, "variables");
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (ir_streq(ir_json_str(ir_json_at(all, i), "key"), key) &&
            ir_streq(ir_json_str(ir_json_at(all, i), "environment_scope"), scope))
            return true;
    return false;
}

static void post_variable(gl_call *c)
{
    const char *key = gl_param(c, "key"), *scope = gl_param(c, "environment_scope");
    if (!*key || !ir_json_get(c->body, "value")) {
        mk_reply_json(c->p, 400,
                      ir_json_pack("{s:s}", "error", *key ? "value is missing" : "key is missing"));
        return;
    }
    if (is_taken(c, key, *scope ? scope : "*")) {
        IR_AUTO(ir_buf) text = IR_BUF(1024);
        ir_buf_addf(&text, "(%s) has already been taken", key);
        gl_invalid(c, "key", ir_buf_str(&text));
        return;
    }
    bool hidden = ir_json_bool(c->body, "masked_and_hidden", false);
    ir_json *v = ir_json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:n}", "key", key, "value",
                              "", "variable_type", "env_var", "protected", 0, "masked", hidden,
                              "hidden", hidden, "raw", 0, "environment_scope", "*", "description");
    if (!change(c, v)) {
        ir_json_free(v);
        return;
    }
    ir_json_append(gl_part(c->g, "variables"), v);
    mk_reply_json(c->p, 201, shown(v));
}

static void put_variable(gl_call *c)
{
    size_t at = 0;
    ir_json *v = find(c, &at);
    if (v && change(c, v))
        mk_reply_json(c->p, 200, shown(v));
}

static void delete_variable(gl_call *c)
{
    size_t at = 0;
    if (!find(c, &at))
        return;
    ir_json_remove_at(gl_part(c->g, "variables"), at);
    c->p->status = 204;
}

/* ---- protected tags ---- */

static void list_protected(gl_call *c)
{
    gl_page(c, ir_json_copy(gl_part(c->g, "protected_tags")));
}

static void get_protected(gl_call *c)
{
    const ir_json *row = gl_find(gl_part(c->g, "protected_tags"), "name", c->arg[0], NULL);
    row ? mk_reply_json(c->p, 200, ir_json_copy(row)) : gl_missing(c, "Protected Tag");
}

static void post_protected(gl_call *c)
{
    const char *name = gl_param(c, "name");
    if (gl_find(gl_part(c->g, "protected_tags"), "name", name, NULL)) {
        gl_error(c, 409, "Protected tag '%s' already exists", name);
        return;
    }
    ir_json *row =
        ir_json_pack("{s:s, s:[{s:I}]}", "name", name, "create_access_levels", "access_level",
                     (long long)ir_json_int(c->body, "create_access_level", 40));
    ir_json_append(gl_part(c->g, "protected_tags"), row);
    mk_reply_json(c->p, 201, ir_json_copy(row));
}

static void delete_protected(gl_call *c)
{
    size_t at = 0;
    if (!gl_find(gl_part(c->g, "protected_tags"), "name", c->arg[0], &at)) {
        gl_missing(c, "Protected Tag");
        return;
    }
    ir_json_remove_at(gl_part(c->g, "protected_tags"), at);
    c->p->status = 204;
}

const gl_route gl_variable_routes[] = {
    {"GET", "variables", list_variables},
    {"POST", "variables", post_variable},
    {"GET", "variables/*", get_variable},
    {"PUT", "variables/*", put_variable},
    {"DELETE", "variables/*", delete_variable},
    {"GET", "protected_tags", list_protected},
    {"POST", "protected_tags", post_protected},
    {"GET", "protected_tags/*", get_protected},
    {"DELETE", "protected_tags/*", delete_protected},
    {NULL, NULL, NULL},
};
