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

#endif
