/* tls.h - what this layer asks of OpenSSL itself: to be ready, and to parse the authorities once a
 * session instead of once a lane (some 20 ms each with a system's bundle). */
#ifndef IR_NET_TLS_H
#define IR_NET_TLS_H

#include "net/session.h"

int ir_must_use ir_tls_init(imgrel_error *err); /* once a process: 0 or ENOMEM; any thread */
/* The same, with curl and OpenSSL wiping what they free; ESTATE: one of them was ready before. */
int ir_must_use ir_tls_wipe(imgrel_error *err);

typedef struct ir_trust ir_trust; /* an X509_STORE */
/* The authorities of the configuration's ca_file, else the system's, which curl knows by bundle and
 * dir (either may be NULL). Lives with the session. EINVAL: a file has no certificates. */
int ir_must_use ir_tls_trust(ir_session *s, const char *bundle, const char *dir, ir_trust **ret,
                             imgrel_error *err);
/* Has the SSL_CTX that curl is making trust them. */
void ir_tls_use(void *ssl_ctx, ir_trust *trust);
void ir_tls_trust_free(ir_trust *trust);
/* When the first certificate of a PEM text ends, in seconds since 1970; 0: there is none. */
int64_t ir_tls_cert_end(const char *pem);

#endif
