/* trust.c - a node told of a registry: which files its runtime reads, and what becomes of each. */
#include "node/node.h"

#include "base/limits.h"
#include "base/proc.h"
#include "fmt/toml.h"
#include "fmt/yaml.h"

#include <stdlib.h>
#include <unistd.h>

char *ir_node_path(const ir_node *n, const char *given, const char *usual)
{
    return given ? ir_strdup(given) : ir_format("%s%s", n->root, usual);
}

/* ---- a file that is merged ------------------------------------------------------------------- */

enum format { TOML, JSON, YAML };

static int parse_yaml(const ir_buf *text, const char *path, ir_json **ret, imgrel_error *err)
{
    ir_yaml *y = NULL;
    int rc = ir_yaml_parse(ir_buf_str(text), text->len, path, &y, err);
    if (!rc && !(*ret = ir_json_copy(ir_yaml_root(y))))
        rc = ir_nomem(err);
    ir_yaml_free(y);
    if (!rc && ir_json_is_null(*ret)) { /* comments only */
        ir_json_free(*ret);
        *ret = ir_json_new_object();
    }
    return rc;
}

static int parse(const ir_buf *text, enum format format, const char *path, ir_json **ret,
                 imgrel_error *err)
{
    const char *s = ir_buf_str(text);
    int rc = 0;
    *ret = NULL;
    if (!s[strspn(s, " \t\r\n")])
        *ret = ir_json_new_object();
    else if (format == TOML)
        rc = ir_toml_parse(s, text->len, path, ret, err);
    else if (format == YAML)
        rc = parse_yaml(text, path, ret, err);
    else
        rc = ir_json_parse(s, text->len, path, ret, err);
    if (rc)
        return rc;
    if (!*ret)
        return ir_nomem(err);
    if (!ir_json_is_object(*ret))
        return ir_fail(err, IMGREL_EINVAL, "%s: it is not a table", path);
    return 0;
}

static int print(const ir_json *j, enum format format, ir_buf *out, imgrel_error *err)
{
    if (format == TOML)
        return ir_toml_write(j, out, err);
    if (format == YAML)
        return ir_yaml_write(j, out, err);
    int rc = ir_json_dump(j, IR_JSON_PRETTY, out, err);
    ir_buf_addc(out, '\n');
    return rc;
}

/* Nothing to merge leaves the file as it is, comments and all; nothing left in it removes it. */
static int merge_file(ir_node_files *f, const char *path, enum format format, ir_node_merger *merge,
                      unsigned flags, imgrel_error *err)
{
    IR_AUTO(ir_buf) old = IR_BUF_SECRET(IR_TOML_MAX);
    IR_AUTO(ir_buf) was = IR_BUF_SECRET(IR_TOML_MAX);
    IR_AUTO(ir_buf) now = IR_BUF_SECRET(IR_TOML_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_node_file_read(path, &old, err);
    if (rc < 0)
        return rc;
    bool there = rc == 1;
    if ((rc = parse(&old, format, path, &j, err)) || (rc = print(j, format, &was, err)))
        return rc;
    if ((rc = merge(f->node, j, err)))
        return ir_error_prefix(err, "%s", path);
    if ((rc = print(j, format, &now, err)))
        return rc;
    if (!strcmp(ir_buf_str(&was), ir_buf_str(&now)))
        return there ? ir_node_file_put(f, path, &old, flags, err) : 0;
    return ir_node_file_put(f, path, ir_json_len(j) ? &now : NULL, flags, err);
}

/* The authorities, where a runtime wants them as a file of their own; gone with the registry. */
static int put_ca(ir_node_files *f, const char *path, imgrel_error *err)
{
    const ir_node *n = f->node;
    ir_buf ca = {.p = n->ca, .len = n->ca ? strlen(n->ca) : 0};
    if (n->remove || (n->ca && !ir_node_plain(n->url)))
        return ir_node_file_put(f, path, n->remove ? NULL : &ca, 0, err);
    return 0;
}

static int put_under(ir_node_files *f, const char *dir, const char *name,
                     int (*put)(ir_node_files *f, const char *path, imgrel_error *err),
                     imgrel_error *err)
{
    char *path = ir_format("%s/%s/%s", dir, f->node->host, name);
    int rc = path ? put(f, path, err) : ir_nomem(err);
    free(path);
    return rc;
}

/* ---- containerd ------------------------------------------------------------------------------ */

/* "containerd github.com/containerd/containerd 1.6.20~ds1 ..." */
static int generation_of(const char *text)
{
    for (const char *word = text; *word; word += strcspn(word, " \n")) {
        word += strspn(word, " \nv");
        if (word[0] >= '1' && word[0] <= '9' && word[1] == '.')
            return word[0] - '0';
    }
    return 0;
}

int ir_node_generation(const ir_call *call, const ir_node *n, int *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF(IR_KIB);
    imgrel_error why = {0};
    int status = 0;
    const char *const argv[] = {"containerd", "--version", NULL};
    const ir_proc p = {.argv = argv, .out = &out, .timeout_ms = 10000};
    *ret = 0;
    if (n->containerd) {
        *ret = generation_of(n->containerd);
        if (!*ret && n->containerd[0] >= '1' && n->containerd[0] <= '9' && !n->containerd[1])
            *ret = n->containerd[0] - '0';
        return *ret ? 0
                    : ir_fail(err, IMGREL_EINVAL, "containerd \"%.40s\" is no version like 1.6",
                              n->containerd);
    }
    if (*n->root)
        return 0; /* another system's files */
    int rc = ir_proc_run(&p, call->cancel, call->deadline_ms, &status, &why);
    if (!rc && !status)
        *ret = generation_of(ir_buf_str(&out));
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ENOMEM) {
        if (err && !err->code)
            *err = why;
        return rc;
    }
    return 0;
}

