/* logs.c - a container's log, piece by piece, or to a descriptor. Lines are asked for with their
 * times, so that after a connection broke (or the API server ended one that follows) it goes on
 * where it stopped. A follow ends when the container has ended, not when a connection has. */
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>

#define FAILURES_MAX 8

struct logs {
    const ir_call *call;
    ir_kube *k;
    const char *ns, *pod;
    const ir_log_spec *spec;
    ir_logjoin_fn *out;
    void *user;
    ir_logjoin join;
    unsigned failures;
    char *container_id; /* of the container that is followed; NULL: not seen */
};

static int write_out(void *user, const char *p, size_t len, imgrel_error *err)
{
    struct logs *l = user;
    l->failures = 0;
    return l->out(l->user, p, len, err);
}

/* After the first line only the time counts: a tail was given out with it. */
static int log_path(const struct logs *l, ir_buf *out, imgrel_error *err)
{
    const ir_log_spec *s = l->spec;
    char since[32];
    int rc = ir_kube_path(l->k, ir_kube_pods(), l->ns, l->pod, out, err);
    ir_buf_adds(out, "/log?timestamps=true");
    if (s->container)
        ir_url_add_query(out, "container", s->container);
    if (s->follow)
        ir_buf_adds(out, "&follow=true");
    if (s->previous)
        ir_buf_adds(out, "&previous=true");
    if (l->join.last_s) {
        ir_rfc3339_format(l->join.last_s, since);
        ir_url_add_query(out, "sinceTime", since);
    } else {
        if (s->tail >= 0)
            ir_buf_addf(out, "&tailLines=%lld", (long long)s->tail);
        if (s->since_s >= 0)
            ir_buf_addf(out, "&sinceSeconds=%lld", (long long)s->since_s);
    }
    return rc ? rc : ir_buf_check(out, err, "logs");
}

static int refused(const struct logs *l, imgrel_error *err)
{
    ir_fail(err, IMGREL_ENOTFOUND, "%s: pod/%s: %s", l->k->host, l->pod, l->join.said);
    return ir_cure(err, "the container was removed from its node; ask for another one's log"),
           IMGREL_ENOTFOUND;
}

static int not_yet(const struct logs *l, imgrel_error *err)
{
    ir_fail(err, IMGREL_ESTATE, "%s: pod/%s has no node yet, so there is no log", l->k->host,
            l->pod);
    return ir_cure(err, "wait until it runs"), IMGREL_ESTATE;
}

/* 400 "is waiting to start" is a moment, not a mistake. */
static int told(const struct logs *l, const ir_request *req, const char *path,
                const ir_reply *reply, imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_kube_status_fail(l->k, req, path, reply, &why);
    if (reply->status == 400 && strstr(why.message, "is waiting to start")) {
        rc = why.code = IMGREL_ESTATE;
        snprintf(why.cure, sizeof why.cure, "wait until it runs, or ask for a diagnosis");
    }
    ir_kube_pass(err, &why);
    return rc;
}

