/* kube_log.c - pods/NAME/log: what kubelet reads back from the files that the node wrote as the CRI
 * lays down ("TIME stdout F text"), with its refusals, and its one error that comes as a 200. */
#include "mock/node.h"

#include "base/fd.h"
#include "fmt/header.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct logging {
    imgrel_mock *m;
    char *ns, *pod, *uid, *container;
    int64_t run; /* which of its runs */
    int fd;
    bool follow, timestamps, ended;
    int64_t tail, since_s, limit; /* -1: not said */
    ir_buf in, out;
    size_t sent;
} logging;

/* ---- what is asked -------------------------------------------------------------------------- */

static bool read_number(mk_kcall *c, const char *name, int64_t least, int64_t *ret, mk_errors *e)
{
    char *text = mk_query(c->r, name);
    unsigned long long v;
    *ret = -1;
    if (!text)
        return true;
    bool ok = ir_parse_u64(text, INT64_MAX, &v) && (int64_t)v >= least;
    if (ok)
        *ret = (int64_t)v;
    else
        mk_fielderr(e, "FieldValueInvalid", name, "%s: must be greater than or equal to %d", text,
                    (int)least);
    free(text);
    return ok;
}

static bool read_options(mk_kcall *c, logging *l)
{
    mk_errors e = {0};
    char *stream = mk_query(c->r, "stream"), *since = mk_query(c->r, "sinceTime");
    int64_t ago = -1;
    read_number(c, "tailLines", 0, &l->tail, &e);
    read_number(c, "limitBytes", 1, &l->limit, &e);
    read_number(c, "sinceSeconds", 1, &ago, &e);
    if (stream && *stream)
        mk_fielderr(&e, "FieldValueForbidden", "stream", "may not be specified");
    l->since_s = ago < 0 ? -1 : (int64_t)time(NULL) - ago;
    if (since && !ir_rfc3339(since, &l->since_s))
        mk_fielderr(&e, "FieldValueInvalid", "sinceTime", "%s: not a time", since);
    l->follow = mk_flag(c, "follow");
    l->timestamps = mk_flag(c, "timestamps");
    free(stream);
    free(since);
    const mk_kind *kind = c->kind;
    c->kind = NULL;
    bool bad = mk_errors_give(c, &e, "PodLogOptions", c->name);
    c->kind = kind;
    return !bad;
}

static void add_names(ir_buf *out, const ir_json *list)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        ir_buf_addf(out, "%s%s", i ? " " : "", ir_json_str(ir_json_at(list, i), "name"));
}

static bool names_container(const ir_json *spec, const char *name)
{
    static const char *const lists[] = {"containers", "initContainers"};
    for (size_t l = 0; l < 2; l++) {
        const ir_json *list = ir_json_get(spec, lists[l]);
        for (size_t i = 0; i < ir_json_len(list); i++)
            if (ir_streq(ir_json_str(ir_json_at(list, i), "name"), name))
                return true;
    }
    return false;
}

static bool choose_container(mk_kcall *c, const ir_json *pod, logging *l)
{
    const ir_json *spec = ir_json_get(pod, "spec"), *list = ir_json_get(spec, "containers");
    l->container = mk_query(c->r, "container");
    if (l->container && *l->container) {
        if (names_container(spec, l->container))
            return true;
        mk_bad_request(c, "container %s is not valid for pod %s", l->container, c->name);
        return false;
    }
    free(l->container);
    l->container = ir_strdup(ir_json_str(ir_json_at(list, 0), "name"));
    if (ir_json_len(list) == 1)
        return l->container != NULL;
    ir_buf names = IR_BUF(4 * IR_KIB);
    add_names(&names, list);
    mk_bad_request(c, "a container name must be specified for pod %s, choose one of: [%s]", c->name,
                   ir_buf_str(&names));
    ir_buf_free(&names);
    return false;
}

/* ---- which run ------------------------------------------------------------------------------ */