static int set_path(ir_node_files *f, const char *config, const ir_buf *text, bool there,
                    const char *dir, imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF(IR_TOML_MAX);
    int rc =
        ir_containerd_set_path(there ? ir_buf_str(text) : NULL, text->len, config, dir, &out, err);
    if (!rc)
        rc = ir_node_file_put(f, config, &out, 0, err);
    if (!rc)
        rc = ir_node_note(f, "systemctl restart containerd", err,
                          "containerd reads config.toml only when it starts");
    return rc;
}

/* Where the node itself sees dir: without root. */
static const char *seen_dir(const ir_node *n, const char *dir)
{
    size_t len = strlen(n->root);
    return len && !strncmp(dir, n->root, len) && dir[len] == '/' ? dir + len : dir;
}

static int say_config(ir_node_files *f, const char *config, const ir_containerd_conf *c,
                      const char *dir, imgrel_error *err)
{
    if (c->disabled)
        return ir_node_note(f, "take \"cri\" out of disabled_plugins and restart containerd", err,
                            "%s: the CRI plugin is disabled", config);
    if (c->clash)
        return ir_node_note(f, "take registry.mirrors out of it: hosts.toml says the same", err,
                            "%s: with config_path beside registry.mirrors containerd's CRI plugin "
                            "does not start",
                            config);
    char *cure =
        ir_format("allow it to be set to %s (--set-config-path), then restart containerd", dir);
    int rc = cure ? ir_node_note(f, cure, err, "%s: config_path %s%s: containerd does not read %s",
                                 config, c->config_path ? "is " : "is not set",
                                 c->config_path ? c->config_path : "", dir)
                  : ir_nomem(err);
    free(cure);
    return rc;
}

/* Is certs.d read at all? */
static int trust_config(const ir_call *call, ir_node_files *f, const char *certs, imgrel_error *err)
{
    const ir_node *n = f->node;
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    ir_containerd_conf c = {0};
    int generation = 0;
    const char *dir = seen_dir(n, certs);
    char *config = ir_node_path(n, n->config, "/etc/containerd/config.toml");
    int rc = config ? ir_node_generation(call, n, &generation, err) : ir_nomem(err);
    if (!rc)
        rc = ir_node_file_read(config, &text, err);
    bool there = rc == 1;
    if (rc >= 0)
        rc = ir_containerd_read(there ? ir_buf_str(&text) : NULL, text.len, config, generation, &c,
                                err);
    bool reads = !rc && ir_containerd_reads(&c, dir);
    if (!rc && !reads && !c.disabled && n->set_config_path && !c.clash)
        rc = set_path(f, config, &text, there, dir, err);
    else if (!rc && (!reads || c.disabled || c.clash))
        rc = say_config(f, config, &c, dir, err);
    ir_containerd_conf_free(&c);
    free(config);
    return rc;
}

