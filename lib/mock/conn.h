/* conn.h - the inside of the server: what one request carries from its first line to its end, the
 * list of faults and the request log. Only server*.c include it. */
#ifndef IR_MOCK_CONN_H
#define IR_MOCK_CONN_H

#include "mock/server.h"

#include <microhttpd.h>

#define MK_LOG_MAX 20000 /* requests that are remembered; older ones are dropped */

/* A reply that is made to go wrong; {"fault": ...} of imgrel_mock_control. */
typedef struct mk_fault {
    struct mk_fault *next;
    char *method, *pattern; /* "GET" or "*"; a path prefix, or a glob if it holds a star */
    int status;             /* 0: the true reply */
    char *headers, *body;   /* "Name: value\n" lines */
    int64_t delay_ms, after, count, skip; /* after -1: whole; count -1: for ever */
    bool reset, stall;
} mk_fault;

/* What a fault does to one request, copied so that clearing faults harms nobody. */
typedef struct mk_hit {
    bool on, reset, stall;
    int status;
    char *headers, *body;
    int64_t delay_ms, after;
} mk_hit;

typedef struct mk_entry {
    char *text; /* method, raw path, query, user, fault, header lines; each ended by a NUL */
    int64_t at_ms, bytes_in, bytes_out;
    int status, port;
} mk_entry;

typedef struct mk_upgrade {
    struct mk_upgrade *next;
    struct mk_server *server;
    pthread_t thread;
    int sock;
    struct MHD_UpgradeResponseHandle *handle;
    mk_reply reply;
    char *extra;
    size_t extra_len;
    bool ended;
} mk_upgrade;

struct mk_server {
    imgrel_mock *mock;
    struct MHD_Daemon *harbor, *kube;
    int port, kube_port;
    char *cert_pem, *key_pem;
    pthread_mutex_t lock; /* of all below; taken after the mock's lock, never before it */
    pthread_cond_t wake;
    bool ready, stopping;
    mk_fault *faults;
    mk_entry *log; /* a ring */
    size_t log_first, log_n;
    mk_upgrade *upgrades;
};

typedef struct mk_conn {
    mk_request r;
    struct mk_server *server;
    const mk_api *api;
    char *uri, *path; /* uri is cut at its '?' */
    ir_buf body;
    mk_reply reply;
    mk_hit hit;
    int64_t bytes_in, bytes_out;
    bool begun, answered, cut, logged;
} mk_conn;

/* server_fault.c */
void mk_fault_take(struct mk_server *s, mk_conn *c); /* fills c->hit */
void mk_hit_free(mk_hit *h);
void mk_faults_free(struct mk_server *s);
void mk_log_add(struct mk_server *s, mk_conn *c);
void mk_log_free(struct mk_server *s);
/* server_reply.c: sends c->reply, which is then empty. */
enum MHD_Result mk_send(mk_conn *c);
void mk_stall(mk_conn *c); /* until the client has gone, or the mock stops */
void mk_upgrades_stop(struct mk_server *s);

#endif
