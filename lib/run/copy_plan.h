/* copy_plan.h - what a copy consists of, before a byte of it moves. */
#ifndef IR_RUN_COPY_PLAN_H
#define IR_RUN_COPY_PLAN_H

#include "run/copy.h"

typedef struct ir_copy_plan {
    ir_manifest top;       /* as the destination gets it */
    ir_manifest *children; /* of an index; what names others comes after them */
    size_t n_children, bytes;
    bool complete;         /* the children are all there */
    const ir_desc **blobs; /* each once, the biggest first; borrowed from the manifests */
    size_t n_blobs;
} ir_copy_plan;

/* Reads the image that selector names (NULL: the source's own), cut down to the platforms (NULL:
 * all). attested: of several platforms, with what attests them. */
int ir_must_use ir_copy_plan_top(const ir_call *call, ir_store *src, const char *selector,
                                 const char *platforms, bool attested,
                                 ir_copy_plan *ret, imgrel_error *err);
/* Reads the manifests below it; what was read already is not again. */
int ir_must_use ir_copy_plan_children(const ir_call *call, ir_store *src, ir_copy_plan *p,
                                      imgrel_error *err);
/* The same, and gives all of it the other format ('o' OCI's, 'd' Docker's). */
int ir_must_use ir_copy_plan_convert(const ir_call *call, ir_store *src, ir_copy_plan *p,
                                     char format, imgrel_error *err);
/* The same, and lists the blobs. */
int ir_must_use ir_copy_plan_rest(const ir_call *call, ir_store *src, ir_copy_plan *p,
                                  imgrel_error *err);
void ir_copy_plan_free(ir_copy_plan *p);

/* copy_referrers.c: what how says goes along with the plan's manifests, which dst has by now. */
int ir_must_use ir_copy_attached(const ir_call *call, ir_store *src, ir_store *dst,
                                 const ir_copy_plan *p, const ir_copy_how *how, ir_copied *ret,
                                 imgrel_error *err);

#endif
