/* registry_manifest.c - manifests as Harbor handles them: what is there is what its database says,
 * a push is entered there after the backend took it, a delete takes a digest and the right. */
#include "mock/registry.h"
#include "fmt/digest.h"
#include "fmt/media.h"
#include "fmt/ref.h"

#include <stdlib.h>

static void missing(const mk_v2 *v, mk_reply *p)
{
    mk_error(p, 404, "NOT_FOUND", "artifact %s%s%s not found", v->name,
             ir_digest_valid(v->ref) ? "@" : ":", v->ref);
}

static bool etag_fits(const mk_request *r, const char *digest)
{
    const char *given = mk_header(r, "If-None-Match");
    size_t len = strlen(digest);
    return given &&
           (ir_streq(given, digest) ||
            (*given == '"' && !strncmp(given + 1, digest, len) && ir_streq(given + 1 + len, "\"")));
}

static void pulled(imgrel_mock *m, const mk_v2 *v, ir_json *artifact)
{
    char *what = ir_format("%s%c%s", v->name, strchr(v->ref, ':') ? '@' : ':', v->ref);
    mk_artifact_pulled(m, mk_repository_find(m->harbor, v->name), artifact);
    mk_audit(m, v->who, mk_project_of(m->harbor, v->name), "pull", "artifact", what);
    free(what);
}

static void get(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    pthread_mutex_lock(&m->lock);
    ir_json *a = mk_artifact_find(m->harbor, v->name, v->ref);
    char *digest = ir_strdup(ir_json_str(a, "digest")),
         *media_type = ir_strdup(ir_json_str(a, "manifest_media_type"));
    bool allowed = !a || mk_scan_allows(m, mk_project_of(m->harbor, v->name), a, p);
    if (a && allowed && ir_streq(r->method, "GET"))
        pulled(m, v, a);
    pthread_mutex_unlock(&m->lock);
    if (!allowed)
        ;
    else if (!digest || !media_type)
        missing(v, p);
    else if (etag_fits(r, digest))
        p->status = 304;
    else
        m->registry->backend->manifest_get(r, v, digest, media_type, p);
    free(digest);
    free(media_type);
}

static void delete (mk_request *r, const mk_v2 *v, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    if (!ir_digest_valid(v->ref)) {
        mk_error(p, 400, "UNSUPPORTED", "unsupported digest %s: invalid checksum digest format",
                 v->ref);
        return;
    }
    pthread_mutex_lock(&m->lock);
    ir_json *a = mk_artifact_find(m->harbor, v->name, v->ref);
    if (!a)
        missing(v, p);
    else if (mk_artifact_delete(m, mk_repository_find(m->harbor, v->name), a, p))
        p->status = 202;
    pthread_mutex_unlock(&m->lock);
}

/* ---- a push ---------------------------------------------------------------------------------- */

