/* auth.c - answers a registry's challenge. What the session keeps of it is how the origin wants to
 * be spoken to ("basic", or "bearer" with realm and service), never a secret. */
#include "net/auth.h"
#include "net/creds.h"
#include "net/memo.h"
#include "net/token.h"
#include "base/base64.h"
#include "base/limits.h"
#include "fmt/challenge.h"

#include <stdlib.h>

static int put_basic(const char *user, const char *secret, ir_buf *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) pair = IR_BUF_SECRET(IR_SECRET_MAX);
    if (strchr(user, ':')) /* RFC 7617 section 2 */
        return ir_fail(err, IMGREL_EINVAL, "a user name can't hold a colon");
    ir_buf_addf(&pair, "%s:%s", user, secret ? secret : "");
    int rc = ir_buf_check(&pair, err, "login");
    if (rc)
        return rc;
    ir_buf_adds(ret, "Basic ");
    ir_base64_add(ret, pair.p, pair.len);
    return ir_buf_check(ret, err, "login");
}

static int put_bearer(const char *token, ir_buf *ret, imgrel_error *err)
{
    ir_buf_addf(ret, "Bearer %s", token);
    return ir_buf_check(ret, err, "token");
}

/* ---- what is known of an origin ------------------------------------------------------------- */

static char *origin_key(const ir_url *home)
{
    char *origin = ir_url_origin(home);
    char *key = origin ? ir_format("challenge %s", origin) : NULL;
    free(origin);
    return key;
}

static int recall(const ir_call *call, const ir_url *home, ir_strv *ret, imgrel_error *err)
{
    char *key = origin_key(home);
    int rc = key ? ir_memo_get(call->session, key, ret, err) : ir_nomem(err);
    free(key);
    return rc;
}

static int remember(const ir_call *call, const ir_url *home, const char *scheme, const char *realm,
                    const char *service, imgrel_error *err)
{
    IR_AUTO(ir_strv) v = {0};
    char *key = origin_key(home);
    int rc = key && !ir_strv_add(&v, scheme) && !ir_strv_add(&v, realm ? realm : "") &&
                     !ir_strv_add(&v, service ? service : "")
                 ? ir_memo_put(call->session, key, &v, IR_MEMO_FOREVER, err)
                 : ir_nomem(err);
    free(key);
    return rc;
}

/* ---- logins and scopes ---------------------------------------------------------------------- */

/* The repository that the login is for is the first that a scope names. */
static char *repository_of(const ir_auth *auth)
{
    for (size_t i = 0; i < auth->n_scopes; i++) {
        const char *s = auth->scopes[i], *end = strrchr(s, ':');
        if (ir_starts(s, "repository:") && end > s + 11)
            return ir_strndup(s + 11, (size_t)(end - s - 11));
    }
    return NULL;
}

static int find_login(const ir_call *call, const ir_auth *auth, const ir_url *home, ir_creds *ret,
                      imgrel_error *err)
{
    char *repository = repository_of(auth);
    int rc = ir_creds_find(call, auth->host ? auth->host : home->host, repository, ret, err);
    free(repository);
    return rc;
}

char *ir_auth_user(const ir_call *call, const ir_request *req, const ir_url *home)
{
    IR_AUTO(ir_creds) creds = {0};
    bool named = req->auth && req->auth->kind == IR_AUTH_REGISTRY &&
                 !find_login(call, req->auth, home, &creds, NULL);
    if (named && creds.user && creds.user[0])
        return ir_strdup(creds.user);
    return named && (creds.identity_token || creds.registry_token) ? ir_strdup("a token") : NULL;
}

static int add_scope(ir_strv *list, const char *scope)
{
    return ir_strv_has(list, scope) ? 0 : ir_strv_add(list, scope);
}

/* Those of the whole job; the challenge's own as well where there are none, or where a token with
 * ours was just refused. */
static int collect_scopes(const ir_auth *auth, const char *challenged, ir_strv *ret)
{
    IR_AUTO(ir_strv) more = {0};
    int rc = 0;
    for (size_t i = 0; !rc && i < auth->n_scopes; i++)
        rc = add_scope(ret, auth->scopes[i]);
    if (!rc && challenged)
        rc = ir_strv_split(&more, challenged, ' ');
    for (size_t i = 0; !rc && i < more.n; i++)
        rc = add_scope(ret, more.v[i]);
    return rc;
}

static int get_token(const ir_call *call, const ir_auth *auth, const ir_url *home,
                     const ir_token_ask *base, const char *challenged, ir_buf *ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_strv) scopes = {0};
    ir_token_ask ask = *base;
    if (collect_scopes(auth, challenged, &scopes))
        return ir_nomem(err);
    ask.registry = home;
    ask.scopes = &scopes;
    return ir_token_get(call, &ask, ret, err);
}

/* ---- at once -------------------------------------------------------------------------------- */

