/* kube_spdy.c - port-forward by SPDY/3.1 streams, in WebSocket messages or bare: per connection an
 * error and a data stream of the same requestid. Replies come in either order (here the data
 * stream's first when both came at once); half-close works; a refused port leaves the rest usable.
 */
#include "mock/kube_tunnel.h"

#include "net/ws.h"

#include <stdlib.h>

#define RST_CANCEL 5

static void push(mk_tunnel *t)
{
    ir_buf *out = ir_spdy_out(t->spdy);
    if (out->bad)
        t->broken = true;
    if (out->len)
        mk_tunnel_send(t, IR_WS_BINARY, out->p, out->len);
    ir_buf_truncate(out, 0);
}

static mk_link *by_request(mk_tunnel *t, const char *request, int port)
{
    for (size_t i = 0; i < t->n_links; i++)
        if (ir_streq(t->links[i].request, request) && t->links[i].port == port)
            return &t->links[i];
    mk_link *l = mk_tunnel_link(t, port);
    if (l)
        l->request = ir_strdup(request);
    return l;
}

static mk_link *by_stream(mk_tunnel *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_links; i++)
        if (!t->links[i].over && (t->links[i].data_id == id || t->links[i].error_id == id))
            return &t->links[i];
    return NULL;
}

static void over(mk_tunnel *t, mk_link *l, const char *why)
{
    if (why)
        ir_spdy_data(t->spdy, l->error_id, why, strlen(why), false);
    ir_spdy_data(t->spdy, l->data_id, "", 0, true);
    ir_spdy_data(t->spdy, l->error_id, "", 0, true);
    mk_link_close(l);
    push(t);
}

static void reply_error(mk_tunnel *t, mk_link *l)
{
    static const char *const none[] = {NULL};
    if (l->error_id && !l->error_replied && !l->over)
        ir_spdy_reply(t->spdy, l->error_id, none, false);
    l->error_replied = l->error_id != 0;
}

static void both_there(mk_tunnel *t, mk_link *l)
{
    static const char *const none[] = {NULL};
    char *why = NULL;
    ir_spdy_reply(t->spdy, l->data_id, none, false);
    reply_error(t, l);
    if (!mk_link_dial(t, l, &why))
        over(t, l, why ? why : "error forwarding port");
    free(why);
}

static void add_stream(mk_tunnel *t, mk_link *l, uint32_t id, bool is_error)
{
    if (is_error)
        l->error_id = id;
    else
        l->data_id = id;
    if (l->data_id && l->error_id)
        both_there(t, l);
}

static void open_stream(mk_tunnel *t, const ir_spdy_event *e)
{
    char *type = ir_spdy_header(e, "streamtype"), *port = ir_spdy_header(e, "port");
    char *request = ir_spdy_header(e, "requestid");
    unsigned long long number = 0;
    bool is_error = type && !strcmp(type, "error");
    bool ok = type && port && request && (is_error || !strcmp(type, "data")) &&
              ir_parse_u64(port, 65535, &number) && number;
    mk_link *l = ok ? by_request(t, request, (int)number) : NULL;
    if (l && !(is_error ? l->error_id : l->data_id))
        add_stream(t, l, e->stream, is_error);
    else
        ir_spdy_reset(t->spdy, e->stream, RST_CANCEL);
    free(type);
    free(port);
    free(request);
}

static void one_event(mk_tunnel *t, const ir_spdy_event *e)
{
    mk_link *l = e->type == IR_SPDY_SYN_STREAM ? NULL : by_stream(t, e->stream);
    if (e->type == IR_SPDY_SYN_STREAM) {
        open_stream(t, e);
    } else if (e->type == IR_SPDY_GOAWAY) {
        t->ended = true;
    } else if (l && e->type == IR_SPDY_DATA && l->data_id == e->stream) {
        mk_link_send(l, e->p, e->len);
        l->shut = l->shut || e->fin;
    } else if (l && e->type == IR_SPDY_RST_STREAM) {
        mk_link_close(l);
    }
}

static void spdy_begin(mk_tunnel *t)
{
    if (ir_spdy_new(false, &t->spdy, NULL))
        t->broken = true;
}

static void spdy_message(mk_tunnel *t, int opcode, const char *p, size_t len)
{
    ir_spdy_event e;
    int rc;
    if (opcode == IR_WS_TEXT) {
        mk_tunnel_close(t, 1003);
        return;
    }
    ir_spdy_feed(t->spdy, p, len);
    while ((rc = ir_spdy_next(t->spdy, &e, NULL)) > 0)
        one_event(t, &e);
    push(t);
    if (rc < 0)
        mk_tunnel_close(t, 1002);
}

static void spdy_from_pod(mk_tunnel *t, mk_link *l, const char *p, size_t len)
{
    ir_spdy_data(t->spdy, l->data_id, p, len, false);
    push(t);
}

static void spdy_ended(mk_tunnel *t, mk_link *l)
{
    over(t, l, NULL);
}

/* Some clients wait for the error stream's reply before they open the data stream. */
static void spdy_settled(mk_tunnel *t)
{
    for (size_t i = 0; i < t->n_links; i++)
        reply_error(t, &t->links[i]);
    push(t);
}

const mk_tunnel_ops mk_spdy_ops = {spdy_begin, spdy_message, spdy_from_pod, spdy_ended,
                                   spdy_settled};
