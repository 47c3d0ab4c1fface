/* kube_tunnel.c - moves a port-forward's bytes; see kube_tunnel.h. WebSocket frames are read here
 * one by one and not put together: the real server takes each fragment for a message of its own. */
#include "mock/kube_tunnel.h"
#include "mock/node.h"

#include "net/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_AT IR_MIB /* bytes that wait for the client before the pods are left alone */

void mk_tunnel_send(mk_tunnel *t, int opcode, const void *p, size_t len)
{
    if (!t->ws)
        ir_buf_add(&t->out, p, len);
    else if (ir_ws_put(&t->out, opcode, p, len, false, NULL))
        t->broken = true;
}

void mk_tunnel_close(mk_tunnel *t, int code)
{
    unsigned char p[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    if (t->ws && !t->ended)
        mk_tunnel_send(t, IR_WS_CLOSE, p, 2);
    t->ended = true;
}

mk_link *mk_tunnel_link(mk_tunnel *t, int port)
{
    mk_link *l = NULL;
    for (size_t i = 0; !l && i < t->n_links; i++)
        if (t->links[i].over && t->spdy)
            l = &t->links[i];
    if (!l && t->n_links < MK_LINKS_MAX)
        l = &t->links[t->n_links++];
    if (l)
        *l = (mk_link){.fd = -1, .port = port, .out = IR_BUF(MK_QUEUE_MAX)};
    return l;
}

bool mk_link_dial(mk_tunnel *t, mk_link *l, char **ret_why)
{
    l->fd = mk_node_dial(t->m, t->uid, l->port, ret_why);
    if (l->fd >= 0)
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
    return l->fd >= 0;
}

void mk_link_send(mk_link *l, const void *p, size_t len)
{
    if (l->fd >= 0)
        ir_buf_add(&l->out, p, len);
}

void mk_link_close(mk_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->over = true;
    free(l->request);
    l->request = NULL;
    ir_buf_free(&l->out);
}

/* ---- queues --------------------------------------------------------------------------------- */

/* Sends what the socket takes; false: it is broken. */
static bool drain(int fd, ir_buf *out, size_t *sent)
{
    while (*sent < out->len) {
        ssize_t n = send(fd, out->p + *sent, out->len - *sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        *sent += (size_t)n;
    }
    ir_buf_truncate(out, 0);
    *sent = 0;
    return !out->bad;
}

static void drain_link(mk_link *l)
{
    if (l->fd < 0)
        return;
    if (!drain(l->fd, &l->out, &l->sent)) {
        /* The pod does not read any more; what it still says is read until its end. */
        ir_buf_free(&l->out);
        l->out = (ir_buf)IR_BUF(MK_QUEUE_MAX);
        l->sent = 0;
    }
    if (l->shut && !l->out.len) {
        shutdown(l->fd, SHUT_WR);
        l->shut = false;
    }
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Bytes of the first frame's head, 0 when it is not all there. */
static size_t frame_head(const unsigned char *p, size_t len, uint64_t *ret_len, bool *ret_masked)
{
    if (len < 2)
        return 0;
    size_t ext = (p[1] & 127) == 126 ? 2 : (p[1] & 127) == 127 ? 8 : 0;
    *ret_masked = (p[1] & 128) != 0;
    size_t head = 2 + ext + (*ret_masked ? 4 : 0);
    if (len < head)
        return 0;
    *ret_len = ext ? 0 : p[1] & 127;
    for (size_t i = 0; i < ext; i++)
        *ret_len = *ret_len << 8 | p[2 + i];
    return head;
}

static void take_frame(mk_tunnel *t, int opcode, char *p, size_t len)
{
    if (opcode == IR_WS_PING)
        mk_tunnel_send(t, IR_WS_PONG, p, len);
    else if (opcode == IR_WS_CLOSE)
        mk_tunnel_close(t, 1000);
    else if (opcode != IR_WS_PONG)
        t->ops->message(t, opcode, p, len);
}

static void take_frames(mk_tunnel *t)
{
    size_t done = 0;
    while (!t->ended && !t->broken) {
        unsigned char *p = (unsigned char *)t->in.p + done;
        uint64_t len = 0;
        bool masked = false;
        size_t head = frame_head(p, t->in.len - done, &len, &masked);
        if (head && !masked)
            mk_tunnel_close(t, 1002);
        else if (head && len > MK_FRAME_MAX)
            mk_tunnel_close(t, 1009);
        if (!head || t->ended || len > t->in.len - done - head)
            break;
        for (size_t i = 0; i < len; i++)
            p[head + i] ^= p[head - 4 + i % 4];
        take_frame(t, p[0] & 15, (char *)p + head, len);
        done += head + len;
    }
    ir_buf_drop(&t->in, done);
}

static void take_client(mk_tunnel *t)
{
    if (t->ws) {
        take_frames(t);
    } else if (t->in.len) {
        t->ops->message(t, IR_WS_BINARY, t->in.p, t->in.len);
        ir_buf_truncate(&t->in, 0);
    }
    if (t->ops->settled)
        t->ops->settled(t);
}

static void read_client(mk_tunnel *t)
{
    char *room = ir_buf_room(&t->in, 64 * IR_KIB);
    ssize_t n = room ? recv(t->fd, room, 64 * IR_KIB, 0) : 0;
    if (n > 0)
        ir_buf_added(&t->in, (size_t)n);
    else if (!n || (errno != EAGAIN && errno != EINTR))
        t->broken = true;
    if (n > 0)
        take_client(t);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void read_link(mk_tunnel *t, mk_link *l)
{
    char buf[32 * 1024];
    ssize_t n = recv(l->fd, buf, sizeof buf, 0);
    if (n > 0)
        t->ops->from_pod(t, l, buf, (size_t)n);
    else if (!n || (errno != EAGAIN && errno != EINTR))
        t->ops->pod_ended(t, l);
}

static size_t watch_links(mk_tunnel *t, struct pollfd *p)
{
    bool pause = t->out.len - t->sent > PAUSE_AT;
    for (size_t i = 0; i < t->n_links; i++) {
        mk_link *l = &t->links[i];
        p[i].fd = l->fd;
        p[i].events = (short)((pause ? 0 : POLLIN) | (l->out.len ? POLLOUT : 0));
        p[i].revents = 0;
        if (!p[i].events)
            p[i].fd = -1;
    }
    return t->n_links;
}

static void turn(mk_tunnel *t)
{
    struct pollfd p[MK_LINKS_MAX + 1];
    size_t n = watch_links(t, p + 1);
    p[0] = (struct pollfd){t->fd, (short)(POLLIN | (t->out.len ? POLLOUT : 0)), 0};
    if (poll(p, n + 1, -1) < 0)
        return;
    for (size_t i = 0; i < n && !t->ended; i++)
        if (p[i + 1].revents & (POLLIN | POLLHUP | POLLERR) && t->links[i].fd == p[i + 1].fd)
            read_link(t, &t->links[i]);
    if (p[0].revents & (POLLIN | POLLHUP | POLLERR) && !t->ended)
        read_client(t);
}

/* Says the last words, but not for ever. */
static void flush(mk_tunnel *t)
{
    for (int i = 0; i < 50 && !t->broken && t->out.len; i++) {
        struct pollfd p = {t->fd, POLLOUT, 0};
        poll(&p, 1, 100);
        t->broken = !drain(t->fd, &t->out, &t->sent);
    }
    shutdown(t->fd, SHUT_WR);
}

void mk_tunnel_run(mk_tunnel *t, int sock, const char *extra, size_t extra_len)
{
    t->fd = sock;
    t->in = (ir_buf)IR_BUF(MK_QUEUE_MAX);
    t->out = (ir_buf)IR_BUF(MK_QUEUE_MAX);
    fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) | O_NONBLOCK);
    t->ops->begin(t);
    ir_buf_add(&t->in, extra, extra_len);
    if (extra_len && !t->broken)
        take_client(t);
    while (!t->ended && !t->broken) {
        for (size_t i = 0; i < t->n_links; i++)
            drain_link(&t->links[i]);
        if (!drain(t->fd, &t->out, &t->sent))
            break;
        turn(t);
    }
    flush(t);
}

void mk_tunnel_free(mk_tunnel *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_links; i++)
        mk_link_close(&t->links[i]);
    ir_spdy_free(t->spdy);
    ir_buf_free(&t->in);
    ir_buf_free(&t->out);
    free(t->uid);
    free(t);
}
