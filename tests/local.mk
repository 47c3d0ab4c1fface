# Unit tests: one program a layer, one file a file (tests/unit/LAYER/check_FILE.c).
if HAVE_CHECK
unit_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit $(CHECK_CFLAGS)
unit_libs = lib/libcore.la $(CHECK_LIBS) $(core_libs)
include tests/unit/base.mk
include tests/unit/fmt.mk
include tests/unit/net.mk
include tests/unit/oci.mk
include tests/unit/layer.mk
include tests/unit/harbor.mk
include tests/unit/gitlab.mk
include tests/unit/kube.mk
include tests/unit/node.mk
include tests/unit/build.mk
include tests/unit/run.mk
include tests/unit/api.mk
endif
include tests/server/local.mk
include tests/real/local.mk
include tests/fuzz/local.mk
include tests/torture/local.mk
include tests/bench/local.mk
