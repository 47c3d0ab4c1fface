/* compress_gzip.c - gzip blocks: which runs of a block are worth compressing, stored blocks for the
 * rest, the frame (RFC 1952), and deflate (RFC 1951) by zlib or ISA-L. */
#include "oci/compress_block.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef IR_HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#define SEGMENT (64 * IR_KIB) /* decided one by one */
#define PROBE (4 * IR_KIB)
#define STORED_MAX 65535u

static void put_le(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

/* ---- frame ---------------------------------------------------------------------------------- */

size_t ir_gzip_head(uint8_t *to)
{
    /* No name, no time, system unknown: nothing that differs between two runs. */
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    memcpy(to, head, sizeof head);
    return sizeof head;
}

void ir_gzip_sum(ir_sum *s, const ir_block *b)
{
    s->sum = (uint32_t)crc32_combine(s->sum, b->sum, (z_off_t)b->len);
    s->len += b->len;
}

/* ISA-L's is four times as fast as zlib's. */
static uint32_t crc_of(const uint8_t *p, size_t len)
{
#ifdef IR_HAVE_ISAL
    return crc32_gzip_refl(0, p, len);
#else
    return (uint32_t)crc32(0, p, (uInt)len);
#endif
}

size_t ir_gzip_tail(const ir_sum *s, uint8_t *to)
{
    to[0] = 3; /* an empty last block */
    to[1] = 0;
    put_le(to + 2, s->sum, 4);
    put_le(to + 6, s->len, 4);
    return 10;
}

/* ---- what compresses ------------------------------------------------------------------------ */

/* Are the bytes spread as evenly as in compressed or random data? A sample's sum of squares says
 * it in integers: 1/256 of its square when even, many times that for text and programs. */
static bool looks_even(const uint8_t *p, size_t len)
{
    uint32_t count[256] = {0};
    uint64_t n = 0, squares = 0;
    for (size_t at = 0; at + 256 <= len; at += SEGMENT / 16)
        for (size_t i = 0; i < 256; i++, n++)
            count[p[at + i]]++;
    for (size_t i = 0; i < 256; i++)
        squares += (uint64_t)count[i] * count[i];
    return n >= 2048 && squares * 256 * 100 < n * n * 125;
}

/* Even bytes may still repeat: a probe through the codec has the last word. */
static bool worth_it(void *state, ir_deflate_fn *fn, const uint8_t *p, size_t len, uint8_t *to)
{
    if (!looks_even(p, len))
        return true;
    size_t n = fn(state, p + len / 2 - PROBE / 2, 0, PROBE, to, PROBE);
    return n && n < PROBE - PROBE / 32;
}

static void store(ir_block *b, const uint8_t *p, size_t len)
{
    while (len) {
        size_t n = len < STORED_MAX ? len : STORED_MAX;
        uint8_t *to = b->out + b->out_len;
        to[0] = 0;
        put_le(to + 1, n, 2);
        put_le(to + 3, ~n, 2);
        memcpy(to + 5, p, n);
        b->out_len += 5 + n;
        p += n;
        len -= n;
    }
}

static void run(void *state, ir_deflate_fn *fn, ir_block *b, size_t at, size_t len, bool pack)
{
    const uint8_t *p = b->in + b->before + at;
    size_t history = b->before + at < IR_GZIP_HISTORY ? b->before + at : IR_GZIP_HISTORY;
    size_t stored = len + 5 * (len / STORED_MAX + 1);
    size_t n = pack ? fn(state, p, history, len, b->out + b->out_len, stored) : 0;
    b->out_len += n;
    if (!n)
        store(b, p, len);
}

void ir_deflate_block(void *state, ir_deflate_fn *fn, ir_block *b)
{
    size_t from = 0;
    bool packing = true;
    const uint8_t *p = b->in + b->before;
    b->out_len = 0;
    b->sum = crc_of(p, b->len);
    for (size_t at = 0; at < b->len; at += SEGMENT) {
        size_t len = b->len - at < SEGMENT ? b->len - at : SEGMENT;
        bool pack = worth_it(state, fn, p + at, len, b->out + b->out_len);
        if (pack != packing && at > from) {
            run(state, fn, b, from, at - from, packing);
            from = at;
        }
        packing = pack;
    }
    run(state, fn, b, from, b->len - from, packing);
}

/* ---- zlib ----------------------------------------------------------------------------------- */

static void *zlib_open(int level)
{
    z_stream *z = calloc(1, sizeof *z);
    if (z && deflateInit2(z, level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK)
        return z;
    free(z);
    return NULL;
}

static void zlib_close(void *state)
{
    deflateEnd(state);
    free(state);
}

static size_t zlib_run(void *state, const uint8_t *p, size_t history, size_t len, uint8_t *to,
                       size_t room)
{
    z_stream *z = state;
    if (deflateReset(z) != Z_OK)
        return 0;
    if (history && deflateSetDictionary(z, p - history, (uInt)history) != Z_OK)
        return 0;
    z->next_in = (Bytef *)(uintptr_t)p;
    z->avail_in = (uInt)len;
    z->next_out = to;
    z->avail_out = (uInt)room;
    int rc = deflate(z, Z_SYNC_FLUSH);
    return rc == Z_OK && z->avail_in == 0 && z->avail_out ? room - z->avail_out : 0;
}

static int zlib_pack(void *state, ir_block *b, imgrel_error *err)
{
    (void)err;
    ir_deflate_block(state, zlib_run, b);
    return 0;
}

const ir_block_codec ir_block_zlib = {
    .block = IR_GZIP_BLOCK,
    .history = IR_GZIP_HISTORY,
    .room = IR_GZIP_ROOM,
    .open = zlib_open,
    .close = zlib_close,
    .pack = zlib_pack,
    .head = ir_gzip_head,
    .sum = ir_gzip_sum,
    .tail = ir_gzip_tail,
};

/* ---- ISA-L ---------------------------------------------------------------------------------- */

#ifdef IR_HAVE_ISAL
typedef struct isal_state {
    struct isal_zstream z;
    uint32_t level, level_len;
    uint8_t *level_buf;
} isal_state;

static void isal_close(void *state)
{
    isal_state *s = state;
    free(s->level_buf);
    free(s);
}

static void *isal_open(int level)
{
    isal_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->level = (uint32_t)level;
    s->level_len = level == 1 ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL2_DEFAULT;
    s->level_buf = calloc(1, s->level_len);
    if (s->level_buf)
        return s;
    isal_close(s);
    return NULL;
}

static size_t isal_run(void *state, const uint8_t *p, size_t history, size_t len, uint8_t *to,
                       size_t room)
{
    isal_state *s = state;
    struct isal_zstream *z = &s->z;
    isal_deflate_init(z);
    z->level = s->level;
    z->level_buf = s->level_buf;
    z->level_buf_size = s->level_len;
    z->gzip_flag = IGZIP_DEFLATE;
    z->flush = SYNC_FLUSH;
    z->end_of_stream = 0;
    if (history && isal_deflate_set_dict(z, (uint8_t *)(uintptr_t)(p - history), (uint32_t)history))
        return 0;
    z->next_in = (uint8_t *)(uintptr_t)p;
    z->avail_in = (uint32_t)len;
    z->next_out = to;
    z->avail_out = (uint32_t)room;
    int rc = isal_deflate(z);
    return rc == COMP_OK && z->avail_in == 0 && z->avail_out ? room - z->avail_out : 0;
}

static int isal_pack(void *state, ir_block *b, imgrel_error *err)
{
    (void)err;
    ir_deflate_block(state, isal_run, b);
    return 0;
}

const ir_block_codec ir_block_isal = {
    .block = IR_GZIP_BLOCK,
    .history = IR_GZIP_HISTORY,
    .room = IR_GZIP_ROOM,
    .open = isal_open,
    .close = isal_close,
    .pack = isal_pack,
    .head = ir_gzip_head,
    .sum = ir_gzip_sum,
    .tail = ir_gzip_tail,
};
#endif
