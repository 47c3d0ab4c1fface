# Sources of lib/build, in reading order.
build_sources =
if ENABLE_BUILD
build_sources += lib/build/build.h lib/build/inside.h lib/build/dockerfile.h \
	lib/build/dockerfile.c lib/build/ignore.h lib/build/ignore.c lib/build/spec.c \
	lib/build/build.c lib/build/desk.c lib/build/tool.c lib/build/rawjson.h lib/build/rawjson.c \
	lib/build/explain.c lib/build/buildkit.c lib/build/buildkit_words.c lib/build/buildah.c \
	lib/build/docker.c lib/build/engine.h lib/build/engine.c lib/build/context.c \
	lib/build/assemble.c
endif
