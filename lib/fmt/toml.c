/* toml.c - TOML's lines: keys, tables and arrays of tables. What may be opened again and what not
 * is remembered beside the tree, by node. */
#include "base/limits.h"
#include "fmt/toml_impl.h"

#include <stdarg.h>
#include <stdlib.h>

struct ir_toml_mark {
    const ir_json *node; /* NULL: free */
    enum ir_toml_kind kind;
};

/* ---- places and marks ----------------------------------------------------------------------- */

int ir_toml_fail(const ir_toml *t, const char *fmt, ...)
{
    ir_buf text = IR_BUF(512);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    int rc = ir_fail(t->err, IMGREL_EINVAL, "%s:%zu:%zu: %s", t->name, t->line,
                     (size_t)(t->at - t->line_start) + 1, ir_buf_str(&text));
    ir_buf_free(&text);
    return rc;
}

static struct ir_toml_mark *slot(struct ir_toml_mark *marks, size_t cap, const ir_json *node)
{
    size_t i = ((uintptr_t)node >> 4) * 2654435761U;
    while (marks[i & (cap - 1)].node && marks[i & (cap - 1)].node != node)
        i++;
    return &marks[i & (cap - 1)];
}

static int grow(ir_toml *t)
{
    size_t cap = t->cap_marks ? t->cap_marks * 2 : 64;
    struct ir_toml_mark *more = calloc(cap, sizeof *more);
    if (!more)
        return ir_nomem(t->err);
    for (size_t i = 0; i < t->cap_marks; i++)
        if (t->marks[i].node)
            *slot(more, cap, t->marks[i].node) = t->marks[i];
    free(t->marks);
    t->marks = more;
    t->cap_marks = cap;
    return 0;
}

static int mark(ir_toml *t, const ir_json *node, enum ir_toml_kind kind)
{
    int rc = (t->n_marks + 1) * 2 > t->cap_marks ? grow(t) : 0;
    if (rc)
        return rc;
    struct ir_toml_mark *m = slot(t->marks, t->cap_marks, node);
    t->n_marks += !m->node;
    *m = (struct ir_toml_mark){node, kind};
    return 0;
}

static enum ir_toml_kind kind_of(const ir_toml *t, const ir_json *node)
{
    const struct ir_toml_mark *m = t->cap_marks ? slot(t->marks, t->cap_marks, node) : NULL;
    return m && m->node ? m->kind : IR_TOML_CLOSED;
}

/* ---- blanks --------------------------------------------------------------------------------- */

void ir_toml_blank(ir_toml *t)
{
    t->at += strspn(t->at, " \t");
}

bool ir_toml_newline(ir_toml *t)
{
    size_t n = *t->at == '\n' ? 1 : t->at[0] == '\r' && t->at[1] == '\n' ? 2 : 0;
    if (!n)
        return false;
    t->at += n;
    t->line++;
    t->line_start = t->at;
    return true;
}

static void skip_comment(ir_toml *t)
{
    ir_toml_blank(t);
    if (*t->at == '#')
        t->at += strcspn(t->at, "\r\n");
}

void ir_toml_space(ir_toml *t)
{
    do
        skip_comment(t);
    while (ir_toml_newline(t));
}

