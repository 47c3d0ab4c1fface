/* engine.h - the Engine's API, which Docker and podman's service speak. Inside lib/build only. */
#ifndef IR_BUILD_ENGINE_H
#define IR_BUILD_ENGINE_H

#include "build/inside.h"

int ir_must_use ir_engine_build(ir_job *job, imgrel_error *err);
int ir_must_use ir_engine_probe(const ir_call *call, const char *builder, ir_json *row,
                                imgrel_error *err);
/* The context as a tar in the file out: what .dockerignore leaves out is not in it. ret_dockerfile:
 * where the Dockerfile is in it; malloc'ed. */
int ir_must_use ir_context_pack(const ir_job *job, const char *out, char **ret_dockerfile,
                                imgrel_error *err);

#endif
