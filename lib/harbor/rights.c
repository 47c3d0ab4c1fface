/* rights.c - rights by intent, checked, and compared. A spec's role or list of rights becomes what
 * Harbor stores: an array of {kind, namespace, access}. Harbor lists rights in another order each
 * time, so they are compared as sets; unknown ones it refuses only since 2.10, so they are checked
 * here first, by what it says that it can grant or by what is known of its version. */
#include "harbor/inside.h"

typedef struct role {
    const char *name, *rights; /* "resource:action ..." */
} role;

/* The least that does the work; none of them deletes. Push alone may upload, but reads nothing
 * back, so mounts, the skipping of what exists and the check of what was pushed need pull. A ci
 * robot also tags, scans and reads what the scan found; a scan-reader only reads. */
static const role roles[] = {
    {"pull", "repository:pull"},
    {"push", "repository:pull repository:push"},
    {"ci", "repository:pull repository:push repository:list repository:read artifact:list "
           "artifact:read artifact-addition:read tag:create tag:list scan:create scan:read "
           "project:read"},
    {"scan-reader", "project:read repository:list repository:read artifact:list artifact:read "
                    "artifact-addition:read scan:read"},
};

static ir_json *new_right(const char *resource, size_t len, const char *action, size_t action_len)
{
    return ir_json_pack("{s:s%, s:s%}", "resource", resource, len, "action", action, action_len);
}

static int from_role(const char *name, ir_json **ret, imgrel_error *err)
{
    ir_json *list = NULL;
    const char *p = NULL;
    int rc = 0;

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (ir_streq(roles[i].name, name))
            p = roles[i].rights;
    if (!p)
        return ir_fail(err, IMGREL_EINVAL,
                       "robot role %.40s is none of pull, push, ci and scan-reader", name);
    list = ir_json_new_array();
    while (!rc && *p) {
        size_t resource = strcspn(p, ":"), len = strcspn(p, " ");
        rc = ir_json_append(list, new_right(p, resource, p + resource + 1, len - resource - 1));
        p += len;
        p += *p == ' ';
    }
    if (!list || rc) {
        ir_json_free(list);
        return ir_nomem(err);
    }
    *ret = list;
    return 0;
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

static bool same_place(const ir_json *a, const ir_json *b)
{
    return ir_streq(ir_json_str(a, "kind"), ir_json_str(b, "kind")) &&
           ir_streq(ir_json_str(a, "namespace"), ir_json_str(b, "namespace"));
}

/* One right of permission p in any permission of the same place. */
static bool has_anywhere(const ir_json *all, const ir_json *p, const ir_json *a)
{
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (same_place(ir_json_at(all, i), p) && has(ir_json_get(ir_json_at(all, i), "access"), a))
            return true;
    return false;
}

static bool within(const ir_json *a, const ir_json *b)
{
    for (size_t i = 0; i < ir_json_len(a); i++) {
        const ir_json *p = ir_json_at(a, i), *access = ir_json_get(p, "access");
        for (size_t k = 0; k < ir_json_len(access); k++)
            if (!has_anywhere(b, p, ir_json_at(access, k)) ||
                !has_anywhere(a, p, ir_json_at(access, k)))
                return false;
    }
    return true;
}

bool ir_harbor_rights_equal(const ir_json *a, const ir_json *b)
{
    return within(a, b) && within(b, a);
}

/* ---- checked ---- */

static int check_access(const ir_json *access, imgrel_error *err)
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

static int check_permission(const char *project, const ir_json *p, imgrel_error *err)
{
    const char *kind = ir_json_str(p, "kind"), *ns = ir_json_str(p, "namespace");
    int rc = 0;

    if (ir_streq(kind, "system") && !project && ir_streq(ns, "/"))
        return check_access(ir_json_get(p, "access"), err);
    if (!ir_streq(kind, "project") || !ns)
        return ir_fail(err, IMGREL_EINVAL,
                       project ? "a project robot's permission needs kind project and its name as "
                                 "namespace"
                               : "a permission needs kind project and a namespace, or kind system "
                                 "and namespace /");
    if (project && !ir_streq(ns, project))
        return ir_fail(err, IMGREL_EINVAL,
                       "a robot of project %s has rights there only, not in "
                       "%.80s: make a system robot for that",
                       project, ns);
    if (!ir_streq(ns, "*"))
        rc = ir_harbor_name_check("project", ns, err);
    return rc ? rc : check_access(ir_json_get(p, "access"), err);
}

static int check_shape(const char *project, const ir_json *list, imgrel_error *err)
{
    int rc = 0;

    if (!ir_json_is_array(list) || !ir_json_len(list))
        return ir_fail(err, IMGREL_EINVAL, "a robot's permissions must be a list, not empty");
    if (project && ir_json_len(list) != 1)
        return ir_fail(err, IMGREL_EINVAL, "a project robot has one permission, that of project %s",
                       project);
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = check_permission(project, ir_json_at(list, i), err);
    return rc;
}

static int cannot_grant(const ir_harbor *h, const char *kind, const ir_json *a, imgrel_error *err)
{
    ir_fail(err, IMGREL_EINVAL, "%s cannot grant %s:%s in %s", h->host, ir_json_str(a, "resource"),
            ir_json_str(a, "action"), ir_streq(kind, "system") ? "the whole system" : "a project");
    ir_cure(err, "imgrel harbor permissions lists what it can grant; * is not accepted since 2.10");
    return IMGREL_EINVAL;
}

/* known: Harbor's own list of a kind; NULL or empty: what is known of its version. */
static int check_known(const ir_harbor *h, const ir_json *known, const ir_json *p,
                       imgrel_error *err)
{
    const ir_json *access = ir_json_get(p, "access");
    const char *kind = ir_json_str(p, "kind");

    for (size_t i = 0; i < ir_json_len(access); i++) {
        const ir_json *a = ir_json_at(access, i);
        bool ok = ir_json_len(known)
                      ? has(known, a)
                      : ir_harbor_right_known(h->version, kind, ir_json_str(a, "resource"),
                                              ir_json_str(a, "action"));
        if (!ok)
            return cannot_grant(h, kind, a, err);
    }
    return 0;
}

/* Robots and plain users may not read Harbor's list (403), Harbor before 2.10 has none (404), and
 * to a project's administrator it tells nothing of the system (null). */
static int check_all(const ir_call *call, ir_harbor *h, const ir_json *list, imgrel_error *err)
{
    const ir_harbor_ask ask = {.path = "/permissions", .object = "permissions"};
    imgrel_error e = {0};
    ir_json *j = NULL;
    int rc = ir_harbor_send_json(call, h, &ask, &j, &e);

    if (rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND || rc == IMGREL_EUNSUPPORTED) {
        (void)ir_harbor_version(call, h);
        rc = 0;
    }
    if (rc && err && !err->code)
        *err = e;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const ir_json *p = ir_json_at(list, i);
        rc = check_known(h, ir_json_get(j, ir_json_str(p, "kind")), p, err);
    }
    ir_json_free(j);
    return rc;
}

