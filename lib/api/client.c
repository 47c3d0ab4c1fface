/* client.c - a client's life: configured, shared from its first call on, freed. */
#include "api/client.h"

#include "fmt/json.h"
#include "net/tls.h"

#include <stdlib.h>
#include <unistd.h>

int imgrel_secure_init(imgrel_error *err)
{
    int rc = ir_tls_wipe(err);
    if (!rc)
        ir_json_wipe();
    return rc;
}

int imgrel_client_new(imgrel_client **out, imgrel_error *err)
{
    imgrel_client *c = NULL;
    int rc = 0;

    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_client_new: out is NULL");
    *out = NULL;
    c = calloc(1, sizeof *c);
    if (!c)
        return ir_nomem(err);
    c->owner = getpid();
    pthread_mutex_init(&c->lock, NULL);
    if ((rc = ir_conf_defaults(&c->conf, err)) || (rc = ir_conf_from_env(&c->conf, err))) {
        imgrel_client_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

int ir_api_alive(const imgrel_client *c, imgrel_error *err)
{
    if (!c)
        return ir_fail(err, IMGREL_EINVAL, "the client is NULL");
    if (c->owner == getpid())
        return 0;
    int rc = ir_fail(err, IMGREL_EFORKED, "this client was made by process %ld, not by %ld",
                     (long)c->owner, (long)getpid());
    ir_cure(err, "make a client of its own in the child");
    return rc;
}

int imgrel_client_set(imgrel_client *c, const char *key, const char *value, imgrel_error *err)
{
    int rc = ir_api_alive(c, err);
    if (rc)
        return rc;
    if (c->session)
        return ir_fail(err, IMGREL_ESTATE, "%s: a client does not change after its first call",
                       key ? key : "");
    return ir_conf_set(&c->conf, key, value, err);
}

const char *imgrel_client_get(const imgrel_client *c, const char *key)
{
    imgrel_client *mutable = (imgrel_client *)c;
    if (!c)
        return NULL;
    char *text = ir_conf_get(c->session ? ir_session_conf(c->session) : &c->conf, key);
    if (!text)
        return NULL;
    /* Values are few and repeat: what was given out stays until the client is freed. */
    pthread_mutex_lock(&mutable->lock);
    const char *kept = NULL;
    for (size_t i = 0; i < c->shown.n && !kept; i++)
        kept = !strcmp(c->shown.v[i], text) ? c->shown.v[i] : NULL;
    if (!kept && !ir_strv_add(&mutable->shown, text))
        kept = c->shown.v[c->shown.n - 1];
    pthread_mutex_unlock(&mutable->lock);
    free(text);
    return kept;
}

void imgrel_client_log(imgrel_client *c, imgrel_log_fn *fn, void *user)
{
    if (!c || c->session)
        return;
    c->log.fn = fn;
    c->log.user = user;
}

/* The first call turns the configuration into a session; calls that race for it wait. */
static int session_of(imgrel_client *c, ir_session **ret, imgrel_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&c->lock);
    if (!c->session) {
        c->log.level = (uint32_t)c->conf.log_level;
        rc = ir_session_new(&c->conf, &c->log, &c->session, err);
    }
    *ret = c->session;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* Copies what both sides know of the caller's struct; a caller that is newer than the library
 * must not have set what the library does not know. */
static int read_opts(const imgrel_opts *o, imgrel_opts *ret, imgrel_error *err)
{
    memset(ret, 0, sizeof *ret);
    if (!o)
        return 0;
    if (!o->size)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_opts.size is 0: begin it with IMGREL_OPTS");
    memcpy(ret, o, o->size < sizeof *ret ? o->size : sizeof *ret);
    for (size_t i = sizeof *ret; i < o->size; i++)
        if (((const unsigned char *)o)[i])
            return ir_fail(err, IMGREL_EUNSUPPORTED,
                           "imgrel_opts has fields set that libimgrel %s does not know",
                           imgrel_version());
    return 0;
}

int ir_api_call(imgrel_client *c, const imgrel_opts *o, ir_call *ret, imgrel_error *err)
{
    imgrel_opts opts;
    int rc = ir_api_alive(c, err);

    memset(ret, 0, sizeof *ret);
    if (rc || (rc = read_opts(o, &opts, err)))
        return rc;
    if (opts.flags & ~(IMGREL_FLAG_FORCE | IMGREL_FLAG_DRY_RUN | IMGREL_FLAG_FAST))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "imgrel_opts.flags has unknown bits: 0x%x",
                       opts.flags);
    if (opts.timeout_ms < 0)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_opts.timeout_ms is negative");
    if ((rc = session_of(c, &ret->session, err)))
        return rc;
    const ir_conf *conf = ir_session_conf(ret->session);
    int64_t timeout = opts.timeout_ms ? opts.timeout_ms : conf->timeout_ms;
    ret->cancel = opts.cancel;
    ret->deadline_ms = timeout ? ir_now_ms() + timeout : 0;
    ret->progress = opts.progress;
    ret->user = opts.user;
    ret->platform = opts.platform;
    ret->jobs = opts.jobs ? opts.jobs : (uint32_t)conf->jobs;
    ret->flags = opts.flags;
    return ir_call_check(ret, err);
}

void imgrel_client_free(imgrel_client *c)
{
    if (!c)
        return;
    /* A forked child has the parent's connections: it lets go of memory only. */
    if (c->owner == getpid())
        ir_session_free(c->session);
    ir_conf_clear(&c->conf);
    ir_strv_free(&c->shown);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
