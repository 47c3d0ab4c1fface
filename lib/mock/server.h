/* server.h - the mock's core: one HTTP(S) daemon a port (libmicrohttpd, a thread per connection),
 * requests handed to the API that their path belongs to, faults and the request log in one place.
 * lib/mock/server.c owns it; registry.c, harbor*.c and kube*.c answer. */
#ifndef IR_MOCK_SERVER_H
#define IR_MOCK_SERVER_H

#include <imgrel/client.h>
#include <imgrel/mock.h>
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/json.h"
#include <pthread.h>

/* Is the Kubernetes half there? */
#ifdef IR_ENABLE_KUBE
#define MK_KUBE 1
#else
#define MK_KUBE 0
#endif

/* Is GitLab? */
#ifdef IR_ENABLE_GITLAB
#define MK_GITLAB 1
#else
#define MK_GITLAB 0
#endif

/* One request as an API sees it. Small bodies are whole in `body`; an API that wants to stream one
 * (blob uploads) has begin and piece and gets it piece by piece. */
typedef struct mk_request {
    imgrel_mock *mock;
    struct MHD_Connection *conn;
    const char *method;   /* "GET" */
    const char *raw_path; /* as sent, not decoded, without the query: double-encoding shows */
    const char *path;     /* decoded once; "" when an escape in it is broken */
    const char *query;    /* as sent, without '?', "" if none */
    const char *body;     /* "" if none */
    size_t body_len;
    bool tls;
    int port;                        /* that it came in by */
    void *state;                     /* of a streamed body, the API's own */
    void (*state_free)(void *state); /* called when the request is over, however it ended */
} mk_request;
const char *mk_header(const mk_request *r, const char *name); /* NULL if absent */
/* Every value of a header that may come more than once, joined by ", ", malloc'ed; NULL if absent.
 */
char *mk_header_all(const mk_request *r, const char *name);
const char *mk_cookie(const mk_request *r, const char *name); /* NULL if absent */
/* A query value decoded once, malloc'ed; NULL if absent. */
char *mk_query(const mk_request *r, const char *name);
/* The i-th pair of the query string, both decoded once, malloc'ed; false past the last. */
bool mk_query_at(const mk_request *r, size_t i, char **ret_name, char **ret_value);
/* Decodes %XX (and '+' as a blank where plus says so); NULL when an escape is broken, or memory. */
char *mk_unescape(const char *s, bool plus);

/* What an API answers. Zero is an empty 200. Headers: "Name: value\n" lines. */
typedef struct mk_reply {
    int status;
    ir_buf headers, body;
    int fd; /* body is this file instead (closed after), with fd_len; 0: none */
    int64_t fd_off, fd_len;
    /* body comes bit by bit: n bytes, 0 nothing yet (called again after mk_wake, at the latest in
     * 100 ms), -1 the end, -2 break the connection. Chunked unless stream_len says how many. A
     * client that has gone ends it too. */
    int64_t (*stream)(void *user, void *buf, size_t len);
    void (*stream_free)(void *user); /* of stream and upgraded; called once, however it ended */
    void *user;
    int64_t stream_len; /* 0: unknown */
    /* 101: called on a thread of its own with the bare socket (blocking; shut down when the mock
     * stops), which is closed when it returns. extra: bytes that came with the request. */
    void (*upgraded)(void *user, int sock, const char *extra, size_t extra_len);
} mk_reply;
#define MK_BODY_MAX (16 * IR_MIB) /* of a request that is not streamed, and of a reply in memory \
                                   */
void mk_reply_header(mk_reply *p, const char *name, const char *fmt, ...) IR_PRINTF(3, 4);
/* Takes j; status and content type application/json. */
void mk_reply_json(mk_reply *p, int status, ir_json *j);
void mk_reply_text(mk_reply *p, int status, const char *type, const char *text);
void mk_reply_free(mk_reply *p);

