/* image_edit.h - an image on its way from what it is to what an edit makes of it. Inside
 * oci/image_edit*.c only. */
#ifndef IR_OCI_IMAGE_EDIT_H
#define IR_OCI_IMAGE_EDIT_H

#include "oci/image_plan.h"

#define IR_BASE_NAME "org.opencontainers.image.base.name"
#define IR_BASE_DIGEST "org.opencontainers.image.base.digest"

/* A blob that has to be in the destination, each once however many parts have it. */
enum ir_edit_kind {
    IR_EDIT_COPY,  /* as it is */
    IR_EDIT_PACK,  /* compressed anew */
    IR_EDIT_MERGE, /* all layers of a part in one */
    IR_EDIT_FRESH  /* from files */
};
typedef struct ir_edit_job {
    enum ir_edit_kind kind;
    struct ir_edit *e;
    ir_layer_at at;             /* COPY, PACK: the blob */
    char diff_id[IR_DIGEST_MAX]; /* PACK: what it has to be */
    ir_layer_at *stack;         /* MERGE: bottom first; owned */
    size_t n_stack;
    const ir_layer_from *from; /* FRESH */
    ir_layer_how how;
    ir_layer made; /* all but COPY */
} ir_edit_job;

/* A layer of the result. */
typedef struct ir_edit_layer {
    ir_layer_at at;
    const ir_json *entry; /* what its manifest says of it */
    const char *diff_id;
    ir_edit_job *job; /* NULL: it is there, or foreign */
} ir_edit_layer;

enum ir_edit_part_kind { IR_EDIT_IMAGE, IR_EDIT_ATTESTATION, IR_EDIT_OTHER };
/* A manifest of the source: the only one, or one that its index names. */
typedef struct ir_edit_part {
    enum ir_edit_part_kind kind;
    ir_json *entry; /* borrowed from the index; NULL: there is none */
    ir_platform platform;
    ir_manifest old, doc;    /* as it is; and in the wanted format */
    ir_json *config, *was;   /* edited, and as it is */
    ir_manifest base;        /* the new base's; bytes NULL: none */
    ir_manifest base_doc;    /* and in the wanted format */
    ir_json *base_config;
    size_t n_below, n_below_history; /* of the old base: layers, entries of history */
    ir_edit_layer *layers;
    size_t n_layers;
    char layer_format; /* 'o' or 'd' */
    ir_manifest made;
} ir_edit_part;

typedef struct ir_edit {
    const ir_call *call;
    ir_image_spec spec;
    ir_store *src, *dst, *old_base, *new_base;
    bool here; /* dst is the place where src is */
    ir_manifest top;
    ir_edit_part *parts;
    size_t n_parts;
    ir_edit_job **jobs;
    size_t n_jobs, cap_jobs;
} ir_edit;

/* ---- image_edit_read.c: the source ---------------------------------------------------------- */

int ir_must_use ir_edit_read(ir_edit *e, imgrel_error *err);
/* ---- image_rebase.c ------------------------------------------------------------------------- */

/* Opens the bases, reads the new one for each part, and checks that each part stands on the old. */
int ir_must_use ir_edit_rebase(ir_edit *e, imgrel_error *err);
/* What the part's history is on the new base; NULL: nothing that fits. */
ir_json *ir_edit_rebase_history(const ir_edit_part *p);
/* Says in a document's annotations on what it stands now. */
int ir_must_use ir_edit_rebase_tell(const ir_edit *e, ir_json *doc, const char *digest,
                                    imgrel_error *err);
/* ---- image_edit_layers.c -------------------------------------------------------------------- */

/* Lists each part's layers and the jobs that bring them about. */
int ir_must_use ir_edit_layers(ir_edit *e, imgrel_error *err);
int ir_must_use ir_edit_jobs_run(ir_edit *e, imgrel_error *err);
void ir_edit_jobs_free(ir_edit *e);
const ir_desc *ir_edit_layer_desc(const ir_edit_layer *l); /* once jobs have run */
const char *ir_edit_layer_diff_id(const ir_edit_layer *l);
/* A blob that is not a layer. */
int ir_must_use ir_edit_copy(ir_edit *e, const ir_desc *d, imgrel_error *err);
/* ---- image_edit_write.c: configs, manifests, index, tags ------------------------------------ */

int ir_must_use ir_edit_write(ir_edit *e, ir_manifest *ret, imgrel_error *err);

#endif
