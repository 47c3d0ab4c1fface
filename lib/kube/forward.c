/* forward.c - local listeners whose connections end in a pod: one poll over listeners, clients and
 * tunnels; what has to wait (finding the pod, dialling) is done by dialer.c's threads. A tunnel
 * serves one connection after another, and several at once only when there are very many, so that
 * nobody waits for somebody else's slow client. What one connection meets ends that one only. */
#include "kube/forward.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 1000
#define PING_MS 10000
#define DIAL_MS 30000 /* how long a client waits for its connection, retries included */
#define DEAF_MS 200
#define FIRST 2 /* of the polls: cancel, dialer */

/* ---- listeners ------------------------------------------------------------------------------- */

static int add_route(ir_forward *f, const ir_call *call, ir_kube *k, const char *ns,
                     const char *pair, imgrel_error *err)
{
    int local = 0, rc = ir_listen_parse(pair, &local, &f->ports[f->n_routes], err);
    if (rc)
        return rc;
    ir_route *r = &f->routes[f->n_routes];
    r->fd = -1;
    r->local = local;
    r->port = f->ports[f->n_routes++];
    r->at_ms = ir_now_ms();
    return ir_kube_target_find(call, k, ns, f->object, r->port, &r->target, err);
}

static int tell(const ir_forward *f, const ir_route *r, const char *address, imgrel_error *err)
{
    char what[128], detail[400];
    snprintf(what, sizeof what, strchr(address, ':') ? "[%s]:%d" : "%s:%d", address,
             ir_listen_port(r->fd));
    snprintf(detail, sizeof detail, "%s:%d", f->object, r->port);
    return ir_progress(f->call, IMGREL_EVENT_LISTENING, what, detail, 0, 0, 1, err);
}

/* What cannot work is told before anybody connects. */
static int open_routes(ir_forward *f, ir_kube *k, const char *ns, const char *ports,
                       const char *address, imgrel_error *err)
{
    IR_AUTO(ir_strv) pairs = {0};
    int rc = 0;
    if (ir_strv_split(&pairs, ports ? ports : "", ','))
        return ir_nomem(err);
    if (!pairs.n)
        return ir_fail(err, IMGREL_EINVAL, "no ports to forward");
    if (pairs.n > IR_LISTENERS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "more than %d ports", IR_LISTENERS_MAX);
    for (size_t i = 0; i < pairs.n && !rc; i++)
        rc = add_route(f, f->call, k, ns, pairs.v[i], err);
    for (size_t i = 0; i < f->n_routes && !rc; i++)
        rc = ir_listen_open(address, f->routes[i].local, &f->routes[i].fd, err);
    for (size_t i = 0; i < f->n_routes && !rc; i++)
        rc = tell(f, &f->routes[i], address, err);
    return rc;
}

static void let_in(ir_forward *f, size_t listener)
{
    int64_t now = ir_now_ms();
    int fd = ir_listen_accept(f->routes[listener].fd);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            f->deaf_until_ms = now + DEAF_MS;
        return;
    }
    f->links[f->n_links++] =
        (ir_link){.fd = fd, .id = ++f->last_id, .listener = listener, .until_ms = now + DIAL_MS};
    ir_link_serve(f, f->n_links - 1);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool lets_in(const ir_forward *f)
{
    return f->n_links < IR_LINKS_MAX && ir_now_ms() >= f->deaf_until_ms;
}

static size_t fill_polls(const ir_forward *f, struct pollfd *p)
{
    size_t n = FIRST;
    bool in = lets_in(f);
    p[0] = (struct pollfd){.fd = ir_cancel_poll_fd(f->call->cancel), .events = POLLIN};
    p[1] = (struct pollfd){.fd = ir_dialer_fd(f->dialer), .events = POLLIN};
    for (size_t i = 0; i < f->n_routes; i++)
        p[n++] = (struct pollfd){.fd = in ? f->routes[i].fd : -1, .events = POLLIN};
    for (size_t i = 0; i < f->n_carriers; i++) {
        short events = ir_tunnel_events(f->carriers[i].tunnel);
        p[n++] = (struct pollfd){.fd = events ? ir_tunnel_fd(f->carriers[i].tunnel) : -1,
                                 .events = events};
    }
    for (size_t i = 0; i < f->n_links; i++, n++)
        ir_link_poll(&f->links[i], &p[n].fd, &p[n].events);
    return n;
}

static void read_polls(ir_forward *f, const struct pollfd *p)
{
    size_t n = FIRST;
    for (size_t i = 0; i < f->n_routes; i++)
        f->routes[i].revents = p[n++].revents;
    for (size_t i = 0; i < f->n_carriers; i++)
        f->carriers[i].revents = p[n++].revents;
    for (size_t i = 0; i < f->n_links; i++)
        f->links[i].revents = p[n++].revents;
}

