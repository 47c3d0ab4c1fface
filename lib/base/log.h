/* log.h - structured records to the client's callback, redacted here and nowhere else. */
#ifndef IR_BASE_LOG_H
#define IR_BASE_LOG_H

#include <imgrel/client.h>
#include "base/error.h"

typedef struct ir_log {
    imgrel_log_fn *fn; /* NULL: nobody listens */
    void *user;
    uint32_t level;    /* least important that is wanted */
} ir_log;

/* fields: pairs "key", "value", ..., NULL. Values of keys that hold secrets (authorization,
 * password, token, secret) and userinfo and query values of URLs are replaced by "***". */
void ir_log_say(const ir_log *log, uint32_t level, const char *component, const char *message, ...)
    __attribute__((sentinel));
/* Writes text with userinfo and query values of every URL in it redacted; dst is terminated. */
void ir_redact(const char *text, char *dst, size_t len);

#endif
