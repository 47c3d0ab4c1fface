/* apiserver.c - see apiserver.h. A thread takes connections, and each has a thread of its own. */
#include "apiserver.h"
#include "base/str.h"
#include "net/spdy.h"
#include "net/ws.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX 1024
#define STREAMS_MAX 16
#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello there"
#define REFUSED                                                                                \
    "error forwarding port 9 to pod x: failed to execute portforward: dial tcp4 127.0.0.1:9: " \
    "connect: connection refused"
#define GONE                                                                                \
    "error forwarding port 7 to pod x: failed to execute portforward in network namespace " \
    "\"/run/netns/x\": failed to open: no such file or directory"

struct apiserver {
    int fd, port;
    bool old;
    atomic_bool forbidden, replaced, mute;
    atomic_int hang; /* so many port-forwards get no answer */
    atomic_int tunnels, channels, streams;
    pthread_t thread, conns[CONNS_MAX];
    int fds[CONNS_MAX];
    atomic_size_t n_conns;
};

struct stream {
    uint32_t data, error;
    int port;
    size_t heard;
    bool over;
};

/* One upgraded connection. */
struct pod {
    apiserver *server;
    int fd;
    char name;
    ir_ws_reader in;
    ir_spdy *spdy; /* NULL: channels */
    struct stream streams[STREAMS_MAX];
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
    for (size_t at = 0, n; at < out->len; at += n) {
        n = out->len - at < 1000 ? out->len - at : 1000;
        send_message(p, IR_WS_BINARY, out->p + at, n);
    }
    ir_buf_drop(out, out->len);
}

static void say(struct pod *p, struct stream *s, bool error, const char *bytes, size_t len)
{
    char text[40000];
    if (p->spdy) {
        ir_spdy_data(p->spdy, error ? s->error : s->data, bytes, len, false);
        flush_spdy(p);
        return;
    }
    text[0] = error ? 1 : 0;
    memcpy(text + 1, bytes, len);
    send_message(p, IR_WS_BINARY, text, len + 1);
}

static void end(struct pod *p, struct stream *s)
{
    s->over = true;
    if (p->spdy) {
        ir_spdy_data(p->spdy, s->data, NULL, 0, true);
        ir_spdy_data(p->spdy, s->error, NULL, 0, true);
        flush_spdy(p);
    } else {
        send_message(p, IR_WS_CLOSE, "\3\350", 2);
        p->over = true;
    }
}

static void begin(struct pod *p, struct stream *s)
{
    bool gone = p->name == 'x' && atomic_load(&p->server->replaced);
    const char *why = gone ? GONE : s->port == 9 ? REFUSED : NULL;
    atomic_fetch_add(&p->server->streams, 1);
    if (why) {
        say(p, s, true, why, strlen(why));
        end(p, s);
    } else if (s->port == 4) {
        say(p, s, false, &p->name, 1);
    } else if (s->port == 3) {
        say(p, s, false, "bye", 3);
        ir_spdy_data(p->spdy, s->data, NULL, 0, true);
        flush_spdy(p);
    }
}

/* 8 MiB at once: more than a reader who does not read has room for. */
static void flood(struct pod *p, struct stream *s)
{
    static const char zs[32768] = "zz";
    for (int i = 0; i < 256 && !p->over; i++)
        say(p, s, false, zs, sizeof zs);
    end(p, s);
}

static void hear(struct pod *p, struct stream *s, const char *bytes, size_t len)
{
    s->heard += len;
    if (s->port == 7 || s->port == 4)
        say(p, s, false, bytes, len);
    if (s->port == 6 && !s->over)
        flood(p, s);
    if (s->port == 80 && len >= 4 && !memcmp(bytes + len - 4, "\r\n\r\n", 4)) {
        say(p, s, false, PAGE, strlen(PAGE));
        end(p, s);
    }
    if (s->port == 5 && s->heard > 10) {
        say(p, s, false, "half", 4);
        p->over = true;
    }
}

/* The other side sends no more. */
static void hear_end(struct pod *p, struct stream *s)
{
    char text[32];
    if (s->over)
        return;
    if (s->port != 3) {
        end(p, s);
        return;
    }
    snprintf(text, sizeof text, "heard %zu", s->heard);
    ir_spdy_data(p->spdy, s->error, text, strlen(text), true);
    flush_spdy(p);
    s->over = true;
}

