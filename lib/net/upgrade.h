/* upgrade.h - a connection that HTTP hands over: GET with Upgrade, then raw bytes both ways
 * (curl's CONNECT_ONLY carries it, so proxies, TLS and client certificates are curl's). */
#ifndef IR_NET_UPGRADE_H
#define IR_NET_UPGRADE_H

#include "net/http.h"

typedef struct ir_raw ir_raw;
/* Sends the request (its headers must hold Connection and Upgrade) over HTTP/1.1 and reads the
 * head of the reply. On 101 ret_raw is the connection; otherwise it is NULL and ret has the reply
 * with its body (capped). */
int ir_must_use ir_upgrade(const ir_call *call, const ir_request *req, ir_raw **ret_raw,
                           ir_reply *ret, imgrel_error *err);
/* Bytes at hand right now: n, 0 at the end of the other side, IMGREL_ESTATE when it would block
 * (err untouched), or a code. */
int64_t ir_must_use ir_raw_recv(ir_raw *r, void *buf, size_t len, imgrel_error *err);
int64_t ir_must_use ir_raw_send(ir_raw *r, const void *buf, size_t len, imgrel_error *err);
/* The socket, to be waited for with poll (TLS may hold bytes: recv until ESTATE first). */
int ir_raw_fd(const ir_raw *r);
void ir_raw_close(ir_raw *r);

#endif
