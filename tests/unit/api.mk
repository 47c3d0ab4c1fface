check_PROGRAMS += tests/unit/check_api
tests_unit_check_api_SOURCES = tests/unit/api/main.c tests/unit/api/check_conf.c \
	tests/unit/api/check_client.c
tests_unit_check_api_CPPFLAGS = $(unit_cppflags)
tests_unit_check_api_LDADD = $(unit_libs)
