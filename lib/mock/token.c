/* token.c - /service/token as Harbor answers it, and its tokens: in the shape of a JWT with
 * Harbor's claims, signed with a key of this process (HS256), for half an hour by the mock's clock.
 */
#include "mock/harbor.h"
#include "mock/tls.h"
#include "base/base64.h"

#include <stdlib.h>

#define TOKEN_MINUTES 30

static int64_t token_seconds(const imgrel_mock *m)
{
    return mk_setting_int(m->harbor, "token_expiration", TOKEN_MINUTES) * 60;
}

static const char header_json[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

char *mk_token_make(imgrel_mock *m, const mk_caller *who, ir_json *access)
{
    char id[33];
    long long now = mk_now(m);
    ir_buf text = IR_BUF_SECRET(IR_TOKEN_MAX), claims = IR_BUF(IR_TOKEN_MAX);
    mk_random_hex(id, 16);
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:o}", "iss", "harbor-token-issuer",
                     "sub", who->name, "aud", "harbor-registry", "exp", now + token_seconds(m),
                     "nbf", now, "iat", now, "jti", id, "access", access);
    if (ir_json_dump(j, IR_JSON_COMPACT, &claims, NULL))
        text.bad = IMGREL_ENOMEM;
    ir_json_free(j);
    ir_base64url_add(&text, header_json, sizeof header_json - 1);
    ir_buf_addc(&text, '.');
    ir_base64url_add(&text, ir_buf_str(&claims), claims.len);
    size_t signed_len = text.len;
    ir_buf_addc(&text, '.');
    mk_secret_sign(m->harbor->key, strlen(m->harbor->key), ir_buf_str(&text), signed_len, &text);
    ir_buf_free(&claims);
    return ir_buf_take(&text);
}

/* base64url without padding into the alphabet that the reader takes. */
static bool decode_url(const char *s, size_t len, ir_buf *out)
{
    ir_buf b = IR_BUF(IR_TOKEN_MAX);
    for (size_t i = 0; i < len; i++)
        ir_buf_addc(&b, s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]);
    bool ok = !b.bad && ir_base64_decode(ir_buf_str(&b), b.len, out);
    ir_buf_free(&b);
    return ok;
}

static bool signature_fits(const imgrel_mock *m, const char *token, const char *dot)
{
    ir_buf want = IR_BUF(IR_KIB);
    mk_secret_sign(m->harbor->key, strlen(m->harbor->key), token, (size_t)(dot - token), &want);
    bool fits = !want.bad && ir_equal_secret(dot + 1, ir_buf_str(&want));
    ir_buf_free(&want);
    return fits;
}

bool mk_token_read(imgrel_mock *m, const char *token, mk_caller *ret)
{
    const char *first = strchr(token, '.'), *last = strrchr(token, '.');
    ir_buf claims = IR_BUF(IR_TOKEN_MAX);
    ir_json *j = NULL;
    if (!first || first == last || !signature_fits(m, token, last))
        return false;
    bool ok = decode_url(first + 1, (size_t)(last - first - 1), &claims) &&
              !ir_json_parse(ir_buf_str(&claims), claims.len, "token", &j, NULL) &&
              ir_json_int(j, "exp", 0) > mk_now(m);
    if (ok) {
        ret->kind = MK_TOKEN;
        ret->name = ir_strdup(ir_json_str(j, "sub"));
        ret->issued_at = ir_json_int(j, "iat", 0);
        ret->access = ir_json_ref(ir_json_get(j, "access"));
    }
    ir_json_free(j);
    ir_buf_free(&claims);
    return ok;
}

/* ---- the service ----------------------------------------------------------------------------- */

/* All that the caller may do, whatever was asked; "*" besides if that is everything. */
static ir_json *granted(imgrel_mock *m, const mk_caller *who, const char *repository)
{
    static const char *const known[] = {"delete", "pull", "push"};
    ir_json *actions = ir_json_new_array();
    char *name = ir_strndup(repository, strcspn(repository, "/"));
    const ir_json *project = name ? mk_project_find(m->harbor, name) : NULL;
    for (size_t i = 0; project && i < 3; i++)
        if (mk_can(m, who, project, "repository", known[i]))
            ir_json_append(actions, ir_json_new_string(known[i]));
    if (ir_json_len(actions) == 3)
        ir_json_append(actions, ir_json_new_string("*"));
    free(name);
    return actions;
}

