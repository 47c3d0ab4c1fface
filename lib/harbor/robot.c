/* robot.c - robot accounts of a project, made to be as they should. A robot is found by its stored
 * name (project+name), its prefix is read from it and never assumed; a change is the whole object
 * read, modified and written, because PUT clears what is left out; its life is counted from its
 * creation, not from now; and its secret is seen once. */
#include "harbor/inside.h"

#include "fmt/header.h"

#include <stdlib.h>
#include <time.h>

#define DAY_S 86400
#define DAYS_MAX 2147483646 /* Harbor refuses more with 400 */

void ir_robot_free(ir_robot *r)
{
    if (!r)
        return;
    free(r->name);
    ir_free_secret(r->secret);
    ir_json_free(r->json);
    *r = (ir_robot){0};
}

static int check_names(const char *project, const char *name, imgrel_error *err)
{
    int rc = ir_harbor_name_check("project", project, err);

    if (rc)
        return rc;
    rc = ir_harbor_name_check("robot", name, err);
    if (rc && name && strpbrk(name, "+$"))
        ir_cure(err, "give the robot's name alone, without prefix and project");
    if (!rc && strlen(project) + 1 + strlen(name) > IR_HARBOR_NAME_MAX)
        rc = ir_fail(err, IMGREL_EINVAL, "robot name %s+%s is longer than 255 characters", project,
                     name); /* Harbor says 500 to it */
    return rc;
}

/* Whether a robot's full name is prefix + stored name, and it is of this project alone. */
static bool is_robot(const ir_json *j, const char *project, const char *stored)
{
    const char *name = ir_json_str(j, "name");
    const ir_json *permissions = ir_json_get(j, "permissions");
    const char *ns = ir_json_str(ir_json_at(permissions, 0), "namespace");

    return name && ir_ends(name, stored) && (!ns || ir_streq(ns, project));
}

/* *ret NULL: there is none. */
static int locate(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                  ir_json **ret, imgrel_error *err)
{
    char *stored = ir_format("%s+%s", project, name),
         *query = ir_format("name=%s+%s", project, name);
    ir_harbor_pages *pages = NULL;
    ir_json *item = NULL;
    int rc = stored && query ? 0 : ir_nomem(err);

    *ret = NULL;
    if (!rc)
        rc = ir_harbor_list(call, h, "robot", project, query, &pages, err);
    while (!rc && !*ret && (rc = ir_harbor_pages_next(call, pages, &item, err)) == 1) {
        if (is_robot(item, project, stored))
            *ret = ir_json_ref(item);
        ir_json_free(item);
        rc = 0;
    }
    ir_harbor_pages_free(pages);
    free(stored);
    free(query);
    return ir_harbor_project_truth(call, h, project, rc, err);
}

static int not_there(const ir_harbor *h, const char *project, const char *name, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: project %s has no robot %s", h->host, project, name);
    ir_cure(err, "see imgrel harbor robot list %s", project);
    return IMGREL_ENOTFOUND;
}

/* Sends to /robots/ID, or to /robots when id is 0. */
static int send(const ir_call *call, ir_harbor *h, const char *method, int64_t id,
                const ir_json *body, const char *name, ir_json **ret, imgrel_error *err)
{
    char *path = id ? ir_format("/robots/%lld", (long long)id) : ir_strdup("/robots");
    char *object = ir_format("robot %s", name);
    const ir_harbor_ask ask = {.method = method, .path = path, .body = body, .object = object};
    int rc = 0;

    if (!path || !object)
        rc = ir_nomem(err);
    else if (ir_streq(method, "DELETE"))
        rc = ir_harbor_send_delete(call, h, &ask, err);
    else
        rc = ir_harbor_send_json(call, h, &ask, ret, err);
    free(path);
    free(object);
    return rc;
}

/* Takes "secret" out of an answer and wipes it there; NULL: none or no memory. */
static char *take_secret(ir_json *j)
{
    const char *text = ir_json_str(j, "secret");
    char *copy = text && *text ? ir_strdup(text) : NULL;

    if (text) {
        ir_wipe((void *)(uintptr_t)text, strlen(text)); /* the document is ours alone */
        ir_json_remove(j, "secret");
    }
    return copy;
}

