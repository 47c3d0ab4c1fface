/* watch.c - one object over time: read it, watch from there, and go on through everything that is
 * normal: clean ends, broken connections, servers without news, and "too old" inside a 200. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>

#define WATCH_S "240"    /* asked for: the server ends the watch then, and we begin another */
#define SILENCE_MS 90000 /* no bytes, not even a bookmark: read it anew */
#define FAILURES_MAX 8   /* in a row, before the last one is told */

/* ---- lines ----------------------------------------------------------------------------------- */

void ir_lines_feed(ir_lines *l, const void *p, size_t len)
{
    l->in.max = IR_WATCH_LINE_MAX;
    ir_buf_drop(&l->in, l->taken);
    l->taken = 0;
    ir_buf_add(&l->in, p, len);
}

int ir_lines_next(ir_lines *l, const char **ret_p, size_t *ret_len, imgrel_error *err)
{
    if (l->in.bad)
        return ir_buf_check(&l->in, err, "a line of a watch");
    const char *p = ir_buf_str(&l->in) + l->taken;
    const char *end = memchr(p, '\n', l->in.len - l->taken);
    if (!end)
        return 0;
    *ret_p = p;
    *ret_len = (size_t)(end - p);
    l->taken += *ret_len + 1;
    return 1;
}

/* ---- one watch ------------------------------------------------------------------------------- */

enum outcome { AGAIN = 2, RELIST = 3 }; /* beside 0, 1 and codes */

struct follow {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *object;
    int64_t tick_ms;
    ir_follow_fn *fn;
    void *user;
    ir_json *now;      /* the object as it is; NULL: none */
    char *version;     /* where to watch from; NULL: the current state first */
    bool known;        /* it was read once: from here on failures may be passing */
    unsigned failures; /* in a row */
};

static int set_now(struct follow *f, ir_json *object, imgrel_error *err)
{
    ir_json_free(f->now);
    f->now = ir_json_ref(object);
    return f->fn(f->user, f->now, true, err);
}

static int set_version(struct follow *f, const ir_json *object, imgrel_error *err)
{
    const char *version = ir_kube_meta(object, "resourceVersion");
    free(f->version);
    f->version = ir_strdup(version);
    return version && !f->version ? ir_nomem(err) : 0;
}

/* {"type": ..., "object": ...}: 0 go on, 1 enough, RELIST, or a code. */
static int take_event(struct follow *f, const char *line, size_t len, imgrel_error *err)
{
    ir_json *event = NULL;
    int rc = ir_json_parse(line, len, "watch", &event, err);
    const char *type = ir_json_str(event, "type");
    ir_json *object = ir_json_get(event, "object");
    if (!rc && ir_streq(type, "ERROR"))
        rc = RELIST; /* 410 mostly; what else there is shows when it is read again */
    else if (!rc)
        rc = set_version(f, object, err);
    if (!rc && (ir_streq(type, "ADDED") || ir_streq(type, "MODIFIED")))
        rc = set_now(f, object, err);
    else if (!rc && ir_streq(type, "DELETED"))
        rc = set_now(f, NULL, err);
    ir_json_free(event);
    return rc;
}

static int take_lines(struct follow *f, ir_lines *lines, imgrel_error *err)
{
    const char *line = NULL;
    size_t len = 0;
    int rc = 0;
    while (!rc) {
        int more = ir_lines_next(lines, &line, &len, err);
        if (more != 1)
            return more;
        if (len)
            rc = take_event(f, line, len, err);
    }
    return rc;
}

/* Reads events until the stream ends (AGAIN), is too old or silent (RELIST), or fn has enough. */
static int read_events(struct follow *f, ir_stream *stream, imgrel_error *err)
{
    ir_lines lines = {0};
    char chunk[16384];
    int64_t heard = ir_now_ms();
    int rc = 0;
    while (!rc) {
        rc = ir_stream_wait(stream, f->tick_ms, err);
        if (rc == 0) {
            rc = ir_now_ms() - heard > SILENCE_MS ? RELIST : f->fn(f->user, f->now, false, err);
            continue;
        }
        int64_t n = rc < 0 ? rc : ir_stream_read(stream, chunk, sizeof chunk, err);
        rc = n < 0 ? (int)n : n == 0 ? AGAIN : 0;
        if (rc)
            break;
        heard = ir_now_ms();
        f->failures = 0;
        ir_lines_feed(&lines, chunk, (size_t)n);
        rc = take_lines(f, &lines, err);
    }
    ir_buf_free(&lines.in);
    return rc;
}

