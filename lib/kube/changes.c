/* changes.c - a kind (or one object) over time, event by event. What was given out is remembered by
 * name and version, so that after a watch that grew too old the kind is listed again and only the
 * differences are told: nothing is lost, nothing twice. Ends, breaks and silence are overcome. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdlib.h>

#define WATCH_S "240"
#define STALL_S 90     /* no bytes, not even a bookmark */
#define FAILURES_MAX 8 /* in a row, before the last one is told */
#define TICK_MS 1000

enum { LIST, WATCH };

struct ir_kube_changes {
    const ir_kube_kind *kind;
    char *ns, *labels, *fields, *version;
    int64_t stall_s;
    int state;
    ir_kube_pages *pages;
    ir_stream *stream;
    ir_lines lines;
    ir_json *known, *listed; /* "namespace/name": resourceVersion; listed: of the list under way */
    ir_json *gone;           /* names to tell DELETED, after a list */
    int64_t heard_ms, opened_ms;
    unsigned failures; /* in a row */
    bool complete;     /* known is all that there is: a list came before the watch */
    bool began;        /* something was heard: from here on failures may pass */
};

void ir_kube_changes_free(ir_kube_changes *e)
{
    if (!e)
        return;
    ir_kube_pages_free(e->pages);
    ir_stream_close(e->stream);
    ir_buf_free(&e->lines.in);
    ir_json_free(e->known);
    ir_json_free(e->listed);
    ir_json_free(e->gone);
    free(e->ns);
    free(e->labels);
    free(e->fields);
    free(e->version);
    free(e);
}

/* "kind" or "kind/name". */
static int take_what(const ir_call *call, ir_kube *k, const char *what, const char *fields,
                     ir_kube_changes *e, imgrel_error *err)
{
    const char *name = NULL;
    bool one = what && strchr(what, '/');
    int rc = one ? ir_kube_object_parse(call, k, what, &e->kind, &name, err)
                 : ir_kube_kind_find(call, k, what, &e->kind, err);
    if (rc || (!one && !fields))
        return rc;
    e->fields = !one     ? ir_strdup(fields)
                : fields ? ir_format("metadata.name=%s,%s", name, fields)
                         : ir_format("metadata.name=%s", name);
    return e->fields ? 0 : ir_nomem(err);
}

int ir_kube_changes_open(const ir_call *call, ir_kube *k, const char *ns, const char *what,
                         const ir_changes_spec *spec, ir_kube_changes **ret, imgrel_error *err)
{
    ir_kube_changes *e = calloc(1, sizeof *e);
    *ret = NULL;
    if (!e)
        return ir_nomem(err);
    int rc = take_what(call, k, what, spec->fields, e, err);
    e->ns = ir_strdup(ns);
    e->labels = ir_strdup(spec->selector);
    e->version = ir_strdup(spec->version);
    e->known = ir_json_new_object();
    e->stall_s = spec->stall_s > 0 ? spec->stall_s : STALL_S;
    e->state = spec->version ? WATCH : LIST;
    if (!rc && ((ns && !e->ns) || (spec->selector && !e->labels) ||
                (spec->version && !e->version) || !e->known))
        rc = ir_nomem(err);
    if (rc)
        ir_kube_changes_free(e);
    else
        *ret = e;
    return rc;
}

/* ---- what is known --------------------------------------------------------------------------- */

static char *key_of(const ir_json *object)
{
    const char *ns = ir_kube_meta(object, "namespace"), *name = ir_kube_meta(object, "name");
    return ir_format("%s/%s", ns ? ns : "", name ? name : "");
}

static int set_version(ir_kube_changes *e, const char *version, imgrel_error *err)
{
    if (!version || !*version)
        return 0;
    char *kept = ir_strdup(version);
    if (!kept)
        return ir_nomem(err);
    free(e->version);
    e->version = kept;
    return 0;
}

static ir_json *event(const char *type, const ir_json *object)
{
    return ir_json_pack("{s:s, s:O}", "type", type, "object", object);
}

/* What is new about an object in a list: its event, or NULL when it was told before. */
static int see_listed(ir_kube_changes *e, const ir_json *item, ir_json **ret, imgrel_error *err)
{
    const char *version = ir_kube_meta(item, "resourceVersion");
    char *key = key_of(item);
    const char *before = key ? ir_json_str(e->known, key) : NULL;
    int bad = !key || ir_json_puts(e->listed, key, version ? version : "");
    bool told = before && ir_streq(before, version);
    if (!bad && !told)
        bad = !(*ret = event(before ? "MODIFIED" : "ADDED", item));
    free(key);
    if (!bad && ir_json_len(e->listed) > IR_WATCH_OBJECTS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "a watch of %s has over %d objects", e->kind->plural,
                       IR_WATCH_OBJECTS_MAX);
    return bad ? ir_nomem(err) : told ? 0 : 1;
}

