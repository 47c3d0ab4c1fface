/* release_scan.c - Harbor's scanner as a gate: what it finds in the image that was pushed, at a
 * severity that the file does not allow, ends the release before anything runs it. */
#include "run/release_impl.h"

#include "base/str.h"

#include <stdlib.h>

int ir_rel_scan(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_site *s = target;
    const ir_rel_file *f = &run->r->file;
    IR_AUTO(ir_json_p) found = NULL;
    if (!f->scan)
        return 0;
    char *key = ir_format("%s/%s@%s", f->project, f->app, s->digest);
    int rc = key ? ir_harbor_do(&run->call, s->harbor, "artifact", key, "scan", f->scan, &found,
                                err)
                 : ir_nomem(err);
    free(key);
    const char *severity = found ? ir_json_str(found, "severity") : NULL;
    if (!rc)
        ir_rel_say(row, NULL, "worst finding: %s", severity ? severity : "none");
    memcpy(row->digest, s->digest, sizeof row->digest);
    return rc;
}
