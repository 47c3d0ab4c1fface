/* doctor.c - what stands between a login and its work in a Harbor, one check after the other: each
 * a row that says ok, or what is wrong and what to do. It changes nothing. */
#include "harbor/doctor.h"

#include "base/cancel.h"

#include <stdlib.h>

int ir_doctor_say(ir_doctor *d, const char *check, const char *state, int code, const char *cure,
                  imgrel_error *err, const char *fmt, ...)
{
    IR_AUTO(ir_buf) text = IR_BUF(2048);
    ir_json *row = NULL;
    va_list ap;

    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    row = ir_json_pack("{s:s, s:s, s:s}", "check", check, "state", state, "detail",
                       ir_buf_str(&text));
    if (!row || (cure && ir_json_puts(row, "cure", cure)) ||
        (code && ir_json_puts(row, "code", imgrel_code_name(code)))) {
        ir_json_free(row);
        return ir_nomem(err);
    }
    d->failed = d->failed || ir_streq(state, "fail");
    return ir_json_append(d->rows, row) ? ir_nomem(err) : 0;
}

int ir_doctor_fail(ir_doctor *d, const char *check, const imgrel_error *why, imgrel_error *err)
{
    bool over = why->code == IMGREL_ECANCELED || why->code == IMGREL_ENOMEM ||
                ir_check_time(d->call->cancel, d->call->deadline_ms, NULL);

    if (over) {
        if (err && !err->code)
            *err = *why;
        return why->code;
    }
    return ir_doctor_say(d, check, "fail", why->code, *why->cure ? why->cure : NULL, err, "%s",
                         why->message);
}

static int ask(ir_doctor *d, const char *path, const char *object, ir_json **ret, imgrel_error *e)
{
    const ir_harbor_ask a = {.path = path, .object = object};

    return ir_harbor_send_json(d->call, d->h, &a, ret, e);
}

static int check_login(ir_doctor *d, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = 0;

    if (!d->h->user)
        return ir_doctor_say(d, "login", "skip", 0, NULL, err, "no user is given");
    rc = ask(d, "/users/current", "login", &d->user, &e);
    d->logged_in = !rc || e.http_status == 412; /* which a robot is told */
    d->h->robot = d->h->robot || e.http_status == 412;
    if (e.http_status == 401 && ir_harbor_by_cli_secret(d->call, d->h)) {
        d->logged_in = true;
        return ir_doctor_say(d, "login", "ok", 0, NULL, err,
                             "%s is taken (by a CLI secret, for pulls, pushes and lists)",
                             d->h->user);
    }
    if (!d->logged_in)
        return ir_doctor_fail(d, "login", &e, err);
    return ir_doctor_say(d, "login", "ok", 0, NULL, err, "%s is taken%s", d->h->user,
                         d->h->robot                                     ? " (a robot)"
                         : ir_json_bool(d->user, "sysadmin_flag", false) ? " (an administrator)"
                                                                         : "");
}

static int check_version(ir_doctor *d, imgrel_error *err)
{
    imgrel_error e = {0};
    const char *version = NULL, *mode = NULL;
    int rc = ask(d, "/systeminfo", "system information", &d->info, &e);

    if (rc)
        return ir_doctor_fail(d, "version", &e, err);
    version = ir_json_str(d->info, "harbor_version");
    mode = ir_json_str(d->info, "auth_mode");
    if (!version)
        rc = ir_doctor_say(d, "version", "skip", 0, NULL, err, "it is told to those who log in");
    else if (ir_harbor_minor(version + 1) >= 0 && ir_harbor_minor(version + 1) < 2)
        rc = ir_doctor_say(d, "version", "fail", IMGREL_EUNSUPPORTED,
                           "2.2 is the first with robot accounts of this kind: upgrade Harbor", err,
                           "Harbor %s is too old", version);
    else
        rc = ir_doctor_say(d, "version", "ok", 0, NULL, err, "Harbor %s, users by %s", version,
                           mode ? mode : "?");
    if (!rc && ir_json_bool(d->info, "read_only", false))
        rc = ir_doctor_say(d, "read-only", "fail", IMGREL_EDENIED,
                           "an administrator ends it under Administration, Configuration, System "
                           "Settings",
                           err, "Harbor is in read-only mode: nothing can be pushed or changed");
    return rc;
}

static int check_health(ir_doctor *d, imgrel_error *err)
{
    IR_AUTO(ir_buf) sick = IR_BUF(1024);
    const ir_json *list = NULL;
    imgrel_error e = {0};
    ir_json *j = NULL;
    int rc = ask(d, "/health", "health", &j, &e);

    if (rc)
        return ir_doctor_fail(d, "health", &e, err);
    list = ir_json_get(j, "components");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *c = ir_json_at(list, i);
        const char *name = ir_json_str(c, "name");
        if (!ir_streq(ir_json_str(c, "status"), "healthy"))
            ir_buf_addf(&sick, "%s%s", sick.len ? ", " : "", name ? name : "?");
    }
    if (sick.len)
        rc = ir_doctor_say(d, "health", "fail", IMGREL_EFAILED,
                           "look at their containers; a state may be some seconds old", err,
                           "unhealthy: %s", ir_buf_str(&sick));
    else
        rc = ir_doctor_say(d, "health", "ok", 0, NULL, err, "every component is healthy");
    ir_json_free(j);
    return rc;
}

