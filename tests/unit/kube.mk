# Unit tests of lib/kube and of net/ws and net/spdy.
EXTRA_DIST += tests/unit/kube/data
if ENABLE_KUBE
check_PROGRAMS += tests/unit/check_kube
tests_unit_check_kube_SOURCES = tests/unit/kube/main.c tests/unit/kube/support.c \
	tests/unit/kube/support.h tests/unit/kube/check_ws.c tests/unit/kube/check_spdy.c \
	tests/unit/kube/check_config.c tests/unit/kube/check_exec.c \
	tests/unit/kube/check_diagnose.c tests/unit/kube/check_examine.c tests/unit/kube/check_logjoin.c \
	tests/unit/kube/check_page.c tests/unit/kube/check_object.c tests/unit/kube/check_wait.c \
	tests/unit/kube/check_forward.c tests/unit/kube/check_follow.c \
	tests/unit/kube/fw.c tests/unit/kube/fw.h tests/unit/kube/apiserver.c tests/unit/kube/apiserver.h
tests_unit_check_kube_CPPFLAGS = $(unit_cppflags) $(double_cppflags) \
	-DTEST_DATA='"$(abs_top_srcdir)/tests/unit/kube/data"' \
	-DWHY_PAGE='"$(abs_top_srcdir)/docs/guide/why-not.md"'
tests_unit_check_kube_LDADD = $(double_libs) $(unit_libs)

# Deeds on objects, and kinds over time.
check_PROGRAMS += tests/unit/check_kube_objects
tests_unit_check_kube_objects_SOURCES = tests/unit/kube/objects_main.c \
	tests/unit/kube/support.c tests/unit/kube/support.h tests/unit/kube/check_do.c \
	tests/unit/kube/check_changes.c tests/unit/kube/check_hostile.c
tests_unit_check_kube_objects_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_unit_check_kube_objects_LDADD = $(double_libs) $(unit_libs)

# Each request fails in turn, against the mock.
if ENABLE_MOCK
check_PROGRAMS += tests/unit/check_kube_flow
tests_unit_check_kube_flow_SOURCES = tests/unit/kube/flow.c tests/server/mock_http.c \
	tests/server/mock_http.h
tests_unit_check_kube_flow_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_unit_check_kube_flow_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)
endif
endif
