/* http.h - one HTTP exchange, done right: pooled connections, our own redirects under the origin
 * policy (origin.h), authentication (auth.h), retries (retry.h), stall detection, deadline, cancel.
 * With upgrade.h the only users of curl. Every function may block and ends as the call says. */
#ifndef IR_NET_HTTP_H
#define IR_NET_HTTP_H

#include "base/buf.h"
#include "net/call.h"

/* Where a body comes from: bytes at hand (p, len), or a source. */
typedef struct ir_body {
    const void *p;
    size_t len;
    /* Up to len bytes into buf: their number, 0 at the end, or a code. NULL: p and len. */
    int64_t (*read)(void *user, void *buf, size_t len, imgrel_error *err);
    /* Back to the start, for another try; NULL: can't be sent twice. */
    int (*rewind)(void *user, imgrel_error *err);
    /* Begins at byte `from` instead; a file holds those before it, for who verifies the whole.
     * fd -1: the one who takes the bytes does. NULL or a code: it does not. */
    int (*resume)(void *user, int fd, int64_t from, imgrel_error *err);
    /* All of it into a file, whose data (but its holes) came from it before: 1: done and verified;
     * 0: it must be read; or a code. NULL: it can't. */
    int (*fetch)(void *user, int fd, imgrel_error *err);
    void *user;
    int64_t size; /* of a source; -1: unknown (chunked) */
    bool verified; /* read fails before the end if the bytes are not those of their digest */
} ir_body;

/* Where a reply's body goes instead of into ir_reply.body; called for a 2xx reply only. */
typedef struct ir_sink {
    int (*write)(void *user, const void *p, size_t len, imgrel_error *err);
    void *user;
} ir_sink;

/* Who authenticates. A registry is asked first and answers with a challenge. */
enum ir_auth_kind { IR_AUTH_NONE, IR_AUTH_REGISTRY, IR_AUTH_BASIC, IR_AUTH_BEARER };
typedef struct ir_auth {
    enum ir_auth_kind kind;
    const char *host;                 /* REGISTRY: as references name it, for the login look-up */
    const char *user, *secret;        /* BASIC: sent at once; BEARER: secret is the token */
    const char *const *scopes;        /* REGISTRY: "repository:a/b:pull,push", of the whole job */
    size_t n_scopes;
} ir_auth;

/* TLS of a client that brings its own (a kubeconfig); NULL members: nothing. PEM texts. */
typedef struct ir_tls {
    const char *ca_pem, *cert_pem, *key_pem;
    const char *server_name;          /* checked and sent instead of the URL's host */
    const char *proxy;                /* this one, whatever the configuration says */
    bool insecure;
    bool beside;                      /* added to what is known of the host, not instead of it */
} ir_tls;

#define IR_HTTP_ONE_TRY 1u      /* no retry: the caller repeats or the request can't be */
#define IR_HTTP_REPEATABLE 2u   /* may be retried though it is no GET, HEAD, PUT or DELETE */
#define IR_HTTP_NO_REDIRECT 4u  /* give a 3xx as it is */
#define IR_HTTP_H1 8u           /* bulk bytes: HTTP/1.1 on a connection of its own */
#define IR_HTTP_NO_STALL 16u    /* silence is normal here (watch, logs -f) */
#define IR_HTTP_ANY_BODY 32u    /* give the sink bodies of every status */
#define IR_HTTP_PROMPT 256u     /* with NO_STALL: silence is normal only after the head (watch) */
#define IR_HTTP_NO_CERT 128u    /* the configuration's client certificate is not for there */
#define IR_HTTP_ONCE 256u       /* does harm twice: no connection that curl would try again after */
#define IR_HTTP_BRIEF 64u       /* one try, its token's too: there is another place to ask */

typedef struct ir_request {
    const char *method;             /* NULL: GET */
    const char *url;                /* absolute */
    const char *accept, *content_type;
    const char *const *headers;     /* "Name: value", NULL-terminated: to the URL's origin only */
    ir_body body;
    const ir_sink *sink;
    size_t body_max;                /* cap of reply.body; 0: IR_ERROR_BODY_MAX */
    const char *range;              /* "0-99": a closed range */
    const ir_auth *auth;            /* NULL: anonymous */
    const ir_tls *tls;              /* NULL: by the configuration and certs.d of the host */
    const char *socket;             /* a unix socket to connect to; the URL only says the rest */
    const char *what;               /* named in progress and errors; NULL: method and path */
    unsigned flags;
} ir_request;

typedef struct ir_reply {
    int status;
    unsigned tries;  /* how often it was sent */
    ir_buf headers;  /* "name: value" lines, each ended by NUL, names in lower case */
    ir_buf body;
    char *url;       /* that answered, after redirects */
    char *user;      /* of a registry's 401 or 403: whose login was sent; NULL: nobody's */
} ir_reply;

/* 0 when a reply came, whatever its status (retries for 429 and 5xx are then used up); else
 * ENET, ETIMEOUT, ECANCELED, ELIMIT, EPROTO, EAUTH (a token could not be had), or the code of a
 * body's or sink's own failure. ret is to be freed in either case. */
int ir_must_use ir_http_do(const ir_call *call, const ir_request *req, ir_reply *ret,
                           imgrel_error *err);
/* The i-th value of a header, NULL past the last. name in lower case. */
const char *ir_reply_header(const ir_reply *reply, const char *name, size_t i);
void ir_reply_free(ir_reply *reply);
static inline void ir_reply_auto(ir_reply *r) { ir_reply_free(r); }

/* Fills err's status, request id, retryable, retry-after from a reply and fails with the code that
 * its status means (401 EAUTH, 403 EDENIED, 404 ENOTFOUND, 408 ETIMEOUT, 409 and 412 ECONFLICT,
 * 413 and 429 ELIMIT, 400 and 422 EINVAL, 5xx EFAILED, else EPROTO). reason: the server's code. */
int ir_reply_fail(const ir_request *req, const ir_reply *reply, const char *reason,
                  imgrel_error *err, const char *fmt, ...) IR_PRINTF(5, 6);

/* The same exchange, its body read bit by bit by the caller. */
typedef struct ir_stream ir_stream;
/* Returns once the head is there: ret has status and headers (body only unless 2xx). The call is
 * copied; what it points to must live until the stream is closed. */
int ir_must_use ir_http_open(const ir_call *call, const ir_request *req, ir_stream **ret_stream,
                             ir_reply *ret, imgrel_error *err);
/* Up to len bytes: their number, 0 at the end, or a code (ENET when the connection broke). */
int64_t ir_must_use ir_stream_read(ir_stream *s, void *buf, size_t len, imgrel_error *err);
/* Waits at most timeout_ms for bytes: 1 there are, 0 none, or a code. */
int ir_must_use ir_stream_wait(ir_stream *s, int64_t timeout_ms, imgrel_error *err);
void ir_stream_close(ir_stream *s); /* at any point; NULL is fine */

/* The base URL ("https://host:port", no slash at the end) by which a registry host is spoken to:
 * rules, then plain_http; a loopback host that is in neither is asked, once a session, whether it
 * speaks http. malloc'ed. */
int ir_must_use ir_host_url(const ir_call *call, const char *host, char **ret, imgrel_error *err);
/* The same of a host whose certificate need not be good, nor TLS be there at all: it is asked, once
 * a session, whether it speaks TLS. */
int ir_must_use ir_host_url_insecure(const ir_call *call, const char *host, char **ret,
                                     imgrel_error *err);

#endif
