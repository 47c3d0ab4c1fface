/* mirrors.c - the places of a repository as registries.conf has them, read once a session. */
#include "net/mirrors.h"
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/registries.h"
#include "net/hosts.h"
#include "net/session_impl.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define DROP_INS_MAX 1000

/* ---- endpoints ------------------------------------------------------------------------------ */

void ir_endpoint_free(ir_endpoint *e)
{
    free(e->url);
    free(e->query);
    free(e->host);
    free(e->repository);
    for (size_t i = 0; e->headers && e->headers[i]; i++)
        ir_free_secret(e->headers[i]);
    free(e->headers);
    free((char *)e->tls.ca_pem);
    free((char *)e->tls.cert_pem);
    ir_free_secret((char *)e->tls.key_pem);
    *e = (ir_endpoint){0};
}

void ir_endpoints_free(ir_endpoints *all)
{
    for (size_t i = 0; i < all->n; i++)
        ir_endpoint_free(&all->v[i]);
    free(all->v);
    *all = (ir_endpoints){0};
}

int ir_endpoints_add(ir_endpoints *all, ir_endpoint *e, imgrel_error *err)
{
    ir_endpoint *more = reallocarray(all->v, all->n + 1, sizeof *more);
    if (!more) {
        ir_endpoint_free(e);
        return ir_nomem(err);
    }
    all->v = more;
    all->v[all->n++] = *e;
    return 0;
}

/* A registry as its host has it, spoken to as the configuration says. */
static int add_host(const ir_call *call, const char *host, const char *repository, bool insecure,
                    ir_endpoints *ret, imgrel_error *err)
{
    char *base = NULL;
    int rc = insecure ? ir_host_url_insecure(call, host, &base, err)
                      : ir_host_url(call, host, &base, err);
    if (rc)
        return rc;
    ir_endpoint e = {.url = ir_format("%s/v2/%s", base, repository),
                     .host = ir_strdup(host),
                     .repository = ir_strdup(repository),
                     .has_tls = insecure,
                     .tls = {.insecure = insecure, .beside = true}};
    free(base);
    if (e.url && e.host && e.repository)
        return ir_endpoints_add(ret, &e, err);
    ir_endpoint_free(&e);
    return ir_nomem(err);
}

/* ---- the files ------------------------------------------------------------------------------ */

static int read_file(const char *path, bool must, ir_registries *all, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    imgrel_error missing = {0};
    int rc = ir_file_read(path, &text, must ? err : &missing);
    if (rc == IMGREL_ENOTFOUND && !must)
        return 0;
    if (rc && !must && err && !err->code)
        *err = missing;
    return rc ? rc : ir_registries_parse(ir_buf_str(&text), text.len, path, all, err);
}

/* The *.conf of a folder, by name. */
static int read_folder(const char *dir, ir_registries *all, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;
    while (d && !rc && names.n < DROP_INS_MAX && (e = readdir(d)))
        if (e->d_name[0] != '.' && ir_ends(e->d_name, ".conf"))
            rc = ir_strv_add(&names, e->d_name) ? ir_nomem(err) : 0;
    if (d)
        closedir(d);
    ir_strv_sort(&names);
    for (size_t i = 0; !rc && i < names.n; i++) {
        char *path = ir_path_join(dir, names.v[i]);
        rc = path ? read_file(path, false, all, err) : ir_nomem(err);
        free(path);
    }
    return rc;
}

/* A file and what is dropped into the folder beside it. */
static int read_with_drop_ins(const char *path, bool must, ir_registries *all, imgrel_error *err)
{
    char *dir = ir_format("%s.d", path);
    int rc = dir ? read_file(path, must, all, err) : ir_nomem(err);
    if (!rc)
        rc = read_folder(dir, all, err);
    free(dir);
    return rc;
}

/* As podman looks for it: a user's file stands instead of the system's, drop-ins of both count. */
static int read_auto(ir_registries *all, imgrel_error *err)
{
    static const char system[] = "/etc/containers/registries.conf";
    const char *named = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME");
    const char *xdg = getenv("XDG_CONFIG_HOME");
    if (named && named[0])
        return read_with_drop_ins(named, true, all, err);
    char *mine = xdg && xdg[0]     ? ir_path_join(xdg, "containers/registries.conf")
                 : home && home[0] ? ir_path_join(home, ".config/containers/registries.conf")
                                   : ir_strdup(system);
    if (!mine)
        return ir_nomem(err);
    bool own = access(mine, F_OK) == 0;
    int rc = read_file(own ? mine : system, false, all, err);
    if (!rc)
        rc = read_folder("/etc/containers/registries.conf.d", all, err);
    if (!rc && strcmp(mine, system) != 0) {
        char *dir = ir_format("%s.d", mine);
        rc = dir ? read_folder(dir, all, err) : ir_nomem(err);
        free(dir);
    }
    free(mine);
    return rc;
}

