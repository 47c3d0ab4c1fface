/* copy_list.c - which images there are to copy: repositories from the catalog, their tags page by
 * page, as the patterns say. Nothing is kept of a list but its page; the highest versions alone
 * need it whole before the first of them is known, of which only they are kept. */
#include "run/copy_many.h"
#include "base/limits.h"
#include "oci/store.h"

#include <stdlib.h>

#define LATEST_MAX 10000

typedef struct best {
    ir_version version;
    char *name;
} best;

struct ir_copy_list {
    const ir_copy_many *m;
    ir_pages *catalog; /* of a registry; NULL: one repository */
    bool begun;
    ir_copy_repo *repo; /* whose tags are being listed; NULL: the next one has to be found */
    ir_pages *tags;
    best *best; /* of its tags, the highest first; NULL: all of them go, as they come */
    size_t n_best, at;
};

int ir_copy_list_new(const ir_copy_many *m, ir_copy_list **ret, imgrel_error *err)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return ir_nomem(err);
    (*ret)->m = m;
    if (m->latest > LATEST_MAX)
        return ir_fail(err, IMGREL_EINVAL, "latest: at most %d", LATEST_MAX);
    return 0;
}

static void forget_tags(ir_copy_list *l)
{
    ir_pages_free(l->tags);
    for (size_t i = 0; i < l->n_best; i++)
        free(l->best[i].name);
    free(l->best);
    l->tags = NULL;
    l->best = NULL;
    l->n_best = l->at = 0;
}

void ir_copy_list_free(ir_copy_list *l)
{
    if (!l)
        return;
    forget_tags(l);
    ir_copy_repo_free(l->repo);
    ir_pages_free(l->catalog);
    free(l);
}

/* ---- a repository --------------------------------------------------------------------------- */

void ir_copy_repo_free(ir_copy_repo *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++) {
        if (r->dst)
            ir_store_free(r->dst[i]);
        ir_ref_free(&r->to[i]);
    }
    ir_store_free(r->src);
    ir_ref_free(&r->from);
    free(r->to);
    free(r->dst);
    free(r->names);
    free(r);
}

/* What the map makes of a repository: the longest of its keys that the name begins with goes. */
static char *mapped(const ir_json *map, const char *repository)
{
    const char *to = NULL;
    size_t longest = 0;
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        size_t len = strlen(ir_json_key(it));
        if (strncmp(repository, ir_json_key(it), len) ||
            (repository[len] && repository[len] != '/') || (to && len < longest))
            continue;
        to = ir_json_text(ir_json_value(it));
        longest = len;
    }
    return to ? ir_format("%s%s", to, repository + longest) : ir_strdup(repository);
}

/* "host" or "host/prefix" or "oci:DIR", and the repository. */
static int place_under(const ir_ref *top, const char *repository, ir_ref *ret, imgrel_error *err)
{
    const char *under = top->repository;
    char *text =
        top->transport == IR_REGISTRY
            ? ir_format("%s/%s%s%s", top->host, under ? under : "", under ? "/" : "", repository)
            : ir_format("oci:%s/%s", top->path, repository);
    int rc = text ? ir_ref_parse(text, ret, err) : ir_nomem(err);
    if (!rc && ir_ref_set(ret, NULL, NULL) < 0)
        rc = ir_nomem(err);
    free(text);
    return rc;
}

static int target(const ir_copy_many *m, const ir_ref *top, const char *repository, ir_ref *ret,
                  imgrel_error *err)
{
    if (!repository)
        return ir_ref_copy(top, ret) ? ir_nomem(err) : 0;
    char *name = mapped(m->map, repository);
    int rc = name ? place_under(top, name, ret, err) : ir_nomem(err);
    free(name);
    return rc;
}

static int open_target(const ir_call *call, const ir_copy_many *m, ir_copy_repo *r, size_t i,
                       imgrel_error *err)
{
    imgrel_error e = {0};
    unsigned flags = IR_DRY_RUN(call) ? IR_STORE_READ : IR_STORE_WRITE;
    if (m->prune && !IR_DRY_RUN(call))
        flags |= IR_STORE_DELETE;
    int rc = ir_store_open(call, &r->to[i], flags, &r->dst[i], &e);
    if (rc == IMGREL_ENOTFOUND && IR_DRY_RUN(call))
        return 0; /* it would be made */
    if (rc < 0 && err && !err->code)
        *err = e;
    bool near = r->from.transport == IR_REGISTRY && ir_streq(r->from.host, r->to[i].host) &&
                r->to[i].transport == IR_REGISTRY;
    if (!rc && near && ir_store_mounts_from(r->dst[i], r->from.repository) < 0)
        rc = ir_nomem(err);
    return rc;
}

