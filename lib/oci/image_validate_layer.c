/* image_validate_layer.c - are the blobs of an image what its documents say: size, digest, how they
 * are compressed, the tar in them and its digest? */
#include "oci/image_validate.h"

#include "base/limits.h"
#include "net/work.h"
#include "oci/image_plan.h"
#include "oci/layer_marks.h"

#include <stdlib.h>

#define STEP (128 * IR_KIB)

int ir_check_layer_add(ir_check *c, const ir_desc *d, const char *diff_id, imgrel_error *err)
{
    for (size_t i = 0; i < c->n_layers; i++)
        if (ir_streq(c->layers[i]->desc.digest, d->digest) &&
            ir_streq(c->layers[i]->diff_id, diff_id))
            return 0;
    if (c->n_layers == c->cap_layers) {
        size_t cap = c->cap_layers ? c->cap_layers * 2 : 16;
        ir_check_layer **v = realloc(c->layers, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        c->layers = v;
        c->cap_layers = cap;
    }
    ir_check_layer *l = calloc(1, sizeof *l);
    if (!l || ir_desc_copy(d, &l->desc) < 0) {
        free(l);
        return ir_nomem(err);
    }
    l->c = c;
    memcpy(l->diff_id, diff_id, strnlen(diff_id, IR_DIGEST_MAX - 1));
    c->layers[c->n_layers++] = l;
    return 0;
}

void ir_check_layers_free(ir_check *c)
{
    for (size_t i = 0; i < c->n_layers; i++) {
        ir_desc_free(&c->layers[i]->desc);
        free(c->layers[i]);
    }
    free(c->layers);
}

/* ---- one ------------------------------------------------------------------------------------ */

typedef struct look {
    ir_layer_in *in;
    ir_hash *hash; /* of the tar */
} look;

static int64_t look_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    look *l = user;
    int64_t n = ir_layer_read(l->in, buf, len, err);
    if (n > 0)
        ir_hash_add(l->hash, buf, (size_t)n);
    return n;
}

static int entries(const ir_call *call, look *l, imgrel_error *err)
{
    ir_untar *tar = NULL;
    ir_tar_entry e;
    int rc = ir_untar_new(look_in, l, &tar, err);
    while (rc == 0) {
        rc = ir_call_check(call, err);
        if (rc == 0)
            rc = ir_untar_next(tar, &e, err);
        if (rc != 1)
            break;
        rc = ir_layer_path_check(e.path, "name", err);
        if (rc == 0 && e.type == 'h')
            rc = ir_layer_path_check(e.target, "link target", err);
    }
    ir_untar_free(tar);
    return rc;
}

static int rest(look *l, imgrel_error *err)
{
    char *buf = malloc(STEP);
    int64_t n = buf ? 1 : ir_nomem(err);
    while (n > 0)
        n = look_in(l, buf, STEP, err);
    free(buf);
    return (int)n;
}

static const char *packed_as(char format)
{
    return format == 'g' ? "gzip" : format == 'z' ? "zstd" : "none";
}

static int layer_check(const ir_call *call, const ir_check_layer *c, look *l, imgrel_error *err)
{
    imgrel_error bad_tar = {0};
    char is[IR_DIGEST_MAX];
    int tar = entries(call, l, &bad_tar);
    if (tar < 0 && tar != IMGREL_EPROTO && tar != IMGREL_ELIMIT) {
        *err = bad_tar;
        return tar;
    }
    int rc = tar == IMGREL_ELIMIT ? 0 : rest(l, err); /* a bomb is not read to its end */
    if (rc < 0)
        return rc;
    ir_hash_end(l->hash, is);
    char said = ir_media_compression(c->desc.media_type), format = ir_layer_format(l->in);
    if (tar != IMGREL_ELIMIT && !ir_streq(is, c->diff_id))
        return ir_fail(err, IMGREL_EDIGEST, "unpacked it is %s, the config says %s", is,
                       c->diff_id);
    if (format != said)
        return ir_fail(err, IMGREL_EINVAL, "%s, but compressed by %s", c->desc.media_type,
                       packed_as(format));
    if (tar < 0)
        *err = bad_tar;
    return tar;
}

