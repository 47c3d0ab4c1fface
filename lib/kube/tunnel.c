/* tunnel.c - see tunnel.h. A connection into the pod is an error and a data stream of one
 * requestid; its end is the end of both. Channels have neither: the end of the WebSocket is the
 * pod's, and nothing tells it of ours. */
#include "kube/tunnel.h"
#include "base/limits.h"
#include "net/spdy.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_HIGH (256 * IR_KIB)  /* a lone stream's bytes that wait for their reader */
#define IN_HIGH_SHARED IR_MIB   /* the same where others would wait, too */
#define OUT_HIGH (256 * IR_KIB) /* stop taking bytes for the pod until some are sent */
#define CHUNK (32 * IR_KIB)
#define IDLE_MAX 10000 /* messages in a row that bring no data */
#define GRACE_MS 1000  /* between the end of the data and a word about why */
#define STREAMS_EVER 500000
#define REFUSED_STREAM 3
#define CANCEL 5

struct ir_tunnel {
    ir_ws *ws;
    ir_spdy *spdy; /* NULL: channels */
    char *pod;
    int port; /* of the channels */
    ir_forward_conn *conns[IR_TUNNEL_STREAMS_MAX];
    size_t n_conns;
    unsigned n_ever;
    bool spent;       /* carries no further streams */
    bool more;        /* not all that came was read */
    bool dead, clean; /* clean: the other side said goodbye */
    imgrel_error why; /* dead and not clean */
    uint64_t received;
    int64_t pinged_ms, silent_ms; /* silent: since a sign of life is owed */
    bool said;                    /* data went out since the last ping */
};

struct ir_forward_conn {
    ir_tunnel *tunnel;
    uint32_t data, error; /* streams */
    unsigned heads[2];    /* channels: bytes of the port that begin each, still to come */
    ir_buf in, problem;
    size_t taken;
    bool data_ended, error_ended, fin_sent, heard, first;
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

static void add_data(ir_forward_conn *c, const char *p, size_t len)
{
    if (c->data_ended || !len)
        return;
    if (c->taken >= c->in.len / 2) {
        ir_buf_drop(&c->in, c->taken);
        c->taken = 0;
    }
    ir_buf_add(&c->in, p, len);
    c->heard = true;
    c->tunnel->received += len;
}

/* An error's text is cut rather than refused: it is for people. */
static void add_problem(ir_forward_conn *c, const char *p, size_t len)
{
    size_t room = c->problem.max - c->problem.len;
    ir_buf_add(&c->problem, p, len < room ? len : room);
}

static ir_forward_conn *by_stream(const ir_tunnel *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_conns; i++)
        if (t->conns[i]->data == id || t->conns[i]->error == id)
            return t->conns[i];
    return NULL;
}

static void take_stream(ir_forward_conn *c, const ir_spdy_event *e)
{
    bool data = e->stream == c->data, reset = e->type == IR_SPDY_RST_STREAM;
    if (e->type == IR_SPDY_DATA && data)
        add_data(c, e->p, e->len);
    else if (e->type == IR_SPDY_DATA)
        add_problem(c, e->p, e->len);
    if (reset && data && !c->data_ended && !c->problem.len)
        ir_buf_addf(&c->problem, "the stream was reset (SPDY status %u)", e->status);
    if (!e->fin && !reset)
        return;
    c->error_ended |= !data || reset;
    if (data)
        end_data(c);
}

static void take_spdy(ir_tunnel *t, const ir_spdy_event *e)
{
    ir_forward_conn *c = by_stream(t, e->stream);
    if (e->type == IR_SPDY_GOAWAY)
        t->spent = true;
    else if (e->type == IR_SPDY_SYN_STREAM)
        ir_spdy_reset(t->spdy, e->stream, REFUSED_STREAM);
    else if (c)
        take_stream(c, e);
}

static int feed_spdy(ir_tunnel *t, const char *p, size_t len, imgrel_error *err)
{
    ir_spdy_event e;
    int rc = 0;
    ir_spdy_feed(t->spdy, p, len);
    while ((rc = ir_spdy_next(t->spdy, &e, err)) == 1)
        take_spdy(t, &e);
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
        add_data(c, p + skip, len - skip);
    else
        add_problem(c, p + skip, len - skip);
}

static bool is_full(const ir_tunnel *t)
{
    size_t high = t->n_conns > 1 ? IN_HIGH_SHARED : IN_HIGH;
    for (size_t i = 0; i < t->n_conns; i++)
        if (t->conns[i]->in.len - t->conns[i]->taken >= high)
            return true;
    return false;
}

