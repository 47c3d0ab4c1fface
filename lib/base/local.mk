# Sources of lib/base, in reading order.
base_sources = lib/base/error.c lib/base/buf.c lib/base/str.c lib/base/cancel.c lib/base/hash.c \
	lib/base/fd.c lib/base/base64.c lib/base/log.c lib/base/proc.c \
	lib/base/wipe.c lib/base/wipe.h \
	lib/base/error.h lib/base/buf.h lib/base/str.h lib/base/cancel.h lib/base/hash.h \
	lib/base/fd.h lib/base/base64.h lib/base/log.h lib/base/proc.h lib/base/limits.h
