/* yaml.c - YAML by libyaml's events as JSON values. Beside the tree it keeps where each node and
 * each key stood, for errors that give line and column. */
#include "fmt/yaml.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdlib.h>
#include <strings.h>
#include <yaml.h>

typedef struct place {
    const ir_json *node; /* of a key: its object */
    char *key;
    int line, column;
} place;

struct ir_yaml {
    char *name;
    ir_json *root;
    place *v;
    size_t n, cap;
};

typedef struct reader {
    yaml_parser_t parser;
    const char *name;
    ir_yaml *doc; /* the one that is being read */
    imgrel_error *err;
} reader;

static int fail_at(const reader *r, const yaml_mark_t *at, const char *what)
{
    return ir_fail(r->err, IMGREL_EINVAL, "%s:%zu:%zu: %s", r->name, at->line + 1, at->column + 1,
                   what);
}

static int next_event(reader *r, yaml_event_t *ret)
{
    const yaml_parser_t *p = &r->parser;
    if (yaml_parser_parse(&r->parser, ret))
        return 0;
    memset(ret, 0, sizeof *ret);
    if (p->error == YAML_MEMORY_ERROR)
        return ir_nomem(r->err);
    if (p->error == YAML_READER_ERROR)
        return ir_fail(r->err, IMGREL_EINVAL, "%s: byte %zu: %s", r->name, p->problem_offset + 1,
                       p->problem ? p->problem : "not UTF-8");
    return fail_at(r, &p->problem_mark, p->problem ? p->problem : "not YAML");
}

/* Takes key. */
static int add_place(reader *r, const ir_json *node, char *key, const yaml_mark_t *at)
{
    ir_yaml *y = r->doc;
    if (y->n == IR_YAML_NODES_MAX) {
        free(key);
        return ir_fail(r->err, IMGREL_ELIMIT, "%s: more than %d nodes", r->name, IR_YAML_NODES_MAX);
    }
    if (y->n == y->cap) {
        size_t cap = y->cap ? 2 * y->cap : 64;
        place *v = reallocarray(y->v, cap, sizeof *v);
        if (!v) {
            free(key);
            return ir_nomem(r->err);
        }
        y->v = v;
        y->cap = cap;
    }
    y->v[y->n++] = (place){node, key, (int)at->line + 1, (int)at->column + 1};
    return 0;
}

static bool is_word(const char *s, const char *lower, const char *title, const char *upper)
{
    return !strcmp(s, lower) || !strcmp(s, title) || !strcmp(s, upper);
}

/* YAML 1.2 core: decimal with a sign, 0o octal, 0x hexadecimal; false if it does not fit. */
static bool is_integer(const char *s, int64_t *ret)
{
    int base = ir_starts(s, "0o") ? 8 : ir_starts(s, "0x") ? 16 : 10;
    const char *digits = s + (base != 10 ? 2 : *s == '-' || *s == '+');
    size_t n = strspn(digits, base == 8    ? "01234567"
                              : base == 16 ? "0123456789abcdefABCDEF"
                                           : "0123456789");
    unsigned long long v = 0;
    if (!n || digits[n])
        return false;
    for (const char *c = digits; *c; c++) {
        unsigned d = (unsigned)(*c <= '9' ? *c - '0' : (*c | 0x20) - 'a' + 10);
        if (v > ((unsigned long long)INT64_MAX - d) / (unsigned)base)
            return false;
        v = v * (unsigned)base + d;
    }
    *ret = *s == '-' ? -(int64_t)v : (int64_t)v;
    return true;
}

static ir_json *plain_value(const char *s)
{
    int64_t i = 0;
    if (!*s || !strcmp(s, "~") || is_word(s, "null", "Null", "NULL"))
        return ir_json_pack("n");
    if (is_word(s, "true", "True", "TRUE"))
        return ir_json_new_bool(true);
    if (is_word(s, "false", "False", "FALSE"))
        return ir_json_new_bool(false);
    return is_integer(s, &i) ? ir_json_new_int(i) : ir_json_new_string(s);
}

/* What no node may carry: anchors, tags that are not YAML's own. */
static int check_node(reader *r, const yaml_event_t *e, const yaml_char_t *anchor,
                      const yaml_char_t *tag)
{
    if (anchor)
        return fail_at(r, &e->start_mark, "anchors are not allowed");
    if (tag && strcmp((const char *)tag, "!") && strcmp((const char *)tag, YAML_STR_TAG) &&
        strcmp((const char *)tag, YAML_MAP_TAG) && strcmp((const char *)tag, YAML_SEQ_TAG))
        return fail_at(r, &e->start_mark, "tags are not allowed");
    return 0;
}

