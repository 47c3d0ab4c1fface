/* docker_archive.c - the tar of docker save and docker load (docker-archive:). What is read becomes
 * OCI manifests over the same configs and layers: a layer that is not compressed has its diffID as
 * its digest, a compressed one (crane writes such) stays as it is. What is written has its layers
 * decompressed, under their diffIDs, as docker save has them: not every reader can do it itself. */
#include "oci/image.h"
#include "oci/layout.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX (8 * IR_LAYERS_MAX)
#define LINKS_MAX 8

/* ---- reading: the files of the tar ---------------------------------------------------------- */

/* A file that became a blob, or a link to one. */
typedef struct member {
    char *name;
    char *target; /* link: where to; NULL: a file */
    char digest[IR_DIGEST_MAX];
    int64_t size;
    unsigned char head[4]; /* the first bytes: how it is compressed */
    size_t n_head;
} member;

typedef struct intake {
    ir_layout *l;
    const ir_call *call;
    const char *path;
    member *files;
    size_t n;
    ir_buf manifest; /* manifest.json */
} intake;

static void intake_free(intake *in)
{
    for (size_t i = 0; i < in->n; i++) {
        free(in->files[i].name);
        free(in->files[i].target);
    }
    free(in->files);
    ir_buf_free(&in->manifest);
}

static const member *look_up(const intake *in, const char *name)
{
    for (int hops = 0; name && hops < LINKS_MAX; hops++) {
        const member *found = NULL;
        for (size_t i = in->n; !found && i > 0; i--) /* of two with one name, the last counts */
            if (!strcmp(in->files[i - 1].name, name))
                found = &in->files[i - 1];
        if (!found || !found->target)
            return found;
        name = found->target;
    }
    return NULL;
}

static int new_member(intake *in, const char *name, member **ret, imgrel_error *err)
{
    if (in->n >= FILES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "%s has more than %d files", in->path, FILES_MAX);
    if ((in->n & (in->n - 1)) == 0) {
        size_t cap = in->n ? in->n * 2 : 1;
        member *v = realloc(in->files, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        in->files = v;
    }
    *ret = &in->files[in->n];
    **ret = (member){.name = ir_strdup(name)};
    if (!(*ret)->name)
        return ir_nomem(err);
    in->n++;
    return 0;
}

/* A symbolic link's target as a name of the tar: "a/layer.tar" -> "../b/layer.tar" is "b/...". */
static char *resolve_link(const char *name, const char *target)
{
    const char *slash = strrchr(name, '/');
    size_t folder = slash ? (size_t)(slash - name) : 0;
    while (ir_starts(target, "../")) {
        while (folder && name[--folder] != '/')
            ;
        target += 3;
    }
    return folder ? ir_format("%.*s/%s", (int)folder, name, target) : ir_strdup(target);
}

static int take_link(intake *in, const ir_tar_entry *e, imgrel_error *err)
{
    member *m = NULL;
    int rc = e->target ? new_member(in, e->path, &m, err) : 0;
    if (rc < 0 || !m)
        return rc;
    m->target = e->type == 'h' ? ir_strdup(e->target) : resolve_link(e->path, e->target);
    return m->target ? 0 : ir_nomem(err);
}

typedef struct pour {
    ir_writer *w;
    member *m;
} pour;

static int to_blob(void *user, const void *p, size_t len, imgrel_error *err)
{
    pour *to = user;
    const unsigned char *bytes = p;
    for (size_t i = 0; i < len && to->m->n_head < sizeof to->m->head; i++)
        to->m->head[to->m->n_head++] = bytes[i];
    return ir_writer_write(to->w, p, len, err);
}

static int take_blob(intake *in, ir_tar_file *f, const char *name, imgrel_error *err)
{
    ir_desc d = {0};
    pour to = {0};
    int rc = new_member(in, name, &to.m, err);
    if (!rc)
        rc = ir_store_blob_create(&in->l->base, in->call, &to.w, err);
    if (!rc)
        rc = ir_tar_file_read(f, in->call, to_blob, &to, err);
    if (!rc)
        rc = ir_writer_commit(to.w, NULL, &d, err);
    if (!rc) {
        memcpy(to.m->digest, d.digest, strlen(d.digest) + 1);
        to.m->size = d.size;
    }
    ir_writer_free(to.w);
    ir_desc_free(&d);
    return rc;
}

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf *b = user;
    ir_buf_add(b, p, len);
    return ir_buf_check(b, err, "manifest.json");
}

