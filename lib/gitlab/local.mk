# Sources of lib/gitlab, in reading order.
gitlab_sources =
if ENABLE_GITLAB
gitlab_sources += lib/gitlab/gitlab.h lib/gitlab/inside.h lib/gitlab/client.c \
	lib/gitlab/explain.c lib/gitlab/pages.c lib/gitlab/kind.c lib/gitlab/variable.c \
	lib/gitlab/expand.c lib/gitlab/runner.c lib/gitlab/project.c lib/gitlab/lint.c \
	lib/gitlab/pipeline.c lib/gitlab/why.c lib/gitlab/log.c lib/gitlab/ci.c
endif
