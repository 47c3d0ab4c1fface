/* ignore.h - .dockerignore: which files of a context are left out. Pure. */
#ifndef IR_BUILD_IGNORE_H
#define IR_BUILD_IGNORE_H

#include "base/str.h"

typedef struct ir_ignore { ir_strv patterns; } ir_ignore; /* "!" stands before what is not */
int ir_must_use ir_ignore_parse(const char *text, size_t len, ir_ignore *ret, imgrel_error *err);
/* path: relative to the context, no slash at its ends. The last pattern that fits it, or a folder
 * that it is in, decides. */
bool ir_ignore_has(const ir_ignore *g, const char *path);
/* Whether something in an ignored folder may be wanted all the same. */
bool ir_ignore_has_exceptions(const ir_ignore *g);
void ir_ignore_free(ir_ignore *g);
/* That of a context: DOCKERFILE.dockerignore, else .dockerignore; none is fine. */
int ir_must_use ir_ignore_read(const char *dir, const char *dockerfile, ir_ignore *ret,
                               imgrel_error *err);

#endif
