/* client.c - one Harbor: its address, its login, and requests to it. Basic is sent at once (Harbor
 * gives no challenge), no cookie ever (with one, every write needs a CSRF token), and a request id
 * of ours, so that an error can be found in Harbor's log. */
#include "harbor/inside.h"

#include "base/cancel.h"
#include "base/hash.h"
#include "fmt/header.h"

#include <stdlib.h>
#include <time.h>

/* One failed login freezes a user's name for 1.5 s: then the right password is refused too. */
#define LOGIN_LOCK_MS 1700

static int check_url(const char *text, const ir_url *u, imgrel_error *err)
{
    bool api = ir_starts(u->path, "/api/v2.0") && (!u->path[9] || ir_streq(u->path + 9, "/"));

    if (u->user)
        return ir_fail(err, IMGREL_EINVAL, "Harbor's URL must not hold a login");
    if (u->query || (!api && !ir_streq(u->path, "/"))) {
        ir_fail(err, IMGREL_EINVAL, "%s: not the address of a Harbor", text);
        ir_cure(err, "end it after host and port: %s://%s", u->scheme, u->host);
        return IMGREL_EINVAL;
    }
    return 0;
}

static int check_login(const char *user, const char *password, imgrel_error *err)
{
    if (!user)
        return 0;
    if (!*user || strchr(user, ':'))
        return ir_fail(err, IMGREL_EINVAL, "a Harbor user must not be empty or hold a colon");
    if (!password || !*password)
        return ir_fail(err, IMGREL_EINVAL, "no password for Harbor user %s", user);
    return 0;
}

int ir_harbor_new(const char *url, const char *user, const char *password, ir_harbor **ret,
                  imgrel_error *err)
{
    IR_AUTO(ir_url) u = {0};
    ir_harbor *h = NULL;
    int rc = 0;

    *ret = NULL;
    if (!url || !*url)
        return ir_fail(err, IMGREL_EINVAL, "no URL of a Harbor");
    if ((rc = ir_url_parse(url, &u, err)) || (rc = check_url(url, &u, err)) ||
        (rc = check_login(user, password, err)))
        return rc;
    h = calloc(1, sizeof *h);
    if (!h)
        return ir_nomem(err);
    h->url = ir_url_origin(&u);
    h->host = h->url ? ir_strdup(strstr(h->url, "//") + 2) : NULL;
    h->user = ir_strdup(user);
    h->secret = user ? ir_strdup(password) : NULL;
    /* No user's name may hold '$'; a robot with another prefix shows at the first check. */
    h->robot = user && strchr(user, '$');
    if (!h->url || !h->host || (user && (!h->user || !h->secret))) {
        ir_harbor_free(h);
        return ir_nomem(err);
    }
    *ret = h;
    return 0;
}

void ir_harbor_free(ir_harbor *h)
{
    if (!h)
        return;
    free(h->url);
    free(h->host);
    free(h->user);
    ir_free_secret(h->secret);
    free(h->version);
    free(h);
}

const char *ir_harbor_url(const ir_harbor *h)
{
    return h->url;
}

static int request_id(char ret[56], imgrel_error *err)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[16];
    int rc = ir_random(raw, sizeof raw, err), n = 0;

    if (rc)
        return rc;
    for (const char *p = "X-Request-Id: "; *p; p++)
        ret[n++] = *p;
    for (size_t i = 0; i < sizeof raw; i++) {
        ret[n++] = hex[raw[i] >> 4];
        ret[n++] = hex[raw[i] & 15];
    }
    ret[n] = '\0';
    return 0;
}

int64_t ir_harbor_now(const ir_harbor *h)
{
    return (int64_t)time(NULL) + h->ahead_s;
}

static void note_clock(ir_harbor *h, const ir_reply *reply)
{
    const char *date = ir_reply_header(reply, "date", 0);
    int64_t s = 0;

    if (date && ir_http_date(date, &s))
        h->ahead_s = s - (int64_t)time(NULL);
}

