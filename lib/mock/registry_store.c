/* registry_store.c - the mock's own place for blobs: a folder with each blob once
 * (blobs/sha256/ab/<hex>) and an empty file for each repository that may give it out
 * (repositories/<name>/_blobs/sha256-<hex>). Manifests are blobs; Harbor's database knows them. */
#include "mock/registry.h"
#include "base/fd.h"
#include "fmt/digest.h"
#include "fmt/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *mk_store_blob_path(const struct mk_registry *reg, const char *digest)
{
    const char *hex = ir_digest_hex(digest);
    return ir_format("%s/blobs/%s/%.2s/%s", reg->dir, ir_digest_algorithm(digest), hex, hex);
}

char *mk_store_link_path(const struct mk_registry *reg, const char *repository, const char *digest)
{
    return ir_format("%s/repositories/%s/_blobs/%s-%s", reg->dir, repository,
                     ir_digest_algorithm(digest), ir_digest_hex(digest));
}

bool mk_store_linked(const struct mk_registry *reg, const char *repository, const char *digest)
{
    char *path = ir_digest_valid(digest) ? mk_store_link_path(reg, repository, digest) : NULL;
    bool is = path && access(path, F_OK) == 0;
    free(path);
    return is;
}

/* Makes the folder that path is in. */
static int make_parent(const char *path)
{
    char *dir = ir_strndup(path, (size_t)(strrchr(path, '/') - path));
    int rc = dir ? ir_mkdirs(dir, 0700, NULL) : IMGREL_ENOMEM;
    free(dir);
    return rc;
}

