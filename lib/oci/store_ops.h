/* store_ops.h - what a kind of store is made of, for the files of this folder. store.c calls these
 * for everybody else, and keeps what all kinds share: the one place that verifies what is read. */
#ifndef IR_OCI_STORE_OPS_H
#define IR_OCI_STORE_OPS_H

#include "oci/store.h"

typedef struct ir_store_ops {
    int (*finish)(ir_store *s, const ir_call *call, imgrel_error *err);
    void (*free)(ir_store *s);
    int (*mounts_from)(ir_store *s, const char *repository); /* NULL: nothing to do */
    int (*manifest_get)(ir_store *s, const ir_call *call, const char *selector, ir_manifest *ret,
                        imgrel_error *err);
    int (*manifest_head)(ir_store *s, const ir_call *call, const char *selector, ir_desc *ret,
                         imgrel_error *err);
    int (*manifest_put)(ir_store *s, const ir_call *call, const ir_manifest *m, const char *tag,
                        imgrel_error *err);
    int (*manifest_put_tags)(ir_store *s, const ir_call *call, const ir_manifest *m,
                             const ir_strv *tags, imgrel_error *err); /* NULL: one by one */
    int (*manifest_delete)(ir_store *s, const ir_call *call, const char *selector,
                           imgrel_error *err);
    int (*blob_exists)(ir_store *s, const ir_call *call, const ir_desc *d, int64_t *ret_size,
                       imgrel_error *err);
    int (*blob_open)(ir_store *s, const ir_call *call, const ir_desc *d, ir_reader **ret,
                     imgrel_error *err);
    int (*blob_resume)(ir_store *s, const ir_call *call, const ir_desc *d, int fd, int64_t from,
                       ir_reader **ret, imgrel_error *err); /* NULL: it can't */
    int (*blob_fetch)(ir_store *s, const ir_call *call, const ir_desc *d, ir_fetch *how,
                      imgrel_error *err); /* NULL: it can't */
    int (*blob_have)(ir_store *s, const ir_call *call, const ir_desc *d,
                     const char *from_repository, imgrel_error *err);
    int (*blob_put)(ir_store *s, const ir_call *call, const ir_desc *d, const ir_body *body,
                    const char *from_repository, const char **ret_state, imgrel_error *err);
    int (*blob_create)(ir_store *s, const ir_call *call, ir_writer **ret, imgrel_error *err);
    int (*blob_delete)(ir_store *s, const ir_call *call, const ir_desc *d,
                       imgrel_error *err); /* NULL: it can't */
    int (*tags)(ir_store *s, const ir_call *call, ir_pages **ret, imgrel_error *err);
    int (*referrers)(ir_store *s, const ir_call *call, const char *digest,
                     const char *artifact_type, ir_pages **ret, imgrel_error *err);
} ir_store_ops;

/* Every kind begins with this. */
struct ir_store {
    const ir_store_ops *ops;
    ir_ref ref;
    unsigned flags;
};
void ir_store_clear(ir_store *s); /* the common part */
/* "host/repository" or the path: how errors name the place. */
const char *ir_store_where(const ir_store *s);

int ir_must_use ir_registry_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                                 ir_store **ret, imgrel_error *err);
int ir_must_use ir_layout_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                               ir_store **ret, imgrel_error *err);
int ir_must_use ir_oci_archive_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                                    ir_store **ret, imgrel_error *err);
int ir_must_use ir_docker_archive_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                                       ir_store **ret, imgrel_error *err);

/* A reader gives bytes; reader.c counts, hashes and verifies them. */
typedef struct ir_reader_ops {
    int64_t (*read)(ir_reader *r, void *buf, size_t len, imgrel_error *err);
    void (*close)(ir_reader *r); /* frees r itself too */
} ir_reader_ops;
struct ir_reader {
    const ir_reader_ops *ops;
    ir_hash *hash;
    char digest[IR_DIGEST_MAX];
    char *where;
    int64_t size, done;
    bool trusted; /* verified elsewhere: not hashed */
    int code; /* of the failure that ended it, or 1 once it is verified */
};
int ir_must_use ir_reader_init(ir_reader *r, const ir_reader_ops *ops, const char *where,
                               const ir_desc *d, imgrel_error *err);
void ir_reader_clear(ir_reader *r);
/* The first `len` bytes of a file as if they had been read from r, or written to w. fd -1: they are
 * elsewhere, and so is who verifies them. */
int ir_must_use ir_reader_adopt(ir_reader *r, int fd, int64_t len, imgrel_error *err);
/* A reader of bytes that are at hand (inline data); they are copied. */
int ir_must_use ir_reader_memory(const void *p, size_t len, const ir_desc *d, ir_reader **ret,
                                 imgrel_error *err);

/* A writer keeps bytes; writer.c hashes them. commit is given the digest that was verified. */
typedef struct ir_writer_ops {
    int (*write)(ir_writer *w, const void *p, size_t len, imgrel_error *err);
    int (*commit)(ir_writer *w, const char *digest, imgrel_error *err);
    void (*free)(ir_writer *w); /* without commit before it: cancels; frees w itself too */
} ir_writer_ops;
struct ir_writer {
    const ir_writer_ops *ops;
    ir_hash *hash;
    const char *algorithm;
    int64_t size;
    bool verified; /* what is written was checked against its digest: it is not hashed again */
    bool committed;
};
int ir_must_use ir_writer_init(ir_writer *w, const ir_writer_ops *ops, const char *algorithm,
                               imgrel_error *err);
void ir_writer_clear(ir_writer *w);
int ir_must_use ir_writer_adopt(ir_writer *w, int fd, int64_t len, imgrel_error *err);

/* Reads a body's next bytes, from its source or from memory (*at counts what was taken). */
int64_t ir_must_use ir_body_take(const ir_body *body, int64_t *at, void *buf, size_t len,
                                 imgrel_error *err);
/* All of a body into a writer, and its commit under the descriptor's digest. */
int ir_must_use ir_body_store(const ir_call *call, const ir_body *body, ir_writer *w,
                              const ir_desc *d, imgrel_error *err);

/* Whether an upload may well go better from its beginning: what was sent was spoilt on its way, or
 * the registry lost it. */
bool ir_worth_sending_again(const imgrel_error *e);
/* Whether what came of a transfer that failed so is of use to the next: it was not the content. */
bool ir_worth_resuming(int code);

/* Pages of items that are known already; takes the list. */
int ir_must_use ir_pages_list(ir_strv *items, ir_pages **ret, imgrel_error *err);

#endif
