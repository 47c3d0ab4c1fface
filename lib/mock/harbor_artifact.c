/* harbor_artifact.c - artifacts as Harbor keeps them after a push: made from manifest and config,
 * found by tag or digest, gone with all their tags; children of an index stay with it. */
#include "mock/harbor.h"
#include "fmt/digest.h"
#include "fmt/media.h"

#include <stdio.h>
#include <stdlib.h>

#define UNSET_TIME "0001-01-01T00:00:00.000Z"

ir_json *mk_repository_find(const struct mk_harbor *h, const char *repository)
{
    return ir_json_get(mk_part(h, "repositories"), repository);
}

ir_json *mk_artifact_find(const struct mk_harbor *h, const char *repository, const char *reference)
{
    const ir_json *r = mk_repository_find(h, repository);
    const char *digest =
        ir_digest_valid(reference)
            ? reference
            : ir_json_str(ir_json_get(ir_json_get(r, "tags"), reference), "digest");
    return digest ? ir_json_get(ir_json_get(r, "artifacts"), digest) : NULL;
}

/* ---- what a push makes ----------------------------------------------------------------------- */

ir_json *mk_project_of(const struct mk_harbor *h, const char *repository)
{
    char *name = ir_strndup(repository, strcspn(repository, "/"));
    ir_json *p = name ? mk_project_find(h, name) : NULL;
    free(name);
    return p;
}

static ir_json *new_repository(imgrel_mock *m, const char *name)
{
    char now[40];
    ir_json *project = mk_project_of(m->harbor, name);
    long long id = mk_next_id(m->harbor, "repository");
    mk_time(m, now);
    ir_json *r =
        ir_json_pack("{s:I, s:I, s:s, s:i, s:s, s:s, s:{}, s:{}}", "id", id, "project_id",
                     (long long)ir_json_int(project, "project_id", 0), "name", name, "pull_count",
                     0, "creation_time", now, "update_time", now, "artifacts", "tags");
    ir_json_put(mk_part(m->harbor, "repositories"), name, r);
    ir_json_put(project, "repo_count", ir_json_new_int(ir_json_int(project, "repo_count", 0) + 1));
    return r;
}

static void add_blob(ir_json *blobs, const ir_json *descriptor)
{
    const char *digest = ir_json_str(descriptor, "digest");
    if (digest)
        ir_json_put(blobs, digest, ir_json_new_int(ir_json_int(descriptor, "size", 0)));
}

/* {digest: size} of all that the manifest is made of, itself too. */
static ir_json *blobs_of(const mk_pushed *w)
{
    ir_json *blobs = ir_json_new_object();
    const ir_json *layers = ir_json_get(w->manifest, "layers");
    ir_json_put(blobs, w->digest, ir_json_new_int(w->size));
    add_blob(blobs, ir_json_get(w->manifest, "config"));
    for (size_t i = 0; i < ir_json_len(layers); i++)
        add_blob(blobs, ir_json_at(layers, i));
    return blobs;
}

static int64_t sum(const ir_json *blobs)
{
    int64_t total = 0;
    for (void *it = ir_json_first(blobs); it; it = ir_json_next(blobs, it))
        total += ir_json_number(ir_json_value(it), 0);
    return total;
}

static void add_used(ir_json *seen, const ir_json *repository)
{
    const ir_json *all = ir_json_get(repository, "artifacts");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *blobs = ir_json_get(ir_json_value(it), "blobs");
        for (void *b = ir_json_first(blobs); b; b = ir_json_next(blobs, b))
            ir_json_put(seen, ir_json_key(b), ir_json_ref(ir_json_value(b)));
    }
}

static ir_json *blobs_of_project(const struct mk_harbor *h, const ir_json *project)
{
    ir_json *seen = ir_json_new_object();
    const ir_json *all = mk_part(h, "repositories");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_int(ir_json_value(it), "project_id", 0) ==
            ir_json_int(project, "project_id", -1))
            add_used(seen, ir_json_value(it));
    return seen;
}

