/* http_impl.h - what http.c, stream.c, upgrade.c, token.c share. */
#ifndef IR_NET_HTTP_IMPL_H
#define IR_NET_HTTP_IMPL_H

#include "net/wire.h"

/* Flags of ir_request that only this layer sets. */
#define IR_HTTP_TOKEN 0x10000u   /* asks a realm: its redirects are checked as realms are */

/* Runs a request to its final reply. ret_wire NULL: its body, too; else a 2xx reply's body is left
 * to be read from *ret_wire (NULL for others). */
int ir_must_use ir_http_run(const ir_call *call, const ir_request *req, ir_reply *ret,
                            ir_wire **ret_wire, imgrel_error *err);
void ir_reply_init(const ir_request *req, ir_reply *ret);

#endif
