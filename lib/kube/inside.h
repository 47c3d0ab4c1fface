/* inside.h - what the files of lib/kube share: the handle, the configuration it was made from, one
 * authenticated request, kinds, watches, and the choice of a pod. */
#ifndef IR_KUBE_INSIDE_H
#define IR_KUBE_INSIDE_H

#include "base/str.h"
#include "kube/kube.h"
#include "net/ws.h"

#include <pthread.h>

/* An exec plugin as the kubeconfig names it. */
typedef struct ir_kube_exec {
    char *api_version, *command, *hint;
    ir_strv args, env; /* env: "NAME=value" */
    bool cluster_info;
    ir_json *cluster; /* spec.cluster of KUBERNETES_EXEC_INFO */
} ir_kube_exec;

struct ir_kube_kinds;
struct ir_kube {
    char *server;  /* no slash at the end */
    char *host;    /* host:port, for messages */
    char *ns, *user;
    bool https, insecure, in_cluster;
    char *ca_pem, *tls_name, *proxy, *cert_pem;
    char *key_pem, *token, *basic_password; /* secrets */
    char *token_file, *basic_user;
    ir_strv headers; /* impersonation; NULL at the end of v */
    ir_kube_exec *exec;
    char *exec_token, *exec_cert, *exec_key; /* what it gave; NULL: it has not run */
    int64_t exec_expires; /* seconds since 1970; 0: never */
    struct ir_kube_kinds *kinds; /* discovered; NULL: nobody asked */
    bool no_tunnel;       /* the server refused SPDY in WebSocket before */
    pthread_mutex_t lock; /* exec_* and no_tunnel: a forward dials on several threads */
};
ir_kube *ir_kube_alloc(void); /* NULL: no memory */

/* ---- config.c, user.c: a handle from files --------------------------------------------------- */

/* What the environment says, as values, so that tests can say it. */
typedef struct ir_kube_env {
    const char *kubeconfig;                  /* $KUBECONFIG */
    const char *home;
    const char *service_host, *service_port; /* in a pod */
    const char *account_dir;                 /* its service account's files */
} ir_kube_env;
void ir_kube_env_read(ir_kube_env *ret);
int ir_must_use ir_kube_load(const ir_kube_env *env, const char *kubeconfig, const char *context,
                             ir_kube **ret, imgrel_error *err);
/* One file's bytes instead of files; dir: what relative paths are relative to. */
int ir_must_use ir_kube_parse(const char *p, size_t len, const char *name, const char *dir,
                              const char *context, ir_kube **ret, imgrel_error *err);

struct ir_yaml;
/* A named entry of the merged configuration and where it stands. */
typedef struct ir_kube_entry {
    const struct ir_yaml *yaml;
    const char *dir;       /* of its file */
    const char *kind;      /* "cluster", "user", "context" */
    const char *name;
    const ir_json *value;
} ir_kube_entry;
/* Errors with the entry's file, line and name. key NULL: the entry itself. */
int ir_kube_entry_fail(const ir_kube_entry *e, const char *key, imgrel_error *err, const char *fmt,
                       ...) IR_PRINTF(4, 5);
/* A member that must be text; NULL when it is absent or empty. */
int ir_must_use ir_kube_entry_text(const ir_kube_entry *e, const char *key, const char **ret,
                                   imgrel_error *err);
int ir_must_use ir_kube_entry_bool(const ir_kube_entry *e, const char *key, bool *ret,
                                   imgrel_error *err);
/* PEM text from KEY-data, or from the file that KEY names; NULL when there is neither. */
int ir_must_use ir_kube_entry_pem(const ir_kube_entry *e, const char *key, char **ret,
                                  imgrel_error *err);
int ir_must_use ir_kube_user_read(ir_kube *k, const ir_kube_entry *user,
                                  const ir_kube_entry *cluster, imgrel_error *err);
/* Sets server, host and https; tls: without a scheme https is meant. */
int ir_must_use ir_kube_set_server(ir_kube *k, const char *server, bool tls, imgrel_error *err);

