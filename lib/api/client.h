/* client.h - what an imgrel_client holds. Until its first network call it is the caller's alone;
 * that call turns the configuration into a session, and nothing changes after that. */
#ifndef IR_API_CLIENT_H
#define IR_API_CLIENT_H

#include "api/api.h"

#include <pthread.h>

struct imgrel_client {
    ir_conf conf;          /* empty once there is a session */
    ir_log log;
    ir_strv shown;         /* what imgrel_client_get gave out for keys that are not text inside */
    pthread_mutex_t lock;  /* guards session's birth */
    ir_session *session;
    pid_t owner;           /* the process that made it */
};

/* conf.c: the table. */
int ir_must_use ir_conf_defaults(ir_conf *conf, imgrel_error *err);
int ir_must_use ir_conf_from_env(ir_conf *conf, imgrel_error *err);
int ir_must_use ir_conf_set(ir_conf *conf, const char *key, const char *value, imgrel_error *err);
/* The value as text, malloc'ed; NULL when it is unset, secret or no key. */
char *ir_conf_get(const ir_conf *conf, const char *key);

#endif
