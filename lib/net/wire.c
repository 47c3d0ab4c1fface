/* wire.c - drives one exchange: curl's callbacks on one side, the caller's token, deadline and
 * patience on the other. Sinks are called straight from curl's write callback; a stream's bytes go
 * straight into the waiting reader's buffer. */
#include "net/wire.h"
#include "base/limits.h"

#include <stdlib.h>

#define POLL_MAX_MS 60000

/* ---- callbacks ------------------------------------------------------------------------------ */

static size_t fail_callback(ir_wire *w, int rc)
{
    if (!w->rc)
        w->rc = rc;
    return 0;
}

static int check_size(ir_wire *w, const ir_buf *b, const char *what)
{
    if (b->bad != IMGREL_ELIMIT)
        return ir_buf_check(b, &w->error, what);
    return ir_fail(&w->error, IMGREL_ELIMIT, "%s: %s: the %s is over %zu bytes", w->host, w->what,
                   what, b->max);
}

/* "HTTP/1.1 200 OK": a new head begins; what an interim reply said is dropped. */
static void begin_head(ir_wire *w, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    w->status = 0;
    if (space && len - (size_t)(space - line) >= 4)
        for (int i = 1; i <= 3 && space[i] >= '0' && space[i] <= '9'; i++)
            w->status = w->status * 10 + (space[i] - '0');
    ir_buf_clear(&w->reply->headers);
}

static void add_header(ir_wire *w, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    for (const char *p = line; p < colon; p++)
        ir_buf_addc(&w->reply->headers, *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p);
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    ir_buf_adds(&w->reply->headers, ": ");
    ir_buf_add(&w->reply->headers, value, (size_t)(end - value));
    ir_buf_addc(&w->reply->headers, '\0');
}

size_t ir_wire_header(char *p, size_t one, size_t n, void *user)
{
    ir_wire *w = user;
    size_t len = one * n;
    w->received += len;
    if (w->head) { /* trailers: nothing is kept of them, but they must end */
        w->trailers += len;
        if (w->trailers <= IR_HEADERS_MAX)
            return len;
        return fail_callback(w,
                             ir_fail(&w->error, IMGREL_ELIMIT,
                                     "%s: %s: the reply's trailers do not end", w->host, w->what));
    }
    while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
        len--;
    if (len > 5 && memcmp(p, "HTTP/", 5) == 0)
        begin_head(w, p, len);
    else if (len)
        add_header(w, p, len);
    else if (w->status >= 200 || w->status == 101)
        w->head = true;
    int rc = check_size(w, &w->reply->headers, "reply's head");
    return rc ? fail_callback(w, rc) : one * n;
}

static bool is_2xx(const ir_wire *w)
{
    return w->status >= 200 && w->status < 300;
}

/* Bodies of errors are for reading: what is over the cap is not needed. */
static size_t keep_body(ir_wire *w, const char *p, size_t len)
{
    ir_buf *body = &w->reply->body;
    size_t room = body->max > body->len ? body->max - body->len : 0;
    if (!is_2xx(w) && len > room) {
        ir_buf_add(body, p, room);
        w->enough = true;
        return 0;
    }
    ir_buf_add(body, p, len);
    int rc = check_size(w, body, "reply's body");
    return rc ? fail_callback(w, rc) : len;
}

/* Straight into the reader's buffer. What it has no room for stays with curl until the next read:
 * curl would else bring in more for as long as the socket has any, and all of it be copied twice.
 * The ring is for those who wait without a buffer, and for a reader whose own is smaller than a
 * piece. */
