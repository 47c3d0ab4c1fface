/* registry.c - a repository of a registry (distribution-spec v1.1): how it is opened and asked, how
 * its errors are told, and how its manifests are read: as exact bytes, verified against the digest
 * that was asked for or that the registry names. */
#include "oci/registry.h"
#include "base/cancel.h"
#include "base/limits.h"
#include "net/retry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BULK_MIN (256 * (int64_t)IR_KIB)

/* ---- asking --------------------------------------------------------------------------------- */

char *ir_registry_url(const ir_registry *r, const char *fmt, ...)
{
    ir_buf b = IR_BUF(IR_URL_MAX);
    va_list ap;
    ir_buf_adds(&b, r->at.url);
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    if (r->at.query)
        ir_buf_addf(&b, "%c%s", strchr(fmt, '?') ? '&' : '?', r->at.query);
    char *url = ir_buf_take(&b);
    ir_buf_free(&b);
    return url;
}

ir_request ir_registry_request(const ir_registry *r, const char *method, const char *url)
{
    return (ir_request){.method = method,
                        .url = url,
                        .auth = &r->auth,
                        .headers = (const char *const *)r->at.headers,
                        .tls = r->at.has_tls ? &r->at.tls : NULL,
                        .flags = r->is_mirror ? IR_HTTP_BRIEF : 0};
}

/* ---- errors --------------------------------------------------------------------------------- */

/* Codes of the specification whose status says less than they do. */
static int code_of_reason(const char *reason, int status)
{
    static const struct {
        const char *reason;
        int code;
    } table[] = {
        {"DIGEST_INVALID", IMGREL_EDIGEST},        {"SIZE_INVALID", IMGREL_EDIGEST},
        {"MANIFEST_UNKNOWN", IMGREL_ENOTFOUND},    {"MANIFEST_BLOB_UNKNOWN", IMGREL_ENOTFOUND},
        {"BLOB_UNKNOWN", IMGREL_ENOTFOUND},        {"NAME_UNKNOWN", IMGREL_ENOTFOUND},
        {"BLOB_UPLOAD_UNKNOWN", IMGREL_ENOTFOUND}, {"UNSUPPORTED", IMGREL_EUNSUPPORTED},
        {"MANIFEST_INVALID", IMGREL_EINVAL},       {"NAME_INVALID", IMGREL_EINVAL},
    };
    for (size_t i = 0; reason && i < sizeof table / sizeof *table; i++)
        if (!strcmp(reason, table[i].reason))
            return table[i].code;
    return status == 405 ? IMGREL_EUNSUPPORTED : 0;
}

/* A refusal of Harbor's that no other login would be spared; NULL: it is not one. */
static const char *cure_for_all(const char *said)
{
    static const struct {
        const char *words, *cure;
    } table[] = {
        {"proxy project", "it is a proxy cache, filled by pulls alone: push to another project"},
        {"upper limit", "the project's quota is used up: delete images and run garbage "
                        "collection, or raise it"},
        {"quota", "delete images and run garbage collection, or raise the project's quota"},
        {"read only mode", "Harbor is in read-only mode: its administrator ends that"},
    };
    for (size_t i = 0; said && i < sizeof table / sizeof *table; i++)
        if (strstr(said, table[i].words))
            return table[i].cure;
    return NULL;
}

/* What the request would have needed. Harbor says 401 where others say 403, and of a project that
 * is not there as of one that is not ours. */
static void cure_refusal(imgrel_error *err, const ir_request *req, const char *user,
                         const char *host)
{
    const char *m = req->method ? req->method : "GET";
    const char *right = !strcmp(m, "GET") || !strcmp(m, "HEAD") ? "pull"
                        : !strcmp(m, "DELETE")                  ? "delete"
                                                                : "push";
    if (!err)
        return;
    err->cure[0] = '\0';
    if (user)
        ir_cure(err,
                "%s lacks the right to %s there, or the project is missing: grant it, or log"
                " in as another user",
                user, right);
    else
        ir_cure(err,
                "log in: imgrel login %s (nobody was logged in, and who is not lacks the right"
                " to %s)",
                host, right);
}

static void cure(imgrel_error *err, int code, const char *reason)
{
    if (ir_streq(reason, "NAME_UNKNOWN"))
        ir_cure(err, "the repository is not there, or this login may not see it");
    else if (code == IMGREL_ENOTFOUND)
        ir_cure(err, "see what there is: imgrel tags HOST/REPOSITORY");
}

