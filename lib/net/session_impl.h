/* session_impl.h - the inside of a session, for this folder only. */
#ifndef IR_NET_SESSION_IMPL_H
#define IR_NET_SESSION_IMPL_H

#include "net/memo.h"
#include "net/pool.h"
#include "net/session.h"

#include <pthread.h>
#include <sys/types.h>

/* When bytes were last reported for a thing, by the hash of its name, and how fast they came. A
 * collision only means a report more. */
#define IR_THROTTLE_SLOTS 64
typedef struct ir_throttle {
    uint64_t key, done, rate;
    int64_t at_ms;
} ir_throttle;

/* How far apart the requests to an origin are (pace.h). */
#define IR_PACE_SLOTS 32
typedef struct ir_pace {
    uint64_t key;
    int64_t gap_ms, next_ms, until_ms;
} ir_pace;

struct ir_session {
    ir_conf conf;
    ir_log log;
    pid_t owner;            /* a forked child must not touch its parent's connections */
    struct ir_trust *trust; /* tls.h; made at the first https, under late_lock */
    struct ir_registries *registries; /* mirrors.h; read at the first image, under late_lock */
    pthread_mutex_t late_lock;
    pthread_mutex_t lock;  /* all below */
    pthread_cond_t landed; /* a flight ended (memo.h) */
    ir_strv flights;       /* keys that somebody is looking up right now */
    ir_memo *memos;        /* newest first */
    size_t n_memos;
    ir_lane *lanes; /* idle ones, warmest first */
    size_t n_lanes;
    CURLSH *share; /* made with the first lane */
    pthread_mutex_t share_lock; /* of what is in it */
    ir_pace paces[IR_PACE_SLOTS];
    ir_throttle throttle[IR_THROTTLE_SLOTS];
};

#endif
