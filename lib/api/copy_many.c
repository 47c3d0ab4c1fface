/* copy_many.c - the public copy of whole repositories and registries: its spec, and its sum. */
#include <imgrel/copy.h>

#include "api/api.h"
#include "base/limits.h"
#include "fmt/json.h"
#include "run/copy_many.h"

#include <stdlib.h>

#define SPEC_MAX IR_MIB
#define WHAT "copy spec"
#define SHARES_MAX 10000

typedef struct many_spec {
    const char *from, *format, *versions, *share;
    const ir_json *to, *repositories, *tags, *map;
    int64_t latest;
    bool referrers, digest_tags, prune, keep_going;
} many_spec;

/* "tags" and "repositories" have the same shape; versions and latest are for tags. */
typedef struct choice {
    const ir_json *include, *exclude;
    const char *versions;
    int64_t latest;
} choice;

static int read_choice(const ir_json *j, const char *what, bool versions, choice *ret,
                       imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"include", IR_J_ARRAY, offsetof(choice, include), 0},
        {"exclude", IR_J_ARRAY, offsetof(choice, exclude), 0},
        {"versions", IR_J_STRING, offsetof(choice, versions), 0},
        {"latest", IR_J_INT, offsetof(choice, latest), 0},
        {NULL, IR_J_STRING, 0, 0},
    };
    *ret = (choice){0};
    int rc = j ? ir_json_decode(j, rows, true, what, ret, err) : 0;
    if (!rc && !versions && (ret->versions || ret->latest))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: versions are for tags", what);
    if (!rc && ret->latest < 0)
        rc = ir_fail(err, IMGREL_EINVAL, "%s: \"latest\" is negative", what);
    return rc;
}

static int add_patterns(const ir_json *list, bool include, ir_match *m, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const char *text = ir_json_text(ir_json_at(list, i));
        if (!text)
            rc = ir_fail(err, IMGREL_EINVAL, WHAT ": a pattern is no text");
        else
            rc = include ? ir_match_include(m, text, err) : ir_match_exclude(m, text, err);
    }
    return rc;
}

static int read_match(const choice *c, ir_match *ret, imgrel_error *err)
{
    int rc = add_patterns(c->include, true, ret, err);
    if (!rc)
        rc = add_patterns(c->exclude, false, ret, err);
    return rc || !c->versions ? rc : ir_match_range(ret, c->versions, err);
}

static int read_rows(const char *text, ir_json **ret_json, many_spec *ret, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"from", IR_J_STRING, offsetof(many_spec, from), IR_J_REQUIRED},
        {"to", IR_J_ARRAY, offsetof(many_spec, to), IR_J_REQUIRED},
        {"repositories", IR_J_OBJECT, offsetof(many_spec, repositories), 0},
        {"tags", IR_J_OBJECT, offsetof(many_spec, tags), 0},
        {"map", IR_J_OBJECT, offsetof(many_spec, map), 0},
        {"format", IR_J_STRING, offsetof(many_spec, format), 0},
        {"share", IR_J_STRING, offsetof(many_spec, share), 0},
        {"referrers", IR_J_BOOL, offsetof(many_spec, referrers), 0},
        {"digest_tags", IR_J_BOOL, offsetof(many_spec, digest_tags), 0},
        {"prune", IR_J_BOOL, offsetof(many_spec, prune), 0},
        {"keep_going", IR_J_BOOL, offsetof(many_spec, keep_going), 0},
        {NULL, IR_J_STRING, 0, 0},
    };
    if (!text || strlen(text) > SPEC_MAX)
        return ir_fail(err, IMGREL_EINVAL, "copy: the spec is %s", text ? "too long" : "NULL");
    int rc = ir_json_parse(text, strlen(text), WHAT, ret_json, err);
    if (!rc)
        rc = ir_json_decode(*ret_json, rows, true, WHAT, ret, err);
    size_t n = ir_json_len(ret->to);
    if (!rc && (!n || n > IR_COPY_TARGETS_MAX))
        rc = ir_fail(err, IMGREL_EINVAL, WHAT ": \"to\" names %zu destinations, 1 to %d may be", n,
                     IR_COPY_TARGETS_MAX);
    return rc;
}

/* "host", or "host/prefix" where one may be, or a local place without a name. */
static int read_registry(const char *text, bool prefix, ir_ref *ret, imgrel_error *err)
{
    bool local = ir_starts(text, "oci:");
    if (local || (prefix && strchr(text, '/')))
        return local ? ir_ref_parse(text, ret, err) : ir_ref_parse_repository(text, ret, err);
    int rc = ir_host_check(text, err);
    if (rc < 0)
        return rc;
    *ret = (ir_ref){.transport = IR_REGISTRY, .host = ir_strdup(text), .name = ir_strdup(text)};
    return ret->host && ret->name ? 0 : ir_nomem(err);
}

static int read_place(const char *text, bool whole, bool prefix, ir_ref *ret, imgrel_error *err)
{
    if (!text)
        return ir_fail(err, IMGREL_EINVAL, WHAT ": \"to\" holds what is no text");
    bool local = ir_starts(text, "oci:") || ir_starts(text, "oci-archive:") ||
                 ir_starts(text, "docker-archive:");
    int rc = whole   ? read_registry(text, prefix, ret, err)
             : local ? ir_ref_parse(text, ret, err)
                     : ir_ref_parse_repository(text, ret, err);
    if (!rc && whole && !prefix && ret->transport != IR_REGISTRY)
        rc = ir_fail(err, IMGREL_EINVAL, "%s: repositories are those of a registry", text);
    if (!rc && (ret->tag || ret->digest))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: a place is wanted, without tag or digest", text);
    return rc;
}

