/* upgrade.c - a connection that HTTP hands over. curl makes it (proxy, TLS, client certificate:
 * CONNECT_ONLY); the request's head is written and the reply's head is read here, because curl
 * knows no such request; after a 101 the bytes are the caller's. */
#include "net/upgrade.h"
#include "net/auth.h"
#include "net/http_impl.h"
#include "base/limits.h"

#include <poll.h>
#include <stdlib.h>

struct ir_raw {
    ir_wire *wire;
    ir_buf early; /* came with the head */
    size_t early_at;
};

static int easy_fail(ir_wire *w, CURLcode result, const char *doing, imgrel_error *err)
{
    int rc = ir_fail(err, IMGREL_ENET, "%s: connection broken while %s (%s: %s)", w->host, doing,
                     w->what, w->why[0] ? w->why : curl_easy_strerror(result));
    if (err)
        err->retryable = 1;
    return rc;
}

static int64_t raw_send(ir_wire *w, const void *buf, size_t len, imgrel_error *err)
{
    size_t n = 0;
    CURLcode result = curl_easy_send(w->lane->easy, buf, len, &n);
    if (result == CURLE_AGAIN)
        return IMGREL_ESTATE;
    return result == CURLE_OK ? (int64_t)n : easy_fail(w, result, "sending", err);
}

static int64_t raw_recv(ir_wire *w, void *buf, size_t len, imgrel_error *err)
{
    size_t n = 0;
    CURLcode result = curl_easy_recv(w->lane->easy, buf, len, &n);
    if (result == CURLE_AGAIN)
        return IMGREL_ESTATE;
    return result == CURLE_OK ? (int64_t)n : easy_fail(w, result, "receiving", err);
}

static int wire_fd(const ir_wire *w)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(w->lane->easy, CURLINFO_ACTIVESOCKET, &fd);
    return (int)fd;
}

static int wait_socket(ir_wire *w, short events, imgrel_error *err)
{
    int64_t stall = ir_call_conf(&w->call)->stall_timeout_ms;
    int rc = ir_wait_fd(wire_fd(w), events, w->call.cancel, stall ? stall : -1, w->call.deadline_ms,
                        err);
    if (rc == 0)
        return ir_wire_fail_stall(w, stall, err);
    return rc < 0 ? ir_wire_fail_call(w, rc, err) : 0;
}

/* ---- the request ---------------------------------------------------------------------------- */

static int connect_wire(ir_wire *w, imgrel_error *err)
{
    int rc = ir_wire_finish(w, err);
    w->connected = true;
    w->logged = false;
    w->started_ms = ir_now_ms();
    return rc;
}

/* A line without a value is a word to curl: leave that header out. */
static void put_head(const ir_wire *w, const ir_url *url, ir_buf *out)
{
    bool host = false;
    ir_buf_addf(out, "%s %s%s%s HTTP/1.1\r\n", w->method, url->path, url->query ? "?" : "",
                url->query ? url->query : "");
    for (const struct curl_slist *l = w->headers; l; l = l->next) {
        if (ir_ends(l->data, ":"))
            continue;
        host |= ir_starts(l->data, "Host:");
        ir_buf_addf(out, "%s\r\n", l->data);
    }
    if (!host)
        ir_buf_addf(out, "Host: %s\r\n", w->host);
    ir_buf_adds(out, "\r\n");
}

static int send_head(ir_wire *w, const ir_url *url, imgrel_error *err)
{
    IR_AUTO(ir_buf) head = IR_BUF_SECRET(IR_HEADERS_MAX);
    put_head(w, url, &head);
    int rc = ir_buf_check(&head, err, "request head");
    for (size_t at = 0; !rc && at < head.len;) {
        int64_t n = raw_send(w, head.p + at, head.len - at, err);
        if (n >= 0)
            at += (size_t)n;
        else
            rc = n == IMGREL_ESTATE ? wait_socket(w, POLLOUT, err) : (int)n;
    }
    return rc;
}

/* ---- the reply ------------------------------------------------------------------------------ */

/* More bytes into b: 1, 0 at the end, or a code. */
static int receive(ir_wire *w, ir_buf *b, imgrel_error *err)
{
    char chunk[4096];
    int64_t n;
    int rc = 0;
    while ((n = raw_recv(w, chunk, sizeof chunk, err)) == IMGREL_ESTATE)
        if ((rc = wait_socket(w, POLLIN, err)))
            return rc;
    if (n <= 0)
        return (int)n;
    ir_buf_add(b, chunk, (size_t)n);
    rc = ir_buf_check(b, err, w->host);
    return rc ? rc : 1;
}

