/* robot_secret.c - secrets of robots: the policy, one of our own making, and how a robot gets it.
 * A rotation sends a secret that is known here before Harbor has it: sent again it does no harm,
 * and when the answer is lost a login tells whether it was taken. */
#include "harbor/inside.h"

#include "base/hash.h"

#include <stdlib.h>
#include <time.h>

#define DAY_S 86400

int ir_robot_secret_check(const char *secret, imgrel_error *err)
{
    size_t len = strlen(secret);
    bool lower = false, upper = false, digit = false;

    for (const char *p = secret; *p; p++) {
        lower = lower || (*p >= 'a' && *p <= 'z');
        upper = upper || (*p >= 'A' && *p <= 'Z');
        digit = digit || (*p >= '0' && *p <= '9');
    }
    if (len >= 8 && len <= 128 && lower && upper && digit)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "the robot's secret %s",
            len < 8     ? "is shorter than 8 bytes"
            : len > 128 ? "is longer than 128 bytes"
            : !lower    ? "has no lower-case letter"
            : !upper    ? "has no upper-case letter"
                        : "has no digit");
    ir_cure(err, "Harbor wants 8 to 128 bytes with a lower-case letter, an upper-case letter and a "
                 "digit; or let a new one be made");
    return IMGREL_EINVAL;
}

int ir_robot_secret_make(char **ret, imgrel_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char raw[256];
    char *s = malloc(33);
    int rc = s ? 0 : ir_nomem(err);

    *ret = NULL;
    while (!rc && !(rc = ir_random(raw, sizeof raw, err))) {
        size_t n = 0;
        for (size_t i = 0; n < 32 && i < sizeof raw; i++)
            if (raw[i] < 4 * 62) /* what is above would make some letters likelier */
                s[n++] = letters[raw[i] % 62];
        s[n] = '\0';
        if (n == 32 && !ir_robot_secret_check(s, NULL))
            break;
    }
    ir_wipe(raw, sizeof raw);
    if (rc)
        ir_free_secret(s);
    else
        *ret = s;
    return rc;
}

int ir_harbor_robot_login(const ir_call *call, ir_harbor *h, const char *full_name,
                          const char *secret, imgrel_error *err)
{
    ir_harbor robot = {.url = h->url,
                       .host = h->host,
                       .user = (char *)(uintptr_t)full_name,
                       .secret = (char *)(uintptr_t)secret,
                       .robot = true};
    const ir_harbor_ask ask = {.path = "/users/current", .object = "login"};
    imgrel_error e = {0};
    int rc = ir_harbor_send_json(call, &robot, &ask, NULL, &e);

    /* 412: good, and it is a robot. */
    if (!rc || e.http_status == 412)
        return 1;
    if (e.http_status == 401)
        return 0;
    if (err && !err->code)
        *err = e;
    return rc;
}

/* ---- by a robot: delete and make again ---- */

static int64_t days_left(const ir_robot_job *job, const ir_json *robot)
{
    int64_t expires = ir_json_int(robot, "expires_at", -1), now = ir_harbor_now(job->h);

    return expires < 0 ? -1 : expires > now ? (expires - now + DAY_S - 1) / DAY_S : 30;
}

static int is_myself(const ir_robot_job *job, const ir_json *robot, imgrel_error *err)
{
    if (!ir_streq(ir_json_str(robot, "name"), job->h->user))
        return 0;
    ir_fail(err, IMGREL_EDENIED, "%s: robot %s cannot rotate itself", job->h->host, job->h->user);
    ir_cure(err, "no robot may change a robot, and who deletes itself cannot come back: use a "
                 "project administrator's login");
    return IMGREL_EDENIED;
}

