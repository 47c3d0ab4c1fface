/* double_impl.h - the inside of the double: double.c has the life, double_http.c the talking. */
#ifndef IR_TESTS_DOUBLE_IMPL_H
#define IR_TESTS_DOUBLE_IMPL_H

#include "double.h"

#include <openssl/ssl.h>
#include <pthread.h>

#define HEAD_MAX (256 * 1024)
#define KEEP_MAX (64 * 1024)
#define CONNECTIONS_MAX 256

struct dbl {
    dbl_conf conf;
    int fd, port;
    char url[64];
    SSL_CTX *tls;
    pthread_t acceptor;
    pthread_mutex_t lock; /* all below */
    bool stopping;
    pthread_t *threads; /* one a connection, joined by dbl_stop */
    unsigned connections;
    int fds[CONNECTIONS_MAX];
    dbl_rule *rules;
    unsigned *used;
    size_t n_rules;
    dbl_request **requests;
    size_t n_requests;
};

typedef struct conn {
    dbl *d;
    int fd;
    unsigned number;
    SSL *ssl;
    char in[HEAD_MAX];
    size_t len; /* of what is in `in` */
} conn;

void *dbl_must(void *p); /* ends the process for NULL */
void dbl_nap(int ms);
long dbl_recv(conn *c, void *p, size_t len);
bool dbl_send(conn *c, const char *p, size_t len);
void dbl_stall(conn *c); /* until the other side or the test goes away */
bool dbl_asked(const dbl_request *r, const char *method, const char *path);
void dbl_serve(conn *c); /* requests of a connection until it is to be closed */

#endif