static int check_map(const ir_json *map, imgrel_error *err)
{
    int rc = 0;
    for (void *it = ir_json_first(map); !rc && it; it = ir_json_next(map, it)) {
        const char *to = ir_json_text(ir_json_value(it));
        rc = to ? ir_repository_check(to, err)
                : ir_fail(err, IMGREL_EINVAL, WHAT ": \"map\": %s maps to what is no text",
                          ir_json_key(it));
    }
    return rc;
}

static int read_places(const many_spec *s, ir_copy_many *ret, imgrel_error *err)
{
    bool whole = s->repositories != NULL;
    if (s->map && !whole)
        return ir_fail(err, IMGREL_EINVAL, WHAT ": \"map\" is for \"repositories\"");
    ret->to = calloc(ir_json_len(s->to), sizeof *ret->to);
    if (!ret->to)
        return ir_nomem(err);
    int rc = read_place(s->from, whole, false, &ret->from, err);
    for (size_t i = 0; !rc && i < ir_json_len(s->to); i++, ret->n_to++) {
        rc = read_place(ir_json_text(ir_json_at(s->to, i)), whole, true, &ret->to[i], err);
        for (size_t k = 0; !rc && k < i; k++)
            if (ir_streq(ret->to[k].name, ret->to[i].name))
                rc = ir_fail(err, IMGREL_EINVAL, WHAT ": \"to\" names %s twice", ret->to[i].name);
    }
    ret->map = s->map;
    return rc ? rc : check_map(s->map, err);
}

/* "I/N": the I-th of N, from 0. */
static int read_share(const char *text, ir_copy_many *ret, imgrel_error *err)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    char *index = slash ? ir_strndup(text, (size_t)(slash - text)) : NULL;
    unsigned long long i = 0, n = 0;
    bool good = index && ir_parse_u64(index, SHARES_MAX, &i) &&
                ir_parse_u64(slash + 1, SHARES_MAX, &n) && i < n;
    free(index);
    ret->share = i;
    ret->shares = n;
    return !text || good ? 0
                         : ir_fail(err, IMGREL_EINVAL,
                                   WHAT ": share \"%.60s\" is not I/N, from 0/N to N-1/N", text);
}

static int read_spec(const many_spec *s, ir_copy_many *ret, imgrel_error *err)
{
    choice repositories, tags;
    *ret = (ir_copy_many){.digest_tags = s->digest_tags,
                          .prune = s->prune,
                          .how = {.referrers = s->referrers, .keep_going = s->keep_going}};
    int rc = read_choice(s->repositories, WHAT ": repositories", false, &repositories, err);
    if (!rc)
        rc = read_choice(s->tags, WHAT ": tags", true, &tags, err);
    if (!rc)
        rc = read_match(&repositories, &ret->repositories, err);
    if (!rc)
        rc = read_match(&tags, &ret->tags, err);
    if (!rc)
        rc = ir_manifest_format(s->format, &ret->how.format, err);
    if (!rc)
        rc = read_share(s->share, ret, err);
    if (!rc)
        rc = read_places(s, ret, err);
    ret->latest = rc ? 0 : (size_t)tags.latest;
    return rc;
}

static int write_sum(const ir_call *call, const ir_copy_sum *s, char **ret, imgrel_error *err)
{
    ir_json *j = ir_json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:O}", "items", (long long)s->items,
        IR_DRY_RUN(call) ? "planned" : "copied", (long long)s->copied, "unchanged",
        (long long)s->unchanged, IR_DRY_RUN(call) ? "extra" : "deleted", (long long)s->deleted,
        "failed", (long long)s->failed, "bytes", (long long)s->bytes, "blobs", "copied",
        (long long)s->blobs_copied, "exists", (long long)s->blobs_exist, "mounted",
        (long long)s->blobs_mounted, "failures", s->failures);
    *ret = ir_json_string(j, IR_JSON_COMPACT);
    ir_json_free(j);
    return *ret ? 0 : ir_nomem(err);
}

/* Some failed: the first one's words stand for all. */
static int say_failures(const ir_copy_sum *s, imgrel_error *err)
{
    const ir_json *first = ir_json_get(ir_json_at(s->failures, 0), "error");
    const char *message = ir_json_str(first, "message"), *cure = ir_json_str(first, "cure");
    if (!s->failed)
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%llu of %llu failed; %s", (unsigned long long)s->failed,
            (unsigned long long)s->items, message ? message : "");
    ir_cure(err, "%s", cure ? cure : "");
    return IMGREL_EFAILED;
}

static int run(const ir_call *call, const ir_copy_many *m, char **ret_json, imgrel_error *err)
{
    ir_copy_sum sum = {0};
    int rc = ir_copy_many_run(call, m, &sum, err);
    if (!rc && ret_json)
        rc = write_sum(call, &sum, ret_json, err);
    if (!rc)
        rc = say_failures(&sum, err);
    ir_json_free(sum.failures);
    return rc;
}

int imgrel_copy_many(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                     imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL;
    many_spec s = {0};
    ir_copy_many m = {.n_to = 0};
    imgrel_error e = {0};
    if (ret_json)
        *ret_json = NULL;
    int rc = ir_api_call(c, o, &call, &e);
    if (!rc)
        rc = read_rows(spec, &j, &s, &e);
    if (!rc)
        rc = read_spec(&s, &m, &e);
    if (rc == IMGREL_EPROTO)
        rc = e.code = IMGREL_EINVAL;
    if (rc < 0 && err && !err->code)
        *err = e;
    if (!rc)
        rc = run(&call, &m, ret_json, err);
    ir_copy_many_free(&m);
    ir_json_free(j);
    return rc;
}
