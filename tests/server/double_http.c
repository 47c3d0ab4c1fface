/* double_http.c - how the double talks: reads requests, finds their rule, answers or fails, and is
 * a proxy. */
#include "double_impl.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *copy(const char *s)
{
    return s ? dbl_must(strdup(s)) : NULL;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

long dbl_recv(conn *c, void *p, size_t len)
{
    return c->ssl ? SSL_read(c->ssl, p, (int)len) : recv(c->fd, p, len, 0);
}

bool dbl_send(conn *c, const char *p, size_t len)
{
    while (len) {
        long n = c->ssl ? SSL_write(c->ssl, p, (int)(len > 65536 ? 65536 : len))
                        : send(c->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Until the other side or the test goes away. */
void dbl_stall(conn *c)
{
    for (;;) {
        pthread_mutex_lock(&c->d->lock);
        bool stop = c->d->stopping;
        pthread_mutex_unlock(&c->d->lock);
        struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
        if (stop || poll(&p, 1, 20) > 0)
            return;
    }
}

static void fail(conn *c, enum dbl_fault fault)
{
    if (fault == DBL_STALL)
        dbl_stall(c);
    if (fault == DBL_RESET) {
        struct linger hard = {1, 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* The length of a whole head in `in`, 0 at the end of the connection. */
static size_t read_head(conn *c)
{
    for (;;) {
        char *end = c->len ? memmem(c->in, c->len, "\r\n\r\n", 4) : NULL;
        if (end)
            return (size_t)(end - c->in) + 4;
        if (c->len == sizeof c->in)
            return 0;
        long n = dbl_recv(c, c->in + c->len, sizeof c->in - c->len);
        if (n <= 0)
            return 0;
        c->len += (size_t)n;
    }
}

static void consume(conn *c, size_t n)
{
    memmove(c->in, c->in + n, c->len - n);
    c->len -= n;
}

static long next_bytes(conn *c, char *buf, size_t max)
{
    if (!c->len)
        return dbl_recv(c, buf, max);
    size_t n = c->len < max ? c->len : max;
    memcpy(buf, c->in, n);
    consume(c, n);
    return (long)n;
}

static void keep(dbl_request *r, const char *p, size_t n)
{
    size_t room = r->body_len < KEEP_MAX ? KEEP_MAX - r->body_len : 0;
    if (room)
        memcpy(r->body + r->body_len, p, n < room ? n : room);
    r->body_len += n;
}

/* n bytes of body; false at the end, or where the rule wants its fault. */
static bool read_some(conn *c, dbl_request *r, size_t n, const dbl_rule *rule)
{
    char buf[16384];
    while (n) {
        long got = next_bytes(c, buf, n < sizeof buf ? n : sizeof buf);
        if (got <= 0)
            return false;
        keep(r, buf, (size_t)got);
        n -= (size_t)got;
        if (rule && rule->after_read && r->body_len >= (size_t)rule->after_read)
            return false;
    }
    return true;
}

static bool read_chunks(conn *c, dbl_request *r, const dbl_rule *rule)
{
    for (;;) {
        char line[32] = "";
        for (size_t i = 0; i + 1 < sizeof line && !strchr(line, '\n'); i++)
            if (next_bytes(c, line + i, 1) != 1)
                return false;
        size_t n = strtoul(line, NULL, 16);
        dbl_request end = {.body = dbl_must(calloc(1, KEEP_MAX + 1))};
        bool good = !n || read_some(c, r, n, rule);
        good = good && read_some(c, &end, 2, NULL);
        free(end.body);
        if (!good || !n)
            return good;
    }
}

char *dbl_header(const dbl_request *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strstr(r->head, "\r\n"); p && p[2]; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':') {
            const char *v = p + 3 + n;
            v += strspn(v, " ");
            return dbl_must(strndup(v, strcspn(v, "\r")));
        }
    return NULL;
}

static bool read_body(conn *c, dbl_request *r, const dbl_rule *rule)
{
    char *length = dbl_header(r, "content-length"), *coding = dbl_header(r, "transfer-encoding");
    char *expect = dbl_header(r, "expect");
    bool good = true;
    if (expect)
        good = dbl_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (good && coding)
        good = read_chunks(c, r, rule);
    else if (good && length)
        good = read_some(c, r, strtoul(length, NULL, 10), rule);
    free(length);
    free(coding);
    free(expect);
    return good;
}

static char *client_name(conn *c)
{
    char name[256];
    X509 *x = c->ssl ? SSL_get_peer_certificate(c->ssl) : NULL;
    if (!x)
        return NULL;
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
    X509_free(x);
    return n > 0 ? copy(name) : NULL;
}

static dbl_request *parse(conn *c, size_t head)
{
    dbl_request *r = dbl_must(calloc(1, sizeof *r));
    r->head = dbl_must(strndup(c->in, head));
    r->body = dbl_must(calloc(1, KEEP_MAX + 1));
    r->connection = c->number;
    r->client = client_name(c);
    size_t n = strcspn(r->head, " ");
    r->method = dbl_must(strndup(r->head, n));
    const char *target = r->head + n + (r->head[n] == ' ');
    r->target = dbl_must(strndup(target, strcspn(target, " \r\n")));
    consume(c, head);
    pthread_mutex_lock(&c->d->lock);
    c->d->requests = dbl_must(realloc(c->d->requests, (c->d->n_requests + 1) * sizeof r));
    c->d->requests[c->d->n_requests++] = r;
    pthread_mutex_unlock(&c->d->lock);
    return r;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static bool path_is(const char *pattern, const char *target)
{
    size_t n = pattern ? strlen(pattern) : 0;
    if (!pattern)
        return true;
    return n && pattern[n - 1] == '*' ? !strncmp(pattern, target, n - 1) : !strcmp(pattern, target);
}

bool dbl_asked(const dbl_request *r, const char *method, const char *path)
{
    return (!method || !strcmp(method, r->method)) && path_is(path, r->target);
}

static bool rule_for(dbl *d, const dbl_request *r, dbl_rule *ret)
{
    bool found = false;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->n_rules && !found; i++) {
        const dbl_rule *rule = &d->rules[i];
        found = dbl_asked(r, rule->method, rule->path) &&
                (!rule->times || d->used[i] < rule->times) &&
                (!rule->with_header || strstr(r->head, rule->with_header)) &&
                (!rule->without_header || !strstr(r->head, rule->without_header));
        if (found) {
            d->used[i]++;
            *ret = *rule;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

void dbl_on(dbl *d, const dbl_rule *rule)
{
    dbl_rule r = *rule;
    if (r.body && !r.body_len)
        r.body_len = strlen(r.body);
    r.method = copy(r.method);
    r.path = copy(r.path);
    r.with_header = copy(r.with_header);
    r.without_header = copy(r.without_header);
    r.headers = copy(r.headers);
    r.raw = copy(r.raw);
    r.echo = copy(r.echo);
    if (r.body) {
        char *body = dbl_must(malloc(r.body_len + 1));
        memcpy(body, r.body, r.body_len);
        r.body = body;
    }
    pthread_mutex_lock(&d->lock);
    d->rules = dbl_must(realloc(d->rules, (d->n_rules + 1) * sizeof r));
    d->used = dbl_must(realloc(d->used, (d->n_rules + 1) * sizeof *d->used));
    d->rules[d->n_rules] = r;
    d->used[d->n_rules++] = 0;
    pthread_mutex_unlock(&d->lock);
}

/* ---- replies -------------------------------------------------------------------------------- */

static bool send_head(conn *c, const dbl_rule *rule, const dbl_request *r)
{
    char head[8192];
    int status = rule->status ? rule->status : 200;
    const char *headers = rule->headers ? rule->headers : "";
    bool own = strcasestr(headers, "content-length:") || strcasestr(headers, "transfer-encoding:");
    bool bodiless = status == 204 || status == 304 || status < 200;
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\n%s", status, headers);
    if (!own && !bodiless)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", rule->body_len);
    (void)r;
    return dbl_send(c, head, (size_t)n) && dbl_send(c, "\r\n", 2);
}

static bool send_body(conn *c, const dbl_rule *rule)
{
    size_t len = rule->body_len;
    if (rule->fault && (size_t)rule->after < len)
        len = (size_t)rule->after;
    if (!rule->pause_ms)
        return dbl_send(c, rule->body, len);
    for (size_t at = 0; at < len; at += 1024) {
        if (!dbl_send(c, rule->body + at, len - at < 1024 ? len - at : 1024))
            return false;
        dbl_nap(rule->pause_ms);
    }
    return true;
}

static void echo(conn *c, const char *first)
{
    char buf[4096];
    long n = (long)strlen(first);
    memcpy(buf, first, (size_t)n);
    do {
        if (!dbl_send(c, buf, (size_t)n))
            return;
    } while ((n = next_bytes(c, buf, sizeof buf)) > 0);
}

/* Whether the connection stays. */
static bool reply(conn *c, const dbl_rule *rule, const dbl_request *r)
{
    if (rule->delay_ms)
        dbl_nap(rule->delay_ms);
    if (rule->raw) {
        dbl_send(c, rule->raw, strlen(rule->raw));
        return false;
    }
    if (rule->fault && rule->before_head) {
        fail(c, rule->fault);
        return false;
    }
    if (!send_head(c, rule, r) || (strcmp(r->method, "HEAD") != 0 && !send_body(c, rule)))
        return false;
    if (rule->fault) {
        fail(c, rule->fault);
        return false;
    }
    if (rule->echo) {
        echo(c, rule->echo);
        return false;
    }
    return !(rule->headers && strcasestr(rule->headers, "connection: close")) &&
           rule->status != 101;
}

/* ---- proxy ---------------------------------------------------------------------------------- */

/* One side's bytes to the other; false at its end. */
static bool carry(conn *c, int to, bool outward)
{
    char buf[16384];
    long n = outward ? next_bytes(c, buf, sizeof buf) : recv(to, buf, sizeof buf, 0);
    if (n <= 0)
        return false;
    return outward ? send(to, buf, (size_t)n, MSG_NOSIGNAL) == n : dbl_send(c, buf, (size_t)n);
}

static void pump(conn *c, int to)
{
    struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = to, .events = POLLIN}};
    for (;;) {
        bool ready = c->len || (c->ssl && SSL_pending(c->ssl));
        if (!ready && poll(p, 2, 10000) <= 0)
            return;
        if ((ready || p[0].revents) && !carry(c, to, true))
            return;
        if (!ready && p[1].revents && !carry(c, to, false))
            return;
        p[0].revents = p[1].revents = 0;
    }
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((unsigned short)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Whether there is an answer left to give; false: it was given. */
static bool proxy(conn *c, const dbl_request *r)
{
    bool connects = !strcmp(r->method, "CONNECT");
    if (!connects && r->target[0] == '/')
        return true;
    char *auth = dbl_header(r, "proxy-authorization");
    bool allowed = !c->d->conf.proxy_auth || (auth && !strcmp(auth, c->d->conf.proxy_auth));
    free(auth);
    if (!allowed) {
        dbl_send(c,
                 "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
                 "Content-Length: 0\r\n\r\n",
                 76);
        return false;
    }
    if (!connects)
        return true;
    const char *colon = strrchr(r->target, ':');
    int to = dial(colon ? (int)strtol(colon + 1, NULL, 10) : 0);
    if (to < 0) {
        dbl_send(c, "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n", 38);
        return false;
    }
    if (dbl_send(c, "HTTP/1.1 200 Yes\r\n\r\n", 20))
        pump(c, to);
    close(to);
    return false;
}

/* ---- connections ---------------------------------------------------------------------------- */

void dbl_serve(conn *c)
{
    size_t head;
    while ((head = read_head(c))) {
        dbl_rule rule = {.status = 404};
        dbl_request *r = parse(c, head);
        if (!proxy(c, r))
            return;
        rule_for(c->d, r, &rule);
        if (rule.after_read == -1) { /* answers without having read the body */
            reply(c, &rule, r);
            return;
        }
        if (!read_body(c, r, &rule)) {
            if (rule.after_read)
                fail(c, rule.fault);
            return;
        }
        if (!reply(c, &rule, r))
            return;
    }
}
