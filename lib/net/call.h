/* call.h - one call on its way through the layers: who may end it, whom to tell, how to log in.
 * Everything below api takes a const ir_call *, never a public handle. A call is a value on the
 * caller's stack; a layer that wants to change something for what it calls copies it. */
#ifndef IR_NET_CALL_H
#define IR_NET_CALL_H

#include "base/cancel.h"
#include "base/log.h"
#include "net/session.h"

/* A login that stands before every store, for its host ("harbor.lan") or for what is under a path
 * of it ("harbor.lan/library"); first match wins. user "" means: anonymous there. */
typedef struct ir_login { const char *host, *user, *secret; } ir_login;

/* What a caller knows of a host beyond the configuration; first match wins. */
typedef struct ir_host_rule {
    const char *host;    /* "core.harbor.domain" as references name it */
    const char *url;     /* "http://core.harbor.domain:8080": scheme and port to use; NULL */
    const char *address; /* connect there instead of what DNS says, "127.0.0.1[:port]"; NULL */
    const char *ca_file; /* NULL: the configuration's */
    bool insecure;
} ir_host_rule;

struct ir_board; /* where the workers of a call leave their progress (work.h) */

typedef struct ir_call {
    ir_session *session;
    const imgrel_cancel *cancel;
    int64_t deadline_ms; /* by ir_now_ms(); 0: none */
    imgrel_progress_fn *progress;
    void *user;
    struct ir_board *board; /* set in a worker: reports go there instead of to progress */
    const char *platform;
    uint32_t jobs, flags;
    const ir_login *logins;
    size_t n_logins;
    const ir_host_rule *rules;
    size_t n_rules;
} ir_call;

#define IR_FORCE(call) (((call)->flags & IMGREL_FLAG_FORCE) != 0)
#define IR_DRY_RUN(call) (((call)->flags & IMGREL_FLAG_DRY_RUN) != 0)
#define IR_FAST(call) (((call)->flags & IMGREL_FLAG_FAST) != 0)

const ir_log *ir_call_log(const ir_call *call);
const ir_conf *ir_call_conf(const ir_call *call);
/* 0, or ECANCELED / ETIMEOUT: as the token, the deadline and the progress callback stand. */
int ir_must_use ir_call_check(const ir_call *call, imgrel_error *err);
/* Reports; a callback that says stop gives ECANCELED. Bytes are passed on at most 10 times a
 * second per `what`, but always when done equals total. */
int ir_must_use ir_progress(const ir_call *call, uint32_t kind, const char *what,
                            const char *detail, uint64_t done, uint64_t total, uint32_t attempt,
                            imgrel_error *err);

#endif