static size_t give_stream(ir_wire *w, const char *p, size_t len)
{
    bool empty = w->ring.len == w->ring_at;
    if (empty && len <= w->want_len - w->want_n) {
        memcpy(w->want + w->want_n, p, len);
        w->want_n += len;
        return len;
    }
    ir_buf_drop(&w->ring, w->ring_at); /* what was read makes room */
    w->ring_at = 0;
    bool small = empty && w->want_len && !w->want_n;
    if ((!w->waits && !small) || len > IR_WIRE_RING - w->ring.len) {
        w->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    ir_buf_add(&w->ring, p, len);
    int rc = ir_buf_check(&w->ring, &w->error, "stream");
    return rc ? fail_callback(w, rc) : len;
}

static size_t on_body(char *p, size_t one, size_t n, void *user)
{
    ir_wire *w = user;
    size_t len = one * n;
    bool ours = is_2xx(w) || (w->req.flags & IR_HTTP_ANY_BODY);
    size_t taken = len;
    if (w->stream && is_2xx(w)) {
        taken = give_stream(w, p, len);
    } else if (ours && w->req.sink) {
        w->gave_sink = true;
        int rc = w->req.sink->write(w->req.sink->user, p, len, &w->error);
        if (rc < 0)
            return fail_callback(w, rc);
    } else {
        taken = keep_body(w, p, len);
    }
    if (taken == len)
        w->received += len;
    w->active_ms = ir_now_ms(); /* a slow sink is not a silent server */
    return taken;
}

static size_t on_read(char *buf, size_t one, size_t n, void *user)
{
    ir_wire *w = user;
    const ir_body *body = &w->req.body;
    int64_t got = body->read(body->user, buf, one * n, &w->error);
    w->active_ms = ir_now_ms();
    if (got == 0 && body->size >= 0 && w->given < body->size)
        got = ir_fail(&w->error, IMGREL_EIO, "%s: its source ended after %lld of %lld bytes",
                      w->what, (long long)w->given, (long long)body->size);
    if (got < 0) {
        fail_callback(w, (int)got);
        return CURL_READFUNC_ABORT;
    }
    w->given += got;
    return (size_t)got;
}

/* curl asks for this when a kept connection turns out to be dead. */
static int on_seek(void *user, curl_off_t offset, int origin)
{
    ir_wire *w = user;
    if (!w->given && offset == 0)
        return CURL_SEEKFUNC_OK;
    if (!w->req.body.rewind || offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    if (w->req.flags & IR_HTTP_ONE_TRY) /* some of it may have arrived: the caller must know */
        return CURL_SEEKFUNC_FAIL;
    int rc = w->req.body.rewind(w->req.body.user, &w->error);
    if (rc < 0) {
        fail_callback(w, rc);
        return CURL_SEEKFUNC_FAIL;
    }
    w->given = 0;
    return CURL_SEEKFUNC_OK;
}

static int on_ready(void *user, char *ip, char *local_ip, int port, int local_port)
{
    ir_wire *w = user;
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    w->connected = true;
    w->active_ms = ir_now_ms();
    return CURL_PREREQFUNC_OK;
}

static int set_callbacks(ir_wire *w)
{
    CURL *e = w->lane->easy;
    int bad = 0;
    bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, ir_wire_header);
    bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
    bad |= curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    bad |= curl_easy_setopt(e, CURLOPT_READDATA, w);
    bad |= curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    bad |= curl_easy_setopt(e, CURLOPT_SEEKDATA, w);
    bad |= curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_ready);
    bad |= curl_easy_setopt(e, CURLOPT_PREREQDATA, w);
    return bad;
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* Milliseconds that the server may still stay silent; a registry that checks a large upload before
 * it answers gets a second more for every 16 MiB. */
static int64_t patience(ir_wire *w, int64_t *ret_limit)
{
    int64_t limit = ir_call_conf(&w->call)->stall_timeout_ms;
    curl_off_t up = 0;
    *ret_limit = limit;
    bool silent =
        (w->req.flags & IR_HTTP_NO_STALL) && (w->head || !(w->req.flags & IR_HTTP_PROMPT));
    if (!w->connected || !limit || silent)
        return POLL_MAX_MS;
    curl_easy_getinfo(w->lane->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    uint64_t now = w->received + (uint64_t)up;
    if (now != w->seen) {
        w->seen = now;
        w->active_ms = ir_now_ms();
    }
    *ret_limit = limit += up / (16 * (int64_t)IR_MIB) * 1000;
    return w->active_ms + limit - ir_now_ms();
}

/* A server that drips is worse than one that is silent: only the time that was spent waiting for
 * bytes counts, so that a slow reader or sink is not blamed on it. */
static int check_speed(ir_wire *w, int64_t waited_ms, imgrel_error *err)
{
    const ir_conf *conf = ir_call_conf(&w->call);
    if (!w->connected || !conf->low_speed || (w->req.flags & IR_HTTP_NO_STALL))
        return 0;
    w->waited_ms += waited_ms;
    if (w->waited_ms < conf->low_speed_time_ms)
        return 0;
    uint64_t came = w->seen - w->waited_from;
    int64_t ms = w->waited_ms;
    w->waited_from = w->seen;
    w->waited_ms = 0;
    if (!came || came >= (uint64_t)(conf->low_speed * ms / 1000)) /* none: that is a stall's */
        return 0;
    return ir_wire_fail_slow(w, came, ms, err);
}

static void see_end(ir_wire *w)
{
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(w->lane->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        w->done = true;
        w->result = m->data.result;
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Waits for the sockets, the token or the nearest end, at most max_ms. */
static int wait_more(ir_wire *w, int64_t max_ms, imgrel_error *err)
{
    int64_t limit, left = patience(w, &limit);
    if (left <= 0)
        return ir_wire_fail_stall(w, limit, err);
    left = least(left, max_ms < 0 ? POLL_MAX_MS : max_ms);
    if (w->call.deadline_ms)
        left = least(left, w->call.deadline_ms - ir_now_ms());
    struct curl_waitfd token = {.fd = ir_cancel_poll_fd(w->call.cancel),
                                .events = CURL_WAIT_POLLIN};
    int64_t before = ir_now_ms();
    curl_multi_poll(w->lane->multi, &token, token.fd >= 0 ? 1 : 0, left > 0 ? (int)left : 0, NULL);
    return check_speed(w, ir_now_ms() - before, err);
}

/* Moves what can be moved. 1: something ended or a reader has bytes; 0: wait. */
static int move(ir_wire *w, imgrel_error *err)
{
    int running = 0;
    int rc = ir_call_check(&w->call, err);
    if (rc)
        return ir_wire_fail_call(w, rc, err);
    CURLMcode mc = curl_multi_perform(w->lane->multi, &running);
    see_end(w);
    if (mc != CURLM_OK && !w->done)
        return mc == CURLM_OUT_OF_MEMORY
                   ? ir_nomem(err)
                   : ir_fail(err, IMGREL_EIO, "%s: %s", w->host, curl_multi_strerror(mc));
    if (w->rc) {
        if (err && !err->code)
            *err = w->error;
        return ir_fail(err, w->rc, "%s: %s: stopped by its source or sink", w->host, w->what);
    }
    return w->done;
}

int ir_wire_head(ir_wire *w, imgrel_error *err)
{
    int rc = 0;
    while (!(rc = move(w, err)) && !w->head)
        if ((rc = wait_more(w, -1, err)))
            break;
    if (rc < 0)
        return rc;
    /* A break that came with the first bytes is told after them, so that a reader can resume. */
    return w->done && !(w->head && w->ring.len) ? ir_wire_fail(w, err) : 0;
}

int ir_wire_finish(ir_wire *w, imgrel_error *err)
{
    int rc = 0;
    while (!w->done && !(rc = move(w, err)))
        if ((rc = wait_more(w, -1, err)))
            break;
    rc = rc < 0 ? rc : ir_wire_fail(w, err);
    ir_wire_log(w);
    return rc;
}

static size_t take_ring(ir_wire *w, char *buf, size_t len)
{
    size_t n = w->ring.len - w->ring_at;
    if (n > len)
        n = len;
    if (n)
        memcpy(buf, w->ring.p + w->ring_at, n);
    w->ring_at += n;
    return n;
}

/* Lets curl go on once the ring has room; it calls on_body from inside. */
static void unpause(ir_wire *w)
{
    if (!w->paused || w->done)
        return;
    w->paused = false;
    w->active_ms = ir_now_ms();
    curl_easy_pause(w->lane->easy, CURLPAUSE_CONT);
}

static bool has_bytes(const ir_wire *w)
{
    return w->want_n || w->ring.len > w->ring_at;
}

int64_t ir_wire_read(ir_wire *w, void *buf, size_t len, imgrel_error *err)
{
    size_t n = take_ring(w, buf, len);
    if (n || !len)
        return (int64_t)n;
    w->want = buf;
    w->want_len = len;
    w->want_n = 0;
    w->active_ms = ir_now_ms(); /* nobody looked while the reader was away */
    unpause(w);
    int rc = 0;
    while (!has_bytes(w) && !w->done && !rc)
        if (!(rc = move(w, err)) && !has_bytes(w))
            rc = wait_more(w, -1, err);
    n = w->want_n ? w->want_n : take_ring(w, buf, len);
    w->want_len = w->want_n = 0;
    if (n)
        return (int64_t)n;
    return rc < 0 ? rc : ir_wire_fail(w, err);
}

int ir_wire_wait(ir_wire *w, int64_t timeout_ms, imgrel_error *err)
{
    int64_t end = ir_now_ms() + timeout_ms;
    int rc = 0;
    w->waits = true;
    unpause(w);
    w->active_ms = ir_now_ms();
    while (!rc && !has_bytes(w) && !w->done) {
        rc = move(w, err);
        int64_t left = end - ir_now_ms();
        if (rc || has_bytes(w))
            break;
        if (left <= 0)
            break;
        rc = wait_more(w, left, err);
    }
    w->waits = false;
    if (!rc && !has_bytes(w) && !w->done)
        return 0;
    return rc < 0 ? rc : 1; /* the end can be read at once, too */
}

/* ---- birth and death ------------------------------------------------------------------------ */

static int copy_texts(ir_wire *w, const ir_shot *shot)
{
    const ir_request *req = shot->req;
    w->method = ir_strdup(shot->method);
    w->host = ir_format(shot->url->port == 443 || shot->url->port == 80 ? "%s" : "%s:%d",
                        shot->url->host, shot->url->port);
    w->origin = ir_url_origin(shot->url);
    w->what = req->what ? ir_strdup(req->what) : ir_format("%s %s", shot->method, shot->url->path);
    return w->method && w->host && w->origin && w->what ? 0 : IMGREL_ENOMEM;
}

int ir_wire_open(const ir_shot *shot, ir_reply *reply, ir_wire **ret, imgrel_error *err)
{
    ir_wire *w = calloc(1, sizeof *w);
    int rc;
    *ret = NULL;
    if (!w)
        return ir_nomem(err);
    w->call = *shot->call;
    w->req = *shot->req;
    w->reply = reply;
    w->stream = shot->stream;
    w->n_try = shot->n_try;
    w->tls = strcmp(shot->url->scheme, "https") == 0;
    w->ring = (ir_buf)IR_BUF(IR_WIRE_RING);
    w->started_ms = w->active_ms = ir_now_ms();
    rc = copy_texts(w, shot) ? ir_nomem(err)
                             : ir_lane_take(w->call.session, w->origin, &w->lane, err);
    if (!rc && set_callbacks(w))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_wire_setup(w, shot, err);
    if (!rc && curl_multi_add_handle(w->lane->multi, w->lane->easy) != CURLM_OK)
        rc = ir_nomem(err);
    if (rc) {
        ir_wire_close(w);
        return rc;
    }
    w->added = true;
    *ret = w;
    return 0;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *l = list; l; l = l->next)
        ir_wipe(l->data, strlen(l->data));
    curl_slist_free_all(list);
}

void ir_wire_close(ir_wire *w)
{
    if (!w)
        return;
    if (w->added)
        curl_multi_remove_handle(w->lane->multi, w->lane->easy);
    ir_lane_give(w->call.session, w->lane, w->origin);
    free_headers(w->headers);
    curl_slist_free_all(w->connect_to);
    ir_buf_free(&w->ring);
    char *const texts[] = {w->method, w->host, w->origin, w->what, w->text};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    free(w);
}

void ir_wire_log(ir_wire *w)
{
    const ir_log *log = ir_call_log(&w->call);
    char status[16], ms[24], sent[24], received[24], tries[16];
    curl_off_t up = 0;
    if (w->logged || !log->fn || log->level < IMGREL_LOG_DEBUG)
        return;
    w->logged = true;
    curl_easy_getinfo(w->lane->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    snprintf(status, sizeof status, "%d", w->status);
    snprintf(ms, sizeof ms, "%lld", (long long)(ir_now_ms() - w->started_ms));
    snprintf(sent, sizeof sent, "%lld", (long long)up);
    snprintf(received, sizeof received, "%llu", (unsigned long long)w->received);
    snprintf(tries, sizeof tries, "%u", w->n_try);
    ir_log_say(log, IMGREL_LOG_DEBUG, "http", "request", "method", w->method, "url", w->text,
               "status", status, "ms", ms, "sent", sent, "received", received, "attempt", tries,
               "error", w->done && w->result != CURLE_OK ? curl_easy_strerror(w->result) : "",
               NULL);
}
