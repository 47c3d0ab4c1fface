/* kube_list.c - GET: one object, and lists: selectors, pages by limit and continue over a snapshot,
 * and the rules of resourceVersion. Items of a list carry no kind and apiVersion. */
#include "mock/kube.h"

#include "base/base64.h"

#include <stdlib.h>
#include <unistd.h>

void mk_kube_get(mk_kcall *c)
{
    const mk_kind *kind = mk_kind_is_event_view(c->kind) ? mk_kind_named("Event") : c->kind;
    pthread_mutex_lock(&c->m->lock);
    const ir_json *found = mk_store_get(c->k, kind, kind->namespaced ? c->ns : "", c->name);
    if (found)
        mk_give(c, 200, mk_typed(c->kind, found));
    else
        mk_not_found(c, c->kind, c->name);
    pthread_mutex_unlock(&c->m->lock);
}

/* ---- continue tokens ------------------------------------------------------------------------ */

/* rv -1: whatever is now, from start on (the way out of an expired list). */
static char *token_make(int64_t rv, const char *start)
{
    ir_json *j = ir_json_pack("{s:s, s:s}", "v", "meta.k8s.io/v1", "start", start);
    ir_json_put(j, "rv", ir_json_new_int(rv));
    char *text = ir_json_string(j, IR_JSON_COMPACT);
    ir_buf out = IR_BUF(8 * IR_KIB);
    if (text)
        ir_base64_add(&out, text, strlen(text));
    ir_json_free(j);
    free(text);
    return ir_buf_take(&out);
}

static bool token_read(const char *token, int64_t *ret_rv, char **ret_start)
{
    ir_buf text = IR_BUF(8 * IR_KIB);
    ir_json *j = NULL;
    bool ok = ir_base64_decode(token, strlen(token), &text) && text.len &&
              !ir_json_parse(text.p, text.len, "continue", &j, NULL) && ir_json_str(j, "start");
    *ret_rv = ir_json_int(j, "rv", 0);
    *ret_start = ok ? ir_strdup(ir_json_str(j, "start")) : NULL;
    ir_json_free(j);
    ir_buf_free(&text);
    return ok && *ret_start;
}

static char *place(const ir_json *object)
{
    /* A separator below every letter keeps the order of the store. */
    return ir_format("%s\001%s", mk_namespace(object), mk_name(object));
}

/* ---- what is asked -------------------------------------------------------------------------- */

typedef struct listing {
    mk_selector sel;
    char *rv_text, *match, *token, *start;
    int64_t limit, rv; /* rv: of the snapshot; 0: now, -1: now and inconsistent */
    bool exact;
} listing;

static void listing_free(listing *l)
{
    free(l->sel.labels);
    free(l->sel.fields);
    free(l->rv_text);
    free(l->match);
    free(l->token);
    free(l->start);
}

static char *arg_or_null(const mk_kcall *c, const char *name)
{
    char *v = mk_query(c->r, name);
    if (v && !*v) {
        free(v);
        v = NULL;
    }
    return v;
}

static bool read_rv(mk_kcall *c, const char *text, int64_t *ret)
{
    unsigned long long v = 0;
    if (ir_parse_u64(text, INT64_MAX, &v)) {
        *ret = (int64_t)v;
        return true;
    }
    /* The real server has no reason here, and 500. */
    mk_status(c, 500, NULL, NULL,
              "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": "
              "invalid syntax",
              text, text);
    return false;
}

static bool refused_options(mk_kcall *c, const char *field, const char *why)
{
    mk_errors e = {0};
    mk_fielderr(&e, "FieldValueForbidden", field, "%s", why);
    c->kind = NULL;
    return mk_errors_give(c, &e, "ListOptions", "");
}

