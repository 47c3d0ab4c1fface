/* build.c - one build: its Dockerfile is read, a driver chosen, what would fail late is refused
 * early, and the driver gets its desk. */
#include "build/inside.h"

#include "base/fd.h"
#include "base/limits.h"
#include "oci/store.h"

#include <stdlib.h>

#define FRONTEND_MS 10000

static const ir_driver *const drivers[] = {&ir_driver_buildkit, &ir_driver_buildah,
                                           &ir_driver_podman, &ir_driver_docker};
#define N_DRIVERS (sizeof drivers / sizeof *drivers)

const ir_driver *ir_driver_find(const char *name)
{
    if (!strcmp(name, ir_driver_assemble.name))
        return &ir_driver_assemble;
    for (size_t i = 0; i < N_DRIVERS; i++)
        if (!strcmp(name, drivers[i]->name))
            return drivers[i];
    return NULL;
}

/* ---- which builder ----------------------------------------------------------------------------
 */

/* What an address alone says. */
static const ir_driver *driver_of(const char *builder)
{
    if (!builder)
        return NULL;
    if (ir_starts(builder, "unix://") &&
        (ir_ends(builder, "docker.sock") || ir_ends(builder, "podman.sock")))
        return &ir_driver_docker;
    return strstr(builder, "://") || !strcmp(builder, "rootless") ? &ir_driver_buildkit
                                                                  : &ir_driver_docker;
}

static int probe_all(const ir_call *call, const char *builder, ir_json *rows, const ir_driver **ret,
                     imgrel_error *err)
{
    const ir_driver *only = driver_of(builder);
    *ret = NULL;
    for (size_t i = 0; i < N_DRIVERS; i++) {
        ir_json *row = ir_json_pack("{s:s}", "driver", drivers[i]->name);
        int rc = row ? drivers[i]->probe(call, only == drivers[i] ? builder : NULL, row, err)
                     : ir_nomem(err);
        bool ok = ir_json_bool(row, "available", false);
        if (!rc && ok && !*ret && (!only || only == drivers[i]))
            *ret = drivers[i];
        if (ir_json_append(rows, row) && !rc)
            rc = ir_nomem(err);
        if (rc)
            return rc;
    }
    return 0;
}

int ir_build_detect(const ir_call *call, const char *builder, ir_json **ret, imgrel_error *err)
{
    const ir_driver *best = NULL;
    ir_json *rows = ir_json_new_array();
    int rc = rows ? probe_all(call, builder, rows, &best, err) : ir_nomem(err);
    *ret = rc ? NULL : ir_json_pack("{s:O}", "builders", rows);
    if (!rc && (!*ret || ir_json_puts(*ret, "chosen", best ? best->name : NULL)))
        rc = ir_nomem(err);
    ir_json_free(rows);
    return rc;
}

static int none_here(const ir_json *rows, const char *why_not, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(400);
    for (size_t i = 0; i < ir_json_len(rows); i++) {
        const ir_json *row = ir_json_at(rows, i);
        ir_buf_addf(&b, "%s%s: %s", b.len ? "; " : "", ir_json_str(row, "driver"),
                    ir_json_str(row, "why") ? ir_json_str(row, "why") : "?");
    }
    ir_fail(err, IMGREL_EUNSUPPORTED, "no builder is here (%s), and one is needed: %.200s",
            ir_buf_str(&b), why_not);
    return ir_cure(err, "install BuildKit, buildah, podman or Docker, or name one: --builder");
}

/* The one that was asked for, or the assembler if nothing must be run, or the first that is here.
 */
static int choose(ir_job *job, const ir_driver **ret, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    IR_AUTO(ir_json_p) rows = NULL;
    char *why = NULL;
    *ret = s->driver ? ir_driver_find(s->driver) : driver_of(s->builder);
    if (*ret)
        return 0;
    int rc = ir_assemble_why_not(job, &why, err);
    if (!rc && !why)
        *ret = &ir_driver_assemble;
    else if (!rc && !(rows = ir_json_new_array()))
        rc = ir_nomem(err);
    else if (!rc)
        rc = probe_all(job->call, NULL, rows, ret, err);
    if (!rc && !*ret)
        rc = none_here(rows, why, err);
    free(why);
    return rc;
}

/* ---- what is known before ----------------------------------------------------------------------
 */

