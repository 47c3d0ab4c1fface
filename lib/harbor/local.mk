# Sources of lib/harbor, in reading order.
harbor_sources = lib/harbor/harbor.h lib/harbor/inside.h lib/harbor/client.c \
	lib/harbor/explain.c lib/harbor/project.c lib/harbor/rights.c lib/harbor/rights_known.c \
	lib/harbor/robot_spec.c lib/harbor/robot_life.c lib/harbor/robot.c \
	lib/harbor/robot_create.c lib/harbor/robot_secret.c lib/harbor/robot_wire.c \
	lib/harbor/artifact.c lib/harbor/kind.h lib/harbor/kind.c \
	lib/harbor/place.c lib/harbor/pages.c lib/harbor/resource.c lib/harbor/shape.c \
	lib/harbor/project_put.c lib/harbor/action.h lib/harbor/action.c lib/harbor/wait.c \
	lib/harbor/scan.c lib/harbor/action_more.c \
	lib/harbor/doctor.h lib/harbor/doctor.c lib/harbor/doctor_reach.c lib/harbor/doctor_rights.c