static int take_files(intake *in, imgrel_error *err)
{
    ir_tar_file f;
    ir_tar_entry e;
    int rc = ir_tar_file_open(&f, in->path, err);
    while (!rc && (rc = ir_tar_file_next(&f, in->call, &e, err)) == 1) {
        if (e.type != 'f')
            rc = take_link(in, &e, err);
        else if (!strcmp(e.path, "manifest.json"))
            rc = ir_tar_file_read(&f, in->call, to_buf, &in->manifest, err);
        else
            rc = take_blob(in, &f, e.path, err);
    }
    ir_tar_file_close(&f);
    if (!rc && !in->manifest.len) {
        rc = ir_fail(err, IMGREL_EPROTO, "%s is no archive of docker save: it has no manifest.json",
                     in->path);
        ir_cure(err, "an archive of an image layout is oci-archive:%.200s", in->path);
    }
    return rc;
}

/* ---- reading: the images -------------------------------------------------------------------- */

static const char *layer_type(const member *m)
{
    if (m->n_head >= 2 && m->head[0] == 0x1f && m->head[1] == 0x8b)
        return IR_MT_OCI_LAYER_GZIP;
    if (m->n_head == 4 && !memcmp(m->head, "\x28\xb5\x2f\xfd", 4))
        return IR_MT_OCI_LAYER_ZSTD;
    return IR_MT_OCI_LAYER;
}

static int missing(const intake *in, const char *name, imgrel_error *err)
{
    return ir_fail(err, IMGREL_EPROTO, "%s: manifest.json names %.200s, which is not there",
                   in->path, name ? name : "nothing");
}

static int layer_desc(const intake *in, const char *name, const char *diff_id, ir_desc *ret,
                      imgrel_error *err)
{
    const member *m = name ? look_up(in, name) : NULL;
    if (!m)
        return missing(in, name, err);
    const char *type = layer_type(m);
    if (!ir_media_compression(type) && !ir_streq(diff_id, m->digest))
        return ir_fail(err, IMGREL_EDIGEST,
                       "%s: the layer %.120s has the digest %s, expected %.80s", in->path, name,
                       m->digest, diff_id ? diff_id : "nothing");
    return ir_desc_set(ret, type, m->digest, m->size) ? ir_nomem(err) : 0;
}

static int layer_descs(const intake *in, const ir_json *names, const ir_json *diff_ids,
                       ir_desc **ret, imgrel_error *err)
{
    size_t n = ir_json_len(names);
    if (n > IR_LAYERS_MAX || n != ir_json_len(diff_ids))
        return ir_fail(err, IMGREL_EPROTO, "%s: %zu layers, but the config says %zu", in->path, n,
                       ir_json_len(diff_ids));
    *ret = calloc(n ? n : 1, sizeof **ret);
    if (!*ret)
        return ir_nomem(err);
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = layer_desc(in, ir_json_text(ir_json_at(names, i)),
                        ir_json_text(ir_json_at(diff_ids, i)), &(*ret)[i], err);
    return rc;
}

static int read_config(const intake *in, const char *name, ir_desc *ret, ir_json **ret_json,
                       imgrel_error *err)
{
    ir_buf b = IR_BUF(IR_CONFIG_MAX);
    const member *m = name ? look_up(in, name) : NULL;
    if (!m)
        return missing(in, name, err);
    int rc = ir_desc_set(ret, IR_MT_OCI_CONFIG, m->digest, m->size) ? ir_nomem(err) : 0;
    if (!rc)
        rc = ir_store_blob_read(&in->l->base, in->call, ret, &b, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, name, ret_json, err);
    ir_buf_free(&b);
    return rc;
}

/* Puts the image under each of its names. */
static int put_image(const intake *in, const ir_manifest *m, const ir_json *names,
                     imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(names); i++) {
        const char *name = ir_json_text(ir_json_at(names, i));
        if (name)
            rc = ir_store_manifest_put(&in->l->base, in->call, m, ir_name_short(name), err);
    }
    return rc || ir_json_len(names) ? rc
                                    : ir_store_manifest_put(&in->l->base, in->call, m, NULL, err);
}

static int take_image(const intake *in, const ir_json *image, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    ir_desc config = {0}, *layers = NULL;
    ir_json *j = NULL;
    const ir_json *names = ir_json_get(image, "Layers");
    int rc = read_config(in, ir_json_str(image, "Config"), &config, &j, err);
    if (!rc)
        rc = layer_descs(in, names, ir_json_path(j, "rootfs.diff_ids"), &layers, err);
    if (!rc)
        rc = ir_manifest_write(IR_MT_OCI_MANIFEST, &config, layers, ir_json_len(names), NULL, &m,
                               err);
    if (!rc)
        rc = put_image(in, &m, ir_json_get(image, "RepoTags"), err);
    for (size_t i = 0; layers && i < ir_json_len(names); i++)
        ir_desc_free(&layers[i]);
    free(layers);
    ir_desc_free(&config);
    ir_json_free(j);
    return rc;
}

