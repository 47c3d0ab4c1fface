/* robot_create.c - a robot that is not there yet. What POST ignores (a secret of one's own, being
 * disabled) is done after it. When its answer is lost the robot may exist with a secret that nobody
 * knows: it is looked for, and if it is ours it gets another. */
#include "harbor/inside.h"

#include "fmt/header.h"

#include <stdlib.h>

#define CLOCKS_DIFFER_S 5

ir_json *ir_robot_body(const ir_robot_job *job, const ir_json *rights, int64_t days,
                       const char *description)
{
    return ir_json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", job->name, "description",
                        description ? description : "", "level",
                        job->project ? "project" : "system", "duration", (long long)days,
                        "permissions", ir_json_copy(rights));
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

int ir_robot_post(const ir_robot_job *job, const ir_json *body, ir_robot *ret, imgrel_error *err)
{
    ir_json *answer = NULL, *j = NULL;
    int rc = ir_robot_send(job, "POST", 0, body, &answer, err);

    if (rc)
        return rc;
    ret->secret = take_secret(answer);
    if (!ret->secret)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: robot %s was created but came without a secret",
                     job->h->host, job->name);
    /* The rest only makes the report fuller; the secret must not be lost for it. */
    else if (!ir_json_int(answer, "id", 0) ||
             ir_robot_send(job, "GET", ir_json_int(answer, "id", 0), NULL, &j, NULL))
        j = compose(body, answer);
    if (!rc)
        rc = ir_robot_fill(job, j, IR_CREATED, ret, err);
    ir_json_free(answer);
    return rc;
}

/* The prefix is a setting of the server; who may not read it (NULL) learns it from the robot. */
static char *read_prefix(const ir_robot_job *job)
{
    const ir_harbor_ask ask = {.path = "/configurations", .object = "configuration"};
    imgrel_error ignored = {0};
    ir_json *j = NULL;
    char *prefix = NULL;

    if (!job->h->robot && !ir_harbor_send_json(job->call, job->h, &ask, &j, &ignored))
        prefix = ir_strdup(ir_json_str(ir_json_get(j, "robot_name_prefix"), "value"));
    ir_json_free(j);
    return prefix;
}

/* Nothing is written: what would be. */
static int would_create(const ir_robot_job *job, const ir_json *body, ir_robot *ret,
                        imgrel_error *err)
{
    ir_json *j = ir_json_copy(body);
    char *prefix = read_prefix(job);
    char *name = ir_format("%s%s%s%s", prefix ? prefix : "", job->project ? job->project : "",
                           job->project ? "+" : "", job->name);
    int rc = j && name && !ir_json_puts(j, "name", name) ? 0 : ir_nomem(err);

    free(prefix);
    free(name);
    if (rc) {
        ir_json_free(j);
        return rc;
    }
    return ir_robot_fill(job, j, IR_CREATED, ret, err);
}

/* A robot with just our rights that was made while we waited for the answer. */
static bool is_ours(const ir_robot_job *job, const ir_json *robot, int64_t began)
{
    int64_t created = 0;

    return ir_rfc3339(ir_json_str(robot, "creation_time"), &created) &&
           created >= began - CLOCKS_DIFFER_S &&
           ir_harbor_rights_equal(ir_json_get(robot, "permissions"), job->rights);
}

/* The POST had no answer. 1: the robot is there, ours, and has a secret that we know; 0: it is not
 * there or not ours; or a code. */
static int recover(const ir_robot_job *job, int64_t began, ir_robot *ret, imgrel_error *err)
{
    ir_json *robot = NULL;
    int rc = ir_robot_locate(job, &robot, NULL) ? 0 : robot && is_ours(job, robot, began);

    if (rc == 1) {
        rc = ir_robot_rotate(job, robot, ret, err);
        if (!rc)
            ret->change = IR_CREATED;
        rc = rc ? rc : 1;
    }
    ir_json_free(robot);
    return rc;
}

static int post_surely(const ir_robot_job *job, const ir_json *body, ir_robot *ret,
                       imgrel_error *err)
{
    int64_t began = ir_harbor_now(job->h);
    imgrel_error e = {0}, later = {0};
    int rc = ir_robot_post(job, body, ret, &e), found = 0;

    if (rc == IMGREL_ENET || rc == IMGREL_ETIMEOUT || rc == IMGREL_EFAILED) {
        found = recover(job, began, ret, &later);
        if (found == 1)
            return 0;
        ir_cure(&e, found ? "the robot exists, but its secret is not known: run this again"
                          : "run this again: if the robot was made after all, it is found");
    }
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

static int disable(const ir_robot_job *job, ir_robot *ret, imgrel_error *err)
{
    ir_json *now = NULL;
    int rc = ir_json_put(ret->json, "disable", ir_json_new_bool(true)) ? ir_nomem(err) : 0;

    if (!rc)
        rc = ir_robot_send(job, "PUT", ret->id, ret->json, NULL, err);
    if (!rc && !ir_robot_send(job, "GET", ret->id, NULL, &now, NULL) && now) {
        ir_json_free(ret->json);
        ret->json = now;
    }
    return rc;
}

/* What the POST could not say. */
static int finish(const ir_robot_job *job, ir_robot *ret, imgrel_error *err)
{
    ir_json *robot = ir_json_ref(ret->json);
    int rc = 0;

    if (job->spec->secret && !ir_streq(job->spec->secret, ret->secret))
        rc = ir_robot_rotate(job, robot, ret, err);
    if (!rc && job->spec->enabled < 0)
        rc = disable(job, ret, err);
    if (!rc)
        ret->change = IR_CREATED;
    ir_json_free(robot);
    return rc;
}

int ir_robot_create(const ir_robot_job *job, ir_robot *ret, imgrel_error *err)
{
    int64_t days = 0;
    ir_json *body = NULL;
    int rc = ir_robot_duration(NULL, job->spec, ir_harbor_now(job->h), false, &days, err);

    if (rc)
        return rc;
    if (!job->rights)
        return ir_fail(err, IMGREL_EINVAL, "a new robot needs a role or a list of rights");
    body = ir_robot_body(job, job->rights, days, job->spec->description);
    if (!body)
        return ir_nomem(err);
    rc = IR_DRY_RUN(job->call) ? would_create(job, body, ret, err)
                               : post_surely(job, body, ret, err);
    if (!rc && !IR_DRY_RUN(job->call))
        rc = finish(job, ret, err);
    ir_json_free(body);
    return rc;
}
