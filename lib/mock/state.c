/* state.c - the mock's state as one JSON document: given out, loaded, and kept in a file over a
 * restart. A thread writes the file, so that no request waits for a disk; it holds hashes of
 * secrets, and is 0600 all the same. */
#include "mock/server.h"
#include "base/cancel.h"
#include "base/fd.h"

#include <stdlib.h>
#include <time.h>

#define STATE_MAX (1 * IR_GIB)
#define REST_MAX_MS 2000

struct mk_saver {
    imgrel_mock *mock;
    const char *path; /* the configuration's */
    pthread_t thread;
    pthread_cond_t work;
    bool started, dirty, stop; /* under the mock's lock */
};

ir_json *mk_state_get(imgrel_mock *m)
{
    ir_json *j = ir_json_new_object();
    if (m->harbor)
        ir_json_put(j, "harbor", mk_harbor_state(m));
#if MK_KUBE
    if (m->kube)
        ir_json_put(j, "kube", mk_kube_state(m));
#endif
    return j;
}

int mk_state_load(imgrel_mock *m, const ir_json *state, imgrel_error *err)
{
    const ir_json *harbor = ir_json_get(state, "harbor");
    int rc = 0;
    if (harbor && m->harbor)
        rc = mk_harbor_load(m, harbor, err);
#if MK_KUBE
    const ir_json *kube = ir_json_get(state, "kube");
    if (!rc && kube && m->kube)
        rc = mk_kube_load(m, kube, err);
#endif
    return rc;
}

static void save(struct mk_saver *s)
{
    ir_buf text = IR_BUF(STATE_MAX);
    ir_json *j = mk_state_get(s->mock);
    int rc = ir_json_dump(j, IR_JSON_PRETTY, &text, NULL);
    ir_json_free(j);
    pthread_mutex_unlock(&s->mock->lock);
    /* A failure is met again at the next change; there is nobody to tell it to. */
    if (!rc)
        rc = ir_file_write(s->path, 0600, ir_buf_str(&text), text.len, NULL);
    (void)rc;
    ir_buf_free(&text);
    pthread_mutex_lock(&s->mock->lock);
}

/* Many changes one after the other are saved half of the time at most, however much there is. */
static void rest(struct mk_saver *s, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (ms < REST_MAX_MS ? ms : REST_MAX_MS) * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    while (!s->stop && !pthread_cond_timedwait(&s->work, &s->mock->lock, &until))
        ;
}

static void *run_saver(void *arg)
{
    struct mk_saver *s = arg;
    pthread_mutex_lock(&s->mock->lock);
    while (!s->stop || s->dirty) {
        if (!s->dirty) {
            pthread_cond_wait(&s->work, &s->mock->lock);
            continue;
        }
        s->dirty = false;
        int64_t start = ir_now_ms();
        save(s);
        rest(s, ir_now_ms() - start);
    }
    pthread_mutex_unlock(&s->mock->lock);
    return NULL;
}

void mk_state_changed(imgrel_mock *m)
{
    mk_wake(m);
    if (!m->saver)
        return;
    m->saver->dirty = true;
    pthread_cond_signal(&m->saver->work);
}

static int load_file(imgrel_mock *m, const char *path, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_buf text = IR_BUF(STATE_MAX);
    ir_json *j = NULL;
    int rc = ir_file_read(path, &text, &why);
    if (rc == IMGREL_ENOTFOUND || (!rc && !text.len)) {
        ir_buf_free(&text);
        return 0;
    }
    if (!rc)
        rc = ir_json_parse(text.p, text.len, path, &j, &why);
    if (!rc) {
        pthread_mutex_lock(&m->lock);
        rc = mk_state_load(m, j, &why);
        pthread_mutex_unlock(&m->lock);
    }
    ir_json_free(j);
    ir_buf_free(&text);
    return rc ? ir_fail(err, rc, "mock: state file %s: %s", path, why.message) : 0;
}

int mk_state_start(imgrel_mock *m, imgrel_error *err)
{
    const char *path = ir_json_str(m->config, "state");
    if (!path)
        return 0;
    int rc = load_file(m, path, err);
    if (rc)
        return rc;
    struct mk_saver *s = calloc(1, sizeof *s);
    if (!s)
        return ir_nomem(err);
    s->mock = m;
    s->path = path;
    s->dirty = true;
    pthread_cond_init(&s->work, NULL);
    pthread_mutex_lock(&m->lock);
    m->saver = s;
    s->started = !pthread_create(&s->thread, NULL, run_saver, s);
    pthread_mutex_unlock(&m->lock);
    return s->started ? 0 : ir_fail(err, IMGREL_ENOMEM, "mock: cannot start a thread");
}

void mk_state_stop(imgrel_mock *m)
{
    struct mk_saver *s = m->saver;
    if (!s)
        return;
    pthread_mutex_lock(&m->lock);
    s->stop = true;
    s->dirty = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&m->lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    m->saver = NULL;
    pthread_cond_destroy(&s->work);
    free(s);
}
