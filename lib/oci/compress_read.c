/* compress_read.c - decompression, pulled: gzip of any number of members (zlib), zstd of any number
 * of frames, plain bytes; what comes out is capped, against bombs. */
#include "oci/compress.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef IR_HAVE_ZSTD
#include <zstd.h>
#endif

#define IN_SIZE (128 * IR_KIB)
#define ZSTD_WINDOW_LOG_MAX 27 /* 128 MiB, as the zstd program does by default */

struct ir_unpack {
    char format;
    const char *name;
    ir_unpack_in_fn *in;
    void *user;
    uint8_t *buf; /* IN_SIZE; what was read and is not used yet: buf[at..len) */
    size_t at, len;
    bool end;    /* the source has no more */
    bool open;   /* inside a member or frame */
    bool opened; /* at least one began */
    uint64_t taken, given;
    z_stream z;
    bool z_ready;
#ifdef IR_HAVE_ZSTD
    ZSTD_DCtx *zstd;
    bool pending; /* the output was full: more may come without input */
#endif
};

int ir_unpack_check(const char *name, uint64_t in, uint64_t out, imgrel_error *err)
{
    if (out > IR_UNPACK_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: more than %lu GiB when unpacked", name,
                       IR_UNPACK_MAX / IR_GIB);
    if (out > IR_UNPACK_FREE && out / IR_UNPACK_RATIO_MAX > in)
        return ir_fail(err, IMGREL_ELIMIT, "%s: grows more than %d times when unpacked", name,
                       IR_UNPACK_RATIO_MAX);
    return 0;
}

/* More input behind what is there: 1, 0 at the end, or a code. */
static int fill(ir_unpack *u, imgrel_error *err)
{
    if (u->end)
        return 0;
    memmove(u->buf, u->buf + u->at, u->len - u->at);
    u->len -= u->at;
    u->at = 0;
    int64_t n = u->in(u->user, u->buf + u->len, IN_SIZE - u->len, err);
    if (n < 0)
        return (int)n;
    u->end = n == 0;
    u->len += (size_t)n;
    u->taken += (uint64_t)n;
    return n > 0;
}

static int detect(ir_unpack *u, imgrel_error *err)
{
    int rc = 1;
    while (rc == 1 && u->len - u->at < 4)
        rc = fill(u, err);
    if (rc < 0)
        return rc;
    const uint8_t *p = u->buf + u->at;
    size_t n = u->len - u->at;
    u->format = 0;
    if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
        u->format = 'g';
    if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
        u->format = 'z';
    return 0;
}

static int start(ir_unpack *u, imgrel_error *err)
{
    if (u->format == 'g') {
        u->z_ready = inflateInit2(&u->z, 15 + 16) == Z_OK;
        return u->z_ready ? 0 : ir_nomem(err);
    }
    if (u->format != 'z')
        return 0;
#ifdef IR_HAVE_ZSTD
    u->zstd = ZSTD_createDCtx();
    if (!u->zstd)
        return ir_nomem(err);
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    return 0;
#else
    return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: zstd, and built without it", u->name);
#endif
}

int ir_unpack_new(char format, const char *name, ir_unpack_in_fn *in, void *user, ir_unpack **ret,
                  imgrel_error *err)
{
    *ret = NULL;
    ir_unpack *u = calloc(1, sizeof *u);
    if (!u)
        return ir_nomem(err);
    u->format = format;
    u->name = name;
    u->in = in;
    u->user = user;
    u->buf = malloc(IN_SIZE);
    int rc = u->buf ? 0 : ir_nomem(err);
    if (rc == 0 && format == 'a')
        rc = detect(u, err);
    if (rc == 0)
        rc = start(u, err);
    if (rc < 0) {
        ir_unpack_free(u);
        return rc;
    }
    *ret = u;
    return 0;
}

/* Input for the decoder: 1 there is some, 0 a good end, or a code. After the last member some
 * writers leave zeros (tar's blocking). */
