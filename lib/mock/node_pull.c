/* node_pull.c - pulls an image as containerd does: reference, manifest, the host's platform, config
 * and layers with their digests checked, and for a node that runs containers the layers extracted,
 * once per digest. What goes wrong is told in containerd's words, which clients have to classify.
 */
#include "mock/node.h"

#include "base/fd.h"
#include "oci/archive.h"
#include "oci/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct pulling {
    struct mk_node *node;
    ir_call call;
    ir_login login;
    ir_ref ref;
    ir_store *store;
    char top[IR_DIGEST_MAX];
    ir_manifest manifest; /* the platform's */
    bool no_platform;
} pulling;

/* ---- why not -------------------------------------------------------------------------------- */

static char *net_words(const pulling *p, const imgrel_error *err)
{
    const char *m = err->message, *host = p->ref.host;
    const char *selector = ir_ref_selector(&p->ref);
    char *head = ir_format("failed to do request: Head \"https://%s/v2/%s/manifests/%s\": ", host,
                           p->ref.repository, selector),
         *out;
    if (strcasestr(m, "refused"))
        out = ir_format("%sdial tcp %s: connect: connection refused", head, host);
    else if (strcasestr(m, "resolve"))
        out = ir_format("%sdial tcp: lookup %s: no such host", head, host);
    else if (strcasestr(m, "SSL") || strcasestr(m, "TLS"))
        out = ir_format("%stls: first record does not look like a TLS handshake", head);
    else
        out = ir_format("%s%s", head, m);
    free(head);
    return out;
}

static char *cause(const pulling *p, const imgrel_error *err)
{
    const char *name = p->ref.name, *host = p->ref.host, *selector = ir_ref_selector(&p->ref);
    int status = err->http_status;
    char *inner = NULL, *out;
    if (err->code == IMGREL_EAUTH || err->code == IMGREL_EDENIED)
        inner = ir_format("pulling from host %s failed with status code [manifests %s]: %s", host,
                          selector, status == 403 ? "403 Forbidden" : "401 Unauthorized");
    else if (err->code == IMGREL_ENOTFOUND)
        inner = ir_format("%s: not found", name);
    else if (err->code == IMGREL_ENET || err->code == IMGREL_ETIMEOUT)
        inner = net_words(p, err);
    else
        inner = ir_strdup(err->message);
    out =
        err->code == IMGREL_EDIGEST
            ? ir_format("failed to pull and unpack image \"%s\": failed commit: unexpected commit "
                        "digest: %s: failed precondition",
                        name, err->message)
            : ir_format("%sfailed to pull and unpack image \"%s\": failed to resolve reference "
                        "\"%s\": %s",
                        err->code == IMGREL_ENOTFOUND ? "rpc error: code = NotFound desc = " : "",
                        name, name, inner ? inner : "");
    free(inner);
    return out;
}

static char *words(const pulling *p, const imgrel_error *err)
{
    if (p->no_platform)
        return ir_format(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"%s\": "
            "no match for platform in manifest: not found",
            p->ref.name);
    return cause(p, err);
}

/* ---- blobs ---------------------------------------------------------------------------------- */

static int64_t read_layer(void *user, void *buf, size_t len, imgrel_error *err)
{
    return ir_reader_read(user, buf, len, err);
}

/* Extracts a layer, or only reads it; to its verified end in either case. */
static int take_layer(pulling *p, const ir_desc *d, const char *root, imgrel_error *err)
{
    ir_reader *r = NULL;
    char *buf = malloc(64 * IR_KIB);
    int64_t n = 1;
    int rc = buf ? ir_store_blob_open(p->store, &p->call, d, &r, err) : ir_nomem(err);
    if (!rc && root)
        rc = ir_layer_extract(&p->call, read_layer, r, root, err);
    while (!rc && n > 0)
        if ((n = ir_reader_read(r, buf, 64 * IR_KIB, err)) < 0)
            rc = (int)n;
    ir_reader_close(r);
    free(buf);
    return rc;
}

static int take_layers(pulling *p, const char *root, imgrel_error *err)
{
    int rc = root ? ir_mkdirs(root, 0755, err) : 0;
    for (size_t i = 0; !rc && i < p->manifest.n_layers; i++)
        rc = take_layer(p, &p->manifest.layers[i], root, err);
    return rc;
}

/* The folder appears whole, under the manifest's digest, or not at all. */
static int extract(pulling *p, char **ret, imgrel_error *err)
{
    const struct mk_node *n = p->node;
    char *path = ir_format("%s/images/%s", n->dir, ir_digest_hex(p->manifest.digest));
    char *part = ir_format("%s/images/part", n->dir);
    int rc = path && part ? 0 : ir_nomem(err);
    *ret = NULL;
    if (!rc && access(path, F_OK)) {
        rc = ir_rmtree(part, NULL);
        rc = take_layers(p, part, err);
        if (!rc && rename(part, path))
            rc = ir_fail(err, IMGREL_EIO, "mock node: cannot rename %s", part);
        if (rc)
            (void)!ir_rmtree(part, NULL);
    }
    if (!rc) {
        *ret = path;
        path = NULL;
    }
    free(path);
    free(part);
    return rc;
}

/* ---- the image ------------------------------------------------------------------------------ */

