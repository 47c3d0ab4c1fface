/* wire_error.c - curl's results as a reader of a CI log needs them: the host, what happened, while
 * doing what, for which object, and what to do about it. */
#include "net/wire.h"

#include <errno.h>

static const char *const doing[] = {
    [IR_PHASE_RESOLVE] = "looking up its address", [IR_PHASE_CONNECT] = "connecting",
    [IR_PHASE_TLS] = "in the TLS handshake",       [IR_PHASE_SEND] = "sending",
    [IR_PHASE_WAIT] = "waiting for the reply",     [IR_PHASE_RECEIVE] = "receiving",
};

enum ir_phase ir_wire_phase(const ir_wire *w)
{
    CURL *e = w->lane->easy;
    curl_off_t looked_up = 0, up = 0;
    long connected = 0;
    if (w->head)
        return IR_PHASE_RECEIVE;
    if (w->connected) {
        curl_easy_getinfo(e, CURLINFO_SIZE_UPLOAD_T, &up);
        int64_t size = w->req.body.read ? w->req.body.size : (int64_t)w->req.body.len;
        return size < 0 || up < size ? IR_PHASE_SEND : IR_PHASE_WAIT;
    }
    curl_easy_getinfo(e, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
    curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connected);
    if (!looked_up)
        return IR_PHASE_RESOLVE;
    return connected > 0 && w->tls ? IR_PHASE_TLS : IR_PHASE_CONNECT;
}

static int say(ir_wire *w, int code, bool transient, const char *cause, imgrel_error *err)
{
    int rc = ir_fail(err, code, "%s: %s while %s (%s)", w->host, cause, doing[ir_wire_phase(w)],
                     w->what);
    if (err)
        err->retryable = transient;
    return rc;
}

static bool plain_http_answer(const ir_wire *w)
{
    return strstr(w->why, "wrong version number") || strstr(w->why, "unknown protocol") ||
           strstr(w->why, "http request") || strstr(w->why, "packet length too long");
}

static int fail_handshake(ir_wire *w, imgrel_error *err)
{
    if (plain_http_answer(w)) {
        int rc =
            ir_fail(err, IMGREL_EPROTO, "%s: speaks plain HTTP, not TLS (%s)", w->host, w->what);
        ir_cure(err, "if that is meant to be: --plain-http %s (key plain_http)", w->host);
        return rc;
    }
    if (strstr(w->why, "alert") || strstr(w->why, "certificate")) {
        int rc = ir_fail(err, IMGREL_ENET, "%s: TLS handshake refused: %s (%s)", w->host, w->why,
                         w->what);
        ir_cure(err, "if %s wants a client certificate, set client_cert and client_key", w->host);
        return rc;
    }
    return say(w, IMGREL_ENET, true, w->why[0] ? w->why : "TLS handshake broke off", err);
}

static int fail_certificate(ir_wire *w, imgrel_error *err)
{
    int rc = ir_fail(err, IMGREL_ENET, "%s: its certificate is not accepted: %s (%s)", w->host,
                     w->why[0] ? w->why : "unknown authority", w->what);
    if (strstr(w->why, "expired") || strstr(w->why, "not yet valid"))
        ir_cure(err, "renew the certificate of %s, or set this machine's clock", w->host);
    else if (strstr(w->why, "subject") || strstr(w->why, "mismatch"))
        ir_cure(err, "use the name that the certificate of %s is made for", w->host);
    else
        ir_cure(err,
                "give the authority that signed it: --ca-file FILE (key ca_file), or "
                "certs.d/%s/ca.crt",
                w->host);
    return rc;
}

static int fail_connect(ir_wire *w, imgrel_error *err)
{
    long number = 0;
    curl_easy_getinfo(w->lane->easy, CURLINFO_OS_ERRNO, &number);
    int rc = say(w, IMGREL_ENET, true,
                 number == ECONNREFUSED ? "connection refused"
                 : number               ? strerrordesc_np((int)number)
                                        : w->why,
                 err);
    ir_cure(err, "is the server running, the port right, and no firewall or proxy in between?");
    return rc;
}

static int fail_resolve(ir_wire *w, imgrel_error *err)
{
    int rc =
        say(w, IMGREL_ENET, true,
            w->result == CURLE_COULDNT_RESOLVE_PROXY ? "unknown proxy host" : "unknown host", err);
    ir_cure(err, "check the name, or give its address: --set resolve=%s=ADDRESS", w->host);
    return rc;
}

static int fail_proxy(ir_wire *w, long status, imgrel_error *err)
{
    int rc = ir_fail(err, status == 407 ? IMGREL_EAUTH : IMGREL_ENET,
                     "%s: the proxy answered %ld to CONNECT (%s)", w->host, status, w->what);
    if (err)
        err->retryable = status >= 500;
    if (status == 407)
        ir_cure(err, "set proxy_user and proxy_password, or the login in the proxy's URL");
    return rc;
}

