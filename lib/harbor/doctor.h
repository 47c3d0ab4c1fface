/* doctor.h - what the files of the doctor share: the report, a row a check. */
#ifndef IR_HARBOR_DOCTOR_H
#define IR_HARBOR_DOCTOR_H

#include "harbor/kind.h"

typedef struct ir_doctor {
    const ir_call *call;
    ir_harbor *h;
    const char *project, *repository; /* project NULL: not asked about */
    const char *rights;               /* "pull", "push"; NULL: not asked about */
    ir_json *info;                    /* /systeminfo */
    ir_json *user;                    /* NULL: a robot, or nobody */
    ir_json *rows;
    bool failed, logged_in;
} ir_doctor;

/* A row. state: "ok", "fail", "warn" or "skip". ENOMEM. */
int ir_must_use ir_doctor_say(ir_doctor *d, const char *check, const char *state, int code,
                              const char *cure, imgrel_error *err, const char *fmt, ...)
    IR_PRINTF(7, 8);
/* A row for a failure, which is then told and over; ECANCELED, ETIMEOUT of the whole call and
 * ENOMEM are given back. */
int ir_must_use ir_doctor_fail(ir_doctor *d, const char *check, const imgrel_error *why,
                               imgrel_error *err);

/* doctor_reach.c */
int ir_must_use ir_doctor_reach(ir_doctor *d, bool *ret_there, imgrel_error *err);
int ir_must_use ir_doctor_clock(ir_doctor *d, imgrel_error *err);
int ir_must_use ir_doctor_realm(ir_doctor *d, imgrel_error *err);
/* doctor_rights.c */
int ir_must_use ir_doctor_rights(ir_doctor *d, imgrel_error *err);

#endif