/* Sends it once and explains what is no success. */
static int send_once(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask, const char *url,
                     const ir_buf *body, ir_reply *ret, imgrel_error *err)
{
    char id[56];
    const char *headers[] = {id, ask->by_name ? "X-Is-Resource-Name: true" : NULL, NULL};
    const ir_auth auth = {.kind = h->user ? IR_AUTH_BASIC : IR_AUTH_NONE,
                          .host = h->host,
                          .user = h->user,
                          .secret = h->secret};
    const ir_request req = {.method = ask->method,
                            .url = url,
                            .accept = "application/json",
                            .content_type = ask->body ? "application/json" : NULL,
                            .headers = headers,
                            .body = {.p = body->p, .len = body->len},
                            .body_max = IR_API_BODY_MAX,
                            .auth = &auth,
                            .what = ask->object,
                            .flags =
                                IR_HTTP_NO_REDIRECT | (ask->repeatable ? IR_HTTP_REPEATABLE : 0)};
    int rc = request_id(id, err);

    if (rc || (rc = ir_http_do(call, &req, ret, err)))
        return rc;
    note_clock(h, ret);
    if (ret->status >= 300 || ir_harbor_is_html(ret))
        return ir_harbor_explain(h, &req, ask, ret, err);
    return 0;
}

/* A refused user may only be frozen by somebody's wrong password a moment ago. */
static bool worth_waiting(const ir_harbor *h, const ir_reply *reply)
{
    return reply->status == 401 && h->user && !h->robot && !h->refused && !ir_harbor_is_html(reply);
}

int ir_harbor_send(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask, ir_reply *ret,
                   imgrel_error *err)
{
    imgrel_error first = {0};
    ir_buf url = IR_BUF(IR_URL_MAX), body = IR_BUF(IR_API_BODY_MAX);
    int rc = 0;

    ir_buf_addf(&url, "%s/api/v2.0%s", h->url, ask->path);
    if ((rc = ir_buf_check(&url, err, "URL")))
        goto out;
    if (ask->body && (rc = ir_json_dump(ask->body, IR_JSON_COMPACT, &body, err)))
        goto out;
    rc = send_once(call, h, ask, ir_buf_str(&url), &body, ret, &first);
    if (rc && worth_waiting(h, ret)) {
        ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "harbor",
                   "login refused; trying once more after Harbor's login lock", "host", h->host,
                   "user", h->user, NULL);
        if ((rc = ir_sleep(call->cancel, LOGIN_LOCK_MS, call->deadline_ms, err)))
            goto out;
        ir_error_clear(&first);
        ir_reply_free(ret);
        *ret = (ir_reply){0};
        rc = send_once(call, h, ask, ir_buf_str(&url), &body, ret, &first);
        h->refused = ret->status == 401;
    }
    if (rc && err && !err->code)
        *err = first;
out:
    ir_buf_free(&url);
    ir_buf_free(&body);
    return rc;
}

int ir_harbor_send_json(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask, ir_json **ret,
                        imgrel_error *err)
{
    ir_reply reply = {0};
    int rc = 0;

    if (ret)
        *ret = NULL;
    rc = ir_harbor_send(call, h, ask, &reply, err);
    /* Some successes have no body at all, whatever their content type says. */
    if (!rc && ret && reply.body.len)
        rc = ir_json_parse(reply.body.p, reply.body.len, h->host, ret, err);
    ir_wipe(reply.body.p, reply.body.len); /* may hold a new robot's secret */
    ir_reply_free(&reply);
    return rc;
}

int ir_harbor_send_delete(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask,
                          imgrel_error *err)
{
    imgrel_error e = {0};
    ir_reply reply = {0};
    int rc = ir_harbor_send(call, h, ask, &reply, &e);

    if (rc == IMGREL_ENOTFOUND && reply.tries > 1)
        rc = 0;
    else if (rc && err && !err->code)
        *err = e;
    ir_reply_free(&reply);
    return rc;
}

int ir_harbor_path_check(const char *path, imgrel_error *err)
{
    if (!path || *path != '/')
        return ir_fail(err, IMGREL_EINVAL, "a path of Harbor's API begins with a slash");
    for (const char *p = path; *p; p++)
        if (*p <= ' ' || *p == 127 || *p == '#')
            return ir_fail(err, IMGREL_EINVAL, "a path of Harbor's API must be percent-encoded");
    return 0;
}

int ir_harbor_request(const ir_call *call, ir_harbor *h, const char *method, const char *path,
                      const ir_json *body, ir_reply *ret, imgrel_error *err)
{
    ir_harbor_ask ask = {.method = method, .path = path, .body = body, .object = path};
    int rc = ir_harbor_path_check(path, err);

    return rc ? rc : ir_harbor_send(call, h, &ask, ret, err);
}

