/* server_reply.c - replies: built by the APIs, turned into libmicrohttpd's, cut short where a fault
 * says so; streams that wait for something to tell; and connections that are handed over. */
#include "mock/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STREAM_BLOCK (64 * IR_KIB)
#define LOOK_AGAIN_MS 100

void mk_reply_header(mk_reply *p, const char *name, const char *fmt, ...)
{
    va_list ap;
    ir_buf_addf(&p->headers, "%s: ", name);
    va_start(ap, fmt);
    ir_buf_addv(&p->headers, fmt, ap);
    va_end(ap);
    ir_buf_addc(&p->headers, '\n');
}

void mk_reply_json(mk_reply *p, int status, ir_json *j)
{
    p->status = status;
    mk_reply_header(p, "Content-Type", "application/json");
    if (ir_json_dump(j, IR_JSON_COMPACT, &p->body, NULL))
        p->status = 500;
    ir_buf_addc(&p->body, '\n');
    ir_json_free(j);
}

void mk_reply_text(mk_reply *p, int status, const char *type, const char *text)
{
    p->status = status;
    mk_reply_header(p, "Content-Type", "%s", type);
    ir_buf_adds(&p->body, text);
}

void mk_reply_free(mk_reply *p)
{
    if (p->fd > 0)
        close(p->fd);
    if (p->stream_free)
        p->stream_free(p->user);
    ir_buf_free(&p->headers);
    ir_buf_free(&p->body);
    *p = (mk_reply){.status = p->status};
}

/* ---- a body that comes bit by bit ------------------------------------------------------------ */

/* What libmicrohttpd keeps of a reply after its request's handler is done. */
typedef struct feed {
    mk_conn *conn;
    mk_reply reply;
    int64_t left, cut; /* of a body with a known length; bytes before the cut, -1: none */
} feed;

static bool peer_gone(mk_conn *c)
{
    int sock = MHD_get_connection_info(c->r.conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct pollfd p = {.fd = sock, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void wait_for_news(struct mk_server *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_AGAIN_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&s->lock);
    if (!s->stopping)
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

void mk_stall(mk_conn *c)
{
    while (!mk_stopping(c->r.mock) && !peer_gone(c))
        wait_for_news(c->server);
}

static int64_t read_stream(feed *f, char *buf, size_t len)
{
    for (;;) {
        int64_t n = f->reply.stream(f->reply.user, buf, len);
        if (n)
            return n;
        if (mk_stopping(f->conn->r.mock) || peer_gone(f->conn))
            return -2;
        wait_for_news(f->conn->server);
    }
}

static int64_t read_body(feed *f, uint64_t pos, char *buf, size_t len)
{
    if (f->reply.stream)
        return read_stream(f, buf, len);
    if (f->reply.fd > 0)
        return pread(f->reply.fd, buf, len, (off_t)(f->reply.fd_off + (int64_t)pos));
    memcpy(buf, f->reply.body.p + pos, len);
    return (int64_t)len;
}

static ssize_t feed_more(void *cls, uint64_t pos, char *buf, size_t len)
{
    feed *f = cls;
    if (f->cut >= 0 && (uint64_t)f->cut <= pos && f->conn->hit.stall)
        mk_stall(f->conn);
    if (f->cut >= 0 && (uint64_t)f->cut <= pos)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (f->cut >= 0 && len > (uint64_t)f->cut - pos)
        len = (uint64_t)f->cut - pos;
    if (f->left >= 0 && len > (uint64_t)f->left - pos)
        len = (uint64_t)f->left - pos;
    int64_t n = len ? read_body(f, pos, buf, len) : -1;
    if (n < 0)
        return n == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    f->conn->bytes_out += n;
    return n ? (ssize_t)n : MHD_CONTENT_READER_END_WITH_ERROR; /* a file that shrank */
}

static void feed_free(void *cls)
{
    feed *f = cls;
    mk_reply_free(&f->reply);
    free(f);
}

static struct MHD_Response *make_feed(mk_conn *c, int64_t size)
{
    feed *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    *f = (feed){.conn = c, .reply = c->reply, .left = size, .cut = c->hit.on ? c->hit.after : -1};
    c->reply = (mk_reply){.status = c->reply.status, .headers = c->reply.headers};
    f->reply.headers = (ir_buf){0};
    struct MHD_Response *m = MHD_create_response_from_callback(
        size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size, STREAM_BLOCK, feed_more, f, feed_free);
    if (!m)
        feed_free(f);
    return m;
}

/* ---- a connection that is handed over -------------------------------------------------------- */

static void *run_upgrade(void *arg)
{
    mk_upgrade *u = arg;
    u->reply.upgraded(u->reply.user, u->sock, u->extra, u->extra_len);
    mk_reply_free(&u->reply);
    free(u->extra);
    pthread_mutex_lock(&u->server->lock);
    u->sock = -1;
    u->ended = true;
    pthread_mutex_unlock(&u->server->lock);
    MHD_upgrade_action(u->handle, MHD_UPGRADE_ACTION_CLOSE);
    return NULL;
}

/* Joins those that are done; with lock held. */
static void reap_upgrades(struct mk_server *s)
{
    for (mk_upgrade **at = &s->upgrades; *at;) {
        mk_upgrade *u = *at;
        if (!u->ended) {
            at = &u->next;
            continue;
        }
        *at = u->next;
        pthread_join(u->thread, NULL); /* past its last use of the lock */
        free(u);
    }
}

static void start_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls, const char *extra,
                          size_t extra_len, MHD_socket sock, struct MHD_UpgradeResponseHandle *h)
{
    (void)conn, (void)con_cls;
    mk_upgrade *u = cls;
    struct mk_server *s = u->server;
    u->sock = sock;
    u->handle = h;
    u->extra = ir_strndup(extra ? extra : "", extra_len);
    u->extra_len = u->extra ? extra_len : 0;
    fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) & ~O_NONBLOCK);
    pthread_mutex_lock(&s->lock);
    reap_upgrades(s);
    bool go = !s->stopping && !pthread_create(&u->thread, NULL, run_upgrade, u);
    if (go) {
        u->next = s->upgrades;
        s->upgrades = u;
    }
    pthread_mutex_unlock(&s->lock);
    if (go)
        return;
    MHD_upgrade_action(h, MHD_UPGRADE_ACTION_CLOSE);
    mk_reply_free(&u->reply);
    free(u->extra);
    free(u);
}

