/* buf.h - a growing string of bytes with a cap at birth and a failure that sticks, so that a chain
 * of appends is checked once. Zero-initialised with IR_BUF(max) it owns nothing. The bytes are
 * always followed by a NUL that is not counted. */
#ifndef IR_BASE_BUF_H
#define IR_BASE_BUF_H

#include "base/error.h"
#include <stdbool.h>
#include <stdarg.h>

typedef struct ir_buf {
    char *p;    /* NULL while empty and never grown */
    size_t len, cap, max;
    int bad;    /* 0, IMGREL_ENOMEM or IMGREL_ELIMIT: the first failure of a chain */
    bool secret; /* wipe before every free and move */
} ir_buf;
#define IR_BUF(limit) { .max = (limit) }
#define IR_BUF_SECRET(limit) { .max = (limit), .secret = true }

void ir_buf_add(ir_buf *b, const void *p, size_t len);
void ir_buf_adds(ir_buf *b, const char *s);
void ir_buf_addc(ir_buf *b, char c);
void ir_buf_addf(ir_buf *b, const char *fmt, ...) IR_PRINTF(2, 3);
void ir_buf_addv(ir_buf *b, const char *fmt, va_list ap);
/* Room for len more bytes at the end, uncounted; NULL when bad. Then ir_buf_added(). */
char *ir_buf_room(ir_buf *b, size_t len);
void ir_buf_added(ir_buf *b, size_t len);
/* Forgets the content, keeps the memory; clears bad. */
void ir_buf_clear(ir_buf *b);
void ir_buf_truncate(ir_buf *b, size_t len);
/* Takes len bytes off the front: for what is read in pieces. */
void ir_buf_drop(ir_buf *b, size_t len);
/* 0, or the sticky failure told as "what: too long / out of memory". */
int ir_must_use ir_buf_check(const ir_buf *b, imgrel_error *err, const char *what);
/* The text, "" when empty; never NULL. */
const char *ir_buf_str(const ir_buf *b);
/* Gives the bytes away (malloc'ed, NUL-terminated, "" when empty); NULL when bad. b is reset. */
char *ir_buf_take(ir_buf *b);
void ir_buf_free(ir_buf *b);
static inline void ir_buf_auto(ir_buf *b) { ir_buf_free(b); }

#endif
