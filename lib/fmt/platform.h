/* platform.h - os/architecture[/variant] (image-spec image-index.md), normalised as containerd
 * does: x86_64 -> amd64, aarch64 -> arm64 (variant v8 dropped), armhf -> arm/v7. */
#ifndef IR_FMT_PLATFORM_H
#define IR_FMT_PLATFORM_H

#include "base/error.h"
#include <stdbool.h>

typedef struct ir_platform { char os[32], arch[32], variant[32], os_version[64]; } ir_platform;

int ir_must_use ir_platform_parse(const char *text, ir_platform *ret, imgrel_error *err);
void ir_platform_host(ir_platform *ret); /* "local": this machine */
/* Sets the parts as they come from a document, normalised; too long or NULL parts become "". */
void ir_platform_set(ir_platform *ret, const char *os, const char *arch, const char *variant,
                     const char *os_version);
/* Does have serve want? A want without a variant takes the architecture's default. */
bool ir_platform_match(const ir_platform *want, const ir_platform *have);
bool ir_platform_equal(const ir_platform *a, const ir_platform *b);
bool ir_platform_unknown(const ir_platform *p); /* unknown/unknown: an attestation */
const char *ir_platform_str(const ir_platform *p, char ret[128]);
/* "linux/amd64,linux/arm64" -> list; ret_v is malloc'ed. */
int ir_must_use ir_platform_list(const char *text, ir_platform **ret_v, size_t *ret_n,
                                 imgrel_error *err);

#endif
