/* delay.c - delay PORT MS: a proxy to 127.0.0.1:PORT that makes the way there as long as MS
 * milliseconds a round trip: each direction takes half of it, and a new connection a whole one
 * more, as its handshake would. Prints the port that it listens on; ends with its standard input.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAIRS 256
#define STEP 65536

typedef struct chunk {
    struct chunk *next;
    int64_t due; /* microseconds */
    size_t len, at;
    char data[];
} chunk;

typedef struct way { /* from fd to the pair's other fd */
    int fd;
    bool ended; /* a chunk of no bytes is under way */
    chunk *first, **last;
    size_t held;
} way;

typedef struct pair {
    way ways[2];
    int64_t open_at; /* when its handshake would be over */
} pair;

static pair pairs[MAX_PAIRS];
static int n_pairs, port;
static int64_t half;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void greet(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void begin(int listener)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (in < 0 || out < 0 || n_pairs == MAX_PAIRS || connect(out, (void *)&to, sizeof to)) {
        close(in);
        close(out);
        return;
    }
    greet(in);
    greet(out);
    pair *p = &pairs[n_pairs++];
    memset(p, 0, sizeof *p);
    p->open_at = now() + 2 * half;
    p->ways[0].fd = in;
    p->ways[1].fd = out;
}

static void take(pair *p, way *w)
{
    chunk *c = malloc(sizeof *c + STEP);
    ssize_t n = c ? recv(w->fd, c->data, STEP, MSG_DONTWAIT) : -1;
    if (!c)
        abort();
    w->ended = n <= 0;
    c->len = n > 0 ? (size_t)n : 0;
    c->at = 0;
    int64_t from = now();
    c->due = (from < p->open_at ? p->open_at : from) + half;
    c->next = NULL;
    w->held += c->len;
    if (!w->first)
        w->last = &w->first;
    *w->last = c;
    w->last = &c->next;
}

/* Microseconds until the next chunk is due; -1: none waits. */
static int64_t give(way *w, int to)
{
    for (chunk *c; (c = w->first);) {
        int64_t left = c->due - now();
        if (left > 0)
            return left;
        if (!c->len)
            shutdown(to, SHUT_WR);
        while (c->at < c->len) {
            ssize_t n = send(to, c->data + c->at, c->len - c->at, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0) {
                struct pollfd p = {to, POLLOUT, 0};
                if (poll(&p, 1, 1000) <= 0 || (p.revents & (POLLERR | POLLHUP)))
                    c->at = c->len;
                continue;
            }
            c->at += (size_t)n;
        }
        w->held -= c->len;
        w->first = c->next;
        free(c);
    }
    return -1;
}

static bool over(const pair *p)
{
    return p->ways[0].ended && p->ways[1].ended && !p->ways[0].first && !p->ways[1].first;
}

static void step(int listener)
{
    struct pollfd fds[2 + 2 * MAX_PAIRS] = {{0, POLLIN, 0}, {listener, POLLIN, 0}};
    int64_t wait = -1;
    for (int i = 0; i < n_pairs; i++) {
        for (int k = 0; k < 2; k++) {
            int64_t left = give(&pairs[i].ways[k], pairs[i].ways[!k].fd);
            if (left >= 0 && (wait < 0 || left < wait))
                wait = left;
        }
        for (int k = 0; over(&pairs[i]) && k < 2; k++)
            close(pairs[i].ways[k].fd);
        if (over(&pairs[i]))
            pairs[i--] = pairs[--n_pairs];
    }
    int n = n_pairs;
    for (int i = 0; i < 2 * n; i++) {
        const way *w = &pairs[i / 2].ways[i % 2];
        fds[2 + i] = (struct pollfd){w->ended || w->held > 8 * STEP ? -1 : w->fd, POLLIN, 0};
    }
    struct timespec t = {wait / 1000000, wait % 1000000 * 1000};
    ppoll(fds, (nfds_t)(2 + 2 * n), wait < 0 ? NULL : &t, NULL);
    if (fds[0].revents)
        exit(0);
    for (int i = 0; i < 2 * n; i++)
        if (fds[2 + i].revents)
            take(&pairs[i / 2], &pairs[i / 2].ways[i % 2]);
    if (fds[1].revents)
        begin(listener);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc != 3 || bind(listener, (void *)&at, sizeof at) || listen(listener, 128) ||
        getsockname(listener, (void *)&at, &len))
        return 1;
    port = (int)strtol(argv[1], NULL, 10);
    half = strtol(argv[2], NULL, 10) * 500;
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;)
        step(listener);
}