/* Fills ret from Harbor's object, which is taken. */
static int fill(ir_robot *ret, ir_json *j, enum ir_change change, const ir_harbor *h,
                imgrel_error *err)
{
    const char *name = ir_json_str(j, "name");
    int64_t id = ir_json_int(j, "id", 0);

    if (!name || (!id && change != IR_CREATED)) {
        ir_json_free(j);
        return ir_fail(err, IMGREL_EPROTO, "%s: a robot comes without name or id", h->host);
    }
    free(ret->name);
    ret->name = ir_strdup(name);
    ret->id = id;
    ret->change = change;
    ir_json_free(ret->json);
    ret->json = j;
    return ret->name ? 0 : ir_nomem(err);
}

/* ---- what it should be ---- */

/* Harbor counts a life from the creation: to live N days from now it is what has passed and N. */
static int64_t days_from_creation(const ir_json *robot, int64_t days)
{
    int64_t created = 0, now = (int64_t)time(NULL);

    if (days < 0)
        return -1;
    if (!ir_rfc3339(ir_json_str(robot, "creation_time"), &created) || now < created)
        return days;
    return days + (now - created) / DAY_S;
}

/* The duration that the robot shall have; its own if nothing is asked and it still lives. One that
 * has expired lives again for as long as it was first given. */
static int64_t wanted_duration(const ir_json *robot, int64_t days)
{
    int64_t expires = ir_json_int(robot, "expires_at", -1);
    int64_t duration = ir_json_int(robot, "duration", -1);

    if (days)
        return days_from_creation(robot, days);
    if (expires >= 0 && expires <= (int64_t)time(NULL))
        return days_from_creation(robot, duration > 0 ? duration : 30);
    return duration ? duration : -1;
}

static ir_json *permissions_of(const char *project, const ir_json *access)
{
    return ir_json_pack("[{s:s, s:s, s:o}]", "kind", "project", "namespace", project, "access",
                        ir_json_copy(access));
}

static bool same_rights(const ir_json *robot, const char *project, const ir_json *access)
{
    const ir_json *list = ir_json_get(robot, "permissions"), *p = ir_json_at(list, 0);

    return ir_json_len(list) == 1 && ir_streq(ir_json_str(p, "kind"), "project") &&
           ir_streq(ir_json_str(p, "namespace"), project) &&
           ir_harbor_access_equal(ir_json_get(p, "access"), access);
}

/* The whole object with what the spec wants; *ret NULL: nothing differs. */
static int plan(const ir_json *robot, const char *project, const ir_json *access,
                const ir_robot_spec *spec, ir_json **ret, imgrel_error *err)
{
    int64_t duration = wanted_duration(robot, spec->days);
    const char *old = ir_json_str(robot, "description");
    bool rights = !same_rights(robot, project, access);
    bool life = duration != ir_json_int(robot, "duration", 0);
    bool text = spec->description && !ir_streq(spec->description, old ? old : "");
    ir_json *j = NULL;
    int rc = 0;

    *ret = NULL;
    if (duration > DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %lld days", (long long)duration);
    if (!rights && !life && !text)
        return 0;
    j = ir_json_copy(robot);
    if (rights)
        rc |= ir_json_put(j, "permissions", permissions_of(project, access));
    if (text)
        rc |= ir_json_puts(j, "description", spec->description);
    rc |= ir_json_put(j, "duration", ir_json_new_int(duration));
    if (!j || rc) {
        ir_json_free(j);
        return ir_nomem(err);
    }
    *ret = j;
    return 0;
}

/* ---- creating ---- */

static ir_json *new_robot(const char *project, const char *name, const ir_json *access,
                          int64_t days, const char *description)
{
    return ir_json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", name, "description",
                        description ? description : "", "level", "project", "duration",
                        (long long)(days ? days : -1), "permissions",
                        permissions_of(project, access));
}

/* What is known of a robot that may be created but not read. */
static ir_json *compose(const ir_json *body, const ir_json *answer)
{
    ir_json *j = ir_json_copy(body);

    for (void *it = ir_json_first(answer); it; it = ir_json_next(answer, it))
        if (ir_json_put(j, ir_json_key(it), ir_json_ref(ir_json_value(it))))
            break;
    return j;
}

static int create(const ir_call *call, ir_harbor *h, const char *name, const ir_json *body,
                  ir_robot *ret, imgrel_error *err)
{
    ir_json *answer = NULL, *j = NULL;
    int rc = send(call, h, "POST", 0, body, name, &answer, err);

    if (rc)
        return rc;
    ret->secret = take_secret(answer);
    if (!ret->secret)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: robot %s was created but came without a secret",
                     h->host, name);
    /* The rest only makes the report fuller; the secret must not be lost for it. */
    else if (!ir_json_int(answer, "id", 0) ||
             send(call, h, "GET", ir_json_int(answer, "id", 0), NULL, name, &j, NULL))
        j = compose(body, answer);
    if (!rc)
        rc = fill(ret, j, IR_CREATED, h, err);
    ir_json_free(answer);
    return rc;
}

