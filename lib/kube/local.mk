# Sources of lib/kube, in reading order.
kube_sources =
if ENABLE_KUBE
kube_sources +=
endif
