/* desk.c - the desk of one build: a folder that only we can read, in which a builder finds the
 * logins that the call has for the registries it will meet, and how they are reached. It goes with
 * the build, whatever becomes of it: no secret is ever an argument of a program. */
#include "build/inside.h"

#include "base/fd.h"
#include "base/limits.h"
#include "fmt/toml.h"
#include "net/creds.h"
#include "net/hosts.h"
#include "net/http.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

char *ir_desk_path(const ir_job *job, const char *name)
{
    return ir_path_join(job->dir, name);
}

int ir_desk_file(const ir_job *job, const char *name, const char *text, char **ret,
                 imgrel_error *err)
{
    *ret = ir_desk_path(job, name);
    return *ret ? ir_file_write(*ret, 0600, text, strlen(text), err) : ir_nomem(err);
}

static int make_dir(ir_job *job, imgrel_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = ir_format("%s/imgrel-build-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
    if (!dir)
        return ir_nomem(err);
    if (!mkdtemp(dir)) {
        ir_fail_errno(err, errno, "%s", dir);
        free(dir);
        return err ? err->code : IMGREL_EIO;
    }
    job->ret->dir = job->dir = dir;
    job->out = ir_desk_path(job, "image");
    return job->out ? 0 : ir_nomem(err);
}

/* ---- places --------------------------------------------------------------------------------- */

/* How a host is reached, as the call and the configuration say. */
static int look_at(const ir_call *call, ir_place *p, imgrel_error *err)
{
    char *text = NULL;
    IR_AUTO(ir_url) url = {0};
    IR_AUTO(ir_host) host = {0};
    int rc = ir_host_url(call, p->ref.host, &text, err);
    if (!rc)
        rc = ir_url_parse(text, &url, err);
    if (!rc)
        rc = ir_host_get(call, &url, &host, err);
    if (!rc) {
        const char *ca = host.ca_file ? host.ca_file : ir_call_conf(call)->ca_file;
        p->plain = !strcmp(url.scheme, "http");
        p->insecure = host.insecure;
        if (ca && !(p->ca_file = ir_strdup(ca)))
            rc = ir_nomem(err);
    }
    free(text);
    return rc;
}

static int add_place(ir_job *job, const ir_ref *ref, bool push, imgrel_error *err)
{
    for (size_t i = 0; i < job->n_places; i++)
        if (ir_streq(job->places[i].ref.host, ref->host) &&
            ir_streq(job->places[i].ref.repository, ref->repository)) {
            job->places[i].push |= push;
            return 0;
        }
    ir_place *more = realloc(job->places, (job->n_places + 1) * sizeof *more);
    if (!more)
        return ir_nomem(err);
    job->places = more;
    ir_place *p = &more[job->n_places];
    *p = (ir_place){.push = push};
    if (ir_ref_copy(ref, &p->ref))
        return ir_nomem(err);
    job->n_places++;
    return look_at(job->call, p, err);
}

/* By its name as text; one that cannot be read is left for the builder to complain of. */
static int add_named(ir_job *job, const char *text, bool push, imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    imgrel_error ignored = {0};
    if (!text || ir_ref_parse(text, &ref, &ignored) || ref.transport != IR_REGISTRY)
        return 0;
    return add_place(job, &ref, push, err);
}

static int add_caches(ir_job *job, const ir_json *list, bool push, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = add_named(job, ir_json_str(ir_json_at(list, i), "ref"), push, err);
    return rc;
}

static int find_places(ir_job *job, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->n_names; i++)
        if (s->names[i].transport == IR_REGISTRY)
            rc = add_place(job, &s->names[i], true, err);
    if (!rc)
        rc = ir_dockerfile_images(&job->df, s->args, &job->images, err);
    for (size_t i = 0; !rc && i < job->images.n && job->n_places < 64; i++)
        rc = add_named(job, job->images.v[i], false, err);
    if (!rc)
        rc = add_caches(job, s->cache_from, false, err);
    return rc ? rc : add_caches(job, s->cache_to, true, err);
}

/* ---- logins --------------------------------------------------------------------------------- */

/* The user's own config.json, whose helpers and other logins stay good. */
static int read_own(ir_buf *ret, imgrel_error *err)
{
    const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    char *path = dir && *dir ? ir_path_join(dir, "config.json")
                 : home      ? ir_path_join(home, ".docker/config.json")
                             : NULL;
    imgrel_error why = {0};
    int rc = path ? ir_file_read(path, ret, &why) : 0;
    free(path);
    return rc == IMGREL_ENOMEM ? ir_nomem(err) : 0; /* one that cannot be read: nothing of it */
}

