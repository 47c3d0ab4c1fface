/* apiserver.c - see apiserver.h. A thread takes connections, and each has a thread of its own. */
#include "apiserver.h"
#include "base/str.h"
#include "net/spdy.h"
#include "net/ws.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX 64
#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello there"
#define REFUSED                                                                                \
    "error forwarding port 9 to pod x: failed to execute portforward: dial tcp4 127.0.0.1:9: " \
    "connect: connection refused"

struct apiserver {
    int fd, port;
    bool old, forbidden;
    atomic_int tunnels, channels;
    pthread_t thread, conns[CONNS_MAX];
    int fds[CONNS_MAX];
    size_t n_conns;
};

/* One upgraded connection. */
struct pod {
    int fd, port;
    ir_ws_reader in;
    ir_spdy *spdy; /* NULL: channels */
    uint32_t data, error;
    size_t heard;
    bool over;
};

struct conn {
    apiserver *server;
    int fd;
};

static bool send_bytes(int fd, const void *p, size_t len)
{
    const char *at = p;
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void send_message(struct pod *p, int opcode, const void *bytes, size_t len)
{
    ir_buf out = IR_BUF(1 << 20);
    if (ir_ws_put(&out, opcode, bytes, len, false, NULL) || !send_bytes(p->fd, out.p, out.len))
        p->over = true;
    ir_buf_free(&out);
}

/* What SPDY has to say, cut where no frame ends: boundaries mean nothing. */
static void flush_spdy(struct pod *p)
{
    ir_buf *out = ir_spdy_out(p->spdy);
    while (out->len) {
        size_t n = out->len < 1000 ? out->len : 1000;
        send_message(p, IR_WS_BINARY, out->p, n);
        ir_buf_drop(out, n);
    }
}

static void say(struct pod *p, bool error, const char *bytes, size_t len)
{
    char text[40000];
    if (p->spdy) {
        ir_spdy_data(p->spdy, error ? p->error : p->data, bytes, len, false);
        flush_spdy(p);
        return;
    }
    text[0] = error ? 1 : 0;
    memcpy(text + 1, bytes, len);
    send_message(p, IR_WS_BINARY, text, len + 1);
}

static void end(struct pod *p)
{
    if (p->spdy) {
        ir_spdy_data(p->spdy, p->data, NULL, 0, true);
        ir_spdy_data(p->spdy, p->error, NULL, 0, true);
        flush_spdy(p);
    } else {
        send_message(p, IR_WS_CLOSE, "\3\350", 2);
        p->over = true;
    }
}

static void begin(struct pod *p)
{
    if (p->port != 9)
        return;
    say(p, true, REFUSED, strlen(REFUSED));
    end(p);
}

static void hear(struct pod *p, const char *bytes, size_t len)
{
    p->heard += len;
    if (p->port == 7)
        say(p, false, bytes, len);
    if (p->port == 80 && len >= 4 && !memcmp(bytes + len - 4, "\r\n\r\n", 4)) {
        say(p, false, PAGE, strlen(PAGE));
        end(p);
    }
    if (p->port == 5 && p->heard > 10) {
        say(p, false, "half", 4);
        p->over = true;
    }
}

static void take_spdy(struct pod *p, const char *bytes, size_t len)
{
    ir_spdy_event e;
    ir_spdy_feed(p->spdy, bytes, len);
    while (ir_spdy_next(p->spdy, &e, NULL) == 1) {
        if (e.type == IR_SPDY_SYN_STREAM) {
            char *type = ir_spdy_header(&e, "streamtype"), *port = ir_spdy_header(&e, "port");
            p->port = port ? (int)strtol(port, NULL, 10) : 0;
            ir_spdy_reply(p->spdy, e.stream, NULL, false);
            *(ir_streq(type, "data") ? &p->data : &p->error) = e.stream;
            if (ir_streq(type, "data"))
                begin(p);
            free(type);
            free(port);
        } else if (e.type == IR_SPDY_DATA && e.stream == p->data) {
            hear(p, e.p, e.len);
            if (e.fin)
                end(p);
        }
        flush_spdy(p);
    }
}

static void run_pod(struct pod *p)
{
    char chunk[16384];
    while (!p->over) {
        const char *bytes = NULL;
        size_t len = 0;
        int opcode = 0;
        ssize_t n = recv(p->fd, chunk, sizeof chunk, 0);
        if (n <= 0)
            return;
        ir_ws_feed(&p->in, chunk, (size_t)n);
        while (!p->over && ir_ws_next(&p->in, &opcode, &bytes, &len, NULL) == 1) {
            if (opcode == IR_WS_CLOSE)
                return;
            if (opcode == IR_WS_BINARY && p->spdy)
                take_spdy(p, bytes, len);
            else if (opcode == IR_WS_BINARY && len && !bytes[0])
                hear(p, bytes + 1, len - 1);
        }
    }
}

static void upgrade(struct conn *c, const char *head, bool tunnel)
{
    struct pod p = {.fd = c->fd, .in = {.server = true}};
    char key[64] = "", prefix[3] = {0};
    const char *at = strcasestr(head, "sec-websocket-key: "), *ports = strstr(head, "?ports=");
    if (at)
        snprintf(key, sizeof key, "%.*s", (int)strcspn(at + 19, "\r\n"), at + 19);
    char *accept = ir_ws_accept(key);
    char *text = ir_format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                           "Sec-WebSocket-Protocol: %s\r\n\r\n",
                           accept, tunnel ? "spdy/3.1+portforward.k8s.io" : "v4.channel.k8s.io");
    send_bytes(c->fd, text, strlen(text));
    if (tunnel) {
        (void)!ir_spdy_new(false, &p.spdy, NULL);
    } else {
        p.port = ports ? (int)strtol(ports + 7, NULL, 10) : 0;
        prefix[1] = (char)p.port;
        send_message(&p, IR_WS_BINARY, prefix, 3);
        prefix[0] = 1;
        send_message(&p, IR_WS_BINARY, prefix, 3);
        begin(&p);
    }
    run_pod(&p);
    ir_spdy_free(p.spdy);
    ir_ws_reader_free(&p.in);
    free(accept);
    free(text);
}

