/* release_check.c - what can be known before anything is changed: the files, the logins, the base
 * for every platform, what the version's tag holds, the clusters. What is wrong here leaves nothing
 * half done. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"
#include "net/creds.h"
#include "run/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int ir_rel_check_files(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    const ir_json *layers = ir_json_get(f->image, "layers");
    (void)target;
    for (size_t i = 0; i < ir_json_len(layers); i++) {
        const ir_json *layer = ir_json_at(layers, i);
        const char *from = ir_json_str(layer, "from");
        char *path = ir_path_join(run->r->dir, from);
        int errnum = !path ? ENOMEM : access(path, R_OK) ? errno : 0;
        free(path);
        if (errnum == 0)
            continue;
        ir_yaml_fail(f->yaml, layer, "from", err, "layer \"%s\": %s", from, strerror(errnum));
        ir_cure(err, "build the app first; the path is relative to the release file");
        return IMGREL_EINVAL;
    }
    ir_rel_say(row, NULL, "every layer's source is there");
    return 0;
}

/* ---- Harbor
 * ----------------------------------------------------------------------------------------- */

static const char *harbor_url_of(const ir_release *r, const ir_rel_registry *conf)
{
    if (conf->harbor_url)
        return conf->harbor_url;
    if (r->harbor_url && r->file.n_registries == 1)
        return r->harbor_url;
    return conf->url;
}

/* The one login that was given goes to the Harbor that it was given for; without an address it is
 * meant for all that the file names. */
static bool login_is_for(const ir_release *r, const char *url)
{
    IR_AUTO(ir_url) a = {0}, b = {0};
    if (!r->harbor_user || !r->harbor_password)
        return false;
    if (!r->harbor_url || r->file.n_registries == 1)
        return true;
    return !ir_url_parse(r->harbor_url, &a, NULL) && !ir_url_parse(url, &b, NULL) &&
           ir_url_same_origin(&a, &b);
}

static int password_from_file(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_buf b = IR_BUF_SECRET(IR_SECRET_MAX);
    char *path = ir_path_join(run->r->dir, s->conf->harbor_password_file);
    int rc = path ? ir_file_read(path, &b, err) : ir_nomem(err);
    free(path);
    ir_buf_truncate(&b, strcspn(ir_buf_str(&b), "\r\n"));
    s->harbor_secret = rc ? NULL : ir_buf_take(&b);
    ir_buf_free(&b);
    return !rc && !s->harbor_secret ? ir_nomem(err) : rc;
}

static int stored_login(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_creds c = {0};
    int rc = ir_creds_find(&run->call, s->conf->host, NULL, &c, err);
    if (!rc && c.user && c.secret) {
        s->harbor_user = ir_strdup(c.user);
        s->harbor_secret = ir_strdup(c.secret);
        rc = s->harbor_user && s->harbor_secret ? 0 : ir_nomem(err);
    }
    ir_creds_free(&c);
    return rc;
}

static int find_login(const ir_rel_run *run, ir_rel_site *s, const char *url, imgrel_error *err)
{
    const ir_release *r = run->r;
    if (s->conf->harbor_user && s->conf->harbor_password_file) {
        s->harbor_user = ir_strdup(s->conf->harbor_user);
        return s->harbor_user ? password_from_file(run, s, err) : ir_nomem(err);
    }
    if (!login_is_for(r, url))
        return stored_login(run, s, err);
    s->harbor_user = ir_strdup(r->harbor_user);
    s->harbor_secret = ir_strdup(r->harbor_password);
    return s->harbor_user && s->harbor_secret ? 0 : ir_nomem(err);
}

static int open_harbor(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    const char *given = harbor_url_of(run->r, s->conf);
    char *url = given ? ir_strdup(given) : ir_format("https://%s", s->conf->host);
    int rc = url ? find_login(run, s, url, err) : ir_nomem(err);
    if (!rc && !s->harbor_secret) {
        rc = ir_fail(err, IMGREL_EAUTH, "%s: no login for Harbor", s->conf->host);
        ir_cure(err, "set HARBOR_USER and HARBOR_PASSWORD_FILE, or imgrel login %s", s->conf->host);
    }
    if (!rc)
        rc = ir_harbor_new(url, s->harbor_user, s->harbor_secret, &s->harbor, err);
    free(url);
    return rc;
}

