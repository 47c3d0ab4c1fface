/* page_reader.c - one HTTP/1.1 response (RFC 9112) from bytes that came through a pod's connection:
 * status, and a body by length, in chunks, or to the end. Everything is capped; the connection is
 * used once, so nothing after the response matters. */
#include "base/limits.h"
#include "kube/inside.h"

#include <stdlib.h>
#include <strings.h>

enum { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, DONE };

/* One line without its end; 1, or 0 when it is not whole yet. */
static int next_line(ir_page_reader *r, char **ret, imgrel_error *err)
{
    char *p = r->in.p ? r->in.p + r->taken : NULL;
    char *end = p ? memchr(p, '\n', r->in.len - r->taken) : NULL;
    if (!end)
        return ir_buf_check(&r->in, err, "page: head");
    r->taken += (size_t)(end - p) + 1;
    *end = '\0';
    if (end > p && end[-1] == '\r')
        end[-1] = '\0';
    *ret = p;
    return 1;
}

static int bad(imgrel_error *err, const char *what)
{
    return ir_fail(err, IMGREL_EPROTO, "page: not HTTP: %s", what);
}

/* "HTTP/1.1 200 OK" */
static int read_status(ir_page_reader *r, const char *line, imgrel_error *err)
{
    const char *p = line + 9;
    if (!ir_starts(line, "HTTP/1.") || strlen(line) < 12 || line[8] != ' ')
        return bad(err, "no status line");
    for (int i = 0; i < 3; i++)
        if (p[i] < '0' || p[i] > '9')
            return bad(err, "no status");
    if (p[3] && p[3] != ' ')
        return bad(err, "no status");
    r->status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    r->left = -1;
    r->chunked = false;
    return 0;
}

static int read_header(ir_page_reader *r, char *line, imgrel_error *err)
{
    char *colon = strchr(line, ':');
    unsigned long long n = 0;
    if (!colon || colon == line)
        return bad(err, "a header line without a name");
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = '\0';
    if (!strcasecmp(line, "transfer-encoding"))
        r->chunked = !strcasecmp(value, "chunked");
    if (strcasecmp(line, "content-length") != 0)
        return 0;
    if (!ir_parse_u64(value, INT64_MAX, &n) || (r->left >= 0 && r->left != (int64_t)n))
        return bad(err, "content-length is no number");
    r->left = (int64_t)n;
    return 0;
}

/* The empty line after the head. */
static void end_head(ir_page_reader *r)
{
    if (r->status / 100 == 1) {
        r->status = 0; /* an interim answer: the next one counts */
        return;
    }
    if (r->status == 204 || r->status == 304 || (!r->chunked && r->left == 0))
        r->state = DONE;
    else
        r->state = r->chunked ? CHUNK_SIZE : BODY;
}

static int read_head(ir_page_reader *r, char *line, imgrel_error *err)
{
    if (!r->status)
        return *line ? read_status(r, line, err) : 0;
    if (*line)
        return read_header(r, line, err);
    end_head(r);
    return 0;
}

static int read_size(ir_page_reader *r, const char *line, imgrel_error *err)
{
    int64_t n = 0;
    size_t i = 0;
    for (; i < 8; i++) {
        const char *digit = line[i] ? strchr("0123456789abcdefABCDEF", line[i]) : NULL;
        if (!digit)
            break;
        int v = line[i] <= '9' ? line[i] - '0' : (line[i] | 0x20) - 'a' + 10;
        n = n * 16 + v;
    }
    if (!i || (line[i] && line[i] != ';' && line[i] != ' '))
        return bad(err, "a chunk's size is no number");
    r->left = n;
    r->state = n ? CHUNK : TRAILER;
    return 0;
}

static int read_line(ir_page_reader *r, char *line, imgrel_error *err)
{
    switch (r->state) {
    case HEAD:
        return read_head(r, line, err);
    case CHUNK_SIZE:
        return read_size(r, line, err);
    case CHUNK_END:
        r->state = CHUNK_SIZE;
        return *line ? bad(err, "a chunk is longer than its size") : 0;
    default:
        r->state = *line ? TRAILER : DONE;
        return 0;
    }
}

static int take_body(ir_page_reader *r, imgrel_error *err)
{
    size_t n = r->in.len - r->taken;
    if (r->left >= 0 && n > (uint64_t)r->left)
        n = (size_t)r->left;
    ir_buf_add(r->body, r->in.p + r->taken, n);
    r->taken += n;
    r->left -= r->left >= 0 ? (int64_t)n : 0;
    if (r->left == 0)
        r->state = r->state == CHUNK ? CHUNK_END : DONE;
    return ir_buf_check(r->body, err, "page");
}

int ir_page_feed(ir_page_reader *r, const char *p, size_t len, imgrel_error *err)
{
    int rc = 0;
    r->in.max = IR_HEADERS_MAX + 65536;
    ir_buf_drop(&r->in, r->taken);
    r->taken = 0;
    ir_buf_add(&r->in, p, len);
    if (r->in.bad)
        return ir_buf_check(&r->in, err, "page: head");
    while (r->state != DONE && r->taken < r->in.len) {
        char *line = NULL;
        if (r->state == BODY || r->state == CHUNK)
            rc = take_body(r, err);
        else if ((rc = next_line(r, &line, err)) == 1)
            rc = read_line(r, line, err);
        else
            return rc;
        if (rc)
            return rc;
    }
    return r->state == DONE;
}

int ir_page_end(ir_page_reader *r, imgrel_error *err)
{
    if (r->state == DONE || (r->state == BODY && r->left < 0))
        return 0;
    return ir_fail(err, IMGREL_EPROTO, "page: the connection ended before the response did");
}
