/* registry_put.c - manifests into a registry and out of it again: as the bytes that they are, under
 * one name or several at once, checked for what the registry kept; a delete takes no more along
 * than was asked for. */
#include "oci/registry.h"
#include "base/limits.h"
#include "fmt/url.h"

#include <stdlib.h>

#define TAGS_AT_ONCE 50

/* ---- putting -------------------------------------------------------------------------------- */

/* The registry must have kept what we sent, under the name that we know. */
static int check_stored(const ir_registry *r, const ir_reply *reply, const ir_manifest *m,
                        imgrel_error *err)
{
    const char *stored = ir_reply_header(reply, "docker-content-digest", 0);
    if (!stored || ir_streq(stored, m->digest) || !ir_digest_valid(stored) ||
        !ir_streq(ir_digest_algorithm(stored), ir_digest_algorithm(m->digest)))
        return 0;
    return ir_fail(err, IMGREL_EDIGEST, "%s/%s: the manifest %s was stored as %s", r->base.ref.host,
                   r->base.ref.repository, m->digest, stored);
}

/* What the registry says of a manifest that it took. */
typedef struct put_told {
    bool listed;  /* among its subject's referrers (OCI-Subject) */
    ir_strv tags; /* that it has now (OCI-Tag) */
} put_told;

static int read_told(const ir_reply *reply, put_told *ret, imgrel_error *err)
{
    const char *tags = NULL;
    ret->listed = ir_reply_header(reply, "oci-subject", 0) != NULL;
    for (size_t i = 0; (tags = ir_reply_header(reply, "oci-tag", i)); i++)
        if (ir_strv_split(&ret->tags, tags, ',') < 0)
            return ir_nomem(err);
    return 0;
}

/* selector: a tag, or a digest (and tags in a query). */
static int put_once(ir_registry *r, const ir_call *call, const ir_manifest *m, const char *selector,
                    put_told *told, imgrel_error *err)
{
    ir_reply reply = {0};
    char *url = ir_registry_url(r, "/manifests/%s", selector);
    ir_request req = ir_registry_request(r, "PUT", url);
    req.content_type = m->media_type;
    req.body = (ir_body){.p = m->bytes, .len = m->len, .size = (int64_t)m->len};
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    if (!rc && reply.status / 100 != 2)
        rc = ir_registry_fail_blob(r, &req, &reply, selector, err);
    if (!rc)
        rc = check_stored(r, &reply, m, err);
    if (!rc)
        rc = read_told(&reply, told, err);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

/* A manifest that is refused for what it says, or stored as another, may have been spoilt on the
 * way or have come before a blob that it names was seen everywhere. */
static bool may_be_spoilt(const imgrel_error *e)
{
    return e->code == IMGREL_EDIGEST ||
           (e->http_status == 400 && (ir_streq(e->reason, "MANIFEST_INVALID") ||
                                      ir_streq(e->reason, "MANIFEST_BLOB_UNKNOWN")));
}

/* A registry on a file system (docker-registry 2.8) calls a manifest's digest invalid while another
 * client writes the same manifest, for it reads what is half written. We know the digest: it is
 * tried again; what else may have been spoilt, once. */
static int put(ir_store *s, const ir_call *call, const ir_manifest *m, const char *selector,
               put_told *told, imgrel_error *err)
{
    ir_again again = {0};
    for (;;) {
        imgrel_error e = {0};
        int rc = put_once(ir_registry_of(s), call, m, selector, told, &e);
        if (!rc && m->subject.digest && !told->listed)
            return ir_referrers_add(s, call, m, err);
        bool worth = (rc == IMGREL_EDIGEST && e.http_status == 400) ||
                     (rc < 0 && !again.n && may_be_spoilt(&e));
        int next = worth ? ir_registry_again(call, m->digest, &again, &e, true, err) : 0;
        if (next == 1)
            continue;
        if (rc < 0 && err && !err->code)
            *err = e;
        return next < 0 ? next : rc;
    }
}

int ir_registry_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m,
                             const char *tag, imgrel_error *err)
{
    put_told told = {0};
    int rc = put(s, call, m, tag ? tag : m->digest, &told, err);
    ir_strv_free(&told.tags);
    return rc;
}

