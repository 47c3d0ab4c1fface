/* pace.h - slows down before a server must say 429: where it tells that few more requests are
 * allowed (RateLimit-Remaining), or asked for calm (HTTP/2), the requests to its origin are spread
 * over the time until it allows more. */
#ifndef IR_NET_PACE_H
#define IR_NET_PACE_H

#include "fmt/url.h"
#include "net/http.h"

/* Takes its place in the row of requests to that origin, and waits until it is its turn; 0, or
 * ECANCELED. Nothing is waited for that the deadline does not leave time for. */
int ir_must_use ir_pace_wait(const ir_call *call, const ir_url *to, imgrel_error *err);
/* What a reply says of the requests that are left. */
void ir_pace_learn(const ir_call *call, const ir_url *from, const ir_reply *reply);
/* The server asked for calm: ENHANCE_YOUR_CALM. */
void ir_pace_calm(const ir_call *call, const ir_url *from);

#endif
