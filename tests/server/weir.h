/* weir.h - a proxy for tests that spoils one exchange between a client and a server: it hands HTTP
 * on as it is, counts bodies, keeps what was asked, and acts by rules on the way. Plain HTTP only.
 *
 *     weir *w = weir_start(port_of_the_server);
 *     weir_on(w, &(weir_rule){ .method = "GET", .path = "/blobs/", .fault = WEIR_RESET,
 *                              .after = 2000000, .times = 1 });
 *
 * Rules are tried in their order; each acts `times` times. */
#ifndef IR_TESTS_WEIR_H
#define IR_TESTS_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir weir;

enum weir_fault {
    WEIR_FINE,
    WEIR_RESET,
    WEIR_CLOSE,
    WEIR_STALL,
    WEIR_CORRUPT,
    WEIR_STATUS,
    WEIR_NO_RANGE /* the server does not get to see the header Range */
};

typedef struct weir_rule {
    const char *method;  /* NULL: any */
    const char *path;    /* a text that the target must hold; NULL: any */
    const char *without; /* and one that it must not; NULL */
    bool ranged;         /* only requests with the header Range */
    unsigned times;      /* 0: always */
    unsigned skip;       /* so many are let pass before */
    enum weir_fault fault;
    int64_t after;       /* at that byte of the request's body if it has one, else of the reply's;
                          * -1: before the reply, of which the server knows nothing */
    int status;          /* of WEIR_STATUS: instead of handing it on */
    const char *headers; /* "Name: value\r\n" of it; NULL */
    int64_t rate;        /* bytes a second of both bodies; 0: as fast as can be */
} weir_rule;

typedef struct weir_seen {
    unsigned requests;
    int64_t in, out; /* bytes of bodies that the client sent and was sent */
} weir_seen;

weir *weir_start(int server_port);
void weir_on(weir *w, const weir_rule *rule);
void weir_clear(weir *w); /* rules and counts, once no connection is open any more */
int weir_port(const weir *w);
/* From now on connections are refused, for so many milliseconds. */
void weir_refuse(weir *w, int ms);
/* Of all requests whose method is that (NULL: any) and whose target holds the text. */
weir_seen weir_count(weir *w, const char *method, const char *path);
/* The log of requests, a line each; the caller's. */
char *weir_log(weir *w);
void weir_stop(weir *w);

#endif
