/* spec.c - what to build, read from JSON and checked as far as it can be before a builder is asked:
 * a builder says some of it only after minutes, and some of it never. */
#include "build/build.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/header.h"
#include "fmt/platform.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHAT "build spec"

static int bad(imgrel_error *err, const char *key, const char *why)
{
    return ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\" %s", key, why);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* What a builder would find out after the build, told before it with its cure. */
static int explain_name(const char *text, imgrel_error *err)
{
    const char *colon = strrchr(text, ':'), *slash = strrchr(text, '/');
    const char *tag = colon && (!slash || colon > slash) ? colon : NULL;
    if (strchr(text, ','))
        return ir_cure(err, "name them one by one: a list of names in one text is not split");
    if (tag && strchr(tag, '+'))
        return ir_cure(err, "a tag has no '+': write '_' instead, as charts do");
    for (const char *p = text; *p && p != tag; p++)
        if (*p >= 'A' && *p <= 'Z')
            return ir_cure(err, "write the repository in lower case");
    return ir_cure(err, "a name is HOST/REPOSITORY:TAG");
}

static int read_name(const char *text, ir_ref *ret, imgrel_error *err)
{
    if (!text)
        return bad(err, "to", "holds what is no text");
    const char *slash = strchr(text, '/');
    size_t host = slash ? (size_t)(slash - text) : 0;
    bool local = ir_starts(text, "oci:") || ir_starts(text, "oci-archive:") ||
                 ir_starts(text, "docker-archive:");
    if (!local && (!host || !(memchr(text, '.', host) || memchr(text, ':', host) ||
                              (host == 9 && !memcmp(text, "localhost", 9))))) {
        ir_fail(err, IMGREL_EINVAL,
                "%.300s: names no registry; a builder would push it to docker.io", text);
        return ir_cure(err, "write HOST/REPOSITORY:TAG");
    }
    if (strchr(text, ',')) {
        ir_fail(err, IMGREL_EINVAL, "%.300s: more than one name in one text", text);
        return explain_name(text, err);
    }
    int rc = ir_ref_parse(text, ret, err);
    if (rc == IMGREL_EINVAL)
        explain_name(text, err);
    if (!rc && ret->digest)
        rc = ir_fail(err, IMGREL_EINVAL, "%.300s: the digest is what a build makes", text);
    return rc;
}

static int read_names(ir_build_spec *s, imgrel_error *err)
{
    size_t n = ir_json_len(s->to);
    int rc = 0;
    if (!n) {
        bad(err, "to", "names no place for the image");
        return ir_cure(err, "name at least one: a push without a name pushes nothing and succeeds");
    }
    if (n > IR_BUILD_NAMES_MAX)
        return ir_fail(err, IMGREL_EINVAL, WHAT ": \"to\" has more than %d names",
                       IR_BUILD_NAMES_MAX);
    if (!(s->names = calloc(n, sizeof *s->names)))
        return ir_nomem(err);
    s->n_names = n;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = read_name(ir_json_text(ir_json_at(s->to, i)), &s->names[i], err);
        for (size_t k = 0; !rc && k < i; k++)
            if (ir_streq(s->names[k].name, s->names[i].name))
                rc = ir_fail(err, IMGREL_EINVAL, WHAT ": \"to\" names %s twice", s->names[i].name);
    }
    return rc;
}

/* ---- what has one value or a list of them -----------------------------------------------------
 */

static int check_map(const ir_json *j, const char *key, bool may_be_null, imgrel_error *err)
{
    for (void *it = ir_json_first(j); it; it = ir_json_next(j, it)) {
        const char *name = ir_json_key(it);
        const ir_json *v = ir_json_value(it);
        if (!*name || strchr(name, '='))
            return ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\": \"%.60s\" is no name", key, name);
        if (!ir_json_text(v) && !(may_be_null && ir_json_is_null(v)))
            return ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\": %.60s is no text", key, name);
    }
    return 0;
}

