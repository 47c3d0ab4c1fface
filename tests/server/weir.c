/* weir.c - the spoiling proxy: a thread a connection, a connection to the server for each, and a
 * loop that hands on head and body of a request, then of its reply. */
#include "weir.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RULES 16
#define LOG 4096
#define HEAD 65536
#define STEP 16384

typedef struct entry {
    char method[12], target[300];
    int status;
    int64_t in, out;
} entry;

struct weir {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    pthread_t thread;
    int fd, port, server;
    bool stopping;
    int64_t refuse_until;
    unsigned conns;
    weir_rule rules[RULES];
    size_t n_rules, n_log;
    entry log[LOG];
};

/* One side of a connection, with what was read of it too early. */
typedef struct side {
    int fd;
    char buf[HEAD];
    size_t len;
} side;

typedef struct flow {
    weir *w;
    side client, server;
    entry *e;
    weir_rule rule; /* of this exchange */
    bool acts;
    bool done; /* the connection is at its end */
} flow;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_port = htons((uint16_t)port)};
}

static bool stopping(weir *w)
{
    pthread_mutex_lock(&w->lock);
    bool yes = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool send_all(int fd, const char *p, size_t len)
{
    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Waits for bytes of a side, unless the test ends or the other side goes. */
static bool fill(flow *l, side *s)
{
    if (s->len == sizeof s->buf)
        return false;
    for (;;) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (stopping(l->w))
            return false;
        if (poll(&p, 1, 50) <= 0)
            continue;
        ssize_t n = recv(s->fd, s->buf + s->len, sizeof s->buf - s->len, 0);
        if (n <= 0)
            return false;
        s->len += (size_t)n;
        return true;
    }
}

static void consume(side *s, size_t n)
{
    memmove(s->buf, s->buf + n, s->len - n);
    s->len -= n;
}

/* The length of a whole head; 0 at the connection's end. */
static size_t read_head(flow *l, side *s)
{
    char *end;
    while (!(end = s->len ? memmem(s->buf, s->len, "\r\n\r\n", 4) : NULL))
        if (!fill(l, s))
            return 0;
    return (size_t)(end - s->buf) + 4;
}

/* The value of a header in a head, -1 if it has none. */
static int64_t head_number(const char *head, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = head; p + n < head + len; p++)
        if (!strncasecmp(p, name, n))
            return strtoll(p + n, NULL, 10);
    return -1;
}

static bool head_has(const char *head, size_t len, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = head; p + n <= head + len; p++)
        if (!strncasecmp(p, text, n))
            return true;
    return false;
}

/* ---- faults --------------------------------------------------------------------------------- */

