/* retry.c - full jitter: a random wait between nothing and a bound that doubles with each try, so
 * that clients that failed together do not come back together. A server that is away, being started
 * again perhaps, is given half of that bound, so that the tries are not used up by chance before it
 * is back. What the server wishes is kept to the millisecond, as far as the deadline or else the
 * budget reaches. */
#include "net/retry.h"

bool ir_retry_status(int status)
{
    return status == 408 || status == 429 ||
           (status >= 500 && status < 600 && status != 501 && status != 505);
}

static int64_t jitter(const ir_conf *conf, const ir_try *t)
{
    int64_t bound = conf->retry_delay_ms;
    for (unsigned i = 1; i < t->n && bound < conf->retry_delay_max_ms; i++)
        bound *= 2;
    if (bound > conf->retry_delay_max_ms)
        bound = conf->retry_delay_max_ms;
    int64_t least = t->away ? bound / 2 : 0;
    return bound > 0 ? least + (int64_t)(t->random % (uint64_t)(bound - least + 1)) : 0;
}

static bool worth(const ir_conf *conf, const ir_try *t)
{
    if (t->n > (uint64_t)conf->retries || (t->unknown_host && t->n > 2))
        return false;
    if (t->status)
        /* 429 says that nothing was done, so even a POST may come again. */
        return ir_retry_status(t->status) && (t->repeatable || t->status == 429);
    return t->transient && t->repeatable;
}

int64_t ir_retry_wait(const ir_conf *conf, const ir_try *t)
{
    if (!worth(conf, t))
        return -1;
    bool wished = t->wish_ms >= 0;
    int64_t wait = wished ? t->wish_ms : jitter(conf, t);
    if (t->left_ms >= 0 && wait >= t->left_ms)
        return -1;
    if (wished && t->left_ms >= 0)
        return wait;
    if (conf->retry_budget_ms && t->waited_ms + wait > conf->retry_budget_ms)
        return -1;
    return wait;
}
