/* spdy.c - SPDY/3.1 (draft-mbelshe-httpbis-spdy-00 and 3.1's errata): control frames are gathered
 * whole under a cap, data passes through as it comes, header blocks go through one deflate stream
 * a direction, flushed after each block. */
#include "net/spdy.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdlib.h>
#include <zlib.h>

#define CONTROL_MAX (64 * IR_KIB)
#define BLOCK_MAX (256 * IR_KIB) /* a header block, inflated */
#define OUT_MAX (16 * IR_MIB)
#define IN_MAX (4 * IR_MIB)
#define PAIRS_MAX 256
#define FLAG_FIN 1

/* The dictionary of section 2.6.10.1: words behind their length as 32 bits, then plain text. */
#define W(len, word) "\0\0\0" len word
static const char dictionary[] =
    W("\7", "options") W("\4", "head") W("\4", "post") W("\3", "put") W("\6", "delete")
    W("\5", "trace") W("\6", "accept") W("\16", "accept-charset") W("\17", "accept-encoding")
    W("\17", "accept-language") W("\15", "accept-ranges") W("\3", "age") W("\5", "allow")
    W("\15", "authorization") W("\15", "cache-control") W("\12", "connection")
    W("\14", "content-base") W("\20", "content-encoding") W("\20", "content-language")
    W("\16", "content-length") W("\20", "content-location") W("\13", "content-md5")
    W("\15", "content-range") W("\14", "content-type") W("\4", "date") W("\4", "etag")
    W("\6", "expect") W("\7", "expires") W("\4", "from") W("\4", "host") W("\10", "if-match")
    W("\21", "if-modified-since") W("\15", "if-none-match") W("\10", "if-range")
    W("\23", "if-unmodified-since") W("\15", "last-modified") W("\10", "location")
    W("\14", "max-forwards") W("\6", "pragma") W("\22", "proxy-authenticate")
    W("\23", "proxy-authorization") W("\5", "range") W("\7", "referer") W("\13", "retry-after")
    W("\6", "server") W("\2", "te") W("\7", "trailer") W("\21", "transfer-encoding")
    W("\7", "upgrade") W("\12", "user-agent") W("\4", "vary") W("\3", "via") W("\7", "warning")
    W("\20", "www-authenticate") W("\6", "method") W("\3", "get") W("\6", "status")
    W("\6", "200 OK") W("\7", "version") W("\10", "HTTP/1.1") W("\3", "url") W("\6", "public")
    W("\12", "set-cookie") W("\12", "keep-alive") W("\6", "origin")
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Una"
    "uthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service"
    " UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, "
    "Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,applicat"
    "ion/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf"
    "-8charset=iso-8859-1,utf-,*,enq=0.";

struct ir_spdy {
    z_stream deflate, inflate;
    bool inflate_ready; /* the first block brings the dictionary's id */
    uint32_t next_stream, next_ping, ping_parity;
    ir_buf in, out, headers, block;
    size_t taken;       /* bytes of `in` that are dealt with */
    uint32_t data_left, data_stream;
    bool data_fin, in_data;
};

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(ir_buf *b, uint32_t v)
{
    unsigned char p[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                          (unsigned char)(v >> 8), (unsigned char)v};
    ir_buf_add(b, p, sizeof p);
}

int ir_spdy_new(bool client, ir_spdy **ret, imgrel_error *err)
{
    *ret = NULL;
    ir_spdy *s = calloc(1, sizeof *s);
    if (!s)
        return ir_nomem(err);
    s->in.max = IN_MAX;
    s->out.max = OUT_MAX;
    s->headers.max = s->block.max = BLOCK_MAX;
    s->next_stream = s->next_ping = s->ping_parity = client ? 1 : 2;
    bool deflates = deflateInit(&s->deflate, Z_DEFAULT_COMPRESSION) == Z_OK;
    bool inflates = inflateInit(&s->inflate) == Z_OK;
    if (!deflates || !inflates ||
        deflateSetDictionary(&s->deflate, (const Bytef *)dictionary, sizeof dictionary - 1)) {
        ir_spdy_free(s);
        return ir_nomem(err);
    }
    *ret = s;
    return 0;
}

