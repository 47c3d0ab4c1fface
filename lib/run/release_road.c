/* release_road.c - the road between the parts: names that builders and nodes know a registry by,
 * nodes that must be told of it, a Harbor that still has its first password, a Dockerfile that
 * wants what its builder has not. Looks only. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/challenge.h"
#include "fmt/platform.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Harbor's first password ----------------------------------------------------------------- */

#define FIRST_USER "admin"
#define FIRST_PASSWORD "Harbor12345"

int ir_rel_look_admin(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    bool is_admin = ir_streq(s->harbor_user, FIRST_USER);
    bool first = is_admin && ir_streq(s->harbor_secret, FIRST_PASSWORD);
    int rc = is_admin ? first : ir_rel_login_ok(run, s, FIRST_USER, FIRST_PASSWORD, err);
    if (rc < 0)
        return rc;
    if (rc) {
        ir_fail(err, IMGREL_EDENIED,
                "%s: its administrator still has the password that every "
                "Harbor begins with",
                s->conf->host);
        return ir_cure(err, "give admin another password: Harbor's page, top right, or "
                            "existingSecretAdminPassword of its chart"),
               IMGREL_EDENIED;
    }
    ir_rel_say(row, NULL, "its administrator has a password of its own");
    return 0;
}

/* ---- two names ------------------------------------------------------------------------------- */

/* What a pushing job and a pulling node each need, where they know the registry by two names. */
int ir_rel_look_push_host(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    const ir_rel_file *f = &run->r->file;
    char *host = NULL;
    bool plain = false;
    if (!f->has_gitlab || s->conf != &f->registries[f->gitlab.registry_at])
        return 0;
    int rc = ir_rel_push_host(f, &host, &plain, err);
    if (!rc && strcmp(host, s->conf->host) != 0) {
        ir_rel_say(row, NULL, "jobs push to %s%s, nodes pull from %s: one registry, two names",
                   host, plain ? " (plain HTTP)" : "", s->conf->host);
        row->cure = ir_format(
            "jobs must know %s too, where their tokens come from; logins are made "
            "for both names%s",
            s->conf->host, plain ? "; buildkitd.toml allows plain HTTP for what is pushed to" : "");
        rc = row->cure ? 0 : ir_nomem(err);
    }
    free(host);
    return rc;
}

/* ---- where tokens come from ------------------------------------------------------------------ */

static int read_realm(const ir_call *call, const char *base, char **ret, imgrel_error *err)
{
    char *url = ir_format("%s/v2/", base);
    const ir_request req = {.url = url, .what = "registry", .flags = IR_HTTP_NO_REDIRECT};
    ir_challenges all = {0};
    ir_reply reply = {0};
    const char *value = NULL;
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    *ret = NULL;
    for (size_t i = 0; !rc && (value = ir_reply_header(&reply, "www-authenticate", i)); i++)
        if (ir_challenge_parse(value, &all, NULL))
            break;
    const ir_challenge *bearer = ir_challenge_find(&all, "bearer");
    if (bearer && ir_challenge_param(bearer, "realm"))
        *ret = ir_strdup(ir_challenge_param(bearer, "realm"));
    ir_challenges_free(&all);
    ir_reply_free(&reply);
    free(url);
    return rc;
}

static int realm_elsewhere(const ir_rel_site *s, const char *realm, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "%s: its tokens come from %.200s, by another name", s->conf->host,
            realm);
    return ir_cure(err,
                   "set Harbor's externalURL to the name that images have, or see to it that jobs "
                   "and nodes know that other one"),
           IMGREL_EFAILED;
}

/* The name that images begin with answers, and so does where its tokens come from. */
int ir_rel_look_names(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_NOBODY, login);
    IR_AUTO(ir_url) at = {0};
    char *base = NULL, *realm = NULL;
    int rc = ir_host_url(&call, s->conf->host, &base, err);
    if (!rc)
        rc = read_realm(&call, base, &realm, err);
    if (!rc && realm && ir_url_parse(realm, &at, NULL))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: its token realm is no URL: %.200s", s->conf->host,
                     realm);
    size_t len = strcspn(s->conf->host, ":");
    if (!rc && realm && (strlen(at.host) != len || strncasecmp(at.host, s->conf->host, len) != 0))
        rc = realm_elsewhere(s, realm, err);
    if (!rc)
        ir_rel_say(row, NULL, "%s answers%s%s", base, realm ? "; tokens come from " : "",
                   realm ? realm : "");
    free(base);
    free(realm);
    return rc;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

typedef struct nodes {
    const ir_rel_file *file;
    size_t n, unfit;
    char unfit_name[80], unfit_arch[32], runtime[80];
} nodes;

static bool has_platform(const ir_rel_file *f, const char *arch)
{
    size_t n = ir_json_len(f->platforms);
    for (size_t i = 0; i < n; i++) {
        ir_platform p;
        const char *text = ir_json_text(ir_json_at(f->platforms, i));
        if (text && !ir_platform_parse(text, &p, NULL) && strstr(text, arch))
            return true;
    }
    return n == 0; /* all that the base has */
}

static int see_node(void *user, const ir_json *item, imgrel_error *err)
{
    nodes *all = user;
    const ir_json *info = ir_json_path(item, "status.nodeInfo");
    const char *arch = ir_json_str(info, "architecture");
    const char *runtime = ir_json_str(info, "containerRuntimeVersion");
    const char *name = ir_json_str(ir_json_get(item, "metadata"), "name");
    (void)err;
    all->n++;
    if (runtime && !all->runtime[0])
        snprintf(all->runtime, sizeof all->runtime, "%s", runtime);
    if (arch && !has_platform(all->file, arch) && !all->unfit++) {
        snprintf(all->unfit_arch, sizeof all->unfit_arch, "%s", arch);
        snprintf(all->unfit_name, sizeof all->unfit_name, "%s", name ? name : "");
    }
    return 0;
}

