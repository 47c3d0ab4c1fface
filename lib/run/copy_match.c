/* copy_match.c - which names are meant. Patterns are the caller's own; the names are a server's,
 * but short, so that no expression takes long. */
#include "run/copy_match.h"
#include "base/str.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>

#define PATTERNS_MAX 256

struct ir_pattern {
    char *glob; /* NULL: the expression */
    regex_t re;
};

static int compile(const char *pattern, ir_pattern *ret, imgrel_error *err)
{
    char why[128];
    char *text = ir_strndup(pattern + 1, strlen(pattern) - 2);
    if (!text)
        return ir_nomem(err);
    int bad = regcomp(&ret->re, text, REG_EXTENDED | REG_NOSUB);
    free(text);
    if (!bad)
        return 0;
    regerror(bad, &ret->re, why, sizeof why);
    return ir_fail(err, IMGREL_EINVAL, "%.200s: %s", pattern, why);
}

static int make(const char *pattern, ir_pattern *ret, imgrel_error *err)
{
    *ret = (ir_pattern){.glob = NULL};
    size_t len = strlen(pattern);
    if (!len)
        return ir_fail(err, IMGREL_EINVAL, "a pattern is empty");
    if (pattern[0] == '/' && (len < 3 || pattern[len - 1] != '/'))
        return ir_fail(err, IMGREL_EINVAL, "%.200s: an expression ends with a slash too", pattern);
    if (pattern[0] == '/')
        return compile(pattern, ret, err);
    ret->glob = ir_strdup(pattern);
    return ret->glob ? 0 : ir_nomem(err);
}

static int add(ir_pattern **list, size_t *n, const char *pattern, imgrel_error *err)
{
    if (*n >= PATTERNS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "more than %d patterns", PATTERNS_MAX);
    ir_pattern *v = realloc(*list, (*n + 1) * sizeof *v);
    if (!v)
        return ir_nomem(err);
    *list = v;
    int rc = make(pattern, &v[*n], err);
    *n += rc == 0;
    return rc;
}

int ir_match_include(ir_match *m, const char *pattern, imgrel_error *err)
{
    return add(&m->include, &m->n_include, pattern, err);
}

int ir_match_exclude(ir_match *m, const char *pattern, imgrel_error *err)
{
    return add(&m->exclude, &m->n_exclude, pattern, err);
}

int ir_match_range(ir_match *m, const char *range, imgrel_error *err)
{
    int rc = ir_range_parse(range, &m->range, err);
    m->has_range = rc == 0;
    return rc;
}

static bool any(const ir_pattern *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].glob ? !fnmatch(list[i].glob, name, 0)
                         : !regexec(&list[i].re, name, 0, NULL, 0))
            return true;
    return false;
}

bool ir_match_name(const ir_match *m, const char *name)
{
    ir_version v;
    if (m->n_include && !any(m->include, m->n_include, name))
        return false;
    if (any(m->exclude, m->n_exclude, name))
        return false;
    return !m->has_range || (ir_version_parse(name, &v) && ir_range_has(&m->range, &v));
}

static void free_list(ir_pattern *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!list[i].glob)
            regfree(&list[i].re);
        free(list[i].glob);
    }
    free(list);
}

void ir_match_free(ir_match *m)
{
    free_list(m->include, m->n_include);
    free_list(m->exclude, m->n_exclude);
    *m = (ir_match){.include = NULL};
}