/* Head lines from b; what came after the head stays in it. */
static int read_head(ir_wire *w, ir_buf *b, imgrel_error *err)
{
    size_t at = 0;
    while (!w->head) {
        char *end = b->len > at ? memchr(b->p + at, '\n', b->len - at) : NULL;
        if (!end) {
            int rc = receive(w, b, err);
            if (rc < 0)
                return rc;
            if (rc == 0)
                return easy_fail(w, CURLE_GOT_NOTHING, "waiting for the reply", err);
            continue;
        }
        size_t len = (size_t)(end - b->p) + 1 - at;
        if (ir_wire_header(b->p + at, 1, len, w) != len)
            return ir_fail(err, w->rc, "%s: %s", w->host, w->error.message);
        if (w->status == 0 && at == 0)
            return ir_fail(err, IMGREL_EPROTO, "%s: does not answer in HTTP (%s)", w->host,
                           w->what);
        at += len;
    }
    memmove(b->p, b->p + at, b->len - at);
    ir_buf_truncate(b, b->len - at);
    return 0;
}

/* Decodes what is there of a chunked body; true: it is complete. */
static bool unchunk(const ir_buf *b, ir_buf *out)
{
    const char *p = ir_buf_str(b), *end = p + b->len;
    ir_buf_clear(out);
    for (;;) {
        char *after = NULL;
        const char *line = memchr(p, '\n', (size_t)(end - p));
        unsigned long size = line ? strtoul(p, &after, 16) : 0;
        if (!line)
            return false;
        if (after == p || !size || size > IR_API_BODY_MAX)
            return true;
        if ((size_t)(end - line) < size + 3)
            return false;
        ir_buf_add(out, line + 1, size);
        p = line + 1 + size + 2;
    }
}

/* A refusal's body, for people: what there is of it within the cap. */
static int read_refusal(ir_wire *w, ir_buf *b, ir_buf *out, imgrel_error *err)
{
    const char *length = ir_reply_header(w->reply, "content-length", 0);
    const char *coding = ir_reply_header(w->reply, "transfer-encoding", 0);
    bool chunked = coding && strcasecmp(coding, "chunked") == 0;
    unsigned long long size = out->max;
    if (length && !ir_parse_u64(length, out->max, &size))
        size = out->max;
    int rc = 1;
    while (rc == 1 && (chunked ? !unchunk(b, out) : b->len < size))
        rc = receive(w, b, err);
    if (rc < 0 && rc != IMGREL_ELIMIT)
        return rc;
    if (!chunked)
        ir_buf_add(out, b->p, b->len < size ? b->len : (size_t)size);
    return 0;
}

static int exchange(ir_wire *w, const ir_url *url, ir_reply *ret, ir_raw *raw, imgrel_error *err)
{
    int rc = connect_wire(w, err);
    if (!rc)
        rc = send_head(w, url, err);
    if (!rc)
        rc = read_head(w, &raw->early, err);
    ret->status = w->status;
    if (!rc && w->status != 101)
        rc = read_refusal(w, &raw->early, &ret->body, err);
    ir_wire_log(w);
    return rc;
}

int ir_upgrade(const ir_call *call, const ir_request *req, ir_raw **ret_raw, ir_reply *ret,
               imgrel_error *err)
{
    IR_AUTO(ir_buf) auth = IR_BUF_SECRET(IR_TOKEN_MAX + 64);
    IR_AUTO(ir_url) url = {0};
    *ret_raw = NULL;
    ir_reply_init(req, ret);
    ir_raw *raw = calloc(1, sizeof *raw);
    if (!raw)
        return ir_nomem(err);
    raw->early = (ir_buf)IR_BUF(IR_HEADERS_MAX + ret->body.max);
    int rc = ir_url_parse(req->url, &url, err);
    if (!rc && req->auth)
        rc = ir_auth_begin(call, req, &url, &auth, err);
    ir_shot shot = {.call = call,
                    .req = req,
                    .method = req->method ? req->method : "GET",
                    .url = &url,
                    .authorization = auth.len ? auth.p : NULL,
                    .grant = {true, true, true},
                    .connect_only = true,
                    .n_try = 1};
    if (!rc)
        rc = ir_wire_open(&shot, ret, &raw->wire, err);
    if (!rc)
        rc = exchange(raw->wire, &url, ret, raw, err);
    ret->tries = 1;
    if (!rc && !(ret->url = ir_strdup(req->url)))
        rc = ir_nomem(err);
    if (rc || ret->status != 101) {
        ir_raw_close(raw);
        return rc;
    }
    *ret_raw = raw;
    return 0;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

int64_t ir_raw_recv(ir_raw *r, void *buf, size_t len, imgrel_error *err)
{
    size_t n = r->early.len - r->early_at;
    if (!n)
        return raw_recv(r->wire, buf, len, err);
    if (n > len)
        n = len;
    memcpy(buf, r->early.p + r->early_at, n);
    r->early_at += n;
    return (int64_t)n;
}

int64_t ir_raw_send(ir_raw *r, const void *buf, size_t len, imgrel_error *err)
{
    return raw_send(r->wire, buf, len, err);
}

int ir_raw_fd(const ir_raw *r)
{
    return wire_fd(r->wire);
}

void ir_raw_close(ir_raw *r)
{
    if (!r)
        return;
    ir_wire_close(r->wire);
    ir_buf_free(&r->early);
    free(r);
}
