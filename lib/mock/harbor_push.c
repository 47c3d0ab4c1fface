/* harbor_push.c - what a replication does: finds the artifacts that its policy's filters name, and
 * brings each to its place, inside the mock or by a push over HTTP to the registry that the policy
 * names. Blobs travel whole, in memory: it is for a test's small images. */
#include "mock/registry.h"
#include "fmt/digest.h"

#include <stdlib.h>

bool mk_push_auth(const ir_json *registry, ir_auth *ret)
{
    const ir_json *credential = ir_json_get(registry, "credential");
    const char *user = ir_json_str(credential, "access_key"),
               *secret = ir_json_str(credential, "access_secret");
    *ret = (ir_auth){.kind = IR_AUTH_BASIC, .user = user, .secret = secret ? secret : ""};
    return user && *user;
}

/* The session for what the mock asks of others, made when it is first needed; the lock is open. */
int mk_push_call(imgrel_mock *m, ir_call *ret)
{
    struct mk_registry *reg = m->registry;
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    if (!reg->session)
        rc = mk_registry_session(reg, NULL);
    pthread_mutex_unlock(&m->lock);
    *ret = (ir_call){.session = reg->session, .cancel = m->cancel};
    return rc;
}

/* ---- one artifact to a registry elsewhere ---------------------------------------------------- */

typedef struct target {
    imgrel_mock *mock;
    ir_call call;
    ir_auth auth;
    bool login;
    const char *url;       /* no slash at its end */
    const char *from, *to; /* repositories */
} target;

static int ask(const target *t, const char *method, const char *url, const char *type,
               const ir_buf *body, ir_reply *reply)
{
    ir_request req = {.method = method,
                      .url = url,
                      .content_type = type,
                      .auth = t->login ? &t->auth : NULL,
                      .flags = IR_HTTP_ONE_TRY | IR_HTTP_H1 | IR_HTTP_NO_REDIRECT};
    if (body)
        req.body = (ir_body){.p = ir_buf_str(body), .len = body->len};
    return url && !ir_http_do(&t->call, &req, reply, NULL) ? reply->status : 0;
}

static int start_upload(const target *t, char **ret_location)
{
    ir_reply reply = {0};
    char *url = ir_format("%s/v2/%s/blobs/uploads/", t->url, t->to);
    ir_buf none = IR_BUF(1);
    int status = ask(t, "POST", url, NULL, &none, &reply);
    const char *at = status == 202 ? ir_reply_header(&reply, "location", 0) : NULL;
    if (at)
        *ret_location = *at == '/' ? ir_format("%s%s", t->url, at) : ir_strdup(at);
    ir_buf_free(&none);
    ir_reply_free(&reply);
    free(url);
    return at ? status : 0;
}

