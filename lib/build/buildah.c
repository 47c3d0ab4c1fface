/* buildah.c - Buildah, and podman, which is the same builder under other words: an image, or a list
 * of them for several platforms, is built into its storage under a name that nobody else has, taken
 * from there as an OCI layout, and removed. */
#include "build/inside.h"

#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct tool {
    const char *program;
    bool many;   /* several platforms: a list */
    char *name;  /* in its storage */
    char *certs; /* a folder with the authorities to trust; NULL */
    char *registries;
} tool;

/* ---- what it says -----------------------------------------------------------------------------
 */

/* "[linux/arm64] STEP 2/3: RUN make" -> "[linux/arm64] 2/3 RUN make" begins; the one before ended.
 */
static int begin_step(ir_job *job, const char *line, imgrel_error *err)
{
    ir_rawjson *p = &job->progress;
    ir_build_event e = {IMGREL_EVENT_STEP, p->failed, "done", 0, 0};
    int rc = p->failed[0] ? ir_job_tell(job, &e, err) : 0;
    p->n_done++;
    snprintf(p->failed, sizeof p->failed, "%s", line);
    p->last_log[0] = '\0';
    e.detail = "began";
    return rc ? rc : ir_job_tell(job, &e, err);
}

static int on_line(ir_job *job, bool is_err, char *line, imgrel_error *err)
{
    ir_rawjson *p = &job->progress;
    const char *step = is_err ? NULL : strstr(line, "STEP ");
    if (step && (step == line || line[0] == '['))
        return begin_step(job, line, err);
    if (is_err && !strncasecmp(line, "error", 5))
        snprintf(p->error, sizeof p->error, "%s",
                 line + (line[5] == ':' ? 6 + (line[6] == ' ') : 0));
    else if (is_err && *line && !p->error[0] && !ir_starts(line, "time="))
        snprintf(p->last_log, sizeof p->last_log, "%s", line);
    else if (!is_err && *line && !ir_starts(line, "subprocess exited"))
        snprintf(p->last_log, sizeof p->last_log, "%s", line);
    p->n_cached += !is_err && strstr(line, "Using cache") != NULL;
    return ir_job_tell(
        job, &(ir_build_event){IMGREL_EVENT_LOG, p->failed[0] ? p->failed : "builder", line, 0, 0},
        err);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void map_words(ir_words *w, const char *option, const ir_json *map)
{
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        const char *value = ir_json_text(ir_json_value(it));
        if (!value)
            value = getenv(ir_json_key(it));
        if (!value)
            continue;
        ir_word(w, option);
        ir_wordf(w, "%s=%s", ir_json_key(it), value);
    }
}

static void secret_words(const ir_job *job, ir_words *w)
{
    const ir_build_spec *s = job->spec;
    for (size_t i = 0; i < ir_json_len(s->secrets); i++) {
        const ir_json *j = ir_json_at(s->secrets, i);
        const char *file = ir_json_str(j, "file");
        char *path = file ? ir_path_join(s->base_dir, file) : NULL;
        ir_word(w, "--secret");
        ir_wordf(w, "id=%s,%s=%s", ir_json_str(j, "id"), path ? "src" : "env",
                 path ? path : ir_json_str(j, "env"));
        free(path);
    }
    for (size_t i = 0; i < ir_json_len(s->ssh); i++) {
        ir_word(w, "--ssh");
        ir_word(w, ir_json_text(ir_json_at(s->ssh, i)));
    }
}

/* Buildah keeps caches in registries alone, and names them without a tag. */
static int cache_words(const ir_json *list, const char *option, ir_words *w, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *j = ir_json_at(list, i);
        IR_AUTO(ir_ref) ref = {0};
        if (strcmp(ir_json_str(j, "type"), "registry")) {
            ir_fail(err, IMGREL_EUNSUPPORTED, "a cache of type %s is BuildKit's alone",
                    ir_json_str(j, "type"));
            return ir_cure(err, "use type registry, or --driver buildkit");
        }
        int rc = ir_ref_parse(ir_json_str(j, "ref"), &ref, err);
        if (rc)
            return rc;
        ir_word(w, option);
        ir_wordf(w, "%s/%s", ref.host, ref.repository);
    }
    return 0;
}

