/* hash.h - sha256 and sha512 through OpenSSL's EVP; the only place that includes it for digests. */
#ifndef IR_BASE_HASH_H
#define IR_BASE_HASH_H

#include "base/error.h"

typedef struct ir_hash ir_hash;
/* algorithm: "sha256" or "sha512"; EUNSUPPORTED for others. */
int ir_must_use ir_hash_new(const char *algorithm, ir_hash **ret, imgrel_error *err);
void ir_hash_add(ir_hash *h, const void *p, size_t len);
/* A copy that goes on from here (to know the digest so far). NULL: no memory. */
ir_hash *ir_hash_copy(const ir_hash *h);
/* Writes "sha256:<hex>" (at most IR_DIGEST_MAX bytes with its NUL) and resets h to empty. */
#define IR_DIGEST_MAX 136
void ir_hash_end(ir_hash *h, char ret[IR_DIGEST_MAX]);
void ir_hash_free(ir_hash *h);
/* One call for bytes at hand, sha256. */
int ir_must_use ir_hash_bytes(const void *p, size_t len, char ret[IR_DIGEST_MAX],
                              imgrel_error *err);
/* SHA-1 of bytes at hand: for RFC 6455's handshake, never for content. */
int ir_must_use ir_sha1(const void *p, size_t len, unsigned char ret[20], imgrel_error *err);
/* len random bytes for jitter, names and boundaries, from the system. */
int ir_must_use ir_random(void *p, size_t len, imgrel_error *err);

#endif
