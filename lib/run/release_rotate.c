/* release_rotate.c - new secrets without a moment in which none works. A robot has one secret, so a
 * role has two robots in turn, NAME and NAME-b: the one that is idle is made with a new secret, its
 * login is put everywhere and tried from there, and then it takes over; the other one lives on for
 * a grace period, since who read the old login a moment ago may still use it, and is deleted by a
 * later run. Until a robot takes over, the old one is as it was: a run that fails can be repeated.
 */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- names, and what the state says of them
 * --------------------------------------------------------- */

/* Keys in the site's part of the state. */
static const char *const now_keys[2] = {"push now", "pull now"};
static const char *const old_keys[2] = {"push old", "pull old"};
static const char *const retire_keys[2] = {"push retire", "pull retire"};

static const char *name_of(const ir_rel_run *run, enum ir_rel_role role)
{
    return role == IR_REL_PUSH_ROLE ? run->r->push : run->r->pull;
}

char *ir_rel_twin(const char *name, const char *now)
{
    return strcmp(name, now) ? ir_strdup(name) : ir_format("%s-b", name);
}

int ir_rel_name_robots(ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    for (size_t i = 0; i < 2; i++) {
        const char *name = name_of(run, i), *now = ir_rel_recall(run, s, now_keys[i]);
        char *twin = ir_rel_twin(name, name);
        bool other = twin && ir_streq(now, twin); /* the file may name another robot by now */
        s->robot[i] = other ? twin : ir_strdup(name);
        if (!other)
            free(twin);
        if (!s->robot[i])
            return ir_nomem(err);
    }
    return 0;
}

char *ir_rel_next_key(const ir_rel_site *s)
{
    return ir_format("%s.next", s->key);
}

/* ---- the robot that takes over
 * ---------------------------------------------------------------------- */

/* A login of the next robot that a run before left: in clusters, or beside the state. 1: found. */
static int resume_login(const ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role,
                        const ir_robot *robot, imgrel_error *err)
{
    imgrel_error why = {0};
    char *secret = NULL, *key = NULL;
    if (role == IR_REL_PULL_ROLE)
        return ir_rel_login_from_clusters(run, s, robot->name, err);
    if (!(key = ir_rel_next_key(s)))
        return ir_nomem(err);
    int rc = ir_rel_secret_read(&run->state, key, &secret, &why);
    free(key);
    if (rc)
        return rc == IMGREL_ENOTFOUND ? 0 : ir_fail(err, rc, "%s", why.message);
    rc = ir_rel_login_ok(run, s, robot->name, secret, err);
    if (rc == 1 && ir_rel_keep_login(&s->push_user, &s->push_secret, robot->name, secret, err))
        rc = IMGREL_ENOMEM;
    ir_free_secret(secret);
    return rc;
}

/* The secret is on the disk before anybody is told. */
static int keep_made(const ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role,
                     const ir_robot *made, imgrel_error *err)
{
    bool push = role == IR_REL_PUSH_ROLE;
    char *key = push ? ir_rel_next_key(s) : NULL;
    int rc = !push ? 0
             : key ? ir_rel_secret_write(&run->state, key, made->secret, err)
                   : ir_nomem(err);
    free(key);
    if (rc)
        return rc;
    return push ? ir_rel_keep_login(&s->push_user, &s->push_secret, made->name, made->secret, err)
                : ir_rel_keep_login(&s->pull_user, &s->pull_secret, made->name, made->secret, err);
}

static int nothing_to_rotate(const ir_rel_site *s, const char *name, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: robot %s does not exist: there is nothing to rotate",
            s->conf->host, name);
    return ir_cure(err, "imgrel release apply makes it"), IMGREL_ENOTFOUND;
}

static int still_in_grace(const ir_rel_site *s, const char *old, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT,
            "%s: robot %s, which an earlier rotation replaced, is in its grace period",
            s->conf->host, old);
    return ir_cure(err, "wait until it is over, or end it now: --retire --grace 0s"),
           IMGREL_ECONFLICT;
}

/* Finds who works now: it must be there, and ours. */
static int check_now(const ir_rel_run *run, const ir_rel_site *s, enum ir_rel_role role,
                     imgrel_error *err)
{
    IR_AUTO(ir_robot) now = {0};
    int there = ir_rel_find_robot(run, s, s->robot[role], &now, err);
    if (there < 0)
        return there;
    if (!there)
        return nothing_to_rotate(s, s->robot[role], err);
    if (ir_rel_robot_ours(run->r, &now) || IR_FORCE(&run->call))
        return 0;
    ir_fail(err, IMGREL_ECONFLICT, "%s: robot %s was not made by this release", s->conf->host,
            now.name);
    return ir_cure(err, "others may use it: harbor robot rotate changes its secret in place"),
           IMGREL_ECONFLICT;
}