static void place_words(const ir_job *job, const tool *t, ir_words *w)
{
    if (job->config) {
        ir_word(w, "--authfile");
        ir_word(w, job->config);
    }
    if (t->certs) {
        ir_word(w, "--cert-dir");
        ir_word(w, t->certs);
    }
    if (t->registries)
        ir_word_env(w, "CONTAINERS_REGISTRIES_CONF", t->registries);
}

static int build_words(const ir_job *job, const tool *t, ir_words *w, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    ir_word(w, t->program);
    ir_word(w, "build");
    ir_word(w, "--force-rm");
    ir_word(w, "--layers");
    ir_word(w, t->many ? "--manifest" : "--tag");
    ir_word(w, t->name);
    ir_word(w, "--file");
    ir_word(w, s->dockerfile);
    if (s->platform_list) {
        ir_word(w, "--platform");
        ir_word(w, s->platform_list);
    }
    if (s->target) {
        ir_word(w, "--target");
        ir_word(w, s->target);
    }
    if (s->epoch) {
        ir_word(w, "--timestamp");
        ir_word(w, s->epoch);
    }
    if (s->no_cache)
        ir_word(w, "--no-cache");
    if (s->pull)
        ir_word(w, "--pull=always");
    map_words(w, "--build-arg", s->args);
    map_words(w, "--label", s->labels);
    map_words(w, "--annotation", s->annotations);
    map_words(w, "--build-context", s->contexts);
    secret_words(job, w);
    place_words(job, t, w);
    int rc = cache_words(s->cache_from, "--cache-from", w, err);
    if (!rc)
        rc = cache_words(s->cache_to, "--cache-to", w, err);
    ir_word(w, s->dir);
    return rc;
}

static int unsupported(const ir_job *job, const char *program, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    const char *what = s->sbom || (s->provenance && strcmp(s->provenance, "off"))
                           ? "provenance and SBOM"
                       : s->builder                             ? "a builder at an address"
                       : s->push && !strcmp(s->push, "builder") ? "a push by the builder"
                                                                : NULL;
    if (!what)
        return 0;
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: %s is BuildKit's alone", program, what);
    return ir_cure(err, "use --driver buildkit");
}

/* ---- the build ------------------------------------------------------------------------------ */

static int make_certs(const ir_job *job, tool *t, imgrel_error *err)
{
    for (size_t i = 0; i < job->n_places; i++) {
        const char *ca = job->places[i].ca_file;
        if (!ca)
            continue;
        if (!t->certs && (!(t->certs = ir_desk_path(job, "certs")) || mkdir(t->certs, 0700)))
            return t->certs ? ir_fail_errno(err, errno, "%s", t->certs) : ir_nomem(err);
        char *link_name = ir_format("%s/%zu.crt", t->certs, i);
        int rc = !link_name               ? ir_nomem(err)
                 : symlink(ca, link_name) ? ir_fail_errno(err, errno, "%s", link_name)
                                          : 0;
        free(link_name);
        if (rc)
            return rc;
    }
    return 0;
}

static int make_tool(ir_job *job, tool *t, imgrel_error *err)
{
    const char *unique = strrchr(job->dir, '-') + 1;
    const char *list = job->spec->platform_list;
    t->many = list && strchr(list, ',');
    t->name = ir_format("localhost/imgrel-build:%ld-%s", (long)getpid(), unique);
    if (!t->name)
        return ir_nomem(err);
    int rc = make_certs(job, t, err);
    return rc ? rc : ir_desk_registries(job, &t->registries, err);
}

