/* explain.h - a pull that fails, explained by those who know: the registry (what the image has, and
 * whether it takes the login) and Harbor (what became of the robot account). */
#ifndef IR_RUN_EXPLAIN_H
#define IR_RUN_EXPLAIN_H

#include "kube/kube.h"

/* Asks as an ir_explain_fn: the registry as the pod's own login, Harbor as the caller's login for
 * that host. Who cannot be asked leaves the diagnosis as it was, with a line of evidence that says
 * so. Takes 10 s at most. Only ECANCELED, ENOMEM and the call's own ETIMEOUT fail. */
int ir_must_use ir_explain(const ir_call *call, ir_diagnosis *d, imgrel_error *err);

#endif
