/* copy.h - the copy engine: an image from any store to any store, in parallel, skipping and
 * mounting what can be. */
#ifndef IR_RUN_COPY_H
#define IR_RUN_COPY_H

#include "oci/store.h"

typedef struct ir_copied {
    char digest[IR_DIGEST_MAX];
    uint64_t blobs_copied, blobs_exist, blobs_mounted, bytes;
    bool unchanged; /* the destination's tag already was this image */
} ir_copied;
/* tags: further tags for the destination (may be NULL). call.platform chooses. */
int ir_must_use ir_copy(const ir_call *call, const ir_ref *from, const ir_ref *to,
                        const ir_strv *tags, ir_copied *ret, imgrel_error *err);
/* The same between stores that are open: one manifest with all that it names, under a tag (NULL:
 * its digest). Nothing is looked up before it is sent but blobs; ret's counts are added to. Finishing
 * dst is the caller's. */
int ir_must_use ir_copy_manifest(const ir_call *call, ir_store *src, const char *selector,
                                 ir_store *dst, const char *tag, ir_copied *ret,
                                 imgrel_error *err);

#endif
