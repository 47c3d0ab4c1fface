/* proc.h - runs a program without a shell: argv, input, capped output, deadline, cancel. The child
 * gets its own process group, which is killed as a whole; it is waited for even where the host
 * ignores SIGCHLD. SIGPIPE is never raised. A long-running one may bring a family: what it starts,
 * in whatever group or session, ends with it, and with the host. */
#ifndef IR_BASE_PROC_H
#define IR_BASE_PROC_H

#include "base/buf.h"
#include <imgrel/client.h>

/* Some bytes that came out; is_err: of standard error. A code ends the program. */
typedef int ir_proc_sink_fn(void *user, bool is_err, const char *p, size_t len, imgrel_error *err);

typedef struct ir_proc {
    const char *const *argv;    /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env_add; /* "NAME=value" entries over our environment; NULL: none */
    const char *dir;            /* NULL: ours */
    const void *in;             /* standard input, may be NULL */
    size_t in_len;
    ir_buf *out, *err_out;      /* caps apply: ELIMIT; NULL: /dev/null */
    ir_proc_sink_fn *sink;      /* gets the output as it comes, instead of out and err_out */
    void *user;
    int64_t timeout_ms;         /* 0: none */
    int64_t grace_ms;           /* > 0: a family. To end it, SIGTERM; then so long until SIGKILL */
} ir_proc;
/* ret_status: exit status, or 128 + signal. ENOTFOUND when there is no such program. */
int ir_must_use ir_proc_run(const ir_proc *p, const imgrel_cancel *t, int64_t deadline_ms,
                            int *ret_status, imgrel_error *err);

#endif