/* Nothing is sent: what would be. The prefix is the server's and not known. */
static int would_create(const char *project, const char *name, const ir_json *body,
                        const ir_harbor *h, ir_robot *ret, imgrel_error *err)
{
    ir_json *j = ir_json_copy(body);
    char *stored = ir_format("%s+%s", project, name);
    int rc = j && stored && !ir_json_puts(j, "name", stored) ? 0 : ir_nomem(err);

    free(stored);
    if (rc) {
        ir_json_free(j);
        return rc;
    }
    return fill(ret, j, IR_CREATED, h, err);
}

/* ---- changing ---- */

/* No robot may PATCH a robot: for one, a new secret means a new account of the same rights. */
static int recreate(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                    const ir_json *robot, ir_robot *ret, imgrel_error *err)
{
    const ir_json *permission = ir_json_at(ir_json_get(robot, "permissions"), 0);
    int64_t expires = ir_json_int(robot, "expires_at", -1), now = (int64_t)time(NULL);
    int64_t days = expires < 0 ? -1 : expires > now ? (expires - now + DAY_S - 1) / DAY_S : 30;
    ir_json *body = new_robot(project, name, ir_json_get(permission, "access"), days,
                              ir_json_str(robot, "description"));
    int rc = body ? send(call, h, "DELETE", ir_json_int(robot, "id", 0), NULL, name, NULL, err)
                  : ir_nomem(err);

    if (!rc)
        rc = create(call, h, name, body, ret, err);
    if (!rc)
        ret->change = IR_ROTATED;
    ir_json_free(body);
    return rc;
}

/* PATCH with an empty object: Harbor makes the secret. robot is borrowed. */
static int rotate(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                  ir_json *robot, ir_robot *ret, imgrel_error *err)
{
    ir_json *body = ir_json_new_object(), *answer = NULL;
    imgrel_error e = {0};
    int rc = body ? send(call, h, "PATCH", ir_json_int(robot, "id", 0), body, name, &answer, &e)
                  : ir_nomem(&e);

    ir_json_free(body);
    if (rc == IMGREL_EDENIED && h->robot)
        return recreate(call, h, project, name, robot, ret, err);
    if (rc) {
        if (err && !err->code)
            *err = e;
        return rc;
    }
    ret->secret = take_secret(answer);
    ir_json_free(answer);
    if (!ret->secret)
        return ir_fail(err, IMGREL_EPROTO, "%s: robot %s: no new secret came back", h->host, name);
    return fill(ret, ir_json_ref(robot), IR_ROTATED, h, err);
}

static int check_usable(const ir_call *call, const ir_harbor *h, const ir_json *robot,
                        imgrel_error *err)
{
    const char *name = ir_json_str(robot, "name");

    if (!ir_json_bool(robot, "disable", false) || IR_FORCE(call))
        return 0;
    ir_fail(err, IMGREL_ECONFLICT, "%s: robot %s is disabled", h->host, name ? name : "?");
    ir_cure(err, "somebody switched it off: enable it in Harbor, or use --force to do so here");
    return IMGREL_ECONFLICT;
}

/* Robots of the first kind, kept over an upgrade, can only be made anew. */
static int check_editable(const ir_harbor *h, const ir_json *robot, imgrel_error *err)
{
    const char *name = ir_json_str(robot, "name");

    if (ir_json_bool(robot, "editable", true))
        return 0;
    ir_fail(err, IMGREL_EDENIED, "%s: robot %s is of an old kind that cannot be changed", h->host,
            name ? name : "?");
    ir_cure(err, "delete it and create it again; its secret will be another");
    return IMGREL_EDENIED;
}

/* Writes the planned object and reads what Harbor made of it; want is taken. */
static int update(const ir_call *call, ir_harbor *h, const char *name, ir_json *want, ir_json **ret,
                  imgrel_error *err)
{
    int64_t id = ir_json_int(want, "id", 0);
    imgrel_error e = {0};
    int rc = 0;

    if (IR_DRY_RUN(call)) {
        *ret = want;
        return 0;
    }
    rc = send(call, h, "PUT", id, want, name, NULL, &e);
    ir_json_free(want);
    if (!rc)
        return send(call, h, "GET", id, NULL, name, ret, err);
    if (rc == IMGREL_EDENIED && h->robot) {
        e.cure[0] = '\0';
        ir_cure(&e, "no robot may change a robot: use a project administrator's login, or delete "
                    "the robot and create it again");
    }
    if (err && !err->code)
        *err = e;
    return rc;
}

