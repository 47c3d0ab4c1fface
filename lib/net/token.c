/* token.c - the distribution token protocol. Many workers that want the same token ask once. */
#include "net/token.h"
#include "net/http_impl.h"
#include "net/memo.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fmt/json.h"

#include <stdlib.h>

#define LIFE_DEFAULT_S 60
#define LIFE_MAX_S (24 * 3600)
#define MARGIN_MAX_MS 10000

/* ---- what it is kept under ------------------------------------------------------------------ */

/* A login by name and by a digest of its secret, so that a new password is a new login. */
static int put_identity(const ir_creds *c, ir_buf *key, imgrel_error *err)
{
    const char *secret = c->identity_token ? c->identity_token : c->secret;
    char digest[IR_DIGEST_MAX] = "";
    int rc = secret ? ir_hash_bytes(secret, strlen(secret), digest, err) : 0;
    ir_buf_addf(key, "%s %s", c->user ? c->user : "", digest);
    return rc;
}

static int make_key(const ir_token_ask *ask, ir_buf *key, imgrel_error *err)
{
    ir_buf_addf(key, "token %s %s ", ask->realm, ask->service ? ask->service : "");
    int rc = put_identity(ask->creds, key, err);
    for (size_t i = 0; i < ask->scopes->n; i++)
        ir_buf_addf(key, " %s", ask->scopes->v[i]);
    return rc ? rc : ir_buf_check(key, err, "token scopes");
}

/* ---- the request ---------------------------------------------------------------------------- */

static void put_get_url(const ir_token_ask *ask, ir_buf *url)
{
    ir_buf_adds(url, ask->realm);
    if (ask->service)
        ir_url_add_query(url, "service", ask->service);
    for (size_t i = 0; i < ask->scopes->n; i++)
        ir_url_add_query(url, "scope", ask->scopes->v[i]);
}

static void put_field(ir_buf *form, const char *name, const char *value)
{
    ir_buf_addf(form, "%s%s=", form->len ? "&" : "", name);
    ir_url_encode(form, value);
}

static void put_form(const ir_token_ask *ask, ir_buf *form)
{
    put_field(form, "grant_type", "refresh_token");
    put_field(form, "client_id", "imgrel");
    if (ask->service)
        put_field(form, "service", ask->service);
    if (ask->scopes->n)
        put_field(form, "scope", ask->scopes->v[0]);
    for (size_t i = 1; i < ask->scopes->n; i++) {
        ir_buf_adds(form, "%20");
        ir_url_encode(form, ask->scopes->v[i]);
    }
    put_field(form, "refresh_token", ask->creds->identity_token);
}

static ir_request base_request(const ir_token_ask *ask, const ir_grant *g)
{
    return (ir_request){.accept = "application/json",
                        .body_max = IR_TOKEN_MAX,
                        .tls = g->client_cert ? ask->tls : NULL,
                        .flags = IR_HTTP_TOKEN | (g->client_cert ? 0 : IR_HTTP_NO_CERT) |
                                 (ask->brief ? IR_HTTP_BRIEF : 0)};
}

static int post_refresh(const ir_call *call, const ir_token_ask *ask, const ir_grant *g,
                        ir_reply *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) form = IR_BUF_SECRET(IR_TOKEN_MAX * 4);
    ir_request req = base_request(ask, g);
    put_form(ask, &form);
    ir_reply_init(&req, ret);
    int rc = ir_buf_check(&form, err, "token request");
    if (rc)
        return rc;
    req.method = "POST";
    req.url = ask->realm;
    req.content_type = "application/x-www-form-urlencoded";
    req.body = (ir_body){.p = form.p, .len = form.len};
    req.flags |= IR_HTTP_REPEATABLE;
    return ir_http_do(call, &req, ret, err);
}

static int get_token(const ir_call *call, const ir_token_ask *ask, const ir_grant *g, ir_reply *ret,
                     imgrel_error *err)
{
    const ir_creds *c = ask->creds;
    IR_AUTO(ir_buf) url = IR_BUF(IR_URL_MAX);
    ir_request req = base_request(ask, g);
    const char *secret = c->secret ? c->secret : c->identity_token;
    /* A refresh token without a name goes by docker's convention. */
    ir_auth login = {.kind = IR_AUTH_BASIC,
                     .secret = secret,
                     .user = c->user && c->user[0] ? c->user
                             : secret              ? "<token>"
                                                   : NULL};
    put_get_url(ask, &url);
    ir_reply_init(&req, ret);
    int rc = ir_buf_check(&url, err, "token request");
    if (rc)
        return rc;
    req.url = url.p;
    if (g->credentials && secret)
        req.auth = &login;
    return ir_http_do(call, &req, ret, err);
}

static int request(const ir_call *call, const ir_token_ask *ask, const ir_url *realm, ir_reply *ret,
                   imgrel_error *err)
{
    ir_grant g;
    int rc = ir_origin_grant(ask->registry, realm, IR_STEP_REALM, &g, err);
    if (rc)
        return rc;
    if (!g.credentials && (ask->creds->secret || ask->creds->identity_token))
        ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "auth",
                   "the login is not sent to a realm elsewhere without TLS", "host",
                   ask->registry->host, "realm", ask->realm, NULL);
    if (!g.credentials || !ask->creds->identity_token)
        return get_token(call, ask, &g, ret, err);
    rc = post_refresh(call, ask, &g, ret, err);
    if (rc || (ret->status != 404 && ret->status != 405))
        return rc;
    ir_reply_free(ret);
    return get_token(call, ask, &g, ret, err);
}

