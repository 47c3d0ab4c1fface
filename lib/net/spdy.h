/* spdy.h - SPDY/3.1 framing for both sides, without I/O: bytes come in by ir_spdy_feed, events go
 * out by ir_spdy_next, and what is to be sent gathers in ir_spdy_out. As much of it as Kubernetes'
 * streams need: no flow control (its servers have none), no priorities, no push. */
#ifndef IR_NET_SPDY_H
#define IR_NET_SPDY_H

#include "base/buf.h"

enum ir_spdy_type {
    IR_SPDY_DATA = 0, /* part of a DATA frame: p, len; fin with its last part */
    IR_SPDY_SYN_STREAM = 1,
    IR_SPDY_SYN_REPLY = 2,
    IR_SPDY_RST_STREAM = 3, /* status */
    IR_SPDY_SETTINGS = 4,   /* never an event */
    IR_SPDY_PING = 6,       /* an answer to ours; the other side's is echoed and no event */
    IR_SPDY_GOAWAY = 7,     /* status */
    IR_SPDY_HEADERS = 8,
    IR_SPDY_WINDOW_UPDATE = 9 /* never an event */
};
#define IR_SPDY_STREAM_MAX 0x7fffffffu

typedef struct ir_spdy_event {
    enum ir_spdy_type type;
    uint32_t stream, status;
    bool fin;
    const char *p;       /* DATA; borrowed until the next call */
    size_t len;
    const ir_buf *headers; /* "name: value\n" lines; borrowed until the next call */
} ir_spdy_event;

typedef struct ir_spdy ir_spdy;
int ir_must_use ir_spdy_new(bool client, ir_spdy **ret, imgrel_error *err);
void ir_spdy_free(ir_spdy *s); /* NULL is fine */

void ir_spdy_feed(ir_spdy *s, const void *p, size_t len);
/* 1 with an event, 0: more bytes are needed; EPROTO, ELIMIT or ENOMEM: the connection is lost. */
int ir_must_use ir_spdy_next(ir_spdy *s, ir_spdy_event *ret, imgrel_error *err);
/* A value of an event's headers, malloc'ed; NULL if absent. name in lower case. */
char *ir_spdy_header(const ir_spdy_event *e, const char *name);

/* Opens a stream: headers are "name", "value" pairs, NULL-terminated, names in lower case. Returns
 * its id, or 0 when memory or ids are used up. */
uint32_t ir_spdy_open(ir_spdy *s, const char *const *headers, bool fin);
/* Accepts one. */
void ir_spdy_reply(ir_spdy *s, uint32_t stream, const char *const *headers, bool fin);
void ir_spdy_data(ir_spdy *s, uint32_t stream, const void *p, size_t len, bool fin);
void ir_spdy_reset(ir_spdy *s, uint32_t stream, uint32_t status);
void ir_spdy_ping(ir_spdy *s);
void ir_spdy_goaway(ir_spdy *s, uint32_t status);
/* What is to be sent; take it with ir_buf_drop. A failure to make a frame sticks to it. */
ir_buf *ir_spdy_out(ir_spdy *s);

#endif
