# Unit tests of lib/gitlab, against the mock's stand-in of a GitLab.
if ENABLE_MOCK
if ENABLE_GITLAB
check_PROGRAMS += tests/unit/check_gitlab
tests_unit_check_gitlab_SOURCES = tests/unit/gitlab/main.c tests/unit/gitlab/lab.c \
	tests/unit/gitlab/lab.h tests/unit/gitlab/check_words.c tests/unit/gitlab/check_flow.c \
	tests/unit/gitlab/check_pipeline.c tests/unit/gitlab/check_fault.c \
	tests/server/mock_http.c tests/server/mock_http.h
tests_unit_check_gitlab_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)/tests/server
tests_unit_check_gitlab_LDADD = lib/libmockcore.la $(unit_libs) $(mock_libs)
endif
endif
