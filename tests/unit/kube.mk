# Unit tests of lib/kube and of net/ws and net/spdy.
if ENABLE_KUBE
check_PROGRAMS += tests/unit/check_kube
tests_unit_check_kube_SOURCES = tests/unit/kube/main.c tests/unit/kube/check_ws.c \
	tests/unit/kube/check_spdy.c
tests_unit_check_kube_CPPFLAGS = $(unit_cppflags)
tests_unit_check_kube_LDADD = $(unit_libs)
endif
