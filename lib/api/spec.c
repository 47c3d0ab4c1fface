/* spec.c - the JSON by which a caller says what a call is to make. */
#include "api/api.h"
#include "base/limits.h"

#include <string.h>

#define SPEC_MAX IR_MIB

int ir_spec_parse(const char *text, const char *what, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    *ret = NULL;
    if (!text || strlen(text) > SPEC_MAX)
        return ir_fail(err, IMGREL_EINVAL, "%s: it is %s", what, text ? "too long" : "NULL");
    int rc = ir_json_parse(text, strlen(text), what, ret, &e);
    if (rc == IMGREL_EPROTO)
        rc = e.code = IMGREL_EINVAL; /* it is the caller's, not a server's */
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}
