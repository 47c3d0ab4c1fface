/* token.h - gets bearer tokens: the distribution token protocol (GET, or POST with an OAuth2
 * refresh token), kept by (realm, service, login, scopes) and renewed before they end. */
#ifndef IR_NET_TOKEN_H
#define IR_NET_TOKEN_H

#include "fmt/url.h"
#include "net/creds.h"
#include "net/http.h"

typedef struct ir_token_ask {
    const ir_url *registry;      /* whose challenge it was */
    const char *realm, *service; /* service NULL: none */
    const ir_strv *scopes;
    const ir_creds *creds;
    const char *refused; /* a header value that no longer works: not to be given again; NULL */
    const ir_tls *tls;   /* of the registry, for a realm on its own host; NULL */
    bool brief;          /* IR_HTTP_BRIEF */
} ir_token_ask;

/* "Bearer ..." into ret. */
int ir_must_use ir_token_get(const ir_call *call, const ir_token_ask *ask, ir_buf *ret,
                             imgrel_error *err);

#endif