/* ---- the answer ----------------------------------------------------------------------------- */

static bool is_token(const char *s)
{
    if (!s || !s[0])
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

/* Harbor gives "token" and an empty access_token, others one of the two. */
static int read_answer(const ir_token_ask *ask, const ir_reply *reply, ir_strv *ret,
                       int64_t *ret_life_ms, imgrel_error *err)
{
    ir_json *j = NULL;
    int rc = ir_json_parse(reply->body.p, reply->body.len, "token", &j, err);
    if (rc)
        return ir_error_prefix(err, "%s", ask->registry->host);
    const char *token = ir_json_str(j, "token");
    if (!is_token(token))
        token = ir_json_str(j, "access_token");
    int64_t life = ir_json_int(j, "expires_in", LIFE_DEFAULT_S);
    if (life <= 0 || life > LIFE_MAX_S)
        life = life <= 0 ? LIFE_DEFAULT_S : LIFE_MAX_S;
    int64_t margin = life * 1000 / 4;
    *ret_life_ms = life * 1000 - (margin < MARGIN_MAX_MS ? margin : MARGIN_MAX_MS);
    if (!is_token(token))
        rc = ir_fail(err, IMGREL_EAUTH, "%s: the answer of %s holds no token", ask->registry->host,
                     ask->realm);
    else if (ir_strv_add(ret, token))
        rc = ir_nomem(err);
    ir_json_free(j);
    return rc;
}

static int refused(const ir_token_ask *ask, const ir_url *realm, const ir_reply *reply,
                   imgrel_error *err)
{
    const ir_creds *c = ask->creds;
    bool denied = reply->status == 401 || reply->status == 403;
    int rc = denied && (c->secret || c->identity_token)
                 ? ir_fail(err, IMGREL_EAUTH, "%s: the login of %s (%s) is refused by %s (HTTP %d)",
                           ask->registry->host, c->user && c->user[0] ? c->user : "a token",
                           c->source ? c->source : "unknown", realm->host, reply->status)
                 : ir_fail(err, IMGREL_EAUTH, "%s: no token from %s (HTTP %d)", ask->registry->host,
                           realm->host, reply->status);
    if (err) {
        err->http_status = reply->status;
        err->retryable = reply->status == 429 || reply->status >= 500;
    }
    if (denied && ir_streq(c->source, IR_CREDS_GIVEN))
        ir_cure(err, "check the user name and the password");
    else if (denied)
        ir_cure(err, "log in again: imgrel login %s", ask->registry->host);
    return rc;
}

static int fetch(const ir_call *call, const ir_token_ask *ask, ir_strv *ret, int64_t *ret_life_ms,
                 imgrel_error *err)
{
    IR_AUTO(ir_url) realm = {0};
    IR_AUTO(ir_reply) reply = {0};
    int rc = ir_url_parse(ask->realm, &realm, err);
    if (rc)
        return ir_error_prefix(err, "%s: its realm", ask->registry->host);
    ir_log_say(ir_call_log(call), IMGREL_LOG_DEBUG, "auth", "asking for a token", "host",
               ask->registry->host, "realm", ask->realm, "user",
               ask->creds->user ? ask->creds->user : "", "source",
               ask->creds->source ? ask->creds->source : "", "scope",
               ask->scopes->n ? ask->scopes->v[0] : "", NULL);
    if ((rc = request(call, ask, &realm, &reply, err)))
        return rc;
    if (reply.status != 200)
        return refused(ask, &realm, &reply, err);
    return read_answer(ask, &reply, ret, ret_life_ms, err);
}

/* 1: a kept one that is not the refused one. */
static int recall(const ir_call *call, const ir_token_ask *ask, const char *key, ir_strv *ret,
                  imgrel_error *err)
{
    int rc = ir_memo_get(call->session, key, ret, err);
    if (rc != 1 || !ask->refused || !ir_starts(ask->refused, "Bearer ") ||
        strcmp(ret->v[0], ask->refused + 7) != 0)
        return rc;
    ir_secrets_free(ret);
    return 0;
}

static int get_kept_or_new(const ir_call *call, const ir_token_ask *ask, const char *key,
                           ir_strv *ret, imgrel_error *err)
{
    int64_t life_ms = 0;
    int rc = recall(call, ask, key, ret, err);
    if (rc)
        return rc < 0 ? rc : 0;
    if ((rc = ir_flight_enter(call, key, err)))
        return rc;
    rc = recall(call, ask, key, ret, err);
    if (rc == 0 && !(rc = fetch(call, ask, ret, &life_ms, err)))
        rc = ir_memo_put(call->session, key, ret, life_ms, err);
    ir_flight_leave(call, key);
    return rc < 0 ? rc : 0;
}

int ir_token_get(const ir_call *call, const ir_token_ask *ask, ir_buf *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) key = IR_BUF(IR_URL_MAX);
    ir_strv token = {0};
    int rc = make_key(ask, &key, err);
    if (!rc)
        rc = get_kept_or_new(call, ask, key.p, &token, err);
    if (!rc) {
        ir_buf_addf(ret, "Bearer %s", token.v[0]);
        rc = ir_buf_check(ret, err, "token");
    }
    ir_secrets_free(&token);
    return rc;
}