static bool push_blob(const target *t, const char *digest)
{
    ir_reply reply = {0};
    ir_buf bytes = IR_BUF(MK_BODY_MAX);
    char *location = NULL, *url = NULL;
    bool ok = t->mock->registry->backend->read(t->mock, t->from, digest, &bytes) &&
              start_upload(t, &location);
    if (ok)
        url = ir_format("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', digest);
    ok = url && ask(t, "PUT", url, "application/octet-stream", &bytes, &reply) == 201;
    ir_reply_free(&reply);
    ir_buf_free(&bytes);
    free(location);
    free(url);
    return ok;
}

static bool push_manifest(const target *t, const char *digest, const char *type, const char *tag)
{
    ir_reply reply = {0};
    ir_buf raw = IR_BUF(IR_MANIFEST_MAX);
    ir_json *manifest = NULL;
    bool ok = t->mock->registry->backend->read(t->mock, t->from, digest, &raw) &&
              !ir_json_parse(ir_buf_str(&raw), raw.len, "manifest", &manifest, NULL);
    const ir_json *layers = ir_json_get(manifest, "layers");
    const char *config = ir_json_str(ir_json_get(manifest, "config"), "digest");
    if (ok && config)
        ok = push_blob(t, config);
    for (size_t i = 0; ok && i < ir_json_len(layers); i++)
        ok = push_blob(t, ir_json_str(ir_json_at(layers, i), "digest"));
    char *url = ir_format("%s/v2/%s/manifests/%s", t->url, t->to, tag ? tag : digest);
    ok = ok && ask(t, "PUT", url, type, &raw, &reply) == 201;
    ir_reply_free(&reply);
    ir_json_free(manifest);
    ir_buf_free(&raw);
    free(url);
    return ok;
}

/* a: a copy, as the lock is open. */
static bool push_artifact(const target *t, const ir_json *a, const ir_json *children,
                          const char *tag)
{
    bool ok = true;
    for (size_t i = 0; ok && i < ir_json_len(children); i++) {
        const ir_json *child = ir_json_at(children, i);
        ok = push_manifest(t, ir_json_str(child, "digest"),
                           ir_json_str(child, "manifest_media_type"), NULL);
    }
    return ok &&
           push_manifest(t, ir_json_str(a, "digest"), ir_json_str(a, "manifest_media_type"), tag);
}

static ir_json *children_of(const struct mk_harbor *h, const char *repository, const ir_json *a)
{
    ir_json *out = ir_json_new_array();
    const ir_json *refs = ir_json_get(a, "references");
    for (size_t i = 0; i < ir_json_len(refs); i++) {
        const ir_json *child =
            mk_artifact_find(h, repository, ir_json_str(ir_json_at(refs, i), "child_digest"));
        if (child)
            ir_json_append(out, ir_json_copy(child));
    }
    return out;
}

static bool copy_away(mk_call *c, const ir_json *registry, const ir_json *task, const ir_json *a)
{
    imgrel_mock *m = c->mock;
    target t = {.mock = m, .from = ir_json_str(task, "from"), .to = ir_json_str(task, "to")};
    const char *url = ir_json_str(registry, "url");
    char *base = ir_strndup(url, strlen(url) - (ir_ends(url, "/") ? 1 : 0));
    ir_json *copy = ir_json_copy(a), *children = children_of(c->h, t.from, a),
            *kept = ir_json_copy(registry);
    t.url = base;
    t.login = mk_push_auth(kept, &t.auth);
    pthread_mutex_unlock(&m->lock);
    bool ok = base && !mk_push_call(m, &t.call) &&
              push_artifact(&t, copy, children, ir_json_str(task, "tag"));
    pthread_mutex_lock(&m->lock);
    ir_json_free(copy);
    ir_json_free(children);
    ir_json_free(kept);
    free(base);
    return ok;
}

static bool copy_here(mk_call *c, const ir_json *task, const ir_json *a)
{
    const char *to = ir_json_str(task, "to");
    char *project = ir_strndup(to, strcspn(to, "/"));
    mk_reply unheard = {.headers = IR_BUF(IR_HEADERS_MAX), .body = IR_BUF(IR_ERROR_BODY_MAX)};
    if (project && !mk_project_find(c->h, project))
        mk_project_new(c->mock, project, ir_json_get(mk_part(c->h, "users"), "admin"), NULL, -1);
    bool ok = project && mk_artifact_copy(c->mock, ir_json_str(task, "from"), a, to,
                                          ir_json_str(task, "tag"), &unheard);
    mk_reply_free(&unheard);
    free(project);
    return ok;
}

/* ---- what a policy names --------------------------------------------------------------------- */

static bool filter_fits(const ir_json *filters, const char *type, const char *text)
{
    for (size_t i = 0; i < ir_json_len(filters); i++) {
        const ir_json *f = ir_json_at(filters, i);
        const char *value = ir_json_str(f, "value"), *how = ir_json_str(f, "decoration");
        if (!ir_streq(ir_json_str(f, "type"), type) || !value || !*value)
            continue;
        if (mk_glob(value, text) == ir_streq(how, "excludes"))
            return false;
    }
    return true;
}

/* How many of the name's own leading parts the namespace stands for; -1: all but the last. */
static char *place_of(const ir_json *policy, const char *name)
{
    const char *space = ir_json_str(policy, "dest_namespace"), *rest = name;
    int64_t drop = ir_json_int(policy, "dest_namespace_replace_count", -1);
    if (!space || !*space)
        return ir_strdup(name);
    if (drop < 0)
        rest = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    for (; drop > 0 && strchr(rest, '/'); drop--)
        rest = strchr(rest, '/') + 1;
    return ir_format("%s/%s", space, rest);
}

static void add_tasks(const ir_json *policy, const ir_json *repository, ir_json *tasks)
{
    const char *name = ir_json_str(repository, "name");
    const ir_json *filters = ir_json_get(policy, "filters"),
                  *tags = ir_json_get(repository, "tags");
    if (!filter_fits(filters, "name", name))
        return;
    char *to = place_of(policy, name);
    for (void *it = ir_json_first(tags); to && it; it = ir_json_next(tags, it))
        if (filter_fits(filters, "tag", ir_json_key(it)))
            ir_json_append(tasks, ir_json_pack("{s:s, s:s, s:s}", "from", name, "to", to, "tag",
                                               ir_json_key(it)));
    free(to);
}

static bool is_here(const imgrel_mock *m, const ir_json *registry)
{
    const char *url = ir_json_str(registry, "url");
    return url && m->url && !strncmp(url, m->url, strlen(m->url));
}

ir_json *mk_replicate(mk_call *c, const ir_json *given)
{
    ir_json *tasks = ir_json_new_array(), *policy = ir_json_copy(given);
    int64_t to = ir_json_int(ir_json_get(policy, "dest_registry"), "id", 0),
            from = ir_json_int(ir_json_get(policy, "src_registry"), "id", 0);
    const ir_json *all = mk_part(c->h, "repositories");
    ir_json *registry = ir_json_copy(mk_by_id(mk_part(c->h, "registries"), to ? to : from));
    bool here = is_here(c->mock, registry);
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        add_tasks(policy, ir_json_value(it), tasks);
    for (size_t i = 0; i < ir_json_len(tasks); i++) {
        ir_json *t = ir_json_at(tasks, i);
        const ir_json *a = mk_artifact_find(c->h, ir_json_str(t, "from"), ir_json_str(t, "tag"));
        /* What others hold it does not fetch: such a run fails. */
        bool ok = a && (here || to) && (here ? copy_here(c, t, a) : copy_away(c, registry, t, a));
        ir_json_put(t, "ok", ir_json_new_bool(ok));
    }
    ir_json_free(policy);
    ir_json_free(registry);
    return tasks;
}
