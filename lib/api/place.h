/* place.h - what the image calls begin with: a reference in text, the call, the store it names. */
#ifndef IR_API_PLACE_H
#define IR_API_PLACE_H

#include "api/api.h"
#include "oci/store.h"

typedef struct ir_place {
    ir_call call;
    ir_ref ref;
    ir_store *store;
} ir_place;
/* Parses text, runs ir_api_call and opens the store. flags: IR_STORE_*. */
int ir_must_use ir_place_open(imgrel_client *c, const char *text, const imgrel_opts *o,
                              unsigned flags, ir_place *ret, imgrel_error *err);
/* The same for a repository or a local place as a whole: a tag or digest is EINVAL. */
int ir_must_use ir_place_open_repository(imgrel_client *c, const char *text, const imgrel_opts *o,
                                         unsigned flags, ir_place *ret, imgrel_error *err);
void ir_place_close(ir_place *p);
/* The one platform that a call asks for; *ret_any: none. Several are EINVAL. */
int ir_must_use ir_place_platform(const ir_place *p, ir_platform *ret, bool *ret_any,
                                  imgrel_error *err);
/* The manifest that the reference and the call's platform name. */
int ir_must_use ir_place_manifest(ir_place *p, ir_manifest *ret, imgrel_error *err);

#endif