static int read_scalar(reader *r, const yaml_event_t *e, ir_json **ret)
{
    const char *s = (const char *)e->data.scalar.value;
    const char *tag = (const char *)e->data.scalar.tag;
    int rc = check_node(r, e, e->data.scalar.anchor, e->data.scalar.tag);
    if (rc)
        return rc;
    if (strlen(s) != e->data.scalar.length)
        return fail_at(r, &e->start_mark, "a NUL is not allowed");
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
    *ret = plain ? plain_value(s) : ir_json_new_string(s);
    return *ret ? 0 : ir_nomem(r->err);
}

static int read_node(reader *r, yaml_event_t *e, int depth, ir_json **ret);

static int read_sequence(reader *r, int depth, ir_json *array)
{
    for (;;) {
        yaml_event_t e;
        ir_json *item = NULL;
        int rc = next_event(r, &e);
        bool end = !rc && e.type == YAML_SEQUENCE_END_EVENT;
        if (!rc && !end)
            rc = read_node(r, &e, depth + 1, &item);
        yaml_event_delete(&e);
        if (!rc && !end && ir_json_append(array, item))
            rc = ir_nomem(r->err);
        if (rc || end)
            return rc;
    }
}

/* The key of a member, malloc'ed. */
static int read_key(reader *r, const yaml_event_t *e, const ir_json *object, char **ret)
{
    ir_json *key = NULL;
    if (e->type != YAML_SCALAR_EVENT)
        return fail_at(r, &e->start_mark,
                       e->type == YAML_ALIAS_EVENT ? "aliases are not allowed"
                                                   : "a key must be a plain word");
    int rc = read_scalar(r, e, &key);
    ir_json_free(key);
    if (rc)
        return rc;
    const char *s = (const char *)e->data.scalar.value;
    if (ir_json_get(object, s))
        return ir_fail(r->err, IMGREL_EINVAL, "%s:%zu:%zu: key \"%s\" is there twice", r->name,
                       e->start_mark.line + 1, e->start_mark.column + 1, s);
    *ret = ir_strdup(s);
    return *ret ? 0 : ir_nomem(r->err);
}

static int read_member(reader *r, const yaml_event_t *key_event, int depth, ir_json *object)
{
    yaml_event_t e;
    char *key = NULL;
    ir_json *value = NULL;
    int rc = read_key(r, key_event, object, &key);
    if (rc)
        return rc;
    if (!(rc = next_event(r, &e)))
        rc = read_node(r, &e, depth + 1, &value);
    yaml_event_delete(&e);
    if (!rc && ir_json_put(object, key, value))
        rc = ir_nomem(r->err);
    if (!rc)
        return add_place(r, object, key, &key_event->start_mark);
    free(key);
    return rc;
}

static int read_mapping(reader *r, int depth, ir_json *object)
{
    for (;;) {
        yaml_event_t e;
        int rc = next_event(r, &e);
        bool end = !rc && e.type == YAML_MAPPING_END_EVENT;
        if (!rc && !end)
            rc = read_member(r, &e, depth, object);
        yaml_event_delete(&e);
        if (rc || end)
            return rc;
    }
}

