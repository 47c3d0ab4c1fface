/* error.h - how the inside fails: one line, first error wins, the code is returned. */
#ifndef IR_BASE_ERROR_H
#define IR_BASE_ERROR_H

#include <imgrel/error.h>

#define ir_must_use __attribute__((warn_unused_result))
#define IR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Every __attribute__((cleanup)) in the tree goes through this one macro. */
#define IR_AUTO(type) __attribute__((cleanup(type##_auto))) type

/* Sets code and message unless err already holds a failure; returns code. err may be NULL.
 * ECANCELED from a token and ENOMEM have helpers so that their words are the same everywhere. */
int ir_fail(imgrel_error *err, int code, const char *fmt, ...) IR_PRINTF(3, 4);
/* The same and " (strerror)"; code EIO, or ENOMEM, ENOTFOUND, EDENIED as errnum says. */
int ir_fail_errno(imgrel_error *err, int errnum, const char *fmt, ...) IR_PRINTF(3, 4);
int ir_nomem(imgrel_error *err);
/* Sets what to do about it, if nothing is set yet; returns err's code (0 if err is NULL). */
int ir_cure(imgrel_error *err, const char *fmt, ...) IR_PRINTF(2, 3);
/* Puts "prefix: " before the message of a failure that is already there; returns its code. */
int ir_error_prefix(imgrel_error *err, const char *fmt, ...) IR_PRINTF(2, 3);
/* Forgets a failure (before a second attempt at the same thing). NULL is fine. */
void ir_error_clear(imgrel_error *err);

#endif