static int end_line(ir_toml *t)
{
    skip_comment(t);
    return !*t->at || ir_toml_newline(t) ? 0 : ir_toml_fail(t, "the line should end here");
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int key_part(ir_toml *t, ir_strv *ret)
{
    IR_AUTO(ir_buf) text = IR_BUF(IR_TOML_MAX);
    size_t n = strspn(t->at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    int rc = 0;
    if (ret->n == IR_TOML_DEPTH_MAX)
        return ir_fail(t->err, IMGREL_ELIMIT, "%s:%zu: a key of more than %d parts", t->name,
                       t->line, IR_TOML_DEPTH_MAX);
    if (*t->at == '"' || *t->at == '\'')
        rc = ir_toml_string(t, false, &text);
    else if (!n)
        return ir_toml_fail(t, *t->at ? "a key was expected" : "a key was expected, not the end");
    else
        ir_buf_add(&text, t->at, n);
    if (rc || (rc = ir_buf_check(&text, t->err, t->name)))
        return rc;
    t->at += n;
    return ir_strv_add(ret, ir_buf_str(&text)) ? ir_nomem(t->err) : 0;
}

int ir_toml_key(ir_toml *t, ir_strv *ret)
{
    for (;;) {
        int rc = key_part(t, ret);
        if (rc)
            return rc;
        ir_toml_blank(t);
        if (*t->at != '.')
            return 0;
        t->at++;
        ir_toml_blank(t);
    }
}

/* Adds a new object under a key, or to an array (key NULL); *ret is borrowed. */
static int add_table(ir_toml *t, ir_json *to, const char *key, enum ir_toml_kind kind,
                     ir_json **ret)
{
    ir_json *made = kind == IR_TOML_TABLES ? ir_json_new_array() : ir_json_new_object();
    if (++t->n_nodes > IR_TOML_NODES_MAX) {
        ir_json_free(made);
        return ir_fail(t->err, IMGREL_ELIMIT, "%s: more than %d values", t->name,
                       IR_TOML_NODES_MAX);
    }
    if (!made || (key ? ir_json_put(to, key, made) : ir_json_append(to, made)))
        return ir_nomem(t->err);
    *ret = made;
    return mark(t, made, kind);
}

static int defined_twice(const ir_toml *t, const char *key)
{
    return ir_toml_fail(t, "\"%s\" is there twice", key);
}

int ir_toml_assign(ir_toml *t, ir_json *object, const ir_strv *key, ir_json *value)
{
    int rc = 0;
    for (size_t i = 0; !rc && i + 1 < key->n; i++) {
        ir_json *next = ir_json_get(object, key->v[i]);
        if (!next)
            rc = add_table(t, object, key->v[i], IR_TOML_DOTTED, &next);
        else if (kind_of(t, next) != IR_TOML_DOTTED)
            rc = ir_toml_fail(t, "\"%s\" can't be added to here", key->v[i]);
        object = next;
    }
    const char *last = key->v[key->n - 1];
    if (!rc && ir_json_get(object, last))
        rc = defined_twice(t, last);
    if (rc) {
        ir_json_free(value);
        return rc;
    }
    return ir_json_put(object, last, value) ? ir_nomem(t->err) : 0;
}

/* ---- headers -------------------------------------------------------------------------------- */

/* One step of [a.b.c] that is not its last. */
static int step_into(ir_toml *t, const char *key, ir_json **at)
{
    ir_json *next = ir_json_get(*at, key);
    if (!next)
        return add_table(t, *at, key, IR_TOML_IMPLICIT, at);
    enum ir_toml_kind kind = kind_of(t, next);
    if (kind == IR_TOML_CLOSED)
        return ir_toml_fail(t, "\"%s\" is no table that can be added to", key);
    *at = kind == IR_TOML_TABLES ? ir_json_at(next, ir_json_len(next) - 1) : next;
    return 0;
}

static int open_table(ir_toml *t, const char *key, ir_json **at)
{
    ir_json *table = ir_json_get(*at, key);
    if (!table)
        return add_table(t, *at, key, IR_TOML_HEADER, at);
    if (kind_of(t, table) != IR_TOML_IMPLICIT)
        return defined_twice(t, key);
    *at = table;
    return mark(t, table, IR_TOML_HEADER);
}

static int open_array(ir_toml *t, const char *key, ir_json **at)
{
    ir_json *array = ir_json_get(*at, key);
    int rc = 0;
    if (!array)
        rc = add_table(t, *at, key, IR_TOML_TABLES, &array);
    else if (kind_of(t, array) != IR_TOML_TABLES)
        rc = ir_toml_fail(t, "\"%s\" is no array of tables", key);
    return rc ? rc : add_table(t, array, NULL, IR_TOML_HEADER, at);
}

/* t: behind the first bracket. */
static int read_header(ir_toml *t, ir_json *root, ir_json **ret)
{
    IR_AUTO(ir_strv) key = {0};
    bool array = *t->at == '[';
    t->at += array;
    ir_toml_blank(t);
    int rc = ir_toml_key(t, &key);
    if (!rc && !ir_starts(t->at, array ? "]]" : "]"))
        rc = ir_toml_fail(t, "%s was expected", array ? "]]" : "]");
    *ret = root;
    for (size_t i = 0; !rc && i + 1 < key.n; i++)
        rc = step_into(t, key.v[i], ret);
    if (!rc)
        rc = array ? open_array(t, key.v[key.n - 1], ret) : open_table(t, key.v[key.n - 1], ret);
    if (rc)
        return rc;
    t->at += 1 + array;
    return end_line(t);
}

static int read_pair(ir_toml *t, ir_json *table)
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
    if (!(rc = ir_toml_value(t, 0, &value)))
        rc = ir_toml_assign(t, table, &key, value);
    return rc ? rc : end_line(t);
}

static int read_all(ir_toml *t, ir_json *root)
{
    ir_json *table = root;
    int rc = 0;
    for (ir_toml_space(t); !rc && *t->at; ir_toml_space(t)) {
        if (*t->at != '[') {
            rc = read_pair(t, table);
            continue;
        }
        t->at++;
        rc = read_header(t, root, &table);
    }
    return rc;
}

/* Characters that are allowed nowhere. */
static int check_text(ir_toml *t, size_t len)
{
    const char *start = t->at, *end = start + len;
    while (t->at < end) {
        unsigned char c = (unsigned char)*t->at;
        size_t n = ir_utf8_len(t->at);
        if (!n)
            return ir_toml_fail(t, "not UTF-8");
        if (ir_toml_newline(t))
            continue;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return ir_toml_fail(t, "a control character");
        t->at += n;
    }
    t->at = t->line_start = start;
    t->line = 1;
    return 0;
}

int ir_toml_parse(const char *p, size_t len, const char *name, ir_json **ret, imgrel_error *err)
{
    *ret = NULL;
    if (len > IR_TOML_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: longer than %lu bytes", name, IR_TOML_MAX);
    char *text = malloc(len + 1);
    ir_json *root = ir_json_new_object();
    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) { /* a byte order mark */
        p += 3;
        len -= 3;
    }
    if (text && len)
        memcpy(text, p, len);
    if (text)
        text[len] = '\0';
    ir_toml t = {.name = name, .at = text, .line_start = text, .line = 1, .err = err};
    int rc = text && root ? check_text(&t, len) : ir_nomem(err);
    if (!rc)
        rc = read_all(&t, root);
    free(t.marks);
    free(text);
    if (rc)
        ir_json_free(root);
    else
        *ret = root;
    return rc;
}
