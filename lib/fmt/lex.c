/* lex.c - the words that Link and WWW-Authenticate are made of. */
#include "fmt/lex.h"
#include "base/str.h"

#include <stdlib.h>

const char *ir_lex_blank(const char *s)
{
    return s + strspn(s, " \t");
}

size_t ir_lex_token(const char *s)
{
    return strspn(s, "!#$%&'*+-.^_`|~0123456789"
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* s: at the quote. */
static char *unquote(const char **s)
{
    const char *at = *s + 1;
    char *out = malloc(strlen(at) + 1), *to = out;
    if (!out)
        return NULL;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        *to++ = *at;
    }
    *to = '\0';
    *s = *at ? at + 1 : at;
    if (*at)
        return out;
    free(out);
    return NULL;
}

char *ir_lex_value(const char **s)
{
    if (**s == '"')
        return unquote(s);
    size_t len = strcspn(*s, " \t,;");
    char *out = ir_strndup(*s, len);
    if (out)
        *s += len;
    return out;
}
