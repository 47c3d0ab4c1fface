/* stream.c - an exchange whose body the caller reads bit by bit. It keeps its lane until it is
 * closed; closed early, the connection is dropped rather than drained. */
#include "net/http_impl.h"

#include <stdlib.h>

struct ir_stream {
    ir_wire *wire; /* NULL: the reply had no body to read */
};

int ir_http_open(const ir_call *call, const ir_request *req, ir_stream **ret_stream, ir_reply *ret,
                 imgrel_error *err)
{
    *ret_stream = NULL;
    ir_stream *s = calloc(1, sizeof *s);
    if (!s) {
        ir_reply_init(req, ret);
        return ir_nomem(err);
    }
    int rc = ir_http_run(call, req, ret, &s->wire, err);
    if (rc) {
        free(s);
        return rc;
    }
    *ret_stream = s;
    return 0;
}

int64_t ir_stream_read(ir_stream *s, void *buf, size_t len, imgrel_error *err)
{
    return s->wire ? ir_wire_read(s->wire, buf, len, err) : 0;
}

int ir_stream_wait(ir_stream *s, int64_t timeout_ms, imgrel_error *err)
{
    return s->wire ? ir_wire_wait(s->wire, timeout_ms, err) : 1;
}

void ir_stream_close(ir_stream *s)
{
    if (!s)
        return;
    ir_wire_close(s->wire);
    free(s);
}
