# Unit tests of lib/node, on files in a folder of their own.
if ENABLE_NODE
check_PROGRAMS += tests/unit/check_node
tests_unit_check_node_SOURCES = tests/unit/node/main.c tests/unit/node/support.c \
	tests/unit/node/support.h tests/unit/node/check_registry.c tests/unit/node/check_render.c \
	tests/unit/node/check_containerd.c tests/unit/node/check_trust.c \
	tests/unit/node/check_doctor.c
tests_unit_check_node_CPPFLAGS = $(unit_cppflags)
tests_unit_check_node_LDADD = $(unit_libs)
endif
