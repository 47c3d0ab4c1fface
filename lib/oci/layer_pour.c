/* layer_pour.c - a layer's tar into a store in one pass: a thread makes it and hashes it (the
 * diffID) while others compress and the calling thread sends. A layer that stays small is kept in
 * memory and sent under its digest, so that it can be sent again or found to be there already. */
#include "oci/image.h"

#include "base/limits.h"
#include "oci/compress.h"

#include <stdlib.h>

#define SPOOL_MAX (4 * IR_MIB)

/* ---- where the compressed bytes go ---------------------------------------------------------- */

typedef struct sink {
    const ir_call *call;
    ir_store *store;
    ir_buf spool;
    ir_writer *writer; /* once the spool is too small */
} sink;

static int sink_out(void *user, const void *p, size_t len, imgrel_error *err)
{
    sink *s = user;
    if (!s->writer && s->spool.len + len <= SPOOL_MAX) {
        ir_buf_add(&s->spool, p, len);
        return ir_buf_check(&s->spool, err, "layer");
    }
    if (!s->writer) {
        int rc = ir_store_blob_create(s->store, s->call, &s->writer, err);
        if (rc == 0)
            rc = ir_writer_write(s->writer, s->spool.p, s->spool.len, err);
        ir_buf_free(&s->spool);
        if (rc < 0)
            return rc;
    }
    return ir_writer_write(s->writer, p, len, err);
}

static int sink_end(sink *s, const char *media_type, ir_desc *ret, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    ir_desc_free(ret);
    if (s->writer) {
        int rc = ir_writer_commit(s->writer, NULL, ret, err);
        free(ret->media_type);
        ret->media_type = ir_strdup(media_type);
        return rc < 0 ? rc : ret->media_type ? 0 : ir_nomem(err);
    }
    int rc = ir_hash_bytes(s->spool.p, s->spool.len, digest, err);
    if (rc == 0 && ir_desc_set(ret, media_type, digest, (int64_t)s->spool.len) < 0)
        rc = ir_nomem(err);
    if (rc < 0)
        return rc;
    const ir_body body = {.p = s->spool.p, .len = s->spool.len};
    return ir_store_blob_put(s->store, s->call, ret, &body, NULL, NULL, err);
}

/* ---- the tar -------------------------------------------------------------------------------- */

typedef struct pour {
    const ir_call *call;
    ir_layer_source_fn *source;
    void *user;
    ir_hash *hash;
    ir_pack *pack; /* NULL: the hash is all that is wanted */
    char *diff_id;
} pour;

static int pour_out(void *user, const void *p, size_t len, imgrel_error *err)
{
    pour *o = user;
    ir_hash_add(o->hash, p, len);
    return o->pack ? ir_pack_write(o->pack, p, len, err) : ir_call_check(o->call, err);
}

static int pour_source(void *user, ir_pack *pack, imgrel_error *err)
{
    pour *o = user;
    o->pack = pack;
    int rc = ir_hash_new("sha256", &o->hash, err);
    if (rc == 0)
        rc = o->source(o->user, pour_out, o, err);
    if (rc == 0)
        ir_hash_end(o->hash, o->diff_id);
    ir_hash_free(o->hash);
    return rc;
}

int ir_layer_hash(const ir_call *call, ir_layer_source_fn *source, void *user,
                  char ret_diff_id[IR_DIGEST_MAX], imgrel_error *err)
{
    pour o = {.call = call, .source = source, .user = user, .diff_id = ret_diff_id};
    return pour_source(&o, NULL, err);
}

int ir_layer_pour(const ir_call *call, ir_store *dst, ir_layer_source_fn *source, void *user,
                  const ir_layer_how *how, ir_layer *ret, imgrel_error *err)
{
    pour o = {.call = call, .source = source, .user = user, .diff_id = ret->diff_id};
    sink s = {.call = call, .store = dst, .spool = IR_BUF(SPOOL_MAX)};
    ir_conf conf = *ir_call_conf(call); /* borrowed but for the level */
    ir_codec codec;
    *ret = (ir_layer){0};
    if (how->level)
        conf.compression_level = how->level;
    int rc = ir_codec_choose(&conf, ir_media_compression(how->media_type), &codec, err);
    if (rc == 0)
        rc = ir_pack_run(call, &codec, pour_source, &o, sink_out, &s, err);
    if (rc == 0)
        rc = sink_end(&s, how->media_type, &ret->desc, err);
    if (rc < 0)
        ir_desc_free(&ret->desc);
    ir_writer_free(s.writer);
    ir_buf_free(&s.spool);
    return rc;
}
