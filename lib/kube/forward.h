/* forward.h - what the files of a port-forward share: its listeners, the threads that dial, and
 * its state. */
#ifndef IR_KUBE_FORWARD_H
#define IR_KUBE_FORWARD_H

#include "kube/tunnel.h"

/* ---- listen.c -------------------------------------------------------------------------------- */

#define IR_LISTENERS_MAX 32
/* "8080:80", ":80" (any local port), "80" (the same one). */
int ir_must_use ir_listen_parse(const char *text, int *ret_local, int *ret_remote,
                                imgrel_error *err);
/* A socket, not blocking; address is numeric. */
int ir_must_use ir_listen_open(const char *address, int port, int *ret_fd, imgrel_error *err);
int ir_listen_port(int fd); /* the one it got; 0: unknown */
/* A client, not blocking, watched for its death: a descriptor or -1 (errno). */
int ir_listen_accept(int fd);

/* ---- dialer.c: threads that ask and dial, so that the loop waits for nobody ------------------ */

enum ir_dial_kind {
    IR_DIAL_FIND,   /* which pod is it? */
    IR_DIAL_CONNECT /* a tunnel to target */
};

typedef struct ir_dial {
    enum ir_dial_kind kind;
    size_t listener;
    unsigned link;    /* CONNECT: who waits for it */
    int64_t until_ms; /* by then it fails */
    ir_target target; /* FIND: found; CONNECT: asked for */
    ir_tunnel *tunnel;
    int rc;
    imgrel_error why;
    struct ir_dial *next;
} ir_dial;
void ir_dial_free(ir_dial *d); /* with its tunnel. NULL is fine */

typedef struct ir_dialer ir_dialer;
/* ports: of the object, by listener. All is borrowed. */
int ir_must_use ir_dialer_new(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                              const int *ports, ir_dialer **ret, imgrel_error *err);
/* Takes d, which comes back from ir_dialer_take once it is done. */
void ir_dialer_ask(ir_dialer *dr, ir_dial *d);
int ir_dialer_fd(const ir_dialer *dr);  /* readable: something is done */
ir_dial *ir_dialer_take(ir_dialer *dr); /* NULL: nothing is */
/* Ends what is under way and waits for its threads. NULL is fine. */
void ir_dialer_free(ir_dialer *dr);

/* ---- the forward ----------------------------------------------------------------------------- */

#define IR_LINKS_MAX 512

typedef struct ir_route {
    int fd, local, port; /* port: the object's */
    ir_target target;
    int64_t at_ms; /* when it was found; 0: look again */
    bool asking;
    short revents;
} ir_route;

typedef struct ir_carrier {
    ir_tunnel *tunnel;
    int64_t idle_ms; /* since when; 0: it is not */
    short revents;
} ir_carrier;

enum ir_link_state {
    IR_LINK_WAITING, /* for a pod, or for room */
    IR_LINK_DIALLING,
    IR_LINK_OPEN,
    IR_LINK_DRAINING /* all was said to the client, which may not have read it yet */
};

typedef struct ir_link {
    enum ir_link_state state;
    int fd;
    unsigned id;
    size_t listener;
    ir_forward_conn *conn;
    ir_buf early; /* what went to a pod that has not said anything: it may be sent to another */
    bool early_lost, sent;
    bool local_ended; /* the client sends no more */
    bool pod_ended;   /* the client knows that the pod sends no more */
    bool held;        /* the client has more than was taken */
    int64_t moved_ms; /* when bytes last moved */
    int64_t until_ms, due_ms;
    unsigned tries;
    bool ready; /* said its pod */
    char *pod, *avoid; /* uid or name: of the one it is connected to; that was not reached */
    imgrel_error why;
    short revents;
} ir_link;

typedef struct ir_forward {
    const ir_call *call;
    const char *object;
    bool follows; /* not one pod alone */
    ir_route routes[IR_LISTENERS_MAX];
    int ports[IR_LISTENERS_MAX];
    size_t n_routes;
    ir_dialer *dialer;
    size_t n_dials; /* tunnels under way */
    ir_carrier carriers[IR_LINKS_MAX];
    size_t n_carriers;
    bool channels;
    ir_link links[IR_LINKS_MAX];
    size_t n_links;
    unsigned last_id;
    int64_t deaf_until_ms; /* out of descriptors: nobody is let in */
    int rc;                /* ends all */
    imgrel_error why;
} ir_forward;

/* forward_link.c: one client and its stream. */
void ir_link_drop(ir_forward *f, size_t i, bool reset);
/* Tells why, as a warning, and drops it. */
void ir_link_fail(ir_forward *f, size_t i, const imgrel_error *why);
/* Puts it back into the queue for a pod; why may be NULL: as before. False: it has waited long
 * enough. */
bool ir_link_again(ir_link *l, const imgrel_error *why);
void ir_link_open(ir_forward *f, size_t i, ir_tunnel *t);
/* Moves what can be moved; the link may be gone then. */
void ir_link_move(ir_forward *f, size_t i);
void ir_link_poll(const ir_link *l, int *ret_fd, short *ret_events);

/* forward_pod.c: which pod, by which tunnel. */
const char *ir_target_id(const ir_target *t); /* its uid, or its name */
/* A link that waits gets a stream, or it is seen to that it will. */
void ir_link_serve(ir_forward *f, size_t i);
void ir_dial_done(ir_forward *f, ir_dial *d); /* takes d */
/* Closes what nobody needs or can use. */
void ir_carriers_sweep(ir_forward *f);

#endif
