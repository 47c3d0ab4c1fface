/* yaml.h - YAML (libyaml) as JSON values with places: a document becomes an ir_json, and the line
 * and column of every node are kept beside it for errors. Anchors and aliases are refused (a
 * billion laughs), as are duplicate keys and more than one document. */
#ifndef IR_FMT_YAML_H
#define IR_FMT_YAML_H

#include "fmt/json.h"

typedef struct ir_yaml ir_yaml;
/* name: the file's, for errors ("release.yaml:3:5: ..."; EINVAL). Plain scalars follow YAML 1.2
 * core: null, true/false, integers; all else (1.0.0, 1.22, yes) stays a string as written. */
int ir_must_use ir_yaml_parse(const char *p, size_t len, const char *name, ir_yaml **ret,
                              imgrel_error *err);
/* Every document of a stream ("---"), for manifests. */
int ir_must_use ir_yaml_parse_all(const char *p, size_t len, const char *name, ir_yaml ***ret,
                                  size_t *ret_n, imgrel_error *err);
const ir_json *ir_yaml_root(const ir_yaml *y); /* borrowed */
/* Line and column (from 1) of a node of that tree; of a member's key with ir_yaml_key_place. */
bool ir_yaml_place(const ir_yaml *y, const ir_json *node, int *ret_line, int *ret_column);
bool ir_yaml_key_place(const ir_yaml *y, const ir_json *object, const char *key, int *ret_line,
                       int *ret_column);
/* ir_fail with "name:line:column: " before the text. key NULL: the node itself. */
int ir_yaml_fail(const ir_yaml *y, const ir_json *node, const char *key, imgrel_error *err,
                 const char *fmt, ...) IR_PRINTF(5, 6);
void ir_yaml_free(ir_yaml *y);
/* Writes a value as YAML (block style, keys in their order). */
int ir_must_use ir_yaml_write(const ir_json *j, ir_buf *out, imgrel_error *err);

#endif