/* What a status says that came without words, as every answer to HEAD does. */
static const char *words_of(int status)
{
    return status == 404 ? "not found" : status == 401 || status == 403 ? "not allowed" : "refused";
}

int ir_registry_fail(const ir_request *req, const ir_reply *reply, const char *host,
                     const char *object, imgrel_error *err)
{
    ir_json *j = NULL;
    imgrel_error ignored = {0};
    /* An error that is no JSON is told by its status alone. */
    if (!reply->body.len ||
        ir_json_parse(ir_buf_str(&reply->body), reply->body.len, "error", &j, &ignored) < 0)
        j = NULL;
    const ir_json *first = ir_json_at(ir_json_get(j, "errors"), 0);
    const char *reason = ir_json_str(first, "code"), *said = ir_json_str(first, "message");
    int code = code_of_reason(reason, reply->status);
    bool refusal = reply->status == 401 || reply->status == 403;
    const char *as = !refusal ? "" : reply->user ? ", asked as " : ", asked without a login";
    int rc = ir_reply_fail(req, reply, reason, err, "%s: %.200s%s%.40s%s%s%.80s", object,
                           said ? said : words_of(reply->status), reason ? " (" : "",
                           reason ? reason : "", reason ? ")" : "", as,
                           refusal && reply->user ? reply->user : "");
    if (code && rc != code) {
        rc = code;
        if (err)
            err->code = code;
    }
    if (refusal && cure_for_all(said)) {
        if (err)
            err->cure[0] = '\0';
        ir_cure(err, "%s", cure_for_all(said));
    } else if (refusal)
        cure_refusal(err, req, reply->user, host);
    else
        cure(err, rc, reason);
    ir_json_free(j);
    return rc;
}

/* "host/repo:tag" or "host/repo@digest". */
static void object_name(const ir_registry *r, const char *selector, char *ret, size_t len)
{
    const ir_ref *ref = &r->base.ref;
    snprintf(ret, len, "%s/%s%s%s", ref->host, ref->repository, strchr(selector, ':') ? "@" : ":",
             selector);
}

static int fail(const ir_registry *r, const ir_request *req, const ir_reply *reply,
                const char *selector, imgrel_error *err)
{
    char object[400];
    object_name(r, selector, object, sizeof object);
    return ir_registry_fail(req, reply, r->base.ref.host, object, err);
}

int ir_registry_fail_blob(const ir_registry *r, const ir_request *req, const ir_reply *reply,
                          const char *digest, imgrel_error *err)
{
    return fail(r, req, reply, digest, err);
}

/* ---- trying again --------------------------------------------------------------------------- */

unsigned ir_registry_bulk(int64_t size)
{
    return size < 0 || size > BULK_MIN ? IR_HTTP_H1 : 0;
}

int ir_registry_again(const ir_call *call, const char *what, ir_again *a, const imgrel_error *why,
                      bool anyway, imgrel_error *err)
{
    uint32_t random = 0;
    int rc = ir_call_check(call, err);
    if (!rc)
        rc = ir_random(&random, sizeof random, err);
    if (rc < 0)
        return rc;
    const ir_try facts = {.n = ++a->n,
                          .transient = why->retryable || why->code == IMGREL_ENET || anyway,
                          .repeatable = true,
                          .wish_ms = why->retry_after_ms > 0 ? why->retry_after_ms : -1,
                          .waited_ms = a->waited_ms,
                          .left_ms = call->deadline_ms ? call->deadline_ms - ir_now_ms() : -1,
                          .random = random};
    int64_t wait = ir_retry_wait(ir_call_conf(call), &facts);
    if (wait < 0)
        return 0;
    a->waited_ms += wait;
    rc = ir_progress(call, IMGREL_EVENT_RETRY, what, why->message, 0, 0, a->n + 1, err);
    if (!rc)
        rc = ir_sleep(call->cancel, wait, call->deadline_ms, err);
    return rc ? rc : 1;
}

/* ---- manifests ------------------------------------------------------------------------------ */

/* What the reply calls the content, if it is one of the types that a manifest has. */
static char *content_type(const ir_reply *reply)
{
    const char *mt = ir_reply_header(reply, "content-type", 0);
    if (!ir_media_is_index(mt) && !ir_media_is_manifest(mt) && !ir_media_is_schema1(mt))
        return NULL; /* some registries say text/plain or application/json: the document decides */
    return ir_strndup(mt, strcspn(mt, "; \t"));
}