static bool read_listing(mk_kcall *c, listing *l)
{
    char *bad = NULL, *limit = mk_query(c->r, "limit");
    unsigned long long n = 0;
    l->sel =
        (mk_selector){arg_or_null(c, "labelSelector"), arg_or_null(c, "fieldSelector"), c->kind};
    l->rv_text = arg_or_null(c, "resourceVersion");
    l->match = arg_or_null(c, "resourceVersionMatch");
    l->token = arg_or_null(c, "continue");
    if (limit && ir_parse_u64(limit, 1000000000, &n))
        l->limit = (int64_t)n;
    free(limit);
    if (!mk_selector_check(&l->sel, &bad)) {
        mk_bad_request(c, "%s", bad ? bad : "bad selector");
        free(bad);
        return false;
    }
    if (l->match && !l->rv_text && !mk_flag(c, "sendInitialEvents") && !mk_flag(c, "watch"))
        return !refused_options(c, "resourceVersionMatch",
                                "resourceVersionMatch is forbidden unless resourceVersion is "
                                "provided");
    l->exact = l->match && !strcmp(l->match, "Exact");
    return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void expired(mk_kcall *c, const listing *l)
{
    mk_status(c, 410, "Expired", NULL, "%s",
              l->token ? "The provided continue parameter is too old to display a consistent list "
                         "result. You can start a new list without the continue parameter, or use "
                         "the continue token in this response to retrieve the remainder of the "
                         "results. Continuing with the provided token results in an inconsistent "
                         "list - objects that were created, modified, or deleted between the time "
                         "the first chunk was returned and now may show up in the list."
                       : "The resourceVersion for the provided list is too old.");
    char *again = l->token ? token_make(-1, l->start) : NULL;
    if (again) {
        ir_json *j = NULL;
        if (!ir_json_parse(c->p->body.p, c->p->body.len, "status", &j, NULL)) {
            ir_json_puts(ir_json_get(j, "metadata"), "continue", again);
            ir_buf_clear(&c->p->body);
            mk_dump(c, j, &c->p->body);
        }
        ir_json_free(j);
    }
    free(again);
}

static void too_new(mk_kcall *c, int64_t asked, int64_t now)
{
    ir_json *d =
        ir_json_pack("{s:[{s:s, s:s}], s:i}", "causes", "reason", "ResourceVersionTooLarge",
                     "message", "Too large resource version", "retryAfterSeconds", 1);
    mk_status(c, 504, "Timeout", d, "Timeout: Too large resource version: %lld, current: %lld",
              (long long)asked, (long long)now);
    mk_reply_header(c->p, "Retry-After", "1");
}

/* An item: as it is stored, without kind and apiVersion. */
static ir_json *item_json(const mk_kind *kind, const ir_json *object)
{
    ir_json *j = mk_typed(kind, object);
    ir_json_remove(j, "kind");
    ir_json_remove(j, "apiVersion");
    return j;
}

static bool selected(const listing *l, const ir_json *object)
{
    if (!mk_kind_is_event_view(l->sel.kind))
        return mk_selector_match(&l->sel, object);
    ir_json *view = mk_event_view(object);
    bool yes = mk_selector_match(&l->sel, view);
    ir_json_free(view);
    return yes;
}

static void give_list(mk_kcall *c, const listing *l, const mk_objects *all, int64_t rv)
{
    char api[64], *kind = ir_format("%sList", c->kind->kind),
                  *text = ir_format("%lld", (long long)rv);
    ir_json *items = ir_json_new_array(),
            *meta = ir_json_pack("{s:s}", "resourceVersion", text ? text : "");
    int64_t taken = 0;
    size_t i = 0;
    bool full = false;
    for (; i < all->n; i++) {
        char *at = place(all->v[i]);
        bool before = l->start && at && strcmp(at, l->start) < 0;
        bool yes = at && !before && selected(l, all->v[i]);
        full = yes && l->limit && taken == l->limit;
        if (full) {
            char *token = token_make(rv, at);
            ir_json_puts(meta, "continue", token);
            free(token);
        } else if (yes) {
            ir_json_append(items, item_json(c->kind, all->v[i]));
            taken++;
        }
        free(at);
        if (full)
            break;
    }
    if (full && !l->sel.labels && !l->sel.fields)
        ir_json_put(meta, "remainingItemCount", ir_json_new_int((int64_t)(all->n - i)));
    ir_json *list = ir_json_pack("{s:s, s:s}", "kind", kind ? kind : "", "apiVersion",
                                 mk_kind_api(c->kind, api));
    ir_json_put(list, "metadata", meta);
    ir_json_put(list, "items", items);
    mk_give(c, 200, list);
    free(kind);
    free(text);
}

/* A version that is not reached yet is waited for, 3 seconds. */
static bool wait_for_rv(mk_kcall *c, int64_t rv)
{
    int64_t now = 0;
    for (int i = 0; i < 60; i++) {
        pthread_mutex_lock(&c->m->lock);
        now = c->k->rv;
        bool stop = c->k->stopping;
        pthread_mutex_unlock(&c->m->lock);
        if (now >= rv || stop)
            return true;
        usleep(50000);
    }
    too_new(c, rv, now);
    return false;
}

static bool read_place(mk_kcall *c, listing *l)
{
    if (l->token) {
        if (l->rv_text && strcmp(l->rv_text, "0")) {
            mk_bad_request(c, "specifying resource version is not allowed when using continue");
            return false;
        }
        if (!token_read(l->token, &l->rv, &l->start)) {
            mk_bad_request(c, "continue key is not valid: %s", l->token);
            return false;
        }
        return true;
    }
    int64_t rv = 0;
    if (l->rv_text && !read_rv(c, l->rv_text, &rv))
        return false;
    if (l->rv_text && !rv)
        l->limit = 0; /* served from the cache, which knows no pages */
    if (rv && !wait_for_rv(c, rv))
        return false;
    l->rv = l->exact ? rv : 0;
    return true;
}

static void run_list(mk_kcall *c, listing *l)
{
    if (!read_place(c, l))
        return;
    const mk_kind *kind = mk_kind_is_event_view(c->kind) ? mk_kind_named("Event") : c->kind;
    mk_objects all;
    pthread_mutex_lock(&c->m->lock);
    bool ok = mk_store_list(c->k, kind, kind->namespaced ? c->ns : "", l->rv > 0 ? l->rv : 0, &all);
    if (ok)
        give_list(c, l, &all, l->rv > 0 ? l->rv : c->k->rv);
    else
        expired(c, l);
    mk_objects_free(&all);
    pthread_mutex_unlock(&c->m->lock);
}

void mk_kube_list(mk_kcall *c)
{
    listing l = {0};
    int64_t rv = 0;
    if (read_listing(c, &l)) {
        if (!mk_flag(c, "watch")) {
            run_list(c, &l);
        } else if (!l.rv_text || read_rv(c, l.rv_text, &rv)) {
            mk_kube_watch(c, &l.sel, rv, !rv || mk_flag(c, "sendInitialEvents"));
        }
    }
    listing_free(&l);
}
