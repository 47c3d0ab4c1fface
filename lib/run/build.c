/* build.c - what a builder made is brought to every name and then read again as anybody would read
 * it: that a builder ends well does not prove that it pushed, nor which platforms. */
#include "run/build.h"

#include "base/limits.h"
#include "oci/store.h"
#include "run/copy.h"

#include <stdlib.h>

/* A name, and what became of it. */
typedef struct target {
    const ir_ref *ref;
    char digest[IR_DIGEST_MAX];
    int rc;
    imgrel_error err;
} target;

typedef struct work {
    const ir_call *call;
    ir_build_spec spec;
    ir_built built;
    target *targets;
    ir_json *platforms; /* found in the first name */
    int64_t attestations;
} work;

/* ---- to its names ---------------------------------------------------------------------------- */

static int push_all(work *w, imgrel_error *err)
{
    size_t n = w->spec.n_names;
    ir_copy_how how = {.keep_going = true};
    ir_copy_to *to = calloc(n, sizeof *to);
    ir_call call = *w->call;
    int rc = to ? 0 : ir_nomem(err);
    call.platform = NULL;
    for (size_t i = 0; !rc && i < n; i++)
        if (ir_ref_copy(&w->spec.names[i], &to[i].ref))
            rc = ir_nomem(err);
    if (!rc)
        rc = ir_copy_each(&call, &w->built.image, to, n, &how, err);
    for (size_t i = 0; !rc && i < n; i++) {
        w->targets[i].rc = to[i].rc;
        w->targets[i].err = to[i].err;
        memcpy(w->targets[i].digest, to[i].done.digest, IR_DIGEST_MAX);
        if (!to[i].rc && !w->built.digest[0])
            memcpy(w->built.digest, to[i].done.digest, IR_DIGEST_MAX);
    }
    ir_copy_to_free(to, n);
    return rc;
}

/* ---- read again -------------------------------------------------------------------------------
 */

static int add_platform(ir_json *list, const ir_platform *p)
{
    char name[128];
    return ir_json_append(list, ir_json_new_string(ir_platform_str(p, name)));
}

