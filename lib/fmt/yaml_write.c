/* yaml_write.c - JSON values as YAML in block style, by libyaml's emitter. Strings that any reader
 * could take for something else, YAML 1.1's yes and 1.22 among them, are quoted. */
#include "base/limits.h"
#include "base/str.h"
#include "fmt/yaml.h"

#include <stdlib.h>
#include <strings.h>
#include <yaml.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int add(void *user, unsigned char *p, size_t len)
{
    ir_buf *b = user;
    ir_buf_add(b, p, len);
    return !b->bad;
}

static bool is_plain(const char *s)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(s, words[i]))
            return false;
    return strspn(s, LETTERS "/") && !s[strspn(s, LETTERS "0123456789/._-")];
}

static yaml_scalar_style_t style_of(const char *s)
{
    if (is_plain(s))
        return YAML_PLAIN_SCALAR_STYLE;
    return strchr(s, '\n') ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static bool emit(yaml_emitter_t *to, yaml_event_t *e, int made)
{
    return made && yaml_emitter_emit(to, e);
}

static bool write_scalar(yaml_emitter_t *to, const char *s, yaml_scalar_style_t style)
{
    yaml_event_t e;
    return emit(to, &e,
                yaml_scalar_event_initialize(&e, NULL, NULL, (yaml_char_t *)(uintptr_t)s,
                                             (int)strlen(s), 1, style != YAML_PLAIN_SCALAR_STYLE,
                                             style));
}

static bool write_node(yaml_emitter_t *to, const ir_json *j);

static bool write_object(yaml_emitter_t *to, const ir_json *j)
{
    yaml_event_t e;
    yaml_mapping_style_t style =
        ir_json_len(j) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    if (!emit(to, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, style)))
        return false;
    for (void *it = ir_json_first(j); it; it = ir_json_next(j, it)) {
        const char *key = ir_json_key(it);
        if (!write_scalar(to, key, style_of(key)) || !write_node(to, ir_json_value(it)))
            return false;
    }
    return emit(to, &e, yaml_mapping_end_event_initialize(&e));
}

static bool write_array(yaml_emitter_t *to, const ir_json *j)
{
    yaml_event_t e;
    yaml_sequence_style_t style =
        ir_json_len(j) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
    if (!emit(to, &e, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, style)))
        return false;
    for (size_t i = 0; i < ir_json_len(j); i++)
        if (!write_node(to, ir_json_at(j, i)))
            return false;
    return emit(to, &e, yaml_sequence_end_event_initialize(&e));
}

static bool write_node(yaml_emitter_t *to, const ir_json *j)
{
    if (ir_json_is_object(j))
        return write_object(to, j);
    if (ir_json_is_array(j))
        return write_array(to, j);
    if (ir_json_is_string(j))
        return write_scalar(to, ir_json_text(j), style_of(ir_json_text(j)));
    char *text = ir_json_string(j, IR_JSON_COMPACT); /* numbers, true, false, null: as JSON */
    bool good = text && write_scalar(to, text, YAML_PLAIN_SCALAR_STYLE);
    free(text);
    return good;
}

static bool write_stream(yaml_emitter_t *to, const ir_json *j)
{
    yaml_event_t e;
    return emit(to, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING)) &&
           emit(to, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1)) &&
           write_node(to, j) && emit(to, &e, yaml_document_end_event_initialize(&e, 1)) &&
           emit(to, &e, yaml_stream_end_event_initialize(&e));
}

int ir_yaml_write(const ir_json *j, ir_buf *out, imgrel_error *err)
{
    yaml_emitter_t to;
    if (!j || !yaml_emitter_initialize(&to))
        return ir_nomem(err);
    yaml_emitter_set_output(&to, add, out);
    yaml_emitter_set_unicode(&to, 1);
    yaml_emitter_set_width(&to, -1);
    bool good = write_stream(&to, j);
    bool no_memory = to.error == YAML_MEMORY_ERROR;
    yaml_emitter_delete(&to);
    if (good)
        return 0;
    int rc = ir_buf_check(out, err, "YAML");
    if (rc)
        return rc;
    return no_memory ? ir_nomem(err) : ir_fail(err, IMGREL_EINVAL, "YAML: cannot be written");
}
