if ENABLE_BUILD
check_PROGRAMS += tests/unit/check_build
tests_unit_check_build_SOURCES = tests/unit/build/main.c tests/unit/build/check_rawjson.c \
	tests/unit/build/check_dockerfile.c tests/unit/build/check_spec.c \
	tests/unit/build/check_drivers.c tests/unit/build/support.h
tests_unit_check_build_CPPFLAGS = $(unit_cppflags) -DRECORDED='"$(abs_top_srcdir)/tests/unit/build"'
tests_unit_check_build_LDADD = $(unit_libs)
EXTRA_DIST += tests/unit/build/progress-ok.jsonl tests/unit/build/progress-error.jsonl \
	tests/unit/build/progress-logs.jsonl
endif
