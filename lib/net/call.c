/* call.c - what every layer asks of a call: may it go on, who listens, and progress. */
#include "net/call.h"
#include "net/board.h"
#include "net/session_impl.h"

#define BYTES_EVERY_MS 100

const ir_log *ir_call_log(const ir_call *call)
{
    return ir_session_log(call->session);
}

const ir_conf *ir_call_conf(const ir_call *call)
{
    return ir_session_conf(call->session);
}

int ir_call_check(const ir_call *call, imgrel_error *err)
{
    return ir_check_time(call->cancel, call->deadline_ms, err);
}

/* FNV-1a over the name and who asked, so that two calls do not silence each other. */
static uint64_t throttle_key(const ir_call *call, const char *what)
{
    uint64_t h = 14695981039346656037ULL ^ (uint64_t)(uintptr_t)call->user;
    for (; *what; what++)
        h = (h ^ (unsigned char)*what) * 1099511628211ULL;
    return h;
}

/* Bytes a second since the last report, smoothed; a transfer that began again starts anew. */
static uint64_t rate_now(const ir_throttle *slot, uint64_t key, uint64_t done, int64_t now)
{
    if (slot->key != key || done < slot->done || now <= slot->at_ms)
        return slot->key == key && done >= slot->done ? slot->rate : 0;
    uint64_t last = (done - slot->done) * 1000 / (uint64_t)(now - slot->at_ms);
    return slot->rate ? (slot->rate * 3 + last) / 4 : last;
}

/* Whether bytes may be reported now, and how fast they come. The last ones always may. */
static bool may_report(const ir_call *call, const char *what, uint64_t done, bool last,
                       uint64_t *ret_rate)
{
    ir_session *s = call->session;
    uint64_t key = throttle_key(call, what);
    int64_t now = ir_now_ms();
    pthread_mutex_lock(&s->lock);
    ir_throttle *slot = &s->throttle[key % IR_THROTTLE_SLOTS];
    bool soon = slot->key == key && now - slot->at_ms < BYTES_EVERY_MS;
    *ret_rate = soon && last ? slot->rate : rate_now(slot, key, done, now);
    if (!soon)
        *slot = (ir_throttle){key, done, *ret_rate, now};
    pthread_mutex_unlock(&s->lock);
    return last || !soon;
}

int ir_progress(const ir_call *call, uint32_t kind, const char *what, const char *detail,
                uint64_t done, uint64_t total, uint32_t attempt, imgrel_error *err)
{
    uint64_t rate = 0;
    if (!call->progress)
        return 0;
    if (kind == IMGREL_EVENT_BYTES &&
        !may_report(call, what, done, total && done == total, &rate))
        return 0;
    imgrel_event ev = {.size = sizeof ev,
                       .kind = kind,
                       .attempt = attempt ? attempt : 1,
                       .what = what,
                       .detail = detail ? detail : "",
                       .done = done,
                       .total = total,
                       .rate = rate};
    if (call->board)
        return ir_board_post(call->board, call, &ev, err);
    if (call->progress(call->user, &ev))
        return ir_fail(err, IMGREL_ECANCELED, "stopped by the progress callback");
    return 0;
}
