/* hosts_toml.c - reads containerd's hosts.toml. */
#include "fmt/hosts_toml.h"
#include "fmt/toml.h"
#include "fmt/url.h"

#include <stdlib.h>

static void entry_free(ir_hosts_entry *e)
{
    free(e->url);
    free(e->cert);
    free(e->key);
    ir_strv_free(&e->ca);
    ir_strv_free(&e->headers);
    *e = (ir_hosts_entry){0};
}

void ir_hosts_file_free(ir_hosts_file *f)
{
    for (size_t i = 0; i < f->n; i++)
        entry_free(&f->v[i]);
    free(f->v);
    entry_free(&f->server);
    *f = (ir_hosts_file){0};
}

/* An address without a scheme is https. */
static int read_url(const char *text, const char *what, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_url) url = {0};
    imgrel_error why = {0};
    *ret = ir_format("%s%s", strstr(text, "://") ? "" : "https://", text);
    if (!*ret)
        return ir_nomem(err);
    for (size_t len = strlen(*ret); len && (*ret)[len - 1] == '/'; len--)
        (*ret)[len - 1] = '\0';
    int rc = ir_url_parse(*ret, &url, &why);
    if (rc == IMGREL_ENOMEM)
        return ir_nomem(err);
    if (!rc && !url.query && !url.user)
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "%s: \"%.200s\" is no address of a registry", what, text);
}

/* A string, or a list of them. */
static int read_strings(const ir_json *v, const char *key, const char *what, ir_strv *ret,
                        imgrel_error *err)
{
    if (!v)
        return 0;
    size_t n = ir_json_is_array(v) ? ir_json_len(v) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *s = ir_json_text(ir_json_is_array(v) ? ir_json_at(v, i) : v);
        if (!s)
            return ir_fail(err, IMGREL_EINVAL, "%s: %s is not a string or a list of them", what,
                           key);
        if (ir_strv_add(ret, s))
            return ir_nomem(err);
    }
    return 0;
}

static int read_capabilities(const ir_json *v, const char *what, unsigned *ret, imgrel_error *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"pull", IR_HOSTS_PULL},
                 {"resolve", IR_HOSTS_RESOLVE},
                 {"push", IR_HOSTS_PUSH},
                 {"referrers", 0}};
    IR_AUTO(ir_strv) names = {0};
    int rc = read_strings(v, "capabilities", what, &names, err);
    *ret = v ? 0 : IR_HOSTS_PULL | IR_HOSTS_RESOLVE | IR_HOSTS_PUSH;
    for (size_t i = 0; !rc && i < names.n; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(names.v[i], known[k].name))
            k++;
        if (k == sizeof known / sizeof *known)
            return ir_fail(err, IMGREL_EINVAL, "%s: unknown capability \"%.40s\"", what,
                           names.v[i]);
        *ret |= known[k].bit;
    }
    return rc;
}

/* "file", ["file", ...] or [["cert", "key"], ...]; curl offers one, so the first counts. */
static int read_client(const ir_json *v, const char *what, ir_hosts_entry *ret, imgrel_error *err)
{
    const ir_json *first = ir_json_is_array(v) ? ir_json_at(v, 0) : v;
    bool pair = ir_json_is_array(first);
    const char *cert = ir_json_text(pair ? ir_json_at(first, 0) : first);
    const char *key = pair ? ir_json_text(ir_json_at(first, 1)) : NULL;
    if (!v || (!first && ir_json_is_array(v)))
        return 0;
    if (!cert || (pair && (ir_json_len(first) > 2 || (ir_json_len(first) == 2 && !key))))
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: client is not a file, a list of files or of [cert, key]", what);
    ret->cert = ir_strdup(cert);
    ret->key = key && *key ? ir_strdup(key) : NULL;
    return ret->cert && (ret->key || !key || !*key) ? 0 : ir_nomem(err);
}

static int read_headers(const ir_json *j, const char *what, ir_strv *ret, imgrel_error *err)
{
    int rc = 0;
    for (void *it = ir_json_first(j); it && !rc; it = ir_json_next(j, it)) {
        IR_AUTO(ir_strv) values = {0};
        rc = read_strings(ir_json_value(it), "header", what, &values, err);
        for (size_t i = 0; !rc && i < values.n; i++) {
            char *line = ir_format("%s: %s", ir_json_key(it), values.v[i]);
            bool good = line && !strpbrk(line, "\r\n") && ir_json_key(it)[0];
            if (good)
                rc = ir_strv_add(ret, line) ? ir_nomem(err) : 0;
            else
                rc = line ? ir_fail(err, IMGREL_EINVAL, "%s: a header with a line break", what)
                          : ir_nomem(err);
            free(line);
        }
    }
    return rc;
}

static int read_entry(const ir_json *j, const char *what, ir_hosts_entry *ret, imgrel_error *err)
{
    int rc = read_capabilities(ir_json_get(j, "capabilities"), what, &ret->can, err);
    if (!rc)
        rc = read_strings(ir_json_get(j, "ca"), "ca", what, &ret->ca, err);
    if (!rc)
        rc = read_client(ir_json_get(j, "client"), what, ret, err);
    if (!rc)
        rc = read_headers(ir_json_get(j, "header"), what, &ret->headers, err);
    ret->skip_verify = ir_json_bool(j, "skip_verify", false);
    ret->override_path = ir_json_bool(j, "override_path", false);
    return rc;
}

static int read_host(const ir_json *j, const char *url, const char *name, ir_hosts_entry *ret,
                     imgrel_error *err)
{
    char *what = ir_format("%s: host \"%.200s\"", name, url);
    int rc = what ? read_url(url, name, &ret->url, err) : ir_nomem(err);
    if (!rc && !ir_json_is_object(j))
        rc = ir_fail(err, IMGREL_EINVAL, "%s is not a table", what);
    if (!rc)
        rc = read_entry(j, what, ret, err);
    free(what);
    return rc;
}

static int read_hosts(const ir_json *j, const char *name, ir_hosts_file *ret, imgrel_error *err)
{
    int rc = 0;
    if (j && !ir_json_is_object(j))
        return ir_fail(err, IMGREL_EINVAL, "%s: a host is written [host.\"https://...\"]", name);
    if (!ir_json_len(j))
        return 0;
    ret->v = calloc(ir_json_len(j), sizeof *ret->v);
    if (!ret->v)
        return ir_nomem(err);
    for (void *it = ir_json_first(j); it && !rc; it = ir_json_next(j, it))
        rc = read_host(ir_json_value(it), ir_json_key(it), name, &ret->v[ret->n++], err);
    return rc;
}

int ir_hosts_toml_parse(const char *text, size_t len, const char *name, ir_hosts_file *ret,
                        imgrel_error *err)
{
    ir_json *j = NULL;
    *ret = (ir_hosts_file){0};
    int rc = ir_toml_parse(text, len, name, &j, err);
    const char *server = ir_json_str(j, "server");
    if (!rc)
        rc = read_hosts(ir_json_get(j, "host"), name, ret, err);
    if (!rc)
        rc = read_entry(j, name, &ret->server, err);
    if (!rc && server && *server)
        rc = read_url(server, name, &ret->server.url, err);
    ir_json_free(j);
    if (rc)
        ir_hosts_file_free(ret);
    return rc;
}
