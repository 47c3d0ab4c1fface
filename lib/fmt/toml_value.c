/* toml_value.c - TOML's values: strings of four kinds, numbers, booleans, arrays, inline tables. */
#include "base/limits.h"
#include "fmt/toml_impl.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- strings -------------------------------------------------------------------------------- */

static void add_utf8(ir_buf *out, unsigned long c)
{
    if (c < 0x80) {
        ir_buf_addc(out, (char)c);
        return;
    }
    if (c < 0x800) {
        ir_buf_addc(out, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            ir_buf_addc(out, (char)(0xe0 | c >> 12));
        } else {
            ir_buf_addc(out, (char)(0xf0 | c >> 18));
            ir_buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        ir_buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    ir_buf_addc(out, (char)(0x80 | (c & 0x3f)));
}

/* t: at the u or U. */
static int read_code_point(ir_toml *t, ir_buf *out)
{
    char digits[9] = "";
    size_t n = *t->at == 'u' ? 4 : 8;
    for (size_t i = 0; i < n; i++) {
        char c = t->at[1 + i];
        if (!isxdigit((unsigned char)c))
            return ir_toml_fail(t, "\\%c wants %zu hexadecimal digits", *t->at, n);
        digits[i] = c;
    }
    unsigned long c = strtoul(digits, NULL, 16);
    if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return ir_toml_fail(t, "\\%c%s is no character", *t->at, digits);
    add_utf8(out, c);
    t->at += 1 + n;
    return 0;
}

/* A backslash that ends a line swallows all blanks and line ends that follow. */
static bool skip_line_end(ir_toml *t)
{
    size_t n = strspn(t->at, " \t");
    if (t->at[n] != '\n' && t->at[n] != '\r')
        return false;
    do
        ir_toml_blank(t);
    while (ir_toml_newline(t));
    return true;
}

/* t: behind the backslash. */
static int read_escape(ir_toml *t, bool multi, ir_buf *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    if (multi && skip_line_end(t))
        return 0;
    const char *known = *t->at ? strchr(from, *t->at) : NULL;
    if (known) {
        ir_buf_addc(out, to[known - from]);
        t->at++;
        return 0;
    }
    if (*t->at == 'u' || *t->at == 'U')
        return read_code_point(t, out);
    return ir_toml_fail(t, "an unknown escape");
}

/* The end of a multi-line string: up to two quotes before it are its own. */
static bool ends_here(ir_toml *t, char quote, bool multi, ir_buf *out)
{
    size_t n = 0;
    while (t->at[n] == quote && n < (multi ? 5 : 1))
        n++;
    if (!multi)
        return t->at += n, n == 1;
    if (n < 3)
        return false;
    ir_buf_add(out, t->at, n - 3);
    t->at += n;
    return true;
}

int ir_toml_string(ir_toml *t, bool multi, ir_buf *out)
{
    char quote = *t->at;
    const char triple[] = {quote, quote, quote, '\0'};
    bool long_one = multi && ir_starts(t->at, triple);
    int rc = 0;
    t->at += long_one ? 3 : 1;
    if (long_one)
        ir_toml_newline(t);
    while (!rc && !ends_here(t, quote, long_one, out)) {
        const char *before = t->at;
        if (!*t->at || (!long_one && (*t->at == '\n' || *t->at == '\r')))
            return ir_toml_fail(t, "the string is not ended");
        if (ir_toml_newline(t)) {
            ir_buf_add(out, before, (size_t)(t->at - before));
        } else if (*t->at == '\\' && quote == '"') {
            t->at++;
            rc = read_escape(t, long_one, out);
        } else {
            ir_buf_addc(out, *t->at++);
        }
    }
    return rc ? rc : ir_buf_check(out, t->err, t->name);
}

static int read_string(ir_toml *t, ir_json **ret)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    int rc = ir_toml_string(t, true, &text);
    if (rc)
        return rc;
    *ret = ir_json_new_string(ir_buf_str(&text));
    return *ret ? 0 : ir_nomem(t->err);
}

/* ---- numbers and words ---------------------------------------------------------------------- */

/* Digits of a base with single underscores between them, from *s on, without them into out. */
static bool take_digits(const char **s, const char *digits, ir_buf *out)
{
    const char *p = *s;
    if (!*p || !strchr(digits, *p))
        return false;
    for (; *p && (strchr(digits, *p) || (*p == '_' && p[1] && strchr(digits, p[1]))); p++)
        if (*p != '_')
            ir_buf_addc(out, *p);
    *s = p;
    return true;
}

static const char decimal[] = "0123456789";

static bool to_integer(const char *digits, unsigned base, bool negative, int64_t *ret)
{
    uint64_t v = 0, most = (uint64_t)INT64_MAX + negative;
    for (const char *p = digits; *p; p++) {
        uint64_t d = (uint64_t)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
        if (v > (most - d) / base)
            return false;
        v = v * base + d;
    }
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static int give_integer(ir_toml *t, const char *digits, unsigned base, bool negative, ir_json **ret)
{
    int64_t v = 0;
    if (!to_integer(digits, base, negative, &v))
        return ir_toml_fail(t, "a number that does not fit into 64 bits");
    *ret = ir_json_new_int(v);
    return *ret ? 0 : ir_nomem(t->err);
}

/* "0x1F" and so on: digits NULL if it is none. */
static int read_based(ir_toml *t, const char *word, ir_json **ret)
{
    static const struct {
        char letter;
        unsigned base;
        const char *digits;
    } bases[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
    IR_AUTO(ir_buf) digits = IR_BUF(IR_TOML_MAX);
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        const char *s = word + 2;
        if (word[0] != '0' || word[1] != bases[i].letter)
            continue;
        if (!take_digits(&s, bases[i].digits, &digits) || *s)
            break;
        return digits.bad ? ir_nomem(t->err)
                          : give_integer(t, ir_buf_str(&digits), bases[i].base, false, ret);
    }
    return ir_toml_fail(t, "\"%.40s\" is no value", word);
}

/* [sign] digits [. digits] [e [sign] digits], without underscores into out. */
static bool is_decimal(const char *word, ir_buf *out, bool *ret_float)
{
    const char *s = word + (*word == '+' || *word == '-');
    if (*word == '-')
        ir_buf_addc(out, '-');
    if (s[0] == '0' && s[1] && strchr("0123456789_", s[1])) /* no leading zeros */
        return false;
    if (!take_digits(&s, decimal, out))
        return false;
    *ret_float = *s != '\0';
    if (*s == '.') {
        ir_buf_addc(out, *s++);
        if (!take_digits(&s, decimal, out))
            return false;
    }
    if (*s == 'e' || *s == 'E') {
        ir_buf_addc(out, *s++);
        if (*s == '+' || *s == '-')
            ir_buf_addc(out, *s++);
        if (!take_digits(&s, decimal, out))
            return false;
    }
    return !*s && !out->bad;
}

static int read_number(ir_toml *t, const char *word, ir_json **ret)
{
    IR_AUTO(ir_buf) clean = IR_BUF(IR_TOML_MAX);
    bool is_float = false;
    if (word[0] == '0' && word[1] && strchr("xob", word[1]))
        return read_based(t, word, ret);
    if (!is_decimal(word, &clean, &is_float))
        return ir_toml_fail(t, "\"%.40s\" is no value%s", word,
                            strpbrk(word, ":") || (strlen(word) > 4 && word[4] == '-')
                                ? ": dates must be quoted"
                                : "");
    const char *text = ir_buf_str(&clean);
    if (!is_float)
        return give_integer(t, text + (*text == '-'), 10, *text == '-', ret);
    imgrel_error e = {0};
    int rc = ir_json_parse(text, clean.len, "number", ret, &e);
    return rc == IMGREL_ENOMEM ? ir_nomem(t->err)
           : rc                ? ir_toml_fail(t, "a number that is out of range")
                               : 0;
}

static int read_word(ir_toml *t, ir_json **ret)
{
    size_t n = strspn(t->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "+-_.:");
    char *word = ir_strndup(t->at, n);
    int rc = 0;
    if (!word)
        return ir_nomem(t->err);
    if (!n) {
        rc = ir_toml_fail(t, "a value was expected");
    } else if (!strcmp(word, "true") || !strcmp(word, "false")) {
        *ret = ir_json_new_bool(*word == 't');
        rc = *ret ? 0 : ir_nomem(t->err);
    } else {
        rc = read_number(t, word, ret);
    }
    free(word);
    if (!rc)
        t->at += n;
    return rc;
}

/* ---- containers ----------------------------------------------------------------------------- */

static int too_deep(const ir_toml *t)
{
    return ir_fail(t->err, IMGREL_ELIMIT, "%s:%zu: values nested more than %d deep", t->name,
                   t->line, IR_TOML_DEPTH_MAX);
}

static int read_array(ir_toml *t, unsigned depth, ir_json *array)
{
    t->at++;
    for (;;) {
        ir_json *item = NULL;
        ir_toml_space(t);
        if (*t->at == ']')
            break;
        int rc = ir_toml_value(t, depth + 1, &item);
        if (rc)
            return rc;
        if (ir_json_append(array, item))
            return ir_nomem(t->err);
        ir_toml_space(t);
        if (*t->at == ']')
            break;
        if (*t->at != ',')
            return ir_toml_fail(t, ", or ] was expected");
        t->at++;
    }
    t->at++;
    return 0;
}

static int read_member(ir_toml *t, unsigned depth, ir_json *object)
{
    IR_AUTO(ir_strv) key = {0};
    ir_json *value = NULL;
    int rc = ir_toml_key(t, &key);
    if (!rc && *t->at != '=')
        rc = ir_toml_fail(t, "= was expected");
    if (rc)
        return rc;
    t->at++;
    ir_toml_blank(t);
    rc = ir_toml_value(t, depth + 1, &value);
    return rc ? rc : ir_toml_assign(t, object, &key, value);
}

static int read_inline(ir_toml *t, unsigned depth, ir_json *object)
{
    t->at++;
    ir_toml_blank(t);
    if (*t->at == '}')
        return t->at++, 0;
    for (;;) {
        int rc = read_member(t, depth, object);
        if (rc)
            return rc;
        ir_toml_blank(t);
        if (*t->at == '}')
            return t->at++, 0;
        if (*t->at != ',')
            return ir_toml_fail(t, ", or } was expected");
        t->at++;
        ir_toml_blank(t);
    }
}

int ir_toml_value(ir_toml *t, unsigned depth, ir_json **ret)
{
    *ret = NULL;
    if (++t->n_nodes > IR_TOML_NODES_MAX)
        return ir_fail(t->err, IMGREL_ELIMIT, "%s: more than %d values", t->name,
                       IR_TOML_NODES_MAX);
    if (*t->at == '"' || *t->at == '\'')
        return read_string(t, ret);
    if (*t->at != '[' && *t->at != '{')
        return read_word(t, ret);
    if (depth >= IR_TOML_DEPTH_MAX)
        return too_deep(t);
    bool array = *t->at == '[';
    ir_json *made = array ? ir_json_new_array() : ir_json_new_object();
    int rc = !made   ? ir_nomem(t->err)
             : array ? read_array(t, depth, made)
                     : read_inline(t, depth, made);
    if (rc)
        ir_json_free(made);
    else
        *ret = made;
    return rc;
}
