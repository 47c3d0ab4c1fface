/* str.h - small helpers on C strings and memory. */
#ifndef IR_BASE_STR_H
#define IR_BASE_STR_H

#include "base/error.h"
#include <stdbool.h>
#include <string.h>

char *ir_strdup(const char *s);              /* NULL in, NULL out */
char *ir_strndup(const char *s, size_t len);
char *ir_format(const char *fmt, ...) IR_PRINTF(1, 2); /* malloc'ed; NULL: no memory */
bool ir_starts(const char *s, const char *prefix);
bool ir_ends(const char *s, const char *suffix);
bool ir_streq(const char *a, const char *b); /* NULL equals NULL only */
bool ir_is_lower_alnum(char c);              /* ASCII only, whatever the locale */
/* Bytes of the UTF-8 character at s (NUL-terminated), 0: it is none (overlong, a surrogate ...). */
size_t ir_utf8_len(const char *s);
/* Decimal, no sign, no blanks, whole string, at most max. */
bool ir_parse_u64(const char *s, unsigned long long max, unsigned long long *ret);
/* "500ms", "15s", "10m", "1h", "30d", or a bare number of seconds -> milliseconds. */
bool ir_parse_duration(const char *s, int64_t *ret_ms);
/* Control characters (C0, C1, DEL) become blanks: for texts of others that people get to see. */
void ir_one_line(char *s);
void ir_wipe(void *p, size_t len);           /* not optimised away; NULL is fine */
void ir_free_secret(char *s);                /* wipes the string, then frees; NULL is fine */
bool ir_equal_secret(const char *a, const char *b); /* constant time in the content */

/* A list of strings that owns them. */
typedef struct ir_strv { char **v; size_t n; } ir_strv;
int ir_must_use ir_strv_add(ir_strv *l, const char *s);           /* 0 or ENOMEM; copies */
/* Trims blanks, skips empties. */
int ir_must_use ir_strv_split(ir_strv *l, const char *s, char sep);
bool ir_strv_has(const ir_strv *l, const char *s);
void ir_strv_sort(ir_strv *l);                                    /* bytewise */
void ir_strv_free(ir_strv *l);
static inline void ir_strv_auto(ir_strv *l) { ir_strv_free(l); }

#endif