int64_t mk_project_used(const struct mk_harbor *h, const ir_json *project)
{
    ir_json *seen = blobs_of_project(h, project);
    int64_t total = sum(seen);
    ir_json_free(seen);
    return total;
}

/* {digest: size} on top of what the project has; what it has counts once. */
static bool quota_allows(imgrel_mock *m, const char *repository, const ir_json *blobs, mk_reply *p)
{
    const ir_json *project = mk_project_of(m->harbor, repository);
    int64_t hard = ir_json_int(project, "storage_limit", -1);
    if (hard < 0)
        return true;
    ir_json *all = blobs_of_project(m->harbor, project);
    int64_t used = sum(all);
    for (void *it = ir_json_first(blobs); it; it = ir_json_next(blobs, it))
        ir_json_put(all, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    int64_t then = sum(all);
    ir_json_free(all);
    if (then <= hard || then == used)
        return true;
    mk_error(p, 403, "DENIED",
             "adding %lld B of storage resource, which when updated to current "
             "usage of %lld B will exceed the configured upper limit of %lld B.",
             (long long)(then - used), (long long)used, (long long)hard);
    return false;
}

bool mk_quota_blob(imgrel_mock *m, const char *repository, const char *digest, int64_t size,
                   mk_reply *p)
{
    ir_json *blob = ir_json_new_object();
    ir_json_put(blob, digest, ir_json_new_int(size));
    pthread_mutex_lock(&m->lock);
    bool ok = quota_allows(m, repository, blob, p);
    pthread_mutex_unlock(&m->lock);
    ir_json_free(blob);
    return ok;
}

static void put_ref(ir_json *to, const char *key, const ir_json *from)
{
    ir_json *v = ir_json_get(from, key);
    if (v)
        ir_json_put(to, key, ir_json_ref(v));
}

static ir_json *extra_attrs(const mk_pushed *w)
{
    static const char *const keys[] = {"architecture", "author", "config", "created", "os", NULL};
    ir_json *j = ir_json_new_object();
    for (const char *const *k = keys; *k; k++)
        put_ref(j, *k, w->config);
    return j;
}

/* An index's children, as far as they are there; its size is theirs. */
static ir_json *references_of(const struct mk_harbor *h, const mk_pushed *w, int64_t *ret_size)
{
    ir_json *out = ir_json_new_array();
    const ir_json *children = ir_json_get(w->manifest, "manifests");
    *ret_size = 0;
    for (size_t i = 0; i < ir_json_len(children); i++) {
        const ir_json *d = ir_json_at(children, i), *platform = ir_json_get(d, "platform");
        const char *digest = ir_json_str(d, "digest"), *variant = ir_json_str(platform, "variant");
        const ir_json *child = digest ? mk_artifact_find(h, w->repository, digest) : NULL;
        if (!child)
            continue;
        const char *arch = ir_json_str(platform, "architecture"), *os = ir_json_str(platform, "os");
        ir_json *p = ir_json_pack("{s:s, s:s, s:n}", "architecture", arch ? arch : "", "os",
                                  os ? os : "", "OsFeatures");
        ir_json_puts(p, "variant", variant);
        ir_json *r = ir_json_pack("{s:s, s:I, s:o, s:n}", "child_digest", digest, "child_id",
                                  (long long)ir_json_int(child, "id", 0), "platform", p, "urls");
        put_ref(r, "annotations", d);
        ir_json_append(out, r);
        *ret_size += ir_json_int(child, "size", 0);
    }
    return out;
}

static void count_children(struct mk_harbor *h, const char *repository, const ir_json *artifact,
                           int step)
{
    const ir_json *refs = ir_json_get(artifact, "references");
    for (size_t i = 0; i < ir_json_len(refs); i++) {
        char *key =
            ir_format("%s@%s", repository, ir_json_str(ir_json_at(refs, i), "child_digest"));
        if (key)
            ir_json_put(h->children, key, ir_json_new_int(ir_json_int(h->children, key, 0) + step));
        free(key);
    }
}

static ir_json *new_artifact(imgrel_mock *m, const mk_pushed *w, ir_json *blobs)
{
    char now[40];
    int64_t size = sum(blobs);
    bool index = ir_media_is_index(w->media_type);
    const char *config_type = ir_json_str(ir_json_get(w->manifest, "config"), "mediaType"),
               *type = index         ? w->media_type
                       : config_type ? config_type
                                     : w->media_type,
               *artifact_type = ir_json_str(w->manifest, "artifactType");
    mk_time(m, now);
    long long id = mk_next_id(m->harbor, "artifact");
    ir_json *a = ir_json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[]}", "id", id, "digest",
                              w->digest, "media_type", type, "manifest_media_type", w->media_type,
                              "artifact_type", artifact_type ? artifact_type : type, "push_time",
                              now, "pull_time", UNSET_TIME, "blobs", blobs, "labels");
    ir_json_puts(a, "type", index || ir_media_is_config(config_type) ? "IMAGE" : "UNKNOWN");
    if (index)
        ir_json_put(a, "references", references_of(m->harbor, w, &size));
    else
        ir_json_put(a, "extra_attrs", extra_attrs(w));
    ir_json_put(a, "size", ir_json_new_int(size));
    put_ref(a, "annotations", w->manifest);
    put_ref(a, "history", w->config);
    ir_json_puts(a, "subject", ir_json_str(ir_json_get(w->manifest, "subject"), "digest"));
    count_children(m->harbor, w->repository, a, 1);
    return a;
}

