/* image_plan.h - an image on its way from its spec to a place. Inside oci/image only. */
#ifndef IR_OCI_IMAGE_PLAN_H
#define IR_OCI_IMAGE_PLAN_H

#include "oci/image.h"

/* ---- image_spec.c: the spec, checked -------------------------------------------------------- */

typedef struct ir_image_layer {
    ir_layer_from from; /* path is owned here, to is the spec's */
    char *path, *created_by;
} ir_image_layer;

typedef struct ir_image_spec {
    ir_json *json;        /* a copy; what follows is borrowed from it unless it says otherwise */
    const char *base_ref; /* NULL: none, or folders */
    const ir_json *base_dirs; /* {"linux/amd64": "folder"}; NULL */
    const char *base_dir;     /* what paths are relative to */
    ir_platform *platforms;   /* owned; none: what the base has */
    size_t n_platforms;
    ir_image_layer *layers; /* owned */
    size_t n_layers;
    const ir_json *config, *annotations;
    ir_strv tags; /* owned */
    int64_t created_s;
    char created[32];
    bool created_given; /* by the spec or the environment */
    /* Of an edit alone. */
    bool edit, rebase, flatten;
    const char *old_base, *new_base; /* NULL: what the annotations say */
    const char *compression;         /* NULL: as it is */
    int64_t level;                   /* 0: the configuration's */
    char format;                     /* 'o', 'd'; 0: as it is */
} ir_image_spec;
/* edit: the spec of a change to an image (imgrel_image_edit), else of a new one. EINVAL: which key,
 * and what is wrong with it. ENOTFOUND: a source that is not there. */
int ir_must_use ir_image_spec_read(const ir_call *call, const ir_json *json, const char *base_dir,
                                   bool edit, ir_image_spec *ret, imgrel_error *err);
void ir_image_spec_free(ir_image_spec *s);
/* A member of "config" by name, of its type; NULL: absent. */
const ir_json *ir_image_spec_config(const ir_image_spec *s, const char *key);

/* ---- image_base.c: what each platform stands on --------------------------------------------- */

/* One platform's image. */
typedef struct ir_image_part {
    ir_platform platform;
    ir_manifest base;     /* bytes NULL: none */
    ir_json *base_config; /* owned; NULL: none */
    char *rootfs;         /* owned; NULL: none */
    ir_layer_from rootfs_from;
    ir_layer rootfs_layer;
    ir_manifest old; /* what the destination has for it; bytes NULL: none */
    ir_json *old_config;
    ir_json *config; /* the result */
    ir_manifest made;
} ir_image_part;

typedef struct ir_image_parts {
    ir_image_part *v;
    size_t n;
    ir_store *base; /* NULL: no reference */
} ir_image_parts;
/* Reads the base's manifests and configs. ENOTFOUND: a platform that it lacks, with those that it
 * has. */
int ir_must_use ir_image_parts_read(const ir_call *call, const ir_image_spec *s,
                                    ir_image_parts *ret, imgrel_error *err);
void ir_image_parts_free(ir_image_parts *p);
/* A manifest's config, parsed; EPROTO unless it has one diffID per layer. */
int ir_must_use ir_image_config_read(const ir_call *call, ir_store *store, const ir_manifest *m,
                                     ir_json **ret, imgrel_error *err);

/* ---- image_config.c: the config ------------------------------------------------------------- */

/* The base's config (NULL: none) with what the spec says, and diffIDs of the layers on top (of the
 * root file system first, if there is one). Unknown keys of the base stay. Pure. */
int ir_must_use ir_image_config_make(const ir_image_spec *s, const ir_image_part *part,
                                     const char (*diff_ids)[IR_DIGEST_MAX], ir_json **ret,
                                     imgrel_error *err);
/* What the spec's "config" says, into a config that there is. In an edit null removes. */
int ir_must_use ir_image_config_merge(ir_json *config, const ir_image_spec *s, imgrel_error *err);
/* An object or array under key, made if it is not there (or null). NULL: no memory. */
ir_json *ir_image_object(ir_json *j, const char *key);
ir_json *ir_image_array(ir_json *j, const char *key);
/* 80, "80", "53/udp" -> "80/tcp", "53/udp". EINVAL: anything else. */
int ir_must_use ir_image_port(const ir_json *j, char ret[32], imgrel_error *err);
size_t ir_image_diff_ids(const ir_json *config);
bool ir_image_history_fits(const ir_json *config); /* has an entry for each layer, no more */
const char *ir_image_diff_id(const ir_json *config, size_t i); /* NULL past the last */

/* ---- image_blob.c: what is not made but copied ---------------------------------------------- */

/* The repository to mount blobs from: the source's, when it is in the destination's registry; else
 * NULL. */
const char *ir_image_mounts_from(const ir_store *from, const ir_store *to);
/* Has the blob in `to`: it is there, mounted, or copied; and says which. */
int ir_must_use ir_image_blob_copy(const ir_call *call, ir_store *from, ir_store *to,
                                   const ir_desc *d, imgrel_error *err);
/* How many jobs at once. */
unsigned ir_image_jobs(const ir_call *call);

/* ---- image_write.c: into the destination ---------------------------------------------------- */

typedef struct ir_image {
    ir_image_spec spec;
    ir_image_parts parts;
    ir_store *dst;
    const ir_assemble *what;
    ir_layer *layers;                  /* spec.n_layers; of all platforms alike */
    char (*diff_ids)[IR_DIGEST_MAX];   /* the same, before there are layers; NULL: not known */
    char (*rootfs_ids)[IR_DIGEST_MAX]; /* of parts */
    ir_manifest old;                   /* what reuse names; bytes NULL: nothing */
    const char *media_type;            /* of new layers */
} ir_image;
/* Base blobs copied, layers made or reused. */
int ir_must_use ir_image_blobs_write(const ir_call *call, ir_image *im, imgrel_error *err);
/* Configs, manifests and the index, which becomes ret; then the tags. */
int ir_must_use ir_image_manifests_write(const ir_call *call, ir_image *im, ir_manifest *ret,
                                         imgrel_error *err);
int ir_must_use ir_image_tags_write(const ir_call *call, ir_image *im, const ir_manifest *top,
                                    imgrel_error *err);

#endif