static int make_next(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, ir_rel_row *row,
                     imgrel_error *err)
{
    IR_AUTO(ir_robot) was = {0}, made = {0};
    char *next = ir_rel_twin(name_of(run, role), s->robot[role]);
    int there = next ? ir_rel_find_robot(run, s, next, &was, err) : ir_nomem(err);
    int rc = there == 1 ? resume_login(run, s, role, &was, err) : there;
    ir_rel_wish w = {.name = next,
                     .role = ir_rel_roles[role],
                     .known = rc == 1,
                     .why = "a run before did not get to keep the one that it had"};
    if (rc >= 0)
        rc = ir_rel_make_robot(run, s, there ? &was : NULL, &w, &made, row, err);
    if (!rc && made.secret)
        rc = keep_made(run, s, role, &made, err);
    if (!rc)
        s->next[role] = next;
    else
        free(next);
    return rc;
}

/* What keeps a role from being rotated at all; NULL: nothing does. */
static const char *left_out(const ir_rel_run *run, const ir_rel_site *s, enum ir_rel_role role)
{
    bool place = ir_json_len(run->r->file.deliver[role]) || run->r->on_secret;
    for (size_t i = 0; i < run->r->file.n_clusters; i++)
        place = place || run->places[i].site == s;
    return run->retire_only                     ? "only old robots are taken away"
           : !run->rotates[role]                ? "it was not asked for"
           : role == IR_REL_PULL_ROLE && !place ? "no cluster would keep its secret"
                                                : NULL;
}

static int rotate(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, ir_rel_row *row,
                  imgrel_error *err)
{
    const char *why = left_out(run, s, role), *old = ir_rel_recall(run, s, old_keys[role]);
    if (why) {
        ir_rel_say(row, "skipped", "not done: %s", why);
        return 0;
    }
    if (old)
        return still_in_grace(s, old, err);
    int rc = check_now(run, s, role, err);
    return rc ? rc : make_next(run, s, role, row, err);
}

static int rotate_push(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return rotate(run, target, IR_REL_PUSH_ROLE, row, err);
}

/* Every cluster must be within reach: one that keeps the old login would be locked out later. */
static int rotate_pull(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    for (size_t i = 0; i < run->r->file.n_clusters && !left_out(run, s, IR_REL_PULL_ROLE); i++) {
        const ir_rel_place *p = &run->places[i];
        if (p->site != s || !p->failed)
            continue;
        ir_fail(err, IMGREL_EFAILED, "cluster %s cannot be reached, and would keep the old login",
                p->target);
        return ir_cure(err, "nothing was changed: see to that cluster first"), IMGREL_EFAILED;
    }
    return rotate(run, s, IR_REL_PULL_ROLE, row, err);
}

/* ---- the clusters' secrets
 * -------------------------------------------------------------------------- */

static int put_secret(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_place *p = target;
    if (p->site->next[IR_REL_PULL_ROLE])
        return ir_rel_secret(run, target, row, err);
    ir_rel_say(row, "skipped", "not done: the pull robot is not rotated");
    return 0;
}

/* What the cluster holds by now must be the new login, and pull. */
static int try_secret(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    const ir_rel_file *f = &run->r->file;
    char *user = NULL, *secret = NULL;
    if (!p->site->next[IR_REL_PULL_ROLE]) {
        ir_rel_say(row, "skipped", "not done: the pull robot is not rotated");
        return 0;
    }
    int rc = ir_kube_secret_login(&run->call, p->kube, f->ns, f->secret, p->site->conf->host, &user,
                                  &secret, err);
    if (!rc && !ir_streq(user, p->site->pull_user))
        rc = ir_fail(err, IMGREL_ECONFLICT, "secret %s holds the login of %s, not of %s", f->secret,
                     user, p->site->pull_user);
    if (!rc)
        rc = ir_rel_try_pull(run, p->site, user, secret, err);
    if (!rc)
        ir_rel_say(row, NULL, "%s pulls with what the cluster holds", user);
    free(user);
    ir_free_secret(secret);
    return rc;
}

/* ---- taking over, and leaving
 * ------------------------------------------------------------------------ */

static int write_time(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, imgrel_error *err)
{
    char *when = ir_format("%lld", (long long)time(NULL) + (long long)run->grace_s);
    int rc = when ? ir_rel_remember(run, s, retire_keys[role], when, err) : ir_nomem(err);
    free(when);
    return rc;
}

/* The new secret is the one that apply reads from now on. */
static int promote_push(ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    char *key = ir_rel_next_key(s);
    int rc = key ? ir_rel_secret_write(&run->state, s->key, s->push_secret, err) : ir_nomem(err);
    if (!rc)
        rc = ir_rel_remember(run, s, "push_robot", s->push_user, err);
    if (!rc)
        rc = ir_rel_secret_forget(&run->state, key, err);
    free(key);
    return rc;
}

