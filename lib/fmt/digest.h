/* digest.h - "algorithm:hex" (image-spec descriptor.md, Digests); sha256 and sha512. */
#ifndef IR_FMT_DIGEST_H
#define IR_FMT_DIGEST_H

#include "base/hash.h"
#include <stdbool.h>

/* Exactly a known algorithm and lower-case hex of its length. */
bool ir_digest_valid(const char *s);
/* EINVAL with the rule that is broken. */
int ir_must_use ir_digest_check(const char *s, imgrel_error *err);
const char *ir_digest_hex(const char *digest);       /* after the colon */
/* "sha256" or "sha512", static; NULL: neither. */
const char *ir_digest_algorithm(const char *digest);

#endif
