/* conform_image.c - the smallest image there is, for two platforms, with an index: as texts and
 * digests that rows push and compare. The run's word is in it, so that no registry has it yet. */
#include "mock/conform.h"
#include "base/hash.h"
#include "fmt/digest.h"
#include "fmt/media.h"

#include <stdlib.h>

static int keep(mk_conform *c, const char *name, char *text, char digest[IR_DIGEST_MAX],
                imgrel_error *err)
{
    char *digest_name = ir_format("%s_digest", name);
    int rc = text && digest_name ? ir_hash_bytes(text, strlen(text), digest, err) : ir_nomem(err);
    if (!rc) {
        ir_json_puts(c->vars, name, text);
        ir_json_puts(c->vars, digest_name, digest);
    }
    free(text);
    free(digest_name);
    return rc;
}

static size_t len_of(const mk_conform *c, const char *name)
{
    const char *text = mk_conform_var(c, name);
    return text ? strlen(text) : 0;
}

static int one_platform(mk_conform *c, const char *arch, const char *config, const char *manifest,
                        imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    int rc = keep(c, config,
                  ir_format("{\"architecture\":\"%s\",\"os\":\"linux\",\"author\":\"%s\","
                            "\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},"
                            "\"history\":[{\"created_by\":\"imgrel\"}]}",
                            arch, mk_conform_var(c, "x"), mk_conform_var(c, "layer_digest")),
                  digest, err);
    if (rc)
        return rc;
    return keep(c, manifest,
                ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                          "\",\"config\":{\"mediaType\":\"" IR_MT_OCI_CONFIG
                          "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
                          "\"" IR_MT_OCI_LAYER "\",\"digest\":\"%s\",\"size\":%zu}]}",
                          digest, len_of(c, config), mk_conform_var(c, "layer_digest"),
                          len_of(c, "layer")),
                digest, err);
}

/* The same image under another digest. */
static char *noted(const char *manifest)
{
    size_t len = strlen(manifest);
    return ir_format("%.*s,\"annotations\":{\"note\":\"another\"}}", (int)len - 1, manifest);
}

int mk_conform_image(mk_conform *c, imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    int rc = keep(c, "layer", ir_format("layer of %s", mk_conform_var(c, "x")), digest, err);
    if (!rc)
        rc = one_platform(c, "amd64", "config", "manifest", err);
    if (!rc)
        rc = one_platform(c, "arm64", "config_arm", "manifest_arm", err);
    if (!rc)
        rc = keep(c, "manifest_noted", noted(mk_conform_var(c, "manifest")), digest, err);
    if (rc)
        return rc;
    return keep(c, "index",
                ir_format("{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                          "\",\"manifests\":[{\"mediaType\":\"" IR_MT_OCI_MANIFEST
                          "\",\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"architecture\":"
                          "\"amd64\",\"os\":\"linux\"}},{\"mediaType\":\"" IR_MT_OCI_MANIFEST
                          "\",\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"architecture\":"
                          "\"arm64\",\"os\":\"linux\"}}]}",
                          mk_conform_var(c, "manifest_digest"), len_of(c, "manifest"),
                          mk_conform_var(c, "manifest_arm_digest"), len_of(c, "manifest_arm")),
                digest, err);
}
