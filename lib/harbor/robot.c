/* robot.c - robot accounts made to be as they should: looked for, compared, and only then written.
 * A change is the whole object read, modified and written, because PUT clears what is left out;
 * its life is counted from its creation, not from now; and its secret is seen once. */
#include "harbor/inside.h"

#include <stdlib.h>

static int check_names(const char *project, const char *name, imgrel_error *err)
{
    int rc = project ? ir_harbor_name_check("project", project, err) : 0;

    if (rc)
        return rc;
    rc = ir_harbor_name_check("robot", name, err);
    if (rc && name && strpbrk(name, "+$"))
        ir_cure(err, "give the robot's name alone, without prefix and project");
    if (!rc && project && strlen(project) + 1 + strlen(name) > IR_HARBOR_NAME_MAX)
        rc = ir_fail(err, IMGREL_EINVAL, "robot name %s+%s is longer than 255 characters", project,
                     name); /* Harbor says 500 to it */
    return rc;
}

static int not_there(const ir_robot_job *job, imgrel_error *err)
{
    if (job->project)
        ir_fail(err, IMGREL_ENOTFOUND, "%s: project %s has no robot %s", job->h->host, job->project,
                job->name);
    else
        ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no system robot %s", job->h->host, job->name);
    ir_cure(err, "see imgrel harbor robot list%s%s", job->project ? " " : "",
            job->project ? job->project : "");
    return IMGREL_ENOTFOUND;
}

/* ---- what would change ---- */

static bool wants_state(const ir_robot_job *job, const ir_json *robot, bool *ret_disable)
{
    bool disabled = ir_json_bool(robot, "disable", false);

    *ret_disable =
        job->spec->enabled ? job->spec->enabled < 0 : disabled && job->verb == IR_ROBOT_UPDATE;
    return *ret_disable != disabled;
}

/* The whole object with what the spec wants; *ret NULL: nothing differs. */
static int plan(const ir_robot_job *job, const ir_json *robot, ir_json **ret, imgrel_error *err)
{
    const char *old = ir_json_str(robot, "description"), *text = job->spec->description;
    int64_t duration = 0;
    bool rights =
        job->rights && !ir_harbor_rights_equal(ir_json_get(robot, "permissions"), job->rights);
    bool disable = false, state = wants_state(job, robot, &disable), life = false;
    ir_json *j = NULL;
    int rc = ir_robot_duration(robot, job->spec, ir_harbor_now(job->h),
                               job->verb != IR_ROBOT_UPDATE, &duration, err);

    *ret = NULL;
    if (rc)
        return rc;
    life = duration != ir_json_int(robot, "duration", 0);
    if (text && ir_streq(text, old ? old : ""))
        text = NULL;
    if (!rights && !life && !text && !state)
        return 0;
    j = ir_json_copy(robot);
    if (rights)
        rc |= ir_json_put(j, "permissions", ir_json_copy(job->rights));
    if (text)
        rc |= ir_json_puts(j, "description", text);
    rc |= ir_json_put(j, "disable", ir_json_new_bool(disable));
    /* Always: Harbor up to 2.10 would make it 30 days. */
    rc |= ir_json_put(j, "duration", ir_json_new_int(duration));
    if (!j || rc) {
        ir_json_free(j);
        return ir_nomem(err);
    }
    *ret = j;
    return 0;
}

static int check_usable(const ir_robot_job *job, const ir_json *robot, imgrel_error *err)
{
    const char *name = ir_json_str(robot, "name");

    if (!ir_json_bool(robot, "disable", false) || job->spec->enabled ||
        job->verb == IR_ROBOT_UPDATE || IR_FORCE(job->call))
        return 0;
    ir_fail(err, IMGREL_ECONFLICT, "%s: robot %s is disabled", job->h->host, name ? name : "?");
    ir_cure(err, "somebody switched it off: imgrel harbor robot enable, or --force to do so here");
    return IMGREL_ECONFLICT;
}

