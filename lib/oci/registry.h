/* registry.h - a repository of a registry from the inside (distribution-spec v1.1): what its files
 * share. registry.c speaks of manifests, registry_read.c of blobs that come (registry_range.c: in
 * several ranges at once), registry_push.c of blobs that go, registry_write.c of blobs whose digest
 * is not known before, pages.c of lists, registry_mirror.c of the places that are asked first. */
#ifndef IR_OCI_REGISTRY_H
#define IR_OCI_REGISTRY_H

#include "net/mirrors.h"
#include "oci/store_ops.h"

#include <pthread.h>

/* An upload that the registry began when it was asked to mount; kept for the one who sends. */
typedef struct ir_upload_begun {
    char digest[IR_DIGEST_MAX];
    char *location;
    struct ir_upload_begun *next;
} ir_upload_begun;

/* Whether the registry takes a blob in a single POST: nobody knows, somebody asks, yes, no. */
enum ir_single { IR_SINGLE_UNKNOWN, IR_SINGLE_ASKED, IR_SINGLE_TAKEN, IR_SINGLE_REFUSED };

typedef struct ir_registry {
    ir_store base;
    ir_endpoint at;           /* where it is: "https://host/v2/repository", login, TLS */
    bool is_mirror;           /* of another: asked once, briefly */
    struct ir_registry **mirrors; /* asked first when something is read, in order; often none */
    size_t n_mirrors;
    bool down, lied, served;  /* of a mirror; under its own lock */
    char *scope, *scope_from; /* of the repository; of the one that is mounted from (NULL: none) */
    const char *scopes[2];
    ir_auth auth;
    pthread_mutex_t lock;     /* guards the rest */
    bool from_refused;        /* the other repository must not be named to mount from */
    ir_upload_begun *begun;
    enum ir_single single;
    bool found, missed;       /* a blob was there already, or was not */
} ir_registry;

/* The store that s is. */
static inline ir_registry *ir_registry_of(ir_store *s)
{
    return (ir_registry *)s;
}

/* url + the formatted rest, malloc'ed; NULL: no memory. */
char *ir_registry_url(const ir_registry *r, const char *fmt, ...) IR_PRINTF(2, 3);
/* A request to the repository, authenticated; the caller fills in the rest. */
ir_request ir_registry_request(const ir_registry *r, const char *method, const char *url);
/* Fails as a reply says, with the registry's own code and words. object: "host/repo:tag". */
int ir_registry_fail(const ir_request *req, const ir_reply *reply, const char *host,
                     const char *object, imgrel_error *err);
/* The same for "repository@digest" of r. */
int ir_registry_fail_blob(const ir_registry *r, const ir_request *req, const ir_reply *reply,
                          const char *digest, imgrel_error *err);
/* Tries of what one exchange can't repeat by itself, under the same policy (net/retry.h). */
typedef struct ir_again {
    unsigned n; /* that failed */
    int64_t waited_ms;
} ir_again;
/* 1: the wait before the next try is over; 0: there is none (why stands); or a code. anyway: why
 * may pass though it does not look so. */
int ir_must_use ir_registry_again(const ir_call *call, const char *what, ir_again *a,
                                  const imgrel_error *why, bool anyway, imgrel_error *err);

/* The flag of requests about a blob of that size (-1: unknown): a large one has its own HTTP/1.1
 * connection from its first request on, a small one is not worth another handshake. */
unsigned ir_registry_bulk(int64_t size);

/* registry.c; takes at. */
int ir_must_use ir_registry_new(const ir_ref *ref, unsigned flags, ir_endpoint *at,
                                ir_registry **ret, imgrel_error *err);

/* registry_mirror.c */
/* Gives r the mirrors that are at these endpoints, which are taken. */
int ir_must_use ir_registry_set_mirrors(ir_registry *r, const ir_call *call, ir_endpoints *all,
                                        imgrel_error *err);
/* The places to ask for a thing of r, r itself among them; NULL past the last:
 *     ir_registry *place = ir_places_begin(r, &p);
 *     do
 *         rc = ask(place, &e);
 *     while (rc < 0 && (place = ir_places_after(&p, place, call, rc, &e))); */
typedef struct ir_places {
    ir_registry *r;
    size_t at;
    bool own_first;
} ir_places;
ir_registry *ir_places_begin(ir_registry *r, ir_places *ret);
ir_registry *ir_places_next(ir_places *p);
/* The next one after `place` failed with rc, and err cleared; NULL (err stays) where there is none
 * or the call is over. */
ir_registry *ir_places_after(ir_places *p, ir_registry *place, const ir_call *call, int rc,
                             imgrel_error *err);
/* A mirror could not give something, or (EDIGEST) gave other bytes. */
void ir_registry_blame(ir_registry *place, const ir_call *call, int rc, const char *why);
/* Bytes of several places are wrong together: it may have been any of the mirrors. */
void ir_registry_distrust(ir_registry *r, const ir_call *call);
/* A mirror gave what was asked for: says so, once. */
void ir_registry_served(ir_registry *place, const ir_call *call);

