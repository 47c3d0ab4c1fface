/* release_gitlab.c - what a release file says of GitLab: which project, what its pipeline is made
 * from, and which of its variables hold the push robot's login. */
#include "run/release_impl.h"
#include "run/release_map.h"
#include "run/release.h"
#include "run/release_rules.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"
#ifdef IR_ENABLE_GITLAB
#include "gitlab/gitlab.h"
#endif

#include <stdlib.h>

#define VARIABLE "HARBOR_CONFIG"

static const char *variable_rule(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n && !s[n] && n < 256 && (*s < '0' || *s > '9') ? NULL
                                                           : "a variable has letters, digits and _";
}

#define TEXT(key, field, rule)                               \
    {                                                        \
        key, STRING, offsetof(ir_rel_gitlab, field), 0, rule \
    }
static const ir_rel_key gitlab_keys[] = {
    {"url", STRING, offsetof(ir_rel_gitlab, url), REQUIRED, ir_rel_url_rule},
    {"project", STRING, offsetof(ir_rel_gitlab, project), REQUIRED, NULL},
    TEXT("token_file", token_file, NULL),
    TEXT("variable", variable, variable_rule),
    TEXT("user_variable", user_variable, variable_rule),
    TEXT("secret_variable", secret_variable, variable_rule),
    {"runner_tags", LIST, offsetof(ir_rel_gitlab, runner_tags), 0, NULL},
    TEXT("builder", builder, NULL),
    TEXT("context", context, NULL),
    TEXT("dockerfile", dockerfile, NULL),
    TEXT("target", target, NULL),
    {"build_args", MAP, offsetof(ir_rel_gitlab, build_args), 0, NULL},
    TEXT("tag_pattern", pattern, NULL),
    TEXT("push_url", push_url, ir_rel_url_rule),
    TEXT("registry", registry, NULL),
    {"latest", BOOL, offsetof(ir_rel_gitlab, latest), 0, NULL},
    {NULL, STRING, 0, 0, NULL},
};

#define PLACE(key, field, rule)                                       \
    {                                                                 \
        key, STRING, offsetof(ir_rel_delivery_gitlab, field), 0, rule \
    }
static const ir_rel_key delivery_keys[] = {
    PLACE("url", url, ir_rel_url_rule),
    PLACE("project", project, NULL),
    PLACE("token_file", token_file, NULL),
    PLACE("variable", variable, variable_rule),
    PLACE("user_variable", user_variable, variable_rule),
    PLACE("secret_variable", secret_variable, variable_rule),
    {NULL, STRING, 0, 0, NULL},
};

/* Either a file, or a name and a secret. */
static int check_variables(const ir_rel_file *f, const ir_json *map, const char *file,
                           const char *user, const char *secret, imgrel_error *err)
{
    if (file ? !user && !secret : user && secret && !ir_streq(user, secret))
        return 0;
    return ir_yaml_fail(f->yaml, map, NULL, err,
                        "gitlab: \"variable\" (of type file) or both of \"user_variable\" and "
                        "\"secret_variable\"");
}

static int check_words(const ir_rel_file *f, const ir_json *map, imgrel_error *err)
{
    const ir_json *tags = f->gitlab.runner_tags, *args = f->gitlab.build_args;
    for (size_t i = 0; i < ir_json_len(tags); i++)
        if (!ir_json_is_string(ir_json_at(tags, i)) || !*ir_json_text(ir_json_at(tags, i)))
            return ir_yaml_fail(f->yaml, tags, NULL, err, "runner_tags: a list of words");
    for (void *it = ir_json_first(args); it; it = ir_json_next(args, it))
        if (!ir_json_is_string(ir_json_value(it)))
            return ir_yaml_fail(f->yaml, args, ir_json_key(it), err,
                                "build_args: values are texts: put it in quotes");
    return f->gitlab.context && strchr(f->gitlab.context, '\n')
               ? ir_yaml_fail(f->yaml, map, "context", err, "context: one line")
               : 0;
}

int ir_rel_gitlab_read(ir_rel_file *f, const ir_json *map, imgrel_error *err)
{
    ir_rel_gitlab *g = &f->gitlab;
    *g = (ir_rel_gitlab){.latest = true};
    int rc = ir_rel_map_read(f->yaml, map, gitlab_keys, "gitlab", g, err);
    if (!rc && !g->variable && !g->user_variable && !g->secret_variable)
        g->variable = VARIABLE;
    if (!rc)
        rc = check_variables(f, map, g->variable, g->user_variable, g->secret_variable, err);
    if (!rc)
        rc = check_words(f, map, err);
    while (!rc && g->registry && g->registry_at < f->n_registries &&
           !ir_streq(f->registries[g->registry_at].name, g->registry))
        g->registry_at++;
    if (!rc && g->registry_at == f->n_registries)
        rc = ir_yaml_fail(f->yaml, map, "registry", err, "no registry is called \"%s\"",
                          g->registry);
    f->has_gitlab = !rc;
    return rc;
}