static struct stream *find(struct pod *p, uint32_t id)
{
    for (size_t i = 0; i < STREAMS_MAX; i++)
        if (p->streams[i].data == id || p->streams[i].error == id)
            return &p->streams[i];
    return NULL;
}

static void open_stream(struct pod *p, const ir_spdy_event *e)
{
    char *type = ir_spdy_header(e, "streamtype"), *port = ir_spdy_header(e, "port");
    bool data = ir_streq(type, "data");
    struct stream *s = data ? find(p, e->stream - 2) : NULL; /* our client opens them in pairs */
    for (size_t i = 0; !s && i < STREAMS_MAX; i++)
        if (!p->streams[i].error || (p->streams[i].over && p->streams[i].data))
            s = &p->streams[i];
    if (s && !data)
        *s = (struct stream){.error = e->stream, .port = port ? (int)strtol(port, NULL, 10) : 0};
    else if (s)
        s->data = e->stream;
    if (s)
        ir_spdy_reply(p->spdy, e->stream, NULL, false);
    else
        ir_spdy_reset(p->spdy, e->stream, 3);
    if (s && data)
        begin(p, s);
    free(type);
    free(port);
}

static void take_spdy(struct pod *p, const char *bytes, size_t len)
{
    ir_spdy_event e;
    ir_spdy_feed(p->spdy, bytes, len);
    while (!p->over && ir_spdy_next(p->spdy, &e, NULL) == 1) {
        struct stream *s = e.type == IR_SPDY_SYN_STREAM ? NULL : find(p, e.stream);
        if (e.type == IR_SPDY_SYN_STREAM) {
            open_stream(p, &e);
        } else if (s && e.type == IR_SPDY_RST_STREAM) {
            s->over = true;
        } else if (s && e.type == IR_SPDY_DATA && e.stream == s->data) {
            hear(p, s, e.p, e.len);
            if (e.fin)
                hear_end(p, s);
        }
        flush_spdy(p);
    }
}

static void end_all(struct pod *p)
{
    for (size_t i = 0; i < STREAMS_MAX; i++)
        if ((p->streams[i].data || !p->spdy) && !p->streams[i].over)
            end(p, &p->streams[i]);
}

static void take_messages(struct pod *p)
{
    const char *bytes = NULL;
    size_t len = 0;
    int opcode = 0;
    while (!p->over && ir_ws_next(&p->in, &opcode, &bytes, &len, NULL) == 1) {
        if (opcode == IR_WS_CLOSE)
            p->over = true;
        else if (opcode == IR_WS_PING)
            send_message(p, IR_WS_PONG, bytes, len);
        else if (opcode == IR_WS_BINARY && p->spdy)
            take_spdy(p, bytes, len);
        else if (opcode == IR_WS_BINARY && len && !bytes[0])
            hear(p, &p->streams[0], bytes + 1, len - 1);
    }
}

static void run_pod(struct pod *p)
{
    char chunk[16384];
    bool ended = false;
    while (!p->over) {
        struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
        if (!ended && p->name == 'x' && atomic_load(&p->server->replaced)) {
            ended = true;
            end_all(p);
        }
        if (poll(&poll_fd, 1, 20) == 0)
            continue;
        ssize_t n = recv(p->fd, chunk, sizeof chunk, 0);
        if (n <= 0)
            return;
        if (atomic_load(&p->server->mute))
            continue;
        ir_ws_feed(&p->in, chunk, (size_t)n);
        take_messages(p);
    }
}

