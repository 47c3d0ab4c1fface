/* release_rules.c - what the strings of a release file may be: a function each, which says what is
 * wrong. */
#include "run/release_rules.h"

#include "base/str.h"
#include "run/release_impl.h"

#include <stdlib.h>

bool ir_rel_version_ok(const char *s)
{
    s += *s == 'v';
    for (int part = 0; part < 3; part++) {
        size_t n = strspn(s, "0123456789");
        if (!n || n > 18 || (n > 1 && *s == '0'))
            return false;
        s += n;
        if (part < 2 && *s++ != '.')
            return false;
    }
    if (*s == '-' && s[1] && s[1] != '.' && !ir_ends(s, ".") && !strstr(s, ".."))
        return !s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-")] &&
               strlen(s) < 100;
    return !*s;
}

const char *ir_rel_version_rule(const char *s)
{
    return ir_rel_version_ok(s) ? NULL : "not a semantic version like 1.0.0 or 1.0.0-rc.1";
}

static bool is_label(const char *s, size_t max)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n && !s[n] && n <= max && *s != '-' && s[n - 1] != '-';
}

const char *ir_rel_label_rule(const char *s)
{
    return is_label(s, 63) ? NULL : "only a-z, 0-9 and - (not at the ends), at most 63";
}

const char *ir_rel_name_rule(const char *s)
{
    imgrel_error err = {0};
    return !strchr(s, '/') && !ir_repository_check(s, &err)
               ? NULL
               : "only a-z, 0-9 and single . _ - between them";
}

const char *ir_rel_host_rule(const char *s)
{
    return ir_host_check(s, NULL) ? "not a host[:port]; write what image names begin with" : NULL;
}

/* Out of memory breaks no rule: who uses the text will tell. */
const char *ir_rel_url_rule(const char *s)
{
    IR_AUTO(ir_url) u = {0};
    if (ir_url_parse(s, &u, NULL) == IMGREL_EINVAL)
        return "not a URL like https://harbor.example.org";
    return u.user ? "a URL must hold no login" : NULL;
}

const char *ir_rel_ref_rule(const char *s)
{
    IR_AUTO(ir_ref) ref = {0};
    return ir_ref_parse(s, &ref, NULL) == IMGREL_EINVAL
               ? "not a reference like harbor.lan/library/nginx:1.22"
               : NULL;
}

const char *ir_rel_api_rule(const char *s)
{
    return strcmp(s, "imgrel/v1") ? "only imgrel/v1 is known" : NULL;
}

const char *ir_rel_absolute_rule(const char *s)
{
    return *s == '/' ? NULL : "a place in the image must begin with /";
}

int64_t ir_rel_seconds(const char *s)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    unsigned long long n = 0;
    char *digits = ir_strndup(s, strspn(s, "0123456789"));
    bool number = digits && ir_parse_u64(digits, 100000, &n);
    const char *unit = s + strspn(s, "0123456789");
    free(digits);
    for (size_t i = 0; number && i < sizeof units / sizeof *units; i++)
        if (*unit == units[i].unit && !unit[1])
            return (int64_t)n * units[i].seconds;
    return -1;
}

const char *ir_rel_duration_rule(const char *s)
{
    return ir_rel_seconds(s) < 0 ? "a time like 30m, 12h or 7d" : NULL;
}

const char *ir_rel_platform_rule(const char *s)
{
    ir_platform p;
    return ir_platform_parse(s, &p, NULL) ? "not a platform like linux/amd64" : NULL;
}

const char *ir_rel_severity_rule(const char *s)
{
    static const char *const levels[] = {"none", "low", "medium", "high", "critical"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcmp(s, levels[i]))
            return NULL;
    return "not none, low, medium, high or critical";
}
