/* layout_index.c - the manifests of an image layout: index.json, which names the images, and the
 * manifests among the blobs. index.json is read, changed and replaced under a lock (flock on the
 * file oci-layout, which is never replaced), so that processes do not undo each other's tags. */
#include "oci/layout.h"
#include "base/fd.h"
#include "base/limits.h"

#include <stdlib.h>
#include <unistd.h>

#define INDEX_MAX IR_LIST_PAGE_MAX

/* ---- reading -------------------------------------------------------------------------------- */

const char *ir_layout_entry_tag(const ir_json *entry)
{
    const char *name = ir_json_str(ir_json_get(entry, "annotations"), IR_REF_NAME);
    return name && *name ? name : NULL;
}

int ir_layout_index(const ir_layout *l, ir_json **ret, imgrel_error *err)
{
    ir_buf b = IR_BUF(INDEX_MAX);
    *ret = NULL;
    char *path = ir_path_join(l->dir, "index.json");
    int rc = path ? ir_file_read_regular(path, &b, err) : ir_nomem(err);
    if (!rc) {
        rc = ir_json_parse(ir_buf_str(&b), b.len, path, ret, err);
    } else if (rc == IMGREL_ENOTFOUND) {
        /* A layout that nothing was put into yet. */
        ir_error_clear(err);
        *ret = ir_json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", IR_MT_OCI_INDEX,
                            "manifests");
        rc = *ret ? 0 : ir_nomem(err);
    }
    if (!rc && !ir_json_is_array(ir_json_get(*ret, "manifests")))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: index.json has no list of manifests", l->dir);
    if (rc < 0) {
        ir_json_free(*ret);
        *ret = NULL;
    }
    free(path);
    ir_buf_free(&b);
    return rc;
}

static bool entry_is(const ir_json *entry, const char *selector)
{
    return ir_streq(ir_layout_entry_tag(entry), selector) ||
           ir_streq(ir_json_str(entry, "digest"), selector);
}

int ir_layout_manifest_get(ir_store *s, const ir_call *call, const char *selector, ir_manifest *ret,
                           imgrel_error *err)
{
    ir_layout *l = (ir_layout *)s;
    ir_desc d = {0};
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    int rc = ir_layout_resolve(l, call, selector, &d, err);
    if (!rc)
        rc = ir_store_blob_read(s, call, &d, &b, err);
    if (!rc)
        rc = ir_manifest_parse(ir_buf_str(&b), b.len, d.media_type, d.digest, ret, err);
    ir_desc_free(&d);
    ir_buf_free(&b);
    return rc;
}

int ir_layout_manifest_head(ir_store *s, const ir_call *call, const char *selector, ir_desc *ret,
                            imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    int rc = ir_layout_manifest_get(s, call, selector, &m, err);
    if (rc < 0)
        return rc;
    rc = ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len);
    return rc ? ir_nomem(err) : 0;
}

/* ---- changing index.json -------------------------------------------------------------------- */

static int drop(ir_json *index, const char *selector, size_t *ret_n, imgrel_error *err)
{
    const ir_json *old = ir_json_get(index, "manifests");
    ir_json *list = ir_json_new_array();
    int bad = list ? 0 : -1;
    for (size_t i = 0; i < ir_json_len(old); i++) {
        ir_json *e = ir_json_at(old, i);
        if (selector && entry_is(e, selector))
            ++*ret_n;
        else
            bad |= ir_json_append(list, ir_json_ref(e));
    }
    bad |= ir_json_put(index, "manifests", list);
    return bad ? ir_nomem(err) : 0;
}

/* What the index names is on the disk before the index is: the blobs themselves are since they
 * were committed, their names from here on. */
static int sync_names(const ir_layout *l, imgrel_error *err)
{
    static const char *const folders[] = {"blobs/sha256", "blobs/sha512"};
    int rc = 0;
    for (size_t i = 0; !rc && !l->staged && i < sizeof folders / sizeof *folders; i++) {
        char *dir = ir_path_join(l->dir, folders[i]);
        rc = dir ? ir_folder_sync(dir, err) : ir_nomem(err);
        free(dir);
    }
    return rc;
}