/* The digest that the bytes must have: the one asked for, else the one that the registry names. */
static const char *expected_digest(const char *selector, const ir_reply *reply)
{
    if (ir_digest_valid(selector))
        return selector;
    const char *named = ir_reply_header(reply, "docker-content-digest", 0);
    return named && ir_digest_valid(named) ? named : NULL;
}

static int get_once(ir_registry *r, const ir_call *call, const char *selector, ir_manifest *ret,
                    imgrel_error *err)
{
    ir_reply reply = {0};
    char object[400], *mt = NULL;
    char *url = ir_registry_url(r, "/manifests/%s", selector);
    ir_request req = ir_registry_request(r, "GET", url);
    req.accept = ir_media_accept_manifests;
    req.body_max = IR_MANIFEST_MAX;
    object_name(r, selector, object, sizeof object);
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    if (!rc && reply.status != 200)
        rc = fail(r, &req, &reply, selector, err);
    if (rc < 0)
        goto out;
    mt = content_type(&reply);
    rc = ir_manifest_parse(ir_buf_str(&reply.body), reply.body.len, mt,
                           expected_digest(selector, &reply), ret, err);
    if (rc < 0)
        ir_error_prefix(err, "%s", object);
out:
    free(mt);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

static int no_selector(const ir_registry *r, imgrel_error *err)
{
    return ir_fail(err, IMGREL_EINVAL, "%s names no tag and no digest", r->base.ref.name);
}

static int get_from(ir_registry *r, const ir_call *call, const char *selector, ir_manifest *ret,
                    imgrel_error *err)
{
    int rc = get_once(r, call, selector, ret, err);
    if (rc != IMGREL_EDIGEST || r->is_mirror)
        return rc;
    ir_error_clear(err); /* a cache on the way may have been at fault: once more */
    return get_once(r, call, selector, ret, err);
}

static int manifest_get(ir_store *s, const ir_call *call, const char *selector, ir_manifest *ret,
                        imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    ir_places places;
    imgrel_error e = {0};
    int rc = 0;
    if (!selector)
        return no_selector(r, err);
    ir_registry *place = ir_places_begin(r, &places);
    do
        rc = get_from(place, call, selector, ret, &e);
    while (rc < 0 && (place = ir_places_after(&places, place, call, rc, &e)));
    if (!rc)
        ir_registry_served(place, call);
    else if (err && !err->code)
        *err = e;
    return rc;
}

/* A HEAD that says all that a descriptor needs; false: the GET must tell. */
static bool head_descriptor(const ir_reply *reply, const char *selector, ir_desc *ret)
{
    unsigned long long size = 0;
    const char *digest = ir_reply_header(reply, "docker-content-digest", 0);
    const char *length = ir_reply_header(reply, "content-length", 0);
    char *mt = content_type(reply);
    if (!digest && ir_digest_valid(selector))
        digest = selector;
    bool whole = mt && digest && ir_digest_valid(digest) && length &&
                 ir_parse_u64(length, IR_MANIFEST_MAX, &size) && size > 0 &&
                 ir_desc_set(ret, mt, digest, (int64_t)size) == 0;
    free(mt);
    return whole;
}

static int head_by_get(ir_store *s, const ir_call *call, const char *selector, ir_desc *ret,
                       imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    int rc = manifest_get(s, call, selector, &m, err);
    if (rc < 0)
        return rc;
    return ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len) ? ir_nomem(err) : 0;
}

