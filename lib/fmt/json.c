/* json.c - reading JSON: parsing with our limits, and look-ups that take NULL, so that they chain.
 * jansson is used here and in json_write.c only. */
#include "fmt/json.h"

#include "base/limits.h"
#include "base/str.h"
#include "base/wipe.h"

#include <jansson.h>
#include <stdlib.h>

/* Deeper than allowed? jansson's own limit is fixed when it is built. */
static bool too_deep(const char *p, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (p[i] == '\\')
                i++;
            else
                in_string = p[i] != '"';
        } else if (p[i] == '"') {
            in_string = true;
        } else if (p[i] == '{' || p[i] == '[') {
            if (++depth > IR_JSON_DEPTH_MAX)
                return true;
        } else if ((p[i] == '}' || p[i] == ']') && depth) {
            depth--;
        }
    }
    return false;
}

int ir_json_parse(const char *p, size_t len, const char *what, ir_json **ret, imgrel_error *err)
{
    json_error_t e;
    *ret = NULL;
    if (too_deep(p, len))
        return ir_fail(err, IMGREL_EPROTO, "%s: JSON deeper than %d levels", what,
                       IR_JSON_DEPTH_MAX);
    *ret = json_loadb(p, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (*ret)
        return 0;
    /* Where jansson has no words, an allocation failed. */
    if (json_error_code(&e) == json_error_out_of_memory || !e.text[0])
        return ir_nomem(err);
    return ir_fail(err, IMGREL_EPROTO, "%s: not JSON: line %d, column %d: %s", what, e.line,
                   e.column, e.text);
}

void ir_json_wipe(void)
{
    json_set_alloc_funcs(ir_wipe_malloc, ir_wipe_free);
}

void ir_json_free(ir_json *j)
{
    json_decref(j);
}

ir_json *ir_json_ref(ir_json *j)
{
    return json_incref(j);
}

bool ir_json_is_object(const ir_json *j)
{
    return json_is_object(j);
}

bool ir_json_is_array(const ir_json *j)
{
    return json_is_array(j);
}

bool ir_json_is_string(const ir_json *j)
{
    return json_is_string(j);
}

bool ir_json_is_null(const ir_json *j)
{
    return !j || json_is_null(j);
}

ir_json *ir_json_get(const ir_json *j, const char *key)
{
    return json_object_get(j, key);
}

ir_json *ir_json_path(const ir_json *j, const char *path)
{
    const ir_json *at = j;
    for (const char *end; at; path = end + 1) {
        char key[256];
        unsigned long long i = 0;
        end = strchrnul(path, '.');
        if ((size_t)(end - path) >= sizeof key)
            return NULL;
        memcpy(key, path, (size_t)(end - path));
        key[end - path] = '\0';
        if (json_is_array(at))
            at = ir_parse_u64(key, SIZE_MAX, &i) ? json_array_get(at, (size_t)i) : NULL;
        else
            at = json_object_get(at, key);
        if (!*end)
            break;
    }
    return (ir_json *)(uintptr_t)at;
}

const char *ir_json_str(const ir_json *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

int64_t ir_json_int(const ir_json *j, const char *key, int64_t dflt)
{
    return ir_json_number(json_object_get(j, key), dflt);
}

bool ir_json_bool(const ir_json *j, const char *key, bool dflt)
{
    const json_t *v = json_object_get(j, key);
    return json_is_boolean(v) ? json_is_true(v) : dflt;
}

const char *ir_json_text(const ir_json *j)
{
    return json_string_value(j);
}

int64_t ir_json_number(const ir_json *j, int64_t dflt)
{
    return json_is_integer(j) ? json_integer_value(j) : dflt;
}

size_t ir_json_len(const ir_json *j)
{
    return json_is_object(j) ? json_object_size(j) : json_array_size(j);
}

ir_json *ir_json_at(const ir_json *j, size_t i)
{
    return json_array_get(j, i);
}

void *ir_json_first(const ir_json *j)
{
    return json_object_iter((json_t *)(uintptr_t)j);
}

void *ir_json_next(const ir_json *j, void *it)
{
    return json_object_iter_next((json_t *)(uintptr_t)j, it);
}

const char *ir_json_key(void *it)
{
    return json_object_iter_key(it);
}

ir_json *ir_json_value(void *it)
{
    return json_object_iter_value(it);
}

bool ir_json_equal(const ir_json *a, const ir_json *b)
{
    return json_equal(a, b);
}

static const char *type_word(enum ir_json_type t)
{
    static const char *const words[] = {"a string", "an integer", "true or false", "an object",
                                        "an array"};
    return words[t];
}

static bool fill(const json_t *v, const ir_json_row *row, void *to)
{
    switch (row->type) {
    case IR_J_STRING:
        *(const char **)to = json_string_value(v);
        return json_is_string(v);
    case IR_J_INT:
        *(int64_t *)to = json_integer_value(v);
        return json_is_integer(v);
    case IR_J_BOOL:
        *(bool *)to = json_is_true(v);
        return json_is_boolean(v);
    case IR_J_OBJECT:
        *(const ir_json **)to = v;
        return json_is_object(v);
    case IR_J_ARRAY:
        *(const ir_json **)to = v;
        return json_is_array(v);
    }
    return false;
}

static bool known(const ir_json_row *rows, const char *key)
{
    for (; rows->name; rows++)
        if (!strcmp(rows->name, key))
            return true;
    return false;
}

int ir_json_decode(const ir_json *j, const ir_json_row *rows, bool strict, const char *what,
                   void *ret, imgrel_error *err)
{
    int code = strict ? IMGREL_EINVAL : IMGREL_EPROTO;
    if (!json_is_object(j))
        return ir_fail(err, code, "%s: not a JSON object", what);
    for (void *it = strict ? ir_json_first(j) : NULL; it; it = ir_json_next(j, it))
        if (!known(rows, ir_json_key(it)))
            return ir_fail(err, code, "%s: unknown member \"%s\"", what, ir_json_key(it));
    for (const ir_json_row *row = rows; row->name; row++) {
        const json_t *v = json_object_get(j, row->name);
        if (ir_json_is_null(v)) {
            if (row->flags & IR_J_REQUIRED)
                return ir_fail(err, code, "%s: member \"%s\" is missing", what, row->name);
            continue;
        }
        if (!fill(v, row, (char *)ret + row->offset))
            return ir_fail(err, code, "%s: member \"%s\" is not %s", what, row->name,
                           type_word(row->type));
    }
    return 0;
}