/* Of a manifest alone, as its config has it. */
static int config_platform(const ir_call *call, ir_store *s, const ir_manifest *m, ir_platform *ret,
                           imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_store_blob_read(s, call, &m->config, &b, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", &j, err);
    if (!rc)
        ir_platform_set(ret, ir_json_str(j, "os"), ir_json_str(j, "architecture"),
                        ir_json_str(j, "variant"), NULL);
    return rc;
}

static int read_platforms(const ir_call *call, ir_store *s, const ir_manifest *m, ir_platform **ret,
                          size_t *ret_n, int64_t *ret_attestations, imgrel_error *err)
{
    size_t n = m->is_index ? m->n_layers : 1;
    ir_platform *v = calloc(n + 1, sizeof *v);
    if (!(*ret = v))
        return ir_nomem(err);
    *ret_n = m->is_index ? 0 : 1;
    if (!m->is_index)
        return config_platform(call, s, m, v, err);
    for (size_t i = 0; i < n; i++) {
        const ir_desc *d = &m->layers[i];
        if (d->has_platform && !ir_platform_unknown(&d->platform))
            v[(*ret_n)++] = d->platform;
        else
            ++*ret_attestations;
    }
    return 0;
}

/* Those that were asked for, each once, and no others. */
static int compare(const work *w, const ir_ref *ref, const ir_platform *have, size_t n,
                   imgrel_error *err)
{
    IR_AUTO(ir_buf) list = IR_BUF(1000);
    ir_platform *want = NULL;
    size_t n_want = 0;
    bool same = true;
    if (!w->spec.platform_list)
        return 0;
    int rc = ir_platform_list(w->spec.platform_list, &want, &n_want, err);
    for (size_t i = 0; i < n_want; i++) {
        size_t hits = 0;
        for (size_t k = 0; k < n; k++)
            hits += ir_platform_match(&want[i], &have[k]);
        same &= hits == 1;
    }
    for (size_t k = 0; k < n; k++) {
        char name[128];
        ir_buf_addf(&list, "%s%s", k ? ", " : "", ir_platform_str(&have[k], name));
    }
    if (!rc && (!same || n != n_want)) {
        rc = ir_fail(err, IMGREL_EFAILED, "%s: it was built for %.120s and holds %.200s", ref->name,
                     w->spec.platform_list, list.len ? ir_buf_str(&list) : "no platform");
        ir_cure(err, "build it again, or by another --driver");
    }
    free(want);
    return rc;
}

static int read_again(work *w, target *t, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    ir_store *s = NULL;
    ir_platform *have = NULL;
    size_t n = 0;
    int64_t attestations = 0;
    ir_call call = *w->call;
    call.platform = NULL;
    int rc = ir_store_open(&call, t->ref, IR_STORE_READ, &s, err);
    if (!rc)
        rc = ir_store_manifest_get(s, &call, t->ref->transport == IR_REGISTRY ? t->ref->tag : NULL,
                                   &m, err);
    if (rc == IMGREL_ENOTFOUND)
        ir_cure(err, "the builder ended well and pushed nothing: try --push library");
    if (!rc && t->digest[0] && strcmp(m.digest, t->digest)) {
        rc = ir_fail(err, IMGREL_EDIGEST, "%s holds %s, not %s that was pushed", t->ref->name,
                     m.digest, t->digest);
        ir_cure(err, "somebody else pushed the tag meanwhile");
    }
    if (!rc)
        rc = read_platforms(&call, s, &m, &have, &n, &attestations, err);
    if (!rc)
        rc = compare(w, t->ref, have, n, err);
    if (!rc && !w->platforms) {
        w->platforms = ir_json_new_array();
        w->attestations = attestations;
        for (size_t i = 0; i < n; i++)
            if (add_platform(w->platforms, &have[i]))
                rc = ir_nomem(err);
        memcpy(t->digest, m.digest, IR_DIGEST_MAX);
    }
    if (!rc && !w->built.digest[0])
        memcpy(w->built.digest, m.digest, IR_DIGEST_MAX);
    free(have);
    ir_store_free(s);
    return rc;
}

/* Docker's archives hold another format: there is nothing to compare. */
static int prove_all(work *w, imgrel_error *err)
{
    for (size_t i = 0; i < w->spec.n_names; i++) {
        target *t = &w->targets[i];
        if (w->built.pushed)
            memcpy(t->digest, w->built.digest, IR_DIGEST_MAX);
        if (t->ref->transport == IR_DOCKER_ARCHIVE)
            t->digest[0] = '\0';
        if (!t->rc)
            t->rc = read_again(w, t, &t->err);
        if (t->rc == IMGREL_ECANCELED || t->rc == IMGREL_ENOMEM)
            return ir_fail(err, t->rc, "%s", t->err.message);
    }
    return 0;
}

/* ---- the report --------------------------------------------------------------------------------
 */

static ir_json *result(const target *t)
{
    if (t->rc)
        return ir_json_pack("{s:s, s:{s:s, s:s, s:s}}", "to", t->ref->name, "error", "code",
                            imgrel_code_name(t->rc), "message", t->err.message, "cure",
                            t->err.cure);
    return ir_json_pack("{s:s, s:s}", "to", t->ref->name, "digest", t->digest);
}

static int report(const work *w, ir_json **ret, imgrel_error *err)
{
    const ir_built *b = &w->built;
    ir_json *results = ir_json_new_array();
    int bad = results ? 0 : -1;
    for (size_t i = 0; i < w->spec.n_names; i++)
        bad |= ir_json_append(results, result(&w->targets[i]));
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:I, s:I, s:I, s:O}", "driver", b->driver, "digest", b->digest,
                     "attestations", (long long)w->attestations, "steps", (long long)b->steps,
                     "cached", (long long)b->cached, "results", results);
    bad |= ir_json_puts(j, "builder", b->builder);
    if (w->platforms)
        bad |= ir_json_put(j, "platforms", ir_json_ref(w->platforms));
    bad |= ir_json_put(j, "warnings", b->warnings ? ir_json_ref(b->warnings) : ir_json_new_array());
    ir_json_free(results);
    *ret = j;
    return bad || !j ? ir_nomem(err) : 0;
}

/* Of several names some failed: the first one's words stand for all. */
static int first_failure(const work *w, imgrel_error *err)
{
    size_t failed = 0;
    const target *first = NULL;
    for (size_t i = 0; i < w->spec.n_names; i++) {
        failed += w->targets[i].rc != 0;
        if (w->targets[i].rc && !first)
            first = &w->targets[i];
    }
    if (!first)
        return 0;
    if (err && !err->code)
        *err = first->err;
    if (w->spec.n_names > 1)
        ir_error_prefix(err, "%zu of %zu names failed", failed, w->spec.n_names);
    return first->rc;
}

static int build(work *w, ir_json **ret_report, imgrel_error *err)
{
    int rc = ir_build_run(w->call, &w->spec, &w->built, err);
    if (rc)
        return rc;
    if (!w->built.pushed)
        rc = push_all(w, err);
    if (!rc)
        rc = prove_all(w, err);
    if (!rc)
        rc = report(w, ret_report, err);
    return rc ? rc : first_failure(w, err);
}

int ir_build(const ir_call *call, const ir_json *spec, const char *base_dir, ir_json **ret_report,
             imgrel_error *err)
{
    work w = {.call = call};
    *ret_report = NULL;
    int rc = ir_build_spec_read(spec, base_dir, &w.spec, err);
    if (rc)
        return rc;
    if (!w.spec.platform_list && call->platform &&
        !(w.spec.platform_list = ir_strdup(call->platform)))
        rc = ir_nomem(err);
    if (!rc && !(w.targets = calloc(w.spec.n_names, sizeof *w.targets)))
        rc = ir_nomem(err);
    for (size_t i = 0; !rc && i < w.spec.n_names; i++)
        w.targets[i].ref = &w.spec.names[i];
    if (!rc && !IR_DRY_RUN(call))
        rc = build(&w, ret_report, err);
    ir_built_free(&w.built);
    ir_json_free(w.platforms);
    free(w.targets);
    ir_build_spec_free(&w.spec);
    return rc;
}
