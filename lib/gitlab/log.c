/* log.c - a job's log. GitLab gives all of it each time, so what was read is counted here and
 * skipped as it streams by; nothing but a line and a short end of it is kept. */
#include "gitlab/inside.h"

#include <stdlib.h>

#define TAIL_MAX 2048

/* Of ESC [ ... letter: the length; 0: it is none. */
static size_t escape_len(const char *s)
{
    size_t n = 2;
    if (s[0] != '\033' || s[1] != '[')
        return 0;
    while (s[n] && strchr("0123456789;?", s[n]))
        n++;
    return s[n] ? n + 1 : n;
}

/* "section_start:1700000000:name[options]" and the like, up to the carriage return. */
static size_t mark_len(const char *s)
{
    if (!ir_starts(s, "section_start:") && !ir_starts(s, "section_end:"))
        return 0;
    return strcspn(s, "\r");
}

void ir_gitlab_log_clean(char *line)
{
    char *to = line;
    for (const char *s = line; *s;) {
        size_t skip = escape_len(s);
        if (!skip)
            skip = mark_len(s);
        if (skip) {
            s += skip;
        } else if (*s == '\r') {
            if (s[1]) /* what follows is written over it */
                to = line;
            s++;
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
    ir_one_line(line);
}

/* One pass over the log. */
typedef struct reading {
    const ir_call *call;
    ir_gitlab_log *log;
    int64_t seen; /* bytes of this answer */
} reading;

static void keep_tail(ir_buf *tail, const char *line)
{
    ir_buf_adds(tail, line);
    ir_buf_addc(tail, '\n');
    while (tail->len > TAIL_MAX) {
        const char *end = memchr(tail->p, '\n', tail->len);
        ir_buf_drop(tail, end ? (size_t)(end - tail->p) + 1 : tail->len);
    }
}

static int tell(const ir_call *call, ir_gitlab_log *log, imgrel_error *err)
{
    int rc = 0;
    if (log->line.len) {
        ir_gitlab_log_clean(log->line.p);
        keep_tail(&log->tail, log->line.p);
        rc = ir_progress(call, IMGREL_EVENT_LOG, log->job, log->line.p, 0, 0, 1, err);
    }
    ir_buf_clear(&log->line);
    return rc;
}

/* Longer lines are told in pieces. */
static int add(const ir_call *call, ir_gitlab_log *log, const char *p, size_t len,
               imgrel_error *err)
{
    int rc = 0;
    while (len && !rc) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) : len, room = IR_LOG_LINE_MAX / 2 - log->line.len;
        bool cut = n > room;
        n = cut ? room : n;
        for (size_t i = 0; i < n; i++)
            ir_buf_addc(&log->line, p[i] ? p[i] : ' ');
        n += !cut && end;
        log->at += (int64_t)n;
        p += n;
        len -= n;
        if (cut || end)
            rc = tell(call, log, err);
    }
    return rc ? rc : ir_buf_check(&log->line, err, "a line of a log");
}

static int take(void *user, const void *p, size_t len, imgrel_error *err)
{
    reading *r = user;
    int64_t skip = r->log->at - r->seen;
    r->seen += (int64_t)len;
    if (skip >= (int64_t)len)
        return 0;
    skip = skip < 0 ? 0 : skip;
    return add(r->call, r->log, (const char *)p + skip, len - (size_t)skip, err);
}

int ir_gitlab_log_more(const ir_call *call, ir_gitlab *g, int64_t job, bool last,
                       ir_gitlab_log *log, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    reading r = {.call = call, .log = log};
    const ir_sink sink = {take, &r};
    char *path = ir_format("/jobs/%lld/trace", (long long)job);
    const ir_gitlab_ask ask = {.path = path, .object = "log of a job", .sink = &sink};
    int rc = path ? ir_gitlab_send(call, g, &ask, &reply, err) : ir_nomem(err);
    free(path);
    if (!rc && last)
        rc = tell(call, log, err);
    return rc;
}

void ir_gitlab_log_free(ir_gitlab_log *log)
{
    ir_buf_free(&log->line);
    ir_buf_free(&log->tail);
}

/* {"offset"}: the log from that byte on as {"offset", "tail"}; each line is an IMGREL_EVENT_LOG. */
int ir_gitlab_do_log(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                     ir_json **ret, imgrel_error *err)
{
    unsigned long long id = 0;
    if (!key || !ir_parse_u64(key, INT64_MAX, &id))
        return ir_fail(err, IMGREL_EINVAL, "a job of GitLab is a number");
    ir_gitlab_log log = IR_GITLAB_LOG(key);
    log.at = ir_json_int(spec, "offset", 0);
    int rc = ir_gitlab_log_more(call, g, (int64_t)id, true, &log, err);
    if (!rc && !(*ret = ir_json_pack("{s:I, s:s}", "offset", (long long)log.at, "tail",
                                     ir_buf_str(&log.tail))))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: job %s: its log is no UTF-8", g->host, key);
    ir_gitlab_log_free(&log);
    return rc;
}
