# Sources of lib/harbor, in reading order.
harbor_sources = lib/harbor/harbor.h lib/harbor/inside.h lib/harbor/client.c \
	lib/harbor/explain.c lib/harbor/project.c lib/harbor/role.c lib/harbor/robot.c \
	lib/harbor/artifact.c lib/harbor/pages.c
