/* harbor_auth.c - who calls: Basic (robots first, then users, whose failed login sleeps and freezes
 * the name), docker tokens on /v2/ only; and the cookies that Harbor hands out to everybody. */
#include "mock/harbor.h"
#include "mock/tls.h"
#include "base/base64.h"
#include "base/cancel.h"

#include <stdio.h>
#include <stdlib.h>

void mk_caller_free(mk_caller *c)
{
    free(c->name);
    ir_json_free(c->access);
    *c = (mk_caller){0};
}

/* ---- secrets --------------------------------------------------------------------------------- */

/* A secret that was right is remembered by its HMAC, for the stored hash that it fitted: 4096
 * rounds for every request would be felt. */
static void proof_of(const struct mk_harbor *h, const char *secret, const char *hash, ir_buf *out)
{
    ir_buf b = IR_BUF_SECRET(IR_SECRET_MAX);
    ir_buf_addf(&b, "%s\n%s", hash, secret);
    mk_secret_sign(h->key, strlen(h->key), ir_buf_str(&b), b.len, out);
    ir_buf_free(&b);
}

void mk_secret_set(ir_json *of, const char *secret)
{
    char salt[33], hash[MK_HASH_LEN];
    mk_random_hex(salt, 16);
    mk_secret_hash(secret, salt, hash);
    ir_json_puts(of, "salt", salt);
    ir_json_puts(of, "hash", hash);
}

/* Drops the lock while it computes: stored is a copy of the caller's. */
static bool secret_fits(imgrel_mock *m, const char *login, const char *secret,
                        const ir_json *stored)
{
    struct mk_harbor *h = m->harbor;
    char hash[MK_HASH_LEN];
    const char *want = ir_json_str(stored, "hash");
    ir_buf proof = IR_BUF(IR_KIB);
    proof_of(h, secret, want, &proof);
    const char *known = ir_json_str(h->proved, login);
    bool fits = known && ir_equal_secret(known, ir_buf_str(&proof));
    if (!fits) {
        pthread_mutex_unlock(&m->lock);
        mk_secret_hash(secret, ir_json_str(stored, "salt"), hash);
        pthread_mutex_lock(&m->lock);
        fits = ir_equal_secret(hash, want);
        if (fits)
            ir_json_puts(h->proved, login, ir_buf_str(&proof));
    }
    ir_buf_free(&proof);
    return fits;
}

static const ir_json *find_robot(const struct mk_harbor *h, const char *login)
{
    const char *prefix = mk_setting(h, "robot_name_prefix", "");
    return ir_starts(login, prefix) ? ir_json_get(h->robot_names, login + strlen(prefix)) : NULL;
}

static bool robot_alive(const imgrel_mock *m, const ir_json *robot)
{
    int64_t until = ir_json_int(robot, "expires_at", -1);
    return !ir_json_bool(robot, "disable", false) && (until < 0 || until > mk_now(m));
}

static bool login_robot(imgrel_mock *m, const char *login, const char *secret, mk_caller *ret)
{
    const ir_json *robot = find_robot(m->harbor, login);
    if (!robot || !robot_alive(m, robot))
        return false;
    ir_json *stored = ir_json_copy(robot);
    bool fits = secret_fits(m, login, secret, stored);
    robot = fits ? find_robot(m->harbor, login) : NULL; /* the lock was open */
    if (robot && ir_streq(ir_json_str(robot, "hash"), ir_json_str(stored, "hash"))) {
        ret->kind = MK_ROBOT;
        ret->who = robot;
    }
    ir_json_free(stored);
    return ret->who != NULL;
}

/* Harbor's lock of a user name is by the wall, whatever the mock's clock says. */
static bool login_user(imgrel_mock *m, const char *login, const char *secret, mk_caller *ret)
{
    struct mk_harbor *h = m->harbor;
    if (ir_json_int(h->frozen, login, 0) > ir_now_ms())
        return false;
    const ir_json *user = ir_json_get(mk_part(h, "users"), login);
    ir_json *stored = ir_json_copy(user);
    bool fits = user && secret_fits(m, login, secret, stored);
    ir_json_free(stored);
    user = fits ? ir_json_get(mk_part(h, "users"), login) : NULL;
    if (user) {
        ret->kind = MK_USER;
        ret->who = user;
        ret->admin = ir_json_bool(user, "admin", false);
        return true;
    }
    ir_json_put(h->frozen, login, ir_json_new_int(ir_now_ms() + h->freeze_ms));
    pthread_mutex_unlock(&m->lock);
    (void)!ir_sleep(m->cancel, h->freeze_ms, 0, NULL);
    pthread_mutex_lock(&m->lock);
    return false;
}

static void login_basic(imgrel_mock *m, const char *encoded, mk_caller *ret)
{
    ir_buf login = IR_BUF_SECRET(IR_SECRET_MAX);
    if (ir_base64_decode(encoded, strlen(encoded), &login) && strchr(ir_buf_str(&login), ':')) {
        char *colon = strchr(login.p, ':');
        *colon = '\0';
        if (login_robot(m, login.p, colon + 1, ret) || login_user(m, login.p, colon + 1, ret))
            ret->name = ir_strdup(login.p);
    }
    ir_buf_free(&login);
}