/* 1: it does not say all that is needed, the manifest itself must be asked for. */
static int head_from(ir_registry *r, const ir_call *call, const char *selector, ir_desc *ret,
                     imgrel_error *err)
{
    ir_reply reply = {0};
    char *url = ir_registry_url(r, "/manifests/%s", selector);
    ir_request req = ir_registry_request(r, "HEAD", url);
    req.accept = ir_media_accept_manifests;
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    if (!rc && reply.status == 200)
        rc = !head_descriptor(&reply, selector, ret);
    else if (!rc && (reply.status == 405 || reply.status == 501))
        rc = 1;
    else if (!rc)
        rc = fail(r, &req, &reply, selector, err);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

static int manifest_head(ir_store *s, const ir_call *call, const char *selector, ir_desc *ret,
                         imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    ir_places places;
    imgrel_error e = {0};
    int rc = 0;
    if (!selector)
        return no_selector(r, err);
    ir_registry *place = ir_places_begin(r, &places);
    do
        rc = head_from(place, call, selector, ret, &e);
    while (rc < 0 && (place = ir_places_after(&places, place, call, rc, &e)));
    if (rc == 1)
        return head_by_get(s, call, selector, ret, err);
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

/* ---- open and close ------------------------------------------------------------------------- */

static int registry_finish(ir_store *s, const ir_call *call, imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    (void)err;
    for (ir_upload_begun *u = r->begun; u; u = u->next)
        ir_upload_cancel(r, call, u->location);
    return 0;
}

static void registry_free(ir_store *s)
{
    ir_registry *r = ir_registry_of(s);
    while (r->begun) {
        ir_upload_begun *u = r->begun;
        r->begun = u->next;
        free(u->location);
        free(u);
    }
    for (size_t i = 0; i < r->n_mirrors; i++)
        registry_free(&r->mirrors[i]->base);
    free(r->mirrors);
    ir_endpoint_free(&r->at);
    free(r->scope);
    free(r->scope_from);
    pthread_mutex_destroy(&r->lock);
    ir_store_clear(s);
    free(r);
}

static int mounts_from(ir_store *s, const char *repository)
{
    ir_registry *r = ir_registry_of(s);
    if (r->scope_from || ir_streq(repository, s->ref.repository))
        return 0;
    r->scope_from = ir_format("repository:%s:pull", repository);
    if (!r->scope_from)
        return IMGREL_ENOMEM;
    r->scopes[r->auth.n_scopes++] = r->scope_from;
    return 0;
}

static const ir_store_ops registry_ops = {
    .finish = registry_finish,
    .free = registry_free,
    .mounts_from = mounts_from,
    .manifest_get = manifest_get,
    .manifest_head = manifest_head,
    .manifest_put = ir_registry_manifest_put,
    .manifest_put_tags = ir_registry_manifest_put_tags,
    .manifest_delete = ir_registry_manifest_delete,
    .blob_exists = ir_registry_blob_exists,
    .blob_open = ir_registry_blob_open,
    .blob_resume = ir_registry_blob_resume,
    .blob_fetch = ir_registry_blob_fetch,
    .blob_have = ir_registry_blob_have,
    .blob_put = ir_registry_blob_put,
    .blob_create = ir_registry_blob_create,
    .blob_delete = ir_registry_blob_delete,
    .tags = ir_registry_tags,
    .referrers = ir_registry_referrers,
};

/* A place that only its challenge can name asks for what that says. */
static int fill(ir_registry *r, const ir_ref *ref, unsigned flags, imgrel_error *err)
{
    if (ir_ref_copy(ref, &r->base.ref) < 0)
        return ir_nomem(err);
    const char *repository = r->at.repository ? r->at.repository : ref->repository;
    r->scope =
        ir_format("repository:%s:pull%s%s", repository, flags & IR_STORE_WRITE ? ",push" : "",
                  flags & IR_STORE_DELETE ? ",delete" : "");
    if (!r->scope)
        return ir_nomem(err);
    r->scopes[0] = r->scope;
    r->auth = (ir_auth){.kind = IR_AUTH_REGISTRY,
                        .host = r->at.host,
                        .scopes = r->scopes,
                        .n_scopes = r->at.repository ? 1 : 0};
    return 0;
}

int ir_registry_new(const ir_ref *ref, unsigned flags, ir_endpoint *at, ir_registry **ret,
                    imgrel_error *err)
{
    ir_registry *r = calloc(1, sizeof *r);
    if (!r) {
        ir_endpoint_free(at);
        return ir_nomem(err);
    }
    r->at = *at;
    *at = (ir_endpoint){0};
    r->base.ops = &registry_ops;
    r->base.flags = flags;
    pthread_mutex_init(&r->lock, NULL);
    int rc = fill(r, ref, flags, err);
    if (rc < 0)
        registry_free(&r->base);
    else
        *ret = r;
    return rc;
}

int ir_registry_open(const ir_call *call, const ir_ref *ref, unsigned flags, ir_store **ret,
                     imgrel_error *err)
{
    ir_endpoints all = {0};
    ir_registry *r = NULL;
    int rc = ir_endpoints_find(call, ref, flags & IR_STORE_MIRRORS, &all, err);
    if (!rc)
        rc = ir_registry_new(ref, flags, &all.v[--all.n], &r, err);
    if (!rc)
        rc = ir_registry_set_mirrors(r, call, &all, err);
    ir_endpoints_free(&all);
    if (rc < 0 && r)
        registry_free(&r->base);
    else if (!rc)
        *ret = &r->base;
    return rc;
}
