/* pages.c - lists that a registry gives page by page: tags, repositories, referrers. A page's Link
 * is followed to the registry's own origin only, at most IR_PAGES_MAX times, and never around in a
 * circle. Behind a full page of names without a Link the next one is asked for by n and last, for
 * some registries know only that. Lists that are known at once are pages too: one. */
#include "oci/registry.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "fmt/url.h"

#include <stdlib.h>

#define PAGE_SIZE 1000

struct ir_pages {
    ir_strv items;
    size_t at;
    /* what a registry needs for the next page */
    char *next;   /* URL; NULL: this was the last */
    char *anchor; /* an earlier URL: seen again, the list goes around (Brent) */
    unsigned n_pages, n_anchor;
    const char *key; /* of the array in a page */
    char *names;     /* URL of a list of names, without a query; NULL: of something else */
    char *first;     /* name of the page before; NULL: next is not a guess of ours */
    char *host, *object, *scope, *filter;
    const char *scopes[1];
    ir_auth auth;
};

void ir_pages_free(ir_pages *p)
{
    if (!p)
        return;
    ir_strv_free(&p->items);
    free(p->next);
    free(p->anchor);
    free(p->names);
    free(p->first);
    free(p->host);
    free(p->object);
    free(p->scope);
    free(p->filter);
    free(p);
}

int ir_pages_list(ir_strv *items, ir_pages **ret, imgrel_error *err)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return ir_nomem(err);
    (*ret)->items = *items;
    *items = (ir_strv){0};
    return 0;
}

/* ---- one page ------------------------------------------------------------------------------- */

/* Whether the registry filtered or not (OCI-Filters-Applied): every item is looked at. */
static bool wanted(const ir_pages *p, const ir_json *item)
{
    return !p->filter || ir_streq(p->filter, ir_json_str(item, "artifactType"));
}

/* Names as they are, descriptors as JSON. */
static int add_item(ir_pages *p, const ir_json *item, imgrel_error *err)
{
    const char *name = ir_json_text(item);
    if (name)
        return ir_strv_add(&p->items, name) ? ir_nomem(err) : 0;
    if (!ir_json_is_object(item) || !wanted(p, item))
        return 0;
    char *text = ir_json_string(item, IR_JSON_COMPACT);
    int rc = text ? ir_strv_add(&p->items, text) : IMGREL_ENOMEM;
    free(text);
    return rc ? ir_nomem(err) : 0;
}

static int read_page(ir_pages *p, const ir_reply *reply, imgrel_error *err)
{
    ir_json *j = NULL;
    int rc = ir_json_parse(ir_buf_str(&reply->body), reply->body.len, p->object, &j, err);
    if (rc < 0)
        return rc;
    const ir_json *list = ir_json_get(j, p->key);
    if (!ir_json_is_array(list) && !ir_json_is_null(list))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: the list has no %s", p->object, p->key);
    ir_strv_free(&p->items);
    p->at = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = add_item(p, ir_json_at(list, i), err);
    ir_json_free(j);
    return rc;
}

/* Brent's way: every URL is compared with one that is kept, which is renewed at powers of two. */
static int check_circle(ir_pages *p, imgrel_error *err)
{
    if (++p->n_pages >= IR_PAGES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s: the list has more than %d pages", p->object,
                       IR_PAGES_MAX);
    if (ir_streq(p->anchor, p->next))
        return ir_fail(err, IMGREL_EPROTO, "%s: the list's pages go around in a circle", p->object);
    if (p->n_pages < p->n_anchor)
        return 0;
    p->n_anchor = p->n_pages * 2;
    free(p->anchor);
    p->anchor = ir_strdup(p->next);
    return p->anchor ? 0 : ir_nomem(err);
}

static int same_origin(const ir_pages *p, const char *from, const char *to, imgrel_error *err)
{
    IR_AUTO(ir_url) a = {0};
    IR_AUTO(ir_url) b = {0};
    int rc = ir_url_parse(from, &a, err);
    if (!rc)
        rc = ir_url_parse(to, &b, err);
    if (!rc && !ir_url_same_origin(&a, &b))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: the list goes on at another origin, %s://%s:%d",
                     p->object, b.scheme, b.host, b.port);
    return rc;
}

