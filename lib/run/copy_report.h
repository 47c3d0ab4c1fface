/* copy_report.h - how the items of a copy of many went: each told as it ends, all counted. */
#ifndef IR_RUN_COPY_REPORT_H
#define IR_RUN_COPY_REPORT_H

#include "run/copy_item.h"
#include "run/copy_many.h"

typedef struct ir_copy_report {
    pthread_mutex_t lock;
    ir_copy_sum *sum;
    bool keep_going;
} ir_copy_report;
int ir_must_use ir_report_begin(ir_copy_report *r, ir_copy_sum *sum, bool keep_going,
                                imgrel_error *err);
void ir_report_end(ir_copy_report *r);

/* All return 0, or why the whole is to end: a failure without keep_going, or a call that ends. */
int ir_must_use ir_report_item(const ir_call *call, ir_copy_report *r, const ir_ref *from,
                               const char *tag, const ir_copy_dst *d, imgrel_error *err);
/* rc 0: the tag was deleted (on a dry run: it would be); else e says why not. */
int ir_must_use ir_report_deleted(const ir_call *call, ir_copy_report *r, const ir_ref *to,
                                  const char *tag, int rc, const imgrel_error *e,
                                  imgrel_error *err);
/* Something larger than an item; to may be NULL. */
int ir_must_use ir_report_failed(const ir_call *call, ir_copy_report *r, const char *from,
                                 const char *to, int rc, const imgrel_error *e, imgrel_error *err);

#endif
