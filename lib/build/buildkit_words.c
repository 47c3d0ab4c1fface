/* buildkit_words.c - what a build is in BuildKit's words: frontend options, outputs, caches. */
#include "build/inside.h"

#include "base/fd.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

static const ir_place *place_of(const ir_job *job, const char *host)
{
    for (size_t i = 0; i < job->n_places; i++)
        if (ir_streq(job->places[i].ref.host, host))
            return &job->places[i];
    return NULL;
}

static bool is_insecure(const ir_job *job, const char *host)
{
    const ir_place *p = place_of(job, host);
    return p && (p->plain || p->insecure);
}

/* ---- caches --------------------------------------------------------------------------------- */

static bool cache_is_insecure(const ir_job *job, const ir_json *cache)
{
    IR_AUTO(ir_ref) ref = {0};
    imgrel_error ignored = {0};
    const char *text = ir_json_str(cache, "ref");
    return text && !ir_json_get(cache, "registry.insecure") &&
           !ir_ref_parse(text, &ref, &ignored) && ref.host && is_insecure(job, ref.host);
}

char *ir_cache_record(const ir_json *cache, const ir_job *job)
{
    IR_AUTO(ir_buf) b = IR_BUF(64 * IR_KIB);
    ir_csv_add(&b, "type", ir_json_str(cache, "type"));
    for (void *it = ir_json_first(cache); it; it = ir_json_next(cache, it)) {
        const char *key = ir_json_key(it), *value = ir_json_text(ir_json_value(it));
        bool is_path = !strcmp(key, "src") || !strcmp(key, "dest");
        char *path = is_path ? ir_path_join(job->spec->base_dir, value) : NULL;
        if (strcmp(key, "type"))
            ir_csv_add(&b, key, path ? path : value);
        free(path);
    }
    if (cache_is_insecure(job, cache))
        ir_csv_add(&b, "registry.insecure", "true");
    return ir_buf_take(&b);
}

static void add_caches(const ir_job *job, const ir_json *list, const char *option, ir_words *w)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        char *record = ir_cache_record(ir_json_at(list, i), job);
        ir_word(w, option);
        ir_word(w, record);
        free(record);
    }
}

/* ---- options of the frontend ------------------------------------------------------------------
 */

static void opt(ir_words *w, const char *key, const char *value)
{
    ir_word(w, "--opt");
    ir_wordf(w, "%s=%s", key, value);
}

static void opt_map(ir_words *w, const char *prefix, const ir_json *map)
{
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        const char *value = ir_json_text(ir_json_value(it));
        if (!value)
            value = getenv(ir_json_key(it)); /* null: from the environment, if it is there */
        if (!value)
            continue;
        ir_word(w, "--opt");
        ir_wordf(w, "%s%s=%s", prefix, ir_json_key(it), value);
    }
}

static void add_secrets(const ir_job *job, ir_words *w)
{
    const ir_build_spec *s = job->spec;
    for (size_t i = 0; i < ir_json_len(s->secrets); i++) {
        const ir_json *j = ir_json_at(s->secrets, i);
        const char *file = ir_json_str(j, "file");
        char *path = file ? ir_path_join(s->base_dir, file) : NULL;
        IR_AUTO(ir_buf) record = IR_BUF(64 * IR_KIB);
        ir_csv_add(&record, "id", ir_json_str(j, "id"));
        if (path)
            ir_csv_add(&record, "src", path);
        else
            ir_csv_add(&record, "env", ir_json_str(j, "env"));
        ir_word(w, "--secret");
        ir_word(w, ir_buf_str(&record));
        free(path);
    }
    for (size_t i = 0; i < ir_json_len(s->ssh); i++) {
        ir_word(w, "--ssh");
        ir_word(w, ir_json_text(ir_json_at(s->ssh, i)));
    }
}

static void add_files(const ir_job *job, ir_words *w)
{
    const char *path = job->spec->dockerfile, *slash = strrchr(path, '/');
    ir_word(w, "--local");
    ir_wordf(w, "context=%s", job->spec->dir);
    ir_word(w, "--local");
    ir_wordf(w, "dockerfile=%.*s", slash ? (int)(slash - path ? slash - path : 1) : 1,
             slash ? path : ".");
    opt(w, "filename", slash ? slash + 1 : path);
}

