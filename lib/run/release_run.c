/* release_run.c - a verb on its way: every step for every registry or cluster, in the order of its
 * table. Each target is reported alone; one that failed skips the rest of its steps and stops no
 * other. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/str.h"

#include <stdlib.h>

/* ---- begin
 * ---------------------------------------------------------------------------------------- */

static int find_base_project(const ir_rel_file *f, ir_rel_site *s, imgrel_error *err)
{
    IR_AUTO(ir_ref) base = {0};
    const char *text = f->base ? f->base : f->from;
    int rc = text ? ir_ref_parse(text, &base, err) : 0;
    if (rc || !base.host || strcmp(base.host, s->image.host))
        return rc;
    size_t project = strcspn(base.repository, "/");
    if (project == strlen(f->project) && ir_starts(base.repository, f->project))
        return 0;
    s->base_project = ir_format("%s/%.*s", base.host, (int)project, base.repository);
    return s->base_project ? 0 : ir_nomem(err);
}

static int begin_site(ir_rel_run *run, size_t i, imgrel_error *err)
{
    ir_rel_site *s = &run->sites[i];
    const ir_rel_registry *conf = &run->r->file.registries[i];
    char *name = ir_format("%s/%s/%s", conf->host, run->r->file.project, run->r->file.app);
    s->conf = conf;
    s->key = conf->name ? conf->name : "default";
    s->target = conf->name ? conf->name : conf->host;
    s->ca_file = conf->ca_file ? ir_path_join(run->r->dir, conf->ca_file) : NULL;
    run->rules[i] = (ir_host_rule){.host = conf->host, .url = conf->url, .ca_file = s->ca_file};
    int rc = name && (s->ca_file || !conf->ca_file) ? ir_ref_parse_repository(name, &s->image, err)
                                                    : ir_nomem(err);
    free(name);
    return rc ? rc : find_base_project(&run->r->file, s, err);
}

static void begin_place(ir_rel_run *run, size_t i)
{
    ir_rel_place *p = &run->places[i];
    p->conf = &run->r->file.clusters[i];
    p->site = &run->sites[p->conf->registry_at];
    p->target = p->conf->name ? p->conf->name : p->conf->context ? p->conf->context : "kubernetes";
}

static int begin_report(ir_rel_run *run, imgrel_error *err)
{
    const char *version = ir_rel_version(run->r);
    run->steps = ir_json_new_array();
    run->report = ir_json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "app", run->r->file.app, "version",
                               version ? version : "", "result", "failed", "digest", "", "url", "",
                               "steps", run->steps);
    if (!run->steps || !run->report)
        return ir_nomem(err);
    if (version)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "the release has no version");
    return ir_cure(err, "write \"version: 1.0.0\" into the file, or give --version"), IMGREL_EINVAL;
}

int ir_rel_run_begin(const ir_call *call, ir_release *r, bool lock, ir_rel_run *ret,
                     imgrel_error *err)
{
    size_t sites = r->file.n_registries, places = r->file.n_clusters;
    *ret = (ir_rel_run){.call = *call, .r = r, .state.lock = -1};
    ret->sites = calloc(sites, sizeof *ret->sites);
    ret->places = calloc(places + 1, sizeof *ret->places);
    ret->rules = calloc(sites, sizeof *ret->rules);
    if (!ret->sites || !ret->places || !ret->rules)
        return ir_nomem(err);
    int rc = begin_report(ret, err);
    for (size_t i = 0; !rc && i < sites; i++)
        rc = begin_site(ret, i, err);
    for (size_t i = 0; !rc && i < places; i++)
        begin_place(ret, i);
    ret->call.rules = ret->rules;
    ret->call.n_rules = sites;
    if (!rc)
        rc = ir_rel_state_open(r, &ret->state, err);
    if (!rc && lock)
        rc = ir_rel_state_lock(&ret->call, &ret->state, err);
    for (size_t i = 0; !rc && i < sites; i++)
        rc = ir_rel_name_robots(ret, &ret->sites[i], err);
    return rc;
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

static void add_row(ir_rel_run *run, const ir_rel_step *step, const char *target,
                    const ir_rel_row *row, int64_t ms)
{
    ir_json *j = ir_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "step", step->name, "target",
                              target, "state", row->state, "detail", row->detail ? row->detail : "",
                              "digest", row->digest, "ms", (long long)ms);
    if (row->cure && j && ir_json_puts(j, "cure", row->cure))
        ir_fail(&run->first, IMGREL_ENOMEM, "out of memory");
    if (ir_json_append(run->steps, j))
        ir_fail(&run->first, IMGREL_ENOMEM, "out of memory");
}

