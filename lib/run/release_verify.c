/* release_verify.c - the proof: both tags are the image, it has its platforms, the pull robot can
 * read it, and nobody can do more than they should: no anonymous pull, no push by the pull robot,
 * no delete by the push robot. A refusal is asked for in a way that leaves nothing behind if it
 * does not come. */
#include "run/release_impl.h"

#include "base/limits.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what is there
 * ---------------------------------------------------------------------------------- */

int ir_rel_verify_tags(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_READER, login);
    const char *tags[] = {ir_rel_version(run->r), "latest"};
    for (size_t i = 0; i < 2; i++) {
        char is[IR_DIGEST_MAX];
        int rc = ir_rel_tag_digest(&call, s, tags[i], is, err);
        if (rc)
            return rc;
        if (!strcmp(is, s->digest))
            continue;
        ir_fail(err, IMGREL_EDIGEST, "%s:%s is %s, not %s", s->image.name, tags[i],
                is[0] ? is : "not there", s->digest);
        return ir_cure(err, "somebody else pushes it; run apply again"), IMGREL_EDIGEST;
    }
    ir_rel_say(row, NULL, "%s and latest", tags[0]);
    memcpy(row->digest, s->digest, sizeof row->digest);
    return 0;
}

static int verify_platform(const ir_call *call, ir_store *store, const ir_rel_site *s,
                           const ir_platform *want, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_buf) config = IR_BUF(IR_CONFIG_MAX);
    int rc = ir_store_image_get(store, call, s->digest, want, &m, err);
    return rc ? rc : ir_store_blob_read(store, call, &m.config, &config, err);
}

int ir_rel_verify_platforms(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_READER, login);
    ir_store *store = NULL;
    char *text = ir_rel_platforms(run->r);
    ir_platform *want = NULL;
    size_t n = 0;
    int rc = text ? ir_platform_list(text, &want, &n, err) : 0;
    if (!rc)
        rc = ir_rel_store(&call, s, IR_STORE_READ, &store, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = verify_platform(&call, store, s, &want[i], err);
    if (!rc && text) {
        ir_rel_say(row, NULL, "%s", text);
    } else if (!rc) {
        ir_buf has = IR_BUF(64 * 1024);
        ir_manifest_platforms(&s->top, &has);
        ir_rel_say(row, NULL, "%s", has.len ? ir_buf_str(&has) : "one, as it is");
        ir_buf_free(&has);
    }
    ir_store_free(store);
    free(want);
    free(text);
    return rc;
}

int ir_rel_verify_pull(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    IR_AUTO(ir_manifest) m = {0};
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_PULL, login);
    ir_store *store = NULL;
    if (!s->pull_secret) {
        ir_rel_say(row, "skipped", "not done: no cluster has the pull robot's secret");
        return 0;
    }
    int rc = ir_rel_store(&call, s, IR_STORE_READ, &store, err);
    if (!rc)
        rc = ir_store_manifest_get(store, &call, s->digest, &m, err);
    ir_store_free(store);
    if (!rc)
        ir_rel_say(row, NULL, "%s reads it", s->pull_user);
    return rc;
}

/* ---- what must be refused
 * --------------------------------------------------------------------------- */

/* One request to the repository; 1: refused (401, 403), 0: not, with the reply in ret. */
static int probe(const ir_call *call, const ir_rel_site *s, const char *method, const char *path,
                 const char *actions, ir_reply *ret, imgrel_error *err)
{
    char *base = NULL, *url = NULL, *scope = NULL;
    imgrel_error why = {0};
    int rc = ir_host_url(call, s->image.host, &base, err);
    if (rc)
        return rc;
    url = ir_format("%s/v2/%s/%s", base, s->image.repository, path);
    scope = ir_format("repository:%s:%s", s->image.repository, actions);
    const char *scopes[] = {scope};
    ir_auth auth = {
        .kind = IR_AUTH_REGISTRY, .host = s->image.host, .scopes = scopes, .n_scopes = 1};
    ir_request req = {.method = method,
                      .url = url,
                      .accept = ir_media_accept_manifests,
                      .body_max = IR_MANIFEST_MAX,
                      .auth = &auth,
                      .flags = IR_HTTP_NO_REDIRECT};
    rc = url && scope ? ir_http_do(call, &req, ret, &why) : ir_nomem(&why);
    bool refused = rc == IMGREL_EAUTH || rc == IMGREL_EDENIED ||
                   (!rc && (ret->status == 401 || ret->status == 403));
    if (!refused && rc && err && !err->code)
        *err = why;
    free(base);
    free(url);
    free(scope);
    return refused ? 1 : rc;
}

static int allowed(const ir_rel_site *s, const char *what, const char *cure, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "%s: %s is not refused", s->image.name, what);
    return ir_cure(err, "%s", cure), IMGREL_EFAILED;
}

