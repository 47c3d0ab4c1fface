/* release_harbor.c - the project and its two robots. The push robot's secret is kept beside the
 * release file, the pull robot's in the clusters' pull secrets and nowhere else; a robot of ours
 * whose secret is not there gets a new one, one that is not ours is left alone. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

/* ---- the project
 * ------------------------------------------------------------------------------------ */

static char *section(const ir_rel_site *s)
{
    return ir_format("registry %s", s->key);
}

int ir_rel_remember(ir_rel_run *run, const ir_rel_site *s, const char *key, const char *value,
                    imgrel_error *err)
{
    char *in = section(s);
    int rc = in ? ir_rel_state_put(&run->state, in, key, value, err) : ir_nomem(err);
    free(in);
    return rc;
}

const char *ir_rel_recall(const ir_rel_run *run, const ir_rel_site *s, const char *key)
{
    char *in = section(s);
    const char *value = in ? ir_rel_state_get(&run->state, in, key) : NULL;
    free(in);
    return value;
}

/* What will be made is remembered before it is: a run that is killed between the two still knows.
 */
int ir_rel_project(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    enum ir_change change = IR_UNCHANGED;
    bool dry = IR_DRY_RUN(&run->call);
    int rc = dry ? 0 : ir_rel_remember(run, s, "image", s->image.name, err);
    if (!rc && !dry && !s->project_is)
        rc = ir_rel_remember(run, s, "project", "made", err);
    if (!rc)
        rc = ir_harbor_project_ensure(&run->call, s->harbor, run->r->file.project,
                                      run->r->file.is_private, &change, NULL, err);
    if (!rc && !dry && !s->project_is && change != IR_CREATED)
        rc = ir_rel_remember(run, s, "project", NULL, err); /* somebody was faster */
    if (rc)
        return rc;
    s->project_is = s->project_is || !dry;
    char *what = ir_format("%s project %s", run->r->file.is_private ? "private" : "public",
                           run->r->file.project);
    ir_rel_say_change(row, dry, ir_change_str(change), what ? what : "project");
    free(what);
    return 0;
}

/* ---- robots
 * ----------------------------------------------------------------------------------------- */

static char *mark(const ir_release *r)
{
    return ir_format("made by imgrel release for %s", r->file.app);
}

bool ir_rel_robot_ours(const ir_release *r, const ir_robot *robot)
{
    char *want = mark(r);
    bool ours = want && ir_streq(ir_json_str(robot->json, "description"), want);
    free(want);
    return ours;
}

int ir_rel_find_robot(const ir_rel_run *run, const ir_rel_site *s, const char *name, ir_robot *ret,
                      imgrel_error *err)
{
    imgrel_error why = {0};
    if (!s->project_is)
        return 0;
    int rc = ir_harbor_robot_find(&run->call, s->harbor, run->r->file.project, name, ret, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc ? rc : 1;
}

static int not_ours(const ir_rel_site *s, const ir_robot *robot, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT,
            "%s: robot %s was not made by this release, and its secret is not known here",
            s->conf->host, robot->name);
    return ir_cure(err, "name another robot in the release file; --force gives this one a new "
                        "secret, and who uses the old one is locked out"),
           IMGREL_ECONFLICT;
}

/* A robot that was made, but whose secret got lost on its way to us. */
static int renew(const ir_rel_run *run, const ir_rel_site *s, const ir_rel_wish *w, ir_robot *made,
                 imgrel_error *err)
{
    ir_robot_free(made);
    return ir_harbor_robot_rotate(&run->call, s->harbor, run->r->file.project, w->name, made, err);
}

int ir_rel_make_robot(const ir_rel_run *run, const ir_rel_site *s, const ir_robot *old,
                      const ir_rel_wish *w, ir_robot *made, ir_rel_row *row, imgrel_error *err)
{
    bool dry = IR_DRY_RUN(&run->call), ours = !old || ir_rel_robot_ours(run->r, old);
    if (old && !w->known && !ours && !IR_FORCE(&run->call))
        return not_ours(s, old, err);
    ir_robot_spec spec = {.role = w->role, .new_secret = old && !w->known};
    if (dry && !s->project_is) {
        ir_rel_say(row, "would", "robot %s created", w->name);
        return 0;
    }
    char *text = mark(run->r);
    spec.description = ours ? text : NULL;
    int rc = text ? ir_harbor_robot_ensure(&run->call, s->harbor, run->r->file.project, w->name,
                                           &spec, made, err)
                  : ir_nomem(err);
    free(text);
    if (!rc && !dry && !w->known && !made->secret)
        rc = renew(run, s, w, made, err);
    if (rc)
        return rc;
    char *what = ir_format("robot %s", made->name);
    ir_rel_say_change(row, dry, ir_change_str(made->change), what ? what : "robot");
    free(what);
    if (made->change == IR_ROTATED)
        ir_rel_say(row, dry ? "would" : "changed", "robot %s has a new secret: %s", made->name,
                   w->why);
    return 0;
}