static const ir_json *status_of(const ir_json *pod, const char *container)
{
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses"};
    for (size_t l = 0; l < 2; l++) {
        const ir_json *list = ir_json_path(pod, lists[l]);
        for (size_t i = 0; i < ir_json_len(list); i++)
            if (ir_streq(ir_json_str(ir_json_at(list, i), "name"), container))
                return ir_json_at(list, i);
    }
    return NULL;
}

static void refuse_waiting(mk_kcall *c, const ir_json *waiting, const char *container)
{
    const char *reason = ir_json_str(waiting, "reason");
    if (reason && (!strcmp(reason, "ErrImagePull") || !strcmp(reason, "ImagePullBackOff")))
        reason = "trying and failing to pull image";
    if (reason)
        mk_bad_request(c, "container \"%s\" in pod \"%s\" is waiting to start: %s", container,
                       c->name, reason);
    else
        mk_bad_request(c, "container \"%s\" in pod \"%s\" is not available", container, c->name);
}

/* Its id ("containerd://..."), borrowed; NULL: refused. */
static const char *choose_run(mk_kcall *c, const ir_json *pod, logging *l)
{
    const ir_json *s = status_of(pod, l->container);
    const ir_json *state = ir_json_get(s, "state"), *running = ir_json_get(state, "running");
    const ir_json *over = ir_json_get(state, "terminated");
    const ir_json *last = ir_json_path(s, "lastState.terminated");
    l->run = ir_json_int(s, "restartCount", 0);
    if (mk_flag(c, "previous")) {
        if (!last) {
            mk_bad_request(c, "previous terminated container \"%s\" in pod \"%s\" not found",
                           l->container, c->name);
            return NULL;
        }
        l->run -= running || over ? 1 : 0;
        return ir_json_str(last, "containerID");
    }
    if (running)
        return ir_json_str(s, "containerID");
    if (over || last)
        return ir_json_str(over ? over : last, "containerID");
    refuse_waiting(c, ir_json_get(state, "waiting"), l->container);
    return NULL;
}

/* ---- reading it back ------------------------------------------------------------------------ */

/* One stored line into out, as the options want it. */
static void convert(logging *l, const char *p, size_t len)
{
    const char *stream = memchr(p, ' ', len), *end = p + len;
    const char *tag = stream ? memchr(stream + 1, ' ', (size_t)(end - stream - 1)) : NULL;
    int64_t at;
    if (!tag || end - tag < 3)
        return;
    char *time = ir_strndup(p, (size_t)(stream - p));
    bool old = l->since_s >= 0 && time && ir_rfc3339(time, &at) && at < l->since_s;
    if (!old && l->timestamps && time)
        ir_buf_addf(&l->out, "%s ", time);
    free(time);
    if (old)
        return;
    ir_buf_add(&l->out, tag + 3, (size_t)(end - tag - 3));
    if (tag[1] == 'F')
        ir_buf_addc(&l->out, '\n');
}

static bool still_runs(logging *l)
{
    pthread_mutex_lock(&l->m->lock);
    const ir_json *pod =
        l->m->kube ? mk_store_get(l->m->kube, mk_kind_named("Pod"), l->ns, l->pod) : NULL;
    const ir_json *s = pod && !strcmp(mk_uid(pod), l->uid) ? status_of(pod, l->container) : NULL;
    bool yes = s && ir_json_path(s, "state.running") &&
               ir_json_int(s, "restartCount", 0) == l->run && !l->m->kube->stopping;
    pthread_mutex_unlock(&l->m->lock);
    return yes;
}

static void take_lines(logging *l)
{
    size_t done = 0;
    char *end;
    while (l->in.len > done && (end = memchr(l->in.p + done, '\n', l->in.len - done))) {
        convert(l, l->in.p + done, (size_t)(end - l->in.p) - done);
        done = (size_t)(end - l->in.p) + 1;
    }
    ir_buf_drop(&l->in, done);
}

static void refill(logging *l)
{
    ir_buf_clear(&l->out);
    l->sent = 0;
    while (!l->out.len && !l->ended) {
        bool runs = l->follow && still_runs(l);
        char *room = ir_buf_room(&l->in, 64 * IR_KIB);
        ssize_t n = room ? read(l->fd, room, 64 * IR_KIB) : -1;
        if (n > 0) {
            ir_buf_added(&l->in, (size_t)n);
            take_lines(l);
        } else if (n < 0 || !runs) {
            l->ended = true;
        } else {
            return;
        }
    }
}

