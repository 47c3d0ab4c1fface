# Sources of lib/harbor, in reading order.
harbor_sources = lib/harbor/harbor.h lib/harbor/inside.h lib/harbor/client.c \
	lib/harbor/explain.c lib/harbor/project.c lib/harbor/rights.c lib/harbor/rights_known.c \
	lib/harbor/robot_spec.c lib/harbor/robot_life.c lib/harbor/robot.c \
	lib/harbor/robot_create.c lib/harbor/robot_secret.c lib/harbor/robot_wire.c \
	lib/harbor/artifact.c lib/harbor/pages.c