static int copy(struct logs *l, ir_stream *stream, imgrel_error *err)
{
    char chunk[16384];
    int rc = 0;
    ir_logjoin_begin(&l->join);
    while (!rc) {
        int64_t n = ir_stream_read(stream, chunk, sizeof chunk, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        rc = ir_logjoin_feed(&l->join, chunk, (size_t)n, write_out, l, err);
    }
    return rc ? rc : ir_logjoin_end(&l->join, write_out, l, err);
}

/* One try: 0 at its clean end. */
static int try_once(struct logs *l, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    /* The log endpoint answers "Accept: text/plain" with 406. A follower's reply has no head before
     * the container's first line. */
    ir_request req = {.accept = "*/*",
                      .flags = IR_HTTP_ONE_TRY | (l->spec->follow ? IR_HTTP_NO_STALL : 0)};
    ir_reply reply = {0};
    ir_stream *stream = NULL;
    int rc = log_path(l, &path, err);
    if (!rc)
        rc = ir_kube_open(l->call, l->k, &req, ir_buf_str(&path), &stream, &reply, err);
    if (!rc && reply.status == 204)
        rc = not_yet(l, err);
    else if (!rc && stream)
        rc = copy(l, stream, err);
    else if (!rc)
        rc = told(l, &req, ir_buf_str(&path), &reply, err);
    if (!rc && l->join.refused)
        rc = refused(l, err);
    ir_stream_close(stream);
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc;
}

/* ---- has the container ended? ---------------------------------------------------------------- */

static const ir_json *status_of(const ir_json *pod, const char *container)
{
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses",
                                        "status.ephemeralContainerStatuses"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const ir_json *all = ir_json_path(pod, lists[i]);
        for (size_t j = 0; j < ir_json_len(all); j++)
            if (!container || ir_streq(ir_json_str(ir_json_at(all, j), "name"), container))
                return ir_json_at(all, j);
    }
    return NULL;
}

/* 1: the container that was followed has ended or is another one now. */
static int has_ended(struct logs *l, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *pod = NULL;
    char *object = ir_format("pod/%s", l->pod);
    int rc = object ? ir_kube_get(l->call, l->k, l->ns, object, &pod, &why) : ir_nomem(&why);
    free(object);
    if (rc == IMGREL_ENOTFOUND)
        return 1;
    if (rc)
        return ir_kube_pass(err, &why);
    const ir_json *status = status_of(pod, l->spec->container);
    const char *id = ir_json_str(status, "containerID");
    bool over = !ir_json_path(status, "state.running") ||
                (l->container_id && id && strcmp(id, l->container_id) != 0);
    if (!l->container_id)
        l->container_id = ir_strdup(id);
    ir_json_free(pod);
    return over;
}

/* A failure that another try may not meet; what was refused with words is not. */
static bool passing(struct logs *l, const imgrel_error *why)
{
    bool net = why->code == IMGREL_ENET || (why->retryable && why->code != IMGREL_ESTATE);
    return net && (l->join.any || l->failures) && ++l->failures <= FAILURES_MAX;
}

static int follow(struct logs *l, imgrel_error *err)
{
    int rc = l->spec->follow ? has_ended(l, err) : 0;
    /* Not running yet or any more: one look at what is there. */
    bool once = rc == 1 || !l->spec->follow;
    if (rc < 0)
        return rc;
    for (;;) {
        imgrel_error why = {0};
        rc = try_once(l, &why);
        bool again = rc ? passing(l, &why) : !once;
        if (rc && !again)
            return ir_kube_pass(err, &why);
        if (!again)
            return 0;
        if (!once && (rc = has_ended(l, err)) < 0)
            return rc;
        /* The last words may have come after the connection broke. */
        once = once || rc == 1;
        rc = ir_sleep(l->call->cancel, why.code ? 500 * l->failures : 300, l->call->deadline_ms,
                      err);
        if (rc)
            return rc;
    }
}

static int write_fd(void *user, const char *p, size_t len, imgrel_error *err)
{
    const int *fd = user;
    return ir_fd_write(*fd, "log output", p, len, err);
}

int ir_kube_logs(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                 const ir_log_spec *spec, int fd, imgrel_error *err)
{
    static const ir_log_spec all = {.tail = -1, .since_s = -1};
    return ir_kube_logs_to(call, k, ns, pod, spec ? spec : &all, write_fd, &fd, err);
}

int ir_kube_logs_to(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                    const ir_log_spec *spec, ir_logjoin_fn *out, void *user, imgrel_error *err)
{
    struct logs l = {
        .call = call, .k = k, .ns = ns, .pod = pod, .spec = spec, .out = out, .user = user};
    l.join.timestamps = l.spec->timestamps;
    int rc = follow(&l, err);
    free(l.container_id);
    return rc;
}
