/* layer_root.h - folders inside a root: a link of an image leads where it would lead in the
 * container and never out of it. Inside oci/layer only. */
#ifndef IR_OCI_LAYER_ROOT_H
#define IR_OCI_LAYER_ROOT_H

#include "base/error.h"

#include <stdbool.h>

typedef struct ir_root {
    int fd;
    bool scoped; /* the kernel resolves inside the root for us (openat2, Linux 5.6) */
} ir_root;
/* 0, or -1 and errno. */
int ir_must_use ir_root_open(ir_root *r, const char *path);
void ir_root_close(ir_root *r);
/* The folder at path (relative; "" is the root), or -1 and errno. */
int ir_must_use ir_root_folder(ir_root *r, const char *path);
/* The folder that holds path, and path's last name (borrowed from path). make: with the folders
 * that are missing. path is changed and put back. -1 and errno. */
int ir_must_use ir_root_parent(ir_root *r, char *path, bool make, const char **ret_name);

#endif
