# Sources of lib/net, in reading order.
net_sources = lib/net/session.c lib/net/call.c lib/net/work.c lib/net/http.c lib/net/wire.c \
	lib/net/wire_setup.c lib/net/wire_error.c lib/net/reply.c lib/net/stream.c lib/net/upgrade.c \
	lib/net/origin.c lib/net/retry.c lib/net/auth.c lib/net/token.c lib/net/creds.c \
	lib/net/creds_file.c lib/net/creds_helper.c lib/net/hosts.c lib/net/certs.c lib/net/mirrors.c \
	lib/net/mirrors_hosts.c lib/net/pace.c lib/net/pool.c \
	lib/net/memo.c lib/net/tls.c \
	lib/net/session.h lib/net/session_impl.h lib/net/call.h lib/net/work.h lib/net/board.h \
	lib/net/http.h lib/net/http_impl.h lib/net/wire.h lib/net/origin.h lib/net/retry.h \
	lib/net/auth.h lib/net/token.h lib/net/creds.h lib/net/creds_impl.h lib/net/hosts.h \
	lib/net/certs.h lib/net/mirrors.h lib/net/pace.h lib/net/pool.h lib/net/memo.h lib/net/tls.h lib/net/upgrade.h
if ENABLE_KUBE
net_sources += lib/net/ws.c lib/net/ws_client.c lib/net/spdy.c lib/net/ws.h lib/net/spdy.h
endif
