/* ignore.c - the patterns of .dockerignore, as Docker reads them: Go's filepath.Match with "**",
 * "!" for exceptions, a pattern fits all that is below what it fits. */
#include "build/ignore.h"

#include "base/fd.h"
#include "base/limits.h"

#include <stdlib.h>

#define PATTERNS_MAX 10000
#define STEPS_MAX 100000 /* of one comparison: "*a*a*a*b" must not take for ever */

/* "[a-z]", "[^x]" at *p, behind '['; false: does not fit. */
static bool in_class(const char **p, char c)
{
    const char *s = *p;
    bool negated = *s == '^', hit = false;
    s += negated;
    while (*s && *s != ']') {
        char low = *s == '\\' && s[1] ? *++s : *s;
        char high = low;
        s++;
        if (*s == '-' && s[1] && s[1] != ']') {
            high = s[1];
            s += 2;
        }
        hit |= c >= low && c <= high;
    }
    *p = *s ? s + 1 : s;
    return hit != negated;
}

/* Whether pattern fits the whole of name, or a part of it that ends before a slash. */
static bool fits(const char *p, const char *s, unsigned *steps)
{
    while (*p) {
        if (++*steps > STEPS_MAX)
            return false;
        if (p[0] == '*' && p[1] == '*') {
            p += 2;
            if (*p == '/' && fits(p + 1, s, steps))
                return true;
            for (; *s; s++)
                if (fits(p, s, steps))
                    return true;
            return fits(p, s, steps);
        }
        if (*p == '*') {
            p++;
            for (;; s++) {
                if (fits(p, s, steps))
                    return true;
                if (!*s || *s == '/')
                    return false;
            }
        }
        if (!*s)
            return false;
        if (*p == '[' && *s != '/') {
            p++;
            if (!in_class(&p, *s))
                return false;
        } else if (*p == '?' ? *s == '/' : (*p == '\\' && p[1] ? *++p : *p) != *s) {
            return false;
        } else {
            p++;
        }
        s++;
    }
    return !*s || *s == '/';
}

bool ir_ignore_has(const ir_ignore *g, const char *path)
{
    bool out = false;
    for (size_t i = 0; i < g->patterns.n; i++) {
        const char *p = g->patterns.v[i];
        unsigned steps = 0;
        bool except = *p == '!';
        if (fits(p + except, path, &steps))
            out = !except;
    }
    return out;
}

bool ir_ignore_has_exceptions(const ir_ignore *g)
{
    for (size_t i = 0; i < g->patterns.n; i++)
        if (g->patterns.v[i][0] == '!')
            return true;
    return false;
}

void ir_ignore_free(ir_ignore *g)
{
    ir_strv_free(&g->patterns);
}

/* One line as a path without "./", "//" and slashes at its ends; "!" stays in front. */
static int add_pattern(ir_ignore *g, const char *line, size_t len)
{
    char *text = ir_strndup(line, len), *to = text;
    if (!text)
        return IMGREL_ENOMEM;
    const char *from = text;
    if (*from == '!') {
        to++;
        from++;
        while (*from == ' ')
            from++;
    }
    for (const char *begin = to; *from;) {
        size_t n = strcspn(from, "/");
        if (n && !(n == 1 && *from == '.')) {
            if (to > begin)
                *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n + (from[n] == '/');
    }
    *to = '\0';
    int rc = *text && strcmp(text, "!") ? ir_strv_add(&g->patterns, text) : 0;
    free(text);
    return rc;
}

int ir_ignore_parse(const char *text, size_t len, ir_ignore *ret, imgrel_error *err)
{
    const char *end = text + len;
    *ret = (ir_ignore){0};
    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((nl ? nl : end) - text);
        const char *next = nl ? nl + 1 : end;
        bool comment = n && *text == '#';
        while (n && (*text == ' ' || *text == '\t')) {
            text++;
            n--;
        }
        while (n && strchr(" \t\r", text[n - 1]))
            n--;
        if (ret->patterns.n == PATTERNS_MAX) {
            ir_ignore_free(ret);
            return ir_fail(err, IMGREL_ELIMIT, ".dockerignore: more than %d patterns",
                           PATTERNS_MAX);
        }
        if (n && !comment && add_pattern(ret, text, n)) {
            ir_ignore_free(ret);
            return ir_nomem(err);
        }
        text = next;
    }
    return 0;
}

int ir_ignore_read(const char *dir, const char *dockerfile, ir_ignore *ret, imgrel_error *err)
{
    char *own = ir_format("%s.dockerignore", dockerfile),
         *usual = ir_path_join(dir, ".dockerignore");
    IR_AUTO(ir_buf) text = IR_BUF(IR_MIB);
    imgrel_error why = {0};
    int rc = own && usual ? 0 : ir_nomem(&why);
    *ret = (ir_ignore){0};
    if (!rc && (rc = ir_file_read_regular(own, &text, &why)) == IMGREL_ENOTFOUND) {
        ir_error_clear(&why);
        rc = ir_file_read_regular(usual, &text, &why);
    }
    free(own);
    free(usual);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    return rc ? ir_fail(err, rc, "%s", why.message)
              : ir_ignore_parse(ir_buf_str(&text), text.len, ret, err);
}
