/* double.c - the scripted HTTP double: a thread that accepts, a thread a connection. */
#include "double_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void *dbl_must(void *p)
{
    if (!p) {
        fputs("double: out of memory\n", stderr);
        abort();
    }
    return p;
}

void dbl_nap(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static void *connection(void *arg)
{
    conn *c = arg;
    dbl *d = c->d;
    bool good = true;
    if (d->conf.mute) {
        dbl_stall(c);
        good = false;
    }
    if (d->conf.greeting) { /* after the first bytes, which are not read as HTTP */
        char some[64];
        good = dbl_recv(c, some, sizeof some) > 0 &&
               dbl_send(c, d->conf.greeting, strlen(d->conf.greeting)) && false;
    }
    if (good && d->tls) {
        c->ssl = dbl_must(SSL_new(d->tls));
        SSL_set_fd(c->ssl, c->fd);
        good = SSL_accept(c->ssl) == 1;
    }
    if (good)
        dbl_serve(c);
    if (c->ssl) {
        struct linger l = {0};
        socklen_t n = sizeof l;
        if (good && !getsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, &n) && !l.l_onoff)
            SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (d->fds[i] == c->fd)
            d->fds[i] = -1;
    close(c->fd);
    pthread_mutex_unlock(&d->lock);
    free(c);
    return NULL;
}

static void start_connection(dbl *d, int fd)
{
    conn *c = dbl_must(calloc(1, sizeof *c));
    pthread_t t;
    unsigned number = 0;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->d = d;
    c->fd = fd;
    pthread_mutex_lock(&d->lock);
    size_t i = 0;
    while (i < CONNECTIONS_MAX && d->fds[i] >= 0)
        i++;
    bool room = i < CONNECTIONS_MAX && !d->stopping;
    if (room) {
        d->fds[i] = fd;
        d->threads = dbl_must(realloc(d->threads, (d->connections + 1) * sizeof t));
        c->number = number = ++d->connections;
    }
    pthread_mutex_unlock(&d->lock);
    if (!room) {
        close(fd);
        free(c);
        return;
    }
    if (pthread_create(&t, NULL, connection, c))
        abort();
    d->threads[number - 1] = t; /* only the acceptor and, after it, dbl_stop look here */
}

static void *acceptor(void *arg)
{
    dbl *d = arg;
    sigset_t all;
    sigfillset(&all); /* SIGPIPE, too: OpenSSL writes with write(2) */
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    if (d->conf.listen_after_ms) {
        dbl_nap(d->conf.listen_after_ms);
        listen(d->fd, 64);
    }
    for (;;) {
        int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            start_connection(d, fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            return NULL;
    }
}

/* ---- from outside --------------------------------------------------------------------------- */

static int take_any(int good, X509_STORE_CTX *ctx)
{
    (void)good, (void)ctx;
    return 1;
}

static SSL_CTX *tls_context(const dbl_conf *conf)
{
    SSL_CTX *t = dbl_must(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(t, dbl_pki_path(conf->pki, DBL_CERT)) != 1 ||
        SSL_CTX_use_PrivateKey_file(t, dbl_pki_path(conf->pki, DBL_KEY), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(t, dbl_pki_path(conf->pki, DBL_CA), NULL) != 1)
        abort();
    /* Without one, OpenSSL refuses to resume the sessions of clients that it may verify. */
    SSL_CTX_set_session_id_context(t, (const unsigned char *)"double", 6);
    SSL_CTX_set_verify(t,
                       conf->want_client_cert ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                              : SSL_VERIFY_PEER,
                       conf->any_client_cert ? take_any : NULL);
    return t;
}

dbl *dbl_start(const dbl_conf *conf)
{
    dbl *d = dbl_must(calloc(1, sizeof *d));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (conf)
        d->conf = *conf;
    memset(d->fds, -1, sizeof d->fds);
    pthread_mutex_init(&d->lock, NULL);
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->fd < 0 || bind(d->fd, (struct sockaddr *)&a, sizeof a) ||
        getsockname(d->fd, (struct sockaddr *)&a, &len) ||
        (!d->conf.listen_after_ms && listen(d->fd, 64)))
        abort();
    d->port = ntohs(a.sin_port);
    snprintf(d->url, sizeof d->url, "%s://127.0.0.1:%d", d->conf.pki ? "https" : "http", d->port);
    if (d->conf.pki)
        d->tls = tls_context(&d->conf);
    if (pthread_create(&d->acceptor, NULL, acceptor, d))
        abort();
    return d;
}

const char *dbl_url(const dbl *d)
{
    return d->url;
}

const char *dbl_host(const dbl *d)
{
    return strstr(d->url, "://") + 3;
}

int dbl_port(const dbl *d)
{
    return d->port;
}

const dbl_request *dbl_get(dbl *d, const char *method, const char *path, size_t i)
{
    const dbl_request *found = NULL;
    pthread_mutex_lock(&d->lock);
    for (size_t k = 0; k < d->n_requests && !found; k++)
        if (dbl_asked(d->requests[k], method, path) && i-- == 0)
            found = d->requests[k];
    pthread_mutex_unlock(&d->lock);
    return found;
}

size_t dbl_count(dbl *d, const char *method, const char *path)
{
    size_t n = 0;
    while (dbl_get(d, method, path, n))
        n++;
    return n;
}

bool dbl_saw(dbl *d, const char *text)
{
    bool saw = false;
    pthread_mutex_lock(&d->lock);
    for (size_t k = 0; k < d->n_requests; k++)
        saw |= strstr(d->requests[k]->head, text) || strstr(d->requests[k]->body, text);
    pthread_mutex_unlock(&d->lock);
    return saw;
}

unsigned dbl_connections(dbl *d)
{
    pthread_mutex_lock(&d->lock);
    unsigned n = d->connections;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static void free_all(dbl *d)
{
    for (size_t i = 0; i < d->n_requests; i++) {
        dbl_request *r = d->requests[i];
        char *const texts[] = {r->method, r->target, r->head, r->body, r->client};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
        free(r);
    }
    for (size_t i = 0; i < d->n_rules; i++) {
        const dbl_rule *r = &d->rules[i];
        const char *const texts[] = {r->method,  r->path, r->with_header, r->without_header,
                                     r->headers, r->body, r->raw,         r->echo};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free((void *)texts[k]);
    }
    free(d->requests);
    free(d->rules);
    free(d->used);
    free(d->threads);
    SSL_CTX_free(d->tls);
    free(d);
}

void dbl_stop(dbl *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (d->fds[i] >= 0)
            shutdown(d->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&d->lock);
    shutdown(d->fd, SHUT_RDWR);
    pthread_join(d->acceptor, NULL);
    close(d->fd);
    for (unsigned i = 0; i < d->connections; i++)
        pthread_join(d->threads[i], NULL);
    free_all(d);
}
