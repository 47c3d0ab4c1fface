/* image.h - image assembly: an image is made from a spec (registry.h, imgrel_image_assemble), its
 * layers in one pass from files to the destination: tar, diffID, compression, digest, store. */
#ifndef IR_OCI_IMAGE_H
#define IR_OCI_IMAGE_H

#include "oci/archive.h"
#include "oci/store.h"

/* A layer that was made: what the manifest and the config need of it. */
typedef struct ir_layer {
    ir_desc desc; /* compressed: media type, digest, size */
    char diff_id[IR_DIGEST_MAX];
} ir_layer;

/* One source of a layer. */
typedef struct ir_layer_from {
    const char *path; /* a directory (its content), a file, or a tar (as it is) */
    const char *to;   /* absolute place in the image; a directory for a directory */
    int64_t uid, gid; /* -1: 0 */
    int mode;         /* of files; -1: the file's own, normalised to 0644 / 0755 */
    bool exact;       /* owners and modes as on disk: a root file system */
    bool input;       /* a tar from standard input, as it is; path only names it */
} ir_layer_from;

/* How a layer is written: its media type chooses the compression. */
typedef struct ir_layer_how {
    const char *media_type;
    int64_t level; /* 0: the configuration's */
} ir_layer_how;

/* Tars the sources and compresses on two threads into a writer of dst. created_s: every entry's
 * mtime is at most this (SOURCE_DATE_EPOCH); -1: 0. */
int ir_must_use ir_layer_make(const ir_call *call, ir_store *dst, const ir_layer_from *from,
                              size_t n, int64_t created_s, const ir_layer_how *how, ir_layer *ret,
                              imgrel_error *err);
/* The diffIDs only, without compressing: to see whether the destination's image is the same. */
int ir_must_use ir_layer_diff_id(const ir_call *call, const ir_layer_from *from, size_t n,
                                 int64_t created_s, char ret[IR_DIGEST_MAX], imgrel_error *err);

/* What writes a layer's tar, from its first byte to its last; on a thread of its own. */
typedef int ir_layer_source_fn(void *user, ir_tar_out_fn *out, void *out_user, imgrel_error *err);
/* The same from any source: layer_pour.c. */
int ir_must_use ir_layer_pour(const ir_call *call, ir_store *dst, ir_layer_source_fn *source,
                              void *user, const ir_layer_how *how, ir_layer *ret,
                              imgrel_error *err);
int ir_must_use ir_layer_hash(const ir_call *call, ir_layer_source_fn *source, void *user,
                              char ret_diff_id[IR_DIGEST_MAX], imgrel_error *err);

/* Where a layer is. */
typedef struct ir_layer_at {
    ir_store *store;
    const ir_desc *desc;
} ir_layer_at;
/* A layer's tar, decompressed as its first bytes say: layer_unpack.c. */
typedef struct ir_layer_in ir_layer_in;
int ir_must_use ir_layer_open(const ir_call *call, const ir_layer_at *at, ir_layer_in **ret,
                              imgrel_error *err);
/* Up to len bytes, 0 once all of the blob is verified, or a code. */
int64_t ir_must_use ir_layer_read(ir_layer_in *in, void *buf, size_t len, imgrel_error *err);
char ir_layer_format(const ir_layer_in *in); /* 'g', 'z', or 0: it was not compressed */
void ir_layer_close(ir_layer_in *in);
/* All of it into out. */
int ir_must_use ir_layer_unpack(const ir_call *call, const ir_layer_at *at, ir_tar_out_fn *out,
                                void *user, imgrel_error *err);

/* The file system that layers (bottom first) make, as one tar: layer_merge.c. What lies on top
 * comes first; each path comes once, whiteouts are gone, a hard link whose file an upper layer hid
 * is a file. newest_s: no time is later; -1: as they are. */
int ir_must_use ir_layers_merge(const ir_call *call, const ir_layer_at *layers, size_t n,
                                int64_t newest_s, ir_tar_out_fn *out, void *user,
                                imgrel_error *err);

/* What to assemble. Paths in the spec are relative to base_dir. */
typedef struct ir_assemble {
    const ir_json *spec;
    const char *base_dir; /* NULL: the current one */
    const ir_ref *dst;
    const char *reuse; /* selector in dst whose layers are reused when diffIDs are equal */
    bool write_tags;   /* also put the tags (dst's and spec's), else by digest only */
} ir_assemble;
typedef struct ir_assembled {
    char digest[IR_DIGEST_MAX]; /* of the index, or manifest for one platform */
    bool unchanged;             /* reuse already is this image: nothing was written */
    ir_manifest top;
} ir_assembled;
int ir_must_use ir_image_assemble(const ir_call *call, const ir_assemble *a, ir_assembled *ret,
                                  imgrel_error *err);
void ir_assembled_free(ir_assembled *a);

/* Changes an image (image.h, imgrel_image_edit) from src into dst, which may be the same. ret is
 * empty after a dry run. */
int ir_must_use ir_image_edit(const ir_call *call, const ir_json *spec, const ir_ref *src,
                              const ir_ref *dst, ir_manifest *ret, imgrel_error *err);

#endif
