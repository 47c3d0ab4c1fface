/* descriptor.h - descriptors, manifests and indexes (image-spec) read from exact bytes. Pure. */
#ifndef IR_OCI_DESCRIPTOR_H
#define IR_OCI_DESCRIPTOR_H

#include "fmt/digest.h"
#include "fmt/json.h"
#include "fmt/media.h"
#include "fmt/platform.h"
#include "base/str.h"

typedef struct ir_desc {
    char *media_type, *digest;
    int64_t size;
    bool has_platform;
    ir_platform platform;
    char *artifact_type;    /* NULL if none */
    ir_json *annotations;   /* owned object, NULL if none */
    ir_strv urls;           /* foreign layers */
    char *data;             /* inline content, decoded; NULL if none; data_len bytes */
    size_t data_len;
} ir_desc;
int ir_must_use ir_desc_set(ir_desc *d, const char *media_type, const char *digest, int64_t size);
int ir_must_use ir_desc_copy(const ir_desc *from, ir_desc *ret);
/* Reads and checks one (digest valid, size not negative). what: for errors. */
int ir_must_use ir_desc_from_json(const ir_json *j, const char *what, ir_desc *ret,
                                  imgrel_error *err);
ir_json *ir_desc_to_json(const ir_desc *d);
void ir_desc_free(ir_desc *d);
static inline void ir_desc_auto(ir_desc *d) { ir_desc_free(d); }

/* A manifest or an index: its exact bytes, and what they name. */
typedef struct ir_manifest {
    char *bytes;
    size_t len;
    char *media_type, digest[IR_DIGEST_MAX];
    bool is_index;
    ir_desc config;         /* manifest */
    ir_desc *layers;        /* manifest: its layers; index: its manifests */
    size_t n_layers;
    ir_desc subject;        /* digest NULL: none */
    char *artifact_type;
    ir_json *json;          /* the document */
} ir_manifest;
/* Takes a copy of the bytes. media_type: the Content-Type, NULL: what the document says. Refuses:
 * over IR_MANIFEST_MAX (ELIMIT), schema 1 (EUNSUPPORTED), ambiguous or not a manifest (EPROTO),
 * more than IR_LAYERS_MAX. expected NULL or the digest that the bytes must have (EDIGEST). */
int ir_must_use ir_manifest_parse(const char *bytes, size_t len, const char *media_type,
                                  const char *expected, ir_manifest *ret, imgrel_error *err);
void ir_manifest_free(ir_manifest *m);
static inline void ir_manifest_auto(ir_manifest *m) { ir_manifest_free(m); }
/* The index entry that serves a platform; NULL: none. Attestations never match. */
const ir_desc *ir_manifest_find(const ir_manifest *index, const ir_platform *want);
/* "linux/amd64, linux/arm64" for errors; attestations left out. */
void ir_manifest_platforms(const ir_manifest *index, ir_buf *out);

/* Writing: bytes in canonical form (keys in the order of the specification, compact). */
int ir_must_use ir_manifest_write(const char *media_type, const ir_desc *config,
                                  const ir_desc *layers, size_t n, const ir_json *annotations,
                                  ir_manifest *ret, imgrel_error *err);
int ir_must_use ir_index_write(const char *media_type, const ir_desc *manifests, size_t n,
                               const ir_json *annotations, ir_manifest *ret, imgrel_error *err);

/* The descriptor by which lists of referrers name m (distribution-spec "Listing referrers"): with
 * its type and annotations; owned, NULL: no memory. */
ir_json *ir_manifest_referrer(const ir_manifest *m);

/* The same in OCI's ('o') or Docker's ('d') media types: manifest_convert.c. What an index names
 * must have been converted before: from[i] is the digest that became to[i]. Docker's format has no
 * annotations, they are left out; what it can't express otherwise is EUNSUPPORTED: artifacts,
 * subjects, attestations, zstd. What is of that format already keeps its bytes. */
int ir_must_use ir_manifest_convert(const ir_manifest *m, char format,
                                    const char (*from)[IR_DIGEST_MAX], const ir_manifest *to,
                                    size_t n, ir_manifest *ret, imgrel_error *err);
/* "oci" or "docker" as above; 0 for NULL. EINVAL: neither. */
int ir_must_use ir_manifest_format(const char *name, char *ret, imgrel_error *err);

#endif