/* A progress callback that says stop stops what comes next. */
static void tell(ir_rel_run *run, const ir_rel_step *step, const char *target, const char *state)
{
    imgrel_error err = {0};
    char *what = ir_format("%s (%s)", step->name, target);
    if (!(step->flags & IR_REL_QUIET) &&
        ir_progress(&run->call, IMGREL_EVENT_STEP, what ? what : step->name, state, 0, 0, 1, &err))
        run->canceled = true;
    free(what);
}

static void fail_row(ir_rel_run *run, const imgrel_error *err, ir_rel_row *row, bool *failed,
                     unsigned flags)
{
    ir_rel_say(row, "failed", "%s", err->message);
    row->cure = err->cure[0] ? ir_strdup(err->cure) : NULL;
    row->digest[0] = '\0';
    if (!(flags & IR_REL_SOFT))
        *failed = true;
    if (!run->first.code)
        run->first = *err;
    if (err->code == IMGREL_ECANCELED)
        run->canceled = true;
}

static void do_step(ir_rel_run *run, const ir_rel_step *step, void *target, const char *name,
                    bool *failed)
{
    ir_rel_row row = {0};
    imgrel_error err = {0};
    int64_t start = ir_now_ms();
    tell(run, step, name, "began");
    int rc = ir_call_check(&run->call, &err);
    if (!rc)
        rc = step->fn(run, target, &row, &err);
    if (rc) {
        ir_fail(&err, rc, "%s", imgrel_strerror(rc));
        fail_row(run, &err, &row, failed, step->flags);
    } else if (!row.state) {
        row.state =
            (step->flags & IR_REL_CHECK) && (run->wrote || run->proving) ? "done" : "unchanged";
    }
    bool changes = ir_streq(row.state, "done") || ir_streq(row.state, "changed");
    if (changes && !(step->flags & IR_REL_CHECK))
        run->wrote = true;
    if (!(step->flags & IR_REL_QUIET) || row.detail)
        add_row(run, step, name, &row, ir_now_ms() - start);
    tell(run, step, name, row.state);
    ir_rel_row_free(&row);
}

static void skip_step(ir_rel_run *run, const ir_rel_step *step, const char *name, const char *why)
{
    ir_rel_row row = {0};
    if (step->flags & IR_REL_QUIET)
        return;
    ir_rel_say(&row, "skipped", "not done: %s", why);
    add_row(run, step, name, &row, 0);
    ir_rel_row_free(&row);
}

static void step_sites(ir_rel_run *run, const ir_rel_step *step)
{
    for (size_t i = 0; i < run->r->file.n_registries; i++) {
        ir_rel_site *s = &run->sites[i];
        if (s->failed || run->canceled)
            skip_step(run, step, s->target,
                      run->canceled ? "cancelled" : "a step before it failed");
        else
            do_step(run, step, s, s->target, &s->failed);
    }
}

static void step_places(ir_rel_run *run, const ir_rel_step *step)
{
    for (size_t i = 0; i < run->r->file.n_clusters; i++) {
        ir_rel_place *p = &run->places[i];
        bool alone = (step->flags & IR_REL_ALONE) != 0;
        const char *why = run->canceled               ? "cancelled"
                          : p->failed                 ? "a step before it failed"
                          : p->site->failed && !alone ? "its registry failed"
                                                      : NULL;
        if (why)
            skip_step(run, step, p->target, why);
        else
            do_step(run, step, p, p->target, &p->failed);
    }
}

void ir_rel_run_steps(ir_rel_run *run, const ir_rel_step *steps)
{
    for (; steps->name; steps++) {
        if ((steps->flags & IR_REL_LIVE) && IR_DRY_RUN(&run->call))
            continue;
        if (steps->flags & IR_REL_PLACE)
            step_places(run, steps);
        else
            step_sites(run, steps);
    }
}

