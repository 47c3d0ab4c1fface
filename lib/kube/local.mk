# Sources of lib/kube, in reading order.
kube_sources =
if ENABLE_KUBE
kube_sources += lib/kube/config.c lib/kube/user.c lib/kube/exec.c lib/kube/client.c \
	lib/kube/status.c lib/kube/kind.c lib/kube/discover.c lib/kube/object.c \
	lib/kube/manifest.c lib/kube/apply.c lib/kube/list.c lib/kube/table.c lib/kube/watch.c \
	lib/kube/changes.c lib/kube/namespace.c lib/kube/secret.c lib/kube/pod.c \
	lib/kube/service.c lib/kube/workload.c lib/kube/rollout.c lib/kube/revision.c \
	lib/kube/rules.c lib/kube/diagnose.c lib/kube/diagnosis.c lib/kube/evidence.c \
	lib/kube/pullsecret.c lib/kube/examine.c lib/kube/nodes.c lib/kube/crew.c lib/kube/endpoints.c \
	lib/kube/wait.c lib/kube/logjoin.c lib/kube/logs.c \
	lib/kube/logs_many.c lib/kube/target.c lib/kube/tunnel.c lib/kube/dial.c \
	lib/kube/dialer.c lib/kube/listen.c lib/kube/forward_pod.c lib/kube/forward_link.c \
	lib/kube/forward.c lib/kube/page_reader.c lib/kube/page.c lib/kube/rules.h \
	lib/kube/tunnel.h lib/kube/forward.h \
	lib/kube/kube.h lib/kube/inside.h
endif
