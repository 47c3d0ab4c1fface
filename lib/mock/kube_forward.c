/* kube_forward.c - pods/NAME/portforward: which of the three ways is asked for (v4.channel.k8s.io,
 * SPDY in WebSocket, SPDY), the refusals, and the 101. A pod that cannot run is no reason to
 * refuse: its sandbox is there, and the error comes inside. */
#include "mock/kube_tunnel.h"

#include "net/ws.h"

#include <stdlib.h>
#include <strings.h>

#define TUNNEL_PROTOCOL "SPDY/3.1+portforward.k8s.io"
#define CHANNEL_PROTOCOL "v4.channel.k8s.io"
#define CHANNEL64_PROTOCOL "v4.base64.channel.k8s.io"
#define BEARER_PREFIX "base64url.bearer.authorization.k8s.io."
#define SPDY_PROTOCOL "portforward.k8s.io"

static void upgraded(void *user, int sock, const char *extra, size_t extra_len)
{
    mk_tunnel_run(user, sock, extra, extra_len);
}

static void tunnel_free(void *user)
{
    mk_tunnel_free(user);
}

static void switch_over(mk_kcall *c, mk_tunnel *t, const char *upgrade)
{
    c->done = true;
    c->p->status = 101;
    mk_reply_header(c->p, "Upgrade", "%s", upgrade);
    c->p->upgraded = upgraded;
    c->p->stream_free = tunnel_free;
    c->p->user = t;
}

/* What is refused before Kubernetes looks at it has neither body nor Status. */
static void bare_403(mk_kcall *c)
{
    c->done = true;
    c->p->status = 403;
    mk_reply_header(c->p, "Connection", "close");
}

/* ---- ports ---------------------------------------------------------------------------------- */

static bool add_ports(mk_kcall *c, mk_tunnel *t, const char *list)
{
    ir_strv v = {0};
    unsigned long long port;
    bool ok = !ir_strv_split(&v, list, ',');
    for (size_t i = 0; ok && i < v.n; i++) {
        ok = ir_parse_u64(v.v[i], 65535, &port) && port && mk_tunnel_link(t, (int)port);
        if (!ok) {
            char *text = ir_format("unable to parse \"%s\" as a port", v.v[i]);
            mk_text(c, 400, text ? text : "");
            free(text);
        }
    }
    ir_strv_free(&v);
    return ok;
}

static bool read_ports(mk_kcall *c, mk_tunnel *t)
{
    char *name = NULL, *value = NULL;
    bool ok = true;
    for (size_t i = 0; ok && mk_query_at(c->r, i, &name, &value); i++) {
        if (name && value && (!strcmp(name, "ports") || !strcmp(name, "port")))
            ok = add_ports(c, t, value);
        free(name);
        free(value);
    }
    if (ok && !t->n_links) {
        /* It says port and wants ports. */
        mk_text(c, 400, "query parameter \"port\" is required");
        ok = false;
    }
    return ok;
}

/* ---- WebSocket ------------------------------------------------------------------------------ */

/* The chosen sub-protocol, static; NULL: none fits. The tunnel is preferred whatever the order. */
static const char *choose(const ir_strv *offered)
{
    bool any = false;
    if (ir_strv_has(offered, TUNNEL_PROTOCOL))
        return TUNNEL_PROTOCOL;
    for (size_t i = 0; i < offered->n; i++) {
        if (!strcmp(offered->v[i], CHANNEL_PROTOCOL))
            return CHANNEL_PROTOCOL;
        if (!strcmp(offered->v[i], CHANNEL64_PROTOCOL))
            return CHANNEL64_PROTOCOL;
        any = any || !ir_starts(offered->v[i], BEARER_PREFIX);
    }
    return any ? NULL : "";
}

static void websocket(mk_kcall *c, mk_tunnel *t)
{
    const char *key = mk_header(c->r, "Sec-WebSocket-Key");
    char *list = mk_header_all(c->r, "Sec-WebSocket-Protocol");
    ir_strv offered = {0};
    const char *chosen = ir_strv_split(&offered, list ? list : "", ',') ? NULL : choose(&offered);
    char *accept = key ? ir_ws_accept(key) : NULL;
    ir_strv_free(&offered);
    free(list);
    t->ws = true;
    t->ops = chosen && ir_starts(chosen, "SPDY/") ? &mk_spdy_ops : &mk_channel_ops;
    t->base64 = ir_streq(chosen, CHANNEL64_PROTOCOL);
    if (!chosen) {
        bare_403(c);
    } else if (!accept) {
        mk_text(c, 400, "challenge/response missing\n");
    } else if (t->ops == &mk_spdy_ops || read_ports(c, t)) {
        mk_reply_header(c->p, "Sec-WebSocket-Accept", "%s", accept);
        /* Without an offer the header is there, and empty. */
        mk_reply_header(c->p, "Sec-WebSocket-Protocol", "%s", chosen);
        switch_over(c, t, "websocket");
    }
    free(accept);
}

static void spdy(mk_kcall *c, mk_tunnel *t)
{
    const char *asked = mk_header(c->r, "X-Stream-Protocol-Version");
    t->ops = &mk_spdy_ops;
    if (ir_streq(asked, SPDY_PROTOCOL)) {
        mk_reply_header(c->p, "X-Stream-Protocol-Version", SPDY_PROTOCOL);
        switch_over(c, t, "SPDY/3.1");
        return;
    }
    char *text = ir_format("unable to upgrade: unable to negotiate protocol: client supports [%s], "
                           "server accepts [" SPDY_PROTOCOL "]\n",
                           asked ? asked : "");
    mk_text(c, 403, text ? text : "");
    mk_reply_header(c->p, "X-Accepted-Stream-Protocol-Versions", SPDY_PROTOCOL);
    free(text);
}

/* ---- the pod -------------------------------------------------------------------------------- */

static bool pod_takes_it(mk_kcall *c, const ir_json *pod)
{
    const char *node = ir_json_str(ir_json_get(pod, "spec"), "nodeName");
    const char *phase = ir_json_str(ir_json_get(pod, "status"), "phase");
    if (!node || !*node) {
        mk_bad_request(c, "pod %s does not have a host assigned", c->name);
        return false;
    }
    if (phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"))) {
        char *text = ir_format("pod not found (\"%s_%s\")", c->name, c->ns);
        mk_text(c, 500, text ? text : "");
        free(text);
        return false;
    }
    return true;
}

static char *find_pod(mk_kcall *c)
{
    pthread_mutex_lock(&c->m->lock);
    const ir_json *pod = mk_store_get(c->k, c->kind, c->ns, c->name);
    char *uid = NULL;
    if (!pod)
        mk_not_found(c, c->kind, c->name);
    else if (pod_takes_it(c, pod))
        uid = ir_strdup(mk_uid(pod));
    pthread_mutex_unlock(&c->m->lock);
    return uid;
}

void mk_pod_forward(mk_kcall *c)
{
    const char *upgrade = mk_header(c->r, "Upgrade");
    mk_tunnel *t = calloc(1, sizeof *t);
    bool get = !strcmp(c->r->method, "GET");
    char *uid = t ? find_pod(c) : NULL;
    if (!t) {
        mk_no_memory(c);
        return;
    }
    t->m = c->m;
    t->uid = uid;
    if (uid && upgrade && get && !strcasecmp(upgrade, "websocket"))
        websocket(c, t);
    else if (uid && upgrade && !strcasecmp(upgrade, "SPDY/3.1"))
        spdy(c, t);
    else if (uid)
        mk_bad_request(c, "Upgrade request required");
    if (!c->p->upgraded)
        mk_tunnel_free(t);
}