static int take_in(ir_layout *l, const ir_call *call, const char *path, imgrel_error *err)
{
    intake in = {.l = l, .call = call, .path = path, .manifest = IR_BUF(IR_MANIFEST_MAX)};
    ir_json *list = NULL;
    int rc = take_files(&in, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&in.manifest), in.manifest.len, "manifest.json", &list, err);
    if (!rc && !ir_json_is_array(list))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: manifest.json is no list", path);
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = take_image(&in, ir_json_at(list, i), err);
    ir_json_free(list);
    intake_free(&in);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The name by which docker load will know it: a bare tag joins the repository of the reference. */
static char *repo_tag(const ir_layout *l, const char *tag)
{
    const char *own = l->base.ref.tag, *colon = own ? ir_name_tag(own) : NULL;
    if (ir_name_tag(tag) || !colon)
        return ir_strdup(tag);
    return ir_format("%.*s:%s", (int)(colon - own), own, tag);
}

typedef struct packing {
    ir_tar_new_file out;
    ir_strv names; /* written already */
    ir_layout *l;
    const ir_call *call;
} packing;

/* 1: the archive has a file of that name already. */
static int packed(packing *p, const char *name, imgrel_error *err)
{
    if (ir_strv_has(&p->names, name))
        return 1;
    return ir_strv_add(&p->names, name) ? ir_nomem(err) : 0;
}

static int pack_config(packing *p, const ir_desc *d, imgrel_error *err)
{
    char name[IR_DIGEST_MAX + 8];
    snprintf(name, sizeof name, "%s.json", ir_digest_hex(d->digest));
    int rc = packed(p, name, err);
    return rc ? (rc < 0 ? rc : 0)
              : ir_tar_new_file_blob(&p->out, p->call, p->l, d->digest, name, err);
}

/* A layer's tar: its size and digest. */
typedef struct measure {
    ir_hash *hash;
    int64_t size;
} measure;

static int measured(void *user, const void *p, size_t len, imgrel_error *err)
{
    measure *m = user;
    (void)err;
    ir_hash_add(m->hash, p, len);
    m->size += (int64_t)len;
    return 0;
}

static int to_tar(void *user, const void *p, size_t len, imgrel_error *err)
{
    return ir_tar_data(user, p, len, err);
}

/* Twice, because a tar wants to know a file's size before the file, and nothing is kept. */
static int pack_unpacked(packing *p, const ir_desc *d, const char *diff_id, const char *name,
                         imgrel_error *err)
{
    const ir_layer_at at = {&p->l->base, d};
    measure m = {0};
    char is[IR_DIGEST_MAX] = "";
    int rc = ir_hash_new(ir_digest_algorithm(diff_id), &m.hash, err);
    if (!rc)
        rc = ir_layer_unpack(p->call, &at, measured, &m, err);
    if (!rc)
        ir_hash_end(m.hash, is);
    ir_hash_free(m.hash);
    if (!rc && !ir_streq(is, diff_id))
        rc = ir_fail(err, IMGREL_EDIGEST, "%s: unpacked it is %s, the config says %s", d->digest,
                     is, diff_id);
    if (!rc)
        rc = ir_tar_new_file_head(&p->out, name, m.size, err);
    return rc ? rc : ir_layer_unpack(p->call, &at, to_tar, p->out.tar, err);
}

static int pack_layer(packing *p, const ir_desc *d, const char *diff_id, ir_json *list,
                      imgrel_error *err)
{
    char name[IR_DIGEST_MAX + 8];
    int rc = ir_digest_check(diff_id ? diff_id : "", err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "%s.tar", ir_digest_hex(diff_id));
    if (ir_json_append(list, ir_json_new_string(name)) < 0)
        return ir_nomem(err);
    rc = packed(p, name, err);
    if (rc)
        return rc < 0 ? rc : 0;
    if (ir_streq(diff_id, d->digest))
        return ir_tar_new_file_blob(&p->out, p->call, p->l, d->digest, name, err);
    return pack_unpacked(p, d, diff_id, name, err);
}

/* What the config says of the layers. */
static int read_diff_ids(packing *p, const ir_manifest *m, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    int rc = ir_store_blob_read(&p->l->base, p->call, &m->config, &b, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", ret, err);
    size_t n = rc ? 0 : ir_json_len(ir_json_path(*ret, "rootfs.diff_ids"));
    if (!rc && n != m->n_layers)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: its config names %zu layers, its manifest %zu",
                     m->digest, n, m->n_layers);
    return rc;
}

static int packable(const ir_layout *l, const ir_manifest *m, imgrel_error *err)
{
    if (m->is_index) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a Docker archive holds images of one platform only",
                l->base.ref.path);
        return ir_cure(err, "name one platform, or write an oci-archive:");
    }
    if (!ir_media_is_config(m->config.media_type))
        return ir_fail(err, IMGREL_EUNSUPPORTED,
                       "%s: a Docker archive holds images only, not %.80s", l->base.ref.path,
                       m->config.media_type);
    return 0;
}

