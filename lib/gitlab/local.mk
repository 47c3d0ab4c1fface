# Sources of lib/gitlab, in reading order.
gitlab_sources =
if ENABLE_GITLAB
gitlab_sources += lib/gitlab/gitlab.h lib/gitlab/variable.c
endif
