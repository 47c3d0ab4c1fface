# Sources of lib/oci, in reading order.
oci_sources = lib/oci/descriptor.c lib/oci/manifest.c lib/oci/manifest_write.c \
	lib/oci/descriptor.h lib/oci/store.h
