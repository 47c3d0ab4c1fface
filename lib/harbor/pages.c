/* pages.c - lists, page by page. Pages are counted here (Link is decoded once too often to be
 * followed) and their size is ours. Rows move while we read: what is deleted pulls the rest up, and
 * an unlucky reader misses a row. So every page overlaps the one before by at least a row, which
 * must come again; if it does not, reading starts anew, and rows are told apart by id. The keys of
 * a filter are checked here: Harbor ignores an unknown one and gives all. */
#include "harbor/kind.h"

#include <stdlib.h>

#define RESTARTS_MAX 20

/* The ids seen so far, open addressing; 0 is an empty place. */
typedef struct id_set {
    int64_t *v;
    size_t n, cap;
} id_set;

struct ir_harbor_pages {
    ir_harbor *h; /* borrowed */
    ir_harbor_place place;
    char *path; /* with its query, without the page */
    char *object;
    const char *level; /* robots: which kind is wanted, whatever Harbor's filter lets through */
    ir_json *page;
    size_t at;
    int64_t n_read;        /* rows before the next one in Harbor's order */
    int64_t total;         /* -1: not said */
    int64_t first, anchor; /* ids of the first row of all and of the last one read */
    int n_pages, restarts;
    bool done, any;
    id_set seen;
};

