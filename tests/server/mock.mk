# The mock of Harbor and its registry.
check_PROGRAMS += tests/server/mock_harbor_test
tests_server_mock_harbor_test_SOURCES = tests/server/mock_harbor_test.c tests/server/mock_http.c \
	tests/server/mock_http.h tests/server/mock_surprise.c tests/server/mock_noun.c \
	tests/server/mock_registry.c tests/server/mock_machine.c
tests_server_mock_harbor_test_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_server_mock_harbor_test_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)