static int run_words(ir_job *job, const tool *t, const ir_words *w, imgrel_error *err)
{
    int status = 0;
    job->progress.error[0] = '\0';
    int rc = ir_tool_run(job, w, on_line, &status, err);
    if (!rc && status) {
        const ir_rawjson *p = &job->progress;
        rc = ir_build_explain(job, t->program, status, p->error[0] ? p->error : p->last_log, err);
    }
    return rc;
}

static int build(ir_job *job, const tool *t, imgrel_error *err)
{
    ir_words w = {0};
    int rc = build_words(job, t, &w, err);
    if (!rc)
        rc = run_words(job, t, &w, err);
    if (!rc && job->progress.failed[0])
        rc = ir_job_tell(
            job, &(ir_build_event){IMGREL_EVENT_STEP, job->progress.failed, "done", 0, 0}, err);
    job->progress.failed[0] = '\0';
    ir_words_free(&w);
    return rc;
}

static int take(ir_job *job, const tool *t, imgrel_error *err)
{
    ir_words w = {0};
    ir_word(&w, t->program);
    if (t->many)
        ir_word(&w, "manifest");
    ir_word(&w, "push");
    if (t->many)
        ir_word(&w, "--all");
    else
        ir_word(&w, "--format=oci");
    ir_word(&w, t->name);
    ir_wordf(&w, "oci:%s:image", job->out);
    int rc = run_words(job, t, &w, err);
    ir_words_free(&w);
    return rc;
}

/* What is under the name goes, however the build ended; also after a cancel. */
static void remove_name(const ir_job *job, const tool *t)
{
    ir_words w = {0};
    ir_call call = *job->call;
    char *ignored = NULL;
    imgrel_error none = {0};
    call.cancel = NULL;
    call.deadline_ms = 0;
    ir_word(&w, t->program);
    ir_word(&w, t->many ? "manifest" : "rmi");
    if (t->many)
        ir_word(&w, "rm");
    ir_word(&w, t->name);
    if (ir_tool_ask(&call, &w, &ignored, &none))
        ir_error_clear(&none);
    free(ignored);
    ir_words_free(&w);
}

static int run_tool(ir_job *job, const char *program, imgrel_error *err)
{
    tool t = {.program = program};
    int rc = unsupported(job, program, err);
    if (!rc && !ir_tool_is_here(program)) {
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no such program", program);
        ir_cure(err, "install it, or choose another --driver");
    }
    if (!rc)
        rc = make_tool(job, &t, err);
    if (!rc) {
        rc = build(job, &t, err);
        if (!rc)
            rc = take(job, &t, err);
        remove_name(job, &t);
    }
    free(t.name);
    free(t.certs);
    free(t.registries);
    return rc;
}

static int run_buildah(ir_job *job, imgrel_error *err)
{
    return run_tool(job, "buildah", err);
}

static int run_podman(ir_job *job, imgrel_error *err)
{
    return run_tool(job, "podman", err);
}

/* ---- probe ---------------------------------------------------------------------------------- */

static int probe_tool(const ir_call *call, const char *program, ir_json *row, imgrel_error *err)
{
    ir_words w = {0};
    char *line = NULL, *why = NULL;
    ir_word(&w, program);
    ir_word(&w, "--version");
    int rc = ir_tool_is_here(program) ? ir_tool_ask(call, &w, &line, err) : 0;
    if (!rc && !line && !(why = ir_format("%s is not installed", program)))
        rc = ir_nomem(err);
    if (!rc && (ir_json_put(row, "available", ir_json_new_bool(line != NULL)) ||
                ir_json_puts(row, "version", line) || ir_json_puts(row, "why", why)))
        rc = ir_nomem(err);
    ir_words_free(&w);
    free(line);
    free(why);
    return rc;
}

static int probe_buildah(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    (void)builder;
    return probe_tool(call, "buildah", row, err);
}

static int probe_podman(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    (void)builder;
    return probe_tool(call, "podman", row, err);
}

const ir_driver ir_driver_buildah = {"buildah", probe_buildah, run_buildah};
const ir_driver ir_driver_podman = {"podman", probe_podman, run_podman};
