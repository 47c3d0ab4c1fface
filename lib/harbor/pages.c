/* pages.c - lists, page by page. Pages are counted from X-Total-Count (Link is decoded once too
 * often to be followed), their size is ours, rows are told apart by id because they move while we
 * read, and the keys of a filter are checked here: Harbor ignores an unknown one and gives all. */
#include "harbor/inside.h"

#include <stdlib.h>

typedef struct kind {
    const char *name, *id;
    int depth; /* parts of the parent: 0 none, 1 project, 2 repository, 3 artifact */
    const char *const *keys;
} kind;

static const char *const project_keys[] = {"name",          "project_id",  "owner_id",
                                           "owner",         "public",      "registry_id",
                                           "creation_time", "update_time", NULL};
static const char *const robot_keys[] = {
    "name", "id", "description", "duration", "disabled", "creation_time", "update_time", NULL};
static const char *const repository_keys[] = {
    "name",       "repository_id", "description", "pull_count",
    "star_count", "creation_time", "update_time", NULL};
static const char *const artifact_keys[] = {
    "id",   "type",   "digest", "media_type", "artifact_type", "size",
    "tags", "labels", "base",   "push_time",  "pull_time",     NULL};
static const char *const tag_keys[] = {"name", "id", "artifact_id", "push_time", "pull_time", NULL};
static const kind kinds[] = {
    {"project", "project_id", 0, project_keys},
    {"robot", "id", 1, robot_keys},
    {"repository", "id", 1, repository_keys},
    {"artifact", "id", 2, artifact_keys},
    {"tag", "id", 3, tag_keys},
};

/* The ids seen so far, open addressing; 0 is an empty place. */
typedef struct id_set {
    int64_t *v;
    size_t n, cap;
} id_set;

