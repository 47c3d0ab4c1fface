# Unit tests of the part of lib/oci that keeps images, and of the copy engine on local places.
check_PROGRAMS += tests/unit/check_oci
tests_unit_check_oci_SOURCES = tests/unit/oci/main.c tests/unit/oci/make.c tests/unit/oci/make.h \
	tests/unit/layer/support.c tests/unit/layer/support.h tests/unit/oci/check_descriptor.c \
	tests/unit/oci/check_manifest.c tests/unit/oci/check_blob.c tests/unit/oci/check_layout.c \
	tests/unit/oci/check_oci_archive.c tests/unit/oci/check_docker_archive.c \
	tests/unit/oci/check_copy.c tests/unit/oci/check_convert.c tests/unit/oci/check_index.c \
	tests/unit/oci/check_artifact.c tests/unit/oci/check_journal.c \
	tests/unit/oci/check_stress.c tests/unit/oci/check_validate.c
tests_unit_check_oci_CPPFLAGS = $(unit_cppflags)
tests_unit_check_oci_LDADD = $(unit_libs)
# The same against a registry that the double plays.
check_PROGRAMS += tests/unit/check_registry
tests_unit_check_registry_SOURCES = tests/unit/oci/registry_main.c tests/unit/oci/reg.c \
	tests/unit/oci/reg.h tests/unit/net/support.c tests/unit/net/support.h \
	tests/unit/oci/check_registry.c tests/unit/oci/check_registry_read.c \
	tests/unit/oci/check_registry_push.c tests/unit/oci/check_registry_write.c \
	tests/unit/oci/check_pages.c tests/unit/oci/check_referrers.c tests/unit/oci/check_single.c tests/unit/oci/check_sha512.c
tests_unit_check_registry_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_unit_check_registry_LDADD = $(double_libs) $(unit_libs)