static int read_container(reader *r, yaml_event_t *e, int depth, ir_json **ret)
{
    bool map = e->type == YAML_MAPPING_START_EVENT;
    int rc = map ? check_node(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag)
                 : check_node(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    if (rc)
        return rc;
    if (depth >= IR_JSON_DEPTH_MAX)
        return fail_at(r, &e->start_mark, "nested too deep");
    *ret = map ? ir_json_new_object() : ir_json_new_array();
    if (!*ret)
        return ir_nomem(r->err);
    return map ? read_mapping(r, depth, *ret) : read_sequence(r, depth, *ret);
}

/* The node that e begins; *ret is NULL on failure. */
static int read_node(reader *r, yaml_event_t *e, int depth, ir_json **ret)
{
    ir_json *j = NULL;
    int rc = e->type == YAML_ALIAS_EVENT    ? fail_at(r, &e->start_mark, "aliases are not allowed")
             : e->type == YAML_SCALAR_EVENT ? read_scalar(r, e, &j)
                                            : read_container(r, e, depth, &j);
    if (!rc)
        rc = add_place(r, j, NULL, &e->start_mark);
    if (rc) {
        ir_json_free(j);
        j = NULL;
    }
    *ret = j;
    return rc;
}

/* The document after its start event. */
static int read_document(reader *r)
{
    yaml_event_t e;
    int rc = next_event(r, &e);
    if (!rc)
        rc = read_node(r, &e, 0, &r->doc->root);
    yaml_event_delete(&e);
    if (rc)
        return rc;
    rc = next_event(r, &e); /* the document's end */
    yaml_event_delete(&e);
    return rc;
}

static int new_document(reader *r, ir_yaml ***list, size_t *n)
{
    ir_yaml **v = reallocarray(*list, *n + 1, sizeof(ir_yaml *));
    ir_yaml *y = calloc(1, sizeof *y);
    if (v)
        *list = v;
    if (!v || !y || !(y->name = ir_strdup(r->name))) {
        free(y);
        return ir_nomem(r->err);
    }
    v[(*n)++] = r->doc = y;
    return read_document(r);
}

static int read_stream(reader *r, ir_yaml ***list, size_t *n)
{
    for (bool end = false; !end;) {
        yaml_event_t e;
        int rc = next_event(r, &e);
        if (!rc && e.type == YAML_DOCUMENT_START_EVENT)
            rc = new_document(r, list, n);
        end = !rc && e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (rc)
            return rc;
    }
    return 0;
}

int ir_yaml_parse_all(const char *p, size_t len, const char *name, ir_yaml ***ret, size_t *ret_n,
                      imgrel_error *err)
{
    reader r = {.name = name, .err = err};
    *ret = NULL;
    *ret_n = 0;
    if (len > IR_YAML_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: longer than %lu bytes", name, IR_YAML_MAX);
    if (!yaml_parser_initialize(&r.parser))
        return ir_nomem(err);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)p, len);
    int rc = read_stream(&r, ret, ret_n);
    yaml_parser_delete(&r.parser);
    if (!rc)
        return 0;
    for (size_t i = 0; i < *ret_n; i++)
        ir_yaml_free((*ret)[i]);
    free(*ret);
    *ret = NULL;
    *ret_n = 0;
    return rc;
}

int ir_yaml_parse(const char *p, size_t len, const char *name, ir_yaml **ret, imgrel_error *err)
{
    ir_yaml **list = NULL;
    size_t n = 0;
    *ret = NULL;
    int rc = ir_yaml_parse_all(p, len, name, &list, &n, err);
    if (!rc && n != 1)
        rc = ir_fail(err, IMGREL_EINVAL, n ? "%s: more than one document" : "%s: the file is empty",
                     name);
    if (!rc)
        *ret = list[0];
    for (size_t i = 0; rc && i < n; i++)
        ir_yaml_free(list[i]);
    free(list);
    return rc;
}

const ir_json *ir_yaml_root(const ir_yaml *y)
{
    return y->root;
}

static bool find_place(const ir_yaml *y, const ir_json *node, const char *key, int *ret_line,
                       int *ret_column)
{
    for (size_t i = 0; i < y->n; i++) {
        const place *p = &y->v[i];
        if (p->node != node || !ir_streq(p->key, key))
            continue;
        *ret_line = p->line;
        *ret_column = p->column;
        return true;
    }
    return false;
}

bool ir_yaml_place(const ir_yaml *y, const ir_json *node, int *ret_line, int *ret_column)
{
    return find_place(y, node, NULL, ret_line, ret_column);
}

bool ir_yaml_key_place(const ir_yaml *y, const ir_json *object, const char *key, int *ret_line,
                       int *ret_column)
{
    return find_place(y, object, key, ret_line, ret_column);
}

int ir_yaml_fail(const ir_yaml *y, const ir_json *node, const char *key, imgrel_error *err,
                 const char *fmt, ...)
{
    int line = 0, column = 0;
    if (err && err->code)
        return IMGREL_EINVAL;
    va_list ap;
    va_start(ap, fmt);
    ir_buf text = IR_BUF(sizeof err->message);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    int rc =
        find_place(y, node, key, &line, &column)
            ? ir_fail(err, IMGREL_EINVAL, "%s:%d:%d: %s", y->name, line, column, ir_buf_str(&text))
            : ir_fail(err, IMGREL_EINVAL, "%s: %s", y->name, ir_buf_str(&text));
    ir_buf_free(&text);
    return rc;
}

void ir_yaml_free(ir_yaml *y)
{
    if (!y)
        return;
    for (size_t i = 0; i < y->n; i++)
        free(y->v[i].key);
    free(y->v);
    free(y->name);
    ir_json_free(y->root);
    free(y);
}
