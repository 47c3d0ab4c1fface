/* ws_client.c - a WebSocket client: the handshake, and frames on the connection that HTTP handed
 * over. Only the handshake blocks; what does not fit the socket waits in a capped buffer. */
#include "net/ws.h"
#include "base/base64.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>
#include <strings.h>

#define OUT_MAX (8UL << 20)
#define CONTROLS_MAX 1000 /* in a row, while there is more to read: nobody means well by that */

struct ir_ws {
    ir_raw *raw;
    ir_ws_reader in;
    ir_buf out;
    size_t out_at; /* bytes of `out` that took off already */
    /* What is on its way: TLS wants a refused write again from the same place, byte for byte. */
    char flight[16384];
    size_t flight_at, flight_len;
    bool ended, closing;
    int close_code;
    unsigned controls; /* in a row, without a pause between them */
    int64_t heard_ms;
};

ir_ws *ir_ws_new(ir_raw *raw)
{
    ir_ws *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->raw = raw;
    w->out.max = OUT_MAX;
    return w;
}

static char *random_key(imgrel_error *err)
{
    unsigned char nonce[16];
    ir_buf out = IR_BUF(64);
    if (ir_random(nonce, sizeof nonce, err))
        return NULL;
    ir_base64_add(&out, nonce, sizeof nonce);
    char *key = ir_buf_take(&out);
    if (!key)
        ir_nomem(err);
    return key;
}

/* The answer must be made from our key, and the sub-protocol the one we offered; some libraries
 * write its name in lower case. */
static int check_reply(const ir_request *req, const ir_reply *reply, const char *key,
                       const char *protocol, imgrel_error *err)
{
    const char *accept = ir_reply_header(reply, "sec-websocket-accept", 0);
    const char *chosen = ir_reply_header(reply, "sec-websocket-protocol", 0);
    char *want = ir_ws_accept(key);
    if (!want)
        return ir_nomem(err);
    bool same = accept && !strcmp(accept, want);
    free(want);
    if (!same)
        return ir_fail(err, IMGREL_EPROTO, "%s: the WebSocket handshake is not answered by our key",
                       req->what ? req->what : req->url);
    if (!chosen || strcasecmp(chosen, protocol) != 0)
        return ir_fail(err, IMGREL_EPROTO, "%s: the server chose sub-protocol \"%s\", not \"%s\"",
                       req->what ? req->what : req->url, chosen ? chosen : "", protocol);
    return 0;
}

static size_t count_headers(const char *const *headers)
{
    size_t n = 0;
    while (headers && headers[n])
        n++;
    return n;
}

int ir_ws_open(const ir_call *call, const ir_request *req, const char *protocol, ir_ws **ret,
               ir_reply *ret_reply, imgrel_error *err)
{
    ir_request up = *req;
    ir_raw *raw = NULL;
    size_t n = count_headers(req->headers);
    const char **headers = calloc(n + 6, sizeof *headers);
    char *key = random_key(err);
    char *key_line = key ? ir_format("Sec-WebSocket-Key: %s", key) : NULL;
    char *protocol_line = ir_format("Sec-WebSocket-Protocol: %s", protocol);
    int rc = 0;

    *ret = NULL;
    if (!headers || !key_line || !protocol_line) {
        rc = err && err->code ? err->code : ir_nomem(err);
        goto out;
    }
    if (n)
        memcpy(headers, req->headers, n * sizeof *headers);
    headers[n++] = "Connection: Upgrade";
    headers[n++] = "Upgrade: websocket";
    headers[n++] = "Sec-WebSocket-Version: 13";
    headers[n++] = key_line;
    headers[n++] = protocol_line;
    up.headers = headers;
    if ((rc = ir_upgrade(call, &up, &raw, ret_reply, err)) || !raw)
        goto out;
    if ((rc = check_reply(req, ret_reply, key, protocol, err)))
        goto out;
    if ((*ret = ir_ws_new(raw)))
        raw = NULL;
    else
        rc = ir_nomem(err);
out:
    ir_raw_close(raw);
    free(headers);
    free(key);
    free(key_line);
    free(protocol_line);
    return rc;
}

int ir_ws_fd(const ir_ws *w)
{
    return ir_raw_fd(w->raw);
}

