/* node_run.c - one run of a container: its bundle, its shim, and the thread that writes its log and
 * hears from the shim until it has ended. */
#include "mock/node.h"

#include "base/fd.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES (16 * 1024) /* longer lines are written in parts, as containerd does */

typedef struct stream {
    int fd, log;
    const char *name;
    ir_buf line;
} stream;

static void write_line(stream *s, const char *p, size_t len, char tag)
{
    struct timespec t;
    struct tm tm;
    char when[32];
    ir_buf b = IR_BUF(64 * IR_KIB);
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    ir_buf_addf(&b, "%s.%09ldZ %s %c ", when, t.tv_nsec, s->name, tag);
    ir_buf_add(&b, p, len);
    ir_buf_addc(&b, '\n');
    /* A full disk costs the line: there is nobody to tell it to. */
    (void)!ir_fd_write(s->log, "log", b.p, b.len, NULL);
    ir_buf_free(&b);
}

static void split_lines(stream *s)
{
    size_t done = 0;
    while (done < s->line.len) {
        size_t left = s->line.len - done;
        char *end = memchr(s->line.p + done, '\n', left);
        size_t len = end ? (size_t)(end - s->line.p) - done : left;
        if (!end && len < LINE_MAX_BYTES)
            break;
        if (len > LINE_MAX_BYTES) {
            len = LINE_MAX_BYTES;
            end = NULL;
        }
        write_line(s, s->line.p + done, len, end ? 'F' : 'P');
        done += len + (end != NULL);
    }
    ir_buf_drop(&s->line, done);
}

/* False at the end of the stream. */
static bool take_output(stream *s)
{
    char *room = ir_buf_room(&s->line, 8192);
    ssize_t n = room ? read(s->fd, room, 8192) : 0;
    if (n > 0) {
        ir_buf_added(&s->line, (size_t)n);
        split_lines(s);
        return true;
    }
    if (n < 0 && errno == EINTR)
        return true;
    if (s->line.len)
        write_line(s, s->line.p, s->line.len, 'F');
    ir_buf_free(&s->line);
    close(s->fd);
    s->fd = -1;
    return false;
}

/* ---- what the shim says --------------------------------------------------------------------- */

/* runc's last words, out of its JSON log. */
static char *runc_words(const mk_container *c)
{
    char *path = ir_format("%s/runc.log", c->bundle), *out = NULL;
    ir_buf text = IR_BUF(IR_MIB);
    ir_strv lines = {0};
    if (path && !ir_file_read(path, &text, NULL) &&
        !ir_strv_split(&lines, ir_buf_str(&text), '\n')) {
        for (size_t i = 0; i < lines.n; i++) {
            ir_json *j = NULL;
            if (!ir_json_parse(lines.v[i], strlen(lines.v[i]), "log", &j, NULL) &&
                ir_streq(ir_json_str(j, "level"), "error")) {
                free(out);
                out = ir_strdup(ir_json_str(j, "msg"));
            }
            ir_json_free(j);
        }
    }
    free(path);
    ir_strv_free(&lines);
    ir_buf_free(&text);
    return out ? out : ir_strdup("runc create failed");
}

static void note_failed(mk_container *c, const char *text)
{
    char *words = *text ? ir_strdup(text) : runc_words(c);
    char *why =
        ir_format("failed to create containerd task: failed to create shim task: OCI runtime "
                  "create failed: %s: unknown",
                  words ? words : "");
    pthread_mutex_lock(&c->node->mock->lock);
    free(c->why);
    c->why = why;
    pthread_mutex_unlock(&c->node->mock->lock);
    free(words);
    /* runc says it on the container's stderr as well; there it does not belong. */
    (void)!truncate(c->log, 0);
}

