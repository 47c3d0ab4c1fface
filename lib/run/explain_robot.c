/* explain_robot.c - a robot account's login is refused: Harbor knows whether it is disabled, has
 * expired, is gone or has another secret. Asked with the caller's own login for the host; without
 * one nothing is asked. */
#include "base/limits.h"
#include "base/str.h"
#include "fmt/header.h"
#include "harbor/harbor.h"
#include "net/creds.h"
#include "run/explain_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_LEN 256

/* "robot$project+name" or "robot$name"; false: it is no robot's name. */
static bool split_robot(const char *user, char *project, char *name)
{
    const char *at = strchr(user, '$'), *plus = strchr(user, '+');
    if (!at || (plus && plus < at))
        return false;
    snprintf(project, NAME_MAX_LEN, "%.*s", plus ? (int)(plus - at - 1) : 0, at + 1);
    snprintf(name, NAME_MAX_LEN, "%s", plus ? plus + 1 : at + 1);
    return *name != '\0';
}

/* A login that Harbor takes and the registry refuses lacks the right to pull. */
static int judge_login(const ir_ask *a, const ir_call *call, ir_harbor *h, const ir_robot *robot,
                       imgrel_error *err)
{
    imgrel_error why = {0};
    char text[NAME_MAX_LEN + 300];
    int ok = ir_harbor_robot_login(call, h, robot->name, a->login.secret, &why);
    if (ok == 0)
        return ir_diagnosis_say(a->d, "robot-wrong-secret", robot->name, err);
    if (ok < 0)
        return ir_ask_failed(a, "Harbor", &why, err);
    snprintf(text, sizeof text, "%s can log in, and may not pull %s", robot->name,
             a->ref.repository);
    return ir_diagnosis_say(a->d, "pull-denied", text, err);
}

static int judge_robot(const ir_ask *a, const ir_call *call, ir_harbor *h, const ir_robot *robot,
                       bool refused, imgrel_error *err)
{
    int64_t ends = ir_json_int(robot->json, "expires_at", -1);
    bool disabled = ir_json_bool(robot->json, "disable", false);
    bool expired = ends > 0 && ends <= ir_harbor_now(h);
    char when[32] = "", text[NAME_MAX_LEN + 100];
    if (expired)
        ir_rfc3339_format(ends, when);
    snprintf(text, sizeof text, "%s%s%s%s%s", robot->name, disabled ? " is disabled" : "",
             expired ? " expired at " : "", when,
             !disabled && !expired ? " is enabled and has not expired" : "");
    int rc = ir_ask_see(a, "Harbor", text, err);
    if (rc)
        return rc;
    if (disabled)
        return ir_diagnosis_say(a->d, "robot-disabled", text, err);
    if (expired)
        return ir_diagnosis_say(a->d, "robot-expired", text, err);
    return refused ? judge_login(a, call, h, robot, err) : 0;
}

static int ask_harbor(const ir_ask *a, const ir_call *call, ir_harbor *h, bool refused,
                      imgrel_error *err)
{
    char project[NAME_MAX_LEN], name[NAME_MAX_LEN];
    IR_AUTO(ir_robot) robot = {0};
    imgrel_error why = {0};
    if (!split_robot(a->login.user, project, name))
        return 0;
    int rc = ir_harbor_robot_find(call, h, *project ? project : NULL, name, &robot, &why);
    if (rc == IMGREL_ENOTFOUND) {
        rc = ir_ask_see(a, "Harbor", why.message, err);
        return rc ? rc : ir_diagnosis_say(a->d, "robot-missing", a->login.user, err);
    }
    return rc ? ir_ask_failed(a, "Harbor", &why, err)
              : judge_robot(a, call, h, &robot, refused, err);
}

int ir_ask_robot(ir_ask *a, bool refused, imgrel_error *err)
{
    IR_AUTO(ir_creds) own = {0};
    ir_call call = *a->outer;
    ir_harbor *h = NULL;
    imgrel_error why = {0};
    char *base = NULL;
    call.deadline_ms = a->call.deadline_ms;
    int rc = ir_creds_find(&call, a->ref.host, NULL, &own, &why);
    if (!rc && (!own.user || !own.secret || ir_streq(own.user, a->login.user)))
        return ir_ask_see(a, "Harbor",
                          "not asked: no login of your own for it is stored (imgrel login), and a "
                          "pull robot may not look at robots",
                          err);
    if (!rc)
        rc = ir_host_url(&call, a->ref.host, &base, &why);
    if (!rc)
        rc = ir_harbor_new(base, own.user, own.secret, &h, &why);
    rc = rc ? ir_ask_failed(a, "Harbor", &why, err) : ask_harbor(a, &call, h, refused, err);
    ir_harbor_free(h);
    free(base);
    return rc;
}