/* ---- from a spec ---- */

static int add_permission(ir_json *list, const char *ns, const ir_json *access, imgrel_error *err)
{
    ir_json *p = ir_json_pack("{s:s, s:s, s:o}", "kind", "project", "namespace", ns, "access",
                              ir_json_copy(access));

    return ir_json_append(list, p) ? ir_nomem(err) : 0;
}

/* access in the robot's project, or in each of the spec's. */
static int spread(const char *project, const ir_json *projects, const ir_json *access,
                  ir_json **ret, imgrel_error *err)
{
    ir_json *list = ir_json_new_array();
    int rc = list ? 0 : ir_nomem(err);

    if (project && projects)
        rc = ir_fail(err, IMGREL_EINVAL,
                     "a robot of project %s has rights there only: make a "
                     "system robot for several projects",
                     project);
    else if (!project && !ir_json_len(projects)) {
        rc = ir_fail(err, IMGREL_EINVAL, "for which projects are the rights of this system robot?");
        ir_cure(err, "name them, or say * for all");
    } else if (project)
        rc = add_permission(list, project, access, err);
    for (size_t i = 0; !rc && i < ir_json_len(projects); i++) {
        const char *ns = ir_json_text(ir_json_at(projects, i));
        rc = ir_streq(ns, "*") ? 0 : ir_harbor_name_check("project", ns, err);
        if (!rc)
            rc = add_permission(list, ns, access, err);
    }
    if (rc)
        ir_json_free(list);
    else
        *ret = list;
    return rc;
}

int ir_harbor_rights(const ir_call *call, ir_harbor *h, const char *project,
                     const ir_robot_spec *spec, ir_json **ret, imgrel_error *err)
{
    ir_json *access = NULL;
    int n = !!spec->role + !!spec->access + !!spec->permissions, rc = 0;

    *ret = NULL;
    if (n > 1 || (spec->permissions && spec->projects))
        return ir_fail(err, IMGREL_EINVAL,
                       "a robot's rights are a role, an access list or permissions: one of them");
    if (!n && spec->projects)
        return ir_fail(err, IMGREL_EINVAL, "projects are named, but no role or access for them");
    if (!n)
        return 0;
    if (spec->role)
        rc = from_role(spec->role, &access, err);
    else if (spec->access && !(rc = check_access(spec->access, err)))
        access = ir_json_ref((ir_json *)(uintptr_t)spec->access);
    if (!rc && access)
        rc = spread(project, spec->projects, access, ret, err);
    else if (!rc && !(rc = check_shape(project, spec->permissions, err)) &&
             !(*ret = ir_json_copy(spec->permissions)))
        rc = ir_nomem(err);
    if (!rc && !spec->role)
        rc = check_all(call, h, *ret, err);
    if (rc) {
        ir_json_free(*ret);
        *ret = NULL;
    }
    ir_json_free(access);
    return rc;
}
