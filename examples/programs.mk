# One-purpose programs, each at most 60 lines, on public headers only.
example_cppflags = -I$(top_srcdir)/include
noinst_PROGRAMS += examples/copy examples/tags
examples_copy_SOURCES = examples/copy.c
examples_copy_CPPFLAGS = $(example_cppflags)
examples_copy_LDADD = lib/libimgrel.la
examples_tags_SOURCES = examples/tags.c
examples_tags_CPPFLAGS = $(example_cppflags)
examples_tags_LDADD = lib/libimgrel.la
noinst_PROGRAMS += examples/robot
examples_robot_SOURCES = examples/robot.c
examples_robot_CPPFLAGS = $(example_cppflags)
examples_robot_LDADD = lib/libimgrel.la
if ENABLE_RELEASE
noinst_PROGRAMS += examples/release
examples_release_SOURCES = examples/release.c
examples_release_CPPFLAGS = $(example_cppflags)
examples_release_LDADD = lib/libimgrel.la
endif
if ENABLE_MOCK
noinst_PROGRAMS += examples/mock
examples_mock_SOURCES = examples/mock.c
examples_mock_CPPFLAGS = $(example_cppflags)
examples_mock_LDADD = lib/libimgrel-mock.la lib/libimgrel.la
endif