void mk_tag_set(imgrel_mock *m, ir_json *repository, const char *name, const char *digest)
{
    char now[40];
    ir_json *tags = ir_json_get(repository, "tags"), *tag = ir_json_get(tags, name);
    if (ir_streq(ir_json_str(tag, "digest"), digest))
        return;
    mk_time(m, now);
    ir_json_put(tags, name,
                ir_json_pack("{s:I, s:s, s:s, s:s, s:s}", "id",
                             (long long)mk_next_id(m->harbor, "tag"), "name", name, "digest",
                             digest, "push_time", now, "pull_time", UNSET_TIME));
    ir_json_puts(repository, "update_time", now);
}

static void enter(imgrel_mock *m, const mk_pushed *w, ir_json *repository, ir_json *blobs)
{
    const ir_json *project = mk_project_of(m->harbor, w->repository);
    ir_json *a = new_artifact(m, w, blobs);
    ir_json_put(ir_json_get(repository, "artifacts"), w->digest, a);
    if (mk_scan_available(m->harbor) &&
        ir_streq(ir_json_str(ir_json_get(project, "metadata"), "auto_scan"), "true"))
        mk_scan_begin(m, repository, a);
}

bool mk_artifact_pushed(imgrel_mock *m, const mk_pushed *w, mk_reply *p)
{
    ir_json *repository = mk_repository_find(m->harbor, w->repository), *blobs = blobs_of(w);
    const ir_json *project = mk_project_of(m->harbor, w->repository);
    if (!quota_allows(m, w->repository, blobs, p)) {
        ir_json_free(blobs);
        return false;
    }
    if (!repository)
        repository = new_repository(m, w->repository);
    ir_json *all = ir_json_get(repository, "artifacts");
    if (ir_json_get(all, w->digest))
        ir_json_free(blobs);
    else
        enter(m, w, repository, blobs);
    if (w->tag)
        mk_tag_set(m, repository, w->tag, w->digest);
    char *what =
        ir_format("%s%c%s", w->repository, w->tag ? ':' : '@', w->tag ? w->tag : w->digest);
    mk_audit(m, w->who, project, "create", "artifact", what);
    free(what);
    mk_state_changed(m);
    return true;
}

