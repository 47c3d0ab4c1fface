check_PROGRAMS += tests/unit/check_base
tests_unit_check_base_SOURCES = tests/unit/base/main.c tests/unit/base/check_error.c \
	tests/unit/base/check_buf.c tests/unit/base/check_str.c tests/unit/base/check_cancel.c \
	tests/unit/base/check_fd.c tests/unit/base/check_hash.c tests/unit/base/check_base64.c \
	tests/unit/base/check_log.c tests/unit/base/check_proc.c \
	tests/unit/base/check_wipe.c
tests_unit_check_base_CPPFLAGS = $(unit_cppflags)
tests_unit_check_base_LDADD = $(unit_libs)