static int check_platforms(ir_build_spec *s, imgrel_error *err)
{
    IR_AUTO(ir_buf) list = IR_BUF(64 * IR_KIB);
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(s->platforms); i++) {
        const char *text = ir_json_text(ir_json_at(s->platforms, i));
        ir_platform p;
        char name[128];
        rc = text ? ir_platform_parse(text, &p, err)
                  : bad(err, "platforms", "holds what is no text");
        if (!rc)
            ir_buf_addf(&list, "%s%s", i ? "," : "", ir_platform_str(&p, name));
    }
    if (!rc && list.len && !(s->platform_list = ir_buf_take(&list)))
        rc = ir_nomem(err);
    return rc;
}

static int one_of(const char *value, const char *key, const char *const *all, imgrel_error *err)
{
    IR_AUTO(ir_buf) list = IR_BUF(500);
    for (size_t i = 0; value && all[i]; i++) {
        if (!strcmp(value, all[i]))
            return 0;
        ir_buf_addf(&list, "%s%s", i ? ", " : "", all[i]);
    }
    return value ? ir_fail(err, IMGREL_EINVAL, WHAT ": \"%s\" is \"%.60s\", not one of %s", key,
                           value, ir_buf_str(&list))
                 : 0;
}

static int check_words(const ir_build_spec *s, imgrel_error *err)
{
    static const char *const drivers[] = {"buildkit", "buildah",  "podman",
                                          "docker",   "assemble", NULL};
    static const char *const pushers[] = {"builder", "library", NULL};
    static const char *const syntaxes[] = {"builtin", "image", NULL};
    static const char *const proofs[] = {"off", "min", "max", NULL};
    int rc = one_of(s->driver, "driver", drivers, err);
    if (!rc)
        rc = one_of(s->push, "push", pushers, err);
    if (!rc)
        rc = one_of(s->syntax, "syntax", syntaxes, err);
    if (!rc)
        rc = one_of(s->provenance, "provenance", proofs, err);
    if (!rc)
        rc = check_map(s->args, "args", true, err);
    if (!rc)
        rc = check_map(s->labels, "labels", false, err);
    if (!rc)
        rc = check_map(s->annotations, "annotations", false, err);
    if (!rc)
        rc = check_map(s->contexts, "contexts", false, err);
    return rc ? rc : check_map(s->tls, "tls", false, err);
}

/* ---- secrets, keys, caches --------------------------------------------------------------------
 */

static int check_secret(const ir_json *j, const char *base_dir, imgrel_error *err)
{
    const char *id = ir_json_str(j, "id"), *file = ir_json_str(j, "file"),
               *env = ir_json_str(j, "env");
    int rc = 0;
    if (!id || !*id || !file == !env || strchr(id, ',') || ir_json_len(j) != 2)
        return bad(err, "secrets", "holds what is not {\"id\", \"file\"} or {\"id\", \"env\"}");
    if (env && !getenv(env)) {
        ir_fail(err, IMGREL_ENOTFOUND, "secret %s: the variable %s is not set", id, env);
        return ir_cure(err, "set it, or take the secret from a file");
    }
    char *path = file ? ir_path_join(base_dir, file) : NULL;
    if (file && !path)
        rc = ir_nomem(err);
    else if (file && access(path, R_OK))
        rc = ir_fail(err, IMGREL_ENOTFOUND, "secret %s: %s cannot be read", id, path);
    free(path);
    return rc;
}

static int check_ssh(const ir_json *list, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *text = ir_json_text(ir_json_at(list, i));
        if (!text || !*text)
            return bad(err, "ssh", "holds what is no text");
        if (!strchr(text, '=') && !getenv("SSH_AUTH_SOCK")) {
            ir_fail(err, IMGREL_ENOTFOUND, "ssh %.60s: no agent runs, SSH_AUTH_SOCK is not set",
                    text);
            return ir_cure(err, "start one, or name a key: %.60s=PATH", text);
        }
    }
    return 0;
}

