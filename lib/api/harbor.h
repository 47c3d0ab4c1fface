/* harbor.h - a handle on a Harbor, for the files that have its calls. */
#ifndef IR_API_HARBOR_H
#define IR_API_HARBOR_H

#include <imgrel/harbor.h>

#include "harbor/harbor.h"

struct imgrel_harbor {
    imgrel_client *client; /* borrowed */
    ir_harbor *harbor;
};

/* The call; EINVAL for a handle that is NULL. */
int ir_must_use ir_api_harbor(imgrel_harbor *h, const imgrel_opts *o, ir_call *ret,
                              imgrel_error *err);

#endif
