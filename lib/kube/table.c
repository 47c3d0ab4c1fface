/* table.c - objects as their cluster prints them: the server knows the columns of every kind, its
 * own and those that others defined. A server that has no words for tables gives the objects, and
 * then there are a name, a phase where the kind has one, and a time. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdlib.h>

#define ACCEPT "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
#define RESTARTS_MAX 3

struct table {
    ir_kube *k;
    ir_json *columns, *rows;
    char *more; /* continue; NULL: the first page, or the last one was read */
    unsigned restarts;
};

/* ---- the server's own ------------------------------------------------------------------------ */

static ir_json *cell_text(const ir_json *cell)
{
    char *text = ir_json_is_string(cell) || ir_json_is_null(cell)
                     ? NULL
                     : ir_json_string(cell, IR_JSON_COMPACT);
    ir_json *j = ir_json_new_string(text                      ? text
                                    : ir_json_is_string(cell) ? ir_json_text(cell)
                                                              : "");
    free(text);
    return j;
}

static ir_json *new_row(const ir_json *object, ir_json *cells)
{
    const char *ns = ir_kube_meta(object, "namespace"), *name = ir_kube_meta(object, "name");
    ir_json *row = ir_json_pack("{s:o, s:s}", "cells", cells, "name", name ? name : "");
    if (!row || !ir_json_puts(row, "namespace", ns))
        return row;
    ir_json_free(row);
    return NULL;
}

static int take_table(struct table *t, const ir_json *doc)
{
    const ir_json *columns = ir_json_get(doc, "columnDefinitions"),
                  *rows = ir_json_get(doc, "rows");
    int bad = 0;
    for (size_t i = 0; !ir_json_len(t->rows) && i < ir_json_len(columns) && !bad; i++) {
        const ir_json *c = ir_json_at(columns, i);
        const char *name = ir_json_str(c, "name");
        if (ir_json_len(t->columns) < ir_json_len(columns))
            bad = ir_json_append(t->columns,
                                 ir_json_pack("{s:s, s:I}", "name", name ? name : "", "priority",
                                              (long long)ir_json_int(c, "priority", 0)));
    }
    for (size_t i = 0; i < ir_json_len(rows) && !bad; i++) {
        const ir_json *from = ir_json_get(ir_json_at(rows, i), "cells");
        ir_json *cells = ir_json_new_array();
        for (size_t j = 0; j < ir_json_len(from); j++)
            bad |= ir_json_append(cells, cell_text(ir_json_at(from, j)));
        bad |= ir_json_append(t->rows, new_row(ir_json_get(ir_json_at(rows, i), "object"), cells));
    }
    return bad;
}

/* ---- of objects ------------------------------------------------------------------------------ */

static bool any_phase(const ir_json *items)
{
    for (size_t i = 0; i < ir_json_len(items); i++)
        if (ir_json_str(ir_json_get(ir_json_at(items, i), "status"), "phase"))
            return true;
    return false;
}

static int add_object(struct table *t, const ir_json *object, bool phase)
{
    const char *name = ir_kube_meta(object, "name");
    const char *born = ir_kube_meta(object, "creationTimestamp");
    const char *is = ir_json_str(ir_json_get(object, "status"), "phase");
    ir_json *cells = ir_json_new_array();
    int bad = ir_json_append(cells, ir_json_new_string(name ? name : ""));
    if (phase)
        bad |= ir_json_append(cells, ir_json_new_string(is ? is : ""));
    bad |= ir_json_append(cells, ir_json_new_string(born ? born : ""));
    return bad | ir_json_append(t->rows, new_row(object, cells));
}

static int take_objects(struct table *t, ir_json *doc)
{
    IR_AUTO(ir_json_p) one = ir_json_pack("[O]", doc);
    const ir_json *items = ir_json_get(doc, "items");
    items = ir_json_is_array(items) ? items : one;
    bool phase = ir_json_len(t->columns) ? ir_json_len(t->columns) == 3 : any_phase(items);
    int bad = !one;
    if (!ir_json_len(t->columns)) {
        static const char *const names[] = {"Name", "Status", "Created"};
        for (size_t i = 0; i < 3; i++)
            if (i != 1 || phase)
                bad |= ir_json_append(t->columns,
                                      ir_json_pack("{s:s, s:i}", "name", names[i], "priority", 0));
    }
    for (size_t i = 0; i < ir_json_len(items) && !bad; i++)
        bad = add_object(t, ir_json_at(items, i), phase);
    return bad;
}

