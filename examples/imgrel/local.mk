# The command line: public headers only, as an installed program would be built.
bin_PROGRAMS += imgrel
imgrel_SOURCES = examples/imgrel/cli.h examples/imgrel/options.h \
	examples/imgrel/main.c examples/imgrel/commands.c examples/imgrel/options_registry.c \
	examples/imgrel/options_image.c examples/imgrel/options_harbor.c \
	examples/imgrel/parse.c examples/imgrel/errors.c examples/imgrel/out.c \
	examples/imgrel/files.c examples/imgrel/progress.c examples/imgrel/help.c \
	examples/imgrel/man.c examples/imgrel/completion.c examples/imgrel/registry.c examples/imgrel/copy.c \
	examples/imgrel/index.c examples/imgrel/artifact.c examples/imgrel/options_index.c \
	examples/imgrel/image.c examples/imgrel/harbor.c examples/imgrel/harbor.h \
	examples/imgrel/commands_harbor.h examples/imgrel/harbor_project.c \
	examples/imgrel/harbor_robot.c examples/imgrel/harbor_kind.c examples/imgrel/harbor_more.c
imgrel_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/include $(JANSSON_CFLAGS)
imgrel_LDADD = lib/libimgrel.la $(JANSSON_LIBS)
if ENABLE_KUBE
imgrel_SOURCES += examples/imgrel/kube.c examples/imgrel/kube.h \
	examples/imgrel/kube_object.c examples/imgrel/kube_work.c examples/imgrel/options_kube.c
imgrel_CPPFLAGS += -DCLI_KUBE
endif
if ENABLE_NODE
imgrel_SOURCES += examples/imgrel/node.c examples/imgrel/options_node.c
imgrel_CPPFLAGS += -DCLI_NODE
endif
if ENABLE_BUILD
imgrel_SOURCES += examples/imgrel/build.c examples/imgrel/options_build.c
imgrel_CPPFLAGS += -DCLI_BUILD
endif
if ENABLE_RELEASE
imgrel_SOURCES += examples/imgrel/chart.c
imgrel_SOURCES += examples/imgrel/release.c examples/imgrel/options_release.c
imgrel_CPPFLAGS += -DCLI_RELEASE
endif
if ENABLE_GITLAB
if ENABLE_RELEASE
imgrel_SOURCES += examples/imgrel/gitlab.c examples/imgrel/options_gitlab.c
imgrel_CPPFLAGS += -DCLI_GITLAB
endif
endif
if ENABLE_MOCK
imgrel_SOURCES += examples/imgrel/mock.c examples/imgrel/options_mock.c
imgrel_CPPFLAGS += -DCLI_MOCK
imgrel_LDADD += lib/libimgrel-mock.la
endif
