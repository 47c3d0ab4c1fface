/* platform.c - platforms as containerd normalises them, so that what people write and what indexes
 * hold compare. */
#include "fmt/platform.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/utsname.h>

static const struct {
    const char *from, *arch, *variant; /* variant NULL: as given */
} aliases[] = {
    {"x86_64", "amd64", NULL},
    {"x86-64", "amd64", NULL},
    {"i386", "386", NULL},
    {"i486", "386", NULL},
    {"i586", "386", NULL},
    {"i686", "386", NULL},
    {"aarch64", "arm64", NULL},
    {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},
    {"armv7l", "arm", "v7"},
    {"armv6l", "arm", "v6"},
    {"armv8l", "arm", "v8"},
    {"loongarch64", "loong64", NULL},
};

/* dst becomes "" for what is NULL or does not fit; lower case. */
static void set_part(char *dst, size_t len, const char *s)
{
    dst[0] = '\0';
    if (!s || strlen(s) >= len)
        return;
    for (size_t i = 0; i <= strlen(s); i++)
        dst[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
}

static void replace_part(char *dst, const char *s)
{
    memcpy(dst, s, strlen(s) + 1); /* s: a short literal of ours */
}

static void normalise_arch(ir_platform *p)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(p->arch, aliases[i].from))
            continue;
        replace_part(p->arch, aliases[i].arch);
        if (aliases[i].variant && !p->variant[0])
            replace_part(p->variant, aliases[i].variant);
        return;
    }
}

static void normalise_variant(ir_platform *p)
{
    char *v = p->variant;
    if (!strcmp(p->arch, "arm64") && (!strcmp(v, "8") || !strcmp(v, "v8") || !strcmp(v, "v8.0")))
        v[0] = '\0';
    if (!strcmp(p->arch, "amd64") && !strcmp(v, "v1"))
        v[0] = '\0';
    if (!strcmp(p->arch, "arm") && v[0] >= '5' && v[0] <= '8' && !v[1]) {
        v[1] = v[0];
        v[0] = 'v';
        v[2] = '\0';
    }
    if (!strcmp(p->arch, "arm") && !v[0])
        replace_part(v, "v7");
}

void ir_platform_set(ir_platform *ret, const char *os, const char *arch, const char *variant,
                     const char *os_version)
{
    set_part(ret->os, sizeof ret->os, os);
    set_part(ret->arch, sizeof ret->arch, arch);
    set_part(ret->variant, sizeof ret->variant, variant);
    set_part(ret->os_version, sizeof ret->os_version, os_version);
    if (!strcmp(ret->os, "macos"))
        replace_part(ret->os, "darwin");
    normalise_arch(ret);
    normalise_variant(ret);
}

void ir_platform_host(ir_platform *ret)
{
    struct utsname u;
    memset(ret, 0, sizeof *ret);
    if (!uname(&u))
        ir_platform_set(ret, u.sysname, u.machine, NULL, NULL);
}

static bool is_word(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!ir_is_lower_alnum((char)(s[i] | 0x20)) && !strchr("._-", s[i]))
            return false;
    return len > 0 && len < 32;
}

int ir_platform_parse(const char *text, ir_platform *ret, imgrel_error *err)
{
    char part[3][32] = {"", "", ""};
    const char *at = text;
    memset(ret, 0, sizeof *ret);
    if (!strcmp(text, "local"))
        return ir_platform_host(ret), 0;
    for (size_t n = 0; n < 3; n++) {
        size_t len = strcspn(at, "/");
        if (!is_word(at, len))
            break;
        memcpy(part[n], at, len);
        at += len;
        if (!*at && n > 0)
            return ir_platform_set(ret, part[0], part[1], part[2], NULL), 0;
        if (*at)
            at++;
    }
    return ir_fail(err, IMGREL_EINVAL,
                   "platform \"%.100s\": not of the form os/architecture[/variant]", text);
}

bool ir_platform_equal(const ir_platform *a, const ir_platform *b)
{
    return !strcmp(a->os, b->os) && !strcmp(a->arch, b->arch) && !strcmp(a->variant, b->variant);
}

bool ir_platform_match(const ir_platform *want, const ir_platform *have)
{
    return ir_platform_equal(want, have) &&
           (!want->os_version[0] || !strcmp(want->os_version, have->os_version));
}

bool ir_platform_unknown(const ir_platform *p)
{
    return !strcmp(p->os, "unknown") && !strcmp(p->arch, "unknown");
}

const char *ir_platform_str(const ir_platform *p, char ret[128])
{
    snprintf(ret, 128, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
    return ret;
}

int ir_platform_list(const char *text, ir_platform **ret_v, size_t *ret_n, imgrel_error *err)
{
    ir_strv items = {0};
    ir_platform *v = NULL;
    int rc = 0;
    *ret_v = NULL;
    *ret_n = 0;
    if (ir_strv_split(&items, text, ',') || !(v = calloc(items.n + 1, sizeof *v)))
        rc = ir_nomem(err);
    else if (items.n == 0)
        rc = ir_fail(err, IMGREL_EINVAL, "platforms \"%.100s\": the list is empty", text);
    else if (items.n > IR_PLATFORMS_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "platforms: more than %d", IR_PLATFORMS_MAX);
    for (size_t i = 0; !rc && i < items.n; i++)
        rc = ir_platform_parse(items.v[i], &v[i], err);
    if (!rc) {
        *ret_v = v;
        *ret_n = items.n;
        v = NULL;
    }
    free(v);
    ir_strv_free(&items);
    return rc;
}
