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

typedef struct seen {
    ir_buf out;
    int stop; /* a code to give at the first bytes */
} seen;

static int see(void *user, bool is_err, const char *p, size_t len, imgrel_error *err)
{
    seen *s = user;
    if (s->stop)
        return ir_fail(err, s->stop, "enough");
    ir_buf_addc(&s->out, is_err ? '2' : '1');
    ir_buf_add(&s->out, p, len);
    return 0;
}

static void wait_gone(const char *pids)
{
    char *end = NULL;
    for (long pid = strtol(pids, &end, 10); pid > 0; pid = strtol(end, &end, 10))
        for (int k = 0; !kill((pid_t)pid, 0); k++) {
            ck_assert_int_lt(k, 3000);
            ck_assert_int_eq(ir_sleep(NULL, 10, 0, NULL), 0);
        }
}

START_TEST(sink)
{
    seen s = {.out = IR_BUF(1000)};
    imgrel_error err = {0};
    int status = -1;
    ir_proc p = {.argv = SH("echo a; exit 3"), .sink = see, .user = &s};
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_int_eq(status, 3);
    ck_assert_str_eq(ir_buf_str(&s.out), "1a\n");
    ir_buf_clear(&s.out);
    p.argv = SH("echo b >&2");
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_str_eq(ir_buf_str(&s.out), "2b\n");
    s.stop = IMGREL_EPROTO;
    p.argv = SH("echo; sleep 600");
    p.grace_ms = 100;
    ck_assert_int_eq(ir_proc_run(&p, NULL, 0, &status, &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "enough");
    ir_buf_free(&s.out);
}
END_TEST

/* A family: its own end takes along what it left; what is in another session too. */
START_TEST(family_leaves_nobody)
{
    ir_buf out = IR_BUF(1000);
    imgrel_error err = {0};
    int status = -1;
    ir_proc p = {.argv =
                     SH("setsid sh -c 'sleep 600 & echo $!; echo $$; exec sleep 600' & sleep 600 & "
                        "echo $!; while ! [ -e /proc/$! ]; do :; done; sleep 0.3; exit 5"),
                 .out = &out,
                 .grace_ms = 1000};
    signal(SIGCHLD, SIG_IGN);
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    signal(SIGCHLD, SIG_DFL);
    ck_assert_int_eq(status, 5);
    ck_assert_int_gt(out.len, 5);
    wait_gone(ir_buf_str(&out));
    ir_buf_free(&out);
}
END_TEST

/* Told to end it says goodbye first; one that does not listen is killed after its grace. */
START_TEST(family_ends_in_grace)
{
    static const struct {
        const char *trap;
        bool bye;
    } t[] = {{"trap 'echo bye >&2; rm $F; exit 0' TERM", true}, {"trap '' TERM", false}};
    for (int i = 0; i < 2; i++) {
        char script[300], file[] = "/tmp/imgrel-proc-XXXXXX", env[64];
        ir_buf out = IR_BUF(1000);
        imgrel_error err = {0};
        int status = -1, fd = mkstemp(file);
        ck_assert_int_ge(fd, 0);
        close(fd);
        snprintf(env, sizeof env, "F=%s", file);
        snprintf(script, sizeof script,
                 "%s; setsid sleep 600 & echo $!; echo $$; while :; do "
                 "sleep 0.05; done",
                 t[i].trap);
        ir_proc p = {.argv = SH(script),
                     .env_add = (const char *const[]){env, NULL},
                     .out = &out,
                     .timeout_ms = 1500,
                     .grace_ms = t[i].bye ? 20000 : 300};
        ck_assert_int_eq(ir_proc_run(&p, NULL, 0, &status, &err), IMGREL_ETIMEOUT);
        wait_gone(ir_buf_str(&out));
        ck_assert_int_eq(access(file, F_OK) != 0, t[i].bye);
        unlink(file);
        ir_buf_free(&out);
    }
}
END_TEST

START_TEST(family_ends_with_its_host)
{
    int ends[2];
    char pids[100] = "";
    ck_assert_int_eq(pipe(ends), 0);
    pid_t host = fork();
    if (host == 0) {
        char self[64];
        int status = 0;
        snprintf(self, sizeof self, "/proc/%d/fd/%d", (int)getpid(), ends[1]);
        ir_proc p = {
            .argv = (const char *const[]){"sh", "-c", "echo $$ >$0; setsid sleep 600", self, NULL},
            .grace_ms = 500};
        _exit(ir_proc_run(&p, NULL, 0, &status, NULL) != 0);
    }
    ck_assert_int_gt(read(ends[0], pids, sizeof pids - 1), 0);
    kill(host, SIGKILL);
    ck_assert_int_eq(waitpid(host, NULL, 0), host);
    wait_gone(pids);
    close(ends[0]);
    close(ends[1]);
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
           killed_as_a_whole, capped, left_behind_is_not_waited_for, standard_descriptors_closed,
           sink, family_leaves_nobody, family_ends_in_grace, family_ends_with_its_host)