/* Robots of the first kind, kept over an upgrade, can only be made anew; one whose projects were
 * deleted has no rights left, and Harbor takes it back only with some. */
static int check_editable(const ir_robot_job *job, const ir_json *want, imgrel_error *err)
{
    const char *name = ir_json_str(want, "name");

    if (!ir_json_bool(want, "editable", true)) {
        ir_fail(err, IMGREL_EDENIED, "%s: robot %s is of an old kind that cannot be changed",
                job->h->host, name ? name : "?");
        ir_cure(err, "delete it and create it again; its secret will be another");
        return IMGREL_EDENIED;
    }
    if (!ir_json_len(ir_json_get(want, "permissions"))) {
        ir_fail(err, IMGREL_ECONFLICT, "%s: robot %s has no rights left: its projects were deleted",
                job->h->host, name ? name : "?");
        ir_cure(err, "give it rights again (--role or --access), or delete it");
        return IMGREL_ECONFLICT;
    }
    return 0;
}

/* Writes the planned object and reads what Harbor made of it; want is taken. */
static int update(const ir_robot_job *job, ir_json *want, ir_json **ret, imgrel_error *err)
{
    int64_t id = ir_json_int(want, "id", 0);
    imgrel_error e = {0};
    int rc = 0;

    if (IR_DRY_RUN(job->call)) {
        *ret = want;
        return 0;
    }
    rc = ir_robot_send(job, "PUT", id, want, NULL, &e);
    ir_json_free(want);
    if (!rc)
        return ir_robot_send(job, "GET", id, NULL, ret, err);
    if (rc == IMGREL_EDENIED && job->h->robot) {
        e.cure[0] = '\0';
        ir_cure(&e, "no robot may change a robot: use a project administrator's login, or delete "
                    "the robot and create it again");
    }
    if (err && !err->code)
        *err = e;
    return rc;
}

/* The secret, once the rest is right. */
static int secret_of(const ir_robot_job *job, ir_json *robot, enum ir_change change, ir_robot *ret,
                     imgrel_error *err)
{
    bool rotate = job->spec->new_secret;
    int rc = 0;

    if (rotate && !IR_DRY_RUN(job->call))
        return ir_robot_rotate(job, robot, ret, err);
    rc = ir_robot_fill(job, ir_json_ref(robot), rotate ? IR_ROTATED : change, ret, err);
    if (!rc && job->spec->secret && !IR_DRY_RUN(job->call))
        rc = ir_robot_own_secret(job, robot, ret, err);
    return rc;
}

/* robot is taken. */
static int change_existing(const ir_robot_job *job, ir_json *robot, ir_robot *ret,
                           imgrel_error *err)
{
    ir_json *want = NULL, *now = NULL;
    int rc = check_usable(job, robot, err);

    if (!rc)
        rc = plan(job, robot, &want, err);
    if (!rc && want)
        rc = check_editable(job, want, err);
    if (!rc && want) {
        rc = update(job, want, &now, err);
        want = NULL;
    }
    if (!rc)
        rc = secret_of(job, now ? now : robot, now ? IR_CHANGED : IR_UNCHANGED, ret, err);
    ir_json_free(want);
    ir_json_free(now);
    ir_json_free(robot);
    return rc;
}

static int exists_already(const ir_robot_job *job, ir_json *robot, imgrel_error *err)
{
    const char *name = ir_json_str(robot, "name");

    ir_fail(err, IMGREL_ECONFLICT, "%s: robot %s exists already", job->h->host, name ? name : "?");
    ir_cure(err, "use ensure to make it as it should be, or take another name");
    ir_json_free(robot);
    return IMGREL_ECONFLICT;
}

