/* reg.h - a registry that is played by the scripted double, and a store that speaks to it. */
#ifndef IR_TESTS_OCI_REG_H
#define IR_TESTS_OCI_REG_H

#include "double.h"
#include "net/support.h"
#include "oci/store.h"

#define REG_SIZE 3000
#define REG_REPO "team/app"

extern net reg_net;
extern dbl *reg_double;
extern char reg_text[REG_SIZE + 1];    /* a blob */
extern char reg_digest[IR_DIGEST_MAX]; /* its digest */
/* Starts the double and opens its repository team/app. */
ir_store *reg_begin(unsigned flags);
void reg_end(ir_store *s);
/* Its descriptor. */
ir_desc reg_desc(void);
/* "/v2/team/app" + rest, static. */
const char *reg_path(const char *fmt, ...) IR_PRINTF(1, 2);
/* A rule for that path. */
void reg_on(const char *method, const char *path, dbl_rule rule);
/* The i-th request of that kind has this header (value NULL: has it not). */
void reg_header(const char *method, const char *path, size_t i, const char *name,
                const char *value);
/* A small image's manifest, its digest in ret. */
const char *reg_manifest(char ret[IR_DIGEST_MAX]);

#endif
