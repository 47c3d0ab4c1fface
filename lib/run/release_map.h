/* release_map.h - a mapping of a release file, read by a table of its keys: a key that no table
 * has, a value of another type and a name that breaks its rule are refused with line and column. */
#ifndef IR_RUN_RELEASE_MAP_H
#define IR_RUN_RELEASE_MAP_H

#include "fmt/yaml.h"

/* PORT and COUNT (1 to 1000) are read into an int64_t. */
enum ir_rel_type { STRING, PORT, COUNT, BOOL, MAP, LIST };
#define REQUIRED 1u

/* One key of a mapping; check returns what is wrong with a string, or NULL. A table ends with a
 * NULL name. */
typedef struct ir_rel_key {
    const char *name;
    enum ir_rel_type type;
    size_t offset;
    unsigned flags;
    const char *(*check)(const char *s);
} ir_rel_key;

/* what: of the mapping, for errors ("harbor.robots"). What the mapping has not is left as it is. */
int ir_must_use ir_rel_map_read(const ir_yaml *y, const ir_json *map, const ir_rel_key *keys,
                                const char *what, void *ret, imgrel_error *err);

#endif