int ir_rel_keep_login(char **user, char **secret, const char *new_user, const char *new_secret,
                      imgrel_error *err)
{
    char *u = ir_strdup(new_user), *s = ir_strdup(new_secret);
    if ((new_user && !u) || (new_secret && !s)) {
        free(u);
        ir_free_secret(s);
        return ir_nomem(err);
    }
    free(*user);
    ir_free_secret(*secret);
    *user = u;
    *secret = s;
    return 0;
}

/* The saved secret, if there is one. */
static int saved_secret(const ir_rel_run *run, const ir_rel_site *s, char **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_rel_secret_read(&run->state, s->key, ret, &why);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

int ir_rel_push_robot(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    IR_AUTO(ir_robot) old = {0}, made = {0};
    char *saved = NULL;
    int ok = 0, there = ir_rel_find_robot(run, s, s->robot[IR_REL_PUSH_ROLE], &old, err);
    int rc = there < 0 ? there : saved_secret(run, s, &saved, err);
    if (!rc && there && saved)
        rc = ok = ir_rel_login_ok(run, s, old.name, saved, err);
    ir_rel_wish w = {.name = s->robot[IR_REL_PUSH_ROLE],
                     .role = "push",
                     .known = ok == 1,
                     .why = saved ? "Harbor does not take the one that was saved"
                                  : "the one that it had was not saved here"};
    if (rc >= 0)
        rc = ir_rel_make_robot(run, s, there ? &old : NULL, &w, &made, row, err);
    if (!rc && made.secret)
        rc = ir_rel_secret_write(&run->state, s->key, made.secret, err);
    if (!rc && made.name)
        rc = ir_rel_keep_login(&s->push_user, &s->push_secret, made.name,
                               made.secret ? made.secret : saved, err);
    if (!rc && made.name && !IR_DRY_RUN(&run->call))
        rc = ir_rel_remember(run, s, "push_robot", made.name, err);
    ir_free_secret(saved);
    return rc;
}

int ir_rel_login_from_clusters(const ir_rel_run *run, ir_rel_site *s, const char *name,
                               imgrel_error *err)
{
    for (size_t i = 0; i < run->r->file.n_clusters; i++) {
        const ir_rel_place *p = &run->places[i];
        if (p->site != s || p->failed || !p->secret || !ir_streq(p->user, name))
            continue;
        int rc = ir_rel_login_ok(run, s, p->user, p->secret, err);
        if (rc == 1)
            rc = ir_rel_keep_login(&s->pull_user, &s->pull_secret, p->user, p->secret, err)
                     ? IMGREL_ENOMEM
                     : 1;
        if (rc)
            return rc;
    }
    return 0;
}

static bool has_cluster(const ir_rel_run *run, const ir_rel_site *s)
{
    for (size_t i = 0; i < run->r->file.n_clusters; i++)
        if (run->places[i].site == s)
            return true;
    return false;
}

/* A cluster out of reach may use the secret that would be replaced: its name, NULL for none. */
static const char *unreached(const ir_rel_run *run, const ir_rel_site *s)
{
    for (size_t i = 0; i < run->r->file.n_clusters; i++)
        if (run->places[i].site == s && run->places[i].failed)
            return run->places[i].target;
    return NULL;
}

int ir_rel_pull_robot(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    IR_AUTO(ir_robot) old = {0}, made = {0};
    if (!has_cluster(run, s)) {
        ir_rel_say(row, "skipped", "not done: no cluster would keep its secret");
        return 0;
    }
    int there = ir_rel_find_robot(run, s, s->robot[IR_REL_PULL_ROLE], &old, err);
    int rc = there == 1 ? ir_rel_login_from_clusters(run, s, old.name, err) : there;
    ir_rel_wish w = {.name = s->robot[IR_REL_PULL_ROLE],
                     .role = "pull",
                     .known = rc == 1,
                     .why = "no cluster's pull secret holds one that Harbor takes"};
    if (rc < 0)
        return rc;
    const char *away = there && !w.known && !IR_FORCE(&run->call) ? unreached(run, s) : NULL;
    if (away) {
        ir_fail(err, IMGREL_ECONFLICT,
                "%s: robot %s needs a new secret, but cluster %s, which may use the old one, "
                "cannot be told",
                s->conf->host, old.name, away);
        return ir_cure(err, "see that %s can be reached, or use --force", away), IMGREL_ECONFLICT;
    }
    rc = ir_rel_make_robot(run, s, there ? &old : NULL, &w, &made, row, err);
    if (!rc && made.secret)
        rc = ir_rel_keep_login(&s->pull_user, &s->pull_secret, made.name, made.secret, err);
    return rc;
}
