/* proc.c - runs a program. Between us and it stands a supervisor, a fork of ours that only waits
 * for the program and reports its end through a pipe: its own end raises no SIGCHLD, so a host that
 * ignores SIGCHLD, or waits for every child, does not take the status away from us. Both are in a
 * process group of their own, which is killed as a whole. The input is a file in memory: nothing
 * of ours is written to a pipe that could break. The supervisor of a family inherits whatever
 * orphans it leaves, and sees to the end of each before it reports. */
#include "base/proc.h"
#include "base/cancel.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { IN, OUT, ERR, REPORT, N_FDS };

typedef struct report {
    int errnum; /* the program could not be run */
    int status; /* as wait gives it */
} report;

typedef struct run {
    const ir_proc *p;
    const char *name;
    char **env;
    int child[N_FDS]; /* the child's ends, all above 2 */
    int ours[N_FDS];
    pid_t pid;
} run;

static void close_all(int fds[N_FDS])
{
    for (int i = 0; i < N_FDS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* The same file above the three standard descriptors, which a host may have closed. Takes fd. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return high;
}

static int open_pipe(run *r, int which, imgrel_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return ir_fail_errno(err, errno, "%s: pipe", r->name);
    r->ours[which] = above_standard(ends[0]);
    r->child[which] = above_standard(ends[1]);
    if (r->ours[which] < 0 || r->child[which] < 0 || fcntl(r->ours[which], F_SETFL, O_NONBLOCK) < 0)
        return ir_fail_errno(err, errno, "%s: pipe", r->name);
    return 0;
}

static int open_null(run *r, int which, imgrel_error *err)
{
    r->child[which] = above_standard(open("/dev/null", O_RDWR | O_CLOEXEC));
    return r->child[which] < 0 ? ir_fail_errno(err, errno, "/dev/null") : 0;
}

static int open_input(run *r, imgrel_error *err)
{
    if (!r->p->in)
        return open_null(r, IN, err);
    int fd = r->child[IN] = above_standard(memfd_create("input", MFD_CLOEXEC));
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s: input", r->name);
    int rc = ir_fd_write(fd, r->name, r->p->in, r->p->in_len, err);
    if (!rc && lseek(fd, 0, SEEK_SET))
        rc = ir_fail_errno(err, errno, "%s: input", r->name);
    return rc;
}

static bool is_replaced(const char *entry, const char *const *add)
{
    size_t name = strcspn(entry, "=") + 1;
    for (; add && *add; add++)
        if (!strncmp(entry, *add, name))
            return true;
    return false;
}

static int make_env(run *r, imgrel_error *err)
{
    size_t n = 0, k = 0;
    const char *const *add = r->p->env_add;
    for (char **e = environ; e && *e; e++)
        n++;
    for (const char *const *a = add; a && *a; a++)
        n++;
    if (!(r->env = calloc(n + 1, sizeof *r->env)))
        return ir_nomem(err);
    for (char **e = environ; e && *e; e++)
        if (!is_replaced(*e, add))
            r->env[k++] = *e;
    for (const char *const *a = add; a && *a; a++)
        r->env[k++] = (char *)(uintptr_t)*a;
    return 0;
}

static void tell(int fd, report what)
{
    ssize_t n = write(fd, &what, sizeof what);
    (void)n;
}

static void default_signals(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &dfl, NULL);
}

static void let_signals_in(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- in the forked supervisor: async-signal-safe calls only, and no way back ---------------- */

static pid_t run_program(const run *r)
{
    pid_t pid = _Fork();
    if (pid)
        return pid;
    if (r->p->grace_ms)
        setpgid(0, 0);
    let_signals_in();
    execvpe(r->p->argv[0], (char *const *)(uintptr_t)r->p->argv, r->env);
    tell(3, (report){.errnum = errno});
    _exit(127);
}

/* SIGKILL to every child that there is: the rest of a family, one generation a time. */
static void kill_children(void)
{
    char text[4096];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    pid_t pid = 0;
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
        } else if (pid > 1) {
            kill(pid, SIGKILL);
            pid = 0;
        }
    }
    if (fd >= 0)
        close(fd);
}

