/* wire_setup.c - says to curl what one exchange is: nothing of netrc, cookies, content encodings
 * or curl's own redirects, and only what the grant allows. */
#include "net/wire.h"
#include "base/limits.h"
#include "net/hosts.h"
#include "net/tls.h"

#include <stdlib.h>

#define BULK_RECEIVE (64 * 1024L)
#define BULK_SEND (64 * 1024L)
#define BRIEF_CONNECT_MS 10000L
#define EXPECT_MIN (1024 * 1024)
#define EXPECT_WAIT_MS 200L

/* ---- headers -------------------------------------------------------------------------------- */

static int add_line(ir_wire *w, const char *line, imgrel_error *err)
{
    if (strpbrk(line, "\r\n"))
        return ir_fail(err, IMGREL_EINVAL, "%s: a line break in a request header", w->host);
    struct curl_slist *more = curl_slist_append(w->headers, line);
    if (!more)
        return ir_nomem(err);
    w->headers = more;
    return 0;
}

static int add_header(ir_wire *w, const char *name, const char *value, imgrel_error *err)
{
    if (!value)
        return 0;
    char *line = ir_format("%s: %s", name, value);
    int rc = line ? add_line(w, line, err) : ir_nomem(err);
    ir_free_secret(line);
    return rc;
}

static bool wants_expect(const ir_wire *w)
{
    const ir_body *body = &w->req.body;
    int64_t size = body->read ? body->size : (int64_t)body->len;
    return ir_call_conf(&w->call)->expect_100 && (size < 0 || size >= EXPECT_MIN);
}

static int set_headers(ir_wire *w, const ir_shot *shot, imgrel_error *err)
{
    const ir_request *req = &w->req;
    const char *agent = ir_call_conf(&w->call)->user_agent;
    char *product =
        ir_format("%s%slibimgrel/" PACKAGE_VERSION, agent ? agent : "", agent ? " " : "");
    int rc = product ? add_header(w, "User-Agent", product, err) : ir_nomem(err);
    free(product);
    if (!rc)
        rc = add_header(w, "Accept", req->accept ? req->accept : "*/*", err);
    /* Without a type of ours, POSTFIELDS would make it a form. */
    if (!rc)
        rc = req->content_type && !shot->no_body
                 ? add_header(w, "Content-Type", req->content_type, err)
                 : add_line(w, "Content-Type:", err);
    if (!rc && !wants_expect(w))
        rc = add_line(w, "Expect:", err);
    if (!rc && shot->grant.credentials)
        rc = add_header(w, "Authorization", shot->authorization, err);
    for (size_t i = 0; !rc && shot->grant.headers && req->headers && req->headers[i]; i++)
        rc = add_line(w, req->headers[i], err);
    return rc;
}

/* ---- address, TLS, proxy -------------------------------------------------------------------- */

/* server_name: the URL that curl sees has that name, which it then checks and sends, and connects
 * to the real host; the Host header stays. */
static int set_url(ir_wire *w, const ir_shot *shot, const ir_host *host, imgrel_error *err)
{
    const ir_url *u = shot->url;
    const char *name = shot->grant.headers && w->req.tls ? w->req.tls->server_name : NULL;
    char *to = NULL;
    int rc = 0;
    w->text =
        ir_format("%s%s%s%s", w->origin, u->path, u->query ? "?" : "", u->query ? u->query : "");
    char *seen = name ? ir_format("%s://%s:%d%s%s%s", u->scheme, name, u->port, u->path,
                                  u->query ? "?" : "", u->query ? u->query : "")
                      : ir_strdup(w->text);
    if (name || host->address)
        to = host->address ? ir_format("%s:%d:%s", name ? name : u->host, u->port, host->address)
                           : ir_format("%s:%d:%s:%d", name, u->port, u->host, u->port);
    if (to)
        w->connect_to = curl_slist_append(NULL, to);
    if (!w->text || !seen || ((name || host->address) && !w->connect_to))
        rc = ir_nomem(err);
    CURL *e = w->lane->easy;
    if (!rc && (curl_easy_setopt(e, CURLOPT_URL, seen) ||
                curl_easy_setopt(e, CURLOPT_CONNECT_TO, w->connect_to)))
        rc = ir_nomem(err);
    if (!rc && name)
        rc = add_header(w, "Host", w->host, err);
    free(seen);
    free(to);
    return rc;
}

static int set_blob(CURL *e, CURLoption option, const char *pem)
{
    struct curl_blob blob = {(void *)pem, strlen(pem), CURL_BLOB_COPY};
    return curl_easy_setopt(e, option, &blob);
}