static int read_dockerfile(ir_job *job, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_DOCKERFILE_MAX);
    const char *path = job->spec->dockerfile;
    int rc = ir_file_read_regular(path, &text, err);
    if (!rc)
        rc = ir_dockerfile_parse(ir_buf_str(&text), text.len, path, &job->df, err);
    if (!rc && !job->df.n) {
        rc = ir_fail(err, IMGREL_EINVAL, "%s: it has no instructions", path);
        ir_cure(err, "a Dockerfile begins with FROM");
    }
    return rc;
}

/* A "# syntax=" line sends the builder to a registry before all else. Where the builder is on this
 * machine and that registry cannot be reached, it is told now. */
static int check_frontend(const ir_job *job, imgrel_error *err)
{
    const ir_build_spec *s = job->spec;
    IR_AUTO(ir_ref) ref = {0};
    IR_AUTO(ir_desc) d = {0};
    ir_store *store = NULL;
    imgrel_error why = {0};
    bool far = s->builder && strstr(s->builder, "://") && !ir_starts(s->builder, "unix://");
    if (!job->df.syntax || far || (s->syntax && !strcmp(s->syntax, "builtin")) ||
        ir_ref_parse(job->df.syntax, &ref, &why))
        return 0;
    ir_call call = *job->call;
    int64_t end = ir_now_ms() + FRONTEND_MS;
    if (!call.deadline_ms || end < call.deadline_ms)
        call.deadline_ms = end;
    int rc = ir_store_open(&call, &ref, IR_STORE_READ, &store, &why);
    if (!rc)
        rc = ir_store_manifest_head(store, &call, NULL, &d, &why);
    ir_store_free(store);
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ENOMEM)
        return ir_fail(err, rc, "%s", why.message);
    if (rc != IMGREL_ENET && rc != IMGREL_ETIMEOUT)
        return 0;
    ir_fail(err, IMGREL_ENET,
            "%s: its \"# syntax=\" line has the builder fetch %s, which cannot be "
            "reached: %.200s",
            s->dockerfile, ref.name, why.message);
    return ir_cure(err, "use the builder's own frontend: --syntax builtin, or remove the line");
}

/* ---- the build ----------------------------------------------------------------------------------
 */

static int tell_end(ir_job *job, imgrel_error *err)
{
    ir_built *b = job->ret;
    if (!b->steps) {
        b->steps = job->progress.n_done;
        b->cached = job->progress.n_cached;
    }
    b->warnings = job->progress.warnings;
    job->progress.warnings = NULL;
    if (b->pushed || b->image.name)
        return 0;
    char *name = ir_format("oci:%s", job->out);
    int rc = name ? ir_ref_parse(name, &b->image, err) : ir_nomem(err);
    free(name);
    return rc;
}

static void end_job(ir_job *job)
{
    ir_dockerfile_free(&job->df);
    ir_strv_free(&job->images);
    for (size_t i = 0; i < job->n_places; i++) {
        ir_ref_free(&job->places[i].ref);
        free(job->places[i].ca_file);
    }
    free(job->places);
    free(job->config);
    free(job->out);
    ir_rawjson_free(&job->progress);
}

int ir_build_run(const ir_call *call, const ir_build_spec *spec, ir_built *ret, imgrel_error *err)
{
    ir_job job = {.call = call, .spec = spec, .ret = ret};
    const ir_driver *driver = NULL;
    *ret = (ir_built){0};
    ir_rawjson_init(&job.progress, ir_job_tell, &job);
    int rc = read_dockerfile(&job, err);
    if (!rc)
        rc = choose(&job, &driver, err);
    if (!rc && (driver == &ir_driver_buildkit || driver == &ir_driver_docker))
        rc = check_frontend(&job, err);
    if (!rc)
        rc = ir_desk_open(&job, err);
    if (!rc) {
        ret->driver = driver->name;
        rc = driver->run(&job, err);
    }
    if (!rc)
        rc = tell_end(&job, err);
    end_job(&job);
    if (rc)
        ir_built_free(ret);
    return rc;
}

void ir_built_free(ir_built *b)
{
    imgrel_error ignored = {0};
    if (b->dir && ir_rmtree(b->dir, &ignored))
        ir_error_clear(&ignored); /* what is left of it holds no login */
    free(b->dir);
    free(b->builder);
    ir_ref_free(&b->image);
    ir_json_free(b->warnings);
    *b = (ir_built){0};
}
