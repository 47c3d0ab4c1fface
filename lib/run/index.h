/* index.h - an index made from images that are anywhere, or changed where it is. */
#ifndef IR_RUN_INDEX_H
#define IR_RUN_INDEX_H

#include "oci/store.h"

/* spec: as imgrel/index.h says. The children are checked and copied (or mounted) into dst before
 * the index is written; call.platform chooses from the indexes that are appended. */
int ir_must_use ir_index_edit(const ir_call *call, const ir_json *spec, const ir_ref *dst,
                              char ret_digest[IR_DIGEST_MAX], imgrel_error *err);

#endif