/* No robot may PATCH a robot: for one, a new secret means a new account of the same rights. */
static int recreate(const ir_robot_job *job, const ir_json *robot, ir_robot *ret, imgrel_error *err)
{
    ir_json *body = NULL;
    imgrel_error e = {0};
    int rc = is_myself(job, robot, err);

    if (rc)
        return rc;
    body = ir_robot_body(job, ir_json_get(robot, "permissions"), days_left(job, robot),
                         ir_json_str(robot, "description"));
    rc = body ? ir_robot_send(job, "DELETE", ir_json_int(robot, "id", 0), NULL, NULL, err)
              : ir_nomem(err);
    if (!rc && (rc = ir_robot_post(job, body, ret, &e))) {
        ir_error_prefix(&e, "the old robot was deleted, but");
        ir_cure(&e, "make it again: imgrel harbor robot ensure");
        if (err && !err->code)
            *err = e;
    }
    if (!rc)
        ret->change = IR_ROTATED;
    ir_json_free(body);
    return rc;
}

/* ---- by who may ---- */

/* Sends it; an answer that got lost is made good by a login with it. */
static int patch(const ir_robot_job *job, const ir_json *robot, char **secret, imgrel_error *err)
{
    ir_json *body = ir_json_pack("{s:s}", "secret", *secret), *answer = NULL;
    const char *given = NULL;
    imgrel_error e = {0};
    int rc = body ? ir_robot_send(job, "PATCH", ir_json_int(robot, "id", 0), body, &answer, &e)
                  : ir_nomem(&e);
    bool lost = rc == IMGREL_ENET || rc == IMGREL_ETIMEOUT || rc == IMGREL_EFAILED;

    if (lost &&
        ir_harbor_robot_login(job->call, job->h, ir_json_str(robot, "name"), *secret, NULL) == 1)
        rc = 0;
    /* An empty answer means: the one that was sent. */
    given = ir_json_str(answer, "secret");
    if (!rc && given && *given) {
        ir_free_secret(*secret);
        *secret = ir_strdup(given);
        ir_wipe((void *)(uintptr_t)given, strlen(given)); /* the document is ours alone */
        if (!*secret)
            rc = ir_nomem(&e);
    }
    if (rc && lost)
        ir_cure(&e, "whether its secret was changed is not known: do it again");
    if (rc && err && !err->code)
        *err = e;
    given = ir_json_str(body, "secret");
    if (given)
        ir_wipe((void *)(uintptr_t)given, strlen(given));
    ir_json_free(body);
    ir_json_free(answer);
    return rc;
}

int ir_robot_rotate(const ir_robot_job *job, ir_json *robot, ir_robot *ret, imgrel_error *err)
{
    const char *own = job->spec ? job->spec->secret : NULL;
    char *secret = NULL;
    imgrel_error e = {0};
    int rc =
        own ? ((secret = ir_strdup(own)) ? 0 : ir_nomem(err)) : ir_robot_secret_make(&secret, err);

    if (rc)
        return rc;
    rc = patch(job, robot, &secret, &e);
    if (rc == IMGREL_EDENIED && job->h->robot && !own) {
        ir_free_secret(secret);
        return recreate(job, robot, ret, err);
    }
    if (rc) {
        if (err && !err->code)
            *err = e;
        ir_free_secret(secret);
        return rc;
    }
    ir_free_secret(ret->secret);
    ret->secret = secret;
    return ir_robot_fill(job, ir_json_ref(robot), IR_ROTATED, ret, err);
}

/* Whether it is the robot's already only a login can tell. */
int ir_robot_own_secret(const ir_robot_job *job, ir_json *robot, ir_robot *ret, imgrel_error *err)
{
    bool can_log_in = !ir_json_bool(robot, "disable", false);
    int good = can_log_in ? ir_harbor_robot_login(job->call, job->h, ir_json_str(robot, "name"),
                                                  job->spec->secret, err)
                          : 0;

    if (good < 0)
        return good;
    if (!good)
        return ir_robot_rotate(job, robot, ret, err);
    ir_free_secret(ret->secret);
    ret->secret = ir_strdup(job->spec->secret);
    return ret->secret ? 0 : ir_nomem(err);
}
