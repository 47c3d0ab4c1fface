/* iter.c - the one iterator: a vtable, the state behind it, and the call that it runs under. */
#include "api/api.h"

#include <stdlib.h>

struct imgrel_iter {
    const ir_iter_ops *ops;
    void *state;
    imgrel_client *client;
    imgrel_opts opts;     /* its strings are ours; its deadline counts per item */
    char *platform;
    int ended;            /* 1 at the end, or the code that ended it */
};

int ir_iter_new(imgrel_client *c, const imgrel_opts *o, const ir_iter_ops *ops, void *state,
                imgrel_iter **ret, imgrel_error *err)
{
    imgrel_iter *it = calloc(1, sizeof *it);
    *ret = NULL;
    if (!it)
        goto nomem;
    it->ops = ops;
    it->client = c;
    it->opts.size = sizeof it->opts;
    if (o)
        memcpy(&it->opts, o, o->size < sizeof it->opts ? o->size : sizeof it->opts);
    it->opts.size = sizeof it->opts;
    it->platform = ir_strdup(it->opts.platform);
    if (it->opts.platform && !it->platform)
        goto nomem;
    it->opts.platform = it->platform;
    it->state = state;
    *ret = it;
    return 0;
nomem:
    free(it);
    ops->free(state);
    return ir_nomem(err);
}

int imgrel_iter_next(imgrel_iter *it, const char **item, imgrel_error *err)
{
    ir_call call;
    int rc = 0;

    if (!it || !item)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_iter_next: NULL");
    *item = NULL;
    if (it->ended < 0)
        return ir_fail(err, IMGREL_ESTATE, "the list has ended with an error");
    if (it->ended)
        return 0;
    if ((rc = ir_api_call(it->client, &it->opts, &call, err)))
        return rc;
    rc = it->ops->next(&call, it->state, item, err);
    if (rc != 1)
        it->ended = rc ? rc : 1;
    return rc;
}

void imgrel_iter_free(imgrel_iter *it)
{
    if (!it)
        return;
    it->ops->free(it->state);
    free(it->platform);
    free(it);
}
