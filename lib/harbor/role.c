/* role.c - rights by intent, and rights compared. Harbor lists them in another order each time and
 * refuses unknown ones only since 2.10; so they are compared as sets and checked here first where
 * Harbor says what it can grant. */
#include "harbor/inside.h"

typedef struct right {
    const char *resource, *action;
} right;

/* The least that does the work: push alone may upload, but reads nothing back, so mounts, the
 * skipping of what exists and the check of what was pushed need pull. None of them deletes. */
static const right pull_rights[] = {{"repository", "pull"}, {NULL, NULL}};
static const right push_rights[] = {{"repository", "pull"}, {"repository", "push"}, {NULL, NULL}};

static int from_rights(const right *r, ir_json **ret, imgrel_error *err)
{
    ir_json *list = ir_json_new_array();
    int rc = list ? 0 : ir_nomem(err);

    for (; !rc && r->resource; r++)
        if (ir_json_append(
                list, ir_json_pack("{s:s, s:s}", "resource", r->resource, "action", r->action)))
            rc = ir_nomem(err);
    if (rc)
        ir_json_free(list);
    *ret = rc ? NULL : list;
    return rc;
}

/* Any effect but allow denies. */
static bool grants(const ir_json *a, const char *resource, const char *action)
{
    const char *effect = ir_json_str(a, "effect");

    return (!effect || !*effect || ir_streq(effect, "allow")) &&
           ir_streq(ir_json_str(a, "resource"), resource) &&
           ir_streq(ir_json_str(a, "action"), action);
}

static bool has(const ir_json *list, const ir_json *a)
{
    const char *resource = ir_json_str(a, "resource"), *action = ir_json_str(a, "action");

    for (size_t i = 0; resource && action && i < ir_json_len(list); i++)
        if (grants(ir_json_at(list, i), resource, action))
            return true;
    return false;
}

static bool within(const ir_json *a, const ir_json *b)
{
    for (size_t i = 0; i < ir_json_len(a); i++)
        if (!has(b, ir_json_at(a, i)) || !has(a, ir_json_at(a, i)))
            return false;
    return true;
}

bool ir_harbor_access_equal(const ir_json *a, const ir_json *b)
{
    return within(a, b) && within(b, a);
}

static int check_shape(const ir_json *access, imgrel_error *err)
{
    if (!ir_json_is_array(access) || !ir_json_len(access))
        return ir_fail(err, IMGREL_EINVAL, "a robot's access must be a list of rights, not empty");
    for (size_t i = 0; i < ir_json_len(access); i++)
        if (!has(access, ir_json_at(access, i)))
            return ir_fail(err, IMGREL_EINVAL,
                           "right %zu of a robot's access is not {\"resource\", \"action\"}",
                           i + 1);
    return 0;
}

/* Robots and plain users may not read the list (403), Harbor before 2.10 has none (404): then
 * Harbor itself is the judge. */
static int check_known(const ir_call *call, ir_harbor *h, const ir_json *access, imgrel_error *err)
{
    const ir_harbor_ask ask = {.path = "/permissions", .object = "permissions"};
    imgrel_error e = {0};
    ir_json *j = NULL;
    const ir_json *known = NULL;
    int rc = ir_harbor_send_json(call, h, &ask, &j, &e);

    if (rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND || rc == IMGREL_EUNSUPPORTED)
        return 0;
    if (rc && err && !err->code)
        *err = e;
    known = ir_json_get(j, "project");
    for (size_t i = 0; !rc && ir_json_len(known) && i < ir_json_len(access); i++) {
        const ir_json *a = ir_json_at(access, i);
        if (has(known, a))
            continue;
        rc = ir_fail(err, IMGREL_EINVAL, "%s cannot grant %s:%s in a project", h->host,
                     ir_json_str(a, "resource"), ir_json_str(a, "action"));
        ir_cure(err, "GET /permissions lists what it can grant; * is not accepted since 2.10");
    }
    ir_json_free(j);
    return rc;
}

int ir_harbor_access(const ir_call *call, ir_harbor *h, const ir_robot_spec *spec, ir_json **ret,
                     imgrel_error *err)
{
    int rc = 0;

    *ret = NULL;
    if (!spec->role == !spec->access)
        return ir_fail(err, IMGREL_EINVAL, "a robot needs a role or a list of rights, not both");
    if (ir_streq(spec->role, "pull"))
        return from_rights(pull_rights, ret, err);
    if (ir_streq(spec->role, "push"))
        return from_rights(push_rights, ret, err);
    if (spec->role)
        return ir_fail(err, IMGREL_EINVAL, "robot role %.40s is neither pull nor push", spec->role);
    if ((rc = check_shape(spec->access, err)) || (rc = check_known(call, h, spec->access, err)))
        return rc;
    *ret = ir_json_copy(spec->access);
    return *ret ? 0 : ir_nomem(err);
}