struct ir_harbor_pages {
    ir_harbor *h; /* borrowed */
    const kind *kind;
    char *path; /* with its query, without the page */
    char *object;
    const char *level; /* robots: which kind is wanted, whatever Harbor's filter lets through */
    ir_json *page;
    size_t at;
    int64_t n_page, n_rows, total; /* total -1: not said */
    bool done;
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

static int check_key(const kind *k, const char *key, size_t len, imgrel_error *err)
{
    ir_buf all = IR_BUF(1024);

    for (size_t i = 0; k->keys[i]; i++)
        if (strlen(k->keys[i]) == len && !strncmp(k->keys[i], key, len))
            return 0;
    for (size_t i = 0; k->keys[i]; i++)
        ir_buf_addf(&all, "%s%s", i ? ", " : "", k->keys[i]);
    ir_fail(err, IMGREL_EINVAL,
            "a %s cannot be filtered by \"%.*s\": Harbor would ignore it and "
            "give all",
            k->name, (int)(len < 60 ? len : 60), key);
    ir_cure(err, "keys are %s", ir_buf_str(&all));
    ir_buf_free(&all);
    return IMGREL_EINVAL;
}

/* "key=value,key=value"; a value cannot hold a comma. */
static int check_query(const kind *k, const char *query, imgrel_error *err)
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

/* "project/repository@digest" or ":tag" in parts; 0, or EINVAL when the parts are not the kind's.
 */
static int split_parent(const kind *k, const char *parent, char **project, char **repository,
                        char **reference, imgrel_error *err)
{
    static const char *const forms[] = {"", "PROJECT", "PROJECT/REPOSITORY",
                                        "PROJECT/REPOSITORY:TAG or @DIGEST"};
    const char *slash = strchr(parent, '/'), *end = parent + strlen(parent), *ref = NULL;

    if (slash && (ref = strchr(slash, '@')) == NULL)
        ref = strrchr(slash, ':');
    if ((k->depth > 1) != !!slash || (k->depth > 2) != !!ref || (slash && !slash[1]) ||
        (ref && (!ref[1] || ref == slash + 1)))
        return ir_fail(err, IMGREL_EINVAL, "a list of kind %s belongs to %s, not to \"%.80s\"",
                       k->name, forms[k->depth], parent);
    *project = ir_strndup(parent, (size_t)((slash ? slash : end) - parent));
    *repository = slash ? ir_strndup(slash + 1, (size_t)((ref ? ref : end) - slash - 1)) : NULL;
    *reference = ref ? ir_strdup(ref + 1) : NULL;
    return *project && (!slash || *repository) && (!ref || *reference) ? 0 : ir_nomem(err);
}

static int robot_path(const ir_call *call, ir_harbor *h, const char *project, const char *query,
                      ir_harbor_pages *p, ir_buf *path, imgrel_error *err)
{
    ir_buf q = IR_BUF(IR_URL_MAX);
    int64_t id = 0;
    int rc = project ? ir_harbor_project_id(call, h, project, &id, err) : 0;

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

static int make_path(const ir_call *call, ir_harbor *h, const char *parent, const char *query,
                     ir_harbor_pages *p, imgrel_error *err)
{
    char *project = NULL, *repository = NULL, *reference = NULL, *base = NULL;
    ir_buf path = IR_BUF(IR_URL_MAX);
    int rc = parent ? split_parent(p->kind, parent, &project, &repository, &reference, err) : 0;

    if (!rc && project)
        rc = ir_harbor_name_check("project", project, err);
    /* With a wrong password what is public would come back, and 200. */
    if (rc || (rc = ir_harbor_prove(call, h, err)))
        goto out;
    if (ir_streq(p->kind->name, "robot")) {
        rc = robot_path(call, h, project, query, p, &path, err);
    } else {
        base = project ? ir_harbor_path(project, repository ? repository : "", reference) : NULL;
        ir_buf_adds(&path, base ? base : "/projects");
        ir_buf_adds(&path, reference ? "/tags" : repository ? "/artifacts" : "");
        if (query && *query)
            ir_harbor_add_q(&path, query);
    }
    ir_buf_addf(&path, "%spage_size=%d", strchr(ir_buf_str(&path), '?') ? "&" : "?",
                IR_HARBOR_PAGE_SIZE);
    if (!rc)
        rc = ir_buf_check(&path, err, "filter");
    p->path = rc ? NULL : ir_buf_take(&path);
    p->object = parent ? ir_format("%s list of %s", p->kind->name, parent)
                       : ir_format("%s list", p->kind->name);
    if (!rc && (!p->path || !p->object))
        rc = ir_nomem(err);
out:
    ir_buf_free(&path);
    free(project);
    free(repository);
    free(reference);
    free(base);
    return rc;
}

static const kind *find_kind(const char *name, imgrel_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ir_streq(kinds[i].name, name))
            return &kinds[i];
    ir_fail(err, IMGREL_EINVAL, "kind \"%.40s\" cannot be listed", name ? name : "");
    ir_cure(err, "kinds are project, robot, repository, artifact, tag");
    return NULL;
}

int ir_harbor_list(const ir_call *call, ir_harbor *h, const char *kind_name, const char *parent,
                   const char *query, ir_harbor_pages **ret, imgrel_error *err)
{
    const kind *k = find_kind(kind_name, err);
    ir_harbor_pages *p = NULL;
    int rc = 0;

    *ret = NULL;
    if (!k)
        return IMGREL_EINVAL;
    if (k->depth ? k->depth > 1 && !parent : !!parent)
        return ir_fail(err, IMGREL_EINVAL, "a list of kind %s %s a parent", k->name,
                       parent ? "has no" : "needs");
    if (ir_streq(k->name, "repository") && !parent)
        return ir_fail(err, IMGREL_EINVAL, "a list of repositories needs a project");
    if ((rc = check_query(k, query, err)))
        return rc;
    p = calloc(1, sizeof *p);
    if (!p)
        return ir_nomem(err);
    p->h = h;
    p->kind = k;
    p->total = -1;
    rc = make_path(call, h, parent, query, p, err);
    if (rc)
        ir_harbor_pages_free(p);
    else
        *ret = p;
    return rc;
}

/* Drops what was seen or is of another level from the page; ret_new: what is left. */
static int sift(ir_harbor_pages *p, ir_json *page, imgrel_error *err)
{
    bool repeated = ir_json_len(page) > 0;
    int rc = 0;

    p->page = ir_json_new_array();
    for (size_t i = 0; p->page && i < ir_json_len(page); i++) {
        ir_json *item = ir_json_at(page, i);
        rc = add_id(&p->seen, ir_json_int(item, p->kind->id, 0), err);
        if (rc < 0)
            return rc;
        repeated = repeated && rc == 0;
        if (rc && (!p->level || ir_streq(ir_json_str(item, "level"), p->level)) &&
            ir_json_append(p->page, ir_json_ref(item)))
            return ir_nomem(err);
    }
    /* Rows move by a few, not by a page: somebody does not understand page=. */
    if (repeated && ir_json_len(page) >= IR_HARBOR_PAGE_SIZE)
        return ir_fail(err, IMGREL_EPROTO, "%s: %s: page %lld is one that came before", p->h->host,
                       p->object, (long long)p->n_page);
    return p->page ? 0 : ir_nomem(err);
}

static void count_rows(ir_harbor_pages *p, const ir_reply *reply, size_t n)
{
    const char *total = ir_reply_header(reply, "x-total-count", 0);
    unsigned long long v = 0;

    if (total && ir_parse_u64(total, INT64_MAX, &v))
        p->total = (int64_t)v;
    p->n_rows += (int64_t)n;
    p->done = !n || (p->total >= 0 ? p->n_rows >= p->total : n < IR_HARBOR_PAGE_SIZE);
}

static int fetch(const ir_call *call, ir_harbor_pages *p, imgrel_error *err)
{
    char *path = ir_format("%s&page=%lld", p->path, (long long)++p->n_page);
    const ir_harbor_ask ask = {.path = path, .object = p->object, .by_name = true};
    ir_reply reply = {0};
    ir_json *page = NULL;
    int rc = path ? 0 : ir_nomem(err);

    if (!rc && p->n_page > IR_PAGES_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: %s: more than %d pages", p->h->host, p->object,
                     IR_PAGES_MAX);
    if (rc || (rc = ir_harbor_send(call, p->h, &ask, &reply, err)) ||
        (rc = ir_json_parse(reply.body.p, reply.body.len, p->h->host, &page, err)))
        goto out;
    if (!ir_json_is_array(page))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: %s: the answer is no list", p->h->host, p->object);
    else
        rc = sift(p, page, err);
    count_rows(p, &reply, ir_json_len(page));
out:
    ir_json_free(page);
    ir_reply_free(&reply);
    free(path);
    return rc;
}

int ir_harbor_pages_next(const ir_call *call, ir_harbor_pages *p, ir_json **ret, imgrel_error *err)
{
    int rc = 0;

    *ret = NULL;
    while (p->at >= ir_json_len(p->page)) {
        if (p->done)
            return 0;
        ir_json_free(p->page);
        p->page = NULL;
        p->at = 0;
        if ((rc = fetch(call, p, err)))
            return rc;
    }
    *ret = ir_json_ref(ir_json_at(p->page, p->at++));
    return 1;
}

void ir_harbor_pages_free(ir_harbor_pages *p)
{
    if (!p)
        return;
    free(p->path);
    free(p->object);
    ir_json_free(p->page);
    free(p->seen.v);
    free(p);
}
