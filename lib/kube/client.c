/* client.c - requests to the API server: who we are, one more try when a login has ended, waits
 * where the server asks for them, warnings logged, bodies as JSON. */
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "kube/inside.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_MAX_MS 60000 /* a longer Retry-After is the caller's to wait for */

/* ---- who we are ------------------------------------------------------------------------------ */

static int read_token(const ir_kube *k, char **ret, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_TOKEN_MAX);
    int rc = ir_file_read(k->token_file, &text, err);
    if (rc) {
        ir_error_prefix(err, "%s: token of user \"%s\"", k->host, k->user);
        return rc;
    }
    while (text.len && strchr(" \t\r\n", text.p[text.len - 1]))
        ir_buf_truncate(&text, text.len - 1);
    *ret = ir_buf_take(&text);
    return *ret ? 0 : ir_nomem(err);
}

/* Another thread may forget what the plugin gave: the request has copies. */
static int ask_plugin(const ir_call *call, ir_kube *k, ir_kube_login *ret, imgrel_error *err)
{
    pthread_mutex_lock(&k->lock);
    int rc = ir_kube_exec_run(call, k, err);
    if (!rc) {
        ret->token = ir_strdup(k->exec_token);
        ret->cert = ir_strdup(k->exec_cert);
        ret->key = ir_strdup(k->exec_key);
        if ((k->exec_token && !ret->token) || (k->exec_cert && (!ret->cert || !ret->key)))
            rc = ir_nomem(err);
    }
    pthread_mutex_unlock(&k->lock);
    if (ret->cert) {
        ret->tls.cert_pem = ret->cert;
        ret->tls.key_pem = ret->key;
    }
    return rc;
}

static int choose_token(const ir_call *call, ir_kube *k, ir_kube_login *ret, imgrel_error *err)
{
    if (k->token_file)
        return read_token(k, &ret->token, err);
    if (!k->token && !k->basic_user && k->exec)
        return ask_plugin(call, k, ret, err);
    ret->token = ir_strdup(k->token);
    return k->token && !ret->token ? ir_nomem(err) : 0;
}

int ir_kube_login_get(const ir_call *call, ir_kube *k, ir_kube_login *ret, imgrel_error *err)
{
    memset(ret, 0, sizeof *ret);
    ret->tls = (ir_tls){.ca_pem = k->ca_pem,
                        .cert_pem = k->cert_pem,
                        .key_pem = k->key_pem,
                        .server_name = k->tls_name,
                        .proxy = k->proxy,
                        .insecure = k->insecure};
    if (!k->https)
        return 0; /* a login never travels in the clear */
    int rc = choose_token(call, k, ret, err);
    if (rc)
        return rc;
    if (ret->token) {
        ret->auth = (ir_auth){.kind = IR_AUTH_BEARER, .host = k->host, .secret = ret->token};
    } else if (k->basic_user) {
        ret->auth = (ir_auth){.kind = IR_AUTH_BASIC,
                              .host = k->host,
                              .user = k->basic_user,
                              .secret = k->basic_password ? k->basic_password : ""};
    }
    return 0;
}

void ir_kube_login_free(ir_kube_login *l)
{
    ir_free_secret(l->token);
    ir_free_secret(l->key);
    free(l->cert);
    l->token = l->key = l->cert = NULL;
}

bool ir_kube_login_again(ir_kube *k, int status, unsigned tries)
{
    if (status != 401 || tries || !k->exec || k->token || k->token_file)
        return false;
    pthread_mutex_lock(&k->lock);
    ir_kube_exec_forget(k);
    pthread_mutex_unlock(&k->lock);
    return true;
}

/* ---- one exchange ---------------------------------------------------------------------------- */

static void log_warnings(const ir_call *call, const ir_kube *k, const ir_reply *reply)
{
    const char *value = NULL;
    for (size_t i = 0; (value = ir_reply_header(reply, "warning", i)); i++) {
        const char *from = strchr(value, '"'), *to = from ? strrchr(value, '"') : NULL;
        char *text = to > from ? ir_strndup(from + 1, (size_t)(to - from - 1)) : ir_strdup(value);
        if (text)
            ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "kube", text, "server", k->host, NULL);
        free(text);
    }
}

/* What every request to this cluster has: its URL and our headers, whose list is the caller's. */
static int prepare(const ir_kube *k, ir_request *req, const char *path, char **ret_url,
                   const char ***ret_headers, imgrel_error *err)
{
    size_t n = 0;
    *ret_headers = NULL;
    *ret_url = NULL;
    if (!path || path[0] != '/')
        return ir_fail(err, IMGREL_EINVAL, "%s: path \"%s\" does not begin with /", k->host,
                       path ? path : "");
    *ret_url = ir_format("%s%s", k->server, path);
    *ret_headers = calloc(k->headers.n + 1, sizeof **ret_headers);
    if (!*ret_url || !*ret_headers)
        return ir_nomem(err);
    for (; n < k->headers.n; n++)
        (*ret_headers)[n] = k->headers.v[n];
    req->url = *ret_url;
    req->headers = *ret_headers;
    req->accept = req->accept ? req->accept : "application/json";
    req->body_max = req->body_max ? req->body_max : IR_API_BODY_MAX;
    return 0;
}

/* net/ repeats by itself what it may, and anything on 429; for a POST's 5xx the server says by
 * Retry-After that nothing was done yet. Without that header it is not repeated. */
