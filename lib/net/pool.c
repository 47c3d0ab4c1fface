/* pool.c - the idle lanes, a stack: the one that came back last has the connections that are
 * least likely to have been closed by their servers. */
#include "net/pool.h"
#include "net/session_impl.h"

#include <stdlib.h>
#include <unistd.h>

static void lane_free(ir_lane *lane)
{
    if (!lane)
        return;
    curl_easy_cleanup(lane->easy);
    curl_multi_cleanup(lane->multi);
    free(lane->origin);
    free(lane);
}

static void lock_share(CURL *e, curl_lock_data data, curl_lock_access access, void *user)
{
    ir_session *s = user;
    (void)e, (void)data, (void)access;
    pthread_mutex_lock(&s->share_lock);
}

static void unlock_share(CURL *e, curl_lock_data data, void *user)
{
    ir_session *s = user;
    (void)e, (void)data;
    pthread_mutex_unlock(&s->share_lock);
}

/* What lanes have in common: TLS sessions, so that a host's second connection costs neither side
 * its certificate again. NULL: they do without. */
static CURLSH *share_of(ir_session *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->share && (s->share = curl_share_init())) {
        curl_share_setopt(s->share, CURLSHOPT_LOCKFUNC, lock_share);
        curl_share_setopt(s->share, CURLSHOPT_UNLOCKFUNC, unlock_share);
        curl_share_setopt(s->share, CURLSHOPT_USERDATA, s);
        curl_share_setopt(s->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    }
    CURLSH *share = s->share;
    pthread_mutex_unlock(&s->lock);
    return share;
}

static ir_lane *lane_new(ir_session *s)
{
    ir_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->multi = curl_multi_init();
    lane->easy = curl_easy_init();
    if (!lane->multi || !lane->easy) {
        lane_free(lane);
        return NULL;
    }
    curl_easy_setopt(lane->easy, CURLOPT_SHARE, share_of(s));
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)IR_LANE_CONNECTIONS);
    return lane;
}

int ir_lane_take(ir_session *s, const char *origin, ir_lane **ret, imgrel_error *err)
{
    *ret = NULL;
    pthread_mutex_lock(&s->lock);
    ir_lane **at = &s->lanes;
    while (*at && !ir_streq((*at)->origin, origin))
        at = &(*at)->next;
    if (!*at)
        at = &s->lanes;
    ir_lane *lane = *at;
    if (lane) {
        *at = lane->next;
        s->n_lanes--;
    }
    pthread_mutex_unlock(&s->lock);
    if (!lane)
        lane = lane_new(s);
    if (!lane)
        return ir_nomem(err);
    lane->next = NULL;
    *ret = lane;
    return 0;
}

void ir_lane_give(ir_session *s, ir_lane *lane, const char *origin)
{
    if (!lane)
        return;
    curl_easy_reset(lane->easy);
    if (!ir_streq(lane->origin, origin)) {
        free(lane->origin);
        lane->origin = ir_strdup(origin);
    }
    pthread_mutex_lock(&s->lock);
    bool keep = s->n_lanes < IR_LANES_IDLE_MAX;
    if (keep) {
        lane->next = s->lanes;
        s->lanes = lane;
        s->n_lanes++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!keep)
        lane_free(lane);
}

/* In a forked child the lanes are left alone: saying goodbye would end the parent's connections. */
void ir_pool_clear(ir_session *s)
{
    bool ours = s->owner == getpid();
    for (ir_lane *lane = s->lanes, *next; lane; lane = next) {
        next = lane->next;
        if (ours)
            lane_free(lane);
    }
    s->lanes = NULL;
    s->n_lanes = 0;
    if (ours)
        curl_share_cleanup(s->share);
    s->share = NULL;
}