/* With OIDC a user's secret opens the registry and what replication asks for, no more. */
static bool cli_secret_opens(const mk_request *r)
{
    static const char api[] = "/api/v2.0";
    const char *path = r->path;
    if (!ir_starts(path, api))
        return true;
    path += sizeof api - 1;
    if (ir_streq(r->method, "POST"))
        return ir_streq(path, "/projects");
    if (ir_streq(r->method, "DELETE"))
        return strstr(path, "/artifacts/") && strstr(path, "/tags/");
    return ir_streq(r->method, "GET") &&
           (ir_streq(path, "/projects") || ir_streq(path, "/systeminfo") ||
            ir_streq(path, "/labels") ||
            (ir_starts(path, "/projects/") &&
             (ir_ends(path, "/repositories") || ir_ends(path, "/artifacts"))));
}

static bool is_shut(const imgrel_mock *m, const mk_request *r, const mk_caller *who)
{
    return who->kind == MK_USER && ir_json_int(who->who, "user_id", 0) != 1 &&
           ir_streq(mk_setting(m->harbor, "auth_mode", "db_auth"), "oidc_auth") &&
           !cli_secret_opens(r);
}

void mk_auth(imgrel_mock *m, const mk_request *r, bool tokens, mk_caller *ret)
{
    const char *a = mk_header(r, "Authorization");
    *ret = (mk_caller){.tried = a && *a};
    if (a && !strncasecmp(a, "Basic ", 6))
        login_basic(m, a + 6, ret);
    else if (a && tokens && !strncasecmp(a, "Bearer ", 7))
        (void)mk_token_read(m, a + 7, ret);
    if (is_shut(m, r, ret)) {
        free(ret->name);
        *ret = (mk_caller){.tried = true};
    }
    if (!ret->name)
        ret->name = ir_strdup("");
}

/* ---- cookies --------------------------------------------------------------------------------- */

static void add_request_id(const mk_request *r, mk_reply *p)
{
    const char *given = mk_header(r, "X-Request-Id");
    char hex[33];
    if (given && *given) {
        mk_reply_header(p, "X-Request-Id", "%s", given);
        return;
    }
    mk_random_hex(hex, 16);
    mk_reply_header(p, "X-Request-Id", "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                    hex + 16, hex + 20);
}

static bool is_safe(const char *method)
{
    return ir_streq(method, "GET") || ir_streq(method, "HEAD") || ir_streq(method, "OPTIONS");
}

static void csrf_token(const imgrel_mock *m, const char *cookie, ir_buf *out)
{
    mk_secret_sign(m->harbor->key, strlen(m->harbor->key), cookie, strlen(cookie), out);
}

static void offer_csrf(const imgrel_mock *m, const mk_request *r, mk_reply *p)
{
    char fresh[33];
    ir_buf token = IR_BUF(IR_KIB);
    const char *cookie = mk_cookie(r, "_gorilla_csrf");
    mk_random_hex(fresh, 16);
    csrf_token(m, cookie ? cookie : fresh, &token);
    mk_reply_header(p, "X-Harbor-Csrf-Token", "%s", ir_buf_str(&token));
    mk_reply_header(p, "Set-Cookie", "_gorilla_csrf=%s; Path=/; HttpOnly; SameSite=Lax",
                    cookie ? cookie : fresh);
    ir_buf_free(&token);
}

/* The words changed when 2.11 took another version of its library. */
static bool csrf_fits(const imgrel_mock *m, const mk_request *r, mk_reply *p)
{
    const char *cookie = mk_cookie(r, "_gorilla_csrf"),
               *given = mk_header(r, "X-Harbor-CSRF-Token");
    ir_buf token = IR_BUF(IR_KIB);
    if (cookie)
        csrf_token(m, cookie, &token);
    bool fits = cookie && given && ir_equal_secret(given, ir_buf_str(&token));
    ir_buf_free(&token);
    if (!fits)
        mk_error(p, 403, "FORBIDDEN", "%s",
                 (given && *given) || m->harbor->minor < 11 ? "CSRF token invalid"
                                                            : "CSRF token not found in request");
    return fits;
}

bool mk_auth_cookies(imgrel_mock *m, const mk_request *r, mk_reply *p, bool check)
{
    char sid[33];
    add_request_id(r, p);
    if (!mk_cookie(r, "sid")) {
        mk_random_hex(sid, 16);
        mk_reply_header(p, "Set-Cookie", "sid=%s; Path=/; HttpOnly%s", sid,
                        ir_starts(m->url, "https:") ? "; Secure" : "");
        return true;
    }
    if (!check)
        return true;
    if (!is_safe(r->method))
        return csrf_fits(m, r, p);
    offer_csrf(m, r, p);
    return true;
}
