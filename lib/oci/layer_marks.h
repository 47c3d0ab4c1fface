/* layer_marks.h - what is known of each path of an image while its layers go by: 16 bytes a path,
 * however long its name is. Inside oci/layer only. */
#ifndef IR_OCI_LAYER_MARKS_H
#define IR_OCI_LAYER_MARKS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Layers are numbered from 1, the lowest; 0: none. The highest that did it: */
typedef struct ir_mark {
    uint64_t hash;
    uint16_t under;        /* hides what lower layers have below the path */
    uint16_t white;        /* hides what lower layers have at the path and below */
    uint16_t own : 13;     /* has an entry of that path: */
    uint16_t is_leaf : 1;  /* no folder */
    uint16_t is_link : 1;  /* a symbolic link */
    uint16_t is_late : 1;  /* a hard link that may not be written yet */
    uint16_t below : 13;   /* has an entry below the path */
    uint16_t wanted : 1;   /* a hard link waits for its content */
} ir_mark;
typedef struct ir_marks {
    ir_mark *v;
    size_t n, cap;
    uint64_t seed;
} ir_marks;
/* The path's mark; NULL: it has none. It moves when another is added. */
ir_mark *ir_marks_find(const ir_marks *m, const char *path, size_t len);
/* The same, added if it was not there. ENOMEM, ELIMIT. */
int ir_must_use ir_marks_at(ir_marks *m, const char *path, size_t len, ir_mark **ret,
                            imgrel_error *err);
uint64_t ir_marks_hash(const ir_marks *m, const char *path, size_t len);
void ir_marks_free(ir_marks *m);

/* EPROTO for a path that is absolute or leads out, ELIMIT for one that is too long. what: "name",
 * "link target". */
int ir_must_use ir_layer_path_check(const char *path, const char *what, imgrel_error *err);

#define IR_WHITEOUT ".wh."
#define IR_OPAQUE ".wh..wh..opq"

#endif
