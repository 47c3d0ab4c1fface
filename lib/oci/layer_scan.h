/* layer_scan.h - what goes into a layer, listed and put in order. Inside oci/layer only. */
#ifndef IR_OCI_LAYER_SCAN_H
#define IR_OCI_LAYER_SCAN_H

#include "oci/image.h"

/* One entry to be. path is as in the tar; from is its source's index, or IR_ITEM_PARENT for a
 * folder that only leads to a source's place. */
typedef struct ir_item {
    char *path;
    uint32_t from;
    size_t skip; /* where the path inside the source begins */
    char type;   /* as ir_tar_entry's, but never 'h' */
    bool shared; /* has several names on disk */
    int mode;
    int64_t size, mtime_s, uid, gid;
    uint64_t dev, ino;
    const char *link_to; /* the first name of the same file in this layer; borrowed */
} ir_item;
#define IR_ITEM_PARENT UINT32_MAX
typedef struct ir_items {
    ir_item *v;
    size_t n, cap;
} ir_items;

/* Lists the sources in bytewise order of path, each path once (a later source's file replaces an
 * earlier one's). Errors: ENOTFOUND, EIO, EINVAL (a bad place, a folder and a file at one path),
 * EUNSUPPORTED (a device), ELIMIT. */
int ir_must_use ir_items_scan(const ir_call *call, const ir_layer_from *from, size_t n,
                              ir_items *ret, imgrel_error *err);
void ir_items_free(ir_items *l);
/* Where an item is on disk, malloc'ed. NULL: no memory. */
char *ir_item_source(const ir_layer_from *from, const ir_item *item);
/* EINVAL unless `to` is an absolute path without empty, "." or ".." parts; ENOTFOUND and the like
 * when the source can't be looked at. */
int ir_must_use ir_layer_from_check(const ir_layer_from *from, imgrel_error *err);
/* Is this source a layer that is ready: a tar, plain or compressed, whose place is "/"? */
bool ir_layer_is_tar(const ir_layer_from *from);

#endif
