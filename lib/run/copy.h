/* copy.h - the copy engine: an image from any store to any stores, in parallel, read once whatever
 * the number of destinations, skipping and mounting what can be. */
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
    const ir_strv *tags;   /* further tags for the destinations; NULL: none */
    const char *platforms; /* "linux/amd64,linux/arm64"; NULL: the call's */
    bool referrers;        /* with what refers to it, and to that */
    bool digest_tags;      /* with cosign's tags, sha256-<hex>.sig and the like */
    bool keep_going;       /* a destination that fails does not end the others */
    char format;           /* 'o' or 'd': manifests in OCI's or Docker's format; 0: as they are */
} ir_copy_how;

/* A destination, and how it went there: rc 0, or the failure that err tells. */
typedef struct ir_copy_to {
    ir_ref ref;
    int rc;
    imgrel_error err;
    ir_copied done;
} ir_copy_to;
void ir_copy_to_free(ir_copy_to *to, size_t n); /* frees the array too */

/* how NULL: as zero. call.platform chooses. */
int ir_must_use ir_copy(const ir_call *call, const ir_ref *from, const ir_ref *to,
                        const ir_copy_how *how, ir_copied *ret, imgrel_error *err);
/* The same to several destinations from one read. With how->keep_going 0 even though some may have
 * failed: each says so. */
int ir_must_use ir_copy_each(const ir_call *call, const ir_ref *from, ir_copy_to *to, size_t n,
                             const ir_copy_how *how, imgrel_error *err);
/* The same between stores that are open: one manifest with all that it names, under a tag (NULL:
 * its digest). Nothing is looked up before it is sent but blobs; ret's counts are added to.
 * Finishing dst is the caller's. */
int ir_must_use ir_copy_manifest(const ir_call *call, ir_store *src, const char *selector,
                                 ir_store *dst, const char *tag, ir_copied *ret, imgrel_error *err);

#endif