/* Takes every child that ended; true when pid is one of them. */
static bool take_ended(pid_t pid, int *status, bool *ret_alone)
{
    bool ended = false;
    int st = 0;
    pid_t p = 0;
    while ((p = waitpid(-1, &st, WNOHANG)) > 0 || (p < 0 && errno == EINTR))
        if (p == pid) {
            ended = true;
            *status = st;
        }
    *ret_alone = p < 0;
    return ended;
}

/* Until the program has ended: by itself, or because we were told to end it. */
static int wait_family(pid_t pid, int64_t grace_ms)
{
    sigset_t set;
    int status = 0;
    bool ending = false, alone = false;
    int64_t end = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    while (!take_ended(pid, &status, &alone) && !alone) {
        struct timespec second = {.tv_sec = 1};
        int s = sigtimedwait(&set, NULL, &second);
        if (s == SIGTERM && !ending) {
            ending = true;
            end = ir_now_ms() + grace_ms;
            if (kill(-pid, SIGTERM))
                kill(pid, SIGTERM); /* it has not made its group yet */
        } else if (ending && ir_now_ms() >= end) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
    }
    kill(-pid, SIGKILL);
    for (int i = 0; i < 500 && !alone; i++) {
        struct timespec moment = {.tv_nsec = 20000000};
        int ignored = 0;
        kill_children();
        take_ended(pid, &ignored, &alone);
        if (!alone)
            sigtimedwait(&set, NULL, &moment);
    }
    return status;
}

static int wait_one(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static _Noreturn void supervise(const run *r)
{
    setpgid(0, 0);
    default_signals();
    if (!r->p->grace_ms)
        let_signals_in();
    dup2(r->child[IN], 0);
    dup2(r->child[OUT], 1);
    dup2(r->child[ERR], 2);
    if (r->child[REPORT] != 3)
        dup3(r->child[REPORT], 3, O_CLOEXEC);
    closefrom(4);
    if (r->p->grace_ms) {
        prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
        prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
    }
    if (r->p->dir && chdir(r->p->dir)) {
        tell(3, (report){.errnum = errno});
        _exit(127);
    }
    pid_t pid = run_program(r);
    if (pid < 0) {
        tell(3, (report){.errnum = errno});
        _exit(127);
    }
    close(0);
    close(1);
    close(2);
    tell(3, (report){.status = r->p->grace_ms ? wait_family(pid, r->p->grace_ms) : wait_one(pid)});
    _exit(0);
}

/* ---- on our side ----------------------------------------------------------------------------- */

static int start(run *r, imgrel_error *err)
{
    int rc = open_input(r, err);
    if (!rc)
        rc = r->p->out || r->p->sink ? open_pipe(r, OUT, err) : open_null(r, OUT, err);
    if (!rc)
        rc = r->p->err_out || r->p->sink ? open_pipe(r, ERR, err) : open_null(r, ERR, err);
    if (!rc)
        rc = open_pipe(r, REPORT, err);
    if (!rc)
        rc = make_env(r, err);
    if (rc)
        return rc;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler of the host may run in the fork */
    r->pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L); /* fork() without a signal at its end */
    if (r->pid == 0)
        supervise(r);
    int errnum = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r->pid < 0)
        return ir_fail_errno(err, errnum, "%s: fork", r->name);
    setpgid(r->pid, r->pid);
    close_all(r->child);
    return 0;
}

static int pass_on(const run *r, int which, const char *p, size_t len, imgrel_error *err)
{
    ir_buf *out = which == OUT ? r->p->out : r->p->err_out;
    if (r->p->sink)
        return r->p->sink(r->p->user, which == ERR, p, len, err);
    ir_buf_add(out, p, len);
    return out->bad ? ir_buf_check(out, err, r->name) : 0;
}

