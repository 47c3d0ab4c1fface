/* hosts.h - what is known of a host before it is spoken to: the call's rules, the configuration,
 * certs.d directories. */
#ifndef IR_NET_HOSTS_H
#define IR_NET_HOSTS_H

#include "fmt/url.h"
#include "net/call.h"

typedef struct ir_host {
    char *ca_file;    /* these authorities instead of the session's; NULL */
    char *ca_pem;     /* these beside the system's (certs.d); NULL */
    char *cert, *key; /* client certificate and key files; NULL */
    bool cert_is_own; /* they are this host's (certs.d), not everybody's */
    bool insecure;
    char *address; /* connect there: "addr:port", IPv6 in brackets; NULL */
} ir_host;

int ir_must_use ir_host_get(const ir_call *call, const ir_url *url, ir_host *ret,
                            imgrel_error *err);
void ir_host_free(ir_host *h);
static inline void ir_host_auto(ir_host *h)
{
    ir_host_free(h);
}
/* "localhost", 127.0.0.0/8, ::1. */
bool ir_host_is_loopback(const char *host);
/* pattern is "host" (any port) or "host:port"; host as in an ir_url. */
bool ir_host_matches(const char *pattern, const char *host, int port);

#endif
