/* harbor_copy.c - artifacts copied inside Harbor: by a client's call, or by a replication to the
 * mock itself. An index takes its children with it; a tag that is there already moves. */
#include "mock/registry.h"
#include "fmt/digest.h"

#include <stdlib.h>

/* One manifest with its blobs. The lock is open while files are read. */
static bool copy_one(imgrel_mock *m, const char *from, const char *to, const char *digest,
                     const char *media_type, const char *tag, mk_reply *p)
{
    const mk_backend *backend = m->registry->backend;
    ir_buf raw = IR_BUF(IR_MANIFEST_MAX), config_raw = IR_BUF(IR_CONFIG_MAX);
    ir_json *manifest = NULL, *config = NULL;
    pthread_mutex_unlock(&m->lock);
    bool ok = backend->read(m, from, digest, &raw) &&
              !ir_json_parse(ir_buf_str(&raw), raw.len, "manifest", &manifest, NULL) &&
              backend->copy(m, from, to, digest, media_type, manifest, &raw);
    const char *config_digest = ir_json_str(ir_json_get(manifest, "config"), "digest");
    if (ok && config_digest && backend->read(m, from, config_digest, &config_raw))
        (void)!ir_json_parse(ir_buf_str(&config_raw), config_raw.len, "config", &config, NULL);
    pthread_mutex_lock(&m->lock);
    mk_pushed what = {.repository = to,
                      .digest = digest,
                      .tag = tag,
                      .media_type = media_type,
                      .manifest = manifest,
                      .config = config,
                      .size = (int64_t)raw.len};
    if (!ok)
        mk_error(p, 500, "UNKNOWN", "internal server error");
    ok = ok && mk_artifact_pushed(m, &what, p);
    ir_json_free(manifest);
    ir_json_free(config);
    ir_buf_free(&raw);
    ir_buf_free(&config_raw);
    return ok;
}

static bool copy_children(imgrel_mock *m, const char *from, const char *to, const ir_json *refs,
                          mk_reply *p)
{
    bool ok = true;
    for (size_t i = 0; ok && i < ir_json_len(refs); i++) {
        const ir_json *child =
            mk_artifact_find(m->harbor, from, ir_json_str(ir_json_at(refs, i), "child_digest"));
        if (child)
            ok = mk_artifact_copy(m, from, child, to, NULL, p);
    }
    return ok;
}

bool mk_artifact_copy(imgrel_mock *m, const char *from, const ir_json *artifact, const char *to,
                      const char *tag, mk_reply *p)
{
    char *digest = ir_strdup(ir_json_str(artifact, "digest")),
         *type = ir_strdup(ir_json_str(artifact, "manifest_media_type"));
    ir_json *refs = ir_json_copy(ir_json_get(artifact, "references"));
    bool ok = digest && type && copy_children(m, from, to, refs, p) &&
              copy_one(m, from, to, digest, type, tag, p);
    ir_json_free(refs);
    free(digest);
    free(type);
    return ok;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* "project/repository:tag" or "...@sha256:...": where its reference begins. */
static char *split_from(char *from)
{
    char *at = strchr(from, '@'), *slash = strrchr(from, '/');
    if (!at && slash)
        at = strrchr(slash, ':');
    if (at)
        *at++ = '\0';
    return at;
}

/* What the source is not, the caller hears as a bad request. */
static const ir_json *need_source(mk_call *c, char *from, char **ret_ref)
{
    char *whole = ir_strdup(from);
    *ret_ref = split_from(from);
    char *name = ir_strndup(from, strcspn(from, "/"));
    const ir_json *project = name ? mk_project_find(c->h, name) : NULL,
                  *a = *ret_ref && project ? mk_artifact_find(c->h, from, *ret_ref) : NULL;
    if (!*ret_ref || !strchr(from, '/'))
        mk_error_bad(c, "invalid reference: %s", whole);
    else if (project && !mk_can(c->mock, c->who, project, "artifact", "read"))
        mk_error(c->p, 403, "FORBIDDEN", "forbidden");
    else if (!a)
        mk_error_bad(c, "artifact %s not found", whole);
    free(name);
    free(whole);
    return a;
}

static void copy(mk_call *c)
{
    ir_json *project;
    char *from = mk_query(c->r, "from"), *ref = NULL, *tag = NULL, *to = NULL;
    const ir_json *a = NULL;
    if (!from || !*from)
        mk_error_binding(c, "from in query is required");
    else if (mk_need_project(c, true, "artifact", "create", &project))
        a = need_source(c, from, &ref);
    if (a) {
        to = ir_format("%s/%s", c->param[0], c->param[1] ? c->param[1] : "");
        tag = ir_digest_valid(ref) ? NULL : ir_strdup(ref);
        char *digest = ir_strdup(ir_json_str(a, "digest"));
        if (to && digest && mk_artifact_copy(c->mock, from, a, to, tag, c->p)) {
            c->p->status = 201;
            mk_reply_header(c->p, "Location", "%s/%s", c->r->raw_path, digest);
        }
        free(digest);
    }
    free(from);
    free(tag);
    free(to);
}

const mk_route mk_copy_routes[] = {
    {"POST", "projects/{}/repositories/{r}/artifacts", copy, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
