/* kube_tunnel.h - the bytes of a port-forward: one upgraded connection of a client on one side,
 * connections into the pod on the other, and queues between them, so that neither side can stop the
 * other for ever. kube_channel.c and kube_spdy.c say what the bytes mean. */
#ifndef IR_MOCK_KUBE_TUNNEL_H
#define IR_MOCK_KUBE_TUNNEL_H

#include "mock/kube.h"
#include "net/spdy.h"

#define MK_LINKS_MAX 64
#define MK_QUEUE_MAX (64 * IR_MIB)
#define MK_FRAME_MAX (32 * IR_MIB)

/* A connection into the pod. */
typedef struct mk_link {
    int fd; /* -1: none */
    int port;
    ir_buf out; /* for the pod */
    size_t sent;
    bool shut;                  /* half-close once out is sent */
    uint32_t data_id, error_id; /* SPDY streams; 0: not there (yet) */
    bool error_replied;
    char *request; /* SPDY requestid */
    bool over;     /* nothing comes any more */
} mk_link;

typedef struct mk_tunnel mk_tunnel;
typedef struct mk_tunnel_ops {
    void (*begin)(mk_tunnel *t);
    void (*message)(mk_tunnel *t, int opcode, const char *p, size_t len);
    void (*from_pod)(mk_tunnel *t, mk_link *l, const char *p, size_t len);
    void (*pod_ended)(mk_tunnel *t, mk_link *l);
    void (*settled)(mk_tunnel *t); /* all that came is looked at; may be NULL */
} mk_tunnel_ops;

struct mk_tunnel {
    imgrel_mock *m;
    char *uid; /* the pod's */
    const mk_tunnel_ops *ops;
    bool ws, base64; /* in WebSocket frames; W4's base64 form */
    int fd;
    ir_buf in, out;
    size_t sent;
    mk_link links[MK_LINKS_MAX];
    size_t n_links;
    ir_spdy *spdy;
    bool ended;  /* leave when out is sent */
    bool broken; /* leave at once */
};

/* Runs until either side is done. */
void mk_tunnel_run(mk_tunnel *t, int sock, const char *extra, size_t extra_len);
void mk_tunnel_free(mk_tunnel *t);
/* A WebSocket frame, or the bytes as they are. */
void mk_tunnel_send(mk_tunnel *t, int opcode, const void *p, size_t len);
void mk_tunnel_close(mk_tunnel *t, int code);    /* close frame, then the end */
mk_link *mk_tunnel_link(mk_tunnel *t, int port); /* NULL: too many */
/* Dials the link's port; why (malloc'ed) when it can't. */
bool mk_link_dial(mk_tunnel *t, mk_link *l, char **ret_why);
void mk_link_send(mk_link *l, const void *p, size_t len);
void mk_link_close(mk_link *l);

extern const mk_tunnel_ops mk_channel_ops, mk_spdy_ops;

#endif
