/* hosts.c - a host's settings from the call's rules, the configuration and certs.d, and the base
 * URL by which a registry host is spoken to. */
#include "net/hosts.h"
#include "net/certs.h"
#include "net/http.h"
#include "net/memo.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PROBE_MS 2000

/* The port that a "host:port" ends with, and how long its host part is; 0: none is given. */
static int split_port(const char *text, size_t *ret_host)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(bracket ? bracket : text, ':');
    unsigned long long port = 0;
    *ret_host = strlen(text);
    if (!colon || (!bracket && strchr(text, ':') != colon) ||
        !ir_parse_u64(colon + 1, 65535, &port))
        return 0;
    *ret_host = (size_t)(colon - text);
    return (int)port;
}

bool ir_host_matches(const char *pattern, const char *host, int port)
{
    size_t len;
    int wanted = split_port(pattern, &len);
    if (wanted && wanted != port)
        return false;
    return strlen(host) == len && strncasecmp(pattern, host, len) == 0;
}

bool ir_host_is_loopback(const char *host)
{
    size_t len;
    char v4[INET_ADDRSTRLEN] = "";
    struct in_addr a;
    split_port(host, &len);
    memcpy(v4, host, len < sizeof v4 ? len : 0);
    return (len == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (inet_pton(AF_INET, v4, &a) == 1 && ntohl(a.s_addr) >> 24 == 127) ||
           (len == 5 && strncmp(host, "[::1]", 5) == 0);
}

static bool list_has_host(const ir_strv *list, const char *host, int port)
{
    for (size_t i = 0; i < list->n; i++)
        if (ir_host_matches(list->v[i], host, port))
            return true;
    return false;
}

/* A rule speaks for the host that it names and for the origin of its URL. */
static bool rule_is_for(const ir_host_rule *rule, const ir_url *url)
{
    if (rule->host && ir_host_matches(rule->host, url->host, url->port))
        return true;
    IR_AUTO(ir_url) own = {0};
    return rule->url && ir_url_parse(rule->url, &own, NULL) == 0 && ir_url_same_origin(&own, url);
}

/* "addr", "addr:port", "[v6]:port" or a bare IPv6 address -> "addr:port" as curl wants it. */
static char *address_with_port(const char *address, int dflt)
{
    size_t len;
    int port = split_port(address, &len);
    bool bare_v6 = address[0] != '[' && strchr(address, ':') != strrchr(address, ':');
    return ir_format(bare_v6 ? "[%.*s]:%d" : "%.*s:%d", (int)len, address, port ? port : dflt);
}

static int set_address(ir_host *ret, const char *address, int port, imgrel_error *err)
{
    if (!address || !address[0] || ret->address)
        return 0;
    ret->address = address_with_port(address, port);
    return ret->address ? 0 : ir_nomem(err);
}

static int use_rules(const ir_call *call, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    for (size_t i = 0; i < call->n_rules; i++) {
        const ir_host_rule *rule = &call->rules[i];
        if (!rule_is_for(rule, url))
            continue;
        ret->insecure = rule->insecure;
        if (rule->ca_file && !(ret->ca_file = ir_strdup(rule->ca_file)))
            return ir_nomem(err);
        return set_address(ret, rule->address, url->port, err);
    }
    return 0;
}

/* "host[:port]=address[:port]" entries of the configuration. */
static int use_resolve(const ir_strv *list, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < list->n && !ret->address; i++) {
        const char *equals = strchr(list->v[i], '=');
        char *pattern = equals ? ir_strndup(list->v[i], (size_t)(equals - list->v[i])) : NULL;
        if (equals && !pattern)
            return ir_nomem(err);
        if (pattern && ir_host_matches(pattern, url->host, url->port))
            rc = set_address(ret, equals + 1, url->port, err);
        free(pattern);
    }
    return rc;
}

static char *copy_unless_empty(const char *s)
{
    return s[0] ? ir_strdup(s) : NULL;
}

/* certs.d is read once a host and session. */
static int use_certs(const ir_call *call, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    char *key = ir_format("certs %s:%d", url->host, url->port);
    ir_strv known = {0};
    int rc = key ? ir_memo_get(call->session, key, &known, err) : ir_nomem(err);
    if (rc == 1 && known.n == 3) {
        ret->ca_pem = copy_unless_empty(known.v[0]);
        ret->cert = copy_unless_empty(known.v[1]);
        ret->key = copy_unless_empty(known.v[2]);
        ret->cert_is_own = ret->cert != NULL;
        rc = 0;
    } else if (rc == 0) {
        rc = ir_certs_find(&ir_call_conf(call)->certs_dirs, url, ret, err);
        if (!rc && (ir_strv_add(&known, ret->ca_pem ? ret->ca_pem : "") ||
                    ir_strv_add(&known, ret->cert ? ret->cert : "") ||
                    ir_strv_add(&known, ret->key ? ret->key : "")))
            rc = ir_nomem(err);
        if (!rc)
            rc = ir_memo_put(call->session, key, &known, IR_MEMO_FOREVER, err);
    }
    ir_strv_free(&known);
    free(key);
    return rc;
}

