/* json_write.c - making JSON: values, members, and text out of them. */
#include "base/limits.h"
#include "base/str.h"
#include "fmt/json.h"

#include <jansson.h>
#include <stdlib.h>

ir_json *ir_json_pack(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *j = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    return j;
}

/* What a server sends as text need not be UTF-8; JSON must be. */
static ir_json *ascii_only(const char *s)
{
    char *copy = ir_strdup(s);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_t *j = copy ? json_string(copy) : NULL;
    free(copy);
    return j;
}

ir_json *ir_json_new_string(const char *s)
{
    json_t *j = json_string(s);
    return j || !s ? j : ascii_only(s);
}

ir_json *ir_json_new_int(int64_t v)
{
    return json_integer(v);
}

ir_json *ir_json_new_bool(bool v)
{
    return json_boolean(v);
}

ir_json *ir_json_new_object(void)
{
    return json_object();
}

ir_json *ir_json_new_array(void)
{
    return json_array();
}

ir_json *ir_json_copy(const ir_json *j)
{
    return json_deep_copy(j);
}

int ir_json_put(ir_json *object, const char *key, ir_json *value)
{
    return json_object_set_new(object, key, value) ? IMGREL_ENOMEM : 0;
}

int ir_json_puts(ir_json *object, const char *key, const char *s)
{
    return s ? ir_json_put(object, key, ir_json_new_string(s)) : 0;
}

int ir_json_append(ir_json *array, ir_json *value)
{
    return json_array_append_new(array, value) ? IMGREL_ENOMEM : 0;
}

void ir_json_remove(ir_json *object, const char *key)
{
    json_object_del(object, key);
}

void ir_json_remove_at(ir_json *array, size_t i)
{
    json_array_remove(array, i);
}

static int add(const char *p, size_t len, void *user)
{
    ir_buf *b = user;
    ir_buf_add(b, p, len);
    return b->bad ? -1 : 0;
}

int ir_json_dump(const ir_json *j, unsigned flags, ir_buf *out, imgrel_error *err)
{
    size_t how = JSON_ENCODE_ANY | (flags & IR_JSON_SORTED ? JSON_SORT_KEYS : 0) |
                 (flags & IR_JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);
    if (j && !json_dump_callback(j, add, out, how))
        return 0;
    return out->bad ? ir_buf_check(out, err, "JSON") : ir_nomem(err);
}

char *ir_json_string(const ir_json *j, unsigned flags)
{
    ir_buf b = IR_BUF(IR_GIB);
    if (ir_json_dump(j, flags, &b, NULL)) {
        ir_buf_free(&b);
        return NULL;
    }
    return ir_buf_take(&b);
}