/* ---- exec.c ---------------------------------------------------------------------------------- */

int ir_must_use ir_kube_exec_read(ir_kube *k, const ir_kube_entry *user,
                                  const ir_kube_entry *cluster, imgrel_error *err);
void ir_kube_exec_free(ir_kube_exec *x);
/* Runs the plugin unless what it gave is still good. */
int ir_must_use ir_kube_exec_run(const ir_call *call, ir_kube *k, imgrel_error *err);
void ir_kube_exec_forget(ir_kube *k);
/* KUBERNETES_EXEC_INFO with its line end, and its answer read; pure. */
int ir_must_use ir_kube_exec_info(const ir_kube_exec *x, ir_buf *out, imgrel_error *err);
int ir_must_use ir_kube_exec_answer(ir_kube *k, const char *p, size_t len, imgrel_error *err);

/* ---- client.c, status.c: requests ------------------------------------------------------------ */

/* Credentials and TLS of one request; they point into the handle and, where it may change, to
 * copies. */
typedef struct ir_kube_login {
    ir_auth auth;
    ir_tls tls;
    char *token, *cert, *key;
} ir_kube_login;
int ir_must_use ir_kube_login_get(const ir_call *call, ir_kube *k, ir_kube_login *ret,
                                  imgrel_error *err);
void ir_kube_login_free(ir_kube_login *l);

/* One exchange with login, headers, one more try after a 401 and waits on 429 and Retry-After.
 * req->url is filled from path. Any status is 0; req's url is only good for the call. */
int ir_must_use ir_kube_do(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                           ir_reply *ret, imgrel_error *err);
/* The same with the body of a 2xx as a stream; *ret_stream is NULL for other statuses. */
int ir_must_use ir_kube_open(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                             ir_stream **ret_stream, ir_reply *ret, imgrel_error *err);
/* The same with a WebSocket; *ret_ws is NULL without 101. */
int ir_must_use ir_kube_upgrade(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                                const char *protocol, ir_ws **ret_ws, ir_reply *ret,
                                imgrel_error *err);
/* May the same request be sent again after a 401? Forgets what the plugin gave, once. */
bool ir_kube_login_again(ir_kube *k, int status, unsigned tries);
/* A body as JSON; text that is not JSON becomes a string, nothing an empty object. */
int ir_must_use ir_kube_body(const ir_kube *k, const ir_reply *reply, ir_json **ret,
                             imgrel_error *err);
/* Fails as a status >= 400 means: a Status object, or text. */
int ir_kube_status_fail(const ir_kube *k, const ir_request *req, const char *path,
                        const ir_reply *reply, imgrel_error *err);
/* Has the client certificate of the configuration ended? Then the cure says so. */
bool ir_kube_cert_expired(const ir_kube *k, imgrel_error *err);
/* Is it a Status with this reason, or with a cause of it? */
bool ir_kube_status_is(const ir_reply *reply, const char *reason);

/* Hands a local failure on, unless err holds one already; returns its code. */
static inline int ir_kube_pass(imgrel_error *err, const imgrel_error *local)
{
    if (err && !err->code)
        *err = *local;
    return local->code;
}

/* ---- kind.c, discover.c, object.c, list.c ---------------------------------------------------- */

typedef struct ir_kube_kind {
    /* brief: short names with commas; version: "v1", "apps/v1" */
    const char *singular, *plural, *brief, *kind, *version;
    bool cluster_wide;
} ir_kube_kind;
/* What the cluster said that it has; lives with the handle, as all that points into it. */
typedef struct ir_kube_kinds {
    ir_kube_kind *v;
    size_t n;
    bool new; /* asked for just now */
    struct ir_kube_kinds *older;
} ir_kube_kinds;
/* By singular, plural, short name or Kind, in any case, with or without .GROUP; EINVAL. Only what
 * is unusual is asked of the cluster. */