void ir_spdy_free(ir_spdy *s)
{
    if (!s)
        return;
    deflateEnd(&s->deflate);
    inflateEnd(&s->inflate);
    ir_buf_free(&s->in);
    ir_buf_free(&s->out);
    ir_buf_free(&s->headers);
    ir_buf_free(&s->block);
    free(s);
}

ir_buf *ir_spdy_out(ir_spdy *s)
{
    return &s->out;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void put_control(ir_spdy *s, enum ir_spdy_type type, unsigned flags, size_t len)
{
    put32(&s->out, 0x80030000u | (uint32_t)type);
    put32(&s->out, (uint32_t)flags << 24 | (uint32_t)len);
}

static void put_text(ir_buf *b, const char *text)
{
    put32(b, (uint32_t)strlen(text));
    ir_buf_adds(b, text);
}

/* Deflates the pairs into ret; the stream's state is spoiled when memory runs out half-way, so the
 * failure sticks to `out`, which is the connection's. */
static void pack_headers(ir_spdy *s, const char *const *headers, ir_buf *ret)
{
    uint32_t n = 0;
    ir_buf_clear(&s->block);
    while (headers && headers[2 * n])
        n++;
    put32(&s->block, n);
    for (uint32_t i = 0; i < 2 * n; i++)
        put_text(&s->block, headers[i]);
    size_t room = deflateBound(&s->deflate, s->block.len) + 64;
    char *at = s->block.bad ? NULL : ir_buf_room(ret, room);
    s->deflate.next_in = (Bytef *)s->block.p;
    s->deflate.avail_in = (uInt)s->block.len;
    s->deflate.next_out = (Bytef *)at;
    s->deflate.avail_out = (uInt)room;
    if (!at || deflate(&s->deflate, Z_SYNC_FLUSH) != Z_OK || s->deflate.avail_in)
        s->out.bad = IMGREL_ENOMEM;
    else
        ir_buf_added(ret, room - s->deflate.avail_out);
}

static void put_headers(ir_spdy *s, enum ir_spdy_type type, uint32_t stream,
                        const char *const *headers, bool fin)
{
    ir_buf block = IR_BUF(CONTROL_MAX);
    pack_headers(s, headers, &block);
    put_control(s, type, fin ? FLAG_FIN : 0,
                block.len + (type == IR_SPDY_SYN_STREAM ? 10 : 4));
    put32(&s->out, stream);
    if (type == IR_SPDY_SYN_STREAM)
        ir_buf_add(&s->out, "\0\0\0\0\0\0", 6); /* no parent, highest priority, no slot */
    ir_buf_add(&s->out, ir_buf_str(&block), block.len);
    ir_buf_free(&block);
}

uint32_t ir_spdy_open(ir_spdy *s, const char *const *headers, bool fin)
{
    uint32_t id = s->next_stream;
    if (s->out.bad || id > IR_SPDY_STREAM_MAX)
        return 0;
    s->next_stream += 2;
    put_headers(s, IR_SPDY_SYN_STREAM, id, headers, fin);
    return s->out.bad ? 0 : id;
}

void ir_spdy_reply(ir_spdy *s, uint32_t stream, const char *const *headers, bool fin)
{
    put_headers(s, IR_SPDY_SYN_REPLY, stream, headers, fin);
}

void ir_spdy_data(ir_spdy *s, uint32_t stream, const void *p, size_t len, bool fin)
{
    put32(&s->out, stream);
    put32(&s->out, (fin ? 1u << 24 : 0) | (uint32_t)(len & 0xffffff));
    ir_buf_add(&s->out, p, len & 0xffffff);
}

static void put_pair(ir_spdy *s, enum ir_spdy_type type, uint32_t a, uint32_t b)
{
    put_control(s, type, 0, 8);
    put32(&s->out, a);
    put32(&s->out, b);
}

void ir_spdy_reset(ir_spdy *s, uint32_t stream, uint32_t status)
{
    put_pair(s, IR_SPDY_RST_STREAM, stream, status);
}

void ir_spdy_goaway(ir_spdy *s, uint32_t status)
{
    put_pair(s, IR_SPDY_GOAWAY, 0, status);
}

static void put_ping(ir_spdy *s, uint32_t id)
{
    put_control(s, IR_SPDY_PING, 0, 4);
    put32(&s->out, id);
}

void ir_spdy_ping(ir_spdy *s)
{
    put_ping(s, s->next_ping);
    s->next_ping += 2;
}

/* ---- in -------------------------------------------------------------------------------------- */

void ir_spdy_feed(ir_spdy *s, const void *p, size_t len)
{
    ir_buf_drop(&s->in, s->taken);
    s->taken = 0;
    ir_buf_add(&s->in, p, len);
}

/* Inflates a whole block into s->block; the first asks for the dictionary. */
static int inflate_block(ir_spdy *s, const unsigned char *p, size_t len, imgrel_error *err)
{
    s->inflate.next_in = (Bytef *)p;
    s->inflate.avail_in = (uInt)len;
    ir_buf_clear(&s->block);
    for (;;) {
        char *at = ir_buf_room(&s->block, 4096);
        if (!at)
            return ir_buf_check(&s->block, err, "SPDY: header block");
        s->inflate.next_out = (Bytef *)at;
        s->inflate.avail_out = 4096;
        int z = inflate(&s->inflate, Z_SYNC_FLUSH);
        if (z == Z_NEED_DICT && !s->inflate_ready) {
            s->inflate_ready = true;
            z = inflateSetDictionary(&s->inflate, (const Bytef *)dictionary,
                                     sizeof dictionary - 1);
            if (z == Z_OK)
                continue;
        }
        ir_buf_added(&s->block, 4096 - s->inflate.avail_out);
        if (z == Z_BUF_ERROR || (z == Z_OK && !s->inflate.avail_in && s->inflate.avail_out))
            return 0;
        if (z != Z_OK)
            return ir_fail(err, z == Z_MEM_ERROR ? IMGREL_ENOMEM : IMGREL_EPROTO,
                           "SPDY: a header block does not inflate");
    }
}

/* A length and its text at *at; false: they leave the block. */
static bool next_text(const ir_buf *b, size_t *at, const char **ret, size_t *ret_len)
{
    if (b->len - *at < 4)
        return false;
    size_t len = get32((const unsigned char *)b->p + *at);
    *at += 4;
    if (len > b->len - *at)
        return false;
    *ret = b->p + *at;
    *ret_len = len;
    *at += len;
    return true;
}

/* A value's parts are held apart by NUL; a line must hold no line break. */
static void add_line(ir_buf *out, const char *name, size_t n_name, const char *value,
                     size_t n_value)
{
    size_t from = out->len;
    ir_buf_add(out, name, n_name);
    ir_buf_adds(out, ": ");
    ir_buf_add(out, value, n_value);
    for (size_t i = from; i < out->len; i++)
        if (out->p[i] == '\n' || out->p[i] == '\r' || out->p[i] == '\0')
            out->p[i] = ',';
    ir_buf_addc(out, '\n');
}

static int unpack_headers(ir_spdy *s, const unsigned char *p, size_t len, imgrel_error *err)
{
    size_t at = 4;
    int rc = inflate_block(s, p, len, err);
    if (rc)
        return rc;
    ir_buf_clear(&s->headers);
    uint32_t n = s->block.len < 4 ? UINT32_MAX : get32((const unsigned char *)s->block.p);
    if (n > PAIRS_MAX)
        return ir_fail(err, IMGREL_EPROTO, "SPDY: a header block without a sane count");
    for (uint32_t i = 0; i < n; i++) {
        const char *name = NULL, *value = NULL;
        size_t n_name = 0, n_value = 0;
        if (!next_text(&s->block, &at, &name, &n_name) ||
            !next_text(&s->block, &at, &value, &n_value))
            return ir_fail(err, IMGREL_EPROTO, "SPDY: a header block is cut short");
        add_line(&s->headers, name, n_name, value, n_value);
    }
    return ir_buf_check(&s->headers, err, "SPDY: headers");
}

/* What each control frame holds before its header block, or in all. */
static size_t least_len(uint32_t type)
{
    switch (type) {
    case IR_SPDY_SYN_STREAM:
        return 10;
    case IR_SPDY_RST_STREAM:
    case IR_SPDY_GOAWAY:
    case IR_SPDY_WINDOW_UPDATE:
        return 8;
    case IR_SPDY_SYN_REPLY:
    case IR_SPDY_HEADERS:
    case IR_SPDY_PING:
    case IR_SPDY_SETTINGS:
        return 4;
    default:
        return 0;
    }
}

/* One whole control frame: 1 an event, 0 none. */
static int take_control(ir_spdy *s, uint32_t type, const unsigned char *p, size_t len,
                        ir_spdy_event *ret, imgrel_error *err)
{
    size_t head = least_len(type);
    if (len < head)
        return ir_fail(err, IMGREL_EPROTO, "SPDY: a frame of type %u is too short", type);
    ret->type = (enum ir_spdy_type)type;
    ret->stream = head ? get32(p) & IR_SPDY_STREAM_MAX : 0;
    switch (type) {
    case IR_SPDY_SYN_STREAM:
    case IR_SPDY_SYN_REPLY:
    case IR_SPDY_HEADERS:
        ret->headers = &s->headers;
        int rc = unpack_headers(s, p + head, len - head, err);
        return rc ? rc : 1;
    case IR_SPDY_RST_STREAM:
    case IR_SPDY_GOAWAY:
        ret->status = get32(p + 4);
        return 1;
    case IR_SPDY_PING:
        if (get32(p) % 2 == s->ping_parity % 2)
            return 1;
        put_ping(s, get32(p));
        return 0;
    default: /* settings, window updates, and what the draft says to ignore */
        return 0;
    }
}

/* As much of a data frame as is there. */
static int take_data(ir_spdy *s, ir_spdy_event *ret)
{
    size_t have = s->in.len - s->taken, n = have < s->data_left ? have : s->data_left;
    if (!n && s->data_left)
        return 0;
    memset(ret, 0, sizeof *ret);
    ret->type = IR_SPDY_DATA;
    ret->stream = s->data_stream;
    ret->p = s->in.p + s->taken;
    ret->len = n;
    s->taken += n;
    s->data_left -= (uint32_t)n;
    s->in_data = s->data_left > 0;
    ret->fin = s->data_fin && !s->in_data;
    return 1;
}

int ir_spdy_next(ir_spdy *s, ir_spdy_event *ret, imgrel_error *err)
{
    if (s->in.bad)
        return ir_buf_check(&s->in, err, "SPDY: unread bytes");
    for (;;) {
        if (s->in_data)
            return take_data(s, ret);
        const unsigned char *p = (const unsigned char *)s->in.p + s->taken;
        size_t have = s->in.len - s->taken;
        if (have < 8)
            return 0;
        uint32_t word = get32(p), len = get32(p + 4) & 0xffffff;
        if (!(word & 0x80000000u)) {
            s->data_stream = word;
            s->data_left = len;
            s->data_fin = p[4] & FLAG_FIN;
            s->in_data = true;
            s->taken += 8;
            continue;
        }
        if ((word >> 16 & 0x7fff) != 3)
            return ir_fail(err, IMGREL_EPROTO, "SPDY: version %u, not 3", word >> 16 & 0x7fff);
        if (len > CONTROL_MAX)
            return ir_fail(err, IMGREL_ELIMIT, "SPDY: a control frame of %u bytes", len);
        if (have - 8 < len)
            return 0;
        memset(ret, 0, sizeof *ret);
        ret->fin = p[4] & FLAG_FIN;
        s->taken += 8 + len;
        int rc = take_control(s, word & 0xffff, p + 8, len, ret, err);
        if (rc)
            return rc;
    }
}

char *ir_spdy_header(const ir_spdy_event *e, const char *name)
{
    const char *p = e->headers ? ir_buf_str(e->headers) : "";
    size_t n = strlen(name);
    while (*p) {
        const char *end = strchr(p, '\n');
        if (!strncmp(p, name, n) && p[n] == ':')
            return ir_strndup(p + n + 2, (size_t)(end - p) - n - 2);
        p = end + 1;
    }
    return NULL;
}