static int64_t ping_ms(const ir_forward *f)
{
    int64_t stall = ir_call_conf(f->call)->stall_timeout_ms;
    return stall && stall / 3 < PING_MS ? stall / 3 + 1 : PING_MS;
}

static int sleep_ms(const ir_forward *f)
{
    int64_t now = ir_now_ms(), ping = ping_ms(f), due = f->call->deadline_ms;
    int64_t most = ping < TICK_MS ? ping : TICK_MS;
    for (size_t i = 0; i < f->n_carriers; i++)
        if (ir_tunnel_more(f->carriers[i].tunnel))
            return 0;
    if (due && due - now < most)
        most = due - now;
    if (f->deaf_until_ms > now && f->deaf_until_ms - now < most)
        most = f->deaf_until_ms - now;
    for (size_t i = 0; i < f->n_links; i++) {
        const ir_link *l = &f->links[i];
        if (l->state == IR_LINK_WAITING && l->due_ms > now && l->due_ms - now < most)
            most = l->due_ms - now;
    }
    return most < 0 ? 0 : (int)most;
}

static void move_tunnels(ir_forward *f)
{
    int64_t stall = ir_call_conf(f->call)->stall_timeout_ms;
    for (size_t i = 0; i < f->n_carriers; i++) {
        ir_carrier *c = &f->carriers[i];
        if (c->revents || ir_tunnel_more(c->tunnel))
            ir_tunnel_pump(c->tunnel);
        ir_tunnel_tick(c->tunnel, ping_ms(f), stall ? stall : INT64_MAX);
    }
}

static void move_links(ir_forward *f)
{
    for (size_t i = f->n_links; i-- > 0;) {
        enum ir_link_state state = f->links[i].state;
        if (state == IR_LINK_WAITING)
            ir_link_serve(f, i);
        else if (state != IR_LINK_DIALLING)
            ir_link_move(f, i);
    }
}

static void turn(ir_forward *f)
{
    ir_dial *d = NULL;
    move_tunnels(f);
    while ((d = ir_dialer_take(f->dialer)))
        ir_dial_done(f, d);
    move_links(f);
    for (size_t i = 0; i < f->n_routes; i++)
        if (f->routes[i].revents && lets_in(f))
            let_in(f, i);
    ir_carriers_sweep(f);
}

static int loop(ir_forward *f, imgrel_error *err)
{
    struct pollfd polls[FIRST + IR_LISTENERS_MAX + 2 * IR_LINKS_MAX];
    for (;;) {
        int rc = ir_call_check(f->call, err);
        if (!rc && f->rc)
            rc = ir_kube_pass(err, &f->why);
        if (rc)
            return rc;
        size_t n = fill_polls(f, polls);
        if (poll(polls, (nfds_t)n, sleep_ms(f)) < 0 && errno != EINTR)
            return ir_fail_errno(err, errno, "poll");
        read_polls(f, polls);
        turn(f);
    }
}

static void free_forward(ir_forward *f)
{
    ir_dialer_free(f->dialer);
    while (f->n_links)
        ir_link_drop(f, f->n_links - 1, true);
    for (size_t i = 0; i < f->n_carriers; i++)
        ir_tunnel_close(f->carriers[i].tunnel);
    for (size_t i = 0; i < f->n_routes; i++) {
        if (f->routes[i].fd >= 0)
            close(f->routes[i].fd);
        ir_target_clear(&f->routes[i].target);
    }
    free(f);
}

int ir_kube_forward(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                    const char *ports, const char *address, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    imgrel_error why = {0};
    ir_forward *f = calloc(1, sizeof *f);
    if (!f)
        return ir_nomem(err);
    f->call = call;
    f->object = object;
    if (!address || !strcmp(address, "localhost"))
        address = "127.0.0.1";
    /* A listener in front of nothing would only fail its first visitor. */
    int rc = ir_kube_object_parse(call, k, object, &kind, &name, &why);
    if (!rc)
        f->follows = strcmp(kind->singular, "pod") != 0;
    if (!rc && !f->follows)
        rc = ir_kube_get(call, k, ns, object, NULL, &why);
    if (!rc)
        rc = open_routes(f, k, ns, ports, address, &why);
    if (!rc)
        rc = ir_dialer_new(call, k, ns, object, f->ports, &f->dialer, &why);
    if (!rc)
        rc = loop(f, &why);
    free_forward(f);
    return rc == IMGREL_ECANCELED ? 0 : rc ? ir_kube_pass(err, &why) : 0;
}
