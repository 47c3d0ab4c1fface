/* copy_seen.h - which blobs the items of one call have put where: what several tags share is not
 * asked for again, and what another repository of the same registry got is mounted from there. Of
 * fixed size: what no longer fits is forgotten, and then asked for as ever. */
#ifndef IR_RUN_COPY_SEEN_H
#define IR_RUN_COPY_SEEN_H

#include "fmt/ref.h"

#include <stdbool.h>

typedef struct ir_copy_seen ir_copy_seen;
int ir_must_use ir_copy_seen_new(ir_copy_seen **ret, imgrel_error *err);
void ir_copy_seen_free(ir_copy_seen *s);

/* All take NULL, of which nothing is known. Any thread. */
void ir_copy_seen_add(ir_copy_seen *s, const ir_ref *place, const char *digest);
bool ir_copy_seen_has(ir_copy_seen *s, const ir_ref *place, const char *digest);
/* Adds it, and says whether that was new: of several who ask at once, one hears yes. */
bool ir_copy_seen_first(ir_copy_seen *s, const ir_ref *place, const char *digest);
/* A repository of place's registry that has the blob; NULL: none. Lives as long as s. */
const char *ir_copy_seen_near(ir_copy_seen *s, const ir_ref *place, const char *digest);

#endif
