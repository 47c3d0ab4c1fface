/* store.h - a place that holds images: a repository in a registry, an OCI layout, an archive. The
 * copy engine, the assembler and the public API know only this. A store belongs to a call and may
 * be used by several worker threads at once, each with its own ir_call. */
#ifndef IR_OCI_STORE_H
#define IR_OCI_STORE_H

#include "fmt/ref.h"
#include "net/call.h"
#include "net/http.h"
#include "oci/descriptor.h"

typedef struct ir_store ir_store;
typedef struct ir_reader ir_reader; /* a blob on its way out, verified at its end */
typedef struct ir_writer ir_writer; /* a blob on its way in */

#define IR_STORE_READ 1u
#define IR_STORE_WRITE 2u
#define IR_STORE_DELETE 4u
#define IR_STORE_MIRRORS 8u /* what is read may come from a mirror (net/mirrors.h) */
#define IR_PULL (IR_STORE_READ | IR_STORE_MIRRORS)
/* Opens the place that a reference names. Registry tokens are asked for with the scopes that the
 * flags need. A layout or archive to be written is created when it is missing. */
int ir_must_use ir_store_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                              ir_store **ret, imgrel_error *err);
/* Ends what a writer keeps open (an archive's trailer, a layout's index); call before free. */
int ir_must_use ir_store_finish(ir_store *s, const ir_call *call, imgrel_error *err);
void ir_store_free(ir_store *s);
const ir_ref *ir_store_ref(const ir_store *s);

/* selector: tag or digest (NULL: the reference's own, or the only image of a local place). */
int ir_must_use ir_store_manifest_get(ir_store *s, const ir_call *call, const char *selector,
                                      ir_manifest *ret, imgrel_error *err);
/* Its descriptor alone: HEAD in a registry. ENOTFOUND when it is not there. */
int ir_must_use ir_store_manifest_head(ir_store *s, const ir_call *call, const char *selector,
                                       ir_desc *ret, imgrel_error *err);
/* Under a tag, or under its digest when tag is NULL. */
int ir_must_use ir_store_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m,
                                      const char *tag, imgrel_error *err);
/* Under several tags, in as few requests as the place knows to do it in. */
int ir_must_use ir_store_manifest_put_tags(ir_store *s, const ir_call *call, const ir_manifest *m,
                                           const ir_strv *tags, imgrel_error *err);
int ir_must_use ir_store_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                                         imgrel_error *err);

/* The manifest of an image for one platform: an index (or an index in an index) is followed, a
 * single manifest is checked against its config. want NULL: whatever the selector names.
 * ENOTFOUND lists the platforms that there are. */
int ir_must_use ir_store_image_get(ir_store *s, const ir_call *call, const char *selector,
                                   const ir_platform *want, ir_manifest *ret, imgrel_error *err);

/* Blobs will be mounted from that repository of the same registry: the token is asked for with the
 * right to pull there too. Call before the first request; nothing happens in a local place. */
int ir_must_use ir_store_mounts_from(ir_store *s, const char *repository);
/* 1 it has the blob, 0 not, or a code. ret_size (may be NULL): bytes, -1 if it was not said. */
int ir_must_use ir_store_blob_exists(ir_store *s, const ir_call *call, const ir_desc *d,
                                     int64_t *ret_size, imgrel_error *err);
int ir_must_use ir_store_blob_open(ir_store *s, const ir_call *call, const ir_desc *d,
                                   ir_reader **ret, imgrel_error *err);
/* The same from byte `from` on; fd's first `from` bytes are those before it, and are verified with
 * the rest at the end; fd -1: nothing is verified, for whoever takes the bytes does that.
 * EUNSUPPORTED where nothing is gained by it. */
int ir_must_use ir_store_blob_resume(ir_store *s, const ir_call *call, const ir_desc *d, int fd,
                                     int64_t from, ir_reader **ret, imgrel_error *err);
