/* dockerfile.c - lines, continuations, comments, here-documents and variables of a Dockerfile; as
 * much of the language as tells which images it stands on and what it would run. */
#include "build/dockerfile.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- lines ---------------------------------------------------------------------------------- */

typedef struct reader {
    const char *p, *end;
    int line;
    char escape;
    const char *name;
} reader;

static bool next_line(reader *r, const char **ret, size_t *ret_len)
{
    if (r->p >= r->end)
        return false;
    const char *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
    const char *stop = nl ? nl : r->end;
    *ret = r->p;
    *ret_len = (size_t)(stop - r->p);
    if (*ret_len && stop[-1] == '\r')
        --*ret_len;
    r->p = nl ? nl + 1 : r->end;
    r->line++;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **p, size_t *len)
{
    while (*len && blank(**p)) {
        ++*p;
        --*len;
    }
    while (*len && blank((*p)[*len - 1]))
        --*len;
}

/* "# key=value" at the very top; false at the first line that is none. */
static bool directive(const char *p, size_t len, reader *r, char **ret_syntax)
{
    trim(&p, &len);
    const char *eq = len && *p == '#' ? memchr(p, '=', len) : NULL;
    if (!eq)
        return false;
    const char *key = p + 1, *value = eq + 1;
    size_t key_len = (size_t)(eq - key), value_len = len - (size_t)(value - p);
    trim(&key, &key_len);
    trim(&value, &value_len);
    for (size_t i = 0; i < key_len; i++)
        if (!isalnum((unsigned char)key[i]))
            return false;
    if (key_len == 6 && !strncasecmp(key, "syntax", 6) && !*ret_syntax)
        *ret_syntax = ir_strndup(
            value, strcspn(value, " \t\r\n") < value_len ? strcspn(value, " \t\r\n") : value_len);
    if (key_len == 6 && !strncasecmp(key, "escape", 6) && value_len)
        r->escape = *value == '`' ? '`' : '\\';
    return true;
}

/* The words that end the here-documents that an instruction opens: <<EOF, <<-"EOF"; those of the
 * second kind, whose lines may begin with tabs, with their '-'. */
static int heredocs(const char *text, ir_strv *ret)
{
    for (const char *p = text; (p = strstr(p, "<<"));) {
        p += 2;
        bool tabs = *p == '-';
        p += tabs;
        p += *p == '"' || *p == '\'';
        size_t len = 0;
        while (isalnum((unsigned char)p[len]) || p[len] == '_')
            len++;
        if (!len || isdigit((unsigned char)*p))
            continue;
        char *word = ir_format("%s%.*s", tabs ? "-" : "", (int)len, p);
        int rc = word ? ir_strv_add(ret, word) : IMGREL_ENOMEM;
        free(word);
        if (rc)
            return rc;
        p += len;
    }
    return 0;
}

static bool find_end(reader *r, const char *word)
{
    const char *p = NULL;
    size_t len = 0, want = strlen(word);
    bool tabs = *word == '-';
    word += tabs;
    want -= tabs;
    while (next_line(r, &p, &len)) {
        for (; tabs && len && *p == '\t'; p++)
            len--;
        if (len == want && !memcmp(p, word, len))
            return true;
    }
    return false;
}

static int skip_heredocs(reader *r, const ir_df_line *l, imgrel_error *err)
{
    IR_AUTO(ir_strv) words = {0};
    bool may = !strcmp(l->word, "RUN") || !strcmp(l->word, "COPY") || !strcmp(l->word, "ADD");
    if (may && heredocs(l->rest, &words))
        return ir_nomem(err);
    for (size_t i = 0; i < words.n; i++)
        if (!find_end(r, words.v[i]))
            return ir_fail(err, IMGREL_EINVAL, "%s:%d: the here-document %.40s has no end", r->name,
                           l->line, words.v[i]);
    return 0;
}

/* Whether a line goes on in the next; takes the escape off it. */
static bool goes_on(const reader *r, const char *p, size_t *len)
{
    size_t n = *len;
    while (n && blank(p[n - 1]))
        n--;
    if (!n || p[n - 1] != r->escape)
        return false;
    *len = n - 1;
    return true;
}

