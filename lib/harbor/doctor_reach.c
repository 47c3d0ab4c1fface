/* doctor_reach.c - whether Harbor is there, by that scheme, at that time, and where it sends those
 * who want a token. */
#include "harbor/doctor.h"

#include "fmt/challenge.h"

#include <stdlib.h>

#define SKEW_MAX_S 60 /* a token's issue and expiry are checked against the clock */

/* ---- reached ---- */

/* Whether Harbor answers by the other scheme, asked without a login. */
static bool answers_otherwise(const ir_doctor *d)
{
    bool tls = ir_starts(d->h->url, "https:");
    char *url = ir_format("%s%s", tls ? "http" : "https", d->h->url + (tls ? 5 : 4));
    ir_harbor other = {.url = url, .host = d->h->host};
    const ir_harbor_ask ask = {.path = "/health", .object = "health"};
    imgrel_error e = {0};
    int rc = url ? ir_harbor_send_json(d->call, &other, &ask, NULL, &e) : IMGREL_ENOMEM;

    free(url);
    /* A certificate that is not trusted is an answer too. */
    return !rc || (!tls && strstr(e.message, "certificate"));
}

static int unreached(ir_doctor *d, const imgrel_error *why, imgrel_error *err)
{
    bool tls = ir_starts(d->h->url, "https:");

    if (why->code != IMGREL_ECANCELED && why->code != IMGREL_ETIMEOUT && answers_otherwise(d))
        return ir_doctor_say(d, "reach", "fail", why->code,
                             tls ? "use the address with http:// and name the host in plain_http"
                                 : "use the address with https://",
                             err, "%s does not answer by %s, but by %s", d->h->host,
                             tls ? "https" : "http", tls ? "http" : "https");
    return ir_doctor_fail(d, "reach", why, err);
}

int ir_doctor_reach(ir_doctor *d, bool *ret_there, imgrel_error *err)
{
    /* Without a login: nothing is said to who may be somebody else. */
    ir_harbor nobody = {.url = d->h->url, .host = d->h->host};
    const ir_harbor_ask ask = {.path = "/health", .object = "health"};
    imgrel_error e = {0};
    int rc = ir_harbor_send_json(d->call, &nobody, &ask, NULL, &e);

    *ret_there = !rc;
    d->h->ahead_s = nobody.ahead_s;
    if (rc)
        return unreached(d, &e, err);
    return ir_doctor_say(d, "reach", "ok", 0, NULL, err, "%s answers", d->h->url);
}

int ir_doctor_clock(ir_doctor *d, imgrel_error *err)
{
    int64_t s = d->h->ahead_s;

    if (s > SKEW_MAX_S || s < -SKEW_MAX_S)
        return ir_doctor_say(d, "clock", "fail", IMGREL_EFAILED,
                             "set both by NTP: tokens and certificates are checked by the time",
                             err, "Harbor's clock is %lld seconds %s this machine's",
                             (long long)(s < 0 ? -s : s), s < 0 ? "behind" : "ahead of");
    return ir_doctor_say(d, "clock", "ok", 0, NULL, err, "Harbor's clock is this machine's");
}

/* ---- where tokens come from ---- */

/* The realm of GET /v2/, the caller's; NULL: it says none. */
static int read_realm(ir_doctor *d, char **ret, imgrel_error *err)
{
    char *url = ir_format("%s/v2/", d->h->url);
    const ir_request req = {
        .method = "GET", .url = url, .what = "registry", .flags = IR_HTTP_NO_REDIRECT};
    ir_challenges all = {0};
    ir_reply reply = {0};
    const char *value = NULL;
    const ir_challenge *bearer = NULL;
    int rc = url ? ir_http_do(d->call, &req, &reply, err) : ir_nomem(err);

    *ret = NULL;
    for (size_t i = 0; !rc && (value = ir_reply_header(&reply, "www-authenticate", i)); i++)
        if (ir_challenge_parse(value, &all, NULL))
            break;
    bearer = ir_challenge_find(&all, "bearer");
    if (bearer && ir_challenge_param(bearer, "realm"))
        *ret = ir_strdup(ir_challenge_param(bearer, "realm"));
    ir_challenges_free(&all);
    ir_reply_free(&reply);
    free(url);
    return rc;
}

static int judge_realm(ir_doctor *d, const char *realm, imgrel_error *err)
{
    const char *external = ir_json_str(d->info, "external_url");
    IR_AUTO(ir_url) want = {0}, have = {0}, own = {0};

    if (ir_url_parse(d->h->url, &want, NULL) || ir_url_parse(realm, &have, NULL))
        return ir_doctor_say(d, "realm", "fail", IMGREL_EPROTO, NULL, err,
                             "the token realm is no URL: %.200s", realm);
    if (!ir_streq(want.scheme, have.scheme))
        return ir_doctor_say(d, "realm", "fail", IMGREL_EPROTO,
                             "external_url in harbor.yml decides the realm's scheme: set it to the "
                             "address that clients use",
                             err, "tokens come from %.200s, but Harbor is reached by %s%s%.200s",
                             realm, want.scheme, external ? "; its external URL is " : "",
                             external ? external : "");
    if (!ir_streq(want.host, have.host) || want.port != have.port)
        return ir_doctor_say(d, "realm", "fail", IMGREL_EPROTO,
                             "a proxy before Harbor must pass the Host header on; no login is sent "
                             "to another host",
                             err, "tokens come from %.200s, not from %s", realm, d->h->host);
    if (external && !ir_url_parse(external, &own, NULL) && !ir_streq(want.host, own.host))
        return ir_doctor_say(d, "realm", "warn", 0, NULL, err,
                             "tokens come from %.200s; Harbor's own address is %.200s", realm,
                             external);
    return ir_doctor_say(d, "realm", "ok", 0, NULL, err, "tokens come from %.200s", realm);
}

int ir_doctor_realm(ir_doctor *d, imgrel_error *err)
{
    imgrel_error e = {0};
    char *realm = NULL;
    int rc = read_realm(d, &realm, &e);

    if (rc)
        rc = ir_doctor_fail(d, "realm", &e, err);
    else if (!realm)
        rc = ir_doctor_say(d, "realm", "fail", IMGREL_EPROTO,
                           "/v2/ must reach Harbor's core as well: look at the proxy before it",
                           err, "GET /v2/ names no place for tokens: no registry is there");
    else
        rc = judge_realm(d, realm, err);
    free(realm);
    return rc;
}