void ir_buildkit_build_words(const ir_job *job, ir_words *w)
{
    const ir_build_spec *s = job->spec;
    add_files(job, w);
    if (s->platform_list)
        opt(w, "platform", s->platform_list);
    if (s->target)
        opt(w, "target", s->target);
    if (s->syntax && !strcmp(s->syntax, "builtin"))
        opt(w, "cmdline", job->df.syntax ? job->df.syntax : ""); /* as if it ran already */
    if (s->epoch)
        opt(w, "build-arg:SOURCE_DATE_EPOCH", s->epoch);
    if (s->provenance && strcmp(s->provenance, "off"))
        opt(w, "attest:provenance", !strcmp(s->provenance, "max") ? "mode=max" : "mode=min");
    if (s->sbom)
        opt(w, "attest:sbom", "");
    if (s->pull)
        opt(w, "image-resolve-mode", "pull");
    if (s->no_cache)
        ir_word(w, "--no-cache");
    opt_map(w, "build-arg:", s->args);
    opt_map(w, "label:", s->labels);
    add_secrets(job, w);
    add_caches(job, s->cache_from, "--import-cache", w);
    add_caches(job, s->cache_to, "--export-cache", w);
}

/* ---- outputs -------------------------------------------------------------------------------- */

static void add_attributes(const ir_job *job, ir_buf *record)
{
    const ir_build_spec *s = job->spec;
    bool index = (s->platform_list && strchr(s->platform_list, ',')) || s->sbom ||
                 (s->provenance && strcmp(s->provenance, "off"));
    if (s->epoch)
        ir_csv_add(record, "rewrite-timestamp", "true");
    for (void *it = ir_json_first(s->annotations); it; it = ir_json_next(s->annotations, it))
        for (int on_index = 0; on_index <= index; on_index++) {
            char *key = ir_format("annotation%s.%s", on_index ? "-index" : "", ir_json_key(it));
            if (key)
                ir_csv_add(record, key, ir_json_text(ir_json_value(it)));
            else
                record->bad = IMGREL_ENOMEM;
            free(key);
        }
}

static void finish_output(const ir_job *job, ir_buf *record, ir_words *w)
{
    add_attributes(job, record);
    ir_word(w, "--output");
    ir_word(w, record->bad ? NULL : ir_buf_str(record));
}

/* One output for all names that are reached alike: one export, several pushes, one digest. */
static void push_output(const ir_job *job, bool insecure, ir_words *w)
{
    IR_AUTO(ir_buf) names = IR_BUF(IR_MIB);
    IR_AUTO(ir_buf) record = IR_BUF(IR_MIB);
    for (size_t i = 0; i < job->spec->n_names; i++) {
        const ir_ref *r = &job->spec->names[i];
        if (is_insecure(job, r->host) == insecure)
            ir_buf_addf(&names, "%s%s", names.len ? "," : "", r->name);
    }
    if (!names.len)
        return;
    ir_csv_add(&record, "type", "image");
    ir_csv_add(&record, "name", ir_buf_str(&names));
    ir_csv_add(&record, "push", "true");
    if (insecure)
        ir_csv_add(&record, "registry.insecure", "true");
    finish_output(job, &record, w);
}

void ir_buildkit_output(const ir_job *job, ir_words *w)
{
    IR_AUTO(ir_buf) record = IR_BUF(IR_MIB);
    if (job->ret->pushed) {
        push_output(job, false, w);
        push_output(job, true, w);
        return;
    }
    ir_csv_add(&record, "type", "oci");
    ir_csv_add(&record, "tar", "false");
    ir_csv_add(&record, "dest", job->out);
    finish_output(job, &record, w);
}

int ir_buildkit_metadata(ir_job *job, const char *path, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_MANIFEST_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_file_read(path, &text, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&text), text.len, "the builder's metadata", &j, err);
    const char *digest = ir_json_str(j, "containerimage.digest");
    if (!rc && (!digest || ir_digest_check(digest, err)))
        rc = ir_fail(err, IMGREL_EPROTO, "the builder does not say which image it made");
    if (!rc)
        snprintf(job->ret->digest, sizeof job->ret->digest, "%s", digest);
    return rc;
}