/* An API answers every request whose decoded path starts with prefix; longest prefix first. */
typedef struct mk_api {
    const char *prefix; /* "/", "/v2/", "/service/token", "/api/v1/", "/apis/" */
    bool kube;          /* listens on the Kubernetes port, else on Harbor's */
    void (*handle)(mk_request *r, mk_reply *p);
    /* Streamed bodies, NULL: small. begin may answer at once (p->status set: the body is dropped
     * and handle not called); it leaves r->state NULL for a request whose body is small. */
    void (*begin)(mk_request *r, mk_reply *p);
    void (*piece)(mk_request *r, const void *p, size_t len);
} mk_api;
/* The mock's parts. Each has its own state behind the one lock; hold it for short work only. */
struct mk_registry;
struct mk_saver;
struct mk_harbor;
struct mk_kube;
struct mk_node;
struct mk_gitlab;
struct imgrel_mock {
    pthread_mutex_t lock;
    ir_json *config;       /* as given, {} if NULL */
    imgrel_cancel *cancel; /* fired when it stops: for what parts do over the network */
    struct mk_server *server;
    struct mk_saver *saver;
    struct mk_registry *registry;
    struct mk_harbor *harbor;
    struct mk_kube *kube;
    struct mk_node *node;
    struct mk_gitlab *gitlab;
    char *url, *host, *kube_url, *kubeconfig, *ca_file, *admin_password, *dir;
    int64_t clock_skew_s; /* {"clock": ...} */
    char *version;        /* "2.15" */
};
int64_t mk_now(const imgrel_mock *m); /* seconds since 1970, with the skew; lock held */
/* Streams that wait look again at once. Any thread, lock held or not. */
void mk_wake(imgrel_mock *m);
bool mk_stopping(const imgrel_mock *m);

/* The daemons: started before the parts, ended before them too, with every connection. */
int ir_must_use mk_server_start(imgrel_mock *m, imgrel_error *err);
void mk_server_ready(imgrel_mock *m); /* requests waited until now */
void mk_server_stop(imgrel_mock *m);
void mk_server_free(imgrel_mock *m);
int mk_server_fault(imgrel_mock *m, const ir_json *fault, imgrel_error *err); /* NULL: clear */
ir_json *mk_server_log(imgrel_mock *m);
void mk_server_log_clear(imgrel_mock *m);

/* Each part: start (after the server knows its addresses), stop, and its share of the state
 * document. Parts that are off are NULL. */
int ir_must_use mk_registry_start(imgrel_mock *m, imgrel_error *err);
void mk_registry_stop(imgrel_mock *m);
int ir_must_use mk_harbor_start(imgrel_mock *m, imgrel_error *err);
void mk_harbor_stop(imgrel_mock *m);
int ir_must_use mk_gitlab_start(imgrel_mock *m, imgrel_error *err);
void mk_gitlab_stop(imgrel_mock *m);
void mk_gitlab_steer(imgrel_mock *m, const ir_json *command); /* lock held */
int ir_must_use mk_kube_start(imgrel_mock *m, imgrel_error *err);
void mk_kube_stop(imgrel_mock *m);
ir_json *mk_harbor_state(imgrel_mock *m); /* projects, robots, ...; lock held */
int ir_must_use mk_harbor_load(imgrel_mock *m, const ir_json *state, imgrel_error *err);
int ir_must_use mk_scan_script(imgrel_mock *m, const ir_json *script, imgrel_error *err);
ir_json *mk_kube_state(imgrel_mock *m);
int ir_must_use mk_kube_load(imgrel_mock *m, const ir_json *state, imgrel_error *err);
/* Called after each change, lock held: wakes streams, and a thread of its own saves the state file,
 * if there is one, at once (changes made while it writes go together into the next). */
void mk_state_changed(imgrel_mock *m);
ir_json *mk_state_get(imgrel_mock *m); /* {"harbor": ..., "kube": ...} */
int ir_must_use mk_state_load(imgrel_mock *m, const ir_json *state, imgrel_error *err);
int ir_must_use mk_state_start(imgrel_mock *m, imgrel_error *err); /* loads the file too */
void mk_state_stop(imgrel_mock *m);                                /* after a last save */

extern const mk_api mk_control_api, mk_registry_api, mk_token_api, mk_harbor_api, mk_gitlab_api,
    mk_kube_api_core,
    mk_kube_api_groups, mk_kube_api_misc;

#endif
