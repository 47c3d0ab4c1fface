/* dial.c - one connection into a pod. SPDY/3.1 inside a WebSocket first (it knows half-close, any
 * kubelet, apiserver 1.31 and later); where that is refused, plain WebSocket channels
 * (v4.channel.k8s.io), which every older server has. A connection of its own for each: a slow
 * reader then holds up nobody else. */
#include "base/limits.h"
#include "kube/inside.h"
#include "net/spdy.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define TUNNEL "SPDY/3.1+portforward.k8s.io"
#define CHANNELS "v4.channel.k8s.io"
#define IN_HIGH (256 * IR_KIB)  /* stop reading the pod's bytes until some are taken */
#define OUT_HIGH (256 * IR_KIB) /* stop taking bytes for the pod until some are sent */
#define CHUNK (32 * IR_KIB)
#define IDLE_MAX 10000 /* messages in a row that bring no data */
#define GRACE_MS 1000 /* between the end of the data and a word about why */

struct ir_forward_conn {
    ir_ws *ws;
    ir_spdy *spdy;        /* NULL: channels */
    uint32_t data, error; /* streams */
    unsigned heads[2];    /* channels: bytes of the port that begin each, still to come */
    ir_buf in, problem;
    size_t taken;
    bool data_ended, error_ended, fin_sent;
    int64_t ended_ms;
    char *name; /* "pod/x:80" */
};

/* ---- what comes ------------------------------------------------------------------------------ */

static void end_data(ir_forward_conn *c)
{
    if (!c->data_ended)
        c->ended_ms = ir_now_ms();
    c->data_ended = true;
}

/* An error's text is cut rather than refused: it is for people. */
static void add_problem(ir_forward_conn *c, const char *p, size_t len)
{
    size_t room = c->problem.max - c->problem.len;
    ir_buf_add(&c->problem, p, len < room ? len : room);
}

static void take_spdy(ir_forward_conn *c, const ir_spdy_event *e)
{
    bool data = e->stream == c->data;
    if (e->type == IR_SPDY_GOAWAY) {
        end_data(c);
        c->error_ended = true;
        return;
    }
    if (!data && e->stream != c->error)
        return;
    if (e->type == IR_SPDY_DATA && data)
        ir_buf_add(&c->in, e->p, e->len);
    else if (e->type == IR_SPDY_DATA)
        add_problem(c, e->p, e->len);
    if (e->type == IR_SPDY_RST_STREAM && data && !c->data_ended && !c->problem.len)
        ir_buf_addf(&c->problem, "the stream was reset (SPDY status %u)", e->status);
    if (e->fin || e->type == IR_SPDY_RST_STREAM) {
        c->error_ended |= !data;
        if (data)
            end_data(c);
    }
}

static int feed_spdy(ir_forward_conn *c, const char *p, size_t len, imgrel_error *err)
{
    ir_spdy_event e;
    int rc = 0;
    ir_spdy_feed(c->spdy, p, len);
    while ((rc = ir_spdy_next(c->spdy, &e, err)) == 1)
        take_spdy(c, &e);
    return rc;
}

/* A channel's first two bytes are the port, whatever messages they come in. */
static void feed_channel(ir_forward_conn *c, const char *p, size_t len)
{
    unsigned channel = len ? (unsigned char)p[0] : 2;
    if (channel > 1)
        return;
    p++;
    len--;
    unsigned skip = len < c->heads[channel] ? (unsigned)len : c->heads[channel];
    c->heads[channel] -= skip;
    if (channel == 0)
        ir_buf_add(&c->in, p + skip, len - skip);
    else
        add_problem(c, p + skip, len - skip);
}

static int fail_with_problem(const ir_forward_conn *c, imgrel_error *err)
{
    const char *text = ir_buf_str(&c->problem);
    const char *near = strstr(text, "dial tcp");
    if (strstr(text, "connection refused")) {
        ir_fail(err, IMGREL_ENET, "%s: nothing listens on this port in the pod (%s)", c->name,
                near ? near : text);
        if (err)
            err->retryable = 1;
        return ir_cure(err, "see that the program is up, and on which port it listens"),
               IMGREL_ENET;
    }
    ir_fail(err, IMGREL_EFAILED, "%s: %s", c->name, text);
    return ir_cure(err, "see that the pod runs"), IMGREL_EFAILED;
}

