/* artifact.h - files as an artifact (image-spec manifest.md, "Guidelines for Artifact Usage"), and
 * back. */
#ifndef IR_OCI_ARTIFACT_H
#define IR_OCI_ARTIFACT_H

#include "oci/store.h"

/* spec: as imgrel/index.h says. by_digest: no tag is written but the spec's. */
int ir_must_use ir_artifact_put(const ir_call *call, const ir_json *spec, const ir_ref *dst,
                                bool by_digest, char ret_digest[IR_DIGEST_MAX], imgrel_error *err);
/* Every file of it into a folder, which is made; ret (a new document): what they are. */
int ir_must_use ir_artifact_get(const ir_call *call, const ir_ref *ref, const char *dir,
                                ir_json **ret, imgrel_error *err);
/* Whether a file may be called so: one part of a path, which leads nowhere else. */
bool ir_artifact_name_ok(const char *name);

#endif