int ir_rel_refuse_anonymous(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_reply reply = {0};
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_NOBODY, login);
    char *path = ir_format("manifests/%s", s->digest);
    int rc = !path                      ? ir_nomem(err)
             : !run->r->file.is_private ? 2
                                        : probe(&call, s, "GET", path, "pull", &reply, err);
    ir_reply_free(&reply);
    free(path);
    if (rc == 2)
        ir_rel_say(row, "skipped", "not done: the project is meant to be public");
    else if (rc == 1)
        ir_rel_say(row, NULL, "refused");
    else if (rc == 0)
        return allowed(s, "an anonymous pull", "make the project private in Harbor", err);
    return rc < 0 ? rc : 0;
}

/* What was begun against all expectation is ended. */
static void cancel_upload(const ir_call *call, const ir_rel_site *s, const ir_reply *begun)
{
    const char *location = ir_reply_header(begun, "location", 0);
    char *url = NULL, *scope = ir_format("repository:%s:pull,push", s->image.repository);
    const char *scopes[] = {scope};
    ir_auth auth = {
        .kind = IR_AUTH_REGISTRY, .host = s->image.host, .scopes = scopes, .n_scopes = 1};
    ir_reply reply = {0};
    if (location && scope && !ir_url_join(begun->url, location, &url, NULL)) {
        ir_request req = {.method = "DELETE", .url = url, .auth = &auth};
        if (ir_http_do(call, &req, &reply, NULL))
            ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "release",
                       "an upload that was begun could not be ended", "url", url, NULL);
    }
    ir_reply_free(&reply);
    free(url);
    free(scope);
}

int ir_rel_refuse_push(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_reply reply = {0};
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_PULL, login);
    if (!s->pull_secret) {
        ir_rel_say(row, "skipped", "not done: no cluster has the pull robot's secret");
        return 0;
    }
    int rc = probe(&call, s, "POST", "blobs/uploads/", "pull,push", &reply, err);
    if (rc == 0 && reply.status == 202)
        cancel_upload(&call, s, &reply);
    ir_reply_free(&reply);
    if (rc == 0)
        return allowed(s, "a push by the pull robot", "look at the robot's rights in Harbor", err);
    ir_rel_say(row, NULL, "refused to %s", s->pull_user);
    return rc < 0 ? rc : 0;
}

/* Of something that is not there: who may delete gets 404 instead of the refusal. */
int ir_rel_refuse_delete(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_reply reply = {0};
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_PUSH, login);
    unsigned char noise[32];
    char digest[IR_DIGEST_MAX];
    if (!s->push_secret) {
        ir_rel_say(row, "skipped", "not done: the push robot's secret is not saved here");
        return 0;
    }
    int rc = ir_random(noise, sizeof noise, err);
    if (!rc)
        rc = ir_hash_bytes(noise, sizeof noise, digest, err);
    char *path = rc ? NULL : ir_format("manifests/%s", digest);
    if (!rc)
        rc = path ? probe(&call, s, "DELETE", path, "delete", &reply, err) : ir_nomem(err);
    ir_reply_free(&reply);
    free(path);
    if (rc == 0)
        return allowed(s, "a delete by the push robot", "look at the robot's rights in Harbor",
                       err);
    ir_rel_say(row, NULL, "refused to %s", s->push_user);
    return rc < 0 ? rc : 0;
}

/* ---- logins of a run that makes nothing
 * ------------------------------------------------------------- */

/* The push robot's from the state, the pull robot's from the first cluster that has one. */
int ir_rel_check_logins(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    char *section = ir_format("registry %s", s->key);
    const char *name = section ? ir_rel_state_get(&run->state, section, "push_robot") : NULL;
    imgrel_error why = {0};
    int rc = section ? 0 : ir_nomem(err);
    if (!rc && name && !s->push_secret) {
        rc = ir_rel_secret_read(&run->state, s->key, &s->push_secret, &why);
        s->push_user = rc ? NULL : ir_strdup(name);
        if (rc && rc != IMGREL_ENOTFOUND)
            ir_fail(err, rc, "%s", why.message);
        else
            rc = 0;
    }
    for (size_t i = 0; !rc && !s->pull_secret && i < run->r->file.n_clusters; i++) {
        const ir_rel_place *p = &run->places[i];
        if (p->site != s || !p->secret)
            continue;
        s->pull_user = ir_strdup(p->user);
        s->pull_secret = ir_strdup(p->secret);
        if (!s->pull_user || !s->pull_secret)
            rc = ir_nomem(err);
    }
    free(section);
    if (!rc)
        ir_rel_say(row, NULL, "push robot %s, pull robot %s",
                   s->push_user ? s->push_user : "unknown",
                   s->pull_user ? s->pull_user : "unknown");
    return rc;
}
