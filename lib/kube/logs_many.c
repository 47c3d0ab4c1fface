/* logs_many.c - the logs of several containers as one text: of all containers of a pod, of all pods
 * that a selector or an object names. Lines stay whole and say whose they are. Without following
 * they come one after the other; with it all at once, each on a thread of its own. One that cannot
 * be read is told in the log and does not end the others. */
#include "base/fd.h"
#include "base/limits.h"
#include "kube/inside.h"
#include "net/work.h"

#include <pthread.h>
#include <stdlib.h>

#define SOURCES_MAX 50 /* followed at once */
#define DEFAULT_KEY "kubectl.kubernetes.io/default-container"

struct many;

struct source {
    struct many *many;
    char *pod, *container;
    ir_log_spec spec;
    ir_buf line; /* begun, its end not seen */
};

struct many {
    ir_kube *k;
    const char *ns;
    const ir_log_spec *spec;
    int fd;
    struct source *v;
    size_t n, n_failed;
    pthread_mutex_t lock; /* of fd, n_failed, first */
    imgrel_error first;
};

/* ---- whose logs ------------------------------------------------------------------------------ */

static int add_source(struct many *m, const char *pod, const char *container, imgrel_error *err)
{
    struct source *grown = realloc(m->v, (m->n + 1) * sizeof *grown);
    if (!grown)
        return ir_nomem(err);
    m->v = grown;
    struct source *s = &m->v[m->n++];
    *s = (struct source){.many = m,
                         .pod = ir_strdup(pod),
                         .container = ir_strdup(container),
                         .spec = *m->spec,
                         .line = IR_BUF(IR_LOG_LINE_MAX + 1024)};
    s->spec.container = s->container;
    return s->pod && s->container ? 0 : ir_nomem(err);
}

static int add_all(struct many *m, const ir_json *pod, imgrel_error *err)
{
    static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
    int rc = 0;
    for (size_t i = 0; i < 3; i++) {
        const ir_json *all = ir_json_get(ir_json_get(pod, "spec"), lists[i]);
        for (size_t j = 0; j < ir_json_len(all) && !rc; j++) {
            const char *name = ir_json_str(ir_json_at(all, j), "name");
            rc = name ? add_source(m, ir_kube_meta(pod, "name"), name, err) : 0;
        }
    }
    return rc;
}

static int add_pod(void *user, const ir_json *pod, imgrel_error *err)
{
    struct many *m = user;
    const char *name = m->spec->container;
    if (!ir_kube_meta(pod, "name"))
        return 0;
    if (m->n > 10 * SOURCES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "over %d containers are asked for their logs",
                       10 * SOURCES_MAX);
    if (m->spec->all_containers)
        return add_all(m, pod, err);
    if (!name)
        name = ir_json_str(ir_json_path(pod, "metadata.annotations"), DEFAULT_KEY);
    if (!name)
        name = ir_json_str(ir_json_path(pod, "spec.containers.0"), "name");
    return name ? add_source(m, ir_kube_meta(pod, "name"), name, err) : 0;
}

static int find_sources(const ir_call *call, struct many *m, const char *object, imgrel_error *err)
{
    ir_buf selector = IR_BUF(4096);
    const ir_json *labels = NULL;
    IR_AUTO(ir_json_p) have = NULL;
    int rc = object ? ir_kube_get(call, m->k, m->ns, object, &have, err) : 0;
    if (rc)
        return rc;
    if (ir_json_path(have, "spec.containers")) /* a pod */
        return add_pod(m, have, err);
    if (have) {
        const ir_json *inner = ir_json_path(have, "spec.selector");
        labels = ir_json_get(inner, "matchLabels") ? ir_json_get(inner, "matchLabels") : inner;
        if (!ir_json_len(labels))
            return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: %s selects no pods", m->k->host, object);
        rc = ir_kube_selector_text(labels, &selector, err);
    }
    if (!rc)
        rc = ir_kube_list(call, m->k, m->ns, "pod",
                          have ? ir_buf_str(&selector) : m->spec->selector, NULL, add_pod, m, err);
    if (!rc && !m->n)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s: no pod in %s has the labels %s", m->k->host,
                     ir_kube_ns(m->k, m->ns), have ? ir_buf_str(&selector) : m->spec->selector);
    ir_buf_free(&selector);
    return rc;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int write_line(struct source *s, imgrel_error *err)
{
    struct many *m = s->many;
    int rc = ir_buf_check(&s->line, err, "a line of a log");
    pthread_mutex_lock(&m->lock);
    if (!rc)
        rc = ir_fd_write(m->fd, "log output", s->line.p, s->line.len, err);
    pthread_mutex_unlock(&m->lock);
    ir_buf_truncate(&s->line, 0);
    return rc;
}

