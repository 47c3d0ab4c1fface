# Sources of lib/mock, in reading order.
mock_sources = lib/mock/server.h lib/mock/conn.h lib/mock/tls.h lib/mock/harbor.h \
	lib/mock/registry.h \
	lib/mock/mock.c lib/mock/state.c lib/mock/tls.c \
	lib/mock/server.c lib/mock/server_reply.c lib/mock/server_fault.c \
	lib/mock/harbor.c lib/mock/harbor_error.c lib/mock/harbor_query.c \
	lib/mock/harbor_secret.c lib/mock/harbor_auth.c lib/mock/harbor_rights.c \
	lib/mock/harbor_project.c lib/mock/harbor_member.c lib/mock/harbor_robot.c \
	lib/mock/harbor_artifact.c lib/mock/harbor_repository.c lib/mock/harbor_misc.c \
	lib/mock/token.c \
	lib/mock/registry.c lib/mock/registry_list.c lib/mock/registry_manifest.c \
	lib/mock/registry_store.c lib/mock/registry_upload.c lib/mock/registry_proxy.c
if ENABLE_KUBE
mock_sources +=
endif