/* One that somebody else created between our look and our POST is read again. */
static int make(const ir_robot_job *job, ir_robot *ret, imgrel_error *err)
{
    ir_json *robot = NULL;
    imgrel_error e = {0};
    int rc = ir_robot_create(job, ret, &e);

    if (rc == IMGREL_ECONFLICT && job->verb == IR_ROBOT_ENSURE &&
        !ir_robot_locate(job, &robot, NULL) && robot)
        return change_existing(job, robot, ret, err);
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

static int check_spec(const ir_robot_job *job, imgrel_error *err)
{
    const ir_robot_spec *s = job->spec;

    if (job->verb != IR_ROBOT_UPDATE && !s->role && !s->access && !s->permissions)
        return ir_fail(err, IMGREL_EINVAL, "a robot needs a role or a list of rights");
    if (s->days < -1 || s->days > IR_ROBOT_DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %lld days", (long long)s->days);
    return s->secret ? ir_robot_secret_check(s->secret, err) : 0;
}

int ir_harbor_robot_put(const ir_call *call, ir_harbor *h, enum ir_robot_verb verb,
                        const char *project, const char *name, const ir_robot_spec *spec,
                        ir_robot *ret, imgrel_error *err)
{
    ir_robot_job job = {
        .call = call, .h = h, .project = project, .name = name, .spec = spec, .verb = verb};
    ir_json *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    if ((rc = check_names(project, name, err)) || (rc = check_spec(&job, err)) ||
        (rc = ir_harbor_rights(call, h, project, spec, &job.rights, err)) ||
        (rc = ir_robot_locate(&job, &robot, err)))
        goto out;
    if (!robot && verb == IR_ROBOT_UPDATE)
        rc = not_there(&job, err);
    else if (!robot)
        rc = make(&job, ret, err);
    else if (verb == IR_ROBOT_CREATE)
        rc = exists_already(&job, robot, err);
    else
        rc = change_existing(&job, robot, ret, err);
    if (rc)
        ir_robot_free(ret);
out:
    ir_json_free(job.rights);
    return rc;
}

int ir_harbor_robot_ensure(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           const ir_robot_spec *spec, ir_robot *ret, imgrel_error *err)
{
    return ir_harbor_robot_put(call, h, IR_ROBOT_ENSURE, project, name, spec, ret, err);
}

/* ---- reading, rotating, deleting ---- */

/* The object of a robot that must be there. */
static int find(const ir_robot_job *job, ir_json **ret, imgrel_error *err)
{
    int rc = check_names(job->project, job->name, err);

    if (!rc)
        rc = ir_robot_locate(job, ret, err);
    return rc ? rc : *ret ? 0 : not_there(job, err);
}

int ir_harbor_robot_find(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                         ir_robot *ret, imgrel_error *err)
{
    const ir_robot_job job = {.call = call, .h = h, .project = project, .name = name};
    ir_json *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    rc = find(&job, &robot, err);
    if (!rc)
        rc = ir_robot_fill(&job, robot, IR_UNCHANGED, ret, err);
    if (rc)
        ir_robot_free(ret);
    return rc;
}

int ir_harbor_robot_rotate(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           ir_robot *ret, imgrel_error *err)
{
    const ir_robot_job job = {.call = call, .h = h, .project = project, .name = name};
    ir_json *robot = NULL;
    int rc = 0;

    *ret = (ir_robot){0};
    rc = find(&job, &robot, err);
    if (!rc)
        rc = IR_DRY_RUN(call) ? ir_robot_fill(&job, ir_json_ref(robot), IR_ROTATED, ret, err)
                              : ir_robot_rotate(&job, robot, ret, err);
    if (rc)
        ir_robot_free(ret);
    ir_json_free(robot);
    return rc;
}

int ir_harbor_robot_delete(const ir_call *call, ir_harbor *h, const char *project, const char *name,
                           imgrel_error *err)
{
    const ir_robot_job job = {.call = call, .h = h, .project = project, .name = name};
    ir_json *robot = NULL;
    int rc = find(&job, &robot, err);

    if (!rc)
        rc = ir_robot_send(&job, "DELETE", ir_json_int(robot, "id", 0), NULL, NULL, err);
    ir_json_free(robot);
    return rc;
}