/* Behind a full page without a Link, which may be the last one or not. */
static int guess(ir_pages *p, char **ret_url, imgrel_error *err)
{
    ir_buf url = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&url, "%s?n=%d", p->names, PAGE_SIZE);
    ir_url_add_query(&url, "last", p->items.v[p->items.n - 1]);
    int rc = ir_buf_check(&url, err, p->object);
    free(p->first);
    p->first = ir_strdup(p->items.v[0]);
    *ret_url = rc ? NULL : ir_buf_take(&url);
    ir_buf_free(&url);
    return rc || (p->first && *ret_url) ? rc : ir_nomem(err);
}

/* A registry that does not know `last` begins again, or refuses: the page before was all. */
static bool guessed_wrong(ir_pages *p, const ir_reply *reply)
{
    int s = reply->status;
    bool refused = s == 400 || s == 404 || s == 405 || s == 422;
    bool same = s == 200 && p->items.n && ir_streq(p->items.v[0], p->first);
    if (!p->first || (!refused && !same))
        return false;
    ir_strv_free(&p->items);
    free(p->next);
    p->next = NULL;
    return true;
}

static int follow(ir_pages *p, const ir_reply *reply, imgrel_error *err)
{
    char *link = NULL, *url = NULL;
    const char *text = NULL;
    int rc = 0;
    for (size_t i = 0; !link && (text = ir_reply_header(reply, "link", i)); i++)
        link = ir_link_next(text);
    if (link)
        rc = ir_url_join(reply->url, link, &url, err);
    if (!rc && url)
        rc = same_origin(p, p->next, url, err);
    if (!rc && !url && p->names && p->items.n == PAGE_SIZE)
        rc = guess(p, &url, err);
    else if (url) {
        free(p->first);
        p->first = NULL;
    }
    free(link);
    if (rc < 0) {
        free(url);
        return rc;
    }
    free(p->next);
    p->next = url;
    return url ? check_circle(p, err) : 0;
}

static int fetch(ir_pages *p, const ir_call *call, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_request req = {.url = p->next, .auth = &p->auth, .body_max = IR_LIST_PAGE_MAX};
    int rc = ir_http_do(call, &req, &reply, err);
    bool refused = !rc && reply.status != 200;
    if (refused)
        ir_strv_free(&p->items);
    else if (!rc)
        rc = read_page(p, &reply, err);
    if (!rc && guessed_wrong(p, &reply))
        goto out;
    if (refused)
        rc = ir_registry_fail(&req, &reply, p->host, p->object, err);
    if (!rc)
        rc = follow(p, &reply, err);
out:
    p->at = 0;
    ir_reply_free(&reply);
    return rc;
}

int ir_pages_next(ir_pages *p, const ir_call *call, const char **ret, imgrel_error *err)
{
    *ret = NULL;
    while (p->at == p->items.n) {
        int rc = p->next ? ir_call_check(call, err) : 0;
        if (!rc && p->next)
            rc = fetch(p, call, err);
        else if (!rc)
            return 0;
        if (rc < 0)
            return rc;
    }
    *ret = p->items.v[p->at++];
    return 1;
}

/* ---- the lists ------------------------------------------------------------------------------ */

/* Takes url and scope. */
static int pages_new(const char *host, const char *object, char *url, char *scope, const char *key,
                     ir_pages **ret, imgrel_error *err)
{
    ir_pages *p = calloc(1, sizeof *p);
    if (!p) {
        free(url);
        free(scope);
        return ir_nomem(err);
    }
    p->key = key;
    p->next = url;
    p->scope = scope;
    p->host = ir_strdup(host);
    p->object = ir_strdup(object);
    p->scopes[0] = scope;
    p->auth =
        (ir_auth){.kind = IR_AUTH_REGISTRY, .host = p->host, .scopes = p->scopes, .n_scopes = 1};
    if (!url || !scope || !p->host || !p->object) {
        ir_pages_free(p);
        return ir_nomem(err);
    }
    *ret = p;
    return 0;
}

