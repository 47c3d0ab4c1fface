/* toml_write.c - JSON values as TOML: a table's plain values come first, because whatever follows
 * a header belongs to it. */
#include "base/str.h"
#include "fmt/toml.h"

static void put_string(ir_buf *out, const char *s)
{
    ir_buf_addc(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            ir_buf_addf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            ir_buf_addf(out, "\\u%04X", (unsigned char)*s);
        else
            ir_buf_addc(out, *s);
    }
    ir_buf_addc(out, '"');
}

static void put_key(ir_buf *out, const char *key)
{
    size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (n && !key[n])
        ir_buf_adds(out, key);
    else
        put_string(out, key);
}

/* An array that holds tables only becomes [[...]]. */
static bool is_tables(const ir_json *j)
{
    size_t n = ir_json_is_array(j) ? ir_json_len(j) : 0;
    for (size_t i = 0; i < n; i++)
        if (!ir_json_is_object(ir_json_at(j, i)))
            return false;
    return n > 0;
}

static int put_value(const ir_json *j, ir_buf *out, imgrel_error *err);

static int put_array(const ir_json *j, ir_buf *out, imgrel_error *err)
{
    int rc = 0;
    ir_buf_addc(out, '[');
    for (size_t i = 0; !rc && i < ir_json_len(j); i++) {
        ir_buf_adds(out, i ? ", " : "");
        rc = put_value(ir_json_at(j, i), out, err);
    }
    ir_buf_addc(out, ']');
    return rc;
}

static int put_inline(const ir_json *j, ir_buf *out, imgrel_error *err)
{
    int rc = 0;
    const char *before = "{ ";
    for (void *it = ir_json_first(j); it && !rc; it = ir_json_next(j, it)) {
        ir_buf_adds(out, before);
        put_key(out, ir_json_key(it));
        ir_buf_adds(out, " = ");
        rc = put_value(ir_json_value(it), out, err);
        before = ", ";
    }
    ir_buf_adds(out, ir_json_len(j) ? " }" : "{}");
    return rc;
}

static int put_value(const ir_json *j, ir_buf *out, imgrel_error *err)
{
    if (ir_json_is_null(j))
        return ir_fail(err, IMGREL_EINVAL, "TOML has no null");
    if (ir_json_is_array(j))
        return put_array(j, out, err);
    if (ir_json_is_object(j))
        return put_inline(j, out, err);
    if (!ir_json_is_string(j)) /* numbers and booleans are JSON's */
        return ir_json_dump(j, IR_JSON_COMPACT, out, err);
    put_string(out, ir_json_text(j));
    return 0;
}

/* Values that are written as "key = value"; those that get headers. */
static bool is_plain(const ir_json *j)
{
    return !ir_json_is_object(j) && !is_tables(j);
}

static int put_table(const ir_json *j, const char *path, ir_buf *out, imgrel_error *err);

static int put_headed(const ir_json *table, const char *path, bool array, ir_buf *out,
                      imgrel_error *err)
{
    bool needed = array || !ir_json_len(table);
    for (void *it = ir_json_first(table); it && !needed; it = ir_json_next(table, it))
        needed = is_plain(ir_json_value(it));
    if (needed)
        ir_buf_addf(out, array ? "%s[[%s]]\n" : "%s[%s]\n", out->len ? "\n" : "", path);
    return put_table(table, path, out, err);
}

static int put_member(const char *key, const ir_json *value, const char *path, ir_buf *out,
                      imgrel_error *err)
{
    IR_AUTO(ir_buf) own = IR_BUF(out->max);
    int rc = 0;
    ir_buf_addf(&own, "%s%s", path, *path ? "." : "");
    put_key(&own, key);
    const char *text = ir_buf_str(&own);
    if (ir_json_is_object(value))
        rc = put_headed(value, text, false, out, err);
    for (size_t i = 0; !rc && ir_json_is_array(value) && i < ir_json_len(value); i++)
        rc = put_headed(ir_json_at(value, i), text, true, out, err);
    return rc ? rc : ir_buf_check(&own, err, "TOML");
}

static int put_table(const ir_json *j, const char *path, ir_buf *out, imgrel_error *err)
{
    int rc = 0;
    for (void *it = ir_json_first(j); it && !rc; it = ir_json_next(j, it)) {
        if (!is_plain(ir_json_value(it)))
            continue;
        put_key(out, ir_json_key(it));
        ir_buf_adds(out, " = ");
        rc = put_value(ir_json_value(it), out, err);
        ir_buf_addc(out, '\n');
    }
    for (void *it = ir_json_first(j); it && !rc; it = ir_json_next(j, it))
        if (!is_plain(ir_json_value(it)))
            rc = put_member(ir_json_key(it), ir_json_value(it), path, out, err);
    return rc;
}

int ir_toml_write(const ir_json *j, ir_buf *out, imgrel_error *err)
{
    if (!ir_json_is_object(j))
        return ir_fail(err, IMGREL_EINVAL, "a TOML file is a table");
    int rc = put_table(j, "", out, err);
    return rc ? rc : ir_buf_check(out, err, "TOML");
}
