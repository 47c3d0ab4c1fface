/* copy_report.c - how the items of a copy of many went. A line of JSON for each goes to the
 * progress callback, so that nothing is kept of those that went well. */
#include "run/copy_report.h"
#include "base/limits.h"

#include <stdlib.h>

int ir_report_begin(ir_copy_report *r, ir_copy_sum *sum, bool keep_going, imgrel_error *err)
{
    *r = (ir_copy_report){.sum = sum, .keep_going = keep_going};
    pthread_mutex_init(&r->lock, NULL);
    sum->failures = ir_json_new_array();
    return sum->failures ? 0 : ir_nomem(err);
}

void ir_report_end(ir_copy_report *r)
{
    pthread_mutex_destroy(&r->lock);
}

/* Takes line. */
static int tell(const ir_call *call, const char *what, ir_json *line, imgrel_error *err)
{
    char *text = line ? ir_json_string(line, IR_JSON_COMPACT) : NULL;
    int rc = text ? ir_progress(call, IMGREL_EVENT_ITEM, what, text, 0, 0, 1, err) : ir_nomem(err);
    free(text);
    ir_json_free(line);
    return rc;
}

static ir_json *error_json(int rc, const imgrel_error *e)
{
    return ir_json_pack("{s:s, s:s, s:s, s:i}", "code", imgrel_code_name(rc), "message", e->message,
                        "cure", e->cure, "http_status", (int)e->http_status);
}

int ir_report_failed(const ir_call *call, ir_copy_report *r, const char *from, const char *to,
                     int rc, const imgrel_error *e, imgrel_error *err)
{
    ir_json *line = ir_json_pack("{s:s, s:s}", "from", from, "state", "failed");
    int bad = line ? ir_json_puts(line, "to", to) : -1;
    bad |= ir_json_put(line, "error", error_json(rc, e));
    pthread_mutex_lock(&r->lock);
    r->sum->items++;
    r->sum->failed++;
    if (!bad && ir_json_len(r->sum->failures) < IR_COPY_FAILURES_MAX)
        bad |= ir_json_append(r->sum->failures, ir_json_copy(line));
    pthread_mutex_unlock(&r->lock);
    int stop = bad ? ir_nomem(err) : ir_call_check(call, err);
    if (!stop && (!r->keep_going || rc == IMGREL_ENOMEM || rc == IMGREL_ECANCELED)) {
        if (err && !err->code)
            *err = *e;
        stop = rc;
    }
    if (stop) {
        ir_json_free(line);
        return stop;
    }
    return tell(call, to ? to : from, line, err);
}

static char *name_of(const ir_ref *ref, const char *tag)
{
    return ir_format("%s:%s", ref->name, tag);
}

static void count(ir_copy_sum *s, const ir_copied *d)
{
    s->items++;
    s->unchanged += d->unchanged;
    s->copied += !d->unchanged;
    s->blobs_copied += d->blobs_copied;
    s->blobs_exist += d->blobs_exist;
    s->blobs_mounted += d->blobs_mounted;
    s->bytes += d->bytes;
}

static int went_well(const ir_call *call, ir_copy_report *r, const char *from, const char *to,
                     const ir_copied *d, imgrel_error *err)
{
    const char *state = d->unchanged ? "unchanged" : IR_DRY_RUN(call) ? "planned" : "copied";
    pthread_mutex_lock(&r->lock);
    count(r->sum, d);
    pthread_mutex_unlock(&r->lock);
    if (!call->progress)
        return 0;
    return tell(call, to,
                ir_json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "from", from, "to", to,
                             "state", state, "digest", d->digest, "copied",
                             (long long)d->blobs_copied, "exists", (long long)d->blobs_exist,
                             "mounted", (long long)d->blobs_mounted, "bytes", (long long)d->bytes),
                err);
}

int ir_report_item(const ir_call *call, ir_copy_report *r, const ir_ref *from, const char *tag,
                   const ir_copy_dst *d, imgrel_error *err)
{
    char *a = name_of(from, tag), *b = name_of(d->ref, d->tags.v[0]);
    int rc = a && b ? 0 : ir_nomem(err);
    if (!rc && d->rc < 0)
        rc = ir_report_failed(call, r, a, b, d->rc, &d->err, err);
    else if (!rc)
        rc = went_well(call, r, a, b, &d->done, err);
    free(a);
    free(b);
    return rc;
}

int ir_report_deleted(const ir_call *call, ir_copy_report *r, const ir_ref *to, const char *tag,
                      int rc, const imgrel_error *e, imgrel_error *err)
{
    char *name = name_of(to, tag);
    if (!name)
        return ir_nomem(err);
    if (rc < 0) {
        rc = ir_report_failed(call, r, name, name, rc, e, err);
    } else {
        pthread_mutex_lock(&r->lock);
        r->sum->items++;
        r->sum->deleted++;
        pthread_mutex_unlock(&r->lock);
        rc = tell(
            call, name,
            ir_json_pack("{s:s, s:s}", "to", name, "state", IR_DRY_RUN(call) ? "extra" : "deleted"),
            err);
    }
    free(name);
    return rc;
}