/* ---- moving bytes ---------------------------------------------------------------------------- */

size_t ir_forward_pending(const ir_forward_conn *c, const char **ret_p)
{
    *ret_p = ir_buf_str(&c->in) + c->taken;
    return c->in.len - c->taken;
}

void ir_forward_taken(ir_forward_conn *c, size_t len)
{
    c->taken += len;
    if (c->taken < c->in.len)
        return;
    ir_buf_clear(&c->in);
    c->taken = 0;
}

static int receive(ir_forward_conn *c, imgrel_error *err);

/* A connection that cannot be written to may have said why before. */
static int told_before(ir_forward_conn *c, const imgrel_error *why, imgrel_error *err)
{
    int rc = receive(c, NULL);
    if ((!rc || rc == IMGREL_ENET) && c->problem.len)
        return fail_with_problem(c, err);
    return ir_kube_pass(err, why);
}

static int send_all(ir_forward_conn *c, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_buf *out = c->spdy ? ir_spdy_out(c->spdy) : NULL;
    int rc = 0;
    while (!rc && out && out->len) {
        size_t n = out->len < CHUNK ? out->len : CHUNK;
        rc = ir_ws_send(c->ws, IR_WS_BINARY, out->p, n, &why);
        ir_buf_drop(out, n);
    }
    if (!rc && out)
        rc = ir_buf_check(out, &why, c->name);
    if (!rc)
        rc = ir_ws_flush(c->ws, &why);
    return rc ? told_before(c, &why, err) : 0;
}

static int receive(ir_forward_conn *c, imgrel_error *err)
{
    const char *p = NULL;
    size_t len = 0;
    ir_buf_drop(&c->in, c->taken);
    c->taken = 0;
    unsigned idle = 0;
    while (c->in.len < IN_HIGH) {
        size_t before = c->in.len;
        int rc = ir_ws_recv(c->ws, &p, &len, err);
        if (rc <= 0)
            return rc;
        if (!c->spdy)
            feed_channel(c, p, len);
        else if ((rc = feed_spdy(c, p, len, err)))
            return rc;
        if ((rc = ir_buf_check(&c->in, err, c->name)))
            return rc;
        idle = c->in.len == before ? idle + 1 : 0;
        if (idle > IDLE_MAX)
            return ir_fail(err, IMGREL_ELIMIT, "%s: the server talks, but of nothing asked for",
                           c->name);
    }
    return 0;
}

int ir_forward_pump(ir_forward_conn *c, imgrel_error *err)
{
    int rc = receive(c, err);
    if (!rc && ir_ws_ended(c->ws)) {
        end_data(c);
        c->error_ended = true;
    } else if (!rc) {
        rc = send_all(c, err);
    }
    /* What came before the end is the reader's; then the reason is told. */
    if (!rc && c->problem.len && c->in.len == 0 && (c->data_ended || c->error_ended || !c->spdy))
        rc = fail_with_problem(c, err);
    return rc;
}

int ir_forward_fd(const ir_forward_conn *c)
{
    return ir_ws_fd(c->ws);
}

bool ir_forward_unsent(const ir_forward_conn *c)
{
    return ir_ws_unsent(c->ws) > 0;
}

bool ir_forward_full(const ir_forward_conn *c)
{
    return ir_ws_unsent(c->ws) > OUT_HIGH;
}

bool ir_forward_ended(const ir_forward_conn *c)
{
    return c->data_ended && c->taken == c->in.len &&
           (c->error_ended || ir_now_ms() - c->ended_ms > GRACE_MS);
}

int ir_forward_put(ir_forward_conn *c, const void *p, size_t len, imgrel_error *err)
{
    char message[1 + CHUNK] = {0};
    const char *from = p;
    int rc = 0;
    if (c->fin_sent || c->data_ended)
        return ir_fail(err, IMGREL_ENET, "%s: the connection is closed", c->name);
    while (len && !rc) {
        size_t n = len < CHUNK ? len : CHUNK;
        if (c->spdy) {
            ir_spdy_data(c->spdy, c->data, from, n, false);
            rc = send_all(c, err);
        } else {
            imgrel_error why = {0};
            memcpy(message + 1, from, n);
            rc = ir_ws_send(c->ws, IR_WS_BINARY, message, n + 1, &why);
            rc = rc ? told_before(c, &why, err) : 0;
        }
        from += n;
        len -= n;
    }
    return rc;
}

