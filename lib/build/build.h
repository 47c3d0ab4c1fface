/* build.h - images made by running a Dockerfile: one spec, several builders behind one interface.
 * What is made here is an image at one place, an OCI layout or an archive in a temporary folder, or
 * it was pushed by the builder; run/build.h brings it to its names and reads it again there. */
#ifndef IR_BUILD_BUILD_H
#define IR_BUILD_BUILD_H

#include "fmt/digest.h"
#include "fmt/json.h"
#include "fmt/ref.h"
#include "net/call.h"

#define IR_BUILD_NAMES_MAX 32

/* What to build (build.h of the public API says what each means); strings are the document's. */
typedef struct ir_build_spec {
    const char *driver, *builder, *context, *file, *target, *created, *push, *syntax, *provenance;
    const ir_json *to, *platforms, *args, *labels, *annotations, *secrets, *ssh, *cache_from,
        *cache_to, *contexts, *tls;
    bool no_cache, pull, sbom;
    /* Made of them: */
    const char *base_dir; /* paths are relative to it; NULL: the current folder */
    ir_ref *names;        /* of "to" */
    size_t n_names;
    char *dir;            /* the context */
    char *dockerfile;     /* its path */
    char *platform_list;  /* "linux/amd64,linux/arm64"; NULL: the builder's own */
    char *epoch;          /* seconds, as text; NULL: none */
} ir_build_spec;
/* Reads and checks; the spec borrows from j. Errors: EINVAL, ENOTFOUND (context, Dockerfile). */
int ir_must_use ir_build_spec_read(const ir_json *j, const char *base_dir, ir_build_spec *ret,
                                   imgrel_error *err);
void ir_build_spec_free(ir_build_spec *s);

/* What became of it. */
typedef struct ir_built {
    const char *driver;
    char *builder;           /* address, "rootless"; NULL: none */
    char *dir;               /* temporary folder, removed by ir_built_free; NULL */
    ir_ref image;            /* where it is, unless the builder pushed it */
    bool pushed;
    char digest[IR_DIGEST_MAX]; /* of what was pushed; "": the builder does not tell */
    uint64_t steps, cached;
    ir_json *warnings;       /* ["..."] */
} ir_built;
void ir_built_free(ir_built *b);
/* Builds by the driver of the spec, or the best one that is here. */
int ir_must_use ir_build_run(const ir_call *call, const ir_build_spec *spec, ir_built *ret,
                             imgrel_error *err);
/* {"builders": [{"driver", "available", "builder", "version", "why", "cure"}], "chosen"}. builder:
 * an address that is asked as well; NULL. */
int ir_must_use ir_build_detect(const ir_call *call, const char *builder, ir_json **ret,
                                imgrel_error *err);

#endif