static bool digest_of(mk_request *r, const mk_v2 *v, char ret[IR_DIGEST_MAX], mk_reply *p)
{
    bool by_digest = strchr(v->ref, ':') != NULL;
    const char *algorithm =
        by_digest && ir_digest_valid(v->ref) ? ir_digest_algorithm(v->ref) : "sha256";
    ir_hash *h = NULL;
    if (ir_hash_new(algorithm, &h, NULL)) {
        mk_v2_error(p, 500, "UNKNOWN", "internal server error");
        return false;
    }
    ir_hash_add(h, r->body, r->body_len);
    ir_hash_end(h, ret);
    ir_hash_free(h);
    if (by_digest && !ir_streq(ret, v->ref))
        mk_v2_error(p, 400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    else if (!by_digest && ir_tag_check(v->ref, NULL))
        mk_v2_error(p, 400, "MANIFEST_INVALID", "manifest tag did not match URI");
    return !p->status;
}

/* The type that is sent, which must agree with the one inside. */
static bool media_type_of(mk_request *r, const ir_json *manifest, const char **ret, mk_reply *p)
{
    const char *sent = mk_header(r, "Content-Type"), *inside = ir_json_str(manifest, "mediaType");
    *ret = sent && *sent ? sent : inside;
    bool known = *ret && (ir_media_is_index(*ret) || ir_media_is_manifest(*ret));
    if (known && (!inside || ir_media_same(inside, *ret)))
        return true;
    mk_v2_error(p, 400, "MANIFEST_INVALID", "manifest invalid: media type");
    return false;
}

static ir_json *read_config(imgrel_mock *m, const mk_v2 *v, const ir_json *manifest)
{
    ir_json *config = NULL;
    ir_buf b = IR_BUF(IR_CONFIG_MAX);
    const ir_json *d = ir_json_get(manifest, "config");
    const char *digest = ir_json_str(d, "digest");
    if (digest && ir_media_is_config(ir_json_str(d, "mediaType")) &&
        m->registry->backend->read(m, v->name, digest, &b))
        (void)!ir_json_parse(ir_buf_str(&b), b.len, "config", &config, NULL);
    ir_buf_free(&b);
    return config;
}

static void enter(mk_request *r, const mk_v2 *v, const char *digest, const char *media_type,
                  const ir_json *manifest, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    ir_json *config = read_config(m, v, manifest);
    const char *subject = ir_json_str(ir_json_get(manifest, "subject"), "digest");
    mk_pushed what = {.repository = v->name,
                      .digest = digest,
                      .media_type = media_type,
                      .tag = strchr(v->ref, ':') ? NULL : v->ref,
                      .who = v->who,
                      .manifest = manifest,
                      .config = config,
                      .size = (int64_t)r->body_len};
    pthread_mutex_lock(&m->lock);
    bool ok = mk_artifact_pushed(m, &what, p);
    pthread_mutex_unlock(&m->lock);
    ir_json_free(config);
    if (!ok)
        return;
    p->status = 201;
    mk_v2_location(r, p, "/v2/%s/manifests/%s", v->name, digest);
    mk_reply_header(p, "Docker-Content-Digest", "%s", digest);
    if (subject)
        mk_reply_header(p, "OCI-Subject", "%s", subject);
}

/* Before a byte is kept: the tag may be one that never changes. */
static bool tag_may_change(imgrel_mock *m, const mk_v2 *v, const char *digest, mk_reply *p)
{
    pthread_mutex_lock(&m->lock);
    const ir_json *repository = mk_repository_find(m->harbor, v->name),
                  *tag = ir_json_get(ir_json_get(repository, "tags"), v->ref);
    bool ok = !tag || ir_streq(ir_json_str(tag, "digest"), digest) ||
              mk_immutable_check(m, repository, NULL, v->ref, p);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static void put(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    char digest[IR_DIGEST_MAX];
    const char *media_type;
    ir_json *manifest = NULL;
    if (r->body_len > IR_MANIFEST_MAX) {
        mk_v2_error(p, 413, "MANIFEST_INVALID", "manifest is too large");
        return;
    }
    if (ir_json_parse(r->body, r->body_len, "manifest", &manifest, NULL) ||
        !ir_json_is_object(manifest))
        mk_v2_error(p, 400, "MANIFEST_INVALID", "manifest invalid");
    else if (digest_of(r, v, digest, p) && media_type_of(r, manifest, &media_type, p) &&
             tag_may_change(r->mock, v, digest, p) &&
             r->mock->registry->backend->manifest_put(r, v, digest, manifest, p))
        enter(r, v, digest, media_type, manifest, p);
    ir_json_free(manifest);
}

void mk_manifest(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    if (ir_streq(r->method, "GET") || ir_streq(r->method, "HEAD"))
        get(r, v, p);
    else if (ir_streq(r->method, "PUT"))
        put(r, v, p);
    else if (ir_streq(r->method, "DELETE"))
        delete (r, v, p);
    else
        mk_v2_error(p, 405, "UNSUPPORTED", "The operation is unsupported.");
}

/* ---- referrers ------------------------------------------------------------------------------- */

static ir_json *descriptor_of(const ir_json *a)
{
    const ir_json *annotations = ir_json_get(a, "annotations");
    int64_t size = ir_json_int(ir_json_get(a, "blobs"), ir_json_str(a, "digest"), 0);
    ir_json *d =
        ir_json_pack("{s:s, s:s, s:I, s:s}", "mediaType", ir_json_str(a, "manifest_media_type"),
                     "digest", ir_json_str(a, "digest"), "size", (long long)size, "artifactType",
                     ir_json_str(a, "artifact_type"));
    if (annotations)
        ir_json_put(d, "annotations", ir_json_copy(annotations));
    return d;
}

void mk_referrers(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    imgrel_mock *m = r->mock;
    if (!ir_digest_valid(v->ref)) {
        mk_v2_error(p, 400, "DIGEST_INVALID", "provided digest is not one");
        return;
    }
    char *type = mk_query(r, "artifactType");
    ir_json *found = ir_json_new_array();
    pthread_mutex_lock(&m->lock);
    const ir_json *all = ir_json_get(mk_repository_find(m->harbor, v->name), "artifacts");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *a = ir_json_value(it);
        if (ir_streq(ir_json_str(a, "subject"), v->ref) &&
            (!type || ir_streq(ir_json_str(a, "artifact_type"), type)))
            ir_json_append(found, descriptor_of(a));
    }
    pthread_mutex_unlock(&m->lock);
    if (type)
        mk_reply_header(p, "OCI-Filters-Applied", "artifactType");
    ir_json *j = ir_json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", IR_MT_OCI_INDEX,
                              "manifests", found);
    p->status = 200;
    mk_reply_header(p, "Content-Type", IR_MT_OCI_INDEX);
    if (ir_json_dump(j, IR_JSON_COMPACT, &p->body, NULL))
        p->status = 500;
    ir_json_free(j);
    free(type);
}
