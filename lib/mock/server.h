/* server.h - the mock's core: one HTTP(S) daemon a port (libmicrohttpd, a thread per connection),
 * requests handed to the API that their path belongs to, faults and the request log in one place.
 * lib/mock/server.c owns it; registry.c, harbor*.c and kube*.c answer. */
#ifndef IR_MOCK_SERVER_H
#define IR_MOCK_SERVER_H

#include <imgrel/mock.h>
#include "base/buf.h"
#include "base/str.h"
#include "fmt/json.h"
#include <pthread.h>

/* One request as an API sees it. Small bodies are whole in `body`; an API that wants to stream one
 * (blob uploads) says so by its route's stream flag and gets it piece by piece. */
typedef struct mk_request {
    imgrel_mock *mock;
    struct MHD_Connection *conn;
    const char *method;     /* "GET" */
    const char *raw_path;   /* as sent, not decoded, without the query: double-encoding shows */
    const char *path;       /* decoded once */
    const char *query;      /* as sent, without '?', "" if none */
    const char *body;       /* "" if none */
    size_t body_len;
    bool tls;
    int port;               /* that it came in by */
    void *state;            /* of a streamed body, the API's own */
} mk_request;
const char *mk_header(const mk_request *r, const char *name);         /* NULL if absent */
/* A query value decoded once, malloc'ed; NULL if absent. */
char *mk_query(const mk_request *r, const char *name);

/* What an API answers. Zero is an empty 200. Headers: "Name: value\n" lines. */
typedef struct mk_reply {
    int status;
    ir_buf headers, body;
    int fd;                  /* body is this file instead (closed after), with fd_len; 0: none */
    int64_t fd_off, fd_len;
    /* body comes bit by bit: n bytes, 0 nothing yet (called again in 100 ms), -1 the end */
    int64_t (*stream)(void *user, void *buf, size_t len);
    void (*stream_free)(void *user);
    void *user;
    /* 101: called on a thread of its own with the bare socket, which it closes by done() */
    void (*upgraded)(void *user, int sock, const char *extra, size_t extra_len);
} mk_reply;
void mk_reply_header(mk_reply *p, const char *name, const char *fmt, ...) IR_PRINTF(3, 4);
/* Takes j; status and content type application/json. */
void mk_reply_json(mk_reply *p, int status, ir_json *j);
void mk_reply_text(mk_reply *p, int status, const char *type, const char *text);

/* An API answers every request whose decoded path starts with prefix; longest prefix first. */
typedef struct mk_api {
    const char *prefix;     /* "/api/v2.0/", "/v2/", "/service/token", "/api/v1/", "/apis/" */
    bool kube;              /* listens on the Kubernetes port, else on Harbor's */
    void (*handle)(mk_request *r, mk_reply *p);
    /* Streamed bodies, NULL: small. begin may answer at once (p->status set: body dropped). */
    void (*begin)(mk_request *r, mk_reply *p);
    void (*piece)(mk_request *r, const void *p, size_t len);
} mk_api;
extern const mk_api *const mk_apis[]; /* NULL-terminated, in server.c */

/* The mock's parts. Each has its own state behind the one lock; hold it for short work only. */
struct mk_registry;
struct mk_harbor;
struct mk_kube;
struct mk_node;
struct imgrel_mock {
    pthread_mutex_t lock;
    ir_json *config;         /* as given, {} if NULL */
    struct mk_server *server;
    struct mk_registry *registry;
    struct mk_harbor *harbor;
    struct mk_kube *kube;
    struct mk_node *node;
    char *url, *host, *kube_url, *kubeconfig, *ca_file, *admin_password, *dir;
    int64_t clock_skew_s;    /* {"clock": ...} */
    char *version;           /* "2.15" */
};
int64_t mk_now(const imgrel_mock *m); /* seconds since 1970, with the skew */

/* Each part: start (after the server knows its addresses), stop, and its share of the state
 * document. Parts that are off are NULL. */
int ir_must_use mk_registry_start(imgrel_mock *m, imgrel_error *err);
void mk_registry_stop(imgrel_mock *m);
int ir_must_use mk_harbor_start(imgrel_mock *m, imgrel_error *err);
void mk_harbor_stop(imgrel_mock *m);
int ir_must_use mk_kube_start(imgrel_mock *m, imgrel_error *err);
void mk_kube_stop(imgrel_mock *m);
ir_json *mk_harbor_state(imgrel_mock *m);                 /* projects, robots, ...; lock held */
int ir_must_use mk_harbor_load(imgrel_mock *m, const ir_json *state, imgrel_error *err);
ir_json *mk_kube_state(imgrel_mock *m);
int ir_must_use mk_kube_load(imgrel_mock *m, const ir_json *state, imgrel_error *err);
/* Saves the state file, if there is one; called after each change, lock held. */
void mk_state_changed(imgrel_mock *m);

extern const mk_api mk_registry_api, mk_token_api, mk_harbor_api, mk_kube_api_core,
    mk_kube_api_groups, mk_kube_api_misc;

#endif