static void reply(int fd, const char *status, const char *type, const char *body)
{
    char *text = ir_format("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n%s",
                           status, type, strlen(body), body);
    send_bytes(fd, text, strlen(text));
    free(text);
}

static const char service[] =
    "{\"spec\":{\"selector\":{\"a\":\"b\"},\"ports\":[{\"port\":8080,\"targetPort\":\"web\"},"
    "{\"port\":7,\"targetPort\":7},{\"port\":81,\"targetPort\":\"none\"}]}}";
static const char pods[] =
    "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"over\"},\"status\":{\"phase\":"
    "\"Failed\"}},{\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[{\"ports\":[{\"name\":"
    "\"web\",\"containerPort\":80}]}]},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":"
    "\"Ready\",\"status\":\"True\"}]}}]}";

static void forward(struct conn *c, const char *head)
{
    bool tunnel = strstr(head, "SPDY/3.1+portforward.k8s.io") != NULL;
    atomic_fetch_add(tunnel ? &c->server->tunnels : &c->server->channels, 1);
    if (c->server->forbidden)
        reply(c->fd, "403 Forbidden", "application/json",
              "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"cannot create resource "
              "\\\"pods/portforward\\\"\"}");
    else if (tunnel && c->server->old)
        send_bytes(c->fd, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n", 45);
    else
        upgrade(c, head, tunnel);
}

static void *serve(void *user)
{
    struct conn *c = user;
    char head[8192];
    size_t len = 0;
    head[0] = '\0';
    while (len < sizeof head - 1 && !strstr(head, "\r\n\r\n")) {
        ssize_t n = recv(c->fd, head + len, sizeof head - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        head[len] = '\0';
    }
    if (strstr(head, "/pods/x/portforward"))
        forward(c, head);
    else if (strstr(head, "/services/s "))
        reply(c->fd, "200 OK", "application/json", service);
    else if (strstr(head, "/pods?"))
        reply(c->fd, "200 OK", "application/json", pods);
    else
        reply(c->fd, "404 Not Found", "application/json",
              "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"not found\"}");
    shutdown(c->fd, SHUT_RDWR);
    free(c);
    return NULL;
}

static void *take(void *user)
{
    apiserver *a = user;
    for (;;) {
        int fd = accept(a->fd, NULL, NULL);
        struct conn *c = fd < 0 ? NULL : calloc(1, sizeof *c);
        if (!c || a->n_conns == CONNS_MAX)
            return free(c), NULL;
        *c = (struct conn){a, fd};
        a->fds[a->n_conns] = fd;
        pthread_create(&a->conns[a->n_conns++], NULL, serve, c);
    }
}

apiserver *apiserver_start(bool old, bool forbidden)
{
    apiserver *a = calloc(1, sizeof *a);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    a->old = old;
    a->forbidden = forbidden;
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(a->fd, (struct sockaddr *)&at, sizeof at) || listen(a->fd, 32) ||
        getsockname(a->fd, (struct sockaddr *)&at, &len) ||
        pthread_create(&a->thread, NULL, take, a))
        abort();
    a->port = ntohs(at.sin_port);
    return a;
}

int apiserver_port(const apiserver *a)
{
    return a->port;
}

int apiserver_tunnels(const apiserver *a)
{
    return atomic_load(&a->tunnels);
}

int apiserver_channels(const apiserver *a)
{
    return atomic_load(&a->channels);
}

void apiserver_stop(apiserver *a)
{
    shutdown(a->fd, SHUT_RDWR);
    pthread_join(a->thread, NULL);
    close(a->fd);
    for (size_t i = 0; i < a->n_conns; i++) {
        shutdown(a->fds[i], SHUT_RDWR);
        pthread_join(a->conns[i], NULL);
        close(a->fds[i]);
    }
    free(a);
}
