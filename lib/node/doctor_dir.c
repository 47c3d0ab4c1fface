/* doctor_dir.c - certs.d as containerd looks into it: the first folder by one of the host's names,
 * and the hosts.toml in it, which containerd passes over in silence when anything is wrong. */
#include "node/doctor.h"

#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the folder ------------------------------------------------------------------------------ */

/* The names in containerd's order: "h_5000_", "h:5000"; or "h". */
static int folder_names(const char *host, ir_strv *ret)
{
    const char *colon = strrchr(host, ':');
    bool port = colon && !strchr(colon, ']');
    char *flat = port ? ir_format("%.*s_%s_", (int)(colon - host), host, colon + 1) : NULL;
    int rc = (port && (!flat || ir_strv_add(ret, flat))) || ir_strv_add(ret, host);
    free(flat);
    return rc ? IMGREL_ENOMEM : 0;
}

static char *there(const char *certs, const char *name)
{
    char *path = ir_format("%s/%s", certs, name);
    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* The bare name in any of the spellings that people try: "http:__h", "h:80", "H", "h_80_". */
static bool looks_like(const char *entry, const char *host)
{
    size_t len = strcspn(host, ":");
    const char *at = strcasestr(entry, "http");
    if (at == entry && strcspn(entry, ":_") < 6)
        entry += strspn(entry + strcspn(entry, ":_"), ":_/") + strcspn(entry, ":_");
    return !strncasecmp(entry, host, len) && (!entry[len] || strchr(":_/.", entry[len]));
}

static int look_alikes(ir_node_doctor *d, const char *certs, imgrel_error *err)
{
    const char *host = d->node->host;
    DIR *dir = opendir(certs);
    struct dirent *e = NULL;
    int rc = 0;
    bool found = false;
    while (!rc && dir && (e = readdir(dir)) != NULL) {
        if (!looks_like(e->d_name, host) || !strcmp(e->d_name, host))
            continue;
        found = true;
        char *cure = ir_format("rename it: mv '%s/%s' '%s/%s'", certs, e->d_name, certs, host);
        rc = ir_node_say(d, "folder", "fail", cure, err,
                         "%s/%s is not read for images of %s: the folder's name must be what image "
                         "names begin with, port and case included, without a scheme",
                         certs, e->d_name, host);
        free(cure);
    }
    if (dir)
        closedir(dir);
    if (rc || found)
        return rc;
    return ir_node_say(d, "folder", strchr(host, ':') || !d->asked_url ? "warn" : "ok", NULL, err,
                       "%s has no folder for %s: it is asked by https with the system's "
                       "authorities",
                       certs, host);
}

static int find_folder(ir_node_doctor *d, const char *certs, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    int rc = folder_names(d->node->host, &names) ? ir_nomem(err) : 0;
    *ret = NULL;
    for (size_t i = 0; !rc && i < names.n; i++) {
        char *path = there(certs, names.v[i]);
        if (path && *ret)
            rc = ir_node_say(d, "folder", "warn", "keep one of them", err,
                             "%s is not read: %s goes first", path, *ret);
        if (path && *ret)
            free(path);
        else if (path)
            *ret = path;
    }
    if (!rc && !*ret && (*ret = there(certs, "_default")))
        return ir_node_say(d, "folder", "ok", NULL, err, "%s counts for every host that has none",
                           *ret);
    if (rc || !*ret)
        return rc ? rc : look_alikes(d, certs, err);
    return ir_node_say(d, "folder", "ok", NULL, err, "%s is what containerd reads", *ret);
}

/* ---- hosts.toml ------------------------------------------------------------------------------ */

static int judge_entry(ir_node_doctor *d, const char *dir, const ir_hosts_entry *e,
                       imgrel_error *err)
{
    int rc = 0;
    if (ir_node_plain(e->url) && e->skip_verify)
        rc = ir_node_say(d, "hosts.toml", "warn", "take skip_verify out of it", err,
                         "%s: skip_verify on plain HTTP makes containerd 2 try TLS first, on port "
                         "443 where the address has none",
                         e->url);
    for (size_t i = 0; !rc && i < e->ca.n; i++) {
        char *path = ir_path_join(dir, e->ca.v[i]);
        if (!path)
            return ir_nomem(err);
        if (access(path, R_OK))
            rc = ir_node_say(d, "hosts.toml", "fail", "put the authority there, or name another",
                             err, "%s: %s cannot be read: every pull ends there", e->url, path);
        free(path);
    }
    return rc;
}

static unsigned all_can(const ir_hosts_file *f)
{
    unsigned can = f->server.url ? IR_HOSTS_PULL | IR_HOSTS_RESOLVE : 0;
    for (size_t i = 0; i < f->n; i++)
        can |= f->v[i].can;
    return can;
}

static int judge_file(ir_node_doctor *d, const char *dir, const char *path, const ir_hosts_file *f,
                      imgrel_error *err)
{
    int rc = 0;
    if (f->server.url && !f->n && d->generation < 2)
        rc = ir_node_say_trust(d, "hosts.toml", f->server.url, err,
                               "%s has only server=: containerd 1.x drops such a file", path);
    if (!rc && f->n && !f->server.url)
        rc = ir_node_say_trust(d, "hosts.toml", f->v[f->n - 1].url, err,
                               "%s has no server=: what the hosts in it have not is asked for at "
                               "https://%s, whose failure hides the first one",
                               path, d->node->host);
    if (!rc && (all_can(f) & IR_HOSTS_RESOLVE) == 0)
        rc = ir_node_say(d, "hosts.toml", "fail", "add \"resolve\" to capabilities", err,
                         "%s: no host in it may resolve tags", path);
    for (size_t i = 0; !rc && i < f->n; i++)
        rc = judge_entry(d, dir, &f->v[i], err);
    return rc;
}

static int read_file(ir_node_doctor *d, const char *dir, const char *path, ir_hosts_file *ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    imgrel_error why = {0};
    int rc = ir_node_file_read(path, &text, &why);
    if (rc == 0)
        return ir_node_say_trust(d, "hosts.toml", d->node->url, err,
                                 "%s is not there: only certificates are taken from its folder",
                                 path);
    if (rc == 1)
        rc = ir_hosts_toml_parse(ir_buf_str(&text), text.len, path, ret, &why);
    if (rc == IMGREL_ENOMEM)
        return ir_nomem(err);
    if (rc)
        return ir_node_say(d, "hosts.toml", "fail",
                           "mend it: containerd only logs this and goes on with https", err, "%s",
                           why.message);
    size_t before = ir_json_len(d->rows);
    rc = judge_file(d, dir, path, ret, err);
    if (rc || ir_json_len(d->rows) > before)
        return rc;
    return ir_node_say(d, "hosts.toml", "ok", NULL, err, "%s reads well", path);
}

int ir_node_look_dir(ir_node_doctor *d, const char *certs, char **ret_dir, ir_hosts_file *ret,
                     imgrel_error *err)
{
    *ret = (ir_hosts_file){0};
    int rc = find_folder(d, certs, ret_dir, err);
    if (rc || !*ret_dir)
        return rc;
    char *path = ir_format("%s/hosts.toml", *ret_dir);
    rc = path ? read_file(d, *ret_dir, path, ret, err) : ir_nomem(err);
    free(path);
    return rc;
}
