# Unit tests of lib/harbor, through the public calls, against a scripted server.
check_PROGRAMS += tests/unit/check_harbor
tests_unit_check_harbor_SOURCES = tests/unit/harbor/main.c tests/unit/harbor/script.c \
	tests/unit/harbor/script.h tests/unit/harbor/check_client.c \
	tests/unit/harbor/check_explain.c tests/unit/harbor/check_project.c \
	tests/unit/harbor/check_robot.c tests/unit/harbor/check_robot_change.c \
	tests/unit/harbor/check_role.c tests/unit/harbor/check_pages.c
tests_unit_check_harbor_CPPFLAGS = $(unit_cppflags) $(double_cppflags)
tests_unit_check_harbor_LDADD = $(double_libs) $(unit_libs)

# Whole flows, against the mock in each version.
if ENABLE_MOCK
check_PROGRAMS += tests/unit/check_harbor_flow
tests_unit_check_harbor_flow_SOURCES = tests/unit/harbor/flow_main.c tests/unit/harbor/flow.c \
	tests/unit/harbor/flow.h tests/unit/harbor/flow_robot.c tests/unit/harbor/flow_fault.c \
	tests/unit/harbor/flow_kind.c tests/unit/harbor/flow_doctor.c \
	tests/unit/harbor/flow_artifact.c tests/server/mock_http.c \
	tests/server/mock_http.h
tests_unit_check_harbor_flow_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_unit_check_harbor_flow_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)
endif
