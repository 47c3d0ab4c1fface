/* copy_plan.h - what a copy consists of, before a byte of it moves. */
#ifndef IR_RUN_COPY_PLAN_H
#define IR_RUN_COPY_PLAN_H

#include "oci/store.h"

typedef struct ir_copy_plan {
    ir_manifest top;       /* as the destination gets it */
    ir_manifest *children; /* of an index; what names others comes after them */
    size_t n_children, bytes;
    const ir_desc **blobs; /* each once, the biggest first; borrowed from the manifests */
    size_t n_blobs;
} ir_copy_plan;

/* Reads the source's image, cut down to the platforms (NULL: all). */
int ir_must_use ir_copy_plan_top(const ir_call *call, ir_store *src, const char *platforms,
                                 ir_copy_plan *ret, imgrel_error *err);
/* Reads everything below it and lists the blobs. */
int ir_must_use ir_copy_plan_rest(const ir_call *call, ir_store *src, ir_copy_plan *p,
                                  imgrel_error *err);
void ir_copy_plan_free(ir_copy_plan *p);

#endif
