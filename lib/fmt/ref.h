/* ref.h - the one grammar that names content (distribution's reference grammar, and ours for local
 * places). Pure: text in, parts out. */
#ifndef IR_FMT_REF_H
#define IR_FMT_REF_H

#include "base/error.h"

enum ir_transport { IR_REGISTRY, IR_OCI_LAYOUT, IR_OCI_ARCHIVE, IR_DOCKER_ARCHIVE };

typedef struct ir_ref {
    enum ir_transport transport;
    char *host;       /* registry: "core.harbor.domain", "[::1]:5000"; docker.io made explicit */
    char *repository; /* registry: "library/nginx" (library/ made explicit on docker.io) */
    char *path;       /* local places: the folder or file */
    char *tag;        /* NULL if none was given and a digest was, or for a local place; of a Docker
                       * archive its image's name, short and with a tag: "app:latest" */
    char *digest;     /* NULL if none */
    char *name;       /* whole, canonical */
} ir_ref;

/* A registry reference without tag and digest gets tag "latest". EINVAL: where and which rule. */
int ir_must_use ir_ref_parse(const char *text, ir_ref *ret, imgrel_error *err);
/* "host/repository" alone; a tag or digest is EINVAL. */
int ir_must_use ir_ref_parse_repository(const char *text, ir_ref *ret, imgrel_error *err);
int ir_must_use ir_ref_copy(const ir_ref *ref, ir_ref *ret);
/* Replaces tag and digest (either may be NULL) and renews name. */
int ir_must_use ir_ref_set(ir_ref *ref, const char *tag, const char *digest);
void ir_ref_free(ir_ref *ref); /* frees the parts, not ref */
static inline void ir_ref_auto(ir_ref *r) { ir_ref_free(r); }
/* Of the names in Docker's archives ("repo:tag"): without docker.io/ and library/, as docker save
 * writes them; and where the tag begins, at its colon (a port's is none), NULL if there is none. */
const char *ir_name_short(const char *name);
const char *ir_name_tag(const char *name);
/* What to call: tag if there is no digest. NULL for neither. */
const char *ir_ref_selector(const ir_ref *ref);
int ir_tag_check(const char *tag, imgrel_error *err);        /* [A-Za-z0-9_][A-Za-z0-9._-]{0,127} */
int ir_repository_check(const char *repository, imgrel_error *err);
int ir_host_check(const char *host, imgrel_error *err);      /* host[:port], IPv6 in brackets */

#endif
