/* registries.c - registries.conf, version 2. What is none of ours (short names, credential helpers)
 * is passed over; what would silently mean something else is an error. */
#include "fmt/registries.h"
#include "base/str.h"
#include "fmt/toml.h"

#include <stdlib.h>

static void registry_free(ir_registry_conf *r)
{
    for (size_t i = 0; i < r->n_mirrors; i++)
        free(r->mirrors[i].location);
    free(r->mirrors);
    free(r->prefix);
    free(r->location);
    free(r->file);
    *r = (ir_registry_conf){0};
}

void ir_registries_free(ir_registries *all)
{
    for (size_t i = 0; i < all->n; i++)
        registry_free(&all->v[i]);
    free(all->v);
    *all = (ir_registries){0};
}

/* ---- reading -------------------------------------------------------------------------------- */

/* "host[:port][/path]": no scheme, no slash at the end. *ret stays NULL where there is none. */
static int read_place(const ir_json *j, const char *key, const char *what, char **ret,
                      imgrel_error *err)
{
    const ir_json *v = ir_json_get(j, key);
    const char *text = ir_json_text(v);
    if (v && !text)
        return ir_fail(err, IMGREL_EINVAL, "%s: %s is not a string", what, key);
    if (!text || !*text)
        return 0;
    if (strstr(text, "://") || text[strcspn(text, " \t@?#\"'\\")] || text[0] == '/')
        return ir_fail(err, IMGREL_EINVAL, "%s: %s \"%.200s\" is not host[:port][/path]", what, key,
                       text);
    size_t len = strlen(text);
    while (len && text[len - 1] == '/')
        len--;
    *ret = ir_strndup(text, len);
    return *ret ? 0 : ir_nomem(err);
}

static int read_bool(const ir_json *j, const char *key, const char *what, bool *ret,
                     imgrel_error *err)
{
    const ir_json *v = ir_json_get(j, key);
    *ret = ir_json_bool(j, key, false);
    if (!v || *ret || !ir_json_bool(j, key, true))
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "%s: %s is not true or false", what, key);
}

static int read_purpose(const ir_json *j, bool digests_only, const char *what,
                        enum ir_mirror_for *ret, imgrel_error *err)
{
    static const char *const words[] = {"all", "digest-only", "tag-only"};
    const ir_json *v = ir_json_get(j, "pull-from-mirror");
    const char *text = ir_json_text(v);
    *ret = digests_only ? IR_MIRROR_DIGESTS : IR_MIRROR_ALL;
    if (!v || (text && !*text))
        return 0;
    if (digests_only)
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: pull-from-mirror and mirror-by-digest-only exclude each other", what);
    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]))
            continue;
        *ret = (enum ir_mirror_for)i;
        return 0;
    }
    return ir_fail(err, IMGREL_EINVAL, "%s: pull-from-mirror is not all, digest-only or tag-only",
                   what);
}

static int read_mirrors(const ir_json *j, bool digests_only, const char *what,
                        ir_registry_conf *ret, imgrel_error *err)
{
    size_t n = ir_json_len(j);
    int rc = 0;
    if (j && !ir_json_is_array(j))
        return ir_fail(err, IMGREL_EINVAL, "%s: mirror is written [[registry.mirror]]", what);
    if (!n)
        return 0;
    ret->mirrors = calloc(n, sizeof *ret->mirrors);
    if (!ret->mirrors)
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        const ir_json *one = ir_json_at(j, i);
        ir_mirror_conf *m = &ret->mirrors[ret->n_mirrors++];
        rc = read_place(one, "location", what, &m->location, err);
        if (!rc && !m->location)
            rc = ir_fail(err, IMGREL_EINVAL, "%s: a mirror without a location", what);
        if (!rc)
            rc = read_bool(one, "insecure", what, &m->insecure, err);
        if (!rc)
            rc = read_purpose(one, digests_only, what, &m->what, err);
    }
    return rc;
}

