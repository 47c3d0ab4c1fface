/* memo.c - the session's memory, a list: a few dozen entries, looked up a few times a request. */
#include "net/memo.h"
#include "net/session_impl.h"

#include <stdlib.h>
#include <time.h>

void ir_secrets_free(ir_strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        ir_wipe(l->v[i], strlen(l->v[i]));
    ir_strv_free(l);
}

static void memo_free(ir_memo *m)
{
    if (!m)
        return;
    free(m->key);
    ir_secrets_free(&m->value);
    free(m);
}

static int copy_strings(const ir_strv *from, ir_strv *ret)
{
    for (size_t i = 0; i < from->n; i++)
        if (ir_strv_add(ret, from->v[i]) < 0)
            return IMGREL_ENOMEM;
    return 0;
}

/* Unlinks the entry with this key, if it is there. */
static ir_memo *take_out(ir_session *s, const char *key)
{
    for (ir_memo **at = &s->memos; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, key) != 0)
            continue;
        ir_memo *m = *at;
        *at = m->next;
        s->n_memos--;
        return m;
    }
    return NULL;
}

static void drop_oldest(ir_session *s)
{
    ir_memo **at = &s->memos;
    while (*at && (*at)->next)
        at = &(*at)->next;
    memo_free(*at);
    *at = NULL;
    s->n_memos--;
}

int ir_memo_get(ir_session *s, const char *key, ir_strv *ret, imgrel_error *err)
{
    *ret = (ir_strv){0};
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    for (ir_memo *m = s->memos; m; m = m->next) {
        if (strcmp(m->key, key) != 0 || m->until_ms <= ir_now_ms())
            continue;
        rc = copy_strings(&m->value, ret) < 0 ? IMGREL_ENOMEM : 1;
        break;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc < 0) {
        ir_secrets_free(ret);
        return ir_nomem(err);
    }
    return rc;
}

int ir_memo_put(ir_session *s, const char *key, const ir_strv *value, int64_t ttl_ms,
                imgrel_error *err)
{
    ir_memo *m = calloc(1, sizeof *m);
    if (!m || !(m->key = ir_strdup(key)) || copy_strings(value, &m->value) < 0) {
        memo_free(m);
        return ir_nomem(err);
    }
    m->until_ms = ttl_ms == IR_MEMO_FOREVER ? IR_MEMO_FOREVER : ir_now_ms() + ttl_ms;
    pthread_mutex_lock(&s->lock);
    memo_free(take_out(s, key));
    if (s->n_memos >= IR_MEMO_MAX)
        drop_oldest(s);
    m->next = s->memos;
    s->memos = m;
    s->n_memos++;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

void ir_memo_forget(ir_session *s, const char *prefix)
{
    pthread_mutex_lock(&s->lock);
    for (ir_memo **at = &s->memos; *at;) {
        ir_memo *m = *at;
        if (!ir_starts(m->key, prefix)) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        s->n_memos--;
        memo_free(m);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Short turns, so that cancel is seen within 50 ms without a descriptor to wait for. */
static void wait_a_turn(ir_session *s)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 20 * 1000 * 1000;
    if (t.tv_nsec >= 1000 * 1000 * 1000) {
        t.tv_nsec -= 1000 * 1000 * 1000;
        t.tv_sec++;
    }
    pthread_cond_timedwait(&s->landed, &s->lock, &t);
}

int ir_flight_enter(const ir_call *call, const char *key, imgrel_error *err)
{
    ir_session *s = call->session;
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!rc && ir_strv_has(&s->flights, key)) {
        wait_a_turn(s);
        rc = ir_check_time(call->cancel, call->deadline_ms, err);
    }
    if (!rc && ir_strv_add(&s->flights, key) < 0)
        rc = ir_nomem(err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void ir_flight_leave(const ir_call *call, const char *key)
{
    ir_session *s = call->session;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->flights.n; i++) {
        if (strcmp(s->flights.v[i], key) != 0)
            continue;
        free(s->flights.v[i]);
        s->flights.v[i] = s->flights.v[--s->flights.n];
        break;
    }
    pthread_cond_broadcast(&s->landed);
    pthread_mutex_unlock(&s->lock);
}
