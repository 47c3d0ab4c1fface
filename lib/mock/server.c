/* server.c - the mock's HTTP(S) daemons: one for Harbor and the registry, one for Kubernetes, each
 * with a thread a connection. A request is collected (or streamed to the API that asked for that),
 * handed to the API whose prefix fits best, and answered; a fault may step in before and after. */
#include "mock/conn.h"
#include "mock/tls.h"
#include "base/cancel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_SIZE (512 * IR_KIB)
#define MEMORY_A_CONNECTION (256 * IR_KIB) /* headers, and the largest piece of an upload */
#define CONNECTIONS_MAX 4000u

static const mk_api *const apis[] = {
    &mk_registry_api,
    &mk_token_api,
    &mk_harbor_api,
#if MK_GITLAB
    &mk_gitlab_api,
#endif
    &mk_control_api,
#if MK_KUBE
    &mk_kube_api_core,
    &mk_kube_api_groups,
    &mk_kube_api_misc,
#endif
    NULL,
};

static const mk_api *find_api(const char *path, bool kube)
{
    const mk_api *best = NULL;
    for (const mk_api *const *a = apis; *a; a++)
        if ((*a)->kube == kube && ir_starts(path, (*a)->prefix) &&
            (!best || strlen((*a)->prefix) > strlen(best->prefix)))
            best = *a;
    return best;
}

const char *mk_header(const mk_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

typedef struct join {
    const char *name;
    ir_buf text;
} join;

static enum MHD_Result join_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    join *j = cls;
    (void)kind;
    if (!strcasecmp(name, j->name))
        ir_buf_addf(&j->text, "%s%s", j->text.len ? ", " : "", value ? value : "");
    return MHD_YES;
}

char *mk_header_all(const mk_request *r, const char *name)
{
    join j = {.name = name, .text = IR_BUF(IR_HEADERS_MAX)};
    MHD_get_connection_values(r->conn, MHD_HEADER_KIND, join_value, &j);
    if (j.text.len)
        return ir_buf_take(&j.text);
    ir_buf_free(&j.text);
    return NULL;
}

const char *mk_cookie(const mk_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_COOKIE_KIND, name);
}

/* libmicrohttpd would decode paths and arguments; who sent what must stay visible. */
static size_t keep_escapes(void *cls, struct MHD_Connection *conn, char *s)
{
    (void)cls, (void)conn;
    return strlen(s);
}

/* The first thing that is known of a request: its target as it was sent. */
static void *open_request(void *cls, const char *uri, struct MHD_Connection *conn)
{
    mk_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->server = cls;
    c->r.mock = c->server->mock;
    c->r.conn = conn;
    c->uri = ir_strdup(uri);
    c->body = (ir_buf)IR_BUF(MK_BODY_MAX);
    c->reply.headers = (ir_buf)IR_BUF(IR_HEADERS_MAX);
    c->reply.body = (ir_buf)IR_BUF(IR_API_BODY_MAX);
    return c;
}

static void close_request(void *cls, struct MHD_Connection *conn, void **con_cls,
                          enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)conn, (void)code;
    mk_conn *c = *con_cls;
    *con_cls = NULL;
    if (!c)
        return;
    if (c->begun && !c->logged)
        mk_log_add(c->server, c);
    if (c->r.state && c->r.state_free)
        c->r.state_free(c->r.state);
    mk_reply_free(&c->reply);
    mk_hit_free(&c->hit);
    ir_buf_free(&c->body);
    free(c->uri);
    free(c->path);
    free(c);
}

static bool wait_ready(struct mk_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->ready && !s->stopping)
        pthread_cond_wait(&s->wake, &s->lock);
    bool go = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go;
}

