/* toml.h - TOML 1.0 as JSON values, and back: what registries.conf, hosts.toml and config.toml are
 * made of. Dates, inf and nan, which none of them has, are refused by name. Keys keep their
 * order. */
#ifndef IR_FMT_TOML_H
#define IR_FMT_TOML_H

#include "fmt/json.h"

/* name: the file's, for errors ("hosts.toml:3:5: ..."; EINVAL, or ELIMIT over IR_TOML_MAX bytes,
 * IR_TOML_NODES_MAX values or IR_TOML_DEPTH_MAX levels). The root is an object. */
int ir_must_use ir_toml_parse(const char *p, size_t len, const char *name, ir_json **ret,
                              imgrel_error *err);
/* Writes an object: its values first, then a [table] for each object and a [[table]] for each
 * object of an array of them. EINVAL: it holds null, which TOML has no word for. */
int ir_must_use ir_toml_write(const ir_json *j, ir_buf *out, imgrel_error *err);

#endif