int ir_rel_check_harbor(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    IR_AUTO(ir_json_p) who = NULL, project = NULL;
    const char *name = run->r->file.project;
    int rc = open_harbor(run, s, err);
    if (!rc)
        rc = ir_harbor_check(&run->call, s->harbor, &who, err);
    if (rc)
        return rc;
    rc = ir_harbor_project_exists(&run->call, s->harbor, name, err);
    if (rc < 0)
        return rc;
    s->project_is = rc == 1;
    if (rc == 1 && (rc = ir_harbor_project_get(&run->call, s->harbor, name, &project, err)))
        return rc;
    const char *version = ir_json_str(who, "version");
    ir_rel_say(
        row, NULL, "Harbor %s as %s; project %s %s", version ? version : "", s->harbor_user, name,
        !s->project_is ? "does not exist yet"
        : ir_streq(ir_json_str(ir_json_get(project, "metadata"), "public"), "true") ? "is public"
                                                                                    : "is private");
    return 0;
}

int ir_rel_login_ok(const ir_rel_run *run, const ir_rel_site *site, const char *user,
                    const char *secret, imgrel_error *err)
{
    ir_harbor *as = NULL;
    imgrel_error why = {0};
    if (!user || !secret || !*secret)
        return 0;
    int rc = ir_harbor_new(ir_harbor_url(site->harbor), user, secret, &as, err);
    if (rc)
        return rc;
    rc = ir_harbor_check(&run->call, as, NULL, &why);
    ir_harbor_free(as);
    if (rc == IMGREL_EAUTH)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc ? rc : 1;
}

/* ---- clusters
 * --------------------------------------------------------------------------------------- */

static int open_kube(const ir_rel_run *run, ir_rel_place *p, imgrel_error *err)
{
    const ir_release *r = run->r;
    bool only = !p->conf->name;
    const char *file = p->conf->kubeconfig, *context = p->conf->context;
    if (r->kubeconfig && (only || !file))
        file = r->kubeconfig;
    if (r->context && only)
        context = r->context;
    char *path = file == p->conf->kubeconfig && file ? ir_path_join(r->dir, file) : NULL;
    int rc = ir_kube_new(&run->call, path ? path : file, context, &p->kube, err);
    free(path);
    return rc;
}

/* The login that the cluster's secret has for the registry; having none is no failure. */
static int read_pull_login(const ir_rel_run *run, ir_rel_place *p, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    imgrel_error why = {0};
    int rc = ir_kube_secret_login(&run->call, p->kube, f->ns, f->secret, p->site->image.name,
                                  &p->user, &p->secret, &why);
    if (rc == IMGREL_ENOTFOUND || rc == IMGREL_EPROTO)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

int ir_rel_check_cluster(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    IR_AUTO(ir_json_p) have = NULL;
    imgrel_error why = {0};
    const char *ns = run->r->file.ns;
    char *object = ir_format("namespace/%s", ns);
    int rc = object ? open_kube(run, p, err) : ir_nomem(err);
    if (!rc) {
        rc = ir_kube_get(&run->call, p->kube, NULL, object, &have, &why);
        p->ns_is = rc == 0 || rc == IMGREL_EDENIED; /* who may not look may still use it */
        if (rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND)
            rc = 0;
        else if (rc && err && !err->code)
            *err = why;
    }
    free(object);
    if (!rc && p->ns_is)
        rc = read_pull_login(run, p, err);
    if (!rc)
        ir_rel_say(row, NULL, "%s; namespace %s %s", ir_kube_server(p->kube), ns,
                   p->ns_is ? "exists" : "does not exist yet");
    return rc;
}

/* A registry whose clusters all failed is left alone: a release that nobody can run is none. */
int ir_rel_check_clusters(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    size_t all = 0, failed = 0;
    (void)err;
    for (size_t i = 0; i < run->r->file.n_clusters; i++) {
        all += run->places[i].site == s;
        failed += run->places[i].site == s && run->places[i].failed;
    }
    if (all && all == failed) {
        s->failed = true;
        ir_rel_say(row, "skipped", "not done: no cluster that pulls from it can be used");
    }
    return 0;
}

/* ---- the image
 * -------------------------------------------------------------------------------------- */

static int read_tags(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_ADMIN, login);
    if (!s->project_is)
        return 0;
    int rc = ir_rel_tag_digest(&call, s, ir_rel_version(run->r), s->version_is, err);
    return rc ? rc : ir_rel_tag_digest(&call, s, "latest", s->latest_is, err);
}

