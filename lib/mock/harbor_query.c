/* harbor_query.c - lists by q, sort, page and page_size as Harbor makes them: unknown keys ignored,
 * and Link headers whose query is decoded. */
#include "mock/harbor.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the parameters -------------------------------------------------------------------------- */

static bool read_number(mk_call *c, const char *name, int64_t dflt, int64_t *ret)
{
    unsigned long long n = 0;
    char *text = mk_query(c->r, name);
    bool minus = text && *text == '-';
    *ret = dflt;
    if (!text || !*text) {
        free(text);
        return true;
    }
    bool ok = ir_parse_u64(text + minus, INT64_MAX, &n);
    if (!ok)
        mk_error_binding(c, "%s in query must be of type int64: \"%s\"", name, text);
    *ret = minus ? -(int64_t)n : (int64_t)n;
    free(text);
    return ok;
}

bool mk_filter_read(mk_call *c, mk_filter *f)
{
    char why[256];
    *f = (mk_filter){0};
    if (!read_number(c, "page", 1, &f->page) || !read_number(c, "page_size", 10, &f->page_size))
        return false;
    if (f->page_size > 100) {
        mk_error_binding(c, "page_size in query should be less than or equal to 100");
        return false;
    }
    char *q = mk_query(c->r, "q"), *sort = mk_query(c->r, "sort");
    bool ok = !q || !*q || mk_filter_parse(f, q, why);
    if (!ok)
        mk_error_bad(c, "%s", why);
    if (sort && ir_strv_split(&f->sort, sort, ','))
        ok = false;
    free(q);
    free(sort);
    return ok;
}

/* ---- matching -------------------------------------------------------------------------------- */

static const char *column_of(const mk_column *columns, const char *key)
{
    size_t len = strlen(key);
    for (const mk_column *col = columns; col->names; col++)
        for (const char *p = col->names; *p; p += strspn(p, ",")) {
            size_t n = strcspn(p, ",");
            if (n == len && !memcmp(p, key, n))
                return col->member;
            p += n;
        }
    return NULL;
}

static const char *value_text(const ir_json *v, char ret[32])
{
    const char *text = ir_json_text(v);
    if (text)
        return text;
    int64_t n = ir_json_number(v, 0);
    if (n || ir_json_number(v, 1) == 0)
        snprintf(ret, 32, "%lld", (long long)n);
    else { /* a bool, or nothing: the value as a member of its own answers */
        ir_json *box = ir_json_new_object();
        ir_json_put(box, "b", ir_json_ref((ir_json *)(uintptr_t)v));
        snprintf(ret, 32, "%s", ir_json_bool(box, "b", false) ? "true" : "false");
        ir_json_free(box);
    }
    return ret;
}

static int compare_text(const char *a, const char *b)
{
    unsigned long long x, y;
    if (ir_parse_u64(a, INT64_MAX, &x) && ir_parse_u64(b, INT64_MAX, &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}

static bool term_fits(const mk_term *t, const char *value)
{
    const ir_strv *v = &t->values;
    switch (t->op) {
    case MK_EQUAL:
        return ir_streq(v->v[0], value);
    case MK_LIKE:
        return strcasestr(value, v->v[0]) != NULL;
    case MK_RANGE:
        return (!*v->v[0] || compare_text(value, v->v[0]) >= 0) &&
               (!*v->v[1] || compare_text(value, v->v[1]) <= 0);
    case MK_ANY:
        return !v->n || ir_strv_has(v, value);
    default:
        return true; /* an AND list means nothing on a plain column */
    }
}

static bool fits(const mk_filter *f, const mk_column *columns, const ir_json *item)
{
    char text[32];
    for (size_t i = 0; i < f->n; i++) {
        const char *member = column_of(columns, f->term[i].key);
        if (member && !term_fits(&f->term[i], value_text(ir_json_get(item, member), text)))
            return false;
    }
    return true;
}

/* ---- order ----------------------------------------------------------------------------------- */

typedef struct order {
    const char *member[4];
    bool down[4];
    size_t n;
} order;
/* The first key is looked up once an item, not once a comparison. */
typedef struct row {
    ir_json *item;
    const char *text;
    int64_t number;
} row;

static void add_order(order *o, const char *member, bool down)
{
    if (!member || o->n == 4)
        return;
    o->member[o->n] = member;
    o->down[o->n++] = down;
}

static void read_order(order *o, const mk_filter *f, const mk_column *columns, const char *dflt)
{
    for (size_t i = 0; i < f->sort.n; i++) {
        const char *key = f->sort.v[i];
        add_order(o, column_of(columns, key + (*key == '-')), *key == '-');
    }
    if (!o->n)
        add_order(o, dflt + (*dflt == '-'), *dflt == '-');
}

static int compare_values(const ir_json *a, const ir_json *b)
{
    const char *x = ir_json_text(a), *y = ir_json_text(b);
    if (x && y)
        return strcmp(x, y);
    int64_t n = ir_json_number(a, 0), k = ir_json_number(b, 0);
    return (n > k) - (n < k);
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
    const row *a = pa, *b = pb;
    const order *o = arg;
    int c = a->text && b->text ? strcmp(a->text, b->text)
                               : (a->number > b->number) - (a->number < b->number);
    if (c)
        return o->down[0] ? -c : c;
    for (size_t i = 1; i < o->n; i++) {
        c = compare_values(ir_json_get(a->item, o->member[i]), ir_json_get(b->item, o->member[i]));
        if (c)
            return o->down[i] ? -c : c;
    }
    return 0;
}

/* ---- pages ----------------------------------------------------------------------------------- */

typedef struct pair {
    char *name, *value;
} pair;

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const pair *)a)->name, ((const pair *)b)->name);
}

