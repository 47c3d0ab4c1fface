/* auth.h - from a challenge to an Authorization header, and what is remembered in between. Nothing
 * secret goes to a registry before it has asked; once it has, the session knows its challenge and
 * its tokens, so that the next request carries one at once. */
#ifndef IR_NET_AUTH_H
#define IR_NET_AUTH_H

#include "fmt/url.h"
#include "net/http.h"

/* What to send to `home` at once: the header's value in ret, or nothing. May fetch a token. */
int ir_must_use ir_auth_begin(const ir_call *call, const ir_request *req, const ir_url *home,
                              ir_buf *ret, imgrel_error *err);
/* After home answered 401 to a request with `header` in it (empty: none): 1 with another value in
 * header, 0 when there is nothing better to send, or a code. */
int ir_must_use ir_auth_answer(const ir_call *call, const ir_request *req, const ir_url *home,
                               const ir_reply *reply, ir_buf *header, imgrel_error *err);
/* For people: whose login goes to the registry with req, malloc'ed; NULL: nobody's. */
char *ir_auth_user(const ir_call *call, const ir_request *req, const ir_url *home);

#endif
