/* compress_zstd.c - the other codecs: zstd, a frame per block (RFC 8878 section 3: frames may
 * follow each other), and none, which passes blocks on. */
#include "oci/compress_block.h"

#include "base/limits.h"

#include <string.h>
#ifdef IR_HAVE_ZSTD
#include <zstd.h>
#endif

static void *none_open(int level)
{
    (void)level;
    return (void *)&ir_block_none; /* anything but NULL: it has no state */
}

static void none_close(void *state)
{
    (void)state;
}

static int none_pack(void *state, ir_block *b, imgrel_error *err)
{
    (void)state;
    (void)err;
    memcpy(b->out, b->in + b->before, b->len);
    b->out_len = b->len;
    return 0;
}

const ir_block_codec ir_block_none = {
    .block = 256 * IR_KIB,
    .room = 256 * IR_KIB,
    .open = none_open,
    .close = none_close,
    .pack = none_pack,
};

#ifdef IR_HAVE_ZSTD
/* As wide as the window of the default level, so that single frames cost next to nothing. */
#define ZSTD_BLOCK (2 * IR_MIB)

static void *zstd_open(int level)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    if (c && ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level))) {
        ZSTD_freeCCtx(c);
        return NULL;
    }
    return c;
}

static void zstd_close(void *state)
{
    ZSTD_freeCCtx(state);
}

static int zstd_pack(void *state, ir_block *b, imgrel_error *err)
{
    size_t n = ZSTD_compress2(state, b->out, b->out_cap, b->in + b->before, b->len);
    if (ZSTD_isError(n))
        return ir_fail(err, IMGREL_EIO, "zstd: %s", ZSTD_getErrorName(n));
    b->out_len = n;
    return 0;
}

/* Nothing at all is not a frame: an empty layer still has to be one. */
static size_t zstd_tail(const ir_sum *s, uint8_t *to)
{
    size_t n = s->len ? 0 : ZSTD_compress(to, 32, "", 0, 1);
    return ZSTD_isError(n) ? 0 : n;
}

static void zstd_sum(ir_sum *s, const ir_block *b)
{
    s->len += b->len;
}

const ir_block_codec ir_block_zstd = {
    .block = ZSTD_BLOCK,
    .room = ZSTD_COMPRESSBOUND(ZSTD_BLOCK),
    .open = zstd_open,
    .close = zstd_close,
    .pack = zstd_pack,
    .sum = zstd_sum,
    .tail = zstd_tail,
};
#endif