/* The first page at once, so that the call that opens a list tells why it can't be had; after a
 * failure (rc) none. */
static int begin(ir_pages **p, const ir_call *call, int rc, imgrel_error *err)
{
    if (!rc)
        rc = fetch(*p, call, err);
    if (rc < 0) {
        ir_pages_free(*p);
        *p = NULL;
    }
    return rc;
}

static int repository_pages(ir_store *s, char *url, const char *key, ir_pages **ret,
                            imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    char *object = ir_format("%s/%s", s->ref.host, s->ref.repository);
    int rc = object ? pages_new(s->ref.host, object, url, ir_strdup(r->scope), key, ret, err)
                    : ir_nomem(err);
    if (!object)
        free(url);
    free(object);
    return rc;
}

int ir_registry_tags(ir_store *s, const ir_call *call, ir_pages **ret, imgrel_error *err)
{
    char *url = ir_registry_url(ir_registry_of(s), "/tags/list?n=%d", PAGE_SIZE);
    int rc = repository_pages(s, url, "tags", ret, err);
    if (!rc && !((*ret)->names = ir_registry_url(ir_registry_of(s), "/tags/list")))
        rc = ir_nomem(err);
    return begin(ret, call, rc, err);
}

int ir_catalog(const ir_call *call, const char *host, ir_pages **ret, imgrel_error *err)
{
    char *base = NULL;
    *ret = NULL;
    int rc = ir_host_url(call, host, &base, err);
    if (rc < 0)
        return rc;
    rc = pages_new(host, host, ir_format("%s/v2/_catalog?n=%d", base, PAGE_SIZE),
                   ir_strdup("registry:catalog:*"), "repositories", ret, err);
    if (!rc && !((*ret)->names = ir_format("%s/v2/_catalog", base)))
        rc = ir_nomem(err);
    free(base);
    return begin(ret, call, rc, err);
}

/* The index that a registry without the API keeps under the tag "sha256-<hex>". */
static int tag_schema(ir_store *s, const ir_call *call, const char *digest,
                      const char *artifact_type, ir_pages **ret, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    imgrel_error missing = {0};
    ir_pages *p = NULL;
    ir_strv none = {0};
    char *tag = ir_referrers_tag(digest);
    int rc = tag ? ir_store_manifest_get(s, call, tag, &m, &missing) : ir_nomem(&missing);
    free(tag);
    if (rc < 0 && rc != IMGREL_ENOTFOUND) {
        if (err && !err->code)
            *err = missing;
        return rc;
    }
    rc = ir_pages_list(&none, &p, err);
    if (!rc && artifact_type && !(p->filter = ir_strdup(artifact_type)))
        rc = ir_nomem(err);
    const ir_json *list = ir_json_get(m.json, "manifests");
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = add_item(p, ir_json_at(list, i), err);
    if (rc < 0)
        ir_pages_free(p);
    else
        *ret = p;
    return rc;
}

int ir_registry_referrers(ir_store *s, const ir_call *call, const char *digest,
                          const char *artifact_type, ir_pages **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&path, "/referrers/%s", digest);
    if (artifact_type)
        ir_url_add_query(&path, "artifactType", artifact_type);
    char *url = ir_registry_url(ir_registry_of(s), "%s", ir_buf_str(&path));
    ir_buf_free(&path);
    int rc = repository_pages(s, url, "manifests", ret, err);
    if (!rc && artifact_type && !((*ret)->filter = ir_strdup(artifact_type)))
        rc = ir_nomem(err);
    if (rc < 0) {
        ir_pages_free(*ret);
        *ret = NULL;
        return rc;
    }
    imgrel_error first = {0};
    rc = begin(ret, call, 0, &first);
    if (rc < 0 &&
        (first.http_status == 404 || first.http_status == 405 || first.http_status == 400))
        return tag_schema(s, call, digest, artifact_type, ret, err);
    if (rc < 0 && err && !err->code)
        *err = first;
    return rc;
}