int mk_store_link(const struct mk_registry *reg, const char *repository, const char *digest)
{
    char *path = mk_store_link_path(reg, repository, digest);
    int rc = path ? make_parent(path) : IMGREL_ENOMEM;
    int fd = rc ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (rc)
        return rc;
    if (fd < 0)
        return IMGREL_EIO;
    close(fd);
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* "bytes=0-99", "bytes=100-", "bytes=-100": one range. false: none that can be served. */
static bool read_range(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_len)
{
    unsigned long long first = 0, last = 0;
    char number[24];
    const char *dash = strchr(text, '-');
    if (!dash || dash - text >= (int)sizeof number || strchr(text, ','))
        return false;
    memcpy(number, text, (size_t)(dash - text));
    number[dash - text] = '\0';
    if (!*number) {
        if (!ir_parse_u64(dash + 1, INT64_MAX, &last) || !last || !size)
            return false;
        *ret_len = (int64_t)last < size ? (int64_t)last : size;
        *ret_first = size - *ret_len;
        return true;
    }
    if (!ir_parse_u64(number, INT64_MAX, &first) || (int64_t)first >= size)
        return false;
    if (!dash[1])
        last = (unsigned long long)size - 1;
    else if (!ir_parse_u64(dash + 1, INT64_MAX, &last) || last < first)
        return false;
    if ((int64_t)last >= size)
        last = (unsigned long long)size - 1;
    *ret_first = (int64_t)first;
    *ret_len = (int64_t)(last - first + 1);
    return true;
}

static void send_blob(mk_request *r, const char *digest, int fd, int64_t size, mk_reply *p)
{
    int64_t first = 0, len = size;
    const char *range = mk_header(r, "Range");
    mk_reply_header(p, "Accept-Ranges", "bytes");
    mk_reply_header(p, "Docker-Content-Digest", "%s", digest);
    mk_reply_header(p, "Etag", "\"%s\"", digest);
    p->status = 200;
    if (range && ir_starts(range, "bytes=")) {
        if (!read_range(range + 6, size, &first, &len)) {
            close(fd);
            mk_reply_header(p, "Content-Range", "bytes */%lld", (long long)size);
            mk_reply_text(p, 416, "text/plain; charset=utf-8", "invalid range\n");
            return;
        }
        p->status = 206;
        mk_reply_header(p, "Content-Range", "bytes %lld-%lld/%lld", (long long)first,
                        (long long)(first + len - 1), (long long)size);
    }
    mk_reply_header(p, "Content-Type", "application/octet-stream");
    p->fd = fd;
    p->fd_off = first;
    p->fd_len = len;
}

static int open_blob(const struct mk_registry *reg, const char *digest, int64_t *ret_size)
{
    struct stat st;
    char *path = mk_store_blob_path(reg, digest);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    if (fd >= 0 && fstat(fd, &st)) {
        close(fd);
        fd = -1;
    }
    *ret_size = fd >= 0 ? (int64_t)st.st_size : 0;
    return fd;
}

static void delete_blob(const struct mk_registry *reg, const mk_v2 *v, mk_reply *p)
{
    char *path = mk_store_link_path(reg, v->name, v->ref);
    p->status = path && !unlink(path) ? 202 : 500;
    free(path);
}

static void blob(mk_request *r, const mk_v2 *v, mk_reply *p)
{
    const struct mk_registry *reg = r->mock->registry;
    int64_t size;
    if (!ir_digest_valid(v->ref)) {
        mk_v2_error(p, 400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        return;
    }
    bool there = mk_store_linked(reg, v->name, v->ref);
    if (there && ir_streq(r->method, "DELETE")) {
        delete_blob(reg, v, p);
        return;
    }
    int fd = there ? open_blob(reg, v->ref, &size) : -1;
    if (fd < 0)
        mk_v2_error(p, 404, "BLOB_UNKNOWN", "blob unknown to registry");
    else
        send_blob(r, v->ref, fd, size, p);
}

static bool read_small(imgrel_mock *m, const char *repository, const char *digest, ir_buf *out)
{
    char *path = mk_store_linked(m->registry, repository, digest)
                     ? mk_store_blob_path(m->registry, digest)
                     : NULL;
    bool ok = path && !ir_file_read(path, out, NULL);
    free(path);
    return ok;
}

/* ---- manifests ------------------------------------------------------------------------------- */

/* As distribution does: an OCI type that the client did not name is not there for it. */
static bool accepts(const mk_request *r, const char *media_type)
{
    if (!ir_streq(media_type, IR_MT_OCI_INDEX) && !ir_streq(media_type, IR_MT_OCI_MANIFEST))
        return true;
    char *accept = mk_header_all(r, "Accept");
    bool named = accept && strstr(accept, media_type);
    free(accept);
    return named;
}

static void manifest_get(mk_request *r, const mk_v2 *v, const char *digest, const char *media_type,
                         mk_reply *p)
{
    int64_t size;
    (void)v;
    if (!accepts(r, media_type)) {
        mk_v2_error(p, 404, "MANIFEST_UNKNOWN",
                    ir_media_is_index(media_type)
                        ? "OCI index found, but accept header does not support OCI indexes"
                        : "OCI manifest found, but accept header does not support OCI manifests");
        return;
    }
    int fd = open_blob(r->mock->registry, digest, &size);
    if (fd < 0) {
        mk_v2_error(p, 404, "MANIFEST_UNKNOWN", "manifest unknown");
        return;
    }
    mk_reply_header(p, "Content-Type", "%s", media_type);
    mk_reply_header(p, "Docker-Content-Digest", "%s", digest);
    mk_reply_header(p, "Etag", "\"%s\"", digest);
    p->status = 200;
    p->fd = fd;
    p->fd_len = size;
}

static bool check_blob(const struct mk_registry *reg, const mk_v2 *v, const ir_json *descriptor,
                       mk_reply *p)
{
    const char *digest = ir_json_str(descriptor, "digest");
    if (ir_json_len(ir_json_get(descriptor, "urls")))
        return true; /* kept elsewhere */
    if (digest && mk_store_linked(reg, v->name, digest))
        return true;
    mk_v2_error(p, 400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    return false;
}

static bool check_child(mk_request *r, const mk_v2 *v, const ir_json *descriptor, mk_reply *p)
{
    const char *digest = ir_json_str(descriptor, "digest");
    pthread_mutex_lock(&r->mock->lock);
    bool there = digest && mk_artifact_find(r->mock->harbor, v->name, digest);
    pthread_mutex_unlock(&r->mock->lock);
    if (!there)
        mk_v2_error(p, 400, "MANIFEST_BLOB_UNKNOWN", "manifest unknown to registry");
    return there;
}

static bool check_parts(mk_request *r, const mk_v2 *v, const ir_json *manifest, mk_reply *p)
{
    const struct mk_registry *reg = r->mock->registry;
    const ir_json *config = ir_json_get(manifest, "config"),
                  *layers = ir_json_get(manifest, "layers"),
                  *children = ir_json_get(manifest, "manifests");
    if (config && !check_blob(reg, v, config, p))
        return false;
    for (size_t i = 0; i < ir_json_len(layers); i++)
        if (!check_blob(reg, v, ir_json_at(layers, i), p))
            return false;
    for (size_t i = 0; i < ir_json_len(children); i++)
        if (!check_child(r, v, ir_json_at(children, i), p))
            return false;
    return true;
}

static bool manifest_put(mk_request *r, const mk_v2 *v, const char *digest, const ir_json *manifest,
                         mk_reply *p)
{
    const struct mk_registry *reg = r->mock->registry;
    if (!check_parts(r, v, manifest, p))
        return false;
    char *path = mk_store_blob_path(reg, digest);
    int rc = path ? make_parent(path) : IMGREL_ENOMEM;
    if (!rc)
        rc = ir_file_write(path, 0600, r->body, r->body_len, NULL);
    if (!rc)
        rc = mk_store_link(reg, v->name, digest);
    free(path);
    if (rc) {
        mk_v2_error(p, 500, "UNKNOWN", "internal server error");
        return false;
    }
    p->status = 201;
    return true;
}

static bool copy(imgrel_mock *m, const char *from, const char *to, const char *digest,
                 const char *media_type, const ir_json *manifest, const ir_buf *raw)
{
    const struct mk_registry *reg = m->registry;
    const ir_json *layers = ir_json_get(manifest, "layers");
    const char *config = ir_json_str(ir_json_get(manifest, "config"), "digest");
    (void)from, (void)media_type, (void)raw;
    bool ok = !config || !mk_store_link(reg, to, config);
    for (size_t i = 0; ok && i < ir_json_len(layers); i++) {
        const char *layer = ir_json_str(ir_json_at(layers, i), "digest");
        ok = layer && !mk_store_link(reg, to, layer);
    }
    return ok && !mk_store_link(reg, to, digest);
}

const mk_backend mk_store_backend = {
    .blob = blob,
    .upload = mk_store_upload,
    .begin = mk_store_begin,
    .piece = mk_store_piece,
    .finish = mk_store_finish,
    .manifest_get = manifest_get,
    .manifest_put = manifest_put,
    .read = read_small,
    .copy = copy,
};