static void route(mk_conn *c, const char *method, int port)
{
    char *query = strchr(c->uri, '?');
    if (query)
        *query++ = '\0';
    c->path = mk_unescape(c->uri, false);
    c->r.method = method;
    c->r.raw_path = c->uri;
    c->r.path = c->path ? c->path : "";
    c->r.query = query ? query : "";
    c->r.body = "";
    c->r.port = port;
    c->r.tls = c->server->cert_pem != NULL;
    c->api = find_api(c->path ? c->path : c->uri, port == c->server->kube_port);
}

static void answer_fault(mk_conn *c)
{
    c->reply.status = c->hit.status;
    if (c->hit.body)
        ir_buf_adds(&c->reply.body, c->hit.body);
    c->answered = true;
}

/* The head is there: the fault is drawn, and an API that streams hears of it. */
static enum MHD_Result begin(mk_conn *c, const char *method, int port)
{
    c->begun = true;
    if (!wait_ready(c->server))
        return MHD_NO;
    route(c, method, port);
    if (c->api == &mk_control_api)
        c->logged = true; /* what steers the mock is no part of the story */
    else
        mk_fault_take(c->server, c);
    if (c->hit.delay_ms && ir_sleep(c->server->mock->cancel, c->hit.delay_ms, 0, NULL))
        return MHD_NO;
    if (c->hit.status)
        answer_fault(c);
    else if (!c->api)
        mk_reply_text(&c->reply, 404, "text/plain; charset=utf-8", "404 page not found\n");
    else if (c->api->begin)
        c->api->begin(&c->r, &c->reply);
    c->answered = c->reply.status != 0;
    /* A client that asked before it sends is told at once; others have their body read and dropped,
     * else the connection would break before they see the reply. */
    if (c->answered && mk_header(&c->r, "Expect"))
        return mk_send(c);
    return MHD_YES;
}

static enum MHD_Result take_piece(mk_conn *c, const char *p, size_t len)
{
    c->bytes_in += (int64_t)len;
    if (c->hit.on && c->hit.after >= 0 && c->bytes_in > c->hit.after) {
        c->cut = true; /* an upload is cut as it comes in */
        if (c->hit.stall)
            mk_stall(c);
        return MHD_NO;
    }
    if (c->answered || c->cut)
        return MHD_YES;
    if (c->r.state && c->api->piece)
        c->api->piece(&c->r, p, len);
    else
        ir_buf_add(&c->body, p, len);
    return MHD_YES;
}

static void finish(mk_conn *c)
{
    c->r.body = ir_buf_str(&c->body);
    c->r.body_len = c->body.len;
    if (c->answered)
        return;
    if (c->body.bad)
        mk_reply_text(&c->reply, 413, "text/plain; charset=utf-8", "request entity too large\n");
    else
        c->api->handle(&c->r, &c->reply);
    c->answered = true;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **con_cls)
{
    (void)cls, (void)conn, (void)url, (void)version;
    mk_conn *c = *con_cls;
    if (!c || !c->uri)
        return MHD_NO;
    if (!c->begun) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(MHD_get_connection_info(conn, MHD_CONNECTION_INFO_DAEMON)->daemon,
                                MHD_DAEMON_INFO_BIND_PORT);
        return begin(c, method, info ? info->port : 0);
    }
    if (*data_len) {
        enum MHD_Result more = take_piece(c, data, *data_len);
        *data_len = 0;
        return more;
    }
    finish(c);
    return mk_send(c);
}

static int start_daemon(struct mk_server *s, const struct sockaddr_in *at, struct MHD_Daemon **ret,
                        int *ret_port, imgrel_error *err)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_ALLOW_UPGRADE | (s->cert_pem ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert_pem},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key_pem},
                                   {MHD_OPTION_END, 0, NULL}};
    *ret = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, at, MHD_OPTION_URI_LOG_CALLBACK,
        open_request, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, close_request, s, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_A_CONNECTION,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE, MHD_OPTION_ARRAY,
        s->cert_pem ? tls : tls + 2, MHD_OPTION_END);
    if (!*ret)
        return ir_fail_errno(err, errno, "mock: cannot listen on port %d", ntohs(at->sin_port));
    *ret_port = MHD_get_daemon_info(*ret, MHD_DAEMON_INFO_BIND_PORT)->port;
    return 0;
}

