/* reply.c - a reply's headers, and a status that is a failure told as one. */
#include "base/str.h"
#include "fmt/header.h"
#include "fmt/url.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *ir_reply_header(const ir_reply *reply, const char *name, size_t i)
{
    size_t n = strlen(name);
    for (size_t at = 0; at < reply->headers.len; at += strlen(reply->headers.p + at) + 1) {
        const char *line = reply->headers.p + at;
        if (strncmp(line, name, n) == 0 && line[n] == ':' && line[n + 1] == ' ' && i-- == 0)
            return line + n + 2;
    }
    return NULL;
}

void ir_reply_free(ir_reply *reply)
{
    ir_buf_free(&reply->headers);
    ir_buf_free(&reply->body);
    free(reply->url);
    free(reply->user);
    reply->url = reply->user = NULL;
    reply->status = 0;
}

static int code_of(int status)
{
    static const struct {
        int status, code;
    } table[] = {
        {400, IMGREL_EINVAL},    {401, IMGREL_EAUTH},    {403, IMGREL_EDENIED},
        {404, IMGREL_ENOTFOUND}, {408, IMGREL_ETIMEOUT}, {409, IMGREL_ECONFLICT},
        {412, IMGREL_ECONFLICT}, {413, IMGREL_ELIMIT},   {422, IMGREL_EINVAL},
        {429, IMGREL_ELIMIT},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].code;
    return status >= 500 ? IMGREL_EFAILED : IMGREL_EPROTO;
}

static void fill(const ir_reply *reply, const char *reason, imgrel_error *err)
{
    int64_t ms;
    const char *id = ir_reply_header(reply, "x-request-id", 0);
    const char *after = ir_reply_header(reply, "retry-after", 0);
    err->http_status = reply->status;
    err->retryable = reply->status == 408 || reply->status == 429 || reply->status >= 500;
    snprintf(err->request_id, sizeof err->request_id, "%s", id ? id : "");
    snprintf(err->reason, sizeof err->reason, "%s", reason ? reason : "");
    ir_one_line(err->request_id);
    ir_one_line(err->reason);
    if (after && ir_retry_after(after, (int64_t)time(NULL), &ms))
        err->retry_after_ms = ms;
}

/* Somebody else than who was asked: no login of ours goes there. */
static bool is_elsewhere(const ir_request *req, const ir_url *at)
{
    IR_AUTO(ir_url) home = {0};
    return at->host && req->url && !ir_url_parse(req->url, &home, NULL) &&
           !ir_url_same_origin(&home, at);
}

static void advise(const ir_request *req, const ir_url *at, int status, imgrel_error *err)
{
    const char *host = at->host ? at->host : "";
    if ((status == 401 || status == 403) && is_elsewhere(req, at))
        ir_cure(err, "the server sent us on to %s:%d, which refuses: no login goes along", host,
                at->port);
    else if (status == 401 && req->auth && req->auth->kind == IR_AUTH_REGISTRY)
        ir_cure(err, "log in: imgrel login %s", req->auth->host ? req->auth->host : host);
    else if (status == 429)
        ir_cure(err, "the server limits how often it may be asked: wait, or log in");
}

int ir_reply_fail(const ir_request *req, const ir_reply *reply, const char *reason,
                  imgrel_error *err, const char *fmt, ...)
{
    IR_AUTO(ir_url) url = {0};
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *host =
        !ir_url_parse(reply->url ? reply->url : req->url, &url, NULL) ? url.host : "";
    bool named = strstr(text, host) != NULL;
    int rc = ir_fail(err, code_of(reply->status), "%s%s%s (HTTP %d)", named ? "" : host,
                     named ? "" : ": ", text, reply->status);
    if (err && err->code == rc && !err->http_status) {
        fill(reply, reason, err);
        advise(req, &url, reply->status, err);
    }
    return rc;
}