static int buffers_check(const ir_tunnel *t, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < t->n_conns && !rc; i++)
        rc = ir_buf_check(&t->conns[i]->in, err, t->conns[i]->name);
    return rc;
}

static int receive(ir_tunnel *t, imgrel_error *err)
{
    const char *p = NULL;
    size_t len = 0;
    unsigned idle = 0;
    while (!(t->more = is_full(t))) {
        uint64_t before = t->received;
        int rc = ir_ws_recv(t->ws, &p, &len, err);
        if (rc <= 0)
            return rc;
        if (t->spdy)
            rc = feed_spdy(t, p, len, err);
        else if (rc = 0, t->n_conns)
            feed_channel(t->conns[0], p, len);
        if (rc || (rc = buffers_check(t, err)))
            return rc;
        idle = t->received == before ? idle + 1 : 0;
        if (idle > IDLE_MAX)
            return ir_fail(err, IMGREL_ELIMIT, "pod/%s: the server talks, but of nothing asked for",
                           t->pod);
    }
    return 0;
}

/* ---- its end --------------------------------------------------------------------------------- */

/* Every stream of it has ended: as far as it had not, by a failure unless that is how they end. */
static void bury(ir_tunnel *t, const imgrel_error *why)
{
    if (t->dead)
        return;
    t->dead = t->spent = true;
    t->clean = !why && !t->spdy && ir_ws_close_code(t->ws);
    if (why)
        t->why = *why;
    else if (!t->clean) {
        ir_fail(&t->why, IMGREL_ENET, "pod/%s: the API server ended the connection", t->pod);
        t->why.retryable = 1;
    }
    for (size_t i = 0; t->clean && i < t->n_conns; i++) {
        end_data(t->conns[i]);
        t->conns[i]->error_ended = true;
    }
}

/* What cannot be written to may have said why before. */
static void push(ir_tunnel *t)
{
    imgrel_error why = {0};
    ir_buf *out = t->spdy ? ir_spdy_out(t->spdy) : NULL;
    size_t at = 0;
    int rc = out ? ir_buf_check(out, &why, t->pod) : 0;
    while (!rc && out && at < out->len) {
        size_t n = out->len - at < CHUNK ? out->len - at : CHUNK;
        rc = ir_ws_send(t->ws, IR_WS_BINARY, out->p + at, n, &why);
        at += n;
    }
    if (out)
        ir_buf_drop(out, at);
    if (!rc)
        rc = ir_ws_flush(t->ws, &why);
    if (!rc || t->dead)
        return;
    if (receive(t, NULL) == 0 && ir_ws_ended(t->ws) && ir_ws_close_code(t->ws))
        bury(t, NULL);
    else
        bury(t, &why);
}

void ir_tunnel_pump(ir_tunnel *t)
{
    imgrel_error why = {0};
    if (t->dead)
        return;
    if (receive(t, &why))
        bury(t, &why);
    else if (ir_ws_ended(t->ws))
        bury(t, NULL);
    else
        push(t);
}

static bool is_quiet(const ir_tunnel *t)
{
    return !t->said && !t->more && !ir_ws_unsent(t->ws) && ir_ws_heard_ms(t->ws) < t->silent_ms;
}

void ir_tunnel_tick(ir_tunnel *t, int64_t ping_ms, int64_t silence_ms)
{
    int64_t now = ir_now_ms();
    imgrel_error why = {0};
    if (t->dead || now - t->pinged_ms < ping_ms)
        return;
    /* Bytes that the pod does not take may stand before our ping: then nobody owes an answer. */
    if (!is_quiet(t))
        t->silent_ms = now;
    if (now - t->silent_ms > silence_ms) {
        ir_fail(&why, IMGREL_ENET, "pod/%s: the API server has not answered for %lld s", t->pod,
                (long long)(now - t->silent_ms) / 1000);
        why.retryable = 1;
        bury(t, &why);
        return;
    }
    t->pinged_ms = now;
    t->said = false;
    if (ir_ws_send(t->ws, IR_WS_PING, NULL, 0, &why))
        bury(t, &why);
}

/* ---- the tunnel ------------------------------------------------------------------------------ */

int ir_tunnel_new(ir_ws *ws, bool spdy, const char *pod, int port, ir_tunnel **ret,
                  imgrel_error *err)
{
    *ret = NULL;
    ir_tunnel *t = calloc(1, sizeof *t);
    if (!t) {
        ir_ws_close(ws);
        return ir_nomem(err);
    }
    t->ws = ws;
    t->port = port;
    t->pinged_ms = t->silent_ms = ir_now_ms();
    t->pod = ir_strdup(pod);
    int rc = t->pod ? 0 : ir_nomem(err);
    if (!rc && spdy)
        rc = ir_spdy_new(true, &t->spdy, err);
    if (rc)
        ir_tunnel_close(t);
    else
        *ret = t;
    return rc;
}