static size_t slot(const id_set *s, int64_t id)
{
    size_t i = (size_t)((uint64_t)id * 0x9E3779B97F4A7C15u) & (s->cap - 1);

    while (s->v[i] && s->v[i] != id)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static bool grow(id_set *s)
{
    id_set bigger = {.cap = s->cap ? s->cap * 2 : 256};

    bigger.v = calloc(bigger.cap, sizeof *bigger.v);
    if (!bigger.v)
        return false;
    for (size_t i = 0; i < s->cap; i++)
        if (s->v[i])
            bigger.v[slot(&bigger, s->v[i])] = s->v[i];
    bigger.n = s->n;
    free(s->v);
    *s = bigger;
    return true;
}

/* 1 it is new, 0 it was there, or ENOMEM. What has no id is always new. */
static int add_id(id_set *s, int64_t id, imgrel_error *err)
{
    size_t i = 0;

    if (!id)
        return 1;
    if (s->n * 2 >= s->cap && !grow(s))
        return ir_nomem(err);
    i = slot(s, id);
    if (s->v[i])
        return 0;
    s->v[i] = id;
    s->n++;
    return 1;
}

/* A row's id as a number; of a text a hash; 0: it has none. */
static int64_t id_of(const ir_harbor_pages *p, const ir_json *row)
{
    const char *member = p->place.kind->id;
    const char *text = member ? ir_json_str(row, member) : NULL;
    uint64_t hash = 0xCBF29CE484222325u;

    if (!text)
        return member ? ir_json_int(row, member, 0) : 0;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash ? (int64_t)hash : 1;
}

/* ---- filters ---- */

void ir_harbor_add_q(ir_buf *path, const char *expression)
{
    ir_buf once = IR_BUF(IR_URL_MAX);

    ir_url_encode(&once, expression);
    ir_buf_adds(path, strchr(ir_buf_str(path), '?') ? "&q=" : "?q=");
    ir_url_encode(path, ir_buf_str(&once));
    if (once.bad)
        path->bad = once.bad;
    ir_buf_free(&once);
}

static int check_key(const ir_harbor_kind *k, const char *key, size_t len, imgrel_error *err)
{
    for (const char *p = k->keys; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strcspn(p, ",") == len && !strncmp(p, key, len))
            return 0;
    ir_fail(err, IMGREL_EINVAL,
            "a %s cannot be filtered by \"%.*s\": Harbor would ignore it and "
            "give all",
            k->name, (int)(len < 60 ? len : 60), key);
    ir_cure(err, "%s%s", k->keys ? "keys are " : "list them without a filter",
            k->keys ? k->keys : "");
    return IMGREL_EINVAL;
}

/* "key=value,key=value"; a value cannot hold a comma. */
static int check_query(const ir_harbor_kind *k, const char *query, imgrel_error *err)
{
    int rc = 0;

    while (query && *query && !rc) {
        size_t len = strcspn(query, ","), key = strcspn(query, "=");

        if (key >= len || key + 1 >= len || query[key + 1] == '=' ||
            (query[key + 1] == '~' && key + 2 >= len))
            return ir_fail(err, IMGREL_EINVAL, "filter \"%.*s\" is not key=value",
                           (int)(len < 60 ? len : 60), query);
        rc = check_key(k, query, key, err);
        query += len;
        query += *query == ',';
    }
    return rc;
}

/* ---- the path ---- */

static int robot_path(const ir_call *call, const char *query, ir_harbor_pages *p, ir_buf *path,
                      imgrel_error *err)
{
    const char *project = p->place.project;
    ir_buf q = IR_BUF(IR_URL_MAX);
    int64_t id = 0;
    int rc = project ? ir_harbor_project_id(call, p->h, project, &id, err) : 0;

    p->level = project ? "project" : "system";
    ir_buf_adds(path, "/robots");
    /* Keys as they must be spelt; without them the list is of system robots. */
    if (project)
        ir_buf_addf(&q, "Level=project,ProjectID=%lld", (long long)id);
    if (query && *query)
        ir_buf_addf(&q, "%s%s", q.len ? "," : "", query);
    if (q.len)
        ir_harbor_add_q(path, ir_buf_str(&q));
    ir_buf_free(&q);
    return rc;
}

/* Any list: its path is the kind's name. */
static const ir_harbor_kind any_kind = {.name = "row", .id = "id", .can = IR_CAN_LIST};

static int make_path(const ir_call *call, const char *query, ir_harbor_pages *p, imgrel_error *err)
{
    const ir_harbor_kind *k = p->place.kind;
    bool all = k->all && !p->place.project;
    ir_buf path = IR_BUF(IR_URL_MAX);
    int rc = 0;

    /* With a wrong password what is public would come back, and 200. */
    if ((rc = ir_harbor_prove(call, p->h, err)) ||
        (rc = ir_harbor_place_own(call, p->h, &p->place, err)))
        return rc;
    if (ir_streq(k->name, "robot")) {
        rc = robot_path(call, query, p, &path, err);
    } else {
        rc = ir_harbor_place_path(call, p->h, &p->place, all ? k->all : k->list, &path, err);
        if (query && *query)
            ir_harbor_add_q(&path, query);
    }
    ir_buf_addc(&path, strchr(ir_buf_str(&path), '?') ? '&' : '?');
    if (!rc)
        rc = ir_buf_check(&path, err, "filter");
    p->path = rc ? NULL : ir_buf_take(&path);
    if (!rc && !p->path)
        rc = ir_nomem(err);
    ir_buf_free(&path);
    return rc;
}

static int take_path(const ir_call *call, const char *path, ir_harbor_pages *p, imgrel_error *err)
{
    int rc = ir_harbor_path_check(path, err);

    if (!rc && (strstr(path, "page=") || strstr(path, "page_size=")))
        rc = ir_fail(err, IMGREL_EINVAL, "%s: pages are counted here: leave page out", path);
    if (!rc)
        rc = ir_harbor_prove(call, p->h, err);
    if (!rc && !(p->path = ir_format("%s%c", path, strchr(path, '?') ? '&' : '?')))
        rc = ir_nomem(err);
    return rc;
}

int ir_harbor_list(const ir_call *call, ir_harbor *h, const char *kind_name, const char *parent,
                   const char *query, ir_harbor_pages **ret, imgrel_error *err)
{
    const ir_harbor_kind *k = NULL;
    ir_harbor_pages *p = NULL;
    int rc = 0;

    *ret = NULL;
    if (kind_name && *kind_name == '/')
        k = &any_kind;
    else if ((rc = ir_harbor_kind_find(call, h, kind_name, &k, err)))
        return rc;
    p = calloc(1, sizeof *p);
    if (!p)
        return ir_nomem(err);
    p->h = h;
    p->total = -1;
    if ((rc = ir_harbor_place_list(k, parent, &p->place, err)) || (rc = check_query(k, query, err)))
        goto out;
    p->object = parent ? ir_format("%s list of %s", k->name, parent)
                       : ir_format("%s list", k == &any_kind ? kind_name : k->name);
    rc = !p->object       ? ir_nomem(err)
         : k == &any_kind ? take_path(call, kind_name, p, err)
                          : make_path(call, query, p, err);
out:
    if (rc)
        ir_harbor_pages_free(p);
    else
        *ret = p;
    return rc;
}

/* ---- one page ---- */

/* The size and number of the page that begins at the last row read or before it, and brings most
 * new rows. */
static int64_t choose_page(int64_t n_read, int *ret_size)
{
    int64_t best = -1, number = 1;

    *ret_size = IR_HARBOR_PAGE_SIZE;
    for (int size = IR_HARBOR_PAGE_SIZE; n_read && size > IR_HARBOR_PAGE_SIZE / 2; size--) {
        int64_t before = (n_read - 1) / size, gain = (before + 1) * size - n_read;
        if (gain > best) {
            best = gain;
            number = before + 1;
            *ret_size = size;
        }
    }
    return number;
}

/* Rows of the page that were not seen and are of the right level. */
static int sift(ir_harbor_pages *p, const ir_json *page, imgrel_error *err)
{
    int rc = 0;

    p->page = ir_json_new_array();
    for (size_t i = 0; p->page && i < ir_json_len(page); i++) {
        ir_json *row = ir_json_at(page, i);
        rc = add_id(&p->seen, id_of(p, row), err);
        if (rc < 0)
            return rc;
        if (rc && (!p->level || ir_streq(ir_json_str(row, "level"), p->level)) &&
            ir_json_append(p->page, ir_json_ref(row)))
            return ir_nomem(err);
    }
    return p->page ? 0 : ir_nomem(err);
}

/* Whether rows may have slipped by: the row that was the last one is not here again, or further
 * down than what was added since explains. begin: the first row's place in Harbor's order. */
static bool has_moved(const ir_harbor_pages *p, const ir_json *page, int64_t begin, int64_t total)
{
    int64_t at = -1, want = p->n_read - 1 - begin;

    if (!p->n_read || !p->anchor)
        return false;
    for (size_t i = 0; i < ir_json_len(page) && at < 0; i++)
        if (id_of(p, ir_json_at(page, i)) == p->anchor)
            at = (int64_t)i;
    return at < 0 || (at > want && p->total >= 0 && total - p->total < at - want);
}

static int start_anew(ir_harbor_pages *p, const ir_json *page, int size, imgrel_error *err)
{
    /* Rows move by a few, not by a page: somebody does not understand page=. */
    if (p->first && id_of(p, ir_json_at(page, 0)) == p->first && (int)ir_json_len(page) >= size)
        return ir_fail(err, IMGREL_EPROTO, "%s: %s: page %d is one that came before", p->h->host,
                       p->object, p->n_pages);
    if (++p->restarts > RESTARTS_MAX) {
        ir_fail(err, IMGREL_ELIMIT, "%s: %s: it changes faster than it can be read", p->h->host,
                p->object);
        ir_cure(err, "try again when less is going on, or ask for less by a filter");
        return IMGREL_ELIMIT;
    }
    p->n_read = 0;
    p->total = -1;
    return 0;
}

static int take_page(ir_harbor_pages *p, const ir_json *page, int64_t begin, int size,
                     int64_t total, imgrel_error *err)
{
    size_t n = ir_json_len(page);
    int64_t last = n ? id_of(p, ir_json_at(page, n - 1)) : 0;

    if (has_moved(p, page, begin, total))
        return start_anew(p, page, size, err);
    if (!p->n_read)
        p->first = id_of(p, ir_json_at(page, 0));
    p->any = p->any || n;
    p->n_read = begin + (int64_t)n;
    p->total = total;
    p->anchor = last;
    /* A total may ignore a filter: a page that is not full is the last one. */
    p->done = (int)n < size || (total >= 0 && p->n_read >= total);
    return sift(p, page, err);
}

static int64_t total_of(const ir_reply *reply)
{
    const char *text = ir_reply_header(reply, "x-total-count", 0);
    unsigned long long v = 0;

    return text && ir_parse_u64(text, INT64_MAX, &v) ? (int64_t)v : -1;
}

static int fetch(const ir_call *call, ir_harbor_pages *p, imgrel_error *err)
{
    int size = IR_HARBOR_PAGE_SIZE;
    int64_t number = p->anchor || !p->n_read ? choose_page(p->n_read, &size) : p->n_read / size + 1;
    char *path = ir_format("%spage_size=%d&page=%lld", p->path, size, (long long)number);
    const ir_harbor_ask ask = {
        .path = path, .object = p->object, .by_name = p->place.kind != &any_kind};
    ir_reply reply = {0};
    ir_json *page = NULL;
    int rc = path ? 0 : ir_nomem(err);

    if (!rc && ++p->n_pages > IR_PAGES_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: %s: more than %d pages", p->h->host, p->object,
                     IR_PAGES_MAX);
    if (rc || (rc = ir_harbor_send(call, p->h, &ask, &reply, err)) ||
        (rc = ir_json_parse(reply.body.p, reply.body.len, p->h->host, &page, err)))
        goto out;
    if (!ir_json_is_array(page))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: %s: the answer is no list", p->h->host, p->object);
    else
        rc = take_page(p, page, (number - 1) * size, size, total_of(&reply), err);
out:
    ir_json_free(page);
    ir_reply_free(&reply);
    free(path);
    return rc;
}

/* Harbor lists the artifacts of a repository that does not exist: none, and 200. */
static int check_repository(const ir_call *call, ir_harbor_pages *p, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    char *object = ir_format("repository %s/%s", p->place.project, p->place.repository);
    ir_harbor_ask ask = {.object = object, .by_name = true};
    int rc = object ? ir_harbor_place_path(call, p->h, &p->place, "/projects/{P}/repositories/{R}",
                                           &path, err)
                    : ir_nomem(err);

    ask.path = ir_buf_str(&path);
    if (!rc)
        rc = ir_harbor_send_json(call, p->h, &ask, NULL, err);
    if (rc == IMGREL_ENOTFOUND)
        ir_cure(err, "see imgrel harbor repo list %s", p->place.project);
    ir_buf_free(&path);
    free(object);
    if (rc == IMGREL_EDENIED) { /* may list, may not read: no proof that it is missing */
        ir_error_clear(err);
        rc = 0;
    }
    return rc;
}

int ir_harbor_pages_next(const ir_call *call, ir_harbor_pages *p, ir_json **ret, imgrel_error *err)
{
    const char *kind = p->place.kind->name;
    imgrel_error e = {0};
    int rc = 0;

    *ret = NULL;
    while (p->at >= ir_json_len(p->page)) {
        if (p->done)
            return 0;
        ir_json_free(p->page);
        p->page = NULL;
        p->at = 0;
        rc = fetch(call, p, &e);
        if (!rc && p->done && !p->any && ir_streq(kind, "artifact"))
            rc = check_repository(call, p, &e);
        if (rc && p->place.project)
            rc = ir_harbor_project_truth(call, p->h, p->place.project, rc, &e);
        if (rc) {
            if (err && !err->code)
                *err = e;
            return rc;
        }
    }
    *ret = ir_json_ref(ir_json_at(p->page, p->at++));
    return 1;
}

void ir_harbor_pages_free(ir_harbor_pages *p)
{
    if (!p)
        return;
    ir_harbor_place_free(&p->place);
    free(p->path);
    free(p->object);
    ir_json_free(p->page);
    free(p->seen.v);
    free(p);
}
