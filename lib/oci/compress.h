/* compress.h - layers smaller and back: gzip (zlib, or ISA-L where it was built in), zstd, none.
 *
 * Input is cut into blocks of a fixed size that several threads compress at once (the method of
 * pigz: each gzip block is primed with the 32 KiB before it and ends on a byte boundary), and the
 * pieces are put together in order: one gzip member, any gunzip reads it. The bytes depend on
 * input, codec, level and the codec's version, never on the number of threads or their timing. */
#ifndef IR_OCI_COMPRESS_H
#define IR_OCI_COMPRESS_H

#include "net/call.h"

/* How to compress. */
typedef struct ir_codec {
    char format;      /* 0 none, 'g' gzip, 'z' zstd: what ir_media_compression says */
    bool isal;        /* gzip: by ISA-L, else by zlib */
    int level;        /* of the codec, made explicit */
    unsigned threads; /* that compress; 0: as many as processors, at most 8 */
} ir_codec;
/* By the configuration (compression_codec, compression_level). EUNSUPPORTED: not built in;
 * EINVAL: a level that the codec does not have. */
int ir_must_use ir_codec_choose(const ir_conf *conf, char format, ir_codec *ret, imgrel_error *err);

/* A compression that runs: the source writes into it on a thread of its own. */
typedef struct ir_pack ir_pack;
int ir_must_use ir_pack_write(ir_pack *p, const void *data, size_t len, imgrel_error *err);

typedef int ir_pack_source_fn(void *user, ir_pack *p, imgrel_error *err);
typedef int ir_pack_out_fn(void *user, const void *p, size_t len, imgrel_error *err);
/* Runs source on its own thread, compresses what it writes on codec.threads others, and gives the
 * compressed bytes in order to out on the calling thread. Memory: a few blocks per thread. Every
 * thread has ended when it returns. The first failure of source, out, cancel and deadline is the
 * result; source then gets ECANCELED from its next write. */
int ir_must_use ir_pack_run(const ir_call *call, const ir_codec *codec, ir_pack_source_fn *source,
                            void *source_user, ir_pack_out_fn *out, void *out_user,
                            imgrel_error *err);

/* ---- reading -------------------------------------------------------------------------------- */

/* Up to len bytes into buf: their number, 0 at the end, or a code. */
typedef int64_t ir_unpack_in_fn(void *user, void *buf, size_t len, imgrel_error *err);
typedef struct ir_unpack ir_unpack;
/* format: as above, or 'a': by the first bytes. name: for errors, borrowed. What comes out is
 * limited to IR_UNPACK_MAX bytes and, past IR_UNPACK_FREE, IR_UNPACK_RATIO_MAX times what went in
 * (ELIMIT). gzip of several members and zstd of several frames are read to their end. */
int ir_must_use ir_unpack_new(char format, const char *name, ir_unpack_in_fn *in, void *user,
                              ir_unpack **ret, imgrel_error *err);
/* Up to len bytes, 0 at the end, or a code: EPROTO for what is damaged or cut off. */
int64_t ir_must_use ir_unpack_read(ir_unpack *u, void *buf, size_t len, imgrel_error *err);
/* What it is: 'g', 'z', or 0. */
char ir_unpack_format(const ir_unpack *u);
/* Compressed bytes that were read so far. */
uint64_t ir_unpack_taken(const ir_unpack *u);
void ir_unpack_free(ir_unpack *u);
/* 0, or ELIMIT when out bytes from in bytes are more than the limits above allow. */
int ir_must_use ir_unpack_check(const char *name, uint64_t in, uint64_t out, imgrel_error *err);

#endif