/* A reply that is no HTTP: most often the alert with which a TLS server answers plain HTTP. */
static int fail_reply(ir_wire *w, imgrel_error *err)
{
    if (!w->tls && strstr(w->why, "HTTP/0.9")) {
        int rc = ir_fail(err, IMGREL_EPROTO, "%s: does not answer in HTTP; it may speak TLS (%s)",
                         w->host, w->what);
        ir_cure(err, "try https: leave out --plain-http %s (key plain_http)", w->host);
        return rc;
    }
    return say(w, IMGREL_EPROTO, false, w->why[0] ? w->why : "a reply that is not HTTP", err);
}

static int fail_file(ir_wire *w, imgrel_error *err)
{
    return ir_fail(err, IMGREL_EINVAL, "%s: certificate or key file: %s", w->host,
                   w->why[0] ? w->why : curl_easy_strerror(w->result));
}

static const char *broken(const ir_wire *w)
{
    if (w->result == CURLE_GOT_NOTHING)
        return "connection closed without a reply";
    if (w->result == CURLE_PARTIAL_FILE)
        return "connection closed before the end of the body";
    return strstr(w->why, "reset") ? "connection reset" : "connection broken";
}

/* OpenSSL servers just hang up on a plain HTTP request. */
static int fail_broken(ir_wire *w, imgrel_error *err)
{
    int rc = say(w, IMGREL_ENET, true, broken(w), err);
    if (!w->tls && !w->received)
        ir_cure(err, "if %s speaks TLS: leave out --plain-http %s (key plain_http)", w->host,
                w->host);
    return rc;
}

static int fail_by_result(ir_wire *w, imgrel_error *err)
{
    switch (w->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return fail_resolve(w, err);
    case CURLE_COULDNT_CONNECT:
        return fail_connect(w, err);
    case CURLE_OPERATION_TIMEDOUT:
        return say(w, IMGREL_ETIMEOUT, true, "timed out", err);
    case CURLE_SSL_CONNECT_ERROR:
        return fail_handshake(w, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_certificate(w, err);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return fail_file(w, err);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail_reply(w, err);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
        return fail_broken(w, err);
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        w->calm = strstr(w->why, "ENHANCE_YOUR_CALM") || strstr(w->why, "(err 11)");
        return say(w, IMGREL_ENET, true, w->why[0] ? w->why : "connection broken", err);
    case CURLE_OUT_OF_MEMORY:
        /* curl's word for a header line over its own 100 KB, too. */
        if (w->connected && !w->head)
            return ir_fail(err, IMGREL_ELIMIT, "%s: a reply header is too long (%s)", w->host,
                           w->what);
        return ir_nomem(err);
    default:
        return say(w, IMGREL_EPROTO, false, w->why[0] ? w->why : curl_easy_strerror(w->result),
                   err);
    }
}

int ir_wire_fail(ir_wire *w, imgrel_error *err)
{
    long tunnel = 0;
    if (w->result == CURLE_OK || (w->result == CURLE_WRITE_ERROR && w->enough))
        return 0;
    curl_easy_getinfo(w->lane->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (tunnel >= 300 && !w->connected)
        return fail_proxy(w, tunnel, err);
    return fail_by_result(w, err);
}

int ir_wire_fail_stall(ir_wire *w, int64_t ms, imgrel_error *err)
{
    int rc =
        ir_fail(err, IMGREL_ETIMEOUT, "%s: not a byte for %lld.%lld s while %s (%s)", w->host,
                (long long)ms / 1000, (long long)ms % 1000 / 100, doing[ir_wire_phase(w)], w->what);
    if (err)
        err->retryable = 1;
    ir_cure(err, "if the server needs longer, raise stall_timeout");
    return rc;
}

int ir_wire_fail_slow(ir_wire *w, uint64_t bytes, int64_t ms, imgrel_error *err)
{
    int rc = ir_fail(err, IMGREL_ETIMEOUT, "%s: only %llu bytes in %lld s while %s (%s)", w->host,
                     (unsigned long long)bytes, (long long)(ms + 500) / 1000,
                     doing[ir_wire_phase(w)], w->what);
    if (err)
        err->retryable = 1;
    ir_cure(err, "if the way there is that slow, lower low_speed");
    return rc;
}

int ir_wire_fail_call(ir_wire *w, int rc, imgrel_error *err)
{
    if (!err || err->code != rc)
        return rc;
    ir_error_clear(err);
    return ir_fail(err, rc, "%s: %s while %s (%s)", w->host,
                   rc == IMGREL_ECANCELED ? "cancelled" : "deadline passed",
                   doing[ir_wire_phase(w)], w->what);
}
