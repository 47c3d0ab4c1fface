/* make.h - small images for tests, made through the store that is under test. */
#ifndef IR_TESTS_OCI_MAKE_H
#define IR_TESTS_OCI_MAKE_H

#include "layer/support.h"
#include "oci/store.h"

/* Opens "oci:NAME" and so on, NAME being in the test's own folder. */
ir_store *make_store(const char *transport, const char *name, unsigned flags);
/* The same, but what goes wrong is told. */
int make_try(const char *transport, const char *name, unsigned flags, ir_store **ret,
             imgrel_error *err);
/* Ends and frees a store that was written to. */
void make_close(ir_store *s);
ir_desc make_blob(ir_store *s, const char *media_type, const void *p, size_t len);
/* One image of two layers for linux/arch, under a tag (NULL: none). ret may be NULL. */
void make_image(ir_store *s, const char *arch, const char *tag, ir_desc *ret);
/* An index of linux/amd64, linux/arm64 and an attestation of the first. */
void make_index(ir_store *s, const char *tag, ir_desc *ret);
/* Overwrites a byte of a blob in a layout of the test's folder. */
void make_damage(const char *layout, const char *digest);
/* How many files lie in a folder of the test's, whose names end like that. */
int make_count(const char *folder, const char *suffix);

#endif
