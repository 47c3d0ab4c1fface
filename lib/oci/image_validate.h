/* image_validate.h - is an image what its documents say? */
#ifndef IR_OCI_IMAGE_VALIDATE_H
#define IR_OCI_IMAGE_VALIDATE_H

#include "oci/image.h"

/* Reads all that the store's reference names (call.platform: only those platforms) and checks it;
 * fast: no layer is read. ret_report: what imgrel_image_validate says, also when something is
 * wrong; NULL when it could not be found out (network, cancel, memory). The result is the code of
 * the first error found. */
int ir_must_use ir_image_validate(const ir_call *call, ir_store *store, bool fast,
                                  ir_json **ret_report, imgrel_error *err);

/* ---- inside --------------------------------------------------------------------------------- */

typedef struct ir_check {
    const ir_call *call;
    ir_store *store;
    bool fast;
    ir_json *images, *findings;
    struct ir_check_layer **layers; /* each blob once for each diffID */
    size_t n_layers, cap_layers;
    uint64_t bytes;
    imgrel_error first; /* error that was found */
    size_t errors;
} ir_check;
/* A blob to be looked at. */
typedef struct ir_check_layer {
    ir_check *c;
    ir_desc desc;
    char diff_id[IR_DIGEST_MAX]; /* "": no layer of an image */
    imgrel_error wrong;          /* code 0: nothing */
} ir_check_layer;

/* A finding. error: else it is a warning. */
int ir_must_use ir_check_say(ir_check *c, bool error, int code, const char *what,
                             const char *message, imgrel_error *err);
/* What a failure of the store means: 0 after it became a finding, or its code: the end. */
int ir_must_use ir_check_failed(ir_check *c, const imgrel_error *e, const char *what,
                                imgrel_error *err);
int ir_must_use ir_check_layer_add(ir_check *c, const ir_desc *d, const char *diff_id,
                                   imgrel_error *err);
/* image_validate_layer.c: reads them, several at once. */
int ir_must_use ir_check_layers(ir_check *c, imgrel_error *err);
void ir_check_layers_free(ir_check *c);

#endif