int ir_layout_index_replace(ir_layout *l, const ir_json *index, imgrel_error *err)
{
    ir_buf b = IR_BUF(INDEX_MAX);
    char *path = ir_path_join(l->dir, "index.json");
    int rc = path ? sync_names(l, err) : ir_nomem(err);
    if (!rc)
        rc = ir_json_dump(index, IR_JSON_COMPACT, &b, err);
    if (!rc)
        rc = ir_file_write(path, 0644, ir_buf_str(&b), b.len, err);
    free(path);
    ir_buf_free(&b);
    return rc;
}

/* Takes the entries of a tag or digest out of the list (NULL: none, but writes it). */
static int remove_entries(ir_layout *l, const ir_call *call, const char *selector, size_t *ret_n,
                          imgrel_error *err)
{
    ir_json *index = NULL;
    *ret_n = 0;
    int fd = ir_layout_lock(l, call, err);
    if (fd < 0)
        return fd;
    int rc = ir_layout_index(l, &index, err);
    if (!rc)
        rc = drop(index, selector, ret_n, err);
    if (!rc)
        rc = ir_layout_index_replace(l, index, err);
    ir_json_free(index);
    close(fd);
    if (!rc)
        ir_layout_keep(l);
    return rc;
}

/* ---- putting -------------------------------------------------------------------------------- */

static int need(ir_store *s, const ir_call *call, const ir_desc *d, imgrel_error *err)
{
    int rc = ir_media_is_foreign(d->media_type) ? 1 : ir_store_blob_exists(s, call, d, NULL, err);
    if (rc)
        return rc < 0 ? rc : 0;
    return ir_fail(err, IMGREL_ENOTFOUND, "%s has no blob %s, which the manifest names",
                   ir_store_where(s), d->digest);
}

static int check_complete(ir_store *s, const ir_call *call, const ir_manifest *m, imgrel_error *err)
{
    int rc = m->is_index ? 0 : need(s, call, &m->config, err);
    for (size_t i = 0; !rc && i < m->n_layers; i++)
        rc = need(s, call, &m->layers[i], err);
    return rc;
}

/* Keeps in mind a manifest that has no name yet. Lock held. */
static int loose_add(ir_layout *l, const ir_desc *d)
{
    for (size_t i = 0; i < l->n_loose; i++)
        if (ir_streq(l->loose[i].digest, d->digest))
            return 0;
    ir_desc *v = realloc(l->loose, (l->n_loose + 1) * sizeof *v);
    if (!v)
        return IMGREL_ENOMEM;
    l->loose = v;
    v[l->n_loose] = (ir_desc){0};
    int rc = ir_desc_copy(d, &v[l->n_loose]);
    if (!rc)
        l->n_loose++;
    return rc;
}

static void loose_drop(ir_layout *l, const char *digest)
{
    for (size_t i = 0; i < l->n_loose; i++) {
        if (!ir_streq(l->loose[i].digest, digest))
            continue;
        ir_desc_free(&l->loose[i]);
        l->loose[i] = l->loose[--l->n_loose];
        return;
    }
}

static int note_loose(ir_layout *l, const ir_manifest *m, const ir_desc *d, const char *tag,
                      imgrel_error *err)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; m->is_index && i < m->n_layers; i++)
        loose_drop(l, m->layers[i].digest);
    if (tag)
        loose_drop(l, d->digest);
    int rc = tag ? 0 : loose_add(l, d);
    pthread_mutex_unlock(&l->lock);
    return rc ? ir_nomem(err) : 0;
}

