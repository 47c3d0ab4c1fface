/* release.c - the release engine's verbs: tables of steps, done for every registry and cluster of
 * the file. Everything is looked at before anything is changed; every step asks what is there and
 * leaves alone what is right, so that a run can be repeated, and taken up where another was killed.
 */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdlib.h>

#define LOOK (IR_REL_CHECK | IR_REL_LIVE)

static const ir_rel_step apply_steps[] = {
    {"files", ir_rel_check_files, IR_REL_SITE | IR_REL_CHECK},
    {"harbor", ir_rel_check_harbor, IR_REL_SITE | IR_REL_CHECK},
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_ALONE},
    {"two names", ir_rel_look_push_host, IR_REL_SITE | IR_REL_CHECK | IR_REL_QUIET},
    {"clusters", ir_rel_check_clusters, IR_REL_SITE | IR_REL_CHECK | IR_REL_QUIET},
    {"base", ir_rel_check_base, IR_REL_SITE | IR_REL_CHECK},
    {"version", ir_rel_check_version, IR_REL_SITE | IR_REL_CHECK},
    {"project", ir_rel_project, IR_REL_SITE},
    {"push robot", ir_rel_push_robot, IR_REL_SITE},
    {"pull robot", ir_rel_pull_robot, IR_REL_SITE},
    {"namespace", ir_rel_namespace, IR_REL_PLACE},
    {"pull secret", ir_rel_secret, IR_REL_PLACE},
    {"image", ir_rel_image, IR_REL_SITE},
    {"tags", ir_rel_tags, IR_REL_SITE},
    {"scan", ir_rel_scan, IR_REL_SITE | LOOK | IR_REL_QUIET},
    {"verify tags", ir_rel_verify_tags, IR_REL_SITE | LOOK},
    {"verify platforms", ir_rel_verify_platforms, IR_REL_SITE | LOOK},
    {"verify pull", ir_rel_verify_pull, IR_REL_SITE | LOOK},
    {"anonymous pull", ir_rel_refuse_anonymous, IR_REL_SITE | LOOK},
    {"push by pull robot", ir_rel_refuse_push, IR_REL_SITE | LOOK},
    {"delete by push robot", ir_rel_refuse_delete, IR_REL_SITE | LOOK},
    {"pod", ir_rel_pod, IR_REL_PLACE},
    {"service", ir_rel_service, IR_REL_PLACE},
    {"running", ir_rel_ready, IR_REL_PLACE | LOOK},
    {"page", ir_rel_page, IR_REL_PLACE | LOOK},
    {NULL, NULL, 0},
};

static const ir_rel_step verify_steps[] = {
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_ALONE},
    {"logins", ir_rel_check_logins, IR_REL_SITE | IR_REL_CHECK},
    {"image", ir_rel_find_image, IR_REL_SITE | IR_REL_CHECK},
    {"verify tags", ir_rel_verify_tags, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"verify platforms", ir_rel_verify_platforms, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"verify pull", ir_rel_verify_pull, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"anonymous pull", ir_rel_refuse_anonymous, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"push by pull robot", ir_rel_refuse_push, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"delete by push robot", ir_rel_refuse_delete, IR_REL_SITE | IR_REL_CHECK | IR_REL_SOFT},
    {"running", ir_rel_ready, IR_REL_PLACE | IR_REL_CHECK},
    {"page", ir_rel_page, IR_REL_PLACE | IR_REL_CHECK},
    {NULL, NULL, 0},
};

static const ir_rel_step render_steps[] = {
    {"cluster", ir_rel_check_cluster, IR_REL_PLACE | IR_REL_CHECK | IR_REL_SOFT | IR_REL_ALONE},
    {"logins", ir_rel_check_logins, IR_REL_SITE | IR_REL_CHECK},
    {"image", ir_rel_find_image, IR_REL_SITE | IR_REL_CHECK},
    {NULL, NULL, 0},
};

/* ---- the handle
 * ------------------------------------------------------------------------------------- */

int ir_release_parse(const char *p, size_t len, const char *name, const char *base_dir,
                     ir_release **ret, imgrel_error *err)
{
    ir_release *r = calloc(1, sizeof *r);
    *ret = NULL;
    if (!r)
        return ir_nomem(err);
    int rc = ir_rel_file_read(p, len, name, &r->file, err);
    if (!rc) {
        const ir_rel_file *f = &r->file;
        r->dir = ir_strdup(base_dir);
        r->push = f->push ? ir_strdup(f->push) : ir_format("%s-push", f->app);
        r->pull = f->pull ? ir_strdup(f->pull) : ir_format("%s-pull", f->app);
        rc = r->push && r->pull && (r->dir || !base_dir) ? 0 : ir_nomem(err);
    }
    if (rc)
        ir_release_free(r);
    else
        *ret = r;
    return rc;
}

int ir_release_load(const char *path, ir_release **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_YAML_MAX);
    const char *slash = strrchr(path, '/');
    *ret = NULL;
    int rc = ir_file_read(path, &b, err);
    if (rc)
        return rc;
    char *dir = slash ? ir_strndup(path, (size_t)(slash + 1 - path)) : NULL;
    rc = slash && !dir ? ir_nomem(err)
                       : ir_release_parse(ir_buf_str(&b), b.len, path, dir, ret, err);
    free(dir);
    return rc;
}

void ir_release_free(ir_release *r)
{
    if (!r)
        return;
    char *const texts[] = {r->dir,        r->push,        r->pull,       r->version,
                           r->harbor_url, r->harbor_user, r->kubeconfig, r->context,
                           r->state_dir,  r->forward,     r->node};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    ir_free_secret(r->harbor_password);
    ir_rel_file_free(&r->file);
    free(r);
}

