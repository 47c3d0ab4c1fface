/* harbor_glob.c - the patterns of Harbor's policies (doublestar): one star within a segment, two
 * over all, "?" one byte, "{a,b}" either. A pattern that takes too many steps fits nothing. */
#include "mock/harbor.h"

#define STEPS_MAX 100000

static bool glob(const char *p, const char *s, int *steps);

/* Two stars and a slash may stand for nothing at all; one star ends at a slash. */
static bool star(const char *p, const char *s, int *steps)
{
    bool deep = p[1] == '*';
    const char *rest = p + 1 + deep;
    if (deep && *rest == '/' && glob(rest + 1, s, steps))
        return true;
    for (; *steps > 0; s++) {
        if (glob(rest, s, steps))
            return true;
        if (!*s || (!deep && *s == '/'))
            return false;
    }
    return false;
}

static bool either(const char *p, const char *s, int *steps)
{
    const char *close = strchr(p, '}');
    for (const char *a = p + 1; close && a <= close; a += strcspn(a, ",}") + 1) {
        size_t len = strcspn(a, ",}");
        if (!strncmp(a, s, len) && glob(close + 1, s + len, steps))
            return true;
    }
    return false;
}

static bool glob(const char *p, const char *s, int *steps)
{
    for (; *p && *p != '*' && *p != '{'; p++, s++)
        if (!*s || (*p != *s && *p != '?'))
            return false;
    if (--*steps <= 0)
        return false;
    return *p == '*' ? star(p, s, steps) : *p ? either(p, s, steps) : !*s;
}

bool mk_glob(const char *pattern, const char *name)
{
    int steps = STEPS_MAX;
    return glob(pattern, name, &steps);
}