static int64_t log_read(void *user, void *buf, size_t len)
{
    logging *l = user;
    if (l->sent == l->out.len && !l->ended)
        refill(l);
    size_t n = l->out.len - l->sent;
    if (l->limit >= 0 && (int64_t)n > l->limit)
        n = (size_t)l->limit;
    if (!n)
        return l->ended || !l->limit ? -1 : 0;
    n = n < len ? n : len;
    memcpy(buf, l->out.p + l->sent, n);
    l->sent += n;
    l->limit -= l->limit >= 0 ? (int64_t)n : 0;
    return (int64_t)n;
}

static void log_free(void *user)
{
    logging *l = user;
    if (l->fd >= 0)
        close(l->fd);
    free(l->ns);
    free(l->pod);
    free(l->uid);
    free(l->container);
    ir_buf_free(&l->in);
    ir_buf_free(&l->out);
    free(l);
}

/* Counts lines, then leaves the offset where the last `tail` begin. */
static void seek_tail(logging *l)
{
    char buf[8192];
    int64_t lines = 0, skip;
    ssize_t n;
    for (int pass = 0; pass < 2; pass++) {
        skip = lines - l->tail;
        off_t at = 0;
        lseek(l->fd, 0, SEEK_SET);
        while ((!pass || skip > 0) && (n = read(l->fd, buf, sizeof buf)) > 0)
            for (ssize_t i = 0; i < n && (!pass || skip > 0); i++, at++) {
                lines += !pass && buf[i] == '\n';
                skip -= pass && buf[i] == '\n';
            }
        if (pass)
            lseek(l->fd, at, SEEK_SET);
    }
}

static void give_log(mk_kcall *c, logging *l, const char *id)
{
    char *path = mk_node_log(c->m, l->uid, l->container, l->run);
    l->fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    if (l->fd < 0) {
        char *text = ir_format("unable to retrieve container logs for %s", id);
        mk_text(c, 200, text ? text : "");
        free(text);
        log_free(l);
        return;
    }
    if (l->tail >= 0)
        seek_tail(l);
    c->done = true;
    c->p->status = 200;
    mk_reply_header(c->p, "Content-Type", "text/plain");
    c->p->stream = log_read;
    c->p->stream_free = log_free;
    c->p->user = l;
}

static void find_log(mk_kcall *c, const ir_json *pod, logging *l)
{
    const char *id, *node = ir_json_str(ir_json_get(pod, "spec"), "nodeName");
    if (!choose_container(c, pod, l)) {
        log_free(l);
    } else if (!node || !*node) {
        c->done = true;
        c->p->status = 204;
        log_free(l);
    } else if (!(id = choose_run(c, pod, l))) {
        if (!c->done)
            refuse_waiting(c, NULL, l->container);
        log_free(l);
    } else {
        l->uid = ir_strdup(mk_uid(pod));
        l->ns = ir_strdup(c->ns);
        l->pod = ir_strdup(c->name);
        give_log(c, l, id);
    }
}

void mk_pod_log(mk_kcall *c)
{
    if (!mk_acceptable(c))
        return;
    logging *l = calloc(1, sizeof *l);
    if (!l) {
        mk_no_memory(c);
        return;
    }
    *l = (logging){.m = c->m, .fd = -1, .in = IR_BUF(4 * IR_MIB), .out = IR_BUF(8 * IR_MIB)};
    if (!read_options(c, l)) {
        log_free(l);
        return;
    }
    pthread_mutex_lock(&c->m->lock);
    ir_json *pod = ir_json_ref(mk_store_get(c->k, c->kind, c->ns, c->name));
    if (pod) {
        find_log(c, pod, l);
    } else {
        mk_not_found(c, c->kind, c->name);
        log_free(l);
    }
    ir_json_free(pod);
    pthread_mutex_unlock(&c->m->lock);
}