/* A registry that is not reached by https with a public certificate must be told to each node. */
static int say_trust(const nodes *all, const ir_rel_site *s, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_registry *c = s->conf;
    bool plain = c->url && ir_starts(c->url, "http://");
    if (!plain && !c->ca_file) {
        ir_rel_say(row, NULL, "%zu of them%s%s", all->n, all->runtime[0] ? ", " : "", all->runtime);
        return 0;
    }
    ir_rel_say(row, NULL, "%zu of them%s%s; each must be told of %s%s", all->n,
               all->runtime[0] ? ", " : "", all->runtime, plain ? c->url : c->host,
               plain ? " (plain HTTP)" : " (an authority of its own)");
    row->cure = ir_format("on each: imgrel node hosts --host %s%s%s%s%s; for all: imgrel node "
                          "render daemonset; to see why one does not pull: imgrel node doctor",
                          c->host, c->url ? " --url " : "", c->url ? c->url : "",
                          c->ca_file ? " --ca " : "", c->ca_file ? c->ca_file : "");
    return row->cure ? 0 : ir_nomem(err);
}

int ir_rel_look_nodes(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_place *p = target;
    nodes all = {.file = &run->r->file};
    imgrel_error why = {0};
    int rc = ir_kube_list(&run->call, p->kube, NULL, "node", NULL, NULL, see_node, &all, &why);
    if (rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, NULL, "nodes may not be looked at with this login");
        return 0;
    }
    if (rc) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    if (all.unfit && all.unfit == all.n) {
        ir_fail(err, IMGREL_EFAILED, "node %s is %s, for which the image has no platform",
                all.unfit_name, all.unfit_arch);
        return ir_cure(err, "add linux/%s to image.platforms", all.unfit_arch), IMGREL_EFAILED;
    }
    return say_trust(&all, p->site, row, err);
}

/* ---- the Dockerfile -------------------------------------------------------------------------- */

typedef struct recipe {
    char frontend[128]; /* "# syntax=" of its first lines; "" none */
    bool emulated;      /* a RUN in a stage that is not the builder's own platform */
} recipe;

static bool is_word(const char *line, const char *word)
{
    size_t len = strlen(word);
    return !strncasecmp(line, word, len) && (line[len] == ' ' || line[len] == '\t');
}

static void read_recipe(const char *text, recipe *ret)
{
    bool native = false, directives = true;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        const char *at = line + strspn(line, " \t");
        if (directives && *at == '#') {
            const char *key = at + 1 + strspn(at + 1, " \t");
            const char *eq = key + 6 + (ir_starts(key, "syntax") ? strspn(key + 6, " \t") : 0);
            if (ir_starts(key, "syntax") && *eq == '=') {
                eq += 1 + strspn(eq + 1, " \t");
                snprintf(ret->frontend, sizeof ret->frontend, "%.*s", (int)strcspn(eq, " \t\r\n"),
                         eq);
            }
        } else if (*at != '\n' && *at) {
            directives = false;
        }
        if (is_word(at, "FROM")) {
            const char *build = strstr(at, "$BUILDPLATFORM");
            build = build ? build : strstr(at, "${BUILDPLATFORM}");
            native = build && build < line + len;
        } else if (is_word(at, "RUN") && !native) {
            ret->emulated = true;
        }
        line += len + (line[len] == '\n');
    }
}

static int judge_recipe(const recipe *r, const ir_rel_file *f, const char *path, ir_rel_row *row,
                        imgrel_error *err)
{
    bool several = ir_json_len(f->platforms) > 1;
    if (!r->frontend[0] && !(r->emulated && several)) {
        ir_rel_say(row, NULL, "%s needs nothing that a builder may lack", path);
        return 0;
    }
    ir_rel_say(row, NULL, "%s %s%s%s%s", path, r->frontend[0] ? "takes its frontend from " : "",
               r->frontend, r->frontend[0] && r->emulated && several ? ", and " : "",
               r->emulated && several ? "runs commands for each platform" : "");
    row->cure = ir_format(
        "%s%s%s",
        r->frontend[0] ? "the builder must reach that image; without the # syntax= line it "
                         "uses its own"
                       : "",
        r->frontend[0] && r->emulated && several ? "; " : "",
        r->emulated && several ? "the builder needs qemu (binfmt) for platforms that are not its "
                                 "own, or FROM --platform=$BUILDPLATFORM in stages that only build"
                               : "");
    return row->cure ? 0 : ir_nomem(err);
}

int ir_rel_look_builder(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    IR_AUTO(ir_buf) text = IR_BUF(IR_MIB);
    recipe found = {.emulated = false};
    imgrel_error why = {0};
    (void)target;
    if (!f->has_gitlab || target != &run->sites[f->gitlab.registry_at])
        return 0;
    const char *name = f->gitlab.dockerfile ? f->gitlab.dockerfile : "Dockerfile";
    char *in = ir_path_join(run->r->dir, f->gitlab.context ? f->gitlab.context : ".");
    char *path = in ? ir_path_join(in, name) : NULL;
    int rc = path ? ir_file_read(path, &text, &why) : ir_nomem(err);
    if (!rc) {
        read_recipe(ir_buf_str(&text), &found);
        rc = judge_recipe(&found, f, name, row, err);
    } else if (rc == IMGREL_ENOTFOUND) {
        ir_rel_say(row, NULL, "%s is not here: it is the GitLab project's", name);
        rc = 0;
    } else if (path && err && !err->code) {
        *err = why;
    }
    free(in);
    free(path);
    return rc;
}
