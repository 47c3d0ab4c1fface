/* forward_link.c - a local client and its stream into the pod. Neither side is read faster than the
 * other takes; each side's end is told to the other. What went to a pod that was not reached goes
 * to the next one. */
#include "base/limits.h"
#include "kube/forward.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOLLOW_MS 10000 /* how long a pod that was not reached may take to be replaced */
#define AGAIN_MS 100
#define AGAIN_MAX_MS 2000
#define DRAIN_MS 2000
#define ORPHAN_MS 30000 /* channels: no half-close, so a silent end of the client is waited out */
#define EARLY_MAX (64 * IR_KIB)
#define CHUNK 65536

/* ---- its end --------------------------------------------------------------------------------- */

static void complain(ir_forward *f, const ir_link *l, const imgrel_error *why)
{
    char what[128], text[1200];
    ir_log_say(ir_call_log(f->call), IMGREL_LOG_WARN, "kube", why->message, "object", f->object,
               "cure", why->cure, NULL);
    snprintf(what, sizeof what, "%s:%d", f->object, f->routes[l->listener].port);
    snprintf(text, sizeof text, "%s%s%s", why->message, *why->cure ? "; " : "", why->cure);
    if (!f->rc)
        f->rc = ir_progress(f->call, IMGREL_EVENT_WARNING, what, text, 0, 0, l->tries + 1, &f->why);
}

/* Ended well, the client sees an end; otherwise a reset, so that it does not take the part that it
 * has for the whole. */
void ir_link_drop(ir_forward *f, size_t i, bool reset)
{
    ir_link *l = &f->links[i];
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(l->fd);
    ir_forward_end(l->conn);
    ir_buf_free(&l->early);
    free(l->pod);
    free(l->avoid);
    *l = f->links[--f->n_links];
}

void ir_link_fail(ir_forward *f, size_t i, const imgrel_error *why)
{
    /* A client that goes away (EIO) is nothing to complain about. */
    if (why->code != IMGREL_ECANCELED && why->code != IMGREL_EIO)
        complain(f, &f->links[i], why);
    ir_link_drop(f, i, true);
}

