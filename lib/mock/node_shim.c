/* node_shim.c - the process between the mock and runc. It is the first process of a pid and a mount
 * namespace of its own: the container's file system (the image below, memory above) is mounted only
 * there, runc and the container are its children, and when it dies, by us or with us, the kernel
 * ends and unmounts all of it. So nothing is left behind even by a mock that was killed.
 *
 * After fork only async-signal-safe calls are made: the mock has threads. */
#include "mock/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the descriptors are in the child. */
enum { FD_REPORT = 3, FD_NET = 4, FD_FIRST_FREE = 5 };

/* Strings that are made before the fork. */
typedef struct plan {
    const mk_shim *s;
    char *pid_file, *log, *rootfs, *scratch, *upper, *work, *options;
    const char *const *create, *const *start, *const *delete;
} plan;

/* Signals are blocked and waited for: no handler, no state. */
static void watched(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGCHLD);
}

static void say(char what, const void *p, size_t len)
{
    char buf[512] = {what};
    if (len > sizeof buf - 1)
        len = sizeof buf - 1;
    memcpy(buf + 1, p, len);
    /* One write, shorter than PIPE_BUF: it arrives as a whole. */
    ssize_t n = write(FD_REPORT, buf, len + 1);
    (void)n;
}

static void fail(const char *what)
{
    say(MK_SHIM_FAILED, what, strlen(what));
    _exit(1);
}

/* Runs runc and gives its wait status. The container's own output is not for start and delete. */
static int run(const char *const *argv, bool quiet)
{
    static const char *const env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    int status = -1;
    sigset_t none;
    sigemptyset(&none);
    pid_t pid = fork();
    if (!pid) {
        sigprocmask(SIG_SETMASK, &none, NULL);
        close(FD_REPORT);
        close(FD_NET);
        if (quiet) {
            dup2(0, 1);
            dup2(0, 2);
        }
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static pid_t read_pid(const char *path)
{
    char buf[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof buf - 1);
    pid_t pid = 0;
    for (ssize_t i = 0; i < n && buf[i] >= '0' && buf[i] <= '9'; i++)
        pid = pid * 10 + (buf[i] - '0');
    if (fd >= 0)
        close(fd);
    return pid;
}

static void mount_all(const plan *p)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        fail("cannot make mounts private");
    if (mount("proc", "/proc", "proc", 0, NULL))
        fail("cannot mount /proc");
    if (mount("tmpfs", p->scratch, "tmpfs", 0, "mode=755") || mkdir(p->upper, 0755) ||
        mkdir(p->work, 0755))
        fail("cannot mount a tmpfs");
    if (mount("overlay", p->rootfs, "overlay", 0, p->options))
        fail("cannot mount an overlay");
}

/* Passes SIGTERM on to a process until it ends; whatever else is left to us is waited for too. */
static int wait_for(pid_t wanted)
{
    sigset_t set;
    int status = 0;
    pid_t pid;
    watched(&set);
    for (;;) {
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == wanted)
                return status;
        if (pid < 0 && errno == ECHILD)
            return status;
        if (sigwaitinfo(&set, NULL) == SIGTERM)
            kill(wanted, SIGTERM);
    }
}

static void inner(const plan *p)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    mount_all(p);
    if (run(p->create, false))
        fail("");
    pid_t init = read_pid(p->pid_file);
    if (init <= 0)
        fail("runc wrote no pid file");
    if (run(p->start, true))
        fail("");
    say(MK_SHIM_STARTED, "", 0);
    int status = wait_for(init);
    say(MK_SHIM_ENDED, &status, sizeof status);
    run(p->delete, true);
    _exit(0);
}

static void place_fds(const mk_shim *s)
{
    int report = fcntl(s->report, F_DUPFD, 20), net = fcntl(s->net, F_DUPFD, 20);
    int out = fcntl(s->out, F_DUPFD, 20), err_out = fcntl(s->err_out, F_DUPFD, 20);
    int null = open("/dev/null", O_RDWR);
    null = fcntl(null, F_DUPFD, 20);
    dup2(null, 0);
    dup2(out, 1);
    dup2(err_out, 2);
    dup2(report, FD_REPORT);
    dup2(net, FD_NET);
    syscall(SYS_close_range, FD_FIRST_FREE, ~0u, 0);
}

static void default_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};
    sigset_t set;
    sigemptyset(&sa.sa_mask);
    for (int sig = 1; sig < 32; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            sigaction(sig, &sa, NULL);
    watched(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static void outer(const plan *p)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    default_signals();
    place_fds(p->s);
    if (setns(FD_NET, CLONE_NEWNET))
        fail("cannot enter the pod's network");
    if (unshare(CLONE_NEWPID | CLONE_NEWNS))
        fail("cannot make namespaces");
    pid_t pid = fork();
    if (!pid)
        inner(p);
    if (pid < 0)
        fail("cannot fork");
    for (int fd = 1; fd <= FD_NET; fd++)
        close(fd);
    wait_for(pid);
    _exit(0);
}

static void plan_free(plan *p)
{
    char *const all[] = {p->pid_file, p->log, p->rootfs, p->scratch, p->upper, p->work, p->options};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static int plan_make(plan *p, const mk_shim *s, imgrel_error *err)
{
    p->s = s;
    p->pid_file = ir_format("%s/pid", s->bundle);
    p->log = ir_format("%s/runc.log", s->bundle);
    p->rootfs = ir_format("%s/rootfs", s->bundle);
    p->scratch = ir_format("%s/scratch", s->bundle);
    p->upper = ir_format("%s/scratch/u", s->bundle);
    p->work = ir_format("%s/scratch/w", s->bundle);
    p->options = ir_format("lowerdir=%s,upperdir=%s/scratch/u,workdir=%s/scratch/w", s->lower,
                           s->bundle, s->bundle);
    if (!p->pid_file || !p->log || !p->rootfs || !p->scratch || !p->upper || !p->work ||
        !p->options)
        return ir_nomem(err);
    if (mkdir(p->rootfs, 0755) || mkdir(p->scratch, 0755))
        return ir_fail_errno(err, errno, "mock node: cannot create %s", p->rootfs);
    return 0;
}

int mk_shim_start(const mk_shim *s, imgrel_error *err)
{
    plan p = {0};
    int rc = plan_make(&p, s, err);
    const char *create[] = {s->runc,        "--root",   s->root,  "--log",    p.log,
                            "--log-format", "json",     "create", "--bundle", s->bundle,
                            "--pid-file",   p.pid_file, s->id,    NULL};
    const char *start[] = {s->runc,        "--root", s->root, "--log", p.log,
                           "--log-format", "json",   "start", s->id,   NULL};
    const char *delete[] = {s->runc, "--root", s->root, "delete", "--force", s->id, NULL};
    p.create = create;
    p.start = start;
    p.delete = delete;
    if (!rc) {
        rc = fork();
        if (!rc)
            outer(&p);
        if (rc < 0)
            rc = ir_fail_errno(err, errno, "mock node: cannot fork");
    }
    plan_free(&p);
    return rc;
}
