/* manifest.c - the public calls about one manifest: read, written, resolved, told, deleted. */
#include <imgrel/registry.h>

#include "api/place.h"
#include "base/limits.h"

#include <stdlib.h>

/* ---- reading ---- */

static char *descriptor_json(const ir_manifest *m)
{
    ir_json *j = ir_json_pack("{s:s, s:s, s:I}", "mediaType", m->media_type, "digest", m->digest,
                              "size", (long long)m->len);
    char *text = ir_json_string(j, IR_JSON_COMPACT);
    ir_json_free(j);
    return text;
}

int imgrel_manifest_get(imgrel_client *c, const char *ref, const imgrel_opts *o, char **ret_bytes,
                        size_t *ret_len, char **ret_descriptor, imgrel_error *err)
{
    ir_place p;
    IR_AUTO(ir_manifest) m = {0};
    if (!ret_bytes || !ret_len)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_manifest_get: ret_bytes or ret_len is NULL");
    *ret_bytes = NULL;
    *ret_len = 0;
    if (ret_descriptor)
        *ret_descriptor = NULL;
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
    if (!rc)
        rc = ir_place_manifest(&p, &m, err);
    if (!rc && ret_descriptor && !(*ret_descriptor = descriptor_json(&m)))
        rc = ir_nomem(err);
    if (!rc) {
        *ret_bytes = m.bytes;
        *ret_len = m.len;
        m.bytes = NULL;
    }
    ir_place_close(&p);
    return rc;
}

/* HEAD is enough unless a platform has to be looked up. */
static int resolve(ir_place *p, char **ret, imgrel_error *err)
{
    ir_platform want = {0};
    ir_desc d = {0};
    ir_manifest m = {0};
    bool any = true;
    int rc = ir_place_platform(p, &want, &any, err);
    if (!rc && any)
        rc = ir_store_manifest_head(p->store, &p->call, NULL, &d, err);
    else if (!rc)
        rc = ir_store_image_get(p->store, &p->call, NULL, &want, &m, err);
    if (!rc && !(*ret = ir_strdup(any ? d.digest : m.digest)))
        rc = ir_nomem(err);
    ir_desc_free(&d);
    ir_manifest_free(&m);
    return rc;
}

int imgrel_digest(imgrel_client *c, const char *ref, const imgrel_opts *o, char **ret_digest,
                  imgrel_error *err)
{
    ir_place p;
    if (!ret_digest)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_digest: ret_digest is NULL");
    *ret_digest = NULL;
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
    if (!rc)
        rc = resolve(&p, ret_digest, err);
    ir_place_close(&p);
    return rc;
}

/* ---- writing and deleting ---- */

