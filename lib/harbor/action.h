/* action.h - what the files with actions share. */
#ifndef IR_HARBOR_ACTION_H
#define IR_HARBOR_ACTION_H

#include "harbor/kind.h"

typedef struct ir_action_job {
    const ir_call *call;
    ir_harbor *h;
    ir_harbor_place *place;
    const ir_json *spec; /* NULL: none */
} ir_action_job;
typedef int ir_action_fn(const ir_action_job *job, ir_json **ret, imgrel_error *err);

/* A request to a path of the place. */
int ir_must_use ir_action_send(const ir_action_job *job, const char *method, const char *path,
                               const ir_json *body, ir_reply *ret, imgrel_error *err);
/* The reply's document, or {"id"} of its Location; NULL: neither. */
int ir_must_use ir_action_result(const ir_action_job *job, const ir_reply *reply, ir_json **ret,
                                 imgrel_error *err);

/* How what was started is watched: its path (%s: its id), the member with its state, the words
 * that mean success. row: the path is a list, in which this member is the id. */
typedef struct ir_wait {
    const char *path, *state, *good, *row;
} ir_wait;
/* Until it ends: cancellable, and bounded by the call's deadline or an hour. EFAILED if it failed.
 */
int ir_must_use ir_action_wait(const ir_action_job *job, const ir_wait *w, const char *id,
                               ir_json **ret, imgrel_error *err);
/* The pause before the n-th look, and whether there is time left. */
int ir_must_use ir_action_pause(const ir_action_job *job, int n, int64_t end_ms, imgrel_error *err);
int64_t ir_action_end(const ir_call *call); /* by ir_now_ms() */

ir_action_fn ir_action_scan, ir_action_copy, ir_action_tag, ir_action_label, ir_action_unlabel,
    ir_action_exists, ir_action_ping_instance, ir_action_preheat, ir_action_default_scanner,
    ir_action_cli_secret, ir_action_create_project;

#endif
