/* dial.c - dialling a pod. SPDY/3.1 inside a WebSocket first (it knows half-close, and any number
 * of connections; any kubelet, apiserver 1.31 and later); where that is refused, plain WebSocket
 * channels (v4.channel.k8s.io), which every older server has. Then one connection as a handle
 * whose calls block: it has a tunnel of its own. */
#include "base/limits.h"
#include "kube/tunnel.h"

#include <poll.h>
#include <stdlib.h>

#define TUNNEL "SPDY/3.1+portforward.k8s.io"
#define CHANNELS "v4.channel.k8s.io"
#define PING_MS 10000
#define IN_MUCH (192 * IR_KIB) /* this much unread: a writer need not wait for all to be sent */

/* ---- dialling -------------------------------------------------------------------------------- */

static int forward_path(const ir_kube *k, const char *ns, const char *pod, int port, bool tunnel,
                        ir_buf *out, imgrel_error *err)
{
    int rc = ir_kube_path(k, ir_kube_pods(), ns, pod, out, err);
    ir_buf_adds(out, "/portforward");
    if (!tunnel)
        ir_buf_addf(out, "?ports=%d", port);
    return rc ? rc : ir_buf_check(out, err, "port-forward");
}

/* A refusal that another protocol would meet as well: the login, the rights, the pod itself, a
 * server that is overloaded or not up yet. A bare 403 is about the sub-protocol, one with a Status
 * about rights. */
static bool is_final(const ir_reply *reply)
{
    const char *type = ir_reply_header(reply, "content-type", 0);
    bool json = type && ir_starts(type, "application/json");
    return reply->status == 401 || reply->status == 429 || reply->status >= 500 ||
           (json && (reply->status == 403 || reply->status == 404));
}

/* 0 with *ret NULL: this protocol is not to be had, another may be. */
static int dial_by(const ir_call *call, ir_kube *k, const char *ns, const char *pod, int port,
                   bool tunnel, ir_tunnel **ret, imgrel_error *err)
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
        rc = ir_tunnel_new(ws, tunnel, pod, port, ret, &why);
    else if (!rc && (!tunnel || is_final(&reply)))
        rc = ir_kube_status_fail(k, &req, ir_buf_str(&path), &reply, &why);
    else if (tunnel && (!rc || rc == IMGREL_EPROTO))
        rc = 0;
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc ? ir_kube_pass(err, &why) : 0;
}

static bool knows_no_tunnel(ir_kube *k, bool now)
{
    pthread_mutex_lock(&k->lock);
    bool before = k->no_tunnel;
    k->no_tunnel = before || now;
    pthread_mutex_unlock(&k->lock);
    return before;
}

int ir_tunnel_dial(const ir_call *call, ir_kube *k, const char *ns, const char *pod, int port,
                   ir_tunnel **ret, imgrel_error *err)
{
    *ret = NULL;
    if (port < 1 || port > 65535)
        return ir_fail(err, IMGREL_EINVAL, "pod/%s: port %d is none", pod, port);
    if (!knows_no_tunnel(k, false)) {
        int rc = dial_by(call, k, ns, pod, port, true, ret, err);
        if (rc || *ret)
            return rc;
    }
    int rc = dial_by(call, k, ns, pod, port, false, ret, err);
    /* It is the older server that it seemed to be: ask only once. */
    if (!rc && !knows_no_tunnel(k, true))
        ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "kube",
                   "port-forward by WebSocket channels: there is no half-close", "server", k->host,
                   NULL);
    return rc;
}

/* ---- one connection, blocking ---------------------------------------------------------------- */

int ir_kube_dial(const ir_call *call, ir_kube *k, const char *ns, const char *object, int port,
                 ir_forward_conn **ret, imgrel_error *err)
{
    char *pod = NULL;
    ir_tunnel *t = NULL;
    int target = 0;
    *ret = NULL;
    int rc = ir_kube_target(call, k, ns, object, port, &pod, &target, err);
    if (!rc)
        rc = ir_tunnel_dial(call, k, ns, pod, target, &t, err);
    if (!rc)
        rc = ir_tunnel_open(t, target, ret, err);
    if (rc)
        ir_tunnel_close(t);
    free(pod);
    return rc;
}

void ir_forward_close(ir_forward_conn *c)
{
    ir_tunnel *t = c ? ir_forward_tunnel(c) : NULL;
    ir_forward_end(c);
    ir_tunnel_close(t);
}

/* Waits for what the tunnel waits for, but not past its next sign of life. */
static int wait_for(const ir_call *call, ir_forward_conn *c, imgrel_error *err)
{
    ir_tunnel *t = ir_forward_tunnel(c);
    int64_t stall = ir_call_conf(call)->stall_timeout_ms;
    int64_t ping = stall && stall / 3 < PING_MS ? stall / 3 + 1 : PING_MS;
    ir_tunnel_tick(t, ping, stall ? stall : INT64_MAX);
    if (ir_tunnel_dead(t))
        return 0;
    /* The grace after the end of the data has its own end. */
    int64_t most = ir_forward_eof(c) && ping > 100 ? 100 : ping;
    int rc = ir_wait_fd(ir_tunnel_fd(t), ir_tunnel_events(t), call->cancel, most, call->deadline_ms,
                        err);
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
        ir_tunnel_pump(ir_forward_tunnel(c));
        if (ir_forward_pending(c, &p))
            continue;
        if ((rc = ir_forward_check(c, err)))
            return rc;
        if (ir_forward_spoken(c))
            return 0;
        if ((rc = wait_for(call, c, err)))
            return rc;
    }
}

/* The pod may have to be heard before it listens; what it says is kept, up to a cap. Bytes stay
 * behind only where the caller has to read before they can go. */
int ir_forward_write(const ir_call *call, ir_forward_conn *c, const void *p, size_t len,
                     imgrel_error *err)
{
    const char *at = p;
    int rc = ir_call_check(call, err);
    while (!rc && (len || ir_forward_unsent(c))) {
        const char *in = NULL;
        while (!rc && len && !ir_forward_full(c)) {
            size_t n = len < 64 * IR_KIB ? len : 64 * IR_KIB;
            rc = ir_forward_put(c, at, n, err);
            at += n;
            len -= n;
        }
        if (rc || !ir_forward_unsent(c))
            continue;
        ir_tunnel_pump(ir_forward_tunnel(c));
        if (!len && !ir_forward_full(c) && ir_forward_pending(c, &in) > IN_MUCH)
            break;
        if (!(rc = ir_forward_check(c, err)) && ir_forward_unsent(c))
            rc = wait_for(call, c, err);
        if (!rc)
            rc = ir_call_check(call, err);
    }
    return rc;
}

int ir_forward_shutdown(const ir_call *call, ir_forward_conn *c, imgrel_error *err)
{
    int rc = ir_forward_fin(c, err);
    while (!rc && ir_forward_unsent(c)) {
        ir_tunnel_pump(ir_forward_tunnel(c));
        if (!(rc = ir_forward_check(c, err)) && ir_forward_unsent(c))
            rc = wait_for(call, c, err);
    }
    return rc;
}