int ir_forward_fin(ir_forward_conn *c, imgrel_error *err)
{
    if (!c->spdy) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: this server's port-forward knows no half-close",
                c->name);
        return ir_cure(err, "close the connection instead, or use a cluster from 1.31 on"),
               IMGREL_EUNSUPPORTED;
    }
    if (c->fin_sent)
        return 0;
    c->fin_sent = true;
    ir_spdy_data(c->spdy, c->data, NULL, 0, true);
    return send_all(c, err);
}

int ir_forward_ping(ir_forward_conn *c, imgrel_error *err)
{
    return ir_ws_send(c->ws, IR_WS_PING, NULL, 0, err);
}

/* ---- dialling -------------------------------------------------------------------------------- */

static int open_streams(ir_forward_conn *c, int port, imgrel_error *err)
{
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    const char *const error[] = {"streamtype", "error", "port", number, "requestid", "0", NULL};
    const char *const data[] = {"streamtype", "data", "port", number, "requestid", "0", NULL};
    int rc = ir_spdy_new(true, &c->spdy, err);
    if (rc)
        return rc;
    c->error = ir_spdy_open(c->spdy, error, true);
    c->data = ir_spdy_open(c->spdy, data, false);
    return c->data ? send_all(c, err) : ir_nomem(err);
}

/* Takes ws. */
static int make(ir_ws *ws, bool tunnel, const char *pod, int port, ir_forward_conn **ret,
                imgrel_error *err)
{
    ir_forward_conn *c = calloc(1, sizeof *c);
    if (!c) {
        ir_ws_close(ws);
        return ir_nomem(err);
    }
    c->ws = ws;
    c->in.max = 4 * IR_MIB;
    c->problem.max = 4 * IR_KIB;
    c->heads[0] = c->heads[1] = 2;
    c->name = ir_format("pod/%s:%d", pod, port);
    int rc = !c->name ? ir_nomem(err) : tunnel ? open_streams(c, port, err) : 0;
    if (rc)
        ir_forward_close(c);
    else
        *ret = c;
    return rc;
}

static int forward_path(const ir_kube *k, const char *ns, const char *pod, int port, bool tunnel,
                        ir_buf *out, imgrel_error *err)
{
    int rc = ir_kube_path(k, ir_kube_pods(), ns, pod, out, err);
    ir_buf_adds(out, "/portforward");
    if (!tunnel)
        ir_buf_addf(out, "?ports=%d", port);
    return rc ? rc : ir_buf_check(out, err, "port-forward");
}

/* A refusal that another protocol would meet as well: the login, the rights, the pod itself. A
 * bare 403 is about the sub-protocol, one with a Status about rights. */
static bool is_final(const ir_reply *reply)
{
    bool json = ir_reply_header(reply, "content-type", 0) &&
                ir_starts(ir_reply_header(reply, "content-type", 0), "application/json");
    return reply->status == 401 || (json && (reply->status == 403 || reply->status == 404));
}

/* 0 with *ret NULL: this protocol is not to be had, another may be. */
static int dial_by(const ir_call *call, ir_kube *k, const char *ns, const char *pod, int port,
                   bool tunnel, ir_forward_conn **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_request req = {.flags = IR_HTTP_ONE_TRY, .accept = "*/*"};
    ir_reply reply = {0};
    ir_ws *ws = NULL;
    imgrel_error why = {0};
    int rc = forward_path(k, ns, pod, port, tunnel, &path, &why);
    if (!rc)
        rc = ir_kube_upgrade(call, k, &req, ir_buf_str(&path), tunnel ? TUNNEL : CHANNELS, &ws,
                             &reply, &why);
    if (!rc && ws)
        rc = make(ws, tunnel, pod, port, ret, &why);
    else if (!rc && (!tunnel || is_final(&reply)))
        rc = ir_kube_status_fail(k, &req, ir_buf_str(&path), &reply, &why);
    else if (tunnel && (!rc || rc == IMGREL_EPROTO))
        rc = 0;
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc ? ir_kube_pass(err, &why) : 0;
}

