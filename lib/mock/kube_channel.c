/* kube_channel.c - port-forward by v4.channel.k8s.io: the first byte of a message is its channel,
 * two a port (data, error); the first message on each is the port, little-endian. The end of one
 * port is not told; the end of all closes the socket. There is no half-close. */
#include "mock/kube_tunnel.h"

#include "base/base64.h"
#include "net/ws.h"

#include <stdlib.h>

static void say(mk_tunnel *t, size_t channel, const void *p, size_t len)
{
    ir_buf b = IR_BUF(MK_QUEUE_MAX);
    ir_buf_addc(&b, (char)(channel + (t->base64 ? '0' : 0)));
    if (t->base64)
        ir_base64_add(&b, p, len);
    else
        ir_buf_add(&b, p, len);
    mk_tunnel_send(t, t->base64 ? IR_WS_TEXT : IR_WS_BINARY, b.p, b.len);
    ir_buf_free(&b);
}

static void end_if_all_over(mk_tunnel *t)
{
    for (size_t i = 0; i < t->n_links; i++)
        if (!t->links[i].over)
            return;
    mk_tunnel_close(t, 1000);
}

static void channel_begin(mk_tunnel *t)
{
    for (size_t i = 0; i < t->n_links; i++) {
        int port = t->links[i].port;
        unsigned char p[2] = {(unsigned char)port, (unsigned char)(port >> 8)};
        say(t, 2 * i, p, 2);
        say(t, 2 * i + 1, p, 2);
    }
    for (size_t i = 0; i < t->n_links; i++) {
        mk_link *l = &t->links[i];
        char *why = NULL;
        if (!mk_link_dial(t, l, &why)) {
            const char *text = why ? why : "error forwarding port";
            say(t, 2 * i + 1, text, strlen(text));
            mk_link_close(l);
        }
        free(why);
    }
    end_if_all_over(t);
}

static void channel_message(mk_tunnel *t, int opcode, const char *p, size_t len)
{
    (void)opcode;
    if (len < 2)
        return;
    size_t channel = (size_t)(unsigned char)*p - (t->base64 ? '0' : 0);
    if (channel % 2 || channel / 2 >= t->n_links)
        return;
    mk_link *l = &t->links[channel / 2];
    ir_buf plain = IR_BUF(MK_QUEUE_MAX);
    if (!t->base64)
        mk_link_send(l, p + 1, len - 1);
    else if (ir_base64_decode(p + 1, len - 1, &plain))
        mk_link_send(l, plain.p, plain.len);
    ir_buf_free(&plain);
}

static void channel_from_pod(mk_tunnel *t, mk_link *l, const char *p, size_t len)
{
    say(t, 2 * (size_t)(l - t->links), p, len);
}

static void channel_ended(mk_tunnel *t, mk_link *l)
{
    mk_link_close(l);
    end_if_all_over(t);
}

const mk_tunnel_ops mk_channel_ops = {channel_begin, channel_message, channel_from_pod,
                                      channel_ended, NULL};
