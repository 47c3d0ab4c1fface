/* registry.h - the inside of the mock's registry: one front (rights, tags, catalog, referrers, all
 * from Harbor's database) before one of two backends: a folder, or a registry behind it. */
#ifndef IR_MOCK_REGISTRY_H
#define IR_MOCK_REGISTRY_H

#include "mock/harbor.h"
#include "net/http.h"

enum mk_v2_kind {
    MK_V2_NONE,
    MK_V2_BASE,
    MK_V2_CATALOG,
    MK_V2_TAGS,
    MK_V2_MANIFEST,
    MK_V2_BLOB,
    MK_V2_UPLOADS,
    MK_V2_UPLOAD,
    MK_V2_REFERRERS
};
/* What a path under /v2/ names. */
typedef struct mk_v2 {
    enum mk_v2_kind kind;
    char *name, *ref; /* repository; tag, digest or upload */
    char *who;        /* asks, once they may */
} mk_v2;

/* Answers from a place that keeps blobs and manifests by digest. Called without the mock's lock. */
typedef struct mk_backend {
    void (*blob)(mk_request *r, const mk_v2 *v, mk_reply *p); /* GET, HEAD, DELETE */
    void (*upload)(mk_request *r, const mk_v2 *v,
                   mk_reply *p); /* POST to start or mount, GET, DELETE */
    /* A body that streams: PATCH, PUT, or POST with a digest. begin sets r->state and its free. */
    void (*begin)(mk_request *r, const mk_v2 *v, mk_reply *p);
    void (*piece)(mk_request *r, const void *data, size_t len);
    void (*finish)(mk_request *r, mk_reply *p);
    void (*manifest_get)(mk_request *r, const mk_v2 *v, const char *digest, const char *media_type,
                         mk_reply *p);
    /* Keeps r's body, which is `digest`; false: answered. */
    bool (*manifest_put)(mk_request *r, const mk_v2 *v, const char *digest, const ir_json *manifest,
                         mk_reply *p);
    /* A small blob, or a manifest; false: not there. */
    bool (*read)(imgrel_mock *m, const char *repository, const char *digest, ir_buf *out);
    /* A manifest (raw) and its blobs from one repository into another; its children are there. */
    bool (*copy)(imgrel_mock *m, const char *from, const char *to, const char *digest,
                 const char *media_type, const ir_json *manifest, const ir_buf *raw);
} mk_backend;
extern const mk_backend mk_store_backend, mk_proxy_backend;

struct mk_upload;
struct mk_registry {
    const mk_backend *backend;
    char *dir; /* store */
    struct mk_upload *uploads;
    char *url; /* proxy: of the registry behind, no slash at the end */
    ir_session *session; /* NULL until something is asked of another server */
};
int ir_must_use mk_registry_session(struct mk_registry *reg, imgrel_error *err);

/* harbor_push.c: what the mock asks of other registries. false: there is no login. */
bool mk_push_auth(const ir_json *registry, ir_auth *ret);
int ir_must_use mk_push_call(imgrel_mock *m, ir_call *ret); /* lock open */
/* Copies what the policy names: [{"from", "to", "tag", "ok"}]. Opens the lock meanwhile. */
ir_json *mk_replicate(mk_call *c, const ir_json *policy);

/* {"errors":[{"code","message","detail"}]} as distribution has it. */
void mk_v2_error(mk_reply *p, int status, const char *code, const char *message);
/* "http://HOST/v2/NAME/..." as the client knows us: absolute, with the Host that it used. */
void mk_v2_location(const mk_request *r, mk_reply *p, const char *fmt, ...) IR_PRINTF(3, 4);
char *mk_v2_origin(const mk_request *r);

/* registry_manifest.c */
void mk_manifest(mk_request *r, const mk_v2 *v, mk_reply *p);
void mk_referrers(mk_request *r, const mk_v2 *v, mk_reply *p);
/* registry_list.c */
void mk_tags_list(mk_request *r, const mk_v2 *v, mk_reply *p);
void mk_catalog(mk_request *r, mk_reply *p);
/* registry_store.c: paths in the folder, malloc'ed. */
char *mk_store_blob_path(const struct mk_registry *reg, const char *digest);
char *mk_store_link_path(const struct mk_registry *reg, const char *repository, const char *digest);
bool mk_store_linked(const struct mk_registry *reg, const char *repository, const char *digest);
int ir_must_use mk_store_link(const struct mk_registry *reg, const char *repository,
                              const char *digest);
/* registry_upload.c: of the store */
void mk_store_upload(mk_request *r, const mk_v2 *v, mk_reply *p);
void mk_store_begin(mk_request *r, const mk_v2 *v, mk_reply *p);
void mk_store_piece(mk_request *r, const void *data, size_t len);
void mk_store_finish(mk_request *r, mk_reply *p);
void mk_store_uploads_free(struct mk_registry *reg);

#endif
