/* wire.h - one request on the wire, once: no redirects, no authentication, no retry. Those are
 * http.c's, which decides beforehand what goes out (ir_shot). */
#ifndef IR_NET_WIRE_H
#define IR_NET_WIRE_H

#include "net/http.h"
#include "net/origin.h"
#include "net/pool.h"

typedef struct ir_shot {
    const ir_call *call;
    const ir_request *req;
    const char *method;
    const ir_url *url;
    const char *authorization; /* value of the header; NULL: none */
    ir_grant grant;
    bool no_body;      /* leave the request's body out */
    bool stream;       /* a 2xx body is read by ir_wire_read */
    bool connect_only; /* upgrade.c: only the connection */
    unsigned n_try;
} ir_shot;

enum ir_phase {
    IR_PHASE_RESOLVE,
    IR_PHASE_CONNECT,
    IR_PHASE_TLS,
    IR_PHASE_SEND,
    IR_PHASE_WAIT,
    IR_PHASE_RECEIVE
};

typedef struct ir_wire {
    ir_call call; /* copies, so that a stream outlives its opening */
    ir_request req;
    char *method, *host, *origin, *what, *text; /* text: the URL */
    ir_lane *lane;
    ir_reply *reply; /* until the head is there, for a stream */
    struct curl_slist *headers, *connect_to;
    char why[CURL_ERROR_SIZE];
    int rc; /* a callback's failure, with its words */
    imgrel_error error;
    bool tls, added, connected, head, done, enough, stream, gave_sink;
    bool calm; /* the server asked for it (HTTP/2) */
    CURLcode result;
    int status;
    int64_t given; /* bytes of a source so far */
    int64_t started_ms, active_ms;
    uint64_t received, seen; /* bytes; seen: at the last look for a stall */
    int64_t waited_ms;       /* for bytes, since the speed was measured last */
    uint64_t waited_from;    /* bytes then */
    size_t trailers;
    unsigned n_try;
    bool logged;

    ir_buf ring; /* a stream's bytes that nobody has read yet */
    size_t ring_at;
    bool paused, waits; /* waits: somebody wants to know of bytes without reading them yet */
    char *want; /* where a reader waits for bytes */
    size_t want_len, want_n;
} ir_wire;

#define IR_WIRE_RING (256 * 1024)

/* Sets the request up on a lane. The shot's url and texts need not outlive this; a body must. */
int ir_must_use ir_wire_open(const ir_shot *shot, ir_reply *reply, ir_wire **ret,
                             imgrel_error *err);
/* Drives it until the head is there (or it is done). */
int ir_must_use ir_wire_head(ir_wire *w, imgrel_error *err);
/* Drives it to its end. Failures that may pass have err->retryable. */
int ir_must_use ir_wire_finish(ir_wire *w, imgrel_error *err);
int64_t ir_must_use ir_wire_read(ir_wire *w, void *buf, size_t len, imgrel_error *err);
int ir_must_use ir_wire_wait(ir_wire *w, int64_t timeout_ms, imgrel_error *err);
/* Ends it wherever it is; the connection is kept if the exchange was complete. NULL is fine. */
void ir_wire_close(ir_wire *w);
void ir_wire_log(ir_wire *w);

/* Inside: */
/* Takes one line of a head, as curl's HEADERFUNCTION does. */
size_t ir_wire_header(char *p, size_t one, size_t n, void *user);
int ir_must_use ir_wire_setup(ir_wire *w, const ir_shot *shot, imgrel_error *err);
enum ir_phase ir_wire_phase(const ir_wire *w);
/* Tells curl's result (or silence) in words: host, cause, phase, cure. */
int ir_wire_fail(ir_wire *w, imgrel_error *err);
int ir_wire_fail_stall(ir_wire *w, int64_t ms, imgrel_error *err);
int ir_wire_fail_slow(ir_wire *w, uint64_t bytes, int64_t ms, imgrel_error *err);
/* Puts where it happened before a cancel or deadline that ended it. */
int ir_wire_fail_call(ir_wire *w, int rc, imgrel_error *err);

#endif
