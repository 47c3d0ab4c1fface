/* cancel.c - the sticky token: a pipe that is written once and never drained, so that whoever polls
 * its read end sees it fired, now and later, in any thread and after any signal. */
#include "base/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct imgrel_cancel {
    int read_end, write_end;
};

int imgrel_cancel_new(imgrel_cancel **out, imgrel_error *err)
{
    int ends[2];
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_cancel_new: out is NULL");
    *out = NULL;
    imgrel_cancel *t = malloc(sizeof *t);
    if (!t)
        return ir_nomem(err);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        free(t);
        return ir_fail_errno(err, errno, "cancel token: no pipe");
    }
    t->read_end = ends[0];
    t->write_end = ends[1];
    *out = t;
    return 0;
}

void imgrel_cancel_fire(imgrel_cancel *t)
{
    if (!t)
        return;
    int saved = errno;
    /* A full pipe (EAGAIN) was fired already. */
    ssize_t n = write(t->write_end, "", 1);
    (void)n;
    errno = saved;
}

int imgrel_cancel_fired(const imgrel_cancel *t)
{
    struct pollfd p = {.fd = ir_cancel_poll_fd(t), .events = POLLIN};
    return t && poll(&p, 1, 0) > 0;
}

int imgrel_cancel_fd(const imgrel_cancel *t)
{
    return t ? t->write_end : -1;
}

void imgrel_cancel_free(imgrel_cancel *t)
{
    if (!t)
        return;
    close(t->read_end);
    close(t->write_end);
    free(t);
}

int ir_cancel_poll_fd(const imgrel_cancel *t)
{
    return t ? t->read_end : -1;
}

int64_t ir_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int ir_check_time(const imgrel_cancel *t, int64_t deadline_ms, imgrel_error *err)
{
    if (imgrel_cancel_fired(t))
        return ir_fail(err, IMGREL_ECANCELED, "cancelled");
    if (deadline_ms && ir_now_ms() >= deadline_ms)
        return ir_fail(err, IMGREL_ETIMEOUT, "timed out");
    return 0;
}

/* What is left until the nearer of the two ends, as poll takes it; -1: neither is set. */
static int poll_ms(int64_t end_ms, int64_t deadline_ms)
{
    int64_t end = end_ms;
    if (deadline_ms && (end < 0 || deadline_ms < end))
        end = deadline_ms;
    if (end < 0)
        return -1;
    int64_t left = end - ir_now_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

int ir_wait_fd(int fd, short events, const imgrel_cancel *t, int64_t timeout_ms,
               int64_t deadline_ms, imgrel_error *err)
{
    int64_t now = ir_now_ms();
    int64_t end = timeout_ms < 0 ? -1 : timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
    for (;;) {
        struct pollfd p[2] = {{.fd = fd, .events = events},
                              {.fd = ir_cancel_poll_fd(t), .events = POLLIN}};
        int rc = ir_check_time(t, deadline_ms, err);
        if (rc)
            return rc;
        int n = poll(p, 2, poll_ms(end, deadline_ms));
        if (n < 0 && errno != EINTR)
            return ir_fail_errno(err, errno, "poll");
        if (n > 0 && p[0].revents && !p[1].revents)
            return 1;
        if (n == 0 && end >= 0 && ir_now_ms() >= end)
            return 0;
    }
}

int ir_sleep(const imgrel_cancel *t, int64_t ms, int64_t deadline_ms, imgrel_error *err)
{
    return ir_wait_fd(-1, 0, t, ms < 0 ? 0 : ms, deadline_ms, err);
}
