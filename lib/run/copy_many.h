/* copy_many.h - whole repositories, and whole registries: their images go one by one through the
 * copy engine, but share its threads, its connections and what is known of blobs. */
#ifndef IR_RUN_COPY_MANY_H
#define IR_RUN_COPY_MANY_H

#include "run/copy.h"
#include "run/copy_match.h"

#define IR_COPY_TARGETS_MAX 32
#define IR_COPY_FAILURES_MAX 100

typedef struct ir_copy_many {
    ir_ref from;    /* a repository or a local place; all of a registry: its host alone */
    ir_ref *to;     /* the same; for all of a registry what its repositories go under */
    size_t n_to;
    ir_match repositories; /* of a registry */
    ir_match tags;
    const ir_json *map; /* {"team/app": "mirror/app"}: repositories, or what they begin with */
    size_t latest;      /* only so many of the highest versions; 0: all tags */
    bool digest_tags;   /* with those that cosign gives a digest, whatever the patterns say */
    bool prune;         /* delete tags that the patterns mean and the source has not */
    uint64_t share, shares; /* only this share (from 0) of so many; 0: all of it */
    ir_copy_how how;
} ir_copy_many;
/* The parts, not m. */
void ir_copy_many_free(ir_copy_many *m);

/* How it went; items are tags times destinations. */
typedef struct ir_copy_sum {
    uint64_t items, copied, unchanged, failed, deleted;
    uint64_t blobs_copied, blobs_exist, blobs_mounted, bytes;
    ir_json *failures; /* the first of them: {"from", "to", "error"} */
} ir_copy_sum;

/* Each item is reported as it ends (IMGREL_EVENT_ITEM). With how.keep_going 0 even though items
 * failed: sum tells. sum's failures are to be freed in either case. */
int ir_must_use ir_copy_many_run(const ir_call *call, const ir_copy_many *m, ir_copy_sum *ret,
                                 imgrel_error *err);

/* ---- inside: which items there are (copy_list.c) -------------------------------------------- */

/* A repository, and where it goes; shared by its items. */
typedef struct ir_copy_repo {
    ir_ref from;
    ir_store *src;
    ir_ref *to;
    ir_store **dst; /* NULL in it: a dry run, and it is not there yet */
    size_t n;
    uint64_t *names; /* hashes of the tags that were chosen, for prune */
    size_t n_names;
    /* guarded by the one who drives the items */
    unsigned users;  /* items on their way, and the list while it goes on */
    unsigned failed; /* items */
} ir_copy_repo;

typedef struct ir_copy_list ir_copy_list;
int ir_must_use ir_copy_list_new(const ir_copy_many *m, ir_copy_list **ret, imgrel_error *err);
void ir_copy_list_free(ir_copy_list *l);
#define IR_LIST_TAG 1  /* the next one, of a repository that the list still uses */
#define IR_LIST_DONE 2 /* that repository has no more: the list's own use of it is the caller's */
/* One of these, 0 at the end of all, or a code: with a repository as for DONE if only that one
 * could not be listed. The tag is the caller's. */
int ir_must_use ir_copy_list_next(const ir_call *call, ir_copy_list *l, ir_copy_repo **ret_repo,
                                  char **ret_tag, imgrel_error *err);
/* What destination i calls a tag or name of the source, malloc'ed. */
char *ir_copy_repo_tag(const ir_copy_repo *r, size_t i, const char *name);
bool ir_copy_repo_chose(const ir_copy_repo *r, const char *tag);
/* Whether a tag of the one repository is of the share. Of a registry whole repositories are shared
 * out, whose images have layers in common. */
bool ir_copy_shares_tag(const ir_copy_many *m, const char *tag);
void ir_copy_repo_free(ir_copy_repo *r);

#endif
