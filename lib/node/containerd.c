/* containerd.c - whether containerd reads certs.d at all: config.toml, its key config_path, and
 * what it cannot stand beside it. The key is set in the text itself, so that comments stay. */
#include "node/node.h"

#include "base/limits.h"
#include "fmt/toml.h"

#include <stdlib.h>

#define DEFAULT_2 "/etc/containerd/certs.d:/etc/docker/certs.d"
#define CRI_2 "io.containerd.grpc.v1.cri"
#define CRI_3 "io.containerd.cri.v1.images"

/* The table that has config_path: by the version of the file. */
static const char *plugin_of(int64_t version)
{
    return version >= 3 ? CRI_3 : version == 2 ? CRI_2 : "cri";
}

static ir_json *registry_of(const ir_json *doc, int64_t version)
{
    return ir_json_get(ir_json_get(ir_json_get(doc, "plugins"), plugin_of(version)), "registry");
}

static bool is_disabled(const ir_json *doc)
{
    const ir_json *list = ir_json_get(doc, "disabled_plugins");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *s = ir_json_text(ir_json_at(list, i));
        if (ir_streq(s, "cri") || ir_streq(s, CRI_2) || ir_streq(s, CRI_3))
            return true;
    }
    return false;
}

static int parse(const char *text, size_t len, const char *name, ir_json **ret, imgrel_error *err)
{
    *ret = NULL;
    if (!text)
        return (*ret = ir_json_new_object()) ? 0 : ir_nomem(err);
    return ir_toml_parse(text, len, name, ret, err);
}

int ir_containerd_read(const char *text, size_t len, const char *name, int generation,
                       ir_containerd_conf *ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) doc = NULL;
    int rc = parse(text, len, name, &doc, err);
    *ret = (ir_containerd_conf){0};
    if (rc)
        return rc;
    ret->version = text && ir_json_len(doc) ? ir_json_int(doc, "version", 1) : 0;
    ret->generation = generation ? generation : ret->version >= 3 ? 2 : 1;
    const ir_json *registry = registry_of(doc, ret->version ? ret->version : 2);
    const char *path = ir_json_str(registry, "config_path");
    ret->written = path != NULL;
    if (!path && ret->generation >= 2)
        path = DEFAULT_2;
    ret->clash = ret->written && *path && ir_json_len(ir_json_get(registry, "mirrors"));
    ret->disabled = is_disabled(doc);
    if (path && *path && !(ret->config_path = ir_strdup(path)))
        return ir_nomem(err);
    return 0;
}

void ir_containerd_conf_free(ir_containerd_conf *c)
{
    free(c->config_path);
    *c = (ir_containerd_conf){0};
}

bool ir_containerd_reads(const ir_containerd_conf *c, const char *dir)
{
    IR_AUTO(ir_strv) dirs = {0};
    if (!c->config_path || ir_strv_split(&dirs, c->config_path, ':'))
        return false;
    for (size_t i = 0; i < dirs.n; i++) {
        size_t len = strlen(dirs.v[i]);
        while (len > 1 && dirs.v[i][len - 1] == '/')
            dirs.v[i][--len] = '\0';
    }
    return ir_strv_has(&dirs, dir);
}

/* ---- setting it ------------------------------------------------------------------------------ */

/* Whether a line is the header of that table, however its keys are quoted. */
static bool is_header(const char *line, size_t len, int64_t version)
{
    const char *plugin = plugin_of(version);
    char *text = ir_strndup(line, len);
    IR_AUTO(ir_json_p) doc = NULL;
    size_t blank = text ? strspn(text, " \t") : 0;
    bool found = text && text[blank] == '[' && text[blank + 1] != '[' &&
                 !ir_toml_parse(text, len, "", &doc, NULL);
    free(text);
    const ir_json *registry = registry_of(doc, version);
    return found && plugin && ir_json_is_object(registry) && !ir_json_len(registry);
}

static bool is_key(const char *line, size_t len)
{
    static const char key[] = "config_path";
    size_t blank = strspn(line, " \t");
    if (len < blank + sizeof key || strncmp(line + blank, key, sizeof key - 1) != 0)
        return false;
    line += blank + sizeof key - 1;
    return line[strspn(line, " \t")] == '=';
}

