/* doctor_reach.c - whether a registry answers where a node asks for it: the name, the scheme, the
 * certificate, and the place that tokens come from. */
#include "node/doctor.h"

#include "base/fd.h"
#include "base/limits.h"
#include "fmt/challenge.h"
#include "net/http.h"

#include <stdlib.h>

static int ask(const ir_node_doctor *d, const char *url, const char *ca, bool insecure,
               ir_reply *ret, imgrel_error *err)
{
    const ir_tls tls = {.ca_pem = ca, .insecure = insecure, .beside = ca != NULL};
    char *whole = ir_format("%s/v2/", url);
    const ir_request req = {.url = whole,
                            .what = "registry",
                            .tls = &tls, /* the node's trust, not ours */
                            .flags = IR_HTTP_NO_REDIRECT | IR_HTTP_BRIEF};
    int rc = whole ? ir_http_do(d->call, &req, ret, err) : ir_nomem(err);
    free(whole);
    return rc;
}

/* The other scheme, where it is the one that answers; malloc'ed, NULL: neither. */
static char *other_scheme(const ir_node_doctor *d, const char *url)
{
    bool tls = !ir_node_plain(url);
    char *other = ir_format("%s://%s", tls ? "http" : "https", strstr(url, "://") + 3);
    ir_reply reply = {0};
    imgrel_error why = {0};
    int rc = other ? ask(d, other, NULL, false, &reply, &why) : IMGREL_ENOMEM;
    /* 400: "The plain HTTP request was sent to HTTPS port" */
    bool answers = !rc ? reply.status != 400 : !tls && strstr(why.message, "certificate");
    ir_reply_free(&reply);
    if (answers)
        return other;
    free(other);
    return NULL;
}

static int say_unknown(ir_node_doctor *d, const char *url, imgrel_error *err)
{
    char *cure =
        ir_format("name it in DNS, or write it into the node's hosts file: imgrel node hosts "
                  "--host %s --url %s --address IP",
                  d->node->host, url);
    int rc = ir_node_say(d, "name", "fail", cure, err, "%s: the node does not know this name", url);
    free(cure);
    return rc;
}

static int say_unreached(ir_node_doctor *d, const char *url, const imgrel_error *why,
                         imgrel_error *err)
{
    if (why->code == IMGREL_ECANCELED || why->code == IMGREL_ENOMEM ||
        ir_check_time(d->call->cancel, d->call->deadline_ms, NULL)) {
        if (err && !err->code)
            *err = *why;
        return why->code;
    }
    if (strstr(why->message, "unknown host"))
        return say_unknown(d, url, err);
    if (strstr(why->message, "certificate") && !strstr(why->message, "client certificate")) {
        char *cure = ir_format("give the node the authority that signed it: imgrel node hosts "
                               "--host %s --url %s --ca FILE",
                               d->node->host, url);
        int rc = ir_node_say(d, "certificate", "fail",
                             strstr(why->message, "authority") || strstr(why->message, "issuer") ||
                                     strstr(why->message, "self")
                                 ? cure
                                 : why->cure,
                             err, "%s", why->message);
        free(cure);
        return rc;
    }
    char *other = other_scheme(d, url);
    int rc = other ? ir_node_say_trust(d, "scheme", other, err,
                                       "%s does not answer, %s does: the node asks by the wrong "
                                       "scheme",
                                       url, other)
                   : ir_node_say(d, "reach", "fail", why->cure, err, "%s", why->message);
    free(other);
    return rc;
}

/* Tokens come from the address that Harbor has for itself, which the node must know too. */
static int look_realm(ir_node_doctor *d, const char *url, const ir_reply *reply, imgrel_error *err)
{
    ir_challenges all = {0};
    IR_AUTO(ir_url) own = {0}, realm = {0};
    ir_reply answer = {0};
    imgrel_error why = {0};
    const char *value = NULL, *text = NULL;
    int rc = 0;
    for (size_t i = 0; (value = ir_reply_header(reply, "www-authenticate", i)); i++)
        if (ir_challenge_parse(value, &all, NULL))
            break;
    const ir_challenge *bearer = ir_challenge_find(&all, "bearer");
    text = bearer ? ir_challenge_param(bearer, "realm") : NULL;
    if (text && !ir_url_parse(text, &realm, NULL) && !ir_url_parse(url, &own, NULL) &&
        strcmp(realm.host, own.host) != 0) {
        char *origin = ir_url_origin(&realm);
        rc = origin ? ask(d, origin, d->node->ca, d->node->insecure, &answer, &why) : ir_nomem(err);
        if (origin && rc)
            rc = ir_node_say(d, "realm", "fail",
                             "the node must reach that address too: set the registry's external "
                             "address, or name it in DNS or the node's hosts file",
                             err, "tokens of %s come from %s: %s", url, origin, why.message);
        else if (origin)
            rc = ir_node_say(d, "realm", "warn", NULL, err, "tokens of %s come from %s", url,
                             origin);
        free(origin);
    }
    ir_reply_free(&answer);
    ir_challenges_free(&all);
    return rc;
}

int ir_node_look_reach(ir_node_doctor *d, const char *url, const char *ca, bool insecure,
                       imgrel_error *err)
{
    ir_reply reply = {0};
    imgrel_error why = {0};
    int rc = ask(d, url, ca, insecure, &reply, &why);
    if (rc)
        rc = say_unreached(d, url, &why, err);
    else if (reply.status == 200 || reply.status == 401 || reply.status == 403)
        rc = ir_node_say(d, "reach", "ok", NULL, err, "%s answers as a registry does", url);
    else if (reply.status == 400 && ir_node_plain(url))
        rc = ir_node_say_trust(d, "scheme", NULL, err, "%s: its server wants TLS", url);
    else
        rc = ir_node_say(d, "reach", "fail",
                         "the address must be the registry's own: look at the proxy before it", err,
                         "%s/v2/ answers %d, which no registry does", url, reply.status);
    if (!rc && reply.status == 401)
        rc = look_realm(d, url, &reply, err);
    ir_reply_free(&reply);
    return rc;
}

static int read_ca(const char *dir, const ir_hosts_entry *e, ir_buf *pem)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < e->ca.n; i++) {
        char *path = ir_path_join(dir, e->ca.v[i]);
        rc = path ? ir_file_read(path, pem, NULL) : IMGREL_ENOMEM;
        ir_buf_addc(pem, '\n');
        free(path);
    }
    return rc ? rc : pem->bad;
}

int ir_node_look_entry(ir_node_doctor *d, const char *dir, const ir_hosts_entry *e,
                       imgrel_error *err)
{
    IR_AUTO(ir_buf) pem = IR_BUF(IR_MIB);
    if (read_ca(dir, e, &pem))
        return 0; /* told already */
    return ir_node_look_reach(d, e->url, pem.len ? ir_buf_str(&pem) : NULL, e->skip_verify, err);
}