static int put_hosts_toml(ir_node_files *f, const char *path, imgrel_error *err)
{
    return merge_file(f, path, TOML, ir_node_merge_hosts, 0, err);
}

/* "h:5000" is looked for as h_5000_ first. */
static int warn_shadow(ir_node_files *f, const char *dir, imgrel_error *err)
{
    const char *host = f->node->host, *colon = strrchr(host, ':');
    if (!colon || strchr(colon, ']'))
        return 0;
    char *flat = ir_format("%s/%.*s_%s_", dir, (int)(colon - host), host, colon + 1);
    int rc = flat ? 0 : ir_nomem(err);
    if (!rc && access(flat, F_OK) == 0)
        rc = ir_node_note(f, "remove it, or move what is in it here", err,
                          "%s is there: containerd reads it instead of %s", flat, host);
    free(flat);
    return rc;
}

static int trust_containerd(const ir_call *call, ir_node_files *f, imgrel_error *err)
{
    const ir_node *n = f->node;
    char *dir = ir_node_path(n, n->dir, "/etc/containerd/certs.d");
    for (size_t len = dir ? strlen(dir) : 0; len > 1 && dir[len - 1] == '/'; len--)
        dir[len - 1] = '\0';
    int rc = dir ? put_under(f, dir, "hosts.toml", put_hosts_toml, err) : ir_nomem(err);
    if (!rc)
        rc = put_under(f, dir, "ca.crt", put_ca, err);
    if (!rc)
        rc = warn_shadow(f, dir, err);
    if (!rc && n->remove && !f->dry) {
        char *own = ir_format("%s/%s", dir, n->host);
        if (own)
            rmdir(own); /* stays when others have something in it */
        free(own);
    }
    if (!rc && !n->remove)
        rc = trust_config(call, f, dir, err);
    free(dir);
    return rc;
}

/* ---- the others ------------------------------------------------------------------------------ */

static int trust_containers(ir_node_files *f, imgrel_error *err)
{
    const ir_node *n = f->node;
    char *dir = ir_node_path(n, n->dir, "/etc/containers");
    char *path = dir ? ir_format("%s/registries.conf.d/50-imgrel-%s.conf", dir, n->host) : NULL;
    char *certs = dir ? ir_format("%s/certs.d", dir) : NULL;
    int rc =
        path && certs ? merge_file(f, path, TOML, ir_node_merge_registries, 0, err) : ir_nomem(err);
    if (!rc)
        rc = put_under(f, certs, "ca.crt", put_ca, err);
    if (!rc && f->changed)
        rc = ir_node_note(f, "systemctl reload crio", err,
                          "podman and skopeo read it at once, CRI-O when it is told to");
    free(dir);
    free(path);
    free(certs);
    return rc;
}

static int trust_docker(ir_node_files *f, imgrel_error *err)
{
    const ir_node *n = f->node;
    char *dir = ir_node_path(n, n->dir, "/etc/docker");
    char *path = n->config ? ir_strdup(n->config) : dir ? ir_format("%s/daemon.json", dir) : NULL;
    char *certs = dir ? ir_format("%s/certs.d", dir) : NULL;
    int rc = path && certs ? 0 : ir_nomem(err);
    if (!rc && strcmp(strstr(n->url, "://") + 3, n->host) != 0)
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "docker cannot be told that %s is served at %s",
                     n->host, n->url);
    if (!rc)
        rc = merge_file(f, path, JSON, ir_node_merge_docker, 0, err);
    if (!rc && f->changed)
        rc = ir_node_note(f, "systemctl reload docker", err,
                          "dockerd reads daemon.json when it is told to");
    if (!rc)
        rc = put_under(f, certs, "ca.crt", put_ca, err);
    free(dir);
    free(path);
    free(certs);
    return rc;
}