void ir_tunnel_close(ir_tunnel *t)
{
    if (!t)
        return;
    ir_ws_close(t->ws);
    ir_spdy_free(t->spdy);
    free(t->pod);
    free(t);
}

const char *ir_tunnel_pod(const ir_tunnel *t)
{
    return t->pod;
}

bool ir_tunnel_is_spdy(const ir_tunnel *t)
{
    return t->spdy != NULL;
}

size_t ir_tunnel_streams(const ir_tunnel *t)
{
    return t->n_conns;
}

size_t ir_tunnel_busy(const ir_tunnel *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_conns; i++)
        n += !t->conns[i]->fin_sent;
    return n;
}

bool ir_tunnel_usable(const ir_tunnel *t)
{
    return !t->dead && !t->spent && t->n_conns < IR_TUNNEL_STREAMS_MAX && !t->more;
}

bool ir_tunnel_dead(const ir_tunnel *t)
{
    return t->dead;
}

int ir_tunnel_fd(const ir_tunnel *t)
{
    return ir_ws_fd(t->ws);
}

short ir_tunnel_events(const ir_tunnel *t)
{
    if (t->dead)
        return 0;
    return (short)((is_full(t) ? 0 : POLLIN) | (ir_ws_unsent(t->ws) ? POLLOUT : 0));
}

bool ir_tunnel_more(const ir_tunnel *t)
{
    return !t->dead && t->more && !is_full(t);
}

static void open_streams(ir_tunnel *t, ir_forward_conn *c, int port)
{
    char number[16], id[16];
    snprintf(number, sizeof number, "%d", port);
    snprintf(id, sizeof id, "%u", t->n_ever);
    const char *const error[] = {"streamtype", "error", "port", number, "requestid", id, NULL};
    const char *const data[] = {"streamtype", "data", "port", number, "requestid", id, NULL};
    c->error = ir_spdy_open(t->spdy, error, true);
    c->data = ir_spdy_open(t->spdy, data, false);
}

int ir_tunnel_open(ir_tunnel *t, int port, ir_forward_conn **ret, imgrel_error *err)
{
    *ret = NULL;
    if (!ir_tunnel_usable(t) || (!t->spdy && port != t->port))
        return ir_fail(err, IMGREL_ESTATE, "pod/%s: the tunnel takes no stream", t->pod);
    ir_forward_conn *c = calloc(1, sizeof *c);
    if (!c)
        return ir_nomem(err);
    c->tunnel = t;
    c->in.max = 4 * IR_MIB;
    c->problem.max = 4 * IR_KIB;
    c->heads[0] = c->heads[1] = 2;
    c->name = ir_format("pod/%s:%d", t->pod, port);
    if (c->name && t->spdy)
        open_streams(t, c, port);
    if (!c->name || (t->spdy && !c->data)) {
        free(c->name);
        free(c);
        return ir_nomem(err);
    }
    t->conns[t->n_conns++] = c;
    c->first = !t->n_ever++;
    t->spent |= !t->spdy || t->n_ever == STREAMS_EVER;
    if (t->spdy)
        push(t);
    else
        t->more = true; /* the server spoke first, maybe in one breath with the handshake */
    *ret = c;
    return 0;
}

/* ---- a stream -------------------------------------------------------------------------------- */

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

static bool refused(const ir_forward_conn *c)
{
    return strstr(ir_buf_str(&c->problem), "connection refused") != NULL;
}

static int fail_with_problem(const ir_forward_conn *c, imgrel_error *err)
{
    const char *text = ir_buf_str(&c->problem), *near = strstr(text, "dial tcp");
    if (!refused(c)) {
        ir_fail(err, IMGREL_EFAILED, "%s: %s", c->name, text);
        return ir_cure(err, "see that the pod runs"), IMGREL_EFAILED;
    }
    ir_fail(err, IMGREL_ENET, "%s: nothing listens on this port in the pod (%s)", c->name,
            near ? near : text);
    if (err)
        err->retryable = 1;
    return ir_cure(err, "see that the program is up, and on which port it listens"), IMGREL_ENET;
}

int ir_forward_check(const ir_forward_conn *c, imgrel_error *err)
{
    const ir_tunnel *t = c->tunnel;
    if (c->in.len > c->taken)
        return 0;
    if (c->problem.len && (c->data_ended || c->error_ended || t->dead || !t->spdy))
        return fail_with_problem(c, err);
    return t->dead && !t->clean && !c->data_ended ? ir_kube_pass(err, &t->why) : 0;
}

