/* api.h - what every public wrapper does: from a client and opts to a call, and back. */
#ifndef IR_API_API_H
#define IR_API_API_H

#include <imgrel/client.h>
#include "fmt/json.h"
#include "net/call.h"

#include <sys/types.h>

/* Reads opts by its size (unknown tail must be zero: EUNSUPPORTED; size 0: EINVAL), makes the
 * client's session at the first call, refuses a forked child (EFORKED), and fills a call. */
int ir_must_use ir_api_call(imgrel_client *c, const imgrel_opts *o, ir_call *ret,
                            imgrel_error *err);
/* EFORKED in a child of the process that made the client. */
int ir_must_use ir_api_alive(const imgrel_client *c, imgrel_error *err);

/* A spec in the caller's own words: what is wrong with it is EINVAL. what names it. */
int ir_must_use ir_spec_parse(const char *text, const char *what, ir_json **ret,
                              imgrel_error *err);

/* What an iterator is made of: next gives 1 with *ret (borrowed until the next call), 0, or a
 * code; it is given the call of the opening. free frees state. */
typedef struct ir_iter_ops {
    int (*next)(const ir_call *call, void *state, const char **ret, imgrel_error *err);
    void (*free)(void *state);
} ir_iter_ops;
/* Takes state, and frees it on failure too. The opts' strings are copied. */
int ir_must_use ir_iter_new(imgrel_client *c, const imgrel_opts *o, const ir_iter_ops *ops,
                            void *state, imgrel_iter **ret, imgrel_error *err);

#endif
