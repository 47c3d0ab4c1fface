/* index_edit.h - an index on its way from one state to the next (image-spec image-index.md). It is
 * changed as the JSON that it is, so that what we do not know stays as it was. Pure. */
#ifndef IR_OCI_INDEX_EDIT_H
#define IR_OCI_INDEX_EDIT_H

#include "oci/descriptor.h"

/* The document of an index that there is, or (NULL) of a new one in format ('o' OCI's, 'd'
 * Docker's) that names nothing. */
int ir_must_use ir_index_begin(const ir_manifest *from, char format, ir_json **ret,
                               imgrel_error *err);
/* The digest of the image that an entry attests (as buildkit writes it); NULL: it is none. */
const char *ir_index_attests(const ir_json *entry);
/* An entry's platform; false: it has none, or unknown/unknown. */
bool ir_index_platform(const ir_json *entry, ir_platform *ret);
/* Whether an entry is what which names: a digest, or a platform that it serves. EINVAL: which is
 * neither. */
int ir_must_use ir_index_is(const ir_json *entry, const char *which, bool *ret, imgrel_error *err);
/* Removes the entries that which names, and what attests them. ENOTFOUND: there is none. */
int ir_must_use ir_index_remove(ir_json *doc, const char *which, imgrel_error *err);
/* Adds an entry (a reference is taken, also on failure). One of the same digest is replaced; so is
 * one of the same platform, with what attests it. */
int ir_must_use ir_index_put(ir_json *doc, ir_json *entry, imgrel_error *err);
/* Sets annotations of the document or of an entry; null removes one. */
int ir_must_use ir_index_annotate(ir_json *object, const ir_json *annotations, imgrel_error *err);
/* The bytes: the same document, the same bytes. */
int ir_must_use ir_index_end(const ir_json *doc, ir_manifest *ret, imgrel_error *err);

#endif
