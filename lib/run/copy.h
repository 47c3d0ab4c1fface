/* copy.h - the copy engine: an image from any store to any store, in parallel, skipping and
 * mounting what can be. */
#ifndef IR_RUN_COPY_H
#define IR_RUN_COPY_H

#include "oci/store.h"

typedef struct ir_copied {
    char digest[IR_DIGEST_MAX];
    uint64_t blobs_copied, blobs_exist, blobs_mounted, bytes;
    uint64_t attached; /* referrers and digest tags that were copied */
    bool unchanged;    /* the destination's tag already was this image */
} ir_copied;
/* How a copy is made; zero is as it is, alone. */
typedef struct ir_copy_how {
    const ir_strv *tags; /* further tags for the destination; NULL: none */
    bool referrers;      /* with what refers to it, and to that */
    bool digest_tags;    /* with cosign's tags, sha256-<hex>.sig and the like */
    char format;         /* 'o' or 'd': manifests in OCI's or Docker's format; 0: as they are */
} ir_copy_how;
/* how NULL: as zero. call.platform chooses. */
int ir_must_use ir_copy(const ir_call *call, const ir_ref *from, const ir_ref *to,
                        const ir_copy_how *how, ir_copied *ret, imgrel_error *err);
/* The same between stores that are open: one manifest with all that it names, under a tag (NULL:
 * its digest). Nothing is looked up before it is sent but blobs; ret's counts are added to.
 * Finishing dst is the caller's. */
int ir_must_use ir_copy_manifest(const ir_call *call, ir_store *src, const char *selector,
                                 ir_store *dst, const char *tag, ir_copied *ret, imgrel_error *err);

#endif