void mk_artifact_pulled(imgrel_mock *m, ir_json *repository, ir_json *artifact)
{
    char now[40];
    mk_time(m, now);
    ir_json_puts(artifact, "pull_time", now);
    ir_json_put(repository, "pull_count",
                ir_json_new_int(ir_json_int(repository, "pull_count", 0) + 1));
}

static bool is_child(const struct mk_harbor *h, const ir_json *repository, const ir_json *artifact)
{
    char *key =
        ir_format("%s@%s", ir_json_str(repository, "name"), ir_json_str(artifact, "digest"));
    bool child = key && ir_json_int(h->children, key, 0) > 0;
    free(key);
    return child;
}

bool mk_artifact_delete(imgrel_mock *m, ir_json *repository, ir_json *artifact, mk_reply *p)
{
    struct mk_harbor *h = m->harbor;
    ir_json *tags = ir_json_get(repository, "tags"), *kept = ir_json_new_object();
    char *digest = ir_strdup(ir_json_str(artifact, "digest"));
    if (is_child(h, repository, artifact)) {
        mk_error(p, 412, "VIOLATE_FOREIGN_KEY_CONSTRAINT",
                 "the deleting artifact %lld is referenced "
                 "by others",
                 (long long)ir_json_int(artifact, "id", 0));
        ir_json_free(kept);
        free(digest);
        return false;
    }
    if (!mk_immutable_check(m, repository, artifact, NULL, p)) {
        ir_json_free(kept);
        free(digest);
        return false;
    }
    for (void *it = ir_json_first(tags); it; it = ir_json_next(tags, it))
        if (!ir_streq(ir_json_str(ir_json_value(it), "digest"), digest))
            ir_json_put(kept, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    ir_json_put(repository, "tags", kept);
    count_children(h, ir_json_str(repository, "name"), artifact, -1);
    ir_json_remove(ir_json_get(repository, "artifacts"), digest ? digest : "");
    free(digest);
    mk_state_changed(m);
    return true;
}

/* ---- how they are shown ---------------------------------------------------------------------- */

ir_json *mk_tags_of(const struct mk_harbor *h, const ir_json *repository, const ir_json *artifact)
{
    ir_json *out = ir_json_new_array();
    const ir_json *tags = ir_json_get(repository, "tags");
    for (void *it = ir_json_first(tags); it; it = ir_json_next(tags, it)) {
        const ir_json *t = ir_json_value(it);
        if (!ir_streq(ir_json_str(t, "digest"), ir_json_str(artifact, "digest")))
            continue;
        ir_json_append(out, ir_json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:b}", "id",
                                         (long long)ir_json_int(t, "id", 0), "artifact_id",
                                         (long long)ir_json_int(artifact, "id", 0), "repository_id",
                                         (long long)ir_json_int(repository, "id", 0), "name",
                                         ir_json_key(it), "push_time", ir_json_str(t, "push_time"),
                                         "pull_time", ir_json_str(t, "pull_time"), "immutable",
                                         mk_immutable(h, repository, ir_json_key(it))));
    }
    return out;
}

/* An empty list inside an object is null in Harbor's JSON. */
static ir_json *or_null(ir_json *array)
{
    if (ir_json_len(array))
        return array;
    ir_json_free(array);
    return ir_json_pack("n");
}

static void add_links(mk_call *c, ir_json *j, const ir_json *repository, const char *digest)
{
    ir_json *links = ir_json_new_object();
    const char *name = ir_json_str(repository, "name"), *slash = strchr(name, '/');
    ir_buf once = IR_BUF(IR_URL_MAX), base = IR_BUF(IR_URL_MAX);
    for (const char *p = slash ? slash + 1 : name; *p; p++)
        ir_buf_addf(&once, *p == '/' ? "%%252F" : "%c", *p);
    ir_buf_addf(&base, "/api/v2.0/projects/%.*s/repositories/%s/artifacts/",
                (int)(slash ? slash - name : 0), name, ir_buf_str(&once));
    const char *const known[] = {"vulnerabilities", "build_history", NULL};
    for (const char *const *k = known; *k; k++) {
        char *href = ir_format("%s%s/additions/%s", ir_buf_str(&base), digest, *k);
        if (!ir_json_get(j, "references") || k == known)
            ir_json_put(links, *k, ir_json_pack("{s:b, s:s}", "absolute", 0, "href", href));
        free(href);
    }
    if (c->h->minor >= 11) { /* Harbor forgets the digest here */
        char *href = ir_format("%s/additions/sbom", ir_buf_str(&base));
        ir_json_put(links, "sboms", ir_json_pack("{s:b, s:s}", "absolute", 0, "href", href));
        free(href);
    }
    ir_json_put(j, "addition_links", links);
    ir_buf_free(&once);
    ir_buf_free(&base);
}