static int feed(ir_unpack *u, imgrel_error *err)
{
    for (bool padded = false;; padded = true, u->at++) {
        int rc = u->at < u->len ? 1 : fill(u, err);
        if (rc < 0)
            return rc;
        if (rc == 0 && (u->open || !u->opened))
            return ir_fail(err, IMGREL_EPROTO, "%s: compressed data is cut off", u->name);
        if (rc == 0 || u->open || !u->opened)
            return rc;
        if (u->buf[u->at] == 0)
            continue;
        if (padded)
            return ir_fail(err, IMGREL_EPROTO, "%s: garbage after the compressed data", u->name);
        return 1;
    }
}

static int64_t read_plain(ir_unpack *u, void *buf, size_t len, imgrel_error *err)
{
    int rc = u->at < u->len ? 1 : fill(u, err);
    if (rc <= 0)
        return rc;
    size_t n = u->len - u->at < len ? u->len - u->at : len;
    memcpy(buf, u->buf + u->at, n);
    u->at += n;
    return (int64_t)n;
}

static int64_t read_gzip(ir_unpack *u, void *buf, size_t len, imgrel_error *err)
{
    u->z.next_out = buf;
    u->z.avail_out = (uInt)len;
    while (u->z.avail_out == len) {
        int rc = feed(u, err);
        if (rc <= 0)
            return rc;
        if (!u->open && inflateReset(&u->z) != Z_OK)
            return ir_nomem(err);
        u->open = u->opened = true;
        u->z.next_in = u->buf + u->at;
        u->z.avail_in = (uInt)(u->len - u->at);
        rc = inflate(&u->z, Z_NO_FLUSH);
        u->at = u->len - u->z.avail_in;
        if (rc == Z_STREAM_END)
            u->open = false;
        else if (rc != Z_OK && rc != Z_BUF_ERROR)
            return ir_fail(err, IMGREL_EPROTO, "%s: damaged gzip: %s", u->name,
                           u->z.msg ? u->z.msg : "no more is known");
    }
    return (int64_t)(len - u->z.avail_out);
}

#ifdef IR_HAVE_ZSTD
static int64_t read_zstd(ir_unpack *u, void *buf, size_t len, imgrel_error *err)
{
    ZSTD_outBuffer out = {buf, len, 0};
    while (out.pos == 0) {
        int rc = u->pending ? 1 : feed(u, err);
        if (rc <= 0)
            return rc;
        u->open = u->opened = true;
        ZSTD_inBuffer in = {u->buf + u->at, u->len - u->at, 0};
        size_t left = ZSTD_decompressStream(u->zstd, &out, &in);
        if (ZSTD_isError(left))
            return ir_fail(err, IMGREL_EPROTO, "%s: damaged zstd: %s", u->name,
                           ZSTD_getErrorName(left));
        u->at += in.pos;
        u->open = left != 0;
        u->pending = u->open && out.pos == out.size;
    }
    return (int64_t)out.pos;
}
#endif

int64_t ir_unpack_read(ir_unpack *u, void *buf, size_t len, imgrel_error *err)
{
    int64_t n = 0;
    if (len > IR_GIB)
        len = IR_GIB;
    if (len == 0)
        return 0;
    if (u->format == 'g')
        n = read_gzip(u, buf, len, err);
#ifdef IR_HAVE_ZSTD
    else if (u->format == 'z')
        n = read_zstd(u, buf, len, err);
#endif
    else
        n = read_plain(u, buf, len, err);
    if (n <= 0)
        return n;
    u->given += (uint64_t)n;
    int rc = u->format ? ir_unpack_check(u->name, u->taken, u->given, err) : 0;
    return rc < 0 ? rc : n;
}

char ir_unpack_format(const ir_unpack *u)
{
    return u->format;
}

uint64_t ir_unpack_taken(const ir_unpack *u)
{
    return u->taken;
}

void ir_unpack_free(ir_unpack *u)
{
    if (!u)
        return;
    if (u->z_ready)
        inflateEnd(&u->z);
#ifdef IR_HAVE_ZSTD
    ZSTD_freeDCtx(u->zstd);
#endif
    free(u->buf);
    free(u);
}
