/* expand.c - what becomes of a variable's value on its way to a job. GitLab replaces the variables
 * that it knows and leaves the others; then the runner expands what is left once, by the rules of
 * Go's os.Expand, unless the variable is raw: $$ and ${...} among them, and $ before a sign that
 * can't begin a name is lost with it. */
#include "gitlab/inside.h"

#include <ctype.h>

#define SPECIAL "*#$@!?-0123456789" /* Go's isShellSpecialVar: a name of one sign */

static bool is_name(char c)
{
    return c == '_' || (isalnum((unsigned char)c) && (unsigned char)c < 128);
}

/* What follows a $: the length of it all, and the name in it (n 0: there is none). */
static size_t read_name(const char *s, const char **ret, size_t *ret_n)
{
    *ret = s;
    *ret_n = 0;
    if (*s == '{') {
        size_t n = strcspn(s, "}");
        if (!s[n])
            return 1; /* "${" without an end: Go eats the brace */
        *ret = s + 1;
        *ret_n = n - 1;
        return n + 1;
    }
    if (*s && strchr(SPECIAL, *s))
        *ret_n = 1;
    else
        while (is_name(s[*ret_n]))
            ++*ret_n;
    return *ret_n;
}

void ir_gitlab_expand(const char *value, ir_buf *out, ir_json *names)
{
    while (*value) {
        size_t plain = strcspn(value, "$");
        const char *name = NULL;
        size_t n = 0;
        ir_buf_add(out, value, plain);
        value += plain;
        if (!*value)
            break;
        size_t len = read_name(++value, &name, &n);
        if (!len) {
            ir_buf_addc(out, '$'); /* nothing that could be a name follows: it stays */
            continue;
        }
        if (n == 1 && *name == '$')
            ir_buf_addc(out, '$'); /* $$ is a $ for the runner */
        char *text = names && n ? ir_strndup(name, n) : NULL;
        if (text)
            (void)ir_json_append(names, ir_json_new_string(text));
        imgrel_free(text);
        value += len;
    }
}

const char *ir_gitlab_mask_rule(const char *value, bool raw)
{
    size_t n = strlen(value);
    if (n < 8)
        return "it is shorter than 8 characters";
    for (size_t i = 0; i < n; i++)
        if (isspace((unsigned char)value[i]))
            return "it has a blank or a line end in it";
    for (size_t i = 0; !raw && i < n; i++)
        if (!is_name(value[i]) && !strchr("+=/@:.~-", value[i]))
            return "without raw only letters, digits and _+=/@:.~- can be masked";
    return NULL;
}

/* {"value", "raw"} of somebody's own, else what the project has under that key. */
int ir_gitlab_do_expand(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                        ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) there = NULL;
    IR_AUTO(ir_json_p) names = ir_json_new_array();
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(IR_API_BODY_MAX);
    const char *value = ir_json_str(spec, "value");
    int rc = value ? 0 : ir_gitlab_get(call, g, "variable", key, &there, err);
    if (rc)
        return rc;
    if (!value && !(value = ir_json_str(there, "value"))) {
        ir_fail(err, IMGREL_EDENIED, "%s: variable %s: its value is hidden", g->host, key);
        return ir_cure(err, "give the value to look at"), IMGREL_EDENIED;
    }
    bool raw = ir_json_bool(spec, "raw", ir_json_bool(there, "raw", false));
    ir_gitlab_expand(value, &out, names);
    const char *becomes = raw ? value : ir_buf_str(&out), *why = ir_gitlab_mask_rule(value, raw);
    rc = ir_buf_check(&out, err, "value");
    if (!rc && !(*ret = ir_json_pack("{s:b, s:s, s:b, s:O, s:b, s:s}", "raw", raw, "becomes",
                                     becomes, "intact", ir_streq(becomes, value), "names", names,
                                     "maskable", !why, "why", why ? why : "")))
        rc = ir_nomem(err);
    return rc;
}