static CURLcode on_ssl_ctx(CURL *e, void *ctx, void *trust)
{
    (void)e;
    ir_tls_use(ctx, trust);
    return CURLE_OK;
}

/* What the whole session trusts is parsed once. curl, told of no file, then tells connections with
 * this trust from those with another's. */
static int set_session_trust(ir_wire *w, imgrel_error *err)
{
    CURL *e = w->lane->easy;
    char *bundle = NULL, *dir = NULL;
    ir_trust *trust = NULL;
    int bad = 0;
    curl_easy_getinfo(e, CURLINFO_CAINFO, &bundle);
    curl_easy_getinfo(e, CURLINFO_CAPATH, &dir);
    int rc = ir_tls_trust(w->call.session, bundle, dir, &trust, err);
    if (rc)
        return rc;
    bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    bad |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, trust);
    return bad ? ir_nomem(err) : 0;
}

/* Those of a certs.d folder and of a hosts.toml; the system's stay, by its directory. */
static int set_more_authorities(CURL *e, const char *a, const char *b)
{
    char *both = ir_format("%s%s", a ? a : "", b ? b : "");
    int bad = both ? set_blob(e, CURLOPT_CAINFO_BLOB, both) : 1;
    free(both);
    return bad;
}

static int set_authorities(ir_wire *w, const ir_host *host, const ir_tls *tls, bool unchecked,
                           imgrel_error *err)
{
    CURL *e = w->lane->easy;
    const char *only = tls && !tls->beside ? tls->ca_pem : NULL;
    const char *more = tls && tls->beside ? tls->ca_pem : NULL;
    int bad = 0;
    if (only)
        bad =
            (int)curl_easy_setopt(e, CURLOPT_CAPATH, NULL) | set_blob(e, CURLOPT_CAINFO_BLOB, only);
    else if (host->ca_file && !more)
        bad = (int)curl_easy_setopt(e, CURLOPT_CAPATH, NULL) |
              (int)curl_easy_setopt(e, CURLOPT_CAINFO, host->ca_file);
    else if (host->ca_pem || more)
        bad = set_more_authorities(e, host->ca_pem, more);
    else if (!unchecked && !ir_call_conf(&w->call)->proxy_ca_file)
        return set_session_trust(w, err); /* which would be the proxy's, too */
    else if (!unchecked && ir_call_conf(&w->call)->ca_file)
        bad = (int)curl_easy_setopt(e, CURLOPT_CAPATH, NULL) |
              (int)curl_easy_setopt(e, CURLOPT_CAINFO, ir_call_conf(&w->call)->ca_file);
    return bad ? ir_nomem(err) : 0;
}

static int set_client_cert(ir_wire *w, const ir_shot *shot, const ir_host *host)
{
    CURL *e = w->lane->easy;
    const ir_tls *tls = shot->grant.headers ? w->req.tls : NULL;
    if (tls && tls->cert_pem)
        return set_blob(e, CURLOPT_SSLCERT_BLOB, tls->cert_pem) |
               (tls->key_pem ? set_blob(e, CURLOPT_SSLKEY_BLOB, tls->key_pem) : 0);
    if (!host->cert || (tls && !tls->beside) || (!host->cert_is_own && !shot->grant.client_cert))
        return 0;
    return (int)curl_easy_setopt(e, CURLOPT_SSLCERT, host->cert) |
           (host->key ? (int)curl_easy_setopt(e, CURLOPT_SSLKEY, host->key) : 0);
}

static int set_tls(ir_wire *w, const ir_shot *shot, const ir_host *host, imgrel_error *err)
{
    CURL *e = w->lane->easy;
    const ir_tls *tls = shot->grant.headers ? w->req.tls : NULL;
    bool trust = (tls && tls->insecure) || ((!tls || tls->beside) && host->insecure);
    int bad = 0;
    if (!w->tls)
        return 0;
    bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, trust ? 0L : 1L);
    bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, trust ? 0L : 2L);
    bad |= set_client_cert(w, shot, host);
    return bad ? ir_nomem(err) : set_authorities(w, host, tls, trust, err);
}

/* A TLS connection to the proxy itself: checked whatever the host's is, and without a certificate
 * of ours, which is the host's. */
static int set_proxy_tls(CURL *e, const ir_conf *conf)
{
    const char *ca = conf->proxy_ca_file ? conf->proxy_ca_file : conf->ca_file;
    int bad = (int)curl_easy_setopt(e, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ca)
        bad |= (int)curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL) |
               (int)curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, ca);
    return bad;
}

