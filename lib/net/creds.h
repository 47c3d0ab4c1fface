/* creds.h - where logins come from, in this order: the call's, registry_user of the configuration,
 * DOCKER_AUTH_CONFIG, the auth file (key auth_file or REGISTRY_AUTH_FILE), containers' auth.json,
 * ~/.docker/config.json ($DOCKER_CONFIG): auths with path prefixes, credHelpers, credsStore. */
#ifndef IR_NET_CREDS_H
#define IR_NET_CREDS_H

#include "base/buf.h"
#include "net/call.h"

#define IR_CREDS_GIVEN "given by the caller" /* the source of a login that came with the call */
typedef struct ir_creds {
    char *user, *secret;    /* both NULL: anonymous */
    char *identity_token;   /* OAuth2 refresh token instead of a secret */
    char *registry_token;   /* a bearer token as it is */
    char *source;           /* for people: "~/.docker/config.json", "helper pass" */
} ir_creds;
/* Finds a login for host/repository (repository NULL: the host). Nothing found is 0 with all NULL;
 * so is a helper that is missing or fails, which is logged: a public pull must not break. */
int ir_must_use ir_creds_find(const ir_call *call, const char *host, const char *repository,
                              ir_creds *ret, imgrel_error *err);
void ir_creds_free(ir_creds *c); /* wipes */
static inline void ir_creds_auto(ir_creds *c) { ir_creds_free(c); }
/* Keeps or forgets (user NULL; ENOTFOUND if there was none) a login in the auth file: 0600,
 * atomic, what it does not know stays. Where the file names a credential helper for the host, the
 * helper keeps it (store, erase) and the file has nothing of it; EFAILED when that goes wrong. */
int ir_must_use ir_creds_store(const ir_call *call, const char *host, const char *user,
                               const char *secret, imgrel_error *err);
/* The document {"auths": {host: {username, password, auth}}} merged into old (NULL: none); for
 * Kubernetes secrets and config files. */
int ir_must_use ir_creds_merge(const char *old, size_t old_len, const char *host,
                               const char *user, const char *secret, ir_buf *out,
                               imgrel_error *err);

#endif