static int watch_path(const struct follow *f, ir_buf *out, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    char selector[300];
    int rc = ir_kube_object_parse(f->call, f->k, f->object, &kind, &name, err);
    if (!rc)
        rc = ir_kube_path(f->k, kind, f->ns, NULL, out, err);
    snprintf(selector, sizeof selector, "metadata.name=%s", name ? name : "");
    ir_buf_adds(out, "?watch=1&allowWatchBookmarks=true&timeoutSeconds=" WATCH_S);
    ir_url_add_query(out, "fieldSelector", selector);
    if (f->version)
        ir_url_add_query(out, "resourceVersion", f->version);
    return rc ? rc : ir_buf_check(out, err, "watch");
}

/* Who may get but not watch asks again and again. */
static int poll_instead(struct follow *f, imgrel_error *err)
{
    int rc =
        ir_sleep(f->call->cancel, f->tick_ms < 1000 ? f->tick_ms : 1000, f->call->deadline_ms, err);
    return rc ? rc : RELIST;
}

static int watch_once(struct follow *f, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_request req = {.flags = IR_HTTP_NO_STALL | IR_HTTP_PROMPT | IR_HTTP_ONE_TRY};
    ir_reply reply = {0};
    ir_stream *stream = NULL;
    int64_t began = ir_now_ms();
    int rc = watch_path(f, &path, err);
    if (!rc)
        rc = ir_kube_open(f->call, f->k, &req, ir_buf_str(&path), &stream, &reply, err);
    if (!rc && stream)
        rc = read_events(f, stream, err);
    else if (!rc && reply.status == 403)
        rc = poll_instead(f, err);
    else if (!rc && reply.status == 410)
        rc = RELIST;
    else if (!rc)
        rc = ir_kube_status_fail(f->k, &req, ir_buf_str(&path), &reply, err);
    ir_stream_close(stream);
    ir_reply_free(&reply);
    ir_buf_free(&path);
    /* A server that ends every watch at once must not be asked a thousand times a second. */
    if ((rc == AGAIN || rc == RELIST) && ir_now_ms() - began < 500) {
        int slept = ir_sleep(f->call->cancel, 500, f->call->deadline_ms, err);
        rc = slept ? slept : rc;
    }
    return rc;
}

/* ---- through it all -------------------------------------------------------------------------- */

/* May this failure pass? The network's and the server's may, a few times in a row. */
static bool passing(struct follow *f, const imgrel_error *why)
{
    return f->known &&
           (why->code == IMGREL_ENET || why->retryable ||
            (why->code == IMGREL_EFAILED && why->http_status >= 500)) &&
           ++f->failures <= FAILURES_MAX;
}

static int read_object(struct follow *f, imgrel_error *err)
{
    ir_json *object = NULL;
    imgrel_error why = {0};
    int rc = ir_kube_get(f->call, f->k, f->ns, f->object, &object, &why);
    if (rc && rc != IMGREL_ENOTFOUND)
        return ir_kube_pass(err, &why);
    f->known = true;
    rc = set_version(f, object, err);
    if (!rc)
        rc = set_now(f, object, err);
    ir_json_free(object);
    return rc;
}

int ir_kube_follow(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                   int64_t tick_ms, ir_follow_fn *fn, void *user, imgrel_error *err)
{
    struct follow f = {.call = call,
                       .k = k,
                       .ns = ns,
                       .object = object,
                       .tick_ms = tick_ms,
                       .fn = fn,
                       .user = user};
    int rc = RELIST;
    while (rc == RELIST || rc == AGAIN) {
        imgrel_error why = {0};
        rc = rc == RELIST ? read_object(&f, &why) : 0;
        if (!rc)
            rc = watch_once(&f, &why);
        if (rc < 0 && passing(&f, &why)) {
            int64_t wait = why.retry_after_ms > 0 ? why.retry_after_ms : 500 * f.failures;
            rc = ir_sleep(call->cancel, wait, call->deadline_ms, err);
            rc = rc ? rc : RELIST;
        } else if (rc < 0) {
            ir_kube_pass(err, &why);
        }
    }
    ir_json_free(f.now);
    free(f.version);
    return rc == 1 ? 0 : rc;
}
