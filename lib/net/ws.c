/* ws.c - RFC 6455's frames: a writer and a reader that know no sockets. The client that puts them
 * on a connection is ws_client.c. */
#include "net/ws.h"
#include "base/base64.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>

#define CONTROL_MAX 125

/* Eight bytes at a time: every byte that is sent goes through here. */
static void apply_mask(unsigned char *p, size_t len, const unsigned char key[4])
{
    unsigned char twice[8];
    uint64_t word = 0, mask = 0;
    size_t i = 0;
    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    memcpy(&mask, twice, sizeof mask);
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        word ^= mask;
        memcpy(p + i, &word, sizeof word);
    }
    for (; i < len; i++)
        p[i] ^= key[i & 3];
}

static size_t write_head(unsigned char head[14], int opcode, size_t len, bool mask)
{
    size_t n = 2;
    head[0] = (unsigned char)(0x80 | opcode);
    head[1] = mask ? 0x80 : 0;
    if (len < 126) {
        head[1] |= (unsigned char)len;
        return n;
    }
    int bytes = len <= 0xffff ? 2 : 8;
    head[1] |= bytes == 2 ? 126 : 127;
    for (int i = bytes - 1; i >= 0; i--)
        head[n++] = (unsigned char)((unsigned long long)len >> (8 * i));
    return n;
}

int ir_ws_put(ir_buf *out, int opcode, const void *p, size_t len, bool mask, imgrel_error *err)
{
    unsigned char head[14], key[4] = {0};
    size_t n = write_head(head, opcode, len, mask);
    int rc = mask ? ir_random(key, sizeof key, err) : 0;
    if (rc)
        return rc;
    if (mask) {
        memcpy(head + n, key, sizeof key);
        n += sizeof key;
    }
    char *at = ir_buf_room(out, n + len);
    if (!at)
        return ir_buf_check(out, err, "WebSocket: unsent bytes");
    memcpy(at, head, n);
    if (len)
        memcpy(at + n, p, len);
    apply_mask((unsigned char *)at + n, len, key);
    ir_buf_added(out, n + len);
    return 0;
}

char *ir_ws_accept(const char *key)
{
    unsigned char md[20];
    char *text = ir_format("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    ir_buf out = IR_BUF(64);
    if (text && !ir_sha1(text, strlen(text), md, NULL))
        ir_base64_add(&out, md, sizeof md);
    else
        out.bad = IMGREL_ENOMEM;
    free(text);
    return ir_buf_take(&out);
}

struct frame {
    bool fin, masked;
    int opcode;
    size_t head, len;
    unsigned char key[4];
};

static size_t reader_max(const ir_ws_reader *r)
{
    return r->max ? r->max : IR_WS_MESSAGE_MAX;
}

/* 1: the head is whole, 0: it is not yet. */
static int read_head(const unsigned char *p, size_t len, struct frame *f)
{
    if (len < 2)
        return 0;
    f->fin = p[0] & 0x80;
    f->opcode = p[0] & 0x0f;
    f->masked = p[1] & 0x80;
    size_t more = (p[1] & 0x7f) == 126 ? 2 : (p[1] & 0x7f) == 127 ? 8 : 0;
    f->head = 2 + more + (f->masked ? 4 : 0);
    if (len < f->head)
        return 0;
    unsigned long long n = more ? 0 : p[1] & 0x7f;
    for (size_t i = 0; i < more; i++)
        n = n << 8 | p[2 + i];
    f->len = n > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)n;
    if (f->masked)
        memcpy(f->key, p + 2 + more, 4);
    return 1;
}

static const char *frame_fault(const ir_ws_reader *r, const struct frame *f, int reserved)
{
    bool control = f->opcode >= IR_WS_CLOSE;
    if (reserved)
        return "reserved bits are set";
    if (f->opcode > IR_WS_PONG || (f->opcode > IR_WS_BINARY && !control))
        return "unknown opcode";
    if (f->masked != r->server)
        return r->server ? "a client's frame is not masked" : "a server's frame is masked";
    if (control && (!f->fin || f->len > CONTROL_MAX))
        return "a control frame is fragmented or too long";
    if (!control && (f->opcode == IR_WS_CONT) != (r->opcode != 0))
        return "fragments are out of order";
    return NULL;
}

void ir_ws_feed(ir_ws_reader *r, const void *p, size_t len)
{
    r->in.max = r->text.max = 2 * reader_max(r) + 65536;
    ir_buf_drop(&r->in, r->taken);
    r->taken = 0;
    ir_buf_add(&r->in, p, len);
}

/* A data frame: whole messages are given out where they lie, fragments are gathered. */
static int take_data(ir_ws_reader *r, const struct frame *f, const char *p, int *ret_opcode,
                     const char **ret_p, size_t *ret_len, imgrel_error *err)
{
    *ret_opcode = f->opcode;
    *ret_p = p;
    *ret_len = f->len;
    if (f->fin && !r->opcode)
        return 1;
    if (f->len > reader_max(r) - r->text.len)
        return ir_fail(err, IMGREL_ELIMIT, "WebSocket: a message is over %zu bytes", reader_max(r));
    ir_buf_add(&r->text, p, f->len);
    if (r->text.bad)
        return ir_buf_check(&r->text, err, "WebSocket: message");
    if (!r->opcode)
        r->opcode = f->opcode;
    if (!f->fin)
        return 0;
    *ret_opcode = r->opcode;
    *ret_p = ir_buf_str(&r->text);
    *ret_len = r->text.len;
    r->opcode = 0;
    return r->whole = true;
}

int ir_ws_next(ir_ws_reader *r, int *ret_opcode, const char **ret_p, size_t *ret_len,
               imgrel_error *err)
{
    if (r->in.bad)
        return ir_buf_check(&r->in, err, "WebSocket: unread bytes");
    if (r->whole)
        ir_buf_clear(&r->text);
    r->whole = false;
    for (int rc = 0; !rc;) {
        struct frame f = {0};
        unsigned char *p = (unsigned char *)r->in.p + r->taken;
        size_t len = r->in.len - r->taken;
        if (!len || !read_head(p, len, &f))
            return 0;
        const char *fault = frame_fault(r, &f, p[0] & 0x70);
        if (fault)
            return ir_fail(err, IMGREL_EPROTO, "WebSocket: %s", fault);
        if (f.len > reader_max(r))
            return ir_fail(err, IMGREL_ELIMIT, "WebSocket: a frame is over %zu bytes",
                           reader_max(r));
        if (len - f.head < f.len)
            return 0;
        if (f.masked)
            apply_mask(p + f.head, f.len, f.key);
        r->taken += f.head + f.len;
        if (f.opcode >= IR_WS_CLOSE) {
            *ret_opcode = f.opcode;
            *ret_p = (const char *)p + f.head;
            *ret_len = f.len;
            return 1;
        }
        rc = take_data(r, &f, (const char *)p + f.head, ret_opcode, ret_p, ret_len, err);
        if (rc)
            return rc;
    }
    return 0;
}

void ir_ws_reader_free(ir_ws_reader *r)
{
    ir_buf_free(&r->in);
    ir_buf_free(&r->text);
}
