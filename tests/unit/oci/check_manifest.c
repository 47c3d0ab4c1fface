/* check_manifest.c - manifests keep their exact bytes; what can be read in two ways, is too large
 * or is something else is refused; platforms are found. */
#include "unit.h"

#include "base/limits.h"
#include "base/str.h"
#include "oci/descriptor.h"

#include <stdlib.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DESC(mt, n) "{\"mediaType\":\"" mt "\",\"digest\":\"sha256:" HEX "\",\"size\":" #n "}"
#define ENTRY(arch, variant, n)                                                            \
    "{\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"digest\":\"sha256:" HEX "\",\"size\":" #n \
    ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"" variant "}}"
#define IMAGE                                                                            \
    "{ \"schemaVersion\": 2, \"mediaType\": \"" IR_MT_OCI_MANIFEST "\", \"x-own\": [1]," \
    "\"config\":" DESC("c/c", 1) ",\"layers\":[" DESC("l/l", 2) "," DESC(                \
        "l/m", 3) "],"                                                                   \
                  "\"subject\":" DESC("s/s", 4) ",\"artifactType\":\"a/t\"}"
#define INDEX                                                                                   \
    "{\"schemaVersion\":2,\"manifests\":[" ENTRY("unknown", "", 1) "," ENTRY(                   \
        "arm",                                                                                  \
        ",\"variant\":"                                                                         \
        "\"v6\"",                                                                               \
        2) "," ENTRY("arm", ",\"variant\":\"v7\"", 3) "," ENTRY("arm64", ",\"variant\":\"v8\"", \
                                                                4) "]}"

START_TEST(a_manifest_is_read)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(IMAGE, strlen(IMAGE), digest, &err), &err);
    unit_ok(ir_manifest_parse(IMAGE, strlen(IMAGE), NULL, digest, &m, &err), &err);
    ck_assert_int_eq(m.len, strlen(IMAGE));
    ck_assert_mem_eq(m.bytes, IMAGE, m.len);
    ck_assert_str_eq(m.digest, digest);
    ck_assert_str_eq(m.media_type, IR_MT_OCI_MANIFEST);
    ck_assert(!m.is_index);
    ck_assert_int_eq(m.config.size, 1);
    ck_assert_int_eq(m.n_layers, 2);
    ck_assert_int_eq(m.layers[1].size, 3);
    ck_assert_str_eq(m.subject.media_type, "s/s");
    ck_assert_str_eq(m.artifact_type, "a/t");
}
END_TEST

START_TEST(a_content_type_may_have_parameters)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_manifest_parse(IMAGE, strlen(IMAGE), IR_MT_OCI_MANIFEST "; charset=utf-8", NULL, &m,
                              &err),
            &err);
    ck_assert_str_eq(m.media_type, IR_MT_OCI_MANIFEST);
}
END_TEST

START_TEST(a_media_type_may_have_blanks_around)
{
    static const char text[] =
        "{\"schemaVersion\":2,\"mediaType\":\" " IR_MT_OCI_INDEX " \",\"manifests\":[]}";
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &err), &err);
    ck_assert_str_eq(m.media_type, IR_MT_OCI_INDEX);
}
END_TEST

START_TEST(sha512_is_checked_by_sha512)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_hash *h = NULL;
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_new("sha512", &h, &err), &err);
    ir_hash_add(h, IMAGE, strlen(IMAGE));
    ir_hash_end(h, digest);
    ir_hash_free(h);
    unit_ok(ir_manifest_parse(IMAGE, strlen(IMAGE), NULL, digest, &m, &err), &err);
    ck_assert_str_eq(m.digest, digest);
}
END_TEST

START_TEST(platforms_are_found)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_buf) have = IR_BUF(1000);
    static const struct {
        const char *want;
        int64_t size; /* 0: none */
    } cases[] = {{"linux/arm/v6", 2},   {"linux/arm/v7", 3},   {"linux/arm", 3},
                 {"linux/arm64", 4},    {"linux/arm64/v8", 4}, {"linux/amd64", 0},
                 {"unknown/unknown", 0}};
    unit_ok(ir_manifest_parse(INDEX, strlen(INDEX), NULL, NULL, &m, &err), &err);
    ck_assert(m.is_index);
    ck_assert_str_eq(m.media_type, IR_MT_OCI_INDEX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ir_platform want;
        unit_ok(ir_platform_parse(cases[i].want, &want, &err), &err);
        const ir_desc *d = ir_manifest_find(&m, &want);
        ck_assert_msg((d ? d->size : 0) == cases[i].size, "%s: got %lld", cases[i].want,
                      d ? (long long)d->size : 0);
    }
    ir_manifest_platforms(&m, &have);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&have), "linux/arm/v6, linux/arm/v7, linux/arm64"));
}
END_TEST