static int check_project(ir_doctor *d, imgrel_error *err)
{
    imgrel_error e = {0};
    ir_json *j = NULL;
    int there = 0, rc = 0;

    if (!d->project)
        return 0;
    there = ir_harbor_project_exists(d->call, d->h, d->project, &e);
    if (there < 0)
        return ir_doctor_fail(d, "project", &e, err);
    if (!there)
        return ir_doctor_say(d, "project", "fail", IMGREL_ENOTFOUND,
                             "check its name, or create it: imgrel harbor project ensure", err,
                             "project %s does not exist", d->project);
    if (ir_harbor_project_get(d->call, d->h, d->project, &j, &e))
        j = NULL; /* it may be asked for, but not read */
    if (ir_json_int(j, "registry_id", 0) && ir_streq(d->rights, "push"))
        rc = ir_doctor_say(d, "project", "fail", IMGREL_EDENIED,
                           "push to another project; what is pulled through this one comes from "
                           "its registry",
                           err, "project %s is a proxy cache: nothing can be pushed to it",
                           d->project);
    else
        rc = ir_doctor_say(d, "project", "ok", 0, NULL, err, "project %s exists%s", d->project,
                           ir_json_int(j, "registry_id", 0) ? ", a proxy cache" : "");
    ir_json_free(j);
    return rc;
}

/* In the summary, as the quota itself is for administrators only. */
static int check_quota(ir_doctor *d, imgrel_error *err)
{
    char *path = d->project ? ir_format("/projects/%s/summary", d->project) : NULL;
    const ir_harbor_ask a = {.path = path, .object = "project summary", .by_name = true};
    imgrel_error e = {0};
    ir_json *j = NULL;
    int64_t hard = 0, used = 0;
    int rc = 0;

    if (!d->project)
        return 0;
    rc = path ? ir_harbor_send_json(d->call, d->h, &a, &j, &e) : ir_nomem(&e);
    free(path);
    hard = ir_json_number(ir_json_path(j, "quota.hard.storage"), 0);
    used = ir_json_number(ir_json_path(j, "quota.used.storage"), 0);
    if (rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND || (!rc && !hard))
        rc = ir_doctor_say(d, "quota", "skip", 0, NULL, err, "this login may not see it");
    else if (rc)
        rc = ir_doctor_fail(d, "quota", &e, err);
    else if (hard > 0 && used >= hard)
        rc = ir_doctor_say(d, "quota", "fail", IMGREL_EDENIED,
                           "delete images and run garbage collection, or raise the quota", err,
                           "all %lld bytes of project %s are used", (long long)hard, d->project);
    else if (hard > 0)
        rc =
            ir_doctor_say(d, "quota", used > hard / 10 * 9 ? "warn" : "ok", 0, NULL, err,
                          "%lld of %lld bytes are left", (long long)(hard - used), (long long)hard);
    else
        rc = ir_doctor_say(d, "quota", "ok", 0, NULL, err, "no limit; %lld bytes are used",
                           (long long)used);
    ir_json_free(j);
    return rc;
}

static int examine(ir_doctor *d, imgrel_error *err)
{
    bool there = false;
    int rc = ir_doctor_reach(d, &there, err);

    if (rc || !there)
        return rc;
    if ((rc = ir_doctor_clock(d, err)) || (rc = check_health(d, err)) ||
        (rc = check_login(d, err)) || (rc = check_version(d, err)) ||
        (rc = ir_doctor_realm(d, err)))
        return rc;
    if (d->h->user && !d->logged_in)
        return 0; /* all that follows would be refused for that alone */
    if ((rc = check_project(d, err)) || (rc = ir_doctor_rights(d, err)))
        return rc;
    return check_quota(d, err);
}

int ir_harbor_doctor(const ir_call *call, ir_harbor *h, const ir_json *spec, ir_json **ret,
                     imgrel_error *err)
{
    ir_doctor d = {.call = call,
                   .h = h,
                   .project = ir_json_str(spec, "project"),
                   .repository = ir_json_str(spec, "repository"),
                   .rights = ir_json_str(spec, "rights")};
    int rc = 0;

    *ret = NULL;
    if (d.project && (rc = ir_harbor_name_check("project", d.project, err)))
        return rc;
    if (d.rights && !ir_streq(d.rights, "pull") && !ir_streq(d.rights, "push"))
        return ir_fail(err, IMGREL_EINVAL, "the doctor asks about pull or push, not %.40s",
                       d.rights);
    if (d.rights && !d.project)
        return ir_fail(err, IMGREL_EINVAL, "rights are asked about: in which project?");
    d.rows = ir_json_new_array();
    rc = d.rows ? examine(&d, err) : ir_nomem(err);
    if (!rc && !(*ret = ir_json_pack("{s:s, s:b, s:O}", "url", h->url, "ok", (int)!d.failed, "rows",
                                     d.rows)))
        rc = ir_nomem(err);
    ir_json_free(d.rows);
    ir_json_free(d.info);
    ir_json_free(d.user);
    return rc;
}
