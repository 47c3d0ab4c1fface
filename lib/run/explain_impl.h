/* explain_impl.h - what explain.c and explain_robot.c share: one question and who is asked. */
#ifndef IR_RUN_EXPLAIN_IMPL_H
#define IR_RUN_EXPLAIN_IMPL_H

#include "oci/image.h"
#include "run/explain.h"

typedef struct ir_ask {
    const ir_call *outer; /* the caller's, with its own logins */
    ir_call call;         /* as the pod's login, with a deadline of its own */
    ir_login login;       /* the pod's */
    ir_ref ref;
    ir_store *store;
    ir_diagnosis *d;
} ir_ask;

/* Hands on what ends everything; another failure becomes a line of evidence. who: "registry". */
int ir_must_use ir_ask_failed(const ir_ask *a, const char *who, const imgrel_error *why,
                              imgrel_error *err);
int ir_must_use ir_ask_see(const ir_ask *a, const char *who, const char *text, imgrel_error *err);
/* What Harbor has of the robot whose login was refused (refused false: which lacks a right). */
int ir_must_use ir_ask_robot(ir_ask *a, bool refused, imgrel_error *err);

#endif