/* registry_read.c */
int ir_must_use ir_registry_blob_exists(ir_store *s, const ir_call *call, const ir_desc *d,
                                        int64_t *ret_size, imgrel_error *err);
int ir_must_use ir_registry_blob_open(ir_store *s, const ir_call *call, const ir_desc *d,
                                      ir_reader **ret, imgrel_error *err);

int ir_must_use ir_registry_blob_resume(ir_store *s, const ir_call *call, const ir_desc *d, int fd,
                                        int64_t from, ir_reader **ret, imgrel_error *err);

/* Bytes at..end-1 of a blob by a closed range, continued where it breaks: 0. 1: the registry gives
 * all of the blob instead, which ret is then, as of blob_open; only for at = 0. EUNSUPPORTED: it
 * does not honour ranges. */
int ir_must_use ir_registry_part_open(ir_store *s, const ir_call *call, const ir_desc *d,
                                      int64_t at, int64_t end, ir_reader **ret, imgrel_error *err);
/* Not verified; 0 at the part's end. */
int64_t ir_must_use ir_registry_part_read(ir_reader *r, void *buf, size_t len, imgrel_error *err);
/* From now on the part is read by that call. */
void ir_registry_part_adopt(ir_reader *r, const ir_call *call);

/* registry_range.c */
int ir_must_use ir_registry_blob_fetch(ir_store *s, const ir_call *call, const ir_desc *d,
                                       ir_fetch *how, imgrel_error *err);

/* registry_put.c */
int ir_must_use ir_registry_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m,
                                         const char *tag, imgrel_error *err);
int ir_must_use ir_registry_manifest_put_tags(ir_store *s, const ir_call *call,
                                              const ir_manifest *m, const ir_strv *tags,
                                              imgrel_error *err);
int ir_must_use ir_registry_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                                            imgrel_error *err);
int ir_must_use ir_registry_blob_delete(ir_store *s, const ir_call *call, const ir_desc *d,
                                        imgrel_error *err);

/* registry_push.c */
int ir_must_use ir_registry_blob_have(ir_store *s, const ir_call *call, const ir_desc *d,
                                      const char *from_repository, imgrel_error *err);
int ir_must_use ir_registry_blob_put(ir_store *s, const ir_call *call, const ir_desc *d,
                                     const ir_body *body, const char *from_repository,
                                     const char **ret_state, imgrel_error *err);
/* Begins an upload; ret_min (may be NULL): the registry's OCI-Chunk-Min-Length, 0 if none. */
int ir_must_use ir_upload_begin(const ir_registry *r, const ir_call *call, char **ret_location,
                                int64_t *ret_min, imgrel_error *err);
/* A request to an upload's address: authenticated only where that is the registry itself. */
int ir_must_use ir_upload_request(const ir_registry *r, const char *method, const char *location,
                                  ir_request *ret, imgrel_error *err);
/* Keeps (and takes) the location of an upload that was begun for a digest. */
int ir_must_use ir_upload_remember(ir_registry *r, const char *digest, char *location);
/* How many bytes of an upload the registry has; -1: it does not say; -2: it does not know the
 * upload any more (distribution after every break). */
int64_t ir_upload_ask(const ir_registry *r, const ir_call *call, char **location);
/* Ends an upload that nobody wants, whatever the call's token says; best effort. */
void ir_upload_cancel(const ir_registry *r, const ir_call *call, const char *location);
/* Replaces location by the one that a reply names, absolute. */
int ir_must_use ir_upload_follow(const ir_reply *reply, char **location, imgrel_error *err);
/* location with digest= in its query, malloc'ed. */
char *ir_upload_closing(const char *location, const char *digest);

/* registry_single.c: 1: the blob went in one request; 0: it has to be sent, from *body, which may
 * be what held has now; or a code. */
int ir_must_use ir_registry_single(ir_registry *r, const ir_call *call, const ir_desc *d,
                                   ir_body *body, ir_buf *held, imgrel_error *err);

/* registry_write.c */
int ir_must_use ir_registry_blob_create(ir_store *s, const ir_call *call, ir_writer **ret,
                                        imgrel_error *err);

/* referrers.c: the list that clients keep where the registry has none. The subject's tag for it,
 * malloc'ed; m, which has a subject, is put into the list or taken out of it. */
char *ir_referrers_tag(const char *subject);
int ir_must_use ir_referrers_add(ir_store *s, const ir_call *call, const ir_manifest *m,
                                 imgrel_error *err);
int ir_must_use ir_referrers_drop(ir_store *s, const ir_call *call, const ir_manifest *m,
                                  imgrel_error *err);

/* pages.c */
int ir_must_use ir_registry_tags(ir_store *s, const ir_call *call, ir_pages **ret,
                                 imgrel_error *err);
int ir_must_use ir_registry_referrers(ir_store *s, const ir_call *call, const char *digest,
                                      const char *artifact_type, ir_pages **ret,
                                      imgrel_error *err);

#endif
