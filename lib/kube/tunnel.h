/* tunnel.h - one upgraded connection to a pod and the streams in it, each a connection into the
 * pod. Nothing blocks but dialling. SPDY/3.1 in WebSocket carries many streams; WebSocket channels
 * (v4.channel.k8s.io) carry one. Neither has flow control: a tunnel is not read while a stream of
 * it holds more than its share, which holds up the other streams of that tunnel only. */
#ifndef IR_KUBE_TUNNEL_H
#define IR_KUBE_TUNNEL_H

#include "kube/inside.h"

#define IR_TUNNEL_STREAMS_MAX 64 /* at once, those that are about to end among them */

typedef struct ir_tunnel ir_tunnel;
/* Dials a pod by name: SPDY in WebSocket, channels where that is refused; those are good for this
 * port only. Blocks, honours the call; many threads may dial by one handle. */
int ir_must_use ir_tunnel_dial(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                               int port, ir_tunnel **ret, imgrel_error *err);
/* Takes ws (also when it fails); spdy: it speaks that, else channels to port. */
int ir_must_use ir_tunnel_new(ir_ws *ws, bool spdy, const char *pod, int port, ir_tunnel **ret,
                              imgrel_error *err);
/* Its streams must be closed. NULL is fine. */
void ir_tunnel_close(ir_tunnel *t);

const char *ir_tunnel_pod(const ir_tunnel *t);
bool ir_tunnel_is_spdy(const ir_tunnel *t);
size_t ir_tunnel_streams(const ir_tunnel *t);
/* Those whose client still sends: the others are about to end, for which containerd takes a
 * second. */
size_t ir_tunnel_busy(const ir_tunnel *t);
/* May a stream be opened? No when it is broken or full, or when it may still bring bytes for a
 * stream that was given up. */
bool ir_tunnel_usable(const ir_tunnel *t);
bool ir_tunnel_dead(const ir_tunnel *t); /* broken or ended: its streams tell why */
/* Opens a stream. *ret is closed by ir_forward_close, before its tunnel. */
int ir_must_use ir_tunnel_open(ir_tunnel *t, int port, ir_forward_conn **ret, imgrel_error *err);

/* Reads what there is and sends what waits. Failures are the streams' to tell. */
void ir_tunnel_pump(ir_tunnel *t);
int ir_tunnel_fd(const ir_tunnel *t);
/* The poll events that it waits for; 0: it waits for a reader. */
short ir_tunnel_events(const ir_tunnel *t);
/* May there be more than poll knows of, now that a reader took something? */
bool ir_tunnel_more(const ir_tunnel *t);
/* A sign of life every ping_ms, so that what stands between does not forget the connection. When
 * the other side is silent for silence_ms and no bytes of ours can be the reason, it is dead. */
void ir_tunnel_tick(ir_tunnel *t, int64_t ping_ms, int64_t silence_ms);

/* ---- one stream ------------------------------------------------------------------------------ */

/* Bytes that came and wait; *ret_p is borrowed until the next pump. */
size_t ir_forward_pending(const ir_forward_conn *c, const char **ret_p);
void ir_forward_taken(ir_forward_conn *c, size_t len);
/* Why it failed, once all that came before was taken: EFAILED or ENET as the pod or the API server
 * said, ENET when the tunnel broke. */
int ir_must_use ir_forward_check(const ir_forward_conn *c, imgrel_error *err);
/* Did a byte of the pod ever come? */
bool ir_forward_heard(const ir_forward_conn *c);
bool ir_forward_first(const ir_forward_conn *c); /* of its tunnel */
/* Does what was said mean that the pod, or what listens in it, was never reached? */
bool ir_forward_unreached(const ir_forward_conn *c);
bool ir_forward_eof(const ir_forward_conn *c);    /* the pod sends no more and all was taken */
bool ir_forward_spoken(const ir_forward_conn *c); /* and no word about why will come */
bool ir_forward_ended(const ir_forward_conn *c);  /* and it hears nothing any more */
bool ir_forward_full(const ir_forward_conn *c);   /* send no more until it is sent */
size_t ir_forward_unsent(const ir_forward_conn *c);
/* Queues bytes. */
int ir_must_use ir_forward_put(ir_forward_conn *c, const void *p, size_t len, imgrel_error *err);
/* Says that no more bytes come; EUNSUPPORTED where the protocol has no words for it. */
int ir_must_use ir_forward_fin(ir_forward_conn *c, imgrel_error *err);
ir_tunnel *ir_forward_tunnel(const ir_forward_conn *c);
/* Ends it; one that did not end by itself is given up. The tunnel stays. NULL is fine. */
void ir_forward_end(ir_forward_conn *c);

#endif