static int read_address(const imgrel_mock *m, const char *port_key, struct sockaddr_in *ret,
                        imgrel_error *err)
{
    const char *text = ir_json_str(m->config, "address");
    int64_t port = ir_json_int(m->config, port_key, 0);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (port < 0 || port > 65535)
        return ir_fail(err, IMGREL_EINVAL, "mock: \"%s\" is no port", port_key);
    if (inet_pton(AF_INET, text ? text : "127.0.0.1", &ret->sin_addr) != 1)
        return ir_fail(err, IMGREL_EINVAL, "mock: \"address\" %s is no IPv4 address", text);
    return 0;
}

/* The address to tell clients: what it listens on, or loopback if that is everywhere. */
static int name_urls(imgrel_mock *m, const struct sockaddr_in *at, imgrel_error *err)
{
    struct mk_server *s = m->server;
    const char *external = ir_json_str(m->config, "external_url");
    const char *scheme = s->cert_pem ? "https" : "http";
    char ip[INET_ADDRSTRLEN] = "127.0.0.1";
    if (at->sin_addr.s_addr != htonl(INADDR_ANY))
        inet_ntop(AF_INET, &at->sin_addr, ip, sizeof ip);
    m->url = external ? ir_strdup(external) : ir_format("%s://%s:%d", scheme, ip, s->port);
    m->kube_url = ir_format("%s://%s:%d", scheme, ip, s->kube_port);
    const char *host = m->url ? strstr(m->url, "://") : NULL;
    m->host = host ? ir_strndup(host + 3, strcspn(host + 3, "/")) : NULL;
    if (!m->url || !m->kube_url)
        return ir_nomem(err);
    return m->host ? 0
                   : ir_fail(err, IMGREL_EINVAL, "mock: \"external_url\" %s is no URL", external);
}

int mk_server_start(imgrel_mock *m, imgrel_error *err)
{
    struct sockaddr_in at, kube_at;
    int rc = read_address(m, "port", &at, err);
    if (!rc)
        rc = read_address(m, "kube_port", &kube_at, err);
    struct mk_server *s = rc ? NULL : calloc(1, sizeof *s);
    if (!s)
        return rc ? rc : ir_nomem(err);
    m->server = s;
    s->mock = m;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (ir_json_bool(m->config, "tls", false))
        rc = mk_tls_make(m, &s->cert_pem, &s->key_pem, err);
    if (!rc)
        rc = start_daemon(s, &at, &s->harbor, &s->port, err);
    if (!rc)
        rc = start_daemon(s, &kube_at, &s->kube, &s->kube_port, err);
    return rc ? rc : name_urls(m, &at, err);
}

void mk_server_ready(imgrel_mock *m)
{
    pthread_mutex_lock(&m->server->lock);
    m->server->ready = true;
    pthread_cond_broadcast(&m->server->wake);
    pthread_mutex_unlock(&m->server->lock);
}

void mk_wake(imgrel_mock *m)
{
    pthread_mutex_lock(&m->server->lock);
    pthread_cond_broadcast(&m->server->wake);
    pthread_mutex_unlock(&m->server->lock);
}

bool mk_stopping(const imgrel_mock *m)
{
    return imgrel_cancel_fired(m->cancel);
}

void mk_server_stop(imgrel_mock *m)
{
    struct mk_server *s = m->server;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    mk_upgrades_stop(s);
    if (s->harbor)
        MHD_stop_daemon(s->harbor);
    if (s->kube)
        MHD_stop_daemon(s->kube);
    s->harbor = s->kube = NULL;
}

void mk_server_free(imgrel_mock *m)
{
    struct mk_server *s = m->server;
    if (!s)
        return;
    m->server = NULL;
    mk_faults_free(s);
    mk_log_free(s);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s->cert_pem);
    ir_free_secret(s->key_pem);
    free(s);
}