static ir_json *render_references(const ir_json *artifact)
{
    ir_json *out = ir_json_new_array();
    const ir_json *all = ir_json_get(artifact, "references");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        ir_json *r = ir_json_copy(ir_json_at(all, i));
        ir_json_put(r, "parent_id", ir_json_ref(ir_json_get(artifact, "id")));
        ir_json_append(out, r);
    }
    return or_null(out);
}

static ir_json *render_labels(mk_call *c, const ir_json *artifact)
{
    ir_json *out = ir_json_new_array();
    const ir_json *ids = ir_json_get(artifact, "labels");
    for (size_t i = 0; i < ir_json_len(ids); i++) {
        ir_json *l = mk_by_id(mk_part(c->h, "labels"), ir_json_number(ir_json_at(ids, i), 0));
        if (l)
            ir_json_append(out, ir_json_copy(l));
    }
    return or_null(out);
}

static bool asked(mk_call *c, const char *name, bool dflt)
{
    char *v = mk_query(c->r, name);
    bool yes = v && *v ? ir_streq(v, "true") || ir_streq(v, "1") : dflt;
    free(v);
    return yes;
}

ir_json *mk_artifact_render(mk_call *c, const ir_json *repository, const ir_json *artifact)
{
    static const char *const same[] = {
        "id",   "type",      "digest",    "media_type",  "manifest_media_type", "artifact_type",
        "size", "push_time", "pull_time", "extra_attrs", "annotations",         NULL};
    ir_json *j = ir_json_new_object();
    for (const char *const *k = same; *k; k++)
        put_ref(j, *k, artifact);
    put_ref(j, "project_id", repository);
    ir_json_put(j, "repository_id", ir_json_ref(ir_json_get(repository, "id")));
    if (c->h->minor >= 12)
        ir_json_puts(j, "repository_name", ir_json_str(repository, "name"));
    ir_json_put(j, "references", render_references(artifact));
    ir_json_put(j, "tags",
                asked(c, "with_tag", true) ? or_null(mk_tags_of(c->h, repository, artifact))
                                           : ir_json_pack("n"));
    ir_json_put(j, "labels",
                asked(c, "with_label", false) ? render_labels(c, artifact) : ir_json_pack("n"));
    ir_json_put(j, "accessories", ir_json_pack("n"));
    if (asked(c, "with_scan_overview", false)) {
        ir_json *overview = mk_scan_overview(c, artifact);
        if (overview)
            ir_json_put(j, "scan_overview", overview);
    }
    add_links(c, j, repository, ir_json_str(artifact, "digest"));
    return j;
}

/* Not in lists: an index's children and what points at a subject, unless they have a tag. */
bool mk_artifact_hidden(const struct mk_harbor *h, const ir_json *repository,
                        const ir_json *artifact)
{
    const char *subject = ir_json_str(artifact, "subject");
    bool child = is_child(h, repository, artifact) ||
                 (subject && ir_json_get(ir_json_get(repository, "artifacts"), subject));
    if (!child)
        return false;
    ir_json *tags = mk_tags_of(h, repository, artifact);
    bool tagged = ir_json_len(tags) > 0;
    ir_json_free(tags);
    return !tagged;
}
