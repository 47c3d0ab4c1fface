/* pool.h - lanes: a curl multi with its warm connections, its DNS and CA caches, and the one easy
 * handle (with its TLS sessions) that works on it. A lane belongs to one transfer at a time; it
 * may move between threads in between. */
#ifndef IR_NET_POOL_H
#define IR_NET_POOL_H

#include "net/session.h"

#include <curl/curl.h>

#define IR_LANES_IDLE_MAX 32
#define IR_LANE_CONNECTIONS 8

typedef struct ir_lane {
    CURLM *multi;
    CURL *easy;
    char *origin; /* that it spoke to last */
    struct ir_lane *next;
} ir_lane;

/* The lane that spoke to origin last, else the warmest, else a new one. */
int ir_must_use ir_lane_take(ir_session *s, const char *origin, ir_lane **ret, imgrel_error *err);
/* Gives it back, its easy handle out of the multi. NULL is fine. */
void ir_lane_give(ir_session *s, ir_lane *lane, const char *origin);
void ir_pool_clear(ir_session *s);

#endif
