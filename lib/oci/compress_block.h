/* compress_block.h - what a codec is to compress.c: a block of input becomes a piece of output.
 * Inside oci/compress only. */
#ifndef IR_OCI_COMPRESS_BLOCK_H
#define IR_OCI_COMPRESS_BLOCK_H

#include "oci/compress.h"

/* One block on its way. in holds `before` bytes that came before it, then len bytes of its own. */
typedef struct ir_block {
    uint8_t *in, *out;
    size_t before, len;
    size_t out_len, out_cap;
    uint32_t sum; /* of the len bytes */
} ir_block;

/* The whole so far, for a trailer. */
typedef struct ir_sum {
    uint32_t sum;
    uint64_t len;
} ir_sum;

typedef struct ir_block_codec {
    size_t block;   /* bytes of input in one */
    size_t history; /* bytes before it that it may refer to */
    size_t room;    /* bytes of output that one block can need at most */
    /* The state of one thread; NULL: no memory. */
    void *(*open)(int level);
    void (*close)(void *state);
    int (*pack)(void *state, ir_block *b, imgrel_error *err);
    /* Bytes before the first and after the last piece, at most 32; NULL: none. */
    size_t (*head)(uint8_t *to);
    void (*sum)(ir_sum *s, const ir_block *b);
    size_t (*tail)(const ir_sum *s, uint8_t *to);
} ir_block_codec;

extern const ir_block_codec ir_block_zlib, ir_block_none;
#ifdef IR_HAVE_ISAL
extern const ir_block_codec ir_block_isal;
#endif
#ifdef IR_HAVE_ZSTD
extern const ir_block_codec ir_block_zstd;
#endif

/* One run of deflate: history, then len bytes, ended on a byte boundary. The bytes written, or 0
 * when they do not fit in room. */
typedef size_t ir_deflate_fn(void *state, const uint8_t *p, size_t history, size_t len, uint8_t *to,
                             size_t room);
/* Packs a block by runs: what compresses through fn, what does not as stored blocks. */
void ir_deflate_block(void *state, ir_deflate_fn *fn, ir_block *b);

#define IR_GZIP_BLOCK (512 * IR_KIB)
#define IR_GZIP_HISTORY (32 * IR_KIB)
/* Stored blocks add 5 bytes per 64 KiB; deflate that needs more than this is not used. */
#define IR_GZIP_ROOM (IR_GZIP_BLOCK + 4 * IR_KIB)
size_t ir_gzip_head(uint8_t *to);
void ir_gzip_sum(ir_sum *s, const ir_block *b);
size_t ir_gzip_tail(const ir_sum *s, uint8_t *to);

#endif
