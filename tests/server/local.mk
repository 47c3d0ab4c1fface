if HAVE_CHECK
# The scripted HTTP double: link $(double_libs), include "double.h".
check_LTLIBRARIES = tests/server/libdouble.la
tests_server_libdouble_la_SOURCES = tests/server/double.c tests/server/double_http.c \
	tests/server/double_pki.c tests/server/double.h tests/server/double_impl.h
tests_server_libdouble_la_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)
double_cppflags = -I$(top_srcdir)/tests/server
double_libs = tests/server/libdouble.la $(SSL_LIBS)
endif
if HAVE_CHECK
if ENABLE_MOCK
include tests/server/mock.mk
endif
endif
