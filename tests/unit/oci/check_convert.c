/* check_convert.c - manifests between OCI's and Docker's formats: there and back, and what can't be
 * said in Docker's is refused. */
#include "unit.h"

#include "base/str.h"
#include "oci/descriptor.h"

#include <stdlib.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DESC(mt) "{\"mediaType\":\"" mt "\",\"digest\":\"sha256:" HEX "\",\"size\":7}"
#define NOTED(mt)                                                                                \
    "{\"mediaType\":\"" mt "\",\"digest\":\"sha256:" HEX "\",\"size\":7,\"annotations\":{\"a\":" \
    "\"b\"}}"
#define DOC(mt, config, layer, more)                                                               \
    "{\"schemaVersion\":2,\"mediaType\":\"" mt "\",\"config\":" DESC(config) ",\"layers\":[" layer \
                                                                             "]" more "}"
#define FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
#define OCI_FOREIGN "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"

static ir_manifest parsed(const char *text)
{
    imgrel_error err = {0};
    ir_manifest m = {0};
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &err), &err);
    return m;
}

static int convert(const char *text, char format, ir_manifest *ret, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = parsed(text);
    *err = (imgrel_error){0};
    return ir_manifest_convert(&m, format, NULL, NULL, 0, ret, err);
}

START_TEST(a_manifest_goes_there_and_back)
{
    static const char oci[] = DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG,
                                  DESC(IR_MT_OCI_LAYER_GZIP) "," DESC(OCI_FOREIGN), "");
    static const char docker[] = DOC(IR_MT_DOCKER_MANIFEST, IR_MT_DOCKER_CONFIG,
                                     DESC(IR_MT_DOCKER_LAYER_GZIP) "," DESC(FOREIGN), "");
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) a = {0};
    IR_AUTO(ir_manifest) b = {0};
    unit_ok(convert(oci, 'd', &a, &err), &err);
    ck_assert_str_eq(a.bytes, docker);
    ck_assert_str_eq(a.media_type, IR_MT_DOCKER_MANIFEST);
    unit_ok(convert(docker, 'o', &b, &err), &err);
    ck_assert_str_eq(b.bytes, oci);
}
END_TEST

START_TEST(what_is_so_already_keeps_its_bytes)
{
    /* No mediaType inside, blanks, members of others. */
    static const char oci[] = "{ \"schemaVersion\": 2, \"x\": [1], \"config\": " DESC(
        "a/b") ","
               " \"layers\": [" NOTED("c/d") "] }";
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) a = {0};
    unit_ok(convert(oci, 'o', &a, &err), &err);
    ck_assert_str_eq(a.bytes, oci);
}
END_TEST

START_TEST(annotations_are_left_out_for_docker)
{
    static const char oci[] = DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, NOTED(IR_MT_OCI_LAYER),
                                  ",\"annotations\":{\"a\":\"b\"}");
    static const char docker[] = DOC(IR_MT_DOCKER_MANIFEST, IR_MT_DOCKER_CONFIG,
                                     DESC("application/vnd.docker.image.rootfs.diff.tar"), "");
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) a = {0};
    unit_ok(convert(oci, 'd', &a, &err), &err);
    ck_assert_str_eq(a.bytes, docker);
}
END_TEST

START_TEST(what_docker_cannot_say_is_refused)
{
    static const struct {
        const char *text, *word;
    } t[] = {
        {DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, DESC(IR_MT_OCI_LAYER_ZSTD), ""), "gzip"},
        {DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_EMPTY, DESC("text/plain"), ""), "empty"},
        {DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, DESC("text/plain"), ""), "text/plain"},
        {DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, DESC(IR_MT_OCI_LAYER),
             ",\"artifactType\":\"x\""),
         "artifacts"},
        {DOC(IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, DESC(IR_MT_OCI_LAYER),
             ",\"subject\":" DESC(IR_MT_OCI_MANIFEST)),
         "subject"},
        {"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" IR_MT_OCI_MANIFEST
         "\",\"digest\":\"sha256:" HEX "\",\"size\":7,\"platform\":{\"os\":\"unknown\","
         "\"architecture\":\"unknown\"}}]}",
         "attestations"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        imgrel_error err = {0};
        ir_manifest m = {0};
        ck_assert_int_eq(convert(t[i].text, 'd', &m, &err), IMGREL_EUNSUPPORTED);
        unit_error(&err, IMGREL_EUNSUPPORTED, t[i].word);
    }
}
END_TEST

START_TEST(an_index_names_what_its_manifests_became)
{
    static const char index[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_INDEX "\",\"manifests\":[{\"mediaType\":"
        "\"" IR_MT_OCI_MANIFEST "\",\"digest\":\"sha256:" HEX "\",\"size\":7,\"platform\":{\"os\":"
        "\"linux\",\"architecture\":\"arm64\"}}]}";
    static const char child[] =
        DOC(IR_MT_DOCKER_MANIFEST, IR_MT_DOCKER_CONFIG, DESC(IR_MT_DOCKER_LAYER_GZIP), "");
    const char from[1][IR_DIGEST_MAX] = {"sha256:" HEX};
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) top = parsed(index);
    IR_AUTO(ir_manifest) to = parsed(child);
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_manifest_convert(&top, 'd', from, &to, 1, &m, &err), &err);
    ck_assert_str_eq(m.media_type, IR_MT_DOCKER_LIST);
    ck_assert_str_eq(m.layers[0].digest, to.digest);
    ck_assert_int_eq(m.layers[0].size, (int64_t)to.len);
    ck_assert_str_eq(m.layers[0].media_type, IR_MT_DOCKER_MANIFEST);
    ck_assert_str_eq(m.layers[0].platform.arch, "arm64");
}
END_TEST

START_TEST(formats_have_names)
{
    imgrel_error err = {0};
    char f = 'x';
    unit_ok(ir_manifest_format(NULL, &f, &err), &err);
    ck_assert_int_eq(f, 0);
    unit_ok(ir_manifest_format("docker", &f, &err), &err);
    ck_assert_int_eq(f, 'd');
    ck_assert_int_eq(ir_manifest_format("v2s1", &f, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "oci or docker");
}
END_TEST

UNIT_SUITE(convert, a_manifest_goes_there_and_back, what_is_so_already_keeps_its_bytes,
           annotations_are_left_out_for_docker, what_docker_cannot_say_is_refused,
           an_index_names_what_its_manifests_became, formats_have_names)