static void break_off(flow *l)
{
    struct linger hard = {1, 0};
    char scratch[STEP];
    /* A stalled path swallows what is sent until the client hangs up. */
    while (l->rule.fault == WEIR_STALL && !stopping(l->w)) {
        struct pollfd p = {.fd = l->client.fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0 && recv(l->client.fd, scratch, sizeof scratch, 0) <= 0)
            break;
    }
    if (l->rule.fault == WEIR_RESET) {
        /* It throws away what the client has not read yet: let it catch up. */
        nanosleep(&(struct timespec){0, 100000000}, NULL);
        setsockopt(l->client.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    l->done = true;
}

static void slow_down(const flow *l, size_t n)
{
    if (!l->rule.rate)
        return;
    int64_t us = (int64_t)n * 1000000 / l->rule.rate;
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

/* How much of the next n bytes passes, from byte `at` of a body; breaks there if it must. */
static size_t spoil(flow *l, bool here, int64_t at, char *p, size_t n)
{
    if (!l->acts || !here || l->rule.fault == WEIR_FINE ||
        l->rule.fault == WEIR_NO_RANGE || at + (int64_t)n <= l->rule.after)
        return n;
    if (l->rule.fault != WEIR_CORRUPT)
        return (size_t)(l->rule.after - at);
    p[l->rule.after - at] ^= 0x20;
    l->rule.fault = WEIR_FINE;
    return n;
}

/* Hands on a body of that many bytes (-1: until the end) to the other side, NULL: to nobody.
 * here: the fault is in this one. */
static void pass_body(flow *l, side *from, side *to, int64_t size, bool here, int64_t *count)
{
    int64_t at = 0;
    while (!l->done && (size < 0 || at < size)) {
        if (!from->len && !fill(l, from)) {
            l->done = true;
            return;
        }
        size_t n = from->len < STEP ? from->len : STEP;
        if (size >= 0 && (int64_t)n > size - at)
            n = (size_t)(size - at);
        size_t pass = spoil(l, here, at, from->buf, n);
        slow_down(l, pass);
        bool sent = !to || send_all(to->fd, from->buf, pass);
        pthread_mutex_lock(&l->w->lock);
        *count += (int64_t)pass;
        pthread_mutex_unlock(&l->w->lock);
        at += (int64_t)pass;
        consume(from, pass);
        if (!sent)
            l->done = true;
        else if (pass < n)
            break_off(l);
    }
}

/* ---- an exchange ---------------------------------------------------------------------------- */

static bool fits(const char *method, const char *path, const char *m, const char *t)
{
    return (!method || !strcmp(method, m)) && (!path || strstr(t, path));
}

/* Writes the request down and finds the rule that acts on it. */
static void begin(flow *l, const char *head, size_t head_len)
{
    weir *w = l->w;
    char method[12] = "", target[300] = "";
    size_t m = strcspn(head, " "), t = strcspn(head + m + 1, " ");
    snprintf(method, sizeof method, "%.*s", (int)m, head);
    snprintf(target, sizeof target, "%.*s", (int)t, head + m + 1);
    pthread_mutex_lock(&w->lock);
    l->e = &w->log[w->n_log < LOG - 1 ? w->n_log++ : LOG - 1];
    *l->e = (entry){.status = 0};
    memcpy(l->e->method, method, sizeof method);
    memcpy(l->e->target, target, sizeof target);
    l->acts = false;
    l->rule = (weir_rule){.method = NULL};
    for (size_t i = 0; i < w->n_rules && !l->acts; i++) {
        weir_rule *r = &w->rules[i];
        if (r->times == UINT32_MAX || !fits(r->method, r->path, method, target) ||
            (r->without && strstr(target, r->without)) ||
            (r->ranged && !head_has(head, head_len, "\r\nrange:")))
            continue;
        if (r->skip) {
            r->skip--;
            continue;
        }
        l->rule = *r;
        l->acts = true;
        if (r->times && --r->times == 0)
            r->times = UINT32_MAX; /* used up */
    }
    pthread_mutex_unlock(&w->lock);
}

/* Once all that was sent is read, as a server does that fails at the end. */
static void answer_status(flow *l, int64_t size)
{
    char head[600];
    pass_body(l, &l->client, NULL, size, false, &l->e->in);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d Fault\r\nContent-Length: 0\r\n%s\r\n",
                     l->rule.status, l->rule.headers ? l->rule.headers : "");
    l->e->status = l->rule.status;
    if (!l->done && !send_all(l->client.fd, head, (size_t)n))
        l->done = true;
}

/* The head of the final reply; 0: there is none. */
static size_t reply_head(flow *l)
{
    size_t len;
    while ((len = read_head(l, &l->server)) && !strncmp(l->server.buf, "HTTP/1.1 1", 10))
        consume(&l->server, len);
    return len;
}

static void pass_reply(flow *l, bool here)
{
    size_t len = reply_head(l);
    const char *head = l->server.buf;
    if (!len) {
        l->done = true;
        return;
    }
    int status = atoi(head + 9);
    int64_t size = head_number(head, len, "\r\ncontent-length:");
    bool none = !strcmp(l->e->method, "HEAD") || status == 204 || status == 304;
    bool closes = head_has(head, len, "\r\nconnection: close");
    if (here && l->acts && l->rule.after < 0 && l->rule.fault != WEIR_FINE) {
        break_off(l);
        return;
    }
    l->e->status = status;
    if (!send_all(l->client.fd, head, len))
        l->done = true;
    consume(&l->server, len);
    pass_body(l, &l->server, &l->client, none ? 0 : size, here, &l->e->out);
    l->done |= closes;
}

static void hide_range(char *head, size_t len)
{
    for (char *p = head; p + 8 < head + len; p++)
        if (!strncasecmp(p, "\r\nrange:", 8))
            p[2] = 'X';
}

static void exchange(flow *l)
{
    size_t len = read_head(l, &l->client);
    if (!len) {
        l->done = true;
        return;
    }
    begin(l, l->client.buf, len);
    if (l->acts && l->rule.fault == WEIR_NO_RANGE)
        hide_range(l->client.buf, len);
    const char *head = l->client.buf;
    int64_t size = head_number(head, len, "\r\ncontent-length:");
    if (size < 0)
        size = 0;
    if (head_has(head, len, "\r\nexpect: 100"))
        send_all(l->client.fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    bool swallow = l->acts && l->rule.fault == WEIR_STATUS;
    if (!swallow && !send_all(l->server.fd, head, len))
        l->done = true;
    consume(&l->client, len);
    if (swallow) {
        answer_status(l, size);
        return;
    }
    bool in_body = size > 0 && l->rule.after >= 0;
    pass_body(l, &l->client, &l->server, size, in_body, &l->e->in);
    if (!l->done)
        pass_reply(l, !in_body);
}

static void *connection(void *arg)
{
    flow *l = arg;
    weir *w = l->w;
    struct sockaddr_in at = loopback(w->server);
    int one = 1;
    l->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(l->server.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(l->client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!connect(l->server.fd, (struct sockaddr *)&at, sizeof at))
        while (!l->done)
            exchange(l);
    close(l->server.fd);
    close(l->client.fd);
    free(l);
    pthread_mutex_lock(&w->lock);
    if (--w->conns == 0)
        pthread_cond_signal(&w->idle);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the server ----------------------------------------------------------------------------- */

static void listen_here(weir *w)
{
    struct sockaddr_in at = loopback(w->port);
    socklen_t len = sizeof at;
    int one = 1;
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(w->fd, (struct sockaddr *)&at, sizeof at) || listen(w->fd, 64) ||
        getsockname(w->fd, (struct sockaddr *)&at, &len)) {
        perror("weir");
        abort();
    }
    w->port = ntohs(at.sin_port);
}

static void take(weir *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    int fd = poll(&p, 1, 20) > 0 ? accept(w->fd, NULL, NULL) : -1;
    if (fd < 0)
        return;
    pthread_t t;
    flow *l = calloc(1, sizeof *l);
    *l = (flow){.w = w, .client.fd = fd};
    pthread_mutex_lock(&w->lock);
    w->conns++;
    pthread_mutex_unlock(&w->lock);
    if (pthread_create(&t, NULL, connection, l))
        abort();
    pthread_detach(t);
}

static void *serve(void *arg)
{
    weir *w = arg;
    while (!stopping(w)) {
        pthread_mutex_lock(&w->lock);
        int64_t until = w->refuse_until;
        pthread_mutex_unlock(&w->lock);
        bool refuse = now_ms() < until;
        if (refuse && w->fd >= 0) {
            close(w->fd);
            w->fd = -1;
        } else if (!refuse && w->fd < 0) {
            listen_here(w);
        }
        if (refuse)
            nanosleep(&(struct timespec){0, 5000000}, NULL);
        else
            take(w);
    }
    if (w->fd >= 0)
        close(w->fd);
    return NULL;
}

weir *weir_start(int server_port)
{
    weir *w = calloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->idle, NULL);
    w->server = server_port;
    listen_here(w);
    if (pthread_create(&w->thread, NULL, serve, w))
        abort();
    return w;
}

void weir_stop(weir *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&w->lock);
    while (w->conns)
        pthread_cond_wait(&w->idle, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* ---- what tests say and ask ----------------------------------------------------------------- */

void weir_on(weir *w, const weir_rule *rule)
{
    pthread_mutex_lock(&w->lock);
    if (w->n_rules == RULES)
        abort();
    w->rules[w->n_rules++] = *rule;
    pthread_mutex_unlock(&w->lock);
}

/* What a killed client left in sockets is still handed on: that ends first. */
void weir_clear(weir *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&w->lock);
    while (w->conns && !pthread_cond_timedwait(&w->idle, &w->lock, &until))
        ;
    w->n_rules = w->n_log = 0;
    pthread_mutex_unlock(&w->lock);
}

int weir_port(const weir *w)
{
    return w->port;
}

void weir_refuse(weir *w, int ms)
{
    pthread_mutex_lock(&w->lock);
    w->refuse_until = now_ms() + ms;
    pthread_mutex_unlock(&w->lock);
}

weir_seen weir_count(weir *w, const char *method, const char *path)
{
    weir_seen s = {0};
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->n_log; i++) {
        const entry *e = &w->log[i];
        if (!fits(method, path, e->method, e->target))
            continue;
        s.requests++;
        s.in += e->in;
        s.out += e->out;
    }
    pthread_mutex_unlock(&w->lock);
    return s;
}

char *weir_log(weir *w)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->n_log; i++)
        fprintf(f, "%s %.120s: %d, %lld in, %lld out\n", w->log[i].method, w->log[i].target,
                w->log[i].status, (long long)w->log[i].in, (long long)w->log[i].out);
    pthread_mutex_unlock(&w->lock);
    fclose(f);
    return text;
}
