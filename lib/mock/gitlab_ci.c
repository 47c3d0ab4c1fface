/* gitlab_ci.c - as much of .gitlab-ci.yml as the mock understands: jobs with a script, their tags,
 * and rules that look at the name of a tag. */
#include "mock/gitlab.h"

#include "fmt/yaml.h"

#include <regex.h>
#include <stdlib.h>

static const char *const reserved[] = {"stages",   "variables",     "default",
                                       "workflow", "include",       "image",
                                       "cache",    "before_script", NULL};

static bool is_job(const char *name)
{
    for (const char *const *r = reserved; *r; r++)
        if (ir_streq(*r, name))
            return false;
    return *name != '.';
}

/* RE2's \d in the words of POSIX. */
static char *posix(const char *s, size_t len)
{
    ir_buf b = IR_BUF(4096);
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\\' && i + 1 < len && s[i + 1] == 'd') {
            ir_buf_adds(&b, "[0-9]");
            i++;
        } else {
            ir_buf_addc(&b, s[i]);
        }
    char *text = ir_buf_take(&b);
    ir_buf_free(&b);
    return text;
}

/* "$CI_COMMIT_TAG" or "$CI_COMMIT_TAG =~ /.../"; nothing else is true here. */
static bool holds(const char *rule, const char *tag)
{
    static const char name[] = "$CI_COMMIT_TAG";
    regex_t re;
    if (!ir_starts(rule, name) || !*tag)
        return false;
    const char *slash = strchr(rule, '/'), *end = slash ? strrchr(rule, '/') : NULL;
    if (!slash)
        return !rule[sizeof name - 1];
    char *text = posix(slash + 1, (size_t)(end - slash) - 1);
    bool good = text && !regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
    free(text);
    if (!good)
        return false;
    bool yes = !regexec(&re, tag, 0, NULL, 0);
    regfree(&re);
    return yes;
}

static bool runs(const ir_json *job, const char *tag)
{
    const ir_json *rules = ir_json_get(job, "rules");
    bool any = !rules || !*tag;
    for (size_t i = 0; i < ir_json_len(rules) && !any; i++) {
        const char *rule = ir_json_str(ir_json_at(rules, i), "if");
        any = !rule || holds(rule, tag);
    }
    return any;
}

static void say(ir_json *errors, const char *fmt, ...) IR_PRINTF(2, 3);
static void say(ir_json *errors, const char *fmt, ...)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_ERROR_BODY_MAX);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    ir_json_append(errors, ir_json_new_string(ir_buf_str(&b)));
}

static ir_json *read_jobs(const ir_json *root, const char *tag, ir_json *errors)
{
    ir_json *jobs = ir_json_new_array();
    size_t n = 0;
    for (void *it = ir_json_first(root); it; it = ir_json_next(root, it)) {
        const char *name = ir_json_key(it), *stage = ir_json_str(ir_json_value(it), "stage");
        const ir_json *job = ir_json_value(it), *tags = ir_json_get(job, "tags");
        if (!is_job(name))
            continue;
        n++;
        if (!ir_json_get(job, "script"))
            say(errors, "jobs:%s config should implement the script:, run:, or trigger: keyword",
                name);
        else if (runs(job, tag))
            ir_json_append(jobs, ir_json_pack("{s:s, s:s, s:o}", "name", name, "stage",
                                              stage ? stage : "test", "tag_list",
                                              tags ? ir_json_copy(tags) : ir_json_new_array()));
    }
    if (!n)
        say(errors, "jobs config should contain at least one visible job");
    return jobs;
}

ir_json *gl_ci_jobs(const char *text, const char *tag, ir_json *errors)
{
    imgrel_error why = {0};
    ir_yaml *y = NULL;
    if (ir_yaml_parse(text, strlen(text), "(<unknown>)", &y, &why)) {
        say(errors, "%s", why.message);
        return NULL;
    }
    ir_json *jobs = read_jobs(ir_yaml_root(y), tag, errors);
    ir_yaml_free(y);
    if (!ir_json_len(errors))
        return jobs;
    ir_json_free(jobs);
    return NULL;
}