static int read_registry(const ir_json *j, const char *what, ir_registry_conf *ret,
                         imgrel_error *err)
{
    bool digests_only = false;
    int rc = read_place(j, "prefix", what, &ret->prefix, err);
    if (!rc)
        rc = read_place(j, "location", what, &ret->location, err);
    if (rc)
        return rc;
    bool wild = ret->prefix && ir_starts(ret->prefix, "*.");
    if (!ret->location && !wild)
        return ir_fail(err, IMGREL_EINVAL, "%s: a registry without a location", what);
    if (strchr(ret->location ? ret->location : "", '*') ||
        strchr(ret->prefix ? ret->prefix + wild : "", '*'))
        return ir_fail(err, IMGREL_EINVAL, "%s: * may only begin a prefix: \"*.example.com\"",
                       what);
    if (!ret->prefix && !(ret->prefix = ir_strdup(ret->location)))
        return ir_nomem(err);
    if ((rc = read_bool(j, "insecure", what, &ret->insecure, err)) ||
        (rc = read_bool(j, "blocked", what, &ret->blocked, err)) ||
        (rc = read_bool(j, "mirror-by-digest-only", what, &digests_only, err)))
        return rc;
    return read_mirrors(ir_json_get(j, "mirror"), digests_only, what, ret, err);
}

/* Takes r. */
static int keep(ir_registries *all, ir_registry_conf *r, imgrel_error *err)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->v[i].prefix, r->prefix))
            continue;
        registry_free(&all->v[i]);
        all->v[i] = *r;
        return 0;
    }
    ir_registry_conf *more = reallocarray(all->v, all->n + 1, sizeof *more);
    if (!more) {
        registry_free(r);
        return ir_nomem(err);
    }
    all->v = more;
    all->v[all->n++] = *r;
    return 0;
}

static int read_one(const ir_json *j, const char *file, size_t i, ir_registries *all,
                    imgrel_error *err)
{
    ir_registry_conf r = {.file = ir_strdup(file)};
    char *what = ir_format("%s: [[registry]] %zu", file, i + 1);
    int rc = r.file && what ? read_registry(j, what, &r, err) : ir_nomem(err);
    free(what);
    if (!rc)
        return keep(all, &r, err);
    registry_free(&r);
    return rc;
}

int ir_registries_parse(const char *text, size_t len, const char *file, ir_registries *all,
                        imgrel_error *err)
{
    ir_json *j = NULL;
    int rc = ir_toml_parse(text, len, file, &j, err);
    const ir_json *list = ir_json_get(j, "registry");
    if (!rc && ir_json_get(j, "registries"))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: this is version 1 of the format; write [[registry]]",
                     file);
    if (!rc && list && !ir_json_is_array(list))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: a registry is written [[registry]]", file);
    if (!rc && ir_json_len(ir_json_get(j, "unqualified-search-registries")))
        all->searches = true;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = read_one(ir_json_at(list, i), file, i, all, err);
    ir_json_free(j);
    return rc;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* May a prefix end here? At the name's end, at a slash, or at the tag or digest of a repository:
 * behind a host a colon begins a port. */
static bool ends_at(const char *name, size_t len)
{
    char c = name[len];
    return !c || c == '/' || ((c == ':' || c == '@') && memchr(name, '/', len));
}

static size_t covers(const char *prefix, const char *name)
{
    size_t len = strlen(prefix);
    if (!ir_starts(prefix, "*."))
        return ir_starts(name, prefix) && ends_at(name, len) ? len : 0;
    size_t host = strcspn(name, "/");
    const char *tail = strstr(name, prefix + 1);
    if (!tail || tail == name || tail > name + host)
        return 0;
    len = (size_t)(tail - name) + len - 1;
    bool whole_host = len == host || (len < host && name[len] == ':');
    return whole_host || (len > host && ends_at(name, len)) ? len : 0;
}

const ir_registry_conf *ir_registries_find(const ir_registries *all, const char *name,
                                           size_t *ret_len)
{
    const ir_registry_conf *best = NULL;
    size_t most = 0;
    *ret_len = 0;
    for (size_t i = 0; i < all->n; i++) {
        const char *prefix = all->v[i].prefix;
        size_t len = covers(prefix, name);
        /* As long as "*.example.com" may match, an exact name is more exact. */
        if (!len || strlen(prefix) < most)
            continue;
        best = &all->v[i];
        most = strlen(prefix);
        *ret_len = len;
    }
    return best;
}
