/* copy.c - the public copy: one image from one place to another, or by a spec to several. */
#include <imgrel/copy.h>

#include "api/api.h"
#include "base/limits.h"
#include "fmt/json.h"
#include "run/copy.h"

#include <stdlib.h>

#define SPEC_MAX IR_MIB
#define TARGETS_MAX 32

int imgrel_copy(imgrel_client *c, const char *from, const char *to, const imgrel_opts *o,
                char **ret_digest, imgrel_error *err)
{
    ir_call call;
    IR_AUTO(ir_ref) src = {0};
    IR_AUTO(ir_ref) dst = {0};
    ir_copied done;
    if (ret_digest)
        *ret_digest = NULL;
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_ref_parse(from, &src, err);
    if (!rc)
        rc = ir_ref_parse(to, &dst, err);
    if (!rc)
        rc = ir_copy(&call, &src, &dst, NULL, &done, err);
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(done.digest)))
        rc = ir_nomem(err);
    return rc;
}

/* ---- by a spec ---- */

typedef struct copy_spec {
    const char *from, *format;
    const ir_json *to, *tags;
    bool referrers, digest_tags, keep_going;
} copy_spec;

static int read_spec(const char *text, ir_json **ret_json, copy_spec *ret, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"from", IR_J_STRING, offsetof(copy_spec, from), IR_J_REQUIRED},
        {"to", IR_J_ARRAY, offsetof(copy_spec, to), IR_J_REQUIRED},
        {"tags", IR_J_ARRAY, offsetof(copy_spec, tags), 0},
        {"referrers", IR_J_BOOL, offsetof(copy_spec, referrers), 0},
        {"digest_tags", IR_J_BOOL, offsetof(copy_spec, digest_tags), 0},
        {"format", IR_J_STRING, offsetof(copy_spec, format), 0},
        {"keep_going", IR_J_BOOL, offsetof(copy_spec, keep_going), 0},
        {NULL, IR_J_STRING, 0, 0},
    };
    if (!text || strlen(text) > SPEC_MAX)
        return ir_fail(err, IMGREL_EINVAL, "copy: the spec is %s", text ? "too long" : "NULL");
    imgrel_error e = {0};
    int rc = ir_json_parse(text, strlen(text), "copy spec", ret_json, &e);
    if (!rc)
        rc = ir_json_decode(*ret_json, rows, true, "copy spec", ret, &e);
    if (!rc && !ir_json_len(ret->to))
        rc = ir_fail(&e, IMGREL_EINVAL, "copy spec: \"to\" names no destination");
    if (!rc && ir_json_len(ret->to) > TARGETS_MAX)
        rc = ir_fail(&e, IMGREL_EINVAL, "copy spec: \"to\" names more than %d destinations",
                     TARGETS_MAX);
    if (rc == IMGREL_EPROTO)
        rc = e.code = IMGREL_EINVAL;
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

static int read_tags(const ir_json *list, ir_strv *ret, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *tag = ir_json_text(ir_json_at(list, i));
        if (!tag)
            return ir_fail(err, IMGREL_EINVAL, "copy spec: \"tags\" holds what is no text");
        int rc = ir_tag_check(tag, err);
        if (rc < 0)
            return rc;
        if (ir_strv_add(ret, tag) < 0)
            return ir_nomem(err);
    }
    return 0;
}

static int read_targets(const ir_json *list, ir_copy_to *to, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        rc = ir_ref_parse(ir_json_text(ir_json_at(list, i)), &to[i].ref, err);
        for (size_t k = 0; !rc && k < i; k++)
            if (ir_streq(to[k].ref.name, to[i].ref.name))
                rc =
                    ir_fail(err, IMGREL_EINVAL, "copy spec: \"to\" names %s twice", to[i].ref.name);
    }
    return rc;
}

static ir_json *result(const ir_copy_to *to)
{
    const ir_copied *d = &to->done;
    if (to->rc < 0)
        return ir_json_pack("{s:s, s:{s:s, s:s, s:s}}", "to", to->ref.name, "error", "code",
                            imgrel_code_name(to->rc), "message", to->err.message, "cure",
                            to->err.cure);
    return ir_json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "to", to->ref.name, "digest",
                        d->digest, "unchanged", (int)d->unchanged, "copied",
                        (long long)d->blobs_copied, "exists", (long long)d->blobs_exist, "mounted",
                        (long long)d->blobs_mounted, "bytes", (long long)d->bytes, "attached",
                        (long long)d->attached);
}

static int write_report(const ir_ref *src, const ir_copy_to *to, size_t n, char **ret,
                        imgrel_error *err)
{
    ir_json *results = ir_json_new_array(), *j = NULL;
    int bad = results ? 0 : -1;
    for (size_t i = 0; i < n; i++)
        bad |= ir_json_append(results, result(&to[i]));
    j = ir_json_pack("{s:s, s:O}", "from", src->name, "results", results);
    if (!bad)
        *ret = ir_json_string(j, IR_JSON_COMPACT);
    ir_json_free(j);
    ir_json_free(results);
    return *ret ? 0 : ir_nomem(err);
}

/* Of several destinations some failed: the first one's words stand for all. */
static int say_failures(const ir_copy_to *to, size_t n, imgrel_error *err)
{
    size_t failed = 0;
    const ir_copy_to *first = NULL;
    for (size_t i = 0; i < n; i++) {
        failed += to[i].rc < 0;
        if (to[i].rc < 0 && !first)
            first = &to[i];
    }
    if (!first)
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%zu of %zu destinations failed; %s", failed, n,
            first->err.message);
    ir_cure(err, "%s", first->err.cure);
    return IMGREL_EFAILED;
}

static int copy_all(const ir_call *call, const copy_spec *spec, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_ref) src = {0};
    IR_AUTO(ir_strv) tags = {0};
    ir_copy_how how = {.tags = &tags,
                       .referrers = spec->referrers,
                       .digest_tags = spec->digest_tags,
                       .keep_going = spec->keep_going};
    size_t n = ir_json_len(spec->to);
    ir_copy_to *to = calloc(n, sizeof *to);
    int rc = to ? ir_ref_parse(spec->from, &src, err) : ir_nomem(err);
    if (!rc)
        rc = read_tags(spec->tags, &tags, err);
    if (!rc)
        rc = read_targets(spec->to, to, err);
    if (!rc)
        rc = ir_manifest_format(spec->format, &how.format, err);
    if (!rc)
        rc = ir_copy_each(call, &src, to, n, &how, err);
    if (!rc && ret)
        rc = write_report(&src, to, n, ret, err);
    if (!rc && say_failures(to, n, err) < 0)
        rc = IMGREL_EFAILED;
    ir_copy_to_free(to, n);
    return rc;
}

int imgrel_copy_spec(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                     imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL;
    copy_spec s = {0};
    if (ret_json)
        *ret_json = NULL;
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = read_spec(spec, &j, &s, err);
    if (!rc)
        rc = copy_all(&call, &s, ret_json, err);
    ir_json_free(j);
    return rc;
}