/* What a type of cache cannot do without. */
static int check_cache_needs(const char *type, const ir_json *j, bool is_export, imgrel_error *err)
{
    const char *miss = NULL;
    if (!strcmp(type, "registry"))
        miss = ir_json_str(j, "ref") ? NULL : "ref";
    else if (!strcmp(type, "local"))
        miss = ir_json_str(j, is_export ? "dest" : "src") ? NULL : is_export ? "dest" : "src";
    else if (!strcmp(type, "s3"))
        miss = !ir_json_str(j, "bucket") ? "bucket" : !ir_json_str(j, "region") ? "region" : NULL;
    if (miss)
        return ir_fail(err, IMGREL_EINVAL, WHAT ": a cache of type %s needs \"%s\"", type, miss);
    if (!strcmp(type, "gha") && !ir_json_str(j, "url") && !ir_json_str(j, "url_v2") &&
        !getenv("ACTIONS_CACHE_URL") && !getenv("ACTIONS_RESULTS_URL")) {
        ir_fail(err, IMGREL_EINVAL,
                "a cache of type gha: neither ACTIONS_RESULTS_URL nor "
                "ACTIONS_CACHE_URL is set");
        return ir_cure(err,
                       "it works in a job of GitHub Actions that passes them on; elsewhere use "
                       "type registry");
    }
    return 0;
}

static int check_cache(const ir_json *list, const char *key, bool is_export, imgrel_error *err)
{
    static const char *const types[] = {"registry", "local", "inline", "s3", "gha", "azblob", NULL};
    static const char *const secrets[] = {"secret_access_key", "session_token", "token",
                                          "secret_access_key_id", "account_key"};
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const ir_json *j = ir_json_at(list, i);
        const char *type = ir_json_str(j, "type");
        if (!type)
            return bad(err, key, "holds what is no object with a \"type\"");
        if (!(rc = one_of(type, "type", types, err)) && !(rc = check_map(j, key, false, err)))
            rc = check_cache_needs(type, j, is_export, err);
        for (size_t k = 0; !rc && k < sizeof secrets / sizeof *secrets; k++)
            if (ir_json_get(j, secrets[k])) {
                rc = ir_fail(err, IMGREL_EINVAL,
                             WHAT ": \"%s\" holds \"%s\": every user of the "
                                  "machine could read it there",
                             key, secrets[k]);
                ir_cure(err, "give it to the builder's daemon (AWS_SECRET_ACCESS_KEY and so on, or "
                             "a role)");
            }
    }
    return rc;
}

static int check_lists(const ir_build_spec *s, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(s->secrets); i++)
        rc = check_secret(ir_json_at(s->secrets, i), s->base_dir, err);
    if (!rc)
        rc = check_ssh(s->ssh, err);
    if (!rc)
        rc = check_cache(s->cache_from, "cache_from", false, err);
    return rc ? rc : check_cache(s->cache_to, "cache_to", true, err);
}

/* ---- places --------------------------------------------------------------------------------- */

/* The Dockerfile: where it was said, seen from here or from the context. */
static int find_dockerfile(ir_build_spec *s, imgrel_error *err)
{
    const char *name = s->file ? s->file : "Dockerfile";
    char *beside = ir_path_join(s->base_dir, name), *inside = ir_path_join(s->dir, name);
    int rc = beside && inside ? 0 : ir_nomem(err);
    struct stat st;
    if (!rc && s->file && !stat(beside, &st) && S_ISREG(st.st_mode)) {
        s->dockerfile = beside;
        beside = NULL;
    } else if (!rc && !stat(inside, &st) && S_ISREG(st.st_mode)) {
        s->dockerfile = inside;
        inside = NULL;
    } else if (!rc) {
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no such Dockerfile",
                     s->file ? beside : inside);
        ir_cure(err, "say where it is: --file");
    }
    free(beside);
    free(inside);
    return rc;
}

