/* layer_unpack.c - a layer's tar out of its blob: decompressed, and verified to the blob's last
 * byte even where the compressed data ends before it. */
#include "oci/image.h"

#include "base/limits.h"
#include "oci/compress.h"

#include <stdlib.h>

#define STEP (256 * IR_KIB)

struct ir_layer_in {
    ir_reader *reader;
    ir_unpack *unpack;
    char *name;
};

static int64_t reader_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    return ir_reader_read(user, buf, len, err);
}

int ir_layer_open(const ir_call *call, const ir_layer_at *at, ir_layer_in **ret, imgrel_error *err)
{
    *ret = NULL;
    ir_layer_in *in = calloc(1, sizeof *in);
    if (!in)
        return ir_nomem(err);
    in->name = ir_strdup(at->desc->digest);
    int rc =
        in->name ? ir_store_blob_open(at->store, call, at->desc, &in->reader, err) : ir_nomem(err);
    if (rc == 0)
        rc = ir_unpack_new('a', in->name, reader_in, in->reader, &in->unpack, err);
    if (rc < 0) {
        ir_layer_close(in);
        return rc;
    }
    *ret = in;
    return 0;
}

int64_t ir_layer_read(ir_layer_in *in, void *buf, size_t len, imgrel_error *err)
{
    int64_t n = ir_unpack_read(in->unpack, buf, len, err);
    while (n == 0) { /* what follows is part of the digest */
        n = ir_reader_read(in->reader, buf, len, err);
        if (n <= 0)
            return n;
        n = 0;
    }
    return n;
}

char ir_layer_format(const ir_layer_in *in)
{
    return ir_unpack_format(in->unpack);
}

void ir_layer_close(ir_layer_in *in)
{
    if (!in)
        return;
    ir_unpack_free(in->unpack);
    ir_reader_close(in->reader);
    free(in->name);
    free(in);
}

int ir_layer_unpack(const ir_call *call, const ir_layer_at *at, ir_tar_out_fn *out, void *user,
                    imgrel_error *err)
{
    ir_layer_in *in = NULL;
    char *buf = malloc(STEP);
    int rc = buf ? ir_layer_open(call, at, &in, err) : ir_nomem(err);
    for (int64_t n = 1; rc == 0 && n > 0;) {
        rc = ir_call_check(call, err);
        n = rc < 0 ? rc : ir_layer_read(in, buf, STEP, err);
        rc = n < 0 ? (int)n : n ? out(user, buf, (size_t)n, err) : 0;
    }
    ir_layer_close(in);
    free(buf);
    return rc;
}
