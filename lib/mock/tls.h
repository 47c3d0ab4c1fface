/* tls.h - the mock's own certificate authority, and what it needs of OpenSSL besides. */
#ifndef IR_MOCK_TLS_H
#define IR_MOCK_TLS_H

#include "mock/server.h"

/* A CA of today and a server certificate of it, for loopback and every host of the configuration.
 * The CA's goes to m->ca_file; both PEM texts are the caller's. */
int ir_must_use mk_tls_make(imgrel_mock *m, char **ret_cert, char **ret_key, imgrel_error *err);

/* harbor_secret.c: as Harbor does it, PBKDF2 with SHA-256, 4096 rounds, 16 bytes, in hex. */
#define MK_HASH_LEN 33
void mk_secret_hash(const char *secret, const char *salt, char ret[MK_HASH_LEN]);
/* 32 alphanumerics with a lower-case letter, an upper-case letter and a digit among them. */
int ir_must_use mk_secret_make(char ret[33], imgrel_error *err);
/* HMAC-SHA-256, base64url, appended. */
void mk_secret_sign(const void *key, size_t key_len, const void *p, size_t len, ir_buf *out);
/* n random bytes in hex, ret has room for 2n + 1. */
void mk_random_hex(char *ret, size_t n);

#endif
