/* url.h - URLs: parts, joining a Location, encoding; origins (scheme, host, port; RFC 6454). */
#ifndef IR_FMT_URL_H
#define IR_FMT_URL_H

#include "base/buf.h"

typedef struct ir_url {
    char *scheme; /* "http" or "https", lower case */
    char *host;   /* lower case, IPv6 in brackets */
    int port;     /* made explicit */
    char *path;   /* "/..." as sent, never empty */
    char *query;  /* without '?', NULL if none */
    char *user, *password; /* userinfo, decoded; NULL if none */
} ir_url;
/* http and https only, no control characters, at most IR_URL_MAX. The fragment is dropped. */
int ir_must_use ir_url_parse(const char *text, ir_url *ret, imgrel_error *err);
/* RFC 3986 section 5.2 against an absolute base. */
int ir_must_use ir_url_join(const char *base, const char *location, char **ret, imgrel_error *err);
void ir_url_free(ir_url *u);
static inline void ir_url_auto(ir_url *u) { ir_url_free(u); }
bool ir_url_same_origin(const ir_url *a, const ir_url *b);
/* "https://host:port" with default ports left out, malloc'ed. */
char *ir_url_origin(const ir_url *u);
/* Loopback, link-local, private or unspecified literal address, or "localhost". */
bool ir_url_is_local(const ir_url *u);
/* Percent-encodes all but unreserved characters. */
void ir_url_encode(ir_buf *out, const char *s);
/* Adds "?name=value" or "&name=value", encoded. */
void ir_url_add_query(ir_buf *url, const char *name, const char *value);

#endif