int ir_must_use ir_kube_kind_find(const ir_call *call, ir_kube *k, const char *word,
                                  const ir_kube_kind **ret, imgrel_error *err);
/* Of a manifest: apiVersion and kind as written. EUNSUPPORTED: the cluster does not have it. */
int ir_must_use ir_kube_kind_of(const ir_call *call, ir_kube *k, const ir_json *object,
                                const ir_kube_kind **ret, imgrel_error *err);
const ir_kube_kind *ir_kube_pods(void);
/* Asks once; fresh: again. */
int ir_must_use ir_kube_discover(const ir_call *call, ir_kube *k, bool fresh,
                                 const ir_kube_kinds **ret, imgrel_error *err);
void ir_kube_kinds_free(ir_kube_kinds *all);
/* Is the object a `singular` of the usual kinds? */
static inline bool ir_kube_kind_is(const ir_kube_kind *kind, const char *singular)
{
    return !strcmp(kind->singular, singular);
}
/* A list of a kind that is at hand. */
int ir_must_use ir_kube_pages_of(const ir_kube *k, const char *ns, const ir_kube_kind *kind,
                                 const char *label_selector, const char *field_selector,
                                 ir_kube_pages **ret, imgrel_error *err);
/* The resourceVersion from which a watch misses nothing of the list; NULL: not yet known. */
const char *ir_kube_pages_version(const ir_kube_pages *p);
/* "pod/name" taken apart; name points into object. */
int ir_must_use ir_kube_object_parse(const ir_call *call, ir_kube *k, const char *object,
                                     const ir_kube_kind **ret_kind, const char **ret_name,
                                     imgrel_error *err);
/* "/api/v1/namespaces/NS/pods/NAME"; name NULL: the collection. */
int ir_must_use ir_kube_path(const ir_kube *k, const ir_kube_kind *kind, const char *ns,
                             const char *name, ir_buf *out, imgrel_error *err);
/* ns, or the context's. */
const char *ir_kube_ns(const ir_kube *k, const char *ns);
/* A body of JSON, wiped afterwards; ret, ret_status may be NULL. */
int ir_must_use ir_kube_send(const ir_call *call, ir_kube *k, const char *method, const char *path,
                             const char *content_type, const ir_json *body, unsigned flags,
                             ir_json **ret, int *ret_status, imgrel_error *err);
/* The path of "kind/name", and of a manifest: its own namespace must not contradict the caller's.
 * named: with its name. */
int ir_must_use ir_kube_object_path(const ir_call *call, ir_kube *k, const char *ns,
                                    const char *object, ir_buf *out, imgrel_error *err);
int ir_must_use ir_kube_manifest_path(const ir_call *call, ir_kube *k, const char *ns,
                                      const ir_json *object, bool named, ir_buf *out,
                                      imgrel_error *err);
/* "?fieldManager=imgrel" and what the call's flags ask for. */
void ir_kube_add_options(const ir_call *call, ir_buf *path, bool force);
const char *ir_kube_meta(const ir_json *object, const char *key); /* metadata.KEY */
/* Does it carry app.kubernetes.io/managed-by=imgrel? */
bool ir_kube_ours(const ir_json *object);
#define IR_KUBE_OURS_KEY "app.kubernetes.io/managed-by"
#define IR_KUBE_OURS_VALUE "imgrel"
/* Puts labels on metadata.labels; those that are there already win. 0 or ENOMEM. */
int ir_must_use ir_kube_add_labels(ir_json *object, const ir_json *labels);

/* ---- watch.c --------------------------------------------------------------------------------- */

/* Lines of a stream of bytes, under a cap. */
typedef struct ir_lines {
    ir_buf in;
    size_t taken;
} ir_lines;
void ir_lines_feed(ir_lines *l, const void *p, size_t len);
/* 1 with a line (without its end; borrowed until the next feed), 0: more is needed. */
int ir_must_use ir_lines_next(ir_lines *l, const char **ret_p, size_t *ret_len, imgrel_error *err);

