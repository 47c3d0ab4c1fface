# Sources of lib/fmt, in reading order.
fmt_sources = lib/fmt/json.c lib/fmt/json_write.c lib/fmt/digest.c lib/fmt/media.c \
	lib/fmt/platform.c lib/fmt/ref.c lib/fmt/url.c lib/fmt/lex.c lib/fmt/header.c \
	lib/fmt/challenge.c lib/fmt/toml.c lib/fmt/toml_value.c lib/fmt/toml_write.c \
	lib/fmt/registries.c lib/fmt/hosts_toml.c lib/fmt/semver.c lib/fmt/semver.h \
	lib/fmt/json.h lib/fmt/digest.h lib/fmt/media.h lib/fmt/platform.h lib/fmt/ref.h \
	lib/fmt/url.h lib/fmt/lex.h lib/fmt/header.h lib/fmt/challenge.h lib/fmt/yaml.h \
	lib/fmt/toml.h lib/fmt/toml_impl.h lib/fmt/registries.h lib/fmt/hosts_toml.h
if NEED_YAML
fmt_sources += lib/fmt/yaml.c lib/fmt/yaml_write.c
endif
