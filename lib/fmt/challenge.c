/* challenge.c - reads WWW-Authenticate. A comma separates both parameters and challenges: a word
 * that an equals sign follows is a parameter, any other begins the next challenge. */
#include "fmt/challenge.h"
#include "base/str.h"
#include "fmt/lex.h"

#include <stdlib.h>
#include <strings.h>

static const char *skip_commas(const char *s)
{
    return s + strspn(s, " \t,");
}

static char *lower_word(const char *s, size_t len)
{
    char *w = ir_strndup(s, len);
    for (char *c = w; c && *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    return w;
}

/* Length of a token68 that stands alone up to a comma or the end; 0: none. */
static size_t token68(const char *s)
{
    size_t len = strspn(s, "-._~+/0123456789"
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    len += len ? strspn(s + len, "=") : 0;
    const char *after = ir_lex_blank(s + len);
    return *after && *after != ',' ? 0 : len;
}

static bool is_param(const char *s)
{
    size_t len = ir_lex_token(s);
    return len && *ir_lex_blank(s + len) == '=';
}

static int read_param(const char **s, ir_challenge *c, imgrel_error *err)
{
    size_t len = ir_lex_token(*s);
    if (c->n_params == IR_CHALLENGE_PARAMS_MAX)
        return ir_fail(err, IMGREL_EPROTO, "WWW-Authenticate: more than %d parameters",
                       IR_CHALLENGE_PARAMS_MAX);
    char *name = lower_word(*s, len);
    if (!name)
        return ir_nomem(err);
    const char *at = ir_lex_blank(ir_lex_blank(*s + len) + 1), *start = at;
    char *value = ir_lex_value(&at);
    if (!value) {
        free(name);
        return at == start ? ir_nomem(err)
                           : ir_fail(err, IMGREL_EPROTO, "WWW-Authenticate: quote is not closed");
    }
    c->param[c->n_params].name = name;
    c->param[c->n_params++].value = value;
    *s = ir_lex_blank(at);
    return 0;
}

static int read_challenge(const char **s, ir_challenge *c, imgrel_error *err)
{
    size_t len = ir_lex_token(*s);
    if (!len)
        return ir_fail(err, IMGREL_EPROTO, "WWW-Authenticate: no scheme at \"%.40s\"", *s);
    if (!(c->scheme = lower_word(*s, len)))
        return ir_nomem(err);
    *s = ir_lex_blank(*s + len);
    *s += token68(*s);
    for (*s = skip_commas(*s); is_param(*s); *s = skip_commas(*s)) {
        int rc = read_param(s, c, err);
        if (rc)
            return rc;
        if (**s && **s != ',')
            return ir_fail(err, IMGREL_EPROTO, "WWW-Authenticate: no comma at \"%.40s\"", *s);
    }
    return 0;
}

int ir_challenge_parse(const char *value, ir_challenges *ret, imgrel_error *err)
{
    for (const char *s = skip_commas(value); *s;) {
        if (ret->n == IR_CHALLENGES_MAX)
            return ir_fail(err, IMGREL_EPROTO, "WWW-Authenticate: more than %d challenges",
                           IR_CHALLENGES_MAX);
        ir_challenge *c = &ret->v[ret->n];
        memset(c, 0, sizeof *c);
        int rc = read_challenge(&s, c, err);
        if (c->scheme)
            ret->n++;
        if (rc)
            return rc;
    }
    return 0;
}

const ir_challenge *ir_challenge_find(const ir_challenges *c, const char *scheme)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcasecmp(c->v[i].scheme, scheme))
            return &c->v[i];
    return NULL;
}

const char *ir_challenge_param(const ir_challenge *c, const char *name)
{
    for (size_t i = 0; c && i < c->n_params; i++)
        if (!strcmp(c->param[i].name, name))
            return c->param[i].value;
    return NULL;
}

void ir_challenges_free(ir_challenges *c)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->v[i].n_params; k++) {
            free(c->v[i].param[k].name);
            free(c->v[i].param[k].value);
        }
        free(c->v[i].scheme);
    }
    memset(c, 0, sizeof *c);
}