static int take_over(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, ir_rel_row *row,
                     imgrel_error *err)
{
    if (!s->next[role]) {
        ir_rel_say(row, "skipped", "not done: the %s robot is not rotated", ir_rel_roles[role]);
        return 0;
    }
    if (IR_DRY_RUN(&run->call)) {
        ir_rel_say(row, "would", "robot %s instead of %s", s->next[role], s->robot[role]);
        return 0;
    }
    int rc = write_time(run, s, role, err);
    if (!rc)
        rc = ir_rel_remember(run, s, old_keys[role], s->robot[role], err);
    if (!rc && role == IR_REL_PUSH_ROLE)
        rc = promote_push(run, s, err);
    if (!rc)
        rc = ir_rel_remember(run, s, now_keys[role], s->next[role], err);
    if (!rc)
        ir_rel_say(row, "done", "robot %s works; %s goes in %lld s", s->next[role], s->robot[role],
                   (long long)run->grace_s);
    return rc;
}

static int push_takes_over(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return take_over(run, target, IR_REL_PUSH_ROLE, row, err);
}

static int pull_takes_over(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    for (size_t i = 0; i < run->r->file.n_clusters && s->next[IR_REL_PULL_ROLE]; i++) {
        if (run->places[i].site != s || !run->places[i].failed)
            continue;
        ir_fail(err, IMGREL_EFAILED, "cluster %s did not take the new login: the old robot stays",
                run->places[i].target);
        return ir_cure(err, "run it again: what was done stays done"), IMGREL_EFAILED;
    }
    return take_over(run, s, IR_REL_PULL_ROLE, row, err);
}

/* How long a replaced robot must live on: until the time of its rotation, or the grace that was
 * given with --retire if that ends sooner. */
static int64_t seconds_left(const ir_rel_run *run, const ir_rel_site *s, enum ir_rel_role role)
{
    const char *text = ir_rel_recall(run, s, retire_keys[role]);
    int64_t left = text ? strtoll(text, NULL, 10) - (int64_t)time(NULL) : 0;
    return run->retire_only && run->grace_s < left ? run->grace_s : left;
}

static int forget_old(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, imgrel_error *err)
{
    int rc = ir_rel_remember(run, s, old_keys[role], NULL, err);
    return rc ? rc : ir_rel_remember(run, s, retire_keys[role], NULL, err);
}

/* Takes a robot away whose grace is over. A run that was killed between two lines of take_over may
 * have called one old that still works. */
static int retire(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, ir_buf *said,
                  imgrel_error *err)
{
    const char *old = ir_rel_recall(run, s, old_keys[role]);
    const char *now = ir_rel_recall(run, s, now_keys[role]);
    int64_t left = seconds_left(run, s, role);
    imgrel_error why = {0};
    if (!old)
        return 0;
    if (ir_streq(old, now ? now : name_of(run, role)))
        return IR_DRY_RUN(&run->call) ? 0 : forget_old(run, s, role, err);
    if (left > 0) {
        ir_buf_addf(said, "%srobot %s lives %lld s more", said->len ? "; " : "", old,
                    (long long)left);
        return 0;
    }
    ir_buf_addf(said, "%srobot %s deleted", said->len ? "; " : "", old);
    if (IR_DRY_RUN(&run->call))
        return 0;
    int rc = ir_harbor_robot_delete(&run->call, s->harbor, run->r->file.project, old, &why);
    if (rc && rc != IMGREL_ENOTFOUND) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    run->wrote = true;
    return forget_old(run, s, role, err);
}

static int retire_both(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    IR_AUTO(ir_buf) said = IR_BUF(1000);
    int rc = 0;
    bool wrote = run->wrote;
    run->wrote = false;
    for (size_t i = 0; !rc && i < 2; i++)
        rc = run->rotates[i] ? retire(run, target, i, &said, err) : 0;
    bool did = run->wrote;
    run->wrote = wrote || did;
    if (!rc)
        ir_rel_say(row, did ? "done" : "unchanged", "%s",
                   said.len ? ir_buf_str(&said) : "no robot waits to be deleted");
    return rc;
}

const ir_rel_step ir_rel_rotate_steps[] = {
    {"harbor", ir_rel_check_harbor, IR_REL_SITE | IR_REL_CHECK},
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_ALONE},
    {"old robots", retire_both, IR_REL_SITE},
    {"pull robot", rotate_pull, IR_REL_SITE},
    {"pull secret", put_secret, IR_REL_PLACE},
    {"pull secret works", try_secret, IR_REL_PLACE | IR_REL_CHECK | IR_REL_LIVE},
    {"pull places", ir_rel_deliver_pull, IR_REL_SITE},
    {"pull takes over", pull_takes_over, IR_REL_SITE},
    {"push robot", rotate_push, IR_REL_SITE},
    {"push places", ir_rel_deliver_push, IR_REL_SITE},
    {"push takes over", push_takes_over, IR_REL_SITE},
    {"retire", retire_both, IR_REL_SITE},
    {NULL, NULL, 0},
};