static ir_json *catalog_granted(imgrel_mock *m, const mk_caller *who)
{
    ir_json *actions = ir_json_new_array();
    if (who->admin || mk_can(m, who, NULL, "catalog", "read"))
        ir_json_append(actions, ir_json_new_string("*"));
    return actions;
}

/* "repository:a/b:pull,push"; a name without a project is refused. */
static bool add_scope(imgrel_mock *m, const mk_caller *who, const char *scope, ir_json *access)
{
    const char *name = strchr(scope, ':'), *end = strrchr(scope, ':');
    if (!name || end == name)
        return true;
    char *type = ir_strndup(scope, (size_t)(name - scope));
    char *what = ir_strndup(name + 1, (size_t)(end - name - 1));
    bool repository = ir_streq(type, "repository"), ok = type && what;
    if (ok && repository && !strchr(what, '/'))
        ok = false;
    else if (ok)
        ir_json_append(access,
                       ir_json_pack("{s:s, s:s, s:o}", "type", type, "name", what, "actions",
                                    repository ? granted(m, who, what) : catalog_granted(m, who)));
    free(type);
    free(what);
    return ok;
}

static bool add_scopes(const mk_request *r, const mk_caller *who, ir_json *access, size_t *ret_n)
{
    bool ok = true;
    char *name = NULL, *value = NULL;
    *ret_n = 0;
    for (size_t i = 0; mk_query_at(r, i, &name, &value); i++) {
        ir_strv scopes = {0};
        if (ir_streq(name, "scope") && value && !ir_strv_split(&scopes, value, ' '))
            for (size_t k = 0; k < scopes.n; k++, ++*ret_n)
                ok = add_scope(r->mock, who, scopes.v[k], access) && ok;
        ir_strv_free(&scopes);
        free(name);
        free(value);
    }
    return ok;
}

static void answer_token(mk_request *r, mk_reply *p, const mk_caller *who)
{
    char at[40];
    size_t n_scopes;
    ir_json *access = ir_json_new_array();
    if (!add_scopes(r, who, access, &n_scopes)) {
        ir_json_free(access);
        mk_reply_text(p, 500, "text/plain; charset=utf-8", "Internal Server Error\n");
        return;
    }
    if (!n_scopes && who->kind == MK_ANONYMOUS) {
        ir_json_free(access);
        p->status = 401;
        return;
    }
    char *token = mk_token_make(r->mock, who, access);
    mk_time(r->mock, at);
    at[19] = 'Z';
    at[20] = '\0';
    mk_reply_json(p, 200,
                  ir_json_pack("{s:s, s:s, s:I, s:s}", "token", token ? token : "", "access_token",
                               "", "expires_in", (long long)token_seconds(r->mock), "issued_at",
                               at));
    ir_free_secret(token);
}

static void handle(mk_request *r, mk_reply *p)
{
    mk_caller who = {0};
    char *service = mk_query(r, "service");
    pthread_mutex_lock(&r->mock->lock);
    (void)mk_auth_cookies(r->mock, r, p, false);
    if (!ir_streq(r->method, "GET"))
        mk_reply_text(p, 405, "text/plain; charset=utf-8", "Method Not Allowed\n");
    else if (!ir_streq(service, "harbor-registry")) {
        mk_reply_text(p, 400, "text/plain; charset=utf-8", "");
        ir_buf_addf(&p->body, "Unable to handle service: %s\n", service ? service : "");
    } else {
        mk_auth(r->mock, r, false, &who);
        answer_token(r, p, &who);
    }
    mk_caller_free(&who);
    pthread_mutex_unlock(&r->mock->lock);
    free(service);
}

const mk_api mk_token_api = {.prefix = "/service/token", .handle = handle};
