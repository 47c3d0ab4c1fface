/* list.c - lists page by page. A list that grew too old half-way (410 Expired) is taken up by the
 * token that comes with the refusal, or from its start, past what was given out: a server lists in
 * the order of its keys. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdlib.h>

#define PAGE "500"

struct ir_kube_pages {
    const ir_kube_kind *kind;
    ir_buf path; /* without continue */
    char *more;  /* continue; NULL: the first page, or no more when page is there */
    ir_json *items;
    size_t at, n_pages, n_restarts;
    char *last;    /* "namespace/name" given out last */
    char *version; /* of the first page: later ones may be newer, and a watch must miss nothing */
    bool skipping; /* after a restart from the beginning */
};

int ir_kube_pages_open(const ir_call *call, ir_kube *k, const char *ns, const char *kind,
                       const char *label_selector, const char *field_selector, ir_kube_pages **ret,
                       imgrel_error *err)
{
    const ir_kube_kind *found = NULL;
    *ret = NULL;
    int rc = ir_kube_kind_find(call, k, kind, &found, err);
    return rc ? rc : ir_kube_pages_of(k, ns, found, label_selector, field_selector, ret, err);
}

int ir_kube_pages_of(const ir_kube *k, const char *ns, const ir_kube_kind *kind,
                     const char *label_selector, const char *field_selector, ir_kube_pages **ret,
                     imgrel_error *err)
{
    ir_kube_pages *p = calloc(1, sizeof *p);
    *ret = NULL;
    if (!p)
        return ir_nomem(err);
    p->path.max = IR_URL_MAX;
    p->kind = kind;
    int rc = ir_kube_path(k, p->kind, ns, NULL, &p->path, err);
    ir_buf_adds(&p->path, "?limit=" PAGE);
    if (label_selector && *label_selector)
        ir_url_add_query(&p->path, "labelSelector", label_selector);
    if (field_selector && *field_selector)
        ir_url_add_query(&p->path, "fieldSelector", field_selector);
    if (!rc)
        rc = ir_buf_check(&p->path, err, "list");
    if (rc)
        ir_kube_pages_free(p);
    else
        *ret = p;
    return rc;
}

void ir_kube_pages_free(ir_kube_pages *p)
{
    if (!p)
        return;
    ir_buf_free(&p->path);
    ir_json_free(p->items);
    free(p->more);
    free(p->last);
    free(p->version);
    free(p);
}

const char *ir_kube_pages_version(const ir_kube_pages *p)
{
    return p->version;
}

static int take_continue(ir_kube_pages *p, const ir_json *list, imgrel_error *err)
{
    const char *more = ir_kube_meta(list, "continue");
    free(p->more);
    p->more = more && *more ? ir_strdup(more) : NULL;
    return more && *more && !p->more ? ir_nomem(err) : 0;
}

static int restart(ir_kube_pages *p, const ir_reply *reply, imgrel_error *err)
{
    ir_json *status = NULL;
    int rc = ir_json_parse(ir_buf_str(&reply->body), reply->body.len, "list", &status, err);
    if (!rc)
        rc = take_continue(p, status, err);
    p->skipping = !p->more;
    ir_json_free(status);
    return rc;
}

static int take_page(ir_kube_pages *p, ir_kube *k, const ir_reply *reply, imgrel_error *err)
{
    ir_json *list = NULL;
    int rc = ir_kube_body(k, reply, &list, err);
    const ir_json *items = ir_json_get(list, "items");
    if (!rc && !ir_json_is_array(items))
        rc =
            ir_fail(err, IMGREL_EPROTO, "%s: a list of %s without items", k->host, p->kind->plural);
    if (!rc)
        rc = take_continue(p, list, err);
    if (!rc && !p->version)
        p->version = ir_strdup(ir_kube_meta(list, "resourceVersion"));
    if (!rc) {
        ir_json_free(p->items);
        p->items = ir_json_ref((ir_json *)(uintptr_t)items);
        p->at = 0;
    }
    ir_json_free(list);
    return rc;
}

static int fetch(const ir_call *call, ir_kube *k, ir_kube_pages *p, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_request req = {.body_max = IR_API_BODY_MAX};
    ir_reply reply = {0};
    int rc = 0;
    if (++p->n_pages > IR_PAGES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: a list of %s has over %d pages", k->host,
                       p->kind->plural, IR_PAGES_MAX);
    ir_buf_adds(&path, ir_buf_str(&p->path));
    if (p->more)
        ir_url_add_query(&path, "continue", p->more);
    rc = ir_buf_check(&path, err, "list");
    if (!rc)
        rc = ir_kube_do(call, k, &req, ir_buf_str(&path), &reply, err);
    if (!rc && reply.status == 410 && p->n_restarts++ < 3)
        rc = restart(p, &reply, err);
    else if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(k, &req, ir_buf_str(&path), &reply, err);
    else if (!rc)
        rc = take_page(p, k, &reply, err);
    ir_reply_free(&reply);
    ir_buf_free(&path);
    return rc;
}

static char *key_of(const ir_json *item)
{
    const char *ns = ir_kube_meta(item, "namespace"), *name = ir_kube_meta(item, "name");
    return ir_format("%s/%s", ns ? ns : "", name ? name : "");
}

/* Items of a list have no kind of their own; with one they can be used as they are. 1: give it
 * out, 0: it was given out before. */
static int finish_item(ir_kube_pages *p, ir_json *item, imgrel_error *err)
{
    char *key = key_of(item);
    int bad = !key;
    if (key && p->skipping && p->last && strcmp(key, p->last) <= 0) {
        free(key);
        return 0;
    }
    if (!ir_json_get(item, "kind"))
        bad |= ir_json_puts(item, "kind", p->kind->kind);
    if (!ir_json_get(item, "apiVersion"))
        bad |= ir_json_puts(item, "apiVersion", p->kind->version);
    free(p->last);
    p->last = key;
    return bad ? ir_nomem(err) : 1;
}

int ir_kube_pages_next(const ir_call *call, ir_kube *k, ir_kube_pages *p, ir_json **ret,
                       imgrel_error *err)
{
    *ret = NULL;
    for (;;) {
        while (p->at < ir_json_len(p->items)) {
            ir_json *item = ir_json_at(p->items, p->at++);
            int rc = finish_item(p, item, err);
            if (rc == 1)
                *ret = ir_json_ref(item);
            if (rc)
                return rc;
        }
        if (p->items && !p->more)
            return 0;
        ir_json_free(p->items);
        p->items = NULL;
        int rc = fetch(call, k, p, err);
        if (rc)
            return rc;
    }
}

int ir_kube_list(const ir_call *call, ir_kube *k, const char *ns, const char *kind,
                 const char *label_selector, const char *field_selector, ir_kube_item_fn *fn,
                 void *user, imgrel_error *err)
{
    ir_kube_pages *p = NULL;
    int rc = ir_kube_pages_open(call, k, ns, kind, label_selector, field_selector, &p, err);
    while (!rc) {
        ir_json *item = NULL;
        rc = ir_kube_pages_next(call, k, p, &item, err);
        if (rc != 1)
            break;
        rc = fn(user, item, err);
        ir_json_free(item);
    }
    ir_kube_pages_free(p);
    return rc;
}