/* repository NULL: the one that m names. */
static int repo_open(const ir_call *call, const ir_copy_many *m, const char *repository,
                     ir_copy_repo **ret, imgrel_error *err)
{
    ir_copy_repo *r = calloc(1, sizeof *r);
    *ret = r;
    if (!r)
        return ir_nomem(err);
    r->users = 1;
    r->to = calloc(m->n_to + 1, sizeof *r->to);
    r->dst = calloc(m->n_to + 1, sizeof *r->dst);
    r->n = r->to && r->dst ? m->n_to : 0;
    int rc = r->n ? 0 : ir_nomem(err);
    if (!rc && repository)
        rc = place_under(&m->from, repository, &r->from, err);
    else if (!rc && ir_ref_copy(&m->from, &r->from) < 0)
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_store_open(call, &r->from, IR_STORE_READ, &r->src, err);
    for (size_t i = 0; !rc && i < m->n_to; i++) {
        rc = target(m, &m->to[i], repository, &r->to[i], err);
        if (!rc && ir_streq(r->to[i].name, r->from.name))
            rc = ir_fail(err, IMGREL_EINVAL, "%s is to be copied onto itself", r->from.name);
        if (!rc)
            rc = open_target(call, m, r, i, err);
    }
    return rc;
}

char *ir_copy_repo_tag(const ir_copy_repo *r, size_t i, const char *name)
{
    const char *colon = ir_name_tag(name);
    bool archive = r->to[i].transport == IR_DOCKER_ARCHIVE;
    if (archive && !colon && r->from.repository)
        return ir_format("%s:%s", r->from.repository, name);
    return ir_strdup(colon && !archive ? colon + 1 : name);
}

/* ---- which tags were chosen ----------------------------------------------------------------- */

/* FNV-1a. Two tags with one hash only mean that one too many stays. */
static uint64_t hash(const char *s)
{
    uint64_t h = 14695981039346656037ULL;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211ULL;
    return h;
}

