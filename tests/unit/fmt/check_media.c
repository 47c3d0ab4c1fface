/* check_media.c - every media type is of one kind. */
#include "fmt/media.h"
#include "unit.h"

START_TEST(kinds)
{
    ck_assert(ir_media_is_index(IR_MT_OCI_INDEX) && ir_media_is_index(IR_MT_DOCKER_LIST));
    ck_assert(!ir_media_is_index(IR_MT_OCI_MANIFEST) && !ir_media_is_index(NULL));
    ck_assert(ir_media_is_manifest(IR_MT_OCI_MANIFEST));
    ck_assert(ir_media_is_manifest(IR_MT_DOCKER_MANIFEST));
    ck_assert(!ir_media_is_manifest(IR_MT_DOCKER_SCHEMA1));
    ck_assert(ir_media_is_schema1(IR_MT_DOCKER_SCHEMA1_SIGNED));
    ck_assert(ir_media_is_config(IR_MT_OCI_CONFIG) && ir_media_is_config(IR_MT_DOCKER_CONFIG));
    ck_assert(!ir_media_is_config(IR_MT_OCI_EMPTY));
    ck_assert(ir_media_is_layer(IR_MT_OCI_LAYER) && ir_media_is_layer(IR_MT_DOCKER_FOREIGN));
    ck_assert(ir_media_is_foreign(IR_MT_DOCKER_FOREIGN));
    ck_assert(ir_media_is_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"));
    ck_assert(!ir_media_is_foreign(IR_MT_DOCKER_LAYER_GZIP));
}
END_TEST

START_TEST(compression)
{
    ck_assert_int_eq(ir_media_compression(IR_MT_OCI_LAYER), 0);
    ck_assert_int_eq(ir_media_compression(IR_MT_OCI_LAYER_GZIP), 'g');
    ck_assert_int_eq(ir_media_compression(IR_MT_DOCKER_LAYER_GZIP), 'g');
    ck_assert_int_eq(ir_media_compression(IR_MT_OCI_LAYER_ZSTD), 'z');
    ck_assert_int_eq(ir_media_compression("text/plain"), 0);
}
END_TEST

START_TEST(same)
{
    ck_assert(ir_media_same("application/json; charset=utf-8", "Application/JSON"));
    ck_assert(ir_media_same(" a/b ;x", "a/b"));
    ck_assert(!ir_media_same("a/b", "a/bc") && !ir_media_same(NULL, "a/b"));
    ck_assert(ir_media_is_index(IR_MT_OCI_INDEX "; charset=utf-8"));
    ck_assert_ptr_nonnull(strstr(ir_media_accept_manifests, IR_MT_DOCKER_LIST));
}
END_TEST

UNIT_SUITE(media, kinds, compression, same)
