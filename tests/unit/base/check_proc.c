/* check_proc.c - programs: input, output, status, ends by force, hosts that ignore SIGCHLD. */
#include "base/cancel.h"
#include "base/proc.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SH(script) ((const char *const[]){"sh", "-c", script, NULL})

START_TEST(input_output_status)
{
    ir_buf out = IR_BUF(1000), e = IR_BUF(1000);
    imgrel_error err = {0};
    int status = -1;
    ir_proc p = {.argv = SH("cat; echo $A$PATH | cut -c1; pwd; echo e >&2; exit 7"),
                 .env_add = (const char *const[]){"A=b", NULL},
                 .dir = "/",
                 .in = "in\n",
                 .in_len = 3,
                 .out = &out,
                 .err_out = &e};
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_int_eq(status, 7);
    ck_assert_str_eq(ir_buf_str(&out), "in\nb\n/\n");
    ck_assert_str_eq(ir_buf_str(&e), "e\n");
    ir_buf_free(&out);
    ir_buf_free(&e);
}
END_TEST

START_TEST(large_input_unread)
{
    static char big[1 << 20];
    int status = -1;
    imgrel_error err = {0};
    ir_proc p = {.argv = SH("exit 0"), .in = big, .in_len = sizeof big};
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(sigchld_ignored)
{
    int status = -1;
    imgrel_error err = {0};
    ir_proc p = {.argv = SH("kill -9 $$")};
    signal(SIGCHLD, SIG_IGN);
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_int_eq(status, 128 + SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1); /* nothing is left behind */
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(not_there)
{
    int status = -1;
    imgrel_error err = {0};
    ir_proc p = {.argv = (const char *const[]){"no-such-program-here", NULL}};
    ck_assert_int_eq(ir_proc_run(&p, NULL, 0, &status, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "no-such-program-here");
    ir_error_clear(&err);
    p = (ir_proc){.argv = SH("exit 0"), .dir = "/no/such/folder"};
    ck_assert_int_eq(ir_proc_run(&p, NULL, 0, &status, &err), IMGREL_ENOTFOUND);
    ck_assert_int_eq(status, -1);
}
END_TEST

START_TEST(killed_as_a_whole)
{
    static const struct {
        int64_t timeout, cancel;
        int code;
    } t[] = {{200, 0, IMGREL_ETIMEOUT}, {0, 1, IMGREL_ECANCELED}};
    for (int i = 0; i < 2; i++) {
        char script[] = "sleep 600 & echo $!; sleep 600";
        ir_buf out = IR_BUF(1000);
        imgrel_error err = {0};
        imgrel_cancel *token = NULL;
        int status = -1;
        unit_ok(imgrel_cancel_new(&token, &err), &err);
        if (t[i].cancel)
            imgrel_cancel_fire(token);
        ir_proc p = {.argv = SH(script), .out = &out, .timeout_ms = t[i].timeout};
        int64_t start = ir_now_ms();
        ck_assert_int_eq(ir_proc_run(&p, token, 0, &status, &err), t[i].code);
        ck_assert_int_lt(ir_now_ms() - start, 20000);
        unit_error(&err, t[i].code, "sh");
        int pid = out.len ? (int)strtol(ir_buf_str(&out), NULL, 10) : 0;
        for (int k = 0; pid && !kill(pid, 0) && k < 500; k++) /* until init has reaped it */
            ck_assert_int_eq(ir_sleep(NULL, 10, 0, NULL), 0);
        imgrel_cancel_free(token);
        ir_buf_free(&out);
    }
}
END_TEST

START_TEST(capped)
{
    ir_buf out = IR_BUF(100);
    imgrel_error err = {0};
    int status = -1;
    ir_proc p = {.argv = SH("yes"), .out = &out};
    ck_assert_int_eq(ir_proc_run(&p, NULL, 0, &status, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "sh: too long");
    ir_buf_free(&out);
}
END_TEST

START_TEST(left_behind_is_not_waited_for)
{
    ir_buf out = IR_BUF(100);
    imgrel_error err = {0};
    int status = -1;
    int64_t start = ir_now_ms();
    ir_proc p = {.argv = SH("sleep 5 & echo done"), .out = &out};
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_str_eq(ir_buf_str(&out), "done\n");
    ck_assert_int_lt(ir_now_ms() - start, 4000);
    ir_buf_free(&out);
}
END_TEST

START_TEST(standard_descriptors_closed)
{
    ir_buf out = IR_BUF(100);
    int status = -1;
    close(0);
    ir_proc p = {.argv = SH("cat; echo x"), .in = "in ", .in_len = 3, .out = &out};
    int rc = ir_proc_run(&p, NULL, 0, &status, NULL);
    ck_assert_int_eq(rc, 0);
    ck_assert_str_eq(ir_buf_str(&out), "in x\n");
    ir_buf_free(&out);
}
END_TEST

UNIT_SUITE(proc, input_output_status, large_input_unread, sigchld_ignored, not_there,
           killed_as_a_whole, capped, left_behind_is_not_waited_for, standard_descriptors_closed)
