/* forward.c - local listeners whose connections end in a pod: one poll over listeners, clients and
 * their WebSockets. Neither side is read faster than the other takes; each side's end is told
 * to the other. What one connection meets ends that connection only. */
#include "base/limits.h"
#include "kube/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENERS_MAX 32
#define CONNS_MAX 128
#define TICK_MS 1000
#define PING_MS 10000
#define DIAL_MS 20000
#define ORPHAN_MS 30000 /* channels: no half-close, so a silent end of the client is waited out */

struct listener {
    int fd, port; /* port: the object's */
};

struct link {
    int fd;
    ir_forward_conn *conn;
    bool local_ended; /* the client sends no more */
    int64_t moved_ms; /* when bytes last moved */
};

struct forward {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *object;
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    struct link links[CONNS_MAX];
    size_t n_links;
    int64_t pinged_ms;
};

/* ---- listeners ------------------------------------------------------------------------------- */

static bool take_port(const char *s, size_t len, bool zero, int *ret)
{
    char text[8];
    unsigned long long v = 0;
    if (len >= sizeof text)
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    if (!len && zero) {
        *ret = 0;
        return true;
    }
    if (!ir_parse_u64(text, 65535, &v) || (!v && !zero))
        return false;
    *ret = (int)v;
    return true;
}

/* "8080:80", ":80" (any local port), "80" (the same one). */
static int parse_pair(const char *text, int *ret_local, int *ret_remote, imgrel_error *err)
{
    const char *colon = strchr(text, ':');
    const char *remote = colon ? colon + 1 : text;
    if (!take_port(remote, strlen(remote), false, ret_remote) ||
        !take_port(text, colon ? (size_t)(colon - text) : strlen(text), true, ret_local))
        return ir_fail(err, IMGREL_EINVAL, "ports \"%s\": not LOCAL:REMOTE", text);
    return 0;
}

static int told_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len))
        return 0;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

static int open_socket(const struct addrinfo *ai)
{
    int one = 1;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, 64))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int listen_on(const char *address, int port, int *ret_fd, imgrel_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *ai = NULL;
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &ai))
        return ir_fail(err, IMGREL_EINVAL, "address \"%s\": not a numeric address", address);
    *ret_fd = open_socket(ai);
    int saved = errno;
    freeaddrinfo(ai);
    if (*ret_fd >= 0)
        return 0;
    ir_fail(err, IMGREL_EIO, "cannot listen on %s:%d: %s", address, port,
            saved == EADDRINUSE ? "the port is taken" : strerror(saved));
    return ir_cure(err, "use port 0 for any free one"), IMGREL_EIO;
}

static int add_listener(struct forward *f, const char *address, const char *pair, imgrel_error *err)
{
    int local = 0, remote = 0, rc = parse_pair(pair, &local, &remote, err);
    if (rc)
        return rc;
    if (f->n_listeners == LISTENERS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "more than %d ports", LISTENERS_MAX);
    struct listener *l = &f->listeners[f->n_listeners];
    if ((rc = listen_on(address, local, &l->fd, err)))
        return rc;
    f->n_listeners++;
    l->port = remote;
    return 0;
}

static int tell(const struct forward *f, const struct listener *l, const char *address,
                imgrel_error *err)
{
    char what[128], detail[400];
    snprintf(what, sizeof what, strchr(address, ':') ? "[%s]:%d" : "%s:%d", address,
             told_port(l->fd));
    snprintf(detail, sizeof detail, "%s:%d", f->object, l->port);
    return ir_progress(f->call, IMGREL_EVENT_LISTENING, what, detail, 0, 0, 1, err);
}

