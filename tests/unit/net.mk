check_PROGRAMS += tests/unit/check_net
tests_unit_check_net_SOURCES = tests/unit/net/main.c tests/unit/net/support.c \
	tests/unit/net/support.h tests/unit/net/check_http.c tests/unit/net/check_origin.c \
	tests/unit/net/check_retry.c tests/unit/net/check_faults.c tests/unit/net/check_hosts.c \
	tests/unit/net/check_tls.c tests/unit/net/check_stream.c tests/unit/net/check_auth.c \
	tests/unit/net/check_creds.c tests/unit/net/check_work.c tests/unit/net/check_cancel.c
tests_unit_check_net_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_unit_check_net_LDADD = $(double_libs) $(unit_libs) -ldl
