check_PROGRAMS += tests/unit/check_fmt
tests_unit_check_fmt_SOURCES = tests/unit/fmt/main.c tests/unit/fmt/check_json.c \
	tests/unit/fmt/check_digest.c tests/unit/fmt/check_media.c \
	tests/unit/fmt/check_platform.c tests/unit/fmt/check_ref.c tests/unit/fmt/check_url.c \
	tests/unit/fmt/check_header.c tests/unit/fmt/check_challenge.c \
	tests/unit/fmt/check_toml.c tests/unit/fmt/check_registries.c tests/unit/fmt/check_semver.c
tests_unit_check_fmt_CPPFLAGS = $(unit_cppflags)
if NEED_YAML
tests_unit_check_fmt_SOURCES += tests/unit/fmt/check_yaml.c
tests_unit_check_fmt_CPPFLAGS += -DNEED_YAML
endif
tests_unit_check_fmt_LDADD = $(unit_libs)
