/* http.c - one request from its first try to its final reply. Three loops, inside out: a shot is
 * one exchange on the wire; a try follows redirects and answers challenges; a request is tried
 * again while that may help. Its own origin (home) is the only one that ever sees credentials, and
 * only until a redirect has left it. */
#include "net/auth.h"
#include "net/http_impl.h"
#include "net/pace.h"
#include "net/retry.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fmt/header.h"

#include <stdlib.h>
#include <time.h>

#define ANSWERS_MAX 2

typedef struct trip {
    const ir_call *call;
    const ir_request *req;
    ir_reply *reply;
    ir_wire **stream; /* where an open stream goes; NULL: none is wanted */
    ir_url home, at;
    const char *method;
    ir_buf auth;    /* the Authorization header's value */
    bool no_body;   /* a 303 has dropped it */
    bool strayed;   /* a redirect has left home */
    bool gave_sink; /* the sink has bytes: there is no other try */
    bool connected; /* of the last shot */
    int64_t given;  /* bytes of the source that are gone */
    unsigned hops, answers, tries;
    int64_t waited_ms;
} trip;

void ir_reply_init(const ir_request *req, ir_reply *ret)
{
    size_t max = req->body_max ? req->body_max : IR_ERROR_BODY_MAX;
    *ret = (ir_reply){.headers = IR_BUF(IR_HEADERS_MAX), .body = IR_BUF(max)};
    ret->body.secret = req->flags & IR_HTTP_TOKEN;
}

static void reply_reset(trip *t)
{
    ir_buf_clear(&t->reply->headers);
    ir_buf_clear(&t->reply->body);
    t->reply->status = 0;
}

/* ---- a shot --------------------------------------------------------------------------------- */

static bool body_is_gone(const trip *t)
{
    return t->given && !t->req->body.rewind && !t->no_body;
}

static int rewind_body(trip *t, imgrel_error *err)
{
    if (!t->given || t->no_body)
        return 0;
    t->given = 0;
    return t->req->body.rewind(t->req->body.user, err);
}

static int grant(trip *t, ir_grant *ret, imgrel_error *err)
{
    enum ir_step step = t->req->flags & IR_HTTP_TOKEN ? IR_STEP_REALM_REDIRECT : IR_STEP_REDIRECT;
    int rc = ir_origin_grant(&t->home, &t->at, step, ret, err);
    if (t->strayed)
        *ret = (ir_grant){false};
    if (t->req->flags & IR_HTTP_NO_CERT)
        ret->client_cert = false;
    return rc;
}

static int drive(trip *t, ir_wire *w, imgrel_error *err)
{
    if (!t->stream)
        return ir_wire_finish(w, err);
    int rc = ir_wire_head(w, err);
    if (rc || w->status < 200 || w->status > 299)
        return rc ? rc : ir_wire_finish(w, err);
    *t->stream = w;
    return 0;
}

static int shoot(trip *t, imgrel_error *err)
{
    ir_shot shot = {.call = t->call,
                    .req = t->req,
                    .method = t->method,
                    .url = &t->at,
                    .authorization = t->auth.len ? t->auth.p : NULL,
                    .no_body = t->no_body,
                    .stream = t->stream != NULL,
                    .n_try = t->tries};
    ir_wire *w = NULL;
    int rc = grant(t, &shot.grant, err);
    reply_reset(t);
    if (rc || (rc = ir_pace_wait(t->call, &t->at, err)) ||
        (rc = ir_wire_open(&shot, t->reply, &w, err)))
        return rc;
    rc = drive(t, w, err);
    t->reply->status = w->status;
    t->given = t->no_body ? t->given : w->given;
    t->gave_sink |= w->gave_sink;
    t->connected = w->connected;
    if (w->calm)
        ir_pace_calm(t->call, &t->at);
    else if (w->head)
        ir_pace_learn(t->call, &t->at, t->reply);
    ir_wire_log(w);
    if (!t->stream || *t->stream != w)
        ir_wire_close(w);
    return rc;
}

/* ---- a try ---------------------------------------------------------------------------------- */

