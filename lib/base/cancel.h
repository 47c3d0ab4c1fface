/* cancel.h - the sticky token (imgrel_cancel) from the inside, and time. */
#ifndef IR_BASE_CANCEL_H
#define IR_BASE_CANCEL_H

#include <imgrel/client.h>
#include "base/error.h"

/* The descriptor that becomes readable when it is fired, never drained; -1 for NULL. */
int ir_cancel_poll_fd(const imgrel_cancel *t);
/* Milliseconds of a clock that never goes back. */
int64_t ir_now_ms(void);
/* Sleeps ms, or until the token fires (ECANCELED) or deadline_ms (0: none) passes (ETIMEOUT). */
int ir_must_use ir_sleep(const imgrel_cancel *t, int64_t ms, int64_t deadline_ms,
                         imgrel_error *err);
/* 0, ECANCELED or ETIMEOUT, as the token and the deadline stand. */
int ir_must_use ir_check_time(const imgrel_cancel *t, int64_t deadline_ms, imgrel_error *err);
/* Waits for poll events on fd as well: 1 ready, 0 after timeout_ms (-1: for ever), or a code. */
int ir_must_use ir_wait_fd(int fd, short events, const imgrel_cancel *t, int64_t timeout_ms,
                           int64_t deadline_ms, imgrel_error *err);

#endif