/* What is at hand of an output, lost when there is no use for it; closes ours at its end. */
static int drain(run *r, int which, bool lose, imgrel_error *err)
{
    char chunk[4096];
    int rc = 0;
    while (!rc && r->ours[which] >= 0) {
        ssize_t n = read(r->ours[which], chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n > 0) {
            rc = lose ? 0 : pass_on(r, which, chunk, (size_t)n, err);
        } else {
            close(r->ours[which]);
            r->ours[which] = -1;
        }
    }
    ir_wipe(chunk, sizeof chunk);
    return rc;
}

static int wait_more(run *r, const imgrel_cancel *t, int64_t deadline_ms, imgrel_error *err)
{
    struct pollfd p[] = {{.fd = r->ours[OUT], .events = POLLIN},
                         {.fd = r->ours[ERR], .events = POLLIN},
                         {.fd = r->ours[REPORT], .events = POLLIN},
                         {.fd = ir_cancel_poll_fd(t), .events = POLLIN}};
    int rc = ir_check_time(t, deadline_ms, err);
    if (rc)
        return ir_error_prefix(err, "%s", r->name), rc;
    int64_t left = deadline_ms ? deadline_ms - ir_now_ms() : -1;
    int ms = !deadline_ms ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
    if (poll(p, 4, ms) < 0 && errno != EINTR)
        return ir_fail_errno(err, errno, "%s: poll", r->name);
    return 0;
}

/* Reads until the report comes; what others still hold open then is not waited for. */
static int collect(run *r, const imgrel_cancel *t, int64_t deadline_ms, report *ret,
                   imgrel_error *err)
{
    for (ssize_t n = -1; n < 0;) {
        int rc = wait_more(r, t, deadline_ms, err);
        if (rc)
            return rc;
        n = read(r->ours[REPORT], ret, sizeof *ret);
        if (n == 0)
            return ir_fail(err, IMGREL_EIO, "%s: was killed with its supervisor", r->name);
        if ((rc = drain(r, OUT, false, err)) || (rc = drain(r, ERR, false, err)))
            return rc;
    }
    return 0;
}

/* Has the supervisor end its family; what it still says is taken off it, lest it be stuck. */
static void end_family(run *r)
{
    report ignored;
    imgrel_error none = {0};
    ssize_t n = -1;
    kill(r->pid, SIGTERM);
    while (n < 0 && r->ours[REPORT] >= 0) {
        struct pollfd p[] = {{.fd = r->ours[OUT], .events = POLLIN},
                             {.fd = r->ours[ERR], .events = POLLIN},
                             {.fd = r->ours[REPORT], .events = POLLIN}};
        poll(p, 3, 1000);
        if (drain(r, OUT, true, &none) || drain(r, ERR, true, &none))
            break;
        n = read(r->ours[REPORT], &ignored, sizeof ignored);
    }
}

static void reap(run *r, bool by_force)
{
    if (by_force && r->p->grace_ms)
        end_family(r);
    if (by_force) {
        kill(-r->pid, SIGKILL);
        kill(r->pid, SIGKILL);
    }
    while (waitpid(r->pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

int ir_proc_run(const ir_proc *p, const imgrel_cancel *t, int64_t deadline_ms, int *ret_status,
                imgrel_error *err)
{
    run r = {.p = p, .name = p->argv[0], .child = {-1, -1, -1, -1}, .ours = {-1, -1, -1, -1}};
    report end = {0};
    if (p->timeout_ms && (!deadline_ms || ir_now_ms() + p->timeout_ms < deadline_ms))
        deadline_ms = ir_now_ms() + p->timeout_ms;
    int rc = start(&r, err);
    if (!rc) {
        rc = collect(&r, t, deadline_ms, &end, err);
        reap(&r, rc != 0);
    }
    if (!rc && end.errnum)
        rc = ir_fail_errno(err, end.errnum, "%s", r.name);
    else if (!rc)
        *ret_status =
            WIFSIGNALED(end.status) ? 128 + WTERMSIG(end.status) : WEXITSTATUS(end.status);
    close_all(r.child);
    close_all(r.ours);
    free(r.env);
    return rc;
}