/* A large blob straight into a file, in several ranges at once. */
typedef struct ir_fetch {
    int fd;            /* what it has of the blob, but for its holes, is not fetched again */
    unsigned attempt;  /* told with the progress */
    bool kept;         /* out: something was there before */
    ir_reader *reader; /* out: all of the blob, when the answer was that; else untouched */
} ir_fetch;
/* 1: it is there and verified. 0: that can't be done here, or is not worth it: read the blob, from
 * how.reader if there is one now. EDIGEST: the file's content is not the blob. */
int ir_must_use ir_store_blob_fetch(ir_store *s, const ir_call *call, const ir_desc *d,
                                    ir_fetch *how, imgrel_error *err);
/* Up to len bytes, 0 at a verified end, or a code (EDIGEST). Broken connections are resumed. The
 * last bytes of a blob of known size are given only after all of it was verified. The call must
 * outlive the reader. */
int64_t ir_must_use ir_reader_read(ir_reader *r, void *buf, size_t len, imgrel_error *err);
int64_t ir_reader_size(const ir_reader *r); /* -1: unknown */
/* Who takes the bytes verifies them: only their number is looked at here. Before the first read. */
void ir_reader_trust(ir_reader *r);
void ir_reader_close(ir_reader *r);
/* All of a small blob (config) into out, whose cap applies. */
int ir_must_use ir_store_blob_read(ir_store *s, const ir_call *call, const ir_desc *d, ir_buf *out,
                                   imgrel_error *err);

/* Tries to have the blob without sending it: it is there already, or is mounted from
 * `from_repository` of the same registry (NULL: don't). 1 it is there now, 0 must be sent. */
int ir_must_use ir_store_blob_have(ir_store *s, const ir_call *call, const ir_desc *d,
                                   const char *from_repository, imgrel_error *err);
/* Sends a blob of known digest and size from a repeatable source (body.rewind set) or one that
 * can't be repeated. Mounts or skips first as above. ret_state (may be NULL): "exists", "mounted"
 * or "pushed", static. */
int ir_must_use ir_store_blob_put(ir_store *s, const ir_call *call, const ir_desc *d,
                                  const ir_body *body, const char *from_repository,
                                  const char **ret_state, imgrel_error *err);
/* From a regular file, from its position on (hashed first; ret gets digest and size), and to a
 * file from its position on, verified: blob_file.c. */
int ir_must_use ir_store_blob_from_fd(ir_store *s, const ir_call *call, int fd, ir_desc *ret,
                                      imgrel_error *err);
int ir_must_use ir_store_blob_to_fd(ir_store *s, const ir_call *call, const ir_desc *d, int fd,
                                    imgrel_error *err);
/* Streams a blob of unknown digest and size. commit: digest NULL: what was written; else it must
 * match (EDIGEST). ret gets digest and size. Free without commit cancels. */
int ir_must_use ir_store_blob_create(ir_store *s, const ir_call *call, ir_writer **ret,
                                     imgrel_error *err);
int ir_must_use ir_writer_write(ir_writer *w, const void *p, size_t len, imgrel_error *err);
int ir_must_use ir_writer_commit(ir_writer *w, const char *digest, ir_desc *ret,
                                 imgrel_error *err);
void ir_writer_free(ir_writer *w);

/* A blob alone, whatever names it. EUNSUPPORTED in a local place. */
int ir_must_use ir_store_blob_delete(ir_store *s, const ir_call *call, const ir_desc *d,
                                     imgrel_error *err);

/* Names of the place's tags, the descriptors (JSON) that refer to a manifest, the repositories of
 * a registry: item by item, page by page. artifact_type NULL: all. */
typedef struct ir_pages ir_pages;
int ir_must_use ir_store_tags(ir_store *s, const ir_call *call, ir_pages **ret, imgrel_error *err);
int ir_must_use ir_store_referrers(ir_store *s, const ir_call *call, const char *digest,
                                   const char *artifact_type, ir_pages **ret, imgrel_error *err);
int ir_must_use ir_catalog(const ir_call *call, const char *host, ir_pages **ret,
                           imgrel_error *err);
/* 1 with *ret (borrowed until the next call), 0 at the end, or a code. */
int ir_must_use ir_pages_next(ir_pages *p, const ir_call *call, const char **ret,
                              imgrel_error *err);
void ir_pages_free(ir_pages *p);

#endif
