# Every allocation fails once: run by tests/server/torture.test.
EXTRA_DIST += tests/server/torture.test
if ENABLE_RELEASE
noinst_PROGRAMS += tests/torture/torture
tests_torture_torture_SOURCES = tests/torture/torture.c
tests_torture_torture_LDADD = lib/libimgrel.la
endif