static int use_conf(const ir_call *call, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    const ir_conf *conf = ir_call_conf(call);
    int rc = use_resolve(&conf->resolve, url, ret, err);
    if (rc || strcmp(url->scheme, "https") != 0)
        return rc;
    if (list_has_host(&conf->insecure, url->host, url->port))
        ret->insecure = true;
    if ((rc = use_certs(call, url, ret, err)))
        return rc;
    if (ret->cert || !conf->client_cert)
        return 0;
    ret->cert = ir_strdup(conf->client_cert);
    ret->key = ir_strdup(conf->client_key);
    return ret->cert && (ret->key || !conf->client_key) ? 0 : ir_nomem(err);
}

int ir_host_get(const ir_call *call, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    *ret = (ir_host){0};
    int rc = use_rules(call, url, ret, err);
    return rc ? rc : use_conf(call, url, ret, err);
}

void ir_host_free(ir_host *h)
{
    char *const all[] = {h->ca_file, h->ca_pem, h->cert, h->key, h->address};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    *h = (ir_host){0};
}

/* ---- the base URL of a registry ------------------------------------------------------------- */

static int give(char *text, char **ret, imgrel_error *err)
{
    *ret = text;
    return text ? 0 : ir_nomem(err);
}

static int rule_url(const ir_host_rule *rule, char **ret, imgrel_error *err)
{
    IR_AUTO(ir_url) url = {0};
    int rc = ir_url_parse(rule->url, &url, err);
    if (rc)
        return rc;
    return give(ir_url_origin(&url), ret, err);
}

/* Asks "/v2/" there with nothing secret. A TLS server answers plain HTTP with an alert or a 400
 * that says so (EPROTO), or sends us on to https. Nobody listening proves nothing. */
static int probe(const ir_call *call, const char *url, bool *ret_answers, bool *ret_sure,
                 imgrel_error *err)
{
    static const ir_tls any = {.insecure = true, .beside = true};
    ir_call quick = *call;
    ir_reply reply = {0};
    int64_t end = ir_now_ms() + PROBE_MS;
    if (!call->deadline_ms || end < call->deadline_ms)
        quick.deadline_ms = end;
    quick.progress = NULL;
    ir_request req = {.url = url, .tls = &any, .flags = IR_HTTP_ONE_TRY | IR_HTTP_NO_REDIRECT};
    int rc = ir_http_do(&quick, &req, &reply, NULL);
    const char *location = ir_reply_header(&reply, "location", 0);
    bool away = ir_starts(url, "http:") && location && ir_starts(location, "https://");
    *ret_answers = rc == 0 && !away;
    *ret_sure = rc == 0 || rc == IMGREL_EPROTO;
    ir_reply_free(&reply);
    return ir_call_check(call, err);
}

/* https unless the host answers in plain HTTP; tls_first: and not in TLS, good or bad. */
static int ask_scheme(const ir_call *call, const char *host, bool tls_first, bool *ret_plain,
                      bool *ret_sure, imgrel_error *err)
{
    char *http = ir_format("http://%s/v2/", host), *https = ir_format("https://%s/v2/", host);
    bool tls = false;
    int rc = http && https ? 0 : ir_nomem(err);
    *ret_plain = *ret_sure = false;
    if (!rc && tls_first)
        rc = probe(call, https, &tls, ret_sure, err);
    if (!rc && !tls)
        rc = probe(call, http, ret_plain, ret_sure, err);
    free(http);
    free(https);
    return rc;
}

static int asked_url(const ir_call *call, const char *host, bool tls_first, char **ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_strv) known = {0};
    char *key = ir_format("plain %s%s", tls_first ? "or " : "", host);
    bool plain = false, sure = false;
    int rc = key ? ir_memo_get(call->session, key, &known, err) : ir_nomem(err);
    if (rc == 1) {
        rc = give(ir_strdup(known.v[0]), ret, err);
    } else if (rc == 0 && !(rc = ask_scheme(call, host, tls_first, &plain, &sure, err))) {
        rc = give(ir_format("%s://%s", plain ? "http" : "https", host), ret, err);
        if (!rc && sure && ir_strv_add(&known, *ret))
            rc = ir_nomem(err);
        if (!rc && sure)
            rc = ir_memo_put(call->session, key, &known, IR_MEMO_FOREVER, err);
    }
    free(key);
    return rc;
}

int ir_host_url_insecure(const ir_call *call, const char *host, char **ret, imgrel_error *err)
{
    int rc = ir_host_url(call, host, ret, err);
    if (rc || ir_starts(*ret, "http:") || ir_host_is_loopback(host) || !strcmp(host, "docker.io"))
        return rc;
    free(*ret);
    *ret = NULL;
    return asked_url(call, host, true, ret, err);
}

int ir_host_url(const ir_call *call, const char *host, char **ret, imgrel_error *err)
{
    size_t len;
    int port = split_port(host, &len);
    char *name = ir_strndup(host, len);
    *ret = NULL;
    if (!name)
        return ir_nomem(err);
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < call->n_rules; i++)
        if (call->rules[i].url && call->rules[i].host &&
            ir_host_matches(call->rules[i].host, name, port))
            rc = rule_url(&call->rules[i], ret, err);
    if (rc == 1 && list_has_host(&ir_call_conf(call)->plain_http, name, port ? port : 80))
        rc = give(ir_format("http://%s", host), ret, err);
    if (rc == 1 && strcmp(host, "docker.io") == 0)
        rc = give(ir_strdup("https://registry-1.docker.io"), ret, err);
    if (rc == 1 && ir_host_is_loopback(host))
        rc = asked_url(call, host, false, ret, err);
    if (rc == 1)
        rc = give(ir_format("https://%s", host), ret, err);
    free(name);
    return rc;
}