int ir_rel_delivery_gitlab_read(const ir_rel_file *f, const ir_json *map,
                                ir_rel_delivery_gitlab *ret, imgrel_error *err)
{
    *ret = (ir_rel_delivery_gitlab){0};
    int rc = ir_rel_map_read(f->yaml, map, delivery_keys, "gitlab", ret, err);
    if (rc)
        return rc;
    ret->url = ret->url ? ret->url : f->gitlab.url;
    ret->project = ret->project ? ret->project : f->gitlab.project;
    ret->token_file = ret->token_file ? ret->token_file : f->gitlab.token_file;
    if (!ret->variable && !ret->user_variable && !ret->secret_variable) {
        ret->variable = f->gitlab.variable;
        ret->user_variable = f->gitlab.user_variable;
        ret->secret_variable = f->gitlab.secret_variable;
    }
    if (!ret->url || !ret->project || !ret->token_file)
        return ir_yaml_fail(f->yaml, map, NULL, err,
                            "gitlab lacks \"%s\", here and in the file's own \"gitlab\"",
                            !ret->url       ? "url"
                            : !ret->project ? "project"
                                            : "token_file");
    return check_variables(f, map, ret->variable, ret->user_variable, ret->secret_variable, err);
}

int ir_rel_push_host(const ir_rel_file *f, char **ret, bool *ret_plain, imgrel_error *err)
{
    const ir_rel_registry *r = &f->registries[f->gitlab.registry_at];
    const char *url = f->gitlab.push_url ? f->gitlab.push_url : r->url;
    IR_AUTO(ir_url) u = {0};
    *ret = NULL;
    int rc = url ? ir_url_parse(url, &u, err) : 0;
    *ret_plain = u.scheme && ir_streq(u.scheme, "http");
    if (!rc && f->gitlab.push_url) {
        char *origin = ir_url_origin(&u);
        *ret = origin ? ir_strdup(strstr(origin, "//") + 2) : NULL;
        free(origin);
    } else if (!rc) {
        *ret = ir_strdup(r->host);
    }
    return !rc && !*ret ? ir_nomem(err) : rc;
}

#ifdef IR_ENABLE_GITLAB
static int read_ca(const ir_release *r, ir_buf *out, imgrel_error *err)
{
    const ir_rel_registry *registry = &r->file.registries[r->file.gitlab.registry_at];
    if (!registry->ca_file)
        return 0;
    char *path = ir_path_join(r->dir, registry->ca_file);
    int rc = path ? ir_file_read(path, out, err) : ir_nomem(err);
    free(path);
    return rc;
}

/* The pipeline's text. */
static int write_ci(const ir_release *r, const char *host, bool plain, ir_buf *out,
                    imgrel_error *err)
{
    IR_AUTO(ir_buf) ca = IR_BUF(IR_AUTH_FILE_MAX);
    const ir_rel_gitlab *g = &r->file.gitlab;
    char *repository = ir_format("%s/%s", r->file.project, r->file.app);
    int rc = repository ? read_ca(r, &ca, err) : ir_nomem(err);
    ir_gitlab_ci ci = {.name = "the release file",
                       .image = g->builder,
                       .host = host,
                       .repository = repository,
                       .plain_http = plain,
                       .ca_pem = ca.len ? ir_buf_str(&ca) : NULL,
                       .platforms = r->file.platforms,
                       .runner_tags = g->runner_tags,
                       .pattern = g->pattern,
                       .variable = g->variable,
                       .user_variable = g->user_variable,
                       .secret_variable = g->secret_variable,
                       .context = g->context,
                       .dockerfile = g->dockerfile,
                       .target = g->target,
                       .build_args = g->build_args,
                       .latest = g->latest};
    if (!rc)
        rc = ir_gitlab_ci_write(&ci, out, err);
    free(repository);
    return rc;
}

static int describe(const ir_release *r, const char *host, const char *ci, ir_json **ret,
                    imgrel_error *err)
{
    const ir_rel_gitlab *g = &r->file.gitlab;
    char *token = g->token_file ? ir_path_join(r->dir, g->token_file) : NULL;
    if (g->token_file && !token)
        return ir_nomem(err);
    *ret = ir_json_pack("{s:s, s:s, s:s*, s:o, s:s*, s:s*, s:s*, s:s, s:s}", "url", g->url,
                        "project", g->project, "token_file", token, "runner_tags",
                        g->runner_tags ? ir_json_copy(g->runner_tags) : ir_json_new_array(),
                        "variable", g->variable, "user_variable", g->user_variable,
                        "secret_variable", g->secret_variable, "host", host, "ci", ci);
    free(token);
    return *ret ? 0 : ir_nomem(err);
}

int ir_release_gitlab(const ir_release *r, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) ci = IR_BUF(IR_YAML_MAX);
    char *host = NULL;
    bool plain = false;
    *ret = NULL;
    if (!r->file.has_gitlab) {
        ir_fail(err, IMGREL_ENOTFOUND, "the release file names no GitLab");
        return ir_cure(err, "add gitlab: {url: ..., project: ..., token_file: ...}"),
               IMGREL_ENOTFOUND;
    }
    int rc = ir_rel_push_host(&r->file, &host, &plain, err);
    if (!rc)
        rc = write_ci(r, host, plain, &ci, err);
    if (!rc)
        rc = describe(r, host, ir_buf_str(&ci), ret, err);
    free(host);
    return rc;
}
#else
int ir_release_gitlab(const ir_release *r, ir_json **ret, imgrel_error *err)
{
    (void)r;
    *ret = NULL;
    return ir_fail(err, IMGREL_EUNSUPPORTED, "this library was built without GitLab");
}
#endif