bool ir_harbor_by_cli_secret(const ir_call *call, ir_harbor *h)
{
    const ir_harbor_ask ask = {.path = "/systeminfo", .object = "system information"};
    ir_json *j = NULL;
    bool good = h->user && !h->robot && !ir_harbor_send_json(call, h, &ask, &j, NULL) &&
                ir_streq(ir_json_str(j, "auth_mode"), "oidc_auth") &&
                ir_json_get(j, "external_url");

    ir_json_free(j);
    return good;
}

/* GET /users/current; ret NULL for a robot, which is told by 412, and for a CLI secret. */
static int current_user(const ir_call *call, ir_harbor *h, ir_json **ret, imgrel_error *err)
{
    const ir_harbor_ask ask = {.path = "/users/current", .object = "login"};
    imgrel_error e = {0};
    int rc = ir_harbor_send_json(call, h, &ask, ret, &e);

    if (e.http_status == 412) {
        h->robot = true;
        rc = 0;
    } else if (rc && e.http_status == 401 && ir_harbor_by_cli_secret(call, h)) {
        rc = 0;
    } else if (rc) {
        if (err && !err->code)
            *err = e;
        return rc;
    }
    h->proved = true;
    return rc;
}

int ir_harbor_prove(const ir_call *call, ir_harbor *h, imgrel_error *err)
{
    ir_json *user = NULL;
    int rc = 0;

    if (h->proved || !h->user)
        return 0;
    rc = current_user(call, h, &user, err);
    ir_json_free(user);
    return rc;
}

/* "v2.15.2-080b0220" -> "2.15.2"; 2.1 and older have no robots of this kind. */
static int keep_version(ir_harbor *h, const char *text, imgrel_error *err)
{
    unsigned long long major = 0, minor = 0;
    char *end = NULL;

    free(h->version);
    h->version = NULL;
    if (!text || *text != 'v')
        return 0;
    h->version = ir_strndup(text + 1, strspn(text + 1, "0123456789."));
    if (!h->version)
        return ir_nomem(err);
    major = strtoull(h->version, &end, 10);
    minor = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
    if (major < 2 || (major == 2 && minor < 2)) {
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Harbor %s is too old", h->host, h->version);
        ir_cure(err, "2.2 is the first with robot accounts of this kind: upgrade Harbor");
        return IMGREL_EUNSUPPORTED;
    }
    return 0;
}

int ir_harbor_minor(const char *version)
{
    return version && ir_starts(version, "2.") ? (int)strtol(version + 2, NULL, 10) : -1;
}

const char *ir_harbor_version(const ir_call *call, ir_harbor *h)
{
    const ir_harbor_ask ask = {.path = "/systeminfo", .object = "system information"};
    imgrel_error ignored = {0};
    ir_json *info = NULL;

    if (h->version || h->asked_version)
        return h->version;
    h->asked_version = !ir_harbor_send_json(call, h, &ask, &info, &ignored) &&
                       !keep_version(h, ir_json_str(info, "harbor_version"), &ignored);
    ir_json_free(info);
    return h->version;
}

int ir_harbor_check(const ir_call *call, ir_harbor *h, ir_json **ret, imgrel_error *err)
{
    const ir_harbor_ask ask = {.path = "/systeminfo", .object = "system information"};
    ir_json *user = NULL, *info = NULL, *j = NULL;
    int rc = 0;

    if ((rc = current_user(call, h, &user, err)) ||
        (rc = ir_harbor_send_json(call, h, &ask, &info, err)) ||
        (rc = keep_version(h, ir_json_str(info, "harbor_version"), err)))
        goto out;
    if (!ret)
        goto out;
    j = ir_json_pack("{s:s?, s:s, s:b, s:b}", "version", h->version, "user", h->user ? h->user : "",
                     "robot", h->robot, "admin", ir_json_bool(user, "sysadmin_flag", false));
    if (!j)
        rc = ir_nomem(err);
    *ret = j;
out:
    ir_json_free(user);
    ir_json_free(info);
    return rc;
}

const char *ir_change_str(enum ir_change c)
{
    static const char *const words[] = {"unchanged", "created", "changed", "rotated"};

    return words[c];
}