static int add_line(ir_dockerfile *d, const char *text, int line, const char *name,
                    imgrel_error *err)
{
    size_t word = strcspn(text, " \t"), len = 0;
    const char *rest = text + word;
    if (d->n == IR_DOCKERFILE_LINES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: more than %d instructions", name,
                       IR_DOCKERFILE_LINES_MAX);
    ir_df_line *more = d->n & (d->n - 1) ? d->v : realloc(d->v, 2 * (d->n + 1) * sizeof *more);
    if (!more)
        return ir_nomem(err);
    d->v = more;
    len = strlen(rest);
    trim(&rest, &len);
    ir_df_line *l = &d->v[d->n];
    *l = (ir_df_line){line, ir_strndup(text, word), ir_strndup(rest, len)};
    d->n++;
    if (!l->word || !l->rest)
        return ir_nomem(err);
    for (char *c = l->word; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return 0;
}

static bool is_blank_or_comment(const char *p, size_t len)
{
    trim(&p, &len);
    return !len || *p == '#';
}

/* One instruction from its first line on, with the lines that it goes on in. */
static int take(reader *r, const char *p, size_t len, ir_dockerfile *d, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_DOCKERFILE_MAX);
    int line = r->line;
    for (bool more = true; more;) {
        bool between = text.len && is_blank_or_comment(p, len);
        more = between || goes_on(r, p, &len);
        if (!between)
            ir_buf_add(&text, p, len);
        more = more && next_line(r, &p, &len);
    }
    int rc = ir_buf_check(&text, err, r->name);
    if (!rc && memchr(ir_buf_str(&text), '\0', text.len))
        rc = ir_fail(err, IMGREL_EINVAL, "%s:%d: a NUL character", r->name, line);
    if (!rc)
        rc = add_line(d, ir_buf_str(&text), line, r->name, err);
    return rc ? rc : skip_heredocs(r, &d->v[d->n - 1], err);
}

int ir_dockerfile_parse(const char *p, size_t len, const char *name, ir_dockerfile *ret,
                        imgrel_error *err)
{
    reader r = {.p = p, .end = p + len, .escape = '\\', .name = name};
    const char *line = NULL;
    size_t n = 0;
    bool top = true;
    int rc = 0;
    *ret = (ir_dockerfile){0};
    if (len > IR_DOCKERFILE_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: more than %lu bytes", name, IR_DOCKERFILE_MAX);
    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        r.p += 3;
    while (!rc && next_line(&r, &line, &n)) {
        top = top && directive(line, n, &r, &ret->syntax);
        trim(&line, &n);
        if (!top && n && *line != '#')
            rc = take(&r, line, n, ret, err);
    }
    if (rc)
        ir_dockerfile_free(ret);
    return rc;
}

void ir_dockerfile_free(ir_dockerfile *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->v[i].word);
        free(d->v[i].rest);
    }
    free(d->v);
    free(d->syntax);
    *d = (ir_dockerfile){0};
}

/* ---- variables ------------------------------------------------------------------------------ */

/* One variable at *p, behind its '$'; false when it is not known. */
static bool one_variable(const char **p, const ir_json *vars, ir_buf *out)
{
    char name[128];
    const char *s = *p, *word = NULL;
    bool braces = *s == '{';
    size_t len = 0, word_len = 0;
    char how = 0;
    s += braces;
    while ((isalnum((unsigned char)s[len]) || s[len] == '_') && len < sizeof name - 1)
        len++;
    if (!len)
        return false;
    memcpy(name, s, len);
    name[len] = '\0';
    s += len;
    if (braces && s[0] == ':' && (s[1] == '-' || s[1] == '+')) {
        how = s[1];
        word = s + 2;
        word_len = strcspn(word, "}$");
        s = word + word_len;
    }
    if (braces && *s++ != '}')
        return false;
    *p = s;
    const char *value = ir_json_str(vars, name);
    bool set = value && *value;
    if (how == '-' ? !set : how == '+' && set)
        ir_buf_add(out, word, word_len);
    else if (value && how != '+')
        ir_buf_adds(out, value);
    return value || how;
}

int ir_df_expand(const char *text, const ir_json *vars, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF(64 * 1024);
    bool known = true;
    *ret = NULL;
    for (const char *p = text; *p && known;) {
        if (*p == '\\' && p[1] == '$') {
            ir_buf_addc(&out, '$');
            p += 2;
        } else if (*p == '$') {
            p++;
            known = one_variable(&p, vars, &out);
        } else {
            ir_buf_addc(&out, *p++);
        }
    }
    if (!known)
        return 0;
    int rc = ir_buf_check(&out, err, "Dockerfile");
    if (!rc && !(*ret = ir_buf_take(&out)))
        rc = ir_nomem(err);
    return rc;
}