bool ir_link_again(ir_link *l, const imgrel_error *why)
{
    int64_t wait = AGAIN_MS << (l->tries < 5 ? l->tries : 5);
    l->state = IR_LINK_WAITING;
    if (why)
        l->why = *why;
    l->tries++;
    l->due_ms = ir_now_ms() + (wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
    return l->due_ms < l->until_ms;
}

/* ---- its stream ------------------------------------------------------------------------------ */

static int end_ours(ir_link *l)
{
    int rc = ir_forward_fin(l->conn, NULL);
    return rc == IMGREL_EUNSUPPORTED ? 0 : rc;
}

static int resend(ir_link *l, imgrel_error *err)
{
    int rc = l->early.len ? ir_forward_put(l->conn, l->early.p, l->early.len, err) : 0;
    return !rc && l->local_ended ? end_ours(l) : rc;
}

void ir_link_open(ir_forward *f, size_t i, ir_tunnel *t)
{
    ir_link *l = &f->links[i];
    const ir_target *to = &f->routes[l->listener].target;
    imgrel_error why = {0};
    free(l->pod);
    l->pod = ir_strdup(ir_target_id(to));
    l->ready = to->ready;
    int rc = l->pod ? ir_tunnel_open(t, to->port, &l->conn, &why) : ir_nomem(&why);
    l->state = IR_LINK_OPEN;
    l->held = true;
    l->moved_ms = ir_now_ms();
    if (!rc)
        rc = resend(l, &why);
    if (rc)
        ir_link_fail(f, i, &why);
}

/* The pod was not reached, and another may stand there by now, or it is gone, which a new tunnel
 * will tell; or the tunnel broke before a byte went either way. Then nobody has heard what would
 * be said again. */
static bool may_move_on(const ir_forward *f, const ir_link *l, bool *ret_avoid)
{
    bool unreached = !l->early_lost && ir_forward_unreached(l->conn);
    bool silent = !ir_forward_heard(l->conn) && !l->sent && !l->local_ended;
    *ret_avoid = f->follows && unreached;
    return *ret_avoid || (unreached && !ir_forward_first(l->conn)) ||
           (silent && ir_tunnel_dead(ir_forward_tunnel(l->conn)));
}

static bool move_on(ir_forward *f, ir_link *l, const imgrel_error *why)
{
    bool avoid = false;
    int64_t now = ir_now_ms();
    if (!may_move_on(f, l, &avoid))
        return false;
    ir_forward_end(l->conn);
    l->conn = NULL;
    f->routes[l->listener].at_ms = f->follows ? 0 : now;
    if (!l->tries)
        l->until_ms = now + FOLLOW_MS;
    if (avoid && l->ready) {
        free(l->avoid);
        l->avoid = l->pod;
        l->pod = NULL;
    }
    return ir_link_again(l, why);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void keep_early(ir_link *l, const char *p, size_t len)
{
    l->sent = true;
    if (l->early_lost)
        return;
    l->early.max = EARLY_MAX;
    if (!ir_forward_heard(l->conn))
        ir_buf_add(&l->early, p, len);
    else
        l->early.bad = IMGREL_ELIMIT;
    if (l->early.bad) {
        l->early_lost = true;
        ir_buf_free(&l->early);
    }
}

/* From the client to the pod: 0, or a code. */
static int read_local(ir_link *l, imgrel_error *err)
{
    char chunk[CHUNK];
    while (!l->local_ended && !ir_forward_full(l->conn)) {
        ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
        if (n < 0 && errno == EINTR)
            continue;
        l->held = n > 0;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return ir_fail_errno(err, errno, "client");
        l->moved_ms = ir_now_ms();
        l->local_ended = n == 0;
        if (n)
            keep_early(l, chunk, (size_t)n);
        int rc = n ? ir_forward_put(l->conn, chunk, (size_t)n, err) : end_ours(l);
        if (rc)
            return rc;
    }
    return 0;
}

static int write_local(ir_link *l, imgrel_error *err)
{
    const char *p = NULL;
    size_t n = 0;
    while ((n = ir_forward_pending(l->conn, &p))) {
        ssize_t sent = send(l->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return 0;
        if (sent < 0)
            return ir_fail_errno(err, errno, "client");
        ir_forward_taken(l->conn, (size_t)sent);
        l->moved_ms = ir_now_ms();
    }
    return 0;
}

/* Bytes that the client still sends would turn our close into a reset, and take from it what it
 * has not read yet: they are read for a while. 1: enough. */
static int drain(const ir_link *l)
{
    char chunk[CHUNK];
    ssize_t n = 1;
    while (n > 0 || (n < 0 && errno == EINTR))
        n = recv(l->fd, chunk, sizeof chunk, 0);
    return n == 0 || errno != EAGAIN || ir_now_ms() - l->moved_ms > DRAIN_MS;
}

static void end_theirs(ir_link *l)
{
    if (!l->pod_ended)
        shutdown(l->fd, SHUT_WR);
    l->pod_ended = true;
}

/* A client that was half-closed and is silent: did it die? */
static bool is_orphan(const ir_link *l)
{
    if (!l->local_ended)
        return false;
    if (!l->pod_ended && (l->revents & (POLLERR | POLLHUP)))
        return true;
    return ir_now_ms() - l->moved_ms > ORPHAN_MS && !ir_tunnel_is_spdy(ir_forward_tunnel(l->conn));
}

/* 1: it is over, 0: it goes on, or a code. */
static int move(ir_link *l, imgrel_error *err)
{
    int rc = write_local(l, err);
    if (!rc)
        rc = ir_forward_check(l->conn, err);
    if (rc)
        return rc;
    /* The end of a stream that said nothing may come before the word that it never got there. */
    if (ir_forward_eof(l->conn) && (ir_forward_heard(l->conn) || ir_forward_spoken(l->conn)))
        end_theirs(l);
    if (ir_forward_ended(l->conn))
        return 1;
    if (is_orphan(l))
        return ir_fail(err, IMGREL_EIO, "client gone");
    if (l->held || (l->revents & (POLLIN | POLLERR | POLLHUP)))
        rc = read_local(l, err);
    return rc;
}

void ir_link_move(ir_forward *f, size_t i)
{
    ir_link *l = &f->links[i];
    imgrel_error why = {0};
    if (l->state == IR_LINK_DRAINING) {
        if (drain(l))
            ir_link_drop(f, i, false);
        return;
    }
    int rc = move(l, &why);
    if (rc < 0 && !move_on(f, l, &why)) {
        ir_link_fail(f, i, &why);
    } else if (rc > 0) {
        ir_forward_end(l->conn);
        l->conn = NULL;
        l->state = IR_LINK_DRAINING;
        l->moved_ms = ir_now_ms();
    }
}

void ir_link_poll(const ir_link *l, int *ret_fd, short *ret_events)
{
    const char *p = NULL;
    *ret_fd = -1;
    *ret_events = POLLIN;
    if (l->state == IR_LINK_DRAINING)
        *ret_fd = l->fd;
    if (l->state != IR_LINK_OPEN || (l->local_ended && l->pod_ended))
        return;
    bool hear = !l->local_ended && !ir_forward_full(l->conn);
    *ret_fd = l->fd;
    *ret_events = (short)((hear ? POLLIN : 0) | (ir_forward_pending(l->conn, &p) ? POLLOUT : 0));
}
