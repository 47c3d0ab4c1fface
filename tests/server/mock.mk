# The mock of Harbor and its registry.
check_PROGRAMS += tests/server/mock_harbor_test
tests_server_mock_harbor_test_SOURCES = tests/server/mock_harbor_test.c tests/server/mock_http.c \
	tests/server/mock_http.h tests/server/mock_surprise.c tests/server/mock_noun.c \
	tests/server/mock_rest.c tests/server/mock_policy.c tests/server/mock_conform.c \
	tests/server/mock_registry.c tests/server/mock_machine.c
tests_server_mock_harbor_test_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_server_mock_harbor_test_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)

# Faults on the way between the library and the mock's registry.
check_PROGRAMS += tests/server/faults_test
tests_server_faults_test_SOURCES = tests/server/faults_test.c tests/server/faults.c \
	tests/server/faults.h tests/server/faults_matrix.c tests/server/faults_kill.c \
	tests/server/faults_range.c tests/server/faults_lie.c tests/server/weir.c tests/server/weir.h \
	tests/server/mock_http.c tests/server/mock_http.h tests/unit/oci/make.c \
	tests/unit/oci/make.h tests/unit/layer/support.c tests/unit/layer/support.h
tests_server_faults_test_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_server_faults_test_LDADD = lib/libmockcore.la $(double_libs) $(unit_libs) $(mock_libs)

# Registries that are after us, and mirrors: what the other side received.
check_PROGRAMS += tests/server/hostile_test
tests_server_hostile_test_SOURCES = tests/server/hostile_test.c tests/server/faults.c \
	tests/server/faults.h tests/server/hostile.c tests/server/hostile.h tests/server/weir.c \
	tests/server/faults_rules.c \
	tests/server/faults_hostile.c tests/server/faults_mirrors.c tests/server/weir.h \
	tests/server/mock_http.c tests/server/mock_http.h tests/unit/oci/make.c \
	tests/unit/oci/make.h tests/unit/layer/support.c tests/unit/layer/support.h
tests_server_hostile_test_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_server_hostile_test_LDADD = lib/libmockcore.la $(double_libs) $(unit_libs) $(mock_libs)

# The mock of Kubernetes and its node.
if ENABLE_KUBE
check_PROGRAMS += tests/server/page tests/server/mock_kube_test
tests_server_page_SOURCES = tests/server/page.c
tests_server_page_CFLAGS = -O1 -Wall
tests_server_page_LDFLAGS = -all-static
tests_server_mock_kube_test_SOURCES = tests/server/mock_kube_test.c tests/server/mock_http.c \
	tests/server/mock_http.h tests/server/mock_kube.c tests/server/mock_kube.h \
	tests/server/mock_kube_api.c tests/server/mock_kube_list.c tests/server/mock_kube_apply.c \
	tests/server/mock_kube_pod.c tests/server/mock_kube_forward.c tests/server/mock_kube_run.c
tests_server_mock_kube_test_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_server_mock_kube_test_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)
endif