/* robot is taken. */
static int ensure_existing(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           ir_json *robot, const ir_json *access, const ir_robot_spec *spec,
                           ir_robot *ret, imgrel_error *err)
{
    enum ir_change change = IR_UNCHANGED;
    ir_json *want = NULL, *now = NULL;
    int rc = check_usable(call, h, robot, err);

    if (!rc)
        rc = plan(robot, project, access, spec, &want, err);
    if (!rc && ir_json_bool(robot, "disable", false)) {
        want = want ? want : ir_json_copy(robot);
        if (ir_json_put(want, "disable", ir_json_new_bool(false)))
            rc = ir_nomem(err);
    }
    if (!rc && want)
        rc = check_editable(h, robot, err);
    if (!rc && want) {
        change = IR_CHANGED;
        rc = update(call, h, name, want, &now, err);
        want = NULL;
    }
    if (!rc && spec->new_secret && !IR_DRY_RUN(call))
        rc = rotate(call, h, project, name, now ? now : robot, ret, err);
    else if (!rc)
        rc = fill(ret, ir_json_ref(now ? now : robot), spec->new_secret ? IR_ROTATED : change, h,
                  err);
    ir_json_free(want);
    ir_json_free(now);
    ir_json_free(robot);
    return rc;
}

static int check_spec(const ir_robot_spec *spec, imgrel_error *err)
{
    if (spec->days < -1 || spec->days > DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %lld days", (long long)spec->days);
    return 0;
}

/* One that somebody else created between our look and our POST is read again. */
static int ensure_created(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                          const ir_json *access, const ir_robot_spec *spec, ir_robot *ret,
                          imgrel_error *err)
{
    ir_json *body = new_robot(project, name, access, spec->days, spec->description);
    ir_json *robot = NULL;
    imgrel_error e = {0};
    int rc = 0;

    if (!body)
        return ir_nomem(err);
    rc = IR_DRY_RUN(call) ? would_create(project, name, body, h, ret, &e)
                          : create(call, h, name, body, ret, &e);
    if (rc == IMGREL_ECONFLICT && !locate(call, h, project, name, &robot, NULL) && robot)
        rc = ensure_existing(call, h, project, name, robot, access, spec, ret, err);
    else if (rc && err && !err->code)
        *err = e;
    ir_json_free(body);
    return rc;
}

int ir_harbor_robot_ensure(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           const ir_robot_spec *spec, ir_robot *ret, imgrel_error *err)
{
    ir_json *access = NULL, *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    if ((rc = check_names(project, name, err)) || (rc = check_spec(spec, err)) ||
        (rc = ir_harbor_access(call, h, spec, &access, err)) ||
        (rc = locate(call, h, project, name, &robot, err)))
        goto out;
    rc = robot ? ensure_existing(call, h, project, name, robot, access, spec, ret, err)
               : ensure_created(call, h, project, name, access, spec, ret, err);
    if (rc)
        ir_robot_free(ret);
out:
    ir_json_free(access);
    return rc;
}

/* ---- reading, rotating, deleting ---- */

/* The object of a robot that must be there. */
static int find(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                ir_json **ret, imgrel_error *err)
{
    int rc = check_names(project, name, err);

    if (!rc)
        rc = locate(call, h, project, name, ret, err);
    return rc ? rc : *ret ? 0 : not_there(h, project, name, err);
}

int ir_harbor_robot_find(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                         ir_robot *ret, imgrel_error *err)
{
    ir_json *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    rc = find(call, h, project, name, &robot, err);
    if (!rc)
        rc = fill(ret, robot, IR_UNCHANGED, h, err);
    if (rc)
        ir_robot_free(ret);
    return rc;
}

int ir_harbor_robot_rotate(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           ir_robot *ret, imgrel_error *err)
{
    ir_json *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    rc = find(call, h, project, name, &robot, err);
    if (!rc)
        rc = IR_DRY_RUN(call) ? fill(ret, ir_json_ref(robot), IR_ROTATED, h, err)
                              : rotate(call, h, project, name, robot, ret, err);
    if (rc)
        ir_robot_free(ret);
    ir_json_free(robot);
    return rc;
}

int ir_harbor_robot_delete(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           imgrel_error *err)
{
    ir_json *robot = NULL;
    int rc = find(call, h, project, name, &robot, err);

    if (!rc)
        rc = send(call, h, "DELETE", ir_json_int(robot, "id", 0), NULL, name, NULL, err);
    ir_json_free(robot);
    return rc;
}