static void tell(const ir_call *call, const char *from, const ir_registries *all)
{
    char n[24];
    snprintf(n, sizeof n, "%zu", all->n);
    ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "http", "registries.conf was read", "from", from,
               "registries", n, NULL);
    if (all->searches)
        ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "http",
                   "unqualified-search-registries are not followed: a name without a host is "
                   "docker.io's",
                   "from", from, NULL);
}

static int load(const ir_call *call, ir_registries **ret, imgrel_error *err)
{
    const char *from = ir_call_conf(call)->registries_conf;
    ir_registries *all = calloc(1, sizeof *all);
    if (!all)
        return ir_nomem(err);
    int rc = !strcmp(from, "auto") ? read_auto(all, err) : read_with_drop_ins(from, true, all, err);
    if (rc) {
        ir_registries_free(all);
        free(all);
        return rc;
    }
    tell(call, from, all);
    *ret = all;
    return 0;
}

static int get_registries(const ir_call *call, const ir_registries **ret, imgrel_error *err)
{
    ir_session *s = call->session;
    int rc = 0;
    pthread_mutex_lock(&s->late_lock);
    if (!s->registries)
        rc = load(call, &s->registries, err);
    *ret = s->registries;
    pthread_mutex_unlock(&s->late_lock);
    return rc;
}

/* ---- what they say -------------------------------------------------------------------------- */

static int blocked(const ir_registry_conf *r, const ir_ref *ref, imgrel_error *err)
{
    int rc = ir_fail(err, IMGREL_EDENIED, "%s: %s is blocked by %s", ref->name, r->prefix, r->file);
    ir_cure(err, "take another registry, or change blocked = true there");
    return rc;
}

/* location instead of the first len bytes of "host/repository". */
static int add_place(const ir_call *call, const ir_registry_conf *r, const char *location,
                     bool insecure, const ir_ref *ref, size_t len, ir_endpoints *ret,
                     imgrel_error *err)
{
    char *name = ir_format("%s/%s", ref->host, ref->repository);
    size_t most = name ? strlen(name) : 0;
    char *place = !name     ? NULL
                  : location ? ir_format("%s%s", location, name + (len < most ? len : most))
                             : ir_strdup(name);
    char *slash = place ? strchr(place, '/') : NULL;
    imgrel_error why = {0};
    int rc = place ? 0 : ir_nomem(err);
    if (slash)
        *slash = '\0';
    if (!rc && (!slash || ir_host_check(place, &why) || ir_repository_check(slash + 1, &why)))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: %s leads %s to no repository: %s%s%s", r->file,
                     r->prefix, ref->name, place, slash ? "/" : "", slash ? slash + 1 : "");
    if (!rc)
        rc = add_host(call, place, slash + 1, insecure, ret, err);
    free(place);
    free(name);
    return rc;
}

static bool wanted(const ir_mirror_conf *m, const ir_ref *ref)
{
    return m->what == IR_MIRROR_ALL || (m->what == IR_MIRROR_DIGESTS) == (ref->digest != NULL);
}

static int from_registries(const ir_call *call, const ir_ref *ref, bool mirrors, ir_endpoints *ret,
                           imgrel_error *err)
{
    const ir_registries *all = NULL;
    size_t len = 0;
    int rc = get_registries(call, &all, err);
    const ir_registry_conf *r = rc ? NULL : ir_registries_find(all, ref->name, &len);
    if (!r)
        return rc;
    if (r->blocked)
        return blocked(r, ref, err);
    for (size_t i = 0; !rc && mirrors && i < r->n_mirrors; i++)
        if (wanted(&r->mirrors[i], ref))
            rc = add_place(call, r, r->mirrors[i].location, r->mirrors[i].insecure, ref, len, ret,
                           err);
    if (rc)
        return rc;
    return mirrors ? add_place(call, r, r->location, r->insecure, ref, len, ret, err)
                   : add_host(call, ref->host, ref->repository, r->insecure, ret, err);
}

/* The caller knows the host better than files do. */
static bool has_rule(const ir_call *call, const char *host)
{
    for (size_t i = 0; i < call->n_rules; i++)
        if (ir_streq(call->rules[i].host, host))
            return true;
    return false;
}

int ir_endpoints_find(const ir_call *call, const ir_ref *ref, bool mirrors, ir_endpoints *ret,
                      imgrel_error *err)
{
    const ir_conf *conf = ir_call_conf(call);
    bool ruled = has_rule(call, ref->host);
    int rc = 0;
    *ret = (ir_endpoints){0};
    if (conf->hosts_dirs.n && !ruled)
        rc = ir_endpoints_from_hosts(call, ref, mirrors, ret, err);
    if (!rc && !ret->n && conf->registries_conf && !ruled)
        rc = from_registries(call, ref, mirrors, ret, err);
    if (!rc && !ret->n)
        rc = add_host(call, ref->host, ref->repository, false, ret, err);
    if (rc)
        ir_endpoints_free(ret);
    return rc;
}
