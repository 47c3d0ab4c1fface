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

static bool too_soon(const ir_call *call, const char *what)
{
    ir_session *s = call->session;
    uint64_t key = throttle_key(call, what);
    int64_t now = ir_now_ms();
    pthread_mutex_lock(&s->lock);
    ir_throttle *slot = &s->throttle[key % IR_THROTTLE_SLOTS];
    bool soon = slot->key == key && now - slot->at_ms < BYTES_EVERY_MS;
    if (!soon)
        *slot = (ir_throttle){key, now};
    pthread_mutex_unlock(&s->lock);
    return soon;
}

int ir_progress(const ir_call *call, uint32_t kind, const char *what, const char *detail,
                uint64_t done, uint64_t total, uint32_t attempt, imgrel_error *err)
{
    if (!call->progress)
        return 0;
    if (kind == IMGREL_EVENT_BYTES && !(total && done == total) && too_soon(call, what))
        return 0;
    imgrel_event ev = {.size = sizeof ev,
                       .kind = kind,
                       .attempt = attempt ? attempt : 1,
                       .what = what,
                       .detail = detail ? detail : "",
                       .done = done,
                       .total = total};
    if (call->board)
        return ir_board_post(call->board, call, &ev, err);
    if (call->progress(call->user, &ev))
        return ir_fail(err, IMGREL_ECANCELED, "stopped by the progress callback");
    return 0;
}