static bool wants_again(const ir_call *call, const ir_reply *reply, unsigned tries,
                        int64_t *ret_wait_ms)
{
    const char *after = ir_reply_header(reply, "retry-after", 0);
    return reply->status >= 500 && after && (int64_t)tries < ir_call_conf(call)->retries &&
           ir_retry_after(after, (int64_t)time(NULL), ret_wait_ms) && *ret_wait_ms <= WAIT_MAX_MS;
}

static bool net_repeats(const ir_request *req)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE"};
    if (req->flags & IR_HTTP_ONE_TRY)
        return false;
    for (size_t i = 0; req->method && i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(req->method, methods[i]))
            return true;
    return !req->method || req->flags & IR_HTTP_REPEATABLE;
}

/* What comes of an exchange beside the reply. */
struct result {
    ir_stream **stream; /* the body of a 2xx */
    ir_ws **ws;         /* a connection after 101 */
    const char *protocol;
};

static bool has_result(const struct result *r)
{
    return (r->stream && *r->stream) || (r->ws && *r->ws);
}

static int send_it(const ir_call *call, ir_request *req, const struct result *r, ir_reply *ret,
                   imgrel_error *err)
{
    if (r->ws)
        return ir_ws_open(call, req, r->protocol, r->ws, ret, err);
    if (!r->stream)
        return ir_http_do(call, req, ret, err);
    int rc = ir_http_open(call, req, r->stream, ret, err);
    /* Only a good reply's body is worth a stream; a refusal's was read already. */
    if (*r->stream && (ret->status < 200 || ret->status > 299)) {
        ir_stream_close(*r->stream);
        *r->stream = NULL;
    }
    return rc;
}

static int once(const ir_call *call, ir_kube *k, ir_request *req, const struct result *r,
                ir_reply *ret, imgrel_error *err)
{
    ir_kube_login login;
    int rc = ir_kube_login_get(call, k, &login, err);
    if (!rc) {
        req->auth = &login.auth;
        req->tls = &login.tls;
        rc = send_it(call, req, r, ret, err);
        req->auth = NULL;
        req->tls = NULL;
    }
    /* Whoever refuses it in TLS most often just breaks off. */
    if (rc == IMGREL_ENET)
        (void)ir_kube_cert_expired(k, err);
    ir_kube_login_free(&login);
    return rc;
}

static int exchange(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                    const struct result *r, ir_reply *ret, imgrel_error *err)
{
    char *url = NULL;
    const char **headers = NULL;
    int64_t wait_ms = 0;
    int rc = prepare(k, req, path, &url, &headers, err);
    for (unsigned tries = 0; !rc; tries++) {
        if ((rc = once(call, k, req, r, ret, err)) || has_result(r))
            break;
        if (ir_kube_login_again(k, ret->status, tries)) {
            ir_reply_free(ret);
            memset(ret, 0, sizeof *ret);
            continue;
        }
        if (net_repeats(req) || !wants_again(call, ret, tries, &wait_ms))
            break;
        rc = ir_sleep(call->cancel, wait_ms, call->deadline_ms, err);
        ir_reply_free(ret);
        memset(ret, 0, sizeof *ret);
    }
    if (!rc)
        log_warnings(call, k, ret);
    req->url = NULL;
    req->headers = NULL;
    free(url);
    free(headers);
    return rc;
}

int ir_kube_do(const ir_call *call, ir_kube *k, ir_request *req, const char *path, ir_reply *ret,
               imgrel_error *err)
{
    const struct result nothing = {0};
    return exchange(call, k, req, path, &nothing, ret, err);
}

int ir_kube_open(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                 ir_stream **ret_stream, ir_reply *ret, imgrel_error *err)
{
    const struct result r = {.stream = ret_stream};
    *ret_stream = NULL;
    return exchange(call, k, req, path, &r, ret, err);
}

int ir_kube_upgrade(const ir_call *call, ir_kube *k, ir_request *req, const char *path,
                    const char *protocol, ir_ws **ret_ws, ir_reply *ret, imgrel_error *err)
{
    const struct result r = {.ws = ret_ws, .protocol = protocol};
    *ret_ws = NULL;
    return exchange(call, k, req, path, &r, ret, err);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

int ir_kube_body(const ir_kube *k, const ir_reply *reply, ir_json **ret, imgrel_error *err)
{
    const char *type = ir_reply_header(reply, "content-type", 0);
    const char *text = ir_buf_str(&reply->body);
    *ret = NULL;
    if (!reply->body.len)
        *ret = ir_json_new_object();
    else if (type && ir_starts(type, "application/json"))
        return ir_json_parse(text, reply->body.len, k->host, ret, err);
    else
        *ret = ir_json_new_string(text);
    return *ret ? 0 : ir_nomem(err);
}

int ir_kube_request(const ir_call *call, ir_kube *k, const char *method, const char *path,
                    const char *content_type, const char *body, size_t len, ir_json **ret_json,
                    int *ret_status, imgrel_error *err)
{
    ir_request req = {.method = method, .body = {.p = body, .len = len, .size = (int64_t)len}};
    ir_reply reply = {0};
    int rc = 0;
    if (ret_json)
        *ret_json = NULL;
    if (body)
        req.content_type = content_type ? content_type : "application/json";
    rc = ir_kube_do(call, k, &req, path, &reply, err);
    if (ret_status)
        *ret_status = reply.status;
    if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(k, &req, path, &reply, err);
    if (!rc && ret_json)
        rc = ir_kube_body(k, &reply, ret_json, err);
    ir_reply_free(&reply);
    return rc;
}