static void put_key(ir_buf *out, const char *dir)
{
    ir_buf_addf(out, "  config_path = \"%s\"\n", dir);
}

/* Copies the text line by line; the key goes where it was, else right under its table's header. */
static bool copy_lines(const char *text, int64_t version, const char *dir, ir_buf *out)
{
    size_t at = 0; /* in out: behind the header; 0: none yet */
    bool inside = false, done = false;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        const char *next = line + len + (line[len] == '\n');
        size_t blank = strspn(line, " \t");
        if (line[blank] == '[')
            inside = is_header(line, len, version);
        if (inside && !done && is_key(line, len)) {
            put_key(out, dir);
            done = true;
        } else {
            ir_buf_add(out, line, (size_t)(next - line));
            if (inside && !at && line[blank] == '[')
                at = out->len;
        }
        line = next;
    }
    if (done || !at)
        return done;
    IR_AUTO(ir_buf) rest = IR_BUF(IR_TOML_MAX);
    ir_buf_adds(&rest, ir_buf_str(out) + at);
    ir_buf_truncate(out, at);
    put_key(out, dir);
    ir_buf_add(out, ir_buf_str(&rest), rest.len);
    return !rest.bad;
}

/* What is new must be the key and nothing else. */
static int check_text(const ir_json *old, const ir_buf *out, int64_t version, const char *name,
                      const char *dir, imgrel_error *err)
{
    IR_AUTO(ir_json_p) now = NULL, was = ir_json_copy(old);
    imgrel_error why = {0};
    int rc = ir_toml_parse(ir_buf_str(out), out->len, name, &now, &why);
    ir_json *registry = registry_of(now, version);
    bool right = !rc && ir_streq(ir_json_str(registry, "config_path"), dir);
    ir_json_remove(registry, "config_path");
    ir_json_remove(registry_of(was, version), "config_path");
    if (right && !registry_of(was, version)) {
        ir_json *plugin = ir_json_get(ir_json_get(now, "plugins"), plugin_of(version));
        ir_json_remove(plugin, "registry");
        if (!ir_json_get(ir_json_get(was, "plugins"), plugin_of(version)))
            ir_json_remove(ir_json_get(now, "plugins"), plugin_of(version));
        if (!ir_json_get(was, "plugins"))
            ir_json_remove(now, "plugins");
        if (!ir_json_get(was, "version"))
            ir_json_remove(now, "version");
    }
    if (right && ir_json_equal(was, now))
        return 0;
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: config_path cannot be set without changing more", name);
    return ir_cure(err, "set it by hand: [plugins.\"%s\".registry] config_path = \"%s\"",
                   plugin_of(version), dir),
           IMGREL_EUNSUPPORTED;
}

int ir_containerd_set_path(const char *text, size_t len, const char *name, const char *dir,
                           ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p) old = NULL;
    int rc = parse(text, len, name, &old, err);
    if (rc)
        return rc;
    bool empty = !ir_json_len(old);
    int64_t version = empty ? 2 : ir_json_int(old, "version", 1);
    if (version < 2 || version > 4) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: it is of version %lld", name, (long long)version);
        return ir_cure(err, "migrate it: containerd config migrate"), IMGREL_EUNSUPPORTED;
    }
    if (strpbrk(dir, "\"\\\n"))
        return ir_fail(err, IMGREL_EINVAL, "\"%.200s\" cannot be a config_path", dir);
    if (!copy_lines(text ? text : "", version, dir, out)) {
        if (out->len && out->p[out->len - 1] != '\n')
            ir_buf_addc(out, '\n');
        if (empty)
            ir_buf_adds(out, "version = 2\n");
        ir_buf_addf(out, "\n[plugins.\"%s\".registry]\n", plugin_of(version));
        put_key(out, dir);
    }
    if ((rc = ir_buf_check(out, err, name)))
        return rc;
    return check_text(old, out, version, name, dir, err);
}