static int add_tag(const ir_layout *l, ir_json *tags, const char *tag, imgrel_error *err)
{
    char *name = tag ? repo_tag(l, tag) : NULL;
    int rc = tag && (!name || ir_json_append(tags, ir_json_new_string(name))) ? ir_nomem(err) : 0;
    free(name);
    return rc;
}

static int pack_image(packing *p, const char *digest, const char *tag, ir_json *images,
                      imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_json_p) document = NULL;
    char config[IR_DIGEST_MAX + 8];
    ir_json *layers = NULL, *tags = NULL, *image = NULL;
    int rc = ir_layout_manifest_get(&p->l->base, p->call, digest, &m, err);
    if (!rc)
        rc = packable(p->l, &m, err);
    if (!rc)
        rc = read_diff_ids(p, &m, &document, err);
    if (rc < 0)
        return rc;
    layers = ir_json_new_array();
    tags = ir_json_new_array();
    rc = layers && tags ? pack_config(p, &m.config, err) : ir_nomem(err);
    const ir_json *diff_ids = ir_json_path(document, "rootfs.diff_ids");
    for (size_t i = 0; !rc && i < m.n_layers; i++)
        rc = pack_layer(p, &m.layers[i], ir_json_text(ir_json_at(diff_ids, i)), layers, err);
    if (!rc)
        rc = add_tag(p->l, tags, tag, err);
    snprintf(config, sizeof config, "%s.json", ir_digest_hex(m.config.digest));
    image = ir_json_pack("{s:s, s:O, s:O}", "Config", config, "RepoTags", tags, "Layers", layers);
    if (ir_json_append(images, image) < 0 && !rc)
        rc = ir_nomem(err);
    ir_json_free(layers);
    ir_json_free(tags);
    return rc;
}

/* An image with several tags is one image with several names. */
static ir_json *image_with(const ir_json *images, const char *config_hex)
{
    for (size_t i = 0; i < ir_json_len(images); i++)
        if (ir_starts(ir_json_str(ir_json_at(images, i), "Config"), config_hex))
            return ir_json_at(images, i);
    return NULL;
}

static int pack_entry(packing *p, const ir_json *entry, ir_json *seen, ir_json *images,
                      imgrel_error *err)
{
    const char *digest = ir_json_str(entry, "digest");
    const char *tag = ir_json_str(ir_json_get(entry, "annotations"), IR_REF_NAME);
    const char *config = ir_json_str(seen, digest);
    if (config)
        return add_tag(p->l, ir_json_get(image_with(images, config), "RepoTags"), tag, err);
    int rc = pack_image(p, digest, tag, images, err);
    if (rc < 0)
        return rc;
    const ir_json *last = ir_json_at(images, ir_json_len(images) - 1);
    return ir_json_puts(seen, digest, ir_json_str(last, "Config")) ? ir_nomem(err) : 0;
}

static int pack_images(packing *p, ir_json *images, imgrel_error *err)
{
    ir_json *index = NULL, *seen = ir_json_new_object();
    int rc = seen ? ir_layout_index(p->l, &index, err) : ir_nomem(err);
    const ir_json *list = ir_json_get(index, "manifests");
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = pack_entry(p, ir_json_at(list, i), seen, images, err);
    ir_json_free(seen);
    ir_json_free(index);
    return rc;
}

static int pack(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    packing p = {.l = l, .call = call};
    ir_buf b = IR_BUF(IR_MANIFEST_MAX);
    ir_json *images = ir_json_new_array();
    int rc = ir_tar_new_file_open(&p.out, l->base.ref.path, err);
    if (!rc)
        rc = images ? pack_images(&p, images, err) : ir_nomem(err);
    if (!rc)
        rc = ir_json_dump(images, IR_JSON_COMPACT, &b, err);
    if (!rc)
        rc = ir_tar_new_file_add(&p.out, "manifest.json", ir_buf_str(&b), b.len, err);
    if (!rc)
        rc = ir_tar_new_file_end(&p.out, err);
    ir_tar_new_file_abort(&p.out);
    ir_strv_free(&p.names);
    ir_json_free(images);
    ir_buf_free(&b);
    return rc;
}

/* ---- open ----------------------------------------------------------------------------------- */

int ir_docker_archive_open(const ir_call *call, const ir_ref *ref, unsigned flags, ir_store **ret,
                           imgrel_error *err)
{
    static const ir_layout_archive archive = {take_in, pack};
    return ir_layout_staged_open(call, ref, flags, &archive, ret, err);
}
