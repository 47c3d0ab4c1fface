/* header.h - header values as data: Link, Range, Content-Range, Retry-After, dates, Warning. */
#ifndef IR_FMT_HEADER_H
#define IR_FMT_HEADER_H

#include "base/buf.h"

/* The target of rel="next" in a Link value (RFC 8288), malloc'ed; NULL if there is none. */
char *ir_link_next(const char *value);
/* "bytes 0-99/1000" (total -1 for '*'). */
bool ir_content_range(const char *value, int64_t *ret_first, int64_t *ret_last, int64_t *ret_total);
/* An upload's "Range: 0-99" or "bytes=0-99": the offset that comes next (100). */
bool ir_upload_offset(const char *value, int64_t *ret_next);
/* Seconds or an HTTP date (now_s: seconds since 1970) -> ms from now, at least 0. */
bool ir_retry_after(const char *value, int64_t now_s, int64_t *ret_ms);
/* What is left of a server's rate limit; -1: it does not say. */
typedef struct ir_rate {
    int64_t limit, remaining;
    int64_t reset_s;  /* from now, until there are more */
    int64_t window_s; /* over which the limit counts ("100;w=21600") */
} ir_rate;
/* From RateLimit-Limit, -Remaining and -Reset (seconds, or since 1970), or the one RateLimit header
 * of later drafts ("limit=100, remaining=9, reset=30" or "\"p\";r=9;t=30"); each may be NULL.
 * False: how many remain is not said. */
bool ir_rate_limit(const char *limit, const char *remaining, const char *reset, const char *both,
                   int64_t now_s, ir_rate *ret);
/* RFC 9110 IMF-fixdate, RFC 850 and asctime -> seconds since 1970. */
bool ir_http_date(const char *value, int64_t *ret_s);
/* RFC 3339 ("2026-11-22T10:00:00Z", with fraction or offset) <-> seconds since 1970. */
bool ir_rfc3339(const char *value, int64_t *ret_s);
void ir_rfc3339_format(int64_t s, char ret[32]);

#endif
