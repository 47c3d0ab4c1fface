/* work.h - the parallel part of a call: jobs on worker threads that are joined before it returns.
 * The calling thread reports progress for them and watches the caller's token; a job that fails
 * ends the others, and the first failure is the call's. Workers block every signal. */
#ifndef IR_NET_WORK_H
#define IR_NET_WORK_H

#include "net/call.h"

typedef int ir_work_fn(const ir_call *call, void *job, imgrel_error *err);
/* Runs fn over jobs[0..n), in that order, on at most n_threads threads (at least 1). Cancellation
 * and the deadline reach every job through the call that it is given. */
int ir_must_use ir_work_run(const ir_call *call, unsigned n_threads, ir_work_fn *fn, void **jobs,
                            size_t n, imgrel_error *err);
/* The same; the last n_light jobs are such as wait rather than work, and have up to twice as many
 * further threads, unless there is to be only one. */
int ir_must_use ir_work_run_light(const ir_call *call, unsigned n_threads, ir_work_fn *fn,
                                  void **jobs, size_t n, size_t n_light, imgrel_error *err);

#endif