static int layer_read(const ir_call *call, ir_check_layer *c, imgrel_error *err)
{
    look l = {0};
    const ir_layer_at at = {c->c->store, &c->desc};
    const char *algorithm = ir_digest_algorithm(c->diff_id);
    int rc = ir_hash_new(algorithm ? algorithm : "sha256", &l.hash, err);
    if (rc == 0)
        rc = ir_layer_open(call, &at, &l.in, err);
    if (rc == 0)
        rc = layer_check(call, c, &l, err);
    ir_layer_close(l.in);
    ir_hash_free(l.hash);
    return rc;
}

static int blob_read(const ir_call *call, const ir_check_layer *c, imgrel_error *err)
{
    ir_reader *r = NULL;
    char *buf = malloc(STEP);
    int64_t n = buf ? ir_store_blob_open(c->c->store, call, &c->desc, &r, err) : ir_nomem(err);
    for (n = n < 0 ? n : 1; n > 0;) {
        n = ir_call_check(call, err);
        n = n < 0 ? n : ir_reader_read(r, buf, STEP, err);
    }
    ir_reader_close(r);
    free(buf);
    return (int)n;
}

static int blob_look(const ir_call *call, const ir_check_layer *c, imgrel_error *err)
{
    int64_t size = -1;
    int rc = ir_store_blob_exists(c->c->store, call, &c->desc, &size, err);
    if (rc == 0)
        return ir_fail(err, IMGREL_ENOTFOUND, "it is not there");
    if (rc == 1 && size >= 0 && size != c->desc.size)
        return ir_fail(err, IMGREL_EDIGEST, "it has %lld bytes, its manifest says %lld",
                       (long long)size, (long long)c->desc.size);
    return rc < 0 ? rc : 0;
}

static bool ends_it(int code)
{
    return code == IMGREL_ENET || code == IMGREL_ETIMEOUT || code == IMGREL_ECANCELED ||
           code == IMGREL_EAUTH || code == IMGREL_EDENIED || code == IMGREL_ENOMEM ||
           code == IMGREL_EFORKED;
}

static int layer_job(const ir_call *call, void *job, imgrel_error *err)
{
    ir_check_layer *c = job;
    int rc = c->c->fast      ? blob_look(call, c, &c->wrong)
             : c->diff_id[0] ? layer_read(call, c, &c->wrong)
                             : blob_read(call, c, &c->wrong);
    if (rc < 0 && ends_it(rc)) {
        if (err && !err->code)
            *err = c->wrong;
        return rc;
    }
    uint64_t size = (uint64_t)c->desc.size;
    return ir_progress(call, IMGREL_EVENT_STEP, c->desc.digest, rc < 0 ? "wrong" : "checked", size,
                       size, 1, err);
}

int ir_check_failed(ir_check *c, const imgrel_error *e, const char *what, imgrel_error *err)
{
    if (!ends_it(e->code))
        return ir_check_say(c, true, e->code, what, e->message, err);
    if (err && !err->code)
        *err = *e;
    return e->code;
}

int ir_check_layers(ir_check *c, imgrel_error *err)
{
    int rc = c->n_layers ? ir_work_run(c->call, ir_image_jobs(c->call), layer_job,
                                       (void **)c->layers, c->n_layers, err)
                         : 0;
    for (size_t i = 0; rc == 0 && i < c->n_layers; i++) {
        ir_check_layer *l = c->layers[i];
        c->bytes += c->fast ? 0 : (uint64_t)l->desc.size;
        if (l->wrong.code)
            rc = ir_check_failed(c, &l->wrong, l->desc.digest, err);
    }
    return rc;
}
