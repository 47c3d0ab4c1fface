# Every allocation fails once: run by tests/server/torture.test. What memory keeps of a secret: by
# tests/server/secure.test.
EXTRA_DIST += tests/server/torture.test tests/server/secure.test
if ENABLE_RELEASE
noinst_PROGRAMS += tests/torture/torture
tests_torture_torture_SOURCES = tests/torture/torture.c
tests_torture_torture_LDADD = lib/libimgrel.la
endif
noinst_PROGRAMS += tests/torture/secure
tests_torture_secure_SOURCES = tests/torture/secure.c
tests_torture_secure_LDADD = lib/libimgrel.la
