/* session.h - what a client is below the API: its configuration, its pool of warm connections, its
 * tokens and its logins. Made once, shared by every thread; what changes in it has its own lock.
 *
 * ir_conf is filled by the table in api/conf.c and does not change after the first call. */
#ifndef IR_NET_SESSION_H
#define IR_NET_SESSION_H

#include "base/log.h"
#include "base/str.h"
#include <stdbool.h>

/* Strings are owned; NULL is unset. Times are milliseconds. */
typedef struct ir_conf {
    char *ca_file;            /* PEM bundle instead of the system's */
    char *client_cert, *client_key;
    ir_strv plain_http;       /* hosts reached without TLS */
    ir_strv insecure;         /* hosts whose certificate is not checked */
    ir_strv resolve;          /* "host[:port]=address[:port]": connect there instead */
    ir_strv certs_dirs;       /* certs.d directories, first match wins */
    char *registries_conf;    /* a file, or "auto"; NULL: none is read */
    ir_strv hosts_dirs;       /* folders of containerd's hosts.toml; none: not read */
    char *proxy, *no_proxy;   /* NULL: http_proxy and so on; "": none */
    char *proxy_user, *proxy_password;
    char *proxy_ca_file;      /* of an https:// proxy; NULL: as for hosts */
    char *auth_file;
    ir_strv registry_hosts;   /* where registry_user and registry_password go */
    char *registry_user, *registry_password;
    char *user_agent;         /* a product put before ours */
    bool helpers;             /* credential helpers may be run */
    int64_t helper_timeout_ms, connect_timeout_ms, stall_timeout_ms, timeout_ms;
    int64_t low_speed, low_speed_time_ms; /* bytes a second; 0: any will do */
    int64_t rate_wait_ms;     /* longest pause before a request where few are left; 0: none */
    int64_t retry_delay_ms, retry_delay_max_ms, retry_budget_ms;
    int64_t retries;          /* further tries after the first */
    int64_t jobs;
    int64_t ranges, ranges_from; /* of one blob; from that size in MiB on */
    bool http2, expect_100;
    char *compression;        /* "gzip", "zstd", "none" */
    char *compression_codec;  /* "auto", "zlib", "isal" */
    int64_t compression_level;
    int64_t log_level;
    char *cache_dir;          /* journals of uploads; NULL: none are kept */
} ir_conf;

typedef struct ir_session ir_session;
/* Takes conf's content (conf is then empty) and log. */
int ir_must_use ir_session_new(ir_conf *conf, const ir_log *log, ir_session **ret,
                               imgrel_error *err);
const ir_conf *ir_session_conf(const ir_session *s);
const ir_log *ir_session_log(const ir_session *s);
void ir_session_free(ir_session *s);
void ir_conf_clear(ir_conf *conf);

#endif