/* ---- page by page ---------------------------------------------------------------------------- */

static int take_page(struct table *t, const ir_reply *reply, imgrel_error *err)
{
    ir_json *doc = NULL;
    int rc = ir_kube_body(t->k, reply, &doc, err);
    const char *more = ir_kube_meta(doc, "continue");
    free(t->more);
    t->more = more && *more ? ir_strdup(more) : NULL;
    if (!rc && ((ir_streq(ir_json_str(doc, "kind"), "Table") ? take_table(t, doc)
                                                             : take_objects(t, doc)) ||
                (more && *more && !t->more)))
        rc = ir_nomem(err);
    ir_json_free(doc);
    return rc;
}

/* The list grew too old half-way: all of it again. */
static int start_again(struct table *t, imgrel_error *err)
{
    ir_json_free(t->rows);
    free(t->more);
    t->more = NULL;
    t->rows = ir_json_new_array();
    t->restarts++;
    return t->rows ? 1 : ir_nomem(err);
}

/* 1: there is more, 0: that was all. */
static int fetch(const ir_call *call, struct table *t, const char *path, imgrel_error *err)
{
    ir_buf full = IR_BUF(IR_URL_MAX);
    ir_request req = {.accept = ACCEPT};
    ir_reply reply = {0};
    ir_buf_adds(&full, path);
    if (t->more)
        ir_url_add_query(&full, "continue", t->more);
    int rc = ir_buf_check(&full, err, "list");
    if (!rc)
        rc = ir_kube_do(call, t->k, &req, ir_buf_str(&full), &reply, err);
    if (!rc && reply.status == 410 && t->more && t->restarts < RESTARTS_MAX)
        rc = start_again(t, err);
    else if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(t->k, &req, ir_buf_str(&full), &reply, err);
    else if (!rc && !(rc = take_page(t, &reply, err)))
        rc = t->more != NULL;
    ir_reply_free(&reply);
    ir_buf_free(&full);
    return rc;
}

static int table_path(const ir_call *call, ir_kube *k, const char *ns, const char *what,
                      const char *selector, ir_buf *out, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    if (strchr(what, '/'))
        return ir_kube_object_path(call, k, ns, what, out, err);
    int rc = ir_kube_kind_find(call, k, what, &kind, err);
    if (!rc)
        rc = ir_kube_path(k, kind, ns, NULL, out, err);
    ir_buf_adds(out, "?limit=500");
    if (selector && *selector)
        ir_url_add_query(out, "labelSelector", selector);
    return rc ? rc : ir_buf_check(out, err, "list");
}

int ir_kube_table(const ir_call *call, ir_kube *k, const char *ns, const char *what,
                  const char *selector, ir_json **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    struct table t = {.k = k, .columns = ir_json_new_array(), .rows = ir_json_new_array()};
    int rc = table_path(call, k, ns, what, selector, &path, err);
    size_t pages = 0;
    *ret = NULL;
    if (!rc)
        rc = 1;
    while (rc == 1)
        rc = ++pages > IR_PAGES_MAX || ir_json_len(t.rows) > IR_WATCH_OBJECTS_MAX
                 ? ir_fail(err, IMGREL_ELIMIT, "%s: a list of %s is too long to print", k->host,
                           what)
                 : fetch(call, &t, ir_buf_str(&path), err);
    if (!rc && !(*ret = ir_json_pack("{s:O, s:O}", "columns", t.columns, "rows", t.rows)))
        rc = ir_nomem(err);
    ir_json_free(t.columns);
    ir_json_free(t.rows);
    free(t.more);
    ir_buf_free(&path);
    return rc;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static ir_json *kind_row(const ir_kube_kind *kind)
{
    return ir_json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", kind->plural, "short", kind->brief,
                        "kind", kind->kind, "version", kind->version, "namespaced",
                        !kind->cluster_wide);
}

int ir_kube_kinds_list(const ir_call *call, ir_kube *k, ir_json **ret, imgrel_error *err)
{
    const ir_kube_kinds *all = NULL;
    *ret = NULL;
    int rc = ir_kube_discover(call, k, false, &all, err);
    if (rc)
        return rc;
    ir_json *rows = ir_json_new_array();
    int bad = !rows;
    for (size_t i = 0; i < all->n && !bad; i++)
        bad = ir_json_append(rows, kind_row(&all->v[i]));
    if (bad) {
        ir_json_free(rows);
        return ir_nomem(err);
    }
    *ret = rows;
    return 0;
}
