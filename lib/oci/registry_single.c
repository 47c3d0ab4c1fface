/* registry_single.c - a small blob in a single POST (distribution-spec "Single POST"), where the
 * registry takes it so: half the requests. A registry that does not begins an upload instead, which
 * costs nothing but the bytes when the blob is not there; it is found out by one config, and kept
 * in mind as long as the store is open. */
#include "oci/registry.h"
#include "base/limits.h"

#include <stdlib.h>

#define SINGLE_MAX (32 * IR_KIB)

/* Whether this blob is to go so. One asks for all, where it is likely that it has to be sent
 * anyway: others were not there, and none was. */
static bool choose(ir_registry *r, const ir_desc *d)
{
    bool probe = ir_media_is_config(d->media_type) || ir_media_same(d->media_type, IR_MT_OCI_EMPTY);
    pthread_mutex_lock(&r->lock);
    bool yes = r->single == IR_SINGLE_TAKEN;
    if (r->single == IR_SINGLE_UNKNOWN && probe && r->missed && !r->found) {
        r->single = IR_SINGLE_ASKED;
        yes = true;
    }
    for (const ir_upload_begun *u = r->begun; yes && u; u = u->next)
        yes = !ir_streq(u->digest, d->digest);
    pthread_mutex_unlock(&r->lock);
    return yes;
}

static void learn(ir_registry *r, enum ir_single single)
{
    pthread_mutex_lock(&r->lock);
    r->single = single;
    pthread_mutex_unlock(&r->lock);
}

/* All of the body, for it may have to be sent a second time. */
static int hold(const ir_body *body, const ir_desc *d, ir_buf *held, imgrel_error *err)
{
    char step[4 * IR_KIB];
    int64_t at = 0, n = 1;
    while (n > 0) {
        n = ir_body_take(body, &at, step, sizeof step, err);
        if (n < 0)
            return (int)n;
        ir_buf_add(held, step, (size_t)n);
    }
    int rc = ir_buf_check(held, err, d->digest);
    if (!rc && at != d->size)
        rc = ir_fail(err, IMGREL_EDIGEST, "%s: the source gave %lld bytes, expected %lld",
                     d->digest, (long long)at, (long long)d->size);
    return rc;
}

/* 1: it is there now. 0: it is not; an upload that the registry began instead is remembered. */
static int post(ir_registry *r, const ir_call *call, const ir_desc *d, const ir_body *body,
                imgrel_error *err)
{
    ir_reply reply = {0};
    char *location = NULL;
    char *url = ir_registry_url(r, "/blobs/uploads/?digest=%s", d->digest);
    ir_request req = ir_registry_request(r, "POST", url);
    req.body = *body;
    req.content_type = "application/octet-stream";
    req.flags = IR_HTTP_REPEATABLE; /* what is there twice is there once */
    req.what = d->digest;
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    if (!rc)
        learn(r, reply.status == 201 ? IR_SINGLE_TAKEN : IR_SINGLE_REFUSED);
    if (!rc && reply.status == 201)
        rc = 1;
    else if (!rc && reply.status == 202)
        rc = ir_upload_follow(&reply, &location, err);
    if (!rc && location && ir_upload_remember(r, d->digest, location) < 0)
        rc = ir_nomem(err);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

int ir_registry_single(ir_registry *r, const ir_call *call, const ir_desc *d, ir_body *body,
                       ir_buf *held, imgrel_error *err)
{
    if (d->size < 0 || d->size > (int64_t)SINGLE_MAX || !choose(r, d))
        return 0;
    int rc = hold(body, d, held, err);
    if (rc < 0)
        return rc;
    *body = (ir_body){.p = ir_buf_str(held), .len = held->len, .size = d->size, .verified = true};
    return post(r, call, d, body, err);
}
