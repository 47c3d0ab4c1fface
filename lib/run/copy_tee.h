/* copy_tee.h - one source of bytes read by several at their own pace, through one fixed buffer. */
#ifndef IR_RUN_COPY_TEE_H
#define IR_RUN_COPY_TEE_H

#include "net/call.h"

typedef struct ir_tee ir_tee;
/* Up to len bytes, 0 at the end, or a code. Called by one reader at a time, on its thread. */
typedef int64_t ir_tee_source_fn(void *user, const ir_call *call, void *buf, size_t len,
                                 imgrel_error *err);
/* ended: called once when the last reader has left. */
int ir_must_use ir_tee_new(unsigned n_readers, ir_tee_source_fn *source,
                           void (*ended)(void *user), void *user, ir_tee **ret, imgrel_error *err);
/* Reader i is at work: the others wait for it when it falls behind. False: it came too late, the
 * others have gone on without it. */
bool ir_must_use ir_tee_join(ir_tee *t, unsigned i);
/* Up to len bytes for reader i, 0 at the end, or a code (the source's own failure is every
 * reader's). Waits for the slowest when the buffer is full, as the call says. */
int64_t ir_must_use ir_tee_read(ir_tee *t, unsigned i, const ir_call *call, void *buf, size_t len,
                                imgrel_error *err);
/* Reader i wants no more. As often as you like. */
void ir_tee_leave(ir_tee *t, unsigned i);
void ir_tee_free(ir_tee *t); /* after all have left; NULL is fine */

#endif
