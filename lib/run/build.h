/* build.h - a build as a whole: built, brought to its names, and read again there. */
#ifndef IR_RUN_BUILD_H
#define IR_RUN_BUILD_H

#include "build/build.h"

/* spec: as imgrel/build.h says; paths are relative to base_dir (NULL: the current
 * folder). ret_report: also after a failure, once there is an image; NULL else. */
int ir_must_use ir_build(const ir_call *call, const ir_json *spec, const char *base_dir,
                         ir_json **ret_report, imgrel_error *err);

#endif