size_t ir_ws_unsent(const ir_ws *w)
{
    return w->out.len - w->out_at + w->flight_len - w->flight_at;
}

/* Fills the flight from what waits; false: there is nothing to send. */
static bool load_flight(ir_ws *w)
{
    if (w->flight_at < w->flight_len)
        return true;
    size_t n = w->out.len - w->out_at;
    n = n < sizeof w->flight ? n : sizeof w->flight;
    if (n)
        memcpy(w->flight, w->out.p + w->out_at, n);
    w->out_at += n;
    if (w->out_at >= w->out.len / 2) {
        ir_buf_drop(&w->out, w->out_at);
        w->out_at = 0;
    }
    w->flight_at = 0;
    w->flight_len = n;
    return n > 0;
}

int ir_ws_flush(ir_ws *w, imgrel_error *err)
{
    while (load_flight(w)) {
        size_t left = w->flight_len - w->flight_at;
        int64_t n = ir_raw_send(w->raw, w->flight + w->flight_at, left, err);
        if (n == IMGREL_ESTATE)
            break;
        if (n < 0)
            return (int)n;
        w->flight_at += (size_t)n;
    }
    return 0;
}

int ir_ws_send(ir_ws *w, int opcode, const void *p, size_t len, imgrel_error *err)
{
    int rc = ir_ws_put(&w->out, opcode, p, len, true, err);
    return rc ? rc : ir_ws_flush(w, err);
}

/* Both sides say CLOSE once; what was asked for after it is not sent. */
static int take_close(ir_ws *w, const char *p, size_t len, imgrel_error *err)
{
    const unsigned char *u = (const unsigned char *)p;
    w->ended = true;
    w->close_code = len >= 2 ? u[0] << 8 | u[1] : 0;
    if (w->closing)
        return 0;
    w->closing = true;
    return ir_ws_send(w, IR_WS_CLOSE, p, len < 2 ? 0 : 2, err);
}

/* 1: it was data, 0: it was not. */
static int take_message(ir_ws *w, int opcode, const char *p, size_t len, imgrel_error *err)
{
    if (opcode == IR_WS_TEXT || opcode == IR_WS_BINARY)
        return 1;
    if (opcode == IR_WS_CLOSE)
        return take_close(w, p, len, err);
    if (opcode == IR_WS_PING)
        return ir_ws_send(w, IR_WS_PONG, p, len, err);
    return 0;
}

int ir_ws_recv(ir_ws *w, const char **ret_p, size_t *ret_len, imgrel_error *err)
{
    char chunk[16384];
    while (!w->ended) {
        int opcode = 0, rc = ir_ws_next(&w->in, &opcode, ret_p, ret_len, err);
        if (rc < 0)
            return rc;
        if (rc == 1) {
            if ((rc = take_message(w, opcode, *ret_p, *ret_len, err))) {
                w->controls = 0;
                return rc;
            }
            if (++w->controls > CONTROLS_MAX)
                return ir_fail(err, IMGREL_ELIMIT, "WebSocket: nothing but control frames");
            continue;
        }
        int64_t n = ir_raw_recv(w->raw, chunk, sizeof chunk, err);
        if (n == IMGREL_ESTATE) {
            w->controls = 0;
            return 0;
        }
        if (n < 0)
            return (int)n;
        w->ended = n == 0;
        w->heard_ms = ir_now_ms();
        ir_ws_feed(&w->in, chunk, (size_t)n);
    }
    return 0;
}

bool ir_ws_ended(const ir_ws *w)
{
    return w->ended;
}

int64_t ir_ws_heard_ms(const ir_ws *w)
{
    return w->heard_ms;
}

int ir_ws_close_code(const ir_ws *w)
{
    return w->close_code;
}

void ir_ws_close(ir_ws *w)
{
    if (!w)
        return;
    /* 1000, normal closure; nobody waits for what it says to that. */
    if (!w->closing && !ir_ws_unsent(w) && ir_ws_send(w, IR_WS_CLOSE, "\3\350", 2, NULL))
        w->closing = true;
    ir_raw_close(w->raw);
    ir_ws_reader_free(&w->in);
    ir_buf_free(&w->out);
    free(w);
}
