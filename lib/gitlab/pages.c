/* pages.c - lists, page by page. GitLab has two ways: offset pages, whose next number is in
 * X-Next-Page (empty: the last one), and keyset pages, whose next one is only in Link. Of a Link
 * the query alone is taken: its host is what GitLab believes that it is called. A list goes by
 * rising id where it can, so that what is added meanwhile comes at its end. */
#include "gitlab/inside.h"
#include "fmt/header.h"

#include <stdlib.h>

struct ir_gitlab_pages {
    ir_gitlab *g; /* borrowed */
    char *path;   /* without its query */
    char *query;  /* of the next page; NULL: there is none */
    char *object;
    bool all; /* the path is below /api/v4 */
    ir_json *page;
    size_t at;
    int n_pages;
};

int ir_gitlab_pages_open(ir_gitlab *g, const char *path, bool all, const char *query,
                         const char *object, ir_gitlab_pages **ret, imgrel_error *err)
{
    const char *mark = strchr(path, '?');
    ir_gitlab_pages *p = calloc(1, sizeof *p);
    *ret = NULL;
    if (!p)
        return ir_nomem(err);
    p->g = g;
    p->all = all;
    p->path = ir_strndup(path, mark ? (size_t)(mark - path) : strlen(path));
    p->query = ir_format("per_page=%d%s%s%s%s", IR_GITLAB_PAGE_SIZE, mark ? "&" : "",
                         mark ? mark + 1 : "", query && *query ? "&" : "", query ? query : "");
    p->object = ir_strdup(object);
    if (p->path && p->query && p->object) {
        *ret = p;
        return 0;
    }
    ir_gitlab_pages_free(p);
    return ir_nomem(err);
}

/* The query with its page replaced. */
static char *with_page(const char *query, const char *number)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_URL_MAX);
    while (*query) {
        size_t n = strcspn(query, "&");
        if (!ir_starts(query, "page=")) {
            ir_buf_adds(&b, b.len ? "&" : "");
            ir_buf_add(&b, query, n);
        }
        query += n + (query[n] == '&');
    }
    ir_buf_addf(&b, "&page=%s", number);
    return ir_buf_take(&b);
}

/* *ret NULL: it was the last page. */
static int next_query(const ir_gitlab_pages *p, const ir_reply *reply, char **ret,
                      imgrel_error *err)
{
    const char *link = ir_reply_header(reply, "link", 0);
    const char *number = ir_reply_header(reply, "x-next-page", 0);
    unsigned long long n = 0;
    char *to = link ? ir_link_next(link) : NULL, *mark = to ? strchr(to, '?') : NULL;
    *ret = NULL;
    if (mark)
        *ret = ir_strdup(mark + 1);
    else if (number && ir_parse_u64(number, IR_PAGES_MAX, &n))
        *ret = with_page(p->query, number);
    free(to);
    if (!*ret)
        return mark || n ? ir_nomem(err) : 0;
    if (!ir_streq(*ret, p->query) && !(*ret)[strcspn(*ret, " #\r\n")])
        return 0;
    free(*ret);
    *ret = NULL;
    return ir_fail(err, IMGREL_EPROTO, "%s: %s: the next page is the same one", p->g->host,
                   p->object);
}

static int fetch(const ir_call *call, ir_gitlab_pages *p, imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    char *path = ir_format("%s?%s", p->path, p->query), *next = NULL;
    const ir_gitlab_ask ask = {.path = path, .object = p->object, .all = p->all};
    int rc = path ? 0 : ir_nomem(err);
    if (!rc && ++p->n_pages > IR_PAGES_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: %s: more than %d pages", p->g->host, p->object,
                     IR_PAGES_MAX);
    if (!rc)
        rc = ir_gitlab_send(call, p->g, &ask, &reply, err);
    if (!rc)
        rc = ir_json_parse(reply.body.p, reply.body.len, p->g->host, &p->page, err);
    if (!rc && !ir_json_is_array(p->page))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: %s: the answer is no list", p->g->host, p->object);
    if (!rc && ir_json_len(p->page))
        rc = next_query(p, &reply, &next, err);
    free(p->query);
    p->query = next;
    free(path);
    return rc;
}

int ir_gitlab_pages_next(const ir_call *call, ir_gitlab_pages *p, ir_json **ret, imgrel_error *err)
{
    *ret = NULL;
    while (p->at >= ir_json_len(p->page)) {
        if (!p->query)
            return 0;
        ir_json_free(p->page);
        p->page = NULL;
        p->at = 0;
        int rc = fetch(call, p, err);
        if (rc)
            return rc;
    }
    *ret = ir_json_ref(ir_json_at(p->page, p->at++));
    return 1;
}

void ir_gitlab_pages_free(ir_gitlab_pages *p)
{
    if (!p)
        return;
    ir_json_free(p->page);
    free(p->path);
    free(p->query);
    free(p->object);
    free(p);
}
