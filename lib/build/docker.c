/* docker.c - Docker: by its plugin buildx where that has a builder of BuildKit's own, else by the
 * Engine's API (engine.c), which podman's service speaks as well. */
#include "build/engine.h"
#include "build/inside.h"

#include "base/fd.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- buildx ---------------------------------------------------------------------------------- */

static void map_words(ir_words *w, const char *option, const ir_json *map)
{
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        const char *value = ir_json_text(ir_json_value(it));
        ir_word(w, option);
        if (value)
            ir_wordf(w, "%s=%s", ir_json_key(it), value);
        else
            ir_word(w, ir_json_key(it)); /* from the environment */
    }
}

static void option(ir_words *w, const char *name, const char *value)
{
    if (!value)
        return;
    ir_word(w, name);
    ir_word(w, value);
}

static void cache_words(const ir_job *job, const ir_json *list, const char *name, ir_words *w)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        char *record = ir_cache_record(ir_json_at(list, i), job);
        option(w, name, record ? record : "");
        free(record);
    }
}

static void secret_words(const ir_job *job, ir_words *w)
{
    const ir_build_spec *s = job->spec;
    for (size_t i = 0; i < ir_json_len(s->secrets); i++) {
        const ir_json *j = ir_json_at(s->secrets, i);
        const char *file = ir_json_str(j, "file");
        char *path = file ? ir_path_join(s->base_dir, file) : NULL;
        IR_AUTO(ir_buf) record = IR_BUF(64 * 1024);
        ir_csv_add(&record, "id", ir_json_str(j, "id"));
        ir_csv_add(&record, path ? "src" : "env", path ? path : ir_json_str(j, "env"));
        option(w, "--secret", ir_buf_str(&record));
        free(path);
    }
    for (size_t i = 0; i < ir_json_len(s->ssh); i++)
        option(w, "--ssh", ir_json_text(ir_json_at(s->ssh, i)));
}

static void build_words(const ir_job *job, ir_words *w)
{
    const ir_build_spec *s = job->spec;
    const char *proof = s->provenance && strcmp(s->provenance, "off") ? s->provenance : NULL;
    static const char *const words[] = {"docker", "buildx", "build", "--progress", "rawjson"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ir_word(w, words[i]);
    option(w, "--builder", s->builder);
    option(w, "--file", s->dockerfile);
    option(w, "--platform", s->platform_list);
    option(w, "--target", s->target);
    ir_wordf(w, "--provenance=%s%s", proof ? "mode=" : "false", proof ? proof : "");
    ir_wordf(w, "--sbom=%s", s->sbom ? "true" : "false");
    if (s->no_cache)
        ir_word(w, "--no-cache");
    if (s->pull)
        ir_word(w, "--pull");
    if (s->epoch) {
        ir_word(w, "--build-arg");
        ir_wordf(w, "SOURCE_DATE_EPOCH=%s", s->epoch);
    }
    map_words(w, "--build-arg", s->args);
    map_words(w, "--label", s->labels);
    map_words(w, "--build-context", s->contexts);
    secret_words(job, w);
    cache_words(job, s->cache_from, "--cache-from", w);
    cache_words(job, s->cache_to, "--cache-to", w);
    ir_buildkit_output(job, w);
}

/* A folder for DOCKER_CONFIG has the user's plugins and builders too. */
static int link_own(const ir_job *job, imgrel_error *err)
{
    static const char *const parts[] = {"cli-plugins", "buildx", "contexts"};
    const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    char *own = dir && *dir ? ir_strdup(dir) : home ? ir_path_join(home, ".docker") : NULL;
    int rc = 0;
    for (size_t i = 0; own && !rc && i < sizeof parts / sizeof *parts; i++) {
        char *from = ir_path_join(own, parts[i]), *to = ir_desk_path(job, parts[i]);
        if (!from || !to)
            rc = ir_nomem(err);
        else if (!access(from, F_OK) && symlink(from, to))
            rc = ir_fail(err, IMGREL_EIO, "%s: cannot be linked", to);
        free(from);
        free(to);
    }
    free(own);
    return rc;
}

static int run_buildx(ir_job *job, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    ir_words w = {0};
    char *metadata = ir_desk_path(job, "metadata.json");
    int status = 0;
    job->ret->pushed = s->push && !strcmp(s->push, "builder");
    int rc = metadata ? 0 : ir_nomem(err);
    build_words(job, &w);
    option(&w, "--metadata-file", metadata);
    ir_word(&w, s->dir);
    if (!rc && job->config && !(rc = link_own(job, err)))
        ir_word_env(&w, "DOCKER_CONFIG", job->dir);
    if (!rc && s->syntax && !strcmp(s->syntax, "builtin"))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "docker buildx: \"syntax\" is not its to choose");
    if (!rc && s->builder && !(job->ret->builder = ir_strdup(s->builder)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_tool_run(job, &w, NULL, &status, err);
    if (!rc && status)
        rc = ir_build_explain(job, "docker buildx", status, job->progress.error, err);
    if (!rc && job->ret->pushed)
        rc = ir_buildkit_metadata(job, metadata, err);
    ir_words_free(&w);
    free(metadata);
    return rc;
}

/* ---- which way --------------------------------------------------------------------------------
 */

/* Whether buildx is there with a builder that can give an image away (all drivers but "docker"). */
static int has_buildx(const ir_call *call, const char *builder, bool *ret, imgrel_error *err)
{
    static const char *const words[] = {"docker", "buildx", "inspect"};
    ir_words w = {0};
    char *line = NULL;
    int rc = 0;
    *ret = false;
    if (!ir_tool_is_here("docker"))
        return 0;
    for (size_t i = 0; i < 3; i++)
        ir_word(&w, words[i]);
    if (builder) {
        ir_word(&w, builder);
        rc = ir_tool_ask(call, &w, &line, err);
        *ret = line != NULL;
    }
    ir_words_free(&w);
    free(line);
    return rc;
}

static int run(ir_job *job, imgrel_error *err)
{
    const char *builder = job->spec->builder;
    bool buildx = false;
    if (builder && !strstr(builder, "://")) {
        int rc = has_buildx(job->call, builder, &buildx, err);
        if (!rc && !buildx) {
            rc = ir_fail(err, IMGREL_ENOTFOUND, "docker buildx has no builder \"%.100s\"", builder);
            ir_cure(err, "docker buildx ls lists them");
        }
        return rc ? rc : run_buildx(job, err);
    }
    return ir_engine_build(job, err);
}

static int probe(const ir_call *call, const char *builder, ir_json *row, imgrel_error *err)
{
    bool buildx = false;
    if (!builder || strstr(builder, "://"))
        return ir_engine_probe(call, builder, row, err);
    int rc = has_buildx(call, builder, &buildx, err);
    if (!rc && (ir_json_put(row, "available", ir_json_new_bool(buildx)) ||
                ir_json_puts(row, "builder", builder) ||
                ir_json_puts(row, "why", buildx ? NULL : "docker buildx has no such builder")))
        rc = ir_nomem(err);
    return rc;
}

const ir_driver ir_driver_docker = {"docker", probe, run};