/* A login in "auths" counts only where no helper stands before it. */
static int take_helpers_off(ir_buf *doc, const char *host, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_json_parse(ir_buf_str(doc), doc->len, "config.json", &j, err);
    ir_json *helpers = ir_json_get(j, "credHelpers");
    if (rc || (!ir_json_get(helpers, host) && !ir_json_str(j, "credsStore")))
        return rc;
    ir_json_remove(helpers, host);
    if (ir_json_str(j, "credsStore")) {
        if (!helpers && !ir_json_put(j, "credHelpers", ir_json_new_object()))
            helpers = ir_json_get(j, "credHelpers");
        if (ir_json_puts(helpers, host, "")) /* none for this host: docker's way to say it */
            return ir_nomem(err);
    }
    ir_buf_clear(doc);
    return ir_json_dump(j, IR_JSON_COMPACT, doc, err);
}

static int add_login(const ir_job *job, const ir_place *p, ir_buf *doc, imgrel_error *err)
{
    IR_AUTO(ir_creds) c = {0};
    IR_AUTO(ir_buf) merged = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    int rc = ir_creds_find(job->call, p->ref.host, p->ref.repository, &c, err);
    if (rc || !c.user || !c.secret)
        return rc;
    rc = ir_creds_merge(doc->p, doc->len, p->ref.host, c.user, c.secret, &merged, err);
    if (rc)
        return rc;
    ir_buf_clear(doc);
    ir_buf_add(doc, merged.p, merged.len);
    return take_helpers_off(doc, p->ref.host, err);
}

/* Those of the names last: of two logins for one host the one that may push stays. */
static int write_logins(ir_job *job, imgrel_error *err)
{
    IR_AUTO(ir_buf) doc = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    IR_AUTO(ir_json_p) known = NULL;
    imgrel_error ignored = {0};
    int rc = read_own(&doc, err);
    if (!rc && (ir_json_parse(ir_buf_str(&doc), doc.len, "config.json", &known, &ignored) ||
                !ir_json_is_object(known)))
        ir_buf_clear(&doc);
    for (int push = 0; push < 2; push++)
        for (size_t i = 0; !rc && i < job->n_places; i++)
            if (job->places[i].push == (push == 1))
                rc = add_login(job, &job->places[i], &doc, err);
    if (!rc && doc.len)
        rc = ir_desk_file(job, "config.json", ir_buf_str(&doc), &job->config, err);
    return rc;
}

int ir_desk_open(ir_job *job, imgrel_error *err)
{
    int rc = make_dir(job, err);
    if (!rc)
        rc = find_places(job, err);
    return rc ? rc : write_logins(job, err);
}

/* ---- settings -------------------------------------------------------------------------------- */

static int write_toml(const ir_job *job, ir_json *j, const char *name, char **ret,
                      imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    int rc = ir_toml_write(j, &text, err);
    return rc ? rc : ir_desk_file(job, name, ir_buf_str(&text), ret, err);
}

static bool is_special(const ir_place *p)
{
    return p->plain || p->insecure || p->ca_file;
}

int ir_desk_buildkitd(const ir_job *job, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = ir_json_pack("{s:{}}", "registry");
    ir_json *registry = ir_json_get(j, "registry");
    *ret = NULL;
    for (size_t i = 0; i < job->n_places; i++) {
        const ir_place *p = &job->places[i];
        ir_json *one = is_special(p) ? ir_json_new_object() : NULL;
        if (!one)
            continue;
        int bad = p->plain ? ir_json_put(one, "http", ir_json_new_bool(true)) : 0;
        if (p->insecure)
            bad |= ir_json_put(one, "insecure", ir_json_new_bool(true));
        if (p->ca_file)
            bad |= ir_json_put(one, "ca", ir_json_pack("[s]", p->ca_file));
        if (ir_json_put(registry, p->ref.host, one) || bad)
            return ir_nomem(err);
    }
    if (!ir_json_len(registry))
        return j ? 0 : ir_nomem(err);
    return write_toml(job, j, "buildkitd.toml", ret, err);
}

/* The system's file and drop-ins are not read any more then: so it is made only when it must. */
int ir_desk_registries(const ir_job *job, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = ir_json_pack("{s:[]}", "registry");
    ir_json *list = ir_json_get(j, "registry");
    *ret = NULL;
    for (size_t i = 0; i < job->n_places; i++) {
        const ir_place *p = &job->places[i];
        bool known = false;
        for (size_t k = 0; k < i; k++)
            known |= ir_streq(job->places[k].ref.host, p->ref.host);
        if (!known && (p->plain || p->insecure) &&
            ir_json_append(list,
                           ir_json_pack("{s:s, s:b}", "location", p->ref.host, "insecure", 1)))
            return ir_nomem(err);
    }
    if (!ir_json_len(list))
        return j ? 0 : ir_nomem(err);
    return write_toml(job, j, "registries.conf", ret, err);
}
