/* mirrors.h - where a repository is to be had: its mirrors in order, then its origin. From
 * registries.conf (key registries_conf) and containerd's hosts.toml (key hosts_dirs), which are
 * read only when the configuration says so; hosts.toml goes first where it has the host. */
#ifndef IR_NET_MIRRORS_H
#define IR_NET_MIRRORS_H

#include "fmt/ref.h"
#include "net/http.h"

typedef struct ir_endpoint {
    char *url;        /* of the repository there: "https://mirror.lan/v2/library/nginx" */
    char *query;      /* of each request, "ns=docker.io"; NULL: none */
    char *host;       /* whose login goes there: "mirror.lan:5000" */
    char *repository; /* as a token's scope names it; NULL: only its challenge knows */
    char **headers;   /* as ir_request has them; NULL: none */
    ir_tls tls;       /* its texts are the endpoint's own */
    bool has_tls;
} ir_endpoint;

typedef struct ir_endpoints {
    ir_endpoint *v; /* the last is the origin */
    size_t n;
} ir_endpoints;

/* mirrors: what is read may come from elsewhere; else the origin alone, where pushes go. A host
 * that a rule of the call names has no mirrors. EDENIED: the registry is blocked; EINVAL, EIO: a
 * file of rules is wrong or can't be read. */
int ir_must_use ir_endpoints_find(const ir_call *call, const ir_ref *ref, bool mirrors,
                                  ir_endpoints *ret, imgrel_error *err);
void ir_endpoints_free(ir_endpoints *e);
void ir_endpoint_free(ir_endpoint *e);

/* Inside: */
/* Takes e. */
int ir_must_use ir_endpoints_add(ir_endpoints *all, ir_endpoint *e, imgrel_error *err);
/* What the hosts.toml of ref's host says, the origin too unless it says nothing of it; ret is empty
 * where there is none (mirrors_hosts.c). */
int ir_must_use ir_endpoints_from_hosts(const ir_call *call, const ir_ref *ref, bool mirrors,
                                        ir_endpoints *ret, imgrel_error *err);

#endif