static int find_places(ir_build_spec *s, imgrel_error *err)
{
    struct stat st;
    if (strstr(s->context, "://") || ir_starts(s->context, "git@"))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%.300s: the context must be a folder",
                       s->context);
    if (!(s->dir = ir_path_join(s->base_dir, s->context)))
        return ir_nomem(err);
    if (stat(s->dir, &st) || !S_ISDIR(st.st_mode))
        return ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no such folder to build", s->dir);
    return find_dockerfile(s, err);
}

static int read_epoch(ir_build_spec *s, imgrel_error *err)
{
    const char *text = s->created ? s->created : getenv("SOURCE_DATE_EPOCH");
    unsigned long long n = 0;
    int64_t sec = 0;
    if (!text || !*text)
        return 0;
    if (!ir_parse_u64(text, 253402300799, &n)) {
        if (!s->created || !ir_rfc3339(text, &sec) || sec < 0)
            return ir_fail(err, IMGREL_EINVAL,
                           "%s \"%.60s\" is neither a date of RFC 3339 nor a "
                           "number of seconds",
                           s->created ? WHAT ": created" : "SOURCE_DATE_EPOCH", text);
        n = (unsigned long long)sec;
    }
    s->epoch = ir_format("%llu", n);
    return s->epoch ? 0 : ir_nomem(err);
}

static int decode(const ir_json *j, ir_build_spec *s, imgrel_error *err)
{
#define ROW(name, type, flags)                                   \
    {                                                            \
#name, IR_J_##type, offsetof(ir_build_spec, name), flags \
    }
    static const ir_json_row rows[] = {
        ROW(driver, STRING, 0),
        ROW(builder, STRING, 0),
        ROW(file, STRING, 0),
        ROW(context, STRING, IR_J_REQUIRED),
        ROW(to, ARRAY, IR_J_REQUIRED),
        ROW(target, STRING, 0),
        ROW(created, STRING, 0),
        ROW(push, STRING, 0),
        ROW(syntax, STRING, 0),
        ROW(provenance, STRING, 0),
        ROW(platforms, ARRAY, 0),
        ROW(args, OBJECT, 0),
        ROW(labels, OBJECT, 0),
        ROW(annotations, OBJECT, 0),
        ROW(secrets, ARRAY, 0),
        ROW(ssh, ARRAY, 0),
        ROW(cache_from, ARRAY, 0),
        ROW(cache_to, ARRAY, 0),
        ROW(contexts, OBJECT, 0),
        ROW(tls, OBJECT, 0),
        ROW(no_cache, BOOL, 0),
        ROW(pull, BOOL, 0),
        ROW(sbom, BOOL, 0),
        {NULL, IR_J_STRING, 0, 0},
    };
#undef ROW
    return ir_json_decode(j, rows, true, WHAT, s, err);
}

int ir_build_spec_read(const ir_json *j, const char *base_dir, ir_build_spec *ret,
                       imgrel_error *err)
{
    *ret = (ir_build_spec){0};
    int rc = decode(j, ret, err);
    ret->base_dir = base_dir;
    if (!rc)
        rc = check_words(ret, err);
    if (!rc)
        rc = read_names(ret, err);
    if (!rc)
        rc = check_platforms(ret, err);
    if (!rc)
        rc = check_lists(ret, err);
    if (!rc)
        rc = read_epoch(ret, err);
    if (!rc)
        rc = find_places(ret, err);
    if (rc)
        ir_build_spec_free(ret);
    return rc;
}

void ir_build_spec_free(ir_build_spec *s)
{
    for (size_t i = 0; i < s->n_names; i++)
        ir_ref_free(&s->names[i]);
    free(s->names);
    free(s->dir);
    free(s->dockerfile);
    free(s->platform_list);
    free(s->epoch);
    *s = (ir_build_spec){0};
}
