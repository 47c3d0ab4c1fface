/* registries.h - what containers-registries.conf(5), version 2, says of places: where a name's
 * content really is, which mirrors have it, what is blocked. Pure: text in, rules out. */
#ifndef IR_FMT_REGISTRIES_H
#define IR_FMT_REGISTRIES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum ir_mirror_for { IR_MIRROR_ALL, IR_MIRROR_DIGESTS, IR_MIRROR_TAGS };

typedef struct ir_mirror_conf {
    char *location;
    bool insecure; /* a bad certificate, or no TLS at all, will do */
    enum ir_mirror_for what;
} ir_mirror_conf;

typedef struct ir_registry_conf {
    char *prefix;   /* "host", "host/a/b", "*.example.com" */
    char *location; /* what stands instead of the prefix; NULL: the prefix itself */
    char *file;     /* that said so */
    bool insecure, blocked;
    ir_mirror_conf *mirrors; /* in their order */
    size_t n_mirrors;
} ir_registry_conf;

typedef struct ir_registries {
    ir_registry_conf *v;
    size_t n;
    bool searches; /* there are unqualified-search-registries: names without a host are not ours */
} ir_registries;

/* Adds what a file says; a prefix that was there is replaced. EINVAL: line and column, or which
 * registry is wrong; also the format of version 1. */
int ir_must_use ir_registries_parse(const char *text, size_t len, const char *file,
                                    ir_registries *all, imgrel_error *err);
/* The entry whose prefix covers most of name ("host/repository[:tag][@digest]"), NULL: none;
 * ret_len: how many bytes of name it covers. A port makes another host. */
const ir_registry_conf *ir_registries_find(const ir_registries *all, const char *name,
                                           size_t *ret_len);
void ir_registries_free(ir_registries *all);

#endif