START_TEST(what_is_no_manifest_is_refused)
{
    static const struct {
        const char *text, *type;
        int code;
        const char *word;
    } cases[] = {
        {"no json", NULL, IMGREL_EPROTO, "manifest"},
        {"[1]", NULL, IMGREL_EPROTO, "not a JSON object"},
        {"{\"schemaVersion\":2}", NULL, IMGREL_EPROTO, "no image manifest or index"},
        {"{\"schemaVersion\":2,\"mediaType\":\"text/html\"}", NULL, IMGREL_EPROTO, "text/html"},
        {"{\"schemaVersion\":3,\"config\":" DESC("c", 1) "}", NULL, IMGREL_EPROTO, "schemaVersion"},
        {"{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, IMGREL_EUNSUPPORTED, "schema 1"},
        {"{\"schemaVersion\":1}", IR_MT_DOCKER_SCHEMA1_SIGNED, IMGREL_EUNSUPPORTED, "schema 1"},
        {"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL, IMGREL_EPROTO, "at once"},
        {"{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}", NULL, IMGREL_EPROTO, "at once"},
        {"{\"schemaVersion\":2,\"manifests\":[]}", IR_MT_OCI_MANIFEST, IMGREL_EPROTO, "no config"},
        {"{\"schemaVersion\":2,\"config\":" DESC("c", 1) "}", IR_MT_OCI_INDEX, IMGREL_EPROTO,
         "no manifests"},
        {"{\"schemaVersion\":2,\"config\":" DESC("c", 1) ",\"layers\":3}", IR_MT_OCI_MANIFEST,
         IMGREL_EPROTO, "no layers"},
        {IMAGE, IR_MT_OCI_INDEX, IMGREL_EPROTO, "calls itself"},
        {IMAGE, IR_MT_DOCKER_MANIFEST, IMGREL_EPROTO, "calls itself"},
        {"{\"schemaVersion\":2,\"config\":{}}", IR_MT_OCI_MANIFEST, IMGREL_EPROTO, "mediaType"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgrel_error err = {0};
        ir_manifest m = {0};
        int rc =
            ir_manifest_parse(cases[i].text, strlen(cases[i].text), cases[i].type, NULL, &m, &err);
        ck_assert_msg(rc == cases[i].code, "case %zu: %d: %s", i, rc, err.message);
        unit_error(&err, cases[i].code, cases[i].word);
        ck_assert_ptr_null(m.bytes);
    }
}
END_TEST

START_TEST(a_wrong_digest_is_refused)
{
    imgrel_error err = {0};
    ir_manifest m = {0};
    ck_assert_int_eq(ir_manifest_parse(IMAGE, strlen(IMAGE), NULL, "sha256:" HEX, &m, &err),
                     IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, HEX);
}
END_TEST

START_TEST(limits_hold)
{
    imgrel_error err = {0};
    ir_manifest m = {0};
    char *big = calloc(1, IR_MANIFEST_MAX + 1);
    ck_assert_int_eq(ir_manifest_parse(big, IR_MANIFEST_MAX + 1, NULL, NULL, &m, &err),
                     IMGREL_ELIMIT);
    free(big);
    ir_error_clear(&err);
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    ir_buf_adds(&b, "{\"schemaVersion\":2,\"config\":" DESC("c", 1) ",\"layers\":[1");
    for (int i = 0; i < IR_LAYERS_MAX; i++)
        ir_buf_adds(&b, ",1");
    ir_buf_adds(&b, "]}");
    ck_assert_int_eq(ir_manifest_parse(b.p, b.len, IR_MT_OCI_MANIFEST, NULL, &m, &err),
                     IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "4097 layers");
}
END_TEST

START_TEST(writing_is_canonical)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_manifest) index = {0};
    ir_desc config = {0}, layer = {0}, entry = {0};
    ir_json *notes = ir_json_pack("{s:s}", "k", "v");
    ck_assert_int_eq(ir_desc_set(&config, "c/c", "sha256:" HEX, 1), 0);
    ck_assert_int_eq(ir_desc_set(&layer, "l/l", "sha256:" HEX, 2), 0);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &layer, 1, notes, &m, &err), &err);
    ck_assert_str_eq(m.bytes, "{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST
                              "\",\"config\":" DESC("c/c", 1) ",\"layers\":[" DESC(
                                  "l/l", 2) "],\"annotations\":{\"k\":\"v\"}}");
    ck_assert_int_eq(ir_desc_set(&entry, IR_MT_OCI_MANIFEST, "sha256:" HEX, 5), 0);
    entry.has_platform = true;
    ir_platform_set(&entry.platform, "linux", "amd64", NULL, NULL);
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, &entry, 1, NULL, &index, &err), &err);
    ck_assert_str_eq(index.bytes,
                     "{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX
                     "\",\"manifests\":[{\"mediaType\":\"" IR_MT_OCI_MANIFEST
                     "\",\"digest\":\"sha256:" HEX "\",\"size\":5,\"platform\":{\"architecture\":"
                     "\"amd64\",\"os\":\"linux\"}}]}");
    ir_json_free(notes);
    ir_desc_free(&config);
    ir_desc_free(&layer);
    ir_desc_free(&entry);
}
END_TEST

UNIT_SUITE(manifest, a_manifest_is_read, a_content_type_may_have_parameters,
           a_media_type_may_have_blanks_around,
           sha512_is_checked_by_sha512, platforms_are_found, what_is_no_manifest_is_refused,
           a_wrong_digest_is_refused, limits_hold, writing_is_canonical)
