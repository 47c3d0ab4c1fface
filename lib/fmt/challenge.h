/* challenge.h - WWW-Authenticate (RFC 9110 section 11.6.1): several challenges, quoted commas. */
#ifndef IR_FMT_CHALLENGE_H
#define IR_FMT_CHALLENGE_H

#include "base/error.h"

#define IR_CHALLENGES_MAX 8
#define IR_CHALLENGE_PARAMS_MAX 16
typedef struct ir_challenge {
    char *scheme; /* lower case */
    struct { char *name, *value; } param[IR_CHALLENGE_PARAMS_MAX]; /* names in lower case */
    size_t n_params;
} ir_challenge;
typedef struct ir_challenges { ir_challenge v[IR_CHALLENGES_MAX]; size_t n; } ir_challenges;

/* Adds a header's challenges to ret. 0, or EPROTO / ENOMEM; what was read so far stays valid. */
int ir_must_use ir_challenge_parse(const char *value, ir_challenges *ret, imgrel_error *err);
const ir_challenge *ir_challenge_find(const ir_challenges *c, const char *scheme);
const char *ir_challenge_param(const ir_challenge *c, const char *name);
void ir_challenges_free(ir_challenges *c);

#endif
