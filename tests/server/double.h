/* double.h - a scripted HTTP double for tests: a server on a free loopback port that answers by
 * rules, fails on demand, and keeps what it was sent. Plain or TLS; also a proxy (CONNECT goes to
 * the port that is asked for, on loopback; absolute URLs are answered by the rules).
 *
 *     dbl *d = dbl_start(NULL);
 *     dbl_on(d, &(dbl_rule){ .path = "/v2/", .status = 503, .times = 1 });
 *     dbl_on(d, &(dbl_rule){ .path = "/v2/", .body = "{}" });
 *     ... dbl_url(d) ...
 *     ck_assert_uint_eq(dbl_count(d, NULL, "/v2/"), 2);
 *     dbl_stop(d);
 *
 * The first rule that matches and has not been used up answers; none: 404. */
#ifndef IR_TESTS_DOUBLE_H
#define IR_TESTS_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dbl dbl;
typedef struct dbl_pki dbl_pki;

typedef struct dbl_conf {
    const dbl_pki *pki;     /* TLS with its server certificate; NULL: plain */
    bool want_client_cert;  /* refuses a client without one of the pki */
    bool any_client_cert;   /* takes it without a look, as an API server does */
    bool mute;              /* takes connections and never says a word, not even in TLS */
    int listen_after_ms;    /* until then connections are refused */
    const char *greeting;   /* said at once, then the connection is closed; NULL */
    const char *proxy_auth; /* Proxy-Authorization that CONNECT and absolute URLs must have */
} dbl_conf;

enum dbl_fault { DBL_FINE, DBL_RESET, DBL_CLOSE, DBL_STALL };

typedef struct dbl_rule {
    const char *method;         /* NULL: any */
    const char *path;           /* path and query; "...*" is a prefix; NULL: any */
    const char *with_header;    /* only if the request has this text in its head; NULL */
    const char *without_header; /* only if it has not; NULL */
    unsigned times;             /* how often it answers; 0: always */
    int status;                 /* 0: 200 */
    const char *headers;        /* "Name: value\r\n", any number; NULL: none */
    const char *body;           /* NULL: empty */
    size_t body_len;            /* 0: strlen(body) */
    int delay_ms;               /* before the reply */
    enum dbl_fault fault;
    long after;       /* the fault comes after so many bytes of the reply's body */
    bool before_head; /* or before the reply's head */
    long after_read;  /* or (not 0) once so many bytes of the request's body were read */
    const char *raw;  /* these bytes instead of a reply, then close */
    const char *echo; /* after the reply: this, then whatever comes is sent back */
    int pause_ms;     /* between each 1 KiB of the body */
} dbl_rule;

typedef struct dbl_request {
    char *method, *target, *head; /* head: all of it as it came */
    char *body;                   /* its first 64 KiB, NUL-terminated */
    size_t body_len;              /* all of it */
    unsigned connection;          /* number of the connection that it came by, from 1 */
    char *client;                 /* common name of the client certificate; NULL: none */
} dbl_request;

dbl *dbl_start(const dbl_conf *conf);
void dbl_on(dbl *d, const dbl_rule *rule);
const char *dbl_url(const dbl *d);  /* "http://127.0.0.1:PORT" */
const char *dbl_host(const dbl *d); /* "127.0.0.1:PORT" */
int dbl_port(const dbl *d);
/* Requests so far, by method and path as a rule has them. */
size_t dbl_count(dbl *d, const char *method, const char *path);
/* The i-th of those, from 0; NULL past the last. Lives until dbl_stop. */
const dbl_request *dbl_get(dbl *d, const char *method, const char *path, size_t i);
/* A request header's value, malloc'ed; NULL if it has none. */
char *dbl_header(const dbl_request *r, const char *name);
/* Whether a text occurs anywhere in what was sent: for secrets that must not arrive. */
bool dbl_saw(dbl *d, const char *text);
unsigned dbl_connections(dbl *d);
void dbl_stop(dbl *d);

/* A certificate authority, a server certificate for 127.0.0.1 and names ("a.example,b.example"),
 * and a client certificate, as PEM files in a temporary folder. */
dbl_pki *dbl_pki_new(const char *names);
enum dbl_pki_file { DBL_CA, DBL_CERT, DBL_KEY, DBL_CLIENT_CERT, DBL_CLIENT_KEY, DBL_PKI_FILES };
/* The same with one certificate that ended an hour ago: DBL_CERT or DBL_CLIENT_CERT. */
dbl_pki *dbl_pki_new_expired(const char *names, enum dbl_pki_file which);
const char *dbl_pki_path(const dbl_pki *p, enum dbl_pki_file which);
void dbl_pki_free(dbl_pki *p); /* removes the files */

#endif