/* A document that the caller gives is an argument: what is wrong with it is EINVAL. */
static int parse_given(const char *bytes, size_t len, const char *media_type, const char *expected,
                       ir_manifest *ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = ir_manifest_parse(bytes, len, media_type, expected, ret, &e);
    if (rc == IMGREL_EPROTO)
        rc = e.code = IMGREL_EINVAL;
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

int imgrel_manifest_put(imgrel_client *c, const char *ref, const char *bytes, size_t len,
                        const char *media_type, const imgrel_opts *o, char **ret_digest,
                        imgrel_error *err)
{
    ir_place p = {0};
    IR_AUTO(ir_manifest) m = {0};
    if (ret_digest)
        *ret_digest = NULL;
    if (!bytes)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_manifest_put: bytes is NULL");
    int rc = ir_place_open(c, ref, o, IR_STORE_WRITE, &p, err);
    if (!rc)
        rc = parse_given(bytes, len, media_type, p.ref.digest, &m, err);
    if (!rc && !IR_DRY_RUN(&p.call)) {
        rc = ir_store_manifest_put(p.store, &p.call, &m, p.ref.tag, err);
        if (!rc)
            rc = ir_store_finish(p.store, &p.call, err);
    }
    if (!rc && ret_digest && !(*ret_digest = ir_strdup(m.digest)))
        rc = ir_nomem(err);
    ir_place_close(&p);
    return rc;
}

int imgrel_delete(imgrel_client *c, const char *ref, const imgrel_opts *o, imgrel_error *err)
{
    ir_place p;
    ir_desc d = {0};
    int rc = ir_place_open(c, ref, o, IR_STORE_READ | IR_STORE_DELETE, &p, err);
    if (!rc && IR_DRY_RUN(&p.call))
        rc = ir_store_manifest_head(p.store, &p.call, NULL, &d, err);
    else if (!rc)
        rc = ir_store_manifest_delete(p.store, &p.call, NULL, err);
    ir_desc_free(&d);
    ir_place_close(&p);
    return rc;
}

/* ---- inspect ---- */

/* Descriptors, each with the digest of its tar, if the config has one for each. */
static ir_json *layer_list(const ir_manifest *m, const ir_json *config)
{
    ir_json *list = ir_json_new_array();
    const ir_json *ids = ir_json_path(config, "rootfs.diff_ids");
    int bad = list ? 0 : -1;
    for (size_t i = 0; i < m->n_layers; i++) {
        ir_json *j = ir_desc_to_json(&m->layers[i]);
        if (j && ir_json_len(ids) == m->n_layers)
            bad |= ir_json_puts(j, "diffID", ir_json_text(ir_json_at(ids, i)));
        bad |= ir_json_append(list, j);
    }
    if (bad) {
        ir_json_free(list);
        return NULL;
    }
    return list;
}

static int copy_member(ir_json *to, const ir_json *from, const char *key)
{
    const ir_json *v = ir_json_get(from, key);
    return v ? ir_json_put(to, key, ir_json_copy(v)) : 0;
}

/* One image: who it is for, what its config says, its layers. */
static int add_image(ir_place *p, const ir_manifest *m, ir_json *list, imgrel_error *err)
{
    ir_buf b = IR_BUF(IR_CONFIG_MAX);
    ir_json *config = NULL, *j = NULL;
    int bad = 0, rc = 0;
    if (ir_media_is_config(m->config.media_type)) {
        rc = ir_store_blob_read(p->store, &p->call, &m->config, &b, err);
        if (!rc)
            rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", &config, err);
    }
    if (rc < 0)
        goto out;
    j = ir_json_new_object();
    bad = copy_member(j, config, "os") | copy_member(j, config, "architecture");
    bad |= copy_member(j, config, "variant") | ir_json_puts(j, "digest", m->digest);
    bad |= ir_json_put(j, "size", ir_json_new_int((int64_t)m->len));
    bad |= copy_member(j, config, "created") | copy_member(j, config, "config");
    if (!config)
        bad |= ir_json_puts(j, "artifactType",
                            m->artifact_type ? m->artifact_type : m->config.media_type);
    bad |= ir_json_put(j, "layers", layer_list(m, config));
    rc = ir_json_append(list, bad ? (ir_json_free(j), NULL) : j) ? ir_nomem(err) : 0;
out:
    ir_json_free(config);
    ir_buf_free(&b);
    return rc;
}

static int add_images(ir_place *p, const ir_manifest *top, ir_json *list, imgrel_error *err)
{
    int rc = top->is_index ? 0 : add_image(p, top, list, err);
    for (size_t i = 0; top->is_index && !rc && i < top->n_layers; i++) {
        const ir_desc *d = &top->layers[i];
        IR_AUTO(ir_manifest) m = {0};
        if (!ir_media_is_manifest(d->media_type) ||
            (d->has_platform && ir_platform_unknown(&d->platform)))
            continue; /* attestations are no image */
        rc = ir_store_manifest_get(p->store, &p->call, d->digest, &m, err);
        if (!rc)
            rc = add_image(p, &m, list, err);
    }
    return rc;
}

static int inspect(ir_place *p, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_manifest) top = {0};
    ir_json *j = NULL, *list = NULL;
    int rc = ir_place_manifest(p, &top, err);
    if (rc < 0)
        return rc;
    list = ir_json_new_array();
    rc = list ? add_images(p, &top, list, err) : ir_nomem(err);
    j = ir_json_pack("{s:s, s:s, s:s, s:I}", "name", p->ref.name, "digest", top.digest, "mediaType",
                     top.media_type, "size", (long long)top.len);
    int bad = copy_member(j, top.json, "annotations") | ir_json_put(j, "platforms", list);
    if (!rc && (bad || !(*ret = ir_json_string(j, IR_JSON_COMPACT))))
        rc = ir_nomem(err);
    ir_json_free(j);
    return rc;
}

int imgrel_inspect(imgrel_client *c, const char *ref, const imgrel_opts *o, char **ret_json,
                   imgrel_error *err)
{
    ir_place p;
    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_inspect: ret_json is NULL");
    *ret_json = NULL;
    int rc = ir_place_open(c, ref, o, IR_PULL, &p, err);
    if (!rc)
        rc = inspect(&p, ret_json, err);
    ir_place_close(&p);
    return rc;
}
