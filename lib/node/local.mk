# Sources of lib/node, in reading order.
node_sources =
if ENABLE_NODE
node_sources += lib/node/node.h lib/node/registry.c lib/node/merge.c lib/node/render.c \
	lib/node/chart.c lib/node/manifest.c lib/node/containerd.c lib/node/files.c lib/node/trust.c \
	lib/node/doctor.h lib/node/doctor_dir.c lib/node/doctor_reach.c lib/node/doctor.c
endif
