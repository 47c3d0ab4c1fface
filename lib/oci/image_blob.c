/* image_blob.c - blobs of a base or of an image that is edited: they stay as they are, and are
 * mounted where that can be, else copied. */
#include "oci/image_plan.h"

#define JOBS_DEFAULT 4
#define JOBS_MAX 64

unsigned ir_image_jobs(const ir_call *call)
{
    int64_t n = call->jobs ? call->jobs : ir_call_conf(call)->jobs;
    return n < 1 ? JOBS_DEFAULT : n > JOBS_MAX ? JOBS_MAX : (unsigned)n;
}

const char *ir_image_mounts_from(const ir_store *from, const ir_store *to)
{
    const ir_ref *a = ir_store_ref(from), *b = ir_store_ref(to);
    bool same =
        a->transport == IR_REGISTRY && b->transport == IR_REGISTRY && ir_streq(a->host, b->host);
    return same ? a->repository : NULL;
}

/* A blob as a body: opened when its first byte is asked for, for often none is. */
typedef struct source {
    const ir_call *call;
    ir_store *from;
    const ir_desc *d;
    ir_reader *reader;
} source;

static int64_t source_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    source *s = user;
    int rc = s->reader ? 0 : ir_store_blob_open(s->from, s->call, s->d, &s->reader, err);
    return rc < 0 ? rc : ir_reader_read(s->reader, buf, len, err);
}

static int source_rewind(void *user, imgrel_error *err)
{
    source *s = user;
    (void)err;
    ir_reader_close(s->reader);
    s->reader = NULL;
    return 0;
}

int ir_image_blob_copy(const ir_call *call, ir_store *from, ir_store *to, const ir_desc *d,
                       imgrel_error *err)
{
    const char *state = NULL;
    source s = {.call = call, .from = from, .d = d};
    const ir_body body = {.read = source_read,
                          .rewind = source_rewind,
                          .user = &s,
                          .size = d->size,
                          .verified = true};
    int rc = ir_store_blob_put(to, call, d, &body, ir_image_mounts_from(from, to), &state, err);
    ir_reader_close(s.reader);
    if (rc < 0)
        return rc;
    return ir_progress(call, IMGREL_EVENT_STEP, d->digest, state ? state : "done",
                       (uint64_t)d->size, (uint64_t)d->size, 1, err);
}
