/* pace.c - the pauses between the requests to an origin, kept by the hash of its name: a collision
 * only slows somebody down. */
#include "net/pace.h"
#include "base/cancel.h"
#include "fmt/header.h"
#include "net/session_impl.h"

#include <stdlib.h>
#include <time.h>

#define FEW 5 /* left, where the limit is not said */
#define UNKNOWN_MS (60 * 1000)
#define CALM_GAP_MS 200
#define CALM_MS (30 * 1000)

static uint64_t key_of(const ir_url *u)
{
    uint64_t h = 14695981039346656037ULL ^ (uint64_t)u->port;
    for (const char *p = u->host; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211ULL;
    return h;
}

/* Under the session's lock. */
static ir_pace *slot_of(ir_session *s, uint64_t key)
{
    return &s->paces[key % IR_PACE_SLOTS];
}

int ir_pace_wait(const ir_call *call, const ir_url *to, imgrel_error *err)
{
    ir_session *s = call->session;
    uint64_t key = key_of(to);
    int64_t now = ir_now_ms(), at = now;
    pthread_mutex_lock(&s->lock);
    ir_pace *p = slot_of(s, key);
    if (p->key == key && p->until_ms > now) {
        at = p->next_ms > now ? p->next_ms : now;
        p->next_ms = at + p->gap_ms;
    }
    pthread_mutex_unlock(&s->lock);
    if (at <= now || (call->deadline_ms && at >= call->deadline_ms))
        return 0;
    return ir_sleep(call->cancel, at - now, call->deadline_ms, err);
}

static void slow_down(const ir_call *call, const ir_url *from, int64_t gap, int64_t span)
{
    ir_session *s = call->session;
    uint64_t key = key_of(from);
    int64_t now = ir_now_ms();
    pthread_mutex_lock(&s->lock);
    ir_pace *p = slot_of(s, key);
    int64_t next = p->key == key ? p->next_ms : 0;
    *p = (ir_pace){key, gap, next > now ? next : now + gap, now + span};
    pthread_mutex_unlock(&s->lock);
}

static const char *either(const ir_reply *reply, const char *name, const char *older)
{
    const char *v = ir_reply_header(reply, name, 0);
    return v ? v : ir_reply_header(reply, older, 0);
}

void ir_pace_learn(const ir_call *call, const ir_url *from, const ir_reply *reply)
{
    const char *remaining = either(reply, "ratelimit-remaining", "x-ratelimit-remaining");
    const char *both = ir_reply_header(reply, "ratelimit", 0);
    int64_t most = ir_call_conf(call)->rate_wait_ms;
    char left[24], ms[24];
    ir_rate r;
    if ((!remaining && !both) || !most ||
        !ir_rate_limit(either(reply, "ratelimit-limit", "x-ratelimit-limit"), remaining,
                       either(reply, "ratelimit-reset", "x-ratelimit-reset"), both,
                       (int64_t)time(NULL), &r) ||
        r.remaining > (r.limit < 0 ? FEW : r.limit / 10))
        return;
    int64_t span = r.reset_s < 0 ? UNKNOWN_MS : r.reset_s * 1000;
    int64_t gap = r.reset_s < 0 && r.window_s < 0
                      ? most
                      : (r.reset_s < 0 ? r.window_s : r.reset_s) * 1000 / (r.remaining + 1);
    gap = gap < most ? gap : most;
    slow_down(call, from, gap, span);
    snprintf(left, sizeof left, "%lld", (long long)r.remaining);
    snprintf(ms, sizeof ms, "%lld", (long long)gap);
    ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "http", "slowing down: few requests are left",
               "host", from->host, "left", left, "pause_ms", ms, NULL);
}

void ir_pace_calm(const ir_call *call, const ir_url *from)
{
    int64_t most = ir_call_conf(call)->rate_wait_ms;
    if (!most)
        return;
    slow_down(call, from, most < CALM_GAP_MS ? most : CALM_GAP_MS, CALM_MS);
    ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "http", "slowing down: the server asks for calm",
               "host", from->host, NULL);
}