static int trust_k3s(ir_node_files *f, imgrel_error *err)
{
    const ir_node *n = f->node;
    char *dir = ir_node_path(n, n->dir, "/etc/rancher/k3s");
    char *path = dir ? ir_format("%s/registries.yaml", dir) : NULL;
    char *ca = dir ? ir_format("%s/%s.crt", dir, n->host) : NULL;
    int rc = path && ca
                 ? merge_file(f, path, YAML, ir_node_merge_k3s, n->user ? IR_NODE_SECRET : 0, err)
                 : ir_nomem(err);
    if (!rc)
        rc = put_ca(f, ca, err);
    if (!rc && f->changed)
        rc = ir_node_note(f, "systemctl restart k3s (or k3s-agent)", err,
                          "k3s reads registries.yaml only when it starts");
    free(dir);
    free(path);
    free(ca);
    return rc;
}

/* ---- the hosts file -------------------------------------------------------------------------- */

/* Whether a line names the host; comments do not. */
static bool names(const char *line, size_t len, const char *name)
{
    char *text = ir_strndup(line, len);
    IR_AUTO(ir_strv) words = {0};
    bool found = false;
    if (text) {
        text[strcspn(text, "#")] = '\0';
        for (char *s = text; *s; s++)
            *s = *s == '\t' ? ' ' : *s;
        if (!ir_strv_split(&words, text, ' '))
            for (size_t i = 1; i < words.n; i++)
                found |= !strcasecmp(words.v[i], name);
    }
    free(text);
    return found;
}

/* Lines that name the host with other names too are for people to change. */
static int write_hosts(const ir_node *n, const char *text, const char *name, ir_buf *out,
                       bool *ret_right)
{
    char *want = ir_format("%s %s", n->address, name);
    *ret_right = false;
    for (const char *line = text; want && *line;) {
        size_t len = strcspn(line, "\n"), whole = len + (line[len] == '\n');
        bool same = len == strlen(want) && !strncmp(line, want, len);
        if (!names(line, len, name))
            ir_buf_add(out, line, whole);
        else if (same && !n->remove) {
            ir_buf_add(out, line, whole);
            *ret_right = true;
        }
        line += whole;
    }
    if (out->len && out->p[out->len - 1] != '\n')
        ir_buf_addc(out, '\n');
    if (want && !*ret_right && !n->remove)
        ir_buf_addf(out, "%s\n", want);
    free(want);
    return want ? 0 : IMGREL_ENOMEM;
}

static int trust_hosts_file(ir_node_files *f, imgrel_error *err)
{
    const ir_node *n = f->node;
    IR_AUTO(ir_buf) old = IR_BUF(IR_TOML_MAX);
    IR_AUTO(ir_buf) now = IR_BUF(IR_TOML_MAX);
    bool right = false;
    if (!n->address)
        return 0;
    char *name = ir_strndup(n->host, strcspn(n->host, ":"));
    char *path = ir_node_path(n, n->hosts_file, "/etc/hosts");
    int rc = name && path ? ir_node_file_read(path, &old, err) : ir_nomem(err);
    if (rc >= 0)
        rc = write_hosts(n, ir_buf_str(&old), name, &now, &right) ? ir_nomem(err) : 0;
    if (!rc)
        rc = ir_buf_check(&now, err, path);
    if (!rc)
        rc = ir_node_file_put(f, path, &now, IR_NODE_IN_PLACE, err);
    free(name);
    free(path);
    return rc;
}

int ir_node_trust(const ir_call *call, const ir_node *n, ir_json **ret, imgrel_error *err)
{
    ir_node_files f = {.node = n, .dry = IR_DRY_RUN(call)};
    int rc = 0;
    f.files = ir_json_new_array();
    f.notes = ir_json_new_array();
    if (!strcmp(n->runtime, "containerd"))
        rc = trust_containerd(call, &f, err);
    else if (!strcmp(n->runtime, "containers"))
        rc = trust_containers(&f, err);
    else if (!strcmp(n->runtime, "docker"))
        rc = trust_docker(&f, err);
    else
        rc = trust_k3s(&f, err);
    if (!rc)
        rc = trust_hosts_file(&f, err);
    *ret = rc ? NULL
              : ir_json_pack("{s:s, s:s, s:O, s:O}", "host", n->host, "result",
                             !f.changed ? "unchanged"
                             : f.dry    ? "would"
                                        : "changed",
                             "files", f.files, "notes", f.notes);
    ir_json_free(f.files);
    ir_json_free(f.notes);
    return !rc && !*ret ? ir_nomem(err) : rc;
}