/* Called with an object as it is now (NULL: there is none), changed: not just because time went
 * by. 1: enough, 0: go on, or a code. */
typedef int ir_follow_fn(void *user, const ir_json *object, bool changed, imgrel_error *err);
/* Follows one object by GET and watch, through ends, breaks and "too old", until fn has enough. */
int ir_must_use ir_kube_follow(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                               int64_t tick_ms, ir_follow_fn *fn, void *user, imgrel_error *err);

/* ---- secret.c -------------------------------------------------------------------------------- */

/* The login of an entry of `auths`: `auth`, or username and password. EPROTO: it cannot be
 * decoded. Both are the caller's; wipe the secret. */
int ir_must_use ir_secret_entry(const ir_json *entry, char **ret_user, char **ret_secret,
                                imgrel_error *err);

/* ---- pod.c, diagnose.c ----------------------------------------------------------------------- */

/* A pod's events, oldest first, of this uid only. */
int ir_must_use ir_kube_events(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                               const char *uid, ir_json **ret, imgrel_error *err);
/* Is condition TYPE "True", as kubectl wait reads it? */
bool ir_kube_condition(const ir_json *object, const char *type);

int ir_must_use ir_kube_pod_check(const ir_pod_spec *spec, const char *kind, imgrel_error *err);
/* {"metadata", "spec"} of a pod, without a name. */
ir_json *ir_kube_pod_template(const ir_pod_spec *spec);

/* "a=b,c=d" of a map of labels. */
int ir_must_use ir_kube_selector_text(const ir_json *labels, ir_buf *out, imgrel_error *err);
/* Is owner among the object's ownerReferences? Which revision of a deployment is a replica set; 0:
 * none. */
bool ir_kube_owned_by(const ir_json *object, const ir_json *owner);
int64_t ir_kube_revision(const ir_json *object);

/* ---- log lines, page: pure ------------------------------------------------------------------- */

/* Log lines with their times in front, over several tries: what was given out is left out. */
typedef struct ir_logjoin {
    bool timestamps;         /* give the times out too */
    int64_t last_s, last_ns; /* time of the newest line that was begun; last_s 0: none */
    uint64_t n_same;         /* whole lines given out that have this time */
    uint64_t partial;        /* bytes given out of the line that was cut */
    bool any, refused;       /* a line has begun; the server said `said` instead of a log */
    char said[512];
    size_t n_said;
    /* of this try */
    int state;
    bool resumed;            /* still within what is known */
    uint64_t seen_same, skip;
    char head[64];
    size_t n_head;
} ir_logjoin;
typedef int ir_logjoin_fn(void *user, const char *p, size_t len, imgrel_error *err);
/* A container's log as it comes; spec without what is for many. */
int ir_must_use ir_kube_logs_to(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                                const ir_log_spec *spec, ir_logjoin_fn *out, void *user,
                                imgrel_error *err);
void ir_logjoin_begin(ir_logjoin *j); /* a new try */
int ir_must_use ir_logjoin_feed(ir_logjoin *j, const char *p, size_t len, ir_logjoin_fn *fn,
                                void *user, imgrel_error *err);
/* The log has ended, maybe without a line end. */
int ir_must_use ir_logjoin_end(ir_logjoin *j, ir_logjoin_fn *fn, void *user, imgrel_error *err);

/* One HTTP/1.1 response, bytes in, status and body out. */
typedef struct ir_page_reader {
    ir_buf in;             /* head, lines, chunk sizes */
    ir_buf *body;
    int status, state;
    bool chunked;
    int64_t left;          /* of the body or chunk; -1: to the end of the connection */
    size_t taken;
} ir_page_reader;
/* 1: the response is whole, 0: more is needed, or EPROTO / ELIMIT. */
int ir_must_use ir_page_feed(ir_page_reader *r, const char *p, size_t len, imgrel_error *err);
/* The connection has ended: 0 if that ends the response, else EPROTO. */
int ir_must_use ir_page_end(ir_page_reader *r, imgrel_error *err);

#endif