/* Many tags in one request (distribution-spec "Pushing Manifests", tag=); a registry that does not
 * know that keeps the manifest by its digest, and the tags that it does not name are put one by
 * one. Not worth it for two: who does not know it is asked thrice then. */
int ir_registry_manifest_put_tags(ir_store *s, const ir_call *call, const ir_manifest *m,
                                  const ir_strv *tags, imgrel_error *err)
{
    put_told told = {0};
    imgrel_error e = {0};
    IR_AUTO(ir_buf) selector = IR_BUF(IR_URL_MAX);
    int rc = 0;
    ir_buf_adds(&selector, m->digest);
    for (size_t i = 0; tags->n > 2 && i < tags->n && i < TAGS_AT_ONCE; i++)
        ir_url_add_query(&selector, "tag", tags->v[i]);
    if (tags->n > 2 && !selector.bad)
        rc = put(s, call, m, ir_buf_str(&selector), &told, &e);
    /* A refusal of the form is none of the manifest: that is told by its tag. */
    if (rc < 0 && e.http_status / 100 == 4)
        rc = 0;
    if (rc < 0 && err && !err->code)
        *err = e;
    for (size_t i = 0; !rc && i < tags->n; i++)
        if (!ir_strv_has(&told.tags, tags->v[i]))
            rc = ir_registry_manifest_put(s, call, m, tags->v[i], err);
    ir_strv_free(&told.tags);
    return rc;
}

/* ---- deleting ------------------------------------------------------------------------------- */

/* path: "manifests" or "blobs". */
static int delete_request(ir_registry *r, const ir_call *call, const char *path,
                          const char *selector, imgrel_error *err)
{
    ir_reply reply = {0};
    char *url = ir_registry_url(r, "/%s/%s", path, selector);
    ir_request req = ir_registry_request(r, "DELETE", url);
    int rc = url ? ir_http_do(call, &req, &reply, err) : ir_nomem(err);
    if (!rc && reply.status / 100 != 2)
        rc = ir_registry_fail_blob(r, &req, &reply, selector, err);
    if (rc == IMGREL_EUNSUPPORTED)
        ir_cure(err, "the registry must be set to allow deletes"
                     " (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true)");
    free(url);
    ir_reply_free(&reply);
    return rc;
}

int ir_registry_blob_delete(ir_store *s, const ir_call *call, const ir_desc *d, imgrel_error *err)
{
    return delete_request(ir_registry_of(s), call, "blobs", d->digest, err);
}

/* A registry that deletes by digest only refuses a tag in one of several ways. */
static bool tag_refused(const imgrel_error *e)
{
    return e->code == IMGREL_EUNSUPPORTED || e->code == IMGREL_EDIGEST ||
           e->code == IMGREL_EINVAL || e->http_status == 405;
}

static int tag_undeletable(ir_store *s, const ir_call *call, const char *tag, imgrel_error *err)
{
    ir_desc d = {0};
    const ir_ref *ref = &s->ref;
    int rc = ir_store_manifest_head(s, call, tag, &d, err);
    if (rc < 0)
        return rc;
    rc = ir_fail(err, IMGREL_EUNSUPPORTED,
                 "%s/%s:%s: the registry deletes no tag alone; its image is %s", ref->host,
                 ref->repository, tag, d.digest);
    ir_cure(err, "delete %s/%s@%s: it goes with every tag that it has", ref->host, ref->repository,
            d.digest);
    ir_desc_free(&d);
    return rc;
}

int ir_registry_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                                imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    imgrel_error first = {0};
    if (!selector)
        return ir_fail(err, IMGREL_EINVAL, "%s names no tag and no digest", s->ref.name);
    IR_AUTO(ir_manifest) m = {0};
    if (ir_digest_valid(selector) && ir_store_manifest_get(s, call, selector, &m, &first) < 0)
        ir_error_clear(&first); /* what can't be read may go as well */
    int rc = delete_request(r, call, "manifests", selector, &first);
    if (!rc && m.subject.digest)
        rc = ir_referrers_drop(s, call, &m, &first);
    if (rc < 0 && !ir_digest_valid(selector) && tag_refused(&first))
        return tag_undeletable(s, call, selector, err);
    if (rc < 0 && err && !err->code)
        *err = first;
    return rc;
}