/* Dry: the base is read for every platform, and what is there compared with what would be made. */
static int look_assembled(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_ADMIN, login);
    IR_AUTO(ir_json_p) spec = ir_rel_image_spec(run->r);
    const char *reuse = s->version_is[0]  ? ir_rel_version(run->r)
                        : s->latest_is[0] ? "latest"
                                          : NULL;
    ir_assemble a = {.spec = spec, .base_dir = run->r->dir, .dst = &s->image, .reuse = reuse};
    ir_assembled made = {0};
    call.flags |= IMGREL_FLAG_DRY_RUN;
    int rc = spec ? ir_image_assemble(&call, &a, &made, err) : ir_nomem(err);
    if (!rc && made.unchanged) {
        s->image_is = true;
        memcpy(s->digest, made.digest, sizeof s->digest);
        s->top = made.top;
        made.top = (ir_manifest){0};
    }
    ir_assembled_free(&made);
    return rc;
}

static int look_copied(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_ADMIN, login);
    IR_AUTO(ir_ref) from = {0}, to = {0};
    ir_copied copied = {0};
    int rc = ir_ref_parse(run->r->file.from, &from, err);
    if (!rc)
        rc = ir_ref_copy(&s->image, &to) || ir_ref_set(&to, ir_rel_version(run->r), NULL)
                 ? ir_nomem(err)
                 : 0;
    char *platforms = rc ? NULL : ir_rel_platforms(run->r);
    call.platform = platforms;
    call.flags |= IMGREL_FLAG_DRY_RUN;
    if (!rc)
        rc = ir_copy(&call, &from, &to, NULL, &copied, err);
    memcpy(s->digest, copied.digest, sizeof s->digest);
    s->image_is = copied.unchanged || (*s->digest && !strcmp(s->digest, s->version_is));
    free(platforms);
    return rc;
}

static int look_built(const ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_ADMIN, login);
    return ir_rel_build_look(&call, run->r, s, err);
}

int ir_rel_check_base(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    const ir_rel_file *f = &run->r->file;
    int rc = read_tags(run, s, err);
    if (!rc)
        rc = f->build  ? look_built(run, s, err)
             : f->from ? look_copied(run, s, err)
                       : look_assembled(run, s, err);
    if (rc)
        return rc;
    char *platforms = ir_rel_platforms(run->r);
    ir_rel_say(row, NULL, "%s has %s",
               f->from   ? f->from
               : f->base ? f->base
                         : "the image",
               platforms ? platforms : "what is asked for");
    free(platforms);
    return 0;
}

int ir_rel_check_version(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    const char *version = ir_rel_version(run->r);
    bool same = s->image_is && !strcmp(s->version_is, s->digest);
    if (!s->version_is[0])
        ir_rel_say(row, NULL, "%s is free", version);
    else if (same)
        ir_rel_say(row, NULL, "%s holds this image", version);
    else if (IR_FORCE(&run->call))
        ir_rel_say(row, NULL, "%s holds another image and will be replaced", version);
    else {
        char *name = ir_rel_image_name(s, version, NULL);
        ir_fail(err, IMGREL_ECONFLICT, "%s holds another image, %s", name ? name : version,
                s->version_is);
        free(name);
        return ir_cure(err, "release it under another version (--version), or replace it with "
                            "--force"),
               IMGREL_ECONFLICT;
    }
    memcpy(row->digest, s->version_is, sizeof row->digest);
    return 0;
}