/* ---- end
 * ------------------------------------------------------------------------------------------ */

static bool any_would(const ir_json *steps)
{
    for (size_t i = 0; i < ir_json_len(steps); i++)
        if (ir_streq(ir_json_str(ir_json_at(steps, i), "state"), "would"))
            return true;
    return false;
}

static int finish_report(ir_rel_run *run, int rc)
{
    const char *digest = "";
    for (size_t i = 0; run->sites && i < run->r->file.n_registries && !*digest; i++)
        digest = run->sites[i].digest;
    const char *result = rc                           ? "failed"
                         : any_would(run->steps)      ? "would"
                         : run->wrote || run->proving ? "done"
                                                      : "unchanged";
    return ir_json_puts(run->report, "result", result) |
           ir_json_puts(run->report, "digest", digest) |
           ir_json_puts(run->report, "url", run->url ? run->url : "");
}

static void free_site(ir_rel_site *s)
{
    ir_ref_free(&s->image);
    free(s->base_project);
    free(s->ca_file);
    ir_harbor_free(s->harbor);
    free(s->harbor_user);
    ir_free_secret(s->harbor_secret);
    for (size_t i = 0; i < 2; i++) {
        free(s->robot[i]);
        free(s->next[i]);
    }
    free(s->push_user);
    ir_free_secret(s->push_secret);
    free(s->pull_user);
    ir_free_secret(s->pull_secret);
    ir_manifest_free(&s->top);
}

static void free_place(ir_rel_place *p)
{
    ir_kube_free(p->kube);
    free(p->user);
    ir_free_secret(p->secret);
}

int ir_rel_run_end(ir_rel_run *run, int rc, ir_json **ret_report, imgrel_error *err)
{
    if (!rc && run->first.code) {
        rc = run->first.code;
        if (err && !err->code)
            *err = run->first;
    }
    if (run->report && finish_report(run, rc))
        rc = rc ? rc : ir_nomem(err);
    *ret_report = run->report;
    ir_json_free(run->steps);
    for (size_t i = 0; run->sites && i < run->r->file.n_registries; i++)
        free_site(&run->sites[i]);
    for (size_t i = 0; run->places && i < run->r->file.n_clusters; i++)
        free_place(&run->places[i]);
    free(run->sites);
    free(run->places);
    free(run->rules);
    free(run->url);
    ir_rel_state_close(&run->state);
    return rc;
}

/* ---- for the steps
 * ---------------------------------------------------------------------------------- */

static ir_login login_of(const ir_rel_site *s, enum ir_rel_who who)
{
    ir_login l = {.host = s->conf->host, .user = "", .secret = ""};
    switch (who) {
    case IR_REL_ADMIN:
        return (ir_login){l.host, s->harbor_user, s->harbor_secret};
    case IR_REL_PUSH:
        return (ir_login){l.host, s->push_user, s->push_secret};
    case IR_REL_PULL:
        return (ir_login){l.host, s->pull_user, s->pull_secret};
    default:
        return l;
    }
}

ir_call ir_rel_call(const ir_rel_run *run, const ir_rel_site *site, enum ir_rel_who who,
                    ir_login login[2])
{
    ir_call call = run->call;
    if (who == IR_REL_READER)
        who = site->pull_secret ? IR_REL_PULL : site->push_secret ? IR_REL_PUSH : IR_REL_ADMIN;
    call.logins = login;
    if (who == IR_REL_PUSH && site->base_project && site->harbor_user)
        login[call.n_logins++] =
            (ir_login){site->base_project, site->harbor_user, site->harbor_secret};
    login[call.n_logins] = login_of(site, who);
    call.n_logins += login[call.n_logins].user != NULL; /* unknown: what is stored for the host */
    return call;
}

int ir_rel_store(const ir_call *call, const ir_rel_site *site, unsigned flags, ir_store **ret,
                 imgrel_error *err)
{
    return ir_store_open(call, &site->image, flags, ret, err);
}

char *ir_rel_image_name(const ir_rel_site *site, const char *tag, const char *digest)
{
    return ir_format("%s%s%s%s%s", site->image.name, tag ? ":" : "", tag ? tag : "",
                     digest ? "@" : "", digest ? digest : "");
}
