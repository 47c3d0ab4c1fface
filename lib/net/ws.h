/* ws.h - WebSocket (RFC 6455): the framing for both sides, without I/O, and a client connection
 * over upgrade.h. Messages that we send are never fragmented: Kubernetes' port-forward reads each
 * fragment as a message of its own. */
#ifndef IR_NET_WS_H
#define IR_NET_WS_H

#include "net/upgrade.h"

enum ir_ws_opcode {
    IR_WS_CONT = 0,
    IR_WS_TEXT = 1,
    IR_WS_BINARY = 2,
    IR_WS_CLOSE = 8,
    IR_WS_PING = 9,
    IR_WS_PONG = 10
};
#define IR_WS_MESSAGE_MAX (1UL << 20) /* of what a server sends; Kubernetes: 32769 bytes */

/* Appends one message as one frame; mask: we are the client. Failure sticks to out, but for random
 * bytes that cannot be had. */
int ir_must_use ir_ws_put(ir_buf *out, int opcode, const void *p, size_t len, bool mask,
                          imgrel_error *err);
/* The value of Sec-WebSocket-Accept for a key, malloc'ed; NULL: no memory or no SHA-1. */
char *ir_ws_accept(const char *key);

/* Bytes in, messages out. Zero but for server (we are it: frames must be masked) and max. */
typedef struct ir_ws_reader {
    bool server;
    size_t max;      /* of a message; 0: IR_WS_MESSAGE_MAX */
    ir_buf in, text; /* unread bytes; a message that comes in fragments */
    size_t taken;    /* bytes of `in` that the last message was made of */
    int opcode;      /* of the fragmented message; 0: none is under way */
    bool whole;      /* text was given out: forget it at the next call */
} ir_ws_reader;
void ir_ws_feed(ir_ws_reader *r, const void *p, size_t len);
/* 1 with a whole message or a control frame, borrowed until the next call; 0: more bytes are
 * needed; EPROTO, ELIMIT or ENOMEM. */
int ir_must_use ir_ws_next(ir_ws_reader *r, int *ret_opcode, const char **ret_p, size_t *ret_len,
                           imgrel_error *err);
void ir_ws_reader_free(ir_ws_reader *r);

/* A client connection; nothing below blocks but ir_ws_open. */
typedef struct ir_ws ir_ws;
/* Shakes hands, offering one sub-protocol. Without 101 *ret is NULL and ret_reply says why (0 is
 * returned: it is the caller's to judge). req's headers are sent too. */
int ir_must_use ir_ws_open(const ir_call *call, const ir_request *req, const char *protocol,
                           ir_ws **ret, ir_reply *ret_reply, imgrel_error *err);
/* Takes a connection that was upgraded already. */
ir_ws *ir_ws_new(ir_raw *raw);
int ir_ws_fd(const ir_ws *w);
size_t ir_ws_unsent(const ir_ws *w); /* bytes that wait for room: poll for POLLOUT, then flush */
int ir_must_use ir_ws_send(ir_ws *w, int opcode, const void *p, size_t len, imgrel_error *err);
int ir_must_use ir_ws_flush(ir_ws *w, imgrel_error *err);
/* 1 with a text or binary message (borrowed until the next call), 0 when there is none now, or a
 * code. Pings are answered. After the end it gives 0 and ir_ws_ended is true. */
int ir_must_use ir_ws_recv(ir_ws *w, const char **ret_p, size_t *ret_len, imgrel_error *err);
bool ir_ws_ended(const ir_ws *w);
int64_t ir_ws_heard_ms(const ir_ws *w); /* when bytes came last, by ir_now_ms(); 0: never */
int ir_ws_close_code(const ir_ws *w); /* what the other side gave; 0: it just ended */
/* Says goodbye as far as that does not block, and frees. NULL is fine. */
void ir_ws_close(ir_ws *w);

#endif
