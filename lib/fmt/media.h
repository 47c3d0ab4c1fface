/* media.h - media types of image-spec and of Docker, and what each is. */
#ifndef IR_FMT_MEDIA_H
#define IR_FMT_MEDIA_H

#include <stdbool.h>

#define IR_MT_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define IR_MT_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define IR_MT_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define IR_MT_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define IR_MT_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define IR_MT_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define IR_MT_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define IR_MT_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define IR_MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define IR_MT_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"
#define IR_MT_DOCKER_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"
#define IR_MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define IR_MT_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define IR_MT_DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

bool ir_media_is_index(const char *mt);
bool ir_media_is_manifest(const char *mt);
bool ir_media_is_schema1(const char *mt);
bool ir_media_is_config(const char *mt);  /* an image's config, OCI or Docker */
bool ir_media_is_layer(const char *mt);
bool ir_media_is_foreign(const char *mt); /* not to be authenticated, not pushed by default */
/* 0 none, 'g' gzip, 'z' zstd. */
char ir_media_compression(const char *mt);
/* The type that means the same in the other format: 'o' OCI's, 'd' Docker's. What has no other form
 * is given as it is for OCI, which allows any type, and is NULL for Docker, which does not. */
const char *ir_media_convert(const char *mt, char format);
/* Equal but for parameters and case: "application/json; charset=utf-8". */
bool ir_media_same(const char *a, const char *b);
/* The Accept value for manifests of every kind. */
extern const char ir_media_accept_manifests[];

#endif