const char *ir_rel_version(const ir_release *r)
{
    return r->version ? r->version : r->file.version;
}

static bool is_version(const char *s)
{
    return ir_rel_version_ok(s);
}

static bool is_url(const char *s)
{
    IR_AUTO(ir_url) u = {0};
    return !ir_url_parse(s, &u, NULL) && !u.user;
}

static bool is_port(const char *s)
{
    unsigned long long v = 0;
    return ir_parse_u64(s, 65535, &v);
}

static bool is_none(const char *s)
{
    return !strcmp(s, "none");
}

static const struct {
    const char *key;
    size_t offset;
    bool (*check)(const char *s);
    const char *rule;
} settings[] = {
    {"version", offsetof(ir_release, version), is_version, "a semantic version like 1.0.0"},
    {"harbor_url", offsetof(ir_release, harbor_url), is_url, "an http or https URL without login"},
    {"harbor_user", offsetof(ir_release, harbor_user), NULL, NULL},
    {"harbor_password", offsetof(ir_release, harbor_password), NULL, NULL},
    {"kubeconfig", offsetof(ir_release, kubeconfig), NULL, NULL},
    {"context", offsetof(ir_release, context), NULL, NULL},
    {"state_dir", offsetof(ir_release, state_dir), NULL, NULL},
    {"forward", offsetof(ir_release, forward), is_port, "a port, 0 to 65535"},
    {"node", offsetof(ir_release, node), is_none, "none"},
};

int ir_release_set(ir_release *r, const char *key, const char *value, imgrel_error *err)
{
    IR_AUTO(ir_buf) known = IR_BUF(1000);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        ir_buf_addf(&known, "%s%s", i ? ", " : "", settings[i].key);
        if (!key || strcmp(settings[i].key, key))
            continue;
        if (value && settings[i].check && !settings[i].check(value))
            return ir_fail(err, IMGREL_EINVAL, "%s \"%.100s\" is not %s", key, value,
                           settings[i].rule);
        char **to = (char **)(void *)((char *)r + settings[i].offset), *copy = ir_strdup(value);
        if (value && !copy)
            return ir_nomem(err);
        ir_free_secret(*to);
        *to = copy;
        return 0;
    }
    ir_fail(err, IMGREL_EINVAL, "a release has no setting \"%.60s\"", key ? key : "");
    return ir_cure(err, "known are: %s", ir_buf_str(&known)), IMGREL_EINVAL;
}

/* ---- the verbs
 * -------------------------------------------------------------------------------------- */

int ir_release_apply(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err)
{
    ir_rel_run run;
    int rc = ir_rel_run_begin(call, r, !IR_DRY_RUN(call), &run, err);
    if (!rc)
        ir_rel_run_steps(&run, apply_steps);
    return ir_rel_run_end(&run, rc, ret_report, err);
}

int ir_release_plan(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err)
{
    ir_call dry = *call;
    dry.flags |= IMGREL_FLAG_DRY_RUN;
    return ir_release_apply(&dry, r, ret_report, err);
}

static int look(const ir_call *call, ir_release *r, const ir_rel_step *steps, ir_json **ret_report,
                imgrel_error *err)
{
    ir_rel_run run;
    int rc = ir_rel_run_begin(call, r, false, &run, err);
    run.proving = true;
    if (!rc)
        ir_rel_run_steps(&run, steps);
    return ir_rel_run_end(&run, rc, ret_report, err);
}

int ir_release_verify(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err)
{
    return look(call, r, verify_steps, ret_report, err);
}

int ir_release_doctor(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err)
{
    return look(call, r, ir_rel_doctor_steps, ret_report, err);
}

int ir_release_delete(const ir_call *call, ir_release *r, ir_json **ret_report, imgrel_error *err)
{
    ir_rel_run run;
    bool dry = IR_DRY_RUN(call);
    int rc = ir_rel_run_begin(call, r, !dry, &run, err);
    if (!rc)
        ir_rel_run_steps(&run, ir_rel_delete_steps);
    if (!rc && !dry && !run.first.code)
        rc = ir_rel_state_remove(&run.state, err);
    return ir_rel_run_end(&run, rc, ret_report, err);
}

void ir_release_on_secret(ir_release *r, ir_secret_fn *fn, void *user)
{
    r->on_secret = fn;
    r->on_secret_user = user;
}

int ir_release_rotate(const ir_call *call, ir_release *r, const ir_rotation *how,
                      ir_json **ret_report, imgrel_error *err)
{
    ir_rel_run run;
    int rc = ir_rel_run_begin(call, r, !IR_DRY_RUN(call), &run, err);
    for (size_t i = 0; i < 2; i++)
        run.rotates[i] = !how->role || !strcmp(how->role, ir_rel_roles[i]);
    run.retire_only = how->retire_only;
    run.grace_s = how->grace_s >= 0 ? how->grace_s : r->file.grace_s;
    if (!rc)
        ir_rel_run_steps(&run, ir_rel_rotate_steps);
    return ir_rel_run_end(&run, rc, ret_report, err);
}

int ir_release_render(const ir_call *call, ir_release *r, ir_buf *out, imgrel_error *err)
{
    ir_rel_run run;
    ir_json *report = NULL;
    int rc = ir_rel_run_begin(call, r, false, &run, err);
    if (!rc)
        ir_rel_run_steps(&run, render_steps);
    if (!rc && run.sites[0].digest[0]) {
        ir_error_clear(&run.first); /* a cluster out of reach does not matter here */
        rc = ir_rel_render(&run, out, err);
    }
    rc = ir_rel_run_end(&run, rc, &report, err);
    ir_json_free(report);
    return rc;
}