static void upgrade(struct conn *c, const char *head, bool tunnel)
{
    struct pod p = {.server = c->server, .fd = c->fd, .in = {.server = true}};
    char key[64] = "", prefix[3] = {0};
    const char *at = strcasestr(head, "sec-websocket-key: "), *ports = strstr(head, "?ports=");
    p.name = strstr(head, "/pods/")[6];
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
        struct stream *s = &p.streams[0];
        s->port = ports ? (int)strtol(ports + 7, NULL, 10) : 0;
        prefix[1] = (char)s->port;
        send_message(&p, IR_WS_BINARY, prefix, 3);
        prefix[0] = 1;
        send_message(&p, IR_WS_BINARY, prefix, 3);
        begin(&p, s);
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
    "{\"port\":7,\"targetPort\":7},{\"port\":4},{\"port\":3},{\"port\":6},{\"port\":9},"
    "{\"port\":81,\"targetPort\":\"none\"}]}}";
#define POD(name, uid)                                                                             \
    "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"over\"},\"status\":{\"phase\":"         \
    "\"Failed\"}},"                                                                                \
    "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid                                          \
    "\"},\"spec\":{\"containers\":[{\"ports\":[{"                                                  \
    "\"name\":\"web\",\"containerPort\":80}]}]},\"status\":{\"phase\":\"Running\",\"conditions\":" \
    "["                                                                                            \
    "{\"type\":\"Ready\",\"status\":\"True\"}]}}]}"

static void wait_for_end(int fd)
{
    char c;
    while (recv(fd, &c, 1, 0) > 0)
        ;
}

static void forward(struct conn *c, const char *head)
{
    bool gone = atomic_load(&c->server->replaced) && strstr(head, "/pods/x/");
    bool tunnel = strstr(head, "SPDY/3.1+portforward.k8s.io") != NULL;
    atomic_fetch_add(tunnel ? &c->server->tunnels : &c->server->channels, 1);
    if (atomic_fetch_sub(&c->server->hang, 1) > 0)
        wait_for_end(c->fd);
    else if (atomic_load(&c->server->forbidden))
        reply(c->fd, "403 Forbidden", "application/json",
              "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"cannot create resource "
              "\\\"pods/portforward\\\"\"}");
    else if (gone)
        reply(c->fd, "404 Not Found", "application/json",
              "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods x not found\"}");
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
    if (strstr(head, "/pods/x/portforward") || strstr(head, "/pods/y/portforward"))
        forward(c, head);
    else if (strstr(head, "/deployments/d "))
        reply(c->fd, "200 OK", "application/json",
              "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}}");
    else if (strstr(head, "/services/s "))
        reply(c->fd, "200 OK", "application/json", service);
    else if (strstr(head, "/pods?"))
        reply(c->fd, "200 OK", "application/json",
              atomic_load(&c->server->replaced) ? POD("y", "2") : POD("x", "1"));
    else if (strstr(head, "/pods/x ") || strstr(head, "/pods/y "))
        reply(c->fd, "200 OK", "application/json", "{\"metadata\":{\"name\":\"x\"}}");
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
        size_t n = atomic_load(&a->n_conns);
        if (!c || n == CONNS_MAX)
            return free(c), NULL;
        *c = (struct conn){a, fd};
        a->fds[n] = fd;
        pthread_create(&a->conns[n], NULL, serve, c);
        atomic_store(&a->n_conns, n + 1);
    }
}

static void open_door(apiserver *a)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)a->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1;
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(a->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(a->fd, (struct sockaddr *)&at, sizeof at) || listen(a->fd, 256) ||
        getsockname(a->fd, (struct sockaddr *)&at, &len) ||
        pthread_create(&a->thread, NULL, take, a))
        abort();
    a->port = ntohs(at.sin_port);
}

apiserver *apiserver_start(bool old, bool forbidden)
{
    apiserver *a = calloc(1, sizeof *a);
    a->old = old;
    atomic_store(&a->forbidden, forbidden);
    open_door(a);
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

int apiserver_streams(const apiserver *a)
{
    return atomic_load(&a->streams);
}

void apiserver_replace(apiserver *a)
{
    atomic_store(&a->replaced, true);
}

void apiserver_mute(apiserver *a)
{
    atomic_store(&a->mute, true);
}

void apiserver_forbid(apiserver *a)
{
    atomic_store(&a->forbidden, true);
}

void apiserver_hang(apiserver *a, int n)
{
    atomic_store(&a->hang, n);
}

void apiserver_down(apiserver *a)
{
    shutdown(a->fd, SHUT_RDWR);
    pthread_join(a->thread, NULL);
    close(a->fd);
    for (size_t i = 0; i < atomic_load(&a->n_conns); i++) {
        shutdown(a->fds[i], SHUT_RDWR);
        pthread_join(a->conns[i], NULL);
        close(a->fds[i]);
    }
    atomic_store(&a->n_conns, 0);
}

void apiserver_up(apiserver *a)
{
    open_door(a);
}

void apiserver_stop(apiserver *a)
{
    apiserver_down(a);
    free(a);
}