static void note(mk_container *c, char *buf, size_t len)
{
    imgrel_mock *m = c->node->mock;
    int status = 0;
    buf[len] = 0;
    if (*buf == MK_SHIM_FAILED) {
        note_failed(c, buf + 1);
        return;
    }
    if (*buf == MK_SHIM_ENDED && len >= 1 + sizeof status)
        memcpy(&status, buf + 1, sizeof status);
    pthread_mutex_lock(&m->lock);
    if (*buf == MK_SHIM_STARTED) {
        c->started = true;
        c->started_s = mk_now(m);
        pthread_cond_broadcast(&c->node->kube->changed);
    } else if (*buf == MK_SHIM_ENDED) {
        c->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    pthread_mutex_unlock(&m->lock);
}

/* Messages are one write each but may come together: the first byte says how long it is. */
static void take_report(mk_container *c, bool *ret_open)
{
    char buf[1024];
    ssize_t n = read(c->report, buf, sizeof buf - 1);
    *ret_open = n > 0 || (n < 0 && errno == EINTR);
    for (ssize_t at = 0; at < n;) {
        size_t left = (size_t)(n - at), len = left;
        if (buf[at] == MK_SHIM_STARTED)
            len = 1;
        else if (buf[at] == MK_SHIM_ENDED && left > 1 + sizeof(int))
            len = 1 + sizeof(int);
        char one[1024];
        memcpy(one, buf + at, len);
        note(c, one, len);
        at += (ssize_t)len;
    }
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int launch(mk_container *c, imgrel_error *err)
{
    int fds[6] = {-1, -1, -1, -1, -1, -1};
    for (int i = 0; i < 6; i += 2)
        if (pipe2(fds + i, O_CLOEXEC)) {
            int rc = ir_fail_errno(err, errno, "mock node: cannot make a pipe");
            close_all(fds, 6);
            return rc;
        }
    char *root = ir_path_join(c->node->dir, "runc");
    mk_shim s = {.runc = mk_runc_path(),
                 .root = root,
                 .bundle = c->bundle,
                 .id = c->id,
                 .lower = c->image->rootfs,
                 .out = fds[1],
                 .err_out = fds[3],
                 .report = fds[5],
                 .net = c->net};
    c->out = fds[0];
    c->err_out = fds[2];
    c->report = fds[4];
    int rc = root ? mk_shim_start(&s, err) : ir_nomem(err);
    free(root);
    close(fds[1]);
    close(fds[3]);
    close(fds[5]);
    if (rc < 0) {
        close_all((int[]){fds[0], fds[2], fds[4]}, 3);
        return rc;
    }
    pthread_mutex_lock(&c->node->mock->lock);
    c->shim = rc;
    pthread_mutex_unlock(&c->node->mock->lock);
    return 0;
}

static void pump(mk_container *c)
{
    int log = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    stream out = {c->out, log, "stdout", IR_BUF(64 * IR_KIB)};
    stream err_out = {c->err_out, log, "stderr", IR_BUF(64 * IR_KIB)};
    bool report = true;
    while (report || out.fd >= 0 || err_out.fd >= 0) {
        struct pollfd p[3] = {
            {out.fd, POLLIN, 0}, {err_out.fd, POLLIN, 0}, {report ? c->report : -1, POLLIN, 0}};
        if (poll(p, 3, -1) < 0)
            continue;
        if (p[0].revents)
            take_output(&out);
        if (p[1].revents)
            take_output(&err_out);
        if (p[2].revents)
            take_report(c, &report);
    }
    close(c->report);
    if (log >= 0)
        close(log);
}

/* The shim dies with the thread that forked it, so this one starts it and waits for it. */
static void *watch(void *arg)
{
    mk_container *c = arg;
    imgrel_error err = {0};
    if (launch(c, &err)) {
        note_failed(c, err.message);
    } else {
        pump(c);
        while (waitpid(c->shim, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    pthread_mutex_lock(&c->node->mock->lock);
    c->ended = true;
    c->ended_s = mk_now(c->node->mock);
    c->shim = 0;
    pthread_cond_broadcast(&c->node->kube->changed);
    pthread_mutex_unlock(&c->node->mock->lock);
    return NULL;
}

/* ---- start and end -------------------------------------------------------------------------- */

char *mk_container_log_path(const char *pod_dir, const char *name, int64_t run)
{
    return ir_format("%s/logs/%s/%lld.log", pod_dir, name, (long long)run);
}

static int make_places(mk_container *c, const char *dir, imgrel_error *err)
{
    c->bundle = ir_format("%s/run/%s", dir, c->id);
    c->log = mk_container_log_path(dir, c->name, c->restarts);
    c->cgroup = ir_format("%s/%.12s", c->node->cgroup, c->id);
    char *logs = ir_format("%s/logs/%s", dir, c->name);
    int rc = c->bundle && c->log && c->cgroup && logs ? 0 : ir_nomem(err);
    if (!rc)
        rc = ir_mkdirs(c->bundle, 0700, err);
    if (!rc)
        rc = ir_mkdirs(logs, 0700, err);
    free(logs);
    return rc;
}

static int new_id(char ret[65], imgrel_error *err)
{
    unsigned char raw[32];
    int rc = ir_random(raw, sizeof raw, err);
    for (size_t i = 0; i < sizeof raw; i++) {
        ret[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    ret[64] = 0;
    return rc;
}

int mk_container_start(mk_container *c, const ir_json *pod, const char *dir, imgrel_error *err)
{
    int rc = new_id(c->id, err);
    c->started = c->ended = false;
    c->exit_code = 128 + SIGKILL; /* unless the shim says otherwise */
    if (!rc)
        rc = make_places(c, dir, err);
    if (!rc)
        rc = mk_bundle_write(c, pod, dir, err);
    if (!rc) {
        int no = pthread_create(&c->thread, NULL, watch, c);
        rc = no ? ir_fail_errno(err, no, "mock node: cannot start a thread") : 0;
    }
    c->has_thread = !rc;
    if (rc)
        mk_container_finish(c);
    return rc;
}

void mk_container_signal(mk_container *c, int sig)
{
    pthread_mutex_lock(&c->node->mock->lock);
    if (c->shim > 0)
        kill(c->shim, sig);
    pthread_mutex_unlock(&c->node->mock->lock);
}

void mk_container_finish(mk_container *c)
{
    if (c->has_thread)
        pthread_join(c->thread, NULL);
    c->has_thread = false;
    if (c->bundle)
        (void)!ir_rmtree(c->bundle, NULL);
    if (c->cgroup)
        mk_cgroup_remove(c->cgroup);
    char **const all[] = {&c->bundle, &c->log, &c->cgroup};
    for (size_t i = 0; i < 3; i++) {
        free(*all[i]);
        *all[i] = NULL;
    }
}