ir_tunnel *ir_forward_tunnel(const ir_forward_conn *c)
{
    return c->tunnel;
}

bool ir_forward_heard(const ir_forward_conn *c)
{
    return c->heard;
}

bool ir_forward_first(const ir_forward_conn *c)
{
    return c->first;
}

/* kubelet, containerd and CRI-O word it each in their way. */
bool ir_forward_unreached(const ir_forward_conn *c)
{
    static const char *const words[] = {"connection refused", "dial tcp",  "failed to connect",
                                        "no such file",       "not found", "not running",
                                        "network namespace"};
    const char *text = ir_buf_str(&c->problem);
    bool later = strstr(text, "broken pipe") || strstr(text, "reset by peer");
    for (size_t i = 0; !c->heard && !later && i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

bool ir_forward_eof(const ir_forward_conn *c)
{
    return c->data_ended && c->taken == c->in.len;
}

bool ir_forward_spoken(const ir_forward_conn *c)
{
    return ir_forward_eof(c) && (c->error_ended || ir_now_ms() - c->ended_ms > GRACE_MS);
}

bool ir_forward_ended(const ir_forward_conn *c)
{
    return ir_forward_eof(c) && (c->error_ended || (c->fin_sent && ir_forward_spoken(c)));
}

size_t ir_forward_unsent(const ir_forward_conn *c)
{
    return c->tunnel->dead ? 0 : ir_ws_unsent(c->tunnel->ws);
}

bool ir_forward_full(const ir_forward_conn *c)
{
    return ir_forward_unsent(c) > OUT_HIGH;
}

/* Nothing can be sent any more. */
static int lost(const ir_forward_conn *c, imgrel_error *err)
{
    if (c->problem.len)
        return fail_with_problem(c, err);
    if (c->tunnel->why.code)
        return ir_kube_pass(err, &c->tunnel->why);
    return ir_fail(err, IMGREL_ENET, "%s: the connection is closed", c->name);
}

static int put_chunk(ir_forward_conn *c, const char *p, size_t len, imgrel_error *err)
{
    char message[1 + CHUNK];
    ir_tunnel *t = c->tunnel;
    imgrel_error why = {0};
    t->said = true;
    if (t->spdy) {
        ir_spdy_data(t->spdy, c->data, p, len, false);
        push(t);
    } else {
        message[0] = 0;
        memcpy(message + 1, p, len);
        if (ir_ws_send(t->ws, IR_WS_BINARY, message, len + 1, &why)) {
            (void)!receive(t, NULL);
            bury(t, &why);
        }
    }
    return t->dead ? lost(c, err) : 0;
}

int ir_forward_put(ir_forward_conn *c, const void *p, size_t len, imgrel_error *err)
{
    const char *from = p;
    int rc = 0;
    if (c->fin_sent || c->error_ended || c->tunnel->dead)
        return lost(c, err);
    while (len && !rc) {
        size_t n = len < CHUNK ? len : CHUNK;
        rc = put_chunk(c, from, n, err);
        from += n;
        len -= n;
    }
    return rc;
}

int ir_forward_fin(ir_forward_conn *c, imgrel_error *err)
{
    ir_tunnel *t = c->tunnel;
    if (!t->spdy) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: this server's port-forward knows no half-close",
                c->name);
        return ir_cure(err, "close the connection instead, or use a cluster from 1.31 on"),
               IMGREL_EUNSUPPORTED;
    }
    if (c->fin_sent)
        return 0;
    c->fin_sent = true;
    if (!t->dead) {
        ir_spdy_data(t->spdy, c->data, NULL, 0, true);
        push(t);
    }
    return ir_forward_check(c, err);
}

void ir_forward_end(ir_forward_conn *c)
{
    if (!c)
        return;
    ir_tunnel *t = c->tunnel;
    bool over = c->data_ended && c->error_ended;
    for (size_t i = 0; i < t->n_conns; i++)
        if (t->conns[i] == c)
            t->conns[i--] = t->conns[--t->n_conns];
    /* The pod may go on for ever, and its bytes would come before those of the next; or there is
     * none any more. */
    t->spent |= !over || ir_forward_unreached(c);
    if (t->spdy && !t->dead) {
        if (!over)
            ir_spdy_reset(t->spdy, c->data, CANCEL);
        else if (!c->fin_sent)
            ir_spdy_data(t->spdy, c->data, NULL, 0, true);
        push(t);
    }
    ir_buf_free(&c->in);
    ir_buf_free(&c->problem);
    free(c->name);
    free(c);
}
