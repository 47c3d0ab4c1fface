# Sources of lib/api, in reading order.
api_sources = lib/api/conf.c lib/api/client.c lib/api/iter.c lib/api/harbor.h lib/api/harbor.c \
	lib/api/harbor_kind.c lib/api/image.c lib/api/spec.c lib/api/index.c lib/api/artifact.c \
	lib/api/ref.c lib/api/manifest.c lib/api/lists.c lib/api/blob.c lib/api/copy.c lib/api/copy_many.c \
	lib/api/login.c lib/api/place.h
if ENABLE_KUBE
api_sources += lib/api/kube.c lib/api/kube_io.c lib/api/kube_do.c lib/api/kube.h
endif
if ENABLE_NODE
api_sources += lib/api/node.c
endif
if ENABLE_GITLAB
api_sources += lib/api/gitlab.h lib/api/gitlab.c
endif
if ENABLE_BUILD
api_sources += lib/api/build.c
endif
if ENABLE_RELEASE
api_sources += lib/api/release.c
endif