void mk_upgrades_stop(struct mk_server *s)
{
    pthread_mutex_lock(&s->lock);
    mk_upgrade *all = s->upgrades;
    s->upgrades = NULL;
    for (mk_upgrade *u = all; u; u = u->next)
        if (u->sock >= 0)
            shutdown(u->sock, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    while (all) {
        mk_upgrade *u = all;
        all = u->next;
        pthread_join(u->thread, NULL);
        free(u);
    }
}

static struct MHD_Response *make_upgrade(mk_conn *c)
{
    mk_upgrade *u = calloc(1, sizeof *u);
    struct MHD_Response *m = u ? MHD_create_response_for_upgrade(start_upgrade, u) : NULL;
    if (!m) {
        free(u);
        return NULL;
    }
    u->server = c->server;
    u->reply = c->reply;
    u->reply.headers = (ir_buf){0};
    c->reply = (mk_reply){.status = c->reply.status, .headers = c->reply.headers};
    return m;
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct MHD_Response *make_bytes(mk_conn *c)
{
    size_t len = c->reply.body.len;
    char *p = ir_buf_take(&c->reply.body);
    c->bytes_out = (int64_t)len;
    struct MHD_Response *m =
        p ? MHD_create_response_from_buffer(len, p, MHD_RESPMEM_MUST_FREE) : NULL;
    if (p && !m)
        free(p);
    return m;
}

static struct MHD_Response *make_response(mk_conn *c)
{
    mk_reply *p = &c->reply;
    bool cut = c->hit.on && c->hit.after >= 0;
    if (p->upgraded)
        return make_upgrade(c);
    if (p->stream)
        return make_feed(c, p->stream_len > 0 ? p->stream_len : -1);
    if (p->fd > 0)
        return make_feed(c, p->fd_len);
    return cut ? make_feed(c, (int64_t)p->body.len) : make_bytes(c);
}

static void add_headers(struct MHD_Response *m, char *lines)
{
    for (char *end = NULL, *line = lines; line && *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        char *value = strstr(line, ": ");
        if (!value)
            continue;
        *value = '\0';
        /* libmicrohttpd refuses an empty value; a blank reads as one. */
        MHD_add_response_header(m, line, value[2] ? value + 2 : " ");
    }
}

/* The connection ends without a reply: a reset where that was asked for. */
static enum MHD_Result break_off(mk_conn *c)
{
    int sock = MHD_get_connection_info(c->r.conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(sock, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    c->reply.status = 0;
    return MHD_NO;
}

/* The mock's own time, so that who goes by a server's clock is told its clock (RFC 9110 5.6.7). */
static void add_date(mk_conn *c, struct MHD_Response *m)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    imgrel_mock *mock = c->server->mock;
    char text[64];
    struct tm tm;
    pthread_mutex_lock(&mock->lock);
    time_t now = (time_t)mk_now(mock);
    bool skewed = mock->clock_skew_s != 0;
    pthread_mutex_unlock(&mock->lock);
    if (!skewed || !gmtime_r(&now, &tm))
        return; /* libmicrohttpd says the true one */
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    MHD_add_response_header(m, MHD_HTTP_HEADER_DATE, text);
}

enum MHD_Result mk_send(mk_conn *c)
{
    if (c->hit.on && c->hit.stall && c->hit.after < 0)
        mk_stall(c);
    if (c->hit.on && (c->hit.reset || (c->hit.stall && c->hit.after < 0)))
        return break_off(c);
    if (c->hit.headers)
        ir_buf_adds(&c->reply.headers, c->hit.headers);
    if (!c->reply.status)
        c->reply.status = 200;
    if (c->reply.body.bad)
        c->reply.status = 500;
    int status = c->reply.status;
    struct MHD_Response *m = make_response(c);
    if (!m)
        return MHD_NO;
    if (!c->logged)
        mk_log_add(c->server, c);
    add_headers(m, c->reply.headers.p);
    add_date(c, m);
    enum MHD_Result sent = MHD_queue_response(c->r.conn, (unsigned)status, m);
    MHD_destroy_response(m);
    return sent;
}
