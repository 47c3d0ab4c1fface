# Sources of lib/net, in reading order.
net_sources = lib/net/session.c lib/net/call.c lib/net/work.c lib/net/memo.c lib/net/pool.c \
	lib/net/tls.c \
	lib/net/session.h lib/net/session_impl.h lib/net/call.h lib/net/work.h lib/net/board.h \
	lib/net/memo.h lib/net/pool.h lib/net/tls.h lib/net/http.h lib/net/creds.h lib/net/upgrade.h
if ENABLE_KUBE
net_sources += lib/net/ws.c lib/net/ws_client.c lib/net/spdy.c lib/net/ws.h lib/net/spdy.h
endif
