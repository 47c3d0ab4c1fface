/* support.h - what the tests of lib/net share: a session with short times, its log, and the double
 * that it talks to. */
#ifndef IR_TESTS_NET_SUPPORT_H
#define IR_TESTS_NET_SUPPORT_H

#include "base/fd.h"
#include "base/limits.h"
#include "double.h"
#include "net/http.h"
#include "net/session.h"
#include "unit.h"

#include <stdlib.h>

/* How much longer things may take: sanitizers multiply what TLS costs. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NET_SLOWER 10
#else
#define NET_SLOWER 1
#endif

typedef struct net {
    ir_session *session;
    ir_call call;
    imgrel_error err;
    ir_reply reply;
} net;

/* Retries after at most 10 ms, silence is a stall after 400 ms, nothing of the user's is read. */
void net_start(net *n, void (*tune)(ir_conf *conf));
void net_stop(net *n);
/* One request for base + path; n->reply and n->err are renewed. req may be NULL. */
int net_do(net *n, const char *base, const char *path, const ir_request *req);
/* A source of `size` bytes, all 'x', that fails once fail_at (not 0) are given. */
typedef struct net_source {
    int64_t size, at;
    int rewinds;
    int64_t fail_at;
} net_source;
/* A PUT of it. */
ir_request net_upload(net_source *s, bool rewinds);
/* A sink's write into an ir_buf. */
int net_to_buf(void *user, const void *p, size_t len, imgrel_error *err);
/* What was logged since net_start. */
bool net_logged(const char *text);
/* A fresh folder in /tmp; removed by net_stop. */
const char *net_dir(void);
/* A file in it; its path is valid until net_stop. */
const char *net_file(const char *name, const char *text, unsigned mode);

#endif