static int open_listeners(struct forward *f, const char *ports, const char *address,
                          imgrel_error *err)
{
    IR_AUTO(ir_strv) pairs = {0};
    int rc = 0;
    if (ir_strv_split(&pairs, ports ? ports : "", ','))
        return ir_nomem(err);
    if (!pairs.n)
        return ir_fail(err, IMGREL_EINVAL, "no ports to forward");
    /* What cannot work is told before anybody connects. */
    for (size_t i = 0; i < pairs.n && !rc; i++) {
        char *pod = NULL;
        int local = 0, remote = 0, target = 0;
        if ((rc = parse_pair(pairs.v[i], &local, &remote, err)))
            break;
        rc = ir_kube_target(f->call, f->k, f->ns, f->object, remote, &pod, &target, err);
        free(pod);
    }
    for (size_t i = 0; i < pairs.n && !rc; i++)
        rc = add_listener(f, address, pairs.v[i], err);
    for (size_t i = 0; i < f->n_listeners && !rc; i++)
        rc = tell(f, &f->listeners[i], address, err);
    return rc;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Ended well, the client sees an end; otherwise a reset, so that it does not take the part that it
 * has for the whole. */
static void drop_link(struct forward *f, size_t i, bool reset)
{
    struct link *l = &f->links[i];
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(l->fd);
    ir_forward_close(l->conn);
    f->links[i] = f->links[--f->n_links];
}

static void complain(const struct forward *f, const imgrel_error *why)
{
    ir_log_say(ir_call_log(f->call), IMGREL_LOG_WARN, "kube", why->message, "object", f->object,
               "cure", why->cure, NULL);
}

/* The pod is looked up anew for each: one that was replaced is found again. */
static int dial(struct forward *f, int port, ir_forward_conn **ret, imgrel_error *err)
{
    ir_call call = *f->call;
    int64_t end = ir_now_ms() + DIAL_MS;
    if (!call.deadline_ms || end < call.deadline_ms)
        call.deadline_ms = end;
    return ir_kube_dial(&call, f->k, f->ns, f->object, port, ret, err);
}

static void accept_one(struct forward *f, const struct listener *l)
{
    imgrel_error why = {0};
    struct link link = {.moved_ms = ir_now_ms()};
    link.fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (link.fd < 0)
        return;
    int rc = dial(f, l->port, &link.conn, &why);
    f->links[f->n_links++] = link;
    if (!rc)
        return;
    if (rc != IMGREL_ECANCELED)
        complain(f, &why);
    drop_link(f, f->n_links - 1, true);
}

/* From the client to the pod: 0, or a code. */
static int read_local(struct link *l, imgrel_error *err)
{
    char chunk[16384];
    while (!l->local_ended && !ir_forward_full(l->conn)) {
        ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0)
            return ir_fail_errno(err, errno, "client");
        l->moved_ms = ir_now_ms();
        l->local_ended = n == 0;
        int rc = n ? ir_forward_put(l->conn, chunk, (size_t)n, err) : 0;
        if (!n && (rc = ir_forward_fin(l->conn, NULL)) == IMGREL_EUNSUPPORTED)
            rc = 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int write_local(struct link *l, imgrel_error *err)
{
    const char *p = NULL;
    size_t n = 0;
    while ((n = ir_forward_pending(l->conn, &p))) {
        ssize_t sent = send(l->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (sent < 0)
            return ir_fail_errno(err, errno, "client");
        ir_forward_taken(l->conn, (size_t)sent);
        l->moved_ms = ir_now_ms();
    }
    return 0;
}

/* 1: it is over, 0: it goes on, or a code. */
static int move(struct link *l, imgrel_error *err)
{
    int rc = ir_forward_pump(l->conn, err);
    if (!rc)
        rc = write_local(l, err);
    if (!rc && ir_forward_ended(l->conn))
        return 1;
    if (!rc)
        rc = read_local(l, err);
    if (!rc && l->local_ended && ir_now_ms() - l->moved_ms > ORPHAN_MS &&
        ir_forward_fin(l->conn, NULL) == IMGREL_EUNSUPPORTED)
        return 1;
    return rc;
}

static void move_all(struct forward *f)
{
    bool ping = ir_now_ms() - f->pinged_ms > PING_MS;
    if (ping)
        f->pinged_ms = ir_now_ms();
    for (size_t i = f->n_links; i-- > 0;) {
        imgrel_error why = {0};
        int rc = move(&f->links[i], &why);
        if (!rc && ping)
            rc = ir_forward_ping(f->links[i].conn, &why);
        /* A client that goes away (EIO) is nothing to complain about. */
        if (rc < 0 && rc != IMGREL_EIO)
            complain(f, &why);
        if (rc)
            drop_link(f, i, rc < 0);
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static size_t fill_polls(const struct forward *f, struct pollfd *p)
{
    size_t n = 0;
    p[n++] = (struct pollfd){.fd = ir_cancel_poll_fd(f->call->cancel), .events = POLLIN};
    for (size_t i = 0; i < f->n_listeners; i++)
        p[n++] = (struct pollfd){.fd = f->n_links < CONNS_MAX ? f->listeners[i].fd : -1,
                                 .events = POLLIN};
    for (size_t i = 0; i < f->n_links; i++) {
        const struct link *l = &f->links[i];
        const char *bytes = NULL;
        bool pending = ir_forward_pending(l->conn, &bytes) > 0;
        bool hear = !l->local_ended && !ir_forward_full(l->conn);
        short local = (short)((hear ? POLLIN : 0) | (pending ? POLLOUT : 0));
        short pod = (short)((pending ? 0 : POLLIN) | (ir_forward_unsent(l->conn) ? POLLOUT : 0));
        p[n++] = (struct pollfd){.fd = local ? l->fd : -1, .events = local};
        p[n++] = (struct pollfd){.fd = pod ? ir_forward_fd(l->conn) : -1, .events = pod};
    }
    return n;
}

static int loop(struct forward *f, imgrel_error *err)
{
    struct pollfd polls[1 + LISTENERS_MAX + 2 * CONNS_MAX];
    for (;;) {
        int rc = ir_call_check(f->call, err);
        if (rc)
            return rc;
        size_t n = fill_polls(f, polls);
        if (poll(polls, (nfds_t)n, TICK_MS) < 0 && errno != EINTR)
            return ir_fail_errno(err, errno, "poll");
        move_all(f);
        for (size_t i = 0; i < f->n_listeners && f->n_links < CONNS_MAX; i++)
            if (polls[1 + i].revents)
                accept_one(f, &f->listeners[i]);
    }
}

int ir_kube_forward(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                    const char *ports, const char *address, imgrel_error *err)
{
    struct forward *f = calloc(1, sizeof *f);
    imgrel_error why = {0};
    if (!f)
        return ir_nomem(err);
    f->call = call;
    f->k = k;
    f->ns = ns;
    f->object = object;
    f->pinged_ms = ir_now_ms();
    if (!address || !strcmp(address, "localhost"))
        address = "127.0.0.1";
    /* A listener in front of nothing would only fail its first visitor. */
    int rc = ir_kube_get(call, k, ns, object, NULL, &why);
    if (!rc)
        rc = open_listeners(f, ports, address, &why);
    if (!rc)
        rc = loop(f, &why);
    while (f->n_links)
        drop_link(f, f->n_links - 1, true);
    for (size_t i = 0; i < f->n_listeners; i++)
        close(f->listeners[i].fd);
    free(f);
    return rc == IMGREL_ECANCELED ? 0 : rc ? ir_kube_pass(err, &why) : 0;
}