/* Whole lines go out at once; one over the limit is cut. */
static int take(void *user, const char *p, size_t len, imgrel_error *err)
{
    struct source *s = user;
    int rc = 0;
    while (len && !rc) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) : len;
        if (!s->line.len && s->many->spec->prefix)
            ir_buf_addf(&s->line, "[pod/%s/%s] ", s->pod, s->container);
        if (s->line.len + n > IR_LOG_LINE_MAX) {
            n = IR_LOG_LINE_MAX - s->line.len;
            end = NULL;
        }
        ir_buf_add(&s->line, p, n);
        bool full = s->line.len >= IR_LOG_LINE_MAX;
        if (end || full) {
            ir_buf_addc(&s->line, '\n');
            rc = write_line(s, err);
        }
        p += n + (end != NULL);
        len -= n + (end != NULL);
    }
    return rc;
}

static int read_source(const ir_call *call, void *job, imgrel_error *err)
{
    struct source *s = job;
    struct many *m = s->many;
    imgrel_error why = {0};
    int rc = ir_kube_logs_to(call, m->k, m->ns, s->pod, &s->spec, take, s, &why);
    if (!rc && s->line.len) { /* its last line has no end */
        ir_buf_addc(&s->line, '\n');
        rc = write_line(s, &why);
    }
    if (!rc)
        return 0;
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ETIMEOUT || rc == IMGREL_EIO || rc == IMGREL_ENOMEM)
        return ir_kube_pass(err, &why);
    ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "kube", why.message, "pod", s->pod, "container",
               s->container, NULL);
    pthread_mutex_lock(&m->lock);
    if (!m->n_failed++)
        m->first = why;
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int read_all(const ir_call *call, struct many *m, imgrel_error *err)
{
    void *jobs[SOURCES_MAX];
    int rc = 0;
    if (!m->spec->follow) {
        for (size_t i = 0; i < m->n && !rc; i++)
            rc = read_source(call, &m->v[i], err);
        return rc;
    }
    if (m->n > SOURCES_MAX) {
        ir_fail(err, IMGREL_ELIMIT, "%zu logs are too many to follow at once: %d at most", m->n,
                SOURCES_MAX);
        return ir_cure(err, "select fewer pods, or name the container"), IMGREL_ELIMIT;
    }
    for (size_t i = 0; i < m->n; i++)
        jobs[i] = &m->v[i];
    return ir_work_run(call, (unsigned)m->n, read_source, jobs, m->n, err);
}

int ir_kube_logs_many(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                      const ir_log_spec *spec, int fd, imgrel_error *err)
{
    struct many m = {.k = k, .ns = ns, .spec = spec, .fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER};
    int rc = 0;
    if (!object && !spec->selector)
        return ir_fail(err, IMGREL_EINVAL, "whose logs? name an object or a selector");
    rc = find_sources(call, &m, object, err);
    if (!rc)
        rc = read_all(call, &m, err);
    if (!rc && m.n && m.n_failed == m.n)
        rc = ir_kube_pass(err, &m.first);
    for (size_t i = 0; i < m.n; i++) {
        free(m.v[i].pod);
        free(m.v[i].container);
        ir_buf_free(&m.v[i].line);
    }
    free(m.v);
    pthread_mutex_destroy(&m.lock);
    return rc;
}
