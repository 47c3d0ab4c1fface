/* origin.h - the one place that decides what may go to an origin (scheme, host, port; RFC 6454).
 * Everything that carries a secret asks here first. Pure. */
#ifndef IR_NET_ORIGIN_H
#define IR_NET_ORIGIN_H

#include "fmt/url.h"

/* Why something goes to another address than the request's own. */
enum ir_step {
    IR_STEP_REDIRECT,       /* a reply's Location */
    IR_STEP_REALM,          /* a challenge's realm, where a token is to be had */
    IR_STEP_REALM_REDIRECT, /* a Location that the realm answered with */
};

typedef struct ir_grant {
    bool credentials; /* a login or a token */
    bool headers;     /* the request's own headers, its TLS settings */
    bool client_cert; /* the client certificate of the configuration */
} ir_grant;

/* What of a request to home may go to `to`. Another origin gets nothing; a realm gets the login
 * over https, or on the registry's own host, and is never a local address unless the registry is
 * one as well. EPROTO: not even the request may go there (https to http; a realm that points
 * inside). */
int ir_must_use ir_origin_grant(const ir_url *home, const ir_url *to, enum ir_step step,
                                ir_grant *ret, imgrel_error *err);

#endif