/* The environment's proxy is not for this machine itself, nor for a host whose address was given;
 * a login for the proxy is not for one that a kubeconfig names. */
static int set_proxy(ir_wire *w, const ir_shot *shot, const ir_host *host, imgrel_error *err)
{
    CURL *e = w->lane->easy;
    const ir_conf *conf = ir_call_conf(&w->call);
    const char *named = shot->grant.headers && w->req.tls ? w->req.tls->proxy : NULL;
    const char *proxy = named ? named : conf->proxy;
    int bad = 0;
    if (!proxy && (host->address || ir_host_is_loopback(shot->url->host)))
        proxy = "";
    if (proxy)
        bad |= curl_easy_setopt(e, CURLOPT_PROXY, proxy);
    if (conf->no_proxy && !named)
        bad |= curl_easy_setopt(e, CURLOPT_NOPROXY, conf->no_proxy);
    if (conf->proxy_user && !named) {
        bad |= curl_easy_setopt(e, CURLOPT_PROXYUSERNAME, conf->proxy_user);
        bad |= curl_easy_setopt(e, CURLOPT_PROXYPASSWORD,
                                conf->proxy_password ? conf->proxy_password : "");
    }
    if (w->req.socket && shot->grant.headers)
        bad |= curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, w->req.socket);
    bad |= set_proxy_tls(e, conf);
    bad |= curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    bad |= curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return bad ? ir_nomem(err) : 0;
}

/* ---- method and body ------------------------------------------------------------------------ */

static int set_source(CURL *e, const ir_body *body)
{
    int bad = 0;
    bad |= curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->size);
    bad |= curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, BULK_SEND);
    bad |= curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_WAIT_MS);
    if (!body->rewind) /* can't be sent twice: no connection that may have died while idle */
        bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    return bad;
}

static int set_method(ir_wire *w, const ir_shot *shot, imgrel_error *err)
{
    CURL *e = w->lane->easy;
    const ir_body *body = &w->req.body;
    bool carries = !shot->no_body && (body->p || body->read);
    bool expects =
        !strcmp(w->method, "POST") || !strcmp(w->method, "PUT") || !strcmp(w->method, "PATCH");
    int bad = 0;
    if (!strcmp(w->method, "HEAD")) {
        bad |= curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    } else if (carries && body->read) {
        bad |= set_source(e, body);
    } else if (carries || expects) { /* with Content-Length: 0 when there is none */
        bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
        bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDS, carries ? body->p : "");
        bad |=
            curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(carries ? body->len : 0));
    } else {
        bad |= curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    if (strcmp(w->method, "HEAD") != 0)
        bad |= curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, w->method);
    if (w->req.flags & IR_HTTP_ONCE)
        bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    if (w->req.range)
        bad |= curl_easy_setopt(e, CURLOPT_RANGE, w->req.range);
    return bad ? ir_nomem(err) : 0;
}

static int set_basics(ir_wire *w, const ir_shot *shot, imgrel_error *err)
{
    CURL *e = w->lane->easy;
    const ir_conf *conf = ir_call_conf(&w->call);
    bool bulk = (w->req.flags & IR_HTTP_H1) || shot->connect_only;
    long version = w->tls && conf->http2 && !bulk ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    long patience = (long)conf->connect_timeout_ms;
    int bad = 0;
    if (w->req.flags & IR_HTTP_BRIEF && patience > BRIEF_CONNECT_MS)
        patience = BRIEF_CONNECT_MS;
    bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, w->why);
    bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    bad |= curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version);
    bad |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, patience);
    bad |= curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, shot->connect_only ? 1L : 0L);
    if (shot->connect_only) /* a plain-HTTP proxy must hand the bytes through, too */
        bad |= curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (w->req.sink || shot->stream)
        bad |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BULK_RECEIVE);
    return bad ? ir_nomem(err) : 0;
}

int ir_wire_setup(ir_wire *w, const ir_shot *shot, imgrel_error *err)
{
    IR_AUTO(ir_host) host = {0};
    int rc = ir_host_get(shot->call, shot->url, &host, err);
    if (!rc)
        rc = set_basics(w, shot, err);
    if (!rc)
        rc = set_headers(w, shot, err);
    if (!rc)
        rc = set_url(w, shot, &host, err);
    if (!rc)
        rc = set_tls(w, shot, &host, err);
    if (!rc)
        rc = set_proxy(w, shot, &host, err);
    if (!rc)
        rc = set_method(w, shot, err);
    if (!rc && curl_easy_setopt(w->lane->easy, CURLOPT_HTTPHEADER, w->headers))
        rc = ir_nomem(err);
    return rc;
}
