/* forward_pod.c - which pod a client gets, and by which tunnel: one that nobody uses, else a new
 * one, else, when there are very many, one that carries others too. The pod is looked for again
 * when it has not been for a while, and when it was not reached. */
#include "kube/forward.h"

#include <stdlib.h>

#define TUNNELS_MAX 32     /* beyond, streams share them */
#define IDLE_TUNNELS_MAX 8 /* kept for who comes next... */
#define IDLE_MS 60000      /* ...but not for ever */
#define IDLE_MORE_MS 2000  /* those beyond */
#define FIND_MS 2000       /* how long it is believed which pod it is */
#define DIAL_MS 30000

const char *ir_target_id(const ir_target *t)
{
    return t->uid ? t->uid : t->pod;
}

static bool is_passing(const imgrel_error *e)
{
    return e->retryable || e->code == IMGREL_ENET || e->code == IMGREL_ETIMEOUT;
}

/* ---- which pod ------------------------------------------------------------------------------- */

static bool is_fresh(const ir_forward *f, const ir_route *r)
{
    return r->at_ms && (!f->follows || ir_now_ms() - r->at_ms < FIND_MS);
}

static void find_pod(ir_forward *f, size_t listener)
{
    ir_route *r = &f->routes[listener];
    ir_dial *d = r->asking ? NULL : calloc(1, sizeof *d);
    if (!d)
        return;
    r->asking = true;
    d->kind = IR_DIAL_FIND;
    d->listener = listener;
    d->until_ms = ir_now_ms() + DIAL_MS;
    ir_dialer_ask(f->dialer, d);
}

static void found(ir_forward *f, ir_dial *d)
{
    ir_route *r = &f->routes[d->listener];
    r->asking = false;
    if (!d->rc) {
        ir_target_clear(&r->target);
        r->target = d->target;
        d->target = (ir_target){0};
        r->at_ms = ir_now_ms();
        return;
    }
    bool passes = is_passing(&d->why) || (f->follows && d->rc == IMGREL_ENOTFOUND);
    for (size_t i = f->n_links; i-- > 0;) {
        ir_link *l = &f->links[i];
        if (l->listener != d->listener || l->state != IR_LINK_WAITING || l->due_ms > ir_now_ms())
            continue;
        if (!passes || !ir_link_again(l, &d->why))
            ir_link_fail(f, i, &d->why);
    }
}

/* ---- by which tunnel ------------------------------------------------------------------------- */

/* The one with the fewest busy streams, up to most. */
static ir_tunnel *choose(const ir_forward *f, const char *pod, size_t most)
{
    ir_tunnel *best = NULL;
    for (size_t i = 0; i < f->n_carriers; i++) {
        ir_tunnel *t = f->carriers[i].tunnel;
        if (ir_tunnel_usable(t) && ir_tunnel_is_spdy(t) && ir_tunnel_busy(t) <= most &&
            ir_streq(ir_tunnel_pod(t), pod) && (!best || ir_tunnel_busy(t) < ir_tunnel_busy(best)))
            best = t;
    }
    return best;
}

static void start_dial(ir_forward *f, ir_link *l)
{
    const ir_target *to = &f->routes[l->listener].target;
    ir_dial *d = calloc(1, sizeof *d);
    if (!d)
        return;
    d->kind = IR_DIAL_CONNECT;
    d->listener = l->listener;
    d->link = l->id;
    d->until_ms = l->until_ms;
    d->target.port = to->port;
    if (!(d->target.pod = ir_strdup(to->pod))) {
        ir_dial_free(d);
        return;
    }
    l->state = IR_LINK_DIALLING;
    f->n_dials++;
    ir_dialer_ask(f->dialer, d);
}

/* While others are dialled, the first ones do not take everybody. */
static void take_tunnel(ir_forward *f, size_t i)
{
    ir_link *l = &f->links[i];
    const char *pod = f->routes[l->listener].target.pod;
    size_t room = f->channels ? IR_LINKS_MAX : TUNNELS_MAX;
    ir_tunnel *t = choose(f, pod, 0);
    if (!t && f->n_carriers + f->n_dials < room) {
        start_dial(f, l);
        return;
    }
    if (!t)
        t = choose(f, pod, f->n_dials ? 1 : IR_TUNNEL_STREAMS_MAX);
    if (t) {
        ir_link_open(f, i, t);
    } else if (ir_now_ms() >= l->until_ms) {
        ir_fail(&l->why, IMGREL_ELIMIT, "%s: too many connections at once", f->object);
        ir_link_fail(f, i, &l->why);
    }
}

void ir_link_serve(ir_forward *f, size_t i)
{
    ir_link *l = &f->links[i];
    ir_route *r = &f->routes[l->listener];
    if (l->due_ms > ir_now_ms())
        return;
    if (!is_fresh(f, r)) {
        find_pod(f, l->listener);
    } else if (l->avoid && ir_streq(l->avoid, ir_target_id(&r->target))) {
        /* Ready, and nothing listens there: it is as it is. */
        r->at_ms = 0;
        if (r->target.ready || !ir_link_again(l, NULL))
            ir_link_fail(f, i, &l->why);
    } else {
        take_tunnel(f, i);
    }
}

static void not_connected(ir_forward *f, size_t i, const imgrel_error *why)
{
    bool gone = why->code == IMGREL_ENOTFOUND;
    ir_route *r = &f->routes[f->links[i].listener];
    /* One that is not ready may have no node yet. */
    bool young = f->follows && !r->target.ready;
    if (f->follows) {
        r->at_ms = 0;
    } else if (gone) {
        f->why = *why;
        f->rc = why->code;
        ir_cure(&f->why, "forward to its service or deployment, which follows their pods");
    }
    bool passes = is_passing(why) || young || (f->follows && (gone || why->code == IMGREL_EFAILED));
    if (!passes || !ir_link_again(&f->links[i], why))
        ir_link_fail(f, i, why);
}

static void connected(ir_forward *f, ir_dial *d)
{
    size_t i = 0;
    f->n_dials--;
    while (i < f->n_links && f->links[i].id != d->link)
        i++;
    if (d->rc) {
        if (i < f->n_links)
            not_connected(f, i, &d->why);
        return;
    }
    f->channels |= !ir_tunnel_is_spdy(d->tunnel);
    f->carriers[f->n_carriers++] = (ir_carrier){.tunnel = d->tunnel};
    if (i < f->n_links)
        ir_link_open(f, i, d->tunnel);
    d->tunnel = NULL;
}

void ir_dial_done(ir_forward *f, ir_dial *d)
{
    if (d->kind == IR_DIAL_FIND)
        found(f, d);
    else
        connected(f, d);
    ir_dial_free(d);
}

void ir_carriers_sweep(ir_forward *f)
{
    size_t n_idle = 0;
    int64_t now = ir_now_ms();
    for (size_t i = f->n_carriers; i-- > 0;) {
        ir_carrier *c = &f->carriers[i];
        if (ir_tunnel_streams(c->tunnel)) {
            c->idle_ms = 0;
            continue;
        }
        if (!c->idle_ms)
            c->idle_ms = now;
        int64_t most = n_idle < IDLE_TUNNELS_MAX ? IDLE_MS : IDLE_MORE_MS;
        n_idle++;
        if (ir_tunnel_usable(c->tunnel) && now - c->idle_ms < most)
            continue;
        ir_tunnel_close(c->tunnel);
        *c = f->carriers[--f->n_carriers];
    }
}