static int begin_registry(const ir_call *call, const ir_request *req, const ir_url *home,
                          ir_buf *ret, imgrel_error *err)
{
    const ir_auth *auth = req->auth;
    IR_AUTO(ir_strv) known = {0};
    IR_AUTO(ir_creds) creds = {0};
    int rc = recall(call, home, &known, err);
    if (rc <= 0)
        return rc;
    if ((rc = find_login(call, auth, home, &creds, err)))
        return rc;
    if (!strcmp(known.v[0], "basic"))
        return creds.user ? put_basic(creds.user, creds.secret, ret, err) : 0;
    if (creds.registry_token)
        return put_bearer(creds.registry_token, ret, err);
    if (!auth->n_scopes)
        return 0;
    ir_token_ask ask = {.realm = known.v[1],
                        .service = known.v[2][0] ? known.v[2] : NULL,
                        .creds = &creds,
                        .tls = req->tls,
                        .brief = req->flags & IR_HTTP_BRIEF};
    return get_token(call, auth, home, &ask, NULL, ret, err);
}

int ir_auth_begin(const ir_call *call, const ir_request *req, const ir_url *home, ir_buf *ret,
                  imgrel_error *err)
{
    const ir_auth *auth = req->auth;
    switch (auth->kind) {
    case IR_AUTH_BASIC:
        return auth->user ? put_basic(auth->user, auth->secret, ret, err) : 0;
    case IR_AUTH_BEARER:
        return auth->secret ? put_bearer(auth->secret, ret, err) : 0;
    case IR_AUTH_REGISTRY:
        return begin_registry(call, req, home, ret, err);
    case IR_AUTH_NONE:
        break;
    }
    return 0;
}

/* ---- after a 401 ---------------------------------------------------------------------------- */

static int read_challenges(const ir_reply *reply, ir_challenges *ret)
{
    const char *text;
    int rc = 0;
    for (size_t i = 0;
         rc != IMGREL_ENOMEM && (text = ir_reply_header(reply, "www-authenticate", i)); i++)
        rc = ir_challenge_parse(text, ret, NULL); /* what came before an error still counts */
    return rc == IMGREL_ENOMEM ? rc : 0;
}

static int answer_bearer(const ir_call *call, const ir_request *req, const ir_url *home,
                         const ir_challenge *c, const ir_creds *creds, ir_buf *header,
                         imgrel_error *err)
{
    const char *realm = ir_challenge_param(c, "realm"), *scope = ir_challenge_param(c, "scope");
    IR_AUTO(ir_buf) next = IR_BUF_SECRET(IR_TOKEN_MAX + 64);
    const ir_auth *auth = req->auth;
    bool refused = header->len > 0;
    ir_token_ask ask = {.realm = realm,
                        .service = ir_challenge_param(c, "service"),
                        .creds = creds,
                        .refused = refused ? header->p : NULL,
                        .tls = req->tls,
                        .brief = req->flags & IR_HTTP_BRIEF};
    int rc = remember(call, home, "bearer", realm, ask.service, err);
    if (!rc)
        rc = creds->registry_token
                 ? put_bearer(creds->registry_token, &next, err)
                 : get_token(call, auth, home, &ask, refused || !auth->n_scopes ? scope : NULL,
                             &next, err);
    if (rc)
        return rc;
    bool better = !ir_streq(next.p, header->p);
    ir_buf_clear(header);
    ir_buf_add(header, next.p, next.len);
    rc = ir_buf_check(header, err, "token");
    return rc ? rc : better;
}

static int answer_basic(const ir_call *call, const ir_url *home, const ir_creds *creds,
                        ir_buf *header, imgrel_error *err)
{
    IR_AUTO(ir_buf) next = IR_BUF_SECRET(IR_TOKEN_MAX + 64);
    int rc = remember(call, home, "basic", NULL, NULL, err);
    if (rc || !creds->user)
        return rc;
    if ((rc = put_basic(creds->user, creds->secret, &next, err)))
        return rc;
    if (header->len && ir_streq(next.p, header->p))
        return 0;
    ir_buf_clear(header);
    ir_buf_add(header, next.p, next.len);
    rc = ir_buf_check(header, err, "login");
    return rc ? rc : 1;
}

int ir_auth_answer(const ir_call *call, const ir_request *req, const ir_url *home,
                   const ir_reply *reply, ir_buf *header, imgrel_error *err)
{
    IR_AUTO(ir_creds) creds = {0};
    ir_challenges all = {0};
    if (req->auth->kind != IR_AUTH_REGISTRY)
        return 0;
    int rc = read_challenges(reply, &all) ? ir_nomem(err) : 0;
    const ir_challenge *bearer = ir_challenge_find(&all, "bearer");
    if (!rc && all.n)
        rc = find_login(call, req->auth, home, &creds, err);
    if (!rc && bearer && ir_challenge_param(bearer, "realm"))
        rc = answer_bearer(call, req, home, bearer, &creds, header, err);
    else if (!rc && ir_challenge_find(&all, "basic"))
        rc = answer_basic(call, home, &creds, header, err);
    ir_challenges_free(&all);
    return rc;
}