static int remember(ir_copy_repo *r, const char *name, imgrel_error *err)
{
    const char *colon = ir_name_tag(name);
    if ((r->n_names & (r->n_names + 1)) == 0) { /* 0, 1, 3, 7: full */
        uint64_t *v = realloc(r->names, (r->n_names * 2 + 1) * sizeof *v);
        if (!v)
            return ir_nomem(err);
        r->names = v;
    }
    r->names[r->n_names++] = hash(colon ? colon + 1 : name);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

bool ir_copy_repo_chose(const ir_copy_repo *r, const char *tag)
{
    uint64_t h = hash(tag);
    return r->n_names && bsearch(&h, r->names, r->n_names, sizeof h, by_value);
}

/* ---- shares --------------------------------------------------------------------------------- */

/* By the name, so that all who copy agree whatever each of them sees of the list. */
static bool in_share(const ir_copy_many *m, const char *name)
{
    uint64_t h = hash(name);
    return !m->shares || (h ^ h >> 32) % m->shares == m->share;
}

static bool whole_registry(const ir_copy_many *m)
{
    return m->from.transport == IR_REGISTRY && !m->from.repository;
}

bool ir_copy_shares_tag(const ir_copy_many *m, const char *tag)
{
    return whole_registry(m) || in_share(m, tag);
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* The tags that name a digest's signatures go with the images, whatever the patterns say. */
static bool is_digest_tag(const char *tag)
{
    size_t len = strlen("sha256-") + 64;
    return ir_starts(tag, "sha256-") && strlen(tag) >= len &&
           strspn(tag + 7, "0123456789abcdef") == 64 && (!tag[len] || tag[len] == '.');
}

static bool chosen(const ir_copy_many *m, const char *name)
{
    const char *colon = ir_name_tag(name);
    const char *tag = colon ? colon + 1 : name;
    return (m->digest_tags && is_digest_tag(tag)) || ir_match_name(&m->tags, tag);
}

/* Keeps the name if it is one of the highest so far. */
static int consider(ir_copy_list *l, const char *name, imgrel_error *err)
{
    best b = {.name = NULL};
    const char *colon = ir_name_tag(name);
    size_t at = l->n_best;
    if (!ir_version_parse(colon ? colon + 1 : name, &b.version))
        return 0;
    while (at > 0 && ir_version_compare(&l->best[at - 1].version, &b.version) < 0)
        at--;
    if (at == l->m->latest)
        return 0;
    b.name = ir_strdup(name);
    if (!b.name)
        return ir_nomem(err);
    if (l->n_best == l->m->latest)
        free(l->best[--l->n_best].name);
    memmove(&l->best[at + 1], &l->best[at], (l->n_best - at) * sizeof b);
    l->best[at] = b;
    l->n_best++;
    return 0;
}

static int choose_best(const ir_call *call, ir_copy_list *l, imgrel_error *err)
{
    const char *name = NULL;
    int rc = 0;
    l->best = calloc(l->m->latest + 1, sizeof *l->best);
    if (!l->best)
        return ir_nomem(err);
    while (!rc && (rc = ir_pages_next(l->tags, call, &name, err)) == 1)
        rc = chosen(l->m, name) ? consider(l, name, err) : 0;
    return rc;
}

static int begin_tags(const ir_call *call, ir_copy_list *l, imgrel_error *err)
{
    int rc = ir_store_tags(l->repo->src, call, &l->tags, err);
    if (!rc && l->m->latest)
        rc = choose_best(call, l, err);
    return rc;
}

/* 1 with a tag, 0 when the repository has no more, or a code. */
static int next_tag(const ir_call *call, ir_copy_list *l, const char **ret, imgrel_error *err)
{
    if (l->best) {
        *ret = l->at < l->n_best ? l->best[l->at].name : NULL;
        return l->at++ < l->n_best;
    }
    int rc = 0;
    while ((rc = ir_pages_next(l->tags, call, ret, err)) == 1)
        if (chosen(l->m, *ret))
            break;
    return rc;
}

/* ---- repositories --------------------------------------------------------------------------- */

/* 1 with the next repository's name (NULL: the only one), 0 at the end, or a code. */
static int next_repository(const ir_call *call, ir_copy_list *l, const char **ret,
                           imgrel_error *err)
{
    const ir_ref *from = &l->m->from;
    bool first = !l->begun;
    int rc = 0;
    *ret = NULL;
    l->begun = true;
    if (!whole_registry(l->m))
        return first;
    if (first)
        rc = ir_catalog(call, from->host, &l->catalog, err);
    while (!rc && (rc = ir_pages_next(l->catalog, call, ret, err)) == 1) {
        rc = ir_repository_check(*ret, err);
        if (!rc && ir_match_name(&l->m->repositories, *ret) && in_share(l->m, *ret))
            return 1;
    }
    return rc;
}

static int begin_repository(const ir_call *call, ir_copy_list *l, imgrel_error *err)
{
    const char *name = NULL;
    int rc = next_repository(call, l, &name, err);
    if (rc != 1)
        return rc;
    rc = repo_open(call, l->m, name, &l->repo, err);
    if (!rc)
        rc = begin_tags(call, l, err);
    return rc ? rc : 1;
}

/* The list lets go of its repository: what it used is the caller's. */
static void end_repository(ir_copy_list *l, ir_copy_repo **ret)
{
    ir_copy_repo *r = l->repo;
    if (r && r->n_names)
        qsort(r->names, r->n_names, sizeof *r->names, by_value);
    *ret = r;
    l->repo = NULL;
    forget_tags(l);
}

/* The next tag that is of the share; prune must know of the others too. */
static int next_shared(const ir_call *call, ir_copy_list *l, const char **ret, imgrel_error *err)
{
    int rc = 0;
    while ((rc = next_tag(call, l, ret, err)) == 1) {
        if (l->m->prune && remember(l->repo, *ret, err))
            return IMGREL_ENOMEM;
        const char *colon = ir_name_tag(*ret);
        if (ir_copy_shares_tag(l->m, colon ? colon + 1 : *ret))
            break;
    }
    return rc;
}

int ir_copy_list_next(const ir_call *call, ir_copy_list *l, ir_copy_repo **ret_repo, char **ret_tag,
                      imgrel_error *err)
{
    const char *name = NULL;
    *ret_repo = NULL;
    *ret_tag = NULL;
    int rc = l->repo ? 1 : begin_repository(call, l, err);
    if (rc == 1)
        rc = next_shared(call, l, &name, err);
    else if (!rc)
        return 0;
    if (rc == 1 && !(*ret_tag = ir_strdup(name)))
        rc = ir_nomem(err);
    if (rc != 1) {
        end_repository(l, ret_repo);
        return rc ? rc : IR_LIST_DONE;
    }
    *ret_repo = l->repo;
    return IR_LIST_TAG;
}
