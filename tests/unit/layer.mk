# Unit tests of the part of lib/oci that makes and reads layers and images.
check_PROGRAMS += tests/unit/check_layer
tests_unit_check_layer_SOURCES = tests/unit/layer/main.c tests/unit/layer/support.c \
	tests/unit/layer/support.h tests/unit/layer/check_compress.c \
	tests/unit/layer/check_archive.c tests/unit/layer/check_layer.c tests/unit/layer/check_merge.c \
	tests/unit/layer/check_image.c tests/unit/layer/check_edit.c \
	tests/unit/layer/check_hostile.c
tests_unit_check_layer_CPPFLAGS = $(unit_cppflags) -DUNIT_DIR=\"$(abs_top_srcdir)/tests/unit\"
tests_unit_check_layer_LDADD = $(unit_libs)