int ir_layout_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m, const char *tag,
                           imgrel_error *err)
{
    ir_layout *l = (ir_layout *)s;
    ir_desc d = {0};
    const ir_body body = {.p = m->bytes, .len = m->len, .size = (int64_t)m->len};
    int rc = check_complete(s, call, m, err);
    if (!rc && ir_desc_set(&d, m->media_type, m->digest, (int64_t)m->len) < 0)
        rc = ir_nomem(err);
    if (!rc && m->artifact_type && !(d.artifact_type = ir_strdup(m->artifact_type)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_store_blob_put(s, call, &d, &body, NULL, NULL, err);
    if (!rc)
        rc = note_loose(l, m, &d, tag, err);
    if (!rc && tag)
        rc = ir_layout_name(l, call, &d, tag, err);
    ir_desc_free(&d);
    return rc;
}

/* A layout without an image has an index.json too. */
static int ensure_index(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    size_t n = 0;
    char *path = ir_path_join(l->dir, "index.json");
    if (!path)
        return ir_nomem(err);
    int there = access(path, F_OK) == 0;
    free(path);
    return there ? 0 : remove_entries(l, call, NULL, &n, err);
}

int ir_layout_finish(ir_store *s, const ir_call *call, imgrel_error *err)
{
    ir_layout *l = (ir_layout *)s;
    if (!(s->flags & (IR_STORE_WRITE | IR_STORE_DELETE)))
        return 0;
    int rc = ir_layout_flush(l, call, err);
    if (!rc)
        rc = ensure_index(l, call, err);
    if (!rc && l->pack)
        rc = l->pack(l, call, err);
    return rc;
}

int ir_layout_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                              imgrel_error *err)
{
    ir_layout *l = (ir_layout *)s;
    size_t n = 0;
    if (l->pack || l->staged)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: nothing can be deleted from an archive",
                       ir_store_where(s));
    if (!selector)
        return ir_fail(err, IMGREL_EINVAL, "%s: name the tag or digest to delete",
                       ir_store_where(s));
    int rc = ir_layout_flush(l, call, err);
    if (!rc)
        rc = remove_entries(l, call, selector, &n, err);
    if (!rc && !n)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image %s", ir_store_where(s), selector);
    if (rc < 0 || !ir_digest_valid(selector))
        return rc;
    char *path = ir_layout_blob_path(l, selector);
    if (path)
        unlink(path); /* what nothing names any more; that it stays does no harm */
    free(path);
    return 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

int ir_layout_tags(ir_store *s, const ir_call *call, ir_pages **ret, imgrel_error *err)
{
    ir_strv names = {0};
    ir_json *index = NULL;
    int rc = ir_layout_flush((ir_layout *)s, call, err);
    if (!rc)
        rc = ir_layout_index((ir_layout *)s, &index, err);
    const ir_json *list = ir_json_get(index, "manifests");
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const char *tag = ir_layout_entry_tag(ir_json_at(list, i));
        if (tag && ir_strv_add(&names, tag) < 0)
            rc = ir_nomem(err);
    }
    if (!rc)
        rc = ir_pages_list(&names, ret, err);
    ir_strv_free(&names);
    ir_json_free(index);
    return rc;
}

static int add_referrer(const ir_manifest *m, ir_strv *out, imgrel_error *err)
{
    ir_json *j = ir_manifest_referrer(m);
    char *text = ir_json_string(j, IR_JSON_COMPACT);
    int rc = text ? ir_strv_add(out, text) : IMGREL_ENOMEM;
    free(text);
    ir_json_free(j);
    return rc ? ir_nomem(err) : 0;
}

static bool refers(const ir_manifest *m, const char *digest, const char *artifact_type)
{
    const char *type = m->artifact_type ? m->artifact_type : m->config.media_type;
    return ir_streq(m->subject.digest, digest) && (!artifact_type || ir_streq(type, artifact_type));
}

int ir_layout_referrers(ir_store *s, const ir_call *call, const char *digest,
                        const char *artifact_type, ir_pages **ret, imgrel_error *err)
{
    ir_strv found = {0};
    ir_json *index = NULL;
    int rc = ir_layout_flush((ir_layout *)s, call, err);
    if (!rc)
        rc = ir_layout_index((ir_layout *)s, &index, err);
    const ir_json *list = ir_json_get(index, "manifests");
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const char *entry = ir_json_str(ir_json_at(list, i), "digest");
        ir_manifest m = {0};
        rc = entry ? ir_layout_manifest_get(s, call, entry, &m, err) : 0;
        if (!rc && entry && refers(&m, digest, artifact_type))
            rc = add_referrer(&m, &found, err);
        ir_manifest_free(&m);
    }
    if (!rc)
        rc = ir_pages_list(&found, ret, err);
    ir_strv_free(&found);
    ir_json_free(index);
    return rc;
}
