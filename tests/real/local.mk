# The library against real servers.
if HAVE_CHECK
check_PROGRAMS += tests/real/registry_test
tests_real_registry_test_SOURCES = tests/real/registry_test.c tests/real/registry_plain.c \
	tests/real/registry_copy.c tests/real/registry_many.c \
	tests/real/registry_blobs.c tests/real/registry_more.c tests/real/registry_secure.c tests/real/hub.c \
	tests/real/hub.h tests/unit/oci/make.c tests/unit/oci/make.h \
	tests/unit/layer/support.c tests/unit/layer/support.h
tests_real_registry_test_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_real_registry_test_LDADD = $(double_libs) $(unit_libs)
endif
