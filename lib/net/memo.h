/* memo.h - what a session remembers between requests: tokens, challenges, logins, how a host is
 * spoken to. Strings by key, each until its time; at most IR_MEMO_MAX, the oldest is forgotten
 * first; wiped when forgotten. Any thread. */
#ifndef IR_NET_MEMO_H
#define IR_NET_MEMO_H

#include "base/str.h"
#include "net/call.h"

#define IR_MEMO_MAX 512
#define IR_MEMO_FOREVER INT64_MAX

typedef struct ir_memo {
    struct ir_memo *next;
    char *key;
    ir_strv value;
    int64_t until_ms;
} ir_memo;

/* 1 with a copy in ret (free it with ir_secrets_free), 0 when it is not known, or ENOMEM. */
int ir_must_use ir_memo_get(ir_session *s, const char *key, ir_strv *ret, imgrel_error *err);
/* Replaces what the key had. */
int ir_must_use ir_memo_put(ir_session *s, const char *key, const ir_strv *value, int64_t ttl_ms,
                            imgrel_error *err);
/* Forgets every key that starts with prefix. */
void ir_memo_forget(ir_session *s, const char *prefix);
void ir_secrets_free(ir_strv *l); /* wipes */

/* So that many workers that want one thing ask for it once: the first enters, the others wait
 * until it has left (0; ECANCELED, ETIMEOUT), enter in turn, and look into the memo again. */
int ir_must_use ir_flight_enter(const ir_call *call, const char *key, imgrel_error *err);
void ir_flight_leave(const ir_call *call, const char *key);

#endif