static bool is_redirect(const trip *t)
{
    int s = t->reply->status;
    return !(t->req->flags & IR_HTTP_NO_REDIRECT) && ir_reply_header(t->reply, "location", 0) &&
           (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

static char *url_text(const ir_url *u)
{
    char *origin = ir_url_origin(u);
    char *text = origin ? ir_format("%s%s%s%s", origin, u->path, u->query ? "?" : "",
                                    u->query ? u->query : "")
                        : NULL;
    free(origin);
    return text;
}

static int follow(trip *t, imgrel_error *err)
{
    char *base = url_text(&t->at), *next = NULL;
    ir_url to = {0};
    int rc = base ? 0 : ir_nomem(err);
    if (!rc && t->hops++ >= IR_REDIRECTS_MAX)
        rc = ir_fail(err, IMGREL_ELIMIT, "%s: more than %d redirects", t->home.host,
                     IR_REDIRECTS_MAX);
    if (!rc)
        rc = ir_url_join(base, ir_reply_header(t->reply, "location", 0), &next, err);
    if (!rc)
        rc = ir_url_parse(next, &to, err);
    if (!rc && t->reply->status == 303 && strcmp(t->method, "HEAD") != 0) {
        t->method = "GET";
        t->no_body = true;
    }
    if (!rc && body_is_gone(t))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: redirects an upload that can't be sent twice",
                     t->home.host);
    if (!rc) {
        t->strayed |= !ir_url_same_origin(&t->home, &to);
        ir_url_free(&t->at);
        t->at = to;
        to = (ir_url){0};
    }
    ir_url_free(&to);
    free(base);
    free(next);
    return rc;
}

/* Whether a 401 was answered with something better. Another origin's is never looked at. */
static int answer(trip *t, imgrel_error *err)
{
    if (t->reply->status != 401 || t->strayed || t->answers >= ANSWERS_MAX || !t->req->auth ||
        body_is_gone(t))
        return 0;
    t->answers++;
    return ir_auth_answer(t->call, t->req, &t->home, t->reply, &t->auth, err);
}

/* A TLS port that was spoken to in plain HTTP says so in words. */
static int check_port(trip *t, imgrel_error *err)
{
    const char *body = ir_buf_str(&t->reply->body);
    if (t->reply->status != 400 || strcmp(t->at.scheme, "http") != 0 ||
        !(strstr(body, "HTTPS server") || strstr(body, "HTTPS port")))
        return 0;
    int rc =
        ir_fail(err, IMGREL_EPROTO, "%s:%d: speaks TLS, not plain HTTP", t->at.host, t->at.port);
    ir_cure(err, "use https: leave out --plain-http %s (key plain_http)", t->at.host);
    return rc;
}

/* A proxy that stands before a plain HTTP host answers in its place. */
static int check_proxy(trip *t, imgrel_error *err)
{
    if (t->reply->status != 407)
        return check_port(t, err);
    int rc = ir_fail(err, IMGREL_EAUTH, "%s: the proxy wants another login than it got (HTTP 407)",
                     t->at.host);
    if (err)
        err->http_status = 407;
    ir_cure(err, "set proxy_user and proxy_password, or the login in the proxy's URL");
    return rc;
}

static int restart(trip *t, imgrel_error *err)
{
    IR_AUTO(ir_url) home = {0};
    int rc = ir_url_parse(t->req->url, &home, err);
    if (rc)
        return rc;
    ir_url_free(&t->at);
    t->at = home;
    home = (ir_url){0};
    t->method = t->req->method ? t->req->method : "GET";
    t->no_body = t->strayed = false;
    t->hops = t->answers = 0;
    ir_buf_clear(&t->auth);
    return t->req->auth ? ir_auth_begin(t->call, t->req, &t->home, &t->auth, err) : 0;
}

static int try_once(trip *t, imgrel_error *err)
{
    int rc = restart(t, err);
    while (!rc) {
        if ((rc = rewind_body(t, err)) || (rc = shoot(t, err)))
            break;
        rc = answer(t, err);
        if (rc == 0 && !is_redirect(t))
            return check_proxy(t, err);
        rc = rc < 0 ? rc : rc > 0 ? 0 : follow(t, err);
    }
    return rc;
}

/* ---- a request ------------------------------------------------------------------------------ */

static bool is_safe(const char *method)
{
    static const char *const safe[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (!strcmp(method, safe[i]))
            return true;
    return false;
}

/* A request that never left may go again whatever it is. */
static bool repeatable(const trip *t, int rc)
{
    bool harmless = is_safe(t->req->method ? t->req->method : "GET") ||
                    (t->req->flags & IR_HTTP_REPEATABLE) || (rc < 0 && !t->connected);
    return harmless && !t->gave_sink && !body_is_gone(t);
}

static int64_t server_wish(const ir_reply *reply)
{
    int64_t ms = -1, s;
    unsigned long long seconds;
    const char *after = ir_reply_header(reply, "retry-after", 0);
    const char *reset = ir_reply_header(reply, "ratelimit-reset", 0);
    if (reply->status != 429 && reply->status != 503 && !after)
        return -1;
    s = (int64_t)time(NULL);
    if (after && ir_retry_after(after, s, &ms))
        return ms;
    if (reset && ir_parse_u64(reset, 7 * 24 * 3600, &seconds))
        return (int64_t)seconds * 1000;
    return -1;
}

static int64_t next_wait(trip *t, int rc, const imgrel_error *e)
{
    uint32_t random = 0;
    if (t->req->flags & (IR_HTTP_ONE_TRY | IR_HTTP_BRIEF) ||
        ir_random(&random, sizeof random, NULL))
        return -1;
    bool answered = rc == 0;
    int64_t left = t->call->deadline_ms ? t->call->deadline_ms - ir_now_ms() : -1;
    ir_try facts = {.n = t->tries,
                    .status = answered ? t->reply->status : 0,
                    .transient = rc < 0 && e->retryable,
                    .unknown_host = rc < 0 && strstr(e->message, ": unknown host"),
                    .away = rc < 0 && !t->connected,
                    .repeatable = repeatable(t, rc),
                    .wish_ms = answered ? server_wish(t->reply) : -1,
                    .waited_ms = t->waited_ms,
                    .left_ms = t->call->deadline_ms && left < 0 ? 0 : left,
                    .random = random};
    return ir_retry_wait(ir_call_conf(t->call), &facts);
}

static int announce(trip *t, int rc, int64_t wait, const imgrel_error *e, imgrel_error *err)
{
    char why[sizeof e->message];
    char ms[24];
    if (rc < 0)
        snprintf(why, sizeof why, "%s", e->message);
    else
        snprintf(why, sizeof why, "%s: HTTP %d", t->at.host, t->reply->status);
    snprintf(ms, sizeof ms, "%lld", (long long)wait);
    ir_log_say(ir_call_log(t->call), IMGREL_LOG_INFO, "http", "trying again", "url", t->req->url,
               "why", why, "in_ms", ms, NULL);
    return ir_progress(t->call, IMGREL_EVENT_RETRY, t->req->what ? t->req->what : t->home.host, why,
                       0, 0, t->tries + 1, err);
}

/* ret_again: there will be another try, its wait is over. */
static int wait_for_next(trip *t, int rc, const imgrel_error *e, bool *ret_again, imgrel_error *err)
{
    int64_t wait = next_wait(t, rc, e);
    *ret_again = false;
    if (wait < 0)
        return 0;
    int stop = announce(t, rc, wait, e, err);
    if (!stop)
        stop = ir_sleep(t->call->cancel, wait, t->call->deadline_ms, err);
    t->waited_ms += wait;
    *ret_again = !stop;
    return stop;
}

static void log_warnings(const trip *t)
{
    const char *text;
    for (size_t i = 0; i < 8 && (text = ir_reply_header(t->reply, "warning", i)); i++)
        if (ir_starts(text, "299"))
            ir_log_say(ir_call_log(t->call), IMGREL_LOG_WARN, "http", "the server warns", "host",
                       t->at.host, "warning", text, NULL);
}

static void tell_tries(const trip *t, imgrel_error *e)
{
    size_t len = strlen(e->message);
    if (t->tries > 1 && !strstr(e->message, "; tried "))
        snprintf(e->message + len, sizeof e->message - len, "; tried %u times", t->tries);
}

/* All tries; e is the last one's failure. */
static int run(trip *t, imgrel_error *e)
{
    for (;;) {
        bool again;
        imgrel_error stop = {0};
        ir_error_clear(e);
        t->tries++;
        t->connected = false;
        int rc = try_once(t, e);
        int ended = wait_for_next(t, rc, e, &again, &stop);
        if (ended) {
            *e = stop;
            return ended;
        }
        if (again)
            continue;
        if (rc < 0)
            tell_tries(t, e);
        return rc;
    }
}

int ir_http_run(const ir_call *call, const ir_request *req, ir_reply *ret, ir_wire **ret_wire,
                imgrel_error *err)
{
    trip t = {.call = call,
              .req = req,
              .reply = ret,
              .stream = ret_wire,
              .auth = IR_BUF_SECRET(IR_TOKEN_MAX + 64)};
    imgrel_error e = {0};
    ir_reply_init(req, ret);
    if (ret_wire)
        *ret_wire = NULL;
    int rc = ir_url_parse(req->url, &t.home, &e);
    if (!rc)
        rc = run(&t, &e);
    ret->tries = t.tries;
    if (!rc) {
        log_warnings(&t);
        ret->url = url_text(&t.at);
        if (!ret->url)
            rc = ir_nomem(&e);
        if (ret->status == 401 || ret->status == 403)
            ret->user = ir_auth_user(call, req, &t.home);
    }
    if (rc && ret_wire) {
        ir_wire_close(*ret_wire);
        *ret_wire = NULL;
    }
    ir_buf_free(&t.auth);
    ir_url_free(&t.home);
    ir_url_free(&t.at);
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

int ir_http_do(const ir_call *call, const ir_request *req, ir_reply *ret, imgrel_error *err)
{
    return ir_http_run(call, req, ret, NULL, err);
}