/* Go's sorted query with page and page_size set, and then decoded: '&' and blanks stand bare. */
static void add_link(mk_call *c, ir_buf *out, int64_t page, int64_t size, const char *rel)
{
    pair v[32] = {0};
    size_t n = 0;
    for (size_t i = 0; n < 30 && mk_query_at(c->r, i, &v[n].name, &v[n].value); i++) {
        if (v[n].name && v[n].value && !ir_streq(v[n].name, "page") &&
            !ir_streq(v[n].name, "page_size"))
            n++;
        else {
            free(v[n].name);
            free(v[n].value);
        }
    }
    v[n++] = (pair){ir_strdup("page"), ir_format("%lld", (long long)page)};
    v[n++] = (pair){ir_strdup("page_size"), ir_format("%lld", (long long)size)};
    qsort(v, n, sizeof *v, compare_pairs);
    ir_buf_addf(out, "%s<%s", out->len ? " , " : "", c->r->raw_path);
    for (size_t i = 0; i < n; i++) {
        ir_buf_addf(out, "%c%s=%s", i ? '&' : '?', v[i].name, v[i].value);
        free(v[i].name);
        free(v[i].value);
    }
    ir_buf_addf(out, ">; rel=\"%s\"", rel);
}

static void add_links(mk_call *c, const mk_filter *f, int64_t total)
{
    ir_buf link = IR_BUF(IR_HEADERS_MAX);
    if (f->page_size && f->page > 1 && (f->page - 1) * f->page_size < total)
        add_link(c, &link, f->page - 1, f->page_size, "prev");
    if (f->page_size && f->page_size * f->page < total)
        add_link(c, &link, f->page + 1, f->page_size, "next");
    if (link.len)
        mk_reply_header(c->p, "Link", "%s", ir_buf_str(&link));
    ir_buf_free(&link);
}

static size_t fill_rows(row *rows, const order *o, const mk_filter *f, const mk_column *columns,
                        const ir_json *all)
{
    size_t n = 0;
    for (size_t i = 0; i < ir_json_len(all); i++) {
        ir_json *item = ir_json_at(all, i);
        if (!fits(f, columns, item))
            continue;
        const ir_json *key = ir_json_get(item, o->member[0]);
        rows[n++] = (row){item, ir_json_text(key), ir_json_number(key, 0)};
    }
    return n;
}

/* What was made in the order of its names needs no sort: page after page of many rows. */
static bool in_order(const row *rows, size_t n, order *o)
{
    for (size_t i = 1; i < n; i++)
        if (compare_rows(&rows[i - 1], &rows[i], o) > 0)
            return false;
    return true;
}

void mk_filter_answer(mk_call *c, const mk_filter *f, const mk_column *columns, const char *dflt,
                      ir_json *all, mk_render_fn *render)
{
    order o = {0};
    row *rows = calloc(ir_json_len(all) + 1, sizeof *rows);
    ir_json *items = ir_json_new_array();
    read_order(&o, f, columns, dflt);
    size_t n = rows ? fill_rows(rows, &o, f, columns, all) : 0;
    if (rows && !in_order(rows, n, &o))
        qsort_r(rows, n, sizeof *rows, compare_rows, &o);
    size_t first = 0, last = n;
    if (f->page_size > 0) {
        size_t size = (size_t)f->page_size, page = f->page > 1 ? (size_t)f->page - 1 : 0;
        first = page > n ? n : page * size;
        last = first + size;
    }
    for (size_t i = first; i < n && i < last; i++)
        ir_json_append(items, render(c, rows[i].item));
    add_links(c, f, (int64_t)n);
    mk_list_reply(c, (int64_t)n, items);
    free(rows);
    ir_json_free(all);
}