static void image_free(mk_image *i)
{
    if (!i)
        return;
    free(i->name);
    free(i->digest);
    free(i->id);
    free(i->rootfs);
    ir_json_free(i->config);
    free(i);
}

void mk_images_free(struct mk_node *n)
{
    while (n->images) {
        mk_image *next = n->images->next;
        image_free(n->images);
        n->images = next;
    }
}

const mk_image *mk_image_find(struct mk_node *n, const char *reference)
{
    ir_ref ref = {0};
    const mk_image *found = NULL;
    if (!ir_ref_parse(reference, &ref, NULL))
        for (const mk_image *i = n->images; i && !found; i = i->next)
            if (!strcmp(i->name, ref.name))
                found = i;
    ir_ref_free(&ref);
    return found;
}

static int read_config(pulling *p, mk_image *image, imgrel_error *err)
{
    ir_buf text = IR_BUF(IR_CONFIG_MAX);
    const ir_desc *d = &p->manifest.config;
    int rc = ir_store_blob_read(p->store, &p->call, d, &text, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&text), text.len, "image config", &image->config, err);
    image->size = d->size;
    for (size_t i = 0; i < p->manifest.n_layers; i++)
        image->size += p->manifest.layers[i].size;
    ir_buf_free(&text);
    return rc;
}

static int choose_platform(pulling *p, imgrel_error *err)
{
    ir_platform host;
    ir_manifest index = p->manifest;
    ir_platform_host(&host);
    const ir_desc *d = ir_manifest_find(&index, &host);
    p->manifest = (ir_manifest){0};
    p->no_platform = !d;
    int rc = d ? ir_store_manifest_get(p->store, &p->call, d->digest, &p->manifest, err)
               : ir_fail(err, IMGREL_ENOTFOUND, "no match for platform in manifest");
    ir_manifest_free(&index);
    return rc;
}

static int resolve(pulling *p, imgrel_error *err)
{
    int rc = ir_store_open(&p->call, &p->ref, IR_STORE_READ, &p->store, err);
    if (!rc)
        rc = ir_store_manifest_get(p->store, &p->call, NULL, &p->manifest, err);
    if (rc)
        return rc;
    memcpy(p->top, p->manifest.digest, sizeof p->top);
    return p->manifest.is_index ? choose_platform(p, err) : 0;
}

static int fetch(pulling *p, mk_image **ret, imgrel_error *err)
{
    mk_image *image = calloc(1, sizeof *image);
    int rc = image ? resolve(p, err) : ir_nomem(err);
    if (!rc)
        rc = read_config(p, image, err);
    if (!rc && p->node->mode == MK_NODE_RUN)
        rc = extract(p, &image->rootfs, err);
    else if (!rc)
        rc = take_layers(p, NULL, err);
    if (!rc) {
        image->name = ir_strdup(p->ref.name);
        image->digest = ir_strdup(p->top);
        image->id = ir_strdup(p->manifest.config.digest);
        rc = image->name && image->digest && image->id ? 0 : ir_nomem(err);
    }
    if (rc) {
        image_free(image);
        image = NULL;
    }
    *ret = image;
    return rc;
}

/* One attempt with one login. */
static mk_image *try_login(struct mk_node *n, const char *reference, const mk_login *login,
                           bool *ret_auth, char **ret_why)
{
    imgrel_error err = {0};
    mk_image *image = NULL;
    pulling p = {.node = n};
    int rc = ir_ref_parse(reference, &p.ref, &err);
    p.login = (ir_login){p.ref.host, login->user, login->secret};
    p.call = (ir_call){.session = n->session,
                       .cancel = n->mock->cancel,
                       .logins = &p.login,
                       .n_logins = 1,
                       .rules = n->rules,
                       .n_rules = n->n_rules,
                       .jobs = 1};
    if (!rc)
        rc = fetch(&p, &image, &err);
    *ret_auth = rc == IMGREL_EAUTH || rc == IMGREL_EDENIED;
    if (rc)
        *ret_why = words(&p, &err);
    ir_manifest_free(&p.manifest);
    ir_store_free(p.store);
    ir_ref_free(&p.ref);
    return image;
}

/* Puts it in the list; one of the same name is what containers that run still point to, and stays.
 */
static const mk_image *keep(struct mk_node *n, mk_image *image)
{
    pthread_mutex_lock(&n->mock->lock);
    image->next = n->images;
    n->images = image;
    pthread_mutex_unlock(&n->mock->lock);
    return image;
}

const mk_image *mk_image_pull(struct mk_node *n, const char *reference, const mk_login *logins,
                              size_t n_logins, char **ret_why)
{
    /* "" says: nobody, and do not look for logins anywhere else. */
    static const mk_login nobody = {"", ""};
    mk_image *image = NULL;
    bool auth = true;
    *ret_why = NULL;
    pthread_mutex_lock(&n->pull_lock);
    for (size_t i = 0; !image && auth && i < (n_logins ? n_logins : 1); i++) {
        free(*ret_why);
        *ret_why = NULL;
        image = try_login(n, reference, n_logins ? &logins[i] : &nobody, &auth, ret_why);
    }
    pthread_mutex_unlock(&n->pull_lock);
    return image ? keep(n, image) : NULL;
}
