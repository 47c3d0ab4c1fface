/* json.h - JSON as values; the only users of jansson are this header's two files. Parsing refuses
 * duplicate keys, depth over IR_JSON_DEPTH_MAX and trailing bytes. An ir_json is reference counted
 * by jansson; a value got from another is borrowed. All getters take NULL and give the default, so
 * that look-ups chain: ir_json_str(ir_json_get(j, "metadata"), "name"). */
#ifndef IR_FMT_JSON_H
#define IR_FMT_JSON_H

#include "base/buf.h"

typedef struct json_t ir_json;

/* what names the document in errors (EPROTO: line, column, jansson's words). */
int ir_must_use ir_json_parse(const char *p, size_t len, const char *what, ir_json **ret,
                              imgrel_error *err);
/* Has jansson wipe what it frees, in the whole process. */
void ir_json_wipe(void);
void ir_json_free(ir_json *j); /* drops one reference; NULL is fine */
ir_json *ir_json_ref(ir_json *j);
typedef ir_json *ir_json_p;
static inline void ir_json_p_auto(ir_json_p *j) { ir_json_free(*j); }

bool ir_json_is_object(const ir_json *j);
bool ir_json_is_array(const ir_json *j);
bool ir_json_is_string(const ir_json *j);
bool ir_json_is_null(const ir_json *j); /* null or NULL */
/* A member, or by path "spec.containers.0.image" with ir_json_path (keys without dots). */
ir_json *ir_json_get(const ir_json *j, const char *key);
ir_json *ir_json_path(const ir_json *j, const char *path);
/* A member's value; NULL, 0, dflt when it is absent or of another type. */
const char *ir_json_str(const ir_json *j, const char *key);
int64_t ir_json_int(const ir_json *j, const char *key, int64_t dflt);
bool ir_json_bool(const ir_json *j, const char *key, bool dflt);
const char *ir_json_text(const ir_json *j); /* a string value itself */
int64_t ir_json_number(const ir_json *j, int64_t dflt);
size_t ir_json_len(const ir_json *j);       /* members or items */
ir_json *ir_json_at(const ir_json *j, size_t i);
/* Walks members in their order: for (it = ir_json_first(j); it; it = ir_json_next(j, it)). */
void *ir_json_first(const ir_json *j);
void *ir_json_next(const ir_json *j, void *it);
const char *ir_json_key(void *it);
ir_json *ir_json_value(void *it);

/* jansson's format strings, for literals: ir_json_pack("{s:s, s:{s:b}}", ...). NULL: no memory. */
ir_json *ir_json_pack(const char *fmt, ...);
ir_json *ir_json_new_string(const char *s);
ir_json *ir_json_new_int(int64_t v);
ir_json *ir_json_new_bool(bool v);
ir_json *ir_json_new_object(void);
ir_json *ir_json_new_array(void);
ir_json *ir_json_copy(const ir_json *j);    /* deep */
/* Put and append take the value's reference even when they fail, so that a build of many is
 * checked once, by dump: a NULL value or container makes the root's dump fail with ENOMEM through
 * the int that they return; ignore it only where the caller checks otherwise. */
int ir_json_put(ir_json *object, const char *key, ir_json *value);
int ir_json_puts(ir_json *object, const char *key, const char *s); /* NULL s: nothing */
int ir_json_append(ir_json *array, ir_json *value);
void ir_json_remove(ir_json *object, const char *key);
void ir_json_remove_at(ir_json *array, size_t i);
bool ir_json_equal(const ir_json *a, const ir_json *b);

#define IR_JSON_COMPACT 0u
#define IR_JSON_PRETTY 1u /* two spaces */
#define IR_JSON_SORTED 2u /* keys in order: for what is hashed and compared */
int ir_must_use ir_json_dump(const ir_json *j, unsigned flags, ir_buf *out, imgrel_error *err);
/* The same, malloc'ed; NULL: no memory. */
char *ir_json_string(const ir_json *j, unsigned flags);

/* Shapes as tables: a row is a member. IR_J_STRING fills const char * (borrowed from the
 * document), INT int64_t, BOOL bool, OBJECT and ARRAY const ir_json *. */
enum ir_json_type { IR_J_STRING, IR_J_INT, IR_J_BOOL, IR_J_OBJECT, IR_J_ARRAY };
#define IR_J_REQUIRED 1u
typedef struct ir_json_row {
    const char *name;
    enum ir_json_type type;
    size_t offset;
    unsigned flags;
} ir_json_row;
/* Decodes by a table that ends with a NULL name. strict: unknown members are EINVAL. Errors name
 * what and the member: EPROTO (EINVAL when strict). */
int ir_must_use ir_json_decode(const ir_json *j, const ir_json_row *rows, bool strict,
                               const char *what, void *ret, imgrel_error *err);

#endif
