check_PROGRAMS += tests/unit/check_run
tests_unit_check_run_SOURCES = tests/unit/run/main.c tests/unit/run/check_copy_tee.c \
	tests/unit/run/check_copy_match.c
tests_unit_check_run_CPPFLAGS = $(unit_cppflags)
tests_unit_check_run_LDADD = $(unit_libs)
if ENABLE_RELEASE
tests_unit_check_run_SOURCES += tests/unit/run/check_release_file.c \
	tests/unit/run/check_release_state.c
tests_unit_check_run_CPPFLAGS += -DWITH_RELEASE
endif