/* The list has ended: what is known and was not in it is gone. */
static int end_list(ir_kube_changes *e, imgrel_error *err)
{
    int bad = !(e->gone = ir_json_new_array());
    for (void *it = ir_json_first(e->known); it && !bad; it = ir_json_next(e->known, it))
        if (!ir_json_get(e->listed, ir_json_key(it)))
            bad = ir_json_append(e->gone, ir_json_new_string(ir_json_key(it)));
    ir_json_free(e->known);
    e->known = e->listed;
    e->listed = NULL;
    e->complete = true;
    e->state = WATCH;
    int rc = bad ? ir_nomem(err) : set_version(e, ir_kube_pages_version(e->pages), err);
    ir_kube_pages_free(e->pages);
    e->pages = NULL;
    return rc;
}

/* 1 with the DELETED of one that went unseen; its last state nobody knows. */
static int tell_gone(ir_kube_changes *e, ir_json **ret, imgrel_error *err)
{
    size_t n = ir_json_len(e->gone);
    if (!n) {
        ir_json_free(e->gone);
        e->gone = NULL;
        return 0;
    }
    const char *key = ir_json_text(ir_json_at(e->gone, n - 1)), *name = strchr(key, '/') + 1;
    char *ns = ir_strndup(key, (size_t)(name - 1 - key));
    ir_json *object = ir_json_pack("{s:s, s:s, s:{s:s}}", "kind", e->kind->kind, "apiVersion",
                                   e->kind->version, "metadata", "name", name);
    int bad = !ns || !object;
    if (!bad && *ns)
        bad = ir_json_puts(ir_json_get(object, "metadata"), "namespace", ns);
    if (!bad)
        bad = !(*ret = event("DELETED", object));
    ir_json_remove_at(e->gone, n - 1);
    ir_json_free(object);
    free(ns);
    return bad ? ir_nomem(err) : 1;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static int remember(ir_kube_changes *e, const char *type, const ir_json *object, bool *ret_told,
                    imgrel_error *err)
{
    const char *version = ir_kube_meta(object, "resourceVersion");
    char *key = key_of(object);
    const char *before = key ? ir_json_str(e->known, key) : NULL;
    int bad = !key;
    *ret_told = false;
    if (ir_streq(type, "DELETED")) {
        *ret_told = !before && e->complete;
        ir_json_remove(e->known, key ? key : "");
    } else {
        *ret_told = before && ir_streq(before, version);
        bad = bad || ir_json_puts(e->known, key, version ? version : "");
    }
    free(key);
    if (ir_json_len(e->known) > IR_WATCH_OBJECTS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "a watch of %s has over %d objects", e->kind->plural,
                       IR_WATCH_OBJECTS_MAX);
    return bad ? ir_nomem(err) : 0;
}

/* Another beginning: at once, or (what the server said is bad) as a failure. */
static int server_error(ir_kube_changes *e, const ir_kube *k, const ir_json *status,
                        imgrel_error *err)
{
    const char *text = ir_json_str(status, "message");
    int code = (int)ir_json_int(status, "code", 0);
    e->state = LIST;
    if (code == 410)
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%s: watch of %s: %s", k->host, e->kind->plural,
            text ? text : "the server ended it");
    if (err)
        err->http_status = code ? code : 500;
    return IMGREL_EFAILED;
}

/* 1 with an event, 0: nothing to tell. */
static int take_line(ir_kube_changes *e, const ir_kube *k, const char *line, size_t len,
                     ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    bool told = false;
    int rc = ir_json_parse(line, len, "watch", &j, err);
    const char *type = ir_json_str(j, "type");
    const ir_json *object = ir_json_get(j, "object");
    if (!rc && (!type || !ir_json_is_object(object)))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: a line of a watch is no event", k->host);
    if (rc)
        return rc;
    if (!strcmp(type, "ERROR"))
        return server_error(e, k, object, err);
    if (!strcmp(type, "BOOKMARK"))
        return set_version(e, ir_kube_meta(object, "resourceVersion"), err);
    if (!(rc = remember(e, type, object, &told, err)))
        rc = set_version(e, ir_kube_meta(object, "resourceVersion"), err);
    if (rc || told)
        return rc;
    *ret = ir_json_ref(j);
    return 1;
}

/* ---- the watch ------------------------------------------------------------------------------- */

static int watch_path(const ir_kube_changes *e, const ir_kube *k, ir_buf *out, imgrel_error *err)
{
    int rc = ir_kube_path(k, e->kind, e->ns, NULL, out, err);
    ir_buf_adds(out, "?watch=1&allowWatchBookmarks=true&timeoutSeconds=" WATCH_S);
    if (e->labels)
        ir_url_add_query(out, "labelSelector", e->labels);
    if (e->fields)
        ir_url_add_query(out, "fieldSelector", e->fields);
    if (e->version)
        ir_url_add_query(out, "resourceVersion", e->version);
    return rc ? rc : ir_buf_check(out, err, "watch");
}

