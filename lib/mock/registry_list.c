/* registry_list.c - tags and catalog, from Harbor's database: sorted, by pages of n after last,
 * with a Link to the next. */
#include "mock/registry.h"

#include <stdlib.h>

/* n and last of the query; false: answered. */
static bool read_page(mk_request *r, size_t *ret_n, char **ret_last, mk_reply *p)
{
    unsigned long long n = 0;
    char *text = mk_query(r, "n");
    bool ok = !text || ir_parse_u64(text, INT32_MAX, &n);
    if (!ok)
        mk_error(p, 400, "BAD_REQUEST", "the N must be a non-negative integer");
    else if (text && !n)
        n = SIZE_MAX; /* n=0 asks for nothing: told apart from "no n" */
    *ret_n = text && n == SIZE_MAX ? 0 : n ? (size_t)n : SIZE_MAX;
    *ret_last = ok ? mk_query(r, "last") : NULL;
    free(text);
    return ok;
}

static void answer(mk_request *r, ir_json *j, const char *key, ir_strv *names, mk_reply *p)
{
    size_t n;
    char *last = NULL;
    ir_json *page = ir_json_new_array();
    ir_strv_sort(names);
    if (read_page(r, &n, &last, p)) {
        size_t i = 0;
        while (i < names->n && last && strcmp(names->v[i], last) <= 0)
            i++;
        for (; i < names->n && ir_json_len(page) < n; i++)
            ir_json_append(page, ir_json_new_string(names->v[i]));
        if (i < names->n && ir_json_len(page))
            mk_reply_header(p, "Link", "<%s?last=%s&n=%zu>; rel=\"next\"", r->raw_path,
                            names->v[i - 1], n);
        ir_json_put(j, key, ir_json_ref(page));
        mk_reply_json(p, 200, ir_json_ref(j));
    }
    ir_json_free(page);
    ir_json_free(j);
    ir_strv_free(names);
    free(last);
}

static void add_keys(const ir_json *object, ir_strv *names)
{
    for (void *it = ir_json_first(object); it; it = ir_json_next(object, it))
        (void)!ir_strv_add(names, ir_json_key(it));
}

void mk_tags_list(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    ir_strv names = {0};
    if (!ir_streq(r->method, "GET")) {
        mk_v2_error(p, 405, "UNSUPPORTED", "The operation is unsupported.");
        return;
    }
    pthread_mutex_lock(&m->lock);
    const ir_json *repository = mk_repository_find(m->harbor, v->name);
    bool there = repository != NULL;
    add_keys(ir_json_get(repository, "tags"), &names);
    pthread_mutex_unlock(&m->lock);
    if (there)
        answer(r, ir_json_pack("{s:s}", "name", v->name), "tags", &names, p);
    else
        mk_error(p, 404, "NOT_FOUND", "repository %s not found", v->name);
}

/* Repositories without an artifact are not in it. */
void mk_catalog(mk_request *r, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    ir_strv names = {0};
    pthread_mutex_lock(&m->lock);
    const ir_json *all = mk_part(m->harbor, "repositories");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_len(ir_json_get(ir_json_value(it), "artifacts")))
            (void)!ir_strv_add(&names, ir_json_key(it));
    pthread_mutex_unlock(&m->lock);
    answer(r, ir_json_new_object(), "repositories", &names, p);
}
