/* copy_item.h - one image on its way to one or several destinations, and its three steps: what has
 * to go (copy.c), a blob (copy_blob.c), and the names at the end (copy.c). Whoever drives them
 * chooses on which threads; the blobs of an item may go in any order and at once. */
#ifndef IR_RUN_COPY_ITEM_H
#define IR_RUN_COPY_ITEM_H

#include "run/copy.h"
#include "run/copy_plan.h"

#include <pthread.h>

typedef struct ir_copy_dst {
    const ir_ref *ref;
    ir_store *store;     /* borrowed; NULL: it is not there, and this is a dry run */
    ir_strv tags, stale; /* that the image is to have; of them, those that it has not */
    bool looked;         /* have tells what its first tag is by now: "" if nothing */
    char have[IR_DIGEST_MAX];
    bool there;          /* the image is, under some name */
    bool over;           /* nothing more is to be done: unchanged, or it failed */
    bool no_mount;       /* a sibling's blob could not be mounted: it is not asked for again */
    int rc;
    imgrel_error err;
    ir_copied done;
} ir_copy_dst;

struct ir_copy_seen; /* copy_seen.h */

typedef struct ir_copy_item {
    const ir_copy_how *how;
    ir_store *src; /* borrowed */
    ir_copy_plan plan;
    ir_copy_dst *dst;
    size_t n_dst;
    struct ir_copy_seen *seen; /* what other items have put where; NULL: nothing is known */
    pthread_mutex_t lock;      /* guards what dst says of how it went */
} ir_copy_item;

static inline bool ir_copy_attaches(const ir_copy_how *how)
{
    return how->referrers || how->digest_tags;
}

/* dst: borrowed, as are the tags and stores in it until ir_copy_item_end. */
void ir_copy_item_begin(ir_copy_item *it);
void ir_copy_item_end(ir_copy_item *it); /* the tags and the plan, not the stores */

/* Reads the image that selector names (NULL: the source's own). */
int ir_must_use ir_copy_read(const ir_call *call, ir_copy_item *it, const char *selector,
                             imgrel_error *err);
/* Finds out which destinations need what; the plan lists all blobs unless none is needed. */
int ir_must_use ir_copy_compare(const ir_call *call, ir_copy_item *it, imgrel_error *err);
/* Fills in what the destination's only tag is by now, so that compare need not ask. */
int ir_must_use ir_copy_look(const ir_call *call, ir_copy_dst *d, imgrel_error *err);
/* A destination is still waiting for blobs. */
bool ir_copy_wants_blobs(ir_copy_item *it);
/* Instead of a copy: what it would send, in the destinations' counts. */
int ir_must_use ir_copy_measure(const ir_call *call, ir_copy_item *it, imgrel_error *err);
unsigned ir_copy_threads(const ir_call *call);
/* One blob of the plan into every destination that wants it, from one read. */
int ir_must_use ir_copy_blob(const ir_call *call, ir_copy_item *it, const ir_desc *d,
                             imgrel_error *err);
/* All of them, on the call's threads. */
int ir_must_use ir_copy_blobs(const ir_call *call, ir_copy_item *it, imgrel_error *err);
/* Manifests, then tags, where all blobs have arrived. */
int ir_must_use ir_copy_name(const ir_call *call, ir_copy_item *it, imgrel_error *err);

/* A destination failed: rc where that ends the item, 0 where the others go on. Takes e's words. */
int ir_must_use ir_copy_failed(const ir_call *call, ir_copy_item *it, ir_copy_dst *d, int rc,
                               const imgrel_error *e, imgrel_error *err);
/* The repository of the same registry that blobs can be mounted from; NULL: none. */
const char *ir_copy_near(const ir_ref *from, const ir_ref *to);

#endif
