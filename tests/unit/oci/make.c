/* make.c - see make.h. */
#include "oci/make.h"

#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int make_try(const char *transport, const char *name, unsigned flags, ir_store **ret,
             imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    char *text = ir_format("%s:%s", transport, support_path(name));
    unit_ok(ir_ref_parse(text, &ref, err), err);
    free(text);
    return ir_store_open(&support_call, &ref, flags, ret, err);
}

ir_store *make_store(const char *transport, const char *name, unsigned flags)
{
    imgrel_error err = {0};
    ir_store *s = NULL;
    unit_ok(make_try(transport, name, flags, &s, &err), &err);
    return s;
}

void make_close(ir_store *s)
{
    imgrel_error err = {0};
    unit_ok(ir_store_finish(s, &support_call, &err), &err);
    ir_store_free(s);
}

ir_desc make_blob(ir_store *s, const char *media_type, const void *p, size_t len)
{
    imgrel_error err = {0};
    ir_desc d = {0};
    char digest[IR_DIGEST_MAX];
    const ir_body body = {.p = p, .len = len, .size = (int64_t)len};
    unit_ok(ir_hash_bytes(p, len, digest, &err), &err);
    ck_assert_int_eq(ir_desc_set(&d, media_type, digest, (int64_t)len), 0);
    unit_ok(ir_store_blob_put(s, &support_call, &d, &body, NULL, NULL, &err), &err);
    return d;
}

static ir_desc make_config(ir_store *s, const char *arch, const ir_desc *layers)
{
    char *text = ir_format("{\"architecture\":\"%s\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                           "\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
                           arch, layers[0].digest, layers[1].digest);
    ir_desc d = make_blob(s, IR_MT_OCI_CONFIG, text, strlen(text));
    free(text);
    return d;
}

void make_image(ir_store *s, const char *arch, const char *tag, ir_desc *ret)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    char *own = ir_format("the files for %s", arch);
    ir_desc layers[2] = {make_blob(s, IR_MT_OCI_LAYER, "common files", 12),
                         make_blob(s, IR_MT_OCI_LAYER, own, strlen(own))};
    ir_desc config = make_config(s, arch, layers);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, layers, 2, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
    if (ret) {
        ck_assert_int_eq(ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len), 0);
        ret->has_platform = true;
        ir_platform_set(&ret->platform, "linux", arch, NULL, NULL);
    }
    ir_desc_free(&layers[0]);
    ir_desc_free(&layers[1]);
    ir_desc_free(&config);
    free(own);
}

static void make_attestation(ir_store *s, const char *of, ir_desc *ret)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_desc config = make_blob(s, IR_MT_OCI_EMPTY, "{}", 2);
    ir_desc layer = make_blob(s, "application/vnd.in-toto+json", "{\"x\":1}", 7);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &layer, 1, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, NULL, &err), &err);
    ck_assert_int_eq(ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len), 0);
    ret->has_platform = true;
    ir_platform_set(&ret->platform, "unknown", "unknown", NULL, NULL);
    ret->annotations = ir_json_pack("{s:s, s:s}", "vnd.docker.reference.digest", of,
                                    "vnd.docker.reference.type", "attestation-manifest");
    ir_desc_free(&config);
    ir_desc_free(&layer);
}

void make_index(ir_store *s, const char *tag, ir_desc *ret)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_desc v[3] = {{0}};
    make_image(s, "amd64", NULL, &v[0]);
    make_image(s, "arm64", NULL, &v[1]);
    make_attestation(s, v[0].digest, &v[2]);
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, v, 3, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
    if (ret)
        ck_assert_int_eq(ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len), 0);
    for (size_t i = 0; i < 3; i++)
        ir_desc_free(&v[i]);
}

void make_damage(const char *layout, const char *digest)
{
    char name[512];
    char byte = 0;
    snprintf(name, sizeof name, "%s/blobs/sha256/%s", layout, ir_digest_hex(digest));
    int fd = open(support_path(name), O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, 0), 1);
    close(fd);
}

int make_count(const char *folder, const char *suffix)
{
    int n = 0;
    DIR *d = opendir(support_path(folder));
    ck_assert(d || errno == ENOENT); /* a layout that nothing came into is taken away again */
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.' && ir_ends(e->d_name, suffix);
    if (d)
        closedir(d);
    return n;
}
