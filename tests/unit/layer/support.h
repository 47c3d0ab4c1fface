/* support.h - what the tests of layers and images share: a call, a folder of their own, bytes. */
#ifndef IR_TESTS_LAYER_SUPPORT_H
#define IR_TESTS_LAYER_SUPPORT_H

#include "unit.h"

#include "base/buf.h"
#include "base/fd.h"
#include "net/call.h"
#include "oci/archive.h"
#include "oci/image.h"

/* A call of a session with the default configuration; freed by support_end. */
void support_begin(void);
void support_end(void);
extern ir_call support_call;
/* The test's own folder, empty at its beginning. */
extern char support_dir[256];
/* support_dir/name, static (eight of them in turn). */
const char *support_path(const char *name);
/* Writes a file, with the folders above it; fixed mtime. */
void support_file(const char *name, const char *text, int mode);
/* Deterministic bytes: kind 't' text, 'r' random, 'z' zeros, 'c' counting, 'm' all of them. */
char *support_bytes(char kind, size_t len);
/* The output of a program that is given `in`; false: there is no such program. */
bool support_run(const char *const *argv, const void *in, size_t len, ir_buf *out);

/* JSON in which ' stands for ", and $D for support_dir. */
ir_json *support_json(const char *text);

/* A source of bytes for decoders, by pieces of at most `step`. */
typedef struct support_in {
    const char *p;
    size_t len, at, step;
} support_in;
int64_t support_read(void *user, void *buf, size_t len, imgrel_error *err);

/* A tar in memory, built entry by entry. more: a file's text, a link's target. */
typedef struct made {
    ir_buf b;
    ir_tar *t;
} made;
void made_begin(made *m);
void made_add(made *m, char type, const char *path, const char *more, int mode);
void made_end(made *m);

#endif
