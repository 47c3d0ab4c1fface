/* retry.h - whether and when a request is sent again. Pure: facts in, milliseconds out. */
#ifndef IR_NET_RETRY_H
#define IR_NET_RETRY_H

#include "net/session.h"

typedef struct ir_try {
    unsigned n;        /* tries so far */
    int status;        /* of the reply; 0: none came */
    bool transient;    /* without a reply: the failure may pass */
    bool unknown_host; /* tried again twice only: it is mostly a typing error */
    bool away;         /* nobody took the connection: half of the bound is waited at least */
    bool repeatable;   /* sending it again does no harm */
    int64_t wish_ms;   /* the server's (Retry-After); -1: none */
    int64_t waited_ms; /* between tries, in all */
    int64_t left_ms;   /* until the deadline; -1: none */
    uint32_t random;   /* for the jitter */
} ir_try;

/* How long to wait before the next try; -1: there is none. */
int64_t ir_retry_wait(const ir_conf *conf, const ir_try *t);
/* 408, 429 and 5xx but 501 and 505. */
bool ir_retry_status(int status);

#endif
