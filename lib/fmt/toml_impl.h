/* toml_impl.h - the reader of TOML, shared by toml.c (keys, tables) and toml_value.c (values). */
#ifndef IR_FMT_TOML_IMPL_H
#define IR_FMT_TOML_IMPL_H

#include "base/str.h"
#include "fmt/toml.h"

/* What a table or array may still become. One that is not known was written as a value ({...} or
 * [...]) and is closed. */
enum ir_toml_kind {
    IR_TOML_CLOSED,
    IR_TOML_IMPLICIT, /* only named on the way to another: may get its own header once */
    IR_TOML_HEADER,
    IR_TOML_DOTTED, /* by a dotted key: open to other such keys */
    IR_TOML_TABLES  /* an array of tables: open to [[...]] */
};

typedef struct ir_toml {
    const char *name;
    const char *at; /* NUL-terminated; a NUL is the end */
    const char *line_start;
    size_t line, n_nodes;
    struct ir_toml_mark *marks; /* which node is of what kind: open addressing */
    size_t n_marks, cap_marks;
    imgrel_error *err;
} ir_toml;

/* Fails at where the reader is. */
int ir_toml_fail(const ir_toml *t, const char *fmt, ...) IR_PRINTF(2, 3);
void ir_toml_blank(ir_toml *t); /* past spaces and tabs */
/* Past blanks, comments and line ends. */
void ir_toml_space(ir_toml *t);
bool ir_toml_newline(ir_toml *t); /* past one line end, if there is one */
/* A key, its parts in ret. */
int ir_must_use ir_toml_key(ir_toml *t, ir_strv *ret);
/* Puts a value under a key of an object that is being read. Takes value. */
int ir_must_use ir_toml_assign(ir_toml *t, ir_json *object, const ir_strv *key, ir_json *value);
/* The string that begins here; multi: """ and ''' are allowed. */
int ir_must_use ir_toml_string(ir_toml *t, bool multi, ir_buf *out);
int ir_must_use ir_toml_value(ir_toml *t, unsigned depth, ir_json **ret);

#endif
