/* release_doctor.c - what stands in the way: every look that apply takes before it changes
 * anything, and then the logins and the pod as they are. What is not there yet is no obstacle. */
#include "run/release_impl.h"

#include "base/str.h"
#include "run/explain.h"

#include <stdlib.h>

static int look_at_push(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    int rc = ir_rel_check_logins(run, s, row, err);
    if (rc)
        return rc;
    if (!s->push_secret) {
        ir_rel_say(row, NULL, "no secret is saved yet; apply makes one");
        return 0;
    }
    rc = ir_rel_login_ok(run, s, s->push_user, s->push_secret, err);
    if (rc == 0) {
        ir_fail(err, IMGREL_EAUTH, "%s: Harbor does not take the saved secret of %s", s->conf->host,
                s->push_user);
        return ir_cure(err, "run apply: it gives the robot a new one"), IMGREL_EAUTH;
    }
    ir_rel_say(row, NULL, "%s can log in", s->push_user);
    return rc < 0 ? rc : 0;
}

static int look_at_pull(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    if (!p->secret || !p->site->harbor) {
        ir_rel_say(row, NULL,
                   p->secret ? "secret %s holds a login; Harbor could not be asked"
                             : "secret %s holds no login yet; apply writes it",
                   run->r->file.secret);
        return 0;
    }
    int rc = ir_rel_login_ok(run, p->site, p->user, p->secret, err);
    if (rc == 0) {
        ir_fail(err, IMGREL_EAUTH, "%s: Harbor does not take the login of %s in secret %s",
                p->site->conf->host, p->user, run->r->file.secret);
        return ir_cure(err, "run apply: it gives the robot a new secret"), IMGREL_EAUTH;
    }
    ir_rel_say(row, NULL, "%s can log in", p->user);
    return rc < 0 ? rc : 0;
}

static int look_at_pod(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const char *app = run->r->file.app;
    ir_diagnosis d = {0};
    imgrel_error why = {0};
    ir_login login[2];
    ir_call call = ir_rel_call(run, p->site, IR_REL_ADMIN, login);
    const char *kind = ir_rel_kind(&run->r->file);
    char *object = ir_format("%s/%s", kind, app);
    int rc = !object ? ir_nomem(&why)
             : p->ns_is
                 ? ir_kube_diagnose(&call, p->kube, run->r->file.ns, object, ir_explain, &d, &why)
                 : IMGREL_ENOTFOUND;
    free(object);
    if (rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, NULL, "%s %s is not there yet; apply makes it", kind, app);
        rc = 0;
    } else if (!rc && !strcmp(d.state, "failed")) {
        ir_fail(&why, IMGREL_EFAILED, "%s %s: %s", kind, app, d.message);
        rc = ir_cure(&why, "%s", d.cure ? d.cure : "");
    } else if (!rc) {
        ir_rel_say(row, NULL, "%s %s is %s", kind, app, d.state);
    }
    if (rc && err && !err->code)
        *err = why;
    ir_diagnosis_free(&d);
    return rc;
}

const ir_rel_step ir_rel_doctor_steps[] = {
    {"files", ir_rel_check_files, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"harbor", ir_rel_check_harbor, IR_REL_SITE | IR_REL_CHECK},
    {"admin password", ir_rel_look_admin, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"names", ir_rel_look_names, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"two names", ir_rel_look_push_host,
     IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_QUIET},
    {"builder", ir_rel_look_builder, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_QUIET},
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_ALONE},
    {"nodes", ir_rel_look_nodes, IR_REL_PLACE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_ALONE},
    {"base", ir_rel_check_base, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"version", ir_rel_check_version, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"push robot", look_at_push, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"pull secret", look_at_pull, IR_REL_PLACE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_ALONE},
    {"pod", look_at_pod, IR_REL_PLACE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_ALONE},
    {NULL, NULL, 0},
};
