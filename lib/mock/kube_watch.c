/* kube_watch.c - GET ?watch=1: one JSON object a line, fed from the store's changes. Too old a
 * version is an ERROR line inside a 200; a version of the future is silence until it comes. */
#include "mock/kube.h"

#include "base/cancel.h"

#include <stdlib.h>

typedef struct watcher {
    imgrel_mock *m;
    mk_selector sel;
    char *ns;
    int64_t rv;                  /* seen so far */
    int64_t end_ms, bookmark_ms; /* 0: none */
    bool initial, marks_initial, ended;
    ir_buf out;
    size_t sent;
} watcher;

static void say(watcher *w, const char *type, ir_json *object)
{
    ir_json *line = ir_json_pack("{s:s}", "type", type);
    ir_json_put(line, "object", object);
    if (!ir_json_dump(line, IR_JSON_COMPACT, &w->out, NULL))
        ir_buf_addc(&w->out, '\n');
    ir_json_free(line);
}

static bool selected(const watcher *w, const ir_json *object)
{
    if (!object || (*w->ns && strcmp(w->ns, mk_namespace(object))))
        return false;
    if (!mk_kind_is_event_view(w->sel.kind))
        return mk_selector_match(&w->sel, object);
    ir_json *view = mk_event_view(object);
    bool yes = mk_selector_match(&w->sel, view);
    ir_json_free(view);
    return yes;
}

/* What stopped matching leaves as it was when it matched, with the version of the change. */
static ir_json *leaving(const watcher *w, const mk_change *c)
{
    ir_json *j = mk_typed(w->sel.kind, c->type == MK_DELETED ? c->now : c->before);
    ir_json *copy = ir_json_copy(j);
    char *rv = ir_format("%lld", (long long)c->rv);
    ir_json_puts(ir_json_get(copy, "metadata"), "resourceVersion", rv);
    ir_json_free(j);
    free(rv);
    return copy;
}

static void tell(watcher *w, const mk_change *c)
{
    bool was = selected(w, c->before), is = c->type != MK_DELETED && selected(w, c->now);
    if (was && !is)
        say(w, "DELETED", leaving(w, c));
    else if (is)
        say(w, was ? "MODIFIED" : "ADDED", mk_typed(w->sel.kind, c->now));
}

static void bookmark(watcher *w, bool initial_end)
{
    char api[64], *rv = ir_format("%lld", (long long)w->rv);
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:{s:s}}", "kind", w->sel.kind->kind, "apiVersion",
                     mk_kind_api(w->sel.kind, api), "metadata", "resourceVersion", rv ? rv : "");
    if (initial_end)
        ir_json_puts(mk_ensure(j, "metadata.annotations"), "k8s.io/initial-events-end", "true");
    say(w, "BOOKMARK", j);
    free(rv);
}

static void too_old(watcher *w, int64_t horizon)
{
    char *text =
        ir_format("too old resource version: %lld (%lld)", (long long)w->rv, (long long)horizon);
    ir_json *s = ir_json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s, s:i}", "kind", "Status",
                              "apiVersion", "v1", "metadata", "status", "Failure", "message",
                              text ? text : "", "reason", "Expired", "code", 410);
    say(w, "ERROR", s);
    w->ended = true;
    free(text);
}

/* What is there now, as ADDED. */
static void say_initial(watcher *w, struct mk_kube *k, const mk_kind *kind)
{
    mk_objects all;
    if (mk_store_list(k, kind, w->ns, 0, &all))
        for (size_t i = 0; i < all.n; i++)
            if (selected(w, all.v[i]))
                say(w, "ADDED", mk_typed(w->sel.kind, all.v[i]));
    mk_objects_free(&all);
    w->rv = k->rv;
    w->initial = false;
    if (w->marks_initial)
        bookmark(w, true);
}

static void gather(watcher *w, struct mk_kube *k)
{
    const mk_kind *kind = mk_kind_is_event_view(w->sel.kind) ? mk_kind_named("Event") : w->sel.kind;
    if (w->initial) {
        say_initial(w, k, kind);
        return;
    }
    if (w->rv < k->horizon) {
        too_old(w, k->horizon);
        return;
    }
    const mk_change *c;
    while (w->out.len < IR_MIB && (c = mk_store_after(k, w->rv))) {
        if (c->kind == kind)
            tell(w, c);
        w->rv = c->rv;
    }
}

static void look_at_clock(watcher *w)
{
    int64_t now = ir_now_ms();
    bool over = w->end_ms && now >= w->end_ms;
    if (w->bookmark_ms && (now >= w->bookmark_ms || over)) {
        bookmark(w, false);
        w->bookmark_ms = over ? 0 : now + 60000;
    }
    if (over)
        w->ended = true;
}

static int64_t watch_read(void *user, void *buf, size_t len)
{
    watcher *w = user;
    if (w->sent == w->out.len && !w->ended) {
        ir_buf_clear(&w->out);
        w->sent = 0;
        pthread_mutex_lock(&w->m->lock);
        if (!w->m->kube || w->m->kube->stopping)
            w->ended = true;
        else
            gather(w, w->m->kube);
        pthread_mutex_unlock(&w->m->lock);
        if (!w->ended && !w->out.len)
            look_at_clock(w);
    }
    size_t n = w->out.len - w->sent;
    if (!n)
        return w->ended || w->out.bad ? -1 : 0;
    n = n < len ? n : len;
    memcpy(buf, w->out.p + w->sent, n);
    w->sent += n;
    return (int64_t)n;
}

static void watch_free(void *user)
{
    watcher *w = user;
    free(w->sel.labels);
    free(w->sel.fields);
    free(w->ns);
    ir_buf_free(&w->out);
    free(w);
}

/* The bookmark comes two seconds before the end, as the real one's does, or at it. */
static void set_times(watcher *w, mk_kcall *c)
{
    char *text = mk_query(c->r, "timeoutSeconds");
    unsigned long long s = 0;
    int64_t now = ir_now_ms();
    if (text && ir_parse_u64(text, 1000000, &s) && s)
        w->end_ms = now + (int64_t)s * 1000;
    else
        w->end_ms = now + 45 * 60 * 1000;
    if (mk_flag(c, "allowWatchBookmarks"))
        w->bookmark_ms = s > 2 ? w->end_ms - 2000 : w->end_ms;
    free(text);
}

void mk_kube_watch(mk_kcall *c, mk_selector *s, int64_t rv, bool synthetic)
{
    watcher *w = calloc(1, sizeof *w);
    if (!w) {
        mk_no_memory(c);
        return;
    }
    w->m = c->m;
    w->sel = *s;
    s->labels = s->fields = NULL;
    w->rv = rv;
    w->initial = synthetic;
    w->marks_initial = mk_flag(c, "sendInitialEvents") && mk_flag(c, "allowWatchBookmarks");
    w->out = (ir_buf)IR_BUF(IR_API_BODY_MAX);
    set_times(w, c);
    w->ns = ir_strdup(c->kind->namespaced ? c->ns : "");
    if (!w->ns) {
        watch_free(w);
        mk_no_memory(c);
        return;
    }
    c->done = true;
    c->p->status = 200;
    mk_reply_header(c->p, "Content-Type", "application/json");
    mk_reply_header(c->p, "Cache-Control", "no-cache, private");
    c->p->stream = watch_read;
    c->p->stream_free = watch_free;
    c->p->user = w;
}
