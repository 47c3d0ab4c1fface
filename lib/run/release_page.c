/* release_page.c - the last step: a port-forward to the service (the pod, where there is none), and
 * the page fetched through it. The forward runs on a thread of its own and ends with the step. */
#include "run/release_impl.h"

#include "base/str.h"
#include "net/work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE_MS 60000
#define PAGE_MAX (4UL << 20)
#define LISTEN_MS 10000
#define TITLE_MAX 80

/* What the two jobs share. The address goes through a pipe, whose end says that none will come. */
typedef struct trip {
    ir_rel_run *run;
    ir_rel_place *place;
    imgrel_cancel *stop; /* ends the forward */
    int say, hear;
    char *address;
    int status;
    ir_buf body;
} trip;

static int on_event(void *user, const imgrel_event *e)
{
    trip *t = user;
    if (e->kind == IMGREL_EVENT_LISTENING && t->say >= 0) {
        size_t len = strlen(e->what);
        ssize_t n = write(t->say, e->what, len);
        if (n != (ssize_t)len)
            return 1;
        close(t->say);
        t->say = -1;
    }
    return 0;
}

static int forward_job(const ir_call *outer, trip *t, imgrel_error *err)
{
    const ir_release *r = t->run->r;
    const ir_rel_file *f = &r->file;
    ir_call call = *outer;
    call.cancel = t->stop; /* the other job hears the caller's token and fires this one */
    call.progress = on_event;
    call.user = t;
    call.board = NULL;
    char *object = ir_format("%s/%s", f->service_port ? "service" : ir_rel_kind(f), f->app);
    char *ports = ir_format("%s:%lld", r->forward ? r->forward : "0",
                            (long long)(f->service_port ? f->service_port : f->pod_port));
    int rc = object && ports
                 ? ir_kube_forward(&call, t->place->kube, f->ns, object, ports, NULL, err)
                 : ir_nomem(err);
    if (t->say >= 0)
        close(t->say);
    t->say = -1;
    free(object);
    free(ports);
    return rc;
}

/* "127.0.0.1:8080", or nothing when the forward ended before it listened. */
static int hear_address(const ir_call *call, trip *t, imgrel_error *err)
{
    char text[128];
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < sizeof text - 1;) {
        int rc = ir_wait_fd(t->hear, POLLIN, call->cancel, -1, call->deadline_ms, err);
        if (rc < 0)
            return rc;
        n = read(t->hear, text + len, sizeof text - 1 - len);
        if (n < 0)
            return ir_fail_errno(err, errno, "port-forward");
        len += (size_t)n;
    }
    text[len] = '\0';
    t->address = ir_strdup(text);
    return t->address ? 0 : ir_nomem(err);
}

static int fetch(const ir_call *call, trip *t, imgrel_error *err)
{
    char *url = ir_format("http://%s/", t->address);
    const ir_tls direct = {.proxy = ""};
    ir_request req = {.url = url, .body_max = PAGE_MAX, .tls = &direct};
    ir_reply reply = {0};
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    t->status = reply.status;
    if (!rc) {
        t->body = reply.body;
        reply.body = (ir_buf){0};
    }
    ir_reply_free(&reply);
    free(url);
    return rc;
}

/* A pod without a probe is ready once its container runs; what is in it may not listen yet. */
static int fetch_patiently(const ir_call *call, trip *t, imgrel_error *err)
{
    imgrel_error why = {0};
    int64_t end = ir_now_ms() + LISTEN_MS, wait = 50;
    int rc = fetch(call, t, &why);
    while (rc == IMGREL_ENET && ir_now_ms() + wait < end) {
        int slept = ir_sleep(call->cancel, wait, call->deadline_ms, err);
        if (slept)
            return slept;
        why = (imgrel_error){0};
        rc = fetch(call, t, &why);
        wait = wait < 1000 ? 2 * wait : wait;
    }
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

static int fetch_job(const ir_call *call, trip *t, imgrel_error *err)
{
    int rc = hear_address(call, t, err);
    if (!rc && *t->address)
        rc = fetch_patiently(call, t, err);
    imgrel_cancel_fire(t->stop);
    return rc;
}

typedef struct job {
    int (*fn)(const ir_call *call, trip *t, imgrel_error *err);
    trip *trip;
} job;

static int do_job(const ir_call *call, void *user, imgrel_error *err)
{
    job *j = user;
    return j->fn(call, j->trip, err);
}

static int travel(ir_rel_run *run, trip *t, imgrel_error *err)
{
    ir_call call = run->call;
    job jobs[] = {{forward_job, t}, {fetch_job, t}};
    void *list[] = {&jobs[0], &jobs[1]};
    int ends[2];
    int64_t end = ir_now_ms() + PAGE_MS;
    if (!call.deadline_ms || end < call.deadline_ms)
        call.deadline_ms = end;
    int rc = imgrel_cancel_new(&t->stop, err);
    if (rc)
        return rc;
    if (pipe2(ends, O_CLOEXEC))
        return ir_fail_errno(err, errno, "port-forward");
    t->hear = ends[0];
    t->say = ends[1];
    rc = ir_work_run(&call, 2, do_job, list, 2, err);
    close(t->hear);
    if (t->say >= 0)
        close(t->say);
    return rc;
}

/* What stands in <title>, for people. */
static void title_of(const ir_buf *body, char ret[TITLE_MAX])
{
    const char *s = strcasestr(ir_buf_str(body), "<title>");
    size_t len = s ? strcspn(s + 7, "<\r\n") : 0;
    len = len < TITLE_MAX - 1 ? len : TITLE_MAX - 1;
    if (s)
        memcpy(ret, s + 7, len);
    ret[len] = '\0';
}

static int judge(ir_rel_run *run, const trip *t, ir_rel_row *row, imgrel_error *err)
{
    const ir_rel_file *f = &run->r->file;
    char title[TITLE_MAX];
    if (!t->address || !*t->address)
        return ir_fail(err, IMGREL_EFAILED, "the port-forward to %s ended before it began", f->app);
    if (t->status != 200 || !t->body.len) {
        ir_fail(err, IMGREL_EFAILED, "http://%s/ to %s: status %d, %zu bytes", t->address, f->app,
                t->status, t->body.len);
        return ir_cure(err, "look at what the app says: imgrel kube logs %s/%s -n %s",
                       ir_rel_kind(f), f->app, f->ns),
               IMGREL_EFAILED;
    }
    title_of(&t->body, title);
    ir_rel_say(row, NULL, "http://%s/ through %s/%s: 200, %zu bytes%s%s", t->address,
               f->service_port ? "service" : ir_rel_kind(f), f->app, t->body.len,
               *title ? ", " : "", title);
    if (!run->url && f->service_port)
        run->url = ir_format("http://%s.%s.svc:%lld/", f->app, f->ns, (long long)f->service_port);
    else if (!run->url)
        run->url = ir_format("http://%s/", t->address);
    return 0;
}

int ir_rel_page(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    trip t = {.run = run, .place = target, .hear = -1, .say = -1};
    if (!run->r->file.pod_port) {
        ir_rel_say(row, "skipped", "not done: the file names no port of the pod");
        return 0;
    }
    int rc = travel(run, &t, err);
    if (!rc)
        rc = judge(run, &t, row, err);
    imgrel_cancel_free(t.stop);
    free(t.address);
    ir_buf_free(&t.body);
    return rc;
}
