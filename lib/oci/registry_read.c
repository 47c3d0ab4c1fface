/* registry_read.c - a blob from a registry: one GET whose body is read bit by bit; where the
 * connection breaks, a closed range (some registries answer an open one with 416) asks for the
 * rest. A registry that ignores the range gives all of it, and what we had is skipped. */
#include "oci/registry.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "fmt/url.h"

#include <stdlib.h>

typedef struct net_reader {
    ir_reader base;
    ir_registry *reg; /* the place that is asked now */
    ir_places places;
    ir_registry *mirror; /* that gave some of the bytes; NULL */
    ir_call call;
    ir_stream *stream;
    char *url;
    ir_request req;
    int64_t at;     /* the next byte */
    int64_t until;  /* of a part: the byte after it; -1: all is wanted */
    int64_t skip;   /* to be thrown away: the registry began before `at` */
    ir_again again; /* since bytes came last */
} net_reader;

/* ---- is it there ---------------------------------------------------------------------------- */

static int exists_at(ir_registry *r, const ir_call *call, const ir_desc *d, int64_t *ret_size,
                     imgrel_error *err)
{
    unsigned long long size = 0;
    ir_reply reply = {0};
    char *url = ir_registry_url(r, "/blobs/%s", d->digest);
    ir_request req = ir_registry_request(r, "HEAD", url);
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    const char *length = ir_reply_header(&reply, "content-length", 0);
    if (!rc && reply.status == 200 && length && ir_parse_u64(length, INT64_MAX, &size))
        *ret_size = (int64_t)size;
    if (!rc && reply.status == 200)
        rc = 1;
    else if (!rc && reply.status != 404)
        rc = ir_registry_fail_blob(r, &req, &reply, d->digest, err);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

int ir_registry_blob_exists(ir_store *s, const ir_call *call, const ir_desc *d, int64_t *ret_size,
                            imgrel_error *err)
{
    ir_places places;
    ir_registry *place = ir_places_begin(ir_registry_of(s), &places);
    imgrel_error e = {0};
    int rc = exists_at(place, call, d, ret_size, &e);
    while (rc <= 0 &&
           (place = ir_places_after(&places, place, call, rc ? rc : IMGREL_ENOTFOUND, &e)))
        rc = exists_at(place, call, d, ret_size, &e);
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

/* ---- opening at an offset ------------------------------------------------------------------- */

static int check_length(net_reader *n, const ir_reply *reply, imgrel_error *err)
{
    unsigned long long len = 0;
    const char *text = ir_reply_header(reply, "content-length", 0);
    if (!text || !ir_parse_u64(text, INT64_MAX, &len))
        return 0;
    if (n->base.size < 0)
        n->base.size = (int64_t)len;
    if ((int64_t)len == n->base.size)
        return 0;
    return ir_fail(err, IMGREL_EDIGEST, "%s: the registry has %llu bytes as %s, expected %lld",
                   n->base.where, len, n->base.digest, (long long)n->base.size);
}

/* 206: does the part begin where we are? It may begin before. */
static int check_range(net_reader *n, const ir_reply *reply, imgrel_error *err)
{
    int64_t first = 0, last = 0, total = 0;
    const char *text = ir_reply_header(reply, "content-range", 0);
    if (!text || !ir_content_range(text, &first, &last, &total) || first > n->at ||
        (total >= 0 && n->base.size >= 0 && total != n->base.size))
        return ir_fail(err, IMGREL_EPROTO, "%s: %s: the range from byte %lld was answered with %s",
                       n->base.where, n->base.digest, (long long)n->at, text ? text : "no range");
    n->skip = n->at - first;
    return 0;
}

/* A part that is answered with more is no part. */
static int check_part(net_reader *n, const ir_reply *reply, imgrel_error *err)
{
    if (n->until < 0 || reply->status == 206 || (reply->status == 200 && n->at == 0) ||
        (reply->status != 200 && reply->status != 416))
        return 0;
    return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a closed range of %s was answered with %d",
                   n->base.where, n->base.digest, reply->status);
}

static int check_head(net_reader *n, const ir_reply *reply, imgrel_error *err)
{
    int rc = check_part(n, reply, err);
    if (rc < 0)
        return rc;
    if (reply->status == 200 && n->until >= 0)
        n->until = -1;
    if (reply->status == 206 && (n->at > 0 || n->until > 0))
        return check_range(n, reply, err);
    if (reply->status == 416 && n->at > 0)
        return ir_fail(err, IMGREL_EDIGEST, "%s: the registry has no byte %lld of %s",
                       n->base.where, (long long)n->at, n->base.digest);
    if (reply->status != 200)
        return ir_registry_fail_blob(n->reg, &n->req, reply, n->base.digest, err);
    n->skip = n->at;
    return check_length(n, reply, err);
}

static int open_here(net_reader *n, imgrel_error *err)
{
    ir_reply reply = {0};
    char *range = NULL;
    if ((n->at > 0 || n->until > 0) && n->base.size > 0) {
        int64_t end = n->until > 0 ? n->until : n->base.size;
        range = ir_format("%lld-%lld", (long long)n->at, (long long)end - 1);
        if (!range)
            return ir_nomem(err);
    }
    n->req.range = range;
    int rc = ir_http_open(&n->call, &n->req, &n->stream, &reply, err);
    if (!rc)
        rc = check_head(n, &reply, err);
    if (rc < 0) {
        ir_stream_close(n->stream);
        n->stream = NULL;
    }
    n->req.range = NULL;
    free(range);
    ir_reply_free(&reply);
    return rc;
}

/* ---- places --------------------------------------------------------------------------------- */

/* What is asked for at n->reg. */
static int point(net_reader *n, imgrel_error *err)
{
    const char *what = n->req.what;
    unsigned bulk = n->req.flags & IR_HTTP_H1;
    free(n->url);
    n->url = ir_registry_url(n->reg, "/blobs/%s", n->base.digest);
    n->req = ir_registry_request(n->reg, "GET", n->url);
    n->req.what = what;
    n->req.flags |= bulk;
    return n->url ? 0 : ir_nomem(err);
}

/* To the next place, if there is one: 1. err is that of this one. */
static int go_on(net_reader *n, int rc, imgrel_error *why, imgrel_error *err)
{
    ir_registry *next = ir_places_after(&n->places, n->reg, &n->call, rc, why);
    if (!next)
        return 0;
    n->reg = next;
    rc = point(n, err);
    return rc ? rc : 1;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The next bytes that we do not have yet. */
static int64_t read_new(net_reader *n, void *buf, size_t len, imgrel_error *err)
{
    for (;;) {
        int64_t got = ir_stream_read(n->stream, buf, len, err);
        if (got <= 0)
            return got;
        if (n->skip >= got) {
            n->skip -= got;
            continue;
        }
        memmove(buf, (char *)buf + n->skip, (size_t)(got - n->skip));
        got -= n->skip;
        n->skip = 0;
        return got;
    }
}

static int64_t read_once(net_reader *n, void *buf, size_t len, imgrel_error *err)
{
    int rc = n->stream ? 0 : open_here(n, err);
    int64_t got = rc ? rc : read_new(n, buf, len, err);
    int64_t end = n->until >= 0 ? n->until : n->base.size;
    if (got == 0 && end >= 0 && n->at < end)
        got = ir_fail(err, IMGREL_ENET, "%s: the connection ended %lld bytes into %s",
                      n->base.where, (long long)n->at, n->base.digest);
    return got;
}

/* After a failure: 1 when it is worth another try, here or at the next place; 0 or a code. */
static int again(net_reader *n, int64_t got, imgrel_error *broke, imgrel_error *err)
{
    /* Opening is tried again by the exchange itself: only a break in the middle is ours. */
    bool middle = n->stream != NULL && !n->reg->is_mirror;
    ir_stream_close(n->stream);
    n->stream = NULL;
    int rc = middle ? ir_registry_again(&n->call, n->base.digest, &n->again, broke, false, err) : 0;
    return rc ? rc : go_on(n, (int)got, broke, err);
}

static int64_t net_read(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    net_reader *n = (net_reader *)r;
    for (;;) {
        imgrel_error broke = {0};
        int64_t got = read_once(n, buf, len, &broke);
        if (got >= 0) {
            n->at += got;
            if (got)
                n->again = (ir_again){0};
            if (got && n->reg->is_mirror)
                n->mirror = n->reg;
            return got;
        }
        int rc = again(n, got, &broke, err);
        if (rc == 1)
            continue;
        if (rc == 0 && err && !err->code)
            *err = broke;
        return rc ? rc : got;
    }
}

static void net_close(ir_reader *r)
{
    net_reader *n = (net_reader *)r;
    if (r->code == IMGREL_EDIGEST && n->mirror)
        ir_registry_blame(n->mirror, &n->call, r->code, "bytes that are not those of their digest");
    else if (r->code == 1 && n->mirror)
        ir_registry_served(n->mirror, &n->call);
    ir_stream_close(n->stream);
    free(n->url);
    ir_reader_clear(r);
    free(n);
}

/* ---- where from ----------------------------------------------------------------------------- */

/* A foreign layer is fetched from its own address: never authenticated, never a way into the
 * network that we stand in, never without TLS from a registry that has it (CVE-2020-15157). */
static int foreign_url(net_reader *n, const ir_desc *d, imgrel_error *err)
{
    IR_AUTO(ir_url) at = {0};
    IR_AUTO(ir_url) home = {0};
    int rc = ir_url_parse(d->urls.v[0], &at, err);
    if (!rc)
        rc = ir_url_parse(n->reg->at.url, &home, err);
    if (rc < 0)
        return rc;
    bool plain = ir_streq(at.scheme, "http") && !ir_streq(home.scheme, "http");
    if (plain || at.user || (ir_url_is_local(&at) && !ir_url_is_local(&home)))
        return ir_fail(err, IMGREL_EDENIED,
                       "%s: the foreign layer %s points to %s%s, which is not"
                       " to be trusted",
                       n->base.where, d->digest, at.scheme, at.host);
    n->url = ir_strdup(d->urls.v[0]);
    n->req = (ir_request){.method = "GET", .url = n->url, .flags = IR_HTTP_NO_CERT};
    n->places.at = SIZE_MAX; /* there is no other place */
    return n->url ? 0 : ir_nomem(err);
}

static int fill(net_reader *n, ir_registry *r, const ir_desc *d, imgrel_error *err)
{
    static const ir_reader_ops ops = {net_read, net_close};
    n->reg = ir_places_begin(r, &n->places);
    int rc = ir_reader_init(&n->base, &ops, ir_store_where(&r->base), d, err);
    if (rc < 0)
        return rc;
    rc = ir_media_is_foreign(d->media_type) && d->urls.n ? foreign_url(n, d, err) : point(n, err);
    n->req.flags |= ir_registry_bulk(d->size);
    n->req.what = n->base.digest;
    return rc;
}

static int reader_new(ir_store *s, const ir_call *call, const ir_desc *d, net_reader **ret,
                      imgrel_error *err)
{
    net_reader *n = calloc(1, sizeof *n);
    if (!n)
        return ir_nomem(err);
    n->call = *call;
    n->until = -1;
    *ret = n;
    return fill(n, ir_registry_of(s), d, err);
}

/* rc 0: gives the reader away; else ends it. */
static int reader_give(net_reader *n, int rc, ir_reader **ret)
{
    if (rc < 0 && n)
        net_close(&n->base);
    else if (!rc)
        *ret = &n->base;
    return rc;
}

/* At the first place that has it. That no ranges are to be had is an answer, too. */
static int open_somewhere(net_reader *n, imgrel_error *err)
{
    imgrel_error why = {0};
    int next = 0, rc = 0;
    while ((rc = open_here(n, &why)) && rc != IMGREL_EUNSUPPORTED)
        if ((next = go_on(n, rc, &why, err)) != 1)
            break;
    if (rc && err && !err->code)
        *err = why;
    return next < 0 ? next : rc;
}

int ir_registry_blob_open(ir_store *s, const ir_call *call, const ir_desc *d, ir_reader **ret,
                          imgrel_error *err)
{
    net_reader *n = NULL;
    int rc = reader_new(s, call, d, &n, err);
    if (!rc)
        rc = open_somewhere(n, err);
    return reader_give(n, rc, ret);
}

/* Nothing is asked for yet: the first read does. */
int ir_registry_blob_resume(ir_store *s, const ir_call *call, const ir_desc *d, int fd,
                            int64_t from, ir_reader **ret, imgrel_error *err)
{
    net_reader *n = NULL;
    int rc = reader_new(s, call, d, &n, err);
    if (!rc)
        rc = ir_reader_adopt(&n->base, fd, from, err);
    if (!rc)
        n->at = from;
    return reader_give(n, rc, ret);
}

/* ---- parts ---------------------------------------------------------------------------------- */

int ir_registry_part_open(ir_store *s, const ir_call *call, const ir_desc *d, int64_t at,
                          int64_t end, ir_reader **ret, imgrel_error *err)
{
    net_reader *n = NULL;
    int rc = reader_new(s, call, d, &n, err);
    if (!rc) {
        n->at = at;
        n->until = end;
        rc = open_somewhere(n, err);
    }
    bool whole = !rc && n->until < 0;
    rc = reader_give(n, rc, ret);
    return rc ? rc : whole;
}

int64_t ir_registry_part_read(ir_reader *r, void *buf, size_t len, imgrel_error *err)
{
    const net_reader *n = (const net_reader *)r;
    int64_t left = n->until - n->at;
    return left > 0 ? r->ops->read(r, buf, (int64_t)len < left ? len : (size_t)left, err) : 0;
}

void ir_registry_part_adopt(ir_reader *r, const ir_call *call)
{
    ((net_reader *)r)->call = *call;
}