static void drop_stream(ir_kube_changes *e)
{
    ir_stream_close(e->stream);
    e->stream = NULL;
    ir_buf_free(&e->lines.in);
    e->lines = (ir_lines){.taken = 0};
}

static int open_stream(const ir_call *call, ir_kube *k, ir_kube_changes *e, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_request req = {.flags = IR_HTTP_NO_STALL | IR_HTTP_PROMPT | IR_HTTP_ONE_TRY};
    ir_reply reply = {0};
    int64_t since = ir_now_ms() - e->opened_ms;
    /* A server that ends every watch at once must not be asked a thousand times a second. */
    int rc = e->opened_ms && since < 500
                 ? ir_sleep(call->cancel, 500 - since, call->deadline_ms, err)
                 : 0;
    if (!rc)
        rc = watch_path(e, k, &path, err);
    e->opened_ms = e->heard_ms = ir_now_ms();
    if (!rc)
        rc = ir_kube_open(call, k, &req, ir_buf_str(&path), &e->stream, &reply, err);
    if (!rc && !e->stream && reply.status == 410)
        e->state = LIST;
    else if (!rc && !e->stream)
        rc = ir_kube_status_fail(k, &req, ir_buf_str(&path), &reply, err);
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc;
}

/* Feeds bytes, or ends the stream: 0 in either case, or a code. */
static int hear(const ir_call *call, ir_kube_changes *e, imgrel_error *err)
{
    char chunk[16384];
    int rc = ir_stream_wait(e->stream, TICK_MS, err);
    if (rc == 0) {
        /* Silent for too long: what is true is read anew. */
        if (ir_now_ms() - e->heard_ms > e->stall_s * 1000) {
            drop_stream(e);
            e->state = LIST;
        }
        return ir_call_check(call, err);
    }
    int64_t n = rc < 0 ? rc : ir_stream_read(e->stream, chunk, sizeof chunk, err);
    if (n < 0)
        return (int)n;
    if (n == 0) {
        drop_stream(e); /* its clean end: go on from the last version */
        return 0;
    }
    e->heard_ms = ir_now_ms();
    e->failures = 0;
    ir_lines_feed(&e->lines, chunk, (size_t)n);
    return 0;
}

static int watch_step(const ir_call *call, ir_kube *k, ir_kube_changes *e, ir_json **ret,
                      imgrel_error *err)
{
    const char *line = NULL;
    size_t len = 0;
    if (!e->stream)
        return open_stream(call, k, e, err);
    int rc = ir_lines_next(&e->lines, &line, &len, err);
    if (rc == 1) {
        e->began = true;
        rc = len ? take_line(e, k, line, len, ret, err) : 0;
        if (e->state == LIST)
            drop_stream(e);
        return rc;
    }
    return rc ? rc : hear(call, e, err);
}

static int list_step(const ir_call *call, ir_kube *k, ir_kube_changes *e, ir_json **ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_json_p) item = NULL;
    int rc = 0;
    if (!e->pages) {
        ir_json_free(e->listed);
        e->listed = ir_json_new_object();
        rc = e->listed ? ir_kube_pages_of(k, e->ns, e->kind, e->labels, e->fields, &e->pages, err)
                       : ir_nomem(err);
        if (rc)
            return rc;
    }
    rc = ir_kube_pages_next(call, k, e->pages, &item, err);
    if (rc < 0)
        return rc;
    e->began = true;
    e->failures = 0;
    return rc == 1 ? see_listed(e, item, ret, err) : end_list(e, err);
}

/* May this failure pass? The network's and the server's may, a few times in a row. */
static bool passing(ir_kube_changes *e, const imgrel_error *why)
{
    return e->began &&
           (why->code == IMGREL_ENET || why->retryable ||
            (why->code == IMGREL_EFAILED && why->http_status >= 500)) &&
           ++e->failures <= FAILURES_MAX;
}

int ir_kube_changes_next(const ir_call *call, ir_kube *k, ir_kube_changes *e, ir_json **ret,
                         imgrel_error *err)
{
    *ret = NULL;
    for (;;) {
        imgrel_error why = {0};
        int rc = e->gone            ? tell_gone(e, ret, &why)
                 : e->state == LIST ? list_step(call, k, e, ret, &why)
                                    : watch_step(call, k, e, ret, &why);
        if (rc == 1)
            return 1;
        if (!rc)
            continue;
        if (!passing(e, &why))
            return ir_kube_pass(err, &why);
        drop_stream(e);
        ir_kube_pages_free(e->pages);
        e->pages = NULL;
        int64_t wait = why.retry_after_ms > 0 ? why.retry_after_ms : 500 * e->failures;
        if ((rc = ir_sleep(call->cancel, wait, call->deadline_ms, err)))
            return rc;
    }
}
