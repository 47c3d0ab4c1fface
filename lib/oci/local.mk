# Sources of lib/oci, in reading order.
oci_sources = lib/oci/descriptor.c lib/oci/manifest.c lib/oci/manifest_write.c \
	lib/oci/manifest_convert.c lib/oci/index_edit.c lib/oci/index_edit.h \
	lib/oci/store.c lib/oci/blob.c lib/oci/blob_file.c lib/oci/layout.c lib/oci/layout_index.c lib/oci/layout_names.c lib/oci/layout_marker.c \
	lib/oci/layout_partial.c \
	lib/oci/registry.c lib/oci/registry_read.c lib/oci/registry_range.c \
	lib/oci/registry_mirror.c \
	lib/oci/journal.h lib/oci/journal.c lib/oci/registry_push.c \
	lib/oci/registry_write.c lib/oci/pages.c lib/oci/layout_stage.c lib/oci/oci_archive.c \
	lib/oci/docker_archive.c lib/oci/descriptor.h lib/oci/store.h lib/oci/store_ops.h \
	lib/oci/layout.h lib/oci/registry.h lib/oci/registry_single.c lib/oci/registry_put.c lib/oci/referrers.c lib/oci/artifact.c lib/oci/artifact_get.c lib/oci/artifact.h
# Layers and images.
oci_sources += lib/oci/compress.c lib/oci/compress_gzip.c lib/oci/compress_zstd.c \
	lib/oci/compress_read.c lib/oci/archive.c lib/oci/layer_extract.c \
	lib/oci/layer_root.c lib/oci/layer_root.h lib/oci/layer_scan.c \
	lib/oci/layer.c lib/oci/layer_pour.c lib/oci/layer_marks.c lib/oci/layer_marks.h \
	lib/oci/layer_merge.c lib/oci/layer_unpack.c lib/oci/archive.h lib/oci/compress.h lib/oci/compress_block.h \
	lib/oci/image.h lib/oci/layer_scan.h lib/oci/image_plan.h lib/oci/image_spec.c \
	lib/oci/image_base.c lib/oci/image_config.c lib/oci/image_blob.c lib/oci/image_write.c lib/oci/image.c \
	lib/oci/image_edit.h lib/oci/image_edit_read.c lib/oci/image_rebase.c \
	lib/oci/image_edit_layers.c lib/oci/image_edit_write.c lib/oci/image_edit.c \
	lib/oci/image_validate.h lib/oci/image_validate_layer.c lib/oci/image_validate.c