int ir_kube_dial_pod(const ir_call *call, ir_kube *k, const char *ns, const char *pod, int port,
                     ir_forward_conn **ret, imgrel_error *err)
{
    *ret = NULL;
    if (port < 1 || port > 65535)
        return ir_fail(err, IMGREL_EINVAL, "pod/%s: port %d is none", pod, port);
    if (!k->no_tunnel) {
        int rc = dial_by(call, k, ns, pod, port, true, ret, err);
        if (rc || *ret)
            return rc;
    }
    int rc = dial_by(call, k, ns, pod, port, false, ret, err);
    /* It is the older server that it seemed to be: ask only once. */
    if (!rc && !k->no_tunnel) {
        k->no_tunnel = true;
        ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "kube",
                   "port-forward by WebSocket channels: there is no half-close", "server", k->host,
                   NULL);
    }
    return rc;
}

int ir_kube_dial(const ir_call *call, ir_kube *k, const char *ns, const char *object, int port,
                 ir_forward_conn **ret, imgrel_error *err)
{
    char *pod = NULL;
    int target = 0;
    *ret = NULL;
    int rc = ir_kube_target(call, k, ns, object, port, &pod, &target, err);
    if (!rc)
        rc = ir_kube_dial_pod(call, k, ns, pod, target, ret, err);
    free(pod);
    return rc;
}

/* ---- the same, blocking ---------------------------------------------------------------------- */

static int wait_for(const ir_call *call, ir_forward_conn *c, bool read, imgrel_error *err)
{
    short events = (short)((read ? POLLIN : 0) | (ir_forward_unsent(c) ? POLLOUT : 0));
    int64_t most = c->data_ended ? 100 : -1; /* the grace has its own end */
    int rc = ir_wait_fd(ir_forward_fd(c), events, call->cancel, most, call->deadline_ms, err);
    return rc < 0 ? rc : 0;
}

int64_t ir_forward_read(const ir_call *call, ir_forward_conn *c, void *buf, size_t len,
                        imgrel_error *err)
{
    for (;;) {
        const char *p = NULL;
        size_t n = ir_forward_pending(c, &p);
        /* A pod that never stops talking is no reason not to stop. */
        int rc = ir_call_check(call, err);
        if (rc)
            return rc;
        if (n) {
            n = n < len ? n : len;
            memcpy(buf, p, n);
            ir_forward_taken(c, n);
            return (int64_t)n;
        }
        if ((rc = ir_forward_pump(c, err)))
            return rc;
        if (ir_forward_pending(c, &p))
            continue;
        if (ir_forward_ended(c))
            return 0;
        if ((rc = wait_for(call, c, true, err)))
            return rc;
    }
}

int ir_forward_write(const ir_call *call, ir_forward_conn *c, const void *p, size_t len,
                     imgrel_error *err)
{
    int rc = ir_forward_put(c, p, len, err);
    while (!rc && ir_forward_full(c)) {
        /* The pod may have to be heard before it listens; what it says is kept, up to a cap. */
        if ((rc = ir_forward_pump(c, err)) || !ir_forward_full(c))
            break;
        rc = wait_for(call, c, c->in.len < IN_HIGH, err);
    }
    return rc;
}

int ir_forward_shutdown(const ir_call *call, ir_forward_conn *c, imgrel_error *err)
{
    int rc = ir_forward_fin(c, err);
    while (!rc && ir_forward_unsent(c)) {
        rc = wait_for(call, c, false, err);
        if (!rc)
            rc = ir_ws_flush(c->ws, err);
    }
    return rc;
}

void ir_forward_close(ir_forward_conn *c)
{
    if (!c)
        return;
    ir_ws_close(c->ws);
    ir_spdy_free(c->spdy);
    ir_buf_free(&c->in);
    ir_buf_free(&c->problem);
    free(c->name);
    free(c);
}
