/* session.c - makes and ends a session. */
#include "net/session_impl.h"
#include "net/tls.h"
#include "fmt/registries.h"

#include <stdlib.h>
#include <unistd.h>

int ir_session_new(ir_conf *conf, const ir_log *log, ir_session **ret, imgrel_error *err)
{
    *ret = NULL;
    int rc = ir_tls_init(err);
    if (rc)
        return rc;
    ir_session *s = calloc(1, sizeof *s);
    if (!s)
        return ir_nomem(err);
    s->conf = *conf;
    memset(conf, 0, sizeof *conf);
    if (log)
        s->log = *log;
    s->owner = getpid();
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->share_lock, NULL);
    pthread_mutex_init(&s->late_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->landed, &attr);
    pthread_condattr_destroy(&attr);
    *ret = s;
    return 0;
}

const ir_conf *ir_session_conf(const ir_session *s)
{
    return &s->conf;
}

const ir_log *ir_session_log(const ir_session *s)
{
    return &s->log;
}

void ir_conf_clear(ir_conf *conf)
{
    char *const plain[] = {conf->ca_file,         conf->client_cert,       conf->client_key,
                           conf->proxy,           conf->no_proxy,          conf->proxy_user,
                           conf->auth_file,       conf->registry_user,     conf->user_agent,
                           conf->compression,     conf->compression_codec, conf->cache_dir,
                           conf->registries_conf, conf->proxy_ca_file};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        free(plain[i]);
    ir_free_secret(conf->proxy_password);
    ir_free_secret(conf->registry_password);
    ir_strv *const lists[] = {&conf->plain_http, &conf->insecure,       &conf->resolve,
                              &conf->certs_dirs, &conf->registry_hosts, &conf->hosts_dirs};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ir_strv_free(lists[i]);
    memset(conf, 0, sizeof *conf);
}

void ir_session_free(ir_session *s)
{
    if (!s)
        return;
    ir_pool_clear(s);
    ir_memo_forget(s, "");
    ir_strv_free(&s->flights);
    ir_conf_clear(&s->conf);
    ir_tls_trust_free(s->trust);
    if (s->registries)
        ir_registries_free(s->registries);
    free(s->registries);
    pthread_mutex_destroy(&s->late_lock);
    pthread_cond_destroy(&s->landed);
    pthread_mutex_destroy(&s->share_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