/* NAME=value without the quotes around the value. */
static int set_global(const char *rest, const ir_json *args, ir_json *vars, imgrel_error *err)
{
    size_t name_len = strcspn(rest, "= \t");
    char *name = ir_strndup(rest, name_len), *value = NULL;
    const char *given = name ? ir_json_str(args, name) : NULL;
    int rc = name ? 0 : ir_nomem(err);
    if (!rc && given) {
        rc = ir_json_puts(vars, name, given);
    } else if (!rc && rest[name_len] == '=') {
        const char *v = rest + name_len + 1;
        size_t len = strcspn(v, " \t");
        if ((*v == '"' || *v == '\'') && strchr(v + 1, *v)) {
            len = (size_t)(strchr(v + 1, *v) - v) - 1;
            v++;
        }
        char *raw = ir_strndup(v, len);
        rc = raw ? ir_df_expand(raw, vars, &value, err) : ir_nomem(err);
        if (!rc && value)
            rc = ir_json_puts(vars, name, value);
        free(raw);
    }
    free(value);
    free(name);
    return rc ? ir_nomem(err) : 0;
}

int ir_df_globals(const ir_dockerfile *d, const ir_json *args, ir_json **ret, imgrel_error *err)
{
    int rc = (*ret = ir_json_new_object()) ? 0 : ir_nomem(err);
    for (size_t i = 0; !rc && i < d->n && strcmp(d->v[i].word, "FROM"); i++)
        if (!strcmp(d->v[i].word, "ARG"))
            rc = set_global(d->v[i].rest, args, *ret, err);
    return rc;
}

/* ---- images --------------------------------------------------------------------------------- */

int ir_df_from_read(const char *rest, ir_df_from *ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) words = {0};
    size_t i = 0;
    int rc = ir_strv_split(&words, rest, ' ');
    *ret = (ir_df_from){0};
    if (rc)
        return ir_nomem(err);
    for (; i < words.n && ir_starts(words.v[i], "--"); i++)
        if (ir_starts(words.v[i], "--platform=") && !ret->platform &&
            !(ret->platform = ir_strdup(words.v[i] + 11)))
            rc = ir_nomem(err);
    if (!rc && i < words.n && !(ret->image = ir_strdup(words.v[i])))
        rc = ir_nomem(err);
    if (!rc && i + 2 < words.n && !strcasecmp(words.v[i + 1], "as") &&
        !(ret->name = ir_strdup(words.v[i + 2])))
        rc = ir_nomem(err);
    return rc;
}

void ir_df_from_free(ir_df_from *f)
{
    free(f->platform);
    free(f->image);
    free(f->name);
    *f = (ir_df_from){0};
}

static bool is_stage(const ir_strv *stages, const char *name)
{
    for (size_t i = 0; i < stages->n; i++)
        if (!strcasecmp(stages->v[i], name))
            return true;
    return false;
}

/* Unless it is a stage, a number of one, scratch, or not known. */
static int add_image(const char *text, const ir_json *vars, const ir_strv *stages, ir_strv *ret,
                     imgrel_error *err)
{
    char *name = NULL;
    int rc = ir_df_expand(text, vars, &name, err);
    if (!rc && name && *name && strcmp(name, "scratch") && !is_stage(stages, name) &&
        strspn(name, "0123456789") != strlen(name) && !ir_strv_has(ret, name) &&
        ir_strv_add(ret, name))
        rc = ir_nomem(err);
    free(name);
    return rc;
}

/* Of COPY --from=X and RUN --mount=...,from=X. */
static int copied_from(const char *rest, const ir_json *vars, const ir_strv *stages, ir_strv *ret,
                       imgrel_error *err)
{
    int rc = 0;
    while (!rc && ir_starts(rest, "--")) {
        size_t len = strcspn(rest, " \t");
        char *word = ir_strndup(rest, len);
        if (!word)
            return ir_nomem(err);
        char *from = ir_starts(word, "--from=") ? word + 7
                     : ir_starts(word, "--mount=") && strstr(word, "from=")
                         ? strstr(word, "from=") + 5
                         : NULL;
        if (from) {
            from[strcspn(from, ",")] = '\0';
            rc = add_image(from, vars, stages, ret, err);
        }
        free(word);
        rest += len;
        rest += strspn(rest, " \t");
    }
    return rc;
}

int ir_dockerfile_images(const ir_dockerfile *d, const ir_json *args, ir_strv *ret,
                         imgrel_error *err)
{
    IR_AUTO(ir_json_p) vars = NULL;
    IR_AUTO(ir_strv) stages = {0};
    int rc = ir_df_globals(d, args, &vars, err);
    for (size_t i = 0; !rc && i < d->n; i++) {
        const ir_df_line *l = &d->v[i];
        if (strcmp(l->word, "FROM")) {
            rc = copied_from(l->rest, vars, &stages, ret, err);
            continue;
        }
        ir_df_from f = {0};
        rc = ir_df_from_read(l->rest, &f, err);
        if (!rc && f.image)
            rc = add_image(f.image, vars, &stages, ret, err);
        if (!rc && f.name && ir_strv_add(&stages, f.name))
            rc = ir_nomem(err);
        ir_df_from_free(&f);
    }
    return rc;
}
